"""What the downloads of one client look like together, kept while they change so that nobody has to walk them.

One cause gives one verdict: when nothing at a client has a peer, it is the line; when several files of one folder are
missing, it is the mount; when a tracker answers none of several downloads, it is the tracker.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.downloads import ACTIVE_STATES, BROKEN_STATES, DownloadState, TorrentTracker, TrackerStatus
from ..model.world import Download

#: A fetching torrent below this many bytes per second is a slow one, when most of them are.
SLOW_RATE = 50_000
#: What breaks within this time of each other has one cause: on a mount that is away each torrent breaks when it is
#: next read or written, which takes minutes for what is fetched, and hours for what is seldom asked for.
TOGETHER = timedelta(days=1)
#: A tracker that fails for so many downloads, and works for none, is down.
FAILING_FOR = 3

_FAILING = frozenset({TrackerStatus.NOT_WORKING, TrackerStatus.ERROR, TrackerStatus.UNREACHABLE})
_WORKING = frozenset({TrackerStatus.WORKING})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """Where a download broke, and when; None: nobody knows."""

    save_path: str
    at: datetime | None

    def is_with(self, other: _Broken) -> bool:
        if self.save_path != other.save_path:
            return False
        return self.at is None or other.at is None or abs(self.at - other.at) <= TOGETHER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    active: bool
    fetching: bool
    slow: bool


class Census:
    """The unfinished downloads of one client, counted."""

    def __init__(self) -> None:
        self._traits: dict[str, _Traits] = {}
        self._broken: dict[str, _Broken] = {}  # few, unless a mount is away
        self.active: dict[str, None] = {}  # ids of what should be fetching, in the order in which they came
        self._fetching = 0
        self._slow = 0
        self._trackers: dict[str, tuple[frozenset[str], frozenset[str]]] = {}  # hosts that fail, hosts that work
        self._failing: Counter[str] = Counter()
        self._working: Counter[str] = Counter()

    def note(self, download: Download, now: datetime | None = None) -> None:
        """Take over what a download looks like now."""
        broken = self._broken.get(download.id)
        self._leave_out(download.id)
        torrent = download.torrent
        is_broken = torrent is not None and torrent.state in BROKEN_STATES
        if torrent is None or (torrent.finished and not is_broken):
            self._forget_trackers(download.id)
            return
        if is_broken:
            at = now if broken is None else broken.at
            self._broken[download.id] = _Broken(save_path=torrent.save_path, at=at)
        fetching = torrent.state is DownloadState.DOWNLOADING
        traits = _Traits(
            active=torrent.state in ACTIVE_STATES,
            fetching=fetching,
            slow=fetching and torrent.download_rate < SLOW_RATE,
        )
        self._traits[download.id] = traits
        self._count(traits, download.id, 1)

    def note_trackers(self, download_id: str, trackers: Iterable[TorrentTracker]) -> None:
        """Take over what the trackers of a download were seen to say."""
        self._forget_trackers(download_id)
        seen = tuple(trackers)
        failing = frozenset(each.host for each in seen if each.status in _FAILING)
        working = frozenset(each.host for each in seen if each.status in _WORKING)
        self._trackers[download_id] = failing, working
        self._failing.update(failing)
        self._working.update(working)

    def forget(self, download_id: str) -> None:
        """Leave out a download that is gone or finished."""
        self._leave_out(download_id)
        self._forget_trackers(download_id)

    def _leave_out(self, download_id: str) -> None:
        self._broken.pop(download_id, None)
        if (traits := self._traits.pop(download_id, None)) is not None:
            self._count(traits, download_id, -1)

    def _forget_trackers(self, download_id: str) -> None:
        failing, working = self._trackers.pop(download_id, (frozenset[str](), frozenset[str]()))
        self._failing.subtract(failing)
        self._working.subtract(working)

    def _count(self, traits: _Traits, download_id: str, by: int) -> None:
        if traits.active:
            if by > 0:
                self.active[download_id] = None
            else:
                del self.active[download_id]
        self._fetching += by * traits.fetching
        self._slow += by * traits.slow

    @property
    def slow_for_most(self) -> bool:
        """Whether most of several downloads that fetch are slow: then it is not the swarm of one of them."""
        return self._fetching > 1 and self._slow * 2 > self._fetching

    @property
    def failing_trackers(self) -> frozenset[str]:
        """The hosts of trackers that fail for several downloads and work for none, as far as was looked."""
        return frozenset(
            host for host, count in self._failing.items() if count >= FAILING_FOR and not self._working[host]
        )

    def broken_beside(self, download: Download) -> int:
        """Return how many other downloads under the same save path broke at about the same time."""
        own = self._broken.get(download.id)
        if own is None:
            return 0
        return sum(own.is_with(other) for other in self._broken.values()) - 1
