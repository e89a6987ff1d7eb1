"""Whether a link of the library still leads somewhere, judged by what it says and by what the account holds.

Links often point into a mount that we don't share: `/mnt/zurg/...` inside another container. So their texts are judged:
the folder they name is a torrent of the mirror, or was one, and the rest is a file of it. Where the same mount is seen
here, and proven to be the same, reading counts as well: an error that it answers with breaks a link, and what reads
well is never called broken, whatever the mirror says. What can't be told is said to be unknown; only what is certain
is repaired.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
import posixpath

from .catalogue import Catalogue, HeldFile, Holding, normal
from .turns import in_turns

#: Mounts show what is new after a while: zurg asks every few seconds to minutes, rclone keeps folders for minutes.
CACHES_LAST = timedelta(minutes=30)
#: What is neither in the lists that were read nor shown may be newer than both: lists are read once an hour.
NEWS_LASTS = timedelta(hours=2)
#: As Linux does.
_MOST_HOPS = 40
#: Where below a mount the folder of a torrent is: below a view (`__all__`, `movies`), at the top, or deeper.
_PLACES = (1, 0, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder that shows what is in the accounts: as links name it, and where it is seen here (None: nowhere)."""

    theirs: str
    ours: str | None = None
    proven: bool = False  # known files were found there at their right sizes
    accounts: frozenset[str] = frozenset()  # those that it shows; empty: there is one alone, or nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A symbolic link: where it is, and what it says."""

    path: str
    target: str


class Seen(StrEnum):
    """What was seen of a link's file through a proven mount."""

    NOT_LOOKED = "not_looked"
    READS = "reads"
    MISSING = "missing"
    FAILS = "fails"  # it is there, and reading it fails


class Health(StrEnum):
    """What is known of a link."""

    HEALTHY = "healthy"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"  # it points into no mount of these accounts: none of our business
    LOOP = "loop"


