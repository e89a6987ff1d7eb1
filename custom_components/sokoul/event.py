"""Events: what healing and the guards did, and what became of Real-Debrid accounts and of what people wish for."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, override

from homeassistant.components.event import EventEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from . import wording
from .const import LOGGER
from .data import SokoulConfigEntry
from .debrid_entities import DEBRID_EVENTS
from .entity import (
    DebridEntity,
    GuardEntity,
    HealingEntity,
    PlatformSetup,
    RotationEntity,
    WatchlistEntity,
    guarded,
    mirrored,
    tunnelling,
)
from .guard_entities import GUARD_EVENTS
from .healing import HEALING_EVENTS, event_of
from .journal_report import entry_sentence, sentence
from .model.journal import JournalEntry
from .rotation_entities import ROTATION_EVENTS
from .watchlist_entities import WATCHLIST_EVENTS, event_data

# Told by the autopilot itself.
PARALLEL_UPDATES = 0

#: Each event is a row of the recorder. A day of this many an hour stays far below what a memory card can bear.
MOST_AN_HOUR = 60
HOUR = timedelta(hours=1)


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the events."""
    del hass
    hub = entry.runtime_data
    async_add_entities(HealingEvent(hub, description) for description in HEALING_EVENTS)
    async_add_entities(WatchlistEvent(hub, description) for description in WATCHLIST_EVENTS)
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=guarded(GUARD_EVENTS), make=GuardEvent))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=tunnelling(ROTATION_EVENTS), make=ServerEvent))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=mirrored(DEBRID_EVENTS), make=AccountEvent))


class _Allowance:
    """So many events an hour."""

    def __init__(self) -> None:
        self._told: deque[datetime] = deque(maxlen=MOST_AN_HOUR)

    def take(self, now: datetime) -> bool:
        """Tell whether there may be one more, and count it."""
        if len(self._told) == MOST_AN_HOUR and now - self._told[0] < HOUR:
            return False
        self._told.append(now)
        return True


class HealingEvent(HealingEntity, EventEntity):
    """What was written into the journal, as it is written."""

    _allowance: _Allowance

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._allowance = _Allowance()
        self.async_on_remove(self.hub.pilot.add_listener(self._written_down))

    @override
    def read(self) -> None:
        """Return nothing: only events change the state."""

    @callback
    def _written_down(self, entry: JournalEntry) -> None:
        event, now = event_of(entry), dt_util.utcnow()
        if event is None:
            return
        if not self._allowance.take(now):
            LOGGER.debug("Entry %s of the journal makes no event: there were too many", entry.id)
            return
        words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
        self._trigger_event(
            event,
            {
                "entry_id": entry.id,
                "title": wording.clean(entry.label),
                "rule": entry.rule,
                "act": str(entry.act),
                "text": entry_sentence(entry, now, words),
            },
        )
        self.async_write_ha_state()


class WatchlistEvent(WatchlistEntity, EventEntity):
    """What happened to what people wish for."""

    _allowance: _Allowance

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._allowance = _Allowance()
        self.async_on_remove(self.hub.watching.add_witness(self._happened))

    @override
    def read(self) -> None:
        """Return nothing: only events change the state."""

    @callback
    def _happened(self, event: str, data: Mapping[str, Any]) -> None:
        now = dt_util.utcnow()
        if not self._allowance.take(now):
            LOGGER.debug("What happened on the watchlist (%s) makes no event: there were too many", event)
            return
        words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
        wish = self.hub.watching.wishes.get(str(data.get("wish_id")))
        self._trigger_event(event, event_data(event, data, wish, words))
        self.async_write_ha_state()


class ServerEvent(RotationEntity, EventEntity):
    """How changes of the server of a VPN ended."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.servers.add_witness(self._happened))

    @override
    def read(self) -> None:
        """Return nothing: only events change the state."""

    @callback
    def _happened(self, event: str, data: Mapping[str, Any]) -> None:
        told = dict(data)
        words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
        told["text"] = " ".join(sentence(reason, dt_util.utcnow(), words) for reason in told.pop("reasons"))
        self._trigger_event(event, told)
        self.async_write_ha_state()


class AccountEvent(DebridEntity, EventEntity):
    """What became of a Real-Debrid account."""

    _allowance: _Allowance

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._allowance = _Allowance()
        self.async_on_remove(self.watch.add_witness(self._happened))

    @override
    def read(self) -> None:
        """Return nothing: only events change the state."""

    @callback
    def _happened(self, event: str, data: Mapping[str, Any]) -> None:
        told, now = dict(data), dt_util.utcnow()
        if not self._allowance.take(now):
            LOGGER.debug("What happened to an account (%s) makes no event: there were too many", event)
            return
        if (entry := told.pop("entry", None)) is not None:
            words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
            text = entry_sentence(entry, now, words)
            told |= {"entry_id": entry.id, "title": wording.clean(entry.label), "text": text}
        self._trigger_event(event, told)
        self.async_write_ha_state()


class GuardEvent(GuardEntity, EventEntity):
    """What a guard saw and did."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.guard.add_witness(self._happened))

    @override
    def read(self) -> None:
        """Return nothing: only events change the state."""

    @callback
    def _happened(self, event: str, data: Mapping[str, Any]) -> None:
        told = dict(data)
        if reasons := told.pop("reasons", ()):
            words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
            told["text"] = " ".join(sentence(reason, dt_util.utcnow(), words) for reason in reasons)
        self._trigger_event(event, told)
        self.async_write_ha_state()
