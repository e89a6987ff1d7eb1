"""The VPN guard on real qBittorrents with two ways out: a real tunnel, and the line at home, which is the leak.

The client is bound to nothing: when the tunnel goes, it goes on by the line. Each piece of evidence that there is for
that is seen to be enough by itself, and what is no evidence to be none.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import time

import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Proof, VpnState
from custom_components.sokoul.guarding import PROXY_KEY, ClientGuard
from devstack.clock import WallClock
from devstack.gluetun import GluetunSimulator, Role
from devstack.gluetun_tunnel import VpnServer
from devstack.http_proxy import HttpProxy
from devstack.vpn_world import LINE, WORLD, VpnWorld
from tests.devstack.conftest import REAL_RELEASES

from .behind_vpn import (
    STOPPED,
    UPLOAD_LIMIT,
    Behind,
    at_home,
    guarded_with,
    reaches,
    runs_again,
    until,
    verdict_of,
)
from .conftest import GLUETUN_ID, Names, SetUp

#: Public ones, unlike those of documentation: no service would be believed that names one of these.
AT_HOME, AT_ITS_END = "86.9.12.34", "45.83.220.11"
SECOND = timedelta(seconds=1)
OPEN = Shelter(containment=Containment.OPEN, vpn_id=GLUETUN_ID, clue=Clue.PERSON)
_CHUNK_BYTES = 4096

pytestmark = pytest.mark.real


# --- services that tell who asks -------------------------------------------------------------------------------------


class AddressService:
    """A service in the world that tells everybody from which address they ask."""

    def __init__(self, world: VpnWorld) -> None:
        self._socket = world.listen_outside()
        self.port = int(self._socket.getsockname()[1])

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with await asyncio.start_server(self._tell, sock=self._socket):
            yield

    @staticmethod
    async def _tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            told = writer.get_extra_info("peername")[0]
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(told)}\r\nConnection: close"
            writer.write(f"{head}\r\n\r\n{told}".encode())
            await writer.drain()
        writer.close()


async def leave(world: VpnWorld, port: int, interface: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect from home to somebody in the world. Raises OSError."""
    way = world.leave_home(interface)
    try:
        async with asyncio.timeout(2):
            await asyncio.get_running_loop().sock_connect(way, (WORLD, port))
    except OSError:
        way.close()
        raise
    return await asyncio.open_connection(sock=way)


