"""Calendars: what comes out when."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, override

from homeassistant.components.calendar import CalendarEntity, CalendarEvent
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from . import wording
from .connectors.base import BackendCalendar, Occasion
from .coordinator import backend_errors
from .data import SokoulConfigEntry
from .entity import BackendEntity, PlatformSetup, WatchlistEntity
from .hub import Hub
from .watchlist_entities import WATCHLIST_CALENDARS
from .watchlist_report import PerWish, next_occasion, occasions

# Reads only.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the calendars."""
    del hass
    async_add_entities(WatchlistCalendar(entry.runtime_data, each) for each in WATCHLIST_CALENDARS)
    entry.runtime_data.add_platform(
        PlatformSetup(async_add_entities, of_backend=lambda backend: backend.connector.calendars, make=ReleaseCalendar)
    )


class ReleaseCalendar(BackendEntity, CalendarEntity):
    """The releases of an *arr."""

    entity_description: BackendCalendar[Any, Any]

    @override
    def read(self) -> CalendarEvent | None:
        return _next(self.entity_description.coming(self.coordinator.data))

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


class WatchlistCalendar(WatchlistEntity, CalendarEntity):
    """When what is on the watchlist comes out."""

    def __init__(self, hub: Hub, description: EntityDescription) -> None:
        super().__init__(hub, description)
        self._coming = PerWish(next_occasion)

    @property
    def _words(self) -> wording.Wording:
        return wording.get(self.hass.config.language, dt_util.get_default_time_zone())

    @override
    def read(self) -> CalendarEvent | None:
        coming = self._coming.of(self.hub.watching.wishes.values(), dt_util.now(), self._words)
        return _next(each for each in coming.values() if each is not None)

    @property
    @override
    def event(self) -> CalendarEvent | None:
        return self.read() if self.available else None

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        events = (_event(each) for each in occasions(self.hub.watching.wishes.values(), self._words))
        return [
            event for event in events if event.start_datetime_local < end_date and event.end_datetime_local > start_date
        ]


def _next(coming: Iterable[Occasion]) -> CalendarEvent | None:
    """Return what goes on now, or comes next."""
    now = dt_util.now()
    events = (_event(occasion) for occasion in coming)
    return min(
        (event for event in events if event.end_datetime_local > now),
        key=lambda event: (event.start_datetime_local, event.summary),
        default=None,
    )


def _event(occasion: Occasion) -> CalendarEvent:
    return CalendarEvent(
        start=occasion.start,
        end=occasion.end,
        summary=occasion.summary,
        description=occasion.description or None,
        uid=occasion.uid,
    )
