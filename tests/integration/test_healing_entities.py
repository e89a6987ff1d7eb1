"""The entities of healing: how far rules may go, what is counted, and the events."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul import event as event_platform, healing
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.healing import Tally
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus
from custom_components.sokoul.model.memory import Clock, SubjectMemory
from custom_components.sokoul.pilot import Pilot
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from tests.store.make import entry as row

from .conftest import HUB_ID, PassTime, SetUp
from .healing import HOUR, MINUTE, Lost, act, suggestion, wait

if TYPE_CHECKING:
    from custom_components.sokoul.autopilot.kernel import Kernel
    from custom_components.sokoul.autopilot.rules.base import Case


@pytest.fixture
def lost(qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator) -> Lost:
    return Lost(qbittorrent, radarr)


def entity_id(hass: HomeAssistant, platform: str, key: str) -> str:
    found = er.async_get(hass).async_get_entity_id(platform, DOMAIN, f"{HUB_ID}_{key}")
    assert found is not None
    return found


def shown(hass: HomeAssistant, platform: str, key: str) -> str:
    state = hass.states.get(entity_id(hass, platform, key))
    assert state is not None
    return state.state


def event(hass: HomeAssistant) -> dict[str, Any]:
    state = hass.states.get(entity_id(hass, "event", "healing"))
    assert state is not None
    return dict(state.attributes)


async def choose(hass: HomeAssistant, key: str, option: str) -> None:
    data = {ATTR_ENTITY_ID: entity_id(hass, "select", key), "option": option}
    await hass.services.async_call("select", "select_option", data, blocking=True)


async def turn(hass: HomeAssistant, key: str, *, on: bool) -> None:
    data = {ATTR_ENTITY_ID: entity_id(hass, "switch", key)}
    await hass.services.async_call("switch", "turn_on" if on else "turn_off", data, blocking=True)


# --- levels ----------------------------------------------------------------------------------------------------------


async def test_every_rule_begins_at_its_default(hass: HomeAssistant, set_up: SetUp) -> None:
    await set_up()
    assert shown(hass, "select", "autonomy") == "act"
    for rule in RULES:
        assert shown(hass, "select", f"{rule.key}_autonomy") == rule.default.value
        assert shown(hass, "switch", f"{rule.key}_healing") == (STATE_OFF if rule.default is Autonomy.OFF else STATE_ON)


async def test_a_level_counts_at_once_and_outlives_a_restart(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await choose(hass, "stalled_autonomy", "act")
    settings = entry.runtime_data.pilot.kernel.settings
    assert settings.autonomy == {"stalled": Autonomy.ACT}
    assert shown(hass, "select", "stalled_autonomy") == "act"
    await hass.config_entries.async_reload(entry.entry_id)
    assert shown(hass, "select", "stalled_autonomy") == "act"
    assert entry.runtime_data.pilot.kernel.settings == settings


async def test_the_ceiling_lowers_all_rules_and_keeps_their_levels(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await choose(hass, "stalled_autonomy", "act")
    await choose(hass, "autonomy", "observe")
    kernel = entry.runtime_data.pilot.kernel
    assert {kernel.settings.level(rule) for rule in RULES} <= {Autonomy.OFF, Autonomy.OBSERVE}
    assert shown(hass, "select", "stalled_autonomy") == "act"
    await choose(hass, "autonomy", "act")
    assert kernel.settings.level(kernel.rules["stalled"]) is Autonomy.ACT


async def test_a_switch_brings_back_the_level_that_was_there(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await choose(hass, "stalled_autonomy", "suggest")
    await turn(hass, "stalled_healing", on=False)
    assert (shown(hass, "select", "stalled_autonomy"), shown(hass, "switch", "stalled_healing")) == ("off", STATE_OFF)
    await turn(hass, "stalled_healing", on=False)  # twice forgets nothing
    await hass.config_entries.async_reload(entry.entry_id)
    await turn(hass, "stalled_healing", on=True)
    assert (shown(hass, "select", "stalled_autonomy"), shown(hass, "switch", "stalled_healing")) == (
        "suggest",
        STATE_ON,
    )
    await turn(hass, "stalled_healing", on=True)
    assert shown(hass, "select", "stalled_autonomy") == "suggest"


async def test_a_switch_remembers_what_the_select_switched_off(hass: HomeAssistant, set_up: SetUp) -> None:
    await set_up()
    await choose(hass, "delayed_autonomy", "act")
    await choose(hass, "delayed_autonomy", "off")
    await turn(hass, "delayed_healing", on=True)
    assert shown(hass, "select", "delayed_autonomy") == "act"


async def test_without_a_database_there_is_nothing_to_set(hass: HomeAssistant, set_up: SetUp, database: Any) -> None:
    database.write_bytes(b"this is no database" * 100)
    await set_up()
    for platform, key in (
        ("select", "autonomy"),
        ("select", "stalled_autonomy"),
        ("switch", "stalled_healing"),
        ("sensor", "healed_today"),
        ("event", "healing"),
    ):
        assert shown(hass, platform, key) == STATE_UNAVAILABLE


# --- counts and events -----------------------------------------------------------------------------------------------


async def test_a_suggestion_is_counted_told_and_healed(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    (item,) = lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    assert shown(hass, "sensor", "oldest_problem") == STATE_UNKNOWN
    start = dt_util.utcnow() - MINUTE
    await pass_time(10 * MINUTE, 4)
    oldest = dt_util.parse_datetime(shown(hass, "sensor", "oldest_problem"))
    assert oldest is not None
    assert 10 * MINUTE <= oldest - start <= 12 * MINUTE, "a client that has just come back says little"
    await wait(pass_time)
    asked = suggestion(pilot)
    assert shown(hass, "sensor", "suggestions") == "1"
    assert shown(hass, "sensor", "healed_today") == "0"
    told = event(hass)
    assert told["event_type"] == "suggested"
    assert (told["entry_id"], told["rule"], told["act"]) == (asked.id, "orphan", "leave_queue")
    assert told["title"] == asked.label
    assert told["text"].startswith("Radarr waits for it, but its download client doesn\u2019t have it. SOKOUL suggests")
    assert all(isinstance(value, str | int | list) or value is None for value in told.values())

    await act(hass, "approve", entry_id=asked.id)
    assert item.title not in lost.waiting
    assert shown(hass, "sensor", "suggestions") == "0"
    assert shown(hass, "sensor", "healed_today") == "1"
    last = dt_util.parse_datetime(shown(hass, "sensor", "last_heal"))
    assert last is not None
    assert dt_util.utcnow() - last < MINUTE
    assert event(hass)["event_type"] == "done"
    await pass_time(10 * MINUTE, 2)
    assert shown(hass, "sensor", "oldest_problem") == STATE_UNKNOWN

    await hass.config_entries.async_reload(HUB_ID)
    assert shown(hass, "sensor", "healed_today") == "1", "the journal remembers"
    assert dt_util.parse_datetime(shown(hass, "sensor", "last_heal")) == last
    await pass_time(12 * HOUR, 2)
    assert shown(hass, "sensor", "healed_today") == "0", "another day"
    assert dt_util.parse_datetime(shown(hass, "sensor", "last_heal")) == last


async def test_what_healed_nothing_hides_nothing_that_did(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    pilot: Pilot = entry.runtime_data.pilot
    now = dt_util.utcnow()
    healed = row(at=now, changed_at=now, act=ActKind.REPLACE, status=EntryStatus.DONE, actor="somebody")
    await pilot.kernel.write(healed)
    for _ in range(300):
        await pilot.kernel.journal.add(row(at=now, changed_at=now, act=ActKind.REANNOUNCE))
    before = [shown(hass, "sensor", key) for key in ("healed_today", "last_heal")]
    assert before[0] == "1"
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [shown(hass, "sensor", key) for key in ("healed_today", "last_heal")] == before


async def test_looking_for_the_oldest_problem_lets_others_have_their_turn() -> None:
    now = dt_util.utcnow()
    ages = {f"client/{number:04}": timedelta(hours=1 + number * 7 % 500) for number in range(2000)}
    looked, most = [0], [0]

    class Watch:
        """Counts how many downloads were looked at since others had their turn."""

        def __iter__(self) -> Iterator[str]:
            return iter(ages)

        def memory(self, subject: str) -> SubjectMemory:
            looked[0] += 1
            clock = Clock(counted=timedelta(), running_since=now - ages[subject])
            return SubjectMemory(clocks={"stalled": clock})

        def case(self, subject: str, _now: Any) -> Case:
            return cast("Case", subject)

    async def others() -> None:
        while True:
            most[0], looked[0] = max(most[0], looked[0]), 0
            await asyncio.sleep(0)

    def may(subject: Any, _claims: object) -> tuple[Autonomy, None]:
        return (Autonomy.OFF if ages[subject] > timedelta(hours=400) else Autonomy.ACT), None

    stalled = next(rule for rule in RULES if rule.key == "stalled")
    kernel = cast("Kernel", SimpleNamespace(rules={"stalled": stalled}, watch=Watch(), claims=lambda: None))
    tally, turns = Tally(), asyncio.create_task(others())
    with patch.object(healing, "ceiling", may):
        await tally.look(kernel, now)
        assert tally.oldest_problem == now - timedelta(hours=400)
        assert 0 < most[0] <= healing.SLICE
        most[0] = looked[0] = 0
        await tally.look(kernel, now + timedelta(seconds=10))
        await asyncio.sleep(0)
        assert most[0] == 0, "not at every turn"
        await tally.look(kernel, now + timedelta(minutes=1))
        assert most[0] > 0
    turns.cancel()


async def test_events_speak_the_language_of_the_house(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.config.language = "fr"
    lost.lose()
    await lost.begin(set_up, pass_time, Autonomy.OBSERVE)
    await wait(pass_time)
    assert event(hass)["event_type"] == "observed"
    assert event(hass)["text"].endswith("Noté seulement, pas fait\u00a0: le retirer de la file.")


async def test_what_is_only_told_is_an_event_of_its_own(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.radarr.queue_item(next(iter(lost.radarr.library.movies.values())), download_id=None, time_left=timedelta())
    pilot = await lost.begin(set_up, pass_time)
    await pass_time(6 * HOUR, 5)
    assert [each.rule for each in await pilot.kernel.journal.find(statuses=[EntryStatus.DONE])] == ["delayed"]
    assert (event(hass)["event_type"], event(hass)["rule"]) == ("told", "delayed")
    assert shown(hass, "sensor", "healed_today") == "0", "telling heals nothing"


async def test_a_flood_of_events_ends(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_platform, "MOST_AN_HOUR", 3)
    lost.lose(5)
    pilot: Pilot = await lost.begin(set_up, pass_time, Autonomy.OBSERVE)
    seen: list[Any] = []
    hass.bus.async_listen("state_changed", lambda changed: seen.append(changed.data["entity_id"]))
    await wait(pass_time)
    assert len(await pilot.kernel.journal.find()) == 5
    assert seen.count(entity_id(hass, "event", "healing")) == 3
    lost.lose(1)
    await wait(pass_time)
    assert seen.count(entity_id(hass, "event", "healing")) == 4, "an hour later there is room again"
