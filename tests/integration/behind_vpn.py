"""A real qBittorrent that downloads through a real tunnel, and what tests ask of it and of its guard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_socket

from custom_components.sokoul.autopilot.guards.vpn_types import Verdict, VpnState
from custom_components.sokoul.guarding import ClientGuard
from devstack.gluetun import GluetunSimulator
from devstack.real_qbittorrent import RealQbittorrent
from devstack.swarm import LocalSwarm, Published
from devstack.tunnel_interface import NotPermittedError
from devstack.vpn_world import WORLD, VpnWorld
from tests.devstack.conftest import find_real, find_swarm_python

from .conftest import GLUETUN_ID, PASSWORD, QBITTORRENT_ID, USERNAME, SetUp, qbittorrent_subentry, subentry

if TYPE_CHECKING:
    from custom_components.sokoul.hub import Hub

PATIENCE_SECONDS = 60
SIZE_BYTES = 32 << 20
UPLOAD_LIMIT = 256 << 10
STOPPED = {"pausedDL", "stoppedDL"}


@dataclass
class Behind:
    """A real qBittorrent that downloads through a tunnel, and what it downloads."""

    world: VpnWorld
    swarm: LocalSwarm
    other: LocalSwarm
    client: RealQbittorrent
    film: Published

    @property
    def tells(self) -> bool:
        """Whether this one notices that its interface is gone."""
        return self.client.binary.release >= (5, 0)

    async def torrent(self) -> dict[str, Any]:
        return (await self.client.torrents())[self.film.hash]

    async def connection(self) -> str:
        return str((await self.client.get("transfer/info"))["connection_status"])

    async def listen_port(self) -> int:
        return int((await self.client.get("app/preferences"))["listen_port"])

    async def bind(self, interface: str) -> None:
        """Bind it, as a person does in its preferences."""
        wanted = {"current_network_interface": interface, "current_interface_address": ""}
        await self.client.post("app/setPreferences", {"json": json.dumps(wanted)})

    async def seen_at(self) -> set[str]:
        """Return where the tracker saw it."""
        return {announce["address"] for announce in await self.swarm.announces(self.film.hash)} - {WORLD}

    async def goes_on(self) -> bool:
        """Tell whether more arrives, from another seeder: of dead connections it takes leave after two minutes only."""
        before = (await self.torrent())["completed"]
        await self.other.seed(self.film.torrent, self.film.content.parent, upload_limit=UPLOAD_LIMIT)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await self.client.connect(self.film.hash, self.other.address)
            await asyncio.sleep(0.5)
            if (await self.torrent())["completed"] > before:
                return True
        return False


@asynccontextmanager
async def at_home(
    world: VpnWorld,
    release: str,
    tmp_path: Path,
    *,
    interface: str = "",
    contained: bool = False,
    session_settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Behind]:
    """Start a client that downloads through the tunnel of a world, bound to an interface or to nothing.

    The test is skipped where there can be no such world.
    """
    binary, python = find_real(release), find_swarm_python()
    folder = tmp_path / "qbittorrent"
    folder.mkdir()
    async with AsyncExitStack() as life:
        try:
            await life.enter_async_context(world)
            if contained:
                await world.contain()
        except NotPermittedError as error:
            pytest.skip(f"no network namespaces here: {error}; that takes root, iproute2 and perhaps iptables")
        pytest_socket.socket_allow_hosts(["127.0.0.1", WORLD, world.web_address])  # until the next test sets it up anew
        swarm, other = (
            LocalSwarm(python, tmp_path / name, host=WORLD, command_prefix=world.outside) for name in ("swarm", "other")
        )
        client = RealQbittorrent(
            binary,
            folder,
            username=USERNAME,
            password=PASSWORD,
            address=world.web_address,
            command_prefix=world.at_home,
            session_settings=session_settings or {},
        )
        await asyncio.gather(*(life.enter_async_context(each) for each in (swarm, other, client)))
        film = await swarm.publish("film.mkv", SIZE_BYTES, upload_limit=UPLOAD_LIMIT)
        here = Behind(world, swarm, other, client, film)
        await here.bind(interface)
        await client.add_file(film.torrent)
        await until(lambda: arrived(here), "nothing came through the tunnel")
        yield here


async def guarded_with(gluetun: GluetunSimulator, set_up: SetUp, behind: Behind) -> ClientGuard:
    """Guard it, with a Gluetun that is connected, too."""
    entry = await set_up(
        qbittorrent_subentry(behind.client.url), subentry("gluetun", gluetun, GLUETUN_ID, title="Gluetun"), settle=False
    )
    hub: Hub = entry.runtime_data

    async def answering() -> bool:
        return all(each.answering for each in hub.backends.values())

    await until(answering, "they don't answer")
    return hub.guarding.of(hub.backends[QBITTORRENT_ID])


async def arrived(behind: Behind) -> bool:
    torrent = (await behind.client.torrents()).get(behind.film.hash)  # 4.5 adds a moment after its answer
    return torrent is not None and torrent["completed"] > 0


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


def verdict_of(guard: ClientGuard) -> Verdict:
    assert guard.verdict is not None
    return guard.verdict


async def reaches(guard: ClientGuard, state: VpnState) -> None:
    async def is_so() -> bool:
        return guard.verdict is not None and guard.verdict.state is state

    await until(is_so, f"never {state}, but {guard.verdict}")


async def runs_again(behind: Behind) -> bool:
    return (await behind.torrent())["state"] not in STOPPED
