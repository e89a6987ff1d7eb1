"""The simulated Radarr and Sonarr with a download client behind them, and the webhooks that they send."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
import pytest

from devstack.arr import ArrSimulator
from devstack.arr_grabbing import invented_magnet
from devstack.clock import ManualClock
from devstack.download_client import TorrentState
from devstack.qbittorrent import QbittorrentSimulator
from devstack.quality import BLURAY_1080P, SDTV, WEBDL_1080P
from devstack.radarr import RadarrSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.releases import Release, movie_releases, season_releases
from devstack.sonarr import SonarrSimulator
from devstack.swarm import LocalSwarm
from devstack.tools import QbittorrentBinary, find_qbittorrents, swarm_python
from tests.devstack.arr_calls import Caller
from tests.devstack.webhook_receiver import Receiver

pytestmark = pytest.mark.usefixtures("socket_enabled")

FRIDAY = 6  # His Girl Friday: monitored, missing
FLAGS = ("onGrab", "onDownload", "onUpgrade", "onHealthIssue", "onHealthRestored", "onManualInteractionRequired")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture(params=["4.5", "5.2"])
async def qbittorrent(request: pytest.FixtureRequest, clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    async with QbittorrentSimulator(request.param, clock=clock, download_dir="/data/torrents") as simulator:
        yield simulator


@pytest.fixture
async def radarr(clock: ManualClock, qbittorrent: QbittorrentSimulator) -> AsyncIterator[RadarrSimulator]:
    async with RadarrSimulator(clock=clock) as simulator:
        simulator.add_qbittorrent(qbittorrent.url, username="admin", password="adminadmin")
        yield simulator


@pytest.fixture
async def sonarr(clock: ManualClock, qbittorrent: QbittorrentSimulator) -> AsyncIterator[SonarrSimulator]:
    async with SonarrSimulator(clock=clock) as simulator:
        simulator.add_qbittorrent(qbittorrent.url, username="admin", password="adminadmin", imported_category="done")
        yield simulator


@pytest.fixture
def ask(radarr: RadarrSimulator, session: ClientSession) -> Caller:
    return Caller(radarr, session)


def listen(arr: ArrSimulator, receiver: Receiver, *flags: str) -> None:
    arr.notifications.add("Webhook", "Listener", {"url": receiver.url}, **dict.fromkeys(flags or FLAGS, True))


def release_of(radarr: RadarrSimulator, number: int = FRIDAY) -> Release:
    """Return a release that would be taken."""
    movie = radarr.library.movies[number]
    found = movie_releases(movie, radarr.clock.now())
    return next(release for release in found if not radarr.grabbing.rejections(release, release.wanted))


async def records(ask: Caller, **query: str) -> list[dict[str, Any]]:
    await ask.simulator.idle()
    assert isinstance(ask.simulator, ArrSimulator)
    await ask.simulator.refresh()
    return list((await ask.get("/queue", pageSize="100", **query))["records"])


# --- grabbing --------------------------------------------------------------------------------------------------------


async def test_a_grab_is_a_torrent_in_the_category(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, receiver: Receiver
) -> None:
    listen(radarr, receiver)
    await ask("POST", "/command", body={"name": "MoviesSearch", "movieIds": [FRIDAY]})
    (record,) = await records(ask)
    (torrent,) = qbittorrent.torrents.values()
    assert (torrent.hash.upper(), torrent.category) == (record["downloadId"], "radarr")
    assert (record["status"], record["errorMessage"]) == ("queued", "qBittorrent is downloading metadata")
    grab = receiver.last("Grab")
    assert (grab["movie"]["id"], grab["downloadId"]) == (FRIDAY, record["downloadId"])
    assert (grab["release"]["releaseTitle"], grab["downloadClient"]) == (record["title"], "qBittorrent")
    assert (grab["instanceName"], grab["applicationUrl"]) == ("Radarr", radarr.url)


@pytest.mark.parametrize(
    ("behaviour", "status", "message"),
    [
        ("downloading", "downloading", None),
        ("stalled", "warning", "The download is stalled with no connections"),
        ("metadata", "queued", "qBittorrent is downloading metadata"),
        ("stopped", "paused", None),
        ("error", "warning", "qBittorrent is reporting an error"),
        ("missing_files", "warning", "qBittorrent is reporting missing files"),
        ("checking", "queued", None),
        ("seeding", "completed", None),
        ("idle", "completed", None),
        ("completed", "completed", None),
    ],
)
async def test_what_is_said_of_a_torrent(
    ask: Caller, qbittorrent: QbittorrentSimulator, behaviour: str, status: str, message: str | None
) -> None:
    name = "His.Girl.Friday.1940.1080p.WEB-DL.DDP5.1.H.264-LANTERN"
    qbittorrent.add_torrent(name, behaviour, category="radarr")
    qbittorrent.add_torrent("Somebody.Elses.Torrent", "downloading")
    (record,) = await records(ask)
    # not grabbed by this Radarr, but its name says what it is
    assert (record["movieId"], record["title"], record["quality"]["quality"]["name"]) == (FRIDAY, name, "WEBDL-1080p")
    assert (record["status"], record.get("errorMessage")) == (status, message)
    assert record["trackedDownloadStatus"] == "ok"
    assert record["trackedDownloadState"] == ("importPending" if status == "completed" else "downloading")


async def test_without_dht_a_magnet_cannot_be_resolved(ask: Caller, qbittorrent: QbittorrentSimulator) -> None:
    qbittorrent.engine.preferences["dht"] = False
    qbittorrent.add_torrent("His.Girl.Friday.1940-X", "metadata", category="radarr")
    (record,) = await records(ask)
    expected = ("warning", "qBittorrent cannot resolve magnet link with DHT disabled")
    assert (record["status"], record["errorMessage"]) == expected


async def test_progress_is_the_torrents(ask: Caller, clock: ManualClock, qbittorrent: QbittorrentSimulator) -> None:
    qbittorrent.add_torrent(
        "His.Girl.Friday.1940-X", "downloading", category="radarr", size_bytes=1_000_000_000, rate=1_000_000
    )
    (before,) = await records(ask)
    clock.advance(timedelta(seconds=100))
    (after,) = await records(ask)
    assert (before["size"], before["sizeleft"] - after["sizeleft"]) == (1_000_000_000, pytest.approx(1e8, rel=0.05))
    assert after["timeleft"] < before["timeleft"]


async def test_the_clients_are_looked_at_every_minute(
    ask: Caller, clock: ManualClock, qbittorrent: QbittorrentSimulator
) -> None:
    assert (await ask.get("/queue"))["totalRecords"] == 0
    qbittorrent.add_torrent("His.Girl.Friday.1940-X", category="radarr")
    clock.advance(timedelta(seconds=59))
    assert (await ask.get("/queue"))["totalRecords"] == 0
    clock.advance(timedelta(seconds=1))
    assert (await ask.get("/queue"))["totalRecords"] == 1


async def test_the_refresh_command_looks_at_once(ask: Caller, qbittorrent: QbittorrentSimulator) -> None:
    assert (await ask.get("/queue"))["totalRecords"] == 0
    qbittorrent.add_torrent("His.Girl.Friday.1940-X", category="radarr")
    await ask("POST", "/command", body={"name": "RefreshMonitoredDownloads"})
    await ask.simulator.idle()
    assert (await ask.get("/queue"))["totalRecords"] == 1


# --- removing --------------------------------------------------------------------------------------------------------


async def grabbed(ask: Caller, radarr: RadarrSimulator) -> dict[str, Any]:
    release = release_of(radarr)
    await radarr.grabbing.grab(release, release.wanted, interactive=True)
    (record,) = await records(ask)
    return dict(record)


async def test_removing_deletes_the_torrent(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    record = await grabbed(ask, radarr)
    await ask("DELETE", f"/queue/{record['id']}")
    assert qbittorrent.torrents == {}
    assert await records(ask) == []
    deleted = [seen for seen in qbittorrent.requests if seen.path.endswith("torrents/delete")]
    assert b"deleteFiles=true" in deleted[-1].body


async def test_giving_up_can_leave_the_torrent(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    record = await grabbed(ask, radarr)
    flags = [("removeFromClient", "false"), ("blocklist", "true"), ("skipRedownload", "true")]
    await ask("DELETE", "/queue/bulk", query=flags, body={"ids": [record["id"]]})
    (torrent,) = qbittorrent.torrents.values()
    assert torrent.category == "radarr"
    assert await records(ask) == []  # a failed one isn't tracked again
    assert [event.event for event in radarr.history.events[-2:]] == ["grabbed", "downloadFailed"]
    assert (await ask.get("/blocklist"))["records"][0]["sourceTitle"] == record["title"]


async def test_an_ignored_torrent_is_left_and_not_tracked(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    record = await grabbed(ask, radarr)
    await ask("DELETE", f"/queue/{record['id']}", query=[("removeFromClient", "false")])
    assert len(qbittorrent.torrents) == 1
    assert await records(ask) == []


async def test_the_category_can_be_changed_instead(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    radarr.download_clients.items[1].values["movieImportedCategory"] = "parked"
    record = await grabbed(ask, radarr)
    assert record["downloadClientHasPostImportCategory"] is True
    flags = [("removeFromClient", "false"), ("changeCategory", "true")]
    await ask("DELETE", f"/queue/{record['id']}", query=flags)
    (torrent,) = qbittorrent.torrents.values()
    assert torrent.category == "parked"
    assert await records(ask) == []


async def test_replacing_takes_another_release(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    first = await grabbed(ask, radarr)
    await ask("DELETE", f"/queue/{first['id']}", query=[("blocklist", "true")])
    (second,) = await records(ask)
    assert second["movieId"] == FRIDAY
    assert second["title"] != first["title"]
    assert [torrent.hash.upper() for torrent in qbittorrent.torrents.values()] == [second["downloadId"]]


async def test_a_removal_that_the_client_does_not_hear_changes_nothing(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    record = await grabbed(ask, radarr)
    await qbittorrent.refuse()
    await ask("DELETE", f"/queue/{record['id']}", status=500)
    await qbittorrent.accept()
    assert len(await records(ask)) == 1


# --- clients that are away -------------------------------------------------------------------------------------------


async def test_the_queue_is_empty_while_the_client_is_away(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, receiver: Receiver
) -> None:
    listen(radarr, receiver)
    await grabbed(ask, radarr)
    await qbittorrent.refuse()
    assert await records(ask) == []
    await records(ask)
    (issue,) = await ask.get("/health")
    assert (issue["source"], issue["type"]) == ("DownloadClientCheck", "error")
    await qbittorrent.accept()
    assert len(await records(ask)) == 1
    assert await ask.get("/health") == []
    await radarr.idle()
    assert receiver.events == ["Grab", "Health", "HealthRestored"]
    assert receiver.last("Health")["type"] == "DownloadClientCheck"


async def test_a_grab_waits_for_the_client_unless_a_person_asked(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    await qbittorrent.refuse()
    found = await ask.get("/release", movieId=str(FRIDAY))
    grab = {"guid": found[0]["guid"], "indexerId": found[0]["indexerId"]}
    await ask("POST", "/release", body=grab, status=500)
    await ask("POST", "/command", body={"name": "MoviesSearch", "movieIds": [FRIDAY]})
    (record,) = await records(ask)
    assert record["status"] == "downloadClientUnavailable"
    assert "downloadId" not in record
    await qbittorrent.accept()
    await ask("POST", f"/queue/grab/{record['id']}")
    (record,) = await records(ask)
    assert record["downloadId"].lower() in qbittorrent.torrents


async def test_what_waits_is_sent_with_the_next_sync(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    await qbittorrent.refuse()
    await ask("POST", "/command", body={"name": "MoviesSearch", "movieIds": [FRIDAY]})
    (waiting,) = await records(ask)
    await qbittorrent.accept()
    await ask("POST", "/command", body={"name": "RssSync"})
    (record,) = await records(ask)
    assert (record["title"], record["status"]) == (waiting["title"], "queued")


async def test_the_queue_does_not_wait_for_a_client_that_hangs(
    ask: Caller, clock: ManualClock, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    await grabbed(ask, radarr)
    radarr.queue.PATIENCE_SECONDS = 0.02
    qbittorrent.fault("hang")
    clock.advance(timedelta(minutes=1))
    assert (await ask.get("/queue"))["totalRecords"] == 1  # what is known
    qbittorrent.clear_faults()
    await radarr.idle()
    assert [issue["source"] for issue in await ask.get("/health")] == ["DownloadClientCheck"]


@pytest.mark.parametrize("kind", ["html", "truncate_json", "disconnect", "missing_fields"])
async def test_nonsense_from_the_client_is_a_client_that_is_away(
    ask: Caller, qbittorrent: QbittorrentSimulator, kind: str
) -> None:
    qbittorrent.add_torrent("His.Girl.Friday.1940-X", category="radarr")
    qbittorrent.fault(kind, "* *torrents/info", fields=("hash",))
    assert await records(ask) == []
    assert [issue["source"] for issue in await ask.get("/health")] == ["DownloadClientCheck"]


async def test_what_comes_and_goes_during_a_refresh_is_newer_than_it(
    ask: Caller, radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = await grabbed(ask, radarr)
    connection = radarr.clients.connection(radarr.download_clients.items[1])
    list_torrents = connection.torrents

    async def meanwhile(category: str) -> list[TorrentState]:
        torrents = await list_torrents(category)
        await radarr.giving_up.remove(
            [record["id"]], from_client=True, blocklist=False, skip_redownload=True, change_category=False
        )
        radarr.queue_item(radarr.library.movies[10], title="Came.Meanwhile")
        return torrents

    monkeypatch.setattr(connection, "torrents", meanwhile)
    await radarr.refresh()
    assert [item.title for item in radarr.queue.items] == ["Came.Meanwhile"]


@pytest.mark.parametrize(
    ("values", "name"),
    [({"password": "wrong"}, "Username"), ({"port": 9}, "Host"), ({"host": ""}, "Host")],
)
async def test_a_download_client_is_tested_before_it_is_saved(
    session: ClientSession, clock: ManualClock, values: dict[str, Any], name: str
) -> None:
    async with QbittorrentSimulator(clock=clock) as qbittorrent, RadarrSimulator(clock=clock) as radarr:
        ask = Caller(radarr, session)
        port = int(qbittorrent.url.rpartition(":")[2])
        right = {"host": "127.0.0.1", "port": port, "username": "admin", "password": "adminadmin"}
        schema: dict[str, Any] = (await ask.get("/downloadclient/schema"))[0]
        schema |= {"name": "qBittorrent", "enable": True}

        def filled(values: dict[str, Any]) -> dict[str, Any]:
            fields = [each | {"value": values.get(each["name"], each.get("value"))} for each in schema["fields"]]
            return schema | {"fields": fields}

        failures = (await ask("POST", "/downloadclient", body=filled(right | values), status=400)).json()
        assert [each["propertyName"] for each in failures] == [name]
        assert await ask.get("/downloadclient") == []
        await ask("POST", "/downloadclient", body=filled(right), status=201)


# --- importing -------------------------------------------------------------------------------------------------------


async def test_a_finished_download_is_imported(
    ask: Caller, clock: ManualClock, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, receiver: Receiver
) -> None:
    listen(radarr, receiver)
    release = release_of(radarr)
    item = await radarr.grabbing.grab(release, release.wanted, interactive=True)
    torrent = qbittorrent.torrents[str(item.download_id).lower()]
    qbittorrent.remove(torrent)
    qbittorrent.add_torrent(release.title, "idle", category="radarr", info_hash=torrent.hash, size_bytes=3_000_000_000)
    states = []
    for _ in range(4):
        states += [(each["trackedDownloadState"], each["timeleft"]) for each in await records(ask)]
        clock.advance(timedelta(seconds=5))
    assert states == [("importPending", "00:00:00"), ("importing", "00:00:00"), ("importing", "00:00:00")]
    assert await records(ask) == []
    movie = await ask.get(f"/movie/{FRIDAY}")
    assert movie["movieFile"]["size"] == 3_000_000_000
    assert movie["movieFile"]["sceneName"] == release.title
    (event,) = (await ask.get("/history", eventType="3", movieIds=str(FRIDAY)))["records"]
    assert event["downloadId"] == item.download_id
    assert event["data"]["droppedPath"] == f"/data/torrents/{release.title}/{release.title}.mkv"
    assert event["data"]["importedPath"] == movie["movieFile"]["path"]
    await radarr.idle()
    assert receiver.events == ["Grab", "Download"]
    imported = receiver.last("Download")
    assert (imported["isUpgrade"], imported["movieFile"]["path"]) == (False, movie["movieFile"]["path"])
    assert len(qbittorrent.torrents) == 1  # it seeds on


async def test_a_season_pack_becomes_many_files(
    session: ClientSession,
    clock: ManualClock,
    sonarr: SonarrSimulator,
    qbittorrent: QbittorrentSimulator,
    receiver: Receiver,
) -> None:
    listen(sonarr, receiver, "onDownload", "onUpgrade", "onImportComplete")
    series = sonarr.library.series[2]
    for episode in series.season(1):
        assert episode.file is not None
        episode.file.quality = SDTV
    series.season(1)[0].file = None  # the others are upgrades
    release = next(each for each in season_releases(series, 1, clock.now()) if each.indexer.protocol == "torrent")
    item = await sonarr.grabbing.grab(release, release.wanted, interactive=True)
    qbittorrent.remove(str(item.download_id).lower())
    qbittorrent.add_torrent(release.title, "idle", category="sonarr", info_hash=str(item.download_id).lower())
    assert len(await records(Caller(sonarr, session))) == 8
    clock.advance(timedelta(seconds=15))
    assert await records(Caller(sonarr, session)) == []
    assert {episode.file.scene_name for episode in series.season(1) if episode.file} == {release.title}
    await sonarr.idle()
    whole = receiver.received[-1]
    assert receiver.events == ["Download"] * 9
    assert len(whole["episodeFiles"]) == 8
    assert whole["destinationPath"] == series.path
    assert [each["isUpgrade"] for each in receiver.received] == [False] + [True] * 8
    assert [len(each.get("deletedFiles", ())) for each in receiver.received[:-1]] == [0] + [1] * 7
    (torrent,) = qbittorrent.torrents.values()
    assert torrent.category == "done"


async def test_a_blocked_import_asks_for_a_person_once(
    ask: Caller, clock: ManualClock, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator, receiver: Receiver
) -> None:
    listen(radarr, receiver)
    torrent = qbittorrent.add_torrent("His.Girl.Friday.1940.1080p.HDTV.H264-TiDE", "idle", category="radarr")
    radarr.block_import(torrent.hash, "Not an upgrade for existing movie file", "Sample")
    for _ in range(3):
        await records(ask)
        clock.advance(timedelta(minutes=1))
    (record,) = await records(ask)
    assert (record["status"], record["trackedDownloadStatus"]) == ("completed", "warning")
    assert record["trackedDownloadState"] == "importBlocked"
    assert record["statusMessages"] == [
        {"title": torrent.name, "messages": ["Not an upgrade for existing movie file", "Sample"]}
    ]
    await radarr.idle()
    assert receiver.events == ["ManualInteractionRequired"]
    asked = receiver.last("ManualInteractionRequired")
    assert asked["downloadStatus"] == "Warning"
    assert asked["downloadStatusMessages"] == record["statusMessages"]
    # a person imports it
    (candidate,) = await ask.get("/manualimport", downloadId=record["downloadId"])
    assert [each["reason"] for each in candidate["rejections"]] == record["statusMessages"][0]["messages"]
    file = {name: candidate[name] for name in ("path", "folderName", "quality", "languages", "downloadId")}
    body = {"name": "ManualImport", "importMode": "auto", "files": [file | {"movieId": FRIDAY}]}
    await ask("POST", "/command", body=body)
    assert await records(ask) == []
    assert (await ask.get(f"/movie/{FRIDAY}"))["hasFile"] is True


async def test_a_block_that_is_lifted_lets_the_import_go_on(
    ask: Caller, clock: ManualClock, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    torrent = qbittorrent.add_torrent("His.Girl.Friday.1940.1080p.HDTV.H264-TiDE", "idle", category="radarr")
    radarr.block_import(torrent.hash, "Sample")
    await records(ask)
    radarr.allow_import(torrent.hash)
    clock.advance(timedelta(minutes=1))
    assert await records(ask) == []


async def test_what_nobody_knows_is_blocked(ask: Caller, qbittorrent: QbittorrentSimulator) -> None:
    qbittorrent.add_torrent("Holiday.Pictures", "idle", category="radarr")
    assert await records(ask) == []
    (record,) = await records(ask, includeUnknownMovieItems="true")
    assert "movieId" not in record
    (message,) = record["statusMessages"][0]["messages"]
    assert message == "Movie title mismatch, automatic import is not possible. Manual Import required."


async def test_what_is_no_upgrade_is_not_imported(
    ask: Caller, clock: ManualClock, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    qbittorrent.add_torrent("Metropolis.1927.1080p.HDTV.H264-TiDE", "idle", category="radarr")
    await records(ask)
    clock.advance(timedelta(minutes=1))
    (record,) = await records(ask)
    assert record["trackedDownloadState"] == "importBlocked"
    whole, file = record["statusMessages"]
    assert whole == {
        "title": "One or more movies expected in this release were not imported or missing",
        "messages": [],
    }
    assert file["messages"] == [
        "Not an upgrade for existing movie file. Existing quality: Bluray-1080p. New Quality HDTV-1080p."
    ]
    # what a person wants is imported nevertheless
    (candidate,) = await ask.get("/manualimport", downloadId=record["downloadId"])
    file = {name: candidate[name] for name in ("path", "quality", "languages", "downloadId")}
    await ask("POST", "/command", body={"name": "ManualImport", "files": [file | {"movieId": record["movieId"]}]})
    assert await records(ask) == []
    assert (await ask.get("/movie/1"))["movieFile"]["quality"]["quality"]["name"] == "HDTV-1080p"


async def test_of_a_pack_only_what_is_better_is_taken(
    session: ClientSession, clock: ManualClock, sonarr: SonarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    first, second, *_ = sonarr.library.series[2].season(1)
    assert first.file is not None
    assert second.file is not None
    first.file.quality, second.file.quality = BLURAY_1080P, SDTV
    before = first.file
    title = "The.Quiet.Orbit.S01.1080p.WEB-DL.DDP5.1.H.264-TiDE"
    qbittorrent.add_torrent(title, "idle", category="sonarr")
    await records(Caller(sonarr, session))
    clock.advance(timedelta(minutes=1))
    # it asks what to do with the rest, and imports nothing twice
    blocked: dict[str, Any] = {}
    for _ in range(2):
        blocked = (await records(Caller(sonarr, session)))[0]
        assert (blocked["trackedDownloadState"], blocked["trackedDownloadStatus"]) == ("importBlocked", "warning")
        assert first.file is before
        assert (second.file.scene_name, second.file.quality) == (title, WEBDL_1080P)
        clock.advance(timedelta(minutes=1))
    whole, worse, *others = blocked["statusMessages"]
    assert whole["title"].startswith("One or more episodes expected in this release were not imported")
    assert worse == {
        "title": f"{title}.S01E01.mkv",
        "messages": [
            "Not an upgrade for existing episode file(s). Existing quality: Bluray-1080p. New Quality WEBDL-1080p."
        ],
    }
    assert {message.partition(" at ")[0] for each in others for message in each["messages"]} == {
        "Episode file already imported"
    }
    assert len([event for event in sonarr.history.events if event.source_title == title]) == len(others)


async def test_a_torrent_that_seeded_enough_is_removed_after_its_import(
    ask: Caller, clock: ManualClock, qbittorrent: QbittorrentSimulator
) -> None:
    qbittorrent.engine.preferences |= {"max_ratio_enabled": True, "max_ratio": 1.0}
    torrent = qbittorrent.add_torrent("His.Girl.Friday.1940-X", "completed", category="radarr", uploaded=1.0)
    await records(ask)
    clock.advance(timedelta(minutes=1))
    await records(ask)
    await records(ask)
    assert torrent.hash in qbittorrent.torrents
    qbittorrent.change(torrent, uploaded=5e9)
    await records(ask)
    assert qbittorrent.torrents == {}


async def test_files_are_linked_where_there_are_some(
    session: ClientSession, clock: ManualClock, tmp_path: Path
) -> None:
    """The client's folder is seen elsewhere, and the import is a hard link of the real video."""
    async with (
        QbittorrentSimulator(clock=clock, download_dir="/downloads") as qbittorrent,
        RadarrSimulator(clock=clock, disk=tmp_path) as radarr,
    ):
        ask = Caller(radarr, session)
        radarr.add_qbittorrent(qbittorrent.url, username="admin", password="adminadmin")
        radarr.add_path_mapping("127.0.0.1", "/downloads/", "/data/torrents/")
        name = "His.Girl.Friday.1940.1080p.HDTV.H264-TiDE"
        qbittorrent.add_torrent(
            name, "idle", category="radarr", files=((f"{name}/a.nfo", 2000), (f"{name}/film.mkv", 1000))
        )
        (record,) = await records(ask)
        assert record["outputPath"] == f"/data/torrents/{name}"
        assert record["trackedDownloadState"] == "importPending"
        assert record["statusMessages"][0]["messages"] == [
            f"No files found are eligible for import in /data/torrents/{name}"
        ]
        folder = tmp_path / "data/torrents" / name
        folder.mkdir(parents=True)
        (folder / "a.nfo").write_bytes(b"n" * 2000)
        (folder / "film.mkv").write_bytes(b"v" * 1000)
        clock.advance(timedelta(minutes=1))
        assert await records(ask) == []
        file = (await ask.get(f"/movie/{FRIDAY}"))["movieFile"]
        assert file["size"] == 1000
        assert (tmp_path / file["path"].lstrip("/")).samefile(folder / "film.mkv")


