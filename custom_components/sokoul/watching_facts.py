"""What is known of a wish at this moment: what libraries say, what is on its way, and what changed of that."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
import re
from typing import TYPE_CHECKING, Final

from homeassistant.util import dt as dt_util

from .acquire.identifying import absolute_numbers
from .acquire.ports import Target
from .clients.errors import NotFound
from .clients.sonarr import SonarrClient
from .grab_hands import library_id_of
from .model.backend import DOWNLOAD_CLIENT_KINDS
from .model.catalogue import CatalogueEpisode, CatalogueTitle, id_of
from .model.library import ArrSnapshot, QueueItem, TitleKind, TrackedState
from .model.world import Download, DownloadIndex
from .releases.identify import Wanted
from .search_sources import DownloadsSearch
from .watching_downloads import Downloads, OnItsWay, of_download
from .watchlist.items import ON_ITS_WAY, WANTED, Keeper, Part, PartState, Wish, WishState
from .watchlist.matching import matching

if TYPE_CHECKING:
    from .hub import Hub
    from .watching_titles import Titles

_IMPORTING: Final = frozenset({TrackedState.IMPORT_PENDING, TrackedState.IMPORTING, TrackedState.IMPORT_BLOCKED})
_INFO_HASH: Final = re.compile("[0-9a-f]{40}")


type _Sight = tuple[frozenset[object], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What the *arr that keeps a title has of it. Without `title` it was taken out of the library."""

    title: CatalogueTitle | None
    episodes: tuple[CatalogueEpisode, ...] = ()


