"""What searches found, for as long as it is good for: a row of text each, by whoever searches.

There is a bound on how many there are and on how large they are together: the oldest go first. It is a cache, so
nothing of it is taken along to another database.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .bulk import is_sqlite
from .database import Database
from .encoding import as_microseconds, as_text, from_microseconds
from .metadata import METADATA

SEARCHES = Table(
    "searches",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("found", Text, nullable=False),
    Index("searches_at", "at"),
)

#: A search with all its offers is some 100 kB.
MOST_ROWS = 200
MOST_CHARACTERS = 20_000_000
#: One that is larger than this is not kept.
LARGEST = 2_000_000
_FOUND = "SELECT at, found FROM searches WHERE key = ? AND at > ?"


def add_searches_table(connection: Connection) -> None:
    """Make this table. It is a migration: what it says is never changed."""
    word = "TEXT" if connection.dialect.name == "sqlite" else 'TEXT COLLATE "C"'
    statements = (
        f"""CREATE TABLE searches (
            key {word} NOT NULL PRIMARY KEY, at BIGINT NOT NULL, size BIGINT NOT NULL, found TEXT NOT NULL
        )""",
        "CREATE INDEX searches_at ON searches (at)",
    )
    for statement in statements:
        connection.execute(text(statement))


class StoredSearches:
    """What searches found. Each method raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, key: str, after: datetime) -> tuple[datetime, str] | None:
        """Return what was found by a search, and when, if that was after a moment; else None."""
        moment = as_microseconds(after)

        async def read(connection: AsyncConnection) -> tuple[datetime, str] | None:
            if is_sqlite(connection):  # once to its thread and back: with a transaction by SQLAlchemy it is eight times
                driver: Any = (await connection.get_raw_connection()).driver_connection
                rows = await driver.execute_fetchall(_FOUND, (key, moment))
                row = rows[0] if rows else None
            else:
                wanted = select(SEARCHES.c.at, SEARCHES.c.found).where(SEARCHES.c.key == key, SEARCHES.c.at > moment)
                row = (await connection.execute(wanted)).first()
            return None if row is None else (from_microseconds(row[0]), row[1])

        return await self._database.read(read)

    async def keep(self, key: str, at: datetime, found: str, *, expired: datetime) -> None:
        """Keep what a search found, and delete what is from before `expired` or beyond the bounds.

        What is too large is not kept, and neither is what was kept for that search before.
        """
        moment, size = as_microseconds(at), len(found)
        row = {"key": key, "at": moment, "size": size, "found": as_text(found)}

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(delete(SEARCHES).where(SEARCHES.c.key == key))
            if size <= LARGEST:
                insert = (sqlite.insert if is_sqlite(connection) else postgresql.insert)(SEARCHES)
                await connection.execute(insert, row)
            await connection.execute(delete(SEARCHES).where(SEARCHES.c.at <= as_microseconds(expired)))
            await _bound(connection)

        await self._database.write(write)

    async def clear(self) -> None:
        """Forget everything."""

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(delete(SEARCHES))

        await self._database.write(write)


async def _bound(connection: AsyncConnection) -> None:
    """Delete the oldest beyond the bounds."""
    newer = (SEARCHES.c.at.desc(), SEARCHES.c.key)
    placed = select(
        SEARCHES.c.key,
        func.row_number().over(order_by=newer).label("place"),
        func.sum(SEARCHES.c.size).over(order_by=newer, rows=(None, 0)).label("together"),
    ).subquery()
    beyond = select(placed.c.key).where((placed.c.place > MOST_ROWS) | (placed.c.together > MOST_CHARACTERS))
    await connection.execute(delete(SEARCHES).where(SEARCHES.c.key.in_(beyond)))
