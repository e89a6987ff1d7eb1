"""The releases that a search found, packed: a few bytes objects instead of the forty objects that each release is.

Python's garbage collector goes over all objects that hold others, while everything waits. What is remembered for a day
must not be that many; so it is packed page by page, and what somebody asks to see is made again, with the scores that
it had: no name is read and nothing is scored for it. Releases share most of what points were given for, so a page has
each such part once.

A page is text, as it is kept over a restart: what was kept is unpacked when somebody asks to see it, and not before.

What a release can be fetched by (`Offer.guid`, `Offer.link`) lies apart from all else: it is a secret at some indexers,
and good for half an hour at most. It is in memory alone.
"""

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import batched, groupby
import json
from typing import Any, Final, overload
import zlib

from ..model.compact import codec
from ..model.reasons import Reason
from ..model.releases import Offer
from ..releases.identify import Match
from ..releases.merge import Release
from ..releases.score import Part, Scored
from .ports import Result, Results, offer_id

#: So many releases are packed together: as many as an answer shows where nobody says otherwise.
PAGE: Final = 10
_RELEASE: Final = codec(Release)
_MATCH: Final = codec(Match)
_PART: Final = codec(Part)
_REASONS: Final = codec(tuple[Reason, ...])
#: Of what the packed pages are made: what was packed by another version can't be unpacked.
SHAPE: Final = f"{PAGE} {codec(Scored).shape}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some releases, one after the other in the order of the search."""

    results: str  # all parts; and of each release its id and itself
    links: str | None = field(default=None, repr=False)  # of each its offers' guids and links; None: there are none


class PackedResults(Results):
    """Releases in their order, each made when it is asked for. It equals a sequence of the same releases."""

    __slots__ = ("_count", "_links", "_pages", "ids")

    def __init__(self, pages: Sequence[Page], ids: str, count: int) -> None:
        # not as pages: tuples of texts are nothing to the garbage collector
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
    def bare_pages(self) -> tuple[str, ...]:
        """The pages without anything that could be a secret."""
        return self._pages

    def offers(self) -> tuple[Offer, ...]:
        """Return all offers, to score them anew: release by release, and of each in its order."""
        return tuple(
            offer
            for page, told in zip(self._pages, self._links, strict=True)
            for (_, release, *_), links in _rows(_opened(page)["releases"], told)
            for offer in _release(release, links).offers
        )

    def result_ids(self) -> dict[str, str]:
        """Return the ids of releases by those of their offers: as they were, and as they are without links."""
        known = {each: line.split()[0] for line in self.ids.splitlines() for each in line.split()}
        bare = {offer_id(offer): each.id for each in self for offer in each.scored.release.offers}
        return bare | known

    def _made(self, places: Iterable[int]) -> Iterator[Result]:
        """Make releases; each page is opened once for those of it that follow one another."""
        for number, some in groupby(places, lambda place: place // PAGE):
            page = _opened(self._pages[number])
            parts = [_PART.unpack(each) for each in page["parts"]]
            rows = list(_rows(page["releases"], self._links[number]))
            for place in some:
                yield _result(*rows[place % PAGE], parts)


def pages_of(results: Sequence[Result]) -> Iterator[Page]:
    """Pack releases. A page takes some two milliseconds."""
    for some in batched(results, PAGE, strict=False):
        parts = _Parts()
        releases, links = [], []
        for result in some:
            scored, offers = result.scored, result.scored.release.offers
            bare = replace(scored.release, offers=tuple(replace(each, guid="", link="") for each in offers))
            releases.append(
                [
                    result.id,
                    _RELEASE.pack(bare),
                    _MATCH.pack(scored.match),
                    scored.score,
                    [parts.place_of(each) for each in scored.parts],
                    _REASONS.pack(scored.refusals),
                ]
            )
            links.append([[each.guid, each.link] for each in offers])
        linked = any(told for each in links for pair in each for told in pair)
        page = _compressed({"parts": parts.packed, "releases": releases})
        yield Page(page, _compressed(links) if linked else None)


class _Parts:
    """The parts of a page, packed: what is the same to the last digit is there once."""

    def __init__(self) -> None:
        self.packed: list[Any] = []
        self._places: dict[str, int] = {}

    def place_of(self, part: Part) -> int:
        """Return the place of a part among all, which it may be the first to have."""
        packed = _PART.pack(part)
        place = self._places.setdefault(repr(packed), len(self.packed))
        if place == len(self.packed):
            self.packed.append(packed)
        return place


def ids_of(results: Iterable[Result]) -> str:
    """Return by what releases are called: a line each, the id and those of all offers."""
    lines = (dict.fromkeys((each.id, *(offer_id(offer) for offer in each.scored.release.offers))) for each in results)
    return "\n".join(" ".join(line) for line in lines)


def _compressed(value: Any) -> str:
    return b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)).decode()


def _opened(packed: str) -> Any:
    return json.loads(zlib.decompress(a2b_base64(packed)))


def _rows(releases: list[Any], links: str | None) -> Iterator[tuple[Any, Any]]:
    """Return the releases of a page, still packed, with the links of each."""
    return zip(releases, [None] * len(releases) if links is None else _opened(links), strict=True)


def _release(packed: Any, links: Any) -> Release:
    release: Release = _RELEASE.unpack(packed)
    if links is None:
        return release
    told = zip(release.offers, links, strict=True)
    return replace(release, offers=tuple(replace(offer, guid=guid, link=link) for offer, (guid, link) in told))


def _result(packed: Any, links: Any, parts: Sequence[Part]) -> Result:
    result_id, release, match, score, places, refusals = packed
    scored = Scored(
        release=_release(release, links),
        match=_MATCH.unpack(match),
        score=score,
        parts=tuple([parts[place] for place in places]),
        refusals=_REASONS.unpack(refusals),
    )
    return Result(id=result_id, scored=scored)
