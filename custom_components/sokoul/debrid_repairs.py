"""Repairs of Real-Debrid accounts at work: what failed is found after each synchronisation, and dealt with in turn.

Each account has one task, which goes on when the next repair may: that is known, so nothing is asked in between. What
is under way at the end is noted, and goes on after the next start.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
import random
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .acquire.links import Payload
from .autopilot.reach import Declined
from .clients.errors import BackendError
from .const import LOGGER
from .debrid.finding import Standing, find
from .debrid.mirror import SyncResult
from .debrid.repair_notes import StoredRepairs
from .debrid.repair_ports import Refusal
from .debrid.repairing import AlreadyThereError, Repairer
from .debrid.retrying import AccountPause, Choice, Repair, Turn, Urgency
from .debrid.shelf import read_standings
from .debrid.unanswered import Unanswered
from .debrid_hands import DebridHands, surely_not_done
from .debrid_library import HANDED_OVER
from .debrid_repairs_issues import forget_account, tell_of_account
from .debrid_repairs_journal import BY_PERSON, HANDED, RULES_BY_KEY, RepairJournal, is_lost, reason_of
from .debriding import FIRST_PAUSE, AccountMirror
from .model.debrid import DebridPriority, DebridStatus, DebridTorrent
from .model.debrid_mirror import DebridFailure, Presence
from .model.journal import DEBRID_ACTS, ActKind, Autonomy, EntryStatus, JournalEntry
from .model.reasons import Reason
from .store import StoreError

if TYPE_CHECKING:
    from .hub import Hub

#: After the database failed, and after something that nobody foresaw.
STORE_PAUSE, ERROR_PAUSE = timedelta(minutes=1), timedelta(minutes=10)
#: Whoever asks or stands back is looked after this often.
LONGEST_PAUSE = timedelta(hours=1)
#: After something was changed in the account, its list is read this soon.
LOOK_AFTER = timedelta(seconds=10)
#: Stock is taken of a list that changed, and of others this often.
STOCK_EVERY = timedelta(minutes=30)
#: Each release that is given up costs a search at every indexer.
HAND_OVERS_AN_HOUR = 5
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_WAITING = DebridStatus.WAITING_FILES_SELECTION
#: A repair that is under way at the end has so long to end by itself: it is noted anyway.
PARTING_SECONDS = 1.0


class AccountRepairs:
    """The repairs of one account."""

    def __init__(self, hub: Hub, mirror: AccountMirror) -> None:
        self._hub = hub
        self.mirror = mirror
        self.account = mirror.account
        self.journal = RepairJournal(self.account, lambda: self.title, hub.pilot.kernel, dt_util.utcnow)

        def hands(priority: DebridPriority) -> DebridHands:
            known = partial(mirror.store.mirror.count, mirror.account)
            return DebridHands(mirror.client, dt_util.utcnow, priority, known=known)

        self.person = hands(DebridPriority.PERSON)
        self.repairer = Repairer(
            hands(DebridPriority.BACKGROUND),
            StoredRepairs(self.account, mirror.store.debrid_history, dt_util.utcnow),
            clock=dt_util.utcnow,
            chance=random.random,
            acting=self.journal.may_begin,
            witness=self.journal,
        )
        self._settings = hub.pilot.kernel.settings
        self._loading = asyncio.Lock()
        self._loaded = False
        self._synchronised: datetime | None = None  # since when the list is as it was read, until stock is taken
        self._stock_at: datetime | None = None
        self._stock_of: int | None = None  # the revision of what stock was taken of
        self._handed: deque[datetime] = deque(maxlen=HAND_OVERS_AN_HOUR)
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._task: asyncio.Task[None] | None = None
        self._again = self._stopped = self._failing = False
        self._listeners: list[Callable[[], None]] = []
        self._leave = mirror.add_witness(self._was_synchronised)
        self.wake(FIRST_PAUSE)

    # --- what is known -------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What the person calls the account."""
        return self.mirror.title

    @property
    def pending(self) -> int:
        """How many torrents are to be repaired, those that are only noted or asked about, too."""
        return sum(repair.open for repair in self.repairer.repairs)

    @property
    def given_up(self) -> int:
        """How many torrents are lost for good."""
        return sum(is_lost(repair) for repair in self.repairer.repairs)

    @property
    def stands_back_until(self) -> datetime | None:
        """Until when nothing begins but what a person asks for, because another tool repairs this account."""
        return self.repairer.stands_back_until

    @property
    def pause(self) -> AccountPause:
        """Until when the account is left alone."""
        return self.repairer.pause

    def repair(self, info_hash: str) -> Repair | None:
        """Return what is noted of a torrent."""
        return self.repairer.repair(info_hash)

    async def noted(self, info_hash: str) -> Repair | None:
        """Return what is noted of a torrent, once that was read. Raises `StoreError`."""
        await self._ready()
        return self.repairer.repair(info_hash)

    async def standings(self, named: str) -> list[Standing]:
        """Return the torrents of an id or a hash, as the mirror of the account shows them. Raises `StoreError`."""
        view = self.mirror.store.mirror_view
        found = await view.torrents(self.account, ids=(named,), hashes=(named,), presence=Presence.PRESENT)
        return [Standing(torrent=each.torrent, unchanged_since=each.status_at) for each in found]

    def queue(self) -> Sequence[tuple[Repair, Turn]]:
        """Return what is to be done in its order, and why each waits."""
        return self.repairer.queue()

    @callback
    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function whenever something of it may be new."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # --- what is wanted ------------------------------------------------------------------------------------------

    async def want(self, repair: Repair) -> Repair:
        """Note that a torrent needs repair, and return what is noted of it now. Raises `StoreError`."""
        await self._ready()
        noted = await self.repairer.want(repair)
        self.wake()
        return noted

    async def want_for(self, repair: Repair, actor: str) -> Repair:
        """Have a repair done for a person, whatever the levels are. Raises `StoreError`."""
        return (await self.want_all_for([repair], actor))[0]

    async def want_all_for(self, repairs: Iterable[Repair], actor: str) -> list[Repair]:
        """Have repairs done for a person, whatever the levels are. Raises `StoreError`."""
        await self._ready()
        told = f"{BY_PERSON}{actor}"
        noted = await self.repairer.want_all(replace(each, urgency=Urgency.PERSON, told=told) for each in repairs)
        self.wake()
        return noted

    async def links_read(self, unwell: Collection[str]) -> None:
        """Repair no longer what links read well again. Raises `StoreError`; `unwell` is as for `read_again`."""
        await self._ready()
        if self.repairer.unreadable:
            await self.repairer.read_again(unwell)
            self.wake()

    async def learn(self, failures: Iterable[DebridFailure]) -> None:
        """Ask no more for what Real-Debrid refused another tool for good. Its *arr isn't told. Raises `StoreError`."""
        await self._ready()
        await self.repairer.note_refused(failures, HANDED)
        self.wake()

    async def take_over(self, due: Mapping[str, datetime]) -> int:
        """Queue what another tool was to add again, by hash and when, and return how many wait. Raises `StoreError`.

        Only what the account shows to need it is queued, like anything else that failed: by the levels and the limits.
        What is known already stays as it is.
        """
        await self._ready()
        now, view = dt_util.utcnow(), self.mirror.store.mirror_view
        found = await view.torrents(self.account, hashes=due, presence=Presence.PRESENT)
        standings = [Standing(torrent=each.torrent, unchanged_since=each.status_at) for each in found]
        new = [each for each in find(standings, now) if self.repairer.repair(each.hash) is None]
        await self.repairer.want_all(replace(each, due_at=min(max(now, due[each.hash]), now + DAY)) for each in new)
        self.wake()
        known = (self.repairer.repair(info_hash) for info_hash in due)
        return sum(repair is not None and repair.open for repair in known)

    async def nobody_else(self) -> None:
        """Go on: a person says that no other tool repairs this account. Raises `StoreError`."""
        await self._ready()
        await self.repairer.nobody_else()
        tell_of_account(self._hub.hass, self.account, self.title, self.repairer)
        self.wake()

    async def approve(self, entry: JournalEntry, actor: str) -> JournalEntry:
        """Do what was suggested, when its turn comes; what is lost is given up at once. Raises `StoreError`.

        It is a person's word: beside another tool that repairs the account it counts like any other they say.
        """
        await self._ready()
        repair = self.repairer.repair(entry.parameters["hash"])
        if entry.act is ActKind.ASK_ARR and repair is not None and is_lost(repair) and repair.told != HANDED:
            return await self._hand_over(repair, actor, entry)
        if repair is None or not repair.open or repair.begun:
            over = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key="result.over"))
            return await self.journal.close(over)
        row = await self.journal.agreed(entry, actor)
        await self.want_for(repair, actor)
        return row

    # --- what people do ------------------------------------------------------------------------------------------

    async def add(self, payload: Payload, choice: Choice, words: Sequence[str], actor: str) -> Repair:
        """Add a torrent for a person, and select its files by a rule.

        Where it waits for a selection already, its files are selected by that rule. Raises `AlreadyThereError`,
        `Refusal` and `StoreError`.
        """
        await self._ready()
        info_hash, now = payload.link.info_hash, dt_util.utcnow()
        wanted = Repair(
            hash=info_hash,
            label=payload.name or info_hash,
            trouble="asked",
            urgency=Urgency.PERSON,
            created_at=now,
            due_at=now,
            choice=choice,
            words=tuple(words),
        )

        async def adding() -> str:
            if payload.link.torrent is not None:
                return await self.person.add_file(payload.link.torrent)
            return await self.person.add_magnet(payload.link.magnet or f"magnet:?xt=urn:btih:{info_hash}")

        try:
            async with self._by_hand(info_hash, wanted.label, ActKind.ADD_TORRENT, actor, "debrid_added"):
                return await self.repairer.add(wanted, adding, self.person)
        finally:  # also where nobody knows whether it was added: the list will tell
            self._changed_soon()

    async def add_otherwise(
        self, info_hash: str, looking: Callable[[], Awaitable[Collection[str]]], adding: Callable[[], Awaitable[str]]
    ) -> str:
        """Have SOKOUL look and add in another way, and return the id of the entry. Raises what the two raise.

        `looking` returns the ids of the entries of the torrent that there are. Meanwhile no repair looks or adds, or
        there would be two entries. Raises `StoreError` before anything is added.
        """
        await self._ready()
        async with self.repairer.alone():
            request = await self.repairer.requests.begin(info_hash, await looking())
            try:
                torrent_id = await adding()
            except BackendError as error:
                with suppress(StoreError):
                    await self._note_failed(request, error)
                raise
            with suppress(StoreError):  # it would only be taken for somebody else's
                await self.repairer.requests.over(request)
                await self.repairer.note_ours(info_hash, torrent_id)
        self._changed_soon()
        return torrent_id

    async def found_otherwise(self, info_hash: str, torrent_id: str) -> None:
        """Note what a request made that got no answer, now that it is there."""
        with suppress(StoreError):
            await self._ready()
            async with self.repairer.alone():
                await self.repairer.requests.seen(info_hash)
                await self.repairer.note_ours(info_hash, torrent_id)

    async def _note_failed(self, request: Unanswered, error: BackendError) -> None:
        if surely_not_done(error):
            await self.repairer.requests.over(request)
        else:
            await self.repairer.requests.silent(request)

    async def delete(self, torrent_id: str, actor: str) -> DebridTorrent:
        """Delete a torrent for a person, and return what it was. Raises `Refusal` and `StoreError`."""
        await self._ready()
        async with self.repairer.alone():
            torrent = (await self.person.details(torrent_id)).torrent
            acting = (torrent.hash, torrent.filename, ActKind.DELETE_TORRENT, actor, "debrid_deleted")
            async with self._by_hand(*acting, torrent_id=torrent_id):
                await self.person.delete(torrent_id)
            await self.repairer.deleted(torrent.hash, torrent_id)
        self._changed_soon()
        return torrent

    @asynccontextmanager
    async def _by_hand(
        self, info_hash: str, label: str, act: ActKind, actor: str, done: str, *, torrent_id: str | None = None
    ) -> AsyncIterator[None]:
        """Write down what a person is about to do, and what came of it."""
        row = await self.journal.by_hand(info_hash, label, act, actor, torrent_id)
        try:
            yield
        except AlreadyThereError:
            await self.journal.close(replace(row, status=EntryStatus.KEPT, result=Reason(key="result.debrid_there")))
            raise
        except Refusal as refusal:
            await self.journal.close(replace(row, status=EntryStatus.FAILED, result=reason_of(refusal)))
            raise
        except BaseException:
            self.journal.left_by_hand.append(row)  # whether it was done shows later
            raise
        await self.journal.close(replace(row, status=EntryStatus.DONE, result=Reason(key=f"result.{done}")))

    @callback
    def _changed_soon(self) -> None:
        """Go on with what a person began."""
        self.wake()
        self._look_soon()

    @callback
    def _look_soon(self) -> None:
        """Have the list read soon: it is another one by now."""
        self.mirror.synchronise_after(LOOK_AFTER)

    # --- when ----------------------------------------------------------------------------------------------------

    @callback
    def wake(self, pause: timedelta = timedelta()) -> None:
        """Have a round after a while."""
        self._cancel()
        if self._stopped:
            return
        if self._task is not None and not self._task.done():
            self._again = True
        else:
            self._cancel_timer = async_call_later(self._hub.hass, pause, self._due)

    @callback
    def _cancel(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._task = self._hub.in_background(self._work(), f"repairs of {self.title}")

    @callback
    def _was_synchronised(self, result: SyncResult | None) -> None:
        if result is None or "torrents" not in result.run.summary:
            return
        due = self._stock_at is None or abs(dt_util.utcnow() - self._stock_at) >= STOCK_EVERY
        # what somebody else's reading brought counts as well; what got stuck shows by nothing but the time
        if result.changed or due or self.mirror.store.mirror.revision(self.account) != self._stock_of:
            self._synchronised = result.run.started_at
            self.wake()

    @callback
    def look_at_settings(self) -> None:
        """Go by the levels as they are set now."""
        if (settings := self._hub.pilot.kernel.settings) is not self._settings:
            self._settings = settings
            self.wake()

    async def stop(self) -> None:
        """End. What is under way goes on after the next start."""
        self._stopped = True
        self._leave()
        self._cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=PARTING_SECONDS)

    # --- a round -------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Have rounds until there is nothing to do for now, and come again when there is."""
        pause = timedelta()
        while not self._stopped:
            self._again = False
            try:
                due = await self._round()
                pause = min(max(due - dt_util.utcnow(), timedelta()), LONGEST_PAUSE) if due else LONGEST_PAUSE
                self._failing = False
            except StoreError as error:
                closed = self._hub.pilot.store is not self.mirror.store  # on purpose
                if not self._failing and not closed:  # it is tried again every minute
                    LOGGER.warning("What is repaired of %s could not be written down: %s", self.title, error)
                self._failing, pause = True, STORE_PAUSE
            except Exception:  # noqa: BLE001 -- whatever it is, it must not end the repairs
                LOGGER.exception("The repairs of %s could not go on", self.title)
                pause = ERROR_PAUSE
            self._tell()
            if not self._again:
                break
        self._task = None
        self.wake(pause)

    async def _ready(self) -> None:
        """Read what was noted, once, before anything else. Raises `StoreError`."""
        async with self._loading:
            if not self._loaded:
                await self.repairer.load()
                await self.journal.load(self.repairer)
                await self._leave_deleted()
                self._handed.extend(await self.journal.handed_since(dt_util.utcnow() - HOUR))
                self._loaded = True

    async def _leave_deleted(self) -> None:
        """Bring nothing back that a person was about to delete when SOKOUL was cut off. What is still there shows."""
        for row in self.journal.left_by_hand:
            if row.act is ActKind.DELETE_TORRENT and row.parameters.get("id"):
                await self.repairer.deleted(row.parameters["hash"], row.parameters["id"])

    async def _round(self) -> datetime | None:
        await self._ready()
        await self._take_stock()
        await self.journal.speak(self.repairer)
        began_at = dt_util.utcnow()
        due = await self.repairer.run()
        if any(at >= began_at for at in self.journal.ended_at.values()):
            self._look_soon()
        await self._hand_over_lost()
        await self.journal.speak(self.repairer)
        tell_of_account(self._hub.hass, self.account, self.title, self.repairer)
        return due

    async def _take_stock(self) -> None:
        """Find what failed, as the mirror shows it since the list was read last."""
        since, self._synchronised = self._synchronised, None
        if since is None:
            return
        try:
            await self._compare_with(since)
        except StoreError:
            self._synchronised = self._synchronised or since  # it is still to be done
            raise

    async def _compare_with(self, since: datetime) -> None:
        now, self._stock_of = dt_util.utcnow(), self.mirror.store.mirror.revision(self.account)
        known = {repair.hash for repair in self.repairer.repairs}
        known |= {request.hash for request in self.repairer.requests.all}
        standings = await read_standings(self.mirror.store.mirror_view, self.account, known)
        await self.repairer.watch([each.torrent for each in standings if self.repairer.repair(each.torrent.hash)])
        found, present, complete = await asyncio.to_thread(_stock, standings, now)
        # of what ended since the list was read it shows what was before
        await self.repairer.want_all([each for each in found if self._is_news(each, since)])
        await self.repairer.overtaken({repair.hash for repair in found}, present, complete, read_at=since)
        waiting = {each.torrent.id for each in standings if each.torrent.status is _WAITING}
        await self.repairer.chosen(waiting, present, since)
        await self._settle_by_hand(since)
        protected = self._hub.pilot.kernel.settings.protected
        await self.repairer.clear_away([each for each in standings if each.torrent.hash not in protected])
        await self.repairer.forget_old()
        self._stock_at = now

    async def _settle_by_hand(self, since: datetime) -> None:
        """Find out what came of what people did when something cut it off."""
        if self.journal.left_by_hand:
            ids = [each for row in self.journal.left_by_hand if (each := row.parameters.get("id"))]
            found = await self.mirror.store.mirror_view.torrents(self.account, ids=ids, presence=Presence.PRESENT)
            await self.journal.settle_by_hand(self.repairer, {each.torrent.id for each in found}, since)

    def _is_news(self, repair: Repair, since: datetime) -> bool:
        known, ended_at = self.repairer.repair(repair.hash), self.journal.ended_at.get(repair.hash)
        return ended_at is None or ended_at < since or (known is not None and known.open)

    # --- what is lost --------------------------------------------------------------------------------------------

    async def _hand_over_lost(self) -> None:
        """Tell the *arrs of what is lost for good, a few an hour."""
        now = dt_util.utcnow()
        for repair in self.repairer.repairs:
            if not is_lost(repair) or repair.told == HANDED or self.journal.level(repair) is not Autonomy.ACT:
                continue
            if len(self._handed) == HAND_OVERS_AN_HOUR and abs(now - self._handed[0]) < HOUR:
                return
            if not self._hub.debrid_library.reachable:
                return
            self._handed.append(now)
            await self._hand_over(repair)

    async def _hand_over(
        self, repair: Repair, actor: str | None = None, asked: JournalEntry | None = None
    ) -> JournalEntry:
        """Tell the *arrs of one: it is noted first, so that it is never done twice."""
        entry = await (self.journal.lost(repair, actor, asked) if actor else self.journal.lost(repair))
        await self.repairer.note_told(repair.hash, HANDED)
        try:
            told = await self._hub.debrid_library.give_up(repair.hash)
        except Declined as declined:
            await self.repairer.note_told(repair.hash, "")
            failed = replace(entry, status=EntryStatus.FAILED, result=declined.reason)
            return await self.journal.close(failed)
        status = EntryStatus.DONE if told.reason.key == HANDED_OVER else EntryStatus.KEPT
        return await self.journal.close(replace(entry, status=status, result=told.reason, undo=told.undo))

    @callback
    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _stock(standings: Sequence[Standing], now: datetime) -> tuple[list[Repair], set[str], set[str]]:
    """Return what needs repair, and the hashes of what was looked at that is there, and that is complete.

    Accounts are large: not for the event loop.
    """
    complete = {each.torrent.hash for each in standings if each.torrent.status is DebridStatus.DOWNLOADED}
    return find(standings, now), {each.torrent.hash for each in standings}, complete


