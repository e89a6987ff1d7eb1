"""The table of what is wrong and what is done about it, line by line."""

from datetime import timedelta

import pytest

from custom_components.sokoul.debrid.policies import (
    CODES,
    EXCEPTIONS,
    STATES,
    UNCERTAIN,
    Answer,
    Course,
    Request,
    on_refusal,
    on_state,
)
from custom_components.sokoul.model.debrid import FAILED_STATUSES, DebridCode, DebridStatus
from tests.debrid.repair_account import START


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


STATE_CASES = (
    ("complete", DebridStatus.DOWNLOADED, hours(9000), Course.LEAVE),
    ("on its way, however long", DebridStatus.DOWNLOADING, hours(9000), Course.LEAVE),
    ("behind others: a second entry would wait as well", DebridStatus.QUEUED, hours(9000), Course.LEAVE),
    ("of a newer version", DebridStatus.UNKNOWN, hours(9000), Course.LEAVE),
    ("looks for its metadata", DebridStatus.MAGNET_CONVERSION, hours(5.9), Course.WAIT),
    ("found none in six hours", DebridStatus.MAGNET_CONVERSION, hours(6), Course.READD),
    ("whoever added it may be choosing", DebridStatus.WAITING_FILES_SELECTION, minutes(4.9), Course.WAIT),
    ("nobody chose", DebridStatus.WAITING_FILES_SELECTION, minutes(5), Course.SELECT),
    ("packing takes its time", DebridStatus.COMPRESSING, hours(11), Course.WAIT),
    ("packing got stuck", DebridStatus.COMPRESSING, hours(12), Course.READD),
    ("uploading takes its time", DebridStatus.UPLOADING, hours(11), Course.WAIT),
    ("uploading got stuck", DebridStatus.UPLOADING, hours(12), Course.READD),
    ("a bad magnet link", DebridStatus.MAGNET_ERROR, hours(0), Course.READD),
    ("an error", DebridStatus.ERROR, hours(0), Course.READD),
    ("dead", DebridStatus.DEAD, hours(0), Course.READD),
    ("a virus", DebridStatus.VIRUS, hours(0), Course.DELETE),
)


@pytest.mark.parametrize(("_why", "status", "lasted", "course"), STATE_CASES, ids=[case[0] for case in STATE_CASES])
def test_a_state_calls_for(_why: str, status: DebridStatus, lasted: timedelta, course: Course) -> None:
    found, at = on_state(status, unchanged_since=START - lasted, now=START)
    assert found is course
    assert (at is None) == (course is not Course.WAIT)
    if at is not None:
        assert on_state(status, unchanged_since=START - lasted, now=at)[0] not in {Course.WAIT, Course.LEAVE}


def test_a_moment_to_come_keeps_waiting_only_what_may_be_new() -> None:
    """Times of Real-Debrid may be of its own zone, hours ahead; a clock of ours may have been wrong by far more."""
    soon, far = START + hours(2), START + hours(9000)
    waiting = DebridStatus.WAITING_FILES_SELECTION
    assert on_state(DebridStatus.ERROR, unchanged_since=soon, now=START) == (Course.READD, None)
    assert on_state(waiting, unchanged_since=soon, now=START) == (Course.WAIT, soon + minutes(5))
    assert on_state(waiting, unchanged_since=far, now=START) == (Course.SELECT, None)


