"""What of an account a mount shows, and under which names: folders by torrent, files by their paths.

zurg, rclone and their like make a folder of each torrent, named as Real-Debrid calls it (`filename`) or as the torrent
calls itself (`original_filename`), with or without the extension of a single file, whichever way they are set up. All
four names are known here, and a name is matched whole or not at all: `S01E01` is not `S01E02`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched, chain
from typing import Any, Self
import unicodedata

from ..model.columnar import Columnar
from ..model.debrid import ACTIVE_STATUSES, FAILED_STATUSES, DebridStatus
from .turns import discard, in_turns

#: What mounts take off the name of a folder. Anything else after a dot belongs to the name.
_EXTENSIONS = frozenset(
    {
        *("mkv", "mp4", "avi", "mov", "m4v", "ts", "m2ts", "wmv", "webm", "mpg", "mpeg", "flv", "iso", "vob", "ogm"),
        *("mp3", "flac", "m4a", "m4b", "aac", "ogg", "opus", "wav", "epub", "pdf"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """A selected file of a torrent."""

    path: str  # in the torrent, with its slash in front
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A torrent as the mirror of an account knows it, or knew it when it was there."""

    account: str
    id: str
    hash: str
    filename: str
    original_filename: str = ""  # empty: its details were never read
    status: DebridStatus = DebridStatus.DOWNLOADED
    gone: bool = False  # from the account
    #: Their sizes in bytes by their paths, with the slash in front; None: its details were never read. Plain values:
    #: there are hundreds of thousands, and so many objects more make the garbage collector look at all of them.
    files: Mapping[str, int] | None = None

    @property
    def complete(self) -> bool:
        """Whether its files can be had."""
        return not self.gone and self.status is DebridStatus.DOWNLOADED

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return not self.gone and self.status in FAILED_STATUSES

    @property
    def coming(self) -> bool:
        """Whether it may yet be complete."""
        return not self.gone and (self.status in ACTIVE_STATUSES or not (self.complete or self.failed))

    @property
    def names(self) -> tuple[str, str, str, str]:
        """The names that its folder may have, always in this order: the ways in which mounts are set up."""
        original = self.original_filename or self.filename
        return self.filename, without_extension(self.filename), original, without_extension(original)

    def find(self, path: str) -> HeldFile | None:
        """Return the file at a path in its folder. Mounts leave out the folders above it, some or all of them.

        None where it is not there, or where two could be meant.
        """
        wanted = "/" + normal(path).lstrip("/")
        files = self.files or {}
        found = [file for file in files if ("/" + normal(file).lstrip("/")).endswith(wanted)]
        exact = [file for file in found if normal(file).lstrip("/") == wanted[1:]]
        chosen = exact or found
        return HeldFile(path=chosen[0], size_bytes=files[chosen[0]]) if len(chosen) == 1 else None

    def has(self, path: str) -> bool | None:
        """Tell whether a file is at a path in its folder; None: nobody knows its files."""
        if self.files is None:
            return None
        if f"/{path}" in self.files:  # nearly always
            return True
        wanted = "/" + normal(path).lstrip("/")
        return any(("/" + normal(file).lstrip("/")).endswith(wanted) for file in self.files)


class _Held:
    """Very many torrents, each made anew when it is looked at.

    Texts and numbers in a few lists are nothing to the garbage collector; a mapping of files for each torrent is.
    """

    def __init__(self) -> None:
        self._rows = Columnar(Holding)
        self._files: list[tuple[str | int, ...] | None] = []  # path, size in bytes, path, size in bytes

    def append(self, holding: Holding) -> int:
        """Keep a torrent, and return its place."""
        files = holding.files
        self._rows.append(replace(holding, files=None))
        self._files.append(None if files is None else tuple(chain.from_iterable(files.items())))
        return len(self._files) - 1

    def __getitem__(self, place: int) -> Holding:
        """Make the torrent at a place."""
        files: Any = self._files[place]
        known = None if files is None else dict(batched(files, 2, strict=True))
        return replace(self._rows[place], files=known)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that mounts may show, by the names of folders and by hash."""

    complete: bool  # the mirror has read the whole list: what is not here is not there
    by_name: dict[str, tuple[int, ...]] = field(default_factory=dict)  # places
    by_hash: dict[str, tuple[int, ...]] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    unread: frozenset[str] = frozenset()  # accounts of which only what was known before is here
    _held: _Held = field(default_factory=_Held)

    @classmethod
    def of(cls, holdings: Iterable[Holding], *, complete: bool, unread: Collection[str] = ()) -> Self:
        """Return the catalogue of all that the mirrors know, those of several accounts, too. For a thread."""
        made = cls(complete, unread=frozenset(unread))
        made.extend(holdings)
        return made

    def extend(self, holdings: Iterable[Holding]) -> None:
        """Take in more, while it is being made. For a thread."""
        for holding in in_turns(holdings):
            place = self._held.append(holding)
            self.accounts.add(holding.account)
            for name in {normal(name) for name in holding.names}:
                self.by_name[name] = (*self.by_name.get(name, ()), place)
            self.by_hash[holding.hash] = (*self.by_hash.get(holding.hash, ()), place)

    def discard(self) -> None:
        """Forget everything, a little at a time. For a thread: there may be a hundred thousand files."""
        discard(self.by_name)
        discard(self.by_hash)

    def is_read(self, accounts: Collection[str]) -> bool:
        """Tell whether what is not here is in none of these accounts (empty: it may be any)."""
        return self.complete and not (self.unread and (not accounts or self.unread & {*accounts}))

    def named(self, folder: str) -> Sequence[Holding]:
        """Return the torrents whose folder may have this name."""
        return [self._held[place] for place in self.by_name.get(normal(folder), ())]

    def of_hash(self, info_hash: str) -> Sequence[Holding]:
        """Return the entries of a torrent, those that are gone, too."""
        return [self._held[place] for place in self.by_hash.get(info_hash, ())]


def normal(name: str) -> str:
    """Return a name as it is compared: the same letters can be written in two ways, and file systems choose."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def without_extension(name: str) -> str:
    """Return the name of a single file's folder, where mounts leave out what kind of file it is."""
    stem, dot, extension = name.rpartition(".")
    return stem if dot and stem and extension.lower() in _EXTENSIONS else name
