"""Base classes of the entities, and the one way in which platforms make them."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, override

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from . import wording
from .connectors.base import Paced, Parts
from .connectors.real_debrid import KIND as REAL_DEBRID_KIND
from .const import DOMAIN
from .coordinator import BackendCoordinator
from .healing import rule_of
from .journal_report import rule_name
from .model.backend import DOWNLOAD_CLIENT_KINDS, VPN_KINDS

if TYPE_CHECKING:
    from .data import SokoulConfigEntry
    from .debrid_watch import AccountWatch
    from .governing import ClientGovernor, Governing
    from .guarding import ClientGuard
    from .hub import Hub
    from .rotation import VpnRotation

type AnyCoordinator = BackendCoordinator[Any, Any]


def hub_device_info(entry: SokoulConfigEntry) -> DeviceInfo:
    """Return the device of the hub."""
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        manufacturer="SOKOUL",
        entry_type=DeviceEntryType.SERVICE,
    )


def backend_device_info(coordinator: AnyCoordinator) -> DeviceInfo:
    """Return the device of a backend."""
    entry = coordinator.config_entry
    return DeviceInfo(
        identifiers={(DOMAIN, coordinator.subentry_id)},
        name=coordinator.title,
        manufacturer=coordinator.connector.manufacturer,
        model=coordinator.connector.name,
        sw_version=coordinator.version,
        configuration_url=coordinator.connection.web_page,
        entry_type=DeviceEntryType.SERVICE,
        via_device_id=dr.async_get_device_id_by_identifier(
            coordinator.hass, (DOMAIN, entry.entry_id), config_entry_id=entry.entry_id
        ),
    )


def part_identifier(coordinator: AnyCoordinator, parts: Parts[Any, Any], part_id: str) -> str:
    """Return the identifier of a part's device."""
    return f"{coordinator.subentry_id}_{parts.key}_{part_id}"


def part_device_info(coordinator: AnyCoordinator, parts: Parts[Any, Any], part_id: str) -> ChildDeviceInfo:
    """Return the device of a part that is there."""
    return ChildDeviceInfo(
        identifiers={(DOMAIN, part_identifier(coordinator, parts, part_id))},
        translation_key=parts.key,
        translation_placeholders={"name": parts.name(parts.find(coordinator.data)[part_id])},
        parent_device_id=coordinator.device_id,
    )


def part_devices(coordinator: AnyCoordinator) -> Mapping[str, ChildDeviceInfo]:
    """Return the devices of a backend's parts by identifier."""
    if coordinator.data is None:
        return {}
    return {
        part_identifier(coordinator, parts, part_id): part_device_info(coordinator, parts, part_id)
        for parts in coordinator.connector.parts
        for part_id in parts.find(coordinator.data)
    }


class PacedEntity(Entity):
    """An entity that writes its state only when that says something new, and not too often.

    Recorder rows wear memory cards: a value that moved but means the same waits for the description's pause.
    """

    _attr_has_entity_name = True
    _attr_should_poll = False
    _written: tuple[bool, Any] | None = None
    _written_at = 0.0
    _cancel_late_write: Callable[[], None] | None = None

    @abstractmethod
    def read(self) -> Any:
        """Return the value as the source has it now."""

    @callback
    def write_if_new(self) -> None:
        """Write the state when it is new, at once or when its pause is over."""
        available = self.available
        now = (available, self.read() if available else None)
        if now == self._written:
            return
        pace = self.entity_description
        if self._written is None or available != self._written[0] or not isinstance(pace, Paced):
            self._write(now)
            return
        rest = self._written_at + pace.write_pause.total_seconds() - monotonic()
        if rest <= 0 or pace.meaning(now[1]) != pace.meaning(self._written[1]):
            self._write(now)
        elif self._cancel_late_write is None:
            self._cancel_late_write = async_call_later(self.hass, rest, self._write_late)

    @callback
    def _write_late(self, _now: datetime) -> None:
        self._cancel_late_write = None
        available = self.available
        self._write((available, self.read() if available else None))

    @callback
    def _write(self, state: tuple[bool, Any]) -> None:
        self._forget_late_write()
        self._written = state
        self._written_at = monotonic()
        self.async_write_ha_state()

    @callback
    def _forget_late_write(self) -> None:
        if self._cancel_late_write is not None:
            self._cancel_late_write()
            self._cancel_late_write = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._written = (self.available, self.read() if self.available else None)
        self._written_at = monotonic()

    @override
    async def async_will_remove_from_hass(self) -> None:
        self._forget_late_write()
        await super().async_will_remove_from_hass()


