"""A VPN that is away for some seconds: what the guard and healing make of that."""

from datetime import timedelta
import json
from typing import Any
from urllib.parse import parse_qsl

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.autopilot.gate import CLIENT_SETTLES
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Verdict, VpnState
from custom_components.sokoul.guarding import ClientGuard
from custom_components.sokoul.pilot import Pilot
from devstack.gluetun import GluetunSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import GLUETUN_ID, QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry, subentry
from .test_vpn_guard import bind, state

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def settings_written(qbittorrent: QbittorrentSimulator) -> list[dict[str, Any]]:
    """Return all that was set."""
    return [
        json.loads(dict(parse_qsl(request.body.decode()))["json"])
        for request in qbittorrent.requests
        if request.path.endswith("setPreferences")
    ]


@pytest.mark.parametrize(
    ("containment", "written"),
    [(Containment.NAMESPACE, [{"listen_port": 6882}, {"listen_port": 6881}]), (Containment.OPEN, [])],
)
async def test_what_shares_the_network_of_a_vpn_listens_anew_after_a_reconnect(
    containment: Containment,
    written: list[dict[str, Any]],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    """It is bound to nothing, and no port is forwarded to it; also a new one doesn't notice by itself."""
    gluetun.tunnel.change_ports()
    qbittorrent.engine.preferences["listen_port"] = 6881
    entry = await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    hub = entry.runtime_data
    guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
    guard.choose(Shelter(containment=containment, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
    await pass_time(10 * SECOND, 3)
    assert settings_written(qbittorrent) == []
    gluetun.tunnel.apply("stopped")
    await pass_time(10 * SECOND, 2)
    assert settings_written(qbittorrent) == []
    gluetun.tunnel.run_now()
    gluetun.tunnel.change_ports()
    await pass_time(10 * SECOND, 3)
    assert settings_written(qbittorrent) == written
    guard.port.turn(on=False)
    gluetun.tunnel.reconnect()
    gluetun.tunnel.change_ports()
    await pass_time(10 * SECOND, 3)
    assert settings_written(qbittorrent) == written, "a person wants it left alone"


@pytest.mark.parametrize("seconds", [0, 14])
async def test_after_a_short_reconnect_nothing_is_blamed_for_ten_minutes(
    seconds: int, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """The interface is gone for 3 s, so long after a turn of the autopilot: before the next one, and between two."""
    bind(qbittorrent, "tun0")
    qbittorrent.add_torrent("somebody is connected", "seeding")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    hub = entry.runtime_data
    pilot: Pilot = hub.pilot
    guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])

    async def after_a_turn() -> bool:
        """Return, right after the next turn, whether healing trusts what it sees of the client."""
        before = pilot._last_turn
        while pilot._last_turn == before:
            await pass_time(SECOND)
        return QBITTORRENT_ID in pilot.kernel.watch.trusted

    await pass_time(20 * SECOND, 33)
    assert state(guard) is VpnState.CONTAINED
    assert await after_a_turn()
    await pass_time(SECOND, seconds)
    qbittorrent.engine.weather.interfaces_gone.add("tun0")
    await pass_time(SECOND, 3)
    assert state(guard) is VpnState.DOWN
    qbittorrent.engine.weather.interfaces_gone.clear()
    while hub.guarding.distrusts(guard.backend):
        await pass_time(SECOND)
    opened = dt_util.utcnow()
    while dt_util.utcnow() - opened < CLIENT_SETTLES - MINUTE:
        assert not await after_a_turn(), f"{dt_util.utcnow() - opened} after it"
    await pass_time(20 * SECOND, 6)
    assert await after_a_turn()


async def test_that_for_a_moment_nobody_can_tell_is_no_trouble(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """So it is whenever a guard begins, or something is set: healing need not wait for ten minutes then."""
    bind(qbittorrent, "tun0")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    guarding = entry.runtime_data.guarding
    guard: ClientGuard = guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    await pass_time(SECOND, 3)
    well = Verdict(state=VpnState.CONTAINED, gate_open=True)
    for unsure in (VpnState.UNKNOWN, VpnState.UNVERIFIED):
        guard._changed(Verdict(state=unsure))
        guard._changed(well)
        assert guarding.trusted_since(guard.backend) is None
    guard._changed(Verdict(state=VpnState.DOWN))
    guard._changed(Verdict(state=VpnState.UNKNOWN))
    guard._changed(well)
    assert guarding.trusted_since(guard.backend) == dt_util.utcnow()
