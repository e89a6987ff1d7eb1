"""A fire drill: a leak is pretended for one client, and it is measured how long everything takes to stop.

It goes the whole way that a real leak goes: the guard finds it, stops everything, and starts again what ran. Only the
evidence is made up. What is measured begins when the leak is there to be seen, not when it is seen: the time between
two looks is part of what a real leak would get.

A real leak during the drill wins: the drill ends, and what is stopped stays so. A drill is never stored. If Home
Assistant ends in the middle of one, nothing pretends any more at the next start, and what was stopped starts again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ...model.reasons import Reason, Value
from .vpn_types import Proof, Verdict, VpnState


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPolicy:
    """How long it may take at most."""

    stop_within: timedelta = timedelta(seconds=10)
    resume_within: timedelta = timedelta(minutes=5)  # what ran is started step by step


class DrillStage(StrEnum):
    """How far it is."""

    PRETENDING = "pretending"
    RESUMING = "resuming"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """What came of it. `reaction` is from when the leak could be seen to when nothing ran any more."""

    at: datetime
    passed: bool
    reason: Reason
    reaction: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A drill at one client."""

    client: str
    began_at: datetime
    stage: DrillStage = DrillStage.PRETENDING
    stopped_at: datetime | None = None
    resuming_since: datetime | None = None
    result: DrillResult | None = None

    @property
    def pretends(self) -> bool:
        """Whether the guard is to see a leak: goes into its evidence."""
        return self.stage is DrillStage.PRETENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFacts:
    """What the guard says, and what the client showed when it was last looked at."""

    verdict: Verdict
    running: int  # torrents that run
    held: int  # torrents that the guard still holds stopped


def hindrance(verdict: Verdict, *, client: str, running: int, held: bool) -> Reason | None:
    """Return why there can be no drill now; None: there can."""
    if held or verdict.stop:
        return _reason("busy", client)
    if not verdict.gate_open or verdict.state not in {VpnState.SAFE, VpnState.CONTAINED, VpnState.UNVERIFIED}:
        return _reason("unsafe", client)
    return None if running else _reason("idle", client)


def begin(client: str, now: datetime) -> Drill:
    """Begin: from now on the guard sees a leak."""
    return Drill(client=client, began_at=now)


def advance(drill: Drill, facts: DrillFacts, policy: DrillPolicy, now: datetime) -> Drill:
    """Take the next step; the same drill while there is none to take."""
    if drill.stage is DrillStage.ENDED:
        return drill
    pretended = facts.verdict.proof is Proof.DRILL
    if facts.verdict.stop and not pretended:
        return _end(drill, now, _reason("overtaken", drill.client), passed=False)
    if drill.stage is DrillStage.PRETENDING:
        return _stop(drill, facts, policy, now, pretended=pretended)
    return _resume(drill, facts, policy, now)


def _stop(drill: Drill, facts: DrillFacts, policy: DrillPolicy, now: datetime, *, pretended: bool) -> Drill:
    if pretended and facts.running == 0:
        return replace(drill, stage=DrillStage.RESUMING, stopped_at=now, resuming_since=now)
    if now - drill.began_at >= policy.stop_within:
        return replace(drill, stage=DrillStage.RESUMING, resuming_since=now)
    return drill


def _resume(drill: Drill, facts: DrillFacts, policy: DrillPolicy, now: datetime) -> Drill:
    since = drill.resuming_since or now
    resumed = facts.held == 0
    if not resumed and now - since < policy.resume_within:
        return drill
    if drill.stopped_at is None:
        return _end(drill, now, _reason("failed_stop", drill.client, waited=policy.stop_within), passed=False)
    if not resumed:
        return _end(drill, now, _reason("failed_resume", drill.client, count=facts.held), passed=False)
    milliseconds = round((drill.stopped_at - drill.began_at) / timedelta(milliseconds=1))
    return _end(drill, now, _reason("passed", drill.client, milliseconds=milliseconds), passed=True)


def _end(drill: Drill, now: datetime, reason: Reason, *, passed: bool) -> Drill:
    result = DrillResult(
        at=now,
        passed=passed,
        reason=reason,
        reaction=None if drill.stopped_at is None else drill.stopped_at - drill.began_at,
    )
    return replace(drill, stage=DrillStage.ENDED, result=result)


def _reason(name: str, client: str, **values: Value) -> Reason:
    return Reason(key=f"guard.drill_{name}", parameters={"client": client, **values})
