"""Selects: how far healing may go."""

from typing import override

from homeassistant.components.select import SelectEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .data import SokoulConfigEntry
from .entity import HealingEntity
from .healing import HEALING_SELECTS, HealingSelect

# Settings of our own: nothing waits for anything.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the selects."""
    del hass
    async_add_entities(SokoulSelect(entry.runtime_data, description) for description in HEALING_SELECTS)


class SokoulSelect(HealingEntity, SelectEntity):
    """A select of healing."""

    entity_description: HealingSelect

    @property
    @override
    def current_option(self) -> str | None:
        level: str = self.read()
        return level

    @override
    async def async_select_option(self, option: str) -> None:
        self.entity_description.choose(self.hub, option)
