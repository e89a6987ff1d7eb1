"""Where the time of a leak goes: what the guard asked, noted and told on its way, and what waited for a processor."""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import statistics
from time import perf_counter, process_time
from typing import override

from custom_components.sokoul.clients.qbittorrent import QbittorrentClient
from custom_components.sokoul.model.downloads import DownloadClientSnapshot

_NANOSECONDS = 1e6  # in a millisecond


@dataclass(frozen=True, slots=True)
class Phase:
    """Something on the way, in milliseconds from when the leak was visible."""

    name: str
    began: float
    ended: float
    failed: bool = False

    @property
    def took(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @override
    def __str__(self) -> str:
        return f"{self.name} {self.began:.0f}-{self.ended:.0f}{' (not waited for)' if self.failed else ''}"


@dataclass(frozen=True, slots=True)
class Processor:
    """Milliseconds of processor time."""

    ours: float
    theirs: float  # that of the thread of qBittorrent which answers
    waited: float  # how long that thread was ready to run, and had no processor

    @classmethod
    def now(cls, process_id: int) -> Processor:
        """Return what was used so far."""
        theirs, waited, _ = Path(f"/proc/{process_id}/schedstat").read_text(encoding="ascii").split()
        return cls(process_time() * 1000, int(theirs) / _NANOSECONDS, int(waited) / _NANOSECONDS)

    def since(self, before: Processor) -> Processor:
        """Return what was used in between."""
        return Processor(self.ours - before.ours, self.theirs - before.theirs, self.waited - before.waited)

    @override
    def __str__(self) -> str:
        return (
            f"processor: {self.ours:.0f} here, {self.theirs:.0f} in qBittorrent, "
            f"which was ready for {self.waited:.0f} without one"
        )


@dataclass(slots=True)
class Recorder:
    """Writes down what happens from when a leak is visible."""

    _began: float = field(default_factory=perf_counter)
    _found: list[Phase] = field(default_factory=list)

    def begin(self, began: float) -> None:
        """Forget what was before: the leak is visible now."""
        self._began, self._found = began, []

    async def timed[T](self, name: str, asked: Awaitable[T]) -> T:
        """Wait for something, and note from when until when. What began before the leak counts, too."""
        began = perf_counter()
        failed = True
        try:
            answer = await asked
            failed = False
            return answer
        finally:
            at, now = self._began, perf_counter()
            self._found.append(Phase(name, (began - at) * 1000, (now - at) * 1000, failed))

    def until(self, milliseconds: float) -> tuple[Phase, ...]:
        """Return what began until then, in the order of its beginning."""
        return tuple(sorted((each for each in self._found if each.began <= milliseconds), key=lambda each: each.began))


class TimedClient(QbittorrentClient):
    """A client whose questions and orders are noted."""

    recorder: Recorder

    @override
    async def snapshot(self) -> DownloadClientSnapshot:
        return await self.recorder.timed("snapshot", super().snapshot())

    @override
    async def snapshot_in_haste(self) -> DownloadClientSnapshot:
        return await self.recorder.timed("look at forced", super().snapshot_in_haste())

    @override
    async def stopped(self) -> frozenset[str]:
        return await self.recorder.timed("look at stopped", super().stopped())

    @override
    async def running(self) -> frozenset[str]:
        return await self.recorder.timed("read back", super().running())

    @override
    async def stop(self, hashes: Collection[str] | None) -> None:
        await self.recorder.timed("stop", super().stop(hashes))


def medians(runs: Sequence[Sequence[Phase]]) -> str:
    """Say how long each phase took as a rule, and the longest time."""
    took: dict[str, list[float]] = {}
    for phases in runs:
        for phase in phases:
            took.setdefault(phase.name, []).append(phase.took)
    return ", ".join(f"{name} {statistics.median(times):.0f} (most {max(times):.0f})" for name, times in took.items())
