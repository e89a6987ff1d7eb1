"""What qBittorrent's words and numbers mean."""

from typing import Any

import pytest

from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.fields import Fields, each
from custom_components.sokoul.clients.qbittorrent_fields import (
    files_of,
    host_of,
    settings_of,
    torrent_of,
    trackers_of,
    transfer_of,
)
from custom_components.sokoul.model.downloads import (
    ClientSettings,
    ConnectionStatus,
    DownloadState,
    TorrentFile,
    TrackerStatus,
    Transfer,
)

NEW = {"name": "A.Film", "state": "downloading", "progress": 0.5, "size": 100, "amount_left": 50}

#: Every state of the API from 4.5 to 5.3, an older one, and one that doesn't exist.
STATES = {
    "error": DownloadState.ERROR,
    "missingFiles": DownloadState.MISSING_FILES,
    "uploading": DownloadState.SEEDING,
    "stoppedUP": DownloadState.COMPLETED,
    "pausedUP": DownloadState.COMPLETED,
    "queuedUP": DownloadState.SEEDING,
    "stalledUP": DownloadState.SEEDING,
    "checkingUP": DownloadState.CHECKING,
    "forcedUP": DownloadState.SEEDING,
    "allocating": DownloadState.CHECKING,
    "downloading": DownloadState.DOWNLOADING,
    "metaDL": DownloadState.METADATA,
    "forcedMetaDL": DownloadState.METADATA,
    "stoppedDL": DownloadState.STOPPED,
    "pausedDL": DownloadState.STOPPED,
    "queuedDL": DownloadState.QUEUED,
    "stalledDL": DownloadState.STALLED,
    "checkingDL": DownloadState.CHECKING,
    "forcedDL": DownloadState.DOWNLOADING,
    "checkingResumeData": DownloadState.CHECKING,
    "moving": DownloadState.MOVING,
    "unknown": DownloadState.UNKNOWN,
    "fromTheFuture": DownloadState.UNKNOWN,
    "": DownloadState.UNKNOWN,
}


@pytest.mark.parametrize(("word", "state"), STATES.items())
def test_a_state_is_one_of_ours(word: str, state: DownloadState) -> None:
    assert torrent_of("a", {**NEW, "state": word}, None).state is state


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("progress", 1, "progress", 1.0),
        ("progress", 0, "progress", 0.0),
        ("progress", 0.42, "progress", 0.42),
        ("size", -1, "size_bytes", 0),
        ("size", 1e3, "size_bytes", 1000),
        ("amount_left", -1, "remaining_bytes", 0),
        ("eta", 8640000, "eta_seconds", None),
        ("eta", 8639999, "eta_seconds", 8639999),
        ("eta", 0, "eta_seconds", 0),
        ("eta", -1, "eta_seconds", None),
        ("ratio", -1, "ratio", None),
        ("ratio", 0, "ratio", 0.0),
        ("ratio", 2.5, "ratio", 2.5),
        ("availability", -1, "availability", None),
        ("availability", 0, "availability", 0.0),
        ("num_seeds", -1, "seeds", 0),
        ("num_complete", -1, "swarm_seeds", None),
        ("num_complete", 0, "swarm_seeds", 0),
        ("num_incomplete", 7, "swarm_peers", 7),
        ("num_incomplete", None, "swarm_peers", None),
        ("num_leechs", 3, "peers", 3),
        ("tags", "", "tags", frozenset()),
        ("tags", "a, b c,d", "tags", frozenset({"a", "b c", "d"})),
        ("private", None, "private", None),
        ("private", True, "private", True),
        ("private", False, "private", False),
        ("completion_on", -1, "completed_epoch", 0),
        ("completion_on", 0, "completed_epoch", 0),
        ("completion_on", 1700000000, "completed_epoch", 1700000000),
        ("seen_complete", -1, "complete_seen_epoch", 0),
        ("last_activity", 5, "active_epoch", 5),
        ("seeding_time", 60, "seeding_seconds", 60),
        ("tracker", "", "tracker_host", ""),
        ("tracker", "udp://T.Example:1337/announce", "tracker_host", "t.example"),
        ("force_start", True, "forced", True),
        ("auto_tmm", True, "automatic", True),
        ("dlspeed", 5, "download_rate", 5),
        ("upspeed", 6, "upload_rate", 6),
        ("content_path", "/a/b", "content_path", "/a/b"),
    ],
)
def test_a_value_is_read(key: str, value: Any, field: str, expected: Any) -> None:
    new = torrent_of("a", {**NEW, key: value}, None)
    assert getattr(new, field) == expected
    assert type(getattr(new, field)) is type(expected)
    changed = torrent_of("a", {key: value}, torrent_of("a", NEW, None))
    assert getattr(changed, field) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://tracker.example/announce", "tracker.example"),
        ("https://Tracker.Example:443/announce/0123", "tracker.example"),
        ("udp://tracker.example:1337", "tracker.example"),
        ("wss://tracker.example?x=1", "tracker.example"),
        ("http://user:pass@word@tracker.example/announce", "tracker.example"),
        ("http://user:pass@tracker.example:80/announce", "tracker.example"),
        ("http://[2001:db8::1]:6969/announce", "[2001:db8::1]"),
        ("http://[2001:db8::1/announce", "[2001"),
        ("tracker.example/announce", ""),
        ("** [DHT] **", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_announce_url(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_server_state_without_anything_is_unknown() -> None:
    assert transfer_of({}, "x") == Transfer()


def test_a_server_state_is_read() -> None:
    state = {
        "connection_status": "connected",
        "dl_info_speed": 1,
        "up_info_speed": 2,
        "dl_rate_limit": 3,
        "up_rate_limit": -1,
        "use_alt_speed_limits": True,
        "queueing": True,
        "free_space_on_disk": 0,
        "alltime_dl": 4,
        "alltime_ul": 5,
        "global_ratio": "1.25",
        "total_peer_connections": 6,
        "dht_nodes": 7,
        "last_external_address_v4": "",
        "last_external_address_v6": "2001:db8::1",
    }
    assert transfer_of(state, "x") == Transfer(
        connection=ConnectionStatus.CONNECTED,
        download_rate=1,
        upload_rate=2,
        download_limit=3,
        upload_limit=0,
        alternative_limits=True,
        queueing=True,
        free_bytes=0,
        downloaded_bytes=4,
        uploaded_bytes=5,
        ratio=1.25,
        peers=6,
        dht_nodes=7,
        external_ipv4=None,
        external_ipv6="2001:db8::1",
    )


@pytest.mark.parametrize("text", ["-", "", "nan", "inf", "-1", None, "many", []])
def test_a_ratio_that_is_none(text: Any) -> None:
    assert transfer_of({"global_ratio": text}, "x").ratio is None


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        ({}, ClientSettings()),
        ({"temp_path_enabled": False, "temp_path": "/t"}, ClientSettings(incomplete_path=None)),
        ({"temp_path_enabled": True, "temp_path": ""}, ClientSettings(incomplete_path=None)),
        ({"max_ratio_enabled": False, "max_ratio": 2, "max_ratio_act": 1}, ClientSettings()),
        ({"max_ratio_enabled": True, "max_ratio": 2, "max_ratio_act": 0}, ClientSettings(maximum_ratio=2.0)),
        ({"max_ratio_enabled": True, "max_ratio": 2, "max_ratio_act": 2}, ClientSettings(maximum_ratio=2.0)),
        (
            {"max_ratio_enabled": True, "max_ratio": 0.5, "max_ratio_act": 3},
            ClientSettings(maximum_ratio=0.5, maximum_ratio_removes=True),
        ),
        (
            {"max_ratio_enabled": True, "max_ratio": 1, "max_ratio_act": "RemoveWithContent"},
            ClientSettings(maximum_ratio=1.0, maximum_ratio_removes=True),
        ),
        ({"current_network_interface": "", "upnp": False}, ClientSettings(interface="", upnp=False)),
        ({"current_interface_address": "10.2.0.2"}, ClientSettings(interface_address="10.2.0.2")),
        (
            {"dl_limit": 0, "up_limit": 1024, "alt_dl_limit": 2048, "alt_up_limit": 0},
            ClientSettings(
                download_limit=0, upload_limit=1024, alternative_download_limit=2048, alternative_upload_limit=0
            ),
        ),
    ],
)
def test_settings_are_read(preferences: dict[str, Any], expected: ClientSettings) -> None:
    assert settings_of(preferences) == expected


