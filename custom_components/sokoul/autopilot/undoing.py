"""Taking an act back, and letting go of what could have been: the torrent as it was, its release allowed again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..model.downloads import Torrent
from ..model.journal import EntryStatus, JournalEntry
from ..model.library import QueueItem
from ..model.reasons import Reason
from ..model.releases import HistoryEvent, HistoryKind
from . import quarantine
from .ownership import QUARANTINE, Claims
from .ports import TorrentHands
from .reach import Declined, Reach
from .target import Target, Wanting, target_of

#: Clocks of two machines differ by so much at most, when what one did is looked for at the other.
CLOCKS_DIFFER = timedelta(minutes=5)

_CLIENT = "client_id"  # where something was set aside, if not beside the old one


def set_aside_in(entry: JournalEntry) -> str | None:
    """Return the client in which something is in quarantine for an entry; once it was undone, it may be another one."""
    client_id: str | None = (entry.undo or {}).get(_CLIENT, target_of(entry).client_id)
    return client_id


class Undoing:
    """Takes acts back."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def undo(self, entry: JournalEntry, now: datetime) -> JournalEntry:
        """Take an act back: the torrent as it was, its release allowed again, and what was grabbed instead set aside.

        The entry stays `undoing` while a backend is away. Once it is undone, what it holds to be taken back is what was
        grabbed instead: that is let go of as everything in quarantine is.
        """
        target = target_of(entry)
        instead: Mapping[str, Any] | None = None
        try:
            client = self._reach.client(target.client_id)
            with self._reach.asking(target.client_id):
                torrent = await client.torrent(target.key)
                if torrent is None:
                    gone = Reason(key="result.gone")
                    return replace(entry, status=EntryStatus.FAILED, changed_at=now, result=gone, undo=None)
                # else that was done: what people did with it since stays
                if entry.undo is not None and quarantine.is_marked(torrent):
                    await self._take_back(target.client_id, client, entry.undo)
            for wanting in target.wanted_by:
                with self._reach.asking(wanting.arr_id):
                    await self._allow_again(wanting, entry)
                instead = await self._set_replacement_aside(wanting, entry) or instead
        except Declined as declined:
            return replace(entry, changed_at=now, result=declined.reason)
        undone = Reason(key="result.undone")
        return replace(entry, status=EntryStatus.UNDONE, changed_at=now, result=undone, undo=instead)

    async def _take_back(self, client_id: str | None, client: TorrentHands, noted: Mapping[str, Any]) -> None:
        """Put a torrent back as it was. While somebody holds its client stopped, it starts with the rest of it."""
        held = client_id is not None and self._reach.hands.held(client_id)
        if held and client_id is not None and noted["ran"]:
            self._reach.hands.start_later(client_id, noted["hash"])
        await quarantine.take_back(client, noted, start=not held)

    async def _allow_again(self, wanting: Wanting, entry: JournalEntry) -> None:
        arr = self._reach.arr(wanting)
        for blocked in await arr.blocklist(wanting.titles):
            recent = blocked.at is None or blocked.at >= entry.at - CLOCKS_DIFFER
            if recent and blocked.release.casefold() == wanting.release.casefold():
                await arr.remove_from_blocklist(blocked.id)

    async def _set_replacement_aside(self, wanting: Wanting, entry: JournalEntry) -> Mapping[str, Any] | None:
        """Put what was grabbed instead into quarantine, unless it is here already: then nothing speaks against both.

        Returns what it was, also when that was done before: an interrupted attempt leaves it in no queue any more.
        """
        if "candidate" not in entry.parameters or not entry.parameters.get("grabbed"):
            return None
        noted: dict[str, Any] | None = None
        with self._reach.asking(wanting.arr_id):
            queued = await self._replacements(wanting, entry)
        for download_id, release in queued.items():
            client_id, torrent = await self._find(download_id, target_of(entry), listed=release is not None)
            client = self._reach.hands.torrents(client_id)
            wanted = release is not None and torrent is not None and not torrent.finished
            if client is None or torrent is None or not (wanted or quarantine.is_marked(torrent)):
                continue
            with self._reach.asking(client_id):
                private = await client.is_private(torrent.hash)  # it may come from elsewhere than the old one
                noted = _as_before(quarantine.note(torrent, private=private), entry) | {_CLIENT: client_id}
                if release is not None or not quarantine.is_set_aside(torrent):
                    await quarantine.set_aside(client, noted)
            if release is not None:
                grabbed = Wanting(arr_id=wanting.arr_id, download_id=download_id, release=release)
                with self._reach.asking(wanting.arr_id):
                    await self._reach.forget(grabbed, blocklist=False)
        return noted

    async def _find(self, torrent_hash: str, target: Target, *, listed: bool) -> tuple[str | None, Torrent | None]:
        """Return which client has a torrent, and what it is. What an *arr has `listed` must be somewhere."""
        away: str | None = None
        for client_id in dict.fromkeys((target.client_id, *self._reach.hands.client_ids())):
            client = self._reach.hands.torrents(client_id)
            if client is None:
                away = away or client_id
                continue
            with self._reach.asking(client_id):
                if (torrent := await client.torrent(torrent_hash)) is not None:
                    return client_id, torrent
        if listed and away is not None:
            raise Declined("unreachable", backend=self._reach.hands.title(away))
        return None, None

    async def _replacements(self, wanting: Wanting, entry: JournalEntry) -> dict[str, str | None]:
        """Return the downloads that came of what was grabbed instead: their names in an *arr's queue, else None."""
        candidate, arr = entry.parameters["candidate"], self._reach.arr(wanting)
        found: dict[str, str | None] = {}
        for event in await arr.history(entry.at - CLOCKS_DIFFER, [title.id for title in wanting.titles]):
            if event.download_id is not None and is_grab_of(candidate, event):
                found[event.download_id] = None
        for item in await arr.queue():
            if item.download_id is not None and _is(candidate, item):
                found[item.download_id] = item.release
        found.pop(target_of(entry).key, None)
        return found

    async def purge(self, entry: JournalEntry, claims: Claims) -> JournalEntry:
        """Let go of what was set aside long ago, and return the entry, which can't be taken back any more.

        Data is deleted only of what was never finished nor private, that no other torrent uses, and that nobody took in
        hand meanwhile. The entry comes back as it was while a client is away that may use the same. Raises `Declined`.
        """
        noted = entry.undo
        if noted is None or not noted["deletable"]:
            return replace(entry, undo=None)
        client_id = set_aside_in(entry)
        client = self._reach.client(client_id)
        with self._reach.asking(client_id):
            torrent = await client.torrent(noted["hash"])
            if torrent is not None and quarantine.is_left_alone(torrent, noted, claims):
                shared = self._reach.hands.shares_files(client_id or "", torrent)
                if shared is None:
                    return entry
                if not shared:
                    await client.delete([torrent.hash], with_files=True)
        return replace(entry, undo=None)


def _as_before(noted: Mapping[str, Any], entry: JournalEntry) -> dict[str, Any]:
    """Return what was grabbed instead as it was, also when it is in quarantine. Nobody wants it to run again."""
    tags = [tag for tag in noted["tags"] if tag != QUARANTINE]
    category = (entry.undo or {}).get("category", "") if noted["category"] == QUARANTINE else noted["category"]
    return {**noted, "category": category, "tags": tags, "ran": False}


def is_grab_of(candidate: Mapping[str, Any], event: HistoryEvent) -> bool:
    """Tell whether an *arr's history says that a release was grabbed."""
    if event.kind is not HistoryKind.GRABBED:
        return False
    return bool(event.release == candidate["title"] or (event.info_hash or "-") == candidate["info_hash"])


def _is(candidate: Mapping[str, Any], item: QueueItem) -> bool:
    return item.download_id == candidate["info_hash"] or item.release == str(candidate["title"])
