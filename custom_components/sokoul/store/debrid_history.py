"""What was tried with the torrents of Real-Debrid accounts: attempts, failures, retries, and figures by the day."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, and_, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.debrid_mirror import DebridAttempt, DebridFailure, DebridRetry
from .bulk import is_sqlite
from .database import Database
from .debrid_schema import ATTEMPTS, FAILURES, METRICS, RETRIES
from .encoding import as_json, as_microseconds, as_text, from_json, from_microseconds

#: So many rows go to the driver at once; between the portions the event loop can do something else.
_PORTION = 500


class StoredDebridHistory:
    """What can't be read at Real-Debrid again. What a method returned from is on the disk. Each raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- attempts ------------------------------------------------------------------------------------------------

    async def note_attempts(self, account: str, attempts: Sequence[DebridAttempt]) -> list[DebridAttempt]:
        """Write what was tried, all of it or nothing, and return it with ids."""

        async def work(connection: AsyncConnection) -> list[int]:
            ids: list[int] = []
            for start in range(0, len(attempts), _PORTION):
                rows = [_row(account, each) for each in attempts[start : start + _PORTION]]
                statement = insert(ATTEMPTS).returning(ATTEMPTS.c.id, sort_by_parameter_order=True)
                ids += (await connection.execute(statement, rows)).scalars().all()
            return ids

        given = await self._database.write(work) if attempts else []
        return [replace(attempt, id=number) for attempt, number in zip(attempts, given, strict=True)]

    async def attempts(self, account: str, hashes: Collection[str] = (), limit: int = 100) -> list[DebridAttempt]:
        """Return what was tried, the newest first: with some torrents, or with any."""
        wanted = [ATTEMPTS.c.account == account]
        if hashes:
            wanted.append(ATTEMPTS.c.hash.in_([as_text(each) for each in hashes]))
        order = (ATTEMPTS.c.at.desc(), ATTEMPTS.c.id.desc())
        rows = await self._rows(select(ATTEMPTS).where(*wanted).order_by(*order).limit(limit))
        return [_record(DebridAttempt, row) for row in rows]

    async def attempts_of_each(self, account: str, hashes: Collection[str], most: int) -> list[DebridAttempt]:
        """Return what was tried with some torrents, the newest first: of each of them `most` attempts at most."""
        order = (ATTEMPTS.c.at.desc(), ATTEMPTS.c.id.desc())
        return [_record(DebridAttempt, row) for row in await self._of_each(ATTEMPTS, account, hashes, order, most)]

    # --- failures ------------------------------------------------------------------------------------------------

    async def keep_failures(self, account: str, failures: Sequence[DebridFailure]) -> None:
        """Write what is wrong with torrents, instead of what was known of the same failures."""
        await self._upsert(FAILURES, [_row(account, each) for each in failures])

    async def failures(
        self, account: str, hashes: Collection[str] = (), *, final: bool | None = None, limit: int = 1_000
    ) -> list[DebridFailure]:
        """Return what is wrong with torrents, the newest first: with some, or with any."""
        wanted = [FAILURES.c.account == account]
        if hashes:
            wanted.append(FAILURES.c.hash.in_([as_text(each) for each in hashes]))
        if final is not None:
            wanted.append(FAILURES.c.final == int(final))
        order = (FAILURES.c.last_at.desc(), FAILURES.c.hash, FAILURES.c.kind)
        rows = await self._rows(select(FAILURES).where(*wanted).order_by(*order).limit(limit))
        return [_record(DebridFailure, row) for row in rows]

    async def failures_of_each(self, account: str, hashes: Collection[str], most: int) -> list[DebridFailure]:
        """Return what is wrong with some torrents, what is final first: of each of them `most` failures at most."""
        order = (FAILURES.c.final.desc(), FAILURES.c.last_at.desc(), FAILURES.c.kind)
        return [_record(DebridFailure, row) for row in await self._of_each(FAILURES, account, hashes, order, most)]

    # --- retries -------------------------------------------------------------------------------------------------

    async def keep_retries(self, account: str, retries: Sequence[DebridRetry]) -> None:
        """Write repairs that are to come or under way, instead of what was known of the same torrents."""
        await self._upsert(RETRIES, [_row(account, each) for each in retries])

    async def retries(
        self, account: str, *, due_before: datetime | None = None, hashes: Collection[str] = (), limit: int = 10_000
    ) -> list[DebridRetry]:
        """Return repairs: by priority, and among those of the same one the longest due first."""
        wanted = [RETRIES.c.account == account]
        if due_before is not None:
            wanted.append(RETRIES.c.due_at <= as_microseconds(due_before))
        if hashes:
            wanted.append(RETRIES.c.hash.in_([as_text(each) for each in hashes]))
        order = (RETRIES.c.priority, RETRIES.c.due_at, RETRIES.c.hash)
        rows = await self._rows(select(RETRIES).where(*wanted).order_by(*order).limit(limit))
        return [_record(DebridRetry, row) for row in rows]

    async def forget_retries(self, account: str, hashes: Collection[str]) -> None:
        """Forget repairs that are over."""
        await self._forget(RETRIES, account, hashes)

    # --- figures by the day --------------------------------------------------------------------------------------

    async def keep_metrics(self, account: str, day: datetime, values: Mapping[str, int]) -> None:
        """Write the figures of a day, instead of earlier ones of the same names."""
        moment = as_microseconds(day)
        rows = [{"account": account, "day": moment, "name": name, "value": each} for name, each in values.items()]
        await self._upsert(METRICS, rows)

    async def metrics(self, account: str, since: datetime) -> list[tuple[datetime, str, int]]:
        """Return figures by day and name, the oldest first."""
        wanted = and_(METRICS.c.account == account, METRICS.c.day >= as_microseconds(since))
        rows = await self._rows(select(METRICS).where(wanted).order_by(METRICS.c.day, METRICS.c.name))
        return [(from_microseconds(row.day), row.name, row.value) for row in rows]

    # --- how -----------------------------------------------------------------------------------------------------

    async def _rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(statement)).all()

        return await self._database.read(read)

    async def _of_each(
        self, table: Table, account: str, hashes: Collection[str], order: Sequence[ColumnElement[Any]], most: int
    ) -> list[Row[Any]]:
        found: list[Row[Any]] = []
        for some in batched(dict.fromkeys(map(as_text, hashes)), _PORTION, strict=False):
            place = func.row_number().over(partition_by=table.c.hash, order_by=order).label("place")
            placed = select(table, place).where(table.c.account == account, table.c.hash.in_(some)).subquery()
            columns = [placed.c[name] for name in table.c.keys()]  # noqa: SIM118 -- these are no dictionary
            first = select(*columns).where(placed.c.place <= most).order_by(placed.c.hash, placed.c.place)
            found += await self._rows(first)
        return found

    async def _upsert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        async def work(connection: AsyncConnection) -> None:
            statement = (sqlite.insert if is_sqlite(connection) else postgresql.insert)(table)
            changed = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
            upsert = statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)
            for start in range(0, len(rows), _PORTION):
                await connection.execute(upsert, list(rows[start : start + _PORTION]))

        if rows:
            await self._database.write(work)

    async def _forget(self, table: Table, account: str, hashes: Collection[str]) -> None:
        cleaned = [as_text(each) for each in hashes]

        async def work(connection: AsyncConnection) -> None:
            for start in range(0, len(cleaned), _PORTION):
                chosen = table.c.hash.in_(cleaned[start : start + _PORTION])
                await connection.execute(delete(table).where(table.c.account == account, chosen))

        if cleaned:
            await self._database.write(work)


# --- rows ------------------------------------------------------------------------------------------------------------

#: Columns that hold something else than what the records of the same names do.
_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("at", "first_at", "last_at", "due_at"), from_microseconds),
    **dict.fromkeys(("detail", "state"), from_json),
    "final": bool,
}


def _row(account: str, record: DebridAttempt | DebridFailure | DebridRetry) -> dict[str, Any]:
    """Return a record as it is stored. An id is given by the database."""
    names = (each.name for each in fields(record) if each.name != "id")
    return {"account": account, **{name: _stored(getattr(record, name)) for name in names}}


def _stored(value: Any) -> Any:
    match value:
        case datetime():
            return as_microseconds(value)
        case str():
            return as_text(value)
        case bool():
            return int(value)
        case Mapping():
            return as_json(value)
    return value


def _record[RecordT](kind: type[RecordT], row: Row[Any]) -> RecordT:
    values = {name: value for name, value in row._mapping.items() if name != "account"}  # noqa: SLF001 -- SQLAlchemy's own way
    return kind(**{name: _READ[name](value) if name in _READ else value for name, value in values.items()})
