"""How often services are asked: seldom, within seconds of a change, and never without end."""

from datetime import datetime, timedelta

from custom_components.sokoul.autopilot.guards.asking import RUSHES, RUSHES_WITHIN, SOONEST, USUALLY, Pace
from tests.model.make import NOW

SECOND = timedelta(seconds=1)


def asked(
    pace: Pace, start: datetime, seconds: int, *, wanted: bool = True, after: datetime | None = None
) -> list[int]:
    """Return after how many seconds it asks, when that could be every second."""
    return [s for s in range(seconds) if pace.is_due(start + s * SECOND, wanted=wanted, after=after)]


def test_it_asks_at_once_and_then_twice_an_hour() -> None:
    assert asked(Pace(), NOW, 3700, wanted=False) == [0, 1800, 3600]


def test_who_wants_to_know_is_told_soon_and_then_ever_more_seldom() -> None:
    assert asked(Pace(), NOW, 7200) == [0, 10, 30, 70, 150, 310, 630, 1270, 2550, 4350, 6150]


def test_a_change_is_asked_about_at_once() -> None:
    pace = Pace()
    asked(pace, NOW, 3000)  # the pause has grown
    at = NOW + 3100 * SECOND
    assert asked(pace, at, 20, after=at - SECOND) == [0, 10]


def test_a_change_right_after_a_question_waits_for_its_answers() -> None:
    pace = Pace()
    pace.is_due(NOW, wanted=False)
    assert asked(pace, NOW + SECOND, 20, after=NOW + SECOND) == [4, 14]


def test_what_changes_all_the_time_is_not_asked_about_all_the_time() -> None:
    pace, day = Pace(), 24 * 3600
    times = sum(pace.is_due(NOW + s * SECOND, wanted=True, after=NOW + s * SECOND) for s in range(day))
    assert times <= 2 * RUSHES * day / RUSHES_WITHIN.total_seconds()


def test_doubt_that_comes_back_later_begins_anew() -> None:
    pace = Pace()
    asked(pace, NOW, 3000)
    assert asked(pace, NOW + timedelta(hours=2), 10, wanted=False) == [0]
    assert asked(pace, NOW + timedelta(hours=2, seconds=10), 16) == [0, 10]


def test_a_clock_that_is_set_back_does_not_end_it() -> None:
    pace = Pace()
    pace.is_due(NOW, wanted=True)
    assert pace.is_due(NOW - timedelta(days=1), wanted=True)
    assert timedelta() < SOONEST < USUALLY
