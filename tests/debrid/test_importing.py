"""What Redriva and RDTM remember is taken over once, and nothing that SOKOUL knows is changed by it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlite3
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.sokoul.debrid.importing import GONE_FOR, CannotImportError, ImportFault, bring_in
from custom_components.sokoul.debrid.links import Cause, Health, Link, Mount, judge
from custom_components.sokoul.debrid.shelf import read_catalogue
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import DebridAttempt, DebridFailure
from custom_components.sokoul.store import Store
from tests.store.make import NOW
from tests.store.torrents import ACCOUNT, details, torrent

LATER = NOW + timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")

RDTM = """
    CREATE TABLE torrents (id TEXT PRIMARY KEY, hash TEXT NOT NULL, filename TEXT NOT NULL, status TEXT NOT NULL);
    CREATE TABLE attempts (id INTEGER PRIMARY KEY, torrent_id TEXT, attempt_date TIMESTAMP, success BOOLEAN,
        error_message TEXT, response_time_ms INTEGER, api_response TEXT);
    CREATE TABLE retry_queue (id INTEGER PRIMARY KEY, torrent_id TEXT, filename TEXT, error_type TEXT,
        error_message TEXT, original_failure TIMESTAMP, scheduled_retry TIMESTAMP, retry_count INTEGER,
        last_retry_attempt TIMESTAMP, UNIQUE (torrent_id, error_type));
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
    INSERT INTO retry_queue (torrent_id, filename, error_type, original_failure, scheduled_retry, retry_count) VALUES
        ('OLD1', 'Film A', 'too_many_requests', '2025-07-01 12:00:00', '2025-07-01 15:00:00', 1),
        ('ID000001', 'Film D', 'too_many_requests', '2025-07-01 12:00:00', '2025-07-01 15:30:00', 0),
        ('LOST', 'Film C', 'too_many_requests', '2025-07-01 12:00:00', '2025-07-01 15:00:00', 0),
        ('OLD2', 'Film B', 'too_many_requests', '2025-07-01 12:00:00', 'soon', 0);
"""
REDRIVA = """
    CREATE TABLE torrents (id TEXT PRIMARY KEY, filename TEXT, status TEXT, bytes INTEGER, added_on TEXT);
    CREATE TABLE torrent_details (id TEXT PRIMARY KEY, name TEXT, status TEXT, size INTEGER, files_count INTEGER,
        progress INTEGER, links TEXT, hash TEXT, host TEXT, error TEXT);
    INSERT INTO torrents VALUES ('R1', 'Film R', 'magnet_error', 5, '2025-05-01T10:00:00.000Z'),
        ('R2', 'Film S', 'downloaded', 5, '2025-05-01T10:00:00.000Z'), ('ID000001', 'Film T', 'dead', 5, NULL);
    INSERT INTO torrent_details (id, hash) VALUES ('R1', 'CCCC'), ('R2', 'dddd');
"""


#: Torrents with the names of others that are there.
OLDER = """
    INSERT INTO torrents VALUES ('O1', 'A.Film.1.1080p.WEB-DL', 'downloaded', 5, '2024-05-01T10:00:00.000Z'),
        ('O2', 'A.Film.2.1080p.WEB-DL', 'downloaded', 5, '2024-05-01T10:00:00.000Z');
    INSERT INTO torrent_details (id, hash) VALUES ('O1', 'eeee'), ('O2', 'ffff');
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
        "other_account": False,
        "known_before": 0,
        "retries": 2,
        "retries_waiting": 0,
        "unknown_torrents": 3,
        "unreadable": 2,
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


@dataclass
class Told:
    """What repairs are told, in this order."""

    heard: list[tuple[str, Any]] = field(default_factory=list)

    async def learn(self, failures: Iterable[DebridFailure]) -> None:
        self.heard.append(("learn", [(each.hash, each.source) for each in failures]))

    async def take_over(self, due: Mapping[str, datetime]) -> int:
        self.heard.append(("take over", dict(due)))
        return len(due)


