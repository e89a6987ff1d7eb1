"""Taking everything from one database to another, of whichever kind."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import Database
from .errors import NotEmpty
from .schema import JOURNAL, MEMORY

#: So many rows are read and written at once.
_PORTION = 500


async def copy(source: Database, target: Database) -> None:
    """Copy all rows as they are, in one transaction. Nobody may write to either meanwhile.

    Raises `NotEmpty` for a target that has a row, and `StoreError`.
    """

    async def write(connection: AsyncConnection) -> None:
        for table in (JOURNAL, MEMORY):
            if (await connection.execute(select(table).limit(1))).first() is not None:
                raise NotEmpty(f"the table {table.name} of this database is not empty")
        for table in (JOURNAL, MEMORY):
            await _copy_table(table, source, connection)
        if connection.dialect.name == "postgresql":  # SQLite sees which ids were given
            newest = select(func.max(JOURNAL.c.id)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(JOURNAL.name, JOURNAL.c.id.name)
            await connection.execute(select(func.setval(sequence, newest)))  # to nothing when there is none

    await target.write(write)


async def _copy_table(table: Table, source: Database, connection: AsyncConnection) -> None:
    (key,) = table.primary_key.columns
    last: Any = None
    while True:
        statement = select(table).order_by(key).limit(_PORTION)
        if last is not None:
            statement = statement.where(key > last)

        async def read(reader: AsyncConnection, statement: Any = statement) -> Sequence[Row[Any]]:
            return (await reader.execute(statement)).all()

        rows = await source.read(read)
        if not rows:
            return
        await connection.execute(insert(table), [dict(row._mapping) for row in rows])  # noqa: SLF001 -- SQLAlchemy's own way
        last = getattr(rows[-1], key.name)
