"""How well and how fast release names are read, beside parsett and guessit, and releases scored.

The names are the corpus of the tests. A third of them is held out: never looked at to improve the parser, and for the
most part older than it; the others are what it was made with, and say little. All three are asked only for what all
three tell, and what they say is compared kindly: television is television, DTS is DTS.

The pipeline is all that happens between the answers of indexers and a list: merging, reading, identifying, scoring,
ordering. Times are those of the processor.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
import json
from pathlib import Path
import shutil
import subprocess
import sys
import time
from typing import Any

from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import Offer
from custom_components.sokoul.releases.attributes import Numbering, ReleaseName
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.identify import Wanted
from custom_components.sokoul.releases.parse import parse
from custom_components.sokoul.releases.policy import Policy
from tests.releases.reading import Sample, corpus, facts_of, plain

from . import releases_arr, releases_labelled, releases_parsers, releases_second

BUDGET_PER_SECOND = 1_000
#: Of what the tests of Radarr and Sonarr say, where we don't differ on purpose.
SHARE_OF_ARR = 0.99
REPOSITORY = Path(__file__).parents[1]
#: The first start gets the others' packages.
PATIENCE_SECONDS = 300
FACTS = (
    "title",
    "year",
    "seasons",
    "episodes",
    "aired",
    "resolution",
    "source",
    "codec",
    "hdr",
    "audio",
    "channels",
    "languages",
    "group",
)
_KIND = {"hdtv": "tv", "dts-x": "dts", "dts-hd-ma": "dts", "dts-hd": "dts"}

type Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """What one reader said of all names, and what that cost."""

    name: str
    facts: Sequence[Facts]
    per_second: float
    import_seconds: float
    memory_bytes: int


# --- what a name says, in the words that all three have --------------------------------------------------------------


def expected(sample: Sample) -> Facts:
    """Return what a name says without what has to be inferred."""
    facts = sample.facts
    numbering = facts["numbering"]
    assert isinstance(numbering, Numbering)
    resolution: Any = facts["resolution"]
    return _common(facts, numbering, None if resolution is None or resolution[1] else resolution[0])


def ours(read: ReleaseName) -> Facts:
    """Return what we say of a name."""
    resolution = None if read.resolution is None or read.resolution_inferred else int(read.resolution)
    return _common(facts_of(read), read.numbering, resolution)


def _common(facts: Facts, numbering: Numbering, resolution: int | None) -> Facts:
    aired = numbering.aired
    return {
        "title": facts["title"],
        "year": facts["year"],
        "seasons": list(numbering.seasons),
        "episodes": list(numbering.episodes or numbering.absolute),
        "aired": aired.isoformat() if aired else None,
        "resolution": resolution,
        "source": _kinds([facts["source"]])[0] if facts["source"] else None,
        "codec": str(facts["codec"]) if facts["codec"] else None,
        "hdr": sorted(map(str, facts["hdr"])),
        "audio": _kinds(facts["audio"]),
        "channels": facts["channels"],
        "languages": sorted(facts["languages"]),
        "group": facts["group"],
    }


def _kinds(values: Iterable[object]) -> list[str]:
    return sorted({_KIND.get(str(value), str(value)) for value in values})


def theirs(facts: Facts) -> Facts:
    """Return what another reader says, with titles and groups compared as ours are."""
    group = facts["group"]
    return {**facts, "title": plain(facts["title"]), "group": str(group).casefold() if group else None}


# --- readers ---------------------------------------------------------------------------------------------------------


_OURS = """
import dataclasses, enum, functools, json, os, re, sys, time, types, unicodedata
used = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
memory, started = used(), time.process_time()
package = types.ModuleType("sokoul")
package.__path__ = [sys.argv[1]]
sys.modules["sokoul"] = package
from sokoul.releases.parse import parse
imported = time.process_time() - started
read = [parse(name) for name in json.load(sys.stdin)]
json.dump([imported, used() - memory], sys.stdout)
"""


def our_reader(names: Sequence[str]) -> Reader:
    """Read with ours, each name for the first time; what that takes of memory, in a process of its own."""
    facts = [ours(parse(name)) for name in names]
    parse.cache_clear()
    seconds = _seconds(lambda: [parse(name) for name in names])
    folder = str(REPOSITORY / "custom_components" / "sokoul")
    done = subprocess.run(
        [sys.executable, "-c", _OURS, folder], input=json.dumps(names), capture_output=True, text=True, check=True
    )
    imported, memory = json.loads(done.stdout)
    return Reader("SOKOUL", facts, len(names) / seconds, imported, memory)


def other_reader(name: str, names: Sequence[str]) -> Reader | None:
    """Read with another one; None where that can't be had."""
    if (said := said_by(name, names)) is None:
        return None
    facts = [theirs(each) for each in said["facts"]]
    return Reader(name, facts, len(names) / said["seconds"], said["import_seconds"], said["memory_bytes"])


