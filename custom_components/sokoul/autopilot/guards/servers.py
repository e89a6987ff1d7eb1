"""Which VPN server to use: what is known of each, where old knowledge fades.

A server's score is how likely it works, times how fast it was among its like. What is not known counts as middling.
Old samples fade by half in two weeks, because servers get crowded and move. Now and then (one choice in four) the
server of which least is known gets its chance, so that a bad first night is not for ever.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ...model.reasons import Reason, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPolicy:
    """How servers are compared and changed."""

    half_life: timedelta = timedelta(days=14)
    rest: timedelta = timedelta(hours=24)  # a server that failed is left alone for so long
    better_by: float = 1.15  # so much better has another to be, when nothing forces a change
    explore_every: int = 4  # of so many choices one goes to the least known
    tries: int = 3
    proof: timedelta = timedelta(seconds=90)  # so long has a server to prove that it works
    proof_back: timedelta = timedelta(minutes=5)  # and the one before: what crashed waits ever longer between its tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One experience with a server. None: that was not measured."""

    works: bool
    latency: timedelta | None = None
    bytes_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean in which old values count less; `weight` is how many fresh values it is worth."""

    value: float = 0.0
    weight: float = 0.0

    def with_value(self, value: float, keep: float) -> Mean:
        """Return it with one more value, after what it was worth has faded to the share `keep`."""
        weight = self.weight * keep
        return Mean(value=(self.value * weight + value) / (weight + 1), weight=weight + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of one server, as of its last sample."""

    at: datetime
    works: Mean = Mean()  # 1 for each success, 0 for each failure
    latency: Mean = Mean()  # seconds
    speed: Mean = Mean()  # bytes per second
    failed_at: datetime | None = None

    def known(self, now: datetime, half_life: timedelta) -> float:
        """Return how many fresh samples this is worth now."""
        return self.works.weight * _fade(now - self.at, half_life)

    def as_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {
            "at": self.at.timestamp(),
            "failed_at": self.failed_at and self.failed_at.timestamp(),
            **{name: [mean.value, mean.weight] for name, mean in self._means()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], now: datetime) -> Record:
        """Return what was stored. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        means = {
            name: Mean(value=float(stored[name][0]), weight=float(stored[name][1]))
            for name in ("works", "latency", "speed")
        }
        failed = stored["failed_at"]
        return cls(
            at=datetime.fromtimestamp(stored["at"], now.tzinfo),
            failed_at=None if failed is None else datetime.fromtimestamp(failed, now.tzinfo),
            **means,
        )

    def _means(self) -> Iterable[tuple[str, Mean]]:
        return ("works", self.works), ("latency", self.latency), ("speed", self.speed)


#: What is known of so many servers is kept.
MOST_SERVERS = 200

#: By server: a name by which the tunnel can be told to use it, a country or a host.
type Records = Mapping[str, Record]


def _fade(passed: timedelta, half_life: timedelta) -> float:
    """Return what share of old knowledge is left."""
    share: float = 0.5 ** (max(passed, timedelta()) / half_life)
    return share


def learn(records: Records, server: str, sample: Sample, policy: ServerPolicy, now: datetime) -> Records:
    """Return what is known after one more experience."""
    before = records.get(server, Record(at=now))
    keep = _fade(now - before.at, policy.half_life)
    latency = None if sample.latency is None else sample.latency.total_seconds()
    after = replace(
        before,
        at=max(now, before.at),
        works=before.works.with_value(float(sample.works), keep),
        latency=_with(before.latency, latency, keep),
        speed=_with(before.speed, sample.bytes_per_second, keep),
        failed_at=before.failed_at if sample.works else now,
    )
    return {**records, server: after}


def bounded(records: Records, candidates: Collection[str], most: int = MOST_SERVERS) -> Records:
    """Return the records of so many servers: of those that may be chosen first, then those of the newest samples."""
    if len(records) <= most:
        return records
    order = sorted(records, key=lambda each: (each not in candidates, -records[each].at.timestamp(), each))
    return {server: records[server] for server in order[:most]}


def _with(mean: Mean, value: float | None, keep: float) -> Mean:
    """Return it with a value, if there is one; else only faded."""
    return replace(mean, weight=mean.weight * keep) if value is None else mean.with_value(value, keep)


#: What isn't known of a server counts as so good, as if that had been seen so often.
_MIDDLING, _SEEN = 0.5, 1.0
#: How much throughput counts against latency.
_SPEED, _LATENCY = 0.7, 0.3


def score(records: Records, server: str, policy: ServerPolicy, now: datetime) -> float:
    """Return how good a server is, from 0 to 1, among all of which something is known."""
    return _score(records.get(server), _best_of(records), policy, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Best:
    """What the others are compared with: 0 where nothing of that was measured."""

    speed: float  # bytes per second
    latency: float  # seconds


def _best_of(records: Records) -> _Best:
    return _Best(
        speed=max((each.speed.value for each in records.values() if each.speed.weight), default=0.0),
        latency=min((each.latency.value for each in records.values() if each.latency.weight), default=0.0),
    )


def _score(record: Record | None, best: _Best, policy: ServerPolicy, now: datetime) -> float:
    if record is None:
        return _MIDDLING * _MIDDLING
    fade = _fade(now - record.at, policy.half_life)
    speed = _surely(record.speed.value / best.speed if best.speed else _MIDDLING, record.speed.weight * fade)
    latency = _surely(
        best.latency / record.latency.value if record.latency.value else _MIDDLING, record.latency.weight * fade
    )
    return _surely(record.works.value, record.works.weight * fade) * (_SPEED * speed + _LATENCY * latency)


def _surely(value: float, weight: float) -> float:
    """Return a value drawn to the middle, the less is known."""
    return (min(max(value, 0.0), 1.0) * weight + _MIDDLING * _SEEN) / (weight + _SEEN)


def ranking(records: Records, servers: Iterable[str], policy: ServerPolicy, now: datetime) -> list[tuple[str, float]]:
    """Return servers with their scores, the best first; those of equal score in the order of their names."""
    best = _best_of(records)
    scored = ((server, _score(records.get(server), best, policy, now)) for server in dict.fromkeys(servers))
    return sorted(scored, key=lambda each: (-each[1], each[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The server to try, and why; None: stay."""

    server: str | None
    reason: Reason


