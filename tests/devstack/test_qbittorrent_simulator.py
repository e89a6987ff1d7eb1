"""What the simulated qBittorrent does by itself: time, limits, trouble, thousands of torrents, and its controls."""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
import time
from typing import Any, override

import aiohttp
from aiohttp import web
import pytest

from devstack.clock import ManualClock
from devstack.frame import Simulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_library import Behaviour
from devstack.qbittorrent_torrent import Swarm, TrackerStatus
from devstack.torrents import make_torrent

from .conftest import simulated_peer
from .qbittorrent_peers import Peer, SimulatedBackend

MEGABYTE = 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def simulator(clock: ManualClock) -> QbittorrentSimulator:
    return QbittorrentSimulator("5.2", clock=clock)


def states(simulator: QbittorrentSimulator) -> dict[str, str]:
    return {each.name: each.state(simulator.engine.generation) for each in simulator.torrents.values()}


@pytest.mark.parametrize(
    ("behaviour", "first", "later"),
    [
        (Behaviour.DOWNLOADING, "downloading", "stalledUP"),
        (Behaviour.STALLED, "stalledDL", "stalledDL"),
        (Behaviour.METADATA, "metaDL", "metaDL"),
        (Behaviour.STOPPED, "stoppedDL", "stoppedDL"),
        (Behaviour.ERROR, "error", "error"),
        (Behaviour.MISSING_FILES, "missingFiles", "missingFiles"),
        (Behaviour.CHECKING, "checkingDL", "stalledUP"),
        (Behaviour.MOVING, "moving", "stalledUP"),
        (Behaviour.SEEDING, "uploading", "uploading"),
        (Behaviour.IDLE, "stalledUP", "stalledUP"),
        (Behaviour.COMPLETED, "stoppedUP", "stoppedUP"),
    ],
)
def test_behaviours(
    simulator: QbittorrentSimulator, clock: ManualClock, behaviour: Behaviour, first: str, later: str
) -> None:
    simulator.add_torrent("a", behaviour, size_bytes=100 * MEGABYTE, rate=MEGABYTE)
    assert states(simulator) == {"a": first}
    clock.advance(timedelta(minutes=5))
    assert states(simulator) == {"a": later}


def test_downloading_takes_its_time(simulator: QbittorrentSimulator, clock: ManualClock) -> None:
    torrent = simulator.add_torrent("a", size_bytes=100 * MEGABYTE, rate=MEGABYTE)
    start = clock.now().timestamp()
    clock.advance(timedelta(seconds=25))
    assert simulator.torrents[torrent.hash].progress == pytest.approx(0.25)
    clock.advance(timedelta(hours=1))
    assert simulator.torrents[torrent.hash].completed_at == pytest.approx(start + 100)
    assert torrent.downloaded == 100 * MEGABYTE
    assert torrent.seeding_seconds(clock.now().timestamp()) == 3525
    assert torrent.active_seconds(clock.now().timestamp()) == 3625


def test_steps_of_time_do_not_matter() -> None:
    def after(steps: int) -> list[tuple[str, int, int]]:
        clock = ManualClock()
        simulator = QbittorrentSimulator("5.2", clock=clock, preferences={"dl_limit": 3 * MEGABYTE})
        for number in range(4):
            simulator.add_torrent(f"t{number}", size_bytes=(number + 1) * 50 * MEGABYTE, rate=2 * MEGABYTE)
        for _ in range(steps):
            clock.advance(timedelta(seconds=120 / steps))
            simulator.engine.look()
        shown = simulator.torrents.values()
        return [
            (each.state(simulator.engine.generation), round(each.completed), round(each.completed_at)) for each in shown
        ]

    assert after(1) == after(60) == after(240)


def test_the_global_limit_is_shared(simulator: QbittorrentSimulator) -> None:
    simulator.engine.set_preferences({"dl_limit": MEGABYTE})
    rates = [simulator.add_torrent(name, rate=rate) for name, rate in (("a", 3e6), ("b", 1e6))]
    assert [torrent.download_rate for torrent in rates] == [750_000, 250_000]
    simulator.change(rates[0], download_limit=1000)
    assert rates[0].download_rate <= 1000
    assert rates[1].download_rate == 999_000
    simulator.engine.set_alternative_limits(True)
    simulator.engine.look()
    assert sum(torrent.download_rate for torrent in rates) <= 10_240


