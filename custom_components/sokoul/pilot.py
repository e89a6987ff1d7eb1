"""The autopilot at work in Home Assistant: its store, and its turns.

Without a database it only watches and says nothing: nothing is done that could not be written down first.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from . import store
from .autopilot.actuator import Actuator
from .autopilot.desk import Desk
from .autopilot.inspector import BackendInspector
from .autopilot.kernel import Kernel
from .autopilot.ports import Carrier
from .autopilot.reviver import Reviver
from .autopilot.rules.registry import RULES
from .autopilot.settings import PilotSettings
from .autopilot.turns import Turns
from .const import DOMAIN, LOGGER, START_PATIENCE
from .hands import HubHands
from .healing import ALL_RULES, Tally
from .history import CONF_DATABASE_URL, Retry, Where, may_pass, open_history
from .issues import warn
from .model.journal import ActKind, JournalEntry
from .notify_people import NotifyPeople
from .revive import Revive
from .stored_settings import read_settings

if TYPE_CHECKING:
    from .hub import Hub

SETTINGS_KEY = "autopilot"
#: Polls come every few seconds; what is stuck has been so for hours.
SHORTEST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)
#: A database that fails is tried again after this.
FAILING_PAUSE = timedelta(minutes=1)
#: A turn that is under way at the end has so long to end by itself; only a search takes longer.
PARTING = timedelta(seconds=1)
#: The journal keeps this much of what is over; the rest is deleted once a day.
JOURNAL_KEPT = timedelta(days=180)
JOURNAL_ROWS = 20_000
PRUNE_EVERY = timedelta(days=1)

ISSUE = "database"
ISSUE_SETTINGS = "settings_unreadable"


class Pilot:
    """Gives the autopilot its turns, and tells its listeners of each entry of the journal."""

    kernel: Kernel
    turns: Turns
    desk: Desk
    reviver: Reviver
    limits = store.Limits()

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._hass = hub.hass
        self._listeners: list[Callable[[JournalEntry], None]] = []
        self._watchers: list[Callable[[], None]] = []
        self._leave: list[CALLBACK_TYPE] = []
        self.tally: Tally = Tally()
        self.revive: Revive = Revive(hub)
        self.carriers: dict[ActKind, Carrier] = {}  # of what others of the hub's parts carry out; they add themselves
        self.people: NotifyPeople = NotifyPeople(hub)
        self._turn: asyncio.Task[None] | None = None
        self._last_turn = dt_util.utcnow() - SHORTEST_PAUSE
        self._next_turn: datetime | None = None
        self._cancel_timer: CALLBACK_TYPE = _nothing
        self._missed = False
        self.store: store.Store | None = None
        self.opened: Where = self.where  # what it works with, or would if that could be opened
        self._life = asyncio.Lock()  # one change at a time, and each to its end
        self._opening: asyncio.Task[None] | None = None
        self._resting = False  # what ends now begins nothing new
        self._pruned_at: datetime | None = None
        self._retry: Retry = Retry(hub.hass, self._open_soon)
        self._failing = False  # the database is open, and can't be written at the moment
        self.last_error: str | None = None  # what went wrong last with the database or with a turn

    @property
    def path(self) -> Path:
        """Where the database is, unless it is a PostgreSQL."""
        return Path(self._hass.config.path(f"{DOMAIN}.db"))

    @property
    def where(self) -> Where:
        """What was chosen: the address of a PostgreSQL, or the file."""
        address: str = self._hub.entry.options.get(CONF_DATABASE_URL, "")
        return address or self.path

    @property
    def running(self) -> bool:
        """Whether it watches: there is a database to write to."""
        return self.store is not None

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the database, remember, and begin. Nobody waits for long: it may be locked, or a server be silent."""
        async with self._life:
            await self._start()

    async def _start(self) -> None:
        self.opened, self._resting = self.where, False
        opening = self._open_soon()
        if not store.is_postgresql(self.opened):
            await asyncio.wait({opening}, timeout=START_PATIENCE.total_seconds())

    @callback
    def _open_soon(self) -> asyncio.Task[None]:
        self._opening = self._hub.in_background(self._open(), "opening of the history")
        return self._opening

    async def _open(self) -> None:
        try:
            opened = await open_history(self._hass, self.opened, limits=self.limits, on_failure=self._store_failed)
            try:
                await self._begin(opened)
            except BaseException:  # it could be opened, but not be read; or nobody wants it any more
                with suppress(store.StoreError):
                    await opened.close()
                raise
        except store.StoreError as error:
            if not self._resting:
                self._no_store(error)
            return
        if self._resting:
            with suppress(store.StoreError):
                await opened.close()
            return
        self.store = opened
        self._retry.reset()
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE)
        self._leave = [
            self._hub.add_listener(self.wake),
            self._hass.bus.async_listen(EVENT_HOMEASSISTANT_FINAL_WRITE, self._final_write),
        ]
        self.people.start()
        self.wake()
        self._changed()

    async def _begin(self, opened: store.Store) -> None:
        hands = HubHands(self._hub)
        self.kernel = Kernel(
            rules=RULES,
            journal=opened.journal,
            store=opened.memory,
            actuator=Actuator(hands),
            inspector=BackendInspector(hands, lambda: self._hub.view.world(dt_util.utcnow())),
            settings=self._load_settings(),
            on_entry=self._tell,
            on_settings=self._save_settings,
        )
        self.turns = Turns(self.kernel)
        self.reviver = Reviver(self.kernel, self.revive)
        self.desk = Desk(self.kernel, {**self.carriers, ActKind.RESTART: self.reviver})
        now = dt_util.utcnow()
        await self.kernel.start(now)
        await self.tally.load(opened.journal)
        self._pruned_at = None

    async def rest(self) -> None:
        """Have no more turns, and open nothing."""
        self._resting = True
        if self.store is not None and self.store.end_hold():
            LOGGER.warning("SOKOUL ends while a backup is made: the history may not be whole in it")
        for task in (self._opening, self._turn):
            if task is not None:
                await asyncio.wait({task}, timeout=PARTING.total_seconds())  # a read of the database is not cut off
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._retry.cancel()
        self._cancel_timer()
        self._next_turn = None
        while self._leave:  # only now: an opening that comes to its end listens
            self._leave.pop()()
        await self.people.stop()

    async def stop(self) -> None:
        """Store what was learned, and let go of the database."""
        async with self._life:
            await self._stop()

    async def _stop(self) -> None:
        await self.rest()
        if self.store is not None:
            opened, self.store, self._failing = self.store, None, False
            with suppress(store.StoreError):
                await self.kernel.save(dt_util.utcnow())
            with suppress(store.StoreError):
                await opened.close()
            self._changed()

    async def change_database(self) -> None:
        """Go over to what was chosen; nothing else is disturbed."""
        async with self._life:
            await self._stop()
            await self._start()

    async def begin_anew(self) -> Path:
        """Set the database aside and begin with an empty one. Returns where the old one is now. Raises OSError."""
        async with self._life:
            await self._stop()
            aside = await store.set_aside(self.path, now=dt_util.utcnow())
            await self._start()
            if self._opening is not None:  # who asked for it wants to know whether it works
                await asyncio.wait({self._opening})
        return aside

    async def _final_write(self, _event: Event) -> None:
        """Home Assistant stops without unloading entries."""
        await self.stop()

    # --- turns ---------------------------------------------------------------------------------------------------

    @callback
    def wake(self) -> None:
        """Have a turn soon: something changed."""
        self._turn_at(self._last_turn + SHORTEST_PAUSE)

    @callback
    def _turn_at(self, at: datetime) -> None:
        """Have a turn at this moment, if not before."""
        if self.store is None or self._resting or (self._next_turn is not None and self._next_turn <= at):
            return
        self._cancel_timer()
        self._next_turn = at
        pause = max((at - dt_util.utcnow()).total_seconds(), 0)
        self._cancel_timer = async_call_later(self._hass, pause, self._begin_turn)

    @callback
    def _begin_turn(self, _now: datetime) -> None:
        self._cancel_timer, self._next_turn = _nothing, None
        if self._turn is not None and not self._turn.done():
            self._turn_at(dt_util.utcnow() + SHORTEST_PAUSE)  # a search takes its time
            return
        self._turn = self._hub.in_background(self._have_turn(), "autopilot")

    async def _have_turn(self) -> None:
        self._last_turn = dt_util.utcnow()
        if self._failing and not await self._works_again():
            self._turn_at(dt_util.utcnow() + FAILING_PAUSE)
            return
        due = min(filter(None, (await self._take_turn(), await self._look_after_backends())), default=None)
        now = dt_util.utcnow()
        await self._prune(now)
        if self.store is not None:
            await self.tally.look(self.kernel, now)
            self._changed()
        self._turn_at(min(max(due, now + SHORTEST_PAUSE), now + LONGEST_PAUSE) if due else now + LONGEST_PAUSE)

    async def _take_turn(self) -> datetime | None:
        """Have one turn. Nothing that goes wrong in it ends the next one."""
        now = dt_util.utcnow()
        try:
            world, index, changes = await self._hub.view.follow(now)
            if self._missed:  # what changed in a turn that was not finished is not known any more
                changes = replace(changes, changed=frozenset(download.id for download in index))
            self._missed = True
            due = await self.turns.take(world, index, changes, now)
            self._missed = False
        except store.StoreError as error:
            self._store_failed(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must not end the watch
            self.last_error = repr(error)
            LOGGER.exception("The autopilot could not finish its turn")
        else:
            return due
        return None

    async def _look_after_backends(self) -> datetime | None:
        """Have the turn of the backends themselves. Nothing that goes wrong in it ends the next one."""
        now = dt_util.utcnow()
        try:
            return await self.reviver.look(await self.revive.patients(now), now)
        except store.StoreError as error:
            self._store_failed(error)
        except Exception:  # noqa: BLE001 -- as above
            LOGGER.exception("The autopilot could not look after the backends")
        return None

    async def _prune(self, now: datetime) -> None:
        """Delete what is long over, once a day."""
        if self.store is None or (self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY):
            return
        self._pruned_at = now
        try:
            await self.store.prune(now - JOURNAL_KEPT, JOURNAL_ROWS)
        except store.StoreError as error:
            self._store_failed(error)

    # --- settings ------------------------------------------------------------------------------------------------

    def _load_settings(self) -> PilotSettings:
        settings, lost = read_settings(self._hub.memory.get(SETTINGS_KEY, {}), ALL_RULES)
        if lost:
            names = ", ".join(lost)
            LOGGER.error("Some stored settings of the autopilot can't be read, and are at their defaults: %s", names)
            warn(self._hass, ISSUE_SETTINGS, {"names": names})
        return settings

    def _save_settings(self, settings: PilotSettings) -> None:
        self._hub.memory.set(SETTINGS_KEY, settings.as_json())
        warn(self._hass, ISSUE_SETTINGS, None)  # all that is stored can be read now
        self._changed()
        self.wake()

    # --- telling -------------------------------------------------------------------------------------------------

    @callback
    def add_listener(self, listener: Callable[[JournalEntry], None]) -> Callable[[], None]:
        """Call a function with each entry of the journal that is new or changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def add_watcher(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever settings changed, something was done, or a turn is over."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    @callback
    def _tell(self, entry: JournalEntry) -> None:
        self.tally.note(entry)
        for listener in tuple(self._listeners):
            listener(entry)
        self._changed()

    @callback
    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    # --- a database that does not work ---------------------------------------------------------------------------

    @callback
    def _store_failed(self, error: store.StoreError) -> None:
        """Say so once, and have no turns until it works again. What won't pass by itself is closed."""
        self.last_error = str(error)
        if isinstance(error, (store.Damaged, store.UnknownEntry)):
            self._hub.in_background(self._close_failed(self.store, error), "end of a database that fails")
        elif self.store is not None and not self._failing:
            self._failing = True
            LOGGER.error("The autopilot's database does not work: %s", error)
            self._tell_of_database("failing", error)
            self._turn_at(dt_util.utcnow() + FAILING_PAUSE)

    async def _works_again(self) -> bool:
        """Tell whether the database can be written again."""
        try:
            await self.kernel.save(dt_util.utcnow())
        except store.StoreError as error:
            self._store_failed(error)
            return False
        self._failing = False
        LOGGER.info("The autopilot's database works again")
        ir.async_delete_issue(self._hass, DOMAIN, ISSUE)
        return True

    async def _close_failed(self, failed: store.Store | None, error: store.StoreError) -> None:
        """Let go of a damaged database. One that somebody changed is read again: what is known here is not in it."""
        async with self._life:
            if failed is None or self.store is not failed:
                return  # that was seen to
            await self._stop()
            if isinstance(error, store.Damaged):
                self._no_store(error)
            else:
                LOGGER.warning("The autopilot's database was changed by somebody else: %s", error)
                await self._start()

    def _no_store(self, error: store.StoreError) -> None:
        """Say that there is no history, and go on without. What may pass is tried again."""
        self.last_error = str(error)
        LOGGER.error("The autopilot is off, because its database does not work: %s", error)
        if may_pass(error):
            self._retry.later()
        kind = "damaged" if isinstance(error, store.Damaged) else "other"
        if store.is_postgresql(self.opened):
            kind = "server"
        self._tell_of_database(kind, error)

    def _tell_of_database(self, kind: str, error: store.StoreError) -> None:
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            ISSUE,
            is_fixable=kind == "damaged",
            severity=ir.IssueSeverity.ERROR,
            translation_key=f"database_{kind}",
            translation_placeholders={"path": str(self.path), "detail": str(error)},
        )


def _nothing() -> None:
    """Cancel what was never begun."""
