"""Looking into the mirror: filters, search, order, pages, counts and figures, the same in both databases."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from sqlalchemy import event, text

from custom_components.sokoul.model.debrid import DebridStatus, DebridTorrent
from custom_components.sokoul.model.debrid_mirror import Activity, DebridQuery, Duplicate, Facet, Presence, SortKey
from custom_components.sokoul.store import Store, open_store

from .make import NOW
from .torrents import ACCOUNT, details, torrent

S = DebridStatus

LISTED = (
    torrent(1, filename="Big.Buck.Bunny.2008.1080p", size_bytes=500),
    torrent(2, filename="big buck_bunny 2160p", size_bytes=900, host="elsewhere"),
    torrent(3, filename="Sintel.2010", size_bytes=100, status=S.DEAD, links=(), ended_at=NOW - timedelta(hours=2)),
    torrent(4, filename="ÉLÉPHANTS dream 100%", size_bytes=300, status=S.DOWNLOADING, ended_at=None),
    torrent(5, filename="Éléphants.Dream", size_bytes=300, hash=torrent(4).hash),
    torrent(6, filename="Cosmos", size_bytes=50, added_at=NOW - timedelta(hours=1), ended_at=NOW),
)
GONE = torrent(7, filename="Big.Buck.Bunny.gone", size_bytes=7)


async def filled(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [*LISTED, GONE], NOW)
    await store.mirror.apply("another", [torrent(1), torrent(9, filename="Big.Buck.Bunny")], NOW)
    await store.mirror.vanish(ACCOUNT, [each.id for each in LISTED], NOW)
    await store.mirror.keep_details(ACCOUNT, [details(LISTED[0]), details(LISTED[2])], NOW - timedelta(days=10))


async def numbers(store: Store, **query: Any) -> list[int]:
    found, _ = await store.mirror_view.find(ACCOUNT, DebridQuery(**query))
    return [int(each.torrent.id.removeprefix("ID")) for each in found]


QUERIES = (
    ("everything, the newest first", {}, [6, 1, 2, 3, 4, 5]),
    ("the oldest first", {"descending": False}, [5, 4, 3, 2, 1, 6]),
    ("by name", {"sort": SortKey.NAME, "descending": False}, [1, 2, 6, 3, 5, 4]),
    ("by size, equal ones by id", {"sort": SortKey.SIZE}, [2, 1, 5, 4, 3, 6]),
    ("by their last change", {"sort": SortKey.CHANGED}, [6, 3, 1, 2, 5, 4]),
    ("a status", {"statuses": (S.DEAD,)}, [3]),
    ("two statuses", {"statuses": (S.DEAD, S.DOWNLOADING)}, [3, 4]),
    ("a host", {"hosts": ("elsewhere",)}, [2]),
    ("a word, whatever its case and dots", {"words": ("buck bunny",)}, [1, 2]),
    ("two words, in any order", {"words": ("2160p", "buck")}, [2]),
    ("accents, whatever their case", {"words": ("éléphants",)}, [4, 5]),
    ("what would be a pattern is none", {"words": ("100%",)}, [4]),
    ("nor is this one", {"words": ("_",)}, []),
    ("nor these", {"words": ("b*k", "?", "[a-z]")}, []),
    ("a word that is longer than any name", {"words": ("a" * 60_000,)}, []),
    ("what is gone", {"presence": Presence.GONE}, [7]),
    ("whatever it is", {"presence": Presence.ANY, "words": ("bunny",)}, [1, 2, 7]),
)


@pytest.mark.parametrize(("query", "found"), [case[1:] for case in QUERIES], ids=[case[0] for case in QUERIES])
@pytest.mark.parametrize("in_memory", [False, True])
async def test_a_query_finds_what_it_asks_for(
    store: Store, query: dict[str, Any], found: list[int], *, in_memory: bool
) -> None:
    await filled(store)
    if in_memory:
        await store.mirror.tidy(ACCOUNT)
    assert await numbers(store, **query) == found


@pytest.mark.parametrize("sort", SortKey)
@pytest.mark.parametrize("descending", [True, False])
async def test_pages_show_everything_once(store: Store, sort: SortKey, *, descending: bool) -> None:
    """Many are equal in what they are sorted by: the cursor knows where it was."""
    same = {"filename": "same", "size_bytes": 1, "added_at": NOW, "ended_at": NOW}
    await store.mirror.apply(ACCOUNT, [*LISTED, *(torrent(number, **same) for number in range(10, 20))], NOW)
    seen: list[str] = []
    cursor = None
    for _ in range(20):
        query = DebridQuery(sort=sort, descending=descending, limit=3, cursor=cursor)
        page, cursor = await store.mirror_view.find(ACCOUNT, query)
        seen += [each.torrent.id for each in page]
        if cursor is None:
            break
    whole, more = await store.mirror_view.find(ACCOUNT, DebridQuery(sort=sort, descending=descending, limit=100))
    assert more is None
    assert seen == [each.torrent.id for each in whole]
    assert len(set(seen)) == 16


@pytest.mark.parametrize("sort", SortKey)
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("limit", [1, 100], ids=["by the order", "by status and host"])
async def test_pages_of_a_status_or_host_show_everything_once(
    store: Store, sort: SortKey, limit: int, *, descending: bool
) -> None:
    """What is rare is sorted as it is found, what isn't is found in its order: nobody can tell."""
    many = [torrent(number, size_bytes=number % 3, status=(S.DEAD, S.DOWNLOADED)[number % 2]) for number in range(40)]
    await store.mirror.apply(ACCOUNT, many, NOW)
    everything, _ = await store.mirror_view.find(ACCOUNT, DebridQuery(sort=sort, descending=descending, limit=100))
    for narrowed in ({"statuses": (S.DEAD,)}, {"hosts": (many[0].host,)}, {"hosts": ("nowhere",)}):
        seen: list[str] = []
        cursor = None
        while not seen or cursor is not None:
            query = DebridQuery(sort=sort, descending=descending, limit=limit, cursor=cursor, **narrowed)
            page, cursor = await store.mirror_view.find(ACCOUNT, query)
            seen += [each.torrent.id for each in page]
            if not page:
                break
        statuses, hosts = narrowed.get("statuses", ()), narrowed.get("hosts", ())
        assert seen == [
            each.torrent.id
            for each in everything
            if (not statuses or each.torrent.status in statuses) and (not hosts or each.torrent.host in hosts)
        ]


