"""Every reason a download can wait for, as a table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import ConnectionStatus, DownloadState, Torrent, Transfer
from custom_components.sokoul.model.library import Protocol, QueueItem, QueueStatus, TrackedState, TrackedStatus
from custom_components.sokoul.model.waiting import Wait
from custom_components.sokoul.model.world import Download, join_downloads

from .make import GB, NOW, ago, arr, completed, epoch, item, link, qbittorrent, sonarr, torrent, world

S = DownloadState

DISCONNECTED = {"transfer": Transfer(connection=ConnectionStatus.DISCONNECTED)}
FIREWALLED = {"transfer": Transfer(connection=ConnectionStatus.FIREWALLED)}
FULL = {"transfer": Transfer(connection=ConnectionStatus.CONNECTED, free_bytes=0)}
AWAY = {"available": False, "unavailable_since": ago(hours=1)}


def joined(*all_of_them: Backend) -> Download:
    (download,) = join_downloads(world(*all_of_them), NOW)
    return download


def case(name: str, given_torrent: Torrent, expected: Wait | None, **client: Any) -> Any:
    return pytest.param(given_torrent, client, expected, id=name)


TORRENTS = (
    case("data flows", torrent(state=S.DOWNLOADING), None),
    case("slow for a moment, but not stalled", torrent(state=S.DOWNLOADING, download_rate=0), None),
    case("nobody is there", torrent(state=S.STALLED), Wait.NOBODY),
    case("availability unknown, nobody is there", torrent(state=S.STALLED, availability=None), Wait.NOBODY),
    case("peers, but none has it all", torrent(state=S.STALLED, peers=3, availability=0.7), Wait.NO_COMPLETE_COPY),
    case(
        "the tracker counts peers only", torrent(state=S.STALLED, swarm_peers=9, swarm_seeds=0), Wait.NO_COMPLETE_COPY
    ),
    case("the tracker counts nobody but us", torrent(state=S.STALLED, swarm_peers=1, swarm_seeds=0), Wait.NOBODY),
    case("together the peers have it all", torrent(state=S.STALLED, peers=3, availability=1.2), Wait.NO_DATA),
    case("a seed that gives nothing", torrent(state=S.STALLED, seeds=1), Wait.NO_DATA),
    case("seeds on the tracker, none answers", torrent(state=S.STALLED, swarm_seeds=4), Wait.SEEDS_OUT_OF_REACH),
    case("added a minute ago", torrent(state=S.STALLED, added_epoch=epoch(minutes=1)), Wait.STARTING),
    case("the client has no connection", torrent(state=S.STALLED), Wait.CLIENT_DISCONNECTED, **DISCONNECTED),
    case("firewalled is normal", torrent(state=S.STALLED), Wait.NOBODY, **FIREWALLED),
    case("the disk is full", torrent(state=S.STALLED), Wait.DISK_FULL, **FULL),
    case("another disk is full", torrent(state=S.STALLED, save_path="/other"), Wait.NOBODY, **FULL),
    case("no metadata", torrent(state=S.METADATA, progress=0), Wait.NO_METADATA),
    case("no metadata yet", torrent(state=S.METADATA, added_epoch=epoch(seconds=20)), Wait.STARTING),
    case("no metadata without a connection", torrent(state=S.METADATA), Wait.CLIENT_DISCONNECTED, **DISCONNECTED),
    case("its turn comes later", torrent(state=S.QUEUED), Wait.QUEUED),
    case("stopped by somebody", torrent(state=S.STOPPED), Wait.STOPPED),
    case("stopped when it was complete", torrent(state=S.STOPPED, progress=1), None),
    case("checking", torrent(state=S.CHECKING), Wait.CHECKING),
    case("moving", torrent(state=S.MOVING), Wait.MOVING),
    case("moving what is complete", torrent(state=S.MOVING, progress=1), Wait.MOVING),
    case("error", torrent(state=S.ERROR), Wait.ERROR),
    case("error, and the disk is full", torrent(state=S.ERROR), Wait.DISK_FULL, **FULL),
    case("error after it was complete", torrent(state=S.ERROR, progress=1), Wait.ERROR),
    case("the files are gone", torrent(state=S.MISSING_FILES, progress=1), Wait.MISSING_FILES),
    case("a state of a newer version", torrent(state=S.UNKNOWN), Wait.UNKNOWN),
    case("the client is away", torrent(state=S.DOWNLOADING), Wait.CLIENT_UNAVAILABLE, **AWAY),
    case("the client is away, but this one is here", torrent(state=S.SEEDING), None, **AWAY),
    case("seeding", torrent(state=S.SEEDING), None),
)


@pytest.mark.parametrize(("given_torrent", "client", "expected"), TORRENTS)
def test_a_torrent_waits_for(given_torrent: Torrent, client: dict[str, Any], expected: Wait | None) -> None:
    download = joined(qbittorrent(given_torrent, **client))
    assert (download.waits and download.waits.key) == expected


IMPORTS = (
    pytest.param(completed(state=TrackedState.IMPORT_BLOCKED), Wait.IMPORT_BLOCKED, id="blocked"),
    pytest.param(
        completed(state=TrackedState.IMPORT_PENDING, tracked_status=TrackedStatus.WARNING),
        Wait.IMPORT_BLOCKED,
        id="blocked, as older versions say it",
    ),
    pytest.param(completed(state=TrackedState.IMPORT_PENDING), Wait.IMPORT_PENDING, id="pending"),
    pytest.param(completed(state=TrackedState.IMPORTING), Wait.IMPORTING, id="importing"),
    pytest.param(completed(state=TrackedState.IMPORTED), None, id="imported and seeding"),
    pytest.param(completed(state=TrackedState.IGNORED), None, id="ignored by a person"),
    pytest.param(completed(state=TrackedState.FAILED_PENDING), Wait.FAILED, id="failed, soon"),
    pytest.param(item(), Wait.IMPORT_PENDING, id="the *arr has not looked yet"),
    pytest.param(
        item(status=QueueStatus.CLIENT_UNAVAILABLE, tracked_state=TrackedState.DOWNLOADING),
        Wait.CLIENT_UNAVAILABLE_TO_ARR,
        id="the *arr can't reach the client",
    ),
    pytest.param(
        completed(state=TrackedState.UNKNOWN, tracked_status=TrackedStatus.WARNING),
        Wait.IMPORT_BLOCKED,
        id="a state of a newer version, with a complaint",
    ),
)


@pytest.mark.parametrize(("queue_item", "expected"), IMPORTS)
def test_a_complete_torrent_waits_for_its_import(queue_item: QueueItem, expected: Wait | None) -> None:
    download = joined(qbittorrent(torrent(state=S.SEEDING)), arr(queue_item))
    assert (download.waits and download.waits.key) == expected


@pytest.mark.parametrize(
    ("messages", "error", "quoted"),
    [
        (("", "No files found are eligible for import"), None, "No files found are eligible for import"),
        (("Dune.2021.1080p.mkv", "Not an upgrade."), None, "Not an upgrade."),
        (("Dune (2021).mkv", "Sample"), "Found a sample file", "Found a sample file"),
        (("Nothing in /data/Dune (2021)/Dune.mkv",), None, "Nothing in /data/Dune (2021)/Dune.mkv"),
        (("Dune.2021.1080p.mkv",), None, "Dune.2021.1080p.mkv"),
        ((), "Disk is full", "Disk is full"),
    ],
)
def test_a_blocked_import_quotes_the_arr(messages: tuple[str, ...], error: str | None, quoted: str) -> None:
    blocked = completed(state=TrackedState.IMPORT_BLOCKED, messages=messages, error_message=error)
    waits = joined(qbittorrent(torrent(state=S.SEEDING)), arr(blocked)).waits
    assert waits is not None
    assert waits.evidence == {"message": quoted}
    assert waits.parameters == {"arr": "Radarr"}


def test_of_two_arrs_the_one_with_the_worst_to_say_counts() -> None:
    download = joined(
        qbittorrent(torrent(state=S.SEEDING)),
        arr(completed(state=TrackedState.IMPORTED)),
        sonarr(completed(state=TrackedState.IMPORT_BLOCKED)),
    )
    assert download.waits is not None
    assert download.waits.key == Wait.IMPORT_BLOCKED
    assert download.waits.parameters == {"arr": "Sonarr"}


USENET = {"protocol": Protocol.USENET, "download_id": "SABnzbd_nzo_x1", "download_client": "SABnzbd"}
CLAIMS = (
    pytest.param(item(None, status=QueueStatus.DELAY), Wait.DELAYED, id="delay profile"),
    pytest.param(item(None, status=QueueStatus.FALLBACK), Wait.IN_RESERVE, id="kept in reserve"),
    pytest.param(item(None, status=QueueStatus.CLIENT_UNAVAILABLE), Wait.CLIENT_UNAVAILABLE_TO_ARR, id="no client"),
    pytest.param(item(), Wait.NOT_IN_CLIENT, id="the client doesn't have it"),
    pytest.param(item(added_at=ago(seconds=30)), Wait.STARTING, id="just sent to the client"),
    pytest.param(completed(state=TrackedState.IMPORTED), None, id="imported and gone from the client"),
    pytest.param(completed(state=TrackedState.IMPORT_BLOCKED), Wait.IMPORT_BLOCKED, id="gone, import blocked"),
    pytest.param(item(**USENET), None, id="usenet, data flows"),
    pytest.param(item(**USENET, status=QueueStatus.COMPLETED), Wait.IMPORT_PENDING, id="usenet, just complete"),
    pytest.param(
        item(**USENET, status=QueueStatus.WARNING, tracked_state=TrackedState.IMPORT_BLOCKED),
        Wait.IMPORT_BLOCKED,
        id="usenet, complete with a warning",
    ),
    pytest.param(item(**USENET, status=QueueStatus.PAUSED), Wait.STOPPED, id="usenet, paused"),
    pytest.param(item(**USENET, status=QueueStatus.QUEUED), Wait.QUEUED, id="usenet, queued"),
    pytest.param(item(**USENET, status=QueueStatus.WARNING), Wait.WARNING, id="usenet, warning"),
    pytest.param(item(**USENET, status=QueueStatus.FAILED), Wait.FAILED, id="usenet, failed"),
    pytest.param(item(**USENET, status=QueueStatus.UNKNOWN), Wait.UNKNOWN, id="usenet, a newer status"),
    pytest.param(
        item(**USENET, status=QueueStatus.CLIENT_UNAVAILABLE), Wait.CLIENT_UNAVAILABLE_TO_ARR, id="usenet, no client"
    ),
)


@pytest.mark.parametrize(("queue_item", "expected"), CLAIMS)
def test_an_item_without_its_torrent_waits_for(queue_item: QueueItem, expected: Wait | None) -> None:
    sabnzbd = link(id=2, name="SABnzbd", implementation="Sabnzbd", protocol=Protocol.USENET, port=8085)
    download = joined(qbittorrent(), arr(queue_item, links=(link(), sabnzbd)))
    assert (download.waits and download.waits.key) == expected
    assert download.torrent is None


@pytest.mark.parametrize("snapshot_is_old", [True, False])
def test_an_item_of_a_client_that_is_away(snapshot_is_old: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    away = qbittorrent(**AWAY)
    if not snapshot_is_old:
        away = replace(away, snapshot=None)
    waits = joined(away, arr(item())).waits
    assert waits is not None
    assert waits.key == Wait.CLIENT_UNAVAILABLE
    assert waits.evidence == {"since": ago(hours=1)}


def test_evidence_says_what_is_known_and_nothing_else() -> None:
    stalled = torrent(state=S.STALLED, availability=0.25, peers=2, complete_seen_epoch=epoch(days=3))
    waits = joined(qbittorrent(stalled)).waits
    assert waits is not None
    assert waits.parameters == {"availability": 0.25}
    assert waits.evidence == {
        "seeds": 0,
        "peers": 2,
        "availability": 0.25,
        "complete_seen": ago(days=3),
        "added": ago(days=1),
    }


@given(
    state=st.sampled_from(DownloadState),
    progress=st.floats(0, 1),
    seeds=st.integers(0, 5),
    swarm_seeds=st.none() | st.integers(0, 5),
    peers=st.integers(0, 5),
    availability=st.none() | st.floats(0, 5),
    rate=st.integers(0, 10**8),
    free=st.none() | st.integers(0, 10 * GB),
    connection=st.sampled_from(ConnectionStatus),
    status=st.sampled_from(QueueStatus),
    tracked=st.sampled_from(TrackedState),
)
def test_a_reason_for_everything_that_rests(
    state: DownloadState,
    progress: float,
    seeds: int,
    swarm_seeds: int | None,
    peers: int,
    availability: float | None,
    rate: int,
    free: int | None,
    connection: ConnectionStatus,
    status: QueueStatus,
    tracked: TrackedState,
) -> None:
    """What flows has no reason, what rests unfinished has one, and no combination breaks the judgement."""
    one = torrent(
        state=state,
        progress=progress,
        seeds=seeds,
        swarm_seeds=swarm_seeds,
        peers=peers,
        availability=availability,
        download_rate=rate,
    )
    client = qbittorrent(one, transfer=Transfer(connection=connection, free_bytes=free))
    for download in (
        joined(client),
        joined(client, arr(item(status=status, tracked_state=tracked))),
    ):
        if state is DownloadState.DOWNLOADING and progress < 1:
            assert download.waits is None
        elif not download.finished:
            assert download.waits is not None
            assert download.waits.key in set(Wait)


def test_delay_tells_how_long() -> None:
    waits = joined(arr(item(None, status=QueueStatus.DELAY, time_left=timedelta(hours=2)))).waits
    assert waits is not None
    assert waits.evidence == {"time_left": timedelta(hours=2)}
