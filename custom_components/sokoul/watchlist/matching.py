"""Which wishes a feed has releases of: told by names, years and numbers, and by the ids that indexers tell.

An id is to be believed here: nobody searched for one, so none was given back. Nothing is fetched on account of this: it
brings about a search, whose policy decides. So it is enough that a release is likely the title's; but one that is known
not to do, or that the last search has seen, must not bring about another.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ..model.library import TitleKind
from ..model.releases import Offer
from ..releases.attributes import Flag, ReleaseName
from ..releases.identify import Certainty, Wanted, identify
from ..releases.names import forms_of, forms_of_all, wider_forms_of, wider_forms_of_all
from ..releases.parse import parse
from ..releases.upgrade import may_be_better
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
    awaited = _by_mark(wishes)
    hits: defaultdict[str, set[str]] = defaultdict(set)
    if not awaited:
        return {}
    for offer in offers:
        release = parse(offer.name)
        if release.is_cam or Flag.EXTRAS in release.flags:
            continue
        marks = {
            *(form for form, _ in forms_of(release)),
            *wider_forms_of(release),
            *(_mark(each, movie=not release.numbering.is_series) for each in offer.ids),
        }
        for each in {one.wish.id: one for mark in marks for one in awaited.get(mark, ())}.values():
            keys = {part.key for part in each.parts if _is_news(offer, release, each, part, now)}
            if keys:
                hits[each.wish.id] |= keys
    return {wish_id: frozenset(keys) for wish_id, keys in hits.items()}


def _by_mark(wishes: Iterable[Wish]) -> Mapping[str, Sequence[_Awaited]]:
    """Return wishes by the names of their titles, as names are compared, and by their ids."""
    by_mark: defaultdict[str, list[_Awaited]] = defaultdict(list)
    for wish in wishes:
        parts = tuple(listened_for(wish))
        if wish.meant is not None and parts:
            each = _Awaited(wish, wish.meant, parts)
            ids = {_mark(each, movie=wish.is_movie) for each in wish.meant.ids}
            for mark in ids | forms_of_all(_names(wish.meant)) | wider_forms_of_all(_names(wish.meant)):
                by_mark[mark].append(each)
    return by_mark


def listened_for(wish: Wish) -> Iterator[Part]:
    """Yield the parts that a feed may bring news of: they are looked for, or something better than what is here."""
    if wish.asked_by != ARR and wish.done_at is None:
        for part in wish.parts:
            better = part.better_until is not None and part.better is None
            if part.state is PartState.SEARCHING or (part.state is PartState.READY and better):
                yield part


def _mark(id_: str, *, movie: bool) -> str:
    """Return an id that is told from that of the other kind: TMDB counts movies and series by themselves."""
    return f"{'movie' if movie else 'series'} {id_}"


def _names(meant: Meant) -> tuple[str, ...]:
    return (meant.name, *meant.names)[:MOST_NAMES]


def _is_news(offer: Offer, release: ReleaseName, awaited: _Awaited, part: Part, now: datetime | None) -> bool:
    """Tell whether an offer is likely a release of a part, one that may do, and that no search has seen."""
    if came_to_nothing(part, offer.name, offer.info_hash) or _was_seen(offer, part, now):
        return False
    if _is_too_little(release, awaited.wish) or _says_other(offer, awaited.meant):
        return False
    if part.state is PartState.READY and not may_be_better(release, part.release):
        return False
    wanted = _wanted(awaited.meant, part)
    if offer.ids & awaited.meant.ids:  # whatever it is called
        wanted = replace(wanted, names=(release.title,), year=None, namesakes=frozenset())
    return identify(release, wanted).certainty >= Certainty.LIKELY


def _is_too_little(release: ReleaseName, wish: Wish) -> bool:
    if not wish.minimum or release.resolution is None or release.resolution_inferred:
        return False
    return release.resolution < wish.minimum


def _says_other(offer: Offer, meant: Meant) -> bool:
    """Tell whether an indexer gives an offer the id of another title."""
    databases = {each.partition(":")[0] for each in meant.ids}
    return not offer.ids & meant.ids and any(each.partition(":")[0] in databases for each in offer.ids)


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
        namesakes=meant.namesakes,
        season=part.season,
        episodes=frozenset() if part.episode is None else frozenset({part.episode}),
        absolute=frozenset() if part.absolute is None else frozenset({part.absolute}),
        aired=None if movie else part.out_on,
        ids=meant.ids,
    )
