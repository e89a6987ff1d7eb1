"""What the mirror needs from others: an account that can be read, and a store. Both are known by their shapes only."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ..model.debrid import DebridPage, DebridTorrent, DebridTorrentInfo
from ..model.debrid_mirror import DebridAttempt, DebridChange, DebridFailure, DetailsNeed, DetailsReason, SyncRun


class Account(Protocol):
    """A Real-Debrid account, as the mirror reads it. It keeps its own budget of requests."""

    async def torrents(self, page: int = 1, limit: int = 5000, etag: str | None = None) -> DebridPage | None:
        """Return a page of the list, an empty one past the end, None when it is unchanged since `etag`."""

    async def torrent(self, torrent_id: str) -> DebridTorrentInfo:
        """Return a torrent with its details."""


class Errors(Protocol):
    """What the calls of an account raise, told apart by what can be done about it."""

    #: anything that can go wrong
    any: tuple[type[Exception], ...]
    #: there is no such torrent any more
    missing: tuple[type[Exception], ...]
    #: whatever was asked would have failed: nobody answers, too many requests, the token is refused
    account: tuple[type[Exception], ...]

    def pause(self, error: Exception) -> timedelta | None:
        """Return how long the account asked to be left alone."""


class Mirror(Protocol):
    """Where the torrents of an account are kept as they were last seen."""

    async def apply(self, account: str, torrents: Sequence[DebridTorrent], now: datetime) -> Sequence[DebridChange]:
        """Write what a page of the list shows, in one transaction, and return what is not as it was."""

    async def vanish(
        self, account: str, present: Collection[str], now: datetime, *, at_most: int | None = None
    ) -> Sequence[DebridChange] | int:
        """Mark as gone what is not among the ids of a whole list; a number when that would be more than `at_most`."""

    async def forget_torrent(self, account: str, torrent_id: str, now: datetime) -> None:
        """Mark one torrent as gone."""

    async def count(self, account: str) -> int:
        """Return how many torrents are there."""

    async def tidy(self, account: str) -> None:
        """See to it that looking is fast again, where much was written."""

    async def details_due(self, account: str, need: DetailsNeed, limit: int) -> list[tuple[str, DetailsReason]]:
        """Return whose details are to be read and why, the most needed first."""

    async def count_due(self, account: str, need: DetailsNeed) -> dict[DetailsReason, int]:
        """Return how many details are to be read, by reason."""

    async def keep_details(self, account: str, infos: Sequence[DebridTorrentInfo], now: datetime) -> None:
        """Write the details of torrents."""

    async def begin_run(self, run: SyncRun) -> int:
        """Write that a synchronisation begins, and return its id."""

    async def change_run(self, run: SyncRun) -> None:
        """Write how far a synchronisation is."""

    async def unfinished(self, account: str) -> list[SyncRun]:
        """Return the synchronisations that were cut off or cancelled, and of which something is left, newest first."""


class History(Protocol):
    """What was tried with the torrents of an account."""

    async def note_attempts(self, account: str, attempts: Sequence[DebridAttempt]) -> list[DebridAttempt]:
        """Write what was tried."""

    async def attempts(self, account: str, hashes: Collection[str] = (), limit: int = 100) -> list[DebridAttempt]:
        """Return what was tried, the newest first."""

    async def keep_failures(self, account: str, failures: Sequence[DebridFailure]) -> None:
        """Write what is wrong with torrents."""

    async def failures(self, account: str, *, final: bool | None = None, limit: int = 1_000) -> list[DebridFailure]:
        """Return what is wrong with torrents, the newest first."""
