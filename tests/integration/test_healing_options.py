"""The options of healing: who is told, what each rule may do, what is never touched, what others had set."""

from dataclasses import fields
from datetime import timedelta
import json
from pathlib import Path
from typing import Any, get_type_hints

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.sokoul import wording
from custom_components.sokoul.healing import ALL_RULES
from custom_components.sokoul.healing_fields import UNITS
from custom_components.sokoul.model.journal import Autonomy
from custom_components.sokoul.notify_people import PHONES_KEY
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import QBITTORRENT_ID, SetUp, qbittorrent_subentry
from .flows import Result, form, step, suggested
from .test_options_flow import begin, choices, default, send

TRANSLATIONS = Path(__file__).parents[2] / "custom_components/sokoul/translations"


async def open_rule(hass: HomeAssistant, entry: Any, rule: str) -> Result:
    result = await begin(hass, entry, "rules")
    assert step(result) == form("rules")
    return await send(hass, result, rule=rule)


def filled_in(result: Result) -> dict[str, Any]:
    """Return what a form sends when nothing is typed: what is empty is left out."""
    return {name: value for name, value in suggested(result).items() if value is not None}


# --- who is told -----------------------------------------------------------------------------------------------------


async def test_phones_are_chosen(hass: HomeAssistant, set_up: SetUp) -> None:
    for service, name in (("mobile_app_ada", "ADA"), ("mobile_app_bobs_phone", "Bob\u2019s phone")):
        async_mock_service(hass, "notify", service)
        app = MockConfigEntry(domain="mobile_app", data={"device_name": name})
        app.add_to_hass(hass)
        device = dr.async_get(hass).async_get_or_create(
            config_entry_id=app.entry_id, identifiers={("mobile_app", service)}, name="Ada\u2019s phone"
        )
        if service == "mobile_app_bobs_phone":
            dr.async_get(hass).async_update_device(device.id, name_by_user="Tablet in the kitchen")
    async_mock_service(hass, "notify", "somewhere_else")
    entry = await set_up()
    memory = entry.runtime_data.memory
    memory.set(PHONES_KEY, ["mobile_app_lost"])
    result = await begin(hass, entry, "people")
    assert step(result) == form("people")
    offered = result["data_schema"].schema["phones"].config["options"]
    assert offered == [
        {"value": "mobile_app_ada", "label": "Ada\u2019s phone"},
        {"value": "mobile_app_bobs_phone", "label": "Tablet in the kitchen"},
        {"value": "mobile_app_lost", "label": "mobile_app_lost"},
    ], "what was chosen can be taken off though it is gone"
    assert default(result, "phones") == ["mobile_app_lost"]
    result = await send(hass, result, phones=["mobile_app_ada"])
    assert (result["type"], result["data"]) == (FlowResultType.CREATE_ENTRY, {})
    assert memory.get(PHONES_KEY) == ["mobile_app_ada"]


async def test_without_phones_there_is_nothing_to_choose(hass: HomeAssistant, set_up: SetUp) -> None:
    result = await begin(hass, await set_up(), "people")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_phones")


# --- rules -----------------------------------------------------------------------------------------------------------


async def test_every_rule_has_a_field_for_each_of_its_thresholds(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    result = await begin(hass, entry, "rules")
    assert set(choices(result, "rule")) == {rule.key for rule in ALL_RULES}
    for rule in ALL_RULES:
        result = await open_rule(hass, entry, rule.key)
        assert step(result) == form("rule")
        shown = [str(marker) for marker in result["data_schema"].schema]
        assert shown == ["autonomy", *(each.name for each in fields(rule.policy))]
        saved = await send(hass, result, **filled_in(result))
        assert saved["type"] is FlowResultType.CREATE_ENTRY
        settings = entry.runtime_data.pilot.kernel.settings
        assert (settings.policy(rule), settings.level(rule)) == (rule.policy(), rule.default), "as shown, so saved"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_threshold_has_a_name_and_every_name_a_threshold(language: str) -> None:
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text(encoding="utf-8"))
    rule = texts["options"]["step"]["rule"]
    names = {each.name for rule in ALL_RULES for each in fields(rule.policy)}
    assert rule["data"].keys() == rule["data_description"].keys() == names | {"autonomy"}
    assert texts["selector"]["autonomy"]["options"].keys() == set(Autonomy)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_rule_says_what_it_does(language: str) -> None:
    words = wording.load(language)
    assert {f"about.{rule.key}" for rule in ALL_RULES} == {key for key in words.keys if key.startswith("about.")}
    assert all(words.text(f"about.{rule.key}").endswith(".") for rule in ALL_RULES)


