"""Torrents as a download client reports them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType


class DownloadState(StrEnum):
    """What a download is doing, one vocabulary for every client."""

    DOWNLOADING = "downloading"
    STALLED = "stalled"
    METADATA = "metadata"
    QUEUED = "queued"
    STOPPED = "stopped"
    CHECKING = "checking"
    MOVING = "moving"
    ERROR = "error"
    MISSING_FILES = "missing_files"
    SEEDING = "seeding"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


#: Complete: nothing is left to fetch, whether or not it still seeds.
FINISHED_STATES = frozenset({DownloadState.SEEDING, DownloadState.COMPLETED})
#: On its way: fetching, or about to.
ACTIVE_STATES = frozenset({DownloadState.DOWNLOADING, DownloadState.STALLED, DownloadState.METADATA})
#: Will not go on without help. (A stalled one is judged over time, not by its state.)
BROKEN_STATES = frozenset({DownloadState.ERROR, DownloadState.MISSING_FILES})


class ConnectionStatus(StrEnum):
    """How a download client is connected to its swarms. `FIREWALLED` is normal where no port is forwarded."""

    CONNECTED = "connected"
    FIREWALLED = "firewalled"
    DISCONNECTED = "disconnected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Torrent:
    """One torrent. Sizes in bytes, rates in bytes per second, times in seconds since the epoch (0: never)."""

    hash: str  # lower case; the client's key (for a v2-only torrent its truncated v2 hash)
    name: str
    state: DownloadState
    forced: bool = False  # started by hand past the client's queue
    progress: float = 0.0  # 0 to 1, of what is wanted
    size_bytes: int = 0  # of what is wanted
    remaining_bytes: int = 0
    downloaded_bytes: int = 0
    uploaded_bytes: int = 0
    download_rate: int = 0
    upload_rate: int = 0
    download_limit: int = 0  # of this torrent alone; 0: none
    eta_seconds: int | None = None
    ratio: float | None = None  # None: nothing was downloaded to share (the client calls it infinite)
    seeds: int = 0  # connected
    swarm_seeds: int | None = None
    peers: int = 0  # connected
    swarm_peers: int | None = None
    availability: float | None = None  # distributed copies; below 1 nobody in sight has it all
    category: str = ""
    tags: frozenset[str] = frozenset()
    save_path: str = ""
    content_path: str = ""
    tracker_host: str = ""  # never the announce URL: it holds the person's passkey
    private: bool | None = None  # None: not known (no metadata yet, or a client before 5.0)
    automatic: bool = False  # the client manages its save path by category
    added_epoch: int = 0
    completed_epoch: int = 0
    active_epoch: int = 0  # last time a byte went in or out
    complete_seen_epoch: int = 0  # last time a complete copy was in sight
    seeding_seconds: int = 0  # as last told: qBittorrent does not tell it of torrents that are idle

    @property
    def finished(self) -> bool:
        """Whether everything wanted is here."""
        return self.state in FINISHED_STATES or (self.progress >= 1 and self.state is not DownloadState.METADATA)

    @property
    def added_at(self) -> datetime | None:
        """When it was added to the client."""
        return epoch(self.added_epoch)

    @property
    def completed_at(self) -> datetime | None:
        """When it was complete."""
        return epoch(self.completed_epoch)

    @property
    def complete_seen_at(self) -> datetime | None:
        """When a complete copy was last in sight."""
        return epoch(self.complete_seen_epoch)


def epoch(seconds: int) -> datetime | None:
    """Return seconds since the epoch as time; zero and less mean never."""
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The state of the whole client. Rates in bytes per second; a limit of 0 is none."""

    connection: ConnectionStatus = ConnectionStatus.UNKNOWN
    download_rate: int = 0
    upload_rate: int = 0
    download_limit: int = 0
    upload_limit: int = 0
    alternative_limits: bool = False
    queueing: bool = False
    free_bytes: int | None = None  # of the default save path's disk
    downloaded_bytes: int = 0  # all time
    uploaded_bytes: int = 0  # all time
    ratio: float | None = None  # all time
    peers: int = 0
    dht_nodes: int = 0
    #: where its trackers and peers see it come from; since qBittorrent 5.1, None until one of them told it
    external_ipv4: str | None = None
    external_ipv6: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """The preferences of a download client that SOKOUL looks at. None: this version doesn't say."""

    listen_port: int | None = None
    random_port: bool | None = None
    upnp: bool | None = None
    interface: str | None = None  # the network interface that it is bound to; "" is any
    interface_address: str | None = None
    interface_exists: bool | None = None  # where it is bound to one; None: it wasn't asked
    save_path: str = ""
    incomplete_path: str | None = None
    #: the two sets of limits, in bytes per second; 0 is none. Which one is in force tells `Transfer`
    download_limit: int | None = None
    upload_limit: int | None = None
    alternative_download_limit: int | None = None
    alternative_upload_limit: int | None = None
    queueing: bool | None = None
    maximum_active_downloads: int | None = None
    maximum_ratio: float | None = None  # None: no limit
    maximum_ratio_removes: bool = False  # at the limit the client removes the torrent by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferTotals:
    """What counts over all torrents, kept while merging so that nobody has to walk them."""

    by_state: Mapping[DownloadState, int] = MappingProxyType({})

    def count(self, *states: DownloadState) -> int:
        """Return how many torrents are in any of these states."""
        return sum(self.by_state.get(state, 0) for state in states)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DownloadClientSnapshot:
    """A download client at one revision.

    `changed` and `removed` hold the hashes that differ from the revision before (on the first one every torrent is
    changed). Torrents that did not change are the same objects as before, also over a full update. Equality is the
    revision.
    """

    revision: int
    version: str
    torrents: Mapping[str, Torrent]
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    totals: TransferTotals = TransferTotals()
    transfer: Transfer = Transfer()
    categories: Mapping[str, str] = MappingProxyType({})  # name to save path ("": the default)
    tags: frozenset[str] = frozenset()
    settings: ClientSettings | None = None  # as last read, None before that

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DownloadClientSnapshot) and self.revision == other.revision

    def __hash__(self) -> int:
        return hash(self.revision)


