"""The mirror of an account: what changed is found exactly, written once, and found again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import (
    ChangeKind,
    DebridChange,
    DetailsNeed,
    DetailsReason as Why,
    Presence,
    SyncMode,
    SyncOptions,
    SyncRun,
    SyncStatus,
)
from custom_components.sokoul.store import Store

from .make import NOW
from .torrents import ACCOUNT, details, torrent

LATER = NOW + timedelta(minutes=10)
OTHER = "another account"
WEIRD = "A\0 film \ud800 of “Łódź” 🎬 " + "x" * 3000


async def there(store: Store, presence: Presence = Presence.PRESENT, account: str = ACCOUNT) -> dict[str, Any]:
    return {each.torrent.id: each async for page in store.mirror_view.walk(account, presence) for each in page}


def kinds(changes: list[DebridChange]) -> dict[str, str]:
    return {change.id: change.kind for change in changes}


# --- the list --------------------------------------------------------------------------------------------------------


async def test_what_is_listed_comes_back_as_it_was(store: Store) -> None:
    moving = {"ended_at": None, "download_rate": 12_345, "seeders": 7, "progress": 41.5}
    listed = [
        torrent(1),
        torrent(2, status=DebridStatus.DOWNLOADING, links=(), **moving),
        torrent(3, status=DebridStatus.UNKNOWN, size_bytes=2**45, host=""),
    ]
    changes = await store.mirror.apply(ACCOUNT, listed, NOW)
    assert kinds(changes) == {each.id: ChangeKind.ADDED for each in listed}
    found = await store.mirror_view.torrents(ACCOUNT, ids=[each.id for each in listed])
    assert [each.torrent for each in sorted(found, key=lambda each: each.torrent.id)] == listed
    assert {each.first_seen_at for each in found} == {NOW}
    assert await store.mirror.count(ACCOUNT) == 3


async def test_a_status_is_no_newer_than_the_list_that_shows_it(store: Store) -> None:
    """Real-Debrid's times may be of its own zone, ahead of ours."""
    ahead = {"added_at": LATER, "ended_at": None}
    await store.mirror.apply(ACCOUNT, [torrent(1, **ahead), torrent(2, ended_at=LATER)], NOW)
    assert {each.status_at for each in (await there(store)).values()} == {NOW}


async def test_what_strangers_call_their_torrents_can_be_kept(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1, filename=WEIRD)], NOW)
    (known,) = (await there(store)).values()
    assert known.torrent.filename.startswith("A\ufffd film")
    assert known.torrent.filename.endswith("x" * 3000)
    assert await store.mirror.apply(ACCOUNT, [torrent(1, filename=WEIRD)], LATER) == []


CHANGES = (
    ("nothing", {}, None),
    ("a status", {"status": DebridStatus.ERROR}, ChangeKind.STATUS),
    ("a status and a name", {"status": DebridStatus.ERROR, "filename": "B"}, ChangeKind.STATUS),
    ("a name", {"filename": "B"}, ChangeKind.CONTENT),
    ("a size", {"size_bytes": 5}, ChangeKind.CONTENT),
    ("a host", {"host": "elsewhere"}, ChangeKind.CONTENT),
    ("another link", {"links": ("https://real-debrid.com/d/Z",)}, ChangeKind.CONTENT),
    ("links in another order", {"links": tuple(reversed(torrent().links))}, ChangeKind.CONTENT),
    ("no links any more", {"links": ()}, ChangeKind.CONTENT),
    ("its end", {"ended_at": NOW}, ChangeKind.CONTENT),
    ("progress", {"progress": 99.5}, ChangeKind.PROGRESS),
    ("speed", {"download_rate": 1}, ChangeKind.PROGRESS),
    ("seeders", {"seeders": 0}, ChangeKind.PROGRESS),
)


@pytest.mark.parametrize(("values", "kind"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
async def test_a_change_is_called_by_its_name(store: Store, values: dict[str, Any], kind: ChangeKind | None) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2)], NOW)
    changed = torrent(1, **values)
    changes = await store.mirror.apply(ACCOUNT, [changed, torrent(2)], LATER)
    assert kinds(changes) == ({changed.id: kind} if kind else {})
    (known,) = await store.mirror_view.torrents(ACCOUNT, ids=[changed.id])
    assert known.torrent == changed
    assert known.first_seen_at == NOW
    assert known.changed_at == (LATER if kind and kind is not ChangeKind.PROGRESS else NOW)
    if kind is ChangeKind.STATUS:
        assert changes[0].before is DebridStatus.DOWNLOADED
        assert known.status_at == LATER
    else:
        assert known.status_at == torrent(1).ended_at


