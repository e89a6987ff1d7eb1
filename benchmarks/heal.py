"""What watching over many downloads costs, beside looking at all of them with all rules at each poll.

The second is what tools do that keep no memory of what changed: each time every rule looks at every download. Both run
on the same worlds in one process and take turns. The longest block of the event loop is measured by a task that wants
its turn all the time: whatever keeps it from that would keep everything else from it, too. Times are those of the
processor, so that what else the machine does falls on neither. Pauses of Python's garbage collector, which grow with
all that a process holds, are left out of the blocks and told apart.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
import gc
from itertools import pairwise
import os
from pathlib import Path
import statistics
import sys
import time
from typing import Any

from custom_components.sokoul.autopilot.actuator import Actuator
from custom_components.sokoul.autopilot.desk import Desk
from custom_components.sokoul.autopilot.kernel import Kernel
from custom_components.sokoul.autopilot.rules.base import Case, Facts, Look, Sign
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.autopilot.turns import ASLEEP_AFTER, Turns
from custom_components.sokoul.model.backend import Backend, BackendKind
from custom_components.sokoul.model.downloads import (
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    Transfer,
)
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry
from custom_components.sokoul.model.library import (
    ArrSnapshot,
    ArrWiring,
    DownloadClientLink,
    Protocol,
    QueueItem,
    QueueStatus,
    Title,
    TitleKind,
    TrackedState,
    TrackedStatus,
)
from custom_components.sokoul.model.releases import TitleDetails
from custom_components.sokoul.model.topology import infer
from custom_components.sokoul.model.world import Changes, DownloadIndex, World

BUDGET_MILLISECONDS = 20
POLL = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SIZE = 4 * 10**9
#: With more downloads than this, turns whose cost may grow faster than their number are left out: they take minutes.
MOST_FOR_ALL_TURNS = 10_000
_PAGE = os.sysconf("SC_PAGE_SIZE")


# --- a large stack ---------------------------------------------------------------------------------------------------


class Fleet:
    """One client and one *arr with many downloads that get nothing."""

    def __init__(self, count: int) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.index = DownloadIndex()
        self.transfer = Transfer(connection=ConnectionStatus.CONNECTED, free_bytes=10**12, peers=20)
        self._torrents = {torrent.hash: torrent for torrent in map(self._torrent, range(count))}
        self._hashes = list(self._torrents)
        self._changed = set(self._torrents)
        self._revision = 0
        self._turn = 0
        link = DownloadClientLink(
            id=1,
            name="qBittorrent",
            implementation="QBittorrent",
            protocol=Protocol.TORRENT,
            enabled=True,
            host="qbittorrent",
            port=8080,
            category="radarr",
        )
        queue = tuple(self._item(number, torrent) for number, torrent in enumerate(self._torrents.values()))
        wiring = ArrWiring(download_clients=(link,))
        self._arr = ArrSnapshot(version="6.0", instance_name="Radarr", queue=queue, wiring=wiring)
        self.world = World()
        self._client: DownloadClientSnapshot | None = None

    def _torrent(self, number: int) -> Torrent:
        return Torrent(
            hash=f"{number:040x}",
            name=f"Release.{number}",
            state=DownloadState.STALLED,
            progress=0.25,
            size_bytes=SIZE,
            remaining_bytes=SIZE * 3 // 4,
            downloaded_bytes=SIZE // 4,
            category="radarr",
            private=False,
            save_path="/data/torrents",
            content_path=f"/data/torrents/Release.{number}",
            added_epoch=int((self.now - timedelta(days=1)).timestamp()),
        )

    def _item(self, number: int, torrent: Torrent) -> QueueItem:
        return QueueItem(
            ids=(number,),
            download_id=torrent.hash,
            release=torrent.name,
            titles=(Title(kind=TitleKind.MOVIE, id=number, name=f"Movie {number}", year=2025),),
            status=QueueStatus.DOWNLOADING,
            tracked_status=TrackedStatus.OK,
            tracked_state=TrackedState.DOWNLOADING,
            protocol=Protocol.TORRENT,
            download_client="qBittorrent",
            size_bytes=SIZE,
            remaining_bytes=SIZE * 3 // 4,
        )

    def bytes_come(self, share: float) -> None:
        """Let some torrents have got something, others each time."""
        every = max(round(1 / share), 1)
        self._turn += 1
        for hash_ in self._hashes[self._turn % every :: every]:
            torrent = self._torrents[hash_]
            self._set(
                torrent, remaining_bytes=torrent.remaining_bytes - 1, downloaded_bytes=torrent.downloaded_bytes + 1
            )

    def all_are(self, state: DownloadState, *, first: int | None = None) -> None:
        """Let all torrents, or the first of them, be in a state."""
        for torrent in list(self._torrents.values())[:first]:
            self._set(torrent, state=state)

    def all_are_wanted(self, wanted: bool) -> None:  # noqa: FBT001 -- there is nothing else that it could mean
        """Let a person want all the films, or none of them any more."""
        queue = [
            replace(item, titles=tuple(replace(title, monitored=wanted) for title in item.titles))
            for item in self._arr.queue
        ]
        self._arr = replace(self._arr, queue=tuple(queue))

    def _set(self, torrent: Torrent, **fields: Any) -> None:
        self._torrents[torrent.hash] = replace(torrent, **fields)
        self._changed.add(torrent.hash)

    def look(self) -> tuple[World, DownloadIndex, Changes]:
        """Return the world as it is after a poll."""
        if self._client is None or self._changed or self._client.transfer != self.transfer:
            self._revision += 1
            self._client = DownloadClientSnapshot(
                revision=self._revision,
                version="5.2",
                torrents=dict(self._torrents),
                changed=frozenset(self._changed),
                transfer=self.transfer,
            )
            self._changed = set()
        backends = {
            "qbt": Backend(id="qbt", kind=BackendKind.QBITTORRENT, title="qBittorrent", snapshot=self._client),
            "radarr": Backend(id="radarr", kind=BackendKind.RADARR, title="Radarr", snapshot=self._arr),
        }
        topology = self.world.topology if self.world.backends else infer(backends)
        self.world = World(backends=backends, topology=topology)
        self.index.update(self.world, self.now)
        return self.world, self.index, self.index.take_changes()


class Rows:
    """A journal that costs nothing: what is measured is the watching, not the store."""

    def __init__(self) -> None:
        self.count = 0

    async def add(self, entry: JournalEntry) -> JournalEntry:
        """Count an entry."""
        await asyncio.sleep(0)
        self.count += 1
        return replace(entry, id=self.count)

    async def change(self, entry: JournalEntry) -> None:
        """Do nothing."""

    async def get(self, entry_id: int) -> JournalEntry | None:
        """Know nothing."""
        del entry_id
        return None

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
        """Find nothing."""
        del statuses, acts, rule, subject, since, before_id, limit
        return ()


class Kept:
    """A memory that keeps the latest of each subject, as the store's does until it writes."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, Any] | None] = {}

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what was kept; and that it is no first start, else all there is to say is a report."""
        return {"autopilot:alive": {"at": 0}} | {key: kept for key, kept in self.kept.items() if kept is not None}

    def keep(self, subject: str, memory: Mapping[str, Any] | None) -> None:
        """Keep it."""
        self.kept[subject] = memory

    async def flush(self) -> None:
        """Do nothing."""


class Told:
    """Facts without requests: what is measured is not the network."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def backend(self, backend_id: str) -> Backend | None:
        """Return a backend as it was last seen."""
        return self._fleet.world.backends.get(backend_id)

    async def look(self, case: Case, looks: Collection[Look]) -> Facts | None:
        """Return facts as of a public torrent that an *arr grabbed, of a film that is two months old."""
        await asyncio.sleep(0)
        claim = case.download.claims[0]
        title = TitleDetails(title=claim.item.titles[0], has_file=False, released_at=datetime(2026, 9, 21, tzinfo=UTC))
        return replace(
            case.facts,
            looked=case.facts.looked | frozenset(looks),
            private=False,
            by_hand=False,
            grabbed_at=case.now - timedelta(days=1),
            titles={claim.backend_id: (title,)},
            trackers=(),
            files=(),
        )

    async def any_tracker_works(self, client_id: str, hashes: Collection[str]) -> bool:
        """Tell that one does."""
        del client_id, hashes
        return True


