"""Looking into the mirror of Real-Debrid accounts: lists, figures, and what is known of single torrents."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
import re
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    Text,
    TextClause,
    and_,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.debrid import FAILED_STATUSES, DebridFile, DebridStatus, DebridTorrent
from ..model.debrid_mirror import (
    Activity,
    DebridFigures,
    DebridQuery,
    Duplicate,
    Facet,
    Held,
    MirroredFile,
    MirroredTorrent,
    Presence,
    SortKey,
    StatusFigures,
)
from .bulk import is_sqlite
from .database import Database
from .debrid_counts import COUNTS, DUPLICATES, held
from .debrid_names import KeptNames, Place
from .debrid_schema import FILES, LINKS, TORRENTS
from .encoding import as_microseconds, as_text, from_microseconds

#: So many torrents are asked for by their ids, hashes or names at once: a parameter each.
_ASKED = 500
#: So many rows are read at once by who wants all: the event loop makes an object of each, one after the other.
_PORTION = 200
#: So many at once where the event loop has little to do with each: as many objects as no collector goes after.
_HELD_AT_ONCE = 200
#: By so many names it is told whether most have the words of a query. About half of them may be taken for either.
_SAMPLED = 100
#: Of the largest torrents and of the duplicates so many are named.
_NAMED = 10
#: What means itself alone to SQLite's GLOB, which takes no pattern of more than 50,000 bytes.
_PLAIN = re.compile(r"[^*?\[]{1,1000}")

_COLUMNS = TORRENTS.c

_SORTED: Mapping[SortKey, ColumnElement[Any]] = {
    SortKey.ADDED: _COLUMNS.added_at,
    SortKey.NAME: _COLUMNS.search,
    SortKey.SIZE: _COLUMNS.bytes,
    SortKey.CHANGED: _COLUMNS.status_at,
}


class Look(NamedTuple):
    """A page of torrents, where the next one begins, and how many there are by status and host."""

    page: list[MirroredTorrent]
    more: Place | None
    facets: list[Facet]


class MirrorView:
    """What is known of the torrents of every account. Each method raises `StoreError`."""

    def __init__(self, database: Database, names: KeptNames) -> None:
        self._database = database
        self._names = names

    # --- lists ---------------------------------------------------------------------------------------------------

    async def look(self, account: str, query: DebridQuery) -> Look:
        """Return a page of the torrents that fit, and how many have the words and are there, by status and host.

        Words are looked for in the names that are in memory. While there are none, the database goes through its own.
        """
        return await self._look(account, query, counted=True)

    async def find(self, account: str, query: DebridQuery) -> tuple[list[MirroredTorrent], Place | None]:
        """Return a page of the torrents that fit, without their links, and the cursor of the next page, if any."""
        found = await self._look(account, query, counted=False)
        return found.page, found.more

    async def _look(self, account: str, query: DebridQuery, *, counted: bool) -> Look:
        if (found := await self._by_names(account, query, counted=counted)) is not None:
            return found

        async def read(connection: AsyncConnection) -> tuple[Sequence[Row[Any]], list[Facet]]:
            if query.words and not is_sqlite(connection):
                await connection.execute(_BY_INDEX)
            few, facets = await _few(connection, account, query), list[Facet]()
            if few is not None:
                facets = _facets((each.status, each.host, 1, each.bytes) for each in few)
            elif counted:
                facets = await _counts(connection, account, query)
            ids = None if few is None else [each.id for each in few]
            return await _sorted(connection, account, query, ids), facets

        rows, facets = await self._database.read(read)
        return Look(*_page(query, rows), facets)

    async def _by_names(self, account: str, query: DebridQuery, *, counted: bool) -> Look | None:
        """Search the names that are in memory; None where they don't help, or are not what the database says."""
        if not query.words or query.presence is Presence.GONE:
            return None
        names = await self._names.current(account)
        if names is None:
            return None
        found = await asyncio.to_thread(names.search, query, counted=counted)

        async def read(connection: AsyncConnection) -> tuple[Sequence[Row[Any]], list[Facet]] | None:
            kept = (await connection.execute(_kept_counts(account, Presence.PRESENT))).all()
            if {(row.status, row.host): (row.torrents, held(row.high, row.low)) for row in kept} != names.totals:
                return None
            there, gone = replace(query, presence=Presence.PRESENT), replace(query, presence=Presence.GONE)
            rows, facets = list[Row[Any]](), _facets((*kind, *total) for kind, total in found.totals.items())
            for ids in _portions(found.ids):
                wanted = _wanted_of(account, there, ids, sqlite=is_sqlite(connection))
                rows += (await connection.execute(select(TORRENTS).where(*wanted))).all()
            if query.presence is Presence.ANY:  # what is gone is little, and not in memory
                rows += await _portion(connection, account, gone, None)
                facets = _together(facets, await _counts(connection, account, gone) if counted else ())
            return _in_order(query, rows), facets

        if (read_now := await self._database.read(read)) is None:
            self._names.differ(account, names)
            return None
        rows, facets = read_now
        return Look(*_page(query, rows), facets)

    async def walk(self, account: str, presence: Presence = Presence.PRESENT) -> AsyncIterator[list[MirroredTorrent]]:
        """Return all torrents by their ids, without links. What changes meanwhile may be seen or not."""
        last = ""
        while True:
            statement = (
                select(TORRENTS)
                .where(_COLUMNS.account == account, *_present(presence), _COLUMNS.id > last)
                .order_by(_COLUMNS.id)
                .limit(_PORTION)
            )
            rows = await self._rows(statement)
            if not rows:
                return
            yield [_mirrored(row) for row in rows]
            last = rows[-1].id

    async def held(self, account: str) -> AsyncIterator[list[Held]]:
        """Return what mounts may show of all torrents, those that are gone, too, by their ids and in portions.

        The database puts the files of each together: a hundred thousand rows are nothing for the event loop.
        """
        last = ""
        while True:
            given = {"account": account, "last": last, "most": _HELD_AT_ONCE}

            async def read(connection: AsyncConnection, given: Mapping[str, Any] = given) -> Sequence[Row[Any]]:
                statement = _HELD_SQLITE if is_sqlite(connection) else _HELD_POSTGRESQL
                return (await connection.execute(statement, given)).all()

            rows = await self._database.read(read)
            if not rows:
                return
            yield [
                Held(
                    row.id,
                    row.hash,
                    row.name,
                    row.original_name,
                    _status(row.status),
                    bool(row.gone),
                    row.files or None,
                )
                for row in rows
            ]
            last = rows[-1].id

    async def unfinished(self, account: str) -> Sequence[str]:
        """Return the hashes of the torrents that are there, but not complete."""
        # two ranges of an index, where "is another one" would have every row looked up
        status = or_(_COLUMNS.status < DebridStatus.DOWNLOADED, _COLUMNS.status > DebridStatus.DOWNLOADED)
        statement = select(_COLUMNS.hash).where(_COLUMNS.account == account, status, *_present(Presence.PRESENT))

        async def read(connection: AsyncConnection) -> Sequence[str]:
            return (await connection.execute(statement.distinct())).scalars().all()

        return await self._database.read(read)

    async def of_hashes(self, account: str, hashes: Collection[str]) -> AsyncIterator[list[MirroredTorrent]]:
        """Return the torrents that are there and have one of these hashes, in portions and without links."""
        for portion in _portions(hashes):
            there = and_(_COLUMNS.account == account, *_present(Presence.PRESENT))
            yield [
                _mirrored(row) for row in await self._rows(select(TORRENTS).where(there, _COLUMNS.hash.in_(portion)))
            ]

    # --- single torrents -----------------------------------------------------------------------------------------

    async def torrents(
        self,
        account: str,
        *,
        ids: Collection[str] = (),
        hashes: Collection[str] = (),
        names: Collection[str] = (),
        presence: Presence = Presence.ANY,
    ) -> list[MirroredTorrent]:
        """Return the torrents that have one of these ids, hashes or exact names, with their links."""
        found: dict[str, MirroredTorrent] = {}
        for column, values in ((_COLUMNS.id, ids), (_COLUMNS.hash, hashes), (_COLUMNS.name, names)):
            for portion in _portions(values):
                of_account = and_(_COLUMNS.account == account, *_present(presence))
                rows = await self._rows(select(TORRENTS).where(of_account, column.in_(portion)))
                links = await self._links(account, [row.id for row in rows])
                found.update({row.id: _mirrored(row, links.get(row.id, ())) for row in rows})
        return list(found.values())

    async def _links(self, account: str, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for portion in _portions(ids):
            statement = (
                select(LINKS.c.torrent_id, LINKS.c.link)
                .where(LINKS.c.account == account, LINKS.c.torrent_id.in_(portion))
                .order_by(LINKS.c.torrent_id, LINKS.c.position)
            )
            for row in await self._rows(statement):
                found[row.torrent_id] = (*found.get(row.torrent_id, ()), row.link)
        return found

    async def files(self, account: str, torrent_ids: Collection[str]) -> list[MirroredFile]:
        """Return the files of torrents, in their order; none of those whose details were never read."""
        found: list[MirroredFile] = []
        for portion in _portions(torrent_ids):
            statement = (
                select(FILES)
                .where(FILES.c.account == account, FILES.c.torrent_id.in_(portion))
                .order_by(FILES.c.torrent_id, FILES.c.file_id)
            )
            found += [
                MirroredFile(
                    torrent_id=row.torrent_id,
                    file=DebridFile(id=row.file_id, path=row.path, size_bytes=row.bytes, selected=bool(row.selected)),
                )
                for row in await self._rows(statement)
            ]
        return found

    # --- figures -------------------------------------------------------------------------------------------------

    async def figures(self, account: str, now: datetime, *, old_before: datetime) -> DebridFigures:
        """Return what statistics are made of: what is kept counted, and what indexes say of the last days."""
        moments = _moments(account, now - timedelta(days=1), now - timedelta(days=7), old_before)

        async def read(connection: AsyncConnection) -> DebridFigures:
            by_status = (await connection.execute(_by_status(account))).all()
            passed = (await connection.execute(moments)).one()
            largest = (await connection.execute(_largest(account))).all()
            duplicates = (await connection.execute(_duplicates(account))).all()
            return DebridFigures(
                by_status=tuple(_figures(row) for row in by_status),
                day=Activity(**{what: getattr(passed, f"{what}_day") for what in _HAPPENED}),
                week=Activity(
                    **{what: getattr(passed, f"{what}_day") + getattr(passed, f"{what}_before") for what in _HAPPENED}
                ),
                largest=tuple(_mirrored(row).torrent for row in largest),
                duplicates=tuple(Duplicate(row.hash, row.torrents, held(row.high, row.low)) for row in duplicates),
                old_details=passed.old_details,
                gone=passed.gone,
            )

        return await self._database.read(read)

    async def _rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(statement)).all()

        return await self._database.read(read)


