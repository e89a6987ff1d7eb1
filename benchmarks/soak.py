"""Long runs that look for what must never happen: `scripts/bench soak heal` and `soak debrid` (see `soak_debrid`).

Random worlds by the thousand, a process that is killed again and again, and months of an ordinary stack. Each of them
is a test, too, but a short one. A part ends with an error when it finds something.
"""

import argparse
import asyncio
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
import random
import shutil
import sys
import tempfile
import time

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind, EntryStatus, JournalEntry
from custom_components.sokoul.store import open_store
from tests.autopilot.fakes import NOW, digest
from tests.autopilot.healing_machine import HealingMachine
from tests.autopilot.stack import Stack, reversible

from . import soak_debrid, soak_worker
from .month import Month

DOWNLOADS = 20
_LONGEST_LIFE_TURNS = 40
_LONGEST_WAIT_TURNS = 200  # for something to be given up
#: So many kills that none of them met an act are no accident: then this looks for nothing any more.
_ENOUGH_KILLS = 10
#: Trackers are asked again after this at the earliest.
_APART = timedelta(minutes=30)
_WAIT_SECONDS = 60


# --- kills -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of it: how many kills met something that was just being given up, and what the journal says then."""

    while_giving_up: int
    said: Counter[str]


async def kills(folder: Path, count: int, chance: random.Random) -> Killed:
    """Kill a process at moments that nobody chose, let it come to an end, and see whether all is consistent then.

    Most of the time nothing is given up. So that it is met in the middle of that, too, every other kill waits until it
    begins to.
    """
    soak_worker.make(folder, DOWNLOADS)
    met = 0
    for number in range(count):
        await _one_life(folder, chance, giving_up=number % 2 == 1)
        met += await _is_giving_up(folder)
    last = await asyncio.create_subprocess_exec(
        sys.executable, soak_worker.__file__, str(folder), str(_hours(folder) + 24), stdout=PIPE, stderr=PIPE
    )
    _, said = await asyncio.wait_for(last.communicate(), 10 * _WAIT_SECONDS)
    if last.returncode:
        raise RuntimeError(said.decode())
    return Killed(met, await _check(folder))


async def _one_life(folder: Path, chance: random.Random, *, giving_up: bool) -> None:
    life = await asyncio.create_subprocess_exec(
        sys.executable, soak_worker.__file__, str(folder), str(10**6), stdout=PIPE, stderr=PIPE
    )
    assert life.stdout is not None
    assert life.stderr is not None
    turns = chance.randrange(_LONGEST_LIFE_TURNS)
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            while turns > 0 or giving_up:
                said = (await life.stdout.readline()).decode().strip()
                if not said:
                    raise RuntimeError((await life.stderr.read()).decode())
                turns -= said == soak_worker.TURNED
                if turns <= 0 and (said == soak_worker.GIVES_UP or turns < -_LONGEST_WAIT_TURNS):
                    break
        await asyncio.sleep(chance.random() * 0.05)
    finally:
        with suppress(ProcessLookupError):
            life.kill()
        await life.communicate()


async def _is_giving_up(folder: Path) -> bool:
    """Tell whether a dead process was giving something up. It reads a copy: the next life is to find what was left."""
    with tempfile.TemporaryDirectory(prefix="soak-") as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        opened = await open_store(Path(copy) / soak_worker.DATABASE)
        running = await opened.journal.find(statuses=[EntryStatus.RUNNING])
        await opened.close()
    return any(entry.act in DESTRUCTIVE_ACTS for entry in running)


def _hours(folder: Path) -> float:
    return float((soak_worker.restore(folder).clock.now - NOW) / timedelta(hours=1))


async def _check(folder: Path) -> Counter[str]:
    """Hold what the backends are against what the journal says."""
    stack = soak_worker.restore(folder)
    opened = await open_store(folder / soak_worker.DATABASE)
    entries = await opened.journal.find(limit=1_000_000)
    assert not any(entry.status in {EntryStatus.RUNNING, EntryStatus.UNDOING} for entry in entries), "half done"
    _check_given_up(
        stack, [each for each in entries if each.act is ActKind.REPLACE and each.status is EntryStatus.DONE]
    )
    _check_reannounced(stack, [entry for entry in entries if entry.act is ActKind.REANNOUNCE])
    stack.journal, stack.memory = opened.journal, opened.memory
    await _check_taken_back(stack)
    await opened.close()
    return Counter(f"{entry.act} {entry.status}" for entry in entries)


def _check_given_up(stack: Stack, given_up: Sequence[JournalEntry]) -> None:
    """For each that was given up there is one grab and one that is blocked, and it is in quarantine; and no others."""
    grabs, given = Counter(stack.radarr.grabs), Counter(entry.subject for entry in given_up)
    assert given, "nothing was given up"
    assert set(grabs.values()) == {1}, "grabbed twice"
    assert set(given.values()) == {1}, "given up twice"
    released = Counter(str(entry.parameters["candidate"]["title"]) for entry in given_up)
    assert released == Counter(stack.qbt.torrents[hash_].name for hash_ in grabs), "a grab without an entry, or not its"
    old = Counter(stack.qbt.torrents[subject.partition("/")[2]].name for subject in given)
    assert old == Counter(entry.release for entry in stack.radarr.blocked), "blocked twice, not, or something else"
    for hash_, torrent in stack.qbt.torrents.items():
        assert (torrent.category == QUARANTINE) == (f"qbt/{hash_}" in given), "set aside and not written down"
        assert (QUARANTINE in torrent.tags) == torrent.stopped == (torrent.category == QUARANTINE), "set aside by half"


