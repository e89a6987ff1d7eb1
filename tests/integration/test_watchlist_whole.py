"""From two words on the to-do list to a film in the library, as its faces show it."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from .healing import act
from .test_watching import MINUTE, Scene, _no_pause, scene  # noqa: F401 -- fixtures

LIST = "todo.sokoul_watchlist"


async def item(hass: HomeAssistant) -> dict[str, Any]:
    """Return the only entry of the list."""
    answer: Any = await hass.services.async_call(
        "todo", "get_items", {"entity_id": LIST}, blocking=True, return_response=True
    )
    (found,) = answer[LIST]["items"]
    return dict(found)


def shown(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found.state


def told(hass: HomeAssistant) -> tuple[str, str]:
    """Return the newest event: its type and its sentence."""
    found = hass.states.get("event.sokoul_watchlist")
    assert found is not None
    return found.attributes["event_type"], found.attributes["text"]


@pytest.mark.usefixtures("_no_pause")
async def test_an_entry_completes_itself(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811 -- the fixture
    await hass.services.async_call("todo", "add_item", {"entity_id": LIST, "item": "Dune 2"}, blocking=True)
    await scene.settle()
    found = await item(hass)
    assert found["summary"] == "Dune: Part Two (2024)"
    assert found["description"].startswith("Shall it be fetched? Answer under Settings")
    assert shown(hass, "sensor.sokoul_waiting_for") == "1"
    event, text = told(hass)
    assert event == "asked_back"
    assert text.startswith("Dune: Part Two (2024) was found: Dune.Part.Two.2024.")
    assert not scene.qbittorrent.torrents, "nobody has answered yet"

    said = await act(hass, "watchlist_fetch", item="Dune: Part Two (2024)")
    assert said["state"] == "grabbed"
    assert "It\u2019s being downloaded: Dune.Part.Two.2024." in (await item(hass))["description"]
    assert told(hass) == ("grabbed", "Dune: Part Two (2024) is being downloaded.")

    await scene.let_it_download()
    found = await item(hass)
    assert (found["status"], found["description"]) == ("completed", "Ready to watch.")
    assert told(hass) == ("ready", "Dune: Part Two (2024) can be watched.")
    assert shown(hass, LIST) == "0"
    assert shown(hass, "sensor.sokoul_acquired_this_week") == "1"
    await scene.restart()
    assert (await item(hass))["status"] == "completed"


async def test_it_is_taken_off_the_list_and_let_go_of(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    await act(hass, "watchlist_add", query="Dune 2", auto=True)
    await scene.settle()
    assert scene.movie is not None
    assert scene.movie.monitored
    await hass.services.async_call(
        "todo", "remove_item", {"entity_id": LIST, "item": "Dune: Part Two (2024)"}, blocking=True
    )
    await scene.settle()
    await scene.pass_time(MINUTE)
    assert shown(hass, LIST) == "0"
    assert scene.movie is not None, "nothing is deleted"
    assert not scene.movie.monitored