# --- what fits a query -----------------------------------------------------------------------------------------------

#: Until the end of a transaction. PostgreSQL takes the table for as fast to read as an index that holds all that is
#: asked for; it is several times as much. To start other processes for that takes as long as they save.
_BY_INDEX = text(
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), "
    "set_config('max_parallel_workers_per_gather', '0', true)"
)


async def _few(connection: AsyncConnection, account: str, query: DebridQuery) -> Sequence[Row[Any]] | None:
    """Return what has the words of a query, whatever its status and host; None where that is very much.

    Where it is, a page is found faster by its order.
    """
    if not query.words or query.presence is not Presence.PRESENT:
        return None  # what is gone has no index of names
    sqlite = is_sqlite(connection)
    wanted = _wanted(account, query, sqlite=sqlite, with_facets=False)
    # the index of names is gone through alone, and the rest of what it finds is looked up
    names = select(_COLUMNS.id).where(*wanted).order_by(_COLUMNS.search, _COLUMNS.id).limit(_ASKED + 1)
    ids = (await connection.execute(names)).scalars().all()
    if len(ids) > _ASKED:
        return None
    if not ids:
        return ()
    columns = (_COLUMNS.id, _COLUMNS.status, _COLUMNS.host, _COLUMNS.bytes)
    return (await connection.execute(select(*columns).where(*wanted, _COLUMNS.id.in_(ids)))).all()


