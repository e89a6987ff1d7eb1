"""A grab of its own, of what is on nobody's list: when another release is fetched in place of one that failed.

It goes as for a wish: what failed at once the first times, then after pauses that grow, and of what merely stands still
but a few, because that may be the connection.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ..model.plain import UNREADABLE, plain, read
from ..model.search import SearchRequest
from .deciding import AT_ONCE, MOST_FAILED, MOST_GIVEN_UP
from .schedule import SOON, pause, stretched

#: So long after it was grabbed nobody waits for it any more.
LOOKED_AFTER: Final = timedelta(days=30)


class Fate(StrEnum):
    """How a download fares."""

    COMING = "coming"  # as far as anybody can tell
    HERE = "here"
    GONE = "gone"  # somebody removed it
    FAILED = "failed"
    STANDS = "stands"  # it has given nothing for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Standalone:
    """What another release is looked for by, and what came of those before. It is kept in the journal, so no link is.

    `only` and `insists` are those of the order.
    """

    request: SearchRequest
    ids: frozenset[str]  # of the title
    only: frozenset[str] = frozenset()
    insists: bool = False
    failed: tuple[str, ...] = ()  # hashes and names of releases that came to nothing
    given_up: int = 0  # so many releases did
    searches: int = 0
    searched_at: datetime | None = None  # None: nobody searched since one came to nothing


def has_failed(it: Standalone, fate: Fate, info_hash: str) -> bool:
    """Tell whether another release is to be fetched in place of this one."""
    if fate is Fate.STANDS:
        return it.given_up < MOST_GIVEN_UP or info_hash in it.failed
    return fate is Fate.FAILED


def given_up(it: Standalone, info_hash: str, release: str) -> Standalone:
    """Return it without a release that came to nothing, if it still had that."""
    if info_hash in it.failed:
        return it
    count = it.given_up + 1
    searched_at = it.searched_at if count > AT_ONCE else None
    return replace(_without(it, (info_hash, release)), given_up=count, searches=count, searched_at=searched_at)


def searched_in_vain(it: Standalone, now: datetime, *, useless: Collection[str] = ()) -> Standalone:
    """Return it after a search that came to nothing. `useless` names releases that nobody can have."""
    return replace(_without(it, useless), searches=it.searches + 1, searched_at=now)


def _without(it: Standalone, releases: Collection[str]) -> Standalone:
    return replace(it, failed=tuple(dict.fromkeys((*it.failed, *releases)))[-MOST_FAILED:])


def next_search(it: Standalone) -> datetime | None:
    """Return when another release is to be looked for; None: at once."""
    if it.searched_at is None:
        return None
    return it.searched_at + stretched(pause(SOON, it.searches), it.request.text)


def as_json(it: Standalone) -> dict[str, Any]:
    """Return it as it is kept."""
    kept: dict[str, Any] = plain(it)
    return kept


def from_json(stored: object) -> Standalone | None:
    """Return what was kept; None: nobody can read it."""
    try:
        it: Standalone = read(Standalone, stored)
    except UNREADABLE:
        return None
    return it
