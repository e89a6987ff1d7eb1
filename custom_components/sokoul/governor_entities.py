"""What people see and set of the governor: of the whole, of each download client, and of each thermometer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.number import NumberDeviceClass, NumberEntityDescription, NumberMode
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import EntityCategory, UnitOfDataRate, UnitOfTemperature, UnitOfTime

from .autopilot.guards.sources import SourceKind
from .connectors.base import BUSY_WRITE_PAUSE, BackendBinarySensor, BackendSensor, Paced, any_at_all

if TYPE_CHECKING:
    from .governing import ClientGovernor
    from .governor_sources import Thermometer
    from .hub import Hub

FREE = "none"
#: What a client can be throttled by.
CAUSES = [FREE, *map(str, SourceKind)]


@dataclass(frozen=True, kw_only=True)
class GovernorSwitch(Paced, SwitchEntityDescription):
    """Something of the governor that is on or off."""

    value: Callable[[Hub], bool]
    turn: Callable[[Hub, bool], None]


@dataclass(frozen=True, kw_only=True)
class ThresholdNumber(Paced, NumberEntityDescription):
    """A temperature at which a thermometer begins or ends to demand something."""

    value: Callable[[Thermometer], float | None]
    set_value: Callable[[Thermometer, float], None]


#: Its attribute tells it in sentences.
REASON: BackendSensor[ClientGovernor] = BackendSensor(
    key="throttle_reason",
    value=lambda client: FREE if client.cause is None else str(client.cause),
    device_class=SensorDeviceClass.ENUM,
    options=CAUSES,
)

GOVERNOR_SENSORS: tuple[BackendSensor[ClientGovernor], ...] = (
    REASON,
    BackendSensor(
        key="active_limit",
        value=lambda client: client.limit,
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=2,
    ),
    BackendSensor(
        key="throttled_today",
        value=lambda client: round(client.throttled_today.total_seconds()),
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        state_class=SensorStateClass.TOTAL_INCREASING,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=any_at_all,
    ),
)

GOVERNOR_BINARY_SENSORS: tuple[BackendBinarySensor[ClientGovernor], ...] = (
    BackendBinarySensor(key="throttled", translation_key="client_throttled", value=lambda client: client.throttled),
)

GOVERNOR_SWITCHES: tuple[GovernorSwitch, ...] = (
    GovernorSwitch(
        key="governor",
        value=lambda hub: hub.governing.on,
        turn=lambda hub, on: hub.governing.turn(on=on),
        entity_category=EntityCategory.CONFIG,
    ),
)


def _threshold(key: str, name: str) -> ThresholdNumber:
    return ThresholdNumber(
        key=key,
        value=lambda thermometer: getattr(thermometer.thresholds, name, None),
        set_value=lambda thermometer, celsius: thermometer.set_threshold(name, celsius),
        device_class=NumberDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        native_min_value=20,
        native_max_value=120,
        native_step=1,
        mode=NumberMode.BOX,
        entity_category=EntityCategory.CONFIG,
    )


GOVERNOR_NUMBERS: tuple[ThresholdNumber, ...] = (
    _threshold("limit_from", "limit"),
    _threshold("limit_until", "back"),
    _threshold("pause_from", "pause"),
    _threshold("pause_until", "resume"),
)
