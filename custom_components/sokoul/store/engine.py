"""Engines of SQLAlchemy for the two databases, with everything bounded in time.

Creating one imports drivers, makes folders and reads certificates. None of that belongs on an event loop: `make_engine`
runs in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
import ssl
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .errors import InvalidUrl, StoreError

#: Installed only once somebody names a PostgreSQL database. The first with wheels for Python 3.14 is 0.31.
POSTGRESQL_REQUIREMENTS = ("asyncpg>=0.31",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things may take and may be put off."""

    lock: timedelta = timedelta(seconds=5)  # for another program to let go of the database
    connect: timedelta = timedelta(seconds=10)  # to reach PostgreSQL, or to get a connection of the pool
    answer: timedelta = timedelta(seconds=30)  # for a transaction as a whole, whatever hangs
    check: timedelta = timedelta(minutes=5)  # for reading a whole file when it is opened
    gather: timedelta = timedelta(seconds=60)  # before memories are written: the usual disk is a memory card
    hold: timedelta = timedelta(minutes=30)  # for a backup that never says that it ended


#: The option of an engine or connection that says how its transactions begin, in SQLite.
BEGIN = "sokoul_begin"

#: Two may read while one writes. Each connection of SQLite is a thread.
_CONNECTIONS = 3

#: Of each connection of SQLite.
#:
#: With the write-ahead log readers and the writer don't wait for each other, and what was committed survives the death
#: of the process. After a power failure `synchronous=NORMAL` would lose the newest commits, though never the database.
#: But a row that says "I am about to remove this" must not be lost while the removal isn't, so commits wait for the
#: disk (FULL). That is one more wait for each transaction, in the thread of the writer, and these are few: those of
#: the journal, and one of the memory a minute at most.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


def is_postgresql(where: Path | str) -> bool:
    """Tell a database of PostgreSQL (text: its address) from one of SQLite (the path of a file)."""
    return isinstance(where, str)


def load(where: Path | str) -> None:
    """Import what is needed for a database, in an executor. `open_store` does so by itself.

    Raises ImportError where `POSTGRESQL_REQUIREMENTS` is needed and not installed.
    """
    if is_postgresql(where):
        import_module("asyncpg")  # by its name: it is no requirement of everybody
        import_module("sqlalchemy.dialects.postgresql.asyncpg")
    else:
        import aiosqlite  # noqa: F401, PLC0415 -- here, and not when the event loop asks for the first connection
        import sqlalchemy.dialects.sqlite.aiosqlite  # noqa: F401, PLC0415


def make_engine(where: Path | str, limits: Limits) -> AsyncEngine:
    """Make an engine; nothing is connected yet. Blocks: call it in a thread. Raises `StoreError`."""
    if isinstance(where, str):
        url, arguments = _postgresql(where, limits)
    else:
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"there is no folder for the database: {error.strerror}") from error
        url = URL.create("sqlite+aiosqlite", database=str(where))
        # without an isolation level sqlite3 leaves transactions to us, so that they can hold changes of tables too
        arguments = {"timeout": limits.lock.total_seconds(), "isolation_level": None}
    load(where)
    engine = create_async_engine(
        url,
        connect_args=arguments,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=limits.connect.total_seconds(),
        pool_pre_ping=is_postgresql(where),  # it may have been restarted; a file has not
        hide_parameters=True,  # names of files are nobody's business in a log
    )
    if not is_postgresql(where):
        event.listen(engine.sync_engine, "connect", _set_pragmas)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, record: object) -> None:
    del record
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    if statement := connection.get_execution_options().get(BEGIN, "BEGIN"):
        connection.exec_driver_sql(statement)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _postgresql(address: str, limits: Limits) -> tuple[URL, dict[str, Any]]:
    """Return the address without its options, and what they mean to asyncpg.

    asyncpg would look for passwords and certificates in files of its own, each time it connects, on the event loop.
    With a password and a context for TLS it doesn't.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise InvalidUrl("this is not the address of a database") from error
    if url.get_backend_name() not in {"postgresql", "postgres"} or not url.database:
        raise InvalidUrl("an address looks like postgresql://user:password@host/database")
    options = dict(url.query)
    arguments = {
        "password": url.password or "",
        "ssl": _tls(options),
        "timeout": limits.connect.total_seconds(),
        "command_timeout": limits.answer.total_seconds(),
    }
    if isinstance(folder := options.pop("host", None), str):
        arguments["host"] = folder  # of the socket, on the same machine
    if options:
        raise InvalidUrl(f"the address has options that are not known: {', '.join(sorted(options))}")
    return url.set(drivername="postgresql+asyncpg", query={}), arguments


def _tls(options: dict[str, Any]) -> ssl.SSLContext | bool:
    """Return what `sslmode` asks for, as libpq has it; without one, the connection is in the clear."""
    mode, root = options.pop("sslmode", "disable"), options.pop("sslrootcert", None)
    if mode == "disable":
        return False
    if mode not in _TLS:
        raise InvalidUrl(f"sslmode has to be one of {', '.join(('disable', *_TLS))}")
    try:
        context = ssl.create_default_context(cafile=root)
    except OSError as error:
        raise InvalidUrl(f"the file of sslrootcert can't be read: {error.strerror}") from error
    context.check_hostname = mode == "verify-full"
    context.verify_mode = _TLS[mode]
    return context


_TLS: Mapping[str, ssl.VerifyMode] = {
    "require": ssl.CERT_NONE,
    "verify-ca": ssl.CERT_REQUIRED,
    "verify-full": ssl.CERT_REQUIRED,
}
