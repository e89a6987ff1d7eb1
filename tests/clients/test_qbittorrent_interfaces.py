"""Which network interfaces there are where qBittorrent runs, and what addresses they have."""

from collections.abc import AsyncIterator

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from devstack.frame import FaultKind
from devstack.qbittorrent import QbittorrentSimulator


@pytest.fixture(params=["4.5", "5.3"])
async def server(request: pytest.FixtureRequest, socket_enabled: None) -> AsyncIterator[QbittorrentSimulator]:
    async with QbittorrentSimulator(request.param, username="sokoul", password="secret") as simulator:
        simulator.engine.weather.interfaces = ("lo", "eth0", "tun0", "tunl0")
        simulator.engine.weather.without_address = {"tunl0"}
        yield simulator


@pytest.fixture
def client(session: ClientSession, server: QbittorrentSimulator) -> QbittorrentClient:
    return QbittorrentClient(session, server.url, username="sokoul", password="secret", timeout_seconds=5)


async def test_interfaces_and_their_addresses(client: QbittorrentClient) -> None:
    assert await client.interfaces() == {"lo", "eth0", "tun0", "tunl0"}
    assert await client.interface_addresses("tun0") == ("10.2.0.2",)
    assert await client.interface_addresses("tunl0") == ()
    assert await client.interface_addresses("lo") == ("127.0.0.1", "::1")


@pytest.mark.parametrize("body", ["{}", "[5]", "[null]", '"tun0"', "["])
async def test_an_answer_that_is_none(client: QbittorrentClient, server: QbittorrentSimulator, body: str) -> None:
    server.fault(FaultKind.STATUS, "* */networkInterfaceAddressList", status=200, body=body)
    with pytest.raises(UnexpectedResponse):
        await client.interface_addresses("tun0")