class WatchFacts:
    """Gathers what is known."""

    def __init__(self, hub: Hub, titles: Titles) -> None:
        self._hub = hub
        self._titles = titles
        self._queues: dict[str, tuple[ArrSnapshot, Mapping[int, Sequence[QueueItem]]]] = {}  # by *arr
        self._downloads = Downloads(hub)
        self._seen: dict[str, _Sight] = {}  # by wish: what was on its way when it was last looked at

    # --- libraries -----------------------------------------------------------------------------------------------

    async def library(self, keeper: Keeper) -> Library | None:
        """Return what the *arr says now; None: it doesn't answer. Raises `BackendError`."""
        arr = self._titles.arr(keeper)
        if arr is None or not arr.answering:
            return None
        try:
            title = await arr.client.catalogue_title(keeper.library_id)
        except NotFound:
            return Library(title=None)
        if isinstance(arr.client, SonarrClient):
            return Library(title=title, episodes=await arr.client.episodes(keeper.library_id))
        return Library(title=title)

    async def episodes(self, wish: Wish, title: CatalogueTitle | None) -> tuple[CatalogueEpisode, ...] | None:
        """Return the episodes that TMDB knows of a series, as far as they are wanted; None: nobody can be asked.

        Raises `BackendError`.
        """
        tmdb = self._titles.tmdb()
        number = id_of(wish.meant.ids, "tmdb") if wish.meant is not None else None
        if tmdb is None or number is None:
            return None
        if title is None or not title.seasons:
            title = await tmdb.details(TitleKind.SERIES, int(number))
        wanted = [each.number for each in title.seasons if wish.season in {each.number, None}]
        found: list[CatalogueEpisode] = []
        for season in wanted if wish.season is not None else [each for each in wanted if each > 0]:
            with suppress(NotFound):
                found += _counted(title, await tmdb.episodes(int(number), season))
        return tuple(found)

    # --- what is on its way --------------------------------------------------------------------------------------

    async def on_their_way(self, wish: Wish) -> tuple[OnItsWay, ...]:
        """Return what is downloaded for a wish: by anybody, as far as an *arr says so, and what was grabbed for it."""
        now = dt_util.utcnow()
        index = await self._hub.view.index(now)
        found: dict[str, OnItsWay] = {}
        for item in self._items(wish.keeper):
            if item.download_id is None or item.tracked_state is TrackedState.IMPORTED:
                continue
            parts = frozenset(_parts_of(item, wish))
            downloads = index.of_key(item.download_id)
            found[item.download_id] = _of_item(item, parts, downloads[0] if downloads else None)
        missing = {key for part in wish.parts for key in _fetched(part)} - found.keys()
        for key in missing:
            parts = frozenset(part.key for part in wish.parts if key in _fetched(part))
            if (coming := await self._downloads.find(key, index, parts, now)) is not None:
                found[key] = coming
        if wish.keeper is None and any(part.state in WANTED for part in wish.parts):
            found.update(await self._came_after_all(wish, index))
            for each in await self._by_name(wish):
                known = found.get(each.key)
                found[each.key] = each if known is None else replace(each, failed=known.failed, stands=known.stands)
        self._seen[wish.id] = self._sight(wish)
        return tuple(found.values())

    async def _came_after_all(self, wish: Wish, index: DownloadIndex) -> Mapping[str, OnItsWay]:
        """Return what was given up and is here by now, whoever made it go on."""
        wanted = [part for part in wish.parts if part.state in WANTED]
        found: dict[str, OnItsWay] = {}
        for key in {each for part in wanted for each in part.failed if _INFO_HASH.fullmatch(each)}:
            parts = frozenset(part.key for part in wanted if key in part.failed)
            downloads = index.of_key(key)
            here = of_download(downloads[0], parts) if downloads else await self._downloads.at_debrid(key, parts)
            if here is not None and here.finished:
                found[key] = here
        return found

    async def _by_name(self, wish: Wish) -> Sequence[OnItsWay]:
        """Return what somebody else has downloaded of a title that no *arr keeps, as far as its name tells."""
        meant = wish.meant
        assert meant is not None  # noqa: S101 -- it has parts
        wanted = Wanted(kind=meant.kind, names=(meant.name,), year=meant.year, ids=meant.ids)
        answer = await DownloadsSearch(self._hub).offers(Target(text=meant.name, wanted=wanted))
        index = await self._hub.view.index(dt_util.utcnow())
        parts = tuple(replace(part, state=PartState.SEARCHING) for part in wish.parts)
        anything = replace(wish, asked_by=None, state=WishState.SEARCHING, done_at=None, minimum=0, parts=parts)
        found = []
        for offer in answer.offers:
            downloads = index.of_key(offer.info_hash) if offer.info_hash is not None else ()
            keys = matching([offer], [anything]).get(wish.id)
            if keys and downloads:
                found.append(of_download(downloads[0], keys))
        return found

    def _items(self, keeper: Keeper | None) -> Sequence[QueueItem]:
        """Return what the *arr that keeps a title has in its queue of it."""
        arr = self._titles.arr(keeper)
        if keeper is None or arr is None or not isinstance(arr.data, ArrSnapshot):
            return ()
        snapshot, items = self._queues.get(arr.subentry_id, (None, {}))
        if snapshot is not arr.data:
            items = _by_title(arr.data)
            self._queues[arr.subentry_id] = arr.data, items
        return items.get(keeper.library_id, ())

    def all_seen(self, wish: Wish) -> bool:
        """Tell whether everybody answers who would have what is on its way: what nobody has then is gone."""
        backends = self._hub.backends.values()
        clients = [each for each in backends if each.connector.kind in DOWNLOAD_CLIENT_KINDS]
        arr = self._titles.arr(wish.keeper)
        if not all(each.answering for each in (*clients, *((arr,) if arr is not None else ()))):
            return False
        grabbed = [part.grabbed_at for part in wish.parts if part.grabbed_at and part.state in ON_ITS_WAY]
        grabbed += [part.better.grabbed_at for part in wish.parts if part.better is not None]
        mirrors = self._hub.debriding.accounts.values()
        return not grabbed or all(each.checked_at is not None and each.checked_at > max(grabbed) for each in mirrors)

    # --- what changed --------------------------------------------------------------------------------------------

    def changed(self, wishes: Iterable[Wish]) -> Collection[str]:
        """Return the wishes of which something began, ended or is to be imported since they were looked at."""
        return [each.id for each in wishes if (not each.done or _improves(each)) and self._differs(each)]

    def nowhere(self, wishes: Iterable[Wish]) -> Collection[str]:
        """Return the wishes of which something is on its way that no download client has: a debrid service may."""
        clients = self._hub.view.world(dt_util.utcnow()).clients
        return [
            wish.id
            for wish in wishes
            if any(
                not any(key in client.torrents for _, client in clients)
                for part in wish.parts
                for key in _fetched(part)
            )
        ]

    def _differs(self, wish: Wish) -> bool:
        coming, answering = sight = self._sight(wish)
        if wish.id in self._seen:
            return sight != self._seen[wish.id]
        return bool(coming) and answering  # it was not looked at since the start

    def forget(self, wishes: Mapping[str, Wish]) -> None:
        """Forget wishes that are gone."""
        self._seen = {key: value for key, value in self._seen.items() if key in wishes}
        fetched = {key for each in wishes.values() for part in each.parts for key in _fetched(part)}
        self._downloads.keep_only(fetched)

    def _sight(self, wish: Wish) -> _Sight:
        """Return what is on its way as far as it matters, not how fast; and whether its *arr answers."""
        coming: set[object] = {
            (each.download_id, each.status, each.tracked_state, each.tracked_status)
            for each in self._items(wish.keeper)
        }
        keys = {key for part in wish.parts for key in _fetched(part)}
        for _, client in self._hub.view.world(dt_util.utcnow()).clients if keys else ():
            for key in keys:
                if (torrent := client.torrents.get(key)) is not None:
                    coming.add((key, torrent.state, torrent.finished))
        arr = self._titles.arr(wish.keeper)
        arrs = () if wish.meant is None else self._titles.arrs(wish.meant.kind)
        return frozenset(coming | keys), all(each.answering for each in (arrs if arr is None else (arr,)))


