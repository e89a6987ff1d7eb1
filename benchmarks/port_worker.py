"""How soon a client listens on the forwarded port: what `port` runs.

A whole Home Assistant with SOKOUL polls at its own pace a simulated Gluetun and a real qBittorrent. Each case happens
at a random moment of the polls. Measured is from when the cause was there to be seen until somebody listens on the
right port, as the kernel says, or, where the port is the same, until a connection comes about by the interface:

- **another port**: from when Gluetun forwards another one.
- **reconnect**: the same, where that comes with a connection that took seven seconds.
- **same port**: from when the tunnel is connected again, its interface made anew, with the port that it had.
- **restart**: from when qBittorrent answers again, started with another port after an absence of a random length.
- **refused**: from when Gluetun forwards another one; the first write fails, by a stand-in for it in our own client.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
import logging
from pathlib import Path
import random
import statistics
import tempfile
from time import perf_counter
from typing import Any

from tests import ha_first  # noqa: F401 -- first: it makes the harness fit this Home Assistant

# isort: split

from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.clients.errors import Refused
from custom_components.sokoul.guarding import ClientGuard
from devstack.clock import WallClock
from devstack.gluetun import GluetunSimulator
from devstack.ports import free_port
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tools import QbittorrentBinary, find_qbittorrents
from devstack.tunnel_interface import NotPermittedError, TunnelInterface

USERNAME, PASSWORD = "sokoul", "correct horse"
RELEASES = ("4.5", "5.3")
#: The longest pause between two polls of the VPN while nothing happens there, and between two looks of the guard.
POLL_SECONDS = 10.0
LONGEST_ABSENCE_SECONDS = 60.0
GIVE_UP_SECONDS = 180.0
_LOOK_SECONDS = 0.02
_LISTENS = "0A"


def listening(address: str, port: int) -> bool:
    """Tell whether somebody listens there, as the kernel says (IPv4)."""
    wanted = f"{int.from_bytes(bytes(map(int, address.split('.'))), 'little'):08X}:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    return any(row[1] == wanted and row[3] == _LISTENS for row in rows)


async def seconds_until(holds: Callable[[], Awaitable[bool]]) -> float:
    """Wait until something holds, and return how long that took. Raises TimeoutError."""
    began = perf_counter()
    while not await holds():
        if perf_counter() - began > GIVE_UP_SECONDS:
            raise TimeoutError
        await asyncio.sleep(_LOOK_SECONDS)
    return perf_counter() - began


class Bench:
    """A Gluetun, a real qBittorrent bound to an interface, and what keeps its port."""

    def __init__(
        self,
        vpn: GluetunSimulator,
        real: RealQbittorrent,
        tunnel: TunnelInterface | None,
        guard: ClientGuard,
        seed: int,
    ) -> None:
        self._vpn = vpn
        self._real = real
        self._tunnel = tunnel
        self._guard = guard
        self._chance = random.Random(seed)
        self.cases: dict[str, Callable[[], Awaitable[float]]] = {
            "another port": self._another,
            "reconnect": self._reconnect,
            "restart": self._restart,
            "refused": self._refused,
        }
        if tunnel is not None:
            self.cases["same port"] = self._same

    @property
    def _port(self) -> int:
        (port,) = self._vpn.tunnel.ports
        return port

    async def settle(self) -> None:
        """Wait until it is right, and then for a random moment."""
        await seconds_until(self._right)
        await asyncio.sleep(self._chance.uniform(0, POLL_SECONDS))

    async def _right(self) -> bool:
        return self._guard.port.listening_port == self._port and await self._heard()

    async def _heard(self) -> bool:
        address = self._tunnel.address if self._tunnel is not None else "127.0.0.1"
        return listening(address, self._port)

    async def _another(self) -> float:
        self._vpn.tunnel.change_ports(free_port())
        return await seconds_until(self._heard)

    async def _reconnect(self) -> float:
        tunnel = self._vpn.tunnel
        tunnel.reconnect()
        await seconds_until(self._has_port)
        return await seconds_until(self._heard)

    async def _has_port(self) -> bool:
        return bool(self._vpn.tunnel.ports)

    async def _same(self) -> float:
        assert self._tunnel is not None
        tunnel, port = self._vpn.tunnel, self._port
        tunnel.reconnect()
        tunnel.change_ports(port)
        await self._tunnel.recreate()
        await seconds_until(self._has_port)
        return await seconds_until(self._reached)

    async def _reached(self) -> bool:
        assert self._tunnel is not None
        return await self._tunnel.reaches(self._port)

    async def _restart(self) -> float:
        await self._real.stop()
        file = self._real.directory / "profile/qBittorrent/config/qBittorrent.conf"
        told = file.read_text(encoding="utf-8").replace(f"\\Port={self._port}\n", f"\\Port={free_port()}\n", 1)
        file.write_text(told, encoding="utf-8")
        await asyncio.sleep(self._chance.uniform(0, LONGEST_ABSENCE_SECONDS))
        await self._real.start()
        if await self._heard():
            raise RuntimeError("it started with the right port")
        return await seconds_until(self._heard)

    async def _refused(self) -> float:
        client, real = self._guard.backend.client, self._guard.backend.client.set_settings

        async def refuse_once(_: Any) -> None:
            client.set_settings = real
            raise Refused("refused by the benchmark", status=409)

        client.set_settings = refuse_once
        return await self._another()


async def measure(binary: QbittorrentBinary, runs: int, seed: int) -> dict[str, list[float]]:
    """Return the seconds of each run by case."""
    async with AsyncExitStack() as life:
        folder = Path(life.enter_context(tempfile.TemporaryDirectory()))
        vpn = await life.enter_async_context(GluetunSimulator(clock=WallClock()))
        vpn.tunnel.change_ports(free_port())
        vpn.tunnel.connecting, vpn.tunnel.forwarding = timedelta(seconds=5), timedelta(seconds=2)
        real = await life.enter_async_context(RealQbittorrent(binary, folder, username=USERNAME, password=PASSWORD))
        try:
            tunnel = await life.enter_async_context(TunnelInterface())
        except NotPermittedError as error:
            tunnel = None
            print(f"without “same port”: {error}")
        if tunnel is not None:
            bound = f'{{"current_network_interface": "{tunnel.name}", "current_interface_address": ""}}'
            await real.post("app/setPreferences", {"json": bound})
        hass = await life.enter_async_context(async_test_home_assistant())
        entry = await set_up(hass, vpn, real)
        life.push_async_callback(hass.async_stop, force=True)
        life.push_async_callback(hass.config_entries.async_unload, entry.entry_id)
        hub, by_kind = entry.runtime_data, await answering(entry)
        guard: ClientGuard = hub.guarding.of(by_kind["qbittorrent"])
        interface = tunnel.name if tunnel is not None else "lo"
        vpn_id = by_kind["gluetun"].subentry_id
        guard.choose(Shelter(containment=Containment.BOUND, vpn_id=vpn_id, interface=interface, clue=Clue.PERSON))
        bench = Bench(vpn, real, tunnel, guard, seed)
        found: dict[str, list[float]] = {case: [] for case in bench.cases}
        for _ in range(runs):
            for case, happen in bench.cases.items():
                await bench.settle()
                found[case].append(await happen())
        return found


async def set_up(hass: HomeAssistant, vpn: GluetunSimulator, real: RealQbittorrent) -> MockConfigEntry:
    """Set SOKOUL up with both."""
    hass.data.pop(DATA_CUSTOM_COMPONENTS, None)
    frame.async_setup(hass)
    await async_setup_component(hass, "homeassistant", {})
    logins = {"qbittorrent": (real.url, {"username": USERNAME, "password": PASSWORD}), "gluetun": (vpn.url, {})}
    entry = MockConfigEntry(
        domain="sokoul",
        title="SOKOUL",
        subentries_data=[
            {
                "subentry_type": kind,
                "title": kind,
                "unique_id": f"{kind}:benchmark",
                "data": {"connection": {"url": url, "verify_ssl": True, **login}, "preferences": {}},
            }
            for kind, (url, login) in logins.items()
        ],
    )
    entry.add_to_hass(hass)
    if not await hass.config_entries.async_setup(entry.entry_id):
        raise RuntimeError(f"SOKOUL is not set up: {entry.reason}")
    return entry


async def answering(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the backends by their kind, once all answer."""
    backends = entry.runtime_data.backends.values()

    async def all_answer() -> bool:
        return all(backend.answering for backend in backends)

    await seconds_until(all_answer)
    return {backend.connector.kind: backend for backend in backends}


def show(version: str, runs: int, found: dict[str, list[float]]) -> None:
    """Print a table."""
    print(f"real qBittorrent {version}, {runs} runs of each, seconds until somebody listens on the right port")
    print(f"{'':14}{'median':>9}{'longest':>9}")
    for case, seconds in found.items():
        print(f"{case:14}{statistics.median(seconds):9.2f}{max(seconds):9.2f}")
    print(flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/bench port", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="of each case")
    parser.add_argument("--releases", nargs="+", choices=RELEASES, default=RELEASES)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    for binary in find_qbittorrents():
        if ".".join(map(str, binary.release[:2])) in options.releases:
            found = asyncio.run(measure(binary, options.runs, options.seed))
            show(binary.version, options.runs, found)


if __name__ == "__main__":
    main()
