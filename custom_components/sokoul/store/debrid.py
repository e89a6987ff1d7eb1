"""The mirror of Real-Debrid accounts: writing what was read, so that only what changed touches the disk.

A page of the list is compared with what is known inside the transaction that writes it. Thousands of rows are made and
compared in threads, a portion of a page at a time; see `bulk` for how they get to the database.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from functools import partial
import hashlib
from itertools import batched
from operator import methodcaller
from typing import Any

import orjson
from sqlalchemy import Row, Select, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.columnar import Columnar
from ..model.debrid import ACTIVE_STATUSES, FAILED_STATUSES, DebridStatus, DebridTorrent, DebridTorrentInfo
from ..model.debrid_mirror import (
    ChangeKind,
    DebridChange,
    DetailsNeed,
    DetailsReason,
    SyncMode,
    SyncOptions,
    SyncRun,
    SyncStatus,
)
from .bulk import REAL, TEXT, WHOLE, Columns, is_sqlite, many_values, rows_of, upsert, values_of
from .database import Database, Work
from .debrid_names import KeptNames
from .debrid_removal import STORED, remove_at_once, remove_some
from .debrid_schema import ATTEMPTS, FAILURES, FILES, LINKS, METRICS, SYNCS, TORRENTS
from .encoding import as_json, as_microseconds, as_text, from_json, from_microseconds
from .errors import StoreError

#: So much of a name is searched and sorted by.
_SEARCHED = 300
#: So many torrents of a page are compared at once. The objects of a portion are gone before the garbage collector takes
#: them for something that lasts, whose passes stop everything: it looks when there are 2,000 more than before.
_PORTION = 200
#: After so many torrents were written what the database knows of its tables is old.
_MUCH = 1_000
#: So many synchronisations of an account are remembered.
_RUNS_KEPT = 200
#: So many of those that were not finished are of interest. `running` is what a crash left.
_UNFINISHED = 20
_NOT_FINISHED = (SyncStatus.RUNNING, SyncStatus.INTERRUPTED, SyncStatus.CANCELLED)

_LISTED: Columns = {
    "id": TEXT,
    "hash": TEXT,
    "name": TEXT,
    "search": TEXT,
    "bytes": WHOLE,
    "host": TEXT,
    "split": WHOLE,
    "progress": REAL,
    "status": TEXT,
    "added_at": WHOLE,
    "ended_at": WHOLE,
    "rate": WHOLE,
    "seeders": WHOLE,
    "fingerprint": WHOLE,
    "first_seen_at": WHOLE,
    "changed_at": WHOLE,
    "status_at": WHOLE,
    "gone_at": WHOLE,
    "original_name": TEXT,
    "original_bytes": WHOLE,
    "file_count": WHOLE,
}
#: Of what is known already, these say more than the list does.
_KEPT = ("first_seen_at", "original_name", "original_bytes", "file_count")
#: The ids of changes.
_IDS: Callable[[Columnar[DebridChange]], Sequence[str]] = methodcaller("column", "id")
_LINK: Columns = {"torrent_id": TEXT, "position": WHOLE, "link": TEXT}
_FILE: Columns = {"torrent_id": TEXT, "file_id": WHOLE, "path": TEXT, "bytes": WHOLE, "selected": WHOLE}


class StoredMirror:
    """The torrents of every account as they were last seen. Each method raises `StoreError`."""

    def __init__(self, database: Database, names: KeptNames) -> None:
        """`names` are told of each change."""
        self._database = database
        self._names = names
        self._revisions: Counter[str] = Counter()
        self._written: Counter[str] = Counter()  # torrents, since the database was tidied

    def revision(self, account: str) -> int:
        """Return a number that is another one after each change of an account's torrents: what was counted is old."""
        return self._revisions[account]

    # --- the list ------------------------------------------------------------------------------------------------

    async def apply(self, account: str, torrents: Sequence[DebridTorrent], now: datetime) -> Columnar[DebridChange]:
        """Write what a page of the list shows, in one transaction, and return what is not as it was."""
        moment = as_microseconds(now)

        async def work(connection: AsyncConnection) -> Columnar[DebridChange]:
            found = Columnar(DebridChange)
            portions = batched(torrents, _PORTION, strict=False)
            while listed := await asyncio.to_thread(_listed, portions):
                found.extend(await _apply(connection, account, listed, moment))
            self._written[account] += len(found)
            return found

        return await self._changing(account, work, _IDS) if torrents else Columnar(DebridChange)

    async def vanish(
        self, account: str, present: Collection[str], now: datetime, *, at_most: int | None = None
    ) -> Sequence[DebridChange] | int:
        """Mark as gone what is not among the ids of a whole list, and return that.

        Where that would be more than `at_most`, nothing is marked, and how many there would be is returned.
        """
        ids = await asyncio.to_thread(_ids, present)

        async def work(connection: AsyncConnection) -> Columnar[DebridChange] | int:
            absent = _absent(sqlite=is_sqlite(connection))
            given = {"account": account, "ids": ids}
            if at_most is not None:
                counting = text(f"SELECT count(*) {absent}")
                async with many_values(connection):
                    count: int = (await connection.execute(counting, given)).scalar_one()
                if count > at_most:
                    return count
            gone = f"""UPDATE debrid_torrents SET gone_at = CAST(:now AS BIGINT)
                WHERE account = :account AND id IN (SELECT t.id {absent}) RETURNING id, name, status"""  # noqa: S608
            async with many_values(connection):
                rows = (await connection.execute(text(gone), {**given, "now": as_microseconds(now)})).all()
            changes = (DebridChange(row.id, ChangeKind.GONE, row.name, _status(row.status)) for row in rows)
            return await asyncio.to_thread(Columnar, DebridChange, changes)

        return await self._changing(account, work, lambda gone: () if isinstance(gone, int) else _IDS(gone))

    async def forget_torrent(self, account: str, torrent_id: str, now: datetime) -> None:
        """Mark one torrent as gone: Real-Debrid says that it has none of this id."""
        column = TORRENTS.c
        statement = update(TORRENTS).where(column.account == account, column.id == torrent_id, column.gone_at.is_(None))
        moment = as_microseconds(now)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement.values(gone_at=moment, changed_at=moment))

        await self._changing(account, work, lambda _: [torrent_id])

    async def remember_gone(self, account: str, torrents: Sequence[DebridTorrent], now: datetime) -> int:
        """Note torrents that were there once, as somebody else knew them; return how many of them were new.

        What is known already stays as it is.
        """
        moment, column = as_microseconds(now), TORRENTS.c

        async def work(connection: AsyncConnection) -> int:
            count = 0
            for some in batched(torrents, _PORTION, strict=False):
                ids = [as_text(each.id) for each in some]
                known = select(column.id).where(column.account == account, column.id.in_(ids))
                there = set((await connection.execute(known)).scalars())
                new = tuple(each for each in some if as_text(each.id) not in there)
                if (listed := _listed(iter([new] if new else []))) is None:
                    continue
                await _apply(connection, account, listed, moment)
                gone = update(TORRENTS).where(column.account == account, column.id.in_(list(listed.torrents)))
                await connection.execute(gone.values(gone_at=moment))
                count += len(listed.torrents)
            return count

        return await self._changing(account, work, lambda _: ()) if torrents else 0

    async def count(self, account: str) -> int:
        """Return how many torrents are there."""
        statement = "SELECT count(*) FROM debrid_torrents WHERE account = :account AND gone_at IS NULL"

        async def read(connection: AsyncConnection) -> int:
            found: int = (await connection.execute(text(statement), {"account": account})).scalar_one()
            return found

        return await self._database.read(read)

    async def tidy(self, account: str) -> None:
        """See to it that looking is fast again, where that can be done now."""
        if self._written[account] >= _MUCH:
            self._written[account] = 0
            with suppress(StoreError):  # PostgreSQL does so by itself, later: until then reading is slow
                await self._database.alone(_analyze, self._database.limits.answer)
        with suppress(StoreError):  # the database is asked, then
            await self.have_names(account)

    async def have_names(self, account: str) -> None:
        """Have in memory what searches go through. Nobody waits for that: until then the database is asked."""
        await self._names.refresh(account)

    # --- details -------------------------------------------------------------------------------------------------

    async def ask_details(self, account: str, ids: Collection[str], now: datetime) -> None:
        """Have the details of torrents read at the next occasion: something needs them as they are now."""
        asked = await asyncio.to_thread(_ids, ids)

        async def work(connection: AsyncConnection) -> None:
            chosen = values_of("ids", sqlite=is_sqlite(connection))
            statement = f"""UPDATE debrid_torrents SET asked_at = CAST(:now AS BIGINT)
                WHERE account = :account AND gone_at IS NULL AND id IN {chosen}"""  # noqa: S608
            given = {"account": account, "ids": asked, "now": as_microseconds(now)}
            await connection.execute(text(statement), given)

        await self._database.write(work)

    async def details_due(self, account: str, need: DetailsNeed, limit: int) -> list[tuple[str, DetailsReason]]:
        """Return whose details are to be read and why, the most needed first, and of those the newest."""
        clause, given = _due(account, need)
        statement = f"""SELECT id, reason FROM ({clause}) AS due
            ORDER BY rank, added_at DESC, id LIMIT :most"""  # noqa: S608

        async def read(connection: AsyncConnection) -> list[tuple[str, DetailsReason]]:
            rows = await connection.execute(text(statement), {**given, "most": limit})
            return [(row.id, DetailsReason(row.reason)) for row in rows.all()]

        return await self._database.read(read)

    async def count_due(self, account: str, need: DetailsNeed) -> dict[DetailsReason, int]:
        """Return how many details are to be read, by reason."""
        clause, given = _due(account, need)
        statement = f"SELECT reason, count(*) AS amount FROM ({clause}) AS due GROUP BY reason"  # noqa: S608

        async def read(connection: AsyncConnection) -> dict[DetailsReason, int]:
            rows = await connection.execute(text(statement), given)
            return {DetailsReason(row.reason): row.amount for row in rows.all()}

        return await self._database.read(read)

    async def keep_details(self, account: str, infos: Sequence[DebridTorrentInfo], now: datetime) -> None:
        """Write the details of torrents, in one transaction. What the mirror doesn't know is left out."""
        torrents, ids, files = await asyncio.to_thread(_details, infos)
        columns: Columns = {"id": TEXT, "original_name": TEXT, "original_bytes": WHOLE, "file_count": WHOLE}

        async def work(connection: AsyncConnection) -> None:
            sqlite = is_sqlite(connection)
            given = {"account": account, "now": as_microseconds(now), "rows": torrents}
            await connection.execute(text(_update_details(columns, sqlite=sqlite)), given)
            await connection.execute(text(_gone("debrid_files", sqlite=sqlite)), {"account": account, "ids": ids})
            statement = upsert("debrid_files", _FILE, ("torrent_id", "file_id"), sqlite=sqlite)
            await connection.execute(text(statement), {"account": account, "rows": files})

        if infos:
            await self._changing(account, work, lambda _: ())

    # --- synchronisations ----------------------------------------------------------------------------------------

    async def begin_run(self, run: SyncRun) -> int:
        """Write that a synchronisation begins, and return its id.

        The oldest of the account are forgotten, but for what is running: that may take longer than many others.
        """

        async def work(connection: AsyncConnection) -> int:
            given: int = (
                await connection.execute(insert(SYNCS).values(_run_row(run)).returning(SYNCS.c.id))
            ).scalar_one()
            kept = (
                select(SYNCS.c.id)
                .where(SYNCS.c.account == run.account)
                .order_by(SYNCS.c.id.desc())
                .offset(_RUNS_KEPT)
                .limit(1)
                .scalar_subquery()
            )
            old = (SYNCS.c.account == run.account, SYNCS.c.id <= kept, SYNCS.c.status != str(SyncStatus.RUNNING))
            await connection.execute(delete(SYNCS).where(*old))
            return given

        return await self._database.write(work)

    async def change_run(self, run: SyncRun) -> None:
        """Write how far a synchronisation is."""
        statement = update(SYNCS).where(SYNCS.c.id == run.id).values(_run_row(run))

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._database.write(work)

    async def runs(self, account: str, limit: int = 1) -> list[SyncRun]:
        """Return the newest synchronisations, newest first. One that this version can't read is left out."""
        return await self._runs(select(SYNCS).where(SYNCS.c.account == account), limit)

    async def unfinished(self, account: str) -> list[SyncRun]:
        """Return the synchronisations that were not finished, newest first: those since all was read to its end."""
        column = SYNCS.c
        whole = select(func.coalesce(func.max(column.id), 0)).where(
            column.account == account, column.mode == str(SyncMode.FULL), column.status == str(SyncStatus.DONE)
        )
        unfinished = (
            column.account == account,
            column.status.in_([str(each) for each in _NOT_FINISHED]),
            column.id > whole.scalar_subquery(),
        )
        return await self._runs(select(SYNCS).where(*unfinished), _UNFINISHED)

    async def _runs(self, wanted: Select[Any], limit: int) -> list[SyncRun]:
        statement = wanted.order_by(SYNCS.c.id.desc()).limit(limit)

        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(statement)).all()

        runs = [_run(row) for row in await self._database.read(read)]
        return [run for run in runs if run is not None]

    # --- forgetting ----------------------------------------------------------------------------------------------

    async def clear(self, account: str, *, history: bool = False) -> None:
        """Forget an account's mirror, which can be read again; with `history` also what is gone, and what was tried.

        What is being repaired stays: that is no history, and limits go by it.
        """
        there = select(TORRENTS.c.id).where(TORRENTS.c.account == account, TORRENTS.c.gone_at.is_(None))

        async def work(connection: AsyncConnection) -> None:
            for table in (LINKS, SYNCS, FILES, TORRENTS, *((ATTEMPTS, FAILURES, METRICS) if history else ())):
                statement = delete(table).where(table.c.account == account)
                if table in {LINKS, FILES} and not history:
                    statement = statement.where(table.c.torrent_id.in_(there))
                if table is TORRENTS and not history:
                    statement = statement.where(TORRENTS.c.gone_at.is_(None))
                await connection.execute(statement)

        await self._changing(account, work)

    async def remove(self, account: str) -> None:
        """Delete all that is stored of an account, for good: a little in each transaction, so others get their turn.

        What is left when that is cut off can be deleted later. Nobody may write of the account any more.
        """
        for table in STORED:
            if not await self._changing(account, partial(remove_at_once, account=account, table=table)):
                while await self._changing(account, partial(remove_some, account=account, table=table)):
                    pass

    async def prune_gone(self, account: str, before: datetime) -> int:
        """Forget what is gone since before a moment, with its files and links; return how many those were."""
        old = "SELECT id FROM debrid_torrents WHERE account = :account AND gone_at < CAST(:before AS BIGINT)"
        given = {"account": account, "before": as_microseconds(before)}

        async def work(connection: AsyncConnection) -> int:
            for table in ("debrid_files", "debrid_links"):
                statement = f"DELETE FROM {table} WHERE account = :account AND torrent_id IN ({old})"  # noqa: S608
                await connection.execute(text(statement), given)
            result = await connection.execute(
                text("DELETE FROM debrid_torrents WHERE account = :account AND gone_at < CAST(:before AS BIGINT)"),
                given,
            )
            return result.rowcount

        return await self._changing(account, work, lambda _: ())

    async def _changing[T](
        self, account: str, work: Work[T], changed: Callable[[T], Iterable[str] | None] = lambda _: None
    ) -> T:
        """Write something after which counts may be others: unless it says that it was nothing, also where it fails.

        `changed` returns the ids of what is listed in another way now, or no more; None where that may be anything.
        """
        result: T | bool = True
        ids: Iterable[str] | None = None
        try:
            result = await self._database.write(work)
            ids = changed(result)
            return result
        finally:
            if result is None or result:
                self._revisions[account] += 1
                self._names.note(account, ids)


