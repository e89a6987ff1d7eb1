"""A check of a real tree whose links lead into a mount that is not here, and what is done about what is broken."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
import threading

import pytest

from custom_components.sokoul.debrid import scanning
from custom_components.sokoul.debrid.catalogue import Catalogue, Holding
from custom_components.sokoul.debrid.checking import PROBES, READ_DOUBTFUL, LinkCheck, LinkRecord, LinkReport, ScanMode
from custom_components.sokoul.debrid.link_repairing import (
    ChangeState,
    Decision,
    LinkAct,
    LinkChange,
    LinkRepairer,
    decide,
    repair_of,
)
from custom_components.sokoul.debrid.links import Cause, Health, Judgement, Link, Mount, MountLook, Seen, Shut, judge
from custom_components.sokoul.debrid.retrying import Ending, Repair, Step, Urgency
from custom_components.sokoul.debrid.scanning import Folder
from custom_components.sokoul.model.debrid import DebridStatus
from tests.debrid.link_scene import PROVEN, ZURG, catalogue, holding, record_of
from tests.debrid.repair_account import START, Clock
from tests.debrid.test_scanning import age


@dataclass
class Notes:
    """What is on the disk."""

    kept: dict[str, Folder] = field(default_factory=dict)
    known: dict[str, LinkRecord] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    changed: dict[str, LinkChange] = field(default_factory=dict)
    writes: int = 0
    fail_after: int | None = None

    async def folders(self) -> Sequence[Folder]:
        return list(self.kept.values())

    async def records(self) -> Mapping[str, LinkRecord]:
        return dict(self.known)

    async def save_folders(self, root: str, listed: Sequence[Folder], last: str) -> None:
        self.writes += 1
        if self.fail_after is not None and self.writes > self.fail_after:
            raise asyncio.CancelledError
        self.kept.update((folder.path, folder) for folder in listed)
        self.last[root] = last

    async def forget_folders(self, paths: Sequence[str]) -> None:
        for path in paths:
            del self.kept[path]

    async def save_records(self, records: Mapping[str, LinkRecord | None]) -> None:
        for path, record in records.items():
            if record is None:
                del self.known[path]
            else:
                self.known[path] = record

    async def walked(self) -> Mapping[str, str]:
        return {root: last for root, last in self.last.items() if last}

    async def changes(self) -> Sequence[LinkChange]:
        return [each for each in self.changed.values() if each.state in {ChangeState.BEGUN, ChangeState.ASKED}]

    async def changes_of(self, keys: Collection[str]) -> Sequence[LinkChange]:
        return [self.changed[key] for key in keys]

    async def save_change(self, change: LinkChange) -> None:
        self.changed[change.key] = change


@dataclass
class Files:
    """A mount as it is seen from here."""

    state: MountLook = field(default_factory=lambda: MountLook(there=True, empty=False))
    seen: dict[str, Seen] = field(default_factory=dict)
    read_paths: list[str] = field(default_factory=list)

    def look(self, _mount: Mount) -> MountLook:
        return self.state

    def read(self, path: str) -> Seen:
        self.read_paths.append(path)
        return self.seen.get(path, Seen.READS)


SHOWS, EPISODES = 30, 10


def torrents(*, gone: Sequence[int] = (), shows: int = SHOWS) -> list[Holding]:
    return [
        holding(f"Show {show}", *(f"/E{number:02}.mkv" for number in range(EPISODES)), gone=show in gone)
        for show in range(shows)
    ]


class Stage:
    """A library of 300 links, its check, and what is known of the accounts."""

    def __init__(self, folder: Path, *mounts: Mount) -> None:
        self.root = folder / "media"
        self.clock, self.notes, self.files = Clock(), Notes(), Files()
        self.mounts = mounts or (ZURG,)
        for show in range(SHOWS):
            path = self.root / f"Show {show}"
            path.mkdir(parents=True)
            for number in range(EPISODES):
                (path / f"E{number:02}.mkv").symlink_to(f"/mnt/zurg/shows/Show {show}/E{number:02}.mkv")
        age(self.root)

    async def start(self) -> LinkCheck:
        check = LinkCheck(
            self.notes,
            roots=[str(self.root)],
            mounts=lambda _texts, _held: self.mounts,
            files=self.files,
            clock=self.clock,
            chance=lambda: 0.5,
            rest=0,
        )
        await check.load()
        return check


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_links_into_a_mount_that_is_not_here(stage: Stage) -> None:
    assert not Path("/mnt/zurg").exists()
    check = await stage.start()
    report = await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
    assert report.links == 300
    assert report.counts == {(Health.HEALTHY, Cause.NONE): 290, (Health.BROKEN, Cause.TORRENT_GONE): 10}
    assert {link.path for link, _ in report.broken} == {str(path) for path in (stage.root / "Show 3").iterdir()}
    assert report.shut == {}


async def test_quick_looks_into_no_folder(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await stage.start()).check(ScanMode.FULL, catalogue(*torrents()))
    check = await stage.start()

    def refuse(*_: object) -> None:
        raise AssertionError("the disk was asked")

    monkeypatch.setattr(scanning, "look", refuse)
    report = await check.check(ScanMode.QUICK, catalogue(*torrents(gone=(3,))))
    assert (report.links, report.count(Health.BROKEN)) == (300, 10)


async def test_it_goes_on_where_it_was_interrupted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_PORTION_ENTRIES", 1)
    stage.notes.fail_after = 12
    with pytest.raises(asyncio.CancelledError):
        await (await stage.start()).check(ScanMode.FULL, catalogue(*torrents()))
    stage.notes.fail_after = None
    written = stage.notes.writes
    report = await (await stage.start()).check(ScanMode.FULL, catalogue(*torrents()))
    assert report.links == 300
    assert stage.notes.writes - written < 25  # of 32: what was walked is not walked again


async def test_what_is_gone_is_forgotten(stage: Stage) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents()))
    for path in (stage.root / "Show 3").iterdir():
        path.unlink()
    (stage.root / "Show 3").rmdir()
    report = await check.check(ScanMode.FULL, catalogue(*torrents()))
    assert report.links == len(stage.notes.known) == 290
    assert str(stage.root / "Show 3") not in stage.notes.kept
    assert [each.id for each in report.unlinked] == ["id of Show 3"]


async def test_a_new_link_is_known_since_now_and_its_neighbours_since_before(stage: Stage) -> None:
    new = stage.root / "Show 3" / "E05.mkv"
    text = new.readlink()
    new.unlink()
    age(stage.root)
    check, held = await stage.start(), catalogue(*torrents())
    await check.check(ScanMode.FULL, held)
    new.symlink_to(text)
    later = stage.clock.forward(days=1)
    await check.check(ScanMode.FULL, held)
    since = {path.name: record_of(check, str(path)).since for path in new.parent.iterdir()}
    assert since == {f"E{number:02}.mkv": later if number == 5 else START for number in range(EPISODES)}
    assert {record.since for record in stage.notes.known.values()} == {START, later}


async def test_a_folder_that_cannot_be_read_keeps_its_links(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents()))

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(scanning, "look", refuse)
    report = await check.check(ScanMode.FULL, catalogue(*torrents()))
    assert (report.links, report.unreadable) == (300, (str(stage.root),))
    assert report.count(Health.HEALTHY) == 300


# --- the gate


async def test_many_at_once_are_an_outage_until_a_person_says_otherwise(stage: Stage) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents()))
    lost = catalogue(*torrents(gone=(1, 2, 3)))
    for _ in range(3):  # however often it is looked at
        report = await check.check(ScanMode.QUICK, lost)
        assert report.shut == {"/mnt/zurg": Shut.MANY_AT_ONCE}
        assert (report.broken, report.newly_broken["/mnt/zurg"]) == ((), 30)
        check = await stage.start()
    assert record_of(check, str(stage.root / "Show 1" / "E00.mkv")).health is Health.HEALTHY
    report = await check.check(ScanMode.QUICK, lost, accepted=True)
    assert (report.shut, len(report.broken)) == ({}, 30)
    report = await check.check(ScanMode.QUICK, lost)
    assert (report.shut, len(report.broken)) == ({}, 30)  # they are no news any more


async def test_the_first_check_of_a_library_full_of_broken_links_asks_as_well(stage: Stage) -> None:
    report = await (await stage.start()).check(ScanMode.FULL, catalogue(*torrents(gone=(1, 2, 3))))
    assert report.shut == {"/mnt/zurg": Shut.MANY_AT_ONCE}


async def test_what_would_be_done_if_a_person_said_so_is_noted_by_nobody(stage: Stage) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents()))
    lost = catalogue(*torrents(gone=(1, 2, 3)))
    report = await check.check(ScanMode.QUICK, lost, accepted=True, trial=True)
    assert (report.shut, len(report.broken)) == ({}, 30)
    for again in (check, await stage.start()):
        report = await again.check(ScanMode.QUICK, lost)
        assert (report.shut, report.broken) == ({"/mnt/zurg": Shut.MANY_AT_ONCE}, ())


async def test_a_link_that_was_changed_since_the_walk_is_judged_by_what_it_says_now(stage: Stage) -> None:
    """Sonarr got a better release, and the old torrent was deleted: nobody wants that one back."""
    check = await stage.start()
    better = holding("Better", "/E00.mkv")
    await check.check(ScanMode.FULL, catalogue(*torrents(), better))
    changed, removed, *others = sorted((stage.root / "Show 3").iterdir())
    changed.unlink()
    changed.symlink_to("/mnt/zurg/shows/Better/E00.mkv")
    removed.unlink()
    age(stage.root)  # the folder looks as it did
    report = await check.check(ScanMode.QUICK, catalogue(*torrents(gone=(3,)), better))
    assert {link.path for link, _ in report.broken} == set(map(str, others))
    assert (report.links, report.count(Health.HEALTHY)) == (299, 291)
    report = await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,)), better))
    assert (report.links, report.count(Health.HEALTHY)) == (299, 291)


async def test_links_in_a_folder_that_is_away_are_as_they_were(stage: Stage) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents()))
    stage.root.rename(stage.root.with_name("away"))
    report = await check.check(ScanMode.QUICK, catalogue(*torrents(gone=(3,))))
    assert (report.links, report.count(Health.BROKEN)) == (300, 10)


async def test_an_outage_of_several_mounts_is_one(tmp_path: Path) -> None:
    """Of two mounts 15 links each break at once: of neither is that much, of both together it is."""
    views = [Mount(theirs=f"/mnt/zurg/{name}") for name in ("shows", "more")]
    stage = Stage(tmp_path, *views)
    for path in (stage.root / "Show 3").iterdir():
        text = path.readlink()
        path.unlink()
        path.symlink_to(str(text).replace("/shows/", "/more/"))
    age(stage.root)
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents()))
    report = await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3, 4, 5))))
    assert report.newly_broken == {"/mnt/zurg/shows": 20, "/mnt/zurg/more": 10}
    assert report.shut == {each.theirs: Shut.MANY_AT_ONCE for each in views}
    assert report.broken == ()
    assert (await check.check(ScanMode.QUICK, catalogue(*torrents(gone=(3,))))).mended == 0  # nothing was believed


async def test_what_is_whole_again_is_counted(stage: Stage) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
    assert (await check.check(ScanMode.QUICK, catalogue(*torrents()))).mended == EPISODES
    assert (await check.check(ScanMode.QUICK, catalogue(*torrents()))).mended == 0


async def test_a_walk_through_a_folder_that_is_none_any_more_is_over(stage: Stage) -> None:
    stage.notes.last = {"/media/old": "/media/old/Show 1", str(stage.root): str(stage.root / "Show 5")}
    check = await stage.start()
    assert check.interrupted
    await check.check(ScanMode.FULL, catalogue(*torrents()))
    assert not check.interrupted


async def test_links_are_listed_in_the_order_of_their_paths(stage: Stage) -> None:
    check = await stage.start()
    await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
    broken = sorted(map(str, (stage.root / "Show 3").iterdir()))
    found: list[str] = []
    after = ""
    while page := check.records(lambda record: record.health is Health.BROKEN, after=after, limit=4):
        assert {link.target.rpartition("/")[0] for link, _ in page} == {"/mnt/zurg/shows/Show 3"}
        found += [link.path for link, _ in page]
        after = found[-1]
    assert found == broken


@pytest.mark.parametrize(
    ("look", "why"),
    [(MountLook(there=False), Shut.MOUNT_AWAY), (MountLook(there=True, empty=True), Shut.MOUNT_EMPTY)],
)
async def test_without_its_mount_nothing_is_broken(tmp_path: Path, look: MountLook, why: Shut) -> None:
    stage = Stage(tmp_path, Mount(theirs="/mnt/zurg", ours=str(tmp_path / "zurg"), proven=True))
    stage.files.state = look
    report = await (await stage.start()).check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
    assert (report.shut, report.broken) == ({"/mnt/zurg": why}, ())


async def test_what_was_broken_before_an_account_could_not_be_read_is_not_newly_broken_after(stage: Stage) -> None:
    check = await stage.start()
    held = torrents(gone=(3,))
    assert len((await check.check(ScanMode.FULL, catalogue(*held))).broken) == EPISODES
    unread = await check.check(ScanMode.QUICK, catalogue(*held, unread={"one"}))
    assert (unread.broken, unread.count(Health.UNKNOWN), unread.mended) == ((), EPISODES, 0)
    again = await check.check(ScanMode.QUICK, catalogue(*held))
    assert (len(again.broken), sum(again.newly_broken.values())) == (EPISODES, 0)


async def test_an_account_that_was_never_read_breaks_nothing(stage: Stage) -> None:
    report = await (await stage.start()).check(ScanMode.FULL, catalogue(complete=False))
    assert (report.broken, report.shut) == ((), {})
    assert report.counts == {(Health.UNKNOWN, Cause.NOT_READ_YET): 300}


# --- reading


async def test_a_mount_that_hangs_takes_one_thread_however_often_it_is_tried(tmp_path: Path) -> None:
    """Threads that hang are those that all of Home Assistant needs."""
    stage = Stage(tmp_path, Mount(theirs="/mnt/zurg", ours=str(tmp_path), proven=True))
    go_on, hanging = threading.Event(), Counter[str]()

    def look(_mount: Mount) -> MountLook:
        hanging["looks"] += 1
        go_on.wait(10)
        return MountLook(there=True, empty=False)

    def find(*_: object) -> Sequence[Mount]:
        hanging["finds"] += hanging["looks"] > 0
        if hanging["looks"]:
            go_on.wait(10)
        return stage.mounts

    stage.files.look = look  # type: ignore[method-assign] -- it does not come back
    check = LinkCheck(
        stage.notes,
        roots=[str(stage.root)],
        mounts=find,
        files=stage.files,
        clock=stage.clock,
        chance=lambda: 0.5,
        rest=0,
        patience=0.05,
    )
    for _ in range(5):
        report = await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
        assert (report.shut, report.broken) == ({"/mnt/zurg": Shut.MOUNT_AWAY}, ())
    assert hanging == {"looks": 1, "finds": 1}
    go_on.set()
    for _ in range(100):  # until the threads have seen that
        report = await check.check(ScanMode.QUICK, catalogue(*torrents()))
        if not report.shut:
            break
        await asyncio.sleep(0.01)
    assert (report.shut, report.count(Health.HEALTHY)) == ({}, 300)


async def test_files_are_read_when_they_are_due(tmp_path: Path) -> None:
    zurg = str(tmp_path / "zurg")
    stage = Stage(tmp_path, Mount(theirs="/mnt/zurg", ours=zurg, proven=True))
    bad, missing = f"{zurg}/shows/Show 1/E01.mkv", f"{zurg}/shows/Show 1/E02.mkv"
    stage.files.seen = {bad: Seen.FAILS, missing: Seen.MISSING}
    check = await stage.start()
    held = catalogue(*torrents())
    report = await check.check(ScanMode.FULL, held)
    assert report.read == len(stage.files.read_paths) == 200  # no more in one check
    report = await check.check(ScanMode.FULL, held)
    assert report.read == 100
    assert len(set(stage.files.read_paths)) == 300
    assert [found.cause for _, found in report.broken] == [Cause.UNREADABLE]
    assert report.counts[Health.UNKNOWN, Cause.NOT_SHOWN] == 1
    assert (await check.check(ScanMode.FULL, held)).read == 0
    stage.clock.forward(seconds=READ_DOUBTFUL.total_seconds())
    check = await stage.start()
    report = await check.check(ScanMode.FULL, held)
    assert report.read == 2  # those that were doubtful
    assert {found.cause for _, found in report.broken} == {Cause.UNREADABLE, Cause.NOT_SHOWN}
    stage.files.seen = {}
    stage.clock.forward(hours=1)
    assert (await check.check(ScanMode.FULL, held)).count(Health.HEALTHY) == 300
    stage.clock.forward(days=30)
    assert (await check.check(ScanMode.FULL, held)).read == 200


@pytest.mark.parametrize("seen", [Seen.FAILS, Seen.MISSING])
async def test_what_was_seen_of_an_entry_says_nothing_of_the_one_that_came_for_it(tmp_path: Path, seen: Seen) -> None:
    """It was added again: quick checks must not take the new entry for unreadable by what the old one did."""
    stage = Stage(tmp_path, PROVEN)
    stage.files.seen = {"/mnt/zurg/shows/Show 3/E01.mkv": seen}
    check = await stage.start()
    for _ in range(2):
        await check.check(ScanMode.FULL, catalogue(*torrents()))
    path = str(stage.root / "Show 3" / "E01.mkv")
    assert record_of(check, path).seen is seen
    stage.clock.forward(minutes=45)
    assert (await check.check(ScanMode.QUICK, catalogue(*torrents()))).count(Health.HEALTHY) == 299
    stage.files.seen = {}
    again = catalogue(*(replace(each, id="new") if each.filename == "Show 3" else each for each in torrents()))
    report = await check.check(ScanMode.QUICK, again)
    assert (report.broken, report.count(Health.HEALTHY)) == ((), 300)
    report = await (await stage.start()).check(ScanMode.FULL, again)
    assert report.count(Health.HEALTHY) == 300
    assert report.read == EPISODES  # the new entry's
    assert path.replace(str(stage.root), "/mnt/zurg/shows") in stage.files.read_paths[-report.read :]


async def test_what_was_read_once_can_be_gone_since(tmp_path: Path) -> None:
    """That it could be read while the account had it is no sign that it can be read now. So it is looked."""
    stage = Stage(tmp_path, PROVEN)
    check, ours = await stage.start(), {f"/mnt/zurg/shows/Show 3/E{number:02}.mkv" for number in range(EPISODES)}
    for _ in range(2):
        await check.check(ScanMode.FULL, catalogue(*torrents()))
    gone = catalogue(*torrents(gone=(3,)))
    for reads, mode in ((EPISODES, ScanMode.QUICK), (0, ScanMode.QUICK), (0, ScanMode.FULL)):
        report = await check.check(mode, gone)
        assert report.counts == {(Health.HEALTHY, Cause.NONE): 290, (Health.UNKNOWN, Cause.DISPUTED): EPISODES}
        assert report.read == reads
    stage.files.seen = dict.fromkeys(ours, Seen.MISSING)
    stage.clock.forward(days=1)  # the mount has seen it, too
    report = await check.check(ScanMode.FULL, gone)
    assert {(found.cause, link.target) for link, found in report.broken} == {
        (Cause.TORRENT_GONE, each) for each in ours
    }


async def test_a_mount_of_which_nothing_can_be_read_is_away(tmp_path: Path) -> None:
    """Real-Debrid answers with errors: the folders are all there, and no file of them can be read."""
    stage = Stage(tmp_path, PROVEN)
    check = await stage.start()
    held = catalogue(*torrents(gone=(3,)))
    paths = [f"/mnt/zurg/shows/Show {show}/E{number:02}.mkv" for show in range(SHOWS) for number in range(EPISODES)]
    stage.files.seen = dict.fromkeys(paths, Seen.FAILS)
    for mode in (ScanMode.FULL, ScanMode.QUICK, ScanMode.FULL):
        report = await check.check(mode, held)
        assert (report.shut, report.broken) == ({"/mnt/zurg": Shut.MOUNT_AWAY}, ())
        report = await check.check(mode, held, accepted=True)  # that is nothing that a person could say
        assert (report.shut, report.broken) == ({"/mnt/zurg": Shut.MOUNT_AWAY}, ())
    stage.files.seen, stage.files.read_paths = {path: Seen.MISSING for path in paths if "Show 3/" in path}, []
    for _ in range(2):  # once it reads again no more is asked of it
        report = await check.check(ScanMode.QUICK, held)
        assert (report.shut, report.count(Health.HEALTHY), len(report.broken)) == ({}, 290, EPISODES)
        assert len(stage.files.read_paths) == PROBES + EPISODES


async def test_what_was_seen_of_a_file_is_said_of_no_neighbour(tmp_path: Path) -> None:
    stage = Stage(tmp_path, PROVEN)
    bad = [f"/mnt/zurg/shows/Show 1/E{number:02}.mkv" for number in (3, 5)]
    stage.files.seen = dict(zip(bad, (Seen.FAILS, Seen.MISSING), strict=True))
    check = await stage.start()
    for _ in range(3):
        report = await check.check(ScanMode.FULL, catalogue(*torrents()))
    stage.clock.forward(hours=1)
    report = await check.check(ScanMode.FULL, catalogue(*torrents()))
    broken = {link.path: found for link, found in report.broken}
    assert list(broken) == [str(stage.root / "Show 1" / f"E{number:02}.mkv") for number in (3, 5)]
    assert [found.place and found.place.text() for found in broken.values()] == bad
    assert [found.cause for found in broken.values()] == [Cause.UNREADABLE, Cause.NOT_SHOWN]


async def test_a_few_files_that_fail_are_broken_though_nothing_else_is_due(tmp_path: Path) -> None:
    """All that was read in this check failed, and the mount is well: others can be read."""
    stage = Stage(tmp_path, PROVEN)
    check, bad = await stage.start(), [f"/mnt/zurg/shows/Show 3/E{number:02}.mkv" for number in range(EPISODES)]
    for _ in range(2):
        await check.check(ScanMode.FULL, catalogue(*torrents()))
    stage.files.seen = dict.fromkeys(bad, Seen.FAILS)
    again = catalogue(*(replace(each, id="new") if each.filename == "Show 3" else each for each in torrents()))
    for _ in range(2):
        stage.clock.forward(hours=1)
        before = await check.check(ScanMode.QUICK, again)
        report = await check.check(ScanMode.FULL, again)
        assert (before.read + report.read, report.shut) == (EPISODES, {})
        assert Counter(found.cause for _, found in report.broken) == {Cause.UNREADABLE: EPISODES}


async def test_many_files_that_fail_at_once_wait_for_a_person(tmp_path: Path) -> None:
    stage = Stage(tmp_path, PROVEN)
    check = await stage.start()
    for _ in range(2):
        await check.check(ScanMode.FULL, catalogue(*torrents()))
    bad = [f"/mnt/zurg/shows/Show {show}/E{number:02}.mkv" for show in (1, 2, 3) for number in range(EPISODES)]
    stage.files.seen = dict.fromkeys(bad, Seen.FAILS)
    held = catalogue(*(replace(each, id=f"new {number}") if number in {1, 2, 3} else each
                       for number, each in enumerate(torrents())))  # fmt: skip
    for mode in (ScanMode.QUICK, ScanMode.FULL, ScanMode.FULL, ScanMode.QUICK):
        report = await check.check(mode, held)
        if not stage.files.read_paths[300:]:
            continue  # nobody knows yet
        assert (report.shut, report.broken) == ({"/mnt/zurg": Shut.MANY_AT_ONCE}, ())
    report = await check.check(ScanMode.QUICK, held, accepted=True)
    assert (report.shut, len(report.broken)) == ({}, 30)
    report = await check.check(ScanMode.QUICK, held)
    assert (report.shut, len(report.broken)) == ({}, 30)


async def test_a_mount_that_hangs_is_away(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Mount(theirs="/mnt/zurg", ours=str(tmp_path), proven=True))
    go_on = threading.Event()

    def hang(*_: object) -> Seen:
        go_on.wait(10)
        return Seen.FAILS

    stage.files.look = stage.files.read = hang  # type: ignore[assignment,method-assign] -- neither comes back
    check = LinkCheck(
        stage.notes,
        roots=[str(stage.root)],
        mounts=lambda _texts, _held: stage.mounts,
        files=stage.files,
        clock=stage.clock,
        chance=lambda: 0.5,
        rest=0,
        patience=0.05,
    )
    report = await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
    go_on.set()
    assert (report.shut, report.broken, report.read) == ({"/mnt/zurg": Shut.MOUNT_AWAY}, (), 0)


# --- what is done


LINK = Link(path="/media/Show 1/E01.mkv", target="/mnt/zurg/shows/Show 1/E01.mkv")
THERE, GONE = holding("Show 1", "/E01.mkv", hash_="h"), holding("Show 1", "/E01.mkv", hash_="h", gone=True)
RENAMED = holding("Show 1 again", "/E01.mkv", hash_="h", id_="2")
DEAD = holding("Show 1", "/E01.mkv", hash_="h", status=DebridStatus.DEAD)
OTHER = holding("Show 1", "/E02.mkv", hash_="h")
OPEN = {"step": Step.FETCHING}
REFUSED = {"step": Step.GIVEN_UP, "ending": Ending.REFUSED}
DIFFERENT = {"step": Step.GIVEN_UP, "ending": Ending.DIFFERENT}
NONE, WAIT, REWRITE, READD = LinkAct.NOTHING, LinkAct.WAIT, LinkAct.REWRITE, LinkAct.READD
SEARCH, TELL = LinkAct.SEARCH, LinkAct.TELL

# what is there, what the mount shows, what is noted of the torrent, whether an *arr knows the file, what is done
DECISIONS: tuple[tuple[str, tuple[Holding, ...], Seen, dict[str, object] | None, bool, LinkAct], ...] = (
    ("healthy", (THERE,), Seen.READS, None, True, NONE),
    ("gone", (GONE,), Seen.NOT_LOOKED, None, True, READD),
    ("failed", (DEAD,), Seen.NOT_LOOKED, None, True, READD),
    ("gone, repaired once before", (GONE,), Seen.NOT_LOOKED, {"step": Step.DONE}, True, READD),
    ("being added again", (GONE,), Seen.NOT_LOOKED, OPEN, True, WAIT),
    ("there again under another name", (GONE, RENAMED), Seen.NOT_LOOKED, None, True, REWRITE),
    ("that comes before all searching", (GONE, RENAMED), Seen.NOT_LOOKED, REFUSED, True, REWRITE),
    ("refused for ever: another release", (GONE,), Seen.NOT_LOOKED, REFUSED, True, SEARCH),
    ("refused for ever, no *arr knows it", (GONE,), Seen.NOT_LOOKED, REFUSED, False, TELL),
    ("another entry has other files: a person chooses", (GONE,), Seen.NOT_LOOKED, DIFFERENT, True, TELL),
    ("never heard of: the mount may call it so", (), Seen.NOT_LOOKED, None, True, TELL),
    ("never heard of, and the mount shows nothing", (), Seen.MISSING, None, True, SEARCH),
    ("never heard of, by no *arr either", (), Seen.MISSING, None, False, TELL),
    ("the torrent has no such file", (OTHER,), Seen.NOT_LOOKED, None, True, SEARCH),
    ("it can't be read", (THERE,), Seen.FAILS, None, True, READD),
    ("it can't be read, and never will", (THERE,), Seen.FAILS, REFUSED, True, SEARCH),
    ("the mount does not show it", (THERE,), Seen.MISSING, None, True, WAIT),
    ("gone, and the mount says so", (GONE,), Seen.MISSING, None, True, READD),
    ("gone, but the mount still has it", (GONE,), Seen.READS, None, True, NONE),
)


def found_in(there: tuple[Holding, ...], seen: Seen) -> tuple[Judgement, Catalogue]:
    held = catalogue(*there)
    mount = Mount(theirs="/mnt/zurg", ours="/mnt/zurg", proven=True)
    return judge(LINK, held, [mount], links={}, seen=seen, missing_for=timedelta(hours=2)), held


@pytest.mark.parametrize(
    ("_why", "there", "seen", "noted", "titled", "act"), DECISIONS, ids=[case[0] for case in DECISIONS]
)
def test_what_is_done_about_a_link(
    _why: str,
    there: tuple[Holding, ...],
    seen: Seen,
    noted: dict[str, object] | None,
    titled: bool,  # noqa: FBT001
    act: LinkAct,
) -> None:
    found, held = found_in(there, seen)
    repair = None
    if noted is not None:
        repair = Repair(hash="h", label="", trouble="", created_at=START, due_at=START, **noted)  # type: ignore[arg-type] -- short
    decision = decide(LINK, found, held, repair=repair, titled=titled)
    assert decision.act is act
    assert decision == Decision(act=act, target="/mnt/zurg/shows/Show 1 again/E01.mkv" if act is REWRITE else None)


ZURG_BESIDE = Mount(theirs="/media/zurg", ours="/media/zurg", proven=True)
BACK = holding("New", "/E1.mkv", hash_="h", id_="2")
LEFT = holding("Old", "/E1.mkv", hash_="h", gone=True)

# what the link says, what there is, what is done and what it says then
TEXTS: tuple[tuple[str, str, tuple[Holding, ...], Decision], ...] = (
    ("relative, not shown yet", "../../zurg/shows/New/E1.mkv", (BACK,), Decision(act=WAIT)),
    ("slashes to spare, not shown yet", "/media//zurg/shows/New/E1.mkv", (BACK,), Decision(act=WAIT)),
    ("relative, renamed", "../../zurg/shows/Old/E1.mkv", (LEFT, BACK),
     Decision(act=REWRITE, target="../../zurg/shows/New/E1.mkv")),
    ("slashes to spare, renamed", "/media/zurg//shows/Old/E1.mkv", (LEFT, BACK),
     Decision(act=REWRITE, target="/media/zurg/shows/New/E1.mkv")),
    ("to another link, not shown yet", "../All/new.mkv", (BACK,), Decision(act=WAIT)),
    ("to another link, renamed: that one is rewritten", "../All/old.mkv", (LEFT, BACK), Decision(act=WAIT)),
)  # fmt: skip


@pytest.mark.parametrize(("_why", "text", "there", "decision"), TEXTS, ids=[case[0] for case in TEXTS])
def test_a_link_stays_as_relative_as_it_is(
    _why: str, text: str, there: tuple[Holding, ...], decision: Decision
) -> None:
    """A media server may see media and mount in other places: a path of ours may lead nowhere there."""
    link, held = Link(path="/media/lib/Show/E1.mkv", target=text), catalogue(*there)
    links = {f"/media/lib/All/{name.lower()}.mkv": f"/media/zurg/shows/{name}/E1.mkv" for name in ("New", "Old")}
    hour = timedelta(hours=1)
    found = judge(link, held, [ZURG_BESIDE], links=links, seen=Seen.MISSING, missing_for=hour)
    assert found.health is Health.BROKEN
    assert decide(link, found, held, repair=None, titled=True) == decision


def test_the_torrent_is_brought_back_with_what_it_had() -> None:
    made = repair_of(*found_in((GONE,), Seen.NOT_LOOKED), START)
    assert (made.hash, made.urgency, made.old_ids, made.bad_ids) == ("h", Urgency.LINKED, (), ())
    assert [file.path for file in made.wanted or ()] == ["/E01.mkv"]
    assert repair_of(*found_in((DEAD,), Seen.NOT_LOOKED), START).old_ids == (DEAD.id,)
    unreadable = repair_of(*found_in((THERE,), Seen.FAILS), START)
    assert unreadable.old_ids == unreadable.bad_ids == (THERE.id,)


@dataclass
class Repairs:
    noted: dict[str, Repair] = field(default_factory=dict)

    def repair(self, _account: str, info_hash: str) -> Repair | None:
        return self.noted.get(info_hash)

    async def want(self, _account: str, repair: Repair, _actor: str) -> Repair:
        assert repair.hash not in self.noted
        self.noted[repair.hash] = repair
        return repair


@dataclass
class Library:
    titles: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def knows(self, path: str) -> bool:
        return path in self.titles

    async def replace(self, path: str) -> bool:
        self.asked.append(path)
        return True


class Workshop(Stage):
    """The library, with what repairs it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.repairs, self.library = Repairs(), Library()
        self.recycle = folder / "recycle"
        self._keys = iter(range(1000))

    def repairer(self) -> LinkRepairer:
        return LinkRepairer(
            self.repairs,
            self.library,
            self.notes,
            roots=[str(self.root)],
            recycle={str(self.root): str(self.recycle)},
            clock=self.clock,
            new_key=lambda: str(next(self._keys)),
        )

    async def repair(self, report: LinkReport, held: Catalogue) -> Mapping[LinkAct, int]:
        """Do all that is planned, and count what was done."""
        repairer, done = self.repairer(), Counter[LinkAct]()
        for planned in await repairer.plan(report, held):
            match planned.decision.act:
                case LinkAct.REWRITE:
                    done[REWRITE] += await repairer.rewrite([repairer.rewriting(planned)])
                case LinkAct.READD if planned.found.hash not in self.repairs.noted:
                    await repairer.readd(planned, held)
                    done[READD] += 1
                case LinkAct.SEARCH:
                    done[SEARCH] += await repairer.replace(repairer.setting_aside(planned))
                case LinkAct.WAIT:
                    done[WAIT] += 1
        return +done

    def texts(self, show: int) -> set[str]:
        return {str(path.readlink()) for path in (self.root / f"Show {show}").iterdir()}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