class BackendEntity(PacedEntity, CoordinatorEntity[AnyCoordinator]):
    """An entity of a backend's own device."""

    def __init__(self, coordinator: AnyCoordinator, description: EntityDescription) -> None:
        CoordinatorEntity.__init__(self, coordinator)
        self.entity_description = description
        self._attr_translation_key = description.translation_key or description.key
        self._attr_unique_id = f"{coordinator.subentry_id}_{description.key}"
        self._attr_device_info = backend_device_info(coordinator)

    @property
    @override
    def available(self) -> bool:
        return self.coordinator.answering

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self.write_if_new()

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.coordinator.data)  # type: ignore[attr-defined]


class PartEntity(BackendEntity):
    """An entity of a part of a backend, with a child device of its own."""

    def __init__(
        self, coordinator: AnyCoordinator, description: EntityDescription, parts: Parts[Any, Any], part_id: str
    ) -> None:
        super().__init__(coordinator, description)
        self._parts = parts
        self._part_id = part_id
        self._attr_unique_id = f"{part_identifier(coordinator, parts, part_id)}_{description.key}"
        self._attr_device_info = part_device_info(coordinator, parts, part_id)

    @property
    def _part(self) -> Any:
        return self._parts.find(self.coordinator.data).get(self._part_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self._part is not None

    @override
    def read(self) -> Any:
        return self.entity_description.value(self._part)  # type: ignore[attr-defined]


class HubEntity(PacedEntity):
    """An entity of the hub: it reads what all backends say together."""

    def __init__(self, hub: Hub, description: EntityDescription) -> None:
        self.hub = hub
        self.entity_description = description
        self._attr_translation_key = description.translation_key or description.key
        self._attr_unique_id = f"{hub.entry.entry_id}_{description.key}"
        self._attr_device_info = hub_device_info(hub.entry)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.hub.overview)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return self.hub.overview is not None


class HealingEntity(HubEntity):
    """An entity of healing: there is none to show while there is no database to write to."""

    def __init__(self, hub: Hub, description: EntityDescription) -> None:
        super().__init__(hub, description)
        if (rule := rule_of(description)) is not None:
            words = wording.get(hub.hass.config.language)
            self._attr_translation_placeholders = {"rule": rule_name(rule.key, words)}

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.pilot.add_watcher(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.hub)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return self.hub.pilot.running


class WatchlistEntity(HubEntity):
    """An entity of the watchlist: there is none without a database to keep it in."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.watching.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.hub)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return self.hub.watching.ready_to_use


class GuardEntity(BackendEntity):
    """An entity of the guard of a download client: it knows what it knows also while the client is away."""

    @property
    def guard(self) -> ClientGuard:
        """The guard."""
        hub: Hub = self.coordinator.config_entry.runtime_data
        return hub.guarding.of(self.coordinator)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.guard.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.guard)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return True


class GoverningEntity(HubEntity):
    """An entity of the governor as a whole."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.governing.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.hub)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return True


class GovernedEntity(BackendEntity):
    """An entity of what the governor does at a backend: it knows that also while the backend is away."""

    @property
    def governing(self) -> Governing:
        """The governor."""
        hub: Hub = self.coordinator.config_entry.runtime_data
        return hub.governing

    @property
    def client(self) -> ClientGovernor:
        """What it does at a download client."""
        return self.governing.of(self.coordinator)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.governing.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.client)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return True


