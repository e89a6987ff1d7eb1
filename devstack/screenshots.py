"""Takes the pictures of the documentation again: the demo stack, two Home Assistants, and a real Chromium.

    scripts/screenshots                 those that the documentation shows
    scripts/screenshots NAME ...        only these
    scripts/screenshots --all --folder  FOLDER      all that there are, to be looked at

Each picture is taken as a person sees it: SOKOUL is set up in the browser, step by step.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
import io
import json
from pathlib import Path
import re
import sys
import tempfile
from typing import Literal

from PIL import Image
from playwright.async_api import Browser, FloatRect, Locator, Page

from .browser import open_browser
from .develop import Terminal, stop_on_signals
from .homeassistant import INTEGRATION, REPOSITORY, HomeAssistant
from .scenario import (
    account_is_mirrored,
    connect_surroundings,
    downloads_are_joined,
    drill_is_passed,
    everything_answers,
    heat_arrives,
    protection_is_proven,
)
from .stack import Access, Stack
from .tools import chromium

IMAGES = REPOSITORY / "docs" / "images"
_DESKTOP = (1280, 800)
_PHONE = (390, 844)
#: as much of a device's page as tells of its guard
_TALL = (1280, 1230)
_INTEGRATION = "/config/integrations/integration/sokoul"
#: what is drawn last: icons, and the end of an animation
_SETTLE_MILLISECONDS = 1200
_PATIENCE_MILLISECONDS = 30_000
#: around a dialog
_MARGIN = 24
#: pixels for each of the page's: pictures of dialogs are shown as large as they are
_SHARP = 2

type Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at."""

    size: tuple[int, int] = _DESKTOP
    scheme: Scheme = "light"
    scale: int = 1


