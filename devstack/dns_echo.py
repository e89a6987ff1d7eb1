"""A service that tells which name server asked for its name, as `edns.ip-api.com` does.

Whoever opens a connection to a name has it looked up first, by the name server that they use; that is what `look_up`
is for, which a resolver of a test and a VPN's proxy call. Over HTTP the service then tells whom it saw ask for the name
that stands in the request. A name that nobody looked up within a minute leads to a new one.
Source: https://ip-api.com/docs/dns (2026).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
import secrets
from typing import Any

from aiohttp import web

from .clock import Clock
from .frame import Simulator

DOMAIN = "edns.example"
#: What was looked up is forgotten after this.
LASTS = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class NameServer:
    """A name server as the world sees it: its address, whose it is, and the part of its client's that it hands on."""

    address: str
    operator: str = "Germany - Example Broadband"
    client_network: str = ""


class DnsEchoSimulator(Simulator):
    """The service, HTTP and names."""

    name = "DNS echo"

    def __init__(self, *, clock: Clock | None = None, seed: int = 1) -> None:
        super().__init__(clock=clock, seed=seed)
        self.looked_up: dict[str, tuple[NameServer, datetime]] = {}
        self.instead: Any = None  # what it answers instead of the truth

    @property
    def template(self) -> str:
        """The address to ask, with a place for the random name."""
        return f"http://{{}}.{DOMAIN}:{self.port}/json"

    def look_up(self, host: str, by: NameServer) -> str | None:
        """Have a name looked up; None for one that is none of this service's."""
        if not host.endswith(f".{DOMAIN}"):
            return None
        self.looked_up[host] = by, self.clock.now()
        return "127.0.0.1"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the only route."""
        yield web.get("/json", self._tell)

    async def _tell(self, request: web.Request) -> web.Response:
        host = request.host.partition(":")[0]
        server, at = self.looked_up.get(host, (None, self.clock.now()))
        if server is None or self.clock.now() - at > LASTS:
            raise web.HTTPFound(self.template.format(secrets.token_hex(16)))
        if self.instead is not None:
            return web.json_response(self.instead)
        told: dict[str, dict[str, str]] = {"dns": {"ip": server.address, "geo": server.operator}}
        if server.client_network:
            told["edns"] = {"ip": server.client_network, "geo": server.operator}
        return web.json_response(told)
