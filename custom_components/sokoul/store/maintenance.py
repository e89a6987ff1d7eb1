"""Looking after a database: what is old is deleted, and a file is checked, made smaller and copied.

A PostgreSQL is looked after by its own tools (autovacuum, pg_dump): what is about files raises `OnServer` there.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import errno
import os
from pathlib import Path
import re
import shutil
import sqlite3

from sqlalchemy import ColumnElement, Table, delete, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.debrid_mirror import RDTM, REDRIVA
from .database import Database
from .debrid_counts import miscounted, recount
from .debrid_schema import ATTEMPTS, METRICS
from .encoding import as_microseconds
from .errors import Damaged, Full, OnServer, StoreError, TookTooLong
from .memory import OnFailure

#: What was tried with torrents counts for a month: of a failure that lasts longer, the failure itself is kept.
ATTEMPTS_KEPT = timedelta(days=30)
METRICS_KEPT = timedelta(days=90)
#: So many rows are deleted at once: whoever wants to write waits no longer than that takes.
_PRUNE = 1_000
#: A file is written anew when so much of it holds nothing, and this share: a memory card is worn by writes.
WASTE_BYTES = 16 * 1024 * 1024
WASTE_SHARE = 0.25
#: Left free on the disk, whatever is copied: others need room, too.
SPARE_BYTES = 64 * 1024 * 1024

_COPY = "sokoul-[0-9]*.db"
_IS_COPY = re.compile(r"sokoul-\d{8}T\d{6}Z\.db")
_PART = ".part"
_SUFFIXES = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a file takes up. Bytes."""

    size: int  # without its log
    waste: int  # of that what holds nothing any more

    @property
    def pays(self) -> bool:
        """Whether writing the file anew is worth it."""
        return self.waste >= WASTE_BYTES and self.waste >= self.size * WASTE_SHARE


