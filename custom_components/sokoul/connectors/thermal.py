"""Heat: the sensors of Home Assistant's own machine, or any of its temperature entities (of another machine)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import math
from pathlib import Path
import re
from typing import override

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import DOMAIN as SENSOR, SensorDeviceClass, SensorStateClass
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, EntityCategory, UnitOfTemperature, __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import EntitySelector, EntitySelectorConfig, EntityWithDeviceFilterSelectorConfig
from homeassistant.util.unit_conversion import TemperatureConverter

from ..clients.errors import CannotConnect, Refused, UnexpectedResponse
from ..clients.thermal import ROOT, ThermalClient
from ..const import DOMAIN
from ..entity_choice import UNTOLD, entity_id_of, reference_of
from ..model.machine import ThermalSnapshot, ThrottleFlags, Zone, ZoneKind
from .base import (
    BUSY_WRITE_PAUSE,
    BackendBinarySensor,
    BackendSensor,
    ChosenAddress,
    Connection,
    Connector,
    Credentials,
    Identity,
    Parts,
)

KIND = "thermal"
#: A processor that is suddenly busy warms up by 10 °C within half a minute.
INTERVAL = timedelta(seconds=10)
#: What is about to be slowed down is looked at more often.
HOT_INTERVAL = timedelta(seconds=5)
HOT_CELSIUS = 70
#: so near to the first temperature at which the machine defends itself
NEAR_CELSIUS = 10
#: A temperature is never still. What moved this far since it was written is told at once.
LEAP_CELSIUS = 5

_REVISION = re.compile(r" Rev [\d.]+$")  # of a Raspberry Pi: nobody calls theirs by it

#: The key of the sensor that any source has, and that therefore can't be a source.
PROCESSOR_TEMPERATURE = "processor_temperature"


# --- an entity as a source -------------------------------------------------------------------------------------------


class EntityClient:
    """A temperature entity of Home Assistant. `reference` is its id in the registry, or its entity id."""

    latency_seconds: float | None = None  # it is read where it is

    def __init__(self, hass: HomeAssistant, reference: str) -> None:
        self._hass = hass
        self._reference = reference

    async def read(self) -> ThermalSnapshot:
        """Return its temperature. Raises `CannotConnect` while there is no such entity, `UnexpectedResponse`."""
        return ThermalSnapshot(version=__version__, zones=(self._zone(),), processor=(KIND,))

    def identify(self) -> Identity:
        """Return who it is. Raises as `read`, and `Refused` for what would be its own source."""
        entry = er.async_get(self._hass).async_get(self._reference)
        if entry is not None and (entry.platform, entry.translation_key) == (DOMAIN, PROCESSOR_TEMPERATURE):
            raise Refused(f"{entry.entity_id}: it shows what such a source says", status=409)
        return Identity(version=__version__, name=self._zone().name, own_id=self._reference)

    def _zone(self) -> Zone:
        entity_id = entity_id_of(self._hass, self._reference)
        state = self._hass.states.get(entity_id)
        if state is None:
            raise CannotConnect(f"{entity_id}: there is no such entity now")
        temperature = None
        if state.state not in UNTOLD:
            temperature = _celsius(entity_id, state.state, state.attributes.get(ATTR_UNIT_OF_MEASUREMENT))
        return Zone(key=KIND, name=state.name, kind=ZoneKind.PROCESSOR, temperature=temperature)


def _celsius(entity_id: str, text: str, unit: str | None) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UnexpectedResponse(f"{entity_id}: its state is no number") from error
    if not math.isfinite(value) or unit not in TemperatureConverter.VALID_UNITS:
        raise UnexpectedResponse(f"{entity_id}: its state is no temperature")
    return round(TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS), 1)


def is_machine(reference: str) -> bool:
    """Tell whether an address is where a machine shows its sensors; else it is an entity."""
    return reference.startswith("/")


def keep(hass: HomeAssistant, entity_id: str) -> str:
    """Return what is kept of a chosen entity. Nothing chosen means this machine."""
    return reference_of(hass, entity_id) if entity_id else str(ROOT)


def shown(hass: HomeAssistant, reference: str) -> str:
    """Return the entity id of what was kept; "" for this machine."""
    return "" if is_machine(reference) else entity_id_of(hass, reference)


# --- the backend -----------------------------------------------------------------------------------------------------

type Client = ThermalClient | EntityClient


def connect(hass: HomeAssistant, connection: Connection) -> Client:
    """Return what reads this machine, or an entity."""
    return ThermalClient(Path(connection.url)) if is_machine(connection.url) else EntityClient(hass, connection.url)


async def identify(client: Client) -> Identity:
    """Check that there is a temperature at all, of something that looks like a processor or not."""
    if isinstance(client, EntityClient):
        return client.identify()
    snapshot = await client.read()
    return Identity(version=snapshot.version, name=_REVISION.sub("", snapshot.board) or None, own_id="sysfs")


class ThermalReader:
    """Reads all temperatures each time."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, now: datetime) -> ThermalSnapshot:
        """Return the temperatures of now."""
        del now
        return await self._client.read()

    def forget(self) -> None:
        """Nothing is kept from one look to the next."""

    async def close(self) -> None:
        """Nothing is kept open."""


