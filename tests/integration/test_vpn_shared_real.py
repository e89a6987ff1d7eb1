"""Real qBittorrents in a VPN's own network, bound to nothing, without a forwarded port: its tunnel is made anew.

Nothing leaves but by the tunnel, so nothing has to be stopped. The tunnel comes back with another address, which its
interface is given before it is up, as Gluetun does with WireGuard: the client doesn't take notice of it then.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import sys
import time

import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from devstack.clock import WallClock
from devstack.gluetun import GluetunSimulator
from devstack.vpn_world import TUNNEL_END, WORLD, VpnWorld
from tests.devstack.conftest import REAL_RELEASES

from .behind_vpn import STOPPED, UPLOAD_LIMIT, Behind, at_home, guarded_with, reaches, until
from .conftest import GLUETUN_ID, SetUp

OTHER_END = "198.51.101.7"
_CONNECT = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()"

pytestmark = pytest.mark.real


@pytest.fixture
async def gluetun() -> AsyncIterator[GluetunSimulator]:
    async with GluetunSimulator(clock=WallClock()) as simulator:
        simulator.tunnel.change_ports()
        yield simulator


@pytest.fixture(params=[*REAL_RELEASES.values()], ids=[*REAL_RELEASES])
async def behind(request: pytest.FixtureRequest, tmp_path: Path, socket_enabled: None) -> AsyncIterator[Behind]:
    async with at_home(VpnWorld(), request.param, tmp_path, contained=True) as here:
        yield here


async def hears(behind: Behind) -> bool:
    """Tell whether somebody in the world gets a connection to it, at the tunnel's end."""
    command = (sys.executable, "-c", _CONNECT, behind.world.tunnel_end, str(await behind.listen_port()))
    process = await asyncio.create_subprocess_exec(*behind.world.outside, *command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait() == 0


async def told_since(behind: Behind, before: int) -> set[str]:
    """Return from where it told the tracker of itself since so many announces."""
    announces = await behind.swarm.announces(behind.film.hash)
    return {each["address"] for each in announces[before:]} - {WORLD}


async def test_it_is_woken_once_the_tunnel_is_back(behind: Behind, gluetun: GluetunSimulator, set_up: SetUp) -> None:
    """Left alone it calls others, but hears nobody, and no tracker hears of it."""
    guard = await guarded_with(gluetun, set_up, behind)
    vpn = guard._guarding.vpns()[GLUETUN_ID]
    guard.choose(Shelter(containment=Containment.NAMESPACE, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
    await reaches(guard, VpnState.CONTAINED)
    await until(lambda: hears(behind), "nobody comes in at first")
    assert await behind.seen_at() == {TUNNEL_END}
    port = await behind.listen_port()

    await behind.world.cut()
    gluetun.tunnel.failing = True
    gluetun.tunnel.crash()
    await vpn.async_refresh()
    await reaches(guard, VpnState.DOWN)
    assert (await behind.torrent())["state"] not in STOPPED
    announced = len(await behind.swarm.announces(behind.film.hash))
    await behind.world.restore(OTHER_END)
    await asyncio.sleep(2)  # what it notices by itself it notices within this
    assert not await hears(behind)
    assert await told_since(behind, announced) == set()

    gluetun.tunnel.failing = False
    gluetun.tunnel.run_now()
    gluetun.tunnel.change_ports()
    began = time.monotonic()
    await vpn.async_refresh()
    await until(lambda: hears(behind), "nobody comes in after the reconnect")
    print(f"it hears again {time.monotonic() - began:.1f} s after Gluetun said that it is back")  # noqa: T201 -- a figure
    assert await behind.listen_port() == port
    await behind.other.seed(behind.film.torrent, behind.film.content.parent, upload_limit=UPLOAD_LIMIT)

    async def met() -> bool:
        status = await behind.other.status(behind.film.hash)
        return bool(status["peers"] or status["uploaded"])

    await until(met, "it and a new seeder don't find each other")

    async def tells() -> set[str]:
        return await told_since(behind, announced)

    await until(tells, "it tells no tracker of itself")
    assert await tells() == {OTHER_END}
