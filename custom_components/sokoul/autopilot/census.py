"""What the downloads of one client look like together, kept while they change so that nobody has to walk them.

One cause gives one verdict: when nothing at a client has a peer, it is the line; when several files of one folder are
missing, it is the mount.
"""

from collections import Counter
from dataclasses import dataclass

from ..model.downloads import ACTIVE_STATES, BROKEN_STATES, DownloadState
from ..model.world import Download

#: A fetching torrent below this many bytes per second is a slow one, when most of them are.
SLOW_RATE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    active: bool
    fetching: bool
    slow: bool
    broken_at: str | None  # the save path


class Census:
    """The unfinished downloads of one client, counted."""

    def __init__(self) -> None:
        self._traits: dict[str, _Traits] = {}
        self._broken: Counter[str] = Counter()
        self.active: dict[str, None] = {}  # ids of what should be fetching, in the order in which they came
        self._fetching = 0
        self._slow = 0

    def note(self, download: Download) -> None:
        """Take over what a download looks like now."""
        self.forget(download.id)
        torrent = download.torrent
        if torrent is None:
            return
        broken = torrent.state in BROKEN_STATES
        if torrent.finished and not broken:
            return
        fetching = torrent.state is DownloadState.DOWNLOADING
        traits = _Traits(
            active=torrent.state in ACTIVE_STATES,
            fetching=fetching,
            slow=fetching and torrent.download_rate < SLOW_RATE,
            broken_at=torrent.save_path if broken else None,
        )
        self._traits[download.id] = traits
        self._count(traits, download.id, 1)

    def forget(self, download_id: str) -> None:
        """Leave out a download that is gone or finished."""
        if (traits := self._traits.pop(download_id, None)) is not None:
            self._count(traits, download_id, -1)

    def _count(self, traits: _Traits, download_id: str, by: int) -> None:
        if traits.active:
            if by > 0:
                self.active[download_id] = None
            else:
                del self.active[download_id]
        self._fetching += by * traits.fetching
        self._slow += by * traits.slow
        if traits.broken_at is not None:
            self._broken[traits.broken_at] += by

    @property
    def slow_for_most(self) -> bool:
        """Whether most of several downloads that fetch are slow: then it is not the swarm of one of them."""
        return self._fetching > 1 and self._slow * 2 > self._fetching

    def broken_beside(self, download: Download) -> int:
        """Return how many other downloads under the same save path are broken."""
        traits = self._traits.get(download.id)
        if traits is None or traits.broken_at is None:
            return 0
        return self._broken[traits.broken_at] - 1
