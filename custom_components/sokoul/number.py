"""Numbers that can be set on a backend."""

from typing import Any, override

from homeassistant.components.number import NumberEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .connectors.base import BackendNumber
from .data import SokoulConfigEntry
from .entity import BackendEntity, PlatformSetup

# One act at a time on a backend is what its coordinator sees to; one backend that hangs must not hold up another.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the numbers."""
    del hass
    entry.runtime_data.add_platform(
        PlatformSetup(async_add_entities, of_backend=lambda backend: backend.connector.numbers, make=SokoulNumber)
    )


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
