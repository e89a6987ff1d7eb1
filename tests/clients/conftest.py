"""Real HTTP over loopback for the clients, and simulators to talk to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import ClientSession, DummyCookieJar
import pytest

from custom_components.sokoul.clients.arr import ArrClient
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from devstack.arr import ArrSimulator
from devstack.clock import ManualClock
from devstack.library import Wanted
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[ClientSession]:
    """Open a session that keeps no cookies."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def radarr(clock: ManualClock, socket_enabled: None) -> AsyncIterator[RadarrSimulator]:
    async with RadarrSimulator(clock=clock) as radarr:
        yield radarr


@pytest.fixture
async def sonarr(clock: ManualClock, socket_enabled: None) -> AsyncIterator[SonarrSimulator]:
    async with SonarrSimulator(clock=clock) as sonarr:
        yield sonarr


@dataclass(frozen=True, slots=True)
class Pair:
    """One of the two applications and its client."""

    arr: ArrSimulator
    client: ArrClient
    wanted: tuple[Wanted, ...]  # something to download


@pytest.fixture(params=["Radarr", "Sonarr"])
def pair(
    request: pytest.FixtureRequest, radarr: RadarrSimulator, sonarr: SonarrSimulator, session: ClientSession
) -> Pair:
    if request.param == "Radarr":
        return Pair(
            radarr, RadarrClient(session, radarr.url, radarr.api_key), (next(iter(radarr.library.movies.values())),)
        )
    pack = [episode for episode in sonarr.library.episodes() if (episode.series.id, episode.season) == (1, 2)]
    return Pair(sonarr, SonarrClient(session, sonarr.url, sonarr.api_key), tuple(pack))
