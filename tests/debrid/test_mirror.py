"""Synchronising: complete, exact, few requests; whatever changes meanwhile, and wherever it is cut off."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
import random
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.sokoul.debrid.mirror import (
    BATCH,
    IN_VAIN,
    LONG,
    PARALLEL,
    BusyError,
    MirrorSync,
    NothingToResumeError,
    Progress,
    SyncResult,
)
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import (
    ChangeKind,
    DetailsReason,
    Presence,
    SyncMode,
    SyncOptions,
    SyncStatus,
)
from custom_components.sokoul.store import Store
from tests.store.make import NOW
from tests.store.torrents import ACCOUNT, torrent

from .accounts import Clock, FakeAccount, Missing, Silent, Told, Unreadable

type Syncing = Callable[..., MirrorSync]

S = DebridStatus
LIST, FULL, SMART = SyncMode.LIST, SyncMode.FULL, SyncMode.SMART


async def mirrored(store: Store) -> dict[str, Any]:
    return {each.torrent.id: each async for page in store.mirror_view.walk(ACCOUNT) for each in page}


async def same(store: Store, account: FakeAccount) -> bool:
    """Tell whether the mirror shows the account as it is."""
    known = await store.mirror_view.torrents(ACCOUNT, ids=[each.id for each in account.torrents_there])
    there = {each.id: each for each in account.torrents_there}
    return {each.torrent.id: each.torrent for each in known if each.gone_at is None} == there and set(
        await mirrored(store)
    ) == set(there)


def counted(result: SyncResult) -> dict[str, int]:
    return {str(kind): result.run.summary[kind] for kind in ChangeKind if result.run.summary[kind]}


# --- the list --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("tells_etag", [True, False])
@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 23])
async def test_a_first_look_is_complete(
    store: Store, account: FakeAccount, syncing: Syncing, count: int, *, tells_total: bool, tells_etag: bool
) -> None:
    account.tells_total, account.tells_etag = tells_total, tells_etag
    account.torrents_there = [torrent(number) for number in range(count)]
    sync = syncing()
    result = await sync.sync(LIST)
    assert result.run.status is SyncStatus.DONE
    assert await same(store, account)
    assert counted(result) == ({"added": count} if count else {})
    pages = max(-(-count // 5), 1)
    full = count and count % 5 == 0 and not tells_total  # then only an empty page says that it was the end
    assert len(account.take_calls()) == pages + bool(full) == result.run.summary["requests"]
    again = await sync.sync(LIST)
    assert not again.changed
    assert again.run.summary["unchanged"] is (tells_etag or count == 0)
    assert len(account.take_calls()) == pages + bool(full)


async def test_no_change_is_one_request_and_no_write(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(40)]
    sync = syncing(page_size=50)
    await sync.sync()
    runs = await store.mirror.runs(ACCOUNT, 10)
    account.take_calls()
    for _ in range(3):
        result = await sync.sync()
        assert (result.changed, result.run.status) == (False, SyncStatus.DONE)
    assert account.take_calls() == ["page 1"] * 3
    assert await store.mirror.runs(ACCOUNT, 10) == runs


async def test_changes_are_found_exactly(store: Store, account: FakeAccount, syncing: Syncing, clock: Clock) -> None:
    account.torrents_there = [torrent(number) for number in range(200)]
    sync = syncing(page_size=50)
    await sync.sync(LIST)
    chance = random.Random(7)  # noqa: S311
    chosen = chance.sample(range(200), 42)
    new = [torrent(1_000 + number) for number in range(10)]
    gone = {torrent(number).id for number in chosen[:12]}
    failed = {torrent(number).id: S.ERROR for number in chosen[12:30]}
    renamed = {torrent(number).id for number in chosen[30:]}
    clock.now += timedelta(minutes=10)
    account.torrents_there = new + [
        replace(
            each,
            status=failed.get(each.id, each.status),
            filename="new name" if each.id in renamed else each.filename,
        )
        for each in account.torrents_there
        if each.id not in gone
    ]
    result = await sync.sync(LIST)
    assert await same(store, account)
    found = {kind: {each.id for each in result.changes if each.kind is kind} for kind in ChangeKind}
    assert found == {
        ChangeKind.ADDED: {each.id for each in new},
        ChangeKind.GONE: gone,
        ChangeKind.STATUS: set(failed),
        ChangeKind.CONTENT: renamed,
        ChangeKind.RETURNED: set(),
        ChangeKind.PROGRESS: set(),
    }


async def test_only_pages_that_changed_are_sent(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(23)]
    sync = syncing()
    await sync.sync(LIST)
    account.torrents_there[12] = replace(account.torrents_there[12], status=S.DEAD)
    account.take_calls()
    result = await sync.sync(LIST)
    assert counted(result) == {"status": 1}
    assert len(account.take_calls()) == 5, "and they add up: nothing is read twice"
    del account.torrents_there[22]  # the last page alone
    assert counted(await sync.sync(LIST)) == {"gone": 1}
    assert await same(store, account)


@pytest.mark.parametrize("change", ["delete", "add", "both", "delete and come back"])
async def test_a_list_that_shifts_between_two_pages_is_read_again(
    store: Store, account: FakeAccount, syncing: Syncing, change: str
) -> None:
    """What slipped from page 2 to page 1 while page 1 was already read is not taken for gone."""
    account.torrents_there = [torrent(number) for number in range(18)]
    sync = syncing()
    await sync.sync(LIST)
    account.torrents_there[0] = replace(account.torrents_there[0], filename="so that something is to be read")

    def once(call: str) -> None:
        if call == "page 2":
            account.before = lambda _call: None
            if change.startswith(("delete", "both")):
                del account.torrents_there[3]
            if change in {"add", "both"}:
                account.torrents_there.insert(0, torrent(100))

    account.before = once
    result = await sync.sync(LIST)
    assert result.run.status is SyncStatus.DONE
    told = {each.id for each in result.changes if each.kind is ChangeKind.GONE}
    assert told <= {torrent(3).id}
    assert set(await mirrored(store)) >= {each.id for each in account.torrents_there} - {torrent(100).id}
    await sync.sync(LIST)
    assert await same(store, account)


async def test_a_list_that_never_holds_still_takes_nothing_away(
    store: Store, account: FakeAccount, syncing: Syncing
) -> None:
    account.torrents_there = [torrent(number) for number in range(40)]
    sync = syncing()
    await sync.sync(LIST)

    def always(call: str) -> None:
        if call != "page 1":
            del account.torrents_there[0]

    account.before = always
    result = await sync.sync(LIST)
    assert result.run.summary["restless"] is True
    assert not [each for each in result.changes if each.kind is ChangeKind.GONE]
    account.before = lambda _call: None
    await sync.sync(LIST)
    assert await same(store, account)


@pytest.mark.parametrize(("left", "believed"), [(0, False), (19, False), (20, True), (39, True)])
async def test_a_list_that_lacks_most_has_to_say_so_twice(
    store: Store, account: FakeAccount, syncing: Syncing, left: int, *, believed: bool
) -> None:
    whole = [torrent(number) for number in range(40 if left != 19 else 41)]
    account.torrents_there = whole
    sync = syncing(page_size=50)
    await sync.sync(LIST)
    account.torrents_there = whole[:left]
    result = await sync.sync(LIST)
    if believed:
        assert await same(store, account)
        return
    assert result.run.summary["withheld"] == len(whole) - left
    assert len(await mirrored(store)) == len(whole)
    assert counted(await sync.sync(LIST)) == {"gone": len(whole) - left}
    assert await same(store, account)


async def test_a_bad_moment_of_the_list_is_forgotten(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    whole = [torrent(number) for number in range(40)]
    account.torrents_there = whole
    sync = syncing(page_size=50)
    await sync.sync(LIST)
    account.torrents_there = []
    await sync.sync(LIST)
    account.torrents_there = whole
    assert not (await sync.sync(LIST)).changed
    account.torrents_there = []
    assert (await sync.sync(LIST)).run.summary["withheld"] == 40, "it counts anew"


@pytest.mark.parametrize("count", [1, 20])
async def test_a_small_account_is_not_empty_at_once(
    store: Store, account: FakeAccount, syncing: Syncing, count: int
) -> None:
    account.torrents_there = [torrent(number) for number in range(count)]
    sync = syncing()
    await sync.sync(LIST)
    account.torrents_there = []
    assert (await sync.sync(LIST)).run.summary["withheld"] == count
    assert len(await mirrored(store)) == count
    assert counted(await sync.sync(LIST)) == {"gone": count}


class Killed(BaseException):
    """The process ends here."""


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "delete", "change", "sync", "kill", "restart"]), st.integers(0, 30)), max_size=25
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, seed=st.integers(0, 1_000))
async def test_whatever_happens_the_mirror_ends_as_the_account_is(  # noqa: C901 -- a small world of its own
    store: Store, clock: Clock, operations: list[tuple[str, int]], seed: int
) -> None:
    """Torrents come and go, also between two pages; it is killed at any request; in the end nothing is wrong."""
    await store.mirror.clear(ACCOUNT)
    chance, account = random.Random(seed), FakeAccount()  # noqa: S311
    sync = MirrorSync(ACCOUNT, account, Told(), store.mirror, clock=clock, page_size=3)

    def restart() -> MirrorSync:
        return MirrorSync(ACCOUNT, account, Told(), store.mirror, clock=clock, page_size=3)

    number = 0

    def change(what: str, where: int) -> None:
        nonlocal number
        there = account.torrents_there
        if what == "add":
            number += 1
            there.insert(0, torrent(number))
        elif there and what == "delete":
            del there[where % len(there)]
        elif there and what == "change":
            there[where % len(there)] = replace(there[where % len(there)], status=chance.choice(list(S)))

    def noise(_call: str) -> None:
        if chance.random() < 0.3:
            change(chance.choice(["add", "delete", "change"]), chance.randrange(30))

    def kill_at(call: str) -> None:
        noise(call)
        if chance.random() < 0.3:
            raise Killed

    for what, where in operations:
        clock.now += timedelta(minutes=1)
        if what == "restart":
            sync = restart()
        elif what in {"sync", "kill"}:
            account.before = noise if what == "sync" else kill_at
            try:
                await sync.sync(SyncMode.SMART)
            except Killed:
                sync = restart()
        else:
            change(what, where)
    account.before = lambda _call: None
    await sync.sync(SyncMode.SMART)
    await sync.sync(SyncMode.SMART)
    assert await same(store, account)
    assert not (await sync.sync(SyncMode.SMART)).changed


async def test_what_is_looked_at_while_it_is_cleared_is_read_anew(
    store: Store, account: FakeAccount, syncing: Syncing
) -> None:
    account.torrents_there = [torrent(number) for number in range(3)]
    sync = syncing()
    await sync.sync(LIST)
    async with sync.clearing():
        looking = asyncio.create_task(sync.sync(LIST))
        for _ in range(20):
            await asyncio.sleep(0)
        await store.mirror.clear(ACCOUNT)
    result = await looking
    assert counted(result) == {"added": 3}
    assert await same(store, account)


async def test_nothing_is_cleared_while_it_is_read(account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(1)]
    sync = syncing()
    reading = asyncio.create_task(sync.sync(LIST))
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        async with sync.clearing():
            pytest.fail("it may be cleared")
    assert (await reading).run.status is SyncStatus.DONE


# --- details ---------------------------------------------------------------------------------------------------------


async def detailed(store: Store) -> set[str]:
    return {key for key, each in (await mirrored(store)).items() if each.details_at is not None}


async def test_details_are_read_only_where_something_needs_them(
    store: Store, account: FakeAccount, syncing: Syncing, clock: Clock
) -> None:
    account.torrents_there = [torrent(1), torrent(2, status=S.DEAD), torrent(3), torrent(4, status=S.DOWNLOADING)]
    sync = syncing()
    await sync.sync(SMART)
    assert await detailed(store) == {torrent(2).id}
    await store.mirror.ask_details(ACCOUNT, [torrent(3).id], clock.now)
    account.take_calls()
    result = await sync.sync(SMART)
    assert account.take_calls() == ["page 1", torrent(3).id]
    assert result.run.summary["details"] == 1
    await sync.sync(SMART)
    assert account.take_calls() == ["page 1"]
    await sync.sync(FULL)
    assert account.take_calls() == ["page 1", torrent(1).id]
    await sync.sync(SyncMode.DETAILS, SyncOptions(include_active=True))
    assert account.take_calls() == [torrent(4).id], "what is on its way has other details soon"
    clock.now += timedelta(days=8)
    await sync.sync(FULL)
    assert set(account.take_calls()) == {"page 1", *(torrent(number).id for number in (1, 2, 3))}


MODES = (
    ("errors again", SyncMode.ERRORS, {}, {2}),
    ("no errors", SyncMode.DETAILS, {"skip_error_retry": True}, {1, 3}),
    ("of one status", SyncMode.DETAILS, {"statuses": (S.DOWNLOADED,)}, {1, 3}),
    ("a few", SyncMode.DETAILS, {"limit": 1}, {2}),
    ("with what is active", SyncMode.DETAILS, {"include_active": True}, {1, 2, 3, 4}),
    ("only new statuses: there are none", FULL, {"status_changes_only": True}, set()),
    ("the list alone", LIST, {"include_active": True}, set()),
)


@pytest.mark.parametrize(("mode", "options", "read"), [case[1:] for case in MODES], ids=[case[0] for case in MODES])
async def test_modes_and_options_say_whose_details_are_read(
    account: FakeAccount, syncing: Syncing, mode: SyncMode, options: dict[str, Any], read: set[int]
) -> None:
    account.torrents_there = [torrent(1), torrent(2, status=S.DEAD), torrent(3), torrent(4, status=S.DOWNLOADING)]
    sync = syncing()
    await sync.sync(LIST)
    plan = await sync.plan(mode, SyncOptions(**options))
    assert account.take_calls() == ["page 1"], "a plan asks nobody"
    await sync.sync(mode, SyncOptions(**options))
    calls = account.take_calls()
    assert {call for call in calls if not call.startswith("page")} == {torrent(number).id for number in read}
    assert plan.requests == len(calls), "it is what the plan said"


async def test_a_plan_says_why(store: Store, account: FakeAccount, syncing: Syncing, clock: Clock) -> None:
    account.torrents_there = [torrent(1), torrent(2, status=S.DEAD), torrent(3)]
    sync = syncing()
    await sync.sync(LIST)
    await store.mirror.ask_details(ACCOUNT, [torrent(3).id], clock.now)
    plan = await sync.plan(FULL, SyncOptions(limit=2))
    assert plan.details == {DetailsReason.ASKED: 1, DetailsReason.FAILED: 1, DetailsReason.NEVER_READ: 1}
    assert plan.first == ((torrent(3).id, DetailsReason.ASKED), (torrent(2).id, DetailsReason.FAILED))
    assert (plan.list_requests, plan.requests) == (1, 3)


async def test_status_changes_only(account: FakeAccount, syncing: Syncing, clock: Clock) -> None:
    account.torrents_there = [torrent(number) for number in range(4)]
    sync = syncing()
    await sync.sync(LIST)
    clock.now += timedelta(minutes=10)
    account.torrents_there[2] = replace(account.torrents_there[2], status=S.ERROR)
    account.torrents_there.insert(0, torrent(9, status=S.ERROR))
    account.take_calls()
    await sync.sync(FULL, SyncOptions(status_changes_only=True))
    assert account.take_calls() == ["page 1", torrent(2).id]


async def test_what_is_not_there_any_more_is_gone(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(1), torrent(2)]
    sync = syncing()
    await sync.sync(LIST)
    del account.torrents_there[0]
    result = await sync.sync(SyncMode.DETAILS)
    assert counted(result) == {"gone": 1}
    assert set(await mirrored(store)) == {torrent(2).id}


@pytest.mark.parametrize("mode", [FULL, SyncMode.DETAILS])
async def test_what_the_list_shows_is_not_gone_for_good(
    store: Store, account: FakeAccount, syncing: Syncing, mode: SyncMode
) -> None:
    """Once there are no details of it, by mistake; from then on the list is as it was."""
    account.torrents_there = [torrent(1), torrent(2)]
    sync = syncing()
    await sync.sync(LIST)

    def once(call: str) -> None:
        if call == torrent(1).id:
            account.before = lambda _call: None
            raise Missing

    account.before = once
    result = await sync.sync(mode)
    assert counted(result) == ({"gone": 1} if mode is SyncMode.DETAILS else {})
    assert account.calls.count(torrent(1).id) == 1
    await sync.sync(FULL)
    assert await same(store, account)
    assert await detailed(store) == {torrent(1).id, torrent(2).id}
    account.take_calls()
    assert (await sync.sync(LIST)).run.summary["unchanged"] is True


async def test_one_answer_that_makes_no_sense_stops_nothing(
    store: Store, account: FakeAccount, syncing: Syncing
) -> None:
    account.torrents_there = [torrent(number) for number in range(70)]

    def one(call: str) -> None:
        if call == torrent(5).id:
            raise Unreadable

    account.before = one
    result = await syncing(page_size=100).sync(FULL)
    assert result.run.status is SyncStatus.DONE
    assert result.run.summary["unreadable"] == 1
    assert len(await detailed(store)) == 69
    assert account.calls.count(torrent(5).id) == 1, "not again in the same synchronisation"


@pytest.mark.parametrize("wrong", [Unreadable, Missing])
async def test_an_outage_is_not_taken_for_what_is_wrong_with_torrents(
    store: Store, account: FakeAccount, syncing: Syncing, wrong: type[Exception]
) -> None:
    """Somebody answers all the time: with an error, or as if there were nothing."""
    account.torrents_there = [torrent(number) for number in range(100)]
    sync = syncing(page_size=200)
    await sync.sync(LIST)
    account.take_calls()

    def out_of_order(_call: str) -> None:
        if len(account.calls) > 30:
            raise wrong("out of order")

    account.before = out_of_order
    result = await sync.sync(SyncMode.DETAILS)
    assert result.run.status is SyncStatus.INTERRUPTED
    assert (result.run.summary["error"], result.run.summary["gone"]) == ("out of order", 0)
    assert (result.run.done, len(await detailed(store))) == (30, 30)
    assert len(account.take_calls()) <= 30 + IN_VAIN + PARALLEL
    assert len(await mirrored(store)) == 100
    assert await sync.interrupted()
    account.before = lambda _call: None
    result = await sync.sync(SyncMode.RESUME)
    assert (result.run.status, result.run.done) == (SyncStatus.DONE, 100)
    assert len(await detailed(store)) == 100


async def test_however_many_make_no_sense_the_others_are_read(
    store: Store, account: FakeAccount, syncing: Syncing
) -> None:
    account.torrents_there = [torrent(number) for number in range(70)]
    wrong = {torrent(number).id for number in range(35)}

    def some(call: str) -> None:
        if call in wrong:
            raise Unreadable

    account.before = some
    result = await syncing(page_size=100).sync(FULL)
    assert result.run.status is SyncStatus.DONE
    assert result.run.summary["unreadable"] == 35
    assert len(await detailed(store)) == 35
    assert account.calls.count("page 1") <= 1 + 35 // IN_VAIN


@pytest.mark.parametrize("cancelled", [False, True], ids=["others go first", "a person cancels"])
async def test_what_is_in_doubt_is_not_gone(
    store: Store, account: FakeAccount, syncing: Syncing, *, cancelled: bool
) -> None:
    """While it is asked whether the account is there at all, it has to let go."""
    account.torrents_there = [torrent(number) for number in range(60)]
    sync, asked, over = syncing(page_size=100), asyncio.Event(), asyncio.Event()
    await sync.sync(LIST)
    torrents = account.torrents

    async def never(page: int = 1, limit: int = 5000, etag: str | None = None) -> Any:
        if limit > 1:
            return await torrents(page, limit, etag)
        asked.set()
        return await asyncio.Event().wait()

    def gone(call: str) -> None:
        if not over.is_set() and not call.startswith("page"):
            raise Missing

    account.torrents = never  # type: ignore[method-assign]
    account.before = gone
    running = asyncio.create_task(sync.sync(SyncMode.DETAILS))
    await asked.wait()
    over.set()
    if cancelled:
        sync.cancel()
    else:
        await sync.sync(LIST)
    result = await running
    assert result.run.summary["gone"] == 0
    assert len(await mirrored(store)) == 60
    assert len(await detailed(store)) == (0 if cancelled else 60)


async def test_whose_details_are_due_is_seldom_asked(
    store: Store, account: FakeAccount, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For that the database goes through all torrents."""
    account.torrents_there = [torrent(number) for number in range(4 * BATCH)]
    asked: list[int] = []
    due = store.mirror.details_due

    async def counted_due(*values: Any) -> Any:
        asked.append(values[-1])
        return await due(*values)

    monkeypatch.setattr(store.mirror, "details_due", counted_due)
    monkeypatch.setattr("custom_components.sokoul.debrid.mirror.AHEAD", 2 * BATCH)
    assert (await syncing(page_size=200).sync(FULL)).run.done == 4 * BATCH
    assert asked == [2 * BATCH] * 2
    assert len(account.calls) == len(set(account.calls))