async def _counts(connection: AsyncConnection, account: str, query: DebridQuery) -> list[Facet]:
    if not query.words:
        statement = _kept_counts(account, query.presence)
    elif query.presence is Presence.ANY:  # each of the two has indexes of its own
        both = [replace(query, presence=each) for each in (Presence.PRESENT, Presence.GONE)]
        counted = [facet for each in both for facet in await _counts(connection, account, each)]
        return _together(counted)
    else:
        sqlite = is_sqlite(connection)
        if query.presence is Presence.PRESENT and await _are_most(connection, account, query):
            statement = _all_but(account, query, sqlite=sqlite)
        else:
            statement = _counted(_wanted(account, query, sqlite=sqlite, with_facets=False))
    rows = (await connection.execute(statement)).all()
    facets = _facets((row.status, row.host, row.torrents, held(row.high, row.low)) for row in rows)
    return [each for each in facets if each.count]


async def _are_most(connection: AsyncConnection, account: str, query: DebridQuery) -> bool:
    """Tell whether most torrents have the words of a query, by some of them: ids are in no order of names."""
    some = select(_COLUMNS.search).where(_COLUMNS.account == account, *_present(query.presence))
    names = some.order_by(_COLUMNS.id).limit(_SAMPLED).subquery()
    named = _named(names.c.search, query, sqlite=is_sqlite(connection))
    count = await connection.execute(select(func.count()).select_from(names).where(*named))
    return 2 * count.scalar_one() > _SAMPLED


