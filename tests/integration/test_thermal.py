"""Temperatures as a backend: this machine's sensors, or an entity; what is shown of them, and how often."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
import os
from pathlib import Path
import re
import threading
from types import SimpleNamespace
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads_object
import pytest

from custom_components.sokoul.clients import sysfs
from custom_components.sokoul.clients.thermal import ThermalClient
from custom_components.sokoul.connectors import thermal
from custom_components.sokoul.connectors.base import BUSY_WRITE_PAUSE
from custom_components.sokoul.connectors.thermal import HOT_INTERVAL, INTERVAL, LEAP_CELSIUS, Roughly
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.diagnostics import async_get_config_entry_diagnostics
from devstack.clock import ManualClock
from devstack.thermal import Board, Boards, Fault, ThermalMachine

from .conftest import HUB_ID, PassTime, SetUp, subentry
from .flows import add_backend, by_title, fields, form, step, submit_backend, suggested

THERMAL_ID = "01SOKOULTHERMAL00000000000"
TEMPERATURE = "sensor.pi_processor_temperature"
CELSIUS = {"device_class": "temperature", "unit_of_measurement": "°C"}

type Make = Callable[[Board], ThermalMachine]


@pytest.fixture
def make(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Be a machine: the one that Home Assistant runs on."""
    made: list[ThermalMachine] = []

    def build(board: Board) -> ThermalMachine:
        machine = ThermalMachine(tmp_path / f"sys{len(made)}", board, clock=clock)
        monkeypatch.setattr(thermal, "ROOT", machine.root)
        made.append(machine)
        return machine

    yield build
    for machine in made:
        machine.close()


@pytest.fixture
def pi(make: Make) -> ThermalMachine:
    return make(Boards.RASPBERRY_PI_4)


def source(place: ThermalMachine | str) -> Any:
    """Return the subentry of a machine, or of an entity."""
    return subentry("thermal", place if isinstance(place, str) else str(place.root), THERMAL_ID, title="Pi")


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None, f"{entity_id} is not there; there are {sorted(hass.states.async_entity_ids())}"
    return state.state


def parts(hass: HomeAssistant) -> set[str | None]:
    """Return the names of the devices of zones and of the firmware."""
    registry = dr.async_get(hass)
    parent = registry.async_get_device_by_identifier((DOMAIN, THERMAL_ID), HUB_ID)
    assert parent is not None
    return {child.name for child in dr.async_entries_for_parent_device(registry, parent.id)}


def registered(hass: HomeAssistant, unique_id: str, **options: Any) -> er.RegistryEntry:
    """Return an entity of another integration that can be renamed."""
    return er.async_get(hass).async_get_or_create("sensor", "other", unique_id, **options)


# --- the form --------------------------------------------------------------------------------------------------------