async def test_it_is_resumed_where_it_was_interrupted(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(60)]
    sync = syncing(page_size=100)

    def throttled(call: str) -> None:
        if len(account.calls) > 30:
            raise error

    error = Silent()
    error.pause = timedelta(seconds=30)
    account.before = throttled
    result = await sync.sync(FULL)
    assert (result.run.status, result.error, result.pause) == (SyncStatus.INTERRUPTED, error, timedelta(seconds=30))
    assert len(await detailed(store)) == 29, "what came before it is kept"
    account.before = lambda _call: None
    account.take_calls()
    restarted = syncing(page_size=100)
    assert await restarted.interrupted()
    resumed = await restarted.sync(SyncMode.RESUME)
    assert resumed.run.status is SyncStatus.DONE
    assert (resumed.run.id, resumed.run.mode, resumed.run.done) == (result.run.id, FULL, 60)
    calls = account.take_calls()
    assert len(calls) == 31, "neither the list nor what was read is read again"
    assert "page 1" not in calls
    assert len(await detailed(store)) == 60
    assert not await restarted.interrupted()
    with pytest.raises(NothingToResumeError):
        await restarted.sync(SyncMode.RESUME)


async def test_a_plan_to_resume_is_of_what_is_left(account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(60)]
    sync = syncing(page_size=100)
    account.before = lambda _call: sync.cancel() if len(account.calls) == 11 else None
    result = await sync.sync(FULL, SyncOptions(limit=30))
    assert (result.run.status, result.run.done) == (SyncStatus.CANCELLED, done := len(account.take_calls()) - 1)
    plan = await sync.plan(SyncMode.RESUME, SyncOptions())
    assert (plan.list_requests, plan.limit, len(plan.first)) == (0, 30 - done, 30 - done)
    account.before = lambda _call: None
    resumed = await sync.sync(SyncMode.RESUME)
    assert len(account.take_calls()) == plan.requests == 30 - done
    assert resumed.run.done == 30


