"""How fast 100,000 symbolic links are checked, how exactly, and how little that holds up everything else.

A library is made of shows with neighbouring episodes and similar names (`Show 12`, `Show 123`, `Show 12 US`), whose
links lead into a mount. One in a hundred leads to a torrent that is gone from the account. Two libraries: one whose
mount is here (so that `find -xtype l` can be asked as well), and the same with targets in a namespace that doesn't
exist on this machine, where `find` calls every link broken. Each is checked from nothing and again with what is known;
then it is planned what to do about very many broken links, and a mirror of as many torrents as there are links is read.
Meanwhile a task on the event loop measures for how long threads of this process kept it from its turn, what the loop
itself did at once, and how late it was. What a thread of plain Python does to it on this machine at this time is the
measure of that.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
import gc
import json
import os
from pathlib import Path
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
from time import perf_counter, process_time
from typing import Any

from custom_components.sokoul.debrid.catalogue import Catalogue
from custom_components.sokoul.debrid.checking import LinkCheck, LinkRecord, LinkReport, ScanMode
from custom_components.sokoul.debrid.link_repairing import LinkAct, LinkRepairer
from custom_components.sokoul.debrid.links import (
    Cause,
    Health,
    Judgement,
    Link,
    Mount,
    MountLook,
    Place,
    Seen,
    same_file,
)
from custom_components.sokoul.debrid.retrying import Repair
from custom_components.sokoul.debrid.scanning import Folder
from custom_components.sokoul.linking import REST
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import Held

from . import links_mirror
from .links_pulse import Pulse, beside_a_stranger

FIND = shutil.which("find") or "/usr/bin/find"
EPISODES, SEASONS = 10, 5
NOWHERE = "/mnt/zurg"
#: How long a check takes on a machine that does nothing else, and how long it may keep the event loop from its turn.
BUDGET_SECONDS, BLOCK_SECONDS = 2.0, 0.020
#: So many broken links are planned for.
MANY_BROKEN = 20_000
MODES = (("from nothing", ScanMode.FULL), ("full, known", ScanMode.FULL), ("quick", ScanMode.QUICK))


@dataclass(slots=True)
class Notes:
    """What is kept between two checks, in memory: the disk is not what is measured."""

    kept: dict[str, Folder] = field(default_factory=dict)
    known: dict[str, LinkRecord] = field(default_factory=dict)

    async def folders(self) -> Sequence[Folder]:
        """Return all that were walked."""
        return list(self.kept.values())

    async def records(self) -> Mapping[str, LinkRecord]:
        """Return what is known of the links."""
        return self.known

    async def save_folders(self, root: str, listed: Sequence[Folder], last: str) -> None:
        """Note folders."""
        del root, last
        self.kept.update((folder.path, folder) for folder in listed)

    async def forget_folders(self, paths: Sequence[str]) -> None:
        """Forget folders."""
        for path in paths:
            del self.kept[path]

    async def save_records(self, records: Mapping[str, LinkRecord | None]) -> None:
        """Note what is known of links."""
        await asyncio.to_thread(lambda: self.known.update((path, each) for path, each in records.items() if each))

    async def walked(self) -> Mapping[str, str]:
        """Return how far an unfinished walk is."""
        return {}


class NoFiles:
    """No mount is seen from here."""

    def look(self, mount: Mount) -> MountLook:
        """Tell nothing."""
        del mount
        return MountLook()

    def read(self, path: str) -> Seen:
        """Read nothing."""
        del path
        return Seen.NOT_LOOKED


@dataclass(frozen=True, slots=True)
class Library:
    """A library, and what is true of it: which links are broken, and to what each of them should be rewritten."""

    root: Path
    mount: str
    torrents: tuple[Held, ...]
    broken: frozenset[str]
    rewritten: Mapping[str, str]
    links: int


def make(folder: Path, mount: str, links: int, broken_part: float, *, here: bool, rng: random.Random) -> Library:
    """Make a library of about so many links."""
    root = folder / "library"
    torrents: list[Held] = []
    broken: set[str] = set()
    rewritten: dict[str, str] = {}
    count = number = 0
    while count < links:
        for season in range(1, SEASONS + 1):
            name = f"Show {number}{rng.choice(['', ' US', ' 2'])}.S{season:02}.1080p"
            files = [f"{name}E{episode:02}.mkv" for episode in range(1, EPISODES + 1)]
            fate = rng.choice(["gone", "renamed"]) if rng.random() < broken_part else "there"
            sizes = {f"/{file}": 1 for file in files}
            info_hash = f"{len(torrents):040x}"
            torrents.append(_held(name, info_hash, sizes, gone=fate != "there"))
            if fate == "renamed":
                torrents.append(_held(f"{name}.PROPER", info_hash, sizes, gone=False))
            season_folder = root / f"Show {number}" / f"Season {season}"
            season_folder.mkdir(parents=True)
            if here and fate == "there":
                (Path(mount) / "shows" / name).mkdir(parents=True)
            for file in files:
                path, target = season_folder / file, f"{mount}/shows/{name}/{file}"
                path.symlink_to(target)
                if fate == "there":
                    if here:
                        Path(target).touch()
                else:
                    broken.add(str(path))
                if fate == "renamed":
                    rewritten[str(path)] = f"{mount}/shows/{name}.PROPER/{file}"
                count += 1
        number += 1
    for each, _, _ in os.walk(root):
        os.utime(each, (1_700_000_000, 1_700_000_000))
    return Library(root, mount, tuple(torrents), frozenset(broken), rewritten, count)


def _held(name: str, info_hash: str, files: Mapping[str, int], *, gone: bool) -> Held:
    known = json.dumps(files)
    return Held(f"{info_hash[-8:]}{name[-6:]}", info_hash, name, name, DebridStatus.DOWNLOADED, gone, known)


async def checked(library: Library, catalogue: Catalogue, notes: Notes, mode: ScanMode) -> tuple[LinkReport, Any]:
    """Check a library, and return the report with what that took."""
    check = LinkCheck(
        notes,
        roots=[str(library.root)],
        mounts=lambda _texts, _catalogue: [Mount(theirs=library.mount)],
        files=NoFiles(),
        clock=lambda: datetime.now(UTC),
        chance=random.random,
        rest=REST,
    )
    await check.load()
    pulse = Pulse()
    gc.collect()  # else what the check before left is dealt with in this one
    async with pulse.beating():
        began, cpu = perf_counter(), process_time()
        report = await check.check(mode, catalogue, accepted=True)
        took = {"seconds": perf_counter() - began, "cpu_seconds": process_time() - cpu}
    return report, took | _of(pulse)


def _of(pulse: Pulse) -> dict[str, float]:
    return {
        "held_ms": pulse.held_seconds * 1000,
        "work_ms": pulse.work_seconds * 1000,
        "late_ms": pulse.late_seconds * 1000,
    }


class NoRepairs:
    """No torrent is being repaired."""

    def repair(self, account: str, info_hash: str) -> None:
        """Know of none."""
        del account, info_hash

    async def want(self, account: str, repair: Repair, actor: str) -> Repair:
        """Add nothing."""
        del account, actor
        return repair


class AllKnown:
    """The *arrs know every file."""

    async def knows(self, path: str) -> bool:
        """Know it."""
        del path
        return True

    async def replace(self, path: str) -> bool:
        """Search for nothing."""
        del path
        return False


async def planned(many: int) -> dict[str, float]:
    """Plan what is to be done about very many broken links that were never in any account, in no order."""
    mount = Mount(theirs=NOWHERE)
    broken = []
    for number in range(many):
        place = Place(mount=mount, view=("shows",), folder=f"Show {number // 10}", file=f"E{number}.mkv")
        link = Link(path=f"/library/Show {number // 10}/E{number}.mkv", target=place.text())
        broken.append((link, Judgement(health=Health.BROKEN, cause=Cause.FILE_GONE, place=place)))
    random.Random(42).shuffle(broken)
    report = LinkReport(mode=ScanMode.QUICK, links=many, counts={}, broken=tuple(broken))
    catalogue = Catalogue(complete=True)
    nowhere: Any = None  # nothing is changed
    repairer = LinkRepairer(
        NoRepairs(), AllKnown(), nowhere,
        recycle={"/library": "/aside"}, roots=["/library"], clock=lambda: datetime.now(UTC), new_key=str,
    )  # fmt: skip
    pulse = Pulse()
    gc.collect()
    async with pulse.beating():
        began = perf_counter()
        found = await repairer.plan(report, catalogue)
        seconds = perf_counter() - began
    assert [each.decision.act for each in found] == [LinkAct.SEARCH] * many
    return {"seconds": seconds} | _of(pulse)


async def mirrors(links: int, rounds: int, folder: Path) -> list[dict[str, float]]:
    """Read a mirror of as many torrents as there are links, each time in a process that has just begun."""
    path = folder / "mirror.db"
    await links_mirror.fill(path, links, links)
    return [await links_mirror.in_a_process(path) for _ in range(rounds)]


def wrong(library: Library, report: LinkReport, catalogue: Catalogue) -> tuple[int, int, int]:
    """Count links called broken that aren't, those that were missed, and those that would be rewritten wrongly."""
    found = {link.path for link, _ in report.broken}
    rewrites = {link.path: same_file(judged, catalogue) for link, judged in report.broken}
    misled = sum(target != library.rewritten.get(path) for path, target in rewrites.items())
    return len(found - library.broken), len(library.broken - found), misled


