"""What can be seen only from outside: that nothing is lost when the process is killed, and the loop is left alone."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
import random
import sys

import pytest

from custom_components.sokoul.store import open_store

from .conftest import Where
from .servers import Postgresql

CHILD = Path(__file__).with_name("child.py")
_chance = random.Random()  # noqa: S311


@pytest.mark.parametrize("attempt", range(3))
async def test_what_was_added_survives_a_kill(where: Where, attempt: int) -> None:
    """The child prints an id when adding returned; it is killed at a moment that nobody chose."""
    child = await asyncio.create_subprocess_exec(sys.executable, CHILD, "write", str(where), stdout=PIPE)
    assert child.stdout is not None
    printed: list[int] = []
    enough = _chance.randrange(20, 200)
    try:
        async with asyncio.timeout(60):
            while len(printed) < enough:
                printed.append(int(await child.stdout.readline()))
        await asyncio.sleep(_chance.random() * 0.02)
    finally:
        child.kill()
    rest = await child.stdout.read()
    printed += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    assert await child.wait() == -9
    store = await open_store(where)
    found = {each.id for each in await store.journal.find(limit=10_000)}
    await store.close()
    assert len(printed) >= 20
    assert found >= set(printed)
    assert len(found) <= len(printed) + 5  # those that were being added


async def watched(where: Where) -> list[str]:
    """Return what the event loop of a process imported and opened while it used a store."""
    child = await asyncio.create_subprocess_exec(sys.executable, CHILD, "watch", str(where), stdout=PIPE)
    said, _ = await asyncio.wait_for(child.communicate(), 60)
    assert await child.wait() == 0
    return said.decode().partition("seen:\n")[2].splitlines()


async def test_the_event_loop_imports_and_opens_nothing(where: Where) -> None:
    assert await watched(where) == []


@pytest.mark.real
async def test_a_server_on_the_same_machine_is_reached_by_its_socket(postgresql: Postgresql) -> None:
    assert await watched(postgresql.socket_url) == []
