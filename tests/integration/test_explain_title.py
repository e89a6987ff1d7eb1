"""`sokoul.explain` with a title: the whole way from the wish to the library, and where on it a title is."""

from datetime import timedelta
import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.sokoul.services import Action

from .healing import act
from .test_watching import MINUTE, Scene, act_on_radarr, nobody_offers_anything, scene  # noqa: F401 -- a fixture

LINKS = ["asked", "identified", "out", "searched", "grabbed", "downloaded", "imported", "ready"]


async def explain(hass: HomeAssistant, title: str = "dune 2", **said: Any) -> dict[str, Any]:
    answer = dict(await act(hass, Action.EXPLAIN, title=title, **said))
    json.dumps(answer)
    assert [each["link"] for each in answer["chain"]] == LINKS
    states = [each["state"] for each in answer["chain"]]
    assert states == sorted(states, key=("done", "now", "to_come").index), "one after the other"
    assert all((each["text"] is None) is (each["state"] == "to_come") for each in answer["chain"])
    return answer


def now_at(answer: dict[str, Any]) -> str | None:
    return next((str(each["link"]) for each in answer["chain"] if each["state"] == "now"), None)


def text_of(answer: dict[str, Any], link: str) -> str:
    return next(str(each["text"]) for each in answer["chain"] if each["link"] == link)


async def test_the_way_of_a_wish_is_told_from_its_beginning_to_its_end(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    nobody = scene.radarr.releases_for
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True, asked_by="somebody")
    answer = await explain(hass)
    assert (answer["title"], answer["on_the_list"], now_at(answer)) == ("Dune: Part Two (2024)", True, "searched")
    assert text_of(answer, "asked").startswith("It was asked for as “Dune 2”")
    assert text_of(answer, "identified") == "It\u2019s Dune: Part Two (2024)."
    assert text_of(answer, "out") == "It has been out at home since October 25, 2024."
    assert text_of(answer, "searched").startswith("Searched for 1 time, the last time ")
    assert answer["text"].startswith("Nobody offered it at the last search")

    scene.radarr.releases_for = nobody  # type: ignore[method-assign]
    await scene.pass_time(MINUTE)
    await scene.watching.fetch(wish.id)
    await scene.pass_time(MINUTE)
    answer = await explain(hass, "Dune: Part Two (2024)")
    assert now_at(answer) == "downloaded"
    assert answer["wish"]["parts"][0]["release"] in text_of(answer, "grabbed")
    assert answer["download"]["download"]["hash"] == scene.torrent.hash
    assert answer["download"]["text"] in text_of(answer, "downloaded")

    await scene.let_it_download()
    answer = await explain(hass, "tmdb:693134")
    assert now_at(answer) is None
    assert {each["state"] for each in answer["chain"]} == {"done"}
    assert text_of(answer, "imported") == "It\u2019s in the library."
    assert answer["download"] is None
    said = await explain(hass, "dune 2", language="fr")
    assert text_of(said, "imported") == "Il est dans la bibliothèque."


async def test_what_waits_for_an_answer_says_so(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    await scene.add("Dune 2", auto=False)
    answer = await explain(hass)
    assert now_at(answer) == "grabbed"
    assert text_of(answer, "grabbed").startswith("Found, and not downloaded yet: Dune.Part.Two")


async def test_what_is_not_on_the_list_is_explained_by_radarr(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    here = next(each for each in scene.radarr.library.movies.values() if each.file is not None)
    answer = await explain(hass, f"{here.title} ({here.year})")
    assert (answer["on_the_list"], answer["state"], now_at(answer)) == (False, "ready", None)
    assert answer["text"].startswith("It isn\u2019t on the watchlist.")
    missing = next(each for each in scene.radarr.library.movies.values() if each.file is None and each.monitored)
    answer = await explain(hass, f"{missing.title} ({missing.year})")
    assert answer["on_the_list"] is False
    assert now_at(answer) in {"out", "searched"}
    assert scene.watching.wishes == {}, "nothing is put on the list by asking"


async def test_what_somebody_downloads_is_explained(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    await act(hass, Action.GRAB, query="dune 2")
    await scene.pass_time(timedelta(seconds=30))
    answer = await explain(hass)
    assert (answer["on_the_list"], now_at(answer)) == (False, "downloaded")
    assert answer["download"]["download"]["hash"] == scene.torrent.hash


async def test_what_radarr_grabbed_by_itself_is_explained(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    wish = await scene.add("Dune 2")
    await act_on_radarr(scene)
    await scene.pass_time(MINUTE, 3)
    await scene.watching.look(wish.id)
    answer = await explain(hass)
    assert now_at(answer) in {"downloaded", "imported"}
    assert text_of(answer, "grabbed").startswith("It wasn\u2019t the watchlist that had it downloaded: ")


async def test_what_nobody_wants_or_knows_is_said(hass: HomeAssistant, scene: Scene) -> None:  # noqa: F811
    for title, said in (
        ("dune 2", "nobody downloads it"),
        ("Arrakis Rising", "No movie or series called “Arrakis Rising” is known."),
    ):
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, Action.EXPLAIN, title=title)
        assert raised.value.translation_key == "title_not_explained"
        assert said in raised.value.translation_placeholders["reason"]  # type: ignore[index]
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.EXPLAIN)
    assert raised.value.translation_key == "nothing_to_explain"
