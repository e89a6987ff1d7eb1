"""Whether there is room, and for how long, and whether the library folders are there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from ...model.backend import Backend
from ...model.library import Severity
from ...model.paths import disk_of
from ..trend import full_at
from .base import Finding, Found, Look, good, problem

_GB = 10**9

#: A disk is low below the first, or below the second when that is also a small share of it.
LOW_BYTES, LOW_BYTES_OF_SMALL_SHARE, SMALL_SHARE = 10 * _GB, 100 * _GB, 0.05
#: Below this the next film fills it.
VERY_LOW_BYTES = 2 * _GB
#: A disk that will be full within these is told, and warned of.
SOON, VERY_SOON = timedelta(days=30), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Room:
    """The free space of one disk that downloads or a library are on."""

    backend: Backend
    path: str  # empty for a download client's default folder
    free_bytes: int
    total_bytes: int | None

    @property
    def low(self) -> bool:
        if self.free_bytes < LOW_BYTES:
            return True
        small = self.total_bytes is not None and self.free_bytes < SMALL_SHARE * self.total_bytes
        return small and self.free_bytes < LOW_BYTES_OF_SMALL_SHARE


def room(look: Look) -> Iterator[Finding]:
    """Tell disks with little left, and disks that fill up.

    Only disks that a library folder or the downloads are on; a system partition is none of our business.
    """
    for disk in _rooms(look):
        name = disk.path or disk.backend.title
        if disk.low:
            yield problem(
                Found.DISK_LOW,
                Severity.ERROR if disk.free_bytes < VERY_LOW_BYTES else Severity.WARNING,
                disk.backend,
                subject=disk.path,
                evidence={"total": disk.total_bytes} if disk.total_bytes is not None else {},
                disk=name,
                free=disk.free_bytes,
            )
            continue
        full = full_at(look.free_space.get(f"{disk.backend.id}/{disk.path}", ()), look.now)
        if full is not None and full - look.now <= SOON:
            yield problem(
                Found.DISK_FILLS,
                Severity.WARNING if full - look.now <= VERY_SOON else Severity.NOTICE,
                disk.backend,
                subject=disk.path,
                evidence={"free": disk.free_bytes},
                disk=name,
                full_on=full,
                left=full - look.now,
            )


def root_folders(look: Look) -> Iterator[Finding]:
    """Tell library folders that their *arr can't get at: a mount that is away, mostly."""
    for arr in look.arrs:
        for folder in arr.arr.wiring.root_folders if arr.arr else ():
            if not folder.accessible:
                yield problem(
                    Found.ROOT_FOLDER_GONE,
                    Severity.ERROR,
                    arr,
                    subject=folder.path,
                    arr=arr.title,
                    folder=folder.path,
                )


def all_good(look: Look) -> Finding | None:
    """Say how much the fullest disk has left."""
    free = [disk.free_bytes for disk in _rooms(look)]
    return good(Found.GOOD_DISKS, count=len(free), free=min(free)) if free else None


CHECKS = (root_folders, room)


def _rooms(look: Look) -> tuple[_Room, ...]:
    """Return each disk once, however many backends see it. Two disks are hardly ever equally large and equally full."""
    rooms: list[_Room] = []
    for disk in (*_of_arrs(look), *_of_clients(look)):
        if not any(_same(disk, other) for other in rooms):
            rooms.append(disk)
    return tuple(rooms)


def _of_arrs(look: Look) -> Iterator[_Room]:
    for arr in look.arrs:
        disks = arr.arr.disks if arr.arr else ()
        for folder in arr.arr.wiring.root_folders if arr.arr else ():
            disk = disk_of(folder.path, disks)
            listed = _Room(arr, disk.path, disk.free_bytes, disk.total_bytes) if disk else None
            own = _Room(arr, folder.path, folder.free_bytes, None) if folder.free_bytes is not None else None
            # network mounts are often not listed: the disk that seems to hold the folder then is the system's
            if own is not None and (listed is None or not _same(own, listed)):
                yield own
            elif listed is not None:
                yield listed


def _of_clients(look: Look) -> Iterator[_Room]:
    for client in look.clients:
        free = client.client.transfer.free_bytes if client.client else None
        if free is not None:
            yield _Room(client, "", free, None)


#: Two backends that are read minutes apart may differ by so much on one disk.
_MEANWHILE_BYTES = 2 * _GB


def _same(one: _Room, other: _Room) -> bool:
    totals = {one.total_bytes, other.total_bytes} - {None}
    return len(totals) <= 1 and abs(one.free_bytes - other.free_bytes) <= _MEANWHILE_BYTES
