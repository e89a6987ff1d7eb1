"""The governor: what is demanded of each download client now, by which sources, and since when.

Of all that concerns a client the strictest wins. It is tightened at once, and loosened only after its cause was over
for a while without a break: nothing ever flaps, whatever a sensor does.

A source that tells nothing proves nothing, neither heat nor calm. What it demanded last holds for a while; then it is
released, and said: a dead sensor must not throttle for ever, nor be taken for a cool machine.

Pure: called at each reading, and when `Decision.again_at` has come.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf, isfinite
from types import MappingProxyType
from typing import Any

from ...model.reasons import Reason, Value
from .sources import NOTHING, Demand, Source, SourceKind, Step

ZERO = timedelta()


# --- what is remembered ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveStep:
    """A step that demands something."""

    since: datetime
    calm_since: datetime | None = None  # its cause is over since then, without a break


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMemory:
    """What is known of a source beside what it tells now."""

    active: Mapping[str, ActiveStep] = MappingProxyType({})  # by the key of the step
    unknown_since: datetime | None = None
    released: bool = False  # it told nothing for so long that what it demanded was given up


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorMemory:
    """What the governor remembers. `today` is how long each client was throttled."""

    sources: Mapping[str, SourceMemory] = MappingProxyType({})
    throttled: frozenset[str] = frozenset()  # the clients of which something was demanded at the last look
    looked_at: datetime | None = None  # None: there was no look since it was loaded
    day_began: datetime | None = None
    today: Mapping[str, timedelta] = MappingProxyType({})

    def dump(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "sources": {
                key: {
                    "active": {name: step.since.timestamp() for name, step in source.active.items()},
                    "unknown": self._unknown_for(source).total_seconds(),
                }
                for key, source in self.sources.items()
                if source.active
            },
            "day_began": self.day_began and self.day_began.timestamp(),
            "today": {client: spent.total_seconds() for client, spent in self.today.items()},
        }

    @classmethod
    def load(cls, note: Mapping[str, Any] | None, now: datetime) -> GovernorMemory:
        """Read it again. The time in which nobody looked counts for nothing.

        Raises `KeyError`, `TypeError` or `ValueError` when it is not what `dump` made.
        """
        if not note:
            return cls()
        return cls(
            sources={
                key: SourceMemory(
                    active={name: ActiveStep(since=_at(since)) for name, since in source["active"].items()},
                    unknown_since=now - timedelta(seconds=source["unknown"]) if source["unknown"] else None,
                )
                for key, source in note["sources"].items()
            },
            day_began=None if note["day_began"] is None else _at(note["day_began"]),
            today={client: timedelta(seconds=spent) for client, spent in note["today"].items()},
        )

    def counted(self, now: datetime, day: datetime) -> GovernorMemory:
        """Return it with the time since the last look, in so far as it is of this day (`day` is when that began)."""
        fresh = self if self.day_began == day else replace(self, day_began=day, today={})
        if self.looked_at is None or not self.throttled:
            return fresh
        spent = max(now - max(self.looked_at, day), ZERO)
        today = dict(fresh.today)
        for client in self.throttled:
            today[client] = today.get(client, ZERO) + spent
        return replace(fresh, today=today, looked_at=now)

    def starting(self, now: datetime) -> GovernorMemory:
        """Return it while Home Assistant starts: what tells nothing may just not be loaded yet.

        The time since the last look isn't counted against its patience.
        """
        if self.looked_at is None:
            return self
        passed = max(now - self.looked_at, ZERO)
        sources = {
            key: source
            if source.unknown_since is None
            else replace(source, unknown_since=source.unknown_since + passed)
            for key, source in self.sources.items()
        }
        return replace(self, sources=sources)

    def _unknown_for(self, source: SourceMemory) -> timedelta:
        if source.unknown_since is None or self.looked_at is None:
            return ZERO
        return self.looked_at - source.unknown_since


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# --- what is decided -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """How a source stands: what it demands of its clients, or would if it had any."""

    source: Source
    demand: Demand = NOTHING
    since: datetime | None = None  # its harshest step that is active was entered
    reason: Reason | None = None  # why it demands something
    unknown_since: datetime | None = None
    trouble: Reason | None = None  # it tells nothing: what becomes of what it demanded


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDecision:
    """What is demanded of a client, and by which sources, the strictest first."""

    demand: Demand = NOTHING
    causes: tuple[SourceState, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why, the strictest first."""
        return tuple(cause.reason for cause in self.causes if cause.reason is not None)


