"""What goes wrong around the VPN guard: what it is told, whom it tells, and Home Assistant itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
import json
import random
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from homeassistant.config_entries import ConfigEntryDisabler, ConfigSubentry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Proof, VpnState
from custom_components.sokoul.connectors.holding import holds
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.guarding import PROXY_KEY, ClientGuard
from custom_components.sokoul.lookout import DIRECTLY
from custom_components.sokoul.model.hold import Holder
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.gluetun import VPN_SOURCE, GluetunSimulator, Role
from devstack.public_ip import HOME as AT_HOME, PublicIpSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import (
    GLUETUN_ID,
    HUB_ID,
    QBITTORRENT_ID,
    Names,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    subentry,
)
from .test_pause import add, running, turn
from .test_vpn_guard import PROTECTION, STEP, bind, guard_of, shown, state

HOME, ELSEWHERE = "86.9.12.34", "91.12.0.9"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

type Start = Callable[[Containment], Awaitable[ClientGuard]]


def end_of(gluetun: GluetunSimulator) -> str:
    """Return where the tunnel ends."""
    assert gluetun.tunnel.connection is not None
    return gluetun.tunnel.connection.server.address


def show(qbittorrent: QbittorrentSimulator, address: str) -> None:
    """Let trackers tell it where they see it."""
    qbittorrent.engine.weather.external_address = address


@pytest.fixture
def start(hass: HomeAssistant, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, set_up: SetUp) -> Start:
    """Connect both, with two torrents that run and one that its person had stopped."""

    async def go(containment: Containment) -> ClientGuard:
        show(qbittorrent, end_of(gluetun))
        add(qbittorrent, "one", "two")
        add(qbittorrent, "theirs", behaviour="stopped")
        entry = await set_up(
            qbittorrent_subentry(qbittorrent), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun")
        )
        hub = entry.runtime_data
        guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
        guard.choose(Shelter(containment=containment, vpn_id=GLUETUN_ID, interface="tun0", clue=Clue.PERSON))
        await hass.async_block_till_done(wait_background_tasks=True)
        return guard

    return go


# --- Gluetun ---------------------------------------------------------------------------------------------------------


async def test_an_open_client_is_stopped_when_gluetun_is_gone_for_longer_than_patience(
    start: Start, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, pass_time: PassTime
) -> None:
    guard = await start(Containment.OPEN)
    await pass_time(STEP)
    await gluetun.refuse()
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one", "two"}  # its control server may restart
    await pass_time(STEP, times=6)
    assert state(guard) is VpnState.DOWN
    assert running(qbittorrent) == set()
    await pass_time(STEP, times=100)
    await gluetun.accept()
    await pass_time(STEP, times=5)  # however long it was away: what is stopped waits for it
    assert state(guard) is not VpnState.DOWN
    assert running(qbittorrent) == {"one", "two"}


async def test_a_contained_client_goes_on_when_gluetun_is_gone(
    start: Start, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, pass_time: PassTime
) -> None:
    guard = await start(Containment.NAMESPACE)
    await gluetun.refuse()
    await pass_time(STEP, times=12)
    assert state(guard) is VpnState.DOWN
    assert guard.verdict is not None
    assert not guard.verdict.gate_open
    assert running(qbittorrent) == {"one", "two"}


@pytest.mark.parametrize("containment", [Containment.OPEN, Containment.NAMESPACE])
@pytest.mark.parametrize(
    "open_routes",
    [(), ("GET /v1/version",), ("GET /v1/vpn/status",), ("GET /v1/publicip/ip",)],
    ids=["nothing", "the version", "the status", "the address"],
)
async def test_a_gluetun_that_refuses_us_is_not_down(
    containment: Containment,
    open_routes: tuple[str, ...],
    start: Start,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(containment)
    await pass_time(STEP)
    gluetun.configure(
        [
            Role(auth="none", routes=open_routes),
            Role(api_key="another", routes=tuple(sorted(gluetun.generation.routes - set(open_routes)))),
        ]
    )
    for _ in range(60):
        await pass_time(STEP)
        assert state(guard) is not VpnState.DOWN
        assert running(qbittorrent) == {"one", "two"}
    assert guard.reaction is None


# --- services that tell addresses ------------------------------------------------------------------------------------


@pytest.fixture
async def services(
    clock: ManualClock, names: Names, monkeypatch: pytest.MonkeyPatch, gluetun: GluetunSimulator
) -> AsyncIterator[tuple[PublicIpSimulator, PublicIpSimulator]]:
    """Two services: past the VPN they see us at home, and through it at its end."""
    names.known = {"localhost"}
    async with PublicIpSimulator(clock=clock) as one, PublicIpSimulator(clock=clock) as two:
        for service in (one, two):
            service.addresses = {AT_HOME: HOME, VPN_SOURCE: end_of(gluetun)}
        hosts = one.url, two.url.replace("127.0.0.1", "localhost")  # a service is known by its name
        monkeypatch.setattr("custom_components.sokoul.lookout.SERVICES_V4", hosts)
        yield one, two


async def test_an_open_client_that_is_seen_at_home_is_stopped_until_it_is_seen_elsewhere(
    start: Start,
    services: object,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(Containment.OPEN)
    await pass_time(STEP, times=20)
    assert state(guard) is VpnState.SAFE
    show(qbittorrent, HOME)
    await pass_time(STEP)
    assert state(guard) is VpnState.LEAKING
    assert guard.reaction is not None
    assert (guard.reaction.proof, guard.reaction.torrents) == (Proof.ADDRESS, 2)
    assert running(qbittorrent) == set()
    add(qbittorrent, "added meanwhile")
    await pass_time(STEP, times=20)
    assert running(qbittorrent) == set()
    show(qbittorrent, end_of(gluetun))
    await pass_time(STEP, times=12)
    assert state(guard) is VpnState.SAFE
    assert running(qbittorrent) == {"one", "two", "added meanwhile"}


async def test_a_tunnel_that_ends_at_home_is_a_leak_as_two_services_say_through_its_proxy(
    start: Start,
    services: tuple[PublicIpSimulator, PublicIpSimulator],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(Containment.OPEN)
    show(qbittorrent, "")  # as before 5.1
    guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
    await pass_time(STEP, times=20)
    assert gluetun.proxy.passed
    assert running(qbittorrent) == {"one", "two"}
    gluetun.looks_up_address = False  # it still believes
    for service in services:
        service.addresses[VPN_SOURCE] = HOME
    await pass_time(MINUTE / 5, times=5 * 65)
    assert state(guard) is VpnState.LEAKING
    assert guard.reaction is not None
    assert guard.reaction.proof is Proof.EXIT
    assert running(qbittorrent) == set()


async def test_a_client_that_does_not_tell_where_it_is_seen_is_stopped_as_soon_as_services_tell(
    start: Start,
    services: tuple[PublicIpSimulator, PublicIpSimulator],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.sokoul.guarding.tells_address", lambda _: False)
    guard = await start(Containment.OPEN)
    guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
    await pass_time(STEP, times=20)
    show(qbittorrent, "")
    qbittorrent.requests.clear()
    await pass_time(timedelta(milliseconds=200), times=25)
    assert sum(seen.path.endswith("transfer/info") for seen in qbittorrent.requests) <= 2, "it is asked seldom"
    gluetun.looks_up_address = False
    for service in services:
        service.addresses[VPN_SOURCE] = HOME
    for way in (DIRECTLY, gluetun.proxy.url):
        await guard._guarding.lookout._ask(way)
    assert running(qbittorrent) == {"one", "two"}
    await pass_time(timedelta(milliseconds=100), times=2)
    assert state(guard) is VpnState.LEAKING
    assert running(qbittorrent) == set()


@pytest.mark.parametrize("kept", [True, False], ids=["by itself", "a person wants its port left alone"])
async def test_a_client_that_was_told_of_home_is_made_to_listen_anew_once_it_runs_again(
    kept: bool,  # noqa: FBT001 -- a case
    start: Start,
    services: object,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    """It believes the first who tells it then. Else it goes on to show that, and is stopped again."""
    gluetun.tunnel.change_ports()
    guard = await start(Containment.OPEN)
    if not kept:
        guard.port.turn(on=False)
    await pass_time(STEP, times=20)
    own = qbittorrent.engine.preferences["listen_port"]
    show(qbittorrent, HOME)
    await pass_time(STEP)
    assert running(qbittorrent) == set()
    assert ports_set(qbittorrent) == []
    guard.turn(on=False)
    guard.turn(on=True)  # a person says that it is cured
    await pass_time(STEP, times=5)
    assert running(qbittorrent) == {"one", "two"}
    assert ports_set(qbittorrent) == ([own + 1, own] if kept else [])
    await pass_time(MINUTE, times=12)
    assert state(guard) is VpnState.LEAKING
    assert ports_set(qbittorrent) == ([own + 1, own] if kept else []), "once for each time that it runs again"


def ports_set(qbittorrent: QbittorrentSimulator) -> list[int]:
    forms = [dict(parse_qsl(each.body.decode())) for each in qbittorrent.requests if "setPref" in each.path]
    return [json.loads(form["json"])["listen_port"] for form in forms]


async def test_an_address_that_may_be_our_new_one_is_held_until_two_services_tell(
    hass: HomeAssistant,
    start: Start,
    services: tuple[PublicIpSimulator, PublicIpSimulator],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    """The line has just got another address, the client leaks at it, and one of two services lies."""
    one, two = services
    guard = await start(Containment.OPEN)
    await pass_time(STEP, times=20)
    assert state(guard) is VpnState.SAFE
    one.addresses[AT_HOME] = ELSEWHERE
    two.lie = HOME
    show(qbittorrent, ELSEWHERE)
    await pass_time(timedelta(seconds=5), times=4)
    assert state(guard) is VpnState.DOUBTFUL
    assert running(qbittorrent) == set()
    assert shown(hass, PROTECTION) == "doubtful"
    two.lie = None
    two.addresses[AT_HOME] = HOME
    one.addresses[AT_HOME] = HOME  # it was the VPN's
    await pass_time(STEP, times=30)
    assert state(guard) is VpnState.UNVERIFIED
    assert running(qbittorrent) == {"one", "two"}


@pytest.mark.parametrize("proxy", ["no proxy", "a proxy"])
@pytest.mark.parametrize("trouble", ["one lies", "both lie differently", "one is away", "both are away", "nonsense"])
async def test_services_that_are_wrong_stop_nothing(
    trouble: str,
    proxy: str,
    start: Start,
    services: tuple[PublicIpSimulator, PublicIpSimulator],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    one, two = services
    guard = await start(Containment.OPEN)
    if proxy == "a proxy":
        guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
    await pass_time(STEP, times=20)  # first they tell the truth, so that home is known
    match trouble:
        case "one lies":  # that everybody is at our home, also who comes through the tunnel
            one.lie = HOME
        case "both lie differently":
            one.lie, two.lie = HOME, ELSEWHERE
        case "one is away":
            await two.refuse()
        case "both are away":
            await one.refuse()
            await two.refuse()
        case "nonsense":
            one.lie, two.lie = "none of your business", "10.0.0.1"
    for _ in range(180):
        await pass_time(STEP * 2)
        assert state(guard) not in {VpnState.LEAKING, VpnState.DOWN}
    assert guard.reaction is None
    assert running(qbittorrent) == {"one", "two"}


# --- the client ------------------------------------------------------------------------------------------------------


async def leaking(qbittorrent: QbittorrentSimulator, pass_time: PassTime, *, settle: bool = True) -> None:
    bind(qbittorrent, "")
    await pass_time(STEP, times=4, settle=settle)


async def bound_again(qbittorrent: QbittorrentSimulator, pass_time: PassTime) -> None:
    bind(qbittorrent, "tun0")
    await pass_time(STEP, times=16)


@pytest.mark.parametrize("fault", [FaultKind.HANG, FaultKind.DRIP])
async def test_a_client_too_slow_to_tell_what_is_stopped_is_stopped_by_what_was_known(
    fault: FaultKind,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.sokoul.connectors.holding._LOOK_PATIENCE", timedelta(milliseconds=1))
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    stop, noted_when_stopped = guard.backend.client.stop, []

    async def note_and_stop(hashes: frozenset[str]) -> None:
        noted_when_stopped.append((guard.held, is_held_forced(guard, forced.hash)))
        await stop(hashes)

    guard.backend.client.stop = note_and_stop
    qbittorrent.fault(fault, "GET */torrents/info", times=2, delay_seconds=0.001)
    guard.drilling.begin()
    await little_by_little(pass_time, lambda: not running(qbittorrent))
    assert noted_when_stopped[0] == (3, True)
    assert guard.reaction is None  # that it stopped is not called so before it was read back
    qbittorrent.clear_faults()
    await little_by_little(pass_time, lambda: guard.reaction is not None)
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one", "two", "forced"}
    assert forced.forced


async def little_by_little(pass_time: PassTime, condition: Callable[[], object]) -> None:
    """Let time pass slowly enough for requests that are under way, until something holds."""
    for _ in range(4000):
        if condition():
            return
        await pass_time(timedelta(milliseconds=1), settle=False)
    pytest.fail("it never came to hold")


def is_held_forced(guard: ClientGuard, torrent_hash: str) -> bool:
    return torrent_hash in holds(guard.backend.memory)[Holder.VPN].forced


async def test_a_client_that_does_not_take_the_stop_is_told_until_it_does(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    qbittorrent.fault(FaultKind.DISCONNECT, "POST */stop", times=3)
    await leaking(qbittorrent, pass_time)
    await pass_time(STEP, times=2)
    assert running(qbittorrent) == set()
    assert guard.reaction is not None
    await bound_again(qbittorrent, pass_time)
    assert running(qbittorrent) == {"one", "two"}


async def test_a_client_that_restarts_in_the_middle_of_being_stopped(
    qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """It comes up with what it had saved: one stop was lost, and everything is checked first."""
    bind(qbittorrent, "tun0")
    one, _ = add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    (theirs,) = add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    stop = guard.backend.client.stop

    async def stop_and_restart(hashes: frozenset[str]) -> None:
        await stop(hashes)
        guard.backend.client.stop = stop
        await qbittorrent.refuse()
        qbittorrent.restart()
        for each in (one, forced):
            qbittorrent.change(each, stopped=False)
        for each in (one, forced, theirs):
            qbittorrent.change(each, check_seconds=25.0)

    guard.backend.client.stop = stop_and_restart
    await leaking(qbittorrent, pass_time)
    await qbittorrent.accept()
    await pass_time(STEP, times=8)
    assert running(qbittorrent) == set()
    assert state(guard) is VpnState.LEAKING
    await bound_again(qbittorrent, pass_time)
    assert running(qbittorrent) == {"one", "two", "forced"}
    assert forced.forced


# --- Home Assistant --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "times"),
    [("stop", 1), ("stop", 2), ("stop", 3), ("start", 1), ("set_force_start", 1)],
    ids=["the first stop", "a newcomer's stop", "the stop of what was started", "the first start", "the forced start"],
)
async def test_home_assistant_is_killed(
    after: str,
    times: int,
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    """What is on the disk in that moment is all that it knows later, and nothing of what it would have done is done."""
    bind(qbittorrent, "tun0")
    (one, _) = add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    on_disk: list[Any] = []
    left, act = times, getattr(guard.backend.client, after)

    async def last_act(hashes: frozenset[str], *more: Any) -> None:
        nonlocal left
        if on_disk:
            return
        await act(hashes, *more)
        left -= bool(hashes)
        if not left:
            on_disk.append(deepcopy(hass_storage[f"{DOMAIN}.{HUB_ID}"]))
            qbittorrent.fault("status", "POST */torrents/*", status=503)

    setattr(guard.backend.client, after, last_act)
    await leaking(qbittorrent, pass_time)
    if not on_disk:
        add(qbittorrent, "newcomer")
        await pass_time(STEP)
    if not on_disk:
        qbittorrent.change(one, stopped=False)  # somebody starts it
        await pass_time(STEP)
    if not on_disk:
        await bound_again(qbittorrent, pass_time)
    assert on_disk
    wanted = {each.name for each in qbittorrent.torrents.values()} - {"theirs"}
    await hass.config_entries.async_unload(HUB_ID)
    qbittorrent.clear_faults()
    hass_storage[f"{DOMAIN}.{HUB_ID}"] = on_disk[0]
    await hass.config_entries.async_setup(HUB_ID)
    await pass_time(STEP, times=4)
    await bound_again(qbittorrent, pass_time)
    assert running(qbittorrent) == wanted
    assert forced.forced
    assert not one.forced


async def away_at_the_start(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, pass_time: PassTime, change: Callable[[], object]
) -> None:
    """Let Home Assistant start while the client is away for longer than its poll looks often; meanwhile it changes."""
    await hass.config_entries.async_unload(HUB_ID)
    await qbittorrent.refuse()
    change()
    await hass.config_entries.async_setup(HUB_ID)
    await pass_time(timedelta(seconds=1), times=100)
    await qbittorrent.accept()


@pytest.mark.parametrize(("containment", "within_seconds"), [(Containment.OPEN, 2), (Containment.BOUND, 11)])
async def test_a_client_that_was_away_at_the_start_is_guarded_as_soon_as_it_answers(
    containment: Containment,
    within_seconds: int,
    hass: HomeAssistant,
    start: Start,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    bind(qbittorrent, "tun0" if containment is Containment.BOUND else "")
    await start(containment)
    await pass_time(STEP)

    def leak() -> None:
        bind(qbittorrent, "")
        gluetun.tunnel.apply("stopped")

    await away_at_the_start(hass, qbittorrent, pass_time, leak)
    assert running(qbittorrent) == {"one", "two"}
    await pass_time(timedelta(seconds=1), times=within_seconds)
    assert running(qbittorrent) == set()
    assert shown(hass, PROTECTION) == ("leaking" if containment is Containment.BOUND else "down")


async def test_what_is_held_while_nobody_wants_it_guarded_starts_as_soon_as_the_client_answers(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await leaking(qbittorrent, pass_time)
    await qbittorrent.refuse()
    guard.turn(on=False)
    await away_at_the_start(hass, qbittorrent, pass_time, lambda: None)
    assert running(qbittorrent) == set()
    await pass_time(timedelta(seconds=1), times=11)
    assert running(qbittorrent) == {"one", "two"}


async def test_an_answer_that_tells_too_little_is_followed_by_others_until_the_client_is_read(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """A client that starts may answer what is small before it answers what is large."""
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one")
    await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await away_at_the_start(
        hass, qbittorrent, pass_time, lambda: qbittorrent.fault("status", "GET */sync/maindata", status=500)
    )
    bind(qbittorrent, "")
    await pass_time(timedelta(seconds=1), times=30)
    assert running(qbittorrent) == {"one"}
    qbittorrent.clear_faults()
    qbittorrent.requests.clear()
    await pass_time(timedelta(seconds=1), times=11)
    assert running(qbittorrent) == set()
    full = [seen for seen in qbittorrent.requests if seen.path.endswith("sync/maindata")]
    assert len(full) < 6


@pytest.mark.parametrize("kept", [True, False], ids=["guarded before", "never guarded"])
async def test_a_client_that_refuses_us_or_has_no_vpn_is_asked_by_its_poll_alone(
    kept: bool,  # noqa: FBT001 -- a case
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    if kept:
        bind(qbittorrent, "tun0")
    await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await hass.config_entries.async_unload(HUB_ID)
    qbittorrent.fault("status", status=403)
    await hass.config_entries.async_setup(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    qbittorrent.requests.clear()
    await pass_time(timedelta(seconds=1), times=30)
    assert not [seen for seen in qbittorrent.requests if seen.path.endswith("transfer/info")]
    assert len(qbittorrent.requests) < 4


async def test_what_is_held_stays_so_while_sokoul_is_disabled(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    add(qbittorrent, "theirs", behaviour="stopped")
    await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await leaking(qbittorrent, pass_time)
    assert running(qbittorrent) == set()
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    await pass_time(STEP)
    bind(qbittorrent, "tun0")
    await pass_time(HOUR)
    assert running(qbittorrent) == set()
    await hass.config_entries.async_set_disabled_by(HUB_ID, None)
    await pass_time(STEP, times=16)
    assert running(qbittorrent) == {"one", "two"}


@pytest.mark.parametrize("what", ["SOKOUL", "the backend"])
async def test_what_leaks_is_not_started_when_sokoul_is_removed(
    what: str,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bind(qbittorrent, "tun0")
    add(qbittorrent, "one", "two")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "theirs", behaviour="stopped")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    await leaking(qbittorrent, pass_time)
    qbittorrent.requests.clear()
    if what == "SOKOUL":
        await hass.config_entries.async_remove(HUB_ID)
    else:
        hass.config_entries.async_remove_subentry(guard.backend.config_entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert running(qbittorrent) == set()
    assert not [seen for seen in qbittorrent.requests if seen.path.endswith(("/start", "/setForceStart"))]
    (said,) = [each.getMessage() for each in caplog.records if "stay stopped" in each.getMessage()]
    assert said == (
        "3 torrents in qBittorrent stay stopped: it was not safe behind its VPN when SOKOUL left. "
        "Start them there when the VPN protects it again"
    )


async def test_what_has_an_error_uploads_and_is_stopped_too(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """A full disk ends the writing of a torrent, and nothing else."""
    bind(qbittorrent, "tun0")
    (broken,) = add(qbittorrent, "broken")
    qbittorrent.change(broken, error="No space left on device")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert state(guard) is VpnState.LEAKING
    assert broken.stopped


@pytest.fixture(params=[True, False], ids=["said by its person", "found out"])
async def bereft(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    start: Start,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> ClientGuard:
    """Hold an open client whose Gluetun is gone, and remove that."""
    guard = await start(Containment.OPEN)
    if not request.param:
        guard.choose(None)
    await pass_time(STEP)
    await gluetun.refuse()
    await pass_time(STEP, times=12)
    assert running(qbittorrent) == set()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    hass.config_entries.async_remove_subentry(entry, GLUETUN_ID)
    await hass.async_block_till_done()
    await pass_time(STEP, times=8)
    assert guard.shelter.containment is Containment.OPEN
    assert running(qbittorrent) == set()
    return guard


async def test_what_is_held_is_not_let_go_of_because_its_vpn_is_removed(
    bereft: ClientGuard, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    """A person may remove it to add it again."""
    bereft.choose(Shelter(clue=Clue.PERSON))
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one", "two"}


async def test_a_vpn_that_is_removed_and_added_again_opens_what_was_held_for_it(
    bereft: ClientGuard,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await gluetun.accept()
    again = subentry("gluetun", gluetun, GLUETUN_ID[:-1] + "9", title="Gluetun")
    hass.config_entries.async_add_subentry(entry, ConfigSubentry(**{**again, "data": MappingProxyType(again["data"])}))
    await hass.async_block_till_done()
    await pass_time(STEP, times=12)
    assert bereft.shelter.vpn_id == again["subentry_id"]
    assert running(qbittorrent) == {"one", "two"}


async def test_another_vpn_is_not_taken_for_one_that_was_removed(
    hass: HomeAssistant,
    set_up: SetUp,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    """It was there before, so the client is not behind it."""
    other = GLUETUN_ID[:-1] + "9"
    add(qbittorrent, "one")
    entry = await set_up(
        qbittorrent_subentry(qbittorrent),
        *(subentry("gluetun", gluetun, key, title=key) for key in (GLUETUN_ID, other)),
    )
    guard: ClientGuard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    guard.choose(Shelter(containment=Containment.OPEN, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
    await pass_time(STEP)
    hass.config_entries.async_remove_subentry(entry, GLUETUN_ID)
    await hass.async_block_till_done()
    await pass_time(STEP, times=8)
    assert guard.shelter.vpn_id == GLUETUN_ID


async def test_a_guard_that_is_switched_off_during_a_drill_drills_no_more(
    start: Start, qbittorrent: QbittorrentSimulator, pass_time: PassTime, hass: HomeAssistant
) -> None:
    guard = await start(Containment.OPEN)
    await pass_time(STEP)
    guard.drilling.begin()
    guard.turn(on=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one", "two"}
    assert not guard.drilling.under_way
    guard.turn(on=True)
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == {"one", "two"}
    assert guard.drilling.outcome is None


async def test_a_stop_is_told_once_however_often_home_assistant_is_restarted(
    hass: HomeAssistant, start: Start, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, pass_time: PassTime
) -> None:
    guard = await start(Containment.OPEN)
    await pass_time(STEP)
    gluetun.tunnel.apply("stopped")
    await pass_time(STEP, times=2)
    assert guard.reaction is not None
    assert guard.reaction.torrents == 2
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    guard = entry.runtime_data.guarding.of(entry.runtime_data.backends[QBITTORRENT_ID])
    await pass_time(STEP, times=3)
    assert running(qbittorrent) == set()
    assert guard.reaction is None


async def test_nothing_is_told_of_a_stop_that_stopped_nothing(
    start: Start, qbittorrent: QbittorrentSimulator, gluetun: GluetunSimulator, pass_time: PassTime
) -> None:
    guard = await start(Containment.OPEN)
    for torrent in list(qbittorrent.torrents.values()):
        qbittorrent.change(torrent, stopped=True)
    await pass_time(STEP, times=3)
    gluetun.tunnel.apply("stopped")
    await pass_time(STEP, times=2)
    assert state(guard) is VpnState.DOWN
    assert guard.reaction is None


# --- a pause meanwhile -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("polls", [3, 0], ids=["polled meanwhile", "not polled meanwhile"])
async def test_what_comes_and_is_stopped_by_the_guard_is_paused_too(
    polls: int,
    hass: HomeAssistant,
    start: Start,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(Containment.OPEN)
    vpn = guard._guarding.vpns()[GLUETUN_ID]
    await pass_time(STEP, times=3)
    await turn(hass, "on")
    await pass_time(STEP, times=3)
    await guard.backend.async_refresh()  # and 20 seconds later again
    gluetun.tunnel.apply("stopped")
    await vpn.async_refresh()
    await pass_time(timedelta(milliseconds=200))
    assert state(guard) is VpnState.DOWN
    add(qbittorrent, "ordinary")
    (forced,) = add(qbittorrent, "forced")
    qbittorrent.change(forced, forced=True)
    add(qbittorrent, "added stopped", behaviour="stopped")
    await pass_time(timedelta(milliseconds=200))
    assert running(qbittorrent) == set()
    assert guard.held == 4
    await pass_time(STEP, times=polls)
    qbittorrent.engine.weather.state_lag_seconds = 1.5
    gluetun.tunnel.connecting = timedelta()
    gluetun.tunnel.apply("running")
    show(qbittorrent, end_of(gluetun))
    for _ in range(14):  # it has to look right for ten seconds
        await vpn.async_refresh()
        await pass_time(timedelta(seconds=1))
    assert state(guard) is not VpnState.DOWN
    assert guard.held == 0
    assert running(qbittorrent) == set()
    await pass_time(STEP, times=4)
    assert running(qbittorrent) == set()
    await turn(hass, "off")
    assert running(qbittorrent) == {"one", "two", "ordinary", "forced"}
    assert forced.forced


# --- ordinary noise --------------------------------------------------------------------------------------------------


@dataclass
class Noise:
    """What goes wrong for a moment in an ordinary day, by chance. None of it is a leak, nor the end of the VPN."""

    qbittorrent: QbittorrentSimulator
    gluetun: GluetunSimulator
    services: tuple[PublicIpSimulator, PublicIpSimulator]
    chance: random.Random
    home: str = HOME

    def make(self) -> str:
        """Let something happen, or mostly nothing; returns its name."""
        happens = self.chance.choice(ORDINARY)
        if self.chance.random() < SELDOM:
            happens(self)
        for service in self.services:
            service.addresses = {AT_HOME: self.home, VPN_SOURCE: end_of(self.gluetun)}
        return happens.__name__

    def reconnect(self) -> None:
        """Connect to another server; trackers tell of that later."""
        self.gluetun.tunnel.reconnect()

    def tell(self) -> None:
        show(self.qbittorrent, end_of(self.gluetun))

    def gluetun_fails(self) -> None:
        self.gluetun.fault(FaultKind.STATUS, status=500, times=3)

    def gluetun_hangs_up(self) -> None:
        self.gluetun.fault(FaultKind.DISCONNECT, times=3)

    def client_fails(self) -> None:
        self.qbittorrent.fault(FaultKind.STATUS, "GET *", status=500, times=2)

    def client_restarts(self) -> None:
        """Nobody has told it yet where it is seen."""
        self.qbittorrent.restart()
        show(self.qbittorrent, "")

    def service_lies(self) -> None:
        self.services[0].lie = self.chance.choice([self.home, ELSEWHERE, "nonsense", end_of(self.gluetun)])

    def service_tells_the_truth(self) -> None:
        self.services[0].lie = None

    def home_moves(self) -> None:
        """Be given another address by the provider of the line."""
        self.home = f"86.9.{self.chance.randrange(1, 250)}.{self.chance.randrange(1, 250)}"

    def client_is_cut_off(self) -> None:
        self.qbittorrent.set_connection(self.chance.choice(["connected", "firewalled", "disconnected"]))


ORDINARY: tuple[Callable[[Noise], None], ...] = (
    Noise.reconnect,
    Noise.tell,
    Noise.gluetun_fails,
    Noise.gluetun_hangs_up,
    Noise.client_fails,
    Noise.client_restarts,
    Noise.service_lies,
    Noise.service_tells_the_truth,
    Noise.home_moves,
    Noise.client_is_cut_off,
)
#: Of the steps in which something happens: about one in three minutes.
SELDOM = 0.1


async def test_an_hour_of_ordinary_noise_stops_nothing(
    start: Start,
    services: tuple[PublicIpSimulator, PublicIpSimulator],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    """An open client, which is stopped most easily."""
    qbittorrent.record_requests = gluetun.record_requests = False
    noise = Noise(qbittorrent, gluetun, services, random.Random(11))  # noqa: S311 -- noise has to be repeatable
    guard = await start(Containment.OPEN)
    guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
    step, seen = timedelta(seconds=20), set[VpnState | None]()
    for _ in range(timedelta(hours=1) // step):
        last = noise.make()
        await pass_time(step)
        seen.add(state(guard))
        assert guard.reaction is None, (last, guard.verdict)
    assert {VpnState.SAFE, VpnState.UNKNOWN, VpnState.UNVERIFIED} <= seen
    assert not seen & {VpnState.LEAKING, VpnState.DOWN}
    assert running(qbittorrent) == {"one", "two"}
