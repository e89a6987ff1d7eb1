"""Torrents that stopped with an error, or whose files are gone.

Detected from the client's state. One by itself is a damaged or deleted file; several on one mount are a disk or a
share that is away, and then nothing is done, because a check would find nothing there and begin to download everything
again, into the empty folder. The same holds where SOKOUL sees the folder and doesn't find in it what should be there.
What lies below one folder of the root counts as one mount, and so does all that SOKOUL doesn't see of a client.

The files are checked once, which also brings back what only had to be looked at again; one download at a time, and
the folder is looked at once more just before. Without a proven view of it a person is asked. When that didn't help, a
person decides whether another release takes its place.
What no *arr waits for any more (it was imported, and its files moved) is nobody's business.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import BROKEN_STATES, DownloadState, Torrent
from ...model.journal import EMPTY, ActKind, Autonomy, Json, Proposal
from ...model.reasons import Reason
from .arrs import is_importing, waiting
from .base import Case, Later, Look, Rule, Sign, Verdict, need

KEY = "broken"

#: So many others on one mount: it is the mount.
OUTAGE = 2
#: While the files of another one are checked, it is looked at again after this.
_ASK_AGAIN = timedelta(minutes=10)

_WORKING = frozenset({DownloadState.CHECKING, DownloadState.MOVING})
_LOOKS = frozenset({Look.ORIGIN, Look.PRIVACY})


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPolicy:
    """How long to wait: a client tries again by itself, and a share that slept wakes up."""

    patience: timedelta = timedelta(minutes=30)
    check_lasts: timedelta = timedelta(days=1)  # what breaks again within this is not checked again


def sign(case: Case, _policy: BrokenPolicy) -> Sign:
    """Return whether it is broken by itself."""
    torrent, claims = case.download.torrent, waiting(case)
    if torrent is None or not claims:
        return Sign.NO
    if torrent.state in _WORKING:
        return Sign.HOLD
    if torrent.state not in BROKEN_STATES:
        return Sign.NO
    outage = case.around.broken_neighbours >= OUTAGE or case.around.mount_proven is False
    return Sign.HOLD if outage or any(is_importing(claim.item) for claim in claims) else Sign.YES


def judge(case: Case, policy: BrokenPolicy, elapsed: timedelta) -> Verdict:
    """Check its files; then let a person decide."""
    torrent = case.download.torrent
    if torrent is None:
        return None
    if elapsed < policy.patience:
        return Later(policy.patience)
    if missing := need(case, _LOOKS):
        return missing
    checked = case.memory.tried.get(ActKind.RECHECK)
    since = case.now - checked.at if checked else policy.check_lasts
    if since >= policy.check_lasts:
        if case.around.checking:
            return Later(elapsed + _ASK_AGAIN)
        proven = case.around.mount_proven is True
        ceiling = Autonomy.ACT if proven else Autonomy.SUGGEST
        return _proposal(
            case, torrent, ActKind.RECHECK, elapsed, ceiling, {"folder": torrent.save_path, "proven": proven}
        )
    if since < policy.patience:  # it may not have begun yet
        return Later(elapsed + policy.patience - since)
    act = ActKind.TELL if torrent.finished else ActKind.REPLACE
    return _proposal(case, torrent, act, elapsed, Autonomy.SUGGEST)


def _proposal(
    case: Case, torrent: Torrent, act: ActKind, elapsed: timedelta, ceiling: Autonomy, parameters: Json = EMPTY
) -> Proposal:
    what = "missing" if torrent.state is DownloadState.MISSING_FILES else "error"
    tried = "" if act is ActKind.RECHECK else "_still"
    return Proposal(
        rule=KEY,
        subject=case.download.id,
        act=act,
        reason=Reason(
            key=f"heal.{KEY}_{what}{tried}", parameters={"broken": elapsed}, evidence={"folder": torrent.save_path}
        ),
        parameters=parameters,
        ceiling=ceiling,
    )


RULE = Rule(key=KEY, policy=BrokenPolicy, sign=sign, judge=judge)