async def test_from_broken_to_whole(workshop: Workshop) -> None:
    """Gone: added again. Back under another name: rewritten. And taken back."""
    check = await workshop.start()
    report = await check.check(ScanMode.FULL, catalogue(*torrents(gone=(3,))))
    assert await workshop.repair(report, catalogue(*torrents(gone=(3,)))) == {READD: 1}  # one torrent, ten links
    assert list(workshop.repairs.noted) == ["hash of Show 3"]
    assert workshop.texts(3) == {f"/mnt/zurg/shows/Show 3/E{number:02}.mkv" for number in range(EPISODES)}
    waiting = await workshop.repair(report, catalogue(*torrents(gone=(3,))))
    assert waiting == {WAIT: 10}
    workshop.repairs.noted["hash of Show 3"] = replace(workshop.repairs.noted["hash of Show 3"], step=Step.DONE)
    again = holding("Show 3 new", *(f"/E{number:02}.mkv" for number in range(10)), hash_="hash of Show 3", id_="n")
    held = catalogue(*torrents(gone=(3,)), again)
    report = await check.check(ScanMode.QUICK, held)
    assert await workshop.repair(report, held) == {REWRITE: 10}
    report = await check.check(ScanMode.QUICK, held)  # which looks into no folder
    assert (report.count(Health.HEALTHY), report.mended, report.broken) == (300, 10, ())
    assert workshop.texts(3) == {f"/mnt/zurg/shows/Show 3 new/E{number:02}.mkv" for number in range(EPISODES)}
    assert (await check.check(ScanMode.FULL, held)).count(Health.HEALTHY) == 300
    for change in workshop.notes.changed.values():
        assert change.state is ChangeState.DONE
    assert await workshop.repairer().take_back(list(workshop.notes.changed)) == 10
    assert workshop.texts(3) == {f"/mnt/zurg/shows/Show 3/E{number:02}.mkv" for number in range(EPISODES)}