async def test_a_library_can_be_laid_out(clock: ManualClock, tmp_path: Path) -> None:
    async with SonarrSimulator(clock=clock, disk=tmp_path) as sonarr:
        assert sonarr.lay_out_library() == len(list(sonarr.own_files())) > 50
        for one, file in sonarr.own_files():
            path = tmp_path / sonarr.folder_of(one).lstrip("/") / file.relative_path
            assert path.stat().st_size == file.size_bytes
        used = sum(path.stat().st_blocks for path in tmp_path.rglob("*.mkv"))
        assert used == 0


async def test_a_movie_that_is_gone_leaves_an_unknown_download(
    ask: Caller, radarr: RadarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    await grabbed(ask, radarr)
    await ask("DELETE", f"/movie/{FRIDAY}")
    assert await records(ask) == []
    (record,) = await records(ask, includeUnknownMovieItems="true")
    assert "movieId" not in record


# --- webhooks --------------------------------------------------------------------------------------------------------


async def add_webhook(ask: Caller, url: str, status: int, *, forced: bool = False, **values: Any) -> Any:
    schema = (await ask.get("/notification/schema"))[0]
    values = {"url": url, **values}
    fields = [each | {"value": values.get(each["name"], each.get("value"))} for each in schema["fields"]]
    body = schema | {"name": "SOKOUL", "fields": fields, "onGrab": True, "onDownload": True}
    query = [("forceSave", "true")] if forced else []
    return (await ask("POST", "/notification", query=query, body=body, status=status)).json()


@pytest.fixture
async def alone(clock: ManualClock, session: ClientSession) -> AsyncIterator[Caller]:
    """Ask a Radarr without a download client."""
    async with RadarrSimulator(clock=clock) as radarr:
        yield Caller(radarr, session)


async def test_a_webhook_is_tested_when_it_is_added(alone: Caller, receiver: Receiver) -> None:
    added = await add_webhook(
        alone, receiver.url, 201, headers=[{"key": "X-Secret", "value": "s"}], username="me", password="pw"
    )
    assert receiver.events == ["Test"]
    assert receiver.received[0]["movie"]["title"] == "Test Title"
    assert receiver.requests[0].headers["X-Secret"] == "s"
    assert receiver.requests[0].headers["Authorization"].startswith("Basic ")
    assert added["onGrab"] is True
    assert [each["value"] for each in added["fields"] if each["name"] == "password"] == ["********"]


async def test_a_receiver_that_refuses_is_not_saved_unless_forced(alone: Caller, receiver: Receiver) -> None:
    receiver.status = 404
    (failure,) = await add_webhook(alone, receiver.url, 400)
    assert failure["propertyName"] == "Url"
    assert await alone.get("/notification") == []
    await add_webhook(alone, receiver.url, 201, forced=True)
    assert len(await alone.get("/notification")) == 1
    assert receiver.events == ["Test"]


async def test_a_receiver_that_is_not_there_is_not_saved(alone: Caller, receiver: Receiver) -> None:
    await receiver.server.close()
    (failure,) = await add_webhook(alone, f"http://127.0.0.1:{receiver.server.port}/hook", 400)
    assert "Unable to send test message" in failure["errorMessage"]


async def test_only_the_events_that_are_wanted_are_sent(alone: Caller, receiver: Receiver) -> None:
    radarr = alone.simulator
    assert isinstance(radarr, RadarrSimulator)
    listen(radarr, receiver, "onHealthIssue")
    radarr.health_issue("IndexerStatusCheck", "warning", "Indexers unavailable due to failures: X")
    radarr.health_issue("IndexerStatusCheck", "warning", "Indexers unavailable due to failures: X")
    radarr.health_restored("IndexerStatusCheck")
    release = release_of(radarr)
    await radarr.grabbing.grab(release, release.wanted, interactive=True)
    await radarr.idle()
    assert receiver.received == [
        {
            "eventType": "Health",
            "instanceName": "Radarr",
            "applicationUrl": radarr.url,
            "level": "warning",
            "message": "Indexers unavailable due to failures: X",
            "type": "IndexerStatusCheck",
            "wikiUrl": "https://wiki.servarr.com/radarr/system#indexerstatuscheck",
        }
    ]


async def test_a_lost_webhook_stays_lost(alone: Caller, receiver: Receiver) -> None:
    radarr = alone.simulator
    assert isinstance(radarr, RadarrSimulator)
    listen(radarr, receiver)
    receiver.status = 503
    radarr.health_issue("RootFolderCheck", "error", "Missing root folder: /data/media/movies")
    await radarr.idle()
    assert [(each.event, each.status) for each in radarr.webhooks.deliveries] == [("Health", 503)]
    assert [issue["source"] for issue in await alone.get("/health")] == ["RootFolderCheck"]


# --- the real ones ---------------------------------------------------------------------------------------------------


def binaries() -> list[Any]:
    found = find_qbittorrents()
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason="no qbittorrent-nox here"))]
    return [pytest.param(each, id=str(each.version)) for each in found]


