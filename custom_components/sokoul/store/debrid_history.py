"""What was tried with the torrents of Real-Debrid accounts: attempts, failures, retries, and figures by the day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Table, and_, delete, insert, select
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
                rows = [_attempt_row(account, each) for each in attempts[start : start + _PORTION]]
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
        return [_attempt(row) for row in rows]

    # --- failures ------------------------------------------------------------------------------------------------

    async def keep_failures(self, account: str, failures: Sequence[DebridFailure]) -> None:
        """Write what is wrong with torrents, instead of what was known of the same failures."""
        await self._upsert(FAILURES, [_failure_row(account, each) for each in failures])

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
        return [_failure(row) for row in rows]

    async def forget_failures(self, account: str, hashes: Collection[str]) -> None:
        """Forget what was wrong with torrents: they are well again."""
        await self._forget(FAILURES, account, hashes)

    # --- retries -------------------------------------------------------------------------------------------------

    async def keep_retries(self, account: str, retries: Sequence[DebridRetry]) -> None:
        """Write repairs that are to come or under way, instead of what was known of the same torrents."""
        await self._upsert(RETRIES, [_retry_row(account, each) for each in retries])

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
        return [_retry(row) for row in rows]

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


def _attempt_row(account: str, attempt: DebridAttempt) -> dict[str, Any]:
    return {
        "account": account,
        "hash": as_text(attempt.hash),
        "torrent_id": as_text(attempt.torrent_id),
        "at": as_microseconds(attempt.at),
        "act": as_text(attempt.act),
        "outcome": as_text(attempt.outcome),
        "code": attempt.code,
        "detail": as_json(attempt.detail),
        "source": as_text(attempt.source),
    }


def _attempt(row: Row[Any]) -> DebridAttempt:
    return DebridAttempt(
        id=row.id,
        hash=row.hash,
        torrent_id=row.torrent_id,
        at=from_microseconds(row.at),
        act=row.act,
        outcome=row.outcome,
        code=row.code,
        detail=from_json(row.detail),
        source=row.source,
    )


def _failure_row(account: str, failure: DebridFailure) -> dict[str, Any]:
    return {
        "account": account,
        "hash": as_text(failure.hash),
        "kind": as_text(failure.kind),
        "torrent_id": as_text(failure.torrent_id),
        "name": as_text(failure.name),
        "first_at": as_microseconds(failure.first_at),
        "last_at": as_microseconds(failure.last_at),
        "times": failure.times,
        "code": failure.code,
        "final": int(failure.final),
        "source": as_text(failure.source),
    }


def _failure(row: Row[Any]) -> DebridFailure:
    return DebridFailure(
        hash=row.hash,
        kind=row.kind,
        torrent_id=row.torrent_id,
        name=row.name,
        first_at=from_microseconds(row.first_at),
        last_at=from_microseconds(row.last_at),
        times=row.times,
        code=row.code,
        final=bool(row.final),
        source=row.source,
    )


def _retry_row(account: str, retry: DebridRetry) -> dict[str, Any]:
    return {
        "account": account,
        "hash": as_text(retry.hash),
        "torrent_id": as_text(retry.torrent_id),
        "due_at": as_microseconds(retry.due_at),
        "priority": retry.priority,
        "tries": retry.tries,
        "reason": as_text(retry.reason),
        "state": as_json(retry.state),
    }


def _retry(row: Row[Any]) -> DebridRetry:
    return DebridRetry(
        hash=row.hash,
        torrent_id=row.torrent_id,
        due_at=from_microseconds(row.due_at),
        priority=row.priority,
        tries=row.tries,
        reason=row.reason,
        state=from_json(row.state),
    )
