"""A real PostgreSQL for the tests, on a port of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
import os
from pathlib import Path
import shutil
import subprocess
import tempfile

import asyncpg  # type: ignore[import-untyped]  # it publishes no types

from devstack.ports import free_port
from devstack.tools import postgresql_bin

#: What is another when a table, an index, a sequence or who may use them has changed.
_SHAPE = """
SELECT md5(string_agg(format('%s %s %s %s %s', n.xmin, c.oid, c.xmin, a.attnum, a.xmin), ',' ORDER BY c.oid, a.attnum))
FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = 'public'
"""
#: The tables that have, or had, rows.
_USED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""

#: The data is thrown away: none of it has to survive a power failure.
_IN_A_HURRY = "-c fsync=off -c full_page_writes=off"


class Postgresql:
    """A server that can be stopped, started and emptied."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self.port = free_port()
        self._shape: str | None = None  # of the tables that `empty_tables` may keep
        self._rows: dict[str, list[asyncpg.Record]] = {}  # that they had when they were new
        # initdb refuses to run as root
        self._as_somebody = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def create(self) -> None:
        (self._folder / "sock").mkdir()
        if self._as_somebody:
            for path in (self._folder, self._folder / "sock"):
                shutil.chown(path, "postgres")
        cluster = ["-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "-D", self._data, *cluster)

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder}/sock {_IN_A_HURRY}"
        self._run("pg_ctl", "-D", self._data, "-s", "-w", "-l", f"{self._folder}/log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-s", "-w", "-m", "immediate", "stop")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def socket_url(self) -> str:
        return f"postgresql://postgres@:{self.port}/postgres?host={self._folder}/sock"

    async def empty(self) -> None:
        """Drop all tables. A new database for each test would take longer, and much more room."""
        async with self.connected() as connection:
            await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    async def empty_tables(self) -> None:
        """Leave the tables as they were at `keep_tables`, or none when they are others by now.

        To drop and to make them is most of what a new store costs here.
        """
        async with self.connected() as connection, connection.transaction():
            if self._shape is None or await connection.fetchval(_SHAPE) != self._shape:
                self._shape = None
                self._rows = {}
                await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
                return
            if used := ", ".join(f'"{table}"' for (table,) in await connection.fetch(_USED)):
                await connection.execute(f"TRUNCATE {used} RESTART IDENTITY CASCADE")
            for table, rows in self._rows.items():
                await connection.copy_records_to_table(table, records=rows)
            self._shape = await connection.fetchval(_SHAPE)

    async def keep_tables(self) -> None:
        """Let the tables that a store has just made, with their rows, be what `empty_tables` leaves."""
        if self._shape is not None:
            return
        async with self.connected() as connection:
            for (table,) in await connection.fetch(_USED):
                self._rows[table] = await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 -- of the server
            self._shape = await connection.fetchval(_SHAPE)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        """Connect as somebody else would."""
        connection = await asyncpg.connect(self.url, ssl=False)
        try:
            yield connection
        finally:
            await connection.close()

    @property
    def _data(self) -> str:
        return f"{self._folder}/data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_somebody, str(self._programs / program), *arguments]
        # the server inherits what it is given: it must not keep a pipe of the tests open
        with (self._folder / "said").open("ab") as said:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", timeout=60)


@contextmanager
def running_postgresql() -> Iterator[Postgresql | None]:
    """Start a server, None where none is installed."""
    programs = postgresql_bin()
    if programs is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="sokoul-postgresql-", dir="/tmp"))  # paths of sockets have to be short
    try:
        server = Postgresql(programs, folder)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
