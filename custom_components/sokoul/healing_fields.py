"""The fields of thresholds: whoever adds a threshold to a policy gets its field in the options.

A span of time is a duration, several texts are a list, what is on or off is a switch, and all else is a number. Numbers
that are stored in units that no person thinks in (bytes per second, shares of one) are shown in others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from types import NoneType
from typing import Any, get_args, get_type_hints

from homeassistant.helpers.selector import (
    BooleanSelector,
    DurationSelector,
    DurationSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    Selector,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .wording import Wording


@dataclass(frozen=True, slots=True)
class Unit:
    """How a number is shown: `amount` is what one of it is as stored. Its texts are `unit.<key>` and `amount.<key>`."""

    key: str
    amount: float = 1
    most: float | None = None


#: By the names of thresholds. A number that isn't here is only counted.
UNITS: Mapping[str, Unit] = {
    "almost_here": Unit("percent", 0.01, most=100),
    "grace_seconds": Unit("seconds"),
    "slowest_rate": Unit("rate", 1000),
}
_EXACT_DIGITS = 6  # finer is nothing that was typed, but what floating point makes of it


def fields_of(policy: type[Any], words: Wording) -> dict[vol.Marker, Selector[Any]]:
    """Return the fields of a dataclass of thresholds."""
    return {_marker(name, hint): _selector(name, hint, words) for name, hint in get_type_hints(policy).items()}


def as_shown(policy: Any) -> dict[str, Any]:
    """Return thresholds as their fields show them."""
    return {each.name: _shown(each.name, getattr(policy, each.name)) for each in fields(policy)}


def as_typed(policy: type[Any], user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return all thresholds of a form as they are stored: a field that was emptied isn't in what comes back."""
    return {name: _stored(name, user_input.get(name), hint) for name, hint in get_type_hints(policy).items()}


def in_words(name: str, value: Any, words: Wording) -> str:
    """Return a threshold as people say it; "" when it is empty."""
    match value:
        case None:
            return ""
        case timedelta():
            return words.duration(value)
        case tuple():
            return ", ".join(value)
    unit = UNITS.get(name)
    return str(value) if unit is None else words.text(f"amount.{unit.key}", value=value)


def _marker(name: str, hint: Any) -> vol.Marker:
    """Return the marker of a field: what may be empty is optional."""
    empty = NoneType in get_args(hint) or _kind(hint) == tuple[str, ...]
    return vol.Optional(name) if empty else vol.Required(name)


def _selector(name: str, hint: Any, words: Wording) -> Selector[Any]:
    kind = _kind(hint)
    if kind is timedelta:
        return DurationSelector(DurationSelectorConfig(enable_day=True, enable_second=False))
    if kind is bool:
        return BooleanSelector()
    if kind == tuple[str, ...]:
        return TextSelector(TextSelectorConfig(multiple=True))
    unit = UNITS.get(name)
    whole = kind is int and (unit is None or unit.amount == 1)
    config = NumberSelectorConfig(min=0, step=1 if whole else "any", mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = words.text(f"unit.{unit.key}")
        if unit.most is not None:
            config["max"] = unit.most
    return NumberSelector(config)


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, timedelta):
        hours, seconds = divmod(value.seconds, 3600)
        return {"days": value.days, "hours": hours, "minutes": seconds // 60, "seconds": seconds % 60}
    if isinstance(value, tuple):
        return list(value)
    unit = UNITS.get(name)
    return value if unit is None or value is None else round(value / unit.amount, _EXACT_DIGITS)


def _stored(name: str, typed: Any, hint: Any) -> Any:
    kind = _kind(hint)
    if kind == tuple[str, ...]:
        return [each.strip() for each in typed or () if each.strip()]
    if isinstance(typed, dict):
        return timedelta(**typed).total_seconds()
    unit = UNITS.get(name)
    if unit is None or typed is None:
        return typed
    return round(typed * unit.amount, 0 if kind is int else _EXACT_DIGITS)


def _kind(hint: Any) -> Any:
    """Return the type of a threshold, without the None that may stand beside it."""
    kinds = [each for each in get_args(hint) if each is not NoneType] if NoneType in get_args(hint) else [hint]
    return kinds[0]
