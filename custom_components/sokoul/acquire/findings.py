"""What a search found: the offers of everybody, merged, scored and ordered; and packed once nothing more comes.

Only one thing is done to it at a time: who scores or packs waits for who does, and what was packed is unpacked to be
scored anew.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
import hashlib
from itertools import batched
from typing import Final

from ..model.releases import Offer, QualityProfile
from ..releases.attributes import Resolution
from ..releases.choose import NOTHING_READ, rank
from ..releases.identify import Wanted
from ..releases.opinions import by_another_profile
from ..releases.parse import parse
from ..releases.policy import Policy, policy_as_json
from ..releases.score import Scored
from .keeping import Kept, packed_profile, unpacked_profile
from .packing import PackedResults, ids_of, pages_of
from .ports import Holdings, Result, offer_id
from .reading_again import SecondReader, misread

#: So many offers of one source, and of all of them, are looked at.
MOST_OF_SOURCE: Final = 500
MOST_OFFERS: Final = 2_000
#: So many names are read before others have their turn: some five milliseconds.
PORTION: Final = 50

#: Tells of names of releases what somebody judged them to be.
type Verdict = Callable[[Collection[str]], Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Taste:
    """What releases are scored by, besides the profile of an *arr."""

    policy: Policy
    least: Resolution | None  # was asked for with this title: it counts beside any profile
    version: str  # of what scores
    second: SecondReader | None = None  # who reads names, too, that read as another title

    def second_titles(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the titles that a second reader has read in names, where there is one."""
        return NOTHING_READ if self.second is None else self.second.titles(names)

    @property
    def digest(self) -> str:
        """What tells whether releases would be ranked the same way."""
        said = self.version, policy_as_json(self.policy), self.least, self.second is not None
        return hashlib.blake2b(repr(said).encode(errors="replace"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Packed:
    """What was found as it was packed: all of one moment."""

    results: PackedResults
    accepted: int
    scored_by: str
    profile: bytes | None


class Findings:
    """The releases that a search found so far."""

    def __init__(self) -> None:
        self.results: Sequence[Result] = ()
        self.accepted = 0  # so many of them may be taken
        self.fetchable = False  # of any it is still known where it can be had
        self.scored_by = ""  # the digest of a taste
        self.misread: Sequence[str] = ()  # names that a second reader should read, if there is one
        self.profile: bytes | None = None  # packed
        self._profile: QualityProfile | None = None  # the same; what is packed needs no other
        self._offers: dict[str, tuple[Offer, ...]] = {}
        self._ids: dict[str, str] = {}  # of results, by those of their offers
        self._looked_up: set[str] = set()  # info hashes
        self._held: set[str] = set()  # those that a debrid account holds
        self._changing = asyncio.Lock()

    @property
    def has_offers(self) -> bool:
        """Whether anybody offered anything."""
        return bool(self._offers)

    def have(self, kept: Kept) -> None:
        """Have what was kept from before."""
        self.results, self.accepted = kept.results or (), kept.head.accepted
        self.scored_by, self.profile = kept.ranked_by, kept.profile

    async def go_by(self, profile: QualityProfile | None) -> None:
        """Score what comes by a profile."""
        self._profile, self.profile = profile, await asyncio.to_thread(packed_profile, profile)

    def take(self, key: str, offers: Sequence[Offer]) -> int:
        """Take what somebody offers: so much of it as is looked at. Return how much that is."""
        free = MOST_OFFERS - sum(map(len, self._offers.values()))
        most = max(min(MOST_OF_SOURCE, free), 0)
        self._offers[key] = tuple(replace(each, source=each.source or key) for each in offers[:most])
        return len(self._offers[key])

    async def look_who_holds(self, holdings: Holdings) -> None:
        """Mark what a debrid account holds already, whoever offers it."""
        told = {each.info_hash for offers in self._offers.values() for each in offers if each.info_hash is not None}
        if new := told - self._looked_up:
            self._looked_up |= new
            self._held |= await holdings.held(new)
        for key, offers in self._offers.items():
            self._offers[key] = tuple(
                replace(each, cached=True) if each.info_hash in self._held and not each.cached else each
                for each in offers
            )

    async def score(self, wanted: Wanted, taste: Taste, judged: Verdict, another: QualityProfile | None = None) -> None:
        """Merge, score and order all that there is, beside the event loop: by the profile of before, or by another."""
        async with self._changing:
            await self._unpack()
            if another is not None:
                await self._go_by_another(another)
            offers = tuple(offer for each in self._offers.values() for offer in each)
            names = {offer.name for offer in offers}
            for portion in batched(names, PORTION, strict=False):
                await asyncio.to_thread(_read_names, portion)
            known: Mapping[str, str] | None = None
            ranked: Sequence[Scored] = ()
            while known != (titles := taste.second_titles(names)):  # another search may have some read meanwhile
                known = titles
                ranked = await asyncio.to_thread(
                    rank, offers, wanted, taste.policy, self._profile, judged(names), taste.least, titles
                )
            self.misread = await asyncio.to_thread(misread, ranked, wanted) if taste.second is not None else ()
            self.results = tuple(self._named(ranked))
            self.accepted = sum(each.scored.accepted for each in self.results)
            self.fetchable = any(each.link or each.guid for each in offers)
            self.scored_by = taste.digest

    async def _go_by_another(self, profile: QualityProfile) -> None:
        """Go by another profile than before, and take back what was said by that."""
        if (before := self._profile) is not None:
            self._offers = {
                key: tuple(by_another_profile(each, before, profile) for each in offers)
                for key, offers in self._offers.items()
            }
        await self.go_by(profile)

    def _named(self, ranked: Iterable[Scored]) -> Iterable[Result]:
        """Give each release an id that it keeps."""
        taken: set[str] = set()
        for scored in ranked:
            ids = [offer_id(each) for each in scored.release.offers]
            before = [self._ids[each] for each in ids if each in self._ids]
            result_id = next((each for each in (*before, *ids) if each not in taken), None)
            if result_id is None:
                continue  # a source offers the very same thing as two
            taken.add(result_id)
            self._ids.update(dict.fromkeys(ids, result_id))
            yield Result(id=result_id, scored=scored)

    async def pack(self) -> Packed | None:
        """Make what was found small, and return it; None: somebody was faster."""
        async with self._changing:
            if isinstance(self.results, PackedResults):
                return None
            pages, packing = [], pages_of(self.results)
            while (page := await asyncio.to_thread(next, packing, None)) is not None:
                pages.append(page)
            results = PackedResults(pages, await asyncio.to_thread(ids_of, self.results), len(self.results))
            self.results = results or ()
            self._profile = None
            self._offers, self._ids, self._looked_up, self._held = {}, {}, set(), set()
            return Packed(results, self.accepted, self.scored_by, self.profile)

    async def _unpack(self) -> None:
        """Have all offers again, and what they were called by."""
        packed = self.results
        if isinstance(packed, PackedResults):
            self._offers = {"": await asyncio.to_thread(packed.offers)}
            self._ids = await asyncio.to_thread(packed.result_ids)
            self._profile = await asyncio.to_thread(unpacked_profile, self.profile)


def _read_names(names: Iterable[str]) -> None:
    """Read names: what was read is remembered."""
    for name in names:
        parse(name)
