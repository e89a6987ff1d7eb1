"""What is new at indexers, read while something on the watchlist is looked for: what has a release is searched at once.

Trackers ban who reads their feeds more often than every quarter of an hour. So the first reading comes that long after
the start, whatever was read before it, and there is none while nobody waits for anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .clients.errors import BackendError, RateLimited
from .clients.prowlarr import ProwlarrClient
from .clients.torznab import TorznabClient
from .const import LOGGER
from .model.releases import Offer
from .watchlist.items import Wish
from .watchlist.known import least_of
from .watchlist.matching import listened_for, matching

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

EVERY: Final = timedelta(minutes=15)

#: Takes the keys of parts that there is news of, by the id of their wish.
type Heard = Callable[[Mapping[str, Collection[str]]], Awaitable[None]]


def listens(wish: Wish) -> bool:
    """Tell whether a feed may bring news of a wish: something of it, or something better, is looked for by SOKOUL."""
    return any(True for _ in listened_for(wish))


class Feeds:
    """Reads what is new, and tells of what somebody waits for."""

    def __init__(self, hub: Hub, wishes: Callable[[], Collection[Wish]], heard: Heard) -> None:
        self._hub = hub
        self._wishes = wishes
        self._heard = heard
        self._known: dict[str, frozenset[str]] = {}  # by backend, what was in its feeds the last time
        self._silent_until: dict[str, datetime] = {}  # by backend, where it asked to be left alone
        self._reading: asyncio.Task[None] | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Read every quarter of an hour, until the returned function is called."""
        stop = async_track_time_interval(self._hub.hass, self._read_soon, EVERY)

        @callback
        def stopped() -> None:
            stop()
            if self._reading is not None:
                self._reading.cancel()

        return stopped

    @callback
    def _read_soon(self, _now: datetime) -> None:
        if self._reading is None or self._reading.done():
            self._reading = self._hub.in_background(self.read(), "reading of what is new")

    async def read(self) -> None:
        """Read what is new at all indexers that can be asked now."""
        wishes = self._with_least([wish for wish in self._wishes() if listens(wish)])
        if not wishes:
            return
        backends = [each for each in self._hub.backends.values() if each.answering]
        new = [offer for offers in await asyncio.gather(*map(self._new, backends)) for offer in offers]
        if new and (hits := await asyncio.to_thread(matching, new, wishes, dt_util.utcnow())):
            await self._heard(hits)

    def _with_least(self, wishes: Collection[Wish]) -> list[Wish]:
        """Return wishes with how good their picture has to be at least, whoever says so."""
        policies = {each: self._hub.searching.policy(each) for each in {wish.policy for wish in wishes}}
        return [replace(wish, minimum=least_of(wish, policies[wish.policy])) for wish in wishes]

    async def _new(self, backend: BackendCoordinator[Any, Any]) -> list[Offer]:
        """Return what was not in a backend's feeds the last time."""
        key, now = backend.subentry_id, dt_util.utcnow()
        if self._silent_until.get(key, now) > now:
            return []
        try:
            offers = await _latest(backend, now)
        except RateLimited as error:
            self._silent_until[key] = now + (error.retry_after or 2 * EVERY)
            return []
        except BackendError as error:
            LOGGER.debug("What is new at %s can't be read: %s", backend.title, error)
            return []
        if not offers:  # it may be the trouble of a moment: what was known stays known
            return []
        known = self._known.get(key, frozenset())
        self._known[key] = frozenset(map(_key, offers))
        return [each for each in offers if _key(each) not in known]


async def _latest(backend: BackendCoordinator[Any, Any], now: datetime) -> tuple[Offer, ...]:
    """Return what is in a backend's feeds; nothing of one that has none. Raises `BackendError`."""
    client = backend.client
    if isinstance(client, TorznabClient):
        return (await client.latest()).offers
    if isinstance(client, ProwlarrClient) and backend.data is not None:
        indexers = [each.id for each in backend.data.indexers if each.enabled and each.rss and not each.failing(now)]
        return (await client.latest(indexers)).offers
    return ()


def _key(offer: Offer) -> str:
    return f"{offer.indexer_id} {offer.guid or offer.name}"
