"""What the *arr applications report: queue, wishes, health, disks, calendar and how they are wired."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationStatus:
    """Who answers at an address."""

    name: str  # "Radarr"
    version: str
    instance_name: str  # what the person calls it; the application's name unless changed
    url_base: str = ""  # as set in the application: "/radarr" behind a reverse proxy


class Protocol(StrEnum):
    """How a release travels."""

    TORRENT = "torrent"
    USENET = "usenet"
    UNKNOWN = "unknown"


class QueueStatus(StrEnum):
    """What an *arr says of a queue item's download."""

    QUEUED = "queued"
    PAUSED = "paused"
    DOWNLOADING = "downloading"
    COMPLETED = "completed"
    FAILED = "failed"
    WARNING = "warning"
    DELAY = "delay"
    CLIENT_UNAVAILABLE = "downloadClientUnavailable"
    FALLBACK = "fallback"
    UNKNOWN = "unknown"


class TrackedStatus(StrEnum):
    """Whether an *arr has a complaint about a queue item."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


class TrackedState(StrEnum):
    """How far a queue item is on its way into the library."""

    DOWNLOADING = "downloading"
    IMPORT_BLOCKED = "importBlocked"
    IMPORT_PENDING = "importPending"
    IMPORTING = "importing"
    IMPORTED = "imported"
    FAILED_PENDING = "failedPending"
    FAILED = "failed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad a health message is."""

    OK = "ok"
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


