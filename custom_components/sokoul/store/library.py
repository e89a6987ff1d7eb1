"""The media folders with their links, and what was done to links.

A folder is one row, its links and what is known of them in it: a check reads and writes whole folders. Paths can be
longer than an index takes, and need not be text at all, so a row is found by the digest of its path; what is in it is
JSON of whoever checks links.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .bulk import is_sqlite
from .database import Database
from .encoding import as_microseconds, from_microseconds
from .metadata import METADATA

FOLDERS = Table(
    "library_folders",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("listing", Text, nullable=False),
    Column("records", Text, nullable=False),
)

#: How far the walk through a root is, while it is not at its end.
WALKS = Table(
    "library_walks",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("walk", Text, nullable=False),
)

#: What was done to links, and how to take it back.
CHANGES = Table(
    "library_changes",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("change", Text, nullable=False),
    Index("library_changes_state", "state", "at"),
)

_PORTION = 500


def add_library_tables(connection: Connection) -> None:
    """Make these tables. It is a migration: what it says is never changed."""
    word = "TEXT" if connection.dialect.name == "sqlite" else 'TEXT COLLATE "C"'
    statements = (
        f"CREATE TABLE library_folders (key {word} NOT NULL PRIMARY KEY, listing TEXT NOT NULL, records TEXT NOT NULL)",
        f"CREATE TABLE library_walks (key {word} NOT NULL PRIMARY KEY, walk TEXT NOT NULL)",
        f"""CREATE TABLE library_changes (
            key {word} NOT NULL PRIMARY KEY, at BIGINT NOT NULL, state {word} NOT NULL, change TEXT NOT NULL
        )""",
        "CREATE INDEX library_changes_state ON library_changes (state, at)",
    )
    for statement in statements:
        connection.execute(text(statement))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChange:
    """A change of a link. `change` is JSON of whoever made it."""

    key: str
    at: datetime
    state: str
    change: str


class StoredLibrary:
    """What is known of media folders. What a method returned from is on the disk. Each raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def folders(self) -> list[tuple[str, str]]:
        """Return the listing and the records of every folder."""

        async def read(connection: AsyncConnection) -> list[tuple[str, str]]:
            rows = await connection.execute(select(FOLDERS.c.listing, FOLDERS.c.records))
            return [(listing, records) for listing, records in rows]

        return await self._database.read(read)

    async def save_walk(self, root: str, walk: str | None, listings: Mapping[str, str]) -> None:
        """Write folders by key, and how far the walk through their root is (None: at its end), all of it or nothing."""
        rows = [{"key": key, "listing": listing, "records": "{}"} for key, listing in listings.items()]

        async def write(connection: AsyncConnection) -> None:
            await _upsert(connection, FOLDERS, rows, ("listing",))
            if walk is None:
                await connection.execute(delete(WALKS).where(WALKS.c.key == root))
            else:
                await _upsert(connection, WALKS, [{"key": root, "walk": walk}], ("walk",))

        await self._database.write(write)

    async def walks(self) -> list[str]:
        """Return the walks that are not at their end."""

        async def read(connection: AsyncConnection) -> list[str]:
            return list((await connection.execute(select(WALKS.c.walk))).scalars())

        return await self._database.read(read)

    async def save_records(self, records: Mapping[str, str]) -> None:
        """Write what is known of the links of folders, by key. Folders that are not there are left out."""
        change = update(FOLDERS).where(FOLDERS.c.key == bindparam("folder")).values(records=bindparam("known"))

        async def write(connection: AsyncConnection) -> None:
            for portion in batched(records.items(), _PORTION, strict=False):
                await connection.execute(change, [{"folder": key, "known": known} for key, known in portion])

        await self._database.write(write)

    async def forget_folders(self, keys: Collection[str]) -> None:
        """Forget folders."""

        async def write(connection: AsyncConnection) -> None:
            for portion in batched(keys, _PORTION, strict=False):
                await connection.execute(delete(FOLDERS).where(FOLDERS.c.key.in_(portion)))

        await self._database.write(write)

    async def changes(self, states: Collection[str], limit: int = 10_000) -> list[StoredChange]:
        """Return the changes in these states, the newest first."""
        wanted = select(CHANGES).where(CHANGES.c.state.in_(states)).order_by(CHANGES.c.at.desc(), CHANGES.c.key)

        async def read(connection: AsyncConnection) -> list[StoredChange]:
            return [_stored(row) for row in await connection.execute(wanted.limit(limit))]

        return await self._database.read(read)

    async def changes_of(self, keys: Collection[str]) -> list[StoredChange]:
        """Return changes by their keys, those that there are."""

        async def read(connection: AsyncConnection) -> list[StoredChange]:
            found: list[StoredChange] = []
            for portion in batched(keys, _PORTION, strict=False):
                found += map(_stored, await connection.execute(select(CHANGES).where(CHANGES.c.key.in_(portion))))
            return found

        return await self._database.read(read)

    async def save_change(self, change: StoredChange) -> None:
        """Write a change, by its key."""
        moment = as_microseconds(change.at)
        row = {"key": change.key, "at": moment, "state": change.state, "change": change.change}

        async def write(connection: AsyncConnection) -> None:
            await _upsert(connection, CHANGES, [row], ("state", "change"))

        await self._database.write(write)


def _stored(row: Row[Any]) -> StoredChange:
    return StoredChange(key=row.key, at=from_microseconds(row.at), state=row.state, change=row.change)


async def _upsert(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]], changed: Collection[str]
) -> None:
    statement = (sqlite.insert if is_sqlite(connection) else postgresql.insert)(table)
    values = {name: statement.excluded[name] for name in changed}
    written = statement.on_conflict_do_update(index_elements=[table.c.key], set_=values)
    for portion in batched(rows, _PORTION, strict=False):
        await connection.execute(written, list(portion))
