"""The watchlist as a person sees it: a real Home Assistant and a real Chromium, the rest simulated.

The pictures go into the folder that SOKOUL_SCREENSHOTS names.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
import time
from typing import Any

import pytest

from devstack.browser import open_browser
from devstack.homeassistant import HomeAssistant
from devstack.scenario import SET_UP
from devstack.stack import Stack
from devstack.tools import chromium

from .flow_texts import TRANSLATIONS
from .test_browser import DESKTOP, PHONE, Window, folder_for, window

PATIENCE_SECONDS = 30
LISTS = {"en": "todo.sokoul_watchlist", "fr": "todo.sokoul_a_regarder"}
#: what is typed, and what a person reads once it was looked at
WISHES = {
    "en": {"Dune 2": "Shall it be fetched?", "Twin Rivers": "Which one?", "Qwertzuiop": "Check the spelling"},
    "fr": {
        "Dune 2": "Faut-il le récupérer",
        "Twin Rivers": "Lequel",
        "Qwertzuiop": "Vérifiez l\u2019orthographe",
    },
}


@pytest.fixture
async def stack(tmp_path: Path, socket_enabled: None) -> AsyncIterator[Stack]:
    async with Stack(tmp_path, real=False) as demo:
        await demo.start(lambda _: None)
        demo.surroundings.eventful = False
        for year in (1999, 2012):  # nobody can tell which one is better known
            demo.library.known_movies.append(demo.library.new_movie("Twin Rivers", year))
        yield demo


async def entries(home_assistant: HomeAssistant, language: str) -> dict[str, dict[str, Any]]:
    """Return what is on the list, by what it is called there."""
    answer = await home_assistant.ws("todo/item/list", entity_id=LISTS[language])
    return {each["summary"]: each for each in answer["items"]}


async def until(
    home_assistant: HomeAssistant, language: str, done: Callable[[dict[str, dict[str, Any]]], bool]
) -> dict[str, dict[str, Any]]:
    """Wait until the list is as it is to be."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not done(found := await entries(home_assistant, language)):
        assert time.monotonic() < end, found
        await asyncio.sleep(0.2)
    return found


async def wish(seen: Window, home_assistant: HomeAssistant, language: str) -> str:
    """Type titles into the list, and read what it says of them."""
    await seen.open(f"/todo?entity_id={LISTS[language]}", "hui-todo-list-card")
    for text in WISHES[language]:
        field = seen.page.locator("hui-todo-list-card .addRow input").first
        await field.fill(text)
        await field.press("Enter")
        await seen.page.locator("hui-todo-list-card .summary", has_text=text.split()[0]).first.wait_for()
    expected = WISHES[language].values()
    await until(
        home_assistant,
        language,
        lambda found: all(any(text in each["description"] for each in found.values()) for text in expected),
    )
    return await seen.look("list")


async def answer(seen: Window, home_assistant: HomeAssistant, language: str) -> None:
    """Say which title is meant in the dialog of its entry, as its description asks for."""
    await seen.page.locator("hui-todo-list-card ha-check-list-item", has_text="Twin Rivers").first.click()
    dialog = seen.page.locator("dialog-todo-item-editor")
    summary = dialog.locator("ha-input input").first
    await summary.wait_for()
    assert await summary.input_value() == "Twin Rivers"
    await seen.look("dialog")
    await summary.fill("2")
    await dialog.locator('ha-button[slot="primaryAction"]').click()
    await until(home_assistant, language, lambda found: "Twin Rivers (2012)" in found)
    await seen.look("answered")


async def be_asked(seen: Window, language: str) -> None:
    """Read the question that is asked once, and look at what was found."""
    texts = TRANSLATIONS[language]["issues"]["watchlist_auto"]
    await seen.open("/config/repairs", "ha-config-repairs")
    await seen.page.get_by_text(texts["title"]).first.click()
    dialog = seen.page.locator("dialog-data-entry-flow")
    await dialog.get_by_text(texts["fix_flow"]["step"]["init"]["menu_options"]["show"]).wait_for()
    assert "Dune: Part Two (2024)" in await seen.look("question")
    await dialog.get_by_text(texts["fix_flow"]["step"]["init"]["menu_options"]["show"]).click()
    await dialog.get_by_text(texts["fix_flow"]["step"]["show"]["title"]).wait_for()
    assert "Dune.Part.Two.2024" in await seen.look("found")


@pytest.mark.real
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_watchlist_in_a_browser(language: str, tmp_path: Path, stack: Stack) -> None:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    folder = folder_for(tmp_path)
    size, scheme = {"en": (DESKTOP, "light"), "fr": (PHONE, "dark")}[language]
    async with AsyncExitStack() as life:
        home_assistant = await life.enter_async_context(
            HomeAssistant(tmp_path / "config", language=language, world=stack.world(hasty=False))
        )
        for run in (step.run for step in SET_UP):
            assert await run(home_assistant, stack) == []
        browser = await life.enter_async_context(open_browser(program, home_assistant.port))
        async with window(browser, home_assistant, folder, f"watchlist-{language}", size, scheme) as seen:
            await wish(seen, home_assistant, language)
            await be_asked(seen, language)
            await seen.open(f"/todo?entity_id={LISTS[language]}", "hui-todo-list-card .summary")
            await answer(seen, home_assistant, language)
    assert home_assistant.log_problems() == []