async def test_what_did_not_change_is_not_written(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(50)], NOW)
    written: list[str] = []
    engine = store.mirror._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: written.append(given[2]))
    assert await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(50)], LATER) == []
    assert not [each for each in written if "INSERT" in each or "UPDATE" in each or "DELETE" in each]
    assert written, "it did look"


async def test_a_page_is_written_by_few_statements(store: Store) -> None:
    """Each is one for the driver: no limit on parameters is near, whatever the size of the page."""
    written: list[tuple[str, bool]] = []
    engine = store.mirror._database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: written.append((given[2], given[5])))
    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(5_000)], NOW)
    assert len([each for each, _ in written if not each.startswith("SET")]) <= 5_000 / 50
    assert not any(many for _, many in written)
    assert await store.mirror.count(ACCOUNT) == 5_000


async def test_one_that_is_listed_twice_is_one(store: Store) -> None:
    changes = await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2), torrent(1, filename="newer")], NOW)
    assert len(changes) == 2
    assert (await there(store))["ID000001"].torrent.filename == "newer"


async def test_accounts_know_nothing_of_each_other(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2)], NOW)
    await store.mirror.apply(OTHER, [torrent(1)], NOW)
    assert await store.mirror.vanish(ACCOUNT, [torrent(2).id], LATER) == [
        DebridChange(torrent(1).id, ChangeKind.GONE, torrent(1).filename, DebridStatus.DOWNLOADED)
    ]
    assert set(await there(store)) == {torrent(2).id}
    assert set(await there(store, account=OTHER)) == {torrent(1).id}
    await store.mirror.clear(ACCOUNT, history=True)
    assert not await there(store, Presence.ANY)
    assert set(await there(store, account=OTHER)) == {torrent(1).id}


async def test_what_is_gone_outlives_clearing(store: Store) -> None:
    """Real-Debrid tells of it no more, and links to it are known by nothing else."""
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2)], NOW)
    await store.mirror.keep_details(ACCOUNT, [details(torrent(1)), details(torrent(2))], NOW)
    await store.mirror.vanish(ACCOUNT, [torrent(2).id], LATER)
    await store.mirror.clear(ACCOUNT)
    assert set(await there(store, Presence.ANY)) == {torrent(1).id}
    files = await store.mirror_view.files(ACCOUNT, [torrent(1).id, torrent(2).id])
    assert {each.torrent_id for each in files} == {torrent(1).id}
    await store.mirror.apply(ACCOUNT, [torrent(1)], LATER)  # it comes back, with its links
    assert [each.torrent for each in await store.mirror_view.torrents(ACCOUNT, ids=[torrent(1).id])] == [torrent(1)]
    await store.mirror.clear(ACCOUNT, history=True)
    assert not await there(store, Presence.ANY)
    assert await store.mirror_view.files(ACCOUNT, [torrent(1).id]) == []


# --- what is gone ----------------------------------------------------------------------------------------------------


async def test_what_vanished_is_gone_and_may_come_back(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(5)], NOW)
    left = [torrent(number).id for number in (0, 1, 4)]
    gone = await store.mirror.vanish(ACCOUNT, left, LATER)
    assert not isinstance(gone, int)
    assert {each.id for each in gone} == {torrent(2).id, torrent(3).id}
    assert set(await there(store)) == set(left)
    assert {each.gone_at for each in (await there(store, Presence.GONE)).values()} == {LATER}
    assert await store.mirror.vanish(ACCOUNT, left, LATER + timedelta(hours=1)) == [], "it is told once"
    back = await store.mirror.apply(ACCOUNT, [torrent(2)], LATER)
    assert kinds(back) == {torrent(2).id: ChangeKind.RETURNED}
    known = (await there(store))[torrent(2).id]
    assert (known.gone_at, known.first_seen_at) == (None, NOW)


@pytest.mark.parametrize(("at_most", "marked"), [(1, False), (2, True), (None, True)])
async def test_more_than_is_believed_is_only_counted(store: Store, at_most: int | None, *, marked: bool) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(number) for number in range(3)], NOW)
    told = await store.mirror.vanish(ACCOUNT, [torrent(0).id], LATER, at_most=at_most)
    assert (len(told) if not isinstance(told, int) else told) == 2
    assert isinstance(told, int) is not marked
    assert await store.mirror.count(ACCOUNT) == (1 if marked else 3)


