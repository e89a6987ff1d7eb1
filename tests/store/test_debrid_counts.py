"""What is kept counted of a mirror is what is there, whatever was done to it, and however that ended."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from custom_components.sokoul.model.debrid import FAILED_STATUSES, DebridStatus as S
from custom_components.sokoul.model.debrid_mirror import Activity, DebridQuery, Duplicate, Facet, Presence
from custom_components.sokoul.store import Store, erase, open_store
from custom_components.sokoul.store.debrid_counts import miscounted
from custom_components.sokoul.store.schema import MIGRATIONS

from .conftest import Where
from .make import NOW
from .servers import Postgresql
from .torrents import ACCOUNT, details, torrent

#: The last version that counted when it was asked.
BEFORE = MIGRATIONS[:5]
WEEK = timedelta(days=7)
WARNING = "counts of Real-Debrid torrents in the database were wrong"


async def rows(store: Store) -> Sequence[Any]:
    async def read(connection: AsyncConnection) -> Sequence[Any]:
        return (await connection.execute(text("SELECT * FROM debrid_torrents"))).all()

    return await store.mirror._database.read(read)


async def do(store: Store, *statements: str) -> None:
    """Write as somebody else would."""

    async def work(connection: AsyncConnection) -> None:
        for statement in statements:
            await connection.execute(text(statement))

    await store.mirror._database.write(work)


async def wrong(store: Store) -> list[Any]:
    """Return the tables of counts that are others than counting would make."""
    found: list[Any] = await store.mirror._database.read(lambda connection: connection.run_sync(miscounted))
    return found


async def check_counts(store: Store) -> None:
    """Count everything in Python, and compare it with each answer."""
    known = await rows(store)
    for account in (ACCOUNT, "another"):
        there = [row for row in known if row.account == account and row.gone_at is None]
        gone = [row for row in known if row.account == account and row.gone_at is not None]
        figures = await store.mirror_view.figures(account, NOW, old_before=NOW - WEEK)
        groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
        hashes: dict[str, list[int]] = defaultdict(list)
        for row in there:
            groups[row.status, row.host].append(row)
            hashes[row.hash].append(row.bytes)
        assert {
            (each.status, each.host): (
                each.count,
                each.with_details,
                each.size_bytes,
                each.smallest_bytes,
                each.largest_bytes,
            )
            for each in figures.by_status
        } == {
            key: (
                len(group),
                sum(row.details_at is not None for row in group),
                sum(row.bytes for row in group),
                min(row.bytes for row in group),
                max(row.bytes for row in group),
            )
            for key, group in groups.items()
        }
        several = [Duplicate(key, len(each), sum(each)) for key, each in hashes.items() if key and len(each) > 1]
        several.sort(key=lambda each: (-each.size_bytes, each.hash))
        assert figures.duplicates == tuple(several[:10])
        assert figures.gone == len(gone)
        old = _micro(NOW - WEEK)
        assert figures.old_details == sum(row.details_at is not None and row.details_at < old for row in there)
        assert figures.day == activity(there, gone, timedelta(days=1))
        assert figures.week == activity(there, gone, WEEK)
        for presence, meant in ((Presence.PRESENT, there), (Presence.GONE, gone), (Presence.ANY, [*there, *gone])):
            facets = (await store.mirror_view.look(account, DebridQuery(presence=presence))).facets
            assert set(facets) == {
                Facet(S(status), host, len(group), sum(group)) for (status, host), group in _sizes(meant).items()
            }
            assert len(facets) == len(set(facets))


def _sizes(known: Sequence[Any]) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in known:
        found[row.status, row.host].append(row.bytes)
    return found


def _micro(moment: Any) -> int:
    return round(moment.timestamp() * 1_000_000)


def activity(there: Sequence[Any], gone: Sequence[Any], span: timedelta) -> Activity:
    since = _micro(NOW - span)
    return Activity(
        added=sum(row.added_at >= since for row in there),
        finished=sum(row.status_at >= since and row.status == S.DOWNLOADED for row in there),
        failed=sum(row.status_at >= since and S(row.status) in FAILED_STATUSES for row in there),
        gone=sum(row.gone_at >= since for row in gone),
    )


# --- whatever is done ------------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 7)
AGES = st.sampled_from([0, 1, 23, 25, 24 * 6, 24 * 8, 24 * 40]).map(lambda hours: timedelta(hours=hours))
TORRENTS = st.builds(
    lambda number, hash_number, size, status, host, age: torrent(
        number,
        hash=f"{hash_number:040x}" if hash_number else "",
        size_bytes=size,
        status=status,
        host=host,
        added_at=NOW - age,
        ended_at=NOW - age / 2,
    ),
    NUMBERS,
    st.integers(0, 2),
    st.sampled_from([0, 1, 7, 5_000_000_000]),
    st.sampled_from([S.DOWNLOADED, S.DEAD, S.ERROR, S.QUEUED]),
    st.sampled_from(["real-debrid.com", "elsewhere"]),
    AGES,
)
PAGES = st.lists(TORRENTS, max_size=8)
ACCOUNTS = st.sampled_from([ACCOUNT, ACCOUNT, ACCOUNT, "another"])
ACTS = st.one_of(
    st.tuples(st.just("apply"), ACCOUNTS, PAGES, AGES),
    st.tuples(st.just("apply"), ACCOUNTS, PAGES, AGES),
    st.tuples(st.just("vanish"), ACCOUNTS, st.sets(NUMBERS), AGES),
    st.tuples(st.just("forget"), ACCOUNTS, NUMBERS, AGES),
    st.tuples(st.just("details"), ACCOUNTS, PAGES, AGES),
    st.tuples(st.just("clear"), ACCOUNTS, st.booleans(), AGES),
    st.tuples(st.just("prune"), ACCOUNTS, st.none(), AGES),
)


async def act(store: Store, kind: str, account: str, given: Any, age: timedelta) -> None:
    mirror = store.mirror
    match kind:
        case "apply":
            await mirror.apply(account, given, NOW - age)
        case "vanish":
            await mirror.vanish(account, [torrent(number).id for number in given], NOW - age)
        case "forget":
            await mirror.forget_torrent(account, torrent(given).id, NOW - age)
        case "details":
            await mirror.keep_details(account, [details(each) for each in given], NOW - age)
        case "clear":
            await mirror.clear(account, history=given)
        case "prune":
            await mirror.prune_gone(account, NOW - age)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=12))
async def test_counts_are_of_what_is_there(store: Store, acts: list[Any]) -> None:
    for account in (ACCOUNT, "another"):
        await store.mirror.clear(account, history=True)
    for each in acts:
        await act(store, *each)
        await check_counts(store)
    assert not await wrong(store)
    assert not [row for row in await counts(store) if row.torrents == 0], "what is no more leaves nothing"


async def counts(store: Store) -> Sequence[Any]:
    async def read(connection: AsyncConnection) -> Sequence[Any]:
        return (await connection.execute(text("SELECT * FROM debrid_counts"))).all()

    return await store.mirror._database.read(read)


async def test_a_crowd_of_one_hash_is_one_duplicate(store: Store) -> None:
    """As many as a page has; each one more costs the same."""
    same = [torrent(number, hash="f" * 40, size_bytes=3) for number in range(5_000)]
    await store.mirror.apply(ACCOUNT, same, NOW)
    figures = await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW)
    assert figures.duplicates == (Duplicate("f" * 40, 5_000, 15_000),)
    await store.mirror.vanish(ACCOUNT, [each.id for each in same[:2]], NOW)
    assert (await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW)).duplicates == (Duplicate("f" * 40, 2, 6),)
    await store.mirror.forget_torrent(ACCOUNT, same[0].id, NOW)
    await check_counts(store)


async def test_sizes_beyond_all_reason_are_no_obstacle(store: Store) -> None:
    """What they add up to is more than 64 bits hold: they are mirrored all the same, and may go again."""
    huge = [torrent(number, hash="e" * 40, size_bytes=2**62) for number in range(3)]
    await store.mirror.apply(ACCOUNT, [*huge, torrent(9)], NOW)
    await check_counts(store)
    await store.mirror.vanish(ACCOUNT, [torrent(9).id], NOW)
    await store.mirror.prune_gone(ACCOUNT, NOW + WEEK)
    assert not await wrong(store)
    await check_counts(store)


async def test_progress_alone_writes_no_counts(store: Store) -> None:
    """A memory card is worn by writes."""
    is_file = store.mirror._database.is_file
    # so many rows were changed by this connection, and where in its file PostgreSQL has the latest of a row
    mark = text("SELECT total_changes()" if is_file else "SELECT ctid::text FROM debrid_counts")
    await store.mirror.apply(ACCOUNT, [torrent(1, status=S.DOWNLOADING), torrent(2, status=S.QUEUED)], NOW)

    async def go_on(connection: AsyncConnection) -> tuple[list[Any], list[Any]]:
        before = (await connection.execute(mark)).scalars().all()
        await connection.execute(text("UPDATE debrid_torrents SET progress = 12.5, rate = 7"))
        return list(before), list((await connection.execute(mark)).scalars().all())

    before, after = await store.mirror._database.write(go_on)
    assert after == ([before[0] + 2] if is_file else before)


async def test_what_is_not_committed_is_not_counted(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2, hash=torrent(1).hash)], NOW)

    async def fail(connection: AsyncConnection) -> None:
        await connection.execute(text("DELETE FROM debrid_torrents"))
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 -- it is ours, a few lines above
        await store.mirror._database.write(fail)
    figures = await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW)
    assert [each.count for each in figures.by_status] == [2]
    assert figures.duplicates == (Duplicate(torrent(1).hash, 2, 2_003),)
    await check_counts(store)


async def test_whoever_writes_is_counted(store: Store) -> None:
    """A torrent that somebody else writes counts like ours: it is the database that counts."""
    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(5)], NOW)
    await do(
        store,
        "UPDATE debrid_torrents SET account = 'another', bytes = bytes + 1 WHERE id = 'ID000001'",
        "UPDATE debrid_torrents SET id = 'moved', hash = 'ab' WHERE id = 'ID000002'",
        "UPDATE debrid_torrents SET hash = 'ab', status = 'dead' WHERE id = 'ID000003'",
        "DELETE FROM debrid_torrents WHERE id = 'ID000004'",
    )
    await check_counts(store)
    assert not await wrong(store)


# --- where somebody had a hand in it ---------------------------------------------------------------------------------


async def spoiled(store: Store) -> None:
    await do(
        store,
        "UPDATE debrid_counts SET torrents = torrents + 5",
        "INSERT INTO debrid_duplicates (account, hash, torrents, high, low) VALUES ('account', 'ff', 3, 0, 9)",
    )


async def test_wrong_counts_are_noticed_when_the_database_is_opened(
    where: Where, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_store(where)
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2, hash=torrent(1).hash)], NOW)
    await store.close()
    store = await open_store(where)
    assert WARNING not in caplog.text
    await spoiled(store)
    await store.close()
    store = await open_store(where)
    assert caplog.text.count(WARNING) == 1
    await check_counts(store)
    await store.close()


async def test_wrong_counts_are_noticed_when_the_file_is_checked(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = await open_store(file)
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    await store.maintenance.check()
    assert WARNING not in caplog.text
    await spoiled(store)
    assert len(await wrong(store)) == 2
    await store.maintenance.check()
    assert WARNING in caplog.text
    await check_counts(store)
    await store.close()


async def test_torrents_of_an_earlier_version_are_counted(where: Where, caplog: pytest.LogCaptureFixture) -> None:
    old = await open_store(where, migrations=BEFORE)
    listed = [torrent(number, hash=f"{number // 2:040x}", host="elsewhere" * (number % 2)) for number in range(9)]
    await old.mirror.apply(ACCOUNT, listed, NOW)
    await old.mirror.keep_details(ACCOUNT, [details(each) for each in listed[2:5]], NOW - 2 * WEEK)
    await old.mirror.forget_torrent(ACCOUNT, listed[8].id, NOW)
    await old.close()
    store = await open_store(where)
    figures = await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW - WEEK)
    assert sum(each.count for each in figures.by_status) == 8
    assert (len(figures.duplicates), figures.old_details, figures.gone) == (4, 3, 1)
    await check_counts(store)
    await store.mirror.apply(ACCOUNT, [torrent(20, hash=listed[0].hash)], NOW)
    await check_counts(store)
    await store.close()
    assert WARNING not in caplog.text


@pytest.mark.real
async def test_erasing_leaves_nothing_on_a_server(postgresql: Postgresql) -> None:
    await (await open_store(postgresql.url)).close()
    await erase(postgresql.url)
    async with postgresql.connected() as connection:
        left = """SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"""
        assert await connection.fetch(left) == []
    store = await open_store(postgresql.url)
    assert await store.mirror.count(ACCOUNT) == 0
    await store.close()


# --- how it is answered ----------------------------------------------------------------------------------------------


async def test_no_figure_is_counted_by_looking_at_every_torrent(file: Path) -> None:
    """Each question is about a stretch of an index that holds all of the answer, but for the ten largest."""
    store = await open_store(file)
    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(50)], NOW)
    asked: list[tuple[str, Any]] = []
    engine = store.mirror._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW)
    questions = [each for each in asked if "debrid_" in each[0]]
    assert len(questions) == 4

    async def plans(connection: AsyncConnection) -> list[str]:
        return [
            row[3]
            for statement, values in questions
            for row in (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)).all()
        ]

    steps = await store.mirror._database.read(plans)
    looks = [step for step in steps if "debrid_torrents" in step]
    assert len(looks) == 12
    largest = "SEARCH debrid_torrents USING INDEX debrid_torrents_bytes (account=?)"
    assert looks.count(largest) == 1
    for step in looks:
        assert step == largest or ("COVERING INDEX" in step and " AND " in step), step
    assert not [step for step in steps if step.startswith("SCAN debrid")]
    await store.close()


@pytest.mark.real
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_a_server_that_knows_nothing_of_the_table_yet_looks_at_few_torrents(store: Store) -> None:
    """At the first look it takes each index that begins with the account to be as good as any other."""
    some = text("""INSERT INTO debrid_torrents
        SELECT 'account', :turn || 'N' || n, md5(:turn || n), '', '', n, '', 0, 0, 'downloaded', 0, NULL, NULL, NULL,
            0, 0, 0, 0, NULL, NULL, NULL, '', 0, 0 FROM generate_series(1, 200) AS n""")
    looked = text("""SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables
        WHERE relname = 'debrid_torrents'""")

    async def work(connection: AsyncConnection) -> int:
        for turn in range(20):
            await connection.execute(some, {"turn": str(turn)})
        found: int = (await connection.execute(looked)).scalar_one()
        return found

    # 4,000 come, and each looks for others of its hash
    assert await store.mirror._database.write(work) < 20_000
    assert not await wrong(store)