async def test_repairs_are_told_of_what_is_final_and_then_of_what_is_due(store: Store, tmp_path: Path) -> None:
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    path, repairs = made(tmp_path / "rd_manager.db", RDTM), Told()
    given = (path, ACCOUNT, store.mirror_view, store.debrid_history, NOW, PARIS)
    told = await bring_in(*given, repairs=repairs)
    due = {"aaaa": datetime(2025, 7, 1, 13, tzinfo=UTC), torrent(1).hash: datetime(2025, 7, 1, 13, 30, tzinfo=UTC)}
    assert repairs.heard == [("learn", [("bbbb", "rdtm")]), ("take over", due)]
    assert (told["retries"], told["retries_waiting"]) == (2, 2)
    older = RDTM[: RDTM.index("CREATE TABLE retry_queue")] + RDTM[RDTM.index("CREATE TABLE permanent_failures") :]
    path = made(tmp_path / "older.db", older[: older.index("INSERT INTO retry_queue")])
    assert (await bring_in(path, *given[1:]))["retries"] == 0, "a queue was not there from the beginning"


async def test_repairs_are_not_told_of_what_they_found_themselves(store: Store, tmp_path: Path) -> None:
    found = DebridFailure(
        hash="cc", kind="error", torrent_id="T", name="N", first_at=NOW, last_at=NOW, final=True, source="repair"
    )
    await store.debrid_history.keep_failures(ACCOUNT, [found])
    path, repairs = made(tmp_path / "rd_manager.db", RDTM), Told()
    await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW, repairs=repairs)
    assert repairs.heard[0] == ("learn", [("bbbb", "rdtm")])


async def test_sizes_and_states_that_are_none(store: Store, tmp_path: Path) -> None:
    """SQLite keeps anything in any column."""
    odd = "UPDATE torrents SET bytes = CASE id WHEN 'R1' THEN 'big' ELSE -5 END, status = 'asleep';"
    path = made(tmp_path / "redriva.db", REDRIVA + odd)
    await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW, gone=store.mirror)
    found = await store.mirror_view.torrents(ACCOUNT, ids=["R1", "R2"])
    assert [(each.torrent.size_bytes, each.torrent.status) for each in found] == [(0, DebridStatus.UNKNOWN)] * 2


async def test_hashes_are_known_from_what_was_imported_before(store: Store, tmp_path: Path) -> None:
    """RDTM may have forgotten a torrent that Redriva still has, and the account doesn't."""
    await store.mirror.apply(ACCOUNT, [torrent(1)], NOW)
    rdtm = made(tmp_path / "rd_manager.db", RDTM)
    redriva = made(tmp_path / "redriva.db", REDRIVA.replace("'R2'", "'LOST'"))
    given = (ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    assert (await bring_in(rdtm, *given))["unknown_torrents"] == 3
    await bring_in(redriva, *given, gone=store.mirror)
    told = await bring_in(rdtm, *given)
    assert (told["unknown_torrents"], told["attempts"], told["failures"], told["known_before"]) == (0, 1, 1, 4)
    assert {each.torrent_id: each.hash for each in await store.debrid_history.attempts(ACCOUNT)}["LOST"] == "dddd"


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
    assert (film.torrent.status, film.gone_at) == (DebridStatus.DOWNLOADED, NOW - GONE_FOR)
    assert found["R1"].gone_at == NOW - GONE_FOR
    assert (found["ID000001"].gone_at, found["ID000001"].torrent) == (None, torrent(1))
    assert await store.mirror.count(ACCOUNT) == 1
    again = await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, LATER, gone=store.mirror)
    assert again["gone"] == 0
    assert await store.mirror.prune_gone(ACCOUNT, LATER) == 2


async def test_what_names_no_torrent_belongs_to_none(store: Store, tmp_path: Path) -> None:
    """Also where an attempt is known that had no id: what was refused before it was added has none."""
    history = store.debrid_history
    refused = DebridAttempt(hash="cccc", torrent_id="", at=NOW, act="add", outcome="refused", source="repair")
    await history.note_attempts(ACCOUNT, [refused])
    nobodys = "INSERT INTO attempts (attempt_date, success) VALUES ('2025-07-01 12:00:00', 0);"
    path = made(tmp_path / "rd_manager.db", RDTM + nobodys)
    told = await bring_in(path, ACCOUNT, store.mirror_view, history, NOW)
    assert told["unknown_torrents"] == 6
    assert [each.source for each in await history.attempts(ACCOUNT) if each.hash == "cccc"] == ["repair"]