async def test_an_empty_list_takes_everything(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    assert len(await store.mirror.vanish(ACCOUNT, [], LATER)) == 1  # type: ignore[arg-type]
    assert await store.mirror.count(ACCOUNT) == 0


async def test_what_is_long_gone_is_forgotten_with_its_files(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2)], NOW)
    await store.mirror.keep_details(ACCOUNT, [details(torrent(1)), details(torrent(2))], NOW)
    await store.mirror.forget_torrent(ACCOUNT, torrent(1).id, LATER)
    assert await store.mirror.prune_gone(ACCOUNT, LATER) == 0
    assert await store.mirror.prune_gone(ACCOUNT, LATER + timedelta(seconds=1)) == 1
    assert set(await there(store, Presence.ANY)) == {torrent(2).id}
    left = await store.mirror_view.files(ACCOUNT, [torrent(1).id, torrent(2).id])
    assert {each.torrent_id for each in left} == {torrent(2).id}


# --- details ---------------------------------------------------------------------------------------------------------


async def test_details_are_kept_and_outlive_the_list(store: Store) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    info = details(torrent(1), files=3)
    await store.mirror.keep_details(ACCOUNT, [info, details(torrent(99))], LATER)
    await store.mirror.apply(ACCOUNT, [torrent(1, filename="renamed")], LATER)
    (known,) = await store.mirror_view.torrents(ACCOUNT, hashes=[torrent(1).hash])
    assert (known.original_name, known.original_size_bytes) == (info.original_filename, info.original_size_bytes)
    assert (known.file_count, known.details_at) == (3, LATER)
    assert tuple(each.file for each in await store.mirror_view.files(ACCOUNT, [torrent(1).id])) == info.files
    fewer = replace(info, files=info.files[:1])
    await store.mirror.keep_details(ACCOUNT, [fewer], LATER)
    assert tuple(each.file for each in await store.mirror_view.files(ACCOUNT, [torrent(1).id])) == fewer.files


def need(*reasons: Why, **values: Any) -> DetailsNeed:
    given = {"since": LATER, "old_before": NOW, "failed_before": NOW}
    return DetailsNeed(reasons=reasons, **(given | values))


async def some(store: Store) -> None:
    """Torrents of every kind: 1 never read, 2 read long ago, 3 failed, 4 active, 5 asked for, 6 with a new status."""
    numbers = range(1, 7)
    statuses = {3: DebridStatus.DEAD, 4: DebridStatus.DOWNLOADING, 6: DebridStatus.QUEUED}
    listed = [torrent(number, status=statuses.get(number, DebridStatus.DOWNLOADED)) for number in numbers]
    await store.mirror.apply(ACCOUNT, listed, NOW)
    await store.mirror.keep_details(ACCOUNT, [details(each) for each in listed[1:2]], NOW - timedelta(days=8))
    await store.mirror.keep_details(ACCOUNT, [details(listed[number]) for number in (4, 5)], NOW)
    await store.mirror.ask_details(ACCOUNT, [torrent(5).id], LATER)
    await store.mirror.apply(ACCOUNT, [torrent(6)], LATER)


DUE = (
    ("what is asked for", (Why.ASKED,), {}, {5: Why.ASKED}),
    ("what failed", (Why.FAILED,), {}, {3: Why.FAILED}),
    ("what has a new status", (Why.STATUS_CHANGED,), {}, {6: Why.STATUS_CHANGED}),
    ("what was never read", (Why.NEVER_READ,), {}, {3: Why.NEVER_READ, 1: Why.NEVER_READ}),
    ("and what is active", (Why.NEVER_READ,), {"include_active": True}, dict.fromkeys((1, 3, 4), Why.NEVER_READ)),
    ("what was read long ago", (Why.OLD,), {}, {2: Why.OLD}),
    ("what is active", (Why.ACTIVE,), {}, {4: Why.ACTIVE}),
    ("but nothing that failed", (Why.NEVER_READ, Why.FAILED), {"without_failed": True}, {1: Why.NEVER_READ}),
    ("of some statuses only", (Why.NEVER_READ,), {"statuses": (DebridStatus.DEAD,)}, {3: Why.NEVER_READ}),
    (
        "everything, the most needed first",
        tuple(Why),
        {},
        {5: Why.ASKED, 3: Why.FAILED, 6: Why.STATUS_CHANGED, 1: Why.NEVER_READ, 2: Why.OLD, 4: Why.ACTIVE},
    ),
)