class Maintenance:
    """Looks after one open database. Each method raises `StoreError`."""

    def __init__(self, database: Database, on_failure: OnFailure | None, *, spare_bytes: int = SPARE_BYTES) -> None:
        self._database = database
        self._on_failure = on_failure
        self._spare_bytes = spare_bytes

    # --- what is old ---------------------------------------------------------------------------------------------

    async def prune(self, now: datetime) -> int:
        """Delete attempts and figures that are too old to count; return how many rows that were.

        Attempts that were imported stay: nearly all of them are old, and come but once.
        """
        old = ATTEMPTS.c.at < as_microseconds(now - ATTEMPTS_KEPT)
        attempts = await self._prune(ATTEMPTS, old, ATTEMPTS.c.source.not_in((REDRIVA, RDTM)))
        return attempts + await self._prune(METRICS, METRICS.c.day < as_microseconds(now - METRICS_KEPT))

    async def _prune(self, table: Table, *which: ColumnElement[bool]) -> int:
        keys = tuple(table.primary_key.columns)
        old = select(*keys).where(*which).limit(_PRUNE)
        statement = delete(table).where(tuple_(*keys).in_(old))

        async def remove(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        removed = 0
        while count := await self._database.write(remove):
            removed += count
            if count < _PRUNE:
                break
        return removed

    # --- the file ------------------------------------------------------------------------------------------------

    async def room(self) -> Room:
        """Return what the file takes up."""
        self._need_file()

        async def read(connection: AsyncConnection) -> Room:
            size, pages, free = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
                for name in ("page_size", "page_count", "freelist_count")
            ]
            return Room(size=size * pages, waste=size * free)

        return await self._database.read(read)

    async def check(self) -> None:
        """Read the whole file, the order of its indexes included. Raises `Damaged`, which `on_failure` is told, too.

        Counts that are not those of the torrents are made anew.
        """
        self._need_file()

        async def work(connection: AsyncConnection) -> None:
            if (await connection.exec_driver_sql("PRAGMA integrity_check(1)")).scalar_one() != "ok":
                raise Damaged("SQLite: the database disk image is malformed")

        try:
            await self._database.beside(work, self._database.limits.check)
        except Damaged as error:
            if self._on_failure is not None:
                self._on_failure(error)
            raise
        if await self._database.read(lambda connection: connection.run_sync(miscounted)):
            await self._database.write(lambda connection: connection.run_sync(recount))

    async def compact(self) -> Room:
        """Write the file anew without what holds nothing; return what it takes up then. What is to be written waits.

        It is whole at any moment: whoever is killed meanwhile finds it as it was. Raises `Full` before it begins where
        the disk has no room for as much again.
        """
        self._need_file()
        room = await self.room()
        await self._need_disk(self._database.path.parent, 2 * (room.size - room.waste))

        async def work(connection: AsyncConnection) -> None:
            await connection.exec_driver_sql("VACUUM")
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

        await self._database.alone(work, self._database.limits.check)
        return await self.room()

    async def copy(self, folder: Path, now: datetime, *, keep: int) -> Path:
        """Write a copy of the file, whole and checked, into a folder; of older ones the newest stay, `keep` in all.

        Others go on reading and writing meanwhile. A copy that was not finished has another name, and is removed by
        the next one. Raises `Full` before it begins where the disk has no room for it.
        """
        self._need_file()
        target = folder / f"sokoul-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"
        part = target.with_name(target.name + _PART)
        room = await self.room()
        await self._on_disk(_begin_copy, folder)
        await self._need_disk(folder, room.size - room.waste)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(text("VACUUM INTO :path"), {"path": str(part)})

        try:
            await self._database.beside(work, self._database.limits.check)
            await self._on_disk(_end_copy, part, target, keep)
        except StoreError:
            await self._on_disk(_remove, part)
            raise
        return target

    def _need_file(self) -> None:
        if not self._database.is_file:
            raise OnServer("a PostgreSQL is looked after by its own tools")

    async def _need_disk(self, folder: Path, wanted: int) -> None:
        free = (await self._on_disk(shutil.disk_usage, folder)).free
        if free < wanted + self._spare_bytes:
            raise Full(f"{free} bytes are free on the disk, {wanted + self._spare_bytes} are needed")

    async def _on_disk[**Given, Result](
        self, do: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Do something with files, in a thread and not for ever."""
        try:
            return await asyncio.wait_for(
                asyncio.to_thread(do, *args, **kwargs), self._database.limits.check.total_seconds()
            )
        except TimeoutError as error:
            raise TookTooLong("the disk did not answer in time") from error
        except OSError as error:
            kind = Full if error.errno in {errno.ENOSPC, errno.EDQUOT} else StoreError
            raise kind(error.strerror or type(error).__name__) from error
        except sqlite3.Error as error:
            raise StoreError("the copy can't be read as a database: the disk may be failing") from error


def _begin_copy(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(_COPY + _PART):
        _remove(part)


def _end_copy(part: Path, target: Path, keep: int) -> None:
    with closing(sqlite3.connect(part)) as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreError("the copy can't be read as a database: the disk may be failing")
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)
    for old in _too_many(target, keep):
        old.unlink(missing_ok=True)


def _too_many(target: Path, keep: int) -> list[Path]:
    """Return the copies that go when one was made: first what is dated after it, by a clock that was wrong."""
    others = [each for each in folder_copies(target.parent) if each.name != target.name]
    others.sort(key=lambda each: (each.name < target.name, each.name))
    return others[: max(len(others) - (keep - 1), 0)]


def folder_copies(folder: Path) -> list[Path]:
    """Return the copies in a folder that were made here: what a person put there is theirs. Blocks."""
    return [each for each in folder.glob(_COPY) if _IS_COPY.fullmatch(each.name)]


def _remove(part: Path) -> None:
    for suffix in _SUFFIXES:
        part.with_name(part.name + suffix).unlink(missing_ok=True)
