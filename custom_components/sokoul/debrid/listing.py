"""Reading the whole list of an account, although it may change between two pages.

Pages are counted from the newest torrent: what is added on top shifts the next page down, so that a torrent is seen
twice; what is deleted shifts it up, so that one is not seen at all, and would be taken for gone. Both are noticed,
because the pages don't add up to the total that each of them names. Then the list is read again; a list that never
holds still is used for what it shows, and nothing is taken for gone because of it.

A page that is as it was costs one request without an answer's body. Which torrents were on it is kept in memory: after
a restart all pages are read once.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from ..model.debrid import DebridTorrent
from .ports import Account

PAGE = 5000
#: So often a list that changed while it was read is read again.
TRIES = 3


@dataclass(frozen=True, slots=True)
class _Page:
    """What is known of a page: its mark, and which torrents were on it."""

    etag: str | None
    ids: tuple[str, ...]
    total: int | None


_NO_PAGE = _Page(None, (), None)


@dataclass(slots=True)
class Lister:
    """Reads one account's list page by page."""

    account: Account
    page_size: int = PAGE
    requests: int = 0  # of this reading
    seen: set[str] = field(default_factory=set)  # ids, of this reading
    whole: bool = False  # the last reading saw all that there is
    unchanged: bool = False  # and every page was as it was
    _pages: list[_Page] = field(default_factory=list)

    def forget(self) -> None:
        """Believe no page to be as it was."""
        self._pages = []

    async def read(self) -> AsyncIterator[Sequence[DebridTorrent]]:
        """Return the pages that are not as they were; afterwards `whole` and `seen` tell what that means."""
        self.requests = 0
        self.whole = self.unchanged = False
        unchanged = True
        for _ in range(TRIES):
            pages: list[_Page] = []
            length = 0
            totals: set[int] = set()  # of the pages that were sent: what a page once said does not count
            self.seen = set()
            async for page, torrents in self._attempt():
                pages.append(page)
                length += len(page.ids)
                self.seen.update(page.ids)
                if torrents is not None:
                    unchanged = False
                    totals.update(() if page.total is None else (page.total,))
                    yield torrents
            # no torrent twice, and as many as every page said: nothing was shifted over the end of a page
            if length == len(self.seen) and totals <= {length}:
                self._pages, self.whole, self.unchanged = pages, True, unchanged
                return
            self._pages = []  # what did not hold still is not believed to be as it was
            unchanged = False

    async def _attempt(self) -> AsyncIterator[tuple[_Page, Sequence[DebridTorrent] | None]]:
        """Return every page of one reading, with its torrents where it is not as it was."""
        known, total = self._pages, None
        for number in count(1):
            old = known[number - 1] if number <= len(known) else _NO_PAGE
            answer = await self.account.torrents(number, self.page_size, old.etag)
            self.requests += 1
            empty_again = answer is not None and not answer.torrents and number <= len(known) and not old.ids
            if answer is None or empty_again:
                yield old, None
                length, total = len(old.ids), total if total is not None else old.total
            else:
                total = answer.total if answer.total is not None else total
                ids = answer.ids
                yield _Page(answer.etag, ids, answer.total), answer.torrents
                length = len(ids)
            if length < self.page_size or (total is not None and total <= number * self.page_size):
                return
