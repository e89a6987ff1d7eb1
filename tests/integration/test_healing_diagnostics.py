"""The diagnostics of healing: what support needs, and no secret."""

import json
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.sokoul.diagnostics import async_get_config_entry_diagnostics
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import PassTime, SetUp
from .healing import Lost, act, wait
from .test_diagnostics import ANNOUNCE, PASSKEY


@pytest.fixture(autouse=True)
async def _diagnostics(hass: HomeAssistant, _integration: None) -> None:
    assert await async_setup_component(hass, "diagnostics", {})


async def test_what_healing_does_is_in_them(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
    database: Path,
) -> None:
    lost = Lost(qbittorrent, radarr)
    lost.lose(2)
    pilot = await lost.begin(set_up, pass_time)
    rule = pilot.kernel.rules["stalled"]
    pilot.kernel.change(pilot.kernel.settings.with_policy(rule, {"trackers": [ANNOUNCE]}))
    await wait(pass_time)
    await act(hass, "approve", entry_id=pilot.kernel.suggestions[0].id)
    assert lost.entry is not None
    # not over HTTP: hours have passed, and the token of the test's client with them
    found = json.loads(json.dumps(await async_get_config_entry_diagnostics(hass, lost.entry), default=str))
    said = found["autopilot"]
    assert (said["running"], said["last_error"], said["watched"]) == (True, None, 2)
    assert said["database"]["kind"] == "SQLite"
    assert said["database"]["path"] == str(database)
    assert said["database"]["size_bytes"] >= database.stat().st_size > 0
    assert said["settings"]["autonomy"] == {"orphan": "suggest"}
    assert said["journal"] == {"orphan/done": 1, "orphan/suggested": 1}
    assert said["healed_today"] == 1
    (open_one,) = said["suggestions"]
    assert open_one["reason"]["key"] == "heal.orphan_not_in_client"
    assert said["failures"] == []
    text = json.dumps(found)
    assert PASSKEY not in text
    assert "private.northgate.example" in text


async def test_a_database_in_trouble_is_in_them(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, set_up: SetUp, database: Path
) -> None:
    database.write_bytes(b"this is no database" * 100)
    entry = await set_up()
    said = (await get_diagnostics_for_config_entry(hass, hass_client, entry))["autopilot"]
    assert said["running"] is False
    assert "not a database" in said["last_error"]
    assert said["database"]["size_bytes"] == 1900
    assert "settings" not in said


async def test_a_store_that_fails_leaves_the_rest(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, set_up: SetUp
) -> None:
    entry = await set_up()
    await entry.runtime_data.pilot.store.close()
    said = (await get_diagnostics_for_config_entry(hass, hass_client, entry))["autopilot"]
    assert said["journal"] == "the store was closed"
    assert said["settings"]["ceiling"] == "act"
