"""What of an account a mount shows, and under which names: folders by torrent, files by their paths.

zurg, rclone and their like make a folder of each torrent, named as Real-Debrid calls it (`filename`) or as the torrent
calls itself (`original_filename`), with or without the extension of a single file, whichever way they are set up. All
four names are known here, and a name is matched whole or not at all: `S01E01` is not `S01E02`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
import unicodedata

import orjson

from ..model.columnar import Columnar
from ..model.debrid import ACTIVE_STATUSES, FAILED_STATUSES, DebridStatus
from ..model.debrid_mirror import Held
from .turns import discard, in_turns

#: So many torrents are let go of at once.
_SOME = 500
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
    #: a season has many, and they are made anew whenever a link leads there.
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


class _Holdings:
    """Very many torrents, each made anew when it is looked at.

    Texts in a few lists are nothing to the garbage collector; a mapping of files for each torrent is, and a tuple is
    while it is new. So the files of a torrent are one text.
    """

    def __init__(self) -> None:
        self._rows = Columnar(Holding)
        self._columns = [(each.name, self._rows.column(each.name)) for each in fields(Holding)]
        self._files: list[str | None] = []  # as JSON
        self._last: tuple[int, Holding] | None = None  # the links of a season lead to one torrent, one after the other

    def append(self, holding: Holding, files: str | None) -> int:
        """Keep a torrent whose files are told apart from it, as JSON, and return its place."""
        self._rows.append(holding)
        self._files.append(files)
        return len(self._files) - 1

    def __getitem__(self, place: int) -> Holding:
        """Make the torrent at a place."""
        if (last := self._last) is not None and last[0] == place:
            return last[1]
        files, values = self._files[place], {name: column[place] for name, column in self._columns}
        made = Holding(**values | {"files": None if files is None else orjson.loads(files)})
        self._last = place, made
        return made

    def discard(self) -> None:
        """Let go of everything, a little at a time. For a thread."""
        self._last = None
        for _ in in_turns(range(0, len(self._files), _SOME), look=1):
            self._rows.drop(_SOME)
            del self._files[-_SOME:]


#: Places of torrents: nearly always it is one, and a number is nothing to the garbage collector.
type _Places = int | tuple[int, ...]


def _note(index: dict[str, _Places], key: str, place: int) -> None:
    known = index.get(key)
    if known is None:
        index[key] = place
    else:
        index[key] = (known, place) if isinstance(known, int) else (*known, place)


def _places(index: Mapping[str, _Places], key: str) -> tuple[int, ...]:
    known = index.get(key, ())
    return (known,) if isinstance(known, int) else known


class Catalogue:
    """Everything that mounts may show, by the names of folders and by hash.

    `complete`: the mirrors have read whole lists, what is not here is not there. But of accounts that are `unread` only
    what was known before is here.
    """

    def __init__(self, *, complete: bool, unread: Collection[str] = ()) -> None:
        self.complete = complete
        self.unread = frozenset(unread)
        self.accounts: set[str] = set()
        self._by_name: dict[str, _Places] = {}
        self._by_hash: dict[str, _Places] = {}
        self._holdings = _Holdings()

    @property
    def hashes(self) -> Collection[str]:
        """Those of all its torrents."""
        return self._by_hash.keys()

    def take(self, account: str, torrents: Iterable[Held]) -> None:
        """Take in what the mirror of an account knows, while it is being made. For a thread."""
        self.accounts.add(account)
        for each in in_turns(torrents):
            # of two texts that are the same one is kept
            original = each.name if each.original_name == each.name else each.original_name
            holding = Holding(
                account=account,
                id=each.id,
                hash=each.hash,
                filename=each.name,
                original_filename=original,
                status=each.status,
                gone=each.gone,
            )
            place = self._holdings.append(holding, each.files)
            for name in {normal(name) for name in holding.names}:
                _note(self._by_name, name, place)
            _note(self._by_hash, holding.hash, place)

    def discard(self) -> None:
        """Free its torrents, a little at a time, when nobody needs it any more. For a thread."""
        discard(self._by_name)
        discard(self._by_hash)
        self._holdings.discard()

    def is_read(self, accounts: Collection[str]) -> bool:
        """Tell whether what is not here is in none of these accounts (empty: it may be any)."""
        return self.complete and not (self.unread and (not accounts or self.unread & {*accounts}))

    def knows(self, folder: str) -> bool:
        """Tell whether the folder of any torrent may have this name."""
        return normal(folder) in self._by_name

    def named(self, folder: str) -> Sequence[Holding]:
        """Return the torrents whose folder may have this name."""
        return [self._holdings[place] for place in _places(self._by_name, normal(folder))]

    def of_hash(self, info_hash: str) -> Sequence[Holding]:
        """Return the entries of a torrent, those that are gone, too."""
        return [self._holdings[place] for place in _places(self._by_hash, info_hash)]


def normal(name: str) -> str:
    """Return a name as it is compared: the same letters can be written in two ways, and file systems choose."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def without_extension(name: str) -> str:
    """Return the name of a single file's folder, where mounts leave out what kind of file it is."""
    stem, dot, extension = name.rpartition(".")
    return stem if dot and stem and extension.lower() in _EXTENSIONS else name