def _counted(title: CatalogueTitle, season: Sequence[CatalogueEpisode]) -> Sequence[CatalogueEpisode]:
    """Return the episodes of a season, in their order, counted from the first of all where that can be told."""
    numbers = frozenset(each.episode for each in season)
    told = sorted(absolute_numbers(title, season[0].season, numbers)) if season else []
    if len(told) < len(season):
        return season
    return [replace(each, absolute=number) for each, number in zip(season, told, strict=True)]


def _fetched(part: Part) -> Collection[str]:
    """Return what is on its way for a part, as far as it was grabbed for it."""
    keys = {part.download} if part.state in ON_ITS_WAY else set()
    return (keys | {part.better.download} if part.better is not None else keys) - {""}


def _improves(wish: Wish) -> bool:
    """Tell whether something better than what can be watched is looked for, or on its way."""
    better = (part.better is not None or part.better_until is not None for part in wish.parts)
    return wish.done_at is None and any(better)


def _by_title(snapshot: ArrSnapshot) -> Mapping[int, Sequence[QueueItem]]:
    """Return what is in a queue, by the movie or the series that it is of."""
    found: defaultdict[int, list[QueueItem]] = defaultdict(list)
    for item in snapshot.queue:
        for library_id in {library_id_of(title) for title in item.titles}:
            found[library_id].append(item)
    return found


def _parts_of(item: QueueItem, wish: Wish) -> Iterator[str]:
    """Yield the parts that an item is for; where an *arr knows no more than the season, all of that."""
    for title in item.titles:
        if title.kind is TitleKind.MOVIE:
            yield ""
            continue
        whole = title.kind is TitleKind.SERIES
        for part in wish.parts:
            if part.season == title.season and (whole or part.episode == title.episode):
                yield part.key


def _of_item(item: QueueItem, parts: frozenset[str], download: Download | None) -> OnItsWay:
    finished = download.finished if download is not None else item.tracked_state in _IMPORTING
    return OnItsWay(
        key=item.download_id or "",
        release=item.release,
        parts=parts,
        finished=finished,
        importing=finished or item.tracked_state in _IMPORTING,
        progress=download.progress if download is not None else 0.0,
        waits=download.waits if download is not None else None,
    )
