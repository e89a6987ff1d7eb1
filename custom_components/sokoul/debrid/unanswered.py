"""Requests to add a torrent that got no answer, while nobody can tell yet what becomes of them, and after.

For a minute nobody adds the torrent beside one of these. What isn't there by then is taken for not added, and may be
asked for again; but how long Real-Debrid may take with it is nowhere said. If it is carried out after all, the torrent
is there twice. Which one of the two that is shows: it wasn't there before it was asked for, no request of ours was
answered with it, it appeared within a day, and nobody selected its files, as nobody knew of it.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from ..model.debrid import DebridStatus, DebridTorrent
from .finding import Standing
from .policies import Course, on_state
from .retrying import SETTLES

#: What appears later than this was added by somebody else.
LATE = timedelta(days=1)
#: So long they are kept: by then what stands beside what was added late is complete, or failed.
KEPT = timedelta(days=7)
#: The clocks of Real-Debrid and of ours differ a little.
_SKEW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A request to add a torrent."""

    hash: str
    asked_at: datetime
    open_until: datetime  # until then it may be carried out at any moment, and nobody concludes anything
    known_ids: tuple[str, ...] = ()  # entries of the torrent that it didn't make: from before, or of an answered one


def carried_out_late(entries: Collection[DebridTorrent], requests: Iterable[Unanswered]) -> dict[str, Unanswered]:
    """Return the entries that such requests made, by their ids: of each request one at most, the oldest that fits."""
    found: dict[str, Unanswered] = {}
    for request in sorted(requests, key=lambda each: each.asked_at):
        fitting = [each for each in entries if each.id not in found and _fits(each, request)]
        if fitting:
            found[min(fitting, key=lambda each: (each.added_at, each.id)).id] = request
    return found


def _fits(entry: DebridTorrent, request: Unanswered) -> bool:
    since_asked = entry.added_at - request.asked_at
    return entry.hash == request.hash and entry.id not in request.known_ids and -_SKEW <= since_asked <= LATE


def doubled(
    standings: Collection[Standing], requests: Iterable[Unanswered], now: datetime
) -> list[tuple[DebridTorrent, DebridTorrent, Unanswered]]:
    """Return what was added late and for nothing: beside an entry that is complete, and that stays.

    Each with that, and with the request. A person who has just added it by hand has had time to select its files.
    """
    entries = [each.torrent for each in standings]
    late = carried_out_late(entries, requests)
    complete = {each.hash: each for each in entries if each.status is DebridStatus.DOWNLOADED and each.id not in late}
    return [
        (torrent, complete[torrent.hash], late[torrent.id])
        for torrent in entries
        if torrent.id in late and torrent.hash in complete and is_nobodys(torrent, _since(torrent, standings), now)
    ]


def is_nobodys(torrent: DebridTorrent, unchanged_since: datetime, now: datetime) -> bool:
    """Tell whether nobody has selected files of a torrent, for longer than anybody takes who wants it."""
    waits = torrent.status is DebridStatus.WAITING_FILES_SELECTION
    return waits and on_state(torrent.status, unchanged_since=unchanged_since, now=now)[0] is Course.SELECT


def _since(torrent: DebridTorrent, standings: Iterable[Standing]) -> datetime:
    return next(each.unchanged_since for each in standings if each.torrent.id == torrent.id)


class RequestStore(Protocol):
    """Where the requests of an account are noted. What returns has been written; may raise an error of its own."""

    async def unanswered(self) -> Collection[Unanswered]:
        """Return the requests."""

    async def save_unanswered(self, requests: Collection[Unanswered]) -> None:
        """Note them. All of them are given."""


class Requests:
    """Keeps the requests of one account, each noted before anything is concluded from it."""

    def __init__(self, store: RequestStore, clock: Callable[[], datetime]) -> None:
        self._store: Final = store
        self._clock: Final = clock
        self.all: tuple[Unanswered, ...] = ()

    async def load(self) -> None:
        """Read what was noted. What was cut off a moment ago may have been sent just before."""
        now = self._clock()
        self.all = tuple(
            replace(each, open_until=now + SETTLES) if abs(now - each.asked_at) < SETTLES else each
            for each in await self._store.unanswered()
        )

    def open_until(self, info_hash: str) -> datetime | None:
        """Return until when a torrent may be added at any moment; None: it isn't expected."""
        now = self._clock()
        open_until = (each.open_until for each in self.all if each.hash == info_hash)
        # what lies further ahead was noted by a clock that was wrong
        return max((at for at in open_until if now < at <= now + SETTLES), default=None)

    async def begin(self, info_hash: str, known_ids: Collection[str]) -> Unanswered:
        """Note a request that is about to be sent. `known_ids` are the entries of the torrent that there are."""
        now = self._clock()
        request = Unanswered(hash=info_hash, asked_at=now, open_until=now + SETTLES, known_ids=tuple(known_ids))
        await self.note(request)
        return request

    async def note(self, request: Unanswered) -> None:
        """Note a request, or what is new of it."""
        now = self._clock()
        others = [each for each in self.all if (each.hash, each.asked_at) != (request.hash, request.asked_at)]
        await self._save(each for each in (*others, request) if abs(now - each.asked_at) <= KEPT)

    async def silent(self, request: Unanswered) -> None:
        """Note that no answer came, or none that says anything: from now on it may be carried out at any moment."""
        await self.note(replace(request, open_until=self._clock() + SETTLES))

    async def over(self, request: Unanswered) -> None:
        """Forget a request of which it is known what became of it."""
        await self._save(each for each in self.all if (each.hash, each.asked_at) != (request.hash, request.asked_at))

    async def seen(self, info_hash: str) -> None:
        """Forget the last request to add a torrent: what it made is there."""
        if asked := [each for each in self.all if each.hash == info_hash]:
            await self.over(max(asked, key=lambda each: each.asked_at))

    async def note_made(self, info_hash: str, entry_ids: Collection[str]) -> None:
        """Note entries that answered requests made: the others of that torrent didn't make them."""
        if any(each.hash == info_hash and not {*entry_ids} <= {*each.known_ids} for each in self.all):
            await self._save(
                replace(each, known_ids=tuple(dict.fromkeys((*each.known_ids, *entry_ids))))
                if each.hash == info_hash
                else each
                for each in self.all
            )

    async def _save(self, requests: Iterable[Unanswered]) -> None:
        kept = tuple(requests)
        await self._store.save_unanswered(kept)
        self.all = kept
