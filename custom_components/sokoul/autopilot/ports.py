"""What the autopilot needs from others: a journal and a memory that outlive a crash, and hands at the backends.

`store` keeps the first two. The clients are the hands: the protocols below are what of them is used. What they raise
is told by `Hands.errors`, because the autopilot knows the clients by their shapes only.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..model.backend import Backend
from ..model.downloads import Torrent, TorrentFile, TorrentTracker
from ..model.journal import ActKind, EntryStatus, JournalEntry
from ..model.library import Command, HealthIssue, QueueItem, Title
from ..model.releases import BlocklistEntry, Candidate, Grab, HistoryEvent, ImportCandidate, TitleDetails
from .rules.base import Case, Facts, Look


class Journal(Protocol):
    """The history of proposals and acts. What a method returned from is on the disk."""

    async def add(self, entry: JournalEntry) -> JournalEntry:
        """Write a new entry, and return it with its id."""

    async def change(self, entry: JournalEntry) -> None:
        """Write what became of an entry."""

    async def get(self, entry_id: int) -> JournalEntry | None:
        """Return an entry, None when there is none of that id."""

    async def find(
        self,
        *,
        statuses: Collection[EntryStatus] = (),
        acts: Collection[ActKind] = (),
        rule: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        before_id: int | None = None,
        limit: int = 100,
    ) -> Sequence[JournalEntry]:
        """Return the newest entries that fit all that is given, newest first. `since` counts by `changed_at`."""


class Carrier(Protocol):
    """Carries out acts of which the kernel knows nothing, as those on backends and on links of the library."""

    async def approve(self, entry_id: int, actor: str, now: datetime) -> JournalEntry | None:
        """Do what was suggested, if it is still needed; None when nobody is being asked about it any more."""

    def never(self, entry: JournalEntry) -> None:
        """Remember that a person never wants what was suggested."""

    async def undo(self, entry: JournalEntry, actor: str, now: datetime) -> JournalEntry:
        """Take back what was done, and return the entry as it was written; its status tells whether it worked."""


class MemoryStore(Protocol):
    """What was learned of each subject, as JSON."""

    async def load(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what is known of every subject."""

    def keep(self, subject: str, memory: Mapping[str, Any] | None) -> None:
        """Keep what is known of a subject, None to forget it. It is written soon, many at once."""

    async def flush(self) -> None:
        """Write what is pending now."""


class Inspector(Protocol):
    """Looks up facts that cost requests."""

    async def look(self, case: Case, looks: Collection[Look]) -> Facts | None:
        """Return the facts of a case with these looked up; None when a backend could not be asked."""

    def backend(self, backend_id: str) -> Backend | None:
        """Return a backend as it was last seen: while something lasts it may have gone."""

    async def any_tracker_works(self, client_id: str, hashes: Collection[str]) -> bool:
        """Tell whether any tracker of these torrents answers at this moment."""


class TorrentHands(Protocol):
    """A download client, as the autopilot uses it."""

    async def torrent(self, torrent_hash: str) -> Torrent | None:
        """Return a torrent as it is at this moment."""

    async def trackers(self, torrent_hash: str) -> tuple[TorrentTracker, ...]:
        """Return a torrent's trackers."""

    async def files(self, torrent_hash: str) -> tuple[TorrentFile, ...]:
        """Return a torrent's files."""

    async def is_private(self, torrent_hash: str) -> bool | None:
        """Tell whether a torrent is private."""

    async def stop(self, hashes: Collection[str] | None) -> None:
        """Stop torrents."""

    async def start(self, hashes: Collection[str] | None) -> None:
        """Start torrents."""

    async def delete(self, hashes: Collection[str], *, with_files: bool) -> None:
        """Remove torrents."""

    async def reannounce(self, hashes: Collection[str] | None) -> None:
        """Ask the trackers for peers."""

    async def recheck(self, hashes: Collection[str]) -> None:
        """Check the data."""

    async def add_trackers(self, torrent_hash: str, urls: Collection[str]) -> None:
        """Add trackers."""

    async def set_file_priority(self, torrent_hash: str, indexes: Collection[int], *, wanted: bool) -> None:
        """Want files of a torrent, or not."""

    async def set_automatic(self, hashes: Collection[str], automatic: bool) -> None:  # noqa: FBT001 -- the value itself
        """Let the client choose the save path by category, or not."""

    async def set_category(self, hashes: Collection[str], category: str) -> None:
        """Set the category."""

    async def ensure_category(self, name: str, save_path: str = "") -> None:
        """Make a category if it isn't there."""

    async def add_tags(self, hashes: Collection[str], tags: Collection[str]) -> None:
        """Add tags."""

    async def remove_tags(self, hashes: Collection[str], tags: Collection[str]) -> None:
        """Take tags away."""


