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
    arr, torrent = case.memory.restored_from, case.download.torrent
    if arr is None or arr in case.download.arr_ids:
        return Sign.NO
    if torrent is None or arr in case.around.arrs_away:
        return Sign.HOLD
    return Sign.YES if torrent.state in FINISHED_STATES else Sign.HOLD


def judge(case: Case, policy: RestoredPolicy, elapsed: timedelta) -> Verdict:
    """Let the *arr look at it, some times; then tell."""
    torrent, arr = case.download.torrent, case.memory.restored_from
    if torrent is None or arr is None:
        return None
    ladder = (
        Step(act=ActKind.RETRY_IMPORT, after=policy.after, times=policy.times, apart=policy.apart),
        Step(act=ActKind.TELL, after=policy.after + policy.apart * policy.times, times=None),
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


RULE = Rule(key=KEY, policy=RestoredPolicy, sign=sign, judge=judge, default=Autonomy.ACT)
