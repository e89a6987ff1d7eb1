"""How the download clients are set up, and who else works in them."""

from collections.abc import Iterator

from ...model.backend import Backend
from ...model.downloads import ConnectionStatus, DownloadClientSnapshot
from ...model.library import DownloadClientLink, Severity
from ...model.waiting import Wait
from .base import Finding, Found, Look, good, problem


def connection(look: Look) -> Iterator[Finding]:
    """Tell a client without a line, and one that nobody can reach although its port could be forwarded.

    `firewalled` is normal: many VPNs forward no port, and a client reads so after each start until somebody calls. It
    asks for something only where the port changes at every start, because then it can't be forwarded at all.
    """
    for client, snapshot in _answering(look):
        status, settings = snapshot.transfer.connection, snapshot.settings
        if status is ConnectionStatus.DISCONNECTED:
            yield problem(
                Found.DISCONNECTED,
                Severity.ERROR,
                client,
                evidence={"interface": settings.interface} if settings and settings.interface else {},
                client=client.title,
            )
        elif status is ConnectionStatus.FIREWALLED and settings and settings.random_port:
            yield problem(Found.RANDOM_PORT, Severity.NOTICE, client, client=client.title)
        elif status is ConnectionStatus.FIREWALLED:
            yield good(Found.FIREWALLED, client, client=client.title)


def binding(look: Look) -> Iterator[Finding]:
    """Advise binding to an interface, only where the client says that it is bound to none."""
    for client, snapshot in _answering(look):
        settings = snapshot.settings
        if settings and settings.interface == "" and not settings.interface_address:
            yield problem(Found.NOT_BOUND, Severity.NOTICE, client, client=client.title)


def share_limit_removes(look: Look) -> Iterator[Finding]:
    """Warn of a client that removes torrents at its own limit: the *arr may not have imported them by then.

    It matters where an *arr uses the client, and is urgent while something complete waits for its import.
    """
    for client, snapshot in _answering(look):
        settings, arrs = snapshot.settings, look.arrs_of(client)
        if not (settings and settings.maximum_ratio_removes and settings.maximum_ratio is not None and arrs):
            continue
        waiting = sum(
            download.client_id == client.id
            and download.finished
            and download.waits is not None
            and download.waits.key in _NOT_IMPORTED
            for download in look.index
        )
        yield problem(
            Found.SHARE_LIMIT_REMOVES,
            Severity.ERROR if waiting else Severity.WARNING,
            client,
            client=client.title,
            arrs=tuple(arr.title for arr in arrs),
            ratio=settings.maximum_ratio,
            waiting=waiting,
        )


_NOT_IMPORTED = frozenset({Wait.IMPORT_PENDING, Wait.IMPORT_BLOCKED, Wait.IMPORTING, Wait.CLIENT_UNAVAILABLE_TO_ARR})


def removed_too_early(look: Look) -> Iterator[Finding]:
    """Tell that an *arr removes what has not shared a whole copy, where that breaks the rules of private trackers.

    Only with what is certain: the *arr removes what is done, the limit that makes it done is below 1, and there are
    private torrents.
    """
    for client, snapshot in _answering(look):
        ratio = snapshot.settings.maximum_ratio if snapshot.settings else None
        if ratio is None or ratio >= 1:
            continue
        for arr, link in _links(look, client):
            if link.removes_completed and any(
                torrent.private and torrent.category == link.category for torrent in snapshot.torrents.values()
            ):
                yield problem(
                    Found.REMOVED_TOO_EARLY, Severity.WARNING, arr, arr=arr.title, client=client.title, ratio=ratio
                )


#: Names that tools which remove downloads leave behind, in categories and tags; a "*" ends a beginning.
REMOVERS = {
    "Obsolete": "decluttarr",
    "cleanuparr-*": "Cleanuparr",
    "swaparr*": "Swaparr",
    "noHL": "qbit_manage",
    "~share_limit*": "qbit_manage",
}
#: Names by which a person or a tool says "hands off": SOKOUL leaves these alone.
RESPECTED = ("cross-seed*", "Keep", "autobrr", "noHL")


def other_tools(look: Look) -> Iterator[Finding]:
    """Notice other tools that remove downloads: two of them with different patience undo each other's work."""
    for client, snapshot in _answering(look):
        names = {*snapshot.tags, *snapshot.categories}
        tools = {tool for mark, tool in REMOVERS.items() for name in names if _matches(name, mark)}
        if tools:
            yield problem(
                Found.OTHER_TOOLS,
                Severity.NOTICE,
                client,
                client=client.title,
                tools=tuple(sorted(tools, key=str.lower)),
            )
        marks = {name for name in names if any(_matches(name, mark) for mark in RESPECTED)}
        if marks:
            yield good(Found.MARKS_RESPECTED, client, client=client.title, marks=tuple(sorted(marks, key=str.lower)))


def all_good(look: Look) -> Finding | None:
    """Say that the clients are set up well."""
    clients = tuple(client.title for client in look.clients)
    return good(Found.GOOD_CLIENTS, clients=clients) if clients else None


CHECKS = (connection, share_limit_removes, removed_too_early, other_tools, binding)


def _answering(look: Look) -> Iterator[tuple[Backend, DownloadClientSnapshot]]:
    return ((client, client.client) for client in look.clients if client.client is not None)


def _links(look: Look, client: Backend) -> Iterator[tuple[Backend, DownloadClientLink]]:
    """Iterate over the entries of the *arrs that are this client."""
    for arr in look.arrs_of(client):
        for link in arr.arr.wiring.download_clients if arr.arr else ():
            edge = look.world.topology.edge(arr.id, link.id)
            if edge and edge.target == client.id:
                yield arr, link


def _matches(name: str, mark: str) -> bool:
    name, mark = name.casefold(), mark.casefold()
    return name.startswith(mark[:-1]) if mark.endswith("*") else name == mark
