"""What changes at backends by itself: a glance tells which wishes it is about, and those are looked at soon.

A poll may bring news every few seconds, so what changes is looked at together. A debrid service has news when its list
was read, and the journal when somebody else than the watchlist had something downloaded.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.helpers.event import async_call_later

from .debriding import EVENT_SYNC
from .model.journal import AUTOPILOT, ActKind, EntryStatus, JournalEntry
from .releases.tokens import fold
from .watchlist.items import Wish

if TYPE_CHECKING:
    from .hub import Hub
    from .watching_facts import WatchFacts

PAUSE: Final = timedelta(seconds=5)


class Glances:
    """Sees what changed, and tells by `seen` of which wishes."""

    def __init__(
        self,
        hub: Hub,
        facts: WatchFacts,
        wishes: Callable[[], Collection[Wish]],
        seen: Callable[[Iterable[str]], None],
    ) -> None:
        self._hub = hub
        self._facts = facts
        self._wishes = wishes
        self._seen = seen
        self._elsewhere: set[str] = set()  # wishes that somebody else did something about
        self._cancel_glance: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Glance at what changes, until the returned function is called."""
        stop = [
            self._hub.pilot.add_listener(self._noted),
            self._hub.add_listener(self._glance_soon),
            self._hub.hass.bus.async_listen(EVENT_SYNC, self._synchronised),
        ]

        @callback
        def stopped() -> None:
            for each in stop:
                each()
            if self._cancel_glance is not None:
                self._cancel_glance()
                self._cancel_glance = None

        return stopped

    @callback
    def _glance_soon(self) -> None:
        if self._cancel_glance is None and self._wishes():
            self._cancel_glance = async_call_later(self._hub.hass, PAUSE.total_seconds(), self._glance)

    @callback
    def _glance(self, _now: datetime) -> None:
        self._cancel_glance = None
        self._seen({*self._facts.changed(self._wishes()), *self._elsewhere})
        self._elsewhere.clear()

    @callback
    def _synchronised(self, event: Event[dict[str, Any]]) -> None:
        """Look at what may have come to an end at a debrid service, once its list was read and is another one."""
        if event.data["type"] == "ended" and not event.data["summary"].get("unchanged"):
            self._seen(self._facts.nowhere(self._wishes()))

    @callback
    def _noted(self, entry: JournalEntry) -> None:
        """Look at what somebody else than we may have had downloaded, or taken back."""
        if entry.act is not ActKind.GRAB or entry.status is EntryStatus.RUNNING or entry.actor == AUTOPILOT:
            return
        names = fold(entry.label)
        self._elsewhere |= {
            each.id
            for each in self._wishes()
            if not each.done and each.meant is not None and fold(each.meant.name) in names
        }
        self._glance_soon()  # by then its client shows it
