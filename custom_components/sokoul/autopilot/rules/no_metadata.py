"""Torrents of which only the magnet link is known: nobody has said what is in them.

Detected from the client's state alone. There is not one byte to lose, so this needs less patience than a torrent that
has begun, and is allowed when nobody knows whether it is private; but then a person is asked.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import DownloadState
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.reasons import Reason
from ...model.waiting import swarm_evidence
from .base import Case, Rule, Sign, Step, Verdict, climb, need
from .swarm import BEFORE_BLAMING, hindrance, is_shared, reannounce, sign_in

KEY = "no_metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMetadataPolicy:
    """How long to wait for somebody who knows."""

    patience: timedelta = timedelta(hours=2)
    reannounce_after: timedelta = timedelta(minutes=30)


def sign(case: Case, _policy: NoMetadataPolicy) -> Sign:
    """Return whether only the magnet link is known."""
    return sign_in(case, DownloadState.METADATA)


def judge(case: Case, policy: NoMetadataPolicy, elapsed: timedelta) -> Verdict:
    """Climb the ladder."""
    torrent = case.download.torrent
    if torrent is None:
        return None
    if elapsed >= policy.reannounce_after and (missing := need(case, BEFORE_BLAMING)):
        return missing
    ladder = (
        *reannounce(policy.reannounce_after),
        Step(act=ActKind.REPLACE, after=policy.patience, times=None),
    )
    step = climb(ladder, case, elapsed)
    if not isinstance(step, ActKind):
        return step
    gives_up = step is ActKind.REPLACE
    # without metadata no complete copy can have been seen
    if gives_up and (later := hindrance(case, elapsed, timedelta())):
        return later
    ask = gives_up and (case.facts.is_private is None or is_shared(case))
    return Proposal(
        rule=KEY,
        subject=case.download.id,
        act=step,
        reason=Reason(key=f"heal.{KEY}", parameters={"idle": elapsed}, evidence=swarm_evidence(torrent)),
        ceiling=Autonomy.SUGGEST if ask else Autonomy.ACT,
    )


RULE = Rule(key=KEY, policy=NoMetadataPolicy, sign=sign, judge=judge)
