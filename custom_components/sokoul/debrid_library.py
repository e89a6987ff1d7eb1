"""The *arrs, as repairing Real-Debrid asks them: which title a file is, and another release of that title alone.

An *arr that has a file looks for nothing better unless it is an upgrade, and a link that leads nowhere is a file to it.
So it is asked only once the file is out of the way: then it looks into the folder, blocks the release if that was
grabbed for these titles and no others, and searches, once. What is to be asked outlives a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
import os
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .autopilot.reach import Declined, Reach
from .autopilot.target import Wanting
from .autopilot.undoing import CLOCKS_DIFFER
from .clients.arr import ArrClient
from .clients.errors import BackendError, NotFound
from .const import LOGGER
from .debrid.turns import in_turns
from .debrid_searches import DebridSearches
from .hands import HubHands
from .model.backend import ARR_KINDS
from .model.downloads import BROKEN_STATES
from .model.journal import Json
from .model.library import QueueItem, QueueStatus, Title, TitleFile, TitleFolder
from .model.paths import PathMap, translate
from .model.reasons import Reason
from .model.releases import HistoryEvent, HistoryKind

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub

MEMORY_KEY = "debrid_errands"
#: What an *arr said of its library is believed for so long.
FRESH = timedelta(minutes=10)
#: An errand is looked after so soon, then twice as late each time; after so long it is dropped: its file stayed.
FIRST_LOOK, LONGEST_PAUSE = timedelta(seconds=20), timedelta(minutes=30)
DROPPED_AFTER = timedelta(days=2)
#: An errand that is under way at the end has so long to end.
PARTING_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Something to be asked of an *arr once it has no file any more."""

    arr_id: str
    folder_id: int  # of the movie or the series
    title_ids: tuple[int, ...]
    path: str  # of the file, as we see it
    begun_at: datetime
    due_at: datetime
    looks: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for the store. A path that is no text would make all that is stored with it unreadable."""
        moments = {"begun_at": self.begun_at.isoformat(), "due_at": self.due_at.isoformat()}
        return {**asdict(self), **moments, "path": quote_from_bytes(os.fsencode(self.path))}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Errand:
        """Return a stored one."""
        moments = {name: datetime.fromisoformat(stored[name]) for name in ("begun_at", "due_at")}
        path = os.fsdecode(unquote_to_bytes(stored["path"]))
        return cls(**{**stored, "title_ids": tuple(stored["title_ids"]), "path": path, **moments})


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """What came of giving a torrent up: what there is to say, and what it takes to allow its release again."""

    reason: Reason
    undo: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A file of the library, and whose it is."""

    arr_id: str
    folder_id: int
    titles: tuple[Title, ...]


def _index[T: (TitleFolder, TitleFile)](things: Sequence[T], maps: Sequence[PathMap]) -> dict[str, list[T]]:
    """Return things by what we may call their paths: as they are, where nothing is known, and as maps have it.

    For a thread: there may be many.
    """
    found: dict[str, list[T]] = {}
    for each in in_turns(things, look=5):
        for ours in {each.path, translate(maps, each.path) or each.path}:
            found.setdefault(_plain(ours) if isinstance(each, TitleFolder) else ours, []).append(each)
    return found


def _plain(path: str) -> str:
    """Return a path without what means nothing in it. One that leads upwards is left as it is."""
    names = [name for name in path.split("/") if name not in {"", "."}]
    return path if ".." in names or not path.startswith("/") else f"/{'/'.join(names)}"


def _above(path: str) -> Iterator[str]:
    """Return the folders that a path is in; none for one that leads upwards somewhere."""
    if ".." not in path.split("/"):
        folder = _plain(path)
        while folder:
            yield folder
            folder = folder.rpartition("/")[0]


class _Indexed(NamedTuple):
    """Folders or files by our paths, and what that was worked out of."""

    things: tuple[Any, ...]
    maps: tuple[PathMap, ...]
    at: Mapping[str, Sequence[Any]]


