"""Which wishes a feed has releases of: told by names, years and numbers alone.

Nothing is fetched on account of this: it brings about a search, whose policy decides. So it is enough that a release is
likely the title's; but one that is known not to do, or that the last search has seen, must not bring about another.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..model.library import TitleKind
from ..model.releases import Offer
from ..releases.attributes import ReleaseName
from ..releases.identify import Certainty, Wanted, identify, normal
from ..releases.parse import parse
from .items import ARR, Meant, Part, PartState, Wish
from .outcomes import came_to_nothing

#: An indexer may offer something so long after it was published.
INDEXED_WITHIN: Final = timedelta(minutes=30)
#: Of each title so many names are looked at.
MOST_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class _Awaited:
    wish: Wish
    meant: Meant
    parts: tuple[Part, ...]  # that are looked for


def matching(
    offers: Iterable[Offer], wishes: Iterable[Wish], now: datetime | None = None
) -> Mapping[str, frozenset[str]]:
    """Return the keys of parts that offers are releases of, by the ids of their wishes.

    Only parts count that are looked for. What was published before the last search for a part is no news; how long ago
    that was counts from `now`, without which it isn't asked. Takes milliseconds for thousands of names: not for an
    event loop.
    """
    awaited = _by_name(wishes)
    hits: defaultdict[str, set[str]] = defaultdict(set)
    if not awaited:
        return {}
    for offer in offers:
        release = parse(offer.name)
        if release.is_cam:
            continue
        for each in {id(one): one for name in _names_of(release) for one in awaited.get(name, ())}.values():
            keys = {part.key for part in each.parts if _is_news(offer, release, each, part, now)}
            if keys:
                hits[each.wish.id] |= keys
    return {wish_id: frozenset(keys) for wish_id, keys in hits.items()}


def _by_name(wishes: Iterable[Wish]) -> Mapping[str, Sequence[_Awaited]]:
    """Return wishes by the names of their titles, as names are compared."""
    by_name: defaultdict[str, list[_Awaited]] = defaultdict(list)
    for wish in wishes:
        if wish.meant is None or wish.done or wish.asked_by == ARR:
            continue
        parts = tuple(part for part in wish.parts if part.state is PartState.SEARCHING)
        if parts:
            each = _Awaited(wish, wish.meant, parts)
            for name in {_plain(name) for name in _names(wish.meant)} - {""}:
                by_name[name].append(each)
    return by_name


def _names(meant: Meant) -> tuple[str, ...]:
    return (meant.name, *meant.names)[:MOST_NAMES]


def _names_of(release: ReleaseName) -> Iterator[str]:
    """Yield what a release may be called: "Wonder Woman 1984" reads as if it were of 1984."""
    for title in (release.title, *release.other_titles):
        yield _plain(title)
        if release.year is not None:
            yield _plain(f"{title} {release.year}")


def _plain(name: str) -> str:
    return normal(name).removesuffix(" part 1")


def _is_news(offer: Offer, release: ReleaseName, awaited: _Awaited, part: Part, now: datetime | None) -> bool:
    """Tell whether an offer is likely a release of a part, one that may do, and that no search has seen."""
    if came_to_nothing(part, offer.name, offer.info_hash) or _was_seen(offer, part, now):
        return False
    minimum = awaited.wish.minimum
    if minimum is not None and release.resolution is not None and release.resolution < minimum:
        return False
    return identify(release, _wanted(awaited.meant, part), offer.ids).certainty >= Certainty.LIKELY


def _was_seen(offer: Offer, part: Part, now: datetime | None) -> bool:
    if now is None or offer.age is None or part.searched_at is None:
        return False
    return now - offer.age + INDEXED_WITHIN < part.searched_at


def _wanted(meant: Meant, part: Part) -> Wanted:
    movie = part.season is None or part.episode is None
    return Wanted(
        kind=TitleKind.MOVIE if movie else TitleKind.EPISODE,
        names=_names(meant),
        year=meant.year,
        season=part.season,
        episodes=frozenset() if part.episode is None else frozenset({part.episode}),
        aired=None if movie else part.out_on,
        ids=meant.ids,
    )
