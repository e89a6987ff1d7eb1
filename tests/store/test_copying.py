"""Taking a history from one database to another: all of it, as it is, or nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.sokoul.model.debrid_mirror import DebridAttempt, DebridFailure, DebridRetry, Presence
from custom_components.sokoul.model.journal import EntryStatus, JournalEntry
from custom_components.sokoul.store import AccessDenied, NotEmpty, Store, TooOld, copying, open_store, opening
from custom_components.sokoul.store.schema import JOURNAL
from custom_components.sokoul.watchlist.items import Wish

from .conftest import Where
from .make import NOW, entry
from .servers import Postgresql
from .torrents import ACCOUNT, details, torrent

MEMORIES = {f"client/{number}": {"have": number} for number in range(5)}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path, where: Where) -> Where:
    """Return another database beside the first one; there is one PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "other.db"
    if isinstance(where, str):
        pytest.skip("that would be the same one")
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.url


@pytest.fixture
async def other(elsewhere: Where) -> AsyncIterator[Store]:
    opened = await open_store(elsewhere)
    yield opened
    await opened.close()


async def fill(store: Store) -> list[JournalEntry]:
    """Write entries, more than are copied at once, and memories; return what the journal has then, newest first."""
    for number in range(7):
        await store.journal.add(entry(label=f"Film {number}", undo={"hash": str(number)} if number % 2 else None))
    for subject, memory in MEMORIES.items():
        store.memory.keep(subject, memory)
    return list(await store.journal.find(limit=100))


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PORTION", 3)


async def test_everything_is_taken_along_under_the_same_ids(store: Store, other: Store) -> None:
    written = await fill(store)
    await store.copy_to(other)
    assert await other.journal.find(limit=100) == written
    assert await other.memory.load() == MEMORIES
    assert await store.journal.find(limit=100) == written, "it is still here"
    added = await other.journal.add(entry(status=EntryStatus.RUNNING))
    assert added.id == written[0].id + 1, "no id is given twice"


async def test_what_was_tried_at_real_debrid_is_taken_along_and_the_mirror_is_not(store: Store, other: Store) -> None:
    """Two accounts with more rows than are copied at once, so that a key of several columns is gone through."""
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    history = {"torrent_id": "T", "at": NOW, "act": "add_again", "outcome": "done"}
    for account in (ACCOUNT, "another"):
        attempts = [DebridAttempt(hash=str(number), **history) for number in range(5)]
        await store.debrid_history.note_attempts(account, attempts)
        times = {"name": "Film", "torrent_id": "T", "first_at": NOW, "last_at": NOW}
        kinds = [(str(number), kind) for number in range(3) for kind in ("dead", "error")]
        failures = [DebridFailure(hash=each, kind=kind, **times) for each, kind in kinds]
        await store.debrid_history.keep_failures(account, failures)
        retries = [DebridRetry(hash=str(number), torrent_id="T", due_at=NOW, state={"n": 1}) for number in range(4)]
        await store.debrid_history.keep_retries(account, retries)
        await store.debrid_history.keep_metrics(account, NOW, {"torrents": 1, "failed": 2})
    await store.copy_to(other)
    for account in (ACCOUNT, "another"):
        mine, theirs = store.debrid_history, other.debrid_history
        assert len(await theirs.attempts(account)) == 5
        assert await theirs.attempts(account) == await mine.attempts(account)
        assert len(await theirs.failures(account)) == 6
        assert await theirs.failures(account) == await mine.failures(account)
        assert len(await theirs.retries(account)) == 4
        assert await theirs.retries(account) == await mine.retries(account)
        assert await theirs.metrics(account, NOW) == [(NOW, "failed", 2), (NOW, "torrents", 1)]
    assert await other.mirror.count(ACCOUNT) == 0
    (added,) = await other.debrid_history.note_attempts(ACCOUNT, [DebridAttempt(hash="new", **history)])
    assert added.id == 11, "no id is given twice"


