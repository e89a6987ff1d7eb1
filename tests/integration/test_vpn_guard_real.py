"""The VPN guard on real qBittorrents behind a real tunnel: it goes, it comes back, and a person takes the binding away.

What qBittorrent itself says of a tunnel that is gone was seen here, and is held to: up to 4.5 it calls itself connected
for ever, since 5.0 no longer once the interface is gone; of an interface that is merely turned off both know nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
import json
from pathlib import Path
import time
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
import pytest
import pytest_socket

from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Verdict, VpnState
from custom_components.sokoul.guarding import ClientGuard
from devstack.real_qbittorrent import RealQbittorrent
from devstack.swarm import LocalSwarm, Published
from devstack.tunnel_interface import NotPermittedError
from devstack.vpn_world import HOME, TUNNEL, TUNNEL_END, WORLD, VpnWorld
from tests.devstack.conftest import REAL_RELEASES, find_real, find_swarm_python

from .conftest import PASSWORD, QBITTORRENT_ID, USERNAME, SetUp, qbittorrent_subentry

PATIENCE_SECONDS = 60
SIZE_BYTES = 32 << 20
UPLOAD_LIMIT = 256 << 10
SECOND = timedelta(seconds=1)
_STOPPED = {"pausedDL", "stoppedDL"}

pytestmark = pytest.mark.real


@dataclass
class Behind:
    """A real qBittorrent that downloads through a tunnel, and what it downloads."""

    world: VpnWorld
    swarm: LocalSwarm
    other: LocalSwarm
    client: RealQbittorrent
    film: Published

    @property
    def tells(self) -> bool:
        """Whether this one notices that its interface is gone."""
        return self.client.binary.release >= (5, 0)

    async def torrent(self) -> dict[str, Any]:
        return (await self.client.torrents())[self.film.hash]

    async def connection(self) -> str:
        return str((await self.client.get("transfer/info"))["connection_status"])

    async def listen_port(self) -> int:
        return int((await self.client.get("app/preferences"))["listen_port"])

    async def bind(self, interface: str) -> None:
        """Bind it, as a person does in its preferences."""
        wanted = {"current_network_interface": interface, "current_interface_address": ""}
        await self.client.post("app/setPreferences", {"json": json.dumps(wanted)})

    async def seen_at(self) -> set[str]:
        """Return where the tracker saw it."""
        return {announce["address"] for announce in await self.swarm.announces(self.film.hash)} - {WORLD}

    async def goes_on(self) -> bool:
        """Tell whether more arrives, from another seeder: of dead connections it takes leave after two minutes only."""
        before = (await self.torrent())["completed"]
        await self.other.seed(self.film.torrent, self.film.content.parent, upload_limit=UPLOAD_LIMIT)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await self.client.connect(self.film.hash, self.other.address)
            await asyncio.sleep(0.5)
            if (await self.torrent())["completed"] > before:
                return True
        return False


@pytest.fixture(params=[*REAL_RELEASES.values()], ids=[*REAL_RELEASES])
async def behind(request: pytest.FixtureRequest, tmp_path: Path, socket_enabled: None) -> AsyncIterator[Behind]:
    binary, python = find_real(request.param), find_swarm_python()
    folder = tmp_path / "qbittorrent"
    folder.mkdir()
    async with AsyncExitStack() as life:
        try:
            world = await life.enter_async_context(VpnWorld())
        except NotPermittedError as error:
            pytest.skip(f"no network namespaces here: {error}; that takes root and iproute2")
        pytest_socket.socket_allow_hosts(["127.0.0.1", world.web_address])  # until the next test sets it up anew
        swarm, other = [
            await life.enter_async_context(
                LocalSwarm(python, tmp_path / name, host=WORLD, command_prefix=world.outside)
            )
            for name in ("swarm", "other")
        ]
        client = await life.enter_async_context(
            RealQbittorrent(
                binary,
                folder,
                username=USERNAME,
                password=PASSWORD,
                address=world.web_address,
                command_prefix=world.at_home,
            )
        )
        film = await swarm.publish("film.mkv", SIZE_BYTES, upload_limit=UPLOAD_LIMIT)
        here = Behind(world, swarm, other, client, film)
        await here.bind(TUNNEL)
        await client.add_file(film.torrent)
        await until(lambda: arrived(here), "nothing came through the tunnel")
        yield here


async def arrived(behind: Behind) -> bool:
    torrent = (await behind.client.torrents()).get(behind.film.hash)  # 4.5 adds a moment after its answer
    return torrent is not None and torrent["completed"] > 0


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


@pytest.fixture
async def guard(set_up: SetUp, behind: Behind) -> AsyncIterator[ClientGuard]:
    """Guard it, in more of a hurry than usual."""
    lane = "custom_components.sokoul.autopilot.vpn_lane"
    with patch(f"{lane}.CALM", SECOND / 2):
        entry = await set_up(qbittorrent_subentry(behind.client.url), settle=False)
        found: ClientGuard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
        found.lane.policy = replace(
            found.lane.policy, disconnected=3 * SECOND, calm=2 * SECOND, calm_after_leak=4 * SECOND
        )
        await reaches(found, VpnState.CONTAINED)
        yield found


def verdict_of(guard: ClientGuard) -> Verdict:
    assert guard.verdict is not None
    return guard.verdict


async def reaches(guard: ClientGuard, state: VpnState) -> None:
    async def is_so() -> bool:
        return guard.verdict is not None and guard.verdict.state is state

    await until(is_so, f"never {state}, but {guard.verdict}")


async def stays(guard: ClientGuard, state: VpnState, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert verdict_of(guard).state is state
        await asyncio.sleep(0.1)


async def test_what_it_says_of_a_tunnel_that_is_gone(behind: Behind) -> None:
    """What the guard goes by, and why it asks which interfaces there are."""

    async def interfaces() -> set[str]:
        return {each["value"] for each in await behind.client.get("app/networkInterfaceList")}

    assert await behind.connection() == "firewalled"  # nobody gets in, as behind most VPNs
    await behind.world.turn(up=False)
    await asyncio.sleep(5)
    assert await behind.connection() == "firewalled"
    assert TUNNEL in await interfaces()
    await behind.world.turn(up=True)
    await behind.world.cut()
    await asyncio.sleep(5)
    assert await behind.connection() == ("disconnected" if behind.tells else "firewalled")
    assert TUNNEL not in await interfaces()
    await behind.world.restore()
    await asyncio.sleep(5)
    assert await behind.connection() == "firewalled"
    assert TUNNEL in await interfaces()


async def test_a_tunnel_that_is_cut_stops_nothing_and_trusts_nothing(behind: Behind, guard: ClientGuard) -> None:
    assert guard.shelter.containment is Containment.BOUND
    assert verdict_of(guard).gate_open
    port = await behind.listen_port()
    await behind.world.cut()
    await reaches(guard, VpnState.DOWN)
    assert not verdict_of(guard).gate_open  # healing waits
    assert not verdict_of(guard).stop
    await stays(guard, VpnState.DOWN, seconds=5)
    assert guard.held == 0
    assert (await behind.torrent())["state"] not in _STOPPED
    await behind.world.restore()
    await reaches(guard, VpnState.CONTAINED)
    assert verdict_of(guard).gate_open
    # that the interface is another one now 4.5 doesn't notice either: it is made to listen anew
    assert await behind.goes_on()
    assert await behind.listen_port() == port
    assert await behind.seen_at() == {TUNNEL_END}
    assert guard.reaction is None


async def test_an_interface_that_is_turned_off_stops_nothing(behind: Behind, guard: ClientGuard) -> None:
    await behind.world.turn(up=False)
    await stays(guard, VpnState.CONTAINED, seconds=5)
    assert (await behind.torrent())["state"] not in _STOPPED
    await behind.world.turn(up=True)
    assert await behind.goes_on()
    assert await behind.seen_at() == {TUNNEL_END}


async def test_a_binding_that_is_taken_away_is_a_leak(hass: HomeAssistant, behind: Behind, guard: ClientGuard) -> None:
    """Here it leaks for real: with the tunnel gone and no binding, the world sees it at home."""
    own = await behind.swarm.publish("stopped by a person.mkv", 1 << 20, seeded=False)
    word = "stopped" if behind.tells else "paused"
    await behind.client.add_file(own.torrent, **{word: "true"})
    await behind.client.until(own.hash, _STOPPED)
    await behind.world.cut()
    await reaches(guard, VpnState.DOWN)
    began = time.monotonic()
    await behind.bind("")
    await behind.client.until(behind.film.hash, _STOPPED)
    assert time.monotonic() - began < 10  # the settings are read every two seconds
    assert (verdict_of(guard).state, verdict_of(guard).stop) == (VpnState.LEAKING, True)
    assert guard.held == 1
    await behind.world.restore()
    await behind.bind(TUNNEL)
    await until(lambda: runs_again(behind), "it was not started again")
    await reaches(guard, VpnState.CONTAINED)
    assert guard.held == 0
    assert (await behind.client.torrents())[own.hash]["state"] in _STOPPED
    assert await behind.goes_on()
    assert await behind.seen_at() <= {TUNNEL_END, HOME}


async def runs_again(behind: Behind) -> bool:
    return (await behind.torrent())["state"] not in _STOPPED
