"""Synchronising the mirror of an account: the list in a request or a few, details only where something needs them.

What was read is in the store before the next thing is read, and what is still to be read is found by asking the store.
So a synchronisation may be killed at any moment: whoever resumes it finds what is left, and reads nothing twice but
what was on its way.

Reading the details of a large account takes hours. Whoever wants only a look at the list, or what is wrong, is not
kept waiting for that: it lets go of what it is reading, lets them go first, and goes on where it was.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ..model.debrid import DebridTorrentInfo
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
from .listing import PAGE, Lister
from .ports import Account, Errors, Mirror

#: Details older than this are read again, where details are wanted at all.
DETAILS_LAST = timedelta(days=7)
#: So many details are on their way at once; the account's budget decides how fast they come.
PARALLEL = 4
#: So many details are written together: what a crash costs.
BATCH = 25
#: It is asked at once whose so many are: the database goes through all torrents for that.
AHEAD = 10 * BATCH
#: When so many details in a row can't be had, the list is asked for: where that can't be had either, nothing is wrong
#: with these torrents.
IN_VAIN = 10
#: So many torrents that vanish at once are believed; beyond, a half of all. A list that lacks more, or has none at all,
#: is asked for again.
BELIEVED_GONE = 20
#: So many changes are named in a summary.
NAMED = 500
#: So many changes are told at all, of the others only how many there are: a first look may find a hundred thousand, and
#: as many objects make each pass of the garbage collector block for long.
TOLD = 2_000
#: These may read the details of all torrents: one of them at a time, and it gives way to all others.
LONG = frozenset({SyncMode.FULL, SyncMode.DETAILS, SyncMode.RESUME})

_LISTING = frozenset({SyncMode.SMART, SyncMode.FULL, SyncMode.LIST})
_REASONS: Mapping[SyncMode, tuple[DetailsReason, ...]] = {
    SyncMode.SMART: (DetailsReason.ASKED, DetailsReason.FAILED),
    SyncMode.FULL: (DetailsReason.ASKED, DetailsReason.FAILED, DetailsReason.NEVER_READ, DetailsReason.OLD),
    SyncMode.LIST: (),
    SyncMode.DETAILS: (DetailsReason.ASKED, DetailsReason.FAILED, DetailsReason.NEVER_READ, DetailsReason.OLD),
    SyncMode.ERRORS: (DetailsReason.FAILED,),
}
#: `running` in the store is what a crash left. A person who cancelled may change their mind.
_INTERRUPTED = frozenset({SyncStatus.RUNNING, SyncStatus.INTERRUPTED})


class NothingToResumeError(Exception):
    """No synchronisation was interrupted."""


class BusyError(Exception):
    """One synchronisation of an account that may take hours at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a synchronisation is."""

    mode: SyncMode
    status: SyncStatus
    phase: str  # "list" or "details"
    done: int  # torrents in the list, or details
    total: int | None  # None: not known yet
    rate: float | None  # a second, None: too early to tell
    eta: timedelta | None
    requests: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a synchronisation would read now, and why."""

    list_requests: int
    details: Mapping[DetailsReason, int]
    first: tuple[tuple[str, DetailsReason], ...]  # whose details would be read first
    limit: int | None

    @property
    def requests(self) -> int:
        """How many requests that takes."""
        wanted = sum(self.details.values())
        return self.list_requests + (wanted if self.limit is None else min(wanted, self.limit))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """How a synchronisation ended, and what it found. `pause`: the account asked to be left alone for so long."""

    run: SyncRun
    changes: tuple[DebridChange, ...]  # the first `TOLD`; the summary counts all of them
    advanced: bool  # the list was read to its end, or any details were
    error: Exception | None = None
    pause: timedelta | None = None

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.changes)


@dataclass(slots=True, eq=False)
class _Work:
    """A synchronisation under way."""

    run: SyncRun
    account: Account
    halt: asyncio.Event = field(default_factory=asyncio.Event)  # let go: it was cancelled, or others go first
    cancelled: bool = False
    phase: str = "list"
    begun_at: datetime | None = None  # of the phase
    before: int = 0  # done when the phase began
    listed: int = 0
    requests: int = 0
    kinds: dict[str, ChangeKind] = field(default_factory=dict)  # of all changes by id
    changes: dict[str, DebridChange] = field(default_factory=dict)  # the first of them
    facts: dict[str, Any] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    in_vain: set[str] = field(default_factory=set)  # whose details could not be had, since the last that could
    stored: bool = False

    @property
    def takes_long(self) -> bool:
        """Whether it may take hours."""
        return self.run.mode in LONG


