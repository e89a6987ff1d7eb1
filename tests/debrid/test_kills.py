"""A process that repairs an account, killed again and again at moments that nobody chose."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
import random
import sys
import time

import pytest

from custom_components.sokoul.debrid.repair_notes import StoredRepairs
from custom_components.sokoul.debrid.retrying import Ending, Repair
from custom_components.sokoul.store import open_store
from devstack.clock import Clock
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile
from tests.debrid.repair_child import noon_at

CHILD = Path(__file__).with_name("repair_child.py")
SPEED = 600.0
TORRENTS, KILLS = 12, 8
FILES = (PlannedFile("/a.mkv", 1000), PlannedFile("/b.mkv", 2000), PlannedFile("/c.txt", 3))


class Fast(Clock):
    """The clock of the child."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.now = noon_at(self.began, SPEED)  # type: ignore[method-assign] -- it is one


@pytest.mark.real
async def test_kill_it_whenever(tmp_path: Path, socket_enabled: None) -> None:
    rng = random.Random()  # noqa: S311 -- another moment each time
    clock, database = Fast(), tmp_path / "sokoul.db"
    async with RealDebridSimulator(clock=clock, latency_seconds=0.03, per_minute=1_000_000) as debrid:
        account = debrid.account
        store = await open_store(database)
        notes = StoredRepairs("home", store.debrid_history, clock.now)
        for number in range(TORRENTS):
            plan = Plan(name=f"Show {number}", files=FILES, cached=number % 2 == 0, download_seconds=900.0)
            torrent = account.add(f"{number + 1:040x}")
            account.plans[torrent.hash] = plan
            torrent.plan, torrent.selected = plan, frozenset({1, 2})
            account.turn(torrent, "error")
            now = clock.now()
            await notes.save(
                Repair(hash=torrent.hash, label="", trouble="error", created_at=now, due_at=now, old_ids=(torrent.id,))
            )
        await store.close()
        kills = 0
        while True:
            arguments = (str(database), debrid.url, API_TOKEN, str(clock.began), str(SPEED))
            child = await asyncio.create_subprocess_exec(sys.executable, CHILD, *arguments, stdout=PIPE, stderr=DEVNULL)
            assert child.stdout is not None
            assert await child.stdout.readline() == b"begun\n"
            if kills == KILLS:
                assert await asyncio.wait_for(child.wait(), 120) == 0
                break
            try:
                async with asyncio.timeout(rng.uniform(0.01, 0.6)):
                    assert await child.wait() == 0  # it was faster
                break
            except TimeoutError:
                child.kill()
                assert await child.wait() == -9
            kills += 1
            for number in range(TORRENTS):
                entries = [each.status for each in account.torrents.values() if int(each.hash, 16) == number + 1]
                assert 1 <= len(entries) <= 2
                assert len([status for status in entries if status != "error"]) <= 1, "it was added twice"
        assert kills > 1, "it was too fast to be killed"
        left = {int(each.hash, 16): each for each in account.torrents.values()}
        assert len(left) == len(account.torrents) == TORRENTS
        assert {each.status for each in left.values()} == {"downloaded"}
        assert {each.selected for each in left.values()} == {frozenset({1, 2})}
        adds = sum(request.path.endswith("/addMagnet") for request in debrid.requests)
        assert adds == TORRENTS
    store = await open_store(database)
    ended = await StoredRepairs("home", store.debrid_history, clock.now).repairs()
    assert [each.ending for each in ended] == [Ending.REPAIRED] * TORRENTS
    await store.close()
