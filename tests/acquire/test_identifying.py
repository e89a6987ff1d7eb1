"""Finding out which title is meant."""

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire.identifying import (
    MOST_CHOICES,
    Identified,
    identify_title,
    namesakes_of,
    other_names,
)
from custom_components.sokoul.acquire.namesakes import named
from custom_components.sokoul.acquire.query import read_query
from custom_components.sokoul.model.catalogue import CatalogueSeason, CatalogueTitle, SeriesType
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest

from .make import BEAR, DUNE_1984, DUNE_2021, DUNE_2024, NOW, movie, series

DUNES = (DUNE_2021, DUNE_2024, DUNE_1984, movie("Jodorowsky's Dune", 2013, "tmdb:191720", votes=700))


def identified(text: str, *titles: CatalogueTitle, **given: Any) -> Identified:
    return identify_title(read_query(SearchRequest(text=text, **given), NOW.date()), {"catalogue": titles})


def meant(text: str, *titles: CatalogueTitle, **given: Any) -> str | None:
    target = identified(text, *titles, **given).target
    return target.title.label if target is not None and target.title is not None else None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("dune 2", "Dune: Part Two (2024)"),
        ("Dune II", "Dune: Part Two (2024)"),
        ("dune part two", "Dune: Part Two (2024)"),
        ("DUNE, PART 2", "Dune: Part Two (2024)"),
        ("dune : deuxième partie", "Dune: Part Two (2024)"),
        ("Dune: Part Two (2024)", "Dune: Part Two (2024)"),
        ("dune part one", "Dune (2021)"),
        ("dune 1984", "Dune (1984)"),
        ("dune 2021", "Dune (2021)"),
        ("dune (2022)", "Dune (2021)"),
        ("dune (2001)", None),
        ("dune 3", None),
        ("dune", None),
        ("tt0087182", "Dune (1984)"),
        ("tmdb:693134", "Dune: Part Two (2024)"),
        ("tmdb:1", None),
        ("jodorowskys dune", "Jodorowsky's Dune (2013)"),
    ],
)
def test_which_dune_is_meant(text: str, label: str | None) -> None:
    assert meant(text, *DUNES) == label


@pytest.mark.parametrize(
    ("text", "names", "name"),
    [
        ("rocky 4", ("Rocky II", "Rocky III", "Rocky IV", "Rocky"), "Rocky IV"),
        ("rocky", ("Rocky II", "Rocky III", "Rocky IV", "Rocky"), "Rocky"),
        ("rocky 5", ("Rocky IV", "Rocky V"), "Rocky V"),
        ("rocky 6", ("Rocky IV", "Rocky V"), None),
        ("terminator 2", ("The Terminator", "Terminator 2: Judgment Day"), "Terminator 2: Judgment Day"),
        ("the terminator", ("Terminator 2: Judgment Day", "The Terminator"), "The Terminator"),
        ("avatar", ("Avatar: The Way of Water", "Avatar"), "Avatar"),
        ("star wars episode 5", ("Star Wars", "Star Wars: Episode V - The Empire Strikes Back"),
         "Star Wars: Episode V - The Empire Strikes Back"),
        ("kill bill volume 2", ("Kill Bill: Vol. 1", "Kill Bill: Vol. 2"), "Kill Bill: Vol. 2"),
        ("blade runner 2049", ("Blade Runner", "Blade Runner 2049"), "Blade Runner 2049"),
        ("amelie", ("Amélie",), "Amélie"),
        ("interstelar", ("Interstellar", "Inter"), "Interstellar"),
        ("fast and furious", ("Fast & Furious",), "Fast & Furious"),
        ("spiderman", ("Spider", "Spider-Man"), "Spider-Man"),
        ("a team", ("The Dream Team", "The A-Team"), "The A-Team"),
        ("the a team", ("The Team", "The A-Team"), "The A-Team"),
        ("the team", ("The A-Team", "The Team"), "The Team"),
        ("oceans 11", ("Ocean's Twelve", "Ocean's Eleven"), "Ocean's Eleven"),
        ("seven samurai", ("7 Samurai", "Samurai"), "7 Samurai"),
        ("nine", ("9", "Nine"), "Nine"),
        ("9", ("Nine", "9"), "9"),
        ("fuer immer", ("Für immer",), "Für immer"),
        ("x", ("X",), "X"),
        ("!!!", ("!!!",), None),
    ],
)  # fmt: skip
def test_names_are_compared_as_people_do(text: str, names: tuple[str, ...], name: str | None) -> None:
    titles = [movie(each, 1990 + place, f"tmdb:{place}") for place, each in enumerate(names)]
    target = identified(text, *titles).target
    assert (target.title.name if target is not None and target.title is not None else None) == name