async def test_a_plan_changes_nothing(workshop: Workshop) -> None:
    held = catalogue(*torrents(gone=(3,)))
    report = await (await workshop.start()).check(ScanMode.FULL, held)
    planned = await workshop.repairer().plan(report, held)
    assert [each.decision.act for each in planned] == [READD] * 10
    assert (workshop.repairs.noted, workshop.library.asked, workshop.notes.changed) == ({}, [], {})


async def test_given_up_another_release_is_looked_for(workshop: Workshop) -> None:
    held = catalogue(*torrents(gone=(3,)))
    report = await (await workshop.start()).check(ScanMode.FULL, held)
    found = report.broken[0][1]
    given_up = replace(repair_of(found, held, START), step=Step.GIVEN_UP, ending=Ending.REFUSED)
    workshop.repairs.noted[given_up.hash] = given_up
    workshop.library.titles = {str(path) for path in (workshop.root / "Show 3").iterdir()}
    done = await workshop.repair(report, held)
    assert done == {SEARCH: EPISODES}
    assert set(workshop.library.asked) == workshop.library.titles
    assert list((workshop.root / "Show 3").iterdir()) == []
    aside = [path for path in workshop.recycle.rglob("*") if path.is_symlink()]
    assert len(aside) == EPISODES
    assert await workshop.repairer().take_back(list(workshop.notes.changed)) == EPISODES
    assert {str(path) for path in (workshop.root / "Show 3").iterdir()} == workshop.library.titles


