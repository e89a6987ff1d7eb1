"""What a person can set of the autopilot: how far each rule may go, how patient it is, and what is never touched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from math import isfinite
from types import MappingProxyType, NoneType
from typing import Any, Protocol, get_args, get_type_hints

from ..model.journal import Autonomy, least
from .gate import CLIENT_SETTLES
from .ownership import NEVER_TOUCH, Claims


class SettingError(ValueError):
    """A value can't be what this setting is set to. `field` names the setting."""

    def __init__(self, field: str, wanted: str) -> None:
        super().__init__(f"{field}: {wanted}")
        self.field = field


class Settable(Protocol):
    """What can be set of every rule, whatever it is about."""

    @property
    def key(self) -> str:
        """Its name, in settings too."""

    @property
    def policy(self) -> type[Any]:
        """The dataclass of its thresholds, which has a default for each."""

    @property
    def default(self) -> Autonomy:
        """How far it may go while nobody said anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much may happen in a time, so that no mistake of ours can become a flood."""

    acts_an_hour: int = 5  # of one rule, without being asked
    searches_an_hour: int = 6  # interactive searches: each one asks every indexer
    quarantine: timedelta = timedelta(days=1)  # how long what was given up can be taken back
    failures_of_a_title: int = 5  # after so many a person decides
    settling: timedelta = CLIENT_SETTLES  # a client that has just come back is not believed for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotSettings:
    """All of it. `ceiling` lowers every rule at once; guards are not rules."""

    ceiling: Autonomy = Autonomy.ACT
    autonomy: Mapping[str, Autonomy] = MappingProxyType({})  # by rule; those not in it are at their default
    policies: Mapping[str, Any] = MappingProxyType({})  # by rule
    caps: Caps = Caps()
    labels: frozenset[str] = NEVER_TOUCH
    protected: frozenset[str] = frozenset()

    def level(self, rule: Settable) -> Autonomy:
        """Return how far a rule may go."""
        return least(self.ceiling, self.autonomy.get(rule.key, rule.default))

    def policy(self, rule: Settable) -> Any:
        """Return the thresholds of a rule."""
        known = self.policies.get(rule.key)
        return rule.policy() if known is None else known

    def claims(self, ours: Iterable[str]) -> Claims:
        """Return what is never touched, given what the autopilot grabbed itself."""
        return Claims(labels=self.labels, keys=self.protected, ours=frozenset(ours))

    def with_autonomy(self, rule: str, level: Autonomy) -> PilotSettings:
        """Return them with another level for a rule."""
        return replace(self, autonomy={**self.autonomy, rule: level})

    def with_policy(self, rule: Settable, changes: Mapping[str, Any]) -> PilotSettings:
        """Return them with some thresholds of a rule changed. Raises `SettingError`."""
        stored = as_json(self.policy(rule)) | dict(changes)
        return replace(self, policies={**self.policies, rule.key: from_json(rule.policy, stored)})

    def with_protection(self, key: str, *, protected: bool) -> PilotSettings:
        """Return them with a download on the never-touch list, or off it."""
        return replace(self, protected=self.protected | {key} if protected else self.protected - {key})

    def as_json(self) -> dict[str, Any]:
        """Return them for the store."""
        return {
            "ceiling": self.ceiling.value,
            "autonomy": {rule: level.value for rule, level in self.autonomy.items()},
            "policies": {rule: as_json(policy) for rule, policy in self.policies.items()},
            "caps": as_json(self.caps),
            "labels": sorted(self.labels),
            "protected": sorted(self.protected),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], rules: Iterable[Settable]) -> PilotSettings:
        """Return what was stored. Raises `SettingError` when something in it can't be."""
        policies = _mapping(stored, "policies")
        return cls(
            ceiling=_level("ceiling", stored.get("ceiling", Autonomy.ACT)),
            autonomy={rule: _level(rule, level) for rule, level in _mapping(stored, "autonomy").items()},
            policies={
                rule.key: from_json(rule.policy, _mapping(policies, rule.key)) for rule in rules if rule.key in policies
            },
            caps=from_json(Caps, _mapping(stored, "caps")),
            labels=frozenset(label.casefold() for label in _texts(stored, "labels", NEVER_TOUCH)),
            protected=frozenset(_texts(stored, "protected", ())),
        )


def _mapping(stored: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = stored.get(name, {})
    if not isinstance(found, Mapping):
        raise SettingError(name, "names with values")
    return found


def _texts(stored: Mapping[str, Any], name: str, default: Iterable[str]) -> Iterable[str]:
    found = stored.get(name, default)
    if isinstance(found, str) or not isinstance(found, Iterable) or not all(isinstance(each, str) for each in found):
        raise SettingError(name, "a list of texts")
    return found


def _level(field: str, value: str) -> Autonomy:
    try:
        return Autonomy(value)
    except ValueError:
        raise SettingError(field, f"one of {', '.join(Autonomy)}") from None


def as_json(policy: Any) -> dict[str, Any]:
    """Return a dataclass of thresholds as JSON; spans of time are seconds."""
    stored = {}
    for each in fields(policy):
        value = getattr(policy, each.name)
        stored[each.name] = value.total_seconds() if isinstance(value, timedelta) else value
    return stored


def from_json[PolicyT](policy: type[PolicyT], stored: Mapping[str, Any]) -> PolicyT:
    """Return thresholds from JSON; what is not in it is at its default. Raises `SettingError`.

    Names that this version doesn't know are left out: an older or newer one may have had them.
    """
    hints = get_type_hints(policy)
    return policy(**{name: _typed(name, hints[name], value) for name, value in stored.items() if name in hints})


def _typed(name: str, hint: Any, value: Any) -> Any:
    kinds = get_args(hint) if NoneType in get_args(hint) else (hint,)
    if value is None and NoneType in kinds:
        return None
    kind = next(each for each in kinds if each is not NoneType)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    if kind is timedelta and number and 0 <= value <= _LONGEST_SECONDS:
        return timedelta(seconds=value)
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and number and value == int(value) >= 0:
        return int(value)
    if kind is float and number and value >= 0:
        return float(value)
    if kind == tuple[str, ...] and isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise SettingError(name, _WANTED.get(kind, "a list of texts"))


_LONGEST_SECONDS = timedelta(days=3650).total_seconds()
_WANTED = {
    timedelta: "seconds, not negative",
    bool: "true or false",
    int: "a whole number, not negative",
    float: "a number, not negative",
}
