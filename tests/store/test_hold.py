"""Backups: while they run the file is whole and stays as it is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
import shutil

import pytest

from custom_components.sokoul.store import Limits, Store, open_store

from .make import Timers, entry
from .servers import Postgresql

LIMITS = Limits(hold=timedelta(minutes=5))


@pytest.fixture
async def store(file: Path, timers: Timers) -> AsyncIterator[Store]:
    opened = await open_store(file, limits=LIMITS, call_later=timers.call_later)
    yield opened
    await opened.close()


async def a_moment() -> None:
    """Let a writer that may write do so; it takes a few milliseconds."""
    await asyncio.sleep(0.05)


def log_of(file: Path) -> Path:
    return file.with_name(file.name + "-wal")


async def test_a_copy_of_the_file_alone_is_whole(file: Path, tmp_path: Path) -> None:
    store = await open_store(file)
    added = await asyncio.gather(*(store.journal.add(entry()) for _ in range(50)))
    assert log_of(file).stat().st_size > 0  # else this would prove nothing
    await store.hold()
    assert log_of(file).stat().st_size == 0
    copy = tmp_path / "restored.db"
    shutil.copy(file, copy)
    store.release()
    await store.close()
    restored = await open_store(copy)
    assert await restored.journal.find() == added[::-1]
    await restored.close()


async def test_what_is_to_be_written_waits(file: Path, store: Store) -> None:
    before = await store.journal.add(entry(label="before"))
    await store.hold()
    content = file.read_bytes()
    store.memory.keep("one", {"n": 1})
    waiting = [asyncio.create_task(store.journal.add(entry())), asyncio.create_task(store.flush())]
    await a_moment()
    assert not any(task.done() for task in waiting)
    assert file.read_bytes() == content
    assert log_of(file).stat().st_size == 0
    assert await store.journal.find() == [before]  # reading goes on
    assert store.release()
    added, _ = await asyncio.gather(*waiting)
    assert await store.journal.find() == [added, before]
    assert not store.release()


async def test_a_writer_at_work_is_waited_for(store: Store) -> None:
    go_on = asyncio.Event()
    writing = asyncio.create_task(store._database.write(lambda _: go_on.wait()))
    await a_moment()
    holding = asyncio.create_task(store.hold())
    await a_moment()
    assert not holding.done()
    go_on.set()
    await asyncio.gather(writing, holding)
    assert store.release()


async def test_a_backup_that_never_ends_is_not_waited_for(store: Store, timers: Timers) -> None:
    await store.hold()
    timers.advance(timedelta(minutes=4))
    await store.hold()  # another one begins: the time begins again
    timers.advance(timedelta(minutes=4))
    adding = asyncio.create_task(store.journal.add(entry()))
    await a_moment()
    assert not adding.done()
    timers.advance(timedelta(minutes=1))
    assert (await adding).id
    assert not store.release()


async def test_a_hold_that_is_cancelled_holds_nothing(store: Store) -> None:
    await store.journal.add(entry())
    holding = asyncio.create_task(store.hold())
    await asyncio.sleep(0)  # the checkpoint has begun
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert (await store.journal.add(entry())).id


async def test_a_store_that_is_about_to_end_is_not_held(store: Store) -> None:
    await store.hold()
    holding = asyncio.create_task(store.hold())
    assert store.end_hold()
    assert (await store.journal.add(entry())).id
    await holding
    go_on = asyncio.Event()
    writing = asyncio.create_task(store._database.write(lambda _: go_on.wait()))
    await a_moment()
    holding = asyncio.create_task(store.hold())
    await a_moment()
    assert not store.end_hold()
    go_on.set()
    await asyncio.gather(writing, holding)
    assert (await store.journal.add(entry())).id
    assert not store.release()


async def test_a_store_can_be_closed_meanwhile(file: Path, timers: Timers) -> None:
    store = await open_store(file, call_later=timers.call_later)
    await store.hold()
    adding = asyncio.create_task(store.journal.add(entry()))
    store.memory.keep("one", {"n": 1})
    await asyncio.sleep(0)
    await store.close()
    added = await adding
    assert timers.pending == 0
    store = await open_store(file)
    assert await store.journal.find() == [added]
    assert await store.memory.load() == {"one": {"n": 1}}
    await store.close()


@pytest.mark.real
async def test_a_server_is_not_held(postgresql: Postgresql) -> None:
    store = await open_store(postgresql.url)
    await store.hold()
    assert (await store.journal.add(entry())).id
    assert store.release()
    await store.close()
