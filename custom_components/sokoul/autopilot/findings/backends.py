"""Whether the backends answer and are recent enough, and what they say of themselves."""

from collections.abc import Iterator
import re

from ...model.backend import Backend
from ...model.library import HealthIssue, Severity
from ...model.reasons import known
from .base import Finding, Found, Look, good, problem


def unavailable(look: Look) -> Iterator[Finding]:
    """Tell which backends do not answer. What depends on them is not judged, so that one cause is one finding."""
    for backend in look.world.backends.values():
        if backend.available:
            continue
        if backend.unavailable_since is None:
            yield problem(Found.NEVER_ANSWERED, Severity.ERROR, backend, backend=backend.title)
        else:
            silent = look.now - backend.unavailable_since
            yield problem(Found.UNAVAILABLE, Severity.ERROR, backend, backend=backend.title, silent=silent)


def versions(look: Look) -> Iterator[Finding]:
    """Compare versions with the oldest that work and that work well. A version that can't be read is no finding."""
    for backend in look.world.backends.values():
        version = backend.version.removeprefix("v")
        numbers = _numbers(version)
        if numbers is None or not backend.available:
            continue
        if numbers < backend.oldest_version:
            key, severity, wanted = Found.VERSION_TOO_OLD, Severity.WARNING, backend.oldest_version
        elif numbers < backend.recommended_version:
            key, severity, wanted = Found.VERSION_AGING, Severity.NOTICE, backend.recommended_version
        else:
            continue
        yield problem(
            key,
            severity,
            backend,
            backend=backend.title,
            version=version,
            wanted=".".join(str(each) for each in wanted),
        )


#: Checks of the *arrs and Prowlarr that have advice of their own (their class names: the same in every language).
ADVISED = {
    "ApiKeyValidationCheck": "advice.health_settings",
    "ApplicationLongTermStatusCheck": "advice.health_applications",
    "ApplicationStatusCheck": "advice.health_applications",
    "DownloadClientCheck": "advice.health_download_client",
    "DownloadClientRootFolderCheck": "advice.health_download_in_library",
    "DownloadClientSortingCheck": "advice.health_settings",
    "DownloadClientStatusCheck": "advice.health_download_client",
    "ImportListStatusCheck": "advice.health_lists",
    "ImportMechanismCheck": "advice.health_import",
    "IndexerLongTermStatusCheck": "advice.health_indexers",
    "IndexerRssCheck": "advice.health_indexers",
    "IndexerSearchCheck": "advice.health_indexers",
    "IndexerStatusCheck": "advice.health_indexers",
    "IndexerVIPCheck": "advice.health_subscription",
    "IndexerVIPExpiredCheck": "advice.health_subscription",
    "MountCheck": "advice.health_mount",
    "RecyclingBinCheck": "advice.health_mount",
    "RemotePathMappingCheck": "advice.health_paths",
    "RemovedMovieCheck": "advice.health_removed_titles",
    "RemovedSeriesCheck": "advice.health_removed_titles",
    "RootFolderCheck": "advice.health_mount",
    "SystemTimeCheck": "advice.health_clock",
    "UpdateCheck": "advice.health_update",
}
#: An update that waits is no fault, whatever the application calls it.
_NO_FAULT = frozenset({"UpdateCheck"})


def health(look: Look) -> Iterator[Finding]:
    """Pass on what the applications say of themselves, in their words, with advice by the name of the check."""
    for backend in (*look.arrs, *look.indexer_managers):
        for issue in _issues(backend):
            severity = Severity.NOTICE if issue.source in _NO_FAULT else issue.severity
            if severity in {Severity.OK, Severity.UNKNOWN}:
                continue
            yield problem(
                Found.HEALTH,
                severity,
                backend,
                subject=issue.source,
                evidence=known(source=issue.source, link=issue.wiki_url),
                advice=ADVISED.get(issue.source, "advice.health"),
                backend=backend.title,
                message=issue.message,
            )


def all_good(look: Look) -> Finding | None:
    """Say that all answer."""
    if not look.world.backends:
        return None
    return good(Found.GOOD_BACKENDS, count=len(look.world.backends))


CHECKS = (unavailable, versions, health)


def _issues(backend: Backend) -> tuple[HealthIssue, ...]:
    speaker = backend.arr or backend.indexer_manager
    return speaker.health if speaker else ()


def _numbers(version: str) -> tuple[int, ...] | None:
    """Return the numbers of a version such as `v5.2.3`, `6.0.3.9876` or `5.0.0beta1`."""
    found = re.match(r"(\d+(?:\.\d+)*)", version)
    return tuple(int(number) for number in found[1].split(".")) if found else None
