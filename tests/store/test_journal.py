"""The journal: what was written is there, and is found."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import inspect
from typing import Any

import pytest
from sqlalchemy import event, text

from custom_components.sokoul.autopilot.ports import Journal, MemoryStore
from custom_components.sokoul.model.journal import ActKind, EntryStatus, JournalEntry
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.store import Store, StoredJournal, StoredMemory, StoreError, UnknownEntry, open_store
from custom_components.sokoul.store.journal import _as_row
from custom_components.sokoul.store.schema import JOURNAL

from .conftest import Where
from .make import NOW, entry

EVERYTHING = Reason(
    key="stalled",
    parameters={
        "text": "x",
        "whole": 2**62,
        "broken": 0.1,
        "moment": NOW,
        "while": timedelta(hours=1.5),
        "names": ("a", "b"),
    },
    evidence={"seeds": 0},
    backend_id="01BACKEND",
)

HOSTILE = (
    "'; DROP TABLE journal; --",
    'a "quoted" \\ name',
    "%s %(x)s :x ? $1 {0}",
    "日本語 русский עברית 🎬🏴\N{ZERO WIDTH JOINER}",
    "\u202etxt.exe\n\r\t\x1b[2J",
    "x" * 100_000,
    "",
)


@pytest.mark.parametrize(("port", "made"), [(Journal, StoredJournal), (MemoryStore, StoredMemory)])
def test_the_store_is_what_the_autopilot_asks_for(port: type, made: type) -> None:
    methods = [name for name, value in vars(port).items() if inspect.isfunction(value) and not name.startswith("_")]
    assert len(methods) >= 3
    for name in methods:
        asked, given = getattr(port, name), getattr(made, name)
        assert inspect.signature(given) == inspect.signature(asked), name
        assert inspect.iscoroutinefunction(given) == inspect.iscoroutinefunction(asked), name


async def test_an_entry_comes_back_as_it_was(store: Store) -> None:
    full = entry(
        changed_at=NOW + timedelta(microseconds=1),
        actor="user-id",
        reason=EVERYTHING,
        parameters={"release": {"guid": "x", "sizes": [1, 2.5, None, True]}},
        result=EVERYTHING,
        undo={},
    )
    added = await store.journal.add(full)
    assert added.id > 0
    assert replace(added, id=0) == full
    assert await store.journal.get(added.id) == added


async def test_what_is_not_known_stays_unknown(store: Store) -> None:
    found = await store.journal.get((await store.journal.add(entry())).id)
    assert found is not None
    assert found.result is None
    assert found.undo is None


@pytest.mark.parametrize("act", ActKind)
async def test_every_act_and_status_can_be_stored(store: Store, act: ActKind) -> None:
    added = [await store.journal.add(entry(act=act, status=status)) for status in EntryStatus]
    assert list(reversed(await store.journal.find())) == added


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_texts_come_back_as_they_were(store: Store, hostile: str) -> None:
    reason = Reason(key=hostile, parameters={"name": hostile}, evidence={hostile: hostile})
    added = await store.journal.add(
        entry(label=hostile, rule=hostile, subject=hostile, reason=reason, undo={"path": hostile})
    )
    assert await store.journal.get(added.id) == added
    assert await store.journal.find(subject=hostile, rule=hostile) == [added]


async def test_what_no_database_takes_is_replaced(store: Store) -> None:
    added = await store.journal.add(entry(label="a\0b\ud800c", reason=Reason(key="k", parameters={"name": "\0\ud800"})))
    found = await store.journal.get(added.id)
    assert found is not None
    assert found.label == "a\ufffdb\ufffdc"
    assert "\ud800" not in str(found.reason.parameters["name"])


async def test_an_entry_changes(store: Store) -> None:
    other = await store.journal.add(entry())
    added = await store.journal.add(entry(status=EntryStatus.RUNNING))
    changed = replace(
        added,
        status=EntryStatus.DONE,
        changed_at=NOW + timedelta(hours=1),
        result=Reason(key="replaced"),
        undo={"hash": "0123"},
    )
    await store.journal.change(changed)
    assert await store.journal.find() == [changed, other]


async def test_an_unknown_entry_is_an_error(store: Store) -> None:
    assert await store.journal.get(1) is None
    with pytest.raises(UnknownEntry):
        await store.journal.change(entry(id=1))


# --- finding ---------------------------------------------------------------------------------------------------------


async def filled(store: Store, count: int = 12) -> list[JournalEntry]:
    """Return entries, newest first, of three subjects, two rules and acts, and four statuses, an hour apart."""
    statuses = (EntryStatus.OBSERVED, EntryStatus.SUGGESTED, EntryStatus.RUNNING, EntryStatus.DONE)
    made = [
        await store.journal.add(
            entry(
                subject=f"client/{number % 3}",
                rule=("stalled", "bad")[number % 2],
                act=(ActKind.REANNOUNCE, ActKind.REPLACE)[number // 2 % 2],
                status=statuses[number % 4],
                changed_at=NOW + timedelta(hours=number),
            )
        )
        for number in range(count)
    ]
    return made[::-1]


type Fits = Callable[[JournalEntry], bool]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, lambda _: True),
        ({"subject": "client/1"}, lambda each: each.subject == "client/1"),
        ({"rule": "bad"}, lambda each: each.rule == "bad"),
        ({"statuses": {EntryStatus.DONE}}, lambda each: each.status is EntryStatus.DONE),
        (
            {"statuses": [EntryStatus.RUNNING, EntryStatus.SUGGESTED]},
            lambda each: each.status in {EntryStatus.RUNNING, EntryStatus.SUGGESTED},
        ),
        ({"acts": {ActKind.REPLACE}}, lambda each: each.act is ActKind.REPLACE),
        (
            {"acts": [ActKind.REPLACE, ActKind.TELL], "statuses": [EntryStatus.DONE, EntryStatus.OBSERVED]},
            lambda each: (each.act, each.status) == (ActKind.REPLACE, EntryStatus.DONE),
        ),
        ({"since": NOW + timedelta(hours=9)}, lambda each: each.changed_at >= NOW + timedelta(hours=9)),
        (
            {"subject": "client/1", "rule": "bad", "statuses": [EntryStatus.SUGGESTED], "since": NOW},
            lambda each: (each.subject, each.rule, each.status) == ("client/1", "bad", EntryStatus.SUGGESTED),
        ),
        ({"subject": "nobody"}, lambda _: False),
    ],
)
async def test_what_fits_is_found_newest_first(store: Store, asked: dict[str, Any], fits: Fits) -> None:
    entries = await filled(store)
    assert await store.journal.find(**asked) == [each for each in entries if fits(each)]


async def test_pages_follow_each_other(store: Store) -> None:
    entries = await filled(store)
    first = await store.journal.find(limit=5)
    second = await store.journal.find(limit=5, before_id=first[-1].id)
    third = await store.journal.find(limit=5, before_id=second[-1].id)
    assert [*first, *second, *third] == entries
    assert [len(page) for page in (first, second, third)] == [5, 5, 2]


async def test_what_a_newer_version_wrote_is_left_out(store: Store) -> None:
    kept, strange, broken = [await store.journal.add(entry()) for _ in range(3)]

    async def change(connection: Any) -> None:
        await connection.execute(text("UPDATE journal SET act = 'teleport' WHERE id = :id"), {"id": strange.id})
        await connection.execute(text("UPDATE journal SET reason = '{' WHERE id = :id"), {"id": broken.id})

    await store._database.write(change)
    assert await store.journal.find() == [kept]
    assert await store.journal.get(strange.id) is None


# --- many at once ----------------------------------------------------------------------------------------------------


async def test_what_is_added_at_once_is_committed_together(store: Store) -> None:
    commits: list[object] = []
    event.listen(store._database._engine.sync_engine, "commit", commits.append)
    added = await asyncio.gather(*(store.journal.add(entry(subject=str(number))) for number in range(300)))
    assert len({each.id for each in added}) == 300
    assert [each.subject for each in added] == [str(number) for number in range(300)]
    assert await store.journal.find(limit=1000) == added[::-1]
    assert len(commits) <= 3


async def test_what_can_not_be_written_does_not_harm_others(store: Store) -> None:
    first = await store.journal.add(entry())
    results = await asyncio.gather(
        store.journal.add(entry(label="before")),
        store.journal.change(entry(id=999)),
        store.journal.change(replace(first, label="changed")),
        store.journal.add(entry(label="after")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [JournalEntry, UnknownEntry, type(None), JournalEntry]
    assert [each.label for each in await store.journal.find()] == ["after", "before", "changed"]


async def test_who_gave_up_waiting_wrote_nothing(store: Store) -> None:
    waiting = asyncio.create_task(store.journal.add(entry()))
    await asyncio.sleep(0)  # it stands in the queue
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await store.journal.add(entry(label="later"))
    assert [each.label for each in await store.journal.find()] == ["later"]


async def test_an_entry_is_there_for_others_when_adding_returned(where: Where, store: Store) -> None:
    other = await open_store(where)
    for _ in range(5):
        added = await store.journal.add(entry())
        assert await other.journal.get(added.id) == added
    await other.close()


async def test_readers_do_not_wait_for_the_writer(store: Store) -> None:
    added = await store.journal.add(entry())
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: Any) -> None:
        await connection.execute(text("UPDATE journal SET label = 'changed'"))
        begun.set()
        await go_on.wait()

    writing = asyncio.create_task(store._database.write(slow))
    await begun.wait()
    assert await store.journal.find() == [added]
    go_on.set()
    await writing
    assert [each.label for each in await store.journal.find()] == ["changed"]


async def test_a_closed_store_says_so(where: Where) -> None:
    store = await open_store(where)
    adding = asyncio.create_task(store.journal.add(entry()))
    await asyncio.sleep(0)
    await store.close()
    assert (await adding).id  # it waited already
    for call in (store.journal.add(entry()), store.journal.find(), store.hold()):
        with pytest.raises(StoreError, match="closed"):
            await call


# --- retention -------------------------------------------------------------------------------------------------------

OLD = NOW - timedelta(days=100)
LIMIT = NOW - timedelta(days=90)


async def test_old_entries_are_deleted(store: Store) -> None:
    for _ in range(3):
        await store.journal.add(entry(changed_at=OLD))
    edge = await store.journal.add(entry(changed_at=LIMIT))
    recent = await store.journal.add(entry(at=OLD))
    assert await store.prune(LIMIT, keep=0) == 3
    assert await store.journal.find() == [recent, edge]


async def test_what_is_open_or_set_aside_is_never_deleted(store: Store) -> None:
    for status in EntryStatus:
        await store.journal.add(entry(changed_at=OLD, status=status))
    undoable = await store.journal.add(entry(changed_at=OLD, undo={}))
    await store.prune(LIMIT, keep=0)
    left = await store.journal.find()
    assert left[0] == undoable
    assert {each.status for each in left[1:]} == {EntryStatus.SUGGESTED, EntryStatus.RUNNING, EntryStatus.UNDOING}


@pytest.mark.parametrize("act", sorted({ActKind.GRAB, ActKind.REWRITE_LINKS, ActKind.ASK_ARR}))
async def test_that_an_act_can_be_taken_back_ends_where_nothing_is_set_aside(store: Store, act: ActKind) -> None:
    await store.journal.add(entry(changed_at=OLD, act=act, undo={"some": "thing"}))
    running = await store.journal.add(entry(changed_at=OLD, act=act, undo={}, status=EntryStatus.RUNNING))
    recent = await store.journal.add(entry(changed_at=LIMIT, act=act, undo={}))
    assert await store.prune(LIMIT, keep=0) == 1
    assert await store.journal.find() == [recent, running]


async def test_the_newest_are_kept_however_old(store: Store) -> None:
    added = [await store.journal.add(entry(changed_at=OLD)) for _ in range(5)]
    assert await store.prune(LIMIT, keep=10) == 0
    assert await store.prune(LIMIT, keep=5) == 0
    assert await store.prune(LIMIT, keep=2) == 3
    assert await store.journal.find() == [added[4], added[3]]


async def test_thousands_are_deleted_in_portions(store: Store) -> None:
    rows = [_as_row(entry(changed_at=OLD))] * 2_100
    await store._database.write(lambda connection: connection.execute(JOURNAL.insert(), rows))
    assert await store.prune(LIMIT, keep=50) == 2_050
    assert len(await store.journal.find(limit=100)) == 50


async def test_an_id_is_never_given_twice(store: Store) -> None:
    added = await store.journal.add(entry(changed_at=OLD))
    await store.prune(LIMIT, keep=0)
    assert await store.journal.find() == []
    assert (await store.journal.add(entry())).id > added.id
