"""qBittorrent, 4.5 to 5.3."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
import heapq
from http import HTTPStatus
import re
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.number import NumberDeviceClass, NumberMode
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfDataRate, UnitOfInformation
from homeassistant.core import HomeAssistant

from ..clients.errors import NotFound
from ..clients.qbittorrent import QbittorrentClient
from ..model.downloads import (
    ACTIVE_STATES,
    BROKEN_STATES,
    ConnectionStatus,
    DownloadClientSnapshot,
    DownloadState,
    Torrent,
)
from .base import (
    BUSY_WRITE_PAUSE,
    SPACE_WRITE_PAUSE,
    BackendBinarySensor,
    BackendNumber,
    BackendSensor,
    BackendSwitch,
    Connection,
    Connector,
    Credentials,
    Files,
    Identity,
    Samples,
    SlowParts,
    any_at_all,
    nothing_urgent,
    space_sensor,
)
from .holding import PAUSE, UNDO as LET_GO, keep_holding
from .limiting import UNDO as LIFT_LIMITS
from .session import cookieless_session

#: Something downloads: progress is worth looking at. A delta costs a few kilobytes.
BUSY_INTERVAL = timedelta(seconds=10)
#: Nothing moves; a new torrent is still noticed before a person wonders.
QUIET_INTERVAL = timedelta(seconds=20)
#: Preferences change when a person changes them.
SETTINGS_INTERVAL = timedelta(minutes=10)

#: What a person types is in MB/s, as rates are shown; qBittorrent keeps bytes per second, 0 for no limit.
MB = 1_000_000
HIGHEST_LIMIT_MB = 10_000

type Source = DownloadClientSnapshot


def connect(hass: HomeAssistant, connection: Connection) -> QbittorrentClient:
    """Return a client, which keeps its cookie itself."""
    return QbittorrentClient(
        cookieless_session(hass, verify_ssl=connection.verify_ssl),
        connection.url,
        username=connection.username,
        password=connection.password,
        api_key=connection.api_key,
    )


async def identify(client: QbittorrentClient) -> Identity:
    """Log in and ask for the version."""
    version = await client.version()
    await client.log_out()
    return Identity(version=version.application)


class QbittorrentReader:
    """Polls the deltas, and the preferences now and then."""

    def __init__(self, client: QbittorrentClient) -> None:
        self._client = client
        self._slow = SlowParts(SETTINGS_INTERVAL, settings=lambda _: client.settings())

    async def read(self, now: datetime) -> DownloadClientSnapshot:
        """Return the newest snapshot, with the preferences that it was read under."""
        await self._slow.read(now)  # the snapshots hold the settings from then on
        return await self._client.snapshot()

    def forget(self) -> None:
        """Read everything the next time."""
        self._slow.forget()

    async def close(self) -> None:
        """Log out, so that qBittorrent does not keep the session for an hour."""
        await self._client.log_out()


def folders(snapshot: Source) -> tuple[str, ...]:
    """Return where torrents are saved."""
    default = (snapshot.settings.save_path,) if snapshot.settings else ()
    return tuple(dict.fromkeys(path for path in (*default, *snapshot.categories.values()) if path))


async def samples(client: QbittorrentClient, snapshot: Source, count: int) -> Samples:
    """Return the largest file of each of the newest finished torrents."""
    found: list[tuple[str, int]] = []
    for torrent in await asyncio.to_thread(_newest_finished, snapshot, count):
        with suppress(NotFound):  # removed since
            files = [file for file in await client.files(torrent.hash) if file.progress >= 1]
            if files:
                largest = max(files, key=lambda file: file.size_bytes)
                found.append((f"{torrent.save_path.rstrip('/')}/{largest.name}", largest.size_bytes))
    return tuple(found)


def _newest_finished(snapshot: Source, count: int) -> list[Torrent]:
    """Return finished torrents, the newest first. Walks all of them: beside the event loop, there may be thousands."""
    finished = (torrent for torrent in snapshot.torrents.values() if torrent.finished and torrent.save_path)
    return heapq.nlargest(count, finished, key=lambda torrent: torrent.added_epoch)


def free_space(snapshot: Source) -> Mapping[str, int]:
    """Return what is free where torrents are saved by default; some versions don't say."""
    free_bytes = snapshot.transfer.free_bytes
    return {} if free_bytes is None else {"": free_bytes}


def interval(snapshot: Source | None) -> timedelta:
    """Look often while something downloads."""
    if snapshot is None or snapshot.totals.count(*ACTIVE_STATES, DownloadState.CHECKING, DownloadState.MOVING):
        return BUSY_INTERVAL
    return QUIET_INTERVAL


def sniffed(status: int, body: str) -> bool:
    """Recognise the web API by its answer to a version request without login."""
    match status:
        case HTTPStatus.FORBIDDEN:
            return body.strip().lower() == "forbidden"
        case HTTPStatus.OK:
            return re.fullmatch(r"\d+\.\d+(\.\d+)?", body.strip()) is not None
        case _:
            return False


def _count(*states: DownloadState) -> Any:
    return lambda snapshot: snapshot.totals.count(*states)


def _counter(key: str, *states: DownloadState, enabled: bool = True) -> BackendSensor[Source]:
    return BackendSensor(
        key=key,
        value=_count(*states),
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=enabled,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    )


