"""What is around the demo: a day with heat and other ports, and that nothing real is asked instead of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
import json
from pathlib import Path

from aiohttp import ClientSession
from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul import lookout
from custom_components.sokoul.autopilot.guards import sources
from custom_components.sokoul.autopilot.guards.sources import RASPBERRY_PI, SourceKind
from custom_components.sokoul.clients import real_debrid
from custom_components.sokoul.connectors import thermal
from devstack import demo_world
from devstack.clock import ManualClock
from devstack.demo_world import DOMAIN
from devstack.homeassistant import HomeAssistant as Process, HomeAssistantError
from devstack.ports import free_port
from devstack.surroundings import HOME_ADDRESS, SERVER, Surroundings
from devstack.torrents import bdecode
from devstack.tracker import Tracker

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
STEP = 10 * SECOND


@pytest.fixture
async def surroundings(tmp_path: Path, socket_enabled: None) -> AsyncIterator[Surroundings]:
    async with Surroundings(tmp_path, clock=ManualClock()) as around:
        yield around


def pass_time(around: Surroundings, lasts: timedelta) -> list[float]:
    """Let time pass in steps of ten seconds, and return how warm the machine was at the end of each."""
    assert isinstance(around.clock, ManualClock)
    course = []
    for _ in range(lasts // STEP):
        around.clock.advance(STEP)
        around.go_on()
        course.append(around.pi.celsius())
    return course


async def test_a_day_gets_hot_enough_for_a_limit_and_never_for_a_pause(surroundings: Surroundings) -> None:
    course = pass_time(surroundings, 60 * MINUTE)
    assert RASPBERRY_PI.limit + 2 < max(course) < RASPBERRY_PI.pause - 1
    assert max(course[: 12 * MINUTE // STEP]) < RASPBERRY_PI.back, "it begins quietly"
    hot = [celsius >= RASPBERRY_PI.limit for celsius in course]
    assert sum(not before and now for before, now in pairwise(hot)) == 3


async def test_the_sensor_shows_it(surroundings: Surroundings) -> None:
    surroundings.eventful = False
    surroundings.pi.be(78)
    pass_time(surroundings, MINUTE)
    shown = int((surroundings.pi.root / "class/thermal/thermal_zone0/temp").read_text())
    assert 76_000 < shown < 80_000


async def test_the_vpn_forwards_another_port_now_and_then(surroundings: Surroundings) -> None:
    ports = [surroundings.gluetun.tunnel.ports]
    for _ in range(3):
        pass_time(surroundings, 9 * MINUTE + 5 * STEP)
        assert surroundings.gluetun.tunnel.ports == ports[-1]
        pass_time(surroundings, STEP)
        ports.append(surroundings.gluetun.tunnel.ports)
    assert len({*ports}) == 4
    surroundings.eventful = False
    pass_time(surroundings, 30 * MINUTE)
    assert surroundings.gluetun.tunnel.ports == ports[-1]


async def test_two_services_see_the_home_and_through_the_proxy_the_tunnels_end(surroundings: Surroundings) -> None:
    services = surroundings.world()["public_ip_services"]
    assert len({service.split(":")[1] for service in services}) == 2, "else they count as one"
    async with ClientSession() as session:
        for service in services:
            async with session.get(service) as answer:
                assert await answer.text() == f"{HOME_ADDRESS}\n"
            async with session.get(service, proxy=surroundings.gluetun.proxy.url) as answer:
                assert await answer.text() == f"{SERVER.address}\n"


async def test_the_tracker_tells_where_it_sees_a_client(socket_enabled: None) -> None:
    question = {"port": "6881", "info_hash": "a" * 20}
    async with Tracker() as tracker, ClientSession() as session:
        async with session.get(tracker.url, params=question) as answer:
            assert "external ip" not in bdecode(await answer.read())
        tracker.obey({"do": "see", "address": SERVER.address})
        async with session.get(tracker.url, params=question) as answer:
            assert bdecode(await answer.read())["external ip"] == bytes(map(int, SERVER.address.split(".")))


# --- the component of Home Assistant ---------------------------------------------------------------------------------


@pytest.fixture
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the component replaces."""
    for module, name in (
        (lookout, "SERVICES_V4"),
        (lookout, "SERVICES_V6"),
        (lookout, "DNS_SERVICE"),
        (thermal, "ROOT"),
        (sources, "TIMINGS"),
        (real_debrid, "BASE_URL"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))


@pytest.mark.usefixtures("_restored")
async def test_the_component_leads_to_the_simulators(hass: HomeAssistant, surroundings: Surroundings) -> None:
    usual = sources.TIMINGS[SourceKind.THERMAL]
    config = demo_world.CONFIG_SCHEMA({DOMAIN: json.loads(json.dumps(surroundings.world()))})
    assert await demo_world.async_setup(hass, config)
    assert list(lookout.SERVICES_V4) == surroundings.world()["public_ip_services"]
    assert lookout.SERVICES_V6 == ()
    assert surroundings.pi.root == thermal.ROOT
    assert surroundings.debrid.simulator.url == real_debrid.BASE_URL
    assert sources.TIMINGS[SourceKind.THERMAL] == usual

    assert await demo_world.async_setup(hass, {DOMAIN: surroundings.world(calm_seconds=3)})
    assert sources.TIMINGS[SourceKind.THERMAL].calm == 3 * SECOND
    assert sources.TIMINGS[SourceKind.THERMAL].patience == usual.patience


@pytest.mark.usefixtures("_restored")
async def test_it_refuses_to_replace_what_is_not_there(
    hass: HomeAssistant, surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(lookout, "SERVICES_V6")
    with pytest.raises(AttributeError):
        await demo_world.async_setup(hass, {DOMAIN: surroundings.world()})


@pytest.mark.real
async def test_home_assistant_does_not_start_without_it(tmp_path: Path, socket_enabled: None) -> None:
    """A configuration that it refuses, as a service that moved would be."""
    process = Process(tmp_path, free_port(), world={"sensors": "/nowhere"})
    with pytest.raises(HomeAssistantError, match="the internet would be asked"):
        await process.start()
