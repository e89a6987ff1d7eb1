"""Entries, and a clock that moves when told to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.sokoul.model.journal import ActKind, EntryStatus, JournalEntry
from custom_components.sokoul.model.reasons import Reason

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def entry(**values: Any) -> JournalEntry:
    given: dict[str, Any] = {
        "at": NOW,
        "changed_at": NOW,
        "rule": "stalled",
        "subject": "client/0123",
        "label": "Sintel (2010)",
        "act": ActKind.REPLACE,
        "status": EntryStatus.DONE,
        "reason": Reason(key="stalled"),
    }
    return JournalEntry(**(given | values))


@dataclass(slots=True)
class _Timer:
    due: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class Timers:
    """`call_later` without the waiting."""

    now: float = 0
    waiting: list[_Timer] = field(default_factory=list)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(self.now + seconds, callback)
        self.waiting.append(timer)
        return timer

    def advance(self, by: timedelta) -> None:
        self.now += by.total_seconds()
        due = [timer for timer in self.waiting if timer.due <= self.now]
        self.waiting = [timer for timer in self.waiting if timer.due > self.now]
        for timer in due:
            if not timer.cancelled:
                timer.callback()

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled for timer in self.waiting)
