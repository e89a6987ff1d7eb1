"""Requests to add that got no answer: what they make, whenever that is, is known, and nothing stays there twice."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.sokoul.debrid.finding import Standing
from custom_components.sokoul.debrid.repair_notes import StoredRepairs
from custom_components.sokoul.debrid.repair_ports import Refusal
from custom_components.sokoul.debrid.retrying import SETTLES, Ending, Urgency
from custom_components.sokoul.debrid.unanswered import KEPT, LATE, Requests, Unanswered, carried_out_late, doubled
from custom_components.sokoul.model.debrid import DebridCode, DebridStatus, DebridTorrent
from custom_components.sokoul.store import Store
from tests.debrid.repair_account import (
    DOWNLOADED,
    DOWNLOADING,
    ERROR,
    START,
    WAITING,
    Account,
    Bench,
    Clock,
    Hands,
    Notes,
    PowerCut,
    info_hash,
    repair,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = START + 2 * DAY


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.start()
    return made


# --- whose it is

# what is there of the torrent besides one that is complete, and was answered: its state, when it was added after the
# request, for how long it has been so, whether it was known; and whether it is deleted
LATE_COMERS = (
    ("nobody chose its files", WAITING, 5 * MINUTE, HOUR, False, True),
    ("it came within the day", WAITING, LATE, HOUR, False, True),
    ("Real-Debrid's clock is a little behind", WAITING, -MINUTE, HOUR, False, True),
    ("it may still be chosen by whoever added it", WAITING, 5 * MINUTE, 4 * MINUTE, False, False),
    ("somebody chose its files", DOWNLOADING, 5 * MINUTE, HOUR, False, False),
    ("somebody has it complete", DOWNLOADED, 5 * MINUTE, HOUR, False, False),
    ("it failed: that does no harm", ERROR, 5 * MINUTE, HOUR, False, False),
    ("it was there before", WAITING, 5 * MINUTE, HOUR, True, False),
    ("it was added before it was asked for", WAITING, -5 * MINUTE, HOUR, False, False),
    ("it came a day later", WAITING, LATE + MINUTE, HOUR, False, False),
)  # fmt: skip


@pytest.mark.parametrize(
    ("_why", "status", "after", "age", "known", "deleted"), LATE_COMERS, ids=[case[0] for case in LATE_COMERS]
)
def test_what_is_deleted(
    _why: str,
    status: DebridStatus,
    after: timedelta,
    age: timedelta,
    known: bool,  # noqa: FBT001
    deleted: bool,  # noqa: FBT001
) -> None:
    account = Account(Clock())
    answered = account.has(1, DOWNLOADED, 1, added=START + 2 * MINUTE)
    late = account.has(1, status, added=START + after)
    known_ids = (answered, late) if known else (answered,)
    request = Unanswered(hash=info_hash(1), asked_at=START, open_until=START + SETTLES, known_ids=known_ids)
    found = doubled(standings(account.of(1), age), [request], NOW)
    assert [torrent.id for torrent, _, _ in found] == ([late] if deleted else [])
    assert all((complete.id, asked) == (answered, request) for _, complete, asked in found)


def standings(entries: list[DebridTorrent], age: timedelta = HOUR) -> list[Standing]:
    return [Standing(torrent=each, unchanged_since=NOW - age) for each in entries]


def test_what_is_alone_is_not_deleted_and_what_is_beside_it_has_to_be_complete() -> None:
    account = Account(Clock())
    account.has(1, WAITING, added=START + MINUTE)
    request = Unanswered(hash=info_hash(1), asked_at=START, open_until=START + SETTLES)
    assert doubled(standings(account.of(1)), [request], NOW) == []
    account.has(1, DOWNLOADING, 1, added=START + 2 * MINUTE)
    assert doubled(standings(account.of(1)), [request], NOW) == []


def test_a_request_made_one_entry_at_most() -> None:
    account = Account(Clock())
    ids = [account.has(1, WAITING, added=START + minutes * MINUTE) for minutes in (3, 2, 4)]
    other = account.has(2, WAITING, added=START + MINUTE)
    first, second = (
        Unanswered(hash=info_hash(1), asked_at=START + minutes * MINUTE, open_until=START) for minutes in (0, 1)
    )
    assert carried_out_late([*account.of(1), *account.of(2)], [second, first]) == {ids[1]: first, ids[0]: second}
    assert other not in carried_out_late(account.of(2), [first, second])


# --- repairs


async def clear_away(bench: Bench) -> None:
    """Take stock, of a list that shows everything as it has been for an hour."""
    entries = [info.torrent for info in bench.account.entries.values()]
    seen = [Standing(torrent=each, unchanged_since=bench.clock() - HOUR) for each in entries]
    await bench.repairer.watch(entries)
    await bench.repairer.clear_away(seen)


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("minutes", [2, 10, 300])
async def test_what_a_repair_added_late_does_not_stay(bench: Bench, minutes: int, *, restart: bool) -> None:
    await bench.failed(1)
    bench.account.lag = timedelta(minutes=minutes)
    await bench.pass_time(minutes=minutes + 60)
    await bench.account.entries_now()
    assert sorted(each.status for each in bench.account.of(1)) == [DOWNLOADED, WAITING], "it is there twice"
    if restart:
        await bench.start()
    await clear_away(bench)
    assert [each.status for each in bench.account.of(1)] == [DOWNLOADED]
    assert bench.repairer.stands_back_until is None, "that was us"
    assert bench.notes.asked == ()
    bench.account.has(1, WAITING, added=bench.clock())
    await clear_away(bench)
    assert len(bench.account.of(1)) == 2, "a second one is somebody else's"


async def test_what_comes_before_it_is_added_again_is_taken(bench: Bench) -> None:
    """Too many are active by then, and it waits for a slot."""
    await bench.failed(1)
    bench.account.lag = timedelta(minutes=5)
    await bench.pass_time(seconds=30)
    bench.account.refuse("add", DebridCode.TOO_MANY_ACTIVE_DOWNLOADS)
    await bench.pass_time(hours=2)
    assert [each.status for each in bench.account.of(1)] == [DOWNLOADED]
    assert (bench.account.adds, bench.of(1).ending, bench.repairer.stands_back_until) == ([], Ending.REPAIRED, None)


async def test_what_a_person_chose_since_the_list_was_read_stays(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.lag = timedelta(minutes=5)
    await bench.pass_time(minutes=60)
    await bench.account.entries_now()
    entries = bench.account.of(1)
    late = next(each.id for each in entries if each.status is WAITING)
    bench.account.set_status(late, DOWNLOADING)
    old = [Standing(torrent=each, unchanged_since=bench.clock() - HOUR) for each in entries]
    await bench.repairer.clear_away(old)
    assert late in bench.account.entries


async def test_what_can_not_be_deleted_now_is_deleted_another_time(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.lag = timedelta(minutes=5)
    await bench.pass_time(minutes=60)
    await bench.account.entries_now()
    bench.account.refuse("delete", DebridCode.SERVICE_UNAVAILABLE)
    await clear_away(bench)
    assert len(bench.account.of(1)) == 2
    await clear_away(bench)
    assert len(bench.account.of(1)) == 1


@pytest.mark.parametrize("cut", range(20))
async def test_a_power_cut_while_it_is_cleared_away(bench: Bench, cut: int) -> None:
    await bench.failed(1)
    bench.account.lag = timedelta(minutes=5)
    try:
        bench.account.cut_in = cut
        await bench.pass_time(minutes=30)
    except PowerCut:
        await bench.start()
    bench.account.cut_in = None
    await bench.pass_time(minutes=60)
    await bench.account.entries_now()
    bench.account.cut_in = cut % 4
    try:
        await clear_away(bench)
    except PowerCut:
        await bench.start()
    bench.account.cut_in = None
    await clear_away(bench)
    assert [each.status for each in bench.account.of(1)] == [DOWNLOADED]
    assert bench.repairer.stands_back_until is None


async def test_what_a_person_asked_for_again_is_there_once(bench: Bench) -> None:
    """They ask again after a minute, before the repairs have looked."""
    wanted = repair(1, bench.clock(), urgency=Urgency.PERSON, trouble="asked")
    bench.account.lag = timedelta(minutes=5)
    for minutes in (0, 2):
        bench.clock.forward(minutes=minutes)
        adding = bench.repairer.add(wanted, lambda: bench.account.add(info_hash(1)), Hands(bench.account))
        if minutes:
            await adding
        else:
            with pytest.raises(Refusal):
                await adding
    await bench.pass_time(hours=1)
    await bench.account.entries_now()
    assert len(bench.account.of(1)) == 2
    await clear_away(bench)
    assert [each.status for each in bench.account.of(1)] == [DOWNLOADED]


async def test_a_repair_waits_for_what_a_grab_may_have_added(bench: Bench) -> None:
    await bench.failed(1)
    async with bench.repairer.alone():
        request = await bench.repairer.requests.begin(info_hash(1), ["ID1"])
        bench.clock.forward(seconds=30)
        await bench.repairer.requests.silent(request)
    assert bench.repairer.unsettled(info_hash(1))
    await bench.pass_time(seconds=59)
    assert bench.account.adds == []
    bench.account.has(1, DOWNLOADED, 1, 3, added=bench.clock())
    await bench.pass_time(hours=1)
    assert (bench.account.adds, bench.of(1).ending) == ([], Ending.REPAIRED)


# --- a kill


@pytest.mark.parametrize("seconds", [55, 300])
async def test_what_waited_long_before_it_was_sent_is_waited_for_after_a_kill(bench: Bench, seconds: int) -> None:
    """The budget lets a request wait for minutes; it is sent, and that moment the power fails."""
    await bench.failed(1)
    add = bench.account.add

    async def wait_send_and_fall(hash_: str) -> str:
        bench.clock.forward(seconds=seconds)
        bench.account.lag, bench.account.cut_in = timedelta(seconds=30), 1
        return await add(hash_)

    bench.repairer._hands.add = wait_send_and_fall  # type: ignore[method-assign]
    with pytest.raises(PowerCut):
        await bench.repairer.run()
    bench.clock.forward(seconds=10)
    await bench.start()
    await bench.pass_time(hours=1)
    await bench.account.entries_now()
    assert [each.status for each in bench.account.of(1)] == [DOWNLOADED]
    assert (bench.account.adds, bench.of(1).ending) == ([], Ending.REPAIRED)


async def test_what_a_grab_had_just_sent_is_waited_for_after_a_kill() -> None:
    clock, notes = Clock(), Notes()
    requests = Requests(notes, clock)
    await requests.begin(info_hash(1), [])
    clock.forward(seconds=59)
    again = Requests(notes, clock)
    await again.load()
    assert again.open_until(info_hash(1)) == clock() + SETTLES
    clock.forward(seconds=61)
    assert again.open_until(info_hash(1)) is None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=st.lists(st.integers(0, 40), max_size=8), minutes=st.integers(0, 600))
async def test_cut_the_power_anywhere_with_a_request_that_is_late(cuts: list[int], minutes: int) -> None:
    """However late it comes, and whatever was cut off meanwhile, one is left: complete, with the same files."""
    bench = Bench()
    await bench.start()
    await bench.failed(1)
    bench.account.lag = timedelta(minutes=minutes)
    for cut in cuts:
        bench.account.cut_in = cut
        try:
            await bench.pass_time(hours=2)
            await clear_away(bench)
        except PowerCut:
            bench.clock.forward(seconds=cut)
            await bench.start()
    bench.account.cut_in = None
    await bench.start()
    await bench.pass_time(days=3)
    await bench.account.entries_now()
    await clear_away(bench)
    (entry,) = bench.account.of(1)
    assert entry.status is DOWNLOADED
    assert [file.id for file in bench.account.entries[entry.id].selected] == [1, 3]
    assert bench.repairer.stands_back_until is None, "all of them were ours"


# --- noting


@pytest.fixture
async def stored(store: Store) -> StoredRepairs:
    return StoredRepairs("home", store.debrid_history, lambda: START)


async def test_in_the_database(store: Store, stored: StoredRepairs) -> None:
    request = Unanswered(hash=info_hash(1), asked_at=START, open_until=START + SETTLES, known_ids=("A", "B"))
    await stored.save_unanswered([request])
    again = StoredRepairs("home", store.debrid_history, lambda: START)
    assert await again.unanswered() == [request]
    assert await StoredRepairs("another", store.debrid_history, lambda: START).unanswered() == []


async def test_they_are_kept_for_a_week() -> None:
    clock, notes = Clock(), Notes()
    requests = Requests(notes, clock)
    await requests.begin(info_hash(1), [])
    clock.now += KEPT + MINUTE
    await requests.begin(info_hash(2), [])
    assert [each.hash for each in notes.asked] == [info_hash(2)]


async def test_a_clock_that_was_wrong_holds_up_nothing() -> None:
    clock, notes = Clock(), Notes()
    notes.asked = (Unanswered(hash=info_hash(1), asked_at=START + DAY, open_until=START + DAY),)
    requests = Requests(notes, clock)
    await requests.load()
    assert requests.open_until(info_hash(1)) is None
