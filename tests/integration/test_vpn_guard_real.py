"""The VPN guard on real qBittorrents behind a real tunnel: it goes, it comes back, and a person takes the binding away.

What qBittorrent itself says of a tunnel that is gone was seen here, and is held to: up to 4.5 it calls itself connected
for ever, since 5.0 no longer once the interface is gone; of an interface that is merely turned off both know nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import time
from unittest.mock import patch

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from custom_components.sokoul.guarding import ClientGuard
from devstack.vpn_world import HOME, TUNNEL, TUNNEL_END, VpnWorld
from tests.devstack.conftest import REAL_RELEASES

from .behind_vpn import STOPPED, Behind, at_home, reaches, runs_again, until, verdict_of
from .conftest import QBITTORRENT_ID, SetUp, qbittorrent_subentry

SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.real


@pytest.fixture(params=[*REAL_RELEASES.values()], ids=[*REAL_RELEASES])
async def behind(request: pytest.FixtureRequest, tmp_path: Path, socket_enabled: None) -> AsyncIterator[Behind]:
    async with at_home(VpnWorld(), request.param, tmp_path, interface=TUNNEL) as here:
        yield here


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
    assert (await behind.torrent())["state"] not in STOPPED
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
    assert (await behind.torrent())["state"] not in STOPPED
    await behind.world.turn(up=True)
    assert await behind.goes_on()
    assert await behind.seen_at() == {TUNNEL_END}


async def test_a_binding_that_is_taken_away_is_a_leak(hass: HomeAssistant, behind: Behind, guard: ClientGuard) -> None:
    """Here it leaks for real: with the tunnel gone and no binding, the world sees it at home."""
    own = await behind.swarm.publish("stopped by a person.mkv", 1 << 20, seeded=False)
    word = "stopped" if behind.tells else "paused"
    await behind.client.add_file(own.torrent, **{word: "true"})
    await behind.client.until(own.hash, STOPPED)
    await behind.world.cut()
    await reaches(guard, VpnState.DOWN)
    began = time.monotonic()
    await behind.bind("")
    await behind.client.until(behind.film.hash, STOPPED)
    assert time.monotonic() - began < 10  # the settings are read every two seconds
    assert (verdict_of(guard).state, verdict_of(guard).stop) == (VpnState.LEAKING, True)
    assert guard.held == 1
    await behind.world.restore()
    await behind.bind(TUNNEL)
    await until(lambda: runs_again(behind), "it was not started again")
    await reaches(guard, VpnState.CONTAINED)
    assert guard.held == 0
    assert (await behind.client.torrents())[own.hash]["state"] in STOPPED
    assert await behind.goes_on()
    assert await behind.seen_at() <= {TUNNEL_END, HOME}
