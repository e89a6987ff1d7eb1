"""A Real-Debrid account in memory: pages that shift, marks of unchanged pages, and everything that can go wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from custom_components.sokoul.model.debrid import DebridPage, DebridTorrent, DebridTorrentInfo
from tests.store.make import NOW
from tests.store.torrents import details


class Silent(Exception):  # noqa: N818 -- named for what happened
    """Nobody answers."""

    pause: timedelta | None = None


class Missing(Exception):  # noqa: N818 -- named for what happened
    """There is no such torrent."""


class Unreadable(Exception):  # noqa: N818 -- named for what happened
    """An answer that makes no sense."""


class Told:
    """What the account raises."""

    any: tuple[type[Exception], ...] = (Silent, Missing, Unreadable)
    missing: tuple[type[Exception], ...] = (Missing,)
    account: tuple[type[Exception], ...] = (Silent,)

    def pause(self, error: Exception) -> timedelta | None:
        return getattr(error, "pause", None)


@dataclass(slots=True)
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class FakeAccount:
    """`torrents` is the list, the newest first. `before(call)` may change it, or raise, before a call is answered."""

    torrents_there: list[DebridTorrent] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], object] = lambda _call: None
    tells_total: bool = True
    tells_etag: bool = True

    async def torrents(self, page: int = 1, limit: int = 5000, etag: str | None = None) -> DebridPage | None:
        self._called(f"page {page}")
        rows = tuple(self.torrents_there[(page - 1) * limit : page * limit])
        mark = str(hash(rows))
        if self.tells_etag and etag == mark:
            return None
        total = len(self.torrents_there) if self.tells_total else None
        return DebridPage(torrents=rows, total=total if rows else None, etag=mark if self.tells_etag and rows else None)

    async def torrent(self, torrent_id: str) -> DebridTorrentInfo:
        self._called(torrent_id)
        for torrent in self.torrents_there:
            if torrent.id == torrent_id:
                return details(torrent)
        raise Missing(torrent_id)

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.before(call)

    def take_calls(self) -> list[str]:
        calls, self.calls = self.calls, []
        return calls