def test_what_cannot_be_told_is_asked() -> None:
    choices = identified("dune", *DUNES).choices
    assert {each.label for each in choices} == {"Dune (2021)", "Dune (1984)"}


def test_a_choice_leads_to_the_title() -> None:
    for choice in identified("dune", *DUNES).choices:
        for each in choice.ids:
            assert meant(each, *DUNES) == choice.label


def test_what_is_far_better_known_is_meant() -> None:
    unknown = movie("Parasite", 1982, "tmdb:48311", votes=250)
    assert meant("parasite", unknown, movie("Parasite", 2019, "tmdb:496243", votes=19_000)) == "Parasite (2019)"
    assert meant("parasite", unknown, movie("Parasite", 2019, "tmdb:496243", votes=1_000)) is None
    assert meant("parasite", unknown, movie("Parasite", 2019, "tmdb:496243")) is None


def test_popularity_of_two_catalogues_is_not_compared() -> None:
    query = read_query(SearchRequest(text="fargo"), NOW.date())
    film = movie("Fargo", 1996, "tmdb:275", popularity=90.0)
    assert identify_title(query, {"a": [film], "b": [series("Fargo", 2014, "tvdb:1", popularity=1.0)]}).target is None
    assert identify_title(query, {"a": [film, series("Fargo", 2014, "tmdb:1", popularity=1.0)]}).target is not None


def test_what_is_in_the_library_is_meant() -> None:
    owned = replace(DUNE_1984, library_id=7, backend_id="radarr")
    assert meant("dune", DUNE_2021, owned) == "Dune (1984)"
    assert meant("dune", replace(DUNE_2021, library_id=8, backend_id="radarr"), owned) is None
    famous = replace(DUNE_2021, votes=100_000)
    assert meant("dune", famous, owned) == "Dune (2021)", "a film that everybody knows is meant by its name"


def test_the_kind_decides() -> None:
    film, show = movie("Fargo", 1996, "tmdb:275"), series("Fargo", 2014, "tvdb:269613", seasons={1: 10, 2: 10})
    assert identified("fargo", film, show).target is None
    assert meant("fargo", film, show, kind=TitleKind.MOVIE) == "Fargo (1996)"
    assert meant("fargo s2", film, show) == "Fargo (2014)"


def test_catalogues_are_put_together() -> None:
    library = replace(DUNE_2024, ids=frozenset({"tmdb:693134"}), library_id=3, backend_id="radarr", minutes=None)
    other = replace(DUNE_2024, ids=frozenset({"imdb:tt15239678", "tmdb:693134"}), aliases=("Dune 2ª parte",))
    query = read_query(SearchRequest(text="dune 2"), NOW.date())
    target = identify_title(query, {"library": [library], "tmdb": [other, DUNE_2021]}).target
    assert target is not None
    assert target.title is not None
    assert target.title.ids == DUNE_2024.ids
    assert target.title.library_id == 3
    assert target.wanted.minutes == 167
    assert "Dune 2ª parte" in target.wanted.names
    entry = target.entry_of("radarr")
    assert entry is not None
    assert entry.library_id == 3
    assert target.entry_of("sonarr") is None


def test_how_a_title_is_called_is_no_matter_of_who_answers_first() -> None:
    ids = frozenset({"tmdb:129", "imdb:tt0245429"})
    tmdb = movie("Le Voyage de Chihiro", 2001, *ids, original_name="千と千尋の神隠し", english_name="Spirited Away")
    radarr = movie("Spirited Away", 2001, *ids, aliases=("Le Voyage de Chihiro",), backend_id="radarr")
    other = replace(radarr, name="Chihiro", aliases=("Le Voyage de Chihiro",), backend_id="other")
    query = read_query(SearchRequest(text="le voyage de chihiro"), NOW.date())
    for said in permutations({"tmdb": [tmdb], "radarr": [radarr], "other": [other]}.items()):
        target = identify_title(query, dict(said)).target
        assert target is not None
        assert (target.text, target.other_texts) == ("Le Voyage de Chihiro", ("Spirited Away", "千と千尋の神隠し"))
    for said in permutations({"radarr": [radarr], "other": [other]}.items()):
        target = identify_title(query, dict(said)).target
        assert target is not None
        assert target.text == "Chihiro"
    target = identify_title(query, {"tmdb": [tmdb], "library": [replace(radarr, library_id=1)]}).target
    assert target is not None
    assert (target.text, target.other_texts) == ("Spirited Away", ("Le Voyage de Chihiro",))


