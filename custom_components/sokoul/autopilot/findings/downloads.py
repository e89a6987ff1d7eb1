"""What is stuck and why: one finding for one cause, however many downloads it holds up."""

from collections import defaultdict
from collections.abc import Iterator

from ...model.backend import ARR_KINDS, DOWNLOAD_CLIENT_KINDS, Backend
from ...model.downloads import ACTIVE_STATES, DownloadState
from ...model.library import QueueStatus, Severity
from ...model.reasons import Value, known
from ...model.waiting import NEEDS_PATIENCE, Wait
from ...model.world import Download
from .base import Finding, Found, Look, good, labels, problem
from .paths import IMPORT_PATIENCE

#: So many downloads that all rest are hardly the fault of each of their swarms.
SUSPICIOUSLY_MANY = 5

#: What a cause is called, and how bad it is.
_CAUSES: dict[str, tuple[Found, Severity]] = {
    Wait.DISK_FULL: (Found.DISK_FULL, Severity.ERROR),
    Wait.MISSING_FILES: (Found.MISSING_FILES, Severity.ERROR),
    Wait.ERROR: (Found.ERRORS, Severity.WARNING),
    Wait.IMPORT_BLOCKED: (Found.IMPORT_BLOCKED, Severity.WARNING),
    Wait.FAILED: (Found.FAILED, Severity.WARNING),
    Wait.NOBODY: (Found.NO_SOURCES, Severity.WARNING),
    Wait.NO_COMPLETE_COPY: (Found.NO_COMPLETE_COPY, Severity.WARNING),
    Wait.SEEDS_OUT_OF_REACH: (Found.SEEDS_OUT_OF_REACH, Severity.WARNING),
    Wait.NO_DATA: (Found.NO_DATA, Severity.WARNING),
    Wait.NO_METADATA: (Found.NO_METADATA, Severity.WARNING),
    Wait.UNKNOWN: (Found.UNKNOWN_STATE, Severity.NOTICE),
}


def stuck(look: Look) -> Iterator[Finding]:
    """Tell stuck downloads by cause.

    Stuck is judged by the torrents' own times, and never while their client is away or without a line. When
    everything a client tries to fetch rests, the swarms are not to blame: that is one finding about the client.
    """
    groups: dict[tuple[str, str], list[Download]] = defaultdict(list)
    for download in look.index.stuck(look.now):
        if download.waits is not None:
            groups[download.waits.key, _whose(download)].append(download)
    for client in look.clients:
        resting = [each for key in NEEDS_PATIENCE for each in groups.get((key, client.id), ())]
        if len(resting) >= SUSPICIOUSLY_MANY and _all_rests(client, len(resting)):
            for key in NEEDS_PATIENCE:
                groups.pop((key, client.id), None)
            yield problem(Found.NOTHING_MOVES, Severity.ERROR, client, client=client.title, count=len(resting))
    for cause, (found, severity) in _CAUSES.items():
        for backend in (*look.clients, *look.arrs):
            if downloads := groups.get((cause, backend.id)):
                yield problem(
                    found,
                    severity,
                    backend,
                    evidence=_quotation(downloads),
                    backend=backend.title,
                    count=len(downloads),
                    names=labels(downloads),
                )


def _quotation(downloads: list[Download]) -> dict[str, Value]:
    """Quote the first of the downloads of which an *arr says something."""
    said = (download.waits.evidence.get("message") for download in downloads if download.waits)
    return known(message=next((message for message in said if message is not None), None))


def waiting_for_import(look: Look) -> Iterator[Finding]:
    """Tell what is complete for over an hour, and its *arr has neither imported it nor complained."""
    late: dict[str, list[Download]] = defaultdict(list)
    for download in look.index:
        done = download.torrent.completed_at if download.torrent else None
        if (
            download.waits is not None
            and download.waits.key == Wait.IMPORT_PENDING
            and done is not None
            and look.now - done >= IMPORT_PATIENCE
        ):
            late[_whose(download)].append(download)
    for arr in look.arrs:
        if downloads := late.get(arr.id):
            yield problem(
                Found.WAITING_FOR_IMPORT,
                Severity.WARNING,
                arr,
                arr=arr.title,
                count=len(downloads),
                names=labels(downloads),
            )


def not_in_client(look: Look) -> Iterator[Finding]:
    """Tell what an *arr waits for that its client doesn't have (never of a client that is only guessed).

    For an hour at least: an *arr looks into its client once a minute, and what is just grabbed is under way.
    """
    missing: dict[tuple[str, str], list[Download]] = defaultdict(list)
    for download in look.index:
        if download.waits is None or download.waits.key != Wait.NOT_IN_CLIENT or download.client_id is None:
            continue
        if download.added_at is None or look.now - download.added_at < IMPORT_PATIENCE:
            continue
        missing[download.arr_ids[0], download.client_id].append(download)
    for edge in look.world.topology.edges:
        downloads = missing.pop((edge.source, edge.target), None)
        arr = next((arr for arr in look.arrs if arr.id == edge.source), None)
        if downloads and arr:
            yield problem(
                Found.NOT_IN_CLIENT,
                Severity.WARNING,
                arr,
                subject=edge.target,
                arr=arr.title,
                client=look.world.title(edge.target),
                count=len(downloads),
                names=labels(downloads),
            )


def unknown_items(look: Look) -> Iterator[Finding]:
    """Tell items in an *arr's queue of which it doesn't know what they are: it will never import them by itself."""
    for arr in look.arrs:
        unknown = [
            item.release
            for item in (arr.arr.queue if arr.arr else ())
            if not item.titles and item.download_id and item.status not in {QueueStatus.DELAY, QueueStatus.FALLBACK}
        ]
        if unknown:
            yield problem(
                Found.UNKNOWN_ITEMS,
                Severity.NOTICE,
                arr,
                arr=arr.title,
                count=len(unknown),
                names=tuple(sorted(set(unknown))),
            )


def all_good(look: Look) -> Finding | None:
    """Say how many downloads are under way and that none is stuck; nobody knows while a backend is away."""
    seen = {backend.id for backend in (*look.clients, *look.arrs)}
    if not seen or any(
        backend.kind in _DOWNLOADING and backend.id not in seen for backend in look.world.backends.values()
    ):
        return None
    under_way = sum(not download.finished for download in look.index)
    return good(Found.GOOD_DOWNLOADS, count=under_way)


_DOWNLOADING = ARR_KINDS | DOWNLOAD_CLIENT_KINDS

CHECKS = (stuck, waiting_for_import, not_in_client, unknown_items)


def _whose(download: Download) -> str:
    """Return the backend to look at: the one that the reason names, else the client."""
    named = download.waits.backend_id if download.waits else None
    return named or download.client_id or download.arr_ids[0]


def _all_rests(client: Backend, resting: int) -> bool:
    """Whether nothing that the client tries to fetch moves."""
    totals = client.client.totals if client.client else None
    if totals is None:
        return False
    return totals.count(DownloadState.DOWNLOADING) == 0 and totals.count(*ACTIVE_STATES) == resting
