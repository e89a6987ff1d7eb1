"""The links of the library at work: checked by day and after each change of an account, repaired, and told about.

There are checks only while there are an account, a database and a media folder, and only once the lists of the accounts
were read to their ends: what nobody has read yet is not lost. For one that can't be read others don't wait for ever.
A full check looks into the folders, once a day and after an interruption; a quick one judges the links that are known
anew, whenever an account changed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import posixpath
import random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later, async_track_time_change
from homeassistant.util import dt as dt_util

from .autopilot.findings.base import Finding, Found, problem
from .autopilot.rules.debrid import DEBRID_READD
from .const import DOMAIN, LOGGER
from .debrid.catalogue import Catalogue
from .debrid.checking import LinkCheck, LinkReport, ScanMode
from .debrid.link_notes import StoredLinks
from .debrid.link_repairing import LinkAct, LinkRepairer, Planned
from .debrid.links import Health, Shut
from .debrid.mount_files import SystemFiles
from .debrid.retrying import Repair
from .debrid.shelf import read_catalogue
from .debrid.turns import in_turns, loop_in_turns
from .debriding import EVENT_SYNC
from .issues import warn
from .linking_imports import ImportWatch
from .linking_refresh import MediaRefresh
from .linking_repairs import LinkRepairs, NotReady, NotReadyError, shown
from .linking_settings import (
    LinkSettings,
    MountFinder,
    known_mounts,
    recycles_of,
    remember_mounts,
    roots_of,
    settings_of,
)
from .markdown import plain
from .model.journal import AUTOPILOT, ActKind, Autonomy, JournalEntry
from .model.library import Severity
from .model.paths import contains
from .store import Store, StoreError
from .store.library import StoredChange

if TYPE_CHECKING:
    from .hub import Hub

#: The issue that says why nothing is touched.
ISSUE = "links_shut"
HELPLESS = "links_helpless"
#: Of the links that only a person can help with so many are named.
_NAMED = 5
#: What is known of the last checks, in the hub's memory.
LAST_KEY = "links_last"
#: A full check is due after this, whatever happened at the set time.
FULL_EVERY = timedelta(hours=26)
#: So long after the start links wait for all accounts; then they are checked without those that can't be read.
UNREAD_PATIENCE = timedelta(minutes=15)
#: After a change of an account others have their turn first.
SETTLE = timedelta(seconds=10)
#: While nothing may be touched it is looked this often whether that is over.
SHUT_AGAIN = timedelta(minutes=10)
#: The details of so many torrents are asked for after one check, and of each of them this seldom.
MOST_ASKED, ASK_AGAIN = 500, timedelta(days=1)
#: The repairs of an account have so long to take what links need: they may be busy, or not read yet.
READD_PATIENCE = timedelta(minutes=1)
#: How much of the time is left to others in a check, as a part of what is used.
REST = 0.25
#: A check that is under way at the end has so long to note how far it is.
PARTING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a check found, and what is to be done about it."""

    report: LinkReport
    catalogue: Catalogue
    planned: tuple[Planned, ...]


