"""Deleting what is stored of Real-Debrid accounts that were removed.

An account may have a hundred thousand torrents and many more files. Whoever wants to write meanwhile waits no longer
than a thousand rows take. What is counted goes with the torrents: triggers see to that.

SQLite writes thousands of pages for each thousand of torrents, for they are in another order in each index. Where no
other account has anything in a table, it is emptied at once: that only hands its pages back, and a memory card is worn
by writes. A server has none; there, to empty a table would wait for everybody who reads it.
"""

from sqlalchemy import Table, delete, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from .bulk import is_sqlite
from .debrid_counts import COUNTS, DUPLICATES
from .debrid_schema import ATTEMPTS, FAILURES, FILES, LINKS, METRICS, RETRIES, SYNCS, TORRENTS

#: All that is stored by account. Each has an index that begins with it.
STORED = (LINKS, FILES, TORRENTS, ATTEMPTS, FAILURES, RETRIES, METRICS, SYNCS)
#: So many rows are deleted at once.
_REMOVED = 1_000


async def remove_at_once(connection: AsyncConnection, account: str, table: Table) -> bool:
    """Empty a table that holds an account alone, and tell whether that was done."""
    if not is_sqlite(connection) or not await _is_alone(connection, account, table):
        return False
    triggers = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name")
    watching = (await connection.execute(triggers, {"name": table.name})).all()
    for trigger in watching:  # with one of them each row would be deleted by itself
        await connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
    for each in (table, *((COUNTS, DUPLICATES) if table is TORRENTS else ())):
        await connection.execute(delete(each))
    for trigger in watching:
        await connection.exec_driver_sql(trigger.sql)
    return True


async def _is_alone(connection: AsyncConnection, account: str, table: Table) -> bool:
    """Tell whether there are rows of an account and none of others, by where an index begins and ends."""
    for end in (func.min, func.max):
        if (await connection.execute(select(end(table.c.account)))).scalar_one() != account:
            return False
    return True


async def remove_some(connection: AsyncConnection, account: str, table: Table) -> bool:
    """Delete some rows of an account, and tell whether there were any."""
    keys = tuple(table.primary_key.columns)
    some = select(*keys).where(table.c.account == account).limit(_REMOVED)
    return (await connection.execute(delete(table).where(tuple_(*keys).in_(some)))).rowcount > 0
