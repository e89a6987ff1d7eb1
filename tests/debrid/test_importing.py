"""What Redriva and RDTM remember is taken over once, and nothing that SOKOUL knows is changed by it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlite3
from zoneinfo import ZoneInfo

import pytest

from custom_components.sokoul.debrid.importing import CannotImportError, bring_in
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import DebridFailure
from custom_components.sokoul.store import Store
from tests.store.make import NOW
from tests.store.torrents import ACCOUNT, torrent

LATER = NOW + timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")

RDTM = """
    CREATE TABLE torrents (id TEXT PRIMARY KEY, hash TEXT NOT NULL, filename TEXT NOT NULL, status TEXT NOT NULL);
    CREATE TABLE attempts (id INTEGER PRIMARY KEY, torrent_id TEXT, attempt_date TIMESTAMP, success BOOLEAN,
        error_message TEXT, response_time_ms INTEGER, api_response TEXT);
    CREATE TABLE permanent_failures (id INTEGER PRIMARY KEY, torrent_id TEXT, filename TEXT, error_type TEXT,
        error_message TEXT, failure_date TIMESTAMP, processed BOOLEAN, UNIQUE (torrent_id, error_type));
    INSERT INTO torrents VALUES ('OLD1', 'AAAA', 'Film A', 'dead'), ('OLD2', 'bbbb', 'Film B', 'error');
    INSERT INTO attempts (torrent_id, attempt_date, success, error_message) VALUES
        ('OLD1', '2025-07-01 12:00:00.123456', 0, 'too_many_requests'),
        ('OLD1', '2025-07-01 15:00:00', 1, NULL),
        ('OLD2', 'yesterday', 0, NULL),
        ('LOST', '2025-07-02 12:00:00', 0, NULL),
        ('ID000001', '2025-01-02 12:00:00', 0, NULL);
    INSERT INTO permanent_failures (torrent_id, filename, error_type, failure_date) VALUES
        ('OLD2', 'Film B', 'infringing_file', '2025-07-03 00:30:00'),
        ('LOST', 'Film C', 'infringing_file', '2025-07-03');
"""
REDRIVA = """
    CREATE TABLE torrents (id TEXT PRIMARY KEY, filename TEXT, status TEXT, bytes INTEGER, added_on TEXT);
    CREATE TABLE torrent_details (id TEXT PRIMARY KEY, name TEXT, status TEXT, size INTEGER, files_count INTEGER,
        progress INTEGER, links TEXT, hash TEXT, host TEXT, error TEXT);
    INSERT INTO torrents VALUES ('R1', 'Film R', 'magnet_error', 5, '2025-05-01T10:00:00.000Z'),
        ('R2', 'Film S', 'downloaded', 5, '2025-05-01T10:00:00.000Z'), ('ID000001', 'Film T', 'dead', 5, NULL);
    INSERT INTO torrent_details (id, hash) VALUES ('R1', 'CCCC'), ('R2', 'dddd');
"""


def made(path: Path, script: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


async def test_rdtm(store: Store, tmp_path: Path) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    path, history = made(tmp_path / "rd_manager.db", RDTM), store.debrid_history
    before = path.read_bytes()
    told = await bring_in(path, ACCOUNT, store.mirror_view, history, NOW, PARIS)
    expected = {
        "source": "rdtm",
        "attempts": 3,
        "failures": 1,
        "final_failures": 1,
        "gone": 0,
        "known_before": 0,
        "unknown_torrents": 2,
        "unreadable": 1,
    }
    assert told == expected
    first, second, mirrored = sorted(
        await history.attempts(ACCOUNT), key=lambda each: (each.hash == torrent(1).hash, each.at)
    )
    assert (first.hash, first.torrent_id, first.outcome, first.source) == ("aaaa", "OLD1", "failed", "rdtm")
    assert first.at == datetime(2025, 7, 1, 10, 0, 0, 123456, tzinfo=UTC), "it was summer in Paris"
    assert first.detail == {"message": "too_many_requests"}
    assert (second.outcome, second.detail) == ("done", {})
    assert mirrored.hash == torrent(1).hash, "known by the mirror"
    (failure,) = await history.failures(ACCOUNT)
    assert (failure.hash, failure.kind, failure.name, failure.final) == ("bbbb", "infringing_file", "Film B", True)
    again = await bring_in(path, ACCOUNT, store.mirror_view, history, NOW + timedelta(days=1), PARIS)
    assert again == expected | {"attempts": 0, "failures": 0, "final_failures": 0, "known_before": 4}
    assert len(await history.attempts(ACCOUNT)) == 3
    assert path.read_bytes() == before


async def test_redriva(store: Store, tmp_path: Path) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    path = made(tmp_path / "redriva.db", REDRIVA)
    told = await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    assert (told["source"], told["attempts"], told["failures"], told["final_failures"]) == ("redriva", 0, 2, 0)
    found = {each.hash: each for each in await store.debrid_history.failures(ACCOUNT)}
    assert found["cccc"].first_at == datetime(2025, 5, 1, 10, tzinfo=UTC)
    assert (found["cccc"].kind, found["cccc"].final) == ("magnet_error", False)
    assert found[torrent(1).hash].last_at == NOW, "nobody knows when"


async def test_what_redriva_knew_and_is_gone_is_remembered(store: Store, tmp_path: Path) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    path = made(tmp_path / "redriva.db", REDRIVA)
    told = await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW, gone=store.mirror)
    assert told["gone"] == 2, "the third has no hash, and is there"
    found = {each.torrent.id: each for each in await store.mirror_view.torrents(ACCOUNT, ids=["R1", "R2", "ID000001"])}
    film = found["R2"]
    assert (film.torrent.hash, film.torrent.filename, film.torrent.size_bytes) == ("dddd", "Film S", 5)
    assert (film.torrent.status, film.gone_at) == (DebridStatus.DOWNLOADED, NOW)
    assert found["R1"].gone_at == NOW
    assert (found["ID000001"].gone_at, found["ID000001"].torrent) == (None, torrent(1))
    assert await store.mirror.count(ACCOUNT) == 1
    again = await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, LATER, gone=store.mirror)
    assert again["gone"] == 0
    assert await store.mirror.prune_gone(ACCOUNT, LATER) == 2


async def test_what_is_known_stays(store: Store, tmp_path: Path) -> None:
    mine = DebridFailure(
        hash="bbbb", kind="infringing_file", torrent_id="T", name="N", first_at=NOW, last_at=NOW, times=3
    )
    await store.debrid_history.keep_failures(ACCOUNT, [mine])
    path = made(tmp_path / "rd_manager.db", RDTM)
    await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    assert await store.debrid_history.failures(ACCOUNT) == [mine]


@pytest.mark.parametrize("content", [None, b"", b"not a database at all, but a long enough text" * 50, "other"])
async def test_other_files_are_refused(store: Store, tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "file.db"
    if content == "other":
        made(path, "CREATE TABLE torrents (id TEXT)")
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(CannotImportError):
        await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    assert await store.debrid_history.attempts(ACCOUNT) == []
