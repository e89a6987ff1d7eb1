"""Torrents with errors or without files: one is looked at, several are a mount that is away."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.census import Census
from custom_components.sokoul.autopilot.rules.base import Surroundings
from custom_components.sokoul.autopilot.rules.broken import RULE
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind, Autonomy, Proposal
from custom_components.sokoul.model.library import TrackedState
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import NOTHING, Row, days, hours, minutes, queued, row, usenet
from tests.autopilot.rules.swarms import download, having
from tests.model import make
from tests.model.make import NOW

ERROR, MISSING = DownloadState.ERROR, DownloadState.MISSING_FILES
PROVEN, REFUTED = Surroundings(mount_proven=True), Surroundings(mount_proven=False)
RECHECK, REPLACE, TELL = ActKind.RECHECK, ActKind.REPLACE, ActKind.TELL


def claimed(state: TrackedState, **fields: Any) -> Download:
    return download(ERROR, items=(make.item(tracked_state=state),), **fields)


ROWS = (
    row("just now", download(ERROR), minutes(29), NOTHING, around=PROVEN),
    row("an error for half an hour", download(ERROR), minutes(30), RECHECK, around=PROVEN, asks=False,
        says="heal.broken_error"),
    row("files are missing for half an hour", download(MISSING), minutes(30), RECHECK, around=PROVEN, asks=False,
        says="heal.broken_missing"),
    row("one other on the mount is broken, too", download(MISSING), minutes(30), RECHECK,
        around=Surroundings(mount_proven=True, broken_neighbours=1)),
    row("another one is being checked: one at a time", download(ERROR), days(9), NOTHING,
        around=Surroundings(mount_proven=True, checking=True)),
    row("SOKOUL can't see the folder: a person is asked", download(MISSING), minutes(30), RECHECK, asks=True),
    row("two others broke, too: the mount is away", download(MISSING), days(9), NOTHING,
        around=Surroundings(broken_neighbours=2)),
    row("also when the mount was proven before", download(ERROR), days(9), NOTHING,
        around=Surroundings(mount_proven=True, broken_neighbours=2)),
    row("the folder doesn't hold what it should", download(MISSING), days(9), NOTHING, around=REFUTED),
    row("checked, in vain: a person decides", download(ERROR), hours(2), REPLACE, around=PROVEN, tried=(RECHECK,),
        asks=True, says="heal.broken_error_still"),
    row("files are missing, checked in vain", download(MISSING), hours(2), REPLACE, around=PROVEN, tried=(RECHECK,),
        asks=True, says="heal.broken_missing_still"),
    row("complete, checked in vain: a person is told", download(MISSING, **having(1)), hours(2), TELL, around=PROVEN,
        tried=(RECHECK,)),
    row("the check was asked for just now", download(ERROR), minutes(40), NOTHING, around=PROVEN, tried=(RECHECK,)),
    row("it broke again two days after a check", download(ERROR), days(4), RECHECK, around=PROVEN, tried=(RECHECK,)),
    row("the disk is full", download(ERROR), days(9), NOTHING, around=PROVEN, gate=SHUT),
    row("imported, and its files moved", claimed(TrackedState.IMPORTED, **having(1)), days(9), NOTHING, around=PROVEN),
    row("being imported, its files move", claimed(TrackedState.IMPORTING, **having(1)), days(9), NOTHING,
        around=PROVEN),
    row("stalled is not broken", download(), days(9), NOTHING, around=PROVEN),
    row("stopped by a person", download(DownloadState.STOPPED), days(9), NOTHING, around=PROVEN),
    row("usenet failed: another rule's", queued(usenet()), days(9), NOTHING, around=PROVEN),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_broken(case: Row) -> None:
    case.check(RULE)


def test_what_a_check_brought_back_is_well() -> None:
    drive = Drive(RULE)
    drive.see(NOW, download(ERROR), around=PROVEN)
    verdict = drive.see(NOW + minutes(30), download(ERROR), around=PROVEN)
    assert isinstance(verdict, Proposal)
    drive.tried(verdict.act, NOW + minutes(30))
    drive.see(NOW + minutes(31), download(DownloadState.CHECKING), around=PROVEN)
    drive.see(NOW + hours(3), download(), around=PROVEN)
    assert RULE.key not in drive.memory.clocks


def test_a_check_is_not_repeated_for_ever() -> None:
    """It takes hours in which the clock stands still; what came before it must not be forgotten for that."""
    drive, acts, now = Drive(RULE), [], NOW
    for _ in range(12):
        drive.see(now, download(ERROR), around=PROVEN)
        now += minutes(70)
        verdict = drive.see(now, download(ERROR), around=PROVEN)
        if isinstance(verdict, Proposal):
            acts.append(verdict.act)
            drive.tried(verdict.act, now)
            if verdict.act is RECHECK:
                drive.see(now + minutes(1), download(DownloadState.CHECKING), around=PROVEN)
                now += hours(5)
    assert acts.count(RECHECK) == 1
    assert set(acts[1:]) == {REPLACE}


def test_a_mount_that_goes_away_is_no_fault_of_its_files() -> None:
    """The share sleeps: within minutes all that is on it breaks."""
    census, drives = Census(), {number: Drive(RULE) for number in range(1, 5)}
    for minute in range(0, 24 * 60, 10):
        now = NOW + minutes(minute)
        looks = {number: _of(number, MISSING if minute >= 10 * number else DownloadState.STALLED) for number in drives}
        for each in looks.values():
            census.note(each, now)
        for number, drive in drives.items():
            around = Surroundings(mount_proven=True, broken_neighbours=census.broken_beside(looks[number], str))
            assert not isinstance(drive.see(now, looks[number], around=around), Proposal)


def _of(number: int, state: DownloadState) -> Download:
    return queued(make.item(number), torrent=make.torrent(number, state, **having(0.4)))


@given(
    st.lists(
        st.tuples(st.sampled_from(DownloadState), st.integers(1, 240), st.integers(0, 3), st.booleans()), max_size=30
    ),
    st.sampled_from([True, False, None]),
)
def test_nothing_is_given_up_without_a_person(
    steps: list[tuple[DownloadState, int, int, bool]],
    proven: bool | None,  # noqa: FBT001 -- drawn
) -> None:
    drive, now = Drive(RULE), NOW
    for state, span, neighbours, is_open in steps:
        around = Surroundings(mount_proven=proven, broken_neighbours=neighbours)
        verdict = drive.see(now, download(state), around=around, **({} if is_open else {"gate": SHUT}))
        if isinstance(verdict, Proposal):
            assert is_open
            assert neighbours < 2
            assert proven is not False
            assert state in {ERROR, MISSING}
            assert verdict.ceiling is Autonomy.SUGGEST or (verdict.act not in DESTRUCTIVE_ACTS and proven)
            drive.tried(verdict.act, now)
        now += minutes(span)
