"""A container engine as a backend: its form, its entities, and what it says when something is in the way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
import pytest_socket

from custom_components.sokoul.connectors import forms
from custom_components.sokoul.connectors.base import Connection
from custom_components.sokoul.connectors.docker import DOCKER, INTERVAL, read_address
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.containers import ContainerState
from devstack.docker import DockerSimulator, SocketProxy
from devstack.frame import FaultKind
from devstack.real_docker import RealDocker, why_not

from .conftest import DOCKER_ID, HUB_ID, PassTime, SetUp, subentry
from .flows import add_backend, by_title, form, step, submit_backend

ADDRESSES = {
    "/var/run/docker.sock": "unix:///var/run/docker.sock",
    " unix:///run/user/1000/docker.sock\n": "unix:///run/user/1000/docker.sock",
    "docker-proxy": "http://docker-proxy:2375",
    "nas:2376": "http://nas:2376",
    "tcp://docker-proxy": "tcp://docker-proxy:2375",
    "TCP://192.168.1.10:2375/": "tcp://192.168.1.10:2375",
    "http://nas:2375": "http://nas:2375",
    "https://nas:2376/": "https://nas:2376",
}
NO_ADDRESSES = ("", "unix:/var/run/docker.sock", "unix://", "/var/run/", "/var/run/docker sock", "ssh://nas", "tcp://")


@pytest.fixture
def unix_sockets(socket_enabled: None) -> None:
    """Let a test use Unix sockets, which it begins without."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None
    return state.state


@pytest.mark.parametrize("typed", ADDRESSES)
def test_what_is_typed_becomes_an_address(typed: str) -> None:
    assert read_address(typed) == ADDRESSES[typed]


@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_address(typed)


def test_two_ways_to_write_an_address_are_one() -> None:
    places = {Connection(url=url).unique_part for url in ("tcp://nas:2375", "http://nas:2375", "http://NAS:2375/")}
    assert len(places) == 1
    sockets = {Connection(url=f"unix:///run/{name}.sock").unique_part for name in ("docker", "podman")}
    assert len(sockets) == 2


# --- the form --------------------------------------------------------------------------------------------------------


async def test_an_engine_is_added_and_changed(hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp) -> None:
    docker.add("radarr")
    docker.add("sonarr", checked=True, sick=True)
    docker.add("old", state="exited")
    entry = await set_up()
    result = await add_backend(hass, entry, "docker")
    assert step(result) == form("user")
    await submit_backend(hass, result, url=docker.url.replace("http", "tcp"), verify_ssl=True)
    added = by_title(entry)["Docker"]
    assert added.data["connection"]["url"] == docker.url.replace("http", "tcp")
    assert value(hass, "sensor.docker_running_containers") == "2"
    assert value(hass, "sensor.docker_unhealthy_containers") == "1"
    assert value(hass, "binary_sensor.docker_connection") == "on"

    result = await entry.start_subentry_reconfigure_flow(hass, added.subentry_id)
    await submit_backend(hass, result, url=docker.url, verify_ssl=True)
    assert by_title(entry)["Docker"].data["connection"]["url"] == docker.url


@dataclass(frozen=True)
class Trouble:
    """Something between the engine and us, and where and how the form says so."""

    kind: FaultKind
    where: str
    said: str
    status: int = 500


