"""Time that a test can move: simulators never look at the wall clock themselves."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What a simulator needs of time."""

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the real time."""
        return datetime.now(UTC)


class ManualClock:
    """Time that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Move on."""
        self._now += step
