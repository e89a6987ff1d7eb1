"""The forwarded port in Home Assistant: whatever changes it, the client listens where the VPN lets others in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
import json
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sokoul.autopilot.guards.port import PortState
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from custom_components.sokoul.connectors.gluetun import INTERVAL, SETTLING_INTERVAL
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import ON_KEY as GUARD_ON_KEY, ClientGuard
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.downloads import DownloadState
from devstack.gluetun import GluetunSimulator, Role
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import (
    GLUETUN_ID,
    HUB_ID,
    PASSWORD,
    QBITTORRENT_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    subentry,
)

SWITCH = "switch.qbittorrent_keep_the_forwarded_port"
IN_SYNC = "binary_sensor.qbittorrent_forwarded_port_in_sync"
LISTENING = "sensor.qbittorrent_listening_port"
EVENT = "event.qbittorrent_vpn_guard"
ISSUE = f"port_{QBITTORRENT_ID}"
FIRST = 50_007  # what the simulated VPN forwards at first
SET = "POST */app/setPreferences"

type Start = Callable[..., Awaitable[ClientGuard]]


@pytest.fixture
def start(hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, set_up: SetUp) -> Start:
    """Connect both, the client seen at the VPN's end, with something to offer."""

    async def go(*more: Any) -> ClientGuard:
        server = gluetun.tunnel.server
        assert server is not None
        qbittorrent.engine.weather.external_address = server.address
        qbittorrent.add_torrent("offered", "seeding")
        entry = await set_up(
            qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"), *more
        )
        guard: ClientGuard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
        return guard

    return go


def port_of(qbittorrent: QbittorrentSimulator) -> int:
    port: int = qbittorrent.engine.preferences["listen_port"]
    return port


def written(qbittorrent: QbittorrentSimulator) -> list[int]:
    """Return the ports that were set since this was asked last."""
    ports = [
        json.loads(dict(parse_qsl(request.body.decode()))["json"])["listen_port"]
        for request in qbittorrent.requests
        if request.path.endswith("setPreferences")
    ]
    qbittorrent.requests.clear()
    return ports


def reads(qbittorrent: QbittorrentSimulator) -> int:
    return sum(request.path.endswith("app/preferences") for request in qbittorrent.requests)


def shown(hass: HomeAssistant) -> tuple[str, ...]:
    """Return what the entities say: switch, in sync, port."""
    found = [hass.states.get(entity_id) for entity_id in (SWITCH, IN_SYNC, LISTENING)]
    return tuple(each.state if each is not None else "missing" for each in found)


