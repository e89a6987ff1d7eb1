"""System health."""

import json
from pathlib import Path
import re

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.sokoul.const import DOMAIN
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import RADARR_ID, SetUp, qbittorrent_subentry, servarr_subentry

TRANSLATIONS = Path(__file__).parents[2] / "custom_components/sokoul/translations"


@pytest.fixture(autouse=True)
async def _system_health(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "system_health", {})


async def test_it_counts_what_answers(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    qbittorrent.populate(7)
    await radarr.refuse()
    await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    info = await get_system_health_info(hass, DOMAIN)
    history = info.pop("history")
    assert re.fullmatch(r"SQLite, \d+(\.\d)? kB", history)
    assert info == {"backends": 2, "backends_answering": 1, "webhooks_seen": 0, "torrents": 7}
    for language in ("en", "fr"):
        texts = json.loads((TRANSLATIONS / f"{language}.json").read_text())["system_health"]["info"]
        assert set(texts) == {*info, "history"}


async def test_what_is_not_known_is_left_out(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, database: Path
) -> None:
    database.write_bytes(b"this is no database" * 100)
    await radarr.refuse()
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert await get_system_health_info(hass, DOMAIN) == {"backends": 1, "backends_answering": 0, "webhooks_seen": 0}
    await hass.config_entries.async_unload(entry.entry_id)
    assert await get_system_health_info(hass, DOMAIN) == {}
