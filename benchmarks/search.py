"""How fast a search answers: from memory, from the database after a restart, and from sources that take their time.

    scripts/bench search

Sources and the catalogue are simulated in this process, each slow by as much as is said; all else is the real thing:
reading the query, telling which title is meant, merging, scoring and ordering, the database on the disk, and putting
the answer into words. Times are those of the clock on the wall, as a person would wait; beside them stands how long
the processor worked, which is what is left of it on a machine that nobody else uses.

What the searches leave in memory is counted, too: the objects that Python's garbage collector goes over in a full pass,
and how long such a pass takes with them and without. Nothing else goes on meanwhile.

At last release names are read beside parsett and guessit, as `scripts/bench releases` does it.
"""

import argparse
from array import array
import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
import gc
import itertools
from pathlib import Path
import statistics
import sys
import tempfile
import time

from custom_components.sokoul import wording
from custom_components.sokoul.acquire.ports import SearchAnswer, SourceAnswer, Target
from custom_components.sokoul.acquire.query import Query
from custom_components.sokoul.acquire.searching import KEPT, SearchEngine
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.releases import (
    Condition,
    ConditionKind,
    CustomFormat,
    Offer,
    QualityProfile,
)
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.search_report import describe_answer
from custom_components.sokoul.store import Store, open_store

from . import releases
from .heart import Heart

BUDGET_CACHED_SECONDS = 0.005
BUDGET_PER_SECOND = 1_000
#: That a search that is remembered may add to what the garbage collector goes over, and all of them to how long it
#: takes.
BUDGET_OBJECTS = 200
BUDGET_PASS_RATIO = 1.5
SHOWN = 10
#: What is asked for again: fewer than are remembered.
HELD = 8
#: So long what was found last takes to be packed and on the disk.
SETTLING_SECONDS = 0.5
#: What a source is asked for may take this long, whatever is measured.
PATIENCE = timedelta(seconds=60)

_RESOLUTIONS = ("2160p", "1080p", "720p", "480p")
_SOURCES = ("BluRay", "WEB-DL", "WEBRip", "HDTV", "REMUX", "HDCAM")
_TAGS = ("", "HDR.", "DV.HDR10.", "MULTi.VFF.", "VOSTFR.", "PROPER.")
_CODECS = ("x264", "x265", "AV1")
_GROUPS = tuple(f"GROUP{number}" for number in range(12))


def titles(count: int) -> list[CatalogueTitle]:
    """Return films of different names."""
    return [
        CatalogueTitle(
            kind=TitleKind.MOVIE,
            name=f"The Voyage of Ship {number}",
            year=1990 + number % 30,
            ids=frozenset({f"tmdb:{number + 1}"}),
            minutes=110,
            votes=1_000,
        )
        for number in range(count)
    ]


def offers_of(title: CatalogueTitle, count: int, source: int) -> list[Offer]:
    """Return what one source has of a film: a third of it is what others have, too, and a tenth is another film."""
    base = title.name.replace(" ", ".")
    kinds = itertools.islice(
        itertools.cycle(itertools.product(_GROUPS, _TAGS, _RESOLUTIONS, _SOURCES, _CODECS)),
        source * 17,
        source * 17 + count,
    )
    found = []
    for number, (group, tag, resolution, kind, codec) in enumerate(kinds):
        year = title.year if number % 10 else (title.year or 0) + 20
        shared = number % 3 == 0
        found.append(
            Offer(
                name=f"{base}.{year}.{tag}{resolution}.{kind}.{codec}-{group if shared else f'S{source}{group}'}",
                indexer=f"Indexer {number % 5}",
                protocol=Protocol.TORRENT,
                size_bytes=(4 + number % 20) * 10**9,
                info_hash=f"{hash((base, number, 0 if shared else source)) & (2**160 - 1):040x}"
                if number % 2
                else None,
                seeders=number % 90,
                age=timedelta(days=number % 400),
                guid=f"guid {source} {number}",
                indexer_id=number % 5,
            )
        )
    return found


@dataclass(frozen=True)
class SlowCatalogue:
    """Knows one film by each name."""

    known: dict[str, CatalogueTitle]
    seconds: float
    key: str = "catalogue"
    name: str = "Catalogue"
    knows_all: bool = True

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        """Return the film."""
        await asyncio.sleep(self.seconds)
        return [self.known[query.text]] if query.text in self.known else []


@dataclass(frozen=True)
class SlowSource:
    """Has releases of any film."""

    number: int
    count: int
    seconds: float

    @property
    def key(self) -> str:
        """Return its key."""
        return f"source{self.number}"

    name = key

    async def offers(self, target: Target) -> SourceAnswer:
        """Return the releases, after a while."""
        await asyncio.sleep(self.seconds)
        assert target.title is not None
        return SourceAnswer(offers_of(target.title, self.count, self.number))


