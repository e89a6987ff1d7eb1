"""Sonarr's client."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from aiohttp import web
import pytest

from custom_components.sokoul.clients.arr import PAGE_SIZE
from custom_components.sokoul.clients.errors import NotFound, UnexpectedResponse
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.library import KnownFile, QueueItem, Title, TitleKind, TrackedState, UpcomingTitle

from .canned import CannedAnswer, paged, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")

SERIES = {"id": 4, "title": "Silo", "year": 2023, "monitored": True}
PACK = "AAAA456789ABCDEF0123456789ABCDEF01234567"


def episode(number: int, season: int = 3, **more: Any) -> dict[str, Any]:
    return {"id": 300 + number, "seriesId": 4, "seasonNumber": season, "episodeNumber": number, **more}


def title(number: int, **more: Any) -> Title:
    return Title(
        kind=TitleKind.EPISODE, id=300 + number, name="Silo", year=2023, series_id=4, season=3, episode=number, **more
    )


def record(id_: int, number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "seriesId": 4,
        "episodeId": 300 + number,
        "seasonNumber": 3,
        "series": SERIES,
        "episode": episode(number),
        "title": "Silo.S03.1080p.WEB-DL-GRP",
        "protocol": "torrent",
        "downloadId": PACK,
        "size": 20_000_000_000,
        "sizeleft": 5_000_000_000,
        "trackedDownloadState": "importPending",
        **more,
    }


# --- queue -----------------------------------------------------------------------------------------------------------


async def test_a_season_pack_is_one_download() -> None:
    records = [
        record(72, 3, statusMessages=[{"title": "Silo.S03E03.mkv", "messages": ["Not an upgrade"]}]),
        record(70, 1, statusMessages=[{"title": "Silo.S03E01.mkv", "messages": ["Not an upgrade"]}]),
        record(99, 8, downloadId="BBBB456789ABCDEF0123456789ABCDEF01234567", title="Silo.S03E08"),
        record(71, 2, errorMessage="No connections", sizeleft=5_000_000_001),
    ]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged(records)}) as (client, _):
        pack, single = await client.queue()
    assert pack == QueueItem(
        ids=(70, 71, 72),
        download_id=PACK.lower(),
        release="Silo.S03.1080p.WEB-DL-GRP",
        titles=(title(1), title(2), title(3)),
        tracked_state=TrackedState.IMPORT_PENDING,
        messages=("Silo.S03E01.mkv", "Not an upgrade", "Silo.S03E03.mkv"),
        error_message="No connections",
        protocol=pack.protocol,
        size_bytes=20_000_000_000,
        remaining_bytes=5_000_000_001,
    )
    assert pack.label == "Silo S03"
    assert single.ids == (99,)
    assert single.label == "Silo S03E08"


async def test_the_order_of_a_packs_records_means_nothing() -> None:
    records = [record(70, 1), record(71, 2), record(72, 3)]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged(records)}) as (client, server):
        queue = await client.queue()
        server.answers["GET /api/v3/queue"] = paged(records[::-1])
        assert await client.queue() == queue


async def test_two_episodes_in_one_download() -> None:
    async with talking(SonarrClient, {"GET /api/v3/queue": paged([record(1, 1), record(2, 2)])}) as (client, _):
        (item,) = await client.queue()
    assert item.ids == (1, 2)
    assert item.titles == (title(1), title(2))


async def test_a_pack_over_two_pages_is_one_download() -> None:
    alone = PAGE_SIZE - 5
    records = [record(number, number, downloadId=None) for number in range(alone)]
    records += [record(number, number) for number in range(alone, alone + 10)]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged(records)}) as (client, server):
        queue = await client.queue()
    assert len(server.requests) == 2
    assert [len(item.ids) for item in queue] == [1] * alone + [10]


async def test_delayed_releases_are_not_thrown_together() -> None:
    records = [record(1, 1, downloadId=None, status="delay"), record(2, 2, downloadId="", status="delay")]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged(records)}) as (client, _):
        queue = await client.queue()
    assert [(item.ids, item.download_id) for item in queue] == [((1,), None), ((2,), None)]


async def test_several_seasons_in_one_download() -> None:
    numbers = {1: episode(1, season=1), 2: episode(2), 3: episode(1, id=999), 4: episode(7, season=0)}
    records = [record(id_, 1, episode=each) for id_, each in numbers.items()]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged(records)}) as (client, _):
        (item,) = await client.queue()
    assert [(each.season, each.episode) for each in item.titles] == [(0, 7), (1, 1), (3, 1), (3, 2)]
    assert item.label == "Silo"


async def test_a_series_whose_episode_is_not_known() -> None:
    known, unknown = record(1, 1, downloadId=None), record(2, 2, downloadId=None)
    del known["episode"], unknown["episode"], unknown["series"]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged([known, unknown])}) as (client, _):
        first, second = await client.queue()
    assert first.titles == (Title(kind=TitleKind.SERIES, id=4, name="Silo", year=2023, series_id=4, season=3),)
    assert first.label == first.titles[0].label == "Silo S03"
    assert second.titles == ()
    assert second.label == "Silo.S03.1080p.WEB-DL-GRP"


async def test_titles_without_what_may_be_left_out() -> None:
    bare = {"id": 4, "title": "Silo"}
    records = [record(1, 1, series=bare, downloadId=None), record(2, 2, series=bare, episode=None, downloadId=None)]
    async with talking(SonarrClient, {"GET /api/v3/queue": paged(records)}) as (client, _):
        (episode_title,), (series_title,) = (item.titles for item in await client.queue())
    assert (episode_title.year, episode_title.monitored, episode_title.episode_name) == (None, True, None)
    assert (series_title.year, series_title.monitored, series_title.season) == (None, True, 3)


async def test_an_episode_without_a_number_is_none() -> None:
    broken = record(1, 1, episode={"id": 301, "seasonNumber": 3})
    async with talking(SonarrClient, {"GET /api/v3/queue": paged([broken])}) as (client, _):
        with pytest.raises(UnexpectedResponse, match=r"records\[0\].episode.episodeNumber"):
            await client.queue()


# --- calendar --------------------------------------------------------------------------------------------------------


async def test_calendar() -> None:
    episodes = [
        episode(1, series=SERIES, airDateUtc="2026-11-22T20:00:00Z", hasFile=True, title="Pilot", monitored=False),
        episode(2, series=SERIES, airDateUtc="2026-11-23T20:00:00Z"),
        episode(3, series=SERIES),  # not announced yet
    ]
    paris = timezone(timedelta(hours=1))
    async with talking(SonarrClient, {"GET /api/v3/calendar": episodes}) as (client, server):
        upcoming = await client.calendar(
            datetime(2026, 11, 22, 0, 30, tzinfo=paris), datetime(2026, 11, 29, 0, 30, 0, 999, tzinfo=paris)
        )
    assert upcoming == (
        UpcomingTitle(
            title=title(1, episode_name="Pilot", monitored=False),
            release_at=datetime(2026, 11, 22, 20, tzinfo=UTC),
            has_file=True,
            release_type="air",
        ),
        UpcomingTitle(
            title=title(2), release_at=datetime(2026, 11, 23, 20, tzinfo=UTC), has_file=False, release_type="air"
        ),
    )
    assert server.requests[0].query == (
        ("start", "2026-11-21T23:30:00Z"),
        ("end", "2026-11-28T23:30:00Z"),
        ("includeSeries", "true"),
    )


async def test_an_episode_without_its_series_is_no_calendar() -> None:
    answers = {"GET /api/v3/calendar": [episode(1, airDateUtc="2026-11-22T20:00:00Z")]}
    async with talking(SonarrClient, answers) as (client, _):
        with pytest.raises(UnexpectedResponse, match=r"calendar\[0\].series"):
            await client.calendar(datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC))


# --- searching -------------------------------------------------------------------------------------------------------


async def test_searches() -> None:
    answers: dict[str, CannedAnswer] = {"POST /api/v3/command": {"id": 1, "name": "Search"}}
    async with talking(SonarrClient, answers) as (client, server):
        await client.search({302, 301})
    assert [request.json() for request in server.requests] == [
        {"name": "EpisodeSearch", "episodeIds": [301, 302]},
    ]


# --- known files -----------------------------------------------------------------------------------------------------


def file(id_: int) -> KnownFile:
    return KnownFile(path=f"/series/{id_}.mkv", size_bytes=1000 + id_)


def file_json(id_: int) -> dict[str, Any]:
    return {"id": id_, "path": f"/series/{id_}.mkv", "size": 1000 + id_}


async def test_known_files_are_the_last_imports() -> None:
    imports = [{"episode": episode(1, episodeFileId=id_)} for id_ in (9, 0, 9, 3, 5, 7)]
    answers: dict[str, CannedAnswer] = {
        "GET /api/v3/history": paged([{"episode": episode(2)}, {}, *imports]),
        "GET /api/v3/episodefile": lambda request: [
            file_json(int(id_)) for id_ in request.query.getall("episodeFileIds")
        ],
    }
    async with talking(SonarrClient, answers) as (client, server):
        assert await client.known_files(4) == (file(9), file(3), file(5), file(7))
    query = dict(server.requests[0].query)
    assert (query["eventType"], query["includeEpisode"], query["pageSize"]) == ("3", "true", "8")
    assert len(server.requests) == 2


async def test_without_imports_known_files_are_of_the_first_series_that_has_any() -> None:
    def episodefile(request: web.Request) -> Any:
        match request.query.getall("seriesId"):
            case ["1"]:
                return web.json_response({"message": "NotFound"}, status=404)
            case ["2"]:
                return []
            case [id_]:
                return [file_json(number) for number in range(int(id_), 90)]

    answers: dict[str, CannedAnswer] = {"GET /api/v3/history": paged([]), "GET /api/v3/episodefile": episodefile}
    async with talking(SonarrClient, answers) as (client, server):
        assert await client.known_files(3) == (file(3), file(4), file(5))
    assert len(server.requests) == 4


async def test_an_empty_library_has_no_known_files() -> None:
    async with talking(SonarrClient, {"GET /api/v3/history": paged([])}) as (client, server):
        assert await client.known_files(3) == ()
        assert len(server.requests) == 6
        del server.answers["GET /api/v3/history"]
        with pytest.raises(NotFound):
            await client.known_files(3)
