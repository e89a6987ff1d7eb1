"""Every entity of every kind of backend: what it shows, how it is described, what it is called, and that it follows."""

from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.binary_sensor import CONNECTIVITY
from custom_components.sokoul.connectors.registry import CONNECTORS
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.governor_entities import GOVERNOR_BINARY_SENSORS, GOVERNOR_SENSORS, GOVERNOR_SWITCHES
from custom_components.sokoul.guard_entities import GUARD_BUTTONS, GUARD_EVENTS, GUARD_SENSORS, GUARD_SWITCHES
from custom_components.sokoul.healing import HEALING_EVENTS, HEALING_SELECTS, HEALING_SENSORS, HEALING_SWITCHES
from custom_components.sokoul.journal_report import rule_name
from custom_components.sokoul.model.backend import DOWNLOAD_CLIENT_KINDS
from custom_components.sokoul.overview import HUB_BINARY_SENSORS, HUB_SENSORS
from custom_components.sokoul.port_entities import PORT_BINARY_SENSORS, PORT_SENSORS, PORT_SWITCHES
from custom_components.sokoul.sensor import COMMON_SENSORS
from custom_components.sokoul.watchlist_entities import WATCHLIST_EVENTS, WATCHLIST_LISTS, WATCHLIST_SENSORS
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.releases import INDEXERS
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
)
from .stack import DOWNLOAD_RATE, FREE_BYTES, Stack

TABLE = Path(__file__).with_name("entities.txt")
TRANSLATIONS = Path(__file__).parents[2] / "custom_components/sokoul/translations"
NAMES = {
    HUB_ID: "hub",
    QBITTORRENT_ID: "qbittorrent",
    RADARR_ID: "radarr",
    SONARR_ID: "sonarr",
    PROWLARR_ID: "prowlarr",
}

#: What every download client has because of its guards.
GUARDED = (
    *GUARD_BUTTONS,
    *GUARD_EVENTS,
    *GUARD_SENSORS,
    *GUARD_SWITCHES,
    *PORT_BINARY_SENSORS,
    *PORT_SENSORS,
    *PORT_SWITCHES,
    *GOVERNOR_BINARY_SENSORS,
    *GOVERNOR_SENSORS,
)


@pytest.fixture
async def stack(
    qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, sonarr: SonarrSimulator, prowlarr: ProwlarrSimulator
) -> Stack:
    made = Stack(qbittorrent, radarr, sonarr, prowlarr)
    await made.fill()
    return made


def entries(hass: HomeAssistant) -> list[er.RegistryEntry]:
    return er.async_entries_for_config_entry(er.async_get(hass), HUB_ID)


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return found.state


def short(unique_id: str) -> str:
    """Return a unique id with the backend's name in place of its id."""
    owner, _, rest = unique_id.partition("_")
    return f"{NAMES[owner]}_{rest}"


async def test_every_entity_has_its_value_and_its_description(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, all_entities_enabled: None, pass_time: PassTime
) -> None:
    """The table is reviewed by hand: what it says of the stack is what goes on there.

    Those of the rules are left out, because they are the same for each of them (`test_healing_entities.py`).
    """
    await set_up(*stack.subentries())
    rows = []
    for entry in entries(hass):
        if entry.translation_key in {"rule_autonomy", "rule_healing"}:
            continue
        shown = hass.states.get(entry.entity_id)
        assert shown is not None
        facts = (
            entry.domain,
            short(entry.unique_id),
            shown.state,
            entry.unit_of_measurement or "",
            entry.original_device_class or "",
            (entry.capabilities or {}).get("state_class", ""),
            entry.entity_category or "",
        )
        rows.append(" | ".join(facts).rstrip(" |"))
    found = "\n".join(sorted(rows)) + "\n"
    assert found == TABLE.read_text()


