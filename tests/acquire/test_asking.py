"""What indexers are asked for a title."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from custom_components.sokoul.acquire.asking import MOST_QUESTIONS, Question, questions
from custom_components.sokoul.acquire.identifying import target_by_text, target_of
from custom_components.sokoul.acquire.query import read_query
from custom_components.sokoul.model.catalogue import CatalogueSeason, CatalogueTitle, SeriesType
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest

from .make import BEAR, DUNE_2024, NOW, series

SEASONS = tuple(CatalogueSeason(number=number, episodes=count) for number, count in ((0, 3), (1, 28), (2, 10)))
ANIME = replace(
    series("Frieren: Beyond Journey's End", 2023, "tvdb:424536"),
    original_name="葬送のフリーレン",
    romaji="Sousou no Frieren",
    aliases=("Frieren", "Frieren : Au-delà de la fin du voyage"),
    seasons=SEASONS,
    series_type=SeriesType.ANIME,
)
SHOW = replace(series("The Daily Show", 1996, "tvdb:71256"), series_type=SeriesType.DAILY)
AIRED = date(2024, 3, 11)


def asked(title: CatalogueTitle, text: str = "", **given: Any) -> tuple[Question, ...]:
    query = read_query(SearchRequest(text=f"{title.name} {text}", **given), NOW.date())
    return questions(target_of(query, title, [title]))


def words(title: CatalogueTitle, text: str = "") -> list[str]:
    """Return what is asked for by nothing but words."""
    return [each.text for each in asked(title, text) if each.kind is None]


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        (ANIME, "s1e5", ["Frieren Beyond Journeys End 05", "Sousou no Frieren 05"]),
        (ANIME, "s2e1", ["Frieren Beyond Journeys End 29", "Sousou no Frieren 29"]),
        (ANIME, "s1", ["Frieren Beyond Journeys End", "Sousou no Frieren"]),
        (ANIME, "", ["Frieren Beyond Journeys End", "Sousou no Frieren"]),
        (ANIME, "s0e1", []),  # specials aren't counted
        (ANIME, "s0", []),
        (ANIME, "s3e1", []),  # nobody knows how many were before
        (replace(ANIME, seasons=()), "s1e5", ["Frieren Beyond Journeys End 05", "Sousou no Frieren 05"]),
        (replace(ANIME, seasons=()), "s2e1", []),
        (replace(ANIME, romaji=None), "s1e5", ["Frieren Beyond Journeys End 05"]),
        (replace(ANIME, name="One Piece", romaji="One Piece"), "s1e5", ["One Piece 05"]),
        (replace(ANIME, seasons=(CatalogueSeason(number=1, episodes=1_200),)), "s1e1100", [
            "Frieren Beyond Journeys End 1100", "Sousou no Frieren 1100"
        ]),
        (replace(ANIME, series_type=SeriesType.STANDARD), "s1e5", []),
        (replace(ANIME, series_type=None), "s1e5", []),
        (SHOW, "s1e5", []),
        (BEAR, "s1e5", []),
        (DUNE_2024, "", []),
    ],
)  # fmt: skip
def test_an_anime_is_asked_for_by_its_number(title: CatalogueTitle, text: str, expected: list[str]) -> None:
    assert words(title, text) == expected


def test_the_surest_way_comes_first() -> None:
    first, *_ = asked(ANIME, "s1e5")
    assert first == Question(text=ANIME.name, kind=TitleKind.EPISODE, ids=ANIME.ids, season=1, episode=5)


@pytest.mark.parametrize(
    ("title", "more"),
    [(SHOW, [(None, None, AIRED)]), (replace(SHOW, series_type=None), []), (replace(ANIME, romaji=None), [])],
)
def test_what_airs_daily_is_asked_for_by_its_day(title: CatalogueTitle, more: list[object]) -> None:
    found = [each for each in asked(title, season=29, episode=30, aired=AIRED) if each.ids]
    numbers = [(each.season, each.episode, each.aired) for each in found]
    assert numbers == [(29, 30, None), *more]
    assert {each.text for each in found} == {title.name}


def test_where_a_day_is_all_that_is_known_it_is_asked_for() -> None:
    found = asked(BEAR, "2024-03-11")
    assert [(each.season, each.episode, each.aired) for each in found][:2] == [(None, None, None), (None, None, AIRED)]


@pytest.mark.parametrize("text", ["s1e5", "s2e1", "s1", "", "2024-03-11"])
@pytest.mark.parametrize("title", [ANIME, SHOW, BEAR, DUNE_2024])
def test_there_are_few_questions_and_each_is_another(title: CatalogueTitle, text: str) -> None:
    found = asked(title, text)
    assert len(set(found)) == len(found) <= MOST_QUESTIONS
    assert found[0].ids


def test_what_nobody_knows_is_asked_for_as_it_was_said() -> None:
    target = target_by_text(read_query(SearchRequest(text="frieren s1e5", kind=TitleKind.SERIES), NOW.date()))
    assert questions(target) == (Question(text="frieren", kind=TitleKind.EPISODE, season=1, episode=5),)
