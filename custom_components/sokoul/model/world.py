"""Everything that is known at one moment, joined: a download knows its queue record, its title and its torrent.

Joining follows what changed. `DownloadIndex` is kept up to date with one `update` per new world and touches only the
downloads whose torrent, queue item or client changed; unchanged downloads stay the same objects. Counts need no walk
at all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import re
from types import MappingProxyType

from .backend import DOWNLOAD_CLIENT_KINDS, Backend, BackendKind, Snapshot
from .downloads import ACTIVE_STATES, FINISHED_STATES, DownloadClientSnapshot, DownloadState, Torrent
from .library import ArrSnapshot, IndexerManagerSnapshot, QueueItem, QueueStatus
from .paths import JudgedMap
from .reasons import Reason
from .topology import NO_TOPOLOGY, Confidence, Topology
from .waiting import NEEDS_HELP, NEEDS_PATIENCE, Claim, ClientView, Wait, claim_waits, torrent_waits

__all__ = [
    "Backend",
    "BackendKind",
    "Changes",
    "Claim",
    "Counts",
    "Download",
    "DownloadIndex",
    "Snapshot",
    "World",
    "is_stuck",
    "join_counts",
    "join_downloads",
]

#: So many joins take about a millisecond.
JOINS_BETWEEN_PAUSES = 64
#: How long a swarm may give nothing before a download looks stuck, as far as can be told without a memory.
PATIENCE = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The newest snapshot of every backend and how they belong together. `path_maps` is by backend id."""

    backends: Mapping[str, Backend] = MappingProxyType({})
    topology: Topology = NO_TOPOLOGY
    path_maps: Mapping[str, tuple[JudgedMap, ...]] = MappingProxyType({})

    @property
    def clients(self) -> tuple[tuple[Backend, DownloadClientSnapshot], ...]:
        """The download clients that were read."""
        return tuple((each, each.client) for each in self.backends.values() if each.client is not None)

    @property
    def arrs(self) -> tuple[tuple[Backend, ArrSnapshot], ...]:
        """The *arrs that were read."""
        return tuple((each, each.arr) for each in self.backends.values() if each.arr is not None)

    @property
    def indexer_managers(self) -> tuple[tuple[Backend, IndexerManagerSnapshot], ...]:
        """The indexer managers that were read."""
        return tuple(
            (each, each.indexer_manager) for each in self.backends.values() if each.indexer_manager is not None
        )

    def title(self, backend_id: str) -> str:
        """Return the name that the person gave a backend."""
        backend = self.backends.get(backend_id)
        return backend.title if backend else backend_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A release on its way, or here: its torrent, where there is one, and the *arrs that wait for it.

    At least one of `torrent` and `claims` is there. Sizes in bytes, rates in bytes per second.
    """

    id: str
    key: str  # the info hash; the *arr's own id of what is no torrent
    client_id: str | None  # the download client that has it; for one that none has, the one that should
    torrent: Torrent | None
    claims: tuple[Claim, ...]
    waits: Reason | None  # why it makes no progress; None while it does, and once nothing more is to come

    @property
    def item(self) -> QueueItem | None:
        """The queue item of the first *arr that waits for it."""
        return self.claims[0].item if self.claims else None

    @property
    def label(self) -> str:
        """What a person would call it: the title, or the name of the release when no *arr knows the title."""
        for claim in self.claims:
            if claim.item.titles:
                return claim.item.label
        return self.release

    @property
    def release(self) -> str:
        """The name of the release."""
        if self.torrent and self.torrent.name:
            return self.torrent.name
        return self.claims[0].item.release if self.claims else self.id

    @property
    def arr_ids(self) -> tuple[str, ...]:
        """The *arrs that wait for it."""
        return tuple(dict.fromkeys(claim.backend_id for claim in self.claims))

    @property
    def state(self) -> DownloadState:
        """What it is doing."""
        if self.torrent:
            return self.torrent.state
        return _STATES.get(self.claims[0].item.status, DownloadState.UNKNOWN)

    @property
    def finished(self) -> bool:
        """Whether everything wanted is here."""
        return self.torrent.finished if self.torrent else self.state in FINISHED_STATES

    @property
    def progress(self) -> float:
        """How much of it is here, 0 to 1."""
        if self.torrent:
            return self.torrent.progress
        item = self.claims[0].item
        if item.status is QueueStatus.COMPLETED:
            return 1.0
        return min(max(1 - item.remaining_bytes / item.size_bytes, 0.0), 1.0) if item.size_bytes > 0 else 0.0

    @property
    def size_bytes(self) -> int:
        """Its size; 0 while it is not known."""
        if self.torrent and self.torrent.size_bytes:
            return self.torrent.size_bytes
        return self.claims[0].item.size_bytes if self.claims else 0

    @property
    def remaining_bytes(self) -> int:
        """What is still to come."""
        return self.torrent.remaining_bytes if self.torrent else self.claims[0].item.remaining_bytes

    @property
    def download_rate(self) -> int:
        """How fast it comes; 0 where the client is not connected, because the *arrs don't say."""
        return self.torrent.download_rate if self.torrent else 0

    @property
    def eta(self) -> timedelta | None:
        """How long it will still take, None when nobody knows."""
        if self.torrent:
            seconds = self.torrent.eta_seconds
            return timedelta(seconds=seconds) if seconds is not None and not self.finished else None
        return self.claims[0].item.time_left

    @property
    def category(self) -> str:
        """Its category in the client."""
        return self.torrent.category if self.torrent else ""

    @property
    def tags(self) -> frozenset[str]:
        """Its tags in the client."""
        return self.torrent.tags if self.torrent else frozenset()

    @property
    def added_at(self) -> datetime | None:
        """When it was added to the client, else to the queue."""
        if self.torrent and self.torrent.added_epoch > 0:
            return self.torrent.added_at
        return self.claims[0].item.added_at if self.claims else None