class Cause(StrEnum):
    """Why a link is broken, or why that can't be told."""

    NONE = ""
    TORRENT_GONE = "torrent_gone"
    NEVER_SEEN = "never_seen"  # no torrent was ever called so: gone before we looked, or renamed by the mount
    TORRENT_FAILED = "torrent_failed"
    FILE_GONE = "file_gone"  # the torrent is there, without this file
    UNREADABLE = "unreadable"
    NOT_SHOWN = "not_shown"  # the mount doesn't show what the account has: renamed, or its cache is old
    ON_ITS_WAY = "on_its_way"
    FILES_UNKNOWN = "files_unknown"  # the details of the torrent have to be read
    NOT_READ_YET = "not_read_yet"  # the list of the account was never read to its end
    DISPUTED = "disputed"  # the account doesn't have it, yet it can be read
    OTHER_ACCOUNT = "other_account"  # one account lost it, another has it, and nobody knows which the mount shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a link's text says: the mount, the folders above that of the torrent, its folder, and the file in it."""

    mount: Mount
    view: tuple[str, ...]
    folder: str
    file: str  # a path in the folder; empty: the link leads to the folder itself

    def text(self, folder: str | None = None) -> str:
        """Return the text of a link to this place, or to the same in another folder."""
        parts = (self.mount.theirs.rstrip("/"), *self.view, folder or self.folder, *filter(None, (self.file,)))
        return "/".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of a link, and of which torrent it is (None: of none that was ever seen)."""

    health: Health
    cause: Cause = Cause.NONE
    place: Place | None = None
    holding: Holding | None = None

    @property
    def hash(self) -> str | None:
        """The info hash of its torrent."""
        return self.holding.hash if self.holding else None

    @property
    def entry(self) -> str:
        """Which entry of an account its file can be had from; empty: from none."""
        return self.holding.id if self.holding is not None and self.holding.complete else ""

    @property
    def file(self) -> HeldFile | None:
        """The file it leads to, as far as that is known."""
        return self.holding.find(self.place.file) if self.holding and self.place and self.place.file else None


def aim(path: str, text: str, links: Mapping[str, str]) -> str | None:
    """Return where the link at a path, with this text, leads to in the end, through others; None: it leads in circles.

    It is an absolute path. `links` are the texts of the links that are known, by path. Nobody looks at a disk.
    """
    for _ in range(_MOST_HOPS):
        path = named_by(path, text)
        following = links.get(path)
        if following is None:
            return path
        text = following
    return None


def named_by(path: str, text: str) -> str:
    """Return the absolute path that a link with this text names, whatever is there."""
    if text.startswith("/") and "//" not in text and "/." not in text and not text.endswith("/"):
        return text  # nothing is to be taken out of it: nearly always
    named = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
    return named[1:] if named.startswith("//") else named


class Places:
    """What paths in mounts mean.

    Links of a library that follow each other mostly lead into one folder: what it means is remembered for the next.
    """

    def __init__(self, mounts: Iterable[Mount], catalogue: Catalogue) -> None:
        """`mounts`: the deepest first where one holds another."""
        self._mounts = [(mount.theirs.rstrip("/") + "/", mount) for mount in mounts]
        self._catalogue = catalogue
        self._holder = ""  # the last folder
        self._begin = 0  # where in a path in it that of its file begins
        self._of_holder: Place | None = None

    def of(self, path: str) -> Place | None:
        """Return what a path means; None: it is in no mount."""
        holder = path.rpartition("/")[0]
        if holder == self._holder and (like := self._of_holder) is not None:
            return Place(mount=like.mount, view=like.view, folder=like.folder, file=path[self._begin :])
        for above, mount in self._mounts:
            if path.startswith(above) and (parts := path[len(above) :].split("/")) != [""]:
                last, knows = len(parts) - 1, self._catalogue.knows
                at = next((at for at in _PLACES if at < last and knows(parts[at])), None)
                certain = at is not None
                # a single file may be called as its folder is: the last is the folder only where nothing else can be
                if at is None and last in _PLACES and knows(parts[last]):
                    at = last
                if at is None:  # a torrent that nobody remembers: mounts without views are rare
                    at = min(1, len(parts) - 1)
                place = Place(mount=mount, view=tuple(parts[:at]), folder=parts[at], file="/".join(parts[at + 1 :]))
                if certain:
                    self._holder, self._of_holder, self._begin = holder, place, len(path) - len(place.file)
                return place
        return None


@dataclass(frozen=True, slots=True)
class _Whole:
    """A folder in a mount that is a torrent whose files are there, and the judgement that its links share."""

    holder: str  # the folder of the files, as links name it
    begin: int  # where in a path in it that of the file begins
    files: Collection[str]  # of the torrent, with the slash in front
    judgement: Judgement


class Judge:
    """Judges the links of a library by what the accounts hold."""

    def __init__(self, catalogue: Catalogue, mounts: Sequence[Mount], links: Mapping[str, str]) -> None:
        """`mounts` are as for `Places`, `links` as for `aim`."""
        self._catalogue = catalogue
        self._places = Places(mounts, catalogue)
        self._links = links
        self._last: tuple[Mount, str, Sequence[Holding]] | None = None  # a folder, and the torrents it may be
        self._whole: _Whole | None = None  # the last folder

    def by_account(self, path: str, text: str) -> Judgement:
        """Judge the link at a path, with this text, whatever was read of it."""
        return self._by_account(aim(path, text, self._links))[0]

    def in_bulk(self, path: str, text: str) -> Judgement:
        """Judge as `by_account` does, many links one after the other.

        Healthy ones that follow each other into one folder share a judgement: its place names the file of the first.
        """
        whole, (holder, _, name) = self._whole, text.rpartition("/")
        if (
            whole is not None
            and holder == whole.holder
            and name
            and name[0] != "."
            and f"/{text[whole.begin :]}" in whole.files
            and text not in self._links
        ):
            return whole.judgement
        aimed = aim(path, text, self._links)
        found, named = self._by_account(aimed)
        self._whole = _whole(aimed, found, named)
        return found

    def _by_account(self, aimed: str | None) -> tuple[Judgement, Sequence[Holding]]:
        """Judge a link that leads to a path in the end, and tell which torrents its folder may be."""
        if aimed is None:
            return Judgement(health=Health.LOOP), ()
        place = self._places.of(aimed)
        if place is None:
            return Judgement(health=Health.ELSEWHERE), ()
        last = self._last
        if last is None or last[1] != place.folder or last[0] is not place.mount:
            shown = _shown_by(place.mount, self._catalogue.named(place.folder))
            last = self._last = place.mount, place.folder, shown
        return _by_account(place, last[2], self._catalogue), last[2]


def _whole(aimed: str | None, found: Judgement, named: Sequence[Holding]) -> _Whole | None:
    """Return what is known of all files beside one that a healthy link leads to; None: nothing is.

    It is the first of the torrents which the folder may be that has a file: of another one nothing follows.
    """
    holding, place = found.holding, found.place
    if aimed is None or found.health is not Health.HEALTHY or holding is None or place is None:
        return None
    if not place.file or not holding.files or holding is not named[0]:
        return None
    return _Whole(aimed.rpartition("/")[0], len(aimed) - len(place.file), holding.files, found)


def judge(
    link: Link,
    catalogue: Catalogue,
    mounts: Sequence[Mount],
    *,
    links: Mapping[str, str],
    seen: Seen = Seen.NOT_LOOKED,
    missing_for: timedelta = timedelta(),
) -> Judgement:
    """Judge one link. `seen` is what a proven mount showed, `missing_for` since when it shows nothing there."""
    found = Judge(catalogue, mounts, links).by_account(link.path, link.target)
    return with_reading(found, seen, missing_for)


def with_reading(found: Judgement, seen: Seen, missing_for: timedelta = timedelta()) -> Judgement:
    """Return what is known of a link by the accounts, and by what was seen of it. Only a proven mount says anything."""
    if found.place is None or not found.place.mount.proven:
        return found
    match seen:
        case Seen.FAILS if found.health is Health.HEALTHY or found.cause is Cause.FILES_UNKNOWN:
            return _as(found, Health.BROKEN, Cause.UNREADABLE)
        case Seen.READS if found.health is Health.BROKEN:
            return _as(found, Health.UNKNOWN, Cause.DISPUTED)
        case Seen.READS if found.cause in {Cause.FILES_UNKNOWN, Cause.OTHER_ACCOUNT}:
            return _as(found, Health.HEALTHY, Cause.NONE)
        case Seen.MISSING if found.cause is Cause.NEVER_SEEN and missing_for >= NEWS_LASTS:
            return _as(found, Health.BROKEN, Cause.TORRENT_GONE)
        case Seen.MISSING if found.health is Health.HEALTHY:
            certain = missing_for >= CACHES_LAST
            return _as(found, Health.BROKEN if certain else Health.UNKNOWN, Cause.NOT_SHOWN)
    return found


def _as(found: Judgement, health: Health, cause: Cause) -> Judgement:
    return Judgement(health=health, cause=cause, place=found.place, holding=found.holding)


def _by_account(place: Place, named: Sequence[Holding], catalogue: Catalogue) -> Judgement:
    """Judge by the torrents that a folder may be."""
    for each in named:  # nearly always
        if each.complete and (not place.file or each.has(place.file)):
            if len(named) > 1 and not place.mount.accounts and _lost_elsewhere(each, named):
                return Judgement(health=Health.UNKNOWN, cause=Cause.OTHER_ACCOUNT, place=place, holding=each)
            return Judgement(health=Health.HEALTHY, place=place, holding=each)
    return _without(place, named, read=catalogue.is_read(place.mount.accounts))


def _without(place: Place, named: Sequence[Holding], *, read: bool) -> Judgement:
    """Judge what no complete torrent has. `read`: what is not known is not there."""

    def first(fits: Iterable[Holding], health: Health, cause: Cause = Cause.NONE) -> Judgement | None:
        holding = next(iter(fits), None)
        return Judgement(health=health, cause=cause, place=place, holding=holding) if holding else None

    def has(holding: Holding) -> bool | None:
        return holding.has(place.file) if place.file else True

    broken = Health.BROKEN if read else Health.UNKNOWN
    not_read = Cause.NONE if read else Cause.NOT_READ_YET
    return (
        first((each for each in named if each.complete and has(each) is None), Health.UNKNOWN, Cause.FILES_UNKNOWN)
        or first((each for each in named if each.coming and has(each) is not False), Health.UNKNOWN, Cause.ON_ITS_WAY)
        or first(
            (each for each in named if each.failed and has(each) is not False), broken, not_read or Cause.TORRENT_FAILED
        )
        or first((each for each in named if each.gone and has(each)), broken, not_read or Cause.TORRENT_GONE)
        or first((each for each in named if each.complete), broken, not_read or Cause.FILE_GONE)
        or first((each for each in named if each.gone and has(each) is None), broken, not_read or Cause.TORRENT_GONE)
        or Judgement(health=broken, cause=not_read or (Cause.FILE_GONE if named else Cause.NEVER_SEEN), place=place)
    )


def _lost_elsewhere(holding: Holding, named: Iterable[Holding]) -> bool:
    """Tell whether another account had what this one has."""
    return any(other.account != holding.account and not other.complete for other in named)


def _shown_by(mount: Mount, named: Sequence[Holding]) -> Sequence[Holding]:
    """Return those of torrents that a mount shows, as far as that is known.

    What only another account ever had is left: the mount may show a little of that one, too.
    """
    if not mount.accounts:
        return named
    return [each for each in named if each.account in mount.accounts] or named


# --- where else the same file is -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which file of which torrent a link led to when it was last healthy."""

    hash: str
    path: str
    size_bytes: int