async def _sorted(
    connection: AsyncConnection, account: str, query: DebridQuery, ids: Sequence[str] | None
) -> Sequence[Row[Any]]:
    """Return a page of what fits, of these few or of all, and the first of the next page."""
    if query.presence is not Presence.ANY:
        return await _portion(connection, account, query, ids)
    rows: list[Row[Any]] = []
    for presence in (Presence.PRESENT, Presence.GONE):  # each has indexes of its own, by which both are sorted already
        rows += await _portion(connection, account, replace(query, presence=presence), ids)
    return _in_order(query, rows)


def _in_order(query: DebridQuery, rows: Iterable[Row[Any]]) -> Sequence[Row[Any]]:
    key = _name(_SORTED[query.sort])
    return sorted(rows, key=lambda row: (getattr(row, key), row.id), reverse=query.descending)


async def _portion(
    connection: AsyncConnection, account: str, query: DebridQuery, ids: Sequence[str] | None
) -> Sequence[Row[Any]]:
    if ids is not None and not ids:
        return ()
    key, statuses = _SORTED[query.sort], await _rarely(connection, account, query) if ids is None else None
    if statuses is not None and not statuses:
        return ()
    if statuses is not None or ids is not None:  # SQLite would go through all of them for the sake of their order
        key = _not_by_index(key)
    sqlite = is_sqlite(connection)
    wanted = _wanted(account, query, sqlite=sqlite) if ids is None else _wanted_of(account, query, ids, sqlite=sqlite)
    if statuses is not None:
        wanted.append(_COLUMNS.status.in_(statuses))
    if query.cursor is not None:
        value, torrent_id = query.cursor
        place, after = tuple_(key, _COLUMNS.id), tuple_(literal(value, key.type), literal(torrent_id))
        wanted.append(place < after if query.descending else place > after)
    order = (key.desc(), _COLUMNS.id.desc()) if query.descending else (key, _COLUMNS.id)
    statement = select(TORRENTS).where(*wanted).order_by(*order).limit(query.limit + 1)
    return (await connection.execute(statement)).all()


