"""What is remembered survives being stored, and the time in which nobody looked counts for nothing."""

from datetime import UTC, datetime, timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.journal import ActKind
from custom_components.sokoul.model.memory import NOTHING_KNOWN, Clock, Pace, SubjectMemory, Tries
from tests.model.make import NOW

HOUR = timedelta(hours=1)


def test_a_clock() -> None:
    stopped = Clock(counted=HOUR)
    assert stopped.read(NOW) == HOUR
    running = stopped.running(NOW)
    assert running.read(NOW + HOUR) == 2 * HOUR
    assert running.running(NOW + HOUR) is running
    assert running.stopped(NOW + HOUR) == Clock(counted=2 * HOUR)
    assert stopped.stopped(NOW) is stopped


def test_a_clock_that_begins_later_has_not_begun() -> None:
    later = Clock(counted=HOUR).running(NOW + HOUR)
    assert later.read(NOW) == HOUR
    assert later.stopped(NOW) == Clock(counted=HOUR)
    assert later.read(NOW + 2 * HOUR) == 2 * HOUR


def test_a_clock_of_the_computer_that_is_set_back_takes_nothing_away() -> None:
    assert Clock(counted=HOUR, running_since=NOW).read(NOW - HOUR) == HOUR


def test_a_rule_without_a_clock_has_lasted_for_nothing() -> None:
    assert NOTHING_KNOWN.elapsed("stalled", NOW) == timedelta()


def test_tries_are_counted_within_a_spell() -> None:
    memory = NOTHING_KNOWN.with_try(ActKind.REANNOUNCE, NOW - HOUR, NOW).with_try(ActKind.REANNOUNCE, NOW - HOUR, NOW)
    assert memory.tried[ActKind.REANNOUNCE] == Tries(count=2, at=NOW)
    memory = memory.with_try(ActKind.REANNOUNCE, NOW + HOUR, NOW + HOUR)
    assert memory.tried[ActKind.REANNOUNCE] == Tries(count=1, at=NOW + HOUR)


def test_what_was_proposed() -> None:
    memory = NOTHING_KNOWN.with_proposed("stalled/replace", 7).with_proposed("slow/replace", 8)
    assert memory.proposed == {"stalled/replace": 7, "slow/replace": 8}
    assert memory.with_proposed("stalled/replace", None).proposed == {"slow/replace": 8}


def test_a_rule_that_is_silenced() -> None:
    memory = NOTHING_KNOWN.with_kept("stalled", NOW + HOUR)
    assert memory.kept("stalled", NOW)
    assert not memory.kept("stalled", NOW + HOUR)
    assert not memory.kept("slow", NOW)


# --- the store -------------------------------------------------------------------------------------------------------


def test_nothing_known_is_nothing_stored() -> None:
    assert NOTHING_KNOWN.as_json() == {}
    assert SubjectMemory.from_json({}, NOW) == NOTHING_KNOWN


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis wants them without
SPANS = st.timedeltas(timedelta(), timedelta(days=90))
NAMES = st.sampled_from(["stalled", "slow", "pack", "reannounce", "search"])
MEMORIES = st.builds(
    SubjectMemory,
    have_bytes=st.integers(0, 10**14),
    progressed_at=st.none() | MOMENTS,
    settling_until=st.none() | MOMENTS | st.just(datetime(9999, 1, 1, tzinfo=UTC)),
    clocks=st.dictionaries(NAMES, st.builds(Clock, counted=SPANS)),
    tried=st.dictionaries(NAMES, st.builds(Tries, count=st.integers(1, 9), at=MOMENTS)),
    proposed=st.dictionaries(NAMES, st.integers(1, 10**6)),
    kept_until=st.dictionaries(NAMES, MOMENTS),
    restored_from=st.sampled_from([(), ("radarr",), ("radarr", "sonarr")]),
    first_seeds=st.none() | st.integers(0, 10**4),
)


@given(MEMORIES)
def test_what_is_stored_is_read_again(memory: SubjectMemory) -> None:
    """As JSON that went through a file."""
    stored = json.loads(json.dumps(memory.as_json()))
    assert SubjectMemory.from_json(stored, NOW) == memory


def test_a_clock_that_ran_is_stopped_when_it_was_last_known_to_run() -> None:
    memory = SubjectMemory(clocks={"stalled": Clock(counted=HOUR, running_since=NOW)})
    read = SubjectMemory.from_json(memory.as_json(), NOW + HOUR)
    assert read.clocks == {"stalled": Clock(counted=2 * HOUR)}


def test_a_clock_that_had_not_begun_has_not_run() -> None:
    memory = SubjectMemory(clocks={"stalled": Clock(counted=HOUR, running_since=NOW + HOUR)})
    assert SubjectMemory.from_json(memory.as_json(), NOW).clocks == {"stalled": Clock(counted=HOUR)}


def test_a_pace_begins_a_new_stretch() -> None:
    memory = SubjectMemory(have_bytes=9, pace=Pace(since=NOW, have_bytes=5, rate=40.5))
    read = SubjectMemory.from_json(memory.as_json(), NOW + HOUR)
    assert read.pace == Pace(since=NOW + HOUR, have_bytes=9, rate=40.5)
    unmeasured = SubjectMemory(have_bytes=9, pace=Pace(since=NOW, have_bytes=5))
    assert SubjectMemory.from_json(unmeasured.as_json(), NOW).pace is None


@pytest.mark.parametrize(
    "damaged",
    [
        {"have": "much"},
        {"clocks": {"stalled": 5}},
        {"clocks": {"stalled": [None, None]}},
        {"clocks": {"stalled": ["x", 5]}},
        {"tried": {"recheck": [1]}},
        {"kept": {"stalled": "tomorrow"}},
        {"progressed_at": []},
        {"rate": "fast"},
        {"first_seeds": "many"},
    ],
)
def test_what_is_damaged_is_said_to_be(damaged: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        SubjectMemory.from_json(damaged, NOW)
