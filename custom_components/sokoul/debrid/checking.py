"""Checking all links: walk, read some of them where a mount is proven, judge, and look whether it can be believed.

Judging costs microseconds a link and no request, so every check judges all of them. Reading a file costs a request and
traffic, so only what is due is read, a few of them in each check. All of it happens in threads, in portions; what was
walked is noted after each, so that a check that was interrupted goes on where it was.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from heapq import nsmallest
from itertools import batched, chain, islice
import os
from time import monotonic
from typing import Any, Protocol

from .catalogue import Catalogue, Holding
from .links import (
    MANY_LINKS,
    Cause,
    Health,
    Judge,
    Judgement,
    Link,
    Mount,
    MountLook,
    Seen,
    Shut,
    aim,
    shut,
    unlinked,
    with_reading,
)
from .mounts import attribute
from .patience import Patience
from .scanning import Folder, Portion, scan
from .turns import discard, in_turns

#: So many links are judged at once, in a thread.
_PORTION = 2_000
#: So many files are read in one check.
READS = 200
#: A file that could be read is read again after about so long; one that could not, or that is not shown, after this.
READ_AGAIN, READ_DOUBTFUL = timedelta(days=30), timedelta(hours=1)
#: Where most of what was read fails, so many others tell whether it is these files or the mount.
PROBES = 5


class ScanMode(StrEnum):
    """How much is looked at."""

    QUICK = "quick"  # no folder is looked into: the known links, by what the account has now
    FULL = "full"  # folders that changed, and the reading of files that are due
    SYMLINKS = "symlinks"  # every folder, whether it changed or not


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRecord:
    """What is known of one link: the record of its health.

    What was seen counts for the entry of the account that its file was had from then, and for no other: a torrent that
    was added again is another one, and one that is gone since can't be read any more.
    """

    health: Health
    cause: Cause = Cause.NONE
    hash: str | None = None
    since: datetime  # of this health and cause
    seen: Seen = Seen.NOT_LOOKED
    missing_since: datetime | None = None  # a proven mount shows nothing there
    next_read: datetime | None = None  # when its file is due to be read; None: it never was
    read_of: str = ""  # the entry that it was read from; empty: no account had it then


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """What a check found. `broken` holds what may be repaired: nothing behind a mount that is `shut`."""

    mode: ScanMode
    links: int
    counts: Mapping[tuple[Health, Cause], int]
    broken: tuple[tuple[Link, Judgement], ...] = ()
    shut: Mapping[str, Shut] = field(default_factory=dict)  # by mount, as links name it
    newly_broken: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()  # folders
    mended: int = 0  # links that were broken at the last check, and aren't any more
    unlinked: tuple[Holding, ...] = ()  # complete torrents that no link leads to
    details_wanted: tuple[tuple[str, str], ...] = ()  # account and id of torrents whose files have to be known to judge
    read: int = 0  # files
    seconds: float = 0.0

    def count(self, health: Health) -> int:
        """Return how many links are so."""
        return sum(count for (each, _), count in self.counts.items() if each is health)

    @property
    def at_once(self) -> int:
        """How many links broke that are not believed, because these are too many at once."""
        return _at_once(self.shut, self.newly_broken)


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading a file showed."""

    mount: str
    seen: Seen


@dataclass(slots=True)
class _Kind:
    """How many links are of one kind."""

    links: int = 0


