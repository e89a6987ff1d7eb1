"""How many searches there may be for the whole watchlist: indexers count, and ban who asks too often.

Every search counts, also those before a restart: when they were made is kept. What a person asks for now, and what a
feed has, never waits, nor do the first of those that are new on the list; all other searches do once the budget is
spent, one wish after the other in the order in which they began to wait. So do requests of Seerr, which may come by
the hundred.
"""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ..model.plain import UNREADABLE, plain, read
from .items import ARR, SEERR, PartState, Wish
from .schedule import next_search

#: So many searches within so long: 60 a day. Many indexers allow 100, and others search there, too.
MOST: Final = 15
WITHIN: Final = timedelta(hours=6)
#: So many of those that are new on the list don't wait, within the same time.
MOST_NEW: Final = 10


def is_new(wish: Wish) -> bool:
    """Tell whether a person put a wish on the list for which nobody has searched, nor tried to."""
    if wish.asked_by == SEERR or wish.failures:
        return False
    return not any(part.searched_at is not None or part.failed or part.found for part in wish.parts)


def waits_since(wish: Wish, now: datetime) -> datetime | None:
    """Return since when a search for a wish is due that may have to wait for others; None: none is.

    The longest in coming counts, but for time before its last search: who was searched for begins anew to wait.
    """
    searched = max((part.searched_at for part in wish.parts if part.searched_at is not None), default=None)
    if wish.done or wish.asked_by == ARR:
        return None
    missing = (part for part in wish.parts if part.state is PartState.SEARCHING)
    due = min((at for part in missing if (at := next_search(wish, part)) is not None), default=None)
    return max(due, searched or wish.asked_at) if due is not None and due <= now else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """When searches were made, as it is kept over a restart."""

    all: tuple[datetime, ...] = ()
    new: tuple[datetime, ...] = ()


def _nowhere(_: Any) -> None:
    """Keep nothing."""


class SearchBudget:
    """Counts the searches, and says who is to wait, and until when.

    With each of them, when all were made is given to `keep`, as JSON.
    """

    def __init__(self, keep: Callable[[Any], None] = _nowhere) -> None:
        self._keep = keep
        self._spent: deque[datetime] = deque(maxlen=MOST)  # the newest ones, the oldest of them first
        self._new: deque[datetime] = deque(maxlen=MOST_NEW)  # those of them for what was new on the list
        self._waiting: dict[str, None] = {}  # wishes, in the order in which they began to wait

    def recall(self, stored: object) -> None:
        """Count what was kept before a restart; what nobody can read is nothing."""
        try:
            spent: Spent = read(Spent, stored)
        except UNREADABLE:
            return
        self._spent = deque(sorted(spent.all), maxlen=MOST)
        self._new = deque(sorted(spent.new), maxlen=MOST_NEW)

    def remember(self, wishes: Collection[Wish], now: datetime) -> None:
        """Have those wait who did before a restart; where nothing was kept, count what wishes tell of searches."""
        if not self._spent:
            self._count(wishes)
        waiting = ((since, wish.id) for wish in wishes if (since := waits_since(wish, now)) is not None)
        self._waiting.update(dict.fromkeys(wish_id for _, wish_id in sorted(waiting)))

    def _count(self, wishes: Collection[Wish]) -> None:
        made = {part.searched_at for wish in wishes for part in wish.parts if part.searched_at is not None}
        self._spent = deque(sorted(made), maxlen=MOST)
        once = (wish for wish in wishes if wish.asked_by != SEERR and all(part.searches <= 1 for part in wish.parts))
        firsts = {part.searched_at for wish in once for part in wish.parts if part.searched_at is not None}
        self._new = deque(sorted(firsts), maxlen=MOST_NEW)

    def spend(self, wish_id: str, now: datetime, *, new: bool = False) -> None:
        """Count a search; who made it begins anew to wait for the next one. `new`: the wish was new on the list."""
        self._spent.append(now)
        if new:
            self._new.append(now)
        self._waiting.pop(wish_id, None)
        self._keep(plain(Spent(all=tuple(self._spent), new=tuple(self._new))))

    def new_from(self, now: datetime) -> datetime | None:
        """Return when what is new on the list need not wait; None: now."""
        recent = [at for at in self._new if at > now - WITHIN]
        return recent[0] + WITHIN if len(recent) == MOST_NEW else None

    def free_at(self, wish_id: str, now: datetime) -> datetime | None:
        """Return when a wish may be searched for in its turn; None: now."""
        ahead = next((place for place, each in enumerate(self._waiting) if each == wish_id), len(self._waiting))
        recent = [at for at in self._spent if at > now - WITHIN]
        beyond = ahead - (MOST - len(recent))  # so many searches have to be forgotten, and one more
        if beyond < 0:
            return None
        if beyond < len(recent):
            return recent[beyond] + WITHIN
        return now + WITHIN * (1 + (beyond - len(recent)) // MOST)  # at the earliest: those ahead come before

    def wait(self, wish_id: str, *, waits: bool) -> None:
        """Have a wish wait for its turn, or no longer."""
        if waits:
            self._waiting.setdefault(wish_id)
        else:
            self._waiting.pop(wish_id, None)
