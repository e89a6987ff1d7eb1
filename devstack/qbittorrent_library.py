"""Torrents to fill a simulated qBittorrent with: one in every state, or ten thousand believable ones."""

from collections.abc import Iterator
from enum import StrEnum
import random
from typing import Any

from .qbittorrent_engine import hash_of
from .qbittorrent_torrent import SimulatedFile, SimulatedTorrent, SimulatedTracker, Swarm
from .titles import ADJECTIVES, GROUPS, NOUNS

_MEBIBYTE = 1024 * 1024
_DAY = 86400

TRACKERS = (
    "http://tracker.lanternfish.example:6969/announce",
    "udp://open.tideline.example:1337/announce",
    "https://private.northgate.example/announce/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
)


class Behaviour(StrEnum):
    """What a torrent does from the moment that it is added."""

    DOWNLOADING = "downloading"
    STALLED = "stalled"  # nobody sends anything
    METADATA = "metadata"  # a magnet that never gets its metadata
    QUEUED = "queued"  # waits; needs queueing to be enabled, or it downloads
    STOPPED = "stopped"
    ERROR = "error"
    MISSING_FILES = "missing_files"
    CHECKING = "checking"  # then goes on as it was
    MOVING = "moving"  # likewise
    SEEDING = "seeding"  # somebody takes data
    IDLE = "idle"  # complete, nobody takes anything
    COMPLETED = "completed"  # complete and stopped


_COMPLETE = {Behaviour.SEEDING, Behaviour.IDLE, Behaviour.COMPLETED, Behaviour.MISSING_FILES, Behaviour.MOVING}
_TRANSFERS = {Behaviour.DOWNLOADING, Behaviour.QUEUED, Behaviour.CHECKING}


def make(
    name: str,
    behaviour: Behaviour,
    *,
    size_bytes: int = 1_500_000_000,
    progress: float | None = None,
    rate: float = 5_000_000.0,
    save_path: str = "/downloads",
    info_hash: str = "",
    files: tuple[tuple[str, int], ...] = (),
    trackers: tuple[str, ...] = (TRACKERS[0],),
    **attributes: Any,
) -> SimulatedTorrent:
    """Return a torrent that behaves so. `rate` is in bytes per second; `attributes` are those of `SimulatedTorrent`."""
    parts = files or ((name, size_bytes),)
    total = sum(size for _, size in parts)
    complete = behaviour in _COMPLETE
    share = progress if progress is not None else float(complete)
    share = 0.0 if behaviour is Behaviour.METADATA else share
    torrent = SimulatedTorrent(
        hash=(info_hash or hash_of(name)).lower(),
        name=name,
        files=[SimulatedFile(path=path, size_bytes=size) for path, size in parts],
        has_metadata=behaviour is not Behaviour.METADATA,
        trackers=[SimulatedTracker(url=url, tier=tier) for tier, url in enumerate(trackers)],
        save_path=save_path,
        completed=total * share,
        downloaded=total * share,
        stopped=behaviour in {Behaviour.STOPPED, Behaviour.COMPLETED},
        swarm=_swarm(behaviour, rate),
        error="file_open: Permission denied" if behaviour is Behaviour.ERROR else "",
        missing_files=behaviour is Behaviour.MISSING_FILES,
        check_seconds=30.0 if behaviour is Behaviour.CHECKING else 0.0,
        move_seconds=30.0 if behaviour is Behaviour.MOVING else 0.0,
    )
    for attribute, value in attributes.items():
        if not hasattr(torrent, attribute):
            raise TypeError(f"a torrent has no {attribute}")
        setattr(torrent, attribute, value)
    return torrent