class Surroundings:
    """What else the engine needs."""

    def __init__(self, store: Store, profile: QualityProfile | None) -> None:
        self._store = store
        self._profile = profile

    def policy(self, key: str | None) -> Policy:
        """Return the usual one."""
        del key
        return Policy()

    async def profile_of(self, target: Target, at: datetime) -> QualityProfile | None:
        """Return that of the *arr that manages everything, if there is one."""
        del target, at
        return self._profile

    async def held(self, hashes: Collection[str]) -> frozenset[str]:
        """Return none."""
        del hashes
        return frozenset()

    async def aired_on(self, target: Target, season: int, episode: int) -> date | None:
        """Return none: there are films only."""
        del target, season, episode
        return None

    async def load(self, key: str, after: datetime) -> tuple[datetime, str] | None:
        """Read from the database."""
        return await self._store.searches.load(key, after)

    async def keep(self, key: str, at: datetime, found: str) -> None:
        """Write to the database."""
        await self._store.searches.keep(key, at, found, expired=datetime.now(UTC) - KEPT)

    async def forget(self) -> None:
        """Forget everything."""
        await self._store.searches.clear()


def managing_profile() -> QualityProfile:
    """Return a profile as those have it who keep to guides: sixty custom formats, each of five conditions."""
    formats = tuple(
        CustomFormat(
            name=f"Format {number}",
            score=number * 10 - 300,
            conditions=tuple(
                Condition(
                    kind=ConditionKind.TITLE, values=(rf"\b(?:Word{number}|{group}{number})\b",), negate=number % 7 == 0
                )
                for group in _GROUPS[:5]
            ),
        )
        for number in range(60)
    )
    kinds = ("HDTV", "WEBDL", "WEBRip", "Bluray", "Remux")
    allowed = tuple(frozenset({f"{kind}-{lines}p"}) for lines in (720, 1080, 2160) for kind in kinds)
    return QualityProfile(name="Guided", allowed=allowed, minimum_score=-10_000, formats=formats)


def _engine(
    store: Store,
    films: Sequence[CatalogueTitle],
    seconds: float,
    sources: int,
    count: int,
    profile: QualityProfile | None = None,
) -> SearchEngine:
    around = Surroundings(store, profile)
    catalogue = SlowCatalogue({film.name: film for film in films}, seconds)
    asked = [SlowSource(number, count, seconds) for number in range(sources)]
    return SearchEngine(
        catalogues=lambda _: [catalogue],
        sources=lambda _: asked,
        policies=around,
        profiles=around,
        shelf=around,
        holdings=around,
        days=around,
        clock=lambda: datetime.now(UTC),
    )


class Taken:
    """How long answers took, by the clock and of the processor: in columns, which are no objects to be counted."""

    def __init__(self) -> None:
        self.seconds = array("d")
        self.worked = array("d")


async def _timed(engine: SearchEngine, film: CatalogueTitle, words: wording.Wording, taken: Taken) -> SearchAnswer:
    began, worked = time.perf_counter(), time.process_time()
    answer = await engine.search(SearchRequest(text=film.name), deadline=PATIENCE)
    describe_answer(answer, datetime.now(UTC), words, limit=SHOWN)
    taken.seconds.append(time.perf_counter() - began)
    taken.worked.append(time.process_time() - worked)
    return answer


def _line(what: str, taken: Taken) -> float:
    """Print the median and the 99th percentile by the clock and of the processor, and return the last of these."""
    line, worst = f"{what:36}", 0.0
    for seconds in (sorted(taken.seconds), sorted(taken.worked)):
        worst = seconds[min(round(len(seconds) * 0.99), len(seconds) - 1)]
        line += f"{statistics.median(seconds) * 1e3:>10,.2f}{worst * 1e3:>10,.2f}"
    print(f"{line}{len(taken.seconds):>8,}")
    return worst


async def _warm_up(store: Store, words: wording.Wording) -> None:
    """Look for one film and find it again: what is loaded and made once is not what searches leave behind."""
    films = titles(1)
    for _ in range(2):
        await _timed(_engine(store, films, 0.0, 1, 20), films[0], words, Taken())
        await asyncio.sleep(SETTLING_SECONDS)
    await store.searches.clear()


class Passes:
    """Full passes of the garbage collector: what it goes over, and how long that takes."""

    TIMES = 5

    def __init__(self) -> None:
        gc.collect()
        times = []
        for _ in range(self.TIMES):
            began = time.process_time()
            gc.collect()
            times.append(time.process_time() - began)
        self.objects = len(gc.get_objects())
        self.seconds = min(times)


def _left(before: Passes, after: Passes, searches: int, releases_held: int) -> bool:
    """Print what searches left behind; tell whether the budget is kept."""
    each, ratio = (after.objects - before.objects) / searches, after.seconds / before.seconds
    kept = each < BUDGET_OBJECTS and ratio < BUDGET_PASS_RATIO
    print(
        f"\n{searches} searches with {releases_held:,} releases left {each:,.0f} objects each for the collector\n"
        f"a full pass of it takes {after.seconds * 1e3:,.0f} ms, {ratio:.2f} times as long as before them\n"
        f"the budget, {BUDGET_OBJECTS} each and {BUDGET_PASS_RATIO} times as long: {'kept' if kept else 'BROKEN'}"
    )
    return kept


