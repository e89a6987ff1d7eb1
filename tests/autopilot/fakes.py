"""A small stack in memory that behaves like a real one: download clients, *arrs, a journal and a memory.

Time stands still until it is moved. `Fate` breaks what happens: a backend is away, fails before or after it did what it
was asked, or everything ends at any awaited call, before its effect or after it. What then is left is what a crash
leaves: the rows whose writing returned, the memory that was flushed, and the backends as they are.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
import json
from typing import Any

from custom_components.sokoul.autopilot.ports import ArrHands, TorrentHands
from custom_components.sokoul.model.backend import Backend, BackendKind
from custom_components.sokoul.model.downloads import (
    ClientSettings,
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    TorrentFile,
    TorrentTracker,
    TrackerStatus,
    Transfer,
)
from custom_components.sokoul.model.journal import ActKind, EntryStatus, JournalEntry
from custom_components.sokoul.model.library import (
    ArrSnapshot,
    ArrWiring,
    Command,
    DownloadClientLink,
    HealthIssue,
    Protocol,
    QueueItem,
    QueueStatus,
    Title,
    TitleKind,
    TrackedState,
    TrackedStatus,
)
from custom_components.sokoul.model.reasons import reason_as_json, reason_from_json
from custom_components.sokoul.model.releases import (
    BlocklistEntry,
    Candidate,
    Grab,
    GrabSource,
    HistoryEvent,
    HistoryKind,
    ImportCandidate,
    TitleDetails,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GB = 10**9
#: How long the results of an interactive search can be grabbed.
CACHED = timedelta(minutes=30)


class Clock:
    """Time, which passes when it is told to."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span


# --- what goes wrong -------------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The end of the process, which nothing may catch."""


class Failure(Exception):  # noqa: N818 -- as a backend would say it
    """A backend did not do what it was asked, or did it and could not say so."""


class Missing(Failure):
    """What was asked for is not there."""


@dataclass(slots=True)
class Fate:
    """Decides what becomes of each call. Points are counted: two for each call, before its effect and after it."""

    crash_at: int | None = None  # so many points from now
    points: int = 0
    calls: list[str] = field(default_factory=list)
    recording: bool = False

    def point(self, name: str) -> None:
        """Pass one point. Raises `Crash` at the one that was chosen."""
        self.points += 1
        if self.crash_at is None:
            return
        if self.crash_at == 0:
            self.crash_at = None
            raise Crash(name)
        self.crash_at -= 1

    def note(self, what: str) -> None:
        """Write down that something had its effect."""
        if self.recording:
            self.calls.append(what)


