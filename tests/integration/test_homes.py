"""Which container a backend is: by its address as it is known here, and with more than one engine."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.connectors.base import Connection
from custom_components.sokoul.homes import home_of
from custom_components.sokoul.model.containers import MatchedBy
from devstack.clock import ManualClock
from devstack.docker import DockerSimulator

from .conftest import DOCKER_ID, RADARR_ID, Names, SetUp, subentry

OTHER_ID = "01SOKOULDOCKER111111111111"
NOWHERE = "http://127.0.0.1:9"
PORT = (("0.0.0.0", 7878, 7878),)


@pytest.fixture
async def other(clock: ManualClock) -> AsyncIterator[DockerSimulator]:
    async with DockerSimulator("1.55", clock=clock) as simulator:
        yield simulator


async def found(set_up: SetUp, url: str, **engines: str) -> tuple[str, str, MatchedBy] | None:
    """Return the engine and the container of a Radarr at an address, and how it was found."""
    ids = {"docker": DOCKER_ID, "other": OTHER_ID}
    entry = await set_up(
        subentry("radarr", NOWHERE, RADARR_ID, title="Radarr", api_key="key"),
        *(subentry("docker", engine, ids[name], title=name) for name, engine in engines.items()),
    )
    backend = entry.runtime_data.backends[RADARR_ID]
    backend.connection = Connection(url=url)  # only now: nobody is to be asked there
    home = home_of(entry.runtime_data, backend)
    return (home.engine.title, home.container.name, home.found.by) if home else None


@pytest.fixture
def names_known(names: Names) -> Names:
    names.known |= {"nas", "docker-proxy"}
    return names


CASES: Mapping[str, tuple[str, tuple[str, MatchedBy] | None]] = {
    "by its name": ("http://films:7878", ("films", MatchedBy.NAME)),
    "by a port of this machine": ("http://localhost:7878", ("films", MatchedBy.PORT)),
    "by this machine's own address": ("http://192.0.2.7:7878", ("films", MatchedBy.PORT)),
    "by its kind, where the address says nothing": ("http://192.0.2.99:7878", ("films", MatchedBy.IMAGE)),
    "another port": ("http://192.0.2.7:9", ("films", MatchedBy.IMAGE)),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_container_is_recognised(
    hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp, case: str
) -> None:
    hass.config.internal_url = "http://192.0.2.7:8123"
    docker.add("films", image="linuxserver/radarr:5", ports=PORT)
    docker.add("sonarr", ports=(("0.0.0.0", 8989, 8989),))
    url, wanted = CASES[case]
    assert await found(set_up, url, docker=docker.url) == (wanted and ("docker", *wanted))


async def test_what_is_not_there_is_not_recognised(docker: DockerSimulator, set_up: SetUp) -> None:
    docker.add("sonarr", ports=(("0.0.0.0", 8989, 8989),))
    assert await found(set_up, "http://localhost:7878", docker=docker.url) is None


async def test_the_surer_of_two_engines_has_it(docker: DockerSimulator, other: DockerSimulator, set_up: SetUp) -> None:
    docker.add("films", image="linuxserver/radarr:5")
    other.add("radarr")
    assert await found(set_up, "http://radarr:7878", docker=docker.url, other=other.url) == (
        "other",
        "radarr",
        MatchedBy.NAME,
    )


async def test_of_two_engines_that_are_equally_likely_none_has_it(
    docker: DockerSimulator, other: DockerSimulator, set_up: SetUp
) -> None:
    docker.add("radarr")
    other.add("radarr")
    assert await found(set_up, "http://192.0.2.99:7878", docker=docker.url, other=other.url) is None


@pytest.mark.parametrize(("proxy", "by"), [(True, MatchedBy.PORT), (False, MatchedBy.IMAGE)])
async def test_behind_a_proxy_among_its_containers_is_our_own_machine(
    docker: DockerSimulator,
    set_up: SetUp,
    names_known: Names,
    proxy: bool,  # noqa: FBT001 -- a parameter
    by: MatchedBy,
) -> None:
    """Nobody else could reach the proxy by its container's name. A name of the network says nothing of the kind."""
    host = "docker-proxy" if proxy else "nas"
    docker.add("films", image="linuxserver/radarr:5", ports=PORT)
    docker.add("docker-proxy")
    engine = docker.url.replace("127.0.0.1", host).replace("http", "tcp")
    assert await found(set_up, "http://localhost:7878", docker=engine) == ("docker", "films", by)


async def test_the_address_of_the_engine_is_that_of_its_containers(
    docker: DockerSimulator, set_up: SetUp, names_known: Names
) -> None:
    docker.add("films", image="linuxserver/radarr:5", ports=PORT)
    engine = docker.url.replace("127.0.0.1", "nas")
    assert await found(set_up, "http://NAS:7878", docker=engine) == ("docker", "films", MatchedBy.PORT)


async def test_what_an_engine_said_last_counts_while_it_is_away(
    hass: HomeAssistant, docker: DockerSimulator, set_up: SetUp
) -> None:
    docker.add("radarr")
    entry: Any = await set_up(
        subentry("radarr", NOWHERE, RADARR_ID, title="Radarr", api_key="key"),
        subentry("docker", docker, DOCKER_ID, title="docker"),
    )
    await docker.refuse()
    await entry.runtime_data.backends[DOCKER_ID].async_refresh()
    home = home_of(entry.runtime_data, entry.runtime_data.backends[RADARR_ID])
    assert home is not None
    assert not home.engine.answering
