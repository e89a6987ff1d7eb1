"""The browser that interfaces of the machine don't disturb."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from aiohttp import web
from playwright.async_api import Browser, Page
import pytest

from devstack.browser import Seclusion, launched
from devstack.ports import free_port
from devstack.tools import chromium
from devstack.tunnel_interface import NotPermittedError, TunnelInterface

pytestmark = pytest.mark.real

#: more than a browser asks of one host at once, which is 6: the others wait for their turn
PARTS = 12
ALL_OF_THEM = f"""async () => {{
  const parts = Array.from({{length: {PARTS}}}, (_, number) => fetch(`/part/${{number}}`));
  return (await Promise.allSettled(parts)).filter((part) => part.status === "fulfilled").length;
}}"""


class SlowPages:
    """A server whose parts of pages come when they may."""

    def __init__(self) -> None:
        self.port = free_port()
        self.may_come = asyncio.Event()
        self.asked = asyncio.Semaphore(0)

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text="<html></html>", content_type="text/html")

    async def part(self, _: web.Request) -> web.Response:
        self.asked.release()
        await self.may_come.wait()
        return web.Response(text="part")


@pytest.fixture
async def pages(socket_enabled: None) -> AsyncIterator[SlowPages]:
    pages = SlowPages()
    application = web.Application()
    application.add_routes([web.get("/", pages.page), web.get("/part/{number}", pages.part)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", pages.port).start()
    yield pages
    pages.may_come.set()
    await runner.cleanup()


async def opened(browser: Browser, pages: SlowPages) -> Page:
    page = await browser.new_page()
    await page.goto(f"http://127.0.0.1:{pages.port}/")
    return page


async def waiting(page: Page, pages: SlowPages) -> asyncio.Task[int]:
    """Let a page ask for its parts; the task returns how many came."""
    task = asyncio.create_task(page.evaluate(ALL_OF_THEM))
    for _ in range(6):
        await pages.asked.acquire()
    return task


async def test_no_part_of_a_page_is_lost_when_an_interface_comes(pages: SlowPages) -> None:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here")
    async with AsyncExitStack() as stack:
        try:
            secluded = (await stack.enter_async_context(Seclusion(pages.port))).wrapped(program)
        except NotPermittedError as error:
            pytest.skip(str(error))
        inside = await opened(await stack.enter_async_context(launched(secluded)), pages)
        outside = await opened(await stack.enter_async_context(launched(program)), pages)
        came_inside, came_outside = await waiting(inside, pages), await waiting(outside, pages)
        noticed = asyncio.Event()
        outside.once("requestfailed", lambda _: noticed.set())
        async with TunnelInterface():
            await noticed.wait()
        pages.may_come.set()
        assert await came_outside < PARTS, "else no browser would have to be secluded"
        assert await came_inside == PARTS
