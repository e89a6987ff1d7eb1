"""One contender of `poll`, in a process of its own: an integration in a Home Assistant, polled on command.

Reads commands as lines on standard input and answers each with a line of JSON: `poll` polls once, `rows` says how many
states were written since the last time, `memory` how much this process holds, `quit` ends it.

Polls follow each other at once, but for what is written they are as far apart as in real life: the clock by which
entities pause their writes is moved on by one interval with each.
"""

import argparse
import asyncio
from collections.abc import Callable
import gc
import json
import logging
import os
from pathlib import Path
import sys
import time
from typing import Any

from tests import ha_first  # noqa: F401 -- first: it makes the harness fit this Home Assistant

# isort: split

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.sokoul import entity as sokoul_entity  # before the harness finds a folder of its own

from .heart import HEARTBEAT_SECONDS, Heart

#: seconds between two polls while something downloads
INTERVAL_SECONDS = {"ours": 10, "core": 30}
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Pace:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self._now = time.monotonic()

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self._now += seconds


def memory_bytes() -> int:
    """Return the resident memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


async def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Do something, and return its CPU seconds (all threads), wall seconds and the longest block of the loop."""
    heart = Heart()
    await asyncio.sleep(5 * HEARTBEAT_SECONDS)
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    result = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    await asyncio.sleep(5 * HEARTBEAT_SECONDS)
    return {**result, "block_seconds": heart.stop()}


def entry_of(contender: str, url: str, username: str, password: str) -> MockConfigEntry:
    """Return the config entry that a person would have made."""
    if contender == "core":
        return MockConfigEntry(
            domain="qbittorrent",
            data={"url": url, "username": username, "password": password, "verify_ssl": True},
        )
    return MockConfigEntry(
        domain="sokoul",
        title="SOKOUL",
        subentries_data=[
            {
                "subentry_type": "qbittorrent",
                "title": "qBittorrent",
                "unique_id": "qbittorrent:benchmark",
                "data": {
                    "connection": {"url": url, "username": username, "password": password, "verify_ssl": True},
                    "preferences": {},
                },
            }
        ],
    )


def coordinator_of(contender: str, entry: MockConfigEntry) -> DataUpdateCoordinator[Any]:
    """Return what polls."""
    if contender == "core":
        coordinator: DataUpdateCoordinator[Any] = entry.runtime_data
        return coordinator
    return next(iter(entry.runtime_data.backends.values()))


async def set_up(hass: HomeAssistant, contender: str, arguments: argparse.Namespace) -> MockConfigEntry:
    """Set the integration up, as a start of Home Assistant does, and wait until it has data."""
    hass.data.pop(DATA_CUSTOM_COMPONENTS, None)
    await async_setup_component(hass, "homeassistant", {})
    entry = entry_of(contender, arguments.url, arguments.username, arguments.password)
    entry.add_to_hass(hass)
    if not await hass.config_entries.async_setup(entry.entry_id):
        raise RuntimeError(f"{contender} is not set up: {entry.reason}")
    coordinator = coordinator_of(contender, entry)
    there = asyncio.Event()
    remove = coordinator.async_add_listener(there.set)
    if coordinator.data is None:  # ours goes on in the background after a second
        await there.wait()
    remove()
    return entry


async def run(arguments: argparse.Namespace) -> None:
    """Set up, then do what standard input says."""
    async with async_test_home_assistant() as hass:
        rows = 0

        @callback
        def count(event: Event[EventStateChangedData]) -> None:
            nonlocal rows
            rows += event.data["new_state"] is not None

        hass.bus.async_listen(EVENT_STATE_CHANGED, count)
        await async_setup_component(hass, "sensor", {})
        before = memory_bytes()
        entry: MockConfigEntry | None = None

        async def start() -> None:
            nonlocal entry
            entry = await set_up(hass, arguments.contender, arguments)

        first = await measured(start)
        assert entry is not None
        coordinator = coordinator_of(arguments.contender, entry)
        pace = Pace()
        sokoul_entity.monotonic = pace.now  # type: ignore[attr-defined]  # it is imported there, and not exported
        answer({**first, "memory_bytes": memory_bytes() - before})
        rows = 0
        while (command := (await asyncio.to_thread(sys.stdin.readline)).strip()) != "quit":
            match command:
                case "poll":
                    pace.advance(INTERVAL_SECONDS[arguments.contender])
                    answer(await measured(coordinator.async_refresh))
                case "rows":
                    answer({"rows": rows})
                    rows = 0
                case "memory":
                    answer({"memory_bytes": memory_bytes() - before})
                case _:
                    break
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_stop(force=True)


def answer(values: dict[str, Any]) -> None:
    """Print a line of JSON."""
    print(json.dumps(values), flush=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=("ours", "core"))
    parser.add_argument("url")
    parser.add_argument("username")
    parser.add_argument("password")
    logging.disable(logging.WARNING)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
