"""The flows as a person sees them: a real Home Assistant, a real Chromium, every program simulated.

The pictures go into the folder that SOKOUL_SCREENSHOTS names.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import time
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Error, Locator, Page, Request, Response, WebSocket
import pytest

from devstack.browser import open_browser
from devstack.clock import WallClock
from devstack.homeassistant import HomeAssistant
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator
from devstack.tools import chromium

from .flow_texts import TRANSLATIONS

PATIENCE_MILLISECONDS = 90_000
#: the end of an animation
SETTLE_MILLISECONDS = 700
DESKTOP = (1280, 800)
PHONE = (390, 844)
#: messages of the console that say why something doesn't come
TOLD = {"error", "warning"}
#: of what happened, and of what can be read, when a test failed
LAST = 60
LAST_CHARACTERS = 2000
LAST_WORDS_SECONDS = 20
USERNAME = "admin"
PASSWORD = "correct horse"

FRENCH = TRANSLATIONS["fr"]["config"]
#: what a person would see where a text or what it is to be given is missing
RAW = re.compile(r"component\.sokoul|config_subentries|\{\w+\}|\bMISSING_VALUE\b|Translation error", re.IGNORECASE)


@dataclass(frozen=True)
class Programs:
    """The simulated stack, wired as at a usual home."""

    radarr: RadarrSimulator
    sonarr: SonarrSimulator
    prowlarr: ProwlarrSimulator
    qbittorrent: QbittorrentSimulator


@pytest.fixture
async def programs(socket_enabled: None) -> AsyncIterator[Programs]:
    clock = WallClock()
    async with AsyncExitStack() as stack:
        programs = Programs(
            await stack.enter_async_context(RadarrSimulator(clock=clock)),
            await stack.enter_async_context(SonarrSimulator(clock=clock)),
            await stack.enter_async_context(ProwlarrSimulator(clock=clock)),
            await stack.enter_async_context(
                QbittorrentSimulator(username=USERNAME, password=PASSWORD, clock=clock, seed=2)
            ),
        )
        programs.qbittorrent.populate(40)
        for arr in (programs.radarr, programs.sonarr):
            arr.add_qbittorrent(programs.qbittorrent.url, username=USERNAME, password=PASSWORD)
            programs.prowlarr.add_application(arr.application, arr.url, arr.api_key)
            address = {"baseUrl": f"{programs.prowlarr.url}/1/", "apiKey": programs.prowlarr.api_key}
            arr.indexers.add("Torznab", "Open Harbour (Prowlarr)", address)
        yield programs


class Happenings:
    """What goes on behind a page, to be told when something didn't come."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []  # of the page's own code
        self._happened: list[str] = []
        self._asked: dict[Request, None] = {}
        self._began = time.monotonic()
        page.on("pageerror", self._error)
        page.on("console", lambda message: message.type in TOLD and self._add(f"console: {message.text}"))
        page.on("framenavigated", lambda frame: self._add(f"at {frame.url}"))
        page.on("crash", lambda _: self._add("the page crashed"))
        page.on("request", self._sent)
        page.on("requestfinished", lambda request: self._asked.pop(request, None))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("websocket", self._connected)

    def _add(self, text: str) -> None:
        self._happened.append(f"{time.monotonic() - self._began:6.1f} s {text}")

    def _error(self, error: Error) -> None:
        self.errors.append(str(error))
        self._add(f"error: {error}")

    def _sent(self, request: Request) -> None:
        self._asked[request] = None

    def _failed(self, request: Request) -> None:
        self._asked.pop(request, None)
        self._add(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._add(f"{response.status}: {response.url}")

    def _connected(self, websocket: WebSocket) -> None:
        self._add(f"websocket {websocket.url}")
        websocket.on("close", lambda _: self._add("websocket closed"))

    def told(self) -> str:
        """Return the last of what happened, and what is still waited for."""
        waited = [f"no answer: {request.url}" for request in self._asked]
        return "\n".join([*self._happened[-LAST:], *waited[:LAST]])


class Window:
    """A browser window in which the owner is logged in, and the pictures that it takes."""

    def __init__(self, page: Page, home_assistant: HomeAssistant, folder: Path, name: str) -> None:
        self.page = page
        self._home_assistant = home_assistant
        self._folder = folder
        self._name = name
        self._pictures = 0
        self.happenings = Happenings(page)

    async def tell(self) -> str:
        """Return what is seen and what happened, with a picture: for the message of a failure."""
        picture = self._folder / f"{self._name}-failed.png"
        told = [f"{self.page.url}, in {picture}:"]
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self.page.screenshot(path=picture)
                text: str = await self.page.evaluate(READ_EVERYTHING)
                told.append(text[-LAST_CHARACTERS:])
        except (Error, TimeoutError) as error:
            told.append(f"the page can't be read: {error!r}")
        return "\n".join([*told, self.happenings.told()])

    async def open(self, path: str, ready: str) -> None:
        """Open a page of Home Assistant, and wait for a part of it."""
        await self.page.goto(f"{self._home_assistant.url}{path}")
        await self.page.locator(ready).first.wait_for(state="attached")

    async def look(self, name: str, *expected: str) -> str:
        """Take a picture, and return all that can be read; no raw key and no empty placeholder is among it.

        What is expected may come a while after the rest: on a busy machine a browser draws little by little.
        """
        await self.page.wait_for_timeout(SETTLE_MILLISECONDS)
        text = await self._read(expected)
        self._pictures += 1
        await self.page.screenshot(path=self._folder / f"{self._name}-{self._pictures:02}-{name}.png")
        assert not RAW.search(text), f"{name}: {RAW.findall(text)}"
        for each in expected:
            assert " ".join(each.split()) in " ".join(text.split()), f"{name}: {each}"
        return text

    async def _read(self, expected: Collection[str]) -> str:
        """Return all that can be read once everything expected can be, or when it has been waited for in vain."""
        deadline = time.monotonic() + PATIENCE_MILLISECONDS / 1000
        while True:
            text: str = await self.page.evaluate(READ_EVERYTHING)
            read = " ".join(text.split())
            if all(" ".join(each.split()) in read for each in expected) or time.monotonic() > deadline:
                return text
            await self.page.wait_for_timeout(SETTLE_MILLISECONDS / 7)

    # --- the dialog of a flow ----------------------------------------------------------------------------------------

    @property
    def dialog(self) -> Locator:
        """The dialog in which flows are shown."""
        return self.page.locator("dialog-data-entry-flow")

    async def title(self, expected: str) -> None:
        """Wait until the dialog has this title."""
        await self.dialog.locator('[slot="headerTitle"]', has_text=expected).wait_for()

    async def choose(self, option: str) -> None:
        """Choose from a menu."""
        await self.dialog.locator("step-flow-menu").get_by_text(option, exact=True).click()

    async def fill(self, **typed: str) -> None:
        """Type into the fields of a form."""
        for name, value in typed.items():
            await self.dialog.locator(f'input[name="{name}"]').fill(value)

    async def toggle(self, label: str) -> None:
        """Turn a switch of a form."""
        await self.dialog.locator("ha-form-grid, ha-selector", has_text=label).locator("ha-switch").last.click()

    async def press(self) -> None:
        """Send a form, or close the last page of a flow."""
        await self.dialog.locator("ha-dialog-footer ha-button").last.click()

    async def close(self) -> None:
        """Send the last page of a flow, and wait until the dialog is gone."""
        await self.press()
        await self.dialog.locator("ha-dialog-footer").wait_for(state="detached")
        await self.page.wait_for_load_state("networkidle")

    async def error(self, expected: str) -> None:
        """Wait until the form says what is wrong."""
        await self.dialog.locator("ha-alert", has_text=expected).first.wait_for()


#: All text of a page, also of what components keep to themselves.
READ_EVERYTHING = """() => {
  const words = [];
  const read = (node) => {
    if (node.nodeType === Node.TEXT_NODE) { words.push(node.textContent); return; }
    if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(node.nodeName)) return;
    if (node.shadowRoot) node.shadowRoot.childNodes.forEach(read);
    node.childNodes.forEach(read);
  };
  read(document.body);
  return words.join(" ").replace(/[ \\n\\t]+/g, " ");
}"""


@asynccontextmanager
async def window(
    browser: Browser, home_assistant: HomeAssistant, folder: Path, name: str, size: tuple[int, int], scheme: str
) -> AsyncIterator[Window]:
    """Open a window; nothing that goes wrong on its pages stays unseen, and a failure says what was."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    tokens = {
        "hassUrl": home_assistant.url,
        "clientId": f"{home_assistant.url}/",
        "access_token": home_assistant.token,
        "refresh_token": "",
        "token_type": "Bearer",
        "expires": 1 << 50,
        "expires_in": 1 << 20,
    }
    await context.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    seen = Window(page, home_assistant, folder, name)
    try:
        yield seen
    except Exception as error:
        error.add_note(await seen.tell())
        raise
    finally:
        await context.close()
    assert seen.happenings.errors == [], seen.happenings.told()


async def entry_of(home_assistant: HomeAssistant) -> dict[str, Any]:
    """Return the hub's config entry."""
    entries = await home_assistant.ws("config_entries/get", domain="sokoul")
    (entry,) = entries
    found: dict[str, Any] = entry
    return found


async def backends_of(home_assistant: HomeAssistant) -> set[str]:
    """Return the titles of the connected backends."""
    entry = await entry_of(home_assistant)
    return {
        each["title"] for each in await home_assistant.ws("config_entries/subentries/list", entry_id=entry["entry_id"])
    }


async def begin(seen: Window) -> None:
    """Add SOKOUL under "Add integration"."""
    await seen.open("/config/integrations/dashboard/add?domain=sokoul", "dialog-box")
    await seen.page.locator("dialog-box ha-dialog-footer ha-button").last.click()
    await seen.dialog.locator("step-flow-menu").wait_for()


async def in_english_on_a_desktop(seen: Window, home_assistant: HomeAssistant, programs: Programs) -> None:
    """Start with Radarr, make mistakes, and end with everything connected."""
    radarr, qbittorrent = programs.radarr, programs.qbittorrent
    await begin(seen)
    await seen.look("start", "The address and the API key of one are enough.")
    await seen.choose("Start with Radarr, Sonarr or Prowlarr")
    await seen.fill(url=radarr.url, api_key="wrong")
    await seen.look("arr")
    await seen.press()
    await seen.error("This API key was refused")
    await seen.look("wrong-key")
    await seen.fill(api_key=radarr.api_key)
    await seen.press()

    await seen.title("Radarr knows of qBittorrent")
    assert await seen.dialog.locator('input[name="url"]').input_value() == qbittorrent.url
    await seen.fill(password="wrong")
    await seen.press()
    await seen.error("This user name or password was refused")
    await seen.look("wrong-password")
    await seen.fill(password=PASSWORD)
    await seen.press()
    await seen.title("Radarr knows of Prowlarr")
    await seen.look("neighbour")
    await seen.fill(api_key=programs.prowlarr.api_key)
    await seen.press()
    await seen.title("Prowlarr knows of Sonarr")
    await seen.fill(api_key=programs.sonarr.api_key)
    await seen.press()

    await seen.title("Ready")
    await seen.look("ready", "qBittorrent")
    await seen.choose("Check-up first")
    await seen.title("What a first look finds")
    await seen.look("check-up")
    await seen.press()
    await seen.dialog.locator("step-flow-create-entry").wait_for()
    await seen.look("created")
    await seen.close()
    assert await backends_of(home_assistant) == {"Radarr", "Sonarr", "Prowlarr", "qBittorrent"}
    await seen.open("/config/integrations/integration/sokoul", "ha-config-sub-entry-row")
    await seen.look("integration", "Radarr", "Sonarr", "Prowlarr", "qBittorrent")


async def a_new_key_and_a_new_password(seen: Window, home_assistant: HomeAssistant, programs: Programs) -> None:
    """Be asked for the credentials of two backends in one dialog."""
    programs.radarr.api_key = "0123456789abcdef0123456789abcdef"
    programs.qbittorrent.access.password = "another horse"
    programs.qbittorrent.restart()
    for entity in ("binary_sensor.radarr_connection", "binary_sensor.qbittorrent_connection"):
        await home_assistant.rest("POST", "/api/services/homeassistant/update_entity", {"entity_id": entity})
    await seen.open("/config/integrations/dashboard", "ha-config-flow-card")
    await seen.look("asked-for")
    await seen.page.locator("ha-config-flow-card ha-button").first.click()
    await seen.title("Radarr refuses the credentials")
    await seen.look("reauth")
    await seen.fill(api_key=programs.radarr.api_key)
    await seen.press()
    await seen.title("qBittorrent refuses the credentials")
    await seen.fill(password="another horse")
    await seen.look("reauth-next")
    await seen.press()
    await seen.dialog.locator("step-flow-abort").wait_for()
    await seen.look("reauth-done", "The new credentials work.")
    await seen.close()


async def options(seen: Window) -> None:
    """Open the options of the hub."""
    await seen.open("/config/integrations/integration/sokoul", "ha-config-entry-row")
    await seen.page.locator("ha-config-entry-row").get_by_role("button", name="Configure").first.click()
    await seen.dialog.locator("step-flow-menu").wait_for()


async def corrections(seen: Window) -> None:
    """Look at who uses whom, say that it is right, and look at the folders."""
    await options(seen)
    await seen.look("options")
    await seen.choose("Who uses whom")
    await seen.title("Who uses whom")
    await seen.look("links")
    await seen.press()
    await seen.title("Radarr: qBittorrent")
    await seen.look("link")
    await seen.press()
    await seen.dialog.locator("step-flow-create-entry").wait_for()
    await seen.look("saved")
    await seen.close()
    await options(seen)
    await seen.choose("Which folder is which")
    await seen.title("Which folder is which")
    await seen.look("paths")


async def the_form_of_a_backend(seen: Window) -> None:
    """Change a backend: its secret is not shown."""
    await seen.open("/config/integrations/integration/sokoul", "ha-config-sub-entry-row")
    await seen.page.get_by_role("button", name="Add Radarr").click()
    await seen.title("Add Radarr")
    await seen.toggle("webhook")
    await seen.look("add")
    await seen.open("/config/integrations/integration/sokoul", "ha-config-sub-entry-row")
    row = seen.page.locator("ha-config-sub-entry-row", has_text="Radarr").first
    await row.get_by_role("button", name="Change Radarr").first.click()
    await seen.title("Change Radarr")
    await seen.look("change")
    assert await seen.dialog.locator('input[name="api_key"]').input_value() == ""


async def in_french_on_a_phone(seen: Window, programs: Programs) -> None:
    """Look for programs where there are none, and leave a backend out whose name means nothing here."""
    radarr = programs.radarr
    client = radarr.download_clients.items[1]
    client.values |= {"host": "qbittorrent", "port": 8080}
    await begin(seen)
    await seen.look("start", FRENCH["step"]["user"]["title"])
    await seen.choose("Explorer une machine")
    await seen.fill(host="pas une machine")
    await seen.press()
    await seen.error(FRENCH["error"]["invalid_host"])
    await seen.look("scan")

    await begin(seen)
    await seen.choose("Commencer par Radarr, Sonarr ou Prowlarr")
    address = radarr.url.removeprefix("http://")  # as a person types it
    await seen.fill(url=address.replace("127.0.0.1", "127.0.0.1.invalid"), api_key=radarr.api_key)
    await seen.press()
    await seen.error(FRENCH["error"]["unknown_host"])
    await seen.look("unknown-host")
    await seen.fill(url=address)
    await seen.press()
    await seen.title("Radarr connaît qBittorrent")
    await seen.look("unreachable", "mais pas Home Assistant")
    await seen.press()
    await seen.error(FRENCH["error"]["unknown_host"])
    await seen.toggle("Passer celui-ci")
    await seen.look("skip")
    await seen.press()
    await seen.title("Radarr connaît Prowlarr")
    await seen.fill(api_key=programs.prowlarr.api_key)
    await seen.press()
    await seen.title("Prowlarr connaît Sonarr")
    await seen.toggle("Passer celui-ci")
    await seen.press()
    await seen.title("Prêt")
    await seen.look("ready")
    await seen.choose(FRENCH["step"]["finish"]["menu_options"]["check_up"])
    await seen.title("Ce que montre un premier regard")
    await seen.look("check-up")
    await seen.press()
    await seen.dialog.locator("step-flow-create-entry").wait_for()
    await seen.close()


def folder_for(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("SOKOUL_SCREENSHOTS") or tmp_path / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.real
async def test_a_part_that_does_not_come_is_told_of_with_what_is_seen(tmp_path: Path, socket_enabled: None) -> None:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    silent = asyncio.Event()

    async def page(_: web.Request) -> web.Response:
        text = "<p>Loading</p><script>fetch('/never'); fetch('/nowhere'); console.error('no chunk')</script>"
        return web.Response(text=text, content_type="text/html")

    async def never(_: web.Request) -> web.Response:
        await silent.wait()
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/", page), web.get("/never", never)])
    home_assistant = HomeAssistant(tmp_path)  # another answers in its place
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(application)
        stack.push_async_callback(runner.cleanup)
        stack.callback(silent.set)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", home_assistant.port).start()
        browser = await stack.enter_async_context(open_browser(program, home_assistant.port))

        async def wait_in_vain() -> None:
            async with window(browser, home_assistant, tmp_path, "waiting", PHONE, "dark") as seen:
                seen.page.set_default_timeout(1000)
                await seen.open("/", "dialog-box")

        with pytest.raises(Error, match="dialog-box") as raised:
            await wait_in_vain()
    told = "\n".join(raised.value.__notes__)
    assert (tmp_path / "waiting-failed.png").stat().st_size
    url = home_assistant.url
    for expected in (
        "waiting-failed.png", "Loading", "console: no chunk", f"404: {url}/nowhere", f"no answer: {url}/never",
    ):  # fmt: skip
        assert expected in told


@pytest.mark.real
async def test_the_flows_in_a_browser(tmp_path: Path, programs: Programs) -> None:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    folder = folder_for(tmp_path)
    async with AsyncExitStack() as stack:
        home_assistant = await stack.enter_async_context(HomeAssistant(tmp_path / "config"))
        browser = await stack.enter_async_context(open_browser(program, home_assistant.port))
        async with window(browser, home_assistant, folder, "desktop", DESKTOP, "light") as seen:
            await in_english_on_a_desktop(seen, home_assistant, programs)
            await a_new_key_and_a_new_password(seen, home_assistant, programs)
            await corrections(seen)
            await the_form_of_a_backend(seen)
        entry = await entry_of(home_assistant)
        await home_assistant.rest("DELETE", f"/api/config/config_entries/entry/{entry['entry_id']}")
        await home_assistant.ws("frontend/set_user_data", key="language", value={"language": "fr"})
        async with window(browser, home_assistant, folder, "phone", PHONE, "dark") as seen:
            await in_french_on_a_phone(seen, programs)
            assert await backends_of(home_assistant) == {"Radarr", "Prowlarr"}
    # the credentials that were changed on purpose, and nothing else
    assert {problem.rpartition(": ")[2] for problem in home_assistant.log_problems()} == {
        "Radarr refused the credentials",
        "qBittorrent refused the credentials",
    }