async def _rarely(connection: AsyncConnection, account: str, query: DebridQuery) -> Collection[str] | None:
    """Return the statuses of what has the status and host that are asked for, where that is little; else None.

    By its order a page of it is found after looking at all that lies between: then sorting what an index of
    statuses and hosts finds is less work.
    """
    if not query.statuses and not query.hosts:
        return None
    kept = (await connection.execute(_kept_counts(account, query.presence))).all()
    hosts = {as_text(host) for host in query.hosts}
    chosen = [
        row for row in kept if (not query.statuses or row.status in query.statuses) and (not hosts or row.host in hosts)
    ]
    amount, total = sum(row.torrents for row in chosen), sum(row.torrents for row in kept)
    return {str(row.status) for row in chosen} if amount**2 <= query.limit * total else None


def _page(query: DebridQuery, rows: Sequence[Row[Any]]) -> tuple[list[MirroredTorrent], Place | None]:
    """Return a page and where the next one begins, if there is one."""
    page, key = rows[: query.limit], _name(_SORTED[query.sort])
    more = (getattr(page[-1], key), page[-1].id) if page and len(rows) > query.limit else None
    return [_mirrored(row) for row in page], more


# --- conditions ------------------------------------------------------------------------------------------------------


def _name(column: ColumnElement[Any]) -> str:
    return str(column.key)


def _not_by_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the same value as something that no index is of."""
    return column.concat("") if isinstance(column.type, Text) else column + 0


def _present(presence: Presence) -> list[ColumnElement[bool]]:
    match presence:
        case Presence.PRESENT:
            return [_COLUMNS.gone_at.is_(None)]
        case Presence.GONE:
            return [_COLUMNS.gone_at.is_not(None)]
    return []


def _wanted(account: str, query: DebridQuery, *, sqlite: bool, with_facets: bool = True) -> list[ColumnElement[bool]]:
    """Return the conditions of a query; those that are facets may be left out."""
    wanted = [_COLUMNS.account == account, *_present(query.presence)]
    if with_facets:
        wanted += _chosen(_COLUMNS.status, _COLUMNS.host, query)
    return wanted + _named(_COLUMNS.search, query, sqlite=sqlite)


def _wanted_of(account: str, query: DebridQuery, ids: Collection[str], *, sqlite: bool) -> list[ColumnElement[bool]]:
    """Return the conditions of a query for some torrents.

    They are found by their ids. SQLite would rather go through all of a status that is asked for.
    """
    chosen = _chosen(_not_by_index(_COLUMNS.status), _not_by_index(_COLUMNS.host), query)
    wanted = _wanted(account, query, sqlite=sqlite, with_facets=False)
    return [*wanted, *chosen, _COLUMNS.id.in_(ids)]


def _chosen(status: ColumnElement[str], host: ColumnElement[str], query: DebridQuery) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if query.statuses:
        chosen.append(status.in_([str(each) for each in query.statuses]))
    if query.hosts:
        chosen.append(host.in_([as_text(each) for each in query.hosts]))
    return chosen


def _named(name: ColumnElement[str], query: DebridQuery, *, sqlite: bool) -> list[ColumnElement[Any]]:
    """Return the conditions that a name has the words. SQLite's GLOB finds them faster, where they are no patterns."""
    contains = func.instr if sqlite else func.strpos
    return [
        func.glob(f"*{word}*", name) if sqlite and _PLAIN.fullmatch(word) else contains(name, word) > 0
        for word in map(as_text, query.words)
    ]


def _portions(values: Collection[str]) -> list[list[str]]:
    cleaned = [as_text(value) for value in values]
    return [cleaned[start : start + _ASKED] for start in range(0, len(cleaned), _ASKED)]