async def test_a_crash_costs_a_batch_at_most(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(100)]

    def crash(call: str) -> None:
        if len(account.calls) == 80:
            raise Killed

    account.before = crash
    keep = store.mirror.keep_details

    async def dies_with_it(*values: Any) -> None:
        if len(account.calls) >= 80:
            raise Killed  # nothing more is written by what is dead
        await keep(*values)

    sync = syncing(page_size=200)
    store.mirror.keep_details = dies_with_it  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await sync.sync(FULL)
    store.mirror.keep_details = keep  # type: ignore[method-assign]
    account.before = lambda _call: None
    known = len(await detailed(store))
    assert known >= 80 - 1 - BATCH
    restarted = syncing(page_size=200)
    assert await restarted.interrupted(), "the store says that it runs, and nobody does"
    account.take_calls()
    await restarted.sync(SyncMode.RESUME)
    assert len(account.take_calls()) == 100 - known
    assert len(await detailed(store)) == 100


async def test_it_can_be_cancelled(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(60)]
    sync = syncing(page_size=100)
    assert not sync.cancel()

    def cancel(call: str) -> None:
        if len(account.calls) == 40:
            assert sync.cancel()

    account.before = cancel
    result = await sync.sync(FULL)
    assert result.run.status is SyncStatus.CANCELLED
    assert 20 <= len(await detailed(store)) <= 40
    assert result.run.summary["details_left"] > 0
    assert not sync.running
    assert not await sync.interrupted(), "nobody resumes what a person ended"
    account.before = lambda _call: None
    assert (await sync.sync(SyncMode.RESUME)).run.status is SyncStatus.DONE, "but the person may"