def test_a_disconnected_client_stands_still(simulator: QbittorrentSimulator, clock: ManualClock) -> None:
    torrent = simulator.add_torrent("a", rate=MEGABYTE)
    simulator.set_connection("disconnected")
    clock.advance(timedelta(minutes=1))
    assert (simulator.torrents[torrent.hash].completed, torrent.download_rate) == (0, 0)
    assert states(simulator) == {"a": "stalledDL"}
    simulator.set_connection("firewalled")
    clock.advance(timedelta(seconds=10))
    assert simulator.torrents[torrent.hash].completed == 10 * MEGABYTE


def test_a_full_disk(simulator: QbittorrentSimulator, clock: ManualClock) -> None:
    simulator.engine.weather.free_bytes = 20 * MEGABYTE
    torrent = simulator.add_torrent("a", size_bytes=100 * MEGABYTE, rate=MEGABYTE)
    clock.advance(timedelta(seconds=30))
    assert states(simulator) == {"a": "error"}
    assert torrent.completed == pytest.approx(20 * MEGABYTE)


def test_share_limits_end_seeding(simulator: QbittorrentSimulator, clock: ManualClock) -> None:
    size = 10 * MEGABYTE
    simulator.add_torrent("stops", "seeding", size_bytes=size, rate=4 * MEGABYTE, ratio_limit=2)
    simulator.add_torrent(
        "goes", "seeding", size_bytes=size, rate=4 * MEGABYTE, ratio_limit=2, share_limit_action="Remove"
    )
    simulator.add_torrent("timed", "idle", size_bytes=size, seeding_time_limit=10)
    simulator.add_torrent("free", "seeding", size_bytes=size, rate=4 * MEGABYTE)
    clock.advance(timedelta(seconds=15))
    assert states(simulator) == {"stops": "uploading", "goes": "uploading", "timed": "stalledUP", "free": "uploading"}
    stops = next(each for each in simulator.torrents.values() if each.name == "stops")
    clock.advance(timedelta(hours=1))  # in one step
    assert states(simulator) == {"stops": "stoppedUP", "timed": "stoppedUP", "free": "uploading"}
    assert stops.uploaded == pytest.approx(2 * size, rel=1e-3)


def test_rechecking_lost_files_fetches_them_again(simulator: QbittorrentSimulator, clock: ManualClock) -> None:
    torrent = simulator.add_torrent("a", "idle", size_bytes=10 * MEGABYTE, rate=MEGABYTE)
    simulator.lose_files(torrent)
    assert states(simulator) == {"a": "missingFiles"}
    simulator.engine.recheck(torrent)
    assert states(simulator) == {"a": "checkingUP"}
    clock.advance(timedelta(seconds=2))
    assert states(simulator) == {"a": "downloading"}
    clock.advance(timedelta(seconds=20))
    assert states(simulator) == {"a": "stalledUP"}


def test_seeders_that_leave(simulator: QbittorrentSimulator, clock: ManualClock) -> None:
    torrent = simulator.add_torrent("a", rate=MEGABYTE)
    simulator.change(torrent, swarm=Swarm())
    clock.advance(timedelta(hours=1))
    assert (states(simulator), torrent.completed) == ({"a": "stalledDL"}, 0)
    torrent.trackers[0].status = TrackerStatus.ERROR
    simulator.change(torrent, swarm=Swarm(rate=MEGABYTE))
    assert states(simulator) == {"a": "downloading"}
    with pytest.raises(TypeError, match="no speed"):
        simulator.change(torrent, speed=1)


def test_thousands_are_the_same_for_the_same_seed() -> None:
    def library(seed: int) -> list[tuple[str, str, int, str]]:
        simulator = QbittorrentSimulator("5.2", clock=ManualClock())
        added = simulator.populate(2000, seed)
        return [(each.hash, each.name, each.size, each.state(simulator.engine.generation)) for each in added]

    first = library(1)
    assert first == library(1)
    assert first != library(2)
    assert len({info_hash for info_hash, *_ in first}) == 2000
    kinds = {state for *_, state in first}
    assert kinds >= {
        "stalledUP",
        "uploading",
        "stoppedUP",
        "downloading",
        "stalledDL",
        "metaDL",
        "error",
        "missingFiles",
    }


# --- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def peer(tmp_path: Path, socket_enabled: None) -> AsyncIterator[Peer]:
    async with simulated_peer("5.2", tmp_path) as peer:
        yield peer