@dataclass(slots=True)
class _Tally:
    """What was found so far. Of healthy links nothing is kept but their number: there are a hundred thousand."""

    newly: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)  # newly
    found: dict[tuple[str, Health, Cause], _Kind] = field(default_factory=dict)  # by mount
    broken: list[tuple[Link, Judgement]] = field(default_factory=list)
    hashes: set[str | None] = field(default_factory=set)
    wanted: set[tuple[str, str]] = field(default_factory=set)
    mended: int = 0
    #: By mount ("" for none) and path.
    news: defaultdict[str, dict[str, LinkRecord | None]] = field(default_factory=lambda: defaultdict(dict))
    _same: dict[LinkRecord, LinkRecord] = field(default_factory=dict)
    _last: LinkRecord | None = None
    #: The last judgement, which the next link may share, and where such links are counted and noted.
    _like: Judgement | None = None
    _kind: _Kind = field(default_factory=_Kind)
    _news: dict[str, LinkRecord | None] = field(default_factory=dict)

    def note(self, path: str, text: str, found: Judgement, known: LinkRecord | None, record: LinkRecord) -> None:
        """Count a link. Its record is new if it is not the known one; links that are alike share theirs."""
        if found is not self._like:
            mount = found.place.mount.theirs if found.place else ""
            self._like, self._news = found, self.news[mount]
            self._kind = self.found.setdefault((mount, found.health, found.cause), _Kind())
            self.hashes.add(found.hash)
        self._kind.links += 1
        if found.health is not Health.HEALTHY:
            self._note_unwell(Link(path=path, target=text), found, known)
        elif known is not None and known.health is Health.BROKEN:
            self.mended += 1
        if record is not known:
            if record is not self._last:
                self._last = record = self._same.setdefault(record, record)
            self._news[path] = record

    def _note_unwell(self, link: Link, found: Judgement, known: LinkRecord | None) -> None:
        if found.cause is Cause.FILES_UNKNOWN and found.holding is not None:
            self.wanted.add((found.holding.account, found.holding.id))
        if found.health is Health.BROKEN:
            mount = found.place.mount.theirs if found.place else ""
            self.broken.append((link, found))
            self.newly[mount] += known is None or known.health is not Health.BROKEN
            unreadable = found.cause is Cause.UNREADABLE
            self.unreadable[mount] += unreadable and (known is None or known.cause is not Cause.UNREADABLE)

    @property
    def counts(self) -> Counter[tuple[Health, Cause]]:
        """How many links are how."""
        counts: Counter[tuple[Health, Cause]] = Counter()
        for (_, health, cause), kind in self.found.items():
            counts[health, cause] += kind.links
        return counts

    @property
    def links(self) -> Counter[str]:
        """How many links lead into each mount ("": into none)."""
        links: Counter[str] = Counter()
        for (mount, _, _), kind in self.found.items():
            links[mount] += kind.links
        return links


class MountFiles(Protocol):
    """How mounts are seen from here. Both are called in a thread, and may take long."""

    def look(self, mount: Mount) -> MountLook:
        """Tell whether a mount is there, and whether anything is in it."""

    def read(self, path: str) -> Seen:
        """Read a little of a file of ours."""


class LinkNotes(Protocol):
    """Where folders, records and the progress of a walk are kept. What returns has been written."""

    async def folders(self) -> Sequence[Folder]:
        """Return all that were walked."""

    async def records(self) -> Mapping[str, LinkRecord]:
        """Return what is known of the links, by path."""

    async def save_folders(self, root: str, listed: Sequence[Folder], last: str) -> None:
        """Note folders, and how far the walk is; `last` is empty at its end."""

    async def forget_folders(self, paths: Sequence[str]) -> None:
        """Forget folders that are gone."""

    async def save_records(self, records: Mapping[str, LinkRecord | None]) -> None:
        """Note what is known of links; None: forget it."""

    async def walked(self) -> Mapping[str, str]:
        """Return how far an unfinished walk is, by root."""


