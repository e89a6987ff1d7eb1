"""The one place where requests leave SOKOUL: time and size bounds, redirects, and the error tree.

Whatever a server, a proxy or the network does becomes an answer or a `BackendError`. Messages name the method and
the path, never the query, the headers or a body, because those may hold secrets.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import time
from typing import Any

from aiohttp import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    FormData,
    ServerDisconnectedError,
)
from multidict import MultiMapping
import orjson
from yarl import URL

from .errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    UnexpectedResponse,
)
from .redact import redact

DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_MAX_BYTES = 64 * 1024 * 1024
MAX_REDIRECTS = 3
CHUNK_BYTES = 64 * 1024
#: Nobody means a longer wait than this.
MAX_RETRY_AFTER = timedelta(days=1)
#: Longer than this and the text is a page or a stack trace, not a reason.
MAX_REASON_CHARACTERS = 300

type Query = Mapping[str, str | int | float | bool | Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, read completely."""

    status: int
    headers: MultiMapping[str]
    body: bytes | bytearray
    where: str

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the body decoded from JSON.

        Raises `NotTheApi` for a web page and `UnexpectedResponse` for anything else that is not JSON.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            if is_web_page(self):
                raise NotTheApi(f"{self.where}: a web page came instead of JSON", status=self.status) from error
            raise UnexpectedResponse(
                f"{self.where}: the answer of {len(self.body)} bytes is not valid JSON", status=self.status
            ) from error


def is_web_page(answer: Answer) -> bool:
    """Tell whether a person's page came where an API's answer was due."""
    if "html" in answer.headers.get("Content-Type", "").lower():
        return True
    return answer.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


