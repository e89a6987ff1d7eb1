"""How long what people look at takes, by the clock and of the processor, and how long the event loop waits for it."""

from collections.abc import Awaitable, Mapping
import gc
import statistics
import time
from typing import Any

from .heart import Heart

#: Whatever people look at, at worst.
BUDGET_SECONDS = 0.05
#: The event loop is blocked no longer, by itself or by a thread that has the interpreter.
BLOCK_SECONDS = 0.02


_EVERYTHING = 2  # the garbage collector's last generation


class _Collector:
    """How long the garbage collector went through all objects: everything waits for that, whoever caused it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begin = 0.0
        gc.callbacks.append(self)

    def __call__(self, phase: str, info: Mapping[str, Any]) -> None:
        if info["generation"] == _EVERYTHING and phase == "start":
            self._begin = time.perf_counter()
        elif info["generation"] == _EVERYTHING:
            self.seconds += time.perf_counter() - self._begin


_COLLECTOR = _Collector()


class Timing:
    """The times of one thing that is done again and again.

    On a machine that others use, a time by the clock says as much of them. What takes long by the clock and little of
    the processor, all threads of this process included, waited for somebody else.
    """

    def __init__(self, what: str, *, budget: bool = False) -> None:
        """Whether it is fast enough goes by the worst time, if there is a `budget`."""
        self._what = what
        self._budget = budget
        self._times: list[tuple[float, float, float]] = []

    async def take[T](self, look: Awaitable[T]) -> T:
        """Do it once more."""
        begin, cpu, collected = time.perf_counter(), time.process_time(), _COLLECTOR.seconds
        found = await look
        took = time.perf_counter() - begin
        self._times.append((took, time.process_time() - cpu, _COLLECTOR.seconds - collected))
        return found

    def tell(self) -> None:
        """Print how long it took."""
        if not self._times:
            return
        worst, cpu, collected = max(self._times)
        median, most = statistics.median(each[0] for each in self._times), max(each[1] for each in self._times)
        right = "within" if worst <= BUDGET_SECONDS else "OVER"
        print(
            f"{self._what:44}median {median * 1e3:6.1f} ms, worst of {len(self._times)} {worst * 1e3:6.1f} ms, "
            f"of which {cpu * 1e3:5.1f} of processor (of any: {most * 1e3:.1f})"
            f"{f', {collected * 1e3:.1f} of the garbage collector in all objects' if collected else ''}"
            f"{f', {right} {BUDGET_SECONDS * 1e3:.0f} ms' if self._budget else ''}"
        )


class Watch:
    """How long the event loop is blocked from now on."""

    def __init__(self) -> None:
        self._heart = Heart()
        self._collected = _COLLECTOR.seconds

    def tell(self) -> None:
        """Stop, and print how long it was blocked at most.

        What this process was at work with in such a pause is what the loop did itself, and what a thread did that kept
        the interpreter from it.
        """
        block, own, collected = (
            self._heart.stop(),
            self._heart.longest_own_seconds,
            _COLLECTOR.seconds - self._collected,
        )
        right = "within" if own <= BLOCK_SECONDS else "OVER"
        print(
            f"{'':28}meanwhile the loop was blocked {block * 1e3:.1f} ms at most, "
            f"its own work {self._heart.longest_work_seconds * 1e3:.1f} ms, this process's in such a pause "
            f"{own * 1e3:.1f} ms, {right} {BLOCK_SECONDS * 1e3:.0f} ms"
            f"{f'; the garbage collector was in all objects for {collected * 1e3:.1f} ms' if collected else ''}"
        )
