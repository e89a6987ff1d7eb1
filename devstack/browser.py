"""A Chromium that interfaces of this machine don't disturb.

A browser gives up all that it waits for when an interface comes or goes (`net::ERR_NETWORK_CHANGED`), requests to this
machine itself included. Home Assistant's pages never ask again for a part that they didn't get, and tests and the demo
make interfaces. Chromium 156 has no option against it, so the browser lives in a network namespace of its own, where
nothing changes. What listens on this machine's loopback is reached from there by its own address.

That takes Linux, `ip`, and the right to administrate the network. Without it the browser lives where everybody does.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
import os
from pathlib import Path
import random
import shlex
import socket
import tempfile
from typing import Self

from playwright.async_api import Browser, async_playwright

from .tunnel_interface import NotPermittedError, run_ip

LOOPBACK = "127.0.0.1"
_NAMESPACES = Path("/run/netns")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--force-color-profile=srgb")
_CHUNK_BYTES = 256 * 1024

_chance = random.SystemRandom()


@asynccontextmanager
async def open_browser(program: Path, *ports: int) -> AsyncIterator[Browser]:
    """Start a Chromium that reaches these ports of this machine's loopback, secluded where that can be."""
    async with AsyncExitStack() as stack:
        with suppress(NotPermittedError):
            program = (await stack.enter_async_context(Seclusion(*ports))).wrapped(program)
        yield await stack.enter_async_context(launched(program))


@asynccontextmanager
async def launched(program: Path) -> AsyncIterator[Browser]:
    """Start a Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class Seclusion:
    """A network namespace without interfaces, in which ports of this machine's loopback are reached as here.

    To enter it raises `NotPermittedError` where there can be none.
    """

    def __init__(self, *ports: int) -> None:
        self.name = f"sokoul-browser-{_chance.randrange(1 << 32):08x}"
        self._ports = ports
        self._stack = AsyncExitStack()
        self._folder = Path()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await run_ip("netns", "add", self.name)
            stack.push_async_callback(run_ip, "netns", "del", self.name)
            await run_ip("-n", self.name, "link", "set", "lo", "up")
            for port in self._ports:
                await stack.enter_async_context(_passed_on(_listening(self.name, port), port))
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sokoul-browser-")))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def wrapped(self, program: Path) -> Path:
        """Return a script that starts a program in here with all its arguments."""
        script = self._folder / program.name
        script.write_text(f'#!/bin/sh\nexec ip netns exec {self.name} {shlex.quote(str(program))} "$@"\n')
        script.chmod(0o700)
        return script


def _listening(namespace: str, port: int) -> socket.socket:
    """Return a socket that listens in a namespace; for ever it is where the thread was that made it."""

    def listen() -> socket.socket:
        with (_NAMESPACES / namespace).open() as file:
            os.setns(file.fileno(), os.CLONE_NEWNET)
        return socket.create_server((LOOPBACK, port))

    with ThreadPoolExecutor(max_workers=1) as thread:  # it ends with this, and nobody else gets there
        return thread.submit(listen).result()


@asynccontextmanager
async def _passed_on(listening: socket.socket, port: int) -> AsyncIterator[None]:
    """Pass on what connects to a socket to a port of this machine."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_connect(reader, writer, port))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, sock=listening)
    try:
        yield
    finally:
        server.close()
        server.close_clients()
        await asyncio.gather(*tasks)


async def _connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    try:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:  # nobody is there, as the browser sees by this
        writer.close()
        return
    await asyncio.gather(_carry(reader, there_writer), _carry(there_reader, writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry everything from one to the other, until either is closed."""
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
