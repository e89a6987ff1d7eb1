"""Correcting what SOKOUL worked out by itself: who uses whom, and which folder is which. Counts at once.

What is set of healing is in `options_healing.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .database_flow import DATABASE_MENU, DatabaseOptions
from .governor_flow import GOVERNOR_MENU, GovernorOptions
from .model.paths import PathMap, same_style
from .model.topology import Correction, Edge, OpenQuestion, Stranger
from .model.world import World
from .options_healing import HEALING_MENU, HealingOptions
from .options_links import LINKS_MENU, LinkOptions
from .options_watchlist import WATCHLIST_MENU, WatchlistOptions
from .path_proof import is_folder
from .report import links_text, paths_text
from .restart_flow import RESTART_MENU, RestartOptions
from .rotation_flow import ROTATION_MENU, RotationOptions
from .search_flow import SEARCH_MENU, SearchOptions
from .vpn_flow import VPN_MENU, VpnOptions

AUTOMATIC = "automatic"
NONE = "none"


@dataclass(frozen=True, slots=True)
class _Link:
    """An entry of one backend for another one."""

    source: str
    id: int
    name: str
    targets: Mapping[str, str]  # the titles of the backends that it may lead to, by their ids

    def is_meant_by(self, correction: Correction) -> bool:
        return (correction.source, correction.link_id) == (self.source, self.id)


class SokoulOptionsFlow(
    VpnOptions,
    RotationOptions,
    GovernorOptions,
    RestartOptions,
    HealingOptions,
    LinkOptions,
    SearchOptions,
    WatchlistOptions,
    DatabaseOptions,
):
    """Live settings: they are kept in the hub's memory, so that nothing has to be reloaded."""

    def __init__(self) -> None:
        self._link = ""

    @property
    def _world(self) -> World:
        return self._hub.view.world(dt_util.utcnow())

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to look at."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                "links",
                "paths",
                *VPN_MENU,
                *ROTATION_MENU,
                *GOVERNOR_MENU,
                *RESTART_MENU,
                *HEALING_MENU,
                *LINKS_MENU,
                *SEARCH_MENU,
                *WATCHLIST_MENU,
                *DATABASE_MENU,
            ],
        )

    # --- who uses whom -----------------------------------------------------------------------------------------------

    def _links(self) -> dict[str, _Link]:
        """Return what can be corrected: the entries that lead, or may lead, from one backend to another."""
        world = self._world
        topology = world.topology
        entries: tuple[Edge | OpenQuestion | Stranger, ...] = (
            *topology.edges,
            *topology.open_questions,
            *topology.strangers,
        )
        links: dict[str, _Link] = {}
        for entry in entries:
            kind = _kind_of_target(entry, world)
            targets = {
                backend.id: backend.title
                for backend in world.backends.values()
                if backend.kind == kind and backend.id != entry.source
            }
            if targets:
                name = self._words.text("list.pair", name=world.title(entry.source), text=entry.link_name)
                links[f"{entry.source}/{entry.link_id}"] = _Link(entry.source, entry.link_id, name, targets)
        return links

    async def async_step_links(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is known, and ask which link to correct."""
        links = self._links()
        if not links:
            return self.async_abort(reason="nothing_to_link")
        if user_input is not None:
            self._link = user_input["link"]
            return await self.async_step_link()
        return self.async_show_form(
            step_id="links",
            data_schema=vol.Schema({vol.Required("link"): _select({key: link.name for key, link in links.items()})}),
            description_placeholders={"known": links_text(self._hub, dt_util.utcnow(), self._words)},
            last_step=False,
        )

    async def async_step_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where one link leads to."""
        view = self._hub.view
        if (link := self._links().get(self._link)) is None:  # it, or what it led to, was removed meanwhile
            return self.async_abort(reason="nothing_to_link")
        if user_input is not None:
            match user_input["target"]:
                case "automatic":
                    said: tuple[Correction, ...] = ()
                case "none":
                    said = tuple(Correction(link.source, link.id, each, serves=False) for each in link.targets)
                case target:
                    said = (Correction(link.source, link.id, target, serves=True),)
            view.correct((*(each for each in view.corrections if not link.is_meant_by(each)), *said))
            return self._saved()
        options = {
            AUTOMATIC: self._words.text("link.automatic"),
            **link.targets,
            NONE: self._words.text("link.none"),
        }
        before = _said([each for each in view.corrections if link.is_meant_by(each)], link)
        return self.async_show_form(
            step_id="link",
            data_schema=vol.Schema({vol.Required("target", default=before): _select(options)}),
            description_placeholders={"link": link.name},
            last_step=True,
        )

    # --- which folder is which ---------------------------------------------------------------------------------------

    async def async_step_paths(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is known of the folders, and take a correction."""
        hub = self._hub
        errors: dict[str, str] = {}
        backends = {
            each: backend.title for each, backend in hub.backends.items() if backend.connector.files is not None
        }
        if not backends:
            return self.async_abort(reason="no_files")
        if user_input is not None:
            theirs, ours = _tidy(user_input["theirs"]), _tidy(user_input.get("ours", ""))
            if user_input["backend"] not in backends:
                errors["backend"] = "backend_removed"
            if not same_style(theirs, theirs):
                errors["theirs"] = "not_absolute"
            if ours and not ours.startswith("/"):
                errors["ours"] = "not_absolute"
            elif ours and not await self.hass.async_add_executor_job(is_folder, ours):
                errors["ours"] = "not_a_folder"
            if not errors:
                backend = hub.backends[user_input["backend"]]
                hub.paths.correct(backend.subentry_id, theirs, PathMap(theirs, ours) if ours else None)
                await hub.paths.prove(backend)
                return self._saved()
        schema = vol.Schema(
            {
                vol.Required("backend"): _select(backends),
                vol.Required("theirs"): TextSelector(),
                vol.Optional("ours"): TextSelector(),
            }
        )
        return self.async_show_form(
            step_id="paths",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"known": paths_text(hub, self._words)},
            last_step=True,
        )


def _kind_of_target(entry: Edge | OpenQuestion | Stranger, world: World) -> str | None:
    if isinstance(entry, Stranger):
        return entry.implementation.casefold()
    known = entry.target if isinstance(entry, Edge) else entry.candidates[0]
    return world.backends[known].kind if known in world.backends else None


def _said(corrections: list[Correction], link: _Link) -> str:
    """Return what the person chose for a link before."""
    serving = next((each.target for each in corrections if each.serves and each.target in link.targets), None)
    if serving is not None:
        return serving
    denied = {each.target for each in corrections if not each.serves}
    return NONE if link.targets.keys() <= denied else AUTOMATIC


def _tidy(path: str) -> str:
    """Take the spaces and the slash at the end away: `/data/` and `/data` are one folder."""
    path = path.strip()
    return path.rstrip("/") or path[:1]


def _select(labels: dict[str, str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=value, label=label) for value, label in labels.items()],
            mode=SelectSelectorMode.DROPDOWN,
        )
    )
