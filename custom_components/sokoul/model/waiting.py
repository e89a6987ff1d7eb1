"""Why a download makes no progress, from what its client and its *arr say at this moment.

Judged by states and numbers alone, never by message texts: those are translated and change with versions. A message
of a backend is shown as what it is, a quotation. What needs time to be judged (is it stuck?) is not decided here:
these are the visible reasons, and the first one in the chain client -> swarm -> *arr is the one that counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
import re

from .backend import Backend
from .downloads import BROKEN_STATES, ConnectionStatus, DownloadState, Torrent
from .library import QueueItem, QueueStatus, TrackedState, TrackedStatus
from .paths import contains
from .reasons import NOTHING, Reason, Value, known


class Wait(StrEnum):
    """Every reason, by the key of its text."""

    CHECKING = "wait.checking"
    CLIENT_DISCONNECTED = "wait.client_disconnected"
    CLIENT_UNAVAILABLE = "wait.client_unavailable"
    CLIENT_UNAVAILABLE_TO_ARR = "wait.client_unavailable_to_arr"
    DELAYED = "wait.delayed"
    DISK_FULL = "wait.disk_full"
    ERROR = "wait.error"
    FAILED = "wait.failed"
    IMPORT_BLOCKED = "wait.import_blocked"
    IMPORT_PENDING = "wait.import_pending"
    IMPORTING = "wait.importing"
    IN_RESERVE = "wait.in_reserve"
    MISSING_FILES = "wait.missing_files"
    MOVING = "wait.moving"
    NOBODY = "wait.nobody"
    NOT_IN_CLIENT = "wait.not_in_client"
    NO_COMPLETE_COPY = "wait.no_complete_copy"
    NO_DATA = "wait.no_data"
    NO_METADATA = "wait.no_metadata"
    QUEUED = "wait.queued"
    SEEDS_OUT_OF_REACH = "wait.seeds_out_of_reach"
    STARTING = "wait.starting"
    STOPPED = "wait.stopped"
    UNKNOWN = "wait.unknown"
    WARNING = "wait.warning"


#: Nothing but a person, a rule or a repair makes these go on.
NEEDS_HELP = frozenset({Wait.ERROR, Wait.DISK_FULL, Wait.FAILED, Wait.IMPORT_BLOCKED, Wait.MISSING_FILES})
#: The swarm has not given anything yet: judged by how long that lasts.
NEEDS_PATIENCE = frozenset(
    {Wait.NOBODY, Wait.NO_COMPLETE_COPY, Wait.NO_DATA, Wait.NO_METADATA, Wait.SEEDS_OUT_OF_REACH, Wait.UNKNOWN}
)

#: A torrent that was just added or connected reads as stalled, and an *arr looks into its client once a minute.
STARTING_FOR = timedelta(minutes=2)
#: With less than this left a download client stops with errors: pieces are written whole and disks keep a reserve.
FULL_BELOW_BYTES = 100 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    """What of a download client bears on the torrents in it. Equal views mean equal reasons."""

    title: str
    available: bool
    unavailable_since: datetime | None
    read: bool  # whether its torrents are known at all
    connected: bool
    full_bytes: int | None  # what is left on the default disk, only when that is too little
    default_folder: str
    maximum_active: int | None

    @classmethod
    def of(cls, backend: Backend) -> ClientView:
        """Look at a backend that is a download client."""
        snapshot = backend.client
        settings = snapshot.settings if snapshot else None
        free = snapshot.transfer.free_bytes if snapshot else None
        return cls(
            title=backend.title,
            available=backend.available,
            unavailable_since=backend.unavailable_since,
            read=snapshot is not None,
            connected=snapshot is None or snapshot.transfer.connection is not ConnectionStatus.DISCONNECTED,
            full_bytes=free if free is not None and free < FULL_BELOW_BYTES else None,
            default_folder=settings.save_path if settings else "",
            maximum_active=settings.maximum_active_downloads if settings else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An *arr that waits for a download: the backend's id and title, and the item in its queue."""

    backend_id: str
    title: str
    item: QueueItem


def torrent_waits(torrent: Torrent, client: ClientView, claims: Sequence[Claim], now: datetime) -> Reason | None:
    """Return why a torrent makes no progress, or None while it does, and once nothing more is to come."""
    broken = torrent.state in BROKEN_STATES
    if torrent.finished and not broken and torrent.state is not DownloadState.MOVING:
        return import_waits(claims)
    if not client.available:
        return _away(client)
    judge = _BY_STATE.get(torrent.state)
    return judge(torrent, client, now) if judge else None


def import_waits(claims: Sequence[Claim]) -> Reason | None:
    """Return why what is complete is not in the library: of several *arrs the one with the worst to say counts."""
    reasons = [reason for claim in claims if (reason := _import_of(claim))]
    return min(reasons, key=lambda reason: _IMPORT_ORDER.index(reason.key), default=None)


