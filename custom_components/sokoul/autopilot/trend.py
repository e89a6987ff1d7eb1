"""When will a disk be full? Robust enough not to be fooled by one big delete, silent when there is no trend."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from statistics import median

#: A trend needs so many samples over so long a time; older ones say little of what happens now.
FEWEST_SAMPLES = 8
SHORTEST_SPAN = timedelta(days=2)
LONGEST_SPAN = timedelta(days=14)
#: A newest sample older than this is no basis for a date.
FRESH = timedelta(days=1)
#: So many of the pairs of samples must agree that space shrinks.
AGREEMENT = 0.7
#: A date further away than this is guesswork.
HORIZON = timedelta(days=90)
#: All pairs of so many samples are compared.
_MOST_SAMPLES = 60


def full_at(samples: Sequence[Sequence[float]], now: datetime) -> datetime | None:
    """Return when free space will be used up; None when it doesn't shrink steadily, or not soon.

    `samples` are pairs of epoch seconds and free bytes, in any order. The slope is the median of the slopes between
    all pairs (Theil and Sen): up to three samples in ten may be outliers.
    """
    oldest, newest = (now - LONGEST_SPAN).timestamp(), now.timestamp()
    recent = sorted((at, free) for at, free in samples if oldest <= at <= newest)
    if len(recent) < FEWEST_SAMPLES or newest - recent[-1][0] > FRESH.total_seconds():
        return None
    if recent[-1][0] - recent[0][0] < SHORTEST_SPAN.total_seconds():
        return None
    slopes = [
        (free - before) / (at - earlier)
        for (earlier, before), (at, free) in combinations(_thin(recent), 2)
        if at > earlier
    ]
    if not slopes or sum(slope < 0 for slope in slopes) < AGREEMENT * len(slopes):
        return None
    slope = median(slopes)
    at, free = recent[-1]
    seconds = free / -slope - (newest - at) if slope < 0 else None
    if seconds is None or seconds > HORIZON.total_seconds():
        return None
    return datetime.fromtimestamp(newest + max(seconds, 0), UTC)


def _thin(samples: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return evenly spread samples, the first and the last among them."""
    if len(samples) <= _MOST_SAMPLES:
        return samples
    step = (len(samples) - 1) / (_MOST_SAMPLES - 1)
    return [samples[round(index * step)] for index in range(_MOST_SAMPLES)]