_STATES = {
    QueueStatus.QUEUED: DownloadState.QUEUED,
    QueueStatus.DELAY: DownloadState.QUEUED,
    QueueStatus.FALLBACK: DownloadState.QUEUED,
    QueueStatus.PAUSED: DownloadState.STOPPED,
    QueueStatus.DOWNLOADING: DownloadState.DOWNLOADING,
    QueueStatus.COMPLETED: DownloadState.COMPLETED,
    QueueStatus.WARNING: DownloadState.STALLED,
    QueueStatus.FAILED: DownloadState.ERROR,
}


def is_stuck(download: Download, now: datetime, patience: timedelta = PATIENCE) -> bool:
    """Whether a download looks stuck: it needs help, or its swarm gave and took nothing for `patience`.

    Told from its own times alone. What is only visible over time (the line was down meanwhile, it was queued for
    days) is for the memory to tell; a client that is away or disconnected makes nothing stuck.
    """
    if download.waits is None:
        return False
    if download.waits.key in NEEDS_HELP:
        return True
    if download.waits.key not in NEEDS_PATIENCE or download.torrent is None:
        return False
    last = max(download.torrent.active_epoch, download.torrent.added_epoch)
    return last > 0 and now.timestamp() - last >= patience.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The ids of the downloads that one update added or changed, and of those that are gone."""

    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


class DownloadIndex:
    """All downloads of the newest world, by id. The same torrent in two clients is two downloads of one key."""

    def __init__(self) -> None:
        self._downloads: dict[str, Download] = {}
        self._world = World()
        self._clients: dict[str, DownloadClientSnapshot] = {}
        self._views: dict[str, ClientView] = {}
        self._claims: dict[str, dict[str, tuple[Claim, ...]]] = {}  # by *arr, by key
        self._ids: dict[str, tuple[str, ...]] = {}  # by key
        self._starting: set[str] = set()  # keys whose reason time alone changes
        self._suspects: set[str] = set()  # ids of what may be stuck
        self._changed: set[str] = set()  # ids since somebody took them, see `take_changes`
        self._removed: set[str] = set()

    def __len__(self) -> int:
        return len(self._downloads)

    def __iter__(self) -> Iterator[Download]:
        return iter(self._downloads.values())

    def get(self, download_id: str) -> Download | None:
        """Return a download by its id."""
        return self._downloads.get(download_id)

    def of_key(self, key: str) -> tuple[Download, ...]:
        """Return the downloads of an info hash, or of what an *arr calls something that is no torrent."""
        return tuple(self._downloads[each] for each in self._ids.get(key, ()))

    def stuck(self, now: datetime, patience: timedelta = PATIENCE) -> tuple[Download, ...]:
        """Return the downloads that look stuck; walks only those that may be."""
        suspects = (self._downloads[suspect] for suspect in self._suspects)
        return tuple(sorted((each for each in suspects if is_stuck(each, now, patience)), key=lambda each: each.id))

    def behind(self, world: World) -> int:
        """Return about how many torrents and queue items an `update` would have to look at; tells without looking."""
        if world is self._world:
            return 0
        if _wiring(world) != _wiring(self._world) or _views(world) != self._views:
            return len(self) + sum(len(each.torrents) for _, each in world.clients) + _queued(world)
        work = len(self._starting)
        for backend, queue in world.arrs:
            before = self._world.backends[backend.id]  # else the wiring would differ
            if before.arr is not queue or before.title != backend.title:
                work += len(queue.queue)
        for backend, client in world.clients:
            known = self._clients.get(backend.id)
            if known is None or client.revision not in {known.revision, known.revision + 1}:
                work += len(client.torrents)
            elif known is not client:
                work += len(client.changed) + len(client.removed)
        return work

    def update(self, world: World, now: datetime, *, give_way: Callable[[], object] | None = None) -> Changes:
        """Follow the world to its newest snapshots. `give_way` is called about every millisecond of much work."""
        touched = set(self._starting)
        touched |= self._follow_claims(world)
        touched |= self._follow_torrents(world)
        if _wiring(world) != _wiring(self._world):
            touched |= self._ids.keys()
        self._world = world
        changed: set[str] = set()
        removed: set[str] = set()
        for number, key in enumerate(touched, 1):
            self._join(key, now, changed, removed)
            if give_way is not None and number % JOINS_BETWEEN_PAUSES == 0:
                give_way()
        self._changed = (self._changed | changed) - removed
        self._removed = (self._removed - changed) | removed
        return Changes(changed=frozenset(changed), removed=frozenset(removed))

    def take_changes(self) -> Changes:
        """Return what all updates changed since this was last asked; for the one who follows every change."""
        taken = Changes(changed=frozenset(self._changed), removed=frozenset(self._removed))
        self._changed, self._removed = set(), set()
        return taken

    # -- what changed ---------------------------------------------------------------------------------------------

    def _follow_claims(self, world: World) -> set[str]:
        """Take over the queues, in the order of the world, and return the keys of the items that differ."""
        touched: set[str] = set()
        known, self._claims = self._claims, {}
        for backend, snapshot in world.arrs:
            old, before = known.pop(backend.id, {}), self._world.backends.get(backend.id)
            if before is not None and before.arr is snapshot and before.title == backend.title:
                self._claims[backend.id] = old
                continue
            self._claims[backend.id] = new = _claims_of(backend, snapshot)
            for key in old.keys() | new.keys():
                if old.get(key) == new.get(key):
                    new[key] = old[key]
                else:
                    touched.add(key)
        for gone in known.values():
            touched |= gone.keys()
        return touched

    def _follow_torrents(self, world: World) -> set[str]:
        """Take over the torrents, and return the keys of those that differ or whose client does."""
        touched: set[str] = set()
        known, self._clients = self._clients, {}
        for backend, snapshot in world.clients:
            touched |= _changed_torrents(known.pop(backend.id, None), snapshot)
            self._clients[backend.id] = snapshot
        for gone in known.values():
            touched |= gone.torrents.keys()
        views = _views(world)
        if views != self._views:
            every = views.keys() | self._views.keys()
            other = {backend_id for backend_id in every if views.get(backend_id) != self._views.get(backend_id)}
            self._views = views
            touched |= {
                each.key for each in self if each.client_id in other and not (each.finished and each.waits is None)
            }
        return touched

    # -- joining --------------------------------------------------------------------------------------------------

    def _join(self, key: str, now: datetime, changed: set[str], removed: set[str]) -> None:
        downloads = self._downloads_of(key, now)
        ids = tuple(download.id for download in downloads)
        for gone in self._ids.get(key, ()):
            if gone not in ids:
                del self._downloads[gone]
                self._suspects.discard(gone)
                removed.add(gone)
        if ids:
            self._ids[key] = ids
        else:
            self._ids.pop(key, None)
        self._starting.discard(key)
        for download in downloads:
            known = self._downloads.get(download.id)
            if known is None or known != download:  # else the same object stays
                self._downloads[download.id] = download
                changed.add(download.id)
            self._watch(download)

    def _watch(self, download: Download) -> None:
        """Note whether time alone will change what is said of a download."""
        waits = download.waits.key if download.waits else None
        if waits == Wait.STARTING:
            self._starting.add(download.key)
        if waits in NEEDS_HELP or waits in NEEDS_PATIENCE:
            self._suspects.add(download.id)
        else:
            self._suspects.discard(download.id)

    def _downloads_of(self, key: str, now: datetime) -> list[Download]:
        claims = [claim for claims in self._claims.values() for claim in claims.get(key, ())]
        holders = [client_id for client_id, snapshot in self._clients.items() if key in snapshot.torrents]
        if claims and not holders:
            return [self._without_torrent(key, claims, now)]
        downloads = []
        for client_id in holders:
            torrent = self._clients[client_id].torrents[key]
            own = tuple([claim for claim in claims if client_id in self._holders(claim, holders)]) if claims else ()
            downloads.append(
                Download(
                    id=f"{client_id}/{key}",
                    key=key,
                    client_id=client_id,
                    torrent=torrent,
                    claims=own,
                    waits=torrent_waits(torrent, self._views[client_id], own, now),
                )
            )
        return downloads

    def _without_torrent(self, key: str, claims: list[Claim], now: datetime) -> Download:
        # "Its client doesn't have it" must not be said on a guess.
        named = self._client_of(claims[0], Confidence.LIKELY)
        return Download(
            id=f"{named or '-'}/{key}",
            key=key,
            client_id=named,
            torrent=None,
            claims=tuple(claims),
            waits=claim_waits(claims, self._views.get(named) if named else None, now),
        )

    def _holders(self, claim: Claim, holders: list[str]) -> list[str]:
        """Of several clients with one torrent, the *arr waits for the one it uses; for all of them if nobody knows."""
        if len(holders) == 1:
            return holders
        client_id = self._client_of(claim, Confidence.GUESSED)
        return [client_id] if client_id in holders else holders

    def _client_of(self, claim: Claim, at_least: Confidence) -> str | None:
        return self._world.topology.client_of(claim.backend_id, claim.item.download_client, at_least)


def _wiring(world: World) -> tuple[Topology, tuple[str, ...]]:
    """Return what all joins depend on: who serves whom, and the order of the *arrs."""
    return world.topology, tuple(backend.id for backend, _ in world.arrs)


def _views(world: World) -> dict[str, ClientView]:
    return {
        backend.id: ClientView.of(backend)
        for backend in world.backends.values()
        if backend.kind in DOWNLOAD_CLIENT_KINDS or backend.client is not None
    }


def _queued(world: World) -> int:
    return sum(len(snapshot.queue) for _, snapshot in world.arrs)


def _claims_of(backend: Backend, snapshot: ArrSnapshot) -> dict[str, tuple[Claim, ...]]:
    claims: dict[str, tuple[Claim, ...]] = {}
    for item in snapshot.queue:
        key = _key(backend, item)
        claims[key] = (*claims.get(key, ()), Claim(backend_id=backend.id, title=backend.title, item=item))
    return claims


_V1_DIGITS = 40
_INFO_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def _key(backend: Backend, item: QueueItem) -> str:
    """Return the key that a queue item shares with its torrent: clients name v2 hashes by their first 40 digits."""
    if not item.download_id:
        return f"pending:{backend.id}:{item.ids[0] if item.ids else item.release}"
    lowered = item.download_id.lower()
    return lowered[:_V1_DIGITS] if _INFO_HASH.fullmatch(lowered) else item.download_id


def _changed_torrents(old: DownloadClientSnapshot | None, new: DownloadClientSnapshot) -> set[str]:
    """Return the hashes that differ.

    The snapshot's own sets tell it from one revision to the next. When revisions were skipped, or the numbers don't
    add up (another client under the same id), all torrents are compared, by identity.
    """
    if old is new:
        return set()
    if old is None:
        return set(new.torrents)
    if new.revision == old.revision + 1:
        added = len(new.changed - old.torrents.keys())
        if len(old.torrents) + added - len(new.removed & old.torrents.keys()) == len(new.torrents):
            return set(new.changed | new.removed)
    every = old.torrents.keys() | new.torrents.keys()
    return {key for key in every if old.torrents.get(key) is not new.torrents.get(key)}


def join_downloads(world: World, now: datetime) -> tuple[Download, ...]:
    """Join everything once. Who asks again and again keeps a `DownloadIndex`."""
    index = DownloadIndex()
    index.update(world, now)
    return tuple(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is going on in all download clients together. Rates in bytes per second."""

    total: int = 0
    active: int = 0  # fetching, or trying to
    stuck: int = 0  # see `is_stuck`; of all downloads, also those that no connected client has
    finished: int = 0
    download_rate: int = 0
    upload_rate: int = 0
    free_bytes: int | None = None  # of the client with the least left


def join_counts(world: World, index: DownloadIndex, now: datetime) -> Counts:
    """Add up what the clients count themselves, without walking their torrents. Clients that are away don't count."""
    clients = [snapshot for backend, snapshot in world.clients if backend.available]
    free = [each.transfer.free_bytes for each in clients if each.transfer.free_bytes is not None]
    return Counts(
        total=sum(len(each.torrents) for each in clients),
        active=sum(each.totals.count(*ACTIVE_STATES) for each in clients),
        stuck=len(index.stuck(now)),
        finished=sum(each.totals.count(*FINISHED_STATES) for each in clients),
        download_rate=sum(each.transfer.download_rate for each in clients),
        upload_rate=sum(each.transfer.upload_rate for each in clients),
        free_bytes=min(free, default=None),
    )
