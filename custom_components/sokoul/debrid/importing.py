"""Taking over what Redriva (`redriva.db`) and RDTM (`rd_manager.db`) remember.

These are attempts, what failed for good, what was to be tried again, and what was there once. The torrents themselves
are read at Real-Debrid. The files are opened for reading only, in a thread, and may be the ones
that these tools still use. Doing it again brings in only what is new. What SOKOUL knows itself is never changed by it.
Sources: the tables of Redriva (717a0df) and of RDTM (55880b3), whose times are local and without a zone.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import batched
from pathlib import Path
import sqlite3
from typing import Any, Protocol

from ..model.debrid import FAILED_STATUSES, DebridStatus, DebridTorrent
from ..model.debrid_mirror import RDTM, REDRIVA, DebridAttempt, DebridFailure, MirroredTorrent
from .ports import History

#: More rows than this of a table are left out, the oldest first.
MOST = 500_000
#: So much of a message is kept.
_MESSAGE = 300
#: So many torrents are looked for at once.
_ASKED = 500
#: When a torrent vanished that only they remember, nobody knows. It counts as gone for so long: statistics tell of what
#: happened within a week, and that is no news.
GONE_FOR = timedelta(days=8)


class ImportFault(StrEnum):
    """Why a file can't be imported."""

    NO_FILE = "no_file"
    NOT_THEIRS = "not_theirs"
    UNREADABLE = "unreadable"


class CannotImportError(Exception):
    """This file is none of theirs, or can't be read. `detail` is what SQLite says of it, in English."""

    def __init__(self, fault: ImportFault, detail: str = "") -> None:
        super().__init__(detail or str(fault))
        self.fault = fault
        self.detail = detail


class View(Protocol):
    """Where the hash of a torrent may be known."""

    async def torrents(self, account: str, *, ids: Collection[str] = ()) -> list[MirroredTorrent]:
        """Return the torrents that have one of these ids."""


class Gone(Protocol):
    """Where torrents are remembered that were there once."""

    async def count(self, account: str) -> int:
        """Return how many torrents are there."""

    async def remember_gone(self, account: str, torrents: Sequence[DebridTorrent], now: datetime) -> int:
        """Note those that nobody knows yet, and return how many that were."""


class Repairs(Protocol):
    """What goes by what another tool learned, and goes on with what it had begun."""

    async def learn(self, failures: Iterable[DebridFailure]) -> None:
        """Ask no more for what Real-Debrid refused for good."""

    async def take_over(self, due: Mapping[str, datetime]) -> int:
        """Queue what was to be tried again, by hash and when, where that is still needed; return how many wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Retry:
    """What RDTM was to add again at a moment."""

    hash: str
    torrent_id: str
    at: datetime


@dataclass(slots=True)
class _Found:
    """What a file has. The hash is empty where the file doesn't have it."""

    source: str
    attempts: list[DebridAttempt] = field(default_factory=list)
    failures: list[DebridFailure] = field(default_factory=list)
    torrents: list[DebridTorrent] = field(default_factory=list)  # only those of which the file has the hash
    ids: list[str] = field(default_factory=list)  # of all torrents that were there once, the newest first
    retries: list[_Retry] = field(default_factory=list)
    unreadable: int = 0

    @property
    def nameless(self) -> set[str]:
        """The ids of torrents whose hashes are to be found elsewhere."""
        return {each.torrent_id for each in self._all if not each.hash}

    @property
    def _all(self) -> Iterator[DebridAttempt | DebridFailure | _Retry]:
        yield from self.attempts
        yield from self.failures
        yield from self.retries

    def name(self, hashes: Mapping[str, str]) -> int:
        """Fill in hashes by ids, and return how many are still without."""

        def named[T: (DebridAttempt, DebridFailure, _Retry)](each: T) -> T:
            return replace(each, hash=(each.hash or hashes.get(each.torrent_id, "")).lower())

        self.attempts = [named(each) for each in self.attempts]
        self.failures = [named(each) for each in self.failures]
        self.retries = [named(each) for each in self.retries]
        return sum(not each.hash for each in self._all)


