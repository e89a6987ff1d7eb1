"""Reading what somebody looks for."""

from datetime import date
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire.query import LONGEST_TEXT, Query, numbers_of, read_query, shown
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest

TODAY = date(2026, 11, 21)
HASH = "c9e15763f722f23e98a29decdfae341b98d53056"


def read(text: str, **given: Any) -> Query:
    return read_query(SearchRequest(text=text, **given), TODAY)


@pytest.mark.parametrize(
    ("typed", "text", "year"),
    [
        ("dune 2", "dune 2", None),
        ("  Dune:   Part Two  (2024) ", "Dune: Part Two", 2024),
        ("Dune [2021]", "Dune", 2021),
        ("dune 1984", "dune 1984", 1984),
        ("Blade Runner 2049", "Blade Runner 2049", None),
        ("wonder woman 1984", "wonder woman 1984", 1984),
        ("1917", "1917", None),
        ("2012", "2012", None),
        ("2001: a space odyssey", "2001: a space odyssey", None),
        ("300", "300", None),
        ("24", "24", None),
        ("10x10", "10x10", None),
        ("apollo 13", "apollo 13", None),
        ("the office (us)", "the office (us)", None),
        ("Star Wars: Episode IV - A New Hope", "Star Wars: Episode IV - A New Hope", None),
        ("S03E02", "S03E02", None),
        ("saison 3", "saison 3", None),
        ("La Haine", "La Haine", None),
        ("七人の侍", "七人の侍", None),
        ("", "", None),
        ("\u202edune\x00", "dune", None),
    ],
)
def test_a_title_is_left_as_it_is(typed: str, text: str, year: int | None) -> None:
    query = read(typed)
    assert (query.text, query.year) == (text, year)
    assert (query.kind, query.season, query.episodes) == (None, None, frozenset())


@pytest.mark.parametrize(
    ("typed", "text", "year"),
    [
        ("Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT", "Dune Part Two", 2024),
        ("dune 2021 1080p", "dune", 2021),
        ("Blade.Runner.2049.2017.1080p.BluRay.x264-GRP", "Blade Runner 2049", 2017),
        ("Le Fabuleux Destin d'Amélie Poulain 2001 FRENCH 1080p", "Le Fabuleux Destin d'Amélie Poulain", 2001),
        ("1080p", "1080p", None),
    ],
)
@pytest.mark.parametrize("kind", [None, TitleKind.MOVIE])
def test_the_name_of_a_release_tells_its_title(typed: str, text: str, year: int | None, kind: TitleKind | None) -> None:
    query = read(typed, kind=kind)
    assert (query.text, query.year, query.kind, query.release) == (text, year, kind, "")


@pytest.mark.parametrize(
    ("typed", "text", "season", "episodes"),
    [
        ("the bear s3", "the bear", 3, set()),
        ("the bear S03E02", "the bear", 3, {2}),
        ("the bear 3x02", "the bear", 3, {2}),
        ("S03E02 the bear", "the bear", 3, {2}),
        ("the bear saison 3 épisode 2", "the bear", 3, {2}),
        ("the bear saison 3", "the bear", 3, set()),
        ("The Bear, season 3, episode 2", "The Bear", 3, {2}),
        ("the bear season two episode three", "the bear", 2, {3}),
        ("the bear saison deux", "the bear", 2, set()),
        ("season 2 of the bear", "the bear", 2, set()),
        ("saison 2 de the bear", "the bear", 2, set()),
        ("the third season of 24", "24", 3, set()),
        ("season 3 of 24", "24", 3, set()),
        ("season 3 episode 2 of 24", "24", 3, {2}),
        ("la saison 3 de The Bear", "The Bear", 3, set()),
        ("la saison trois de The Bear", "The Bear", 3, set()),
        ("la troisième saison de The Bear", "The Bear", 3, set()),
        ("the bear troisieme saison", "the bear", 3, set()),
        ("The Bear, la saison 3", "The Bear", 3, set()),
        ("the bear la S3", "the bear", 3, set()),
        ("les simpson saison dix-sept", "les simpson", 17, set()),
        ("saison 2 du Bureau des légendes", "le Bureau des légendes", 2, set()),
        ("la saison 35 des Simpson", "les Simpson", 35, set()),
        ("la saison 2 de l\u2019Agence", "l\u2019Agence", 2, set()),
        ("l'épisode 2 de la saison 3 de The Bear", "The Bear", 3, {2}),
        ("le premier épisode de la saison 3 de The Bear", "The Bear", 3, {1}),
        ("episode 2 of season 3 of The Bear", "The Bear", 3, {2}),
        ("the bear episode two of the third season", "the bear", 3, {2}),
        ("the 3rd season of the bear", "the bear", 3, set()),
        ("la 3e saison de The Bear", "The Bear", 3, set()),
        ("24 s2", "24", 2, set()),
        ("the 100 season 3", "the 100", 3, set()),
        ("loki s2e1-e3", "loki", 2, {1, 2, 3}),
        ("friends s01-s10", "friends", None, set()),
    ],
)
def test_numbers_are_told_from_the_title(typed: str, text: str, season: int | None, episodes: set[int]) -> None:
    query = read(typed)
    assert (query.text, query.season, query.episodes) == (text, season, episodes)
    if text != typed:
        assert query.kind is TitleKind.SERIES


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("dune", ("dune",)),
        ("dune 2", ("dune 2", "dune")),
        ("Dune: Part Two (2024)", ("Dune: Part Two", "Dune")),
        ("rocky IV", ("rocky IV", "rocky")),
        ("wonder woman 1984", ("wonder woman 1984", "wonder woman")),
        ("24", ("24",)),
        ("tt1160419", ()),
    ],
)
def test_catalogues_are_asked_for_what_they_may_know(typed: str, terms: tuple[str, ...]) -> None:
    assert read(typed).terms == terms


