"""What the autopilot needs from others: a journal and a memory that outlive a crash, and hands at the backends.

`store` keeps the first two; the clients are the hands as they are. Errors of the backends are recognised by the
categories below, because the autopilot knows the clients by their shapes only.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..model.journal import EntryStatus, JournalEntry


class Journal(Protocol):
    """The history of proposals and acts. What a method returned from is on the disk."""

    async def add(self, entry: JournalEntry) -> JournalEntry:
        """Write a new entry, and return it with its id."""

    async def change(self, entry: JournalEntry) -> None:
        """Write what became of an entry."""

    async def get(self, entry_id: int) -> JournalEntry | None:
        """Return an entry, None when there is none of that id."""

    async def find(
        self,
        *,
        statuses: Collection[EntryStatus] = (),
        rule: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[JournalEntry]:
        """Return the newest entries that fit all that is given, newest first. `since` counts by `changed_at`."""


class MemoryStore(Protocol):
    """What was learned of each subject, as JSON."""

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what is known of every subject."""

    def keep(self, subject: str, memory: Mapping[str, Any] | None) -> None:
        """Keep what is known of a subject, None to forget it. It is written soon, many at once."""

    async def flush(self) -> None:
        """Write what is pending now."""