async def _analyze(connection: AsyncConnection) -> None:
    """Have PostgreSQL look at a table that has become another one."""
    if not is_sqlite(connection):
        await connection.exec_driver_sql(f"VACUUM (ANALYZE) {TORRENTS.name}")


# --- comparing -------------------------------------------------------------------------------------------------------


class _Listed:
    """A page as torrents by id with their fingerprints, and the ids as JSON."""

    __slots__ = ("ids", "torrents")

    def __init__(self, torrents: dict[str, tuple[DebridTorrent, int]]) -> None:
        self.torrents = torrents
        self.ids = orjson.dumps(list(torrents)).decode()


class _News:
    """What of a page is to be written."""

    __slots__ = ("changes", "links", "relinked", "rows")

    def __init__(self) -> None:
        self.changes: list[DebridChange] = []
        self.rows = ""
        self.relinked = ""  # ids of those whose links are not what they were
        self.links = ""


def _listed(portions: Iterator[tuple[DebridTorrent, ...]]) -> _Listed | None:
    """Make the next portion; None when there is none."""
    torrents = next(portions, None)
    if torrents is None:
        return None
    return _Listed({as_text(torrent.id): (torrent, _fingerprint(torrent)) for torrent in torrents})


async def _apply(connection: AsyncConnection, account: str, listed: _Listed, moment: int) -> list[DebridChange]:
    """Write a portion of a page, and return what is not as it was."""
    sqlite = is_sqlite(connection)
    async with many_values(connection):
        known = (await connection.execute(text(_known(sqlite=sqlite)), {"account": account, "ids": listed.ids})).all()
    news = await asyncio.to_thread(_compare, listed, known, moment)
    if news.rows:
        statement = upsert(TORRENTS.name, _LISTED, ("id",), keep=_KEPT, sqlite=sqlite)
        await connection.execute(text(statement), {"account": account, "rows": news.rows})
    if news.relinked:
        await connection.execute(text(_gone("debrid_links", sqlite=sqlite)), {"account": account, "ids": news.relinked})
    if news.links:
        statement = upsert("debrid_links", _LINK, ("torrent_id", "position"), sqlite=sqlite)
        await connection.execute(text(statement), {"account": account, "rows": news.links})
    return news.changes