async def test_who_cancels_does_not_wait_for_the_budget(account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(1), torrent(2)]
    sync, asked = syncing(), asyncio.Event()

    async def never(_torrent_id: str) -> Any:
        asked.set()
        await asyncio.Event().wait()

    account.torrent = never  # type: ignore[method-assign]
    running = asyncio.create_task(sync.sync(SyncMode.FULL))
    await asked.wait()
    assert sync.cancel()
    assert (await running).run.status is SyncStatus.CANCELLED


# --- one before the other --------------------------------------------------------------------------------------------


class Hanging:
    """The details of these torrents aren't answered until they are let go."""

    def __init__(self, account: FakeAccount, ids: Collection[str]) -> None:
        self.ids = ids
        self.reached, self.released = asyncio.Event(), asyncio.Event()
        self._answer = account.torrent
        account.torrent = self._torrent  # type: ignore[method-assign]

    async def _torrent(self, torrent_id: str) -> Any:
        if torrent_id in self.ids and not self.released.is_set():
            self.reached.set()
            await self.released.wait()
        return await self._answer(torrent_id)


def account_of(account: FakeAccount, failed: int, count: int) -> None:
    status = [S.ERROR] * failed + [S.DOWNLOADED] * (count - failed)
    account.torrents_there = [torrent(number, status=each) for number, each in enumerate(status)]


