"""Looking after the database at night: copies, a check once a week, and what is old deleted every six hours.

A file of SQLite is copied and checked here. A PostgreSQL has tools of its own for both, and is only pruned.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_track_time_change, async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .issues import warn
from .store import OnServer, Store, StoreError

if TYPE_CHECKING:
    from .hub import Hub

SETTINGS_KEY = "housekeeping"
ISSUE_COPY = "store_copy"
#: In the configuration folder.
COPIES = f"{DOMAIN}_copies"
COPIES_MOST = 30
PRUNE_EVERY = timedelta(hours=6)
#: Local time. Home Assistant's own nightly work begins at four.
NIGHT = time(3, 40)
#: Monday: the file is checked, and written anew where that pays.
WEEKLY_ON = 0


class Work(StrEnum):
    """What can be done with a database."""

    CHECK = "check"
    COMPACT = "compact"
    COPY = "copy"
    REBUILD = "rebuild"


@dataclass(frozen=True, slots=True, kw_only=True)
class HousekeepingSettings:
    """What happens by itself."""

    copies: int = 3  # the newest that stay, 0: none is made
    weekly: bool = True  # the check, and making the file smaller where that pays

    @classmethod
    def read(cls, stored: object) -> HousekeepingSettings:
        """Read what was stored; what makes no sense is at its default."""
        given: Mapping[str, Any] = stored if isinstance(stored, Mapping) else {}
        copies, weekly, usual = given.get("copies"), given.get("weekly"), cls()
        return cls(
            copies=min(max(copies, 0), COPIES_MOST) if type(copies) is int else usual.copies,
            weekly=weekly if isinstance(weekly, bool) else usual.weekly,
        )


class Housekeeping:
    """Looks after the database that the autopilot has open. What goes wrong is said, and tried again the next time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._hass = hub.hass
        self._leave: list[CALLBACK_TYPE] = []
        self._turn = asyncio.Lock()  # a person may ask while it is at work
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def settings(self) -> HousekeepingSettings:
        """What was chosen."""
        return HousekeepingSettings.read(self._hub.memory.get(SETTINGS_KEY, {}))

    def change(self, settings: HousekeepingSettings) -> None:
        """Keep what was chosen; it counts from the next night."""
        self._hub.memory.set(SETTINGS_KEY, asdict(settings))
        if not settings.copies:
            warn(self._hass, ISSUE_COPY, None)

    @property
    def folder(self) -> Path:
        """Where copies are."""
        return Path(self._hass.config.path(COPIES))

    # --- when ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Begin to look after it."""
        self._leave = [
            async_track_time_interval(self._hass, self._time_to_prune, PRUNE_EVERY),
            async_track_time_change(self._hass, self._night, hour=NIGHT.hour, minute=NIGHT.minute, second=0),
        ]

    async def stop(self) -> None:
        """End what is under way: the file is whole at any moment."""
        while self._leave:
            self._leave.pop()()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @callback
    def _time_to_prune(self, now: datetime) -> None:
        self._begin(self._prune(now), "deletion of what is old")

    @callback
    def _night(self, now: datetime) -> None:
        weekly = dt_util.as_local(now).weekday() == WEEKLY_ON
        self._begin(self._look_after(weekly=weekly), "care of the database")

    @callback
    def _begin(self, work: Any, what: str) -> None:
        task = self._hub.in_background(work, what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prune(self, now: datetime) -> None:
        if (store := self._hub.pilot.store) is not None:
            try:
                await store.maintenance.prune(now)
            except StoreError as error:  # the autopilot meets it, too, and says so
                LOGGER.warning("What is old could not be deleted from the database: %s", error)

    async def _look_after(self, *, weekly: bool) -> None:
        """Check it first: a copy of what is damaged would take the place of a good one."""
        async with self._turn:
            store, settings = self._hub.pilot.store, self.settings
            if store is None:
                return
            try:
                if weekly and settings.weekly:
                    await store.maintenance.check()
                    if (await store.maintenance.room()).pays:
                        await store.maintenance.compact()
                if settings.copies:
                    await self._copy(store)
            except OnServer:
                return
            except StoreError as error:  # damage is told by the store itself, a copy that failed below
                LOGGER.warning("The database could not be looked after: %s", error)

    async def _copy(self, store: Store) -> Path:
        try:
            path = await store.maintenance.copy(self.folder, dt_util.utcnow(), keep=max(self.settings.copies, 1))
        except OnServer:
            raise
        except StoreError as error:
            warn(self._hass, ISSUE_COPY, {"path": str(self.folder), "detail": str(error)})
            raise
        warn(self._hass, ISSUE_COPY, None)
        return path

    # --- because a person asks -----------------------------------------------------------------------------------

    async def do(self, work: Work, store: Store) -> dict[str, Any]:
        """Do it now, and say what came of it, as plain JSON. Raises `StoreError` and, for rebuilding, OSError."""
        async with self._turn:
            before = await store.maintenance.room()
            told: dict[str, Any] = {"what": str(work)}
            match work:
                case Work.CHECK:
                    await store.maintenance.check()
                case Work.COMPACT:
                    told["size_before_bytes"] = before.size
                    before = await store.maintenance.compact()
                case Work.COPY:
                    told["path"] = str(await self._copy(store))
                case Work.REBUILD:
                    told["path"] = str(await self._hub.pilot.begin_anew())
                    if (anew := self._hub.pilot.store) is None:
                        raise StoreError("the new database can't be opened either")
                    before = await anew.maintenance.room()
            return told | {"size_bytes": before.size, "waste_bytes": before.waste}
