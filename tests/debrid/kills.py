"""Processes that synchronise and repair an account, killed at moments that nobody chose; for the tests and the soak.

What they leave behind is looked at after each kill, and the last one comes to its end.
"""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import logging
from pathlib import Path
import random
import sys
import time
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import text

from custom_components.sokoul.clients.real_debrid import RealDebridClient
from custom_components.sokoul.clients.real_debrid_budget import DebridBudget
from custom_components.sokoul.clients.real_debrid_tokens import ApiToken
from custom_components.sokoul.debrid.mirror import MirrorSync
from custom_components.sokoul.debrid.repair_notes import StoredRepairs
from custom_components.sokoul.debrid.retrying import Ending, Repair
from custom_components.sokoul.debriding import ClientErrors
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.store import Store, debrid_counts, open_store
from devstack.clock import Clock
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.real_debrid_account import Account, Plan, PlannedFile
from tests.debrid.repair_child import noon_at

FOLDER = Path(__file__).parent
ACCOUNT = "account"
LIMITLESS = 1_000_000
_PATIENCE_SECONDS = 120

type Where = Path | str


@asynccontextmanager
async def opened(where: Where) -> AsyncIterator[Store]:
    """Open what the dead left. What is kept counted of it has to be right, which is looked at while it is opened."""
    said: list[logging.LogRecord] = []
    listening = logging.Handler()
    listening.emit = said.append  # type: ignore[assignment,method-assign]  # the shortest way to a list
    logger = logging.getLogger(debrid_counts.__name__)
    logger.addHandler(listening)
    try:
        store = await open_store(where)
    finally:
        logger.removeHandler(listening)
    assert not said, said
    try:
        yield store
    finally:
        await store.close()


