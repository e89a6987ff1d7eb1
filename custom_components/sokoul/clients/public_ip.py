"""Asking somebody outside at which public address we are seen, with IPv4 and IPv6 apart.

Whether that is asked directly or through a tunnel is the session's business: one with a `proxy` asks through it. The
proxy resolves the names then, so each service has a name that leads to one of IPv4 and IPv6 only.

An answer counts when it is a public address of the kind that was asked for; a login page, an error in words, a private
address or one of a carrier's own network is none. A service that fails is passed over. Who wants one answer gets it
from another service each time, and who wants to be sure asks all of them at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import IntEnum
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address
import time

from aiohttp import (
    ClientHandlerType,
    ClientHttpProxyError,
    ClientMiddlewareType,
    ClientProxyConnectionError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    encode_basic_auth,
)
from multidict import CIMultiDict
import orjson
from yarl import URL

from ..model.vpn import SeenAddress
from .errors import BackendError, CannotConnect, InvalidAuth, RateLimited, Refused, Silence, UnexpectedResponse
from .http import Answer, HttpClient

#: Such a service answers within tens of milliseconds; a tunnel adds some hundreds.
TIMEOUT_SECONDS = 5.0
#: The longest address has 39 characters; the rest is for JSON with more in it.
MAX_BYTES = 4096

#: Where the address stands in an answer in JSON.
_NAMES = ("ip", "ip_addr", "address")


class IpVersion(IntEnum):
    """Which of the two kinds of addresses."""

    V4 = 4
    V6 = 6


#: Well-known services that want no key, in plain text. Only over TLS, so that nobody on the way can answer instead.
SERVICES_V4 = (
    "https://api4.ipify.org",
    "https://ipv4.icanhazip.com",
    "https://v4.ident.me",
    "https://checkip.amazonaws.com",
)
SERVICES_V6 = ("https://api6.ipify.org", "https://ipv6.icanhazip.com", "https://v6.ident.me")


def proxy_login(username: str, password: str) -> ClientMiddlewareType:
    """Return what a session needs among its `middlewares` to log in at its proxy. Raises `InvalidAuth`.

    It must not be a header of the session: that would be sent to the services, too.
    """
    try:
        login = encode_basic_auth(username, password)
    except ValueError as error:
        raise InvalidAuth("a user name cannot hold a colon") from error

    async def log_in(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        if request.proxy is not None:
            # aiohttp makes it the proxy's own header, with TLS and without
            request.proxy_headers = CIMultiDict({"Authorization": login})
        return await send(request)

    return log_in


class PublicIpClient:
    """Asks for the public address. Raises the errors of `clients.errors`, and only those.

    The session's connections should not be kept: one that is older than a reconnect would tell of the time before.
    """

    def __init__(
        self,
        session: ClientSession,
        *,
        services_v4: Sequence[str] = SERVICES_V4,
        services_v6: Sequence[str] = SERVICES_V6,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._services = {
            IpVersion.V4: [_Service(session, url, timeout_seconds) for url in services_v4],
            IpVersion.V6: [_Service(session, url, timeout_seconds) for url in services_v6],
        }
        self._asked = dict.fromkeys(IpVersion, 0)

    async def ask(self, version: IpVersion = IpVersion.V4) -> SeenAddress:
        """Return the public address, from the first service that tells one.

        Raises `CannotConnect` when none could be reached (for IPv6 that is usual: there may be none), `InvalidAuth`
        when the proxy wants another login, `RateLimited` when all want to be left alone, and else `UnexpectedResponse`.
        """
        services = self._services[version]
        first = self._asked[version]
        self._asked[version] += 1
        errors: dict[str, BackendError] = {}
        for turn in range(len(services)):
            service = services[(first + turn) % len(services)]
            try:
                return await service.ask(version)
            except BackendError as error:
                errors[service.host] = error
                if isinstance(error, InvalidAuth):  # the proxy's: it says the same to all
                    break
        raise _summary(errors)

    async def ask_all(self, hear: Callable[[SeenAddress], None]) -> None:
        """Ask every service at once, for both kinds of addresses, and have each answer heard as it comes.

        Services that fail are passed over. It takes as long as the slowest one, and at most the timeout.
        """

        async def ask(service: _Service, version: IpVersion) -> None:
            with suppress(BackendError):
                hear(await service.ask(version))

        await asyncio.gather(*(ask(each, version) for version, services in self._services.items() for each in services))


class _Service:
    """One service."""

    def __init__(self, session: ClientSession, url: str, timeout_seconds: float) -> None:
        try:
            address = URL(url)
            origin = str(address.origin())
        except ValueError as error:
            raise CannotConnect("the address of a service is not a valid URL") from error
        self.host = address.host or ""
        self._path = address.path
        self._query = dict(address.query)
        self._http = HttpClient(
            session,
            origin,
            # neither an old connection nor a cache on the way may answer
            headers={"Connection": "close", "Cache-Control": "no-cache", "Accept": "text/plain, application/json"},
            timeout_seconds=timeout_seconds,
        )

    async def ask(self, version: IpVersion) -> SeenAddress:
        begin = time.monotonic()
        try:
            answer = await self._http.request("GET", self._path, params=self._query, max_bytes=MAX_BYTES)
        except BackendError as error:
            raise _about_the_proxy(error) from error
        address = _address(answer, version)
        return SeenAddress(address=address, by=self.host, took_seconds=time.monotonic() - begin)


def _address(answer: Answer, version: IpVersion) -> IPv4Address | IPv6Address:
    """Read a public address. Raises `UnexpectedResponse` for anything else, which is not repeated in the message."""
    try:
        address = ip_address(_written(answer))
    except ValueError as error:
        raise UnexpectedResponse(f"{answer.where}: the answer is no address", status=answer.status) from error
    if address.version != version:
        raise UnexpectedResponse(f"{answer.where}: an address of IPv{address.version}", status=answer.status)
    if not address.is_global or address.is_multicast:
        raise UnexpectedResponse(f"{answer.where}: an address that is not public", status=answer.status)
    return address


def _written(answer: Answer) -> str:
    """Return what stands where the address should. Raises ValueError."""
    text = answer.text.strip()
    if not text.startswith("{"):
        return text
    fields = orjson.loads(text)
    return next((value for name in _NAMES if isinstance(value := fields.get(name), str)), "")


def _about_the_proxy(error: BackendError) -> BackendError:
    """Say what the proxy of the session has to do with an error, where it is that."""
    match error, error.__cause__:
        case _, ClientProxyConnectionError():
            return CannotConnect("the proxy does not answer", silence=Silence.REFUSED)
        case _, ClientHttpProxyError(status=status):  # to a service with TLS
            pass
        case Refused(status=HTTPStatus.PROXY_AUTHENTICATION_REQUIRED as status), _:  # to one without
            pass
        case InvalidAuth(), _:
            return UnexpectedResponse(str(error))  # a service that wants a key: another one may not
        case _:
            return error
    if status in {HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return InvalidAuth(f"the proxy refuses our login ({status})")
    return CannotConnect(f"the proxy gets no connection ({status})")


def _summary(errors: dict[str, BackendError]) -> BackendError:
    """Return one error for those of all services."""
    text = "; ".join(f"{host}: {error}" for host, error in errors.items()) or "there is no service to ask"
    kinds = list(errors.values())
    for error in kinds:
        if isinstance(error, InvalidAuth):
            return InvalidAuth(text)
    if kinds and all(isinstance(error, RateLimited) for error in kinds):
        waits = [error.retry_after for error in kinds if isinstance(error, RateLimited) and error.retry_after]
        return RateLimited(text, retry_after=min(waits, default=None))
    silences = [error.silence for error in kinds if isinstance(error, CannotConnect)]
    if len(silences) == len(kinds):
        return CannotConnect(text, silence=silences[0] if silences else Silence.UNREACHABLE)
    return UnexpectedResponse(text)