A, D, S, X, L = Request.ADD, Request.DETAILS, Request.SELECT, Request.DELETE, Request.LINK
CODE_CASES = (
    # limits and outages say nothing of a torrent
    ("nobody answers", None, A, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("nobody answers, the third time", None, A, 3, Course.WAIT_FOR_ACCOUNT, minutes(4)),
    ("nobody answers for a day", None, A, 99, Course.WAIT_FOR_ACCOUNT, minutes(30)),
    ("an internal error", -1, A, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("unavailable", 25, S, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("unreachable", 6, D, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("slow down", 5, D, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("too many requests", 34, L, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("too many requests, again and again", 34, L, 50, Course.WAIT_FOR_ACCOUNT, hours(1)),
    ("too many requests is no broken link", 34, L, 1, Course.WAIT_FOR_ACCOUNT, minutes(1)),
    ("fair use", 36, L, 1, Course.WAIT_FOR_ACCOUNT, hours(1)),
    ("fair use, all day", 36, L, 9, Course.WAIT_FOR_ACCOUNT, hours(12)),
    ("no traffic left is no broken link", 23, L, 1, Course.WAIT_FOR_ACCOUNT, hours(1)),
    ("no traffic left, all day", 23, L, 9, Course.WAIT_FOR_ACCOUNT, hours(6)),
    ("too many active", 21, A, 1, Course.WAIT_FOR_SLOT, minutes(10)),
    ("too many active, for long", 21, A, 9, Course.WAIT_FOR_SLOT, hours(1)),
    ("a hoster in maintenance", 17, L, 1, Course.WAIT, hours(1)),
    ("a hoster's limit", 18, L, 1, Course.WAIT, hours(1)),
    ("a hoster is away", 19, L, 2, Course.WAIT, hours(2)),
    ("the upload failed", 27, A, 1, Course.WAIT, minutes(10)),
    # what had been done
    ("selected before", 31, S, 1, Course.DONE, minutes(0)),
    ("deleted before", 7, X, 1, Course.DONE, minutes(0)),
    ("active already", 33, A, 1, Course.FIND, minutes(1)),
    ("the new entry is gone", 7, D, 1, Course.FIND, minutes(1)),
    # the link is dead, the torrent may be had
    ("a link's file is gone", 24, L, 1, Course.READD, minutes(0)),
    ("a link is gone", 7, L, 1, Course.READD, minutes(0)),
    # never again
    ("infringing", 35, A, 1, Course.GIVE_UP, minutes(0)),
    ("infringing by its link", 35, L, 1, Course.GIVE_UP, minutes(0)),
    ("the file can't be had", 24, A, 1, Course.GIVE_UP, minutes(0)),
    ("not allowed", 28, S, 1, Course.GIVE_UP, minutes(0)),
    ("too big", 29, A, 1, Course.GIVE_UP, minutes(0)),
    ("invalid", 30, A, 1, Course.GIVE_UP, minutes(0)),
    ("the file of the torrent is too big", 26, A, 1, Course.GIVE_UP, minutes(0)),
    # people
    *((f"code {code}", code, A, 1, Course.ASK, hours(1)) for code in (1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15)),
    *((f"code {code}", code, A, 1, Course.ASK, hours(1)) for code in (20, 22, 32, 37)),
    ("an unsupported hoster", 16, L, 1, Course.WAIT, hours(1)),
)


@pytest.mark.parametrize(
    ("_why", "code", "request_", "times", "course", "wait"), CODE_CASES, ids=[case[0] for case in CODE_CASES]
)
def test_a_refusal_calls_for(
    _why: str,
    code: int | None,
    request_: Request,
    times: int,
    course: Course,
    wait: timedelta,
) -> None:
    found = on_refusal(None if code is None else DebridCode(code), request_, times=times, now=START)
    assert found == Answer(course=course, wait=wait)


def test_every_state_and_every_code_is_in_the_tables() -> None:
    assert set(STATES) == set(DebridStatus) == {case[1] for case in STATE_CASES}
    assert set(CODES) == set(DebridCode) == {DebridCode(case[1]) for case in CODE_CASES if case[1] is not None}
    assert {STATES[status].course for status in FAILED_STATUSES} == {Course.READD, Course.DELETE}
    assert {code for _, code in EXCEPTIONS} <= set(DebridCode)


def test_what_real_debrid_asks_for_itself_counts_if_it_is_longer() -> None:
    longer = on_refusal(DebridCode.TOO_MANY_REQUESTS, A, now=START, retry_after=minutes(7))
    assert longer.wait == minutes(7)
    assert on_refusal(DebridCode.TOO_MANY_REQUESTS, A, now=START, retry_after=timedelta(seconds=3)).wait == minutes(1)


@pytest.mark.parametrize(
    ("seconds", "course"), [(0, Course.WAIT), (120, Course.WAIT), (121, Course.GIVE_UP), (None, Course.GIVE_UP)]
)
def test_infringing_is_final_only_when_nothing_was_throttled(seconds: int | None, course: Course) -> None:
    throttled = None if seconds is None else START - timedelta(seconds=seconds)
    found = on_refusal(DebridCode.INFRINGING_FILE, A, now=START, throttled_at=throttled)
    assert found.course is course
    assert (found.wait > timedelta(minutes=5)) == (course is Course.WAIT)


@pytest.mark.parametrize("code", [*DebridCode, None])
@pytest.mark.parametrize("request_", list(Request))
def test_what_waits_has_a_time_and_what_is_final_was_certain(code: DebridCode | None, request_: Request) -> None:
    for times in (1, 2, 100_000):
        found = on_refusal(code, request_, times=times, now=START)
        waits = found.course in {Course.WAIT, Course.WAIT_FOR_ACCOUNT, Course.WAIT_FOR_SLOT, Course.ASK, Course.FIND}
        assert (found.wait >= minutes(1)) == waits
        assert found.wait <= hours(12)
        if code is None or code in UNCERTAIN:
            assert found.course in {Course.WAIT_FOR_ACCOUNT, Course.WAIT}