async def life(child: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start a process, and return when it begins."""
    program = str(FOLDER / child)
    process = await asyncio.create_subprocess_exec(sys.executable, program, *arguments, stdout=PIPE, stderr=None)
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE_SECONDS):
        assert await process.stdout.readline() == b"begun\n"
    return process


# --- synchronising ---------------------------------------------------------------------------------------------------


async def kill_synchronising(where: Where, kills: int, chance: random.Random, *, torrents: int) -> int:
    """Kill it in the list or among the details, while torrents come and go. Return how often it was in the middle."""
    interrupted = 0
    async with RealDebridSimulator(per_minute=LIMITLESS) as server:
        server.account.fill(torrents, files=3)
        for _ in range(kills):
            process = await life("child.py", str(where), server.url, API_TOKEN)
            await asyncio.sleep(chance.random() * 0.6)
            process.kill()
            assert await process.wait() == -9
            async with opened(where) as store:
                await check_whole(store)
                interrupted += bool(await _syncing(store, None).interrupted())
            for torrent_id in chance.sample(list(server.account.torrents), 7):
                server.account.delete(torrent_id)
            server.account.fill(7, files=3)
        async with opened(where) as store, ClientSession() as session:
            client = RealDebridClient(session, ApiToken(API_TOKEN), DebridBudget(LIMITLESS), url=server.url)
            sync = _syncing(store, client)
            if await sync.interrupted():
                await sync.sync(SyncMode.RESUME)
            await sync.sync(SyncMode.FULL)
            known = {each.torrent.id: each async for page in store.mirror_view.walk(ACCOUNT) for each in page}
            assert set(known) == set(server.account.torrents)
            assert all(each.details_at is not None and each.file_count == 3 for each in known.values())
            assert len(await store.mirror_view.files(ACCOUNT, known)) == 3 * len(known)
            await check_whole(store)
    return interrupted


def _syncing(store: Store, client: Any) -> MirrorSync:
    return MirrorSync(ACCOUNT, client, ClientErrors(), store.mirror, clock=lambda: datetime.now(UTC), page_size=500)


async def check_whole(store: Store) -> None:
    """Check that no half of anything was written: links and files belong to torrents, and none of them lacks any."""
    wrong = [
        "SELECT count(*) FROM debrid_links WHERE torrent_id NOT IN (SELECT id FROM debrid_torrents)",
        "SELECT count(*) FROM debrid_files WHERE torrent_id NOT IN (SELECT id FROM debrid_torrents)",
        "SELECT count(*) FROM debrid_torrents WHERE id NOT IN (SELECT torrent_id FROM debrid_links)",
        """SELECT count(*) FROM debrid_torrents AS t WHERE file_count !=
            (SELECT count(*) FROM debrid_files AS f WHERE f.torrent_id = t.id)""",
    ]

    async def read(connection: Any) -> list[int]:
        return [(await connection.execute(text(each))).scalar_one() for each in wrong]

    database = store.mirror._database
    assert await database.read(read) == [0] * len(wrong)
    if database.is_file:
        await store.maintenance.check()


# --- repairing, which adds torrents again ----------------------------------------------------------------------------

SPEED = 600.0
FILES = (PlannedFile("/a.mkv", 1000), PlannedFile("/b.mkv", 2000), PlannedFile("/c.txt", 3))
HOME = "home"


class Fast(Clock):
    """The clock of the child."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._noon = noon_at(self.began, SPEED)

    def now(self) -> datetime:
        """Return the time there."""
        moment: datetime = self._noon()
        return moment


async def kill_repairing(where: Where, kills: int, chance: random.Random, *, torrents: int) -> int:
    """Kill it while it deletes what failed and adds it again. Return how often it was killed before it was done."""
    clock = Fast()
    async with RealDebridSimulator(clock=clock, latency_seconds=0.03, per_minute=LIMITLESS) as server:
        account, killed = server.account, 0
        await _let_fail(where, account, clock, torrents)
        arguments = (str(where), server.url, API_TOKEN, str(clock.began), str(SPEED))
        while True:
            process = await life("repair_child.py", *arguments)
            if killed == kills:
                assert await asyncio.wait_for(process.wait(), _PATIENCE_SECONDS) == 0
                break
            try:
                async with asyncio.timeout(chance.uniform(0.01, 0.6)):
                    assert await process.wait() == 0  # it was faster
                break
            except TimeoutError:
                process.kill()
                assert await process.wait() == -9
            killed += 1
            _check_no_duplicates(account, torrents)
        left = {int(each.hash, 16): each for each in account.torrents.values()}
        assert len(left) == len(account.torrents) == torrents
        assert {each.status for each in left.values()} == {"downloaded"}
        assert {each.selected for each in left.values()} == {frozenset({1, 2})}
        adds = sum(request.path.endswith("/addMagnet") for request in server.requests)
        assert adds == torrents
    async with opened(where) as store:
        ended = await StoredRepairs(HOME, store.debrid_history, clock.now).repairs()
        assert [each.ending for each in ended] == [Ending.REPAIRED] * torrents
    return killed


async def _let_fail(where: Where, account: Account, clock: Clock, torrents: int) -> None:
    async with opened(where) as store:
        notes = StoredRepairs(HOME, store.debrid_history, clock.now)
        for number in range(torrents):
            plan = Plan(name=f"Show {number}", files=FILES, cached=number % 2 == 0, download_seconds=900.0)
            torrent = account.add(f"{number + 1:040x}")
            account.plans[torrent.hash] = plan
            torrent.plan, torrent.selected = plan, frozenset({1, 2})
            account.turn(torrent, "error")
            now = clock.now()
            await notes.save(
                Repair(hash=torrent.hash, label="", trouble="error", created_at=now, due_at=now, old_ids=(torrent.id,))
            )


def _check_no_duplicates(account: Account, torrents: int) -> None:
    for number in range(torrents):
        entries = [each.status for each in account.torrents.values() if int(each.hash, 16) == number + 1]
        assert 1 <= len(entries) <= 2
        assert len([status for status in entries if status != "error"]) <= 1, "it was added twice"