@pytest.mark.parametrize(
    ("typed", "films", "series"),
    [
        ("Open Season 2", ("Open Season 2",), ("Open", "Open Season")),
        ("Open season two (2008)", ("Open season 2",), ("Open", "Open season")),
        ("Le Bureau saison 2", ("Le Bureau saison 2",), ("Le Bureau", "Le Bureau saison")),
        ("Open S2", (), ("Open",)),
        ("Open season 2 episode 3", (), ("Open",)),
        ("season 2 of Open", (), ("Open",)),
        ("Open, the season 2", (), ("Open",)),
        ("saison 2 de Lupin", (), ("Lupin",)),
        ("Open Season", ("Open Season",), ("Open Season",)),
        ("dune 2", ("dune 2", "dune"), ("dune 2", "dune")),
    ],
)
def test_who_knows_films_is_asked_for_films_alone(typed: str, films: tuple[str, ...], series: tuple[str, ...]) -> None:
    query = read(typed)
    assert (query.terms_of(TitleKind.MOVIE), query.terms_of(TitleKind.SERIES)) == (films, series)


def test_a_day_is_that_of_a_daily_programme() -> None:
    query = read("the daily show 2024-03-11")
    assert (query.text, query.aired, query.kind) == ("the daily show", date(2024, 3, 11), TitleKind.SERIES)


@pytest.mark.parametrize(
    ("typed", "ids", "kind"),
    [
        ("tt1160419", {"imdb:tt1160419"}, None),
        ("imdb:TT1160419", {"imdb:tt1160419"}, None),
        ("tmdb:438631", {"tmdb:438631"}, None),
        ("TVDB: 403294", {"tvdb:403294"}, TitleKind.SERIES),
        ("https://www.imdb.com/title/tt1160419/?ref_=nv", {"imdb:tt1160419"}, None),
        ("https://m.imdb.com/fr/title/tt1160419", {"imdb:tt1160419"}, None),
        ("www.imdb.com/title/tt1160419/", {"imdb:tt1160419"}, None),
        ("imdb.com/title/tt1160419", {"imdb:tt1160419"}, None),
        ("Dune (themoviedb.org/movie/438631-dune)", {"tmdb:438631"}, TitleKind.MOVIE),
        ("It is tt1160419.", {"imdb:tt1160419"}, None),
        ("https://www.themoviedb.org/movie/438631-dune", {"tmdb:438631"}, TitleKind.MOVIE),
        ("https://www.themoviedb.org/tv/136315", {"tmdb:136315"}, TitleKind.SERIES),
        ("https://thetvdb.com/dereferrer/series/403294", {"tvdb:403294"}, TitleKind.SERIES),
    ],
)
def test_an_id_is_found_wherever_it_stands(typed: str, ids: set[str], kind: TitleKind | None) -> None:
    query = read(typed)
    assert (query.ids, query.kind, query.text, query.link) == (ids, kind, "", None)