async def test_what_is_gone_is_taken_along(store: Store, other: Store) -> None:
    """It can't be read again, and nothing else tells of which torrent a link is that leads nowhere."""
    for account in (ACCOUNT, "another"):
        await store.mirror.apply(account, [torrent(number) for number in range(9)], NOW)
        await store.mirror.keep_details(account, [details(torrent(number)) for number in range(9)], NOW)
        await store.mirror.vanish(account, [torrent(number).id for number in range(4)], NOW)
    await store.library.save_walk("root", None, {f"folder {number}": f"listing {number}" for number in range(5)})
    await store.library.save_records({"folder 1": "what its links led to"})
    await store.copy_to(other)
    gone = [torrent(number).id for number in range(4, 9)]
    for account in (ACCOUNT, "another"):
        pages = [page async for page in other.mirror_view.walk(account, Presence.ANY)]
        assert sorted(each.torrent.id for page in pages for each in page) == gone
        assert all(each.gone_at == NOW for page in pages for each in page)
        files = await other.mirror_view.files(account, gone)
        assert files == await store.mirror_view.files(account, gone)
        assert len(files) == 2 * len(gone)
        assert await other.mirror_view.files(account, [torrent(1).id]) == []
        await other.mirror.apply(account, [torrent(4)], NOW)  # it comes back, with its links
        (back,) = await other.mirror_view.torrents(account, ids=[torrent(4).id])
        assert back.torrent == torrent(4)
    assert sorted(await other.library.folders()) == sorted(await store.library.folders())
    assert ("listing 1", "what its links led to") in await other.library.folders()


async def test_the_watchlist_is_taken_along(store: Store, other: Store) -> None:
    wishes = [Wish(id=str(number), text=f"Film {number}", asked_at=NOW) for number in range(7)]
    await store.wishes.save_all(wishes, NOW)
    await store.copy_to(other)
    assert await other.wishes.load() == wishes
    assert await store.wishes.load() == wishes, "it is still here"


async def test_an_empty_history_is_one_too(store: Store, other: Store) -> None:
    await store.copy_to(other)
    assert list(await other.journal.find()) == []
    assert (await other.journal.add(entry())).id == 1


@pytest.mark.parametrize("has", ["an entry", "a memory"])
async def test_what_has_a_history_of_its_own_keeps_it(store: Store, other: Store, has: str) -> None:
    await fill(store)
    if has == "an entry":
        await other.journal.add(entry(label="its own"))
    else:
        other.memory.keep("its own", {"have": 1})
        await other.flush()
    before = list(await other.journal.find()), await other.memory.load()
    with pytest.raises(NotEmpty):
        await store.copy_to(other)
    assert (list(await other.journal.find()), await other.memory.load()) == before


async def test_what_breaks_half_way_leaves_nothing(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(store)
    monkeypatch.setattr(copying, "MEMORY", JOURNAL)  # its ids are there already
    with pytest.raises(Exception, match=r"IntegrityError|UNIQUE|Unique"):
        await store.copy_to(other)
    assert list(await other.journal.find()) == []


# --- servers that won't do -------------------------------------------------------------------------------------------


@pytest.mark.real
async def test_an_old_server_is_named(postgresql: Postgresql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OLDEST_POSTGRESQL", (99, 1))
    with pytest.raises(TooOld, match=r"^this is PostgreSQL \d+\.\d+, 99\.1 or newer is needed$"):
        await open_store(postgresql.url)


@pytest.mark.real
@pytest.mark.parametrize("granted", ["nothing", "USAGE"])
async def test_a_user_that_may_not_make_tables(postgresql: Postgresql, granted: str) -> None:
    async with postgresql.connected() as connection:
        await connection.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        if granted == "USAGE":
            await connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    with pytest.raises(AccessDenied):
        await open_store(postgresql.url.replace("postgres@", "guest@"))
