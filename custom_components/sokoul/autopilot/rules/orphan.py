"""Queue items that lead nowhere: not in their client, of an unknown title, or of titles that nobody wants any more.

- Not in its client: the *arr waits for a torrent, its client is known, answers, and doesn't have it. What is no torrent
  is never one: usenet has clients of its own, which SOKOUL doesn't see.
- Unknown: the *arr says nothing of what it is. Often a person brought it, so once it is complete they are asked. While
  its client has it, an *arr lists it again a minute later, so it leaves the queue once; then a person is told.
- Unmonitored: all titles were switched off after the grab. What is almost here is left to arrive and to be imported,
  and so is what a person chose for a title that is not monitored.

All of them only leave the queue, without blocklist and search, and the client keeps what it has. Nothing leaves while
something arrives: that shows that it leads somewhere.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.journal import ActKind, Autonomy
from ...model.library import Protocol, TrackedState
from ...model.waiting import Claim, Wait
from .arrs import is_away, proposal, waiting
from .base import Case, Later, Look, Rule, Sign, Verdict, need
from .failed import has_failed

KEY = "orphan"

_NOT_IN_CLIENT, _UNKNOWN, _BACK, _UNMONITORED = "not_in_client", "unknown", "unknown_back", "unmonitored"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanPolicy:
    """How long an item may lead nowhere."""

    patience: timedelta = timedelta(hours=1)
    almost_here: float = 0.9  # share of an unmonitored download from which on it may arrive


def sign(case: Case, policy: OrphanPolicy) -> Sign:
    """Return whether it leads nowhere for all *arrs that have it in their queue."""
    claims = waiting(case)
    if not claims or not all(_why(case, claim, policy) for claim in claims):
        return Sign.NO
    return Sign.HOLD if is_away(case, claims) else Sign.YES


def judge(case: Case, policy: OrphanPolicy, elapsed: timedelta) -> Verdict:
    """Let it leave the queue, or tell a person."""
    if elapsed < policy.patience:
        return Later(policy.patience)
    claim = waiting(case)[0]
    why = _why(case, claim, policy)
    if why == _UNKNOWN and ActKind.LEAVE_QUEUE in case.memory.tried:
        return proposal(case, claim, KEY, ActKind.TELL, _BACK)
    if missing := need(case, {Look.ORIGIN}):
        return missing
    if why is None or (why == _UNMONITORED and case.facts.by_hand):
        return None
    unsure = (why == _UNKNOWN and case.download.finished) or (why == _UNMONITORED and case.facts.by_hand is None)
    ceiling = Autonomy.SUGGEST if unsure else Autonomy.ACT
    return proposal(case, claim, KEY, ActKind.LEAVE_QUEUE, why, ceiling=ceiling)


def _why(case: Case, claim: Claim, policy: OrphanPolicy) -> str | None:
    item, download = claim.item, case.download
    if download.waits is not None and download.waits.key == Wait.NOT_IN_CLIENT:
        return _NOT_IN_CLIENT if item.protocol is Protocol.TORRENT else None
    if not item.titles:
        return _UNKNOWN if item.tracked_state is not TrackedState.IMPORTING else None
    if has_failed(item) or any(title.monitored for title in item.titles):
        return None
    arrived = 1 - download.remaining_bytes / download.size_bytes if download.size_bytes else 0.0
    return _UNMONITORED if arrived < policy.almost_here and not download.finished else None


RULE = Rule(key=KEY, policy=OrphanPolicy, sign=sign, judge=judge, ends_with_progress=True)
