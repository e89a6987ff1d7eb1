"""Backends that are added, changed and removed while everything runs: only the one that is meant notices."""

from dataclasses import replace
from datetime import timedelta
import threading
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_component import DATA_INSTANCES
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.topology import Correction
from custom_components.sokoul.world import CORRECTIONS_KEY, MANY_TORRENTS, SAMPLES_KEY
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


def entities(hass: HomeAssistant) -> dict[str, Entity]:
    """Return the entity objects of the hub by entity id."""
    return {
        entity.entity_id: entity
        for component in hass.data[DATA_INSTANCES].values()
        for entity in component.entities
        if entity.platform.platform_name == DOMAIN
    }


def of_backend(hass: HomeAssistant, subentry_id: str) -> set[str]:
    registry = er.async_get(hass)
    return {
        each.entity_id
        for each in er.async_entries_for_config_entry(registry, HUB_ID)
        if each.config_subentry_id == subentry_id
    }


def made(data: Any) -> ConfigSubentry:
    return ConfigSubentry(**{**data, "data": MappingProxyType(data["data"])})


async def settle(hass: HomeAssistant) -> None:
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
async def entry(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp
) -> MockConfigEntry:
    return await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))


async def test_an_added_backend_starts_and_the_others_do_not_notice(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
) -> None:
    before = entities(hass)
    asked = len(qbittorrent.requests), len(radarr.requests)
    hass.config_entries.async_add_subentry(entry, made(servarr_subentry(sonarr, SONARR_ID)))
    await settle(hass)
    assert hass.states.is_state("sensor.sonarr_missing", str(len(sonarr.missing())))
    assert hass.states.is_state("binary_sensor.sonarr_connection", STATE_ON)
    assert "sensor.sonarr_disk_data_free_space" in of_backend(hass, SONARR_ID)
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, SONARR_ID), HUB_ID)
    hub = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, HUB_ID), HUB_ID)
    assert device is not None
    assert hub is not None
    assert (device.via_device_id, device.sw_version) == (hub.id, sonarr.version)
    after = entities(hass)
    assert {key: after[key] for key in before} == before  # the same objects
    assert (len(qbittorrent.requests), len(radarr.requests)) == asked


async def test_a_removed_backend_leaves_nothing_behind(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
    pass_time: PassTime,
) -> None:
    hub = entry.runtime_data
    hub.backends[QBITTORRENT_ID].remember("note", 1)
    hub.view.take_samples(hass_now := qbittorrent.clock.now())
    assert any(key.startswith(QBITTORRENT_ID) for key in hub.memory.get(SAMPLES_KEY))
    kept = {key: each for key, each in entities(hass).items() if key in of_backend(hass, RADARR_ID)}
    hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await settle(hass)
    assert list(hub.backends) == [RADARR_ID]
    assert of_backend(hass, QBITTORRENT_ID) == set()
    assert not [each for each in hass.states.async_entity_ids() if "qbittorrent" in each]
    assert dr.async_get(hass).async_get_device_by_identifier((DOMAIN, QBITTORRENT_ID), HUB_ID) is None
    assert hub.memory.of_backend(QBITTORRENT_ID) == {}
    hub.view.take_samples(hass_now + timedelta(hours=1))
    assert not any(key.startswith(QBITTORRENT_ID) for key in hub.memory.get(SAMPLES_KEY))
    assert [seen.path for seen in qbittorrent.requests][-1] == "/api/v2/auth/logout"
    asked = len(qbittorrent.requests)
    await pass_time(timedelta(minutes=1), times=10)
    assert len(qbittorrent.requests) == asked
    assert {key: each for key, each in entities(hass).items() if key in kept} == kept
    assert hass.states.is_state("binary_sensor.radarr_connection", STATE_ON)


