"""Where we are seen: services on the internet are asked, past the VPNs and through those that have an HTTP proxy.

All of them at once, so that what they say is of the same moment: that one lies, hangs or is away delays nobody.
"""

from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import ClientMiddlewareType, ClientSession
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.util import dt as dt_util
from yarl import URL

from .autopilot.guards.asking import Pace
from .autopilot.guards.evidence import Said, Seen
from .autopilot.guards.resolvers import ResolverLook, Resolving, resolving
from .clients.dns_echo import SERVICE as DNS_SERVICE, DnsEchoClient
from .clients.errors import BackendError, InvalidAuth
from .clients.public_ip import SERVICES_V4, SERVICES_V6, PublicIpClient, proxy_login
from .model.vpn import SeenAddress

if TYPE_CHECKING:
    from .hub import Hub

#: How often it is asked who looks names up, and how many answers are kept.
RESOLVERS_EVERY, RESOLVERS_KEPT = timedelta(hours=1), 4

#: Past all tunnels.
DIRECTLY = ""

PROXY_EXAMPLE = "http://gluetun:8888"


def mistake_in(proxy: str) -> str | None:
    """Return what is wrong with the address of an HTTP proxy, as the error of a form; None: it can be asked through."""
    try:
        url = URL(proxy)
    except ValueError:
        return "not_a_proxy"
    if url.scheme not in {"http", "https"} or not url.host:
        return "not_a_proxy"
    try:
        _login(url)
    except InvalidAuth:
        return "colon_in_name"
    return None


def _login(url: URL) -> tuple[ClientMiddlewareType, ...]:
    return (proxy_login(url.user, url.password or ""),) if url.user else ()


class Lookout:
    """What was said of where we are, by the address of the proxy that it was asked through."""

    def __init__(self, hub: Hub, on_news: Callable[[], None]) -> None:
        self._hub = hub
        self._on_news = on_news
        self._said: dict[str, dict[tuple[str, int], Seen[Said]]] = {}
        self._sessions: dict[str, ClientSession] = {}
        self._clients: dict[str, PublicIpClient] = {}
        self._paces: dict[str, Pace] = {}
        self._resolvers: dict[str, deque[Seen[ResolverLook]]] = {}
        self._resolvers_asked_at: dict[str, datetime] = {}

    def said(self, proxy: str = DIRECTLY) -> tuple[Seen[Said], ...]:
        """Return the last answer of each service."""
        return tuple(self._said.get(proxy, {}).values())

    @callback
    def ask_if_due(self, proxies: Collection[str], *, wanted: bool, after: datetime | None = None) -> None:
        """Ask what is due. `wanted`: a guard could settle something by it now, best by an answer from `after`."""
        now = dt_util.utcnow()
        for proxy in proxies:
            if self._paces.setdefault(proxy, Pace()).is_due(now, wanted=wanted, after=after):
                self._hub.in_background(self._ask(proxy), "look at our own address")

    def resolvers(self, proxy: str = DIRECTLY) -> tuple[Seen[ResolverLook], ...]:
        """Return which name servers looked up names lately, the newest last."""
        return tuple(self._resolvers.get(proxy, ()))

    def resolving(self, proxy: str) -> tuple[Resolving, Seen[ResolverLook] | None]:
        """Return where names are looked up that are asked for through a proxy, and the look that says so."""
        if not proxy:
            return Resolving.UNVERIFIED, None
        return resolving(self.resolvers(proxy), self.resolvers(), dt_util.utcnow())

    @callback
    def ask_for_resolvers_if_due(self, proxies: Collection[str]) -> None:
        """Ask who looks names up, through these proxies and past them."""
        now = dt_util.utcnow()
        for proxy in (DIRECTLY, *proxies) if DNS_SERVICE else ():
            before = self._resolvers_asked_at.get(proxy)
            if before is None or abs(now - before) >= RESOLVERS_EVERY:  # a clock may be set back
                self._resolvers_asked_at[proxy] = now
                self._hub.in_background(self._ask_for_resolver(proxy), "look at who looks up names")

    async def ask_now(self, proxy: str = DIRECTLY) -> SeenAddress:
        """Return where we are seen now, by IPv4: somebody needs to know once. Raises `BackendError`."""
        return await self._client(proxy).ask()

    def session(self, proxy: str) -> ClientSession:
        """Return the session that goes out this way."""
        if proxy not in self._sessions:
            self._sessions[proxy] = _session(self._hub.hass, proxy)
        return self._sessions[proxy]

    def _client(self, proxy: str) -> PublicIpClient:
        client = self._clients.get(proxy)
        if client is None:
            client = PublicIpClient(self.session(proxy), services_v4=SERVICES_V4, services_v6=SERVICES_V6)
            self._clients[proxy] = client
        return client

    async def _ask(self, proxy: str) -> None:
        heard = self._said.setdefault(proxy, {})

        def hear(seen: SeenAddress) -> None:
            said = Said(service=seen.by, address=str(seen.address))
            answer = Seen(value=said, at=dt_util.utcnow(), took=timedelta(seconds=seen.took_seconds))
            heard[seen.by, seen.address.version] = answer
            self._on_news()

        await self._client(proxy).ask_all(hear)  # no answer proves nothing; what was said before gets old

    async def _ask_for_resolver(self, proxy: str) -> None:
        came_from = ""
        with suppress(BackendError):
            came_from = str((await self._client(proxy).ask()).address)
        with suppress(BackendError):
            seen = await DnsEchoClient(self.session(proxy), DNS_SERVICE).ask()
            look = ResolverLook(resolver=seen, came_from=came_from)
            answer = Seen(value=look, at=dt_util.utcnow(), took=timedelta(seconds=seen.took_seconds))
            self._resolvers.setdefault(proxy, deque(maxlen=RESOLVERS_KEPT)).append(answer)
            self._on_news()


def _session(hass: HomeAssistant, proxy: str) -> ClientSession:
    """Return a session that goes out directly, or through a proxy. Its login goes to the proxy alone."""
    if not proxy:
        return async_create_clientsession(hass)
    url = URL(proxy)
    return async_create_clientsession(hass, proxy=str(url.with_user(None)), middlewares=_login(url))
