"""Taking a history from one database to another, of whichever kind.

The mirror of Real-Debrid accounts and what searches found are left behind: they may be large, and are read again in
seconds. Torrents that are gone can't be read again, nor what links led to: by these a link's torrent is found. What was
tried with torrents and done to links is taken along, and so is the watchlist.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, exists, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import Database
from .debrid_schema import ATTEMPTS, FILES, HISTORY, LINKS, TORRENTS
from .errors import NotEmpty
from .library import CHANGES, FOLDERS
from .schema import JOURNAL, MEMORY
from .watchlist import WISHES

#: So many rows are read and written at once.
_PORTION = 500
_IS_GONE = TORRENTS.c.gone_at.is_not(None)


def _of_what_is_gone(table: Table) -> ColumnElement[bool]:
    return exists().where(and_(TORRENTS.c.account == table.c.account, TORRENTS.c.id == table.c.torrent_id, _IS_GONE))


#: Of these tables some rows only.
_ONLY: Mapping[Table, ColumnElement[bool]] = {
    TORRENTS: _IS_GONE,
    FILES: _of_what_is_gone(FILES),
    LINKS: _of_what_is_gone(LINKS),
}


async def copy(source: Database, target: Database) -> None:
    """Copy all rows of what can't be read again as they are, in one transaction. Nobody may write to either meanwhile.

    Raises `NotEmpty` for a target that has a row, and `StoreError`.
    """

    async def write(connection: AsyncConnection) -> None:
        tables = (JOURNAL, MEMORY, WISHES, *HISTORY, CHANGES, FOLDERS, TORRENTS, FILES, LINKS)
        for table in tables:
            if (await connection.execute(select(table).limit(1))).first() is not None:
                raise NotEmpty(f"the table {table.name} of this database is not empty")
        for table in tables:
            await _copy_table(table, source, connection)
        if connection.dialect.name == "postgresql":  # SQLite sees which ids were given
            for table in (JOURNAL, ATTEMPTS):
                newest = select(func.max(table.c.id)).scalar_subquery()
                sequence = func.pg_get_serial_sequence(table.name, table.c.id.name)
                await connection.execute(select(func.setval(sequence, newest)))  # to nothing when there is none

    await target.write(write)


async def _copy_table(table: Table, source: Database, connection: AsyncConnection) -> None:
    keys = list(table.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        statement = select(table).order_by(*keys).limit(_PORTION)
        if table in _ONLY:
            statement = statement.where(_ONLY[table])
        if last is not None:
            after = tuple_(*(literal(value, key.type) for key, value in zip(keys, last, strict=True)))
            statement = statement.where(tuple_(*keys) > after)

        async def read(reader: AsyncConnection, statement: Any = statement) -> Sequence[Row[Any]]:
            return (await reader.execute(statement)).all()

        rows = await source.read(read)
        if not rows:
            return
        await connection.execute(insert(table), [dict(row._mapping) for row in rows])  # noqa: SLF001 -- SQLAlchemy's own way
        last = tuple(getattr(rows[-1], key.name) for key in keys)