async def test_this_machine_is_added_by_choosing_nothing(
    hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine
) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "thermal")
    assert (step(result), fields(result)) == (form("user"), ["url"])
    result = await submit_backend(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (added,) = entry.subentries.values()
    assert (added.title, added.unique_id) == ("Raspberry Pi 4 Model B", "thermal:sysfs")
    assert added.data["connection"]["url"] == str(pi.root)
    assert float(value(hass, "sensor.raspberry_pi_4_model_b_processor_temperature")) == pytest.approx(45, abs=1)

    # only once
    result = await submit_backend(hass, await add_backend(hass, entry, "thermal"))
    assert result["errors"] == {"url": "already_configured"}


def test_where_this_machine_shows_its_sensors() -> None:
    assert str(thermal.ROOT) == "/sys"


async def test_a_machine_that_hides_its_name_has_that_of_its_kind(
    hass: HomeAssistant, set_up: SetUp, make: Make
) -> None:
    make(Board(zones=Boards.RASPBERRY_PI_4.zones))
    entry = await set_up()
    await submit_backend(hass, await add_backend(hass, entry, "thermal"))
    assert by_title(entry).keys() == {"Temperature"}


async def test_a_virtual_machine_is_told_to_choose_an_entity(hass: HomeAssistant, set_up: SetUp, make: Make) -> None:
    make(Boards.VIRTUAL_MACHINE)
    entry = await set_up()
    result = await submit_backend(hass, await add_backend(hass, entry, "thermal"))
    assert (step(result), result["errors"]) == (form("user"), {"url": "no_answer"})
    assert "temperature entities" in result["description_placeholders"]["detail"]
    hass.states.async_set("sensor.host_temperature", "51.5", {**CELSIUS, "friendly_name": "Host"})
    result = await submit_backend(hass, result, url="sensor.host_temperature")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert value(hass, "sensor.host_processor_temperature") == "51.5"


ENTITIES = {
    "not there": (None, {}, {"url": "no_answer"}),
    "a word": ("warm", CELSIUS, {"base": "unexpected_response"}),
    "endless": ("inf", CELSIUS, {"base": "unexpected_response"}),
    "no unit": ("51", {"device_class": "temperature"}, {"base": "unexpected_response"}),
    "humidity": ("51", {"unit_of_measurement": "%"}, {"base": "unexpected_response"}),
}


@pytest.mark.parametrize(("state", "attributes", "errors"), ENTITIES.values(), ids=ENTITIES)
async def test_what_is_no_temperature_is_not_taken(
    hass: HomeAssistant, set_up: SetUp, state: str | None, attributes: dict[str, Any], errors: dict[str, str]
) -> None:
    entry = await set_up()
    if state is not None:
        hass.states.async_set("sensor.attic", state, attributes)
    result = await add_backend(hass, entry, "thermal")
    result = await submit_backend(hass, result, url="sensor.attic")
    assert result["errors"] == errors
    assert "sensor.attic" in result["description_placeholders"]["detail"]
    assert suggested(result)["url"] == "sensor.attic"
    hass.states.async_set("sensor.attic", "40", CELSIUS)
    result = await submit_backend(hass, result, url="sensor.attic")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_source_can_not_be_its_own(hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine) -> None:
    """It would show for ever what it showed."""
    entry = await set_up(source(pi))
    result = await entry.start_subentry_reconfigure_flow(hass, THERMAL_ID)
    result = await submit_backend(hass, result, url=TEMPERATURE)
    assert result["errors"] == {"base": "rejected"}
    assert entry.subentries[THERMAL_ID].data["connection"]["url"] == str(pi.root)


async def test_a_sensor_that_hangs_is_told_in_the_form(
    hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = threading.Event()
    really = os.read
    shim = SimpleNamespace(**{**vars(os), "read": lambda *args: hanging.wait(10) and really(*args)})
    monkeypatch.setattr(sysfs, "os", shim)
    entry = await set_up()
    with monkeypatch.context() as hasty:
        hasty.setattr(thermal, "ThermalClient", partial(ThermalClient, timeout_seconds=0.05))
        result = await submit_backend(hass, await add_backend(hass, entry, "thermal"))
    assert (step(result), result["errors"]) == (form("user"), {"url": "timeout"})
    hanging.set()
    result = await submit_backend(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_machine_becomes_an_entity_and_back(hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine) -> None:
    entry = await set_up(source(pi))
    chosen = registered(hass, "nas", suggested_object_id="nas_temperature")
    hass.states.async_set("sensor.nas_temperature", "38", CELSIUS)
    assert parts(hass) == {"Firmware"}

    result = await entry.start_subentry_reconfigure_flow(hass, THERMAL_ID)
    assert not suggested(result)["url"]
    result = await submit_backend(hass, result, url="sensor.nas_temperature")
    assert result["reason"] == "reconfigure_successful"
    changed = entry.subentries[THERMAL_ID]
    assert (changed.data["connection"]["url"], changed.unique_id) == (chosen.id, f"thermal:{chosen.id}")
    assert value(hass, TEMPERATURE) == "38.0"
    assert parts(hass) == set()

    result = await entry.start_subentry_reconfigure_flow(hass, THERMAL_ID)
    assert suggested(result)["url"] == "sensor.nas_temperature"
    await submit_backend(hass, result)
    assert entry.subentries[THERMAL_ID].data["connection"]["url"] == str(pi.root)
    assert float(value(hass, TEMPERATURE)) == pytest.approx(45, abs=1)
    assert parts(hass) == {"Firmware"}


# --- an entity at work -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "shown"),
    [("51.46", "°C", "51.5"), ("122", "°F", "50.0"), ("323.15", "K", "50.0"), ("-3", "°C", "-3.0")],
)
async def test_an_entity_of_any_unit(hass: HomeAssistant, set_up: SetUp, text: str, unit: str, shown: str) -> None:
    hass.states.async_set("sensor.attic", text, {**CELSIUS, "unit_of_measurement": unit})
    await set_up(source("sensor.attic"))
    assert value(hass, TEMPERATURE) == shown
    assert hass.states.get(TEMPERATURE).attributes["unit_of_measurement"] == "°C"
    assert parts(hass) == set()


@pytest.mark.parametrize("state", [STATE_UNAVAILABLE, STATE_UNKNOWN])
async def test_an_entity_that_knows_nothing_is_not_0(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, state: str
) -> None:
    hass.states.async_set("sensor.attic", "60", CELSIUS)
    entry = await set_up(source("sensor.attic"))
    hass.states.async_set("sensor.attic", state, {"device_class": "temperature"})
    await pass_time(INTERVAL)
    assert value(hass, TEMPERATURE) == STATE_UNKNOWN
    assert entry.runtime_data.backends[THERMAL_ID].data.temperature is None
    hass.states.async_set("sensor.attic", "61", CELSIUS)
    await pass_time(INTERVAL)
    assert value(hass, TEMPERATURE) == "61.0"


async def test_an_entity_that_is_gone_is_away(hass: HomeAssistant, set_up: SetUp, pass_time: PassTime) -> None:
    """At the start of Home Assistant it comes when its integration is loaded."""
    await set_up(source("sensor.attic"))
    assert value(hass, TEMPERATURE) == STATE_UNAVAILABLE
    await pass_time(timedelta(minutes=1), 7)
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{THERMAL_ID}")
    assert issue is not None
    assert issue.translation_placeholders == {"backend": "Pi", "url": "sensor.attic"}
    hass.states.async_set("sensor.attic", "60", CELSIUS)
    await pass_time(timedelta(minutes=3))
    assert value(hass, TEMPERATURE) == "60.0"
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{THERMAL_ID}") is None


async def test_an_entity_may_be_renamed(hass: HomeAssistant, set_up: SetUp, pass_time: PassTime) -> None:
    chosen = registered(hass, "nas", suggested_object_id="old_name")
    hass.states.async_set("sensor.old_name", "38", CELSIUS)
    await set_up(source(chosen.id))
    assert value(hass, TEMPERATURE) == "38.0"
    er.async_get(hass).async_update_entity("sensor.old_name", new_entity_id="sensor.new_name")
    hass.states.async_remove("sensor.old_name")
    hass.states.async_set("sensor.new_name", "48", CELSIUS)
    await pass_time(INTERVAL)
    assert value(hass, TEMPERATURE) == "48.0"


# --- this machine at work --------------------------------------------------------------------------------------------


async def test_a_raspberry_pi_and_its_firmware(
    hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime, all_entities_enabled: None
) -> None:
    await set_up(source(pi))
    flags = {
        name: f"binary_sensor.pi_firmware_{name}"
        for name in ("under_voltage", "throttled", "soft_temperature_limit", "under_voltage_since_start")
    }
    assert {value(hass, entity_id) for entity_id in flags.values()} == {"off"}
    pi.under_voltage = True
    pi.write()
    await pass_time(INTERVAL)
    assert {name: value(hass, entity_id) for name, entity_id in flags.items()} == {
        "under_voltage": "on",
        "throttled": "on",
        "soft_temperature_limit": "off",
        "under_voltage_since_start": "on",
    }
    pi.under_voltage = False
    pi.write()
    await pass_time(INTERVAL)
    assert value(hass, flags["under_voltage"]) == "off"
    assert value(hass, flags["under_voltage_since_start"]) == "on"
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, THERMAL_ID), HUB_ID)
    assert device is not None
    assert re.match(r"\d+\.\d+", device.sw_version or "")  # the kernel's
    assert device.configuration_url is None


