"""A server is changed while a real qBittorrent is behind the VPN that could go out past it: it has stopped before."""

import asyncio
from collections.abc import AsyncIterator
import time
from unittest.mock import patch

import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnState
from custom_components.sokoul.clients.gluetun import GluetunClient
from custom_components.sokoul.model.vpn import ServerSelection
from custom_components.sokoul.rotation_notes import RotationSettings
from devstack.clock import WallClock
from devstack.gluetun import GENERATIONS, GluetunSimulator, Role
from devstack.gluetun_tunnel import VpnServer

from .behind_vpn import STOPPED, Behind, reaches
from .conftest import GLUETUN_ID, SetUp
from .test_vpn_open_real import AT_ITS_END, OPEN, behind, guarded, stopped_by_a_person

__all__ = ["behind"]

pytestmark = pytest.mark.real


@pytest.fixture
async def gluetun() -> AsyncIterator[GluetunSimulator]:
    servers = [
        VpnServer(country="Netherlands", city="Amsterdam", hostname="nl-01.vpn.example", address=AT_ITS_END),
        VpnServer(country="Sweden", city="Malmö", hostname="se-01.vpn.example", address="45.83.91.13"),
    ]
    async with GluetunSimulator(clock=WallClock(), servers=servers) as simulator:
        simulator.configure([Role(auth="none", routes=tuple(GENERATIONS["3.41"].routes))])
        simulator.tunnel.change_ports()
        yield simulator


@pytest.mark.parametrize("release", ["5.3", "4.5"])
async def test_what_is_behind_it_has_stopped_when_the_tunnel_ends(
    behind: Behind, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    theirs = await stopped_by_a_person(behind)
    guard = await guarded(set_up, behind, gluetun)
    guard.choose(OPEN)
    assert guard.shelter.containment is Containment.OPEN
    await reaches(guard, VpnState.SAFE if behind.tells else VpnState.UNVERIFIED)
    hub = guard.backend.config_entry.runtime_data
    vpn = hub.rotating.of(hub.backends[GLUETUN_ID])
    vpn.set_up(RotationSettings(servers=("Netherlands", "Sweden")))
    real, stopped, began = GluetunClient.select, list[bool](), time.monotonic()

    async def select(client: GluetunClient, selection: ServerSelection) -> None:
        print(f"Gluetun is told after {time.monotonic() - began:.2f} s")  # noqa: T201 -- a figure
        stopped.append(behind.film.hash in await guard.backend.client.stopped())
        await behind.world.cut()
        await asyncio.sleep(1)  # the guard looks on
        stopped.append(behind.film.hash in await guard.backend.client.stopped())
        await behind.world.restore()
        await real(client, selection)

    with patch.object(GluetunClient, "select", select):
        end = await vpn.change("somebody")
    assert stopped == [True, True]
    assert guard.held == 1
    assert (await end).server == "Sweden"
    assert (await behind.client.torrents())[theirs]["state"] in STOPPED
