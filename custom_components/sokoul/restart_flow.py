"""Choosing how a backend is restarted when it stops answering. It counts at once, and nothing is reloaded."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    AppSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from . import wording
from .connectors.docker import KIND as ENGINE
from .homes import engines, home_of
from .hub import AnyCoordinator, Hub
from .markdown import plain
from .restart_way import AUTOMATIC, ENTITY_DOMAINS, HASSIO, MEMORY_KEY, Way, WayKind

RESTART_MENU = ("restart",)

_CONTAINER = "container/"


class RestartOptions(OptionsFlow):
    """The part of the options that is about restarting backends."""

    _restarted: str = ""  # the id of the backend that is being asked about

    async def async_step_restart(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show how each backend would be restarted, and ask which one to change."""
        hub: Hub = self.config_entry.runtime_data
        if not hub.backends:
            return self.async_abort(reason="nothing_to_restart")
        if user_input is not None:
            self._restarted = user_input["backend"]
            return await self.async_step_restart_way()
        words = wording.get(self.hass.config.language)
        options = [SelectOptionDict(value=key, label=backend.title) for key, backend in hub.backends.items()]
        return self.async_show_form(
            step_id="restart",
            data_schema=vol.Schema({vol.Required("backend"): _select(options)}),
            description_placeholders={
                "known": "\n".join(
                    "- "
                    + words.text("list.pair", name=f"**{plain(each.title)}**", text=plain(way_text(hub, each, words)))
                    for each in hub.backends.values()
                )
            },
            last_step=False,
        )

    async def async_step_restart_way(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask by what a backend is restarted."""
        hub: Hub = self.config_entry.runtime_data
        if (backend := hub.backends.get(self._restarted)) is None:  # removed meanwhile
            return self.async_abort(reason="nothing_to_restart")
        if user_input is not None:
            match user_input["way"]:
                case WayKind.APP:
                    return await self.async_step_restart_app()
                case WayKind.ENTITY:
                    return await self.async_step_restart_entity()
                case WayKind.NEVER:
                    return self._choose(Way(kind=WayKind.NEVER))
                case str(container) if container.startswith(_CONTAINER):
                    engine_id, _, name = container.removeprefix(_CONTAINER).partition("/")
                    return self._choose(Way(kind=WayKind.CONTAINER, name=name, engine_id=engine_id))
            return self._choose(AUTOMATIC)
        words = wording.get(self.hass.config.language)
        options, way = _ways(hub, backend, words), Way.of(backend.memory)
        before = f"{_CONTAINER}{way.engine_id}/{way.name}" if way.kind is WayKind.CONTAINER else way.kind.value
        default = before if before in options else AUTOMATIC.kind.value
        choices = [SelectOptionDict(value=value, label=label) for value, label in options.items()]
        return self.async_show_form(
            step_id="restart_way",
            data_schema=vol.Schema({vol.Required("way", default=default): _select(choices)}),
            description_placeholders={"backend": backend.title},
        )

    async def async_step_restart_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which app of the Supervisor it is."""
        if user_input is not None:
            return self._choose(Way(kind=WayKind.APP, name=user_input["app"]))
        return self._ask("restart_app", "app", AppSelector(), WayKind.APP)

    async def async_step_restart_entity(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the script, the button or the switch."""
        if user_input is not None:
            return self._choose(Way(kind=WayKind.ENTITY, name=user_input["entity"]))
        selector = EntitySelector(EntitySelectorConfig(domain=ENTITY_DOMAINS))
        return self._ask("restart_entity", "entity", selector, WayKind.ENTITY)

    def _ask(self, step_id: str, field: str, selector: AppSelector | EntitySelector, kind: WayKind) -> ConfigFlowResult:
        hub: Hub = self.config_entry.runtime_data
        if (backend := hub.backends.get(self._restarted)) is None:
            return self.async_abort(reason="nothing_to_restart")
        way = Way.of(backend.memory)
        schema = vol.Schema({vol.Required(field): selector})
        before = {field: way.name} if way.kind is kind else {}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, before),
            description_placeholders={"backend": backend.title},
            last_step=True,
        )

    def _choose(self, way: Way) -> ConfigFlowResult:
        """Remember it, and look at once whether it has something to do."""
        hub: Hub = self.config_entry.runtime_data
        if (backend := hub.backends.get(self._restarted)) is None:
            return self.async_abort(reason="nothing_to_restart")
        backend.remember(MEMORY_KEY, None if way == AUTOMATIC else way.as_json())
        hub.pilot.wake()
        return self.async_create_entry(data=dict(self.config_entry.options))


def way_text(hub: Hub, backend: AnyCoordinator, words: wording.Wording) -> str:
    """Say how a backend is restarted."""
    way = Way.of(backend.memory)
    if not way.needs_engine:
        return words.text(f"restart.by_{way.kind}", name=way.name)
    home = home_of(hub, backend)
    if home is None:
        return words.text("restart.by_nothing")
    key = "chosen" if way.kind is WayKind.CONTAINER else str(home.found.by)
    return words.text(f"restart.container_{key}", name=home.container.name, engine=home.engine.title)


def _ways(hub: Hub, backend: AnyCoordinator, words: wording.Wording) -> dict[str, str]:
    """Return what can be chosen for a backend, with what it is called."""
    ways = {AUTOMATIC.kind.value: words.text("restart.automatic")}
    chosen = Way.of(backend.memory)
    if backend.connector.kind != ENGINE:
        for engine in engines(hub):
            for container in sorted(engine.data.containers, key=lambda each: each.name):
                ways[f"{_CONTAINER}{engine.subentry_id}/{container.name}"] = words.text(
                    "restart.container", name=container.name, engine=engine.title
                )
    if HASSIO in hub.hass.config.components or chosen.kind is WayKind.APP:
        ways[WayKind.APP.value] = words.text("restart.app")
    ways[WayKind.ENTITY.value] = words.text("restart.entity")
    ways[WayKind.NEVER.value] = words.text("restart.never")
    return ways


def _select(options: list[SelectOptionDict]) -> SelectSelector:
    return SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))