class HttpClient:
    """Requests to one backend below one base URL.

    The session is the caller's (Home Assistant's shared one, or one with its own cookies) and is never closed here.
    """

    def __init__(
        self,
        session: ClientSession,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        try:
            # what a browser shows may end in "?..." or "#/..."
            base = URL(base_url.strip()).with_query(None).with_fragment(None)
            self._base = base.with_path(base.raw_path.rstrip("/") + "/", encoded=True)
        except ValueError as error:
            raise CannotConnect("the address is not a valid URL") from error
        if self._base.scheme not in {"http", "https"} or not self._base.host:
            raise CannotConnect("the address has to start with http:// or https:// and name a host")
        self._session = session
        self._headers = dict(headers or {})
        if not all(value.isprintable() for value in self._headers.values()):
            raise InvalidAuth("the key holds characters that no key has")
        self._timeout_seconds = timeout_seconds
        self._latency_seconds: float | None = None

    @property
    def base_url(self) -> URL:
        """Where the backend is, ending with a slash."""
        return self._base

    @property
    def latency_seconds(self) -> float | None:
        """How long the last complete answer took, None before the first."""
        return self._latency_seconds

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Query | None = None,
        json: Any = None,
        form: Mapping[str, str] | FormData | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        expected: frozenset[int] = frozenset(),
        once: bool = False,
    ) -> Answer:
        """Send one request below the base URL and read the whole answer.

        With `once` it is not sent again by itself when the connection is cut before an answer, as aiohttp does with the
        methods that HTTP calls idempotent: where a second PUT makes a second thing, they are not.
        Statuses of 400 and more raise the matching error, but for those in `expected`, which are returned.
        Redirects are followed for reads, within the same host only, and never from https to http. A web page is no
        answer of an API, whatever its status says: that raises `NotTheApi`.
        """
        where = f"{method} {self._base.path.rstrip('/')}/{path.lstrip('/')}"
        url = self._base.joinpath(path.lstrip("/")) if path else self._base
        if params:
            url = url.with_query(_query(params))
        sent_headers = {**self._headers, **(headers or {})}
        data: Any = form if body is None else body
        if json is not None:
            data = orjson.dumps(json)
            sent_headers["Content-Type"] = "application/json"
        patience = timeout_seconds or self._timeout_seconds
        try:
            async with asyncio.timeout(patience):
                answer = await self._follow(method, url, where, sent_headers, data, max_bytes, expected, once=once)
        except TimeoutError as error:
            raise CannotConnect(f"{where}: no complete answer in {patience:g} s", silence=Silence.TIMEOUT) from error
        if answer.status in expected:
            return answer
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            if answer.body and is_web_page(answer):  # a proxy's: what was asked for was not done
                raise NotTheApi(f"{where}: a web page came instead of the API's answer", status=answer.status)
            return answer
        if answer.status < HTTPStatus.BAD_REQUEST:
            raise UnexpectedResponse(f"{where}: {answer.status}, which nothing asked for", status=answer.status)
        raise error_of(answer)

    async def get_json(self, path: str, *, params: Query | None = None, timeout_seconds: float | None = None) -> Any:
        """Read one JSON document."""
        return (await self.request("GET", path, params=params, timeout_seconds=timeout_seconds)).json()

    async def _follow(
        self,
        method: str,
        url: URL,
        where: str,
        headers: Mapping[str, str],
        data: Any,
        max_bytes: int,
        expected: frozenset[int],
        *,
        once: bool,
    ) -> Answer:
        answer = await self._exchange(method, url, where, headers, data, max_bytes, once=once)
        redirects = 0
        while answer.status in _REDIRECTS - expected:
            redirects += 1
            if redirects > MAX_REDIRECTS:
                raise NotTheApi(f"{where}: redirected more than {MAX_REDIRECTS} times", status=answer.status)
            url = _redirected(method, url, answer)
            answer = await self._exchange(method, url, where, headers, data, max_bytes, once=once)
        return answer

    async def _exchange(
        self,
        method: str,
        url: URL,
        where: str,
        headers: Mapping[str, str],
        data: Any,
        max_bytes: int,
        *,
        once: bool,
    ) -> Answer:
        begin = time.monotonic()
        options: dict[str, Any] = {"middlewares": (_never_again,)} if once else {}
        try:
            async with self._session.request(
                method, url, headers=headers, data=data, timeout=_NO_TIMEOUT, allow_redirects=False, **options
            ) as response:
                body = await _read_bounded(response, where, max_bytes)
        except TimeoutError as error:  # the system's own: the other side vanished from the network
            raise CannotConnect(f"{where}: the connection timed out", silence=Silence.TIMEOUT) from error
        except (ClientConnectorCertificateError, ClientSSLError) as error:
            raise CannotConnect(f"{where}: the TLS connection failed", silence=Silence.TLS) from error
        except ClientConnectorDNSError as error:
            raise CannotConnect(f"{where}: the host name is not known", silence=Silence.UNKNOWN_HOST) from error
        except ClientConnectorError as error:
            refused = isinstance(error.os_error, ConnectionRefusedError)
            raise CannotConnect(
                f"{where}: {'the connection was refused' if refused else 'the host cannot be reached'}",
                silence=Silence.REFUSED if refused else Silence.UNREACHABLE,
            ) from error
        except ClientPayloadError as error:
            raise UnexpectedResponse(f"{where}: the answer was cut off") from error
        except (ClientConnectionError, OSError) as error:
            raise CannotConnect(f"{where}: the connection was cut", silence=Silence.CUT_OFF) from error
        except ClientError as error:
            raise UnexpectedResponse(f"{where}: the answer is not valid HTTP ({type(error).__name__})") from error
        except ValueError as error:  # aiohttp's InvalidURL is one, too
            raise CannotConnect(f"{where}: the address or the headers are not valid") from error
        self._latency_seconds = time.monotonic() - begin
        return Answer(response.status, response.headers, body, where)


class _CutOffError(ClientConnectionError):
    """The connection was cut: none of the errors after which aiohttp sends a request again."""


