"""Repairing an account: every failure by its policy, nothing lost, nothing doubled, never over the budget."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.sokoul.debrid import repairing
from custom_components.sokoul.debrid.repair_ports import Refusal
from custom_components.sokoul.debrid.repairing import REMEMBERED
from custom_components.sokoul.debrid.retrying import (
    Ending,
    Holdup,
    Repair,
    RepairLimits,
    Step,
    Urgency,
    WantedFile,
    hour_is_free,
)
from custom_components.sokoul.model.debrid import DebridCode, DebridStatus
from custom_components.sokoul.model.debrid_mirror import DebridFailure
from tests.debrid.repair_account import (
    CONVERTING,
    DEAD,
    DOWNLOADED,
    DOWNLOADING,
    ERROR,
    MAGNET_ERROR,
    VIRUS,
    WAITING,
    Bench,
    Hands,
    Notes,
    PowerCut,
    files,
    info_hash,
    live,
    repair,
)

HOUR = timedelta(hours=1)


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    await made.start()
    return made


# --- one torrent


@pytest.mark.parametrize("status", [MAGNET_ERROR, ERROR, DEAD])
async def test_a_failed_torrent_is_replaced_with_the_same_files(bench: Bench, status: DebridStatus) -> None:
    old = await bench.failed(1, status, 1, 3)
    await bench.pass_time(hours=1)
    (entry,) = bench.account.of(1)
    assert entry.status is DOWNLOADED
    assert [file.id for file in bench.account.entries[entry.id].selected] == [1, 3]
    assert bench.account.deleted == [old]
    assert (bench.of(1).step, bench.of(1).ending) == (Step.DONE, Ending.REPAIRED)
    assert bench.account.calls.index("delete") > bench.account.calls.index("try_link")  # verified before


@pytest.mark.parametrize("reads_between", [False, True])
async def test_what_never_reads_is_added_three_times_and_no_more(bench: Bench, *, reads_between: bool) -> None:
    """Real-Debrid calls it complete and unrestricts its links: that reading fails shows only afterwards, each time."""
    bench.account.has(1, DOWNLOADED, 1, 2)
    for _ in range(60):
        entry_id = bench.account.of(1)[0].id
        trouble: dict[str, Any] = {"trouble": "unreadable", "old_ids": (entry_id,), "bad_ids": (entry_id,)}
        await bench.repairer.want(repair(1, bench.clock(), urgency=Urgency.LINKED, **trouble))
        if reads_between:
            await bench.repairer.read_again(())  # for a while
            await bench.repairer.want(repair(1, bench.clock(), urgency=Urgency.LINKED, **trouble))
        await bench.pass_time(hours=12)
    assert len(bench.account.adds) == 3
    assert (bench.of(1).step, bench.of(1).ending, bench.of(1).tries) == (Step.GIVEN_UP, Ending.EXHAUSTED, 3)
    assert bench.of(1).ended_at is not None
    assert len(bench.account.of(1)) == 1
    await bench.repairer.want(repair(1, bench.clock(), urgency=Urgency.PERSON, **trouble))
    await bench.pass_time(hours=25)
    assert len(bench.account.adds) == 4, "a person may have it tried again"


async def test_what_fails_again_and_again_is_given_up(bench: Bench) -> None:
    """Each time it is complete, and fails a few days later."""
    entry_id = bench.account.has(1, ERROR, 1, 2, links=0)
    for _ in range(10):
        bench.account.set_status(entry_id, ERROR)
        await bench.repairer.want(repair(1, bench.clock(), old_ids=(entry_id,)))
        await bench.pass_time(days=3)
        entry_id = bench.account.of(1)[0].id
    assert len(bench.account.adds) == 3
    assert bench.of(1).ending is Ending.EXHAUSTED


async def test_what_was_refused_elsewhere_is_not_asked_for(bench: Bench) -> None:
    """An import tells of it before or after it was seen to have failed."""
    clock = bench.clock
    long_ago = clock() - timedelta(days=400)
    await bench.failed(1)
    await bench.failed(3)
    tried = replace(bench.of(3), tries=1)
    await bench.repairer.want(repair(4, clock(), urgency=Urgency.PERSON))
    await bench.notes.save(tried)
    await bench.start()
    kinds = {1: "infringing_file", 2: "infringing_file", 3: "infringing_file", 4: "infringing_file", 5: "too_many"}
    failures = [
        DebridFailure(
            hash=info_hash(number),
            kind=kind,
            torrent_id=f"OLD{number}",
            name="",
            first_at=long_ago,
            last_at=long_ago,
            final=True,
        )
        for number, kind in kinds.items()
    ]
    await bench.repairer.note_refused([*failures, replace(failures[1], hash=info_hash(6), final=False)], "known")
    for number in (1, 2):
        noted = bench.of(number)
        assert (noted.step, noted.ending, noted.told) == (Step.GIVEN_UP, Ending.REFUSED, "known")
        assert noted.ended_at == long_ago
    assert bench.of(3) == tried, "it was accepted since"
    assert bench.of(4).open, "a person wants it"
    assert bench.notes.by_hash.keys() == {info_hash(number) for number in (1, 2, 3, 4)}
    await bench.start()
    await bench.failed(2)
    await bench.pass_time(days=2)
    assert {info for info, _ in bench.account.adds}.isdisjoint({info_hash(1), info_hash(2)})
    assert [entry.status for entry in bench.account.of(1)] == [ERROR]


async def test_nobody_knows_the_files_all_are_taken(bench: Bench) -> None:
    old = bench.account.has(1, MAGNET_ERROR)
    await bench.repairer.want(repair(1, bench.clock(), old_ids=(old,)))
    await bench.pass_time(hours=1)
    (entry,) = bench.account.of(1)
    assert [file.id for file in bench.account.entries[entry.id].selected] == [1, 2, 3]


async def test_files_known_from_before_need_no_old_entry(bench: Bench) -> None:
    wanted = (WantedFile(path="/file 2.mkv", size_bytes=2000),)
    await bench.repairer.want(repair(1, bench.clock(), urgency=Urgency.LINKED, wanted=wanted))
    await bench.pass_time(hours=1)
    (entry,) = bench.account.of(1)
    assert [file.id for file in bench.account.entries[entry.id].selected] == [2]


async def test_three_tries_each_three_hours_and_a_day_apart(bench: Bench) -> None:
    old = await bench.failed(1)
    bench.account.fates[info_hash(1)] = [ERROR, MAGNET_ERROR, DEAD, ERROR, ERROR]
    await bench.pass_time(days=9)
    days = [(at - bench.account.adds[0][1]) / timedelta(days=1) for _, at in bench.account.adds]
    assert days == [0, 1, 2]  # the limit of a day is stricter than three hours
    assert (bench.of(1).step, bench.of(1).ending) == (Step.GIVEN_UP, Ending.EXHAUSTED)
    assert [entry.id for entry in bench.account.of(1)] == [old]  # what failed is cleaned away, the old one stays


async def test_three_hours_and_a_bit_where_a_day_is_not_asked_for() -> None:
    bench = Bench(limits=RepairLimits(hash_apart=timedelta()))
    await bench.start()
    await bench.failed(1)
    bench.account.fates[info_hash(1)] = [MAGNET_ERROR, ERROR]
    await bench.pass_time(days=1)
    (_, first), (_, second), (_, third) = bench.account.adds
    assert 3 * HOUR < second - first < 4 * HOUR
    assert 3 * HOUR < third - second < 4 * HOUR
    assert bench.of(1).ending is Ending.REPAIRED


async def test_a_virus_is_deleted_and_never_added_again(bench: Bench) -> None:
    old = bench.account.has(1, VIRUS)
    await bench.repairer.want(repair(1, bench.clock(), old_ids=(old,), ending=Ending.VIRUS, trouble="virus"))
    await bench.pass_time(days=5)
    assert bench.account.of(1) == []
    assert (bench.account.adds, bench.of(1).ending, bench.of(1).step) == ([], Ending.VIRUS, Step.GIVEN_UP)
    await bench.repairer.want(repair(1, bench.clock(), urgency=Urgency.PERSON))
    await bench.pass_time(days=5)
    assert bench.account.adds == []


@pytest.mark.parametrize("before", ["somebody else's", "given up", "deleted"])
async def test_a_virus_is_deleted_whatever_was_before(bench: Bench, before: str) -> None:
    """Somebody added it: as their entry is none of ours, it is not deleted as a try that came to nothing."""
    if before == "somebody else's":
        entry = bench.account.has(1, WAITING)
        bench.account.fate_of[entry] = VIRUS
        await bench.repairer.want(repair(1, bench.clock(), added_id=entry, trouble="waiting_files_selection"))
    elif before == "given up":
        bench.limits = RepairLimits(tries=1)
        await bench.start()
        bench.account.fates[info_hash(1)] = [ERROR]
        await bench.failed(1)
    else:
        entry = bench.account.has(1, VIRUS)
        await bench.repairer.want(repair(1, bench.clock(), old_ids=(entry,), ending=Ending.VIRUS, trouble="virus"))
    await bench.pass_time(hours=1)
    adds = len(bench.account.adds)
    assert bench.of(1).step is Step.GIVEN_UP
    infected = [entry.id for entry in bench.account.of(1) if entry.status is VIRUS] or [bench.account.has(1, VIRUS)]
    trouble = repair(1, bench.clock(), old_ids=tuple(infected), ending=Ending.VIRUS, trouble="virus")
    await bench.repairer.want(trouble)
    await bench.pass_time(hours=1)
    assert [entry for entry in bench.account.of(1) if entry.status is VIRUS] == []
    deletes = bench.account.calls.count("delete")
    await bench.repairer.want(trouble)  # a list that is not believed yet still shows it
    await bench.pass_time(hours=1)
    assert bench.account.calls.count("delete") == deletes
    assert (bench.of(1).step, bench.of(1).ending) == (Step.GIVEN_UP, Ending.VIRUS)
    assert len(bench.account.adds) == adds, "and never added again"


async def test_what_waits_for_a_selection_gets_it(bench: Bench) -> None:
    entry = bench.account.has(1, WAITING)
    await bench.repairer.want(repair(1, bench.clock(), added_id=entry, trouble="waiting_files_selection"))
    await bench.pass_time(hours=1)
    assert [each.id for each in bench.account.of(1)] == [entry]
    assert [file.id for file in bench.account.entries[entry].selected] == [1, 2, 3]
    assert (bench.account.adds, bench.account.deleted, bench.of(1).ending) == ([], [], Ending.REPAIRED)


async def test_what_was_selected_and_failed_is_replaced_in_its_turn(bench: Bench) -> None:
    entry = bench.account.has(1, WAITING)
    bench.account.fate_of[entry] = ERROR
    await bench.repairer.want(repair(1, bench.clock(), added_id=entry, trouble="waiting_files_selection"))
    await bench.pass_time(hours=1)
    assert bench.account.deleted == []  # it is not ours
    await bench.pass_time(hours=4)
    assert bench.account.deleted == [entry]
    assert [each.status for each in bench.account.of(1)] == [DOWNLOADED]


async def test_a_magnet_that_finds_nothing_is_given_six_hours(bench: Bench) -> None:
    old = await bench.failed(1)
    bench.account.fates[info_hash(1)] = [CONVERTING]
    await bench.pass_time(hours=5.9)
    assert len(bench.account.of(1)) == 2
    await bench.pass_time(hours=0.5)
    assert [entry.id for entry in bench.account.of(1)] == [old]
    assert bench.of(1).tries == 1


async def test_one_that_makes_progress_is_waited_for(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.fates[info_hash(1)] = [DOWNLOADING]
    await bench.pass_time(hours=1)
    for percent in (10.0, 20.0, 30.0):
        (entry,) = live(bench.account.of(1))
        info = bench.account.entries[entry.id]
        moved = replace(info.torrent, progress=percent)
        bench.account.entries[entry.id] = replace(info, torrent=moved)
        await bench.pass_time(days=1.9)
        assert bench.of(1).step is Step.FETCHING
    await bench.pass_time(days=0.2)
    assert bench.of(1).tries == 1
    assert live(bench.account.of(1)) == []


async def test_other_files_are_not_the_same(bench: Bench) -> None:
    """An archive, or what somebody else chose, is no replacement: the old one is kept."""
    old = await bench.failed(1, ERROR, 1, 3)
    other = bench.account.has(1, DOWNLOADED, 2)
    await bench.pass_time(days=1)
    assert {entry.id for entry in bench.account.of(1)} == {old, other}
    assert (bench.account.adds, bench.of(1).ending) == ([], Ending.DIFFERENT)


async def test_one_that_is_there_with_the_same_files_will_do(bench: Bench) -> None:
    old = await bench.failed(1, ERROR, 1, 3)
    bench.account.has(1, DOWNLOADED, 1, 3)
    await bench.pass_time(days=1)
    assert (bench.account.adds, bench.account.deleted, bench.of(1).ending) == ([], [old], Ending.REPAIRED)


async def test_the_new_one_is_looked_at_again_before_the_old_one_goes(bench: Bench) -> None:
    """Between noting that and doing it there may be a restart of a day."""
    old = await bench.failed(1)
    bench.account.refuse("delete", DebridCode.SERVICE_UNAVAILABLE)
    await bench.pass_time(seconds=20)
    assert bench.of(1).step is Step.DELETING_OLD
    (new,) = live(bench.account.of(1))
    del bench.account.entries[new.id]
    await bench.start()
    await bench.pass_time(hours=1)
    assert [entry.id for entry in bench.account.of(1)] == [old]


async def test_that_it_is_complete_is_not_taken_for_granted(bench: Bench) -> None:
    old = await bench.failed(1)
    bench.account.refuse("delete", None)
    await bench.pass_time(seconds=20)
    (new,) = live(bench.account.of(1))
    bench.account.set_status(new.id, DEAD)
    await bench.pass_time(hours=1)
    assert [entry.id for entry in bench.account.of(1)] == [old]
    assert bench.of(1).tries == 1


async def test_what_it_becomes_is_never_deleted_as_what_it_was(bench: Bench) -> None:
    entry = bench.account.has(1, WAITING)
    await bench.repairer.want(repair(1, bench.clock(), added_id=entry, trouble="waiting_files_selection"))
    await bench.repairer.want(repair(1, bench.clock(), old_ids=(entry,), trouble="error"))
    await bench.pass_time(hours=1)
    assert [each.id for each in bench.account.of(1)] == [entry]


@pytest.mark.parametrize("seconds", [1, 29, 59])
async def test_no_answer_is_no_refusal(bench: Bench, seconds: int) -> None:
    """A request that was cut off may be carried out after we looked: another list is asked for before adding again."""
    await bench.failed(1)
    await bench.failed(2)
    bench.account.lag = timedelta(seconds=seconds)
    await bench.pass_time(hours=2)
    assert len(bench.account.adds) == 1  # of the other one
    assert len(bench.account.of(1)) == len(bench.account.of(2)) == 1
    assert bench.of(1).ending is Ending.REPAIRED


async def test_who_asks_again_at_once_adds_nothing_twice(bench: Bench) -> None:
    """A person who gets no answer asks again, while the first request may still be carried out."""

    async def slowly() -> str:
        bench.clock.forward(seconds=30)  # then nobody waits for an answer any more
        return await bench.account.add(info_hash(1))

    async def add() -> None:
        wanted = repair(1, bench.clock(), urgency=Urgency.PERSON, trouble="asked")
        with pytest.raises(Refusal, match=r"timed out|a moment ago"):
            await bench.repairer.add(wanted, slowly, Hands(bench.account))

    bench.account.lag = timedelta(seconds=55)
    await add()
    bench.clock.forward(seconds=5)
    assert bench.repairer.unsettled(info_hash(1))
    await add()
    await bench.pass_time(hours=1)
    assert [entry.status for entry in bench.account.of(1)] == [DOWNLOADED]
    assert (bench.account.adds, bench.of(1).ending) == ([], Ending.REPAIRED)
    assert not bench.repairer.unsettled(info_hash(1))


async def test_what_was_not_added_may_be_asked_for_again(bench: Bench) -> None:
    wanted = repair(1, bench.clock(), urgency=Urgency.PERSON, trouble="asked")
    bench.account.refuse("add", None)
    for after in (0, 61):
        bench.clock.forward(seconds=after)
        adding = bench.repairer.add(wanted, lambda: bench.account.add(info_hash(1)), Hands(bench.account))
        if after:
            assert (await adding).added_id is not None
        else:
            with pytest.raises(Refusal):
                await adding
    await bench.pass_time(hours=1)
    assert [entry.status for entry in bench.account.of(1)] == [DOWNLOADED]


async def test_a_list_from_before_says_nothing_of_what_came_since(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.lag = timedelta(seconds=59)
    bench.account.cut_in = 5
    with pytest.raises(PowerCut):
        await bench.repairer.run()
    await bench.start()
    bench.clock.forward(seconds=45)
    await bench.failed(2)
    await bench.repairer.run()  # which asks for a list
    await bench.pass_time(hours=2)
    await bench.account.entries_now()
    assert len(bench.account.of(1)) == 1


@pytest.mark.parametrize("cut", range(8))
async def test_a_restart_is_no_answer_either(bench: Bench, cut: int) -> None:
    await bench.failed(1)
    bench.account.lag = timedelta(seconds=50)
    bench.account.cut_in = cut
    with pytest.raises(PowerCut):
        await bench.pass_time(hours=1)
    await bench.start()
    await bench.pass_time(hours=2)
    await bench.account.entries_now()
    assert len(bench.account.of(1)) == 1
    assert bench.of(1).ending is Ending.REPAIRED


# --- refusals


WAITS = (
    ("add", DebridCode.TOO_MANY_ACTIVE_DOWNLOADS),
    ("add", DebridCode.SLOW_DOWN),
    ("add", DebridCode.TOO_MANY_REQUESTS),
    ("add", DebridCode.FAIR_USAGE_LIMIT),
    ("add", DebridCode.SERVICE_UNAVAILABLE),
    ("add", DebridCode.UPLOAD_ERROR),
    ("add", DebridCode.BAD_TOKEN),
    ("add", None),
    ("entries", DebridCode.TOO_MANY_REQUESTS),
    ("entries", None),
    ("details", DebridCode.INTERNAL_ERROR),
    ("select", DebridCode.TOO_MANY_REQUESTS),
    ("select", None),
    ("try_link", DebridCode.TRAFFIC_EXHAUSTED),
    ("try_link", DebridCode.FAIR_USAGE_LIMIT),
    ("try_link", DebridCode.HOSTER_IN_MAINTENANCE),
    ("try_link", DebridCode.HOSTER_UNAVAILABLE),
    ("try_link", DebridCode.TOO_MANY_REQUESTS),
    ("delete", DebridCode.SERVICE_UNAVAILABLE),
    ("delete", None),
)


@pytest.mark.parametrize(("call", "code"), WAITS)
async def test_limits_and_outages_wait_and_count_for_nothing(bench: Bench, call: str, code: DebridCode | None) -> None:
    old = await bench.failed(1)
    bench.account.refuse(call, code, times=5)
    await bench.pass_time(days=3)
    assert (bench.of(1).ending, bench.of(1).tries) == (Ending.REPAIRED, 0)
    assert len(bench.account.adds) == 1
    assert len(bench.account.of(1)) == 1
    assert bench.account.deleted == [old]
    assert bench.repairer.pause.until is None


async def test_a_limit_is_remembered_over_a_restart(bench: Bench) -> None:
    await bench.failed(1)
    await bench.failed(2)
    bench.account.refuse("add", DebridCode.FAIR_USAGE_LIMIT)
    await bench.repairer.run()
    calls = len(bench.account.calls)
    await bench.start()
    assert await bench.repairer.run() == bench.clock() + HOUR
    assert len(bench.account.calls) == calls  # nothing at all was asked, of the other one neither
    assert {turn.holdup for _, turn in bench.repairer.queue()} <= {Holdup.ACCOUNT, Holdup.NOT_YET}


async def test_while_too_many_are_active_others_are_still_finished(bench: Bench) -> None:
    await bench.failed(1)
    await bench.failed(2)
    bench.account.fates[info_hash(1)] = [DOWNLOADING]
    await bench.repairer.run()
    assert bench.of(1).step is Step.FETCHING
    bench.account.refuse("add", DebridCode.TOO_MANY_ACTIVE_DOWNLOADS)
    await bench.failed(3)
    (entry,) = live(bench.account.of(1))
    bench.account.set_status(entry.id, DOWNLOADED)
    await bench.pass_time(minutes=9)
    assert bench.of(1).ending is Ending.REPAIRED


@pytest.mark.parametrize("call", ["add", "select", "try_link"])
@pytest.mark.parametrize("code", [DebridCode.INFRINGING_FILE, DebridCode.FILE_NOT_ALLOWED, DebridCode.TORRENT_TOO_BIG])
async def test_what_is_never_served_is_given_up_at_once_and_for_ever(bench: Bench, call: str, code: DebridCode) -> None:
    old = await bench.failed(1)
    bench.account.refuse(call, code)
    await bench.pass_time(days=9)
    assert (bench.of(1).step, bench.of(1).ending) == (Step.GIVEN_UP, Ending.REFUSED)
    assert bench.of(1).problem == code.name.lower()
    assert [entry.id for entry in bench.account.of(1)] == [old]  # nothing of ours is left behind
    adds = len(bench.account.adds)
    await bench.repairer.want(repair(1, bench.clock(), old_ids=(old,), urgency=Urgency.PERSON))
    await bench.pass_time(days=9)
    assert len(bench.account.adds) == adds


async def test_infringing_while_throttled_is_asked_again(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.throttled_at = bench.clock() - timedelta(seconds=10)
    bench.account.refuse("add", DebridCode.INFRINGING_FILE)
    await bench.pass_time(hours=1)
    assert (bench.of(1).ending, bench.of(1).tries) == (Ending.REPAIRED, 0)


async def test_a_dead_link_of_the_new_one_counts_as_a_try(bench: Bench) -> None:
    old = await bench.failed(1)
    bench.account.refuse("try_link", DebridCode.FILE_UNAVAILABLE)
    await bench.pass_time(hours=1)
    assert [entry.id for entry in bench.account.of(1)] == [old]
    assert (bench.of(1).tries, bench.of(1).step) == (1, Step.WAITING)


async def test_already_active_is_found_in_the_list(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.refuse("add", DebridCode.TORRENT_ALREADY_ACTIVE)
    await bench.repairer.run()
    other = bench.account.has(1, DOWNLOADED, 1, 3)  # the list lagged behind
    await bench.pass_time(hours=1)
    assert (bench.account.adds, bench.of(1).ending, bench.of(1).added_id) == ([], Ending.REPAIRED, other)


@pytest.mark.parametrize(
    "refusals",
    [
        [None] * 4 + [DebridCode.TORRENT_ALREADY_ACTIVE],
        [DebridCode.SERVICE_UNAVAILABLE] * 6 + [DebridCode.TORRENT_ALREADY_ACTIVE] * 5,
        [DebridCode.RESOURCE_NOT_FOUND] * 8,
    ],
)
async def test_an_outage_is_not_taken_for_what_is_active_and_never_found(
    bench: Bench, refusals: list[DebridCode | None]
) -> None:
    await bench.failed(1)
    for code in refusals:
        bench.account.refuse("add", code)
    await bench.pass_time(hours=12)
    assert bench.account.refusals == []
    assert (len(bench.account.adds), bench.of(1).ending) == (1, Ending.REPAIRED)


async def test_somebody_deletes_the_new_one(bench: Bench) -> None:
    await bench.failed(1)
    bench.account.fates[info_hash(1)] = [DOWNLOADING]
    await bench.repairer.run()
    (new,) = live(bench.account.of(1))
    del bench.account.entries[new.id]
    await bench.pass_time(hours=1)
    assert (bench.of(1).step, bench.of(1).tries) == (Step.WAITING, 1)
    assert len(bench.account.adds) == 1


# --- many


async def test_the_last_of_five_hundred_gets_its_first_try_as_soon_as_the_caps_allow(bench: Bench) -> None:
    for number in range(500):
        await bench.failed(number)
        if number % 2:
            bench.account.fates[info_hash(number)] = [ERROR, ERROR, ERROR, ERROR]
    began = bench.clock()
    await bench.pass_time(days=2)
    first: dict[str, Any] = {}
    for hash_, at in bench.account.adds:
        first.setdefault(hash_, at)
    assert len(first) == 500
    assert max(first.values()) - began == 24 * HOUR  # 500 at 20 an hour: the last 20 when 24 hours are over
    _check_caps(bench)


async def test_twenty_an_hour_in_any_hour(bench: Bench) -> None:
    for number in range(50):
        await bench.failed(number)
    await bench.pass_time(minutes=59)
    assert len(bench.account.adds) == 20
    assert Counter(turn.holdup for _, turn in bench.repairer.queue()) == {Holdup.HOUR: 30}
    await bench.pass_time(days=1)
    _check_caps(bench)
    assert all(bench.of(number).ending is Ending.REPAIRED for number in range(50))


async def test_very_many_that_wait_are_not_all_asked_for_each(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def counted(added: Iterable[datetime | None], limits: RepairLimits, now: datetime) -> datetime | None:
        times = list(added)
        looked_at.append(len(times))
        return hour_is_free(times, limits, now)

    monkeypatch.setattr(repairing, "hour_is_free", counted)
    ids = [bench.account.has(number, ERROR, 1, links=0) for number in range(300)]
    now = bench.clock()
    wanted = [repair(number, now, old_ids=(ids[number],), trouble="error") for number in range(300)]
    await bench.repairer.want_all(wanted)
    await bench.repairer.run()
    assert len(bench.account.adds) == 20
    assert max(looked_at) <= 20
    assert len(looked_at) < 300


async def test_what_was_noted_when_a_clock_was_ahead_holds_up_nothing(bench: Bench) -> None:
    """A machine begins with a wrong time, and is set right after a while."""
    began = bench.clock()
    bench.clock.forward(days=400)
    bench.account.fates[info_hash(0)] = [DOWNLOADING]
    for number in range(20):
        await bench.failed(number)
    bench.account.refuse("try_link", DebridCode.FAIR_USAGE_LIMIT)
    await bench.pass_time(minutes=1)
    assert len(bench.account.adds) == 20
    assert bench.repairer.pause.until is not None
    bench.clock.now = began
    bench.account.adds.clear()
    for number in range(20, 46):
        await bench.failed(number)
    await bench.pass_time(minutes=59)
    assert len(bench.account.adds) == 20, "as many as at any time"
    await bench.pass_time(days=2.2)
    assert {bench.of(number).ending for number in range(1, 46)} == {Ending.REPAIRED}
    assert bench.of(0).tries == 1, "without any progress for two days"


async def test_what_adds_nothing_goes_on_while_the_hour_is_full(bench: Bench) -> None:
    for number in range(30):
        await bench.failed(number)
    bench.clock.forward(minutes=1)
    virus = bench.account.has(40, VIRUS, 1, links=0)
    await bench.repairer.want(repair(40, bench.clock(), old_ids=(virus,), trouble="virus", ending=Ending.VIRUS))
    await bench.repairer.run()
    assert len(bench.account.adds) == 20
    assert virus in bench.account.deleted
    assert bench.of(40).ending is Ending.VIRUS


def _check_caps(bench: Bench) -> None:
    adds = bench.account.adds
    for number, (_, at) in enumerate(adds):
        assert sum(at <= other < at + HOUR for _, other in adds[number:]) <= 20
    for hash_ in {hash_ for hash_, _ in adds}:
        times = sorted(at for other, at in adds if other == hash_)
        assert all(later - earlier >= 24 * HOUR for earlier, later in pairwise(times))


async def test_nothing_begins_while_only_observing(bench: Bench) -> None:
    bench.acting = False
    await bench.failed(1)
    await bench.pass_time(days=3)
    assert bench.account.calls == []
    ((_, turn),) = bench.repairer.queue()
    assert turn.holdup is Holdup.OBSERVING


@pytest.mark.parametrize(
    ("urgency", "bad", "present", "complete", "ending"),
    [
        (Urgency.FAILED, False, True, False, Ending.RECOVERED),
        (Urgency.FAILED, False, False, False, Ending.REMOVED),
        (Urgency.LINKED, False, False, False, None),
        (Urgency.LINKED, False, True, False, None),
        (Urgency.LINKED, False, True, True, Ending.RECOVERED),
        (Urgency.LINKED, True, True, True, None),
        (Urgency.PERSON, False, True, True, None),
    ],
)
async def test_what_is_no_longer_needed_is_closed_while_it_waits(
    urgency: Urgency,
    bad: bool,  # noqa: FBT001
    present: bool,  # noqa: FBT001
    complete: bool,  # noqa: FBT001
    ending: Ending | None,
    bench: Bench,
) -> None:
    bad_ids = ("ID1",) if bad else ()
    wanted = repair(1, bench.clock(), old_ids=("ID1",), bad_ids=bad_ids, urgency=urgency)
    await bench.repairer.want(wanted)
    here = {info_hash(1)}
    await bench.repairer.overtaken(here, here, here)
    assert bench.of(1).open, "it is needed"
    await bench.repairer.overtaken(set(), here if present else set(), here if complete else set())
    assert bench.of(1).ending is ending


async def test_what_a_person_had_added_is_nobody_elses(bench: Bench) -> None:
    bench.acting = False
    for number in range(3):
        await bench.failed(number)
    bench.clock.forward(hours=1)
    for number in range(2):
        added = bench.account.has(number, DOWNLOADED, 1, 3, added=bench.clock())
        async with bench.repairer.alone():
            await bench.repairer.note_ours(info_hash(number), added)
    await bench.repairer.watch([info.torrent for info in bench.account.entries.values()])
    assert bench.repairer.stands_back_until is None
    await bench.start()
    await bench.repairer.watch([info.torrent for info in bench.account.entries.values()])
    assert bench.repairer.stands_back_until is None, "it outlives a restart"


async def test_what_is_wanted_meanwhile_changes_nothing_that_is_under_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link and a round want the same at the same moment, while a disk takes its time: it is added once."""
    save = Notes.save

    async def slowly(notes: Notes, noted: Repair) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        await save(notes, noted)

    monkeypatch.setattr(Notes, "save", slowly)
    await bench.failed(1)
    wanted = repair(1, bench.clock(), old_ids=("ID1",), urgency=Urgency.PERSON)

    async def want_after(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await bench.repairer.want(replace(wanted, told=f"by {turns}"))

    await asyncio.gather(bench.repairer.run(), *(want_after(turns) for turns in range(100)))
    await bench.pass_time(days=3)
    assert len(bench.account.adds) == 1
    assert bench.of(1).ending is Ending.REPAIRED
    assert len(live(bench.account.of(1))) == len(bench.account.of(1)) == 1


async def test_ours_stands_back_from_another_repairer(bench: Bench) -> None:
    bench.acting = False
    for number in range(3):
        await bench.failed(number)
    bench.clock.forward(hours=1)
    for number in range(2):
        bench.account.has(number, DOWNLOADED, 1, 3, added=bench.clock())
    await bench.repairer.watch([info.torrent for info in bench.account.entries.values()])
    bench.acting = True
    assert bench.repairer.stands_back_until == bench.clock() + timedelta(days=7)
    await bench.start()
    assert {turn.holdup for _, turn in bench.repairer.queue()} == {Holdup.RIVAL}
    await bench.pass_time(days=6.9)
    assert bench.account.adds == []
    await bench.pass_time(days=0.2)
    assert [hash_ for hash_, _ in bench.account.adds] == [info_hash(2)]  # the others were repaired


async def test_what_was_seen_long_ago_is_not_written_down_again(bench: Bench) -> None:
    bench.acting = False
    await bench.failed(1)
    bench.clock.forward(hours=1)
    bench.account.has(1, DOWNLOADED, 1, 3, added=bench.clock())
    entries = [info.torrent for info in bench.account.entries.values()]
    await bench.repairer.watch(entries)
    assert len(bench.notes.seen) == 1
    bench.clock.forward(days=9)
    await bench.start()
    await bench.repairer.watch([*entries, replace(entries[-1], id="another", added_at=bench.clock())])
    assert [seen.id for seen in bench.notes.seen] == ["another"]
    bench.account.cut_in = 0
    await bench.repairer.watch(entries)


# --- what people delete


async def test_what_a_person_wanted_and_deleted_is_not_brought_back(bench: Bench) -> None:
    old = bench.account.has(1, ERROR, 1)
    bench.account.fates[info_hash(1)] = [ERROR]
    await bench.repairer.want(repair(1, bench.clock(), old_ids=(old,), urgency=Urgency.PERSON))
    await bench.pass_time(hours=1)
    assert bench.of(1).step is Step.WAITING, "the first try failed"
    await bench.account.delete(old)  # on the website
    await bench.pass_time(days=3)
    assert (bench.account.of(1), len(bench.account.adds)) == ([], 1)
    assert bench.of(1).ending is Ending.REMOVED


@pytest.mark.parametrize("both", [True, False])
async def test_what_was_added_for_a_person_and_deleted_is_not_brought_back(
    bench: Bench,
    both: bool,  # noqa: FBT001
) -> None:
    old = bench.account.has(1, ERROR, 1)
    bench.account.fates[info_hash(1)] = [DOWNLOADING]
    wanted = repair(1, bench.clock(), urgency=Urgency.PERSON)
    added = await bench.repairer.add(wanted, lambda: bench.account.add(info_hash(1)), Hands(bench.account))
    await bench.pass_time(minutes=2)
    for entry in [added.added_id, *([old] if both else [])]:
        await bench.account.delete(entry or "")
    await bench.pass_time(days=3)
    assert [each.id for each in bench.account.of(1)] == ([] if both else [old])
    assert (len(bench.account.adds), bench.of(1).ending) == (1, Ending.REMOVED)


@pytest.mark.parametrize("urgency", Urgency)
async def test_a_repair_ends_with_the_last_entry_that_a_person_deletes(bench: Bench, urgency: Urgency) -> None:
    bench.acting = False
    first, second = bench.account.has(1, ERROR, 1), bench.account.has(1, DEAD, 1)
    await bench.repairer.want(repair(1, bench.clock(), old_ids=(first, second), urgency=urgency))
    async with bench.repairer.alone():
        await bench.account.delete(first)
        await bench.repairer.deleted(info_hash(1), first)
    assert (bench.of(1).open, bench.of(1).old_ids) == (True, (second,))
    async with bench.repairer.alone():
        await bench.account.delete(second)
        await bench.repairer.deleted(info_hash(1), second)
        await bench.repairer.deleted(info_hash(2), "of no repair")
    assert bench.of(1).ending is Ending.REMOVED
    bench.acting = True
    await bench.pass_time(days=3)
    assert bench.account.adds == []


# --- long after


async def test_what_was_repaired_long_ago_and_is_added_by_a_person_is_no_rivals_work(bench: Bench) -> None:
    for number in (1, 2):
        await bench.failed(number)
    await bench.pass_time(days=1)
    for number in (1, 2):
        assert bench.of(number).ending is Ending.REPAIRED
        for entry in bench.account.of(number):
            await bench.account.delete(entry.id)
    bench.clock.forward(days=29)
    for number in (1, 2):
        bench.account.has(number, DOWNLOADED, 1, added=bench.clock())
    await bench.repairer.watch([info.torrent for info in bench.account.entries.values()])
    assert bench.repairer.stands_back_until is None


async def test_a_person_ends_standing_back_for_one_torrent_or_for_all(bench: Bench) -> None:
    bench.acting = False
    for number in range(1, 5):
        await bench.failed(number)
    bench.clock.forward(minutes=5)
    for number in (1, 2):
        bench.account.has(number, DOWNLOADED, 1, added=bench.clock())
    entries = [info.torrent for info in bench.account.entries.values()]
    await bench.repairer.watch(entries)
    bench.acting = True
    until = bench.repairer.stands_back_until
    assert until == bench.clock() + timedelta(days=7)
    await bench.repairer.want(replace(bench.of(3), urgency=Urgency.PERSON))
    await bench.pass_time(hours=1)
    assert [info for info, _ in bench.account.adds] == [info_hash(3)]
    waiting = {repair.hash: turn for repair, turn in bench.repairer.queue()}
    assert (waiting[info_hash(4)].holdup, waiting[info_hash(4)].at) == (Holdup.RIVAL, until)
    await bench.repairer.nobody_else()
    await bench.start()
    await bench.repairer.watch(entries)  # they are still there
    assert bench.repairer.stands_back_until is None
    await bench.pass_time(hours=1)
    assert [info for info, _ in bench.account.adds] == [info_hash(3), info_hash(4)]


async def test_what_was_given_up_and_is_back_is_lost_no_more(bench: Bench) -> None:
    bench.account.refuse("add", DebridCode.INFRINGING_FILE)
    await bench.failed(1)
    await bench.pass_time(minutes=5)
    assert (bench.of(1).step, bench.of(1).ending) == (Step.GIVEN_UP, Ending.REFUSED)
    here = {info_hash(1)}
    await bench.repairer.overtaken(set(), here, here, read_at=bench.clock() - HOUR)
    assert bench.of(1).ending is Ending.REFUSED, "the list is from before"
    await bench.repairer.overtaken(set(), here, set())
    assert bench.of(1).ending is Ending.REFUSED, "it is there, but can't be had"
    await bench.repairer.overtaken(set(), here, here)
    assert (bench.of(1).step, bench.of(1).ending) == (Step.DONE, Ending.RECOVERED)


async def test_what_calls_itself_complete_and_was_given_up_stays_so(bench: Bench) -> None:
    entry = bench.account.has(1, DOWNLOADED, 1)
    unreadable = repair(1, bench.clock(), urgency=Urgency.LINKED, old_ids=(entry,), bad_ids=(entry,))
    bench.account.refuse("add", DebridCode.INFRINGING_FILE)
    await bench.repairer.want(unreadable)
    await bench.pass_time(minutes=5)
    here = {info_hash(1)}
    await bench.repairer.overtaken(set(), here, here)
    assert bench.of(1).ending is Ending.REFUSED


async def test_what_ended_well_is_forgotten_after_a_month_and_what_was_given_up_never(bench: Bench) -> None:
    await bench.failed(1)
    await bench.pass_time(days=1)
    bench.account.refuse("add", DebridCode.INFRINGING_FILE)
    await bench.failed(2)
    await bench.repairer.run()
    bench.acting = False
    await bench.failed(3)
    ended_at = bench.of(1).ended_at
    assert ended_at is not None
    bench.clock.now = ended_at + REMEMBERED
    await bench.repairer.forget_old()
    assert info_hash(1) in bench.notes.by_hash
    bench.clock.forward(seconds=1)
    await bench.repairer.forget_old()
    left = {info_hash(2): Step.GIVEN_UP, info_hash(3): Step.WAITING}
    assert {each.hash: each.step for each in bench.repairer.repairs} == left
    assert bench.notes.by_hash.keys() == left.keys()
    await bench.start()
    assert {each.hash for each in bench.repairer.repairs} == left.keys()


# --- power cuts


FATES = st.sampled_from([DOWNLOADED, DOWNLOADED, ERROR, MAGNET_ERROR, DOWNLOADING])
REFUSALS = st.tuples(
    st.sampled_from(["entries", "details", "add", "select", "delete", "try_link"]),
    st.sampled_from(
        [
            None,
            DebridCode.TOO_MANY_REQUESTS,
            DebridCode.SERVICE_UNAVAILABLE,
            DebridCode.TOO_MANY_ACTIVE_DOWNLOADS,
            DebridCode.TRAFFIC_EXHAUSTED,
        ]
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fates=st.lists(st.lists(FATES, max_size=3), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 40), max_size=12),
    refusals=st.lists(REFUSALS, max_size=6),
)
async def test_cut_the_power_anywhere(
    fates: list[list[DebridStatus]], cuts: list[int], refusals: list[tuple[str, DebridCode | None]]
) -> None:
    """Never a second entry that works, never one lost, never a file lost, never over the caps, and it always ends."""
    bench = Bench()
    await bench.start()
    account = bench.account
    for number, each in enumerate(fates):
        await bench.failed(number)
        account.fates[info_hash(number)] = list(each)
    account.refusals = list(refusals)
    for cut in cuts:
        account.cut_in = cut
        try:
            await bench.pass_time(hours=5)
        except PowerCut:
            bench.clock.forward(seconds=cut)
            await bench.start()
        _check_whole(bench, len(fates))
    account.cut_in = None
    await bench.start()
    await bench.pass_time(days=30)
    _check_whole(bench, len(fates))
    for number, each in enumerate(fates):
        noted, entries = bench.of(number), account.of(number)
        assert not noted.open
        assert len(entries) == 1, "one entry is left, the new one or the old one"
        if noted.ending is Ending.REPAIRED:
            assert entries[0].status is DOWNLOADED
            assert [file.id for file in account.entries[entries[0].id].selected] == [1, 3]
        else:
            assert noted.ending is Ending.EXHAUSTED
            assert len(each) == 3
            assert DOWNLOADED not in each
    _check_caps(bench)


def _check_whole(bench: Bench, count: int) -> None:
    for number in range(count):
        entries = bench.account.of(number)
        assert entries, "it was lost"
        assert len(live(entries)) <= 1, "it was added twice"
        assert len(entries) <= 2


def test_the_files_of_the_stage() -> None:
    """What the tests above select is neither all nor nothing."""
    assert [file.id for file in files(1, 3) if file.selected] == [1, 3]
    assert len(files()) == 3
