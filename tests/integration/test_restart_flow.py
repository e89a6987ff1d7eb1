"""Choosing how a backend is restarted: what is offered, what is shown, and that it counts at once."""

from html import unescape
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.sokoul.homes import home_of
from custom_components.sokoul.model.containers import MatchedBy
from custom_components.sokoul.restart_way import AUTOMATIC, MEMORY_KEY, Way, WayKind
from devstack.docker import DockerSimulator
from devstack.radarr import RadarrSimulator

from .conftest import DOCKER_ID, RADARR_ID, SetUp, servarr_subentry, subentry
from .flows import Result, form, step, suggested
from .test_options_flow import begin, choices, default, send


@pytest.fixture
async def entry(set_up: SetUp, docker: DockerSimulator, radarr: RadarrSimulator) -> Any:
    docker.add("films", image="linuxserver/radarr:5")
    docker.add("gluetun")
    return await set_up(subentry("docker", docker, DOCKER_ID, title="Docker"), servarr_subentry(radarr, RADARR_ID))


def chosen(entry: Any) -> Way:
    return Way.of(entry.runtime_data.backends[RADARR_ID].memory)


def known(result: Result) -> list[str]:
    return unescape(result["description_placeholders"]["known"]).splitlines()


async def at_ways(hass: HomeAssistant, entry: Any) -> Result:
    result = await send(hass, await begin(hass, entry, "restart"), backend=RADARR_ID)
    assert step(result) == form("restart_way")
    assert result["description_placeholders"]["backend"] == "Radarr"
    return result


async def test_without_backends_there_is_nothing_to_choose(hass: HomeAssistant, set_up: SetUp) -> None:
    result = await begin(hass, await set_up(), "restart")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_restart")


async def test_what_is_recognised_is_shown_and_can_be_corrected(hass: HomeAssistant, entry: Any) -> None:
    result = await begin(hass, entry, "restart")
    assert known(result) == [
        "- **Docker**: not possible: SOKOUL doesn’t know its container",  # noqa: RUF001 -- as it is written
        "- **Radarr**: probably by the container films (Docker), the only one of its kind",
    ]
    result = await at_ways(hass, entry)
    assert default(result, "way") == "automatic"
    assert choices(result, "way") == {
        "automatic": "Let SOKOUL tell",
        f"container/{DOCKER_ID}/films": "The container films (Docker)",
        f"container/{DOCKER_ID}/gluetun": "The container gluetun (Docker)",
        "entity": "A script, a button or a switch…",
        "never": "Nothing: never restart it",
    }
    result = await send(hass, result, way=f"container/{DOCKER_ID}/films")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert chosen(entry) == Way(kind=WayKind.CONTAINER, name="films", engine_id=DOCKER_ID)
    home = home_of(entry.runtime_data, entry.runtime_data.backends[RADARR_ID])
    assert home is not None
    assert (home.container.name, home.found.by) == ("films", MatchedBy.NAME)
    assert default(await at_ways(hass, entry), "way") == f"container/{DOCKER_ID}/films"
    assert known(await begin(hass, entry, "restart"))[1] == (
        "- **Radarr**: by its container films (Docker), as you chose"
    )

    await send(hass, await at_ways(hass, entry), way="automatic")
    assert chosen(entry) == AUTOMATIC
    assert MEMORY_KEY not in entry.runtime_data.backends[RADARR_ID].memory


async def test_a_container_that_is_gone_is_offered_no_more(
    hass: HomeAssistant, entry: Any, docker: DockerSimulator
) -> None:
    await send(hass, await at_ways(hass, entry), way=f"container/{DOCKER_ID}/gluetun")
    docker.containers.pop()
    await entry.runtime_data.backends[DOCKER_ID].async_refresh()
    assert default(await at_ways(hass, entry), "way") == "automatic"
    assert known(await begin(hass, entry, "restart"))[1].endswith("know its container")


async def test_a_script_is_chosen(hass: HomeAssistant, entry: Any) -> None:
    result = await send(hass, await at_ways(hass, entry), way="entity")
    assert step(result) == form("restart_entity")
    assert suggested(result) == {}
    await send(hass, result, entity="script.restart_radarr")
    assert chosen(entry) == Way(kind=WayKind.ENTITY, name="script.restart_radarr")
    assert known(await begin(hass, entry, "restart"))[1] == "- **Radarr**: by script.restart_radarr"
    result = await send(hass, await at_ways(hass, entry), way="entity")
    assert suggested(result) == {"entity": "script.restart_radarr"}


async def test_an_app_is_chosen_where_there_is_a_supervisor(hass: HomeAssistant, entry: Any) -> None:
    hass.config.components.add("hassio")
    result = await at_ways(hass, entry)
    assert choices(result, "way")["app"] == "An app of Home Assistant…"
    result = await send(hass, result, way="app")
    assert step(result) == form("restart_app")
    await send(hass, result, app="db21ed7f_radarr")
    assert chosen(entry) == Way(kind=WayKind.APP, name="db21ed7f_radarr")
    assert known(await begin(hass, entry, "restart"))[1] == "- **Radarr**: by the app db21ed7f_radarr"


async def test_never_is_chosen(hass: HomeAssistant, entry: Any) -> None:
    await send(hass, await at_ways(hass, entry), way="never")
    assert chosen(entry) == Way(kind=WayKind.NEVER)
    assert known(await begin(hass, entry, "restart"))[1] == "- **Radarr**: never"


@pytest.mark.parametrize("way", ["never", "entity"])
async def test_a_backend_may_be_removed_meanwhile(hass: HomeAssistant, entry: Any, way: str) -> None:
    result = await at_ways(hass, entry)
    hass.config_entries.async_remove_subentry(entry, RADARR_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await send(hass, result, way=way)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "nothing_to_restart")


@pytest.mark.parametrize("stored", [{}, {"kind": "teleport", "name": "", "engine_id": ""}, {"kind": "app"}, "a text"])
def test_what_cannot_be_read_is_as_if_nobody_had_chosen(stored: Any) -> None:
    assert Way.of({MEMORY_KEY: stored}) == AUTOMATIC