def said_by(name: str, names: Sequence[str]) -> Mapping[str, Any] | None:
    """Return what another reader says in its own environment, and what that cost; None where that can't be had."""
    uv = shutil.which("uv") or str(Path(sys.prefix) / "bin" / "uv")
    environment = ["--no-project", "--python", sys.executable, "--with-requirements", "requirements/parsers.txt"]
    command = [uv, "run", "--quiet", *environment, "benchmarks/releases_worker.py", name]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(names),
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
            timeout=PATIENCE_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{name} can't be had here, so it is left out: {error}", file=sys.stderr)
        return None
    said: Mapping[str, Any] = json.loads(done.stdout)
    return said


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return max(time.process_time() - started, 1e-9)


# --- the pipeline ----------------------------------------------------------------------------------------------------

WANTED = Wanted(kind=TitleKind.MOVIE, names=("Moon",), year=2009, namesakes=frozenset({1984}), minutes=97)


def offers(count: int) -> list[Offer]:
    """Return what several indexers would answer: the names of the corpus, each release three times."""
    names = [sample.name for sample in corpus()]
    made = []
    for number in range(count):
        release, indexer = divmod(number, 3)
        again, at = divmod(release, len(names))
        name = names[at] if not again else f"{again} {names[at]}"
        offer = Offer(name=name, indexer=f"Indexer {indexer}", protocol=Protocol.TORRENT, size_bytes=4 * 10**9)
        offer = replace(offer, seeders=number % 90, age=timedelta(days=number % 900))
        made.append(replace(offer, info_hash=f"{release:040x}") if indexer else offer)
    return made


def pipeline(count: int) -> tuple[float, float]:
    """Return how many offers a second become a list: names read for the first time, and names that were read before."""
    found, policy = offers(count), Policy(languages=("fr", "en"))
    parse.cache_clear()
    first = _seconds(lambda: rank(found, WANTED, policy))
    again = _seconds(lambda: rank(found, WANTED, policy))
    return count / first, count / again


# --- report ----------------------------------------------------------------------------------------------------------


def report(readers: Sequence[Reader], samples: Sequence[Sample], count: int) -> bool:
    """Print it all, and tell whether the budget is kept."""
    truth = [expected(sample) for sample in samples]
    for title, held_out in (("held out", True), ("known to our parser", False)):
        chosen = [at for at, sample in enumerate(samples) if sample.held_out is held_out]
        print(f"\nread right, {len(chosen)} names, {title}" + "".join(f"{reader.name:>12}" for reader in readers))
        for fact in FACTS:
            print(f"  {fact:34}" + "".join(_share(reader, truth, chosen, (fact,)) for reader in readers))
        print(f"  {'all of it':34}" + "".join(_share(reader, truth, chosen, FACTS) for reader in readers))
    print(f"\n{'names a second':36}" + "".join(f"{reader.per_second:>12,.0f}" for reader in readers))
    fastest = readers[0].per_second
    print(
        f"{'SOKOUL is so many times as fast':36}" + "".join(f"{fastest / each.per_second:>12,.1f}" for each in readers)
    )
    print(f"{'import, ms':36}" + "".join(f"{reader.import_seconds * 1e3:>12,.0f}" for reader in readers))
    print(
        f"{'memory of import and reading, MB':36}"
        + "".join(f"{reader.memory_bytes / 1e6:>12,.1f}" for reader in readers)
    )
    unseen = [at for at, sample in enumerate(samples) if sample.held_out]
    for reader in readers[1:]:
        right, wrong = supplement(readers[0], reader, truth, unseen)
        print(f"where SOKOUL tells nothing of a held-out name, {reader.name} is right {right} times, wrong {wrong}")
    first, again = pipeline(count)
    kept = first >= BUDGET_PER_SECOND
    print(f"\nwhole pipeline, {count:,} offers, a second: {first:,.0f}; names read before: {again:,.0f}")
    print(f"the budget is {BUDGET_PER_SECOND:,}: {'kept' if kept else 'BROKEN'}")
    return kept


