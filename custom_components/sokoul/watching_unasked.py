"""What people add to an *arr by themselves while they are still asked whether the watchlist may: it is seen soon.

Before the answer nothing of what is asked for is in an *arr, and *arrs don't tell what is added to them: their state
stays as it was. So they are asked about some titles each minute, as often as their queues are.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_track_time_interval

from .clients.errors import BackendError
from .const import LOGGER
from .watchlist.items import Wish
from .watchlist.known import waits_for_answer

if TYPE_CHECKING:
    import asyncio

    from .hub import Hub

EVERY: Final = timedelta(minutes=1)
#: So many titles are asked about each time, one small request each; with more of them it takes some minutes.
AT_A_TIME: Final = 10


class Unasked:
    """Asks *arrs about what waits for the answer, one after the other."""

    def __init__(self, hub: Hub, wishes: Callable[[], Collection[Wish]], seen: Callable[[Iterable[str]], None]) -> None:
        self._hub = hub
        self._wishes = wishes
        self._seen = seen
        self._last = ""  # the wish that was asked about last
        self._asking: asyncio.Task[None] | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Ask every minute, until the returned function is called."""
        stop = async_track_time_interval(self._hub.hass, self._ask_soon, EVERY)

        @callback
        def stopped() -> None:
            stop()
            if self._asking is not None:
                self._asking.cancel()

        return stopped

    @callback
    def _ask_soon(self, _now: datetime) -> None:
        if (self._asking is None or self._asking.done()) and (turn := self._turn()):
            self._asking = self._hub.in_background(self._ask(turn), "look for what was added by hand")

    def _turn(self) -> list[Wish]:
        """Return the next ones that no *arr is known to have, in the order of the list, and from its begin again."""
        settings = self._hub.watching.settings
        if settings.auto is not None:
            return []
        waiting = [each for each in self._wishes() if each.keeper is None and waits_for_answer(each, settings)]
        after = next((place + 1 for place, each in enumerate(waiting) if each.id == self._last), 0)
        return [*waiting[after:], *waiting[:after]][:AT_A_TIME]

    async def _ask(self, wishes: Collection[Wish]) -> None:
        there: list[str] = []
        for wish in wishes:
            self._last = wish.id
            try:
                if wish.meant and await self._hub.watching.titles.kept(wish.meant.kind, wish.meant.ids) is not None:
                    there.append(wish.id)
            except BackendError as error:
                LOGGER.debug("The libraries can't be asked for %s: %s", wish.label, error)
        self._seen(there)