def test_two_that_only_share_their_name_stay_two() -> None:
    one, other = movie("Dune", 2021, "tmdb:1"), movie("Dune", 2021, "tmdb:2")
    assert len(identified("dune", one, other).choices) == 2
    assert meant("dune", movie("Dune", 2021, "tmdb:1"), movie("Dune", 2021, "imdb:tt1")) == "Dune (2021)"


def test_namesakes_are_known() -> None:
    target = identified("dune 2021", *DUNES).target
    assert target is not None
    assert target.wanted.namesakes == {1984}
    target = identified("dune 2", *DUNES).target
    assert target is not None
    assert target.wanted.namesakes == frozenset()


OFFICE = series("The Office (US)", 2005, "tvdb:73244", aliases=("The Office",))


@pytest.mark.parametrize(
    ("title", "others", "years"),
    [
        (DUNE_2021, (DUNE_2021, DUNE_2024, DUNE_1984), {1984}),
        (DUNE_2024, (DUNE_2021, DUNE_2024, DUNE_1984), set()),
        (DUNE_2021, (series("Dune", 2000, "tvdb:1"),), set()),  # of the other kind
        (DUNE_2021, (movie("Dune: Part One", 1999, "tmdb:1"),), {1999}),
        (DUNE_2021, (movie("Dune", 2020, "tmdb:1"),), {2020}),
        (DUNE_2021, (movie("Dune", 2020, "tvdb:1"),), set()),  # the same, of which somebody is mistaken
        (DUNE_2021, (movie("Dune", 2018, "tvdb:1"),), {2018}),
        (DUNE_2021, (replace(DUNE_2021, year=2019),), set()),
        (OFFICE, (series("The Office", 2001, "tvdb:78107"),), {2001}),
        (movie("S.W.A.T.", 2003, "tmdb:1"), (movie("SWAT", 1990, "tmdb:2"),), {1990}),
        (movie("It", 2017, "tmdb:1"), (movie("I.T.", 2016, "tmdb:2"),), set()),
    ],
)
def test_who_is_called_the_same(title: CatalogueTitle, others: tuple[CatalogueTitle, ...], years: set[int]) -> None:
    assert namesakes_of(title, {"lookup": others}) == years


@pytest.mark.parametrize(
    ("name", "asked"),
    [("Dune", "Dune"), ("Charmed (2018)", "Charmed"), ("The Office (US)", "The Office"), ("(2018)", "(2018)")],
)
def test_others_are_asked_for_without_what_a_catalogue_added(name: str, asked: str) -> None:
    query = named(series(name, 2018))
    assert (query.text, query.bare, query.year, query.kind) == (asked, asked, None, TitleKind.SERIES)


def test_by_an_id_nobody_brings_namesakes() -> None:
    target = identified("tmdb:438631", *DUNES).target
    assert target is not None
    assert target.wanted.namesakes is None


def test_an_episode_is_wanted_with_all_that_is_known() -> None:
    target = identified("the bear s3e2", BEAR).target
    assert target is not None
    wanted = target.wanted
    assert (wanted.kind, wanted.season, wanted.episodes) == (TitleKind.EPISODE, 3, {2})
    assert (wanted.season_episodes, wanted.minutes) == (10, 35)


@pytest.mark.parametrize(
    ("text", "seasons", "absolute"),
    [
        ("jujutsu kaisen s1e5", {1: 24, 2: 23}, {5}),
        ("jujutsu kaisen s2e1", {0: 3, 1: 24, 2: 23}, {25}),
        ("jujutsu kaisen s2", {1: 24, 2: 3}, {25, 26, 27}),
        ("jujutsu kaisen s2e25", {1: 24, 2: 23}, {25}),  # this catalogue counts on itself
        ("jujutsu kaisen s2e24", {1: 24, 2: 23}, {48}),  # and this one has not counted what is new
        ("jujutsu kaisen s3e1", {1: 24, 3: 10}, set()),  # nobody tells how many the second has
        ("jujutsu kaisen s3e1", {1: 24, 2: None, 3: 10}, set()),
        ("jujutsu kaisen s0e1", {0: 3, 1: 24}, set()),
        ("jujutsu kaisen s9e1", {1: 24}, set()),
        ("jujutsu kaisen", {1: 24}, set()),
    ],
)
def test_episodes_are_counted_through_the_seasons(
    text: str, seasons: dict[int, int | None], absolute: set[int]
) -> None:
    anime = series("Jujutsu Kaisen", 2020, "tvdb:377543")
    told = tuple(CatalogueSeason(number=number, episodes=count) for number, count in seasons.items())
    target = identified(text, replace(anime, seasons=told)).target
    assert target is not None
    assert target.wanted.absolute == absolute