class Album:
    """Where the pictures go. Those that are not wanted are not taken; None wants all."""

    def __init__(self, folder: Path, wanted: Collection[str] | None, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._wanted = wanted
        self._say = say

    def wants(self, *names: str) -> bool:
        """Tell whether any of these is wanted."""
        return self._wanted is None or any(name in self._wanted for name in names)

    async def take(self, page: Page, name: str, part: Locator | None = None) -> None:
        """Take a picture of what is visible, or of a part of it and a little around."""
        if not self.wants(name):
            return
        await page.wait_for_timeout(_SETTLE_MILLISECONDS)
        path = self._folder / f"{name}.png"
        clip = None if part is None else await _around(part)
        await asyncio.to_thread(_write, path, await page.screenshot(clip=clip))
        self._say(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


async def _around(part: Locator) -> FloatRect | None:
    box = await part.bounding_box()
    if box is None:
        return None
    x, y = max(box["x"] - _MARGIN, 0), max(box["y"] - _MARGIN, 0)
    return {"x": x, "y": y, "width": box["width"] + 2 * _MARGIN, "height": box["height"] + 2 * _MARGIN}


def _write(path: Path, png: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # a palette: a page has few colours, and the file a third of the size
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def shown_in_documentation() -> frozenset[str]:
    """Return the names of the pictures that the pages show."""
    pages = (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md"))
    return frozenset(
        name for page in pages for name in re.findall(r"images/([\w-]+)\.png", page.read_text(encoding="utf-8"))
    )


@asynccontextmanager
async def visit(browser: Browser, home_assistant: HomeAssistant, look: Look) -> AsyncIterator[Page]:
    """Open a browser window in which the owner is logged in."""
    width, height = look.size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=look.scale,
        color_scheme=look.scheme,
        reduced_motion="reduce",
        locale=home_assistant.language,
        timezone_id="Europe/Paris",
    )
    tokens = {
        "hassUrl": home_assistant.url,
        "clientId": f"{home_assistant.url}/",
        "access_token": home_assistant.token,
        "refresh_token": "",
        "token_type": "Bearer",
        "expires": 1 << 50,  # it is a long-lived one
        "expires_in": 1 << 20,
    }
    await context.add_init_script(f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})")
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MILLISECONDS)
    try:
        yield page
    finally:
        await context.close()


# --- the dialog ----------------------------------------------------------------------------------------------------


class SetUp:
    """Setting SOKOUL up in the browser, as a person does it."""

    def __init__(self, page: Page, home_assistant: HomeAssistant, stack: Stack) -> None:
        self._page = page
        self._url = home_assistant.url
        self._stack = stack

    @property
    def _dialog(self) -> Locator:
        return self._page.locator("dialog-data-entry-flow")

    @property
    def _box(self) -> Locator:
        return self._dialog.locator("dialog")

    async def open(self) -> None:
        """Choose SOKOUL under "Add integration", and agree."""
        await self._page.goto(f"{self._url}/config/integrations/dashboard/add?domain=sokoul")
        await self._page.locator("dialog-box ha-dialog-footer ha-button").last.click()
        await self._dialog.locator("step-flow-menu").wait_for()

    async def choose(self, number: int) -> None:
        """Choose from a menu; its first entry has the number 0."""
        await self._dialog.locator("step-flow-menu ha-list-item").nth(number).click()

    async def fill(self, access: Access, *, with_address: bool) -> None:
        """Enter how to reach a backend."""
        form = self._dialog.locator("step-flow-form")
        await form.locator('input[name="api_key"]').wait_for()
        if with_address:
            await form.locator('input[name="url"]').fill(access.url)
        if access.api_key:
            await form.locator('input[name="api_key"]').fill(access.api_key)
        else:
            await form.locator('input[name="password"]').fill(access.password)

    async def submit(self) -> None:
        """Send a form, and wait for what comes after it."""
        title = await self.title()
        await self._press()
        async with asyncio.timeout(_PATIENCE_MILLISECONDS / 1000):
            while await self.title() in {"", title}:
                await self._page.wait_for_timeout(100)

    async def _press(self) -> None:
        await self._dialog.locator("ha-dialog-footer ha-button").last.click()

    async def title(self) -> str:
        """Return the title of what is shown."""
        return (await self._dialog.locator('[slot="headerTitle"]').inner_text()).strip()

    async def _asked_for(self) -> Access | None:
        """Return the backend that another one knows of, whose form is shown."""
        title = await self.title()
        return next((access for access in self._stack.accesses if title.endswith(f" {access.name}")), None)

    async def walk(self, album: Album, suffix: str) -> None:
        """Go through all steps, and take pictures of some."""
        await self.open()
        await album.take(self._page, f"start{suffix}", self._box)
        await self.choose(0)
        await self.fill(self._stack.access("radarr"), with_address=True)
        await self.submit()
        while (access := await self._asked_for()) is not None:
            await self.fill(access, with_address=False)
            if access.kind == "qbittorrent":
                await album.take(self._page, f"neighbour{suffix}", self._box)
            await self.submit()
        await album.take(self._page, f"ready{suffix}", self._box)
        await self.choose(1)
        await self._dialog.locator("step-flow-form").wait_for()
        await album.take(self._page, f"check-up{suffix}", self._box)
        await self._press()
        await self._dialog.locator("step-flow-create-entry").wait_for()


# --- pages -----------------------------------------------------------------------------------------------------------


async def device_path(home_assistant: HomeAssistant, name: str) -> str:
    """Return the path of a device's page."""
    for device in await home_assistant.ws("config/device_registry/list"):
        if device["name"] == name and any(domain == "sokoul" for domain, _ in device["identifiers"]):
            return f"/config/devices/device/{device['id']}"
    raise LookupError(f"there is no device {name}")


async def show(page: Page, url: str, ready: str) -> None:
    """Open a page and wait for a part of it."""
    await page.goto(url)
    await page.locator(ready).first.wait_for()
    with suppress(TimeoutError):  # the connection stays open, but what is loaded is loaded
        await page.wait_for_load_state("networkidle", timeout=5000)


async def pages(browser: Browser, home_assistant: HomeAssistant, album: Album, look: Look, suffix: str) -> None:
    """Take pictures of the integration's page and of a device's."""
    async with visit(browser, home_assistant, look) as page:
        await show(page, f"{home_assistant.url}{_INTEGRATION}", "ha-config-sub-entry-row")
        await album.take(page, f"integration{suffix}")
        for name, title in (("qbittorrent", "qBittorrent"), ("hub", "SOKOUL"), ("radarr", "Radarr")):
            path = await device_path(home_assistant, title)
            await show(page, f"{home_assistant.url}{path}", "ha-device-entities-card")
            await album.take(page, f"{name}{suffix}")


async def english(browser: Browser, stack: Stack, home_assistant: HomeAssistant, album: Album) -> None:
    """Take the pictures of the documentation: in the light, in the dark and on a phone."""
    async with visit(browser, home_assistant, Look(scale=_SHARP)) as page:
        await SetUp(page, home_assistant, stack).walk(album, "")
    await settled(home_assistant, stack)
    await pages(browser, home_assistant, album, Look(), "")
    await pages(browser, home_assistant, album, Look(scheme="dark"), "-dark")
    await pages(browser, home_assistant, album, Look(size=_PHONE), "-phone")
    await options(browser, home_assistant, album, "links", "Who uses whom")
    await guards(browser, stack, home_assistant, album)
    await debrid(browser, stack, home_assistant, album, "")


async def options(browser: Browser, home_assistant: HomeAssistant, album: Album, name: str, entry: str) -> None:
    """Take a picture of what an entry of the options shows: what SOKOUL worked out."""
    async with visit(browser, home_assistant, Look(scale=_SHARP)) as page:
        await show(page, f"{home_assistant.url}{_INTEGRATION}", "ha-config-sub-entry-row")
        await page.locator("ha-config-entry-row").first.get_by_label("Configure").first.click()
        dialog = page.locator("dialog-data-entry-flow")
        await dialog.locator("step-flow-menu").get_by_text(entry, exact=True).click()
        await dialog.locator("step-flow-form").wait_for()
        await album.take(page, name, dialog.locator("dialog"))


async def guards(browser: Browser, stack: Stack, home_assistant: HomeAssistant, album: Album) -> None:
    """Take pictures of a client that is proven to be safe, after a drill, and of one that is limited for heat."""
    if not album.wants("vpn-guard", "vpn", "governor"):
        return
    for done in (connect_surroundings, protection_is_proven, drill_is_passed, heat_arrives):
        if problems := await done(home_assistant, stack):
            raise LookupError("; ".join(problems))
    path = await device_path(home_assistant, "qBittorrent")
    async with visit(browser, home_assistant, Look(size=_TALL)) as page:
        await show(page, f"{home_assistant.url}{path}", "ha-device-entities-card")
        await album.take(page, "vpn-guard")
    await options(browser, home_assistant, album, "vpn", "VPN")
    await options(browser, home_assistant, album, "governor", "Governor")


async def french(browser: Browser, stack: Stack, home_assistant: HomeAssistant, album: Album) -> None:
    """Take the pictures in French."""
    async with visit(browser, home_assistant, Look(scale=_SHARP)) as page:
        await SetUp(page, home_assistant, stack).walk(album, "-fr")
    await settled(home_assistant, stack)
    await pages(browser, home_assistant, album, Look(), "-fr")
    await debrid(browser, stack, home_assistant, album, "-fr")


async def debrid(browser: Browser, stack: Stack, home_assistant: HomeAssistant, album: Album, suffix: str) -> None:
    """Let SOKOUL into a Real-Debrid account with a code, and take pictures of that and of the account's page."""
    if not album.wants(*(f"{name}{suffix}" for name in ("real-debrid-code", "real-debrid", "real-debrid-phone"))):
        return
    file = INTEGRATION / "translations" / f"{home_assistant.language}.json"
    texts = json.loads(await asyncio.to_thread(file.read_text, encoding="utf-8"))["config_subentries"]["real_debrid"]
    account = stack.surroundings.debrid
    async with visit(browser, home_assistant, Look(scale=_SHARP)) as page:
        await show(page, f"{home_assistant.url}{_INTEGRATION}", "ha-config-sub-entry-row")
        await page.get_by_role("button", name=texts["initiate_flow"]["user"]).first.click()
        dialog = page.locator("dialog-data-entry-flow")
        await dialog.locator("step-flow-menu").get_by_text(texts["step"]["user"]["menu_options"]["device"]).click()
        await dialog.locator("step-flow-progress ha-markdown").first.wait_for()
        await album.take(page, f"real-debrid-code{suffix}", dialog.locator("dialog"))
        oauth = account.simulator.oauth
        *_, asked = oauth.devices.values()
        oauth.approve(asked.user_code, account.account.id)
        await dialog.locator("step-flow-create-entry").wait_for()
    if problems := await account_is_mirrored(home_assistant, stack):
        raise LookupError("; ".join(problems))
    path = await device_path(home_assistant, "Real-Debrid")
    for name, look in (("real-debrid", Look(size=_TALL)), ("real-debrid-phone", Look(size=_PHONE))):
        async with visit(browser, home_assistant, look) as page:
            await show(page, f"{home_assistant.url}{path}", "ha-device-entities-card")
            await album.take(page, f"{name}{suffix}")


async def settled(home_assistant: HomeAssistant, stack: Stack) -> None:
    """Wait until there is something to see."""
    for look in (everything_answers, downloads_are_joined):
        if problems := await look(home_assistant, stack):
            raise LookupError("; ".join(problems))


# --- the command -----------------------------------------------------------------------------------------------------


async def run(options: argparse.Namespace) -> int:
    """Start everything, take the pictures, and stop."""
    stop_on_signals()
    terminal = Terminal()
    program = chromium()
    if program is None:
        terminal.say("there is no Chromium here: scripts/setup says how to get one")
        return 1
    wanted = None if options.all else frozenset(options.names) or shown_in_documentation()
    album = Album(options.folder, wanted, terminal.say)
    with tempfile.TemporaryDirectory(prefix="media-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with Stack(folder) as stack:
            await stack.start(terminal.say)
            for language, take in (("en", english), ("fr", french)):
                terminal.say(f"starting Home Assistant ({language})")
                world = stack.world(hasty=False)
                async with (
                    HomeAssistant(folder / language, language=language, world=world) as home_assistant,
                    open_browser(program, home_assistant.port) as browser,
                ):
                    await take(browser, stack, home_assistant, album)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description="Take the pictures of the documentation.")
    parser.add_argument("names", nargs="*", help="only these, for example qbittorrent-dark")
    parser.add_argument("--all", action="store_true", help="also those that no page shows")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where they go (docs/images)")
    return asyncio.run(run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