@pytest.mark.parametrize(
    ("mode", "found", "asked", "more"),
    [
        (SMART, {"status": 1}, ["page 1", torrent(3).id], 0),
        (LIST, {"status": 1}, ["page 1"], 1),  # what failed is to be read again
        (SyncMode.ERRORS, {}, [torrent(number).id for number in range(3)], 0),
    ],
)
async def test_a_look_goes_before_thousands_of_details(
    mode: SyncMode,
    found: dict[str, int],
    asked: list[str],
    more: int,
    store: Store,
    account: FakeAccount,
    syncing: Syncing,
    clock: Clock,
) -> None:
    """It has a result of its own, and the other one goes on where it was."""
    account_of(account, 3, 60)
    hanging, sync = Hanging(account, [torrent(number).id for number in range(40, 60)]), syncing(page_size=200)
    whole = asyncio.create_task(sync.sync(FULL))
    await hanging.reached.wait()
    clock.now += timedelta(hours=1)
    account.torrents_there[3] = replace(account.torrents_there[3], status=S.DEAD)
    before = len(account.calls)
    told: set[Any] = set()
    account.before = lambda _call: told.add(sync.progress and sync.progress.mode)
    look = await sync.sync(mode)
    assert (look.run.mode, look.run.status, counted(look)) == (mode, SyncStatus.DONE, found)
    assert sorted(account.calls[before:]) == sorted(asked), "nothing else was read meanwhile"
    assert told == {mode}, "what is told is how far that is which is at work"
    assert sync.running
    assert not whole.done()
    hanging.released.set()
    result = await whole
    assert result.run.status is SyncStatus.DONE
    assert (result.run.done, result.run.total, result.run.summary["details_left"]) == (60 + more, 60 + more, 0)
    assert counted(result) == {"added": 60}, "each tells what it found itself"
    assert len(account.calls) == 1 + 60 + len(asked) + more, "what was read is not read again"
    assert len(await detailed(store)) == 60
    assert not sync.running
    assert not await sync.interrupted()


