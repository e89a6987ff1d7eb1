"""How much may still be done this hour, so that no mistake of ours can become a flood.

Counted from the entries of the journal as they are written, and after a restart from those of the last hour: crashing
again and again buys nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ..model.journal import AUTOPILOT, DESTRUCTIVE_ACTS, ActKind, EntryStatus, JournalEntry

HOUR = timedelta(hours=1)
#: Where an entry says how many searches it may make.
SEARCHES = "searches"
#: Where an entry says that it is one of many that a person wanted done at once, without naming any.
_ONE_OF_MANY = "one_of_many"
#: An *arr that failed to search is left alone for a while, and twice as long each time.
REST_FIRST, REST_LONGEST = timedelta(minutes=15), timedelta(hours=6)

_ACTED = frozenset({EntryStatus.RUNNING, EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.UNDONE})


def as_one_of_many(entry: JournalEntry) -> JournalEntry:
    """Return an entry that counts though a person wanted it: they wanted many things at once, and named none."""
    return replace(entry, parameters={**entry.parameters, _ONE_OF_MANY: True})


class Budget:
    """The acts and searches of the last hour."""

    def __init__(self) -> None:
        self._acts: dict[int, tuple[str, datetime]] = {}  # by entry: the rule, and when
        self._searches: list[datetime] = []
        self._failing: dict[str, tuple[int, datetime]] = {}  # by *arr: how often in a row, and until when it rests

    def note(self, entry: JournalEntry) -> None:
        """Count an entry in which something was given up that no person named."""
        unnamed = entry.actor == AUTOPILOT or entry.parameters.get(_ONE_OF_MANY)
        if unnamed and entry.act in DESTRUCTIVE_ACTS and entry.status in _ACTED:
            self._acts[entry.id] = entry.rule, entry.changed_at

    def restore(self, entry: JournalEntry) -> None:
        """Count an entry from before a restart, with the searches that it came of or led to."""
        self.note(entry)
        searched = entry.status is EntryStatus.KEPT or "candidate" in entry.parameters
        if entry.act is ActKind.REPLACE and searched:
            self._searches.append(entry.at)
        if entry.act is ActKind.FETCH_MISSING and entry.status in _ACTED:
            self._searches += [entry.at] * entry.parameters.get(SEARCHES, 0)

    def acts(self, rule: str, now: datetime) -> int:
        """Return how often a rule gave something up within the last hour, also when that failed."""
        self._acts = {number: act for number, act in self._acts.items() if now - act[1] < HOUR}
        return sum(each == rule for each, _ in self._acts.values())

    def search(self, most: int, now: datetime, count: int = 1) -> datetime | None:
        """Take some of the hour's searches, and return None; where too few are left, return when there will be enough.

        No more than `most` can be had at once.
        """
        self._searches = sorted(at for at in self._searches if now - at < HOUR)
        if count > most:
            return now + HOUR
        if (over := len(self._searches) + count - most) > 0:
            return self._searches[over - 1] + HOUR
        self._searches += [now] * count
        return None

    def give_back(self, now: datetime) -> None:
        """Take back a search of this moment for which nobody was asked."""
        self._searches.remove(now)

    def rests_until(self, arr_id: str, now: datetime) -> datetime | None:
        """Return until when an *arr that failed to search is left alone; None: it is not."""
        until = self._failing.get(arr_id, (0, now))[1]
        return until if until > now else None

    def failed(self, arr_id: str, now: datetime) -> None:
        """Note that an *arr was asked to search, and failed."""
        times, _ = self._failing.get(arr_id, (0, now))
        self._failing[arr_id] = times + 1, now + min(REST_FIRST * 2 ** min(times, 10), REST_LONGEST)

    def worked(self, arr_id: str) -> None:
        """Note that an *arr searched."""
        self._failing.pop(arr_id, None)
