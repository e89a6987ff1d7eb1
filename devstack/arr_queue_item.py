"""One item in the queue of a Radarr or Sonarr, and what it says of its torrent."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .download_client import TorrentState
from .library import Wanted
from .quality import Quality
from .releases import Release
from .servarr_providers import Provider

QUEUE_STATUSES = (
    "unknown",
    "queued",
    "paused",
    "downloading",
    "completed",
    "failed",
    "warning",
    "delay",
    "downloadClientUnavailable",
    "fallback",
)

#: what the *arr make of qBittorrent's states: their status, and their message
_STATUS_OF_STATE: dict[str, tuple[str, str | None]] = {
    "error": ("warning", "qBittorrent is reporting an error"),
    "missingFiles": ("warning", "qBittorrent is reporting missing files"),
    "stalledDL": ("warning", "The download is stalled with no connections"),
    "metaDL": ("queued", "qBittorrent is downloading metadata"),
    "forcedMetaDL": ("queued", "qBittorrent is downloading metadata"),
    "pausedDL": ("paused", None),
    "stoppedDL": ("paused", None),
    "queuedDL": ("queued", None),
    "checkingDL": ("queued", None),
    "checkingUP": ("queued", None),
    "checkingResumeData": ("queued", None),
    "downloading": ("downloading", None),
    "forcedDL": ("downloading", None),
    "moving": ("downloading", None),
    "allocating": ("downloading", None),
    "uploading": ("completed", None),
    "stalledUP": ("completed", None),
    "queuedUP": ("completed", None),
    "forcedUP": ("completed", None),
    "pausedUP": ("completed", None),
    "stoppedUP": ("completed", None),
}
_NOT_DHT = ("warning", "qBittorrent cannot resolve magnet link with DHT disabled")


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """A complaint about an item."""

    title: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadFile:
    """A file of a download, and what the application takes it for."""

    name: str  # below the download's folder; "" where the download is one file
    size_bytes: int
    wanted: tuple[Wanted, ...] = ()  # nothing: it has no idea
    rejections: tuple[str, ...] = ()  # what stands against importing it beyond the usual

    def path(self, folder: str) -> str:
        """Return where it is."""
        return f"{folder}/{self.name}" if self.name else folder


@dataclass(slots=True, kw_only=True, eq=False)
class QueueItem:
    """A download, or a release that waits to become one. Sizes in bytes."""

    title: str
    wanted: tuple[Wanted, ...]  # empty: nobody knows what it is
    quality: Quality
    added: datetime
    languages: tuple[str, ...] = ("English",)
    score: int = 0
    protocol: str = "torrent"
    indexer: str | None = None
    release: Release | None = None
    download_id: str | None = None  # upper case; None: not sent to a download client
    client: Provider | None = None
    client_name: str | None = None  # of a scripted item
    size_bytes: int = 0
    remaining_bytes: int = 0
    time_left: timedelta | None = None
    status: str = "downloading"
    tracked_status: str = "ok"
    tracked_state: str = "downloading"
    messages: tuple[StatusMessage, ...] = ()
    error_message: str | None = None
    output_path: str | None = None
    files: tuple[DownloadFile, ...] | None = None  # None: what is on the disk, or one for each title
    scripted: bool = False
    completed_at: datetime | None = None
    due: datetime | None = None  # of a release that waits: until when
    grabbed: bool = False  # by this application, so that its history knows it
    importable: bool = False  # it was seen finished, so that the application knows where its files are
    manual_asked: bool = False  # the webhook about it was sent
    torrent: TorrentState | None = field(default=None, repr=False)

    @property
    def pending(self) -> bool:
        """Whether it is a release that waits, with no download behind it."""
        return self.download_id is None

    @property
    def client_data(self) -> dict[str, str]:
        """The kind and the name of its download client, as history has them."""
        kind = self.client.implementation.label if self.client else str(self.client_name)
        return {"downloadClient": kind, "downloadClientName": self.client.name if self.client else kind}

    def warn(self, state: str, *messages: str, title: str | None = None) -> None:
        """Complain about it."""
        self.tracked_status = "warning"
        self.tracked_state = state
        self.messages = (StatusMessage(title or self.title, messages),)

    def update(self, torrent: TorrentState, output_path: str, *, has_dht: bool) -> None:
        """Take over what the download client says. `output_path` is where this application finds the content."""
        self.torrent = torrent
        self.status, self.error_message = _STATUS_OF_STATE.get(
            torrent.state, ("unknown", f"Unknown download state: {torrent.state}")
        )
        if torrent.state in {"metaDL", "forcedMetaDL"} and not has_dht:
            self.status, self.error_message = _NOT_DHT
        self.size_bytes = torrent.size_bytes
        self.remaining_bytes = torrent.remaining_bytes
        self.output_path = output_path or None
        if self.status == "completed":
            self.time_left = timedelta()
            return
        self.time_left = None if torrent.eta_seconds is None else timedelta(seconds=torrent.eta_seconds)
        self.completed_at = None
        self.settle("downloading")

    def settle(self, state: str) -> None:
        """Take it into a state without a complaint."""
        self.tracked_status, self.tracked_state, self.messages = "ok", state, ()
