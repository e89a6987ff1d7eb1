"""The demo's Real-Debrid: what is in it, and a mount and links that follow it."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
import os
from pathlib import Path

from aiohttp import ClientSession
import pytest

from devstack.clock import ManualClock
from devstack.debrid_world import COMPLETE, INFRINGING, LINKED, DebridWorld

SECOND = timedelta(seconds=1)


@pytest.fixture
async def world(tmp_path: Path, socket_enabled: None) -> AsyncIterator[DebridWorld]:
    async with DebridWorld(tmp_path / "debrid", clock=ManualClock()) as made:
        yield made


def dead_links(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink() and not path.exists()]


async def test_what_is_in_the_account(world: DebridWorld) -> None:
    counts = Counter(torrent.status for torrent in world.account.torrents.values())
    assert counts == {
        "downloaded": COMPLETE,
        "error": 2,
        "dead": 2,
        "magnet_error": 1,
        "virus": 1,
        "waiting_files_selection": 1,
        "downloading": 2,
        "queued": 3,
    }
    assert world.doubled() == []
    async with (
        ClientSession() as session,
        session.get(
            f"{world.simulator.url}/rest/1.0/torrents", headers={"Authorization": f"Bearer {world.api_token}"}
        ) as answer,
    ):
        assert answer.headers["X-Total-Count"] == str(counts.total())


async def test_the_mount_has_the_files_of_what_is_complete(world: DebridWorld) -> None:
    complete = [each for each in world.account.torrents.values() if each.status == "downloaded"]
    assert {path.name for path in world.mount.iterdir()} == {each.plan.name for each in complete}
    (file,) = complete[0].plan.files
    assert os.stat(world.mount / complete[0].plan.name / file.path.lstrip("/")).st_size == file.size_bytes  # noqa: PTH116


async def test_one_link_is_lost_and_lives_again_when_its_torrent_is_added_again(
    world: DebridWorld, tmp_path: Path
) -> None:
    library = tmp_path / "movies"
    world.links(library)
    assert world.lost is not None
    assert sum(path.is_symlink() for path in library.rglob("*")) == LINKED
    assert dead_links(library) == list(world.lost.links)
    torrent = world.account.add(world.lost.hash)
    assert isinstance(world.account.clock, ManualClock)
    world.account.clock.advance(2 * SECOND)
    world.account.settle()
    world.account.select(torrent, frozenset({1}))
    world.account.clock.advance(2 * SECOND)
    world.go_on()
    assert dead_links(library) == []
    assert len(world.repairable()) == 7, "without the one that is never taken again"
    assert world.doubled() == [world.lost.hash], "the failed one is still there"


async def test_what_is_deleted_leaves_the_mount(world: DebridWorld) -> None:
    complete = next(each for each in world.account.torrents.values() if each.status == "downloaded")
    world.account.delete(complete.id)
    world.go_on()
    assert not (world.mount / complete.plan.name).exists()
    assert len(list(world.mount.iterdir())) == COMPLETE - 1


async def test_one_is_never_taken_again(world: DebridWorld) -> None:
    refused = [each for each, plan in world.account.plans.items() if plan.refused_code == INFRINGING]
    assert [each.status for each in world.account.torrents.values() if each.hash in refused] == ["dead"]
