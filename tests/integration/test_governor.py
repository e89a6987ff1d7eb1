"""The governor in Home Assistant: what is demanded is done, once, and everything is as it was afterwards."""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import timedelta
import json
from pathlib import Path
import time
from typing import Any
from urllib.parse import parse_qsl

from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.sokoul.calls import Action
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.connectors.limiting import MEMORY_KEY as LIMITED
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.diagnostics import async_get_config_entry_diagnostics
from custom_components.sokoul.governing import Governing
from devstack.qbittorrent import QbittorrentSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.thermal import Fault, ThermalMachine
from tests.devstack.conftest import REAL_RELEASES, find_real

from .conftest import (
    HUB_ID,
    PASSWORD,
    QBITTORRENT_ID,
    USERNAME,
    Names,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    subentry,
)
from .flows import Result, form, step, suggested
from .test_options_flow import OTHER_ID, begin, choices, send
from .test_pause import add, running
from .test_thermal import CELSIUS, THERMAL_ID, make, pi, source, value

__all__ = ("make", "pi")  # the machine that Home Assistant runs on

KIB = 1024
OWN = 8_000 * KIB  # the person's limit
HOT = 4_999_168  # 5 MB/s, as qBittorrent keeps it
TICK = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)

REASON = "sensor.qbittorrent_reason_for_throttling"
THROTTLED = "binary_sensor.qbittorrent_throttled"
ACTIVE_LIMIT = "sensor.qbittorrent_active_limit"
SWITCH = "switch.sokoul_governor"
PAUSE_SWITCH = "switch.qbittorrent_pause_everything"


def explanation(hass: HomeAssistant) -> str:
    state = hass.states.get(REASON)
    assert state is not None
    return str(state.attributes["explanation"])


def limits(qbittorrent: QbittorrentSimulator) -> dict[str, int]:
    """Return all four limits that the client has."""
    names = ("dl_limit", "up_limit", "alt_dl_limit", "alt_up_limit")
    return {name: int(qbittorrent.engine.preferences[name]) for name in names}


def writes(qbittorrent: QbittorrentSimulator) -> list[dict[str, Any]]:
    """Return what was written to the client's preferences so far."""
    return [
        json.loads(dict(parse_qsl(request.body.decode()))["json"])
        for request in qbittorrent.requests
        if request.path.endswith("app/setPreferences")
    ]


def governing_of(entry: MockConfigEntry) -> Governing:
    governing: Governing = entry.runtime_data.governing
    return governing


def memory(entry: MockConfigEntry) -> Any:
    return entry.runtime_data.memory.of_backend(QBITTORRENT_ID)


async def turn(hass: HomeAssistant, entity_id: str, position: str) -> None:
    await hass.services.async_call("switch", f"turn_{position}", {"entity_id": entity_id}, blocking=True)


async def act(hass: HomeAssistant, action: Action, **data: Any) -> Any:
    answer = await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    return answer


# --- heat ------------------------------------------------------------------------------------------------------------


async def test_a_hot_machine_downloads_slowly_and_a_cool_one_as_before(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    qbittorrent.engine.set_limit("dl", OWN)
    before = limits(qbittorrent)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(74)
    await pass_time(TICK, times=3)
    assert (value(hass, REASON), value(hass, THROTTLED), value(hass, ACTIVE_LIMIT)) == ("none", "off", "unknown")
    pi.be(76)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent) == {**before, "dl_limit": HOT}
    assert (value(hass, REASON), value(hass, THROTTLED), value(hass, ACTIVE_LIMIT)) == ("thermal", "on", "5.0")
    assert "reached 75\N{NO-BREAK SPACE}°C" in explanation(hass)
    assert value(hass, "number.qbittorrent_download_limit") == "5.0", "what is in force, in MB/s"
    pi.be(60)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent)["dl_limit"] == HOT, "it has to stay cool for a while"
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent) == before
    assert LIMITED not in memory(entry)
    assert (value(hass, REASON), value(hass, THROTTLED), value(hass, ACTIVE_LIMIT)) == ("none", "off", "unknown")
    assert explanation(hass) == ""
    assert len(writes(qbittorrent)) == 2


