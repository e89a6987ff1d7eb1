"""The watchlist, as rows: a wish is JSON, beside the columns by which a person finds it in the database.

A row that this version can't read, because a newer one wrote it or somebody edited it, is left as it is.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
import logging
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, delete, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.plain import UNREADABLE, plain, read
from ..watchlist.items import Wish
from .bulk import is_sqlite
from .database import Database
from .encoding import as_json, as_microseconds, as_text, from_json
from .metadata import METADATA

_LOGGER = logging.getLogger(__name__)

WISHES = Table(
    "wishes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("asked_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("wish", Text, nullable=False),
    Index("wishes_asked_at", "asked_at"),
)

#: Another number: another shape.
VERSION = 1
#: So many rows are written or deleted by one statement.
_PORTION = 100


def add_wishes_table(connection: Connection) -> None:
    """Make this table. It is a migration: what it says is never changed."""
    word = "TEXT" if connection.dialect.name == "sqlite" else 'TEXT COLLATE "C"'
    statements = (
        f"""CREATE TABLE wishes (
            id {word} NOT NULL PRIMARY KEY,
            asked_at BIGINT NOT NULL,
            changed_at BIGINT NOT NULL,
            state TEXT NOT NULL,
            wish TEXT NOT NULL
        )""",
        "CREATE INDEX wishes_asked_at ON wishes (asked_at)",
    )
    for statement in statements:
        connection.execute(text(statement))


class StoredWishes:
    """The watchlist. What a method returned from is on the disk. Each raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.unreadable = 0  # rows that the last `load` could not read

    async def load(self) -> list[Wish]:
        """Return all wishes, in the order in which they were asked for; see `unreadable`."""

        async def rows(connection: AsyncConnection) -> Sequence[str]:
            wanted = select(WISHES.c.wish).order_by(WISHES.c.asked_at, WISHES.c.id)
            return (await connection.execute(wanted)).scalars().all()

        stored = await self._database.read(rows)
        found = [wish for wish in map(_from_row, stored) if wish is not None]
        self.unreadable = len(stored) - len(found)
        if self.unreadable:
            _LOGGER.warning("%d items of the watchlist can't be read and are left as they are", self.unreadable)
        return found

    async def save(self, wish: Wish, now: datetime) -> None:
        """Write a wish, new or changed."""
        await self.save_all((wish,), now)

    async def save_all(self, wishes: Iterable[Wish], now: datetime) -> None:
        """Write wishes, new or changed; all of them or none."""
        rows = [_as_row(wish, now) for wish in wishes]

        async def write(connection: AsyncConnection) -> None:
            dialect = sqlite if is_sqlite(connection) else postgresql
            for start in range(0, len(rows), _PORTION):
                insert = dialect.insert(WISHES).values(rows[start : start + _PORTION])
                changed = {name: insert.excluded[name] for name in ("asked_at", "changed_at", "state", "wish")}
                await connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changed))

        if rows:
            await self._database.write(write)

    async def delete(self, ids: Collection[str]) -> None:
        """Delete wishes; those that are not there are none."""
        gone = [as_text(each) for each in ids]

        async def write(connection: AsyncConnection) -> None:
            for start in range(0, len(gone), _PORTION):
                await connection.execute(delete(WISHES).where(WISHES.c.id.in_(gone[start : start + _PORTION])))

        if gone:
            await self._database.write(write)


def _as_row(wish: Wish, now: datetime) -> dict[str, Any]:
    return {
        "id": as_text(wish.id),
        "asked_at": as_microseconds(wish.asked_at),
        "changed_at": as_microseconds(now),
        "state": str(wish.state),
        "wish": as_text(as_json({"version": VERSION, "wish": plain(wish)})),
    }


def _from_row(stored: str) -> Wish | None:
    try:
        told = from_json(stored)
        if told["version"] != VERSION:
            return None
        wish: Wish = read(Wish, told["wish"])
    except UNREADABLE:
        return None
    return wish
