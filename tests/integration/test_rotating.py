"""The server of a VPN in Home Assistant: changed when it is wanted, proven, and taken back when it doesn't work."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
import json
from typing import Any
from unittest.mock import patch

from aiohttp import ClientSession
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.sokoul.autopilot.guards.rotation import Stage
from custom_components.sokoul.autopilot.guards.servers import MOST_SERVERS, Sample, ServerPolicy
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.clients.gluetun import GluetunClient
from custom_components.sokoul.guarding import PROXY_KEY, ClientGuard
from custom_components.sokoul.hub import REVIEW_INTERVAL
from custom_components.sokoul.model.vpn import ServerSelection
from custom_components.sokoul.rotation import LOOK_EVERY, VpnRotation
from custom_components.sokoul.rotation_notes import CHANGE_KEY, KNOWN_KEY, NamedBy, RotationSettings
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.gluetun import GENERATIONS, VPN_SOURCE, GluetunSimulator, Role
from devstack.public_ip import PublicIpSimulator
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import GLUETUN_ID, HUB_ID, QBITTORRENT_ID, PassTime, SetUp, qbittorrent_subentry, subentry
from .test_pause import add, running

SET = "PUT /v1/vpn/settings"
READ = "GET /v1/vpn/settings"
HOME = "81.2.69.142"
NAMES = ("Netherlands", "Sweden", "Switzerland")
SERVER, BEST, BUTTON = "sensor.gluetun_vpn_server", "sensor.gluetun_best_vpn_server", "button.gluetun_change_vpn_server"
EVENT = "event.gluetun_vpn_server"
SE, CH = "se-01.vpn.example", "ch-01.vpn.example"
DUTCH = {"nl-01.vpn.example", "nl-02.vpn.example"}
BEGIN = ManualClock().now()
#: Longer than all that one change may take.
WHOLE = timedelta(minutes=11)

type Start = Callable[..., Awaitable[VpnRotation]]


@pytest.fixture
def start(hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp) -> Start:
    """Connect a Gluetun that lets itself be told, with these settings, and what else is given."""

    async def go(*more: Any, routes: Any = GENERATIONS["3.41"].routes, **settings: Any) -> VpnRotation:
        gluetun.configure([Role(auth="none", routes=tuple(routes))])
        entry = await set_up(subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"), *more)
        vpn: VpnRotation = entry.runtime_data.rotating.of(entry.runtime_data.backends[GLUETUN_ID])
        vpn.set_up(RotationSettings(**({"servers": NAMES} | settings)))
        await hass.async_block_till_done(wait_background_tasks=True)
        return vpn

    return go


def shown(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return found.state


def told(gluetun: GluetunSimulator) -> list[str]:
    """Return the servers that it was told, by what they were called."""
    lists = [
        each.json()["provider"]["server_selection"]
        for each in gluetun.requests
        if f"{each.method} {each.path}" == SET and each.status == 200
    ]
    return [", ".join(name for names in each.values() for name in names) for each in lists]


def country(gluetun: GluetunSimulator) -> str | None:
    return gluetun.tunnel.server.country if gluetun.tunnel.server is not None else None


async def guard_behind(vpn: VpnRotation, hass: HomeAssistant, way: Containment = Containment.NAMESPACE) -> ClientGuard:
    hub = vpn.backend.config_entry.runtime_data
    guard: ClientGuard = hub.guarding.of(hub.backends[QBITTORRENT_ID])
    guard.choose(Shelter(containment=way, vpn_id=GLUETUN_ID, clue=Clue.PERSON))
    await hass.async_block_till_done(wait_background_tasks=True)
    return guard


async def journal(hass: HomeAssistant) -> list[Any]:
    said = await hass.services.async_call(
        "sokoul", "get_journal", {"rule": "vpn_server"}, blocking=True, return_response=True
    )
    assert said is not None
    entries: list[Any] = said["entries"]  # type: ignore[assignment]
    return entries


async def press(hass: HomeAssistant) -> None:
    await hass.services.async_call("button", "press", {"entity_id": BUTTON}, blocking=True)


async def brought_to_its_end(hass: HomeAssistant, pass_time: PassTime) -> None:
    """Let as much time pass as a change takes, and at most as much as it may take."""
    entry = hass.config_entries.async_get_entry(HUB_ID)
    assert entry is not None
    for _ in range(round(WHOLE / LOOK_EVERY)):
        await pass_time(LOOK_EVERY)
        if not entry.runtime_data.rotating.vpns[GLUETUN_ID].under_way:
            return
    pytest.fail("it goes on for ever")


# --- a change --------------------------------------------------------------------------------------------------------


async def test_another_server_is_used_once_it_has_proven_itself(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    assert shown(hass, SERVER) == "Netherlands"
    await press(hass)
    assert told(gluetun) == ["Sweden"]  # nothing is known of any: the first by name
    assert vpn.under_way
    assert shown(hass, EVENT) == "unknown"
    assert shown(hass, SERVER) == "Sweden"
    await pass_time(LOOK_EVERY)
    assert not vpn.under_way
    assert (country(gluetun), shown(hass, SERVER)) == ("Sweden", "Sweden")
    event = hass.states.get(EVENT)
    assert event is not None
    assert {key: event.attributes[key] for key in ("event_type", "server", "previous_server", "text")} == {
        "event_type": "changed",
        "server": "Sweden",
        "previous_server": "Netherlands",
        "text": "Little is known of Sweden, so it gets a chance. Sweden works.",
    }
    assert shown(hass, "sensor.gluetun_last_change_of_server") == (BEGIN + LOOK_EVERY).isoformat()
    assert CHANGE_KEY not in vpn.backend.memory
    (entry,) = await journal(hass)
    assert (entry["act"], entry["status"], entry["title"], entry["rule_name"]) == (
        "change_server",
        "done",
        "Gluetun",
        "Server of the VPN",
    )
    assert entry["text"] == "Little is known of Sweden, so it gets a chance. Sweden works."


@pytest.mark.parametrize("how", ["mute", "closed"])
async def test_what_does_not_work_is_followed_by_another_one(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, how: str
) -> None:
    getattr(gluetun.tunnel, how).add(SE)
    vpn = await start()
    await press(hass)
    await brought_to_its_end(hass, pass_time)
    assert told(gluetun) == ["Sweden", "Switzerland"]
    assert (country(gluetun), shown(hass, SERVER)) == ("Switzerland", "Switzerland")
    assert vpn.last is not None
    assert (vpn.last.stage, vpn.last.previous) == (Stage.DONE, "Netherlands")
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["text"] == (
        "Little is known of Sweden, so it gets a chance. Sweden didn’t work. Switzerland works."  # noqa: RUF001
    )
    assert shown(hass, BEST) == "Switzerland"
    ranking = hass.states.get(BEST)
    assert ranking is not None
    assert [each["server"] for each in ranking.attributes["ranking"]] == ["Switzerland", "Netherlands", "Sweden"]


@pytest.mark.parametrize("how", ["mute", "closed"])
async def test_when_none_works_it_goes_back(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, how: str
) -> None:
    getattr(gluetun.tunnel, how).update({SE, CH})
    await start()
    await press(hass)
    await brought_to_its_end(hass, pass_time)
    assert told(gluetun) == ["Sweden", "Switzerland", "Netherlands"]
    assert (country(gluetun), shown(hass, SERVER)) == ("Netherlands", "Netherlands")
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["event_type"] == "kept"
    assert event.attributes["text"].endswith("None of the servers worked, so it goes back to Netherlands.")
    assert [each["status"] for each in await journal(hass)] == ["kept"]


async def test_never_more_than_three_are_tried(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.closed.update({SE, CH, "nl-02.vpn.example"})
    servers = (SE, CH, "nl-02.vpn.example", "nl-01.vpn.example")
    await start(servers=servers, named_by=NamedBy.HOSTNAMES)
    assert shown(hass, SERVER) == "Netherlands"
    gluetun.tunnel.closed.add("nl-01.vpn.example")
    await press(hass)
    await pass_time(LOOK_EVERY, times=60)
    gluetun.tunnel.closed.discard("nl-01.vpn.example")
    await pass_time(LOOK_EVERY, times=100)
    assert len(told(gluetun)) == 4
    assert told(gluetun)[-1] == "Netherlands"
    assert shown(hass, SERVER) == "Netherlands"


# --- what Gluetun lets be done ---------------------------------------------------------------------------------------

OPEN = GENERATIONS["3.41"].routes


async def refused(hass: HomeAssistant) -> str:
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass)
    assert (raised.value.translation_domain, raised.value.translation_key) == ("sokoul", "no_rotation")
    return str(raised.value)


@pytest.mark.parametrize("closed", [{SET}, {READ}, {READ, SET}], ids=["reading", "writing", "both"])
async def test_a_role_that_may_not_says_so_and_nothing_is_changed(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, closed: set[str]
) -> None:
    vpn = await start(routes=OPEN - closed)
    assert (await refused(hass)).startswith("Gluetun doesn’t let SOKOUL read or change its servers")  # noqa: RUF001
    assert not vpn.under_way
    assert CHANGE_KEY not in vpn.backend.memory
    assert gluetun.tunnel.selection["countries"] == ["Netherlands"]
    assert shown(hass, SERVER) == ("unknown" if READ in closed else "Netherlands")
    assert await journal(hass) == []
    await pass_time(timedelta(minutes=5))
    assert told(gluetun) == []


@pytest.mark.parametrize("status", [403, 404, 405])  # a proxy's own refusal, and what no version has
async def test_a_version_that_can_not_says_so(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, status: int
) -> None:
    gluetun.fault(FaultKind.STATUS, SET, status=status)
    vpn = await start()
    assert "the version has none" in await refused(hass)
    assert (vpn.under_way, CHANGE_KEY in vpn.backend.memory) == (False, False)


async def test_a_name_that_the_provider_does_not_have_costs_no_time(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start(servers=("Atlantis", "Sweden"))
    await press(hass)
    await pass_time(LOOK_EVERY, times=3)
    assert told(gluetun) == ["Sweden"]
    assert country(gluetun) == "Sweden"
    assert shown(hass, SERVER) == "Sweden"


async def test_what_is_not_set_up_or_away_or_off_can_not_be_changed(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start(servers=())
    assert shown(hass, SERVER) == "unknown"
    assert READ not in {f"{each.method} {each.path}" for each in gluetun.requests}  # which holds secrets
    assert (await refused(hass)).startswith("No servers have been chosen for Gluetun yet")
    vpn.set_up(RotationSettings(servers=NAMES))
    gluetun.tunnel.apply("stopped")
    assert await refused(hass) == "Not now: Gluetun is switched off."
    await gluetun.refuse()
    assert await refused(hass) == "Not now: Gluetun doesn’t answer."  # noqa: RUF001
    await gluetun.accept()
    gluetun.tunnel.apply("running")
    await pass_time(timedelta(minutes=3))
    await press(hass)
    assert await refused(hass) == "Gluetun is changing its server already."
    await pass_time(LOOK_EVERY)
    assert country(gluetun) == "Sweden"


async def test_what_could_not_be_read_for_a_moment_is_read_again(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.fault(FaultKind.STATUS, READ, status=500)
    await start()
    assert shown(hass, SERVER) == "unknown"
    gluetun.clear_faults()
    await pass_time(REVIEW_INTERVAL)
    assert shown(hass, SERVER) == "Netherlands"
    gluetun.requests.clear()
    await pass_time(timedelta(seconds=11), times=5)
    assert READ not in {f"{each.method} {each.path}" for each in gluetun.requests}  # only after a reconnect
    gluetun.tunnel.reconnect()
    await pass_time(timedelta(seconds=11), times=2)
    assert READ in {f"{each.method} {each.path}" for each in gluetun.requests}


async def test_who_asked_is_in_the_journal(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, hass_admin_user: MockUser
) -> None:
    await start()
    context = Context(user_id=hass_admin_user.id)
    await hass.services.async_call("button", "press", {"entity_id": BUTTON}, blocking=True, context=context)
    await pass_time(LOOK_EVERY)
    (entry,) = await journal(hass)
    assert entry["actor"] == hass_admin_user.name


async def test_only_another_server_than_the_one_in_use_can_be_chosen(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start
) -> None:
    await start(servers=("netherlands",))
    assert await refused(hass) == "There is no other server to try."
    assert told(gluetun) == []


# --- proof -----------------------------------------------------------------------------------------------------------


async def test_without_an_address_nothing_could_be_proven(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.looks_up_address = False
    await start()
    await pass_time(timedelta(minutes=2))
    assert (await refused(hass)).startswith("Nobody tells at which address Gluetun comes out")
    assert told(gluetun) == []


@pytest.mark.parametrize("crashed", [False, True])
async def test_nor_where_the_role_may_not_read_it(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, *, crashed: bool
) -> None:
    await start(routes=OPEN - {"GET /v1/publicip/ip"})
    if crashed:
        gluetun.tunnel.crash()
    assert (await refused(hass)).startswith("Nobody tells at which address Gluetun comes out")
    assert told(gluetun) == []


async def test_from_a_server_that_is_down_one_gets_away(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.closed.update(DUTCH)
    vpn = await start()
    gluetun.tunnel.crash()
    await press(hass)
    await brought_to_its_end(hass, pass_time)
    assert (vpn.under_way, country(gluetun), shown(hass, SERVER)) == (False, "Sweden", "Sweden")


@pytest.fixture
async def outside(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a service on the simulated internet that tells where one is seen."""
    async with PublicIpSimulator(HOME) as service:
        monkeypatch.setattr("custom_components.sokoul.lookout.SERVICES_V4", (service.url,))
        service.addresses[VPN_SOURCE] = "45.83.220.11"
        yield service


