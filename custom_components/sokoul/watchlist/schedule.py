"""When something can be had at home, and how often it is looked for: dates and pauses, nothing else.

Days are days of UTC: catalogues don't tell whose they mean. A pause is stretched a little by the wish's id, so that
what was asked for at the same time isn't looked for at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zlib import crc32

from ..model.catalogue import CatalogueEpisode
from .items import Dates, Out, Part, Wish

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

#: Nobody tells when a film comes home: so long after the cinemas; and from then on it is looked for, rarely.
GUESS: Final = timedelta(days=90)
EARLY: Final = timedelta(days=45)
#: A date at home that is so long after the premiere is that of another edition.
WINDOW: Final = timedelta(days=730)
#: An episode is offered so long after it began; where only its day is known, that begins at noon.
AFTER_AIRING: Final = timedelta(minutes=30)
DAY_OF_AIRING: Final = time(12, tzinfo=UTC)
#: What is out for so long and was not found yet won't be offered within the hour.
OLD: Final = timedelta(days=30)
#: Between searches in vain: after the first, the second ...; the last one counts for all that follow.
SOON: Final = (
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY,) * 14,
    *(3 * _DAY,) * 10,
    7 * _DAY,
)
RARELY: Final = (_DAY, *(3 * _DAY,) * 4, 7 * _DAY)
#: For something better than what can be watched: so long, and with these pauses.
BETTER_WITHIN: Final = 28 * _DAY
BETTER: Final = (*(_DAY,) * 7, 7 * _DAY)
#: After something that went wrong.
TRY_AGAIN: Final = (timedelta(minutes=5), timedelta(minutes=15), _HOUR, 3 * _HOUR, 6 * _HOUR, _DAY)
#: After searches that brought nothing and to which somebody gave no answer; after these they count as in vain.
UNANSWERED: Final = TRY_AGAIN[:-1]
#: By so much of itself a pause is stretched at most; and so long after something came out the first search is begun.
_STRETCH: Final = 0.1
_FIRST_WITHIN: Final = timedelta(minutes=15)
#: Between a search and the next one that a feed brings about.
_AFTER_HIT: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """When something can be had at home. `at` is the moment from which it is looked for; None: it is not."""

    on: date | None = None
    out: Out | None = None
    at: datetime | None = None


def release_of_movie(wish: Wish, dates: Dates, now: datetime) -> Release:
    """Tell when a movie can be had. One of whose dates nothing is known is looked for if its year has come."""
    year = wish.meant.year if wish.meant is not None else None
    at_home = [(on, out) for on, out in ((dates.digital, Out.DIGITAL), (dates.physical, Out.PHYSICAL)) if on]
    if at_home:
        on, out = min(at_home)
        premiere = dates.cinema or (date(year, 12, 31) if year is not None and year >= 1 else on)
        if on <= _later(premiere, WINDOW):
            return Release(on=on, out=out, at=_midnight(on))
    if dates.cinema is not None:
        return Release(on=_later(dates.cinema, GUESS), out=Out.GUESSED, at=_midnight(_later(dates.cinema, EARLY)))
    return Release(at=wish.asked_at if year is None or year <= now.year else None)


def releases_of_episodes(episodes: Sequence[CatalogueEpisode]) -> dict[tuple[int, int], Release]:
    """Tell when episodes can be had, by season and number.

    One without a date is out when a later one of its season is: catalogues forget some.
    """
    releases: dict[tuple[int, int], Release] = {}
    season: int | None = None
    later: datetime | None = None
    for each in sorted(episodes, key=lambda episode: (episode.season, episode.episode), reverse=True):
        if each.season != season:
            season, later = each.season, None
        release = _release_of_episode(each)
        if release.on is None:
            release = Release(at=later if each.season else None)  # specials are in no order
        else:
            later = release.at if later is None or release.at is None else min(later, release.at)
        releases[each.season, each.episode] = release
    return releases


def _release_of_episode(episode: CatalogueEpisode) -> Release:
    if episode.airs_at is not None:
        return Release(on=episode.aired_on, out=Out.AIRED, at=_moved(episode.airs_at, AFTER_AIRING))
    if episode.airs_on is not None:
        return Release(on=episode.airs_on, out=Out.AIRED, at=datetime.combine(episode.airs_on, DAY_OF_AIRING))
    return Release()


def is_out(part: Part, now: datetime) -> bool:
    """Tell whether a part is to be looked for by now."""
    return part.out_at is not None and part.out_at <= now


def next_search(wish: Wish, part: Part) -> datetime | None:
    """Return when a part is to be looked for next, which may be over; None: nobody knows when it comes out."""
    if part.out_at is None:
        return None
    before = part.searched_at
    if before is None or before < counts_from(part):
        due = counts_from(part) if before is not None else part.out_at
        due = due if due <= wish.asked_at else _moved(due, _FIRST_WITHIN * _share(wish.id))
    else:
        due = _moved(before, pause_of(part, wish.id))
    if part.hit_at is not None and (before is None or part.hit_at > before):
        due = min(due, part.hit_at if before is None else max(part.hit_at, before + _AFTER_HIT))
    return max(due, part.out_at)


def next_better(wish: Wish, part: Part) -> datetime | None:
    """Return when a better release of what can be watched is to be looked for next; None: it isn't any more."""
    if part.better_until is None or part.ready_at is None or part.better is not None:
        return None
    before = max(part.ready_at, part.searched_at or part.ready_at)
    due = _moved(before, stretched(pause(BETTER, part.looks + 1), wish.id))
    if part.hit_at is not None and part.hit_at > before:
        due = min(due, max(part.hit_at, before + _AFTER_HIT))
    return due if due < part.better_until else None


