"""What searches found: kept for a while, within bounds."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from custom_components.sokoul.store import Store, StoreError, open_store, searches
from custom_components.sokoul.store.schema import MIGRATIONS

from .conftest import Where
from .make import NOW, entry

DAY = timedelta(days=1)
BEFORE = NOW - DAY


async def keys(store: Store) -> list[str]:
    """Return which of the keys 0 to 9 are there."""
    return [key for key in map(str, range(10)) if await store.searches.load(key, NOW - 100 * DAY) is not None]


async def test_what_was_found_comes_back_as_it_was(store: Store) -> None:
    found = '{"name": "Amélie \U0001f600"}'
    await store.searches.keep("a", NOW, found, expired=BEFORE)
    assert await store.searches.load("a", BEFORE) == (NOW, found)
    assert await store.searches.load("b", BEFORE) is None
    await store.searches.keep("a", NOW + DAY, "new", expired=BEFORE)
    assert await store.searches.load("a", BEFORE) == (NOW + DAY, "new")


async def test_characters_that_no_database_takes_do_no_harm(store: Store) -> None:
    await store.searches.keep("a", NOW, "a\0b\ud800", expired=BEFORE)
    assert await store.searches.load("a", BEFORE) == (NOW, "a\ufffdb\ufffd")


async def test_what_is_too_old_is_not_told_and_goes(store: Store) -> None:
    await store.searches.keep("1", NOW, "old", expired=BEFORE)
    assert await store.searches.load("1", NOW) is None
    assert await store.searches.load("1", NOW - timedelta(microseconds=1)) is not None
    await store.searches.keep("2", NOW + 2 * DAY, "new", expired=NOW + DAY)
    assert await keys(store) == ["2"]


async def test_the_oldest_go_when_there_are_too_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MOST_ROWS", 3)
    for number in (4, 1, 3, 0, 2):
        await store.searches.keep(str(number), NOW + timedelta(seconds=number), "x", expired=BEFORE)
    assert await keys(store) == ["2", "3", "4"]


async def test_the_oldest_go_when_they_are_too_large(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MOST_CHARACTERS", 25)
    monkeypatch.setattr(searches, "LARGEST", 20)
    for number in range(4):
        await store.searches.keep(str(number), NOW + timedelta(seconds=number), "x" * 10, expired=BEFORE)
    assert await keys(store) == ["2", "3"]
    await store.searches.keep("3", NOW + DAY, "x" * 21, expired=BEFORE)
    assert await keys(store) == ["2"], "what is too large is not kept, and what was kept is no longer true"


async def test_all_of_it_can_be_forgotten(store: Store) -> None:
    await store.searches.keep("1", NOW, "x", expired=BEFORE)
    await store.searches.clear()
    assert await keys(store) == []


async def test_a_database_from_before_gets_the_table(where: Where) -> None:
    old = await open_store(where, migrations=MIGRATIONS[:3])
    added = await old.journal.add(entry(label="Film"))
    await old.close()
    store = await open_store(where)
    await store.searches.keep("1", NOW, "x", expired=BEFORE)
    assert await keys(store) == ["1"]
    assert await store.journal.get(added.id) == added
    await store.close()


async def test_a_database_that_fails_says_so(store: Store) -> None:
    async def drop(connection: AsyncConnection) -> None:
        await connection.execute(text("DROP TABLE searches"))

    await store.searches._database.write(drop)
    with pytest.raises(StoreError):
        await store.searches.load("1", BEFORE)
