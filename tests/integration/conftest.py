"""A Home Assistant with SOKOUL, connected over real HTTP on loopback to simulated backends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
import socket
from typing import Any
from unittest.mock import patch

from aiohttp.abc import AbstractResolver, ResolveResult
from freezegun import api as freezing
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState, ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity import Entity
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.sokoul.autopilot.turns import Turns
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.pilot import Pilot
from custom_components.sokoul.store import Limits
from devstack.clock import ManualClock
from devstack.docker import DockerSimulator
from devstack.frame import Simulator
from devstack.gluetun import GluetunSimulator
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.seerr import SeerrSimulator
from devstack.servarr import Servarr
from devstack.sonarr import SonarrSimulator

from .flow_texts import checked_flows

#: So long something may take that a test waits for, by the true clock.
PATIENCE_SECONDS = 60
USERNAME = "admin"
PASSWORD = "correct horse"
HUB_ID = "01SOKOULHUB"
QBITTORRENT_ID = "01SOKOULQBITTORRENT0000000"
RADARR_ID = "01SOKOULRADARR000000000000"
SONARR_ID = "01SOKOULSONARR000000000000"
PROWLARR_ID = "01SOKOULPROWLARR0000000000"
DOCKER_ID = "01SOKOULDOCKER000000000000"
GLUETUN_ID = "01SOKOULGLUETUN00000000000"
SEERR_ID = "01SOKOULSEERR0000000000000"

type SetUp = Callable[..., Awaitable[MockConfigEntry]]
type PassTime = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
async def _integration(enable_custom_integrations: None, hass: HomeAssistant, socket_enabled: None) -> None:
    await async_setup_component(hass, "homeassistant", {})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where the database of the test will be, for a test that looks at it. There is none as yet."""
    return tmp_path / "sokoul.db"


@pytest.fixture(autouse=True)
def _database(request: pytest.FixtureRequest, tmp_path: Path, empty_database: bytes) -> Iterator[None]:
    """Keep the database of each test by itself: the harness has one configuration folder for all of them.

    A leap in time ends every wait of the event loop, so the database is waited for as long as it takes.
    """
    path, for_ever = tmp_path / "sokoul.db", timedelta(days=36500)
    if "database" not in request.fixturenames:
        path.write_bytes(empty_database)
    with patch.object(Pilot, "path", path), patch.object(Pilot, "limits", Limits(answer=for_ever, check=for_ever)):
        yield


@pytest.fixture(autouse=True)
def _nobody_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no service on the internet be asked where we are; a test may put simulated ones in place."""
    monkeypatch.setattr("custom_components.sokoul.lookout.SERVICES_V4", ())
    monkeypatch.setattr("custom_components.sokoul.lookout.SERVICES_V6", ())
    monkeypatch.setattr("custom_components.sokoul.lookout.DNS_SERVICE", "")


@pytest.fixture(autouse=True)
def _flow_texts() -> Iterator[None]:
    """Fail a test whose flows show what has no text."""
    with checked_flows():
        yield


class Names(AbstractResolver):
    """Host names of the home network, all of them on loopback; what is not in `known` is not known."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.look_up: Callable[[str], object] = lambda _: None  # what tells more

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host not in self.known and self.look_up(host) is None:
            raise OSError(socket.EAI_NONAME, "Name or service not known")
        result: ResolveResult = {
            "hostname": host,
            "host": "127.0.0.1",
            "port": port,
            "family": family,
            "proto": 0,
            "flags": socket.AI_NUMERICHOST,
        }
        return [result]

    async def close(self) -> None:
        pass

    async def real_close(self) -> None:
        """Be closed by Home Assistant, which asks its own resolver to."""


