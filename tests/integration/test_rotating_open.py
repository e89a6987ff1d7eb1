"""A server is changed while clients are behind the VPN: what could go out past it is stopped before Gluetun is told."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.autopilot.guards.addresses import Home, place_of
from custom_components.sokoul.autopilot.guards.rotation import Stage
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Proof, VpnState
from custom_components.sokoul.autopilot.vpn_lane import FAST
from custom_components.sokoul.clients.errors import Refused
from custom_components.sokoul.clients.gluetun import GluetunClient
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from custom_components.sokoul.guarding import ClientGuard
from custom_components.sokoul.model.vpn import ServerSelection
from custom_components.sokoul.rotation import LOOK_EVERY, RUNS_ON_AFTER, STOPPING, VpnRotation
from custom_components.sokoul.rotation_notes import CHANGE_KEY, KNOWN_KEY
from devstack.frame import FaultKind
from devstack.gluetun import GluetunSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import GLUETUN_ID, HUB_ID, QBITTORRENT_ID, PassTime, qbittorrent_subentry, until
from .test_pause import add, running
from .test_rotating import (
    CH,
    HOME,
    READ,
    SE,
    SET,
    UNTIL_FOUR,
    Start,
    brought_to_its_end,
    country,
    press,
    reload,
    start,
    told,
    tries_each_night,
)

__all__ = ["start", "tries_each_night"]

STOP = "POST /api/v2/torrents/stop"
POLL = timedelta(seconds=11)
UNSTOPPED = "Not now: qBittorrent can’t be stopped, and could go out past the VPN meanwhile."  # noqa: RUF001

type Open = Callable[..., Awaitable[tuple[VpnRotation, ClientGuard]]]


@pytest.fixture
def behind(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> Open:
    """Put a client behind the VPN, one torrent of which runs."""

    async def go(way: Containment = Containment.OPEN, **settings: bool) -> tuple[VpnRotation, ClientGuard]:
        add(qbittorrent, "one")
        add(qbittorrent, "theirs", behaviour="stopped")
        seen_at_end(qbittorrent, gluetun)
        interface = "tun0" if way is Containment.BOUND else None
        qbittorrent.engine.preferences["current_network_interface"] = interface or ""
        vpn = await start(qbittorrent_subentry(qbittorrent), **settings)
        hub = vpn.backend.config_entry.runtime_data
        guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
        guard.choose(Shelter(containment=way, vpn_id=GLUETUN_ID, interface=interface, clue=Clue.PERSON))
        await pass_time(POLL)
        assert running(qbittorrent) == {"one"}
        return vpn, guard

    return go


@pytest.fixture
def ran(qbittorrent: QbittorrentSimulator) -> Iterator[list[set[str]]]:
    """Tell what ran each time that Gluetun was told a server."""
    each_time: list[set[str]] = []
    real = GluetunClient.select

    async def select(client: GluetunClient, selection: ServerSelection) -> None:
        each_time.append(running(qbittorrent))
        await real(client, selection)

    with patch.object(GluetunClient, "select", select):
        yield each_time


def seen_at(qbittorrent: QbittorrentSimulator, address: str) -> None:
    """Have the client be told where it is seen, as a tracker does."""
    qbittorrent.engine.weather.external_address = address


def seen_at_end(qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator) -> None:
    """Have it be seen where the tunnel ends, or will."""
    assert gluetun.tunnel.connection is not None
    seen_at(qbittorrent, gluetun.tunnel.connection.server.address)


def know_home(guard: ClientGuard) -> None:
    """Have the guard know where our home is."""
    place = place_of(HOME)
    assert place is not None
    home = Home(place=place, confirmed_at=dt_util.utcnow(), distinct=True)
    guard.lane.memory = replace(guard.lane.memory, homes=(home,))


async def refused(hass: HomeAssistant) -> str:
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass)
    return str(raised.value)


async def test_an_open_client_is_stopped_before_gluetun_is_told_each_time(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    ran: list[set[str]],
) -> None:
    gluetun.tunnel.mute.update({SE, CH})
    vpn, guard = await behind()
    await press(hass)
    assert (ran, guard.held) == ([set()], 1)
    assert guard.verdict is not None
    assert (guard.verdict.state, guard.verdict.reasons[0].key) == (VpnState.DOWN, "guard.vpn_server_changes")
    await brought_to_its_end(hass, pass_time)
    assert (told(gluetun), ran) == (["Sweden", "Switzerland", "Netherlands"], [set(), set(), set()])
    assert vpn.last is not None
    assert vpn.last.stage is Stage.KEPT
    await pass_time(POLL, times=14)
    assert running(qbittorrent) == {"one"}  # and not what its person had stopped
    assert not guard.held


@pytest.mark.parametrize("way", [Containment.NAMESPACE, Containment.BOUND])
async def test_a_contained_client_runs_on(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    ran: list[set[str]],
    way: Containment,
) -> None:
    _vpn, guard = await behind(way)
    await press(hass)
    await brought_to_its_end(hass, pass_time)
    assert (ran, running(qbittorrent), guard.held) == ([{"one"}], {"one"}, 0)
    assert country(gluetun) == "Sweden"


async def test_one_whose_guard_a_person_switched_off_is_left_alone(
    hass: HomeAssistant, behind: Open, pass_time: PassTime, ran: list[set[str]]
) -> None:
    _vpn, guard = await behind()
    guard.turn(on=False)
    await press(hass)
    await brought_to_its_end(hass, pass_time)
    assert ran == [{"one"}]


@pytest.mark.parametrize(("way", "hinders"), [(Containment.NAMESPACE, False), (Containment.OPEN, True)])
async def test_one_that_has_not_answered_yet_hinders_where_it_has_another_way_out(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    way: Containment,
    *,
    hinders: bool,
) -> None:
    await behind(way)
    await qbittorrent.refuse()
    await reload(hass)
    if hinders:
        assert await refused(hass) == UNSTOPPED
    else:
        await press(hass)
    assert told(gluetun) == ([] if hinders else ["Sweden"])


# --- what can't be stopped ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["it is away", "it does not stop"])
async def test_where_it_can_not_be_stopped_nothing_is_changed(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    trouble: str,
) -> None:
    vpn, guard = await behind()
    if trouble == "it is away":
        await qbittorrent.refuse()
    else:
        qbittorrent.fault(FaultKind.STATUS, STOP, status=500)
    assert await refused(hass) == UNSTOPPED
    assert (told(gluetun), vpn.under_way, vpn.changing, CHANGE_KEY in vpn.backend.memory) == ([], False, False, False)
    qbittorrent.clear_faults()
    if trouble == "it is away":
        await qbittorrent.accept()
    await pass_time(timedelta(seconds=3), times=10)
    assert (running(qbittorrent), guard.held) == ({"one"}, 0)  # nothing ended, so it goes on
    await press(hass)
    assert told(gluetun) == ["Sweden"]


async def test_one_that_hangs_is_not_waited_for_for_long(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    freezer: FrozenDateTimeFactory,
) -> None:
    _vpn, guard = await behind()
    qbittorrent.fault(FaultKind.HANG, STOP)
    pressed = asyncio.create_task(refused(hass))
    await until(lambda: guard.verdict is not None and guard.verdict.stop)
    freezer.tick(STOPPING + timedelta(seconds=1))
    await until(pressed.done)
    assert pressed.result() == UNSTOPPED
    assert told(gluetun) == []
    qbittorrent.clear_faults()


async def test_one_that_has_not_stopped_yet_is_waited_for(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    freezer: FrozenDateTimeFactory,
    ran: list[set[str]],
) -> None:
    await behind()
    real, told_to_stop = QbittorrentClient.stop, 0

    async def stop(client: QbittorrentClient, hashes: frozenset[str]) -> None:
        nonlocal told_to_stop
        told_to_stop += 1
        if told_to_stop > 6:
            await real(client, hashes)

    with patch.object(QbittorrentClient, "stop", stop):
        pressed = asyncio.create_task(press(hass))
        for _ in range(8):
            before = told_to_stop
            await until(lambda: told_to_stop > before or pressed.done())  # noqa: B023 -- called before it changes
            freezer.tick(2 * FAST)
        await until(pressed.done)
    assert (told(gluetun), ran) == (["Sweden"], [set()])


async def test_in_french_it_is_said_in_french(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, behind: Open
) -> None:
    await behind()
    hass.config.language = "fr"
    await qbittorrent.refuse()
    assert (await refused(hass)).startswith("Pas maintenant\u00a0: qBittorrent ne peut pas être arrêté")


async def test_at_night_it_is_put_off(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    tries_each_night: None,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    await behind(nightly=True)
    qbittorrent.fault(FaultKind.STATUS, STOP, status=500)
    await pass_time(UNTIL_FOUR)
    assert told(gluetun) == []
    qbittorrent.clear_faults()
    await pass_time(timedelta(minutes=15))
    assert told(gluetun) == ["Sweden"]


async def test_between_two_servers_one_that_falls_silent_is_waited_for_a_while(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It was stopped before the first one; a tunnel that doesn't work can't be left so for ever."""
    gluetun.tunnel.mute.add(SE)
    vpn, _guard = await behind()
    await press(hass)
    await qbittorrent.refuse()
    await pass_time(LOOK_EVERY, times=20)
    assert (told(gluetun), vpn.under_way) == (["Sweden"], True)  # it has been given up by now
    gluetun.tunnel.mute.clear()  # that it works after all says nothing of the one whose turn it is
    await pass_time(LOOK_EVERY, times=14)
    assert told(gluetun) == ["Sweden", "Switzerland"]
    assert caplog.text.count("Gluetun is given another server all the same: qBittorrent can’t be stopped") == 1  # noqa: RUF001
    assert country(gluetun) == "Switzerland"
    assert vpn.last is not None
    assert (vpn.last.stage, vpn.last.tried) == (Stage.DONE, ("Sweden", "Switzerland"))


