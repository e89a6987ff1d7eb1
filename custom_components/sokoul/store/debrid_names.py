"""The names of the torrents that are there, in memory: a database looks at each of 100,000 rows by itself.

What is kept of a torrent is what lists are searched, sorted and counted by, as columns of a shelf of 1,000: about
150 bytes, and nothing that the garbage collector goes through. A word is looked for in all names of a shelf at once;
only where that finds it, in each.

It is a copy, and the database is right. Names are read at the end of a synchronisation, a change has its torrents read
again before the next search, and what is not known for sure has all of them forgotten. Whoever answers from them
compares how many there are, and what they hold, with what the database keeps counted.
"""

from array import array
import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched, chain, compress, groupby
from operator import attrgetter, gt, lt
from typing import Any

from sqlalchemy import Row, Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.debrid_mirror import DebridQuery, SortKey
from .database import Database
from .debrid_schema import TORRENTS
from .encoding import as_text

#: So many torrents are on a shelf, and read at once. A thread goes through them in far less than a millisecond.
_SHELF = 1_000
#: So many torrents are asked for by their ids at once: a parameter each.
_ASKED = 500
#: So many changes are read one by one, and so many shelves of what changed are gone through. With more, all are read.
_CHANGES = 2_000
_SHELVES = 100
#: So many searches are remembered until something changes.
_SEARCHES = 16

_COLUMNS = TORRENTS.c
_KEPT = (
    _COLUMNS.id,
    _COLUMNS.search,
    _COLUMNS.status,
    _COLUMNS.host,
    _COLUMNS.bytes,
    _COLUMNS.added_at,
    _COLUMNS.status_at,
)

