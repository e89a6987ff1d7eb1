"""What indexers are asked for a title."""

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given, strategies as st
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
        (replace(ANIME, name="Frieren, l'elfe", english_name="Frieren: Beyond Journey's End"), "s1e5", [
            "Frieren Beyond Journeys End 05", "Sousou no Frieren 05"
        ]),
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
    text = "Frieren Beyond Journeys End"
    assert first == Question(text=text, kind=TitleKind.EPISODE, ids=ANIME.ids, season=1, episode=5)


@pytest.mark.parametrize(
    ("title", "more"),
    [(SHOW, [(None, None, AIRED)]), (replace(SHOW, series_type=None), []), (replace(ANIME, romaji=None), [])],
)
def test_what_airs_daily_is_asked_for_by_its_day(title: CatalogueTitle, more: list[object]) -> None:
    found = [each for each in asked(title, season=29, episode=30, aired=AIRED) if each.ids]
    numbers = [(each.season, each.episode, each.aired) for each in found]
    assert numbers == [(29, 30, None), *more]
    assert {each.text for each in found} == {asked(title)[0].text}


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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # what English names lose is asked for with and without the gap, most releases have none
        ("Grey's Anatomy", ["Greys Anatomy", "Grey s Anatomy"]),
        ("Ocean\u2019s Eleven", ["Oceans Eleven", "Ocean s Eleven"]),
        ("All's Well That Don`t End", ["Alls Well That Dont End", "All s Well That Don t End"]),
        ("C'mon C\u00b4mon", ["Cmon Cmon", "C mon C mon"]),
        ("O\u2018Hara", ["OHara", "O Hara"]),
        # what French and Italian names have in front of a vowel is a word of its own
        ("La Marche de l'empereur", ["La Marche de l empereur"]),
        ("Moi qui t\u2019aimais", ["Moi qui t aimais"]),
        ("L'Été qu'il fallut, jusqu'à l'Hôtel", ["L Ete qu il fallut jusqu a l Hotel"]),
        ("Aujourd'hui", ["Aujourd hui"]),
        ("Ace Ventura - L'acchiappanimali", ["Ace Ventura L acchiappanimali"]),
        ("La storia dell'uomo", ["La storia dell uomo"]),
        ("L'Amie d'Ocean's", ["L Amie d Oceans", "L Amie d Ocean s"]),
        # accents go, and letters that others don't have
        ("Amélie", ["Amelie"]),
        ("Le Cœur ßæøłđ", ["Le Coeur ssaeold"]),
        ("Ç\u0327a A\u030a\u0301", ["Ca A"]),
        # other writings keep their marks
        ("千と千尋の神隠し が", ["千と千尋の神隠し が"]),
        ("Йод", ["Йод"]),
        ("बाहुबली", ["बाहुबली"]),
        # signs
        ("Law & Order", ["Law and Order", "Law Order"]),
        ("Astérix & Obélix : Mission", ["Asterix and Obelix Mission", "Asterix Obelix Mission"]),
        ("Spider-Man: No Way Home", ["Spider Man No Way Home"]),
        ("Mr. & Mrs. Smith", ["Mr and Mrs Smith", "Mr Mrs Smith"]),
        ("Alien\u00b3", ["Alien"]),
        ("The Naked Gun 2\u00bd: The Smell of Fear", ["The Naked Gun 2 The Smell of Fear"]),
        ("M*A*S*H", ["M A S H"]),
        ("{ImdbId:tt1} x", ["ImdbId tt1 x"]),
        # initials are written with dots, which are gaps, and without
        ("S.W.A.T.", ["S W A T", "SWAT"]),
        ("E.T. the Extra-Terrestrial", ["E T the Extra Terrestrial", "ET the Extra Terrestrial"]),
        ("The Man from U.N.C.L.E", ["The Man from U N C L E", "The Man from UNCLE"]),
        ("Vol. 2.0", ["Vol 2 0"]),
        # by what catalogues tell namesakes apart few releases do
        ("The Office (US)", ["The Office"]),
        ("Charmed (2018)", ["Charmed"]),
        ("(500) Days of Summer", ["500 Days of Summer"]),
        ("(2018)", ["2018"]),
        # nothing is left of these
        ("!!!", ["!!!"]),
        ("  Dune \t 2\n", ["Dune 2"]),
    ],
)  # fmt: skip
def test_names_are_asked_for_as_releases_write_them(name: str, expected: list[str]) -> None:
    target = replace(target_of(read_query(SearchRequest(text="x"), NOW.date()), BEAR, [BEAR]), text=name)
    assert [each.text for each in questions(target)] == expected
    assert [bool(each.ids) for each in questions(target)] == [True, *[False] * (len(expected) - 1)]


def test_other_names_are_written_so_too_and_come_before_other_writings() -> None:
    title = replace(BEAR, name="Grey's Anatomy", original_name="Anatomie d'Été", aliases=())
    assert [each.text for each in asked(title, "s1")] == ["Greys Anatomy", "Anatomie d Ete", "Grey s Anatomy"]
    title = replace(title, aliases=("Grey\u2019s : Les Urgences",))
    assert [each.text for each in asked(title, "s1")] == ["Greys Anatomy", "Anatomie d Ete", "Greys Les Urgences"]
    title = replace(BEAR, name="L'Été", original_name="L'\u00c9t\u00e9 !", aliases=("Rock & Roll : Le Film",))
    assert [each.text for each in asked(title, "s1")] == ["L Ete", "Rock and Roll Le Film", "Rock Roll Le Film"]


@given(st.text(max_size=40) | st.text(alphabet="LlDdQquaeé'\u2019.&() 2", max_size=20))
def test_any_name_is_asked_for(name: str) -> None:
    target = replace(target_of(read_query(SearchRequest(text="x"), NOW.date()), BEAR, [BEAR]), text=name)
    found = [each.text for each in questions(target)]
    assert 1 <= len(found) <= 2
    assert len({each.casefold() for each in found}) == len(found)
    assert all(each == " ".join(each.split()) for each in found)
    assert all(found) or not name.strip()


# --- years of films --------------------------------------------------------------------------------------------------


def test_a_film_is_asked_for_with_its_year() -> None:
    title = replace(DUNE_2024, aliases=("Dune : Deuxième partie",))
    named = [("Dune Part Two", 2024), ("Dune Deuxieme partie", 2024)]
    assert [(each.text, each.year) for each in asked(title)] == named
    assert {each.year for each in asked(replace(title, year=None))} == {None}
    of_series = (*asked(BEAR), *asked(BEAR, "s1"), *asked(BEAR, "s1e1"), *asked(ANIME, "s1e5"))
    assert {each.year for each in of_series} == {None}


@pytest.mark.parametrize(
    ("name", "year", "expected"), [("2012", 2009, 2009), ("1984", 1984, None), ("1984 (1984)", 1984, None)]
)
def test_a_year_that_is_in_the_name_is_not_said_twice(name: str, year: int, expected: int | None) -> None:
    assert [each.year for each in asked(replace(DUNE_2024, name=name, year=year))] == [expected]


def test_of_a_film_that_nobody_knows_the_year_is_asked_for_that_was_said() -> None:
    (said,) = questions(target_by_text(read_query(SearchRequest(text="dune (1984)", kind=TitleKind.MOVIE), NOW.date())))
    assert (said.text, said.year) == ("dune", 1984)
