"""The downloads of one client together: counted while they change, the same as if they were counted anew."""

from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.census import MANY, SLOW_RATE, TOGETHER, Census
from custom_components.sokoul.model.downloads import ACTIVE_STATES, DownloadState, TorrentTracker, TrackerStatus
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.queue import queued, usenet
from tests.model import make
from tests.model.make import NOW

FETCHING, STALLED, SEEDING = DownloadState.DOWNLOADING, DownloadState.STALLED, DownloadState.SEEDING
MISSING, ERROR, CHECKING = DownloadState.MISSING_FILES, DownloadState.ERROR, DownloadState.CHECKING
HOUR = timedelta(hours=1)


def download(number: int, state: DownloadState = FETCHING, **fields: Any) -> Download:
    return queued(make.item(number), torrent=make.torrent(number, state, **fields))


def census(*downloads: Download) -> Census:
    counted = Census()
    for each in downloads:
        counted.note(each, NOW)
    return counted


def slow(number: int) -> Download:
    return download(number, download_rate=SLOW_RATE - 1)


def fast(number: int) -> Download:
    return download(number, download_rate=SLOW_RATE)


@pytest.mark.parametrize(
    ("downloads", "most"),
    [
        pytest.param((), False, id="nothing"),
        pytest.param((slow(1),), False, id="one alone says nothing of the others"),
        pytest.param((slow(1), slow(2)), True, id="all of two"),
        pytest.param((slow(1), fast(2)), False, id="half of two"),
        pytest.param((slow(1), slow(2), fast(3)), True, id="two of three"),
        pytest.param((slow(1), fast(2), fast(3)), False, id="one of three"),
        pytest.param((slow(1), fast(2), download(3, STALLED)), False, id="what is stalled is not slow"),
        pytest.param((slow(1), slow(2), download(3, SEEDING)), True, id="what seeds doesn't fetch"),
    ],
)
def test_slow_for_most(downloads: tuple[Download, ...], *, most: bool) -> None:
    assert census(*downloads).slow_for_most is most


def test_active() -> None:
    counted = census(*(download(number, state) for number, state in enumerate(DownloadState, 1)))
    states = {list(DownloadState)[int(each.rpartition("/")[2], 16) - 1] for each in counted.active}
    assert states == ACTIVE_STATES


def test_what_a_client_that_is_not_connected_fetches_is_not_counted() -> None:
    assert not census(queued(usenet())).active


# --- a mount ---------------------------------------------------------------------------------------------------------


def broke_beside(counted: Census, broken: Download) -> int:
    """Return how many broke beside it, where what is below one folder of the root is one mount."""
    return counted.broken_beside(broken, lambda folder: folder.split("/")[1])


def test_what_breaks_on_one_mount_is_counted() -> None:
    broken = download(1, MISSING, save_path="/data/films")
    others = (download(2, ERROR, save_path="/data/films"), download(3, MISSING, save_path="/data/series"))
    counted = census(broken, *others, download(4, STALLED, save_path="/data/films"))
    assert broke_beside(counted, broken) == 2
    assert broke_beside(counted, download(4, STALLED)) == 0


def test_another_mount_is_another_cause() -> None:
    broken = download(1, MISSING, save_path="/nas")
    assert broke_beside(census(broken, download(2, MISSING), download(3, MISSING)), broken) == 0


def test_when_a_mount_is_away_they_are_not_all_counted() -> None:
    broken = [download(number, MISSING, save_path=f"/data/{number}") for number in range(1, 3 * MANY)]
    assert broke_beside(census(*broken), broken[0]) == MANY


def test_what_is_being_checked() -> None:
    """Also what was complete before."""
    counted = census(download(1, CHECKING), download(2, CHECKING, progress=1.0), download(3))
    assert counted.checking == {download(number).id for number in (1, 2)}
    counted.note(download(1, STALLED), NOW)
    counted.forget(download(2).id)
    assert counted.checking == set()


def test_what_was_complete_counts_when_it_breaks() -> None:
    broken = download(1, MISSING)
    assert broke_beside(census(broken, download(2, MISSING, progress=1.0)), broken) == 1


def test_what_is_well_again_does_not_count() -> None:
    broken, other = download(1, MISSING), download(2, MISSING)
    counted = census(broken, other)
    counted.note(download(2, STALLED), NOW)
    assert broke_beside(counted, broken) == 0
    counted.note(other, NOW)
    counted.forget(other.id)
    assert broke_beside(counted, broken) == 0


@pytest.mark.parametrize(("apart", "beside"), [(TOGETHER, 1), (TOGETHER + HOUR, 0)])
def test_what_breaks_days_apart_has_no_common_cause(apart: timedelta, beside: int) -> None:
    counted, broken = Census(), download(1, MISSING)
    counted.note(broken, NOW)
    counted.note(download(2, MISSING), NOW + apart)
    assert broke_beside(counted, broken) == beside