def _check_reannounced(stack: Stack, entries: Sequence[JournalEntry]) -> None:
    """Each time the trackers were asked it was written down, and they were not asked too often for it."""
    rows: dict[str, list[JournalEntry]] = {}
    for entry in sorted(entries, key=lambda each: each.id):
        rows.setdefault(entry.subject.partition("/")[2], []).append(entry)
    for hash_, torrent in stack.qbt.torrents.items():
        own = rows.get(hash_, [])
        done = [entry for entry in own if entry.status is EntryStatus.DONE]
        assert len(done) <= torrent.announced <= len(own), "asked, and not written down; or the other way round"
        spans = [after.at - before.changed_at for before, after in pairwise(own)]
        assert min(spans, default=_APART) >= _APART, "asked too often"


async def _check_taken_back(stack: Stack) -> None:
    """Whatever was interrupted: all that was given up can be taken back, and is then as it was at first."""
    await stack.start()
    await stack.turn()
    first = {f"qbt/{digest(number)}": number for number in range(1, DOWNLOADS + 1)}
    for entry in [each for each in reversible(stack.kernel) if each.subject in first]:
        await stack.desk.undo(entry.id, "somebody", stack.clock.now)
        number = first[entry.subject]
        torrent = stack.qbt.torrents[digest(number)]
        is_so = torrent.category, torrent.tags, torrent.automatic, torrent.save_path, torrent.stopped
        was_so = "radarr", soak_worker.TAGS, soak_worker.is_automatic(number), soak_worker.FOLDER, False
        assert is_so == was_so, "taken back otherwise than it was"


# --- the parts -------------------------------------------------------------------------------------------------------


def worlds(count: int, steps: int) -> None:
    """Let hypothesis look for a world in which something happens that must not."""
    profile = settings(
        max_examples=count, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(HealingMachine, settings=profile)


@dataclass(slots=True)
class Found:
    """What was seen of some months."""

    downloads: int = 0
    dead: int = 0
    given_up: int = 0
    wrong: int = 0
    missed: int = 0

    def __str__(self) -> str:
        """Say it."""
        missed = f"{self.missed} of {self.dead} dead ones not noticed"
        return f"{self.downloads} downloads, {self.given_up} would be given up, {self.wrong} of them wrongly, {missed}"


async def months(count: int, days: int, *, seeded: bool) -> Found:
    """Let some months pass, and count what would have been given up in them."""
    found = Found()
    for seed in range(count):
        month = Month(seed, days, seeded=seeded)
        await month.run()
        found.downloads += len(month.fetches)
        found.dead += sum(fetch.kind == "dead" for fetch in month.fetches.values())
        found.given_up += len(month.given_up())
        for entry, fetch in month.wrong():
            found.wrong += 1
            print(f"  wrong: {entry.rule}, {fetch.kind}, given up {entry.at} and complete {fetch.done_at}")
        for fetch in month.missed():
            found.missed += 1
            print(f"  not noticed: {fetch.kind}, since {fetch.added}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description=__doc__)
    parser.add_argument("what", choices=("heal", "debrid"))
    parser.add_argument("--worlds", type=int, default=3_000)
    parser.add_argument("--steps", type=int, default=40, help="in each world")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, help="of the moments of the kills; another each time")
    parser.add_argument("--months", type=int, default=5)
    parser.add_argument("--days", type=int, default=30, help="in each month")
    options = parser.parse_args(arguments)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    if options.what == "debrid":
        asyncio.run(soak_debrid.run(options.kills, seed))
        return 0
    failed = False
    if options.kills:
        started = time.perf_counter()
        print(f"kills, --seed {seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            killed = asyncio.run(kills(Path(folder), options.kills, random.Random(seed)))
        seconds = time.perf_counter() - started
        met = f"{killed.while_giving_up} of them while something was given up"
        print(f"killed {options.kills} times in {seconds:.0f} s, {met}, and consistent:")
        print("".join(f"  {count:5} {what}\n" for what, count in sorted(killed.said.items())))
        failed = failed or (options.kills >= _ENOUGH_KILLS and not killed.while_giving_up)
    for seeded, meaning in (
        ((True, "what indexers say of seeds is true"), (False, "it is not")) if options.months else ()
    ):
        found = asyncio.run(months(options.months, options.days, seeded=seeded))
        print(f"{options.months} months of {options.days} days, {meaning}: {found}")
        failed = failed or found.missed > 0 or (seeded and found.wrong > 0)
    if options.worlds:
        started = time.perf_counter()
        worlds(options.worlds, options.steps)
        print(
            f"{options.worlds} random worlds of {options.steps} steps: nothing in {time.perf_counter() - started:.0f} s"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
