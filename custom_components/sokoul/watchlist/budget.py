"""How many searches there may be for the whole watchlist: indexers count, and ban who asks too often.

Every search counts. What a person asks for now, what is new on the list, and what a feed has never waits; all other
searches do once the budget is spent, one wish after the other in the order in which they began to wait.
"""

from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from .items import ARR, PartState, Wish
from .schedule import next_search

#: So many searches within so long: 60 a day. Many indexers allow 100, and others search there, too.
MOST: Final = 15
WITHIN: Final = timedelta(hours=6)


def waits_since(wish: Wish, now: datetime) -> datetime | None:
    """Return since when a search for a wish is due that may have to wait for others; None: none is.

    The longest in coming counts, but for time before its last search: who was searched for begins anew to wait. What
    was never searched for doesn't wait.
    """
    searched = max((part.searched_at for part in wish.parts if part.searched_at is not None), default=None)
    if searched is None or wish.done or wish.asked_by == ARR:
        return None
    missing = (part for part in wish.parts if part.state is PartState.SEARCHING)
    due = min((at for part in missing if (at := next_search(wish, part)) is not None), default=None)
    return max(due, searched) if due is not None and due <= now else None


class SearchBudget:
    """Counts the searches, and says who is to wait, and until when."""

    def __init__(self) -> None:
        self._spent: deque[datetime] = deque(maxlen=MOST)  # the newest ones, the oldest of them first
        self._waiting: dict[str, None] = {}  # wishes, in the order in which they began to wait

    def remember(self, wishes: Collection[Wish], now: datetime) -> None:
        """Count what was searched for before a restart, and have those wait who did, as far as wishes tell."""
        made = {part.searched_at for wish in wishes for part in wish.parts if part.searched_at is not None}
        self._spent = deque(sorted(made.union(self._spent)), maxlen=MOST)
        waiting = ((since, wish.id) for wish in wishes if (since := waits_since(wish, now)) is not None)
        self._waiting.update(dict.fromkeys(wish_id for _, wish_id in sorted(waiting)))

    def spend(self, wish_id: str, now: datetime) -> None:
        """Count a search; who made it begins anew to wait for the next one."""
        self._spent.append(now)
        self._waiting.pop(wish_id, None)

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
