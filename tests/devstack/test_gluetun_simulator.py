"""The simulated Gluetun, asked in plain HTTP: what its generations differ in, its VPN, and its proxy."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession, encode_basic_auth
import pytest

from devstack.clock import ManualClock
from devstack.gluetun import GENERATIONS, VPN_SOURCE, GluetunSimulator, Role
from devstack.public_ip import PublicIpSimulator

pytestmark = pytest.mark.usefixtures("socket_enabled")

ALL = pytest.mark.parametrize("version", GENERATIONS)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


def open_gluetun(version: str, **options: Any) -> GluetunSimulator:
    """Return a Gluetun all of whose routes are open to everybody."""
    roles = [] if version == "3.38" else [Role(auth="none", routes=tuple(GENERATIONS[version].routes))]
    return GluetunSimulator(version, roles=roles, clock=ManualClock(), **options)


async def asked(
    session: ClientSession, gluetun: GluetunSimulator, route: str, body: Any = None, **headers: str
) -> tuple[int, str]:
    method, path = route.split(" ")
    async with session.request(method, gluetun.url + path, json=body, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


# --- the control server ----------------------------------------------------------------------------------------------

STRANGE: dict[str, dict[str, tuple[int, str]]] = {
    "GET /v1/portforward": {
        "3.38": (400, "GET /portforward not found\n"),
        "3.40": (401, "Unauthorized\n"),
        "3.41": (200, '{"port":50007}\n'),
        "2026-05": (200, '{"port":50007,"ports":[50007]}\n'),
    },
    "GET /v1/public-ip": {
        "3.38": (400, "GET /public-ip not found\n"),
        "3.40": (401, "Unauthorized\n"),
        "3.41": (401, "Unauthorized\n"),
        "2026-05": (404, "Not Found\n"),
    },
    "DELETE /v1/vpn/status": {
        "3.38": (400, "method DELETE not supported\n"),
        "3.40": (401, "Unauthorized\n"),
        "3.41": (401, "Unauthorized\n"),
        "2026-05": (405, "Method Not Allowed\n"),
    },
    "GET /": {
        "3.38": (400, "unversioned API: requested URI not found\n"),
        "3.40": (401, "Unauthorized\n"),
        "3.41": (401, "Unauthorized\n"),
        "2026-05": (404, "Not Found\n"),
    },
}


@ALL
@pytest.mark.parametrize("route", STRANGE)
async def test_each_version_says_in_its_own_way_what_it_does_not_have(
    session: ClientSession, version: str, route: str
) -> None:
    async with open_gluetun(version) as gluetun:
        assert await asked(session, gluetun, route) == STRANGE[route][version]


@ALL
async def test_the_older_route_of_the_ports(session: ClientSession, version: str) -> None:
    async with open_gluetun(version) as gluetun:
        status, text = await asked(session, gluetun, "GET /v1/openvpn/portforwarded")
        assert (status, "<a href" in text) == ((200, False) if version in {"3.38", "3.40"} else (301, True))


async def test_json_has_the_type_of_text(session: ClientSession) -> None:
    async with open_gluetun("3.41") as gluetun, session.get(f"{gluetun.url}/v1/version") as answer:
        assert answer.content_type == "text/plain"
        assert (await answer.json(content_type=None))["version"] == "v3.41.1"


async def test_wireguard_is_not_openvpn(session: ClientSession) -> None:
    for vpn, status in (("wireguard", "stopped"), ("openvpn", "running")):
        async with open_gluetun("3.41", vpn=vpn) as gluetun:
            assert await asked(session, gluetun, "GET /v1/openvpn/status") == (200, f'{{"status":"{status}"}}\n')


async def test_a_login_is_asked_for_where_a_role_wants_one(session: ClientSession) -> None:
    route = "GET /v1/vpn/status"
    basic = Role(auth="basic", username="home", password="hunter two", routes=(route,))
    async with GluetunSimulator("3.41", roles=[basic, Role(api_key="key", routes=(route,))]) as gluetun:
        async with session.get(f"{gluetun.url}/v1/vpn/status") as answer:
            assert (answer.status, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")
        for headers, status in (
            ({"Authorization": encode_basic_auth("home", "hunter two")}, 200),
            ({"Authorization": encode_basic_auth("home", "else")}, 401),
            ({"X-API-Key": "key"}, 200),
            ({"X-API-Key": "else"}, 401),
        ):
            assert (await asked(session, gluetun, route, **headers))[0] == status
        async with session.get(f"{gluetun.url}/v1/vpn/status", params={"api_key": "key"}) as answer:
            assert answer.status == 200


def test_roles_with_which_gluetun_does_not_start() -> None:
    with pytest.raises(ValueError, match="portforward"):
        GluetunSimulator("3.40", roles=[Role(api_key="key", routes=("GET /v1/portforward",))])
    with pytest.raises(ValueError, match="default role"):
        GluetunSimulator("3.40", default_role=Role(api_key="key"))


@ALL
@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("PUT /v1/vpn/status", {"status": "paused"}, 400),
        ("PUT /v1/vpn/status", {}, 400),
        ("PUT /v1/vpn/status", "running", 400),
        ("PUT /v1/vpn/settings", [], 400),
        ("PUT /v1/vpn/settings", {"provider": {"server_selection": {"cities": ["Atlantis"]}}}, 400),
        ("PUT /v1/vpn/settings", {"provider": {"server_selection": {"cities": None}}}, 200),
        ("PUT /v1/vpn/settings", {}, 200),
    ],
)
async def test_what_it_is_told(session: ClientSession, version: str, route: str, body: Any, status: int) -> None:
    async with open_gluetun(version) as gluetun:
        assert (await asked(session, gluetun, route, body))[0] == status
        assert gluetun.tunnel.status == "running"


async def test_one_unknown_name_among_others(session: ClientSession) -> None:
    """Older versions want all names of a list to be known, newer ones at least one."""
    body = {"provider": {"server_selection": {"countries": ["Sweden", "Atlantis"]}}}
    for version, status in (("3.38", 400), ("3.40", 200), ("3.41", 200), ("2026-05", 200)):
        async with open_gluetun(version) as gluetun:
            assert (await asked(session, gluetun, "PUT /v1/vpn/settings", body))[0] == status


@pytest.mark.parametrize("ports", [[], [5914], [65_535]])
async def test_the_development_version_takes_ports(session: ClientSession, ports: list[int]) -> None:
    async with open_gluetun("2026-05") as gluetun:
        assert await asked(session, gluetun, "PUT /v1/portforward", {"ports": ports}) == (200, "")
        assert gluetun.tunnel.ports == tuple(ports)


@pytest.mark.parametrize("body", [{"ports": [65_536]}, {"ports": [-1]}, {"ports": 5914}, {"port": 5914}, [5914]])
async def test_what_are_no_ports(session: ClientSession, body: Any) -> None:
    async with open_gluetun("2026-05") as gluetun:
        answer = await asked(session, gluetun, "PUT /v1/portforward", body)
        assert answer == (400, "failed setting forwarded ports\n")


# --- the VPN ---------------------------------------------------------------------------------------------------------


async def test_what_crashes_is_tried_again_after_twice_as_long_each_time(session: ClientSession) -> None:
    clock = ManualClock()
    async with GluetunSimulator("3.41", clock=clock) as gluetun:
        tunnel = gluetun.tunnel
        tunnel.failing = True
        tunnel.crash()
        crashed_at = clock.now()
        tries: list[int] = []
        backoff = tunnel._backoff
        for _ in range(120):
            clock.advance(timedelta(seconds=1))
            tunnel.settle()
            if tunnel._backoff != backoff:
                backoff = tunnel._backoff
                tries.append(round((clock.now() - crashed_at).total_seconds()))
        assert tries == [15, 45, 105]
        tunnel.failing = False
        clock.advance(timedelta(seconds=105))
        tunnel.settle()
        assert tunnel.status == "running"


async def test_servers_of_a_selection_take_turns() -> None:
    async with open_gluetun("3.41") as gluetun:
        tunnel = gluetun.tunnel
        hosts = []
        for _ in range(3):
            tunnel.reconnect()
            assert tunnel.connection is not None
            hosts.append(tunnel.connection.server.hostname)
        assert hosts == ["nl-02.vpn.example", "nl-01.vpn.example", "nl-02.vpn.example"]


# --- the proxy -------------------------------------------------------------------------------------------------------


async def test_the_proxy_tunnels_bytes_both_ways() -> None:
    """What follows CONNECT is carried untouched; here it is plain HTTP to a service."""
    async with PublicIpSimulator() as service, open_gluetun("3.41") as gluetun:
        service.addresses[VPN_SOURCE] = "45.83.220.11"
        reader, writer = await asyncio.open_connection("127.0.0.1", int(gluetun.proxy.url.rpartition(":")[2]))
        writer.write(f"CONNECT 127.0.0.1:{service.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"45.83.220.11\n")
        writer.close()


async def test_the_proxy_says_for_whom_it_asks(session: ClientSession) -> None:
    async with PublicIpSimulator() as service, open_gluetun("3.41") as gluetun:
        service.addresses[VPN_SOURCE] = "45.83.220.11"
        async with session.get(f"{service.url}/?format=json", proxy=gluetun.proxy.url) as answer:
            assert await answer.json() == {"ip": "45.83.220.11"}
        (request,) = service.requests
        assert request.headers["X-Forwarded-For"] == "127.0.0.1"
        assert "Proxy-Connection" not in request.headers


async def test_the_proxy_gets_nothing_out_while_the_vpn_is_down(session: ClientSession) -> None:
    async with PublicIpSimulator("81.2.69.142") as service, open_gluetun("3.41") as gluetun:
        gluetun.tunnel.apply("stopped")
        async with session.get(service.url, proxy=gluetun.proxy.url) as answer:
            assert (answer.status, await answer.text()) == (500, "server error\n")
        assert service.requests == []


# --- servers that don't work -----------------------------------------------------------------------------------------


async def select(session: ClientSession, gluetun: GluetunSimulator, country: str) -> tuple[int, str]:
    body = {"provider": {"server_selection": {"countries": [country]}}}
    return await asked(session, gluetun, "PUT /v1/vpn/settings", body)


@ALL
async def test_through_a_mute_server_nothing_passes_though_it_runs(session: ClientSession, version: str) -> None:
    async with open_gluetun(version) as gluetun:
        gluetun.tunnel.mute.add("se-01.vpn.example")
        assert await select(session, gluetun, "Sweden") == (200, "running")
        gluetun.clock.advance(timedelta(minutes=5))
        assert (await asked(session, gluetun, "GET /v1/vpn/status"))[1] == '{"status":"running"}\n'
        assert '"public_ip":""' in (await asked(session, gluetun, "GET /v1/publicip/ip"))[1]
        assert (gluetun.tunnel.server, gluetun.tunnel.ports) == (None, ())
        await select(session, gluetun, "Switzerland")
        gluetun.clock.advance(timedelta(seconds=7))
        assert gluetun.tunnel.server is not None
        assert gluetun.tunnel.ports


@ALL
async def test_a_closed_server_makes_it_crash_and_another_one_is_tried_at_its_next_turn(
    session: ClientSession, version: str
) -> None:
    async with open_gluetun(version) as gluetun:
        gluetun.tunnel.closed.add("se-01.vpn.example")
        assert await select(session, gluetun, "Sweden") == (200, "crashed")
        assert await select(session, gluetun, "Switzerland") == (200, "already crashed")  # taken, for later
        gluetun.clock.advance(timedelta(seconds=14))
        assert (await asked(session, gluetun, "GET /v1/vpn/status"))[1] == '{"status":"crashed"}\n'
        gluetun.clock.advance(timedelta(seconds=6))
        assert (await asked(session, gluetun, "GET /v1/vpn/status"))[1] == '{"status":"running"}\n'
        assert gluetun.tunnel.server is not None
        assert gluetun.tunnel.server.country == "Switzerland"
