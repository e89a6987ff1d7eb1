"""Samples of throughput: bounded in bytes and in time, through the proxy only, and no toy of whoever answers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
import pytest

from custom_components.sokoul.clients import throughput as module
from custom_components.sokoul.clients.errors import BackendError, CannotConnect, Refused, UnexpectedResponse
from custom_components.sokoul.clients.throughput import DEFAULT_URL, sample_url, throughput
from devstack.frame import FaultKind, Simulator
from devstack.gluetun import GluetunSimulator
from devstack.ports import free_port

MB = 1_000_000


class Files(Simulator):
    """Serves as many bytes as are asked for, or endlessly many, and notes how many it got rid of."""

    name = "files"

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.endless = False
        self.pause_seconds = 0.0

    def routes(self) -> Iterable[web.RouteDef]:
        yield web.get("/file", self._file)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        wanted = int(request.query.get("bytes", 0))
        try:
            while self.endless or self.sent < wanted:
                await response.write(bytes(min(64 * 1024, wanted - self.sent) if not self.endless else 64 * 1024))
                self.sent += 64 * 1024
                await asyncio.sleep(self.pause_seconds)
        except ConnectionError:
            pass  # enough has come
        return response

    @property
    def file(self) -> str:
        return f"{self.url}/file?bytes={{bytes}}"


@pytest.fixture
async def files(socket_enabled: None) -> AsyncIterator[Files]:
    async with Files() as simulator:
        yield simulator


async def error_of(session: ClientSession, url: str) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await throughput(session, url, most_bytes=MB, most_seconds=1)
    return caught.value


async def test_it_is_as_fast_as_it_comes(session: ClientSession, files: Files) -> None:
    loop = asyncio.get_running_loop()
    begin = loop.time()
    speed = await throughput(session, files.file, most_bytes=8 * MB, most_seconds=5)
    took = loop.time() - begin
    assert speed >= (8 * MB - 64 * 1024) / took  # measured over a part of that time
    (request,) = files.requests
    assert dict(request.query) == {"bytes": "8000000"}


async def test_no_more_is_fetched_than_may_be(session: ClientSession, files: Files) -> None:
    files.endless = True
    assert await throughput(session, files.file, most_bytes=2 * MB, most_seconds=5) > 0
    # what the system's own buffers took of it beyond that
    assert files.sent < 2 * MB + 16 * MB


async def test_no_longer_than_it_may_take(session: ClientSession, files: Files) -> None:
    files.endless, files.pause_seconds = True, 0.005
    loop = asyncio.get_running_loop()
    begin = loop.time()
    speed = await throughput(session, files.file, most_bytes=1000 * MB, most_seconds=0.05)
    assert loop.time() - begin < 2
    assert 0 < speed < 64 * 1024 / 0.005


async def test_too_little_tells_nothing(session: ClientSession, files: Files) -> None:
    with pytest.raises(UnexpectedResponse, match="too little"):
        await throughput(session, files.file, most_bytes=100_000, most_seconds=1)


@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_an_answer_that_is_no_file(session: ClientSession, files: Files, status: int) -> None:
    files.fault(FaultKind.STATUS, status=status, body="x" * MB)
    assert isinstance(await error_of(session, files.file), Refused)


@pytest.mark.parametrize("kind", [FaultKind.DISCONNECT, FaultKind.HANG])
async def test_nothing_comes(
    session: ClientSession, files: Files, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    files.fault(kind)
    assert isinstance(await error_of(session, files.file), CannotConnect)


async def test_nobody_is_there(session: ClientSession, socket_enabled: None) -> None:
    assert isinstance(await error_of(session, f"http://127.0.0.1:{free_port()}/file"), CannotConnect)


@pytest.mark.parametrize("url", ["ftp://host/file", "file:///etc/passwd", "host/file", "http://", "http://[1"])
async def test_what_is_no_address(session: ClientSession, url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sample_url(url, MB)
    assert isinstance(await error_of(session, url), CannotConnect)


def test_the_usual_file_is_as_large_as_it_is_wanted() -> None:
    assert str(sample_url("", 5 * MB)) == "https://speed.cloudflare.com/__down?bytes=5000000"
    assert DEFAULT_URL.startswith("https://")
    assert str(sample_url("https://example.org/100MB.bin", MB)) == "https://example.org/100MB.bin"


@asynccontextmanager
async def through(gluetun: GluetunSimulator) -> AsyncIterator[ClientSession]:
    async with ClientSession(proxy=gluetun.proxy.url) as session:
        yield session


async def test_it_goes_through_the_tunnel_and_nowhere_else(files: Files) -> None:
    async with GluetunSimulator() as gluetun, through(gluetun) as session:
        assert await throughput(session, files.file, most_bytes=MB, most_seconds=5) > 0
        assert gluetun.proxy.passed == [f"GET {files.url}/file?bytes=1000000"]
        files.sent = 0
        files.fault(FaultKind.REDIRECT, "GET /file", location=f"{files.url}/other", times=1)
        assert isinstance(await error_of(session, files.file), Refused)
        assert gluetun.proxy.passed[-1] == f"GET {files.url}/other"  # also where it is led to
        gluetun.tunnel.crash()
        files.requests.clear()
        assert isinstance(await error_of(session, files.file), Refused | CannotConnect)
        assert files.requests == []
