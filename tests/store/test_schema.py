"""The tables, and how an older database comes to have them."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
import sqlite3
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, inspect, text

from custom_components.sokoul.store import NewerSchema, Store, StoreError, open_store
from custom_components.sokoul.store.schema import METADATA, MIGRATIONS, Migration

from .conftest import Where
from .make import entry

FIRST = MIGRATIONS[:1]


async def on(store: Store, look: Callable[[Connection], Any]) -> Any:
    return await store._database.read(lambda connection: connection.run_sync(look))


def tables(connection: Connection) -> dict[str, Any]:
    """Return what is there, in words that both databases and `METADATA` share."""
    found = MetaData()
    found.reflect(connection)
    return in_words(found)


def in_words(metadata: MetaData) -> dict[str, Any]:
    return {
        table.name: {
            "columns": {
                (column.name, column.type.python_type, column.primary_key, column.nullable and not column.primary_key)
                for column in table.columns
            },
            "indexes": {(index.name, *(column.name for column in index.columns)) for index in table.indexes},
        }
        for table in metadata.tables.values()
    }


async def test_the_migrations_make_the_tables_that_queries_expect(store: Store) -> None:
    assert await on(store, tables) == in_words(METADATA)


async def test_a_history_from_before_real_debrid_is_kept(where: Where) -> None:
    """The first version had a journal and a memory; what they held is there under the tables of today."""
    old = await open_store(where, migrations=FIRST)
    added = await old.journal.add(entry(label="Film", undo={"hash": "1"}))
    old.memory.keep("client/1", {"stuck_for": 60})
    await old.close()
    store = await open_store(where)
    assert await on(store, tables) == in_words(METADATA)
    assert await on(store, version) == [len(MIGRATIONS)]
    assert await store.journal.get(added.id) == added
    assert await store.memory.load() == {"client/1": {"stuck_for": 60}}
    assert await store.mirror.count("account") == 0
    await store.close()
    with pytest.raises(NewerSchema):
        await open_store(where, migrations=FIRST)


async def test_opening_again_changes_nothing(where: Where) -> None:
    store = await open_store(where)
    added = await store.journal.add(entry())
    await store.close()
    again = await open_store(where)
    assert await again.journal.get(added.id) == added
    await again.close()


async def test_what_somebody_else_keeps_there_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER)")
    with pytest.raises(StoreError):
        await open_store(file)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("schema_version",)]


def add_a_mark(connection: Connection) -> None:
    """Make a version 2: one more column, filled from what is there, and one more table."""
    connection.execute(text("ALTER TABLE journal ADD COLUMN mark TEXT"))
    connection.execute(text("UPDATE journal SET mark = rule || '!'"))
    connection.execute(text("CREATE TABLE marks (mark TEXT)"))
    connection.execute(text("INSERT INTO marks SELECT mark FROM journal"))


def fail_at_the_end(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE half (done TEXT)"))
    connection.execute(text("DELETE FROM journal"))
    connection.execute(text("UPDATE nothing SET there = 1"))


def marks(connection: Connection) -> list[Any]:
    return list(connection.execute(text("SELECT mark FROM marks")).scalars())


def version(connection: Connection) -> Any:
    return connection.execute(text("SELECT version FROM schema_version")).scalars().all()


async def first_version(where: Where) -> None:
    store = await open_store(where, migrations=FIRST)
    await store.journal.add(entry(rule="stalled"))
    await store.close()


async def test_an_older_database_is_migrated(where: Where) -> None:
    await first_version(where)
    store = await open_store(where, migrations=(*FIRST, add_a_mark))
    assert await on(store, marks) == ["stalled!"]
    assert await on(store, version) == [2]
    assert len(await store.journal.find()) == 1
    await store.close()


async def test_a_new_database_goes_through_all_migrations(where: Where) -> None:
    store = await open_store(where, migrations=(*FIRST, add_a_mark))
    assert await on(store, marks) == []
    assert await on(store, version) == [2]
    await store.close()


@pytest.mark.parametrize(
    "migrations",
    [(*FIRST, fail_at_the_end), (*FIRST, add_a_mark, fail_at_the_end)],
    ids=["at once", "after a good one"],
)
async def test_a_migration_that_fails_leaves_everything_as_it_was(
    where: Where, migrations: tuple[Migration, ...]
) -> None:
    await first_version(where)
    with pytest.raises(StoreError):
        await open_store(where, migrations=migrations)
    store = await open_store(where, migrations=FIRST)
    assert set(await on(store, tables)) == {"journal", "memory", "schema_version"}
    assert await on(store, version) == [1]
    assert len(await store.journal.find()) == 1
    await store.close()


async def test_a_new_database_whose_first_migration_fails_stays_empty(where: Where) -> None:
    with pytest.raises(StoreError):
        await open_store(where, migrations=(*FIRST, fail_at_the_end))
    store = await open_store(where, migrations=())
    assert await on(store, lambda connection: inspect(connection).get_table_names()) == []
    await store.close()


async def test_a_newer_database_is_refused_and_left_alone(where: Where) -> None:
    newer = (*FIRST, add_a_mark)
    store = await open_store(where, migrations=newer)
    await store.journal.add(entry())
    await store.close()
    before = where.read_bytes() if isinstance(where, Path) else b""
    with pytest.raises(NewerSchema, match="version 2"):
        await open_store(where, migrations=FIRST)
    assert not isinstance(where, Path) or where.read_bytes() == before
    store = await open_store(where, migrations=newer)
    assert len(await store.journal.find()) == 1
    await store.close()
