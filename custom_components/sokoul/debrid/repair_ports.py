"""What the repairing of an account needs from outside: Real-Debrid's hands, and a place to note things."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ..model.debrid import DebridCode, DebridTorrent, DebridTorrentInfo
from .retrying import AccountPause, Repair
from .rivals import Sighting
from .unanswered import RequestStore


class Refusal(Exception):  # noqa: N818 -- an answer, which the policies deal with
    """Real-Debrid refused, or did not answer. `code` None: there was no answer, or none of its own.

    `problem` names what is wrong, for texts: the code, else one of ours; "unknown" where only the message tells.
    """

    def __init__(
        self,
        message: str,
        *,
        code: DebridCode | None = None,
        retry_after: timedelta | None = None,
        problem: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        self.problem = problem or ("unknown" if code is None else code.name.lower())


class RepairHands(Protocol):
    """What is done at Real-Debrid. Everything raises `Refusal`."""

    @property
    def throttled_at(self) -> datetime | None:
        """When Real-Debrid last throttled the account, whoever had asked; None: never."""

    async def entries(self) -> Sequence[DebridTorrent]:
        """Return all entries of the account, read after this was called."""

    async def details(self, torrent_id: str) -> DebridTorrentInfo:
        """Return an entry with its files."""

    async def add(self, info_hash: str) -> str:
        """Add a torrent by its hash, and return the id of its entry."""

    async def select(self, torrent_id: str, file_ids: Collection[int]) -> None:
        """Select files of an entry."""

    async def delete(self, torrent_id: str) -> None:
        """Delete an entry."""

    async def try_link(self, link: str) -> None:
        """Find out whether a link of a complete entry can be had."""


class RepairWitness(Protocol):
    """Who writes down what is done, for people. Everything may raise an error of its own."""

    async def begins(self, repair: Repair) -> None:
        """Write down that a repair is about to begin. What returns has been written."""

    async def ended(self, repair: Repair) -> None:
        """Write down how it ended, or that this try did. It is noted already."""

    async def clears(self, torrent: DebridTorrent) -> None:
        """Write down that an entry is about to be deleted which is there twice. What returns has been written."""

    async def cleared(self, torrent: DebridTorrent, *, done: bool) -> None:
        """Write down that it was, or that nobody can tell yet."""


class RepairStore(RequestStore, Protocol):
    """Where repairs are noted, by account. What returns has been written; everything may raise an error of its own."""

    async def repairs(self) -> Sequence[Repair]:
        """Return all, those that ended, too."""

    async def save(self, repair: Repair) -> None:
        """Note a repair, by its hash."""

    async def keep(self, repairs: Sequence[Repair]) -> None:
        """Note repairs of which the history has been told by somebody else."""

    async def forget(self, hashes: Collection[str]) -> None:
        """Forget repairs that are over."""

    async def pause(self) -> AccountPause:
        """Return until when the account is left alone."""

    async def save_pause(self, pause: AccountPause) -> None:
        """Note that."""

    async def sightings(self) -> Sequence[Sighting]:
        """Return what other repairers were seen to do."""

    async def save_sightings(self, seen: Sequence[Sighting]) -> None:
        """Note that. All of them are given."""