@pytest.mark.parametrize(
    ("typed", "ids", "season", "episodes", "kind"),
    [
        ("tvdb:403294 S03", {"tvdb:403294"}, 3, set(), TitleKind.SERIES),
        ("tmdb:136315 la saison 3", {"tmdb:136315"}, 3, set(), TitleKind.SERIES),
        ("tt14452776 S03E02", {"imdb:tt14452776"}, 3, {2}, TitleKind.SERIES),
        ("tt14452776 S03E02-E04", {"imdb:tt14452776"}, 3, {2, 3, 4}, TitleKind.SERIES),
        ("The Bear s3 (tt14452776)", {"imdb:tt14452776"}, 3, set(), None),
        ("https://www.imdb.com/title/tt14452776/ s3", {"imdb:tt14452776"}, 3, set(), None),
        ("the bear saison 3 https://www.imdb.com/title/tt14452776/", {"imdb:tt14452776"}, 3, set(), None),
        ("https://www.imdb.com/title/tt14452776/episodes/?season=3", {"imdb:tt14452776"}, 3, set(), TitleKind.SERIES),
        ("https://thetvdb.com/dereferrer/series/403294 S03", {"tvdb:403294"}, 3, set(), TitleKind.SERIES),
        ("https://www.themoviedb.org/tv/136315/season/3 s2", {"tmdb:136315"}, 3, set(), TitleKind.SERIES),
        ("Dune 2 https://www.themoviedb.org/movie/693134 s2", {"tmdb:693134"}, None, set(), TitleKind.MOVIE),
    ],
)
def test_a_season_is_said_beside_an_id(
    typed: str, ids: set[str], season: int | None, episodes: set[int], kind: TitleKind | None
) -> None:
    query = read(typed)
    assert (query.ids, query.season, query.episodes, query.kind) == (ids, season, episodes, kind)
    assert (query.text, query.link) == ("", None)


@pytest.mark.parametrize(
    ("typed", "text", "year", "kind", "season"),
    [
        ("https://thetvdb.com/series/the-bear", "the bear", None, TitleKind.SERIES, None),
        ("https://www.thetvdb.com/series/the-bear/seasons/official/3", "the bear", None, TitleKind.SERIES, 3),
        ("https://thetvdb.com/series/the-bear S03", "the bear", None, TitleKind.SERIES, 3),
        ("https://thetvdb.com/series/the-100", "the 100", None, TitleKind.SERIES, None),
        ("https://thetvdb.com/movies/dune-2021", "dune 2021", 2021, TitleKind.MOVIE, None),
    ],
)
def test_a_page_of_thetvdb_has_the_name_in_its_address(
    typed: str, text: str, year: int | None, kind: TitleKind, season: int | None
) -> None:
    query = read(typed)
    assert (query.text, query.year, query.kind, query.season) == (text, year, kind, season)
    assert (query.ids, query.link) == (frozenset(), None)


@pytest.mark.parametrize(
    "typed", ["https://thetvdb.com/series/---", "https://thetvdb.com/", "https://thetvdb.com/lists"]
)
def test_other_pages_of_thetvdb_name_nothing(typed: str) -> None:
    assert not read(typed).names_a_title


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("the bear", ""),
        ("the bear s3", "S03"),
        ("the bear s03e02", "S03E02"),
        ("the bear s03e02-e04", "S03E02-E04"),
        ("the daily show 2024-03-11", "2024-03-11"),
    ],
)
def test_numbers_are_written_as_they_are_read(typed: str, numbers: str) -> None:
    query = read(typed)
    assert numbers_of(query) == numbers
    again = read(f"tvdb:403294 {numbers}")
    assert (again.season, again.episodes, again.aired) == (query.season, query.episodes, query.aired)


def test_an_address_may_name_an_episode() -> None:
    query = read("https://www.themoviedb.org/tv/136315-the-bear/season/3/episode/2")
    assert (query.ids, query.season, query.episodes) == ({"tmdb:136315"}, 3, {2})


@pytest.mark.parametrize(
    "typed",
    [
        HASH,
        HASH.upper(),
        f"magnet:?xt=urn:btih:{HASH}&tr=udp%3A%2F%2Ftracker.example",
        f"MAGNET:?dn=x&xt=urn:btih:{HASH.upper()}",
        "magnet:?xt=urn:btih:ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW",
        "ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW",
    ],
)
def test_a_hash_is_found_however_it_is_written(typed: str) -> None:
    assert read(typed).info_hash == HASH


