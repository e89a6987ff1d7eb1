"""Who uses whom, and whether that is set up so that they don't get in each other's way."""

from collections import defaultdict
from collections.abc import Iterator

from ...model.backend import ARR_KINDS, DOWNLOAD_CLIENT_KINDS, Backend
from ...model.library import ArrSnapshot, DownloadClientLink, Severity
from .base import Finding, Found, Look, good, problem


def no_download_client(look: Look) -> Iterator[Finding]:
    """Tell an *arr that can't download at all: none of its download clients is switched on."""
    for arr, snapshot in _answering(look):
        if not any(link.enabled for link in snapshot.wiring.download_clients):
            yield problem(Found.NO_DOWNLOAD_CLIENT, Severity.WARNING, arr, arr=arr.title)


def no_category(look: Look) -> Iterator[Finding]:
    """Warn of an entry without a category: the *arr then takes every download of the client for its own."""
    for arr, snapshot in _answering(look):
        for link in snapshot.wiring.download_clients:
            if link.enabled and not link.category and _supported(link):
                yield problem(
                    Found.NO_CATEGORY, Severity.WARNING, arr, subject=str(link.id), arr=arr.title, link=link.name
                )


def shared_category(look: Look) -> Iterator[Finding]:
    """Warn of *arrs that share a category of one client: each sees the other's downloads as unknown items.

    Only where the topology is sure enough that it is one client.
    """
    sharing: dict[tuple[str, str], dict[str, Backend]] = defaultdict(dict)
    for arr, snapshot in _answering(look):
        for link in snapshot.wiring.download_clients:
            edge = look.world.topology.edge(arr.id, link.id)
            if edge and link.category:
                sharing[edge.target, link.category.casefold()][arr.id] = arr
    for (client_id, category), arrs in sharing.items():
        if len(arrs) > 1:
            yield problem(
                Found.SHARED_CATEGORY,
                Severity.WARNING,
                look.world.backends[client_id],
                subject=category,
                arrs=tuple(arr.title for arr in arrs.values()),
                category=category,
                client=look.world.title(client_id),
            )


def open_questions(look: Look) -> Iterator[Finding]:
    """Ask what could not be told: an entry that may be any of several backends."""
    for question in look.world.topology.open_questions:
        yield problem(
            Found.OPEN_QUESTION,
            Severity.NOTICE,
            look.world.backends.get(question.source),
            subject=str(question.link_id),
            source=look.world.title(question.source),
            link=question.link_name,
            candidates=tuple(look.world.title(each) for each in question.candidates),
        )


def not_connected(look: Look) -> Iterator[Finding]:
    """Tell what an *arr downloads with, or an indexer manager feeds, and SOKOUL could see too but doesn't.

    Programs of kinds that SOKOUL can't connect are nothing that a person could do anything about.
    """
    for stranger in look.world.topology.strangers:
        if stranger.implementation.casefold() in ARR_KINDS | DOWNLOAD_CLIENT_KINDS:
            yield problem(
                Found.NOT_CONNECTED,
                Severity.NOTICE,
                look.world.backends.get(stranger.source),
                subject=str(stranger.link_id),
                evidence={"address": stranger.address},
                source=look.world.title(stranger.source),
                link=stranger.link_name,
            )


def not_fed(look: Look) -> Iterator[Finding]:
    """Tell an *arr that no connected indexer manager feeds.

    Not while an entry of the manager is an open question or somebody else: it may be this one.
    """
    fed = {target for manager in look.indexer_managers for target in _fed_by(manager, look)}
    topology = look.world.topology
    undecided = {entry.source for entry in topology.open_questions} | {entry.source for entry in topology.strangers}
    for manager in look.indexer_managers:
        if manager.id in undecided:
            continue
        for arr in look.arrs:
            if arr.id not in fed:
                yield problem(
                    Found.NOT_FED, Severity.NOTICE, manager, subject=arr.id, manager=manager.title, arr=arr.title
                )


def all_good(look: Look) -> Finding | None:
    """Say who uses whom."""
    return good(Found.GOOD_WIRING, count=len(look.world.topology.edges)) if look.world.topology.edges else None


CHECKS = (no_download_client, no_category, shared_category, not_fed, open_questions, not_connected)


def _answering(look: Look) -> Iterator[tuple[Backend, ArrSnapshot]]:
    return ((arr, arr.arr) for arr in look.arrs if arr.arr is not None)


def _fed_by(manager: Backend, look: Look) -> Iterator[str]:
    for application in manager.indexer_manager.applications if manager.indexer_manager else ():
        edge = look.world.topology.edge(manager.id, application.id)
        if edge and application.sync_level != "disabled":
            yield edge.target


def _supported(link: DownloadClientLink) -> bool:
    return link.implementation.casefold() in DOWNLOAD_CLIENT_KINDS
