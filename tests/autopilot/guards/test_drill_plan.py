"""When the drill of each month is due."""

from datetime import date, time, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.guards.drill_plan import DAYS, MORE_DAYS, DrillPlan

CASES = [
    (1, "2026-11-01", "2026-11-01"),
    (1, "2026-11-02", "2026-11-01"),
    (1, "2026-11-04", "2026-11-01"),
    (1, "2026-11-05", None),
    (1, "2026-10-31", None),
    (15, "2026-11-14", None),
    (15, "2026-11-15", "2026-11-15"),
    (28, "2026-11-28", "2026-11-28"),
    (28, "2026-12-01", "2026-11-28"),
    (28, "2026-12-02", None),
    (28, "2027-02-28", "2027-02-28"),
    (28, "2027-03-03", "2027-02-28"),
    (27, "2027-01-30", "2027-01-27"),
    (28, "2026-12-31", "2026-12-28"),
    (28, "2027-01-01", None),
]


@pytest.mark.parametrize(("day", "today", "turn"), CASES)
def test_whose_turn_it_is(day: int, today: str, turn: str | None) -> None:
    expected = None if turn is None else date.fromisoformat(turn)
    assert DrillPlan(day=day).turn_of(date.fromisoformat(today)) == expected


@given(st.sampled_from(DAYS), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_each_month_has_one_turn_of_four_days(day: int, start: date) -> None:
    plan = DrillPlan(day=day)
    turns = [plan.turn_of(start + timedelta(days=each)) for each in range(400)]
    whole = [turn for turn in dict.fromkeys(turns[4:-4]) if turn is not None]
    assert all(turns.count(turn) == 1 + MORE_DAYS for turn in whole[1:-1])
    assert [turn.day for turn in whole] == [day] * len(whole)
    months = [(turn.year, turn.month) for turn in whole]
    assert len(set(months)) == len(months) >= 12


def test_the_last_day_is_the_last_try() -> None:
    plan = DrillPlan(day=1)
    tries = [plan.is_last_try(date(2026, 11, day)) for day in range(1, 7)]
    assert tries == [False, False, False, True, False, False]


def test_it_is_stored() -> None:
    plan = DrillPlan(day=7, at=time(23, 5))
    assert DrillPlan.from_json(plan.as_json()) == plan


@pytest.mark.parametrize("stored", [{}, {"day": 31, "at": "04:30"}, {"day": 1, "at": "later"}, {"day": 1, "at": None}])
def test_what_is_damaged_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        DrillPlan.from_json(stored)