def test_who_tells_how_long_seasons_are_is_believed_about_them() -> None:
    anime = series("Jujutsu Kaisen", 2020, "tvdb:377543")
    season = CatalogueSeason(number=1)
    bare = replace(anime, ids=anime.ids | {"imdb:tt1"}, seasons=(season,))  # tells more, but not that
    counted = replace(anime, seasons=(replace(season, episodes=24),), series_type=SeriesType.ANIME, romaji="Jujutsu")
    query = read_query(SearchRequest(text="jujutsu kaisen"), NOW.date())
    target = identify_title(query, {"sonarr": [bare], "tmdb": [counted]}).target
    assert target is not None
    assert target.title is not None
    assert target.title.seasons == counted.seasons
    assert (target.title.series_type, target.title.romaji) == (SeriesType.ANIME, "Jujutsu")


def test_what_does_not_fit_is_only_shown() -> None:
    assert meant("something else", *DUNES) is None
    assert len(
        identified("something else", *(movie(f"Film {n}", n + 1900, f"tmdb:{n}") for n in range(30))).choices
    ) == (MOST_CHOICES)
    assert identified("something else") == Identified()


titles = st.builds(
    CatalogueTitle,
    kind=st.sampled_from([TitleKind.MOVIE, TitleKind.SERIES]),
    name=st.text(max_size=20) | st.sampled_from(["Dune", "Dune: Part Two", "Dune (1984)", "II", "Part"]),
    aliases=st.lists(st.text(max_size=8), max_size=3).map(tuple),
    year=st.none() | st.integers(1880, 2100),
    ids=st.frozensets(st.sampled_from(["tmdb:1", "tmdb:2", "imdb:tt1", "tvdb:3", ""]), max_size=3),
    votes=st.none() | st.integers(0, 10_000),
    library_id=st.none() | st.integers(1, 5),
)


@given(
    st.text(max_size=30) | st.sampled_from(["dune", "dune 2", "dune 1984", "tmdb:1"]),
    st.lists(titles, max_size=8),
    st.lists(titles, max_size=4),
)
def test_any_answer_is_understood(text: str, one: list[CatalogueTitle], other: list[CatalogueTitle]) -> None:
    query = read_query(SearchRequest(text=text), date(2026, 11, 21))
    found = identify_title(query, {"one": one, "other": other})
    assert found.target is None or not found.choices
    assert len(found.choices) <= MOST_CHOICES
    if found.target is not None and found.target.title is not None:
        assert any(each.ids <= found.target.title.ids for each in (*one, *other))
    assert found == identify_title(query, {"one": one, "other": other})


@pytest.mark.parametrize(
    ("title", "others"),
    [
        (
            movie("Dune: Part Two", 2024, aliases=("Dune 2", "Dune II", "Dune : Deuxième partie")),
            ("Dune : Deuxième partie",),
        ),
        (
            movie(
                "Spirited Away", 2001, original_name="千と千尋の神隠し", aliases=("El viaje", "Le Voyage de Chihiro")
            ),
            ("千と千尋の神隠し", "Le Voyage de Chihiro"),
        ),
        (
            movie("Le Voyage de Chihiro", 2001, original_name="千と千尋の神隠し", english_name="Spirited Away"),
            ("Spirited Away", "千と千尋の神隠し"),
        ),
        (
            movie("Das Leben", 2001, original_name="La vita", english_name="Life", aliases=("La Vie", "Le Film")),
            ("Life", "La vita"),
        ),
        (movie("Le Parrain", 1972, original_name="The Godfather", english_name="The Godfather"), ("The Godfather",)),
        (movie("The Untouchables", 2011, original_name="Intouchables"), ("Intouchables",)),
        # the same, but for how it is written
        (movie("Dune", 2021, original_name="DUNE", aliases=("Dûne",)), ()),
        (movie("Amelie", 2001, original_name="Amélie des bois", aliases=("Amélie des bois",)), ("Amélie des bois",)),
        (movie("Dune", 2021, aliases=("Dune: Part One", "Duna", "Diuna")), ()),
        (
            movie("Dune", 2021, original_name="!!!", aliases=("L\u2019Autre Dune", "Le Dune", "Les Dunes")),
            ("L\u2019Autre Dune",),
        ),
    ],
)
def test_by_which_names_it_goes_elsewhere(title: CatalogueTitle, others: tuple[str, ...]) -> None:
    assert other_names(title) == others