class DebridLibrary:
    """The libraries of all *arrs of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._folders: dict[str, tuple[datetime, tuple[TitleFolder, ...]]] = {}
        self._files: dict[tuple[str, int], tuple[datetime, tuple[TitleFile, ...]]] = {}
        self._indexed: dict[tuple[str, int | None], _Indexed] = {}
        self._errands: dict[str, Errand] = {}  # by the path of the file
        self._searches = DebridSearches(hub)
        self._searching = asyncio.Lock()  # else two that lost the same would both find that nobody searches
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    # --- life ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Go on with what was to be asked."""
        self._stopped = False
        self._searches.start()
        for stored in self._hub.memory.get(MEMORY_KEY, ()):
            try:
                errand = Errand.from_json(stored)
            except KeyError, TypeError, ValueError:
                LOGGER.warning("What was to be asked of an *arr can't be read any more: %s", stored)
                continue
            self._errands[errand.path] = errand
        self._plan()

    async def stop(self) -> None:
        """Ask nothing any more; what is left goes on after the next start."""
        self._stopped = True
        self._plan()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=PARTING_SECONDS)

    # --- files ---------------------------------------------------------------------------------------------------

    async def knows(self, path: str) -> bool:
        """Tell whether an *arr has exactly one movie, or the episodes of this one file, at our path, and wants them."""
        return await self._find(path) is not None

    async def replace(self, path: str) -> bool:
        """Have another release searched for the title of a file, once the file is out of the way.

        Returns whether that will be done: as of then it outlives a restart.
        """
        found = await self._find(path)
        if found is None:
            return False
        now = dt_util.utcnow()
        self._errands[path] = Errand(
            arr_id=found.arr_id,
            folder_id=found.folder_id,
            title_ids=tuple(sorted(title.id for title in found.titles)),
            path=path,
            begun_at=now,
            due_at=now + FIRST_LOOK,
        )
        await self._keep()
        return True

    async def _find(self, path: str) -> _Found | None:
        """Return whose file it is: of one *arr only, and of titles that it monitors."""
        found: list[_Found] = []
        for backend in self._arrs():
            try:
                found += await self._look(backend, path)
            except BackendError as error:
                LOGGER.debug("%s could not be asked for the title of a file: %s", backend.title, error)
                return None
        wanted = [each for each in found if each.titles and all(title.monitored for title in each.titles)]
        return wanted[0] if len(found) == len(wanted) == 1 else None

    async def _look(self, backend: AnyCoordinator, path: str) -> list[_Found]:
        found: list[_Found] = []
        for folder in await self._folders_with(backend, path):
            files = await self._files_of(backend, folder.id)
            at = await self._by_path(backend, folder.id, files)
            found += [
                _Found(arr_id=backend.subentry_id, folder_id=folder.id, titles=file.titles) for file in at.get(path, ())
            ]
        return found

    async def _folders_with(self, backend: AnyCoordinator, path: str) -> list[TitleFolder]:
        """Return the folders of titles that a path is in, whatever we may call them."""
        folders = await self._folders_of(backend)
        at = await self._by_path(backend, None, folders)
        return list({folder.id: folder for above in _above(path) for folder in at.get(above, ())}.values())

    async def _by_path[T: (TitleFolder, TitleFile)](
        self, backend: AnyCoordinator, folder_id: int | None, things: tuple[T, ...]
    ) -> Mapping[str, Sequence[T]]:
        """Return things by our paths of them. Worked out once: it is asked for each of very many links."""
        key, maps = (backend.subentry_id, folder_id), self._maps(backend)
        known = self._indexed.get(key)
        if known is None or known.things is not things or known.maps != maps:
            at = await asyncio.to_thread(_index, things, maps)
            known = self._indexed[key] = _Indexed(things, maps, at)
        return known.at

    def _arrs(self) -> list[AnyCoordinator]:
        return [each for each in self._hub.backends.values() if each.connector.kind in ARR_KINDS]

    def _maps(self, backend: AnyCoordinator) -> tuple[PathMap, ...]:
        judged = self._hub.view.path_maps.get(backend.subentry_id, ())
        maps = (each.map for each in judged if each.map is not None)
        return (*maps, *self._hub.paths.corrections(backend.subentry_id))

    async def _folders_of(self, backend: AnyCoordinator) -> tuple[TitleFolder, ...]:
        now, known = dt_util.utcnow(), self._folders.get(backend.subentry_id)
        if known is None or now - known[0] >= FRESH:
            client: ArrClient = backend.client
            known = self._folders[backend.subentry_id] = now, await client.folders()
        return known[1]

    async def _files_of(self, backend: AnyCoordinator, folder_id: int) -> tuple[TitleFile, ...]:
        key, now = (backend.subentry_id, folder_id), dt_util.utcnow()
        known = self._files.get(key)
        if known is None or now - known[0] >= FRESH:
            client: ArrClient = backend.client
            try:
                files = await client.title_files(folder_id)
            except NotFound:
                files = ()
            known = self._files[key] = now, files
        return known[1]

    # --- torrents ------------------------------------------------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """Whether every *arr can be asked now."""
        return all(backend.answering for backend in self._arrs())

    async def give_up(self, info_hash: str) -> HandOver:
        """Have the release of a torrent blocked, and another one searched for what lacks because of it.

        Several accounts may have had it: what was searched for because of it already is not searched for again.
        What has a file is left alone, whether that is good or not: links that lead nowhere are dealt with one by one.
        So is what is downloaded elsewhere: that Real-Debrid won't have it says nothing of a swarm.
        Raises `Declined` while an *arr can't be asked.
        """
        hands = HubHands(self._hub)
        reach = Reach(hands)
        left: HandOver | None = None
        for backend in self._arrs():
            if hands.arr(backend.subentry_id) is None:
                raise Declined("unreachable", backend=backend.title)
            with reach.asking(backend.subentry_id):
                async with self._searching:
                    told = await self._give_up(backend, reach, info_hash, held=self._is_held(info_hash))
            if told is not None and told.reason.key == HANDED_OVER:
                return told
            left = told or left
        return left or HandOver(reason=Reason(key="result.no_arr_knows"))

    async def _give_up(self, backend: AnyCoordinator, reach: Reach, info_hash: str, *, held: bool) -> HandOver | None:
        """Give a torrent up at one *arr; None: that never had it. `held`: a download client has it."""
        client: ArrClient = backend.client
        items = [item for item in await client.queue() if item.download_id == info_hash]
        if items and (held or any(_advances(item) for item in items)):
            return HandOver(reason=Reason(key="result.on_its_way", parameters={"release": items[0].release}))
        if items:
            titles = tuple(dict.fromkeys(title for item in items for title in item.titles))
            wanting = Wanting(
                arr_id=backend.subentry_id, download_id=info_hash, release=items[0].release, titles=titles
            )
            searches = (await client.download_handling()).redownloads
            await reach.forget(wanting, blocklist=True, search_again=True)
            if titles and not searches:
                await client.search([title.id for title in titles])
            await self._searches.note(backend.subentry_id, [title.id for title in titles], info_hash)
            return _handed_over(backend, titles, items[0].release)
        grab = await client.grab_history(info_hash)
        if grab is None:
            return None
        details = await client.titles(grab.title_ids)
        lacking = tuple(each.title for each in details if not each.has_file and each.title.monitored)
        if not lacking:
            return HandOver(reason=Reason(key="result.arr_has_file", parameters={"arr": backend.title}))
        if not await self._search_instead(backend, lacking, info_hash):
            names = tuple(title.label for title in lacking)
            return HandOver(
                reason=Reason(key="result.searched_already", parameters={"arr": backend.title, "titles": names})
            )
        return _handed_over(backend, lacking, grab.release)

    def _is_held(self, info_hash: str) -> bool:
        """Tell whether a download client has a torrent, and no trouble with it."""
        clients = (each.client for each in self._hub.view.world(dt_util.utcnow()).backends.values())
        found = (client.torrents.get(info_hash) for client in clients if client is not None)
        return any(torrent is not None and torrent.state not in BROKEN_STATES for torrent in found)

    async def allow_again(self, undo: Json, since: datetime) -> None:
        """Allow a release again that was blocked since a moment. Raises `Declined` while its *arr can't be asked."""
        hands = HubHands(self._hub)
        backend = self._hub.backends.get(undo["arr_id"])
        if backend is None or hands.arr(undo["arr_id"]) is None:
            raise Declined("unreachable", backend=hands.title(undo["arr_id"]))
        client: ArrClient = backend.client
        with Reach(hands).asking(backend.subentry_id):
            titles = [each.title for each in await client.titles(undo["title_ids"])]
            for blocked in await client.blocklist(titles):
                recent = blocked.at is None or blocked.at >= since - CLOCKS_DIFFER
                if recent and blocked.release.casefold() == undo["release"].casefold():
                    await client.remove_from_blocklist(blocked.id)

    # --- errands -------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        self._hub.memory.set(MEMORY_KEY, [errand.as_json() for errand in self._errands.values()])
        await self._hub.memory.save_now()
        self._plan()

    @callback
    def _plan(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
        if self._errands and not self._stopped:
            due = min(errand.due_at for errand in self._errands.values())
            pause = max((due - dt_util.utcnow()).total_seconds(), 0)
            self._cancel_timer = async_call_later(self._hub.hass, pause, self._due)

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel_timer = None
        if self._task is None or self._task.done():
            self._task = self._hub.in_background(self._run(), "search for what links lost")

    async def _run(self) -> None:
        now = dt_util.utcnow()
        for errand in [each for each in self._errands.values() if each.due_at <= now]:
            later = replace(errand, looks=errand.looks + 1, due_at=now + _pause(errand.looks))
            self._errands[errand.path] = later
            backend = self._hub.backends.get(errand.arr_id)
            if backend is None or now - errand.begun_at > DROPPED_AFTER:
                del self._errands[errand.path]
            elif backend.answering:
                try:
                    await self._go(errand, backend)
                except BackendError as error:
                    LOGGER.debug("%s could not be asked for another release: %s", backend.title, error)
        await self._keep()

    async def _go(self, errand: Errand, backend: AnyCoordinator) -> None:
        """Ask for another release if there is no file any more; else have it looked whether there is."""
        client: ArrClient = backend.client
        titles = await client.titles(errand.title_ids)
        if any(title.has_file for title in titles):
            await client.rescan(errand.folder_id)
            return

        async def end() -> None:
            if self._errands.pop(errand.path, None) is not None:
                await self._keep()

        if titles:  # it ends right before it is asked for: a search that was asked for twice would be one too many
            async with self._searching:
                await self._search_instead(backend, tuple(each.title for each in titles), asking=end)
        await end()

    async def _search_instead(
        self,
        backend: AnyCoordinator,
        titles: tuple[Title, ...],
        download_id: str | None = None,
        *,
        asking: Callable[[], Awaitable[None]] | None = None,
    ) -> bool:
        """Block a download (else what was imported last) of titles, and search for another, once and for these alone.

        Returns False where all of them were searched for already because of it. To be awaited while `_searching`.
        `asking` is awaited right before anything is changed: what failed until then can be done again.
        """
        client: ArrClient = backend.client
        events = await client.title_history(titles)
        imported = [event.download_id for event in events if event.kind is HistoryKind.IMPORTED]
        bad = download_id or (imported[-1] if imported else None)
        ids = {title.id for title in titles}
        if not (ids := ids - self._searches.asked(backend.subentry_id, ids, bad)):
            return False
        if searched := await _search(client, ids, bad, events, asking):
            await self._searches.note(backend.subentry_id, searched, bad)
        return True


def _pause(looks: int) -> timedelta:
    return min(FIRST_LOOK * float(1 << min(looks + 1, 16)), LONGEST_PAUSE)


# --- asking an *arr --------------------------------------------------------------------------------------------------

HANDED_OVER = "result.handed_over"


def _advances(item: QueueItem) -> bool:
    """Tell whether a download client of the *arr that SOKOUL may not see has got some of it, and no trouble with it."""
    return item.remaining_bytes < item.size_bytes and item.status not in {QueueStatus.FAILED, QueueStatus.WARNING}


def _handed_over(backend: AnyCoordinator, titles: tuple[Title, ...], release: str) -> HandOver:
    names = tuple(title.label for title in titles)
    return HandOver(
        reason=Reason(key=HANDED_OVER, parameters={"arr": backend.title, "titles": names}),
        undo={
            "arr_id": backend.subentry_id,
            "release": release,
            "title_ids": sorted(title.id for title in titles),
        },
    )


async def _search(
    client: ArrClient,
    ids: set[int],
    bad: str | None,
    events: tuple[HistoryEvent, ...],
    asking: Callable[[], Awaitable[None]] | None,
) -> set[int]:
    """Block a download of titles, whose history is given, and search for another. Returns those searched for.

    What is on its way already is not searched for. Blocking makes an *arr search by itself, if it is set so, for all
    that was grabbed with the release: one that was grabbed for others as well is not blocked. A search for an episode
    takes no pack.
    """
    queue = await client.queue()
    coming = {title.id for item in queue if item.download_id != bad for title in item.titles}
    if ids <= coming:
        return set()
    grab = await client.grab_history(bad) if bad is not None else None
    if grab is not None and grab.title_ids == ids and not _failed_since(events, bad, grab.at):
        handling = await client.download_handling()
        if asking is not None:
            await asking()
        await client.mark_failed(grab.history_id)
        if handling.redownloads and (handling.redownloads_chosen or not grab.by_hand):
            return ids
    elif asking is not None:
        await asking()
    await client.search(ids - coming)
    return ids - coming


def _failed_since(events: tuple[HistoryEvent, ...], download_id: str | None, since: datetime) -> bool:
    failed = (event for event in events if event.kind is HistoryKind.FAILED)
    return any(event.download_id == download_id and event.at >= since for event in failed)
