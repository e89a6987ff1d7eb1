"""Asking which name server looks up names: directly and through a VPN's proxy, and what is no answer."""

from collections.abc import AsyncIterator
from datetime import timedelta
import re
import socket
from typing import Any

from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.sokoul.clients.dns_echo import SERVICE, DnsEchoClient
from custom_components.sokoul.clients.errors import BackendError, CannotConnect, NotTheApi, UnexpectedResponse
from devstack.clock import ManualClock
from devstack.dns_echo import DOMAIN, LASTS, DnsEchoSimulator, NameServer
from devstack.frame import FaultKind
from devstack.gluetun import GluetunSimulator

HOME = NameServer("62.153.1.53", "Germany - Deutsche Telekom AG")
INSIDE = NameServer("45.83.220.53", "Sweden - 31173 Services AB")


class Resolver(AbstractResolver):
    """The name server of a home."""

    def __init__(self, echo: DnsEchoSimulator, server: NameServer) -> None:
        self.echo, self.server = echo, server
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        address = self.echo.look_up(host, self.server) or host
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.fixture
async def echo(socket_enabled: None, clock: ManualClock) -> AsyncIterator[DnsEchoSimulator]:
    async with DnsEchoSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def resolver(echo: DnsEchoSimulator) -> Resolver:
    return Resolver(echo, HOME)


@pytest.fixture
async def session(resolver: Resolver) -> AsyncIterator[ClientSession]:
    async with ClientSession(connector=TCPConnector(resolver=resolver)) as opened:
        yield opened


async def error_of(client: DnsEchoClient) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await client.ask()
    return caught.value


async def test_our_own_name_server_shows_itself(
    session: ClientSession, echo: DnsEchoSimulator, resolver: Resolver
) -> None:
    client = DnsEchoClient(session, echo.template)
    seen = await client.ask()
    assert (str(seen.address), seen.operator, seen.client_network) == (HOME.address, HOME.operator, None)
    assert 0 < seen.took_seconds < 5
    await client.ask()
    assert len({*resolver.asked}) == 2, "a name that was asked for before may be in a cache"
    assert all(re.fullmatch(rf"[a-z0-9]{{32}}\.{re.escape(DOMAIN)}", host) for host in resolver.asked)


async def test_through_a_proxy_the_proxys_does(
    session: ClientSession, echo: DnsEchoSimulator, resolver: Resolver, clock: ManualClock
) -> None:
    async with GluetunSimulator(clock=clock) as gluetun:
        gluetun.proxy.look_up = lambda host: echo.look_up(host, INSIDE)
        async with ClientSession(proxy=gluetun.proxy.url, connector=TCPConnector(resolver=resolver)) as tunnelled:
            seen = await DnsEchoClient(tunnelled, echo.template).ask()
        assert (str(seen.address), seen.operator) == (INSIDE.address, INSIDE.operator)
        assert not [host for host in resolver.asked if DOMAIN in host], "nothing was looked up past it"
        gluetun.tunnel.apply("stopped")
        async with ClientSession(proxy=gluetun.proxy.url) as tunnelled:
            assert isinstance(await error_of(DnsEchoClient(tunnelled, echo.template)), BackendError)


async def test_one_that_says_for_whom_it_asks(
    session: ClientSession, echo: DnsEchoSimulator, resolver: Resolver
) -> None:
    resolver.server = NameServer("74.125.73.83", "United States - Google", "91.198.174.0")
    seen = await DnsEchoClient(session, echo.template).ask()
    assert (str(seen.client_network), seen.operator) == ("91.198.174.0", "United States - Google")


@pytest.mark.parametrize(
    "said",
    [
        [],
        "words",
        {},
        {"dns": None},
        {"dns": "62.153.1.53"},
        {"dns": {"geo": "Germany"}},
        {"dns": {"ip": 5}},
        {"dns": {"ip": "none of your business"}},
        {"dns": {"ip": "192.168.1.1"}},
        {"dns": {"ip": "127.0.0.53"}},
        {"dns": {"ip": "224.0.1.1"}},
    ],
    ids=str,
)
async def test_what_is_no_answer(session: ClientSession, echo: DnsEchoSimulator, said: Any) -> None:
    echo.instead = said
    assert isinstance(await error_of(DnsEchoClient(session, echo.template)), UnexpectedResponse)


async def test_what_is_strange_in_an_answer_is_left_out(session: ClientSession, echo: DnsEchoSimulator) -> None:
    echo.instead = {"dns": {"ip": "2001:4860:4860::8888", "geo": "a\nb"}, "edns": {"ip": "10.0.0.0"}, "more": 5}
    seen = await DnsEchoClient(session, echo.template).ask()
    assert (str(seen.address), seen.operator, seen.client_network) == ("2001:4860:4860::8888", "", None)
    echo.instead = {"dns": {"ip": "1.1.1.1", "geo": "x" * 5000}}
    assert isinstance(await error_of(DnsEchoClient(session, echo.template)), UnexpectedResponse)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.HUGE, UnexpectedResponse),
        (FaultKind.HANG, CannotConnect),
        (FaultKind.HTML, UnexpectedResponse),
        (FaultKind.TRUNCATE_JSON, UnexpectedResponse),
    ],
)
async def test_faults(session: ClientSession, echo: DnsEchoSimulator, kind: FaultKind, error: type[Exception]) -> None:
    echo.fault(kind)
    patience = 0.1 if kind is FaultKind.HANG else 5
    assert isinstance(await error_of(DnsEchoClient(session, echo.template, timeout_seconds=patience)), error)


async def test_a_name_that_was_forgotten_leads_elsewhere_and_is_not_followed(
    session: ClientSession, echo: DnsEchoSimulator, resolver: Resolver, clock: ManualClock
) -> None:
    """So late an answer is one to another question."""
    look_up = echo.look_up

    def slowly(host: str, by: NameServer) -> str | None:
        found = look_up(host, by)
        clock.advance(LASTS + timedelta(seconds=1))
        return found

    echo.look_up = slowly  # type: ignore[method-assign]  # a test
    assert isinstance(await error_of(DnsEchoClient(session, echo.template)), NotTheApi)


@pytest.mark.parametrize("template", ["", "{}", "ftp://{}.example/json"])
async def test_an_address_that_is_none(session: ClientSession, template: str) -> None:
    assert isinstance(await error_of(DnsEchoClient(session, template)), CannotConnect)


def test_the_service_is_asked_as_its_documentation_says() -> None:
    assert SERVICE.format("a" * 32) == f"http://{'a' * 32}.edns.ip-api.com/json"
