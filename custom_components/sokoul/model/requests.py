"""What people ask for in a Seerr (Overseerr, Jellyseerr, Seerr): requests for movies and series."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .library import TitleKind


class RequestStatus(StrEnum):
    """What was decided about a request, and what became of it."""

    PENDING = "pending"  # nobody has approved it yet
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"  # it was approved, and could not be handed on
    COMPLETED = "completed"  # all of it is there
    UNKNOWN = "unknown"


class RequestFilter(StrEnum):
    """Which requests to list."""

    ALL = "all"
    PENDING = "pending"
    APPROVED = "approved"  # of an Overseerr those that are there since long, too
    PROCESSING = "processing"  # approved, and not all of it is there


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRequest:
    """A request. It has no title: its ids tell what is meant."""

    id: int
    kind: TitleKind  # a movie or a series
    ids: frozenset[str]  # "tmdb:438631", "tvdb:121361", "imdb:tt1160419"
    seasons: tuple[int, ...] = ()  # of a series, those that are asked for
    status: RequestStatus = RequestStatus.UNKNOWN
    available: bool = False  # all of the title is there
    in_4k: bool = False
    requested_by: str = ""  # the name that is shown there; empty: it doesn't tell
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRequests:
    """Requests, the newest first: the first of them, where they are many."""

    requests: tuple[MediaRequest, ...] = ()
    more: int = 0  # that were not read


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsSnapshot:
    """A Seerr at one moment."""

    version: str
    instance_name: str
    pending: int = 0  # requests that nobody has approved yet
    processing: int = 0  # that were approved, and are not all there
