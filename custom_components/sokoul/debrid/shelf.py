"""What the mirror of an account knows, as repairing and the judging of links want it."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Protocol

from ..model.debrid_mirror import Held, MirroredTorrent
from .catalogue import Catalogue
from .finding import Standing


class MirrorLook(Protocol):
    """The mirror of accounts, to read. Everything may raise an error of the store."""

    def held(self, account: str) -> AsyncIterator[list[Held]]:
        """Return what mounts may show of all torrents of an account, those that are gone, too, in portions."""

    async def unfinished(self, account: str) -> Sequence[str]:
        """Return the hashes of the torrents that are there, but not complete."""

    def of_hashes(self, account: str, hashes: Collection[str]) -> AsyncIterator[list[MirroredTorrent]]:
        """Return the torrents that are there and have one of these hashes, in portions."""


async def read_catalogue(
    view: MirrorLook, accounts: Iterable[str], *, complete: bool, unread: Collection[str] = ()
) -> Catalogue:
    """Return everything that mounts of these accounts may show or once showed.

    `complete`: the lists of all of them were read to their ends, so that what is not in the mirror is not there; but of
    those that are `unread` it is only what was known before.
    """
    catalogue = Catalogue(complete=complete, unread=unread)
    for account in accounts:
        async for torrents in view.held(account):
            await asyncio.to_thread(catalogue.take, account, torrents)
    return catalogue


async def read_standings(view: MirrorLook, account: str, known: Collection[str]) -> list[Standing]:
    """Return the torrents that may need repair, and since when each is in its state.

    They are those that aren't complete, and those of the hashes that are `known`; with all others of the same hash. The
    rest of an account needs nothing: a hundred thousand that are complete are not read.
    """
    found: list[Standing] = []
    async for torrents in view.of_hashes(account, {*known, *await view.unfinished(account)}):
        found += [Standing(torrent=each.torrent, unchanged_since=each.status_at) for each in torrents]
    return found