async def test_one_that_answers_again_is_stopped_before_the_next_one(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    ran: list[set[str]],
) -> None:
    gluetun.tunnel.mute.add(SE)
    await behind()
    await press(hass)
    await qbittorrent.refuse()
    await pass_time(LOOK_EVERY, times=20)
    add(qbittorrent, "two")
    await qbittorrent.accept()
    await pass_time(LOOK_EVERY)
    assert (told(gluetun), ran) == (["Sweden", "Switzerland"], [set(), set()])


# --- leaks ----------------------------------------------------------------------------------------------------------


async def test_that_an_open_client_is_told_our_own_address_is_nothing_against_the_servers(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, behind: Open, pass_time: PassTime
) -> None:
    gluetun.tunnel.connecting = 4 * LOOK_EVERY
    vpn, guard = await behind()
    know_home(guard)
    await press(hass)
    seen_at(qbittorrent, HOME)  # an answer that was under way
    await pass_time(LOOK_EVERY, times=2)
    assert guard.verdict is not None
    assert (guard.verdict.state, guard.verdict.proof) == (VpnState.LEAKING, Proof.ADDRESS)
    await brought_to_its_end(hass, pass_time)
    assert (told(gluetun), country(gluetun)) == (["Sweden"], "Sweden")
    assert vpn.last is not None
    assert vpn.last.stage is Stage.DONE
    records = vpn.backend.memory[KNOWN_KEY]["records"]
    assert [name for name, record in records.items() if record.get("failed_at")] == []
    assert guard.held  # that is between the client and its guard
    seen_at_end(qbittorrent, gluetun)
    await pass_time(POLL, times=14)
    assert running(qbittorrent) == {"one"}