@pytest.mark.parametrize("preferences", [None, [], {"listen_port": "x"}, {"upnp": "no"}, {"save_path": 5}])
def test_settings_that_are_none(preferences: Any) -> None:
    with pytest.raises(UnexpectedResponse, match="app/preferences"):
        settings_of(preferences)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"status": 0}, TrackerStatus.DISABLED),
        ({"status": 1}, TrackerStatus.NOT_CONTACTED),
        ({"status": 2}, TrackerStatus.WORKING),
        ({"status": 3}, TrackerStatus.UPDATING),
        ({"status": 4}, TrackerStatus.NOT_WORKING),
        ({"status": 5}, TrackerStatus.ERROR),
        ({"status": 6}, TrackerStatus.UNREACHABLE),
        ({"status": 99}, TrackerStatus.UNKNOWN),
        ({"status": 2, "updating": True}, TrackerStatus.UPDATING),
        ({"status": 4, "updating": False}, TrackerStatus.NOT_WORKING),
    ],
)
def test_the_status_of_a_tracker(row: dict[str, Any], status: TrackerStatus) -> None:
    (tracker,) = trackers_of(each([{"url": "http://t.example/announce", **row}], "x"))
    assert (tracker.host, tracker.status) == ("t.example", status)


def test_what_is_no_tracker_is_left_out() -> None:
    rows = [{"url": f"** [{name}] **", "tier": "", "status": 2} for name in ("DHT", "PeX", "LSD")]
    assert list(trackers_of(each(rows, "x"))) == []


def test_files_before_they_had_an_index() -> None:
    rows = [{"name": name, "size": 1, "progress": 0.5, "priority": 0} for name in ("a", "b")]
    assert list(files_of(each(rows, "x"))) == [
        TorrentFile(index=index, name=name, size_bytes=1, progress=0.5, wanted=False)
        for index, name in enumerate(("a", "b"))
    ]


def test_a_file_without_a_name_is_none() -> None:
    with pytest.raises(UnexpectedResponse, match=r"x\[0\]\.name"):
        list(files_of(iter([Fields({"size": 1}, "x[0]")])))
