"""The check-up: everything that is wrong or could be better in the whole stack, at one moment, the worst first.

It judges what is visible now, without a memory, and only reports. One cause gives one finding: what depends on a
backend that is away is not judged, and where SOKOUL sees a thing itself the *arrs' words on it are left out.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain

from ..model.library import Severity
from ..model.world import DownloadIndex, World
from .findings import backends, clients, disks, downloads, indexers, paths, vpns, wiring
from .findings.base import Finding, Found, FreeSpace, Look

__all__ = ["Finding", "Found", "FreeSpace", "check_up"]

type _Check = Callable[[Look], Iterator[Finding]]

#: The areas, in the order in which they are told.
_AREAS: tuple[tuple[tuple[_Check, ...], Callable[[Look], Finding | None]], ...] = tuple(
    (area.CHECKS, area.all_good) for area in (backends, downloads, disks, paths, clients, vpns, indexers, wiring)
)
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTICE, Severity.UNKNOWN, Severity.OK)


def check_up(
    world: World, free_space: FreeSpace, now: datetime, index: DownloadIndex | None = None
) -> tuple[Finding, ...]:
    """Look at everything. An `index` that follows this world already saves joining all downloads anew.

    An area in which there is nothing to do is said to be well, in one finding of severity OK.
    """
    look = Look(world, free_space, now, index)
    areas = [list(chain.from_iterable(check(look) for check in checks)) for checks, _ in _AREAS]
    findings = _without_echoes(chain.from_iterable(areas), world)
    for found, (_, all_good) in zip(areas, _AREAS, strict=True):
        if all(each.severity is Severity.OK for each in found) and (well := all_good(look)) is not None:
            findings.append(well)
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))


#: What the *arrs and Prowlarr say of themselves, and the findings that say it better.
_SAID_BETTER: dict[str, frozenset[str]] = {
    "DownloadClientCheck": frozenset({Found.UNAVAILABLE, Found.NEVER_ANSWERED, Found.NO_DOWNLOAD_CLIENT}),
    "DownloadClientStatusCheck": frozenset({Found.UNAVAILABLE, Found.NEVER_ANSWERED}),
    "DownloadClientRemovesCompletedDownloadsCheck": frozenset({Found.SHARE_LIMIT_REMOVES}),
    "RemotePathMappingCheck": frozenset({Found.PATHS_OF_ANOTHER_SYSTEM}),
    "RootFolderCheck": frozenset({Found.ROOT_FOLDER_GONE}),
    "IndexerStatusCheck": frozenset({Found.PROTOCOL_FAILING, Found.INDEXERS_FAILING}),
    "IndexerLongTermStatusCheck": frozenset({Found.PROTOCOL_FAILING, Found.INDEXERS_FAILING}),
    "IndexerRssCheck": frozenset({Found.PROTOCOL_FAILING, Found.NO_INDEXERS, Found.NOT_FED}),
    "IndexerSearchCheck": frozenset({Found.PROTOCOL_FAILING, Found.NO_INDEXERS, Found.NOT_FED}),
    "IndexerCheck": frozenset({Found.NO_INDEXERS}),
}
#: Findings that follow from others.
_FOLLOWS: dict[str, frozenset[str]] = {
    Found.DISK_LOW: frozenset({Found.DISK_FULL}),
    Found.WAITING_FOR_IMPORT: frozenset({Found.FOLDER_UNSEEN, Found.PATHS_OF_ANOTHER_SYSTEM}),
    Found.HARDLINKS_IMPOSSIBLE: frozenset({Found.FOLDER_UNSEEN, Found.PATHS_OF_ANOTHER_SYSTEM}),
}


def _without_echoes(findings: Iterable[Finding], world: World) -> list[Finding]:
    """Leave out what is said better, or is the cause, in a finding about the same backend or a neighbour of it."""
    findings = list(findings)
    told = {(finding.key, finding.backend_id) for finding in findings}
    kept = []
    for finding in findings:
        if finding.key == Found.HEALTH:
            instead = _SAID_BETTER.get(finding.subject, frozenset())
        else:
            instead = _FOLLOWS.get(finding.key, frozenset())
        near = {finding.backend_id}
        if finding.backend_id is not None:
            near |= {*world.topology.targets(finding.backend_id), *world.topology.sources(finding.backend_id)}
        if not any((key, backend_id) in told for key in instead for backend_id in near):
            kept.append(finding)
    return kept
