"""A Real-Debrid account and what is in it.

Real-Debrid's own words stay where they are terms of the field (status, error codes). Times are aware and in UTC.
Source: api.real-debrid.com, REST 1.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from .columnar import Columnar


class DebridStatus(StrEnum):
    """How far Real-Debrid is with a torrent, by its own names."""

    MAGNET_CONVERSION = "magnet_conversion"  # it looks for the metadata of a magnet link
    WAITING_FILES_SELECTION = "waiting_files_selection"  # nothing happens until somebody selects files
    QUEUED = "queued"
    DOWNLOADING = "downloading"
    COMPRESSING = "compressing"
    UPLOADING = "uploading"
    DOWNLOADED = "downloaded"
    MAGNET_ERROR = "magnet_error"  # the magnet link leads nowhere
    ERROR = "error"
    VIRUS = "virus"
    DEAD = "dead"  # nobody shares it
    UNKNOWN = "unknown"  # a status that a newer version has


#: On its way without anybody's doing. (What waits for a selection of files is not.)
ACTIVE_STATUSES = frozenset(
    {
        DebridStatus.MAGNET_CONVERSION,
        DebridStatus.QUEUED,
        DebridStatus.DOWNLOADING,
        DebridStatus.COMPRESSING,
        DebridStatus.UPLOADING,
    }
)
#: It ended badly, and stays so.
FAILED_STATUSES = frozenset({DebridStatus.MAGNET_ERROR, DebridStatus.ERROR, DebridStatus.VIRUS, DebridStatus.DEAD})


class DebridCode(IntEnum):
    """Why Real-Debrid refused something: the `error_code` of its answers."""

    INTERNAL_ERROR = -1
    MISSING_PARAMETER = 1
    BAD_PARAMETER_VALUE = 2
    UNKNOWN_METHOD = 3
    METHOD_NOT_ALLOWED = 4
    SLOW_DOWN = 5
    RESOURCE_UNREACHABLE = 6
    RESOURCE_NOT_FOUND = 7
    BAD_TOKEN = 8
    PERMISSION_DENIED = 9
    TWO_FACTOR_NEEDED = 10
    TWO_FACTOR_PENDING = 11
    INVALID_LOGIN = 12
    INVALID_PASSWORD = 13
    ACCOUNT_LOCKED = 14
    ACCOUNT_NOT_ACTIVATED = 15
    UNSUPPORTED_HOSTER = 16
    HOSTER_IN_MAINTENANCE = 17
    HOSTER_LIMIT_REACHED = 18
    HOSTER_UNAVAILABLE = 19  # for now
    HOSTER_NOT_FOR_FREE_USERS = 20
    TOO_MANY_ACTIVE_DOWNLOADS = 21
    IP_ADDRESS_NOT_ALLOWED = 22
    TRAFFIC_EXHAUSTED = 23
    FILE_UNAVAILABLE = 24
    SERVICE_UNAVAILABLE = 25
    UPLOAD_TOO_BIG = 26
    UPLOAD_ERROR = 27
    FILE_NOT_ALLOWED = 28
    TORRENT_TOO_BIG = 29
    TORRENT_FILE_INVALID = 30
    ACTION_ALREADY_DONE = 31
    IMAGE_RESOLUTION_ERROR = 32
    TORRENT_ALREADY_ACTIVE = 33
    TOO_MANY_REQUESTS = 34
    INFRINGING_FILE = 35
    FAIR_USAGE_LIMIT = 36
    DISABLED_ENDPOINT = 37


#: The whole account has to pause.
THROTTLING_CODES = frozenset({DebridCode.SLOW_DOWN, DebridCode.TOO_MANY_REQUESTS, DebridCode.FAIR_USAGE_LIMIT})
#: The token or the login is wrong: another one helps.
LOGIN_CODES = frozenset(
    {
        DebridCode.BAD_TOKEN,
        DebridCode.TWO_FACTOR_NEEDED,
        DebridCode.TWO_FACTOR_PENDING,
        DebridCode.INVALID_LOGIN,
        DebridCode.INVALID_PASSWORD,
    }
)
#: The account itself is refused: another token does not help, its owner has to see to it at Real-Debrid.
ACCOUNT_CODES = frozenset(
    {
        DebridCode.PERMISSION_DENIED,
        DebridCode.ACCOUNT_LOCKED,
        DebridCode.ACCOUNT_NOT_ACTIVATED,
        DebridCode.IP_ADDRESS_NOT_ALLOWED,
    }
)


class DebridPriority(IntEnum):
    """Who waits for an answer: a lower number goes first."""

    PERSON = 0
    BACKGROUND = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridAccount:
    """Whose account it is, and how long it is paid for."""

    id: int
    username: str
    premium: bool  # by Real-Debrid's own word
    premium_seconds: int = 0  # left, as of when it was read; 0 for a free account
    premium_until: datetime | None = None  # None: never was, or not told
    points: int = 0  # fidelity points


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridTraffic:
    """What is left at one hoster. `unit` says what is counted: "links", "gigabytes" or "bytes"."""

    host: str
    left: int
    used: int = 0  # since the last reset, in the same unit where it counts links, else in bytes
    limit: int = 0
    unit: str = ""
    reset: str = ""  # how often it begins anew: "daily", "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridTorrent:
    """A torrent as the list shows it."""

    id: str  # changes when the same torrent is added again
    hash: str  # lower case
    filename: str
    size_bytes: int  # of the selected files
    status: DebridStatus
    progress: float  # 0 to 100
    added_at: datetime
    host: str = ""  # where its links lead to
    split_gigabytes: int = 0  # the largest part of what was packed
    #: one per selected file and in their order, unless it was packed: then fewer
    links: tuple[str, ...] = ()
    ended_at: datetime | None = None
    download_rate: int | None = None  # bytes per second; told only while something moves
    seeders: int | None = None  # told only while it looks for or fetches from them


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridFile:
    """One file of a torrent."""

    id: int  # from 1, in the order of the torrent
    path: str  # starts with a slash
    size_bytes: int
    selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridTorrentInfo:
    """A torrent with its details."""

    torrent: DebridTorrent
    original_filename: str
    original_size_bytes: int  # of all files
    files: tuple[DebridFile, ...] = ()

    @property
    def selected(self) -> tuple[DebridFile, ...]:
        """The files that were selected: `torrent.links` are theirs, in this order, unless it was packed."""
        return tuple(file for file in self.files if file.selected)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridPage:
    """One page of the list of torrents, the newest first. Past the end it is empty."""

    torrents: Sequence[DebridTorrent] = ()
    total: int | None = None  # of all pages, when this one was made; not told past the end
    etag: str | None = None  # asked for with it again, an unchanged page costs nothing but the request

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its torrents."""
        if isinstance(self.torrents, Columnar):
            return tuple(self.torrents.column("id"))
        return tuple(torrent.id for torrent in self.torrents)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridUnrestricted:
    """A link that can be downloaded from at once. It is a secret: whoever has it can."""

    id: str
    filename: str
    size_bytes: int  # 0: not known
    link: str  # the hoster's
    host: str
    download: str = field(repr=False)  # the link that was made
    mime_type: str = ""
    chunks: int = 0  # connections at once
    streamable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridActive:
    """How many torrents are active, and how many may be."""

    count: int
    limit: int
    hashes: tuple[str, ...] = ()  # of the active ones, where they are told


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridBudgetState:
    """How much of what we allow ourselves is used."""

    per_minute: int  # what we may send now
    used: int  # sent within the last minute, refused ones included
    refused: int = 0  # for throttling, since the start
    waiting: int = 0  # requests that wait for their turn
    #: since when Real-Debrid was last throttling us (429, or codes 5, 34, 36), None: never as far as is remembered
    throttled_at: datetime | None = None
    paused_until: datetime | None = None  # nothing is sent before
    cautious_until: datetime | None = None  # half of what a person allows is sent before, because it was too much

    @property
    def used_percent(self) -> float:
        """How much of the budget was used, in percent."""
        return 100.0 * self.used / self.per_minute if self.per_minute else 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridSnapshot:
    """An account as it was last read."""

    account: DebridAccount
    active: DebridActive | None = None  # None: not told
    torrents: int | None = None  # how many there are, None: not told
    traffic: tuple[DebridTraffic, ...] = ()
    budget: DebridBudgetState
