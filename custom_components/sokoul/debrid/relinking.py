"""Changing links of the library: rewriting one, setting one aside, and taking either back.

What is about to be done is noted by whoever asks (a `Change` says it all), then done in one step that either happens or
not: a new link is made beside the old one and takes its name. So at no moment there is no link, and after a crash
looking at it tells whether it was done. A link that is not as it was when it was judged is left alone: somebody else
was faster. Nothing but symbolic links is ever touched, and nothing outside the media folders, wherever links lead.

All of this reads and writes the disk: never on the event loop.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
import hashlib
import os
from pathlib import Path, PurePosixPath

#: How the new link is called for a moment.
BESIDE = ".sokoul-"


class NotChanged(Exception):  # noqa: N818 -- no error: things are not as they were, or it is not allowed
    """A link was left as it is. The message is for the log, `why` for texts."""

    def __init__(self, why: str, path: str) -> None:
        super().__init__(f"{path}: {why}")
        self.why = why


class State(StrEnum):
    """How far a change is, by looking at the disk."""

    BEFORE = "before"
    DONE = "done"
    OTHER = "other"  # somebody else changed it


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to a link. `new_target`: what it is to say; None: it goes to `recycled`, as it is."""

    path: str
    old_target: str
    new_target: str | None = None
    recycled: str | None = None  # where it is set aside


def recycling(path: str, target: str, *, roots: Collection[str], recycle: str, key: str) -> Change:
    """Return the change that sets a link aside: below the recycle folder, under a key of its own, where it was.

    Raises `NotChanged` for a path in none of the media folders.
    """
    root = root_of(path, roots)
    below = PurePosixPath(path).relative_to(root)
    aside = PurePosixPath(recycle) / key / PurePosixPath(root).name / below
    return Change(path=path, old_target=target, recycled=str(aside))


def apply(change: Change, roots: Collection[str]) -> None:
    """Do it. Doing it twice is no harm. Raises `NotChanged`, and OSError from the disk."""
    if state(change) is State.DONE:
        return
    with _folder(change.path, roots) as (folder, name):
        _check(change.path, folder, name, change.old_target)
        if change.new_target is not None:
            _put(folder, name, change.new_target)
        elif change.recycled is not None:
            _set_aside(change, folder, name)


def undo(change: Change, roots: Collection[str]) -> None:
    """Take it back. Raises `NotChanged` where something else is there by now, and OSError from the disk."""
    with _folder(change.path, roots, make=True) as (folder, name):
        if change.new_target is not None:
            if _text(folder, name) == change.old_target:
                return
            _check(change.path, folder, name, change.new_target)
            _put(folder, name, change.old_target)
        else:
            _bring_back(change, folder, name)
    if change.recycled is not None:
        with suppress(OSError):
            os.unlink(change.recycled)  # noqa: PTH108 -- of a text that need not be a path of ours


def state(change: Change) -> State:
    """Tell how far a change is, for what was interrupted. Raises OSError from the disk."""
    found = _read(change.path)
    wanted = change.new_target
    if found == wanted and (wanted is not None or _read(change.recycled or "") == change.old_target):
        return State.DONE
    return State.BEFORE if found == change.old_target else State.OTHER


# --- the steps -----------------------------------------------------------------------------------------------------


def root_of(path: str, roots: Collection[str]) -> str:
    """Return the media folder that a path is in, the deepest one. Raises `NotChanged` where it is in none."""
    pure = PurePosixPath(path)
    if ".." in pure.parts or "\0" in path or not pure.is_absolute():
        raise NotChanged("not_allowed", path)
    holding = [root for root in roots if pure != PurePosixPath(root) and pure.is_relative_to(root)]
    if not holding:
        raise NotChanged("not_allowed", path)
    return max(holding, key=len)


@contextmanager
def _folder(path: str, roots: Collection[str], *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder of a link, and give it with the link's name. On the way from the root no link is followed."""
    root = root_of(path, roots)
    *folders, name = PurePosixPath(path).relative_to(root).parts
    opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for each in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(each, dir_fd=opened)
            try:
                below = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
            except (NotADirectoryError, FileNotFoundError) as error:
                raise NotChanged("changed", path) from error
            os.close(opened)
            opened = below
        yield opened, name
    finally:
        os.close(opened)


def _text(folder: int, name: str) -> str | None:
    """Return what a link says; None: it is none, or not there."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None


def _read(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 -- pathlib would change the text
    except OSError, ValueError:
        return None


def _check(path: str, folder: int, name: str, target: str) -> None:
    if _text(folder, name) != target:
        raise NotChanged("changed", path)


def _put(folder: int, name: str, target: str) -> None:
    """Let a link say something else, in one step, and belong to whom it belonged."""
    owner = os.stat(name, dir_fd=folder, follow_symlinks=False)
    beside = BESIDE + hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    if _text(folder, beside) is not None:
        os.unlink(beside, dir_fd=folder)  # left over from an interruption
    os.symlink(target, beside, dir_fd=folder)
    try:
        _give(beside, owner, folder)
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise


def _give(name: str, owner: os.stat_result, folder: int | None = None) -> None:
    with suppress(PermissionError):  # it works for whoever may do it
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)


def _set_aside(change: Change, folder: int, name: str) -> None:
    """Make the same link in the recycle folder, then take the old one away: it is never nowhere."""
    aside = Path(change.recycled or "")
    aside.parent.mkdir(parents=True, exist_ok=True)
    if _read(str(aside)) != change.old_target:
        aside.symlink_to(change.old_target)
        _give(str(aside), os.stat(name, dir_fd=folder, follow_symlinks=False))
    _check(change.path, folder, name, change.old_target)
    os.unlink(name, dir_fd=folder)


def _bring_back(change: Change, folder: int, name: str) -> None:
    if _text(folder, name) == change.old_target:
        return
    try:
        os.symlink(change.old_target, name, dir_fd=folder)  # refuses where anything is
    except FileExistsError as error:
        raise NotChanged("changed", change.path) from error
    if change.recycled is not None:
        with suppress(OSError):
            _give(name, os.lstat(change.recycled), folder)
