"""Writing the torrents of an account into a file, which is there whole or not at all.

It is written beside its place under another name, and gets its own when it is complete and on the disk. Whatever is cut
off leaves nothing, but for a crash: what that left is swept away before the next export.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
import csv
from datetime import datetime
from enum import StrEnum
from itertools import count
import json
import os
from pathlib import Path
import re
from threading import Lock
from typing import Any, Protocol, Self, TextIO

from ..model.debrid_mirror import MirroredTorrent, Presence


class ExportFormat(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"


class View(Protocol):
    """The mirror of accounts, to read. It may raise an error of the store."""

    def walk(self, account: str, presence: Presence = Presence.PRESENT) -> AsyncIterator[list[MirroredTorrent]]:
        """Return all torrents of an account, in portions."""


def described(known: MirroredTorrent) -> dict[str, Any]:
    """Return what is told of a torrent, as plain JSON. Links are left out: whoever has one can download."""
    torrent = known.torrent
    return {
        "id": torrent.id,
        "hash": torrent.hash,
        "name": torrent.filename,
        "status": str(torrent.status),
        "progress_percent": torrent.progress,
        "size_bytes": torrent.size_bytes,
        "host": torrent.host,
        "added_at": _moment(torrent.added_at),
        "ended_at": _moment(torrent.ended_at),
        "status_at": _moment(known.status_at),
        "gone_at": _moment(known.gone_at),
        "details_at": _moment(known.details_at),
        "files": known.file_count,
    }


#: The columns of a table, the same whether there are any torrents or none.
COLUMNS = (
    *("id", "hash", "name", "status", "progress_percent", "size_bytes", "host"),
    *("added_at", "ended_at", "status_at", "gone_at", "details_at", "files"),
)


class ExportFile:
    """A file that is being written, in threads: all but `abandon` blocks, and may raise `OSError`."""

    def __init__(self, path: Path, file: TextIO, chosen: ExportFormat) -> None:
        self.path = path  # where it will be
        self.torrents = 0  # written so far
        self._file = file
        self._chosen = chosen
        self._lock = Lock()  # held by the thread that writes
        self._abandoned = False
        self._table = csv.writer(file)
        if chosen is ExportFormat.CSV:
            self._table.writerow(COLUMNS)
        else:
            file.write("[")

    @classmethod
    def create(cls, folder: Path, stem: str, chosen: ExportFormat) -> Self:
        """Begin a file of this name in a folder, which is made; a number is added where there is one already."""
        folder.mkdir(exist_ok=True)
        for number in count(1):
            name = f"{stem}.{chosen}" if number == 1 else f"{stem}-{number}.{chosen}"
            if (path := folder / name).exists():
                continue
            with suppress(FileExistsError):  # another one is being written
                return cls(path, _part(path).open("x", encoding="utf-8", errors="backslashreplace", newline=""), chosen)
        raise AssertionError  # there is always one more number

    def write(self, torrents: Sequence[MirroredTorrent]) -> None:
        """Add torrents."""
        with self._alone():
            rows = map(described, torrents)
            if self._chosen is ExportFormat.CSV:
                self._table.writerows([_harmless(row[name]) for name in COLUMNS] for row in rows)
            else:
                begin = "," if self.torrents else ""
                self._file.write(begin + ",".join(f"\n{json.dumps(row, ensure_ascii=False)}" for row in rows))
            self.torrents += len(torrents)

    def finish(self) -> None:
        """Have it there, under its own name, once all of it is on the disk."""
        with self._alone():
            if self._chosen is ExportFormat.JSON:
                self._file.write("\n]\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if not self._abandoned:
                _part(self.path).replace(self.path)

    def abandon(self) -> None:
        """Leave nothing of what is not finished. It waits for nobody: a thread that writes sees to it after that."""
        self._abandoned = True
        if self._lock.acquire(blocking=False):
            self._lock.release()
            self._discard()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._lock:
                if self._abandoned:
                    raise InterruptedError("nobody wants it any more")
                yield
        finally:
            if self._abandoned:
                self._discard()

    def _discard(self) -> None:
        with suppress(OSError):  # a full disk refuses what was not written yet
            self._file.close()
        _part(self.path).unlink(missing_ok=True)


async def write_all(view: View, account: str, presence: Presence, file: ExportFile) -> int:
    """Write the torrents of an account into a file, and return how many these are.

    Raises `OSError` and what the view raises; then, and when it is cancelled, no file is left.
    """
    try:
        async for torrents in view.walk(account, presence):
            await asyncio.to_thread(file.write, torrents)
        await asyncio.to_thread(file.finish)
    except BaseException:
        file.abandon()
        raise
    return file.torrents


def stamped(begin: str, now: datetime) -> str:
    """Return the name of an export of this moment, without its ending. `begin` says whose it is."""
    return f"{begin}{now:%Y%m%dT%H%M%SZ}"


def sweep(folder: Path, begin: str) -> None:
    """Delete what a crash left of files whose names begin so. Nothing may be writing there. Blocking."""
    for left in folder.glob(f".{begin}*{_PART}"):
        left.unlink(missing_ok=True)


def keep_newest(folder: Path, begin: str, most: int) -> int:
    """Delete the oldest exports whose names begin so, all but so many, and return how many were. Blocking.

    Files of other names are a person's. What can't be deleted stays.
    """
    name = re.compile(rf"{re.escape(begin)}{_STAMP}(-\d+)?\.({'|'.join(ExportFormat)})")
    deleted = 0
    with suppress(OSError):
        ours = [each for each in folder.iterdir() if name.fullmatch(each.name) and each.is_file()]
        for old in sorted(ours, key=lambda each: each.stat().st_mtime_ns, reverse=True)[most:]:
            old.unlink()
            deleted += 1
    return deleted


_PART = ".part"
_STAMP = r"\d{8}T\d{6}Z"


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}{_PART}")


def _harmless(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula: names come from strangers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