async def test_of_two_that_take_hours_one_has_to_wait(account: FakeAccount, syncing: Syncing) -> None:
    account_of(account, 1, 3)
    hanging, sync = Hanging(account, [torrent(0).id]), syncing()
    look = asyncio.create_task(sync.sync(SMART))
    await hanging.reached.wait()
    whole = asyncio.create_task(sync.sync(FULL))
    await asyncio.sleep(0)
    assert not look.done(), "what takes hours goes before nobody"
    for mode in LONG:
        with pytest.raises(BusyError):
            await sync.sync(mode)
    hanging.released.set()
    assert (await look).run.done == 1
    assert (await whole).run.done == 2


async def test_what_is_under_way_is_not_resumed(account: FakeAccount, syncing: Syncing) -> None:
    """A look lets others go first, too, and one of them may be to resume what was interrupted before."""
    account_of(account, 2, 2)
    hanging, sync = Hanging(account, [torrent(0).id]), syncing()
    look = asyncio.create_task(sync.sync(SMART))
    await hanging.reached.wait()
    with pytest.raises(NothingToResumeError):
        await sync.plan(SyncMode.RESUME, SyncOptions())
    resumed = asyncio.create_task(sync.sync(SyncMode.RESUME))
    await asyncio.sleep(0)
    await sync.sync(LIST)
    with pytest.raises(NothingToResumeError):
        await resumed
    hanging.released.set()
    assert (await look).run.done == 2
    assert not await sync.interrupted()


