"""Deleting what is stored of Real-Debrid accounts that were removed.

An account may have a hundred thousand torrents and many more files. Whoever wants to write meanwhile waits no longer
than a few hundred rows take. What is counted goes with the torrents: triggers see to that.
"""

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from .debrid_schema import ATTEMPTS, FAILURES, FILES, LINKS, METRICS, RETRIES, SYNCS, TORRENTS

#: All that is stored by account. Each has an index that begins with it.
STORED = (LINKS, FILES, TORRENTS, ATTEMPTS, FAILURES, RETRIES, METRICS, SYNCS)
#: So many rows are deleted at once.
_REMOVED = 500


async def accounts_of(connection: AsyncConnection) -> set[str]:
    """Return of which accounts there are rows: the next one is looked for after the last, for there are very few."""
    found: set[str] = set()
    for table in STORED:
        last = ""
        while True:
            following = select(func.min(table.c.account)).where(table.c.account > last)
            account = (await connection.execute(following)).scalar_one()
            if account is None:
                break
            found.add(account)
            last = account
    return found


async def remove_some(connection: AsyncConnection, account: str, table: Table) -> bool:
    """Delete some rows of an account, and tell whether there were any."""
    keys = tuple(table.primary_key.columns)
    some = select(*keys).where(table.c.account == account).limit(_REMOVED)
    return (await connection.execute(delete(table).where(tuple_(*keys).in_(some)))).rowcount > 0
