"""Switches: of the backends, and of the rules of healing."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .connectors.base import BackendSwitch
from .data import SokoulConfigEntry
from .entity import BackendEntity, GoverningEntity, GuardEntity, HealingEntity, PlatformSetup, guarded
from .governor_entities import GOVERNOR_SWITCHES, GovernorSwitch
from .guard_entities import GUARD_SWITCHES, GuardSwitch
from .healing import HEALING_SWITCHES, HealingSwitch
from .port_entities import PORT_SWITCHES

# One act at a time on a backend is what its coordinator sees to; one backend that hangs must not hold up another.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the switches."""
    del hass
    hub = entry.runtime_data
    async_add_entities(RuleSwitch(hub, description) for description in HEALING_SWITCHES)
    async_add_entities(SwitchOfGovernor(hub, description) for description in GOVERNOR_SWITCHES)
    hub.add_platform(
        PlatformSetup(async_add_entities, of_backend=lambda backend: backend.connector.switches, make=SokoulSwitch)
    )
    hub.add_platform(
        PlatformSetup(async_add_entities, of_backend=guarded((*GUARD_SWITCHES, *PORT_SWITCHES)), make=SwitchOfGuard)
    )


class SokoulSwitch(BackendEntity, SwitchEntity):
    """A switch whose reading and turning come from its description."""

    entity_description: BackendSwitch[Any, Any]

    @override
    def read(self) -> bool | None:
        return self.entity_description.value(self.coordinator)

    @property
    @override
    def is_on(self) -> bool | None:
        return self.read()

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._turn(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._turn(on=False)

    async def _turn(self, *, on: bool) -> None:
        try:
            async with self.coordinator.acting():
                await self.entity_description.turn(self.coordinator, on)
        finally:
            self.write_if_new()  # its position may be a matter of the memory alone


class RuleSwitch(HealingEntity, SwitchEntity):
    """A switch of healing."""

    entity_description: HealingSwitch

    @property
    @override
    def is_on(self) -> bool | None:
        on: bool = self.read()
        return on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self.entity_description.turn(self.hub, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self.entity_description.turn(self.hub, False)


class SwitchOfGuard(GuardEntity, SwitchEntity):
    """A switch of a guard."""

    entity_description: GuardSwitch

    @property
    @override
    def is_on(self) -> bool:
        on: bool = self.read()
        return on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self.entity_description.turn(self.guard, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self.entity_description.turn(self.guard, False)


class SwitchOfGovernor(GoverningEntity, SwitchEntity):
    """A switch of the governor."""

    entity_description: GovernorSwitch

    @property
    @override
    def is_on(self) -> bool:
        on: bool = self.read()
        return on

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        self.entity_description.turn(self.hub, True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        self.entity_description.turn(self.hub, False)