type Begun = tuple[asyncio.Task[SyncResult], Hanging]


async def begun(account: FakeAccount, sync: MirrorSync, mode: SyncMode, number: int) -> Begun:
    """Begin to synchronise; it goes on with a torrent when it is let go."""
    hanging = Hanging(account, [torrent(number).id])
    task = asyncio.create_task(sync.sync(mode))
    await hanging.reached.wait()
    return task, hanging


async def both_begun(account: FakeAccount, sync: MirrorSync, clock: Clock) -> tuple[Begun, Begun]:
    """Begin to read all details, and an hour later those of what failed, which goes first."""
    account_of(account, 1, BATCH + 1)
    whole = await begun(account, sync, FULL, BATCH)
    clock.now += timedelta(hours=1)
    return whole, await begun(account, sync, SyncMode.ERRORS, 0)


async def test_who_cancels_ends_also_what_lets_others_go_first(
    account: FakeAccount, syncing: Syncing, clock: Clock
) -> None:
    sync = syncing(page_size=100)
    both = await both_begun(account, sync, clock)
    await sync.sync(LIST)
    assert sync.cancel()
    assert {(await task).run.status for task, _ in both} == {SyncStatus.CANCELLED}
    assert not sync.running


async def test_one_that_ends_while_it_waits_keeps_nobody_waiting(
    store: Store, account: FakeAccount, syncing: Syncing, clock: Clock
) -> None:
    sync = syncing(page_size=100)
    (whole, whole_hangs), (look, look_hangs) = await both_begun(account, sync, clock)
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    whole_hangs.released.set()
    look_hangs.released.set()
    assert (await look).run.status is SyncStatus.DONE
    assert (await sync.sync(LIST)).run.status is SyncStatus.DONE
    assert (await sync.sync(SyncMode.RESUME)).run.mode is FULL, "it goes on where it was"
    assert len(await detailed(store)) == BATCH + 1