class Breakable:
    """Something that is called from outside. `failing` breaks calls by name, `losing` their answers."""

    def __init__(self, name: str, fate: Fate) -> None:
        self.name = name
        self.fate = fate
        self.away = False  # and whoever asks knows
        self.failing: dict[str, type[Failure]] = {}
        self.losing: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Return what it is, to be put on a disk: not what was last seen of it, nor who listens to its calls."""
        state = {name: value for name, value in self.__dict__.items() if name != "_call"}
        return state | {"_snapshot": None} if "_snapshot" in state else state

    @asynccontextmanager
    async def _call(self, name: str) -> AsyncIterator[None]:
        self.fate.point(f"{self.name}.{name}")
        if self.away:
            raise Failure(f"{self.name} does not answer")
        if error := self.failing.get(name, self.failing.get("*")):
            raise error(f"{self.name}.{name}")
        yield
        self.fate.note(f"{self.name}.{name}")
        self.fate.point(f"{self.name}.{name}, done")
        if name in self.losing:
            raise Failure(f"{self.name}.{name} took too long")


# --- download clients ------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class FakeTorrent:
    """A torrent. It is what it is: what the client says of it is worked out when somebody asks."""

    hash: str
    name: str
    size: int = 4 * GB
    have: int = 0
    rate: int = 0  # bytes per second that come
    stopped: bool = False
    forced: bool = False
    has_metadata: bool = True
    checking: bool = False
    error: bool = False
    queued: bool = False
    category: str = ""
    tags: frozenset[str] = frozenset()
    automatic: bool = False
    private: bool | None = False
    save_path: str = "/data/torrents"
    content_path: str = ""
    added: datetime = NOW
    announced: int = 0
    trackers: tuple[str, ...] = ("tracker.example",)
    seeds: int = 0
    complete_seen: datetime | None = None  # when a complete copy was last in sight

    @property
    def finished(self) -> bool:
        """Whether everything is here."""
        return self.has_metadata and self.have >= self.size

    @property
    def state(self) -> DownloadState:
        """What the client says that it is doing."""
        if self.error:
            return DownloadState.ERROR
        if self.checking:
            return DownloadState.CHECKING
        if self.stopped:
            return DownloadState.COMPLETED if self.finished else DownloadState.STOPPED
        if self.finished:
            return DownloadState.SEEDING
        if self.queued and not self.forced:
            return DownloadState.QUEUED
        if not self.has_metadata:
            return DownloadState.METADATA
        return DownloadState.DOWNLOADING if self.rate else DownloadState.STALLED

    def look(self) -> Torrent:
        """Return it as the client shows it."""
        size = self.size if self.has_metadata else 0
        return Torrent(
            hash=self.hash,
            name=self.name,
            state=self.state,
            forced=self.forced,
            progress=min(self.have / size, 1.0) if size else 0.0,
            size_bytes=size,
            remaining_bytes=max(size - self.have, 0),
            downloaded_bytes=self.have,
            download_rate=self.rate if self.state is DownloadState.DOWNLOADING else 0,
            category=self.category,
            tags=self.tags,
            automatic=self.automatic,
            private=self.private,
            save_path=self.save_path,
            content_path=self.content_path or f"{self.save_path}/{self.name}",
            tracker_host="tracker.example",
            seeds=self.seeds,
            complete_seen_epoch=int(self.complete_seen.timestamp()) if self.complete_seen else 0,
            added_epoch=int(self.added.timestamp()),
        )


class FakeClient(Breakable):
    """A download client. It implements `TorrentHands`."""

    def __init__(self, id_: str, fate: Fate) -> None:
        super().__init__(id_, fate)
        self.id = id_
        self.torrents: dict[str, FakeTorrent] = {}
        self.categories: dict[str, str] = {}
        self.connection = ConnectionStatus.CONNECTED
        self.peers = 20
        self.free = 800 * GB
        self.working_trackers = True
        self.held: set[str] | None = None  # what starts when whoever holds it lets go; None: nobody does
        self.deleted: list[tuple[str, bool]] = []
        self.priorities: list[tuple[str, tuple[int, ...], bool]] = []  # files that were wanted or not
        self._snapshot: DownloadClientSnapshot | None = None

    def add(self, torrent: FakeTorrent) -> FakeTorrent:
        """Add a torrent."""
        self.torrents[torrent.hash] = torrent
        return torrent

    def pass_time(self, span: timedelta) -> None:
        """Let what comes come."""
        for torrent in self.torrents.values():
            if torrent.state is DownloadState.DOWNLOADING:
                torrent.have = min(torrent.size, torrent.have + int(torrent.rate * span.total_seconds()))

    def snapshot(self) -> DownloadClientSnapshot:
        """Return what a poll would: unchanged torrents are the same objects, and unchanged clients, too."""
        if self.away and self._snapshot is not None:
            return self._snapshot
        before = self._snapshot.torrents if self._snapshot else {}
        torrents: dict[str, Torrent] = {}
        changed: set[str] = set()
        for key, torrent in self.torrents.items():
            seen = torrent.look()
            if (known := before.get(key)) == seen and known is not None:
                torrents[key] = known
            else:
                torrents[key] = seen
                changed.add(key)
        transfer = Transfer(connection=self.connection, free_bytes=self.free, peers=self.peers)
        removed = before.keys() - torrents.keys()
        if self._snapshot and not changed and not removed and self._snapshot.transfer == transfer:
            return self._snapshot
        self._snapshot = DownloadClientSnapshot(
            revision=self._snapshot.revision + 1 if self._snapshot else 1,
            version="5.2.3",
            torrents=torrents,
            changed=frozenset(changed),
            removed=frozenset(removed),
            transfer=transfer,
            settings=ClientSettings(save_path="/data/torrents"),
            categories=dict(self.categories),
        )
        return self._snapshot

    def _of(self, hashes: Collection[str] | None) -> list[FakeTorrent]:
        """Return torrents; those that are not there are passed over in silence, as the real one does."""
        return [torrent for key, torrent in self.torrents.items() if hashes is None or key in hashes]

    async def torrent(self, torrent_hash: str) -> Torrent | None:
        async with self._call("torrent"):
            torrent = self.torrents.get(torrent_hash)
            return torrent.look() if torrent else None

    async def trackers(self, torrent_hash: str) -> tuple[TorrentTracker, ...]:
        async with self._call("trackers"):
            if torrent_hash not in self.torrents:
                raise Missing(torrent_hash)
            status = TrackerStatus.WORKING if self.working_trackers else TrackerStatus.NOT_WORKING
            hosts = self.torrents[torrent_hash].trackers
            return tuple(TorrentTracker(host=host, tier=tier, status=status) for tier, host in enumerate(hosts))

    async def files(self, torrent_hash: str) -> tuple[TorrentFile, ...]:
        async with self._call("files"):
            torrent = self.torrents.get(torrent_hash)
            if torrent is None:
                raise Missing(torrent_hash)
            progress = torrent.have / torrent.size
            return (TorrentFile(index=0, name="a.mkv", size_bytes=torrent.size, progress=progress, wanted=True),)

    async def is_private(self, torrent_hash: str) -> bool | None:
        async with self._call("is_private"):
            if torrent_hash not in self.torrents:
                raise Missing(torrent_hash)
            return self.torrents[torrent_hash].private

    async def stop(self, hashes: Collection[str] | None) -> None:
        async with self._call("stop"):
            for torrent in self._of(hashes):
                torrent.stopped = True

    async def start(self, hashes: Collection[str] | None) -> None:
        async with self._call("start"):
            for torrent in self._of(hashes):
                torrent.stopped = False

    async def delete(self, hashes: Collection[str], *, with_files: bool) -> None:
        async with self._call("delete"):
            for torrent in self._of(hashes):
                del self.torrents[torrent.hash]
                self.deleted.append((torrent.hash, with_files))

    async def reannounce(self, hashes: Collection[str] | None) -> None:
        async with self._call("reannounce"):
            for torrent in self._of(hashes):
                torrent.announced += 1

    async def recheck(self, hashes: Collection[str]) -> None:
        async with self._call("recheck"):
            for torrent in self._of(hashes):
                torrent.checking = True

    async def add_trackers(self, torrent_hash: str, urls: Collection[str]) -> None:
        async with self._call("add_trackers"):
            if torrent_hash not in self.torrents:
                raise Missing(torrent_hash)
            torrent = self.torrents[torrent_hash]
            torrent.trackers += tuple(urls)

    async def set_file_priority(self, torrent_hash: str, indexes: Collection[int], *, wanted: bool) -> None:
        async with self._call("set_file_priority"):
            self.priorities.append((torrent_hash, tuple(indexes), wanted))

    async def set_automatic(self, hashes: Collection[str], automatic: bool) -> None:  # noqa: FBT001 -- as the real one
        async with self._call("set_automatic"):
            for torrent in self._of(hashes):
                torrent.automatic = automatic
                self._move(torrent)

    async def set_category(self, hashes: Collection[str], category: str) -> None:
        async with self._call("set_category"):
            if category and category not in self.categories:
                raise Failure(f"there is no category {category}")
            for torrent in self._of(hashes):
                torrent.category = category
                self._move(torrent)

    def _move(self, torrent: FakeTorrent) -> None:
        """Move what is managed automatically to the folder of its category."""
        if torrent.automatic:
            torrent.save_path = self.categories.get(torrent.category) or f"/data/torrents/{torrent.category}"
            torrent.content_path = ""

    async def ensure_category(self, name: str, save_path: str = "") -> None:
        async with self._call("ensure_category"):
            self.categories.setdefault(name, save_path)

    async def add_tags(self, hashes: Collection[str], tags: Collection[str]) -> None:
        async with self._call("add_tags"):
            for torrent in self._of(hashes):
                torrent.tags |= frozenset(tags)

    async def remove_tags(self, hashes: Collection[str], tags: Collection[str]) -> None:
        async with self._call("remove_tags"):
            for torrent in self._of(hashes):
                torrent.tags -= frozenset(tags)


# --- *arrs -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Offer:
    """A release that an indexer has."""

    hash: str
    title: str
    title_ids: frozenset[int]
    indexer: str = "Indexer"
    seeders: int | None = 50
    weight: int = 0
    protocol: Protocol = Protocol.TORRENT
    tells_hash: bool = False  # many don't before the grab
    full_season: bool = False
    good: bool = True  # nothing in profile, size or library speaks against it
    private: bool | None = False
    size: int = 4 * GB
    rate: int = 0  # how fast its torrent will come


@dataclass(slots=True, kw_only=True)
class Record:
    """A download that an *arr knows of."""

    id: int
    download_id: str
    release: str
    title_ids: tuple[int, ...]
    protocol: Protocol = Protocol.TORRENT
    grabbed: bool = True
    tracked: TrackedState = TrackedState.DOWNLOADING
    settled: str = ""  # "failed", "ignored", "imported": it is not followed any more
    have: int = 0  # of usenet
    size: int = 4 * GB
    failed: bool = False


class FakeArr(Breakable):
    """A Radarr (or Sonarr, with `sonarr`). It implements `ArrHands`."""

    def __init__(self, id_: str, fate: Fate, clock: Clock, client: FakeClient, *, sonarr: bool = False) -> None:
        super().__init__(id_, fate)
        self.id = id_
        self.clock = clock
        self.client = client
        self.sonarr = sonarr
        self.category = id_
        self.details: dict[int, TitleDetails] = {}
        self.issues: tuple[HealthIssue, ...] = ()
        self.offers: list[Offer] = []
        self.records: dict[str, Record] = {}  # by download id
        self.events: list[HistoryEvent] = []
        self.blocked: list[BlocklistEntry] = []
        self.grabs: list[str] = []  # hashes that were grabbed because somebody asked
        self.searches = 0
        self.searches_again: list[str] = []  # what it searches by itself, because a download failed
        self.scanned: list[tuple[str, str]] = []
        self.restarting = False  # its queue is empty until it has looked at its clients
        self._snapshot: ArrSnapshot | None = None
        self._found: dict[str, tuple[Offer, datetime]] = {}
        self._numbers = iter(range(1, 1_000_000))
        client.categories[self.category] = ""

    # --- set up ------------------------------------------------------------------------------------------------------

    def want(self, number: int = 1, **fields: Any) -> Title:
        """Let a person want a movie, or an episode."""
        defaults: dict[str, Any] = {"kind": TitleKind.MOVIE, "id": number, "name": f"Movie {number}", "year": 2025}
        if self.sonarr:
            defaults |= {"kind": TitleKind.EPISODE, "name": "Series", "series_id": 7, "season": 1, "episode": number}
        released = fields.pop("released_at", self.clock.now - timedelta(days=60))
        title = Title(**defaults | fields)
        self.details[number] = TitleDetails(title=title, has_file=False, released_at=released)
        return title

    def download(
        self, torrent: FakeTorrent, *title_ids: int, source: GrabSource = GrabSource.SEARCH, grabbed: bool = True
    ) -> FakeTorrent:
        """Let it have grabbed a torrent."""
        torrent.category = torrent.category or self.category
        self.client.add(torrent)
        self._follow(torrent.hash, torrent.name, title_ids, source=source, grabbed=grabbed)
        return torrent

    def usenet(self, download_id: str, *title_ids: int, size: int = 4 * GB, have: int = GB) -> Record:
        """Let it have a download in a usenet client that nobody else sees."""
        record = self._follow(download_id, f"Usenet.{download_id}", title_ids, protocol=Protocol.USENET)
        record.size, record.have = size, have
        return record

    def _follow(
        self,
        download_id: str,
        release: str,
        title_ids: Iterable[int],
        *,
        source: GrabSource = GrabSource.SEARCH,
        protocol: Protocol = Protocol.TORRENT,
        grabbed: bool = True,
        info_hash: str | None = None,
    ) -> Record:
        record = self.records[download_id] = Record(
            id=next(self._numbers),
            download_id=download_id,
            release=release,
            title_ids=tuple(sorted(title_ids)),
            protocol=protocol,
            grabbed=grabbed,
        )
        if grabbed:
            self._note(HistoryKind.GRABBED, record, source=source, info_hash=info_hash)
        return record

    def _note(
        self,
        kind: HistoryKind,
        record: Record,
        source: GrabSource = GrabSource.UNKNOWN,
        info_hash: str | None = None,
    ) -> None:
        for title_id in record.title_ids or (0,):
            event = HistoryEvent(
                id=len(self.events) + 1,
                kind=kind,
                at=self.clock.now,
                title_id=title_id,
                release=record.release,
                download_id=record.download_id,
                indexer="Indexer",
                source=source,
                info_hash=info_hash,
            )
            self.events.append(event)

    # --- by itself ---------------------------------------------------------------------------------------------------

    def look_at_downloads(self) -> None:
        """Import what is complete, as it does every minute."""
        for record in self.records.values():
            torrent = self.client.torrents.get(record.download_id)
            if record.settled or record.tracked is not TrackedState.DOWNLOADING or torrent is None:
                continue
            if torrent.finished and torrent.category == self.category and record.title_ids:
                self._import(record)

    def _import(self, record: Record) -> None:
        record.settled = "imported"
        self._note(HistoryKind.IMPORTED, record)
        for title_id in record.title_ids:
            self.details[title_id] = replace(self.details[title_id], has_file=True)

    def _listed(self) -> list[Record]:
        """Return what is in the queue: what it follows, as long as its client lists it in its category."""
        if self.restarting:
            return []
        return [record for record in self.records.values() if not record.settled and self._in_client(record)]

    def _in_client(self, record: Record) -> bool:
        if record.protocol is Protocol.USENET:
            return True
        torrent = self.client.torrents.get(record.download_id)
        return torrent is not None and torrent.category == self.category

    def items(self) -> tuple[QueueItem, ...]:
        """Return the queue."""
        return tuple(self._item(record) for record in self._listed())

    def _item(self, record: Record) -> QueueItem:
        torrent = self.client.torrents.get(record.download_id)
        size, have = (torrent.size, torrent.have) if torrent else (record.size, record.have)
        status = QueueStatus.COMPLETED if have >= size else QueueStatus.DOWNLOADING
        stalls = torrent is not None and torrent.state is DownloadState.STALLED
        if stalls:
            status = QueueStatus.WARNING  # "The download is stalled with no connections"
        return QueueItem(
            ids=(record.id,),
            download_id=record.download_id,
            release=record.release,
            titles=tuple(self.details[title_id].title for title_id in record.title_ids),
            status=QueueStatus.FAILED if record.failed else status,
            tracked_status=TrackedStatus.WARNING if stalls else TrackedStatus.OK,
            tracked_state=record.tracked,
            protocol=record.protocol,
            download_client=self.client.id if record.protocol is Protocol.TORRENT else "Usenet",
            size_bytes=size,
            remaining_bytes=max(size - have, 0),
            added_at=NOW,
        )

    def snapshot(self) -> ArrSnapshot:
        """Return what a poll would."""
        if self.away and self._snapshot is not None:
            return self._snapshot
        link = DownloadClientLink(
            id=1,
            name=self.client.id,
            implementation="QBittorrent",
            protocol=Protocol.TORRENT,
            enabled=True,
            host=self.client.id,
            port=8080,
            category=self.category,
        )
        wiring = ArrWiring(download_clients=(link,), hardlinks=True)
        new = ArrSnapshot(version="6.0.3", instance_name=self.id, queue=self.items(), wiring=wiring)
        if self._snapshot != new:
            self._snapshot = new
        return self._snapshot

    # --- what is asked of it -----------------------------------------------------------------------------------------

    async def queue(self) -> tuple[QueueItem, ...]:
        async with self._call("queue"):
            return self.items()

    async def remove_queue_items(
        self, ids: Collection[int], *, from_client: bool, blocklist: bool, search_again: bool
    ) -> None:
        async with self._call("remove_queue_items"):
            found = [record for record in self._listed() if record.id in ids]
            if len(found) != len(set(ids)):
                raise Missing(f"no queue item {set(ids) - {record.id for record in found}}")
            for record in found:
                if from_client:
                    self._delete(record)
                if blocklist:
                    self._fail(record, search_again=search_again)
                elif not from_client and record.title_ids:
                    record.settled = "ignored"
                    self._note(HistoryKind.IGNORED, record)

    def _delete(self, record: Record) -> None:
        if record.download_id in self.client.torrents:
            del self.client.torrents[record.download_id]
            self.client.deleted.append((record.download_id, True))
        if record.protocol is Protocol.USENET:
            record.settled = "deleted"

    def _fail(self, record: Record, *, search_again: bool) -> None:
        if not record.grabbed:
            if self.sonarr:
                raise Failure("500")
            return  # and it is listed again a minute later
        record.settled = "failed"
        self._note(HistoryKind.FAILED, record)
        self.blocked.append(
            BlocklistEntry(
                id=next(self._numbers),
                release=record.release,
                title_ids=frozenset(record.title_ids),
                at=self.clock.now,
                protocol=record.protocol,
                indexer="Indexer",
            )
        )
        if search_again:
            self.searches_again.append(record.download_id)

    async def releases(self, title: Title) -> tuple[Candidate, ...]:
        async with self._call("releases"):
            self.searches += 1
            ids = {title.id} if title.kind is not TitleKind.SERIES else self._season(title)
            found = [offer for offer in self.offers if offer.title_ids & ids]
            for offer in found:
                self._found[offer.hash] = (offer, self.clock.now)
            return tuple(self._candidate(offer) for offer in sorted(found, key=lambda each: each.weight))

    def _season(self, title: Title) -> set[int]:
        return {
            number
            for number, each in self.details.items()
            if (each.title.series_id, each.title.season) == (title.series_id, title.season)
        }

    def _candidate(self, offer: Offer) -> Candidate:
        """Judge a release. The queue objects before anyone has looked at the blocklist."""
        queued = any(set(record.title_ids) & offer.title_ids for record in self._listed())
        blocked = any(
            entry.release == offer.title and entry.title_ids & offer.title_ids and entry.indexer == offer.indexer
            for entry in self.blocked
        )
        rejections: tuple[str, ...] = ()
        if not offer.good:
            rejections = ("Not wanted in profile",)
        elif queued:
            rejections = ("Release in queue is of equal or higher preference: WEBDL-1080p v1",)
        elif blocked:
            rejections = ("Release is blocklisted",)
        return Candidate(
            guid=offer.hash,
            indexer_id=1,
            indexer=offer.indexer,
            title=offer.title,
            protocol=offer.protocol,
            size_bytes=offer.size,
            info_hash=offer.hash if offer.tells_hash else None,
            seeders=offer.seeders,
            weight=offer.weight,
            approved=not rejections,
            rejections=rejections,
            only_queue_objects=offer.good and (queued or not blocked),
            download_allowed=True,
            title_ids=offer.title_ids,
            full_season=offer.full_season,
        )

    async def grab(self, candidate: Candidate) -> None:
        async with self._call("grab"):
            offer, at = self._found.get(candidate.guid, (None, NOW))
            if offer is None or self.clock.now - at > CACHED:
                raise Missing("Couldn't find requested release in cache, try searching again")
            if offer.hash in self.client.torrents or self.client.away:
                raise Failure("the download client did not take it")
            self.take(offer)

    def take(self, offer: Offer, source: GrabSource = GrabSource.INTERACTIVE_SEARCH) -> None:
        """Download a release."""
        self.grabs.append(offer.hash)
        if offer.protocol is Protocol.TORRENT:
            torrent = FakeTorrent(
                hash=offer.hash,
                name=offer.title,
                size=offer.size,
                rate=offer.rate,
                private=offer.private,
                category=self.category,
                added=self.clock.now,
            )
            self.client.add(torrent)
        info_hash = offer.hash if offer.tells_hash else None
        self._follow(
            offer.hash, offer.title, offer.title_ids, source=source, protocol=offer.protocol, info_hash=info_hash
        )

    async def grab_history(self, download_id: str) -> Grab | None:
        async with self._call("grab_history"):
            grabs = [
                event for event in self.events if (event.download_id, event.kind) == (download_id, HistoryKind.GRABBED)
            ]
            if not grabs:
                return None
            last = grabs[-1]
            ids = frozenset(event.title_id for event in grabs)
            return Grab(
                history_id=last.id,
                at=last.at,
                release=last.release,
                title_ids=ids,
                indexer="Indexer",
                source=last.source,
            )

    async def history(self, since: datetime, title_ids: Collection[int] = ()) -> tuple[HistoryEvent, ...]:
        async with self._call("history"):
            return tuple(
                event for event in self.events if event.at >= since and (not title_ids or event.title_id in title_ids)
            )

    async def health(self) -> tuple[HealthIssue, ...]:
        async with self._call("health"):
            return self.issues

    async def blocklist(self, titles: Collection[Title]) -> tuple[BlocklistEntry, ...]:
        async with self._call("blocklist"):
            ids = {title.id for title in titles}
            return tuple(entry for entry in reversed(self.blocked) if entry.title_ids & ids)

    async def remove_from_blocklist(self, entry_id: int) -> None:
        async with self._call("remove_from_blocklist"):
            self.blocked = [entry for entry in self.blocked if entry.id != entry_id]

    async def titles(self, ids: Collection[int]) -> tuple[TitleDetails, ...]:
        async with self._call("titles"):
            return tuple(self.details[number] for number in sorted(ids) if number in self.details)

    async def import_candidates(self, download_id: str) -> tuple[ImportCandidate, ...]:
        async with self._call("import_candidates"):
            record = self.records.get(download_id)
            if record is None or record.settled:
                return ()
            return (ImportCandidate(path="/a.mkv", size_bytes=record.size, title_ids=frozenset(record.title_ids)),)

    async def import_files(self, candidates: Collection[ImportCandidate]) -> Command:
        async with self._call("import_files"):
            wanted = {number for each in candidates for number in each.title_ids}
            for record in self.records.values():
                if wanted & set(record.title_ids) and not record.settled:
                    self._import(record)
            return Command(id=1, name="ManualImport")

    async def scan_download(self, path: str, download_id: str) -> Command:
        async with self._call("scan_download"):
            self.scanned.append((path, download_id))
            record = self.records.get(download_id)
            torrent = self.client.torrents.get(download_id)
            if record is not None and torrent is not None and torrent.finished:
                self._import(record)
            return Command(id=1, name="DownloadedMoviesScan")

    async def refresh_downloads(self) -> Command:
        async with self._call("refresh_downloads"):
            return Command(id=1, name="RefreshMonitoredDownloads")


# --- the hands -------------------------------------------------------------------------------------------------------


class FakeHands:
    """The backends that answer. It implements `Hands`."""

    errors: tuple[type[Exception], ...] = (Failure,)
    missing: type[Exception] = Missing

    def __init__(self, clients: Mapping[str, FakeClient], arrs: Mapping[str, FakeArr]) -> None:
        self.clients = clients
        self.arrs = arrs
        self.found: dict[str, bool] = {}  # by folder of theirs: whether what should be there is

    def torrents(self, client_id: str | None) -> TorrentHands | None:
        client = self.clients.get(client_id or "")
        return None if client is None or client.away else client

    def client_ids(self) -> list[str]:
        return list(self.clients)

    def held(self, client_id: str) -> bool:
        return self.clients[client_id].held is not None

    def start_later(self, client_id: str, torrent_hash: str) -> None:
        held = self.clients[client_id].held
        assert held is not None
        held.add(torrent_hash)

    def arr(self, arr_id: str) -> ArrHands | None:
        arr = self.arrs.get(arr_id)
        return None if arr is None or arr.away else arr

    def title(self, backend_id: str | None) -> str:
        return backend_id or ""

    def arr_path(self, arr_id: str, client_id: str | None, path: str) -> str:
        assert arr_id in self.arrs
        assert client_id in self.clients
        return path

    async def finds_files(self, client_id: str | None, folder: str) -> bool | None:
        assert client_id in self.clients
        return self.found.get(folder)

    def shares_files(self, client_id: str, torrent: Torrent) -> bool | None:
        shared = any(
            other.look().content_path == torrent.content_path
            for client in self.clients.values()
            for other in client.torrents.values()
            if (client.id, other.hash) != (client_id, torrent.hash)
        )
        return shared or (None if any(client.away for client in self.clients.values()) else False)


# --- journal and memory ----------------------------------------------------------------------------------------------


class FakeJournal(Breakable):
    """The journal as rows of text. What was returned from is kept; it implements `Journal`."""

    def __init__(self, fate: Fate) -> None:
        super().__init__("journal", fate)
        self.rows: dict[int, str] = {}
        self.reads = 0
        self.written: list[JournalEntry] = []  # each version of each row, in the order in which they came

    async def add(self, entry: JournalEntry) -> JournalEntry:
        async with self._call("add"):
            entry = replace(entry, id=len(self.rows) + 1)
            self._keep(entry)
        return entry

    async def change(self, entry: JournalEntry) -> None:
        async with self._call("change"):
            if entry.id not in self.rows:
                raise Missing(f"the journal has no entry {entry.id}")
            self._keep(entry)

    def _keep(self, entry: JournalEntry) -> None:
        self.rows[entry.id] = _entry_as_text(entry)
        self.written.append(self._read(entry.id))

    def _read(self, entry_id: int) -> JournalEntry:
        return _entry_from_text(self.rows[entry_id])

    async def get(self, entry_id: int) -> JournalEntry | None:
        async with self._call("get"):
            return self._read(entry_id) if entry_id in self.rows else None

    async def find(
        self,
        *,
        statuses: Collection[EntryStatus] = (),
        acts: Collection[ActKind] = (),
        rule: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[JournalEntry]:
        async with self._call("find"):
            self.reads += 1
            found = [
                entry
                for entry in reversed(self.entries)
                if (not statuses or entry.status in statuses)
                and (not acts or entry.act in acts)
                and (rule is None or entry.rule == rule)
                and (subject is None or entry.subject == subject)
                and (since is None or entry.changed_at >= since)
                and (before_id is None or entry.id < before_id)
            ]
            return found[:limit]

    @property
    def entries(self) -> list[JournalEntry]:
        """All rows, oldest first."""
        return [self._read(number) for number in self.rows]

    def said(self, *statuses: EntryStatus) -> list[tuple[ActKind, EntryStatus]]:
        """Return what was proposed and what became of it, oldest first."""
        return [(each.act, each.status) for each in self.entries if not statuses or each.status in statuses]


def _entry_as_text(entry: JournalEntry) -> str:
    return json.dumps(
        {
            "id": entry.id,
            "at": entry.at.timestamp(),
            "changed_at": entry.changed_at.timestamp(),
            "rule": entry.rule,
            "subject": entry.subject,
            "label": entry.label,
            "act": entry.act,
            "status": entry.status,
            "actor": entry.actor,
            "reason": reason_as_json(entry.reason),
            "parameters": dict(entry.parameters),
            "result": entry.result and reason_as_json(entry.result),
            "undo": None if entry.undo is None else dict(entry.undo),
        }
    )


def _entry_from_text(text: str) -> JournalEntry:
    row = json.loads(text)
    return JournalEntry(
        **{
            **row,
            "at": datetime.fromtimestamp(row["at"], UTC),
            "changed_at": datetime.fromtimestamp(row["changed_at"], UTC),
            "act": ActKind(row["act"]),
            "status": EntryStatus(row["status"]),
            "reason": reason_from_json(row["reason"]),
            "result": row["result"] and reason_from_json(row["result"]),
        }
    )


class FakeMemory(Breakable):
    """What was learned. What was only handed over is lost in a crash; it implements `MemoryStore`."""

    def __init__(self, fate: Fate) -> None:
        super().__init__("memory", fate)
        self.stored: dict[str, str] = {}
        self.pending: dict[str, str | None] = {}

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        async with self._call("load"):
            return {subject: json.loads(text) for subject, text in self.stored.items()}

    def keep(self, subject: str, memory: Mapping[str, Any] | None) -> None:
        self.pending[subject] = None if memory is None else json.dumps(memory)

    async def flush(self) -> None:
        async with self._call("flush"):
            self.write()

    def write(self) -> None:
        """Write what is pending, as the store does by itself now and then."""
        for subject, text in self.pending.items():
            if text is None:
                self.stored.pop(subject, None)
            else:
                self.stored[subject] = text
        self.pending.clear()

    def crash(self) -> None:
        """Lose what was not written."""
        self.pending.clear()


def digest(number: int) -> str:
    """Return an info hash."""
    return f"{number:040x}"


def backends_of(clients: Iterable[FakeClient], arrs: Iterable[FakeArr]) -> dict[str, Backend]:
    """Return what the hub would know of them, given what it knew last of those that are away."""
    backends: dict[str, Backend] = {}
    for client in clients:
        backends[client.id] = Backend(
            id=client.id,
            kind=BackendKind.QBITTORRENT,
            title=client.id,
            available=not client.away,
            snapshot=client.snapshot(),
            url=f"http://{client.id}:8080",
        )
    for arr in arrs:
        backends[arr.id] = Backend(
            id=arr.id,
            kind=BackendKind.SONARR if arr.sonarr else BackendKind.RADARR,
            title=arr.id,
            available=not arr.away,
            snapshot=arr.snapshot(),
            url=f"http://{arr.id}:7878",
        )
    return backends
