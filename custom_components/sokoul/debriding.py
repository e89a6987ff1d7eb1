"""The mirrors of Real-Debrid accounts at work: synchronised now and then, resumed after a restart, and looked into.

There is a mirror only while the database is open. The list is looked at every ten minutes, or as a person wants, which
is one request while it is as it was; the longer nothing changes, the seldomer, up to once an hour. That goes on while
the details of a large account are read for hours.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from . import wording
from .clients.errors import BackendError, CannotConnect, InvalidAuth, NotFound, RateLimited
from .clients.real_debrid import RealDebridClient
from .connectors.real_debrid import CONF_SYNC_MINUTES, DEFAULT_SYNC_MINUTES, KIND
from .const import DOMAIN, LOGGER
from .debrid.mirror import DETAILS_LAST, BusyError, MirrorSync, NothingToResumeError, Progress, SyncResult
from .debrid.statistics import recommendations, statistics
from .debrid_exports import Exports
from .debrid_hands import DebridReader
from .journal_report import sentence
from .model.debrid import DebridPriority
from .model.debrid_mirror import DebridFigures, SyncMode, SyncOptions, SyncRun, SyncStatus
from .store import Store, StoreError
from .store.maintenance import METRICS_KEPT

if TYPE_CHECKING:
    from .hub import Hub

EVENT_SYNC = f"{DOMAIN}_debrid_sync"
#: Home Assistant starts, and others want the disk and the processor first.
FIRST_PAUSE = timedelta(seconds=30)
INTERVAL = timedelta(minutes=DEFAULT_SYNC_MINUTES)  # unless a person wants another one
LONGEST_INTERVAL = timedelta(hours=1)
SLOWER = 1.5  # with each look at which nothing had changed
#: What was interrupted goes on after this, if the account does not ask for more. Where it gets nowhere that is twice as
#: long each time, up to `LONGEST_INTERVAL`.
RESUME_PAUSE = timedelta(minutes=1)
#: The list is looked at so soon when it was forgotten, or when details are read for hours and nobody has seen it since
#: the start.
LIST_SOON = timedelta(seconds=10)
#: Progress goes to the event bus this seldom; who watches by websocket is told of all of it.
TELL_EVERY = timedelta(seconds=5)
#: What is gone is remembered this long, with its files: links that lead to it can still be repaired.
GONE_KEPT = timedelta(days=180)
#: Figures are counted after each synchronisation, and anew after this: a part of them is about the last 24 hours.
FIGURES_LAST = timedelta(minutes=75)
#: While a synchronisation writes they are counted this often at most, and once it is over.
RECOUNTED = timedelta(seconds=10)
#: These read few details: those of what failed.
_QUICK = frozenset({SyncMode.SMART, SyncMode.ERRORS})
#: These may read details for hours without the list.
_DETAILS_FIRST = frozenset({SyncMode.DETAILS, SyncMode.RESUME})
#: What is kept of each day.
NOTED = frozenset({"torrents", "size_bytes", "failed", "gone", "with_details"})
#: A synchronisation that is under way at the end has so long to write what it has.
PARTING = timedelta(seconds=1)
#: What is stored of accounts that were removed is deleted this long after a removal or a start: by then nobody is at
#: work with them any more.
REMOVED_AFTER = timedelta(minutes=2)
#: The accounts that this installation mirrors or did: others in the database may be another one's.
MEMORY_KEY = "debrid_accounts"


class ClientErrors:
    """What the client raises, as the mirror wants it told apart."""

    any: tuple[type[Exception], ...] = (BackendError,)
    missing: tuple[type[Exception], ...] = (NotFound,)
    account: tuple[type[Exception], ...] = (CannotConnect, InvalidAuth, RateLimited)

    def pause(self, error: Exception) -> timedelta | None:
        """Return how long the account asked to be left alone."""
        return error.retry_after if isinstance(error, RateLimited) else None


class AccountMirror:
    """One account's mirror."""

    def __init__(self, hub: Hub, account: str, store: Store) -> None:
        self._hub = hub
        self.account = account
        self.store = store
        self._title = hub.backends[account].title
        self.exports = Exports(hub, self)
        self.sync = MirrorSync(
            account,
            self._reader(SyncMode.SMART, person=False),
            ClientErrors(),
            store.mirror,
            clock=dt_util.utcnow,
            on_progress=self._progressed,
        )
        self.last: SyncRun | None = None
        self._wanted = self._interval = self._preferred
        self._setback = timedelta()  # how long was waited after the last attempt that got nowhere
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._cancel_start: CALLBACK_TYPE | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = False
        self._listeners: list[Callable[[Progress], None]] = []
        self._witnesses: list[Callable[[SyncResult | None], None]] = []
        self._told_at: dict[tuple[SyncMode, datetime], datetime] = {}  # of what is under way
        self._figures: tuple[datetime, int, DebridFigures] | None = None
        self._counting = asyncio.Lock()
        self._noted: tuple[datetime, dict[str, int]] | None = None

    @property
    def title(self) -> str:
        """What the person calls the account, or called it before it was removed."""
        if (backend := self._hub.backends.get(self.account)) is not None:
            self._title = backend.title
        return self._title

    def client(self) -> RealDebridClient:
        """Return the client that the account has at the moment: it is another one after its settings were changed.

        Raises `CannotConnect` where the account was removed.
        """
        backend = self._hub.backends.get(self.account)
        if backend is None:
            raise CannotConnect("the account was removed")
        client: RealDebridClient = backend.client
        return client

    def _reader(self, mode: SyncMode, *, person: bool) -> DebridReader:
        """Return what reads the account.

        A person's synchronisation goes first, as far as somebody waits for it: thousands of details take long.
        """
        lists = DebridPriority.PERSON if person else DebridPriority.BACKGROUND
        return DebridReader(self.client, lists, lists if mode in _QUICK else DebridPriority.BACKGROUND)

    @property
    def checked_at(self) -> datetime | None:
        """When the list was last seen to its end; None: not since the start."""
        return self.sync.listed_at

    # --- when ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Have what searches go through in memory once Home Assistant has started, and synchronise soon."""
        self._cancel_start = async_at_started(self._hub.hass, self._read_names)
        self.synchronise_after(FIRST_PAUSE)

    @callback
    def _read_names(self, _hass: HomeAssistant) -> None:
        self._keep(self._hub.in_background(self._have_names(), f"names of {self.title}"))

    async def _have_names(self) -> None:
        with suppress(StoreError):  # the first synchronisation meets it, too, and says so
            await self.store.mirror.have_names(self.account)

    @property
    def _preferred(self) -> timedelta:
        """How often a person wants the list to be looked at while it changes."""
        backend = self._hub.backends.get(self.account)
        preferences = {} if backend is None else backend.preferences
        return timedelta(minutes=float(preferences.get(CONF_SYNC_MINUTES, DEFAULT_SYNC_MINUTES)))

    @callback
    def follow_settings(self) -> None:
        """Look as often as is wanted now, where that was changed."""
        if self._wanted != self._preferred:
            self._wanted = self._interval = self._preferred
            if self._cancel_timer is not None:  # one that is under way sees to it at its end
                self.synchronise_after(self._wanted)

    @callback
    def synchronise_after(self, pause: timedelta) -> None:
        """Synchronise by itself after a while."""
        self.cancel_timer()
        if not self._stopped:
            self._cancel_timer = async_call_later(self._hub.hass, pause, self._due)

    @callback
    def cancel_timer(self) -> None:
        """Don't synchronise by itself."""
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel_timer = None
        backend = self._hub.backends.get(self.account)
        if backend is None:
            return
        if (progress := self.sync.progress) is not None and progress.phase == "list":
            self.synchronise_after(LIST_SOON)  # it is being looked at, and nobody knows yet what comes of it
        elif backend.answering:
            self._keep(self._hub.in_background(self._by_itself(), f"synchronisation of {backend.title}"))
        else:
            self.synchronise_after(min(self._wanted, LONGEST_INTERVAL))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """Know of a synchronisation, to end it with everything else."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _by_itself(self) -> None:
        """Go on with what was interrupted, else look at the list; while details are read for hours, too."""
        with suppress(StoreError, BusyError, NothingToResumeError):
            with self._telling():
                resuming = not self.sync.running and await self.sync.interrupted()
            await self.synchronise(SyncMode.RESUME if resuming else SyncMode.SMART)
            if self.checked_at is not None:
                with self._telling():
                    await self.store.mirror.prune_gone(self.account, dt_util.utcnow() - GONE_KEPT)
        if self._cancel_timer is None:  # the database failed before there was a result
            self.synchronise_after(self._interval)

    # --- synchronising -------------------------------------------------------------------------------------------

    async def synchronise(
        self, mode: SyncMode, options: SyncOptions | None = None, *, person: bool = False
    ) -> SyncResult:
        """Synchronise now. Raises `BusyError`, `NothingToResumeError` and `StoreError`."""
        if not self.sync.is_busy(mode):  # while details are read the list is looked at as always
            unseen = mode in _DETAILS_FIRST and self.checked_at is None
            self.synchronise_after(LIST_SOON if unseen else self._interval)
        try:
            with self._telling():
                result = await self.sync.sync(mode, options, account=self._reader(mode, person=person))
        except StoreError:
            self._witness(None)
            raise
        finally:
            if not self.sync.running:
                self._told_at.clear()
        self._figures = None
        self.last = result.run
        self._schedule(result)
        advice: list[dict[str, str]] = []
        with suppress(StoreError):  # who asks for them is told
            await self._note_figures(await self.figures())
            language = self._hub.hass.config.language
            advice = await self.advice(wording.get(language, dt_util.get_default_time_zone()))
        ended = self._event("ended", run=result.run) | {"recommendations": advice}
        self._hub.hass.bus.async_fire(EVENT_SYNC, ended)
        self._witness(result)
        return result

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell that the database failed, unless it was closed on purpose: then it goes on at the next start."""
        try:
            yield
        except StoreError as error:
            if self._hub.pilot.store is self.store:
                LOGGER.warning("The mirror of %s could not be read or written: %s", self.title, error)
            raise

    async def _note_figures(self, figures: DebridFigures) -> None:
        """Keep the figures of the day, if they are others than the last ones: a memory card is worn by writes."""
        counts = {key: value for key, value in statistics(figures, (), compact=True).items() if key in NOTED}
        day = dt_util.utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
        if (day, counts) != self._noted:
            await self.store.debrid_history.keep_metrics(self.account, day, counts)
            self._noted = day, counts

    async def days(self) -> list[dict[str, Any]]:
        """Return the figures of each day on which the list was read, the oldest first."""
        since = dt_util.utcnow() - METRICS_KEPT
        days: dict[datetime, dict[str, Any]] = {}
        for day, name, value in await self.store.debrid_history.metrics(self.account, since):
            days.setdefault(day, {"day": day.date().isoformat()})[name] = value
        return list(days.values())

    def begin(self, mode: SyncMode, options: SyncOptions) -> asyncio.Task[SyncResult]:
        """Synchronise for a person, in the background: it goes on when nobody waits for it any more."""
        task = self._hub.begin(self.synchronise(mode, options, person=True), f"synchronisation of {self.title}")
        self._keep(task)
        return task

    @callback
    def _schedule(self, result: SyncResult) -> None:
        if result.changed or result.run.summary.get("withheld"):
            self._interval = self._wanted
        elif result.error is None:
            self._interval = min(self._interval * SLOWER, max(self._wanted, LONGEST_INTERVAL))
        pause = self._interval
        if result.error is None or result.advanced:
            self._setback = timedelta()
        if result.error is not None:
            self._setback = min(max(2 * self._setback, RESUME_PAUSE), LONGEST_INTERVAL)
            pause = max(result.pause or self._setback, self._setback)
        elif self.checked_at is None and not result.run.summary.get("restless"):  # only details were read
            pause = LIST_SOON
        self.synchronise_after(pause)

    async def stop(self) -> None:
        """End what is under way; it goes on after the next start."""
        self._stopped = True
        self.cancel_timer()
        if self._cancel_start is not None:
            self._cancel_start()
        await self.exports.stop()
        for task in (under_way := set(self._tasks)):
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=PARTING.total_seconds())

    # --- telling -------------------------------------------------------------------------------------------------

    @callback
    def add_listener(self, listener: Callable[[Progress], None]) -> CALLBACK_TYPE:
        """Call a function with each progress."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def add_witness(self, witness: Callable[[SyncResult | None], None]) -> CALLBACK_TYPE:
        """Call a function with what came of each synchronisation, when its figures are counted.

        None: the database failed, or the mirror was cleared.
        """
        self._witnesses.append(witness)
        return lambda: self._witnesses.remove(witness)

    @callback
    def _witness(self, result: SyncResult | None) -> None:
        for witness in tuple(self._witnesses):
            witness(result)

    @callback
    def _progressed(self, progress: Progress) -> None:
        for listener in tuple(self._listeners):
            listener(progress)
        now, run = dt_util.utcnow(), (progress.mode, progress.started_at)
        told_at = self._told_at.get(run)
        if progress.status is SyncStatus.RUNNING and (told_at is None or now - told_at >= TELL_EVERY):
            kind = "started" if told_at is None else "progress"
            self._told_at[run] = now
            self._hub.hass.bus.async_fire(EVENT_SYNC, self._event(kind, progress=progress))

    def _event(self, kind: str, *, progress: Progress | None = None, run: SyncRun | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {"type": kind, "account": self.title, "account_id": self.account}
        if progress is not None:
            told |= describe_progress(progress)
        if run is not None:
            told |= {"mode": str(run.mode), "status": str(run.status), "summary": dict(run.summary)}
        return told

    # --- looking -------------------------------------------------------------------------------------------------

    async def figures(self) -> DebridFigures:
        """Return what statistics are made of. Raises `StoreError`.

        Counting takes a while where there are many torrents. So whoever asks meanwhile waits for the same count, and
        while a synchronisation writes they are as of a few seconds ago.
        """
        async with self._counting:
            now, revision = dt_util.utcnow(), self.store.mirror.revision(self.account)
            if self._figures is not None:
                counted_at, counted, figures = self._figures
                lasts = FIGURES_LAST if counted == revision else RECOUNTED if self.sync.running else timedelta()
                if abs(now - counted_at) < lasts:
                    return figures
            figures = await self.store.mirror_view.figures(self.account, now, old_before=now - DETAILS_LAST)
            self._figures = now, revision, figures
            return figures

    async def advice(self, words: wording.Wording) -> list[dict[str, str]]:
        """Return what a person may want to do about the account, the most urgent first. Raises `StoreError`."""
        facts = {} if self.last is None else self.last.summary
        reasons = recommendations(await self.figures(), self.checked_at, facts)
        now = dt_util.utcnow()
        return [{"key": each.key.partition(".")[2], "text": sentence(each, now, words)} for each in reasons]

    async def clear(self, *, history: bool) -> None:
        """Forget the mirror; it is read anew soon. Raises `BusyError` and `StoreError`."""
        async with self.sync.clearing():
            try:
                await self.store.mirror.clear(self.account, history=history)
            finally:  # also where nobody knows whether it was cleared
                self._figures = self._noted = self.last = None
                self._interval = self._wanted
                self.synchronise_after(LIST_SOON)
        self._witness(None)


def describe_progress(progress: Progress) -> dict[str, Any]:
    """Return how far a synchronisation is, as plain JSON."""
    return {
        "mode": str(progress.mode),
        "status": str(progress.status),
        "phase": progress.phase,
        "done": progress.done,
        "total": progress.total,
        "per_second": None if progress.rate is None else round(progress.rate, 2),
        "seconds_left": None if progress.eta is None else round(progress.eta.total_seconds()),
        "requests": progress.requests,
        "started_at": progress.started_at.isoformat(),
    }


class Debriding:
    """The mirrors of all accounts of the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.accounts: dict[str, AccountMirror] = {}
        self._leave: list[CALLBACK_TYPE] = []
        self._swept: Store | None = None  # it holds nothing of accounts that are gone, or will soon
        self._cancel_sweep: CALLBACK_TYPE | None = None
        self._sweep: asyncio.Task[None] | None = None

    @callback
    def start(self) -> None:
        """Have a mirror of each account for as long as there are the account and the database."""
        self._leave = [self._hub.pilot.add_watcher(self._reconcile), self._hub.add_listener(self._reconcile)]
        self._reconcile()

    async def stop(self) -> None:
        """End all synchronising."""
        while self._leave:
            self._leave.pop()()
        self._cancel_sweeping()
        if self._sweep is not None:
            self._sweep.cancel()
        await asyncio.gather(*(mirror.stop() for mirror in self.accounts.values()))
        self.accounts.clear()

    @callback
    def _reconcile(self) -> None:
        store = self._hub.pilot.store
        wanted = {key for key, each in self._hub.backends.items() if each.connector.kind == KIND} if store else set()
        for account, mirror in tuple(self.accounts.items()):
            if account not in wanted or mirror.store is not store:
                del self.accounts[account]
                self._hub.in_background(mirror.stop(), "end of a mirror")
                self._swept = None
            else:
                mirror.follow_settings()
        for account in wanted - set(self.accounts):
            if store is not None:
                self.accounts[account] = mirror = AccountMirror(self._hub, account, store)
                mirror.start()
        if not self._ours >= self.accounts.keys():
            self._hub.memory.set(MEMORY_KEY, sorted(self._ours | self.accounts.keys()))
        if self._swept is not store:
            self._swept = store
            self._sweep_after(REMOVED_AFTER)

    # --- accounts that were removed ------------------------------------------------------------------------------

    @property
    def _ours(self) -> frozenset[str]:
        return frozenset(self._hub.memory.get(MEMORY_KEY, ()))

    @callback
    def _sweep_after(self, pause: timedelta) -> None:
        self._cancel_sweeping()
        self._cancel_sweep = async_call_later(self._hub.hass, pause, self._begin_sweep)

    @callback
    def _cancel_sweeping(self) -> None:
        if self._cancel_sweep is not None:
            self._cancel_sweep()
            self._cancel_sweep = None

    @callback
    def _begin_sweep(self, _now: datetime) -> None:
        self._cancel_sweep = None
        if (store := self._hub.pilot.store) is None:
            return
        if self._sweep is not None and not self._sweep.done():
            self._sweep_after(REMOVED_AFTER)
        else:
            self._sweep = self._hub.in_background(self._delete_removed(store), "removal of mirrors")

    async def _delete_removed(self, store: Store) -> None:
        """Delete what is stored of accounts that were removed, now or while nobody looked.

        A little at a time, and what an end cuts off goes on after the next start.
        """
        try:
            for account in self._ours - self._hub.entry.subentries.keys():
                await store.mirror.remove(account)
                self._hub.memory.set(MEMORY_KEY, sorted(self._ours - {account}))
        except StoreError as error:
            if self._hub.pilot.store is store:
                LOGGER.warning("What is stored of a removed Real-Debrid account could not be deleted: %s", error)
                self._sweep_after(LONGEST_INTERVAL)
