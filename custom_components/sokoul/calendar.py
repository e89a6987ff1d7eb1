"""Calendars: what comes out when."""

from datetime import datetime
from typing import Any, override

from homeassistant.components.calendar import CalendarEntity, CalendarEvent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .connectors.base import BackendCalendar, Occasion
from .coordinator import backend_errors
from .data import SokoulConfigEntry
from .entity import BackendEntity, PlatformSetup

# Reads only.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the calendars."""
    del hass
    entry.runtime_data.add_platform(
        PlatformSetup(async_add_entities, of_backend=lambda backend: backend.connector.calendars, make=ReleaseCalendar)
    )


class ReleaseCalendar(BackendEntity, CalendarEntity):
    """The releases of an *arr."""

    entity_description: BackendCalendar[Any, Any]

    @override
    def read(self) -> CalendarEvent | None:
        now = dt_util.now()
        events = (_event(occasion) for occasion in self.entity_description.coming(self.coordinator.data))
        return min(
            (event for event in events if event.end_datetime_local > now),
            key=lambda event: event.start_datetime_local,
            default=None,
        )

    @property
    @override
    def event(self) -> CalendarEvent | None:
        return self.read() if self.available else None

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        with backend_errors(self.coordinator.title):
            occasions = await self.entity_description.between(self.coordinator.client, start_date, end_date)
        return [_event(occasion) for occasion in occasions]


def _event(occasion: Occasion) -> CalendarEvent:
    return CalendarEvent(
        start=occasion.start,
        end=occasion.end,
        summary=occasion.summary,
        description=occasion.description or None,
        uid=occasion.uid,
    )