class TitleKind(StrEnum):
    """What a person wants."""

    MOVIE = "movie"
    EPISODE = "episode"
    SERIES = "series"


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """A movie, or an episode of a series, as its *arr names it."""

    kind: TitleKind
    id: int  # of the movie, the episode, or the series
    name: str  # the movie's or the series'
    year: int | None = None
    series_id: int | None = None
    season: int | None = None
    episode: int | None = None
    episode_name: str | None = None
    monitored: bool = True

    @property
    def label(self) -> str:
        """How a person would write it: `Dune (2021)`, `Silo S03E02`, `Silo S03`."""
        if self.kind is TitleKind.MOVIE:
            return f"{self.name} ({self.year})" if self.year else self.name
        if self.season is None:
            return self.name
        return f"{self.name} S{self.season:02}" + (f"E{self.episode:02}" if self.episode is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """One download in an *arr's queue. Sonarr's records of one season pack are one item with many titles."""

    ids: tuple[int, ...]  # the queue records behind it
    download_id: str | None  # info hash in lower case for torrents; None while nothing was grabbed (delay)
    release: str
    titles: tuple[Title, ...] = ()  # empty: the *arr does not know what it is
    status: QueueStatus = QueueStatus.UNKNOWN
    tracked_status: TrackedStatus = TrackedStatus.UNKNOWN
    tracked_state: TrackedState = TrackedState.UNKNOWN
    messages: tuple[str, ...] = ()
    error_message: str | None = None
    protocol: Protocol = Protocol.UNKNOWN
    download_client: str | None = None
    indexer: str | None = None
    output_path: str | None = None
    size_bytes: int = 0
    remaining_bytes: int = 0
    time_left: timedelta | None = None
    added_at: datetime | None = None
    quality: str | None = None
    score: int = 0  # custom format score

    @property
    def label(self) -> str:
        """What a person would call it."""
        if not self.titles:
            return self.release
        if len(self.titles) == 1:
            return self.titles[0].label
        first = self.titles[0]
        seasons = {title.season for title in self.titles}
        if len(seasons) == 1 and first.season is not None:
            return f"{first.name} S{first.season:02}"
        return first.name


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthIssue:
    """A complaint of an application about itself."""

    source: str  # the check's name: stable, whatever the language of the message
    severity: Severity
    message: str
    wiki_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A mount as an application sees it."""

    path: str
    free_bytes: int
    total_bytes: int
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFolder:
    """A folder that an *arr keeps its library in."""

    path: str
    accessible: bool
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadClientLink:
    """A download client as configured in an *arr: where the topology and most of a form's fields come from."""

    id: int
    name: str
    implementation: str  # "QBittorrent", "Sabnzbd", ...
    protocol: Protocol
    enabled: bool
    host: str | None = None
    port: int | None = None
    tls: bool = False
    url_base: str = ""
    username: str | None = None
    category: str | None = None
    imported_category: str | None = None
    removes_completed: bool = False
    removes_failed: bool = False  # but a torrent only once it is finished, stopped and seeded enough


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePathMapping:
    """An *arr's own note that a download client's folder is found elsewhere."""

    host: str
    remote_path: str
    local_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingTitle:
    """A title that comes out soon."""

    title: Title
    release_at: datetime | date
    has_file: bool
    release_type: str | None = None  # "cinema", "digital", "physical", "air"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrWiring:
    """How an *arr is set up: changes rarely."""

    download_clients: tuple[DownloadClientLink, ...] = ()
    path_mappings: tuple[RemotePathMapping, ...] = ()
    root_folders: tuple[RootFolder, ...] = ()
    hardlinks: bool | None = None  # its setting "use hardlinks instead of copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """A file of the library, as its *arr sees it."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleFolder:
    """The folder of a movie or a series, as its *arr sees it."""

    id: int  # of the movie or the series
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleFile:
    """A file of the library, as its *arr sees it, and what is in it: one movie, or one or more episodes."""

    path: str
    titles: tuple[Title, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook that an *arr sends. Its URL is a secret: who knows it can speak for the *arr."""

    id: int
    name: str
    url: str = field(repr=False)
    events: frozenset[str]  # the flags that are on: "onGrab", "onDownload", ...


class CommandStatus(StrEnum):
    """How far a command is."""

    QUEUED = "queued"
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"
    ABORTED = "aborted"
    CANCELLED = "cancelled"
    ORPHANED = "orphaned"  # the application stopped while it ran
    UNKNOWN = "unknown"


class CommandResult(StrEnum):
    """What became of a command. Successful says only that it ran: a search may still have found nothing."""

    SUCCESSFUL = "successful"
    UNSUCCESSFUL = "unsuccessful"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Work that an *arr does in the background."""

    id: int
    name: str
    status: CommandStatus = CommandStatus.UNKNOWN
    result: CommandResult = CommandResult.UNKNOWN
    message: str | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status not in {CommandStatus.QUEUED, CommandStatus.STARTED, CommandStatus.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrSnapshot:
    """A Radarr or Sonarr at one moment."""

    version: str
    instance_name: str
    queue: tuple[QueueItem, ...] = ()
    missing: int = 0
    cutoff_unmet: int = 0
    health: tuple[HealthIssue, ...] = ()
    disks: tuple[Disk, ...] = ()
    upcoming: tuple[UpcomingTitle, ...] = ()
    wiring: ArrWiring = ArrWiring()


class Privacy(StrEnum):
    """Who may use an indexer. Semi-private counts as private."""

    PUBLIC = "public"
    SEMI_PRIVATE = "semiPrivate"
    PRIVATE = "private"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer:
    """An indexer as Prowlarr manages it."""

    id: int
    name: str
    enabled: bool
    protocol: Protocol
    privacy: Privacy
    rss: bool = True  # it tells what is new without being searched
    priority: int = 25
    disabled_until: datetime | None = None  # set while Prowlarr keeps away from it after failures
    last_failure_at: datetime | None = None
    queries: int = 0
    failed_queries: int = 0
    grabs: int = 0
    response_milliseconds: int | None = None  # average

    def failing(self, now: datetime) -> bool:
        """Whether Prowlarr keeps away from it at the moment."""
        return self.disabled_until is not None and self.disabled_until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationLink:
    """An *arr that Prowlarr feeds with indexers."""

    id: int
    name: str
    implementation: str  # "Radarr", "Sonarr"
    base_url: str
    sync_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexerManagerSnapshot:
    """A Prowlarr at one moment."""

    version: str
    instance_name: str
    indexers: tuple[Indexer, ...] = ()
    health: tuple[HealthIssue, ...] = ()
    applications: tuple[ApplicationLink, ...] = ()