async def test_that_a_contained_client_shows_it_is_held_against_one_server_and_no_other(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, behind: Open, pass_time: PassTime
) -> None:
    """What it was told through one server it goes on showing while it is stopped."""
    gluetun.tunnel.connecting = 2 * LOOK_EVERY
    vpn, guard = await behind(Containment.NAMESPACE)
    know_home(guard)
    await press(hass)
    seen_at(qbittorrent, HOME)
    await brought_to_its_end(hass, pass_time)
    assert told(gluetun) == ["Sweden", "Switzerland"]
    assert vpn.last is not None
    assert vpn.last.stage is Stage.DONE


# --- the end --------------------------------------------------------------------------------------------------------


async def test_after_a_restart_in_the_middle_it_is_stopped_before_the_next_one_and_goes_on_at_the_end(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    ran: list[set[str]],
) -> None:
    gluetun.tunnel.mute.add(SE)
    await behind()
    await press(hass)
    await pass_time(LOOK_EVERY, times=3)
    vpn = await reload(hass)
    assert running(qbittorrent) == set()  # what it was stopped for is not over
    await brought_to_its_end(hass, pass_time)
    assert (told(gluetun), ran) == (["Sweden", "Switzerland"], [set(), set()])
    assert not vpn.changing
    await pass_time(POLL, times=14)
    assert running(qbittorrent) == {"one"}


