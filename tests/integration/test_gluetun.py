"""Gluetun as a backend: its form with roles, its entities while the VPN comes and goes, and what it is asked."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
import pytest

from custom_components.sokoul.connectors import discovery
from custom_components.sokoul.connectors.gluetun import GLUETUN, INTERVAL, SETTLING_INTERVAL, SLOW_INTERVAL, sniffed
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.vpn import VpnRoute, VpnSnapshot, VpnStatus
from devstack.frame import FaultKind
from devstack.gluetun import GENERATIONS, GluetunSimulator, Role

from .conftest import GLUETUN_ID, HUB_ID, PassTime, SetUp, subentry
from .flows import (
    add_backend,
    asked_for,
    by_title,
    fields,
    form,
    reauth_form,
    step,
    submit,
    submit_backend,
    usual_ports,
)

KEY = "a-key-of-gluetun-0123456789"
STATUS, ADDRESS, PORTS = "GET /v1/vpn/status", "GET /v1/publicip/ip", "GET /v1/portforward"
OLD_PORTS, VERSION, DNS = "GET /v1/openvpn/portforwarded", "GET /v1/version", "GET /v1/dns/status"
EVERYTHING = (STATUS, ADDRESS, PORTS, VERSION, DNS)


def role(*routes: str, api_key: str = KEY) -> Role:
    return Role(api_key=api_key, routes=routes or EVERYTHING)


def connected(gluetun: GluetunSimulator, **connection: str) -> Any:
    return subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun", **connection)


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return state.state


def shown(hass: HomeAssistant) -> tuple[str, ...]:
    """Return what the entities say: connected, status, address, country and port."""
    return tuple(
        value(hass, entity_id)
        for entity_id in (
            "binary_sensor.gluetun_vpn",
            "sensor.gluetun_vpn_status",
            "sensor.gluetun_public_ip_address",
            "sensor.gluetun_country",
            "sensor.gluetun_forwarded_port",
        )
    )


def snapshot(entry: Any) -> VpnSnapshot:
    read: VpnSnapshot = entry.runtime_data.backends[GLUETUN_ID].data
    return read


def asked(gluetun: GluetunSimulator) -> list[str]:
    """Return what was asked since this was called last."""
    seen = [f"{request.method} {request.path}" for request in gluetun.requests]
    gluetun.requests.clear()
    return seen


# --- the form --------------------------------------------------------------------------------------------------------

BASIC = Role(auth="basic", username="home", password="hunter two", routes=EVERYTHING)

LOGINS: dict[str, tuple[Role, dict[str, str]]] = {
    "a key": (role(), {"api_key": KEY}),
    "a login": (BASIC, {"username": "home", "password": "hunter two"}),
    "nothing": (Role(auth="none", routes=EVERYTHING), {}),
}


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
async def test_it_is_added_and_changed(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, login: tuple[Role, dict[str, str]]
) -> None:
    given, typed = login
    gluetun.configure([given])
    entry = await set_up()
    result = await add_backend(hass, entry, "gluetun")
    assert step(result) == form("user")
    assert fields(result) == ["url", "username", "password", "api_key", "verify_ssl"]
    await submit_backend(hass, result, url=gluetun.url, verify_ssl=True, **typed)
    added = by_title(entry)["Gluetun"]
    assert added.data["connection"] == {"url": gluetun.url, "verify_ssl": True, **typed}
    assert shown(hass) == ("on", "running", "45.83.220.11", "Netherlands", "50007")

    result = await entry.start_subentry_reconfigure_flow(hass, added.subentry_id)
    await submit_backend(hass, result, url=f"{gluetun.url}/", verify_ssl=True, **typed)
    assert by_title(entry)["Gluetun"].data["connection"] == {"url": gluetun.url, "verify_ssl": True, **typed}


REFUSED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "nothing": ({}, {"username": "login_needed"}),
    "another key": ({"api_key": "else"}, {"api_key": "invalid_key"}),
    "another login": ({"username": "home", "password": "else"}, {"password": "invalid_auth"}),
    "a name with a colon": ({"username": "home:sweet", "password": "else"}, {"password": "invalid_auth"}),
}


@pytest.mark.parametrize(("typed", "errors"), REFUSED.values(), ids=REFUSED)
async def test_refused_credentials(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, typed: dict[str, str], errors: dict[str, str]
) -> None:
    gluetun.configure([role()])
    entry = await set_up()
    result = await add_backend(hass, entry, "gluetun")
    result = await submit_backend(hass, result, url=gluetun.url, verify_ssl=True, **typed)
    assert result["errors"] == errors
    await submit_backend(hass, result, url=gluetun.url, verify_ssl=True, api_key=KEY)
    assert by_title(entry).keys() == {"Gluetun"}


async def test_a_key_that_opens_only_what_tells_nothing_of_the_vpn_is_refused(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    gluetun.configure([role(STATUS, ADDRESS, PORTS), Role(auth="none", routes=(VERSION, DNS))])
    entry = await set_up()
    result = await add_backend(hass, entry, "gluetun")
    result = await submit_backend(hass, result, url=gluetun.url, verify_ssl=True, api_key="else")
    assert result["errors"] == {"api_key": "invalid_key"}
    await submit_backend(hass, result, url=gluetun.url, verify_ssl=True, api_key=KEY)
    assert by_title(entry).keys() == {"Gluetun"}


@dataclass(frozen=True)
class Trouble:
    """Something between Gluetun and us, and where and how the form says so."""

    kind: FaultKind
    where: str
    said: str
    status: int = 500


TROUBLES = {
    "server error": Trouble(FaultKind.STATUS, "base", "unexpected_response"),
    "not there": Trouble(FaultKind.STATUS, "url", "not_found", status=404),
    "too many": Trouble(FaultKind.STATUS, "base", "rate_limited", status=429),
    "a web page": Trouble(FaultKind.HTML, "url", "not_the_api"),
    "cut off": Trouble(FaultKind.DISCONNECT, "url", "no_answer"),
    "half an answer": Trouble(FaultKind.TRUNCATE, "base", "unexpected_response"),
    "half a document": Trouble(FaultKind.TRUNCATE_JSON, "base", "unexpected_response"),
    "other types": Trouble(FaultKind.WRONG_TYPES, "base", "unexpected_response"),
    "endless": Trouble(FaultKind.HUGE, "base", "unexpected_response"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_every_error_of_the_form_can_be_recovered_from(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, trouble: Trouble
) -> None:
    entry = await set_up()
    gluetun.fault(trouble.kind, status=trouble.status)
    result = await add_backend(hass, entry, "gluetun")
    result = await submit_backend(hass, result, url=gluetun.url, verify_ssl=True)
    assert result["errors"] == {trouble.where: trouble.said}
    gluetun.clear_faults()
    await gluetun.refuse()
    result = await submit_backend(hass, result, url=gluetun.url, verify_ssl=True)
    assert result["errors"] == {"url": "refused"}
    await gluetun.accept()
    await submit_backend(hass, result, url=gluetun.url, verify_ssl=True)
    assert by_title(entry).keys() == {"Gluetun"}


@pytest.mark.parametrize("version", GENERATIONS)
@pytest.mark.parametrize("roles", [[], [role()], [BASIC]], ids=["none", "key", "login"])
async def test_every_version_is_recognised_without_credentials(
    hass: HomeAssistant, version: str, roles: list[Role]
) -> None:
    known = GENERATIONS[version].routes
    fitting = [Role(auth=each.auth, api_key=KEY, routes=tuple(known & {*each.routes})) for each in roles]
    async with GluetunSimulator(version, roles=fitting) as gluetun:
        assert await discovery.probe(hass, GLUETUN, gluetun.url)


async def test_it_is_found_on_its_usual_port(hass: HomeAssistant, gluetun: GluetunSimulator) -> None:
    assert GLUETUN.default_port == 8000
    gluetun.configure([role()])
    with usual_ports(gluetun=gluetun.port):
        assert await discovery.scan(hass, "127.0.0.1") == (discovery.Found(kind="gluetun", url=gluetun.url),)


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, '{"version": "1.2"}'), (200, "OK"), (401, ""), (401, '{"error": "Unauthorized"}'), (404, "Not Found\n")],
)
def test_others_are_not_taken_for_it(status: int, body: str) -> None:
    assert not sniffed(status, body)


# --- at work ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", GENERATIONS)
async def test_every_version_shows_the_same(hass: HomeAssistant, set_up: SetUp, version: str) -> None:
    routes = tuple(GENERATIONS[version].routes)
    roles = [] if version == "3.38" else [Role(auth="none", routes=routes)]
    async with GluetunSimulator(version, roles=roles) as gluetun:
        entry = await set_up(connected(gluetun))
        assert shown(hass) == ("on", "running", "45.83.220.11", "Netherlands", "50007")
        assert value(hass, "sensor.gluetun_version") == GENERATIONS[version].version
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, GLUETUN_ID), HUB_ID)
        assert device is not None
        assert (device.name, device.manufacturer, device.sw_version) == (
            "Gluetun",
            "qdm12",
            GENERATIONS[version].version,
        )
        assert snapshot(entry).dns_status is VpnStatus.RUNNING
        assert snapshot(entry).organization == "AS64500 Tunnel Works"
        assert snapshot(entry).refused == frozenset()


async def test_what_is_off_at_first(hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp) -> None:
    await set_up(connected(gluetun))
    entries = er.async_entries_for_config_entry(er.async_get(hass), HUB_ID)
    off = {each.translation_key for each in entries if each.disabled and each.unique_id.startswith(GLUETUN_ID)}
    assert off == {"vpn", "vpn_city", "latency", "vpn_latency", "vpn_throughput"}


async def test_a_new_container_comes_up_step_by_step(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """It is looked at more often until its address and then its ports are there."""
    gluetun.recreate()
    entry = await set_up(connected(gluetun))
    seen = [shown(hass)]
    for _ in range(5):
        await pass_time(SETTLING_INTERVAL)
        seen.append(shown(hass))
    up = ("on", "running", "45.83.221.12", "Netherlands")
    nowhere = ("unknown", "unknown", "unknown")
    assert seen == [
        ("off", "starting", *nowhere),
        ("unknown", "running", *nowhere),
        ("unknown", "running", *nowhere),
        ("unknown", "running", *nowhere),
        (*up, "unknown"),
        (*up, "unknown"),
    ]
    assert not snapshot(entry).settling
    await pass_time(INTERVAL)
    assert shown(hass) == (*up, "50014")


async def test_a_reconnect_brings_another_port_within_seconds(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(connected(gluetun))
    gluetun.tunnel.reconnect()
    await pass_time(INTERVAL)  # the address is there, the port by chance too
    assert shown(hass) == ("on", "running", "45.83.221.12", "Netherlands", "50014")
    gluetun.tunnel.forwarding = timedelta(seconds=11)
    gluetun.tunnel.reconnect()
    await pass_time(INTERVAL)
    assert shown(hass)[-1] == "unknown"
    await pass_time(SETTLING_INTERVAL, 3)
    assert shown(hass)[-1] == "50021"


async def test_ports_change_end_and_are_several(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(connected(gluetun))
    for ports, first in (((5914, 6000), "5914"), ((6000,), "6000"), ((), "unknown"), ((0,), "unknown"), ((1,), "1")):
        gluetun.tunnel.change_ports(*ports)
        await pass_time(INTERVAL)
        assert shown(hass)[-1] == first
        assert snapshot(entry).ports == tuple(port for port in ports if port)
        assert snapshot(entry).knows_ports


async def test_a_crash_and_a_stop(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(connected(gluetun))
    gluetun.tunnel.crash()
    await pass_time(INTERVAL)
    assert shown(hass) == ("off", "crashed", "unknown", "unknown", "unknown")
    await pass_time(INTERVAL, 2)
    assert shown(hass)[:2] == ("on", "running")
    gluetun.tunnel.apply("stopped")
    await pass_time(INTERVAL)
    assert shown(hass)[:2] == ("off", "stopped")


async def test_a_status_from_the_future_is_unknown(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(connected(gluetun))
    gluetun.tunnel.status = "hibernating"
    await pass_time(INTERVAL)
    assert shown(hass)[:2] == ("unknown", "unknown")


async def test_without_its_own_address_the_status_has_to_do(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Its look-up is off: it is waited for a minute, and not asked more often for ever."""
    gluetun.looks_up_address = False
    entry = await set_up(connected(gluetun))
    assert (shown(hass)[0], snapshot(entry).settling) == ("unknown", True)
    await pass_time(SETTLING_INTERVAL, 30)
    assert (shown(hass)[:3], snapshot(entry).settling) == (("on", "running", "unknown"), False)
    asked(gluetun)
    await pass_time(SETTLING_INTERVAL, 10)
    assert asked(gluetun).count(STATUS) == 2


