"""A process that synchronises or repairs an account and is killed: what it left is whole, and the next one ends it."""

import random

import pytest

from tests.store.conftest import Where

from .kills import kill_repairing, kill_synchronising

_chance = random.Random()  # noqa: S311 -- other moments each time


@pytest.mark.parametrize("kills", [3])
async def test_a_kill_leaves_a_whole_mirror(where: Where, socket_enabled: None, kills: int) -> None:
    await kill_synchronising(where, kills, _chance, torrents=1_200)


@pytest.mark.real
@pytest.mark.parametrize("kills", [3])
async def test_a_kill_adds_nothing_twice(where: Where, socket_enabled: None, kills: int) -> None:
    assert await kill_repairing(where, kills, _chance, torrents=12), "it was too fast to be killed"