class LinkCheck:
    """The links of all media folders."""

    def __init__(
        self,
        notes: LinkNotes,
        *,
        roots: Sequence[str],
        mounts: Callable[[Mapping[str, str], Catalogue], Sequence[Mount]],
        files: MountFiles,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
        rest: float,
        patience: float = 60.0,
    ) -> None:
        """`mounts` tells, given the texts of all links, which mounts there are. It is called in a thread.

        `rest` is how much of the time is left to others, as a part of what is used.
        `patience` is for how many seconds a mount may be silent before it is taken for away.
        """
        self._notes = notes
        self._roots = tuple(root.rstrip("/") for root in roots)
        self._find_mounts = mounts
        self._mounts: tuple[Mount, ...] = ()
        self._files = files
        self._clock = clock
        self._chance = chance
        self._rest = rest
        self._mount_answers = Patience(patience)
        self._folders: dict[str, Folder] = {}
        self._records: Mapping[str, LinkRecord] = {}  # others are put in their place, as others read them meanwhile
        self._after: dict[str, str] = {}
        self._failing: frozenset[str] = frozenset()  # mounts of which nothing can be read
        self._doubted: dict[str, _Read] = {}  # what failed when it was read, and is too much to be believed

    async def load(self) -> None:
        """Read what is known. To be awaited before anything else."""
        self._folders = {folder.path: folder for folder in await self._notes.folders()}
        self._records = await self._notes.records()
        walked = await self._notes.walked()
        self._after = {root: last for root, last in walked.items() if root in self._roots}

    @property
    def mounts(self) -> Sequence[Mount]:
        """The mounts as they were found at the last check."""
        return self._mounts

    @property
    def interrupted(self) -> bool:
        """Whether a walk is not at its end."""
        return bool(self._after)

    def records(self, wanted: Callable[[LinkRecord], bool], *, after: str, limit: int) -> list[tuple[Link, LinkRecord]]:
        """Return the links whose records are so, in the order of their paths. For a thread: there may be many."""
        records = self._records  # a check puts others in their place
        fits = (path for path, record in records.items() if path > after and wanted(record))
        return [(Link(path=path, target=self._text(path)), records[path]) for path in nsmallest(limit, fits)]

    def unwell(self) -> frozenset[str]:
        """Return the hashes of the torrents to which any link leads that is not healthy. For a thread."""
        records = in_turns(self._records.values())
        return frozenset(each.hash for each in records if each.hash and each.health is not Health.HEALTHY)

    def _text(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        known = self._folders.get(folder)
        return known.links.get(name, "") if known else ""

    async def check(
        self,
        mode: ScanMode,
        catalogue: Catalogue,
        *,
        accepted: bool = False,
        at_most: int | None = None,
        trial: bool = False,
    ) -> LinkReport:
        """Check all links. The store's errors end it.

        `accepted`: a person says that so many are really broken; in a `trial` that is said for the report alone.
        `at_most` is the number that this was said of: of many more than that nobody said it.
        """
        began = monotonic()
        unreadable = [] if mode is ScanMode.QUICK else await self._walk(afresh=mode is ScanMode.SYMLINKS)
        texts = await asyncio.to_thread(self._texts)
        await self._find(texts, catalogue)
        read = {} if mode is ScanMode.QUICK else await self._read_some(texts)
        believed = await self._believed(read or self._doubted, texts)
        tally = await self._judge(texts, catalogue, believed)
        # before anything is called broken it is looked at: whether it still says that, and whether it can't be read
        changed = await asyncio.to_thread(self._changed_since, tally)
        texts = await asyncio.to_thread(self._texts) if changed else texts
        more = await self._read(await asyncio.to_thread(self._unread, tally, believed, texts))
        if changed or more:
            read |= more
            believed = await self._believed(believed | more, texts)
            tally = await self._judge(texts, catalogue, believed)
        looks = {mount.theirs: await self._look(mount) for mount in self._mounts}
        unsaid = _shut(looks, tally, accepted=False)
        meant = accepted and (at_most is None or _at_once(unsaid, tally.newly) <= at_most + MANY_LINKS)
        why = _shut(looks, tally, accepted=meant)
        untouched = unsaid if trial else why
        many = {mount for mount, reason in untouched.items() if reason is Shut.MANY_AT_ONCE}
        self._doubted = {
            path: each for path, each in believed.items() if each.seen is Seen.FAILS and each.mount in many
        }
        news = await asyncio.to_thread(self._news, tally, untouched, texts)
        if news:
            await self._notes.save_records(news)
            self._records = await asyncio.to_thread(_updated, self._records, news)
        nowhere = await asyncio.to_thread(lambda: tuple(unlinked(catalogue, tally.hashes)))
        repairable = await asyncio.to_thread(_repairable, tally, why)
        links = len(texts)
        await asyncio.to_thread(_discard, texts, news, *tally.news.values())
        return LinkReport(
            mode=mode,
            links=links,
            counts=tally.counts,
            broken=repairable,
            shut=why,
            newly_broken=tally.newly,
            unreadable=tuple(unreadable),
            mended=tally.mended,
            unlinked=nowhere,
            details_wanted=tuple(sorted(tally.wanted)),
            read=len(read),
            seconds=monotonic() - began,
        )

    # --- walking -----------------------------------------------------------------------------------------------------

    async def _walk(self, *, afresh: bool) -> list[str]:
        unreadable: list[str] = []
        for root in self._roots:
            known: Callable[[str], Folder | None] = _nothing if afresh else self._folders.get
            async for portion in scan(root, known, after=self._after.get(root, ""), rest=self._rest):
                await self._keep(root, portion)
                unreadable += portion.unreadable
            self._after.pop(root, None)
            await self._notes.save_folders(root, (), "")
        gone = await asyncio.to_thread(self._gone, frozenset(unreadable))
        if gone:
            await self._notes.forget_folders(gone)
            for path in gone:
                del self._folders[path]
        return unreadable

    async def _keep(self, root: str, portion: Portion) -> None:
        await self._notes.save_folders(root, portion.listed, portion.last)
        self._folders.update((folder.path, folder) for folder in portion.listed)
        self._after[root] = portion.last

    def _gone(self, unreadable: frozenset[str]) -> list[str]:
        """Return the folders that no other one holds any more. What is below an unreadable one is as it was."""
        there: set[str] = set()
        waiting = list(self._roots)
        while waiting:
            path = waiting.pop()
            folder = self._folders.get(path)
            if folder is not None:
                there.add(path)
                waiting += [f"{path}/{name}" for name in folder.folders]
        kept = tuple(f"{path}/" for path in unreadable)
        return [path for path in in_turns(self._folders) if path not in there and not path.startswith(kept)]

    def _texts(self) -> dict[str, str]:
        """Return the texts of all links, by path."""
        return {
            f"{path}/{name}": text
            for path, folder in in_turns(tuple(self._folders.items()))
            for name, text in folder.links.items()
        }

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _find(self, texts: Mapping[str, str], catalogue: Catalogue) -> None:
        """Find out which mounts there are; one that hangs while it is looked for is not proven."""
        try:
            found = await self._mount_answers.ask("", self._find_mounts, texts, catalogue)
        except TimeoutError:
            found = [replace(mount, proven=False) for mount in self._mounts]
        deepest = sorted(found, key=lambda mount: -mount.theirs.count("/"))
        self._mounts = tuple(await asyncio.to_thread(attribute, deepest, texts, catalogue))

    async def _look(self, mount: Mount) -> MountLook:
        if mount.ours is None:
            return MountLook()
        try:
            look = await self._mount_answers.ask(mount.theirs, self._files.look, mount)
        except TimeoutError:
            return MountLook(there=False)
        return replace(look, reads=False) if mount.theirs in self._failing else look

    async def _read_some(self, texts: Mapping[str, str]) -> dict[str, _Read]:
        """Read a little of the files that are due, those that were doubtful first."""
        due = await asyncio.to_thread(lambda: list(islice(self._due(texts), READS)))
        return await self._read(due)

    async def _read(self, files: Iterable[tuple[str, str, str]]) -> dict[str, _Read]:
        """Read a little of files, by the link, the mount, and where it is here; and return it by the link."""
        read: dict[str, _Read] = {}
        for path, mount, ours in files:
            try:
                read[path] = _Read(mount, await self._mount_answers.ask(mount, self._files.read, ours))
            except TimeoutError:
                continue  # the mount hangs: what is asked for of it next fails at once
        return {path: each for path, each in read.items() if each.seen is not Seen.NOT_LOOKED}

    def _due(self, texts: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        now = self._clock()
        records = self._records

        def doubtful(path: str) -> bool:
            return path in records and records[path].health is not Health.HEALTHY

        def due(path: str) -> bool:
            record = records.get(path)
            return path in texts and not (record and record.next_read and record.next_read > now)

        first = (path for path in in_turns(records) if doubtful(path))
        others = (path for path in in_turns(texts) if not doubtful(path))
        yield from self._readable(filter(due, chain(first, others)), texts)

    def _readable(self, paths: Iterable[str], texts: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        """Return those of these links that lead into a proven mount, which one, and where the file is here."""
        proven = [mount for mount in self._mounts if mount.proven and mount.ours is not None]
        for path in paths if proven else ():
            aimed = aim(path, texts[path], texts)
            for mount in proven:
                if aimed is not None and aimed.startswith(f"{mount.theirs.rstrip('/')}/"):
                    ours = f"{(mount.ours or '').rstrip('/')}{aimed[len(mount.theirs.rstrip('/')) :]}"
                    yield path, mount.theirs, ours
                    break

    def _unread(self, tally: _Tally, read: Mapping[str, _Read], texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Return what an account says is broken, and nobody has tried to read since it says so."""
        now = self._clock()

        def unread(path: str, found: Judgement) -> bool:
            record = self._records.get(path)
            if record is None or record.seen is Seen.NOT_LOOKED or record.read_of != found.entry:
                return True
            return record.next_read is None or record.next_read <= now

        broken = in_turns(tally.broken)
        paths = (link.path for link, found in broken if link.path not in read and unread(link.path, found))
        return list(islice(self._readable((path for path in paths if path in texts), texts), READS))

    async def _believed(self, read: Mapping[str, _Read], texts: Mapping[str, str]) -> dict[str, _Read]:
        """Return what was read of mounts that are well."""
        self._failing = await self._failing_by(read, texts)
        return {path: each for path, each in read.items() if each.mount not in self._failing}

    async def _failing_by(self, read: Mapping[str, _Read], texts: Mapping[str, str]) -> frozenset[str]:
        """Return the mounts of which nothing can be read, by what was read of them now.

        A mount of which most fails, or that failed the last time, is asked for files of other folders.
        """
        tried = Counter(each.mount for each in read.values())
        failed = Counter(each.mount for each in read.values() if each.seen is Seen.FAILS)
        suspects = self._failing | {mount for mount, count in failed.items() if 2 * count > tried[mount]}
        folders = {path.rpartition("/")[0] for path, each in read.items() if each.seen is Seen.FAILS}
        found: set[str] = set()
        for mount in suspects:
            probes = await asyncio.to_thread(self._probes, mount, folders, texts)
            seen = Counter(each.seen for each in (await self._read(probes)).values())
            if seen[Seen.READS] <= seen[Seen.FAILS]:
                found.add(mount)
        return frozenset(found)

    def _probes(self, mount: str, but: set[str], texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Return a file each of some folders: those that were never read come first, as mounts keep what was read."""

        def fits(*, known: bool) -> Iterator[str]:
            for path in in_turns(texts):
                record = self._records.get(path)
                was_read = record is not None and record.seen is not Seen.NOT_LOOKED
                if was_read is known and (record is None or record.health is Health.HEALTHY):
                    yield path

        chosen: dict[str, tuple[str, str, str]] = {}
        for each in self._readable(chain(fits(known=False), fits(known=True)), texts):
            folder = each[0].rpartition("/")[0]
            if each[1] == mount and folder not in but:
                chosen.setdefault(folder, each)
            if len(chosen) == PROBES:
                break
        return list(chosen.values())

    def _changed_since(self, tally: _Tally) -> bool:
        """Look whether broken links still say what they said when their folders were walked, and note what they say.

        Somebody repaired them, or we did: what they said is no reason to bring a torrent back. Reads the disk.
        """
        changed = False
        for link, _ in in_turns(tally.broken):
            folder, _, name = link.path.rpartition("/")
            text = _text_at(link.path, link.target)
            if text == link.target or (known := self._folders.get(folder)) is None:
                continue
            others = {each: said for each, said in known.links.items() if each != name}
            # the next walk lists it anew
            self._folders[folder] = replace(
                known, links=others if text is None else {**others, name: text}, changed_ns=0
            )
            changed = True
        return changed

    # --- judging -----------------------------------------------------------------------------------------------------

    async def _judge(self, texts: Mapping[str, str], catalogue: Catalogue, read: Mapping[str, _Read]) -> _Tally:
        tally, judge = _Tally(), Judge(catalogue, self._mounts, texts)
        for some in batched(texts.items(), _PORTION, strict=False):
            began = monotonic()
            await asyncio.to_thread(self._judge_some, some, judge, read, tally)
            await asyncio.sleep((monotonic() - began) * self._rest)
        return tally

    def _judge_some(
        self, some: Iterable[tuple[str, str]], judge: Judge, read: Mapping[str, _Read], tally: _Tally
    ) -> None:
        now, records = self._clock(), self._records
        like: tuple[Judgement, LinkRecord | None, LinkRecord] | None = None  # the last link of which nothing was read
        for path, text in in_turns(some):
            known, just = records.get(path), read.get(path)
            seen = just.seen if just is not None else known.seen if known is not None else Seen.NOT_LOOKED
            if seen is not Seen.NOT_LOOKED:
                # of neighbours that share a judgement not all are broken because of what was seen of one
                judged = judge.in_bulk if seen is Seen.READS else judge.by_account
                found, record = self._read_of(judged(path, text), just.seen if just is not None else None, known, now)
            else:
                found = judge.in_bulk(path, text)
                if like is None or found is not like[0] or known is not like[1]:
                    like = found, known, self._recorded(found, known, now)
                record = like[2]
            tally.note(path, text, found, known, record)

    def _read_of(
        self, by_account: Judgement, read: Seen | None, known: LinkRecord | None, now: datetime
    ) -> tuple[Judgement, LinkRecord]:
        """Return what is known of a link that was read: now (`read`), or the last time."""
        same = known is not None and known.read_of == by_account.entry
        if read is None and not same:  # it was another entry that was read: this one is due
            record = self._recorded(by_account, known, now)
            return by_account, replace(record, seen=Seen.NOT_LOOKED, missing_since=None, next_read=None, read_of="")
        seen = read or (known.seen if known is not None else Seen.NOT_LOOKED)
        missing_since = None
        if seen is Seen.MISSING:
            missing_since = (known.missing_since if known is not None and same else None) or now
        found = with_reading(by_account, seen, now - missing_since if missing_since else timedelta())
        record = self._recorded(found, known, now)
        if read is None:
            return found, record
        return found, replace(
            record,
            seen=seen,
            missing_since=missing_since,
            next_read=now + self._read_after(found, seen),
            read_of=by_account.entry,
        )

    @staticmethod
    def _recorded(found: Judgement, known: LinkRecord | None, now: datetime) -> LinkRecord:
        """Return the record of a link, the known one itself where nothing is new."""
        if known is None:
            return _first_record(found.health, found.cause, found.hash, now)
        if found.cause is Cause.NOT_READ_YET:
            return known  # it is as it was known, and what was broken before is not newly broken once it is read
        if (known.health, known.cause, known.hash) == (found.health, found.cause, found.hash):
            return known
        since = known.since if known.health is found.health else now
        return replace(known, health=found.health, cause=found.cause, hash=found.hash or known.hash, since=since)

    def _read_after(self, found: Judgement, seen: Seen) -> timedelta:
        sure = seen is Seen.READS and found.health is Health.HEALTHY
        return READ_AGAIN * (0.5 + self._chance()) if sure else READ_DOUBTFUL

    # --- believing ---------------------------------------------------------------------------------------------------

    def _news(self, tally: _Tally, why: Mapping[str, Shut], texts: Mapping[str, str]) -> dict[str, LinkRecord | None]:
        """Return the records that are to be noted: what is behind a shut mount stays as it was."""
        gone: dict[str, LinkRecord | None] = {path: None for path in in_turns(self._records) if path not in texts}
        told = sorted((records for mount, records in tally.news.items() if mount not in why), key=len)
        news = told.pop() if told else {}  # most are in one: that is not copied
        for records in (gone, *told):
            news.update(in_turns(records.items()))
        return news


@lru_cache(maxsize=16)
def _first_record(health: Health, cause: Cause, info_hash: str | None, now: datetime) -> LinkRecord:
    """Return the record of a link that nothing was known of. Links of one torrent follow each other, and share it."""
    return LinkRecord(health=health, cause=cause, hash=info_hash, since=now)


def _shut(looks: Mapping[str, MountLook], tally: _Tally, *, accepted: bool) -> dict[str, Shut]:
    """Return the mounts behind which nothing may be touched, and why."""
    reasons = {
        mount: shut(
            look,
            links=tally.links[mount],
            newly_broken=tally.newly[mount],
            newly_unreadable=tally.unreadable[mount],
            accepted=accepted,
        )
        for mount, look in looks.items()
    }
    why = {mount: reason for mount, reason in reasons.items() if reason is not None}
    newly, links = tally.newly.total(), tally.links.total()  # an outage of several mounts at once is one, too
    if (all_at_once := shut(MountLook(), links=links, newly_broken=newly, accepted=accepted)) is not None:
        why |= {mount: all_at_once for mount in looks if tally.newly[mount] and mount not in why}
    return why


def _discard(*things: MutableMapping[Any, Any]) -> None:
    for each in things:
        discard(each)


def _repairable(tally: _Tally, why: Collection[str]) -> tuple[tuple[Link, Judgement], ...]:
    """Return the broken links that are behind no mount that is shut."""
    broken = in_turns(tally.broken)
    return tuple((link, found) for link, found in broken if found.place and found.place.mount.theirs not in why)


def _at_once(why: Mapping[str, Shut], newly: Mapping[str, int]) -> int:
    """Return how many links broke behind mounts that are shut because these are too many at once."""
    return sum(newly.get(mount, 0) for mount, reason in why.items() if reason is Shut.MANY_AT_ONCE)


def _text_at(path: str, known: str) -> str | None:
    """Return what a link says; None: there is none any more. Where its folder is away, it is what is known."""
    try:
        return os.readlink(path)  # noqa: PTH115 -- pathlib would change the text
    except OSError:
        return None if os.path.isdir(os.path.dirname(path)) else known  # noqa: PTH112, PTH120 -- of a text


def _updated(known: Mapping[str, LinkRecord], news: Mapping[str, LinkRecord | None]) -> dict[str, LinkRecord]:
    as_known = ((path, record) for path, record in known.items() if path not in news)
    return {path: record for path, record in in_turns(chain(as_known, news.items())) if record is not None}


def _nothing(_path: str) -> None:
    """Know no folder."""