async def test_little_is_asked(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Gluetun writes each question into its log."""
    await set_up(connected(gluetun))
    asked(gluetun)
    await pass_time(INTERVAL, 3)
    assert asked(gluetun) == [STATUS, ADDRESS, PORTS] * 3
    await pass_time(INTERVAL, 30)
    assert asked(gluetun).count(VERSION) == 1


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_while_it_fails_it_is_away(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime, trouble: Trouble
) -> None:
    entry = await set_up(connected(gluetun))
    gluetun.fault(trouble.kind, status=trouble.status)
    await pass_time(timedelta(minutes=1), 7)
    assert value(hass, "binary_sensor.gluetun_vpn") == "unavailable"
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{GLUETUN_ID}") is not None
    assert asked_for(hass) == []
    gluetun.clear_faults()
    await pass_time(timedelta(minutes=3))
    assert shown(hass)[:2] == ("on", "running")
    assert entry.runtime_data.backends[GLUETUN_ID].answering


# --- roles -----------------------------------------------------------------------------------------------------------

PARTLY: dict[str, tuple[str, tuple[str, ...], set[VpnRoute], tuple[str, ...]]] = {
    # version, routes of the role, what is refused, and what is shown
    "all but the ports": (
        "3.41",
        (STATUS, ADDRESS, VERSION, DNS),
        {VpnRoute.PORTS},
        ("on", "running", "45.83.220.11", "Netherlands", "unknown"),
    ),
    "the older route of a newer version": (
        "3.41",
        (STATUS, ADDRESS, OLD_PORTS, VERSION, DNS),
        {VpnRoute.PORTS},
        ("on", "running", "45.83.220.11", "Netherlands", "unknown"),
    ),
    "the ports of an older version": (
        "3.40",
        (STATUS, ADDRESS, VERSION, DNS),
        {VpnRoute.PORTS_BEFORE_3_41},
        ("on", "running", "45.83.220.11", "Netherlands", "unknown"),
    ),
    "the ports of no version": (
        "3.40",
        (STATUS, ADDRESS),
        {VpnRoute.PORTS, VpnRoute.PORTS_BEFORE_3_41, VpnRoute.VERSION, VpnRoute.DNS},
        ("on", "running", "45.83.220.11", "Netherlands", "unknown"),
    ),
    "the ports of the development version": (
        "2026-05",
        (STATUS, ADDRESS, VERSION, DNS),
        {VpnRoute.PORTS},
        ("on", "running", "45.83.220.11", "Netherlands", "unknown"),
    ),
    "the status alone": (
        "3.41",
        (STATUS, VERSION),
        {VpnRoute.PORTS, VpnRoute.PUBLIC_IP, VpnRoute.DNS},
        ("on", "running", "unknown", "unknown", "unknown"),
    ),
    "all but the status": (
        "3.41",
        (ADDRESS, PORTS, VERSION, DNS),
        {VpnRoute.STATUS},
        ("unknown", "unknown", "45.83.220.11", "Netherlands", "50007"),
    ),
}


@pytest.mark.parametrize("case", PARTLY.values(), ids=PARTLY)
async def test_a_closed_route_takes_nothing_else_away(
    hass: HomeAssistant,
    set_up: SetUp,
    pass_time: PassTime,
    case: tuple[str, tuple[str, ...], set[VpnRoute], tuple[str, ...]],
) -> None:
    version, routes, refused, says = case
    async with GluetunSimulator(version, roles=[role(*routes)]) as gluetun:
        entry = await set_up(connected(gluetun, api_key=KEY))
        assert shown(hass) == says
        assert snapshot(entry).refused == refused
        assert snapshot(entry).knows_ports is (says[-1] != "unknown")
        asked(gluetun)
        await pass_time(INTERVAL)
        assert not {*asked(gluetun)} & {each.value for each in refused}  # what is closed is not tried each time
        assert shown(hass) == says
        assert asked_for(hass) == []

        gluetun.configure([role(*(GENERATIONS[version].routes & {*EVERYTHING, OLD_PORTS}))])
        await pass_time(SLOW_INTERVAL)
        assert shown(hass) == ("on", "running", "45.83.220.11", "Netherlands", "50007")
        assert snapshot(entry).refused == frozenset()


async def test_a_version_that_is_not_told_is_unknown(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    gluetun.configure([role(STATUS)])
    await set_up(connected(gluetun, api_key=KEY))
    assert value(hass, "sensor.gluetun_version") == "unknown"


async def test_a_route_that_fails_beside_the_others(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    gluetun.fault(FaultKind.STATUS, VERSION, status=500)
    gluetun.fault(FaultKind.TRUNCATE, DNS)
    entry = await set_up(connected(gluetun))
    assert shown(hass)[:2] == ("on", "running")
    assert (snapshot(entry).version, snapshot(entry).dns_status) == ("", None)
    gluetun.clear_faults()
    await pass_time(SLOW_INTERVAL)
    assert (snapshot(entry).version, snapshot(entry).dns_status) == ("v3.41.1", VpnStatus.RUNNING)


async def test_other_roles_are_asked_for_and_the_new_key_works(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    gluetun.configure([role()])
    entry = await set_up(connected(gluetun, api_key=KEY))
    gluetun.configure([role(STATUS, VERSION), role(ADDRESS, PORTS, DNS, api_key="new")])
    await pass_time(INTERVAL)
    assert shown(hass) == ("on", "running", "unknown", "unknown", "unknown")  # no failure yet
    assert asked_for(hass) == []

    gluetun.configure([role(api_key="new")])
    await pass_time(INTERVAL)
    assert value(hass, "binary_sensor.gluetun_vpn") == "unavailable"
    assert asked_for(hass) == ["Gluetun"]
    result = reauth_form(hass)
    assert (step(result), fields(result)) == (form("reauth_confirm"), ["username", "password", "api_key"])
    result = await submit(hass, result)
    assert result["errors"] == {"username": "login_needed"}
    result = await submit(hass, result, api_key="else")
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await submit(hass, result, api_key="new")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.subentries[GLUETUN_ID].data["connection"]["api_key"] == "new"
    assert shown(hass) == ("on", "running", "45.83.220.11", "Netherlands", "50007")
    assert asked_for(hass) == []


@pytest.mark.parametrize("connection", [{"api_key": KEY}, {"username": "home", "password": "hunter two"}])
async def test_what_is_put_right_at_gluetun_is_noticed_within_minutes_and_little_is_asked_until_then(
    connection: dict[str, str], hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """There is no session, and nobody is banned: so it need not wait an hour, as a login elsewhere has to."""
    right = role() if "api_key" in connection else BASIC
    gluetun.configure([right])
    await set_up(connected(gluetun, **connection))
    gluetun.configure([role(api_key="another")])
    await pass_time(INTERVAL)
    assert value(hass, "binary_sensor.gluetun_vpn") == "unavailable"
    asked(gluetun)
    await pass_time(timedelta(seconds=10), times=360)
    # a line of its log for each: the state, the address, and the port by the routes of all versions
    assert 4 * 20 <= len(asked(gluetun)) <= 4 * 36
    gluetun.configure([right])
    await pass_time(timedelta(seconds=10), times=15)
    assert shown(hass) == ("on", "running", "45.83.220.11", "Netherlands", "50007")
    assert asked_for(hass) == []


# --- the switch ------------------------------------------------------------------------------------------------------


async def turn(hass: HomeAssistant, position: str) -> None:
    await hass.services.async_call(SWITCH, f"turn_{position}", {"entity_id": "switch.gluetun_vpn"}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_it_is_stopped_and_started(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, pass_time: PassTime, all_entities_enabled: None
) -> None:
    await set_up(connected(gluetun))
    assert value(hass, "switch.gluetun_vpn") == "on"
    assert value(hass, "sensor.gluetun_city") == "Amsterdam"
    await turn(hass, "off")
    assert (value(hass, "switch.gluetun_vpn"), shown(hass)[:2]) == ("off", ("off", "stopped"))
    await turn(hass, "on")
    assert (value(hass, "switch.gluetun_vpn"), shown(hass)[:2]) == ("on", ("unknown", "running"))
    await pass_time(SETTLING_INTERVAL, 3)
    assert shown(hass)[:3] == ("on", "running", "45.83.221.12")


async def test_what_crashed_is_on_and_says_that_it_cannot_be_stopped(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, all_entities_enabled: None
) -> None:
    await set_up(connected(gluetun))
    gluetun.tunnel.crash()
    with pytest.raises(HomeAssistantError, match="already crashed"):
        await turn(hass, "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert value(hass, "switch.gluetun_vpn") == "on"


async def test_a_role_without_the_right_to_switch(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, all_entities_enabled: None
) -> None:
    gluetun.configure([role()])
    await set_up(connected(gluetun, api_key=KEY))
    with pytest.raises(HomeAssistantError, match="PUT /v1/vpn/status is closed"):
        await turn(hass, "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (value(hass, "switch.gluetun_vpn"), asked_for(hass)) == ("on", [])


async def test_without_the_status_its_position_is_unknown(
    hass: HomeAssistant, gluetun: GluetunSimulator, set_up: SetUp, all_entities_enabled: None
) -> None:
    gluetun.configure([role(ADDRESS)])
    await set_up(connected(gluetun, api_key=KEY))
    assert value(hass, "switch.gluetun_vpn") == "unknown"
