"""Databases that are damaged, locked, full, away or silent: each has its error, and nobody waits for ever."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
import random
import sqlite3
import threading
from typing import Any

import pytest
from sqlalchemy import event

from custom_components.sokoul.store import (
    Damaged,
    Full,
    InvalidUrl,
    Limits,
    Locked,
    StoreError,
    TookTooLong,
    Unreachable,
    open_store,
    set_aside,
)
from devstack.ports import free_port

from .conftest import Where
from .make import NOW, entry
from .servers import Postgresql

#: As in life, but nobody waits for it.
IMPATIENT = Limits(
    lock=timedelta(milliseconds=50), connect=timedelta(milliseconds=500), answer=timedelta(milliseconds=300)
)
PAGE = 4096


async def filled(file: Path) -> None:
    store = await open_store(file)
    await asyncio.gather(*(store.journal.add(entry(label="x" * 500)) for _ in range(200)))
    await store.close()


# --- damaged ---------------------------------------------------------------------------------------------------------


def no_database(content: bytes) -> bytes:
    return b"This is no database. " * 400 + content[8400:]


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbled(content: bytes) -> bytes:
    """Overwrite every third page but the first, as a dying memory card does."""
    chance = random.Random(1)  # noqa: S311
    pages = [content[start : start + PAGE] for start in range(0, len(content), PAGE)]
    return b"".join(chance.randbytes(PAGE) if number and not number % 3 else page for number, page in enumerate(pages))


type Harm = Callable[[bytes], bytes]


@pytest.mark.parametrize("harm", [no_database, cut_off, garbled])
async def test_a_damaged_file_is_refused_and_can_be_set_aside(file: Path, harm: Harm) -> None:
    await filled(file)
    harmed = harm(file.read_bytes())
    file.write_bytes(harmed)
    with pytest.raises(Damaged):
        await open_store(file)
    assert file.read_bytes() == harmed  # nothing is done to it unasked
    aside = await set_aside(file, now=NOW)
    assert aside == file.with_name("sokoul.db.damaged-20261120T120000Z")
    assert aside.read_bytes() == harmed
    store = await open_store(file)
    assert await store.journal.find() == []
    assert (await store.journal.add(entry())).id
    await store.close()


async def test_the_log_of_a_damaged_file_goes_with_it(file: Path) -> None:
    """It belongs to that file only, and what is in it may be all that can be saved."""
    await filled(file)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).write_bytes(suffix.encode())
    aside = await set_aside(file, now=NOW)
    assert {path.name for path in file.parent.iterdir()} == {aside.name, f"{aside.name}-wal", f"{aside.name}-shm"}


async def test_only_the_newest_damaged_files_are_kept(file: Path) -> None:
    file.parent.mkdir()
    other = file.with_name("other.db.damaged-20200101T000000Z")
    other.write_bytes(b"")
    names = []
    for day in range(1, 6):
        file.write_bytes(b"damaged")
        file.with_name(f"{file.name}-wal").write_bytes(b"damaged")
        names.append((await set_aside(file, now=datetime(2026, 11, day, tzinfo=UTC))).name)
    left = {path.name for path in file.parent.iterdir()}
    assert left == {other.name} | {f"{name}{suffix}" for name in names[-3:] for suffix in ("", "-wal")}


async def test_a_file_that_gets_damaged_meanwhile_is_an_error(file: Path) -> None:
    await filled(file)
    store = await open_store(file)
    content = file.read_bytes()
    file.write_bytes(content[:PAGE] + bytes(len(content) - PAGE))
    await store._database._engine.dispose()  # else SQLite has no reason to read again what it knows
    with pytest.raises(Damaged):
        await store.journal.find(limit=1000)
    with pytest.raises(Damaged):
        await store.journal.add(entry())
    store.memory.keep("one", {"n": 1})
    with pytest.raises(Damaged):
        await store.close()


# --- locked, full, not to be written ---------------------------------------------------------------------------------


async def test_a_database_that_another_program_holds_is_not_opened(file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(Locked):
            await open_store(file, limits=IMPATIENT)
        other.execute("ROLLBACK")
        await (await open_store(file, limits=IMPATIENT)).close()
    finally:
        other.close()


async def test_a_database_that_another_program_holds_for_a_while_is_written_later(file: Path) -> None:
    store = await open_store(file, limits=IMPATIENT)
    kept = await store.journal.add(entry())
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(store.journal.add(entry()) for _ in range(20)), return_exceptions=True)
        assert {type(result) for result in results} == {Locked}
        assert await store.journal.find() == [kept]  # who reads needs no lock
        other.execute("ROLLBACK")
        assert (await store.journal.add(entry())).id
    finally:
        other.close()
        await store.close()


async def test_a_full_disk_is_an_error_and_no_harm(file: Path) -> None:
    store = await open_store(file)
    engine = store._database._engine

    def no_more_room(connection: Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count=20")

    event.listen(engine.sync_engine, "connect", no_more_room)
    await engine.dispose()  # the next connections are such
    kept = await store.journal.add(entry())
    with pytest.raises(Full):
        await store.journal.add(entry(label="x" * 100_000))
    store.memory.keep("one", {"n": "x" * 100_000})
    with pytest.raises(Full):
        await store.flush()
    assert await store.journal.find() == [kept]
    store.memory.keep("one", {"n": 1})
    await store.close()
    store = await open_store(file)
    assert await store.memory.load() == {"one": {"n": 1}}
    await store.close()


async def test_a_place_where_no_file_can_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="folder"):
        await open_store(tmp_path / "file" / "sokoul.db")
    with pytest.raises(StoreError, match="unable to open"):
        await open_store(tmp_path)


# --- silent ----------------------------------------------------------------------------------------------------------


async def test_a_disk_that_hangs_is_waited_for_a_while_only(file: Path) -> None:
    """The thread of a connection can't be interrupted while it waits for a disk or a network mount."""
    store = await open_store(file, limits=IMPATIENT)
    comes_back = threading.Event()

    async def hang(connection: Any) -> None:
        raw = await connection.get_raw_connection()
        await raw.driver_connection._execute(comes_back.wait)

    try:
        with pytest.raises(TookTooLong):
            await store._database.write(hang)
        assert await store.journal.find() == []  # with another connection
        with pytest.raises(Locked):  # the one that hangs is still about to write
            await store.journal.add(entry())
        for _ in range(2):
            with pytest.raises(TookTooLong):
                await store._database.read(hang)
        with pytest.raises(TookTooLong):  # all connections hang
            await store.journal.find()
    finally:
        comes_back.set()
    _, hanging = await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=5)
    assert not hanging  # what was left behind let go
    assert (await store.journal.add(entry())).id
    await store.close()


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_statement_that_never_ends_is_given_up(where: Where, kind: str) -> None:
    store = await open_store(where, limits=IMPATIENT)
    with pytest.raises(TookTooLong):
        await getattr(store._database, kind)(lambda _: asyncio.Event().wait())
    assert (await store.journal.add(entry())).id
    await store.close()


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("socket_enabled")
async def test_a_server_that_is_not_there_can_not_be_reached() -> None:
    with pytest.raises(Unreachable):
        await open_store(f"postgresql://sokoul:secret@127.0.0.1:{free_port()}/sokoul", limits=IMPATIENT)