def claim_waits(claims: Sequence[Claim], client: ClientView | None, now: datetime) -> Reason | None:
    """Return why a download makes no progress that is in no client that SOKOUL sees.

    `client` is the download client that the topology names for it, None when that one is not connected.
    """
    claim = claims[0]
    item = claim.item
    if item.download_id is None or item.status in _PENDING:
        return _pending(claim)
    if item.status is QueueStatus.COMPLETED or item.tracked_state in _PAST_DOWNLOADING:
        return import_waits(claims)
    return _unfinished(claim) if client is None else _not_there(claim, client, now)


# -- of a torrent, by its state -----------------------------------------------------------------------------------


def _metadata(torrent: Torrent, client: ClientView, now: datetime) -> Reason:
    if not client.connected:
        return Reason(key=Wait.CLIENT_DISCONNECTED, parameters={"client": client.title})
    if _young(torrent.added_at, now):
        return Reason(key=Wait.STARTING)
    return Reason(key=Wait.NO_METADATA, evidence=swarm_evidence(torrent))


def _stalled(torrent: Torrent, client: ClientView, now: datetime) -> Reason:
    if (full := _full(torrent, client)) is not None:
        return full
    if not client.connected:
        return Reason(key=Wait.CLIENT_DISCONNECTED, parameters={"client": client.title})
    if _young(torrent.added_at, now):
        return Reason(key=Wait.STARTING)
    return _swarm_gives_nothing(torrent)


def _swarm_gives_nothing(torrent: Torrent) -> Reason:
    evidence = swarm_evidence(torrent)
    together = torrent.availability or 0.0  # what the connected peers have, as complete copies
    if torrent.seeds or together >= 1:
        return Reason(key=Wait.NO_DATA, evidence=evidence)
    if torrent.swarm_seeds:
        return Reason(key=Wait.SEEDS_OUT_OF_REACH, parameters={"seeds": torrent.swarm_seeds}, evidence=evidence)
    others = (torrent.swarm_peers or 0) > 1  # the tracker counts us among those who still need it
    if torrent.peers or others or together:
        return Reason(key=Wait.NO_COMPLETE_COPY, parameters={"availability": together}, evidence=evidence)
    return Reason(key=Wait.NOBODY, evidence=evidence)


def _error(torrent: Torrent, client: ClientView, _now: datetime) -> Reason:
    return _full(torrent, client) or Reason(key=Wait.ERROR, parameters={"client": client.title})


def _missing(torrent: Torrent, client: ClientView, _now: datetime) -> Reason:
    return Reason(key=Wait.MISSING_FILES, parameters={"client": client.title}, evidence={"folder": torrent.save_path})


def _queued(_torrent: Torrent, client: ClientView, _now: datetime) -> Reason:
    return Reason(
        key=Wait.QUEUED, parameters={"client": client.title}, evidence=known(maximum_active=client.maximum_active)
    )


def _plain(key: Wait) -> _Judge:
    def judge(_torrent: Torrent, client: ClientView, _now: datetime) -> Reason:
        return Reason(key=key, parameters={"client": client.title})

    return judge


def _full(torrent: Torrent, client: ClientView) -> Reason | None:
    """Blame the disk, if it is the one the torrent is on: the free space is that of the client's default folder."""
    if client.full_bytes is None or not contains(client.default_folder, torrent.save_path):
        return None
    return Reason(key=Wait.DISK_FULL, parameters={"client": client.title, "free": client.full_bytes})


def swarm_evidence(torrent: Torrent) -> dict[str, Value]:
    """Return what a client says of a swarm."""
    return known(
        seeds=torrent.seeds,
        peers=torrent.peers,
        swarm_seeds=torrent.swarm_seeds,
        swarm_peers=torrent.swarm_peers,
        availability=torrent.availability,
        complete_seen=torrent.complete_seen_at,
        added=torrent.added_at,
    )


def _young(added: datetime | None, now: datetime) -> bool:
    return added is not None and now - added < STARTING_FOR


type _Judge = Callable[[Torrent, ClientView, datetime], Reason]

_BY_STATE: dict[DownloadState, _Judge] = {
    DownloadState.STALLED: _stalled,
    DownloadState.METADATA: _metadata,
    DownloadState.ERROR: _error,
    DownloadState.MISSING_FILES: _missing,
    DownloadState.QUEUED: _queued,
    DownloadState.STOPPED: _plain(Wait.STOPPED),
    DownloadState.CHECKING: _plain(Wait.CHECKING),
    DownloadState.MOVING: _plain(Wait.MOVING),
    DownloadState.UNKNOWN: _plain(Wait.UNKNOWN),
}

# -- of a queue item ----------------------------------------------------------------------------------------------