async def bring_in(
    path: Path,
    account: str,
    view: View,
    history: History,
    now: datetime,
    zone: tzinfo = UTC,
    *,
    gone: Gone | None = None,
    repairs: Repairs | None = None,
) -> dict[str, Any]:
    """Take over what a file remembers, and return how much that was, as plain JSON.

    Torrents that the mirror doesn't have are told to `gone`; None: the account's list was not read yet. `zone` is the
    time zone of the machine that wrote it. Raises `CannotImportError` and what view, history, `gone` and `repairs`
    raise.
    """
    found = await asyncio.to_thread(_read, path, now, zone)
    attempts, failures = await history.attempts(account, limit=MOST), await history.failures(account, limit=MOST)
    remembered = await _remember(found, account, view, gone, now)
    # what was refused before it was added has no id
    hashes = {each.torrent_id: each.hash for each in attempts if each.torrent_id}
    hashes |= {each.torrent_id: each.hash for each in failures if each.torrent_id}
    if ids := found.nameless:
        hashes |= {each.torrent.id: each.torrent.hash for each in await view.torrents(account, ids=ids)}
    without = await asyncio.to_thread(found.name, hashes)
    known = {(each.hash, each.at, each.act) for each in attempts}
    known_failures = {(each.hash, each.kind) for each in failures}
    new_attempts = [each for each in found.attempts if each.hash and (each.hash, each.at, each.act) not in known]
    new = {(each.hash, each.kind): each for each in found.failures if each.hash}
    new_failures = [each for key, each in new.items() if key not in known_failures]
    await history.note_attempts(account, new_attempts)
    await history.keep_failures(account, new_failures)
    due = {each.hash: each.at for each in found.retries if each.hash}
    with_hash = sum(bool(each.hash) for each in found.attempts) + sum(bool(each.hash) for each in found.failures)
    told = {
        "source": found.source,
        "attempts": len(new_attempts),
        "failures": len(new_failures),
        "final_failures": sum(each.final for each in new_failures),
        "gone": remembered or 0,
        "other_account": remembered is None,
        "known_before": with_hash - len(new_attempts) - len(new_failures),
        "retries": len(due),
        "unknown_torrents": without,
        "unreadable": found.unreadable,
    }
    return told | {"retries_waiting": await _go_on(due, account, history, repairs)}


async def _remember(found: _Found, account: str, view: View, gone: Gone | None, now: datetime) -> int | None:
    """Remember what the account has no more, and return how much was new; None: it is about another account.

    That would be taken for lost: an account that has torrents, and never had one of these, is not the one.
    """
    if gone is None or not found.torrents:
        return 0
    if await gone.count(account):
        for some in batched(found.ids, _ASKED, strict=False):
            if await view.torrents(account, ids=some):
                break
        else:
            return None
    return await gone.remember_gone(account, found.torrents, now - GONE_FOR)


async def _go_on(due: Mapping[str, datetime], account: str, history: History, repairs: Repairs | None) -> int:
    """Have repairs go by what was learned, and then on with what is due: what was refused is not among that."""
    if repairs is None:
        return 0
    final = await history.failures(account, final=True, limit=MOST)
    await repairs.learn(each for each in final if each.source in {REDRIVA, RDTM})
    return await repairs.take_over(due) if due else 0


# --- files -----------------------------------------------------------------------------------------------------------


def _read(path: Path, now: datetime, zone: tzinfo) -> _Found:
    if not path.is_file():
        raise CannotImportError(ImportFault.NO_FILE)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if {"torrents", "attempts", "permanent_failures"} <= tables:
                return _read_rdtm(connection, zone, tables)
            if {"torrents", "torrent_details"} <= tables:
                return _read_redriva(connection, now, zone)
    except sqlite3.Error as error:
        other = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB
        raise CannotImportError(ImportFault.NOT_THEIRS if other else ImportFault.UNREADABLE, str(error)) from error
    raise CannotImportError(ImportFault.NOT_THEIRS)


