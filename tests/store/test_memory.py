"""The memory: gathered, the latest wins, and nothing is lost that a person would miss."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from custom_components.sokoul.store import Store, StoreError, open_store

from .conftest import Where
from .make import NOW, Timers

MINUTE = timedelta(seconds=60)


async def written(where: Where) -> Mapping[str, Any]:
    """Return what is in the database, as another process would see it."""
    other = await open_store(where)
    try:
        return await other.memory.load()
    finally:
        await other.close()


async def until_flushed(store: Store) -> None:
    assert store.memory._task is not None
    await store.memory._task


async def test_memories_are_gathered_and_written_after_a_minute(where: Where, store: Store, timers: Timers) -> None:
    store.memory.keep("one", {"n": 1})
    timers.advance(MINUTE / 2)
    store.memory.keep("two", {"n": 2})
    assert await written(where) == {}
    timers.advance(MINUTE / 2)  # the second does not put off the first
    await until_flushed(store)
    assert await written(where) == {"one": {"n": 1}, "two": {"n": 2}}
    assert timers.pending == 0


async def test_the_latest_of_a_subject_wins(where: Where, store: Store) -> None:
    for number in range(5):
        store.memory.keep("one", {"n": number})
    store.memory.keep("gone", {"n": 1})
    store.memory.keep("gone", None)
    await store.flush()
    assert await written(where) == {"one": {"n": 4}}
    store.memory.keep("one", None)
    store.memory.keep("back", {"n": 1})
    await store.flush()
    assert await written(where) == {"back": {"n": 1}}


async def test_what_is_pending_is_known(store: Store) -> None:
    store.memory.keep("one", {"n": 1})
    store.memory.keep("two", {"n": 1})
    await store.flush()
    store.memory.keep("one", {"n": 2})
    store.memory.keep("two", None)
    assert await store.memory.load() == {"one": {"n": 2}}


async def test_it_is_kept_as_it_was_when_it_was_given(store: Store) -> None:
    memory = {"tried": ["reannounce"]}
    store.memory.keep("one", memory)
    memory["tried"].append("recheck")
    assert await store.memory.load() == {"one": {"tried": ["reannounce"]}}


async def test_it_is_noted_when_it_was_written(store: Store) -> None:
    store.memory.keep("one", {})
    await store.flush()

    async def look(connection: Any) -> Any:
        return (await connection.execute(text("SELECT changed_at FROM memory"))).scalar_one()

    assert await store._database.read(look) == NOW.timestamp() * 1_000_000


async def test_ten_thousand_are_written_in_one_transaction(where: Where, store: Store) -> None:
    commits: list[object] = []
    event.listen(store._database._engine.sync_engine, "commit", commits.append)
    for round_ in range(2):
        expected = {f"client/{number}": {"round": round_, "n": number} for number in range(10_000)}
        for subject, memory in expected.items():
            store.memory.keep(subject, memory)
        await store.flush()
        assert await written(where) == expected
    assert len(commits) == 2


async def test_ten_thousand_do_not_hold_up_the_event_loop(store: Store) -> None:
    for number in range(10_000):
        store.memory.keep(f"client/{number}", {"n": number})
    flushing = asyncio.create_task(store.flush())
    turns = 0
    while not flushing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10_000 / 500  # at least one for each portion


async def test_hostile_texts_are_remembered(store: Store) -> None:
    memory = {"'; DROP TABLE memory; --": '\\"🎬%s', "nul": "a\0b"}
    store.memory.keep("'; DROP TABLE memory; --", memory)
    store.memory.keep("half\ud800", {"half": "\ud800"})
    await store.flush()
    assert await store.memory.load() == {
        "'; DROP TABLE memory; --": memory,
        "half\ufffd": {"half": "\ufffd"},
    }


async def test_what_is_no_json_is_refused_at_once(store: Store) -> None:
    with pytest.raises(TypeError):
        store.memory.keep("one", {"x": object()})
    assert await store.memory.load() == {}


async def test_what_is_broken_is_learned_anew(store: Store) -> None:
    store.memory.keep("one", {"n": 1})
    store.memory.keep("two", {"n": 2})
    await store.flush()

    async def break_one(connection: Any) -> None:
        await connection.execute(text("UPDATE memory SET memory = '{' WHERE subject = 'one'"))

    await store._database.write(break_one)
    assert await store.memory.load() == {"two": {"n": 2}}


async def test_closing_writes_what_is_pending(where: Where, timers: Timers) -> None:
    store = await open_store(where, call_later=timers.call_later)
    store.memory.keep("one", {"n": 1})
    await store.close()
    store.memory.keep("two", {"n": 1})
    assert timers.pending == 0
    assert await written(where) == {"one": {"n": 1}}


async def rename(store: Store, old: str, new: str) -> None:
    async def work(connection: Any) -> None:
        await connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    await store._database.write(work)


async def test_what_could_not_be_written_is_tried_again(where: Where, timers: Timers) -> None:
    failures: list[StoreError] = []
    store = await open_store(where, call_later=timers.call_later, on_failure=failures.append)
    await rename(store, "memory", "hidden")
    store.memory.keep("one", {"n": 1})
    store.memory.keep("two", {"n": 1})
    timers.advance(MINUTE)
    await until_flushed(store)
    assert len(failures) == 1
    with pytest.raises(StoreError):
        await store.flush()
    store.memory.keep("one", {"n": 2})
    await rename(store, "hidden", "memory")
    timers.advance(MINUTE)
    await until_flushed(store)
    assert len(failures) == 1
    assert await written(where) == {"one": {"n": 2}, "two": {"n": 1}}
    await store.close()


async def test_what_is_newer_than_a_flush_under_way_wins(where: Where, store: Store) -> None:
    store.memory.keep("one", {"n": 1})
    first = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    store.memory.keep("one", {"n": 2})
    await asyncio.gather(first, store.flush())
    assert await written(where) == {"one": {"n": 2}}


async def test_what_is_newer_than_a_flush_that_fails_wins(where: Where, store: Store) -> None:
    await rename(store, "memory", "hidden")
    store.memory.keep("one", {"n": 1})
    failing = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    store.memory.keep("one", {"n": 2})
    with pytest.raises(StoreError):
        await failing
    await rename(store, "hidden", "memory")
    await store.flush()
    assert await written(where) == {"one": {"n": 2}}


async def test_a_flush_that_is_cancelled_loses_nothing(where: Where, store: Store) -> None:
    store.memory.keep("one", {"n": 1})
    flushing = asyncio.create_task(store.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    await store.flush()
    assert await written(where) == {"one": {"n": 1}}
