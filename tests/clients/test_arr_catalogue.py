"""Finding titles, adding them, and quality profiles: the clients and the simulated applications together."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiohttp import ClientSession, web
import pytest

from custom_components.sokoul.clients import arr_catalogue
from custom_components.sokoul.clients.arr import ArrClient
from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.catalogue import (
    Addition,
    CatalogueSeason,
    CatalogueTitle,
    QualityProfileRef,
    SeriesType,
    Watch,
)
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.releases import Condition, ConditionKind, QualityProfile
from devstack import quality as q
from devstack.arr_formats import Specification
from devstack.frame import FaultKind
from devstack.library import MOVIES_ROOT, SERIES_ROOT
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator
from tests.specifications import radarr_specification, sonarr_specification

from .canned import talking
from .conftest import Pair

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def movies(radarr: RadarrSimulator, session: ClientSession) -> RadarrClient:
    return RadarrClient(session, radarr.url, radarr.api_key)


@pytest.fixture
def shows(sonarr: SonarrSimulator, session: ClientSession) -> SonarrClient:
    return SonarrClient(session, sonarr.url, sonarr.api_key)


def wanted(title: CatalogueTitle, **changes: Any) -> Addition:
    root = MOVIES_ROOT if title.kind is TitleKind.MOVIE else SERIES_ROOT
    return replace(Addition(title=title, profile_id=4, root_folder=root), **changes)


# --- lookups ---------------------------------------------------------------------------------------------------------


async def test_a_movie_that_is_in_no_library(radarr: RadarrSimulator, movies: RadarrClient) -> None:
    movie = next(each for each in radarr.library.known_movies if each.title == "Carnival of Souls")
    movie.aliases = ("Corridors of Evil", "Le Carnaval des âmes")
    movie.original_title = "Karneval"
    movie.language = "German"
    (found,) = await movies.lookup("corridors   of evil")
    assert found == CatalogueTitle(
        kind=TitleKind.MOVIE,
        name="Carnival of Souls",
        original_name="Karneval",
        aliases=("Corridors of Evil", "Le Carnaval des âmes"),
        year=1962,
        ids=frozenset({f"tmdb:{movie.tmdb_id}", f"imdb:{movie.imdb_id}"}),
        minutes=78,
        original_language="de",
        overview=movie.overview,
        poster="https://image.tmdb.org/t/p/original/radarr0.jpg",
        popularity=movie.rating * 3,
        votes=100 + movie.tmdb_id % 900,
        rating=movie.rating,
        in_cinemas_on=movie.in_cinemas.date() if movie.in_cinemas else None,
        digital_on=movie.digital_release.date() if movie.digital_release else None,
        physical_on=movie.physical_release.date() if movie.physical_release else None,
    )


async def test_a_movie_of_the_library(radarr: RadarrSimulator, movies: RadarrClient) -> None:
    movie = next(each for each in radarr.library.movies.values() if each.title == "Metropolis")
    (found,) = await movies.lookup("metropolis")
    assert (found.library_id, found.monitored, found.has_file) == (movie.id, True, True)
    assert (found.quality_profile_id, found.folder) == (movie.profile_id, movie.path)
    assert await movies.catalogue_title(movie.id) == found
    assert await movies.in_library(found.ids) == found
    assert await movies.in_library({"tmdb:1"}) is None
    assert await movies.in_library({"imdb:tt0000001"}) is None
    with pytest.raises(NotFound):
        await movies.catalogue_title(4_711)


async def test_a_series_of_the_library(sonarr: SonarrSimulator, shows: SonarrClient) -> None:
    series = sonarr.library.series[1]
    series.aliases = ("Les Lumières du port",)
    (found,) = await shows.lookup("les lumieres du port")
    assert (found.kind, found.name, found.aliases) == (TitleKind.SERIES, "Harbour Lights", series.aliases)
    assert found.ids == {f"tvdb:{series.tvdb_id}", f"tmdb:{series.tmdb_id}", f"imdb:{series.imdb_id}"}
    assert found.seasons == tuple(
        CatalogueSeason(
            number=number,
            episodes=10,
            files=sum(episode.file is not None for episode in series.season(number)),
            monitored=True,
        )
        for number in (1, 2, 3)
    )
    assert (found.minutes, found.original_language, found.ended) == (48, "en", False)
    assert (found.library_id, found.has_file) == (1, False)
    first = series.episodes[0].airs
    assert first is not None
    assert found.first_aired_on == first.date()
    assert await shows.in_library(found.ids) == found


async def test_seasons_of_an_unknown_series_have_numbers_only(sonarr: SonarrSimulator, shows: SonarrClient) -> None:
    series = sonarr.library.known_series[0]
    (found,) = await shows.lookup(f"tvdb:{series.tvdb_id}")
    assert found.library_id is None
    assert found.seasons == tuple(CatalogueSeason(number=number) for number in series.seasons)


@pytest.mark.parametrize("spell", [str, str.upper, lambda id_: f"  {id_} "])
async def test_ids_are_looked_up(radarr: RadarrSimulator, movies: RadarrClient, spell: Callable[[str], str]) -> None:
    movie = radarr.library.known_movies[0]
    (found,) = await movies.lookup(spell(f"tmdb:{movie.tmdb_id}"))
    assert found.name == movie.title
    assert [each.name for each in await movies.lookup(spell(f"imdb:{movie.imdb_id}"))] == [movie.title]


async def test_what_cannot_be_known_is_not_asked(pair: Pair) -> None:
    before = len(pair.arr.requests)
    assert await pair.client.lookup("   ") == ()
    if isinstance(pair.client, RadarrClient):
        assert await pair.client.lookup("tvdb:121361") == ()
    assert len(pair.arr.requests) == before
    assert await pair.client.lookup("no such title anywhere") == ()


async def test_an_old_version_that_takes_an_id_for_a_name_finds_nothing() -> None:
    other = {"title": "Imdb", "tvdbId": 5, "seasons": []}
    async with talking(SonarrClient, {"GET /api/v3/series/lookup": [other]}) as (client, _):
        assert await client.lookup("imdb:tt0000005") == ()
        assert [each.name for each in await client.lookup("imdb")] == ["Imdb"]


async def test_places_follow_the_answer_and_there_is_an_end() -> None:
    many = [{"title": f"Film {number}", "tmdbId": number} for number in range(1, 200)]
    async with talking(RadarrClient, {"GET /api/v3/movie/lookup": many}) as (client, _):
        found = await client.lookup("film")
    assert [each.place for each in found] == list(range(arr_catalogue.MAX_FOUND))


async def test_what_stands_for_nothing_is_nothing() -> None:
    bare = {
        "title": "x",
        "year": 0,
        "tmdbId": 0,
        "imdbId": "",
        "runtime": 0,
        "ratings": {"imdb": {"votes": 0, "value": 0}},
        "inCinemas": "0001-01-01T00:00:00Z",
        "images": [{"coverType": "poster", "url": "/MediaCover/1/poster.jpg"}, {"coverType": "banner"}],
        "originalLanguage": {"id": 0, "name": "Unknown"},
        "monitored": True,
    }
    async with talking(RadarrClient, {"GET /api/v3/movie/lookup": [bare]}) as (client, _):
        assert await client.lookup("x") == (CatalogueTitle(kind=TitleKind.MOVIE, name="x"),)


async def test_names_of_one_season_are_no_names_of_the_series() -> None:
    names = [
        {"title": "For all"},
        {"title": "For all, too", "seasonNumber": -1, "sceneSeasonNumber": -1},
        {"title": "Of the second", "seasonNumber": 2},
        {"title": "Of the third", "sceneSeasonNumber": 3},
    ]
    answer = [{"title": "x", "alternateTitles": names}]
    async with talking(SonarrClient, {"GET /api/v3/series/lookup": answer}) as (client, _):
        (found,) = await client.lookup("x")
    assert found.aliases == ("For all", "For all, too")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"id": 1, "seriesType": "anime"}, SeriesType.ANIME),
        ({"id": 1, "seriesType": "daily"}, SeriesType.DAILY),
        ({"id": 1, "seriesType": "standard", "genres": ["Anime"]}, SeriesType.STANDARD),  # as somebody chose
        ({"seriesType": "daily"}, SeriesType.DAILY),
        ({"seriesType": "standard"}, None),  # it says that of everything
        ({"seriesType": "standard", "genres": ["Animation", "Anime"]}, SeriesType.ANIME),
        ({"seriesType": "standard", "genres": ["Animation"]}, None),
        ({"seriesType": "weekly"}, None),
        ({}, None),
    ],
)
async def test_how_releases_of_a_series_are_numbered(told: dict[str, Any], expected: SeriesType | None) -> None:
    names = [{"title": "フリーレン"}, {"title": "frieren"}, {"title": "Sousou no Frieren"}]
    answer = [{"title": "Frieren", "alternateTitles": names, **told}]
    async with talking(SonarrClient, {"GET /api/v3/series/lookup": answer}) as (client, _):
        (found,) = await client.lookup("x")
    assert found.series_type is expected
    assert found.romaji == ("Sousou no Frieren" if expected is SeriesType.ANIME else None)


# --- the library -----------------------------------------------------------------------------------------------------


async def test_the_library_comes_in_portions(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arr_catalogue, "PORTION", 4)
    portions = [portion async for portion in pair.client.library()]
    assert all(len(portion) == 4 for portion in portions[:-1])
    assert 0 < len(portions[-1]) <= 4
    titles = {title.library_id: title for portion in portions for title in portion}
    library = pair.arr.library
    there: dict[int, Any] = dict(library.movies) if isinstance(pair.client, RadarrClient) else dict(library.series)
    assert {number: title.name for number, title in titles.items()} == {n: each.title for n, each in there.items()}
    assert not any(title.overview for title in titles.values())


async def test_half_a_library_is_an_error() -> None:
    half = b'[{"title": "x", "id": 1}, {"title": '
    answers = {"GET /api/v3/movie": web.Response(body=half, content_type="application/json")}
    async with talking(RadarrClient, answers) as (client, _):
        with pytest.raises(UnexpectedResponse):
            [portion async for portion in client.library()]


# --- adding ----------------------------------------------------------------------------------------------------------


async def test_a_movie_is_added(radarr: RadarrSimulator, movies: RadarrClient) -> None:
    (found,) = await movies.lookup("carnival of souls")
    added = await movies.add(wanted(found, monitored=False, tags=frozenset({1})))
    assert not added.already_there
    assert added.title.library_id is not None
    movie = radarr.library.movies[added.title.library_id]
    assert (movie.title, movie.monitored, movie.profile_id, movie.root) == (found.name, False, 4, MOVIES_ROOT)
    assert movie.tags == [1]
    assert not radarr.commands.commands  # nobody asked to search
    again = await movies.add(wanted(found))
    assert (again.already_there, again.title.library_id) == (True, movie.id)
    assert not radarr.library.movies[movie.id].monitored


async def test_a_movie_that_somebody_else_names_is_added_by_its_id(
    radarr: RadarrSimulator, movies: RadarrClient
) -> None:
    movie = radarr.library.known_movies[3]
    told = CatalogueTitle(kind=TitleKind.MOVIE, name="Other name", ids=frozenset({f"imdb:{movie.imdb_id}", "tvdb:5"}))
    added = await movies.add(wanted(told, search=True))
    assert added.title.name == movie.title
    assert [command.name for command in radarr.commands.commands.values()] == ["MoviesSearch"]


async def test_faster_hands_are_no_error(radarr: RadarrSimulator, movies: RadarrClient) -> None:
    (found,) = await movies.lookup("carnival of souls")
    movie = next(each for each in radarr.library.known_movies if each.title == found.name)
    looked_up = await movies._looked_up(found)
    radarr.library.add_movie(movie)

    async def before(text: str) -> list[dict[str, Any]]:
        del text
        return [looked_up]

    movies._ask = before  # type: ignore[method-assign]
    added = await movies.add(wanted(found))
    assert (added.already_there, added.title.library_id) == (True, movie.id)


async def test_what_is_refused_says_why(pair: Pair) -> None:
    library = pair.arr.library
    movie_client = isinstance(pair.client, RadarrClient)
    known = library.known_movies[0].title if movie_client else library.known_series[0].title
    found = (await pair.client.lookup(known))[0]
    with pytest.raises(Refused, match="Quality Profile does not exist"):
        await pair.client.add(wanted(found, profile_id=99))
    with pytest.raises(Refused, match="Root Folder Path"):
        await pair.client.add(wanted(found, root_folder=""))
    with pytest.raises(Refused, match="doesn't know Nothing"):
        await pair.client.add(wanted(CatalogueTitle(kind=found.kind, name="Nothing", ids=frozenset({"imdb:tt1"}))))
    with pytest.raises(Refused, match="doesn't know Nothing"):
        await pair.client.add(wanted(CatalogueTitle(kind=found.kind, name="Nothing")))


@pytest.mark.parametrize(
    ("changes", "monitored"),
    [
        ({}, {1, 2, 3}),
        ({"watch": Watch.NONE}, set()),
        ({"watch": Watch.LAST_SEASON}, {3}),
        ({"watch": Watch.FIRST_SEASON}, {1}),
        ({"seasons": frozenset({2})}, {2}),
        ({"seasons": frozenset({1, 3}), "watch": Watch.NONE}, {1, 3}),
    ],
)
async def test_a_series_is_added(
    sonarr: SonarrSimulator, shows: SonarrClient, changes: dict[str, Any], monitored: set[int]
) -> None:
    series = sonarr.library.new_series("Three Winters", seasons=3, episodes=2, last_start=sonarr.clock.now())
    sonarr.library.known_series.append(series)
    (found,) = await shows.lookup("three winters")
    added = await shows.add(wanted(found, **changes))
    assert (added.already_there, added.title.library_id) == (False, series.id)
    assert {episode.season for episode in series.episodes if episode.monitored} == monitored
    assert series.monitor_new == ("all" if not changes else "none")
    assert (await shows.add(wanted(found))).already_there


async def test_monitored_or_not(
    radarr: RadarrSimulator, movies: RadarrClient, sonarr: SonarrSimulator, shows: SonarrClient
) -> None:
    await movies.set_monitored([1, 2], monitored=False)
    assert [radarr.library.movies[number].monitored for number in (1, 2, 3)] == [False, False, True]
    await shows.set_monitored([2], monitored=False)
    assert not sonarr.library.series[2].monitored
    await shows.set_episodes_monitored([1], monitored=False)
    episode = sonarr.library.episode(1)
    assert episode is not None
    assert not episode.monitored
    before = len(sonarr.requests)
    await shows.set_monitored([], monitored=True)
    await shows.set_episodes_monitored([], monitored=True)
    assert len(sonarr.requests) == before


async def test_what_was_added_is_taken_out_again(pair: Pair) -> None:
    library = pair.arr.library
    there = library.movies if isinstance(pair.client, RadarrClient) else library.series
    await pair.client.remove_title(1)
    assert 1 not in there
    assert ("deleteFiles", "false") in pair.arr.requests[-1].query
    with pytest.raises(NotFound):
        await pair.client.remove_title(1)


# --- quality profiles ------------------------------------------------------------------------------------------------


async def test_profiles_to_choose_from(pair: Pair) -> None:
    refs = await pair.client.profile_refs()
    assert refs[1] == QualityProfileRef(id=4, name="HD-1080p")
    assert len(refs) == 4


async def test_a_profile_with_groups(pair: Pair) -> None:
    profile = pair.arr.library.profiles[6]  # 720p and 1080p, cutoff WEBDL-1080p
    profile.groups = {"WEB 1080p": (q.WEBRIP_1080P, q.WEBDL_1080P)}
    profile.minimum_score, profile.cutoff_score, profile.upgrade_allowed = 10, 500, False
    (read,) = [each for each in await pair.client.quality_profiles() if each.id == 6]
    remux = "Remux-1080p" if isinstance(pair.client, RadarrClient) else "Bluray-1080p Remux"
    assert read == QualityProfile(
        id=6,
        name="HD - 720p/1080p",
        allowed=(
            frozenset({"HDTV-720p"}),
            frozenset({"WEBDL-720p"}),
            frozenset({"Bluray-720p"}),
            frozenset({"HDTV-1080p"}),
            frozenset({"WEBRip-1080p", "WEBDL-1080p"}),
            frozenset({"Bluray-1080p"}),
            frozenset({remux}),
        ),
        cutoff=frozenset({"WEBRip-1080p", "WEBDL-1080p"}),
        upgrades=False,
        minimum_score=10,
        cutoff_score=500,
    )
    assert read.rank("WEBDL-1080p") == read.rank("WEBRip-1080p") == 4


def spec(kind: str, negate: bool = False, required: bool = False, **fields: Any) -> Specification:  # noqa: FBT001, FBT002
    return Specification(f"{kind}Specification", fields, negate=negate, required=required)


def made(kind: ConditionKind, *values: str, **changes: Any) -> Condition:
    return Condition(kind=kind, values=values, **changes)


K = ConditionKind
REMUX, NO_REMUX = made(K.MODIFIER, "remux", required=True), made(K.MODIFIER, "remux", negate=True, required=True)
DISC = made(K.SOURCE, "bluray")
UNTOLD = Condition(kind=K.UNKNOWN)

BOTH = [
    ([spec("ReleaseTitle", value=r"\bx265\b", required=True)], [made(K.TITLE, r"\bx265\b", required=True)]),
    ([spec("ReleaseGroup", value="^TiDE$", negate=True)], [made(K.GROUP, "^TiDE$", negate=True)]),
    ([spec("ReleaseTitle", value="")], [UNTOLD]),
    ([spec("Resolution", value=2160)], [made(K.RESOLUTION, "2160")]),
    ([spec("Resolution", value=0)], [UNTOLD]),
    ([spec("Size", min=2.5, max=10)], [made(K.SIZE, least=2_684_354_560, most=10 * 2**30)]),
    ([spec("Language", value=2)], [made(K.LANGUAGE, "fr")]),
    ([spec("Language", value=2, exceptLanguage=True)], [made(K.LANGUAGE, "fr", but_this=True)]),
    ([spec("Language", value=-2)], [made(K.LANGUAGE, "original")]),
    ([spec("Language", value=-1)], [UNTOLD]),
    ([spec("Language", value=987)], [UNTOLD]),
    ([spec("IndexerFlag", value=1)], [UNTOLD]),
    ([spec("SomethingNew", value=1, required=True)], [replace(UNTOLD, required=True)]),
]
RADARR = [
    ([spec("Source", value=7)], [made(K.SOURCE, "web-dl")]),
    ([spec("Source", value=9)], [DISC]),
    ([spec("Source", value=5)], [made(K.SOURCE, "dvd", "screener", "r5")]),
    ([spec("Source", value=0)], [UNTOLD]),
    ([spec("QualityModifier", value=5)], [made(K.MODIFIER, "remux")]),
    ([spec("QualityModifier", value=4)], [made(K.MODIFIER, "disc")]),
    ([spec("QualityModifier", value=3)], [UNTOLD]),
    ([spec("Edition", value="imax")], [made(K.EDITION, "imax")]),
    ([spec("Year", min=1980, max=1989)], [made(K.YEAR, least=1980, most=1989)]),
    ([spec("Language", value=26)], [made(K.LANGUAGE, "hi")]),
]
SONARR = [
    ([spec("Source", value=3)], [made(K.SOURCE, "web-dl")]),
    ([spec("Source", value=1)], [made(K.SOURCE, "hdtv", "tv", "vhs")]),
    ([spec("Source", value=2)], [UNTOLD]),
    ([spec("Source", value=6), spec("Source", value=7)], [DISC]),
    ([spec("Source", value=6)], [DISC, NO_REMUX]),
    ([spec("Source", value=7, required=True)], [replace(DISC, required=True), REMUX]),
    ([spec("Source", value=7, negate=True)], [NO_REMUX]),
    ([spec("Source", value=6, negate=True)], [replace(UNTOLD, negate=True, required=True)]),
    (
        [spec("Source", value=6, negate=True), spec("Source", value=7, negate=True)],
        [replace(DISC, negate=True, required=True)],
    ),
    ([spec("Source", value=6), spec("Source", value=7, negate=True)], [DISC, NO_REMUX]),
    ([spec("Language", value=26)], [made(K.LANGUAGE, "ar")]),
]


async def formats_of(pair: Pair, cases: list[tuple[list[Specification], list[Condition]]]) -> None:
    for number, (specifications, _) in enumerate(cases):
        pair.arr.formats.add(f"Format {number}", *specifications, scores={4: number + 1, 5: 0})
    profiles = {profile.id: profile for profile in await pair.client.quality_profiles()}
    read = profiles[4].formats
    assert [(each.name, each.score) for each in read] == [(f"Format {n}", n + 1) for n in range(len(cases))]
    assert [list(each.conditions) for each in read] == [conditions for _, conditions in cases]
    assert profiles[5].formats == ()


async def test_custom_formats_in_our_words(pair: Pair) -> None:
    await formats_of(pair, [*BOTH, *(RADARR if isinstance(pair.client, RadarrClient) else SONARR)])


async def test_languages_are_asked_for_only_where_a_format_names_one(pair: Pair) -> None:
    pair.arr.formats.add("x265", spec("ReleaseTitle", value="x265"), scores={4: 5})
    await pair.client.quality_profiles()
    assert not any(request.path.endswith("/language") for request in pair.arr.requests)


async def test_the_language_of_a_profile() -> None:
    profiles = [
        {"id": 1, "name": "a", "cutoff": 1, "items": [], "language": {"id": 2, "name": "French"}},
        {"id": 2, "name": "b", "cutoff": 1, "items": [], "language": {"id": -2, "name": "Original"}},
        {"id": 3, "name": "c", "cutoff": 1, "items": [], "language": {"id": -1, "name": "Any"}},
    ]
    answers: dict[str, Any] = {"GET /api/v3/qualityprofile": profiles, "GET /api/v3/customformat": []}
    async with talking(RadarrClient, answers) as (client, _):
        assert [each.language for each in await client.quality_profiles()] == ["fr", "original", None]


# --- faults ----------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[FaultKind, dict[str, Any], type[BackendError]]] = [
    (FaultKind.DISCONNECT, {}, CannotConnect),
    (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    (FaultKind.STATUS, {"status": 404}, NotFound),
    (FaultKind.STATUS, {"status": 409}, Refused),
    (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "5"}}, RateLimited),
    (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    (FaultKind.HTML, {}, NotTheApi),
    (FaultKind.REDIRECT, {"location": "http://login.example.com/"}, NotTheApi),
]
SAID = [(kind, {}, UnexpectedResponse) for kind in (FaultKind.TRUNCATE_JSON, FaultKind.WRONG_TYPES)]


async def test_changes_that_go_wrong(pair: Pair, subtests: pytest.Subtests) -> None:
    client, path = pair.client, f"/api/v3/{'movie' if isinstance(pair.client, RadarrClient) else 'series'}"
    known: Any = pair.arr.library.known_movies if path.endswith("movie") else pair.arr.library.known_series
    (found, *_) = await client.lookup(known[0].title)
    acts: list[tuple[str, Callable[[], Awaitable[Any]], bool]] = [
        (f"POST {path}", lambda: client.add(wanted(found)), True),
        (f"PUT {path}/editor", lambda: client.set_monitored([1], monitored=True), False),
        (f"DELETE {path}/1", lambda: client.remove_title(1), False),
    ]
    for route, act, reads in acts:
        for kind, options, error in FAULTS + (SAID if reads else []):
            with subtests.test(f"{route} {kind} {options}"):
                pair.arr.clear_faults()
                pair.arr.fault(kind, route, **options)
                with pytest.raises(error):
                    await act()
                pair.arr.clear_faults()
                if (kind, options, error) in SAID:  # it was done all the same: asking again tells
                    added = await client.add(wanted(found))
                    assert added.already_there
                    await client.remove_title(added.title.library_id or 0)


# --- by the book -----------------------------------------------------------------------------------------------------


async def test_every_request_is_as_published(pair: Pair) -> None:
    client: ArrClient = pair.client
    movie = isinstance(client, RadarrClient)
    specification = radarr_specification() if movie else sonarr_specification()
    pair.arr.formats.add("French", spec("Language", value=2), scores={4: 5})
    known: Any = pair.arr.library.known_movies[0] if movie else pair.arr.library.known_series[0]
    (found, *_) = await client.lookup(known.title)
    await client.add(wanted(found, tags=frozenset({1}), seasons=frozenset() if movie else frozenset({1})))
    await client.set_monitored([1], monitored=True)
    await client.in_library(found.ids)
    await client.catalogue_title(1)
    await client.quality_profiles()
    assert [portion async for portion in client.library()]
    if isinstance(client, SonarrClient):
        await client.set_episodes_monitored([30], monitored=True)
    await client.remove_title(1)
    assert specification.check_seen(pair.arr.requests) == len(pair.arr.requests) >= 11
