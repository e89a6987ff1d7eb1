"""The switch that pauses everything, and remembers what ran, so that switching it off starts just that again.

What a person stopped before stays stopped. What arrives while it is on is stopped and remembered too. What a person
starts meanwhile is theirs: it is left alone, and no longer ours to start.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from homeassistant.util import dt as dt_util

from ..clients.qbittorrent import QbittorrentClient
from ..model.downloads import DownloadClientSnapshot, DownloadState
from .base import Backend, BackendSwitch

MEMORY_KEY = "paused"
#: a stopped torrent is in one of these; everything else counts as running
RESTING = frozenset({DownloadState.STOPPED, DownloadState.COMPLETED})
#: qBittorrent stops torrents one after the other: what still runs this soon was not started by a person
SETTLING_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Pause:
    """What ran when the switch was turned on, and when that was (seconds since the epoch)."""

    hashes: frozenset[str]
    since_epoch: int

    @classmethod
    def load(cls, memory: Any) -> Pause | None:
        """Read it from what a backend remembers."""
        return cls(frozenset(memory["hashes"]), memory["since"]) if memory else None

    def dump(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"hashes": sorted(self.hashes), "since": self.since_epoch}


def running(snapshot: DownloadClientSnapshot) -> frozenset[str]:
    """Return what is not stopped."""
    return frozenset(key for key, torrent in snapshot.torrents.items() if torrent.state not in RESTING)


def newcomers(pause: Pause, snapshot: DownloadClientSnapshot) -> frozenset[str]:
    """Return what was added since the pause began and runs. Only what changed is looked at."""
    return frozenset(
        key
        for key in snapshot.changed - pause.hashes
        if (torrent := snapshot.torrents.get(key)) is not None
        and torrent.state not in RESTING
        and torrent.added_epoch >= pause.since_epoch
    )


def taken_over(pause: Pause, snapshot: DownloadClientSnapshot, now_epoch: int) -> frozenset[str]:
    """Return what ran before the pause, was stopped by it, and was started again by a person, or is gone."""
    if now_epoch - pause.since_epoch < SETTLING_SECONDS:
        return frozenset()
    changed = pause.hashes & (snapshot.changed | snapshot.removed)
    return frozenset(
        key for key in changed if (torrent := snapshot.torrents.get(key)) is None or torrent.state not in RESTING
    )


async def pause_all(backend: Backend[QbittorrentClient, DownloadClientSnapshot]) -> None:
    """Stop everything that runs. The note is written first: a crash in between loses nothing."""
    pause = Pause(running(backend.data), int(dt_util.utcnow().timestamp()))
    backend.remember(MEMORY_KEY, pause.dump())
    if pause.hashes:
        await backend.client.stop(pause.hashes)


async def resume_all(backend: Backend[QbittorrentClient, DownloadClientSnapshot]) -> None:
    """Start what ran before and still exists."""
    pause = Pause.load(backend.memory.get(MEMORY_KEY))
    if pause is None:
        return
    still_there: AbstractSet[str] = pause.hashes & backend.data.torrents.keys()
    if still_there:
        await backend.client.start(still_there)
    backend.remember(MEMORY_KEY, None)


async def turn_pause(backend: Backend[QbittorrentClient, DownloadClientSnapshot], on: bool) -> None:  # noqa: FBT001 -- the switch's position
    """Pause or resume."""
    already = Pause.load(backend.memory.get(MEMORY_KEY)) is not None
    if on and not already:
        await pause_all(backend)
    elif not on:
        await resume_all(backend)


async def hold_pause(backend: Backend[QbittorrentClient, DownloadClientSnapshot]) -> None:
    """Keep the promise of a pause that is on: stop newcomers, let go of what a person took over."""
    pause = Pause.load(backend.memory.get(MEMORY_KEY))
    if pause is None:
        return
    new = newcomers(pause, backend.data)
    if new:
        await backend.client.stop(new)
    hashes = (pause.hashes | new) - taken_over(pause, backend.data, int(dt_util.utcnow().timestamp()))
    if hashes != pause.hashes:
        backend.remember(MEMORY_KEY, Pause(hashes, pause.since_epoch).dump())


PAUSE: BackendSwitch[QbittorrentClient, DownloadClientSnapshot] = BackendSwitch(
    key="pause",
    value=lambda backend: MEMORY_KEY in backend.memory,
    turn=turn_pause,
)
