"""The releases that a search found, packed: a few bytes objects instead of the forty objects that each release is.

Python's garbage collector goes over all objects that hold others, while everything waits. What is remembered for a day
must not be that many; so it is packed page by page, and what somebody asks to see is made again, with the scores that
it had: no name is read and nothing is scored for it.

What a release can be fetched by (`Offer.guid`, `Offer.link`) lies apart from all else: it is a secret at some indexers,
and good for half an hour at most. It is in memory alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched
import json
from typing import Any, Final, overload
import zlib

from ..model.compact import codec
from ..model.releases import Offer
from ..releases.score import Scored
from .ports import Result, Results, offer_id

#: So many releases are packed together: as many as an answer shows where nobody says otherwise.
PAGE: Final = 10
_SCORED: Final = codec(Scored)
#: Of what the packed pages are made: what was packed by another version can't be unpacked.
SHAPE: Final = f"{PAGE} {_SCORED.shape}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some releases, one after the other in the order of the search."""

    results: bytes  # of each its id, the places of its offers among all that were found, and itself
    links: bytes | None = field(default=None, repr=False)  # of each its offers' guids and links; None: there are none


class PackedResults(Results):
    """Releases in their order, each made when it is asked for. It equals a sequence of the same releases."""

    __slots__ = ("_count", "_links", "_pages", "ids")

    def __init__(self, pages: Sequence[Page], ids: str, count: int) -> None:
        # not as pages: tuples of bytes are nothing to the garbage collector
        self._pages = tuple(each.results for each in pages)
        self._links = tuple(each.links for each in pages)
        self._count = count
        #: a line for each release: its id, and those of its offers
        self.ids = ids

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Result, ...]: ...
    def __getitem__(self, index: int | slice) -> Result | tuple[Result, ...]:
        wanted = range(self._count)[index]
        if isinstance(wanted, int):
            return next(self._made([wanted]))
        return tuple(self._made(wanted))

    def __iter__(self) -> Iterator[Result]:
        return self._made(range(self._count))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it equals tuples, whose hash it can't have without being unpacked

    def find(self, result_id: str) -> Result | None:
        """Return a release by its id, or by one of those of its offers."""
        for place, line in enumerate(self.ids.splitlines()):
            if result_id in line.split():
                return self[place]
        return None

    @property
    def bare_pages(self) -> tuple[bytes, ...]:
        """The pages without anything that could be a secret."""
        return self._pages

    def offers(self) -> tuple[Offer, ...]:
        """Return all offers in the order in which they came, to score them anew."""
        placed = [
            (place, offer)
            for page, told in zip(self._pages, self._links, strict=True)
            for stored, links in _opened(page, told)
            for place, offer in zip(stored[1], _unpacked(stored, links).scored.release.offers, strict=True)
        ]
        return tuple(offer for _, offer in sorted(placed, key=lambda pair: pair[0]))

    def result_ids(self) -> dict[str, str]:
        """Return the ids of releases by those of their offers: as they were, and as they are without links."""
        known = {each: line.split()[0] for line in self.ids.splitlines() for each in line.split()}
        bare = {offer_id(offer): each.id for each in self for offer in each.scored.release.offers}
        return bare | known

    def _made(self, places: Iterable[int]) -> Iterator[Result]:
        """Make releases; each page is opened once for those of it that follow one another."""
        opened: tuple[int, list[tuple[Any, Any]]] = -1, []
        for place in places:
            number, inside = divmod(place, PAGE)
            if opened[0] != number:
                opened = number, list(_opened(self._pages[number], self._links[number]))
            yield _unpacked(*opened[1][inside])


def pages_of(results: Sequence[Result], places: Mapping[int, int]) -> Iterator[Page]:
    """Pack releases. `places` tells of offers, by their identity, where they came among all.

    A page takes some two milliseconds.
    """
    for some in batched(results, PAGE, strict=False):
        packed, links = [], []
        for result in some:
            release = result.scored.release
            bare = tuple(replace(each, guid="", link="") for each in release.offers)
            scored = replace(result.scored, release=replace(release, offers=bare))
            came = [places.get(id(each), len(places)) for each in release.offers]
            packed.append([result.id, came, _SCORED.pack(scored)])
            links.append([[each.guid, each.link] for each in release.offers])
        linked = any(told for each in links for pair in each for told in pair)
        yield Page(_compressed(packed), _compressed(links) if linked else None)


def ids_of(results: Iterable[Result]) -> str:
    """Return by what releases are called: a line each, the id and those of all offers."""
    lines = (dict.fromkeys((each.id, *(offer_id(offer) for offer in each.scored.release.offers))) for each in results)
    return "\n".join(" ".join(line) for line in lines)


def _compressed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)


def _opened(page: bytes, links: bytes | None) -> Iterator[tuple[Any, Any]]:
    """Return what is packed in a page, with the links of each."""
    results = json.loads(zlib.decompress(page))
    told = [None] * len(results) if links is None else json.loads(zlib.decompress(links))
    return zip(results, told, strict=True)


def _unpacked(stored: Any, links: Any) -> Result:
    result_id, _, packed = stored
    scored: Scored = _SCORED.unpack(packed)
    if links is not None:
        release = scored.release
        offers = tuple(
            replace(offer, guid=guid, link=link) for offer, (guid, link) in zip(release.offers, links, strict=True)
        )
        scored = replace(scored, release=replace(release, offers=offers))
    return Result(id=result_id, scored=scored)