async def test_facets_count_what_fits_the_rest(store: Store) -> None:
    await filled(store)
    query = DebridQuery(words=("b",), statuses=(S.DEAD,), hosts=("nowhere",))
    look = await store.mirror_view.look(ACCOUNT, query)
    assert sorted(look.facets, key=lambda each: each.host) == [
        Facet(S.DOWNLOADED, "elsewhere", 1, 900),
        Facet(S.DOWNLOADED, "real-debrid.com", 1, 500),
    ]


@pytest.mark.parametrize("query", [case[1] for case in QUERIES], ids=[case[0] for case in QUERIES])
async def test_a_look_is_a_page_and_its_counts(store: Store, query: dict[str, Any]) -> None:
    await filled(store)
    wanted = DebridQuery(**query, limit=2)
    look = await store.mirror_view.look(ACCOUNT, wanted)
    assert (look.page, look.more) == await store.mirror_view.find(ACCOUNT, wanted)
    rest = await store.mirror_view.look(ACCOUNT, replace(wanted, statuses=(), hosts=(), limit=100))
    assert sum(each.count for each in look.facets) == len(rest.page)
    assert sum(each.size_bytes for each in look.facets) == sum(each.torrent.size_bytes for each in rest.page)


@pytest.mark.parametrize("count", [500, 501])
async def test_many_and_few_are_found_alike(store: Store, count: int) -> None:
    """Few are counted as they are found, many by the database."""
    many = [torrent(number, filename=f"Many.{number}", size_bytes=number) for number in range(count)]
    await store.mirror.apply(ACCOUNT, [*many, torrent(9_999, filename="Other")], NOW)
    look = await store.mirror_view.look(ACCOUNT, DebridQuery(words=("many",), sort=SortKey.SIZE, limit=2))
    assert [each.torrent.size_bytes for each in look.page] == [count - 1, count - 2]
    assert look.more is not None
    assert look.facets == [Facet(S.DOWNLOADED, "real-debrid.com", count, sum(range(count)))]


