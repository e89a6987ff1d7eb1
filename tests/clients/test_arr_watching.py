"""What a watchlist asks of Radarr and Sonarr: what is missing, episodes, and what is looked for by itself."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
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
from custom_components.sokoul.model.catalogue import CatalogueEpisode, Missing
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator
from tests.specifications import radarr_specification, sonarr_specification

from .canned import paged, talking
from .conftest import Pair

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def movies(radarr: RadarrSimulator, session: ClientSession) -> RadarrClient:
    return RadarrClient(session, radarr.url, radarr.api_key)


@pytest.fixture
def shows(sonarr: SonarrSimulator, session: ClientSession) -> SonarrClient:
    return SonarrClient(session, sonarr.url, sonarr.api_key)


# --- episodes --------------------------------------------------------------------------------------------------------


async def test_all_episodes_of_a_series_in_one_request(sonarr: SonarrSimulator, shows: SonarrClient) -> None:
    series = sonarr.library.series[1]
    series.episodes[3].monitored = False
    series.episodes[5].airs = None
    series.episodes.reverse()
    found = await shows.episodes(1)
    assert len(sonarr.requests) == 1
    assert found == tuple(
        CatalogueEpisode(
            season=each.season,
            episode=each.number,
            name=each.title,
            airs_on=each.airs.date() if each.airs else None,
            airs_at=each.airs,
            library_id=each.id,
            monitored=each.monitored,
            has_file=each.file is not None,
        )
        for each in sorted(series.episodes, key=lambda each: (each.season, each.number))
    )
    assert {each.has_file for each in found} == {True, False}
    assert [each.monitored for each in found].count(False) == 1
    assert [each.airs_on for each in found].count(None) == 1


async def test_a_series_that_is_gone_has_no_episodes(shows: SonarrClient) -> None:
    assert await shows.episodes(4_711) == ()


async def test_the_day_is_that_of_the_country_it_airs_in() -> None:
    told = [
        {"id": 1, "seasonNumber": 1, "episodeNumber": 2, "airDate": "2026-11-20", "airDateUtc": "2026-11-21T02:00:00Z"},
        {"id": 2, "seasonNumber": 1, "episodeNumber": 1, "airDate": "soon", "title": None},
    ]
    async with talking(SonarrClient, {"GET /api/v3/episode": told}) as (client, _):
        first, second = await client.episodes(1)
    assert first == CatalogueEpisode(season=1, episode=1, library_id=2, monitored=True)
    assert (second.airs_on, second.airs_at) == (
        datetime(2026, 11, 20, tzinfo=UTC).date(),
        datetime(2026, 11, 21, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("said", "finale"), [("season", True), ("series", True), ("midseason", False), ("", False), (None, False)]
)
async def test_what_is_the_last_of_its_season(said: str | None, *, finale: bool) -> None:
    told = [{"id": 1, "seasonNumber": 1, "episodeNumber": 10, "finaleType": said}]
    async with talking(SonarrClient, {"GET /api/v3/episode": told}) as (client, _):
        (found,) = await client.episodes(1)
    assert found.finale is finale


# --- what is missing -------------------------------------------------------------------------------------------------


async def test_missing_movies(
    radarr: RadarrSimulator, movies: RadarrClient, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arr_catalogue, "MISSING_PAGE", 2)
    out, coming, unwanted, had, *others = radarr.library.movies.values()
    for movie in (out, coming, unwanted):
        movie.file = None
        movie.monitored = movie is not unwanted
        movie.digital_release = clock.now() + timedelta(days=-3 if movie is not coming else 3)
        movie.physical_release = None
    found = await movies.missing()
    names = [each.title.name for each in found.titles]
    expected = {
        each.title
        for each in (out, coming, unwanted, had, *others)
        if each.monitored and not each.file and each.available(clock.now())
    }
    assert out.title in expected
    assert (set(names), len(names), found.more) == (expected, len(expected), 0)
    assert len(names) > 2  # than fit on a page
    (title,) = [each.title for each in found.titles if each.title.name == out.title]
    assert title == await movies.catalogue_title(out.id)
    assert len(names) == await movies.missing_count()


async def test_missing_episodes_come_with_their_series(sonarr: SonarrSimulator, shows: SonarrClient) -> None:
    expected: dict[int, list[int]] = {}
    for episode in sonarr.episodes.missing():
        expected.setdefault(episode.series.id, []).append(episode.id)
    assert len(expected) > 1
    found = await shows.missing()
    assert {each.title.library_id: [episode.library_id for episode in each.episodes] for each in found.titles} == {
        series: sorted(episodes) for series, episodes in expected.items()
    }
    for each in found.titles:
        series = sonarr.library.series[each.title.library_id or 0]
        assert (each.title.name, each.title.monitored) == (series.title, True)
        assert f"tvdb:{series.tvdb_id}" in each.title.ids
        assert all(episode.monitored and not episode.has_file for episode in each.episodes)


async def test_much_that_is_missing_is_cut(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arr_catalogue, "MISSING_PAGE", 2)
    count = await pair.client.missing_count()
    assert count > 1
    all_of_it = await pair.client.missing()
    some = await pair.client.missing(count - 1)
    assert [_amount(each) for each in (all_of_it, some)] == [count, count - 1]
    assert (all_of_it.more, some.more) == (0, 1)


async def test_the_newest_episodes_are_read_first(shows: SonarrClient) -> None:
    everything = [episode for each in (await shows.missing()).titles for episode in each.episodes]
    days = sorted(episode.airs_at for episode in everything if episode.airs_at)
    some = [episode for each in (await shows.missing(3)).titles for episode in each.episodes]
    assert sorted(episode.airs_at for episode in some if episode.airs_at) == days[-3:]


def _amount(missing: Missing) -> int:
    return sum(len(each.episodes) or 1 for each in missing.titles)


async def test_nothing_is_missing(pair: Pair) -> None:
    empty = {"GET /api/v3/wanted/missing": paged([])}
    async with talking(type(pair.client), empty) as (client, server):
        assert await client.missing() == Missing()
    assert len(server.requests) == 1


async def test_pages_that_do_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arr_catalogue, "MISSING_PAGE", 2)
    page = {"totalRecords": 1_000, "records": [{"id": 1, "title": "A"}, {"id": 2, "title": "B"}]}
    async with talking(RadarrClient, {"GET /api/v3/wanted/missing": page}) as (client, server):
        found = await client.missing()
    assert ([each.title.name for each in found.titles], found.more) == (["A", "B"], 998)
    assert len(server.requests) == 2


# --- faults ----------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[FaultKind, dict[str, Any], type[BackendError]]] = [
    (FaultKind.DISCONNECT, {}, CannotConnect),
    (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    (FaultKind.STATUS, {"status": 403}, InvalidAuth),
    (FaultKind.STATUS, {"status": 404}, NotFound),
    (FaultKind.STATUS, {"status": 409}, Refused),
    (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "5"}}, RateLimited),
    (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    (FaultKind.STATUS, {"status": 503}, UnexpectedResponse),
    (FaultKind.TRUNCATE_JSON, {}, UnexpectedResponse),
    (FaultKind.WRONG_TYPES, {}, UnexpectedResponse),
    (FaultKind.HTML, {}, NotTheApi),
    (FaultKind.REDIRECT, {"location": "http://login.example.com/"}, NotTheApi),
]


async def test_asking_goes_wrong(
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    movies: RadarrClient,
    shows: SonarrClient,
    subtests: pytest.Subtests,
) -> None:
    acts: list[tuple[RadarrSimulator | SonarrSimulator, str, Callable[[], Awaitable[Any]]]] = [
        (radarr, "GET /api/v3/wanted/missing", movies.missing),
        (sonarr, "GET /api/v3/wanted/missing", shows.missing),
        (sonarr, "GET /api/v3/episode", lambda: shows.episodes(1)),
    ]
    for arr, route, act in acts:
        for kind, options, error in FAULTS:
            with subtests.test(f"{route} {kind} {options}"):
                arr.clear_faults()
                arr.fault(kind, route, **options)
                with pytest.raises(error):
                    await act()


# --- by the book -----------------------------------------------------------------------------------------------------


async def test_every_request_is_as_published(pair: Pair) -> None:
    client: ArrClient = pair.client
    specification = radarr_specification() if isinstance(client, RadarrClient) else sonarr_specification()
    await client.missing()
    if isinstance(client, SonarrClient):
        await client.episodes(1)
    assert specification.check_seen(pair.arr.requests) == len(pair.arr.requests) >= 1
