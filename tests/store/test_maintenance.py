"""Looking after a database: what is old goes, a file is checked, made smaller and copied, whatever happens."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import random
import sqlite3
import subprocess
import sys
from typing import Any

import pytest

from custom_components.sokoul.model.debrid_mirror import DebridAttempt
from custom_components.sokoul.store import Damaged, Full, Limits, Locked, OnServer, Store, StoreError, open_store
from custom_components.sokoul.store.maintenance import ATTEMPTS_KEPT, METRICS_KEPT, WASTE_BYTES, Room, folder_copies

from .conftest import Where
from .make import NOW, entry

CHILD = Path(__file__).with_name("maintenance_child.py")
PAGE = 4096
_chance = random.Random()  # noqa: S311


@asynccontextmanager
async def opened(where: Where, **options: object) -> AsyncIterator[Store]:
    store = await open_store(where, **options)  # type: ignore[arg-type]  # as they are given
    store.maintenance._spare_bytes = 0
    try:
        yield store
    finally:
        await store.close()


async def fill(store: Store, rows: int, label: str = "x" * 2_000) -> None:
    await asyncio.gather(*(store.journal.add(entry(label=label)) for _ in range(rows)))


async def waste(store: Store) -> None:
    """Write a hundred rows, and delete all but the newest."""
    await fill(store, 100)
    await store.prune(NOW + timedelta(days=1), keep=1)


def rows_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM journal").fetchone()[0]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return count


# --- what is old -----------------------------------------------------------------------------------------------------


async def test_what_is_too_old_to_count_is_deleted(store: Store) -> None:
    ages = [timedelta(0), ATTEMPTS_KEPT, ATTEMPTS_KEPT + timedelta(seconds=1), timedelta(days=400)]
    attempts = [
        DebridAttempt(hash=f"{age.days:040}", torrent_id="A", at=NOW - age, act="add_again", outcome="done")
        for age in ages
    ]
    await store.debrid_history.note_attempts("one", attempts)
    imported = [replace(attempts[-1], hash="f" * 40, source=source) for source in ("rdtm", "redriva")]
    await store.debrid_history.note_attempts("two", imported)
    for age in (timedelta(0), METRICS_KEPT, METRICS_KEPT + timedelta(days=1)):
        await store.debrid_history.keep_metrics("one", NOW - age, {"torrents": 5, "gone": 1})
    assert await store.maintenance.prune(NOW) == 2 + 2
    left = await store.debrid_history.attempts("one")
    assert [each.at for each in left] == [NOW, NOW - ATTEMPTS_KEPT]
    assert len(await store.debrid_history.attempts("two")) == 2, "what other tools tried comes but once"
    days = {day for day, _, _ in await store.debrid_history.metrics("one", NOW - timedelta(days=999))}
    assert days == {NOW, NOW - METRICS_KEPT}
    assert await store.maintenance.prune(NOW) == 0


async def test_very_many_old_rows_are_deleted_in_portions(store: Store) -> None:
    old = NOW - timedelta(days=99)
    attempts = [DebridAttempt(hash="0" * 40, torrent_id="A", at=old, act="x", outcome="done") for _ in range(2_500)]
    await store.debrid_history.note_attempts("one", attempts)
    assert await store.maintenance.prune(NOW) == 2_500


# --- checking --------------------------------------------------------------------------------------------------------


async def test_a_good_file_passes(file: Path) -> None:
    told: list[StoreError] = []
    async with opened(file, on_failure=told.append) as store:
        await fill(store, 50)
        await store.maintenance.check()
    assert not told


async def test_an_index_that_is_wrong_is_found(file: Path) -> None:
    """`quick_check`, as it is done at each start, does not see that: searching finds less than there is."""
    told: list[StoreError] = []
    async with opened(file) as store:
        await fill(store, 50)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        other = "CREATE INDEX journal_subject ON journal (label, id)"  # which it doesn't hold
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'journal_subject'", (other,))
        connection.commit()
    store = await open_store(file, on_failure=told.append)
    with pytest.raises(Damaged):
        await store.maintenance.check()
    assert [type(each) for each in told] == [Damaged]
    await store.close()


# --- making it smaller -----------------------------------------------------------------------------------------------


async def test_a_file_gets_smaller_and_keeps_what_it_has(file: Path) -> None:
    async with opened(file) as store:
        await waste(store)
        before = await store.maintenance.room()
        assert before.waste > 0
        kept = await store.journal.find()
        after = await store.maintenance.compact()
        assert (after.waste, await store.journal.find()) == (0, kept)
        assert after.size < before.size
        assert file.stat().st_size == after.size, "and not only when it is closed"
        await store.journal.add(entry())
        assert len(await store.journal.find()) == len(kept) + 1


def test_it_pays_only_where_much_is_wasted() -> None:
    assert Room(size=WASTE_BYTES * 4, waste=WASTE_BYTES).pays
    assert not Room(size=WASTE_BYTES * 4 + 1, waste=WASTE_BYTES).pays, "less than a quarter"
    assert not Room(size=WASTE_BYTES, waste=WASTE_BYTES - 1).pays, "too little to wear a card for"


async def test_what_is_written_meanwhile_waits(file: Path) -> None:
    async with opened(file) as store:
        await waste(store)
        smaller, added = await asyncio.gather(store.maintenance.compact(), store.journal.add(entry(label="meanwhile")))
        assert smaller.waste == 0
        assert [each.id for each in await store.journal.find(limit=1)] == [added.id]


@pytest.mark.parametrize("doing", ["compact", "copy", "check"])
async def test_another_program_that_holds_the_file(file: Path, tmp_path: Path, doing: str) -> None:
    limits = Limits(lock=timedelta(milliseconds=50))
    async with opened(file, limits=limits) as store:
        await waste(store)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            if doing == "compact":
                with pytest.raises(Locked):
                    await store.maintenance.compact()
            elif doing == "copy":
                copy = await store.maintenance.copy(tmp_path / "copies", NOW, keep=1)
                assert rows_of(copy) == 1, "reading is possible all the same"
            else:
                await store.maintenance.check()
            other.execute("ROLLBACK")
        assert (await store.maintenance.compact()).waste == 0


@pytest.mark.parametrize("begins_after", [0, 0.3], ids=["it has begun", "it is about to begin"])
async def test_what_takes_long_can_be_ended(file: Path, begins_after: float) -> None:
    """Not only left alone: at its end Home Assistant waits for threads."""
    begun = asyncio.Event()

    async def for_minutes(connection: Any) -> None:
        begun.set()
        await asyncio.sleep(begins_after)
        counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000000)"
        await connection.exec_driver_sql(f"{counting} SELECT count(*) FROM n")  # noqa: S608 -- as it is here

    async with opened(file) as store:
        task = asyncio.create_task(store.maintenance._database.alone(for_minutes, timedelta(minutes=5)))
        await begun.wait()
        await asyncio.sleep(0.05)  # in a thread it has begun to count
        async with asyncio.timeout(5):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await store.journal.add(entry())).id


@pytest.mark.parametrize("attempt", range(3))
async def test_a_file_survives_a_kill_while_it_is_written_anew(file: Path, attempt: int) -> None:
    await _killed(file, "compact", 0.01 * attempt + _chance.random() * 0.05)
    async with opened(file) as store:
        await store.maintenance.check()
        assert len(await store.journal.find(limit=10_000)) == 300
        assert (await store.maintenance.compact()).waste == 0


# --- copies ----------------------------------------------------------------------------------------------------------


async def test_copies_are_whole_and_the_newest_stay(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    mine = folder / "mine.db"
    mine.write_bytes(b"not one of ours")
    async with opened(file) as store:
        for day in range(4):
            await fill(store, 1)
            copy = await store.maintenance.copy(folder, NOW + timedelta(days=day), keep=2)
            assert rows_of(copy) == day + 1
        assert max(folder_copies(folder)) == copy
    assert {path.name for path in folder.iterdir()} == {
        "mine.db",
        "sokoul-20261122T120000Z.db",
        "sokoul-20261123T120000Z.db",
    }
    async with opened(copy) as restored:
        assert len(await restored.journal.find()) == 4, "a copy is a database like any other"


@pytest.mark.parametrize("keep", [1, 3])
async def test_the_copy_that_was_made_is_never_the_one_that_goes(file: Path, tmp_path: Path, keep: int) -> None:
    mine = {"sokoul-before-update.db", "sokoul-20250101.db"}
    for name in mine:
        (tmp_path / name).write_bytes(b"a person's")
    days = (9, 0, 1, 2, 3)  # the clock was nine days ahead
    names = [f"sokoul-{NOW + timedelta(days=day):%Y%m%d}T120000Z.db" for day in days]
    async with opened(file) as store:
        for number, day in enumerate(days):
            assert (await store.maintenance.copy(tmp_path, NOW + timedelta(days=day), keep=keep)).name == names[number]
            assert names[number] in {path.name for path in folder_copies(tmp_path)}
    assert {path.name for path in folder_copies(tmp_path)} == set(names[-keep:])
    assert mine <= {path.name for path in tmp_path.iterdir()}


async def test_a_copy_is_of_one_moment_although_others_write(file: Path, tmp_path: Path) -> None:
    async with opened(file) as store:
        await fill(store, 200)
        copy, *_ = await asyncio.gather(store.maintenance.copy(tmp_path, NOW, keep=1), fill(store, 50))
        assert 200 <= rows_of(copy) <= 250
        assert len(await store.journal.find(limit=999)) == 250


@pytest.mark.parametrize("attempt", range(3))
async def test_a_kill_leaves_no_half_of_a_copy(file: Path, tmp_path: Path, attempt: int) -> None:
    folder = tmp_path / "copies"
    await _killed(file, "copy", 0.01 * attempt + _chance.random() * 0.05, folder)
    for path in folder_copies(folder):
        assert rows_of(path) == 300, "what has the name of a copy is one"
    async with opened(file) as store:
        await store.maintenance.copy(folder, NOW + timedelta(days=999), keep=1)
    assert [path.name for path in folder.iterdir()] == ["sokoul-20290815T120000Z.db"], "and what was left is removed"


async def test_a_damaged_file_gives_no_copy(file: Path, tmp_path: Path) -> None:
    async with opened(file) as store:
        await fill(store, 100)
        await store.hold()
        content = file.read_bytes()
        file.write_bytes(content[: PAGE * 4] + bytes(len(content) - PAGE * 4))
        await store._database._engine.dispose()  # else SQLite has no reason to read again what it knows
        with pytest.raises(StoreError):
            await store.maintenance.copy(tmp_path / "copies", NOW, keep=1)
        assert not list(tmp_path.glob("copies/*"))
        store.release()


async def test_a_folder_that_can_not_be_made_is_said(file: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").write_bytes(b"a file")
    async with opened(file) as store:
        with pytest.raises(StoreError, match="exists"):
            await store.maintenance.copy(tmp_path / "copies", NOW, keep=1)


# --- a full disk -----------------------------------------------------------------------------------------------------


async def test_it_does_not_begin_where_the_disk_has_no_room(file: Path, tmp_path: Path) -> None:
    async with opened(file) as store:
        await waste(store)
        store.maintenance._spare_bytes = 1 << 60
        with pytest.raises(Full):
            await store.maintenance.copy(tmp_path / "copies", NOW, keep=1)
        with pytest.raises(Full):
            await store.maintenance.compact()
        assert list((tmp_path / "copies").iterdir()) == []


def _small_disk(*command: str) -> list[str]:
    """Return a command that runs another one with a disk of 2 MB, which nobody else sees."""
    mount = 'mount -t tmpfs -o size=2m none "$0" && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, *command]


def _may_mount(folder: Path) -> bool:
    try:
        subprocess.run(_small_disk(str(folder), "true"), check=True, capture_output=True, timeout=10)
    except OSError, subprocess.SubprocessError:
        return False
    return True


@pytest.mark.real
@pytest.mark.parametrize("doing", ["compact", "copy"])
async def test_a_disk_that_fills_up_meanwhile_costs_nothing(tmp_path: Path, doing: str) -> None:
    """A real file system without room for it: SQLite meets its end in the middle."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not await asyncio.to_thread(_may_mount, folder):
        pytest.skip("there may be no mount of one's own here (unshare --user --mount)")
    command = _small_disk(str(folder), sys.executable, str(CHILD), f"full-{doing}", str(folder / "sokoul.db"))
    child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    said, error = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, error.decode()
    assert said.decode().split() == ["Full", "400", "ok", "nothing-left"]


# --- a server --------------------------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_a_server_has_its_own_tools(store: Store, tmp_path: Path) -> None:
    keeper = store.maintenance
    for doing in (keeper.room(), keeper.check(), keeper.compact(), keeper.copy(tmp_path, NOW, keep=1)):
        with pytest.raises(OnServer):
            await doing


async def _killed(file: Path, doing: str, after: float, folder: Path | None = None) -> None:
    """Kill a process so many seconds after it says that it begins."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, CHILD, doing, str(file), str(folder or file.parent), stdout=PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(60):
        assert await child.stdout.readline() == b"begins\n"
    await asyncio.sleep(after)
    child.kill()
    assert await child.wait() == -9
