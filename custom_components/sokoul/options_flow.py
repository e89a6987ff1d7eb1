"""Correcting what SOKOUL worked out by itself: who uses whom, and which folder is which. Counts at once."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import wording
from .hub import Hub
from .model.paths import PathMap
from .model.topology import Correction, Edge, OpenQuestion, Stranger
from .path_proof import is_folder
from .report import links_text, paths_text

AUTOMATIC = "automatic"
NONE = "none"


class SokoulOptionsFlow(OptionsFlow):
    """Live settings: they are kept in the hub's memory, so that nothing has to be reloaded."""

    def __init__(self) -> None:
        self._link: tuple[str, int] = ("", 0)

    @property
    def _hub(self) -> Hub:
        hub: Hub = self.config_entry.runtime_data
        return hub

    @property
    def _words(self) -> wording.Wording:
        return wording.get(self.hass.config.language)

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to look at."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        return self.async_show_menu(step_id="init", menu_options=["links", "paths"])

    # --- who uses whom -----------------------------------------------------------------------------------------------

    def _links(self) -> dict[str, str]:
        """Return the entries that lead from one backend to another, by `source/link id`, with their names."""
        world = self._hub.view.world(dt_util.utcnow())
        topology = world.topology
        entries: tuple[Edge | OpenQuestion | Stranger, ...] = (
            *topology.edges,
            *topology.open_questions,
            *topology.strangers,
        )
        return {f"{each.source}/{each.link_id}": f"{world.title(each.source)}: {each.link_name}" for each in entries}

    async def async_step_links(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is known, and ask which link to correct."""
        links = self._links()
        if not links:
            return self.async_abort(reason="nothing_to_link")
        if user_input is not None:
            source, _, link_id = user_input["link"].rpartition("/")
            self._link = (source, int(link_id))
            return await self.async_step_link()
        return self.async_show_form(
            step_id="links",
            data_schema=vol.Schema({vol.Required("link"): _select(links)}),
            description_placeholders={"known": links_text(self._hub, dt_util.utcnow(), self._words)},
            last_step=False,
        )

    async def async_step_link(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where one link leads to."""
        source, link_id = self._link
        hub = self._hub
        others = {each: backend.title for each, backend in hub.backends.items() if each != source}
        others_said = tuple(each for each in hub.view.corrections if (each.source, each.link_id) != self._link)
        if user_input is not None:
            match user_input["target"]:
                case "automatic":
                    said: tuple[Correction, ...] = ()
                case "none":
                    said = tuple(Correction(source, link_id, target, serves=False) for target in others)
                case target:
                    said = (Correction(source, link_id, target, serves=True),)
            hub.view.correct(others_said + said)
            return self.async_abort(reason="saved")
        edge = hub.view.world(dt_util.utcnow()).topology.edge(source, link_id)
        return self.async_show_form(
            step_id="link",
            data_schema=vol.Schema(
                {
                    vol.Required("target", default=edge.target if edge else AUTOMATIC): SelectSelector(
                        SelectSelectorConfig(
                            options=[
                                SelectOptionDict(value=AUTOMATIC, label=self._words.text("link.automatic")),
                                *(SelectOptionDict(value=each, label=title) for each, title in others.items()),
                                SelectOptionDict(value=NONE, label=self._words.text("link.none")),
                            ]
                        )
                    )
                }
            ),
            description_placeholders={"link": self._links().get(f"{source}/{link_id}", "")},
        )

    # --- which folder is which ---------------------------------------------------------------------------------------

    async def async_step_paths(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is known of the folders, and take a correction."""
        hub = self._hub
        errors: dict[str, str] = {}
        backends = {each: backend.title for each, backend in hub.backends.items() if backend.connector.has_files}
        if not backends:
            return self.async_abort(reason="nothing_to_link")
        if user_input is not None:
            theirs, ours = user_input["theirs"].strip(), user_input.get("ours", "").strip()
            if not _absolute(theirs):
                errors["theirs"] = "not_absolute"
            if ours and not await self.hass.async_add_executor_job(is_folder, ours):
                errors["ours"] = "not_a_folder"
            if not errors:
                hub.paths.correct(user_input["backend"], theirs, PathMap(theirs, ours) if ours else None)
                await hub.paths.prove(hub.backends[user_input["backend"]])
                return self.async_abort(reason="saved")
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
        )


def _absolute(path: str) -> bool:
    return path.startswith(("/", "\\\\")) or path[1:3] in {":\\", ":/"}


def _select(labels: dict[str, str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[SelectOptionDict(value=value, label=label) for value, label in labels.items()],
            mode=SelectSelectorMode.DROPDOWN,
        )
    )