def counts_from(part: Part) -> datetime:
    """Return from when on searches count as in vain: earlier ones were made on the chance."""
    return max(each for each in (part.out_at, _midnight(part.out_on)) if each is not None)


def pause_of(part: Part, wish_id: str) -> timedelta:
    """Return how long to wait after the last search for a part; who looked for all of its season soon looks for it."""
    if is_made_again(part):
        return stretched(pause(UNANSWERED, part.unanswered), wish_id)
    if part.season_at is not None and part.season_at == part.searched_at:
        return stretched(SOON[0], wish_id)
    guessed = part.out_on is None or part.out is Out.GUESSED
    old = part.out_at is not None and part.searched_at is not None and part.searched_at - part.out_at > OLD
    return stretched(pause(RARELY if guessed or old else SOON, part.searches), wish_id)


def is_made_again(part: Part) -> bool:
    """Tell whether the last search for a part is made again soon, because somebody gave no answer to it."""
    return 0 < part.unanswered <= len(UNANSWERED)


def pause(pauses: Sequence[timedelta], count: int) -> timedelta:
    """Return the pause after so many times in vain."""
    return pauses[min(max(count, 1), len(pauses)) - 1]


def stretched(length: timedelta, wish_id: str) -> timedelta:
    """Return a pause that differs a little from wish to wish."""
    return length * (1 + _STRETCH * _share(wish_id))


def next_look(wish_id: str, every: timedelta, now: datetime) -> datetime:
    """Return the next of the moments at which a wish is looked at every so often: the same until it has come."""
    begin = datetime(2000, 1, 1, tzinfo=UTC) + every * _share(wish_id)
    return begin + every * ((now - begin) // every + 1)


def _share(wish_id: str) -> float:
    return crc32(wish_id.encode(errors="replace")) / 2**32


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(0, tzinfo=UTC))


def _later(day: date, by: timedelta) -> date:
    """Return a day after another; catalogues know dates of the year 9999."""
    return day + by if day < date.max - by else date.max


def _moved(moment: datetime, by: timedelta) -> datetime:
    latest = datetime.max.replace(tzinfo=UTC) - 2 * _DAY
    return moment + by if moment < latest - by else latest
