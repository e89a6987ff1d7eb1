"""TMDB's client: with its simulator over real HTTP, by its published description, and whatever goes wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients import tmdb as api
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
from custom_components.sokoul.clients.tmdb import TmdbClient
from custom_components.sokoul.model.catalogue import CatalogueEpisode, CatalogueSeason, CatalogueTitle, SeriesType
from custom_components.sokoul.model.library import TitleKind
from devstack.clock import ManualClock
from devstack.dune import DuneWorld, add_dune
from devstack.frame import FaultKind
from devstack.tmdb import V3_KEY, V4_TOKEN, TmdbSimulator
from tests.specifications import Answer, Sent, Specification

from .canned import Canned

pytestmark = pytest.mark.usefixtures("socket_enabled")

MOVIE, SERIES = TitleKind.MOVIE, TitleKind.SERIES


@pytest.fixture
async def tmdb(clock: ManualClock, socket_enabled: None) -> AsyncIterator[TmdbSimulator]:
    async with TmdbSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def dune(tmdb: TmdbSimulator) -> DuneWorld:
    return add_dune(tmdb.library)


@pytest.fixture
def client(tmdb: TmdbSimulator, session: ClientSession) -> TmdbClient:
    return TmdbClient(session, V4_TOKEN, url=tmdb.url)


# --- who may ask -----------------------------------------------------------------------------------------------------


async def test_a_token_goes_into_a_header(tmdb: TmdbSimulator, client: TmdbClient) -> None:
    await client.check()
    (request,) = tmdb.requests
    assert request.headers["Authorization"] == f"Bearer {V4_TOKEN}"
    assert request.query == ()
    assert client.latency_seconds is not None


async def test_a_key_goes_into_the_query_and_into_no_message(tmdb: TmdbSimulator, session: ClientSession) -> None:
    client = TmdbClient(session, V3_KEY, url=tmdb.url)
    await client.check()
    assert tmdb.requests[0].query == (("api_key", V3_KEY),)
    assert "Authorization" not in tmdb.requests[0].headers
    tmdb.keys.clear()
    with pytest.raises(InvalidAuth) as raised:
        await client.check()
    assert V3_KEY not in str(raised.value)


# --- searching -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("dune")
async def test_a_search_for_anything(client: TmdbClient, tmdb: TmdbSimulator) -> None:
    found = await client.search("dune")
    assert {(title.kind, title.label) for title in found} == {
        (MOVIE, "Dune (2021)"),
        (MOVIE, "Dune: Part Two (2024)"),
        (MOVIE, "Dune (1984)"),
        (MOVIE, "Jodorowsky's Dune (2013)"),
        (SERIES, "Dune: Prophecy (2024)"),
    }
    # a person is left out, and its place with it
    assert [title.place for title in found] == [0, 2, 3, 4, 5]
    assert len(tmdb.requests) == 1


async def test_a_search_by_year(client: TmdbClient, tmdb: TmdbSimulator, dune: DuneWorld) -> None:
    (found,) = await client.search("dune", kind=MOVIE, year=1984)
    assert found.ids == {f"tmdb:{dune.lynch.tmdb_id}"}
    (found,) = await client.search("dune", kind=SERIES, year=dune.prophecy.year)
    assert found.kind is SERIES
    assert [request.path for request in tmdb.requests] == ["/3/search/movie", "/3/search/tv"]


async def test_a_movie_with_its_details(client: TmdbClient, tmdb: TmdbSimulator, dune: DuneWorld) -> None:
    movie = dune.second
    movie.original_title, movie.language = "Dune 2 (original)", "French"
    (found,) = await client.lookup("  dune  ii ")
    assert movie.in_cinemas
    assert movie.digital_release
    assert movie.physical_release
    assert found == CatalogueTitle(
        kind=MOVIE,
        name="Dune: Part Two",
        original_name="Dune 2 (original)",
        aliases=("Dune 2", "Dune II", "Dune : Deuxième partie"),
        year=2024,
        ids=frozenset({"tmdb:693134", "imdb:tt15239678"}),
        minutes=167,
        original_language="fr",
        overview=movie.overview,
        poster="https://image.tmdb.org/t/p/w342/693134.jpg",
        popularity=round(movie.rating * 3 + 69, 3),
        votes=690_000,
        rating=movie.rating,
        in_cinemas_on=movie.in_cinemas.date(),
        digital_on=movie.digital_release.date(),
        physical_on=movie.physical_release.date(),
    )
    assert len(tmdb.requests) == 2


async def test_a_series_with_its_details(client: TmdbClient, dune: DuneWorld) -> None:
    found = await client.details(SERIES, dune.prophecy.tmdb_id)
    assert found.ids == {"tmdb:90228", "tvdb:367118", "imdb:tt10466872"}
    assert found.aliases == ("Dune: The Sisterhood",)
    assert (found.seasons, found.minutes, found.ended) == ((CatalogueSeason(number=1, episodes=6),), 60, False)
    assert found.first_aired_on is not None
    assert found.first_aired_on.year == found.year == 2024


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("imdb:tt15239678", "Dune: Part Two"),
        ("IMDB:TT0087182", "Dune"),
        ("tvdb:367118", "Dune: Prophecy"),
        ("tmdb:693134", "Dune: Part Two"),
        (" tmdb:90228 ", "Dune: Prophecy"),
    ],
)
@pytest.mark.usefixtures("dune")
async def test_ids(client: TmdbClient, text: str, name: str) -> None:
    (found,) = await client.lookup(text)
    assert found.name == name
    assert found.id_in("imdb")


@pytest.mark.usefixtures("dune")
async def test_ids_of_nothing(client: TmdbClient, tmdb: TmdbSimulator) -> None:
    assert await client.lookup("imdb:tt0000001") == ()
    assert await client.lookup("tmdb:4711") == ()
    assert await client.lookup("tmdb:693134", kind=SERIES) == ()
    with pytest.raises(NotFound):
        await client.details(MOVIE, 4711)
    before = len(tmdb.requests)
    assert await client.lookup("   ") == ()
    assert len(tmdb.requests) == before


@pytest.mark.usefixtures("dune")
async def test_details_that_cannot_be_had_leave_what_the_search_told(client: TmdbClient, tmdb: TmdbSimulator) -> None:
    tmdb.fault(FaultKind.STATUS, "GET /3/movie/*", status=500)
    found = await client.lookup("dune", kind=MOVIE)
    assert len(found) == 4
    assert all(title.ids and not title.aliases for title in found)


async def test_only_the_first_are_asked_for_details(client: TmdbClient, tmdb: TmdbSimulator) -> None:
    for number in range(30):
        tmdb.library.known_movies.append(tmdb.library.new_movie(f"Remake {number}", 2000 + number))
    found = await client.lookup("remake")
    assert len(found) == 19  # twenty on a page, and one of them a person
    assert sum(any(id_.startswith("imdb:") for id_ in title.ids) for title in found) == api.DETAILED
    assert len(tmdb.requests) == 1 + api.DETAILED


# --- episodes and dates ----------------------------------------------------------------------------------------------


async def test_the_episodes_of_a_season(client: TmdbClient, tmdb: TmdbSimulator, dune: DuneWorld) -> None:
    dune.prophecy.episodes[4].airs = None
    dune.prophecy.episodes.reverse()
    assert await client.episodes(dune.prophecy.tmdb_id, 1) == tuple(
        CatalogueEpisode(
            season=1, episode=each.number, name=each.title, airs_on=each.airs.date() if each.airs else None
        )
        for each in reversed(dune.prophecy.episodes)
    )
    (request,) = tmdb.requests
    assert request.path == "/3/tv/90228/season/1"


async def test_the_last_of_a_season(session: ClientSession) -> None:
    types = (None, "standard", "mid_season", "finale")
    told = [{"episode_number": number, "episode_type": type_} for number, type_ in enumerate(types, 1)]
    async with Canned({"GET /3/tv/1/season/1": {"episodes": told}}) as server:
        found = await TmdbClient(session, V3_KEY, url=server.url).episodes(1, 1)
    assert [each.finale for each in found] == [False, False, False, True]


@pytest.mark.parametrize(("series", "season"), [(90_228, 2), (4_711, 1)])
@pytest.mark.usefixtures("dune")
async def test_a_season_that_is_not_there(client: TmdbClient, series: int, season: int) -> None:
    with pytest.raises(NotFound):
        await client.episodes(series, season)


async def test_the_first_of_each_kind_of_release_counts(session: ClientSession) -> None:
    def released(*dates: tuple[int, str]) -> dict[str, Any]:
        return {
            "iso_3166_1": "XX",
            "release_dates": [{"type": kind, "release_date": f"{day}T00:00:00.000Z"} for kind, day in dates],
        }

    countries = [
        released((1, "2024-02-06"), (3, "2024-03-01"), (5, "2024-07-16"), (4, "2024-06-01")),
        released((2, "2024-02-27"), (3, "2024-02-28"), (6, "2024-05-30"), (5, "2024-05-14")),
        released((7, "2020-01-01")),
        {"iso_3166_1": "YY"},
    ]
    answers = {"GET /3/movie/1": {"id": 1, "title": "x", "release_dates": {"results": countries}}}
    async with Canned(answers) as server:
        found = await TmdbClient(session, V3_KEY, url=server.url).details(MOVIE, 1)
    days = [date(2024, 2, 27), date(2024, 5, 30), date(2024, 5, 14)]
    assert [found.in_cinemas_on, found.digital_on, found.physical_on] == days


# --- what it makes up ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"release_date": ""}, {"year": None}),
        ({"original_language": "cn"}, {"original_language": "zh"}),
        ({"original_language": "xx"}, {"original_language": None}),
        ({"poster_path": None}, {"poster": None}),
        ({"poster_path": "//evil.example/x.jpg"}, {"poster": None}),
        ({"poster_path": "/../x"}, {"poster": None}),
        ({"vote_average": 0, "vote_count": 0, "popularity": 0}, {"rating": None, "votes": None, "popularity": None}),
    ],
)
async def test_odd_results(session: ClientSession, result: dict[str, Any], expected: dict[str, Any]) -> None:
    answers = {"GET /3/search/movie": {"results": [{"id": 1, "title": "x", **result}]}}
    async with Canned(answers) as server:
        (found,) = await TmdbClient(session, V3_KEY, url=server.url).search("x", kind=MOVIE)
    assert {name: getattr(found, name) for name in expected} == expected


async def test_names_have_an_end(session: ClientSession) -> None:
    names = [{"title": f"Name {number}"} for number in range(1_000)]
    answers = {"GET /3/movie/1": {"id": 1, "title": "Name 0", "alternative_titles": {"titles": names}}}
    async with Canned(answers) as server:
        found = await TmdbClient(session, V3_KEY, url=server.url).details(MOVIE, 1)
    assert len(found.aliases) == api.MAX_NAMES
    assert "Name 0" not in found.aliases


def translated(*names: tuple[str, str, str]) -> dict[str, Any]:
    """Return names by language and country."""
    listed = [
        {"iso_639_1": language, "iso_3166_1": country, "data": {"title": name}} for language, country, name in names
    ]
    return {"translations": {"translations": listed}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            translated(("fr", "FR", "Le Voyage"), ("en", "GB", "Spirited"), ("en", "US", "Spirited Away")),
            "Spirited Away",
        ),
        (translated(("en", "GB", "Spirited"), ("en", "AU", "Other"), ("en", "US", "")), "Spirited"),
        # TMDB tells no translation that is as the original
        (translated(("en", "US", "")), None),
        (translated(("en", "US", "")) | {"original_language": "en", "original_title": "Away"}, "Away"),
        ({"original_language": "en", "original_title": "Away"}, "Away"),
        (translated(("en", "US", "Away")) | {"title": "Away"}, None),  # as it is called anyway
    ],
)
async def test_the_english_name(session: ClientSession, told: dict[str, Any], expected: str | None) -> None:
    movie = {"id": 1, "title": "Le Voyage", "original_title": "千と千尋", "original_language": "ja", **told}
    async with Canned({"GET /3/movie/1": movie}) as server:
        found = await TmdbClient(session, V3_KEY, url=server.url, language="fr").details(MOVIE, 1)
    assert found.english_name == expected
    assert expected is None or (expected in found.names[:3] and expected not in found.aliases)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"genres": [{"id": 16}], "origin_country": ["JP"]}, SeriesType.ANIME),
        ({"genres": [{"id": 16}], "origin_country": ["US"]}, None),
        ({"genres": [{"id": 18}], "origin_country": ["JP"]}, None),
        ({}, None),
    ],
)
async def test_what_is_animated_in_japan_is_anime(
    session: ClientSession, told: dict[str, Any], expected: SeriesType | None
) -> None:
    names = [
        {"iso_3166_1": "US", "title": "Frieren", "type": "romaji"},
        {"iso_3166_1": "JP", "title": "葬送のフリーレン", "type": "romaji"},
        {"iso_3166_1": "JP", "title": "葬送のフリーレン", "type": ""},
        {"iso_3166_1": "JP", "title": "Frieren", "type": "short"},
        {"iso_3166_1": "JP", "title": "Sousou no Frieren", "type": "Romaji"},
    ]
    series = {"id": 1, "name": "Frieren: Beyond Journey's End", "alternative_titles": {"results": names}, **told}
    shown = {"id": 1, "name": "x", "genre_ids": [each["id"] for each in told.get("genres", [])], **told}
    answers = {"GET /3/tv/1": series, "GET /3/search/tv": {"results": [shown]}}
    async with Canned(answers) as server:
        client = TmdbClient(session, V3_KEY, url=server.url)
        found = await client.details(SERIES, 1)
        (short,) = await client.search("x", kind=SERIES)
    assert found.series_type is short.series_type is expected
    assert found.romaji == ("Sousou no Frieren" if expected else None)
    assert "Sousou no Frieren" in found.names[:2] if expected else found.names


@pytest.mark.parametrize(
    ("aired", "since", "until", "before", "daily"),
    [
        (100, "2024-01-02", "2024-08-30", None, True),  # 2.9 a week
        (100, "2024-01-02", "2025-08-30", None, False),
        (24, "2024-01-02", "2024-01-02", None, False),  # all at once
        (16, "2024-01-02", "2024-02-20", None, False),  # two a week
        (12, "2024-01-02", "2024-01-20", None, False),  # nobody can tell yet,
        (12, "2024-01-02", "2024-01-20", ("2023-01-03", 140), True),  # unless the season before does
        (12, "2024-01-02", "2024-01-20", ("2023-01-03", 22), False),
        (12, "2024-01-02", "2024-01-20", (None, 140), False),
        (30, None, "2024-01-20", None, False),
    ],
)
async def test_what_airs_nearly_every_weekday(
    session: ClientSession,
    aired: int,
    since: str | None,
    until: str,
    before: tuple[str | None, int] | None,
    daily: bool,  # noqa: FBT001
) -> None:
    seasons = [{"season_number": 2, "air_date": since, "episode_count": 200}]
    if before is not None:
        seasons.append({"season_number": 1, "air_date": before[0], "episode_count": before[1]})
    latest = {"season_number": 2, "episode_number": aired, "air_date": until}
    series = {"id": 1, "name": "Late", "seasons": seasons, "last_episode_to_air": latest}
    async with Canned({"GET /3/tv/1": series}) as server:
        found = await TmdbClient(session, V3_KEY, url=server.url).details(SERIES, 1)
    assert found.series_type is (SeriesType.DAILY if daily else None)


async def test_specials_tell_nothing_of_how_often_a_series_airs(session: ClientSession) -> None:
    """They begin before the first season, and most of them come later."""
    seasons = [
        {"season_number": 0, "air_date": "2023-11-05", "episode_count": 25},
        {"season_number": 1, "air_date": "2024-01-02", "episode_count": 10},
    ]
    latest = {"season_number": 1, "episode_number": 4, "air_date": "2024-01-23"}
    series = {"id": 1, "name": "Weekly", "seasons": seasons, "last_episode_to_air": latest}
    async with Canned({"GET /3/tv/1": series}) as server:
        found = await TmdbClient(session, V3_KEY, url=server.url).details(SERIES, 1)
    assert found.series_type is None


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_who_is_told_to_wait_does_not_ask(tmdb: TmdbSimulator, session: ClientSession) -> None:
    now = 1_000.0
    client = TmdbClient(session, V4_TOKEN, url=tmdb.url, clock=lambda: now)
    tmdb.allowed, tmdb.retry_after = 0, 30
    with pytest.raises(RateLimited) as raised:
        await client.check()
    assert raised.value.retry_after == timedelta(seconds=30)
    now += 29
    with pytest.raises(RateLimited) as raised:
        await client.search("x")
    assert raised.value.retry_after == timedelta(seconds=1)
    assert len(tmdb.requests) == 1
    now, tmdb.allowed = now + 2, None
    await client.check()


async def test_a_limit_without_a_time_is_one_of_seconds(tmdb: TmdbSimulator, session: ClientSession) -> None:
    now = 0.0
    client = TmdbClient(session, V4_TOKEN, url=tmdb.url, clock=lambda: now)
    tmdb.allowed, tmdb.retry_after = 0, None
    with pytest.raises(RateLimited):
        await client.check()
    now += api.PAUSE.total_seconds() - 0.1
    with pytest.raises(RateLimited):
        await client.check()
    assert len(tmdb.requests) == 1


# --- faults ----------------------------------------------------------------------------------------------------------

type Call = Callable[[TmdbClient], Awaitable[Any]]

CALLS: dict[str, tuple[Call, str]] = {
    "check": (lambda client: client.check(), "GET /3/authentication"),
    "search": (lambda client: client.search("metropolis"), "GET /3/search/multi"),
    "lookup": (lambda client: client.lookup("metropolis", kind=MOVIE), "GET /3/search/movie"),
    "find": (lambda client: client.find("imdb", "tt30700001"), "GET /3/find/*"),
    "details": (lambda client: client.details(MOVIE, 700_001), "GET /3/movie/*"),
    "episodes": (lambda client: client.episodes(700_031, 1), "GET /3/tv/*"),
}
FAULTS: list[tuple[FaultKind, dict[str, Any], type[BackendError]]] = [
    (FaultKind.DISCONNECT, {}, CannotConnect),
    (FaultKind.HANG, {}, CannotConnect),
    (FaultKind.DRIP, {"delay_seconds": 0.05}, CannotConnect),
    (FaultKind.STATUS, {"status": 204}, UnexpectedResponse),
    (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    (FaultKind.STATUS, {"status": 403}, InvalidAuth),
    (FaultKind.STATUS, {"status": 404}, NotFound),
    (FaultKind.STATUS, {"status": 422}, Refused),
    (FaultKind.STATUS, {"status": 429}, RateLimited),
    (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    (FaultKind.STATUS, {"status": 503}, UnexpectedResponse),
    (FaultKind.TRUNCATE, {}, UnexpectedResponse),
    (FaultKind.TRUNCATE_JSON, {}, UnexpectedResponse),
    (FaultKind.HTML, {}, NotTheApi),
    (FaultKind.REDIRECT, {"location": "http://login.example.com/"}, NotTheApi),
    (FaultKind.WRONG_TYPES, {}, UnexpectedResponse),
    (FaultKind.HUGE, {}, UnexpectedResponse),
]


@pytest.mark.parametrize("call", CALLS)
async def test_faults(
    call: str,
    tmdb: TmdbSimulator,
    session: ClientSession,
    subtests: pytest.Subtests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "MAX_BYTES", 200_000)
    ask, route = CALLS[call]
    for kind, options, error in FAULTS:
        with subtests.test(f"{kind} {options}"):
            tmdb.clear_faults()
            tmdb.fault(kind, route, **options)
            slow = kind in {FaultKind.HANG, FaultKind.DRIP}
            client = TmdbClient(session, V3_KEY, url=tmdb.url, timeout_seconds=0.15 if slow else 10)
            with pytest.raises(error) as raised:
                await ask(client)
            assert V3_KEY not in str(raised.value)
    tmdb.clear_faults()


@pytest.mark.parametrize("call", CALLS)
async def test_right_answers(call: str, client: TmdbClient) -> None:
    ask, _ = CALLS[call]
    assert await ask(client) or call == "check"


async def test_it_was_stopped(tmdb: TmdbSimulator, client: TmdbClient) -> None:
    await tmdb.refuse()
    with pytest.raises(CannotConnect):
        await client.check()


# --- by the book -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("dune")
async def test_all_is_as_published(client: TmdbClient, tmdb: TmdbSimulator, session: ClientSession) -> None:
    specification = Specification.find("tmdb-v3.openapi.json")
    await client.check()
    await client.lookup("dune")
    await client.lookup("dune", kind=MOVIE, year=2024)
    await client.lookup("dune", kind=SERIES, year=2024)
    await client.lookup("imdb:tt15239678")
    await client.lookup("tvdb:367118")
    await client.episodes(90_228, 1)
    seen = list(tmdb.requests)
    assert specification.check_seen(seen) == len(seen) >= 16
    for request in seen:
        async with session.get(tmdb.url + request.path, params=request.query, headers=request.headers) as response:
            body = await response.read()
            answer = Answer(status=200, content_type=response.headers["Content-Type"], body=body)
        specification.check_response(Sent.of(request), answer)
