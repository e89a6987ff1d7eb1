"""How fast a way out is: a file is fetched through it, for so many bytes and so long at most.

Which way that is, is the session's business: one with a `proxy` goes through it, redirects too. Nothing is kept of what
comes, and the connection is closed as soon as enough has come.
"""

import asyncio
import time

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout
from yarl import URL

from .errors import BackendError, CannotConnect, Refused, Silence, UnexpectedResponse

#: A file of Cloudflare's own speed test, as large as it is asked for, from a place near the way out.
DEFAULT_URL = "https://speed.cloudflare.com/__down?bytes={bytes}"
#: What stands in an address for how many bytes are wanted.
BYTES = "{bytes}"

#: So long has the first byte to come.
ANSWER_SECONDS = 5.0
#: Less than this says more about the beginning of a connection than about its speed.
LEAST_BYTES = 256 * 1024
_CHUNK_BYTES = 64 * 1024
_STATUS_OK = 200


def sample_url(url: str, most_bytes: int) -> URL:
    """Return the address of a sample. Raises ValueError when it is none that can be fetched."""
    address = URL((url or DEFAULT_URL).replace(BYTES, str(most_bytes)))
    if address.scheme not in {"http", "https"} or not address.host:
        raise ValueError("the address has to start with http:// or https:// and name a host")
    return address


async def throughput(session: ClientSession, url: str, *, most_bytes: int, most_seconds: float) -> float:
    """Return how many bytes a second come, measured from the first piece on.

    Raises `CannotConnect` when nothing came, `Refused` when something else than a file did, `UnexpectedResponse` when
    too little did to tell.
    """
    try:
        address = sample_url(url, most_bytes)
    except ValueError as error:
        raise CannotConnect("the address of the sample is not valid") from error
    headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache", "Connection": "close"}
    try:
        async with (
            asyncio.timeout(ANSWER_SECONDS + most_seconds),
            session.get(
                address, headers=headers, timeout=ClientTimeout(total=None, sock_read=ANSWER_SECONDS)
            ) as response,
        ):
            if response.status != _STATUS_OK:
                raise Refused(f"sample: {response.status}", status=response.status)
            came, seconds = await _fetch(response, most_bytes, most_seconds)
    except BackendError:
        raise
    except TimeoutError as error:
        raise CannotConnect("sample: nothing came in time", silence=Silence.TIMEOUT) from error
    except (ClientError, OSError, ValueError) as error:
        raise CannotConnect(f"sample: {type(error).__name__}") from error
    if came < LEAST_BYTES or seconds <= 0:
        raise UnexpectedResponse("sample: too little came to tell how fast it is")
    return came / seconds


async def _fetch(response: ClientResponse, most_bytes: int, most_seconds: float) -> tuple[int, float]:
    """Return how many bytes came after the first piece, and how long that took."""
    total = came = 0
    begin: float | None = None
    async for piece in response.content.iter_chunked(_CHUNK_BYTES):
        now = time.monotonic()
        total += len(piece)
        if begin is None:
            begin = now
            continue
        came += len(piece)
        if total >= most_bytes or now - begin >= most_seconds:
            break
    return came, 0.0 if begin is None else time.monotonic() - begin