async def test_what_takes_hours_is_resumed_after_however_many_looks(
    account: FakeAccount, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.sokoul.store.debrid._RUNS_KEPT", 5)
    account_of(account, 0, 3)
    hanging, sync = Hanging(account, [torrent(2).id]), syncing()
    whole = asyncio.create_task(sync.sync(FULL))
    await hanging.reached.wait()
    for number in range(3, 10):
        account.torrents_there.insert(0, torrent(number))
        assert counted(await sync.sync(LIST)) == {"added": 1}
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole

    def away(_call: str) -> None:
        raise Silent

    account.before = away
    assert (await sync.sync(LIST)).run.status is SyncStatus.INTERRUPTED
    account.before = lambda _call: None
    hanging.released.set()
    restarted = syncing()
    resumed = await restarted.sync(SyncMode.RESUME)
    assert (resumed.run.mode, resumed.run.status) == (FULL, SyncStatus.DONE)
    assert (await restarted.sync(SyncMode.RESUME)).run.mode is LIST, "what is left"
    assert not await restarted.interrupted()


async def test_the_time_of_others_is_not_its_own(account: FakeAccount, syncing: Syncing, clock: Clock) -> None:
    account_of(account, 0, 60)
    told: list[Progress] = []
    sync = syncing(page_size=100, on_progress=told.append)
    looks: list[asyncio.Task[SyncResult]] = []

    def slow(call: str) -> None:
        if call == "page 1":
            clock.now += timedelta(hours=1)
        else:
            clock.now += timedelta(seconds=2)
            if len(account.calls) == 10:
                looks.append(asyncio.create_task(sync.sync(LIST)))

    account.before = slow
    await sync.sync(FULL)
    assert looks[0].done()
    last = [each for each in told if each.phase == "details" and each.status is SyncStatus.RUNNING][-2:]
    assert [(each.done, each.rate, each.eta) for each in last] == [
        (59, 0.5, timedelta(seconds=2)),
        (60, 0.5, timedelta()),
    ]


# --- what is told ----------------------------------------------------------------------------------------------------


async def test_progress_is_told(account: FakeAccount, syncing: Syncing, clock: Clock) -> None:
    account.torrents_there = [torrent(number) for number in range(20)]
    told: list[Progress] = []

    def slow(call: str) -> None:
        clock.now += timedelta(seconds=0 if call == "page 1" else 2)

    account.before = slow
    sync = syncing(page_size=50, on_progress=told.append)
    assert sync.progress is None
    await sync.sync(FULL)
    lists = [each for each in told if each.phase == "list"]
    assert [each.done for each in lists][-1] == 20
    reading = [each for each in told if each.phase == "details" and each.status is SyncStatus.RUNNING]
    assert [each.done for each in reading] == list(range(1, 21))
    half = reading[9]
    assert (half.total, half.rate, half.eta) == (20, 10 / (clock.now - NOW).total_seconds() * 2, timedelta(seconds=20))
    assert told[-1].status is SyncStatus.DONE
    assert sync.progress is None


async def test_of_very_many_changes_the_first_are_told_and_all_are_counted(
    account: FakeAccount, syncing: Syncing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.sokoul.debrid.mirror.TOLD", 7)
    account.torrents_there = [torrent(number) for number in range(12)]
    result = await syncing().sync(LIST)
    assert counted(result) == {"added": 12}
    assert len(result.changes) == 7
    assert result.changed


async def test_a_verbose_summary_names_what_changed(account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(1)]
    quiet = await syncing().sync(LIST)
    assert "changes" not in quiet.run.summary
    account.torrents_there = [torrent(1, status=S.VIRUS)]
    told = (await syncing().sync(LIST, SyncOptions(verbose=True))).run.summary["changes"]
    assert told == [
        {
            "id": torrent(1).id,
            "change": "status",
            "name": torrent(1).filename,
            "status": "virus",
            "before": "downloaded",
        }
    ]
    assert set(ChangeKind) >= {each["change"] for each in told}


async def test_an_account_that_is_away_ends_it(store: Store, account: FakeAccount, syncing: Syncing) -> None:
    account.torrents_there = [torrent(number) for number in range(12)]

    def away(call: str) -> None:
        if call == "page 3":
            raise Silent("nobody answers")

    account.before = away
    result = await syncing().sync(SMART)
    assert result.run.status is SyncStatus.INTERRUPTED
    assert result.run.summary["error"] == "nobody answers"
    assert len(await mirrored(store)) == 10, "what was seen is kept"
    assert not [key async for page in store.mirror_view.walk(ACCOUNT, Presence.GONE) for key in page]
