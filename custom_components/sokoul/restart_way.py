"""How a backend is restarted: what a person chose for it, and the Home Assistant actions that do it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import Context, HomeAssistant, split_entity_id
from homeassistant.exceptions import HomeAssistantError
import voluptuous as vol

from .autopilot.reach import Declined
from .const import LOGGER

#: The key of a backend's memory under which it is kept.
MEMORY_KEY = "restart"

#: What is switched off to be restarted is switched on again after this.
OFF_SECONDS = 10
#: An action that takes longer than this has failed as far as anybody can tell. The Supervisor pulls no image for it.
ACTION_SECONDS = 180

HASSIO = "hassio"
SCRIPTS = frozenset({"script"})
BUTTONS = frozenset({"button", "input_button"})
SWITCHES = frozenset({"switch", "input_boolean"})
ENTITY_DOMAINS = sorted(SCRIPTS | BUTTONS | SWITCHES)


class WayKind(StrEnum):
    """By what a backend is restarted."""

    AUTOMATIC = "automatic"  # by its container, where that is recognised
    CONTAINER = "container"  # by this one
    APP = "app"  # of the Supervisor
    ENTITY = "entity"  # a script, a button or a switch
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What a person chose. `name` is that of a container, the slug of an app, or the id of an entity."""

    kind: WayKind = WayKind.AUTOMATIC
    name: str = ""
    engine_id: str = ""  # the backend whose container it is

    @classmethod
    def of(cls, memory: Mapping[str, Any]) -> Way:
        """Return what a backend remembers; what can't be read is as if nobody had chosen."""
        stored = memory.get(MEMORY_KEY, {})
        try:
            return cls(kind=WayKind(stored["kind"]), name=stored["name"], engine_id=stored["engine_id"])
        except KeyError, TypeError, ValueError:
            return AUTOMATIC

    def as_json(self) -> dict[str, str]:
        """Return it for the memory."""
        return {"kind": self.kind.value, "name": self.name, "engine_id": self.engine_id}

    @property
    def needs_engine(self) -> bool:
        """Whether it is a container that is restarted."""
        return self.kind in {WayKind.AUTOMATIC, WayKind.CONTAINER}


AUTOMATIC = Way()


async def go(hass: HomeAssistant, way: Way, backend: str) -> None:
    """Restart a backend of this title by an action of Home Assistant. Raises `Declined`."""
    try:
        async with asyncio.timeout(ACTION_SECONDS):
            if way.kind is WayKind.APP:
                await _restart_app(hass, way.name)
            else:
                await _use_entity(hass, way.name, backend)
    except TimeoutError as error:
        raise Declined("error", detail=f"{way.name}: no end after {ACTION_SECONDS} seconds") from error
    except (HomeAssistantError, vol.Invalid) as error:
        raise Declined("error", detail=str(error)) from error


async def _restart_app(hass: HomeAssistant, slug: str) -> None:
    """Restart an app of the Supervisor, which older versions called an add-on."""
    for service, field in (("app_restart", "app"), ("addon_restart", "addon")):
        if hass.services.has_service(HASSIO, service):
            await _call(hass, HASSIO, service, {field: slug})
            return
    raise Declined("way_gone", name=slug)


async def _use_entity(hass: HomeAssistant, entity_id: str, backend: str) -> None:
    domain, _ = split_entity_id(entity_id)
    state = hass.states.get(entity_id)
    # a button that was never pressed is unknown
    if state is None or state.state == STATE_UNAVAILABLE or (domain in SWITCHES and state.state == STATE_UNKNOWN):
        raise Declined("way_gone", name=entity_id)
    target = {ATTR_ENTITY_ID: entity_id}
    if domain in SCRIPTS:
        await _call(hass, domain, SERVICE_TURN_ON, {**target, "variables": {"backend": backend}})
    elif domain in BUTTONS:
        await _call(hass, domain, "press", target)
    elif domain in SWITCHES:
        try:
            await _call(hass, domain, SERVICE_TURN_OFF, target)
            await asyncio.sleep(OFF_SECONDS)
        finally:  # also when the entry ends meanwhile: nobody would be there to do it
            await asyncio.shield(_call(hass, domain, SERVICE_TURN_ON, target))
    else:
        raise Declined("way_gone", name=entity_id)


async def finish(hass: HomeAssistant, way: Way) -> None:
    """Switch on again what an interrupted restart may have left off."""
    if way.kind is WayKind.ENTITY and split_entity_id(way.name)[0] in SWITCHES:
        try:
            await _call(hass, split_entity_id(way.name)[0], SERVICE_TURN_ON, {ATTR_ENTITY_ID: way.name})
        except (HomeAssistantError, vol.Invalid) as error:
            LOGGER.warning("%s may still be off after an interrupted restart: %s", way.name, error)


async def _call(hass: HomeAssistant, domain: str, service: str, data: dict[str, Any]) -> None:
    await hass.services.async_call(domain, service, data, blocking=True, context=Context())
