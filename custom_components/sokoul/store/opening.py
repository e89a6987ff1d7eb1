"""Opening a store, and setting a damaged file aside."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .copying import copy
from .database import CallLater, Database, in_time
from .debrid import StoredMirror
from .debrid_counts import drop_functions, recount
from .debrid_history import StoredDebridHistory
from .debrid_look import MirrorView
from .debrid_names import KeptNames
from .engine import BEGIN, Limits, make_engine
from .errors import Damaged, StoreError, TooOld, translated
from .journal import StoredJournal
from .library import StoredLibrary
from .maintenance import Maintenance
from .memory import OnFailure, StoredMemory
from .metadata import METADATA
from .schema import MIGRATIONS, Migration, migrate
from .searches import StoredSearches
from .watchlist import StoredWishes

#: So many damaged files are kept for whoever wants to look into them.
_DAMAGED_KEPT = 3

#: The first with identity columns.
OLDEST_POSTGRESQL = (10,)

_LIMITS = Limits()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """An open database."""

    def __init__(
        self, database: Database, journal: StoredJournal, memory: StoredMemory, on_failure: OnFailure | None = None
    ) -> None:
        self._database = database
        self.journal = journal
        self.memory = memory
        self._names = KeptNames(database)
        self.mirror = StoredMirror(database, self._names)
        self.mirror_view = MirrorView(database, self._names)
        self.debrid_history = StoredDebridHistory(database)
        self.library = StoredLibrary(database)
        self.maintenance = Maintenance(database, on_failure)
        self.searches = StoredSearches(database)
        self.wishes = StoredWishes(database)

    async def prune(self, before: datetime, keep: int) -> int:
        """Delete old entries of the journal; see `StoredJournal.prune`."""
        return await self.journal.prune(before, keep)

    async def hold(self) -> None:
        """Make the file whole and leave it alone, for a backup; what is to be written waits.

        Ends with `release`, or after `Limits.hold`. PostgreSQL is not ours to hold.
        """
        await self._database.hold()

    def release(self) -> bool:
        """Write again. False when the hold had ended before: the copy may hold a half of something."""
        return self._database.release()

    def end_hold(self) -> bool:
        """Write again, and be held no more, because the store is to be closed. Tell whether writes were held."""
        return self._database.end_hold()

    async def copy_to(self, other: Store) -> None:
        """Write all that is here into another store, under the same ids; all of it or nothing.

        Raises `NotEmpty` where that has something, and `StoreError`.
        """
        await self.memory.flush()
        await copy(self._database, other._database)

    async def flush(self) -> None:
        """Write what was gathered now. Raises `StoreError`."""
        await self.memory.flush()

    async def close(self) -> None:
        """Write what is pending and let go of the database, also while it is held.

        Raises `StoreError` when something could not be written; the database is let go of all the same.
        """
        self._database.end_hold()
        try:
            await self.memory.close()
        finally:
            await self._database.close()


async def open_store(
    where: Path | str,
    *,
    limits: Limits = _LIMITS,
    clock: Callable[[], datetime] = _utc_now,
    call_later: CallLater | None = None,
    on_failure: OnFailure | None = None,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Store:
    """Open the database at a path (SQLite) or an address (PostgreSQL), and bring its tables up to date.

    `on_failure` is told when memories could not be written, which is tried again after `limits.gather`, and when a
    check finds damage.

    Raises `Damaged`, `Locked`, `NewerSchema`, `TooOld`, `Unreachable`, `InvalidUrl`, another `StoreError`, and
    ImportError where `POSTGRESQL_REQUIREMENTS` is not installed. Nothing is changed then.
    """
    if call_later is None:
        call_later = asyncio.get_running_loop().call_later
    with translated():
        engine = await asyncio.to_thread(make_engine, where, limits)
    try:
        await in_time(_prepare(engine, migrations), limits.check)
    except BaseException:
        with suppress(StoreError):  # what went wrong first says more
            await in_time(engine.dispose(), limits.connect)
        raise
    database = Database(engine, limits, call_later)
    memory = StoredMemory(
        database,
        gather_seconds=limits.gather.total_seconds(),
        clock=clock,
        call_later=call_later,
        on_failure=on_failure,
    )
    return Store(database, StoredJournal(database), memory, on_failure)


async def _prepare(engine: AsyncEngine, migrations: Sequence[Migration]) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await _check(connection)
        elif (version := connection.dialect.server_version_info) and version < OLDEST_POSTGRESQL:
            needed = ".".join(map(str, OLDEST_POSTGRESQL))
            raise TooOld(f"this is PostgreSQL {'.'.join(map(str, version))}, {needed} or newer is needed")
    async with engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"}).begin() as connection:
        await connection.run_sync(migrate, migrations)
        await connection.run_sync(recount)


async def _check(connection: AsyncConnection) -> None:
    """Read the whole file: SQLite itself notices damage only where it happens to look, and may write meanwhile."""
    found = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise Damaged("SQLite: the database disk image is malformed")


async def erase(where: Path | str, *, limits: Limits = _LIMITS) -> None:
    """Delete a history that nobody uses: the file at a path, or the tables in a PostgreSQL.

    Raises OSError for a file, and `StoreError` for a server; then nothing is deleted there.
    """
    if isinstance(where, Path):
        await asyncio.to_thread(_delete, where)
        return
    with translated():
        engine = await asyncio.to_thread(make_engine, where, limits)
    try:
        await in_time(_drop_tables(engine), limits.answer)
    finally:
        with suppress(StoreError):
            await in_time(engine.dispose(), limits.connect)


def _delete(path: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def _drop_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.drop_all)
        await connection.run_sync(drop_functions)


async def set_aside(path: Path, *, now: datetime) -> Path:
    """Rename a damaged file of SQLite, so that the next `open_store` begins an empty one. Return where it is now.

    For a store that is not open, and only when a person wants it: what was learned is gone from then on. The newest
    three such files are kept. Raises OSError.
    """
    return await asyncio.to_thread(_set_aside, path, now)


def _set_aside(path: Path, now: datetime) -> Path:
    mark = f"{path.name}.damaged-"
    aside = path.with_name(f"{mark}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    for suffix in ("-wal", "-shm", ""):  # the log goes first: with a new file it would mean something else
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.replace(aside.with_name(aside.name + suffix))
    copies = sorted(each for each in path.parent.glob(f"{mark}*") if not each.name.endswith(("-wal", "-shm")))
    for old in copies[:-_DAMAGED_KEPT]:
        for suffix in ("-wal", "-shm", ""):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    return aside
