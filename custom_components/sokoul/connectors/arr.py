"""What Radarr and Sonarr have in common."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import orjson
from yarl import URL

from ..clients.arr import ArrClient
from ..model.library import (
    ArrSnapshot,
    Disk,
    DownloadClientLink,
    HealthIssue,
    Severity,
    TrackedState,
    TrackedStatus,
    UpcomingTitle,
)
from .base import (
    BUSY_WRITE_PAUSE,
    SPACE_WRITE_PAUSE,
    BackendBinarySensor,
    BackendCalendar,
    BackendSensor,
    Connection,
    Connector,
    Credentials,
    Files,
    Identity,
    Neighbour,
    Occasion,
    Parts,
    Samples,
    SlowParts,
    any_at_all,
    nothing_urgent,
    space_sensor,
)

#: An *arr looks at its download clients once a minute: asking more often learns nothing new. Half of that finds a
#: change within the minute, whatever the phase.
QUEUE_INTERVAL = timedelta(seconds=30)
#: An empty queue gets its next item from a search, which a webhook tells of or the next poll finds.
IDLE_INTERVAL = timedelta(seconds=60)
#: Health checks run every few hours, disks fill over minutes, wishes change by hand.
SLOW_INTERVAL = timedelta(minutes=10)
#: They answer to the same form: which one it is, each says itself.
FAMILY = "servarr"
KEY_AT = "Settings > General > Security"
UPCOMING_DAYS = 7

STUCK_STATES = frozenset({TrackedState.IMPORT_BLOCKED, TrackedState.FAILED, TrackedState.FAILED_PENDING})


class ArrReader:
    """Reads the queue each time, and what changes slowly once in ten minutes."""

    def __init__(self, client: ArrClient) -> None:
        self._client = client
        self._last: ArrSnapshot | None = None
        self._slow = SlowParts(
            SLOW_INTERVAL,
            status=lambda _: client.status(),
            health=lambda _: client.health(),
            missing=lambda _: client.missing_count(),
            cutoff_unmet=lambda _: client.cutoff_unmet_count(),
            upcoming=lambda now: client.calendar(now, now + timedelta(days=UPCOMING_DAYS)),
            wiring=lambda _: client.wiring(),
            disks=lambda _: client.disks(),
        )

    async def read(self, now: datetime) -> ArrSnapshot:
        """Return the *arr as it is now."""
        queue = await self._client.queue()
        slow = await self._slow.read(now)
        status = slow.pop("status")
        snapshot = ArrSnapshot(queue=queue, version=status.version, instance_name=status.instance_name, **slow)
        if snapshot != self._last:  # the same object tells the joins that nothing changed
            self._last = snapshot
        return self._last

    def forget(self) -> None:
        """Read everything the next time."""
        self._slow.forget()

    async def close(self) -> None:
        """Nothing is kept at an *arr."""


def interval(snapshot: ArrSnapshot | None) -> timedelta:
    """Look more often while something is on its way."""
    return QUEUE_INTERVAL if snapshot is None or snapshot.queue else IDLE_INTERVAL


async def identify(client: ArrClient) -> Identity:
    """Check that the right application answers, with this key."""
    status = await client.status()
    return Identity(version=status.version, name=status.instance_name)


async def neighbours(client: ArrClient) -> tuple[Neighbour, ...]:
    """Return the download clients that an *arr uses, and the Prowlarr that feeds it."""
    links = (await client.wiring()).download_clients
    clients = [
        Neighbour(kind=link.implementation.lower(), url=url, username=link.username or "")
        for link in links
        if link.enabled and (url := _address(link)) is not None
    ]
    managers = [Neighbour(kind="prowlarr", url=url) for url in await client.indexer_managers()]
    return (*clients, *managers)


def _address(link: DownloadClientLink) -> str | None:
    """Return a download client's address; None where it has none, or one that can't be: it was typed by a person."""
    if not link.host or not link.port:
        return None
    base = link.url_base.strip("/")
    try:
        url = URL.build(
            scheme="https" if link.tls else "http",
            host=link.host,
            port=link.port,
            path=f"/{base}" if base else "",
        )
    except ValueError:
        return None
    return str(url)


def folders(snapshot: ArrSnapshot) -> tuple[str, ...]:
    """Return the library's folders."""
    return tuple(folder.path for folder in snapshot.wiring.root_folders)


async def samples(client: ArrClient, snapshot: ArrSnapshot, count: int) -> Samples:
    """Return files of the library."""
    del snapshot
    return tuple((file.path, file.size_bytes) for file in await client.known_files(count))


def sniffs(application: str) -> tuple[str, Callable[[int, str], bool]]:
    """Recognise an application by the page that it serves without login, or by its start page's data."""

    def sniffed(status: int, body: str) -> bool:
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        if isinstance(answer, dict):
            return answer.get("appName") == application or answer.get("instanceName") == application
        return status < 500 and application.lower() in body.lower()  # noqa: PLR2004

    return ("", sniffed)


def used_percent(disk: Disk) -> float | None:
    """Return how full a disk is; unknown where its size is."""
    return round(100 * (1 - disk.free_bytes / disk.total_bytes), 1) if disk.total_bytes else None


def health_sensor[SourceT: Any]() -> BackendSensor[SourceT]:
    """Return the sensor that counts an application's complaints about itself."""
    return BackendSensor(
        key="health_issues",
        value=lambda snapshot: len(complaints(snapshot.health)),
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
    )


