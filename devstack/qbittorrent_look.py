"""How a torrent of the simulated qBittorrent looks to clients: the fields that each generation has."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from .qbittorrent_torrent import DEFAULT_LIMIT, SimulatedTorrent, SimulatedTracker, TrackerStatus
from .qbittorrent_versions import Generation

ETA_UNKNOWN = 8_640_000
NO_LIMIT = -1
_CONNECTIONS = 100

#: fields of `sync/maindata` that `torrents/info` does not have
ANNOUNCE_FIELDS = ("has_other_announce_error", "has_tracker_error", "has_tracker_warning")


@dataclass(slots=True)
class View:
    """What a torrent's look depends on besides itself: the time and the global limits."""

    now: float = 0.0
    maximum_ratio: float = NO_LIMIT
    maximum_seeding_time: int = NO_LIMIT
    maximum_inactive_seeding_time: int = NO_LIMIT


class Looks:
    """How every torrent looks, kept until it changes: asking again costs nothing."""

    def __init__(self, generation: Generation, view: View) -> None:
        self._generation = generation
        self._view = view
        self._fields: dict[str, dict[str, Any]] = {}
        self._json: dict[str, bytes] = {}

    def forget(self, info_hash: str) -> None:
        """Describe a torrent anew when it is asked for."""
        self._fields.pop(info_hash, None)
        self._json.pop(info_hash, None)

    def fields(self, torrent: SimulatedTorrent) -> dict[str, Any]:
        """Return what `sync/maindata` says of a torrent. The same object until it changes; never change it."""
        described = self._fields.get(torrent.hash)
        if described is None:
            described = self._fields[torrent.hash] = describe(torrent, self._generation, self._view)
        return described

    def json(self, torrent: SimulatedTorrent) -> bytes:
        """Return `fields` as JSON."""
        encoded = self._json.get(torrent.hash)
        if encoded is None:
            encoded = self._json[torrent.hash] = orjson.dumps(self.fields(torrent))
        return encoded

    def tick(self, torrent: SimulatedTorrent) -> bool:
        """Let the counters of a torrent's description run; False when they show the same."""
        old = self._fields.get(torrent.hash)
        if old is None:
            return False
        now = self._view.now
        counters = {"time_active": torrent.active_seconds(now), "seeding_time": torrent.seeding_seconds(now)}
        if all(old[name] == value for name, value in counters.items()):
            return False
        self.forget(torrent.hash)
        self._fields[torrent.hash] = old | counters
        return True