@pytest.mark.real
@pytest.mark.parametrize("binary", binaries())
async def test_a_real_download_is_imported(session: ClientSession, tmp_path: Path, binary: QbittorrentBinary) -> None:
    """From the search to the file in the library, over a real qBittorrent and a real swarm."""
    python = swarm_python()
    if python is None:
        pytest.skip("no libtorrent for the swarm here")
    (tmp_path / "qbittorrent").mkdir()
    clock = ManualClock()
    async with (
        LocalSwarm(python, tmp_path / "swarm") as swarm,
        RealQbittorrent(binary, tmp_path / "qbittorrent", username="sokoul", password="a long password") as client,
        RadarrSimulator(clock=clock, disk=tmp_path / "disk") as radarr,
    ):
        ask = Caller(radarr, session)

        async def torrent_of(release: Release) -> bytes | str:
            return (await swarm.publish(f"{release.title}.mkv", 1 << 20)).torrent

        radarr.grabbing.source = torrent_of
        radarr.add_qbittorrent(client.url, username="sokoul", password="a long password")
        radarr.add_path_mapping("127.0.0.1", f"{client.download_dir}/", "/data/torrents/")
        seen = tmp_path / "disk/data/torrents"
        seen.parent.mkdir(parents=True)
        seen.symlink_to(client.download_dir, target_is_directory=True)

        await ask("POST", "/command", body={"name": "MoviesSearch", "movieIds": [FRIDAY]})
        await radarr.idle()
        (item,) = radarr.queue.grabs.values()
        await client.until(str(item.download_id).lower(), {"uploading", "stalledUP"}, seconds=60)
        (finished,) = await records(ask)
        assert (finished["status"], finished["sizeleft"], finished["size"]) == ("completed", 0, 1 << 20)
        clock.advance(timedelta(minutes=1))
        assert await records(ask) == []
        file = (await ask.get(f"/movie/{FRIDAY}"))["movieFile"]
        assert (tmp_path / "disk" / file["path"].lstrip("/")).stat().st_size == file["size"] == 1 << 20

        # a magnet that nobody has, given up
        radarr.grabbing.source = invented_magnet
        movie = radarr.library.movies[10]
        release = release_of(radarr, 10)
        item = await radarr.grabbing.grab(release, (movie,), interactive=True)
        await client.until(str(item.download_id).lower(), {"metaDL"}, seconds=60)
        (record,) = await records(ask)  # this qBittorrent has no DHT, so that tests stay on this machine
        assert record["errorMessage"] == "qBittorrent cannot resolve magnet link with DHT disabled"
        await ask("DELETE", f"/queue/{record['id']}", query=[("blocklist", "true"), ("skipRedownload", "true")])
        assert record["downloadId"].lower() not in await client.torrents()
