"""What the hub's own entities show: everything together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfDataRate

from .connectors.base import BUSY_WRITE_PAUSE, BackendBinarySensor, BackendSensor, any_at_all, space_sensor
from .model.world import Counts

if TYPE_CHECKING:
    from .hub import Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What all download clients do together, in a few numbers."""

    counts: Counts


HUB_SENSORS: tuple[BackendSensor[Overview], ...] = (
    BackendSensor(
        key="active_downloads",
        value=lambda overview: overview.counts.active,
        state_class=SensorStateClass.MEASUREMENT,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    ),
    BackendSensor(
        key="stuck_downloads",
        value=lambda overview: overview.counts.stuck,
        state_class=SensorStateClass.MEASUREMENT,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    ),
    BackendSensor(
        key="finished_downloads",
        value=lambda overview: overview.counts.finished,
        state_class=SensorStateClass.MEASUREMENT,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    ),
    BackendSensor(
        key="total_speed",
        value=lambda overview: overview.counts.download_rate,
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=2,
        state_class=SensorStateClass.MEASUREMENT,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    ),
    space_sensor("free_space", lambda overview: overview.counts.free_bytes),
)

#: Told by the hub itself, so that they are known above all while nothing answers.
HUB_BINARY_SENSORS: tuple[BackendBinarySensor[Hub], ...] = (
    BackendBinarySensor(
        key="backends",
        value=lambda hub: not all(backend.answering for backend in hub.backends.values()),
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)
