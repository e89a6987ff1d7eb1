"""What is kept of the text that somebody puts on the watchlist."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from custom_components.sokoul.acquire.identifying import target_of
from custom_components.sokoul.acquire.query import read_query
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.releases.identify import Certainty, identify
from custom_components.sokoul.releases.parse import parse
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.watching_titles import search_for, text_of
from custom_components.sokoul.watchlist.errors import NothingToAsk
from custom_components.sokoul.watchlist.items import Meant, Out, Part, Wish

FILM = "https://www.imdb.com/title/tt15239678/"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Dune 2", "Dune 2"),
        ("What If...?", "What If...?"),
        ("Metropolis (1927)", "Metropolis (1927)"),
        ("(500) Days of Summer", "(500) Days of Summer"),
        ("[REC]", "[REC]"),
        ("Metropolis (1927) (https://indexer.example/dl?apikey=SECRET)", "Metropolis (1927)"),
        ("Who? What? Where?", "Who? What? Where?"),
        ("tt15239678", "tt15239678"),
        (FILM, FILM),
        (f"{FILM}?ref_=nv_sr_1", FILM),
        ("https://me:SECRET@www.imdb.com/title/tt15239678/?key=SECRET#SECRET", FILM),
        (f"Dune: Part Two (2024) {FILM}?ref_=ext_shr", FILM),
        (f"Dune: Part Two (2024) - {FILM}", FILM),
        (f"<{FILM}>", FILM),
        (f"{FILM}?ref_=nv s3", f"{FILM} S03"),
        (f"the bear saison 3 épisode 2 {FILM}", f"{FILM} S03E02"),
        (f"{FILM}episodes/?season=3&apikey=SECRET", f"{FILM}episodes/ S03"),
        ("https://thetvdb.com/series/the-bear?key=SECRET", "https://thetvdb.com/series/the-bear"),
        ("www.imdb.com/title/tt15239678/?key=SECRET", FILM),
        ("Dune 2 imdb.com/title/tt15239678", "https://imdb.com/title/tt15239678"),
        (
            "https://www.themoviedb.org/tv/136315-the-bear/season/3 S03",
            "https://www.themoviedb.org/tv/136315-the-bear/season/3",
        ),
        (
            "https://www.themoviedb.org/tv/136315-the-bear/season/3?language=fr",
            "https://www.themoviedb.org/tv/136315-the-bear/season/3",
        ),
        ("Dune 2 https://indexer.example/dl?apikey=SECRET", "Dune 2"),
        ("https://indexer.example/dl?apikey=SECRET Dune 2", "Dune 2"),
        (f"Dune magnet:?xt=urn:btih:{'ab' * 20}&tr=http://tracker.example/SECRET", "Dune"),
        ("Dune indexer.example/dl?apikey=SECRET", "Dune"),
        ("Dune ftp://me:SECRET@host.example/", "Dune"),
        ("https://indexer.example/Dune.Part.Two.2024.1080p.WEB.H264-GRP.torrent?apikey=SECRET", "Dune Part Two (2024)"),
    ],
)
def test_what_is_kept(said: str, kept: str) -> None:
    assert text_of(SearchRequest(text=said)) == kept


@pytest.mark.parametrize(
    "said",
    ["", "  ", "ftp://me:SECRET@host.example/", "indexer.example/dl?apikey=SECRET", "ab" * 20, "https://"],
)
def test_what_names_no_title(said: str) -> None:
    with pytest.raises(NothingToAsk):
        text_of(SearchRequest(text=said))


DAY = date(2024, 3, 11)
SHOW = Meant(kind=TitleKind.SERIES, name="The Daily Show", year=1996, ids=frozenset({"tvdb:71256"}))
EPISODE = Part(season=29, episode=30, out_on=DAY, out=Out.AIRED)
WISH = Wish(
    id="w",
    text="the daily show",
    asked_at=datetime(2024, 3, 12, tzinfo=UTC),
    kind=TitleKind.SERIES,
    meant=SHOW,
    parts=(EPISODE, replace(EPISODE, episode=31, out_on=date(2024, 3, 12))),
)


@pytest.mark.parametrize(
    ("wish", "season", "episode", "aired"),
    [
        (WISH, 29, 30, DAY),
        (WISH, 29, 32, None),
        (WISH, 28, 30, None),
        (WISH, 29, None, None),  # of a season no day is meant
        (replace(WISH, parts=(replace(EPISODE, out=Out.GUESSED),)), 29, 30, None),
        (replace(WISH, parts=(replace(EPISODE, out_on=None),)), 29, 30, None),
    ],
)
def test_an_episode_is_looked_for_by_its_day_too(
    wish: Wish, season: int, episode: int | None, aired: date | None
) -> None:
    assert search_for(wish, season, episode, Policy()).aired == aired


def test_what_is_named_by_its_day_is_found() -> None:
    query = read_query(search_for(WISH, 29, 30, Policy()), DAY)
    show = CatalogueTitle(kind=TitleKind.SERIES, name=SHOW.name, year=SHOW.year, ids=SHOW.ids)
    wanted = target_of(query, show, (show,)).wanted
    assert (wanted.season, wanted.episodes, wanted.aired) == (29, {30}, DAY)
    for name, fits in (
        ("The.Daily.Show.2024.03.11.Guest.1080p.WEB.h264-GRP", True),
        ("The.Daily.Show.S29E30.Guest.1080p.WEB.h264-GRP", True),
        ("The.Daily.Show.2024.03.12.Guest.1080p.WEB.h264-GRP", False),
        ("The.Daily.Show.S29E31.Guest.1080p.WEB.h264-GRP", False),
    ):
        assert (identify(parse(name), wanted).certainty >= Certainty.LIKELY) is fits, name


@pytest.mark.parametrize(
    ("asked", "of_policy", "least"),
    [
        (None, Resolution.P1080, 1080),
        (None, Resolution.P2160, 2160),
        (None, Resolution.P720, 720),
        (None, None, 0),
        (Resolution.P720, Resolution.P2160, 720),
        (0, Resolution.P2160, 0),
    ],
)
def test_the_policy_says_how_good_a_picture_has_to_be_where_nobody_does(
    asked: int | None, of_policy: Resolution | None, least: int
) -> None:
    policy = Policy(minimum_resolution=of_policy)
    assert search_for(replace(WISH, minimum=asked), 29, 30, policy).minimum_lines == least
