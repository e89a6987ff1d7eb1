"""Searching the names that are in memory: the same answers as by looking at every torrent, whatever has changed."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from custom_components.sokoul.model.debrid import DebridStatus, DebridTorrent
from custom_components.sokoul.model.debrid_mirror import DebridQuery, Facet, MirroredTorrent, SortKey
from custom_components.sokoul.store import Store, StoreError, debrid_names
from custom_components.sokoul.store.debrid import folded
from custom_components.sokoul.store.debrid_look import Look

from .make import NOW
from .torrents import ACCOUNT, details, torrent

S = DebridStatus
MANY = [torrent(number, filename=f"Many.{number}") for number in range(20)]


@pytest.fixture(autouse=True)
def small_shelves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debrid_names, "_SHELF", 3)


async def there(store: Store) -> list[MirroredTorrent]:
    return [each async for some in store.mirror_view.walk(ACCOUNT) for each in some]


def place(known: MirroredTorrent, sort: SortKey) -> tuple[Any, str]:
    torrent = known.torrent
    value = {
        SortKey.ADDED: torrent.added_at,
        SortKey.NAME: folded(torrent.filename),
        SortKey.SIZE: torrent.size_bytes,
        SortKey.CHANGED: known.status_at,
    }[sort]
    return value, torrent.id


def facets_of(found: list[MirroredTorrent]) -> set[Facet]:
    counts, sizes = Counter[tuple[S, str]](), Counter[tuple[S, str]]()
    for each in found:
        key = each.torrent.status, each.torrent.host
        counts[key] += 1
        sizes[key] += each.torrent.size_bytes
    return {Facet(*key, count, sizes[key]) for key, count in counts.items()}


async def pages(store: Store, query: DebridQuery) -> list[Look]:
    looks = [await store.mirror_view.look(ACCOUNT, query)]
    while (cursor := looks[-1].more) is not None:
        looks.append(await store.mirror_view.look(ACCOUNT, replace(query, cursor=cursor)))
        assert looks[-1].page, "a cursor is the place before something"
    return looks


def gone_through(store: Store) -> list[str]:
    """Return a list of the statements that look at names of all torrents, from now on."""
    found: list[str] = []

    def note(*given: Any) -> None:
        if ("glob(" in given[2] or "strpos(" in given[2] or "GLOB" in given[2]) and "id IN" not in given[2]:
            found.append(given[2])

    event.listen(store.mirror._database._engine.sync_engine, "before_cursor_execute", note)
    return found


def is_in_memory(store: Store) -> bool:
    return ACCOUNT in store._names._names


# --- whatever is done ------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 9)
TEXTS = st.text(st.sampled_from("aabA.é_ %☂*?[\U0001f3ac"), max_size=5)
#: Most are in many names.
WORDS = st.one_of(st.sampled_from("aab"), TEXTS.map(folded).filter(bool))
TORRENTS = st.builds(
    lambda number, name, size, status, host, age: torrent(
        number,
        filename=name,
        size_bytes=size,
        status=status,
        host=host,
        added_at=NOW - timedelta(hours=age),
        ended_at=None if age % 2 else NOW - timedelta(minutes=age),
    ),
    NUMBERS,
    st.one_of(st.sampled_from(["a", "A.b", "ba"]), TEXTS),
    st.sampled_from([0, 1, 2**31, 2**61]),
    st.sampled_from([S.DOWNLOADED, S.DEAD, S.QUEUED]),
    st.sampled_from(["here", "elsewhere"]),
    st.integers(0, 2),
)
ACTS = st.one_of(
    st.tuples(st.just("apply"), st.lists(TORRENTS, max_size=8)),
    st.tuples(st.just("vanish"), st.frozensets(NUMBERS, max_size=3)),
    st.tuples(st.just("forget"), NUMBERS),
    st.tuples(st.just("gone"), st.lists(TORRENTS, max_size=3)),
    st.tuples(st.just("details"), TORRENTS),
    st.tuples(st.just("prune"), st.none()),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("tidy"), st.none()),
    st.tuples(st.just("tidy"), st.none()),
)
QUERIES = st.builds(
    DebridQuery,
    words=st.lists(WORDS, min_size=1, max_size=2).map(tuple),
    statuses=st.sampled_from([(), (S.DEAD,), (S.DOWNLOADED, S.QUEUED)]),
    hosts=st.sampled_from([(), ("here",), ("nowhere",)]),
    sort=st.sampled_from(SortKey),
    descending=st.booleans(),
    limit=st.integers(1, 4),
)


async def do(store: Store, act: str, value: Any) -> None:
    mirror = store.mirror
    match act:
        case "apply":
            await mirror.apply(ACCOUNT, value, NOW)
        case "vanish":
            await mirror.vanish(ACCOUNT, [torrent(number).id for number in range(10) if number not in value], NOW)
        case "forget":
            await mirror.forget_torrent(ACCOUNT, torrent(value).id, NOW)
        case "gone":
            await mirror.remember_gone(ACCOUNT, value, NOW)
        case "details":
            await mirror.keep_details(ACCOUNT, [details(value)], NOW)
        case "prune":
            await mirror.prune_gone(ACCOUNT, NOW + timedelta(days=1))
        case "clear":
            await mirror.clear(ACCOUNT)
        case "tidy":
            await mirror.tidy(ACCOUNT)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(TORRENTS, min_size=6, max_size=12),
    turns=st.lists(st.tuples(st.lists(ACTS, max_size=3), QUERIES), min_size=1, max_size=4),
)
async def test_a_search_finds_what_looking_at_every_torrent_does(
    store: Store, first: list[DebridTorrent], turns: list[tuple[list[tuple[str, Any]], DebridQuery]]
) -> None:
    await store.mirror.clear(ACCOUNT, history=True)
    await store.mirror.apply(ACCOUNT, first, NOW - timedelta(hours=1))
    await store.mirror.tidy(ACCOUNT)
    for acts, query in turns:
        for act, value in acts:
            await do(store, act, value)
        was_in_memory = is_in_memory(store)
        named = [
            each for each in await there(store) if all(word in folded(each.torrent.filename) for word in query.words)
        ]
        fitting = [
            each
            for each in named
            if (not query.statuses or each.torrent.status in query.statuses)
            and (not query.hosts or each.torrent.host in query.hosts)
        ]
        fitting.sort(key=lambda each: place(each, query.sort), reverse=query.descending)
        looks = await pages(store, query)
        assert [each for look in looks for each in look.page] == fitting
        assert all(len(look.page) == query.limit for look in looks[:-1])
        for look in looks:
            assert set(look.facets) == facets_of(named)
            assert len(look.facets) == len(set(look.facets))
        found, more = await store.mirror_view.find(ACCOUNT, query)
        assert (found, more) == (looks[0].page, looks[0].more)
        assert is_in_memory(store) is was_in_memory


@pytest.mark.parametrize("sort", SortKey)
@pytest.mark.parametrize("descending", [True, False])
async def test_pages_show_everything_once_in_any_order(store: Store, sort: SortKey, *, descending: bool) -> None:
    """Many are equal in what they are sorted by, and no order is that of the shelves."""
    many = [
        torrent(
            number,
            filename=f"Many.{number * 7 % 5}",
            size_bytes=number * 7 % 4,
            status=(S.DEAD, S.DOWNLOADED)[number % 2],
            added_at=NOW - timedelta(hours=number * 7 % 6),
            ended_at=NOW - timedelta(hours=number * 5 % 3),
        )
        for number in range(20)
    ]
    await store.mirror.apply(ACCOUNT, many, NOW)
    await store.mirror.tidy(ACCOUNT)
    for limit in (1, 3):
        looks = await pages(store, DebridQuery(words=("many",), sort=sort, descending=descending, limit=limit))
        expected = sorted(await there(store), key=lambda each: place(each, sort), reverse=descending)
        assert [each for look in looks for each in look.page] == expected
    assert is_in_memory(store)


# --- what is asked of the database -----------------------------------------------------------------------------------


async def test_the_database_goes_through_no_names_after_a_synchronisation(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    statements, query = gone_through(store), DebridQuery(words=("many",), limit=2)
    before = await store.mirror_view.look(ACCOUNT, query)
    assert statements
    await store.mirror.tidy(ACCOUNT)
    statements.clear()
    assert await store.mirror_view.look(ACCOUNT, query) == before
    assert not statements


async def test_of_what_changed_nothing_else_is_read(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    await store.mirror.tidy(ACCOUNT)
    read: list[int] = []
    rows = store._names._rows

    async def counting(statement: Any) -> Any:
        found = await rows(statement)
        read.append(len(found))
        return found

    store._names._rows = counting  # type: ignore[method-assign]
    await store.mirror.apply(ACCOUNT, [*MANY, torrent(30, filename="Many.new"), torrent(3, filename="Other")], NOW)
    await store.mirror.forget_torrent(ACCOUNT, MANY[5].id, NOW)
    await store.mirror.apply("another", MANY, NOW)
    query = DebridQuery(words=("many",), limit=100)
    assert len((await store.mirror_view.look(ACCOUNT, query)).page) == 19
    assert read == [2]
    assert len((await store.mirror_view.look(ACCOUNT, query)).page) == 19
    await store.mirror.tidy(ACCOUNT)
    assert read == [2]


async def test_what_was_counted_is_known_until_something_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    await store.mirror.tidy(ACCOUNT)
    gone_through: list[int] = []
    having = debrid_names._Shelf.having

    def counting(shelf: Any, words: Any) -> Any:
        gone_through.append(len(shelf.ids))
        return having(shelf, words)

    monkeypatch.setattr(debrid_names._Shelf, "having", counting)
    query = DebridQuery(words=("many",), limit=2)
    first = await store.mirror_view.look(ACCOUNT, query)
    assert sum(gone_through) == 20
    gone_through.clear()
    assert await store.mirror_view.look(ACCOUNT, query) == first
    await store.mirror_view.look(ACCOUNT, replace(query, cursor=first.more))
    assert sum(gone_through) <= 9, "the first shelves have all of the page"
    for number in range(1, 17):  # the first of 17 is not remembered
        await store.mirror_view.look(ACCOUNT, DebridQuery(words=(f"{number}",)))
    gone_through.clear()
    await store.mirror_view.look(ACCOUNT, query)
    assert sum(gone_through) == 20
    await store.mirror.forget_torrent(ACCOUNT, MANY[0].id, NOW)
    gone_through.clear()
    changed = await store.mirror_view.look(ACCOUNT, query)
    assert sum(gone_through) == 19
    assert sum(each.count for each in changed.facets) == 19


# --- when they are not in memory -------------------------------------------------------------------------------------


async def found_in_all(store: Store) -> int:
    look = await store.mirror_view.look(ACCOUNT, DebridQuery(words=("many",), limit=1))
    return sum(each.count for each in look.facets)


@pytest.mark.parametrize("by_memory", [True, False], ids=["at the limit", "above the limit"])
async def test_after_many_changes_all_are_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, *, by_memory: bool
) -> None:
    monkeypatch.setattr(debrid_names, "_CHANGES", 5)
    await store.mirror.apply(ACCOUNT, MANY[:3], NOW)
    await store.mirror.tidy(ACCOUNT)
    await store.mirror.apply(ACCOUNT, MANY[3 : 8 if by_memory else 9], NOW)
    assert is_in_memory(store) is by_memory
    assert await found_in_all(store) == (8 if by_memory else 9)
    await store.mirror.tidy(ACCOUNT)
    assert is_in_memory(store)
    assert await found_in_all(store) == (8 if by_memory else 9)


async def test_after_changes_at_many_times_all_are_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debrid_names, "_SHELVES", 2)
    await store.mirror.apply(ACCOUNT, MANY[:3], NOW)
    await store.mirror.tidy(ACCOUNT)
    scattered = []
    for number in range(3, 8):
        await store.mirror.apply(ACCOUNT, [MANY[number]], NOW)
        assert await found_in_all(store) == number + 1
        scattered.append(store._names._names[ACCOUNT].is_scattered)
    assert scattered == [False, False, True, True, True]
    await store.mirror.tidy(ACCOUNT)
    assert not store._names._names[ACCOUNT].is_scattered
    assert await found_in_all(store) == 8


@pytest.mark.parametrize("much", [False, True])
async def test_what_changes_while_they_are_read_is_not_missed(
    store: Store, monkeypatch: pytest.MonkeyPatch, *, much: bool
) -> None:
    if much:
        monkeypatch.setattr(debrid_names, "_CHANGES", 1)
    await store.mirror.apply(ACCOUNT, MANY[:6], NOW)
    rows, done = store._names._rows, []

    async def changing(statement: Any) -> Any:
        found = await rows(statement)
        if not done:
            done.append(True)
            await store.mirror.apply(ACCOUNT, [MANY[7], replace(MANY[5], filename="Other")], NOW)
        return found

    store._names._rows = changing  # type: ignore[method-assign]
    await store.mirror.tidy(ACCOUNT)
    assert is_in_memory(store) is not much
    assert await found_in_all(store) == 6
    assert is_in_memory(store) is not much


async def test_what_changes_while_changes_are_read_is_not_missed(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, MANY[:6], NOW)
    await store.mirror.tidy(ACCOUNT)
    rows, done = store._names._rows, []

    async def changing(statement: Any) -> Any:
        found = await rows(statement)
        if not done:
            done.append(True)
            await store.mirror.apply(ACCOUNT, [MANY[8]], NOW)
        return found

    store._names._rows = changing  # type: ignore[method-assign]
    await store.mirror.apply(ACCOUNT, [MANY[7]], NOW)
    assert await found_in_all(store) == 8, "the database was asked: it had one more than what was in memory"
    assert is_in_memory(store)
    statements = gone_through(store)
    assert await found_in_all(store) == 8
    assert not statements


async def test_what_somebody_else_changed_is_seen_by_the_counts(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    await store.mirror.tidy(ACCOUNT)

    async def meddle(connection: AsyncConnection) -> None:
        await connection.execute(text("DELETE FROM debrid_torrents WHERE id = :id"), {"id": MANY[0].id})

    await store.mirror._database.write(meddle)
    assert await found_in_all(store) == 19
    assert not is_in_memory(store)
    await store.mirror.tidy(ACCOUNT)
    assert await found_in_all(store) == 19


@pytest.mark.parametrize("changes", [False, True], ids=["all", "changes"])
@pytest.mark.parametrize("error", [StoreError("broken"), asyncio.CancelledError()], ids=["error", "cancelled"])
async def test_names_that_could_not_be_read_are_not_believed(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException, *, changes: bool
) -> None:
    await store.mirror.apply(ACCOUNT, MANY[:10], NOW)
    if changes:
        await store.mirror.tidy(ACCOUNT)
        await store.mirror.apply(ACCOUNT, MANY, NOW)

    async def failing(statement: Any) -> Any:
        raise error

    monkeypatch.setattr(store._names, "_rows", failing)
    with pytest.raises(type(error)):
        await store._names.refresh(ACCOUNT)
    monkeypatch.undo()
    assert not is_in_memory(store)
    assert await found_in_all(store) == (20 if changes else 10)
    await store.mirror.tidy(ACCOUNT)
    assert is_in_memory(store)
    assert await found_in_all(store) == (20 if changes else 10)


async def test_a_write_that_failed_leaves_nothing_to_be_believed(store: Store) -> None:
    """It may have been written all the same: a database that takes too long tells nothing."""
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    await store.mirror.tidy(ACCOUNT)

    async def failing(connection: AsyncConnection) -> None:
        raise StoreError("too long")

    with pytest.raises(StoreError):
        await store.mirror._changing(ACCOUNT, failing)
    assert not is_in_memory(store)


async def test_nobody_waits_while_all_are_read(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    rows, begun, go_on = store._names._rows, asyncio.Event(), asyncio.Event()

    async def waiting(statement: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await rows(statement)

    store._names._rows = waiting  # type: ignore[method-assign]
    tidying = asyncio.create_task(store.mirror.tidy(ACCOUNT))
    await begun.wait()
    assert await found_in_all(store) == 20
    go_on.set()
    await tidying
    assert is_in_memory(store)


async def test_two_who_refresh_read_once(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, MANY[:2], NOW)
    rows, read = store._names._rows, []

    async def counting(statement: Any) -> Any:
        read.append(statement)
        return await rows(statement)

    store._names._rows = counting  # type: ignore[method-assign]
    await asyncio.gather(store.mirror.tidy(ACCOUNT), store.mirror.tidy(ACCOUNT))
    assert len(read) == 2, "what there is, and that there is no more"
