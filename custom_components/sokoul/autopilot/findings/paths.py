"""Whether the backends find each other's files, and imports are links instead of copies."""

from collections.abc import Iterator
from datetime import timedelta

from ...model.backend import Backend
from ...model.downloads import DownloadClientSnapshot
from ...model.library import ArrSnapshot, DownloadClientLink, Protocol, Severity
from ...model.paths import PathState, arr_hardlinks, as_arr_sees, disk_of, same_style, save_folder
from ...model.waiting import Wait
from .base import Finding, Found, Look, good, labels, problem

#: An import that takes longer than this is waiting for something.
IMPORT_PATIENCE = timedelta(hours=1)


def hardlinks(look: Look) -> Iterator[Finding]:
    """Tell imports that copy: what still seeds then takes its room twice.

    Off is told where the *arr says so, impossible only where its own list of mounts proves it.
    """
    for arr, snapshot, client, folder, _link in _pairs(look):
        if snapshot.wiring.hardlinks is False:
            continue
        roots = [root.path for root in snapshot.wiring.root_folders]
        for root in roots:
            if arr_hardlinks(folder, root, snapshot.disks, roots) is False:
                yield problem(
                    Found.HARDLINKS_IMPOSSIBLE,
                    Severity.WARNING,
                    arr,
                    subject=root,
                    arr=arr.title,
                    client=client.title,
                    downloads=folder,
                    library=root,
                )
                break  # the cause is the folder layout, said once
    for arr in look.arrs:
        wiring = arr.arr.wiring if arr.arr else None
        if (
            wiring
            and wiring.hardlinks is False
            and any(link.enabled and link.protocol is Protocol.TORRENT for link in wiring.download_clients)
        ):
            yield problem(Found.HARDLINKS_OFF, Severity.NOTICE, arr, arr=arr.title)


def other_system(look: Look) -> Iterator[Finding]:
    """Tell a client on Windows with an *arr that isn't, or the reverse, and no mapping between: that can't work."""
    for arr, snapshot, client, folder, _link in _pairs(look):
        root = next((root.path for root in snapshot.wiring.root_folders), None)
        if root is not None and not same_style(folder, root):
            yield problem(
                Found.PATHS_OF_ANOTHER_SYSTEM,
                Severity.ERROR,
                arr,
                subject=client.id,
                evidence={"folder": folder, "library": root},
                arr=arr.title,
                client=client.title,
            )


def folder_unseen(look: Look) -> Iterator[Finding]:
    """Suspect a download folder that an *arr has not mounted.

    Three things together: a download is complete for an hour and not imported, the place where the *arr looks for it
    is on none of its mounts but the system's own, and its library is on a real mount (so that mounts are visible).
    The *arr's own check for this, where it speaks, is better and takes this one's place.
    """
    for arr in look.arrs:
        snapshot = arr.arr
        if snapshot is None or any(issue.source == "RemotePathMappingCheck" for issue in snapshot.health):
            continue
        roots = [root.path for root in snapshot.wiring.root_folders]
        if not roots or any(_on_system_disk(root, snapshot) for root in roots):
            continue
        unseen = [
            (download, claim.item.output_path)
            for download in look.index
            for claim in download.claims
            if claim.backend_id == arr.id
            and claim.item.output_path
            and download.torrent
            and download.waits
            and download.waits.key in {Wait.IMPORT_PENDING, Wait.IMPORT_BLOCKED}
            and download.torrent.completed_at is not None
            and look.now - download.torrent.completed_at >= IMPORT_PATIENCE
            and same_style(claim.item.output_path, roots[0])
            and _on_system_disk(claim.item.output_path, snapshot)
        ]
        if unseen:
            yield problem(
                Found.FOLDER_UNSEEN,
                Severity.WARNING,
                arr,
                evidence={"folder": min(folder for _, folder in unseen)},
                arr=arr.title,
                count=len(unseen),
                names=labels([download for download, _ in unseen]),
            )


def unused_mappings(look: Look) -> Iterator[Finding]:
    """Tell remote path mappings that apply to nothing: the *arr compares their host with its clients' as text.

    A mapping for `192.168.1.5` does nothing for a client that is entered as `qbittorrent`, and nobody says so.
    """
    for arr in look.arrs:
        wiring = arr.arr.wiring if arr.arr else None
        hosts = {link.host.casefold() for link in wiring.download_clients if link.host} if wiring else set()
        for mapping in wiring.path_mappings if wiring else ():
            if hosts and mapping.host.casefold() not in hosts:
                yield problem(
                    Found.MAPPING_UNUSED,
                    Severity.WARNING,
                    arr,
                    subject=f"{mapping.host}:{mapping.remote_path}",
                    arr=arr.title,
                    host=mapping.host,
                    hosts=tuple(sorted(hosts)),
                )


def path_maps(look: Look) -> Iterator[Finding]:
    """Tell path maps that lead to other files. No access to files at all is normal, and so is not proven yet."""
    for backend_id, maps in look.world.path_maps.items():
        for judged in maps:
            if judged.state is PathState.REFUTED and judged.map is not None:
                yield problem(
                    Found.PATH_MAP_WRONG,
                    Severity.WARNING,
                    look.world.backends.get(backend_id),
                    subject=judged.map.theirs,
                    evidence={"wrong": judged.wrong, "right": judged.right},
                    backend=look.world.title(backend_id),
                    theirs=judged.map.theirs,
                    ours=judged.map.ours,
                )


def all_good(look: Look) -> Finding | None:
    """Say that the paths fit."""
    arrs = tuple(dict.fromkeys(arr.title for arr, *_ in _pairs(look)))
    return good(Found.GOOD_PATHS, arrs=arrs) if arrs else None


CHECKS = (other_system, folder_unseen, unused_mappings, path_maps, hardlinks)


def _pairs(look: Look) -> Iterator[tuple[Backend, ArrSnapshot, Backend, str, DownloadClientLink]]:
    """Iterate over *arrs with their clients and the folder of its downloads there, as the *arr sees it."""
    for arr in look.arrs:
        snapshot = arr.arr
        for link in snapshot.wiring.download_clients if snapshot else ():
            edge = look.world.topology.edge(arr.id, link.id)
            client = look.world.backends.get(edge.target) if edge else None
            if snapshot is None or client is None or client.client is None:
                continue
            folder = _download_folder(client.client, link)
            if folder is not None:
                yield arr, snapshot, client, as_arr_sees(folder, link.host, snapshot.wiring.path_mappings), link


def _download_folder(client: DownloadClientSnapshot, link: DownloadClientLink) -> str | None:
    return save_folder(link.category, client.categories, client.settings.save_path) if client.settings else None


def _on_system_disk(path: str, snapshot: ArrSnapshot) -> bool:
    disk = disk_of(path, snapshot.disks)
    return disk is None or disk.path == "/"
