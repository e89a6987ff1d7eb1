"""From the mirror in a real database to what is repaired, and files as they are on a real disk."""

from dataclasses import replace
from datetime import timedelta
import os
from pathlib import Path

import pytest

from custom_components.sokoul.debrid.finding import find
from custom_components.sokoul.debrid.links import Cause, Health, Link, Mount, MountLook, Seen, judge
from custom_components.sokoul.debrid.mount_files import SystemFiles
from custom_components.sokoul.debrid.retrying import Ending
from custom_components.sokoul.debrid.shelf import read_catalogue, read_standings
from custom_components.sokoul.model.debrid import DebridFile, DebridStatus
from custom_components.sokoul.store import Store
from tests.debrid.link_scene import ZURG
from tests.store.make import NOW
from tests.store.torrents import ACCOUNT, details, torrent


async def test_the_mirror_as_a_catalogue(store: Store) -> None:
    there, unread, gone = torrent(1), torrent(2), torrent(3)
    await store.mirror.apply(ACCOUNT, [there, unread, gone], NOW)
    infos = [details(there), details(gone)]
    await store.mirror.keep_details(ACCOUNT, infos, NOW)
    await store.mirror.vanish(ACCOUNT, [there.id, unread.id], NOW)
    held = await read_catalogue(store.mirror_view, [ACCOUNT, "another account"], complete=True)

    def judged(of: int, path: str) -> tuple[Health, Cause]:
        target = f"/mnt/zurg/__all__/{torrent(of).filename}{path}"
        found = judge(Link(path="/media/a", target=target), held, [ZURG], links={})
        assert found.hash in {torrent(of).hash, None}
        return found.health, found.cause

    selected = infos[0].selected[0].path
    assert judged(1, selected) == (Health.HEALTHY, Cause.NONE)
    assert judged(1, "/another.mkv") == (Health.BROKEN, Cause.FILE_GONE)
    assert judged(2, "/any.mkv") == (Health.UNKNOWN, Cause.FILES_UNKNOWN)
    assert judged(3, infos[1].selected[0].path) == (Health.BROKEN, Cause.TORRENT_GONE)
    assert judged(4, "/any.mkv") == (Health.BROKEN, Cause.NEVER_SEEN)


async def test_whatever_files_are_called_the_catalogue_says_so(store: Store) -> None:
    """The database puts their names and sizes together as one text."""
    names = ('/a "quoted" \\ name.mkv', "/{}[]:,.mkv", "/Éléphants 🐘.mkv", "/line\nfeed\t.mkv", "/" + "x" * 3_000)
    files = tuple(DebridFile(id=number, path=name, size_bytes=2**40 + number, selected=True)
                  for number, name in enumerate(names))  # fmt: skip
    there, chosen_by_nobody = torrent(1), torrent(2)
    infos = [replace(details(there), files=files), details(chosen_by_nobody, files=1)]
    await store.mirror.apply(ACCOUNT, [there, chosen_by_nobody], NOW)
    await store.mirror.keep_details(ACCOUNT, infos, NOW)
    held = await read_catalogue(store.mirror_view, [ACCOUNT], complete=True)
    (found,) = held.of_hash(there.hash)
    assert found.files == {name: 2**40 + number for number, name in enumerate(names)}
    assert (found.original_filename, found.gone, found.status) == (infos[0].original_filename, False, there.status)
    (unknown,) = held.of_hash(chosen_by_nobody.hash)
    assert unknown.files is None, "its files were read before anybody selected one"