@pytest.fixture
def names() -> Iterator[Names]:
    """Know host names; without this none may be asked for."""
    resolver = Names()
    with patch("homeassistant.helpers.aiohttp_client._async_make_resolver", return_value=resolver):
        yield resolver


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def qbittorrent(clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    simulator = QbittorrentSimulator("5.2", username=USERNAME, password=PASSWORD, clock=clock)
    async with simulator:
        yield simulator


@pytest.fixture
async def radarr(clock: ManualClock) -> AsyncIterator[RadarrSimulator]:
    async with RadarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def sonarr(clock: ManualClock) -> AsyncIterator[SonarrSimulator]:
    async with SonarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def prowlarr(clock: ManualClock) -> AsyncIterator[ProwlarrSimulator]:
    async with ProwlarrSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def docker(clock: ManualClock) -> AsyncIterator[DockerSimulator]:
    async with DockerSimulator("1.44", clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def gluetun(clock: ManualClock) -> AsyncIterator[GluetunSimulator]:
    async with GluetunSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def seerr(clock: ManualClock) -> AsyncIterator[SeerrSimulator]:
    async with SeerrSimulator(clock=clock) as simulator:
        yield simulator


def subentry(
    kind: str, simulator: Simulator | str, subentry_id: str, *, title: str | None = None, **connection: Any
) -> ConfigSubentryDataWithId:
    """Return the subentry of a simulated backend."""
    url = simulator if isinstance(simulator, str) else simulator.url
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type=kind,
        title=title or kind,
        unique_id=f"{kind}:{url.removeprefix('http://')}",
        data={"connection": {"url": url, "verify_ssl": True, **connection}, "preferences": {}},
    )


def qbittorrent_subentry(simulator: Simulator | str) -> ConfigSubentryDataWithId:
    """Return the subentry of the simulated qBittorrent."""
    return subentry("qbittorrent", simulator, QBITTORRENT_ID, title="qBittorrent", username=USERNAME, password=PASSWORD)


def servarr_subentry(
    simulator: Servarr, subentry_id: str, *, preferences: dict[str, Any] | None = None
) -> ConfigSubentryDataWithId:
    """Return the subentry of a simulated Radarr, Sonarr or Prowlarr."""
    made = subentry(simulator.name, simulator, subentry_id, title=simulator.application, api_key=simulator.api_key)
    return ConfigSubentryDataWithId(**{**made, "data": {**made["data"], "preferences": preferences or {}}})


def seerr_subentry(simulator: SeerrSimulator) -> ConfigSubentryDataWithId:
    """Return the subentry of a simulated Seerr."""
    return subentry("seerr", simulator, SEERR_ID, title=simulator.title, api_key=simulator.api_key)


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop go on until something holds; fail when it takes too long.

    Measured by a clock that nobody freezes: what a thread or a socket needs are no turns of the event loop.
    """
    deadline = freezing.real_monotonic() + PATIENCE_SECONDS  # by this name: one that is imported gets frozen, too
    while not condition():
        if freezing.real_monotonic() > deadline:
            pytest.fail("it never came to hold")
        await asyncio.sleep(0)


@pytest.fixture
def all_entities_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with patch.object(Entity, "entity_registry_enabled_default", True):
        yield


@pytest.fixture
def leaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time leap as far as a test wants, without the machine having slept."""
    monkeypatch.setattr(Turns, "asleep_after", timedelta(days=36500))


@pytest.fixture
def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, clock: ManualClock, leaps: None) -> PassTime:
    """Let time pass for Home Assistant and the simulators, in steps, and wait for what that leads to."""
    hass.loop.slow_callback_duration = float("inf")  # a leap in time is not a slow callback
    freezer.move_to(clock.now())

    async def move(step: timedelta, times: int = 1, *, settle: bool = True) -> None:
        """Do not wait for background work unless `settle`: it never ends by itself while a backend hangs."""
        for _ in range(times):
            clock.advance(step)
            freezer.tick(step)
            async_fire_time_changed(hass)
            await hass.async_block_till_done(wait_background_tasks=settle)

    return move


@pytest.fixture
async def set_up(hass: HomeAssistant) -> AsyncIterator[SetUp]:
    """Set up the hub with subentries, and take it down after the test."""
    entries: list[MockConfigEntry] = []

    async def add(*subentries: ConfigSubentryDataWithId, settle: bool = True) -> MockConfigEntry:
        """Set up; do not wait for background work unless `settle` (it never ends while a backend hangs)."""
        entry = MockConfigEntry(domain=DOMAIN, title="SOKOUL", subentries_data=list(subentries), entry_id=HUB_ID)
        entry.add_to_hass(hass)
        entries.append(entry)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=settle)
        return entry

    yield add
    for entry in entries:
        if entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
