"""What a finding is, and what a check is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from ...model.backend import Backend
from ...model.library import Severity
from ...model.reasons import NOTHING, Value
from ...model.world import Download, DownloadIndex, World

#: Free space over time: by `backend id/disk path` (no path for a download client), pairs of epoch seconds and bytes.
type FreeSpace = Mapping[str, Sequence[Sequence[float]]]


class Found(StrEnum):
    """Every finding, by the key of its text. Its advice has the same name under `advice.`."""

    # backends
    NEVER_ANSWERED = "finding.never_answered"
    UNAVAILABLE = "finding.unavailable"
    VERSION_TOO_OLD = "finding.version_too_old"
    VERSION_AGING = "finding.version_aging"
    HEALTH = "finding.health"
    # download clients
    DISCONNECTED = "finding.disconnected"
    FIREWALLED = "finding.firewalled"
    RANDOM_PORT = "finding.random_port"
    NOT_BOUND = "finding.not_bound"
    SHARE_LIMIT_REMOVES = "finding.share_limit_removes"
    REMOVED_TOO_EARLY = "finding.removed_too_early"
    OTHER_TOOLS = "finding.other_tools"
    MARKS_RESPECTED = "finding.marks_respected"
    # VPNs
    CLOSED_ROUTES = "finding.closed_routes"
    DNS_OUTSIDE = "finding.dns_outside"
    NOBODY_BEHIND = "finding.nobody_behind"
    # wiring
    NO_DOWNLOAD_CLIENT = "finding.no_download_client"
    NO_CATEGORY = "finding.no_category"
    SHARED_CATEGORY = "finding.shared_category"
    OPEN_QUESTION = "finding.open_question"
    NOT_CONNECTED = "finding.not_connected"
    NOT_FED = "finding.not_fed"
    # indexers
    NO_INDEXERS = "finding.no_indexers"
    INDEXERS_FAILING = "finding.indexers_failing"
    PROTOCOL_FAILING = "finding.protocol_failing"
    # disks
    DISK_LOW = "finding.disk_low"
    DISK_FILLS = "finding.disk_fills"
    ROOT_FOLDER_GONE = "finding.root_folder_gone"
    # paths
    HARDLINKS_OFF = "finding.hardlinks_off"
    HARDLINKS_IMPOSSIBLE = "finding.hardlinks_impossible"
    PATHS_OF_ANOTHER_SYSTEM = "finding.paths_of_another_system"
    FOLDER_UNSEEN = "finding.folder_unseen"
    MAPPING_UNUSED = "finding.mapping_unused"
    PATH_MAP_WRONG = "finding.path_map_wrong"
    LINKS_UNSEEN = "finding.links_unseen"
    # downloads
    NOTHING_MOVES = "finding.nothing_moves"
    DISK_FULL = "finding.disk_full"
    MISSING_FILES = "finding.missing_files"
    ERRORS = "finding.errors"
    IMPORT_BLOCKED = "finding.import_blocked"
    FAILED = "finding.failed"
    NO_SOURCES = "finding.no_sources"
    NO_COMPLETE_COPY = "finding.no_complete_copy"
    SEEDS_OUT_OF_REACH = "finding.seeds_out_of_reach"
    NO_DATA = "finding.no_data"
    NO_METADATA = "finding.no_metadata"
    UNKNOWN_STATE = "finding.unknown_state"
    WAITING_FOR_IMPORT = "finding.waiting_for_import"
    NOT_IN_CLIENT = "finding.not_in_client"
    UNKNOWN_ITEMS = "finding.unknown_items"
    # what was looked at and is well
    GOOD_BACKENDS = "finding.good_backends"
    GOOD_CLIENTS = "finding.good_clients"
    GOOD_WIRING = "finding.good_wiring"
    GOOD_INDEXERS = "finding.good_indexers"
    GOOD_DISKS = "finding.good_disks"
    GOOD_PATHS = "finding.good_paths"
    GOOD_DOWNLOADS = "finding.good_downloads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check-up has to say. `Severity.OK` is what was looked at and is well.

    `subject` tells it from others of the same key and backend: a disk, a health check, a category.
    """

    key: str
    severity: Severity
    backend_id: str | None = None
    subject: str = ""
    parameters: Mapping[str, Value] = NOTHING
    evidence: Mapping[str, Value] = NOTHING
    advice: str | None = None

    @property
    def id(self) -> str:
        """Return the same id for the same finding at the next check-up."""
        return "/".join((self.key.removeprefix("finding."), self.backend_id or "", self.subject)).rstrip("/")


def problem(
    key: Found,
    severity: Severity,
    about: Backend | None,
    /,
    *,
    subject: str = "",
    evidence: Mapping[str, Value] = NOTHING,
    advice: str | None = None,
    **parameters: Value,
) -> Finding:
    """Make a finding that asks for something, with its advice."""
    return Finding(
        key=key,
        severity=severity,
        backend_id=about.id if about else None,
        subject=subject,
        parameters=parameters,
        evidence=evidence,
        advice=advice or f"advice.{key.value.removeprefix('finding.')}",
    )


def good(key: Found, about: Backend | None = None, /, **parameters: Value) -> Finding:
    """Make a finding that asks for nothing."""
    return Finding(key=key, severity=Severity.OK, backend_id=about.id if about else None, parameters=parameters)


class Look:
    """Everything a check may look at, at one moment. Only backends that answer are judged by what they say."""

    def __init__(self, world: World, free_space: FreeSpace, now: datetime, index: DownloadIndex | None = None) -> None:
        self.world = world
        self.free_space = free_space
        self.now = now
        self._index = index

    @cached_property
    def index(self) -> DownloadIndex:
        """All downloads."""
        if self._index is not None:
            return self._index
        index = DownloadIndex()
        index.update(self.world, self.now)
        return index

    @cached_property
    def clients(self) -> tuple[Backend, ...]:
        """The download clients that answer."""
        return tuple(backend for backend, _ in self.world.clients if backend.available)

    @cached_property
    def arrs(self) -> tuple[Backend, ...]:
        """The *arrs that answer."""
        return tuple(backend for backend, _ in self.world.arrs if backend.available)

    @cached_property
    def indexer_managers(self) -> tuple[Backend, ...]:
        """The indexer managers that answer."""
        return tuple(backend for backend, _ in self.world.indexer_managers if backend.available)

    def arrs_of(self, client: Backend) -> tuple[Backend, ...]:
        """Return the *arrs that answer and use a download client."""
        using = self.world.topology.sources(client.id)
        return tuple(arr for arr in self.arrs if arr.id in using)


def labels(downloads: Sequence[Download]) -> tuple[str, ...]:
    """Return what the downloads are called, in order, each name once."""
    return tuple(dict.fromkeys(sorted(download.label for download in downloads)))
