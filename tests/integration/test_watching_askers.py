"""Who asked for a title, the first and all others; and how good it has to be, wherever it is shown."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.sokoul.services import Action
from custom_components.sokoul.watching_grabs import Findings, WatchGrabs
from custom_components.sokoul.watchlist.items import SEERR, WishState

from .flows import submit_backend, suggested
from .healing import act
from .test_policy_flow import add_policy
from .test_watching import Scene, _no_pause, nobody_offers_anything, scene, tmdb, without_arr  # noqa: F401 -- fixtures

LIST = "todo.sokoul_watchlist"


@pytest.fixture
def people(hass: HomeAssistant) -> tuple[MockUser, MockUser, MockUser]:
    anna, lea, marc = (MockUser(name=name).add_to_hass(hass) for name in ("Anna", "L\u00e9a", "Marc"))
    return anna, lea, marc


async def listed(hass: HomeAssistant) -> dict[str, Any]:
    (found,) = (await act(hass, Action.WATCHLIST_LIST))["items"]
    return dict(found)


async def described(hass: HomeAssistant) -> str:
    answer: Any = await hass.services.async_call(
        "todo", "get_items", {"entity_id": LIST}, blocking=True, return_response=True
    )
    (found,) = answer[LIST]["items"]
    return str(found["description"])


async def test_all_who_ask_are_kept_and_told(
    hass: HomeAssistant,
    scene: Scene,  # noqa: F811
    people: tuple[MockUser, MockUser, MockUser],
) -> None:
    anna, lea, marc = people
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True, asked_by=anna.id)
    assert (await scene.add("dune 2", asked_by=lea.id)).id == wish.id, "in the same words"
    await scene.watching.add("dune part two", asked_by=marc.id, wait=timedelta(seconds=30))  # known to be it by and by
    await scene.watching.add("Dune 2", asked_by=SEERR, requested_by="Zo\u00e9")
    await scene.watching.add("Dune 2", asked_by=anna.id)
    await scene.watching.add("Dune 2", asked_by=lea.id)
    await scene.watching.add("Dune 2")
    await scene.settle()
    everybody = ["Anna", "L\u00e9a", "Marc", "Zo\u00e9"]
    assert list(scene.wish().asker_names) == everybody
    assert (await listed(hass))["askers"] == everybody
    assert (await listed(hass))["asked_by"] == "Anna"
    assert "Asked for by Anna, L\u00e9a, Marc, and Zo\u00e9." in await described(hass)
    asked = (await act(hass, Action.EXPLAIN, title="dune 2"))["chain"][0]
    assert asked["askers"] == everybody
    assert asked["text"].endswith("In 1080p or better. Asked for by Anna, L\u00e9a, Marc, and Zo\u00e9.")

    await scene.restart()
    assert list(scene.wish().asker_names) == everybody


async def test_all_who_asked_hear_that_it_is_ready(scene: Scene, people: tuple[MockUser, MockUser, MockUser]) -> None:  # noqa: F811
    anna, lea, _ = people
    await scene.add("Dune 2", auto=True, asked_by=anna.id)
    await scene.add("Dune 2", asked_by=lea.id)
    await scene.let_it_download()
    assert scene.wish().state is WishState.READY
    (ready,) = [data for event, data in scene.happened if event == "ready"]
    assert (ready["asked_by"], ready["askers"]) == (anna.id, "Anna, L\u00e9a")


async def test_who_asks_while_it_is_looked_for_is_kept(
    scene: Scene,  # noqa: F811
    people: tuple[MockUser, MockUser, MockUser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna, lea, _ = people
    search = WatchGrabs.search

    async def slow(grabs: WatchGrabs, *given: Any, **named: Any) -> Findings:
        findings = await search(grabs, *given, **named)
        await scene.watching.add("Dune 2", asked_by=lea.id)
        return findings

    monkeypatch.setattr(WatchGrabs, "search", slow)
    await scene.add("Dune 2", auto=True, asked_by=anna.id)
    assert (scene.wish().state, scene.wish().asker_names) == (WishState.GRABBED, ("Anna", "L\u00e9a"))


async def test_what_was_asked_for_before_names_were_kept_gets_them(
    scene: Scene,  # noqa: F811
    people: tuple[MockUser, MockUser, MockUser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna, lea, _ = people

    async def nobody(_: str) -> None:
        return None

    with monkeypatch.context() as before:
        before.setattr(scene.hass.auth, "async_get_user", nobody)
        await scene.add("Dune 2", auto=False, asked_by=anna.id)
    assert scene.wish().asker_names == ()
    assert (await listed(scene.hass))["asked_by"] == "Anna"
    await scene.add("Dune 2", asked_by=lea.id)
    assert scene.wish().asker_names == ("Anna", "L\u00e9a")


async def test_the_minimum_that_holds_is_that_of_the_policy_as_it_is_now(
    hass: HomeAssistant,
    without_arr: Scene,  # noqa: F811
) -> None:
    nobody_offers_anything(without_arr)
    wish = await without_arr.add("Dune 2", auto=True)
    assert (await listed(hass))["least"] == "1080p"
    assert (await listed(hass))["minimum"] is None
    assert "In 1080p or better." in await described(hass)
    await add_policy(hass, without_arr.entry, {"name": "Mine", "usual": True, "minimum_resolution": "p2160"})
    await without_arr.settle()
    assert (await listed(hass))["least"] == "2160p"
    assert "In 2160p or better." in await described(hass)
    (key,) = [each for each, it in without_arr.entry.subentries.items() if it.subentry_type == "policy"]
    result = await without_arr.entry.start_subentry_reconfigure_flow(hass, key)
    result = await submit_backend(hass, result, **(suggested(result) | {"minimum_resolution": "any"}))
    await submit_backend(hass, result, **suggested(result))
    await without_arr.settle()
    assert "In any resolution." in await described(hass)
    await without_arr.watching.change(wish.id, minimum=720)
    await without_arr.settle()
    told = await listed(hass)
    assert (told["minimum"], told["least"]) == ("720p", "720p")
    assert "In 720p or better." in await described(hass)
