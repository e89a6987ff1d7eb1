"""Many rows in one statement: they travel as one parameter, a text of JSON, which the database takes apart.

So neither database's limit on parameters is near, and the event loop handles one value however many rows there are.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

#: How the columns of rows are called in JSON, and their types.
type Columns = Mapping[str, str]

TEXT, WHOLE, REAL = "TEXT", "BIGINT", "DOUBLE PRECISION"


def is_sqlite(connection: AsyncConnection | Connection) -> bool:
    """Tell the one from the other."""
    return connection.dialect.name == "sqlite"


@asynccontextmanager
async def many_values(connection: AsyncConnection) -> AsyncIterator[None]:
    """Have a parameter of thousands of values compared by hashing.

    PostgreSQL takes it for a hundred values, and a table that it has not analysed yet for a small one: it would compare
    each with each.
    """
    if is_sqlite(connection):
        yield
        return
    await connection.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    await connection.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))


def values_of(name: str, *, sqlite: bool) -> str:
    """Return a subquery of the texts in a parameter that is a list."""
    if sqlite:
        return f"(SELECT value FROM json_each(:{name}))"  # noqa: S608 -- names of ours
    return f"(SELECT jsonb_array_elements_text(CAST(:{name} AS jsonb)))"


def rows_of(name: str, columns: Columns, *, sqlite: bool) -> str:
    """Return a SELECT of the columns of a parameter that is a list of objects."""
    if sqlite:
        picked = ", ".join(f"json_extract(value, '$.{column}') AS {column}" for column in columns)
        return f"SELECT {picked} FROM json_each(:{name})"  # noqa: S608 -- names of ours
    typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    return f"SELECT {', '.join(columns)} FROM jsonb_to_recordset(CAST(:{name} AS jsonb)) AS given({typed})"  # noqa: S608


def upsert(table: str, columns: Columns, key: Collection[str], *, keep: Collection[str] = (), sqlite: bool) -> str:
    """Return a statement that writes `:rows` of `:account`; what is there keeps its columns named in `keep`."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in {*key, *keep})
    return (
        f"INSERT INTO {table} (account, {', '.join(columns)}) "  # noqa: S608 -- names of ours
        f"SELECT :account, given.* FROM ({rows_of('rows', columns, sqlite=sqlite)}) AS given WHERE true "
        f"ON CONFLICT (account, {', '.join(key)}) DO UPDATE SET {changed}"
    )
