"""Downloads that an *arr counts as failed: what it leaves lying is completed, and nothing else."""

import pytest

from custom_components.sokoul.autopilot.rules.base import Surroundings
from custom_components.sokoul.autopilot.rules.failed import RULE
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import ActKind, Autonomy, Proposal
from custom_components.sokoul.model.library import QueueStatus, TrackedState
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import (
    NOTHING,
    Row,
    coming,
    delayed,
    episodes,
    failed,
    grabbed,
    here,
    hours,
    known,
    minutes,
    queued,
    row,
    usenet,
)
from tests.model import make
from tests.model.make import GB, NOW

AWAY = Surroundings(arrs_away=frozenset({"radarr"}))
OK = make.item()
FOUR_K = make.arr(make.item(), id="radarr4k", title="Radarr 4K")
FOUR_K_FAILED = make.arr(failed(), id="radarr4k", title="Radarr 4K")

ROWS = (
    row("it failed just now: the *arr deals with it", queued(failed()), minutes(9), NOTHING),
    row("ten minutes later it is still there", queued(failed()), minutes(10), ActKind.REPLACE, says="heal.failed"),
    row("failed by its *arr alone, about to be processed",
        here(make.completed(state=TrackedState.FAILED_PENDING)), minutes(10), ActKind.REPLACE),
    row("failed by its *arr alone", here(make.completed(state=TrackedState.FAILED)), minutes(10), ActKind.REPLACE),
    row("failed, and processed", queued(failed(tracked_state=TrackedState.FAILED)), minutes(10), ActKind.REPLACE),
    row("failed by its client, but not by the *arr: it didn't grab it",
        queued(failed(tracked_state=TrackedState.DOWNLOADING)), minutes(10), ActKind.REPLACE),
    row("nothing failed", coming(OK), hours(48), NOTHING),
    row("the client only warns", coming(make.item(status=QueueStatus.WARNING)), hours(48), NOTHING),
    row("a usenet download that failed", queued(usenet(status=QueueStatus.FAILED)), minutes(10), ActKind.REPLACE),
    row("usenet, paused", queued(usenet(status=QueueStatus.PAUSED)), hours(48), NOTHING),
    row("usenet, repairing: to the *arr it downloads", queued(usenet(remaining_bytes=0)), hours(48), NOTHING),
    row("usenet, queued behind others", queued(usenet(status=QueueStatus.QUEUED)), hours(48), NOTHING),
    row("a release that is delayed has not failed", queued(delayed()), hours(48), NOTHING),
    row("nothing is missing: no search", queued(failed()), minutes(10), ActKind.DISCARD,
        facts=grabbed(titles=(known(1, has_file=True),)), says="heal.failed_not_missing"),
    row("one of a pack is missing", queued(failed(titles=episodes(1, 2))), minutes(10), ActKind.REPLACE,
        facts=grabbed(titles=(known(101, has_file=True), known(102)))),
    row("not all titles are known: not said that nothing is missing", queued(failed(titles=episodes(1, 2))),
        minutes(10), ActKind.REPLACE, facts=grabbed(titles=(known(101, has_file=True),))),
    row("nobody knows what it is: there is nothing to search for", queued(failed(titles=())), hours(48), NOTHING),
    row("another *arr still waits for it", queued(failed(), torrent=make.torrent(state=DownloadState.STALLED),
        others=(FOUR_K,)), hours(48), NOTHING),
    row("two *arrs, both say so", queued(failed(), torrent=make.torrent(state=DownloadState.STALLED),
        others=(FOUR_K_FAILED,)), minutes(10), ActKind.REPLACE),
    row("another *arr has imported it", queued(failed(), torrent=make.torrent(state=DownloadState.SEEDING), others=(
        make.arr(make.completed(state=TrackedState.IMPORTED), id="radarr4k"),)), minutes(10), ActKind.REPLACE),
    row("the *arr is away: what it said may be over", queued(failed()), hours(48), NOTHING, around=AWAY),
    row("its client is away", queued(failed()), hours(48), NOTHING, gate=SHUT),
    row("it was marked as failed, and is complete", here(failed()), minutes(10), ActKind.REPLACE),
    row("the *arr imports it at this moment", here(make.completed(state=TrackedState.IMPORTING)), hours(48), NOTHING),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_failed(case: Row) -> None:
    case.check(RULE)


def test_what_arrives_nevertheless_is_left_alone() -> None:
    """A person can mark a download as failed; the *arr may be set to leave it in the client."""
    drive, left = Drive(RULE, facts=grabbed()), 2 * GB
    for step in range(60):
        left = 2 * GB - step * GB // 50
        download = coming(failed(), state=DownloadState.DOWNLOADING, remaining_bytes=left)
        assert not isinstance(drive.see(NOW + minutes(5 * step), download), Proposal)
    stuck = coming(failed(), remaining_bytes=left)
    wants = drive.see(NOW + minutes(5 * 59 + 10), stuck)
    assert isinstance(wants, Proposal)
    assert wants.act is ActKind.REPLACE


def test_an_arr_that_comes_back_has_its_ten_minutes() -> None:
    drive = Drive(RULE, facts=grabbed())
    download = queued(failed())
    drive.see(NOW, download)
    drive.see(NOW + minutes(5), download, around=AWAY)
    assert not isinstance(drive.see(NOW + hours(9), download), Proposal)
    assert isinstance(drive.see(NOW + hours(9) + minutes(5), download), Proposal)


def test_it_only_observes_at_first() -> None:
    assert RULE.default is Autonomy.OBSERVE


def test_it_says_which_arr() -> None:
    wants = Drive(RULE, facts=grabbed()).last(NOW, queued(failed()), minutes(10))
    assert isinstance(wants, Proposal)
    assert wants.parameters == {"arr_id": "radarr", "download_id": make.digest(1)}
    assert wants.reason.parameters == {"arr": "Radarr"}
