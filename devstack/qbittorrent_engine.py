"""The simulated qBittorrent without its web server: torrents, queue, limits, and time that passes over them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
import hashlib
from typing import Any

from .clock import Clock
from .qbittorrent_preferences import accepted_value, default_preferences
from .qbittorrent_sync import MaindataSession
from .qbittorrent_torrent import DEFAULT_LIMIT, SimulatedTorrent, SimulatedTracker, Swarm, TrackerStatus, View
from .qbittorrent_versions import Generation

_CHECK_RATE = 512 * 1024 * 1024  # bytes a second
_MOVE_RATE = 256 * 1024 * 1024
_SHORTEST_SECONDS = 0.5
_STEPS = 100_000
_KIBIBYTE = 1024

#: `max_ratio_act` and `shareLimitAction`
LIMIT_ACTIONS = {0: "Stop", 1: "Remove", 2: "EnableSuperSeeding", 3: "RemoveWithContent"}


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


@dataclass(slots=True, kw_only=True)
class Totals:
    """What counts over all torrents, in bytes."""

    downloaded: float = 0.0
    uploaded: float = 0.0
    downloaded_session: float = 0.0
    uploaded_session: float = 0.0
    download_rate: int = 0
    upload_rate: int = 0


@dataclass(slots=True, kw_only=True)
class Weather:
    """Circumstances that a test sets."""

    connection_status: str = "connected"  # firewalled, disconnected
    free_bytes: float = 500e9
    dht_nodes: int = 380
    external_address: str = "203.0.113.7"
    unwritable: set[str] = field(default_factory=set)  # folders below which nothing can be written


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
        self._clock = clock
        self._now = clock.now().timestamp()
        self._view = View(now=self._now)
        self._live: dict[str, SimulatedTorrent] = {}
        self._queue: list[str] = []  # unfinished torrents, first come first
        self._trackers: dict[str, dict[str, None]] = {}
        self._unsettled = False
        self._ticked = 0  # the second of the last tick
        self._refresh_view()

    # --- reading -------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The time that the torrents have reached, in seconds since the epoch."""
        return self._now

    @property
    def view(self) -> View:
        """What torrents are described with."""
        return self._view

    def hashes(self) -> Iterable[str]:
        """Return the hashes of all torrents."""
        return self.torrents

    def torrent_fields(self, info_hash: str) -> dict[str, Any] | None:
        """Return the fields of a torrent."""
        torrent = self.torrents.get(info_hash)
        return None if torrent is None else torrent.fields(self.generation, self._view)

    def torrent_json(self, info_hash: str) -> bytes:
        """Return the fields of a torrent as JSON."""
        return self.torrents[info_hash].json(self.generation, self._view)

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

    def transfer(self) -> dict[str, Any]:
        """Return `transfer/info`."""
        state: dict[str, Any] = {
            "connection_status": self.weather.connection_status,
            "dht_nodes": self.weather.dht_nodes if self.preferences["dht"] else 0,
            "dl_info_data": int(self.totals.downloaded_session),
            "dl_info_speed": self.totals.download_rate,
            "dl_rate_limit": self.limit("dl"),
            "up_info_data": int(self.totals.uploaded_session),
            "up_info_speed": self.totals.upload_rate,
            "up_rate_limit": self.limit("up"),
        }
        if self.generation.since(2, 11, 3):
            state |= {"last_external_address_v4": self.weather.external_address, "last_external_address_v6": ""}
        return state

    def server_state(self) -> dict[str, Any]:
        """Return the server state of `sync/maindata`."""
        down, up = self.totals.downloaded, self.totals.uploaded
        state = self.transfer() | {
            "alltime_dl": int(down),
            "alltime_ul": int(up),
            "average_time_queue": 0,
            "free_space_on_disk": int(self.weather.free_bytes),
            "global_ratio": f"{up / down:.2f}" if down > 0 and up > 0 else "-",
            "queued_io_jobs": 0,
            "queueing": self.preferences["queueing_enabled"],
            "read_cache_hits": "0",
            "read_cache_overload": "0",
            "refresh_interval": self.preferences["refresh_interval"],
            "total_buffers_size": 0,
            "total_peer_connections": sum(torrent.swarm.seeds for torrent in self._live.values() if torrent.running),
            "total_queued_size": 0,
            "total_wasted_session": 0,
            "use_alt_speed_limits": self.alternative_limits,
            "write_cache_overload": "0",
        }
        if self.generation.since(2, 11) and not self.generation.since(2, 11, 3):
            state["use_subcategories"] = False
        if self.generation.since(2, 16):
            state |= {"queued_tracker_announces": 0, "request_latency": 0, "session_state": False}
        return state

    def limit(self, side: str) -> int:
        """Return the global limit that counts now, `side` being `dl` or `up`; 0 is none."""
        return int(self.preferences[f"alt_{side}_limit" if self.alternative_limits else f"{side}_limit"])

    # --- changing ------------------------------------------------------------------------------------------------

    def touch(self, torrent: SimulatedTorrent) -> None:
        """Take note that a torrent changed."""
        torrent.keep_time(self._now)
        torrent.forget_look()
        for watcher in self.watchers:
            watcher.changed_torrents.add(torrent.hash)
        self._unsettled = True
        if self._may_move(torrent):
            self._live[torrent.hash] = torrent

    def add(self, torrent: SimulatedTorrent) -> None:
        """Take in a torrent; its category and tags come to be."""
        self.torrents[torrent.hash] = torrent
        torrent.added = torrent.added or self._now
        if torrent.category:
            self.categories.setdefault(torrent.category, Category(torrent.category))
        self.tags |= torrent.tags
        for tracker in torrent.trackers:
            self._index_tracker(torrent.hash, tracker.url)
        if not torrent.finished:
            self._queue.append(torrent.hash)
            torrent.position = len(self._queue)
        if torrent.error or any(_below(torrent.save_path, folder) for folder in self.weather.unwritable):
            torrent.error = torrent.error or "Not a directory"
        self.touch(torrent)

    def remove(self, torrent: SimulatedTorrent, *, with_files: bool) -> None:
        """Let go of a torrent."""
        del self.torrents[torrent.hash]
        self._live.pop(torrent.hash, None)
        if torrent.hash in self._queue:
            self._queue.remove(torrent.hash)
        for tracker in torrent.trackers:
            self._unindex_tracker(torrent.hash, tracker.url)
        if with_files:
            self.weather.free_bytes += torrent.completed
        for watcher in self.watchers:
            watcher.changed_torrents.add(torrent.hash)
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
        """Ask the trackers again: those never asked answer."""
        for tracker in torrent.trackers:
            if tracker.status is TrackerStatus.NOT_CONTACTED and torrent.running:
                tracker.status = TrackerStatus.WORKING
        self.touch(torrent)

    def swarm_of(self, torrent: SimulatedTorrent) -> Swarm:
        """Return who else has a torrent that is being added."""
        return replace(self.swarms.get(torrent.hash, self.usual_swarm))

    def start(self, torrent: SimulatedTorrent, *, forced: bool = False) -> None:
        """Start a torrent; an error is tried again, missing files are looked for anew."""
        torrent.stopped, torrent.forced = False, forced
        if torrent.missing_files:
            self.recheck(torrent)
        if not any(_below(torrent.save_path, folder) for folder in self.weather.unwritable):
            torrent.error = ""
        self.announce(torrent)

    def stop(self, torrent: SimulatedTorrent) -> None:
        """Stop a torrent."""
        torrent.stopped = True
        self.touch(torrent)

    def recheck(self, torrent: SimulatedTorrent) -> None:
        """Compare a torrent with its files; missing ones are found to be missing and are fetched again."""
        if not torrent.has_metadata:
            return
        torrent.check_finds = 0.0 if torrent.missing_files else 1.0
        torrent.missing_files = False
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
        for info_hash in hashes:
            if info_hash in self._queue:
                where = place(self._queue, info_hash)
                self._queue.remove(info_hash)
                self._queue.insert(where, info_hash)
        self._unsettled = True

    def set_preferences(self, values: dict[str, Any]) -> None:
        """Change preferences; unknown names are ignored."""
        for name, value in values.items():
            if name in self.preferences:
                self.preferences[name] = accepted_value(self.preferences[name], value)
        self._refresh_view()
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
            left = target - self._now
            if left <= 0:
                break
            moving = list(self._live.values())
            step = min([left, *(max(torrent.seconds_to_event(), 1e-3) for torrent in moving)])
            self._now += step
            self._view.now = self._now
            self._pass(moving, step)
            self._settle()
        self._tick_idle()

    def _pass(self, moving: Iterable[SimulatedTorrent], seconds: float) -> None:
        for torrent in moving:
            before = torrent.downloaded, torrent.uploaded
            torrent.move_on(seconds, self._now)
            down, up = torrent.downloaded - before[0], torrent.uploaded - before[1]
            self.totals.downloaded += down
            self.totals.uploaded += up
            self.totals.downloaded_session += down
            self.totals.uploaded_session += up
            self.weather.free_bytes -= down
            if self.weather.free_bytes <= 0 and not torrent.finished and down:
                self.weather.free_bytes = 0
                torrent.error = "No space left on device"
            self._keep_share_limits(torrent)
            if torrent.hash in self.torrents:
                self.touch(torrent)

    def _tick_idle(self) -> None:
        """Let the counters of torrents that look for peers run in the view of clients, as 4.x does at every poll."""
        if self.generation.since(2, 11) or int(self._now) == self._ticked:
            return
        self._ticked = int(self._now)
        for torrent in self.torrents.values():
            looks = not torrent.finished or torrent.swarm.leechers
            if looks and torrent.running_since and torrent.tick(self._now):
                for watcher in self.watchers:
                    watcher.changed_torrents.add(torrent.hash)

    def _may_move(self, torrent: SimulatedTorrent) -> bool:
        if torrent.check_seconds or torrent.move_seconds:
            return True
        if torrent.download_rate or torrent.upload_rate:
            return True
        if not torrent.running:
            return False
        if not torrent.has_metadata:
            return torrent.swarm.metadata_seconds is not None
        return bool(torrent.wanted_rate() or torrent.offered_rate() or (torrent.finished and self._limited(torrent)))

    def _limited(self, torrent: SimulatedTorrent) -> bool:
        fields = self._limits(torrent)
        return fields[0] >= 0 or fields[1] >= 0

    def _limits(self, torrent: SimulatedTorrent) -> tuple[float, int]:
        ratio = self._view.maximum_ratio if torrent.ratio_limit == DEFAULT_LIMIT else torrent.ratio_limit
        minutes = torrent.seeding_time_limit
        return ratio, self._view.maximum_seeding_time if minutes == DEFAULT_LIMIT else minutes

    def _keep_share_limits(self, torrent: SimulatedTorrent) -> None:
        """Do what is to be done with a torrent that has been shared enough."""
        if not torrent.finished or not torrent.running:
            return
        ratio, minutes = self._limits(torrent)
        enough = 0 <= ratio <= torrent.ratio or 0 <= minutes * 60 <= torrent.seeding_seconds(self._now)
        if not enough:
            return
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

    def _settle(self) -> None:
        """Decide who is queued and how fast everybody goes."""
        if not self._unsettled:
            return
        self._unsettled = False
        self._settle_queue()
        self._live = {key: each for key, each in self._live.items() if key in self.torrents and self._may_move(each)}
        connected = self.weather.connection_status != "disconnected"
        for side in ("download", "upload"):
            wishes = {
                torrent.hash: torrent.wanted_rate() if side == "download" else torrent.offered_rate()
                for torrent in self._live.values()
            }
            limit = self.limit("dl" if side == "download" else "up")
            total = sum(wishes.values())
            share = (min(1.0, limit / total) if limit and total else 1.0) if connected else 0.0
            for torrent in self._live.values():
                rate = int(wishes[torrent.hash] * share)
                if rate != getattr(torrent, f"{side}_rate"):
                    setattr(torrent, f"{side}_rate", rate)
                    self._tell(torrent)
            setattr(self.totals, f"{side}_rate", sum(getattr(each, f"{side}_rate") for each in self._live.values()))

    def _settle_queue(self) -> None:
        self._queue = [each for each in self._queue if each in self.torrents and not self.torrents[each].finished]
        waiting = set(self._queue)
        self._queue += [each for each, torrent in self._live.items() if not torrent.finished and each not in waiting]
        for position, info_hash in enumerate(self._queue, 1):
            self._place(self.torrents[info_hash], position)
        for torrent in list(self._live.values()):
            if torrent.finished:
                self._place(torrent, 0)
        if self.preferences["queueing_enabled"]:
            self._settle_queued()
        elif self._any_queued:
            self._any_queued = False
            for torrent in self.torrents.values():
                self._set_queued(torrent, queued=False)

    _any_queued = False

    def _settle_queued(self) -> None:
        """Let as many run as the preferences allow; forced ones don't count."""
        self._any_queued = True
        slots = {False: self.preferences["max_active_downloads"], True: self.preferences["max_active_uploads"]}
        active = self.preferences["max_active_torrents"]
        unlimited = len(self.torrents)
        slots = {finished: count if count >= 0 else unlimited for finished, count in slots.items()}
        active = active if active >= 0 else unlimited
        for torrent in self._in_queue_order():
            if torrent.stopped or torrent.forced or torrent.error or torrent.missing_files:
                self._set_queued(torrent, queued=False)
                continue
            runs = active > 0 and slots[torrent.finished] > 0
            self._set_queued(torrent, queued=not runs)
            if runs:
                active -= 1
                slots[torrent.finished] -= 1

    def _in_queue_order(self) -> Iterator[SimulatedTorrent]:
        yield from (self.torrents[each] for each in self._queue)
        yield from (torrent for torrent in self.torrents.values() if torrent.finished)

    def _set_queued(self, torrent: SimulatedTorrent, *, queued: bool) -> None:
        if torrent.queued != queued:
            torrent.queued = queued
            self._tell(torrent)
            if self._may_move(torrent):
                self._live[torrent.hash] = torrent

    def _place(self, torrent: SimulatedTorrent, position: int) -> None:
        if torrent.position != position:
            torrent.position = position
            self._tell(torrent)

    def _tell(self, torrent: SimulatedTorrent) -> None:
        """Let clients see a torrent anew, without deciding anything again."""
        torrent.keep_time(self._now)
        torrent.forget_look()
        for watcher in self.watchers:
            watcher.changed_torrents.add(torrent.hash)

    # --- small things --------------------------------------------------------------------------------------------

    def _refresh_view(self) -> None:
        chosen = self.preferences
        self._view.maximum_ratio = chosen["max_ratio"] if chosen["max_ratio_enabled"] else -1
        self._view.maximum_seeding_time = chosen["max_seeding_time"] if chosen["max_seeding_time_enabled"] else -1
        if chosen.get("max_inactive_seeding_time_enabled"):
            self._view.maximum_inactive_seeding_time = chosen["max_inactive_seeding_time"]
        for torrent in getattr(self, "torrents", {}).values():
            if torrent.finished:
                self.touch(torrent)

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
