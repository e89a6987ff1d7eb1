"""Slow torrents: something arrives, but at a pace that leads nowhere.

Detected from the bytes that came in half an hour of trustworthy time, never from the speed of one moment, and only as
long as nothing else explains it: the line, a limit of our own, or most of what this client fetches being slow as well.
A lone download can't be told from a slow line, so it gets a day, which is longer than any night.

What makes progress is not lightly given up. Left alone is what has nine tenths (the last tenth comes in less time than
another release takes from its beginning), and what would be complete, at its own pace, within the time that was
waited already. Of what is private or rare every byte counts, so there a person is asked.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import DownloadState
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.reasons import Reason
from ...model.waiting import swarm_evidence
from .arrs import is_away, waiting
from .base import Case, Later, Rule, Sign, Verdict, need
from .pack import is_mostly_here
from .swarm import ASK_AGAIN, BEFORE_GIVING_UP, arrived, is_careful, is_shared, sign_in

KEY = "slow"

#: With nothing at all for so long it is stalled, not slow.
IDLE_AFTER = timedelta(hours=1)
#: Who gets this share of what is allowed is held back by the limit.
_LIMITED_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPolicy:
    """What is slow, and for how long it may be. `latest_finish`: what would take longer is slow at any speed."""

    patience: timedelta = timedelta(hours=6)
    patience_when_alone: timedelta = timedelta(days=1)  # no other download shows that the line is good
    slowest_rate: int = 50_000  # bytes per second
    latest_finish: timedelta | None = None
    almost_here: float = 0.9  # share from which on it may arrive
    finishes_within: timedelta = timedelta(hours=6)  # so does what needs no longer than this


def sign(case: Case, policy: SlowPolicy) -> Sign:
    """Return whether it crawled over the last stretch of time, and nothing but its swarm explains that."""
    fetching = sign_in(case, DownloadState.DOWNLOADING, DownloadState.STALLED)
    if fetching is not Sign.YES:
        return fetching
    rate = case.memory.pace.rate if case.memory.pace else None
    if rate is None:
        return Sign.HOLD
    if rate and not _crawls(case, policy, rate):
        return Sign.NO
    explained = not rate or case.around.line_busy or case.around.slow_for_most or _is_limited(case, rate)
    return Sign.HOLD if explained else Sign.YES


def judge(case: Case, policy: SlowPolicy, elapsed: timedelta) -> Verdict:
    """Look for another release."""
    torrent, pace = case.download.torrent, case.memory.pace
    if torrent is None or pace is None or not pace.rate:
        return None
    patience = policy.patience_when_alone if _is_alone(case, policy) else policy.patience
    if elapsed < patience:
        return Later(patience)
    idle_since = case.memory.progressed_at
    idle = idle_since is None or case.now - idle_since >= IDLE_AFTER
    speeds_up = torrent.download_rate >= policy.slowest_rate and policy.latest_finish is None
    if idle or speeds_up or is_away(case, waiting(case)):
        return Later(elapsed + ASK_AGAIN)
    if missing := need(case, BEFORE_GIVING_UP):
        return missing
    left = _left(case, pace.rate)
    late = pace.rate >= policy.slowest_rate
    return Proposal(
        rule=KEY,
        subject=case.download.id,
        act=ActKind.REPLACE,
        reason=Reason(
            key=f"heal.{KEY}_finish" if late else f"heal.{KEY}",
            parameters={"rate": round(pace.rate), **({"left": left} if late else {"slow": elapsed})},
            evidence=swarm_evidence(torrent),
        ),
        ceiling=Autonomy.SUGGEST if is_careful(case) or is_shared(case) else Autonomy.ACT,
    )


def _crawls(case: Case, policy: SlowPolicy, rate: float) -> bool:
    left = _left(case, rate)
    if arrived(case) >= policy.almost_here or left <= policy.finishes_within or is_mostly_here(case):
        return False
    return rate < policy.slowest_rate or (policy.latest_finish is not None and left > policy.latest_finish)


def _left(case: Case, rate: float) -> timedelta:
    """Return how long it would still take at this pace; what takes a hundred years takes no longer."""
    return timedelta(seconds=min(case.download.remaining_bytes / rate, _CENTURY.total_seconds()))


_CENTURY = timedelta(days=36_525)


def _is_limited(case: Case, rate: float) -> bool:
    """Whether it goes as fast as a person lets this torrent go."""
    limit = case.download.torrent.download_limit if case.download.torrent else 0
    return 0 < limit * _LIMITED_SHARE <= rate


def _is_alone(case: Case, policy: SlowPolicy) -> bool:
    """Whether nothing else arrives at a pace that shows that the line is good."""
    torrent, transfer = case.download.torrent, case.around.transfer
    if torrent is None or transfer is None:
        return True
    return transfer.download_rate - torrent.download_rate < policy.slowest_rate


RULE = Rule(key=KEY, policy=SlowPolicy, sign=sign, judge=judge)
