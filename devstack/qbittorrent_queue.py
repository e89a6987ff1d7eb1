"""The queue of the simulated qBittorrent: who comes first, and who has to wait."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from .qbittorrent_torrent import SimulatedTorrent


class Queue:
    """Unfinished torrents in the order in which they get to run; finished ones have no place in it."""

    def __init__(self, torrents: Mapping[str, SimulatedTorrent]) -> None:
        self._torrents = torrents
        self._order: list[str] = []
        self._anybody_waits = False

    def join(self, torrent: SimulatedTorrent) -> None:
        """Let an unfinished torrent wait at the end."""
        if not torrent.finished and torrent.hash not in self._order:
            self._order.append(torrent.hash)
            torrent.position = len(self._order)

    def leave(self, torrent: SimulatedTorrent) -> None:
        """Let go of a torrent."""
        if torrent.position:
            self._order.remove(torrent.hash)

    def reorder(self, hashes: Collection[str], place: Callable[[list[str], str], int]) -> None:
        """Move torrents; `place` says where each goes."""
        for info_hash in hashes:
            if info_hash in self._order:
                where = place(self._order, info_hash)
                self._order.remove(info_hash)
                self._order.insert(where, info_hash)

    def settle(
        self, unfinished: Iterable[SimulatedTorrent], preferences: Mapping[str, Any]
    ) -> Iterator[SimulatedTorrent]:
        """Give numbers and decide who waits; yields whom that changes.

        `unfinished` are torrents that may have become so again, by a check that found files missing.
        """
        for torrent in unfinished:
            if not torrent.position:
                self.join(torrent)
        order = self._order
        self._order = [each for each in order if each in self._torrents and not self._torrents[each].finished]
        done = (self._torrents[each] for each in order if each in self._torrents and self._torrents[each].finished)
        for torrent in done:
            torrent.position = 0
            yield torrent
        for position, info_hash in enumerate(self._order, 1):
            torrent = self._torrents[info_hash]
            if torrent.position != position:
                torrent.position = position
                yield torrent
        if preferences["queueing_enabled"]:
            self._anybody_waits = True
            yield from self._let_run(preferences)
        elif self._anybody_waits:
            self._anybody_waits = False
            for torrent in self._torrents.values():
                yield from _wait(torrent, waits=False)

    def _let_run(self, preferences: Mapping[str, Any]) -> Iterator[SimulatedTorrent]:
        """Let as many run as the preferences allow; forced ones don't count."""
        names = ("max_active_downloads", "max_active_uploads", "max_active_torrents")
        unlimited = len(self._torrents)
        downloads, uploads, free = (preferences[name] if preferences[name] >= 0 else unlimited for name in names)
        slots = {False: downloads, True: uploads}
        for torrent in self._in_order():
            if torrent.stopped or torrent.forced or torrent.error or torrent.missing_files:
                yield from _wait(torrent, waits=False)
                continue
            runs = free > 0 and slots[torrent.finished] > 0
            yield from _wait(torrent, waits=not runs)
            if runs:
                free -= 1
                slots[torrent.finished] -= 1

    def _in_order(self) -> Iterator[SimulatedTorrent]:
        yield from (self._torrents[each] for each in self._order)
        yield from (torrent for torrent in self._torrents.values() if torrent.finished)


def _wait(torrent: SimulatedTorrent, *, waits: bool) -> Iterator[SimulatedTorrent]:
    if torrent.queued != waits:
        torrent.queued = waits
        yield torrent
