"""The forwarded port at real qBittorrents, old and new: it is not only set, something listens there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
import re
import time
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.guarding import ClientGuard
from devstack.clock import WallClock
from devstack.gluetun import GluetunSimulator
from devstack.ports import free_port
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tunnel_interface import NotPermittedError, TunnelInterface
from tests.devstack.conftest import REAL_RELEASES, find_real

from .conftest import GLUETUN_ID, PASSWORD, QBITTORRENT_ID, USERNAME, SetUp, qbittorrent_subentry, subentry

PATIENCE_SECONDS = 30

pytestmark = pytest.mark.real


@pytest.fixture(params=[*REAL_RELEASES.values()], ids=[*REAL_RELEASES])
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealQbittorrent]:
    async with RealQbittorrent(find_real(request.param), tmp_path, username=USERNAME, password=PASSWORD) as client:
        yield client


@pytest.fixture
async def vpn() -> AsyncIterator[GluetunSimulator]:
    async with GluetunSimulator(clock=WallClock()) as simulator:
        simulator.tunnel.change_ports(free_port())
        yield simulator


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def listens(port: int) -> bool:
    """Tell whether somebody listens there, on loopback."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def connect(
    set_up: SetUp, real: RealQbittorrent, vpn: GluetunSimulator, interface: str
) -> tuple[ClientGuard, Any]:
    """Connect both, and say as a person that the client is behind the VPN (4.5 doesn't tell where it is seen)."""
    entry = await set_up(
        qbittorrent_subentry(real.url), subentry("gluetun", vpn, GLUETUN_ID, title="Gluetun"), settle=False
    )
    hub = entry.runtime_data

    async def answering() -> bool:
        return all(each.answering for each in hub.backends.values())

    await until(answering, "they don't answer")
    guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
    guard.choose(Shelter(containment=Containment.BOUND, vpn_id=GLUETUN_ID, interface=interface, clue=Clue.PERSON))
    return guard, hub.backends[GLUETUN_ID]


async def test_it_listens_where_the_vpn_lets_others_in(
    hass: HomeAssistant, real: RealQbittorrent, vpn: GluetunSimulator, set_up: SetUp
) -> None:
    own = real.peer_port
    assert await listens(own)
    guard, gluetun = await connect(set_up, real, vpn, "lo")
    (first,) = vpn.tunnel.ports
    await until(lambda: listens(first), "it doesn't listen on the first port")
    assert not await listens(own)

    second = free_port()
    vpn.tunnel.change_ports(second)
    await gluetun.async_refresh()
    await until(lambda: listens(second), "it doesn't listen on the second port")
    assert not await listens(first)
    settings = await real.get("app/preferences")
    assert (settings["listen_port"], settings["random_port"], settings["upnp"]) == (second, False, False)

    await real.stop()
    configuration = real.directory / "profile/qBittorrent/config/qBittorrent.conf"
    kept = configuration.read_text(encoding="utf-8")
    assert re.search(rf"^Session\\Port={second}$", kept, flags=re.MULTILINE)  # it outlives a restart by itself
    configuration.write_text(kept.replace(f"Session\\Port={second}", f"Session\\Port={own}"), encoding="utf-8")
    await real.start()
    await until(lambda: listens(second), "it doesn't listen on the second port after a start with another one")
    assert not await listens(own)

    async def settled() -> bool:
        return guard.port.in_sync is True and guard.port.listening_port == second

    await until(settled, "it isn't known that it is right")


@pytest.fixture
async def interface() -> AsyncIterator[TunnelInterface]:
    made = TunnelInterface()
    try:
        await made.__aenter__()
    except NotPermittedError as error:
        pytest.skip(f"no interface can be made here: {error}")
    try:
        yield made
    finally:
        await made.__aexit__()


async def test_after_a_reconnect_it_hears_again_whoever_comes_by_the_tunnel(
    hass: HomeAssistant,
    real: RealQbittorrent,
    vpn: GluetunSimulator,
    set_up: SetUp,
    interface: TunnelInterface,
) -> None:
    """The port is the same as before, and 4.5 keeps listening on the interface that is gone."""
    bound = f'{{"current_network_interface": "{interface.name}", "current_interface_address": ""}}'
    await real.post("app/setPreferences", {"json": bound})
    _, gluetun = await connect(set_up, real, vpn, interface.name)
    (port,) = vpn.tunnel.ports
    await until(lambda: interface.reaches(port), "nobody comes in at first")

    vpn.tunnel.connection = None  # the tunnel is down
    await gluetun.async_refresh()
    await interface.recreate()
    if real.binary.release < (5, 0):
        await asyncio.sleep(1)  # what it would notice by itself it notices within this
        assert not await interface.reaches(port)
    vpn.tunnel.run_now()
    vpn.tunnel.change_ports(port)
    await gluetun.async_refresh()
    await until(lambda: interface.reaches(port), "nobody comes in after the reconnect")
    assert (await real.get("app/preferences"))["listen_port"] == port
