"""Simulated and real qBittorrents, as the tests that run against both need them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
import functools
from pathlib import Path

import aiohttp
import pytest
import pytest_socket

from devstack.qbittorrent_versions import GENERATIONS
from devstack.tools import QbittorrentBinary, find_qbittorrents, swarm_python

pytest.register_assert_rewrite("tests.devstack.qbittorrent_peers")

from .qbittorrent_peers import Peer, RealBackend, SimulatedBackend  # noqa: E402 -- after its assertions explain themselves

REAL_RELEASES = {"4.5": (4, 5), "5.3": (5, 3)}
SIMULATED = [pytest.param(version, id=f"simulated-{version}") for version in GENERATIONS]
REAL = [pytest.param(release, id=f"real-{name}", marks=pytest.mark.real) for name, release in REAL_RELEASES.items()]


@functools.cache
def _installed() -> tuple[QbittorrentBinary, ...]:
    return find_qbittorrents()


def find_real(release: tuple[int, int]) -> QbittorrentBinary:
    """Return the real qBittorrent of a release, or skip the test with the reason."""
    found = next((each for each in _installed() if each.release[:2] == release), None)
    if found is None:
        pytest.skip(f"no qBittorrent {release[0]}.{release[1]} here; scripts/setup installs it")
    return found


def find_swarm_python() -> Path:
    """Return a Python with libtorrent, or skip the test with the reason."""
    if (python := swarm_python()) is None:
        pytest.skip("no Python with libtorrent here; scripts/setup makes one")
    return python


@pytest.fixture(scope="module", params=[*SIMULATED, *REAL])
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | RealBackend]:
    """Every qBittorrent: the version of a simulated one, or a real one that runs."""
    if isinstance(request.param, str):
        yield request.param
        return
    yield from running(request.param, tmp_path_factory.mktemp("real"))


def running(release: tuple[int, int], folder: Path) -> Iterator[RealBackend]:
    """Run a real qBittorrent and its swarm; their loop runs only to start and stop them."""
    backend = RealBackend(find_real(release), folder, find_swarm_python())
    pytest_socket.enable_socket()
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(backend.start())
        yield backend
    finally:
        pytest_socket.enable_socket()
        loop.run_until_complete(backend.stop())
        loop.close()


@asynccontextmanager
async def simulated_peer(version: str, folder: Path) -> AsyncIterator[Peer]:
    """Start a fresh simulated qBittorrent and log in to it."""
    backend = SimulatedBackend(version, folder)
    async with backend.simulator, new_client() as client:
        peer = Peer(backend, client)
        await peer.enter()
        yield peer


@asynccontextmanager
async def real_peer(backend: RealBackend) -> AsyncIterator[Peer]:
    """Log in to a real qBittorrent that runs; it is left as it was."""
    async with new_client() as client:
        peer = Peer(backend, client)
        await peer.resume()
        yield peer
        await peer.resume()
        await peer.clear()


def new_client() -> aiohttp.ClientSession:
    """Return a session that keeps no cookies."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


@pytest.fixture
async def peer(kind: str | RealBackend, tmp_path: Path, socket_enabled: None) -> AsyncIterator[Peer]:
    """Return a qBittorrent, simulated or real, without torrents, and logged in to."""
    context = simulated_peer(kind, tmp_path) if isinstance(kind, str) else real_peer(kind)
    async with context as entered:
        yield entered


@pytest.fixture
async def own_peer(kind: str | RealBackend, tmp_path: Path, socket_enabled: None) -> AsyncIterator[Peer]:
    """Return a qBittorrent that this test may lock itself out of or restart; a real one has no swarm."""
    if isinstance(kind, str):
        async with simulated_peer(kind, tmp_path) as entered:
            yield entered
        return
    backend = RealBackend(kind.real.binary, tmp_path, None)
    await backend.start()
    try:
        async with new_client() as client:
            entered = Peer(backend, client)
            await entered.enter()
            yield entered
    finally:
        await backend.stop()
