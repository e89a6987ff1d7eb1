"""The machine that something runs on: how hot it is, and what holds its processor back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class TripKind(StrEnum):
    """What a machine does by itself when a zone gets this hot. Source: Linux, `thermal_zone*/trip_point_*_type`."""

    ACTIVE = "active"  # a fan goes on
    PASSIVE = "passive"  # the processor is slowed down
    HOT = "hot"  # it says so, and the driver may do something about it
    CRITICAL = "critical"  # it is switched off
    UNKNOWN = "unknown"


#: A fan that goes on is no trouble; the others are what a machine should be kept away from.
LIMITS = frozenset({TripKind.PASSIVE, TripKind.HOT, TripKind.CRITICAL})


class ZoneKind(StrEnum):
    """What a zone is the temperature of."""

    PROCESSOR = "processor"  # the whole processor or chip, or a cluster of its cores
    CORE = "core"  # one core, which its processor's own zone speaks for
    OTHER = "other"  # a disk, a radio, the board; or nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One temperature. `trip_points` are in °C, the lowest of each kind; empty where the machine names none."""

    key: str  # the same after a restart, when zones have other numbers
    name: str
    kind: ZoneKind = ZoneKind.OTHER
    temperature: float | None = None  # in °C; None while the sensor sleeps, and of one that is dead
    trip_points: Mapping[TripKind, float] = field(default_factory=dict)

    @property
    def first_limit(self) -> float | None:
        """The temperature in °C at which the machine begins to defend itself, fans aside; None if it names none."""
        return min((value for kind, value in self.trip_points.items() if kind in LIMITS), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleFlags:
    """What a Raspberry Pi's firmware holds against its processor, now and since it was switched on.

    None is what can't be known: without the firmware's word, only an under-voltage is told (by a sensor).
    """

    under_voltage: bool | None = None  # the power supply is too weak
    frequency_capped: bool | None = None
    throttled: bool | None = None
    soft_limit: bool | None = None  # warm enough to run slower, not yet throttled
    under_voltage_occurred: bool | None = None
    frequency_capped_occurred: bool | None = None
    throttled_occurred: bool | None = None
    soft_limit_occurred: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingDevice:
    """Something that cools: a fan that turns faster, or a processor that is slowed down. Level 0 is at rest."""

    name: str
    level: int
    highest_level: int
    slows_processor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """The clock of some cores, in kHz. A current one below the highest is normal: they idle."""

    current: int | None
    permitted: int  # the highest that is allowed now; less than `highest` by heat, or because a person wanted that
    highest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSnapshot:
    """A source of temperatures: a whole machine, or one entity of Home Assistant.

    `processor` are the keys of the zones that tell best how hot the processor is: usually one, of which the others
    know less; several where none speaks for the others; none where nothing looks like a processor.
    """

    version: str  # of the kernel, or of Home Assistant
    zones: tuple[Zone, ...]
    processor: tuple[str, ...] = ()
    board: str = ""  # as its maker calls it; "" where that can't be read
    raspberry_pi: bool = False
    flags: ThrottleFlags | None = None  # None: this machine has none
    cooling: tuple[CoolingDevice, ...] = ()
    frequencies: tuple[Frequency, ...] = ()

    @property
    def processor_zones(self) -> tuple[Zone, ...]:
        """The zones that tell how hot the processor is."""
        return tuple(zone for zone in self.zones if zone.key in self.processor)

    @property
    def temperature(self) -> float | None:
        """How hot the processor is, in °C: the hottest of its zones. None while none can be read."""
        return max((zone.temperature for zone in self.processor_zones if zone.temperature is not None), default=None)

    @property
    def first_limit(self) -> float | None:
        """The temperature in °C at which the machine slows its processor down, or does worse. None if not known.

        Any of the processor's zones may name it: where two drivers tell the same temperature, often only one does.
        """
        zones = (zone for zone in self.zones if zone.kind is ZoneKind.PROCESSOR)
        return min((zone.first_limit for zone in zones if zone.first_limit is not None), default=None)
