"""What the mirror of an account knows, as repairing and the judging of links want it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from itertools import batched
from typing import Protocol

from ..model.debrid_mirror import MirroredFile, MirroredTorrent, Presence
from .catalogue import Catalogue, Holding
from .finding import Standing
from .turns import in_turns

#: The files of so many torrents are asked for at once: what the store read is made into objects on the event loop.
_ASKED = 50


class MirrorLook(Protocol):
    """The mirror of accounts, to read. Everything may raise an error of the store."""

    def walk(self, account: str, presence: Presence = Presence.PRESENT) -> AsyncIterator[list[MirroredTorrent]]:
        """Return all torrents of an account, in portions."""

    async def unfinished(self, account: str) -> Sequence[str]:
        """Return the hashes of the torrents that are there, but not complete."""

    def of_hashes(self, account: str, hashes: Collection[str]) -> AsyncIterator[list[MirroredTorrent]]:
        """Return the torrents that are there and have one of these hashes, in portions."""

    async def files(self, account: str, torrent_ids: Collection[str]) -> list[MirroredFile]:
        """Return the files of torrents; none of those whose details were never read."""


async def read_catalogue(
    view: MirrorLook, accounts: Iterable[str], *, complete: bool, unread: Collection[str] = ()
) -> Catalogue:
    """Return everything that mounts of these accounts may show or once showed.

    `complete`: the lists of all of them were read to their ends, so that what is not in the mirror is not there; but of
    those that are `unread` it is only what was known before.
    """
    catalogue = Catalogue(complete, unread=frozenset(unread))
    for account in accounts:
        async for torrents in view.walk(account, Presence.ANY):
            for some in batched(torrents, _ASKED, strict=False):
                known = [each.torrent.id for each in some if each.details_at is not None]
                files = await view.files(account, known) if known else ()
                await asyncio.to_thread(_take_in, catalogue, account, some, files)
                del files  # what is let go of soon is nothing that the garbage collector takes for something that lasts
    return catalogue


def _take_in(
    catalogue: Catalogue, account: str, torrents: Sequence[MirroredTorrent], files: Sequence[MirroredFile]
) -> None:
    held: dict[str, dict[str, int]] = {}
    for each in in_turns(files):
        if each.file.selected:
            held.setdefault(each.torrent_id, {})[each.file.path] = each.file.size_bytes
    catalogue.extend(
        Holding(
            account=account,
            id=each.torrent.id,
            hash=each.torrent.hash,
            filename=each.torrent.filename,
            original_filename=each.original_name,
            status=each.torrent.status,
            gone=each.gone_at is not None,
            # details that name no selected file were read before anybody selected one
            files=held.get(each.torrent.id),
        )
        for each in torrents
    )


async def read_standings(view: MirrorLook, account: str, known: Collection[str]) -> list[Standing]:
    """Return the torrents that may need repair, and since when each is in its state.

    They are those that aren't complete, and those of the hashes that are `known`; with all others of the same hash. The
    rest of an account needs nothing: a hundred thousand that are complete are not read.
    """
    found: list[Standing] = []
    async for torrents in view.of_hashes(account, {*known, *await view.unfinished(account)}):
        found += [Standing(torrent=each.torrent, unchanged_since=each.status_at) for each in torrents]
    return found
