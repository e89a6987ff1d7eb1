"""The hub's view of the world: joined when somebody asks, and only as far as something changed."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
import time
from typing import TYPE_CHECKING, Any

from .connectors.base import Connector
from .const import LOGGER
from .model.backend import DOWNLOAD_CLIENT_KINDS, Backend
from .model.paths import JudgedMap
from .model.topology import Correction, Topology, infer
from .model.world import Changes, Counts, DownloadIndex, World, join_counts
from .overview import Overview

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .guarding import Guarding
    from .hub import Hub

#: Free space is sampled hourly; a month shows a trend.
SAMPLES_KEPT = timedelta(days=30)
SAMPLES_KEY = "free_samples"
CORRECTIONS_KEY = "corrections"
#: Who serves whom changes when a person changes it; the queue's hashes that prove it change all the time.
TOPOLOGY_INTERVAL = timedelta(minutes=5)
#: Joining this many torrents or queue items at once takes longer than the event loop should be held up.
MANY_TORRENTS = 1000


class WorldView:
    """Keeps what was joined for as long as it is true."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._world: World | None = None
        self._topology = Topology()
        self._topology_at: datetime | None = None
        self._topology_of: set[str] = set()  # the backends that had answered then
        self._index = DownloadIndex()
        self._index_lock = asyncio.Lock()  # held while another thread has the index
        self._overview: Overview | None = None
        self._last_overview: Overview | None = None
        self.path_maps: dict[str, tuple[JudgedMap, ...]] = {}

    # --- joining -----------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Join again when asked: something changed."""
        self._world = self._overview = None

    def forget_topology(self) -> None:
        """Infer again who serves whom when asked."""
        self._topology_at = None
        self.forget()

    def world(self, now: datetime) -> World:
        """Return everything that is known now."""
        if self._world is None:
            backends = {each.subentry_id: as_backend(each, self._hub.guarding) for each in self._hub.backends.values()}
            answered = {backend_id for backend_id, backend in backends.items() if backend.snapshot is not None}
            due = self._topology_at is None or now - self._topology_at >= TOPOLOGY_INTERVAL
            if due or answered != self._topology_of:
                self._topology = infer(backends, self.corrections, self._topology)
                self._topology_at, self._topology_of = now, answered
            self._world = World(backends=backends, topology=self._topology, path_maps=dict(self.path_maps))
        return self._world

    def falls_behind(self, now: datetime) -> bool:
        """Tell whether so much changed at once that joining it belongs beside the event loop, or is being joined."""
        return self._index_lock.locked() or self._index.behind(self.world(now)) > MANY_TORRENTS

    async def catch_up(self, now: datetime) -> None:
        """Join what is too much for the event loop."""
        async with self._index_lock:
            while self._index.behind(self.world(now)) > MANY_TORRENTS:  # there may be more by the time it is done
                # The event loop lets go of Python's global lock whenever it calls the system, several times in one
                # turn, and would wait 5 ms each time to have it back from a thread that does nothing but compute.
                join = partial(self._index.update, self.world(now), now, give_way=partial(time.sleep, 0))
                await self._hub.hass.async_add_executor_job(join)
                self._overview = None

    async def index(self, now: datetime) -> DownloadIndex:
        """Return all downloads, joined."""
        await self.catch_up(now)
        self._index.update(self.world(now), now)
        return self._index

    async def follow(self, now: datetime) -> tuple[World, DownloadIndex, Changes]:
        """Return the world, all downloads, and which of them changed since this was last asked."""
        index = await self.index(now)
        return self.world(now), index, index.take_changes()

    def _count(self, now: datetime) -> Counts:
        world = self.world(now)
        self._index.update(world, now)
        return join_counts(world, self._index, now)

    def overview(self, now: datetime) -> Overview | None:
        """Return what counts over all download clients; while it catches up, what counted before.

        None unless all of them answer, and where there is none: "no downloads" must not be said of what nobody knows.
        """
        clients = [each for each in self._hub.backends.values() if each.connector.kind in DOWNLOAD_CLIENT_KINDS]
        if not clients or not all(each.answering for each in clients):
            return None
        if self.falls_behind(now):
            return self._last_overview
        if self._overview is None:
            self._overview = self._last_overview = Overview(counts=self._count(now))
        return self._overview

    # --- corrections -------------------------------------------------------------------------------------------------

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """What the person said of who serves whom."""
        corrections = []
        for each in self._hub.memory.get(CORRECTIONS_KEY, []):
            try:
                corrections.append(Correction(each["source"], each["link_id"], each["target"], each["serves"]))
            except KeyError, TypeError:
                LOGGER.warning("A stored correction of the topology is not readable and is left out")
        return tuple(corrections)

    def correct(self, corrections: tuple[Correction, ...]) -> None:
        """Keep what the person said. Nothing is reloaded."""
        self._hub.memory.set(
            CORRECTIONS_KEY,
            [
                {"source": each.source, "link_id": each.link_id, "target": each.target, "serves": each.serves}
                for each in corrections
            ],
        )
        self.forget_topology()

    # --- trends ------------------------------------------------------------------------------------------------------

    def samples(self) -> Mapping[str, list[list[float]]]:
        """Return the free space of each disk over time: by `backend/disk`, pairs of epoch seconds and bytes."""
        samples: Mapping[str, list[list[float]]] = self._hub.memory.get(SAMPLES_KEY, {})
        return samples

    def take_samples(self, now: datetime) -> None:
        """Note how much is free on each disk."""
        oldest = (now - SAMPLES_KEPT).timestamp()
        samples = {
            key: [each for each in values if each[0] >= oldest]
            for key, values in self.samples().items()
            if key.partition("/")[0] in self._hub.backends
        }
        for each in self._hub.backends.values():
            if each.answering:
                for disk, free_bytes in each.connector.free_space(each.data).items():
                    samples.setdefault(f"{each.subentry_id}/{disk}", []).append([round(now.timestamp()), free_bytes])
        self._hub.memory.set_quietly(SAMPLES_KEY, {key: values for key, values in samples.items() if values})


def as_backend(coordinator: BackendCoordinator[Any, Any], guarding: Guarding) -> Backend:
    """Return a backend as the model sees it."""
    return backend_of(
        coordinator.connector,
        coordinator.data,
        id=coordinator.subentry_id,
        title=coordinator.title,
        available=coordinator.answering,
        url=coordinator.connection.url,
        unavailable_since=coordinator.unavailable_since if coordinator.answered else None,
        distrusted=guarding.distrusts(coordinator),
        trusted_since=guarding.trusted_since(coordinator),
    )


def backend_of(connector: Connector[Any, Any], snapshot: Any, **fields: Any) -> Backend:
    """Return a backend of this kind as the model sees it, None for the snapshot of one that never answered."""
    return Backend(
        kind=connector.kind,
        snapshot=snapshot,
        version="" if snapshot is None else connector.version(snapshot),
        oldest_version=connector.oldest_version,
        recommended_version=connector.recommended_version,
        **fields,
    )
