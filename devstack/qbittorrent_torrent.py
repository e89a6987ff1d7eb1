"""One torrent of the simulated qBittorrent: what it is, and how it moves with time."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum

from .qbittorrent_versions import Generation
from .torrents import PIECE_LENGTH

DEFAULT_LIMIT = -2  # of ratio and seeding time: the global one counts
_BILLION = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class SimulatedFile:
    """A file of a torrent. `path` starts below the save path."""

    path: str
    size_bytes: int
    priority: int = 1  # 0: not wanted, 1 normal, 6 high, 7 highest
    kept: float = 0.0  # how much of it was there (0 to 1) when it was last unwanted


class TrackerStatus(IntEnum):
    """How announcing to a tracker went last, as 5.2 numbers it."""

    NOT_CONTACTED = 1
    WORKING = 2
    UPDATING = 3  # up to 5.0; later it is a field of its own
    NOT_WORKING = 4
    ERROR = 5  # the tracker answered with an error; NOT_WORKING before 5.2
    UNREACHABLE = 6  # likewise


@dataclass(slots=True, kw_only=True)
class SimulatedTracker:
    """A tracker of a torrent."""

    url: str
    tier: int = 0
    status: TrackerStatus = TrackerStatus.WORKING
    message: str = ""
    updating: bool = False

    def status_for(self, generation: Generation) -> TrackerStatus:
        """Return the status as this generation numbers it."""
        if generation.answers_with_status:
            return self.status
        return TrackerStatus.UPDATING if self.updating else min(self.status, TrackerStatus.NOT_WORKING)


@dataclass(slots=True, kw_only=True)
class Swarm:
    """Who else has a torrent, seen from here. Rates in bytes per second."""

    rate: float = 0.0  # what others would send us
    demand: float = 0.0  # what others would take from us once we are complete
    seeds: int = 0
    leechers: int = 0
    availability: float = 0.0  # complete copies in sight without us
    metadata_seconds: float | None = None  # until a magnet's metadata arrives; None: never
    size_bytes: int = 1_500_000_000  # that a magnet turns out to have


@dataclass(slots=True, kw_only=True)
class SimulatedTorrent:
    """A torrent and its circumstances. Change it through `QbittorrentSimulator.change`, so that clients get to see it.

    Sizes in bytes, rates in bytes per second, times in seconds since the epoch (0: never).
    """

    hash: str
    name: str
    files: list[SimulatedFile] = field(default_factory=list)
    has_metadata: bool = True
    private: bool = False
    piece_length: int = PIECE_LENGTH
    comment: str = ""
    created_by: str = ""
    created_epoch: int = -1
    exported: bytes = b""  # the torrent file it came from

    category: str = ""
    tags: set[str] = field(default_factory=set)
    trackers: list[SimulatedTracker] = field(default_factory=list)
    save_path: str = ""
    automatic: bool = False

    added: float = 0.0
    completed_at: float = 0.0
    complete_seen: float = 0.0
    last_activity: float = 0.0
    running_since: float = 0.0  # 0: it is not
    seeding_since: float = 0.0
    active_before: float = 0.0  # seconds of earlier runs
    seeding_before: float = 0.0

    completed: float = 0.0  # of what is wanted
    downloaded: float = 0.0
    uploaded: float = 0.0
    downloaded_session: float = 0.0
    uploaded_session: float = 0.0
    wasted: float = 0.0

    stopped: bool = False
    state_lags: bool = False  # its state doesn't show yet that it was stopped or started
    forced: bool = False
    queued: bool = False
    position: int = 0  # in the queue of unfinished torrents; 0: it is not in it
    sequential: bool = False
    first_last: bool = False
    super_seeding: bool = False
    download_limit: int = 0
    upload_limit: int = 0
    ratio_limit: float = DEFAULT_LIMIT
    seeding_time_limit: int = DEFAULT_LIMIT
    inactive_seeding_time_limit: int = DEFAULT_LIMIT
    share_limit_action: str = "Default"
    share_limits_mode: str = "Default"

    swarm: Swarm = field(default_factory=Swarm)
    error: str = ""
    missing_files: bool = False
    check_seconds: float = 0.0  # left
    check_finds: float = 1.0  # how much of what was complete the check will find
    move_seconds: float = 0.0  # left
    download_rate: int = 0  # now
    upload_rate: int = 0

    _size: int = -1

    # --- what it is ----------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """What is wanted of it, in whole pieces; 0 without metadata."""
        if self._size < 0:
            self._size = _wanted_bytes(self.files, self.piece_length) if self.has_metadata else 0
        return self._size

    @property
    def total_size(self) -> int:
        """All of it; -1 without metadata."""
        return sum(file.size_bytes for file in self.files) if self.has_metadata else -1

    @property
    def content_path(self) -> str:
        """The file, or the folder of all files; empty without metadata."""
        if not self.has_metadata or not self.files:
            return ""
        return f"{self.save_path}/{self.files[0].path.split('/')[0]}"

    @property
    def remaining(self) -> int:
        """What is wanted and not there."""
        return max(self.size - int(self.completed), 0)

    @property
    def progress(self) -> float:
        """How much of what is wanted is there, 0 to 1."""
        if not self.has_metadata:
            return 0.0
        return min(self.completed / self.size, 1.0) if self.size else 1.0

    @property
    def finished(self) -> bool:
        """Whether all that is wanted is there."""
        return self.has_metadata and self.remaining == 0

    @property
    def ratio(self) -> float:
        """Uploaded to downloaded, as qBittorrent reckons it: what was there from the start counts as downloaded."""
        got = self.downloaded or (self.completed if self.finished else 0.0)
        return round(self.uploaded / got, 4) if got else 0.0

    @property
    def running(self) -> bool:
        """Whether it may exchange data now."""
        return not (
            self.stopped
            or self.queued
            or self.error
            or self.missing_files
            or self.check_seconds > 0
            or self.move_seconds > 0
        )

    def state(self, generation: Generation) -> str:
        """Return its state in the words of this generation."""
        side = "UP" if self.finished else "DL"
        busy = (self.upload_rate and "uploading") if self.finished else (self.download_rate and "downloading")
        states = (
            (self.error, "error"),
            (self.missing_files, "missingFiles"),
            (self.move_seconds, "moving"),
            (self.check_seconds, "checking" + side),
            (self.stopped is not self.state_lags, ("stopped" if generation.starts_and_stops else "paused") + side),
            (not self.has_metadata, "forcedMetaDL" if self.forced else "metaDL"),
            (self.queued, "queued" + side),
            (self.forced, "forced" + side),
            (True, busy or "stalled" + side),
        )
        return next(name for holds, name in states if holds)

    def active_seconds(self, now: float) -> int:
        """Return for how long it has been running."""
        return int(self.active_before + (now - self.running_since if self.running_since else 0))

    def seeding_seconds(self, now: float) -> int:
        """Return for how long it has been running while complete."""
        return int(self.seeding_before + (now - self.seeding_since if self.seeding_since else 0))

    def file_progress(self, file: SimulatedFile) -> float:
        """Return how much of a file is there, 0 to 1; the wanted ones fill evenly."""
        return self.progress if file.priority else file.kept

    def set_priority(self, index: int, priority: int) -> None:
        """Want a file more or less."""
        for file in self.files:
            file.kept = self.file_progress(file)
        self.files[index].priority = priority
        self._size = -1
        wanted = [file for file in self.files if file.priority]
        there = sum(file.size_bytes * file.kept for file in wanted)
        total = sum(file.size_bytes for file in wanted)
        self.completed = self.size * there / total if total else 0.0

    def receive_metadata(self) -> None:
        """Know the files from now on."""
        self.files = self.files or [SimulatedFile(path=self.name, size_bytes=self.swarm.size_bytes)]
        self.has_metadata = True
        self._size = -1

    # --- how it moves --------------------------------------------------------------------------------------------

    def wanted_rate(self) -> float:
        """Return how fast it would download if there were no global limit."""
        if self.finished or not self.has_metadata or not self.running:
            return 0.0
        return min(self.swarm.rate, self.download_limit) if self.download_limit else self.swarm.rate

    def offered_rate(self) -> float:
        """Return how fast it would upload if there were no global limit."""
        if not self.finished or not self.running:
            return 0.0
        return min(self.swarm.demand, self.upload_limit) if self.upload_limit else self.swarm.demand

    def seconds_to_event(self) -> float:
        """Return in how many seconds something other than its counters changes, at the present rates."""
        if self.move_seconds > 0:
            return self.move_seconds
        if self.check_seconds > 0:
            return self.check_seconds
        if not self.has_metadata and self.running and self.swarm.metadata_seconds is not None:
            return self.swarm.metadata_seconds
        return self.remaining / self.download_rate if self.download_rate else float("inf")

    def move_on(self, seconds: float, now: float) -> None:
        """Let time pass, `now` being its end; no longer than to its next event."""
        if self.move_seconds > 0:
            self.move_seconds = _rest(self.move_seconds, seconds)
        elif self.check_seconds > 0:
            self.check_seconds = _rest(self.check_seconds, seconds)
            if not self.check_seconds:
                self.completed *= self.check_finds
                self.check_finds = 1.0
        elif not self.has_metadata and self.running and self.swarm.metadata_seconds is not None:
            self.swarm.metadata_seconds = _rest(self.swarm.metadata_seconds, seconds)
            if not self.swarm.metadata_seconds:
                self.receive_metadata()
        got = min(self.download_rate * seconds, self.size - self.completed) if self.download_rate else 0.0
        if got and self.size - self.completed - got < 1:
            got = self.size - self.completed
        sent = self.upload_rate * seconds
        self.completed += got
        self.downloaded += got
        self.downloaded_session += got
        self.uploaded += sent
        self.uploaded_session += sent
        if got or sent:
            self.last_activity = now
        if got and self.swarm.availability >= 1:
            self.complete_seen = now
        if got and self.finished:
            self.completed_at = now

    def take_stock(self, now: float) -> None:
        """Start or end the spans of running and seeding as its state says; its files may be others too."""
        self._size = -1
        runs = not self.stopped and not self.error and not self.missing_files
        if runs and not self.running_since:
            self.running_since = now
        elif not runs and self.running_since:
            self.active_before += now - self.running_since
            self.running_since = 0.0
        seeds = runs and self.finished
        if seeds and not self.seeding_since:
            self.seeding_since = now
        elif not seeds and self.seeding_since:
            self.seeding_before += now - self.seeding_since
            self.seeding_since = 0.0


def _wanted_bytes(files: Collection[SimulatedFile], piece_length: int) -> int:
    """Return the size of all pieces that a wanted file has a part of: its neighbours' parts in them come along."""
    total = sum(file.size_bytes for file in files)
    if all(file.priority for file in files):
        return total
    wanted: set[int] = set()
    start = 0
    for file in files:
        end = start + file.size_bytes
        if file.priority and file.size_bytes:
            wanted.update(range(start // piece_length, (end - 1) // piece_length + 1))
        start = end
    return sum(min(piece_length, total - piece * piece_length) for piece in wanted)


def _rest(left: float, passed: float) -> float:
    rest = left - passed
    return rest if rest > 1 / _BILLION else 0.0