class ProxyAtHome(HttpProxy):
    """An HTTP proxy that asks by whatever way out there is: the tunnel, and without it the line."""

    def __init__(self, world: VpnWorld) -> None:
        super().__init__(lambda: True, source="")
        self._world = world

    async def _reach(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        del host  # all services are in one place
        return await leave(self._world, port)


@asynccontextmanager
async def the_line(world: VpnWorld, port: int) -> AsyncIterator[None]:
    """Let Home Assistant reach a service by the line, as it does from its own machine: past the VPN."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK_BYTES):
                writer.write(chunk)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_service, to_service = await leave(world, port, LINE)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, to_service), carry(from_service, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield


# --- the client ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def gluetun() -> AsyncIterator[GluetunSimulator]:
    server = VpnServer(country="Netherlands", city="Amsterdam", hostname="nl-01.vpn.example", address=AT_ITS_END)
    async with GluetunSimulator(clock=WallClock(), servers=[server]) as simulator:
        simulator.tunnel.change_ports()
        yield simulator


@pytest.fixture
async def behind(release: str, tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Behind]:
    """Start a client that downloads through the tunnel, and is bound to nothing; two services tell where one is."""
    world = VpnWorld(home_address=AT_HOME, tunnel_end=AT_ITS_END, translated=True)
    async with AsyncExitStack() as life:
        # over uTP it calls peers from any interface that it listens on, the line's as well
        client = at_home(world, REAL_RELEASES[release], tmp_path, session_settings={"BTProtocol": "TCP"})
        here = await life.enter_async_context(client)
        names.known = {"localhost"}
        services = AddressService(world), AddressService(world)
        for each in services:
            await life.enter_async_context(each.open())
            await life.enter_async_context(the_line(world, each.port))
        hosts = f"http://127.0.0.1:{services[0].port}", f"http://localhost:{services[1].port}"  # known by their names
        monkeypatch.setattr("custom_components.sokoul.lookout.SERVICES_V4", hosts)
        yield here


async def stopped_by_a_person(behind: Behind) -> str:
    own = await behind.swarm.publish("stopped by a person.mkv", 1 << 20, seeded=False)
    word = "stopped" if behind.tells else "paused"
    await behind.client.add_file(own.torrent, **{word: "true"})
    await behind.client.until(own.hash, STOPPED)
    return own.hash


async def guarded(set_up: SetUp, behind: Behind, gluetun: GluetunSimulator) -> ClientGuard:
    """Guard it, in more of a hurry than usual once it is stopped."""
    guard = await guarded_with(gluetun, set_up, behind)
    guard.lane.policy = replace(guard.lane.policy, calm=2 * SECOND, calm_after_leak=2 * SECOND)
    return guard


async def asked_again(guard: ClientGuard) -> None:
    """Have Gluetun looked at now, and not up to ten seconds later."""
    await guard._guarding.vpns()[GLUETUN_ID].async_refresh()


async def knows_home(guard: ClientGuard) -> bool:
    await asked_again(guard)
    return any(home.distinct for home in guard.lane.memory.homes)


async def leaks(behind: Behind) -> bool:
    """Tell whether a seeder that came after the cut sees it, or saw it: there is only the line then."""
    await behind.client.connect(behind.film.hash, behind.other.address)
    status = await behind.other.status(behind.film.hash)
    return bool(status["peers"] or status["uploaded"])


async def stops_after(behind: Behind, guard: ClientGuard, since: float) -> None:
    """Wait until it is stopped, and say how long that took since a moment of the monotonic clock."""
    await behind.client.until(behind.film.hash, STOPPED)
    took = time.monotonic() - since
    await until(lambda: has_reacted(guard), "the guard didn't stop it")
    assert guard.reaction is not None
    assert (guard.reaction.torrents, guard.held) == (1, 1)
    print(f"stopped after {took:.1f} s, {guard.reaction.seconds:.3f} s of it the guard's own")  # noqa: T201 -- a figure


async def has_reacted(guard: ClientGuard) -> bool:
    return guard.reaction is not None


async def cut(behind: Behind, guard: ClientGuard) -> float:
    """Cut the tunnel; return when that was, once the client goes out by the line or is kept from it."""

    async def happened() -> bool:
        return await leaks(behind) or guard.reaction is not None

    await behind.world.cut()
    began = time.monotonic()
    await behind.other.seed(behind.film.torrent, behind.film.content.parent, upload_limit=UPLOAD_LIMIT)
    await until(happened, "it doesn't go out by the line")
    return began


async def resumes(behind: Behind, guard: ClientGuard, theirs: str) -> None:
    """See that exactly what ran runs again, and that its tracker hears so."""
    announced, began = len(await behind.swarm.announces(behind.film.hash)), time.monotonic()

    async def is_told() -> bool:
        since = (await behind.swarm.announces(behind.film.hash))[announced:]
        return any(each["event"] == "started" for each in since)

    await until(lambda: runs_again(behind), "it was not started again")
    print(f"it runs again after {time.monotonic() - began:.1f} s")  # noqa: T201 -- a figure
    await until(is_told, "the tracker doesn't hear that it runs")
    assert guard.held == 0
    assert (await behind.client.torrents())[theirs]["state"] in STOPPED


@pytest.mark.parametrize("release", ["5.3"])
async def test_what_shows_where_it_is_seen_is_stopped_by_that_alone(
    behind: Behind, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    """Gluetun notices nothing. A client that is stopped learns no other address: a person lets it go on."""
    theirs = await stopped_by_a_person(behind)
    guard = await guarded(set_up, behind, gluetun)
    await until(lambda: knows_home(guard), "it isn't known where home is")
    await reaches(guard, VpnState.SAFE)
    assert guard.shelter.containment is Containment.OPEN
    began = await cut(behind, guard)
    await stops_after(behind, guard, began)
    assert verdict_of(guard).state is VpnState.LEAKING
    assert verdict_of(guard).proof is Proof.ADDRESS
    await behind.world.restore()
    await asyncio.sleep(3)
    assert verdict_of(guard).stop
    guard.turn(on=False)
    await resumes(behind, guard, theirs)


@asynccontextmanager
async def asked_through_a_proxy(
    behind: Behind, gluetun: GluetunSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ClientGuard]:
    """Guard it, with two services that tell. Usually they are asked every half hour, here every second."""
    monkeypatch.setattr("custom_components.sokoul.autopilot.guards.asking.USUALLY", SECOND)
    async with ProxyAtHome(behind.world) as proxy:
        guard = await guarded(set_up, behind, gluetun)
        guard.choose(OPEN)
        guard._guarding.vpns()[GLUETUN_ID].remember(PROXY_KEY, proxy.url)
        await until(lambda: knows_home(guard), "it isn't known where home is")
        yield guard


@pytest.mark.parametrize("release", ["5.3"])
@pytest.mark.parametrize("told", [False, True], ids=["nobody tells it", "its tracker tells it when it stops"])
@pytest.mark.parametrize("refuses", [False, True], ids=["Gluetun notices nothing", "the VPN tells nothing"])
async def test_what_goes_on_to_show_the_tunnels_end_is_stopped_by_what_comes_out_of_the_proxy(
    *,
    behind: Behind,
    gluetun: GluetunSimulator,
    set_up: SetUp,
    monkeypatch: pytest.MonkeyPatch,
    refuses: bool,
    told: bool,
) -> None:
    """Nobody new talks to it, so it shows for as long as it runs where it was told to be before the cut."""
    theirs = await stopped_by_a_person(behind)
    async with asked_through_a_proxy(behind, gluetun, set_up, monkeypatch) as guard:
        await reaches(guard, VpnState.SAFE)
        if refuses:
            gluetun.configure([Role(routes=("GET /v1/vpn/status",), api_key="another one's")])
            await asked_again(guard)
        await until(lambda: is_known_to_go_along(guard), "nobody knows that it goes the way of the proxy")
        await behind.world.cut()
        began = time.monotonic()
        if told:
            await behind.swarm.see(AT_HOME)
        await stops_after(behind, guard, began)
        assert guard.reaction is not None
        assert guard.reaction.proof is Proof.EXIT
        if told:
            await until(lambda: shows(behind, AT_HOME), "its tracker doesn't tell it that it is at home")
        await asyncio.sleep(3)
        assert await shows(behind, AT_HOME if told else AT_ITS_END)
        assert verdict_of(guard).state is VpnState.LEAKING
        if told:
            await behind.swarm.see(AT_ITS_END)
        await behind.world.restore()
        await resumes(behind, guard, theirs)
        if told:
            await is_told_where_it_is(behind)
        await reaches(guard, VpnState.SAFE)


async def is_told_where_it_is(behind: Behind) -> None:
    """Wait until it believes somebody that it is at the tunnel's end. Without listening anew it doesn't for minutes."""
    port = await behind.listen_port()

    async def happened() -> bool:
        await behind.client.connect(behind.film.hash, behind.swarm.address)
        return await shows(behind, AT_ITS_END)

    await until(happened, "nobody could tell it that it is at the tunnel's end")
    assert await behind.listen_port() == port


async def is_known_to_go_along(guard: ClientGuard) -> bool:
    return guard.lane.memory.along_at is not None


async def shows(behind: Behind, address: str) -> bool:
    return str((await behind.client.get("transfer/info"))["last_external_address_v4"]) == address


@pytest.mark.parametrize("release", ["4.5"])
async def test_what_shows_nothing_is_stopped_by_what_comes_out_of_the_proxy(
    behind: Behind, gluetun: GluetunSimulator, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await stopped_by_a_person(behind)
    async with asked_through_a_proxy(behind, gluetun, set_up, monkeypatch) as guard:
        await reaches(guard, VpnState.UNVERIFIED)
        began = await cut(behind, guard)
        await stops_after(behind, guard, began)
        assert verdict_of(guard).state is VpnState.LEAKING
        assert verdict_of(guard).proof is Proof.EXIT
        await behind.world.restore()
        await resumes(behind, guard, theirs)


@pytest.mark.parametrize("release", ["4.5"])
async def test_what_shows_nothing_leaks_until_gluetun_says_that_it_is_down(
    behind: Behind, gluetun: GluetunSimulator, set_up: SetUp
) -> None:
    """Nobody else can see it, nor that its trackers hear of both ways out while the tunnel is there."""
    theirs = await stopped_by_a_person(behind)
    guard = await guarded(set_up, behind, gluetun)
    guard.choose(OPEN)
    await reaches(guard, VpnState.UNVERIFIED)
    await until(lambda: reports_by_both_ways(behind), "it reports by one way only")
    await cut(behind, guard)
    assert verdict_of(guard).state is VpnState.UNVERIFIED
    assert guard.reaction is None
    gluetun.tunnel.failing = True
    gluetun.tunnel.crash()
    began = time.monotonic()
    await asked_again(guard)
    await stops_after(behind, guard, began)
    assert verdict_of(guard).state is VpnState.DOWN
    await behind.world.restore()
    gluetun.tunnel.failing = False
    gluetun.tunnel.run_now()
    await asked_again(guard)
    await resumes(behind, guard, theirs)


async def reports_by_both_ways(behind: Behind) -> bool:
    """Tell whether a tracker sees it at both ends: libtorrent reports from each interface that it listens on."""
    return await behind.seen_at() == {AT_HOME, AT_ITS_END}
