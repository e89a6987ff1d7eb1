"""The watchlist: as it was, all of it, and nothing lost that can't be read."""

from dataclasses import replace
from datetime import timedelta
import json

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from sqlalchemy import insert, select

from custom_components.sokoul.model.plain import plain, read
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.store import Store, open_store
from custom_components.sokoul.store.schema import MIGRATIONS
from custom_components.sokoul.store.watchlist import WISHES
from custom_components.sokoul.watchlist.items import (
    Dates,
    Keeper,
    Out,
    Part,
    PartState,
    Wish,
    WishState,
)

from ..watchlist.make import BEAR, DUNE, NOW, movie, on, part, series
from .conftest import Where
from .make import entry

FULL = series(
    part("S03E01", PartState.READY, ready_at=NOW, release="The.Bear.S03E01", download="a" * 40, entry_id=7),
    part("S03E02", PartState.WAITING, out_on=on(3), out=Out.AIRED, out_at=NOW + timedelta(days=3), name="Next"),
    part("S03E03", failed=("b" * 40,), searches=3, searched_at=NOW, refused=Reason(key="x", parameters={"at": NOW})),
    season=3,
    asked_by="user",
    minimum=0,
    auto=False,
    state=WishState.WAITING,
    choices=(DUNE, BEAR),
    keeper=Keeper(backend_id="sonarr", library_id=3, added=True, episodes=(1, 2)),
    dates=Dates(cinema=on(-9)),
    ended=True,
    due=NOW,
    why=(Reason(key="watchlist.not_out", parameters={"on": on(3)}),),
)
EMPTY = Wish(id="0", text="", asked_at=NOW - timedelta(days=9))


async def test_wishes_come_back_as_they_were_in_their_order(store: Store) -> None:
    assert await store.wishes.load() == []
    await store.wishes.save(FULL, NOW)
    await store.wishes.save_all([EMPTY, movie(PartState.GRABBED, minimum=Resolution.P2160)], NOW)
    expected = [EMPTY, movie(PartState.GRABBED, minimum=Resolution.P2160), FULL]
    assert sorted(await store.wishes.load(), key=lambda wish: wish.id) == sorted(expected, key=lambda wish: wish.id)
    assert (await store.wishes.load())[0] == EMPTY, "it was asked for first"
    assert store.wishes.unreadable == 0


async def test_a_wish_that_changed_is_still_one(store: Store) -> None:
    await store.wishes.save(FULL, NOW)
    changed = replace(FULL, state=WishState.READY, parts=FULL.parts[:1])
    await store.wishes.save(changed, NOW + timedelta(hours=1))
    assert await store.wishes.load() == [changed]


async def test_as_many_as_may_be_are_written_and_deleted(store: Store) -> None:
    many = [replace(FULL, id=f"{number:04}") for number in range(1_000)]
    await store.wishes.save_all(many, NOW)
    await store.wishes.save_all([], NOW)
    assert await store.wishes.load() == many
    await store.wishes.delete([each.id for each in many[1:]] + ["that was never there"])
    await store.wishes.delete([])
    assert await store.wishes.load() == many[:1]


async def test_characters_that_no_database_takes_do_no_harm(store: Store) -> None:
    await store.wishes.save(replace(EMPTY, text="a\0b\ud800"), NOW)
    assert [wish.text for wish in await store.wishes.load()] == ["a\ufffdb\ufffd"]


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        json.dumps({"version": 1}),
        json.dumps({"version": 2, "wish": plain(EMPTY)}),
        json.dumps({"version": 1, "wish": plain(EMPTY) | {"of_a_newer_version": 1}}),
        json.dumps({"version": 1, "wish": plain(EMPTY) | {"state": "dreamt_of"}}),
        json.dumps({"version": 1, "wish": plain(EMPTY) | {"parts": [{"state": 3}]}}),
        json.dumps({"version": 1, "wish": plain(EMPTY) | {"asked_at": "2026-11-21T12:00:00"}}),
    ],
)
async def test_a_row_that_can_not_be_read_is_counted_and_left(store: Store, stored: str) -> None:
    row = {"id": "odd", "asked_at": 0, "changed_at": 0, "state": "?", "wish": stored}
    await store._database.write(lambda connection: connection.execute(insert(WISHES), row))
    await store.wishes.save(FULL, NOW)
    assert await store.wishes.load() == [FULL]
    assert store.wishes.unreadable == 1
    await store.wishes.delete([FULL.id])
    assert await store.wishes.load() == []
    rows = await store._database.read(lambda connection: connection.execute(select(WISHES.c.wish)))
    assert rows.scalars().all() == [stored]


async def test_what_was_saved_is_there_after_a_restart(where: Where) -> None:
    store = await open_store(where)
    await store.wishes.save(FULL, NOW)
    await store.close()
    again = await open_store(where)
    assert await again.wishes.load() == [FULL]
    await again.close()


async def test_a_database_from_before_gets_the_table(where: Where) -> None:
    old = await open_store(where, migrations=MIGRATIONS[:4])
    added = await old.journal.add(entry(label="Film"))
    await old.close()
    store = await open_store(where)
    await store.wishes.save(FULL, NOW)
    assert await store.wishes.load() == [FULL]
    assert await store.journal.get(added.id) == added
    await store.close()


# --- anything --------------------------------------------------------------------------------------------------------

texts = st.text(max_size=8)
moments = st.none() | st.datetimes(timezones=st.just(NOW.tzinfo))
reasons = st.builds(
    Reason, key=texts, parameters=st.dictionaries(texts, st.dates() | st.integers() | texts, max_size=2)
)
parts = st.builds(
    Part,
    season=st.none() | st.integers(0, 99),
    episode=st.none() | st.integers(0, 9999),
    name=texts,
    state=st.sampled_from(PartState),
    out_on=st.none() | st.dates(),
    out=st.none() | st.sampled_from(Out),
    out_at=moments,
    searches=st.integers(0, 99),
    searched_at=moments,
    failed=st.lists(texts, max_size=2).map(tuple),
    refused=st.none() | reasons,
)
wishes = st.builds(
    Wish,
    id=texts,
    text=texts,
    asked_at=st.datetimes(timezones=st.just(NOW.tzinfo)),
    asked_by=st.none() | texts,
    minimum=st.none() | st.just(0) | st.sampled_from(Resolution),
    auto=st.none() | st.booleans(),
    state=st.sampled_from(WishState),
    choices=st.lists(st.sampled_from([DUNE, BEAR]), max_size=2).map(tuple),
    keeper=st.none() | st.builds(Keeper, backend_id=texts, library_id=st.integers(0, 2**31)),
    ended=st.none() | st.booleans(),
    parts=st.lists(parts, max_size=3).map(tuple),
    why=st.lists(reasons, max_size=2).map(tuple),
    due=moments,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(wishes)
def test_any_wish_comes_back_from_json(wish: Wish) -> None:
    assert read(Wish, json.loads(json.dumps(plain(wish)))) == wish