def test_no_number_is_a_share_or_a_rate_that_its_field_does_not_say() -> None:
    """What is only counted needs no unit; all else has one that people think in."""
    thresholds = {name: hint for rule in ALL_RULES for name, hint in get_type_hints(rule.policy).items()}
    numbers = {name for name, hint in thresholds.items() if hint in {int, float}}
    assert numbers - UNITS.keys() == {"restarts_a_day", "times"}
    assert UNITS.keys() <= numbers


async def test_a_rule_may_go_further(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    result = await open_rule(hass, entry, "stalled")
    assert default(result, "autonomy") == "observe"
    assert result["data_schema"].schema["autonomy"].config["options"] == list(Autonomy)
    await send(hass, result, **filled_in(result) | {"autonomy": "act"})
    assert kernel.settings.level(kernel.rules["stalled"]) is Autonomy.ACT
    await send(hass, await open_rule(hass, entry, "stalled"), autonomy="off", **filled_in(result))
    assert kernel.settings.level(kernel.rules["stalled"]) is Autonomy.OFF
    await hass.services.async_call(
        "switch", "turn_on", {"entity_id": "switch.sokoul_stalled_downloads_healing"}, blocking=True
    )
    assert kernel.settings.level(kernel.rules["stalled"]) is Autonomy.ACT, "what it was before is remembered"


@pytest.mark.parametrize(("language", "rate"), [("en", "kB/s"), ("fr", "ko/s")])
async def test_numbers_are_typed_in_units_that_people_think_in(
    language: str, rate: str, hass: HomeAssistant, set_up: SetUp
) -> None:
    hass.config.language = language
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    result = await open_rule(hass, entry, "slow")
    units = {
        str(marker): selector.config.get("unit_of_measurement")
        for marker, selector in result["data_schema"].schema.items()
    }
    assert (units["slowest_rate"], units["almost_here"]) == (rate, "%")
    typed = filled_in(result)
    assert (typed["slowest_rate"], typed["almost_here"]) == (50, 90)
    await send(hass, result, **typed | {"slowest_rate": 12.5, "almost_here": 57})
    policy = kernel.settings.policy(kernel.rules["slow"])
    assert (policy.slowest_rate, policy.almost_here) == (12_500, 0.57), "no trace of how floats multiply"
    result = await open_rule(hass, entry, "slow")
    assert (suggested(result)["slowest_rate"], suggested(result)["almost_here"]) == (12.5, 57)
    with pytest.raises(InvalidData):
        await send(hass, result, **typed | {"almost_here": 101})


async def test_a_patience_is_changed_and_counts_at_once(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    rule = kernel.rules["stalled"]
    result = await open_rule(hass, entry, "stalled")
    assert result["description_placeholders"]["rule"] == "Stalled downloads"
    assert result["description_placeholders"]["about"].startswith("Nothing arrives")
    typed = filled_in(result) | {
        "patience": {"days": 1, "hours": 2, "minutes": 30},
        "trackers": ["  udp://one.example/announce ", " "],
    }
    await send(hass, result, **typed)
    policy = kernel.settings.policy(rule)
    assert policy.patience == timedelta(days=1, hours=2, minutes=30)
    assert policy.trackers == ("udp://one.example/announce",)
    assert policy.patience_when_rare == rule.policy().patience_when_rare
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.runtime_data.pilot.kernel.settings.policy(rule) == policy


async def test_what_may_be_empty_can_be_emptied(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    rule = kernel.rules["slow"]
    result = await open_rule(hass, entry, "slow")
    await send(hass, result, **filled_in(result), latest_finish={"days": 3})
    assert kernel.settings.policy(rule).latest_finish == timedelta(days=3)
    result = await open_rule(hass, entry, "slow")
    typed = filled_in(result)
    assert typed.pop("latest_finish") == {"days": 3, "hours": 0, "minutes": 0, "seconds": 0}
    await send(hass, result, **typed)
    assert kernel.settings.policy(rule).latest_finish is None


async def test_what_can_not_be_is_refused_at_its_field(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    result = await open_rule(hass, entry, "failed")
    result = await send(hass, result, patience={"days": 100_000})
    assert (step(result), result["errors"]) == (form("rule"), {"patience": "not_possible"})
    result = await send(hass, result, patience={"minutes": 5})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert kernel.settings.policy(kernel.rules["failed"]).patience == timedelta(minutes=5)
    result = await open_rule(hass, entry, "slow")
    with pytest.raises(InvalidData):
        await send(hass, result, **filled_in(result) | {"slowest_rate": -1})


# --- what is never touched -------------------------------------------------------------------------------------------


async def test_labels_are_changed(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    result = await begin(hass, entry, "untouched")
    assert step(result) == form("untouched")
    assert suggested(result)["labels"] == sorted(kernel.settings.labels)
    await send(hass, result, labels=["Keep", " Mine ", ""])
    assert kernel.settings.labels == {"keep", "mine"}
    await send(hass, await begin(hass, entry, "untouched"))
    assert kernel.settings.labels == frozenset()


async def test_downloads_that_are_never_touched_are_shown_and_taken_off(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    torrent = qbittorrent.add_torrent("Some.Film")
    entry = await set_up(qbittorrent_subentry(qbittorrent))
    await entry.runtime_data.refresh([QBITTORRENT_ID])
    kernel, desk = entry.runtime_data.pilot.kernel, entry.runtime_data.pilot.desk
    assert "protected" not in (await begin(hass, entry, "untouched"))["data_schema"].schema
    for key in (torrent.hash, "gone"):
        desk.protect(key, protected=True)
    result = await begin(hass, entry, "untouched")
    assert choices(result, "protected") == {torrent.hash: "Some.Film", "gone": "gone"}
    assert default(result, "protected") == sorted([torrent.hash, "gone"])
    desk.protect("meanwhile", protected=True)
    await send(hass, result, labels=["keep"], protected=["gone"])
    assert kernel.settings.protected == {"gone", "meanwhile"}
    await send(hass, await begin(hass, entry, "untouched"), labels=["keep"])
    assert kernel.settings.protected == {"gone", "meanwhile"}, "what is not sent is as it was shown"


# --- what others had set ---------------------------------------------------------------------------------------------

DECLUTTARR = """
general:
  timer: 30
  public_tracker_handling: remove
job_defaults:
  max_strikes: 10
jobs:
  remove_stalled:
  remove_failed_downloads:
"""


async def test_settings_of_another_tool_are_shown_and_taken_over(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    before = kernel.settings
    result = await begin(hass, entry, "import_settings")
    assert step(result) == form("import_settings")
    result = await send(hass, result, content="what is this?")
    assert result["errors"] == {"content": "cannot_import"}
    assert result["description_placeholders"]["problem"].endswith((".", "\u201d"))
    assert suggested(result) == {"content": "what is this?"}

    result = await send(hass, result, content=DECLUTTARR)
    assert step(result) == form("import_preview")
    found = result["description_placeholders"]["found"]
    assert "Stalled downloads, Patience&#58; 5 hours" in found, "ten strikes, half an hour apart"
    assert kernel.settings == before, "nothing before it was seen"
    result = await send(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert kernel.settings.policy(kernel.rules["stalled"]).patience == timedelta(hours=5)
    assert all(level is Autonomy.OFF for level in kernel.settings.autonomy.values())


@pytest.mark.parametrize("option", ["rules", "untouched", "import_settings"])
async def test_without_a_database_nothing_can_be_set(
    option: str, hass: HomeAssistant, set_up: SetUp, database: Path
) -> None:
    database.write_bytes(b"this is no database" * 100)
    result = await begin(hass, await set_up(), option)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "autopilot_off")
