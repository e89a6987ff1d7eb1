"""One torrent of the simulated qBittorrent: what it is, how it moves with time, and how the API shows it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from urllib.parse import quote

import orjson

from .qbittorrent_versions import Generation
from .torrents import PIECE_LENGTH

ETA_UNKNOWN = 8_640_000
DEFAULT_LIMIT = -2  # of ratio and seeding time: the global one counts
NO_LIMIT = -1
_CONNECTIONS = 100
_BILLION = 1_000_000_000

#: fields of `sync/maindata` that `torrents/info` does not have, and the web API that brought them
ANNOUNCE_FIELDS = ("has_other_announce_error", "has_tracker_error", "has_tracker_warning")


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
    _fields: dict[str, Any] | None = None
    _json: bytes = b""

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
            (self.stopped, ("stopped" if generation.starts_and_stops else "paused") + side),
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

    def keep_time(self, now: float) -> None:
        """Start or end the spans of running and seeding as its state says."""
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

    # --- how it looks --------------------------------------------------------------------------------------------

    def forget_look(self) -> None:
        """Let it be described anew."""
        self._fields = None
        self._size = -1

    def tick(self, now: float) -> bool:
        """Let the counters of its description run; False when they show the same."""
        old = self._fields
        if old is None:
            return False
        counters = {"time_active": self.active_seconds(now), "seeding_time": self.seeding_seconds(now)}
        if all(old[name] == value for name, value in counters.items()):
            return False
        self._fields = old | counters
        self._json = b""
        return True

    def fields(self, generation: Generation, view: View) -> dict[str, Any]:
        """Return what `sync/maindata` says of it. The same object until it changes; never change it."""
        if self._fields is None:
            self._fields = _describe(self, generation, view)
            self._json = b""
        return self._fields

    def json(self, generation: Generation, view: View) -> bytes:
        """Return `fields` as JSON."""
        described = self.fields(generation, view)
        if not self._json:
            self._json = orjson.dumps(described)
        return self._json

    @property
    def content_path(self) -> str:
        """The file, or the folder of all files; empty without metadata."""
        if not self.has_metadata or not self.files:
            return ""
        return f"{self.save_path}/{self.files[0].path.split('/')[0]}"

    def magnet(self, generation: Generation) -> str:
        """Return its magnet link, spelled as this generation does."""
        escapes = quote if generation.since(2, 11) else _quote_small
        link = f"magnet:?xt=urn:btih:{self.hash}&dn={escapes(self.name, safe='')}"
        if generation.since(2, 16) and self.has_metadata:
            link += f"&xl={self.total_size}"
        return link + "".join(f"&tr={escapes(tracker.url, safe='')}" for tracker in self.trackers)


@dataclass(slots=True)
class View:
    """What a torrent's look depends on besides itself: the time and the global limits."""

    now: float = 0.0
    maximum_ratio: float = NO_LIMIT
    maximum_seeding_time: int = NO_LIMIT
    maximum_inactive_seeding_time: int = NO_LIMIT


