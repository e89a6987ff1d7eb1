"""Quarantine: a torrent is set aside so that it can be taken back as it was, within seconds and without a byte lost.

It gets a category of its own, so that no *arr tracks it, imports it or removes it, and a tag. What it was before is
noted first. Each step can be repeated, so an interruption between any two of them is mended by doing it all again.
"""

from collections.abc import Mapping
from typing import Any

from ..model.downloads import DownloadState, Torrent
from .ownership import QUARANTINE, Claims
from .ports import TorrentHands

#: So much may still have arrived after a torrent was noted, until it was stopped.
_AT_WORST_BYTES = 256 * 1024**2

_RESTING = frozenset({DownloadState.STOPPED, DownloadState.COMPLETED})


def note(torrent: Torrent, *, private: bool | None) -> dict[str, Any]:
    """Return, for the journal, what a torrent is before it is set aside.

    One that is finished or private seeds on: it is not stopped. `private` is what others say; the torrent knows best.
    """
    private = torrent.private if torrent.private is not None else private
    return {
        "hash": torrent.hash,
        "category": torrent.category,
        "tags": sorted(torrent.tags),
        "automatic": torrent.automatic,
        "save_path": torrent.save_path,
        "content_path": torrent.content_path,
        "ran": torrent.state not in _RESTING,
        "stop": not (torrent.finished or private is not False),
        "deletable": not torrent.finished and private is False,
        "have_bytes": torrent.size_bytes - torrent.remaining_bytes,
    }


async def hold(client: TorrentHands, noted: Mapping[str, Any]) -> None:
    """Mark a torrent as one that is to be set aside, and let it rest: the first step of that."""
    hashes = [noted["hash"]]
    await client.add_tags(hashes, [QUARANTINE])
    if noted["stop"]:
        await client.stop(hashes)


async def set_aside(client: TorrentHands, noted: Mapping[str, Any]) -> None:
    """Put a torrent into quarantine. Turning automatic management off first keeps its files where they are."""
    await hold(client, noted)
    hashes = [noted["hash"]]
    if noted["automatic"]:
        await client.set_automatic(hashes, False)
    await client.ensure_category(QUARANTINE)
    await client.set_category(hashes, QUARANTINE)


async def take_back(client: TorrentHands, noted: Mapping[str, Any], *, start: bool = True) -> None:
    """Put a torrent back as it was. The tag goes last: until then it is known to be unfinished business.

    A category that was deleted meanwhile gets the path of what follows it, else its files would be moved. `start`: let
    what ran run again.
    """
    hashes = [noted["hash"]]
    if noted["category"]:
        await client.ensure_category(noted["category"], noted["save_path"] if noted["automatic"] else "")
    await client.set_category(hashes, noted["category"])
    if noted["automatic"]:
        await client.set_automatic(hashes, True)
    if noted["ran"] and start:
        await client.start(hashes)
    if QUARANTINE not in noted["tags"]:
        await client.remove_tags(hashes, [QUARANTINE])


def is_left_alone(torrent: Torrent, noted: Mapping[str, Any], claims: Claims) -> bool:
    """Tell whether a torrent rests in quarantine as it was put there, and nobody took it in hand or claims it since."""
    if not is_set_aside(torrent) or torrent.forced or torrent.state is not DownloadState.STOPPED:
        return False
    if torrent.hash in claims.keys or claims.label_of({noted["category"], *torrent.tags} - {QUARANTINE}):
        return False
    at_most: int = noted["have_bytes"] + _AT_WORST_BYTES
    return torrent.size_bytes - torrent.remaining_bytes <= at_most


def is_marked(torrent: Torrent) -> bool:
    """Tell whether a torrent is in quarantine, or half-way there or back."""
    return is_set_aside(torrent) or QUARANTINE in torrent.tags


def is_set_aside(torrent: Torrent) -> bool:
    """Tell whether a torrent is in quarantine."""
    return torrent.category == QUARANTINE