class RotationEntity(BackendEntity):
    """An entity of the servers of a VPN: what is known of them is known also while the VPN is away."""

    @property
    def servers(self) -> VpnRotation:
        """The servers."""
        hub: Hub = self.coordinator.config_entry.runtime_data
        return hub.rotating.of(self.coordinator)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.servers.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.servers)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return True


class DebridEntity(BackendEntity):
    """An entity of what is known of a Real-Debrid account: its mirror is there also while the account is away."""

    @property
    def watch(self) -> AccountWatch:
        """What is known of the account."""
        hub: Hub = self.coordinator.config_entry.runtime_data
        return hub.debrid_watching.of(self.coordinator.subentry_id)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.watch.add_listener(self.write_if_new))

    @override
    def read(self) -> Any:
        return self.entity_description.value(self.watch)  # type: ignore[attr-defined]

    @property
    @override
    def available(self) -> bool:
        return self.watch.mirror is not None


def mirrored(descriptions: Iterable[EntityDescription]) -> Callable[[AnyCoordinator], Iterable[EntityDescription]]:
    """Return these for each Real-Debrid account."""
    return lambda backend: descriptions if backend.connector.kind == REAL_DEBRID_KIND else ()


def tunnelling(descriptions: Iterable[EntityDescription]) -> Callable[[AnyCoordinator], Iterable[EntityDescription]]:
    """Return these for each VPN."""
    return lambda backend: descriptions if backend.connector.kind in VPN_KINDS else ()


def guarded(descriptions: Iterable[EntityDescription]) -> Callable[[AnyCoordinator], Iterable[EntityDescription]]:
    """Return these for each backend that can be guarded."""
    return lambda backend: descriptions if backend.connector.kind in DOWNLOAD_CLIENT_KINDS else ()


type MakeBackend = Callable[[AnyCoordinator, Any], Entity]
type MakePart = Callable[[AnyCoordinator, Any, Parts[Any, Any], str], Entity]


class PlatformSetup:
    """Adds the entities of one platform: of the backends there are, of those to come, and of their parts."""

    def __init__(
        self,
        async_add_entities: AddConfigEntryEntitiesCallback,
        *,
        of_backend: Callable[[AnyCoordinator], Iterable[EntityDescription]],
        make: MakeBackend,
        of_part: Callable[[Parts[Any, Any]], Iterable[EntityDescription]] | None = None,
        make_part: MakePart | None = None,
    ) -> None:
        self._add = async_add_entities
        self._of_backend = of_backend
        self._make = make
        self._of_part = of_part
        self._make_part = make_part
        self._known: dict[str, set[str]] = {}  # identifiers of the parts by backend

    def add_backend(self, coordinator: AnyCoordinator) -> None:
        """Add a backend's entities, and those of its parts now and whenever new ones show up."""
        self._add(
            [self._make(coordinator, description) for description in self._of_backend(coordinator)],
            config_subentry_id=coordinator.subentry_id,
        )
        if self._make_part is None or not coordinator.connector.parts:
            return
        self._known[coordinator.subentry_id] = set()
        self.add_parts(coordinator)
        coordinator.async_add_listener(lambda: self.add_parts(coordinator))

    @callback
    def add_parts(self, coordinator: AnyCoordinator) -> None:
        """Add the entities of parts that were not there before; forget those that went, so they can come back."""
        if coordinator.data is None or self._make_part is None or self._of_part is None:
            return
        if coordinator.subentry_id not in coordinator.config_entry.subentries:
            return  # removed while it was being asked
        known = self._known[coordinator.subentry_id]
        found: dict[str, tuple[Parts[Any, Any], str]] = {}
        for parts in coordinator.connector.parts:
            for part_id in parts.find(coordinator.data):
                found[part_identifier(coordinator, parts, part_id)] = (parts, part_id)
        entities = [
            self._make_part(coordinator, description, parts, part_id)
            for identifier, (parts, part_id) in found.items()
            if identifier not in known
            for description in self._of_part(parts)
        ]
        known.intersection_update(found)
        known.update(found)
        if entities:
            self._add(entities, config_subentry_id=coordinator.subentry_id)
