"""A VPN in network namespaces: a home with a tunnel and an ordinary way out, and the world at the far end of both.

    async with VpnWorld() as world:
        RealQbittorrent(binary, folder, address=world.web_address, command_prefix=world.at_home)
        LocalSwarm(python, folder, host=WORLD, command_prefix=world.outside)
        await world.cut()

Whoever asks from home is seen in the world at `TUNNEL_END`, and without the tunnel at `HOME`: nothing holds it back.
Between the two is a router, in which both ways end.
The home has a third interface, at which this machine reaches it, and which leads nowhere else. Of the machine's own
network nothing is changed, but that it has the other end of that one.
It takes Linux, `ip`, and the right to administrate the network.
"""

from contextlib import suppress
import random
from typing import Self

from .tunnel_interface import NotPermittedError, run_ip

WORLD, TUNNEL_END, HOME = "192.0.2.1", "198.51.100.2", "203.0.113.2"
TUNNEL = "tun0"

_chance = random.SystemRandom()


class VpnWorld:
    """Three namespaces that exist while this is entered."""

    def __init__(self) -> None:
        number = _chance.randrange(1, 250), _chance.randrange(0, 250)
        mark = f"{number[0]:02x}{number[1]:02x}"
        self._home, self._router, self._world = (f"sokoul-{name}-{mark}" for name in ("home", "router", "world"))
        self._web = f"sokoulweb{mark}"
        self._web_network = f"10.{number[0]}.{number[1]}"

    @property
    def web_address(self) -> str:
        """Where this machine reaches what is at home."""
        return f"{self._web_network}.2"

    @property
    def at_home(self) -> tuple[str, ...]:
        """What to put before a command that runs at home."""
        return "ip", "netns", "exec", self._home

    @property
    def outside(self) -> tuple[str, ...]:
        """And before one that runs in the world."""
        return "ip", "netns", "exec", self._world

    async def __aenter__(self) -> Self:
        try:
            for namespace in (self._home, self._router, self._world):
                await run_ip("netns", "add", namespace)
                await run_ip("-n", namespace, "link", "set", "lo", "up")
            await self._furnish()
        except NotPermittedError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for namespace in (self._home, self._router, self._world):
            with suppress(NotPermittedError):
                await run_ip("netns", "del", namespace)

    async def _furnish(self) -> None:
        await run_ip("link", "add", self._web, "type", "veth", "peer", "name", "web", "netns", self._home)
        await run_ip("addr", "add", f"{self._web_network}.1/24", "dev", self._web)
        await run_ip("link", "set", self._web, "up")
        await run_ip("-n", self._home, "addr", "add", f"{self.web_address}/24", "dev", "web")
        await run_ip("-n", self._home, "link", "set", "web", "up")
        await self._connect(self._world, "net0", WORLD, "world", metric=100)
        await self._connect(self._home, "eth0", HOME, "lan", metric=200)
        await run_ip("netns", "exec", self._router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        await self.restore()

    async def cut(self) -> None:
        """Take the tunnel away, interface and all, as when the VPN's program ends."""
        await run_ip("-n", self._home, "link", "del", TUNNEL)

    async def restore(self) -> None:
        """Connect it, anew."""
        await self._connect(self._home, TUNNEL, TUNNEL_END, "vpn", metric=50)

    async def turn(self, *, up: bool) -> None:
        """Turn the tunnel's interface off, or on again: it stays, but nothing goes through it."""
        await run_ip("-n", self._home, "link", "set", TUNNEL, "up" if up else "down")
        if up:
            await self._lead_out(self._home, TUNNEL, TUNNEL_END, metric=50)

    async def _connect(self, namespace: str, interface: str, address: str, far: str, *, metric: int) -> None:
        """Make an interface whose other end is in the router, and a way out of it."""
        await run_ip("link", "add", interface, "netns", namespace, "type", "veth", "peer", far, "netns", self._router)
        ends = ((namespace, interface, address), (self._router, far, _gateway(address)))
        for place, end, own in ends:
            await run_ip("-n", place, "link", "set", end, "addrgenmode", "none")
            await run_ip("-n", place, "addr", "add", f"{own}/24", "dev", end)
            await run_ip("-n", place, "link", "set", end, "up")
        await self._lead_out(namespace, interface, address, metric=metric)

    async def _lead_out(self, namespace: str, interface: str, address: str, *, metric: int) -> None:
        way = ("via", _gateway(address), "dev", interface, "metric", str(metric))
        await run_ip("-n", namespace, "route", "replace", "default", *way)


def _gateway(address: str) -> str:
    return f"{address.rpartition('.')[0]}.254"