FREE = ClientDecision()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the governor wants now. A client that is missing is free."""

    clients: Mapping[str, ClientDecision]
    sources: Mapping[str, SourceState]
    again_at: datetime | None  # when to look again even if nothing new is told

    def of(self, client: str) -> ClientDecision:
        """Return what is demanded of a client."""
        return self.clients.get(client, FREE)


def advance(
    memory: GovernorMemory,
    readings: Mapping[str, float | None],
    sources: Collection[Source],
    now: datetime,
    *,
    day: datetime,
) -> tuple[GovernorMemory, Decision]:
    """Return what to remember and what is demanded now, after a look at what the sources tell.

    `readings` are the values of now by the key of the source; None, or one that is missing, is not known. `sources`
    may differ from look to look: thresholds count from now on, what is left out is free at once (all of it, while the
    governor is off). `day` is when this day began where the house is, for the time throttled today.
    """
    looked = {source.key: _look(memory.sources.get(source.key), source, readings, now) for source in sources}
    states = {source.key: _state(source, looked[source.key], now) for source in sources}
    clients = _by_client(states.values())
    again_at = min(
        (at for source in sources for at in _deadlines(source, looked[source.key], now)),
        default=None,
    )
    return (
        replace(memory.counted(now, day), sources=looked, throttled=frozenset(clients), looked_at=now),
        Decision(clients=clients, sources=states, again_at=again_at),
    )


def effects(demand: Demand) -> tuple[Reason, ...]:
    """Return what a demand means for a client, as sentences."""
    found: list[Reason] = []
    if demand.pause:
        found.append(Reason(key="governor.pause"))
    elif demand.limits.download:
        found.append(Reason(key="governor.limit_download", parameters={"rate": demand.limits.download}))
    if demand.limits.upload:
        found.append(Reason(key="governor.limit_upload", parameters={"rate": demand.limits.upload}))
    return tuple(found)


# --- one source ------------------------------------------------------------------------------------------------------


def _look(
    known: SourceMemory | None, source: Source, readings: Mapping[str, float | None], now: datetime
) -> SourceMemory:
    known = known or SourceMemory()
    value = readings.get(source.key)
    if value is None or not isfinite(value):
        return _unknown(known, source, now)
    steps = ((step.key, _judge(known.active.get(step.key), step, source, value, now)) for step in source.steps)
    return SourceMemory(active={key: active for key, active in steps if active is not None})


def _judge(known: ActiveStep | None, step: Step, source: Source, value: float, now: datetime) -> ActiveStep | None:
    """Return a step after a value was told; None: it demands nothing."""
    if step.holds(value, active=known is not None):
        return ActiveStep(since=now) if known is None else replace(known, calm_since=None)
    if known is None:
        return None
    calm_since = _past(known.calm_since, now)
    return None if now - calm_since >= source.pace.calm else replace(known, calm_since=calm_since)


def _unknown(known: SourceMemory, source: Source, now: datetime) -> SourceMemory:
    """Return a source after it told nothing. What was calm before has to be calm anew."""
    since = _past(known.unknown_since, now)
    keys = {step.key for step in source.steps}
    active = {key: replace(step, calm_since=None) for key, step in known.active.items() if key in keys}
    if now - since < source.pace.patience:
        return SourceMemory(active=active, unknown_since=since)
    return SourceMemory(unknown_since=since, released=known.released or bool(active))


def _past(since: datetime | None, now: datetime) -> datetime:
    """Return since when something lasts. The clock of a small board may have been set back meanwhile."""
    return now if since is None else min(since, now)


def _state(source: Source, memory: SourceMemory, now: datetime) -> SourceState:
    demand, last = NOTHING, None
    for step in source.steps:
        if step.key in memory.active:
            demand, last = demand.strictest(step.demand), step
    state = SourceState(source=source, unknown_since=memory.unknown_since, trouble=_trouble(source, memory, now))
    if last is None:
        return state
    since = memory.active[last.key].since
    return replace(state, demand=demand, since=since, reason=_reason(source, last, since))


def _reason(source: Source, step: Step, since: datetime) -> Reason:
    parameters: dict[str, Value] = {"source": source.label, "since": since}
    if source.kind is SourceKind.THERMAL:
        parameters |= {"enter": step.enter, "leave": step.end}
    return Reason(key=f"governor.{source.kind}", parameters=parameters)


#: What these are about may be switched off, and tells nothing then: that alone is no trouble.
_MAY_BE_OFF = frozenset({SourceKind.WATCHING})


def _trouble(source: Source, memory: SourceMemory, now: datetime) -> Reason | None:
    """Say what becomes of what a source demanded, or of what it was to protect."""
    if (since := memory.unknown_since) is None:
        return None
    parameters: dict[str, Value] = {"source": source.label, "since": since}
    until = since + source.pace.patience
    if memory.active:
        return Reason(key="governor.kept", parameters={**parameters, "until": until})
    if memory.released:
        return Reason(key="governor.released", parameters=parameters)
    if now < until or source.kind in _MAY_BE_OFF:
        return None
    return Reason(key="governor.unknown", parameters=parameters)


def _deadlines(source: Source, memory: SourceMemory, now: datetime) -> Iterator[datetime]:
    """Return when time alone may change how a source stands."""
    pace = source.pace
    for step in memory.active.values():
        if step.calm_since is not None:
            yield step.calm_since + pace.calm
    if memory.unknown_since is not None and memory.unknown_since + pace.patience > now:
        yield memory.unknown_since + pace.patience


# --- all of them -----------------------------------------------------------------------------------------------------


def _by_client(states: Iterable[SourceState]) -> dict[str, ClientDecision]:
    causes: dict[str, list[SourceState]] = {}
    for state in sorted(states, key=lambda state: _strictness(state.demand)):
        if state.demand != NOTHING:
            for client in state.source.clients:
                causes.setdefault(client, []).append(state)
    return {client: ClientDecision(demand=_union(found), causes=tuple(found)) for client, found in causes.items()}


def _strictness(demand: Demand) -> tuple[bool, float, float]:
    """Return what sorts the strictest first."""
    return not demand.pause, demand.limits.download or inf, demand.limits.upload or inf


def _union(causes: Iterable[SourceState]) -> Demand:
    demand = NOTHING
    for cause in causes:
        demand = demand.strictest(cause.demand)
    return demand
