"""Set-up, unloading, and what one backend's trouble does to the others."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from devstack.qbittorrent import QbittorrentSimulator

from .conftest import SetUp, qbittorrent_subentry


async def test_a_qbittorrent_shows_its_torrents(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    qbittorrent.add_torrent("Dune.2021.1080p.WEB-DL-GROUP", "downloading")
    qbittorrent.add_torrent("Silo.S01E01.1080p.WEB-DL-GROUP", "stalled")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    assert entry.state is ConfigEntryState.LOADED
    states = {state.entity_id: state.state for state in hass.states.async_all()}
    assert states["sensor.qbittorrent_stalled"] == "1"
    assert states["sensor.qbittorrent_downloading"] == "1"
    assert states["binary_sensor.qbittorrent_connection"] == "on"
