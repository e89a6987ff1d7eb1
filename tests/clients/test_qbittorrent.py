"""The qBittorrent client, over HTTP against the simulator of every generation."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.errors import (
    BackendError,
    Banned,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient, QbittorrentVersion
from custom_components.sokoul.clients.qbittorrent_sync import LARGE_BYTES
from custom_components.sokoul.model.downloads import (
    AddedTorrents,
    ClientSettings,
    ConnectionStatus,
    DownloadState,
    ShareLimitAction,
    ShareLimits,
    ShareLimitsMode,
    Torrent,
    TorrentSettings,
    TorrentTracker,
    TrackerStatus,
)
from devstack.clock import ManualClock
from devstack.frame import FaultKind, SeenRequest
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_library import Behaviour
from devstack.qbittorrent_torrent import SimulatedTracker, TrackerStatus as SimulatedStatus
from devstack.torrents import make_torrent

USER, PASSWORD = "sokoul", "correct horse & battery=staple"
API_KEY = "qbt_" + "Ab12Cd34" * 3 + "Ef56"
HASH = "0123456789abcdef0123456789abcdef01234567"
MAGNET = f"magnet:?xt=urn:btih:{HASH.upper()}&dn=A.Film"
PASSKEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
OLD, NEW = ("4.5",), ("5.0", "5.2", "5.3")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=[*OLD, *NEW])
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def server(socket_enabled: None, generation: str, clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    simulator = QbittorrentSimulator(generation, username=USER, password=PASSWORD, api_key=API_KEY, clock=clock)
    async with simulator:
        yield simulator


@pytest.fixture
def client(session: ClientSession, server: QbittorrentSimulator) -> QbittorrentClient:
    return QbittorrentClient(session, server.url, username=USER, password=PASSWORD, timeout_seconds=5)


def asked(server: QbittorrentSimulator) -> list[str]:
    """Return what was asked, below the API."""
    return [request.path.removeprefix("/api/v2/") for request in server.requests]


def form(request: SeenRequest) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


only = pytest.mark.parametrize


# --- versions --------------------------------------------------------------------------------------------------------


async def test_the_version_is_that_of_the_application_and_of_its_api(
    client: QbittorrentClient, generation: str
) -> None:
    assert (
        await client.version()
        == {
            "4.5": QbittorrentVersion("4.5.2", (2, 8, 19)),
            "5.0": QbittorrentVersion("5.0.5", (2, 11, 2)),
            "5.2": QbittorrentVersion("5.2.3", (2, 15, 1)),
            "5.3": QbittorrentVersion("5.3.0", (2, 16, 2)),
        }[generation]
    )


@only("generation", ["5.2"])
@only(("body", "error"), [("<html></html>", NotTheApi), ("pong", NotTheApi), ("2", NotTheApi), ("", NotTheApi)])
async def test_something_else_that_answers_is_not_taken_for_it(
    client: QbittorrentClient, server: QbittorrentSimulator, body: str, error: type[BackendError]
) -> None:
    server.fault(FaultKind.STATUS, "* */webapiVersion", status=200, body=body)
    with pytest.raises(error):
        await client.version()


@only("generation", ["5.2"])
async def test_a_short_version_is_one(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    server.fault(FaultKind.STATUS, "* */webapiVersion", status=200, body="2.11\n")
    assert (await client.version()).api == (2, 11, 0)


# --- who may ask -----------------------------------------------------------------------------------------------------


async def test_one_login_serves_many_requests(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    await client.snapshot()
    await client.snapshot()
    await client.settings()
    assert asked(server).count("auth/login") == 1
    assert form(server.requests[0]) == {"username": USER, "password": PASSWORD}
    name = "SID" if server.engine.generation.api < (2, 14) else f"QBT_SID_{server.port}"
    assert all(request.headers["Cookie"].startswith(f"{name}=") for request in server.requests[1:])
    assert not any({"Origin", "Referer"} & request.headers.keys() for request in server.requests)


async def test_a_session_that_ran_out_is_begun_again(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    torrent = server.add_torrent("A.Film", Behaviour.IDLE)
    before = await client.snapshot()
    clock.advance(timedelta(hours=2))
    server.requests.clear()
    after = await client.snapshot()
    assert asked(server)[:3] == ["sync/maindata", "auth/login", "sync/maindata"]
    assert server.requests[0].status == 403
    assert after.torrents[torrent.hash] is before.torrents[torrent.hash]


async def test_many_requests_at_once_log_in_once(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    await asyncio.gather(client.settings(), client.version(), client.snapshot(), client.settings())
    assert asked(server).count("auth/login") == 1
    clock.advance(timedelta(hours=2))
    await asyncio.gather(client.settings(), client.version(), client.snapshot(), client.settings())
    assert asked(server).count("auth/login") == 2


async def test_a_wrong_password_is_tried_once_and_never_again(
    session: ClientSession, server: QbittorrentSimulator
) -> None:
    client = QbittorrentClient(session, server.url, username=USER, password="wrong")
    calls: list[Callable[[], Awaitable[Any]]] = [client.snapshot, client.version, client.settings, client.snapshot]
    for call in calls:
        with pytest.raises(InvalidAuth, match="wrong user name or password") as caught:
            await call()
        assert not isinstance(caught.value, Banned)
    with pytest.raises(InvalidAuth):
        await client.stop(None)
    assert asked(server).count("auth/login") == 1


async def test_a_password_that_changed_meanwhile_is_tried_once(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    await client.snapshot()
    server.access.password = "another"
    clock.advance(timedelta(hours=2))
    for _ in range(3):
        with pytest.raises(InvalidAuth):
            await client.snapshot()
    assert asked(server).count("auth/login") == 2


async def test_a_ban_is_a_ban_and_may_end(
    session: ClientSession, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    client = QbittorrentClient(
        session, server.url, username=USER, password=PASSWORD, clock=lambda: clock.now().timestamp()
    )
    for number in range(5):
        with pytest.raises(InvalidAuth):
            await QbittorrentClient(session, server.url, username=USER, password=f"wrong{number}").version()
    server.requests.clear()
    for _ in range(9):  # the guard asks several times a second
        with pytest.raises(Banned, match="banned after too many failed authentication attempts"):
            await client.version()
    assert asked(server) == ["auth/login"]
    clock.advance(timedelta(seconds=61))
    for _ in range(2):
        with pytest.raises(Banned):
            await client.version()
    assert asked(server) == ["auth/login"] * 2, "a ban may be over sooner than it was said"
    clock.advance(timedelta(hours=2))
    assert (await client.version()).api > (2, 0, 0)


@only("generation", ["5.2", "5.3"])
async def test_an_api_key_needs_no_login(session: ClientSession, server: QbittorrentSimulator) -> None:
    server.add_torrent("A.Film")
    client = QbittorrentClient(session, server.url, username=USER, password=PASSWORD, api_key=API_KEY)
    assert len((await client.snapshot()).torrents) == 1
    await client.stop(None)
    await client.log_out()
    assert not any(path.startswith("auth/") for path in asked(server))
    assert {request.headers["Authorization"] for request in server.requests} == {f"Bearer {API_KEY}"}
    assert not any("Cookie" in request.headers for request in server.requests)


async def test_a_wrong_api_key_is_refused(session: ClientSession, server: QbittorrentSimulator) -> None:
    client = QbittorrentClient(session, server.url, api_key="qbt_" + "x" * 28)
    with pytest.raises(InvalidAuth):
        await client.snapshot()
    assert asked(server) == ["app/webapiVersion"]


@only("generation", ["5.2"])
async def test_a_key_that_others_use_too_costs_full_updates_but_no_truth(
    session: ClientSession, server: QbittorrentSimulator
) -> None:
    """All requests with one key share one session: two pollers take the changes from each other."""
    torrent = server.add_torrent("A.Film", Behaviour.STALLED)
    server.add_torrent("B.Film", Behaviour.IDLE)
    first, second = (QbittorrentClient(session, server.url, api_key=API_KEY) for _ in range(2))
    previous = await first.snapshot()
    for number in range(6):
        server.change(torrent, name=f"A.Film.{number}")
        for client in (second, first):
            assert (await client.snapshot()).torrents[torrent.hash].name == f"A.Film.{number}"
    latest = await first.snapshot()
    assert [key for key in latest.torrents if latest.torrents[key] is not previous.torrents[key]] == [torrent.hash]


async def test_a_start_of_qbittorrent_is_a_session_more(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    assert client.sessions == 0
    await client.snapshot()
    await client.snapshot()
    assert client.sessions == 1
    server.fault(FaultKind.TRUNCATE, "* */maindata", times=1)
    with pytest.raises(BackendError):
        await client.snapshot()
    await client.snapshot()
    assert client.sessions == 1  # everything came anew, but not because of a start
    server.restart()
    await client.transfer()
    await client.snapshot()
    assert client.sessions == 2


@only("generation", ["5.2", "5.3"])
async def test_with_a_key_it_is_a_session_more_too_but_not_where_others_use_the_key(
    session: ClientSession, server: QbittorrentSimulator
) -> None:
    client, other = (QbittorrentClient(session, server.url, api_key=API_KEY) for _ in range(2))
    for _ in range(3):
        await client.snapshot()
    assert client.sessions == 1
    server.restart()
    for _ in range(3):
        await client.snapshot()
    assert client.sessions == 2
    for _ in range(6):
        await other.snapshot()
        await client.snapshot()
    assert client.sessions == 3


@only("generation", ["5.2", "4.5"])
async def test_nobody_is_asked_for_a_login_where_none_is_given(
    session: ClientSession, server: QbittorrentSimulator
) -> None:
    client = QbittorrentClient(session, server.url)
    with pytest.raises(InvalidAuth):
        await client.version()
    assert asked(server) == ["app/webapiVersion"]


@only("generation", ["5.2", "4.5"])
async def test_where_no_login_is_needed_the_session_is_kept_all_the_same(
    session: ClientSession, server: QbittorrentSimulator
) -> None:
    """With bypassed authentication qBittorrent begins a session by itself; without it each poll would be a full one."""
    cookie = f"{server.access.cookie_name(server.port)}={server.access.open().cookie}"
    server.fault(FaultKind.STATUS, "* */app/version", status=200, body="v5.2.3", headers={"Set-Cookie": cookie})
    server.fault(FaultKind.STATUS, "* */webapiVersion", status=200, body="2.15.1", headers={"Set-Cookie": cookie})
    server.add_torrent("A.Film", Behaviour.IDLE)
    client = QbittorrentClient(session, server.url)
    assert (await client.snapshot()) is (await client.snapshot())
    assert [dict(request.query) for request in server.requests if "sync" in request.path] == [
        {"rid": "0"},
        {"rid": "1"},
    ]
    await client.log_out()
    assert "auth/logout" not in asked(server), "there was no login"


@only("generation", ["5.2", "4.5"])
async def test_a_host_that_is_not_its_own_is_no_wrong_password(
    session: ClientSession, server: QbittorrentSimulator
) -> None:
    server.fault(FaultKind.STATUS, "* /api/v2/*", status=401, body="Unauthorized")
    client = QbittorrentClient(session, server.url, username=USER, password=PASSWORD)
    with pytest.raises(Refused, match="host header validation"):
        await client.version()
    server.clear_faults()
    assert (await client.version()).api > (2, 0, 0), "the login was not judged"


@only("generation", ["5.2"])
@only(
    ("status", "body", "error"),
    [
        (200, "<!DOCTYPE html><html></html>", NotTheApi),
        (200, "Maybe.", UnexpectedResponse),
        (401, "<html>sign in at the proxy</html>", NotTheApi),
        (403, "<html>forbidden by the proxy</html>", NotTheApi),
        (404, "Not Found", NotFound),
        (500, "", UnexpectedResponse),
        (429, "", RateLimited),
    ],
)
async def test_a_login_that_is_none(
    client: QbittorrentClient, server: QbittorrentSimulator, status: int, body: str, error: type[BackendError]
) -> None:
    server.fault(FaultKind.STATUS, "* */auth/login", status=status, body=body)
    with pytest.raises(error) as caught:
        await client.version()
    assert not isinstance(caught.value, Banned)
    server.clear_faults()
    await client.version()


async def test_logging_out_ends_the_session(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    await client.log_out()
    assert asked(server) == []
    await client.version()
    await client.log_out()
    await client.log_out()
    assert asked(server).count("auth/logout") == 1
    assert server.access._sessions == {}
    await client.version()
    second_login = [request for request in server.requests if request.path.endswith("auth/login")][1]
    assert "Cookie" not in second_login.headers


@only("generation", ["5.2"])
async def test_a_session_that_is_refused_right_after_the_login_is_not_tried_for_ever(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    server.fault(FaultKind.STATUS, "* */app/preferences", status=403, body="Forbidden")
    with pytest.raises(InvalidAuth):
        await client.settings()
    assert asked(server) == ["auth/login", "app/preferences", "auth/login", "app/preferences"]


# --- the snapshot ----------------------------------------------------------------------------------------------------

STATES = {
    Behaviour.DOWNLOADING: DownloadState.DOWNLOADING,
    Behaviour.STALLED: DownloadState.STALLED,
    Behaviour.METADATA: DownloadState.METADATA,
    Behaviour.STOPPED: DownloadState.STOPPED,
    Behaviour.ERROR: DownloadState.ERROR,
    Behaviour.MISSING_FILES: DownloadState.MISSING_FILES,
    Behaviour.CHECKING: DownloadState.CHECKING,
    Behaviour.MOVING: DownloadState.MOVING,
    Behaviour.SEEDING: DownloadState.SEEDING,
    Behaviour.IDLE: DownloadState.SEEDING,
    Behaviour.COMPLETED: DownloadState.COMPLETED,
}


async def test_torrents_of_every_kind(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    added = {behaviour: server.add_torrent(str(behaviour), behaviour).hash for behaviour in STATES}
    snapshot = await client.snapshot()
    assert {behaviour: snapshot.torrents[key].state for behaviour, key in added.items()} == STATES
    assert snapshot.totals.count(*DownloadState) == len(STATES)
    assert snapshot.totals.count(DownloadState.SEEDING) == 2


async def test_a_torrent_is_described_completely(
    client: QbittorrentClient, server: QbittorrentSimulator, generation: str, clock: ManualClock
) -> None:
    added = clock.now()
    torrent = server.add_torrent(
        "A.Film",
        size_bytes=10_000_000,
        progress=0.25,
        rate=100_000,
        category="radarr",
        tags={"Keep", "noHL"},
        private=True,
        forced=True,
        trackers=(f"https://Tracker.Example:443/announce/{PASSKEY}",),
        save_path="/data/radarr",
    )
    clock.advance(timedelta(seconds=10))
    snapshot = await client.snapshot()
    assert snapshot.torrents[torrent.hash] == Torrent(
        hash=torrent.hash,
        name="A.Film",
        state=DownloadState.DOWNLOADING,
        forced=True,
        progress=0.35,
        size_bytes=10_000_000,
        remaining_bytes=6_500_000,
        downloaded_bytes=3_500_000,
        download_rate=100_000,
        eta_seconds=65,
        ratio=0.0,
        seeds=12,
        swarm_seeds=24,
        peers=8,
        swarm_peers=9,
        availability=6.35,
        category="radarr",
        tags=frozenset({"Keep", "noHL"}),
        save_path="/data/radarr",
        content_path="/data/radarr/A.Film",
        tracker_host="tracker.example",
        private=None if generation in OLD else True,
        added_epoch=int(added.timestamp()),
        active_epoch=int(clock.now().timestamp()),
        complete_seen_epoch=int(clock.now().timestamp()),
    )
    assert snapshot.tags == {"Keep", "noHL"}
    assert snapshot.categories == {"radarr": ""}
    assert PASSKEY not in repr(snapshot)


async def test_what_is_not_known_is_none(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    key = server.add_torrent("A.Film", Behaviour.METADATA, trackers=()).hash
    torrent = (await client.snapshot()).torrents[key]
    assert (torrent.eta_seconds, torrent.private, torrent.tracker_host) == (None, None, "")
    assert (torrent.size_bytes, torrent.completed_epoch, torrent.complete_seen_epoch) == (0, 0, 0)
    assert (torrent.completed_at, torrent.complete_seen_at) == (None, None)
    assert not torrent.finished
    idle = server.add_torrent("B.Film", Behaviour.IDLE).hash
    assert (await client.snapshot()).torrents[idle].availability is None


async def test_the_whole_client_is_described(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    server.engine.weather.connection_status = "firewalled"
    server.engine.weather.free_bytes = 5e9
    server.add_torrent("A.Film", rate=1_000_000)
    await client.set_download_limit(600 * 1024)
    transfer = (await client.snapshot()).transfer
    assert transfer.connection is ConnectionStatus.FIREWALLED
    assert transfer.free_bytes == 5_000_000_000
    assert transfer.download_rate == transfer.download_limit == 600 * 1024
    assert transfer.upload_limit == 0
    assert transfer.alternative_limits is False
    assert transfer.dht_nodes == 380
    assert transfer.ratio is None
    assert transfer.external_ipv4 == ("203.0.113.7" if server.engine.generation.api >= (2, 11, 3) else None)


async def test_its_own_state_can_be_asked_for_alone(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    server.engine.weather.connection_status = "disconnected"
    transfer = await client.transfer()
    assert transfer.connection is ConnectionStatus.DISCONNECTED
    assert transfer.external_ipv4 == ("203.0.113.7" if server.engine.generation.api >= (2, 11, 3) else None)
    assert transfer.external_ipv6 is None


async def test_who_is_told_to_run_can_be_seen_through_a_check(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    checked = [server.add_torrent(f"{n}.Film", Behaviour.CHECKING, stopped=n % 2 == 0) for n in range(400)]
    assert {torrent.state for torrent in (await client.snapshot()).torrents.values()} == {DownloadState.CHECKING}
    assert await client.running() == {torrent.hash for torrent in checked if not torrent.stopped}
    assert await client.stopped() == {torrent.hash for torrent in checked if torrent.stopped}


async def test_who_is_told_to_run_is_known_before_the_states_show_it(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    one, other = (server.add_torrent(name, Behaviour.SEEDING) for name in ("One", "Other"))
    server.engine.weather.state_lag_seconds = 1.5
    await client.stop({one.hash})
    assert {torrent.state for torrent in (await client.snapshot()).torrents.values()} == {DownloadState.SEEDING}
    assert (await client.running(), await client.stopped()) == ({other.hash}, {one.hash})
    clock.advance(timedelta(seconds=1.5))
    assert (await client.snapshot()).torrents[one.hash].state is DownloadState.COMPLETED


async def test_in_haste_forced_starts_are_those_of_this_moment_and_no_answer_holds_up_what_follows(
    client: QbittorrentClient, server: QbittorrentSimulator, generation: str
) -> None:
    """Up to 4.5 each snapshot costs as much as the first one: there only what can be forced is asked for."""
    kinds = (Behaviour.SEEDING, Behaviour.IDLE, Behaviour.DOWNLOADING, Behaviour.METADATA, Behaviour.CHECKING)
    forced, freed, ordinary = (
        [server.add_torrent(f"{kind}.{word}", kind) for kind in kinds] for word in ("forced", "freed", "ordinary")
    )
    broken = server.add_torrent("broken", Behaviour.ERROR)
    theirs = server.add_torrent("theirs", Behaviour.STOPPED)
    for torrent in freed:
        server.change(torrent, forced=True)
    before = await client.snapshot()
    assert {key for key, each in before.torrents.items() if each.forced} == {each.hash for each in freed}
    for torrent in (*forced, broken):
        server.change(torrent, forced=True)
    for torrent in freed:
        server.change(torrent, forced=False)
    server.requests.clear()
    hasty = await client.snapshot_in_haste()
    assert {key for key, each in hasty.torrents.items() if each.forced} == {each.hash for each in (*forced, broken)}
    assert (
        hasty.torrents.keys()
        == before.torrents.keys()
        == {each.hash for each in (*forced, *freed, *ordinary, broken, theirs)}
    )
    assert all(hasty.torrents[each.hash] is before.torrents[each.hash] for each in (*ordinary, theirs))
    everything = [path for path in asked(server) if path == "sync/maindata"]
    assert everything == ([] if generation in OLD else ["sync/maindata"])


async def test_in_haste_everything_is_read_where_nothing_was_before(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    one = server.add_torrent("One", Behaviour.SEEDING)
    assert (await client.snapshot_in_haste()).torrents.keys() == {one.hash}


@only("generation", OLD)
async def test_what_was_told_in_haste_changes_nothing_for_the_next_snapshot(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    one = server.add_torrent("One", Behaviour.SEEDING)
    before = await client.snapshot()
    server.change(one, forced=True)
    assert (await client.snapshot_in_haste()).torrents[one.hash].forced
    assert not before.torrents[one.hash].forced
    after = await client.snapshot()
    assert after.torrents[one.hash].forced
    assert after.changed == {one.hash}


async def test_a_change_changes_one_torrent_and_keeps_the_others(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    moving = server.add_torrent("A.Film", rate=1000)
    idle = [server.add_torrent(f"Idle.{number}", Behaviour.IDLE).hash for number in range(5)]
    before = await client.snapshot()
    assert before.changed == set(before.torrents)
    clock.advance(timedelta(seconds=10))
    after = await client.snapshot()
    assert after.revision > before.revision
    assert after.changed == {moving.hash}
    assert all(after.torrents[key] is before.torrents[key] for key in idle)
    assert after.torrents[moving.hash].downloaded_bytes == before.torrents[moving.hash].downloaded_bytes + 10_000


async def test_a_poll_without_news_gives_the_same_object(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    server.add_torrent("A.Film", Behaviour.COMPLETED)
    first = await client.snapshot()
    assert await client.snapshot() is first
    assert await client.snapshot() is first
    rids = [int(dict(request.query)["rid"]) for request in server.requests if "sync" in request.path]
    assert rids == [0, 1, 2]


async def test_a_torrent_that_is_removed_is_gone(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    gone, stays = server.add_torrent("A.Film"), server.add_torrent("B.Film")
    await client.snapshot()
    server.remove(gone)
    after = await client.snapshot()
    assert set(after.torrents) == {stays.hash}
    assert after.removed == {gone.hash}


async def test_a_restart_is_noticed_with_its_new_version(
    client: QbittorrentClient, server: QbittorrentSimulator, session: ClientSession, clock: ManualClock
) -> None:
    server.add_torrent("A.Film", Behaviour.COMPLETED)
    before = await client.snapshot()
    port = server.port
    await server.stop()
    with pytest.raises(CannotConnect):
        await client.snapshot()
    newer = QbittorrentSimulator("5.3", username=USER, password=PASSWORD, clock=clock)
    newer.add_torrent("A.Film", Behaviour.COMPLETED)
    await newer.start(port)
    try:
        after = await client.snapshot()
        assert after.version == "5.3.0"
        assert set(after.torrents) == set(before.torrents)
        await client.stop(None)
        assert asked(newer)[-1] == "torrents/stop"
    finally:
        await newer.stop()


@only("generation", ["5.2", "4.5"])
async def test_ten_thousand_torrents_are_read_while_others_go_on(
    client: QbittorrentClient, server: QbittorrentSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The large answer is read in a thread. How long the loop is held up is for the benchmarks; here it goes on."""
    server.populate(2_000)
    server.engine.tags.add("😀")
    turns = 0
    done = asyncio.Event()

    async def beat() -> None:
        nonlocal turns
        while not done.is_set():
            await asyncio.sleep(0)
            turns += 1

    reading: list[int] = []
    original = client._sync.read

    def read(body: Any, **options: Any) -> Any:
        begin = turns
        result = original(body, **options)
        reading.append(turns - begin)
        return result

    monkeypatch.setattr(client._sync, "read", read)
    beating = asyncio.create_task(beat())
    snapshot = await client.snapshot()
    done.set()
    await beating
    assert len(snapshot.torrents) == 2_000
    assert sum(snapshot.totals.by_state.values()) == 2_000
    assert reading[0] > 10, "the event loop went on while the answer was read"
    server.churn(0.01)
    after = await client.snapshot()
    assert len(after.changed) == 20
    assert sum(after.torrents[key] is snapshot.torrents[key] for key in after.torrents) == 1_980


