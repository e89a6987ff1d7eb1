"""What a simulated Radarr or Sonarr makes of downloads that it gives up, loses sight of, or can't import."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession
import pytest

from devstack.arr import ArrSimulator
from devstack.arr_decisions import Source
from devstack.arr_queue_item import DownloadFile, QueueItem
from devstack.clock import ManualClock
from devstack.qbittorrent import QbittorrentSimulator
from devstack.quality import BLURAY_1080P, HDTV_720P, HDTV_1080P, WEBDL_1080P
from devstack.radarr import RadarrSimulator
from devstack.releases import INDEXERS, release_of
from devstack.sonarr import SonarrSimulator
from tests.devstack.arr_calls import Caller

pytestmark = pytest.mark.usefixtures("socket_enabled")

FRIDAY = 6  # His Girl Friday: monitored, missing, HD-1080p


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def qbittorrent(clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    async with QbittorrentSimulator("5.2", clock=clock, download_dir="/data/torrents") as simulator:
        yield simulator


@pytest.fixture(params=[RadarrSimulator, SonarrSimulator])
async def arr(
    request: pytest.FixtureRequest, clock: ManualClock, qbittorrent: QbittorrentSimulator
) -> AsyncIterator[ArrSimulator]:
    async with request.param(clock=clock) as simulator:
        simulator.add_qbittorrent(qbittorrent.url, username="admin", password="adminadmin")
        simulator.download_handling.values["autoRedownloadFailed"] = False
        yield simulator


@pytest.fixture
def ask(arr: ArrSimulator, session: ClientSession) -> Caller:
    return Caller(arr, session)


def wanted_of(arr: ArrSimulator) -> Any:
    """Return something to download, without a file."""
    one: Any = arr.library.movies[FRIDAY] if isinstance(arr, RadarrSimulator) else arr.library.series[1].season(2)[0]
    one.file = None
    return one


async def records(ask: Caller) -> list[dict[str, Any]]:
    await ask.simulator.idle()
    assert isinstance(ask.simulator, ArrSimulator)
    await ask.simulator.refresh()
    unknown = [("includeUnknownMovieItems", "true")]
    unknown = unknown if ask.simulator.kind == "movie" else [("includeUnknownSeriesItems", "true")]
    return list((await ask("GET", "/queue", query=[("pageSize", "100"), *unknown])).json()["records"])


async def grabbed(arr: ArrSimulator, source: Source = Source.SEARCH) -> QueueItem:
    one = wanted_of(arr)
    return await arr.grabbing.grab(release_of(one), (one,), source=source)


def events(arr: ArrSimulator) -> list[str]:
    return [event.event for event in arr.history.events if event.download_id in arr.queue.grabs]


LEAVE = [("removeFromClient", "false")]
GIVE_UP = [*LEAVE, ("blocklist", "true")]


# --- out of the category, and back -----------------------------------------------------------------------------------


async def test_what_leaves_its_category_is_forgotten_and_followed_again(
    ask: Caller, arr: ArrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    item = await grabbed(arr)
    (before,) = await records(ask)
    torrent = qbittorrent.torrents[str(item.download_id).lower()]
    qbittorrent.change(torrent, category="quarantine")
    assert await records(ask) == []
    assert events(arr) == ["grabbed"]  # without a trace
    qbittorrent.change(torrent, category=arr.name)
    (after,) = await records(ask)
    assert (after["id"], after["title"], after["indexer"]) == (before["id"], before["title"], before["indexer"])
    assert events(arr) == ["grabbed"]


@pytest.mark.parametrize(("flags", "event"), [(GIVE_UP, "downloadFailed"), (LEAVE, "downloadIgnored")])
async def test_what_was_given_up_is_not_followed_when_it_is_back(
    ask: Caller, arr: ArrSimulator, qbittorrent: QbittorrentSimulator, flags: list[tuple[str, str]], event: str
) -> None:
    item = await grabbed(arr)
    (record,) = await records(ask)
    await ask("DELETE", f"/queue/{record['id']}", query=flags)
    torrent = qbittorrent.torrents[str(item.download_id).lower()]
    for category in ("quarantine", arr.name):
        qbittorrent.change(torrent, category=category)
        assert await records(ask) == []
    assert events(arr) == ["grabbed", event]
    # until it is grabbed again
    qbittorrent.remove(torrent)
    again = await grabbed(arr)
    assert again.download_id == item.download_id
    assert len(await records(ask)) == 1


async def test_what_was_never_grabbed_comes_back(
    ask: Caller, arr: ArrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    name = release_of(wanted_of(arr)).title
    qbittorrent.add_torrent(name, "downloading", category=arr.name)
    (record,) = await records(ask)
    status = 200 if arr.kind == "movie" else 500
    reply = await ask("DELETE", f"/queue/{record['id']}", query=GIVE_UP, status=status)
    if status == 500:
        assert reply.json()["message"] == "Unable to mark download as failed, no grabbed history available"
    assert [each["title"] for each in await records(ask)] == [name]
    assert arr.blocklist.items == {}
    # it can be ignored
    await ask("DELETE", f"/queue/{record['id']}", query=LEAVE)
    assert await records(ask) == []


async def test_what_nobody_knows_cannot_be_ignored(
    ask: Caller, arr: ArrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    qbittorrent.add_torrent("Holiday.Pictures", "downloading", category=arr.name)
    (record,) = await records(ask)
    await ask("DELETE", f"/queue/{record['id']}", query=LEAVE)
    assert [each["title"] for each in await records(ask)] == ["Holiday.Pictures"]


@pytest.mark.parametrize(
    ("behaviour", "uploaded", "removes_failed", "stays"),
    [
        ("downloading", 0.0, True, True),
        ("seeding", 9e9, True, True),  # it isn't stopped
        ("completed", 1.0, True, True),  # its seeding isn't over
        ("completed", 9e9, False, True),
        ("completed", 9e9, True, False),
    ],
)
async def test_a_failed_torrent_stays_unless_it_seeded_enough(
    ask: Caller,
    arr: ArrSimulator,
    qbittorrent: QbittorrentSimulator,
    behaviour: str,
    uploaded: float,
    *,
    removes_failed: bool,
    stays: bool,
) -> None:
    qbittorrent.engine.preferences |= {"max_ratio_enabled": True, "max_ratio": 1.0}
    arr.download_clients.items[1].attributes["removeFailedDownloads"] = removes_failed
    item = await grabbed(arr)
    hash_ = str(item.download_id).lower()
    qbittorrent.remove(hash_)
    qbittorrent.add_torrent(item.title, behaviour, category=arr.name, info_hash=hash_, uploaded=uploaded)
    (record,) = await records(ask)
    await ask("DELETE", f"/queue/{record['id']}", query=GIVE_UP)
    assert (hash_ in qbittorrent.torrents) is stays


async def test_failing_in_the_history_leaves_the_download(ask: Caller, arr: ArrSimulator) -> None:
    item = await grabbed(arr)
    await ask("POST", f"/history/failed/{arr.history.events[-1].id}")
    assert events(arr) == ["grabbed", "downloadFailed"]
    assert [each["downloadId"] for each in await records(ask)] == [item.download_id]
    assert len(arr.blocklist.items) == 1


@pytest.mark.parametrize(
    ("source", "settings", "searches"),
    [
        (Source.SEARCH, {}, True),
        (Source.INTERACTIVE, {}, True),
        (Source.INTERACTIVE, {"autoRedownloadFailedFromInteractiveSearch": False}, False),
        (Source.USER_SEARCH, {"autoRedownloadFailedFromInteractiveSearch": False}, True),
        (Source.SEARCH, {"autoRedownloadFailed": False}, False),
    ],
)
async def test_a_failure_starts_a_search_where_it_is_set_so(
    arr: ArrSimulator, source: Source, settings: dict[str, bool], *, searches: bool
) -> None:
    arr.download_handling.values |= {"autoRedownloadFailed": True} | settings
    item = await grabbed(arr, source)
    arr.offer(item.wanted[0], release_of(item.wanted[0], group="NEXT"))  # type: ignore[arg-type]
    await arr.fail_download(str(item.download_id), "Aborted, cannot be completed")
    await arr.idle()
    assert arr.history.events[-2 if searches else -1].data["message"] == "Aborted, cannot be completed"
    assert [each.title.endswith("-NEXT") for each in arr.queue.items] == ([True] if searches else [])
    if searches:  # what the application starts by itself is no search of a person
        assert arr.history.events[-1].data["releaseSource"] == "Search"


async def test_a_failure_of_what_was_not_grabbed_is_only_said(arr: ArrSimulator) -> None:
    item = arr.queue_item(wanted_of(arr), grabbed=False)
    await arr.fail_download(str(item.download_id))
    assert item.messages[0].messages == (
        f"Download has failed wasn't grabbed by {arr.application}, skipping automatic download handling",
    )
    assert item in arr.queue.items


# --- what can't be imported ------------------------------------------------------------------------------------------


async def import_of(arr: ArrSimulator, *files: DownloadFile, grabbed: bool = True) -> QueueItem:
    """Return a finished download with these files, after Radarr or Sonarr tried to import it."""
    item = arr.queue_item(wanted_of(arr), status="completed", progress=1, files=files, grabbed=grabbed)
    await arr.queue.import_finished(item)
    return item


async def test_one_file_that_is_rejected(arr: ArrSimulator) -> None:
    file = DownloadFile(name="a.mkv", size_bytes=1, wanted=(wanted_of(arr),), rejections=("Sample",))
    item = await import_of(arr, file)
    # Radarr goes on trying, Sonarr asks a person
    state = "importPending" if arr.kind == "movie" else "importBlocked"
    assert (item.tracked_state, item.tracked_status) == (state, "warning")
    assert [(each.title, each.messages) for each in item.messages] == [(item.title, ("Sample",))]


async def test_one_file_of_what_was_not_grabbed(arr: ArrSimulator) -> None:
    file = DownloadFile(name="a.mkv", size_bytes=1, wanted=(wanted_of(arr),), rejections=("Sample",))
    item = await import_of(arr, file, grabbed=False)
    assert item.tracked_state == "importBlocked"
    whole, one = item.messages
    assert (whole.title, whole.messages) == (arr.sentences.not_all_imported, ())
    assert (one.title, one.messages) == ("a.mkv", ("Sample",))


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("movie.mkv.lnk", "Caution: Found potentially dangerous file"),
        ("setup.exe", "Caution: Found executable file"),
        ("movie.rar", "Found archive file, might need to be extracted"),
    ],
)
async def test_downloads_without_a_video(arr: ArrSimulator, name: str, complaint: str) -> None:
    item = await import_of(arr, DownloadFile(name=name, size_bytes=9), DownloadFile(name="readme.txt", size_bytes=1))
    assert item.messages[0].messages == (complaint,)
    assert item.tracked_status == "warning"


async def test_a_dangerous_download_fails_where_it_is_set_so(arr: ArrSimulator) -> None:
    arr.imports.failing.add("dangerous")
    item = await import_of(arr, DownloadFile(name="movie.scr", size_bytes=9))
    assert item not in arr.queue.items
    assert events(arr) == ["grabbed", "downloadFailed"]
    assert len(arr.blocklist.items) == 1


async def test_an_empty_download_waits(arr: ArrSimulator) -> None:
    item = await import_of(arr, DownloadFile(name="readme.txt", size_bytes=1))
    assert item.tracked_state == "importPending"
    assert item.messages[0].messages == (f"No files found are eligible for import in {item.output_path}",)


# --- how releases are judged -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queued", "offered", "upgrades", "radarr", "sonarr"),
    [
        (
            (BLURAY_1080P, 0),
            (WEBDL_1080P, 0),
            True,
            "Quality for release in queue already meets cutoff: Bluray-1080p v1",
            "Release in queue already meets cutoff: Bluray-1080p v1",
        ),
        (
            (WEBDL_1080P, 0),
            (HDTV_1080P, 0),
            True,
            "Release in queue is of equal or higher preference: WEBDL-1080p v1",
            "",
        ),
        (
            (WEBDL_1080P, 5),
            (WEBDL_1080P, 5),
            True,
            "Release in queue has an equal or higher Custom Format score: 5",
            "",
        ),
        ((WEBDL_1080P, 5), (WEBDL_1080P, 9), True, "Release in queue meets Custom Format cutoff: 0", ""),
        (
            (HDTV_1080P, -5),
            (HDTV_1080P, 0),
            False,
            "Release in queue and Quality Profile 'HD-1080p' does not allow upgrades",
            "",
        ),
        ((WEBDL_1080P, 0), (BLURAY_1080P, 0), True, None, None),
        ((HDTV_1080P, -5), (HDTV_1080P, 0), True, None, None),
    ],
)
async def test_what_the_queue_says(
    arr: ArrSimulator,
    queued: tuple[Any, int],
    offered: tuple[Any, int],
    radarr: str | None,
    sonarr: str | None,
    *,
    upgrades: bool,
) -> None:
    one = wanted_of(arr)
    profile = arr.library.profiles[4]
    profile.upgrade_allowed = upgrades
    (one if arr.kind == "movie" else one.series).profile_id = 4
    arr.queue_item(one, quality=queued[0], score=queued[1])
    expected = radarr if arr.kind == "movie" else sonarr or radarr
    rejections = arr.decisions.rejections(release_of(one, quality=offered[0], score=offered[1]), (one,))
    assert rejections == ([] if expected is None else [expected])


async def test_the_groups_of_judges(arr: ArrSimulator) -> None:
    one = wanted_of(arr)
    (one if arr.kind == "movie" else one.series).profile_id = 4
    arr.delays.profiles[1].torrent_delay = 60
    fresh = release_of(one, published=arr.clock.now())
    item = await arr.grabbing.grab(fresh, (one,))
    await arr.fail_download(str(item.download_id))
    poor = release_of(one, quality=HDTV_720P, published=arr.clock.now())
    assert arr.decisions.rejections(poor, (one,), Source.RSS) == ["HDTV-720p is not wanted in profile"]
    assert arr.decisions.rejections(fresh, (one,), Source.RSS) == ["Release is blocklisted"]
    other = release_of(one, group="OTHER", published=arr.clock.now())
    assert arr.decisions.rejections(other, (one,), Source.RSS) == ["Waiting for better quality release"]
    assert arr.decisions.rejections(other, (one,), Source.USER_SEARCH) == []
    one.monitored = False
    assert arr.decisions.rejections(other, (one,), Source.SEARCH) == [arr.sentences.not_monitored]
    assert arr.decisions.rejections(other, (one,), Source.INTERACTIVE) == []
    usenet = release_of(one, indexer=INDEXERS[-1])
    assert arr.decisions.rejections(usenet, (one,)) == [f"Usenet is not enabled for this {arr.kind}"]


async def test_a_torrent_is_blocked_by_its_hash_where_that_is_told(arr: ArrSimulator) -> None:
    one = wanted_of(arr)
    public = release_of(one, torrent=f"magnet:?xt=urn:btih:{'ab' * 20}")
    private = release_of(one, indexer=INDEXERS[3])
    assert (public.told_hash, public.info_hash) == ("AB" * 20, "AB" * 20)
    assert private.told_hash is None
    for release in (public, private):
        item = await arr.grabbing.grab(release, (one,))
        await arr.fail_download(str(item.download_id))
    renamed = release_of(one, name="Another.Name-X", torrent=public.torrent)
    moved = release_of(one, torrent=f"magnet:?xt=urn:btih:{'cd' * 20}")
    assert moved.title == public.title
    assert arr.blocklist.holds(renamed)
    assert not arr.blocklist.holds(moved)
    assert arr.blocklist.holds(private)
    assert not arr.blocklist.holds(release_of(one, indexer=INDEXERS[2]))


async def test_a_release_waits_for_its_delay(ask: Caller, arr: ArrSimulator, clock: ManualClock) -> None:
    one = wanted_of(arr)
    arr.delays.profiles[1].torrent_delay = 60
    release = release_of(one, published=clock.now() - timedelta(minutes=15))
    for _ in range(2):  # it waits once
        assert await arr.grabbing.take_best([release], (one,), Source.RSS) is release
    (waiting,) = await records(ask)
    assert (waiting["status"], waiting["timeleft"]) == ("delay", "00:45:00")
    assert "downloadId" not in waiting
    # what waits is not in the way of another
    assert arr.decisions.rejections(release_of(one, group="X"), (one,)) == []
    await ask("POST", "/command", body={"name": "RssSync"})
    assert (await records(ask))[0]["status"] == "delay"
    clock.advance(timedelta(minutes=45))
    await ask("POST", "/command", body={"name": "RssSync"})
    (record,) = await records(ask)
    assert record["downloadId"] == release.info_hash
