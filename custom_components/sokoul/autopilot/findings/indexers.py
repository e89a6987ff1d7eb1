"""Do the indexers answer? What Prowlarr keeps away from after failures counts as failing."""

from collections.abc import Iterator

from ...model.backend import Backend
from ...model.library import Indexer, Protocol, Severity
from ...model.reasons import Value, known
from .base import Finding, Found, Look, good, problem


def no_indexers(look: Look) -> Iterator[Finding]:
    """Tell an indexer manager without a single indexer that is switched on."""
    for manager in look.indexer_managers:
        if not _enabled(manager):
            yield problem(Found.NO_INDEXERS, Severity.WARNING, manager, manager=manager.title)


def failing(look: Look) -> Iterator[Finding]:
    """Tell failing indexers: an error when none of a protocol is left, else one finding for all of them.

    A few failing indexers are everyday; when half of them fail it is more likely a cause they share.
    """
    for manager in look.indexer_managers:
        enabled = _enabled(manager)
        down = [indexer for indexer in enabled if indexer.failing(look.now)]
        gone = {
            protocol
            for protocol in (Protocol.TORRENT, Protocol.USENET)
            if (of_it := [each for each in enabled if each.protocol is protocol])
            and all(each in down for each in of_it)
        }
        for protocol in sorted(gone):
            of_it = [indexer for indexer in down if indexer.protocol is protocol]
            yield problem(
                Found.PROTOCOL_FAILING,
                Severity.ERROR,
                manager,
                subject=protocol,
                evidence=_until(of_it),
                manager=manager.title,
                protocol=protocol.value,
                count=len(of_it),
            )
        rest = [indexer for indexer in down if indexer.protocol not in gone]
        if rest:
            yield problem(
                Found.INDEXERS_FAILING,
                Severity.WARNING if len(rest) * 2 >= len(enabled) else Severity.NOTICE,
                manager,
                evidence=_until(rest),
                manager=manager.title,
                count=len(rest),
                names=tuple(sorted(indexer.name for indexer in rest)),
            )


def all_good(look: Look) -> Finding | None:
    """Say how many answer."""
    count = sum(len(_enabled(manager)) for manager in look.indexer_managers)
    return good(Found.GOOD_INDEXERS, count=count) if count else None


CHECKS = (no_indexers, failing)


def _enabled(manager: Backend) -> tuple[Indexer, ...]:
    snapshot = manager.indexer_manager
    return tuple(indexer for indexer in snapshot.indexers if indexer.enabled) if snapshot else ()


def _until(indexers: list[Indexer]) -> dict[str, Value]:
    return known(retry_at=min((each.disabled_until for each in indexers if each.disabled_until), default=None))
