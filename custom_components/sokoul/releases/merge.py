"""Making one release of the offers of several indexers.

Offers are of one release when they have the same info hash; where one tells none, when their names read the same and
their sizes differ by no more than what indexers round away. Two info hashes are two releases whatever their names, and
a torrent is never the same as a post on Usenet.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
import re
from typing import Final

from ..model.library import Protocol
from ..model.releases import ArrOpinion, Offer
from .attributes import ReleaseName
from .groups import frame
from .parse import LONGEST_NAME, parse

#: Indexers round sizes, and mix up GB and GiB of small ones.
SIZE_TOLERANCE: Final = 0.02

_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Release:
    """A release with everyone who offers it, the best offer first."""

    name: ReleaseName
    offers: tuple[Offer, ...]

    @property
    def protocol(self) -> Protocol:
        """How it travels."""
        return self.offers[0].protocol

    @property
    def info_hash(self) -> str | None:
        """The hash that any of the offers tells."""
        return next((offer.info_hash for offer in self.offers if offer.info_hash), None)

    @property
    def size_bytes(self) -> int | None:
        """The size that the best of the offers tells; None: nobody does."""
        return next((offer.size_bytes for offer in self.offers if offer.size_bytes > 0), None)

    @property
    def seeders(self) -> int | None:
        """How many share it, at the indexer that counts most; they count the same people."""
        return max((offer.seeders for offer in self.offers if offer.seeders is not None), default=None)

    @property
    def age(self) -> timedelta | None:
        """How long it has been offered."""
        return max((offer.age for offer in self.offers if offer.age is not None), default=None)

    @property
    def cached(self) -> bool | None:
        """Whether a debrid service has it already; None: nobody asked."""
        told = [offer.cached for offer in self.offers if offer.cached is not None]
        return any(told) if told else None

    @property
    def ids(self) -> frozenset[str]:
        """What its title is in databases, as far as any indexer tells."""
        return frozenset[str]().union(*(offer.ids for offer in self.offers))

    @property
    def arr(self) -> ArrOpinion | None:
        """What the *arr makes of it: of the offer that it would rather take."""
        opinions = [offer.arr for offer in self.offers if offer.arr is not None]
        return max(opinions, key=lambda each: (each.acceptable, each.score or 0), default=None)


type _Group = list[tuple[int, Offer]]  # with the place at which each was offered
type _Key = tuple[Protocol, str, str, bool]


def merge(offers: Iterable[Offer]) -> tuple[Release, ...]:
    """Return the releases behind offers, in the order in which they were first offered."""
    by_hash: dict[str, _Group] = defaultdict(list)
    hashless: _Group = []
    for place, offer in enumerate(offers):
        (by_hash[offer.info_hash] if offer.info_hash else hashless).append((place, offer))
    by_name: dict[_Key, list[_Group]] = defaultdict(list)
    for info_hash in sorted(by_hash):
        group = by_hash[info_hash]
        for key in dict.fromkeys(_key(offer) for _, offer in group):
            by_name[key].append(group)
    groups = list(by_hash.values())
    # sizes that are known come first, in order: who belongs together doesn't depend on who answered first
    keyed = [(offer.size_bytes <= 0, offer.size_bytes, _key(offer), place, offer) for place, offer in hashless]
    for *_, key, place, offer in sorted(keyed, key=lambda each: each[:4]):
        same = by_name[key]
        group = min((each for each in same if _fits(each, offer)), key=lambda each: _distance(each, offer), default=[])
        if not group:
            groups.append(group)
            same.append(group)
        group.append((place, offer))
    return tuple(_release(group) for group in sorted(groups, key=_first_place))


def _first_place(group: _Group) -> int:
    """Return where a group was first offered."""
    return min(place for place, _ in group)


def _release(group: _Group) -> Release:
    ordered = sorted(group, key=lambda pair: (pair[1].cached is not True, -(pair[1].seeders or 0), pair[0]))
    offers = tuple(offer for _, offer in ordered)
    return Release(name=parse(offers[0].name), offers=offers)


def _key(offer: Offer) -> _Key:
    """Return a name as names are compared: without separators, and without what sites and uploaders add."""
    bare = frame(offer.name[:LONGEST_NAME])
    plain = _SEPARATORS.sub(" ", bare.text).strip().casefold()
    return offer.protocol, plain, (bare.leading_group or "").casefold(), bare.sample


def _fits(group: _Group, offer: Offer) -> bool:
    return _distance(group, offer) <= SIZE_TOLERANCE


def _distance(group: _Group, offer: Offer) -> float:
    """Return by how much a size differs from the nearest of a group, 0 where one isn't told."""
    sizes = [each.size_bytes for _, each in group if each.size_bytes > 0]
    if not sizes or offer.size_bytes <= 0:
        return 0.0
    return min(abs(size - offer.size_bytes) / max(size, offer.size_bytes) for size in sizes)
