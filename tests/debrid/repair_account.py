"""A Real-Debrid account in memory, as far as repairing sees it, with a clock, refusals and power cuts on demand.

What Real-Debrid does over HTTP is the simulator's; here every moment between two requests can be cut.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from custom_components.sokoul.debrid.repair_ports import Refusal
from custom_components.sokoul.debrid.repairing import Repairer
from custom_components.sokoul.debrid.retrying import AccountPause, Repair, RepairLimits, Urgency
from custom_components.sokoul.debrid.rivals import Sighting
from custom_components.sokoul.debrid.unanswered import Unanswered
from custom_components.sokoul.model.debrid import (
    FAILED_STATUSES,
    DebridCode,
    DebridFile,
    DebridStatus,
    DebridTorrent,
    DebridTorrentInfo,
)

START = datetime(2026, 11, 21, 12, tzinfo=UTC)

DOWNLOADED, ERROR, DEAD, VIRUS = DebridStatus.DOWNLOADED, DebridStatus.ERROR, DebridStatus.DEAD, DebridStatus.VIRUS
WAITING, CONVERTING = DebridStatus.WAITING_FILES_SELECTION, DebridStatus.MAGNET_CONVERSION
MAGNET_ERROR, DOWNLOADING, QUEUED = DebridStatus.MAGNET_ERROR, DebridStatus.DOWNLOADING, DebridStatus.QUEUED


class PowerCut(BaseException):
    """Everything that is only in memory is gone."""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


def info_hash(number: int) -> str:
    return f"{number:040x}"


def files(*selected: int, count: int = 3) -> tuple[DebridFile, ...]:
    """Return the files of a torrent, of which some are selected."""
    return tuple(
        DebridFile(id=number, path=f"/file {number}.mkv", size_bytes=number * 1000, selected=number in selected)
        for number in range(1, count + 1)
    )


@dataclass(slots=True)
class Account:
    """Entries by id. `fates`: what becomes of a hash each time it is added and selected, complete after that."""

    clock: Clock
    entries: dict[str, DebridTorrentInfo] = field(default_factory=dict)
    fates: dict[str, list[DebridStatus]] = field(default_factory=lambda: defaultdict(list))
    fate_of: dict[str, DebridStatus] = field(default_factory=dict)
    refusals: list[tuple[str, DebridCode | None]] = field(default_factory=list)  # the next call of that name
    adds: list[tuple[str, datetime]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    throttled_at: datetime | None = None
    serial: int = 0
    cut_in: int | None = None  # so many points until the power is cut
    lag: timedelta | None = None  # the next adding gets no answer, and is carried out so much later
    late: list[tuple[datetime, str]] = field(default_factory=list)

    # --- setting the scene

    def has(
        self, number: int, status: DebridStatus, *selected: int, links: int | None = None, added: datetime | None = None
    ) -> str:
        """Put an entry there, and return its id."""
        self.serial += 1
        entry_id = f"ID{self.serial}"
        chosen = files(*selected)
        self.entries[entry_id] = DebridTorrentInfo(
            torrent=DebridTorrent(
                id=entry_id,
                hash=info_hash(number),
                filename=f"Title {number}",
                size_bytes=1,
                status=status,
                progress=100.0 if status is DOWNLOADED else 0.0,
                added_at=added or self.clock() - timedelta(days=30),
                links=tuple(f"link {each}" for each in range(len(selected) if links is None else links)),
            ),
            original_filename=f"Title {number}",
            original_size_bytes=1,
            files=chosen,
        )
        return entry_id

    def set_status(self, entry_id: str, status: DebridStatus) -> None:
        info = self.entries[entry_id]
        links = tuple(f"link {file.id}" for file in info.selected) if status is DOWNLOADED else ()
        self.entries[entry_id] = replace(info, torrent=replace(info.torrent, status=status, links=links))

    def of(self, number: int) -> list[DebridTorrent]:
        return [info.torrent for info in self.entries.values() if info.torrent.hash == info_hash(number)]

    def refuse(self, call: str, code: DebridCode | None, times: int = 1) -> None:
        self.refusals += [(call, code)] * times

    # --- what may be cut

    def point(self) -> None:
        if self.cut_in is not None:
            self.cut_in -= 1
            if self.cut_in < 0:
                self.cut_in = None
                raise PowerCut

    def _call(self, name: str) -> None:
        self.point()
        self.calls.append(name)
        for number, (call, code) in enumerate(self.refusals):
            if call == name:
                del self.refusals[number]
                raise Refusal(f"{name} refused", code=code)

    def _entry(self, entry_id: str) -> DebridTorrentInfo:
        if entry_id not in self.entries:
            raise Refusal("unknown", code=DebridCode.RESOURCE_NOT_FOUND)
        return self.entries[entry_id]

    # --- the hands

    async def entries_now(self) -> Sequence[DebridTorrent]:
        self._call("entries")
        for at, hash_ in [each for each in self.late if each[0] <= self.clock()]:
            self.has(int(hash_, 16), WAITING, added=at)
            self.late.remove((at, hash_))
        return tuple(info.torrent for info in self.entries.values())

    async def details(self, torrent_id: str) -> DebridTorrentInfo:
        self._call("details")
        return self._entry(torrent_id)

    async def add(self, info_hash: str) -> str:
        self._call("add")
        if self.lag is not None:
            self.late.append((self.clock() + self.lag, info_hash))
            self.lag = None
            self.point()
            raise Refusal("timed out")
        entry_id = self.has(int(info_hash, 16), WAITING, added=self.clock())
        self.adds.append((info_hash, self.clock()))
        fate = self.fates[info_hash].pop(0) if self.fates[info_hash] else DOWNLOADED
        self.fate_of[entry_id] = fate
        if fate in {MAGNET_ERROR, CONVERTING}:
            self.set_status(entry_id, fate)
        self.point()
        return entry_id

    async def select(self, torrent_id: str, file_ids: Collection[int]) -> None:
        self._call("select")
        info = self._entry(torrent_id)
        if info.torrent.status is not WAITING:
            raise Refusal("done", code=DebridCode.ACTION_ALREADY_DONE)
        chosen = tuple(replace(file, selected=file.id in file_ids) for file in info.files)
        self.entries[torrent_id] = replace(info, files=chosen)
        self.set_status(torrent_id, self.fate_of.get(torrent_id, DOWNLOADED))
        self.point()

    async def delete(self, torrent_id: str) -> None:
        self._call("delete")
        self._entry(torrent_id)
        del self.entries[torrent_id]
        self.deleted.append(torrent_id)
        self.point()

    async def try_link(self, _link: str) -> None:
        self._call("try_link")


class Hands:
    """The account as the repairer sees it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.details, self.add, self.select = account.details, account.add, account.select
        self.delete, self.try_link, self.entries = account.delete, account.try_link, account.entries_now

    @property
    def throttled_at(self) -> datetime | None:
        return self._account.throttled_at