def _rate(key: str, value: Any) -> BackendSensor[Source]:
    return BackendSensor(
        key=key,
        value=value,
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=2,
        state_class=SensorStateClass.MEASUREMENT,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    )


def _volume(key: str, value: Any) -> BackendSensor[Source]:
    return BackendSensor(
        key=key,
        value=value,
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.TERABYTES,
        suggested_display_precision=2,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        write_pause=SPACE_WRITE_PAUSE,
        meaning=nothing_urgent,
    )


SENSORS: tuple[BackendSensor[Source], ...] = (
    _rate("download_speed", lambda snapshot: snapshot.transfer.download_rate),
    _rate("upload_speed", lambda snapshot: snapshot.transfer.upload_rate),
    _counter("downloading", DownloadState.DOWNLOADING, DownloadState.METADATA),
    _counter("stalled", DownloadState.STALLED),
    _counter("seeding", DownloadState.SEEDING),
    _counter("queued", DownloadState.QUEUED, enabled=False),
    _counter("stopped", DownloadState.STOPPED, enabled=False),
    _counter("completed", DownloadState.COMPLETED, enabled=False),
    _counter("checking", DownloadState.CHECKING, DownloadState.MOVING, enabled=False),
    _counter("errored", *BROKEN_STATES),
    BackendSensor(
        key="torrents",
        value=lambda snapshot: len(snapshot.torrents),
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
    ),
    space_sensor("free_space", lambda snapshot: snapshot.transfer.free_bytes),
    BackendSensor(
        key="connection_status",
        value=lambda snapshot: snapshot.transfer.connection,
        device_class=SensorDeviceClass.ENUM,
        options=[str(status) for status in ConnectionStatus],
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    _volume("all_time_download", lambda snapshot: snapshot.transfer.downloaded_bytes),
    _volume("all_time_upload", lambda snapshot: snapshot.transfer.uploaded_bytes),
    BackendSensor(
        key="ratio",
        value=lambda snapshot: snapshot.transfer.ratio,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        write_pause=SPACE_WRITE_PAUSE,
        meaning=nothing_urgent,
    ),
)

BINARY_SENSORS: tuple[BackendBinarySensor[Source], ...] = (
    BackendBinarySensor(
        key="errors",
        value=lambda snapshot: snapshot.totals.count(*BROKEN_STATES) > 0,
        device_class=BinarySensorDeviceClass.PROBLEM,
    ),
)


async def _set_alternative_limits(backend: Any, on: bool) -> None:  # noqa: FBT001 -- the switch's position
    await backend.client.set_alternative_limits(on)


SWITCHES: tuple[BackendSwitch[QbittorrentClient, Source], ...] = (
    BackendSwitch(
        key="alternative_limits",
        value=lambda backend: backend.data.transfer.alternative_limits,
        turn=_set_alternative_limits,
    ),
    PAUSE,
)


async def _set_download_limit(client: QbittorrentClient, mb_per_second: float) -> None:
    await client.set_download_limit(round(mb_per_second * MB))


async def _set_upload_limit(client: QbittorrentClient, mb_per_second: float) -> None:
    await client.set_upload_limit(round(mb_per_second * MB))


def _mb(bytes_per_second: int) -> float:
    """Return a limit as a person typed it: qBittorrent has rounded it to KiB."""
    return round(bytes_per_second / MB, 2)


def _limit(key: str, value: Any, set_value: Any) -> BackendNumber[QbittorrentClient, Source]:
    return BackendNumber(
        key=key,
        value=value,
        set_value=set_value,
        device_class=NumberDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        native_min_value=0,
        native_max_value=HIGHEST_LIMIT_MB,
        native_step=0.1,
        mode=NumberMode.BOX,
        entity_category=EntityCategory.CONFIG,
    )


NUMBERS: tuple[BackendNumber[QbittorrentClient, Source], ...] = (
    _limit("download_limit", lambda snapshot: _mb(snapshot.transfer.download_limit), _set_download_limit),
    _limit("upload_limit", lambda snapshot: _mb(snapshot.transfer.upload_limit), _set_upload_limit),
)

QBITTORRENT: Connector[QbittorrentClient, Source] = Connector(
    kind="qbittorrent",
    name="qBittorrent",
    manufacturer="The qBittorrent project",
    default_port=8080,
    credentials=Credentials.LOGIN,
    key_at="Options > Web UI (≥ 5.2)",
    connect=connect,
    identify=identify,
    reader=QbittorrentReader,
    interval=interval,
    version=lambda snapshot: snapshot.version,
    oldest_version=(4, 5),
    # 4 doesn't say which torrents are private, so that SOKOUL has to be careful with all of them. (From 5.2 on there is
    # an API key, too: no reason to update by itself.)
    recommended_version=(5, 0),
    sniff=("api/v2/app/webapiVersion", sniffed),
    after_read=keep_holding,
    undos=(LET_GO, LIFT_LIMITS),
    files=Files(folders=folders, samples=samples),
    free_space=free_space,
    sensors=SENSORS,
    binary_sensors=BINARY_SENSORS,
    switches=SWITCHES,
    numbers=NUMBERS,
)
