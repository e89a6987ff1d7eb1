"""Connecting Real-Debrid as a person sees it: a real Home Assistant, a real Chromium, and a simulated Real-Debrid.

The pictures go into the folder that SOKOUL_SCREENSHOTS names.
"""

from contextlib import AsyncExitStack
import json
from pathlib import Path
import re

import pytest

from devstack.browser import open_browser
from devstack.homeassistant import CONFIGURATION, HomeAssistant
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.screenshots import device_path
from devstack.tools import chromium

from .flow_texts import TRANSLATIONS
from .test_browser import DESKTOP, PHONE, Window, backends_of, entry_of, folder_for, window

#: Home Assistant is a process of its own: this component, which is there for the test alone, tells it where the
#: simulated Real-Debrid is.
ELSEWHERE = """
from custom_components.sokoul.clients import real_debrid


def setup(hass, config):
    real_debrid.BASE_URL = {url!r}
    return True
"""


def prepare(config: Path, url: str) -> None:
    """Let a Home Assistant that starts in this folder find Real-Debrid at this address."""
    component = config / "custom_components" / "elsewhere"
    component.mkdir(parents=True)
    (component / "__init__.py").write_text(ELSEWHERE.format(url=url), encoding="utf-8")
    manifest = {"domain": "elsewhere", "name": "Elsewhere", "version": "1", "dependencies": [], "codeowners": []}
    (component / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (config / "media").mkdir()
    text = CONFIGURATION.format(language="en", media=config / "media")
    (config / "configuration.yaml").write_text(f"{text}elsewhere:\n", encoding="utf-8")


async def add_account(seen: Window, language: str) -> None:
    """Open the menu of a new account."""
    texts = TRANSLATIONS[language]["config_subentries"]["real_debrid"]
    await seen.open("/config/integrations/integration/sokoul", "ha-config-entry-page, ha-config-integration-page")
    await seen.page.get_by_role("button", name=texts["initiate_flow"]["user"]).first.click()
    await seen.dialog.locator("step-flow-menu").wait_for()


async def type_the_code(seen: Window, debrid: RealDebridSimulator, language: str, account: int) -> str:
    """Choose to type a code, and type it as soon as it is shown; return all that was to be read with it."""
    texts = TRANSLATIONS[language]["config_subentries"]["real_debrid"]
    await seen.choose(texts["step"]["user"]["menu_options"]["device"])
    await seen.title(texts["step"]["device"]["title"])
    await seen.dialog.locator("step-flow-progress ha-markdown").first.wait_for()
    read = await seen.look("code")
    code = next(each.user_code for each in debrid.oauth.devices.values() if each.user_code in read)
    link = seen.dialog.locator("step-flow-progress a")
    assert code in str(await link.get_attribute("href")), "the link has the code filled in"
    debrid.oauth.approve(code, account)
    await seen.dialog.locator("step-flow-create-entry").wait_for()
    await seen.look("connected")
    await seen.close()
    return read


async def look_at_device(seen: Window, home_assistant: HomeAssistant, language: str, title: str) -> str:
    """Open the device of an account, press its button that synchronises, and return all that is to be read.

    Entities are named in Home Assistant's own language, and what they say is in the person's.
    """
    named, said = TRANSLATIONS["en"]["entity"], TRANSLATIONS[language]["entity"]
    await seen.open(await device_path(home_assistant, title), "ha-device-entities-card")
    buttons = seen.page.locator("hui-button-entity-row", has_text=named["button"]["sync_smart"]["name"])
    await buttons.first.locator("ha-button").click()
    told = said["event"]["debrid"]["state_attributes"]["event_type"]["state"]["torrents_failed"]
    await seen.page.locator("hui-event-entity-row", has_text=told).wait_for()
    return await seen.look("device")


@pytest.mark.real
async def test_connecting_accounts_in_a_browser(tmp_path: Path, socket_enabled: None) -> None:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    folder, config = folder_for(tmp_path), tmp_path / "config"
    async with AsyncExitStack() as stack:
        debrid = await stack.enter_async_context(RealDebridSimulator())
        other = debrid.add_account("other", "ANOTHERTOKEN")
        debrid.account.fill(9, statuses=("downloaded", "downloaded", "dead"))
        other.fill(3, statuses=("downloaded", "downloaded", "error"))
        prepare(config, debrid.url)
        home_assistant = await stack.enter_async_context(HomeAssistant(config))
        flow = await home_assistant.rest("POST", "/api/config/config_entries/flow", {"handler": "sokoul"})
        await home_assistant.rest(
            "POST", f"/api/config/config_entries/flow/{flow['flow_id']}", {"next_step_id": "empty"}
        )
        browser = await stack.enter_async_context(open_browser(program, home_assistant.port))
        async with window(browser, home_assistant, folder, "debrid", DESKTOP, "light") as seen:
            await add_account(seen, "en")
            await seen.look("menu")
            await type_the_code(seen, debrid, "en", debrid.account.id)
            assert await backends_of(home_assistant) == {"Real-Debrid"}
            read = await look_at_device(seen, home_assistant, "en", "Real-Debrid")
            assert re.search(r"Failed torrents 3 .*Torrents ready 6 .*waiting for a selection 0 ", read)
            await add_account(seen, "en")
            await seen.choose("Enter the API token")
            await seen.title("API token of Real-Debrid")
            await seen.fill(api_key=API_TOKEN)
            await seen.press()
            await seen.error("This account is already connected.")
            await seen.look("already")
        await home_assistant.ws("frontend/set_user_data", key="language", value={"language": "fr"})
        async with window(browser, home_assistant, folder, "debrid-phone", PHONE, "dark") as seen:
            await add_account(seen, "fr")
            await seen.look("menu")
            read = await type_the_code(seen, debrid, "fr", other.id)
            assert re.search(r"saisissez ce code et acceptez\u00a0: [A-Z2-7]{8} La suite", read)
            read = await look_at_device(seen, home_assistant, "fr", "Real-Debrid 2")
            assert re.search(r"Failed torrents 1 .*Torrents ready 2 .*Des torrents ont échoué", read)
        assert await backends_of(home_assistant) == {"Real-Debrid", "Real-Debrid 2"}
        entry = await entry_of(home_assistant)
        assert not [grant for grant in debrid.oauth.grants if grant.access_token in json.dumps(entry)]
        storage = config / ".storage" / "sokoul.tokens"
        assert storage.stat().st_mode & 0o077 == 0, "readable for its owner only"
        assert home_assistant.log_problems() == []
