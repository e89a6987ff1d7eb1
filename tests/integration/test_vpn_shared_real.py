"""Real qBittorrents in a VPN's own network, bound to nothing, without a forwarded port: its tunnel is made anew.

Nothing leaves but by the tunnel, so nothing has to be stopped. The tunnel comes back with another address, which its
interface is given before it is up, as Gluetun does with WireGuard: the client doesn't take notice of it then.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
import sys
import time

import pytest
import pytest_socket

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from custom_components.sokoul.guarding import ClientGuard
from devstack.clock import WallClock
from devstack.gluetun import GluetunSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.swarm import LocalSwarm
from devstack.tunnel_interface import NotPermittedError
from devstack.vpn_world import TUNNEL_END, WORLD, VpnWorld
from tests.devstack.conftest import REAL_RELEASES, find_real, find_swarm_python

from .conftest import GLUETUN_ID, PASSWORD, QBITTORRENT_ID, USERNAME, SetUp, qbittorrent_subentry, subentry
from .test_vpn_guard_real import _STOPPED, SIZE_BYTES, UPLOAD_LIMIT, Behind, arrived, reaches, until

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
    binary, python = find_real(request.param), find_swarm_python()
    folder = tmp_path / "qbittorrent"
    folder.mkdir()
    async with AsyncExitStack() as life:
        try:
            world = await life.enter_async_context(VpnWorld())
            await world.contain()
        except NotPermittedError as error:
            pytest.skip(f"no network namespaces here: {error}; that takes root and iproute2")
        pytest_socket.socket_allow_hosts(["127.0.0.1", world.web_address])  # until the next test sets it up anew
        swarm, other = (
            LocalSwarm(python, tmp_path / name, host=WORLD, command_prefix=world.outside) for name in ("swarm", "other")
        )
        client = RealQbittorrent(
            binary,
            folder,
            username=USERNAME,
            password=PASSWORD,
            address=world.web_address,
            command_prefix=world.at_home,
        )
        await asyncio.gather(*(life.enter_async_context(each) for each in (swarm, other, client)))
        film = await swarm.publish("film.mkv", SIZE_BYTES, upload_limit=UPLOAD_LIMIT)
        here = Behind(world, swarm, other, client, film)
        await here.bind("")
        await client.add_file(film.torrent)
        await until(lambda: arrived(here), "nothing came through the tunnel")
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
    entry = await set_up(
        qbittorrent_subentry(behind.client.url), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"), settle=False
    )
    hub = entry.runtime_data

    async def answering() -> bool:
        return all(each.answering for each in hub.backends.values())

    await until(answering, "they don't answer")
    guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
    guard.choose(Shelter(containment=Containment.NAMESPACE, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
    await reaches(guard, VpnState.CONTAINED)
    await until(lambda: hears(behind), "nobody comes in at first")
    assert await behind.seen_at() == {TUNNEL_END}
    port = await behind.listen_port()

    await behind.world.cut()
    gluetun.tunnel.failing = True
    gluetun.tunnel.crash()
    await hub.backends[GLUETUN_ID].async_refresh()
    await reaches(guard, VpnState.DOWN)
    assert (await behind.torrent())["state"] not in _STOPPED
    announced = len(await behind.swarm.announces(behind.film.hash))
    await behind.world.restore(OTHER_END)
    await asyncio.sleep(2)  # what it notices by itself it notices within this
    assert not await hears(behind)
    assert await told_since(behind, announced) == set()

    gluetun.tunnel.failing = False
    gluetun.tunnel.run_now()
    gluetun.tunnel.change_ports()
    began = time.monotonic()
    await hub.backends[GLUETUN_ID].async_refresh()
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