async def test_a_link_that_was_replaced_already_is_no_reason_to_search(workshop: Workshop) -> None:
    held = catalogue(*torrents(gone=(3,)))
    report = await (await workshop.start()).check(ScanMode.FULL, held)
    given_up = replace(repair_of(report.broken[0][1], held, START), step=Step.GIVEN_UP, ending=Ending.REFUSED)
    workshop.repairs.noted[given_up.hash] = given_up
    link = workshop.root / "Show 3" / "E03.mkv"
    workshop.library.titles = {str(link)}
    link.unlink()
    link.symlink_to("/mnt/zurg/shows/better.mkv")
    assert SEARCH not in await workshop.repair(report, held)
    assert (workshop.library.asked, str(link.readlink())) == ([], "/mnt/zurg/shows/better.mkv")
    (change,) = workshop.notes.changed.values()
    assert (change.state, change.why) == (ChangeState.FAILED, "changed")


async def test_what_was_begun_is_finished_after_a_restart(workshop: Workshop) -> None:
    link = workshop.root / "Show 3" / "E03.mkv"
    held = catalogue(*torrents(gone=(3,)), holding("New", "/E03.mkv", hash_="hash of Show 3", id_="n"))
    report = await (await workshop.start()).check(ScanMode.FULL, held)
    await workshop.repair(report, held)
    (rewritten,) = [each for each in workshop.notes.changed.values() if each.change.path == str(link)]
    assert await workshop.repairer().take_back([rewritten.key]) == 1
    workshop.notes.changed = {"1": replace(rewritten, key="1", state=ChangeState.BEGUN)}
    await workshop.repairer().resume()
    assert str(link.readlink()) == "/mnt/zurg/shows/New/E03.mkv"
    assert workshop.notes.changed["1"].state is ChangeState.DONE


