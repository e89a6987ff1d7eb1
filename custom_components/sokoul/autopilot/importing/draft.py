"""What comes of the settings of another tool, and why some of it can't be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from ...model.journal import Autonomy
from ...model.reasons import Reason, Value
from ..observe import AnyRule
from ..rules.registry import RULES
from ..settings import PilotSettings

#: A rule that is this patient never comes to its end.
NEVER = timedelta(days=3650)


class CannotImport(Exception):  # noqa: N818 -- it says what is wrong with the input, not with us
    """A text is not the settings of a tool that is known, or something in it can't be. `reason` says what."""

    def __init__(self, key: str, **parameters: Value) -> None:
        super().__init__(f"{key} {parameters}" if parameters else key)
        self.reason = Reason(key=f"imported.{key}", parameters=parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSettings:
    """What of another tool's settings SOKOUL can take over.

    `policies` are thresholds by rule and field, spans of time in seconds. `autonomy` only ever switches rules off: how
    far the others may go is for the person to say anew. `notes` tell what differs, or has no equivalent.
    """

    tool: str
    policies: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    autonomy: Mapping[str, Autonomy] = MappingProxyType({})
    labels: frozenset[str] = frozenset()  # tags and categories to protect, as they are compared
    protected: frozenset[str] = frozenset()  # info hashes to protect
    notes: tuple[Reason, ...] = ()

    def applied_to(self, settings: PilotSettings) -> PilotSettings:
        """Return settings with these taken over; what was protected stays so."""
        for rule in RULES:
            if rule.key in self.policies:
                settings = settings.with_policy(rule, self.policies[rule.key])
        return replace(
            settings,
            autonomy={**settings.autonomy, **self.autonomy},
            labels=settings.labels | self.labels,
            protected=settings.protected | self.protected,
        )


@dataclass(slots=True)
class Draft:
    """Settings on their way."""

    tool: str
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    autonomy: dict[str, Autonomy] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    protected: set[str] = field(default_factory=set)
    notes: list[Reason] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def set(self, rule_key: str, name: str, value: timedelta | int) -> None:
        """Set a threshold. A patience shorter than ours is taken as it is, and noted."""
        ours = getattr(_RULES[rule_key].policy(), name)
        if isinstance(value, timedelta):
            value = min(value, NEVER)
            if ours is not None and value < ours:
                self.note("impatient", rule=rule_key, theirs=value, ours=ours)
        stored = value.total_seconds() if isinstance(value, timedelta) else value
        self.policies.setdefault(rule_key, {})[name] = stored

    def switch_off(self, rule_key: str) -> None:
        """Switch a rule off."""
        self.autonomy[rule_key] = Autonomy.OFF

    def protect(self, labels: Iterable[str]) -> None:
        """Protect what bears one of these tags or categories."""
        self.labels |= {label.strip().casefold() for label in labels if label.strip()}

    def note(self, key: str, **parameters: Value) -> None:
        """Tell the person something, once."""
        reason = Reason(key=f"imported.{key}", parameters=parameters)
        if reason not in self.notes:
            self.notes.append(reason)

    def done(self) -> ImportedSettings:
        """Return what came of it."""
        if self.left_out:
            self.note("left_out", names=tuple(sorted(set(self.left_out))))
        return ImportedSettings(
            tool=self.tool,
            policies=self.policies,
            autonomy=self.autonomy,
            labels=frozenset(self.labels),
            protected=frozenset(self.protected),
            notes=tuple(self.notes),
        )


_RULES: dict[str, AnyRule] = {rule.key: rule for rule in RULES}