def test_a_magnet_tells_its_title() -> None:
    link = f"magnet:?xt=urn:btih:{HASH}&dn=The.Bear.S03E02.1080p.WEB.h264-GROUP"
    query = read(link)
    assert (query.text, query.season, query.episodes, query.link) == ("The Bear", 3, {2}, link)
    assert query.release == "The.Bear.S03E02.1080p.WEB.h264-GROUP"
    assert HASH not in repr(query).replace(f"'{HASH}'", ""), "the link isn't shown: it may hold a passkey"


def test_a_link_tells_its_title() -> None:
    query = read("https://host.example/f/Dune.2021.2160p.BluRay.x265-GROUP.mkv?key=secret")
    assert (query.text, query.year, query.kind) == ("Dune", 2021, None)
    assert query.link is not None
    assert "secret" not in repr(query)


@pytest.mark.parametrize(
    "typed",
    [
        "https://t.example/?t=get&apikey=SECRETKEY&file=Dune.torrent",
        "https://t.example/download.php?id=5&passkey=SECRETKEY",
        "https://t.example/rss/SECRETKEY",
        "https://t.example/dl/9f86d081884c7d659a2feaa0c55ad015.torrent",
    ],
)
def test_a_link_without_the_name_of_a_file_tells_nothing(typed: str) -> None:
    query = read(typed)
    assert (query.text, query.release, query.link) == ("", "", typed)
    assert not query.names_a_title


@pytest.mark.parametrize(
    ("typed", "text", "ids"),
    [
        ("Dune 2 https://t.example/dl?apikey=SECRETKEY", "Dune 2", set()),
        ("Dune 2 t.example/dl?apikey=SECRETKEY", "Dune 2", set()),
        ("Dune https://www.imdb.com/title/tt1160419/?ref_=ext_shr", "", {"imdb:tt1160419"}),
        (f"Dune magnet:?xt=urn:btih:{HASH}&tr=http://t.example/SECRETKEY", "Dune", set()),
        ("Who? What? Where?", "Who? What? Where?", set()),
    ],
)
def test_nobody_is_asked_for_a_link_beside_a_title(typed: str, text: str, ids: set[str]) -> None:
    query = read(typed)
    assert (query.text, query.ids, query.link) == (text, ids, None)


def test_what_is_shown_of_a_link_is_its_host() -> None:
    assert shown("https://me:SECRETKEY@t.example/?apikey=SECRETKEY") == "t.example"
    assert shown("Dune 2 https://t.example/SECRETKEY") == "Dune 2 t.example"
    assert shown("magnet:?xt=urn:btih:zz&tr=http://t.example/SECRETKEY") == "…"
    assert shown("https://[::1?SECRETKEY") == "…"
    assert shown("Dune 2") == "Dune 2"


@pytest.mark.parametrize("typed", ["http://[::1", "https://", "magnet:?", "magnet:?xt=urn:btih:zz", "http://a/%zz%00"])
def test_broken_links_are_no_error(typed: str) -> None:
    query = read(typed)
    assert query.info_hash is None
    assert query.link == typed


def test_what_is_given_wins() -> None:
    query = read("the bear s2", season=3, episode=4)
    assert (query.season, query.episodes, query.kind) == (3, {4}, TitleKind.SERIES)
    query = read("the bear", episode=4)
    assert (query.season, query.episodes) == (1, {4})
    query = read("fargo", kind=TitleKind.EPISODE)
    assert query.kind is TitleKind.SERIES
    query = read("fargo s2", kind=TitleKind.MOVIE)
    assert (query.kind, query.season) == (TitleKind.MOVIE, None)
    assert read("open season 2", kind=TitleKind.MOVIE).text == "open season 2", "no film has seasons"
    query = read("dune 1984", year=2021)
    assert (query.year, query.year_is_sure) == (2021, True)


@pytest.mark.parametrize("letter", ["\u212a", "\u017f"])  # whose small or capital letters are k and s
def test_what_only_looks_like_a_hash_is_none(letter: str) -> None:
    looks = letter + "A" * 31
    assert read(looks).info_hash is None
    assert read(f"magnet:?xt=urn:btih:{looks}").info_hash is None


@given(st.text(max_size=400) | st.from_regex(r"(magnet:\?|https?://|S\d+|\(19\d\d|tt\d|[ \-:])+.{0,40}"))
def test_any_text_is_read(text: str) -> None:
    query = read(text)
    assert len(query.text) <= LONGEST_TEXT
    assert query.text == query.text.strip()
    assert query == read(text)
    assert query.episodes == frozenset() or query.kind is TitleKind.SERIES