async def test_any_kind_of_backend_may_tell_how_much_is_free(
    hass: HomeAssistant, set_up: SetUp, radarr: RadarrSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    larder = replace(CONNECTORS["radarr"], free_space=lambda _: {"shelf": 7})
    monkeypatch.setitem(CONNECTORS, "radarr", larder)
    hub = (await set_up(servarr_subentry(radarr, RADARR_ID))).runtime_data
    now = radarr.clock.now()
    hub.view.take_samples(now)
    assert hub.view.samples() == {f"{RADARR_ID}/shelf": [[round(now.timestamp()), 7]]}
    await radarr.refuse()
    await hub.refresh([RADARR_ID])
    hub.view.take_samples(now + timedelta(hours=1))  # of one that is away nobody knows
    assert hub.view.samples() == {f"{RADARR_ID}/shelf": [[round(now.timestamp()), 7]]}


async def test_removing_a_backend_that_is_away_takes_its_issue_along(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    await radarr.refuse()
    await pass_time(timedelta(minutes=2), times=5)
    issues = ir.async_get(hass)
    assert issues.async_get_issue(DOMAIN, f"unavailable_{RADARR_ID}")
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await settle(hass)
    await pass_time(timedelta(minutes=6), times=3)
    assert not [issue for issue in issues.issues.values() if issue.domain == DOMAIN]


async def test_removing_a_backend_that_hangs_does_not_hold_up_a_new_one(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, sonarr: SonarrSimulator
) -> None:
    hub = entry.runtime_data
    radarr.fault("hang")
    poll = hass.async_create_background_task(hub.refresh([RADARR_ID]), "a poll that hangs")
    removed = hub.backends[RADARR_ID]
    await until(lambda: removed._reading)
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    hass.config_entries.async_add_subentry(entry, made(servarr_subentry(sonarr, SONARR_ID)))
    await until(lambda: hass.states.is_state("binary_sensor.sonarr_connection", STATE_ON))
    await poll
    assert removed._unsub_refresh is None
    assert not [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]


async def test_a_changed_backend_goes_on_with_the_same_entities(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    qbittorrent: QbittorrentSimulator,
    radarr: RadarrSimulator,
) -> None:
    before = entities(hass)
    asked = len(qbittorrent.requests)
    async with RadarrSimulator(clock=radarr.clock, api_key=radarr.api_key) as moved:
        moved.health_issue("IndexerStatusCheck", "warning", "Indexers unavailable")
        await radarr.refuse()
        hass.config_entries.async_update_subentry(
            entry, entry.subentries[RADARR_ID], data=servarr_subentry(moved, RADARR_ID)["data"], title="Movies"
        )
        await settle(hass)
        assert entities(hass) == before
        assert hass.states.is_state("binary_sensor.radarr_health_problem", STATE_ON)
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, RADARR_ID), HUB_ID)
        assert device is not None
        assert (device.name, device.configuration_url) == ("Movies", moved.url)
        assert len(qbittorrent.requests) == asked
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_change_to_a_wrong_address_shows_and_gets_its_own_grace_time(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, pass_time: PassTime
) -> None:
    await pass_time(timedelta(minutes=30))
    data = servarr_subentry(radarr, RADARR_ID)["data"]
    connection = {**data["connection"], "url": "http://127.0.0.1:9"}
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[RADARR_ID], data={**data, "connection": connection}
    )
    await settle(hass)
    assert hass.states.is_state("sensor.radarr_missing", STATE_UNAVAILABLE)
    issues = ir.async_get(hass)
    await pass_time(timedelta(minutes=4))
    assert issues.async_get_issue(DOMAIN, f"unavailable_{RADARR_ID}") is None
    await pass_time(timedelta(minutes=2))
    assert issues.async_get_issue(DOMAIN, f"unavailable_{RADARR_ID}")
    # another wrong address begins anew
    connection = {**data["connection"], "url": "http://127.0.0.1:9/radarr"}
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[RADARR_ID], data={**data, "connection": connection}
    )
    await settle(hass)
    assert issues.async_get_issue(DOMAIN, f"unavailable_{RADARR_ID}") is None
    await pass_time(timedelta(minutes=6))
    assert issues.async_get_issue(DOMAIN, f"unavailable_{RADARR_ID}")
    # a correction takes it back at once
    hass.config_entries.async_update_subentry(entry, entry.subentries[RADARR_ID], data=data)
    await settle(hass)
    assert issues.async_get_issue(DOMAIN, f"unavailable_{RADARR_ID}") is None
    assert hass.states.is_state("sensor.radarr_missing", str(len(radarr.missing())))


async def test_the_session_at_the_old_connection_is_ended(
    hass: HomeAssistant, entry: MockConfigEntry, qbittorrent: QbittorrentSimulator
) -> None:
    data = entry.subentries[QBITTORRENT_ID].data
    qbittorrent.requests.clear()
    hass.config_entries.async_update_subentry(
        entry,
        entry.subentries[QBITTORRENT_ID],
        data={**data, "connection": {**data["connection"], "verify_ssl": False}},
    )
    await settle(hass)
    paths = [seen.path for seen in qbittorrent.requests]
    assert paths.count("/api/v2/auth/login") == paths.count("/api/v2/auth/logout") == 1


async def test_who_serves_whom_follows_a_changed_address_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator
) -> None:
    hub = entry.runtime_data
    radarr.add_qbittorrent(qbittorrent.url)
    await hub.refresh([RADARR_ID])
    backend = hub.backends[RADARR_ID]
    backend.reader = backend.connector.reader(backend.client)  # which reads the wiring at once
    await backend.async_refresh()
    hub.view.forget_topology()
    now = qbittorrent.clock.now()
    assert hub.view.world(now).topology.targets(RADARR_ID)
    async with QbittorrentSimulator(clock=qbittorrent.clock) as other:
        hass.config_entries.async_update_subentry(
            entry, entry.subentries[QBITTORRENT_ID], data=qbittorrent_subentry(other)["data"]
        )
        await settle(hass)
        assert not hub.view.world(now).topology.targets(RADARR_ID)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_changed_preferences_do_not_connect_anew(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator
) -> None:
    backend = entry.runtime_data.backends[RADARR_ID]
    client = backend.client
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[RADARR_ID], data={**entry.subentries[RADARR_ID].data, "preferences": {"push": False}}
    )
    await settle(hass)
    assert backend.client is client
    assert backend.preferences == {"push": False}