class TrackerStatus(StrEnum):
    """What a torrent's tracker last said."""

    DISABLED = "disabled"
    NOT_CONTACTED = "not_contacted"
    WORKING = "working"
    UPDATING = "updating"
    NOT_WORKING = "not_working"
    ERROR = "error"  # it answered with a refusal
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


#: However a tracker fails.
FAILING_TRACKER = frozenset({TrackerStatus.NOT_WORKING, TrackerStatus.ERROR, TrackerStatus.UNREACHABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentTracker:
    """One tracker of a torrent. Its announce URL is not kept: it may hold the person's passkey."""

    host: str
    tier: int
    status: TrackerStatus
    message: str = ""  # the tracker's own words, without secrets
    seeds: int | None = None  # in the swarm, None: not told
    peers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentFile:
    """One file of a torrent."""

    index: int
    name: str  # relative to the save path, with "/" between folders
    size_bytes: int
    progress: float  # 0 to 1
    wanted: bool
    availability: float | None = None  # distributed copies


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedTorrents:
    """What adding led to: the hashes as far as they are known, and whether the client is still fetching something."""

    hashes: tuple[str, ...] = ()
    pending: bool = False


class ShareLimitAction(StrEnum):
    """What the client does with a torrent that reached its share limits."""

    DEFAULT = "Default"
    STOP = "Stop"
    REMOVE = "Remove"
    REMOVE_WITH_CONTENT = "RemoveWithContent"
    SUPER_SEEDING = "EnableSuperSeeding"


class ShareLimitsMode(StrEnum):
    """Whether one of the limits is enough, or all of them have to be reached."""

    DEFAULT = "Default"
    ANY = "MatchAny"
    ALL = "MatchAll"


#: In `ShareLimits`: this limit is never reached.
UNLIMITED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLimits:
    """When a torrent has given back enough. None: the client's own setting decides; `UNLIMITED`: never."""

    ratio: float | None = None
    seeding_minutes: int | None = None
    inactive_minutes: int | None = None  # before 5.0 not told
    action: ShareLimitAction = ShareLimitAction.DEFAULT  # since 5.2
    mode: ShareLimitsMode = ShareLimitsMode.DEFAULT  # since 5.3


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentSettings:
    """How a torrent is set, so that it can be put back as it was. Limits in bytes per second, 0 for none."""

    category: str = ""
    tags: frozenset[str] = frozenset()
    automatic: bool = False  # the client chooses the save path by category
    save_path: str = ""
    stopped: bool = False
    forced: bool = False  # started past the client's queue; not told of a torrent that is stopped
    download_limit: int = 0
    upload_limit: int = 0
    share_limits: ShareLimits = ShareLimits()
    sequential: bool = False
    first_last: bool = False  # the first and the last pieces come first
    super_seeding: bool = False
    queue_position: int = 0  # from 1; 0: it is complete, or the client has no queue
