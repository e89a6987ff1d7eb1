"""What an *arr could download instead, what it grabbed, and what it never wants to see again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from .library import Protocol, Title, TitleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A release that an interactive search found. It can be grabbed for 30 minutes.

    `only_queue_objects` says that nothing stood against it but what is in the queue for the same titles: either it is
    approved, or each rejection is one that the *arr takes from its queue, in words that are known. It is no proof of
    more: the *arr stops at the first kind of objection, so when the queue objects it has not looked whether the release
    is blocklisted, its indexer is paused after failures, or the disk is full. And the queue may hold more than the
    one download that is to be replaced.
    """

    guid: str = field(repr=False)  # of some indexers it is a link with a person's key
    indexer_id: int
    indexer: str
    title: str
    protocol: Protocol
    size_bytes: int
    info_hash: str | None = None  # lower case; many indexers don't tell it before the grab
    seeders: int | None = None
    leechers: int | None = None
    quality: str | None = None
    score: int = 0  # custom format score
    weight: int = 0  # the *arr's own order: 0 is the one that it likes best
    age: timedelta = timedelta()
    approved: bool = False
    rejections: tuple[str, ...] = ()
    only_queue_objects: bool = False
    download_allowed: bool = False  # False: the *arr doesn't know what it is, and would not grab it
    title_ids: frozenset[int] = frozenset()  # movie or episodes that the *arr takes it for
    season: int | None = None  # that of these episodes, however the release counts them
    episodes: frozenset[int] = frozenset()  # their numbers in it
    full_season: bool = False


class GrabSource(StrEnum):
    """What made an *arr grab a release."""

    RSS = "Rss"
    SEARCH = "Search"  # by itself: after a failure, or for missing titles
    USER_SEARCH = "UserInvokedSearch"  # somebody asked to search, the *arr chose
    INTERACTIVE_SEARCH = "InteractiveSearch"  # somebody chose this release. What SOKOUL grabs counts here, too
    PUSH = "ReleasePush"  # another program (autobrr and the like) brought it
    UNKNOWN = "Unknown"


class HistoryKind(StrEnum):
    """What happened to a download. Events of other kinds are unknown here."""

    GRABBED = "grabbed"
    IMPORTED = "downloadFolderImported"
    FAILED = "downloadFailed"
    IGNORED = "downloadIgnored"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """Something that happened to one title."""

    id: int
    kind: HistoryKind
    at: datetime
    title_id: int  # movie or episode
    release: str
    download_id: str | None = None  # as in a queue item
    indexer: str | None = None
    indexer_id: int | None = None  # newer versions only
    source: GrabSource = GrabSource.UNKNOWN  # of a grab
    info_hash: str | None = None  # of a grab, lower case, where the indexer told it
    message: str | None = None  # why it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Grab:
    """Who grabbed a download, and from where. How many seeders it had then is not kept by any *arr."""

    history_id: int
    at: datetime
    release: str
    title_ids: frozenset[int]
    indexer: str | None = None
    indexer_id: int | None = None
    source: GrabSource = GrabSource.UNKNOWN

    @property
    def by_hand(self) -> bool | None:
        """Whether a person (or a program in their name, SOKOUL too) chose this release; None: it is not known."""
        if self.source is GrabSource.UNKNOWN:
            return None
        return self.source is GrabSource.INTERACTIVE_SEARCH


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocklistEntry:
    """A release that an *arr will not grab again for these titles. It keeps the info hash to itself."""

    id: int
    release: str
    title_ids: frozenset[int]
    series_id: int | None = None  # of episodes
    at: datetime | None = None
    protocol: Protocol = Protocol.UNKNOWN
    indexer: str | None = None
    message: str | None = None

    def names(self, candidate: Candidate) -> bool:
        """Tell whether it blocks a candidate, by name and indexer.

        The *arr compares info hashes where the indexer tells them, so a release of the same name that is another
        torrent counts as blocked here though it is not.
        """
        if self.release.casefold() != candidate.title.casefold():
            return False
        return not self.indexer or self.indexer.casefold() == candidate.indexer.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRejection:
    """Why an *arr would not import a file by itself. The text is English in all versions."""

    reason: str
    permanent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCandidate:
    """A file of a finished download, and what its *arr takes it for."""

    path: str  # as the *arr sees it
    size_bytes: int
    title_ids: frozenset[int] = frozenset()  # movie or episodes; empty: it has no idea
    series_id: int | None = None  # of episodes
    quality: str | None = None
    languages: tuple[str, ...] = ()
    release_group: str | None = None
    rejections: tuple[ImportRejection, ...] = ()
    #: what the *arr wants back to import it
    file: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class ImportMode(StrEnum):
    """What becomes of the downloaded file."""

    AUTO = "auto"  # copy while it seeds; but *move* where the *arr doesn't know the download
    COPY = "copy"  # or link, where that is set up
    MOVE = "move"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadHandling:
    """What an *arr does after a download."""

    imports: bool  # finished downloads by itself
    redownloads: bool  # search again when one failed
    redownloads_chosen: bool  # also when that one was chosen in an interactive search


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleDetails:
    """A movie or an episode with what decides whether it is wanted."""

    title: Title  # `monitored` of an episode: it and its series
    has_file: bool
    tags: frozenset[int] = frozenset()
    released_at: datetime | None = None  # of an episode when it airs, of a movie the first time outside cinemas
    in_cinemas_at: datetime | None = None

    @property
    def id(self) -> int:
        """The movie's or the episode's."""
        return self.title.id

    @property
    def released_on(self) -> date | None:
        """The day on which it came out, wherever that was; None: nobody knows."""
        moments = [moment for moment in (self.released_at, self.in_cinemas_at) if moment is not None]
        return min(moments).date() if moments else None


