"""Which torrents a request of the simulated web API means, and how it writes lists."""

from .qbittorrent_api import ApiError, Call
from .qbittorrent_torrent import SimulatedTorrent


def one(call: Call) -> SimulatedTorrent:
    """Return the torrent of the parameter `hash`."""
    torrent = call.engine.torrents.get(call.text("hash").lower())
    if torrent is None:
        raise ApiError(404)
    return torrent


def several(call: Call, name: str = "hashes") -> list[SimulatedTorrent]:
    """Return the torrents of a parameter, `all` being all; unknown ones are left out."""
    if call.text(name) == "all":
        return list(call.engine.torrents.values())
    hashes = call.text(name).lower().split("|")
    return [call.engine.torrents[each] for each in hashes if each in call.engine.torrents]


def one_or_several(call: Call) -> list[SimulatedTorrent]:
    """Return the torrents of `hash`, which names more than one since 2.11.9."""
    return several(call, "hash") if call.generation.since(2, 11, 9) else [one(call)]


def words(text: str) -> list[str]:
    """Return comma-separated words."""
    return [word.strip() for word in text.split(",") if word.strip()]


def untrimmed(text: str) -> list[str]:
    """Return comma-separated words with the spaces around them, which 4.x keeps when it adds a torrent."""
    return [word for word in text.split(",") if word]
