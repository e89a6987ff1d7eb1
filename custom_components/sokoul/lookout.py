"""Where we are seen: services on the internet are asked, past the VPNs and through those that have an HTTP proxy.

All of them at once, so that what they say is of the same moment: that one lies, hangs or is away delays nobody.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import ClientSession
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_create_clientsession
from homeassistant.util import dt as dt_util
from yarl import URL

from .autopilot.guards.asking import Pace
from .autopilot.guards.evidence import Said, Seen
from .clients.public_ip import SERVICES_V4, SERVICES_V6, PublicIpClient, proxy_login
from .model.vpn import SeenAddress

if TYPE_CHECKING:
    from .hub import Hub

#: Past all tunnels.
DIRECTLY = ""


class Lookout:
    """What was said of where we are, by the address of the proxy that it was asked through."""

    def __init__(self, hub: Hub, on_news: Callable[[], None]) -> None:
        self._hub = hub
        self._on_news = on_news
        self._said: dict[str, dict[tuple[str, int], Seen[Said]]] = {}
        self._sessions: dict[str, ClientSession] = {}
        self._clients: dict[str, PublicIpClient] = {}
        self._paces: dict[str, Pace] = {}

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


def _session(hass: HomeAssistant, proxy: str) -> ClientSession:
    """Return a session that goes out directly, or through a proxy. Its login goes to the proxy alone."""
    if not proxy:
        return async_create_clientsession(hass)
    url = URL(proxy)
    login = (proxy_login(url.user, url.password or ""),) if url.user else ()
    return async_create_clientsession(hass, proxy=str(url.with_user(None)), middlewares=login)