async def _never_again(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Let what was cut off stay so: the server may have done it."""
    try:
        return await handler(request)
    except ClientConnectorError:  # it never got there, and is not sent again either
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise _CutOffError from error


#: The time limit is ours, over all redirects together.
_NO_TIMEOUT = ClientTimeout(total=None)


async def _read_bounded(response: ClientResponse, where: str, max_bytes: int) -> bytearray:
    """Read the body, but give up before an endless one fills the memory.

    One growing buffer, because joining the pieces of a large body at the end would hold everything else up.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise UnexpectedResponse(f"{where}: the answer is larger than {max_bytes} bytes", status=response.status)
    return body


def error_of(answer: Answer) -> BackendError:
    """Return the error that a status of 400 or more stands for."""
    status, where = answer.status, answer.where
    reason = reason_of(answer)
    message = f"{where}: {status}{f' ({reason})' if reason else ''}"
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN if is_web_page(answer):
            return NotTheApi(f"{message} with a web page", status=status)  # a proxy's: it never came to the backend
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return InvalidAuth(message)
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return NotFound(message)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(message, retry_after=_retry_after(answer), status=status)
        case HTTPStatus.SERVICE_UNAVAILABLE if (wait := _retry_after(answer)) is not None:
            return RateLimited(message, retry_after=wait, status=status)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return UnexpectedResponse(message, status=status)
        case _:
            return Refused(message, status=status)


def reason_of(answer: Answer) -> str:
    """Return the backend's own short words for an error, or nothing where it sent a page or a stack trace."""
    if is_web_page(answer):
        return ""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = answer.text
    match body:
        case str():
            words = body
        case {"message": str(words)} | {"error": str(words)}:
            pass
        case [*failures]:  # the *arr's validation failures
            words = "; ".join(
                f"{failure.get('propertyName', '')}: {failure.get('errorMessage', '')}".lstrip(": ")
                for failure in failures
                if isinstance(failure, dict)
            )
        case _:
            words = ""
    words = redact(" ".join(words.split()))
    return words if len(words) <= MAX_REASON_CHARACTERS else words[: MAX_REASON_CHARACTERS - 1] + "…"


_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _redirected(method: str, url: URL, answer: Answer) -> URL:
    """Return where a redirect leads, or refuse it: credentials stay with the server that they were given for."""
    location = answer.headers.get("Location", "")
    try:
        target = url.join(URL(location))
    except ValueError:
        target = URL()
    if not location or not target.host:
        raise NotTheApi(f"{answer.where}: redirected to nowhere", status=answer.status)
    if target.host != url.host:
        raise NotTheApi(f"{answer.where}: redirected to another host ({target.host})", status=answer.status)
    if (url.scheme, target.scheme) == ("https", "http"):
        raise NotTheApi(f"{answer.where}: redirected from https to http", status=answer.status)
    # from http to https the port may stay, or go from 80 to 443
    to_tls = (url.scheme, target.scheme) == ("http", "https") and url.is_default_port() and target.is_default_port()
    if target.port != url.port and not to_tls:
        raise NotTheApi(f"{answer.where}: redirected to another port ({target.port})", status=answer.status)
    if method not in {"GET", "HEAD"}:
        raise NotTheApi(f"{answer.where}: redirected; use the address that it leads to", status=answer.status)
    return target


def _retry_after(answer: Answer) -> timedelta | None:
    """Return how long to wait, from seconds or from an HTTP date; None when the header is absent or unreadable."""
    value = answer.headers.get("Retry-After", "").strip()
    try:
        if value.isdecimal():
            return timedelta(seconds=min(int(value), MAX_RETRY_AFTER.total_seconds()))
        # by the server's own clock where it tells it: ours may differ
        wait = _http_date(value) - _http_date(answer.headers.get("Date", ""), datetime.now(UTC))
    except ValueError:
        return None
    return min(max(wait, timedelta()), MAX_RETRY_AFTER)


def _http_date(text: str, otherwise: datetime | None = None) -> datetime:
    """Return an HTTP date. Raises ValueError when it is none and there is nothing to take in its place."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        if otherwise is None:
            raise
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _query(params: Query) -> list[tuple[str, str]]:
    """Spell out a query: booleans as JSON does, sequences as repeated names."""
    spelled: list[tuple[str, str]] = []
    for name, value in params.items():
        values = value if isinstance(value, (list, tuple)) else (value,)
        spelled.extend((name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values)
    return spelled
