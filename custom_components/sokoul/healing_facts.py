"""What support needs to see of healing: its settings, what is open, what failed lately, and its database."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .model.journal import EntryStatus, JournalEntry
from .model.reasons import reason_as_json
from .pilot import Pilot
from .store import StoreError

#: So far back it is counted what became of what, in the newest entries at most.
COUNTED = timedelta(days=7)
MOST_COUNTED = 2000
#: So many of what failed are shown.
FAILURES = 10


async def describe_autopilot(hass: HomeAssistant, pilot: Pilot) -> dict[str, Any]:
    """Return all of it as plain data. What is secret in it is left to whoever hands it out."""
    said: dict[str, Any] = {
        "running": pilot.running,
        "last_error": pilot.last_error,
        "database": {
            "kind": database_kind(pilot),
            "path": str(pilot.opened) if isinstance(pilot.opened, Path) else None,
            "size_bytes": await database_size(hass, pilot),
        },
    }
    if not pilot.running:
        return said
    kernel = pilot.kernel
    said |= {
        "settings": kernel.settings.as_json(),
        "watched": len(kernel.watch),
        "suggestions": [_entry(entry) for entry in kernel.suggestions],
        "healed_today": pilot.tally.healed_today(),
        "oldest_problem": pilot.tally.oldest_problem,
    }
    try:
        lately = await kernel.journal.find(since=dt_util.utcnow() - COUNTED, limit=MOST_COUNTED)
        failed = await kernel.journal.find(statuses=[EntryStatus.FAILED], limit=FAILURES)
    except StoreError as error:
        return {**said, "journal": str(error)}
    return {**said, "journal": _counts(lately), "failures": [_entry(entry) for entry in failed]}


def database_kind(pilot: Pilot) -> str:
    """Return what keeps the history."""
    return "SQLite" if isinstance(pilot.opened, Path) else "PostgreSQL"


async def database_size(hass: HomeAssistant, pilot: Pilot) -> int | None:
    """Return the size of the database with its log, in bytes; 0 when there is none, None for that of a server."""
    return await hass.async_add_executor_job(_size, pilot.opened) if isinstance(pilot.opened, Path) else None


def _size(path: Path) -> int:
    size = 0
    for suffix in ("", "-wal"):
        try:
            size += path.with_name(path.name + suffix).stat().st_size
        except OSError:
            continue
    return size


def _counts(entries: Iterable[JournalEntry]) -> dict[str, int]:
    """Return how often what came of each rule: `stalled/done`."""
    return dict(sorted(Counter(f"{entry.rule}/{entry.status}" for entry in entries).items()))


def _entry(entry: JournalEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "changed_at": entry.changed_at,
        "rule": entry.rule,
        "subject": entry.subject,
        "label": entry.label,
        "act": str(entry.act),
        "status": str(entry.status),
        "reason": reason_as_json(entry.reason),
        "result": reason_as_json(entry.result) if entry.result else None,
    }
