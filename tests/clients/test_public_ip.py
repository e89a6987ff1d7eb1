"""Asking for the public address: directly and through a VPN's proxy, over IPv4 and IPv6, and what is no answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
import pytest

from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotTheApi,
    RateLimited,
    Silence,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.public_ip import (
    SERVICES_V4,
    SERVICES_V6,
    IpVersion,
    PublicIpClient,
    proxy_login,
)
from custom_components.sokoul.model.vpn import SeenAddress
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.gluetun import VPN_SOURCE, GluetunSimulator
from devstack.ports import free_port
from devstack.public_ip import PublicIpSimulator

HOME, HOME_V6 = "81.2.69.142", "2001:4860:7:112::142"
VPN = "45.83.220.11"
USER, PASSWORD = "proxy", "grün"


@pytest.fixture
async def service(socket_enabled: None) -> AsyncIterator[PublicIpSimulator]:
    async with PublicIpSimulator(HOME) as simulator:
        simulator.addresses[VPN_SOURCE] = VPN
        yield simulator


@pytest.fixture
async def other(socket_enabled: None) -> AsyncIterator[PublicIpSimulator]:
    async with PublicIpSimulator(HOME) as simulator:
        yield simulator


def asking(session: ClientSession, *services: PublicIpSimulator | str, timeout_seconds: float = 5) -> PublicIpClient:
    urls = [each if isinstance(each, str) else each.url for each in services]
    return PublicIpClient(session, services_v4=urls, services_v6=urls, timeout_seconds=timeout_seconds)


async def error_of(client: PublicIpClient, version: IpVersion = IpVersion.V4) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await client.ask(version)
    return caught.value


async def all_said(client: PublicIpClient) -> list[str]:
    heard: list[str] = []
    await client.ask_all(lambda seen: heard.append(str(seen.address)))
    return heard


async def test_all_are_asked_at_once_and_who_fails_is_passed_over(
    session: ClientSession, service: PublicIpSimulator, other: PublicIpSimulator
) -> None:
    async with PublicIpSimulator(HOME_V6) as service_v6:
        other.lie = "none of your business"
        gone = f"http://127.0.0.1:{free_port()}"
        urls = [gone, service.url, other.url, service.url]
        client = PublicIpClient(session, services_v4=urls, services_v6=[service_v6.url, gone])
        assert sorted(await all_said(client)) == sorted([HOME, HOME, HOME_V6])


async def test_one_that_hangs_delays_no_other(
    session: ClientSession, service: PublicIpSimulator, other: PublicIpSimulator
) -> None:
    other.fault(FaultKind.HANG)
    heard = asyncio.Event()
    asking_all = asyncio.create_task(asking(session, other, service).ask_all(lambda _: heard.set()))
    async with asyncio.timeout(2):
        await heard.wait()
    assert not asking_all.done()
    asking_all.cancel()
    await asyncio.wait({asking_all})


async def test_where_nobody_answers_nothing_is_heard(session: ClientSession) -> None:
    assert await all_said(asking(session, f"http://127.0.0.1:{free_port()}")) == []


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "/", "?format=json", "/?format=json"])
async def test_in_text_and_in_json(session: ClientSession, service: PublicIpSimulator, suffix: str) -> None:
    seen = await asking(session, service.url + suffix).ask()
    assert (str(seen.address), seen.by) == (HOME, "127.0.0.1")
    assert 0 < seen.took_seconds < 5


@pytest.mark.parametrize(
    "said",
    [f" {HOME}\r\n", f'{{"ip": "{HOME}"}}', f'{{"ip_addr": "{HOME}", "port": 5}}', f'{{"address": "{HOME}"}}\n'],
)
async def test_other_ways_to_say_it(session: ClientSession, service: PublicIpSimulator, said: str) -> None:
    service.lie = said
    assert str((await asking(session, service).ask()).address) == HOME


async def test_ipv6_is_asked_for_apart(session: ClientSession, service: PublicIpSimulator) -> None:
    async with PublicIpSimulator(HOME_V6) as service_v6:
        client = PublicIpClient(session, services_v4=[service.url], services_v6=[service_v6.url])
        assert str((await client.ask(IpVersion.V6)).address) == HOME_V6
        assert str((await client.ask(IpVersion.V4)).address) == HOME
        service_v6.addresses.clear()  # a home without IPv6
        assert isinstance(await error_of(client, IpVersion.V6), CannotConnect)
        assert str((await client.ask(IpVersion.V4)).address) == HOME


NO_ANSWERS = {
    "nothing": "",
    "words": "could not determine your address",
    "two addresses": f"{HOME}, {VPN}",
    "a network": "81.2.69.0/24",
    "with a port": f"{HOME}:443",
    "a number": "1360152974",
    "an error in JSON": '{"error": "rate limit"}',
    "a list in JSON": f'["{HOME}"]',
    "a number in JSON": '{"ip": 5}',
    "half of JSON": '{"ip": "81.2',
    "of the other kind": HOME_V6,
    "private": "192.168.1.10",
    "of a carrier's network": "100.64.3.4",
    "loopback": "127.0.0.1",
    "link-local": "169.254.1.1",
    "nobody's": "0.0.0.0",
    "for documentation": "203.0.113.7",
    "of a group": "224.0.1.1",
    "reserved": "250.1.2.3",
}


@pytest.mark.parametrize("said", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_is_no_public_address(session: ClientSession, service: PublicIpSimulator, said: str) -> None:
    service.lie = said
    error = await error_of(asking(session, service))
    assert isinstance(error, UnexpectedResponse)
    assert str(error) in {
        f"127.0.0.1: GET /: {why}"
        for why in ("the answer is no address", "an address that is not public", "an address of IPv6")
    }


@pytest.mark.parametrize("said", ["fe80::1", "fe80::1%eth0", "fd00::1", "::1", "2001:db8::1", "ff02::1", HOME])
async def test_what_is_no_public_address_of_ipv6(session: ClientSession, service: PublicIpSimulator, said: str) -> None:
    service.lie = said
    assert isinstance(await error_of(asking(session, service), IpVersion.V6), UnexpectedResponse)


# --- faults ----------------------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[FaultKind, dict[str, Any], type[BackendError]]] = {
    "hang": (FaultKind.HANG, {}, CannotConnect),
    "hang up": (FaultKind.DISCONNECT, {}, CannotConnect),
    "401": (FaultKind.STATUS, {"status": 401}, UnexpectedResponse),
    "403": (FaultKind.STATUS, {"status": 403}, UnexpectedResponse),
    "404": (FaultKind.STATUS, {"status": 404}, UnexpectedResponse),
    "429": (FaultKind.STATUS, {"status": 429, "headers": {"Retry-After": "60"}}, RateLimited),
    "500": (FaultKind.STATUS, {"status": 500}, UnexpectedResponse),
    "503": (FaultKind.STATUS, {"status": 503}, UnexpectedResponse),
    "login page": (FaultKind.HTML, {}, UnexpectedResponse),
    "truncated": (FaultKind.TRUNCATE, {}, UnexpectedResponse),
    "endless": (FaultKind.HUGE, {}, UnexpectedResponse),
    "elsewhere": (FaultKind.REDIRECT, {"location": "https://login.example/"}, UnexpectedResponse),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_is_one_of_the_errors_and_another_service_is_asked(
    session: ClientSession, service: PublicIpSimulator, other: PublicIpSimulator, fault: str
) -> None:
    kind, options, expected = FAULTS[fault]
    patience = 0.1 if kind is FaultKind.HANG else 5
    service.fault(kind, **options)
    error = await error_of(asking(session, service, timeout_seconds=patience))
    assert type(error) is expected
    assert str(error).startswith("127.0.0.1: ")
    if isinstance(error, RateLimited):
        assert error.retry_after == timedelta(minutes=1)
    assert str((await asking(session, service, other, timeout_seconds=patience).ask()).address) == HOME
    service.clear_faults()


async def test_nobody_listens(session: ClientSession, service: PublicIpSimulator) -> None:
    await service.refuse()
    error = await error_of(asking(session, service))
    assert isinstance(error, CannotConnect)
    assert error.silence is Silence.REFUSED


async def test_different_errors_are_told_together(
    session: ClientSession, service: PublicIpSimulator, other: PublicIpSimulator
) -> None:
    """A service that is out of reach beside one with a login page: somebody answers, and not the services."""
    await service.refuse()
    other.fault(FaultKind.HTML)
    named = other.url.replace("127.0.0.1", "127.0.0.1.")  # told apart by its name
    error = await error_of(asking(session, service, named))
    assert not isinstance(error, (CannotConnect, NotTheApi))
    assert {part.partition(": ")[0] for part in str(error).split("; ")} == {"127.0.0.1", "127.0.0.1."}


async def test_without_services(session: ClientSession) -> None:
    assert isinstance(await error_of(asking(session)), CannotConnect)


@pytest.mark.parametrize("url", ["", "ipify", "ftp://ipify.example", "http://", "http://nas:port"])
async def test_what_is_no_address_of_a_service(session: ClientSession, url: str) -> None:
    with pytest.raises(CannotConnect):
        asking(session, url)


# --- which one is asked ----------------------------------------------------------------------------------------------


async def test_each_question_begins_with_another_service(
    session: ClientSession, service: PublicIpSimulator, other: PublicIpSimulator
) -> None:
    client = asking(session, service, other)
    for _ in range(4):
        await client.ask()
    assert (len(service.requests), len(other.requests)) == (2, 2)


async def test_neither_connections_nor_answers_are_kept(session: ClientSession, service: PublicIpSimulator) -> None:
    client = asking(session, service)
    await client.ask()
    service.addresses["127.0.0.1"] = "81.2.69.143"  # a new one from the provider, at night
    assert str((await client.ask()).address) == "81.2.69.143"
    for request in service.requests:
        assert (request.headers["Connection"], request.headers["Cache-Control"]) == ("close", "no-cache")
    assert isinstance(session.connector, TCPConnector)
    assert not session.connector._conns


def test_the_usual_services_are_asked_over_tls() -> None:
    for services in (SERVICES_V4, SERVICES_V6):
        assert len(services) >= 3
        assert all(url.startswith("https://") for url in services)
    assert not set(SERVICES_V4) & set(SERVICES_V6)


# --- through a tunnel ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def through(gluetun: GluetunSimulator, *login: str) -> AsyncIterator[ClientSession]:
    """Open a session that asks through the proxy of a VPN."""
    middlewares = (proxy_login(*login),) if login else ()
    async with ClientSession(cookie_jar=DummyCookieJar(), proxy=gluetun.proxy.url, middlewares=middlewares) as session:
        yield session


@pytest.fixture
async def gluetun(socket_enabled: None, clock: ManualClock) -> AsyncIterator[GluetunSimulator]:
    async with GluetunSimulator(clock=clock) as simulator:
        yield simulator


async def seen_by(service: PublicIpSimulator, session: ClientSession) -> SeenAddress:
    return await asking(session, service).ask()


async def test_through_the_tunnel_the_vpn_is_seen_and_beside_it_home(
    session: ClientSession, service: PublicIpSimulator, gluetun: GluetunSimulator
) -> None:
    async with through(gluetun) as tunnelled:
        assert str((await seen_by(service, tunnelled)).address) == VPN
    assert str((await seen_by(service, session)).address) == HOME
    assert gluetun.proxy.passed == [f"GET {service.url}/"]


async def test_a_leak_is_seen(service: PublicIpSimulator, gluetun: GluetunSimulator) -> None:
    gluetun.proxy.source = "127.0.0.1"  # it lets traffic out beside the tunnel
    async with through(gluetun) as tunnelled:
        assert str((await seen_by(service, tunnelled)).address) == HOME


async def test_nothing_gets_out_while_the_vpn_is_down(
    service: PublicIpSimulator, gluetun: GluetunSimulator, clock: ManualClock
) -> None:
    async with through(gluetun) as tunnelled:
        gluetun.tunnel.apply("stopped")
        assert isinstance(await error_of(asking(tunnelled, service)), UnexpectedResponse)
        gluetun.tunnel.apply("running")
        assert isinstance(await error_of(asking(tunnelled, service)), UnexpectedResponse)
        clock.advance(timedelta(seconds=5))
        assert str((await seen_by(service, tunnelled)).address) == VPN
    assert len(service.requests) == 1


async def test_the_proxy_is_away_or_hangs(service: PublicIpSimulator, gluetun: GluetunSimulator) -> None:
    async with through(gluetun) as tunnelled:
        gluetun.proxy.hanging = True
        error = await error_of(asking(tunnelled, service, timeout_seconds=0.05))
        assert isinstance(error, CannotConnect)
        assert error.silence is Silence.TIMEOUT
        await gluetun.refuse()
        error = await error_of(asking(tunnelled, service))
        assert isinstance(error, CannotConnect)
        assert (error.silence, "proxy" in str(error)) == (Silence.REFUSED, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", [(), (USER, "else")], ids=["none", "another"])
async def test_the_proxy_wants_another_login(
    service: PublicIpSimulator, clock: ManualClock, scheme: str, login: tuple[str, ...]
) -> None:
    url = service.url.replace("http", scheme)
    async with GluetunSimulator(proxy_username=USER, proxy_password=PASSWORD, clock=clock) as gluetun:
        async with through(gluetun, *login) as tunnelled:
            error = await error_of(asking(tunnelled, url, url))
        async with through(gluetun, USER, PASSWORD) as tunnelled:
            assert str((await seen_by(service, tunnelled)).address) == VPN
    (request,) = service.requests
    assert not {"Authorization", "Proxy-Authorization"} & request.headers.keys()  # the login is the proxy's alone
    if scheme == "http" and login:  # answered with a plain 401, which may be the service's own
        assert isinstance(error, UnexpectedResponse)
    else:
        assert isinstance(error, InvalidAuth)
        assert "proxy" in str(error)
        assert PASSWORD not in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_login_goes_to_a_proxy_only(session: ClientSession, service: PublicIpSimulator, scheme: str) -> None:
    url = service.url.replace("http", scheme)
    async with ClientSession(middlewares=(proxy_login(USER, PASSWORD),)) as direct:
        if scheme == "http":
            await asking(direct, url).ask()
        else:
            assert isinstance(await error_of(asking(direct, url)), CannotConnect)
    for request in service.requests:
        assert not {"Authorization", "Proxy-Authorization"} & request.headers.keys()


def test_a_name_that_cannot_be_sent() -> None:
    with pytest.raises(InvalidAuth):
        proxy_login("a:b", "c")


async def test_tls_goes_through_the_proxy_untouched(
    service: PublicIpSimulator, gluetun: GluetunSimulator, clock: ManualClock
) -> None:
    """The tunnel is opened, and TLS is begun with whoever is at its other end."""
    url = service.url.replace("http", "https")
    async with through(gluetun) as tunnelled:
        error = await error_of(asking(tunnelled, url))
        assert isinstance(error, CannotConnect)
        assert gluetun.proxy.passed == [f"CONNECT 127.0.0.1:{service.port}"]
        assert service.requests == []  # it has no TLS

        gluetun.tunnel.apply("stopped")
        error = await error_of(asking(tunnelled, url))
        assert isinstance(error, CannotConnect)
        assert "503" in str(error)
        gluetun.tunnel.apply("running")
        clock.advance(timedelta(seconds=5))
        error = await error_of(asking(tunnelled, f"https://127.0.0.1:{free_port()}"))
        assert isinstance(error, CannotConnect)
