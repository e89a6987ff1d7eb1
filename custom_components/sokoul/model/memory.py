"""What is learned over time about a subject: how long something has lasted, what was tried, how fast it goes.

Time counts only while the evidence could be trusted, so it is kept in clocks that are stopped and started. A running
clock costs nothing: it knows since when it runs. What is stored is the same, and whoever loads it says until when the
clocks are known to have run; the time that SOKOUL was away counts for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

ZERO = timedelta()
#: Among what was tried: a search for another release, in vain.
VAIN_SEARCH = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How long something has lasted."""

    counted: timedelta = ZERO
    running_since: datetime | None = None

    def read(self, now: datetime) -> timedelta:
        """Return how long it ran until now."""
        if self.running_since is None:
            return self.counted
        return self.counted + max(now - self.running_since, ZERO)

    def running(self, now: datetime) -> Clock:
        """Return it running: the same object if it does."""
        return self if self.running_since is not None else replace(self, running_since=now)

    def stopped(self, now: datetime) -> Clock:
        """Return it stopped: the same object if it is."""
        return self if self.running_since is None else Clock(counted=self.read(now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How often something was tried, and when last."""

    count: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast something comes, measured over stretches of time in which the evidence could be trusted."""

    since: datetime  # the present stretch began
    have_bytes: int  # were here then
    rate: float | None = None  # bytes per second over the stretch before; None: there was none yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectMemory:
    """What is known of one subject beside what it is now.

    `clocks` are by rule, `tried` by act, `proposed` holds for each rule the journal entry that stands for what it
    wants now, so that nothing is said twice.
    """

    have_bytes: int = 0  # the most that was here
    progressed_at: datetime | None = None
    settling_until: datetime | None = None  # it was checked or moved: its state says little for a while
    pace: Pace | None = None
    clocks: Mapping[str, Clock] = MappingProxyType({})
    tried: Mapping[str, Tries] = MappingProxyType({})
    proposed: Mapping[str, int] = MappingProxyType({})
    kept_until: Mapping[str, datetime] = MappingProxyType({})  # by rule: a person or a vain search settled it so long
    first_seeds: int | None = None  # the most seeds of its swarm soon after it was added; None: nobody said
    restored_from: tuple[str, ...] = ()  # the *arrs that it was taken back for: they do not look after it any more

    def elapsed(self, rule: str, now: datetime) -> timedelta:
        """Return how long a rule's symptom has lasted."""
        clock = self.clocks.get(rule)
        return clock.read(now) if clock else ZERO

    def with_try(self, act: str, began: datetime, now: datetime) -> SubjectMemory:
        """Return it with one more try of an act. Those from before this spell of the symptom began are forgotten."""
        tries = self.tried.get(act)
        count = tries.count if tries and tries.at >= began else 0
        return replace(self, tried={**self.tried, act: Tries(count=count + 1, at=now)})

    def with_proposed(self, rule: str, entry_id: int | None) -> SubjectMemory:
        """Return it with the journal entry that stands for a rule's wish; None: there is none any more."""
        proposed = {name: number for name, number in self.proposed.items() if name != rule}
        return replace(self, proposed=proposed if entry_id is None else {**proposed, rule: entry_id})

    def with_kept(self, rule: str, until: datetime) -> SubjectMemory:
        """Return it with a rule silenced for a time."""
        return replace(self, kept_until={**self.kept_until, rule: until})

    def kept(self, rule: str, now: datetime) -> bool:
        """Tell whether a rule is silenced."""
        until = self.kept_until.get(rule)
        return until is not None and now < until

    def as_json(self) -> dict[str, Any]:
        """Return it for the store, without what is empty."""
        stored: dict[str, Any] = {"have": self.have_bytes} if self.have_bytes else {}
        for name in ("progressed_at", "settling_until"):
            if (moment := getattr(self, name)) is not None:
                stored[name] = moment.timestamp()
        if self.pace and self.pace.rate is not None:
            stored["rate"] = self.pace.rate
        if self.clocks:
            stored["clocks"] = {
                rule: [clock.counted.total_seconds(), clock.running_since and clock.running_since.timestamp()]
                for rule, clock in self.clocks.items()
            }
        if self.tried:
            stored["tried"] = {act: [tries.count, tries.at.timestamp()] for act, tries in self.tried.items()}
        if self.proposed:
            stored["proposed"] = dict(self.proposed)
        if self.kept_until:
            stored["kept"] = {rule: until.timestamp() for rule, until in self.kept_until.items()}
        if self.first_seeds is not None:
            stored["first_seeds"] = self.first_seeds
        if self.restored_from:
            stored["restored_from"] = list(self.restored_from)
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], ran_until: datetime) -> SubjectMemory:
        """Return what was stored. Clocks that ran are stopped at the moment until which they are known to have run.

        Raises `KeyError`, `TypeError` or `ValueError` when it is not what `as_json` made.
        """
        have, rate, seeds = int(stored.get("have", 0)), stored.get("rate"), stored.get("first_seeds")
        return cls(
            have_bytes=have,
            progressed_at=_moment(stored.get("progressed_at")),
            settling_until=_moment(stored.get("settling_until")),
            # a stretch in which nobody looked tells nothing of the pace
            pace=None if rate is None else Pace(since=ran_until, have_bytes=have, rate=float(rate)),
            clocks={rule: _clock(counted, since, ran_until) for rule, (counted, since) in _of(stored, "clocks")},
            tried={act: Tries(count=int(count), at=_at(at)) for act, (count, at) in _of(stored, "tried")},
            proposed={rule: int(number) for rule, number in _of(stored, "proposed")},
            kept_until={rule: _at(until) for rule, until in _of(stored, "kept")},
            first_seeds=None if seeds is None else int(seeds),
            restored_from=tuple(stored.get("restored_from", ())),
        )


NOTHING_KNOWN = SubjectMemory()


def _of(stored: Mapping[str, Any], name: str) -> Any:
    return stored.get(name, {}).items()


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


def _clock(counted: float, since: float | None, ran_until: datetime) -> Clock:
    clock = Clock(counted=timedelta(seconds=counted), running_since=_moment(since))
    return clock.stopped(ran_until)
