"""Searches for what is on the watchlist, and has the best of it downloaded."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from .acquire.grabbing import MOST_RELEASES, Order, trace_of, tries_of
from .acquire.identifying import absolute_numbers
from .acquire.ports import Result, SearchAnswer, Target
from .acquire.searching import CATALOGUE_LATEST, SOURCE_LATEST
from .clients.arr import ArrClient
from .clients.prowlarr import ProwlarrClient
from .clients.torznab import TorznabClient
from .model.journal import EntryStatus, JournalEntry
from .model.library import Protocol, TitleKind
from .model.reasons import Reason
from .model.search import SearchRequest, SourceState
from .releases.choose import match_of
from .releases.identify import Certainty, Wanted
from .releases.policy import FetchBy
from .releases.upgrade import better, quality_of
from .search_sources import DOWNLOADS
from .watching_titles import as_title, search_for
from .watchlist.explaining import NO_USENET, NO_USENET_CLIENT, SOURCES_FAILED
from .watchlist.items import Part, Wish
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

#: Nobody waits for it, so all that may answer may.
PATIENCE: Final = CATALOGUE_LATEST + SOURCE_LATEST + timedelta(seconds=10)

_SILENT: Final = frozenset({SourceState.FAILED, SourceState.LATE})
#: Of what was found for a season so many of the best are looked into for its episodes.
MOST_SHARED_OUT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a search for a part, or for a season, came to."""

    answer: SearchAnswer | None = None
    found: int = 0  # releases of it
    refused: Reason | None = None  # why the best of them won't do, where none will, or who gave no answer
    unanswered: bool = False  # somebody who might have it gave no answer, and the others offer nothing
    results: tuple[Result, ...] = ()  # that may be taken, the best first
    here: Result | None = None  # one of these is here, or on its way, whoever got it
    failed: Reason | None = None  # nobody could be asked

    @property
    def release(self) -> str:
        """The name of the best release that may be taken."""
        return clean(self.results[0].scored.release.name.name) if self.results else ""

    @property
    def reference(self) -> str:
        """How the search refers to that."""
        return f"{self.answer.id}.{self.results[0].id}" if self.answer is not None and self.results else ""

    def whole(self) -> Findings:
        """Return what has all that was searched for, without what has a part of it."""
        return _only(self, tuple(each for each in self.results if each.scored.match.whole))

    def to_grab(self) -> Findings:
        """Return what is needed to grab the best of it, to be held until then: all releases are too much for that."""
        answer = self.answer
        return replace(
            self,
            answer=replace(answer, results=(), accepted=0) if answer is not None else None,
            results=self.results[:MOST_RELEASES],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """What a search for something better than what there is came to."""

    points: int | None = None  # the quality of what there is; None: nobody could tell
    findings: Findings = Findings()  # what is better, the best first


@dataclass(frozen=True, slots=True, kw_only=True)
class Grabbed:
    """What came of having a release downloaded."""

    taken: bool
    entry_id: int
    release: str = ""
    download: str = ""  # its info hash, where it is known
    why: Reason | None = None  # it was not taken
    others: tuple[Reason, ...] = ()  # why others would not have it, where it was not taken


@dataclass(frozen=True, slots=True)
class Share:
    """Some of the parts that were looked for together, and what has all of them."""

    keys: tuple[str, ...]
    findings: Findings


def shared_out(findings: Findings, parts: Sequence[Part]) -> tuple[Share, ...]:
    """Return which release each of the missing episodes of a season comes by: the best that has it; none for some.

    What has all of the season comes first: then it is one for all. To look into a hundred names for two dozen episodes
    takes a tenth of a second: not for an event loop.
    """
    if (whole := tuple(each for each in findings.results if each.scored.match.whole)) or findings.answer is None:
        return (Share(tuple(part.key for part in parts), _only(findings, whole)),)
    target = findings.answer.target
    holding = [(each, _held(each, target, parts)) for each in findings.results[:MOST_SHARED_OUT]]
    by_place: defaultdict[int, list[str]] = defaultdict(list)
    for part in parts:
        if (best := next((place for place, (_, keys) in enumerate(holding) if part.key in keys), None)) is not None:
            by_place[best].append(part.key)
    return tuple(
        Share(tuple(keys), _only(findings, tuple(each for each, held in holding[place:] if held.issuperset(keys))))
        for place, keys in sorted(by_place.items())
    )


def _only(findings: Findings, results: tuple[Result, ...]) -> Findings:
    return replace(findings, results=results, here=next((each for each in results if _is_here(each)), None))


def _held(result: Result, target: Target | None, parts: Iterable[Part]) -> frozenset[str]:
    """Return which episodes a release of their title has."""
    return frozenset(
        part.key
        for part in parts
        if target is not None
        # the release was accepted, so its title is known by now
        and (match := match_of(result.scored.release, _wanted(target, part), judged=True)).whole
        and match.certainty >= Certainty.LIKELY
    )


def _wanted(target: Target, part: Part) -> Wanted:
    """Return what is wanted of a part of a season that is."""
    episodes = frozenset() if part.episode is None else frozenset({part.episode})
    absolute = absolute_numbers(target.title, part.season, episodes) if target.title is not None else frozenset[int]()
    return replace(target.wanted, kind=TitleKind.EPISODE, episodes=episodes, absolute=absolute)


class WatchGrabs:
    """Searches and grabs for wishes, through what all faces use."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def search(
        self, wish: Wish, season: int | None, episode: int | None, *, without: Collection[str] = ()
    ) -> Findings:
        """Search for a movie, an episode, or a whole season. `without` names releases that came to nothing."""
        request = search_for(wish, season, episode, self._hub.searching.policy(wish.policy))
        return await self.look_for(request, _ids(wish), without=without, adds=True)

    async def look_for(
        self, request: SearchRequest, ids: Collection[str], *, without: Collection[str] = (), adds: bool = False
    ) -> Findings:
        """Search for releases of a title, by its ids in databases. `without` names releases that came to nothing.

        `adds`: a title that is in no library is added to one as soon as something of it is to be fetched.
        """
        answer = await self._hub.searching.search(request, deadline=PATIENCE, fresh=True)
        if (failed := _failure(answer)) is not None:
            return Findings(answer=answer, failed=failed)
        if answer.title is None or answer.title.ids.isdisjoint(ids):
            return Findings(answer=answer, failed=Reason(key="watchlist.catalogues_failed"))
        fitting = [each for each in answer.results if each.scored.accepted and not _is_any(each, without)]
        against = [self._against(each, answer.target, answer.request.policy, adds=adds) for each in fitting]
        results = tuple(each for each, why in zip(fitting, against, strict=True) if why is None)
        refused = (each.scored.refusals[0] for each in answer.results if not each.scored.accepted)
        missing = () if results else self._missing(answer)
        return Findings(
            answer=answer,
            found=len(answer.results),
            refused=None if results else _without(missing) or next(chain(filter(None, against), refused), None),
            unanswered=bool(missing),
            results=results,
            here=next((each for each in results if _is_here(each)), None),
        )

    def _missing(self, answer: SearchAnswer) -> tuple[str, ...]:
        """Return the indexers, feeds and *arrs that gave no answer, unless another of them offers anything.

        What is held or on its way says nothing of what there is elsewhere.
        """
        asked = {each.key: each for each in answer.sources if self._is_elsewhere(each.key)}
        if any(offer.source in asked for each in answer.results for offer in each.scored.release.offers):
            return ()
        return tuple(each.name for each in asked.values() if each.state in _SILENT)

    def _is_elsewhere(self, key: str) -> bool:
        backend = self._hub.backends.get(key)
        return backend is not None and isinstance(backend.client, ProwlarrClient | TorznabClient | ArrClient)

    def _against(self, result: Result, target: Target | None, policy: str | None, *, adds: bool) -> Reason | None:
        """Return why nobody can fetch a release that fits; None: somebody may. Of Usenet only an *arr can.

        `adds`: it may find it itself once the title is in its library.
        """
        release = result.scored.release
        if release.protocol is not Protocol.USENET or _is_here(result) or target is None or target.title is None:
            return None
        kind, fetch_by = target.title.kind, self._hub.searching.policy(policy).fetch_by
        if (fetch_by and FetchBy.ARR not in fetch_by) or not self._hub.grabbing.hands.may_use_usenet(kind):
            arr = "Radarr" if kind is TitleKind.MOVIE else "Sonarr"
            return Reason(key=NO_USENET_CLIENT, parameters={"arr": arr})
        managed = any(each.library_id is not None for each in target.entries)
        return Reason(key=NO_USENET) if release.arr is None and (managed or not adds) else None

    async def better(self, wish: Wish, part: Part) -> Improvement:
        """Search for releases that are better than what there is of a part, by the policy of the wish."""
        policy = self._hub.searching.policy(wish.policy)
        findings = await self.look_for(search_for(wish, part.season, part.episode, policy), _ids(wish))
        answer = findings.answer
        if findings.failed is not None or answer is None or answer.target is None:
            return Improvement()
        if any(each.library_id is not None for each in answer.target.entries):
            return Improvement()  # an *arr has the title by now, and its profile says how good it is to be
        wanted = answer.target.wanted
        scored = [each.scored for each in findings.results]
        found = {id(each) for each in better(scored, part.release, wanted, policy, without=part.failed)}
        results = tuple(each for each in findings.results if id(each.scored) in found)
        return Improvement(
            points=quality_of(part.release, wanted, policy),
            findings=_only(findings, results),
        )

    async def grab(
        self, wish: Wish, label: str, findings: Findings, actor: str, now: datetime, *, reason: Reason | None = None
    ) -> Grabbed:
        """Have the best of what was found downloaded, or the next best where that fails. Raises `StoreError`."""
        assert findings.answer is not None and findings.answer.target is not None  # noqa: S101, PT018 -- it was found
        target = _with_keeper(findings.answer.target, wish)
        results = findings.results[:MOST_RELEASES]
        fetch_by = self._hub.searching.policy(findings.answer.request.policy).fetch_by
        order = Order(
            target=target,
            results=results,
            label=clean(label),
            actor=actor,
            at=now,
            fetch_by=fetch_by,
            reason=reason,
        )
        entry = await self._hub.grabbing.grab(order)
        trace = trace_of(entry)
        if entry.status is EntryStatus.FAILED or trace is None:
            others: list[Reason] = []
            for _, _, why in tries_of(entry):
                if why != entry.result and why not in others:
                    others.append(why)
            return Grabbed(taken=False, entry_id=entry.id, why=entry.result, others=tuple(others))
        return Grabbed(
            taken=True, entry_id=entry.id, release=trace.release, download=_key_of(entry, trace.info_hash, results)
        )


def _ids(wish: Wish) -> frozenset[str]:
    return wish.meant.ids if wish.meant is not None else frozenset()


def _key_of(entry: JournalEntry, info_hash: str | None, results: Sequence[Result]) -> str:
    """Return by what a download is found again: what was traced, else what the release said."""
    trace = trace_of(entry)
    if info_hash is not None or trace is None:
        return info_hash or ""
    said = (each.scored.release.info_hash for each in results if each.scored.release.name.name == trace.release)
    return next((each for each in said if each is not None), "")


def _failure(answer: SearchAnswer) -> Reason | None:
    """Return why a search says nothing: nobody was there to be asked, or none of them could answer."""
    asked = [each for each in answer.sources if each.key != DOWNLOADS]
    if not asked:
        if answer.target is None or answer.target.title is None:
            return Reason(key="watchlist.catalogues_failed")
        return Reason(key="watchlist.no_source")
    if all(each.state in _SILENT for each in asked) and not answer.results:
        return _without(tuple(each.name for each in asked))
    return None


def _without(names: tuple[str, ...]) -> Reason | None:
    """Say who gave no answer."""
    return Reason(key=SOURCES_FAILED, parameters={"names": names}) if names else None


def _is_any(result: Result, names: Collection[str]) -> bool:
    release = result.scored.release
    return release.name.name in names or (release.info_hash is not None and release.info_hash in names)


def _is_here(result: Result) -> bool:
    return any(offer.source == DOWNLOADS for offer in result.scored.release.offers)


def _with_keeper(target: Target, wish: Wish) -> Target:
    """Return the target with its place in the library that keeps it, whether or not its catalogue told."""
    if wish.keeper is None or wish.meant is None or target.entry_of(wish.keeper.backend_id) is not None:
        return target
    there = replace(as_title(wish.meant), backend_id=wish.keeper.backend_id, library_id=wish.keeper.library_id)
    return replace(target, entries=(*target.entries, there))