def health_problem[SourceT: Any]() -> BackendBinarySensor[SourceT]:
    """Return the sensor that is on while an application complains."""
    return BackendBinarySensor(
        key="health",
        value=lambda snapshot: bool(complaints(snapshot.health)),
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
    )


def complaints(health: tuple[HealthIssue, ...]) -> tuple[HealthIssue, ...]:
    """Leave out what is only a notice."""
    return tuple(issue for issue in health if issue.severity not in {Severity.OK, Severity.NOTICE})


def _stuck(snapshot: ArrSnapshot) -> int:
    return sum(
        item.tracked_state in STUCK_STATES or item.tracked_status in {TrackedStatus.WARNING, TrackedStatus.ERROR}
        for item in snapshot.queue
    )


def _next_release(snapshot: ArrSnapshot) -> date | datetime | None:
    moments = [
        upcoming.release_at
        if isinstance(upcoming.release_at, datetime)
        else datetime.combine(upcoming.release_at, datetime.min.time(), UTC)
        for upcoming in snapshot.upcoming
        if not upcoming.has_file
    ]
    return min(moments, default=None)


def _count_sensor(key: str, value: Callable[[ArrSnapshot], int], **options: Any) -> BackendSensor[ArrSnapshot]:
    return BackendSensor(key=key, value=value, state_class=SensorStateClass.MEASUREMENT, **options)


#: The options of a count that goes up and down all day.
BUSY: dict[str, Any] = {"write_pause": BUSY_WRITE_PAUSE, "meaning": any_at_all}

SENSORS: tuple[BackendSensor[ArrSnapshot], ...] = (
    _count_sensor("queue", lambda snapshot: len(snapshot.queue), **BUSY),
    _count_sensor("queue_stuck", _stuck, **BUSY),
    _count_sensor("missing", lambda snapshot: snapshot.missing),
    _count_sensor("cutoff_unmet", lambda snapshot: snapshot.cutoff_unmet),
    _count_sensor("upcoming", lambda snapshot: len(snapshot.upcoming)),
    BackendSensor(
        key="next_release",
        value=_next_release,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
    ),
    health_sensor(),
)

BINARY_SENSORS: tuple[BackendBinarySensor[ArrSnapshot], ...] = (health_problem(),)


def disks(snapshot: ArrSnapshot) -> Mapping[str, Disk]:
    """Return the mounts by path. Containers report files such as /etc/hosts as mounts too: those are no disks."""
    roots = [folder.path for folder in snapshot.wiring.root_folders]
    return {
        disk.path: disk
        for disk in snapshot.disks
        if disk.path == "/"
        or not f"{disk.path}/".startswith(("/etc/", "/config/", "/run/", "/dev/"))
        or any(root.startswith(disk.path) for root in roots)
    }


DISKS: Parts[ArrSnapshot, Disk] = Parts(
    key="disk",
    find=disks,
    name=lambda disk: disk.label or disk.path,
    sensors=(
        space_sensor("disk_free", lambda disk: disk.free_bytes),
        BackendSensor(
            key="disk_used",
            value=used_percent,
            native_unit_of_measurement="%",
            state_class=SensorStateClass.MEASUREMENT,
            suggested_display_precision=0,
            write_pause=SPACE_WRITE_PAUSE,
            meaning=nothing_urgent,
        ),
        space_sensor("disk_total", lambda disk: disk.total_bytes, entity_registry_enabled_default=False),
    ),
)


def _occasion(upcoming: UpcomingTitle) -> Occasion:
    title, start = upcoming.title, upcoming.release_at
    length = timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1)
    summary = title.label if title.episode_name is None else f"{title.label} {title.episode_name}"
    return Occasion(
        uid=f"{title.kind}-{title.id}-{upcoming.release_type or ''}-{start.isoformat()}",
        summary=summary,
        start=start,
        end=start + length,
    )


def coming(snapshot: ArrSnapshot) -> tuple[Occasion, ...]:
    """Return the week's releases."""
    return tuple(_occasion(upcoming) for upcoming in snapshot.upcoming)


async def between(client: ArrClient, start: datetime, end: datetime) -> tuple[Occasion, ...]:
    """Return the releases of any time."""
    return tuple(_occasion(upcoming) for upcoming in await client.calendar(start, end))


CALENDARS: tuple[BackendCalendar[Any, ArrSnapshot], ...] = (
    BackendCalendar(key="releases", coming=coming, between=between),
)


def arr_connector[ArrT: ArrClient](
    *, kind: str, name: str, default_port: int, oldest_version: tuple[int, ...], client: type[ArrT]
) -> Connector[ArrT, ArrSnapshot]:
    """Return the connector of an *arr with the usual API."""

    def connect(hass: HomeAssistant, connection: Connection) -> ArrT:
        session = async_get_clientsession(hass, verify_ssl=connection.verify_ssl)
        return client(session, connection.url, connection.api_key)

    return Connector(
        kind=kind,
        name=name,
        manufacturer="Servarr",
        default_port=default_port,
        credentials=Credentials.API_KEY,
        key_at=KEY_AT,
        connect=connect,
        identify=identify,
        reader=ArrReader,
        interval=interval,
        version=lambda snapshot: snapshot.version,
        oldest_version=oldest_version,
        sniff=sniffs(name),
        neighbours=neighbours,
        pushes=True,
        files=Files(folders=folders, samples=samples),
        free_space=lambda snapshot: {disk.path: disk.free_bytes for disk in snapshot.disks},
        family=FAMILY,
        sensors=SENSORS,
        binary_sensors=BINARY_SENSORS,
        calendars=CALENDARS,
        parts=(DISKS,),
    )
