"""What others want, on the watchlist: what *arrs look for by themselves, and requests that were approved in a Seerr.

What an *arr looks for is only shown: it comes when it is monitored and missing there, and goes when it is not any
more. A request becomes a wish like a person's: once, so that one that was taken from the list stays away.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .clients.arr import ArrClient
from .clients.errors import BackendError
from .clients.seerr import SeerrClient
from .const import LOGGER
from .model.catalogue import CatalogueTitle, Missing, MissingTitle
from .model.library import TitleKind
from .model.requests import MediaRequest, RequestFilter, RequestStatus
from .releases.attributes import Resolution
from .store import StoreError
from .watching_titles import meant_by, same_place
from .watchlist.deciding import refresh
from .watchlist.errors import WatchlistError
from .watchlist.items import ARR, SEERR, Dates, Keeper, Out, Part, Wish
from .watchlist.known import Held, Known

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub
    from .watching import Watching

EVERY: Final = timedelta(minutes=15)
#: Of each *arr so many movies or episodes are read, and of each Seerr so many requests.
MOST: Final = 500
#: Whoever tells what a request means may take so long.
PATIENCE: Final = timedelta(seconds=30)
#: Requests that became wishes once, by Seerr, in the hub's memory.
REQUESTS_KEY: Final = "watchlist_requests"
#: Which id of a title says it all to whom is asked for it.
_DATABASES: Final = {TitleKind.MOVIE: ("tmdb", "imdb", "tvdb"), TitleKind.SERIES: ("tvdb", "tmdb", "imdb")}


class Others:
    """Brings what others want onto the list."""

    def __init__(self, hub: Hub, watchlist: Watching) -> None:
        self._hub = hub
        self._list = watchlist
        self._more: dict[str, int] = {}  # by *arr, what it looks for beyond what is shown
        self._seen: dict[str, Any] = {}  # by Seerr, what it counted the last time
        self._task: asyncio.Task[None] | None = None
        self._again = False

    @property
    def more(self) -> int:
        """How many movies and episodes the *arrs look for beyond those that are shown."""
        return sum(self._more.values())

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Look every quarter of an hour, and when a Seerr counts its requests anew, until the function is called."""
        stop = [
            async_track_time_interval(self._hub.hass, self._again_due, EVERY),
            self._hub.add_listener(self._world_changed),
        ]

        @callback
        def stopped() -> None:
            for each in stop:
                each()
            if self._task is not None:
                self._task.cancel()

        return stopped

    @callback
    def look_soon(self) -> None:
        """Look as soon as may be: a person changed a setting, or it is time."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = self._hub.in_background(self._look(), "look at what others want")

    @callback
    def _again_due(self, _now: datetime) -> None:
        self.look_soon()

    @callback
    def _world_changed(self) -> None:
        counted = {each.subentry_id: each.data for each in self._of(SeerrClient)} if self._wants_requests() else {}
        if counted != self._seen:
            self._seen = counted
            if counted:
                self.look_soon()

    def _wants_requests(self) -> bool:
        return self._list.ready_to_use and self._list.settings.from_seerr

    async def _look(self) -> None:
        while self._again:
            self._again = False
            if not self._list.ready_to_use:
                return
            try:
                await self._look_at_arrs()
                await self._look_at_requests()
            except (WatchlistError, StoreError) as error:
                LOGGER.warning("What others want can't be put on the watchlist: %s", error)

    def _of(self, kind: type) -> Iterator[BackendCoordinator[Any, Any]]:
        return (each for each in self._hub.backends.values() if isinstance(each.client, kind) and each.answering)

    # --- *arrs -------------------------------------------------------------------------------------------------------

    async def _look_at_arrs(self) -> None:
        shown = {wish.id: wish for wish in self._list.wishes.values() if wish.asked_by == ARR}
        if not self._list.settings.from_arrs:
            self._more.clear()
            await self._show({}, shown, set(shown))
            return
        there = {key for key, each in self._hub.backends.items() if isinstance(each.client, ArrClient)}
        gone = {wish.id for wish in shown.values() if wish.keeper is None or wish.keeper.backend_id not in there}
        wanted: dict[str, Wish] = {}
        for arr in self._of(ArrClient):
            try:
                missing: Missing = await arr.client.missing(MOST)
            except BackendError as error:
                LOGGER.debug("What %s looks for can't be read: %s", arr.title, error)
                continue
            self._more[arr.subentry_id] = missing.more
            own = await asyncio.to_thread(_all_shown, arr, missing, shown, dt_util.utcnow())  # there may be hundreds
            gone |= {key for key in shown if key.startswith(f"{ARR}:{arr.subentry_id}:") and key not in own}
            wanted |= own
        self._more = {key: more for key, more in self._more.items() if key in there}
        await self._show(wanted, shown, gone)

    async def _show(self, wanted: Mapping[str, Wish], shown: Mapping[str, Wish], gone: Collection[str]) -> None:
        asked = [wish for wish in self._list.wishes.values() if wish.asked_by != ARR and wish.meant is not None]
        also = {key for key, wish in wanted.items() if any(_is_of(wish, each) for each in asked)}  # a person's own
        news = [wish for key, wish in wanted.items() if key not in also and shown.get(key) != wish]
        leaving = (set(gone) | also) & shown.keys()
        if news or leaving:
            await self._list.show(news, leaving)

    # --- requests ----------------------------------------------------------------------------------------------------

    async def _look_at_requests(self) -> None:
        if not self._list.settings.from_seerr:
            return
        for seerr in self._of(SeerrClient):
            try:
                found = await seerr.client.requests(RequestFilter.PROCESSING, limit=MOST)
            except BackendError as error:
                LOGGER.debug("The requests of %s can't be read: %s", seerr.title, error)
                continue
            known = set(self._brought().get(seerr.subentry_id, ()))
            for request in reversed(found.requests):
                approved = request.status is RequestStatus.APPROVED  # whatever a Seerr lists
                if approved and request.id not in known and not request.available:
                    await self._bring(request)
                    known.add(request.id)
                    self._note(seerr.subentry_id, known)
            # those that are done with are told of no longer
            if not found.more and known - (told := {each.id for each in found.requests}):
                self._note(seerr.subentry_id, known & told)

    async def _bring(self, request: MediaRequest) -> None:
        """Put a request on the list, and wait until it is known what it means: catalogues are not asked in crowds."""
        reference = _reference(request)
        minimum = Resolution.P2160 if request.in_4k else None
        for season in request.seasons or (None,):
            await self._list.add(
                reference,
                asked_by=SEERR,
                requested_by=request.requested_by,
                kind=request.kind,
                season=season,
                minimum=minimum,
                wait=PATIENCE,
            )

    def _brought(self) -> Mapping[str, Collection[int]]:
        stored = self._hub.memory.get(REQUESTS_KEY, {})
        return stored if isinstance(stored, Mapping) else {}

    def _note(self, backend_id: str, requests: Collection[int]) -> None:
        """Remember which requests were brought; of a Seerr that was removed they are forgotten."""
        others = {key: known for key, known in self._brought().items() if key in self._hub.backends}
        self._hub.memory.set(REQUESTS_KEY, {**others, backend_id: sorted(requests)})


def _reference(request: MediaRequest) -> str:
    known = {each.partition(":")[0]: each for each in sorted(request.ids)}
    return next(known[each] for each in _DATABASES[request.kind] if each in known)


def _id(backend_id: str, title: CatalogueTitle) -> str:
    return f"{ARR}:{backend_id}:{title.library_id}"


def _is_of(wish: Wish, asked: Wish) -> bool:
    """Tell whether a person asked for the same title."""
    if wish.meant is None or asked.meant is None or wish.meant.kind is not asked.meant.kind:
        return False
    return same_place(wish.keeper, asked.keeper) or bool(wish.meant.ids & asked.meant.ids)


def _all_shown(
    arr: BackendCoordinator[Any, Any], missing: Missing, shown: Mapping[str, Wish], now: datetime
) -> dict[str, Wish]:
    own = {_id(arr.subentry_id, each.title): each for each in missing.titles if each.title.library_id}
    return {key: _shown(key, arr, each, shown.get(key), now) for key, each in own.items()}


def _shown(
    key: str, arr: BackendCoordinator[Any, Any], missing: MissingTitle, before: Wish | None, now: datetime
) -> Wish:
    """Return the wish that stands for what an *arr looks for; what was found out about its parts since stays."""
    title = missing.title
    assert title.library_id is not None  # noqa: S101 -- it is of a library
    known = {part.key: part for part in before.parts} if before is not None else {}
    parts = tuple(known.get(part.key, part) for part in _parts(missing))
    wish = Wish(
        id=key,
        text=title.label,
        asked_at=before.asked_at if before is not None else now,
        asked_by=ARR,
        minimum=None,  # it goes by its own profiles
        auto=False,
        meant=meant_by(title),
        keeper=Keeper(backend_id=arr.subentry_id, library_id=title.library_id),
        dates=Dates(cinema=title.in_cinemas_on, digital=title.digital_on, physical=title.physical_on),
        ended=title.ended,
        parts=parts,
        resolved_at=before.resolved_at if before is not None else now,
    )
    looks = Known(
        has_arr=True, arr=arr.title, kept=True, library={part.key: Held(has_file=False) for part in parts or (Part(),)}
    )
    # nothing is due: it is looked at when something of it is on its way, and with all others of the *arr
    return replace(refresh(wish, looks, now), due=None)


def _parts(missing: MissingTitle) -> Iterator[Part]:
    """Yield the episodes; the part of a movie follows from its dates."""
    for each in missing.episodes:
        yield Part(
            season=each.season,
            episode=each.episode,
            name=each.name,
            out_on=each.airs_on,
            out=Out.AIRED if each.airs_on is not None else None,
            out_at=each.airs_at,
        )
