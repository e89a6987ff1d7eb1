"""The same file has another path in every container: how theirs become ours, and what may be concluded from them.

Everything here is about texts; who looks at a disk is passed in. Paths come from outside: one with `..`, with a NUL or
without a root is never translated, so that nothing leads out of the folder it is said to be in.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
import re

from .library import Disk, RemotePathMapping

#: So many known files at the right size prove a map.
PROOF_FILES = 3
#: So many files are looked at: each may wake a sleeping disk.
LOOK_AT_MOST = 12

_WINDOWS = re.compile(r"[A-Za-z]:(?:[\\/]|$)|\\\\")


@dataclass(frozen=True, slots=True)
class _Parts:
    """A path taken apart. `root` is a slash, a drive such as "c:", or the two backslashes of a Windows share."""

    root: str
    names: tuple[str, ...]

    @property
    def windows(self) -> bool:
        return self.root != "/"

    def starts_with(self, other: _Parts) -> bool:
        return self.root == other.root and _same(self.names[: len(other.names)], other.names, windows=self.windows)


def _take_apart(path: str) -> _Parts | None:
    """Return the parts of an absolute path, None for one that is not absolute or not honest."""
    if "\0" in path:
        return None
    if _WINDOWS.match(path):
        names = [name for name in re.split(r"[\\/]+", path) if name not in {"", "."}]
        root = "\\\\" if path.startswith("\\\\") else names.pop(0).lower()
    elif path.startswith("/"):
        root, names = "/", [name for name in path.split("/") if name not in {"", "."}]
    else:
        return None
    return None if ".." in names else _Parts(root, tuple(names))


def _same(one: Sequence[str], other: Sequence[str], *, windows: bool) -> bool:
    if windows:
        return [name.casefold() for name in one] == [name.casefold() for name in other]
    return tuple(one) == tuple(other)


def contains(folder: str, path: str) -> bool:
    """Whether `path` is `folder` or in it, by names alone (symbolic links are not known here)."""
    above, below = _take_apart(folder), _take_apart(path)
    return above is not None and below is not None and below.starts_with(above)


def same_style(one: str, other: str) -> bool:
    """Whether both are paths of Windows or neither is; what is no absolute path has no style and differs from all."""
    parts = _take_apart(one), _take_apart(other)
    return parts[0] is not None and parts[1] is not None and parts[0].windows == parts[1].windows


@dataclass(frozen=True, slots=True)
class PathMap:
    """What a backend calls `theirs` is our `ours` (POSIX: Home Assistant runs nowhere else)."""

    theirs: str
    ours: str

    def translate(self, path: str) -> str | None:
        """Return our path of theirs, None when it is not under this map."""
        prefix, parts = _take_apart(self.theirs), _take_apart(path)
        if prefix is None or parts is None or not parts.starts_with(prefix):
            return None
        below = parts.names[len(prefix.names) :]
        if any("/" in name for name in below):
            return None
        return "/".join((self.ours.rstrip("/"), *below)) or "/"


def translate(maps: Iterable[PathMap], path: str) -> str | None:
    """Return our path by the map with the longest prefix, None when no map knows the path."""
    for entry in sorted(maps, key=_depth, reverse=True):
        if (ours := entry.translate(path)) is not None:
            return ours
    return None


def _depth(entry: PathMap) -> int:
    parts = _take_apart(entry.theirs)
    return len(parts.names) if parts else -1


# -- proposing and proving ------------------------------------------------------------------------------------------


class PathState(StrEnum):
    """How far a path map can be trusted. File rules need `PROVEN`."""

    PROVEN = "proven"
    UNPROVEN = "unproven"  # nothing speaks against it, too little for it
    REFUTED = "refuted"  # a file of this name is there, but it is another file
    NO_ACCESS = "no_access"  # the files can't be seen from here: normal on another machine


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMap:
    """A path map and what was found when looking. `map` is None when there is no access at all."""

    map: PathMap | None
    state: PathState
    right: int = 0  # files found at the right size
    wrong: int = 0  # files found at another size
    absent: int = 0  # files not found

    @property
    def usable(self) -> bool:
        """Whether file rules may act through it."""
        return self.state is PathState.PROVEN


NO_ACCESS = JudgedMap(map=None, state=PathState.NO_ACCESS)


def map_of(maps: Iterable[JudgedMap], folder: str) -> JudgedMap | None:
    """Return the map with the longest prefix that holds a folder of theirs."""
    holding = [each for each in maps if each.map is not None and each.map.translate(folder) is not None]
    return max(holding, key=lambda each: _depth(each.map) if each.map else 0, default=None)


def mount_of(maps: Iterable[JudgedMap], folder: str) -> str | None:
    """Name what most likely goes away together with a folder of theirs; None for all that no map holds.

    What is mounted where in their machine nobody tells, but mounts are seldom deeper than one folder below the root;
    several that lie deeper, or on one drive, are taken for one.
    """
    parts = _take_apart(folder)
    if parts is None or map_of(maps, folder) is None:
        return None
    drive = parts.root.endswith(":")
    return _join(_Parts(parts.root, () if drive else parts.names[:1]))


def is_proven(judged: JudgedMap | None) -> bool | None:
    """Whether a map was proven or refuted; None: nobody can tell."""
    return _PROOF.get(judged.state) if judged else None


_PROOF = {PathState.PROVEN: True, PathState.REFUTED: False}


def judge(entry: PathMap, samples: Iterable[tuple[str, int]], look: Callable[[str], int | None]) -> JudgedMap:
    """Look for known files (their path, bytes) through a map. `look` returns the size at our path, None for nothing.

    One file of another size refutes the map: a folder of the same names on another disk would else be taken for the
    right one. Empty files prove nothing, and no file is counted twice. Looks at most at `LOOK_AT_MOST` files.
    """
    seen: set[str] = set()
    right = wrong = absent = 0
    for theirs, size in samples:
        ours = entry.translate(theirs)
        if ours is None or size <= 0 or ours in seen:
            continue
        if len(seen) == LOOK_AT_MOST:
            break
        seen.add(ours)
        found = look(ours)
        if found is None:
            absent += 1
        elif found == size:
            right += 1
        else:
            wrong += 1
    trusted = PathState.PROVEN if right >= PROOF_FILES else PathState.UNPROVEN
    state = PathState.REFUTED if wrong else trusted
    return JudgedMap(map=entry, state=state, right=right, wrong=wrong, absent=absent)


def choose(
    candidates: Iterable[PathMap], samples: Collection[tuple[str, int]], look: Callable[[str], int | None]
) -> JudgedMap:
    """Return the first candidate that is proven, else the best of the others; `NO_ACCESS` when there is none.

    A candidate is as good as the files it finds; one that finds none of several known files is no access, not a map.
    """
    best = NO_ACCESS
    for entry in candidates:
        judged = judge(entry, samples, look)
        if judged.usable:
            return judged
        if judged.absent and not judged.right and not judged.wrong:
            continue
        if best.map is None or (not judged.wrong, judged.right) > (not best.wrong, best.right):
            best = judged
    return best


def propose(theirs: Iterable[str], ours: Collection[str]) -> tuple[PathMap, ...]:
    """Return the maps worth trying, the likeliest first.

    `theirs` are folders that a backend names (root folders, save paths, categories), `ours` the folders that exist
    here. The same path on both sides comes first; then folders with the same last names, the longest tail first, as
    the most general map that tail allows: their `/data/media/movies` and our `/share/media/movies` are `/data` ->
    `/share`.
    """
    scored: dict[PathMap, int] = {}
    for their_path in theirs:
        their_parts = _take_apart(their_path)
        if their_parts is None or not their_parts.names:
            continue
        for our_path in ours:
            our_parts = _take_apart(our_path)
            if our_parts is None or our_parts.windows:
                continue
            tail = _common_tail(their_parts, our_parts)
            if tail == 0:
                continue
            if their_parts == our_parts:
                entry, score = PathMap(_join(their_parts), _join(our_parts)), 1000
            else:
                entry, score = _shortest(their_parts, our_parts, tail), tail
            scored[entry] = max(score, scored.get(entry, 0))
    return tuple(sorted(scored, key=lambda entry: (-scored[entry], entry.theirs, entry.ours)))


def compose(mapping: RemotePathMapping, maps: Iterable[PathMap]) -> PathMap | None:
    """Return the download client's map from an *arr's remote path mapping and that *arr's own maps."""
    ours = translate(maps, mapping.local_path)
    return None if ours is None else PathMap(mapping.remote_path, ours)