def interval(snapshot: ThermalSnapshot | None) -> timedelta:
    """Look more often at what is hot."""
    celsius = None if snapshot is None else snapshot.temperature
    if snapshot is None or celsius is None:
        return INTERVAL
    limit = snapshot.first_limit
    hot = celsius >= HOT_CELSIUS or (limit is not None and celsius >= limit - NEAR_CELSIUS)
    return HOT_INTERVAL if hot else INTERVAL


# --- entities --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Roughly:
    """A temperature that means the same as another one for as long as it is near to it.

    Steps would do as a meaning, too, if a temperature at the edge of one didn't go up and down all day.
    """

    celsius: float | None

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Roughly):
            return NotImplemented
        if self.celsius is None or other.celsius is None:
            return self.celsius is other.celsius
        return abs(self.celsius - other.celsius) < LEAP_CELSIUS

    @override
    def __hash__(self) -> int:
        return hash(self.celsius is None)  # what is near to each other needs the same one


def _temperature_sensor[SourceT: (ThermalSnapshot, Zone)](key: str, *, enabled: bool) -> BackendSensor[SourceT]:
    return BackendSensor(
        key=key,
        value=lambda source: source.temperature,
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=enabled,
        write_pause=BUSY_WRITE_PAUSE,
        meaning=Roughly,
    )


def other_zones(snapshot: ThermalSnapshot) -> Mapping[str, Zone]:
    """Return the zones that the processor's temperature doesn't tell already. Its cores are left out."""
    told = snapshot.processor if len(snapshot.processor) == 1 else ()
    return {zone.key: zone for zone in snapshot.zones if zone.key not in told and zone.kind is not ZoneKind.CORE}


ZONES: Parts[ThermalSnapshot, Zone] = Parts(
    key="zone",
    find=other_zones,
    name=lambda zone: zone.name,
    sensors=(_temperature_sensor("zone_temperature", enabled=False),),
)


def _flag(key: str, *, device_class: BinarySensorDeviceClass) -> BackendBinarySensor[ThrottleFlags]:
    return BackendBinarySensor(
        key=key,
        value=lambda flags: getattr(flags, key),
        device_class=device_class,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=not key.endswith("_occurred"),
    )


FIRMWARE: Parts[ThermalSnapshot, ThrottleFlags] = Parts(
    key="firmware",
    find=lambda snapshot: {} if snapshot.flags is None else {"raspberry_pi": snapshot.flags},
    name=lambda _: "Firmware",
    binary_sensors=tuple(
        _flag(f"{key}{since}", device_class=device_class)
        for since in ("", "_occurred")
        for key, device_class in (
            ("under_voltage", BinarySensorDeviceClass.PROBLEM),
            ("frequency_capped", BinarySensorDeviceClass.PROBLEM),
            ("throttled", BinarySensorDeviceClass.PROBLEM),
            ("soft_limit", BinarySensorDeviceClass.HEAT),
        )
    ),
)

THERMAL: Connector[Client, ThermalSnapshot] = Connector(
    kind=KIND,
    name="Temperature",
    manufacturer="Home Assistant",
    default_port=None,
    credentials=Credentials.NONE,
    chosen_address=ChosenAddress(
        selector=EntitySelector(
            EntitySelectorConfig(
                filter=EntityWithDeviceFilterSelectorConfig(domain=SENSOR, device_class=SensorDeviceClass.TEMPERATURE)
            )
        ),
        read=keep,
        shown=shown,
    ),
    connect=connect,
    identify=identify,
    reader=ThermalReader,
    interval=interval,
    version=lambda snapshot: snapshot.version,
    sensors=(_temperature_sensor(PROCESSOR_TEMPERATURE, enabled=True),),
    parts=(ZONES, FIRMWARE),
)
