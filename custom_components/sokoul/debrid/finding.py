"""What in an account needs repair, by the states that its mirror shows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ..model.debrid import ACTIVE_STATUSES, DebridTorrent
from .policies import STATES, Course, on_state
from .retrying import Ending, Repair, Urgency


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A torrent of an account, and since when it is as it is: its state, and its progress where it makes any."""

    torrent: DebridTorrent
    unchanged_since: datetime


def find(
    standings: Iterable[Standing], now: datetime, *, linked: Iterable[str] = (), at_once: bool = False
) -> list[Repair]:
    """Return the repairs that are called for now, one for each hash. `linked` are the hashes that links lead to.

    `at_once`: somebody has waited long enough for what doesn't move.

    Nothing is called for where another entry of the same torrent is complete, except to delete what holds a virus: what
    failed beside it does no harm, and whose it is nobody knows.
    """
    needed = frozenset(linked)
    by_hash: dict[str, list[Standing]] = {}
    for standing in standings:
        by_hash.setdefault(standing.torrent.hash, []).append(standing)
    return [
        repair
        for info_hash, entries in by_hash.items()
        if (repair := _repair(entries, now, needed=info_hash in needed, at_once=at_once)) is not None
    ]


def _repair(entries: list[Standing], now: datetime, *, needed: bool, at_once: bool) -> Repair | None:
    courses = {
        each.torrent.id: STATES[each.torrent.status].course
        if at_once
        else on_state(each.torrent.status, unchanged_since=each.unchanged_since, now=now)[0]
        for each in entries
    }

    def those(course: Course) -> tuple[DebridTorrent, ...]:
        return tuple(each.torrent for each in entries if courses[each.torrent.id] is course)

    def made(
        torrents: tuple[DebridTorrent, ...], old_ids: tuple[str, ...] = (), bad_ids: tuple[str, ...] = ()
    ) -> Repair:
        first = torrents[0]
        return Repair(
            hash=first.hash,
            label=first.filename,
            trouble=first.status,
            urgency=Urgency.LINKED if needed else Urgency.FAILED,
            created_at=now,
            due_at=now,
            old_ids=old_ids,
            bad_ids=bad_ids,
        )

    if infected := those(Course.DELETE):
        return replace(made(infected, tuple(torrent.id for torrent in infected)), ending=Ending.VIRUS)
    if those(Course.LEAVE) or those(Course.WAIT):
        return None  # one is complete, or may yet be
    if waiting := those(Course.SELECT):
        return replace(made(waiting), added_id=waiting[0].id)
    if failed := those(Course.READD):
        stuck = tuple(torrent.id for torrent in failed if torrent.status in ACTIVE_STATUSES)
        return made(failed, tuple(torrent.id for torrent in failed), stuck)
    return None