def choose(
    records: Records,
    candidates: Collection[str],
    current: str,
    policy: ServerPolicy,
    now: datetime,
    *,
    count: int = 0,
    must_move: bool = False,
    not_these: Collection[str] = (),
) -> Choice:
    """Choose the server to try next: never the current one, nor one that failed lately.

    `count` is how many choices there were before. A person who asks for another server (`must_move`) gets one, if
    there is any.
    """
    others = [each for each in dict.fromkeys(candidates) if each != current and each not in not_these]
    rested = [each for each in others if not _rests(records, each, policy, now)]
    if not (rested or (must_move and others)):
        return Choice(server=None, reason=server_reason("none"))
    if rested and count % policy.explore_every == policy.explore_every - 1:
        least = min(rested, key=lambda each: (_known(records, each, policy, now), each))
        if _known(records, least, policy, now) < _SEEN:
            return Choice(server=least, reason=server_reason("try", server=least))
    best, good = ranking(records, rested or others, policy, now)[0]
    if not must_move and good < score(records, current, policy, now) * policy.better_by:
        return Choice(server=None, reason=server_reason("current_best", server=current))
    return Choice(server=best, reason=server_reason("best" if best in records else "try", server=best))


def _rests(records: Records, server: str, policy: ServerPolicy, now: datetime) -> bool:
    record = records.get(server)
    return record is not None and record.failed_at is not None and now - record.failed_at < policy.rest


def _known(records: Records, server: str, policy: ServerPolicy, now: datetime) -> float:
    record = records.get(server)
    return 0.0 if record is None else record.known(now, policy.half_life)


def server_reason(name: str, **parameters: Value) -> Reason:
    """Return a reason of this guard."""
    return Reason(key=f"guard.server_{name}", parameters=parameters)
