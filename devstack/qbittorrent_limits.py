"""Limits of the simulated qBittorrent: how much is shared of a torrent, and how rates are shared among torrents."""

from collections.abc import Collection, Iterator
from typing import Literal

from .qbittorrent_look import View
from .qbittorrent_torrent import DEFAULT_LIMIT, SimulatedTorrent

#: `max_ratio_act`, in the words of `shareLimitAction`
LIMIT_ACTIONS = {0: "Stop", 1: "Remove", 2: "EnableSuperSeeding", 3: "RemoveWithContent"}

type Side = Literal["download", "upload"]


def share_limits(torrent: SimulatedTorrent, view: View) -> tuple[float, int]:
    """Return the ratio and the seeding time (minutes) that count for a torrent; negative is none."""
    ratio, minutes = torrent.ratio_limit, torrent.seeding_time_limit
    return (
        view.maximum_ratio if ratio == DEFAULT_LIMIT else ratio,
        view.maximum_seeding_time if minutes == DEFAULT_LIMIT else minutes,
    )


def limited(torrent: SimulatedTorrent, view: View) -> bool:
    """Tell whether any share limit counts for a torrent."""
    return max(share_limits(torrent, view)) >= 0


def shared_enough(torrent: SimulatedTorrent, view: View) -> bool:
    """Tell whether a torrent has reached one of its share limits."""
    if not torrent.finished or not torrent.running:
        return False
    ratio, minutes = share_limits(torrent, view)
    return 0 <= ratio <= torrent.ratio or 0 <= minutes * 60 <= torrent.seeding_seconds(view.now)


def seconds_to_limit(torrent: SimulatedTorrent, view: View) -> float:
    """Return in how many seconds a torrent reaches a share limit at its present rate."""
    if not torrent.finished or not torrent.running:
        return float("inf")
    ratio, minutes = share_limits(torrent, view)
    waits = []
    if ratio >= 0 and torrent.upload_rate:
        waits.append((ratio * (torrent.downloaded or torrent.completed) - torrent.uploaded) / torrent.upload_rate)
    if minutes >= 0:
        waits.append(minutes * 60 - torrent.seeding_seconds(view.now))
    return min((wait for wait in waits if wait > 0), default=float("inf"))


def share_rates(torrents: Collection[SimulatedTorrent], side: Side, limit: int | None) -> Iterator[SimulatedTorrent]:
    """Set the rates of all that move, in bytes per second; yields those whose rate changes.

    Everybody gets the same share of what they would take without `limit` (0: no limit; None: nothing moves).
    """
    wishes = [torrent.wanted_rate() if side == "download" else torrent.offered_rate() for torrent in torrents]
    total = sum(wishes)
    share = 0.0 if limit is None else min(1.0, limit / total) if limit and total else 1.0
    for torrent, wish in zip(torrents, wishes, strict=True):
        rate = int(wish * share)
        if side == "download" and torrent.download_rate != rate:
            torrent.download_rate = rate
            yield torrent
        elif side == "upload" and torrent.upload_rate != rate:
            torrent.upload_rate = rate
            yield torrent
