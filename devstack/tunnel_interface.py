"""A network interface like that of a tunnel: it has a far end, and goes and comes back as a tunnel's does.

    async with TunnelInterface() as tunnel:
        ...  # a program binds to `tunnel.name`
        await tunnel.recreate()
        assert await tunnel.reaches(port)

The far end is in a network namespace of its own: what it sends comes in by the interface, and not over the loopback.
It takes Linux, `ip`, and the right to administrate the network.
"""

import asyncio
import contextlib
import random
import shutil
import sys
from typing import Self

_chance = random.SystemRandom()
_CONNECT = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2).close()"


class NotPermittedError(RuntimeError):
    """There is no way to make an interface here."""


class TunnelInterface:
    """An interface that exists while this is entered."""

    def __init__(self) -> None:
        number = _chance.randrange(1, 250), _chance.randrange(0, 250)
        mark = f"{number[0]:02x}{number[1]:02x}"
        self.name = f"sokoul{mark}"
        self.address = f"10.{number[0]}.{number[1]}.1"
        self._far_address = f"10.{number[0]}.{number[1]}.2"
        self._far = f"sokoulfar{mark}"
        self._namespace = f"sokoul-{mark}"

    async def __aenter__(self) -> Self:
        await run_ip("netns", "add", self._namespace)
        try:
            await self._appear()
        except NotPermittedError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(NotPermittedError):
            await self._disappear()
        await run_ip("netns", "del", self._namespace)

    async def recreate(self) -> None:
        """Let it go and come back at once, with the same name and address."""
        await self._disappear()
        await self._appear()

    async def reaches(self, port: int) -> bool:
        """Tell whether somebody at the far end gets a connection."""
        command = (sys.executable, "-c", _CONNECT, self.address, str(port))
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", self._namespace, *command, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait() == 0

    async def _appear(self) -> None:
        await run_ip("link", "add", self.name, "type", "veth", "peer", "name", self._far, "netns", self._namespace)
        await run_ip("addr", "add", f"{self.address}/24", "dev", self.name)
        await run_ip("link", "set", self.name, "up")
        await run_ip("-n", self._namespace, "addr", "add", f"{self._far_address}/24", "dev", self._far)
        await run_ip("-n", self._namespace, "link", "set", self._far, "up")

    async def _disappear(self) -> None:
        await run_ip("link", "del", self.name)


async def run_ip(*arguments: str) -> None:
    """Run `ip`. Raises `NotPermittedError`, with what it said."""
    if shutil.which("ip") is None:
        raise NotPermittedError("there is no `ip` here")
    process = await asyncio.create_subprocess_exec("ip", *arguments, stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    if process.returncode:
        raise NotPermittedError(f"ip {' '.join(arguments)}: {told.decode().strip()}")
