"""Walking through media folders: all links, each once, whatever changes meanwhile, without holding up anything."""

import asyncio
from collections.abc import Iterable
import os
from pathlib import Path
from time import perf_counter

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.sokoul.debrid import scanning
from custom_components.sokoul.debrid.scanning import Folder, Known, Portion, look, scan, walk

YEAR_AGO = 1_700_000_000


def nothing(_path: str) -> None:
    return None


def library(root: Path, shows: int = 5, episodes: int = 4) -> dict[str, str]:
    """Make a library, and return its links."""
    made = {}
    for show in range(shows):
        for season in (1, 2):
            folder = root / f"Show {show}" / f"Season {season}"
            folder.mkdir(parents=True)
            (folder / "poster.jpg").write_text("no link")
            for episode in range(episodes):
                path = folder / f"E{episode:02}.mkv"
                path.symlink_to(f"/mnt/zurg/{show}/{season}/E{episode:02}.mkv")
                made[str(path)] = str(path.readlink())
    age(root)
    return made


def age(root: Path) -> None:
    """Let all folders have changed long ago."""
    for folder, _, _ in os.walk(root):
        os.utime(folder, (YEAR_AGO, YEAR_AGO))


def links_of(folders: Iterable[Folder]) -> dict[str, str]:
    return {f"{folder.path}/{name}": text for folder in folders for name, text in folder.links.items()}


def listed(portions: Iterable[Portion]) -> list[Folder]:
    return [folder for portion in portions for folder in portion.listed]


def memory(folders: Iterable[Folder]) -> Known:
    return {folder.path: folder for folder in folders}.get


def test_all_links_and_nothing_else(tmp_path: Path) -> None:
    made = library(tmp_path)
    portions = list(walk(str(tmp_path), nothing))
    assert links_of(listed(portions)) == made
    assert sum(portion.links for portion in portions) == len(made)
    assert not any(portion.unreadable for portion in portions)


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    library(tmp_path / "library")
    (tmp_path / "library" / "circle").symlink_to(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "no.mkv").symlink_to("/nowhere")
    (tmp_path / "library" / "out").symlink_to(tmp_path / "outside")
    found = links_of(listed(walk(str(tmp_path / "library"), nothing)))
    assert len(found) == 42
    assert not any("no.mkv" in path for path in found)


def test_what_did_not_change_is_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = library(tmp_path)
    first = listed(walk(str(tmp_path), nothing))
    asked: list[str] = []
    really = os.scandir
    monkeypatch.setattr(scanning.os, "scandir", lambda path: asked.append(path) or really(path))
    portions = list(walk(str(tmp_path), memory(first)))
    assert (asked, listed(portions)) == ([], [])
    assert sum(portion.same for portion in portions) == len(first)
    assert sum(portion.links for portion in portions) == len(made)


@pytest.mark.parametrize("change", ["add", "remove", "rewrite", "rename", "add a folder"])
def test_what_changed_is_seen(tmp_path: Path, change: str) -> None:
    library(tmp_path)
    first = listed(walk(str(tmp_path), nothing))
    folder = tmp_path / "Show 1" / "Season 1"
    match change:
        case "add":
            (folder / "new.mkv").symlink_to("/mnt/zurg/new")
        case "remove":
            (folder / "E00.mkv").unlink()
        case "rewrite":
            (folder / "new").symlink_to("/mnt/zurg/another")
            (folder / "new").replace(folder / "E00.mkv")
        case "rename":
            (folder / "E00.mkv").rename(folder / "E99.mkv")
        case "add a folder":
            (folder / "Extras").mkdir()
            (folder / "Extras" / "x.mkv").symlink_to("/mnt/zurg/x")
    again = listed(walk(str(tmp_path), memory(first)))
    known = {each.path: each for each in (*first, *again)}
    assert str(folder) in {each.path for each in again}
    assert links_of(known.values()) == links_of(listed(walk(str(tmp_path), nothing)))


def test_a_folder_that_just_changed_is_listed_again(tmp_path: Path) -> None:
    """Two changes within one tick of the file system's clock have the same time."""
    (tmp_path / "a").symlink_to("/1")
    first = look(str(tmp_path))
    assert first.changed_ns == 0
    assert look(str(tmp_path), first) is not first
    age(tmp_path)
    second = look(str(tmp_path))
    assert look(str(tmp_path), second) is second


