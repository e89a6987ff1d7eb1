"""The mirror of a Real-Debrid account: its torrents as they were last seen, and the history of reading them.

An account is named by the id of its backend. Times are aware and in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from .debrid import DebridFile, DebridStatus, DebridTorrent

EMPTY: Mapping[str, Any] = MappingProxyType({})


class ChangeKind(StrEnum):
    """What is different from the last time. From `PROGRESS` on it is not worth telling anybody."""

    ADDED = "added"
    RETURNED = "returned"  # it was gone
    STATUS = "status"
    CONTENT = "content"  # its name, size, links or another thing that is expected to last
    GONE = "gone"
    PROGRESS = "progress"  # only how far it is, and how fast


@dataclass(frozen=True, slots=True)
class DebridChange:
    """One torrent that is not as it was."""

    id: str
    kind: ChangeKind
    name: str = ""
    status: DebridStatus = DebridStatus.UNKNOWN  # now, or the last one of what is gone
    before: DebridStatus | None = None  # its status, where that changed


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredTorrent:
    """A torrent as the mirror knows it."""

    torrent: DebridTorrent
    first_seen_at: datetime
    changed_at: datetime  # anything but its progress
    status_at: datetime  # since when it has its status; of what had it at the first look, the earliest that can be
    gone_at: datetime | None = None  # None: it is there
    details_at: datetime | None = None  # when its details were read, None: never
    original_name: str = ""  # of the torrent itself; from the details
    original_size_bytes: int = 0  # of all its files; from the details
    file_count: int = 0  # from the details


class Held(NamedTuple):
    """What a mount may show of a torrent, present or gone, in plain values: all of an account are read at once."""

    id: str
    hash: str
    name: str
    original_name: str  # of the torrent itself; empty: its details were never read
    status: DebridStatus
    gone: bool
    #: The sizes in bytes of the selected files by their paths, with the slash in front, as a JSON object.
    #: None: nobody knows which are selected.
    files: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredFile:
    """A file of a torrent that the mirror knows, present or gone."""

    torrent_id: str
    file: DebridFile


# --- reading the account ---------------------------------------------------------------------------------------------


class SyncMode(StrEnum):
    """What is read."""

    SMART = "smart"  # the list, and the details of what failed or changed
    FULL = "full"  # the list, and the details of everything that has none or old ones
    LIST = "list"  # the list alone
    DETAILS = "details"  # as full, without the list
    ERRORS = "errors"  # the details of what failed
    RESUME = "resume"  # what was interrupted last


class SyncStatus(StrEnum):
    """What became of a synchronisation."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"  # by a person
    INTERRUPTED = "interrupted"  # it goes on later where it was


class DetailsReason(StrEnum):
    """Why the details of a torrent are to be read."""

    ASKED = "asked"
    FAILED = "failed"
    STATUS_CHANGED = "status_changed"
    NEVER_READ = "never_read"
    OLD = "old"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What is narrowed or widened; the defaults are those of the mode."""

    status_changes_only: bool = False  # details only of what has another status since the synchronisation began
    include_active: bool = False  # details of what is on its way too, although they will be others soon
    skip_error_retry: bool = False  # no details of what failed
    statuses: tuple[DebridStatus, ...] = ()  # details only of these, none: of any
    limit: int | None = None  # at most so many details
    verbose: bool = False  # the summary names each change


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsNeed:
    """Whose details are to be read: those that fit one of the reasons, and all the rest of it."""

    reasons: tuple[DetailsReason, ...]
    statuses: tuple[DebridStatus, ...] = ()
    since: datetime  # when the synchronisation began
    old_before: datetime  # details from before this are old
    failed_before: datetime  # the same for what failed
    include_active: bool = False
    without_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRun:
    """One synchronisation: what was wanted, and what became of it so far."""

    id: int = 0  # given by the store
    account: str
    mode: SyncMode
    options: SyncOptions = field(default_factory=SyncOptions)
    status: SyncStatus = SyncStatus.RUNNING
    started_at: datetime
    changed_at: datetime
    listed: bool = False  # the list was read to its end
    done: int = 0  # details that were read
    total: int = 0  # details to read, done ones included
    summary: Mapping[str, Any] = EMPTY  # plain JSON


# --- looking into the mirror -----------------------------------------------------------------------------------------


class Presence(StrEnum):
    """Whether what is meant is still in the account."""

    PRESENT = "present"
    GONE = "gone"
    ANY = "any"


class SortKey(StrEnum):
    """By what a list is sorted; what is equal is sorted by id."""

    ADDED = "added"
    NAME = "name"
    SIZE = "size"
    CHANGED = "changed"  # by when its status changed


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridQuery:
    """Which torrents are wanted, and how. `cursor` is what the last page said is next."""

    statuses: tuple[DebridStatus, ...] = ()
    hosts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # each has to be in the name
    presence: Presence = Presence.PRESENT
    sort: SortKey = SortKey.ADDED
    descending: bool = True
    limit: int = 50
    cursor: tuple[Any, str] | None = None  # the value that was sorted by, and the id


@dataclass(frozen=True, slots=True)
class Facet:
    """How many torrents share a status and a host, and how much they hold."""

    status: DebridStatus
    host: str
    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFigures:
    """The figures of all torrents of one status and one host."""

    status: DebridStatus
    host: str
    count: int
    with_details: int
    size_bytes: int
    smallest_bytes: int
    largest_bytes: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A torrent that is in the account more than once."""

    hash: str
    count: int
    size_bytes: int  # of all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What happened since a moment."""

    added: int
    finished: int
    failed: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridFigures:
    """Everything that statistics are made of."""

    by_status: tuple[StatusFigures, ...]
    day: Activity
    week: Activity
    largest: tuple[DebridTorrent, ...]
    duplicates: tuple[Duplicate, ...]  # those that hold most first
    old_details: int  # of what is there, read before the moment that was asked for
    gone: int


# --- what was tried --------------------------------------------------------------------------------------------------


#: The tools whose history is imported, as the `source` of what they tried.
REDRIVA, RDTM = "redriva", "rdtm"


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridAttempt:
    """One thing that was tried to repair a torrent. What another tool tried is imported with its name as `source`."""

    id: int = 0  # given by the store
    hash: str
    torrent_id: str
    at: datetime
    act: str
    outcome: str
    code: int | None = None  # the error code of Real-Debrid
    detail: Mapping[str, Any] = EMPTY
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridFailure:
    """What is wrong with a torrent, whatever its id is at the moment. One per hash and kind."""

    hash: str
    kind: str  # its status, or the name of an error code
    torrent_id: str  # the latest
    name: str
    first_at: datetime
    last_at: datetime
    times: int = 1
    code: int | None = None
    final: bool = False  # nothing more is tried
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridRetry:
    """A repair that is to come or under way. One per hash."""

    hash: str
    torrent_id: str
    due_at: datetime
    priority: int = 0  # lower goes first
    tries: int = 0
    reason: str = ""
    state: Mapping[str, Any] = EMPTY  # of who repairs, plain JSON