TROUBLES = {
    "server error": Trouble(FaultKind.STATUS, "base", "unexpected_response"),
    "login": Trouble(FaultKind.STATUS, "base", "login_needed", status=401),
    "not there": Trouble(FaultKind.STATUS, "url", "not_found", status=404),
    "too many": Trouble(FaultKind.STATUS, "base", "rate_limited", status=429),
    "a web page": Trouble(FaultKind.HTML, "url", "not_the_api"),
    "cut off": Trouble(FaultKind.DISCONNECT, "url", "no_answer"),
    "half an answer": Trouble(FaultKind.TRUNCATE, "base", "unexpected_response"),
    "half a document": Trouble(FaultKind.TRUNCATE_JSON, "base", "unexpected_response"),
    "other types": Trouble(FaultKind.WRONG_TYPES, "base", "unexpected_response"),
    "endless": Trouble(FaultKind.HUGE, "base", "unexpected_response"),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_every_error_of_the_form_can_be_recovered_from(
    hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp, trouble: Trouble
) -> None:
    docker.add("radarr")
    entry = await set_up()
    docker.fault(trouble.kind, status=trouble.status)
    result = await add_backend(hass, entry, "docker")
    result = await submit_backend(hass, result, url=docker.url, verify_ssl=True)
    assert result["errors"] == {trouble.where: trouble.said}
    docker.clear_faults()
    await submit_backend(hass, result, url=docker.url, verify_ssl=True)
    assert by_title(entry).keys() == {"Docker"}


async def test_what_is_typed_may_lead_nowhere(
    hass: HomeAssistant, set_up: SetUp, unix_sockets: None, tmp_path: Path
) -> None:
    entry = await set_up()
    result = await add_backend(hass, entry, "docker")
    result = await submit_backend(hass, result, url="unix:/missing.slash", verify_ssl=True)
    assert result["errors"] == {"url": "invalid_url"}
    result = await submit_backend(hass, result, url=str(tmp_path / "nothing.sock"), verify_ssl=True)
    assert result["errors"] == {"url": "no_answer"}
    assert "no such socket" in result["description_placeholders"]["detail"]


async def test_a_proxy_that_hides_the_containers_is_told_at_once(hass: HomeAssistant, set_up: SetUp) -> None:
    async with DockerSimulator(proxy=SocketProxy()) as docker:
        entry = await set_up()
        result = await add_backend(hass, entry, "docker")
        result = await submit_backend(hass, result, url=docker.url, verify_ssl=True)
        assert result["errors"] == {"base": "rejected"}
        assert "proxy" in result["description_placeholders"]["detail"]
        docker.proxy = SocketProxy(containers=True)
        await submit_backend(hass, result, url=docker.url, verify_ssl=True)
        assert by_title(entry).keys() == {"Docker"}


# --- at work ---------------------------------------------------------------------------------------------------------


async def test_it_has_a_device_without_a_page(hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp) -> None:
    await set_up(subentry("docker", docker.url.replace("http", "tcp"), DOCKER_ID, title="Docker"))
    device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, DOCKER_ID), HUB_ID)
    assert device is not None
    assert (device.sw_version, device.configuration_url) == (docker.generation.application, None)


async def test_who_shares_a_network_is_looked_at_closely(
    hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    vpn = docker.add("gluetun", checked=True)
    docker.add("qbittorrent", network_mode=f"container:{vpn.id}")
    docker.add("radarr")
    entry = await set_up(subentry("docker", docker, DOCKER_ID, title="Docker"))
    containers = {each.name: each for each in entry.runtime_data.backends[DOCKER_ID].data.containers}
    assert {name for name, each in containers.items() if each.details} == {"gluetun", "qbittorrent"}

    docker.containers[2].state = "exited"
    await pass_time(INTERVAL)
    states = {each.name: each.state for each in entry.runtime_data.backends[DOCKER_ID].data.containers}
    assert states["radarr"] is ContainerState.EXITED
    assert not {seen.method for seen in docker.requests} - {"GET"}


async def test_what_may_not_be_looked_at_is_still_listed(
    docker: DockerSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    """It may go between being listed and being looked at, too."""
    vpn = docker.add("gluetun")
    docker.add("qbittorrent", network_mode=f"container:{vpn.id}")
    docker.fault(FaultKind.STATUS, f"GET */{vpn.id}/json", status=403)
    docker.fault(FaultKind.STATUS, f"GET */{docker.containers[1].id}/json", status=404)
    entry = await set_up(subentry("docker", docker, DOCKER_ID, title="Docker"))
    containers = entry.runtime_data.backends[DOCKER_ID].data.containers
    assert [(each.name, each.details) for each in containers] == [("gluetun", None), ("qbittorrent", None)]


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
async def test_while_it_fails_it_is_away_and_nobody_is_asked_for_a_login(
    hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp, pass_time: PassTime, trouble: Trouble
) -> None:
    docker.add("radarr")
    entry = await set_up(subentry("docker", docker, DOCKER_ID, title="Docker"))
    docker.fault(trouble.kind, status=trouble.status)
    await pass_time(timedelta(minutes=1), 7)
    assert value(hass, "sensor.docker_running_containers") == "unavailable"
    assert ir.async_get(hass).async_get_issue(DOMAIN, f"unavailable_{DOCKER_ID}") is not None
    assert hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []
    docker.clear_faults()
    await pass_time(timedelta(minutes=3))
    assert value(hass, "sensor.docker_running_containers") == "1"
    assert entry.runtime_data.backends[DOCKER_ID].answering


# --- a real one ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def _can_have_one() -> None:
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
async def real_docker(_can_have_one: None, unix_sockets: None, tmp_path: Path) -> AsyncIterator[RealDocker]:
    async with RealDocker(tmp_path / "docker") as engine:
        yield engine


@pytest.mark.real
async def test_a_real_engine_is_connected_by_its_socket(
    hass: HomeAssistant, real_docker: RealDocker, set_up: SetUp
) -> None:
    await real_docker.run("radarr")
    trial = await forms.try_connection(hass, DOCKER, {"url": str(real_docker.socket)})
    assert trial.connection is not None
    assert trial.connection.url == real_docker.url
    await set_up(subentry("docker", real_docker.url, DOCKER_ID, title="Docker"))
    assert value(hass, "sensor.docker_running_containers") == "1"