async def test_a_very_hot_machine_downloads_nothing_and_seeds_on(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    add(qbittorrent, "one", "two")
    add(qbittorrent, "complete", behaviour="seeding")
    add(qbittorrent, "theirs", behaviour="stopped")
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(83)
    await pass_time(TICK, times=2)
    assert running(qbittorrent) == {"complete"}
    assert value(hass, ACTIVE_LIMIT) == "0.0"
    assert value(hass, PAUSE_SWITCH) == "off", "it is not the person who paused"
    add(qbittorrent, "newcomer")
    await pass_time(TICK, times=2)
    assert running(qbittorrent) == {"complete"}
    pi.be(70)
    await pass_time(MINUTE, times=6)
    assert running(qbittorrent) == {"one", "two", "complete", "newcomer"}
    assert limits(qbittorrent)["dl_limit"] == HOT, "still warm"


async def test_it_never_flaps_and_leaves_no_trace(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
) -> None:
    """Two hours of a machine that only downloads heat up, and that cools as soon as they are limited."""
    qbittorrent.engine.set_limit("dl", OWN)
    before = limits(qbittorrent)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(60)
    for _ in range(2 * 60 * 6):
        load = 0.2 if limits(qbittorrent)["dl_limit"] == HOT else 1.1
        if pi.load != load:
            pi.load = load
        pi.write()
        await pass_time(TICK)
    made = writes(qbittorrent)
    # a limit lasts five minutes at least, and the machine takes more than one to get hot again
    assert 2 <= len(made) <= 2 * 2 * 60 / 6
    assert [each["dl_limit"] for each in made] == [HOT if number % 2 == 0 else OWN for number in range(len(made))]
    pi.load = 0
    for _ in range(60):
        pi.write()
        await pass_time(TICK)
    assert limits(qbittorrent) == before
    assert LIMITED not in memory(entry)
    assert float(value(hass, "sensor.qbittorrent_throttled_today")) > 30


async def test_a_machine_that_stays_warm_stays_limited(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    """Noise around the temperature at which it began switches nothing."""
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    for number in range(180):
        pi.be(76 if number % 3 == 0 else 73)
        await pass_time(TICK)
    assert len(writes(qbittorrent)) == 1


async def test_a_lower_limit_of_the_person_is_never_raised(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    qbittorrent.engine.set_limit("dl", 1000 * KIB)
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=3)
    assert limits(qbittorrent)["dl_limit"] == 1000 * KIB
    assert writes(qbittorrent) == []
    assert value(hass, ACTIVE_LIMIT) == "5.0", "what is demanded"


@pytest.mark.parametrize("theirs", [2_000 * KIB, 20_000 * KIB, 0])
async def test_what_a_person_changes_meanwhile_is_what_comes_back(
    theirs: int,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
) -> None:
    qbittorrent.engine.set_limit("dl", OWN)
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    qbittorrent.engine.set_limit("dl", theirs)
    await pass_time(TICK, times=5)
    assert limits(qbittorrent)["dl_limit"] == (theirs if 0 < theirs < HOT else HOT)
    pi.be(50)
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == theirs


async def test_the_limits_in_force_are_ours_whichever_they_are(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    """The client's own schedule puts its alternative limits into force."""
    qbittorrent.engine.preferences |= {"dl_limit": OWN, "alt_dl_limit": 6_000 * KIB}
    before = limits(qbittorrent)
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    qbittorrent.engine.set_alternative_limits(True)
    await pass_time(TICK, times=4)
    assert limits(qbittorrent) == {**before, "alt_dl_limit": HOT}
    pi.be(50)
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent) == before


async def test_a_machine_of_which_nothing_is_known_only_tells(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.states.async_set("sensor.nas", "99", CELSIUS)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source("sensor.nas"))
    await pass_time(TICK, times=2)
    assert writes(qbittorrent) == []
    assert hass.states.get("number.pi_limit_from") is None
    # a person says that the client runs there, and what that machine can bear
    result = await open_source(hass, entry, THERMAL_ID)
    assert step(result) == form("governor_machine")
    assert "automatic" not in result["data_schema"].schema
    typed = {"download": 3, "clients": [QBITTORRENT_ID], "limit_from": 60, "limit_until": 70}
    result = await send(hass, result, **typed)
    assert result["errors"] == {"pause_from": "temperature_missing", "pause_until": "temperature_missing"}
    typed |= {"pause_from": 200 - 100, "pause_until": 90}
    result = await send(hass, result, **typed)
    assert result["errors"] == {"limit_until": "not_below"}
    result = await send(hass, result, **typed | {"limit_until": 50, "download": 0})
    assert result["errors"] == {"download": "limit_zero"}, "it would be no limit at all"
    result = await send(hass, result, **typed | {"limit_until": 50})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert limits(qbittorrent)["dl_limit"] == 3_000_000 // KIB * KIB
    assert value(hass, "number.pi_limit_from") == "60.0"


async def test_a_client_on_another_machine_is_left_alone(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    names: Names,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
) -> None:
    names.known.add("seedbox.home")
    url = qbittorrent.url.replace("127.0.0.1", "seedbox.home")
    entry = await set_up(qbittorrent_subentry(url), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    (heat, board) = governing_of(entry).decision.sources.values()
    assert (heat.source.clients, board.source.clients) == (frozenset(), frozenset())
    assert heat.reason is not None
    assert (value(hass, REASON), writes(qbittorrent)) == ("none", [])
    result = await begin(hass, entry, "governor")
    assert "concerns no download client" in result["description_placeholders"]["known"]
    # a person knows that it runs here
    result = await send(hass, result, source=THERMAL_ID)
    assert suggested(result)["automatic"] is True
    typed = {name: each for name, each in suggested(result).items() if each is not None}
    await send(hass, result, **typed | {"automatic": False, "clients": [QBITTORRENT_ID]})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert limits(qbittorrent)["dl_limit"] == HOT


async def test_a_board_that_throttles_itself_is_relieved(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.under_voltage = True
    pi.write()
    await pass_time(TICK, times=2)
    assert (value(hass, REASON), limits(qbittorrent)["dl_limit"]) == ("board", HOT)
    pi.under_voltage = False
    pi.write()
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == 0


async def test_thresholds_are_live(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    shown = {name: f"number.pi_{name}" for name in ("limit_from", "no_limit_below", "pause_from", "no_pause_below")}
    assert [float(value(hass, each)) for each in shown.values()] == [75, 65, 82, 75]
    pi.be(70)
    await pass_time(TICK)
    qbittorrent.requests.clear()
    number = {"entity_id": shown["limit_from"], "value": 68}
    await hass.services.async_call("number", "set_value", number, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert limits(qbittorrent)["dl_limit"] == HOT
    assert value(hass, shown["limit_from"]) == "68.0"
    assert [float(value(hass, each)) for each in list(shown.values())[1:]] == [65, 82, 75]
    assert not [seen for seen in qbittorrent.requests if seen.path.endswith("auth/login")], "nothing was reloaded"
    # back to what suits the machine
    result = await open_source(hass, entry, THERMAL_ID)
    typed = {name: each for name, each in suggested(result).items() if each is not None}
    assert typed["limit_from"] == 68
    for field in ("limit_from", "limit_until", "pause_from", "pause_until"):
        typed.pop(field)
    await send(hass, result, **typed)
    assert float(value(hass, shown["limit_from"])) == 75


async def test_a_sensor_that_dies_protects_nothing_after_a_while(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    pi.fault(Fault.UNREADABLE, "cpu-thermal")
    await pass_time(TICK, times=2)
    assert limits(qbittorrent)["dl_limit"] == HOT
    assert "told nothing" in explanation(hass)
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == 0
    assert (value(hass, REASON), value(hass, THROTTLED)) == ("none", "off")
    assert "It protects nothing" in explanation(hass)
    pi.clear_faults()
    pi.be(76)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent)["dl_limit"] == HOT


# --- life ------------------------------------------------------------------------------------------------------------


async def test_it_is_switched_off_and_on(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    qbittorrent.engine.set_limit("dl", OWN)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(84)
    await pass_time(TICK, times=2)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())
    await turn(hass, SWITCH, "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (OWN, {"one"})
    assert value(hass, SWITCH) == "off"
    await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(TICK, times=2)
    assert (value(hass, SWITCH), limits(qbittorrent)["dl_limit"]) == ("off", OWN)
    await turn(hass, SWITCH, "on")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())


@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
async def test_a_crash_in_the_middle_of_a_write_loses_nothing(
    arrives: bool,  # noqa: FBT001 -- a parameter of the case
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
    hass_storage: dict[str, Any],
) -> None:
    qbittorrent.engine.set_limit("dl", OWN)
    before = limits(qbittorrent)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    client = entry.runtime_data.backends[QBITTORRENT_ID].client
    write, disk = client.set_settings, {}

    async def crash(preferences: dict[str, Any]) -> None:
        disk.update(deepcopy(hass_storage))
        if arrives:
            await write(preferences)
        raise CannotConnect("the power is gone")

    client.set_settings = crash
    pi.be(76)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent)["dl_limit"] == (HOT if arrives else OWN)
    await hass.config_entries.async_unload(entry.entry_id)
    hass_storage.update(disk)
    pi.be(76)
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent)["dl_limit"] == HOT
    pi.be(50)
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent) == before
    assert LIMITED not in memory(entry)


async def test_it_goes_on_after_a_restart_before_its_thermometer_answers(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    qbittorrent.engine.set_limit("dl", OWN)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    await hass.config_entries.async_unload(entry.entry_id)
    assert limits(qbittorrent)["dl_limit"] == HOT, "a restart is no reason to heat"
    pi.fault(Fault.UNREADABLE, "cpu-thermal")
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent)["dl_limit"] == HOT
    assert len(writes(qbittorrent)) == 1
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == OWN
    assert float(value(hass, "sensor.qbittorrent_throttled_today")) == pytest.approx(5.5, abs=1)


async def test_what_is_not_loaded_yet_when_home_assistant_starts_is_waited_for(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.states.async_set("media_player.tv", "playing")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await open_source(hass, entry, "new_watching")
    await send(hass, result, entities=["media_player.tv"], act="limit", download=5)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.config_entries.async_unload(entry.entry_id)
    hass.states.async_set("media_player.tv", "unavailable")
    hass.set_state(CoreState.not_running)
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(TICK, times=24)
    assert (value(hass, REASON), limits(qbittorrent)["dl_limit"]) == ("watching", HOT)
    hass.set_state(CoreState.running)
    await pass_time(TICK, times=4)
    assert limits(qbittorrent)["dl_limit"] == HOT
    await pass_time(TICK, times=4)
    assert (value(hass, REASON), limits(qbittorrent)["dl_limit"]) == ("none", 0)


@pytest.mark.parametrize("how", ["disabled", "removed", "its subentry removed"])
async def test_nothing_stays_behind(
    how: str,
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
) -> None:
    add(qbittorrent, "one")
    qbittorrent.engine.set_limit("dl", OWN)
    before = limits(qbittorrent)
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(84)
    await pass_time(TICK, times=2)
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())
    match how:
        case "disabled":
            await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
        case "removed":
            await hass.config_entries.async_remove(HUB_ID)
        case _:
            hass.config_entries.async_remove_subentry(entry, QBITTORRENT_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (limits(qbittorrent), running(qbittorrent)) == (before, {"one"})
    if how == "disabled":
        await hass.config_entries.async_set_disabled_by(HUB_ID, None)
        await pass_time(TICK)
        assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (HOT, set())


async def test_what_can_not_be_set_back_at_the_end_is_said(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    qbittorrent.fault("status", "POST */setPreferences", status=500)
    await hass.config_entries.async_set_disabled_by(HUB_ID, ConfigEntryDisabler.USER)
    said = [each.getMessage() for each in caplog.records if "could not be set back" in each.getMessage()]
    assert len(said) == 1
    assert "The limits of qBittorrent" in said[0]
    # what it was is still known
    qbittorrent.clear_faults()
    pi.be(50)
    await hass.config_entries.async_set_disabled_by(HUB_ID, None)
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == 0


async def test_a_client_that_is_away_is_limited_when_it_is_back(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    qbittorrent.engine.set_limit("dl", OWN)
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    await qbittorrent.refuse()
    await pass_time(TICK, times=3)
    pi.be(76)
    await pass_time(TICK, times=3)
    assert value(hass, THROTTLED) == "on", "that is known while it is away"
    await qbittorrent.accept()
    await pass_time(MINUTE, times=3)
    assert limits(qbittorrent)["dl_limit"] == HOT
    await qbittorrent.refuse()
    pi.be(50)
    await pass_time(MINUTE, times=7)
    assert limits(qbittorrent)["dl_limit"] == HOT
    await qbittorrent.accept()
    await pass_time(MINUTE, times=3)
    assert limits(qbittorrent)["dl_limit"] == OWN


async def test_a_write_that_is_refused_is_tried_again(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    qbittorrent.fault("status", "POST */setPreferences", status=500)
    pi.be(76)
    await pass_time(TICK, times=12)
    tries = [seen for seen in qbittorrent.requests if seen.path.endswith("app/setPreferences")]
    assert 2 <= len(tries) <= 6, "twice a minute at most"
    assert entry.runtime_data.backends[QBITTORRENT_ID].answering
    qbittorrent.clear_faults()
    await pass_time(TICK, times=4)
    assert limits(qbittorrent)["dl_limit"] == HOT


async def test_without_anything_to_demand_nothing_is_asked(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    qbittorrent.requests.clear()
    await pass_time(TICK, times=30)
    assert {seen.path for seen in qbittorrent.requests} == {"/api/v2/sync/maindata"}


async def test_what_is_remembered_may_be_damaged(
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pi: ThermalMachine,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said, and the governor goes on with what it sees; the limits that nobody knows any more stay."""
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    pi.be(76)
    await pass_time(TICK, times=2)
    hub = entry.runtime_data
    hub.memory.set("governor_memory", {"sources": 5})
    hub.memory.set("governor_sources", [{"key": "x"}, {"key": "y", "kind": "tomorrow"}])
    hub.memory.set("governor_asked", {QBITTORRENT_ID: {"until": "soon"}})
    hub.backends[QBITTORRENT_ID].remember(LIMITED, {"download": {"own": "?"}})
    hub.backends[THERMAL_ID].remember("governor", {"thresholds": {}})
    await hass.config_entries.async_unload(entry.entry_id)
    hub.memory.set("governor_memory", {"sources": 5})
    await hub.memory.save_now()
    await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(TICK, times=2)
    said = [each.getMessage() for each in caplog.records if "not readable" in each.getMessage()]
    assert any("governor" in each for each in said)
    assert any("Which limits of qBittorrent" in each for each in said)
    assert value(hass, REASON) == "thermal"
    assert limits(qbittorrent)["dl_limit"] == HOT


async def test_what_is_demanded_is_in_the_diagnostics_without_names(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    ada = MockUser(name="Ada", is_owner=True).add_to_hass(hass)
    context = Context(user_id=ada.id)
    await hass.services.async_call(DOMAIN, Action.LIMIT, {"download": 5}, blocking=True, context=context)
    told = (await async_get_config_entry_diagnostics(hass, entry))["governor"]
    assert told["on"]
    assert [each["kind"] for each in told["sources"]] == ["thermal", "board", "asked"]
    assert told["sources"][2]["demand"]["limits"]["download"] == 5_000_000
    assert "Ada" not in str(told)


# --- entities --------------------------------------------------------------------------------------------------------

KINDS = {
    "new_watching": ("media_player.tv", "playing", "idle", {}),
    "new_schedule": ("schedule.night", "on", "off", {}),
    "new_price": ("sensor.price", "0.41", "0.29", {"enter": 0.4, "leave": 0.3}),
    "new_solar": ("sensor.surplus", "80", "450", {"enter": 100, "leave": 400}),
    "new_metered": ("binary_sensor.mobile", "on", "off", {}),
    "new_battery": ("binary_sensor.ups", "on", "off", {}),
}
SUPPLIES = [
    ("new_battery", ("sensor.nut_status", "OB DISCHRG", "OL CHRG", {})),
    ("new_battery", ("sensor.nut_display", "On Battery, Battery Discharging", "Online, Battery Charging", {})),
    ("new_battery", ("sensor.nut_alarm", "ALARM OB DISCHRG LB", "ALARM OL CHRG", {})),
    ("new_battery", ("sensor.nut_alarm_display", "Alarm, On Battery, Low Battery", "Alarm, Online", {})),
    ("new_battery", ("sensor.nut_end_display", "Forced Shutdown, On Battery, Low Battery", "Online", {})),
    ("new_battery", ("sensor.apc_status", "ONBATT LOWBATT", "ONLINE", {})),
    ("new_battery", ("binary_sensor.apc_online", "off", "on", {"inverted": True})),
]


@pytest.mark.parametrize(
    ("new", "what"), [*KINDS.items(), *SUPPLIES], ids=[*KINDS, *(entity_id for _, (entity_id, *_) in SUPPLIES)]
)
async def test_what_people_choose_is_obeyed(
    new: str,
    what: tuple[str, str, str, dict[str, Any]],
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    entity_id, on, off, options = what
    hass.states.async_set(entity_id, off)
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await open_source(hass, entry, new)
    result = await send(hass, result, entities=[entity_id], act="limit", download=5, **options)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert limits(qbittorrent)["dl_limit"] == 0
    hass.states.async_set(entity_id, on)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (value(hass, REASON), limits(qbittorrent)["dl_limit"]) == (new.removeprefix("new_"), HOT)
    hass.states.async_set(entity_id, off)
    await pass_time(timedelta(minutes=2), times=6)
    assert limits(qbittorrent)["dl_limit"] == 0


@pytest.mark.parametrize("gone", ["unavailable", "unknown", None])
async def test_an_entity_that_tells_nothing_is_released_after_a_while(
    gone: str | None, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.states.async_set("binary_sensor.ups", "on")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await open_source(hass, entry, "new_battery")
    await send(hass, result, entities=["binary_sensor.ups"], act="limit", download=5)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert limits(qbittorrent)["dl_limit"] == HOT
    if gone is None:
        hass.states.async_remove("binary_sensor.ups")
    else:
        hass.states.async_set("binary_sensor.ups", gone)
    await pass_time(MINUTE, times=10)
    assert limits(qbittorrent)["dl_limit"] == HOT
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == 0


@pytest.mark.parametrize("silent", ["COMMLOST", "", "WAIT"])
async def test_a_supply_that_its_daemon_does_not_hear_tells_nothing(
    silent: str, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.states.async_set("sensor.ups", "ONBATT")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await open_source(hass, entry, "new_battery")
    await send(hass, result, entities=["sensor.ups"], act="limit", download=5)
    await hass.async_block_till_done(wait_background_tasks=True)
    hass.states.async_set("sensor.ups", silent)
    await pass_time(MINUTE, times=10)
    assert limits(qbittorrent)["dl_limit"] == HOT
    await pass_time(MINUTE, times=6)
    assert limits(qbittorrent)["dl_limit"] == 0


@pytest.mark.parametrize(
    ("entity_id", "day", "options"),
    [
        ("sensor.surplus", "900", {"enter": 300, "leave": 800}),
        ("sensor.surplus", "-100", {"enter": -200}),
        ("binary_sensor.dull", "off", {}),
    ],
)
async def test_an_inverter_that_sleeps_at_night_gives_too_little_sun(
    entity_id: str,
    day: str,
    options: dict[str, Any],
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    hass.states.async_set(entity_id, day)
    hass.states.async_set("sun.sun", "above_horizon")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await open_source(hass, entry, "new_solar")
    await send(hass, result, entities=[entity_id], act="limit", download=5, **options)
    hass.states.async_set(entity_id, "unavailable")
    await pass_time(MINUTE, times=20)
    assert limits(qbittorrent)["dl_limit"] == 0  # by day nobody knows
    hass.states.async_set("sun.sun", "below_horizon")
    await pass_time(MINUTE, times=2)
    assert (value(hass, REASON), limits(qbittorrent)["dl_limit"]) == ("solar", HOT)
    await pass_time(timedelta(hours=1), times=8)
    assert limits(qbittorrent)["dl_limit"] == HOT
    assert "told nothing" not in explanation(hass)
    hass.states.async_set("sun.sun", "above_horizon")
    hass.states.async_set(entity_id, day)
    await pass_time(MINUTE, times=12)
    assert limits(qbittorrent)["dl_limit"] == 0


async def test_an_entity_may_be_renamed(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    registry = er.async_get(hass)
    registry.async_get_or_create("binary_sensor", "other", "ups", suggested_object_id="ups")
    hass.states.async_set("binary_sensor.ups", "off")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    result = await open_source(hass, entry, "new_battery")
    await send(hass, result, entities=["binary_sensor.ups"], act="limit", download=5)
    registry.async_update_entity("binary_sensor.ups", new_entity_id="binary_sensor.cellar")
    hass.states.async_remove("binary_sensor.ups")
    hass.states.async_set("binary_sensor.cellar", "off")
    await pass_time(TICK)
    hass.states.async_set("binary_sensor.cellar", "on")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert limits(qbittorrent)["dl_limit"] == HOT


async def test_the_strictest_of_several_wins_and_all_are_told(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    hass.states.async_set("binary_sensor.ups", "on", {"friendly_name": "Cellar"})
    entry = await set_up(qbittorrent_subentry(qbittorrent), source(pi))
    result = await open_source(hass, entry, "new_battery")
    await send(hass, result, entities=["binary_sensor.ups"], act="limit", download=1, upload=0.5)
    pi.be(76)
    await pass_time(TICK, times=2)
    assert limits(qbittorrent) | {"alt_dl_limit": 0, "alt_up_limit": 0} == {
        "dl_limit": 999_424,
        "up_limit": 499_712,
        "alt_dl_limit": 0,
        "alt_up_limit": 0,
    }
    assert value(hass, REASON) == "battery"
    assert "Cellar" in explanation(hass)
    assert "Pi reached" in explanation(hass)


async def test_what_can_not_be_meant_is_refused_in_the_form(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    typed = {"act": "limit", "download": 1}
    for entities, options, errors in (
        ([], {}, {"entities": "entities_missing"}),
        (["sensor.price"], {}, {"enter": "threshold_missing"}),
        (["sensor.price", "sensor.other"], {"enter": 1}, {"entities": "one_number"}),
        (["binary_sensor.cheap"], {"enter": 1}, {"entities": "one_number"}),
        (["sensor.price"], {"enter": 0.3, "leave": 0.4}, {"leave": "not_below"}),
    ):
        result = await open_source(hass, entry, "new_price")
        result = await send(hass, result, entities=entities, **typed, **options)
        assert result["errors"] == errors
    result = await open_source(hass, entry, "new_solar")
    result = await send(hass, result, entities=["sensor.surplus"], **typed, enter=800, leave=300)
    assert result["errors"] == {"leave": "not_above"}
    assert governing_of(entry).chosen == {}


async def test_without_clients_there_is_nothing_to_govern(hass: HomeAssistant, set_up: SetUp) -> None:
    result = await begin(hass, await set_up(), "governor")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_govern")


# --- actions ---------------------------------------------------------------------------------------------------------


async def test_a_limit_is_asked_for_and_released(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    qbittorrent.engine.set_limit("dl", OWN)
    await set_up(qbittorrent_subentry(qbittorrent))
    answer = await act(hass, Action.LIMIT, download=2, upload=1, language="en")
    (told,) = answer["clients"]
    assert (told["client"], told["limit"], told["paused"]) == ("qBittorrent", 2_000_000, False)
    assert told["text"].startswith(
        "Downloads get 2 MB/s at most. Uploads get 1 MB/s at most. Asked for by an automation"
    )
    assert (limits(qbittorrent)["dl_limit"], limits(qbittorrent)["up_limit"]) == (1_999_872, 999_424)
    assert value(hass, REASON) == "asked"
    await act(hass, Action.RELEASE_LIMIT)
    await pass_time(TICK)
    assert (limits(qbittorrent)["dl_limit"], limits(qbittorrent)["up_limit"]) == (OWN, 0)


@pytest.mark.parametrize("restart", [False, True], ids=["running on", "restarted"])
async def test_a_limit_ends_by_itself(
    restart: bool,  # noqa: FBT001 -- a parameter of the case
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await act(hass, Action.LIMIT, download=5, duration={"minutes": 10})
    await pass_time(MINUTE, times=5)
    if restart:
        await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(MINUTE, times=4)
    assert limits(qbittorrent)["dl_limit"] == HOT
    await pass_time(MINUTE, times=2)
    assert limits(qbittorrent)["dl_limit"] == 0


@pytest.mark.parametrize("restart", [False, True], ids=["running on", "restarted"])
async def test_a_pause_ends_by_itself(
    restart: bool,  # noqa: FBT001 -- a parameter of the case
    hass: HomeAssistant,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    add(qbittorrent, "one")
    add(qbittorrent, "complete", behaviour="seeding")
    add(qbittorrent, "theirs", behaviour="stopped")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    (told,) = (await act(hass, Action.PAUSE, duration={"minutes": 10}))["clients"]
    assert told["paused"]
    assert told["paused_until"]
    assert (running(qbittorrent), value(hass, PAUSE_SWITCH)) == (set(), "on")
    await pass_time(MINUTE, times=5)
    if restart:
        await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(MINUTE, times=4)
    assert (running(qbittorrent), value(hass, PAUSE_SWITCH)) == (set(), "on")
    await pass_time(MINUTE, times=2)
    assert (running(qbittorrent), value(hass, PAUSE_SWITCH)) == ({"one", "complete"}, "off")


async def test_a_pause_that_never_began_is_not_told_of(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    add(qbittorrent, "one")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    client = governing_of(entry).clients[QBITTORRENT_ID]
    qbittorrent.fault("status", "GET */sync/maindata", status=500)
    with pytest.raises(HomeAssistantError):
        await act(hass, Action.PAUSE, duration={"minutes": 10})
    assert (running(qbittorrent), value(hass, PAUSE_SWITCH), client.paused_until) == ({"one"}, "off", None)
    qbittorrent.clear_faults()
    # one that began goes on: what it could not stop is stopped at the next look
    qbittorrent.fault("status", "POST */torrents/pause", status=500)
    qbittorrent.fault("status", "POST */torrents/stop", status=500)
    with pytest.raises(HomeAssistantError):
        await act(hass, Action.PAUSE, duration={"minutes": 10})
    assert client.paused_until is not None


async def test_a_pause_is_what_was_said_last(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    await act(hass, Action.PAUSE, duration={"minutes": 10})
    await act(hass, Action.RESUME)
    assert running(qbittorrent) == {"one"}
    await turn(hass, PAUSE_SWITCH, "on")
    await pass_time(MINUTE, times=12)
    assert running(qbittorrent) == set(), "the switch knows no end"
    await act(hass, Action.PAUSE, duration={"minutes": 5})
    await pass_time(MINUTE, times=6)
    assert running(qbittorrent) == {"one"}, "somebody gave it one"


async def test_a_pause_that_is_over_while_its_client_is_away_ends_when_it_is_back(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    await act(hass, Action.PAUSE, duration={"minutes": 5})
    qbittorrent.fault("status", "POST */start", status=500)
    await pass_time(MINUTE, times=6)
    assert running(qbittorrent) == set()
    qbittorrent.clear_faults()
    await qbittorrent.refuse()
    await pass_time(MINUTE, times=2)
    await qbittorrent.accept()
    await pass_time(MINUTE, times=4)
    assert (running(qbittorrent), value(hass, PAUSE_SWITCH)) == ({"one"}, "off")


async def test_only_those_that_are_named_are_meant(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pi: ThermalMachine
) -> None:
    async with QbittorrentSimulator("4.5", username=USERNAME, password=PASSWORD, clock=qbittorrent.clock) as other:
        second = subentry("qbittorrent", other, OTHER_ID, title="Other", username=USERNAME, password=PASSWORD)
        entry = await set_up(qbittorrent_subentry(qbittorrent), second, source(pi))
        device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, OTHER_ID), HUB_ID)
        assert device is not None
        await act(hass, Action.LIMIT, download=5, device_id=device.id)
        assert (limits(qbittorrent)["dl_limit"], limits(other)["dl_limit"]) == (0, HOT)
        machine = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, THERMAL_ID), HUB_ID)
        assert machine is not None
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, Action.PAUSE, device_id=[machine.id])
        assert raised.value.translation_key == "not_a_client"
        await hass.config_entries.async_unload(entry.entry_id)


async def test_a_client_that_is_away_holds_up_no_other(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    add(qbittorrent, "one")
    away = subentry("qbittorrent", "http://127.0.0.1:9", OTHER_ID, title="Away")
    await set_up(away, qbittorrent_subentry(qbittorrent))
    with pytest.raises(HomeAssistantError, match="Away"):
        await act(hass, Action.PAUSE)
    assert running(qbittorrent) == set()


async def test_what_can_not_be_done_is_said(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.LIMIT)
    assert raised.value.translation_key == "no_limit"
    await turn(hass, SWITCH, "off")
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.LIMIT, download=1)
    assert raised.value.translation_key == "governor_off"


@pytest.mark.parametrize("action", [Action.LIMIT, Action.RELEASE_LIMIT, Action.PAUSE, Action.RESUME])
async def test_only_administrators_act(
    action: Action, hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    add(qbittorrent, "one")
    await set_up(qbittorrent_subentry(qbittorrent))
    user = MockUser(is_owner=False).add_to_hass(hass)
    data = {"download": 5} if action is Action.LIMIT else {}
    with pytest.raises(Unauthorized):
        await hass.services.async_call(DOMAIN, action, data, blocking=True, context=Context(user_id=user.id))
    assert (limits(qbittorrent)["dl_limit"], running(qbittorrent)) == (0, {"one"})


async def test_who_asked_is_named(hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp) -> None:
    await set_up(qbittorrent_subentry(qbittorrent))
    ada = MockUser(name="Ada", is_owner=True).add_to_hass(hass)
    await hass.services.async_call(
        DOMAIN, Action.LIMIT, {"download": 5}, blocking=True, context=Context(user_id=ada.id)
    )
    assert "Asked for by Ada" in explanation(hass)


# --- options ---------------------------------------------------------------------------------------------------------


async def open_source(hass: HomeAssistant, entry: Any, chosen: str) -> Result:
    result = await begin(hass, entry, "governor")
    assert step(result) == form("governor")
    return await send(hass, result, source=chosen)


async def test_entities_are_chosen_changed_and_removed(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.states.async_set("media_player.tv", "idle", {"friendly_name": "Television"})
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    governing = entry.runtime_data.governing
    result = await open_source(hass, entry, "new_watching")
    assert step(result) == form("governor_source")
    result = await send(hass, result, entities=["media_player.tv"], act="limit")
    assert result["errors"] == {"download": "limit_missing"}
    result = await send(hass, result, entities=["media_player.tv"], act="limit", download=2.5, upload=0.5)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (key,) = governing.chosen
    hass.states.async_set("media_player.tv", "playing", {"friendly_name": "Television"})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (qbittorrent.engine.limit("dl"), qbittorrent.engine.limit("up")) == (2_499_584, 499_712)
    assert value(hass, REASON) == "watching"
    assert "Television" in explanation(hass)

    result = await begin(hass, entry, "governor")
    assert "Someone is watching: Television" in choices(result, "source").values()
    result = await send(hass, result, source=key)
    assert suggested(result) == {
        "entities": ["media_player.tv"],
        "act": "limit",
        "download": 2.5,
        "upload": 0.5,
        "clients": [],
    }
    result = await send(hass, result, entities=["media_player.tv"], act="pause", remove=False)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await pass_time(timedelta(seconds=1))
    assert (qbittorrent.engine.limit("dl"), qbittorrent.engine.limit("up")) == (0, 0)
    assert value(hass, "sensor.qbittorrent_active_limit") == "0.0"

    result = await open_source(hass, entry, key)
    await send(hass, result, entities=["media_player.tv"], act="pause", remove=True)
    assert governing.chosen == {}
    await pass_time(timedelta(seconds=1))
    assert value(hass, THROTTLED) == "off"


# --- real ------------------------------------------------------------------------------------------------------------

PATIENCE_SECONDS = 60
NAMES = ("dl_limit", "up_limit", "alt_dl_limit", "alt_up_limit")


@pytest.fixture(params=REAL_RELEASES.values(), ids=REAL_RELEASES)
async def real(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RealQbittorrent]:
    client = RealQbittorrent(find_real(request.param), tmp_path, username=USERNAME, password=PASSWORD)
    async with client:
        yield client


async def kept(real: RealQbittorrent, wanted: dict[str, int]) -> None:
    """Wait until a real client keeps to all four limits."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := {name: (await real.get("app/preferences"))[name] for name in NAMES}) != wanted:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


@pytest.mark.real
async def test_a_limit_arrives_at_a_real_client_and_goes_again(
    hass: HomeAssistant, real: RealQbittorrent, set_up: SetUp
) -> None:
    own = {"dl_limit": OWN, "up_limit": 0, "alt_dl_limit": 7_000 * KIB, "alt_up_limit": 10 * KIB}
    await real.post("app/setPreferences", {"json": json.dumps(own)})
    await kept(real, own)
    entry = await set_up(qbittorrent_subentry(real.url), settle=False)
    await act(hass, Action.LIMIT, download=5, upload=0.5)
    await kept(real, {**own, "dl_limit": HOT, "up_limit": 499_712})
    transfer = await real.get("transfer/info")
    assert (transfer["dl_rate_limit"], transfer["up_rate_limit"]) == (HOT, 499_712)

    # the other set comes into force, of which one limit is lower than ours
    await real.post("transfer/setSpeedLimitsMode", {"mode": "1"})
    await entry.runtime_data.refresh([QBITTORRENT_ID])
    await kept(real, {**own, "alt_dl_limit": HOT})

    # the person changes their mind, and qBittorrent is restarted
    await real.post("transfer/setDownloadLimit", {"limit": str(6_000 * KIB)})
    own["alt_dl_limit"] = 6_000 * KIB
    await real.restart()
    await entry.runtime_data.refresh([QBITTORRENT_ID])
    await kept(real, {**own, "alt_dl_limit": HOT})
    await hass.config_entries.async_reload(entry.entry_id)
    await kept(real, {**own, "alt_dl_limit": HOT})

    await act(hass, Action.RELEASE_LIMIT)
    await kept(real, own)
    await act(hass, Action.LIMIT, download=1)
    await kept(real, {**own, "alt_dl_limit": 999_424})
    await hass.config_entries.async_remove(entry.entry_id)
    await kept(real, own)
