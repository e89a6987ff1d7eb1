"""What people see and set of the forwarded port of a download client."""

from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.const import EntityCategory

from .connectors.base import BackendBinarySensor, BackendSensor
from .guard_entities import GuardSwitch

if TYPE_CHECKING:
    from .guarding import ClientGuard

PORT_SENSORS: tuple[BackendSensor[ClientGuard], ...] = (
    BackendSensor(
        key="listening_port",
        value=lambda guard: guard.port.listening_port,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)

PORT_BINARY_SENSORS: tuple[BackendBinarySensor[ClientGuard], ...] = (
    BackendBinarySensor(
        key="port_in_sync",
        value=lambda guard: guard.port.in_sync,
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)

PORT_SWITCHES: tuple[GuardSwitch, ...] = (
    GuardSwitch(
        key="port_keeping",
        value=lambda guard: guard.port.on,
        turn=lambda guard, on: guard.port.turn(on=on),
        entity_category=EntityCategory.CONFIG,
    ),
)