@pytest.mark.parametrize(("reasons", "values", "due"), [case[1:] for case in DUE], ids=[case[0] for case in DUE])
async def test_details_are_read_for_a_reason(
    store: Store, reasons: tuple[Why, ...], values: dict[str, Any], due: dict[int, Why]
) -> None:
    await some(store)
    found = await store.mirror.details_due(ACCOUNT, need(*reasons, **values), 100)
    assert dict(found) == {torrent(number).id: why for number, why in due.items()}
    assert [why for _, why in found] == sorted((why for _, why in found), key=tuple(Why).index)
    assert await store.mirror.details_due(ACCOUNT, need(*reasons, **values), 1) == found[:1]
    counted = await store.mirror.count_due(ACCOUNT, need(*reasons, **values))
    assert sum(counted.values()) == len(found)
    await store.mirror.keep_details(ACCOUNT, [details(torrent(number)) for number in due], LATER + timedelta(hours=1))
    assert await store.mirror.details_due(ACCOUNT, need(*reasons, **values), 100) == [], "then it has been read"


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_details_are_written_without_going_through_all_torrents(store: Store) -> None:
    """A hundred thousand of them for each of 25 took 1.4 s of a processor, four thousand times."""
    listed = [torrent(number) for number in range(3)]
    await store.mirror.apply(ACCOUNT, listed, NOW)
    said: list[tuple[str, Any]] = []

    def noted(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        said.append((statement, parameters))

    engine = store.mirror._database._engine
    event.listen(engine.sync_engine, "before_cursor_execute", noted)
    await store.mirror.keep_details(ACCOUNT, [details(each) for each in listed], NOW)
    ((statement, parameters),) = [each for each in said if "UPDATE debrid_torrents" in each[0]]
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        (step,) = [row.detail for row in rows if "debrid_torrents" in row.detail]
    assert step.startswith("SEARCH debrid_torrents")
    assert step.endswith("(account=? AND id=?)")


# --- synchronisations ------------------------------------------------------------------------------------------------


async def test_runs_are_remembered(store: Store) -> None:
    options = SyncOptions(statuses=(DebridStatus.DEAD,), limit=5, verbose=True)
    run = SyncRun(account=ACCOUNT, mode=SyncMode.FULL, options=options, started_at=NOW, changed_at=NOW)
    run = replace(run, id=await store.mirror.begin_run(run))
    assert await store.mirror.runs(ACCOUNT) == [run]
    done = replace(run, status=SyncStatus.DONE, done=3, total=4, listed=True, changed_at=LATER, summary={"added": 1})
    await store.mirror.change_run(done)
    newer = await store.mirror.begin_run(replace(run, id=0))
    assert newer > run.id
    assert await store.mirror.runs(ACCOUNT, 5) == [replace(run, id=newer), done]
    assert await store.mirror.runs(OTHER) == []


async def test_old_runs_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.sokoul.store.debrid._RUNS_KEPT", 3)
    running = SyncRun(account=ACCOUNT, mode=SyncMode.FULL, started_at=NOW, changed_at=NOW)
    done = replace(running, mode=SyncMode.LIST, status=SyncStatus.DONE)
    hours = await store.mirror.begin_run(running)
    ids = [await store.mirror.begin_run(done) for _ in range(6)]
    kept = [each.id for each in await store.mirror.runs(ACCOUNT, 10)]
    assert kept == [*ids[:-4:-1], hours], "what takes hours is still to be resumed"


async def test_what_was_not_finished_is_known_until_all_was_read(store: Store) -> None:
    def run(mode: SyncMode, status: SyncStatus) -> SyncRun:
        return SyncRun(account=ACCOUNT, mode=mode, status=status, started_at=NOW, changed_at=NOW)

    async def unfinished() -> list[tuple[SyncMode, SyncStatus]]:
        return [(each.mode, each.status) for each in await store.mirror.unfinished(ACCOUNT)]

    assert await unfinished() == []
    cut_off = [(SyncMode.FULL, status) for status in SyncStatus if status is not SyncStatus.DONE]
    for mode, status in [*cut_off, (SyncMode.SMART, SyncStatus.DONE)]:
        await store.mirror.begin_run(run(mode, status))
    assert await unfinished() == cut_off[::-1]
    assert await store.mirror.unfinished(OTHER) == []
    await store.mirror.begin_run(run(SyncMode.DETAILS, SyncStatus.DONE))
    assert await unfinished() == cut_off[::-1]
    await store.mirror.begin_run(run(SyncMode.FULL, SyncStatus.DONE))
    assert await unfinished() == []
    await store.mirror.begin_run(run(SyncMode.LIST, SyncStatus.INTERRUPTED))
    assert await unfinished() == [(SyncMode.LIST, SyncStatus.INTERRUPTED)]
