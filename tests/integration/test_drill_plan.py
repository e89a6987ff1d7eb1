"""A fire drill each month: on its day, or on one of the next three, and never twice."""

from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.sokoul.autopilot.guards.drill_plan import DrillPlan
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.guarding import ClientGuard
from devstack.qbittorrent import QbittorrentSimulator

from .conftest import QBITTORRENT_ID, PassTime, SetUp
from .test_pause import add, running
from .test_vpn_guard import EVENT, PROTECTION, STEP, bind, guard_of, shown

TURN = datetime.fromisoformat("2026-12-01T04:30:00")
REACTION = "sensor.qbittorrent_vpn_fire_drill_reaction_time"
DRILLED = "sensor.qbittorrent_last_vpn_fire_drill"


@pytest.fixture
async def guard(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp, pass_time: PassTime
) -> ClientGuard:
    """Return the guard of a client that is bound to its tunnel, and has a drill each month."""
    bind(qbittorrent, "tun0")
    guard = await guard_of(set_up, qbittorrent)
    await pass_time(STEP)
    guard.drilling.choose(DrillPlan())
    return guard


@pytest.fixture
def drills(hass: HomeAssistant) -> list[Event[Any]]:
    return async_capture_events(hass, "state_changed")


def told(events: list[Event[Any]]) -> list[tuple[str, str]]:
    """Return the drills that were told, each with the day in the house."""
    found = []
    for event in events:
        state = event.data["new_state"]
        if state is not None and state.entity_id == EVENT:
            kind = state.attributes.get("event_type") or ""
            if kind.startswith("drill"):
                found.append((kind, dt_util.as_local(datetime.fromisoformat(state.state)).strftime("%m-%d %H:%M")))
    return list(dict.fromkeys(found))  # after a restart the last one is shown again


async def until(moment: datetime, pass_time: PassTime) -> None:
    """Let time pass until a moment by the clock of the house, and some steps of the guard."""
    there = moment.replace(tzinfo=dt_util.get_default_time_zone())
    if there - dt_util.utcnow() > timedelta(days=1):  # its timer is set from one day to the next
        await pass_time(there - dt_util.utcnow() - timedelta(hours=23))
    await pass_time(there - dt_util.utcnow() - STEP)
    await pass_time(STEP, times=6)


async def test_it_is_made_on_its_day_and_once(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    drills: list[Event[Any]],
) -> None:
    add(qbittorrent, "one", "two")
    assert shown(hass, REACTION) == shown(hass, DRILLED) == "unknown"
    await until(TURN - timedelta(days=1), pass_time)
    await until(TURN - timedelta(minutes=2), pass_time)
    assert told(drills) == []
    await until(TURN, pass_time)
    assert told(drills) == [("drill_passed", "12-01 04:30")]
    assert running(qbittorrent) == {"one", "two"}
    assert int(shown(hass, REACTION)) >= 0
    assert dt_util.as_local(datetime.fromisoformat(shown(hass, DRILLED))).day == 1
    for days in (1, 2, 3):
        await until(TURN + timedelta(days=days), pass_time)
    assert len(told(drills)) == 1
    await hass.config_entries.async_reload(guard.backend.config_entry.entry_id)
    await pass_time(STEP)
    assert int(shown(hass, REACTION)) >= 0  # known after a restart
    await until(TURN.replace(year=2027, month=1), pass_time)
    assert told(drills)[1:] == [("drill_passed", "01-01 04:30")]


async def test_one_that_is_skipped_says_why_and_is_tried_on_three_more_days(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    drills: list[Event[Any]],
) -> None:
    for days in range(6):
        await until(TURN + timedelta(days=days), pass_time)
        event = hass.states.get(EVENT)
        assert event is not None
        assert event.attributes["text"] == (
            "No drill now: nothing runs at qBittorrent, so nothing could be measured. "
            + ("It is tried again tomorrow." if days < 3 else "The next try is next month.")
        )
    assert told(drills) == [("drill_skipped", f"12-0{day} 04:30") for day in (1, 2, 3, 4)]


async def test_one_that_was_skipped_is_made_when_it_can_be(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    drills: list[Event[Any]],
) -> None:
    await until(TURN, pass_time)
    add(qbittorrent, "one")
    for days in (1, 2):
        await until(TURN + timedelta(days=days), pass_time)
    assert told(drills) == [("drill_skipped", "12-01 04:30"), ("drill_passed", "12-02 04:30")]


async def test_a_client_that_leaks_is_not_drilled(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    drills: list[Event[Any]],
) -> None:
    add(qbittorrent, "one")
    bind(qbittorrent, "")
    await pass_time(STEP, times=4)
    assert shown(hass, PROTECTION) == "leaking"
    await until(TURN, pass_time)
    assert told(drills) == [("drill_skipped", "12-01 04:30")]
    assert running(qbittorrent) == set()


async def test_a_guard_that_is_off_skips_it_and_one_without_a_vpn_is_silent(
    hass: HomeAssistant,
    guard: ClientGuard,
    qbittorrent: QbittorrentSimulator,
    pass_time: PassTime,
    drills: list[Event[Any]],
) -> None:
    add(qbittorrent, "one")
    guard.turn(on=False)
    await until(TURN, pass_time)
    assert told(drills) == [("drill_skipped", "12-01 04:30")]
    guard.turn(on=True)
    guard.choose(Shelter(clue=Clue.PERSON))
    await until(TURN + timedelta(days=1), pass_time)
    assert len(told(drills)) == 1


async def test_it_is_chosen_in_the_options(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    guard = await guard_of(set_up, qbittorrent)
    assert guard.drilling.plan is None  # off by itself
    for said, plan in (
        ({"monthly": True, "day": 1, "time": "04:30:00"}, DrillPlan()),
        (
            {"monthly": True, "day": 28, "time": "23:05:00"},
            DrillPlan(day=28, at=TURN.time().replace(hour=23, minute=5)),
        ),
        ({"monthly": False, "day": 1, "time": "04:30:00"}, None),
    ):
        flow = await hass.config_entries.options.async_init(guard.backend.config_entry.entry_id)
        for answer in ({"next_step_id": "vpn"}, {"backend": QBITTORRENT_ID}, {"next_step_id": "drill_plan"}, said):
            flow = await hass.config_entries.options.async_configure(flow["flow_id"], answer)
        assert flow["type"] is FlowResultType.CREATE_ENTRY
        assert guard.drilling.plan == plan