async def test_which_entities_there_are(hass: HomeAssistant, set_up: SetUp, make: Make) -> None:
    """No unknown flags on a machine that has none; single cores are left out; zones are off at first."""
    await set_up(source(make(Boards.INTEL_MINI_PC)))
    assert parts(hass) == {
        "Zone acpitz",
        "Zone acpitz #2",
        "Zone iwlwifi_1",
        "Zone coretemp Package id 0",
    }
    entries = er.async_entries_for_config_entry(er.async_get(hass), HUB_ID)
    own = {entry.unique_id.removeprefix(f"{THERMAL_ID}_"): entry.disabled_by for entry in entries}
    assert {key for key, disabled in own.items() if not disabled} >= {
        "processor_temperature",
        "connectivity",
        "version",
    }
    assert own["zone_acpitz #2_zone_temperature"] is er.RegistryEntryDisabler.INTEGRATION
    assert not [key for key in own if "voltage" in key or "Core" in key]


async def test_zones_stay_who_they_are_over_a_restart(
    hass: HomeAssistant, set_up: SetUp, make: Make, pass_time: PassTime, all_entities_enabled: None
) -> None:
    machine = make(Boards.ORANGE_PI_5)
    machine.be(60)
    await set_up(source(machine))
    before = parts(hass)
    shown = {state.entity_id: state.state for state in hass.states.async_all("sensor") if "zone" in state.entity_id}
    assert len(shown) == len(before) == 6
    machine.reboot()
    await pass_time(INTERVAL)
    await pass_time(BUSY_WRITE_PAUSE)
    assert parts(hass) == before
    for entity_id, state in shown.items():
        assert float(value(hass, entity_id)) == pytest.approx(float(state), abs=1.5)


