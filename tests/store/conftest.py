"""Every test that takes `where` or `store` runs on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from custom_components.sokoul.store import Store, open_store

from .make import NOW, Timers
from .servers import Postgresql, running_postgresql

type Where = Path | str


@pytest.fixture(scope="session")
def _server() -> Iterator[Postgresql | None]:
    with running_postgresql() as server:
        yield server


@pytest.fixture
async def postgresql(request: pytest.FixtureRequest, socket_enabled: None) -> Postgresql:
    server: Postgresql | None = request.getfixturevalue("_server")  # now that it may look for a free port
    if server is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    # how its tables come to be is the matter of tests that open it themselves
    await (server.empty_tables() if "store" in request.fixturenames else server.empty())
    return server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history" / "sokoul.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def where(request: pytest.FixtureRequest) -> Where:
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("file")
        return path
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.url


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
async def store(
    request: pytest.FixtureRequest, where: Where, timers: Timers, empty_database: bytes
) -> AsyncIterator[Store]:
    """Open a store without rows. How its tables come to be is the matter of tests that open `where` themselves."""
    if isinstance(where, Path):
        where.parent.mkdir()
        where.write_bytes(empty_database)
    opened = await open_store(where, clock=lambda: NOW, call_later=timers.call_later)
    if isinstance(where, str):
        await request.getfixturevalue("postgresql").keep_tables()
    yield opened
    await opened.close()
