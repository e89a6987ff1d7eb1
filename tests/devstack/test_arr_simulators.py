"""The simulated Radarr and Sonarr: every route by its published description, and how they behave.

What they do with a download client is in `test_arr_downloads.py`.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
import pytest

from devstack.arr import ArrSimulator
from devstack.arr_formats import Specification
from devstack.arr_queue import StatusMessage
from devstack.clock import ManualClock
from devstack.library import Library
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator
from tests.devstack.arr_calls import Caller
from tests.specifications import radarr_specification, sonarr_specification

pytestmark = pytest.mark.usefixtures("socket_enabled")

HASH = "0123456789ABCDEF0123456789ABCDEF01234567"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def radarr(clock: ManualClock) -> AsyncIterator[RadarrSimulator]:
    async with RadarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def sonarr(clock: ManualClock) -> AsyncIterator[SonarrSimulator]:
    async with SonarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def ask_radarr(radarr: RadarrSimulator, session: ClientSession) -> Caller:
    return Caller(radarr, session)


@pytest.fixture
def ask_sonarr(sonarr: SonarrSimulator, session: ClientSession) -> Caller:
    return Caller(sonarr, session)


def field(resource: dict[str, Any], name: str) -> Any:
    return next(each.get("value") for each in resource["fields"] if each["name"] == name)


def with_field(resource: dict[str, Any], **values: Any) -> dict[str, Any]:
    fields = [each | ({"value": values[each["name"]]} if each["name"] in values else {}) for each in resource["fields"]]
    return resource | {"fields": fields}


async def call_everything_shared(call: Caller, arr: ArrSimulator, title_query: tuple[str, str]) -> None:
    """Call what Radarr and Sonarr both have."""
    await call("GET", "//ping", key=None)
    await call("GET", "//api", specified=arr.application == "Radarr")
    for path in (
        "/system/status",
        "/health",
        "/update",
        "/diskspace",
        "/wanted/missing",
        "/wanted/cutoff",
        "/blocklist",
    ):
        await call("GET", path)
    # the queue and what it leaves behind
    await call("GET", "/queue", query=[("includeUnknownMovieItems", "true")] if arr.kind == "movie" else ())
    await call("GET", "/queue/details", query=[title_query])
    await call("GET", "/queue/status")
    records = (await call.get("/queue"))["records"]
    await call("DELETE", f"/queue/{records[0]['id']}", query=[("blocklist", "true"), ("skipRedownload", "true")])
    await call("DELETE", "/queue/bulk", query=[("blocklist", "true")], body={"ids": [records[-1]["id"]]})
    blocklist = (await call.get("/blocklist"))["records"]
    await call("DELETE", f"/blocklist/{blocklist[0]['id']}")
    await call("DELETE", "/blocklist/bulk", body={"ids": [blocklist[1]["id"]]})
    await call("GET", "/history", query=[("pageSize", "3")])
    await call("GET", "/history/since", query=[("date", "2020-01-01T00:00:00Z")])
    await call("GET", f"/history/{arr.kind}", query=[title_query])
    grabbed = next(event for event in arr.history.events if event.download_id in arr.queue.grabs)
    await call("POST", f"/history/failed/{grabbed.id}")
    arr.formats.add("x265", Specification("ReleaseTitleSpecification", {"value": "x265"}), scores={4: 10})
    await call_settings(call)
    for path in ("/downloadclient", "/indexer", "/notification", "/importlist"):
        await call_providers(call, path)
    command = (await call("POST", "/command", body={"name": "rssSync"}, status=201)).json()
    await call("GET", "/command")
    await call("GET", f"/command/{command['id']}")
    arr.commands.hold()
    command = (await call("POST", "/command", body={"name": "CheckHealth"}, status=201)).json()
    await call("DELETE", f"/command/{command['id']}")
    arr.commands.resume()
    await call("GET", "//login", key=None, specified=False)
    await call("GET", "//MediaCover/1/poster.jpg", specified=False)
    await call("GET", "/mediacover/1/poster-500.jpg")


#: a release that another program brings, of a title that nobody has
PUSHED = {
    "title": "Nobody.Knows.2019.S01E01.1080p.WEB-DL.DDP5.1.H.264-X",
    "magnetUrl": f"magnet:?xt=urn:btih:{'a' * 40}",
    "protocol": "torrent",
    "publishDate": "2026-01-01T00:00:00Z",
}


async def call_settings(call: Caller) -> None:
    """Call what both are set up with."""
    for name in ("mediamanagement", "downloadclient"):
        settings = await call.get(f"/config/{name}")
        await call("GET", f"/config/{name}/1")
        await call("PUT", f"/config/{name}/1", body=settings)
    tag = (await call("POST", "/tag", body={"label": "Fresh"}, status=201)).json()
    await call("GET", f"/tag/{tag['id']}")
    await call("PUT", f"/tag/{tag['id']}", body=tag | {"label": "Fresher"}, status=202)
    await call("GET", "/tag")
    await call("GET", "/tag/detail")
    await call("DELETE", f"/tag/{tag['id']}")
    folder = (await call("POST", "/rootfolder", body={"path": "/data/media/more"}, status=201)).json()
    await call("GET", "/rootfolder")
    await call("GET", f"/rootfolder/{folder['id']}")
    await call("DELETE", f"/rootfolder/{folder['id']}")
    mapping = {"host": "qbittorrent", "remotePath": "/downloads/", "localPath": "/data/torrents/"}
    mapping = (await call("POST", "/remotepathmapping", body=mapping, status=201)).json()
    await call("GET", "/remotepathmapping")
    await call("GET", f"/remotepathmapping/{mapping['id']}")
    await call("PUT", f"/remotepathmapping/{mapping['id']}", body=mapping, status=202)
    await call("DELETE", f"/remotepathmapping/{mapping['id']}")
    profile = (await call.get("/delayprofile"))[0]
    await call("GET", f"/delayprofile/{profile['id']}")
    await call("PUT", f"/delayprofile/{profile['id']}", body=profile | {"torrentDelay": 60}, status=202)
    await call("GET", "/qualityprofile")
    await call("GET", "/qualityprofile/4")
    await call("GET", "/customformat")
    await call("GET", "/customformat/1")
    await call("GET", "/language")


async def call_providers(call: Caller, path: str) -> None:
    """Add, change and remove two providers of a kind."""
    schema = with_field((await call.get(f"{path}/schema"))[0], host="127.0.0.1", port=9)  # where nobody listens
    fresh = schema | {"name": "One", "enable": True}
    if path != "/downloadclient":
        fresh.pop("enable")
    forced = [("forceSave", "true")]
    one = (await call("POST", path, query=forced, body=fresh, status=201)).json()
    other = (await call("POST", path, query=forced, body=fresh | {"name": "Other"}, status=201)).json()
    await call("GET", path)
    await call("GET", f"{path}/{one['id']}")
    await call("PUT", f"{path}/{one['id']}", query=forced, body=one | {"name": "First"}, status=202)
    passing = (await call.get(f"{path}/schema"))[-1] | {"name": "Third"}
    testable = path in {"/indexer", "/importlist", "/downloadclient"}  # the last download client has no test of its own
    await call("POST", f"{path}/test", body=passing, status=200 if testable else 400)
    await call("POST", f"{path}/testall", status=200 if path in {"/indexer", "/importlist"} else 400)
    if path != "/notification":  # which have no bulk edits
        await call("PUT", f"{path}/bulk", body={"ids": [one["id"], other["id"]], "tags": [1]}, status=202)
        await call("DELETE", f"{path}/bulk", body={"ids": [other["id"]]})
    await call("DELETE", f"{path}/{one['id']}")


async def test_every_route_of_radarr_is_as_published(radarr: RadarrSimulator, session: ClientSession) -> None:
    movies = radarr.library.movies
    for number in (6, 10, 11):
        radarr.queue_item(movies[number], status="warning", error_message="The download is stalled with no connections")
    radarr.queue_item(title="Unknown.Thing.1999.720p.HDTV.x264-TiDE")
    call = Caller(radarr, session, radarr_specification())
    release = (await call.get("/release", movieId="6"))[0]
    await call("POST", "/release", body={"guid": release["guid"], "indexerId": release["indexerId"]})
    await call("POST", "/release/push", body=PUSHED)
    waiting = radarr.queue_item(movies[12], download_id=None, release=radarr.queue.items[-1].release)
    await call("POST", f"/queue/grab/{radarr.queue.record_id(waiting, movies[12])}")
    waiting = radarr.queue_item(movies[12], download_id=None, release=radarr.queue.items[-1].release)
    await call("POST", "/queue/grab/bulk", body={"ids": [radarr.queue.record_id(waiting, movies[12])]})
    finished = radarr.queue_item(movies[11], status="completed", progress=1)
    asked = [("downloadId", str(finished.download_id))]
    (candidate,) = (await call("GET", "/manualimport", query=asked)).json()
    assert (await call("GET", "/manualimport", query=[("folder", str(finished.output_path))])).json() == [
        {name: value for name, value in candidate.items() if name != "downloadId"}
    ]
    await call_everything_shared(call, radarr, ("movieId", "6"))
    await call("GET", "/blocklist/movie", query=[("movieId", "6")])
    await call("GET", "/calendar", query=[("start", "2026-01-01T00:00:00Z"), ("end", "2027-12-01T00:00:00Z")])
    await call("GET", "/movie", query=[("tmdbId", str(movies[1].tmdb_id))])
    await call("GET", "/movie/1")
    found = (await call.get("/movie/lookup", term="Charade"))[0]
    await call("GET", "/movie/lookup/tmdb", query=[("tmdbId", str(found["tmdbId"]))])
    await call("GET", "/movie/lookup/imdb", query=[("imdbId", found["imdbId"])])
    wanted = found | {"qualityProfileId": 4, "rootFolderPath": "/data/media/movies", "monitored": True}
    wanted["addOptions"] = {"searchForMovie": True, "monitor": "movieOnly"}
    added = (await call("POST", "/movie", body=wanted, status=201)).json()
    await call("PUT", f"/movie/{added['id']}", body=added, query=[("moveFiles", "true")], status=202)
    await call("PUT", "/movie/editor", body={"movieIds": [1, 2], "tags": [1], "applyTags": "add"}, status=202)
    files = await call.get("/moviefile", movieId="1")
    await call("GET", f"/moviefile/{files[0]['id']}")
    await call("DELETE", f"/moviefile/{files[0]['id']}")
    other = (await call.get("/moviefile", movieId="2"))[0]
    await call("DELETE", "/moviefile/bulk", body={"movieFileIds": [other["id"]]})
    await call("DELETE", f"/movie/{added['id']}", query=[("deleteFiles", "true"), ("addImportExclusion", "true")])
    await call("DELETE", "/movie/editor", body={"movieIds": [12], "deleteFiles": True})
    assert call.not_called() == []


async def test_every_route_of_sonarr_is_as_published(sonarr: SonarrSimulator, session: ClientSession) -> None:
    series = sonarr.library.series
    sonarr.queue_item(*series[2].season(1))
    sonarr.queue_item(series[1].season(3)[4])
    sonarr.queue_item(series[1].season(3)[3])
    call = Caller(sonarr, session, sonarr_specification())
    release = (await call.get("/release", episodeId="24"))[0]
    await call("GET", "/release", query=[("seriesId", "1"), ("seasonNumber", "1")])
    await call("POST", "/release", body={"guid": release["guid"], "indexerId": release["indexerId"]})
    await call("POST", "/release/push", body=PUSHED)
    episode = series[4].season(1)[0]
    for path in ("/queue/grab/{id}", "/queue/grab/bulk"):
        waiting = sonarr.queue_item(episode, download_id=None, release=sonarr.queue.items[3].release)
        record_id = sonarr.queue.record_id(waiting, episode)
        await call("POST", path.format(id=record_id), body={"ids": [record_id]} if path.endswith("bulk") else None)
    finished = sonarr.queue_item(series[3].season(1)[0], status="completed", progress=1)
    asked = [("downloadId", str(finished.download_id))]
    (candidate,) = (await call("GET", "/manualimport", query=asked)).json()
    assert (await call("GET", "/manualimport", query=[("folder", str(finished.output_path))])).json() == [
        {name: value for name, value in candidate.items() if name != "downloadId"}
    ]
    await call("GET", "/queue", query=[("includeSeries", "true"), ("includeEpisode", "true"), ("pageSize", "50")])
    await call_everything_shared(call, sonarr, ("seriesId", "1"))
    await call(
        "GET",
        "/calendar",
        query=[("start", "2026-10-01T00:00:00Z"), ("end", "2027-12-01T00:00:00Z"), ("includeSeries", "true")],
    )
    await call("GET", "/series", query=[("tvdbId", str(series[1].tvdb_id))])
    await call("GET", "/series/1")
    found = (await call.get("/series/lookup", term=f"tvdb:{sonarr.library.known_series[0].tvdb_id}"))[0]
    wanted = found | {"qualityProfileId": 4, "rootFolderPath": "/data/media/series", "monitored": True}
    wanted["addOptions"] = {"monitor": "future", "searchForMissingEpisodes": True}
    added = (await call("POST", "/series", body=wanted, status=201)).json()
    await call("PUT", f"/series/{added['id']}", body=added, query=[("moveFiles", "true")], status=202)
    await call("PUT", "/series/editor", body={"seriesIds": [1, 2], "tags": [1], "applyTags": "replace"}, status=202)
    episodes = await call.get("/episode", seriesId="1", includeEpisodeFile="true")
    await call("GET", "/episode/1")
    await call("PUT", "/episode/1", body=episodes[0] | {"monitored": False}, status=202)
    await call("PUT", "/episode/monitor", body={"episodeIds": [1, 2], "monitored": True}, status=202)
    files = await call.get("/episodefile", seriesId="1")
    await call("GET", f"/episodefile/{files[0]['id']}")
    await call("DELETE", f"/episodefile/{files[0]['id']}")
    await call("DELETE", "/episodefile/bulk", body={"episodeFileIds": [files[1]["id"]]})
    await call("DELETE", f"/series/{added['id']}", query=[("addImportListExclusion", "true")])
    await call("DELETE", "/series/editor", body={"seriesIds": [6]})
    assert call.not_called() == []


# --- access ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, {}, 401),
        ({"X-Api-Key": "wrong"}, {}, 401),
        ({"X-Api-Key": "right"}, {}, 200),
        ({"Authorization": "Bearer right"}, {}, 200),
        ({}, {"apikey": "right"}, 200),
        ({"X-Api-Key": "right"}, {"apikey": "wrong"}, 401),  # the query is looked at first
    ],
)
async def test_the_key_is_taken_from_three_places(
    session: ClientSession, clock: ManualClock, headers: dict[str, str], query: dict[str, str], status: int
) -> None:
    async with (
        RadarrSimulator(clock=clock, api_key="right") as radarr,
        session.get(f"{radarr.url}/api/v3/tag", headers=headers, params=query) as response,
    ):
        assert response.status == status
        assert (await response.read() == b"") == (status == 401)


async def test_liveness_needs_no_key_and_posters_do(ask_radarr: Caller) -> None:
    assert (await ask_radarr("GET", "//ping", key=None)).json() == {"status": "OK"}
    await ask_radarr("GET", "//MediaCover/1/poster.jpg", key=None, status=401)
    poster = await ask_radarr("GET", "//MediaCover/1/poster.jpg")
    assert poster.content_type == "image/jpeg"
    assert poster.body.startswith(b"\xff\xd8")
    await ask_radarr("GET", "//MediaCover/999/poster.jpg", status=404)


async def test_another_path_is_the_web_interface(ask_radarr: Caller) -> None:
    page = await ask_radarr("GET", "//settings", status=302, key=None)
    assert page.headers["Location"].startswith("/login")
    assert (await ask_radarr("GET", "//login", key=None)).content_type.startswith("text/html")
    assert (await ask_radarr("GET", "/nothing", status=404)).json() == {"message": "NotFound"}


async def test_a_url_base_is_kept_and_led_to(session: ClientSession, clock: ManualClock) -> None:
    async with SonarrSimulator(clock=clock, url_base="/sonarr", instance_name="Series") as sonarr:
        assert sonarr.url.endswith("/sonarr")
        status = (await Caller(sonarr, session)("GET", "/system/status")).json()
        assert (status["appName"], status["instanceName"], status["urlBase"]) == ("Sonarr", "Series", "/sonarr")
        image = (await Caller(sonarr, session).get("/series/1"))["images"][0]["url"]
        assert image.startswith("/sonarr/MediaCover/1/")
        root = sonarr.url.removesuffix("/sonarr")
        async with session.get(f"{root}/api/v3/tag", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (307, "/sonarr/api/v3/tag")


# --- what malformed requests get -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", [("page", "first"), ("includeMovie", "1"), ("sortDirection", "up"), ("status", "stuck")]
)
async def test_an_unreadable_parameter_is_a_problem(ask_radarr: Caller, query: tuple[str, str]) -> None:
    problem = (await ask_radarr("GET", "/queue", query=[query], status=400)).json()
    assert list(problem["errors"]) == [query[0]]


async def test_a_validation_failure_is_a_list(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    known = radarr.library.movies[1]
    again = {
        "tmdbId": known.tmdb_id,
        "title": known.title,
        "qualityProfileId": 4,
        "rootFolderPath": "/data/media/movies",
    }
    failures = (await ask_radarr("POST", "/movie", body=again, status=400)).json()
    assert [(each["propertyName"], each["errorMessage"]) for each in failures] == [
        ("TmdbId", "This movie has already been added")
    ]
    new = {"tmdbId": radarr.library.known_movies[0].tmdb_id, "qualityProfileId": 99}
    failures = (await ask_radarr("POST", "/movie", body=new, status=400)).json()
    assert [each["propertyName"] for each in failures] == ["RootFolderPath", "QualityProfileId"]


async def test_what_is_not_there_is_a_message(ask_radarr: Caller) -> None:
    for method, path in (("GET", "/movie/999"), ("DELETE", "/queue/5"), ("GET", "/command/7"), ("PUT", "/indexer/3")):
        assert "message" in (await ask_radarr(method, path, body={} if method == "PUT" else None, status=404)).json()


# --- paging and the queue --------------------------------------------------------------------------------------------


async def test_pages_are_ten_long_and_the_last_one_is_given_past_the_end(
    ask_radarr: Caller, radarr: RadarrSimulator
) -> None:
    for number in range(23):
        radarr.queue_item(
            radarr.library.movies[1],
            title=f"Release.{number:02}-X",
            progress=number / 30,
            time_left=timedelta(minutes=number),
        )
    first = await ask_radarr.get("/queue")
    assert (first["page"], first["pageSize"], first["totalRecords"], len(first["records"])) == (1, 10, 23, 10)
    assert (first["sortKey"], first["sortDirection"]) == ("timeleft", "ascending")
    assert first["records"][0]["timeleft"] == "00:00:00"
    assert len((await ask_radarr.get("/queue", page="3"))["records"]) == 3
    past = await ask_radarr.get("/queue", page="9")
    assert (past["page"], len(past["records"])) == (3, 3)
    by_title = await ask_radarr.get("/queue", sortKey="title", sortDirection="descending", pageSize="2")
    assert [each["title"] for each in by_title["records"]] == ["Release.22-X", "Release.21-X"]
    odd = await ask_radarr.get("/queue", sortKey="colour")
    assert odd["sortKey"] == "timeleft"


async def test_unknown_items_are_shown_when_asked(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.queue_item(title="Something.Else.1999-X")
    radarr.queue_item(
        radarr.library.movies[6], messages=[StatusMessage("a.mkv", ("Sample",))], tracked_status="warning"
    )
    assert [each["movieId"] for each in (await ask_radarr.get("/queue"))["records"]] == [6]
    everything = (await ask_radarr.get("/queue", includeUnknownMovieItems="true"))["records"]
    assert ["movieId" in each for each in sorted(everything, key=lambda each: each["title"])] == [True, False]
    assert await ask_radarr.get("/queue/status") == {
        "totalCount": 2,
        "count": 1,
        "unknownCount": 1,
        "errors": False,
        "warnings": True,
        "unknownErrors": False,
        "unknownWarnings": False,
    }


async def test_a_queue_record_says_what_a_client_needs(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.queue_item(
        radarr.library.movies[6],
        title="His.Girl.Friday.1940.1080p.WEB-DL-X",
        size_bytes=4096,
        progress=0.75,
        time_left=timedelta(days=1, hours=2, seconds=3),
        download_id=HASH,
        status="warning",
        error_message="The download is stalled with no connections",
    )
    (record,) = (await ask_radarr.get("/queue", includeMovie="true"))["records"]
    assert record["movie"]["title"] == "His Girl Friday"
    expected = {
        "movieId": 6,
        "size": 4096,
        "sizeleft": 1024,
        "timeleft": "1.02:00:03",
        "estimatedCompletionTime": "2026-11-22T14:00:03Z",
        "added": "2026-11-21T12:00:00Z",
        "status": "warning",
        "trackedDownloadStatus": "ok",
        "trackedDownloadState": "downloading",
        "errorMessage": "The download is stalled with no connections",
        "downloadId": HASH,
        "protocol": "torrent",
        "downloadClient": "qBittorrent",
        "indexer": "Open Harbour (Prowlarr)",
        "outputPath": "/data/torrents/radarr/His.Girl.Friday.1940.1080p.WEB-DL-X",
    }
    assert {name: record[name] for name in expected} == expected


async def test_a_season_pack_is_one_record_an_episode(ask_sonarr: Caller, sonarr: SonarrSimulator) -> None:
    season = sonarr.library.series[2].season(1)
    item = sonarr.queue_item(*season, size_bytes=8000)
    records = (await ask_sonarr.get("/queue", includeEpisode="true", includeSeries="true", pageSize="50"))["records"]
    assert {each["episodeId"] for each in records} == {episode.id for episode in season}
    assert {each["downloadId"] for each in records} == {item.download_id}
    assert {each["size"] for each in records} == {8000}
    assert len({each["id"] for each in records}) == 8
    assert {each["episode"]["seasonNumber"] for each in records} == {1}
    # taking out one of its records takes out the download
    await ask_sonarr("DELETE", f"/queue/{records[3]['id']}")
    assert (await ask_sonarr.get("/queue"))["totalRecords"] == 0


async def test_a_waiting_release_has_no_download(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.queue_item(radarr.library.movies[6], download_id=None)
    (record,) = (await ask_radarr.get("/queue"))["records"]
    assert record["status"] == "delay"
    assert not record.keys() & {"downloadId", "trackedDownloadState", "downloadClient", "outputPath"}
    await ask_radarr("DELETE", f"/queue/{record['id']}", query=[("removeFromClient", "true"), ("blocklist", "true")])
    assert (await ask_radarr.get("/blocklist"))["totalRecords"] == 1


async def test_an_unknown_id_among_many_removes_nothing(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.queue_item(radarr.library.movies[6])
    (record,) = (await ask_radarr.get("/queue"))["records"]
    await ask_radarr("DELETE", "/queue/bulk", body={"ids": [record["id"], 7]}, status=404)
    assert (await ask_radarr.get("/queue"))["totalRecords"] == 1


async def test_ignoring_is_written_down(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.queue_item(radarr.library.movies[6], download_id=HASH)
    (record,) = (await ask_radarr.get("/queue"))["records"]
    await ask_radarr("DELETE", f"/queue/{record['id']}", query=[("removeFromClient", "false")])
    # ids are compared as they are spelled
    lower = [("eventType", "9"), ("downloadId", HASH.lower())]
    assert (await ask_radarr("GET", "/history", query=lower)).json()["records"] == []
    codes = [("eventType", "9"), ("downloadId", HASH)]
    (event,) = (await ask_radarr("GET", "/history", query=codes)).json()["records"]
    assert (event["eventType"], event["movieId"], event["downloadId"]) == ("downloadIgnored", 6, HASH)
    assert all(isinstance(value, str) for value in event["data"].values())


# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_command_takes_its_time(ask_radarr: Caller, clock: ManualClock, radarr: RadarrSimulator) -> None:
    command = (await ask_radarr("POST", "/command", body={"name": "rsssync"}, status=201)).json()
    assert (command["name"], command["status"]) == ("RssSync", "queued")
    again = (await ask_radarr("POST", "/command", body={"name": "RssSync"}, status=201)).json()
    assert again["id"] == command["id"]
    assert (await ask_radarr.get(f"/command/{command['id']}"))["status"] == "started"
    clock.advance(radarr.commands.default_takes)
    done = await ask_radarr.get(f"/command/{command['id']}")
    assert (done["status"], done["result"], done["duration"]) == ("completed", "successful", "00:00:02")
    clock.advance(timedelta(minutes=6))
    assert await ask_radarr.get("/command") == []


async def test_an_unknown_command_is_a_500(ask_radarr: Caller) -> None:
    await ask_radarr("POST", "/command", body={"name": "MakeCoffee"}, status=500)
    await ask_radarr("POST", "/command", body={"name": "SeriesSearch"}, status=500)  # is Sonarr's


async def test_a_command_can_fail_and_be_cancelled(
    ask_sonarr: Caller, clock: ManualClock, sonarr: SonarrSimulator
) -> None:
    body = {"name": "SeasonSearch", "seriesId": 999, "seasonNumber": 1}
    failing = (await ask_sonarr("POST", "/command", body=body)).json()
    await ask_sonarr("DELETE", f"/command/{failing['id']}", status=409)  # it runs already
    clock.advance(timedelta(seconds=10))
    failed = await ask_sonarr.get(f"/command/{failing['id']}")
    assert (failed["status"], failed["result"]) == ("failed", "unsuccessful")
    assert "999" in failed["exception"]
    sonarr.commands.hold()
    held = (await ask_sonarr("POST", "/command", body={"name": "RssSync"})).json()
    assert (await ask_sonarr.get(f"/command/{held['id']}"))["status"] == "queued"
    await ask_sonarr("DELETE", f"/command/{held['id']}")
    assert (await ask_sonarr.get(f"/command/{held['id']}"))["status"] == "cancelled"


# --- releases --------------------------------------------------------------------------------------------------------


async def test_an_interactive_search_can_be_grabbed_for_half_an_hour(
    ask_radarr: Caller, clock: ManualClock, radarr: RadarrSimulator
) -> None:
    results = await ask_radarr.get("/release", movieId="6")
    assert [each["releaseWeight"] for each in results] == list(range(len(results)))
    assert all(each["approved"] == (not each["rejections"]) for each in results)
    good = next(each for each in results if each["approved"])
    grab = {"guid": good["guid"], "indexerId": good["indexerId"]}
    clock.advance(timedelta(minutes=31))
    late = (await ask_radarr("POST", "/release", body=grab, status=404)).json()
    assert late["message"] == "Couldn't find requested release in cache, try searching again"
    await ask_radarr.get("/release", movieId="6")
    await ask_radarr("POST", "/release", body=grab)
    (record,) = (await ask_radarr.get("/queue"))["records"]
    assert (record["title"], record["movieId"]) == (good["title"], 6)
    assert record["indexer"] == good["indexer"]
    assert good["indexer"].endswith(" (Prowlarr)")  # as it names what it syncs
    (grabbed,) = (await ask_radarr.get("/history", eventType="1", movieIds="6"))["records"]
    assert grabbed["downloadId"] == record["downloadId"]
    assert grabbed["data"]["guid"] == good["guid"]
    # what is in the queue already isn't wanted a second time
    same = next(each for each in await ask_radarr.get("/release", movieId="6") if each["guid"] == good["guid"])
    assert same["rejections"] == ["Quality for release in queue already meets cutoff: Bluray-1080p v1"]


async def test_an_indexer_that_gives_nothing_out_is_a_conflict(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    result = (await ask_radarr.get("/release", movieId="6"))[0]
    radarr.grabbing.refusing_indexers.add(result["indexerId"])
    await ask_radarr("POST", "/release", body={"guid": result["guid"], "indexerId": result["indexerId"]}, status=409)


async def test_a_failed_download_is_searched_again_and_another_is_taken(
    ask_radarr: Caller, clock: ManualClock, radarr: RadarrSimulator
) -> None:
    await ask_radarr("POST", "/command", body={"name": "MoviesSearch", "movieIds": [6]})
    first = await only_record(ask_radarr)
    await ask_radarr("DELETE", f"/queue/{first['id']}", query=[("blocklist", "true")])
    second = await only_record(ask_radarr)
    assert second["title"] != first["title"]
    (blocked,) = (await ask_radarr.get("/blocklist"))["records"]
    assert (blocked["sourceTitle"], blocked["movie"]["id"]) == (first["title"], 6)
    # the queue objects first, and then nobody asks the blocklist
    refused = next(each for each in await ask_radarr.get("/release", movieId="6") if each["title"] == first["title"])
    assert refused["rejections"] == ["Quality for release in queue already meets cutoff: Bluray-1080p v1"]
    await ask_radarr("DELETE", f"/queue/{second['id']}", query=[("blocklist", "true"), ("skipRedownload", "true")])
    assert [event.event for event in radarr.history.events[-4:]] == [
        "grabbed",
        "downloadFailed",
        "grabbed",
        "downloadFailed",
    ]
    refused = next(each for each in await ask_radarr.get("/release", movieId="6") if each["title"] == first["title"])
    assert refused["rejections"] == ["Release is blocklisted"]
    assert (await ask_radarr.get("/queue"))["totalRecords"] == 0


async def only_record(ask: Caller) -> dict[str, Any]:
    """Return the record of the queue, once what was started has put it there."""
    await ask.simulator.idle()
    (record,) = (await ask.get("/queue"))["records"]
    return dict(record)


async def test_a_season_search_prefers_a_pack(ask_sonarr: Caller, sonarr: SonarrSimulator) -> None:
    series = sonarr.library.series[2]
    for episode in series.season(1):
        episode.file = None
    await ask_sonarr("POST", "/command", body={"name": "SeasonSearch", "seriesId": 2, "seasonNumber": 1})
    await sonarr.idle()
    records = (await ask_sonarr.get("/queue", pageSize="50"))["records"]
    packs = [each for each in await ask_sonarr.get("/release", seriesId="2", seasonNumber="1") if each["fullSeason"]]
    assert {each["title"] for each in records} <= {each["title"] for each in packs}
    assert len(records) == 8


# --- the library -----------------------------------------------------------------------------------------------------


async def test_what_is_missing_and_what_should_be_better(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    missing = (await ask_radarr.get("/wanted/missing"))["records"]
    assert [each["title"] for each in missing] == ["His Girl Friday", "Salt and Signal"]
    others = (await ask_radarr.get("/wanted/missing", monitored="false"))["records"]
    assert [each["title"] for each in others] == ["Häxan"]
    better = (await ask_radarr.get("/wanted/cutoff"))["records"]
    assert {"Nosferatu", "The General"} <= {each["title"] for each in better}
    assert all(each["movieFile"]["qualityCutoffNotMet"] for each in better)
    coming = await ask_radarr.get("/calendar", start="2026-11-21T00:00:00Z", end="2026-12-05T00:00:00Z")
    assert [each["title"] for each in coming] == ["Northbound Ferry"]


async def test_a_lookup_has_no_id_until_it_is_added(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    (found,) = await ask_radarr.get("/movie/lookup", term="carnival of souls")
    assert "id" not in found
    assert "path" not in found
    body = found | {"qualityProfileId": 4, "rootFolderPath": "/data/media/movies", "monitored": True, "tags": [1]}
    added = (await ask_radarr("POST", "/movie", body=body, status=201)).json()
    assert added["path"] == "/data/media/movies/Carnival of Souls (1962)"
    for term in ("carnival", f"tmdb:{found['tmdbId']}", f"imdbid: {found['imdbId']}"):
        assert (await ask_radarr.get("/movie/lookup", term=term))[0]["id"] == added["id"]
    await ask_radarr("DELETE", f"/movie/{added['id']}")
    assert "id" not in (await ask_radarr.get("/movie/lookup", term="carnival"))[0]


async def test_series_count_what_aired_and_what_there_is(ask_sonarr: Caller, sonarr: SonarrSimulator) -> None:
    harbour = await ask_sonarr.get("/series/1")
    assert harbour["statistics"] | {"sizeOnDisk": 0, "releaseGroups": []} == {
        "seasonCount": 3,
        "episodeFileCount": 23,
        "episodeCount": 25,
        "totalEpisodeCount": 30,
        "percentOfEpisodes": 92.0,
        "sizeOnDisk": 0,
        "releaseGroups": [],
    }
    missing = (await ask_sonarr.get("/wanted/missing", includeSeries="true"))["records"]
    assert [each["series"]["title"] for each in missing].count("Harbour Lights") == 2
    today = await ask_sonarr.get("/calendar")
    assert all(each["airDateUtc"] < "2026-11-23" for each in today)
    await ask_sonarr("PUT", "/episode/monitor", body={"episodeIds": [missing[0]["id"]], "monitored": False})
    assert (await ask_sonarr.get("/wanted/missing"))["totalRecords"] == len(missing) - 1


async def test_a_season_can_be_unmonitored(ask_sonarr: Caller) -> None:
    series = await ask_sonarr.get("/series/1")
    series["seasons"][0]["monitored"] = False
    await ask_sonarr("PUT", "/series/1", body=series, status=202)
    episodes = await ask_sonarr.get("/episode", seriesId="1", seasonNumber="1")
    assert {each["monitored"] for each in episodes} == {False}


async def test_a_large_library_answers(session: ClientSession, clock: ManualClock) -> None:
    library = Library.large(clock.now())
    async with RadarrSimulator(library, clock=clock) as radarr:
        movies = await Caller(radarr, session).get("/movie")
    assert len(movies) == 9000
    assert len({each["tmdbId"] for each in movies}) == 9000


# --- settings --------------------------------------------------------------------------------------------------------


async def test_a_password_never_leaves(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.add_qbittorrent("http://qbittorrent:8080", username="admin", password="hidden", category="films")
    (client,) = await ask_radarr.get("/downloadclient")
    assert field(client, "password") == "********"
    assert [field(client, name) for name in ("host", "port", "useSsl", "username", "movieCategory")] == [
        "qbittorrent",
        8080,
        False,
        "admin",
        "films",
    ]
    # stars that come back change nothing
    changed = with_field(client, movieCategory="movies")
    await ask_radarr("PUT", "/downloadclient/1", query=[("forceSave", "true")], body=changed, status=202)
    provider = radarr.download_clients.items[1]
    assert (provider.values["password"], provider.values["movieCategory"]) == ("hidden", "movies")


async def test_sonarr_calls_its_category_otherwise(ask_sonarr: Caller, sonarr: SonarrSimulator) -> None:
    sonarr.add_qbittorrent("https://box.example/qbt", password="x", imported_category="done")
    (client,) = await ask_sonarr.get("/downloadclient")
    assert [field(client, name) for name in ("tvCategory", "tvImportedCategory", "useSsl", "port", "urlBase")] == [
        "sonarr",
        "done",
        True,
        443,
        "/qbt",
    ]


async def test_tags_are_kept_in_lower_case(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    tag = (await ask_radarr("POST", "/tag", body={"label": "KEEP"}, status=201)).json()
    assert tag == {"id": 1, "label": "keep"}  # it was there
    await ask_radarr("PUT", "/movie/editor", body={"movieIds": [1], "tags": [1], "applyTags": "add"})
    (detail,) = [each for each in await ask_radarr.get("/tag/detail") if each["id"] == 1]
    assert detail["movieIds"] == [1]


async def test_an_unreachable_root_folder_has_no_free_space(ask_radarr: Caller, radarr: RadarrSimulator) -> None:
    radarr.root_folders[1].accessible = False
    folder = await ask_radarr.get("/rootfolder/1")
    assert folder["accessible"] is False
    assert "freeSpace" not in folder
    radarr.disks[2].free_bytes = 5
    assert (await ask_radarr.get("/rootfolder/2"))["freeSpace"] == 5


async def test_history_since(ask_radarr: Caller, clock: ManualClock, radarr: RadarrSimulator) -> None:
    events = await ask_radarr.get("/history/since", date="2026-11-01T00:00:00Z", eventType="downloadFolderImported")
    dates = [datetime.fromisoformat(each["date"]) for each in events]
    assert dates == sorted(dates)
    assert dates
    assert dates[0] >= datetime(2026, 11, 1, tzinfo=UTC)
    newest = events[-1]
    movie = radarr.library.movies[newest["movieId"]]
    assert newest["data"]["importedPath"] == f"{movie.path}/{movie.file.relative_path}" if movie.file else False