@pytest.mark.parametrize("presence", Presence)
@pytest.mark.parametrize("others", [0, 3, 200, 400])
async def test_what_most_have_is_counted_like_what_few_have(store: Store, presence: Presence, others: int) -> None:
    """What most have is all but what they lack."""
    status = {"status": S.DEAD, "links": ()}
    many = [torrent(number, filename=f"Many.{number}", size_bytes=2**62 + number) for number in range(600 - others)]
    rest = [
        torrent(number, filename=f"Other.{number}", size_bytes=number, **status) for number in range(600, 600 + others)
    ]
    gone = [
        torrent(number, filename=f"Many.{number}", size_bytes=5, host="elsewhere") for number in range(2_000, 2_700)
    ]
    await store.mirror.apply(ACCOUNT, [*many, *rest, *gone], NOW)
    await store.mirror.vanish(ACCOUNT, [each.id for each in (*many, *rest)], NOW)
    await store.mirror.apply("another", [torrent(1, filename="Many")], NOW)
    there = Facet(S.DOWNLOADED, "real-debrid.com", len(many), sum(each.size_bytes for each in many))
    was = Facet(S.DOWNLOADED, "elsewhere", 700, 3_500)
    found = {Presence.PRESENT: {there}, Presence.GONE: {was}, Presence.ANY: {there, was}}[presence]
    for narrowed in ({}, {"statuses": (S.DEAD,)}, {"hosts": ("nowhere",)}):
        query = DebridQuery(words=("m", "any"), presence=presence, **narrowed)
        assert set((await store.mirror_view.look(ACCOUNT, query)).facets) == found


MANY = [torrent(number, filename=f"Many.{number}") for number in range(2_000)]


async def test_a_look_is_one_transaction(store: Store) -> None:
    """In SQLite it is of one moment then; and to begin anew takes its time."""
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    begun: list[Any] = []
    event.listen(store.mirror._database._engine.sync_engine, "begin", begun.append)
    for query in (DebridQuery(words=("many",)), DebridQuery(words=("many", "99")), DebridQuery(presence=Presence.ANY)):
        begun.clear()
        await store.mirror_view.look(ACCOUNT, query)
        assert len(begun) == 1


async def test_few_are_sorted_as_they_were_found(file: Path) -> None:
    """SQLite takes an index that is in their order for the best way to any page, and goes through all of it."""
    store = await open_store(file)
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    asked: list[tuple[str, Any]] = []
    engine = store.mirror._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    for sort in SortKey:
        asked.clear()
        await store.mirror_view.look(ACCOUNT, DebridQuery(words=("199",), sort=sort, limit=5))
        statement, values = asked[-1]
        assert "ORDER BY" in statement

        async def plan(connection: Any, statement: str = statement, values: Any = values) -> list[str]:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            return [row[3] for row in rows.all()]

        steps = await store.mirror._database.read(plan)
        assert "(account=? AND id=?)" in steps[0], steps
    await store.close()


