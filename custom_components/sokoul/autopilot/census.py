"""What the downloads of one client look like together, kept while they change so that nobody has to walk them.

One cause gives one verdict: when nothing at a client has a peer, it is the line; when several files of one mount are
missing, it is the mount; when a tracker answers none of several downloads, it is the tracker.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
_HOURS_TOGETHER = int(TOGETHER / timedelta(hours=1))
#: Nobody needs to know of more than so many: when a mount is away they are thousands.
MANY = 20
#: A tracker that fails for so many downloads, and works for none, is down.
FAILING_FOR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    active: bool
    fetching: bool
    slow: bool


class _Broken:
    """What is broken, by save path and by the hour in which that was seen."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[str, datetime | None]] = {}
        self._hours: dict[str, dict[int | None, dict[str, datetime | None]]] = {}

    def at(self, download_id: str) -> tuple[str, datetime | None] | None:
        """Return the save path of what is broken, and since when it is (None: nobody knows); None: it isn't."""
        return self._places.get(download_id)

    def put(self, download_id: str, path: str, at: datetime | None) -> None:
        """Note that a download is broken."""
        self._places[download_id] = path, at
        self._hours.setdefault(path, {}).setdefault(_hour(at), {})[download_id] = at

    def take(self, download_id: str) -> None:
        """Forget a download, if it was broken."""
        if (place := self._places.pop(download_id, None)) is None:
            return
        path, at = place
        hours = self._hours[path]
        del hours[_hour(at)][download_id]
        if not hours[_hour(at)]:
            del hours[_hour(at)]
        if not hours:
            del self._hours[path]

    def paths(self) -> Iterable[str]:
        """Return the save paths under which something is broken."""
        return self._hours.keys()

    def together(self, path: str, at: datetime | None) -> Iterator[str]:
        """Yield what broke under a path at about that time."""
        hours = self._hours[path]
        hour = _hour(at)
        near = hours if hour is None else (None, *range(hour - _HOURS_TOGETHER, hour + _HOURS_TOGETHER + 1))
        for each in near:
            for download_id, other in hours.get(each, {}).items():
                if _together(at, other):
                    yield download_id


class Census:
    """The unfinished downloads of one client, counted."""

    def __init__(self) -> None:
        self._traits: dict[str, _Traits] = {}
        self.checking: set[str] = set()  # ids of what its client checks, complete or not
        self._broken = _Broken()
        self.active: dict[str, None] = {}  # ids of what should be fetching, in the order in which they came
        self._fetching = 0
        self._slow = 0
        self._trackers: dict[str, tuple[frozenset[str], frozenset[str]]] = {}  # hosts that fail, hosts that work
        self._failing: Counter[str] = Counter()
        self._working: Counter[str] = Counter()

    def note(self, download: Download, now: datetime | None = None) -> None:
        """Take over what a download looks like now."""
        before = self._broken.at(download.id)
        broken_at = now if before is None else before[1]
        self._leave_out(download.id)
        torrent = download.torrent
        if torrent is not None and torrent.state is DownloadState.CHECKING:
            self.checking.add(download.id)
        is_broken = torrent is not None and torrent.state in BROKEN_STATES
        if torrent is None or (torrent.finished and not is_broken):
            self._forget_trackers(download.id)
            return
        if is_broken:
            self._broken.put(download.id, torrent.save_path, broken_at)
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
        self._broken.take(download_id)
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
        place = self._broken.at(download.id)
        if place is None:
            return 0
        path, at = place
        mount = mount_of(path)
        beside = (
            each
            for folder in self._broken.paths()
            if folder == path or mount_of(folder) == mount
            for each in self._broken.together(folder, at)
            if each != download.id
        )
        return sum(1 for _ in islice(beside, MANY))


def _hour(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() // 3600)


def _together(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or abs(one - other) <= TOGETHER
