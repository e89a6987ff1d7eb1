"""The hub: all backends at work, and what they say together."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.typing import UNDEFINED
from homeassistant.util import dt as dt_util

from .connectors.base import Connection
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, DOMAIN, LOGGER, START_PATIENCE
from .coordinator import BackendCoordinator
from .debrid_issues import DebridIssues
from .debrid_library import DebridLibrary
from .debrid_repairs import DebridRepairs
from .debrid_watch import DebridWatching
from .debriding import Debriding
from .entity import PlatformSetup, backend_device_info, hub_device_info, part_devices
from .farewell import take_leave
from .governing import Governing
from .grabbing import Grabbing
from .guarding import Guarding
from .housekeeping import Housekeeping
from .linking import Linking
from .memory import HubMemory
from .overview import Overview
from .path_proof import PathProof
from .pilot import Pilot
from .push import Push
from .reauth import settle
from .rotating import Rotating
from .search_policies import POLICY
from .searching import Searching
from .watching import Watching
from .watchlist_question import WatchlistQuestion
from .world import WorldView

if TYPE_CHECKING:
    from datetime import datetime

    from .data import SokoulConfigEntry

type AnyCoordinator = BackendCoordinator[Any, Any]

#: One sample an hour is enough to see when a disk will be full, and a month of them is small.
SAMPLE_INTERVAL = timedelta(hours=1)
#: What gets stuck does so without anything that changes: it is looked for now and then.
REVIEW_INTERVAL = timedelta(minutes=5)


class Hub:
    """Starts, changes and stops backends one by one; none of them can hold up another."""

    def __init__(self, hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
        self.hass = hass
        self.entry = entry
        self.memory = HubMemory(hass, entry.entry_id)
        self.backends: dict[str, AnyCoordinator] = {}
        self.view = WorldView(self)
        self.push = Push(self)
        self.paths = PathProof(self)
        self.pilot: Pilot = Pilot(self)
        self.guarding = Guarding(self)
        self.governing = Governing(self)
        self.debriding = Debriding(self)
        self.debrid_library = DebridLibrary(self)
        self.debrid_repairs: DebridRepairs = DebridRepairs(self)
        self.linking: Linking = Linking(self)
        self.debrid_watching = DebridWatching(self)
        self.debrid_issues = DebridIssues(self)
        self.rotating = Rotating(self)
        self.searching: Searching = Searching(self)
        self.grabbing: Grabbing = Grabbing(self)
        self.watching: Watching = Watching(self)
        self.watchlist_question = WatchlistQuestion(self)
        self.housekeeping: Housekeeping = Housekeeping(self)
        self._platforms: list[PlatformSetup] = []
        self._listeners: list[Callable[[], None]] = []

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect every backend, and wait a moment for those that answer at once."""
        await self.memory.load()
        self.memory.keep_backends(self.entry.subentries)
        self._update_own_device()  # the backends' devices hang below it
        for subentry in self.entry.subentries.values():
            self._create(subentry)
        refreshes = [self._refresh_soon(backend) for backend in self.backends.values()]
        if refreshes:
            await asyncio.wait(refreshes, timeout=START_PATIENCE.total_seconds())
        self.guarding.start()
        self.governing.start()
        await self.pilot.start()
        self.searching.start()
        self.grabbing.start()
        self.housekeeping.start()
        self.debriding.start()
        self.debrid_library.start()
        self.debrid_repairs.start()
        self.linking.start()
        self.debrid_watching.start()
        self.debrid_issues.start()
        self.watching.start()
        self.watchlist_question.start()
        self.rotating.start()  # what it brings to its end goes into the journal
        self.entry.async_on_unload(async_at_started(self.hass, self.push.start))
        self.entry.async_on_unload(async_track_time_interval(self.hass, self._take_samples, SAMPLE_INTERVAL))
        self.entry.async_on_unload(async_track_time_interval(self.hass, self._time_passed, REVIEW_INTERVAL))

    async def stop(self) -> None:
        """End all work, then write what it left to remember."""
        self.watchlist_question.stop()
        await self.watching.stop()
        self.grabbing.stop()
        await self.searching.stop()
        await self.linking.stop()
        self.debrid_issues.stop()
        self.debrid_watching.stop()
        await self.debrid_repairs.stop()
        await self.debrid_library.stop()
        await self.debriding.stop()
        await self.housekeeping.stop()
        await self.pilot.stop()
        await self.rotating.stop()
        await self.guarding.stop()
        await self.governing.stop()
        await asyncio.gather(*(backend.async_shutdown() for backend in self.backends.values()))
        self.push.stop()
        await self.memory.save_now()

    def _create(self, subentry: ConfigSubentry) -> AnyCoordinator | None:
        if subentry.subentry_type == POLICY:
            return None  # it is no backend; whoever searches reads it
        connector = CONNECTORS.get(subentry.subentry_type)
        if connector is None:
            LOGGER.warning("This version of SOKOUL does not know backends of the kind %s", subentry.subentry_type)
            return None
        backend = BackendCoordinator(self.hass, self.entry, subentry, connector, self.memory)
        self.backends[subentry.subentry_id] = backend
        device = dr.async_get(self.hass).async_get_or_create_from_info(
            config_entry_id=self.entry.entry_id,
            config_subentry_id=backend.subentry_id,
            device_info=backend_device_info(backend),
        )
        backend.device_id = device.id
        backend.async_add_listener(lambda: self._backend_updated(backend))
        return backend

    def in_background(self, work: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        """Do something beside everything else, for as long as the entry is loaded."""
        return self.entry.async_create_background_task(self.hass, work, f"{DOMAIN} {what}")

    def begin[ResultT](self, work: Coroutine[Any, Any, ResultT], what: str) -> asyncio.Task[ResultT]:
        """Do something that goes on when nobody waits for it any more. What goes wrong it tells itself."""
        task = self.entry.async_create_background_task(self.hass, work, f"{DOMAIN} {what}")
        task.add_done_callback(_look_away)
        return task

    def _refresh_soon(self, backend: AnyCoordinator) -> asyncio.Task[None]:
        return self.in_background(backend.async_refresh(), f"first look at {backend.title}")

    # --- changes of the configuration ------------------------------------------------------------------------------

    @callback
    def apply_subentries(self) -> None:
        """Start, change and stop what differs from the configuration, and nothing else. Nothing waits for a backend."""
        wanted = self.entry.subentries
        for backend_id in self.backends.keys() - wanted.keys():
            self._remove(self.backends.pop(backend_id))
        for backend_id, subentry in wanted.items():
            known = self.backends.get(backend_id)
            if known is None:
                if (created := self._create(subentry)) is not None:
                    for platform in self._platforms:
                        platform.add_backend(created)
                    self._refresh_soon(created)
            elif known.differs(subentry):
                self.paths.forget(backend_id)
                self.in_background(self._change(known, subentry), f"change of {known.title}")
        self._update_own_device()
        self.view.forget_topology()
        self._notify()

    def _update_own_device(self) -> None:
        """Name the hub's device as the entry; that also makes it when it is not there."""
        dr.async_get(self.hass).async_get_or_create_from_info(
            config_entry_id=self.entry.entry_id, device_info=hub_device_info(self.entry)
        )

    def _remove(self, backend: AnyCoordinator) -> None:
        settle(self.hass, self.entry, backend.subentry_id)
        self.paths.forget(backend.subentry_id)
        self.in_background(self._take_leave(backend), f"leave of {backend.title}")

    async def _take_leave(self, backend: AnyCoordinator) -> None:
        await backend.async_shutdown()
        await self.push.forget(backend)
        await take_leave(self.hass, backend.connector, backend.connection, backend.title, backend.memory)
        self.memory.forget_backend(backend.subentry_id)

    async def _change(self, backend: AnyCoordinator, subentry: ConfigSubentry) -> None:
        if Connection.from_data(subentry.data[CONF_CONNECTION]).unique_part != backend.connection.unique_part:
            await self.governing.leave_address(backend)
        await backend.async_change(subentry)
        if self.backends.get(backend.subentry_id) is backend:  # not removed while it was being asked
            self._update_device(backend)
            await self.push.reconcile(backend)

    # --- entities --------------------------------------------------------------------------------------------------

    def add_platform(self, platform: PlatformSetup) -> None:
        """Make the entities of a platform for every backend, now and later."""
        self._platforms.append(platform)
        for backend in self.backends.values():
            platform.add_backend(backend)

    @callback
    def add_listener(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever the world may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def _backend_updated(self, backend: AnyCoordinator) -> None:
        self.view.forget()
        if backend.answering:
            self._update_device(backend)
            self.push.backend_updated(backend)
            if self.paths.due(backend):
                self.paths.prove_soon(backend)
        self._notify()

    async def _catch_up(self) -> None:
        await self.view.catch_up(dt_util.utcnow())
        self._notify()

    @callback
    def _notify(self) -> None:
        if self.view.falls_behind(dt_util.utcnow()):
            self.in_background(self._catch_up(), "joining downloads")
        for listener in tuple(self._listeners):
            listener()

    @callback
    def _update_device(self, backend: AnyCoordinator) -> None:
        """Keep the name, address and version of a device true; the registry writes only what changed."""
        registry = dr.async_get(self.hass)
        if registry.async_get(backend.device_id) is None:
            return  # the subentry was removed while the backend was being asked
        registry.async_update_device(
            backend.device_id,
            name=backend.title,
            configuration_url=backend.connection.web_page,
            sw_version=backend.version or UNDEFINED,
        )
        if backend.connector.parts and backend.answering:
            self._update_parts(backend)

    @callback
    def _update_parts(self, backend: AnyCoordinator) -> None:
        """Keep the devices of disks and indexers and their names, and remove those of what is gone."""
        registry = dr.async_get(self.hass)
        present = part_devices(backend)
        for info in present.values():
            registry.async_get_or_create_child_from_info(
                config_entry_id=self.entry.entry_id, config_subentry_id=backend.subentry_id, device_info=info
            )
        for child in dr.async_entries_for_parent_device(registry, backend.device_id):
            if not any(identifier in present for _, identifier in child.identifiers):
                registry.async_remove_device(child.id)

    # --- trends ------------------------------------------------------------------------------------------------------

    @callback
    def _take_samples(self, now: datetime) -> None:
        self.view.take_samples(now)

    @callback
    def _time_passed(self, _now: datetime) -> None:
        self.view.forget()
        self.paths.prove_due()
        self._notify()

    async def refresh(self, backend_ids: Iterable[str]) -> None:
        """Look at everything of backends now; a failure shows at its backend."""
        backends = [self.backends[each] for each in dict.fromkeys(backend_ids)]
        for backend in backends:
            backend.reader.forget()
        await asyncio.gather(*(backend.async_refresh() for backend in backends))

    @property
    def overview(self) -> Overview | None:
        """What the hub's own sensors show; None unless every download client answers."""
        return self.view.overview(dt_util.utcnow())


def _look_away(task: asyncio.Task[Any]) -> None:
    """Take the error of what nobody waits for any more: it was told where it happened."""
    if not task.cancelled():
        task.exception()