def describe(torrent: SimulatedTorrent, generation: Generation, view: View) -> dict[str, Any]:
    """Return what `sync/maindata` says of a torrent."""
    connected = torrent.running and torrent.has_metadata
    swarm, working = torrent.swarm, _working_tracker(torrent.trackers)
    share = torrent.downloaded or torrent.uploaded
    described: dict[str, Any] = {
        "added_on": int(torrent.added),
        "amount_left": torrent.remaining,
        "auto_tmm": torrent.automatic,
        "availability": _availability(torrent, connected=connected),
        "category": torrent.category,
        "completed": int(torrent.completed),
        "completion_on": int(torrent.completed_at) or generation.never,
        "content_path": torrent.content_path,
        "dl_limit": torrent.download_limit,
        "dlspeed": torrent.download_rate,
        "download_path": "",
        "downloaded": int(torrent.downloaded),
        "downloaded_session": int(torrent.downloaded_session),
        "eta": min(-(-torrent.remaining // torrent.download_rate), ETA_UNKNOWN)
        if torrent.download_rate
        else ETA_UNKNOWN,
        "f_l_piece_prio": torrent.first_last,
        "force_start": torrent.forced and not torrent.stopped,
        "infohash_v1": torrent.hash,
        "infohash_v2": "",
        "last_activity": int(torrent.last_activity or torrent.added),
        "magnet_uri": magnet_of(torrent, generation),
        "max_ratio": view.maximum_ratio if torrent.ratio_limit == DEFAULT_LIMIT else torrent.ratio_limit,
        "max_seeding_time": _effective(torrent.seeding_time_limit, view.maximum_seeding_time),
        "name": torrent.name,
        "num_complete": swarm.seeds if working else 0,
        "num_incomplete": swarm.leechers if working else 0,
        "num_leechs": min(swarm.leechers, 8) if connected and (torrent.upload_rate or swarm.leechers) else 0,
        "num_seeds": min(swarm.seeds, 12) if connected and not torrent.finished else 0,
        "priority": torrent.position,
        "progress": torrent.progress,
        "ratio": torrent.ratio if share else 0,
        "ratio_limit": torrent.ratio_limit,
        "save_path": torrent.save_path,
        "seeding_time": torrent.seeding_seconds(view.now),
        "seeding_time_limit": torrent.seeding_time_limit,
        "seen_complete": int(torrent.complete_seen) or generation.never,
        "seq_dl": torrent.sequential,
        "size": torrent.size,
        "state": torrent.state(generation),
        "super_seeding": torrent.super_seeding,
        "tags": ", ".join(sorted(torrent.tags)),
        "time_active": torrent.active_seconds(view.now),
        "total_size": torrent.total_size,
        "tracker": _tracker_shown(torrent, working, generation),
        "trackers_count": len(torrent.trackers),
        "up_limit": torrent.upload_limit,
        "uploaded": int(torrent.uploaded),
        "uploaded_session": int(torrent.uploaded_session),
        "upspeed": torrent.upload_rate,
    }
    if generation.since(2, 11):
        described |= _described_since_5_0(torrent, view)
    if generation.answers_with_status:
        described |= _described_since_5_2(torrent)
        described |= dict(zip(ANNOUNCE_FIELDS, announce_problems(torrent.trackers), strict=True))
    if generation.since(2, 16):
        described["share_limits_mode"] = torrent.share_limits_mode
    return described


def _described_since_5_0(torrent: SimulatedTorrent, view: View) -> dict[str, Any]:
    months = max((view.now - torrent.added) / (30 * 86400), 1 / 30)
    return {
        "comment": torrent.comment,
        "has_metadata": torrent.has_metadata,
        "inactive_seeding_time_limit": torrent.inactive_seeding_time_limit,
        "max_inactive_seeding_time": _effective(
            torrent.inactive_seeding_time_limit, view.maximum_inactive_seeding_time
        ),
        "popularity": round(torrent.ratio / months, 4) if torrent.uploaded else 0,
        "private": torrent.private if torrent.has_metadata else None,
        "reannounce": 1800 if torrent.trackers and torrent.running else 0,
        "root_path": torrent.content_path if _has_folder(torrent) else "",
    }


def _described_since_5_2(torrent: SimulatedTorrent) -> dict[str, Any]:
    connected = torrent.running and torrent.has_metadata
    return {
        "connections_count": min(torrent.swarm.seeds + torrent.swarm.leechers, 20) if connected else 0,
        "connections_limit": _CONNECTIONS,
        "created_by": torrent.created_by,
        "creation_date": torrent.created_epoch,
        "piece_size": torrent.piece_length if torrent.has_metadata else -1,
        "pieces_have": pieces_have(torrent),
        "pieces_num": pieces(torrent),
        "share_limit_action": torrent.share_limit_action,
        "total_wasted": int(torrent.wasted),
    }


def pieces(torrent: SimulatedTorrent) -> int:
    """Return how many pieces it has; -1 without metadata."""
    return -(-torrent.total_size // torrent.piece_length) if torrent.has_metadata else -1


def pieces_have(torrent: SimulatedTorrent) -> int:
    """Return how many pieces are there."""
    return int(pieces(torrent) * torrent.progress) if torrent.has_metadata else 0


def announce_problems(trackers: Collection[SimulatedTracker]) -> tuple[bool, bool, bool]:
    """Return whether a tracker can't be reached, answered with an error, works with a warning."""
    unreachable = {TrackerStatus.NOT_WORKING, TrackerStatus.UNREACHABLE}
    return (
        any(tracker.status in unreachable for tracker in trackers),
        any(tracker.status is TrackerStatus.ERROR for tracker in trackers),
        any(tracker.status is TrackerStatus.WORKING and tracker.message for tracker in trackers),
    )


def _working_tracker(trackers: Iterable[SimulatedTracker]) -> str:
    return next((tracker.url for tracker in trackers if tracker.status is TrackerStatus.WORKING), "")


def _tracker_shown(torrent: SimulatedTorrent, working: str, generation: Generation) -> str:
    """Return the tracker in use: since 5.2 the first one stands in while none works."""
    if working and torrent.running:
        return working
    return torrent.trackers[0].url if torrent.trackers and generation.answers_with_status else ""


def _availability(torrent: SimulatedTorrent, *, connected: bool) -> float:
    if torrent.finished:
        return -1 if torrent.running else 0
    if not torrent.has_metadata:
        return 0
    others = torrent.swarm.availability if connected else 0.0
    return round(others + torrent.progress, 3) or 0


def _effective(own: int, common: int) -> int:
    return common if own == DEFAULT_LIMIT else own


def _has_folder(torrent: SimulatedTorrent) -> bool:
    return torrent.has_metadata and bool(torrent.files) and "/" in torrent.files[0].path


def magnet_of(torrent: SimulatedTorrent, generation: Generation) -> str:
    """Return a torrent's magnet link, spelled as this generation does."""
    escapes = quote if generation.since(2, 11) else _quote_small
    link = f"magnet:?xt=urn:btih:{torrent.hash}&dn={escapes(torrent.name, safe='')}"
    if generation.since(2, 16) and torrent.has_metadata:
        link += f"&xl={torrent.total_size}"
    return link + "".join(f"&tr={escapes(tracker.url, safe='')}" for tracker in torrent.trackers)


def _quote_small(text: str, safe: str = "") -> str:
    """Percent-encode with small letters, as libtorrent before 2.0.9 does."""
    return "".join(
        char if char.isascii() and quote(char, safe=safe) == char else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in text
    )
