"""How repairing reaches a Real-Debrid account: its calls, and its refusals by their codes."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

from .clients.errors import BackendError, CannotConnect, InvalidAuth, NotFound, RateLimited, Refused
from .clients.real_debrid import RealDebridClient
from .debrid.listing import PAGE, Lister
from .debrid.policies import UNCERTAIN
from .debrid.repair_ports import Refusal
from .model.debrid import DebridCode, DebridPage, DebridPriority, DebridTorrent, DebridTorrentInfo, DebridUnrestricted

#: What a status means that came without a code of Real-Debrid's own.
_STATUSES: Mapping[int, DebridCode] = {
    HTTPStatus.BAD_REQUEST: DebridCode.BAD_PARAMETER_VALUE,
    HTTPStatus.FORBIDDEN: DebridCode.PERMISSION_DENIED,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: DebridCode.INFRINGING_FILE,
}


class DebridReader:
    """What reads an account, with a priority for its list and one for details."""

    def __init__(self, client: Callable[[], RealDebridClient], lists: DebridPriority, details: DebridPriority) -> None:
        """`client` is as for `DebridHands`."""
        self._client = client
        self._lists = lists
        self._details = details

    async def torrents(self, page: int = 1, limit: int = PAGE, etag: str | None = None) -> DebridPage | None:
        """Return a page of the list."""
        return await self._client().torrents(page, limit, etag, priority=self._lists)

    async def torrent(self, torrent_id: str) -> DebridTorrentInfo:
        """Return a torrent with its details."""
        return await self._client().torrent(torrent_id, priority=self._details)


class DebridHands:
    """One account, in the background or for a person who waits."""

    def __init__(
        self,
        client: Callable[[], RealDebridClient],
        clock: Callable[[], datetime],
        priority: DebridPriority = DebridPriority.BACKGROUND,
        *,
        known: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """`client` returns the one that the account has at the moment: it is another one after settings changed.

        It raises `CannotConnect` where the account was removed.

        `known` returns how many entries the account is known to have.
        """
        self._client = client
        self._clock = clock
        self._priority = priority
        self._known = known
        self._doubted = False

    @property
    def throttled_at(self) -> datetime | None:
        """When Real-Debrid last throttled the account; None, too, once that was removed."""
        try:
            return self._client().budget.state(self._clock()).throttled_at
        except CannotConnect:
            return None

    async def entries(self) -> Sequence[DebridTorrent]:
        """Return all entries of the account. Raises `Refusal`, also for a list that can't be right."""
        lister = Lister(DebridReader(self._client, self._priority, self._priority))
        found: dict[str, DebridTorrent] = {}
        with _refusals():
            async for page in lister.read():
                found.update((torrent.id, torrent) for torrent in page)
        if not lister.whole:
            raise Refusal("the list of torrents changed each time it was read", problem="list_changes")
        await self._doubt(len(lister.seen))
        return [found[torrent_id] for torrent_id in lister.seen]

    async def _doubt(self, count: int) -> None:
        """Refuse a list that lacks most of what is known, once: Real-Debrid may have had a bad moment.

        By such a list a torrent would be added beside itself, or taken for one that somebody deleted.
        """
        lacks = self._known is not None and 2 * count < await self._known()
        self._doubted = lacks and not self._doubted
        if self._doubted:
            raise Refusal("the list of torrents lacks most of what was there before", problem="list_lacks")

    async def details(self, torrent_id: str) -> DebridTorrentInfo:
        """Return an entry with its files. Raises `Refusal`."""
        with _refusals():
            return await self._client().torrent(torrent_id, priority=self._priority)

    async def add(self, info_hash: str) -> str:
        """Add a torrent by its hash, and return the id of its entry. Raises `Refusal`."""
        return await self.add_magnet(f"magnet:?xt=urn:btih:{info_hash}")

    async def add_magnet(self, magnet: str) -> str:
        """Add a magnet link, and return the id of its entry. Raises `Refusal`."""
        with _refusals():
            return await self._client().add_magnet(magnet, priority=self._priority)

    async def add_file(self, torrent: bytes) -> str:
        """Add a .torrent file, and return the id of its entry. Raises `Refusal`."""
        with _refusals():
            return await self._client().add_torrent(torrent, priority=self._priority)

    async def select(self, torrent_id: str, file_ids: Collection[int]) -> None:
        """Select files of an entry. Raises `Refusal`."""
        with _refusals():
            await self._client().select_files(torrent_id, file_ids, priority=self._priority)

    async def delete(self, torrent_id: str) -> None:
        """Delete an entry. Raises `Refusal`."""
        with _refusals():
            await self._client().delete(torrent_id, priority=self._priority)

    async def try_link(self, link: str) -> None:
        """Find out whether a link can be had. Raises `Refusal`."""
        await self.unrestrict(link)

    async def unrestrict(self, link: str) -> DebridUnrestricted:
        """Return a link that can be downloaded from. Raises `Refusal`."""
        with _refusals():
            return await self._client().unrestrict(link, priority=self._priority)


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise `Refusal` for every error of the client."""
    try:
        yield
    except BackendError as error:
        retry_after = error.retry_after if isinstance(error, RateLimited) else None
        problem = "no_answer" if isinstance(error, CannotConnect) else ""
        if error.code is not None and error.code not in set(DebridCode):
            problem = "unknown"
        raise Refusal(str(error), code=_code(error), retry_after=retry_after, problem=problem) from error


def surely_not_done(error: BackendError) -> bool:
    """Tell whether what was asked for was refused, rather than left without an answer that says anything."""
    code = _code(error)
    return code is not None and code not in UNCERTAIN


def _code(error: BackendError) -> DebridCode | None:
    """Return the code of an error, by its kind and status where it came without one."""
    if error.code in set(DebridCode):
        return DebridCode(error.code)
    match error:
        case RateLimited(status=HTTPStatus.SERVICE_UNAVAILABLE):  # of a gateway: Real-Debrid may have done it
            return DebridCode.SERVICE_UNAVAILABLE
        case RateLimited():
            return DebridCode.TOO_MANY_REQUESTS
        case InvalidAuth():
            return DebridCode.BAD_TOKEN
        case NotFound():
            return DebridCode.RESOURCE_NOT_FOUND
        case Refused():
            return _STATUSES.get(error.status)
    return None
