"""Set-up, unloading, and what one backend's trouble does to the others."""

from datetime import timedelta
import time
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.sokoul import async_remove_config_entry_device
from custom_components.sokoul.clients.http import DEFAULT_TIMEOUT_SECONDS
from custom_components.sokoul.const import DOMAIN
from devstack.frame import Simulator
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import (
    HUB_ID,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    subentry,
    until,
)

#: Nobody listens on this port of loopback: it is the "discard" port, and not privileged programs can't take it.
DEAD = "http://127.0.0.1:9"
#: More than the longest back-off.
RECOVERY = timedelta(minutes=3)


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return found.state


def device_of(hass: HomeAssistant, identifier: str) -> dr.DeviceEntry:
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, identifier), HUB_ID)
    assert device is not None
    return device


async def test_a_qbittorrent_shows_its_torrents(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    qbittorrent.add_torrent("Dune.2021.1080p.WEB-DL-GROUP", "downloading")
    qbittorrent.add_torrent("Silo.S01E01.1080p.WEB-DL-GROUP", "stalled")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    assert entry.state is ConfigEntryState.LOADED
    assert state(hass, "sensor.qbittorrent_stalled") == "1"
    assert state(hass, "sensor.qbittorrent_downloading") == "1"
    assert state(hass, "binary_sensor.qbittorrent_connection") == STATE_ON


async def test_a_whole_stack_is_a_tree_of_devices(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    set_up: SetUp,
) -> None:
    await set_up(
        qbittorrent_subentry(qbittorrent),
        servarr_subentry(radarr, RADARR_ID),
        servarr_subentry(sonarr, SONARR_ID),
        servarr_subentry(prowlarr, PROWLARR_ID),
    )
    hub = device_of(hass, HUB_ID)
    assert (hub.name, hub.manufacturer, hub.entry_type) == ("SOKOUL", "SOKOUL", dr.DeviceEntryType.SERVICE)
    assert hub.config_subentry_id is None
    table = {
        QBITTORRENT_ID: ("qBittorrent", "qBittorrent", "5.2.3", qbittorrent.url),
        RADARR_ID: ("Radarr", "Radarr", radarr.version, radarr.url),
        SONARR_ID: ("Sonarr", "Sonarr", sonarr.version, sonarr.url),
        PROWLARR_ID: ("Prowlarr", "Prowlarr", prowlarr.version, prowlarr.url),
    }
    for subentry_id, (name, model, version, url) in table.items():
        device = device_of(hass, subentry_id)
        assert (device.name, device.model, device.sw_version, device.configuration_url) == (name, model, version, url)
        assert device.via_device_id == hub.id
        assert device.config_subentry_id == subentry_id
        assert device.entry_type is dr.DeviceEntryType.SERVICE
    registry = dr.async_get(hass)
    children = {
        parent: sorted(
            child.name or "" for child in dr.async_entries_for_parent_device(registry, device_of(hass, parent).id)
        )
        for parent in (QBITTORRENT_ID, RADARR_ID, PROWLARR_ID)
    }
    assert children == {
        QBITTORRENT_ID: [],
        RADARR_ID: ["Disk /", "Disk data"],  # the folder of its own configuration is no disk
        PROWLARR_ID: sorted(each.name for each in prowlarr.indexers.items.values()),
    }


def fail(simulator: Simulator, fault: str) -> None:
    simulator.fault(fault, **({"status": 500, "body": "<traceback>"} if fault == "status" else {}))


@pytest.mark.parametrize("fault", ["refuse", "disconnect", "status", "html", "truncate_json", "wrong_types"])
async def test_a_backend_in_trouble_leaves_the_others_alone_and_comes_back(
    fault: str,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    if fault == "refuse":
        await radarr.refuse()
    else:
        fail(radarr, fault)
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    assert entry.state is ConfigEntryState.LOADED
    assert state(hass, "sensor.qbittorrent_downloading") == "0"
    assert state(hass, "binary_sensor.qbittorrent_connection") == STATE_ON
    assert state(hass, "sensor.radarr_missing") == STATE_UNAVAILABLE
    assert state(hass, "binary_sensor.radarr_connection") == "off"
    assert state(hass, "binary_sensor.sokoul_backends_away") == STATE_ON  # a problem
    radarr.clear_faults()
    await radarr.accept()
    await pass_time(RECOVERY)
    assert state(hass, "sensor.radarr_missing") == str(len(radarr.missing()))
    assert state(hass, "binary_sensor.radarr_connection") == STATE_ON
    assert state(hass, "binary_sensor.sokoul_backends_away") == "off"
    assert device_of(hass, RADARR_ID).sw_version == radarr.version
    assert er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{RADARR_ID}_disk_/data_disk_free")


@pytest.mark.parametrize("fault", ["refuse", "status", "html", "truncate_json", "wrong_types"])
async def test_a_backend_that_goes_away_later_comes_back(
    fault: str,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    if fault == "refuse":
        await qbittorrent.refuse()
    else:
        fail(qbittorrent, fault)
    await pass_time(timedelta(seconds=30))
    assert state(hass, "sensor.qbittorrent_download_speed") == STATE_UNAVAILABLE
    assert state(hass, "switch.qbittorrent_alternative_speed_limits") == STATE_UNAVAILABLE
    assert state(hass, "number.qbittorrent_download_limit") == STATE_UNAVAILABLE
    assert state(hass, "binary_sensor.qbittorrent_connection") == "off"
    assert state(hass, "binary_sensor.radarr_connection") == STATE_ON
    assert state(hass, "sensor.sokoul_active_downloads") == STATE_UNAVAILABLE  # nobody knows, which is not "none"
    qbittorrent.clear_faults()
    await qbittorrent.accept()
    await pass_time(RECOVERY)
    assert state(hass, "sensor.qbittorrent_download_speed") == "0.0"
    assert state(hass, "binary_sensor.qbittorrent_connection") == STATE_ON


async def test_a_backend_that_hangs_does_not_hold_up_the_start(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    radarr.fault("hang")
    begin = time.monotonic()
    with patch("custom_components.sokoul.hub.START_PATIENCE", timedelta(milliseconds=200)):
        entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID), settle=False)
    assert time.monotonic() - begin < DEFAULT_TIMEOUT_SECONDS / 2
    assert entry.state is ConfigEntryState.LOADED
    assert state(hass, "sensor.qbittorrent_downloading") == "0"
    assert state(hass, "sensor.radarr_missing") == STATE_UNAVAILABLE
    radarr.clear_faults()  # what hung is answered with 503, the next look is fine
    await hass.async_block_till_done(wait_background_tasks=True)
    await entry.runtime_data.refresh([RADARR_ID])
    assert state(hass, "sensor.radarr_missing") == str(len(radarr.missing()))


async def test_a_backend_that_begins_to_hang_is_given_up_after_a_while(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    qbittorrent.fault("hang")
    radarr.disks.pop()
    await pass_time(timedelta(seconds=30), settle=False)
    assert state(hass, "binary_sensor.qbittorrent_connection") == STATE_ON  # it may only be slow
    await pass_time(timedelta(seconds=11), settle=False)
    await until(lambda: state(hass, "binary_sensor.qbittorrent_connection") == "off")
    assert state(hass, "binary_sensor.radarr_connection") == STATE_ON
    qbittorrent.clear_faults()
    await pass_time(RECOVERY)
    assert state(hass, "binary_sensor.qbittorrent_connection") == STATE_ON


async def test_with_every_backend_dead_the_hub_still_loads(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up(
        subentry("qbittorrent", DEAD, QBITTORRENT_ID), subentry("radarr", DEAD, RADARR_ID, api_key="k")
    )
    assert entry.state is ConfigEntryState.LOADED
    assert state(hass, "sensor.sokoul_active_downloads") == STATE_UNAVAILABLE
    assert state(hass, "binary_sensor.sokoul_backends_away") == STATE_ON
    assert state(hass, "binary_sensor.qbittorrent_connection") == "off"


async def test_a_hub_alone_loads(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    assert entry.state is ConfigEntryState.LOADED
    assert state(hass, "sensor.sokoul_active_downloads") == STATE_UNAVAILABLE


async def test_a_kind_of_backend_from_a_newer_version_is_left_out(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), subentry("hyperloader", DEAD, "01HYPER"))
    assert "hyperloader" in caplog.text
    assert list(entry.runtime_data.backends) == [QBITTORRENT_ID]
    assert state(hass, "sensor.qbittorrent_downloading") == "0"


async def test_unloading_logs_out_and_loading_again_works(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert [seen.path for seen in qbittorrent.requests][-1] == "/api/v2/auth/logout"
    assert state(hass, "sensor.qbittorrent_downloading") == STATE_UNAVAILABLE
    asked = len(qbittorrent.requests), len(radarr.requests)
    await pass_time(timedelta(minutes=10))
    assert (len(qbittorrent.requests), len(radarr.requests)) == asked  # nobody polls any more
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state(hass, "sensor.qbittorrent_downloading") == "0"
    assert state(hass, "sensor.radarr_missing") == str(len(radarr.missing()))


async def test_unloading_is_not_held_up_by_a_backend_that_hangs(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.fault("hang")
    poll = hass.async_create_background_task(entry.runtime_data.refresh([QBITTORRENT_ID]), "a poll that hangs")
    await until(lambda: entry.runtime_data.backends[QBITTORRENT_ID]._reading)
    begin = time.monotonic()
    with patch("custom_components.sokoul.coordinator.FAREWELL_PATIENCE", timedelta(milliseconds=20)):
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert time.monotonic() - begin < DEFAULT_TIMEOUT_SECONDS / 2
    await poll
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert "did not complete in time" not in caplog.text


async def test_removing_the_hub_forgets_what_was_remembered(
    hass: HomeAssistant, hass_storage: dict[str, object], qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    entry.runtime_data.backends[QBITTORRENT_ID].remember("note", 1)
    await entry.runtime_data.memory.save_now()
    assert f"{DOMAIN}.{HUB_ID}" in hass_storage
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert f"{DOMAIN}.{HUB_ID}" not in hass_storage
    assert not dr.async_entries_for_config_entry(dr.async_get(hass), HUB_ID)


async def test_what_is_not_written_yet_is_written_with_the_end(
    hass: HomeAssistant, hass_storage: dict[str, Any], qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    entry.runtime_data.backends[QBITTORRENT_ID].remember("note", 1)
    await hass.config_entries.async_unload(entry.entry_id)
    assert hass_storage[f"{DOMAIN}.{HUB_ID}"]["data"]["backends"] == {QBITTORRENT_ID: {"note": 1}}


async def test_only_the_device_of_something_gone_can_be_removed(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    registry = dr.async_get(hass)
    disk = dr.async_entries_for_parent_device(registry, device_of(hass, RADARR_ID).id)[0]
    for present in (device_of(hass, HUB_ID), device_of(hass, RADARR_ID), disk):
        assert not await async_remove_config_entry_device(hass, entry, present)
    gone = registry.async_get_or_create(config_entry_id=HUB_ID, identifiers={(DOMAIN, "of an older version")})
    assert await async_remove_config_entry_device(hass, entry, gone)
    await hass.config_entries.async_unload(entry.entry_id)
    assert not await async_remove_config_entry_device(hass, entry, gone)
    # as long as a backend has not said which parts it has, any may be removed; those that are there come back
    await radarr.refuse()
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await async_remove_config_entry_device(hass, entry, disk)


async def test_the_hub_device_follows_the_name_of_the_entry(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    hass.config_entries.async_update_entry(entry, title="Media")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert device_of(hass, HUB_ID).name == "Media"


async def test_a_subentry_keeps_its_entities_over_a_change_of_its_name(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    subentry_before: ConfigSubentry = entry.subentries[QBITTORRENT_ID]
    asked = len(qbittorrent.requests)
    hass.config_entries.async_update_subentry(entry, subentry_before, title="Downloads")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert device_of(hass, QBITTORRENT_ID).name == "Downloads"
    found = hass.states.get("sensor.qbittorrent_downloading")
    assert found is not None
    assert found.name == "Downloads Downloading"
    assert len(qbittorrent.requests) == asked  # a name is no reason to log in again
