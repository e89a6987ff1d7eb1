"""What Radarr's and Sonarr's clients share."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
import pytest

from custom_components.sokoul.clients.arr import MAX_PAGES, PAGE_SIZE, ArrClient
from custom_components.sokoul.clients.errors import (
    NotFound,
    NotTheApi,
    Refused,
    UnexpectedResponse,
    WrongApplication,
)
from custom_components.sokoul.clients.prowlarr import ProwlarrClient
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.library import (
    ApplicationStatus,
    ArrWiring,
    Command,
    CommandResult,
    CommandStatus,
    Disk,
    DownloadClientLink,
    HealthIssue,
    KnownFile,
    Protocol,
    QueueItem,
    QueueStatus,
    RemotePathMapping,
    RootFolder,
    Severity,
    TrackedState,
    TrackedStatus,
    Webhook,
)

from .canned import CannedAnswer, paged, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")

both = pytest.mark.parametrize("kind", [RadarrClient, SonarrClient])

HASH = "0123456789ABCDEF0123456789ABCDEF01234567"


# --- status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RadarrClient, SonarrClient, ProwlarrClient])
async def test_status_names_the_application(kind: type[ArrClient]) -> None:
    answer = {
        "appName": kind.application,
        "instanceName": "4K",
        "version": "6.0.3.10",
        "urlBase": "/media/arr",
    }
    async with talking(kind, {f"GET /media/arr/{kind.api}/system/status": answer}, path="/media/arr") as (
        client,
        server,
    ):
        assert await client.status() == ApplicationStatus(
            name=kind.application, version="6.0.3.10", instance_name="4K", url_base="/media/arr"
        )
        assert server.requests[0].headers["X-Api-Key"] == "the-key"


async def test_status_without_what_may_be_left_out() -> None:
    answer = {"appName": "Radarr", "version": "6.0.3.10"}
    async with talking(RadarrClient, {"GET /api/v3/system/status": answer}) as (client, _):
        assert await client.status() == ApplicationStatus(name="Radarr", version="6.0.3.10", instance_name="Radarr")


@pytest.mark.parametrize(
    ("kind", "path", "found"),
    [
        pytest.param(RadarrClient, "/api/v3", "Sonarr", id="a sister with the same API"),
        pytest.param(SonarrClient, "/api/v3", "Radarr", id="the other sister"),
        pytest.param(RadarrClient, "/api/v1", "Prowlarr", id="a relative with another API"),
        pytest.param(SonarrClient, "/api/v1", "Lidarr", id="a relative that is not supported at all"),
        pytest.param(ProwlarrClient, "/api/v3", "Sonarr", id="Prowlarr was expected"),
    ],
)
async def test_another_application_of_the_family_is_named(kind: type[ArrClient], path: str, found: str) -> None:
    answers = {f"GET {path}/system/status": {"appName": found, "version": "2.3.0"}}
    async with talking(kind, answers) as (client, _):
        with pytest.raises(WrongApplication, match=f"this is {found}, not {kind.application}") as raised:
            await client.status()
    assert raised.value.found == found


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(web.Response(status=404), id="nothing"),
        pytest.param(web.Response(status=401), id="something locked"),
        pytest.param({"version": "1"}, id="something without a name"),
        pytest.param(["?"], id="something else"),
    ],
)
async def test_an_address_without_the_api_is_told_apart_from_a_missing_item(other: CannedAnswer) -> None:
    async with talking(RadarrClient, {"GET /api/v1/system/status": other}) as (client, _):
        with pytest.raises(NotTheApi, match="Radarr's API is not there") as raised:
            await client.status()
    assert raised.value.status == 404


async def test_a_status_without_a_name_is_not_taken_for_ours() -> None:
    async with talking(RadarrClient, {"GET /api/v3/system/status": {"version": "6.0.3"}}) as (client, _):
        with pytest.raises(UnexpectedResponse, match="appName"):
            await client.status()


# --- health, disks, folders, counts ----------------------------------------------------------------------------------


@both
async def test_health(kind: type[ArrClient]) -> None:
    answer = [
        {"id": 1, "source": "IndexerStatusCheck", "type": "warning", "message": "Down", "wikiUrl": "https://wiki/1"},
        {
            "id": 2,
            "source": "UpdateCheck",
            "type": "fromTheFuture",
            "message": "?",
            "wikiUrl": {"fullUri": "https://w"},
        },
        {"id": 3, "type": "error"},
    ]
    async with talking(kind, {"GET /api/v3/health": answer}) as (client, _):
        assert await client.health() == (
            HealthIssue(
                source="IndexerStatusCheck", severity=Severity.WARNING, message="Down", wiki_url="https://wiki/1"
            ),
            HealthIssue(source="UpdateCheck", severity=Severity.UNKNOWN, message="?", wiki_url="https://w"),
            HealthIssue(source="", severity=Severity.ERROR, message=""),
        )


@both
async def test_disks_and_root_folders(kind: type[ArrClient]) -> None:
    answers = {
        "GET /api/v3/diskspace": [
            {"path": "/data", "label": "tank", "freeSpace": 7, "totalSpace": 10},
            {"path": "/", "freeSpace": 1, "totalSpace": 2},
        ],
        "GET /api/v3/rootfolder": [
            {"id": 1, "path": "/data/media", "accessible": True, "freeSpace": 7, "unmappedFolders": []},
            {"id": 2, "path": "/mnt/gone", "accessible": False},
        ],
    }
    async with talking(kind, answers) as (client, _):
        assert await client.disks() == (
            Disk(path="/data", free_bytes=7, total_bytes=10, label="tank"),
            Disk(path="/", free_bytes=1, total_bytes=2),
        )
        assert await client.root_folders() == (
            RootFolder(path="/data/media", accessible=True, free_bytes=7),
            RootFolder(path="/mnt/gone", accessible=False),
        )


@both
async def test_counts_cost_one_record(kind: type[ArrClient]) -> None:
    answers: dict[str, CannedAnswer] = {
        "GET /api/v3/wanted/missing": {"totalRecords": 4321, "records": [{}]},
        "GET /api/v3/wanted/cutoff": {"totalRecords": 12, "records": [{}]},
    }
    async with talking(kind, answers) as (client, server):
        assert await client.missing_count() == 4321
        assert await client.cutoff_unmet_count() == 12
    assert {request.query for request in server.requests} == {(("page", "1"), ("pageSize", "1"), ("monitored", "true"))}


# --- wiring ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "prefix"), [(RadarrClient, "movie"), (SonarrClient, "tv")])
async def test_wiring(kind: type[ArrClient], prefix: str) -> None:
    qbittorrent = {
        "host": "gluetun",
        "port": 8080,
        "useSsl": True,
        "urlBase": "/qbt",
        "username": "admin",
        "password": "hunter2",
        f"{prefix}Category": "wanted",
        f"{prefix}ImportedCategory": "done",
    }
    answers: dict[str, CannedAnswer] = {
        "GET /api/v3/downloadclient": [
            {
                "id": 1,
                "name": "qBittorrent",
                "implementation": "QBittorrent",
                "protocol": "torrent",
                "enable": True,
                "removeCompletedDownloads": True,
                "fields": [{"name": name, "value": value} for name, value in qbittorrent.items()],
            },
            {
                "id": 2,
                "name": "Watch folder",
                "implementation": "UsenetBlackhole",
                "protocol": "usenet",
                "enable": False,
                "removeCompletedDownloads": False,
                "fields": [
                    {"name": "nzbFolder", "value": "/nzb"},
                    {"name": "host", "value": 7},
                    {"name": "port", "value": "x"},
                    {"name": "username", "value": ""},
                ],
            },
            {"id": 3, "implementation": "FromTheFuture", "protocol": "carrierPigeon", "enable": True},
        ],
        "GET /api/v3/remotepathmapping": [
            {"id": 1, "host": "gluetun", "remotePath": "/downloads/", "localPath": "/data/torrents/"}
        ],
        "GET /api/v3/rootfolder": [{"id": 1, "path": "/data/media", "accessible": True}],
        "GET /api/v3/config/mediamanagement": {"id": 1, "copyUsingHardlinks": True},
    }
    async with talking(kind, answers) as (client, server):
        wiring = await client.wiring()
        assert wiring == ArrWiring(
            download_clients=(
                DownloadClientLink(
                    id=1,
                    name="qBittorrent",
                    implementation="QBittorrent",
                    protocol=Protocol.TORRENT,
                    enabled=True,
                    host="gluetun",
                    port=8080,
                    tls=True,
                    url_base="/qbt",
                    username="admin",
                    category="wanted",
                    imported_category="done",
                    removes_completed=True,
                ),
                DownloadClientLink(
                    id=2,
                    name="Watch folder",
                    implementation="UsenetBlackhole",
                    protocol=Protocol.USENET,
                    enabled=False,
                ),
                DownloadClientLink(
                    id=3, name="", implementation="FromTheFuture", protocol=Protocol.UNKNOWN, enabled=True
                ),
            ),
            path_mappings=(RemotePathMapping(host="gluetun", remote_path="/downloads/", local_path="/data/torrents/"),),
            root_folders=(RootFolder(path="/data/media", accessible=True),),
            hardlinks=True,
        )
        assert "hunter2" not in repr(wiring)
        server.answers["GET /api/v3/config/mediamanagement"] = {"id": 1}
        assert (await client.wiring()).hardlinks is None


# --- queue -----------------------------------------------------------------------------------------------------------


def record(id_: int, **more: Any) -> dict[str, Any]:
    """Return a queue record without what may be left out."""
    return {"id": id_, "title": f"Release.{id_}", "protocol": "torrent", "size": 10, "sizeleft": 5, **more}


@both
async def test_a_queue_item_with_everything(kind: type[ArrClient]) -> None:
    full = record(
        182736455,
        title="Some.Movie.2024.1080p.WEB-DL-GRP",
        size=4294967296.0,
        sizeleft=1073741824.5,
        timeleft="1.00:12:34.5000000",
        added="2026-01-05T11:00:00Z",
        status="completed",
        trackedDownloadStatus="warning",
        trackedDownloadState="importBlocked",
        errorMessage="The download is stalled with no connections",
        statusMessages=[
            {"title": "Some.Movie.2024.1080p.WEB-DL-GRP", "messages": ["No files found are eligible for import"]},
            {"title": "sample.mkv", "messages": ["Sample", "Not an upgrade", "Sample"]},
            {"title": "One or more episodes expected in this release were not imported", "messages": []},
            {},
        ],
        downloadId=HASH,
        downloadClient="qBittorrent",
        indexer="X (Prowlarr)",
        outputPath="/data/torrents/Some.Movie",
        quality={"quality": {"id": 3, "name": "WEBDL-1080p"}, "revision": {"version": 1}},
        customFormatScore=-10,
    )
    async with talking(kind, {"GET /api/v3/queue": paged([full])}) as (client, _):
        assert await client.queue() == (
            QueueItem(
                ids=(182736455,),
                download_id=HASH.lower(),
                release="Some.Movie.2024.1080p.WEB-DL-GRP",
                status=QueueStatus.COMPLETED,
                tracked_status=TrackedStatus.WARNING,
                tracked_state=TrackedState.IMPORT_BLOCKED,
                messages=(
                    "No files found are eligible for import",
                    "sample.mkv",
                    "Sample",
                    "Not an upgrade",
                    "One or more episodes expected in this release were not imported",
                ),
                error_message="The download is stalled with no connections",
                protocol=Protocol.TORRENT,
                download_client="qBittorrent",
                indexer="X (Prowlarr)",
                output_path="/data/torrents/Some.Movie",
                size_bytes=4294967296,
                remaining_bytes=1073741824,
                time_left=timedelta(days=1, minutes=12, seconds=34.5),
                added_at=datetime(2026, 1, 5, 11, tzinfo=UTC),
                quality="WEBDL-1080p",
                score=-10,
            ),
        )


@both
async def test_a_queue_item_with_nothing(kind: type[ArrClient]) -> None:
    async with talking(kind, {"GET /api/v3/queue": paged([{"id": 1}, {"id": 2, "quality": {}}])}) as (client, _):
        assert await client.queue() == (
            QueueItem(ids=(1,), download_id=None, release=""),
            QueueItem(ids=(2,), download_id=None, release=""),
        )


@both
async def test_values_from_a_newer_version_are_unknown(kind: type[ArrClient]) -> None:
    new = record(1, status="paused2", trackedDownloadStatus="meh", trackedDownloadState="seeding", protocol="ipfs")
    async with talking(kind, {"GET /api/v3/queue": paged([{**new, "downloadId": "QmAbC"}])}) as (client, _):
        (item,) = await client.queue()
    assert item.status is QueueStatus.UNKNOWN
    assert item.tracked_status is TrackedStatus.UNKNOWN
    assert item.tracked_state is TrackedState.UNKNOWN
    assert item.protocol is Protocol.UNKNOWN
    assert item.download_id == "QmAbC"


@both
async def test_only_info_hashes_lose_their_case(kind: type[ArrClient]) -> None:
    records = [record(1, downloadId="SABnzbd_nzo_Ab12", protocol="usenet"), record(2, downloadId=HASH)]
    async with talking(kind, {"GET /api/v3/queue": paged(records)}) as (client, _):
        assert [item.download_id for item in await client.queue()] == ["SABnzbd_nzo_Ab12", HASH.lower()]


@both
async def test_the_queue_is_asked_for_as_a_whole(kind: type[ArrClient]) -> None:
    async with talking(kind, {"GET /api/v3/queue": paged([])}) as (client, server):
        assert await client.queue() == ()
    query = dict(server.requests[0].query)
    assert query["pageSize"] == str(PAGE_SIZE)
    wanted = {"includeUnknownMovieItems", "includeMovie"}
    if kind is SonarrClient:
        wanted = {"includeUnknownSeriesItems", "includeSeries", "includeEpisode"}
    assert {name for name, value in query.items() if value == "true"} == wanted


@both
async def test_ten_thousand_items(kind: type[ArrClient]) -> None:
    records = [record(number, downloadId=f"{number:040X}") for number in range(10_000)]
    async with talking(kind, {"GET /api/v3/queue": paged(records)}) as (client, server):
        queue = await client.queue()
    assert [item.ids for item in queue] == [(number,) for number in range(10_000)]
    assert len(server.requests) == 10_000 // PAGE_SIZE


@both
async def test_an_equal_queue_is_the_same_object(kind: type[ArrClient]) -> None:
    """Comparing ten thousand equal items would take longer than the event loop may be held up."""
    records = [record(number, downloadId="SEASON" if number < 3 else f"{number:040X}") for number in range(500)]
    async with talking(kind, {"GET /api/v3/queue": paged(records)}) as (client, server):
        before = await client.queue()
        assert await client.queue() is before
        assert len(server.requests) == 2 * 3  # it is asked for all the same


@both
async def test_items_of_a_queue_that_did_not_change_are_the_same_objects(kind: type[ArrClient]) -> None:
    records = [record(number, downloadId="SEASON" if number < 3 else f"{number:040X}") for number in range(500)]
    async with talking(kind, {"GET /api/v3/queue": paged(records)}) as (client, _):
        before = {item.ids: item for item in await client.queue()}
        records[250] = {**records[250], "sizeleft": 1}
        del records[10]  # all after it move, from page to page too
        records.append(record(777, downloadId="F" * 40))
        after = {item.ids: item for item in await client.queue()}
        new = {ids for ids, item in after.items() if before.get(ids) is not item}
        assert new == {(250,), (777,)}
        assert before.keys() - after.keys() == {(10,)}
        assert after[0, 1, 2].ids == (0, 1, 2)
        assert after[250,].remaining_bytes == 1
        records[1] = {**records[1], "sizeleft": 9}
        season = next(item for item in await client.queue() if 1 in item.ids)
    assert season.remaining_bytes == 9


async def test_a_queue_that_could_not_be_read_to_its_end_is_read_anew() -> None:
    records = [record(number) for number in range(500)]
    answers: dict[str, CannedAnswer] = {"GET /api/v3/queue": paged(records)}
    async with talking(RadarrClient, answers) as (client, server):
        before = await client.queue()
        records[0] = {**records[0], "sizeleft": 1}
        server.answers["GET /api/v3/queue"] = lambda request: (
            paged(records)(request) if request.query["page"] == "1" else web.Response(status=500)
        )
        with pytest.raises(UnexpectedResponse):
            await client.queue()
        server.answers["GET /api/v3/queue"] = paged(records)
        after = await client.queue()
    assert after[0].remaining_bytes == 1
    assert [one is other for one, other in zip(before, after, strict=True)] == [False] + 499 * [True]


def changing(*stages: list[dict[str, Any]]) -> CannedAnswer:
    """Answer each page from another stage of the queue's life."""

    def page(request: web.Request) -> Any:
        number = int(request.query["page"])
        return paged(stages[min(number, len(stages)) - 1])(request)

    return page


