"""What the governor listens to in Home Assistant: thermometers, and the entities that people chose.

What each of them demands, and when, is decided in `autopilot/guards/`; here it is read and remembered.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from homeassistant.components.sensor import DOMAIN as SENSOR
from homeassistant.components.sun import STATE_BELOW_HORIZON
from homeassistant.core import HomeAssistant, State

from .autopilot.guards.limits import UNLIMITED, Rates
from .autopilot.guards.sources import (
    HOT_RATES,
    Demand,
    Source,
    SourceKind,
    Step,
    ThermalThresholds,
    default_thresholds,
    while_on,
)
from .connectors.thermal import KIND, is_machine
from .entity_choice import ON, UNTOLD, entity_id_of
from .model.machine import ThermalSnapshot, ThrottleFlags

if TYPE_CHECKING:
    from .hub import AnyCoordinator

#: What a person may choose entities for.
CHOSEN_KINDS = (
    SourceKind.WATCHING,
    SourceKind.SCHEDULE,
    SourceKind.PRICE,
    SourceKind.SOLAR,
    SourceKind.METERED,
    SourceKind.BATTERY,
)
#: Of these a number may tell, too.
NUMERIC_KINDS = frozenset({SourceKind.PRICE, SourceKind.SOLAR})

_SUN = "sun.sun"


# --- entities --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSource:
    """Entities that a person wants the governor to listen to. The source is on while any of them is.

    With a number (`enter`) the one entity is a sensor, and its value is compared with it; `leave` is where it ends.
    """

    key: str
    kind: SourceKind
    entities: tuple[str, ...]  # as `entity_choice` keeps them
    pause: bool = False
    limits: Rates = UNLIMITED
    enter: float | None = None
    leave: float | None = None
    clients: tuple[str, ...] = ()  # the ids of the backends that it concerns; empty: all download clients
    inverted: bool = False  # of a battery: what is on or off tells of the mains

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ChosenSource:
        """Read it again. Raises `KeyError`, `TypeError` or `ValueError` when it is not what `as_json` made."""
        return cls(
            key=stored["key"],
            kind=SourceKind(stored["kind"]),
            entities=tuple(stored["entities"]),
            pause=stored["pause"],
            limits=Rates(download=stored["download"], upload=stored["upload"]),
            enter=stored["enter"],
            leave=stored["leave"],
            clients=tuple(stored["clients"]),
            inverted=stored.get("inverted", False),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "key": self.key,
            "kind": str(self.kind),
            "entities": list(self.entities),
            "pause": self.pause,
            "download": self.limits.download,
            "upload": self.limits.upload,
            "enter": self.enter,
            "leave": self.leave,
            "clients": list(self.clients),
            "inverted": self.inverted,
        }

    def entity_ids(self, hass: HomeAssistant) -> tuple[str, ...]:
        """Return the ids that its entities have now: they may have been renamed."""
        return tuple(entity_id_of(hass, each) for each in self.entities)

    def watched(self, hass: HomeAssistant) -> tuple[str, ...]:
        """Return the ids of the entities that `value` depends on."""
        return (*self.entity_ids(hass), *((_SUN,) if self.kind is SourceKind.SOLAR else ()))

    def label(self, hass: HomeAssistant) -> str:
        """Return what people call it."""
        states = ((entity_id, hass.states.get(entity_id)) for entity_id in self.entity_ids(hass))
        return ", ".join(entity_id if state is None else state.name for entity_id, state in states)

    def source(self, hass: HomeAssistant, clients: Iterable[str]) -> Source:
        """Return it as the governor takes it, `clients` being all there are."""
        concerned = frozenset(clients)
        if self.clients:
            concerned &= frozenset(self.clients)
        return Source(key=self.key, kind=self.kind, label=self.label(hass), steps=self._steps(), clients=concerned)

    def _steps(self) -> tuple[Step, ...]:
        demand = Demand(limits=self.limits, pause=self.pause)
        if self.enter is None:
            return while_on(demand)
        leave = self.enter if self.leave is None else self.leave
        return (Step(key="on", demand=demand, enter=self.enter, leave=leave, falling=self.kind is SourceKind.SOLAR),)

    def value(self, hass: HomeAssistant) -> float | None:
        """Return what its entities tell now; None: nothing."""
        told = [self._told(hass.states.get(entity_id)) for entity_id in self.entity_ids(hass)]
        value = max((each for each in told if each is not None), default=None)
        if value is None and self.kind is SourceKind.SOLAR and hass.states.is_state(_SUN, STATE_BELOW_HORIZON):
            return 1.0 if self.enter is None else self.enter  # many inverters sleep until the sun wakes them
        return value

    def _told(self, state: State | None) -> float | None:
        if state is None or state.state in UNTOLD:
            return None
        if self.kind is SourceKind.BATTERY and state.domain == SENSOR:
            return _tells_of_battery(state.state)
        if self.enter is None:
            return float((state.state in ON) is not self.inverted)
        try:
            return float(state.state)
        except ValueError:
            return None


def _tells_of_battery(status: str) -> float | None:
    """Return whether what a supply says of itself means that it runs on its battery (1) or not (0); None: neither.

    `ALARM OB DISCHRG LB` and `Alarm, On Battery, Low Battery` (Network UPS Tools), `ONBATT LOWBATT` (apcupsd). While
    they don't hear of it, or shut down for it, they say nothing else: `WAIT`, `COMMLOST`, `SHUTTING DOWN`.
    """
    parts = [" ".join(part.split()) for part in status.casefold().split(",")]
    words = {word for part in parts for word in part.split()}
    if not _ON_BATTERY.isdisjoint(words) or any(part.startswith("on battery") for part in parts):
        return 1.0
    return None if _ON_MAINS.isdisjoint(words) else 0.0


_ON_BATTERY = frozenset({"ob", "onbatt"})
_ON_MAINS = frozenset({"ol", "online"})


# --- thermometers ----------------------------------------------------------------------------------------------------

_SETTINGS_KEY = "governor"  # of a thermal backend: what a person set
_SEEN_KEY = "governor_seen"  # what its machine was last seen to be: it counts until it answers again


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalSettings:
    """What a person set of a thermometer. None: as SOKOUL finds right."""

    thresholds: ThermalThresholds | None = None
    clients: tuple[str, ...] | None = None  # the ids of the backends that run on its machine
    limits: Rates = HOT_RATES

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ThermalSettings:
        """Read it again. Raises `KeyError` or `TypeError` when it is not what `as_json` made."""
        return cls(
            thresholds=None if stored["thresholds"] is None else ThermalThresholds(**stored["thresholds"]),
            clients=None if stored["clients"] is None else tuple(stored["clients"]),
            limits=Rates(download=stored["download"]),
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "thresholds": None if self.thresholds is None else asdict(self.thresholds),
            "clients": None if self.clients is None else list(self.clients),
            "download": self.limits.download,
        }


class Thermometer:
    """A thermal backend as the governor sees it."""

    def __init__(self, backend: AnyCoordinator) -> None:
        self.backend = backend

    @property
    def settings(self) -> ThermalSettings:
        """What a person set."""
        stored = self.backend.memory.get(_SETTINGS_KEY)
        try:
            return ThermalSettings() if stored is None else ThermalSettings.from_json(stored)
        except KeyError, TypeError:
            return ThermalSettings()

    def change(self, settings: ThermalSettings) -> None:
        """Set something. It counts from the next look on."""
        self.backend.remember(_SETTINGS_KEY, None if settings == ThermalSettings() else settings.as_json())

    @property
    def thresholds(self) -> ThermalThresholds | None:
        """Which temperatures count; None: nobody knows what its machine can bear."""
        return self.settings.thresholds or self.defaults

    def set_threshold(self, name: str, celsius: float) -> None:
        """Set one temperature; the others stay as they are."""
        thresholds = self.thresholds
        if thresholds is not None:
            self.change(replace(self.settings, thresholds=replace(thresholds, **{name: celsius})))

    @property
    def is_own_machine(self) -> bool:
        """Whether it is the one of Home Assistant's own machine."""
        return is_machine(self.backend.connection.url)

    def sources(self, clients: Mapping[str, bool]) -> Iterator[Source]:
        """Return what it is to the governor. `clients` are all download clients, with whether they run here."""
        self._note()
        chosen = self.settings.clients
        here = frozenset(client for client, local in clients.items() if local) if self.is_own_machine else frozenset()
        concerned = here if chosen is None else frozenset(chosen) & clients.keys()
        key, label, limits = self.backend.subentry_id, self.backend.title, self.settings.limits
        if (thresholds := self.thresholds) is not None:
            steps = thresholds.steps(limits)
            yield Source(key=key, kind=SourceKind.THERMAL, label=label, steps=steps, clients=concerned)
        if self._seen.get("board"):
            steps = while_on(Demand(limits=limits))
            yield Source(key=f"{key}_board", kind=SourceKind.BOARD, label=label, steps=steps, clients=concerned)

    def readings(self) -> Iterator[tuple[str, float | None]]:
        """Return what it tells now, by the keys of its sources."""
        told: ThermalSnapshot | None = self.backend.data if self.backend.answering else None
        yield self.backend.subentry_id, None if told is None else told.temperature
        yield (
            f"{self.backend.subentry_id}_board",
            None if told is None or told.flags is None else _held_back(told.flags),
        )

    @property
    def _seen(self) -> Mapping[str, Any]:
        seen: Mapping[str, Any] = self.backend.memory.get(_SEEN_KEY) or {}
        return seen if seen.get("of") == self.backend.connection.url else {}

    @property
    def defaults(self) -> ThermalThresholds | None:
        """What suits its machine, as far as that is known."""
        stored = self._seen.get("thresholds")
        return None if stored is None else ThermalThresholds(**stored)

    def _note(self) -> None:
        """Keep what its machine is: after a restart the governor goes on before it has answered."""
        if not self.backend.answering:
            return
        told: ThermalSnapshot = self.backend.data
        thresholds = default_thresholds(raspberry_pi=told.raspberry_pi, first_limit=told.first_limit)
        thresholds = thresholds or self.defaults  # a sensor that is gone for a while changes no machine
        seen = {
            "of": self.backend.connection.url,
            "thresholds": None if thresholds is None else asdict(thresholds),
            "board": told.flags is not None or bool(self._seen.get("board")),
        }
        self.backend.remember(_SEEN_KEY, seen)


def _held_back(flags: ThrottleFlags) -> float | None:
    """Return whether a board is slowed down by force, or its power too weak (1); None where it doesn't say.

    That it runs a bit slower because it is warm is what its thresholds are for.
    """
    told = [each for each in (flags.throttled, flags.under_voltage) if each is not None]
    return float(any(told)) if told else None


def thermometers(backends: Iterable[AnyCoordinator]) -> dict[str, Thermometer]:
    """Return the thermometers among backends, by their ids."""
    return {each.subentry_id: Thermometer(each) for each in backends if each.connector.kind == KIND}
