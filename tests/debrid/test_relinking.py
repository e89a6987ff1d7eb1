"""Links are changed in one step or not at all, can be taken back, and nothing else is ever touched."""

import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.sokoul.debrid import relinking
from custom_components.sokoul.debrid.relinking import Change, NotChanged, State, apply, recycling, state, undo

OLD, NEW = "/mnt/zurg/shows/Old/E01.mkv", "/mnt/zurg/shows/New/E01.mkv"


class PowerCut(BaseException):
    pass


@pytest.fixture
def link(tmp_path: Path) -> Path:
    path = tmp_path / "media" / "Show" / "Season 1" / "E01.mkv"
    path.parent.mkdir(parents=True)
    path.symlink_to(OLD)
    return path


@pytest.fixture
def roots(tmp_path: Path) -> list[str]:
    return [str(tmp_path / "media"), str(tmp_path / "media2")]


def rewrite(link: Path) -> Change:
    return Change(path=str(link), old_target=OLD, new_target=NEW)


def set_aside(link: Path, roots: list[str], tmp_path: Path) -> Change:
    return recycling(str(link), OLD, roots=roots, recycle=str(tmp_path / "recycle"), key="17")


def says(path: Path | str) -> str | None:
    return os.readlink(path) if Path(path).is_symlink() else None  # noqa: PTH115 -- the text as it is


def test_rewriting_and_back(link: Path, roots: list[str]) -> None:
    change = rewrite(link)
    assert state(change) is State.BEFORE
    apply(change, roots)
    assert (says(link), state(change)) == (NEW, State.DONE)
    apply(change, roots)  # once more: nothing happens
    undo(change, roots)
    assert says(link) == OLD
    undo(change, roots)
    assert says(link) == OLD
    assert [path.name for path in link.parent.iterdir()] == ["E01.mkv"]


def test_setting_aside_and_back(link: Path, roots: list[str], tmp_path: Path) -> None:
    change = set_aside(link, roots, tmp_path)
    apply(change, roots)
    aside = tmp_path / "recycle" / "17" / "media" / "Show" / "Season 1" / "E01.mkv"
    assert change.recycled == str(aside)
    assert (says(link), says(aside), state(change)) == (None, OLD, State.DONE)
    apply(change, roots)
    link.parent.rmdir()  # an *arr tidies up empty folders
    undo(change, roots)
    assert (says(link), says(aside)) == (OLD, None)
    undo(change, roots)
    assert says(link) == OLD


@pytest.mark.parametrize("how", ["rewritten", "gone", "a file", "a folder"])
def test_what_somebody_else_changed_is_left_alone(link: Path, roots: list[str], tmp_path: Path, how: str) -> None:
    link.unlink()
    match how:
        case "rewritten":
            link.symlink_to("/mnt/zurg/another")
        case "a file":
            link.write_text("a film")
        case "a folder":
            link.mkdir()
    for change in (rewrite(link), set_aside(link, roots, tmp_path)):
        with pytest.raises(NotChanged, match="changed"):
            apply(change, roots)
        assert state(change) is State.OTHER
    assert says(link) == ("/mnt/zurg/another" if how == "rewritten" else None)
    assert link.is_file() == (how == "a file")
    assert link.is_dir() == (how == "a folder")


@pytest.mark.parametrize("aside", [False, True])
def test_what_was_changed_since_is_not_taken_back(link: Path, roots: list[str], tmp_path: Path, aside: bool) -> None:  # noqa: FBT001
    change = set_aside(link, roots, tmp_path) if aside else rewrite(link)
    apply(change, roots)
    link.unlink(missing_ok=True)
    link.symlink_to("/mnt/zurg/better")
    with pytest.raises(NotChanged, match="changed"):
        undo(change, roots)
    assert says(link) == "/mnt/zurg/better"
    assert not aside or says(change.recycled or "") == OLD  # still to be had


def test_nothing_outside_the_media_folders(link: Path, roots: list[str], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "E01.mkv").symlink_to(OLD)
    (tmp_path / "media" / "way out").symlink_to(outside)
    paths = (
        outside / "E01.mkv",
        tmp_path / "media" / "way out" / "E01.mkv",
        tmp_path / "media" / ".." / "outside" / "E01.mkv",
        tmp_path / "media",
        Path("media/Show/E01.mkv"),
    )
    for path in paths:
        change = Change(path=str(path), old_target=OLD, new_target=NEW)
        with pytest.raises(NotChanged):
            apply(change, roots)
        with pytest.raises(NotChanged):
            undo(Change(path=str(path), old_target=NEW, new_target=OLD), roots)
    assert says(outside / "E01.mkv") == OLD
    with pytest.raises(NotChanged):
        recycling(str(outside / "E01.mkv"), OLD, roots=roots, recycle="/recycle", key="1")
    assert says(link) == OLD


STEPS = ("symlink", "replace", "unlink", "chown", "mkdir")


@pytest.mark.parametrize("aside", [False, True])
@pytest.mark.parametrize("cut", range(6))
@pytest.mark.parametrize("backwards", [False, True])
def test_cut_the_power_anywhere(
    link: Path,
    roots: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aside: bool,  # noqa: FBT001
    cut: int,
    backwards: bool,  # noqa: FBT001
) -> None:
    """The link is never nowhere, and doing it again ends well."""
    change = set_aside(link, roots, tmp_path) if aside else rewrite(link)
    if backwards:
        apply(change, roots)
    left = cut

    def cutting(really: Any) -> Any:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise PowerCut
            return really(*args, **kwargs)

        return step

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(relinking.os, name, cutting(getattr(os, name)))
        try:
            (undo if backwards else apply)(change, roots)
        except PowerCut:
            assert {OLD, NEW} & {says(link), says(change.recycled or "/nowhere")}
    (undo if backwards else apply)(change, roots)
    assert [path.name for path in link.parent.iterdir()] == (["E01.mkv"] if backwards or not aside else [])
    assert says(link) == (OLD if backwards else change.new_target)
    assert state(change) is (State.BEFORE if backwards else State.DONE)


def test_it_belongs_to_whom_it_belonged(link: Path, roots: list[str], tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(link, 1234, 2345, follow_symlinks=False)
    apply(rewrite(link), roots)
    assert (link.lstat().st_uid, link.lstat().st_gid) == (1234, 2345)
    undo(rewrite(link), roots)
    change = set_aside(link, roots, tmp_path)
    apply(change, roots)
    undo(change, roots)
    assert (link.lstat().st_uid, link.lstat().st_gid) == (1234, 2345)


def test_texts_that_are_no_text(tmp_path: Path, roots: list[str]) -> None:
    (tmp_path / "media").mkdir()
    path = tmp_path / "media" / os.fsdecode(b"caf\xe9.mkv")
    path.symlink_to(os.fsdecode(b"/mnt/caf\xe9"))
    change = Change(path=str(path), old_target=os.fsdecode(b"/mnt/caf\xe9"), new_target=NEW)
    apply(change, roots)
    undo(change, roots)
    assert os.readlink(os.fsencode(path)) == b"/mnt/caf\xe9"  # noqa: PTH115 -- bytes
