"""How long the threads of this very process keep its event loop from its turn, whatever else the machine does.

A late event loop may have been held up by a thread that had Python to itself, or have waited for a processor that other
programs had. The kernel tells how long a thread was ready and had no processor: that is taken off, and nothing counts
during which this process did not work at all.
"""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
import threading
from time import perf_counter, process_time, thread_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BEAT_SECONDS = 0.001


class Pulse:
    """Beats on the event loop, and keeps its worst moments, in seconds."""

    def __init__(self) -> None:
        self.late_seconds = 0.0
        self.held_seconds = 0.0  # of a pause: what neither the kernel nor idleness of this process accounts for
        self.work_seconds = 0.0  # what the event loop itself did at once
        self._task: asyncio.Task[None] | None = None
        self._ready = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")

    def _without_processor(self) -> float:
        return int(self._ready.read_text(encoding="ascii").split()[1]) / 1e9

    def _now(self) -> tuple[float, float, float, float]:
        return perf_counter(), self._without_processor(), process_time(), thread_time()

    async def _beat(self) -> None:
        last = self._now()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            now = self._now()
            passed, waited, process, loop = (after - before for after, before in zip(now, last, strict=True))
            late = max(0.0, passed - BEAT_SECONDS)
            self.late_seconds = max(self.late_seconds, late)
            self.held_seconds = max(self.held_seconds, min(late - waited, process))
            self.work_seconds = max(self.work_seconds, loop)
            last = self._now()

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Measure meanwhile."""
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(5 * BEAT_SECONDS)  # it is at its first beat by then
        try:
            yield
            await asyncio.sleep(5 * BEAT_SECONDS)  # a last pause counts as well
        finally:
            self._task.cancel()


async def beside_a_stranger(seconds: float) -> Pulse:
    """Return what the event loop goes through beside a thread of plain Python that never gives way by itself.

    That is what Python promises at best: a turn after `sys.getswitchinterval()`, 5 ms, and what the machine adds.
    """
    over = threading.Event()

    def count() -> None:
        number = 0
        while not over.is_set():
            for each in range(1000):
                number += each

    pulse, stranger = Pulse(), threading.Thread(target=count)
    stranger.start()
    try:
        async with pulse.beating():
            await asyncio.sleep(seconds)
    finally:
        over.set()
        await asyncio.to_thread(stranger.join)
    return pulse
