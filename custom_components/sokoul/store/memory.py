"""The memory of the autopilot: the latest of each subject, gathered and written many at once."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import batched
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from .database import CallLater, Database, Timer
from .encoding import as_json, as_microseconds, as_text, from_json
from .errors import StoreError
from .schema import MEMORY

#: So many rows go to the driver at once. Each is a statement of its own to the database, so that no limit of parameters
#: is near; between the portions the event loop can do something else.
_PORTION = 500

type OnFailure = Callable[[StoreError], None]


class StoredMemory:
    """What was learned of each subject, as JSON."""

    def __init__(
        self,
        database: Database,
        *,
        gather_seconds: float,
        clock: Callable[[], datetime],
        call_later: CallLater,
        on_failure: OnFailure | None = None,
    ) -> None:
        self._database = database
        self._gather_seconds = gather_seconds
        self._clock = clock
        self._call_later = call_later
        self._on_failure = on_failure
        self._pending: dict[str, str | None] = {}
        self._timer: Timer | None = None
        self._flushing = asyncio.Lock()  # what is newer is written later
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what is known of every subject. Raises `StoreError`."""

        async def read(connection: AsyncConnection) -> dict[str, str | None]:
            rows = await connection.execute(select(MEMORY.c.subject, MEMORY.c.memory))
            return {subject: memory for subject, memory in rows}  # noqa: C416 -- rows are no tuples to dict()

        async with self._flushing:
            known = await self._database.read(read) | self._pending
        return dict(_readable(known))

    def keep(self, subject: str, memory: Mapping[str, Any] | None) -> None:
        """Keep what is known of a subject, None to forget it. It is written soon, many at once.

        Raises TypeError for what is no JSON. Once the store is closed nothing is kept.
        """
        if not self._closed:
            self._pending[as_text(subject)] = None if memory is None else as_json(memory)
            self._write_soon()

    async def flush(self) -> None:
        """Write what is pending now. Raises `StoreError`; then it is still pending, and tried again soon."""
        async with self._flushing:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._pending:
                return
            batch, self._pending = self._pending, {}
            try:
                await self._database.write(partial(_write, batch, as_microseconds(self._clock())))
            except BaseException:
                self._pending = batch | self._pending
                self._write_soon()
                raise

    async def close(self) -> None:
        """Write what is pending, and keep nothing more. Raises `StoreError` when that could not be written."""
        self._closed = True
        try:
            await self.flush()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _write_soon(self) -> None:
        if self._timer is None:
            self._timer = self._call_later(self._gather_seconds, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self._task = asyncio.create_task(self._flush_by_itself(), name="sokoul store flush")

    async def _flush_by_itself(self) -> None:
        try:
            await self.flush()
        except StoreError as error:
            if self._on_failure is not None:
                self._on_failure(error)


def _readable(stored: Mapping[str, str | None]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for subject, memory in stored.items():
        if memory is not None:
            with suppress(ValueError):  # what a failing disk made of it is learned anew
                yield subject, from_json(memory)


async def _write(batch: Mapping[str, str | None], moment: int, connection: AsyncConnection) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(MEMORY)
    upsert = statement.on_conflict_do_update(
        index_elements=[MEMORY.c.subject],
        set_={"memory": statement.excluded.memory, "changed_at": statement.excluded.changed_at},
    )
    kept = (
        {"subject": subject, "memory": memory, "changed_at": moment}
        for subject, memory in batch.items()
        if memory is not None
    )
    forget = delete(MEMORY).where(MEMORY.c.subject == bindparam("gone"))
    gone = ({"gone": subject} for subject, memory in batch.items() if memory is None)
    for change, rows in ((upsert, kept), (forget, gone)):
        await _in_portions(connection, change, rows)


async def _in_portions(connection: AsyncConnection, statement: Any, rows: Iterable[dict[str, Any]]) -> None:
    for portion in batched(rows, _PORTION, strict=False):
        await connection.execute(statement, list(portion))
