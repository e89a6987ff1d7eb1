"""The hub: all backends at work, and what they say together."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .connectors.registry import CONNECTORS
from .const import DOMAIN, LOGGER, START_PATIENCE
from .coordinator import BackendCoordinator
from .entity import PlatformSetup, backend_device_info, hub_device_info, part_devices
from .memory import HubMemory
from .overview import Overview
from .path_proof import PathProof
from .push import Push
from .world import WorldView

if TYPE_CHECKING:
    from datetime import datetime

    from .data import SokoulConfigEntry

type AnyCoordinator = BackendCoordinator[Any, Any]

#: One sample an hour is enough to see when a disk will be full, and a month of them is small.
SAMPLE_INTERVAL = timedelta(hours=1)


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
        self._platforms: list[PlatformSetup] = []
        self._listeners: list[Callable[[], None]] = []

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect every backend, and wait a moment for those that answer at once."""
        await self.memory.load()
        dr.async_get(self.hass).async_get_or_create_from_info(  # the backends' devices hang below it
            config_entry_id=self.entry.entry_id, device_info=hub_device_info(self.entry)
        )
        for subentry in self.entry.subentries.values():
            self._create(subentry)
        refreshes = [self._refresh_soon(backend) for backend in self.backends.values()]
        if refreshes:
            await asyncio.wait(refreshes, timeout=START_PATIENCE.total_seconds())
        self.entry.async_on_unload(async_track_time_interval(self.hass, self._take_samples, SAMPLE_INTERVAL))

    async def stop(self) -> None:
        """Let go of everything; the coordinators stop with the entry."""
        self.push.stop()
        await self.memory.save_now()

    def _create(self, subentry: ConfigSubentry) -> AnyCoordinator | None:
        connector = CONNECTORS.get(subentry.subentry_type)
        if connector is None:
            LOGGER.warning("This version of SOKOUL does not know backends of the kind %s", subentry.subentry_type)
            return None
        backend = BackendCoordinator(self.hass, self.entry, subentry, connector, self.memory)
        self.backends[subentry.subentry_id] = backend
        dr.async_get(self.hass).async_get_or_create_from_info(
            config_entry_id=self.entry.entry_id,
            config_subentry_id=backend.subentry_id,
            device_info=backend_device_info(backend),
        )
        backend.async_add_listener(lambda: self._backend_updated(backend))
        self.push.watch(backend)
        return backend

    def _refresh_soon(self, backend: AnyCoordinator) -> asyncio.Task[None]:
        return self.entry.async_create_background_task(
            self.hass, backend.async_refresh(), f"{DOMAIN} first look at {backend.title}"
        )

    # --- changes of the configuration ------------------------------------------------------------------------------

    async def apply_subentries(self) -> None:
        """Start, change and stop what differs from the configuration, and nothing else."""
        wanted = self.entry.subentries
        for backend_id in self.backends.keys() - wanted.keys():
            backend = self.backends.pop(backend_id)
            await self.push.remove(backend)
            await backend.async_shutdown()
            backend.clear_issue()
            self.memory.forget_backend(backend_id)
            self.paths.forget(backend_id)
        for backend_id, subentry in wanted.items():
            known = self.backends.get(backend_id)
            if known is None:
                if (created := self._create(subentry)) is not None:
                    for platform in self._platforms:
                        platform.add_backend(created)
                    self._refresh_soon(created)
            elif known.differs(subentry):
                self.paths.forget(backend_id)
                await known.async_reconnect(subentry)
                self._update_device(known)
                await self.push.reconcile(known)
        self.view.forget()
        self._notify()

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
        if backend.last_update_success:
            self._update_device(backend)
            self._remove_stale_parts(backend)
            if self.paths.due(backend):
                self.paths.prove_soon(backend)
        self._notify()

    @callback
    def _notify(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    @callback
    def _update_device(self, backend: AnyCoordinator) -> None:
        """Keep the device's name, address and version true; the registry writes only what changed."""
        registry = dr.async_get(self.hass)
        device = registry.async_get_device_by_identifier((DOMAIN, backend.subentry_id), self.entry.entry_id)
        if device is not None:
            registry.async_update_device(
                device.id,
                name=backend.title,
                configuration_url=backend.connection.url,
                sw_version=backend.version or device.sw_version,
            )

    @callback
    def _remove_stale_parts(self, backend: AnyCoordinator) -> None:
        """Remove the devices of disks and indexers that are gone."""
        registry = dr.async_get(self.hass)
        device = registry.async_get_device_by_identifier((DOMAIN, backend.subentry_id), self.entry.entry_id)
        if device is None or not backend.connector.parts:
            return
        present = part_devices(backend)
        for child in dr.async_entries_for_parent_device(registry, device.id):
            if not any(identifier in present for _, identifier in child.identifiers):
                registry.async_remove_device(child.id)

    # --- trends ------------------------------------------------------------------------------------------------------

    @callback
    def _take_samples(self, now: datetime) -> None:
        self.view.take_samples(now)

    async def refresh(self, backend_ids: list[str] | None = None) -> None:
        """Look at backends now, all of them unless some are named; a failure shows at its backend."""
        chosen = [self.backends[each] for each in backend_ids] if backend_ids else list(self.backends.values())
        await asyncio.gather(*(backend.async_refresh() for backend in chosen))

    @property
    def overview(self) -> Overview | None:
        """What the hub's own entities show; None until a backend has answered."""
        return self.view.overview(dt_util.utcnow())
