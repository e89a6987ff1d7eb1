"""How long an event loop is blocked."""

import asyncio
import time

HEARTBEAT_SECONDS = 0.001


class Heart:
    """Beats on the event loop; the longest pause between two beats is how long the loop was blocked."""

    def __init__(self) -> None:
        self.longest_seconds = 0.0
        self.longest_work_seconds = 0.0  # of that what the loop itself did: not what other programs took from it
        #: in the worst pause, how long this process was at work in any thread: in the rest others had the processors
        self.longest_own_seconds = 0.0
        self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        last, last_work, last_own = time.perf_counter(), time.thread_time(), time.process_time()
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            now, work, own = time.perf_counter(), time.thread_time(), time.process_time()
            self.longest_seconds = max(self.longest_seconds, now - last - HEARTBEAT_SECONDS)
            self.longest_work_seconds = max(self.longest_work_seconds, work - last_work)
            pause = max(0.0, now - last - HEARTBEAT_SECONDS)
            self.longest_own_seconds = max(self.longest_own_seconds, min(pause, own - last_own))
            last, last_work, last_own = now, work, own

    def stop(self) -> float:
        """Stop, and return the longest block in seconds."""
        self._task.cancel()
        return self.longest_seconds