async def test_an_added_kind_that_is_not_known_is_left_out(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    hass.config_entries.async_add_subentry(entry, made(subentry("hyperloader", "http://127.0.0.1:9", "01HYPER")))
    await settle(hass)
    assert set(entry.runtime_data.backends) == {QBITTORRENT_ID, RADARR_ID}


async def test_an_answer_that_comes_after_the_removal_makes_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, radarr: RadarrSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Between the removal of a subentry and the moment in which the hub hears of it."""
    backend = entry.runtime_data.backends[RADARR_ID]
    with patch.object(entry.runtime_data, "apply_subentries"):
        hass.config_entries.async_remove_subentry(entry, RADARR_ID)
        await settle(hass)
        type_of_disk = type(radarr.disks[0])
        radarr.disks.append(type_of_disk("/new", "", 1, 2))
        backend.reader = backend.connector.reader(backend.client)  # which reads the disks at once
        await backend.async_refresh()
    assert of_backend(hass, RADARR_ID) == set()
    assert dr.async_get(hass).async_get_device_by_identifier((DOMAIN, RADARR_ID), HUB_ID) is None
    assert "Unexpected error" not in caplog.text
    entry.runtime_data.apply_subentries()
    await settle(hass)
    assert RADARR_ID not in entry.runtime_data.backends


async def test_what_was_remembered_of_backends_that_are_gone_is_forgotten_at_the_start(
    hass: HomeAssistant, hass_storage: dict[str, Any], radarr: RadarrSimulator, set_up: SetUp
) -> None:
    hass_storage[f"{DOMAIN}.{HUB_ID}"] = {
        "version": 1,
        "minor_version": 1,
        "key": f"{DOMAIN}.{HUB_ID}",
        "data": {"backends": {"01GONE": {"note": 1}, RADARR_ID: {"note": 2}}},
    }
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    assert entry.runtime_data.memory.of_backend("01GONE") == {}
    assert entry.runtime_data.memory.of_backend(RADARR_ID) == {"note": 2}


async def test_free_space_is_sampled_every_hour(
    hass: HomeAssistant,
    pass_time: PassTime,
    entry: MockConfigEntry,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
) -> None:
    hass.config_entries.async_add_subentry(entry, made(servarr_subentry(prowlarr, PROWLARR_ID)))
    await settle(hass)
    await pass_time(timedelta(hours=1), times=3)
    await radarr.refuse()
    await pass_time(timedelta(minutes=2))
    await pass_time(timedelta(hours=1), times=2)
    samples = entry.runtime_data.view.samples()
    assert not [key for key in samples if key.startswith(PROWLARR_ID)]  # it has no disk
    assert len(samples[f"{RADARR_ID}//data"]) == 3  # what a backend that is away said last is no sample
    assert len(samples[f"{QBITTORRENT_ID}/"]) == 5
    assert samples[f"{RADARR_ID}//data"][0][1] == radarr.disks[-1].free_bytes
    await pass_time(timedelta(days=31))
    assert f"{RADARR_ID}//data" not in entry.runtime_data.view.samples()


async def test_thousands_of_downloads_are_joined_beside_the_event_loop(
    hass: HomeAssistant, entry: MockConfigEntry, qbittorrent: QbittorrentSimulator
) -> None:
    hub = entry.runtime_data
    assert hub.overview is not None
    assert hub.overview.counts.total == 0
    qbittorrent.populate(MANY_TORRENTS + 500)
    qbittorrent.churn(1.0)
    shown: list[int] = []  # while another thread joins
    update, loop_thread = hub.view._index.update, threading.get_ident()

    def noted(*args: Any, **options: Any) -> Any:
        if threading.get_ident() != loop_thread:
            shown.append(hub.overview.counts.total)
        return update(*args, **options)

    # several polls came before anybody joined what they brought
    await hub.backends[QBITTORRENT_ID].client.snapshot()
    qbittorrent.churn(0.1)
    with patch.object(hub.view._index, "update", noted):
        await hub.refresh([QBITTORRENT_ID])
        await settle(hass)
    assert shown == [0]  # what counted before
    assert hub.overview.counts.total == MANY_TORRENTS + 500
    assert hass.states.is_state("sensor.sokoul_finished_downloads", str(hub.overview.counts.finished))
    assert len(await hub.view.index(qbittorrent.clock.now())) == MANY_TORRENTS + 500


async def test_a_correction_that_can_not_be_read_is_left_out(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    hub = entry.runtime_data
    good = Correction(RADARR_ID, "1", QBITTORRENT_ID, True)
    hub.view.correct((good,))
    hub.memory.set(CORRECTIONS_KEY, [*hub.memory.get(CORRECTIONS_KEY), {"source": RADARR_ID}, "nonsense"])
    assert hub.view.corrections == (good,)
    assert caplog.text.count("not readable") == 2
