"""The options of healing: who is told, how patient each rule is, what is never touched, what others had set."""

from dataclasses import fields
from datetime import timedelta
import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.sokoul.healing import ALL_RULES
from custom_components.sokoul.model.journal import Autonomy
from custom_components.sokoul.notify_people import PHONES_KEY

from .conftest import SetUp
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
    async_mock_service(hass, "notify", "mobile_app_ada")
    async_mock_service(hass, "notify", "somewhere_else")
    entry = await set_up()
    memory = entry.runtime_data.memory
    memory.set(PHONES_KEY, ["mobile_app_lost"])
    result = await begin(hass, entry, "people")
    assert step(result) == form("people")
    offered = result["data_schema"].schema["phones"].config["options"]
    assert offered == ["mobile_app_ada", "mobile_app_lost"], "what was chosen can be taken off though it is gone"
    assert default(result, "phones") == ["mobile_app_lost"]
    result = await send(hass, result, phones=["mobile_app_ada"])
    assert (result["type"], result["data"]) == (FlowResultType.CREATE_ENTRY, {})
    assert memory.get(PHONES_KEY) == ["mobile_app_ada"]


async def test_without_phones_there_is_nothing_to_choose(hass: HomeAssistant, set_up: SetUp) -> None:
    result = await begin(hass, await set_up(), "people")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_phones")


# --- how patient -----------------------------------------------------------------------------------------------------


async def test_every_rule_has_a_field_for_each_of_its_thresholds(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    result = await begin(hass, entry, "rules")
    assert set(choices(result, "rule")) == {rule.key for rule in ALL_RULES}
    for rule in ALL_RULES:
        result = await open_rule(hass, entry, rule.key)
        assert step(result) == form("rule")
        assert [str(marker) for marker in result["data_schema"].schema] == [each.name for each in fields(rule.policy)]
        saved = await send(hass, result, **filled_in(result))
        assert saved["type"] is FlowResultType.CREATE_ENTRY
        assert entry.runtime_data.pilot.kernel.settings.policy(rule) == rule.policy(), "as shown, so saved"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_threshold_has_a_name_and_every_name_a_threshold(language: str) -> None:
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text(encoding="utf-8"))
    rule = texts["options"]["step"]["rule"]
    names = {each.name for rule in ALL_RULES for each in fields(rule.policy)}
    assert rule["data"].keys() == rule["data_description"].keys() == names


async def test_a_patience_is_changed_and_counts_at_once(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    kernel = entry.runtime_data.pilot.kernel
    rule = kernel.rules["stalled"]
    result = await open_rule(hass, entry, "stalled")
    assert result["description_placeholders"] == {"rule": "Stalled downloads"}
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