class DebridRepairs:
    """The repairs of all accounts of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.accounts: dict[str, AccountRepairs] = {}
        self._leave: list[CALLBACK_TYPE] = []
        self._closing = False
        for act in DEBRID_ACTS:
            hub.pilot.carriers[act] = self

    # --- life ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Repair each account for as long as it has a mirror."""
        self._leave = [self._hub.pilot.add_watcher(self._reconcile), self._hub.add_listener(self._reconcile)]
        self._reconcile()

    async def stop(self) -> None:
        """End; what is under way goes on after the next start."""
        while self._leave:
            self._leave.pop()()
        await asyncio.gather(*(each.stop() for each in self.accounts.values()))
        for account in self.accounts:
            forget_account(self._hub.hass, account)
        self.accounts.clear()

    @callback
    def _reconcile(self) -> None:
        mirrors = self._hub.debriding.accounts
        for account, repairs in tuple(self.accounts.items()):
            if mirrors.get(account) is not repairs.mirror:
                del self.accounts[account]
                self._hub.in_background(repairs.stop(), "end of repairs")
                if account not in self._hub.backends:
                    forget_account(self._hub.hass, account)
            else:
                repairs.look_at_settings()
        for account in mirrors.keys() - self.accounts.keys():
            self.accounts[account] = AccountRepairs(self._hub, mirrors[account])
        if not self._closing and self._orphans():
            self._closing = True
            self._hub.in_background(self._close_orphans(), "questions about an account that is gone")

    def _orphans(self) -> list[JournalEntry]:
        """Return the questions about accounts that were removed."""
        pilot = self._hub.pilot
        asked = pilot.kernel.suggestions if pilot.running else ()
        gone = [each for each in asked if each.parameters.get("account") not in self._hub.backends]
        return [each for each in gone if each.act in DEBRID_ACTS]

    async def _close_orphans(self) -> None:
        now, over = dt_util.utcnow(), Reason(key="result.over")
        try:
            for entry in self._orphans():
                closed = replace(entry, status=EntryStatus.EXPIRED, changed_at=now, result=over)
                await self._hub.pilot.kernel.write(closed)
        except StoreError as error:
            LOGGER.debug("Questions about an account that is gone stay open for now: %s", error)
        finally:
            self._closing = False

    def account(self, account_id: str) -> AccountRepairs | None:
        """Return the repairs of an account; None while it has no mirror."""
        return self.accounts.get(account_id)

    # --- the carrier of what people are asked ------------------------------------------------------------------------

    async def approve(self, entry_id: int, actor: str, now: datetime) -> JournalEntry | None:
        """Do what was suggested, if it is still needed; None when nobody is being asked about it any more."""
        del now
        asked = next((each for each in self._hub.pilot.kernel.suggestions if each.id == entry_id), None)
        if asked is None:
            return None
        account = self.accounts.get(asked.parameters["account"])
        if account is None:
            return replace(asked, result=Reason(key="result.debrid_not_there"))
        return await account.approve(asked, actor)

    def never(self, entry: JournalEntry) -> None:
        """Put a torrent on the list of what is never touched."""
        kernel = self._hub.pilot.kernel
        kernel.change(kernel.settings.with_protection(entry.parameters["hash"], protected=True))

    async def undo(self, entry: JournalEntry, actor: str, now: datetime) -> JournalEntry:
        """Allow a release again that was blocked. What was searched for instead stays."""
        kernel = self._hub.pilot.kernel
        parameters = {**entry.parameters, "undone_by": actor}
        try:
            await self._hub.debrid_library.allow_again(entry.undo or {}, entry.at)
        except Declined as declined:
            return replace(entry, result=declined.reason)
        undone = replace(
            entry,
            status=EntryStatus.UNDONE,
            changed_at=now,
            parameters=parameters,
            result=Reason(key="result.allowed_again"),
            undo=None,
        )
        return await kernel.taken_back(undone, RULES_BY_KEY.get(entry.rule))
