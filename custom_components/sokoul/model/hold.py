"""What is held stopped in a download client, on whose behalf, and what has to be started again when that ends.

Several may hold the same client at once: a person by a switch, the VPN guard, the governor. What one of them lets go
of starts only if nobody else holds it, and what one finds stopped by another is its own to start later: whoever ends
last starts what ran before the first began.

What a person had stopped before stays stopped. What arrives while something is held is stopped and noted too.

Each torrent is judged by what was seen of it, never by how long ago something was: a client stops torrents one after
the other, may be away in between, and may have been restarted. And times of adding are compared among themselves
only, because the client's clock is not ours.
"""

from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto
from typing import Any

from .downloads import BROKEN_STATES, DownloadClientSnapshot, DownloadState, Torrent


class Holder(StrEnum):
    """On whose behalf torrents are held."""

    PERSON = "person"  # the switch that pauses everything
    VPN = "vpn"  # the guard against leaks
    GOVERNOR = "governor"  # the guard of the machine

    @property
    def strict(self) -> bool:
        """Whether what a person starts meanwhile is stopped, too. Otherwise it is theirs, and left alone."""
        return self is Holder.VPN

    @property
    def spares_finished(self) -> bool:
        """Whether what is complete may go on seeding."""
        return self is Holder.GOVERNOR


class Activity(Enum):
    """What a torrent's state says of whether it was told to run."""

    RUNS = auto()
    RESTS = auto()
    BROKEN = auto()  # it fetches nothing, and starting it may fetch all of its missing files again
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
_STARTABLE = (Activity.RUNS, Activity.RESTS, Activity.HIDDEN)


def activity(torrent: Torrent) -> Activity:
    """Judge a torrent by its state."""
    if torrent.state in _RUNNING:
        return Activity.RUNS
    if torrent.state in _RESTING:
        return Activity.RESTS
    return Activity.BROKEN if torrent.state in BROKEN_STATES else Activity.HIDDEN