class NoHands:
    """No backend: nothing is done in this benchmark."""

    errors: tuple[type[Exception], ...] = (OSError,)
    missing: type[Exception] = FileNotFoundError

    def torrents(self, client_id: str | None) -> None:
        """Have no client."""
        del client_id

    def client_ids(self) -> tuple[str, ...]:
        """Have none."""
        return ()

    def held(self, client_id: str) -> bool:
        """Tell that nobody holds it."""
        del client_id
        return False

    def start_later(self, client_id: str, torrent_hash: str) -> None:
        """Start nothing."""

    def arr(self, arr_id: str) -> None:
        """Have no *arr."""
        del arr_id

    def arr_path(self, arr_id: str, client_id: str | None, path: str) -> str:
        """Know no other path."""
        del arr_id, client_id
        return path

    def title(self, backend_id: str | None) -> str:
        """Know no names."""
        return backend_id or ""

    async def finds_files(self, client_id: str | None, folder: str) -> None:
        """Can't tell."""
        del client_id, folder

    def shares_files(self, client_id: str, torrent: Torrent) -> bool:
        """Tell that it does."""
        del client_id, torrent
        return True


# --- measuring -------------------------------------------------------------------------------------------------------


class Collector:
    """How long Python's garbage collector kept everything waiting."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.longest_seconds = 0.0
        self._began = 0.0

    def __call__(self, phase: str, _: object) -> None:
        """Take note of one of its pauses, see `gc.callbacks`."""
        if phase == "start":
            self._began = time.thread_time()
        else:
            pause = time.thread_time() - self._began
            self.seconds += pause
            self.longest_seconds = max(self.longest_seconds, pause)


class Beat:
    """How long the event loop was kept from everything else; what other processes took of it doesn't count."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0
        self.collector = Collector()

    async def run(self) -> None:
        """Want a turn all the time."""
        last = time.thread_time() - self.collector.seconds
        while True:
            await asyncio.sleep(0)
            now = time.thread_time() - self.collector.seconds
            self.longest_seconds = max(self.longest_seconds, now - last)
            last = now