def _describe(torrent: SimulatedTorrent, generation: Generation, view: View) -> dict[str, Any]:
    connected = torrent.running and torrent.has_metadata
    swarm, working = torrent.swarm, _working_tracker(torrent.trackers)
    share = torrent.downloaded or torrent.uploaded
    described: dict[str, Any] = {
        "added_on": int(torrent.added),
        "amount_left": torrent.remaining,
        "auto_tmm": torrent.automatic,
        "availability": _availability(torrent, connected=connected),
        "category": torrent.category,
        "completed": int(torrent.completed),
        "completion_on": int(torrent.completed_at) or generation.never,
        "content_path": torrent.content_path,
        "dl_limit": torrent.download_limit,
        "dlspeed": torrent.download_rate,
        "download_path": "",
        "downloaded": int(torrent.downloaded),
        "downloaded_session": int(torrent.downloaded_session),
        "eta": min(-(-torrent.remaining // torrent.download_rate), ETA_UNKNOWN)
        if torrent.download_rate
        else ETA_UNKNOWN,
        "f_l_piece_prio": torrent.first_last,
        "force_start": torrent.forced,
        "infohash_v1": torrent.hash,
        "infohash_v2": "",
        "last_activity": int(torrent.last_activity or torrent.added),
        "magnet_uri": torrent.magnet(generation),
        "max_ratio": view.maximum_ratio if torrent.ratio_limit == DEFAULT_LIMIT else torrent.ratio_limit,
        "max_seeding_time": _effective(torrent.seeding_time_limit, view.maximum_seeding_time),
        "name": torrent.name,
        "num_complete": swarm.seeds if working else 0,
        "num_incomplete": swarm.leechers if working else 0,
        "num_leechs": min(swarm.leechers, 8) if connected and (torrent.upload_rate or swarm.leechers) else 0,
        "num_seeds": min(swarm.seeds, 12) if connected and not torrent.finished else 0,
        "priority": torrent.position,
        "progress": torrent.progress,
        "ratio": torrent.ratio if share else 0,
        "ratio_limit": torrent.ratio_limit,
        "save_path": torrent.save_path,
        "seeding_time": torrent.seeding_seconds(view.now),
        "seeding_time_limit": torrent.seeding_time_limit,
        "seen_complete": int(torrent.complete_seen) or generation.never,
        "seq_dl": torrent.sequential,
        "size": torrent.size,
        "state": torrent.state(generation),
        "super_seeding": torrent.super_seeding,
        "tags": ", ".join(sorted(torrent.tags)),
        "time_active": torrent.active_seconds(view.now),
        "total_size": torrent.total_size,
        "tracker": _tracker_shown(torrent, working, generation),
        "trackers_count": len(torrent.trackers),
        "up_limit": torrent.upload_limit,
        "uploaded": int(torrent.uploaded),
        "uploaded_session": int(torrent.uploaded_session),
        "upspeed": torrent.upload_rate,
    }
    if generation.since(2, 11):
        described |= _described_since_5_0(torrent, view)
    if generation.answers_with_status:
        described |= _described_since_5_2(torrent)
        described |= dict(zip(ANNOUNCE_FIELDS, announce_problems(torrent.trackers), strict=True))
    if generation.since(2, 16):
        described["share_limits_mode"] = torrent.share_limits_mode
    return described


def _described_since_5_0(torrent: SimulatedTorrent, view: View) -> dict[str, Any]:
    months = max((view.now - torrent.added) / (30 * 86400), 1 / 30)
    return {
        "comment": torrent.comment,
        "has_metadata": torrent.has_metadata,
        "inactive_seeding_time_limit": torrent.inactive_seeding_time_limit,
        "max_inactive_seeding_time": _effective(
            torrent.inactive_seeding_time_limit, view.maximum_inactive_seeding_time
        ),
        "popularity": round(torrent.ratio / months, 4) if torrent.uploaded else 0,
        "private": torrent.private if torrent.has_metadata else None,
        "reannounce": 1800 if torrent.trackers and torrent.running else 0,
        "root_path": torrent.content_path if _has_folder(torrent) else "",
    }


def _described_since_5_2(torrent: SimulatedTorrent) -> dict[str, Any]:
    connected = torrent.running and torrent.has_metadata
    return {
        "connections_count": min(torrent.swarm.seeds + torrent.swarm.leechers, 20) if connected else 0,
        "connections_limit": _CONNECTIONS,
        "created_by": torrent.created_by,
        "creation_date": torrent.created_epoch,
        "piece_size": torrent.piece_length if torrent.has_metadata else -1,
        "pieces_have": pieces_have(torrent),
        "pieces_num": pieces(torrent),
        "share_limit_action": torrent.share_limit_action,
        "total_wasted": int(torrent.wasted),
    }


def pieces(torrent: SimulatedTorrent) -> int:
    """Return how many pieces it has; -1 without metadata."""
    return -(-torrent.total_size // torrent.piece_length) if torrent.has_metadata else -1


def pieces_have(torrent: SimulatedTorrent) -> int:
    """Return how many pieces are there."""
    return int(pieces(torrent) * torrent.progress) if torrent.has_metadata else 0


def announce_problems(trackers: Collection[SimulatedTracker]) -> tuple[bool, bool, bool]:
    """Return whether a tracker can't be reached, answered with an error, works with a warning."""
    unreachable = {TrackerStatus.NOT_WORKING, TrackerStatus.UNREACHABLE}
    return (
        any(tracker.status in unreachable for tracker in trackers),
        any(tracker.status is TrackerStatus.ERROR for tracker in trackers),
        any(tracker.status is TrackerStatus.WORKING and tracker.message for tracker in trackers),
    )


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


def _working_tracker(trackers: Iterable[SimulatedTracker]) -> str:
    return next((tracker.url for tracker in trackers if tracker.status is TrackerStatus.WORKING), "")


def _tracker_shown(torrent: SimulatedTorrent, working: str, generation: Generation) -> str:
    """Return the tracker in use: since 5.2 the first one stands in while none works."""
    if working and torrent.running:
        return working
    return torrent.trackers[0].url if torrent.trackers and generation.answers_with_status else ""


def _availability(torrent: SimulatedTorrent, *, connected: bool) -> float:
    if torrent.finished:
        return -1 if torrent.running else 0
    if not torrent.has_metadata:
        return 0
    others = torrent.swarm.availability if connected else 0.0
    return round(others + torrent.progress, 3) or 0


def _effective(own: int, common: int) -> int:
    return common if own == DEFAULT_LIMIT else own


def _has_folder(torrent: SimulatedTorrent) -> bool:
    return torrent.has_metadata and bool(torrent.files) and "/" in torrent.files[0].path


def _rest(left: float, passed: float) -> float:
    rest = left - passed
    return rest if rest > 1 / _BILLION else 0.0


def _quote_small(text: str, safe: str = "") -> str:
    """Percent-encode with small letters, as libtorrent before 2.0.9 does."""
    return "".join(
        char if char.isascii() and quote(char, safe=safe) == char else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in text
    )
