"""Walking through the media folders for their symbolic links: in a thread, in portions, resumable, and incremental.

A folder whose time of change is as it was has the same links as before: neither its entries nor the text of a link can
change without it. So only what changed is listed; of everything else the time is asked for. (Unless that was too young
to be trusted when it was listed: two changes within one tick of the clock look like one.)

Folders are walked in the order of their names, so that one path says how far a walk is: it can go on from there after
a restart. Links are never followed, neither to folders nor to files, so a walk ends, and never leaves its root. Nothing
of this runs on the event loop, except the short way from one portion to the next.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
import os
from time import monotonic, time_ns

from .relinking import BESIDE
from .turns import in_turns

#: A folder that changed less than this before it was listed is listed again the next time.
_TICK_NS = 2_000_000_000
#: A portion ends after so many entries, or after so long.
_PORTION_ENTRIES, _PORTION_SECONDS = 4_000, 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder as it was listed: its links by name, and the folders in it. What else is in it is of no interest."""

    path: str
    changed_ns: int  # its time of change, 0 where that can't be trusted
    links: Mapping[str, str]
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some folders, in their order. `listed`: those that are new or not as they were; `same`: how many others."""

    listed: tuple[Folder, ...] = ()
    same: int = 0
    unreadable: tuple[str, ...] = ()  # what is in them is as it was known: nobody could look
    links: int = 0
    seconds: float = 0.0
    last: str = ""  # walked so far, this folder included


#: What is known of a folder from the last walk.
type Known = Callable[[str], Folder | None]


def walk(root: str, known: Known, *, after: str = "") -> Iterator[Portion]:
    """Walk through a root, depth first. To be run in a thread. `after`: the folder up to which it was walked before.

    What can't be read is told, not raised; a root that isn't there is unreadable.
    """
    root = root.rstrip("/") or "/"
    listed: list[Folder] = []
    unreadable: list[str] = []
    same = links = entries = 0
    began, last = monotonic(), after
    for path in in_turns(_paths(root, known, after), look=1):
        last = path.path if isinstance(path, Folder) else path
        if isinstance(path, str):
            unreadable.append(path)
        else:
            before = known(path.path)
            if before is path:
                same += 1
                entries += 1
            else:
                listed.append(path)
                entries += len(path.links) + len(path.folders) + 1
            links += len(path.links)
        if entries >= _PORTION_ENTRIES or monotonic() - began >= _PORTION_SECONDS:
            yield _portion(listed, same, unreadable, links, monotonic() - began, last)
            listed, unreadable = [], []
            same = links = entries = 0
            began = monotonic()
    yield _portion(listed, same, unreadable, links, monotonic() - began, last)


def _portion(listed: list[Folder], same: int, unreadable: list[str], links: int, seconds: float, last: str) -> Portion:
    return Portion(
        listed=tuple(listed), same=same, unreadable=tuple(unreadable), links=links, seconds=seconds, last=last
    )


def _paths(root: str, known: Known, after: str) -> Iterator[Folder | str]:
    """Return every folder after a path, the parents before their children; as its path alone what can't be read."""
    stack = [root]
    resume = _names(root, after)
    while stack:
        path = stack.pop()
        try:
            folder = look(path, known(path))
        except OSError:
            yield path
            continue
        children = folder.folders
        if not after:
            yield folder
        else:
            names = _names(root, path)
            if names > resume:
                yield folder
            children = tuple(name for name in children if [*names, name] >= resume[: len(names) + 1])
        stack.extend(os.path.join(path, name) for name in reversed(children))  # noqa: PTH118 -- a hundred thousand times


def _names(root: str, path: str) -> list[str]:
    """Return the names of the folders from a root to a path."""
    below = path.removeprefix(root).strip("/")
    return below.split("/") if below else []


def look(path: str, before: Folder | None = None) -> Folder:
    """Return a folder as it is, `before` itself if it is as it was. Reads the disk. Raises OSError."""
    known_ns = before.changed_ns if before is not None else 0
    if before is not None and known_ns and known_ns == os.stat(path).st_mtime_ns:  # noqa: PTH116 -- as above
        return before
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        changed_ns = os.fstat(opened).st_mtime_ns
        young = time_ns() - changed_ns < _TICK_NS
        links, folders = _listed(opened)
    finally:
        os.close(opened)
    return Folder(path=path, changed_ns=0 if young else changed_ns, links=links, folders=tuple(sorted(folders)))


def _listed(opened: int) -> tuple[dict[str, str], list[str]]:
    """Return the links and the folders in an open folder.

    Links are read from there: so the kernel need not go through the names of all folders above for each of them.
    """
    links: dict[str, str] = {}
    folders: list[str] = []
    with os.scandir(opened) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_symlink():
                if name.startswith(BESIDE):
                    continue
                try:
                    links[name] = os.readlink(name, dir_fd=opened)
                except OSError:
                    continue  # gone since
            elif entry.is_dir(follow_symlinks=False):
                folders.append(name)
    return links, folders


async def scan(root: str, known: Known, *, after: str = "", rest: float) -> AsyncIterator[Portion]:
    """Walk through a root beside everything else, one portion after the other; whoever stops asking ends it.

    `rest` is how long to do nothing after each portion, as a part of the time that took: 1 leaves half of a processor.
    """
    portions = walk(root, known, after=after)
    while (portion := await asyncio.to_thread(next, portions, None)) is not None:
        yield portion
        await asyncio.sleep(portion.seconds * rest)
