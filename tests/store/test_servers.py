"""The PostgreSQL of the tests: each test finds tables that are as new."""

import asyncpg  # type: ignore[import-untyped]  # it publishes no types
import pytest

from custom_components.sokoul.store import open_store

from .servers import Postgresql

pytestmark = pytest.mark.real

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
async def tables(postgresql: Postgresql) -> int:
    """Return how many there are; they may be kept."""
    await (await open_store(postgresql.url)).close()
    await postgresql.keep_tables()
    async with postgresql.connected() as connection:
        await connection.execute("CREATE TABLE counted (number integer GENERATED ALWAYS AS IDENTITY, name text)")
    await postgresql.empty_tables()  # they changed
    await (await open_store(postgresql.url)).close()
    async with postgresql.connected() as connection:
        await connection.execute("CREATE TABLE counted (number integer GENERATED ALWAYS AS IDENTITY, name text)")
        count: int = await connection.fetchval(TABLES)
    await postgresql.keep_tables()
    return count


async def contents(connection: asyncpg.Connection) -> list[list[asyncpg.Record]]:
    return [await connection.fetch(f"SELECT * FROM {table}") for table in ("schema_version", "counted")]  # noqa: S608


async def test_tables_are_kept_without_what_a_test_wrote(postgresql: Postgresql, tables: int) -> None:
    async with postgresql.connected() as connection:
        before = await contents(connection)
        assert [len(rows) for rows in before] == [1, 0]
    for _ in range(2):
        async with postgresql.connected() as connection:
            assert await connection.fetchval("INSERT INTO counted (name) VALUES ('a') RETURNING number") == 1
            await connection.execute("UPDATE schema_version SET version = version + 1")
            assert await contents(connection) != before
        await postgresql.empty_tables()
        async with postgresql.connected() as connection:
            assert await contents(connection) == before
            assert await connection.fetchval(TABLES) == tables


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE counted ADD COLUMN more text",
        "ALTER TABLE counted ALTER COLUMN name TYPE varchar",
        "ALTER TABLE counted ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE counted ADD CHECK (number > 0)",
        "CREATE INDEX of_a_test ON counted (name)",
        "GRANT SELECT ON counted TO public",
        "REVOKE ALL ON SCHEMA public FROM public",
        "DROP TABLE counted",
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
    ],
)
@pytest.mark.usefixtures("tables")
async def test_tables_that_a_test_changed_are_not(postgresql: Postgresql, change: str) -> None:
    async with postgresql.connected() as connection:
        await connection.execute(change)
    await postgresql.empty_tables()
    async with postgresql.connected() as connection:
        assert await connection.fetchval(TABLES) == 0