def simulated(peer: Peer) -> QbittorrentSimulator:
    assert isinstance(peer.backend, SimulatedBackend)
    return peer.backend.simulator


async def test_an_answer_costs_what_changed(peer: Peer) -> None:
    simulator = simulated(peer)
    simulator.populate(5000)
    simulator.record_requests = False
    answer = await peer.get("sync/maindata")
    assert len(answer["torrents"]) == 5000
    live = len([each for each in simulator.torrents.values() if each.download_rate or each.upload_rate])
    await peer.backend.pass_time(1)
    changed = simulator.churn(0.01)
    assert changed == 50
    start = time.process_time()
    delta = await peer.get("sync/maindata", rid=answer["rid"])
    assert time.process_time() - start < 0.25  # a full answer of so many takes more to make and to read
    assert 50 <= len(delta["torrents"]) <= changed + live + 100


async def test_lossless_when_every_answer_is_acknowledged(peer: Peer) -> None:
    simulator = simulated(peer)
    simulator.populate(300)
    kept: dict[str, dict[str, Any]] = {}
    response_id = 0
    for turn in range(30):
        answer = await peer.get("sync/maindata", rid=response_id)
        response_id = answer["rid"]
        assert ("full_update" in answer) is (turn == 0)
        for info_hash, fields in answer.get("torrents", {}).items():
            kept.setdefault(info_hash, {}).update(fields)
        for info_hash in answer.get("torrents_removed", []):
            del kept[info_hash]
        await peer.backend.pass_time(2)
        simulator.churn(0.1)
        if turn % 5 == 0:
            simulator.remove(next(iter(simulator.torrents)))
            simulator.add_torrent(f"new {turn}", category="radarr")
    answer = await peer.get("sync/maindata", rid=response_id)
    for info_hash, fields in answer.get("torrents", {}).items():
        kept.setdefault(info_hash, {}).update(fields)
    for info_hash in answer.get("torrents_removed", []):
        del kept[info_hash]
    assert kept == (await peer.get("sync/maindata"))["torrents"]


async def test_controls(peer: Peer) -> None:
    async def control(method: str, path: str, body: Any = None) -> Any:
        async with peer.session.request(method, f"{peer.backend.url}/_control/{path}", json=body) as response:
            return response.status, await response.json()

    options = {
        "name": "a",
        "behaviour": "downloading",
        "size_bytes": 1000,
        "rate": 10,
        "tags": ["x"],
        "files": [["f", 9]],
    }
    _, made = await control("POST", "torrents", options)
    assert await control("GET", "torrents") == (200, [{"hash": made["hash"], "name": "a", "state": "downloading"}])
    assert (await control("POST", "advance", {"seconds": 30}))[0] == 200
    assert (await control("GET", "torrents"))[1][0]["state"] == "stalledUP"
    await control("PATCH", f"torrents/{made['hash']}", {"error": "broken", "swarm": {"rate": 1.0}})
    assert (await control("GET", "torrents"))[1][0]["state"] == "error"
    await control("DELETE", f"torrents/{made['hash']}")
    assert await control("GET", "torrents") == (200, [])
    assert await control("POST", "populate", {"count": 10}) == (200, {"torrents": 10})
    assert await control("POST", "churn", {"fraction": 0.2}) == (200, {"changed": 2})
    assert (await peer.ask("GET", "app/version")).status == 200
    await control("POST", "restart")
    assert (await peer.ask("GET", "app/version")).status == 403


async def test_the_real_clock_is_not_advanced(socket_enabled: None) -> None:
    async with (
        QbittorrentSimulator() as simulator,
        aiohttp.ClientSession() as client,
        client.post(f"{simulator.url}/_control/advance", json={"seconds": 1}) as response,
    ):
        assert response.status == 409


class TorrentSite(Simulator):
    """A server with one torrent file."""

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get("/file.torrent", self._file)]

    async def _file(self, _: web.Request) -> web.Response:
        return web.Response(body=make_torrent(b"x" * 1000, name="linked.mkv"))


async def test_a_link_is_fetched(peer: Peer) -> None:
    async with TorrentSite() as site:
        reply = await peer.post("torrents/add", urls=f"{site.url}/file.torrent", category="radarr")
        assert reply.status == 202

        async def there() -> list[str] | None:
            return [each["name"] for each in await peer.get("torrents/info", category="radarr")] or None

        assert await peer.eventually(there) == ["linked.mkv"]
