"""Stalled torrents: the swarm can be reached, yet nothing arrives.

Detected from the state that the client gives (fetching, or stalled) and from the bytes that are here, never from
message texts, and only as time without a new byte while the gate was open: a fresh connection reads as stalled for its
first second, and a dead line makes every torrent look so. The ladder begins with what costs nothing. A torrent is
given up only when nobody had a complete copy for a day (those who seed come and go daily), and only after another
release was found. A pack of which whole episodes are here is not given up at all, see `pack`.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import DownloadState
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.reasons import Reason
from ...model.waiting import swarm_evidence
from .base import Case, Look, Rule, Sign, Step, Verdict, climb, need
from .pack import is_mostly_here, lacking
from .swarm import (
    BEFORE_BLAMING,
    hindrance,
    is_careful,
    is_shared,
    reannounce,
    sign_in,
    tracker_is_down,
)

KEY = "stalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledPolicy:
    """How long to wait for a swarm."""

    patience: timedelta = timedelta(hours=6)
    patience_when_rare: timedelta = timedelta(hours=72)  # or private
    last_copy_patience: timedelta = timedelta(days=1)
    reannounce_after: timedelta = timedelta(minutes=30)
    trackers_after: timedelta = timedelta(hours=1)
    trackers: tuple[str, ...] = ()  # announce URLs to add to public torrents


def sign(case: Case, _policy: StalledPolicy) -> Sign:
    """Return whether it should be fetching. Whether it does, its clock tells: a new byte sets it back."""
    return sign_in(case, DownloadState.STALLED, DownloadState.DOWNLOADING)


def judge(case: Case, policy: StalledPolicy, elapsed: timedelta) -> Verdict:
    """Climb the ladder."""
    if elapsed >= policy.reannounce_after and (missing := need(case, BEFORE_BLAMING)):
        return missing
    careful = is_careful(case) or tracker_is_down(case)
    ladder = (
        *reannounce(policy.reannounce_after),
        Step(
            act=ActKind.ADD_TRACKERS,
            after=policy.trackers_after,
            fits=lambda case: bool(policy.trackers) and case.facts.is_private is False,
        ),
        Step(act=ActKind.REPLACE, after=policy.patience_when_rare if careful else policy.patience, times=None),
    )
    match climb(ladder, case, elapsed):
        case ActKind.REPLACE:
            return hindrance(case, elapsed, policy.last_copy_patience) or _give_up(case, elapsed)
        case ActKind.ADD_TRACKERS as act:
            return _proposal(case, act, elapsed, trackers=policy.trackers)
        case ActKind() as act:
            return _proposal(case, act, elapsed)
        case later:
            return later


def _give_up(case: Case, elapsed: timedelta) -> Verdict:
    if is_mostly_here(case):
        if missing := need(case, {Look.FILES}):
            return missing
        if lacking(case) is not None:
            return None  # what is here is kept
    ceiling = Autonomy.SUGGEST if is_shared(case) else Autonomy.ACT
    return _proposal(case, ActKind.REPLACE, elapsed, ceiling=ceiling)


def _proposal(
    case: Case, act: ActKind, elapsed: timedelta, *, ceiling: Autonomy = Autonomy.ACT, **parameters: object
) -> Proposal:
    torrent = case.download.torrent
    evidence = swarm_evidence(torrent) if torrent else {}
    reason = Reason(key=f"heal.{KEY}", parameters={"idle": elapsed}, evidence=evidence)
    return Proposal(rule=KEY, subject=case.download.id, act=act, reason=reason, parameters=parameters, ceiling=ceiling)


RULE = Rule(key=KEY, policy=StalledPolicy, sign=sign, judge=judge, ends_with_progress=True)