def _swarm(behaviour: Behaviour, rate: float) -> Swarm:
    if behaviour in _TRANSFERS:
        return Swarm(rate=rate, seeds=24, leechers=9, availability=6.0)
    if behaviour is Behaviour.SEEDING:
        return Swarm(rate=rate, demand=rate / 4, seeds=18, leechers=7, availability=5.0)
    if behaviour in _COMPLETE:
        return Swarm(rate=rate, seeds=18, leechers=0, availability=5.0)
    if behaviour is Behaviour.STOPPED:
        return Swarm(rate=rate, seeds=12, leechers=3, availability=4.0)
    return Swarm(leechers=1)


def many(count: int, seed: int, now: float, root: str = "/data/torrents") -> Iterator[SimulatedTorrent]:
    """Yield a library's worth of torrents, the same ones for the same count, seed and time.

    Nine in ten are complete and most of those idle; one in a hundred downloads; there are some of every trouble.
    """
    chance = random.Random(seed)
    kinds = list(_MIX)
    weights = list(_MIX.values())
    for number in range(count):
        behaviour = chance.choices(kinds, weights)[0]
        series = chance.random() < 0.4  # noqa: PLR2004 -- two in five are episodes
        name = _series_name(chance) if series else _movie_name(chance)
        size = int(chance.lognormvariate(7.6 if not series else 6.8, 0.8)) * _MEBIBYTE + chance.randrange(_MEBIBYTE)
        private = chance.random() < 0.3  # noqa: PLR2004 -- so many come from private trackers
        category = "sonarr" if series else "radarr"
        added = now - chance.uniform(0.1, 700) * _DAY
        torrent = make(
            name,
            behaviour,
            info_hash=hash_of(f"{seed}/{number}"),
            files=((f"{name}/{name}.mkv", size), (f"{name}/{name}.nfo", 3_210))
            if number % 3
            else ((f"{name}.mkv", size),),
            progress=None if behaviour in _COMPLETE else round(chance.random() * 0.95, 3),
            rate=float(chance.randrange(100_000, 6_000_000)),
            trackers=(TRACKERS[2],) if private else TRACKERS[: chance.randrange(1, 3)],
            save_path=f"{root}/{category}",
            category=category,
            private=private,
            added=added,
            tags={chance.choice(_TAGS)} if chance.random() < 0.15 else set(),  # noqa: PLR2004 -- few are tagged
        )
        if torrent.finished:
            torrent.completed_at = min(added + chance.uniform(0.01, 2) * _DAY, now)
            torrent.complete_seen = torrent.completed_at
            torrent.uploaded = torrent.downloaded * chance.expovariate(1.2)
            torrent.active_before = torrent.seeding_before = now - torrent.completed_at
        torrent.last_activity = torrent.completed_at or added
        yield torrent


_MIX = {
    Behaviour.IDLE: 780,
    Behaviour.SEEDING: 8,
    Behaviour.COMPLETED: 130,
    Behaviour.DOWNLOADING: 10,
    Behaviour.STALLED: 35,
    Behaviour.STOPPED: 22,
    Behaviour.METADATA: 5,
    Behaviour.ERROR: 5,
    Behaviour.MISSING_FILES: 5,
}
_TAGS = ("cross-seed", "Keep", "noHL", "autobrr", "4k")
_SOURCES = ("1080p.WEB-DL.DDP5.1.H.264", "1080p.BluRay.DTS.x264", "2160p.WEB-DL.DV.HDR.DDP5.1.H.265", "720p.HDTV.x264")


def _movie_name(chance: random.Random) -> str:
    words = f"The.{chance.choice(ADJECTIVES)}.{chance.choice(NOUNS)}"
    return f"{words}.{chance.randrange(1960, 2027)}.{chance.choice(_SOURCES)}-{chance.choice(GROUPS)}"


def _series_name(chance: random.Random) -> str:
    words = f"{chance.choice(ADJECTIVES)}.{chance.choice(NOUNS)}"
    number = f"S{chance.randrange(1, 9):02}E{chance.randrange(1, 25):02}" if chance.random() < 0.8 else "S02"  # noqa: PLR2004 -- the rest are season packs
    return f"{words}.{number}.{chance.choice(_SOURCES)}-{chance.choice(GROUPS)}"
