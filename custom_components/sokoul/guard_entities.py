"""What people see and set of the guard of a download client."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING

from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import EntityCategory, UnitOfTime

from .autopilot.guards.vpn_types import Containment, VpnState
from .connectors.base import BackendSensor, Paced

if TYPE_CHECKING:
    from .guarding import ClientGuard

NO_VPN = "none"
OFF = "off"
#: What the protection of a client can be, in the order in which people understand it.
PROTECTION = [*map(str, VpnState), OFF, NO_VPN]

#: What a guard tells, as the types of an event.
EVENTS = [
    "leaking",
    "doubtful",
    "down",
    "protected",
    "stopped",
    "resumed",
    "last_resort",
    "last_resort_failed",
    "drill_passed",
    "drill_failed",
    "drill_skipped",
    "port_changed",
    "port_failed",
]


def protection(guard: ClientGuard) -> str | None:
    """Return how a client stands; None before the first look at it."""
    if guard.shelter.containment is Containment.NONE:
        return NO_VPN
    if not guard.on:
        return OFF
    return str(guard.verdict.state) if guard.verdict is not None else None


@dataclass(frozen=True, kw_only=True)
class GuardSwitch(Paced, SwitchEntityDescription):
    """Something of a guard that is on or off."""

    value: Callable[[ClientGuard], bool]
    turn: Callable[[ClientGuard, bool], None]


@dataclass(frozen=True, kw_only=True)
class GuardButton(ButtonEntityDescription):
    """Something that a guard does when it is told to."""

    press: Callable[[ClientGuard], Awaitable[None]]


async def _drill(guard: ClientGuard) -> None:
    guard.drilling.begin()


def _reaction_in_drill(guard: ClientGuard) -> int | None:
    outcome = guard.drilling.outcome
    return round(outcome.reaction / timedelta(milliseconds=1)) if outcome and outcome.reaction is not None else None


def _drilled_at(guard: ClientGuard) -> datetime | None:
    return guard.drilling.outcome.at if guard.drilling.outcome is not None else None


def _reacted_at(guard: ClientGuard) -> datetime | None:
    return guard.reaction.at if guard.reaction is not None else None


#: Of evidence that changes with every look a row of the recorder is worth this much time.
EVIDENCE_PAUSE = timedelta(minutes=15)

PROTECTION_SENSOR: BackendSensor[ClientGuard] = BackendSensor(
    key="vpn_protection",
    value=protection,
    device_class=SensorDeviceClass.ENUM,
    options=PROTECTION,
    write_pause=EVIDENCE_PAUSE,
    meaning=itemgetter(0),  # the state, and not the evidence for it
)

GUARD_SENSORS: tuple[BackendSensor[ClientGuard], ...] = (
    PROTECTION_SENSOR,
    BackendSensor(
        key="vpn_held",
        value=lambda guard: guard.held,
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
    ),
    BackendSensor(
        key="vpn_reaction",
        value=lambda guard: round(guard.reaction.seconds * 1000) if guard.reaction is not None else None,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    BackendSensor(
        key="vpn_reacted_at",
        value=_reacted_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    BackendSensor(
        key="vpn_drill_reaction",
        value=_reaction_in_drill,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
    BackendSensor(
        key="vpn_drilled_at",
        value=_drilled_at,
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)

GUARD_SWITCHES: tuple[GuardSwitch, ...] = (
    GuardSwitch(
        key="vpn_guard",
        value=lambda guard: guard.on,
        turn=lambda guard, on: guard.turn(on=on),
        entity_category=EntityCategory.CONFIG,
    ),
)

GUARD_BUTTONS: tuple[GuardButton, ...] = (
    GuardButton(key="vpn_drill", press=_drill, entity_category=EntityCategory.CONFIG),
)

GUARD_EVENTS: tuple[EventEntityDescription, ...] = (EventEntityDescription(key="vpn_guard", event_types=EVENTS),)
