"""What a search needs of others, and what it answers.

A *catalogue* tells which movies and series there are, a *source* who offers releases of one of them. Both may fail or
hang; neither is asked for more than it says.
"""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
import hashlib
from typing import Protocol

from ..model.catalogue import CatalogueTitle
from ..model.reasons import Reason
from ..model.releases import Offer, QualityProfile
from ..model.search import SearchRequest, SourceReport
from ..releases.identify import Wanted
from ..releases.policy import Policy
from ..releases.score import Scored
from .query import Query


class AskingFailed(Exception):  # noqa: N818 -- named for what happened
    """A catalogue or a source could not answer. The reason is safe to show."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.key)
        self.reason = reason


class Catalogue(Protocol):
    """Who knows movies and series: the lookup of an *arr, its library, TMDB."""

    @property
    def key(self) -> str:
        """What it is called among catalogues; it stays the same."""

    @property
    def name(self) -> str:
        """What the person calls it."""

    @property
    def knows_all(self) -> bool:
        """Whether it knows what nobody has: a library doesn't."""

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        """Return what may be meant, the most likely first. Raises `AskingFailed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What releases are looked for.

    `title` is the movie or series that is meant, with all that any catalogue tells of it; `entries` are what each of
    them said, with the ids in the libraries of the *arrs. Without a title nobody knows what is meant, and the text is
    all there is.
    """

    text: str  # to ask for where ids are not known
    other_texts: tuple[str, ...] = ()  # by which names it goes elsewhere
    wanted: Wanted
    title: CatalogueTitle | None = None
    entries: tuple[CatalogueTitle, ...] = ()
    info_hash: str | None = None  # this torrent and no other
    #: what a person brought: a magnet, or an address. Both may hold a key
    link: str | None = field(default=None, repr=False)
    release: str = ""  # what that is called

    def entry_of(self, backend_id: str) -> CatalogueTitle | None:
        """Return the title as it is in the library of an *arr; None where it isn't."""
        return next(
            (each for each in self.entries if each.backend_id == backend_id and each.library_id is not None), None
        )


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What a source offers, and what it couldn't ask: an indexer behind it that fails doesn't make all of it fail."""

    offers: Sequence[Offer] = ()
    remarks: tuple[Reason, ...] = ()


class Source(Protocol):
    """Who offers releases: an indexer manager, an *arr's interactive search, the mirror of a debrid account."""

    @property
    def key(self) -> str:
        """What it is called among sources; it stays the same."""

    @property
    def name(self) -> str:
        """What the person calls it."""

    async def offers(self, target: Target) -> SourceAnswer:
        """Return what it offers. Raises `AskingFailed`. It may take as long as it likes; nobody waits for it."""


class Profiles(Protocol):
    """Who knows by which quality profile an *arr manages a title."""

    async def profile_of(self, target: Target, at: datetime) -> QualityProfile | None:
        """Return the profile of the *arr that has the title in its library; None where none has. Never raises.

        `at` is when `target.entries` were read: the title may have been given another profile since.
        """


class Days(Protocol):
    """Who knows on which days episodes aired."""

    async def aired_on(self, target: Target, season: int, episode: int) -> date | None:
        """Return the day on which an episode aired, there where it did; None: nobody tells. Never raises."""


class Policies(Protocol):
    """What the person wants of releases."""

    def policy(self, key: str | None) -> Policy:
        """Return a policy by its key; the usual one for None and for what is not there any more."""


class Holdings(Protocol):
    """Who knows what debrid accounts hold already."""

    async def held(self, hashes: Collection[str]) -> frozenset[str]:
        """Return which of these torrents can be had at once. Never raises."""


class Shelf(Protocol):
    """Where answers are kept over a restart."""

    async def load(self, key: str, after: datetime) -> tuple[datetime, str] | None:
        """Return what was kept for a search after a moment, and when that was; None: nothing. Never raises."""

    async def keep(self, key: str, at: datetime, found: str) -> None:
        """Keep it. Never raises."""

    async def forget(self) -> None:
        """Forget all of it. Never raises."""


# --- the answer ------------------------------------------------------------------------------------------------------


def offer_id(offer: Offer) -> str:
    """Return an id of an offer that is the same whenever its source offers it again. It tells nobody a key."""
    what = offer.info_hash or offer.guid or f"{offer.name}\0{offer.size_bytes}"
    said = f"{offer.source}\0{offer.indexer_id}\0{offer.indexer}\0{offer.protocol}\0{what}"
    return hashlib.blake2b(said.encode(errors="replace"), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A release that was found, with its score and everyone who offers it: `scored.release.offers`, the best first.

    `id` stays the same within a search, whoever else offers the release later: that of the first offer.
    """

    id: str
    scored: Scored

    def is_called(self, result_id: str) -> bool:
        """Tell whether an id that was ever given for this release is meant."""
        return result_id == self.id or any(offer_id(each) == result_id for each in self.scored.release.offers)


class Results(Sequence[Result]):
    """Releases in their order that are made when somebody looks at them."""

    __slots__ = ()

    @abstractmethod
    def find(self, result_id: str) -> Result | None:
        """Return the release that this id was ever given for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """What came of a search so far. It is whole once `complete`; until then more may come under the same `id`.

    Where nobody can tell which of several titles is meant, there are `choices` and no results. To look at all results
    of an answer that was remembered takes its time: whoever needs a few of them takes a slice.
    """

    id: str
    request: SearchRequest
    at: datetime  # when it was begun
    target: Target | None = None
    choices: tuple[CatalogueTitle, ...] = ()
    results: Sequence[Result] = ()  # those that may be taken come first
    accepted: int = 0  # so many may be taken
    fetchable: bool = False  # of any result it is still known where it can be had
    catalogues: tuple[SourceReport, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    remarks: tuple[Reason, ...] = ()  # on the search as a whole: what was cut, what nobody knew
    profile: str | None = None  # the name of the *arr's quality profile that they were scored with
    complete: bool = False
    from_cache: bool = False
    revision: int = 0  # counts the updates

    @property
    def title(self) -> CatalogueTitle | None:
        """The movie or series that is meant."""
        return self.target.title if self.target is not None else None

    @property
    def best(self) -> Result | None:
        """The best release that may be taken."""
        return self.results[0] if self.accepted else None

    def result(self, result_id: str) -> Result | None:
        """Return a release by an id that this search gave for it."""
        if isinstance(self.results, Results):
            return self.results.find(result_id)
        return next((each for each in self.results if each.is_called(result_id)), None)