def _common_tail(theirs: _Parts, ours: _Parts) -> int:
    tail = 0
    for their_name, our_name in zip(reversed(theirs.names), reversed(ours.names), strict=False):
        if not _same((their_name,), (our_name,), windows=theirs.windows):
            break
        tail += 1
    return tail


def _shortest(theirs: _Parts, ours: _Parts, tail: int) -> PathMap:
    """Drop the common tail, but keep a folder on both sides: the root itself is never mapped."""
    drop = min(tail, len(theirs.names) - 1, len(ours.names) - 1)
    return PathMap(
        _join(_Parts(theirs.root, theirs.names[: len(theirs.names) - drop])),
        _join(_Parts(ours.root, ours.names[: len(ours.names) - drop])),
    )


def _join(parts: _Parts) -> str:
    if parts.root == "/":
        return "/" + "/".join(parts.names)
    if parts.root == "\\\\":
        return "\\\\" + "\\".join(parts.names)
    return "\\".join((parts.root.upper(), *parts.names)) + ("" if parts.names else "\\")


# -- hard links -----------------------------------------------------------------------------------------------------


def arr_hardlinks(
    download_folder: str, root_folder: str, disks: Collection[Disk], roots: Collection[str]
) -> bool | None:
    """Whether an *arr can hard link from a download folder (as the *arr sees it) into a root folder.

    From its list of disks alone. False only when it is certain: a mount that holds one of the two folders and not the
    other (no link crosses a mount, even between two mounts of one file system), or two disks of different sizes. The
    list also names root folders (`roots`), which may be plain folders, so those prove no mount. None: can't be told;
    network mounts are often missing in the list.
    """
    if not same_style(download_folder, root_folder):
        return None
    plain = {parts for root in roots if (parts := _take_apart(root))}
    for disk in disks:
        parts = _take_apart(disk.path)
        if parts is None or not parts.names or parts in plain:
            continue
        if contains(disk.path, download_folder) != contains(disk.path, root_folder):
            return False
    mine, theirs = disk_of(download_folder, disks), disk_of(root_folder, disks)
    if mine is None or theirs is None or "/" in {mine.path, theirs.path}:
        return None  # on the system's disk, or on a mount that is not listed
    if mine.total_bytes != theirs.total_bytes:
        return False
    return True if mine is theirs else None


