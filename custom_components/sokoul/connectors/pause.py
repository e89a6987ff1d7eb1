"""The switch that pauses everything, and remembers what ran, so that switching it off starts just that again.

What a person stopped before stays stopped. What arrives while it is on is stopped and remembered too. What a person
starts meanwhile is theirs: it is left alone, and no longer ours to start.

Each torrent is judged by what was seen of it, never by how long ago something was: a client stops torrents one after
the other, may be away in between, and may have been restarted. And times of adding are compared among themselves
only, because the client's clock is not ours.
"""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from ..clients.qbittorrent import QbittorrentClient
from ..model.downloads import BROKEN_STATES, DownloadClientSnapshot, DownloadState, Torrent
from .base import Backend, BackendSwitch, Undo

MEMORY_KEY = "paused"


class Activity(Enum):
    """What a torrent's state says of whether it was told to run."""

    RUNS = auto()
    RESTS = auto()
    BROKEN = auto()  # it moves no data, and starting it may fetch all of its missing files again
    HIDDEN = auto()  # it is checked or moved, which stopped ones are too (all of them while qBittorrent starts)


_RUNNING = frozenset(
    {
        DownloadState.DOWNLOADING,
        DownloadState.STALLED,
        DownloadState.METADATA,
        DownloadState.QUEUED,
        DownloadState.SEEDING,
    }
)
_RESTING = frozenset({DownloadState.STOPPED, DownloadState.COMPLETED})


