"""Searches for other releases: each asks every indexer, so there are only so many of them in an hour.

An *arr that fails to search is left alone for a while. A person who names one download needs no leave for it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ..model.journal import ActKind, JournalEntry
from .actuator import MOST_EPISODES, Actuator, Plan
from .budget import SEARCHES, Budget
from .reach import Declined
from .target import target_of

_SEARCHING_ACTS = frozenset({ActKind.REPLACE, ActKind.FETCH_MISSING})


class Searches:
    """Gives leave to search, and searches. `an_hour` tells how many may be made."""

    def __init__(self, actuator: Actuator, budget: Budget, an_hour: Callable[[], int]) -> None:
        self._actuator = actuator
        self._budget = budget
        self._an_hour = an_hour

    def take(self, planned: Plan) -> Plan | datetime:
        """Let an act have as many searches of this hour as it needs; a pack needs one for each episode that it lacks.

        Where too few are left, or its *arr fails to search, it is told when that may have changed.
        """
        entry, most = planned.entry, self._an_hour()
        if entry.act not in _SEARCHING_ACTS:
            return planned
        lacking = len(entry.parameters["title_ids"]) if entry.act is ActKind.FETCH_MISSING else 1
        count = max(min(lacking, MOST_EPISODES, most), 1)
        later = self._budget.rests_until(_asked(entry), entry.at) or self._budget.search(most, entry.at, count)
        if later is not None:
            return later
        return replace(planned, entry=replace(entry, parameters={**entry.parameters, SEARCHES: count}))

    async def find(self, planned: Plan) -> Plan:
        """Use a search that was taken, and return the plan with another release. Raises `Declined`."""
        now, arr_id = planned.entry.at, _asked(planned.entry)
        try:
            found = await self._actuator.find_replacement(planned)
        except Declined as declined:
            if not declined.asked:
                self._budget.give_back(now)
            elif declined.passing:
                self._budget.failed(arr_id, now)
            else:
                self._budget.worked(arr_id)
            raise
        self._budget.worked(arr_id)
        return found


def _asked(entry: JournalEntry) -> str:
    """Return the *arr that is asked to search for an entry, "" when there is none."""
    return next((wanting.arr_id for wanting in target_of(entry).wanted_by), "")