@pytest.mark.parametrize("in_memory", [False, True], ids=["few", "in memory"])
@pytest.mark.parametrize("chosen", [{"statuses": (S.DOWNLOADED,)}, {"hosts": ("real-debrid.com",)}])
async def test_what_was_found_is_looked_up_by_its_ids(
    file: Path, chosen: Mapping[str, Any], *, in_memory: bool
) -> None:
    """SQLite takes a status that all have for the best way to any of them, and goes through all."""
    store = await open_store(file)
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    if in_memory:
        await store.mirror.tidy(ACCOUNT)
    asked: list[tuple[str, Any]] = []
    engine = store.mirror._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    look = await store.mirror_view.look(ACCOUNT, DebridQuery(words=("199",), limit=5, **chosen))
    assert len(look.page) == 5
    statement, values = asked[-1]

    async def plan(connection: Any) -> list[str]:
        return [row[3] for row in (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)).all()]

    steps = await store.mirror._database.read(plan)
    assert "(account=? AND id=?)" in steps[0], steps
    await store.close()


@pytest.mark.real
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
@pytest.mark.parametrize("words", [("many",), ("9",), ("none",)], ids=["all", "some", "none"])
async def test_a_server_looks_for_words_in_an_index_alone(store: Store, words: tuple[str, ...]) -> None:
    """By itself it reads the whole table, and starts processes for it."""
    await store.mirror.apply(ACCOUNT, MANY, NOW)
    await store.mirror.tidy(ACCOUNT)
    store.mirror_view._names.forget(ACCOUNT)
    asked: list[tuple[str, Any]] = []
    engine = store.mirror._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    await store.mirror_view.look(ACCOUNT, DebridQuery(words=words, limit=5))

    async def plans(connection: Any) -> list[str]:
        """Ask all of it again, in a transaction of its own, and how torrents are looked for."""
        found = []
        for statement, values in tuple(asked):
            if "FROM debrid_torrents" in statement:
                plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", values)
                found += [row[0].strip() for row in plan.all()]
            else:
                await connection.exec_driver_sql(statement, values)
        return found

    steps = await store.mirror._database.read(plans)
    assert [step for step in steps if "Index Only Scan using debrid_torrents_name" in step]
    assert not [step for step in steps if "Seq Scan on debrid_torrents" in step or "Bitmap" in step or "Gather" in step]
    if words != ("none",):
        assert [step for step in steps if "Index Only Scan using debrid_torrents_figures" in step]


async def test_counts_are_those_of_now(store: Store) -> None:
    """They are kept, and counted anew after each change."""
    view, mirror = store.mirror_view, store.mirror

    async def counted() -> tuple[int, int]:
        looks = [await view.look(ACCOUNT, DebridQuery(presence=each)) for each in (Presence.PRESENT, Presence.GONE)]
        return tuple(sum(facet.count for facet in look.facets) for look in looks)  # type: ignore[return-value]

    assert await counted() == (0, 0)
    await filled(store)
    assert await counted() == (6, 1)
    statements: list[str] = []
    event.listen(
        store.mirror._database._engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    assert await counted() == (6, 1)
    assert not [each for each in statements if "count(" in each]
    await mirror.forget_torrent(ACCOUNT, LISTED[0].id, NOW)
    assert await counted() == (5, 2)
    await mirror.apply(ACCOUNT, [torrent(50)], NOW)
    assert await counted() == (6, 2)
    await mirror.prune_gone(ACCOUNT, NOW + timedelta(days=1))
    assert await counted() == (6, 0)
    await mirror.clear(ACCOUNT)
    assert await counted() == (0, 0)


@pytest.mark.real
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_a_server_is_told_that_a_table_has_become_another_one(store: Store) -> None:
    async def estimated() -> float:
        statement = text("SELECT reltuples FROM pg_class WHERE relname = 'debrid_torrents'")

        async def read(connection: Any) -> float:
            rows: float = (await connection.execute(statement)).scalar_one()
            return rows

        return await store.mirror._database.read(read)

    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(999)], NOW)
    await store.mirror.tidy(ACCOUNT)
    assert await estimated() < 1, "for a few it is not worth it"
    await store.mirror.apply(ACCOUNT, [torrent(1_000)], NOW)
    await store.mirror.tidy(ACCOUNT)
    assert await estimated() == 1_000