def disk_of(path: str, disks: Iterable[Disk]) -> Disk | None:
    """Return the disk with the longest path that holds `path`, None when none does."""
    holding = [disk for disk in disks if contains(disk.path, path)]
    return max(holding, key=lambda disk: len(disk.path.rstrip("/\\")), default=None)


# -- the client's folders as an *arr sees them ----------------------------------------------------------------------


def as_arr_sees(path: str, host: str | None, mappings: Iterable[RemotePathMapping]) -> str:
    """Return a download client's path as its *arr sees it: through the first mapping of that host that holds it."""
    for mapping in mappings:
        if host is not None and mapping.host.casefold() == host.casefold():
            local = _swap(mapping, path)
            if local is not None:
                return local
    return path


def _swap(mapping: RemotePathMapping, path: str) -> str | None:
    prefix, parts, local = _take_apart(mapping.remote_path), _take_apart(path), _take_apart(mapping.local_path)
    if prefix is None or parts is None or local is None or not parts.starts_with(prefix):
        return None
    return _join(_Parts(local.root, local.names + parts.names[len(prefix.names) :]))


def save_folder(category: str | None, categories: Mapping[str, str], default: str) -> str | None:
    """Return where a download client saves a category's downloads; None when that is not known.

    A category's own path may be absolute, relative to the default folder, or empty (the default one, in a subfolder
    of its name only where the client manages paths by category).
    """
    own = categories.get(category, "") if category else ""
    if not own:
        return default or None
    if _take_apart(own) is not None:
        return own
    base = _take_apart(default)
    return f"{_join(base)}/{own}" if base and not base.windows and ".." not in own.split("/") else None