def activity(torrent: Torrent) -> Activity:
    """Judge a torrent by its state."""
    if torrent.state in _RUNNING:
        return Activity.RUNS
    if torrent.state in _RESTING:
        return Activity.RESTS
    return Activity.BROKEN if torrent.state in BROKEN_STATES else Activity.HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What a pause did so far, by info hash."""

    stopping: frozenset[str]  # told to stop, not seen stopped yet
    stopped: frozenset[str]  # seen stopped
    hidden: frozenset[str]  # not known yet whether they were to run
    newest_epoch: int  # when the newest torrent that was looked at was added, by the client's clock
    newest: frozenset[str]  # which those were

    @classmethod
    def begin(cls, snapshot: DownloadClientSnapshot) -> Pause:
        """Return what a pause of all these torrents has to stop."""
        torrents = snapshot.torrents
        newest_epoch = max((torrent.added_epoch for torrent in torrents.values()), default=0)
        return cls(
            stopping=_which(torrents, torrents.keys(), Activity.RUNS),
            stopped=frozenset(),
            hidden=_which(torrents, torrents.keys(), Activity.HIDDEN),
            newest_epoch=newest_epoch,
            newest=_added_at(newest_epoch, torrents),
        )

    @classmethod
    def load(cls, note: Mapping[str, Any] | None) -> Pause | None:
        """Read it from what a backend remembers."""
        if note is None:
            return None
        return cls(
            stopping=frozenset(note.get("stopping", ())),
            stopped=frozenset(note.get("stopped", ())),
            hidden=frozenset(note.get("hidden", ())),
            newest_epoch=note.get("newest_epoch", 0),
            newest=frozenset(note.get("newest", ())),
        )

    def dump(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "stopping": sorted(self.stopping),
            "stopped": sorted(self.stopped),
            "hidden": sorted(self.hidden),
            "newest_epoch": self.newest_epoch,
            "newest": sorted(self.newest),
        }

    @property
    def to_start(self) -> frozenset[str]:
        """What ran before, as far as is known."""
        return self.stopping | self.stopped

    def follow(self, snapshot: DownloadClientSnapshot) -> Pause:
        """Return the pause after a look at the torrents; what is `stopping` and still runs has to be told to stop."""
        torrents = snapshot.torrents
        arrived = self._arrived(torrents)  # a hash that was told to stop may have been removed and added again
        told, known, hidden = self.stopping - arrived, self.stopped - arrived, self.hidden | arrived
        newest_epoch = max((torrents[key].added_epoch for key in arrived), default=self.newest_epoch)
        return Pause(
            stopping=_which(torrents, told, Activity.RUNS, Activity.HIDDEN) | _which(torrents, hidden, Activity.RUNS),
            # what was seen stopped and runs was started by a person
            stopped=_which(torrents, told, Activity.RESTS, Activity.BROKEN)
            | _which(torrents, known, Activity.RESTS, Activity.BROKEN, Activity.HIDDEN),
            # what comes out of a check and rests had been stopped before
            hidden=_which(torrents, hidden, Activity.HIDDEN),
            newest_epoch=newest_epoch,
            newest=_added_at(newest_epoch, torrents) if arrived else self.newest,
        )

    def _arrived(self, torrents: Mapping[str, Torrent]) -> frozenset[str]:
        """Return what was added since the newest that was looked at. Each is judged once, when it is first seen."""
        return frozenset(
            key
            for key, torrent in torrents.items()
            if torrent.added_epoch >= self.newest_epoch
            and (torrent.added_epoch > self.newest_epoch or key not in self.newest)
        )


def _which(torrents: Mapping[str, Torrent], keys: AbstractSet[str], *activities: Activity) -> frozenset[str]:
    """Return those of the torrents that (still) exist and do one of these."""
    return frozenset(
        key for key in keys if (torrent := torrents.get(key)) is not None and activity(torrent) in activities
    )


def _added_at(epoch: int, torrents: Mapping[str, Torrent]) -> frozenset[str]:
    return frozenset(key for key, torrent in torrents.items() if torrent.added_epoch == epoch)


async def pause_all(backend: Backend[QbittorrentClient, DownloadClientSnapshot]) -> None:
    """Stop everything that runs.

    The note is on the disk before anything is stopped: whatever breaks down in between, what was stopped can be
    started again. When the stopping itself fails it is tried again at the next look, until the switch is turned off.
    """
    # not what the last poll saw: what a person stopped since then has to stay stopped
    pause = Pause.begin(await backend.client.snapshot())
    backend.remember(MEMORY_KEY, pause.dump())
    await backend.save_memory()
    await backend.client.stop(pause.stopping)


async def resume_all(backend: Backend[QbittorrentClient, DownloadClientSnapshot], pause: Pause) -> None:
    """Start what ran before and still exists."""
    await _start(backend.client, backend.data, pause)
    backend.remember(MEMORY_KEY, None)
    await backend.save_memory()


async def _start(client: QbittorrentClient, snapshot: DownloadClientSnapshot, pause: Pause) -> None:
    """Start what a pause stopped. What lost its files meanwhile (a disk that is away) is left alone."""
    startable = (Activity.RUNS, Activity.RESTS, Activity.HIDDEN)
    await client.start(_which(snapshot.torrents, pause.to_start, *startable))


async def leave_running(client: QbittorrentClient, note: Mapping[str, Any]) -> None:
    """Start what a pause stopped: once SOKOUL is gone, nobody knows any more what that was."""
    pause = Pause.load(note)
    if pause is not None:
        snapshot = await client.snapshot()
        await _start(client, snapshot, pause.follow(snapshot))


async def turn_pause(backend: Backend[QbittorrentClient, DownloadClientSnapshot], on: bool) -> None:  # noqa: FBT001 -- the switch's position
    """Pause or resume."""
    pause = Pause.load(backend.memory.get(MEMORY_KEY))
    if on and pause is None:
        await pause_all(backend)
    elif not on and pause is not None:
        await resume_all(backend, pause)


async def hold_pause(backend: Backend[QbittorrentClient, DownloadClientSnapshot]) -> None:
    """Keep the promise of a pause that is on: stop newcomers, let go of what a person took over. Called after reads."""
    before = Pause.load(backend.memory.get(MEMORY_KEY))
    if before is None:
        return
    pause = before.follow(backend.data)
    if pause != before:
        backend.remember(MEMORY_KEY, pause.dump())
        if pause.stopping - before.stopping:
            await backend.save_memory()
    await backend.client.stop(_which(backend.data.torrents, pause.stopping, Activity.RUNS))


PAUSE: BackendSwitch[QbittorrentClient, DownloadClientSnapshot] = BackendSwitch(
    key="pause",
    value=lambda backend: MEMORY_KEY in backend.memory,
    turn=turn_pause,
)

UNDO: Undo[QbittorrentClient] = Undo(
    memory_key=MEMORY_KEY,
    undo=leave_running,
    otherwise="What was paused in %s could not be started again, please start it there: %s",
)
