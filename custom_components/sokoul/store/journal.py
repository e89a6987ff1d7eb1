"""The journal of the autopilot, as rows."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
import logging
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..model.journal import CARRIED_ACTS, OPEN_STATUSES, ActKind, EntryStatus, JournalEntry
from ..model.reasons import reason_as_json, reason_from_json
from .database import Database
from .encoding import as_json, as_microseconds, as_text, from_json, from_microseconds
from .errors import UnknownEntry
from .schema import JOURNAL

_LOGGER = logging.getLogger(__name__)

#: So many rows are deleted at once: whoever wants to write waits no longer than that takes.
_PRUNE = 1_000

_COLUMNS = JOURNAL.c


class StoredJournal:
    """The history of proposals and acts. What a method returned from is on the disk. Each raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: JournalEntry) -> JournalEntry:
        """Write a new entry, and return it with its id."""
        row = _as_row(entry)

        async def insert(connection: AsyncConnection) -> int:
            given: int = (await connection.execute(JOURNAL.insert().values(row).returning(_COLUMNS.id))).scalar_one()
            return given

        return replace(entry, id=await self._database.write(insert))

    async def change(self, entry: JournalEntry) -> None:
        """Write what became of an entry. Raises `UnknownEntry` when there is none of that id."""
        row = _as_row(entry)

        async def update(connection: AsyncConnection) -> None:
            result = await connection.execute(JOURNAL.update().where(_COLUMNS.id == entry.id).values(row))
            if not result.rowcount:
                raise UnknownEntry(f"the journal has no entry {entry.id}")

        await self._database.write(update)

    async def get(self, entry_id: int) -> JournalEntry | None:
        """Return an entry, None when there is none of that id."""
        found = await self._select([_COLUMNS.id == entry_id], limit=1)
        return found[0] if found else None

    async def find(
        self,
        *,
        statuses: Collection[EntryStatus] = (),
        acts: Collection[ActKind] = (),
        rule: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[JournalEntry]:
        """Return the newest entries that fit all that is given, newest first. `since` counts by `changed_at`.

        An entry that this version can't read, because a newer one wrote it, is left out.
        """
        wanted: list[ColumnElement[bool]] = []
        if statuses:
            wanted.append(_COLUMNS.status.in_([str(status) for status in statuses]))
        if acts:
            wanted.append(_COLUMNS.act.in_([str(act) for act in acts]))
        if rule is not None:
            wanted.append(_COLUMNS.rule == as_text(rule))
        if subject is not None:
            wanted.append(_COLUMNS.subject == as_text(subject))
        if since is not None:
            wanted.append(_COLUMNS.changed_at >= as_microseconds(since))
        if before_id is not None:
            wanted.append(_COLUMNS.id < before_id)
        return await self._select(wanted, limit=limit)

    async def prune(self, before: datetime, keep: int) -> int:
        """Delete what changed last before a moment, and return how many entries that were.

        The newest `keep` entries stay, and so does whatever is still open. What can be undone stays where something is
        set aside for that, which the autopilot ends by itself; that another act can be taken back ends here.
        """
        newest = select(_COLUMNS.id).order_by(_COLUMNS.id.desc()).offset(keep).limit(1)
        old = (
            select(_COLUMNS.id)
            .where(
                _COLUMNS.changed_at < as_microseconds(before),
                _COLUMNS.status.not_in([str(status) for status in OPEN_STATUSES]),
                or_(_COLUMNS.undo.is_(None), _COLUMNS.act.in_([str(act) for act in CARRIED_ACTS])),
                _COLUMNS.id <= newest.scalar_subquery(),
            )
            .limit(_PRUNE)
        )

        async def remove(connection: AsyncConnection) -> int:
            result = await connection.execute(delete(JOURNAL).where(_COLUMNS.id.in_(old)))
            return result.rowcount

        removed = 0
        while count := await self._database.write(remove):
            removed += count
            if count < _PRUNE:
                break
        return removed

    async def _select(self, wanted: Sequence[ColumnElement[bool]], *, limit: int) -> list[JournalEntry]:
        statement = select(JOURNAL).where(*wanted).order_by(_COLUMNS.id.desc()).limit(limit)

        async def read(connection: AsyncConnection) -> Sequence[Row[Any]]:
            return (await connection.execute(statement)).all()

        entries = (_as_entry(row) for row in await self._database.read(read))
        return [entry for entry in entries if entry is not None]


def _as_row(entry: JournalEntry) -> dict[str, Any]:
    return {
        "at": as_microseconds(entry.at),
        "changed_at": as_microseconds(entry.changed_at),
        "rule": as_text(entry.rule),
        "subject": as_text(entry.subject),
        "label": as_text(entry.label),
        "act": str(entry.act),
        "status": str(entry.status),
        "actor": as_text(entry.actor),
        "reason": as_json(reason_as_json(entry.reason)),
        "parameters": as_json(entry.parameters),
        "result": None if entry.result is None else as_json(reason_as_json(entry.result)),
        "undo": None if entry.undo is None else as_json(entry.undo),
    }


def _as_entry(row: Row[Any]) -> JournalEntry | None:
    try:
        return JournalEntry(
            id=row.id,
            at=from_microseconds(row.at),
            changed_at=from_microseconds(row.changed_at),
            rule=row.rule,
            subject=row.subject,
            label=row.label,
            act=ActKind(row.act),
            status=EntryStatus(row.status),
            actor=row.actor,
            reason=reason_from_json(from_json(row.reason)),
            parameters=from_json(row.parameters),
            result=None if row.result is None else reason_from_json(from_json(row.result)),
            undo=None if row.undo is None else from_json(row.undo),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _LOGGER.debug("Journal entry %s can't be read: %s", row.id, error)
        return None