async def test_every_description_made_its_entity(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, all_entities_enabled: None
) -> None:
    await set_up(*stack.subentries())
    own_tables = (
        *HUB_SENSORS,
        *HUB_BINARY_SENSORS,
        *HEALING_SENSORS,
        *HEALING_SELECTS,
        *HEALING_SWITCHES,
        *HEALING_EVENTS,
        *GOVERNOR_SWITCHES,
        *WATCHLIST_SENSORS,
        *WATCHLIST_EVENTS,
        *WATCHLIST_LISTS,  # the list, its events and its calendar have one id, each on its platform
    )
    wanted = {f"{HUB_ID}_{each.key}" for each in own_tables}
    found = {entry.unique_id for entry in entries(hass)}
    for backend_id, kind in NAMES.items():
        if (connector := CONNECTORS.get(kind)) is None:
            continue
        own = (
            *connector.sensors,
            *connector.binary_sensors,
            *connector.switches,
            *connector.numbers,
            *connector.calendars,
            *COMMON_SENSORS,
            CONNECTIVITY,
            *(GUARDED if kind in DOWNLOAD_CLIENT_KINDS else ()),
        )
        wanted |= {f"{backend_id}_{each.key}" for each in own}
        for parts in connector.parts:
            keys = {each.key for each in (*parts.sensors, *parts.binary_sensors)}
            ids = {unique_id for unique_id in found if unique_id.startswith(f"{backend_id}_{parts.key}_")}
            assert {key for key in keys if any(unique_id.endswith(f"_{key}") for unique_id in ids)} == keys
            assert len(ids) % len(keys) == 0
            wanted |= ids
    assert found == wanted


async def test_the_quiet_ones_are_enabled_and_the_noisy_ones_are_not(
    hass: HomeAssistant, stack: Stack, set_up: SetUp
) -> None:
    await set_up(*stack.subentries())
    disabled = {short(entry.unique_id) for entry in entries(hass) if entry.disabled_by}
    own = {
        unique_id
        for unique_id in disabled
        if not unique_id.startswith(("prowlarr_indexer", "radarr_disk", "sonarr_disk"))
    }
    assert own == {
        *(f"{kind}_latency" for kind in CONNECTORS if kind in NAMES.values()),
        "radarr_next_release",
        "sonarr_next_release",
        "qbittorrent_all_time_download",
        "qbittorrent_all_time_upload",
        "qbittorrent_checking",
        "qbittorrent_completed",
        "qbittorrent_queued",
        "qbittorrent_ratio",
        "qbittorrent_stopped",
        "qbittorrent_torrents",
        "qbittorrent_vpn_held",
    }
    parts = {unique_id.rsplit("_", 2)[-2] + "_" + unique_id.rsplit("_", 1)[-1] for unique_id in disabled - own}
    assert parts == {"disk_total", "response_time", "indexer_queries", "failed_queries", "indexer_grabs"}


@pytest.mark.parametrize("language", ["en", "fr"])
async def test_every_entity_is_named_in_the_language_of_home_assistant(
    language: str, hass: HomeAssistant, stack: Stack, set_up: SetUp, all_entities_enabled: None
) -> None:
    hass.config.language = language
    await set_up(*stack.subentries())
    texts: dict[str, Any] = json.loads((TRANSLATIONS / f"{language}.json").read_text())["entity"]
    for entry in entries(hass):
        assert entry.translation_key
        name = texts[entry.domain][entry.translation_key]["name"]
        rule = entry.unique_id.removeprefix(f"{HUB_ID}_").removesuffix("_autonomy").removesuffix("_healing")
        assert entry.original_name == name.format(rule=rule_name(rule, wording.get(language)))
        assert entry.has_entity_name
    by_id = {short(entry.unique_id): entry.original_name for entry in entries(hass)}
    assert by_id["qbittorrent_pause"] == {"en": "Pause everything", "fr": "Tout mettre en pause"}[language]
    shown = hass.states.get("binary_sensor.prowlarr_open_harbour_connection") or hass.states.get(
        "binary_sensor.prowlarr_open_harbour_connexion"
    )
    assert shown is not None
    assert shown.name == f"Open Harbour {by_id['prowlarr_indexer_1_indexer_up']}"


