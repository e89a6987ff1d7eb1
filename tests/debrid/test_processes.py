"""A synchronisation that is killed from outside: what it left is whole, and the next one ends it."""

import asyncio
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path
import random
import sqlite3
import sys

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.clients.real_debrid_tokens import ApiToken
from custom_components.sokoul.debrid.mirror import MirrorSync
from custom_components.sokoul.debriding import ClientErrors
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.store import open_store
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from tests.store.torrents import ACCOUNT

CHILD = Path(__file__).with_name("child.py")
COUNT = 1_200
_chance = random.Random()  # noqa: S311


@pytest.mark.parametrize("kills", [3])
async def test_a_kill_leaves_a_whole_mirror(tmp_path: Path, socket_enabled: None, kills: int) -> None:
    """Killed in the list or among the details, at moments that nobody chose, while torrents come and go."""
    path = tmp_path / "sokoul.db"
    async with RealDebridSimulator(per_minute=1_000_000) as server:
        server.account.fill(COUNT, files=3)
        for _ in range(kills):
            child = await asyncio.create_subprocess_exec(
                sys.executable, CHILD, path, server.url, API_TOKEN, stdout=PIPE
            )
            assert child.stdout is not None
            async with asyncio.timeout(60):
                assert await child.stdout.readline() == b"begun\n"
            await asyncio.sleep(_chance.random() * 0.6)
            child.kill()
            assert await child.wait() == -9
            whole(path)
            for torrent_id in _chance.sample(list(server.account.torrents), 7):
                server.account.delete(torrent_id)
        store = await open_store(path)
        async with ClientSession() as session:
            client = RealDebridClient(session, ApiToken(API_TOKEN), DebridBudget(1_000_000), url=server.url)
            sync = MirrorSync(
                ACCOUNT, client, ClientErrors(), store.mirror, clock=lambda: datetime.now(UTC), page_size=500
            )
            if await sync.interrupted():
                await sync.sync(SyncMode.RESUME)
            await sync.sync(SyncMode.FULL)
        known = {each.torrent.id: each async for page in store.mirror_view.walk(ACCOUNT) for each in page}
        assert set(known) == set(server.account.torrents)
        assert all(each.details_at is not None and each.file_count == 3 for each in known.values())
        assert len(await store.mirror_view.files(ACCOUNT, known)) == 3 * len(known)
        await store.close()
    whole(path)


def whole(path: Path) -> None:
    """Check that no half of anything was written: links and files belong to torrents, and none of them lacks any."""
    with sqlite3.connect(path) as connection:
        ask = connection.execute
        assert ask("PRAGMA integrity_check").fetchone() == ("ok",)
        for table in ("debrid_links", "debrid_files"):
            orphans = f"SELECT count(*) FROM {table} WHERE torrent_id NOT IN (SELECT id FROM debrid_torrents)"  # noqa: S608
            assert ask(orphans).fetchone() == (0,)
        without = "NOT IN (SELECT torrent_id FROM debrid_links)"
        assert ask(f"SELECT count(*) FROM debrid_torrents WHERE id {without}").fetchone() == (0,)  # noqa: S608
        lacking = """SELECT count(*) FROM debrid_torrents AS t WHERE file_count !=
            (SELECT count(*) FROM debrid_files AS f WHERE f.torrent_id = t.id)"""
        assert ask(lacking).fetchone() == (0,)
    connection.close()
