"""The queue of a Radarr or Sonarr: what it says of its downloads, and what happens when an item is removed.

An item is a torrent of a real download client, watched by `refresh`; or it was put there by a test (`scripted`), which
stands still until it is changed. A client that can't be reached has no items: they are gone from the queue until it is
back, as with the real ones. An item that was imported, failed or is ignored isn't tracked again.
"""

import asyncio
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .arr_imports import Verdict
from .arr_queue_item import QUEUE_STATUSES, QueueItem, StatusMessage
from .download_client import DownloadClientError, TorrentState
from .library import Wanted
from .quality import UNKNOWN, languages
from .servarr_http import ApiError, Json, Query, answer, id_of, identity, moment, object_of, page_of, time_span
from .servarr_providers import Provider

if TYPE_CHECKING:
    from .arr import ArrSimulator

__all__ = ["Queue", "QueueItem", "StatusMessage"]

_STOPPED_COMPLETE = {"pausedUP", "stoppedUP"}


class Queue:
    """What is being downloaded."""

    #: how long a finished download waits before it is imported, and how long that takes
    IMPORT_WAITS = timedelta(seconds=5)
    IMPORT_TAKES = timedelta(seconds=10)
    REFRESH_EVERY = timedelta(minutes=1)
    #: how long, in real time, an answer waits for a download client
    PATIENCE_SECONDS = 0.5

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr
        self.items: list[QueueItem] = []  # as of the last refresh
        self.grabs: dict[str, QueueItem] = {}  # by download id, also of what isn't in the client any more
        self.followed: set[str] = set()  # download ids that were seen, and not taken out since
        self.settled: dict[str, str] = {}  # download ids that aren't tracked again: "imported", "failed", "ignored"
        self.import_blocks: dict[str, tuple[str, ...]] = {}  # complaints that keep a download from being imported
        self.refreshed: datetime | None = None
        self._lock = asyncio.Lock()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/queue", self._page),
            web.get("/queue/details", self._details),
            web.get("/queue/status", self._status),
            web.post("/queue/grab/bulk", self._grab_bulk),
            web.post("/queue/grab/{id:\\d+}", self._grab),
            web.delete("/queue/bulk", self._delete_bulk),
            web.delete("/queue/{id:\\d+}", self._delete),
        )

    # --- what the download clients say ---------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether the last refresh was a minute ago, by the clock."""
        return self.refreshed is None or self.arr.clock.now() >= self.refreshed + self.REFRESH_EVERY

    async def refresh_when_due(self) -> None:
        """Refresh once a minute, by the clock."""
        if self.due:
            await self.refresh()

    async def _look(self) -> None:
        """Refresh when due; but answer from what is known rather than wait for a client that hangs."""
        if self.due:
            done = asyncio.Event()
            self.arr.spawn(self._refresh_then(done))
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), self.PATIENCE_SECONDS)

    async def _refresh_then(self, done: asyncio.Event) -> None:
        try:
            await self.refresh()
        finally:
            done.set()

    async def refresh(self) -> None:
        """Look at every download client, and import what is finished."""
        self.refreshed = self.arr.clock.now()
        async with self._lock:
            before = list(self.items)
            seen: list[QueueItem] = []
            for client in self.arr.clients.enabled():
                try:
                    seen += await self._refresh_client(client)
                except DownloadClientError:
                    self.arr.clients.failed(client)
                else:
                    self.arr.clients.works(client)
            # what came or went while the clients were asked is newer than their answers
            came = [item for item in self.items if item not in before and item not in seen]
            gone = [item for item in before if item not in self.items]
            scripted = [item for item in before if item.scripted and item not in gone]
            self.items = [*scripted, *(item for item in seen if item not in gone), *came]

    async def _refresh_client(self, client: Provider) -> list[QueueItem]:
        connection = self.arr.clients.connection(client)
        torrents = await connection.torrents(self.arr.clients.category(client))
        has_dht = bool((await connection.preferences()).get("dht", True))
        items = []
        for torrent in torrents:
            item = self._item_of(torrent, client)
            self.follow(item)
            if torrent.hash in self.settled:
                item.torrent = torrent
                await self._after_import(client, torrent)
                continue
            path = self.arr.clients.local_path(client, torrent.content_path or torrent.save_path)
            item.update(torrent, path, has_dht=has_dht)
            if item.status == "completed":
                await self.import_finished(item)
            if torrent.hash not in self.settled:
                items.append(item)
        return items

    def _item_of(self, torrent: TorrentState, client: Provider) -> QueueItem:
        item = self.grabs.get(torrent.hash)
        if item is None:
            item = self.grabs[torrent.hash] = QueueItem(
                title=torrent.name,
                wanted=self.arr.match(torrent.name),
                quality=self.arr.quality_of(torrent.name) or UNKNOWN,
                added=self.arr.clock.now(),
                download_id=torrent.hash,
            )
        item.client = client
        return item

    async def import_finished(self, item: QueueItem) -> None:
        """Take a finished download one step further on its way into the library."""
        item.importable = True
        if not self.arr.download_handling.values["enableCompletedDownloadHandling"]:
            return
        now = self.arr.clock.now()
        item.completed_at = item.completed_at or now
        if complaints := self.import_blocks.get(item.download_id or ""):
            self._block(item, *complaints)
            return
        if not item.wanted:
            self._block(item, self.arr.sentences.mismatch)
            return
        verdicts = self.arr.imports.verdicts(item)
        if not verdicts:
            await self._without_videos(item)
            return
        if all(verdict.rejections for verdict in verdicts):
            self._reject(item, verdicts)
            return
        item.settle("importPending")
        if now >= item.completed_at + self.IMPORT_WAITS:
            item.tracked_state = "importing"
        if now >= item.completed_at + self.IMPORT_WAITS + self.IMPORT_TAKES:
            await self.arr.imports.take(item, [verdict.file for verdict in verdicts if not verdict.rejections])
            if not await self.verify_import(item):
                self._reject(item, [verdict for verdict in verdicts if verdict.rejections])

    async def _without_videos(self, item: QueueItem) -> None:
        issue = self.arr.imports.issue(item)
        if issue is None:
            item.warn("importPending", f"No files found are eligible for import in {item.output_path}")
        elif issue[0] in self.arr.imports.failing:
            await self.arr.giving_up.fail(item, "Failed download detected", search_again=True)
        elif self.arr.giving_up.grab_of(item) is None:
            self._block(item, title=self.arr.sentences.not_all_imported)
        else:
            self._reject_one(item, issue[1])

    def _reject(self, item: QueueItem, verdicts: list[Verdict]) -> None:
        """Complain about files that can't be imported: of one file of a grab otherwise than of many."""
        grabbed = self.arr.giving_up.grab_of(item) is not None
        if len(verdicts) == 1 and len(self.arr.imports.videos(item)) == 1 and grabbed:
            self._reject_one(item, *verdicts[0].rejections)
            return
        self._block(item, title=self.arr.sentences.not_all_imported)
        folder = item.output_path or ""
        files = ((verdict.file.path(folder).rpartition("/")[2], verdict.rejections) for verdict in verdicts)
        item.messages += tuple(StatusMessage(name, rejections) for name, rejections in files)

    def _reject_one(self, item: QueueItem, *complaints: str) -> None:
        """Complain about a grab's only file: Radarr goes on trying to import it."""
        if self.arr.application == "Radarr":
            item.warn("importPending", *complaints)
        else:
            self._block(item, *complaints)

    def _block(self, item: QueueItem, *complaints: str, title: str | None = None) -> None:
        item.warn("importBlocked", *complaints, title=title)
        if not item.manual_asked and item.wanted:
            item.manual_asked = True
            self.arr.webhooks.manual_interaction(item)

    async def verify_import(self, item: QueueItem) -> bool:
        """Finish with a download when all of it was imported (of a movie: anything), and tell its client."""
        imported = {
            id(event.wanted)
            for event in self.arr.history.events
            if (event.event, event.download_id) == ("downloadFolderImported", item.download_id)
        }
        if len(imported) < max(1, len(item.wanted) if self.arr.kind != "movie" else 1):
            return False
        item.settle("imported")
        self.settled[str(item.download_id)] = "imported"
        if item in self.items:
            self.items.remove(item)
        if item.client is not None and item.torrent is not None:
            imported_category = self.arr.clients.imported_category(item.client)
            if imported_category:
                await self.arr.clients.connection(item.client).set_category(item.torrent.hash, imported_category)
        return True

    async def _after_import(self, client: Provider, torrent: TorrentState) -> None:
        """Remove an imported torrent from the client once it stopped by itself after seeding enough."""
        if self.settled[torrent.hash] != "imported" or torrent.state not in _STOPPED_COMPLETE:
            return
        await self._remove_if_seeded(client, torrent)

    async def remove_if_seeded(self, item: QueueItem) -> None:
        """Remove a torrent from the client when it stopped by itself after seeding enough."""
        if item.client is not None and item.torrent is not None and item.torrent.state in _STOPPED_COMPLETE:
            with suppress(DownloadClientError):
                await self._remove_if_seeded(item.client, item.torrent)

    async def _remove_if_seeded(self, client: Provider, torrent: TorrentState) -> None:
        if client.attributes.get("removeCompletedDownloads"):
            limits = await self.arr.clients.connection(client).preferences()
            if limits.get("max_ratio_enabled") and torrent.ratio >= float(limits.get("max_ratio", 0)):
                await self.arr.clients.connection(client).delete(torrent.hash, with_files=True)

    def forget_download(self, item: QueueItem, *, stays: bool = False) -> None:
        """Stop following a download, until it is seen again; one that a test put here `stays` in the queue."""
        self.followed.discard(str(item.download_id))
        item.importable = False
        if item in self.items and not stays:
            self.items.remove(item)

    def follow(self, item: QueueItem) -> None:
        """Note that a download was seen."""
        self.followed.add(str(item.download_id))

    def find_download(self, download_id: str) -> QueueItem | None:
        """Return a download that is followed, finished with or not, by its id as it is spelled."""
        return self.grabs.get(download_id) if download_id in self.followed else None

    def forget(self, titles: Container[Wanted]) -> None:
        """Let items of titles that left the library be unknown ones."""
        for item in {*self.items, *self.grabs.values()}:
            item.wanted = tuple(one for one in item.wanted if one not in titles)

    async def retry_waiting(self) -> None:
        """Grab what could not be sent to a download client."""
        now = self.arr.clock.now()
        for item in [each for each in self.items if each.status in {"downloadClientUnavailable", "delay"}]:
            if item.release is not None and (item.status != "delay" or (item.due is not None and item.due <= now)):
                self.items.remove(item)
                await self.arr.grabbing.grab(item.release, item.wanted, interactive=False)

    # --- records -------------------------------------------------------------------------------------------------

    def record_id(self, item: QueueItem, one: Wanted | None) -> int:
        """Return the id of a record: a hash of what it stands for."""
        client = item.client.id if item.client else 0
        if item.pending:
            return identity(f"pending-{item.title}-{one.id if one else 0}")
        return identity(f"trackedDownload-{client}-{item.download_id}-{one.id if one else 0}")

    def records(self) -> list[tuple[QueueItem, Wanted | None]]:
        """Return items with their titles: one record an episode."""
        return [(item, one) for item in self.items for one in (item.wanted or (None,))]

    def find(self, record_id: int) -> QueueItem:
        """Return the item behind a record. Raises the 404."""
        for item, one in self.records():
            if self.record_id(item, one) == record_id:
                return item
        raise ApiError.not_found()

    def json(self, item: QueueItem, one: Wanted | None, included: Callable[[Wanted], Json]) -> Json:
        """Return a record."""
        client = item.client
        time_left = max(item.due - self.arr.clock.now(), timedelta()) if item.due else item.time_left
        return {
            "id": self.record_id(item, one),
            **(self.arr.queue_ids_of(one) if one is not None else {}),
            "languages": languages(item.languages),
            "quality": self.arr.quality_json(item.quality),
            "customFormats": [],
            "customFormatScore": item.score,
            "size": item.size_bytes,
            "title": item.title,
            "estimatedCompletionTime": None if time_left is None else moment(self.arr.clock.now() + time_left),
            "added": moment(item.added),
            "status": item.status,
            "trackedDownloadStatus": None if item.pending else item.tracked_status,
            "trackedDownloadState": None if item.pending else item.tracked_state,
            "statusMessages": [
                {"title": message.title, "messages": list(message.messages)} for message in item.messages
            ],
            "errorMessage": item.error_message,
            "downloadId": item.download_id,
            "protocol": item.protocol,
            "downloadClient": client.name if client else item.client_name,
            "downloadClientHasPostImportCategory": bool(client and self.arr.clients.imported_category(client)),
            "indexer": item.indexer,
            "outputPath": item.output_path,
            "sizeleft": item.remaining_bytes,
            "timeleft": time_span(time_left),
            **(included(one) if one is not None else {}),
        }

    async def _page(self, request: web.Request) -> web.Response:
        await self._look()
        query = Query(request)
        with_unknown = query.boolean(f"includeUnknown{self.arr.kind.capitalize()}Items")
        of_titles = self.arr.title_filter(query)
        protocol = query.choice("protocol", ("unknown", "usenet", "torrent"))
        statuses = query.choices("status", QUEUE_STATUSES)
        qualities = query.integers("quality")
        query.integers("languages")
        included = self.arr.included(query)
        records = [
            (item, one)
            for item, one in self.records()
            if (with_unknown if one is None else of_titles(one))
            and protocol in {None, item.protocol}
            and (not statuses or item.status in statuses)
            and (not qualities or self.arr.quality_json(item.quality)["quality"]["id"] in qualities)
        ]
        return answer(
            page_of(
                query,
                records,
                lambda record: self.json(*record, included),
                sorts=_SORTS | {f"{self.arr.kind}.sortTitle": _by_title, f"{self.arr.plural}.sortTitle": _by_title},
                default_sort="timeleft",
            )
        )

    async def _details(self, request: web.Request) -> web.Response:
        await self._look()
        query = Query(request)
        of_titles = self.arr.title_filter(query)
        included = self.arr.included(query)
        return answer(
            [self.json(item, one, included) for item, one in self.records() if one is not None and of_titles(one)]
        )

    async def _status(self, request: web.Request) -> web.Response:
        del request
        await self._look()
        known = [item for item, one in self.records() if one is not None]
        unknown = [item for item, one in self.records() if one is None]
        return answer(
            {
                "totalCount": len(known) + len(unknown),
                "count": len(known),
                "unknownCount": len(unknown),
                "errors": any(item.tracked_status == "error" for item in known),
                "warnings": any(item.tracked_status == "warning" for item in known),
                "unknownErrors": any(item.tracked_status == "error" for item in unknown),
                "unknownWarnings": any(item.tracked_status == "warning" for item in unknown),
            }
        )

    # --- taking items out ----------------------------------------------------------------------------------------

    @staticmethod
    def _flags(request: web.Request) -> dict[str, bool]:
        query = Query(request)
        return {
            "from_client": query.boolean("removeFromClient", default=True),
            "blocklist": query.boolean("blocklist"),
            "skip_redownload": query.boolean("skipRedownload"),
            "change_category": query.boolean("changeCategory"),
        }

    async def _delete(self, request: web.Request) -> web.Response:
        await self.arr.giving_up.remove((id_of(request),), **self._flags(request))
        return answer({})

    async def _delete_bulk(self, request: web.Request) -> web.Response:
        ids = (await object_of(request)).get("ids") or ()
        await self.arr.giving_up.remove(ids, **self._flags(request))
        return answer({})

    async def _grab_pending(self, record_id: int) -> None:
        item = self.find(record_id)
        if not item.pending or item.release is None:
            raise ApiError.not_found()
        self.items.remove(item)
        await self.arr.grabbing.grab(item.release, item.wanted, interactive=True)

    async def _grab(self, request: web.Request) -> web.Response:
        await self._grab_pending(id_of(request))
        return answer({})

    async def _grab_bulk(self, request: web.Request) -> web.Response:
        for number in (await object_of(request)).get("ids") or ():
            await self._grab_pending(int(number))
        return answer({})


type _Record = tuple[QueueItem, Wanted | None]


def _by_title(record: _Record) -> Any:
    return record[0].title.lower()


_SORTS: dict[str, Callable[[_Record], Any]] = {
    "timeleft": lambda record: record[0].time_left,
    "estimatedCompletionTime": lambda record: record[0].time_left,
    "added": lambda record: record[0].added,
    "title": _by_title,
    "status": lambda record: record[0].status,
    "size": lambda record: record[0].size_bytes,
    "progress": lambda record: 1 - record[0].remaining_bytes / max(record[0].size_bytes, 1),
    "protocol": lambda record: record[0].protocol,
    "indexer": lambda record: (record[0].indexer or "").lower(),
    "downloadClient": lambda record: record[0].client.name if record[0].client else record[0].client_name,
    "quality": lambda record: record[0].quality.weight,
    "languages": lambda record: record[0].languages,
}
