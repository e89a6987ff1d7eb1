"""One database: many may read it, one task writes it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .engine import BEGIN, Limits
from .errors import StoreError, TookTooLong, is_about_the_database, translated

type Work[T] = Callable[[AsyncConnection], Awaitable[T]]


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Let it not happen."""


#: Calls something after so many seconds, as `loop.call_later` does.
type CallLater = Callable[[float, Callable[[], None]], Timer]

#: What waits is written together, up to this many at once.
_GROUP = 500
#: Seconds between two tries to end what nobody waits for any more.
_INTERRUPT_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    done: asyncio.Future[Any]


class Database:
    """Reads whenever asked; writes in turn, and what waits for its turn is committed together."""

    def __init__(self, engine: AsyncEngine, limits: Limits, call_later: CallLater) -> None:
        self._engine = engine
        # asks for the lock at once: a transaction that reads first and wants to write later can't wait for it
        self._writing = engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
        self.limits = limits
        self._call_later = call_later
        self._jobs: deque[_Job] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # whoever has it may write, or keeps others from writing
        self._hold: Timer | None = None
        self._may_hold = True
        self._closed = False
        self._uses: set[asyncio.Future[Any]] = set()

    @property
    def is_file(self) -> bool:
        """Whether it is a file of ours, rather than a database of a server."""
        return self._engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path:
        """The file, where it is one."""
        return Path(str(self._engine.url.database))

    # --- reading and writing -------------------------------------------------------------------------------------

    async def read[T](self, work: Work[T]) -> T:
        """Return what a reader finds. Waits for no writer. Raises `StoreError`."""
        self._check_open()
        return await in_time(self._begin(self._read(work)), self.limits.answer)

    async def write[T](self, work: Work[T]) -> T:
        """Do it in a transaction, and return when that is committed. Raises `StoreError`; then nothing was written.

        (But who can tell, after `TookTooLong`.) Work may be done again if others that were written with it failed.
        """
        self._check_open()
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="sokoul store writer")
        result: T = await job.done
        return result

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store was closed")

    async def _read[T](self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            return await work(connection)

    async def _write_all(self) -> None:
        while self._jobs:
            async with self._turn:
                group = [self._jobs.popleft() for _ in range(min(_GROUP, len(self._jobs)))]
                if wanted := [job for job in group if not job.done.done()]:
                    await self._write_group(wanted)

    async def _write_group(self, group: list[_Job]) -> None:
        """Write all of it, or each by itself where only some of it is at fault."""
        try:
            results = await in_time(self._commit(group), self.limits.answer)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it belongs to those who wait for it
            if len(group) > 1 and not (isinstance(error, StoreError) and is_about_the_database(error)):
                for job in group:
                    await self._write_group([job])
                return
            for job in group:
                if not job.done.done():
                    job.done.set_exception(error)
        else:
            for job, result in zip(group, results, strict=True):
                if not job.done.done():
                    job.done.set_result(result)

    async def _commit(self, group: list[_Job]) -> list[Any]:
        async with self._writing.begin() as connection:
            return [await job.work(connection) for job in group]

    async def alone[T](self, work: Work[T], limit: timedelta) -> T:
        """Do something that is no transaction, as VACUUM is, while nobody writes. Raises `StoreError`."""
        self._check_open()
        async with self._turn:
            return await in_time(self._begin(self._outside(work)), limit)

    async def beside[T](self, work: Work[T], limit: timedelta) -> T:
        """Do something that is no transaction and takes its time, while others go on. Raises `StoreError`."""
        self._check_open()
        return await in_time(self._begin(self._outside(work)), limit)

    def _begin[T](self, use: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin to use a connection: that is waited for before the database is let go of."""
        task = asyncio.ensure_future(use)
        self._uses.add(task)
        task.add_done_callback(self._uses.discard)
        return task

    async def _outside[T](self, work: Work[T]) -> T:
        engine = self._engine.execution_options(**{BEGIN: ""})
        if not self.is_file:
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            if not self.is_file:
                return await work(connection)
            task = asyncio.ensure_future(work(connection))
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                while not task.done():  # else its thread goes on for minutes, and Home Assistant can't end
                    await driver.interrupt()  # that ends what has begun: what is about to begin is met the next time
                    await asyncio.wait({task}, timeout=_INTERRUPT_EVERY)
                _look_away(task)
                raise
            return task.result()

    # --- backups -------------------------------------------------------------------------------------------------

    async def hold(self) -> None:
        """Bring everything into the file, and write nothing more until `release`, or until a limit.

        What others want to write waits. The database of a server is no file of ours: nothing is held there.
        """
        self._check_open()
        if not self.is_file:
            return
        if self._hold is None:
            await self._turn.acquire()
            try:
                # failing is no harm: what is only in the log is copied with it, and stays as it is while nobody writes
                with suppress(StoreError):
                    await in_time(self._checkpoint(), self.limits.answer)
            except BaseException:
                self._turn.release()
                raise
            if not self._may_hold:
                self._turn.release()
                return
        else:
            self._hold.cancel()
        self._hold = self._call_later(self.limits.hold.total_seconds(), self._let_go)

    def release(self) -> bool:
        """Write again. Tell whether writes were held all the time."""
        if not self.is_file:
            return True
        if self._hold is None:
            return False
        self._hold.cancel()
        self._let_go()
        return True

    def end_hold(self) -> bool:
        """Write again, and be held no more: the end is near. Tell whether writes were held."""
        self._may_hold = False
        return self._hold is not None and self.release()

    def _let_go(self) -> None:
        self._hold = None
        self._turn.release()

    async def _checkpoint(self) -> None:
        async with self._engine.execution_options(**{BEGIN: ""}).connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- the end -------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Write what waits, and let go of the database."""
        self._closed = True
        self.end_hold()
        if self._writer is not None:
            await self._writer
        if self._uses:  # a connection that is in use now would never be let go of
            await asyncio.wait(self._uses, timeout=self.limits.connect.total_seconds())
        await in_time(self._engine.dispose(), self.limits.connect)  # a server may be silent now


async def in_time[T](work: Awaitable[T], limit: timedelta) -> T:
    """Wait for something, though not for ever: a thread that hangs in a disk can't be interrupted, only left."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit.total_seconds())
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_look_away)
    if not task.done():
        raise TookTooLong("the database did not answer in time")
    with translated():
        return task.result()


def _look_away(task: asyncio.Task[Any]) -> None:
    """Take the error of what nobody waits for any more."""
    if not task.cancelled():
        task.exception()
