"""Real-Debrid's REST API 1.0: an account, its torrents and its links, within a budget of requests.

Every method raises the errors of `clients.errors`, and only those, with Real-Debrid's own number as `code`
(`model.debrid.DebridCode`) where it gave one. Every request waits for its turn in the budget; while the account pauses,
`RateLimited` comes at once and nothing is sent. A token goes to no other host than this API's, and in no URL.
Source: api.real-debrid.com.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
import re

from aiohttp import ClientSession

from ..model.debrid import (
    DebridAccount,
    DebridActive,
    DebridCode,
    DebridPage,
    DebridPriority,
    DebridTorrentInfo,
    DebridTraffic,
    DebridUnrestricted,
)
from .errors import InvalidAuth, NotFound, RateLimited, UnexpectedResponse
from .fields import Fields
from .http import Answer, HttpClient, Query
from .real_debrid_budget import DebridBudget
from .real_debrid_fields import (
    ANY_REFUSAL,
    error_of,
    read_account,
    read_active,
    read_info,
    read_torrents,
    read_traffic,
    read_unrestricted,
)
from .real_debrid_tokens import TokenSource

BASE_URL = "https://api.real-debrid.com"
#: The longest page that the API gives.
MAX_PAGE = 5000
#: A page of 5,000 is made in seconds.
TIMEOUT_SECONDS = 30.0
MAX_BYTES = 64 * 1024 * 1024
#: A larger answer is read in a thread.
LARGE_BYTES = 64 * 1024

BACKGROUND = DebridPriority.BACKGROUND


class RealDebridClient:
    """One account. `priority` says who waits for an answer: a person goes before what runs in the background."""

    def __init__(
        self,
        session: ClientSession,
        tokens: TokenSource,
        budget: DebridBudget,
        *,
        url: str = BASE_URL,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._http = HttpClient(session, f"{url}/rest/1.0", timeout_seconds=timeout_seconds)
        self._tokens = tokens
        self.budget = budget

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, without the wait for its turn; None before the first."""
        return self._http.latency_seconds

    @property
    def keeps_tokens(self) -> bool:
        """Whether it works with tokens that were given to us, rather than with a person's own."""
        return self._tokens.ours

    # --- the account ---------------------------------------------------------------------------------------------

    async def user(self, *, priority: DebridPriority = BACKGROUND) -> DebridAccount:
        """Return whose account it is, and how long it is paid for."""
        return read_account((await self._request("GET", "user", priority=priority)).json())

    async def traffic(self, *, priority: DebridPriority = BACKGROUND) -> tuple[DebridTraffic, ...]:
        """Return what is left at the hosters that are limited."""
        return read_traffic((await self._request("GET", "traffic", priority=priority)).json())

    async def active(self, *, priority: DebridPriority = BACKGROUND) -> DebridActive:
        """Return how many torrents are active, how many may be, and which they are."""
        return read_active((await self._request("GET", "torrents/activeCount", priority=priority)).json())

    # --- reading torrents ----------------------------------------------------------------------------------------

    async def torrents(
        self, page: int = 1, limit: int = MAX_PAGE, etag: str | None = None, *, priority: DebridPriority = BACKGROUND
    ) -> DebridPage | None:
        """Return a page of the torrents, the newest first; an empty one past the end.

        None when it is still the one that `etag` was given with. A page says nothing of the next: whatever is added or
        deleted between two of them shifts the second (`total` tells).
        """
        headers = None if etag is None else {"If-None-Match": etag}
        answer = await self._request(
            "GET", "torrents", params={"page": page, "limit": limit}, headers=headers, priority=priority, lists=True
        )
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return None
        total = _total(answer)
        if answer.status == HTTPStatus.NO_CONTENT:
            return DebridPage(total=total, etag=answer.headers.get("ETag"))
        large = len(answer.body) > LARGE_BYTES
        rows, full = await asyncio.to_thread(read_torrents, answer.body) if large else read_torrents(answer.body)
        # a page that lacks something is asked for again: it may have been a bad moment
        return DebridPage(torrents=rows, total=total, etag=answer.headers.get("ETag") if full else None)

    async def total(self, *, priority: DebridPriority = BACKGROUND) -> int:
        """Return how many torrents there are."""
        answer = await self._request("GET", "torrents", params={"limit": 1}, priority=priority, lists=True)
        total = _total(answer)
        if total is None and answer.status != HTTPStatus.NO_CONTENT:
            raise UnexpectedResponse("torrents: the answer doesn't say how many there are", status=answer.status)
        return total or 0

    async def torrent(self, torrent_id: str, *, priority: DebridPriority = BACKGROUND) -> DebridTorrentInfo:
        """Return a torrent with its details. Raises `NotFound` when it is gone."""
        answer = await self._request("GET", f"torrents/info/{_segment(torrent_id)}", priority=priority)
        if len(answer.body) > LARGE_BYTES:  # of thousands of files
            return await asyncio.to_thread(lambda: read_info(answer.json()))
        return read_info(answer.json())

    # --- changing torrents ---------------------------------------------------------------------------------------

    async def add_magnet(self, magnet: str, *, priority: DebridPriority = BACKGROUND) -> str:
        """Add a magnet link; return the id of the new torrent. The same one can be added twice: that makes two."""
        answer = await self._request("POST", "torrents/addMagnet", form={"magnet": magnet}, priority=priority)
        return Fields(answer.json(), "torrents/addMagnet").text("id")

    async def add_torrent(self, torrent: bytes, *, priority: DebridPriority = BACKGROUND) -> str:
        """Add a .torrent file; return the id of the new torrent. The same one can be added twice: that makes two."""
        answer = await self._request("PUT", "torrents/addTorrent", body=torrent, priority=priority)
        return Fields(answer.json(), "torrents/addTorrent").text("id")

    async def select_files(
        self, torrent_id: str, file_ids: Collection[int] | None, *, priority: DebridPriority = BACKGROUND
    ) -> None:
        """Select files of a torrent, None for all of them: it begins. What was selected already stays so."""
        if file_ids is not None and not file_ids:
            raise ValueError("no file is selected")
        files = "all" if file_ids is None else ",".join(str(each) for each in sorted(file_ids))
        path = f"torrents/selectFiles/{_segment(torrent_id)}"
        await self._request("POST", path, form={"files": files}, priority=priority)

    async def delete(self, torrent_id: str, *, priority: DebridPriority = BACKGROUND) -> None:
        """Delete a torrent. Raises `NotFound` when it was gone already."""
        await self._request("DELETE", f"torrents/delete/{_segment(torrent_id)}", priority=priority)

    # --- links ---------------------------------------------------------------------------------------------------

    async def unrestrict(self, link: str, *, priority: DebridPriority = BACKGROUND) -> DebridUnrestricted:
        """Return a link that can be downloaded from, made of a hoster's."""
        answer = await self._request("POST", "unrestrict/link", form={"link": link}, priority=priority)
        return read_unrestricted(answer.json())

    # --- leaving -------------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Forget the tokens that the account gave us, and make them worthless there. A person's own stays as it is.

        Raises `BackendError` when Real-Debrid could not be told: they are forgotten nevertheless.
        """
        if self._tokens.ours:
            try:
                token = await self._tokens.token()
            finally:
                await self._tokens.forget()
            request = partial(self._http.request, "GET", "disable_access_token", expected=ANY_REFUSAL)
            await self._send(request, token, {}, DebridPriority.PERSON, lists=False)

    # --- requests ------------------------------------------------------------------------------------------------

    async def _request(
        self,
        method: str,
        path: str,
        *,
        priority: DebridPriority,
        params: Query | None = None,
        form: dict[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,  # under what condition it is answered at all
        lists: bool = False,
    ) -> Answer:
        """Send a request when it may be sent; once more with a renewed token where the token was refused."""
        token = await self._tokens.token()
        request = partial(
            self._http.request,
            method,
            path,
            params=params,
            form=form,
            body=body,
            expected=ANY_REFUSAL if headers is None else ANY_REFUSAL | {HTTPStatus.NOT_MODIFIED},
            max_bytes=MAX_BYTES,
            once=method != "GET",
        )
        try:
            return await self._send(request, token, headers or {}, priority, lists=lists)
        except InvalidAuth:
            renewed = await self._tokens.renewed(token)
            if renewed is None:
                raise
        return await self._send(request, renewed, headers or {}, priority, lists=lists)

    async def _send(
        self,
        request: Callable[..., Awaitable[Answer]],
        token: str,
        headers: Mapping[str, str],
        priority: DebridPriority,
        *,
        lists: bool,
    ) -> Answer:
        sent_at = await self.budget.turn(priority, lists=lists)
        answer = await request(headers={"Authorization": f"Bearer {token}", **headers})
        error = error_of(answer) if answer.status in ANY_REFUSAL else None
        if isinstance(error, RateLimited):
            error.retry_after = self._throttled(sent_at, answer, error)
            raise error
        self.budget.accepted()
        if error is not None:
            raise error
        return answer

    def _throttled(self, sent_at: float, answer: Answer, error: RateLimited) -> timedelta:
        too_many = answer.status == HTTPStatus.TOO_MANY_REQUESTS or error.code in _TOO_MANY
        return self.budget.refused(sent_at, error.code, error.retry_after, too_many=too_many)


_TOO_MANY = frozenset({DebridCode.SLOW_DOWN, DebridCode.TOO_MANY_REQUESTS})


def _segment(torrent_id: str) -> str:
    """Return an id as a part of a path. What is no id leads nowhere: raises `NotFound`."""
    if not _ID.fullmatch(torrent_id):
        raise NotFound("there is no torrent with such an id")
    return torrent_id


_ID = re.compile(r"[A-Za-z0-9_-]+")


def _total(answer: Answer) -> int | None:
    text = answer.headers.get("X-Total-Count", "").strip()
    return int(text) if text.isdecimal() else None