class Notes:
    """What is on the disk."""

    def __init__(self, point: Callable[[], None] = lambda: None) -> None:
        self._point = point
        self.by_hash: dict[str, Repair] = {}
        self.paused = AccountPause()
        self.seen: tuple[Sighting, ...] = ()
        self.asked: tuple[Unanswered, ...] = ()

    async def repairs(self) -> Sequence[Repair]:
        return tuple(self.by_hash.values())

    async def save(self, repair: Repair) -> None:
        self._point()
        self.by_hash[repair.hash] = repair
        self._point()

    async def keep(self, repairs: Sequence[Repair]) -> None:
        self._point()
        self.by_hash |= {repair.hash: repair for repair in repairs}
        self._point()

    async def forget(self, hashes: Collection[str]) -> None:
        self._point()
        for each in hashes:
            del self.by_hash[each]
        self._point()

    async def pause(self) -> AccountPause:
        return self.paused

    async def save_pause(self, pause: AccountPause) -> None:
        self._point()
        self.paused = pause

    async def sightings(self) -> Sequence[Sighting]:
        return self.seen

    async def save_sightings(self, seen: Sequence[Sighting]) -> None:
        self._point()
        self.seen = tuple(seen)

    async def unanswered(self) -> Collection[Unanswered]:
        return self.asked

    async def save_unanswered(self, requests: Collection[Unanswered]) -> None:
        self._point()
        self.asked = tuple(requests)
        self._point()


@dataclass(slots=True)
class Bench:
    """An account, its notes and its repairer, which can be started anew."""

    clock: Clock = field(default_factory=Clock)
    limits: RepairLimits = field(default_factory=RepairLimits)
    acting: bool = True
    account: Account = field(init=False)
    notes: Notes = field(init=False)
    repairer: Repairer = field(init=False)

    def __post_init__(self) -> None:
        self.account = Account(self.clock)
        self.notes = Notes(self.account.point)

    async def start(self) -> Repairer:
        self.repairer = Repairer(
            Hands(self.account),
            self.notes,
            clock=self.clock,
            chance=lambda: 0.5,
            acting=lambda _repair: self.acting,
            limits=self.limits,
        )
        await self.repairer.load()
        return self.repairer

    async def failed(self, number: int, status: DebridStatus = ERROR, *selected: int) -> str:
        """Put a failed entry there, and want it repaired."""
        entry_id = self.account.has(number, status, *(selected or (1, 3)), links=0)
        await self.repairer.want(repair(number, self.clock(), old_ids=(entry_id,), trouble=status))
        return entry_id

    async def pass_time(self, **time: float) -> None:
        """Run whenever there is something to do, for so long."""
        end = self.clock() + timedelta(**time)
        for _ in range(100_000):
            at = await self.repairer.run()
            if at is None or at > end:
                break
            assert at > self.clock(), "there is nothing to do, over and over"
            self.clock.now = at
        else:
            raise AssertionError("it never comes to rest")
        self.clock.now = end

    def of(self, number: int) -> Repair:
        return self.notes.by_hash[info_hash(number)]


def repair(number: int, now: datetime, **changes: object) -> Repair:
    made = Repair(hash=info_hash(number), label=f"Title {number}", trouble="error", created_at=now, due_at=now)
    return replace(made, **changes)  # type: ignore[arg-type] -- a short way to say it


def live(entries: Iterable[DebridTorrent]) -> list[DebridTorrent]:
    """Return the entries that did not fail."""
    return [entry for entry in entries if entry.status not in FAILED_STATUSES]


__all__ = ["Urgency"]