async def test_an_answer_on_either_side_of_the_limit_is_read_alike(
    client: QbittorrentClient, server: QbittorrentSimulator, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.populate(60)
    large = await client.snapshot()
    monkeypatch.setattr("custom_components.sokoul.clients.qbittorrent.LARGE_BYTES", 10**9)
    monkeypatch.setattr("custom_components.sokoul.clients.qbittorrent_sync.LARGE_BYTES", 10**9)
    small = await QbittorrentClient(session, server.url, username=USER, password=PASSWORD).snapshot()
    assert small.torrents == large.torrents
    assert (small.tags, small.categories, small.totals) == (large.tags, large.categories, large.totals)
    assert small.transfer == large.transfer
    assert LARGE_BYTES < 10**9


@only("generation", ["5.2"])
@only("kind", [FaultKind.TRUNCATE, FaultKind.TRUNCATE_JSON, FaultKind.HTML, FaultKind.WRONG_TYPES])
@only("count", [3, 100])
async def test_an_answer_that_cannot_be_read_leaves_the_state_and_is_asked_for_again(
    client: QbittorrentClient, server: QbittorrentSimulator, kind: FaultKind, count: int
) -> None:
    server.populate(count)
    before = await client.snapshot()
    server.fault(kind, "* */sync/maindata", times=1)
    server.engine.weather.dht_nodes = 7
    with pytest.raises(UnexpectedResponse):
        await client.snapshot()
    after = await client.snapshot()
    assert after.transfer.dht_nodes == 7
    assert after.revision == before.revision + 1
    assert after.changed == frozenset()
    rids = [int(dict(request.query)["rid"]) for request in server.requests if "sync" in request.path]
    assert rids == [0, 1, 0]


async def test_nothing_is_lost_with_an_answer_that_is_lost(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    """5.1 and 5.2 let new changes of a torrent push out those that were not acknowledged."""
    torrent = server.add_torrent("A.Film", Behaviour.STALLED)
    await client.snapshot()
    server.change(torrent, name="A.Film.renamed")
    server.fault(FaultKind.TRUNCATE, "* */sync/maindata", times=1)
    with pytest.raises(UnexpectedResponse):
        await client.snapshot()
    server.change(torrent, category="radarr")
    after = (await client.snapshot()).torrents[torrent.hash]
    assert (after.name, after.category) == ("A.Film.renamed", "radarr")


@only("generation", ["5.2"])
async def test_a_poll_that_is_cancelled_loses_nothing(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film", Behaviour.STALLED)
    await client.snapshot()
    server.change(torrent, name="A.Film.renamed")
    fault = server.fault(FaultKind.DRIP, "* */sync/maindata", delay_seconds=0.01)
    poll = asyncio.create_task(client.snapshot())
    await asyncio.sleep(0.03)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    server._faults.remove(fault)
    server.change(torrent, category="radarr")
    after = (await client.snapshot()).torrents[torrent.hash]
    assert (after.name, after.category) == ("A.Film.renamed", "radarr")


@only("generation", ["5.2"])
async def test_two_polls_at_once_take_turns(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    server.add_torrent("A.Film", Behaviour.COMPLETED)
    first, second, third = await asyncio.gather(*(client.snapshot() for _ in range(3)))
    assert first is second is third
    assert [dict(request.query)["rid"] for request in server.requests if "sync" in request.path] == ["0", "1", "2"]


@only("generation", ["5.2"])
async def test_a_state_and_a_connection_from_the_future(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    server.fault(FaultKind.UNKNOWN_ENUMS, "* */sync/maindata", fields=("state", "connection_status"))
    key = server.add_torrent("A.Film").hash
    snapshot = await client.snapshot()
    assert snapshot.torrents[key].state is DownloadState.UNKNOWN
    assert snapshot.transfer.connection is ConnectionStatus.UNKNOWN
    assert snapshot.totals.count(DownloadState.UNKNOWN) == 1


@only("generation", ["5.2"])
@only("field", ["rid", "full_update", "name", "state", "progress", "size", "amount_left"])
async def test_a_field_that_is_needed_and_missing(
    client: QbittorrentClient, server: QbittorrentSimulator, field: str
) -> None:
    server.add_torrent("A.Film")
    server.fault(FaultKind.MISSING_FIELDS, "* */sync/maindata", fields=(field,))
    with pytest.raises(UnexpectedResponse):
        await client.snapshot()


@only("generation", ["5.2"])
async def test_fields_that_are_not_needed_may_be_missing(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    key = server.add_torrent("A.Film", category="radarr").hash
    fields = ("category", "tags", "eta", "ratio", "tracker", "save_path", "categories", "server_state", "num_seeds")
    server.fault(FaultKind.MISSING_FIELDS, "* */sync/maindata", fields=fields)
    snapshot = await client.snapshot()
    assert snapshot.torrents[key].name == "A.Film"
    assert (snapshot.torrents[key].category, snapshot.torrents[key].ratio) == ("", None)
    assert snapshot.transfer.connection is ConnectionStatus.UNKNOWN


# --- every call, every fault -----------------------------------------------------------------------------------------

LIMITS = ShareLimits(ratio=2)
CALLS: dict[str, Callable[[QbittorrentClient], Awaitable[Any]]] = {
    "version": lambda client: client.version(),
    "snapshot": lambda client: client.snapshot(),
    "settings": lambda client: client.settings(),
    "trackers": lambda client: client.trackers(HASH),
    "files": lambda client: client.files(HASH),
    "is_private": lambda client: client.is_private(HASH),
    "stop": lambda client: client.stop(None),
    "start": lambda client: client.start([HASH]),
    "delete": lambda client: client.delete([HASH], with_files=False),
    "reannounce": lambda client: client.reannounce([HASH]),
    "recheck": lambda client: client.recheck([HASH]),
    "torrent": lambda client: client.torrent(HASH),
    "torrent_settings": lambda client: client.torrent_settings(HASH),
    "restore": lambda client: client.restore(HASH, TorrentSettings()),
    "set_file_priority": lambda client: client.set_file_priority(HASH, [0], wanted=False),
    "set_torrent_download_limit": lambda client: client.set_torrent_download_limit([HASH], 1),
    "set_torrent_upload_limit": lambda client: client.set_torrent_upload_limit([HASH], 1),
    "set_super_seeding": lambda client: client.set_super_seeding([HASH], True),
    "ensure_category": lambda client: client.ensure_category("radarr"),
    "set_force_start": lambda client: client.set_force_start([HASH], True),
    "set_automatic": lambda client: client.set_automatic([HASH], True),
    "set_location": lambda client: client.set_location([HASH], "/data"),
    "set_category": lambda client: client.set_category([HASH], "radarr"),
    "create_category": lambda client: client.create_category("radarr"),
    "add_tags": lambda client: client.add_tags([HASH], ["x"]),
    "remove_tags": lambda client: client.remove_tags([HASH], ["x"]),
    "set_share_limits": lambda client: client.set_share_limits([HASH], LIMITS),
    "add_trackers": lambda client: client.add_trackers(HASH, ["udp://t.example"]),
    "add": lambda client: client.add(MAGNET),
    "set_settings": lambda client: client.set_settings({"listen_port": 1}),
    "set_download_limit": lambda client: client.set_download_limit(1),
    "set_upload_limit": lambda client: client.set_upload_limit(1),
    "set_alternative_limits": lambda client: client.set_alternative_limits(True),
}
READS = ("version", "snapshot", "settings", "trackers", "files", "is_private")

FAULTS: dict[str, tuple[FaultKind, dict[str, Any], type[BackendError]]] = {
    "hang": (FaultKind.HANG, {}, CannotConnect),
    "hang up": (FaultKind.DISCONNECT, {}, CannotConnect),
    "400": (FaultKind.STATUS, {"status": 400}, Refused),
    "401": (FaultKind.STATUS, {"status": 401}, InvalidAuth),
    "403": (FaultKind.STATUS, {"status": 403}, InvalidAuth),
    "404": (FaultKind.STATUS, {"status": 404}, NotFound),
    "409": (FaultKind.STATUS, {"status": 409, "body": "no"}, Refused),
    "429": (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "7"}}, RateLimited),
    "500": (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    "503": (FaultKind.STATUS, {"status": 503}, UnexpectedResponse),
    "elsewhere": (FaultKind.REDIRECT, {"location": "https://other.example/"}, NotTheApi),
}
READ_FAULTS: dict[str, tuple[FaultKind, dict[str, Any], type[BackendError]]] = {
    "truncated": (FaultKind.STATUS, {"status": 200, "body": '{"a": [{'}, UnexpectedResponse),
    "page": (FaultKind.HTML, {}, NotTheApi),
    "number": (FaultKind.STATUS, {"status": 200, "body": "5"}, UnexpectedResponse),
    "odd object": (FaultKind.STATUS, {"status": 200, "body": '{"rid": [], "listen_port": "x"}'}, UnexpectedResponse),
    "odd list": (FaultKind.STATUS, {"status": 200, "body": '[{"url": 1}]'}, UnexpectedResponse),
}


@only("generation", ["5.2"])
@only("call", CALLS)
@only("fault", FAULTS)
async def test_every_fault_of_every_call_is_one_of_the_errors(
    server: QbittorrentSimulator, session: ClientSession, call: str, fault: str
) -> None:
    client = QbittorrentClient(session, server.url, username=USER, password=PASSWORD)
    await client.version()
    kind, options, error = FAULTS[fault]
    server.fault(kind, **options)
    client._http._timeout_seconds = 0.05 if kind is FaultKind.HANG else 5
    client._timeout_seconds = client._http._timeout_seconds
    with pytest.raises(error) as caught:
        await CALLS[call](client)
    assert PASSWORD not in str(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == timedelta(seconds=7)
    if kind is FaultKind.HANG:
        assert isinstance(caught.value, CannotConnect)
        assert caught.value.silence is Silence.TIMEOUT


@only("generation", ["5.2"])
@only("call", READS)
@only("fault", READ_FAULTS)
async def test_every_reading_of_nonsense_is_one_of_the_errors(
    server: QbittorrentSimulator, session: ClientSession, call: str, fault: str
) -> None:
    client = QbittorrentClient(session, server.url, username=USER, password=PASSWORD)
    await client.version()
    kind, options, error = READ_FAULTS[fault]
    server.fault(kind, **options)
    with pytest.raises(error):
        await CALLS[call](client)


@only("generation", ["5.2"])
@only("read", ["torrent", "torrent_settings"])
@only("body", ['{"a": [{', "5", "[5]", '[{"hash": "%s"}]', '[{"hash": "%s", "name": "a", "state": 5, "tags": {}}]'])
async def test_a_row_that_is_none_is_an_unexpected_response(
    client: QbittorrentClient, server: QbittorrentSimulator, read: str, body: str
) -> None:
    await client.version()
    server.fault(FaultKind.STATUS, status=200, body=body.replace("%s", HASH))
    with pytest.raises(UnexpectedResponse):
        await CALLS[read](client)


@only("generation", ["5.3"])
async def test_share_limits_from_the_future_are_the_default(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    torrent = server.add_torrent("A.Film", share_limit_action="Compost", share_limits_mode="MatchTwo")
    limits = (await client.torrent_settings(torrent.hash)).share_limits
    assert (limits.action, limits.mode) == (ShareLimitAction.DEFAULT, ShareLimitsMode.DEFAULT)


async def test_a_closed_port_is_said(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    await client.snapshot()
    await server.refuse()
    with pytest.raises(CannotConnect) as caught:
        await client.snapshot()
    assert caught.value.silence is Silence.REFUSED
    assert client.latency_seconds is not None
    await server.accept()
    assert (await client.snapshot()).revision == 1


# --- acting on torrents ----------------------------------------------------------------------------------------------


async def test_stopping_and_starting_all_and_some(
    client: QbittorrentClient, server: QbittorrentSimulator, generation: str
) -> None:
    one, two = server.add_torrent("A.Film"), server.add_torrent("B.Film")
    await client.stop(None)
    assert (one.stopped, two.stopped) == (True, True)
    await client.start([one.hash])
    assert (one.stopped, two.stopped) == (False, True)
    await client.start({one.hash, two.hash})
    assert (one.stopped, two.stopped) == (False, False)
    names = {"torrents/pause", "torrents/resume"} if generation in OLD else {"torrents/stop", "torrents/start"}
    assert set(asked(server)) - {"auth/login", "app/version", "app/webapiVersion"} == names
    assert form(server.requests[-3]) == {"hashes": "all"} or form(server.requests[-3])["hashes"]


async def test_nothing_to_act_on_asks_nothing(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    """An empty list must never become "all"."""
    torrent = server.add_torrent("A.Film", tags={"x"})
    await client.version()
    server.requests.clear()
    await client.stop([])
    await client.delete([], with_files=True)
    await client.add_tags([], ["y"])
    await client.add_tags([torrent.hash], [])
    await client.remove_tags([torrent.hash], [])
    await client.add_trackers(torrent.hash, [])
    await client.set_torrent_download_limit([], 1)
    await client.set_torrent_upload_limit([], 1)
    await client.set_super_seeding([], True)
    await client.set_file_priority(torrent.hash, [], wanted=False)
    assert asked(server) == []
    assert torrent.tags == {"x"}


async def test_a_version_that_changed_under_us_is_still_stopped(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock, generation: str
) -> None:
    await client.version()
    port = server.port
    await server.stop()
    other = QbittorrentSimulator("5.2" if generation in OLD else "4.5", username=USER, password=PASSWORD, clock=clock)
    torrent = other.add_torrent("A.Film")
    await other.start(port)
    try:
        await client.stop(None)
        stopped = torrent.stopped
        await client.start(None)
        assert (stopped, torrent.stopped) == (True, False)
        right = "torrents/resume" if other.engine.generation.api < (2, 11) else "torrents/start"
        assert asked(other)[-1] == right
        assert asked(other).count("app/webapiVersion") == 1, "what was learned is kept"
    finally:
        await other.stop()


async def test_deleting_with_and_without_data(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    one, two, three = (server.add_torrent(f"{number}.Film", Behaviour.IDLE) for number in range(3))
    await client.delete([one.hash], with_files=False)
    assert form(server.requests[-1]) == {"hashes": one.hash, "deleteFiles": "false"}
    await client.delete([two.hash, "f" * 40], with_files=True)
    assert form(server.requests[-1])["deleteFiles"] == "true"
    assert set(server.torrents) == {three.hash}


async def test_tags_come_and_go(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film", tags={"x"})
    await client.add_tags([torrent.hash], ["Keep", "no HL"])
    assert torrent.tags == {"x", "Keep", "no HL"}
    await client.remove_tags([torrent.hash], ["x", "no HL"])
    assert torrent.tags == {"Keep"}
    assert (await client.snapshot()).torrents[torrent.hash].tags == {"Keep"}


async def test_categories_are_made_and_set(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film")
    with pytest.raises(Refused) as caught:
        await client.set_category([torrent.hash], "sokoul-quarantine")
    assert caught.value.status == 409
    await client.create_category("sokoul-quarantine", "/quarantine")
    await client.set_category([torrent.hash], "sokoul-quarantine")
    snapshot = await client.snapshot()
    assert snapshot.torrents[torrent.hash].category == "sokoul-quarantine"
    assert snapshot.categories == {"sokoul-quarantine": "/quarantine"}
    await client.set_category([torrent.hash], "")
    assert (await client.snapshot()).torrents[torrent.hash].category == ""
    for name in ("sokoul-quarantine", "", "a\\b"):
        with pytest.raises(Refused):
            await client.create_category(name)


async def test_a_location_is_set_or_refused(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film", Behaviour.IDLE, automatic=True)
    await client.set_location([torrent.hash], "/data/new")
    assert (await client.snapshot()).torrents[torrent.hash].state is DownloadState.MOVING
    assert not torrent.automatic
    server.engine.weather.unwritable.add("/root")
    for path, status in (("", 400), ("/root/x", 409)):
        with pytest.raises(Refused) as caught:
            await client.set_location([torrent.hash], path)
        assert caught.value.status == status


async def test_forcing_and_automatic_management(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film", Behaviour.STALLED)
    await client.set_force_start([torrent.hash], True)
    snapshot = await client.snapshot()
    assert snapshot.torrents[torrent.hash].forced is True
    assert snapshot.torrents[torrent.hash].state is DownloadState.DOWNLOADING
    await client.set_force_start([torrent.hash], False)
    await client.set_automatic([torrent.hash], True)
    after = (await client.snapshot()).torrents[torrent.hash]
    assert (after.forced, after.automatic) == (False, True)


async def test_rechecking_and_reannouncing(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film", Behaviour.IDLE)
    await client.recheck([torrent.hash])
    assert (await client.snapshot()).torrents[torrent.hash].state is DownloadState.CHECKING
    await client.reannounce([torrent.hash])
    assert form(server.requests[-1]) == {"hashes": torrent.hash}
    await client.reannounce(None)
    assert form(server.requests[-1]) == {"hashes": "all"}


async def test_share_limits_are_set_on_every_version(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    torrent = server.add_torrent("A.Film", Behaviour.IDLE)
    await client.set_share_limits(
        [torrent.hash], ShareLimits(ratio=1.5, seeding_minutes=60, action=ShareLimitAction.STOP)
    )
    assert (torrent.ratio_limit, torrent.seeding_time_limit, torrent.inactive_seeding_time_limit) == (1.5, 60, -2)
    assert torrent.share_limit_action == "Stop"
    await client.set_share_limits([torrent.hash], ShareLimits())
    assert (torrent.ratio_limit, torrent.seeding_time_limit) == (-2, -2)
    assert torrent.share_limit_action == "Default"


async def test_trackers_are_told_without_their_urls(
    client: QbittorrentClient, server: QbittorrentSimulator, generation: str
) -> None:
    url = f"https://Tracker.Example/{PASSKEY}/announce"
    trackers = [
        SimulatedTracker(url=url, status=SimulatedStatus.WORKING),
        SimulatedTracker(
            url="udp://t.example:1337/announce",
            tier=1,
            status=SimulatedStatus.ERROR,
            message=f"unregistered torrent (passkey={PASSKEY} at {url})",
        ),
        SimulatedTracker(url="udp://u.example:1", tier=2, status=SimulatedStatus.UNREACHABLE),
        SimulatedTracker(url="udp://v.example:1", tier=3, status=SimulatedStatus.NOT_CONTACTED),
        SimulatedTracker(url="udp://w.example:1", tier=4, status=SimulatedStatus.WORKING, updating=True),
    ]
    torrent = server.add_torrent("A.Film")
    server.change(torrent, trackers=trackers)
    told = await client.trackers(torrent.hash)
    assert told[0] == TorrentTracker(
        host="tracker.example", tier=0, status=TrackerStatus.WORKING, seeds=24, peers=told[0].peers
    )
    assert told[0].peers is not None
    assert [tracker.tier for tracker in told] == [0, 1, 2, 3, 4]
    modern = server.engine.generation.api >= (2, 14)
    assert [tracker.status for tracker in told[1:]] == [
        TrackerStatus.ERROR if modern else TrackerStatus.NOT_WORKING,
        TrackerStatus.UNREACHABLE if modern else TrackerStatus.NOT_WORKING,
        TrackerStatus.NOT_CONTACTED,
        TrackerStatus.UPDATING,
    ]
    assert told[1].seeds is None
    assert "unregistered torrent" in told[1].message
    assert PASSKEY not in repr(told)
    with pytest.raises(NotFound):
        await client.trackers("f" * 40)


async def test_trackers_are_added_each_in_a_tier_of_its_own(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    torrent = server.add_torrent("A.Film", trackers=("udp://a.example:1/announce",))
    await client.add_trackers(torrent.hash, ["udp://b.example:1/announce?x=1&y=2", "udp://a.example:1/announce"])
    await client.add_trackers(torrent.hash, ["https://c.example/announce", "https://d.example/announce"])
    hosts = [tracker.host for tracker in await client.trackers(torrent.hash)]
    assert hosts == ["a.example", "b.example", "c.example", "d.example"]
    assert [tracker.tier for tracker in torrent.trackers[2:]] == [0, 1]


async def test_files_are_listed(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    files = (("A.Film/a.mkv", 900), ("A.Film/sample.mkv", 100))
    torrent = server.add_torrent("A.Film", Behaviour.IDLE, files=files)
    torrent.set_priority(1, 0)
    video, sample = await client.files(torrent.hash)
    assert (video.index, video.name, video.size_bytes, video.progress, video.wanted) == (0, *files[0], 1.0, True)
    assert (sample.index, sample.wanted) == (1, False)
    assert video.availability == 1.0
    magnet = server.add_torrent("B.Film", Behaviour.METADATA)
    assert await client.files(magnet.hash) == ()
    with pytest.raises(NotFound):
        await client.files("f" * 40)


async def test_privacy_is_known_of_every_version_and_of_none_without_metadata(
    client: QbittorrentClient, server: QbittorrentSimulator
) -> None:
    private, public = server.add_torrent("A.Film", private=True), server.add_torrent("B.Film", private=False)
    magnet = server.add_torrent("C.Film", Behaviour.METADATA)
    hashes = (private.hash, public.hash, magnet.hash)
    assert [await client.is_private(key) for key in hashes] == [True, False, None]
    with pytest.raises(NotFound):
        await client.is_private("f" * 40)


# --- adding ----------------------------------------------------------------------------------------------------------


async def test_a_magnet_link_is_added_stopped(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    added = await client.add(MAGNET, category="radarr", tags=["a", "b"], save_path="/data/x", stopped=True)
    assert added.hashes == (HASH,)
    torrent = server.torrents[HASH]
    assert torrent.stopped
    assert (torrent.category, torrent.tags, torrent.save_path) == ("radarr", {"a", "b"}, "/data/x")


async def test_a_torrent_file_is_added_started(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    content = make_torrent(b"x" * 1000, name="A.Film.mkv")
    added = await client.add(content)
    assert added == AddedTorrents(hashes=tuple(server.torrents))
    assert not server.torrents[added.hashes[0]].stopped


async def test_the_same_again_is_refused(client: QbittorrentClient) -> None:
    await client.add(MAGNET)
    with pytest.raises(Refused) as caught:
        await client.add(MAGNET)
    assert caught.value.status == 409
    content = make_torrent(b"x" * 1000, name="A.Film.mkv")
    await client.add(content)
    with pytest.raises(Refused) as caught:
        await client.add(content)
    assert caught.value.status == 409


async def test_what_is_no_torrent_is_refused(client: QbittorrentClient) -> None:
    with pytest.raises(Refused) as caught:
        await client.add(b"no torrent")
    assert caught.value.status in {409, 415}


async def test_a_url_is_fetched_by_the_client(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    added = await client.add(f"http://127.0.0.1:{server.port}/nothing.torrent")
    assert added == AddedTorrents(hashes=(), pending=True)


async def test_a_file_is_sent_again_after_the_session_ran_out(
    client: QbittorrentClient, server: QbittorrentSimulator, clock: ManualClock
) -> None:
    """A multipart form can be sent only once: the second one must be made anew."""
    await client.version()
    clock.advance(timedelta(hours=2))
    added = await client.add(make_torrent(b"x" * 1000, name="A.Film.mkv"))
    assert set(added.hashes) == set(server.torrents)
    assert asked(server)[-3:] == ["torrents/add", "auth/login", "torrents/add"]


@only("generation", ["5.0"])
@only("body", ["", "Perhaps.", "<html></html>", '{"added_torrent_ids": 5}', "{"])
async def test_an_answer_to_adding_that_is_none(
    client: QbittorrentClient, server: QbittorrentSimulator, body: str
) -> None:
    server.fault(FaultKind.STATUS, "* */torrents/add", status=200, body=body)
    with pytest.raises(UnexpectedResponse):
        await client.add(MAGNET)


# --- the whole client ------------------------------------------------------------------------------------------------


async def test_settings_are_read_changed_and_shown(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    assert (await client.snapshot()).settings is None
    settings = await client.settings()
    assert settings.listen_port == server.engine.preferences["listen_port"]
    assert settings.save_path == "/downloads"
    assert settings.maximum_ratio is None
    shown = await client.snapshot()
    assert (shown.revision, shown.settings) == (2, settings)
    changes = {
        "listen_port": 51820,
        "random_port": False,
        "upnp": False,
        "current_network_interface": "wg0",
        "queueing_enabled": True,
        "max_active_downloads": 3,
        "max_ratio_enabled": True,
        "max_ratio": 2,
        "max_ratio_act": 1,
        "temp_path_enabled": True,
        "temp_path": "/incomplete/ö",
        "dl_limit": 4096,
        "up_limit": 0,
        "alt_dl_limit": 1024,
        "alt_up_limit": 2048,
    }
    await client.set_settings(changes)
    assert json.loads(form(server.requests[-1])["json"]) == changes
    assert await client.settings() == ClientSettings(
        listen_port=51820,
        random_port=False,
        upnp=False,
        interface="wg0",
        interface_address="",
        save_path="/downloads",
        incomplete_path="/incomplete/ö",
        download_limit=4096,
        upload_limit=0,
        alternative_download_limit=1024,
        alternative_upload_limit=2048,
        queueing=True,
        maximum_active_downloads=3,
        maximum_ratio=2.0,
        maximum_ratio_removes=True,
    )


async def test_limits_are_set(client: QbittorrentClient, server: QbittorrentSimulator) -> None:
    await client.set_download_limit(1024_000)
    await client.set_upload_limit(512_000)
    await client.set_alternative_limits(True)
    transfer = (await client.snapshot()).transfer
    assert transfer.alternative_limits is True
    await client.set_alternative_limits(False)
    transfer = (await client.snapshot()).transfer
    assert (transfer.alternative_limits, transfer.download_limit, transfer.upload_limit) == (False, 1024_000, 512_000)
    await client.set_download_limit(-1)
    await client.set_upload_limit(0)
    transfer = (await client.snapshot()).transfer
    assert (transfer.download_limit, transfer.upload_limit) == (0, 0)


@only("generation", ["5.2"])
@only("path", ["/qbt", "/qbt/", "/qbt/#/downloads", "/qbt/?x=1"])
async def test_a_base_path_is_kept(session: ClientSession, server: QbittorrentSimulator, path: str) -> None:
    server.fault(FaultKind.STATUS, "GET /qbt/api/v2/app/*", status=200, body="2.15.1")
    assert (await QbittorrentClient(session, server.url + path).version()).api == (2, 15, 1)
