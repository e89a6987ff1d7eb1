"""Short ways to make the model's objects in tests."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.sokoul.model.backend import Backend, BackendKind
from custom_components.sokoul.model.downloads import (
    ClientSettings,
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
    Transfer,
    TransferTotals,
)
from custom_components.sokoul.model.library import (
    ApplicationLink,
    ArrSnapshot,
    ArrWiring,
    DownloadClientLink,
    Indexer,
    IndexerManagerSnapshot,
    Privacy,
    Protocol,
    QueueItem,
    QueueStatus,
    Title,
    TitleKind,
    TrackedState,
    TrackedStatus,
)
from custom_components.sokoul.model.topology import infer
from custom_components.sokoul.model.world import World

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GB = 10**9


def ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def epoch(**spans: float) -> int:
    return int(ago(**spans).timestamp())


def digest(number: int) -> str:
    return f"{number:040x}"


def torrent(number: int = 1, state: DownloadState = DownloadState.DOWNLOADING, **fields: Any) -> Torrent:
    finished = state in {DownloadState.SEEDING, DownloadState.COMPLETED}
    defaults: dict[str, Any] = {
        "name": f"Release.{number}",
        "progress": 1.0 if finished else 0.4,
        "size_bytes": 4 * GB,
        "save_path": "/data/torrents",
        "added_epoch": epoch(days=1),
        "active_epoch": epoch(hours=12),
    }
    return Torrent(hash=digest(number), state=state, **defaults | fields)


def dune(**fields: Any) -> Title:
    return Title(**{"kind": TitleKind.MOVIE, "id": 1, "name": "Dune", "year": 2021} | fields)


def item(number: int | None = 1, **fields: Any) -> QueueItem:
    defaults: dict[str, Any] = {
        "ids": (1000 + (number or 0),),
        "download_id": None if number is None else digest(number),
        "release": f"Release.{number}",
        "titles": (dune(),),
        "status": QueueStatus.DOWNLOADING,
        "tracked_status": TrackedStatus.OK,
        "tracked_state": TrackedState.DOWNLOADING,
        "protocol": Protocol.TORRENT,
        "download_client": "qBittorrent",
        "size_bytes": 4 * GB,
        "remaining_bytes": GB,
        "added_at": ago(days=1),
    }
    return QueueItem(**defaults | fields)


def completed(number: int = 1, state: TrackedState = TrackedState.IMPORT_PENDING, **fields: Any) -> QueueItem:
    return item(number, status=QueueStatus.COMPLETED, tracked_state=state, remaining_bytes=0, **fields)


def client_snapshot(*torrents: Torrent, revision: int = 1, **fields: Any) -> DownloadClientSnapshot:
    by_hash = {each.hash: each for each in torrents}
    defaults: dict[str, Any] = {
        "version": "v5.2.3",
        "changed": frozenset(by_hash),
        "totals": TransferTotals(by_state=Counter(each.state for each in torrents)),
        "transfer": Transfer(connection=ConnectionStatus.CONNECTED, free_bytes=800 * GB),
        "settings": settings(),
        "categories": {"radarr": "", "sonarr": ""},
    }
    return DownloadClientSnapshot(revision=revision, torrents=by_hash, **defaults | fields)


def settings(**fields: Any) -> ClientSettings:
    return ClientSettings(
        **{"save_path": "/data/torrents", "interface": "wg0", "listen_port": 51413, "random_port": False} | fields
    )


def qbittorrent(*torrents: Torrent, id: str = "qbt", **fields: Any) -> Backend:  # noqa: A002 -- the field's name
    snapshot_fields = {
        name: fields.pop(name)
        for name in ("revision", "transfer", "settings", "categories", "tags", "version", "totals")
        if name in fields
    }
    defaults: dict[str, Any] = {
        "kind": BackendKind.QBITTORRENT,
        "title": "qBittorrent",
        "url": "http://qbittorrent:8080",
        "snapshot": client_snapshot(*torrents, **snapshot_fields),
        "oldest_version": (4, 5),
        "recommended_version": (5, 0),
    }
    return _versioned(Backend(id=id, **defaults | fields))


def _versioned(backend: Backend) -> Backend:
    """Let a backend have the version of its snapshot."""
    return replace(backend, version=getattr(backend.snapshot, "version", ""))


def link(**fields: Any) -> DownloadClientLink:
    defaults: dict[str, Any] = {
        "id": 1,
        "name": "qBittorrent",
        "implementation": "QBittorrent",
        "protocol": Protocol.TORRENT,
        "enabled": True,
        "host": "qbittorrent",
        "port": 8080,
        "category": "radarr",
    }
    return DownloadClientLink(**defaults | fields)


def arr(
    *items: QueueItem,
    id: str = "radarr",  # noqa: A002 -- the field's name
    links: Iterable[DownloadClientLink] = (link(),),
    **fields: Any,
) -> Backend:
    wiring = fields.pop("wiring", None) or ArrWiring(download_clients=tuple(links), hardlinks=True)
    snapshot_fields = {name: fields.pop(name) for name in ("health", "disks", "version") if name in fields}
    defaults: dict[str, Any] = {
        "kind": BackendKind.RADARR,
        "title": "Radarr",
        "url": "http://radarr:7878",
        "snapshot": ArrSnapshot(
            **{"version": "6.0.3", "instance_name": "Radarr", "queue": items, "wiring": wiring} | snapshot_fields
        ),
        "oldest_version": (5,),
    }
    return _versioned(Backend(id=id, **defaults | fields))


def sonarr(*items: QueueItem, **fields: Any) -> Backend:
    defaults: dict[str, Any] = {
        "id": "sonarr",
        "kind": BackendKind.SONARR,
        "title": "Sonarr",
        "url": "http://sonarr:8989",
        "oldest_version": (4,),
        "version": "4.0.19",
        "links": (link(category="sonarr"),),
    }
    return arr(*items, **defaults | fields)


def indexer(number: int = 1, **fields: Any) -> Indexer:
    defaults: dict[str, Any] = {
        "name": f"Indexer {number}",
        "enabled": True,
        "protocol": Protocol.TORRENT,
        "privacy": Privacy.PUBLIC,
    }
    return Indexer(id=number, **defaults | fields)


def application(**fields: Any) -> ApplicationLink:
    defaults: dict[str, Any] = {
        "id": 1,
        "name": "Radarr",
        "implementation": "Radarr",
        "base_url": "http://radarr:7878",
        "sync_level": "fullSync",
    }
    return ApplicationLink(**defaults | fields)


def prowlarr(*indexers: Indexer, **fields: Any) -> Backend:
    snapshot_fields = {name: fields.pop(name) for name in ("health", "applications", "version") if name in fields}
    defaults: dict[str, Any] = {
        "id": "prowlarr",
        "kind": BackendKind.PROWLARR,
        "title": "Prowlarr",
        "url": "http://prowlarr:9696",
        "snapshot": IndexerManagerSnapshot(
            **{
                "version": "2.3.0",
                "instance_name": "Prowlarr",
                "indexers": indexers,
                "applications": (application(),),
            }
            | snapshot_fields
        ),
        "oldest_version": (1, 20),
    }
    return _versioned(Backend(**defaults | fields))


def backends(*all_of_them: Backend) -> Mapping[str, Backend]:
    return {backend.id: backend for backend in all_of_them}


def world(*all_of_them: Backend, **fields: Any) -> World:
    known = backends(*all_of_them)
    return World(**{"backends": known, "topology": infer(known)} | fields)