def find(root: Path) -> tuple[int, float, float]:
    """Ask `find` for broken links, and return how many, how long that took, and how much of a processor."""
    began, cpu = perf_counter(), _cpu_of_children()
    done = subprocess.run([FIND, str(root), "-xtype", "l"], capture_output=True, check=True)
    return done.stdout.count(b"\n"), perf_counter() - began, _cpu_of_children() - cpu


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def run(links: int, rounds: int, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Measure both libraries."""
    results: dict[str, Any] = {}
    for title, mount, here in (("mount is here", str(folder / "zurg"), True), ("mount is elsewhere", NOWHERE, False)):
        library = make(folder / title.replace(" ", "-"), mount, links, 0.01, here=here, rng=random.Random(42))
        catalogue = Catalogue(complete=True)
        began = perf_counter()
        await asyncio.to_thread(catalogue.take, "home", library.torrents)
        made = perf_counter() - began
        modes: dict[str, list[Any]] = {name: [] for name, _ in MODES}
        found = []
        errors = (0, 0, 0)
        for _ in range(rounds):
            notes = Notes()
            for name, mode in MODES:
                report, took = await checked(library, catalogue, notes, mode)
                modes[name].append(took)
                now_wrong = wrong(library, report, catalogue)
                errors = (errors[0] + now_wrong[0], errors[1] + now_wrong[1], errors[2] + now_wrong[2])
                assert report.links == library.links
                assert report.count(Health.BROKEN) == len(report.broken)
            found.append(find(library.root))
        result = results[title] = {
            "links": library.links,
            "broken": len(library.broken),
            "catalogue_seconds": made,
            "wrongly_broken": errors[0],
            "missed": errors[1],
            "wrongly_rewritten": errors[2],
            "find": {
                "called_broken": found[0][0],
                "seconds": statistics.median(each[1] for each in found),
                "cpu_seconds": statistics.median(each[2] for each in found),
            },
        }
        tell(f"{title}: {library.links} links, {len(library.broken)} broken; find calls {found[0][0]} broken "
             f"in {result['find']['seconds']:.2f} s ({result['find']['cpu_seconds']:.2f} s of processor)")  # fmt: skip
        for name, times in modes.items():
            result[name] = told = _middle(times)
            tell(f"  {name:13} {told['seconds']:.2f} s ({told['cpu_seconds']:.2f} s of processor); {_text(told)}")
        tell(f"  wrongly broken {errors[0]}, missed {errors[1]}, wrongly rewritten {errors[2]}")
    return results


async def judged(options: argparse.Namespace, folder: Path, tell: Callable[[str], None]) -> tuple[dict[str, Any], bool]:
    """Measure everything, and tell whether it is within the budgets."""
    strangers = [await beside_a_stranger(1.0)]
    libraries = await run(options.links, options.rounds, folder, tell)
    strangers.append(await beside_a_stranger(1.0))
    plan = _middle([await planned(MANY_BROKEN) for _ in range(options.rounds)])
    tell(f"plan for {MANY_BROKEN} broken links: {plan['seconds']:.2f} s; {_text(plan)}")
    mirror = _middle(await mirrors(options.links, options.rounds, folder))
    tell(f"reading the mirror for links, {mirror['torrents']:.0f} torrents: {mirror['seconds']:.2f} s "
         f"({mirror['cpu_seconds']:.2f} s of processor), {mirror['megabytes']:.0f} MB; {_text(mirror)}; "
         f"{mirror['worst_full_passes']:.0f} full passes of the garbage collector")  # fmt: skip
    strangers.append(await beside_a_stranger(1.0))
    control = _middle([_of(pulse) for pulse in strangers])
    tell(f"beside a thread of plain Python, {len(strangers)} seconds: {_text(control)}")
    times = [library[name] for library in libraries.values() for name, _ in MODES]
    exact = all(
        library["wrongly_broken"] == library["missed"] == library["wrongly_rewritten"] == 0
        for library in libraries.values()
    )
    fast = max(each["seconds"] for each in times) < BUDGET_SECONDS
    held = max(each["held_ms"] for each in (*times, plan, mirror)) < BLOCK_SECONDS * 1000
    if not held and control["held_ms"] >= BLOCK_SECONDS * 1000:
        tell("the machine is too busy to tell whether the event loop has its turn within 20 ms")
        held = True
    return {**libraries, "plan": plan, "mirror": mirror, "stranger": control}, exact and fast and held


def _middle(times: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure, and the worst of all beside it."""
    middle = {key: statistics.median(each[key] for each in times) for key in times[0]}
    return middle | {f"worst_{key}": max(each[key] for each in times) for key in middle}


def _text(told: Mapping[str, float]) -> str:
    return (
        f"the event loop was kept from its turn for {told['held_ms']:.1f} ms at most (worst round "
        f"{told['worst_held_ms']:.1f}), worked {told['work_ms']:.1f} ms at once, and came {told['late_ms']:.1f} ms late"
    )


def main(arguments: Sequence[str]) -> int:
    """Measure, tell, and judge by the budgets."""
    parser = argparse.ArgumentParser(prog="bench links", description=__doc__)
    parser.add_argument("--links", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, help="where to make the libraries; memory without it, where there is any"
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args(arguments)
    memory = Path("/dev/shm")  # noqa: S108 -- a folder of our own in it
    where = options.folder or (memory if memory.is_dir() else None)
    with tempfile.TemporaryDirectory(prefix="sokoul-links-", dir=where) as folder:
        results, good = asyncio.run(judged(options, Path(folder), lambda line: print(line, flush=True)))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print("within the budgets" if good else "NOT within the budgets: 2 s, 20 ms, nothing wrong")
    return 0 if good else 1
