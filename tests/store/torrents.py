"""Torrents of a Real-Debrid account."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from custom_components.sokoul.model.debrid import DebridFile, DebridStatus, DebridTorrent, DebridTorrentInfo
from custom_components.sokoul.store import Store
from custom_components.sokoul.store.debrid_removal import STORED

from .make import NOW

ACCOUNT = "account"


def torrent(number: int = 1, **values: Any) -> DebridTorrent:
    given: dict[str, Any] = {
        "id": f"ID{number:06}",
        "hash": f"{number:040x}",
        "filename": f"A.Film.{number}.1080p.WEB-DL",
        "size_bytes": 1_000 + number,
        "status": DebridStatus.DOWNLOADED,
        "progress": 100.0,
        "added_at": NOW - timedelta(days=30, minutes=number),
        "ended_at": NOW - timedelta(days=29, minutes=number),
        "host": "real-debrid.com",
        "split_gigabytes": 2000,
        "links": (f"https://real-debrid.com/d/{number}A", f"https://real-debrid.com/d/{number}B"),
    }
    return DebridTorrent(**(given | values))


def details(of: DebridTorrent, files: int = 2) -> DebridTorrentInfo:
    return DebridTorrentInfo(
        torrent=of,
        original_filename=f"{of.filename} original",
        original_size_bytes=of.size_bytes * 2,
        files=tuple(
            DebridFile(id=number, path=f"/{of.filename}/{number}.mkv", size_bytes=10 * number, selected=number != files)
            for number in range(1, files + 1)
        ),
    )


async def accounts_in(store: Store) -> set[str]:
    """Return of which accounts anything is stored."""

    async def read(connection: AsyncConnection) -> set[str]:
        found = [(await connection.execute(select(table.c.account).distinct())).scalars() for table in STORED]
        return {account for accounts in found for account in accounts}

    return await store.mirror._database.read(read)
