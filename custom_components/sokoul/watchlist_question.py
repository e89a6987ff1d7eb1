"""The question that is asked once: whether what is on the watchlist is to be fetched by itself when it is found.

It is asked as soon as it is known what somebody wants: a Radarr searches only for what is in its library, and before
the answer nothing is added there.
"""

from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback

from .issues import warn
from .watchlist.items import PartState, Wish
from .watchlist.known import waits_for_answer
from .watchlist_report import label

if TYPE_CHECKING:
    from .hub import Hub

ISSUE = "watchlist_auto"


def asking(hub: Hub) -> list[Wish]:
    """Return the wishes that wait for the answer; none once it was given."""
    watching = hub.watching
    if not watching.ready_to_use:
        return []
    return [each for each in watching.wishes.values() if waits_for_answer(each, watching.settings)]


def offered(wish: Wish) -> str | None:
    """Return the release of it that was found; None: none was yet."""
    return next((part.release for part in wish.parts if part.state is PartState.OFFERED), None)


class WatchlistQuestion:
    """Asks in Home Assistant's repairs while something waits for the answer."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._leave: CALLBACK_TYPE | None = None
        self._asked: str | None = None  # about which title

    @callback
    def start(self) -> None:
        """Begin."""
        self._leave = self._hub.watching.add_listener(self._look)
        self._look()

    @callback
    def stop(self) -> None:
        """Ask no more: nobody is there to hear the answer."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        self._ask(None)

    @callback
    def _look(self) -> None:
        wish = next(iter(asking(self._hub)), None)
        self._ask(label(wish) if wish is not None else None)

    @callback
    def _ask(self, title: str | None) -> None:
        if title == self._asked:
            return
        self._asked = title
        warn(self._hub.hass, ISSUE, None if title is None else {"title": title}, fixable=True)
