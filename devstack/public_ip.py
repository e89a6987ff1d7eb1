"""A service that tells who asks from which public address: in plain text, or in JSON with `?format=json`.

In the simulated world the public address follows from the loopback address that a request comes from: 127.0.0.1 is
home, and a VPN's proxy asks from another one. As with the real services, each has but one of IPv4 and IPv6: whoever has
no address of that kind doesn't get through to it. `lie` is what it answers instead of the truth.
"""

from collections.abc import Iterable
import json

from aiohttp import web

from .clock import Clock
from .frame import Simulator

HOME = "127.0.0.1"


class PublicIpSimulator(Simulator):
    """A service for one of IPv4 and IPv6."""

    name = "Public IP"

    def __init__(self, home: str | None = None, *, clock: Clock | None = None, seed: int = 1) -> None:
        super().__init__(clock=clock, seed=seed)
        #: the public address by the loopback address
        self.addresses: dict[str, str] = {} if home is None else {HOME: home}
        self.lie: str | None = None

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the only route."""
        yield web.get("/", self._tell)

    async def _tell(self, request: web.Request) -> web.Response:
        address = self.addresses.get(request.remote or "")
        if address is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        said = address if self.lie is None else self.lie
        if request.query.get("format") == "json":
            return web.Response(text=json.dumps({"ip": said}), content_type="application/json")
        return web.Response(text=f"{said}\n")