def test_it_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_PORTION_ENTRIES", 1)
    made = library(tmp_path)
    whole = [folder.path for folder in listed(walk(str(tmp_path), nothing))]
    for number, path in enumerate(whole):
        rest = listed(walk(str(tmp_path), nothing, after=path))
        assert [folder.path for folder in rest] == whole[number + 1 :]
    portions = list(walk(str(tmp_path), nothing))
    assert [portion.last for portion in portions if portion.listed] == whole
    assert links_of(listed(portions)) == made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(names=st.lists(st.text("ab !.é", min_size=1, max_size=4), max_size=12), number=st.integers(0, 9))
def test_whatever_the_names_it_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], number: int
) -> None:
    root = tmp_path_factory.mktemp("walk")
    for name in names:
        if name.strip(".") == name:
            (root / name / f"{name}!" / name).mkdir(parents=True, exist_ok=True)
    whole = [folder.path for folder in listed(walk(str(root), nothing))]
    assert len(whole) == len(set(whole)) == sum(1 for _ in os.walk(root))
    at = whole[min(number, len(whole) - 1)]
    rest = [folder.path for folder in listed(walk(str(root), nothing, after=at))]
    assert rest == whole[whole.index(at) + 1 :]


def test_it_goes_on_after_a_folder_that_is_gone(tmp_path: Path) -> None:
    library(tmp_path)
    gone = tmp_path / "Show 2" / "Season 1 and a half"
    rest = [folder.path for folder in listed(walk(str(tmp_path), nothing, after=str(gone)))]
    assert rest[0] == str(tmp_path / "Show 2" / "Season 2")


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(tmp_path)
    shut = str(tmp_path / "Show 3")
    really = os.open

    def refuse(path: str, flags: int) -> int:
        if path == shut:
            raise PermissionError
        return really(path, flags)

    monkeypatch.setattr(scanning.os, "open", refuse)
    portions = list(walk(str(tmp_path), nothing))
    assert [path for portion in portions for path in portion.unreadable] == [shut]
    assert len(links_of(listed(portions))) == 32
    (away,) = walk(str(tmp_path / "away"), nothing)
    assert away.unreadable == (str(tmp_path / "away"),)


def test_no_folder_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(tmp_path)

    def opened() -> list[str]:
        return [each for each in Path("/proc/self/fd").iterdir() if each.resolve().is_relative_to(tmp_path)]

    list(walk(str(tmp_path), nothing))
    assert opened() == []

    def fail(*_: object) -> object:
        raise OSError

    monkeypatch.setattr(scanning.os, "scandir", fail)
    with pytest.raises(OSError):  # noqa: PT011 -- it has no text
        look(str(tmp_path / "Show 1" / "Season 1"))
    monkeypatch.undo()
    assert opened() == []


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.mkv"
    os.symlink(b"/mnt/zurg/caf\xe9.mkv", path)  # noqa: PTH211 -- pathlib knows no bytes
    ((name, text),) = look(str(tmp_path)).links.items()
    assert (os.fsencode(name), os.fsencode(text)) == (b"caf\xe9.mkv", b"/mnt/zurg/caf\xe9.mkv")


async def test_others_have_their_turn(tmp_path: Path) -> None:
    made = library(tmp_path, shows=60, episodes=60)
    longest, walking = 0.0, True

    async def tick() -> None:
        nonlocal longest
        while walking:
            began = perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, perf_counter() - began)

    ticking = asyncio.create_task(tick())
    count = 0
    async for portion in scan(str(tmp_path), nothing, rest=0):
        count += portion.links
    walking = False
    await ticking
    assert count == len(made)
    assert longest < 0.25  # measured by the benchmark; here only that it is no whole walk


async def test_whoever_stops_asking_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_PORTION_ENTRIES", 1)
    library(tmp_path)
    looked: list[str] = []

    def known(path: str) -> None:
        looked.append(path)

    portions = scan(str(tmp_path), known, rest=0)
    first = await anext(portions)
    await portions.aclose()
    assert first.last == str(tmp_path)
    assert set(looked) == {str(tmp_path)}
