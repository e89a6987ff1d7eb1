"""Gluetun's client against its four generations: roles, routes, shapes, and what it is asked to do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
import json
import logging
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.gluetun import GluetunClient
from custom_components.sokoul.model.vpn import Egress, ServerSelection, VpnStatus
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.gluetun import GENERATIONS, PRIVATE_KEY, PROVIDER_PASSWORD, GluetunSimulator, Role

from .canned import Canned

KEY = "a-key-of-gluetun-0123456789"
USER, PASSWORD = "home", "größer: als gedacht"
READING = ("GET /v1/version", "GET /v1/vpn/status", "GET /v1/publicip/ip", "GET /v1/dns/status")
OLD_PORTS, NEW_PORTS = "GET /v1/openvpn/portforwarded", "GET /v1/portforward"

type Start = Callable[..., AbstractAsyncContextManager[GluetunSimulator]]


@pytest.fixture
def start(socket_enabled: None, clock: ManualClock) -> Start:
    @asynccontextmanager
    async def started(version: str = "3.41", **options: Any) -> AsyncIterator[GluetunSimulator]:
        async with GluetunSimulator(version, clock=clock, **options) as simulator:
            yield simulator

    return started


@pytest.fixture
async def gluetun(start: Start) -> AsyncIterator[GluetunSimulator]:
    async with start("2026-05", default_role=Role(auth="none")) as simulator:
        yield simulator


@pytest.fixture
def client(session: ClientSession, gluetun: GluetunSimulator) -> GluetunClient:
    return GluetunClient(session, gluetun.url, timeout_seconds=5)


def asked(gluetun: GluetunSimulator) -> list[str]:
    return [f"{request.method} {request.path}" for request in gluetun.requests]


def sent(gluetun: GluetunSimulator, route: str) -> list[Any]:
    return [each.json() for each in gluetun.requests if f"{each.method} {each.path}" == route]


# --- reading ---------------------------------------------------------------------------------------------------------


def open_to_all(version: str) -> dict[str, Any]:
    """Return what makes every route of a version open to all."""
    return {} if version == "3.38" else {"roles": [Role(auth="none", routes=tuple(GENERATIONS[version].routes))]}


@pytest.mark.parametrize("vpn", ["wireguard", "openvpn"])
@pytest.mark.parametrize("version", GENERATIONS)
async def test_every_version_tells_the_same(start: Start, session: ClientSession, version: str, vpn: str) -> None:
    async with start(version, vpn=vpn, **open_to_all(version)) as gluetun:
        client = GluetunClient(session, gluetun.url)
        assert await client.version() == GENERATIONS[version].version
        assert await client.status() is VpnStatus.RUNNING
        assert await client.dns_status() is VpnStatus.RUNNING
        assert await client.egress() == Egress(
            address="45.83.220.11",
            country="Netherlands",
            region="Europe",
            city="Amsterdam",
            organization="AS64500 Tunnel Works",
        )
        assert await client.ports() == (50_007,)
        assert await client.selection() == ServerSelection(countries=("Netherlands",))


@pytest.mark.parametrize("version", GENERATIONS)
@pytest.mark.parametrize("ports", [(), (5914,), (5914, 40_000, 40_001), (0,)])
async def test_ports_in_the_shape_of_each_version(
    start: Start, session: ClientSession, version: str, ports: tuple[int, ...]
) -> None:
    async with start(version, **open_to_all(version)) as gluetun:
        gluetun.tunnel.change_ports(*ports)
        known = ports[:1] if version == "3.38" else ports  # which forwards one at most
        assert await GluetunClient(session, gluetun.url).ports() == tuple(port for port in known if port)


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ({"port": 5914}, (5914,)),
        ({"port": 5914.0}, (5914,)),
        ({"port": 0}, ()),
        ({"ports": [5914, 5915]}, (5914, 5915)),
        ({"port": 5914, "ports": [5914, 5915, 5914]}, (5914, 5915)),
        ({"port": 0, "ports": None}, ()),
        ({"port": 0, "ports": []}, ()),
        ({"ports": [0, 5914]}, (5914,)),
        ({"port": 5914, "ports": None, "expires": "later"}, (5914,)),
    ],
)
async def test_each_way_to_write_ports(session: ClientSession, written: Any, ports: tuple[int, ...]) -> None:
    async with Canned({NEW_PORTS: written}) as server:
        assert await GluetunClient(session, server.url).ports() == ports


@pytest.mark.parametrize(
    "written",
    [{}, {"port": None}, {"port": "5914"}, {"port": -1}, {"port": 65_536}, {"port": True}, {"ports": 5914},
     {"ports": ["5914"]}, {"ports": [5914, 70_000]}, [], 5914, None],
)  # fmt: skip
async def test_what_are_no_ports(session: ClientSession, written: Any) -> None:
    async with Canned({NEW_PORTS: written}) as server:
        with pytest.raises(UnexpectedResponse):
            await GluetunClient(session, server.url).ports()


@pytest.mark.parametrize(
    ("written", "address"),
    [("", None), ("45.83.220.11", "45.83.220.11"), ("2A0D:5600:8:1:0:0:0:14", "2a0d:5600:8:1::14")],
)
async def test_an_address_has_its_usual_form(session: ClientSession, written: str, address: str | None) -> None:
    async with Canned({"GET /v1/publicip/ip": {"public_ip": written}}) as server:
        assert await GluetunClient(session, server.url).egress() == Egress(address=address)


@pytest.mark.parametrize("written", ["unknown", "45.83.220", "45.83.220.11, 10.0.0.1", 5, ["45.83.220.11"]])
async def test_what_is_no_address(session: ClientSession, written: Any) -> None:
    async with Canned({"GET /v1/publicip/ip": {"public_ip": written}}) as server:
        with pytest.raises(UnexpectedResponse):
            await GluetunClient(session, server.url).egress()


async def test_a_status_from_the_future(client: GluetunClient, gluetun: GluetunSimulator) -> None:
    gluetun.tunnel.status = "hibernating"
    assert await client.status() is VpnStatus.UNKNOWN


async def test_a_connection_comes_up_step_by_step(
    client: GluetunClient, gluetun: GluetunSimulator, clock: ManualClock
) -> None:
    gluetun.recreate()
    seen = []
    for _ in range(10):
        egress = await client.egress()
        seen.append((await client.status(), egress.address is not None, bool(await client.ports())))
        clock.advance(timedelta(seconds=1))
    assert seen == [
        *[(VpnStatus.STARTING, False, False)] * 2,
        *[(VpnStatus.RUNNING, False, False)] * 5,
        *[(VpnStatus.RUNNING, True, False)] * 2,
        (VpnStatus.RUNNING, True, True),
    ]


# --- credentials -----------------------------------------------------------------------------------------------------

KEY_ROLE = Role(api_key=KEY, routes=(*READING, OLD_PORTS, NEW_PORTS))
BASIC_ROLE = Role(auth="basic", username=USER, password=PASSWORD, routes=KEY_ROLE.routes)


@dataclass(frozen=True)
class Access:
    """A role, what is sent, and whether that is let in."""

    role: Role
    api_key: str = ""
    login: tuple[str, str] = ("", "")
    let_in: bool = True


ACCESS = {
    "the key": Access(KEY_ROLE, api_key=KEY),
    "another key": Access(KEY_ROLE, api_key="else", let_in=False),
    "no key": Access(KEY_ROLE, let_in=False),
    "a login instead of a key": Access(KEY_ROLE, login=(USER, KEY), let_in=False),
    "the login": Access(BASIC_ROLE, login=(USER, PASSWORD)),
    "another password": Access(BASIC_ROLE, login=(USER, "else"), let_in=False),
    "no login": Access(BASIC_ROLE, let_in=False),
    "a key instead of a login": Access(BASIC_ROLE, api_key=KEY, let_in=False),
    "open": Access(Role(auth="none", routes=KEY_ROLE.routes)),
    "open, and a key": Access(Role(auth="none", routes=KEY_ROLE.routes), api_key=KEY),
}


@pytest.mark.parametrize("access", ACCESS.values(), ids=ACCESS)
async def test_roles_let_in_by_key_by_login_or_everybody(start: Start, session: ClientSession, access: Access) -> None:
    async with start(roles=[access.role]) as gluetun:
        username, password = access.login
        client = GluetunClient(session, gluetun.url, api_key=access.api_key, username=username, password=password)
        reads: tuple[Callable[[], Awaitable[object]], ...] = (
            client.version, client.status, client.egress, client.dns_status, client.ports
        )  # fmt: skip
        for read in reads:
            if access.let_in:
                await read()
                continue
            with pytest.raises(InvalidAuth):
                await read()


async def test_a_default_role_covers_what_no_other_names(start: Start, session: ClientSession) -> None:
    closed = Role(api_key="another", routes=("GET /v1/publicip/ip",))
    async with start(roles=[closed], default_role=Role(api_key=KEY)) as gluetun:
        client = GluetunClient(session, gluetun.url, api_key=KEY)
        assert await client.status() is VpnStatus.RUNNING
        assert await client.ports() == (50_007,)
        with pytest.raises(InvalidAuth):
            await client.egress()


@pytest.mark.parametrize(
    ("version", "ports"), [("3.38", (50_007,)), ("3.40", (50_007,)), ("3.41", (50_007,)), ("2026-05", None)]
)
async def test_without_roles(start: Start, session: ClientSession, version: str, ports: tuple[int, ...] | None) -> None:
    async with start(version) as gluetun:
        client = GluetunClient(session, gluetun.url)
        if ports is not None:
            assert await client.ports() == ports
            return
        with pytest.raises(InvalidAuth):
            await client.ports()


async def test_a_role_takes_the_others_away_from_the_public(start: Start, session: ClientSession) -> None:
    async with start(roles=[Role(auth="none", routes=("GET /v1/vpn/status",))]) as gluetun:
        client = GluetunClient(session, gluetun.url)
        assert await client.status() is VpnStatus.RUNNING
        for read in (client.version, client.egress, client.dns_status, client.ports):
            with pytest.raises(InvalidAuth):
                await read()


@pytest.mark.parametrize("username", ["a:b", "a\nb"])
async def test_a_name_that_cannot_be_sent(session: ClientSession, username: str) -> None:
    async with Canned({}) as server:
        try:
            client = GluetunClient(session, server.url, username=username, password="x")
        except InvalidAuth:
            assert ":" in username
        else:  # it is encoded
            with pytest.raises(NotFound):
                await client.status()


# --- which route tells the ports -------------------------------------------------------------------------------------

PORT_ROLES = {
    # version, routes of the role, what is read, what is asked the first and the second time
    "3.38 has the old one": ("3.38", None, True, [NEW_PORTS, OLD_PORTS, OLD_PORTS]),
    "3.40 has the old one": ("3.40", [OLD_PORTS], True, [NEW_PORTS, OLD_PORTS, OLD_PORTS]),
    "3.41 has the new one": ("3.41", [NEW_PORTS], True, [NEW_PORTS, NEW_PORTS]),
    # the redirect of the old one leads to the new one, which needs a role itself
    "3.41, the old one alone": ("3.41", [OLD_PORTS], False, [NEW_PORTS, OLD_PORTS, NEW_PORTS] * 2),
    "3.41, neither": ("3.41", ["GET /v1/version"], False, [NEW_PORTS, OLD_PORTS] * 2),
    "3.40, neither": ("3.40", ["GET /v1/version"], False, [NEW_PORTS, OLD_PORTS] * 2),
    "development": ("2026-05", [NEW_PORTS, OLD_PORTS], True, [NEW_PORTS, NEW_PORTS]),
}


@pytest.mark.parametrize("case", PORT_ROLES.values(), ids=PORT_ROLES)
async def test_ports_are_read_where_they_are(
    start: Start, session: ClientSession, case: tuple[str, list[str] | None, bool, list[str]]
) -> None:
    version, routes, readable, requests = case
    roles = [] if routes is None else [Role(api_key=KEY, routes=tuple(routes))]
    async with start(version, roles=roles) as gluetun:
        client = GluetunClient(session, gluetun.url, api_key=KEY)
        for _ in range(2):
            if readable:
                assert await client.ports() == (50_007,)
                continue
            with pytest.raises(InvalidAuth):
                await client.ports()
        assert asked(gluetun) == requests


async def test_another_version_is_noticed(start: Start, session: ClientSession) -> None:
    async with start("3.40") as gluetun:
        client = GluetunClient(session, gluetun.url)
        await client.ports()
        for version in ("3.41", "3.38"):
            async with start(version) as other:
                gluetun.generation, gluetun._handlers, gluetun._roles = other.generation, other._handlers, other._roles
                assert await client.ports() == other.tunnel.ports


async def test_a_version_without_ports(session: ClientSession) -> None:
    async with Canned({}) as server:
        with pytest.raises(NotFound, match="no forwarded ports"):
            await GluetunClient(session, server.url).ports()


# --- acting ----------------------------------------------------------------------------------------------------------


async def test_it_is_stopped_and_started(client: GluetunClient, gluetun: GluetunSimulator, clock: ManualClock) -> None:
    await client.stop()
    assert await client.status() is VpnStatus.STOPPED
    assert await client.egress() == Egress()
    assert await client.ports() == ()
    await client.stop()  # it stays so
    await client.start()
    assert (await client.status(), (await client.egress()).address) == (VpnStatus.RUNNING, None)
    await client.start()
    clock.advance(timedelta(seconds=7))
    assert (await client.egress()).address == "45.83.221.12"
    assert await client.ports() == (50_014,)
    statuses = [each["status"] for each in sent(gluetun, "PUT /v1/vpn/status")]
    assert statuses == ["stopped", "stopped", "running", "running"]


async def test_what_crashed_tries_again_by_itself_only(
    client: GluetunClient, gluetun: GluetunSimulator, clock: ManualClock
) -> None:
    gluetun.tunnel.crash()
    assert await client.status() is VpnStatus.CRASHED
    with pytest.raises(Refused, match="already crashed"):
        await client.start()
    with pytest.raises(Refused, match="already crashed"):
        await client.stop()
    clock.advance(timedelta(seconds=15))
    assert await client.status() is VpnStatus.RUNNING


async def test_a_start_that_fails_is_said(client: GluetunClient, gluetun: GluetunSimulator) -> None:
    await client.stop()
    gluetun.tunnel.failing = True
    with pytest.raises(Refused, match="it is crashed"):
        await client.start()


@pytest.mark.parametrize("version", GENERATIONS)
async def test_another_country_without_what_was_left_of_the_last(
    start: Start, session: ClientSession, clock: ManualClock, version: str
) -> None:
    async with start(version, **open_to_all(version)) as gluetun:
        client = GluetunClient(session, gluetun.url)
        await client.select(ServerSelection(countries=("Netherlands",), cities=("Rotterdam",)))
        await client.select(ServerSelection(countries=("sweden",)))
        clock.advance(timedelta(seconds=5))
        assert (await client.egress()).country == "Sweden"
        assert await client.selection() == ServerSelection(countries=("sweden",))
        await client.select(ServerSelection(countries=("sweden",)))  # unchanged: no reconnect
        assert (await client.egress()).country == "Sweden"

        gluetun.recreate()
        clock.advance(timedelta(seconds=9))
        assert (await client.egress()).country == "Netherlands"


@pytest.mark.parametrize("version", GENERATIONS)
async def test_an_unknown_name_is_refused_and_nothing_changes(
    start: Start, session: ClientSession, version: str
) -> None:
    async with start(version, **open_to_all(version)) as gluetun:
        client = GluetunClient(session, gluetun.url)
        with pytest.raises(Refused, match="country specified is not valid"):
            await client.select(ServerSelection(countries=("Atlantis",)))
        assert (await client.egress()).country == "Netherlands"


async def test_names_that_fit_no_server_are_taken_and_then_it_crashes(
    client: GluetunClient, gluetun: GluetunSimulator, clock: ManualClock
) -> None:
    with pytest.raises(Refused, match="it is crashed"):
        await client.select(ServerSelection(countries=("Sweden",), cities=("Amsterdam",)))
    assert await client.status() is VpnStatus.CRASHED
    with pytest.raises(Refused, match="already crashed"):  # taken for the next try
        await client.select(ServerSelection(countries=("Sweden",)))
    clock.advance(timedelta(seconds=35))
    assert (await client.egress()).country == "Sweden"


# --- secrets ---------------------------------------------------------------------------------------------------------


async def test_nothing_of_the_settings_but_the_selection_is_kept_or_told(
    client: GluetunClient, gluetun: GluetunSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [str(await client.selection())]
    for kind in (FaultKind.WRONG_TYPES, FaultKind.TRUNCATE_JSON, FaultKind.TRUNCATE):
        gluetun.fault(kind)
        with pytest.raises(UnexpectedResponse) as caught:
            await client.selection()
        told += [str(caught.value), repr(caught.value)]
        gluetun.clear_faults()
    text = "\n".join(told) + caplog.text
    for secret in (PRIVATE_KEY, PROVIDER_PASSWORD):
        assert secret not in text


# --- faults ----------------------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[GluetunClient], Awaitable[object]]] = {
    "version": lambda client: client.version(),
    "status": lambda client: client.status(),
    "dns": lambda client: client.dns_status(),
    "egress": lambda client: client.egress(),
    "ports": lambda client: client.ports(),
    "selection": lambda client: client.selection(),
    "start": lambda client: client.start(),
    "stop": lambda client: client.stop(),
    "select": lambda client: client.select(ServerSelection(countries=("Sweden",))),
}

FAULTS: dict[str, tuple[FaultKind, dict[str, Any], type[BackendError]]] = {
    "hang": (FaultKind.HANG, {}, CannotConnect),
    "hang up": (FaultKind.DISCONNECT, {}, CannotConnect),
    "401": (FaultKind.STATUS, {"status": 401, "body": "Unauthorized\n"}, InvalidAuth),
    "403": (FaultKind.STATUS, {"status": 403}, InvalidAuth),
    "404": (FaultKind.STATUS, {"status": 404, "body": "Not Found\n"}, NotFound),
    "409": (FaultKind.STATUS, {"status": 409}, Refused),
    "429": (FaultKind.STATUS, {"status": 429}, RateLimited),
    "429, later": (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "7"}}, RateLimited),
    "500": (FaultKind.STATUS, {"status": 500, "body": "Internal Server Error\n"}, UnexpectedResponse),
    "502": (FaultKind.STATUS, {"status": 502}, UnexpectedResponse),
    "page": (FaultKind.HTML, {}, NotTheApi),
    "elsewhere": (FaultKind.REDIRECT, {"location": "https://other.example/"}, NotTheApi),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_of_every_call_is_one_of_the_errors(
    session: ClientSession, gluetun: GluetunSimulator, call: str, fault: str
) -> None:
    kind, options, error = FAULTS[fault]
    client = GluetunClient(session, gluetun.url, timeout_seconds=0.05 if kind is FaultKind.HANG else 5, act_seconds=0)
    gluetun.fault(kind, **options)
    with pytest.raises(error) as caught:
        await CALLS[call](client)
    if isinstance(caught.value, CannotConnect):
        assert caught.value.silence is (Silence.TIMEOUT if kind is FaultKind.HANG else Silence.CUT_OFF)
    if fault == "429, later":
        assert isinstance(caught.value, RateLimited)
        assert caught.value.retry_after == timedelta(seconds=7)


NONSENSE: dict[str, tuple[FaultKind, dict[str, Any]]] = {
    "text": (FaultKind.STATUS, {"status": 200, "body": "pong"}),
    "number": (FaultKind.STATUS, {"status": 200, "body": "5"}),
    "list": (FaultKind.STATUS, {"status": 200, "body": "[]"}),
    "nothing": (FaultKind.STATUS, {"status": 200, "body": ""}),
    "half": (FaultKind.STATUS, {"status": 200, "body": '{"status": "run'}),
    "cut off": (FaultKind.TRUNCATE, {}),
    "endless": (FaultKind.HUGE, {}),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", NONSENSE)
async def test_every_reading_of_nonsense_is_one_of_the_errors(
    client: GluetunClient, gluetun: GluetunSimulator, call: str, fault: str
) -> None:
    kind, options = NONSENSE[fault]
    gluetun.fault(kind, **options)
    with pytest.raises(UnexpectedResponse):
        await CALLS[call](client)
    gluetun.clear_faults()


@pytest.mark.parametrize("call", ["version", "egress", "ports", "selection", "start", "stop"])
async def test_wrong_types_are_an_unexpected_response(
    client: GluetunClient, gluetun: GluetunSimulator, call: str
) -> None:
    gluetun.fault(FaultKind.WRONG_TYPES)
    with pytest.raises(UnexpectedResponse):
        await CALLS[call](client)


@pytest.mark.parametrize(
    ("call", "missing"),
    [("version", "version"), ("ports", "port"), ("selection", "provider"), ("selection", "server_selection"),
     ("stop", "outcome")],
)  # fmt: skip
async def test_missing_fields_are_an_unexpected_response(
    session: ClientSession, start: Start, call: str, missing: str
) -> None:
    async with start("3.41", roles=open_to_all("3.41")["roles"]) as gluetun:
        gluetun.fault(FaultKind.MISSING_FIELDS, fields=(missing,))
        with pytest.raises(UnexpectedResponse, match=missing):
            await CALLS[call](GluetunClient(session, gluetun.url))


@pytest.mark.parametrize("call", ["status", "dns"])
async def test_a_status_that_is_missing_is_unknown(client: GluetunClient, gluetun: GluetunSimulator, call: str) -> None:
    gluetun.fault(FaultKind.MISSING_FIELDS, fields=("status",))
    assert await CALLS[call](client) is VpnStatus.UNKNOWN


@pytest.mark.parametrize("outcome", ["exploded", "already exploded", "", "running!"])
async def test_an_outcome_that_is_none(session: ClientSession, outcome: str) -> None:
    answers = {"PUT /v1/vpn/status": {"outcome": outcome}}
    async with Canned(answers) as server:
        with pytest.raises(UnexpectedResponse):
            await GluetunClient(session, server.url).start()


async def test_a_slow_answer_is_waited_for_when_something_is_done(session: ClientSession) -> None:
    client = GluetunClient(session, "http://nas:8000", timeout_seconds=7)
    patience: list[tuple[str, float | None]] = []

    async def request(method: str, path: str, **options: Any) -> None:
        patience.append((f"{method} {path}", options["timeout_seconds"]))
        raise Refused("enough", status=418)

    client._http.request = request  # type: ignore[method-assign,assignment]  # only what is handed over is looked at
    for call in ("status", "stop", "select"):
        with pytest.raises(Refused):
            await CALLS[call](client)
    assert patience == [("GET v1/vpn/status", None), ("PUT v1/vpn/status", 57), ("PUT v1/vpn/settings", 57)]


async def test_nobody_listens(session: ClientSession, gluetun: GluetunSimulator, client: GluetunClient) -> None:
    await gluetun.refuse()
    with pytest.raises(CannotConnect) as caught:
        await client.status()
    assert caught.value.silence is Silence.REFUSED


async def test_what_is_asked_names_no_secret(start: Start, session: ClientSession) -> None:
    async with start(roles=[KEY_ROLE]) as gluetun:
        client = GluetunClient(session, gluetun.url, api_key=KEY)
        await client.status()
        (request,) = gluetun.requests
        assert request.headers["X-API-Key"] == KEY
        assert KEY not in json.dumps([request.path, request.query])
