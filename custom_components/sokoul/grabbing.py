"""Grabs at work in Home Assistant: noted in the journal, told by an event, settled after a restart, taken back."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .acquire.grabbing import Grabber, Order, Planned, trace_of
from .const import DOMAIN, START_PATIENCE
from .grab_care import GrabCare
from .grab_hands import HubGrabHands
from .model.journal import ActKind, EntryStatus, JournalEntry
from .store import StoreError
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

EVENT_GRABBED: Final = f"{DOMAIN}_grabbed"
#: What nobody could tell of is looked at again after this.
SETTLE_SECONDS: Final = 60.0
_OPEN: Final = (EntryStatus.RUNNING, EntryStatus.UNDOING)


class Grabbing:
    """Gets releases, for all faces. Without a database nothing is grabbed: it could not be written down first."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.hands = HubGrabHands(hub)
        self._grabber = Grabber(self.hands, self)
        self._care = GrabCare(hub, self._grabber.alone)
        self._leave: list[CALLBACK_TYPE] = []
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._settled: object | None = None  # the store whose entries are settled, or being settled
        hub.pilot.carriers[ActKind.GRAB] = self._grabber

    @callback
    def start(self) -> None:
        """Find out what became of what was interrupted, whenever there is a database anew."""
        self._leave.append(self._hub.pilot.add_watcher(self._look))
        self._leave.append(self._care.start())
        self._look()

    @callback
    def stop(self) -> None:
        """Look no more."""
        while self._leave:
            self._leave.pop()()
        self._settle_after(None)

    # --- getting -------------------------------------------------------------------------------------------------

    async def grab(self, order: Order) -> JournalEntry:
        """Get one of the releases; it goes on when nobody waits for it any more. Raises `StoreError`."""
        return await asyncio.shield(self._hub.begin(self._carry_out(order), f"grab of {order.label}"))

    async def _carry_out(self, order: Order) -> JournalEntry:
        entry = await self._grabber.grab(order)
        self._tell(entry)
        if entry.status is EntryStatus.RUNNING:
            self._settle_after(SETTLE_SECONDS)
        if (trace := trace_of(entry)) is not None and trace.backend_id in self._hub.backends:
            # what is on its way shows at once, but nobody waits long for that
            looking = self._hub.in_background(self._hub.refresh([trace.backend_id]), "look at what was grabbed")
            await asyncio.wait({looking}, timeout=START_PATIENCE.total_seconds())
        return entry

    async def plan(self, order: Order) -> tuple[Planned, ...]:
        """Return what would be done."""
        return await self._grabber.plan(order)

    # --- what was interrupted ------------------------------------------------------------------------------------

    @callback
    def _look(self) -> None:
        store = self._hub.pilot.store
        if store is not self._settled:
            self._settled = store
            self._settle_after(0.0 if store is not None else None)

    @callback
    def _settle_after(self, seconds: float | None) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
        self._cancel_timer = None
        if seconds is not None:
            self._cancel_timer = async_call_later(self._hub.hass, seconds, self._due)

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._hub.in_background(self._settle(), "looking for what was grabbed")

    async def _settle(self) -> None:
        if self._hub.pilot.store is None:
            return
        settled, left = list[JournalEntry](), 1
        with suppress(StoreError):
            settled, left = await self._grabber.settle(dt_util.utcnow())
        for entry in settled:
            self._tell(entry)
        if left and self._leave:
            self._settle_after(SETTLE_SECONDS)

    @callback
    def _tell(self, entry: JournalEntry) -> None:
        self._hub.hass.bus.async_fire(EVENT_GRABBED, describe_grabbed(entry))

    # --- the journal ---------------------------------------------------------------------------------------------

    async def write(self, entry: JournalEntry) -> JournalEntry:
        """Write an entry, and tell whoever listens to the journal."""
        written = await self._hub.pilot.kernel.write(entry)
        if written.status is EntryStatus.UNDONE:
            self._hub.watching.taken_back(written.id)
        return written

    async def running(self) -> Sequence[JournalEntry]:
        """Return the grabs that were begun and never ended."""
        return await self._hub.pilot.kernel.journal.find(statuses=_OPEN, acts=[ActKind.GRAB])


def describe_grabbed(entry: JournalEntry) -> dict[str, Any]:
    """Return what the event tells of a grab: for automations, so without words."""
    trace = trace_of(entry) if entry.status is not EntryStatus.FAILED else None
    return {
        "entry_id": entry.id,
        "title": entry.label,
        "status": str(entry.status),
        "result": entry.result.key.partition(".")[2] if entry.result is not None else None,
        "release": clean(trace.release) if trace is not None else None,
        "way": str(trace.way) if trace is not None else None,
        "backend": trace.name if trace is not None else None,
        "backend_id": trace.backend_id if trace is not None else None,
        "info_hash": trace.info_hash if trace is not None else None,
    }