# --- statements ------------------------------------------------------------------------------------------------------


def _kept_counts(account: str, presence: Presence) -> Select[Any]:
    kept = COUNTS.c
    wanted = [kept.account == account]
    if presence is not Presence.ANY:
        wanted.append(kept.gone == int(presence is Presence.GONE))
    return select(kept.status, kept.host, kept.torrents, kept.high, kept.low).where(*wanted)


def _counted(wanted: Collection[ColumnElement[bool]]) -> Select[Any]:
    """Return a SELECT of how many torrents there are by status and host, and of what they hold (see `held`)."""
    high, low = (func.sum(literal_column(part, BigInteger)) for part in ("bytes >> 31", "bytes & 2147483647"))
    return (
        select(
            _COLUMNS.status,
            _COLUMNS.host,
            func.count().label("torrents"),
            cast(high, BigInteger).label("high"),
            cast(low, BigInteger).label("low"),
        )
        .where(*wanted)
        .group_by(_COLUMNS.status, _COLUMNS.host)
    )


def _all_but(account: str, query: DebridQuery, *, sqlite: bool) -> Select[Any]:
    """Return a SELECT of the same where most have the words: what is kept counted, less those that lack one.

    To add up all of them takes longer than to find out which they are. It is one statement, so both are of one moment.
    """
    lacking = not_(and_(*_named(_COLUMNS.search, query, sqlite=sqlite)))
    others = _counted((_COLUMNS.account == account, *_present(query.presence), lacking)).subquery()
    less = select(others.c.status, others.c.host, -others.c.torrents, -others.c.high, -others.c.low)
    both = union_all(_kept_counts(account, query.presence), less).subquery()
    return select(both)


def _held(files: str) -> TextClause:
    """Return a SELECT of what mounts may show; `files` puts those of a torrent together."""
    return text(
        f"""SELECT id, hash, name, original_name, status, gone_at IS NOT NULL AS gone,
            CASE WHEN details_at IS NOT NULL THEN (
                SELECT {files} FROM debrid_files AS file
                WHERE file.account = debrid_torrents.account AND file.torrent_id = debrid_torrents.id
                AND file.selected = 1
            ) END AS files
        FROM debrid_torrents WHERE account = :account AND id > :last ORDER BY id LIMIT :most"""  # noqa: S608 -- ours
    )


_HELD_SQLITE = _held("CASE count(*) WHEN 0 THEN '' ELSE json_group_object(path, bytes) END")
_HELD_POSTGRESQL = _held("CAST(json_object_agg(path, bytes) AS TEXT)")


def _by_status(account: str) -> Select[Any]:
    """Return a SELECT of what is kept; the smallest and largest of each status and host are where an index ends."""
    kept, size = COUNTS.c, _COLUMNS.bytes
    there = (
        select(size)
        .where(_COLUMNS.account == account, _COLUMNS.gone_at.is_(None))
        .where(_COLUMNS.status == kept.status, _COLUMNS.host == kept.host)
        .limit(1)
    )
    return (
        select(
            kept.status,
            kept.host,
            kept.torrents,
            kept.detailed,
            kept.high,
            kept.low,
            there.order_by(size).scalar_subquery().label("smallest"),
            there.order_by(size.desc()).scalar_subquery().label("largest"),
        )
        .where(kept.account == account, kept.gone == 0)
        .order_by(kept.status, kept.host)
    )


def _largest(account: str) -> Select[Any]:
    there = (_COLUMNS.account == account, _COLUMNS.gone_at.is_(None))
    return select(TORRENTS).where(*there).order_by(_COLUMNS.bytes.desc(), _COLUMNS.id.desc()).limit(_NAMED)


def _duplicates(account: str) -> Select[Any]:
    kept = DUPLICATES.c
    return (
        select(kept.hash, kept.torrents, kept.high, kept.low)
        .where(kept.account == account)
        .order_by(text("high + (low >> 31) DESC, low & 2147483647 DESC"), kept.hash)  # by what they hold
        .limit(_NAMED)
    )


