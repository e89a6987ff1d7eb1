"""What needs repair, by the states of all entries of a torrent."""

from datetime import timedelta

import pytest

from custom_components.sokoul.debrid.finding import Standing, find
from custom_components.sokoul.debrid.retrying import Ending, Step, Urgency, before_adding
from custom_components.sokoul.model.debrid import DebridStatus
from tests.debrid.repair_account import (
    CONVERTING,
    DEAD,
    DOWNLOADED,
    DOWNLOADING,
    ERROR,
    MAGNET_ERROR,
    QUEUED,
    START,
    VIRUS,
    WAITING,
    Account,
    Bench,
    Clock,
)

UPLOADING = DebridStatus.UPLOADING

# the states of its entries and for how many hours, what is done to which of them
CASES: tuple[tuple[str, tuple[tuple[DebridStatus, float], ...], str, tuple[str, ...]], ...] = (
    ("complete", ((DOWNLOADED, 99),), "", ()),
    ("on its way", ((DOWNLOADING, 99),), "", ()),
    ("queued for long", ((QUEUED, 99),), "", ()),
    ("failed", ((ERROR, 0),), "replaced", ("ID1",)),
    ("a bad link", ((MAGNET_ERROR, 0),), "replaced", ("ID1",)),
    ("failed twice: both are replaced by one", ((ERROR, 0), (DEAD, 0)), "replaced", ("ID1", "ID2")),
    ("failed, and complete beside it", ((ERROR, 0), (DOWNLOADED, 99)), "", ()),
    ("failed, and somebody adds it again", ((ERROR, 0), (DOWNLOADING, 0)), "", ()),
    ("failed, and somebody chooses its files now", ((ERROR, 0), (WAITING, 0)), "", ()),
    ("nobody chooses its files", ((WAITING, 1),), "selected", ("ID1",)),
    ("failed, and nobody chooses the files of another", ((ERROR, 0), (WAITING, 1)), "selected", ("ID2",)),
    ("looks for its metadata", ((CONVERTING, 5),), "", ()),
    ("finds none", ((CONVERTING, 6),), "replaced", ("ID1",)),
    ("stuck in Real-Debrid's own work", ((UPLOADING, 12),), "replaced", ("ID1",)),
    ("a virus", ((VIRUS, 0),), "deleted", ("ID1",)),
    ("a virus beside a complete one", ((VIRUS, 0), (DOWNLOADED, 9)), "deleted", ("ID1",)),
    ("of a newer version", ((DebridStatus.UNKNOWN, 99),), "", ()),
)


def standings(account: Account, states: tuple[tuple[DebridStatus, float], ...]) -> list[Standing]:
    ids = {account.has(1, status): timedelta(hours=hours) for status, hours in states}
    return [Standing(torrent=each, unchanged_since=START - ids[each.id]) for each in account.of(1)]


@pytest.mark.parametrize(("_why", "states", "done", "ids"), CASES, ids=[case[0] for case in CASES])
def test_what_is_called_for(
    _why: str, states: tuple[tuple[DebridStatus, float], ...], done: str, ids: tuple[str, ...]
) -> None:
    found = find(standings(Account(Clock()), states), START)
    assert len(found) == bool(done)
    for repair in found:
        assert repair.urgency is Urgency.FAILED
        match done:
            case "replaced":
                assert (repair.old_ids, repair.ending, repair.added_id) == (ids, None, None)
            case "selected":
                assert (repair.added_id, repair.old_ids, repair.ending) == (ids[0], (), None)
            case "deleted":
                assert (repair.old_ids, repair.ending) == (ids, Ending.VIRUS)


def test_what_links_need_is_more_urgent() -> None:
    account = Account(Clock())
    (repair,) = find(standings(account, ((ERROR, 0),)), START, linked=[account.of(1)[0].hash])
    assert repair.urgency is Urgency.LINKED


@pytest.mark.parametrize("status", [CONVERTING, UPLOADING])
def test_what_is_stuck_is_replaced_as_long_as_it_is(status: DebridStatus) -> None:
    account = Account(Clock())
    (repair,) = find(standings(account, ((status, 99),)), START)
    assert before_adding(repair, account.of(1), START).step is Step.ADDING
    account.set_status("ID1", DOWNLOADING)
    assert before_adding(repair, account.of(1), START).step is Step.WAITING  # it moves again
    account.set_status("ID1", DOWNLOADED)
    assert before_adding(repair, account.of(1), START).ending is Ending.RECOVERED


@pytest.mark.parametrize("status", [MAGNET_ERROR, ERROR, DEAD, VIRUS, WAITING, CONVERTING])
async def test_from_the_mirror_to_the_end(status: DebridStatus) -> None:
    bench = Bench()
    repairer = await bench.start()
    for repair in find(standings(bench.account, ((status, 9),)), START):
        await repairer.want(repair)
    await bench.pass_time(days=1)
    assert [entry.status for entry in bench.account.of(1)] == ([] if status is VIRUS else [DOWNLOADED])
    assert len(bench.account.adds) == (status not in {VIRUS, WAITING})
