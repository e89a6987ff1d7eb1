"""What people see and set of the servers of a VPN."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfDataRate, UnitOfTime

from .connectors.base import BackendSensor
from .rotation_notes import OUTCOMES

if TYPE_CHECKING:
    from .rotation import VpnRotation

#: So many of the ranking are an attribute; all of them are in the answer of an action.
MOST_RANKED = 10


@dataclass(frozen=True, kw_only=True)
class RotationButton(ButtonEntityDescription):
    """Something that is done with the servers of a VPN when it is asked for."""

    press: Callable[[VpnRotation, str], Awaitable[Any]]  # who asks for it is named


def best(vpn: VpnRotation) -> str | None:
    """Return the best server; None while none may be chosen."""
    ranking = vpn.book.ranking()
    return ranking[0][0] if ranking else None


def ranked(vpn: VpnRotation) -> tuple[tuple[str, int], ...]:
    """Return the best servers with their scores in percent."""
    return tuple((server, round(score * 100)) for server, score in vpn.book.ranking()[:MOST_RANKED])


def _latency(vpn: VpnRotation) -> float | None:
    seconds = vpn.book.last_sample(lambda note: note.latency_seconds)
    return None if seconds is None else round(seconds * 1000)


#: Its attribute is the ranking.
BEST: BackendSensor[VpnRotation] = BackendSensor(key="vpn_best_server", value=best)

ROTATION_SENSORS: tuple[BackendSensor[VpnRotation], ...] = (
    BackendSensor(key="vpn_server", value=lambda vpn: vpn.server),
    BEST,
    BackendSensor(
        key="vpn_server_changed_at",
        value=lambda vpn: vpn.book.changed_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    BackendSensor(
        key="vpn_latency",
        value=_latency,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    BackendSensor(
        key="vpn_throughput",
        value=lambda vpn: vpn.book.last_sample(lambda note: note.bytes_per_second),
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.BYTES_PER_SECOND,
        suggested_unit_of_measurement=UnitOfDataRate.MEGABYTES_PER_SECOND,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
)

ROTATION_BUTTONS: tuple[RotationButton, ...] = (
    RotationButton(key="vpn_change_server", press=lambda vpn, actor: vpn.change(actor)),
)

ROTATION_EVENTS: tuple[EventEntityDescription, ...] = (
    EventEntityDescription(key="vpn_server", event_types=list(OUTCOMES.values())),
)
