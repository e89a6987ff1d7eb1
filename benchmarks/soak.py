"""Long runs that look for what must never happen: `scripts/bench soak heal`.

Random worlds by the thousand, a process that is killed again and again, and months of an ordinary stack. Each of them
is a test, too, but a short one. A part ends with an error when it finds something.
"""

import argparse
import asyncio
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
import random
import sys
import tempfile
import time

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.model.journal import ActKind, EntryStatus
from custom_components.sokoul.store import open_store
from tests.autopilot.fakes import NOW
from tests.autopilot.healing_machine import HealingMachine

from . import soak_worker
from .month import Month

DOWNLOADS = 20
_LONGEST_LIFE_TURNS = 40
_WAIT_SECONDS = 60


# --- kills -----------------------------------------------------------------------------------------------------------


async def kills(folder: Path, count: int, chance: random.Random) -> Counter[str]:
    """Kill a process at moments that nobody chose, and let it come to an end. Returns what the journal says then."""
    soak_worker.make(folder, DOWNLOADS)
    for _ in range(count):
        await _one_life(folder, chance)
    last = await asyncio.create_subprocess_exec(
        sys.executable, soak_worker.__file__, str(folder), str(_hours(folder) + 24), stdout=PIPE, stderr=PIPE
    )
    _, said = await asyncio.wait_for(last.communicate(), 10 * _WAIT_SECONDS)
    if last.returncode:
        raise RuntimeError(said.decode())
    return await _check(folder)


async def _one_life(folder: Path, chance: random.Random) -> None:
    life = await asyncio.create_subprocess_exec(
        sys.executable, soak_worker.__file__, str(folder), str(10**6), stdout=PIPE, stderr=PIPE
    )
    assert life.stdout is not None
    assert life.stderr is not None
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            for _ in range(chance.randrange(_LONGEST_LIFE_TURNS)):
                if not await life.stdout.readline():
                    raise RuntimeError((await life.stderr.read()).decode())
        await asyncio.sleep(chance.random() * 0.05)
    finally:
        with suppress(ProcessLookupError):
            life.kill()
        await life.communicate()


def _hours(folder: Path) -> float:
    return float((soak_worker.restore(folder).clock.now - NOW) / timedelta(hours=1))


async def _check(folder: Path) -> Counter[str]:
    """Hold what the backends are against what the journal says."""
    stack = soak_worker.restore(folder)
    opened = await open_store(folder / soak_worker.DATABASE)
    entries = await opened.journal.find(limit=100_000)
    await opened.close()
    given_up = [entry for entry in entries if entry.act is ActKind.REPLACE and entry.status is EntryStatus.DONE]
    grabs, given = Counter(stack.radarr.grabs), Counter(entry.subject for entry in given_up)
    assert not any(entry.status in {EntryStatus.RUNNING, EntryStatus.UNDOING} for entry in entries), "half done"
    assert not grabs or max(grabs.values()) == 1, "grabbed twice"
    assert not given or max(given.values()) == 1, "given up twice"
    assert len(stack.radarr.grabs) == len(given_up), "a grab without an entry, or the other way round"
    blocked = Counter(entry.release for entry in stack.radarr.blocked)
    assert set(blocked.values()) <= {1}, "blocked twice"
    assert len(blocked) == len(given_up), "given up and not blocked"
    names = {entry.subject.partition("/")[2] for entry in given_up}
    for hash_, torrent in stack.qbt.torrents.items():
        assert (torrent.category == QUARANTINE) == (hash_ in names), "set aside and not written down"
        assert torrent.category != QUARANTINE or torrent.stopped
    return Counter(f"{entry.act} {entry.status}" for entry in entries)


# --- the parts -------------------------------------------------------------------------------------------------------


def worlds(count: int, steps: int) -> None:
    """Let hypothesis look for a world in which something happens that must not."""
    profile = settings(
        max_examples=count, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(HealingMachine, settings=profile)


async def months(count: int, days: int, *, seeded: bool) -> tuple[int, int, int]:
    """Return how many downloads there were in some months, how many would have been given up, and how many wrongly."""
    downloads = given_up = wrong = 0
    for seed in range(count):
        month = Month(seed, days, seeded=seeded)
        await month.run()
        downloads += len(month.fetches)
        given_up += len(month.given_up())
        for entry, fetch in month.wrong():
            wrong += 1
            print(f"  wrong: {entry.rule}, {fetch.kind}, complete {fetch.done_at} and given up {entry.at}")
        for fetch in month.missed():
            print(f"  not noticed: {fetch.kind}, since {fetch.added}")
    return downloads, given_up, wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/bench soak", description=__doc__)
    parser.add_argument("what", choices=("heal",))
    parser.add_argument("--worlds", type=int, default=3_000)
    parser.add_argument("--steps", type=int, default=40, help="in each world")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--months", type=int, default=5)
    parser.add_argument("--days", type=int, default=30, help="in each month")
    options = parser.parse_args(arguments)
    failed = False
    if options.kills:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            said = asyncio.run(kills(Path(folder), options.kills, random.Random()))
        print(f"killed {options.kills} times in {time.perf_counter() - started:.0f} s, and consistent:")
        print("".join(f"  {count:5} {what}\n" for what, count in sorted(said.items())))
    for seeded, meaning in (
        ((True, "what indexers say of seeds is true"), (False, "it is not")) if options.months else ()
    ):
        downloads, given_up, wrong = asyncio.run(months(options.months, options.days, seeded=seeded))
        span = f"{options.months} months of {options.days} days"
        print(f"{span}, {meaning}: {downloads} downloads, {given_up} would be given up, {wrong} of them wrongly")
        failed = failed or (seeded and wrong > 0)
    if options.worlds:
        started = time.perf_counter()
        worlds(options.worlds, options.steps)
        print(
            f"{options.worlds} random worlds of {options.steps} steps: nothing in {time.perf_counter() - started:.0f} s"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
