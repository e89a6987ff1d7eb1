"""Radarr's client."""

from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web
import pytest

from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.model.library import KnownFile, Title, TitleKind, UpcomingTitle

from .canned import CannedAnswer, paged, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")

MOVIE = {"id": 12, "title": "Metropolis", "year": 1927, "monitored": False, "hasFile": True}
METROPOLIS = Title(kind=TitleKind.MOVIE, id=12, name="Metropolis", year=1927, monitored=False)


@pytest.mark.parametrize(
    ("movie", "titles", "label"),
    [
        pytest.param(MOVIE, (METROPOLIS,), "Metropolis (1927)", id="known"),
        pytest.param(None, (), "Some.Release", id="not known"),
        pytest.param(
            {"id": 3, "title": "Untitled", "year": 0},
            (Title(kind=TitleKind.MOVIE, id=3, name="Untitled"),),
            "Untitled",
            id="of an unknown year",
        ),
        pytest.param(
            {"id": 3, "title": "Untitled"},
            (Title(kind=TitleKind.MOVIE, id=3, name="Untitled"),),
            "Untitled",
            id="without a year",
        ),
    ],
)
async def test_titles_of_the_queue(movie: dict[str, Any] | None, titles: tuple[Title, ...], label: str) -> None:
    record = {"id": 1, "title": "Some.Release", **({"movieId": movie["id"], "movie": movie} if movie else {})}
    async with talking(RadarrClient, {"GET /api/v3/queue": paged([record])}) as (client, _):
        (item,) = await client.queue()
    assert item.titles == titles
    assert item.label == label


async def test_a_movie_without_a_title_is_no_movie() -> None:
    async with talking(RadarrClient, {"GET /api/v3/queue": paged([{"id": 1, "movie": {"id": 2}}])}) as (client, _):
        with pytest.raises(UnexpectedResponse, match=r"records\[0\].movie.title"):
            await client.queue()


# --- calendar --------------------------------------------------------------------------------------------------------

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
END = datetime(2026, 11, 28, 12, tzinfo=UTC)


def release(kind: str, day: date) -> UpcomingTitle:
    return UpcomingTitle(title=METROPOLIS, release_at=day, has_file=True, release_type=kind)


@pytest.mark.parametrize(
    ("dates", "releases"),
    [
        pytest.param({}, (), id="no dates"),
        pytest.param({"inCinemas": "2026-11-22T00:00:00Z"}, (release("cinema", date(2026, 11, 22)),), id="in cinemas"),
        pytest.param(
            {
                "inCinemas": "2026-09-01T00:00:00Z",
                "digitalRelease": "2026-11-25T00:00:00Z",
                "physicalRelease": "2026-11-27T00:00:00Z",
            },
            (release("digital", date(2026, 11, 25)), release("physical", date(2026, 11, 27))),
            id="each date in the window counts",
        ),
        pytest.param(
            {"digitalRelease": "2026-11-21T00:00:00Z", "physicalRelease": "2026-11-28T00:00:00Z"},
            (release("digital", date(2026, 11, 21)), release("physical", date(2026, 11, 28))),
            id="the days of both ends count whole",
        ),
        pytest.param(
            {"digitalRelease": "2026-11-20T00:00:00Z", "physicalRelease": "2026-11-29T00:00:00Z"}, (), id="outside"
        ),
    ],
)
async def test_calendar(dates: dict[str, str], releases: tuple[UpcomingTitle, ...]) -> None:
    async with talking(RadarrClient, {"GET /api/v3/calendar": [MOVIE | dates]}) as (client, server):
        assert await client.calendar(START, END) == releases
    assert server.requests[0].query == (("start", "2026-11-21T12:00:00Z"), ("end", "2026-11-28T12:00:00Z"))


async def test_a_release_without_what_may_be_left_out() -> None:
    movie = {"id": 3, "title": "Untitled", "digitalRelease": "2026-11-22T00:00:00Z"}
    async with talking(RadarrClient, {"GET /api/v3/calendar": [movie]}) as (client, _):
        (upcoming,) = await client.calendar(START, END)
    assert not upcoming.has_file
    assert upcoming.title.monitored


# --- searching -------------------------------------------------------------------------------------------------------


async def test_search() -> None:
    answers: dict[str, CannedAnswer] = {"POST /api/v3/command": {"id": 1, "name": "MoviesSearch"}}
    async with talking(RadarrClient, answers) as (client, server):
        assert (await client.search({9, 2})).id == 1
    assert server.requests[0].json() == {"name": "MoviesSearch", "movieIds": [2, 9]}


# --- known files -----------------------------------------------------------------------------------------------------


def moviefile(request: web.Request) -> list[dict[str, Any]]:
    """Answer with the files of those movies that have one: odd ids."""
    ids = [int(id_) for id_ in request.query.getall("movieId")]
    return [{"id": id_, "movieId": id_, "path": f"/movies/{id_}.mkv", "size": 1000 + id_} for id_ in ids if id_ % 2]


def file(id_: int) -> KnownFile:
    return KnownFile(path=f"/movies/{id_}.mkv", size_bytes=1000 + id_)


async def test_known_files_are_the_last_imports() -> None:
    history = [{"id": id_, "movieId": movie} for id_, movie in enumerate((31, 7, 31, 8, 0, 5, 3))]
    del history[4]["movieId"]
    answers: dict[str, CannedAnswer] = {"GET /api/v3/history": paged(history), "GET /api/v3/moviefile": moviefile}
    async with talking(RadarrClient, answers) as (client, server):
        assert await client.known_files(4) == (file(31), file(7), file(5))
    assert dict(server.requests[0].query) == {
        "page": "1",
        "pageSize": "8",
        "sortKey": "date",
        "sortDirection": "descending",
        "eventType": "3",
    }
    assert server.requests[1].query == tuple(("movieId", id_) for id_ in ("31", "7", "8", "5"))
    assert len(server.requests) == 2


async def test_without_imports_known_files_are_the_oldest() -> None:
    answers: dict[str, CannedAnswer] = {"GET /api/v3/history": paged([]), "GET /api/v3/moviefile": moviefile}
    async with talking(RadarrClient, answers) as (client, server):
        assert await client.known_files(3) == (file(1), file(3), file(5))
        assert len(server.requests) == 2


async def test_an_empty_library_has_no_known_files() -> None:
    nothing: dict[str, CannedAnswer] = {"GET /api/v3/history": paged([]), "GET /api/v3/moviefile": []}
    async with talking(RadarrClient, nothing) as (client, server):
        assert await client.known_files(3) == ()
        # an old Radarr takes one movie only, and misses it
        server.answers["GET /api/v3/moviefile"] = web.Response(status=404)
        assert await client.known_files(3) == ()


async def test_known_files_of_a_large_library_cost_two_requests_with_short_addresses() -> None:
    history = [{"id": id_, "movieId": 100_001 + 2 * id_} for id_ in range(5000)]
    answers: dict[str, CannedAnswer] = {"GET /api/v3/history": paged(history), "GET /api/v3/moviefile": moviefile}
    async with talking(RadarrClient, answers) as (client, server):
        assert len(await client.known_files(100_000)) == 100
    assert len(server.requests) == 2
    assert sum(len(name) + len(value) + 2 for name, value in server.requests[1].query) < 2000
