"""When the last resort against a leak is called."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.guards.last_resort import (
    MOST_CALLS,
    LastResortPolicy,
    Leak,
    called,
    due,
    failed,
    follow,
)

START = datetime(2026, 11, 1, tzinfo=UTC)

#: A second each: "r" something runs, "." nothing does, "?" it could not be told, "-" there is no leak
CASES = [
    ("", False, None),
    ("-" * 30, False, None),
    ("rr.........................", False, None),  # stopped as it should be
    ("rrrrrrrrrrrrr", False, 10),  # it keeps running
    ("?????????????", False, 10),  # it could not be told
    ("?r?r?r?r?r?r?", False, 10),
    ("..???????????????????????", False, None),  # it was stopped before it fell silent
    ("...rrrrrrrrrrrrr", False, 13),  # something runs again, and does not stop
    ("...rr???????????", False, 13),  # and falls silent before it is seen to stop
    ("rrrrrrrrr.rrrrrrrrr.rrrrr", False, None),  # it is stopped each time
    ("rrrrrr-rrrrrr-rrrrr", False, None),  # each of them is a leak of its own, and short
    ("r", True, 0),
    ("?", True, 0),
    (".", True, 0),
    ("-----", True, None),
    ("---r", True, 3),
]


def first_call(looks: str, policy: LastResortPolicy) -> int | None:
    leak: Leak | None = None
    for second, look in enumerate(looks):
        now = START + timedelta(seconds=second)
        running = {"r": 3, ".": 0}.get(look)
        leak = follow(leak, leaking=look != "-", running=running, now=now)
        at = due(leak, policy, now)
        if at is not None and at <= now:
            return second
    return None


@pytest.mark.parametrize(("looks", "every_leak", "second"), CASES)
def test_when_it_is_called(looks: str, every_leak: bool, second: int | None) -> None:  # noqa: FBT001 -- a column
    assert first_call(looks, LastResortPolicy(every_leak=every_leak)) == second


def test_what_came_to_nothing_is_tried_once_more_and_no_more() -> None:
    policy, leak = LastResortPolicy(every_leak=True), follow(None, leaking=True, running=1, now=START)
    assert leak is not None
    leak = called(leak, START)
    assert due(leak, policy, START) is None
    leak = failed(leak)
    assert due(leak, policy, START) == START + policy.retry
    leak = failed(called(leak, START + policy.retry))
    assert due(leak, policy, START + timedelta(days=1)) is None


def test_what_came_to_nothing_is_not_needed_any_more_once_it_is_stopped() -> None:
    policy, leak = LastResortPolicy(), follow(None, leaking=True, running=1, now=START)
    assert leak is not None
    leak = follow(failed(called(leak, START + policy.patience)), leaking=True, running=0, now=START + policy.patience)
    assert due(leak, policy, START + timedelta(hours=1)) is None


def test_a_restart_calls_nothing_anew() -> None:
    leak = called(Leak(unstopped_since=START), START)
    again = follow(Leak.from_json(leak.as_json()), leaking=True, running=1, now=START)
    assert due(again, LastResortPolicy(every_leak=True), START + timedelta(hours=1)) is None


def test_a_leak_that_was_stopped_before_a_restart_is_still() -> None:
    leak = follow(None, leaking=True, running=0, now=START)
    assert leak is not None
    again = follow(Leak.from_json(leak.as_json()), leaking=True, running=None, now=START)
    assert due(again, LastResortPolicy(), START + timedelta(hours=1)) is None


@given(st.text("r.?", max_size=200), st.booleans(), st.booleans())
def test_in_one_leak_it_is_never_called_more_than_twice(looks: str, every_leak: bool, fails: bool) -> None:  # noqa: FBT001
    policy, leak, calls = LastResortPolicy(every_leak=every_leak), None, 0
    for second, look in enumerate(looks):
        now = START + timedelta(seconds=second)
        leak = follow(leak, leaking=True, running={"r": 3, ".": 0}.get(look), now=now)
        assert leak is not None
        at = due(leak, policy, now)
        if at is not None and at <= now:
            calls += 1
            leak = failed(called(leak, now)) if fails else called(leak, now)
    assert calls <= (MOST_CALLS if fails else 1)
