"""Noticing what Radarr and Sonarr import, so that media servers are asked to look for it.

Nothing is asked while no media server was chosen. What may have been an import shows in what is read of an *arr anyway:
a download left its queue, or it lacks fewer titles. Then its history is asked, once, whether it was; and now and then:
something better that came within a minute shows nowhere else. What was imported before the first look is no news.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from .clients.arr import ArrClient
from .clients.errors import BackendError
from .const import LOGGER
from .model.backend import ARR_KINDS
from .model.library import ArrSnapshot
from .model.releases import HistoryKind

if TYPE_CHECKING:
    from .hub import Hub

#: The history is asked for so much more than the time since it was last read: the clock of an *arr may be behind.
MARGIN = timedelta(hours=1)
#: What left no trace is found after this at the latest.
ANYWAY = timedelta(minutes=30)


@dataclass(slots=True)
class _Known:
    """What is known of one *arr."""

    client: ArrClient
    snapshot: ArrSnapshot
    downloads: frozenset[str | int]
    asked_at: datetime  # its history, whether it answered or not
    due: bool = True  # it is to be asked
    owed: bool = False  # it didn't answer
    read_at: datetime | None = None  # None: not yet, so what it has is no news
    imports: frozenset[int] = frozenset()  # what it had then


class ImportWatch:
    """Tells when any of the *arrs has imported something."""

    def __init__(self, hub: Hub, *, wanted: Callable[[], bool], imported: Callable[[], None]) -> None:
        """`wanted` tells whether anybody wants to know; `imported` is called."""
        self._hub = hub
        self._wanted = wanted
        self._imported = imported
        self._known: dict[str, _Known] = {}
        self._reading = False
        self._leave: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> None:
        """Look whenever something new was read."""
        self._leave = self._hub.add_listener(self.look)

    @callback
    def stop(self) -> None:
        """Look no more."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        self._known.clear()

    @callback
    def look(self) -> None:
        """Find out where something may have been imported. To be called when it is wanted, or no more, as well."""
        if not self._wanted():
            self._known.clear()
            return
        now = dt_util.utcnow()
        arrs = {key: each for key, each in self._hub.backends.items() if each.connector.kind in ARR_KINDS}
        for gone in self._known.keys() - arrs.keys():
            del self._known[gone]
        for key, backend in arrs.items():
            if not backend.answering:
                continue
            known, snapshot = self._known.get(key), backend.data
            if known is None or known.client is not backend.client:
                self._known[key] = _Known(backend.client, snapshot, _downloads(snapshot), now)
                continue
            known.due |= now - known.asked_at >= ANYWAY
            if snapshot is not known.snapshot:
                downloads = _downloads(snapshot)
                left = not known.downloads <= downloads
                known.due |= known.owed or left or _lacks_less(known.snapshot, snapshot)
                known.snapshot, known.downloads = snapshot, downloads
        if not self._reading and any(each.due for each in self._known.values()):
            self._reading = True
            self._hub.in_background(self._read(), "reading of what was imported")

    async def _read(self) -> None:
        try:
            for key in tuple(self._known):
                if (known := self._known.get(key)) is not None and known.due:  # it may be gone by its turn
                    known.due = False
                    await self._read_one(known)
        finally:
            self._reading = False

    async def _read_one(self, known: _Known) -> None:
        known.asked_at = now = dt_util.utcnow()
        try:
            events = await known.client.history((known.read_at or now) - MARGIN)
        except BackendError as error:
            LOGGER.debug("What was imported is not known for now: %s", error)
            known.owed = True  # it is asked again when it shows something new
            return
        imports = frozenset(event.id for event in events if event.kind is HistoryKind.IMPORTED)
        if known.read_at is not None and not imports <= known.imports:
            self._imported()
        known.owed, known.read_at, known.imports = False, now, imports


def _downloads(snapshot: ArrSnapshot) -> frozenset[str | int]:
    return frozenset(item.download_id or item.ids[0] for item in snapshot.queue)


def _lacks_less(before: ArrSnapshot, after: ArrSnapshot) -> bool:
    return after.missing < before.missing or after.cutoff_unmet < before.cutoff_unmet