#: Kept back by the *arr: no download client has seen it.
_PENDING = frozenset({QueueStatus.DELAY, QueueStatus.FALLBACK})
_PAST_DOWNLOADING = frozenset(
    {
        TrackedState.IMPORT_BLOCKED,
        TrackedState.IMPORT_PENDING,
        TrackedState.IMPORTING,
        TrackedState.IMPORTED,
        TrackedState.FAILED,
        TrackedState.FAILED_PENDING,
        TrackedState.IGNORED,
    }
)
#: The worst first.
_IMPORT_ORDER: tuple[str, ...] = (
    Wait.IMPORT_BLOCKED,
    Wait.FAILED,
    Wait.CLIENT_UNAVAILABLE_TO_ARR,
    Wait.IMPORT_PENDING,
    Wait.IMPORTING,
)


def _pending(claim: Claim) -> Reason:
    item = claim.item
    key = {
        QueueStatus.CLIENT_UNAVAILABLE: Wait.CLIENT_UNAVAILABLE_TO_ARR,
        QueueStatus.FALLBACK: Wait.IN_RESERVE,
    }.get(item.status, Wait.DELAYED)
    return Reason(
        key=key,
        parameters={"arr": claim.title},
        evidence=known(time_left=item.time_left),
        backend_id=claim.backend_id,
    )


def _not_there(claim: Claim, client: ClientView, now: datetime) -> Reason:
    """Judge an item whose client is known, and doesn't have it or was not read."""
    item = claim.item
    if not client.available or not client.read:
        return _away(client)
    if _young(item.added_at, now):
        return Reason(key=Wait.STARTING)
    return Reason(
        key=Wait.NOT_IN_CLIENT,
        parameters={"arr": claim.title, "client": client.title},
        evidence=known(added=item.added_at, queue_status=item.status.value),
        backend_id=claim.backend_id,
    )


def _unfinished(claim: Claim) -> Reason | None:
    """Judge an item of a client that is not connected by what the *arr says of it."""
    item = claim.item
    if item.status is QueueStatus.DOWNLOADING:
        return None
    key = _OF_STATUS.get(item.status, Wait.UNKNOWN)
    parameters: dict[str, Value] = {"arr": claim.title, "client": item.download_client or claim.title}
    evidence = {"queue_status": item.status.value} | _message(item)
    return Reason(key=key, parameters=parameters, evidence=evidence, backend_id=claim.backend_id)


_OF_STATUS = {
    QueueStatus.QUEUED: Wait.QUEUED,
    QueueStatus.PAUSED: Wait.STOPPED,
    QueueStatus.WARNING: Wait.WARNING,
    QueueStatus.FAILED: Wait.FAILED,
    QueueStatus.CLIENT_UNAVAILABLE: Wait.CLIENT_UNAVAILABLE_TO_ARR,
}


def _import_of(claim: Claim) -> Reason | None:
    item = claim.item
    key = _IMPORT_STATES.get(item.tracked_state) or _IMPORT_STATUSES.get(item.status, Wait.IMPORT_PENDING)
    if key is _DONE:
        return None
    complains = item.tracked_status in {TrackedStatus.WARNING, TrackedStatus.ERROR}
    if key is Wait.IMPORT_PENDING and complains:
        key = Wait.IMPORT_BLOCKED  # how older versions say it
    evidence = _message(item) if key in _QUOTED else NOTHING
    return Reason(key=key, parameters={"arr": claim.title}, evidence=evidence, backend_id=claim.backend_id)


_DONE = "done"
_IMPORT_STATES: dict[TrackedState, str] = {
    TrackedState.IMPORTED: _DONE,
    TrackedState.IGNORED: _DONE,
    TrackedState.IMPORTING: Wait.IMPORTING,
    TrackedState.IMPORT_BLOCKED: Wait.IMPORT_BLOCKED,
    TrackedState.FAILED: Wait.FAILED,
    TrackedState.FAILED_PENDING: Wait.FAILED,
}
_IMPORT_STATUSES = {
    QueueStatus.CLIENT_UNAVAILABLE: Wait.CLIENT_UNAVAILABLE_TO_ARR,
    QueueStatus.FAILED: Wait.FAILED,
}
_QUOTED = frozenset({Wait.IMPORT_BLOCKED, Wait.FAILED, Wait.CLIENT_UNAVAILABLE_TO_ARR})


def _message(item: QueueItem) -> dict[str, Value]:
    """Quote what the *arr itself says, word for word, but not just the name of the file that it is about."""
    said = [text for text in (*item.messages, item.error_message) if text]
    return known(message=next((text for text in said if not _FILE_NAME.fullmatch(text)), said[0] if said else None))


#: One word, or something with the ending of a file.
_FILE_NAME = re.compile(r"\S+|[^/\\]+\.\w{2,4}")


def _away(client: ClientView) -> Reason:
    return Reason(
        key=Wait.CLIENT_UNAVAILABLE,
        parameters={"client": client.title},
        evidence=known(since=client.unavailable_since),
    )
