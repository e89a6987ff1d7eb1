"""What the rules about swarms have in common: stalled, without metadata, slow."""

from datetime import datetime, timedelta
from itertools import chain

from ...model.downloads import FAILING_TRACKER, DownloadState, TrackerStatus
from ...model.journal import ActKind
from .arrs import is_away, waiting
from .base import Case, Later, Look, Sign, Step

#: In these states a torrent waits for its client, or does what is not fetching: that says nothing of its swarm.
#: Nor does a state that only a newer client has.
_MUTE = frozenset(
    {
        DownloadState.CHECKING,
        DownloadState.MOVING,
        DownloadState.QUEUED,
        DownloadState.STOPPED,
        DownloadState.UNKNOWN,
    }
)

#: A torrent whose title came out so long ago, or which had so few seeds when it was grabbed, is hard to replace.
RARE_AFTER = timedelta(days=730)
RARE_BELOW_SEEDS = 5

#: What has to be known before a torrent is given up.
BEFORE_GIVING_UP = frozenset({Look.ORIGIN, Look.PRIVACY, Look.TITLES})
#: And before the swarm is blamed for it.
BEFORE_BLAMING = BEFORE_GIVING_UP | {Look.TRACKERS}

#: When something else stands in the way, it is looked at again after this.
ASK_AGAIN = timedelta(hours=1)


def sign_in(case: Case, *states: DownloadState) -> Sign:
    """Return whether a torrent that is not finished is in one of these states; usenet has no swarm."""
    torrent = case.download.torrent
    if torrent is None or torrent.finished:
        return Sign.NO
    if torrent.state in states:
        return Sign.YES
    return Sign.HOLD if torrent.state in _MUTE else Sign.NO


def is_rare(case: Case) -> bool:
    """Whether what is given up may be hard to find again; also when nobody knows how old it is."""
    seeds = case.memory.first_seeds if case.facts.grabbed_seeds is None else case.facts.grabbed_seeds
    if seeds is not None and seeds < RARE_BELOW_SEEDS:
        return True
    titles = chain.from_iterable((case.facts.titles or {}).values())
    dates = [title.released_on for title in titles if title.released_on is not None]
    return not dates or case.now.date() - min(dates) > RARE_AFTER


def arrived(case: Case) -> float:
    """Return the share of a torrent's bytes that is here; 0 while its size is not known."""
    torrent = case.download.torrent
    return 1 - torrent.remaining_bytes / torrent.size_bytes if torrent and torrent.size_bytes else 0.0


def is_careful(case: Case) -> bool:
    """Whether giving it up may cost more than time: it is rare, or not known to be public."""
    return is_rare(case) or case.facts.is_private is not False


def is_shared(case: Case) -> bool:
    """Whether several *arrs wait for it: another release is found for one of them, the others would go without."""
    return len({claim.backend_id for claim in waiting(case)}) > 1


def tracker_is_down(case: Case) -> bool:
    """Whether it can find nobody because of a tracker that fails for others, too, and none of its trackers works."""
    used = [tracker for tracker in case.facts.trackers or () if tracker.status is not TrackerStatus.DISABLED]
    return all(tracker.status in FAILING_TRACKER for tracker in used) and any(
        tracker.host in case.around.failing_trackers for tracker in used
    )


def hindrance(case: Case, elapsed: timedelta, last_copy: timedelta) -> Later | None:
    """Return when to ask again if what speaks against giving a torrent up now is not the torrent's own.

    Somebody had a complete copy lately; its *arr is away; the one tracker of a private torrent fails for others, too.
    A public torrent has other ways to find people, so there a tracker only counts as a reason to be careful.
    """
    if seen := complete_copy_within(case, last_copy):
        return Later(elapsed + last_copy - (case.now - seen))
    away = is_away(case, waiting(case))
    if away or (tracker_is_down(case) and case.facts.is_private is not False):
        return Later(elapsed + ASK_AGAIN)
    return None


def complete_copy_within(case: Case, span: timedelta) -> datetime | None:
    """Return when a complete copy was last in sight, if that is not longer ago than `span`."""
    torrent = case.download.torrent
    seen = torrent.complete_seen_at if torrent else None
    return seen if seen is not None and case.now - seen < span else None


def reannounce(after: timedelta) -> tuple[Step, Step]:
    """Ask the trackers again: a private one once in a spell, it counts its announces; others now and then."""
    return (
        Step(act=ActKind.REANNOUNCE, after=after, fits=lambda case: case.facts.is_private is not False),
        Step(
            act=ActKind.REANNOUNCE,
            after=after,
            times=4,
            apart=timedelta(minutes=30),
            fits=lambda case: case.facts.is_private is False,
        ),
    )
