"""Why torrents failed: per torrent what is wrong, what that means, what was tried and what comes next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model.debrid import DebridStatus
from ..model.debrid_mirror import DebridAttempt, DebridFailure, DebridRetry, MirroredTorrent
from ..model.reasons import Reason
from .policies import STATES, Course
from .retrying import Step

#: What a status means.
_CAUSES: Mapping[DebridStatus, str] = {
    DebridStatus.MAGNET_ERROR: "debrid.cause_magnet_error",
    DebridStatus.ERROR: "debrid.cause_error",
    DebridStatus.VIRUS: "debrid.cause_virus",
    DebridStatus.DEAD: "debrid.cause_dead",
    DebridStatus.WAITING_FILES_SELECTION: "debrid.cause_waiting",
}
#: What is wrong on sight, without a look at how long it lasts.
TROUBLED = tuple(_CAUSES)

_NEXT: Mapping[Course, str] = {
    Course.READD: "debrid.next_readd",
    Course.SELECT: "debrid.next_select",
    Course.DELETE: "debrid.next_delete",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is to be said of one torrent."""

    known: MirroredTorrent
    kind: str  # its status
    cause: Reason
    failures: tuple[DebridFailure, ...]
    tried: tuple[DebridAttempt, ...]  # the newest first
    next: Reason
    due_at: datetime | None
    final: bool  # nothing more is tried


def diagnose(
    torrents: Iterable[MirroredTorrent],
    failures: Iterable[DebridFailure],
    attempts: Iterable[DebridAttempt],
    retries: Iterable[DebridRetry],
) -> list[Diagnosis]:
    """Return what is to be said of troubled torrents, in their order. Pure."""
    failed: dict[str, list[DebridFailure]] = {}
    for failure in failures:
        failed.setdefault(failure.hash, []).append(failure)
    tried: dict[str, list[DebridAttempt]] = {}
    for attempt in attempts:
        tried.setdefault(attempt.hash, []).append(attempt)
    planned = {retry.hash: retry for retry in retries}
    return [
        _diagnosis(known, failed.get(key, ()), tried.get(key, ()), planned.get(key))
        for known in torrents
        if (key := known.torrent.hash) is not None and known.torrent.status in _CAUSES
    ]


def _diagnosis(
    known: MirroredTorrent,
    failures: Sequence[DebridFailure],
    tried: Sequence[DebridAttempt],
    retry: DebridRetry | None,
) -> Diagnosis:
    status = known.torrent.status
    step = None if retry is None else retry.state.get("step")
    # what was given up once may have recovered since, or be tried again because a person asks for it
    final = any(failure.final for failure in failures) if step is None else step == Step.GIVEN_UP
    return Diagnosis(
        known=known,
        kind=str(status),
        cause=Reason(key=_CAUSES[status], parameters={"since": known.status_at}),
        failures=tuple(failures),
        tried=tuple(tried),
        next=_next(status, retry, final=final),
        due_at=retry.due_at if retry is not None and _waits_until(retry) and not final else None,
        final=final,
    )


def _next(status: DebridStatus, retry: DebridRetry | None, *, final: bool) -> Reason:
    """Return what comes next: what is planned, else what the policy of the status is."""
    if final:
        return Reason(key="debrid.next_never")
    if retry is not None and _waits_until(retry):
        return Reason(key="debrid.next_due", parameters={"at": retry.due_at, "tries": retry.tries + 1})
    if retry is not None and retry.state.get("step") not in {None, Step.WAITING, Step.DONE}:
        return Reason(key="debrid.next_under_way")
    return Reason(key=_NEXT.get(STATES[status].course, "debrid.next_nothing"))


def _waits_until(retry: DebridRetry) -> bool:
    """Tell whether a retry is for a moment that was set: after a try that came to nothing, or by who knew no steps."""
    step = retry.state.get("step")
    return step is None or (step == Step.WAITING and retry.tries > 0)
