"""What people see of a Real-Debrid account's mirror, repairs and links, and press to have it read."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfInformation

from .connectors.base import BackendBinarySensor, BackendSensor, nothing_urgent
from .debrid.checking import ScanMode
from .debrid_watch import EVENTS
from .model.debrid import ACTIVE_STATUSES, FAILED_STATUSES, DebridStatus
from .model.debrid_mirror import SyncMode

if TYPE_CHECKING:
    from .debrid_watch import AccountWatch

#: How many there are of these is said by default: of each other status only to who wants to know.
_SHOWN = (DebridStatus.DOWNLOADED, DebridStatus.WAITING_FILES_SELECTION)


def _whether_any(value: int | None) -> bool | None:
    """Return what of a count is told at once: whether there are any, and whether that is known."""
    return None if value is None else value > 0


def _counting(
    key: str, value: Callable[[AccountWatch], int | None], *, enabled: bool = True
) -> BackendSensor[AccountWatch]:
    """Return a sensor that counts torrents: whether there are any is told at once, how many soon."""
    return BackendSensor(
        key=key,
        value=value,
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=enabled,
        meaning=_whether_any,
    )


def _of_status(status: DebridStatus) -> BackendSensor[AccountWatch]:
    return _counting(f"torrents_{status}", lambda watch: watch.count(status), enabled=status in _SHOWN)


DEBRID_SENSORS: tuple[BackendSensor[AccountWatch], ...] = (
    *(_of_status(status) for status in DebridStatus if status in {*_SHOWN, *ACTIVE_STATUSES, *FAILED_STATUSES}),
    _counting("torrents_failed", lambda watch: watch.failed),
    _counting("torrents_gone", lambda watch: watch.gone, enabled=False),
    BackendSensor(
        key="torrents_size",
        value=lambda watch: watch.size_bytes,
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.TERABYTES,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
        meaning=nothing_urgent,
    ),
    BackendSensor(
        key="mirror_coverage",
        value=lambda watch: watch.coverage,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        meaning=nothing_urgent,
    ),
    _counting("repairs_pending", lambda watch: watch.pending),
    _counting("repairs_given_up", lambda watch: watch.given_up),
    _counting("broken_links", lambda watch: watch.linking.broken),
    BackendSensor(
        key="links_checked",
        value=lambda watch: watch.linking.checked_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    BackendSensor(
        key="last_sync",
        value=lambda watch: watch.checked_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)

DEBRID_BINARY_SENSORS: tuple[BackendBinarySensor[AccountWatch], ...] = (
    BackendBinarySensor(
        key="sync_running",
        value=lambda watch: watch.running,
        device_class=BinarySensorDeviceClass.RUNNING,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    BackendBinarySensor(
        key="links_running",
        value=lambda watch: watch.linking.running,
        device_class=BinarySensorDeviceClass.RUNNING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    BackendBinarySensor(
        key="repairs_stand_back",
        value=lambda watch: watch.stands_back,
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)


@dataclass(frozen=True, kw_only=True)
class DebridButton(ButtonEntityDescription):
    """One way to have something read."""

    press: Callable[[AccountWatch], Awaitable[None]]


def _synchronising(mode: SyncMode) -> DebridButton:
    return DebridButton(
        key=f"sync_{mode}",
        press=lambda watch: watch.synchronise(mode),
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=mode in {SyncMode.SMART, SyncMode.FULL},
    )


def _checking(mode: ScanMode) -> DebridButton:
    return DebridButton(
        key=f"links_{mode}",
        press=lambda watch: watch.check_links(mode),
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=mode is ScanMode.FULL,
    )


#: What is needed now and then is enabled; the rest is for those who know what they look for.
DEBRID_BUTTONS: tuple[DebridButton, ...] = (*map(_synchronising, SyncMode), *map(_checking, ScanMode))

DEBRID_EVENTS: tuple[EventEntityDescription, ...] = (EventEntityDescription(key="debrid", event_types=EVENTS),)