def search_for(titles: Iterable[Title]) -> Title | None:
    """Return for what to search to find one release of all these titles: one of them, or their season.

    None where no search finds such releases: several movies, episodes of more than one season, an unknown series.
    """
    found = tuple(titles)
    if not found:
        return None
    first = found[0]
    if len(found) == 1:
        return None if first.kind is TitleKind.SERIES and first.season is None else first
    seasons = {(title.series_id, title.season) for title in found}
    if first.series_id is None or first.season is None or len(seasons) > 1:
        return None
    return Title(
        kind=TitleKind.SERIES,
        id=first.series_id,
        name=first.name,
        year=first.year,
        series_id=first.series_id,
        season=first.season,
        monitored=any(title.monitored for title in found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrOpinion:
    """What the *arr that manages a title makes of a release."""

    quality: str | None = None
    score: int | None = None  # of its custom formats; None: it was not asked
    rejections: tuple[str, ...] = ()
    acceptable: bool = True  # it would take it if its queue were empty
    knows_title: bool = False  # it takes it for a title that it has, the one that was searched for among them
    season: int | None = None  # of what it takes it for, where that is episodes
    episodes: frozenset[int] = frozenset()  # their numbers in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A release as one indexer offers it."""

    name: str
    indexer: str
    protocol: Protocol
    size_bytes: int = 0  # 0: it doesn't tell
    info_hash: str | None = None  # lower case
    seeders: int | None = None
    leechers: int | None = None
    age: timedelta | None = None
    cached: bool | None = None  # a debrid service has it already; None: nobody asked
    arr: ArrOpinion | None = None
    ids: frozenset[str] = frozenset()  # of its title in databases, as the indexer tells them: "imdb:tt1160419"
    guid: str = field(default="", repr=False)  # with `indexer_id` what a grab needs; may hold a person's key
    indexer_id: int | None = None
    #: where it can be had: a magnet, or an address that may hold a person's key. Never stored, never shown
    link: str = field(default="", repr=False)
    source: str = ""  # who found it: the backend that is to be asked for it by `guid` or `link`


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What an indexer manager or a feed found."""

    offers: tuple[Offer, ...] = ()
    failing: frozenset[int] = frozenset()  # indexers that it keeps away from after failures
    all_failed: bool = False  # nobody answered: that nothing was found means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedLink:
    """What is behind a download link: a magnet link, or a .torrent file."""

    info_hash: str  # lower case
    magnet: str | None = field(default=None, repr=False)  # of private trackers it holds a person's key
    torrent: bytes | None = field(default=None, repr=False)


def offer_of(candidate: Candidate) -> Offer:
    """Return what an *arr's interactive search found as an offer, with its opinion."""
    return Offer(
        name=candidate.title,
        indexer=candidate.indexer,
        protocol=candidate.protocol,
        size_bytes=candidate.size_bytes,
        info_hash=candidate.info_hash,
        seeders=candidate.seeders,
        leechers=candidate.leechers,
        age=candidate.age,
        arr=ArrOpinion(
            quality=candidate.quality,
            score=candidate.score,
            rejections=candidate.rejections,
            acceptable=candidate.approved or candidate.only_queue_objects,
            knows_title=bool(candidate.title_ids),
            season=candidate.season,
            episodes=candidate.episodes,
        ),
        guid=candidate.guid,
        indexer_id=candidate.indexer_id,
    )


class ConditionKind(StrEnum):
    """What a condition of a custom format looks at, as Radarr and Sonarr name its implementation."""

    TITLE = "ReleaseTitleSpecification"  # a regular expression, on the whole name
    GROUP = "ReleaseGroupSpecification"  # a regular expression
    EDITION = "EditionSpecification"  # a regular expression
    SOURCE = "SourceSpecification"  # "web-dl", "bluray"; several where the application knows no difference
    MODIFIER = "QualityModifierSpecification"  # "remux", "disc"
    RESOLUTION = "ResolutionSpecification"  # lines: "1080"
    LANGUAGE = "LanguageSpecification"  # ISO 639-1, or "original"
    SIZE = "SizeSpecification"  # more bytes than the first, and no more than the second
    YEAR = "YearSpecification"  # from the first to the second
    UNKNOWN = "unknown"  # nobody but the application can tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of a custom format, its value in our words."""

    kind: ConditionKind
    values: tuple[str, ...] = ()  # any of them
    least: int = 0
    most: int = 0
    negate: bool = False
    required: bool = False
    but_this: bool = False  # of languages: any other than this


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFormat:
    """What an *arr looks for in releases, and how much a profile gives or takes for it."""

    name: str
    score: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityProfile:
    """What an *arr wants of a title: qualities that it takes, the worst first; those of a group are equal to it."""

    name: str
    allowed: tuple[frozenset[str], ...]
    id: int = 0
    cutoff: frozenset[str] = frozenset()  # from this quality, or one of this group, on it looks for nothing better
    upgrades: bool = True  # it replaces a file by a better one
    language: str | None = None  # of Radarr: ISO 639-1 or "original"; None: any
    minimum_score: int = 0  # of custom formats; below it nothing is taken
    cutoff_score: int = 0  # from here on it looks for nothing better
    formats: tuple[CustomFormat, ...] = ()  # those with a score

    def rank(self, quality: str) -> int | None:
        """Return the place of a quality, 0 for the worst that is taken; None: it is not taken at all."""
        return next((rank for rank, names in enumerate(self.allowed) if quality in names), None)
