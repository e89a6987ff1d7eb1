"""Why torrents failed: per torrent what is wrong, what that means, what was tried and what comes next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..model.debrid import ACTIVE_STATUSES, DebridStatus
from ..model.debrid_mirror import EMPTY, DebridAttempt, DebridFailure, DebridRetry, MirroredTorrent
from ..model.reasons import Reason
from .policies import STATES, Course
from .retrying import Repair, Step

#: The kind of what calls itself complete though its files can't be read.
UNREADABLE = "unreadable"
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
#: What is wrong only where a repair says so.
_CAUSES_OF_STUCK: Mapping[str, str] = {
    DebridStatus.MAGNET_CONVERSION: "debrid.cause_magnet_conversion",
    DebridStatus.COMPRESSING: "debrid.cause_compressing",
    DebridStatus.UPLOADING: "debrid.cause_uploading",
    UNREADABLE: "debrid.cause_unreadable",
}

_NEXT: Mapping[Course, str] = {
    Course.READD: "debrid.next_readd",
    Course.SELECT: "debrid.next_select",
    Course.DELETE: "debrid.next_delete",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is to be said of one torrent."""

    known: MirroredTorrent
    kind: str  # its status, or `UNREADABLE`
    cause: Reason
    failures: tuple[DebridFailure, ...]
    tried: tuple[DebridAttempt, ...]  # the newest first
    next: Reason
    due_at: datetime | None
    final: bool  # nothing more is tried


def kinds_of_stuck(torrents: Iterable[MirroredTorrent], repairs: Iterable[Repair]) -> dict[str, str]:
    """Return what is wrong with torrents whose status alone doesn't say so, by id, as their repairs have it."""
    troubles = {
        each: repair.trouble
        for repair in repairs
        if repair.open or repair.step is Step.GIVEN_UP
        for each in repair.bad_ids
    }
    found: dict[str, str] = {}
    for known in torrents:
        torrent, trouble = known.torrent, troubles.get(known.torrent.id)
        if trouble is None or known.gone_at is not None:
            continue
        if torrent.status is DebridStatus.DOWNLOADED and trouble not in ACTIVE_STATUSES:
            found[torrent.id] = UNREADABLE
        elif torrent.status in _CAUSES_OF_STUCK and torrent.status == trouble:
            found[torrent.id] = str(torrent.status)
    return found


def diagnose(
    torrents: Iterable[MirroredTorrent],
    failures: Iterable[DebridFailure],
    attempts: Iterable[DebridAttempt],
    retries: Iterable[DebridRetry],
    stuck: Mapping[str, str] = EMPTY,
) -> list[Diagnosis]:
    """Return what is to be said of troubled torrents, in their order. `stuck` is what `kinds_of_stuck` says. Pure."""
    failed: dict[str, list[DebridFailure]] = {}
    for failure in failures:
        failed.setdefault(failure.hash, []).append(failure)
    tried: dict[str, list[DebridAttempt]] = {}
    for attempt in attempts:
        tried.setdefault(attempt.hash, []).append(attempt)
    planned = {retry.hash: retry for retry in retries}
    return [
        _diagnosis(known, stuck.get(known.torrent.id), failed.get(key, ()), tried.get(key, ()), planned.get(key))
        for known in torrents
        if (key := known.torrent.hash) is not None and (known.torrent.status in _CAUSES or known.torrent.id in stuck)
    ]


def _diagnosis(
    known: MirroredTorrent,
    stuck: str | None,
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
        kind=stuck or str(status),
        cause=Reason(key=_CAUSES_OF_STUCK[stuck] if stuck else _CAUSES[status], parameters={"since": known.status_at}),
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
    course = Course.READD if status is DebridStatus.DOWNLOADED else STATES[status].course
    return Reason(key=_NEXT.get(course, "debrid.next_nothing"))


def _waits_until(retry: DebridRetry) -> bool:
    """Tell whether a retry is for a moment that was set: after a try that came to nothing, or by who knew no steps."""
    step = retry.state.get("step")
    return step is None or (step == Step.WAITING and retry.tries > 0)
