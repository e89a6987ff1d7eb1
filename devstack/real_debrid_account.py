"""A simulated Real-Debrid account: its torrents, and how each of them comes along as time passes.

A torrent goes magnet_conversion, waiting_files_selection, (files are selected) queued, downloading, compressing where
it is packed, uploading, downloaded; or it fails as its plan says. Only those on their way are looked at, so that
100,000 that are done cost nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import hashlib
import json
import random
from typing import Any

from .clock import Clock

#: Of these an account may have so many at once.
ACTIVE = frozenset({"magnet_conversion", "queued", "downloading", "compressing", "uploading"})
FAILED = frozenset({"magnet_error", "error", "virus", "dead"})
ACTIVE_LIMIT = 100
#: What Real-Debrid has already is there within a moment.
CACHED_SECONDS = 1.0
UPLOAD_SECONDS = 5.0
SPLIT_GIGABYTES = 2000
HOST = "real-debrid.com"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of a torrent."""

    path: str  # starts with a slash
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What Real-Debrid makes of a torrent. Times in seconds."""

    name: str = ""
    files: tuple[PlannedFile, ...] = ()
    cached: bool = True  # Real-Debrid has it: nothing has to be fetched
    metadata_seconds: float = 1.0
    download_seconds: float = 60.0
    seeders: int = 12
    packed: bool = False  # into one archive: fewer links than files
    #: "downloaded", or what it comes to: "magnet_error", "error", "virus", "dead"; "stuck": it stays where it is
    outcome: str = "downloaded"
    stuck_in: str = ""  # with the outcome "stuck": "magnet_conversion" or "queued"
    refused_code: int | None = None  # adding it is refused with this error code (35: infringing)


@dataclass(slots=True)
class Torrent:
    """One torrent of an account."""

    id: str
    hash: str
    plan: Plan
    added: datetime
    status: str
    since: datetime  # of the status
    selected: frozenset[int] = frozenset()  # from 1
    progress: int = 0
    ended: datetime | None = None
    links: tuple[str, ...] = ()
    row: str = field(default="", repr=False)  # as JSON, "" where it has to be made

    @property
    def size_bytes(self) -> int:
        """The size of the selected files; of all of them before any is."""
        files = enumerate(self.plan.files, 1)
        return sum(file.size_bytes for index, file in files if not self.selected or index in self.selected)


class Account:
    """Whose account it is, and its torrents."""

    def __init__(self, account_id: int, username: str, *, clock: Clock, rng: random.Random) -> None:
        self.id = account_id
        self.username = username
        self.clock = clock
        self.premium_until: datetime | None = clock.now() + timedelta(days=180)
        self.points = 1500
        self.locked = False
        self.active_limit = ACTIVE_LIMIT
        self.active_slots = 25  # fetched at once; the others are queued
        self.traffic: dict[str, dict[str, Any]] = {}
        self.plans: dict[str, Plan] = {}  # by hash: what becomes of it when it is added
        self.broken_links: dict[str, int] = {}  # links that can't be unrestricted, and with which error code
        self.torrents: dict[str, Torrent] = {}  # the oldest first
        self.revision = 0  # of the list
        self._random = rng
        self._filled = 0  # so many torrents were there without anybody's adding them
        self._moving: dict[str, Torrent] = {}

    @property
    def premium(self) -> bool:
        """Whether it is paid for."""
        return self.premium_until is not None and self.clock.now() < self.premium_until

    @property
    def active(self) -> list[Torrent]:
        """The torrents that count for the limit."""
        self.settle()
        return [torrent for torrent in self._moving.values() if torrent.status in ACTIVE]

    # --- what happens to torrents --------------------------------------------------------------------------------

    def plan_of(self, info_hash: str, name: str = "") -> Plan:
        """Return what becomes of a hash: as planned, else one film that Real-Debrid has."""
        planned = self.plans.get(info_hash)
        title = name or (planned.name if planned else "") or f"Film.{info_hash[:8]}.1080p.WEB"
        if planned is None:
            planned = Plan(name=title)
        if not planned.files or not planned.name:
            files = planned.files or (PlannedFile(f"/{title}.mkv", 4_000_000_000), PlannedFile(f"/{title}.nfo", 4_000))
            planned = _changed(planned, name=planned.name or title, files=files)
        return planned

    def add(self, info_hash: str, name: str = "", files: tuple[PlannedFile, ...] = ()) -> Torrent:
        """Add a torrent, as a magnet link or (with its files) as a file. Real-Debrid takes the same one twice."""
        now = self.clock.now()
        status = "waiting_files_selection" if files else "magnet_conversion"
        plan = self.plan_of(info_hash, name)
        if files and info_hash not in self.plans:
            plan = _changed(plan, files=files)
        torrent = Torrent(self._new_id(), info_hash, plan, now, status, now)
        self.torrents[torrent.id] = torrent
        self._moving[torrent.id] = torrent
        self.revision += 1
        self.settle()
        return torrent

    def select(self, torrent: Torrent, files: frozenset[int]) -> None:
        """Select files of a torrent that waits for it."""
        torrent.selected = files
        self._enter(torrent, "queued", self.clock.now())
        self.settle()

    def delete(self, torrent_id: str) -> None:
        """Forget a torrent. Raises KeyError."""
        del self.torrents[torrent_id]
        self._moving.pop(torrent_id, None)
        self.revision += 1
        self.settle()

    def turn(self, torrent: Torrent, status: str) -> None:
        """Let a torrent be in a status from now on, as when Real-Debrid takes a file away."""
        now = self.clock.now()
        self._enter(torrent, status, now)
        if status in ACTIVE:
            self._moving[torrent.id] = torrent
        if status == "downloaded":
            self._finish(torrent, now)
        elif status in FAILED:
            torrent.links, torrent.ended = (), now
            torrent.row = ""

    def fill(
        self,
        how_many: int,
        *,
        statuses: Sequence[str] = ("downloaded",),
        files: int = 1,
        every: timedelta = timedelta(0),
    ) -> None:
        """Have so many torrents already, the oldest first, in these statuses in turn."""
        now = self.clock.now()
        begin = now - (every or timedelta(minutes=10)) * how_many
        offset, self._filled = self._filled, self._filled + how_many  # an id is never given again
        for index in range(offset, offset + how_many):
            title = f"Some.Title.{index:06d}.1080p.WEB-GROUP"
            plan = Plan(
                name=title,
                files=tuple(
                    PlannedFile(f"/{title}.{part:02d}.mkv", 1_000_000_000 + index) for part in range(1, files + 1)
                ),
            )
            added = begin + (every or timedelta(minutes=10)) * (index - offset)
            status = statuses[index % len(statuses)]
            torrent = Torrent(
                self._id_of(index),
                hashlib.sha1(title.encode(), usedforsecurity=False).hexdigest(),
                plan,
                added,
                status,
                added,
            )
            torrent.selected = frozenset(range(1, files + 1))
            if status == "downloaded":
                self._finish(torrent, added + timedelta(minutes=1))
            elif status in FAILED:
                torrent.ended = added + timedelta(minutes=1)
            else:
                torrent.plan = _changed(plan, outcome="stuck", stuck_in=status)
                self._moving[torrent.id] = torrent
            if status in {"magnet_conversion", "waiting_files_selection"}:
                torrent.selected = frozenset()
            self.torrents[torrent.id] = torrent
        self.revision += 1

    def settle(self) -> None:
        """Let everything that is on its way come as far as it is by now."""
        now = self.clock.now()
        for torrent in tuple(self._moving.values()):
            while self._step(torrent, now):
                pass

    def _step(self, torrent: Torrent, now: datetime) -> bool:
        """Take one torrent on by one status where its time has come; tell whether it went on."""
        if torrent.status not in ACTIVE and torrent.status != "waiting_files_selection":
            self._moving.pop(torrent.id, None)
            return False
        if torrent.plan.outcome == "stuck" and torrent.status == torrent.plan.stuck_in:
            return False
        due = self._due(torrent, (now - torrent.since).total_seconds())
        if due is None or now < torrent.since + timedelta(seconds=due[0]):
            return False
        # a place among those that are fetched is free from when it is seen to be
        since = now if due[1] == "downloading" else torrent.since + timedelta(seconds=due[0])
        self._enter(torrent, due[1], since)
        if due[1] == "downloaded":
            self._finish(torrent, torrent.since)
        elif due[1] in FAILED:
            torrent.ended = torrent.since
        return True

    def _due(self, torrent: Torrent, age: float) -> tuple[float, str] | None:
        """Return after how many seconds in its status a torrent comes to which one; None where it stays."""
        plan = torrent.plan
        match torrent.status:
            case "magnet_conversion":
                failed = plan.outcome == "magnet_error"
                return plan.metadata_seconds, "magnet_error" if failed else "waiting_files_selection"
            case "queued" if plan.cached:
                return CACHED_SECONDS, _end(plan)
            case "queued" if self._fetching() < self.active_slots:
                return 0.0, "downloading"
            case "downloading":
                return self._download(torrent, age)
            case "compressing":
                return UPLOAD_SECONDS, "uploading"
            case "uploading":
                return UPLOAD_SECONDS, _end(plan)
            case _:
                return None

    def _download(self, torrent: Torrent, age: float) -> tuple[float, str]:
        plan = torrent.plan
        progress = min(99, int(100 * age / plan.download_seconds)) if plan.download_seconds else 99
        if plan.outcome == "dead":
            progress = min(progress, 40)
        if progress != torrent.progress:
            torrent.progress, torrent.row = progress, ""
            self.revision += 1
        if plan.outcome == "dead":
            return plan.download_seconds, "dead"
        return plan.download_seconds, "compressing" if plan.packed else "uploading"

    def _fetching(self) -> int:
        return sum(torrent.status == "downloading" for torrent in self._moving.values())

    def _enter(self, torrent: Torrent, status: str, since: datetime) -> None:
        torrent.status, torrent.since, torrent.row = status, since, ""
        self.revision += 1

    def _finish(self, torrent: Torrent, when: datetime) -> None:
        chosen = sorted(torrent.selected) or range(1, len(torrent.plan.files) + 1)
        parts = [0] if torrent.plan.packed else chosen
        torrent.links = tuple(f"https://real-debrid.com/d/{torrent.id}{part:04d}" for part in parts)
        torrent.progress, torrent.ended, torrent.row = 100, when, ""

    # --- as JSON -------------------------------------------------------------------------------------------------

    def rows(self, offset: int, limit: int, *, active_only: bool = False) -> Iterable[str]:
        """Return a part of the list as JSON, the newest first."""
        self.settle()
        newest_first = reversed(self.torrents.values())
        listed = [torrent for torrent in newest_first if not active_only or torrent.status in ACTIVE]
        return [self._row(torrent) for torrent in listed[offset : offset + limit]]

    def _row(self, torrent: Torrent) -> str:
        if not torrent.row:
            torrent.row = json.dumps(self.resource(torrent), separators=(",", ":"))
        return torrent.row

    def resource(self, torrent: Torrent) -> dict[str, Any]:
        """Return a torrent as the list shows it."""
        shown: dict[str, Any] = {
            "id": torrent.id,
            "filename": torrent.plan.name if torrent.status != "magnet_conversion" else "Magnet",
            "hash": torrent.hash,
            "bytes": 0 if torrent.status == "magnet_conversion" else torrent.size_bytes,
            "host": HOST,
            "split": SPLIT_GIGABYTES,
            "progress": torrent.progress,
            "status": torrent.status,
            "added": as_date(torrent.added),
            "links": list(torrent.links),
        }
        if torrent.ended is not None:
            shown["ended"] = as_date(torrent.ended)
        if torrent.status in {"downloading", "compressing", "uploading"}:
            shown["speed"] = 12_500_000
        if torrent.status in {"downloading", "magnet_conversion"}:
            shown["seeders"] = torrent.plan.seeders
        return shown

    def details(self, torrent: Torrent) -> dict[str, Any]:
        """Return a torrent with its files."""
        known = torrent.status not in {"magnet_conversion", "magnet_error"}
        files = torrent.plan.files if known else ()
        return {
            **self.resource(torrent),
            "original_filename": torrent.plan.name if known else "Magnet",
            "original_bytes": sum(file.size_bytes for file in files),
            "files": [
                {"id": index, "path": file.path, "bytes": file.size_bytes, "selected": int(index in torrent.selected)}
                for index, file in enumerate(files, 1)
            ],
        }

    def _new_id(self) -> str:
        return "".join(self._random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=13))

    def _id_of(self, index: int) -> str:
        return f"F{self.id:04d}{index:08d}"


def _end(plan: Plan) -> str:
    return plan.outcome if plan.outcome in {"downloaded", "error", "virus", "dead"} else "downloaded"


def _changed(plan: Plan, **changes: Any) -> Plan:
    values = {name: getattr(plan, name) for name in Plan.__slots__}
    return Plan(**{**values, **changes})


def as_date(moment: datetime) -> str:
    """Write a time as JavaScript's `toJSON` does."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
