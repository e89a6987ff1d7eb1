"""A VPN in network namespaces: a home with a tunnel and an ordinary way out, and the world at the far end of both.

    async with VpnWorld() as world:
        RealQbittorrent(binary, folder, address=world.web_address, command_prefix=world.at_home)
        LocalSwarm(python, folder, host=WORLD, command_prefix=world.outside)
        await world.cut()

Whoever asks from home is seen in the world at `TUNNEL_END`, and without the tunnel at `HOME`: nothing holds it back,
unless `contain` does. Between the two is a router, in which both ways end. What comes by one of them with an address of
the other it drops, as the far end of a VPN does. With `translated` the home has private addresses, and the router puts
those in their place, as that of a house and a VPN do: nobody gets in then.
The home has a third interface, at which this machine reaches it, and which leads nowhere else. Of the machine's own
network nothing is changed, but that it has the other end of that one.
It takes Linux, `ip` (and `iptables` for the addresses that are translated), and the right to administrate the network.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import os
from pathlib import Path
import random
import socket
from typing import Self

from .tunnel_interface import NotPermittedError, run_ip

WORLD, TUNNEL_END, HOME = "192.0.2.1", "198.51.100.2", "203.0.113.2"
TUNNEL, LINE = "tun0", "eth0"

_PRIVATE = {LINE: "192.168.178.20", TUNNEL: "10.2.0.2"}
_NAMESPACES = Path("/run/netns")
_chance = random.SystemRandom()


class VpnWorld:
    """Three namespaces that exist while this is entered."""

    def __init__(self, *, home_address: str = HOME, tunnel_end: str = TUNNEL_END, translated: bool = False) -> None:
        """`home_address` and `tunnel_end` are of two IPv4 networks (/24); by default nobody's, of documentation."""
        self.home_address, self.tunnel_end, self._translated = home_address, tunnel_end, translated
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
        switches = "for each in ip_forward conf/default/rp_filter; do echo 1 >/proc/sys/net/ipv4/$each; done"
        await run_ip("netns", "exec", self._router, "sh", "-c", switches)
        await self._connect(self._world, "net0", WORLD, "world", metric=100)
        await self._connect(self._home, LINE, await self._local(LINE, self.home_address), "lan", metric=200)
        await self.restore()

    async def cut(self) -> None:
        """Take the tunnel away, interface and all, as when the VPN's program ends."""
        await run_ip("-n", self._home, "link", "del", TUNNEL)

    async def restore(self, tunnel_end: str = "") -> None:
        """Connect it, anew, and at another end if one is given."""
        self.tunnel_end = tunnel_end or self.tunnel_end
        await self._connect(self._home, TUNNEL, await self._local(TUNNEL, self.tunnel_end), "vpn", metric=50)

    async def contain(self) -> None:
        """Let nothing out but by the tunnel, as a VPN container's firewall: what goes the other way is lost."""
        await run_ip("-n", self._router, "rule", "add", "pref", "1", "iif", "lan", "blackhole")

    async def turn(self, *, up: bool) -> None:
        """Turn the tunnel's interface off, or on again: it stays, but nothing goes through it."""
        await run_ip("-n", self._home, "link", "set", TUNNEL, "up" if up else "down")
        if up:
            await self._lead_out(self._home, TUNNEL, await self._local(TUNNEL, self.tunnel_end), metric=50)

    async def _local(self, interface: str, public: str) -> str:
        """Return the address of one of the home's interfaces that is seen in the world at a public one."""
        if not self._translated:
            return public
        local = _PRIVATE[interface]
        rule = ("-I", "POSTROUTING", "-s", f"{local}/24", "-o", "world", "-j", "SNAT", "--to-source", public)
        await run_ip("netns", "exec", self._router, "iptables", "-t", "nat", *rule)
        return local

    def listen_outside(self) -> socket.socket:
        """Return a socket in the world that listens for connections, at a free port."""
        return _within(self._world, lambda: socket.create_server((WORLD, 0)))

    def leave_home(self, interface: str = "") -> socket.socket:
        """Return a socket at home that isn't connected yet, and goes out by an interface if one is given."""

        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            if interface:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            return made

        return _within(self._home, make)

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


def _within[T](namespace: str, make: Callable[[], T]) -> T:
    """Return what is made in a namespace by a thread that enters it: a socket stays where it was made."""

    def enter_and_make() -> T:
        with (_NAMESPACES / namespace).open("rb") as handle:
            os.setns(handle.fileno(), os.CLONE_NEWNET)
        return make()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(enter_and_make).result()


def _gateway(address: str) -> str:
    return f"{address.rpartition('.')[0]}.254"