@dataclass(slots=True, eq=False)
class _Batch:
    """Details that are read at once and written together."""

    waiting: list[str]  # the last one is the next
    infos: list[DebridTorrentInfo] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    failed: list[Exception] = field(default_factory=list)
    asked: bool = False  # whether the account answers at all


def needed(run: SyncRun, now: datetime) -> DetailsNeed:
    """Return whose details a synchronisation reads."""
    options = run.options
    reasons = _REASONS[run.mode]
    if options.status_changes_only and reasons:
        reasons = (DetailsReason.ASKED, DetailsReason.STATUS_CHANGED)
    if options.include_active and reasons:
        reasons = (*reasons, DetailsReason.ACTIVE)
    old = now - DETAILS_LAST
    return DetailsNeed(
        reasons=reasons,
        statuses=options.statuses,
        since=run.started_at,
        old_before=old,
        failed_before=run.started_at if run.mode is SyncMode.ERRORS else old,
        include_active=options.include_active,
        without_failed=options.skip_error_retry,
    )


class MirrorSync:
    """Synchronises one account. `on_progress` is called often; whoever tells others does so less often.

    One at a time is at work. Of those that were asked for the others wait for their turn, in the order of their asking.
    """

    def __init__(
        self,
        account_id: str,
        account: Account,
        errors: Errors,
        mirror: Mirror,
        *,
        clock: Callable[[], datetime],
        on_progress: Callable[[Progress], None] | None = None,
        page_size: int = PAGE,
    ) -> None:
        self._id = account_id
        self._account = account
        self._errors = errors
        self._mirror = mirror
        self._clock = clock
        self._on_progress = on_progress
        self._lister = Lister(account, page_size)
        self._works: list[_Work] = []  # all that were asked for and have not ended
        self._work: _Work | None = None  # whose turn it is
        self._turn = asyncio.Lock()
        self.listed_at: datetime | None = None  # when the list was last seen to its end
        self._withheld = False  # the last list lacked more than is believed at once

    # --- from outside --------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a synchronisation is under way, at work or waiting for its turn."""
        return bool(self._works)

    def is_busy(self, mode: SyncMode) -> bool:
        """Tell whether one that may take hours is wanted while another one is under way."""
        return mode in LONG and any(work.takes_long for work in self._works)

    @property
    def progress(self) -> Progress | None:
        """How far the one is that is at work; None when none is under way."""
        work = self._work or next(iter(self._works), None)
        return None if work is None else self._progress(work)

    def cancel(self) -> bool:
        """End what is under way, what lets others go first, too, with what was read. Tell whether there is any."""
        for work in self._works:
            work.cancelled = True
            work.halt.set()
        return self.running

    @asynccontextmanager
    async def clearing(self) -> AsyncIterator[None]:
        """Keep the account from being read while its mirror is cleared, and believe nothing of it to be known then.

        Raises `BusyError`.
        """
        if self.running:
            raise BusyError("a synchronisation of this account is under way")
        async with self._turn:
            try:
                yield
            finally:
                self._lister.forget()
                self.listed_at = None
                self._withheld = False

    async def plan(self, mode: SyncMode, options: SyncOptions) -> Plan:
        """Tell what would be read now, without a request."""
        run = await self._begin(mode, options)
        need = needed(run, self._clock())
        details = await self._mirror.count_due(self._id, need) if need.reasons else {}
        limit = None if run.options.limit is None else max(run.options.limit - run.done, 0)
        named = NAMED if limit is None else min(NAMED, limit)
        first = await self._mirror.details_due(self._id, need, named) if details and named else []
        known = await self._mirror.count(self._id)
        pages = -(-max(known, 1) // self._lister.page_size)
        listing = run.mode in _LISTING and not run.listed
        return Plan(list_requests=pages if listing else 0, details=details, first=tuple(first), limit=limit)

    async def sync(
        self, mode: SyncMode = SyncMode.SMART, options: SyncOptions | None = None, *, account: Account | None = None
    ) -> SyncResult:
        """Read what a mode asks for, and return what was found. `account`: how it is read this time.

        What goes wrong at the account ends it as interrupted, and is in the result. Raises `BusyError`,
        `NothingToResumeError` and what the mirror raises.
        """
        if self.is_busy(mode):
            raise BusyError("a synchronisation of this account is under way")
        now = self._clock()
        work = _Work(SyncRun(account=self._id, mode=mode, started_at=now, changed_at=now), account or self._account)
        if mode not in LONG:
            for each in self._works:
                each.halt.set()
        self._works.append(work)
        error: Exception | None = None
        try:
            await self._take_turn(work)
            work.run = await self._begin(mode, options or SyncOptions())
            work.stored = work.run.id > 0
            try:
                await self._read_all(work)
            except self._errors.any as failed:
                error = failed
            run = await self._end(work, error)
        finally:
            self._works.remove(work)
            self._end_turn(work)
        return SyncResult(
            run=run,
            changes=tuple(work.changes.values()),
            advanced="torrents" in work.facts or run.done > work.before,
            error=error,
            pause=None if error is None else self._errors.pause(error),
        )

    # --- turns ---------------------------------------------------------------------------------------------------

    async def _take_turn(self, work: _Work) -> None:
        await self._turn.acquire()  # it is had in the order of asking
        self._work = work

    def _end_turn(self, work: _Work) -> None:
        if self._work is work:
            self._work = None
            self._turn.release()

    def _others_first(self, work: _Work) -> bool:
        """Tell whether one that takes hours has its turn while others wait that do not."""
        return work.takes_long and not all(each.takes_long for each in self._works)

    async def _give_way(self, work: _Work) -> bool:
        """Let those go first that were asked for meanwhile, and tell whether there were any.

        The time that they take is not this one's. What they read need not be read again, and they may find more.
        """
        given = False
        while not work.cancelled and (work.halt.is_set() or self._others_first(work)):
            given = True
            work.halt.clear()
            since = self._clock()
            self._end_turn(work)
            await self._take_turn(work)
            work.begun_at = (work.begun_at or since) + (self._clock() - since)
        return given

    # --- begin and end -------------------------------------------------------------------------------------------

    async def interrupted(self) -> bool:
        """Tell whether a synchronisation is to be resumed without anybody's asking."""
        run = await self._unfinished()
        return run is not None and run.status in _INTERRUPTED

    async def _unfinished(self) -> SyncRun | None:
        """Return what is to be resumed: what may take hours has more left than a look that failed meanwhile."""
        under_way = {work.run.id for work in self._works}  # in the store they look like what a crash left
        found = [run for run in await self._mirror.unfinished(self._id) if run.id not in under_way]
        return next((run for run in found if run.mode in LONG), found[0] if found else None)

    async def _begin(self, mode: SyncMode, options: SyncOptions) -> SyncRun:
        if mode is not SyncMode.RESUME:
            now = self._clock()
            return SyncRun(account=self._id, mode=mode, options=options, started_at=now, changed_at=now)
        run = await self._unfinished()
        if run is None:
            raise NothingToResumeError("no synchronisation was interrupted")
        return replace(run, status=SyncStatus.RUNNING)

    async def _note(self, work: _Work, **changes: Any) -> None:
        """Write how far it is. What has found nothing leaves no trace: a memory card is worn by writes."""
        work.run = replace(work.run, changed_at=self._clock(), **changes)
        if work.stored:
            await self._mirror.change_run(work.run)
        else:
            work.run = replace(work.run, id=await self._mirror.begin_run(work.run))
            work.stored = True

    async def _end(self, work: _Work, error: Exception | None) -> SyncRun:
        status = SyncStatus.CANCELLED if work.cancelled else SyncStatus.DONE
        if error is not None:
            status = SyncStatus.INTERRUPTED
        summary = await asyncio.to_thread(self._summary, work, error)  # of a first look: there may be many
        if work.stored or error or any(kind is not ChangeKind.PROGRESS for kind in work.kinds.values()):
            await self._note(work, status=status, summary=summary)
        else:
            work.run = replace(work.run, status=status, summary=summary, changed_at=self._clock())
        self._tell(work)
        return work.run

    def _summary(self, work: _Work, error: Exception | None) -> dict[str, Any]:
        counted = Counter(work.kinds.values())
        seconds = (self._clock() - work.run.started_at).total_seconds()
        told: dict[str, Any] = {str(kind): counted[kind] for kind in ChangeKind}
        told |= {
            "requests": work.requests,
            "seconds": round(seconds, 3),
            "details": work.run.done,
            "details_left": max(work.run.total - work.run.done, 0),
            **work.facts,
        }
        if work.unreadable:
            told["unreadable"] = len(work.unreadable)
        if error is not None:
            told["error"] = str(error)
        if work.run.options.verbose:
            told["changes"] = [_as_json(each) for each in list(work.changes.values())[:NAMED]]
        return told

    # --- reading -------------------------------------------------------------------------------------------------

    async def _read_all(self, work: _Work) -> None:
        if work.run.mode in _LISTING and not work.run.listed and not work.cancelled:
            await self._read_list(work)
        if not work.cancelled:
            await self._read_details(work)

    async def _read_list(self, work: _Work) -> None:
        work.begun_at = self._clock()
        self._tell(work)
        lister = self._lister
        lister.account = work.account
        try:
            async for torrents in lister.read():
                _add(work, await self._mirror.apply(self._id, torrents, self._clock()))
                work.listed, work.requests = len(lister.seen), lister.requests
                self._tell(work)
                if work.cancelled:
                    return
        finally:
            work.requests = lister.requests
        work.listed = len(lister.seen)
        work.run = replace(work.run, listed=True)
        work.facts["torrents"] = len(lister.seen)
        work.facts["unchanged"] = lister.unchanged
        if not lister.whole:
            work.facts["restless"] = True
        else:
            if not lister.unchanged:
                await self._mark_gone(work, lister.seen)
            self.listed_at = self._clock()
        await self._mirror.tidy(self._id)

    async def _mark_gone(self, work: _Work, seen: Collection[str]) -> None:
        """Mark what vanished. When most of it did, Real-Debrid has to say so twice: it may have had a bad moment.

        So it has when all of it did, however little that was: it would be added again beside itself.
        """
        known = await self._mirror.count(self._id)
        believed = None if self._withheld else max(BELIEVED_GONE, known // 2) if seen else 0
        gone = await self._mirror.vanish(self._id, seen, self._clock(), at_most=believed)
        self._withheld = isinstance(gone, int)
        if isinstance(gone, int):
            work.facts["withheld"] = gone
            self._lister.forget()
        else:
            _add(work, gone)

    async def _read_details(self, work: _Work) -> None:
        need = needed(work.run, self._clock())
        if not need.reasons:
            return
        total = await self._total(work, need)
        if total <= work.run.done:
            return
        work.phase, work.begun_at, work.before = "details", self._clock(), work.run.done
        await self._note(work, total=total)
        next_ones: list[str] = []
        while work.run.done < work.run.total and not work.cancelled:
            if await self._give_way(work):
                work.run = replace(work.run, total=await self._total(work, need))
                next_ones = []
            if not next_ones:
                found = await self._mirror.details_due(self._id, need, AHEAD + len(work.unreadable))
                next_ones = [torrent_id for torrent_id, _ in found if torrent_id not in work.unreadable]
            ids = next_ones[: min(BATCH, work.run.total - work.run.done)]
            if not ids:
                break
            del next_ones[: len(ids)]
            await self._read_batch(work, ids)

    async def _total(self, work: _Work, need: DetailsNeed) -> int:
        """Return how many details this will have read in the end, as far as that can be told now."""
        due = sum((await self._mirror.count_due(self._id, need)).values()) - len(work.unreadable)
        total, limit = work.run.done + max(due, 0), work.run.options.limit
        return total if limit is None else max(min(total, limit), work.run.done)

    async def _read_batch(self, work: _Work, ids: Iterable[str]) -> None:
        """Read details and write them together, those that came before something went wrong or was to be let go of."""
        batch = _Batch(list(reversed(list(ids))))
        try:
            await self._until_halted(work, lambda: self._read_some(work, batch))
        finally:
            if batch.failed or len(work.in_vain) >= IN_VAIN:
                _take_back(work, batch)
            now = self._clock()
            await self._mirror.keep_details(self._id, batch.infos, now)
            for torrent_id in batch.missing:
                await self._is_missing(work, torrent_id, now)
            await self._note(work)
        if batch.failed:
            raise batch.failed[0]

    async def _read_some(self, work: _Work, batch: _Batch) -> None:
        while batch.waiting and not batch.failed and not work.halt.is_set():
            torrent_id = batch.waiting.pop()
            work.requests += 1
            try:
                batch.infos.append(await work.account.torrent(torrent_id))
            except self._errors.account as error:
                batch.failed.append(error)
                return
            except self._errors.missing:
                batch.missing.append(torrent_id)
                work.in_vain.add(torrent_id)
            except self._errors.any:
                work.unreadable.add(torrent_id)
                work.in_vain.add(torrent_id)
            else:
                work.in_vain.clear()
            work.run = replace(work.run, done=work.run.done + 1)
            self._tell(work)
            if len(work.in_vain) >= IN_VAIN and not batch.asked:
                await self._doubt(work, batch)

    async def _doubt(self, work: _Work, batch: _Batch) -> None:
        """Find out whether the account answers at all: in an outage each torrent seems to be broken, or gone."""
        batch.asked = True
        in_vain = frozenset(work.in_vain)
        work.requests += 1
        try:
            await work.account.torrents(1, 1)
        except self._errors.any as error:
            batch.failed.append(error)
        else:
            work.in_vain -= in_vain
            batch.asked = False

    async def _is_missing(self, work: _Work, torrent_id: str, now: datetime) -> None:
        """Note that there are no details of a torrent. Where the list has just shown it, the next list decides.

        All of that is read, also where nothing has changed: else what is gone by mistake would stay so.
        """
        self._lister.forget()
        if work.run.listed and torrent_id in self._lister.seen:
            work.unreadable.add(torrent_id)
            return
        await self._mirror.forget_torrent(self._id, torrent_id, now)
        _add(work, [DebridChange(torrent_id, ChangeKind.GONE)])

    async def _until_halted(self, work: _Work, read_some: Callable[[], Any]) -> None:
        """Let some read at once; who cancels or goes first doesn't wait for the turn of what is still to be asked."""
        readers = asyncio.gather(*(read_some() for _ in range(PARALLEL)))
        halted = asyncio.ensure_future(work.halt.wait())
        try:
            both: set[asyncio.Future[Any]] = {readers, halted}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            halted.cancel()
            if not readers.done():
                readers.cancel()
            with suppress(asyncio.CancelledError):
                await readers

    # --- telling -------------------------------------------------------------------------------------------------

    def _progress(self, work: _Work) -> Progress:
        listing = work.phase == "list"
        done = work.listed if listing else work.run.done
        total = None if listing else work.run.total
        seconds = (self._clock() - (work.begun_at or work.run.started_at)).total_seconds()
        rate = (done - work.before) / seconds if seconds > 0 and done > work.before else None
        left = None if total is None or rate is None else timedelta(seconds=max(total - done, 0) / rate)
        return Progress(
            mode=work.run.mode,
            status=work.run.status,
            phase=work.phase,
            done=done,
            total=total,
            rate=rate,
            eta=left,
            requests=work.requests,
            started_at=work.run.started_at,
        )

    def _tell(self, work: _Work) -> None:
        if self._on_progress is not None:
            self._on_progress(self._progress(work))


def _take_back(work: _Work, batch: _Batch) -> None:
    """Believe nothing of what could not be had right before the account was away: it is read again."""
    doubted = work.in_vain & {*work.unreadable, *batch.missing}
    work.unreadable -= doubted
    batch.missing = [each for each in batch.missing if each not in doubted]
    work.run = replace(work.run, done=work.run.done - len(doubted))
    work.in_vain.clear()


def _add(work: _Work, changes: Iterable[DebridChange]) -> None:
    """Add changes to what was found before. What is worth telling is not forgotten for what is not."""
    for change in changes:
        known = work.kinds.get(change.id)
        if known is None or known is ChangeKind.PROGRESS or change.kind is ChangeKind.GONE:
            work.kinds[change.id] = change.kind
            if change.id in work.changes or len(work.changes) < TOLD:
                work.changes[change.id] = change


def _as_json(change: DebridChange) -> dict[str, Any]:
    return {
        "id": change.id,
        "change": str(change.kind),
        "name": change.name,
        "status": str(change.status),
        "before": None if change.before is None else str(change.before),
    }
