"""Noting folders, links and what was done to them in the store, as JSON.

Names of files need not be text: what Python makes of such bytes is written in JSON's own escapes, which any database
takes.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
import hashlib
import json
import os
from typing import Any, Protocol

from .checking import LinkRecord
from .link_repairing import ChangeState, LinkChange
from .links import Cause, Health, Seen
from .relinking import Change
from .scanning import Folder
from .turns import in_turns

_UNFINISHED = (ChangeState.BEGUN, ChangeState.ASKED)


class StoredRow(Protocol):
    """A change as the store keeps it."""

    @property
    def key(self) -> str:
        """Its name."""

    @property
    def at(self) -> datetime:
        """When it was made."""

    @property
    def state(self) -> str:
        """How far it is."""

    @property
    def change(self) -> str:
        """What was done, as JSON."""


class LibraryStore[RowT: StoredRow](Protocol):
    """The part of the store that keeps media folders."""

    async def folders(self) -> list[tuple[str, str]]:
        """Return the listing and the records of every folder."""

    async def save_walk(self, root: str, walk: str | None, listings: Mapping[str, str]) -> None:
        """Write folders by key, and how far the walk is."""

    async def walks(self) -> list[str]:
        """Return the walks that are not at their end."""

    async def save_records(self, records: Mapping[str, str]) -> None:
        """Write what is known of links, by the key of their folder."""

    async def forget_folders(self, keys: Collection[str]) -> None:
        """Forget folders."""

    async def changes(self, states: Collection[str], limit: int = 10_000) -> list[RowT]:
        """Return the changes in these states, the newest first."""

    async def changes_of(self, keys: Collection[str]) -> list[RowT]:
        """Return changes by their keys."""

    async def save_change(self, change: RowT) -> None:
        """Write a change, by its key."""


class StoredLinks:
    """The media folders and their links."""

    def __init__(self, store: LibraryStore[Any], row: Any) -> None:
        """`row` makes a change as the store keeps it."""
        self._store = store
        self._row = row
        self._records: dict[str, dict[str, LinkRecord]] = {}  # by folder and name

    async def folders(self) -> Sequence[Folder]:
        """Return all folders that were walked. What is known of their links is read with them."""
        rows = await self._store.folders()
        folders, self._records = await asyncio.to_thread(_read, rows)
        return folders

    async def records(self) -> Mapping[str, LinkRecord]:
        """Return what is known of the links, by path, as of when the folders were read."""
        return await asyncio.to_thread(self._by_path)

    def _by_path(self) -> dict[str, LinkRecord]:
        folders = in_turns(self._records.items())
        return {f"{folder}/{name}": record for folder, records in folders for name, record in records.items()}

    async def save_folders(self, root: str, listed: Sequence[Folder], last: str) -> None:
        """Note folders, and how far the walk is; `last` is empty at its end."""
        listings = await asyncio.to_thread(lambda: {_key(each.path): _listing(each) for each in in_turns(listed)})
        walk = json.dumps({"root": root, "last": last}) if last else None
        await self._store.save_walk(_key(root), walk, listings)

    async def walked(self) -> Mapping[str, str]:
        """Return how far an unfinished walk is, by root."""
        walks = [json.loads(walk) for walk in await self._store.walks()]
        return {walk["root"]: walk["last"] for walk in walks}

    async def forget_folders(self, paths: Sequence[str]) -> None:
        """Forget folders that are gone."""
        await self._store.forget_folders([_key(path) for path in paths])
        for path in paths:
            self._records.pop(path, None)

    async def save_records(self, records: Mapping[str, LinkRecord | None]) -> None:
        """Note what is known of links; None: forget it."""
        written = await asyncio.to_thread(self._merge, records)
        await self._store.save_records(written)

    def _merge(self, records: Mapping[str, LinkRecord | None]) -> dict[str, str]:
        changed: set[str] = set()
        for path, record in in_turns(records.items()):
            folder, _, name = path.rpartition("/")
            known = self._records.setdefault(folder, {})
            changed.add(folder)
            if record is None:
                known.pop(name, None)
            else:
                known[name] = record
        return {
            _key(folder): json.dumps({name: _plain(each) for name, each in self._records[folder].items()})
            for folder in in_turns(changed)
        }

    # --- changes of links --------------------------------------------------------------------------------------------

    async def changes(self) -> Sequence[LinkChange]:
        """Return the changes that were begun and not finished."""
        return await self.changes_in(_UNFINISHED)

    async def changes_of(self, keys: Collection[str]) -> list[LinkChange]:
        """Return changes by their keys."""
        return [_change(row) for row in await self._store.changes_of(keys)]

    async def changes_in(self, states: Iterable[ChangeState]) -> list[LinkChange]:
        """Return changes, the newest first."""
        return [_change(row) for row in await self._store.changes([str(state) for state in states])]

    async def save_change(self, change: LinkChange) -> None:
        """Note a change, by its key."""
        made = change.change
        value = {
            "path": made.path,
            "old_target": made.old_target,
            "new_target": made.new_target,
            "recycled": made.recycled,
            "why": change.why,
        }
        row = self._row(key=change.key, at=change.at, state=str(change.state), change=json.dumps(value))
        await self._store.save_change(row)


def _key(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()


def _listing(folder: Folder) -> str:
    return json.dumps([folder.path, folder.changed_ns, dict(folder.links), folder.folders])


def _read(rows: Iterable[tuple[str, str]]) -> tuple[list[Folder], dict[str, dict[str, LinkRecord]]]:
    folders: list[Folder] = []
    records: dict[str, dict[str, LinkRecord]] = {}
    same: dict[LinkRecord, LinkRecord] = {}
    for listing, known in in_turns(rows):
        path, changed_ns, links, below = json.loads(listing)
        folders.append(Folder(path=path, changed_ns=changed_ns, links=links, folders=tuple(below)))
        if read := {name: _record(plain) for name, plain in json.loads(known).items()}:
            records[path] = {name: same.setdefault(record, record) for name, record in read.items()}
    return folders, records


def _plain(record: LinkRecord) -> list[Any]:
    moments = (record.since, record.missing_since, record.next_read)
    return [
        str(record.health),
        str(record.cause),
        record.hash,
        str(record.seen),
        *(moment and moment.isoformat() for moment in moments),
        record.read_of,
    ]


def _record(plain: Sequence[Any]) -> LinkRecord:
    # what was noted before it was noted of which entry: what it says counts for none
    health, cause, info_hash, seen, since, missing_since, next_read, read_of = (*plain, "")[:8]
    return LinkRecord(
        health=Health(health),
        cause=Cause(cause),
        hash=info_hash,
        seen=Seen(seen),
        since=datetime.fromisoformat(since),
        missing_since=missing_since and datetime.fromisoformat(missing_since),
        next_read=next_read and datetime.fromisoformat(next_read),
        read_of=read_of,
    )


def _change(row: StoredRow) -> LinkChange:
    value = json.loads(row.change)
    why = value.pop("why")
    return LinkChange(key=row.key, at=row.at, state=ChangeState(row.state), change=Change(**value), why=why)
