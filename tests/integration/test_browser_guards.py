"""The VPN guard and the governor as a person sees them: a real Home Assistant and a real Chromium, the rest simulated.

Their options are walked through in both languages, on a desktop and on a phone. The pictures go into the folder that
SOKOUL_SCREENSHOTS names.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
import json
from pathlib import Path
from typing import Any

import pytest

from devstack.browser import open_browser
from devstack.homeassistant import HomeAssistant
from devstack.scenario import SET_UP, heat_arrives
from devstack.screenshots import device_path
from devstack.stack import Stack
from devstack.tools import chromium

from .flow_texts import TRANSLATIONS
from .test_browser import DESKTOP, PHONE, Window, folder_for, window

INTEGRATION = Path(__file__).resolve().parents[2] / "custom_components" / "sokoul"
CONFIGURE = {"en": "Configure", "fr": "Configurer"}

#: What of a dialog can't be read because it is wider than its place.
CUT_OFF = """(dialog) => {
  const found = [];
  const walk = (node) => {
    const cut = getComputedStyle(node).textOverflow === "ellipsis" && node.scrollWidth > node.clientWidth + 1;
    if (cut && node.clientWidth > 0) found.push(node.textContent.trim());
    [...(node.shadowRoot?.children ?? []), ...node.children].forEach(walk);
  };
  walk(dialog);
  return found;
}"""


class Walk:
    """A walk through the options, in one language and window."""

    def __init__(self, seen: Window, language: str) -> None:
        self._seen = seen
        self._language = language
        self._translations = TRANSLATIONS[language]["options"]
        self._texts = json.loads((INTEGRATION / "texts" / f"{language}.json").read_text(encoding="utf-8"))

    def text(self, *path: str) -> str:
        """Return the text of a reason, up to where something is filled in."""
        found: Any = self._texts
        for name in path:
            found = found[name]
        return str(found).partition("{")[0].strip()

    async def open(self, option: str) -> None:
        """Open the options, and choose from their menu."""
        await self._seen.open("/config/integrations/integration/sokoul", "ha-config-entry-row")
        row = self._seen.page.locator("ha-config-entry-row").first
        await row.get_by_role("button", name=CONFIGURE[self._language]).first.click()
        await self._seen.dialog.locator("step-flow-menu").wait_for()
        await self._seen.choose(self._translations["step"]["init"]["menu_options"][option])

    async def look(self, name: str, *expected: str, form: str = "") -> None:
        """Take a picture. What is expected can be read, and so can all that a form asks; nothing is cut off."""
        step = self._translations["step"].get(form, {})
        asked = [*step.get("data", {}).values(), *step.get("data_description", {}).values()]
        await self._seen.look(name, *expected, *(text for text in asked if "{" not in text))
        assert await self._seen.dialog.evaluate(CUT_OFF) == [], name

    async def down(self, name: str) -> None:
        """Look at the end of a long form."""
        await self._seen.dialog.locator("step-flow-form").hover()
        await self._seen.page.mouse.wheel(0, 3000)
        await self.look(name)

    async def wrong(self, name: str, *errors: str) -> None:
        """Send a form that can't be meant, and see what is said of it."""
        await self._seen.press()
        for error in errors:
            await self._seen.error(self._translations["error"][error].replace("{proxy_example}", "").strip())
        await self.look(name)

    # --- the options -------------------------------------------------------------------------------------------------

    async def vpn(self) -> None:
        """See what is known, and say it wrongly."""
        seen = self._seen
        await self.open("vpn")
        await seen.title(self._translations["step"]["vpn"]["title"])
        await self.look("vpn", "Gluetun", self.text("shelter", "person"), form="vpn")
        await seen.press()
        await seen.dialog.locator("step-flow-menu").wait_for()
        await self.look("guarded", "qBittorrent")
        await seen.choose(self._translations["step"]["guarded"]["menu_options"]["shelter"])
        await seen.dialog.locator('input[name="proxy"]').wait_for()
        await self.look("shelter", form="shelter")
        await self.down("shelter-end")
        await seen.fill(proxy="gluetun:8888")
        await seen.dialog.get_by_text(TRANSLATIONS[self._language]["selector"]["vpn_way"]["options"]["bound"]).click()
        await self.wrong("shelter-wrong", "interface_missing", "not_a_proxy")

    async def machine(self) -> None:
        """See that it is hot and what follows, and set temperatures that can't be meant."""
        seen = self._seen
        await self.open("governor")
        await seen.title(self._translations["step"]["governor"]["title"])
        await self.look("governor", self.text("governor", "limit_download"), "75 °C", "65 °C", form="governor")
        await seen.press()
        numbers = seen.dialog.locator("ha-selector-number input")
        await numbers.first.wait_for()
        await self.look("machine", form="governor_machine")
        await self.down("machine-end")
        await numbers.nth(1).fill("90")
        await self.wrong("machine-wrong", "not_below")

    async def source(self, kind: str) -> None:
        """Add a source without saying which entity, nor what to do."""
        seen, words = self._seen, self._texts["governed"]
        await self.open("governor")
        await seen.dialog.locator("ha-select").first.click()
        await self.look("sources")
        await seen.page.get_by_text(words["new"].replace("{name}", words[kind])).last.click()
        await seen.press()
        await seen.dialog.locator("ha-selector-entity").first.wait_for()
        await self.look(kind, words[f"about_{kind}"])
        await self.down(f"{kind}-end")
        await self.wrong(f"{kind}-wrong", "entities_missing", "limit_missing")

    # --- devices -----------------------------------------------------------------------------------------------------

    async def devices(self, home_assistant: HomeAssistant) -> None:
        """Look at the pages of the client, of its VPN and of the machine."""
        entities = TRANSLATIONS[self._language]["entity"]
        protection = entities["sensor"]["vpn_protection"]["name"]
        for name, expected in (
            ("qBittorrent", (protection, entities["sensor"]["throttle_reason"]["state"]["thermal"])),
            ("Gluetun", (entities["sensor"]["forwarded_port"]["name"],)),
            ("Raspberry Pi 4 Model B", (entities["number"]["limit_from"]["name"],)),
        ):
            path = await device_path(home_assistant, name)
            await self._seen.open(path, "ha-device-entities-card")
            await self._seen.look(name.lower().replace(" ", "-"), *expected)


@pytest.fixture
async def stack(tmp_path: Path, socket_enabled: None) -> AsyncIterator[Stack]:
    """Start a stack whose qBittorrent is simulated, behind a VPN, on a machine that is left as it is."""
    async with Stack(tmp_path, real=False) as demo:
        await demo.start(lambda _: None)
        demo.surroundings.eventful = False
        yield demo


@pytest.mark.real
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_the_guards_in_a_browser(language: str, tmp_path: Path, stack: Stack) -> None:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    folder = folder_for(tmp_path)
    async with AsyncExitStack() as life:
        home_assistant = await life.enter_async_context(
            HomeAssistant(tmp_path / "config", language=language, world=stack.world(hasty=False))
        )
        for run in (*(step.run for step in SET_UP), heat_arrives):
            assert await run(home_assistant, stack) == []
        browser = await life.enter_async_context(open_browser(program, home_assistant.port))
        for name, size, scheme in (("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")):
            async with window(browser, home_assistant, folder, f"guards-{language}-{name}", size, scheme) as seen:
                walk = Walk(seen, language)
                await walk.vpn()
                await walk.machine()
                if (language, name) in {("en", "desktop"), ("fr", "phone")}:
                    await walk.source("price")
                    await walk.devices(home_assistant)
    assert home_assistant.log_problems() == []