def told(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the event entity told last."""
    state = hass.states.get(EVENT)
    assert state is not None
    return {name: state.attributes.get(name) for name in ("event_type", "port", "previous_port", "text")}


def issue(hass: HomeAssistant) -> str | None:
    found = ir.async_get(hass).async_get_issue(DOMAIN, ISSUE)
    return found.translation_key if found is not None else None


async def test_it_is_set_at_the_start(hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start) -> None:
    qbittorrent.engine.preferences |= {"random_port": True, "upnp": True, "listen_port": 6881}
    await start()
    preferences = qbittorrent.engine.preferences
    assert (port_of(qbittorrent), preferences["random_port"], preferences["upnp"]) == (FIRST, False, False)
    assert written(qbittorrent) == [FIRST]
    assert shown(hass) == ("on", "on", str(FIRST))
    assert told(hass) == {
        "event_type": "port_changed",
        "port": FIRST,
        "previous_port": 6881,
        "text": f"qBittorrent listens on port {FIRST}, as Gluetun forwards it.",
    }
    assert issue(hass) is None


@pytest.mark.parametrize("away", [True, False], ids=["away", "refuses"])
async def test_it_starts_while_gluetun_tells_nothing(
    away: bool,  # noqa: FBT001 -- a case
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
) -> None:
    """Both start after a power cut, and Gluetun may be the slower one."""
    await start()
    await pass_time(INTERVAL, times=3)
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    if away:
        await gluetun.refuse()
    else:
        gluetun.configure([Role(api_key="another", routes=tuple(sorted(gluetun.generation.routes)))])
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    await pass_time(timedelta(minutes=1), times=3)
    assert shown(hass)[0] == "on"


async def test_what_is_right_is_left_alone(
    qbittorrent: QbittorrentSimulator, start: Start, hass: HomeAssistant, pass_time: PassTime
) -> None:
    qbittorrent.engine.preferences |= {"listen_port": FIRST, "random_port": False, "upnp": False}
    await start()
    assert written(qbittorrent) == []
    await pass_time(timedelta(seconds=10), times=60)
    # the guard reads them every ten seconds, the poll every ten minutes
    assert reads(qbittorrent) <= 60 + 2
    assert written(qbittorrent) == []
    assert told(hass)["event_type"] is None


async def test_another_port_is_set_as_soon_as_it_is_seen(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    gluetun.tunnel.change_ports(41_000)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == [41_000]
    assert shown(hass) == ("on", "on", "41000")
    assert told(hass)["previous_port"] == FIRST


async def test_a_reconnect_brings_another_one(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    written(qbittorrent)
    gluetun.tunnel.forwarding = timedelta(seconds=11)
    gluetun.tunnel.reconnect()
    await pass_time(INTERVAL)
    assert shown(hass) == ("on", "unknown", str(FIRST))
    assert guard.port.verdict is not None
    assert guard.port.verdict.state is PortState.NOT_FORWARDED
    await pass_time(SETTLING_INTERVAL, 3)
    assert written(qbittorrent) == [50_014]
    assert shown(hass) == ("on", "on", "50014")


async def test_after_a_reconnect_with_the_same_port_it_listens_anew(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    gluetun.tunnel.servers = gluetun.tunnel.servers[:1]  # at the same address, too
    gluetun.tunnel.connecting = timedelta(seconds=11)  # so long it has none
    gluetun.tunnel.reconnect()
    gluetun.tunnel.change_ports(FIRST)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == []
    await pass_time(SETTLING_INTERVAL, 3)
    assert written(qbittorrent) == [FIRST + 1, FIRST]
    await pass_time(INTERVAL, 12)
    assert written(qbittorrent) == []
    assert shown(hass) == ("on", "on", str(FIRST))
    assert told(hass)["previous_port"] == 6881  # nothing changed but the listener


async def test_a_connection_made_after_the_start_is_a_new_one(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    """The whole machine starts: the client listens since before there was a tunnel, on the port that it gets again."""
    qbittorrent.engine.preferences |= {"listen_port": FIRST, "random_port": False, "upnp": False}
    gluetun.tunnel.connecting = timedelta(seconds=30)
    gluetun.tunnel.servers = gluetun.tunnel.servers[:1]
    guard = await start()
    gluetun.tunnel.reconnect()
    gluetun.tunnel.change_ports(FIRST)
    entry_id = guard.backend.config_entry.entry_id
    await hass.config_entries.async_unload(entry_id)
    written(qbittorrent)
    await hass.config_entries.async_setup(entry_id)
    await pass_time(SETTLING_INTERVAL, 5)
    assert written(qbittorrent) == []
    await pass_time(SETTLING_INTERVAL, 15)
    assert written(qbittorrent) == [FIRST + 1, FIRST]
    await pass_time(INTERVAL, 6)
    assert written(qbittorrent) == []


async def test_port_0_is_never_set(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    for ports in ((0,), (), (0, 0)):
        gluetun.tunnel.change_ports(*ports)
        await pass_time(INTERVAL)
        assert shown(hass) == ("on", "unknown", str(FIRST))
    gluetun.tunnel.change_ports(0, 41_000)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == [41_000]


async def test_of_several_it_keeps_the_one_that_it_has(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    gluetun.tunnel.change_ports(41_000, FIRST, 41_001)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == []
    gluetun.tunnel.change_ports(41_000, 41_001)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == [41_000]
    gluetun.tunnel.change_ports(41_001, 41_000)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == []


async def test_a_restart_that_forgot_the_port_is_noticed_by_the_login(
    qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    """Shorter than a poll, so that it was never seen to be away; the guard asks every ten seconds at least."""
    await start()
    written(qbittorrent)
    qbittorrent.restart()
    qbittorrent.engine.preferences["listen_port"] = 6881
    await pass_time(timedelta(seconds=1), times=10)
    assert written(qbittorrent) == [FIRST]


async def test_a_longer_absence_ends_within_seconds(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    """The poll asks ever more seldom meanwhile: the guard notices that it is back."""
    guard = await start()
    written(qbittorrent)
    await qbittorrent.refuse()
    await pass_time(timedelta(seconds=5), times=60)
    assert shown(hass) == ("on", "unknown", "unknown")
    assert guard.port.verdict is not None
    assert guard.port.verdict.reasons[0].key == "guard.port_silent"
    qbittorrent.restart()
    qbittorrent.engine.preferences["listen_port"] = 6881
    await qbittorrent.accept()
    await pass_time(timedelta(seconds=1), times=3)
    assert written(qbittorrent) == [FIRST]
    assert shown(hass) == ("on", "on", str(FIRST))


async def test_it_is_set_within_seconds_once_a_client_answers_that_was_away_at_the_start(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    entry_id = guard.backend.config_entry.entry_id
    await hass.config_entries.async_unload(entry_id)
    await qbittorrent.refuse()
    await hass.config_entries.async_setup(entry_id)
    await pass_time(timedelta(seconds=1), times=100)
    qbittorrent.restart()
    qbittorrent.engine.preferences["listen_port"] = 6881
    written(qbittorrent)
    await qbittorrent.accept()
    await pass_time(timedelta(seconds=1), times=3)
    assert written(qbittorrent) == [FIRST]
    assert shown(hass) == ("on", "on", str(FIRST))


async def test_a_refused_write_is_tried_again_and_told(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    qbittorrent.fault("status", SET, status=500)
    gluetun.tunnel.change_ports(41_000)
    await pass_time(INTERVAL)
    assert written(qbittorrent) == [41_000]
    assert (shown(hass), issue(hass)) == (("on", "off", str(FIRST)), None)
    await pass_time(timedelta(seconds=1), times=60)
    assert written(qbittorrent) == [41_000] * 3  # after 5, 10 and 20 seconds
    assert issue(hass) == "port_refused"
    assert told(hass)["event_type"] == "port_failed"
    assert told(hass)["text"].endswith("take port 41000: SOKOUL keeps trying.")
    await pass_time(timedelta(minutes=1), times=60)
    assert len(written(qbittorrent)) < 12
    qbittorrent.clear_faults()
    await pass_time(timedelta(minutes=1), times=10)
    assert written(qbittorrent) == [41_000]
    assert (shown(hass), issue(hass)) == (("on", "on", "41000"), None)
    assert told(hass)["event_type"] == "port_changed"


async def test_what_another_tool_changes_is_set_again_and_told(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    for _ in range(20):
        qbittorrent.engine.preferences["listen_port"] = 6881
        await pass_time(timedelta(seconds=10), times=6)  # the guard reads the settings, the poll brings them
    times = written(qbittorrent)
    assert set(times) == {FIRST}
    assert 3 < len(times) < 9  # ever more rarely
    assert (issue(hass), told(hass)["event_type"], shown(hass)) == ("port_other", "port_failed", ("on", "off", "6881"))
    await pass_time(timedelta(minutes=1), times=11)
    assert (issue(hass), told(hass)["event_type"]) == (None, "port_changed")
    assert port_of(qbittorrent) == FIRST


async def test_a_deaf_client_is_woken_by_another_port_and_back(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    qbittorrent.set_connection("disconnected")
    await pass_time(timedelta(seconds=10), times=5)
    assert written(qbittorrent)[:2] == [FIRST + 1, FIRST]
    assert port_of(qbittorrent) == FIRST
    assert told(hass)["event_type"] == "port_changed"  # of the start
    await pass_time(timedelta(seconds=10), times=30)
    assert written(qbittorrent) == [FIRST + 1, FIRST]  # twice for a connection, no more
    assert issue(hass) == "port_dead"
    assert shown(hass) == ("on", "on", str(FIRST))
    qbittorrent.set_connection("connected")
    await pass_time(timedelta(seconds=10), times=3)
    assert issue(hass) is None
    assert written(qbittorrent) == []


async def test_nobody_who_comes_for_an_idle_torrent_is_no_deaf_client(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    """After each start qBittorrent calls itself firewalled until the first one comes in."""
    guard = await start()
    for torrent in tuple(qbittorrent.torrents.values()):
        qbittorrent.remove(torrent)
    qbittorrent.add_torrent("nobody wants it", "idle")
    await pass_time(timedelta(seconds=10), times=3)
    written(qbittorrent)
    qbittorrent.set_connection("firewalled")
    await pass_time(timedelta(seconds=10), times=60)
    assert guard.backend.data.transfer.upload_rate == 0
    assert guard.backend.data.totals.count(DownloadState.SEEDING) == 1
    assert (written(qbittorrent), issue(hass)) == ([], None)
    qbittorrent.add_torrent("wanted", "stalled")
    await pass_time(timedelta(seconds=10), times=25)
    assert written(qbittorrent)[:2] == [FIRST + 1, FIRST]


async def test_a_closed_route_is_no_missing_port(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    written(qbittorrent)
    gluetun.configure([Role(auth="none", routes=("GET /v1/vpn/status", "GET /v1/publicip/ip", "GET /v1/version"))])
    await pass_time(INTERVAL, 40)
    assert shown(hass) == ("on", "unknown", str(FIRST))
    assert guard.port.verdict is not None
    assert guard.port.verdict.reasons[0].key == "guard.port_unknown"
    assert (written(qbittorrent), issue(hass)) == ([], None)


async def test_while_the_vpn_is_away_nothing_is_set(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    written(qbittorrent)
    await gluetun.refuse()
    await pass_time(INTERVAL, 3)
    qbittorrent.engine.preferences["listen_port"] = 6881
    await pass_time(INTERVAL, 10)
    assert written(qbittorrent) == []
    assert shown(hass)[1] == "unknown"
    await gluetun.accept()
    await pass_time(INTERVAL, 15)
    assert written(qbittorrent) == [FIRST]


async def test_settings_that_cannot_be_read_are_asked_for_more_and_more_seldom(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    guard.turn(on=False)  # it reads them, too
    written(qbittorrent)
    qbittorrent.restart()
    qbittorrent.fault("status", "GET */app/preferences", status=500)
    await pass_time(timedelta(seconds=10), times=60)
    assert 3 < reads(qbittorrent) < 12
    qbittorrent.engine.preferences["listen_port"] = 6881
    qbittorrent.clear_faults()
    await pass_time(timedelta(seconds=10), times=31)
    assert written(qbittorrent) == [FIRST]


async def test_switched_off_it_is_shown_and_left_alone(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    await hass.services.async_call("switch", "turn_off", {"entity_id": SWITCH}, blocking=True)
    written(qbittorrent)
    gluetun.tunnel.change_ports(41_000)
    await pass_time(INTERVAL, 3)
    assert written(qbittorrent) == []
    assert shown(hass) == ("off", "off", str(FIRST))
    entry_id = guard.backend.config_entry.entry_id
    await hass.config_entries.async_unload(entry_id)
    await hass.config_entries.async_setup(entry_id)
    await pass_time(INTERVAL, 3)
    assert written(qbittorrent) == []
    await hass.services.async_call("switch", "turn_on", {"entity_id": SWITCH}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert written(qbittorrent) == [41_000]
    assert shown(hass) == ("on", "on", "41000")


async def test_after_a_restart_it_takes_the_same_one_of_several(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    gluetun.tunnel.change_ports(41_000, FIRST)
    await pass_time(INTERVAL)
    entry_id = guard.backend.config_entry.entry_id
    await hass.config_entries.async_unload(entry_id)
    qbittorrent.engine.preferences["listen_port"] = 6881
    written(qbittorrent)
    await hass.config_entries.async_setup(entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert written(qbittorrent) == [FIRST]


async def test_without_a_vpn_there_is_nothing_to_keep(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    """A Gluetun is there, but the client is not seen behind it."""
    await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    await pass_time(INTERVAL, 3)
    assert written(qbittorrent) == []
    assert shown(hass) == ("off", "unknown", "6881")


async def test_a_vpn_that_forwards_none_leaves_it_off(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.change_ports()
    await start()
    await pass_time(INTERVAL, 3)
    assert written(qbittorrent) == []
    assert shown(hass) == ("off", "unknown", "6881")
    gluetun.tunnel.change_ports(41_000)
    await pass_time(INTERVAL)
    assert shown(hass) == ("on", "on", "41000")


def settings_written(qbittorrent: QbittorrentSimulator) -> list[dict[str, Any]]:
    """Return all that was set since this was asked last."""
    told = [
        json.loads(dict(parse_qsl(request.body.decode()))["json"])
        for request in qbittorrent.requests
        if request.path.endswith("setPreferences")
    ]
    qbittorrent.requests.clear()
    return told


BOUND = {"current_network_interface": "tun0", "listen_port": 6881}
ANEW = [{"listen_port": 6882}, {"listen_port": 6881}]


@pytest.fixture
async def old(qbittorrent: QbittorrentSimulator) -> AsyncIterator[QbittorrentSimulator]:
    """Start a qBittorrent 4.5 that is bound to an interface."""
    login = {"username": USERNAME, "password": PASSWORD}
    async with QbittorrentSimulator("4.5", **login, clock=qbittorrent.clock, preferences=BOUND) as client:
        client.add_torrent("offered", "seeding")
        yield client


async def test_where_nothing_tells_of_the_vpn_an_old_one_listens_anew_once_its_interface_is_back(
    hass: HomeAssistant, old: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(old))
    await pass_time(timedelta(seconds=10), times=6)
    assert settings_written(old) == []
    old.engine.weather.interfaces_gone.add("tun0")
    await pass_time(timedelta(seconds=10), times=6)
    assert settings_written(old) == []
    old.engine.weather.interfaces_gone.clear()
    await pass_time(timedelta(seconds=10), times=2)
    assert settings_written(old) == ANEW
    await pass_time(timedelta(seconds=10), times=60)
    assert settings_written(old) == []
    assert port_of(old) == 6881
    assert shown(hass) == ("off", "unknown", "6881")
    assert told(hass)["event_type"] != "port_changed"


@pytest.mark.parametrize("wanted", [True, False], ids=["by itself", "a person wants it left alone"])
async def test_behind_a_vpn_that_forwards_none_an_old_one_listens_anew_after_a_reconnect(
    wanted: bool,  # noqa: FBT001 -- a case
    hass: HomeAssistant,
    old: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    gluetun.tunnel.change_ports()
    entry = await set_up(qbittorrent_subentry(old), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    guard: ClientGuard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    guard.choose(Shelter(containment=Containment.BOUND, vpn_id=GLUETUN_ID, interface="tun0", clue=Clue.PERSON))
    if not wanted:
        guard.port.turn(on=False)
    await pass_time(INTERVAL, 3)
    assert settings_written(old) == []
    gluetun.tunnel.connecting = timedelta(seconds=11)
    gluetun.tunnel.reconnect()
    gluetun.tunnel.change_ports()
    await pass_time(SETTLING_INTERVAL, 20)
    assert settings_written(old) == (ANEW if wanted else [])
    assert port_of(old) == 6881


async def test_an_old_one_gets_its_own_port_back_after_a_restart_in_the_middle(
    hass: HomeAssistant, old: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(old))
    await pass_time(timedelta(seconds=10), times=2)
    old.engine.weather.interfaces_gone.add("tun0")
    await pass_time(timedelta(seconds=10), times=2)
    old.engine.weather.interfaces_gone.clear()
    client = entry.runtime_data.backends[QBITTORRENT_ID].client

    async def take_one(values: Any) -> None:
        await QbittorrentClient.set_settings(client, values)
        old.fault("status", SET, status=500)

    with patch.object(client, "set_settings", take_one):
        await pass_time(timedelta(seconds=10), times=2)
    assert port_of(old) == 6882
    await hass.config_entries.async_unload(entry.entry_id)
    old.clear_faults()
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(timedelta(seconds=10), times=2)
    assert port_of(old) == 6881


async def test_a_newer_one_helps_itself(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    qbittorrent.engine.preferences |= BOUND
    qbittorrent.add_torrent("offered", "seeding")
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.engine.weather.interfaces_gone.add("tun0")
    await pass_time(timedelta(seconds=10), times=3)
    qbittorrent.engine.weather.interfaces_gone.clear()
    await pass_time(timedelta(seconds=10), times=6)
    assert settings_written(qbittorrent) == []


OTHER_ID = "01SOKOULQBITTORRENT0000001"


async def test_two_clients_behind_one_vpn_take_different_ports(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.change_ports(41_000, 41_001)
    login = {"username": USERNAME, "password": PASSWORD}
    async with QbittorrentSimulator("5.2", username=USERNAME, password=PASSWORD, clock=qbittorrent.clock) as other:
        server = gluetun.tunnel.server
        assert server is not None
        other.engine.weather.external_address = server.address
        await start(subentry("qbittorrent", other, OTHER_ID, title="Other", **login))
        hub: Hub = hass.config_entries.async_loaded_entries(DOMAIN)[0].runtime_data
        await pass_time(INTERVAL)
        assert {port_of(qbittorrent), port_of(other)} == {41_000, 41_001}
        gluetun.tunnel.change_ports(41_001)
        await pass_time(INTERVAL, 3)
        assert sorted(written(qbittorrent) + written(other)) == [41_000, 41_001]
        assert {port_of(qbittorrent), port_of(other)} == {41_000, 41_001}  # there is but one, and one has it
        verdicts = [guard.port.verdict for guard in hub.guarding.clients.values()]
        said = {reason.key for verdict in verdicts if verdict is not None for reason in verdict.reasons}
        assert said == {"guard.port_applied", "guard.port_taken"}


@pytest.mark.parametrize("turned_on", [False, True], ids=["found out", "switched on"])
async def test_a_port_that_changes_goes_to_who_had_it(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
    *,
    turned_on: bool,
) -> None:
    """Whoever is looked at first: the one that had it may just be away, as the VPN is."""
    login = {"username": USERNAME, "password": PASSWORD}
    async with QbittorrentSimulator("5.2", username=USERNAME, password=PASSWORD, clock=qbittorrent.clock) as other:
        server = gluetun.tunnel.server
        assert server is not None
        other.engine.weather.external_address = server.address
        await qbittorrent.refuse()  # so that it is the other one that has it
        guard = await start(subentry("qbittorrent", other, OTHER_ID, title="Other", **login))
        await pass_time(INTERVAL, 2)
        assert port_of(other) == FIRST
        await qbittorrent.accept()
        await pass_time(INTERVAL, 15)
        if turned_on:
            guard.port.turn(on=True)
        await pass_time(INTERVAL)
        assert written(qbittorrent) == []
        gluetun.tunnel.change_ports(41_000)
        await pass_time(INTERVAL, 2)
        assert (written(qbittorrent), port_of(other)) == ([], 41_000)
        gluetun.tunnel.change_ports(41_001, 41_002)
        await pass_time(INTERVAL, 2)
        assert (port_of(qbittorrent), port_of(other)) == (41_002, 41_001)


# --- the action ------------------------------------------------------------------------------------------------------


async def sync(hass: HomeAssistant, **data: Any) -> Any:
    return await hass.services.async_call(DOMAIN, "sync_port", data, blocking=True, return_response=True)


async def test_the_action_sees_a_new_port_at_once(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start
) -> None:
    await start()
    gluetun.tunnel.change_ports(41_000)
    answer = await sync(hass)
    assert answer == {
        "clients": [
            {
                "client": "qBittorrent",
                "vpn": "Gluetun",
                "forwarded_port": 41_000,
                "previous_port": FIRST,
                "listening_port": 41_000,
                "in_sync": True,
                "state": "in_sync",
                "text": "qBittorrent listens on port 41000, as Gluetun forwards it.",
            }
        ]
    }
    assert port_of(qbittorrent) == 41_000
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_the_action_works_once_where_it_is_switched_off_and_tries_at_once(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    guard = await start()
    guard.port.turn(on=False)
    qbittorrent.fault("status", SET, status=500, times=1)
    gluetun.tunnel.change_ports(41_000)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, QBITTORRENT_ID), HUB_ID)
    assert device is not None
    (answer,) = (await sync(hass, device_id=[device.id], language="fr"))["clients"]
    assert (answer["state"], answer["in_sync"], answer["listening_port"]) == ("setting", False, FIRST)
    (answer,) = (await sync(hass))["clients"]
    assert (answer["state"], answer["in_sync"], answer["listening_port"]) == ("in_sync", True, 41_000)
    await pass_time(INTERVAL)
    assert shown(hass) == ("off", "on", "41000")


async def test_the_action_refuses_what_is_behind_no_vpn_and_who_may_not(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, hass_read_only_user: MockUser
) -> None:
    await start()
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, GLUETUN_ID), HUB_ID)
    assert device is not None
    with pytest.raises(ServiceValidationError) as raised:
        await sync(hass, device_id=[device.id])
    assert raised.value.translation_key == "no_vpn_known"
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            "sync_port",
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )


async def test_a_person_may_say_which_vpn_it_is(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    """An older qBittorrent doesn't tell where it is seen."""
    entry = await set_up(qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"))
    guard: ClientGuard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    guard.backend.remember(GUARD_ON_KEY, False)
    guard.choose(Shelter(containment=Containment.BOUND, vpn_id=GLUETUN_ID, interface="tun0", clue=Clue.PERSON))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert written(qbittorrent) == [FIRST]