async def test_a_vpn_that_was_switched_off_in_the_middle_for_long_is_told_the_next_one(
    hass: HomeAssistant, gluetun: GluetunSimulator, behind: Open, pass_time: PassTime, ran: list[set[str]]
) -> None:
    gluetun.tunnel.mute.add(SE)
    await behind()
    await press(hass)
    gluetun.tunnel.apply("stopped")
    await pass_time(2 * RUNS_ON_AFTER)
    gluetun.tunnel.apply("running")
    await brought_to_its_end(hass, pass_time)
    assert (told(gluetun), ran) == (["Sweden", "Switzerland"], [set(), set()])


async def test_a_change_of_which_nobody_knows_how_far_it_came_stops_nothing_for_ever(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    ran: list[set[str]],
) -> None:
    await behind()
    await press(hass)
    gluetun.fault(FaultKind.STATUS, READ, status=500)
    vpn = await reload(hass)
    seen_at_end(qbittorrent, gluetun)
    await pass_time(LOOK_EVERY, times=30)
    assert (vpn.under_way, vpn.changing) == (True, False)
    assert running(qbittorrent) == {"one"}
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (told(gluetun), ran) == (["Sweden", "Netherlands"], [set(), set()])


async def test_a_gluetun_that_can_not_be_told_to_go_back_and_is_connected_stops_nothing_for_ever(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    behind: Open,
    pass_time: PassTime,
    ran: list[set[str]],
) -> None:
    gluetun.tunnel.mute.update({SE, CH})
    vpn, guard = await behind()
    await press(hass)
    await pass_time(LOOK_EVERY, times=30)
    assert told(gluetun)[-1] == "Switzerland"
    gluetun.fault(FaultKind.STATUS, SET, status=403)
    await pass_time(LOOK_EVERY, times=10)
    gluetun.tunnel.mute.clear()
    seen_at_end(qbittorrent, gluetun)
    await pass_time(LOOK_EVERY, times=20)
    assert guard.held
    await pass_time(RUNS_ON_AFTER)
    await pass_time(LOOK_EVERY, times=20)
    assert vpn.under_way
    assert running(qbittorrent) == {"one"}
    gluetun.clear_faults()
    await pass_time(LOOK_EVERY, times=3)
    assert (told(gluetun)[-1], running(qbittorrent)) == ("Switzerland", {"one"})
    gluetun.tunnel.crash()
    await pass_time(LOOK_EVERY, times=3)
    assert (told(gluetun)[-1], ran[-1]) == ("Netherlands", set())  # nobody loses anything any more


async def test_one_who_disables_sokoul_in_the_middle_has_nothing_running_while_it_goes_back(
    hass: HomeAssistant, gluetun: GluetunSimulator, behind: Open, ran: list[set[str]]
) -> None:
    gluetun.tunnel.closed.add(SE)
    await behind()
    await press(hass)
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (told(gluetun), ran) == (["Sweden", "Netherlands"], [set(), set()])


async def test_what_gluetun_does_not_let_be_changed_ends_at_once(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, behind: Open, pass_time: PassTime
) -> None:
    vpn, guard = await behind()
    with patch.object(GluetunClient, "select", side_effect=Refused("no", status=405)):
        assert (await refused(hass)).startswith("Gluetun doesn’t let SOKOUL")  # noqa: RUF001
    assert (vpn.under_way, vpn.changing) == (False, False)
    await pass_time(timedelta(seconds=3), times=10)
    assert (running(qbittorrent), guard.held) == ({"one"}, 0)