# --- what may be a season, and may be a name -------------------------------------------------------------------------

OPEN_SEASON = movie("Open Season", 2006, "tmdb:7518", votes=3_800)
OPEN_SEASON_2 = movie("Open Season 2", 2008, "tmdb:13179", votes=1_200, aliases=("Les Rebelles de la forêt 2",))
OPEN = series("Open", 2019, "tvdb:1", seasons={1: 8, 2: 8})
HUNTING = series("Hunting", 2015, "tvdb:2", seasons={1: 6, 2: 6})
HUNTING_SEASON = series("Hunting Season", 2012, "tvdb:3", seasons={1: 8, 2: 6})
HUNTING_SEASON_2 = movie("Hunting Season 2", 2024, "tmdb:4")
WITCH = movie("Season of the Witch", 2011, "tmdb:23047", aliases=("Le Dernier des Templiers",))
PHANTOM = movie("Star Wars: Episode I - The Phantom Menace", 1999, "tmdb:1893", votes=14_000, aliases=(
    "Star Wars : Épisode I - La Menace fantôme",
))  # fmt: skip
NEW_HOPE = movie("Star Wars", 1977, "tmdb:11", votes=20_000, aliases=("Star Wars : Épisode IV - Un nouvel espoir",))
CLONE_WARS = series("Star Wars: The Clone Wars", 2008, "tvdb:83268", seasons={1: 22, 2: 22})
LUPIN = series("Lupin", 2021, "tvdb:369990", seasons={1: 10, 2: 7})
STRANGER = series("Stranger Things", 2016, "tvdb:305288", votes=18_000, seasons=dict.fromkeys(range(1, 5), 8))