async def test_what_vanished_before_is_no_news_of_the_last_week(store: Store, tmp_path: Path) -> None:
    """It counts among what the account has no more, and not among what happened lately."""
    await store.mirror.apply(ACCOUNT, [torrent(1), torrent(2)], NOW)
    await store.mirror.forget_torrent(ACCOUNT, torrent(2).id, NOW)
    path = made(tmp_path / "redriva.db", REDRIVA)
    await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW, gone=store.mirror)
    figures = await store.mirror_view.figures(ACCOUNT, NOW, old_before=NOW)
    assert (figures.gone, figures.week.gone, figures.day.gone) == (3, 1, 1)


async def test_links_are_judged_by_what_redriva_knew_only_where_nothing_else_is_known(
    store: Store, tmp_path: Path
) -> None:
    """What is there stays what it is, also beside an older torrent of the same name."""
    read, unread = torrent(1), torrent(2)
    await store.mirror.apply(ACCOUNT, [read, unread], NOW)
    await store.mirror.keep_details(ACCOUNT, [details(read)], NOW)
    path, mount = made(tmp_path / "redriva.db", REDRIVA + OLDER), Mount(theirs="/mnt/zurg")
    texts = {
        "whole": f"/mnt/zurg/{read.filename}/1.mkv",
        "no such file": f"/mnt/zurg/{read.filename}/9.mkv",
        "not read": f"/mnt/zurg/{unread.filename}/1.mkv",
        "gone": "/mnt/zurg/Film S/1.mkv",
        "nobody's": "/mnt/zurg/Film S (2020)/1.mkv",
    }

    async def judged() -> dict[str, tuple[Health, Cause, str | None]]:
        held = await read_catalogue(store.mirror_view, [ACCOUNT], complete=True)
        links = {
            name: judge(Link(path=f"/m/{name}", target=text), held, [mount], links={}) for name, text in texts.items()
        }
        return {name: (each.health, each.cause, each.hash) for name, each in links.items()}

    before = await judged()
    assert before["gone"] == (Health.BROKEN, Cause.NEVER_SEEN, None)
    told = await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW, gone=store.mirror)
    assert told["gone"] == 4
    assert await judged() == before | {"gone": (Health.BROKEN, Cause.TORRENT_GONE, "dddd")}
    assert [each[0] for each in before.values()][:3] == [Health.HEALTHY, Health.BROKEN, Health.UNKNOWN]


async def test_what_another_account_has_is_not_taken_for_lost(store: Store, tmp_path: Path) -> None:
    path = made(tmp_path / "redriva.db", REDRIVA)
    given = (path, ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    await store.mirror.apply(ACCOUNT, [torrent(2)], NOW)
    told = await bring_in(*given, gone=store.mirror)
    assert (told["other_account"], told["gone"]) == (True, 0)
    assert await store.mirror_view.torrents(ACCOUNT, ids=["R1", "R2"]) == []
    await store.mirror.vanish(ACCOUNT, (), NOW)
    told = await bring_in(*given, gone=store.mirror)
    assert (told["other_account"], told["gone"]) == (False, 2), "of an account that lost everything, all of it is gone"


async def test_what_is_known_stays(store: Store, tmp_path: Path) -> None:
    mine = DebridFailure(
        hash="bbbb", kind="infringing_file", torrent_id="T", name="N", first_at=NOW, last_at=NOW, times=3
    )
    await store.debrid_history.keep_failures(ACCOUNT, [mine])
    path = made(tmp_path / "rd_manager.db", RDTM)
    await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    assert await store.debrid_history.failures(ACCOUNT) == [mine]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, ImportFault.NO_FILE),
        (b"", ImportFault.NOT_THEIRS),
        (b"not a database at all, but a long enough text" * 50, ImportFault.NOT_THEIRS),
        ("CREATE TABLE torrents (id TEXT)", ImportFault.NOT_THEIRS),
        ("CREATE TABLE torrents (id TEXT); CREATE TABLE torrent_details (id TEXT)", ImportFault.UNREADABLE),
    ],
)
async def test_other_files_are_refused(
    store: Store, tmp_path: Path, content: bytes | str | None, fault: ImportFault
) -> None:
    path = tmp_path / "file.db"
    if isinstance(content, str):
        made(path, content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(CannotImportError) as refused:
        await bring_in(path, ACCOUNT, store.mirror_view, store.debrid_history, NOW)
    assert refused.value.fault is fault
    assert ("no such column" in refused.value.detail) == (fault is ImportFault.UNREADABLE)
    assert await store.debrid_history.attempts(ACCOUNT) == []
