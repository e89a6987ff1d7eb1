"""Fetching an address that an indexer or a person gave: one answer, not followed anywhere.

Such an address may lead into the person's own network. So its name is looked up here, each of the addresses has to be
allowed, and the connection goes to the one that was judged: looked up a second time, the name could lead elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
import socket

from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from .errors import CannotConnect, Refused, Silence, UnexpectedResponse
from .http import CHUNK_BYTES

FETCH_SECONDS = 30.0

type Address = IPv4Address | IPv6Address
#: Returns the addresses of a host.
type LookUp = Callable[[str, int], Awaitable[Sequence[Address]]]


@dataclass(frozen=True, slots=True)
class FetchedLink:
    """An answer: a body, or where a redirect leads. Both may hold a key."""

    status: int
    body: bytes = field(default=b"", repr=False)
    location: str | None = field(default=None, repr=False)


class ForbiddenAddress(Refused):
    """The address leads where nobody may go."""


class TooLarge(UnexpectedResponse):
    """The body has more bytes than asked for."""


class LinkFetcher:
    """Fetches links, without any key or cookie of ours: what they need stands in them."""

    def __init__(
        self, session: ClientSession, allowed: Callable[[Address], bool], *, look_up: LookUp | None = None
    ) -> None:
        """Connect only to addresses that are `allowed`, unless a link is one's own. The session has no cookies."""
        self._session = session
        self._allowed = allowed
        self._look_up = look_up or _addresses_of

    async def fetch(
        self, link: str, *, own: bool, max_bytes: int, timeout_seconds: float = FETCH_SECONDS
    ) -> FetchedLink:
        """Return what is there. `own`: it is of a backend that the person connected, wherever that is.

        Messages of errors name the host, never the path or the query. Raises `ForbiddenAddress`, `TooLarge`,
        `CannotConnect`, `UnexpectedResponse`.
        """
        try:
            url = URL(link)
            port = url.port
        except ValueError as error:
            raise CannotConnect("the link is not a valid URL") from error
        if url.scheme not in {"http", "https"} or not url.host or port is None:
            raise ForbiddenAddress("the link is not one of the web", status=0)
        try:
            async with asyncio.timeout(timeout_seconds):
                target = url if own else await self._judged(url, url.host, port)
                return await self._get(url, target, max_bytes)
        except TimeoutError as error:
            raise CannotConnect(f"{url.host}: no answer", silence=Silence.TIMEOUT) from error

    async def _judged(self, url: URL, host: str, port: int) -> URL:
        """Return the URL with an address in place of the name."""
        try:
            addresses = await self._look_up(host, port)
        except OSError as error:
            raise CannotConnect(f"{host}: the host name is not known", silence=Silence.UNKNOWN_HOST) from error
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise ForbiddenAddress(f"{host}: leads into the own network", status=0)
        return url.with_host(str(addresses[0]))

    async def _get(self, url: URL, target: URL, max_bytes: int) -> FetchedLink:
        headers = {"Host": url.authority.rpartition("@")[2]} if target is not url else {}
        try:
            async with self._session.get(
                target,
                headers=headers,
                allow_redirects=False,
                timeout=_NO_TIMEOUT,
                server_hostname=url.host if url.scheme == "https" else None,
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    body += chunk
                    if len(body) > max_bytes:
                        raise TooLarge(f"{url.host}: more than {max_bytes} bytes", status=response.status)
                return FetchedLink(response.status, bytes(body), response.headers.get("Location"))
        except (ClientError, OSError, ValueError) as error:
            raise CannotConnect(f"{url.host}: can't be reached ({type(error).__name__})") from error


#: The time limit is ours.
_NO_TIMEOUT = ClientTimeout(total=None)


async def _addresses_of(host: str, port: int) -> Sequence[Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(address[0]) for *_, address in found))