def _read_rdtm(connection: sqlite3.Connection, zone: tzinfo, tables: Collection[str]) -> _Found:
    found = _Found(RDTM)
    attempts = connection.execute(
        """SELECT a.torrent_id, a.attempt_date AS at, a.success, a.error_message, t.hash FROM attempts AS a
        LEFT JOIN torrents AS t ON t.id = a.torrent_id ORDER BY a.attempt_date DESC LIMIT ?""",
        (MOST,),
    )
    for row, at in _dated(attempts, found, zone):
        found.attempts.append(
            DebridAttempt(
                hash=_text(row["hash"]),
                torrent_id=_text(row["torrent_id"]),
                at=at,
                act="add_again",
                outcome="done" if row["success"] else "failed",
                detail={"message": _text(row["error_message"])} if row["error_message"] else {},
                source=RDTM,
            )
        )
    failures = connection.execute(
        """SELECT f.torrent_id, f.filename, f.error_type, f.failure_date AS at, t.hash FROM permanent_failures AS f
        LEFT JOIN torrents AS t ON t.id = f.torrent_id ORDER BY f.failure_date DESC LIMIT ?""",
        (MOST,),
    )
    for row, at in _dated(failures, found, zone):
        found.failures.append(
            DebridFailure(
                hash=_text(row["hash"]),
                kind=_text(row["error_type"]),
                torrent_id=_text(row["torrent_id"]),
                name=_text(row["filename"]),
                first_at=at,
                last_at=at,
                final=True,
                source=RDTM,
            )
        )
    if "retry_queue" in tables:  # younger than the others
        found.retries = list(_retries(connection, found, zone))
    return found


def _retries(connection: sqlite3.Connection, found: _Found, zone: tzinfo) -> Iterator[_Retry]:
    """Return what was to be added again because of a limit: to RDTM that counts as no try, and to us neither."""
    queue = connection.execute(
        """SELECT q.torrent_id, q.scheduled_retry AS at, t.hash FROM retry_queue AS q
        LEFT JOIN torrents AS t ON t.id = q.torrent_id ORDER BY q.scheduled_retry DESC LIMIT ?""",
        (MOST,),
    )
    for row, at in _dated(queue, found, zone):
        yield _Retry(hash=_text(row["hash"]), torrent_id=_text(row["torrent_id"]), at=at)


def _dated(rows: Iterable[sqlite3.Row], found: _Found, zone: tzinfo) -> Iterator[tuple[sqlite3.Row, datetime]]:
    """Return rows with their time; those without one are counted."""
    for row in rows:
        if (at := _moment(row["at"], zone)) is None:
            found.unreadable += 1
        else:
            yield row, at


def _read_redriva(connection: sqlite3.Connection, now: datetime, zone: tzinfo) -> _Found:
    """Redriva knows no attempts: only what there was, and what it saw fail, without saying when. It deletes nothing."""
    found = _Found(REDRIVA)
    for row in connection.execute(
        """SELECT t.id, t.filename, t.bytes, t.added_on, t.status, d.hash, d.host FROM torrents AS t
        LEFT JOIN torrent_details AS d ON d.id = t.id ORDER BY t.added_on DESC LIMIT ?""",
        (MOST,),
    ):
        at = _moment(row["added_on"], zone) or now
        found.ids.append(_text(row["id"]))
        if row["hash"] and row["id"]:
            found.torrents.append(_torrent(row, at))
        if row["status"] not in FAILED_STATUSES:
            continue
        found.failures.append(
            DebridFailure(
                hash=_text(row["hash"]),
                kind=_text(row["status"]),
                torrent_id=_text(row["id"]),
                name=_text(row["filename"]),
                first_at=at,
                last_at=at,
                source=REDRIVA,
            )
        )
    return found


def _torrent(row: sqlite3.Row, at: datetime) -> DebridTorrent:
    status, size = _text(row["status"]), row["bytes"]
    return DebridTorrent(
        id=_text(row["id"]),
        hash=_text(row["hash"]).lower(),
        filename=_text(row["filename"]),
        size_bytes=size if isinstance(size, int) and size > 0 else 0,
        status=DebridStatus(status) if status in DebridStatus else DebridStatus.UNKNOWN,
        progress=100.0 if status == DebridStatus.DOWNLOADED else 0.0,
        added_at=at,
        host=_text(row["host"]),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:_MESSAGE]


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    """Return a time as these tools write it; None for what is none."""
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except ValueError, OverflowError:
        return None
