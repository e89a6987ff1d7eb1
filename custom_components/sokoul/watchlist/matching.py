"""Which wishes the releases of a feed are of: what is searched for at once, whatever it waits for.

A feed tells of a hundred releases that nobody asked for, so most are told apart by a look at their names. What a
release is called decides, and where an indexer tells the id of its title, that does: nobody searched for one. Whether
it is any good the search finds out; only what can't be is left out here.
"""

from collections.abc import Iterable, Iterator, Sequence
import re

from ..model.library import TitleKind
from ..model.releases import Offer
from ..releases.attributes import Numbering, ReleaseName
from ..releases.identify import Certainty, Wanted, identify, normal
from ..releases.parse import parse
from .items import Meant, Part, PartState, Wish
from .outcomes import came_to_nothing

_YEAR = re.compile(r"\s*\((?:19|20)\d\d\)\s*$")


def matching(offers: Iterable[Offer], wishes: Sequence[Wish]) -> dict[str, frozenset[str]]:
    """Return the keys of the parts that releases are of, by the id of their wish. It takes a thread's time."""
    by_name: dict[str, list[Wish]] = {}
    by_id: dict[str, list[Wish]] = {}
    for wish in wishes:
        if wish.meant is not None:
            by_name.setdefault(_plain(wish.meant.name), []).append(wish)
            for each in wish.meant.ids:
                by_id.setdefault(_of_kind(wish.meant.kind, each), []).append(wish)
    found: dict[str, set[str]] = {}
    for offer in offers:
        release = parse(offer.name)
        if release.is_cam:
            continue
        names = set(_names(release))
        kind = TitleKind.SERIES if release.numbering.is_series else TitleKind.MOVIE
        ids = {_of_kind(kind, each) for each in offer.ids}
        maybe = {
            wish.id: wish
            for index, keys in ((by_name, names), (by_id, ids))
            for key in keys
            for wish in index.get(key, ())
        }
        for wish in maybe.values():
            if keys_of := _keys(offer, release, wish):
                found.setdefault(wish.id, set()).update(keys_of)
    return {wish_id: frozenset(keys) for wish_id, keys in found.items()}


def _names(release: ReleaseName) -> Iterator[str]:
    for title in (release.title, *release.other_titles):
        yield _plain(title)
        if release.year is not None:  # "Wonder Woman 1984": it may belong to the name
            yield _plain(f"{title} {release.year}")


def _plain(name: str) -> str:
    """Return a name as it is looked up: the first part bears its number or not, a series its year or not."""
    return normal(_YEAR.sub("", name)).removesuffix(" part 1")


def _keys(offer: Offer, release: ReleaseName, wish: Wish) -> set[str]:
    """Return the keys of the parts of a wish that are looked for and in a release."""
    meant = wish.meant
    if meant is None or not _is_title(release, offer, meant) or _is_too_little(release, wish):
        return set()
    looked_for = [part for part in wish.parts if part.state is PartState.SEARCHING]
    parts = looked_for if meant.kind is TitleKind.MOVIE else _episodes(looked_for, release.numbering)
    return {part.key for part in parts if not came_to_nothing(part, offer.name, offer.info_hash)}


def _is_title(release: ReleaseName, offer: Offer, meant: Meant) -> bool:
    if release.numbering.is_series != (meant.kind is not TitleKind.MOVIE):
        return False
    if offer.ids & meant.ids:
        return True
    # what tells of another title in a database that knows this one is of that one, whatever it is called
    databases = {each.partition(":")[0] for each in meant.ids}
    if any(each.partition(":")[0] in databases for each in offer.ids):
        return False
    wanted = Wanted(kind=meant.kind, names=(meant.name,), year=meant.year, ids=meant.ids)
    return identify(release, wanted).certainty >= Certainty.LIKELY


def _is_too_little(release: ReleaseName, wish: Wish) -> bool:
    if wish.minimum is None or release.resolution is None or release.resolution_inferred:
        return False
    return release.resolution < wish.minimum


def _episodes(parts: Iterable[Part], has: Numbering) -> Iterator[Part]:
    for part in parts:
        if has.aired is not None and not has.seasons:
            in_it = part.out_on == has.aired
        elif has.seasons:
            in_it = part.season in has.seasons and (not has.episodes or part.episode in has.episodes)
        else:
            in_it = has.complete
        if in_it:
            yield part


def _of_kind(kind: TitleKind, id_: str) -> str:
    """Return an id that is told apart from that of another kind: TMDB counts movies and series by themselves."""
    return f"{'movie' if kind is TitleKind.MOVIE else 'series'} {id_}"
