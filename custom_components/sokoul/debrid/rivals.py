"""Another tool that repairs the same account: zurg, decypharr, a script.

Two that repair the same torrents add each of them twice, and delete what the other one waits for. So ours stands back
as soon as it sees another at work: an entry appeared that we didn't add, for a torrent that had failed or vanished.
(New entries of other torrents are what people and *arrs add, and say nothing.) One such torrent can be a person's
doing; two different ones within a day are a tool's, unless a person says otherwise.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.debrid import DebridTorrent
from .retrying import Repair, Step

#: Seen once: ours stands back for so long.
AFTER_ONE = timedelta(hours=6)
#: Seen with several torrents: until nothing of the kind was seen for so long.
AFTER_SEVERAL = timedelta(days=7)
_TOGETHER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An entry that somebody else added for a torrent that needed repair."""

    hash: str
    id: str
    at: datetime  # when it was added, by Real-Debrid's clock
    dismissed: bool = False  # a person says that no tool did it, or that it won't again


def sightings(entries: Iterable[DebridTorrent], repairs: Iterable[Repair]) -> list[Sighting]:
    """Return what others have added while it needed repair, or soon after. What we may just have added is none.

    Nor is what itself waits for its selection: by the time that Real-Debrid writes, it may have been added in an hour.
    """
    known = {repair.hash: repair for repair in repairs if repair.step is not Step.ADDING}
    return [
        Sighting(hash=entry.hash, id=entry.id, at=entry.added_at)
        for entry in entries
        if (repair := known.get(entry.hash)) is not None
        and _matters(repair, entry.added_at)
        and entry.id not in {*repair.old_ids, *repair.known_ids, *repair.our_ids, repair.added_id}
    ]


def _matters(repair: Repair, at: datetime) -> bool:
    """Tell whether it needed repair at a moment, or had just been repaired: what ended long ago is people's again."""
    return at > repair.created_at and (repair.ended_at is None or at - repair.ended_at < _TOGETHER)


def stands_back_until(seen: Collection[Sighting]) -> datetime | None:
    """Return until when nothing of ours begins by itself; None: it was never seen that another one repairs."""
    counted = [each for each in seen if not each.dismissed]
    return max((_until(each, counted) for each in counted), default=None)


def _until(sighting: Sighting, seen: Collection[Sighting]) -> datetime:
    several = any(other.hash != sighting.hash and abs(other.at - sighting.at) <= _TOGETHER for other in seen)
    return sighting.at + (AFTER_SEVERAL if several else AFTER_ONE)


def worth_keeping(seen: Iterable[Sighting], now: datetime) -> list[Sighting]:
    """Return the sightings that can still matter."""
    return [sighting for sighting in seen if now - sighting.at <= AFTER_SEVERAL + _TOGETHER]
