"""Sensors: of the backends, of their parts, and of everything together."""

from typing import Any, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .connectors.base import SPACE_WRITE_PAUSE, BackendSensor, Reading, nothing_urgent
from .data import SokoulConfigEntry
from .debrid_entities import DEBRID_SENSORS
from .entity import (
    AnyCoordinator,
    BackendEntity,
    DebridEntity,
    GovernedEntity,
    GuardEntity,
    HealingEntity,
    HubEntity,
    PacedEntity,
    PartEntity,
    PlatformSetup,
    RotationEntity,
    WatchlistEntity,
    guarded,
    mirrored,
    tunnelling,
)
from .governor_entities import GOVERNOR_SENSORS, REASON
from .guard_entities import GUARD_SENSORS, PROTECTION_SENSOR
from .healing import HEALING_SENSORS
from .overview import HUB_SENSORS
from .port_entities import PORT_SENSORS
from .rotation_entities import BEST, ROTATION_SENSORS, ranked
from .watchlist_entities import WATCHLIST_SENSORS

# Reads only, through the coordinators.
PARALLEL_UPDATES = 0

#: What every backend has: told by the coordinator, not by the snapshot.
COMMON_SENSORS: tuple[BackendSensor[AnyCoordinator], ...] = (
    BackendSensor(
        key="version",
        value=lambda backend: backend.version,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    BackendSensor(
        key="latency",
        value=lambda backend: backend.latency_milliseconds,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        write_pause=SPACE_WRITE_PAUSE,
        meaning=nothing_urgent,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors."""
    del hass
    hub = entry.runtime_data
    async_add_entities(HubSensor(hub, description) for description in HUB_SENSORS)
    async_add_entities(HealingSensor(hub, description) for description in HEALING_SENSORS)
    async_add_entities(WatchlistSensor(hub, description) for description in WATCHLIST_SENSORS)
    hub.add_platform(
        PlatformSetup(
            async_add_entities,
            of_backend=lambda backend: backend.connector.sensors,
            make=SokoulBackendSensor,
            of_part=lambda parts: parts.sensors,
            make_part=PartSensor,
        )
    )
    hub.add_platform(
        PlatformSetup(async_add_entities, of_backend=guarded((*GUARD_SENSORS, *PORT_SENSORS)), make=guard_sensor)
    )
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=guarded(GOVERNOR_SENSORS), make=governor_sensor))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=tunnelling(ROTATION_SENSORS), make=rotation_sensor))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=mirrored(DEBRID_SENSORS), make=DebridSensor))
    hub.add_platform(PlatformSetup(async_add_entities, of_backend=lambda _: COMMON_SENSORS, make=CommonSensor))


class _Sensor(PacedEntity, SensorEntity):
    """A sensor whose value comes from its description."""

    @property
    @override
    def native_value(self) -> Reading:
        value: Reading = self.read()
        return value


class SokoulBackendSensor(BackendEntity, _Sensor):
    """A sensor of a backend."""


class PartSensor(PartEntity, _Sensor):
    """A sensor of a disk, of an indexer."""


class CommonSensor(BackendEntity, _Sensor):
    """What the coordinator itself knows of its backend."""

    @override
    def read(self) -> StateType:
        value: StateType = self.entity_description.value(self.coordinator)  # type: ignore[attr-defined]
        return value


class GuardSensor(GuardEntity, _Sensor):
    """A sensor of a guard."""


class ProtectionSensor(GuardSensor):
    """How a download client stands behind its VPN, and the evidence for it."""

    _unrecorded_attributes = frozenset({"evidence"})

    @override
    def read(self) -> tuple[str | None, dict[str, dict[str, Any]]]:
        value: str | None = super().read()
        return value, self.guard.evidence

    @property
    @override
    def native_value(self) -> str | None:
        return self.read()[0]

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        return {"evidence": self.read()[1]}


def guard_sensor(coordinator: AnyCoordinator, description: BackendSensor[Any]) -> GuardSensor:
    """Return a sensor of a guard."""
    return (ProtectionSensor if description is PROTECTION_SENSOR else GuardSensor)(coordinator, description)


class GovernorSensor(GovernedEntity, _Sensor):
    """A sensor of what the governor does at a download client."""


class ReasonSensor(GovernorSensor):
    """Why a download client is throttled: what about, and in sentences."""

    @override
    def read(self) -> tuple[str, tuple[str, ...]]:
        value: str = super().read()
        return value, self.client.explain()

    @property
    @override
    def native_value(self) -> str:
        return self.read()[0]

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        return {"explanation": " ".join(self.read()[1])}


def governor_sensor(coordinator: AnyCoordinator, description: BackendSensor[Any]) -> GovernorSensor:
    """Return a sensor of what the governor does at a download client."""
    return (ReasonSensor if description is REASON else GovernorSensor)(coordinator, description)


class RotationSensor(RotationEntity, _Sensor):
    """A sensor of the servers of a VPN."""


class BestServerSensor(RotationSensor):
    """The best server, and those that come after it."""

    _unrecorded_attributes = frozenset({"ranking"})

    @override
    def read(self) -> tuple[str | None, tuple[tuple[str, int], ...]]:
        best = ranked(self.servers)
        return (best[0][0] if best else None), best

    @property
    @override
    def native_value(self) -> str | None:
        return self.read()[0]

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        return {"ranking": [{"server": server, "score": score} for server, score in self.read()[1]]}


def rotation_sensor(coordinator: AnyCoordinator, description: BackendSensor[Any]) -> RotationSensor:
    """Return a sensor of the servers of a VPN."""
    return (BestServerSensor if description is BEST else RotationSensor)(coordinator, description)


class DebridSensor(DebridEntity, _Sensor):
    """A sensor of what is known of a Real-Debrid account."""


class HubSensor(HubEntity, _Sensor):
    """A sensor of everything together."""


class HealingSensor(HealingEntity, _Sensor):
    """A sensor of healing."""


class WatchlistSensor(WatchlistEntity, _Sensor):
    """A sensor of the watchlist."""
