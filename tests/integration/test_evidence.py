"""What is published of the evidence for how a client stands, and that an address of IPv6 gives it away, too."""

from collections.abc import AsyncIterator
from datetime import timedelta
import json
from typing import Any, cast

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Proof, VpnState
from custom_components.sokoul.diagnostics import async_get_config_entry_diagnostics
from custom_components.sokoul.guarding import PROXY_KEY, ClientGuard
from custom_components.sokoul.last_resort import Chosen
from devstack.clock import ManualClock
from devstack.dns_echo import DnsEchoSimulator, NameServer
from devstack.gluetun import VPN_SOURCE, GluetunSimulator
from devstack.public_ip import HOME as AT_HOME, PublicIpSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import GLUETUN_ID, Names, PassTime, SetUp
from .test_pause import add, running
from .test_vpn_guard import PROTECTION, STEP, bind, guard_of, shown, state
from .test_vpn_guard_cases import HOME, Start, end_of, show, start

__all__ = ("start",)

HOME_V6, HOME_V6_LATER, EXIT_V6 = "2a02:810d:4bc0::17", "2a02:810d:4bc0::99", "2a0d:5600:8:35::4"


def evidence(hass: HomeAssistant) -> dict[str, dict[str, Any]]:
    found = hass.states.get(PROTECTION)
    assert found is not None
    told: dict[str, dict[str, Any]] = found.attributes["evidence"]
    return told


def says(guard: ClientGuard) -> dict[str, str]:
    return {name: piece["says"] for name, piece in guard.evidence.items()}


@pytest.fixture
async def services(
    clock: ManualClock, names: Names, monkeypatch: pytest.MonkeyPatch, gluetun: GluetunSimulator
) -> AsyncIterator[list[PublicIpSimulator]]:
    """Two services for each version of the protocol."""
    names.known = {"localhost"}
    async with (
        PublicIpSimulator(clock=clock) as one,
        PublicIpSimulator(clock=clock) as two,
        PublicIpSimulator(clock=clock) as three,
        PublicIpSimulator(clock=clock) as four,
    ):
        for service in (one, two):
            service.addresses = {AT_HOME: HOME, VPN_SOURCE: end_of(gluetun)}
        for service in (three, four):
            service.addresses = {AT_HOME: HOME_V6, VPN_SOURCE: EXIT_V6}
        hosts = (
            [each.url for each in (one, three)],
            [each.url.replace("127.0.0.1", "localhost") for each in (two, four)],
        )
        for version, (first, second) in zip(("V4", "V6"), zip(*hosts, strict=True), strict=True):
            monkeypatch.setattr(f"custom_components.sokoul.lookout.SERVICES_{version}", (first, second))
        yield [one, two, three, four]


