"""parsett as a second reader of release names, for who wants one.

It is installed when somebody says so, and not before; in a folder of its own, because it asks for an older `regex` than
Home Assistant has. It is run in a process of its own: names are written by strangers, and a few of them make it count
to any number that they name, or look for a match for hours. There it may have so much memory and time, and no more.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
import json
from pathlib import Path
import shutil
import sys
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.package import install_package

from .acquire.reading_again import SecondReader
from .const import DOMAIN, LOGGER
from .history import Retry

if TYPE_CHECKING:
    from .hub import Hub

REQUIREMENT: Final = "parsett==1.8.5"
#: Whether a person wants it, in the hub's memory.
READER_KEY: Final = "search_second_reader"
#: So long the process may take for what it is asked at once.
PATIENCE: Final = timedelta(seconds=10)
INSTALL_SECONDS: Final = 60
_WORKER: Final = Path(__file__).with_name("parsett_worker.py")
#: It has to read the title in this.
_TRIAL: Final = ("Dune.2021.1080p.WEB-DL.H264-GROUP", "Dune")


class NoReader(Exception):  # noqa: N818 -- read as a sentence: `raise NoReader`
    """It can't be installed, or doesn't work."""


class Parsett:
    """The library in a folder, run for each round of names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, names: Sequence[str]) -> Sequence[str]:
        """Return the titles of names until one takes too much. Raises `OSError` where no process can be started."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", str(_WORKER), str(self._folder), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
        assert process.stdin is not None  # noqa: S101 -- it is a pipe
        assert process.stdout is not None  # noqa: S101 -- it is a pipe
        titles: list[str] = []
        try:
            with suppress(TimeoutError, ConnectionError, ValueError):  # what was read by then was read
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    process.stdin.write(json.dumps(list(names)).encode())
                    process.stdin.write_eof()
                    async for line in process.stdout:
                        titles.append(json.loads(line))  # noqa: PERF401 -- those before a timeout count
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()
        return titles


class SecondReading:
    """Whether names are read by a second reader, too."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._retry = Retry(hub.hass, self._bring)
        self._bringing: asyncio.Task[None] | None = None
        self._turning = asyncio.Lock()
        self._warned = False
        self.reader: SecondReader | None = None

    @property
    def wanted(self) -> bool:
        """Whether a person wants it."""
        return self._hub.memory.get(READER_KEY, False) is True

    @callback
    def start(self) -> None:
        """Bring it, where a person wants it."""
        if self.wanted:
            self._bring()

    @callback
    def stop(self) -> None:
        """Try no more to bring it."""
        self._retry.cancel()
        if self._bringing is not None:
            self._bringing.cancel()

    async def turn(self, *, on: bool) -> None:
        """Have names read again from now on, or not. Raises `NoReader`; then all is as before."""
        async with self._turning:
            if on and self.reader is None:
                self.reader = await bring(self._hub.hass)
            elif not on:
                self.reader = None
            self.stop()
            self._hub.memory.set(READER_KEY, on)

    @callback
    def _bring(self) -> None:
        self._bringing = self._hub.in_background(self._bring_again(), "bringing a second reader of names")

    async def _bring_again(self) -> None:
        """Bring it after a restart: an update of Home Assistant may have brought another Python."""
        try:
            self.reader = await bring(self._hub.hass)
        except NoReader as error:
            (LOGGER.debug if self._warned else LOGGER.warning)("Names are read once for now: %s", error)
            self._warned = True
            self._retry.later()


async def bring(hass: HomeAssistant) -> SecondReader:
    """Install it where it isn't, and try it. Raises `NoReader`."""
    folder = folder_of(hass)
    if not await hass.async_add_executor_job(_is_installed, folder):
        raise NoReader(f"{REQUIREMENT} can't be installed")
    parsett = Parsett(folder)
    name, title = _TRIAL
    try:
        works = list(await parsett.read([name])) == [title]
    except OSError as error:
        raise NoReader(f"no process can be started: {error}") from error
    if not works:
        await hass.async_add_executor_job(_remove, folder)  # it may be half of one: the next time it is made anew
        raise NoReader(f"{REQUIREMENT} doesn't work here")
    return SecondReader(parsett)


def folder_of(hass: HomeAssistant) -> Path:
    """Return where it is: a library has parts that are made for one Python alone."""
    return Path(hass.config.cache_path(DOMAIN, f"{REQUIREMENT}-{sys.implementation.cache_tag}"))


def _is_installed(folder: Path) -> bool:
    return folder.is_dir() or install_package(REQUIREMENT, target=str(folder), timeout=INSTALL_SECONDS)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


async def forget(hass: HomeAssistant) -> None:
    """Remove it, as SOKOUL leaves for good."""
    await hass.async_add_executor_job(_remove, Path(hass.config.cache_path(DOMAIN)))