async def _managed(
    store: Store, films: Sequence[CatalogueTitle], words: wording.Wording, options: argparse.Namespace
) -> tuple[Taken, Taken]:
    """Ask for what an *arr manages: from memory, and from the database. It is looked by which profile, beside that."""
    owned = [replace(film, backend_id="radarr", library_id=number) for number, film in enumerate(films)]
    profile = managing_profile()

    def engine() -> SearchEngine:
        return _engine(store, owned, options.source_ms / 1e3, options.sources, options.offers, profile)

    first, cold, warm, again = engine(), Taken(), Taken(), Taken()
    for film in owned:
        await _timed(first, film, words, cold)
    await asyncio.sleep(SETTLING_SECONDS)
    for number in range(options.asked // 5):
        await _timed(first, owned[number % len(owned)], words, warm)
    for number in range(4 * len(owned)):
        answer = await _timed(engine(), owned[number % len(owned)], words, again)
        assert (answer.from_cache, answer.profile) == (True, profile.name), "it was to come from the database"
    return warm, again


async def measure(options: argparse.Namespace) -> bool:
    """Search cold, from memory and from the database; tell whether the budget is kept."""
    words, films = wording.load("en"), titles(options.searches + HELD)
    films, owned = films[: options.searches], films[options.searches :]
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(Path(folder) / "search.db")
        engine = _engine(store, films, options.source_ms / 1e3, options.sources, options.offers)
        await _warm_up(store, words)
        before = Passes()
        gc.freeze()  # passes over what this process began with are none of a search
        heart = Heart()
        cold, warm, again = Taken(), Taken(), Taken()
        for film in films:
            await _timed(engine, film, words, cold)  # who asked lets go of the answer
        heart.stop()
        await asyncio.sleep(SETTLING_SECONDS)
        held = min(len(films), HELD)
        for number in range(options.asked):
            await _timed(engine, films[-1 - number % held], words, warm)
        target, found = None, 0
        for film in films * 2:
            other = _engine(store, films, options.source_ms / 1e3, options.sources, options.offers)
            answer = await _timed(other, film, words, again)
            assert answer.from_cache, "it was to come from the database"
            target, found = answer.target, len(answer.results)
        assert target is not None
        gc.unfreeze()
        after = Passes()
        managed = await _managed(store, owned, words, options)
        await store.close()
    print(
        f"{options.sources} sources and a catalogue, each slow by {options.source_ms} ms, {options.offers} offers each"
    )
    print(f"{found} releases in an answer, {SHOWN} of them put into words\n")
    print(f"{'ms':36}{'median':>10}{'p99':>10}{'worked':>10}{'p99':>10}{'times':>8}")
    _line("cold", cold)
    kept &= _line("remembered", warm) < BUDGET_CACHED_SECONDS
    kept &= _line("from the database, after a restart", again) < BUDGET_CACHED_SECONDS
    kept &= _line("remembered, of what an *arr manages", managed[0]) < BUDGET_CACHED_SECONDS
    kept &= _line("from the database, of that", managed[1]) < BUDGET_CACHED_SECONDS
    middles = (statistics.median(each.seconds) for each in (cold, warm))
    print(f"what is remembered comes {next(middles) / next(middles):,.0f} times as fast (median)")
    print(
        f"\nwhile searching cold the event loop was blocked for {heart.longest_seconds * 1e3:.1f} ms at most, "
        f"of which it worked {heart.longest_work_seconds * 1e3:.1f} ms"
    )
    kept &= _left(before, after, len(films), found * len(films))
    offers = [offer for number in range(20) for offer in offers_of(films[-1], 250, number)]
    began = time.process_time()
    ranked = rank(offers, target.wanted, Policy())
    speed = len(offers) / (time.process_time() - began)
    kept &= speed > BUDGET_PER_SECOND
    print(f"{speed:,.0f} offers a second are merged, read, scored and ordered ({len(ranked):,} releases)")
    print(f"the budget, {BUDGET_CACHED_SECONDS * 1e3:.0f} ms and {BUDGET_PER_SECOND:,}: {'kept' if kept else 'BROKEN'}")
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and return 0 where the budget is kept."""
    parser = argparse.ArgumentParser(prog="scripts/bench search", description=__doc__)
    parser.add_argument("--searches", type=int, default=30, help="how many different films are looked for")
    parser.add_argument("--asked", type=int, default=5_000, help="how often what is remembered is asked for")
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--offers", type=int, default=85, help="of each source")
    parser.add_argument("--source-ms", type=int, default=300)
    parser.add_argument("--without-names", action="store_true", help="don't compare how names are read")
    options = parser.parse_args(arguments)
    kept = asyncio.run(measure(options))
    if not options.without_names:
        kept &= releases.main([]) == 0
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
