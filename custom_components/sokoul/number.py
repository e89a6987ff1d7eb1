"""Numbers that can be set: on a backend, and the temperatures that the governor minds."""

from typing import Any, override

from homeassistant.components.number import NumberEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .connectors.base import BackendNumber
from .data import SokoulConfigEntry
from .entity import BackendEntity, GovernedEntity, PlatformSetup
from .governor_entities import GOVERNOR_NUMBERS, ThresholdNumber
from .governor_sources import Thermometer

# One act at a time on a backend is what its coordinator sees to; one backend that hangs must not hold up another.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numbers."""
    del hass
    hub = entry.runtime_data
    hub.add_platform(
        PlatformSetup(async_add_entities, of_backend=lambda backend: backend.connector.numbers, make=SokoulNumber)
    )
    known: set[str] = set()

    @callback
    def add_thresholds() -> None:
        """Add them where there are any: of most machines that is known once they have answered."""
        known.intersection_update(hub.backends)
        for backend_id, thermometer in hub.governing.thermometers.items():
            if backend_id not in known and thermometer.thresholds is not None:
                known.add(backend_id)
                entities = [Threshold(thermometer.backend, description) for description in GOVERNOR_NUMBERS]
                async_add_entities(entities, config_subentry_id=backend_id)

    add_thresholds()
    entry.async_on_unload(hub.governing.add_listener(add_thresholds))


class SokoulNumber(BackendEntity, NumberEntity):
    """A number whose reading and setting come from its description."""

    entity_description: BackendNumber[Any, Any]

    @property
    @override
    def native_value(self) -> float | None:
        value: float | None = self.read()
        return value

    @override
    async def async_set_native_value(self, value: float) -> None:
        async with self.coordinator.acting() as client:
            await self.entity_description.set_value(client, value)


class Threshold(GovernedEntity, NumberEntity):
    """A temperature at which a thermometer begins or ends to demand something. It counts at once."""

    entity_description: ThresholdNumber

    @override
    def read(self) -> float | None:
        return self.entity_description.value(Thermometer(self.coordinator))

    @property
    @override
    def native_value(self) -> float | None:
        return self.read()

    @override
    async def async_set_native_value(self, value: float) -> None:
        self.entity_description.set_value(Thermometer(self.coordinator), value)
        self.governing.look()
