"""Everything that can go wrong with a store, named for what a person can do about it.

Messages hold no secret: neither the address of a database nor the parameters of a statement are in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, TimeoutError as PoolTimeout


class StoreError(Exception):
    """The store could not do what was asked. What was to be written may be written all the same if time ran out."""


class Damaged(StoreError):  # noqa: N818 -- these are named for what happened
    """The database can't be read as one: `set_aside` keeps a copy and makes room for an empty one."""


class Locked(StoreError):  # noqa: N818
    """Another program holds the database for longer than we wait."""


class Full(StoreError):  # noqa: N818
    """There is no room left on the disk of the database."""


class NewerSchema(StoreError):  # noqa: N818
    """A newer version of SOKOUL wrote this database. It is left as it is."""


class Unreachable(StoreError):  # noqa: N818
    """PostgreSQL can't be reached, or it refuses us: address, port, TLS, user, password or name of the database."""


class AccessDenied(Unreachable):
    """PostgreSQL answers, and refuses this user: a wrong name or password, or tables that it may not make."""


class TooOld(StoreError):  # noqa: N818
    """This PostgreSQL is older than what is needed."""


class InvalidUrl(StoreError):  # noqa: N818
    """This is not the address of a PostgreSQL database."""


class TookTooLong(StoreError):  # noqa: N818
    """The database did not answer in time."""


class NotEmpty(StoreError):  # noqa: N818
    """There is something already where something was to be copied to."""


class OnServer(StoreError):  # noqa: N818
    """This is for files. A PostgreSQL is looked after by its own tools."""


class UnknownEntry(StoreError):  # noqa: N818
    """The journal has no entry of that id (any more)."""


#: Primary result codes of SQLite (https://sqlite.org/rescode.html).
_SQLITE: dict[int, type[StoreError]] = {
    sqlite3.SQLITE_BUSY: Locked,
    sqlite3.SQLITE_LOCKED: Locked,
    sqlite3.SQLITE_CORRUPT: Damaged,
    sqlite3.SQLITE_NOTADB: Damaged,
    sqlite3.SQLITE_FULL: Full,
}
#: SQLSTATEs of PostgreSQL, by their first characters (PostgreSQL's documentation, appendix A).
_POSTGRESQL: dict[str, type[StoreError]] = {
    "08": Unreachable,  # connection exception
    "28": AccessDenied,  # invalid authorization
    "3D": Unreachable,  # no such database
    "3F": AccessDenied,  # no schema that it may use
    "42501": AccessDenied,  # insufficient privilege
    "53100": Full,
    "53300": Unreachable,  # too many connections
    "55P03": Locked,
    "40P01": Locked,  # deadlock
    "57014": TookTooLong,
    "57P": Unreachable,  # shut down, or starting
    "XX001": Damaged,
    "XX002": Damaged,
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise what goes wrong inside as `StoreError`."""
    try:
        yield
    except DBAPIError as error:
        raise _named(error.orig) from error
    except (PoolTimeout, TimeoutError) as error:
        raise TookTooLong("the database did not answer in time") from error
    except SQLAlchemyError as error:
        raise StoreError(f"the database layer failed: {type(error).__name__}") from error
    except (OSError, sqlite3.Error) as error:
        raise _named(error) from error
    except Exception as error:
        # asyncpg has no base class for what connecting raises, and can't be imported where it isn't installed
        if type(error).__module__.partition(".")[0] != "asyncpg":
            raise
        raise _named(error) from error


def is_about_the_database(error: StoreError) -> bool:
    """Tell whether what failed once would fail for everything else too."""
    return isinstance(error, (Damaged, Locked, Full, Unreachable, TookTooLong))


def _named(error: BaseException | None) -> StoreError:
    """Return the error for what a driver raised."""
    cause = getattr(error, "__cause__", None) or error  # SQLAlchemy puts its own in front of asyncpg's
    message = str(cause).partition("\n")[0]
    match cause:
        case sqlite3.Error():
            code: int = getattr(cause, "sqlite_errorcode", 0)
            return _SQLITE.get(code & 0xFF, StoreError)(f"SQLite: {message}")
        case OSError():
            return Unreachable(f"no connection: {message}")
    state = _sqlstate(error)
    kind = next((kind for prefix, kind in _POSTGRESQL.items() if state.startswith(prefix)), StoreError)
    told = message if issubclass(kind, Unreachable) else type(cause).__name__  # a message may quote values elsewhere
    return kind(f"PostgreSQL: {told} ({state or 'no code'})")


def _sqlstate(error: Any) -> str:
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