async def test_the_numbers_of_the_hub_are_those_of_its_backends(
    hass: HomeAssistant, stack: Stack, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(*stack.subentries())
    assert float(state(hass, "sensor.sokoul_total_speed")) == DOWNLOAD_RATE / 1e6
    assert float(state(hass, "sensor.sokoul_free_space")) == FREE_BYTES / 1e9
    assert state(hass, "sensor.sokoul_active_downloads") == "3"
    assert state(hass, "sensor.sokoul_stuck_downloads") == "3"  # an error, missing files, an import that is blocked
    await stack.qbittorrent.refuse()
    await pass_time(timedelta(seconds=30))
    assert state(hass, "sensor.sokoul_active_downloads") == STATE_UNAVAILABLE
    assert state(hass, "binary_sensor.sokoul_backends_away") == STATE_ON


async def test_a_download_gets_stuck_by_time_alone(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """Nothing changes at the client, so that nothing is polled that would tell."""
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.add_torrent("nobody has it", "stalled")
    await pass_time(timedelta(minutes=1))
    assert state(hass, "sensor.sokoul_stuck_downloads") == "0"
    await pass_time(timedelta(hours=1), times=5)
    assert state(hass, "sensor.sokoul_stuck_downloads") == "0"
    await pass_time(timedelta(hours=1), times=1)
    await pass_time(timedelta(minutes=5), times=1)
    assert state(hass, "sensor.sokoul_stuck_downloads") == "1"


# --- parts that come and go ------------------------------------------------------------------------------------------


def part_names(hass: HomeAssistant, backend_id: str) -> set[str | None]:
    registry = dr.async_get(hass)
    parent = registry.async_get_device_by_identifier((DOMAIN, backend_id), HUB_ID)
    assert parent is not None
    return {child.name for child in dr.async_entries_for_parent_device(registry, parent.id)}


async def test_an_indexer_goes_and_comes_back(
    hass: HomeAssistant, prowlarr: ProwlarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID))
    indexers = prowlarr.indexers.items
    number, provider = next(iter(indexers.items()))
    entity_id = er.async_get(hass).async_get_entity_id(
        "binary_sensor", DOMAIN, f"{PROWLARR_ID}_indexer_{number}_indexer_up"
    )
    assert entity_id is not None
    er.async_get(hass).async_update_entity(entity_id, name="My favourite")
    assert provider.name in part_names(hass, PROWLARR_ID)
    others = {each.name for each in indexers.values()} - {provider.name}

    del indexers[number]
    await pass_time(timedelta(minutes=3))
    assert part_names(hass, PROWLARR_ID) == others
    assert hass.states.get(entity_id) is None
    assert er.async_get(hass).async_get(entity_id) is None
    await pass_time(timedelta(minutes=3), times=3)  # and stays away

    indexers[number] = provider
    await pass_time(timedelta(minutes=3))
    assert part_names(hass, PROWLARR_ID) == others | {provider.name}
    assert state(hass, entity_id) == STATE_ON
    found = er.async_get(hass).async_get(entity_id)
    assert found is not None
    assert found.name == "My favourite"  # what a person made of it is not lost
    prowlarr.fail_indexer(number)
    await pass_time(timedelta(minutes=3))
    assert state(hass, entity_id) == "off"
    assert entry.runtime_data.backends[PROWLARR_ID].answering


async def test_an_indexer_that_is_new_or_renamed_shows(
    hass: HomeAssistant, prowlarr: ProwlarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(servarr_subentry(prowlarr, PROWLARR_ID))
    before = part_names(hass, PROWLARR_ID)
    new = prowlarr.add_indexer(INDEXERS[0])
    new.name = "Brand new"
    await pass_time(timedelta(minutes=3))
    assert part_names(hass, PROWLARR_ID) == before | {"Brand new"}
    assert state(hass, "binary_sensor.prowlarr_brand_new_connection") == STATE_ON
    new.name = "Renamed"
    await pass_time(timedelta(minutes=3))
    assert part_names(hass, PROWLARR_ID) == before | {"Renamed"}
    shown = hass.states.get("binary_sensor.prowlarr_brand_new_connection")
    assert shown is not None
    assert shown.name == "Renamed Connection"


async def test_a_disk_goes_and_comes_back(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(servarr_subentry(radarr, RADARR_ID))
    assert state(hass, "sensor.radarr_disk_data_free_space") == "3100.0"
    disk = radarr.disks.pop()
    await pass_time(timedelta(minutes=11))
    assert hass.states.get("sensor.radarr_disk_data_free_space") is None
    assert part_names(hass, RADARR_ID) == {"Disk /"}
    disk.free_bytes = 10**12
    radarr.disks.append(disk)
    await pass_time(timedelta(minutes=11))
    assert state(hass, "sensor.radarr_disk_data_free_space") == "1000.0"


async def test_mounts_that_are_no_disks_are_left_out(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp
) -> None:
    kind = type(radarr.disks[0])
    radarr.disks.extend([kind("/etc/hosts", "", 1, 2), kind("/run/secrets", "", 1, 2), kind("/media/nas", "nas", 0, 0)])
    await set_up(servarr_subentry(radarr, RADARR_ID))
    assert part_names(hass, RADARR_ID) == {"Disk /", "Disk data", "Disk nas"}
    assert state(hass, "sensor.radarr_disk_nas_used") == "unknown"  # of a size that nobody knows


async def test_parts_stay_while_their_backend_is_away(
    hass: HomeAssistant, prowlarr: ProwlarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up(servarr_subentry(prowlarr, PROWLARR_ID))
    before = part_names(hass, PROWLARR_ID)
    await prowlarr.refuse()
    await pass_time(timedelta(minutes=3))
    assert part_names(hass, PROWLARR_ID) == before
    assert state(hass, "binary_sensor.prowlarr_open_harbour_connection") == STATE_UNAVAILABLE


async def test_a_back_off_of_prowlarr_that_is_over_is_over(
    hass: HomeAssistant, prowlarr: ProwlarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    number = next(iter(prowlarr.indexers.items))
    await set_up(servarr_subentry(prowlarr, PROWLARR_ID))
    prowlarr.fail_indexer(number, timedelta(minutes=15))
    await pass_time(timedelta(minutes=3))
    assert state(hass, "sensor.prowlarr_indexers_down") == "1"
    await pass_time(timedelta(minutes=3), times=5)
    assert state(hass, "sensor.prowlarr_indexers_down") == "0"
    assert state(hass, "binary_sensor.prowlarr_open_harbour_connection") == STATE_ON


# --- switches, numbers, calendars ------------------------------------------------------------------------------------


async def test_the_alternative_limits_are_switched(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    switch = {"entity_id": "switch.qbittorrent_alternative_speed_limits"}
    await hass.services.async_call("switch", "turn_on", switch, blocking=True)
    assert qbittorrent.engine.alternative_limits
    assert state(hass, switch["entity_id"]) == STATE_ON  # at once, not with the next poll
    await hass.services.async_call("switch", "turn_off", switch, blocking=True)
    assert not qbittorrent.engine.alternative_limits
    assert state(hass, switch["entity_id"]) == "off"


@pytest.mark.parametrize("side", ["download", "upload"])
@pytest.mark.parametrize("version", ["4.5", "5.2"])
async def test_a_limit_is_set_and_shown_as_it_was_typed(
    side: str, version: str, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    """Bytes at the client, which rounds to KiB: that must not come back as 0.2998046875."""
    async with QbittorrentSimulator(
        version, username=qbittorrent.access.username, password=qbittorrent.access.password, clock=qbittorrent.clock
    ) as simulator:
        entry = await set_up(qbittorrent_subentry(simulator))
        number = f"number.qbittorrent_{side}_limit"
        for value in (0.3, 12.5, 0):
            await hass.services.async_call("number", "set_value", {"entity_id": number, "value": value}, blocking=True)
            limit = simulator.engine.limit("dl" if side == "download" else "up")
            assert abs(limit - value * 1_000_000) < 1024
            assert float(state(hass, number)) == value
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("fault", "options", "key"),
    [
        ("status", {"status": 500}, "unexpected_response"),
        ("status", {"status": 409, "body": "no"}, "rejected"),
        ("status", {"status": 404}, "not_found"),
        ("status", {"status": 429}, "rate_limited"),
        ("disconnect", {}, "no_answer"),
    ],
)
async def test_an_act_that_fails_says_why(
    fault: str,
    options: dict[str, Any],
    key: str,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    qbittorrent.fault(fault, "POST *", **options)
    data = {"entity_id": "number.qbittorrent_download_limit", "value": 5}
    with pytest.raises(HomeAssistantError) as raised:
        await hass.services.async_call("number", "set_value", data, blocking=True)
    assert raised.value.translation_domain == DOMAIN
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders is not None
    assert raised.value.translation_placeholders["backend"] == "qBittorrent"
    assert "qBittorrent" in str(raised.value)
    assert state(hass, "number.qbittorrent_download_limit") == "0.0"


async def test_a_calendar_shows_the_week_and_any_other_time(
    hass: HomeAssistant, sonarr: SonarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.config.time_zone = "UTC"
    await set_up(servarr_subentry(sonarr, SONARR_ID))
    calendar = "calendar.sonarr_releases"
    shown = hass.states.get(calendar)
    assert shown is not None
    airing = min(
        (each for series in sonarr.library.series.values() for each in series.episodes if each.airs and each.monitored),
        key=lambda each: abs(each.airs - sonarr.clock.now()) if each.airs > sonarr.clock.now() else timedelta.max,
    )
    assert airing.series.title in shown.attributes["message"]
    answer = await hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": calendar,
            "start_date_time": sonarr.clock.now() - timedelta(days=30),
            "end_date_time": sonarr.clock.now() - timedelta(days=1),
        },
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    past = answer[calendar]["events"]
    assert past
    assert all(each["end"] <= sonarr.clock.now().isoformat() for each in past)
    await sonarr.refuse()
    with pytest.raises(HomeAssistantError, match="nothing listens"):
        await hass.services.async_call(
            "calendar",
            "get_events",
            {"entity_id": calendar, "duration": {"days": 1}},
            blocking=True,
            return_response=True,
        )
