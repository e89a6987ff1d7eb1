"""The hands of the autopilot: the clients of the hub's backends that answer at this moment."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from homeassistant.util import dt as dt_util

from .autopilot.ports import ArrHands, TorrentHands
from .clients.errors import BackendError, NotFound
from .connectors import holding
from .model.backend import ARR_KINDS, DOWNLOAD_CLIENT_KINDS
from .model.downloads import Torrent
from .model.paths import JudgedMap, as_arr_sees, is_proven, map_of

if TYPE_CHECKING:
    from .hub import AnyCoordinator, Hub

#: A mount that doesn't answer within this time isn't there.
LOOK_SECONDS = 30


class HubHands:
    """The clients of the hub's backends that answer at this moment."""

    errors: tuple[type[Exception], ...] = (BackendError,)
    missing: type[Exception] = NotFound

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def torrents(self, client_id: str | None) -> TorrentHands | None:
        """Return a download client that answers."""
        return cast("TorrentHands | None", self._client(client_id, DOWNLOAD_CLIENT_KINDS))

    def arr(self, arr_id: str) -> ArrHands | None:
        """Return an *arr that answers."""
        return cast("ArrHands | None", self._client(arr_id, ARR_KINDS))

    def _client(self, backend_id: str | None, kinds: Collection[str]) -> object | None:
        backend: AnyCoordinator | None = self._hub.backends.get(backend_id or "")
        if backend is None or backend.connector.kind not in kinds or not backend.answering:
            return None
        client: object = backend.client
        return client

    def client_ids(self) -> list[str]:
        """Return the ids of all download clients."""
        backends = self._hub.backends.items()
        return [backend_id for backend_id, each in backends if each.connector.kind in DOWNLOAD_CLIENT_KINDS]

    def held(self, client_id: str) -> bool:
        """Tell whether a switch or a guard holds stopped what runs in a client."""
        backend = self._hub.backends.get(client_id)
        return backend is not None and bool(holding.holds(backend.memory))

    def start_later(self, client_id: str, torrent_hash: str) -> None:
        """Have a torrent started with what else is held in a client."""
        holding.start_later(self._hub.backends[client_id], torrent_hash)

    def title(self, backend_id: str | None) -> str:
        """Return what the person calls a backend."""
        backend = self._hub.backends.get(backend_id or "")
        return backend.title if backend else ""

    def arr_path(self, arr_id: str, client_id: str | None, path: str) -> str:
        """Return how an *arr sees what a download client has under this path.

        It maps by the host that its own entry for the client names. Where that is not known, and its mappings lead to
        several places, the path stays as it is.
        """
        world = self._hub.view.world(dt_util.utcnow())
        backend = world.backends.get(arr_id)
        if backend is None or backend.arr is None:
            return path
        wiring = backend.arr.wiring
        ours = {edge.link_id for edge in world.topology.edges if (edge.source, edge.target) == (arr_id, client_id)}
        hosts = {link.host for link in wiring.download_clients if not ours or link.id in ours}
        mapped = {as_arr_sees(path, host, wiring.path_mappings) for host in hosts} - {path}
        return mapped.pop() if len(mapped) == 1 else path

    async def finds_files(self, client_id: str | None, folder: str) -> bool | None:
        """Look now whether what a client keeps around a folder is there. A mount that hangs can't be looked at."""
        backend = self._hub.backends.get(client_id or "")
        maps: Collection[JudgedMap] | None = None
        if backend is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    maps = await self._hub.paths.prove(backend)
        return is_proven(map_of(maps or (), folder))

    def shares_files(self, client_id: str, torrent: Torrent) -> bool | None:
        """Tell whether another torrent of any client may use the same files; None while one of them can't be asked.

        Each container has paths of its own, so that another client's torrent may be the same by its name or its size.
        """
        nobody_knows = False
        backends = self._hub.view.world(dt_util.utcnow()).backends.values()
        for backend in backends:
            if backend.kind not in DOWNLOAD_CLIENT_KINDS:
                continue
            if backend.client is None or not backend.available:
                nobody_knows = True
                continue
            is_ours = backend.id == client_id
            for other in backend.client.torrents.values():
                if is_ours and other.hash == torrent.hash:
                    continue
                if _overlap(torrent, other) or (not is_ours and _look_alike(torrent, other)):
                    return True
        return None if nobody_knows else False


def _overlap(one: Torrent, other: Torrent) -> bool:
    """Whether one path holds the other; what has none may lie anywhere."""
    here, there = one.content_path.rstrip("/"), other.content_path.rstrip("/")
    return not here or not there or here == there or there.startswith(f"{here}/") or here.startswith(f"{there}/")


def _look_alike(one: Torrent, other: Torrent) -> bool:
    """Whether two torrents may be the same data at two paths."""
    names = {each.content_path.rstrip("/").rpartition("/")[2] for each in (one, other)}
    return len(names) == 1 or (one.size_bytes == other.size_bytes and one.size_bytes > 0)