def same_file(found: Judgement, catalogue: Catalogue, binding: Binding | None = None) -> str | None:
    """Return what a broken link would have to say to lead to the same file again; None: it is nowhere to be had.

    The same file is that of the same torrent, by its hash, at the same path, and of the same size where that is known,
    in an account that the mount shows.
    Its folder has a name by the rule that the mount followed for the old one; where that rule can't be told, nothing is
    guessed.
    """
    place, old = found.place, found.holding
    info_hash = old.hash if old else binding.hash if binding else None
    if place is None or info_hash is None:
        return None
    size = file.size_bytes if (file := found.file) else binding.size_bytes if binding else None
    for holding in catalogue.of_hash(info_hash):
        if not holding.complete or holding.account in catalogue.unread:
            continue
        if old is not None and holding.account not in place.mount.accounts | {old.account}:
            continue
        if place.file:
            file = holding.find(place.file)
            if file is None or (size is not None and file.size_bytes != size):
                continue
        if folder := _folder(place.folder, old, holding):
            return place.text(folder)
    return None


def _folder(name: str, old: Holding | None, new: Holding) -> str | None:
    """Return the name of a torrent's folder in a mount which called another one's so; None: more than one is likely."""
    rules = range(len(new.names))
    likely = {new.names[rule] for rule in rules if old is None or normal(old.names[rule]) == normal(name)}
    return likely.pop() if len(likely) == 1 else None


