"""Folders, links and changes of links in a real database."""

from datetime import timedelta
import os
from pathlib import Path

from custom_components.sokoul.debrid.checking import LinkCheck, LinkRecord, ScanMode
from custom_components.sokoul.debrid.link_notes import StoredLinks
from custom_components.sokoul.debrid.link_repairing import ChangeState, LinkChange
from custom_components.sokoul.debrid.links import Cause, Health, Seen
from custom_components.sokoul.debrid.relinking import Change
from custom_components.sokoul.debrid.scanning import Folder
from custom_components.sokoul.store import Store
from custom_components.sokoul.store.library import StoredChange
from tests.debrid.link_scene import ZURG, catalogue, record_of
from tests.debrid.repair_account import START
from tests.debrid.test_checking import Files, Stage, torrents

ODD = os.fsdecode(b"caf\xe9 \xc3\xa9")
FULL = LinkRecord(
    health=Health.BROKEN,
    cause=Cause.NOT_SHOWN,
    hash="h",
    since=START,
    seen=Seen.MISSING,
    missing_since=START - timedelta(hours=1),
    next_read=START + timedelta(microseconds=1),
    read_of="ID7",
)
PLAIN = LinkRecord(health=Health.HEALTHY, since=START)


def notes(store: Store) -> StoredLinks:
    return StoredLinks(store.library, StoredChange)


async def test_there_and_back(store: Store) -> None:
    folder = Folder(path=f"/media/{ODD}", changed_ns=2**60, links={ODD: f"/mnt/{ODD}", "b": "c"}, folders=(ODD,))
    kept = notes(store)
    await kept.save_folders("/media", [folder], folder.path)
    await kept.save_records({f"{folder.path}/{ODD}": FULL, f"{folder.path}/b": PLAIN})
    again = notes(store)
    assert await again.folders() == [folder]
    assert await again.records() == {f"{folder.path}/{ODD}": FULL, f"{folder.path}/b": PLAIN}
    assert await again.walked() == {"/media": folder.path}
    await again.save_records({f"{folder.path}/b": None})
    await again.save_folders("/media", [], "")
    once_more = notes(store)
    await once_more.folders()
    assert await once_more.records() == {f"{folder.path}/{ODD}": FULL}
    assert await once_more.walked() == {}
    await once_more.forget_folders([folder.path])
    assert await notes(store).folders() == []


async def test_a_folder_that_is_listed_again_keeps_what_is_known_of_its_links(store: Store) -> None:
    folder = Folder(path="/media/a", changed_ns=1, links={"b": "c"}, folders=())
    kept = notes(store)
    await kept.save_folders("/media", [folder], "")
    await kept.save_records({"/media/a/b": FULL})
    await kept.save_folders("/media", [folder], "")
    again = notes(store)
    await again.folders()
    assert await again.records() == {"/media/a/b": FULL}


async def test_changes(store: Store) -> None:
    change = Change(path=f"/media/{ODD}", old_target="/mnt/a", recycled=f"/recycle/{ODD}")
    begun = LinkChange(key="1", at=START, change=change)
    done = LinkChange(key="2", at=START + timedelta(1), change=change, state=ChangeState.DONE, why="x")
    kept = notes(store)
    await kept.save_change(begun)
    await kept.save_change(done)
    assert await notes(store).changes() == [begun]
    assert await notes(store).changes_in(ChangeState) == [done, begun]
    assert await notes(store).changes_of([done.key, "of nothing"]) == [done]
    await kept.save_change(LinkChange(key="1", at=START, change=change, state=ChangeState.DONE))
    assert await notes(store).changes() == []


async def test_a_check_after_a_restart_lists_nothing_again(tmp_path: Path, store: Store) -> None:
    stage = Stage(tmp_path)

    async def started() -> LinkCheck:
        check = LinkCheck(
            notes(store),
            roots=[str(stage.root)],
            mounts=lambda _texts, _held: [ZURG],
            files=Files(),
            clock=stage.clock,
            chance=lambda: 0.5,
            rest=0,
        )
        await check.load()
        return check

    await (await started()).check(ScanMode.FULL, catalogue(*torrents()))
    path = str(stage.root / "Show 1" / "E01.mkv")
    before = record_of(await started(), path)
    stage.clock.forward(hours=1)
    check = await started()
    report = await check.check(ScanMode.QUICK, catalogue(*torrents(gone=(3,))))
    assert (report.links, report.count(Health.BROKEN)) == (300, 10)
    assert record_of(await started(), path) == before
