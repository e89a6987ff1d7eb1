"""What Radarr and Sonarr have in common (API v3): their queue, library and set-up.

Searching, grabbing and history are in `arr_releases`, importing is in `arr_imports`, finding and adding titles is in
`arr_catalogue`.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
import re
from typing import Any, ClassVar

from aiohttp import ClientSession

from ..model.library import (
    ArrWiring,
    Command,
    Disk,
    DownloadClientLink,
    KnownFile,
    Protocol,
    QueueItem,
    QueueStatus,
    RemotePathMapping,
    RootFolder,
    Title,
    TrackedState,
    TrackedStatus,
    UpcomingTitle,
    Webhook,
)
from ..model.releases import DownloadHandling, TitleDetails
from .arr_catalogue import ArrCatalogue
from .arr_imports import ArrImports
from .arr_library import ArrLibrary
from .arr_releases import ArrReleases, our_id
from .errors import NotFound, UnexpectedResponse
from .fields import Fields, each
from .http import DEFAULT_TIMEOUT_SECONDS
from .servarr import ServarrClient, instant, settings, text_of

__all__ = ["MAX_IDS", "MAX_PAGES", "PAGE_SIZE", "ArrClient", "ServarrClient", "files", "instant", "settings", "text_of"]

#: With their titles, this many records are decoded in a few milliseconds: more would hold up the event loop.
PAGE_SIZE = 200
#: A queue longer than this many pages is a server that does not know its end.
MAX_PAGES = 500
#: Saving a webhook makes the *arr send a test and wait for the answer before it answers itself.
SAVE_SECONDS = 30.0
#: `downloadFolderImported`: the history filters by number where it answers with names.
IMPORTED = 3
#: As many ids as fit into the query of one request (some proxies refuse more than 2,048 characters).
MAX_IDS = 100
#: How Prowlarr names itself to the *arrs: its own address and the indexer's number.
_PROXIED_INDEXER = re.compile(r"(?P<manager>https?://.+)/\d+/?")


@dataclass(frozen=True, slots=True, eq=False)
class _QueuePage:
    """A page of the queue. What is the same object was the same answer."""

    digest: bytes  # of the answer
    records: tuple[QueueItem, ...]
    total: int  # records on all pages


class ArrClient(ArrReleases, ArrImports, ArrLibrary, ArrCatalogue, ABC):
    """Radarr or Sonarr, API v3."""

    api = "api/v3"
    #: the names of what their settings call after their kind of title
    category_fields: ClassVar[tuple[str, str]]
    #: the webhook events that tell of a change in the queue, the library or the health
    webhook_events: ClassVar[frozenset[str]]
    _queue_includes: ClassVar[Mapping[str, bool]]
    _history_includes: ClassVar[Mapping[str, bool]]

    def __init__(
        self, session: ClientSession, url: str, api_key: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        super().__init__(session, url, api_key, timeout_seconds=timeout_seconds)
        # the queue as it was last read: its pages, its records and downloads by their ids, and itself
        self._pages: list[_QueuePage] = []
        self._items: dict[tuple[int, ...], QueueItem] = {}
        self._queue: tuple[QueueItem, ...] = ()

    # --- reading -------------------------------------------------------------------------------------------------

    async def queue(self) -> tuple[QueueItem, ...]:
        """Return the whole queue, items that the application doesn't know the title of included.

        One download is one item, however many records (episodes) it has. Items may come and go between two pages:
        a record is counted once, and a page that brings nothing new is the last. Items that did not change are the
        same objects as before, and so is a queue that was answered in the same words: to decode and compare ten
        thousand items each time would hold up the event loop. Source: GET /queue.
        """
        pages: list[_QueuePage] = []
        records: dict[tuple[int, ...], QueueItem] = {}
        while len(pages) < MAX_PAGES:
            page = await self._queue_page(len(pages))
            pages.append(page)
            read = len(records)
            records.update((record.ids, record) for record in page.records)
            if len(pages) * PAGE_SIZE >= page.total or len(records) == read:
                break
        if pages != self._pages:
            await asyncio.sleep(0)  # the last page was work enough for one turn of the event loop
            downloads: dict[str | int, list[QueueItem]] = {}
            for record in records.values():
                downloads.setdefault(record.download_id or record.ids[0], []).append(record)
            self._queue = tuple(self._as_known(_merged(items)) for items in downloads.values())
            self._pages, self._items = pages, records | {item.ids: item for item in self._queue}
        return self._queue

    async def _queue_page(self, index: int) -> _QueuePage:
        """Read a page of the queue; an answer that came before needs not be decoded."""
        # oldest first: what is added meanwhile comes last instead of moving what was not read yet
        order = {"sortKey": "added", "sortDirection": "ascending"}
        answer = await self._http.request(
            "GET",
            f"{self.api}/queue",
            params={"page": index + 1, "pageSize": PAGE_SIZE, **order, **self._queue_includes},
        )
        digest = blake2b(answer.body, digest_size=16).digest()
        if index < len(self._pages) and self._pages[index].digest == digest:
            return self._pages[index]
        page = Fields(answer.json(), "queue")
        records = each(page.raw("records"), "queue.records")
        return _QueuePage(
            digest, tuple(self._as_known(self._queue_item(record)) for record in records), page.whole("totalRecords")
        )

    def _as_known(self, item: QueueItem) -> QueueItem:
        """Return the item from before where it is equal."""
        known = self._items.get(item.ids)
        return known if known is not None and known == item else item

    async def missing_count(self) -> int:
        """Return how many monitored titles have no file. Source: GET /wanted/missing."""
        return await self._count("wanted/missing")

    async def cutoff_unmet_count(self) -> int:
        """Return how many monitored titles have a file below the wanted quality. Source: GET /wanted/cutoff."""
        return await self._count("wanted/cutoff")

    async def disks(self) -> tuple[Disk, ...]:
        """Return the mounts as the application sees them (several may be one disk). Source: GET /diskspace."""
        return tuple(
            Disk(
                path=disk.text("path"),
                free_bytes=disk.whole("freeSpace"),
                total_bytes=disk.whole("totalSpace"),
                label=disk.text("label", ""),
            )
            for disk in each(await self._get("diskspace"), "diskspace")
        )

    async def root_folders(self) -> tuple[RootFolder, ...]:
        """Return the library's folders. Source: GET /rootfolder."""
        return tuple(
            RootFolder(
                path=folder.text("path"),
                accessible=folder.flag("accessible"),
                free_bytes=folder.optional_whole("freeSpace"),
            )
            for folder in each(await self._get("rootfolder"), "rootfolder")
        )

    @abstractmethod
    async def calendar(self, start: datetime, end: datetime) -> tuple[UpcomingTitle, ...]:
        """Return the monitored titles that come out in a window. Source: GET /calendar."""

    async def wiring(self) -> ArrWiring:
        """Return how the application is set up.

        Source: GET /downloadclient, /remotepathmapping, /rootfolder, /config/mediamanagement.
        """
        clients = each(await self._get("downloadclient"), "downloadclient")
        mappings = each(await self._get("remotepathmapping"), "remotepathmapping")
        management = Fields(await self._get("config/mediamanagement"), "config/mediamanagement")
        return ArrWiring(
            download_clients=tuple(self._download_client(client) for client in clients),
            path_mappings=tuple(
                RemotePathMapping(
                    host=mapping.text("host"),
                    remote_path=mapping.text("remotePath"),
                    local_path=mapping.text("localPath"),
                )
                for mapping in mappings
            ),
            root_folders=await self.root_folders(),
            hardlinks=management.flag("copyUsingHardlinks") if "copyUsingHardlinks" in management else None,
        )

    async def download_handling(self) -> DownloadHandling:
        """Return what the application does after a download. Source: GET /config/downloadclient."""
        handling = Fields(await self._get("config/downloadclient"), "config/downloadclient")
        redownloads = handling.flag("autoRedownloadFailed", True)
        return DownloadHandling(
            imports=handling.flag("enableCompletedDownloadHandling", True),
            redownloads=redownloads,
            # versions without this setting make no difference
            redownloads_chosen=handling.flag("autoRedownloadFailedFromInteractiveSearch", redownloads),
        )

    @abstractmethod
    async def titles(self, ids: Collection[int]) -> tuple[TitleDetails, ...]:
        """Return these movies or episodes. Those that are gone are left out."""

    async def indexer_managers(self) -> tuple[str, ...]:
        """Return the addresses of the Prowlarrs that feed this application.

        Each indexer that Prowlarr synchronises has an address like `http://prowlarr:9696/3/`. Source: GET /indexer.
        """
        found: dict[str, None] = {}
        for indexer in each(await self._get("indexer"), "indexer"):
            match = _PROXIED_INDEXER.fullmatch(text_of(settings(indexer), "baseUrl") or "")
            if match and indexer.text("name", "").endswith("(Prowlarr)"):
                found[match["manager"]] = None
        return tuple(found)

    async def known_files(self, limit: int) -> tuple[KnownFile, ...]:
        """Return up to `limit` files of the library (100 at most), the last imports where there were any.

        The library is never read whole: it can hold tens of thousands of titles. Source: GET /history, then
        GET /moviefile or /episodefile.
        """
        limit = min(limit, MAX_IDS)
        history = Fields(
            await self._get(
                "history",
                {
                    "page": 1,
                    "pageSize": 2 * limit,  # upgrades and packs mention one title or file more than once
                    "sortKey": "date",
                    "sortDirection": "descending",
                    "eventType": IMPORTED,
                    **self._history_includes,
                },
            ),
            "history",
        )
        ids = dict.fromkeys(self._imported_id(record) for record in each(history.raw("records"), "history.records"))
        found = await self._files_of([id_ for id_ in ids if id_][:limit])
        return (found or await self._oldest_files())[:limit]

    # --- queue, searches and commands ----------------------------------------------------------------------------

    async def remove_queue_items(
        self, ids: Collection[int], *, from_client: bool, blocklist: bool, search_again: bool
    ) -> None:
        """Remove records from the queue, and their downloads from the client if `from_client`.

        The application searches again only after a `blocklist`, and does it by itself unless told otherwise. For a
        release that is still delayed `from_client` is without effect. Raises `NotFound` when a record has left the
        queue meanwhile. Source: DELETE /queue/{id}, DELETE /queue/bulk.
        """
        params = {"removeFromClient": from_client, "blocklist": blocklist, "skipRedownload": not search_again}
        match sorted(ids):
            case []:
                return
            case [id_]:
                await self._http.request("DELETE", f"{self.api}/queue/{id_}", params=params)
            case several:
                path = f"{self.api}/queue/bulk"
                await self._http.request("DELETE", path, params=params, json={"ids": several})

    @abstractmethod
    async def search(self, ids: Collection[int]) -> Command:
        """Let the application search its indexers for movies or episodes, and grab what it likes."""

    # --- webhooks ------------------------------------------------------------------------------------------------

    async def webhooks(self) -> tuple[Webhook, ...]:
        """Return all webhooks, whoever made them. Source: GET /notification."""
        return tuple(_webhook(hook) for hook in await self._webhook_resources("notification"))

    async def ensure_webhook(self, name: str, url: str, events: Collection[str] | None = None) -> int:
        """Make sure that there is one webhook of this name which sends these events to this URL; return its id.

        Without `events` they are the class' own; those that this version doesn't know are left out. What is right
        already is not touched. When it is saved the application sends a test: unless that is answered with success,
        `Refused` tells why. Source: GET, POST and PUT /notification, GET /notification/schema.
        """
        wanted = self.webhook_events if events is None else frozenset(events)
        hooks = await self._webhook_resources("notification")
        if hook := next((hook for hook in hooks if hook.get("name") == name), None):
            id_ = _webhook(hook).id
            changed = _configured(hook, name, url, wanted)
            if changed != hook:
                await self._send("PUT", f"notification/{id_}", json=changed, timeout_seconds=SAVE_SECONDS)
            return id_
        schemas = await self._webhook_resources("notification/schema")
        if not schemas:
            raise UnexpectedResponse("notification/schema: there is no webhook among the notifications")
        new = _configured(schemas[0], name, url, wanted)
        created = await self._send("POST", "notification", json=new, timeout_seconds=SAVE_SECONDS)
        return Fields(created, "notification").whole("id")

    async def remove_webhook(self, name: str) -> None:
        """Remove the webhook of this name; there is none to remove is no error. Source: DELETE /notification/{id}."""
        for hook in await self.webhooks():
            if hook.name == name:
                with suppress(NotFound):
                    await self._http.request("DELETE", f"{self.api}/notification/{hook.id}")

    async def _webhook_resources(self, path: str) -> list[dict[str, Any]]:
        """Return the webhooks of a list as they came: the application wants back all that it sent."""
        answer = await self._get(path)
        found = each(answer, path)
        return [raw for raw, hook in zip(answer, found, strict=True) if hook.text("implementation", "") == "Webhook"]

    # --- what a kind of title adds -------------------------------------------------------------------------------

    @abstractmethod
    def _titles(self, record: Fields) -> tuple[Title, ...]:
        """Return the titles of a queue record; none when the application doesn't know them."""

    @abstractmethod
    def _imported_id(self, record: Fields) -> int:
        """Return by which id `_files_of` finds the file of an import; 0 when it is gone."""

    @abstractmethod
    async def _files_of(self, ids: Collection[int]) -> tuple[KnownFile, ...]:
        """Return the files of these ids; none for none."""

    @abstractmethod
    async def _oldest_files(self) -> tuple[KnownFile, ...]:
        """Return files of the titles added first, for a library that was never imported into."""

    # --- shared reading ------------------------------------------------------------------------------------------

    async def _count(self, path: str) -> int:
        page = await self._get(path, {"page": 1, "pageSize": 1, "monitored": True})
        return Fields(page, path).whole("totalRecords")

    def _queue_item(self, record: Fields) -> QueueItem:
        protocol = record.choice("protocol", Protocol)
        download_id = record.optional_text("downloadId")
        release = record.text("title", "")
        quality = record.optional_object("quality")
        quality = quality.optional_object("quality") if quality else None
        return QueueItem(
            ids=(record.whole("id"),),
            # torrents: the info hash, which the *arr spell in upper case and their clients in lower case
            # (also of a protocol that this version doesn't know yet)
            download_id=download_id.lower() if download_id and protocol is Protocol.TORRENT else our_id(download_id),
            release=release,
            titles=self._titles(record),
            status=record.choice("status", QueueStatus),
            tracked_status=record.choice("trackedDownloadStatus", TrackedStatus),
            tracked_state=record.choice("trackedDownloadState", TrackedState),
            messages=_messages(record, release),
            error_message=record.optional_text("errorMessage"),
            protocol=protocol,
            download_client=record.optional_text("downloadClient"),
            indexer=record.optional_text("indexer"),
            output_path=record.optional_text("outputPath"),
            size_bytes=int(record.number("size", 0)),
            remaining_bytes=int(record.number("sizeleft", 0)),
            time_left=record.duration("timeleft"),
            added_at=record.moment("added"),
            quality=quality.optional_text("name") if quality else None,
            score=record.whole("customFormatScore", 0),
        )

    def _download_client(self, client: Fields) -> DownloadClientLink:
        values = settings(client)
        category, imported_category = self.category_fields
        port = values.get("port")
        return DownloadClientLink(
            id=client.whole("id"),
            name=client.text("name", ""),
            implementation=client.text("implementation", ""),
            protocol=client.choice("protocol", Protocol),
            enabled=client.flag("enable"),
            host=text_of(values, "host"),
            port=port if type(port) is int else None,
            tls=values.get("useSsl") is True,
            url_base=text_of(values, "urlBase") or "",
            username=text_of(values, "username"),
            category=text_of(values, category),
            imported_category=text_of(values, imported_category),
            removes_completed=client.flag("removeCompletedDownloads", False),
            removes_failed=client.flag("removeFailedDownloads", False),
        )


