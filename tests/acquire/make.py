"""Titles, offers, and catalogues and sources that answer, fail or hang as a test wants."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from custom_components.sokoul.acquire.judging import Doubt, Judge
from custom_components.sokoul.acquire.ports import AskingFailed, SourceAnswer, Target
from custom_components.sokoul.acquire.query import Query
from custom_components.sokoul.acquire.reading_again import SecondReader
from custom_components.sokoul.acquire.searching import SearchEngine
from custom_components.sokoul.model.catalogue import CatalogueSeason, CatalogueTitle
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.releases import Offer, QualityProfile
from custom_components.sokoul.releases.policy import Policy

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GB = 1_000_000_000


def movie(name: str, year: int | None, *ids: str, **values: Any) -> CatalogueTitle:
    return CatalogueTitle(kind=TitleKind.MOVIE, name=name, year=year, ids=frozenset(ids), **values)


def series(
    name: str, year: int | None, *ids: str, seasons: dict[int, int] | None = None, **values: Any
) -> CatalogueTitle:
    told = tuple(CatalogueSeason(number=number, episodes=count) for number, count in (seasons or {}).items())
    return CatalogueTitle(kind=TitleKind.SERIES, name=name, year=year, ids=frozenset(ids), seasons=told, **values)


DUNE_1984 = movie("Dune", 1984, "tmdb:841", "imdb:tt0087182", votes=3_100, minutes=137)
DUNE_2021 = movie("Dune", 2021, "tmdb:438631", "imdb:tt1160419", votes=13_000, minutes=155, aliases=("Dune: Part One",))
DUNE_2024 = movie("Dune: Part Two", 2024, "tmdb:693134", "imdb:tt15239678", votes=6_500, minutes=167)
BEAR = series("The Bear", 2022, "tvdb:403294", "imdb:tt14452776", seasons={1: 8, 2: 10, 3: 10}, minutes=35)


def offer(name: str, **values: Any) -> Offer:
    given: dict[str, Any] = {
        "indexer": "Open Harbour",
        "protocol": Protocol.TORRENT,
        "size_bytes": 8 * GB,
        "seeders": 20,
        "guid": f"https://indexer.example/{name}?key=secret",
        "indexer_id": 1,
    }
    return Offer(name=name, **(given | values))


@dataclass
class FakeCatalogue:
    """Knows titles, and brings them whatever is asked."""

    key: str
    known: Sequence[CatalogueTitle] = ()
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[Query] = field(default_factory=list)
    knows_all: bool = True

    @property
    def name(self) -> str:
        return self.key.title()

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        self.asked.append(query)
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.known


@dataclass
class FakeSource:
    """Offers releases, whatever is asked."""

    key: str
    known: Sequence[Offer] = ()
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    remarks: tuple[Reason, ...] = ()
    asked: list[Target] = field(default_factory=list)
    ended: bool = False  # somebody stopped waiting for it

    @property
    def name(self) -> str:
        return self.key.title()

    async def offers(self, target: Target) -> SourceAnswer:
        self.asked.append(target)
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.ended = True
                raise
        if self.failure is not None:
            raise self.failure
        return SourceAnswer(self.known, self.remarks)


@dataclass
class FakeJudge:
    """Says what a test wants of releases."""

    says: Mapping[str, bool] = field(default_factory=dict)
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    asked: list[tuple[Doubt, ...]] = field(default_factory=list)

    async def judge(self, target: Target, doubts: Sequence[Doubt]) -> Mapping[str, bool]:
        del target
        self.asked.append(tuple(doubts))
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.says


class FakeShelf:
    """Keeps in memory what a database would."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[datetime, str]] = {}

    async def load(self, key: str, after: datetime) -> tuple[datetime, str] | None:
        found = self.kept.get(key)
        return found if found is not None and found[0] > after else None

    async def keep(self, key: str, at: datetime, found: str) -> None:
        self.kept[key] = at, found

    async def forget(self) -> None:
        self.kept.clear()


@dataclass
class World:
    """An engine with everything around it."""

    catalogues: list[FakeCatalogue]
    sources: list[FakeSource]
    policies: dict[str | None, Policy] = field(default_factory=lambda: {None: Policy()})
    profile: QualityProfile | None = None
    shelf: FakeShelf = field(default_factory=FakeShelf)
    now: datetime = NOW
    updates: list[Any] = field(default_factory=list)
    holds: frozenset[str] = frozenset()  # info hashes, in a debrid account
    asked_hashes: list[frozenset[str]] = field(default_factory=list)
    judge: Judge | None = None
    second: SecondReader | None = None
    asked_profiles: list[tuple[Target, datetime]] = field(default_factory=list)
    changes: list[Any] = field(default_factory=list)  # answers that were whole, and are others now
    going_on: set[asyncio.Task[None]] = field(default_factory=set)
    days: Mapping[tuple[int, int], date] = field(default_factory=dict)  # on which episodes aired, by season and number
    day_gate: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.engine = self.restart()

    def restart(self) -> SearchEngine:
        """Return an engine that remembers only what is on the shelf."""
        self.engine = SearchEngine(
            catalogues=lambda _: self.catalogues,
            sources=lambda _: self.sources,
            policies=self,
            profiles=self,
            shelf=self.shelf,
            holdings=self,
            days=self,
            judge=lambda: self.judge,
            second=lambda: self.second,
            clock=lambda: self.now,
            begin=self.begin,
            on_update=self.updates.append,
            on_change=self.changes.append,
        )
        return self.engine

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.going_on.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Let go of what went well: what fails beside a search is found at the end."""
        if task.cancelled() or task.exception() is None:
            self.going_on.discard(task)

    async def end(self) -> None:
        """Let what goes on beside a search come to its end."""
        while self.going_on:
            await asyncio.wait_for(asyncio.gather(*self.going_on), timeout=10)
            await asyncio.sleep(0)  # what is done leaves the set in the next turn

    def policy(self, key: str | None) -> Policy:
        return self.policies.get(key, self.policies[None])

    async def profile_of(self, target: Target, at: datetime) -> QualityProfile | None:
        self.asked_profiles.append((target, at))
        return self.profile

    async def aired_on(self, target: Target, season: int, episode: int) -> date | None:
        del target
        if self.day_gate is not None:
            await self.day_gate.wait()
        return self.days.get((season, episode))

    async def held(self, hashes: Collection[str]) -> frozenset[str]:
        self.asked_hashes.append(frozenset(hashes))
        return self.holds & frozenset(hashes)

    def pass_time(self, step: timedelta) -> None:
        self.now += step


def failed(key: str = "search.no_answer") -> AskingFailed:
    return AskingFailed(Reason(key=key))


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop and threads go on until something holds."""
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to hold")
