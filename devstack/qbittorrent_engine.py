"""The simulated qBittorrent without its web server: torrents, queue, limits, and time that passes over them."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
import hashlib
from typing import Any

from .clock import Clock
from .qbittorrent_limits import LIMIT_ACTIONS, limited, seconds_to_limit, share_rates, shared_enough
from .qbittorrent_look import NO_LIMIT, Looks, View
from .qbittorrent_preferences import accepted_value, default_preferences
from .qbittorrent_queue import Queue
from .qbittorrent_state import Totals, Weather, server_state
from .qbittorrent_sync import MaindataSession
from .qbittorrent_torrent import DEFAULT_LIMIT, SimulatedTorrent, SimulatedTracker, Swarm, TrackerStatus
from .qbittorrent_versions import Generation

_CHECK_RATE = 512 * 1024 * 1024  # bytes a second
_MOVE_RATE = 256 * 1024 * 1024
_SHORTEST_SECONDS = 0.5
_SHORTEST_STEP = 1e-3
_STEPS = 100_000
_KIBIBYTE = 1024


@dataclass(slots=True)
class Category:
    """A category and where its torrents go."""

    name: str
    save_path: str = ""

    def fields(self, generation: Generation) -> dict[str, Any]:
        """Return it as the API does."""
        fields: dict[str, Any] = {"name": self.name, "savePath": self.save_path}
        if generation.answers_with_status:
            fields |= {
                "download_path": None,
                "inactive_seeding_time_limit": DEFAULT_LIMIT,
                "ratio_limit": DEFAULT_LIMIT,
                "seeding_time_limit": DEFAULT_LIMIT,
                "share_limit_action": "Default",
            }
        if generation.since(2, 16):
            fields["share_limits_mode"] = "Default"
        return fields


class Engine:
    """Torrents and what becomes of them. `look` before reading, so that they are where the clock says."""

    def __init__(self, generation: Generation, clock: Clock, preferences: dict[str, Any]) -> None:
        self.generation = generation
        self.preferences = default_preferences(generation, preferences)
        self.torrents: dict[str, SimulatedTorrent] = {}
        self.categories: dict[str, Category] = {}
        self.tags: set[str] = set()
        self.weather = Weather()
        self.totals = Totals()
        self.alternative_limits = False
        self.watchers: list[MaindataSession] = []
        self.swarms: dict[str, Swarm] = {}  # of torrents that will be added, by info hash
        self.usual_swarm = Swarm(rate=4_000_000, seeds=12, leechers=4, availability=5.0, metadata_seconds=2.0)
        self.view = View(now=clock.now().timestamp())  # what torrents are described with
        self.looks = Looks(generation, self.view)
        self.queue = Queue(self.torrents)
        self._clock = clock
        self._live: dict[str, SimulatedTorrent] = {}
        self._trackers: dict[str, dict[str, None]] = {}
        self._unsettled = False
        self._ticked = 0  # the second of the last tick
        self._lagging: dict[str, float] = {}  # whose states lag, and until when
        self._refresh_view()

    # --- reading -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The time that the torrents have reached, in seconds since the epoch."""
        return self.view.now

    def hashes(self) -> Iterable[str]:
        """Return the hashes of all torrents."""
        return self.torrents

    def torrent_fields(self, info_hash: str) -> dict[str, Any] | None:
        """Return the fields of a torrent."""
        torrent = self.torrents.get(info_hash)
        return None if torrent is None else self.looks.fields(torrent)

    def torrent_json(self, info_hash: str) -> bytes:
        """Return the fields of a torrent as JSON."""
        return self.looks.json(self.torrents[info_hash])

    def category_fields(self) -> dict[str, Any]:
        """Return every category."""
        return {name: category.fields(self.generation) for name, category in sorted(self.categories.items())}

    def tag_names(self) -> list[str]:
        """Return every tag."""
        return sorted(self.tags)

    def tracker_urls(self) -> Iterable[str]:
        """Return every tracker."""
        return self._trackers

    def tracker_hashes(self, url: str) -> list[str]:
        """Return the torrents with a tracker."""
        return list(self._trackers.get(url, ()))

    def server_state(self) -> dict[str, Any]:
        """Return the state of the whole client."""
        return server_state(self)

    @property
    def moving(self) -> Collection[SimulatedTorrent]:
        """The torrents that time changes."""
        return self._live.values()

    def limit(self, side: str) -> int:
        """Return the global limit that counts now, `side` being `dl` or `up`; 0 is none."""
        return int(self.preferences[f"alt_{side}_limit" if self.alternative_limits else f"{side}_limit"])

    # --- changing ------------------------------------------------------------------------------------------------

    def touch(self, torrent: SimulatedTorrent) -> None:
        """Take note that a torrent changed."""
        self._show_anew(torrent)
        self._unsettled = True

    def add(self, torrent: SimulatedTorrent) -> None:
        """Take in a torrent; its category and tags come to be."""
        self.torrents[torrent.hash] = torrent
        torrent.added = torrent.added or self.now
        if torrent.category:
            self.categories.setdefault(torrent.category, Category(torrent.category))
        self.tags |= torrent.tags
        for tracker in torrent.trackers:
            self._index_tracker(torrent.hash, tracker.url)
        self.queue.join(torrent)
        if torrent.error or any(_below(torrent.save_path, folder) for folder in self.weather.unwritable):
            torrent.error = torrent.error or "Not a directory"
        self.touch(torrent)

    def remove(self, torrent: SimulatedTorrent, *, with_files: bool) -> None:
        """Let go of a torrent."""
        del self.torrents[torrent.hash]
        self._live.pop(torrent.hash, None)
        self.queue.leave(torrent)
        self.looks.forget(torrent.hash)
        for tracker in torrent.trackers:
            self._unindex_tracker(torrent.hash, tracker.url)
        if with_files:
            self.weather.free_bytes += torrent.completed
        self._notify(torrent)
        self._unsettled = True

    def set_trackers(self, torrent: SimulatedTorrent, trackers: Collection[SimulatedTracker]) -> None:
        """Give a torrent other trackers."""
        old, new = {each.url for each in torrent.trackers}, {each.url for each in trackers}
        for url in old - new:
            self._unindex_tracker(torrent.hash, url)
        for url in sorted(new - old):
            self._index_tracker(torrent.hash, url)
        torrent.trackers = sorted(trackers, key=lambda each: each.tier)
        self.touch(torrent)

    def announce(self, torrent: SimulatedTorrent) -> None:
        """Ask the trackers: those never asked answer, unless the weather has them not work."""
        for tracker in torrent.trackers if torrent.running else ():
            if tracker.url in self.weather.trackers:
                tracker.status, tracker.message = self.weather.trackers[tracker.url]
            elif tracker.status is TrackerStatus.NOT_CONTACTED:
                tracker.status = TrackerStatus.WORKING
        self.touch(torrent)

    def swarm_of(self, torrent: SimulatedTorrent) -> Swarm:
        """Return who else has a torrent that is being added."""
        return replace(self.swarms.get(torrent.hash, self.usual_swarm))

    def start(self, torrent: SimulatedTorrent, *, forced: bool = False) -> None:
        """Start a torrent; an error is tried again, missing files are looked for anew."""
        self._tell(torrent, stop=False)
        torrent.forced = forced
        if torrent.missing_files:
            self.recheck(torrent)
        if not any(_below(torrent.save_path, folder) for folder in self.weather.unwritable):
            torrent.error = ""
        self.announce(torrent)

    def stop(self, torrent: SimulatedTorrent) -> None:
        """Stop a torrent."""
        self._tell(torrent, stop=True)
        self.touch(torrent)

    def _tell(self, torrent: SimulatedTorrent, *, stop: bool) -> None:
        """Stop or start it; its state may show that later."""
        if torrent.stopped is stop:
            return
        torrent.stopped = stop
        if self.weather.state_lag_seconds:
            torrent.state_lags = not torrent.state_lags
            self._lagging[torrent.hash] = self.now + self.weather.state_lag_seconds

    def recheck(self, torrent: SimulatedTorrent) -> None:
        """Compare a torrent with its files; missing ones are found to be missing and are fetched again."""
        if not torrent.has_metadata:
            return
        torrent.check_finds = 0.0 if torrent.missing_files else 1.0
        torrent.missing_files = torrent.super_seeding = False
        torrent.error = ""
        torrent.check_seconds = max(torrent.size / _CHECK_RATE, _SHORTEST_SECONDS)
        self.touch(torrent)

    def move(self, torrent: SimulatedTorrent, save_path: str) -> None:
        """Move a torrent's files to another folder; takes time by their size, even less than a second."""
        if save_path == torrent.save_path:
            return
        torrent.save_path = save_path
        if torrent.completed:
            torrent.move_seconds = max(torrent.completed / _MOVE_RATE, _SHORTEST_SECONDS)
        self.touch(torrent)

    def category_path(self, name: str) -> str:
        """Return where torrents of a category go that are managed automatically."""
        root = self.preferences["save_path"]
        path = self.categories[name].save_path if name in self.categories else ""
        if not name:
            return str(root)
        return path if path.startswith("/") else f"{root}/{path or name}"

    def reorder(self, hashes: Collection[str], place: Callable[[list[str], str], int]) -> None:
        """Move unfinished torrents in the queue; `place` says where each goes."""
        self.queue.reorder(hashes, place)
        self._unsettled = True

    def set_preferences(self, values: dict[str, Any]) -> None:
        """Change preferences; unknown names are ignored."""
        for name, value in values.items():
            if name in self.preferences:
                self.preferences[name] = accepted_value(self.preferences[name], value)
        self._refresh_view()
        for torrent in self.torrents.values():
            if torrent.finished:  # share limits may be others
                self.touch(torrent)
        self._unsettled = True

    def set_limit(self, side: str, limit: int) -> None:
        """Set the global limit that counts now; kept in whole KiB, at least one."""
        name = f"alt_{side}_limit" if self.alternative_limits else f"{side}_limit"
        self.preferences[name] = max(limit // _KIBIBYTE, 1) * _KIBIBYTE if limit > 0 else 0
        self._unsettled = True

    def set_connection(self, status: str) -> None:
        """Set the connection status; nothing moves while it is `disconnected`."""
        self.weather.connection_status = status
        for torrent in self.torrents.values():
            if self._may_move(torrent):
                self._live[torrent.hash] = torrent
        self._unsettled = True

    def set_alternative_limits(self, on: bool) -> None:  # noqa: FBT001 -- the thing itself
        """Let the alternative limits count, or the usual ones."""
        self.alternative_limits = on
        self._unsettled = True

    # --- time ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Bring every torrent to the present, event by event."""
        target = self._clock.now().timestamp()
        self._settle()
        for _ in range(_STEPS):
            left = target - self.view.now
            if left <= 0:
                break
            moving = list(self._live.values())
            step = min([left, self._seconds_to_full_disk(), *map(self._seconds_to_event, moving)])
            self.view.now = target if step == left else self.view.now + max(step, _SHORTEST_STEP)
            for torrent in moving:
                self._move_on(torrent, min(max(step, _SHORTEST_STEP), left))
            self._settle()
        self._tick_idle()
        self._show_states()

    def _show_states(self) -> None:
        """Let states follow what was told."""
        for key in [key for key, due in self._lagging.items() if due <= self.now]:
            del self._lagging[key]
            if (torrent := self.torrents.get(key)) is not None:
                torrent.state_lags = False
                self.touch(torrent)

    def _seconds_to_event(self, torrent: SimulatedTorrent) -> float:
        return min(torrent.seconds_to_event(), seconds_to_limit(torrent, self.view))

    def _seconds_to_full_disk(self) -> float:
        rate = self.totals.download_rate
        return self.weather.free_bytes / rate if rate else float("inf")

    def _move_on(self, torrent: SimulatedTorrent, seconds: float) -> None:
        down, up = torrent.downloaded, torrent.uploaded
        torrent.move_on(seconds, self.view.now)
        down, up = torrent.downloaded - down, torrent.uploaded - up
        self.totals.count(down, up)
        self.weather.free_bytes = max(self.weather.free_bytes - down, 0.0)
        if down and not self.weather.free_bytes and not torrent.finished:
            torrent.error = "No space left on device"
        if shared_enough(torrent, self.view):
            self._end_sharing(torrent)
        if torrent.hash in self.torrents:
            self.touch(torrent)

    def _end_sharing(self, torrent: SimulatedTorrent) -> None:
        """Do what is to be done with a torrent that has been shared enough."""
        action = torrent.share_limit_action
        if action == "Default":
            action = LIMIT_ACTIONS.get(self.preferences["max_ratio_act"], "Stop")
        match action:
            case "Remove" | "RemoveWithContent":
                self.remove(torrent, with_files=action == "RemoveWithContent")
            case "EnableSuperSeeding":
                torrent.super_seeding = True
            case _:
                torrent.stopped = True

    def _tick_idle(self) -> None:
        """Let the counters of torrents that look for peers run in the view of clients, as 4.x does at every poll."""
        if self.generation.since(2, 11) or int(self.now) == self._ticked:
            return
        self._ticked = int(self.now)
        for torrent in self.torrents.values():
            looks = not torrent.finished or torrent.swarm.leechers
            if looks and torrent.running_since and self.looks.tick(torrent):
                self._notify(torrent)

    def _may_move(self, torrent: SimulatedTorrent) -> bool:
        if torrent.check_seconds or torrent.move_seconds or torrent.download_rate or torrent.upload_rate:
            return True
        if not torrent.running:
            return False
        if not torrent.has_metadata:
            return torrent.swarm.metadata_seconds is not None
        shares = torrent.finished and limited(torrent, self.view)
        return bool(torrent.wanted_rate() or torrent.offered_rate() or shares)

    def _settle(self) -> None:
        """Decide who waits in the queue and how fast everybody goes."""
        if not self._unsettled:
            return
        self._unsettled = False
        unfinished = [torrent for torrent in self._live.values() if not torrent.finished]
        for torrent in self.queue.settle(unfinished, self.preferences):
            self._show_anew(torrent)
        self._live = {key: each for key, each in self._live.items() if key in self.torrents and self._may_move(each)}
        moving = self._live.values()
        connected = self.weather.connection_status != "disconnected"
        for torrent in share_rates(moving, "download", self.limit("dl") if connected else None):
            self._show_anew(torrent)
        for torrent in share_rates(moving, "upload", self.limit("up") if connected else None):
            self._show_anew(torrent)
        self.totals.download_rate = sum(torrent.download_rate for torrent in moving)
        self.totals.upload_rate = sum(torrent.upload_rate for torrent in moving)

    # --- telling clients -----------------------------------------------------------------------------------------

    def _notify(self, torrent: SimulatedTorrent) -> None:
        for watcher in self.watchers:
            watcher.changed_torrents.add(torrent.hash)

    def _show_anew(self, torrent: SimulatedTorrent) -> None:
        """Let clients see a torrent anew, without deciding anything again."""
        torrent.take_stock(self.now)
        self.looks.forget(torrent.hash)
        self._notify(torrent)
        if self._may_move(torrent):
            self._live[torrent.hash] = torrent

    def _refresh_view(self) -> None:
        """Take over the global share limits."""
        chosen = self.preferences
        self.view.maximum_ratio = chosen["max_ratio"] if chosen["max_ratio_enabled"] else NO_LIMIT
        self.view.maximum_seeding_time = chosen["max_seeding_time"] if chosen["max_seeding_time_enabled"] else NO_LIMIT
        inactive = chosen.get("max_inactive_seeding_time_enabled")
        self.view.maximum_inactive_seeding_time = chosen["max_inactive_seeding_time"] if inactive else NO_LIMIT

    def _index_tracker(self, info_hash: str, url: str) -> None:
        self._trackers.setdefault(url, {})[info_hash] = None
        for watcher in self.watchers:
            watcher.changed_trackers.add(url)

    def _unindex_tracker(self, info_hash: str, url: str) -> None:
        hashes = self._trackers.get(url, {})
        hashes.pop(info_hash, None)
        if not hashes:
            self._trackers.pop(url, None)
        for watcher in self.watchers:
            watcher.changed_trackers.add(url)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def hash_of(text: str) -> str:
    """Return an info hash made of a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