async def test_each_piece_says_what_it_saw_when_and_how_long_it_took(
    hass: HomeAssistant,
    start: Start,
    services: object,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(Containment.OPEN)
    guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
    await pass_time(STEP, times=20)
    assert state(guard) is VpnState.SAFE
    assert says(guard) == {
        "client": "connected",
        "binding": "any",
        "vpn": "running",
        "dns": "running",
        "outside": "agreed",
        "through": "elsewhere",
        "resolver": "unverified",
        "ipv4": "elsewhere",
        "ipv6": "elsewhere",
    }
    await pass_time(STEP, times=90)  # what changes with each look is written now and then
    told = evidence(hass)
    assert told.keys() == guard.evidence.keys()
    for name in ("client", "binding", "vpn", "outside", "through"):
        assert told[name]["at"].startswith("2026-"), name
    assert 0 <= told["vpn"]["milliseconds"] < 10_000
    text = json.dumps(told)
    assert not [address for address in (HOME, HOME_V6, EXIT_V6, end_of(gluetun)) if address in text]


HOME_RESOLVER = NameServer("62.153.1.53", "Germany - Deutsche Telekom AG")
VPN_RESOLVER = NameServer("193.138.218.74", "Sweden - 31173 Services AB")


@pytest.mark.parametrize("containment", [Containment.OPEN, Containment.NAMESPACE])
async def test_who_looks_names_up_is_told_and_stops_nothing(
    hass: HomeAssistant,
    start: Start,
    services: object,
    names: Names,
    clock: ManualClock,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    containment: Containment,
) -> None:
    """Gluetun is told to keep the name server of its host."""
    async with DnsEchoSimulator(clock=clock) as echo:
        monkeypatch.setattr("custom_components.sokoul.lookout.DNS_SERVICE", echo.template)
        names.look_up = lambda host: echo.look_up(host, HOME_RESOLVER)
        asked_by = VPN_RESOLVER
        gluetun.proxy.look_up = lambda host: echo.look_up(host, asked_by)
        guard = await start(containment)
        assert "resolver" not in says(guard), "there is no proxy to ask through"
        guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
        await pass_time(STEP, times=5)
        assert says(guard)["resolver"] == "elsewhere"
        assert guard.evidence["resolver"]["at"].startswith("2026-")
        assert "dns_outside" not in await findings(hass)

        asked_by = HOME_RESOLVER
        asked = len(echo.looked_up)
        await pass_time(timedelta(minutes=50))
        assert len(echo.looked_up) == asked, "seldom"
        await pass_time(timedelta(minutes=11))
        await pass_time(STEP, times=2)
        assert says(guard)["resolver"] == "home"
        found = (await findings(hass))["dns_outside"]
        assert found["backend"] == "Gluetun"
        assert "Deutsche Telekom" in found["text"]
        assert "DNS_KEEP_NAMESERVER" in found["advice"]
        assert state(guard) in {VpnState.SAFE, VpnState.CONTAINED}
        assert running(qbittorrent) == {"one", "two"}
        assert not [address for address in (HOME_RESOLVER.address, HOME) if address in json.dumps(guard.evidence)]

        asked_by = VPN_RESOLVER
        for _ in range(5):
            await pass_time(timedelta(minutes=61))
            await pass_time(STEP, times=2)
        assert says(guard)["resolver"] == "elsewhere"
        assert "dns_outside" not in await findings(hass)


async def test_who_looks_names_up_is_asked_through_each_vpn(
    start: Start,
    services: object,
    names: Names,
    clock: ManualClock,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their guards ask by turns, and none of them may think that it was asked already."""
    async with DnsEchoSimulator(clock=clock) as echo:
        monkeypatch.setattr("custom_components.sokoul.lookout.DNS_SERVICE", echo.template)
        names.look_up = lambda host: echo.look_up(host, HOME_RESOLVER)
        gluetun.proxy.look_up = lambda host: echo.look_up(host, VPN_RESOLVER)
        lookout = (await start(Containment.OPEN))._guarding.lookout
        ways = gluetun.proxy.url, f"{gluetun.proxy.url}/"
        for _ in range(3):
            for proxy in ways * 2:
                lookout.ask_for_resolvers_if_due((proxy,))
            await pass_time(timedelta(minutes=61))
        assert [len(lookout.resolvers(proxy)) for proxy in ("", *ways)] == [3, 3, 3]


async def findings(hass: HomeAssistant) -> dict[str, dict[str, Any]]:
    """Return what a check-up says, by its key."""
    told = await hass.services.async_call("sokoul", "check_up", {}, blocking=True, return_response=True)
    assert told is not None
    listed = cast("list[dict[str, Any]]", told["findings"])
    return {each["key"].removeprefix("finding."): each for each in listed}


async def test_what_nobody_looked_at_is_not_shown(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    guard = await guard_of(set_up, qbittorrent)
    assert evidence(hass) == {}  # without a VPN
    bind(qbittorrent, "tun0")
    show(qbittorrent, "")
    await pass_time(STEP * 60)
    await pass_time(STEP, times=2)
    assert says(guard) == {"client": "connected", "binding": "tun0", "ipv4": "none_seen", "ipv6": "none_seen"}


async def test_evidence_alone_is_written_seldom(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    bind(qbittorrent, "tun0")
    await guard_of(set_up, qbittorrent)
    await pass_time(STEP, times=3)
    before = hass.states.get(PROTECTION)
    assert before is not None
    await pass_time(STEP, times=30)
    after = hass.states.get(PROTECTION)
    assert after is before
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"  # what it means is written at once


async def test_a_client_that_is_seen_at_home_by_ipv6_alone_leaks(
    hass: HomeAssistant,
    start: Start,
    services: object,
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    """The tunnel carries IPv4 only, and the machine has IPv6 past it: the classic leak."""
    guard = await start(Containment.OPEN)
    await pass_time(STEP, times=20)
    assert state(guard) is VpnState.SAFE
    qbittorrent.engine.weather.external_address_v6 = HOME_V6_LATER  # another address of the same home
    await pass_time(STEP)
    assert state(guard) is VpnState.LEAKING
    assert guard.reaction is not None
    assert guard.reaction.proof is Proof.ADDRESS
    assert running(qbittorrent) == set()
    assert says(guard)["ipv6"] == "home"
    assert says(guard)["ipv4"] == "elsewhere"


async def test_a_tunnel_whose_ipv6_ends_at_home_is_a_leak(
    hass: HomeAssistant,
    start: Start,
    services: list[PublicIpSimulator],
    qbittorrent: QbittorrentSimulator,
    gluetun: GluetunSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(Containment.OPEN)
    guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, gluetun.proxy.url)
    await pass_time(STEP, times=20)
    for service in services[2:]:
        service.addresses[VPN_SOURCE] = HOME_V6
    await pass_time(STEP * 2, times=180)
    assert state(guard) is VpnState.LEAKING
    assert guard.reaction is not None
    assert guard.reaction.proof is Proof.EXIT
    assert says(guard)["through"] == says(guard)["ipv6"] == "home"


async def test_a_vpn_whose_dns_is_down_says_so(
    hass: HomeAssistant, start: Start, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    add(qbittorrent, "three")
    guard = await start(Containment.NAMESPACE)
    gluetun.helpers["dns"] = "stopped"
    await pass_time(STEP, times=30)
    assert says(guard)["dns"] == "stopped"
    assert running(qbittorrent) == {"one", "two", "three"}  # names that can't be found are no leak


async def test_support_sees_how_a_client_stands_and_no_address_of_its_home(
    hass: HomeAssistant,
    start: Start,
    services: object,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
) -> None:
    guard = await start(Containment.OPEN)
    guard.last_resort.choose(Chosen(entity_id="switch.plug"))
    await pass_time(STEP, times=20)
    found = await async_get_config_entry_diagnostics(hass, guard.backend.config_entry)
    (said,) = found["vpn_guards"]
    assert (said["state"], said["shelter"]["containment"], said["held"]) == ("safe", "open", 0)
    assert said["reasons"] == ["guard.vpn_safe", "guard.vpn_no_proxy"]
    assert said["evidence"]["ipv4"] == {"says": "elsewhere"}
    assert said["last_resort"] == {"entity_id": "switch.plug", "every_leak": False}
    assert (said["drill_plan"], said["bound_by_us"]) == (None, None)
    assert not [address for address in (HOME, HOME_V6) if address in json.dumps(found, default=str)]
