"""Stalled torrents: the swarm can be reached, yet nothing arrives.

Detected from the state that the client gives (fetching, or stalled) and from the bytes that are here, never from
message texts, and only as time without a new byte while the gate was open: a fresh connection reads as stalled for its
first second, and a dead line makes every torrent look so. The ladder begins with what costs nothing. A torrent is
given up only when nobody had a complete copy for a day (those who seed come and go daily), and only after another
release was found.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import DownloadState
from ...model.journal import ActKind, Proposal
from ...model.reasons import Reason
from .base import Case, Later, Rule, Sign, Step, Verdict, climb, need
from .swarm import BEFORE_GIVING_UP, complete_copy_within, is_rare, reannounce, sign_in, swarm_evidence

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
    torrent = case.download.torrent
    if torrent is None:
        return None
    if elapsed >= policy.reannounce_after and (missing := need(case, BEFORE_GIVING_UP)):
        return missing
    careful = is_rare(case) or case.facts.is_private is not False
    patience = policy.patience_when_rare if careful else policy.patience
    ladder = (
        *reannounce(policy.reannounce_after),
        Step(
            act=ActKind.ADD_TRACKERS,
            after=policy.trackers_after,
            fits=lambda case: bool(policy.trackers) and case.facts.is_private is False,
        ),
        Step(act=ActKind.REPLACE, after=patience, times=None),
    )
    match climb(ladder, case, elapsed):
        case ActKind.REPLACE as act:
            if seen := complete_copy_within(case, policy.last_copy_patience):
                return Later(elapsed + policy.last_copy_patience - (case.now - seen))
            return _proposal(case, act, elapsed)
        case ActKind.ADD_TRACKERS as act:
            return _proposal(case, act, elapsed, trackers=policy.trackers)
        case ActKind() as act:
            return _proposal(case, act, elapsed)
        case later:
            return later


def _proposal(case: Case, act: ActKind, elapsed: timedelta, **parameters: object) -> Proposal:
    torrent = case.download.torrent
    evidence = swarm_evidence(torrent) if torrent else {}
    reason = Reason(key=f"heal.{KEY}", parameters={"idle": elapsed}, evidence=evidence)
    return Proposal(rule=KEY, subject=case.download.id, act=act, reason=reason, parameters=parameters)


RULE = Rule(key=KEY, policy=StalledPolicy, sign=sign, judge=judge, ends_with_progress=True)