#: A place in a list: the value that it is sorted by, and an id.
type Place = tuple[Any, str]
#: How many torrents there are by status and host, and how much they hold.
type Totals = dict[tuple[str, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Neighbours on a shelf that share a status and a host."""

    status: str
    host: str
    some: slice[int, int, None]
    count: int
    size: int
    #: Between which values they are, all that lists are sorted by: maybe less far apart.
    bounds: Mapping[SortKey, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Some torrents, sorted by status and host."""

    kinds: tuple[_Kind, ...]
    ids: tuple[str, ...]
    names: str  # a line each
    sizes: array[int]
    added: array[int]
    changed: array[int]

    @classmethod
    def of(cls, rows: Iterable[Row[Any]]) -> _Shelf:
        ordered = sorted(rows, key=_kind)
        ids, names, _, _, sizes, added, changed = zip(*ordered, strict=True)
        columns = {SortKey.NAME: names, SortKey.SIZE: sizes, SortKey.ADDED: added, SortKey.CHANGED: changed}
        kinds, begin = list[_Kind](), 0
        for (status, host), each in groupby(ordered, _kind):
            count = len(list(each))
            some = slice(begin, begin + count)
            bounds = {key: (min(column[some]), max(column[some])) for key, column in columns.items()}
            kinds.append(_Kind(status, host, some, count, sum(sizes[some]), bounds))
            begin += count
        return cls(tuple(kinds), ids, "\n".join(names), array("q", sizes), array("q", added), array("q", changed))

    def without(self, ids: AbstractSet[str]) -> _Shelf | None:
        """Return what else is there; None when that is nothing."""
        if ids.isdisjoint(self.ids):
            return self
        left = [each not in ids for each in self.ids]
        kinds, begin = list[_Kind](), 0
        for kind in self.kinds:
            if count := left[kind.some].count(True):
                size = sum(compress(self.sizes[kind.some], left[kind.some]))
                kinds.append(replace(kind, some=slice(begin, begin + count), count=count, size=size))
                begin += count
        if not kinds:
            return None
        return _Shelf(
            tuple(kinds),
            tuple(compress(self.ids, left)),
            "\n".join(compress(self.names.split("\n"), left)),
            array("q", compress(self.sizes, left)),
            array("q", compress(self.added, left)),
            array("q", compress(self.changed, left)),
        )

    def having(self, words: Sequence[str]) -> list[bool] | None:
        """Tell of each whether its name has all words; None when none has."""
        if not all(word in self.names for word in words):
            return None
        names = self.names.split("\n")
        first, *others = words
        found = [first in name for name in names]
        for word in others:
            found = [so_far and word in name for so_far, name in zip(found, names, strict=True)]
        return found

    def sorted_by(self, key: SortKey) -> Sequence[Any]:
        """Return the column that a list is sorted by."""
        match key:
            case SortKey.NAME:
                return self.names.split("\n")
            case SortKey.SIZE:
                return self.sizes
            case SortKey.CHANGED:
                return self.changed
        return self.added


_kind = attrgetter("status", "host")


class _Page:
    """The first of what is sought after a place, in the order of a query."""

    def __init__(self, query: DebridQuery) -> None:
        self._query = query
        self._statuses = {str(status) for status in query.statuses}
        self._hosts = {as_text(host) for host in query.hosts}
        self._wanted = query.limit + 1  # one more tells that there is more
        self._places: list[Place] = []
        self._precedes, self._follows = (gt, lt) if query.descending else (lt, gt)

    def may_have(self, kind: _Kind) -> bool:
        """Tell whether any of a kind can be on it, as far as that can be told without a look."""
        if (self._statuses and kind.status not in self._statuses) or (self._hosts and kind.host not in self._hosts):
            return False
        first, last = kind.bounds[self._query.sort]
        if self._query.descending:
            first, last = last, first
        if self._query.cursor is not None and self._precedes(last, self._query.cursor[0]):
            return False
        return not (self._is_full and self._precedes(self._places[-1][0], first))

    def take(self, shelf: _Shelf, found: Sequence[bool]) -> None:
        """Take what belongs on it of what was found on a shelf."""
        values = shelf.sorted_by(self._query.sort)
        for kind in shelf.kinds:
            if not self.may_have(kind):
                continue
            places: Iterable[Place] = zip(values[kind.some], shelf.ids[kind.some], strict=True)
            places = compress(places, found[kind.some])
            if self._query.cursor is not None:
                places = filter(partial(self._precedes, self._query.cursor), places)
            if self._is_full:
                places = filter(partial(self._follows, self._places[-1]), places)
            self._places = sorted(chain(self._places, places), reverse=self._query.descending)[: self._wanted]

    @property
    def ids(self) -> Sequence[str]:
        """The ids of what is on it, in order."""
        return [each for _, each in self._places]

    @property
    def _is_full(self) -> bool:
        return len(self._places) == self._wanted


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of a page, one more where there is more, and the totals of what has the words."""

    ids: Sequence[str]
    totals: Totals


class Names:
    """The torrents of an account that are there, as they were at a moment."""

    def __init__(self, shelves: Sequence[_Shelf], changed: Sequence[_Shelf] = ()) -> None:
        """`shelves` go from the newest to the oldest; the others are in no order."""
        self._shelves = shelves
        self._changed = changed
        self._counted: dict[tuple[str, ...], Totals] = {}
        self.totals: Totals = {}
        for shelf in chain(changed, shelves):
            _count(self.totals, shelf)

    @property
    def is_scattered(self) -> bool:
        """Whether so much has changed that all of it is better read again."""
        return len(self._changed) > _SHELVES

    def with_changes(self, ids: AbstractSet[str], rows: Sequence[Row[Any]]) -> Names:
        """Return them with some torrents as they are now; those without a row are gone."""
        left = ([each for shelf in some if (each := shelf.without(ids))] for some in (self._shelves, self._changed))
        shelves, changed = left
        return Names(shelves, [*changed, *map(_Shelf.of, batched(rows, _SHELF, strict=False))])

    def search(self, query: DebridQuery, *, counted: bool = True) -> Found:
        """Return a page of what has the words and fits the query, and, if `counted`, what has them in all."""
        words = tuple(sorted({as_text(word) for word in query.words}, key=lambda word: (len(word), word), reverse=True))
        known = self._counted.pop(words, None) if counted else {}
        page = _Page(query)
        totals: Totals = {}
        in_order = self._shelves if query.descending else reversed(self._shelves)
        for shelf in chain(self._changed, in_order):
            may_have = any(map(page.may_have, shelf.kinds))
            if (known is not None and not may_have) or (found := shelf.having(words)) is None:
                continue
            if may_have:
                page.take(shelf, found)
            if known is None:
                _count(totals, shelf, found)
        if counted:
            totals = known or totals
            self._remember(words, totals)
        return Found(page.ids, totals)

    def _remember(self, words: tuple[str, ...], totals: Totals) -> None:
        self._counted[words] = totals
        for old in list(self._counted)[:-_SEARCHES]:
            self._counted.pop(old, None)  # another thread may have been faster


def _count(totals: Totals, shelf: _Shelf, found: Sequence[bool] | None = None) -> None:
    """Add what was found on a shelf, or all that is there."""
    for kind in shelf.kinds:
        count = kind.count if found is None else found[kind.some].count(True)
        size = kind.size
        if found is not None and count < kind.count:
            size = sum(compress(shelf.sizes[kind.some], found[kind.some]))
        if count:
            before = totals.get((kind.status, kind.host), (0, 0))
            totals[kind.status, kind.host] = before[0] + count, before[1] + size


class KeptNames:
    """The names of each account."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: dict[str, Names] = {}
        self._changed: dict[str, set[str]] = {}  # ids, since the names were read or began to be
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def note(self, account: str, ids: Iterable[str] | None) -> None:
        """Note whose name, status or size may be another one now, or that nobody knows whose."""
        if (changed := self._changed.get(account)) is None:
            return
        changed.update(ids or ())
        if ids is None or len(changed) > _CHANGES:
            self.forget(account)

    def forget(self, account: str) -> None:
        """Let go of the names of an account."""
        self._names.pop(account, None)
        self._changed.pop(account, None)

    async def refresh(self, account: str) -> None:
        """Have the names of an account in memory as they are. Raises `StoreError`."""
        await self.current(account)
        async with self._turns[account]:
            if (names := self._names.get(account)) is not None and not names.is_scattered:
                return
            self.forget(account)
            changed: set[str] = set()
            self._changed[account] = changed
            try:
                names = await self._read_all(account)
            except BaseException:
                self.forget(account)
                raise
            if self._changed.get(account) is changed:  # else so much has changed meanwhile
                self._names[account] = names

    async def current(self, account: str) -> Names | None:
        """Return the names of an account as they are; None while they are not in memory. Raises `StoreError`."""
        if account not in self._names:
            return None  # and nobody waits until they are
        async with self._turns[account]:
            names, changed = self._names.get(account), self._changed.get(account)
            if names is not None and changed:
                ids = frozenset(changed)
                changed.clear()  # what changes from now on is read the next time
                try:
                    rows = await self._read_some(account, ids)
                    names = await asyncio.to_thread(names.with_changes, ids, rows)
                except BaseException:  # they are as they were, and it is not known any more since when
                    self.forget(account)
                    raise
                if self._changed.get(account) is changed:
                    self._names[account] = names
            return names

    def differ(self, account: str, names: Names) -> None:
        """Let go of names that are not what the database says, unless a change has come between."""
        if self._names.get(account) is names and not self._changed.get(account):
            self.forget(account)

    async def _read_all(self, account: str) -> Names:
        shelves: list[_Shelf] = []
        statement = _present(account).order_by(_COLUMNS.added_at.desc(), _COLUMNS.id.desc()).limit(_SHELF)
        rows = await self._rows(statement)
        while rows:
            shelves.append(await asyncio.to_thread(_Shelf.of, rows))
            last = tuple_(literal(rows[-1].added_at), literal(rows[-1].id))
            rows = await self._rows(statement.where(tuple_(_COLUMNS.added_at, _COLUMNS.id) < last))
        return await asyncio.to_thread(Names, shelves)

    async def _read_some(self, account: str, ids: Collection[str]) -> Sequence[Row[Any]]:
        found: list[Row[Any]] = []
        for some in batched(ids, _ASKED, strict=False):
            found += await self._rows(_present(account).where(_COLUMNS.id.in_(some)))
        return found

    async def _rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(statement)).all()

        return await self._database.read(read)


def _present(account: str) -> Select[Any]:
    return select(*_KEPT).where(_COLUMNS.account == account, _COLUMNS.gone_at.is_(None))
