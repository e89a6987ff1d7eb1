"""What an entry of the journal teaches: once, though it is drawn again when the journal is read after a crash."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.lessons import FAILED_FOR, learn, learn_of_title
from custom_components.sokoul.model.journal import ActKind, EntryStatus, JournalEntry
from custom_components.sokoul.model.memory import NOTHING_KNOWN, Clock, SubjectMemory, Tries
from custom_components.sokoul.model.reasons import Reason

from .fakes import NOW
from .stack import DAY, HOUR

DONE, FAILED, UNDONE = EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.UNDONE
REPLACE, DISCARD, FETCH = ActKind.REPLACE, ActKind.DISCARD, ActKind.FETCH_MISSING
MONTH = timedelta(days=30)


def entry(status: EntryStatus, act: ActKind = REPLACE, after: timedelta = timedelta(), **fields: Any) -> JournalEntry:
    defaults: dict[str, Any] = {
        "id": 7,
        "at": NOW + after,
        "changed_at": NOW + after,
        "rule": "stalled",
        "subject": "qbt/aa",
        "label": "Old",
        "reason": Reason(key="heal.stalled"),
    }
    return JournalEntry(act=act, status=status, **defaults | fields)


# --- of a download ---------------------------------------------------------------------------------------------------


def test_a_try_counts_once_though_it_is_read_again() -> None:
    began = SubjectMemory(clocks={"stalled": Clock(running_since=NOW - HOUR)})
    first = learn(began, entry(DONE, ActKind.REANNOUNCE))
    assert learn(first, entry(DONE, ActKind.REANNOUNCE)) is first
    second = learn(first, entry(DONE, ActKind.REANNOUNCE, HOUR))
    assert second.tried == {ActKind.REANNOUNCE: Tries(count=2, at=NOW + HOUR)}
    assert learn(second, entry(DONE, ActKind.REANNOUNCE)) is second, "nor does an older one"


@pytest.mark.parametrize(
    ("act", "why", "tries"), [(FETCH, "no_alternative", 1), (FETCH, "backend_error", 0), (REPLACE, "no_alternative", 0)]
)
def test_that_nothing_was_found_for_a_pack_is_a_try(*, act: ActKind, why: str, tries: int) -> None:
    learned = learn(NOTHING_KNOWN, entry(FAILED, act, result=Reason(key=f"result.{why}")))
    assert learned.kept_until == {"stalled": NOW + FAILED_FOR}
    assert sum(each.count for each in learned.tried.values()) == tries


# --- of a title ------------------------------------------------------------------------------------------------------


def failures(*entries: JournalEntry) -> int:
    memory = NOTHING_KNOWN
    for each in entries:
        memory = learn_of_title(memory, each)
        assert learn_of_title(memory, each) is memory, "drawn again"
    tries = memory.tried.get(REPLACE)
    return tries.count if tries else 0


def taken_back(given_up: JournalEntry, after: timedelta = HOUR) -> JournalEntry:
    return replace(given_up, status=UNDONE, changed_at=given_up.changed_at + after)


FIRST, SECOND = entry(DONE), entry(DONE, DISCARD, DAY)


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        pytest.param((FIRST,), 1, id="one was given up"),
        pytest.param((FIRST, SECOND), 2, id="two"),
        pytest.param((entry(DONE, ActKind.LEAVE_QUEUE),), 0, id="what only left the queue didn't fail"),
        pytest.param((entry(FAILED),), 0, id="it was not given up after all"),
        pytest.param((FIRST, taken_back(FIRST)), 0, id="taken back"),
        pytest.param((FIRST, SECOND, taken_back(SECOND)), 1, id="one of two taken back"),
        pytest.param((taken_back(FIRST),), 0, id="taken back before it was learned that it was given up"),
        pytest.param((FIRST, taken_back(SECOND)), 1, id="that one was never counted: the other one was"),
        pytest.param((FIRST, entry(DONE, after=MONTH + HOUR)), 1, id="long ago"),
    ],
)
def test_failures_of_a_title(*, entries: tuple[JournalEntry, ...], count: int) -> None:
    assert failures(*entries) == count
