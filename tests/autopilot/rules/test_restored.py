"""What a person took back is imported when it is complete: its *arr doesn't look after it any more."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.autopilot.ownership import Claims, ceiling
from custom_components.sokoul.autopilot.rules.base import Case, Later, Surroundings
from custom_components.sokoul.autopilot.rules.restored import RULE
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import ActKind, Autonomy, Proposal
from custom_components.sokoul.model.memory import SubjectMemory
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import NOTHING, Row, blocked, failed, here, hours, minutes, queued, row
from tests.model import make
from tests.model.make import NOW

TAKEN_BACK = SubjectMemory(restored_from=("radarr",))
FOR_TWO = SubjectMemory(restored_from=("radarr", "radarr4k"))
AWAY = Surroundings(arrs_away=frozenset({"radarr"}))


def alone(state: DownloadState, **fields: Any) -> Download:
    """Return a download that is in the client and in no queue."""
    return queued(torrent=make.torrent(state=state, content_path="/data/torrents/Dune", **fields))


SEEDS = alone(DownloadState.SEEDING)

ROWS = (
    row("complete since a moment: the client may still move it", SEEDS, minutes(1), NOTHING, memory=TAKEN_BACK),
    row("complete", SEEDS, minutes(2), ActKind.RETRY_IMPORT, memory=TAKEN_BACK, says="heal.restored"),
    row("complete and stopped", alone(DownloadState.COMPLETED), minutes(2), ActKind.RETRY_IMPORT, memory=TAKEN_BACK),
    row("still coming", alone(DownloadState.DOWNLOADING), hours(48), NOTHING, memory=TAKEN_BACK),
    row("complete, and being moved", alone(DownloadState.MOVING, progress=1.0), hours(48), NOTHING, memory=TAKEN_BACK),
    row("complete, and being checked", alone(DownloadState.CHECKING, progress=1.0), hours(48), NOTHING,
        memory=TAKEN_BACK),
    row("its files are gone", alone(DownloadState.MISSING_FILES, progress=1.0), hours(48), NOTHING, memory=TAKEN_BACK),
    row("nobody took it back: another's torrent", SEEDS, hours(48), NOTHING),
    row("the *arr looks after it again", here(make.completed()), hours(48), NOTHING, memory=TAKEN_BACK),
    row("the *arr has it as blocked: another rule's", here(blocked()), hours(48), NOTHING, memory=TAKEN_BACK),
    row("another *arr waits for it, but not the one it was taken back for", queued(
        torrent=make.torrent(state=DownloadState.SEEDING), others=(make.arr(blocked(), id="radarr4k"),)), minutes(2),
        ActKind.RETRY_IMPORT, memory=TAKEN_BACK),
    row("two it was taken back for", SEEDS, minutes(2), ActKind.RETRY_IMPORT, memory=FOR_TWO,
        says="heal.restored"),
    row("one of two is away, so the other is asked", SEEDS, minutes(2), ActKind.RETRY_IMPORT, memory=FOR_TWO,
        around=AWAY),
    row("the *arr is away", SEEDS, hours(48), NOTHING, memory=TAKEN_BACK, around=AWAY),
    row("the client is away", SEEDS, hours(48), NOTHING, memory=TAKEN_BACK, gate=SHUT),
    row("it is in no client", queued(failed()), hours(48), NOTHING, memory=SubjectMemory(restored_from=("sonarr",))),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_restored(case: Row) -> None:
    case.check(RULE)


def test_two_arrs_are_asked_in_turn() -> None:
    drive, asked = Drive(RULE, memory=FOR_TWO), []
    for minute in range(0, 600, 2):
        now = NOW + minutes(minute)
        wanted = drive.see(now, SEEDS)
        if isinstance(wanted, Proposal):
            asked.append((wanted.act, wanted.parameters["arr_id"]))
            drive.tried(wanted.act, now)
            if wanted.act is ActKind.TELL:
                break
    assert asked == [(ActKind.RETRY_IMPORT, arr) for arr in ("radarr", "radarr4k") * 3] + [(ActKind.TELL, "radarr")]


def test_it_is_tried_three_times_and_then_told() -> None:
    drive, acts = Drive(RULE, memory=TAKEN_BACK), []
    for minute in range(0, 600, 2):
        now = NOW + minutes(minute)
        wants = drive.see(now, SEEDS)
        if isinstance(wants, Proposal):
            acts.append((timedelta(minutes=minute), wants.act))
            drive.tried(wants.act, now)
            if wants.act is ActKind.TELL:
                assert wants.reason.key == "heal.restored_stuck"
                break
    assert acts == [
        (minutes(2), ActKind.RETRY_IMPORT),
        (minutes(62), ActKind.RETRY_IMPORT),
        (minutes(122), ActKind.RETRY_IMPORT),
        (minutes(182), ActKind.TELL),
    ]


def test_between_two_tries_it_says_when_to_ask_again() -> None:
    drive = Drive(RULE, memory=TAKEN_BACK)
    drive.see(NOW, SEEDS)
    drive.tried(ActKind.RETRY_IMPORT, NOW + minutes(2))
    assert drive.see(NOW + minutes(12), SEEDS) == Later(minutes(62))


def test_it_names_arr_path_and_hash() -> None:
    wants = Drive(RULE, memory=TAKEN_BACK).last(NOW, SEEDS, minutes(2))
    assert isinstance(wants, Proposal)
    assert wants.parameters == {"arr_id": "radarr", "download_id": make.digest(1), "client_path": "/data/torrents/Dune"}


def test_the_person_asked_for_it() -> None:
    """No consent is needed, and that no *arr claims it is no obstacle."""
    assert RULE.default is Autonomy.ACT
    case = Case(download=SEEDS, now=NOW, memory=TAKEN_BACK)
    assert ceiling(case, Claims()) == (Autonomy.ACT, None)
    assert ceiling(replace(case, memory=SubjectMemory()), Claims())[0] is Autonomy.OFF


def test_it_is_remembered_over_a_restart() -> None:
    stored = TAKEN_BACK.as_json()
    Row(name="after a restart", download=SEEDS, after=minutes(2), wants=ActKind.RETRY_IMPORT,
        memory=SubjectMemory.from_json(stored, NOW - hours(1))).check(RULE)  # fmt: skip
