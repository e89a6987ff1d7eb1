"""What the governor listens to: temperatures, somebody who is watching, a tariff, a battery, a person's word.

A source has steps, from the mildest to the harshest. Each is entered at one value and left at another, so that a value
which hovers around one of them does not make it come and go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .limits import UNLIMITED, Rates

#: What a machine that gets hot is left, in bytes per second.
HOT_RATES = Rates(download=5_000_000)


class SourceKind(StrEnum):
    """What a source tells of."""

    THERMAL = "thermal"  # a temperature in °C
    BOARD = "board"  # whether a board throttles itself, or its power is too weak
    WATCHING = "watching"  # whether somebody watches, plays or calls
    SCHEDULE = "schedule"  # whether it is that time of the day
    PRICE = "price"  # what electricity costs, or whether that is much
    SOLAR = "solar"  # what the sun gives beyond what the house needs, or whether that is too little
    METERED = "metered"  # whether the line is paid for by what goes through
    BATTERY = "battery"  # whether the power is out and a battery carries on
    ASKED = "asked"  # whether a person or an automation wants it


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How a source is taken at its word.

    `calm`: so long must a step's cause be over without a break before it is loosened; entering it is at once.
    `patience`: so long what it demanded last is kept while it tells nothing.
    """

    calm: timedelta
    patience: timedelta


def _timing(calm: float, patience: float) -> Timing:
    """Return a timing, in minutes."""
    return Timing(calm=timedelta(minutes=calm), patience=timedelta(minutes=patience))


#: Prices are told by the hour, so an hour without one is no failure; a player that is switched off tells nothing.
TIMINGS: Mapping[SourceKind, Timing] = {
    SourceKind.THERMAL: _timing(5, 5),
    SourceKind.BOARD: _timing(5, 5),
    SourceKind.WATCHING: _timing(2, 1),
    SourceKind.SCHEDULE: _timing(0, 1),
    SourceKind.PRICE: _timing(5, 60),
    SourceKind.SOLAR: _timing(10, 15),
    SourceKind.METERED: _timing(1, 15),
    SourceKind.BATTERY: _timing(2, 15),
    SourceKind.ASKED: _timing(0, 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is demanded of a client. A pause stops downloading and lets what is complete seed."""

    limits: Rates = UNLIMITED
    pause: bool = False

    def strictest(self, other: Demand) -> Demand:
        """Return what satisfies both."""
        return Demand(limits=self.limits.strictest(other.limits), pause=self.pause or other.pause)


NOTHING = Demand()
PAUSE = Demand(pause=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a source demands from one value on (`enter`, included) until it is past another (`leave`).

    `falling`: it is low values that demand it. A `leave` on the wrong side of `enter` counts as `enter`.
    """

    key: str  # within its source, the same when its values are changed
    demand: Demand
    enter: float = 1
    leave: float = 1
    falling: bool = False

    @property
    def end(self) -> float:
        """The value past which it ends."""
        return max(self.leave, self.enter) if self.falling else min(self.leave, self.enter)

    def holds(self, value: float, *, active: bool) -> bool:
        """Tell whether a value demands it, which depends on whether it is active already."""
        threshold = self.end if active else self.enter
        return value <= threshold if self.falling else value >= threshold


def while_on(demand: Demand) -> tuple[Step, ...]:
    """Return the steps of a source that is on (1, True) or off (0, False)."""
    return (Step(key="on", demand=demand),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One thing that the governor listens to. Without clients it only observes."""

    key: str
    kind: SourceKind
    label: str  # what a person calls it
    steps: tuple[Step, ...]  # from the mildest to the harshest
    clients: frozenset[str] = frozenset()  # the ids of the backends that it concerns
    timing: Timing | None = None  # None: as is usual for its kind

    @property
    def pace(self) -> Timing:
        """How it is taken at its word."""
        return self.timing or TIMINGS[self.kind]


# --- temperatures ----------------------------------------------------------------------------------------------------

#: Trip points outside of this range, in °C, are not taken for the board's own limit: some firmware tells nonsense.
_PLAUSIBLE = (60.0, 125.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalThresholds:
    """Temperatures in °C: limit from, no limit below, pause from, no pause below."""

    limit: float
    back: float
    pause: float
    resume: float

    def steps(self, limits: Rates = HOT_RATES) -> tuple[Step, ...]:
        """Return the steps of a thermal source."""
        return (
            Step(key="limit", demand=Demand(limits=limits), enter=self.limit, leave=self.back),
            Step(key="pause", demand=PAUSE, enter=self.pause, leave=self.resume),
        )


#: A Raspberry Pi slows itself down from 80 °C on, and hard from 85 °C.
RASPBERRY_PI = ThermalThresholds(limit=75, back=65, pause=82, resume=75)


def default_thresholds(*, raspberry_pi: bool, first_limit: float | None) -> ThermalThresholds | None:
    """Return what suits a machine that begins to defend itself at `first_limit` (°C).

    None where nothing tells what it can bear: then a person has to say it, for 75 °C is a fever for one machine and
    an ordinary day for another.
    """
    if raspberry_pi:
        return RASPBERRY_PI
    if first_limit is None or not _PLAUSIBLE[0] <= first_limit <= _PLAUSIBLE[1]:
        return None
    return ThermalThresholds(
        limit=first_limit - 15, back=first_limit - 25, pause=first_limit - 8, resume=first_limit - 15
    )