async def test_the_proxy_tells_the_address_where_gluetun_does_not(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, outside: PublicIpSimulator
) -> None:
    vpn = await start(routes=OPEN - {"GET /v1/publicip/ip"})
    vpn.backend.remember(PROXY_KEY, gluetun.proxy.url)
    await press(hass)
    await pass_time(LOOK_EVERY)
    assert vpn.under_way  # it still comes out where it did before
    outside.addresses[VPN_SOURCE] = "45.83.91.13"
    await pass_time(LOOK_EVERY)
    assert not vpn.under_way
    assert shown(hass, SERVER) == "Sweden"


async def test_an_address_as_before_proves_nothing(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    before = gluetun.tunnel.servers[0]
    gluetun.tunnel.servers = [
        each if each.country != "Sweden" else replace(each, address=before.address) for each in gluetun.tunnel.servers
    ]
    await start()
    await press(hass)
    await brought_to_its_end(hass, pass_time)
    assert told(gluetun) == ["Sweden", "Switzerland"]


@pytest.mark.parametrize("proxied", [False, True])
async def test_what_comes_out_at_home_is_left_at_once(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
    outside: PublicIpSimulator,
    *,
    proxied: bool,
) -> None:
    vpn = await start()
    if proxied:
        vpn.backend.remember(PROXY_KEY, gluetun.proxy.url)
    else:
        gluetun.tunnel.servers = [
            each if each.country != "Sweden" else replace(each, address=HOME) for each in gluetun.tunnel.servers
        ]
    await press(hass)
    outside.addresses[VPN_SOURCE] = HOME if proxied else "45.83.91.13"
    await pass_time(LOOK_EVERY)
    assert told(gluetun) == ["Sweden", "Switzerland"]  # long before its time to prove itself is over
    outside.addresses[VPN_SOURCE] = "45.83.91.14"
    await pass_time(LOOK_EVERY, times=2)
    assert shown(hass, SERVER) == "Switzerland"


async def test_a_vpn_that_forwards_no_port_is_as_good(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.forwarded = 0
    gluetun.tunnel.change_ports()
    await start(servers=(SE, CH), named_by=NamedBy.HOSTNAMES)
    await press(hass)
    await pass_time(LOOK_EVERY)
    assert (country(gluetun), shown(hass, SERVER)) == ("Switzerland", CH)
    assert gluetun.tunnel.selection["countries"] == []  # the country of the environment fits no host of another one


async def test_one_who_switches_the_vpn_off_meanwhile_finds_it_off(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    await press(hass)
    gluetun.tunnel.apply("stopped")
    await pass_time(timedelta(minutes=1), times=30)
    assert (gluetun.tunnel.status, told(gluetun), vpn.under_way) == ("stopped", ["Sweden"], True)
    gluetun.tunnel.apply("running")
    await pass_time(LOOK_EVERY, times=3)
    assert (vpn.under_way, shown(hass, SERVER)) == (False, "Sweden")


async def test_a_gluetun_that_falls_silent_is_told_again_until_it_hears_it(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.mute.update({SE, CH})
    vpn = await start()
    await press(hass)
    await pass_time(LOOK_EVERY, times=30)
    assert told(gluetun)[-1] == "Switzerland"
    await gluetun.refuse()
    await pass_time(timedelta(minutes=1), times=20)
    assert vpn.under_way
    await gluetun.accept()
    await pass_time(LOOK_EVERY, times=6)
    assert told(gluetun)[-1] == "Netherlands"
    assert (country(gluetun), vpn.under_way) == ("Netherlands", False)
    records = vpn.backend.memory[KNOWN_KEY]["records"]
    assert records.keys() == {"Netherlands", "Sweden"}  # silence says nothing of a server


async def test_when_not_even_the_one_before_works_gluetun_is_left_alone(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    await press(hass)
    gluetun.tunnel.failing = True
    gluetun.tunnel.crash()
    await brought_to_its_end(hass, pass_time)
    assert not vpn.under_way
    assert gluetun.tunnel.selection["countries"] == ["Netherlands"]
    event = hass.states.get(EVENT)
    assert event is not None
    assert event.attributes["event_type"] == "lost"
    assert event.attributes["text"].endswith("Not even Netherlands works any more. Gluetun is left to help itself.")
    assert [each["status"] for each in await journal(hass)] == ["failed"]
    asked = len(told(gluetun))
    await pass_time(timedelta(minutes=5), times=3)
    assert len(told(gluetun)) == asked


# --- samples ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, float]]:
    """Have each sample be ten megabytes a second, and tell of what, how much and for how long they were to be."""
    asked: list[tuple[str, int, float]] = []

    async def throughput(_session: ClientSession, url: str, *, most_bytes: int, most_seconds: float) -> float:
        asked.append((url, most_bytes, most_seconds))
        return 10_000_000.0

    monkeypatch.setattr("custom_components.sokoul.rotation_tunnel.throughput", throughput)
    return asked


async def test_the_throughput_is_sampled_where_that_is_wanted(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
    outside: PublicIpSimulator,
    sampled: list[tuple[str, int, float]],
    all_entities_enabled: None,
) -> None:
    vpn = await start()
    vpn.backend.remember(PROXY_KEY, gluetun.proxy.url)
    await press(hass)
    await pass_time(LOOK_EVERY)
    assert sampled == []
    assert shown(hass, "sensor.gluetun_throughput_of_the_vpn") == "unknown"
    assert shown(hass, "sensor.gluetun_latency_through_the_vpn") != "unknown"  # which costs next to nothing
    vpn.set_up(replace(vpn.book.settings, measure=True, sample_url="https://example.org/file", sample_megabytes=3))
    outside.addresses[VPN_SOURCE] = "45.83.91.13"
    await press(hass)
    assert sampled == [("https://example.org/file", 3_000_000, 8.0)]  # of the one that is left
    await pass_time(LOOK_EVERY)
    assert len(sampled) == 2  # and of the new one
    assert shown(hass, "sensor.gluetun_throughput_of_the_vpn") == "10.0"
    assert [(each.server, each.event) for each in vpn.book.notes if each.bytes_per_second] == [
        ("Sweden", "measured"),
        ("Netherlands", "measured"),
    ]


async def test_nothing_is_sampled_while_something_is_downloading_or_without_a_proxy(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    start: Start,
    pass_time: PassTime,
    outside: PublicIpSimulator,
    sampled: list[tuple[str, int, float]],
) -> None:
    torrent = qbittorrent.add_torrent("one", "downloading", rate=1)
    vpn = await start(qbittorrent_subentry(qbittorrent), measure=True)
    await guard_behind(vpn, hass)
    vpn.backend.remember(PROXY_KEY, gluetun.proxy.url)
    await press(hass)
    await pass_time(LOOK_EVERY)
    assert (shown(hass, SERVER), sampled) == ("Sweden", [])
    torrent.swarm.rate = 0
    vpn.backend.remember(PROXY_KEY, None)
    await pass_time(timedelta(seconds=11), times=3)
    await press(hass)
    await pass_time(LOOK_EVERY)
    assert (shown(hass, SERVER), sampled) == ("Netherlands", [])


async def test_a_sample_that_fails_is_no_failure_of_the_server(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
    outside: PublicIpSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def throughput(*_: object, **__: object) -> float:
        raise CannotConnect("nothing came")

    monkeypatch.setattr("custom_components.sokoul.rotation_tunnel.throughput", throughput)
    vpn = await start(measure=True)
    vpn.backend.remember(PROXY_KEY, gluetun.proxy.url)
    await press(hass)
    await pass_time(LOOK_EVERY)
    assert shown(hass, SERVER) == "Sweden"
    assert vpn.book.records["Sweden"].works.value == 1
    assert vpn.book.records["Sweden"].speed.weight == 0


# --- the guards ------------------------------------------------------------------------------------------------------


async def test_nothing_is_begun_while_a_guard_has_closed(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    vpn = await start(qbittorrent_subentry(qbittorrent))
    guard = await guard_behind(vpn, hass, Containment.BOUND)
    guard.choose(Shelter(containment=Containment.BOUND, vpn_id=GLUETUN_ID, interface="tun0", clue=Clue.PERSON))
    await pass_time(timedelta(seconds=11))
    assert shown(hass, "sensor.qbittorrent_vpn_protection") == "leaking"  # it isn't bound
    assert await refused(hass) == "Not now: qBittorrent leaks."
    qbittorrent.engine.preferences["current_network_interface"] = "tun0"
    await pass_time(timedelta(seconds=11))
    assert guard.held
    assert "qBittorrent" in await refused(hass)
    await pass_time(timedelta(seconds=11), times=14)
    assert running(qbittorrent) == {"one"}
    await hass.services.async_call("button", "press", {"entity_id": "button.qbittorrent_vpn_fire_drill"}, blocking=True)
    assert await refused(hass) == "Not now: a fire drill is on at qBittorrent."
    assert told(gluetun) == []


async def test_a_contained_client_is_not_stopped_by_a_change(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    add(qbittorrent, "one", "two")
    vpn = await start(qbittorrent_subentry(qbittorrent))
    guard = await guard_behind(vpn, hass)
    gluetun.tunnel.mute.update({SE})
    await pass_time(timedelta(seconds=11))
    await press(hass)
    for _ in range(30):
        await pass_time(LOOK_EVERY)
        assert running(qbittorrent) == {"one", "two"}
        assert not guard.held
    assert country(gluetun) == "Switzerland"


async def test_an_open_client_is_held_by_its_guard_while_the_tunnel_is_down_and_goes_on(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    add(qbittorrent, "theirs", behaviour="stopped")
    vpn = await start(qbittorrent_subentry(qbittorrent))
    guard = await guard_behind(vpn, hass, Containment.OPEN)
    gluetun.tunnel.closed.add(SE)
    await pass_time(timedelta(seconds=11))
    assert running(qbittorrent) == {"one"}
    await press(hass)
    await pass_time(LOOK_EVERY, times=5)
    assert guard.held  # Sweden is down, and nothing but the guard keeps the client from going out past it
    await pass_time(LOOK_EVERY, times=25)
    assert country(gluetun) == "Switzerland"
    assert gluetun.tunnel.server is not None
    qbittorrent.engine.weather.external_address = gluetun.tunnel.server.address  # a tracker told it
    await pass_time(timedelta(seconds=11), times=14)
    assert running(qbittorrent) == {"one"}
    assert not vpn.under_way


async def test_the_server_can_be_changed_while_the_one_that_is_used_is_down_and_holds_a_client(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    """It is what a person would do then, and nothing runs that could leak meanwhile."""
    add(qbittorrent, "one")
    vpn = await start(qbittorrent_subentry(qbittorrent))
    guard = await guard_behind(vpn, hass, Containment.OPEN)
    await pass_time(timedelta(seconds=11))
    gluetun.tunnel.closed.update(server.hostname for server in gluetun.tunnel.servers)
    gluetun.tunnel.crash()
    await pass_time(timedelta(seconds=11), times=2)
    assert guard.held
    gluetun.tunnel.closed.discard(SE)
    await press(hass)
    assert running(qbittorrent) == set()
    await pass_time(LOOK_EVERY, times=60)
    assert (told(gluetun), country(gluetun)) == (["Sweden"], "Sweden")
    assert gluetun.tunnel.server is not None
    qbittorrent.engine.weather.external_address = gluetun.tunnel.server.address  # a tracker told it
    await pass_time(timedelta(seconds=11), times=14)
    assert running(qbittorrent) == {"one"}


async def test_the_port_that_the_new_server_forwards_is_set_by_itself(
    hass: HomeAssistant, gluetun: GluetunSimulator, qbittorrent: QbittorrentSimulator, start: Start, pass_time: PassTime
) -> None:
    add(qbittorrent, "one", behaviour="seeding")
    vpn = await start(qbittorrent_subentry(qbittorrent))
    guard = await guard_behind(vpn, hass)
    await pass_time(timedelta(seconds=11))
    assert qbittorrent.engine.preferences["listen_port"] == gluetun.tunnel.ports[0]
    before = gluetun.tunnel.ports
    await press(hass)
    await pass_time(LOOK_EVERY, times=6)
    assert not vpn.under_way
    assert gluetun.tunnel.ports not in {before, ()}
    assert qbittorrent.engine.preferences["listen_port"] == gluetun.tunnel.ports[0]
    assert guard.port.in_sync


async def test_what_is_known_is_in_the_diagnostics_without_addresses_of_people(
    hass: HomeAssistant, start: Start, pass_time: PassTime, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    vpn = await start(sample_url="https://me:secret@example.org/file", vetoes=("media_player.bedroom",))
    await press(hass)
    await pass_time(LOOK_EVERY)
    told_of = await get_diagnostics_for_config_entry(hass, hass_client, vpn.backend.config_entry)
    (servers,) = told_of["vpn_servers"]
    assert (servers["named_by"], servers["in_use"], servers["under_way"], servers["vetoes"]) == (
        "countries",
        "Sweden",
        False,
        1,
    )
    assert {each["server"] for each in servers["ranking"]} == {*NAMES}
    assert [each["stage"] for each in servers["notes"]] == ["done"]
    assert "secret" not in json.dumps(servers)


# --- the night -------------------------------------------------------------------------------------------------------

UNTIL_FOUR = timedelta(hours=16)  # from the noon at which tests begin


async def test_at_night_it_is_changed_only_where_that_is_wanted(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await hass.config.async_set_time_zone("UTC")
    vpn = await start()
    await pass_time(UNTIL_FOUR)
    await pass_time(timedelta(days=1), times=5)
    assert told(gluetun) == []
    vpn.set_up(replace(vpn.book.settings, nightly=True))
    for _ in range(4):
        await pass_time(timedelta(days=1) - 20 * LOOK_EVERY)
        await pass_time(LOOK_EVERY, times=20)
    assert told(gluetun) == ["Sweden"]  # three nights the one in use was good enough; the fourth is for what is new
    assert shown(hass, SERVER) == "Sweden"
    (entry,) = await journal(hass)
    assert entry["actor"] == "SOKOUL itself"


@pytest.fixture
def tries_each_night(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each night be one in which something new is tried."""
    monkeypatch.setattr("custom_components.sokoul.rotation_book.ServerPolicy", lambda: ServerPolicy(explore_every=1))


async def test_at_night_nothing_is_disturbed(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    qbittorrent: QbittorrentSimulator,
    start: Start,
    pass_time: PassTime,
    tries_each_night: None,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    hass.states.async_set("media_player.tv", "playing", {"friendly_name": "TV"})
    torrent = qbittorrent.add_torrent("one", "downloading", rate=1)
    vpn = await start(qbittorrent_subentry(qbittorrent), nightly=True, vetoes=("media_player.tv",))
    await guard_behind(vpn, hass)
    quarter = timedelta(minutes=15)
    await qbittorrent.refuse()
    await pass_time(UNTIL_FOUR)
    assert told(gluetun) == []  # nobody knows what it does
    await qbittorrent.accept()
    await pass_time(timedelta(days=1))
    assert not vpn.under_way  # somebody watches, and something is downloading
    hass.states.async_set("media_player.tv", "idle")
    await pass_time(quarter)
    assert not vpn.under_way
    assert told(gluetun) == []
    torrent.swarm.rate = 0
    hass.states.async_set("media_player.tv", "buffering")
    await pass_time(quarter)
    assert told(gluetun) == []
    hass.states.async_set("media_player.tv", "idle")
    await pass_time(quarter)
    assert told(gluetun) == ["Sweden"]
    await pass_time(LOOK_EVERY, times=2)
    await pass_time(quarter, times=4)
    assert told(gluetun) == ["Sweden"]  # once a night


@pytest.mark.parametrize("untold", ["unavailable", "unknown", None])
async def test_of_what_nobody_knows_whether_it_is_on_nothing_is_disturbed(
    untold: str | None,
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
    tries_each_night: None,
) -> None:
    await hass.config.async_set_time_zone("UTC")
    hass.states.async_set("media_player.plex", "unavailable")  # as its players are while nothing plays
    if untold is not None:
        hass.states.async_set("input_boolean.guests", untold)
    await start(nightly=True, vetoes=("media_player.plex", "input_boolean.guests"))
    await pass_time(UNTIL_FOUR)
    assert told(gluetun) == []
    hass.states.async_set("input_boolean.guests", "off")
    await pass_time(timedelta(minutes=15))
    assert told(gluetun) == ["Sweden"]


async def test_a_gluetun_that_fails_for_a_moment_is_asked_again_in_the_same_night(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, tries_each_night: None
) -> None:
    await hass.config.async_set_time_zone("UTC")
    await start(nightly=True)
    gluetun.fault(FaultKind.STATUS, READ, status=500)
    await pass_time(UNTIL_FOUR)
    assert told(gluetun) == []
    gluetun.clear_faults()
    await pass_time(timedelta(minutes=15))
    assert told(gluetun) == ["Sweden"]


async def test_a_restart_in_the_night_makes_it_no_other_night(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, tries_each_night: None
) -> None:
    await hass.config.async_set_time_zone("UTC")
    await start(nightly=True)
    await pass_time(UNTIL_FOUR)
    await pass_time(LOOK_EVERY, times=2)
    assert told(gluetun) == ["Sweden"]
    await reload(hass)
    await pass_time(timedelta(minutes=15), times=4)
    assert told(gluetun) == ["Sweden"]
    await pass_time(timedelta(days=1))
    assert len(told(gluetun)) == 2


# --- after a restart -------------------------------------------------------------------------------------------------


async def reload(hass: HomeAssistant) -> VpnRotation:
    """End everything as a restart does, and begin again from what is on the disk."""
    assert await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    entry = hass.config_entries.async_get_entry(HUB_ID)
    assert entry is not None
    vpn: VpnRotation = entry.runtime_data.rotating.of(entry.runtime_data.backends[GLUETUN_ID])
    return vpn


async def test_what_is_under_way_is_on_the_disk_before_gluetun_is_told(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, hass_storage: dict[str, Any]
) -> None:
    gluetun.tunnel.closed.add(SE)
    await start()
    on_disk: list[tuple[str, str]] = []
    real = GluetunClient.select

    async def select(client: GluetunClient, selection: ServerSelection) -> None:
        notes = hass_storage[f"sokoul.{HUB_ID}"]["data"]["backends"][GLUETUN_ID][CHANGE_KEY]
        on_disk.append((notes["rotation"]["stage"], notes["rotation"]["server"]))
        assert notes["before"]["countries"] == ["Netherlands"]
        await real(client, selection)

    with patch.object(GluetunClient, "select", select):
        gluetun.tunnel.closed.add(CH)
        await press(hass)
        await brought_to_its_end(hass, pass_time)
    assert on_disk == [("switching", "Sweden"), ("switching", "Switzerland"), ("back", "Netherlands")]
    assert CHANGE_KEY not in hass_storage[f"sokoul.{HUB_ID}"]["data"]["backends"][GLUETUN_ID]


@pytest.mark.parametrize("looks", [0, 1, 18, 19, 36, 37, 38])
@pytest.mark.parametrize("works", [True, False], ids=["one works", "none works"])
async def test_whenever_home_assistant_ends_the_next_start_brings_it_to_its_end(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, looks: int, *, works: bool
) -> None:
    gluetun.tunnel.mute.update({SE} if works else {SE, CH})
    await start()
    await press(hass)
    await pass_time(LOOK_EVERY, times=looks)
    vpn = await reload(hass)
    await brought_to_its_end(hass, pass_time)
    assert not vpn.under_way
    assert CHANGE_KEY not in vpn.backend.memory
    assert country(gluetun) == ("Switzerland" if works else "Netherlands")
    assert shown(hass, SERVER) == country(gluetun)
    assert len(await journal(hass)) == 1


async def test_a_kill_before_gluetun_was_told_changes_nothing(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    with (
        patch.object(GluetunClient, "select", side_effect=asyncio.CancelledError),
        pytest.raises(asyncio.CancelledError),
    ):
        await press(hass)
    assert CHANGE_KEY in vpn.backend.memory
    vpn = await reload(hass)
    await pass_time(LOOK_EVERY, times=3)
    assert (told(gluetun), vpn.under_way, country(gluetun)) == ([], False, "Netherlands")
    assert vpn.last is not None
    assert [each.key for each in vpn.last.reasons][-1] == "guard.server_interrupted"


@pytest.mark.parametrize("works", [True, False], ids=["one works", "none works"])
async def test_a_kill_before_gluetun_was_told_the_next_one(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime, *, works: bool
) -> None:
    """The disk is ahead of Gluetun, which is still set to what did not work."""
    gluetun.tunnel.mute.add(SE)
    servers = ("Sweden", "Switzerland") if works else ("Sweden",)
    await start(servers=servers)
    await press(hass)
    with patch.object(GluetunClient, "select", side_effect=asyncio.CancelledError):
        await pass_time(LOOK_EVERY, times=18)
    assert told(gluetun) == ["Sweden"]
    vpn = await reload(hass)
    await brought_to_its_end(hass, pass_time)
    assert told(gluetun) == ["Sweden", "Switzerland" if works else "Netherlands"]
    assert (vpn.under_way, country(gluetun)) == (False, told(gluetun)[-1])


async def test_one_who_stops_waiting_in_the_middle_does_not_stop_the_change(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    real = GluetunClient.select

    async def select(client: GluetunClient, selection: ServerSelection) -> None:
        await real(client, selection)
        raise asyncio.CancelledError  # as a script that is stopped ends what it waits for

    with patch.object(GluetunClient, "select", select), pytest.raises(asyncio.CancelledError):
        await press(hass)
    assert (vpn.under_way, country(gluetun)) == (True, None)
    await pass_time(timedelta(seconds=11))
    assert (vpn.under_way, shown(hass, SERVER)) == (False, "Sweden")


async def test_what_somebody_else_chose_meanwhile_stays(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.mute.add(SE)
    await start()
    await press(hass)
    assert await hass.config_entries.async_unload(HUB_ID)
    gluetun.tunnel.select({"countries": [], "hostnames": ["nl-02.vpn.example"]})
    assert await hass.config_entries.async_setup(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(LOOK_EVERY, times=3)
    assert told(gluetun) == ["Sweden"]
    assert (shown(hass, SERVER), country(gluetun)) == ("nl-02.vpn.example", "Netherlands")
    (entry,) = await journal(hass)
    assert entry["status"] == "kept"


async def test_a_new_container_has_forgotten_what_it_was_told(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    gluetun.tunnel.mute.add(SE)
    await start()
    await press(hass)
    assert await hass.config_entries.async_unload(HUB_ID)
    gluetun.recreate()
    assert await hass.config_entries.async_setup(HUB_ID)
    await pass_time(LOOK_EVERY, times=4)
    assert (told(gluetun), shown(hass, SERVER)) == (["Sweden"], "Netherlands")


@pytest.mark.parametrize("trouble", ["mute", "closed"])
@pytest.mark.parametrize("how", ["disabled", "removed"])
async def test_one_who_takes_sokoul_away_in_the_middle_has_the_server_from_before(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, how: str, trouble: str
) -> None:
    getattr(gluetun.tunnel, trouble).add(SE)
    vpn = await start()
    await press(hass)
    assert country(gluetun) is None
    if how == "disabled":
        await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    else:
        hass.config_entries.async_remove_subentry(vpn.backend.config_entry, GLUETUN_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert told(gluetun) == ["Sweden", "Netherlands"]


async def test_one_who_removes_it_hears_when_nobody_knows_whether_it_went_back(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("custom_components.sokoul.connectors.gluetun.TAKING_SECONDS", 0.05)
    gluetun.tunnel.mute.add(SE)
    vpn = await start()
    await press(hass)
    gluetun.fault(FaultKind.HANG, SET)
    hass.config_entries.async_remove_subentry(vpn.backend.config_entry, GLUETUN_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Gluetun was told to use its server from before again, and has not said yet that it does" in caplog.text


async def test_what_is_not_readable_at_the_end_is_said(
    hass: HomeAssistant, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    vpn = await start()
    vpn.backend.remember(CHANGE_KEY, {"rotation": {}})
    hass.config_entries.async_remove_subentry(vpn.backend.config_entry, GLUETUN_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Gluetun may use another server than before" in caplog.text


async def test_what_it_is_set_to_may_be_told_only_later(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    await start()
    await press(hass)
    gluetun.fault(FaultKind.STATUS, READ, status=500)
    vpn = await reload(hass)
    await pass_time(LOOK_EVERY, times=60)
    assert (vpn.under_way, told(gluetun)) == (True, ["Sweden"])
    gluetun.clear_faults()
    await pass_time(LOOK_EVERY, times=2)
    assert (vpn.under_way, shown(hass, SERVER)) == (False, "Sweden")


async def test_a_mistake_of_ours_ends_no_change(
    hass: HomeAssistant,
    gluetun: GluetunSimulator,
    start: Start,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    vpn = await start()
    await press(hass)
    with patch.object(vpn.tunnel, "look", side_effect=RuntimeError("a mistake")):
        await pass_time(LOOK_EVERY)
    assert vpn.under_way
    assert "could not be looked at, and will be again" in caplog.text
    caplog.clear()
    await pass_time(LOOK_EVERY)
    assert (vpn.under_way, shown(hass, SERVER)) == (False, "Sweden")


async def test_notes_that_can_not_be_read_are_left_aside(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    vpn = await start()
    vpn.backend.remember(CHANGE_KEY, {"rotation": {}})
    vpn.backend.remember(KNOWN_KEY, ["what"])
    vpn = await reload(hass)
    assert not vpn.under_way
    assert caplog.text.count("is not readable") == 2
    assert CHANGE_KEY not in vpn.backend.memory


async def test_the_ranking_survives_and_is_bounded(
    hass: HomeAssistant, gluetun: GluetunSimulator, start: Start, pass_time: PassTime
) -> None:
    vpn = await start()
    await press(hass)
    await pass_time(LOOK_EVERY)
    before = vpn.book.ranking()
    assert {server for server, _ in before[:2]} == {"Netherlands", "Sweden"}
    vpn = await reload(hass)
    assert vpn.book.ranking() == pytest.approx(before)
    await pass_time(timedelta(days=60))
    assert dict(vpn.book.ranking())["Sweden"] < dict(before)["Sweden"]  # what is known fades
    for number in range(MOST_SERVERS + 50):
        vpn.book.learn(f"server {number}", Sample(works=True))
    stored = vpn.backend.memory[KNOWN_KEY]["records"]
    assert len(stored) == MOST_SERVERS
    assert {"Netherlands", "Sweden"} <= stored.keys()