def files(answer: Any, where: str) -> tuple[KnownFile, ...]:
    """Return the files of a list that can be recognised by their size."""
    found = (KnownFile(path=file.text("path", ""), size_bytes=file.whole("size", 0)) for file in each(answer, where))
    return tuple(file for file in found if file.path and file.size_bytes > 0)


def _messages(record: Fields, release: str) -> tuple[str, ...]:
    """Return the complaints about a queue item, each once, as texts of their own.

    Titles of messages are mostly file names, which anyone can choose, but some complaints are a title without
    messages: so both are kept, never glued together, and the release's own name is left out.
    """
    texts: list[str] = []
    for message in record.objects("statusMessages"):
        texts += (message.text("title", ""), *message.texts("messages"))
    return tuple(dict.fromkeys(text for text in texts if text and text != release))


def _merged(items: list[QueueItem]) -> QueueItem:
    """Return one item for the records of one download. Each record repeats the whole download's size."""
    if len(items) == 1:
        return items[0]
    items.sort(key=lambda item: item.ids)
    titles = {title.id: title for item in items for title in item.titles}
    return replace(
        items[0],
        ids=tuple(id_ for item in items for id_ in item.ids),
        titles=tuple(sorted(titles.values(), key=_place)),
        messages=_unique(item.messages for item in items),
        error_message=next((item.error_message for item in items if item.error_message), None),
        size_bytes=max(item.size_bytes for item in items),
        remaining_bytes=max(item.remaining_bytes for item in items),
    )


