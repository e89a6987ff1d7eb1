"""What is around the demo's stack: a VPN with a forwarded port, a small machine that gets warm, and the outside world.

`run` lets the day go by: the machine is busy now and then, as with transcoding, and the VPN forwards another port now
and then. Who wants to decide that alone sets `eventful` to False.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from .clock import Clock, WallClock
from .debrid_world import DebridWorld
from .gluetun import VPN_SOURCE, GluetunSimulator, Role
from .gluetun_tunnel import SERVERS
from .ports import free_port
from .public_ip import HOME, PublicIpSimulator
from .thermal import Boards, ThermalMachine

API_KEY = "demo-key-of-gluetun"
#: Where the home is seen from outside, in this world. It has to look like an address that can be anybody's.
HOME_ADDRESS = "86.9.12.34"
SERVER = SERVERS[0]

#: The routes that SOKOUL's role has, as its documentation says.
_ROUTES = (
    "GET /v1/version",
    "GET /v1/vpn/status",
    "PUT /v1/vpn/status",
    "GET /v1/publicip/ip",
    "GET /v1/portforward",
    "GET /v1/dns/status",
)

_WRITE_SECONDS = 1
#: The machine rests, and then is busy for so long that its heat passes the first threshold, and not the second.
_REST, _BUSY = timedelta(minutes=12), timedelta(minutes=6)
_REST_LOAD, _BUSY_LOAD = 0.15, 0.9
_PORT_LASTS = timedelta(minutes=10)


class Surroundings:
    """The simulators of it. VPN, machine and Real-Debrid are seen by a person; the rest answers what is asked."""

    def __init__(self, folder: Path, *, clock: Clock | None = None) -> None:
        """Keep the machine's sensors below `folder`."""
        self.clock = clock or WallClock()
        self.gluetun = GluetunSimulator(
            roles=[Role(routes=_ROUTES, api_key=API_KEY)], servers=[SERVER], clock=self.clock
        )
        self.pi = ThermalMachine(folder / "sys", Boards.RASPBERRY_PI_4, clock=self.clock)
        self.debrid = DebridWorld(folder / "debrid", clock=self.clock)
        self.eventful = True
        self._begun = self._port_changed = self.clock.now()
        self._services = (PublicIpSimulator(clock=self.clock), PublicIpSimulator(clock=self.clock))
        self._life = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for simulator in (self.gluetun, self.debrid, *self._services):
            await self._life.enter_async_context(simulator)
        for service in self._services:
            service.addresses = {HOME: HOME_ADDRESS, VPN_SOURCE: SERVER.address}
        self.forward_another_port()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._life.aclose()
        self.pi.close()

    def forward_another_port(self) -> int:
        """Let the VPN forward another port, and return it."""
        port = free_port()
        self.gluetun.tunnel.change_ports(port)
        return port

    async def run(self) -> None:
        """Let the day go by, until it is cancelled."""
        while True:
            self.go_on()
            await asyncio.sleep(_WRITE_SECONDS)

    def go_on(self) -> None:
        """Do what is due by now, and keep the sensors true."""
        now = self.clock.now()
        if self.eventful:
            busy = (now - self._begun) % (_REST + _BUSY) >= _REST
            if self.pi.load != (load := _BUSY_LOAD if busy else _REST_LOAD):
                self.pi.load = load
            if now - self._port_changed >= _PORT_LASTS:
                self.forward_another_port()
                self._port_changed = now
        self.pi.write()
        self.debrid.go_on()

    def world(self, *, calm_seconds: int | None = None) -> dict[str, Any]:
        """Return what Home Assistant's component `demo_world` is told. None: heat has to be over for as long as ever.

        A service is known by its name, and two of them have to agree.
        """
        one, other = (service.url for service in self._services)
        world: dict[str, Any] = {
            "public_ip_services": [one, other.replace("127.0.0.1", "localhost")],
            "sensors": str(self.pi.root),
            "real_debrid": self.debrid.simulator.url,
        }
        return world if calm_seconds is None else {**world, "calm_seconds": calm_seconds}
