"""Downloads that a person took back.

The *arr that a download was taken back for has marked it as failed, and doesn't look after it any more: when it is
complete, nobody would import it. So the *arr is told to look at its folder, which it does for any that it is given. The
person asked for this download, so it needs no further consent. It is tried a few times, because a folder may not be
readable at once; after that a person is told.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import FINISHED_STATES
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.reasons import Reason
from .base import Case, Rule, Sign, Step, Verdict, climb

KEY = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredPolicy:
    """When it is imported."""

    after: timedelta = timedelta(minutes=2)  # the client may still move it
    times: int = 3
    apart: timedelta = timedelta(hours=1)


def sign(case: Case, _policy: RestoredPolicy) -> Sign:
    """Return whether a download that was taken back is complete, and its *arr doesn't look after it."""
    torrent = case.download.torrent
    if not _unaware(case):
        return Sign.NO
    if torrent is None or not _asked(case):
        return Sign.HOLD
    return Sign.YES if torrent.state in FINISHED_STATES else Sign.HOLD


def judge(case: Case, policy: RestoredPolicy, elapsed: timedelta) -> Verdict:
    """Let the *arrs look at it, in turn and some times each; then tell."""
    torrent, arrs = case.download.torrent, _asked(case)
    if torrent is None or not arrs:
        return None
    tried = case.memory.tried.get(ActKind.RETRY_IMPORT)
    arr, times = arrs[(tried.count if tried else 0) % len(arrs)], policy.times * len(arrs)
    ladder = (
        Step(act=ActKind.RETRY_IMPORT, after=policy.after, times=times, apart=policy.apart),
        Step(act=ActKind.TELL, after=policy.after + policy.apart * times, times=None),
    )
    act = climb(ladder, case, elapsed)
    if not isinstance(act, ActKind):
        return act
    stuck = act is ActKind.TELL
    return Proposal(
        rule=KEY,
        subject=case.download.id,
        act=act,
        reason=Reason(key="heal.restored_stuck" if stuck else "heal.restored", backend_id=arr),
        parameters={"arr_id": arr, "download_id": torrent.hash, "client_path": torrent.content_path},
    )


def _unaware(case: Case) -> list[str]:
    """Return the *arrs that it was taken back for and that do not look after it."""
    return [arr for arr in case.memory.restored_from if arr not in case.download.arr_ids]


def _asked(case: Case) -> list[str]:
    """Return those that can be asked to."""
    return [arr for arr in _unaware(case) if arr not in case.around.arrs_away]


RULE = Rule(key=KEY, policy=RestoredPolicy, sign=sign, judge=judge, default=Autonomy.ACT)