def _place(title: Title) -> tuple[int, int, int]:
    return (title.season or 0, title.episode or 0, title.id)


def _unique(texts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for some in texts for text in some))


def _webhook(hook: dict[str, Any]) -> Webhook:
    fields = Fields(hook, "notification")
    return Webhook(
        id=fields.whole("id"),
        name=fields.text("name", ""),
        url=text_of(settings(fields), "url") or "",
        events=frozenset(flag for flag, value in hook.items() if _is_event(flag) and value is True),
    )


def _is_event(flag: str) -> bool:
    return flag.startswith("on") and flag[2:3].isupper()


def _configured(hook: dict[str, Any], name: str, url: str, events: Collection[str]) -> dict[str, Any]:
    """Return a webhook's resource with this name, this URL and exactly these of the events that it supports."""
    given: dict[Any, dict[str, Any]] = {setting.get("name"): setting for setting in hook.get("fields") or []}
    wanted = {"url": url, "method": 1}  # 1: POST
    given |= {key: {**given.get(key, {"name": key}), "value": value} for key, value in wanted.items()}
    flags = {
        flag: flag in events
        for flag in hook
        if _is_event(flag) and hook.get(f"supports{flag[0].upper()}{flag[1:]}", True)
    }
    if "includeHealthWarnings" in hook:
        flags["includeHealthWarnings"] = "onHealthIssue" in events
    return {**hook, "name": name, "fields": list(given.values()), **flags}
