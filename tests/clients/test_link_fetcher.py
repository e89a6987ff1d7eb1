"""Links of indexers and people: fetched once, from where one may go, in bounds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
import ssl

from aiohttp import ClientSession, TCPConnector, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from custom_components.sokoul.clients.errors import CannotConnect, Silence
from custom_components.sokoul.clients.link_fetcher import (
    Address,
    FetchedLink,
    ForbiddenAddress,
    LinkFetcher,
    TooLarge,
)
from devstack.ports import free_port

from .canned import Canned

pytestmark = pytest.mark.usefixtures("socket_enabled")

TORRENT = b"d4:infod4:name1:xee"
HOME = ip_address("127.0.0.1")


@pytest.fixture
async def server(socket_enabled: None) -> AsyncIterator[Canned]:
    answers = {
        "GET /x.torrent": web.Response(body=TORRENT, content_type="application/x-bittorrent"),
        "GET /large": web.Response(body=b"x" * 2_000),
    }
    async with Canned(answers) as canned:
        yield canned


async def nowhere(host: str, port: int) -> Sequence[Address]:
    raise OSError(f"no {host}:{port}")


async def test_a_torrent_of_ones_own_backend(server: Canned, session: ClientSession) -> None:
    fetcher = LinkFetcher(session, lambda _: False, look_up=nowhere)
    found = await fetcher.fetch(f"{server.url}/x.torrent?apikey=hunter2", own=True, max_bytes=1_000)
    assert found == FetchedLink(200, TORRENT)
    assert "xee" not in repr(found)


async def test_a_name_is_looked_up_once_and_the_connection_goes_there(server: Canned, session: ClientSession) -> None:
    asked: list[str] = []

    async def look_up(host: str, port: int) -> Sequence[Address]:
        asked.append(f"{host}:{port}")
        return (HOME,)

    fetcher = LinkFetcher(session, lambda _: True, look_up=look_up)
    link = f"http://tracker.example:{server.port}/x.torrent?passkey=hunter2"
    assert (await fetcher.fetch(link, own=False, max_bytes=1_000)).body == TORRENT
    assert asked == [f"tracker.example:{server.port}"]
    (seen,) = server.requests
    assert seen.headers["Host"] == f"tracker.example:{server.port}"
    assert ("passkey", "hunter2") in seen.query


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], []])
async def test_no_way_into_the_own_network(server: Canned, session: ClientSession, addresses: list[str]) -> None:
    async def look_up(host: str, port: int) -> Sequence[Address]:
        del host, port
        return tuple(ip_address(address) for address in addresses)

    fetcher = LinkFetcher(session, lambda address: address.is_global, look_up=look_up)
    with pytest.raises(ForbiddenAddress) as raised:
        await fetcher.fetch(f"http://tracker.example:{server.port}/hunter2", own=False, max_bytes=1_000)
    assert "hunter2" not in str(raised.value)
    assert server.requests == []


async def test_addresses_are_judged_without_a_look_up_of_ours(server: Canned, session: ClientSession) -> None:
    fetcher = LinkFetcher(session, lambda address: address.is_global)
    with pytest.raises(ForbiddenAddress):
        await fetcher.fetch(f"http://127.0.0.1:{server.port}/x.torrent", own=False, max_bytes=1_000)
    assert server.requests == []


async def test_redirects_are_told_not_followed(session: ClientSession) -> None:
    def moved(request: web.Request) -> web.Response:
        del request
        raise web.HTTPFound("magnet:?xt=urn:btih:" + "a" * 40)

    async with Canned({"GET /moved": moved}) as server:
        found = await LinkFetcher(session, lambda _: True).fetch(f"{server.url}/moved", own=True, max_bytes=1_000)
    assert (found.status, found.location) == (302, "magnet:?xt=urn:btih:" + "a" * 40)


async def test_bounds(server: Canned, session: ClientSession) -> None:
    fetcher = LinkFetcher(session, lambda _: True)
    assert len((await fetcher.fetch(f"{server.url}/large", own=True, max_bytes=2_000)).body) == 2_000
    with pytest.raises(TooLarge):
        await fetcher.fetch(f"{server.url}/large", own=True, max_bytes=1_999)


@pytest.mark.parametrize("link", ["ftp://h/x", "file:///etc/passwd", "http:///x", "//h/x", "x", "javascript:alert(1)"])
async def test_odd_schemes(session: ClientSession, link: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await LinkFetcher(session, lambda _: True).fetch(link, own=True, max_bytes=10)


@pytest.mark.parametrize("link", ["http://[::1", "http://h:99999/"])
async def test_what_is_no_address(session: ClientSession, link: str) -> None:
    with pytest.raises(CannotConnect):
        await LinkFetcher(session, lambda _: True).fetch(link, own=True, max_bytes=10)


async def test_unknown_hosts(session: ClientSession) -> None:
    with pytest.raises(CannotConnect) as raised:
        await LinkFetcher(session, lambda _: True, look_up=nowhere).fetch("http://h/x", own=False, max_bytes=10)
    assert raised.value.silence is Silence.UNKNOWN_HOST


async def test_silence(session: ClientSession) -> None:
    async def hang(host: str, port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        return (HOME,)

    fetcher = LinkFetcher(session, lambda _: True, look_up=hang)
    with pytest.raises(CannotConnect) as raised:
        await fetcher.fetch("http://h/hunter2", own=False, max_bytes=10, timeout_seconds=0.02)
    assert raised.value.silence is Silence.TIMEOUT
    assert "hunter2" not in str(raised.value)


async def test_nobody_there(session: ClientSession, server: Canned) -> None:
    await server.stop()
    with pytest.raises(CannotConnect):
        await LinkFetcher(session, lambda _: True).fetch(f"{server.url}/x", own=True, max_bytes=10)


# --- with TLS --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Secured:
    """A server with a certificate for one name, and what trusts it."""

    port: int
    trust: ssl.SSLContext


@pytest.fixture
async def secured(socket_enabled: None, tmp_path: Path) -> AsyncIterator[Secured]:
    key, certificate = certificate_for("tracker.example")
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "certificate.pem").write_bytes(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")

    async def torrent(request: web.Request) -> web.Response:
        return web.Response(body=request.host.encode())

    app = web.Application()
    app.add_routes([web.get("/x.torrent", torrent)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    yield Secured(port, ssl.create_default_context(cadata=certificate.decode()))
    await runner.cleanup()


def certificate_for(name: str) -> tuple[bytes, bytes]:
    """Return a key, and a certificate that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    no_password = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password), certificate.public_bytes(pem)


@pytest.mark.parametrize("name", ["tracker.example", "other.example"])
async def test_the_certificate_has_to_be_that_of_the_name(secured: Secured, name: str) -> None:
    """Though the connection goes to an address, as the name could lead elsewhere a second time."""

    async def look_up(host: str, port: int) -> Sequence[Address]:
        del host, port
        return (HOME,)

    async with ClientSession(connector=TCPConnector(ssl=secured.trust)) as session:
        fetcher = LinkFetcher(session, lambda _: True, look_up=look_up)
        link = f"https://{name}:{secured.port}/x.torrent"
        if name == "tracker.example":
            found = await fetcher.fetch(link, own=False, max_bytes=1_000)
            assert found.body.decode() == f"tracker.example:{secured.port}"
        else:
            with pytest.raises(CannotConnect):
                await fetcher.fetch(link, own=False, max_bytes=1_000)