def test_when_it_broke_is_not_when_it_was_looked_at() -> None:
    counted, broken = Census(), download(1, MISSING)
    counted.note(broken, NOW)
    counted.note(download(1, ERROR), NOW + 9 * TOGETHER)
    counted.note(download(2, MISSING), NOW + 9 * TOGETHER)
    assert broke_beside(counted, broken) == 0


def test_when_nobody_knows_when_it_broke_it_may_be_the_mount() -> None:
    counted, broken = Census(), download(1, MISSING)
    counted.note(broken)
    counted.note(download(2, MISSING), NOW)
    assert broke_beside(counted, broken) == 1


# --- trackers --------------------------------------------------------------------------------------------------------


def tracker(host: str, status: TrackerStatus) -> TorrentTracker:
    return TorrentTracker(host=host, tier=0, status=status)


DOWN = tracker("down.example", TrackerStatus.UNREACHABLE)
WELL = tracker("down.example", TrackerStatus.WORKING)


@pytest.mark.parametrize(
    ("seen", "failing"),
    [
        pytest.param({1: DOWN, 2: DOWN}, set(), id="for two"),
        pytest.param({1: DOWN, 2: DOWN, 3: DOWN}, {"down.example"}, id="for three"),
        pytest.param({1: DOWN, 2: DOWN, 3: DOWN, 4: WELL}, set(), id="for three, and it works for one"),
        pytest.param(
            {number: tracker("down.example", TrackerStatus.NOT_CONTACTED) for number in (1, 2, 3)},
            set(),
            id="not asked yet",
        ),
        pytest.param(
            {
                1: DOWN,
                2: tracker("down.example", TrackerStatus.NOT_WORKING),
                3: tracker("down.example", TrackerStatus.ERROR),
            },
            {"down.example"},
            id="however it says so",
        ),
        pytest.param(
            {number: tracker(f"{number}.example", TrackerStatus.UNREACHABLE) for number in (1, 2, 3)},
            set(),
            id="three hosts",
        ),
    ],
)
def test_a_tracker_that_is_down(seen: dict[int, TorrentTracker], failing: set[str]) -> None:
    counted = Census()
    for number, each in seen.items():
        counted.note_trackers(f"qbt/{number}", [each])
    assert counted.failing_trackers == failing


def test_a_torrent_counts_once_and_by_what_was_seen_last() -> None:
    counted = Census()
    for _ in range(3):
        counted.note_trackers("qbt/1", [DOWN, DOWN])
    assert not counted.failing_trackers
    for number in (2, 3):
        counted.note_trackers(f"qbt/{number}", [DOWN])
    assert counted.failing_trackers
    counted.note_trackers("qbt/2", [WELL])
    assert not counted.failing_trackers


def test_what_is_gone_or_complete_does_not_count() -> None:
    downloads = [download(number, STALLED) for number in (1, 2, 3)]
    counted = census(*downloads)
    for each in downloads:
        counted.note_trackers(each.id, [DOWN])
    counted.note(downloads[0], NOW)
    assert counted.failing_trackers, "another look at it changes nothing"
    counted.note(download(1, SEEDING), NOW)
    assert not counted.failing_trackers
    counted.note_trackers(downloads[0].id, [DOWN])
    counted.forget(downloads[1].id)
    assert not counted.failing_trackers


# --- counting on is counting anew ------------------------------------------------------------------------------------

LOOKS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.sampled_from([*DownloadState, None]),
        st.sampled_from([0, SLOW_RATE]),
        st.sampled_from(["/data", "/nas"]),
        st.sampled_from([None, DOWN, WELL]),
    ),
    max_size=40,
)


@given(LOOKS)
def test_counting_on_is_counting_anew(
    looks: list[tuple[int, DownloadState | None, int, str, TorrentTracker | None]],
) -> None:
    counted, last, trackers = Census(), {}, {}
    for number, state, rate, folder, seen in looks:
        subject = f"qbt/{make.digest(number)}"
        last.pop(number, None)
        if state is None:
            counted.forget(subject)
            trackers.pop(subject, None)
            continue
        last[number] = look = download(number, state, download_rate=rate, save_path=folder)
        counted.note(look, NOW)
        if state in {SEEDING, DownloadState.COMPLETED}:
            trackers.pop(subject, None)
        elif seen:
            counted.note_trackers(subject, [seen])
            trackers[subject] = seen
    anew = census(*last.values())
    for subject, seen in trackers.items():
        anew.note_trackers(subject, [seen])
    assert counted.active == anew.active
    assert counted.slow_for_most is anew.slow_for_most
    assert counted.failing_trackers == anew.failing_trackers
    assert counted.checking == anew.checking
    for look in last.values():
        assert broke_beside(counted, look) == broke_beside(anew, look)