async def test_the_figures(store: Store) -> None:
    await filled(store)
    figures = await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW - timedelta(days=7))
    assert {(each.status, each.host): each.count for each in figures.by_status} == {
        (S.DOWNLOADED, "real-debrid.com"): 3,
        (S.DOWNLOADED, "elsewhere"): 1,
        (S.DEAD, "real-debrid.com"): 1,
        (S.DOWNLOADING, "real-debrid.com"): 1,
    }
    (one,) = [each for each in figures.by_status if (each.status, each.host) == (S.DOWNLOADED, "real-debrid.com")]
    assert (one.size_bytes, one.smallest_bytes, one.largest_bytes, one.with_details) == (850, 50, 500, 1)
    assert figures.day == figures.week == Activity(added=1, finished=1, failed=1, gone=1)
    assert [each.size_bytes for each in figures.largest] == [900, 500, 300, 300, 100, 50]
    assert figures.duplicates == (Duplicate(torrent(4).hash, 2, 600),)
    assert (figures.old_details, figures.gone) == (2, 1)


async def test_a_day_is_not_a_week(store: Store) -> None:
    ages = [timedelta(hours=1), timedelta(days=3), timedelta(days=8)]
    listed = [
        torrent(10 * number + kind, status=status, added_at=NOW - age, ended_at=NOW - age)
        for number, age in enumerate(ages)
        for kind, status in enumerate((S.DOWNLOADED, S.DEAD, S.QUEUED))
    ]
    extra = [torrent(100 + number) for number in range(2)]
    await store.mirror.apply(ACCOUNT, [*listed, *extra], NOW)
    await store.mirror.forget_torrent(ACCOUNT, extra[0].id, NOW - timedelta(days=2))
    await store.mirror.forget_torrent(ACCOUNT, extra[1].id, NOW - timedelta(hours=2))
    figures = await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW)
    assert figures.day == Activity(added=3, finished=1, failed=1, gone=1)
    assert figures.week == Activity(added=6, finished=2, failed=2, gone=2)
    assert figures.gone == 2


async def test_figures_of_nothing(store: Store) -> None:
    figures = await store.mirror_view.figures("nobody", NOW, old_before=NOW)
    assert figures.by_status == figures.largest == figures.duplicates == ()
    assert figures.week == Activity(added=0, finished=0, failed=0, gone=0)


async def test_single_torrents_are_found_by_what_they_are_called(store: Store) -> None:
    await filled(store)
    by_name = await store.mirror_view.torrents(ACCOUNT, names=[GONE.filename, LISTED[0].filename, "Big.Buck"])
    assert {each.torrent.id: each.gone_at is None for each in by_name} == {GONE.id: False, LISTED[0].id: True}
    assert {each.torrent for each in by_name} == {GONE, LISTED[0]}, "with their links"
    present = await store.mirror_view.torrents(ACCOUNT, hashes=[torrent(4).hash], presence=Presence.PRESENT)
    assert {each.torrent.id for each in present} == {LISTED[3].id, LISTED[4].id}
    many = [torrent(number).id for number in range(2_000)]
    assert len(await store.mirror_view.torrents(ACCOUNT, ids=many)) == 7


NAMES = st.text(st.sampled_from("aA.é_ %'\\\"☂*?[]-^"), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, max_size=6), word=NAMES)
async def test_search_finds_what_python_would(store: Store, names: list[str], word: str) -> None:
    from custom_components.sokoul.store.debrid import folded

    await store.mirror.clear(ACCOUNT)
    listed: list[DebridTorrent] = [torrent(number, filename=name) for number, name in enumerate(names)]
    await store.mirror.apply(ACCOUNT, listed, NOW)
    wanted = folded(word)
    found, _ = await store.mirror_view.find(ACCOUNT, DebridQuery(words=tuple(wanted.split())))
    parts = wanted.split()
    expected = {each.id for each in listed if all(part in folded(each.filename) for part in parts)}
    assert {each.torrent.id for each in found} == expected