# --- may anything be touched at all? ---------------------------------------------------------------------------------


class Shut(StrEnum):
    """Why nothing is touched: it is not the links that are broken."""

    MOUNT_AWAY = "mount_away"
    MOUNT_EMPTY = "mount_empty"
    MANY_AT_ONCE = "many_at_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class MountLook:
    """A mount as it was found here: whether it is there, and whether anything is in it. None: it can't be seen."""

    there: bool | None = None
    empty: bool | None = None
    reads: bool | None = None  # whether files in it can be read; None: nothing makes one doubt that


#: More than so many, and more than this part of all links, that broke between two scans are an outage.
MANY_LINKS, MANY_PART = 20, 0.02


def shut(
    look: MountLook, *, links: int, newly_broken: int, newly_unreadable: int = 0, accepted: bool = False
) -> Shut | None:
    """Tell why nothing behind a mount may be touched now; None: it may be.

    `links` is how many there are, `newly_broken` how many of them were not known to be broken at the last scan that was
    believed, `newly_unreadable` how many of these because they could not be read: as few are read in one scan, that is
    no part of all links. `accepted`: a person says that so many really are.
    """
    if look.there is False or look.reads is False:
        return Shut.MOUNT_AWAY
    if look.empty:
        return Shut.MOUNT_EMPTY
    many = newly_unreadable > MANY_LINKS or (newly_broken > MANY_LINKS and newly_broken > MANY_PART * links)
    return Shut.MANY_AT_ONCE if many and not accepted else None


# --- what nothing leads to -------------------------------------------------------------------------------------------


def unlinked(catalogue: Catalogue, linked: Collection[str | None]) -> list[Holding]:
    """Return the complete torrents that no link leads to. For a thread.

    `linked` are the hashes of those that links lead to.
    """
    return [
        holding
        for info_hash in in_turns(catalogue.hashes)
        if info_hash not in linked
        for holding in catalogue.of_hash(info_hash)
        if holding.complete
    ]
