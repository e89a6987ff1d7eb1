"""How what was fetched fares, in a download client or at a debrid service: it comes, stands still, or has failed."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.util import dt as dt_util

from .model.debrid import FAILED_STATUSES, DebridStatus, DebridTorrent
from .model.debrid_mirror import Presence
from .model.downloads import DownloadState, epoch
from .model.reasons import Reason
from .model.waiting import Wait
from .model.world import Download, DownloadIndex
from .store import StoreError
from .watchlist.stuck import SEEN_SILENT, SILENCE, Standstills

if TYPE_CHECKING:
    from .hub import Hub

#: Of these a client says, as long as nothing else changes, that nothing more will come.
_BROKEN: Final = frozenset({Wait.ERROR, Wait.MISSING_FILES})
_GIVES_NOTHING: Final = frozenset({Wait.NOBODY, Wait.NO_COMPLETE_COPY, Wait.NO_METADATA, Wait.SEEDS_OUT_OF_REACH})
#: A debrid service tries these without end, and may try again what went wrong.
_STANDING: Final = frozenset({DebridStatus.MAGNET_CONVERSION, DebridStatus.DOWNLOADING, DebridStatus.ERROR})
#: Older news of an account say nothing about what stands still.
_NEWS_LAST: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnItsWay:
    """What is downloaded, of a wish for some of its parts, or waits to be imported."""

    key: str  # its info hash, or what an *arr calls it
    release: str
    parts: frozenset[str] = frozenset()  # by their keys
    finished: bool = False  # downloaded
    importing: bool = False  # an *arr has still to import it
    failed: bool = False  # who has it says that it comes to nothing
    stands: bool = False  # it has given nothing for long
    progress: float = 0.0  # 0 to 1
    waits: Reason | None = None


class Downloads:
    """Finds what was fetched, and remembers since when it stands still."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._standstills = Standstills()
        self._silences = Standstills(SILENCE, SEEN_SILENT)

    async def find(self, key: str, index: DownloadIndex, parts: frozenset[str], now: datetime) -> OnItsWay | None:
        """Return how a download fares; None: nobody has it, as far as is known."""
        if downloads := index.of_key(key):
            return replace(of_download(downloads[0], parts), stands=self._stands(downloads[0], now))
        return await self.at_debrid(key, parts)

    def keep_only(self, keys: Collection[str]) -> None:
        """Forget all other downloads."""
        self._standstills.keep_only(keys)
        self._silences.keep_only(keys)

    def _stands(self, download: Download, now: datetime) -> bool:
        """Tell whether what a client has stood still: it can't go on, or its swarm gives nothing.

        Where somebody is connected who has all of it, that takes longer; and where its client is fetching all the
        time, and nothing of it is whole. While the client is away, or its VPN isn't safe, no swarm is to blame.
        """
        why = download.waits.key if download.waits is not None and not download.finished else None
        torrent = download.torrent
        fetching = torrent is not None and torrent.state is DownloadState.DOWNLOADING
        moved = () if torrent is None else (epoch(torrent.active_epoch), torrent.added_at)
        moved_at = max((each for each in moved if each is not None), default=None)
        backend = self._hub.view.world(now).backends.get(download.client_id or "")
        gate = self._hub.pilot.kernel.watch.gate(download, backend, now)
        silent = self._silences.is_one(
            download.key,
            now,
            stands=gate.open and not download.finished and (fetching or why in _GIVES_NOTHING | {Wait.NO_DATA}),
            progress=download.progress,
            moved_at=moved_at,
        )
        stands = self._standstills.is_one(
            download.key,
            now,
            stands=why in _BROKEN | _GIVES_NOTHING,
            progress=download.progress,
            moved_at=None if why in _BROKEN else moved_at,
        )
        return silent or stands

    async def at_debrid(self, info_hash: str, parts: frozenset[str]) -> OnItsWay | None:
        """Return how a torrent fares at debrid accounts: where several have it, with whom it fares best."""
        held: list[tuple[DebridTorrent, datetime | None]] = []
        for mirror in tuple(self._hub.debriding.accounts.values()):
            with suppress(StoreError):
                known = await mirror.store.mirror_view.torrents(
                    mirror.account, hashes=[info_hash], presence=Presence.PRESENT
                )
                held += [(each.torrent, mirror.checked_at) for each in known]
        if not held:
            return None
        torrent, checked_at = min(held, key=lambda each: _fares_badly(each[0]))
        return OnItsWay(
            key=info_hash,
            release=torrent.filename,
            parts=parts,
            finished=torrent.status is DebridStatus.DOWNLOADED,
            failed=torrent.status in FAILED_STATUSES - _STANDING,
            stands=self._stands_there(torrent, checked_at),
            progress=torrent.progress / 100,
        )

    def _stands_there(self, torrent: DebridTorrent, checked_at: datetime | None) -> bool:
        """Tell whether what a debrid service has stood still for a day."""
        now = dt_util.utcnow()
        is_news = checked_at is not None and now - checked_at < _NEWS_LAST
        stands = is_news and torrent.status in _STANDING
        return self._standstills.is_one(torrent.hash, now, stands=stands, progress=torrent.progress / 100)


def of_download(download: Download, parts: frozenset[str]) -> OnItsWay:
    """Return how a download of a client fares, but for whether it stands still."""
    return OnItsWay(
        key=download.key,
        release=download.release,
        parts=parts,
        finished=download.finished,
        progress=download.progress,
        waits=download.waits,
    )


def _fares_badly(torrent: DebridTorrent) -> tuple[bool, bool]:
    return torrent.status in FAILED_STATUSES, torrent.status is not DebridStatus.DOWNLOADED