async def test_all_torrents_of_an_account_are_held_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.sokoul.store.debrid_look._HELD_AT_ONCE", 4)
    torrents = [torrent(number, hash=torrent(number // 2).hash) for number in range(11)]
    await store.mirror.apply(ACCOUNT, torrents, NOW)
    await store.mirror.apply("another account", [torrent(number) for number in range(5)], NOW)
    portions = [len(each) async for each in store.mirror_view.held(ACCOUNT)]
    assert portions == [4, 4, 3]
    held = await read_catalogue(store.mirror_view, [ACCOUNT, "another account"], complete=True)
    of_one = {(each.account, each.id) for each in held.of_hash(torrent(2).hash)}
    assert of_one == {(ACCOUNT, torrent(4).id), (ACCOUNT, torrent(5).id), ("another account", torrent(2).id)}
    assert len(held.named(torrent(3).filename)) == 2
    assert held.accounts == {ACCOUNT, "another account"}


async def test_the_mirror_as_what_needs_repair(store: Store) -> None:
    states = (DebridStatus.DOWNLOADED, DebridStatus.ERROR, DebridStatus.VIRUS, DebridStatus.WAITING_FILES_SELECTION)
    torrents = [torrent(number, status=status, links=()) for number, status in enumerate(states)]
    await store.mirror.apply(ACCOUNT, torrents, NOW)
    await store.mirror.apply(ACCOUNT, [replace(torrents[0], status=DebridStatus.DEAD)], NOW + timedelta(hours=1))
    found = find(await read_standings(store.mirror_view, ACCOUNT, ()), NOW + timedelta(hours=1))
    assert {(each.hash, each.trouble, each.ending, each.added_id) for each in found} == {
        (torrents[0].hash, "dead", None, None),
        (torrents[1].hash, "error", None, None),
        (torrents[2].hash, "virus", Ending.VIRUS, None),
        (torrents[3].hash, "waiting_files_selection", None, torrents[3].id),
    }


async def test_only_what_may_need_repair_is_read(store: Store) -> None:
    whole, beside, known, failed = (torrent(number) for number in range(4))
    failed = replace(failed, status=DebridStatus.ERROR, links=())
    beside = replace(beside, hash=failed.hash)
    gone = replace(torrent(5), status=DebridStatus.DEAD, links=())
    await store.mirror.apply(ACCOUNT, [whole, beside, known, failed, gone], NOW)
    await store.mirror.apply("another account", [torrent(6, status=DebridStatus.ERROR)], NOW)
    await store.mirror.vanish(ACCOUNT, [each.id for each in (whole, beside, known, failed)], NOW)
    read = await read_standings(store.mirror_view, ACCOUNT, [known.hash, gone.hash])
    assert {each.torrent.id for each in read} == {beside.id, known.id, failed.id}
    assert not find(read, NOW + timedelta(days=1))  # one like the failed one is complete


def test_files_of_this_machine(tmp_path: Path) -> None:
    files = SystemFiles()
    (tmp_path / "film.mkv").write_bytes(b"film")
    (tmp_path / "empty").mkdir()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert files.read(str(tmp_path / "film.mkv")) is Seen.READS
    assert files.read(str(tmp_path / "nothing.mkv")) is Seen.MISSING
    assert files.read(str(tmp_path / "lost")) is Seen.MISSING
    assert files.read(str(tmp_path / "film.mkv" / "below")) is Seen.MISSING
    assert files.read(str(tmp_path / "circle")) is Seen.FAILS
    assert files.read("/a\0b") is Seen.NOT_LOOKED
    looks = {
        tmp_path: MountLook(there=True, empty=False),
        tmp_path / "empty": MountLook(there=True, empty=True),
        tmp_path / "nothing": MountLook(there=False),
    }
    for path, look in looks.items():
        assert files.look(Mount(theirs="/mnt/zurg", ours=str(path))) == look
    assert files.look(ZURG) == MountLook()


def test_a_pipe_holds_up_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert SystemFiles().read(str(tmp_path / "pipe")) is Seen.READS


def test_an_error_of_the_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "film.mkv").write_bytes(b"film")

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("custom_components.sokoul.debrid.mount_files.os.read", fail)
    assert SystemFiles().read(str(tmp_path / "film.mkv")) is Seen.FAILS