MANY = [record(number) for number in range(5 * PAGE_SIZE // 2)]


@pytest.mark.parametrize(
    ("answer", "ids", "requests"),
    [
        pytest.param(
            changing(MANY, [record(9999), *MANY]), {*range(len(MANY))}, 3, id="one came at the front: found next time"
        ),
        pytest.param(changing(MANY, [*MANY, record(9999)]), {*range(len(MANY)), 9999}, 3, id="one came at the end"),
        pytest.param(
            changing(MANY, MANY[5:]), {*range(len(MANY))} - {*range(PAGE_SIZE, PAGE_SIZE + 5)}, 3, id="some left"
        ),
        pytest.param(
            changing(MANY, MANY[: PAGE_SIZE // 2]), {*range(PAGE_SIZE)}, 2, id="most left: the page is past the end"
        ),
        pytest.param(changing(MANY, []), {*range(PAGE_SIZE)}, 2, id="all left"),
        pytest.param(lambda _: {"totalRecords": 10**9, "records": MANY[:9]}, {*range(9)}, 2, id="paging is ignored"),
    ],
)
async def test_a_queue_that_changes_while_it_is_read(answer: CannedAnswer, ids: set[int], requests: int) -> None:
    async with talking(RadarrClient, {"GET /api/v3/queue": answer}) as (client, server):
        queue = await client.queue()
    assert sorted(item.ids[0] for item in queue) == sorted(ids)
    assert len(server.requests) == requests


async def test_a_queue_without_an_end_is_given_up() -> None:
    def endless(request: web.Request) -> Any:
        return {"totalRecords": 10**9, "records": [record(int(request.query["page"]))]}

    async with talking(RadarrClient, {"GET /api/v3/queue": endless}) as (client, server):
        assert len(await client.queue()) == MAX_PAGES
    assert len(server.requests) == MAX_PAGES


@both
@pytest.mark.parametrize(
    ("page", "place"),
    [
        pytest.param({"records": []}, "totalRecords", id="no total"),
        pytest.param({"totalRecords": 3}, "queue.records", id="no records: not an empty queue"),
        pytest.param({"totalRecords": 1, "records": [{"title": "x"}]}, r"records\[0\].id", id="a record without id"),
        pytest.param({"totalRecords": 1, "records": ["x"]}, r"records\[0\]", id="a record that is none"),
        pytest.param({"totalRecords": 1, "records": [record(1, size="10")]}, "size", id="a text for a number"),
        pytest.param({"totalRecords": 1, "records": [record(1, timeleft=12)]}, "timeleft", id="a number for a span"),
        pytest.param({"totalRecords": 1, "records": [record(1, added="soon")]}, "added", id="not a time"),
        pytest.param({"totalRecords": 1, "records": [record(1, statusMessages=["x"])]}, "statusMessages", id="texts"),
        pytest.param([], "queue", id="a list"),
    ],
)
async def test_a_damaged_queue_is_no_queue(kind: type[ArrClient], page: Any, place: str) -> None:
    async with talking(kind, {"GET /api/v3/queue": page}) as (client, _):
        with pytest.raises(UnexpectedResponse, match=place):
            await client.queue()


# --- removal, commands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_client", [True, False])
@pytest.mark.parametrize("blocklist", [True, False])
@pytest.mark.parametrize("search_again", [True, False])
@pytest.mark.parametrize("ids", [(7,), (9, 7)])
async def test_removal(ids: tuple[int, ...], *, from_client: bool, blocklist: bool, search_again: bool) -> None:
    answers = {"DELETE /api/v3/queue/7": web.Response(), "DELETE /api/v3/queue/bulk": {}}
    async with talking(RadarrClient, answers) as (client, server):
        await client.remove_queue_items(ids, from_client=from_client, blocklist=blocklist, search_again=search_again)
    (request,) = server.requests
    assert dict(request.query) == {
        "removeFromClient": str(from_client).lower(),
        "blocklist": str(blocklist).lower(),
        "skipRedownload": str(not search_again).lower(),
    }
    if len(ids) == 1:
        assert (request.path, request.body) == ("/api/v3/queue/7", b"")
    else:
        assert (request.path, request.json()) == ("/api/v3/queue/bulk", {"ids": [7, 9]})


async def test_removing_nothing_asks_nothing() -> None:
    async with talking(RadarrClient, {}) as (client, server):
        await client.remove_queue_items((), from_client=True, blocklist=True, search_again=True)
    assert server.requests == []


@pytest.mark.parametrize("ids", [(7,), (7, 9)])
async def test_removing_what_has_left_is_not_found(ids: tuple[int, ...]) -> None:
    async with talking(RadarrClient, {}) as (client, _):
        with pytest.raises(NotFound, match="queue/"):
            await client.remove_queue_items(ids, from_client=True, blocklist=False, search_again=False)


@both
async def test_commands(kind: type[ArrClient]) -> None:
    def started(_: web.Request) -> web.Response:
        return web.json_response(
            {"id": 31, "name": "RefreshMonitoredDownloads", "status": "queued", "queued": "2026-01-05T11:00:00Z"},
            status=201,
        )

    answers: dict[str, CannedAnswer] = {
        "POST /api/v3/command": started,
        "GET /api/v3/command/31": {
            "id": 31,
            "name": "RefreshMonitoredDownloads",
            "status": "completed",
            "result": "unsuccessful",
            "message": "Nothing to do",
            "queued": "2026-01-05T11:00:00Z",
            "started": "2026-01-05T11:00:01Z",
            "ended": "2026-01-05T11:00:02Z",
        },
        "GET /api/v3/command/32": {"id": 32, "name": "X", "status": "levitating", "result": "mixed"},
    }
    async with talking(kind, answers) as (client, server):
        queued = await client.run_command("RefreshMonitoredDownloads", priority="high")
        assert queued == Command(
            id=31,
            name="RefreshMonitoredDownloads",
            status=CommandStatus.QUEUED,
            queued_at=datetime(2026, 1, 5, 11, tzinfo=UTC),
        )
        assert not queued.finished
        assert server.requests[0].json() == {"name": "RefreshMonitoredDownloads", "priority": "high"}
        done = await client.command(31)
        assert done == Command(
            id=31,
            name="RefreshMonitoredDownloads",
            status=CommandStatus.COMPLETED,
            result=CommandResult.UNSUCCESSFUL,
            message="Nothing to do",
            queued_at=datetime(2026, 1, 5, 11, tzinfo=UTC),
            started_at=datetime(2026, 1, 5, 11, 0, 1, tzinfo=UTC),
            ended_at=datetime(2026, 1, 5, 11, 0, 2, tzinfo=UTC),
        )
        assert done.finished
        assert not (await client.command(32)).finished
        with pytest.raises(NotFound):
            await client.command(33)


# --- webhooks --------------------------------------------------------------------------------------------------------

URL = "http://homeassistant.local:8123/api/webhook/secret"


class Notifications:
    """The notifications of an *arr, kept as it keeps them."""

    def __init__(self, *resources: dict[str, Any]) -> None:
        self.resources = {resource["id"]: resource for resource in resources}
        self.refusal: web.Response | None = None

    def answers(self) -> dict[str, CannedAnswer]:
        return {
            "GET /api/v3/notification": lambda _: list(self.resources.values()),
            "GET /api/v3/notification/schema": [
                {"implementation": "Email", "fields": [{"name": "server"}], "onGrab": False},
                resource(id=0, name="", url=None),
            ],
        }


def resource(*, id: int, name: str, url: str | None, method: int = 1, **flags: bool) -> dict[str, Any]:  # noqa: A002
    """Return a webhook with some more than what the client looks at."""
    return {
        "id": id,
        "name": name,
        "implementation": "Webhook",
        "configContract": "WebhookSettings",
        "tags": [3],
        "fields": [
            {"order": 0, "name": "url", "type": "url", **({"value": url} if url else {})},
            {"order": 1, "name": "method", "type": "select", "value": method},
            {"order": 2, "name": "password", "privacy": "password", "value": "********"},
        ],
        "onGrab": False,
        "onDownload": False,
        "onHealthIssue": False,
        "includeHealthWarnings": False,
        "onRename": False,
        "onApplicationUpdate": False,
        "supportsOnGrab": True,
        "supportsOnDownload": True,
        "supportsOnHealthIssue": True,
        "supportsOnRename": True,
        "supportsOnApplicationUpdate": False,
        "online": True,  # no event, whatever it may come to mean
        "isOn": True,
        **flags,
    }


RIGHT = resource(id=4, name="SOKOUL", url=URL, onGrab=True, onDownload=True)
FOREIGN = resource(id=1, name="Home", url="http://elsewhere/", onRename=True)
MAIL = {"id": 2, "name": "SOKOUL mail", "implementation": "Email", "fields": [], "onGrab": True}


async def test_webhooks_are_listed_and_nothing_else() -> None:
    async with talking(RadarrClient, Notifications(FOREIGN, MAIL, RIGHT).answers()) as (client, _):
        webhooks = await client.webhooks()
    assert webhooks == (
        Webhook(id=1, name="Home", url="http://elsewhere/", events=frozenset({"onRename"})),
        Webhook(id=4, name="SOKOUL", url=URL, events=frozenset({"onGrab", "onDownload"})),
    )
    assert "secret" not in repr(webhooks)


async def test_a_webhook_is_made_from_the_schema() -> None:
    answers = Notifications(FOREIGN, MAIL).answers()
    answers["POST /api/v3/notification"] = lambda _: web.json_response({"id": 5}, status=201)
    async with talking(RadarrClient, answers) as (client, server):
        events = {"onGrab", "onHealthIssue", "onApplicationUpdate", "onFutureEvent"}
        assert await client.ensure_webhook("SOKOUL", URL, events) == 5
    # what the schema has stays, unsupported and unknown events are left out
    assert server.requests[-1].json() == resource(
        id=0, name="SOKOUL", url=URL, onGrab=True, onHealthIssue=True, includeHealthWarnings=True
    ) | {"fields": _fields(URL)}
    assert server.requests[-1].query == ()


def _fields(url: str) -> list[dict[str, Any]]:
    return [
        {"order": 0, "name": "url", "type": "url", "value": url},
        {"order": 1, "name": "method", "type": "select", "value": 1},
        {"order": 2, "name": "password", "privacy": "password", "value": "********"},
    ]


async def test_a_webhook_that_is_right_is_left_alone() -> None:
    async with talking(RadarrClient, Notifications(FOREIGN, RIGHT).answers()) as (client, server):
        assert await client.ensure_webhook("SOKOUL", URL, {"onGrab", "onDownload"}) == 4
    assert server.sent() == ["GET /api/v3/notification"]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(resource(id=4, name="SOKOUL", url="http://old/", onGrab=True, onDownload=True), id="another URL"),
        pytest.param(resource(id=4, name="SOKOUL", url=None, onGrab=True, onDownload=True), id="no URL"),
        pytest.param(resource(id=4, name="SOKOUL", url=URL, onGrab=True), id="an event is missing"),
        pytest.param(
            resource(id=4, name="SOKOUL", url=URL, onGrab=True, onDownload=True, onRename=True), id="one too many"
        ),
        pytest.param(resource(id=4, name="SOKOUL", url=URL, method=2, onGrab=True, onDownload=True), id="PUT"),
    ],
)
async def test_a_webhook_that_is_wrong_is_put_right(wrong: dict[str, Any]) -> None:
    answers = Notifications(FOREIGN, wrong).answers()
    answers["PUT /api/v3/notification/4"] = lambda _: web.json_response({"id": 4}, status=202)
    async with talking(RadarrClient, answers) as (client, server):
        assert await client.ensure_webhook("SOKOUL", URL, {"onGrab", "onDownload"}) == 4
    assert server.sent() == ["GET /api/v3/notification", "PUT /api/v3/notification/4"]
    assert server.requests[-1].json() == RIGHT


@both
async def test_without_events_the_webhook_tells_of_what_matters(kind: type[ArrClient]) -> None:
    schema = resource(id=0, name="", url=None) | dict.fromkeys(kind.webhook_events, False)
    answers: dict[str, CannedAnswer] = {
        "GET /api/v3/notification": [],
        "GET /api/v3/notification/schema": [schema],
        "POST /api/v3/notification": {"id": 1},
    }
    async with talking(kind, answers) as (client, server):
        await client.ensure_webhook("SOKOUL", URL)
    sent = server.requests[-1].json()
    assert all(sent[event] is True for event in kind.webhook_events)
    assert {name for name, value in sent.items() if value != schema.get(name)} == {
        *kind.webhook_events,
        "name",
        "fields",
        "includeHealthWarnings",
    }
    assert {"onGrab", "onDownload", "onHealthIssue", "onManualInteractionRequired"} <= kind.webhook_events


async def test_a_test_event_that_nobody_answers_is_refused_with_the_reason() -> None:
    answers = Notifications().answers()
    failure = [{"propertyName": "Url", "errorMessage": "Unable to send test message: refused", "severity": "error"}]
    answers["POST /api/v3/notification"] = web.json_response(failure, status=400)
    async with talking(RadarrClient, answers) as (client, _):
        with pytest.raises(Refused, match="Unable to send test message: refused") as raised:
            await client.ensure_webhook("SOKOUL", URL, {"onGrab"})
    assert raised.value.status == 400
    assert "secret" not in str(raised.value)


async def test_an_application_without_webhooks() -> None:
    answers = {"GET /api/v3/notification": [], "GET /api/v3/notification/schema": [{"implementation": "Email"}]}
    async with talking(RadarrClient, answers) as (client, _):
        with pytest.raises(UnexpectedResponse, match="no webhook"):
            await client.ensure_webhook("SOKOUL", URL)


async def test_a_webhook_without_fields_gets_them() -> None:
    bare = {"id": 4, "name": "SOKOUL", "implementation": "Webhook", "onGrab": True}
    answers = Notifications(bare).answers()
    answers["PUT /api/v3/notification/4"] = {"id": 4}
    async with talking(RadarrClient, answers) as (client, server):
        await client.ensure_webhook("SOKOUL", URL, {"onGrab"})
    assert server.requests[-1].json() == bare | {
        "fields": [{"name": "url", "value": URL}, {"name": "method", "value": 1}]
    }


async def test_removing_a_webhook() -> None:
    answers = Notifications(FOREIGN, MAIL, RIGHT).answers()
    answers["DELETE /api/v3/notification/4"] = web.Response()
    async with talking(RadarrClient, answers) as (client, server):
        await client.remove_webhook("SOKOUL")
        assert server.sent() == ["GET /api/v3/notification", "DELETE /api/v3/notification/4"]
        await client.remove_webhook("nobody")
        assert server.sent()[2:] == ["GET /api/v3/notification"]
        server.answers["DELETE /api/v3/notification/4"] = web.Response(status=404)
        await client.remove_webhook("SOKOUL")  # another was faster


# --- known files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "path"), [(RadarrClient, "moviefile"), (SonarrClient, "episodefile")])
async def test_files_that_prove_nothing_are_left_out(kind: type[ArrClient], path: str) -> None:
    answers: dict[str, CannedAnswer] = {
        "GET /api/v3/history": {"totalRecords": 1, "records": [{"movieId": 3, "episode": {"episodeFileId": 3}}]},
        f"GET /api/v3/{path}": [
            {"id": 1, "size": 5},
            {"id": 2, "path": "/a", "size": 0},
            {"path": "/c"},
            {"path": "/b", "size": 7},
        ],
    }
    async with talking(kind, answers) as (client, _):
        assert await client.known_files(10) == (KnownFile(path="/b", size_bytes=7),)


async def test_the_last_answers_latency_is_known() -> None:
    async with talking(RadarrClient, {"GET /api/v3/health": []}) as (client, _):
        before = client.latency_seconds
        await client.health()
        after = client.latency_seconds
    assert before is None
    assert after is not None
    assert 0 < after < 5