#: What a reading of the mirrors is of: the database, the accounts whose lists nobody has read yet, and how each was.
type _Revisions = tuple[Store, frozenset[str], dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is needed to check and repair; made anew when any of it changes."""

    store: Store
    roots: tuple[str, ...]
    settings: LinkSettings
    check: LinkCheck
    repairer: LinkRepairer
    finder: MountFinder

    def is_for(self, store: Store | None, roots: tuple[str, ...], settings: LinkSettings) -> bool:
        return self.store is store and (self.roots, self.settings) == (roots, settings)


class _Repairs:
    """The repairs of the accounts, as `LinkRepairer` asks them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def repair(self, account: str, info_hash: str) -> Repair | None:
        """Return what is noted of a torrent."""
        repairs = self._hub.debrid_repairs.account(account)
        return repairs.repairer.repair(info_hash) if repairs is not None else None

    async def want(self, account: str, repair: Repair, actor: str) -> Repair:
        """Note that a torrent needs repair."""
        repairs = self._hub.debrid_repairs.account(account)
        if repairs is None:
            return repair
        return await (repairs.want(repair) if actor == AUTOPILOT else repairs.want_for(repair, actor))


class Linking:
    """The links of all media folders."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.repairs = LinkRepairs(self)
        self.refresh = MediaRefresh(hub)
        self._imports = ImportWatch(hub, wanted=lambda: self.refresh.wanted, imported=self.refresh.soon)
        hub.pilot.carriers |= dict.fromkeys((ActKind.REWRITE_LINKS, ActKind.REPLACE_LINKED), self.repairs)
        self.running = False
        self.looked: Looked | None = None  # at the last check since the start
        self._read: tuple[_Revisions, Catalogue] | None = None  # what was last read of the mirrors
        self.settings = LinkSettings()
        self._work: _Work | None = None
        self._making: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._busy = asyncio.Lock()
        self._leave: list[CALLBACK_TYPE] = []
        self._leave_time: CALLBACK_TYPE | None = None
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._due: tuple[datetime, ScanMode] | None = None
        self._asked: dict[tuple[str, str], datetime] = {}
        self._listeners: list[Callable[[], None]] = []
        self._started_at = dt_util.utcnow()
        self._stopped = False

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Check for as long as there is something to check."""
        hub = self.hub
        self._leave = [
            hub.pilot.add_watcher(self._reconcile),
            hub.add_listener(self._reconcile),
            hub.hass.bus.async_listen(EVENT_SYNC, self._synchronised),
        ]
        self._imports.start()
        self.settings_changed()

    async def stop(self) -> None:
        """End all checks; what is left goes on after the next start."""
        self._stopped = True
        while self._leave:
            self._leave.pop()()
        for leave in (self._leave_time, self._cancel_timer):
            if leave is not None:
                leave()
        self._leave_time = self._cancel_timer = None
        self._imports.stop()
        self.refresh.stop()
        running = {task for task in (self._making, self._task) if task is not None and not task.done()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=PARTING.total_seconds())

    @callback
    def settings_changed(self) -> None:
        """Work with what a person set."""
        self.settings = settings_of(self.hub)
        if self._leave_time is not None:
            self._leave_time()
        at = self.settings.full_at
        self._leave_time = async_track_time_change(
            self.hub.hass, self._daily, hour=at.hour, minute=at.minute, second=at.second
        )
        self._imports.look()
        self._reconcile()

    @callback
    def _reconcile(self) -> None:
        """Have what is needed to check, with the database and the folders that there are."""
        if self._stopped or (self._making is not None and not self._making.done()):
            return
        store, roots = self.hub.pilot.store, roots_of(self.hub, self.settings)
        if self._work is not None and self._work.is_for(store, roots, self.settings):
            self._let_go()
            return
        if store is None or not roots:
            self._work = None
            ir.async_delete_issue(self.hub.hass, DOMAIN, ISSUE)  # there is nothing any more that could be touched
            warn(self.hub.hass, HELPLESS, None)
            self._let_go()
            return
        self._making = self.hub.in_background(self._make(store, roots), "reading of what is known of links")

    @callback
    def _let_go(self) -> None:
        """Free what was read and found where nothing is checked any more. One under way sees to it at its end."""
        needed = self._work is not None and self.hub.debriding.accounts
        if needed or self._stopped or self.busy or self._read is None:
            return
        catalogues = {self._read[1]} if self.looked is None else {self._read[1], self.looked.catalogue}
        self.looked = self._read = None
        self.hub.in_background(_discard(catalogues), "end of what was read for links")

    async def _make(self, store: Store, roots: tuple[str, ...]) -> None:
        async with self._busy:
            with suppress(StoreError):
                self._work = await self._made(store, roots)
                await self._finish_with(self._work)
                self._changed()
                self.hub.hass.loop.call_soon(self._reconcile)  # what was set meanwhile counts, too
        if self._work is not None and self._full_is_due():
            self._check_after(SETTLE, ScanMode.FULL)

    async def _made(self, store: Store, roots: tuple[str, ...]) -> _Work:
        settings, hub = self.settings, self.hub
        notes = StoredLinks(store.library, StoredChange)
        finder = MountFinder(settings, known_mounts(hub), roots)
        recycle = await hub.hass.async_add_executor_job(recycles_of, roots, settings.recycle)
        check = LinkCheck(
            notes,
            roots=roots,
            mounts=finder,
            files=SystemFiles(),
            clock=dt_util.utcnow,
            chance=random.random,
            rest=REST,
        )
        await check.load()
        repairer = LinkRepairer(
            _Repairs(hub),
            hub.debrid_library,
            notes,
            roots=roots,
            recycle=recycle,
            clock=dt_util.utcnow,
            new_key=lambda: uuid4().hex,
        )
        return _Work(store=store, roots=roots, settings=settings, check=check, repairer=repairer, finder=finder)

    # --- when --------------------------------------------------------------------------------------------------------

    @callback
    def _synchronised(self, event: Event[Any]) -> None:
        if event.data["type"] != "ended" or self._work is None:
            return
        summary = event.data["summary"]
        if self._full_is_due():
            self._check_after(SETTLE, ScanMode.FULL)
        elif not summary.get("unchanged") or summary.get("details") or self._was_unread(event.data["account_id"]):
            self._check_after(SETTLE, ScanMode.QUICK)

    def _was_unread(self, account: str) -> bool:
        """Tell whether links were checked without an account."""
        return self.looked is not None and account in self.looked.catalogue.unread

    @callback
    def _daily(self, _now: datetime) -> None:
        if self._work is not None:
            self._check_after(timedelta(), ScanMode.FULL)

    def _full_is_due(self) -> bool:
        last = dt_util.parse_datetime(self._last.get("full_at") or "")
        interrupted = self._work is not None and self._work.check.interrupted
        return interrupted or last is None or dt_util.utcnow() - last >= FULL_EVERY

    @callback
    def _check_after(self, pause: timedelta, mode: ScanMode) -> None:
        """Check after a while; of two that are due the fuller one takes place, at the earlier moment."""
        at = dt_util.utcnow() + pause
        if self._due is not None:
            at = min(at, self._due[0])
            mode = ScanMode.FULL if ScanMode.FULL in {mode, self._due[1]} else mode
        if self._cancel_timer is not None:
            self._cancel_timer()
        self._due = at, mode
        pause = max(at - dt_util.utcnow(), timedelta())
        self._cancel_timer = async_call_later(self.hub.hass, pause, self._begin)

    @callback
    def _begin(self, _now: datetime) -> None:
        self._cancel_timer = None
        if self._due is None or self._stopped:
            return
        if self._task is not None and not self._task.done():
            self._cancel_timer = async_call_later(self.hub.hass, SETTLE, self._begin)
            return
        mode, self._due = self._due[1], None
        self._task = self.hub.in_background(self._by_itself(mode), "check of links")

    async def _by_itself(self, mode: ScanMode) -> None:
        try:
            await self.check(mode)
        except NotReadyError:
            return  # the next synchronisation begins it
        except StoreError as error:
            if self.hub.pilot.store is not None:  # else it was closed on purpose
                LOGGER.warning("The links of the library could not be checked: %s", error)

    # --- checking ----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep other checks and repairs waiting."""
        try:
            async with self._busy:
                yield
        finally:
            self._let_go()

    @property
    def busy(self) -> bool:
        """Whether links are being checked or repaired, so that whoever wants that now would have to wait."""
        return self._busy.locked()

    @property
    def repairer(self) -> LinkRepairer | None:
        """What changes links, while there is something to change."""
        return self._work.repairer if self._work is not None else None

    @property
    def links(self) -> LinkCheck | None:
        """What is known of each link."""
        return self._work.check if self._work is not None else None

    def begin(
        self, mode: ScanMode, *, dry_run: bool = False, accepted: bool = False, at_most: int | None = None
    ) -> asyncio.Task[Looked]:
        """Check in the background: it goes on when nobody waits for it any more. Raises `NotReadyError`."""
        self._ready()
        check = self.check(mode, dry_run=dry_run, accepted=accepted, at_most=at_most)
        task = self.hub.begin(check, "check of links")
        if self._task is None or self._task.done():
            self._task = task
            task.add_done_callback(self._done)
        return task

    @callback
    def _done(self, task: asyncio.Task[Looked]) -> None:
        """Keep nothing of what was found for the sake of who began it."""
        if self._task is task:
            self._task = None

    async def check(
        self, mode: ScanMode, *, dry_run: bool = False, accepted: bool = False, at_most: int | None = None
    ) -> Looked:
        """Check, and have done what may be done. Raises `NotReadyError` and `StoreError`.

        `accepted` and `at_most` are those of `LinkCheck.check`.
        """
        async with self.alone():
            if not dry_run:
                await self._finish()
            looked = await self._look(mode, accepted=accepted, at_most=at_most, trial=dry_run)
            if not (dry_run and accepted):  # nobody has said yet that it is so
                self._tell(looked.report)
            await self._ask_details(looked.report)
            if looked.report.mended:
                self.refresh.soon()
            if not dry_run:
                await self._readd(looked)
                await self._reads_again(looked.report)
                whole = not looked.report.shut and not looked.catalogue.unread
                await self.repairs.take(looked.planned, dt_util.utcnow(), whole=whole)
                if whole:
                    self._tell_helpless(await asyncio.to_thread(_helpless, looked.planned))
            return looked

    async def look_again(self) -> tuple[Planned, ...]:
        """Return what is to be done at this moment. Raises `NotReadyError` and `StoreError`."""
        await self._finish()
        return (await self._look(ScanMode.QUICK)).planned

    async def repair(
        self, actor: str, path: str | None, *, dry_run: bool
    ) -> tuple[tuple[Planned, ...], list[JournalEntry]]:
        """Do what is to be done about links at or below a path (None: everywhere), because a person wants it.

        Returns what is to be done, and what was. Rules that are off stay off. Raises `NotReadyError` and `StoreError`.
        """
        async with self.alone():
            if not dry_run:
                await self._finish()
            looked = await self._look(ScanMode.QUICK)
            self._tell(looked.report)
            meant = looked.planned
            if path is not None:
                meant = await asyncio.to_thread(_below, path, meant)
            if dry_run:
                return meant, []
            await self._readd(replace(looked, planned=meant), actor)
            return meant, await self.repairs.take_now(meant, actor, dt_util.utcnow())

    def _ready(self) -> _Work:
        if self._work is None:
            self._reconcile()
            raise NotReadyError(NotReady.NO_FOLDERS if self.hub.pilot.running else NotReady.NO_DATABASE)
        accounts = self.hub.debriding.accounts
        if not accounts:
            ir.async_delete_issue(self.hub.hass, DOMAIN, ISSUE)
            raise NotReadyError(NotReady.NO_ACCOUNT)
        unread = self._unread()
        if len(unread) == len(accounts) or (unread and dt_util.utcnow() - self._started_at < UNREAD_PATIENCE):
            raise NotReadyError(NotReady.NOT_READ)
        return self._work

    def _unread(self) -> frozenset[str]:
        """Return the accounts whose lists were not read to their ends since the start."""
        accounts = self.hub.debriding.accounts
        return frozenset(account for account, mirror in accounts.items() if mirror.checked_at is None)

    async def _finish(self) -> None:
        """Finish what the store's errors, or the end, cut off. To be awaited while `alone`, so nothing is under way."""
        await self._finish_with(self._ready())

    async def _finish_with(self, work: _Work) -> None:
        await work.repairer.resume()
        await self.repairs.settle(dt_util.utcnow())

    async def _look(
        self, mode: ScanMode, *, accepted: bool = False, at_most: int | None = None, trial: bool = False
    ) -> Looked:
        work = self._ready()
        self.running = True
        self._changed()
        try:
            catalogue = await self._catalogue(work.store)
            report = await work.check.check(mode, catalogue, accepted=accepted, at_most=at_most, trial=trial)
            planned = await work.repairer.plan(report, catalogue)
        finally:
            self.running = False
            self._changed()
        remember_mounts(self.hub, work.finder)
        looked, before = Looked(report=report, catalogue=catalogue, planned=tuple(planned)), self.looked
        self.looked = looked
        self._note(report)
        if before is not None and before.catalogue is not catalogue:
            old = before.catalogue
            del before
            await _discard((old,))
        return looked

    async def _catalogue(self, store: Store) -> Catalogue:
        """Return what mounts may show: what was read before, where no account is another one since."""
        unread = self._unread()
        revisions = {account: store.mirror.revision(account) for account in self.hub.debriding.accounts}
        known = store, unread, revisions
        if self._read is None or self._read[0] != known:
            catalogue = await read_catalogue(store.mirror_view, revisions, complete=True, unread=unread)
            self._read = known, catalogue
        return self._read[1]

    async def _readd(self, looked: Looked, actor: str = AUTOPILOT) -> int:
        """Have each torrent added again once; whether that may be done is for the account's own repairs to say.

        To them a person's word is above what is set: but a rule that is off stays off, as the others do.
        """
        if actor != AUTOPILOT and self.hub.pilot.kernel.settings.level(DEBRID_READD) is Autonomy.OFF:
            return 0
        work, asked = self._work, set[str]()
        async for planned in loop_in_turns(looked.planned):
            info_hash = planned.found.hash
            if work is None or planned.decision.act is not LinkAct.READD or info_hash is None or info_hash in asked:
                continue
            asked.add(info_hash)
            try:
                async with asyncio.timeout(READD_PATIENCE.total_seconds()):
                    await work.repairer.readd(planned, looked.catalogue, actor)
            except TimeoutError:  # what the account has to repair isn't read yet: the next check asks again
                LOGGER.debug("The repairs of an account can't take what links need")
                break
        return len(asked)

    async def _reads_again(self, report: LinkReport) -> None:
        """Have nothing repaired any more because it could not be read, where it can be: not while anything is shut."""
        if self._work is None or report.shut:
            return
        unwell = await asyncio.to_thread(self._work.check.unwell)
        for repairs in tuple(self.hub.debrid_repairs.accounts.values()):
            with suppress(TimeoutError):  # they are busy: the next check tells them
                async with asyncio.timeout(READD_PATIENCE.total_seconds()):
                    await repairs.links_read(unwell)

    async def _ask_details(self, report: LinkReport) -> None:
        """Have the details of torrents read whose files have to be known, if that was not asked for just now."""
        now = dt_util.utcnow()
        self._asked = {key: at for key, at in self._asked.items() if now - at < ASK_AGAIN}
        wanted: dict[str, list[str]] = {}
        for account, torrent_id in [each for each in report.details_wanted if each not in self._asked][:MOST_ASKED]:
            wanted.setdefault(account, []).append(torrent_id)
            self._asked[account, torrent_id] = now
        for account, ids in wanted.items():
            if (mirror := self.hub.debriding.accounts.get(account)) is not None:
                await mirror.store.mirror.ask_details(account, ids, now)
                mirror.synchronise_after(SETTLE)

    # --- telling -----------------------------------------------------------------------------------------------------

    @callback
    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function whenever any of what is told here may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    @property
    def _last(self) -> dict[str, Any]:
        last: dict[str, Any] = self.hub.memory.get(LAST_KEY, {})
        return last

    @property
    def broken(self) -> int | None:
        """How many links lead nowhere; None: nobody has looked yet."""
        return self._last.get("broken")

    @property
    def checked_at(self) -> datetime | None:
        """When the links were last checked."""
        return dt_util.parse_datetime(self._last.get("at") or "")

    def _note(self, report: LinkReport) -> None:
        now = dt_util.utcnow().isoformat()
        last = {**self._last, "at": now, "links": report.links, "broken": report.count(Health.BROKEN)}
        if report.mode is not ScanMode.QUICK:
            last["full_at"] = now
        self.hub.memory.set(LAST_KEY, last)
        self._changed()

    @callback
    def _tell(self, report: LinkReport) -> None:
        """Say once why nothing is touched, and take that back once it is over."""
        if not report.shut:
            ir.async_delete_issue(self.hub.hass, DOMAIN, ISSUE)
            return
        why = min(report.shut.values(), key=list(Shut).index)
        mounts = [mount for mount, reason in report.shut.items() if reason is why]
        newly = sum(report.newly_broken.get(mount, 0) for mount in mounts)
        ir.async_create_issue(
            self.hub.hass,
            DOMAIN,
            ISSUE,
            is_fixable=why is Shut.MANY_AT_ONCE,
            severity=ir.IssueSeverity.ERROR,
            translation_key=f"links_{why}",
            translation_placeholders={
                "mounts": ", ".join(shown(mount) for mount in mounts),
                "count": str(newly),
                "links": str(report.links),
            },
        )
        self._check_after(SHUT_AGAIN, ScanMode.QUICK)

    @callback
    def _tell_helpless(self, links: Sequence[str]) -> None:
        """Say that links lead nowhere for which only a person can do something, while there are such."""
        names = "\n".join(f"- {plain(name)}" for name in links[:_NAMED])
        warn(self.hub.hass, HELPLESS, {"count": str(len(links)), "names": names} if links else None)

    def findings(self) -> tuple[Finding, ...]:
        """Return what a check-up has to say of links: that nobody sees them from here, which is no error."""
        if not self.hub.debriding.accounts or self._work is not None or not self.hub.pilot.running:
            return ()
        return (problem(Found.LINKS_UNSEEN, Severity.NOTICE, None),)


async def _discard(catalogues: Iterable[Catalogue]) -> None:
    """Free what nobody needs any more, without holding up the event loop."""
    for catalogue in catalogues:
        await asyncio.to_thread(catalogue.discard)


def _below(path: str, planned: Iterable[Planned]) -> tuple[Planned, ...]:
    """Return what is at or below a path. For a thread: there may be many."""
    return tuple(each for each in in_turns(planned) if contains(path, each.link.path))


def _helpless(planned: Iterable[Planned]) -> list[str]:
    """Return the names of the links that only a person can help with. For a thread: there may be many."""
    return [
        shown(posixpath.basename(each.link.path)) for each in in_turns(planned) if each.decision.act is LinkAct.TELL
    ]


def not_ready(why: NotReady) -> HomeAssistantError:
    """Return why there is nothing to check now, as an error that people are shown."""
    match why:
        case NotReady.NO_DATABASE:
            return HomeAssistantError(translation_domain=DOMAIN, translation_key="autopilot_off")
        case NotReady.NO_FOLDERS:
            return ServiceValidationError(translation_domain=DOMAIN, translation_key="links_no_folders")
        case NotReady.NO_ACCOUNT:
            return ServiceValidationError(translation_domain=DOMAIN, translation_key="no_debrid_account")
        case NotReady.NOT_READ:
            return ServiceValidationError(translation_domain=DOMAIN, translation_key="links_not_read_yet")
