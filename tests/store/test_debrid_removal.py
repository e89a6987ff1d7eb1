"""Deleting what is stored of an account that was removed: all of it, a little at a time, and nothing of others."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from custom_components.sokoul.model.debrid_mirror import (
    DebridAttempt,
    DebridFailure,
    DebridQuery,
    DebridRetry,
    SyncMode,
    SyncRun,
)
from custom_components.sokoul.store import Store, StoreError, debrid_removal
from custom_components.sokoul.store.bulk import is_sqlite
from custom_components.sokoul.store.debrid_counts import COUNTS, DUPLICATES, miscounted
from custom_components.sokoul.store.debrid_removal import STORED
from custom_components.sokoul.store.metadata import METADATA

from .make import NOW
from .torrents import ACCOUNT, accounts_in, details, torrent

OTHER = "another"
#: Two of each hash, so there are duplicates.
MANY = [replace(torrent(number), hash=f"{number // 2:040x}") for number in range(11)]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debrid_removal, "_REMOVED", 3)


@pytest.fixture
async def filled(store: Store) -> Store:
    """Return a store in which two accounts have something in every table."""
    for account in (ACCOUNT, OTHER):
        await store.mirror.apply(account, MANY, NOW)
        await store.mirror.keep_details(account, [details(each) for each in MANY[:5]], NOW)
        await store.mirror.forget_torrent(account, MANY[10].id, NOW)
        await store.mirror.begin_run(SyncRun(account=account, mode=SyncMode.FULL, started_at=NOW, changed_at=NOW))
        history = store.debrid_history
        tried = {"torrent_id": "T", "at": NOW, "act": "add_again", "outcome": "done"}
        await history.note_attempts(account, [DebridAttempt(hash=str(number), **tried) for number in range(7)])
        failed = DebridFailure(hash="a", kind="dead", torrent_id="T", name="Film", first_at=NOW, last_at=NOW)
        await history.keep_failures(account, [failed, replace(failed, kind="error")])
        await history.keep_retries(account, [DebridRetry(hash="a", torrent_id="T", due_at=NOW)])
        await history.keep_metrics(account, NOW, {"torrents": 11, "failed": 2})
    return store


async def rows(store: Store, account: str) -> dict[str, int]:
    """Return how many rows of an account are in each table that has any."""
    tables = [table for table in METADATA.sorted_tables if "account" in table.c]

    async def read(connection: AsyncConnection) -> dict[str, int]:
        counted = {
            table.name: (
                await connection.execute(select(func.count()).select_from(table).where(table.c.account == account))
            ).scalar_one()
            for table in tables
        }
        return {name: count for name, count in counted.items() if count}

    return await store.mirror._database.read(read)


async def test_nothing_of_it_stays_and_all_of_others(filled: Store) -> None:
    before = await rows(filled, OTHER)
    assert set(before) == {table.name for table in (*STORED, COUNTS, DUPLICATES)}, "there is something to be deleted"
    assert await accounts_in(filled) == {ACCOUNT, OTHER}
    await filled.mirror.remove(ACCOUNT)
    assert await rows(filled, ACCOUNT) == {}
    assert await rows(filled, OTHER) == before
    assert await accounts_in(filled) == {OTHER}
    await filled.mirror.remove(ACCOUNT)
    assert await rows(filled, OTHER) == before


async def test_the_only_account_is_removed_at_once_from_a_file(filled: Store) -> None:
    """A table of others is left as it is, and what is counted afterwards is right: triggers are as they were."""
    await filled.mirror.remove(OTHER)

    async def objects(connection: AsyncConnection) -> set[tuple[str, str]]:
        sqlite = is_sqlite(connection)
        every = (
            "SELECT name, sql FROM sqlite_master" if sqlite else "SELECT tgname, tgfoid::regproc::text FROM pg_trigger"
        )
        return {(name, sql) for name, sql in (await connection.exec_driver_sql(every)).all()}

    database, asked = filled.mirror._database, list[str]()
    before = await database.read(objects)
    event.listen(database._engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    await filled.mirror.remove(ACCOUNT)
    emptied = {each.split()[-1] for each in asked if each.startswith("DELETE") and "WHERE" not in each}
    every = {table.name for table in (*STORED, COUNTS, DUPLICATES)}
    assert emptied == (every if database.is_file else set())
    assert await accounts_in(filled) == set()
    assert await rows(filled, ACCOUNT) == {}
    assert await database.read(objects) == before
    await filled.mirror.apply("new", MANY, NOW)
    assert not await database.read(lambda connection: connection.run_sync(miscounted))
    assert (await rows(filled, "new"))[DUPLICATES.name] == 5


async def test_no_transaction_deletes_many(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others write in between."""
    write, left = filled.mirror._database.write, [sum((await rows(filled, ACCOUNT)).values())]

    async def counting(work: Any) -> Any:
        result = await write(work)
        found = await rows(filled, ACCOUNT)
        left.append(sum(found[table.name] for table in STORED if table.name in found))
        return result

    kept = (COUNTS.name, DUPLICATES.name)
    left[0] -= sum(count for name, count in (await rows(filled, ACCOUNT)).items() if name in kept)
    monkeypatch.setattr(filled.mirror._database, "write", counting)
    await filled.mirror.remove(ACCOUNT)
    assert left[0] > 40
    assert max(before - after for before, after in pairwise(left)) == 3
    assert left[-1] == 0


@pytest.mark.parametrize("error", [StoreError("broken"), asyncio.CancelledError()], ids=["error", "cancelled"])
async def test_what_was_cut_off_goes_on(filled: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    write, times = filled.mirror._database.write, 0

    async def failing(work: Any) -> Any:
        nonlocal times
        times += 1
        if times > 12:
            raise error
        return await write(work)

    with monkeypatch.context() as patched:
        patched.setattr(filled.mirror._database, "write", failing)
        with pytest.raises(type(error)):
            await filled.mirror.remove(ACCOUNT)
    assert await accounts_in(filled) == {ACCOUNT, OTHER}
    await filled.mirror.remove(ACCOUNT)
    assert await accounts_in(filled) == {OTHER}


async def test_its_names_are_no_more_in_memory(filled: Store) -> None:
    await filled.mirror.have_names(ACCOUNT)
    await filled.mirror.have_names(OTHER)
    query = DebridQuery(words=("film",))
    assert len((await filled.mirror_view.look(ACCOUNT, query)).page) == 10
    await filled.mirror.remove(ACCOUNT)
    assert set(filled._names._names) == {OTHER}
    assert not (await filled.mirror_view.look(ACCOUNT, query)).page
    figures = await filled.mirror_view.figures(ACCOUNT, NOW, old_before=NOW - timedelta(days=7))
    assert (figures.by_status, figures.duplicates, figures.gone) == ((), (), 0)