@pytest.mark.parametrize(
    ("text", "titles", "labels"),
    [
        # both are: the one that is called by all of it comes first, and a person says which one is meant
        ("Open Season 2", (OPEN, OPEN_SEASON, OPEN_SEASON_2), ["Open Season 2 (2008)", "Open (2019)"]),
        ("open season two", (OPEN, OPEN_SEASON_2), ["Open Season 2 (2008)", "Open (2019)"]),
        (
            "Hunting Season 2",
            (HUNTING, HUNTING_SEASON, HUNTING_SEASON_2),
            ["Hunting Season 2 (2024)", "Hunting Season (2012)", "Hunting (2015)"],
        ),
        ("Hunting Season 2", (HUNTING, HUNTING_SEASON), ["Hunting Season (2012)", "Hunting (2015)"]),
        ("Les Saisons saison 2", (movie("Les Saisons saison 2", 2020, "tmdb:5"), series("Les Saisons", 2018, "tvdb:4")),
         ["Les Saisons saison 2 (2020)", "Les Saisons (2018)"]),
        # only one is
        ("Open Season 2", (OPEN_SEASON, OPEN_SEASON_2), ["Open Season 2 (2008)"]),
        ("Open Season 2", (OPEN_SEASON_2, replace(OPEN, seasons=(CatalogueSeason(number=0),))), [OPEN_SEASON_2.label]),
        ("Open Season 2", (OPEN,), ["Open (2019)"]),
        ("Open saison 2", (OPEN, OPEN_SEASON_2), ["Open (2019)"]),
        ("Open S2", (OPEN, OPEN_SEASON_2), ["Open (2019)"]),
        ("season 2 of Open", (OPEN, OPEN_SEASON_2), ["Open (2019)"]),
        ("Open, la saison 2", (OPEN, OPEN_SEASON_2), ["Open (2019)"]),
        ("Open Season 2 (2008)", (OPEN, OPEN_SEASON_2), ["Open Season 2 (2008)"]),
        ("Open Season 2 2008", (OPEN_SEASON, OPEN_SEASON_2), ["Open Season 2 (2008)"]),
        ("Open Season", (OPEN, OPEN_SEASON, OPEN_SEASON_2), ["Open Season (2006)"]),
        ("Les rebelles de la forêt 2", (OPEN_SEASON, OPEN_SEASON_2), ["Open Season 2 (2008)"]),
        ("Hunting Season 2", (HUNTING_SEASON,), ["Hunting Season (2012)"]),
        ("Hunting Season season 2", (HUNTING, HUNTING_SEASON, HUNTING_SEASON_2), ["Hunting Season (2012)"]),
        ("Hunting Season", (HUNTING, HUNTING_SEASON, HUNTING_SEASON_2), ["Hunting Season (2012)"]),
        ("Season of the Witch", (WITCH, HUNTING_SEASON), ["Season of the Witch (2011)"]),
        ("le dernier des templiers", (WITCH,), ["Season of the Witch (2011)"]),
        ("Stranger Things season 2", (STRANGER, OPEN_SEASON_2), ["Stranger Things (2016)"]),
        ("Stranger Things saison 5", (STRANGER,), ["Stranger Things (2016)"]),  # it is announced before it is counted
        ("lupin partie 2", (LUPIN,), ["Lupin (2021)"]),
        ("Star Wars Episode I", (NEW_HOPE, PHANTOM, CLONE_WARS), [PHANTOM.label]),
        ("Star Wars episode 1", (NEW_HOPE, PHANTOM, CLONE_WARS), [PHANTOM.label]),
        ("Star Wars: Episode I - The Phantom Menace", (NEW_HOPE, PHANTOM), [PHANTOM.label]),
        ("star wars épisode 1", (NEW_HOPE, PHANTOM), [PHANTOM.label]),
        ("Star Wars épisode I : La Menace fantôme", (NEW_HOPE, PHANTOM), [PHANTOM.label]),
        ("star wars épisode 4", (NEW_HOPE, PHANTOM), ["Star Wars (1977)"]),
        ("Dune Part 2", (DUNE_2021, DUNE_2024), ["Dune: Part Two (2024)"]),
        ("dune deuxième partie", (DUNE_2021, replace(DUNE_2024, aliases=("Dune : Deuxième partie",))),
         ["Dune: Part Two (2024)"]),
        # nobody can tell, and what catalogues brought is offered
        ("Episode I", (PHANTOM,), [PHANTOM.label]),
        ("Part 2", (DUNE_2024, DUNE_2021), ["Dune: Part Two (2024)", "Dune (2021)"]),
    ],
)  # fmt: skip
def test_what_may_be_a_season_and_may_be_a_name(
    text: str, titles: tuple[CatalogueTitle, ...], labels: list[str]
) -> None:
    told = identified(text, *titles)
    found = [each.label for each in told.choices]
    if told.target is not None and told.target.title is not None:
        found = [told.target.title.label]
    assert found == labels


def test_a_film_has_no_season_and_a_series_has_the_one_that_was_said() -> None:
    film, show = (
        identified("Open Season 2", OPEN_SEASON_2).target,
        identified("Hunting Season 2", HUNTING_SEASON).target,
    )
    assert film is not None
    assert show is not None
    assert (film.wanted.kind, film.wanted.season, film.text) == (TitleKind.MOVIE, None, "Open Season 2")
    assert (show.wanted.kind, show.wanted.season, show.text) == (TitleKind.SERIES, 2, "Hunting Season")


def test_what_is_owned_or_better_known_is_asked_about_all_the_same() -> None:
    famous = replace(OPEN_SEASON_2, votes=100_000, library_id=3, backend_id="radarr")
    assert meant("Open Season 2", replace(OPEN, votes=2), famous) is None
    assert (
        meant("Open Season 2", replace(OPEN, votes=100_000, library_id=3, backend_id="sonarr"), OPEN_SEASON_2) is None
    )


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({"kind": TitleKind.MOVIE}, "Open Season 2 (2008)"),
        ({"kind": TitleKind.SERIES}, "Open (2019)"),
        ({"season": 2}, "Open (2019)"),
        ({"year": 2008}, "Open Season 2 (2008)"),
    ],
)
def test_what_is_said_besides_decides(given: dict[str, Any], label: str) -> None:
    assert meant("Open Season 2", OPEN, OPEN_SEASON_2, **given) == label
