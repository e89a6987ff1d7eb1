"""Binary sensors: whether a backend answers, and what is wrong with it."""

from typing import override

from homeassistant.components.binary_sensor import BinarySensorDeviceClass, BinarySensorEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .connectors.base import BackendBinarySensor
from .data import SokoulConfigEntry
from .debrid_entities import DEBRID_BINARY_SENSORS
from .entity import (
    AnyCoordinator,
    BackendEntity,
    DebridEntity,
    GovernedEntity,
    GuardEntity,
    HubEntity,
    PacedEntity,
    PartEntity,
    PlatformSetup,
    guarded,
    mirrored,
)
from .governor_entities import GOVERNOR_BINARY_SENSORS
from .overview import HUB_BINARY_SENSORS
from .port_entities import PORT_BINARY_SENSORS

# Reads only, through the coordinators.
PARALLEL_UPDATES = 0

CONNECTIVITY: BackendBinarySensor[AnyCoordinator] = BackendBinarySensor(
    key="connectivity",
    value=lambda backend: backend.answering,
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors."""
    del hass
    hub = entry.runtime_data
    async_add_entities(HubBinarySensor(hub, description) for description in HUB_BINARY_SENSORS)
    hub.add_platform(
        PlatformSetup(
            async_add_entities,
            of_backend=lambda backend: backend.connector.binary_sensors,
            make=SokoulBackendBinarySensor,
            of_part=lambda parts: parts.binary_sensors,
            make_part=PartBinarySensor,
        )
    )
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=guarded(PORT_BINARY_SENSORS), make=GuardBinarySensor))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=lambda _: (CONNECTIVITY,), make=Connectivity))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=guarded(GOVERNOR_BINARY_SENSORS), make=Throttled))
    hub.add_platform(
        PlatformSetup(async_add_entities, of_backend=mirrored(DEBRID_BINARY_SENSORS), make=DebridBinarySensor)
    )


class _BinarySensor(PacedEntity, BinarySensorEntity):
    """A binary sensor whose value comes from its description."""

    @property
    @override
    def is_on(self) -> bool | None:
        value: bool | None = self.read()
        return value


class SokoulBackendBinarySensor(BackendEntity, _BinarySensor):
    """A binary sensor of a backend."""


class PartBinarySensor(PartEntity, _BinarySensor):
    """A binary sensor of a disk, of an indexer."""


class GuardBinarySensor(GuardEntity, _BinarySensor):
    """A binary sensor of a guard."""


class Connectivity(BackendEntity, _BinarySensor):
    """Whether the backend answers: known all the time, above all while it does not."""

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    def read(self) -> bool:
        return self.coordinator.answering


class DebridBinarySensor(DebridEntity, _BinarySensor):
    """A binary sensor of what is known of a Real-Debrid account."""


class Throttled(GovernedEntity, _BinarySensor):
    """Whether the governor demands something of a download client."""


class HubBinarySensor(HubEntity, _BinarySensor):
    """A binary sensor of the hub: known all the time, above all while no backend answers."""

    @property
    @override
    def available(self) -> bool:
        return True

    @override
    def read(self) -> bool | None:
        value: bool | None = self.entity_description.value(self.hub)  # type: ignore[attr-defined]
        return value