@asynccontextmanager
async def beating() -> AsyncIterator[Beat]:
    """Measure the longest block of the event loop."""
    beat = Beat()
    gc.callbacks.append(beat.collector)
    task = asyncio.create_task(beat.run())
    await asyncio.sleep(0)
    try:
        yield beat
        await asyncio.sleep(0)  # what came since its last turn counts, too: in a short piece of work that is all of it
    finally:
        gc.callbacks.remove(beat.collector)
        task.cancel()


def memory_bytes() -> int:
    """Return the resident memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def collection_milliseconds() -> float:
    """Return how long a full garbage collection takes now."""
    started = time.process_time()
    gc.collect()
    return (time.process_time() - started) * 1e3


def scan_all(fleet: Fleet, kernel: Kernel) -> float:
    """Let every rule look at every download, and return the seconds that took."""
    cases = [case for subject in kernel.watch if (case := kernel.watch.case(subject, fleet.now))]
    policies = [(rule, rule.policy()) for rule in RULES]
    started = time.process_time()
    for case in cases:
        for rule, policy in policies:
            if rule.sign(case, policy) is Sign.YES:
                rule.judge(case, policy, HOUR)
    return time.process_time() - started


def pilot(fleet: Fleet, store: Kept, settings: PilotSettings) -> Kernel:
    """Return a kernel that watches, and does nothing."""
    return Kernel(
        rules=RULES,
        journal=Rows(),
        store=store,
        actuator=Actuator(NoHands()),
        inspector=Told(fleet),
        settings=settings,
        on_entry=lambda _: None,
        on_settings=lambda _: None,
    )


class Run:
    """A kernel over a fleet, and what its turns cost."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.fleet = Fleet(count)
        self.store = Kept()
        settings = PilotSettings(autonomy={rule.key: Autonomy.OBSERVE for rule in RULES})
        self.kernel = pilot(self.fleet, self.store, settings)
        self.turns = Turns(self.kernel)
        self.turns.asleep_after = timedelta.max  # hours pass between two turns here
        self.milliseconds: dict[str, float] = {}
        self.block_milliseconds: dict[str, float] = {}
        self.pause_milliseconds = 0.0
        self.memory_bytes = 0
        self.collection_milliseconds = 0.0

    async def turn(self, what: str, span: timedelta = POLL, times: int = 1, before: Callable[[], object] = int) -> None:
        """Have some turns, and note the median of what they cost and the longest block."""
        costs = []
        for _ in range(times):
            before()
            self.fleet.now += span
            seen = self.fleet.look()
            costs.append(await measured(partial(self.turns.take, *seen, self.fleet.now)))
        self._note(what, costs)

    async def work(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        """Do something else, and note what it costs."""
        self._note(what, [await measured(work)])

    def _note(self, what: str, costs: Sequence[Cost]) -> None:
        self.milliseconds[what] = statistics.median(cost.seconds for cost in costs) * 1e3
        self.block_milliseconds[what] = max(cost.block_seconds for cost in costs) * 1e3
        self.pause_milliseconds = max(self.pause_milliseconds, *(cost.pause_seconds * 1e3 for cost in costs))

    async def all_turns(self) -> None:
        """Have a day's turns, from the first to the worst."""
        fleet, kernel = self.fleet, self.kernel
        before, collection = memory_bytes(), collection_milliseconds()
        await kernel.start(fleet.now)
        await self.turn("all are new")
        self.memory_bytes = memory_bytes() - before
        self.collection_milliseconds = collection_milliseconds() - collection
        await self.turn("the gate opens for all", 11 * MINUTE)
        await self.turn("all are quiet", times=20)
        await self.turn("1 % get something", times=20, before=lambda: fleet.bytes_come(0.01))
        await self.turn("all get something", times=3, before=lambda: fleet.bytes_come(1))
        await self.turn("all are stored", 6 * MINUTE)
        await self.turn("all are due, want a reannounce", 31 * MINUTE)
        await self.turn("all are stalled for 7 hours", 7 * HOUR)
        self.milliseconds["every rule looks at all"] = scan_all(fleet, kernel) * 1e3
        fleet.transfer = replace(fleet.transfer, connection=ConnectionStatus.DISCONNECTED)
        await self.turn("the gate shuts for all")
        fleet.transfer = replace(fleet.transfer, connection=ConnectionStatus.CONNECTED)
        await self.turn("it opens again")
        self.turns.asleep_after = ASLEEP_AFTER
        await self.turn("the machine slept for an hour", HOUR)
        await self.turn("the gate opens after that", 11 * MINUTE)
        self.turns.asleep_after = timedelta.max
        await self.work("a person changes a level", partial(self._change_level, "stalled", Autonomy.OFF))
        await self.turn("all are looked at for that")
        await self.work("heal all, dry run", lambda: Desk(kernel).heal(None, "somebody", fleet.now, dry_run=True))
        await kernel.save(fleet.now)
        await self.work("start, all are remembered", lambda: pilot(fleet, self.store, kernel.settings).start(fleet.now))
        if self.count <= MOST_FOR_ALL_TURNS:
            await self._many_questions()
            await self._two_outages()
        await self.turn("a mount is away: all break", before=lambda: fleet.all_are(DownloadState.MISSING_FILES))
        await self.turn("all are done", before=lambda: fleet.all_are(DownloadState.SEEDING))

    async def _many_questions(self) -> None:
        """Ask a person about everything, and get no answer."""
        fleet = self.fleet
        await self._change_level("orphan", Autonomy.SUGGEST)
        fleet.all_are_wanted(wanted=False)
        await self.turn("nobody wants them any more")
        await self.turn("a person is asked about all", 61 * MINUTE)
        assert len(self.kernel.suggestions) == self.count
        await self.turn("all are quiet and asked about", times=5)
        await self.turn("nobody answers for 3 days", timedelta(days=3, hours=1))
        fleet.all_are_wanted(wanted=True)
        await self.turn("all are wanted again")

    async def _two_outages(self) -> None:
        """Let a mount lose one half, and days later the other."""
        fleet, missing = self.fleet, DownloadState.MISSING_FILES
        await self.turn("a mount loses one half", before=lambda: fleet.all_are(missing, first=self.count // 2))
        await self.turn("2 days later, the other half", timedelta(days=2), before=lambda: fleet.all_are(missing))
        await self.turn("all are found again", before=lambda: fleet.all_are(DownloadState.STALLED))

    async def _change_level(self, rule: str, level: Autonomy) -> None:
        self.kernel.change(self.kernel.settings.with_autonomy(rule, level))


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took, the longest block of the loop meanwhile, and the longest pause of the garbage collector."""

    seconds: float
    block_seconds: float
    pause_seconds: float


async def measured(work: Callable[[], Awaitable[object]]) -> Cost:
    """Do something, and return what it cost."""
    gc.collect()
    async with beating() as beat:
        started = time.process_time()
        await work()
        seconds = time.process_time() - started
    return Cost(seconds, beat.longest_seconds, beat.collector.longest_seconds)


def report(runs: Sequence[Run]) -> bool:
    """Print what it cost, and tell whether it is within budget."""
    names = list(runs[0].milliseconds)
    print("\nmilliseconds of a turn, all rules" + "".join(f"{run.count:>12,}" for run in runs))
    for name in names:
        print(f"{name:33}" + "".join(_cell(run.milliseconds.get(name)) for run in runs))
    print("\nlongest block of the event loop, ms")
    for name in runs[0].block_milliseconds:
        print(f"{name:33}" + "".join(_cell(run.block_milliseconds.get(name)) for run in runs))
    print("\nbeside every rule looking at all")
    for name in ("all are quiet", "1 % get something"):
        ratios = [run.milliseconds["every rule looks at all"] / run.milliseconds[name] for run in runs]
        print(f"{name:33}" + "".join(f"{ratio:>11.1f}x" for ratio in ratios))
    print("\ntimes as dear, for each download, as with the number to the left")
    for name in names:
        steps = [_growth(name, fewer, more) for fewer, more in pairwise(runs)]
        print(f"{name:33}" + " " * 12 + "".join(f"{step:>11.1f}x" if step else f"{'-':>12}" for step in steps))
    print(f"\n{'memory of the watch':33}" + "".join(f"{run.memory_bytes / 1e6:>9.1f} MB" for run in runs))
    print("Python's garbage collector, which is left out of the blocks, ms")
    print(f"{'longest pause':33}" + "".join(_cell(run.pause_milliseconds) for run in runs))
    print(f"{'added to a full collection':33}" + "".join(_cell(run.collection_milliseconds) for run in runs))
    middle = next((run for run in runs if run.count == 10_000), runs[-1])
    worst = max(middle.block_milliseconds, key=lambda name: middle.block_milliseconds[name])
    within = middle.block_milliseconds[worst] <= BUDGET_MILLISECONDS
    over = sum(block > BUDGET_MILLISECONDS for block in middle.block_milliseconds.values())
    print(
        f"\nlongest block with {middle.count:,}: {middle.block_milliseconds[worst]:.1f} ms ({worst});"
        f" the budget is {BUDGET_MILLISECONDS} ms: {'kept' if within else f'BROKEN by {over}'}"
    )
    return within


def _cell(milliseconds: float | None) -> str:
    return f"{'-':>12}" if milliseconds is None else f"{milliseconds:>12.2f}"


def _growth(name: str, fewer: Run, more: Run) -> float | None:
    """Return by how much a download costs more when there are more of them; None where that was not measured."""
    if name not in more.milliseconds or not fewer.milliseconds[name]:
        return None
    return more.milliseconds[name] / more.count / (fewer.milliseconds[name] / fewer.count)


async def run_all(counts: Sequence[int]) -> list[Run]:
    """Run for each count."""
    runs = []
    for count in counts:
        run = Run(count)
        await run.all_turns()
        runs.append(run)
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench heal", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000], help="downloads")
    options = parser.parse_args(arguments)
    return 0 if report(asyncio.run(run_all(options.counts))) else 1


if __name__ == "__main__":
    sys.exit(main())
