"""When the fire drill of each month is due: on the day that a person chose, or on one of the three after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, Self

#: Every month has these.
DAYS = range(1, 29)
#: A drill that was skipped is tried again on so many days more.
MORE_DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """When a person wants it, by the clock of the house."""

    day: int = 1
    at: time = time(4, 30)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {"day": self.day, "at": self.at.isoformat(timespec="minutes")}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return what was stored. Raises `KeyError`, `TypeError` or `ValueError` when `as_json` didn't make it."""
        if stored["day"] not in DAYS:
            raise ValueError("no day of every month")
        return cls(day=stored["day"], at=time.fromisoformat(stored["at"]))

    def turn_of(self, today: date) -> date | None:
        """Return the day for which a drill may be made today: its own, or one up to three days ago; None: no day.

        What was made or given up for that day is over until the next month's.
        """
        this_month = today.replace(day=self.day)
        last_month = (today.replace(day=1) - timedelta(days=1)).replace(day=self.day)
        return next((day for day in (this_month, last_month) if 0 <= (today - day).days <= MORE_DAYS), None)

    def is_last_try(self, today: date) -> bool:
        """Tell whether there is no other day for it this month."""
        turn = self.turn_of(today)
        return turn is not None and (today - turn).days == MORE_DAYS
