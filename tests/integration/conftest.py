"""A Home Assistant with SOKOUL, connected over real HTTP on loopback to simulated backends."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.const import DOMAIN
from devstack.clock import ManualClock
from devstack.frame import Simulator
from devstack.qbittorrent import QbittorrentSimulator

USERNAME = "admin"
PASSWORD = "correct horse"
QBITTORRENT_ID = "01SOKOULQBITTORRENT0000000"

type SetUp = Callable[..., Awaitable[MockConfigEntry]]


@pytest.fixture(autouse=True)
async def _integration(enable_custom_integrations: None, hass: HomeAssistant, socket_enabled: None) -> None:
    await async_setup_component(hass, "homeassistant", {})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def qbittorrent(clock: ManualClock) -> AsyncIterator[QbittorrentSimulator]:
    simulator = QbittorrentSimulator("5.2", username=USERNAME, password=PASSWORD, clock=clock)
    async with simulator:
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


@pytest.fixture
async def set_up(hass: HomeAssistant) -> AsyncIterator[SetUp]:
    """Set up the hub with subentries, and take it down after the test."""
    entries: list[MockConfigEntry] = []

    async def add(*subentries: ConfigSubentryDataWithId) -> MockConfigEntry:
        entry = MockConfigEntry(domain=DOMAIN, title="SOKOUL", subentries_data=list(subentries), entry_id="01SOKOULHUB")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
        entries.append(entry)
        return entry

    yield add
    for entry in entries:
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