@pytest.mark.usefixtures("socket_enabled")
async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises((TookTooLong, Unreachable)):
        await open_store(f"postgresql://sokoul:secret@127.0.0.1:{port}/sokoul", limits=IMPATIENT)
    server.close()


@pytest.mark.real
@pytest.mark.parametrize(("old", "new"), [("postgres@", "nobody:secret@"), ("/postgres", "/nothing")])
async def test_a_server_that_refuses_us_says_why(postgresql: Postgresql, old: str, new: str) -> None:
    with pytest.raises(Unreachable, match=r"nobody|nothing") as raised:
        await open_store(postgresql.url.replace(old, new))
    assert "secret" not in str(raised.value)


@pytest.mark.real
async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(postgresql: Postgresql) -> None:
    with pytest.raises(Unreachable, match="SSL"):
        await open_store(f"{postgresql.url}?sslmode=require")


@pytest.mark.real
async def test_a_server_that_was_restarted_is_used_again(postgresql: Postgresql) -> None:
    store = await open_store(postgresql.url)
    first = await store.journal.add(entry())
    postgresql.stop()
    try:
        for call in (store.journal.add(entry()), store.journal.find()):
            with pytest.raises(Unreachable):
                await call
    finally:
        postgresql.start()
    second = await store.journal.add(entry())
    assert await store.journal.find() == [second, first]
    await store.close()


@pytest.mark.real
async def test_a_table_that_somebody_holds_is_given_up(postgresql: Postgresql) -> None:
    store = await open_store(postgresql.url, limits=IMPATIENT)
    async with postgresql.connected() as other, other.transaction():
        await other.execute("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE")
        for call in (store.journal.add(entry()), store.journal.find()):
            with pytest.raises((TookTooLong, Locked)):
                await call
    assert (await store.journal.add(entry())).id
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sokoul.db",
        "http://user:secret@host/database",
        "mysql://user:secret@host/database",
        "postgresql://user:secret@host",
        "postgresql://user:secret@host:port/database",
        "postgresql://user:secret@host/database?sslmode=perhaps",
        "postgresql://user:secret@host/database?sslmode=verify-full&sslrootcert=/nowhere/root.crt",
        "postgresql://user:secret@host/database?options=-c%20search_path%3Dx",
    ],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl) as raised:
        await open_store(url)
    assert "secret" not in str(raised.value)


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2"])
async def test_every_name_of_the_scheme_will_do(scheme: str) -> None:
    with pytest.raises(Unreachable):
        await open_store(f"{scheme}://sokoul@127.0.0.1:{free_port()}/sokoul", limits=IMPATIENT)