async def test_whether_the_arr_was_asked_is_not_guessed(workshop: Workshop) -> None:
    link = workshop.root / "Show 3" / "E03.mkv"
    workshop.library.titles = {str(link)}

    async def interrupted(_path: str) -> bool:
        raise asyncio.CancelledError

    held = catalogue(*torrents(gone=(3,)))
    report = await (await workshop.start()).check(ScanMode.FULL, held)
    given_up = replace(repair_of(report.broken[0][1], held, START), step=Step.GIVEN_UP, ending=Ending.REFUSED)
    workshop.repairs.noted[given_up.hash] = given_up
    workshop.library.replace = interrupted  # type: ignore[method-assign] -- the power is cut
    with pytest.raises(asyncio.CancelledError):
        await workshop.repair(report, held)
    workshop.library = Library({str(link)})
    await workshop.repairer().resume()
    assert link.is_symlink()
    assert workshop.library.asked == []
    assert {change.state for change in workshop.notes.changed.values()} == {ChangeState.FAILED}


async def test_a_link_that_somebody_changed_meanwhile(workshop: Workshop) -> None:
    held = catalogue(*torrents(gone=(3,)), holding("New", "/E03.mkv", hash_="hash of Show 3", id_="n"))
    report = await (await workshop.start()).check(ScanMode.FULL, held)
    link = workshop.root / "Show 3" / "E03.mkv"
    link.unlink()
    link.symlink_to("/mnt/zurg/shows/better.mkv")
    done = await workshop.repair(report, held)
    assert REWRITE not in done
    assert str(link.readlink()) == "/mnt/zurg/shows/better.mkv"
    (change,) = workshop.notes.changed.values()
    assert (change.state, change.why) == (ChangeState.FAILED, "changed")
    assert await workshop.repairer().take_back([change.key]) == 0