def _fingerprint(torrent: DebridTorrent) -> int:
    """Return a number that is another one when anything changed that is expected to last."""
    ended = "" if torrent.ended_at is None else as_microseconds(torrent.ended_at)
    lasting = (
        f"{torrent.hash}\n{torrent.size_bytes}\n{torrent.split_gigabytes}\n{as_microseconds(torrent.added_at)}\n{ended}\n"
        f"{torrent.host}\n{torrent.filename}\n{'\n'.join(torrent.links)}"
    )
    digest = hashlib.blake2b(lasting.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def folded(name: str) -> str:
    """Return a name as it is searched for: `Big.Buck_Bunny` and `big buck bunny` are the same."""
    return as_text(" ".join(name.replace(".", " ").replace("_", " ").casefold().split()))[:_SEARCHED]


def _row(torrent: DebridTorrent, fingerprint: int, now: int) -> dict[str, Any]:
    added_at = as_microseconds(torrent.added_at)
    ended_at = None if torrent.ended_at is None else as_microseconds(torrent.ended_at)
    return {
        "id": as_text(torrent.id),
        "hash": as_text(torrent.hash),
        "name": as_text(torrent.filename),
        "search": folded(torrent.filename),
        "bytes": torrent.size_bytes,
        "host": as_text(torrent.host),
        "split": torrent.split_gigabytes,
        "progress": float(torrent.progress),
        "status": str(torrent.status),
        "added_at": added_at,
        "ended_at": ended_at,
        "rate": torrent.download_rate,
        "seeders": torrent.seeders,
        "fingerprint": fingerprint,
        "first_seen_at": now,
        "changed_at": now,
        "status_at": min(ended_at or added_at, now),  # theirs may be hours ahead
        "gone_at": None,
        "original_name": "",
        "original_bytes": 0,
        "file_count": 0,
    }


def _known(*, sqlite: bool) -> str:
    return f"""SELECT id, status, progress, rate, seeders, fingerprint, gone_at, changed_at, status_at
        FROM debrid_torrents WHERE account = :account AND id IN {values_of("ids", sqlite=sqlite)}"""  # noqa: S608


def _absent(*, sqlite: bool) -> str:
    """Return what follows SELECT for torrents that are known and not in the list. Each has a fast way of its own."""
    clause = (
        "t.id NOT IN (SELECT value FROM json_each(:ids))"
        if sqlite
        else "NOT EXISTS (SELECT FROM jsonb_array_elements_text(CAST(:ids AS jsonb)) AS seen(id) WHERE seen.id = t.id)"
    )
    return f"FROM debrid_torrents AS t WHERE t.account = :account AND t.gone_at IS NULL AND {clause}"


def _compare(listed: _Listed, known: Sequence[Row[Any]], now: int) -> _News:
    news, before = _News(), {row.id: row for row in known}
    rows, relinked, linked = [], [], []
    for torrent_id, (torrent, fingerprint) in listed.torrents.items():
        old = before.get(torrent_id)
        kind = _kind(torrent, fingerprint, old)
        if kind is None:
            continue
        row = _row(torrent, fingerprint, now)
        if old is not None:
            row["status_at"] = now if row["status"] != old.status else old.status_at
            row["changed_at"] = old.changed_at if kind is ChangeKind.PROGRESS else now
        if old is None or fingerprint != old.fingerprint:
            linked.append((torrent_id, torrent.links))
            if old is not None:
                relinked.append(torrent_id)
        rows.append(row)
        changed = old is not None and row["status"] != old.status
        was = _status(old.status) if old is not None and changed else None
        news.changes.append(DebridChange(torrent_id, kind, row["name"], _status(row["status"]), was))
    if rows:
        news.rows = orjson.dumps(rows).decode()
    if relinked:
        news.relinked = orjson.dumps(relinked).decode()
    if linked:
        news.links = orjson.dumps(
            [
                {"torrent_id": torrent_id, "position": position, "link": as_text(link)}
                for torrent_id, links in linked
                for position, link in enumerate(links)
            ]
        ).decode()
    return news


def _kind(torrent: DebridTorrent, fingerprint: int, old: Row[Any] | None) -> ChangeKind | None:
    """Return what is different of a torrent."""
    if old is None:
        return ChangeKind.ADDED
    if old.gone_at is not None:
        return ChangeKind.RETURNED
    if torrent.status != old.status:
        return ChangeKind.STATUS
    if fingerprint != old.fingerprint:
        return ChangeKind.CONTENT
    if (torrent.progress, torrent.download_rate, torrent.seeders) != (old.progress, old.rate, old.seeders):
        return ChangeKind.PROGRESS
    return None


def _status(stored: str) -> DebridStatus:
    try:
        return DebridStatus(stored)
    except ValueError:  # of a newer version
        return DebridStatus.UNKNOWN


def _ids(ids: Collection[str]) -> str:
    return orjson.dumps([as_text(each) for each in ids]).decode()


def _gone(table: str, *, sqlite: bool) -> str:
    """Return a statement that deletes the links or files of some torrents."""
    return f"DELETE FROM {table} WHERE account = :account AND torrent_id IN {values_of('ids', sqlite=sqlite)}"  # noqa: S608


# --- details ---------------------------------------------------------------------------------------------------------


def _details(infos: Iterable[DebridTorrentInfo]) -> tuple[str, str, str]:
    """Return what is new of torrents, their ids, and their files, each as JSON."""
    latest = {as_text(info.torrent.id): info for info in infos}
    torrents = [
        {
            "id": torrent_id,
            "original_name": as_text(info.original_filename),
            "original_bytes": info.original_size_bytes,
            "file_count": len(info.files),
        }
        for torrent_id, info in latest.items()
    ]
    files = [
        {
            "torrent_id": torrent_id,
            "file_id": file.id,
            "path": as_text(file.path),
            "bytes": file.size_bytes,
            "selected": int(file.selected),
        }
        for torrent_id, info in latest.items()
        for file in info.files
    ]
    return orjson.dumps(torrents).decode(), orjson.dumps(list(latest)).decode(), orjson.dumps(files).decode()


def _update_details(columns: Columns, *, sqlite: bool) -> str:
    # SQLite knows nothing of how many torrents an account has: without being told of their ids it would go through all
    given = rows_of("rows", columns, sqlite=sqlite)
    return f"""WITH given AS MATERIALIZED ({given})
        UPDATE debrid_torrents SET original_name = given.original_name,
        original_bytes = given.original_bytes, file_count = given.file_count,
        details_at = CAST(:now AS BIGINT), asked_at = NULL
        FROM given
        WHERE debrid_torrents.account = :account AND debrid_torrents.id IN (SELECT id FROM given)
        AND debrid_torrents.id = given.id"""  # noqa: S608


_FAILED = ", ".join(f"'{each}'" for each in sorted(FAILED_STATUSES))
_ACTIVE = ", ".join(f"'{each}'" for each in sorted(ACTIVE_STATUSES))
_NOT_ACTIVE = f"(:active = 1 OR status NOT IN ({_ACTIVE}))"

#: When the details of a torrent are to be read for a reason.
_WHEN: Mapping[DetailsReason, str] = {
    DetailsReason.ASKED: "asked_at IS NOT NULL",
    DetailsReason.FAILED: f"""status IN ({_FAILED})
        AND (details_at IS NULL OR details_at < status_at OR details_at < CAST(:failed_before AS BIGINT))""",
    DetailsReason.STATUS_CHANGED: f"""status_at > first_seen_at AND status_at >= CAST(:since AS BIGINT)
        AND (details_at IS NULL OR details_at < status_at) AND {_NOT_ACTIVE}""",
    DetailsReason.NEVER_READ: f"details_at IS NULL AND {_NOT_ACTIVE}",
    DetailsReason.OLD: f"details_at < CAST(:old_before AS BIGINT) AND {_NOT_ACTIVE}",
    DetailsReason.ACTIVE: f"status IN ({_ACTIVE}) AND (details_at IS NULL OR details_at < CAST(:since AS BIGINT))",
}


def _due(account: str, need: DetailsNeed) -> tuple[str, dict[str, Any]]:
    """Return a SELECT of what is due, with why and how much before others, and its parameters."""
    given: dict[str, Any] = {
        "account": account,
        "since": as_microseconds(need.since),
        "old_before": as_microseconds(need.old_before),
        "failed_before": as_microseconds(need.failed_before),
        "active": int(need.include_active),
    }
    reasons = [reason for reason in _WHEN if reason in need.reasons]
    wanted = " OR ".join(f"({_WHEN[reason]})" for reason in reasons) or "false"
    case = " ".join(f"WHEN {_WHEN[reason]} THEN '{reason}'" for reason in reasons)
    rank = " ".join(f"WHEN {_WHEN[reason]} THEN {number}" for number, reason in enumerate(reasons))
    statuses = ""
    if need.statuses:
        statuses = "AND status IN (" + ", ".join(f"'{DebridStatus(each)}'" for each in need.statuses) + ")"
    if need.without_failed:
        statuses += f" AND status NOT IN ({_FAILED})"
    statement = f"""SELECT id, added_at, CASE {case} ELSE '' END AS reason, CASE {rank} ELSE 99 END AS rank
        FROM debrid_torrents WHERE account = :account AND gone_at IS NULL {statuses} AND ({wanted})"""  # noqa: S608
    used = {name: value for name, value in given.items() if f":{name}" in statement}
    return statement, used


# --- synchronisations ------------------------------------------------------------------------------------------------


def _run_row(run: SyncRun) -> dict[str, Any]:
    return {
        "account": run.account,
        "mode": str(run.mode),
        "options": as_json(asdict(run.options)),
        "status": str(run.status),
        "started_at": as_microseconds(run.started_at),
        "changed_at": as_microseconds(run.changed_at),
        "listed": int(run.listed),
        "done": run.done,
        "total": run.total,
        "summary": as_json(run.summary),
    }


def _run(row: Row[Any]) -> SyncRun | None:
    try:
        options = from_json(row.options)
        return SyncRun(
            id=row.id,
            account=row.account,
            mode=SyncMode(row.mode),
            options=SyncOptions(**{**options, "statuses": tuple(DebridStatus(each) for each in options["statuses"])}),
            status=SyncStatus(row.status),
            started_at=from_microseconds(row.started_at),
            changed_at=from_microseconds(row.changed_at),
            listed=bool(row.listed),
            done=row.done,
            total=row.total,
            summary=from_json(row.summary),
        )
    except ValueError, KeyError, TypeError:
        return None
