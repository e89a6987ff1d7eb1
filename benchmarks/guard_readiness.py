"""What the VPN guard's readiness costs an hour: a part of `guard`, in a process of its own.

A whole Home Assistant with SOKOUL polls a simulated Gluetun and a real qBittorrent at its own pace. Its guard is
switched off and on in turns, without a VPN that forwards a port and without services that are asked where we are; the
processor time of this process and of qBittorrent is taken in each. The difference is what the guard costs, with all
that its steps do around the questions.
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
import logging
import os
from pathlib import Path
import tempfile
from time import perf_counter, process_time

from tests import ha_first  # noqa: F401 -- first: it makes the harness fit this Home Assistant

# isort: split

from pytest_homeassistant_custom_component.common import async_test_home_assistant

from custom_components.sokoul import lookout
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.guarding import ClientGuard
from devstack.clock import WallClock
from devstack.gluetun import GluetunSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.tools import QbittorrentBinary, find_qbittorrents

from .port_worker import PASSWORD, RELEASES, USERNAME, answering, set_up

#: What it really is bound to, so that nothing leaves.
LOOPBACK = "lo"
WATCHED = (Containment.OPEN, Containment.BOUND)
_HOUR_SECONDS = 3600
#: What was asked when the guard was switched has ended by then.
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time an hour."""

    ours: float
    theirs: float  # qBittorrent's


class Bench:
    """A guard in Home Assistant, and the real qBittorrent that it watches."""

    def __init__(self, real: RealQbittorrent, guard: ClientGuard, vpn_id: str) -> None:
        self._real = real
        self._guard = guard
        self._vpn_id = vpn_id

    async def watch(self, containment: Containment, seconds: float) -> Cost:
        """Return what an hour costs where the client is sheltered like that."""
        interface = LOOPBACK if containment is Containment.BOUND else None
        self._guard.choose(Shelter(containment=containment, vpn_id=self._vpn_id, interface=interface, clue=Clue.PERSON))
        self._guard.turn(on=True)
        cost = await self._measure(seconds)
        if self._guard.verdict is None or self._guard.verdict.stop or self._guard.held:
            raise RuntimeError(f"it should guard, and stop nothing: {self._guard.verdict}")
        return cost

    async def leave(self, seconds: float) -> Cost:
        """Return what an hour costs without a guard."""
        self._guard.turn(on=False)
        return await self._measure(seconds)

    async def _measure(self, seconds: float) -> Cost:
        await asyncio.sleep(_SETTLE_SECONDS)
        ours, theirs, began = process_time(), self._processor_seconds(), perf_counter()
        await asyncio.sleep(seconds)
        hours = (perf_counter() - began) / _HOUR_SECONDS
        return Cost((process_time() - ours) / hours, (self._processor_seconds() - theirs) / hours)

    def _processor_seconds(self) -> float:
        fields = Path(f"/proc/{self._real.process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(
    binary: QbittorrentBinary, torrents: int, rounds: int, seconds: float
) -> dict[Containment | None, list[Cost]]:
    """Return the costs of each round by how the client is sheltered; None: without a guard."""
    async with AsyncExitStack() as life:
        folder = Path(life.enter_context(tempfile.TemporaryDirectory()))
        vpn = await life.enter_async_context(GluetunSimulator(clock=WallClock()))
        vpn.tunnel.change_ports()
        real = await life.enter_async_context(RealQbittorrent(binary, folder, username=USERNAME, password=PASSWORD))
        bound = f'{{"current_network_interface": "{LOOPBACK}", "current_interface_address": ""}}'
        await real.post("app/setPreferences", {"json": bound})
        await real.add_many(torrents)
        hass = await life.enter_async_context(async_test_home_assistant())
        entry = await set_up(hass, vpn, real)
        life.push_async_callback(hass.async_stop, force=True)
        life.push_async_callback(hass.config_entries.async_unload, entry.entry_id)
        hub, by_kind = entry.runtime_data, await answering(entry)
        bench = Bench(real, hub.guarding.of(by_kind["qbittorrent"]), by_kind["gluetun"].subentry_id)
        found: dict[Containment | None, list[Cost]] = {None: [], **{each: [] for each in WATCHED}}
        for _ in range(rounds):
            found[None].append(await bench.leave(seconds))
            for containment in WATCHED:
                found[containment].append(await bench.watch(containment, seconds))
        return found


def show(found: dict[Containment | None, list[Cost]]) -> None:
    """Print what each shelter costs, less what it costs without a guard."""
    means = {
        which: Cost(sum(cost.ours for cost in costs) / len(costs), sum(cost.theirs for cost in costs) / len(costs))
        for which, costs in found.items()
    }
    without = means[None]
    print(f"  without the guard: {without.ours:.1f} s of processor an hour here, {without.theirs:.1f} s in qBittorrent")
    for which in WATCHED:
        ours, theirs = means[which].ours - without.ours, means[which].theirs - without.theirs
        print(f"  readiness, {which}: {ours:.1f} s more here, {theirs:.1f} s in qBittorrent", flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", choices=RELEASES, required=True)
    parser.add_argument("--torrents", type=int, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    logging.disable(logging.ERROR)
    for services in ("SERVICES_V4", "SERVICES_V6", "DNS_SERVICE"):
        setattr(lookout, services, ())  # imported there, and not exported
    binary = next(each for each in find_qbittorrents() if each.version.startswith(chosen.release))
    show(asyncio.run(measure(binary, chosen.torrents, chosen.rounds, chosen.seconds)))


if __name__ == "__main__":
    main()