def supplement(first: Reader, other: Reader, truth: Sequence[Facts], chosen: Sequence[int]) -> tuple[int, int]:
    """Return how often another reader would be right, and wrong, that is believed where the first tells nothing."""
    filled = [
        other.facts[at][fact] == truth[at][fact]
        for at in chosen
        for fact in FACTS
        if not first.facts[at][fact] and other.facts[at][fact]
    ]
    return sum(filled), len(filled) - sum(filled)


def second_reader(guessit: Path, arr: Sequence[Path] | None) -> bool:
    """Print what parsett would add to ours, and tell whether it is rightly asked for titles, and for nothing else."""
    judges = {"guessit": releases_second.by_guessit(guessit)}
    titled = {"guessit": releases_second.titled_by_guessit(guessit)}
    if arr is not None:
        judges["Radarr, Sonarr"] = releases_second.by_arr(*arr)
        titled["Radarr, Sonarr"] = releases_second.titled_by_arr(*arr)
    titled[releases_second.CORPUS] = releases_second.titled_by_corpus()
    asked = {*releases_second.names_of([*judges.values(), releases_second.by_corpus])}
    names = sorted(asked | {each.name for some in titled.values() for each in some})
    said = said_by("parsett", names)
    if said is None:
        return False
    read = {name: releases_second.reading(name, facts) for name, facts in zip(names, said["facts"], strict=True)}
    helps = releases_second.report_titles(titled, read.__getitem__)
    return releases_second.report(judges, read.__getitem__) and helps


def _share(reader: Reader, truth: Sequence[Facts], chosen: Sequence[int], facts: Sequence[str]) -> str:
    right = sum(all(reader.facts[at][fact] == truth[at][fact] for fact in facts) for at in chosen)
    return f"{right / len(chosen):>12.1%}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench releases", description=__doc__)
    parser.add_argument("--offers", type=int, default=3_000, help="offers that go through the pipeline")
    parser.add_argument("--alone", action="store_true", help="leave the others out")
    parser.add_argument("--arr", nargs=2, type=Path, metavar=("RADARR", "SONARR"), help="clones of both: their tests")
    parser.add_argument("--parsers", nargs=2, type=Path, metavar=("RADARR", "SONARR"), help="the same: their parsers")
    parser.add_argument(
        "--labelled",
        type=Path,
        metavar="GUESSIT",
        help="a clone: what parsett would add to ours in its tests' names, with --arr in theirs, too; "
        "with --parsers: those names beside their parsers",
    )
    parser.add_argument("--show", action="store_true", help="with --arr or --parsers: where we differ from them")
    options = parser.parse_args(arguments)
    if options.parsers is not None:
        also = options.labelled and partial(releases_labelled.side_by_side, clone=options.labelled, show=options.show)
        return 0 if releases_parsers.report(tuple(options.parsers), show=options.show, also=also) else 1
    if options.labelled is not None:
        return 0 if second_reader(options.labelled, options.arr) else 1
    if options.arr is not None:
        return 0 if releases_arr.report(*options.arr, show=options.show) >= SHARE_OF_ARR else 1
    samples = corpus()
    names = [sample.name for sample in samples]
    readers = [our_reader(names)]
    if not options.alone:
        readers += [reader for other in ("parsett", "guessit") if (reader := other_reader(other, names)) is not None]
    return 0 if report(readers, samples, options.offers) else 1


if __name__ == "__main__":
    sys.exit(main())
