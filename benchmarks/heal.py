"""What watching over many downloads costs, beside looking at all of them with all rules at each poll.

The second is what tools do that keep no memory of what changed: each time every rule looks at every download. Both run
on the same worlds in one process and take turns. The longest block of the event loop is measured by a task that wants
its turn all the time: whatever keeps it from that would keep everything else from it, too. Times are those of the
processor, so that what else the machine does falls on neither.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
import gc
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
from custom_components.sokoul.model.backend import Backend, BackendKind
from custom_components.sokoul.model.downloads import (
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    Transfer,
)
from custom_components.sokoul.model.journal import Autonomy, EntryStatus, JournalEntry
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
        self._world = World()
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

    def all_are(self, state: DownloadState) -> None:
        """Let all torrents be in a state."""
        for torrent in list(self._torrents.values()):
            self._set(torrent, state=state)

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
        topology = self._world.topology if self._world.backends else infer(backends)
        self._world = World(backends=backends, topology=topology)
        self.index.update(self._world, self.now)
        return self._world, self.index, self.index.take_changes()


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
        rule: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[JournalEntry]:
        """Find nothing."""
        del statuses, rule, subject, since, before_id, limit
        return ()


class Kept:
    """A memory that keeps the latest of each subject, as the store's does until it writes."""

    def __init__(self) -> None:
        self.kept: dict[str, Mapping[str, Any] | None] = {}

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return that it is no first start, else all there is to say is a report."""
        return {"autopilot:alive": {"at": 0}}

    def keep(self, subject: str, memory: Mapping[str, Any] | None) -> None:
        """Keep it."""
        self.kept[subject] = memory

    async def flush(self) -> None:
        """Do nothing."""


class Told:
    """Facts without requests: what is measured is not the network."""

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

    def shares_files(self, client_id: str, torrent: Torrent) -> bool:
        """Tell that it does."""
        del client_id, torrent
        return True


# --- measuring -------------------------------------------------------------------------------------------------------


class Beat:
    """How long the event loop was kept from everything else; what other processes took of it doesn't count."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0

    async def run(self) -> None:
        """Want a turn all the time."""
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest_seconds = max(self.longest_seconds, now - last)
            last = now


@asynccontextmanager
async def beating() -> AsyncIterator[Beat]:
    """Measure the longest block of the event loop."""
    beat = Beat()
    task = asyncio.create_task(beat.run())
    await asyncio.sleep(0)
    try:
        yield beat
    finally:
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


class Run:
    """A kernel over a fleet, and what its turns cost."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.fleet = Fleet(count)
        self.kernel = Kernel(
            rules=RULES,
            journal=Rows(),
            store=Kept(),
            actuator=Actuator(NoHands()),
            inspector=Told(),
            settings=PilotSettings(autonomy={rule.key: Autonomy.OBSERVE for rule in RULES}),
            on_entry=lambda _: None,
            on_settings=lambda _: None,
        )
        self.milliseconds: dict[str, float] = {}
        self.block_milliseconds: dict[str, float] = {}
        self.memory_bytes = 0
        self.collection_milliseconds = 0.0

    async def turn(self, what: str, span: timedelta = POLL, times: int = 1, before: Callable[[], object] = int) -> None:
        """Have some turns, and note the median of what they cost and the longest block."""
        taken: list[float] = []
        longest = 0.0
        for _ in range(times):
            before()
            self.fleet.now += span
            seen = self.fleet.look()
            gc.collect()
            taken_seconds, block_seconds = await measured(partial(self.kernel.step, *seen, self.fleet.now))
            taken.append(taken_seconds)
            longest = max(longest, block_seconds)
        self.milliseconds[what] = statistics.median(taken) * 1e3
        self.block_milliseconds[what] = longest * 1e3

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
        settings = kernel.settings
        await self.turn(
            "a level is changed", before=lambda: kernel.change(settings.with_autonomy("stalled", Autonomy.OFF))
        )
        seconds, block = await measured(lambda: Desk(kernel).heal(None, "somebody", fleet.now, dry_run=True))
        self.milliseconds["heal all, dry run"], self.block_milliseconds["heal all, dry run"] = (
            seconds * 1e3,
            block * 1e3,
        )
        await self.turn("a mount is away: all break", before=lambda: fleet.all_are(DownloadState.MISSING_FILES))
        await self.turn("all are done", before=lambda: fleet.all_are(DownloadState.SEEDING))


async def measured(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Return the seconds that something took, and the longest block of the loop meanwhile."""
    async with beating() as beat:
        started = time.process_time()
        await work()
        return time.process_time() - started, beat.longest_seconds


def report(runs: Sequence[Run]) -> bool:
    """Print what it cost, and tell whether it is within budget."""
    names = list(runs[0].milliseconds)
    print("\nmilliseconds of a turn, all rules" + "".join(f"{run.count:>12,}" for run in runs))
    for name in names:
        print(f"{name:33}" + "".join(f"{run.milliseconds[name]:>12.2f}" for run in runs))
    print("\nlongest block of the event loop, ms")
    for name in runs[0].block_milliseconds:
        print(f"{name:33}" + "".join(f"{run.block_milliseconds[name]:>12.2f}" for run in runs))
    print("\nbeside every rule looking at all")
    for name in ("all are quiet", "1 % get something"):
        ratios = [run.milliseconds["every rule looks at all"] / run.milliseconds[name] for run in runs]
        print(f"{name:33}" + "".join(f"{ratio:>11.1f}x" for ratio in ratios))
    print(f"{'memory of the watch':33}" + "".join(f"{run.memory_bytes / 1e6:>9.1f} MB" for run in runs))
    print(
        f"{'added to a garbage collection, ms':33}"
        + "".join(f"{run.collection_milliseconds:>12.1f}" for run in runs)
        + "  (Python's own pause now and then; left out above)"
    )
    middle = next((run for run in runs if run.count == 10_000), runs[-1])
    worst = max(middle.block_milliseconds, key=lambda name: middle.block_milliseconds[name])
    within = middle.block_milliseconds[worst] <= BUDGET_MILLISECONDS
    print(
        f"\nlongest block with {middle.count:,}: {middle.block_milliseconds[worst]:.1f} ms ({worst});"
        f" the budget is {BUDGET_MILLISECONDS} ms: {'kept' if within else 'BROKEN'}"
    )
    return within


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
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 10_000, 100_000], help="downloads")
    options = parser.parse_args(arguments)
    return 0 if report(asyncio.run(run_all(options.counts))) else 1


if __name__ == "__main__":
    sys.exit(main())