async def test_a_zone_that_vanishes_takes_its_device_along(
    hass: HomeAssistant, set_up: SetUp, make: Make, pass_time: PassTime
) -> None:
    machine = make(Boards.ORANGE_PI_5)
    await set_up(source(machine))
    machine.fault(Fault.GONE, "npu-thermal")
    await pass_time(INTERVAL)
    assert "Zone npu-thermal" not in parts(hass)
    assert "Zone gpu-thermal" in parts(hass)
    machine.fault(Fault.ASLEEP, "gpu-thermal")  # which is no reason to go
    await pass_time(INTERVAL)
    assert "Zone gpu-thermal" in parts(hass)


async def test_a_sensor_that_sleeps_is_unknown(
    hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    entry = await set_up(source(pi))
    pi.fault(Fault.ASLEEP, "cpu-thermal")
    await pass_time(INTERVAL)
    assert value(hass, TEMPERATURE) == STATE_UNKNOWN
    assert value(hass, "binary_sensor.pi_connection") == "on"
    assert entry.runtime_data.backends[THERMAL_ID].update_interval == INTERVAL


async def test_sensors_that_are_gone_are_away(
    hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    await set_up(source(pi))
    pi.fault(Fault.GONE, "cpu-thermal")
    await pass_time(INTERVAL)
    assert value(hass, TEMPERATURE) == STATE_UNAVAILABLE
    await pass_time(timedelta(minutes=1), 7)
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{THERMAL_ID}") is not None
    pi.clear_faults()
    await pass_time(timedelta(minutes=3))
    assert float(value(hass, TEMPERATURE)) == pytest.approx(45, abs=1)
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{THERMAL_ID}") is None


async def test_support_sees_all_of_it(hass: HomeAssistant, set_up: SetUp, make: Make) -> None:
    entry = await set_up(source(make(Boards.ORANGE_PI_5)))
    told = json_loads_object(json_bytes(await async_get_config_entry_diagnostics(hass, entry)))
    (backend,) = told["backends"]
    snapshot = backend["snapshot"]
    assert (snapshot["board"], snapshot["processor"]) == ("Xunlong Orange Pi 5", ["soc-thermal"])
    (zone,) = (zone for zone in snapshot["zones"] if zone["key"] == "soc-thermal")
    assert zone["trip_points"] == {"passive": 75, "critical": 115}
    assert {each["name"] for each in snapshot["cooling"]} >= {"thermal-cpufreq-0", "pwm-fan"}
    assert snapshot["frequencies"][0]["highest"] == 1800000


# --- how often -------------------------------------------------------------------------------------------------------

HOT = {
    # board, °C, and whether it is looked at more often
    "a Raspberry Pi at rest": (Boards.RASPBERRY_PI_4, 60.0, False),
    "a Raspberry Pi at 72 °C": (Boards.RASPBERRY_PI_4, 72.0, True),
    "an Orange Pi far from its limit": (Boards.ORANGE_PI_5, 60.0, False),
    "an Orange Pi near its limit of 75 °C": (Boards.ORANGE_PI_5, 69.5, True),  # where its sensor says 67
    "an Intel near 100 °C": (Boards.INTEL_MINI_PC, 95.0, True),
}


@pytest.mark.parametrize(("board", "celsius", "hot"), HOT.values(), ids=HOT)
async def test_what_is_hot_is_looked_at_more_often(
    hass: HomeAssistant,
    set_up: SetUp,
    make: Make,
    pass_time: PassTime,
    board: Board,
    celsius: float,
    hot: bool,  # noqa: FBT001 -- a column
) -> None:
    machine = make(board)
    machine.be(celsius)
    entry = await set_up(source(machine))
    backend = entry.runtime_data.backends[THERMAL_ID]
    assert backend.update_interval == (HOT_INTERVAL if hot else INTERVAL)
    machine.be(40)
    await pass_time(INTERVAL)
    assert backend.update_interval == INTERVAL


def test_what_is_near_means_the_same() -> None:
    assert Roughly(60) == Roughly(60 + LEAP_CELSIUS - 0.1)
    assert Roughly(60) != Roughly(60 + LEAP_CELSIUS)
    assert Roughly(60) != Roughly(None)
    assert Roughly(None) == Roughly(None)
    assert Roughly(60) != 60
    assert len({Roughly(60), Roughly(61)}) == 1


async def test_what_is_never_still_is_few_rows(
    hass: HomeAssistant, set_up: SetUp, pi: ThermalMachine, pass_time: PassTime
) -> None:
    """Forty minutes of a load that comes and goes, with the noise of a sensor. What leaps is told at once."""
    written: list[float] = []

    def note(event: Event[Any]) -> None:
        if event.data["entity_id"] == TEMPERATURE and event.data["new_state"].state != STATE_UNAVAILABLE:
            written.append(float(event.data["new_state"].state))

    await set_up(source(pi))
    hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    for poll in range(240):
        if poll % 42 == 0:
            pi.load = 0.9 if poll % 84 == 0 else 0.1
        pi.write()
        celsius = pi.celsius()
        await pass_time(INTERVAL)
        assert float(value(hass, TEMPERATURE)) == pytest.approx(celsius, abs=LEAP_CELSIUS + 1)
    assert 15 < len(written) < 80  # of 240 that differed: less than 3,000 a day
    assert max(written) > 75