def _moments(account: str, day: datetime, week: datetime, old_before: datetime) -> Select[Any]:
    """Return a SELECT of what happened since each of the moments, the last day and the days before it apart.

    Each number is a stretch of an index, which is gone through once.
    """
    of_account = _COLUMNS.account == account
    there, gone = (of_account, _COLUMNS.gone_at.is_(None)), (of_account, _COLUMNS.gone_at.is_not(None))
    finished = _COLUMNS.status == str(DebridStatus.DOWNLOADED)
    failed = _COLUMNS.status.in_(sorted(map(str, FAILED_STATUSES)))
    since, longer = as_microseconds(day), as_microseconds(week)

    def amount(*wanted: ColumnElement[bool]) -> ScalarSelect[int]:
        return select(func.count()).select_from(TORRENTS).where(*wanted).scalar_subquery()

    counted: dict[str, ScalarSelect[int]] = {}
    for what, column, wanted in (
        ("added", _COLUMNS.added_at, there),
        ("finished", _COLUMNS.status_at, (*there, finished)),
        ("failed", _COLUMNS.status_at, (*there, failed)),
        ("gone", _COLUMNS.gone_at, gone),
    ):
        counted[f"{what}_day"] = amount(*wanted, column >= since)
        counted[f"{what}_before"] = amount(*wanted, column >= longer, column < since)
    read = _COLUMNS.details_at
    counted["old_details"] = amount(*there, read.is_not(None), read < as_microseconds(old_before))
    kept = select(func.coalesce(cast(func.sum(COUNTS.c.torrents), BigInteger), 0))
    counted["gone"] = kept.where(COUNTS.c.account == account, COUNTS.c.gone == 1).scalar_subquery()
    return select(*(number.label(name) for name, number in counted.items()))


_HAPPENED = ("added", "finished", "failed", "gone")


# --- rows ------------------------------------------------------------------------------------------------------------


def _status(stored: str) -> DebridStatus:
    try:
        return DebridStatus(stored)
    except ValueError:  # of a newer version
        return DebridStatus.UNKNOWN


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else from_microseconds(stored)


def _facets(rows: Iterable[tuple[str, str, int, int]]) -> list[Facet]:
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for status, host, amount, size in rows:
        before = counts.get((status, host), (0, 0))
        counts[status, host] = before[0] + amount, before[1] + size
    return [Facet(_status(status), host, amount, size) for (status, host), (amount, size) in counts.items()]


def _together(*counted: Iterable[Facet]) -> list[Facet]:
    each_once = chain.from_iterable(counted)
    return _facets((str(each.status), each.host, each.count, each.size_bytes) for each in each_once)


def _figures(row: Row[Any]) -> StatusFigures:
    return StatusFigures(
        status=_status(row.status),
        host=row.host,
        count=row.torrents,
        with_details=row.detailed,
        size_bytes=held(row.high, row.low),
        smallest_bytes=row.smallest,
        largest_bytes=row.largest,
    )


def _mirrored(row: Row[Any], links: tuple[str, ...] = ()) -> MirroredTorrent:
    torrent = DebridTorrent(
        id=row.id,
        hash=row.hash,
        filename=row.name,
        size_bytes=row.bytes,
        status=_status(row.status),
        progress=row.progress,
        added_at=from_microseconds(row.added_at),
        host=row.host,
        split_gigabytes=row.split,
        links=links,
        ended_at=_moment(row.ended_at),
        download_rate=row.rate,
        seeders=row.seeders,
    )
    return MirroredTorrent(
        torrent=torrent,
        first_seen_at=from_microseconds(row.first_seen_at),
        changed_at=from_microseconds(row.changed_at),
        status_at=from_microseconds(row.status_at),
        gone_at=_moment(row.gone_at),
        details_at=_moment(row.details_at),
        original_name=row.original_name,
        original_size_bytes=row.original_bytes,
        file_count=row.file_count,
    )
