"""An episode of what airs daily is looked for by its day, where anybody knows it."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from custom_components.sokoul.acquire import airing
from custom_components.sokoul.model.catalogue import CatalogueTitle, SeriesType
from custom_components.sokoul.model.search import NOBODY, SearchRequest

from .make import BEAR, DUNE_2021, DUNE_2024, FakeCatalogue, FakeSource, World

AIRED = date(2024, 3, 11)
SHOW = replace(BEAR, series_type=SeriesType.DAILY)


async def asked_by_day(title: CatalogueTitle, request: SearchRequest, *, answers: bool = True) -> date | None:
    """Return the day by which sources were asked; None: by none."""
    source = FakeSource("prowlarr")
    world = World([FakeCatalogue("lookup", [title])], [source], days={(3, 2): AIRED, (1, 1): AIRED})
    world.day_gate = None if answers else asyncio.Event()
    await world.engine.search(request, deadline=timedelta(seconds=20))
    await world.engine.stop()
    (target,) = source.asked
    return target.wanted.aired


@pytest.mark.parametrize(
    ("text", "title", "day"),
    [
        ("the bear s3e2", SHOW, AIRED),
        ("the bear s3e2", BEAR, None),
        ("the bear s3e2", replace(SHOW, series_type=SeriesType.ANIME), None),
        ("the bear s3e9", SHOW, None),
        ("the bear s3e1-e2", SHOW, None),
        ("the bear s3", SHOW, None),
        ("the bear 2024-03-12", SHOW, AIRED + timedelta(days=1)),
        ("dune 2", DUNE_2024, None),
    ],
)
async def test_the_day_of_an_episode(text: str, title: CatalogueTitle, day: date | None) -> None:
    assert await asked_by_day(title, SearchRequest(text=text)) == day


async def test_a_day_that_is_given_counts() -> None:
    told = AIRED + timedelta(days=2)
    assert await asked_by_day(SHOW, SearchRequest(text="the bear s3e2", aired=told)) == told


async def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airing, "PATIENCE", timedelta(milliseconds=1))
    assert await asked_by_day(SHOW, SearchRequest(text="the bear s3e2"), answers=False) is None


async def test_who_asks_only_for_the_title_asks_for_no_day() -> None:
    world = World([FakeCatalogue("lookup", [SHOW, DUNE_2021])], [], day_gate=asyncio.Event())
    request = SearchRequest(text="the bear s3e2", sources=frozenset({NOBODY}))
    answer = await asyncio.wait_for(world.engine.search(request), timeout=0.5)
    assert answer.title == SHOW
    await world.engine.stop()
