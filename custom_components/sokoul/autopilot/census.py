"""What the downloads of one client look like together, kept while they change so that nobody has to walk them.

One cause gives one verdict: when nothing at a client has a peer, it is the line; when several files of one mount are
missing, it is the mount; when a tracker answers none of several downloads, it is the tracker.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from ..model.downloads import (
    ACTIVE_STATES,
    BROKEN_STATES,
    FAILING_TRACKER,
    DownloadState,
    TorrentTracker,
    TrackerStatus,
)
from ..model.world import Download

#: A fetching torrent below this many bytes per second is a slow one, when most of them are.
SLOW_RATE = 50_000
#: What breaks within this time of each other has one cause: on a mount that is away each torrent breaks when it is
#: next read or written, which takes minutes for what is fetched, and hours for what is seldom asked for.
TOGETHER = timedelta(days=1)
#: Nobody needs to know of more than so many: when a mount is away they are thousands.
MANY = 20
#: A tracker that fails for so many downloads, and works for none, is down.
FAILING_FOR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    active: bool
    fetching: bool
    slow: bool


class Census:
    """The unfinished downloads of one client, counted."""

    def __init__(self) -> None:
        self._traits: dict[str, _Traits] = {}
        self.checking: set[str] = set()  # ids of what its client checks, complete or not
        self._broken: dict[str, str] = {}  # the save path of each that is
        self._broken_under: dict[str, dict[str, datetime | None]] = {}  # by save path: when; None: nobody knows
        self.active: dict[str, None] = {}  # ids of what should be fetching, in the order in which they came
        self._fetching = 0
        self._slow = 0
        self._trackers: dict[str, tuple[frozenset[str], frozenset[str]]] = {}  # hosts that fail, hosts that work
        self._failing: Counter[str] = Counter()
        self._working: Counter[str] = Counter()

    def note(self, download: Download, now: datetime | None = None) -> None:
        """Take over what a download looks like now."""
        path = self._broken.get(download.id)
        broken_at = now if path is None else self._broken_under[path][download.id]
        self._leave_out(download.id)
        torrent = download.torrent
        if torrent is not None and torrent.state is DownloadState.CHECKING:
            self.checking.add(download.id)
        is_broken = torrent is not None and torrent.state in BROKEN_STATES
        if torrent is None or (torrent.finished and not is_broken):
            self._forget_trackers(download.id)
            return
        if is_broken:
            self._broken[download.id] = torrent.save_path
            self._broken_under.setdefault(torrent.save_path, {})[download.id] = broken_at
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
        failing = frozenset(each.host for each in seen if each.status in FAILING_TRACKER)
        working = frozenset(each.host for each in seen if each.status is TrackerStatus.WORKING)
        self._trackers[download_id] = failing, working
        self._failing.update(failing)
        self._working.update(working)

    def forget(self, download_id: str) -> None:
        """Leave out a download that is gone or finished."""
        self._leave_out(download_id)
        self._forget_trackers(download_id)

    def _leave_out(self, download_id: str) -> None:
        self.checking.discard(download_id)
        if (path := self._broken.pop(download_id, None)) is not None:
            del self._broken_under[path][download_id]
            if not self._broken_under[path]:
                del self._broken_under[path]
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

    def broken_beside(self, download: Download, mount_of: Callable[[str], object]) -> int:
        """Return how many other downloads on the same mount broke at about the same time, `MANY` at most.

        `mount_of` names the mount of a save path: folders of one mount go away together.
        """
        path = self._broken.get(download.id)
        if path is None:
            return 0
        own, mount = self._broken_under[path][download.id], mount_of(path)
        beside = (
            each
            for folder, broken in self._broken_under.items()
            if folder == path or mount_of(folder) == mount
            for each, at in broken.items()
            if each != download.id and _together(own, at)
        )
        return sum(1 for _ in islice(beside, MANY))


def _together(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or abs(one - other) <= TOGETHER