def as_told(
    snapshot: DownloadClientSnapshot, running: AbstractSet[str], *, broken_too: bool = False
) -> DownloadClientSnapshot:
    """Return a client whose states show what each torrent was told, where `running` are told to run.

    By themselves they show it up to 1.5 s later, and neither while a torrent is checked nor while it is moved. With
    `broken_too`, nor while it has an error: one that can't be written to goes on to announce itself and to upload.
    """
    hides_running = {Activity.HIDDEN, Activity.RESTS} | ({Activity.BROKEN} if broken_too else set())
    hides_resting = {Activity.HIDDEN, Activity.RUNS}
    otherwise = {
        key: replace(torrent, state=DownloadState.QUEUED if key in running else DownloadState.STOPPED)
        for key, torrent in snapshot.torrents.items()
        if activity(torrent) in (hides_running if key in running else hides_resting)
    }
    return replace(snapshot, torrents={**snapshot.torrents, **otherwise}) if otherwise else snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What has to be started, by info hash."""

    ordinarily: frozenset[str] = frozenset()
    forced: frozenset[str] = frozenset()  # past the client's queue, as a person had it

    @property
    def all(self) -> frozenset[str]:
        """Everything that starts."""
        return self.ordinarily | self.forced


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What one holder did so far, by info hash."""

    holder: Holder
    stopping: frozenset[str]  # told to stop, not seen stopped yet
    stopped: frozenset[str]  # seen stopped
    hidden: frozenset[str]  # not known yet whether they were to run
    forced: frozenset[str]  # of all these, the ones that were started past the client's queue
    newest_epoch: int  # when the newest torrent that was looked at was added, by the client's clock
    newest: frozenset[str]  # which those were
    ending: bool = False  # nothing is stopped any more: what was is started again, step by step

    @classmethod
    def begin(cls, holder: Holder, snapshot: DownloadClientSnapshot, others: Iterable[Hold] = ()) -> Hold:
        """Return what a holder has to stop of all these torrents, where `others` hold some already."""
        torrents = snapshot.torrents
        newest_epoch = max((torrent.added_epoch for torrent in torrents.values()), default=0)
        others = tuple(others)
        stopping = _running(holder, torrents)
        taken_over = _held(others, torrents, torrents.keys()) - stopping
        hidden = _which(torrents, torrents.keys(), Activity.HIDDEN) - taken_over
        return cls(
            holder=holder,
            stopping=stopping,
            stopped=frozenset(key for key in taken_over if _concerns(holder, torrents[key])),
            hidden=hidden,
            forced=_forced(torrents, stopping) | _held_forced(others),
            newest_epoch=newest_epoch,
            newest=_added_at(newest_epoch, torrents),
        )

    @classmethod
    def load(cls, holder: Holder, note: Mapping[str, Any]) -> Hold:
        """Read it from what a backend remembers."""
        return cls(
            holder=holder,
            stopping=frozenset(note.get("stopping", ())),
            stopped=frozenset(note.get("stopped", ())),
            hidden=frozenset(note.get("hidden", ())),
            forced=frozenset(note.get("forced", ())),
            newest_epoch=note.get("newest_epoch", 0),
            newest=frozenset(note.get("newest", ())),
            ending=note.get("ending", False),
        )

    def dump(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "stopping": sorted(self.stopping),
            "stopped": sorted(self.stopped),
            "hidden": sorted(self.hidden),
            "forced": sorted(self.forced),
            "newest_epoch": self.newest_epoch,
            "newest": sorted(self.newest),
            "ending": self.ending,
        }

    @property
    def to_start(self) -> frozenset[str]:
        """What ran before, as far as is known."""
        return self.stopping | self.stopped

    def still_to_start(self, torrents: Mapping[str, Torrent], keys: AbstractSet[str]) -> frozenset[str]:
        """Return which of these it is to start; what was removed since it looked is another one if it is there."""
        held = self.to_start & keys & torrents.keys()
        return held - self._arrived(torrents) if held else held

    def follow(self, snapshot: DownloadClientSnapshot, others: Iterable[Hold] = ()) -> Hold:
        """Return the hold after a look at the torrents; `to_stop` then tells what has to be stopped.

        What arrived and rests was added so, unless one of the `others` stopped it, as they were before that look.
        """
        if self.ending:
            return self
        torrents = snapshot.torrents
        others = tuple(others)
        arrived = self._arrived(torrents)  # a hash that was told to stop may have been removed and added again
        told, known, hidden = self.stopping - arrived, self.stopped - arrived, self.hidden | arrived
        taken_over = frozenset(key for key in _held(others, torrents, hidden) if _concerns(self.holder, torrents[key]))
        newest_epoch = max((torrents[key].added_epoch for key in arrived), default=self.newest_epoch)
        candidates = torrents.keys() if self.holder.strict else told | hidden
        runs = _running(self.holder, torrents, candidates)
        stopping = runs | _which(torrents, told, Activity.HIDDEN)
        # what was seen stopped and runs was started by a person
        stopped = _which(torrents, told, Activity.RESTS, Activity.BROKEN) | _which(
            torrents, known | taken_over, Activity.RESTS, Activity.BROKEN, Activity.HIDDEN
        )
        # what comes out of a check and rests was stopped before
        hidden = _which(torrents, hidden - taken_over, Activity.HIDDEN)
        return Hold(
            holder=self.holder,
            stopping=stopping,
            stopped=stopped,
            hidden=hidden,
            forced=(self.forced - arrived | _forced(torrents, runs) | _held_forced(others) & taken_over)
            & (stopping | stopped | hidden),
            newest_epoch=newest_epoch,
            newest=_added_at(newest_epoch, torrents) if arrived else self.newest,
        )

    def has_to_judge(self, hashes: AbstractSet[str], snapshot: DownloadClientSnapshot) -> bool:
        """Tell whether any of these has arrived, and it isn't known yet whether it was to run: `follow` finds out."""
        return not self.ending and not hashes.isdisjoint(self.hidden | self._arrived(snapshot.torrents))

    def to_stop(self, snapshot: DownloadClientSnapshot) -> frozenset[str]:
        """Return what has to be told to stop: what was told may have been restarted with the client."""
        return frozenset() if self.ending else _which(snapshot.torrents, self.stopping, Activity.RUNS)

    def along_with(self, torrent_hash: str) -> Hold:
        """Return the hold with another torrent that is stopped, and that is to be started when this ends."""
        return replace(self, stopped=self.stopped | {torrent_hash})

    def without(self, hashes: AbstractSet[str]) -> Hold:
        """Return the hold while it ends, after these were started again."""
        return replace(
            self,
            stopping=self.stopping - hashes,
            stopped=self.stopped - hashes,
            forced=self.forced - hashes,
            ending=True,
        )

    def release(self, snapshot: DownloadClientSnapshot, others: Iterable[Hold] = ()) -> Start:
        """Return what has to be started when this ends: what still exists and nobody else holds.

        What lost its files meanwhile (a disk that is away) is left alone.
        """
        start = _which(snapshot.torrents, self.to_start, *_STARTABLE).difference(*(other.to_start for other in others))
        return Start(ordinarily=start - self.forced, forced=start & self.forced)

    def _arrived(self, torrents: Mapping[str, Torrent]) -> frozenset[str]:
        """Return what was added since the newest that was looked at. Each is judged once, when it is first seen."""
        return frozenset(
            key
            for key, torrent in torrents.items()
            if torrent.added_epoch >= self.newest_epoch
            and (torrent.added_epoch > self.newest_epoch or key not in self.newest)
        )


def _held(holds: Iterable[Hold], torrents: Mapping[str, Torrent], keys: AbstractSet[str]) -> frozenset[str]:
    """Return those of the torrents that any of these holds is to start."""
    return frozenset[str]().union(*(hold.still_to_start(torrents, keys) for hold in holds))


def _held_forced(holds: Iterable[Hold]) -> frozenset[str]:
    return frozenset[str]().union(*(hold.forced for hold in holds))


def _concerns(holder: Holder, torrent: Torrent) -> bool:
    return not (holder.spares_finished and torrent.finished)


def _running(holder: Holder, torrents: Mapping[str, Torrent], keys: AbstractSet[str] | None = None) -> frozenset[str]:
    """Return those of the torrents that run and concern a holder."""
    running = _which(torrents, torrents.keys() if keys is None else keys, Activity.RUNS)
    return frozenset(key for key in running if _concerns(holder, torrents[key])) if holder.spares_finished else running


def _which(torrents: Mapping[str, Torrent], keys: AbstractSet[str], *activities: Activity) -> frozenset[str]:
    """Return those of the torrents that (still) exist and do one of these."""
    return frozenset(
        key for key in keys if (torrent := torrents.get(key)) is not None and activity(torrent) in activities
    )


def _forced(torrents: Mapping[str, Torrent], keys: AbstractSet[str]) -> frozenset[str]:
    return frozenset(key for key in keys if torrents[key].forced)


def _added_at(epoch: int, torrents: Mapping[str, Torrent]) -> frozenset[str]:
    return frozenset(key for key, torrent in torrents.items() if torrent.added_epoch == epoch)