class ArrHands(Protocol):
    """A Radarr or Sonarr, as the autopilot uses it."""

    async def queue(self) -> tuple[QueueItem, ...]:
        """Return the whole queue."""

    async def remove_queue_items(
        self, ids: Collection[int], *, from_client: bool, blocklist: bool, search_again: bool
    ) -> None:
        """Remove records from the queue."""

    async def releases(self, title: Title) -> tuple[Candidate, ...]:
        """Ask every indexer."""

    async def grab(self, candidate: Candidate) -> None:
        """Download a release."""

    async def grab_history(self, download_id: str) -> Grab | None:
        """Return who grabbed a download."""

    async def health(self) -> tuple[HealthIssue, ...]:
        """Return what it complains about at this moment."""

    async def history(self, since: datetime, title_ids: Collection[int] = ()) -> tuple[HistoryEvent, ...]:
        """Return what happened since a moment."""

    async def blocklist(self, titles: Collection[Title]) -> tuple[BlocklistEntry, ...]:
        """Return what is blocked for titles."""

    async def remove_from_blocklist(self, entry_id: int) -> None:
        """Allow a release again."""

    async def titles(self, ids: Collection[int]) -> tuple[TitleDetails, ...]:
        """Return more about movies or episodes."""

    async def import_candidates(self, download_id: str) -> tuple[ImportCandidate, ...]:
        """Return what could be imported of a download."""

    async def import_files(self, candidates: Collection[ImportCandidate]) -> Command:
        """Import files as what they are said to be."""

    async def scan_download(self, path: str, download_id: str) -> Command:
        """Import what is acceptable of a download."""

    async def refresh_downloads(self) -> Command:
        """Look at the download clients now."""


class Hands(Protocol):
    """The backends that can be acted on at this moment."""

    #: what any call of them raises when it doesn't work out
    errors: tuple[type[Exception], ...]
    #: what is raised when the thing asked for is not there (one of `errors`)
    missing: type[Exception]

    def torrents(self, client_id: str | None) -> TorrentHands | None:
        """Return a download client that answers, else None."""

    def client_ids(self) -> Collection[str]:
        """Return the ids of all download clients, also of those that do not answer."""

    def held(self, client_id: str) -> bool:
        """Tell whether somebody holds stopped what runs in a client: a person's switch, or a guard."""

    def start_later(self, client_id: str, torrent_hash: str) -> None:
        """Have a torrent of such a client started with what else is held there."""

    def arr(self, arr_id: str) -> ArrHands | None:
        """Return an *arr that answers, else None."""

    def title(self, backend_id: str | None) -> str:
        """Return what the person calls a backend."""

    def arr_path(self, arr_id: str, client_id: str | None, path: str) -> str:
        """Return how an *arr sees what a download client has under this path."""

    async def finds_files(self, client_id: str | None, folder: str) -> bool | None:
        """Tell whether what a download client keeps in a folder is found there at this moment, or something else is.

        None: that can't be told from here.
        """

    def shares_files(self, client_id: str, torrent: Torrent) -> bool | None:
        """Tell whether another torrent uses the same files, or may: then they are never deleted.

        None: one of the clients can't be asked at this moment.
        """
