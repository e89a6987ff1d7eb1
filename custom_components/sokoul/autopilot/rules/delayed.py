"""Releases that an *arr keeps back for longer than their delay profile asks for.

What is delayed is in no download client yet, so no other rule may look at it. An *arr says how long it will still wait,
until its next look at the feeds at least: while a delay runs that is hours or days, once it is over it stays below the
time from one look to the next, two hours at most. When that lasts for a day, nothing will come of it by itself: usually
the release has left the feed, or its indexer can't be reached. There is nothing to repair, so a person is told.
Source: the pending releases of Radarr 6.1 and Sonarr of June 2026; both look at the feeds every 10 to 120 minutes.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.journal import ActKind, Autonomy
from ...model.library import QueueItem, QueueStatus
from ...model.waiting import Claim
from .arrs import is_away, proposal
from .base import Case, Later, Rule, Sign, Verdict

KEY = "delayed"

#: With no more than this left, it waits for the next look at the feeds, not for its delay.
FEED_INTERVAL = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedPolicy:
    """How long after its delay a release may wait."""

    patience: timedelta = timedelta(days=1)


def is_overdue(item: QueueItem) -> bool:
    """Whether the delay of a release is over, as far as one look can tell."""
    return item.status is QueueStatus.DELAY and (item.time_left is None or item.time_left <= FEED_INTERVAL)


def sign(case: Case, _policy: DelayedPolicy) -> Sign:
    """Return whether it is kept back though its delay is over."""
    overdue = _overdue(case)
    if not overdue:
        return Sign.NO
    return Sign.HOLD if is_away(case, overdue) else Sign.YES


def judge(case: Case, policy: DelayedPolicy, elapsed: timedelta) -> Verdict:
    """Tell a person."""
    if elapsed < policy.patience:
        return Later(policy.patience)
    return proposal(case, _overdue(case)[0], KEY, ActKind.TELL, values={"overdue": case.memory.elapsed(KEY, case.now)})


def _overdue(case: Case) -> list[Claim]:
    return [claim for claim in case.download.claims if is_overdue(claim.item)]


RULE = Rule(key=KEY, policy=DelayedPolicy, sign=sign, judge=judge, default=Autonomy.SUGGEST, gated=False)
