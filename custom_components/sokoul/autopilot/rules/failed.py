"""Downloads that an *arr counts as failed.

Detected from the *arr's own state: `failedPending` and `failed`, or the status that its client gives. An *arr deals
with these itself within minutes: it removes them, blocklists the release and searches again. Some stay: a download that
it didn't grab itself, a client that is not to be tidied up, a failure that it could not process. Those are completed
here in the same way. Nothing is done while another *arr still waits for the same download, or while it makes progress:
a person may have marked as failed what arrives nevertheless.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.journal import ActKind
from ...model.library import QueueItem, QueueStatus, TrackedState
from .arrs import is_away, proposal, waiting
from .base import Case, Later, Rule, Sign, Verdict, need
from .swarm import BEFORE_GIVING_UP
from .titles import titles_of

KEY = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPolicy:
    """How long the *arr is given to deal with it."""

    patience: timedelta = timedelta(minutes=10)


def has_failed(item: QueueItem) -> bool:
    """Whether its *arr or its client gave it up."""
    return item.tracked_state in {TrackedState.FAILED, TrackedState.FAILED_PENDING} or (
        item.status is QueueStatus.FAILED
    )


def sign(case: Case, _policy: FailedPolicy) -> Sign:
    """Return whether all *arrs that wait for it count it as failed."""
    claims = waiting(case)
    failed = [claim for claim in claims if has_failed(claim.item) and claim.item.titles]
    if not failed:
        return Sign.NO
    return Sign.HOLD if len(failed) < len(claims) or is_away(case, claims) else Sign.YES


def judge(case: Case, policy: FailedPolicy, elapsed: timedelta) -> Verdict:
    """Give it up: with a search when something is missing, without when all its titles are there already."""
    if elapsed < policy.patience:
        return Later(policy.patience)
    if missing := need(case, BEFORE_GIVING_UP):
        return missing
    claim = waiting(case)[0]
    titles = titles_of(case, claim)
    if titles and all(title.has_file for title in titles):
        return proposal(case, claim, KEY, ActKind.DISCARD, "not_missing")
    return proposal(case, claim, KEY, ActKind.REPLACE)


RULE = Rule(key=KEY, policy=FailedPolicy, sign=sign, judge=judge, ends_with_progress=True)
