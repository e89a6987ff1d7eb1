"""The search: which title is meant, who offers it, and what of that is best.

    catalogues, all at once ──► the title ──► sources, all at once ──► merged, scored, ordered ──► answer, updates

Whoever asks waits until the deadline at most, and gets what came by then. What comes later is an update of the same
answer. Who asks for the same while it is looked for shares the search; who asks again within a day gets what was found.

What was found is remembered in the order that it was given, and packed: who asks again is answered without any name
being read or anything being scored. Once the person likes something else it is unpacked and scored anew, and nobody has
to be asked again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
import hashlib
from itertools import batched
from typing import Any, Final

from ..model.catalogue import CatalogueTitle
from ..model.library import Protocol
from ..model.reasons import Reason
from ..model.releases import Offer, QualityProfile
from ..model.search import NOBODY, SearchRequest, SourceReport, SourceState
from ..releases.attributes import Resolution
from ..releases.choose import rank
from ..releases.parse import parse
from ..releases.policy import Policy, policy_as_json
from ..releases.score import Scored
from .identifying import identify_title, plain, target_by_text
from .judging import MOST_DOUBTS, PATIENCE, Doubt, Judge, Verdicts, doubts_of
from .keeping import Head, Kept, as_kept, from_kept, packed_profile, unpacked_profile
from .namesakes import Namesakes
from .packing import PackedResults, ids_of, pages_of
from .ports import (
    AskingFailed,
    Catalogue,
    Holdings,
    Policies,
    Profiles,
    Result,
    SearchAnswer,
    Shelf,
    Source,
    SourceAnswer,
    Target,
    offer_id,
)
from .query import Query, host_of, read_query

DEADLINE: Final = timedelta(seconds=3)
#: Of the deadline so much is for finding out what is meant, where a catalogue is slow.
IDENTIFYING_SHARE: Final = 0.45
#: After so much of it the next search may begin, too, while this one waits for whoever is slow.
HOLDING_SHARE: Final = 0.5
#: Whoever hasn't answered after so long will not. An *arr that asks each indexer has up to two minutes for it.
CATALOGUE_LATEST: Final = timedelta(seconds=15)
SOURCE_LATEST: Final = timedelta(seconds=130)
PROFILE_PATIENCE: Final = timedelta(seconds=1)
#: How long what was found is good for: all of it, nothing, and what is not whole because somebody failed.
KEPT: Final = timedelta(hours=24)
KEPT_EMPTY: Final = timedelta(minutes=15)
KEPT_FAILED: Final = timedelta(minutes=5)
#: So many searches begin at once, and so many are remembered, with so many releases together: 0.2 kB each.
MOST_AT_ONCE: Final = 4
MOST_REMEMBERED: Final = 32
MOST_HELD: Final = 10_000
#: So many offers of one source, and of all of them, are looked at.
MOST_OF_SOURCE: Final = 500
MOST_OFFERS: Final = 2_000
#: So many names are read before others have their turn: some five milliseconds.
PORTION: Final = 50
#: Who offers what a person brought.
GIVEN: Final = "given"

type Listener = Callable[[SearchAnswer], None]
type Begin = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


def _task(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)


def _nobody() -> Judge | None:
    return None


class SearchEngine:
    """Searches, and remembers what it found."""

    def __init__(
        self,
        *,
        catalogues: Callable[[Query], Sequence[Catalogue]],
        sources: Callable[[Target], Sequence[Source]],
        policies: Policies,
        profiles: Profiles,
        shelf: Shelf,
        holdings: Holdings,
        clock: Callable[[], datetime],
        version: str = "",
        judge: Callable[[], Judge | None] = _nobody,
        begin: Begin = _task,
        on_update: Listener | None = None,
    ) -> None:
        self.catalogues = catalogues
        self.sources = sources
        self.policies = policies
        self.profiles = profiles
        self.shelf = shelf
        self.holdings = holdings
        self.judge = judge
        self.verdicts = Verdicts()
        self.namesakes = Namesakes(catalogues, clock)
        self.clock = clock
        self.version = version  # of what scores: what another one has scored is scored anew
        self.slots = asyncio.Semaphore(MOST_AT_ONCE)
        self.on_update = on_update
        self._begin = begin
        self._searches: OrderedDict[str, Search] = OrderedDict()

    async def search(
        self, request: SearchRequest, *, deadline: timedelta = DEADLINE, fresh: bool = False
    ) -> SearchAnswer:
        """Return what is found until the deadline. `fresh` asks everybody again, whatever is remembered."""
        search = self.start(request, deadline=deadline, fresh=fresh)
        if not search.running:
            await search.score_again()
            return replace(search.answer, from_cache=True)
        await search.wait(deadline)
        if NOBODY in request.sources and search.answer.complete:  # there is nothing to come back to
            self._searches.pop(search.key, None)
        return search.answer

    def start(self, request: SearchRequest, *, deadline: timedelta = DEADLINE, fresh: bool = False) -> Search:
        """Return the search for this, begun now unless it is under way or was done."""
        query = read_query(request, self.clock().date())
        key = key_of(query, request)
        search = self._searches.get(key)
        if search is None or not (search.running or (search.good_until > self.clock() and not fresh)):
            search = Search(self, key, query, request, deadline=deadline, fresh=fresh)
            search.task = self._begin(search.run(), f"search for {key}")
        self._searches[key] = search
        self._searches.move_to_end(key)
        self.tidy()
        return search

    def find(self, answer_id: str) -> Search | None:
        """Return a search that is under way or remembered, by the id of its answer."""
        return next((each for each in self._searches.values() if each.answer.id == answer_id), None)

    def forget(self) -> None:
        """Forget what was found; what is under way goes on."""
        for key in [key for key, search in self._searches.items() if not search.running]:
            del self._searches[key]

    async def stop(self) -> None:
        """End all that is under way."""
        tasks = [each.task for each in self._searches.values() if each.task is not None and not each.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._searches.clear()

    def tidy(self) -> None:
        """Forget what was not asked for the longest; never what is under way, nor the newest."""
        held = sum(len(each.answer.results) for each in self._searches.values())
        for key, search in tuple(self._searches.items())[:-1]:
            if len(self._searches) <= MOST_REMEMBERED and held <= MOST_HELD:
                return
            if not search.running:
                held -= len(search.answer.results)
                del self._searches[key]


class Search:
    """One search, from its request to the last update."""

    def __init__(
        self, engine: SearchEngine, key: str, query: Query, request: SearchRequest, *, deadline: timedelta, fresh: bool
    ) -> None:
        now = engine.clock()
        self.key = key
        self.answer = SearchAnswer(id=_id(key, now), request=request, at=now)
        self.good_until = now
        self.task: asyncio.Task[None] | None = None
        self._engine = engine
        self._query = query
        self._identifying = deadline * IDENTIFYING_SHARE
        self._holding = min(deadline, DEADLINE) * HOLDING_SHARE
        self._fresh = fresh
        self._offers: dict[str, tuple[Offer, ...]] = {}
        self._ids: dict[str, str] = {}  # of results, by those of their offers
        self._looked_up: set[str] = set()  # info hashes
        self._held: set[str] = set()  # those that a debrid account holds
        self._reports: dict[str, SourceReport] = {}
        self._namesakes: asyncio.Task[None] | None = None  # finds out who else is called so
        self._judged: set[str] = set()  # names of releases that somebody was asked about
        self._listeners: list[Listener] = []
        self._waiting = 0
        self._cancelled = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._scoring = asyncio.Lock()
        self._ranked_by = ""
        self._profile: QualityProfile | None = None
        self._packed_profile: bytes | None = None  # of what is packed

    # --- who waits -----------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether more may come."""
        return not self.answer.complete and (self.task is None or not self.task.done())

    @property
    def watched(self) -> bool:
        """Whether anybody wants its updates, or waits for it."""
        return bool(self._listeners) or self._waiting > 0

    async def wait(self, deadline: timedelta) -> None:
        """Wait for the end, until a deadline; whoever has not answered by then is late."""
        if self.task is None:
            return
        self._waiting += 1
        try:
            await asyncio.wait({self.task}, timeout=deadline.total_seconds())
        finally:
            self._waiting -= 1
        if self.running:
            for key, report in self._reports.items():
                if report.state is SourceState.ASKED:
                    self._reports[key] = replace(report, state=SourceState.LATE)
            self._update(catalogues=self.answer.catalogues)

    def add_listener(self, listener: Listener) -> Callable[[], None]:
        """Call a function with each update."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def cancel(self) -> None:
        """Wait for nobody any more, and ask nobody new. What was found stays."""
        self._cancelled = True
        for task in tuple(self._tasks):
            task.cancel()

    # --- the way through -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Search. Whatever goes wrong ends in the answer."""
        try:
            if self._cancelled or await self._take_from_shelf():
                return
            async with self._turn():
                if not self._cancelled and await self._identify() and not self._cancelled:
                    await self._ask_sources()
        finally:
            self._end()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until there is a slot, and have it for a while: who waits for a slow source keeps nobody from theirs."""
        slots = self._engine.slots
        await slots.acquire()
        with ExitStack() as turn:
            turn.callback(slots.release)
            turn.callback(asyncio.get_running_loop().call_later(self._holding.total_seconds(), turn.close).cancel)
            yield

    async def _take_from_shelf(self) -> bool:
        """Take what was kept from before; nobody is asked then."""
        if self._fresh:
            return False
        engine = self._engine
        shelved = await engine.shelf.load(self.key, engine.clock() - KEPT)
        kept = from_kept(shelved[1]) if shelved is not None else None  # half a millisecond: no thread is worth it
        if shelved is None or kept is None:
            return False
        head = kept.head
        self._ranked_by, self._packed_profile = kept.ranked_by, kept.profile
        self._reports = {each.key: each for each in head.sources}
        self.answer = replace(
            self.answer,
            id=head.id,
            at=shelved[0],
            target=head.target,
            choices=head.choices,
            results=kept.results or (),
            accepted=head.accepted,
            catalogues=head.catalogues,
            sources=head.sources,
            remarks=head.remarks,
            profile=head.profile,
            from_cache=True,
        )
        if self._ranked_by != self._ranking():
            await self._score()
        self._update(complete=True)
        return True

    async def _identify(self) -> bool:
        """Find out which title is meant. Tell whether there is anything to ask sources for."""
        query, found = self._query, dict[str, Sequence[CatalogueTitle]]()
        reports: dict[str, SourceReport] = {}
        failing = False
        if query.names_a_title:
            reports = await self._ask_catalogues(found)
            failing = bool(reports) and not found
        identified = await asyncio.to_thread(identify_title, query, found)
        target, remarks = identified.target, self.answer.remarks
        if target is None and not identified.choices:
            key = "search.catalogues_failed" if failing else "search.unknown_title"
            if query.names_a_title:
                remarks = (*remarks, Reason(key=key))
            target = target_by_text(query)
        self._update(target=target, choices=identified.choices, remarks=remarks, catalogues=tuple(reports.values()))
        return target is not None and bool(target.text or target.info_hash or target.link or target.wanted.ids)

    async def _ask_catalogues(self, found: dict[str, Sequence[CatalogueTitle]]) -> dict[str, SourceReport]:
        """Ask all at once, and go on with those that answer in time; without any wait for the first that helps."""
        catalogues = self._engine.catalogues(self._query)
        reports = {each.key: SourceReport(key=each.key, name=each.name) for each in catalogues}
        asked = {self._ask(catalogue.titles(self._query), CATALOGUE_LATEST): catalogue.key for catalogue in catalogues}
        began, pending = asyncio.get_running_loop().time(), set(asked)
        patience: float | None = self._identifying.total_seconds()
        while pending:
            spent = asyncio.get_running_loop().time() - began
            left = None if patience is None else max(patience - spent, 0.0)
            done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            seconds = asyncio.get_running_loop().time() - began
            for task in done:
                key = asked[task]
                reports[key] = _reported(reports[key], task, seconds)
                if not task.cancelled() and task.exception() is None:
                    found[key] = task.result()
            in_time = patience is not None and seconds < patience
            if not in_time and (await asyncio.to_thread(identify_title, self._query, found)).target is not None:
                break
            if not in_time:
                patience = None  # whoever answers next
        for task in pending:
            task.cancel()
            key = asked[task]
            reports[key] = replace(reports[key], state=SourceState.LATE)
        return reports

    def _ask[T](self, work: Coroutine[Any, Any, T], latest: timedelta) -> asyncio.Task[T]:
        async def bounded() -> T:
            async with asyncio.timeout(latest.total_seconds()):
                return await work

        task = asyncio.create_task(bounded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask_sources(self) -> None:
        """Ask all at once; with each that answers, what there is by then is scored and told."""
        target = self.answer.target
        assert target is not None  # noqa: S101 -- `_identify` found one
        wanted = self.answer.request.sources
        sources = [each for each in self._engine.sources(target) if not wanted or each.key in wanted]
        self._reports = {each.key: SourceReport(key=each.key, name=each.name) for each in sources}
        self._bring(target)
        began = asyncio.get_running_loop().time()
        asked = {self._ask(source.offers(target), SOURCE_LATEST): source.key for source in sources}
        pending: set[asyncio.Task[Any]] = {*asked, *self._ask_for_namesakes(target)}
        self._profile = profile = await self._profile_of(target)  # meanwhile they answer
        self._update(profile=profile.name if profile is not None else None)
        if self._offers:
            await self._look_who_holds()
            await self._score()
            self._update()
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            seconds = asyncio.get_running_loop().time() - began
            for task in (each for each in asked if each in done):
                key = asked[task]
                self._reports[key] = _reported(self._reports[key], task, seconds)
                if not task.cancelled() and task.exception() is None:
                    self._take(key, task.result())
            for task in done - asked.keys():
                if not task.cancelled():
                    task.exception()  # a judge who fails has said nothing, nor has who was asked for namesakes
            await self._look_who_holds()
            await self._score()
            self._update()
            pending |= self._second_opinion(self.answer.target or target)

    def _ask_for_namesakes(self, target: Target) -> set[asyncio.Task[None]]:
        """Find out who else is called so, unless that is known. Nobody waits for it: until then it is doubtful."""
        if target.title is None or target.wanted.namesakes is not None:
            return set()
        if (known := self._engine.namesakes.known(target.title)) is not None:
            self._know_namesakes(known)
            return set()
        self._namesakes = self._ask(self._find_namesakes(target.title), 2 * CATALOGUE_LATEST)
        return {self._namesakes}

    async def _find_namesakes(self, title: CatalogueTitle) -> None:
        found = await self._engine.namesakes.find(title, lambda asking: self._ask(asking, CATALOGUE_LATEST))
        if found is not None:
            self._know_namesakes(found)

    def _know_namesakes(self, years: frozenset[int]) -> None:
        if (target := self.answer.target) is not None:
            self.answer = replace(self.answer, target=replace(target, wanted=replace(target.wanted, namesakes=years)))

    def _second_opinion(self, target: Target) -> set[asyncio.Task[Any]]:
        """Let somebody judge what rules can't, if there is anything, and anybody."""
        if self._namesakes is not None and not self._namesakes.done():  # rules may be able to soon
            return set()
        doubts = [
            each for each in doubts_of(each.scored for each in self.answer.results) if each.name not in self._judged
        ]
        doubts = doubts[: MOST_DOUBTS - len(self._judged)]
        judge = self._engine.judge()
        if judge is None or not doubts or target.title is None or self._cancelled:
            return set()
        self._judged |= {each.name for each in doubts}
        return {self._ask(self._judge(judge, target, doubts), PATIENCE)}

    async def _judge(self, judge: Judge, target: Target, doubts: Sequence[Doubt]) -> None:
        known = self._engine.verdicts.of(target, (each.name for each in doubts))
        if new := [each for each in doubts if each.name not in known]:
            said = await judge.judge(target, new)
            asked = {each.name for each in new}
            self._engine.verdicts.remember(target, {name: same for name, same in said.items() if name in asked})

    async def _profile_of(self, target: Target) -> QualityProfile | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PROFILE_PATIENCE.total_seconds()):
                return await self._engine.profiles.profile_of(target)
        return None

    def _bring(self, target: Target) -> None:
        """Have what the person brought among the offers."""
        if target.link is None and target.info_hash is None:
            return
        name = target.release or target.text or target.info_hash or host_of(target.link or "")
        self._offers[GIVEN] = (
            Offer(
                name=name,
                indexer="",
                protocol=Protocol.TORRENT if target.info_hash else Protocol.UNKNOWN,
                info_hash=target.info_hash,
                link=target.link or f"magnet:?xt=urn:btih:{target.info_hash}",
                source=GIVEN,
            ),
        )

    def _take(self, key: str, answer: SourceAnswer) -> None:
        """Take what a source offers: so much of it as is looked at."""
        target = self.answer.target
        info_hash = target.info_hash if target is not None else None
        named = [each for each in answer.offers if each.name and (info_hash is None or each.info_hash == info_hash)]
        free = MOST_OFFERS - sum(map(len, self._offers.values()))
        most = max(min(MOST_OF_SOURCE, free), 0)
        self._offers[key] = tuple(replace(each, source=each.source or key) for each in named[:most])
        remarks = answer.remarks
        if len(named) > most:
            remarks = (*remarks, Reason(key="search.cut", parameters={"count": len(named), "taken": most}))
        state = SourceState.ANSWERED if named else SourceState.EMPTY
        self._reports[key] = replace(self._reports[key], state=state, count=len(named), remarks=remarks)

    async def _look_who_holds(self) -> None:
        """Mark what a debrid account holds already, whoever offers it."""
        told = {each.info_hash for offers in self._offers.values() for each in offers if each.info_hash is not None}
        if new := told - self._looked_up:
            self._looked_up |= new
            self._held |= await self._engine.holdings.held(new)
        for key, offers in self._offers.items():
            self._offers[key] = tuple(
                replace(each, cached=True) if each.info_hash in self._held and not each.cached else each
                for each in offers
            )

    # --- the answer ----------------------------------------------------------------------------------------------

    async def score_again(self) -> None:
        """Score what was found with what the person likes now, if that changed."""
        if self._ranked_by != self._ranking():
            await self._score()
            self._update()
            self._settle()

    def _policy(self) -> Policy:
        policy = self._engine.policies.policy(self.answer.request.policy)
        return policy if (least := self._least()) is None else replace(policy, minimum_resolution=least)

    def _least(self) -> Resolution | None:
        """Return the resolution that was asked for with this title: it counts beside any profile."""
        lines = self.answer.request.minimum_lines
        return None if lines is None else Resolution(lines)

    def _ranking(self) -> str:
        """Return what tells whether releases would be ranked the same way."""
        said = self._engine.version, policy_as_json(self._policy()), self._least()
        return hashlib.blake2b(repr(said).encode(errors="replace"), digest_size=16).hexdigest()

    async def _score(self) -> None:
        """Merge, score and order all that there is, beside the event loop."""
        async with self._scoring:
            target = self.answer.target
            policy, self._ranked_by = self._policy(), self._ranking()
            if target is None:
                return
            await self._unpack()
            offers = tuple(offer for each in self._offers.values() for offer in each)
            for portion in batched({offer.name for offer in offers}, PORTION, strict=False):
                await asyncio.to_thread(_read_names, portion)
            judged = self._engine.verdicts.of(target, {offer.name for offer in offers})
            profile, least = self._profile, self._least()
            ranked = await asyncio.to_thread(rank, offers, target.wanted, policy, profile, judged, least)
            results = tuple(self._results(ranked))
            self.answer = replace(
                self.answer,
                results=results,
                accepted=sum(each.scored.accepted for each in results),
                fetchable=any(each.link or each.guid for each in offers),
            )

    def _results(self, ranked: Iterable[Scored]) -> Iterable[Result]:
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

    def _update(self, **changes: Any) -> None:
        """Publish what there is."""
        self.answer = replace(
            self.answer, sources=tuple(self._reports.values()), revision=self.answer.revision + 1, **changes
        )
        for listener in tuple(self._listeners):
            listener(self.answer)
        if self._engine.on_update is not None:
            self._engine.on_update(self.answer)

    def _end(self) -> None:
        """Say that nothing more will come, and keep what was found."""
        for task in tuple(self._tasks):
            task.cancel()
        self._engine.tidy()
        now, from_shelf = self._engine.clock(), self.answer.complete
        self.good_until = self.answer.at + KEPT if from_shelf else now + self._lasting()
        if not from_shelf:
            self._update(complete=True)
        if not from_shelf or not isinstance(self.answer.results, PackedResults):
            self._settle()

    def _lasting(self) -> timedelta:
        """Return how long what was found is good for."""
        asked = self.answer.sources
        if self.answer.title is None:  # somebody else might have known what is meant
            asked = (*asked, *self.answer.catalogues)
        target = self.answer.target
        doubtful = target is not None and target.wanted.namesakes is None
        if doubtful or any(each.open or each.state is SourceState.FAILED for each in asked):
            return KEPT_FAILED
        return KEPT if self.answer.results or self.answer.choices else KEPT_EMPTY

    # --- what is left behind -------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Make what was found small, and keep it where it is good for a day."""
        keep = self._lasting() == KEPT and self._query.link is None
        if keep or self.answer.results:
            self._engine._begin(self._pack(keep=keep), "keeping what a search found")  # noqa: SLF001 -- one module

    async def _pack(self, *, keep: bool) -> None:
        async with self._scoring:
            answer, offers = self.answer, [offer for each in self._offers.values() for offer in each]
            if isinstance(answer.results, PackedResults):  # somebody was faster
                return
            places = {id(offer): place for place, offer in enumerate(offers)}
            pages, packing = [], pages_of(answer.results, places)
            while (page := await asyncio.to_thread(next, packing, None)) is not None:
                pages.append(page)
            ids = await asyncio.to_thread(ids_of, answer.results)
            results = PackedResults(pages, ids, len(answer.results))
            self._packed_profile = await asyncio.to_thread(packed_profile, self._profile)
            self.answer = replace(self.answer, results=results or ())
            self._offers, self._ids, self._profile = {}, {}, None
            ranked_by, profile = self._ranked_by, self._packed_profile
        if keep:
            head = Head(
                id=answer.id,
                target=answer.target,
                choices=answer.choices,
                catalogues=answer.catalogues,
                sources=answer.sources,
                remarks=answer.remarks,
                profile=answer.profile,
                accepted=answer.accepted,
            )
            kept = Kept(head=head, ranked_by=ranked_by, results=results, profile=profile)
            await self._engine.shelf.keep(self.key, answer.at, await asyncio.to_thread(as_kept, kept))

    async def _unpack(self) -> None:
        """Have all offers again, and what they were called by."""
        packed = self.answer.results
        if isinstance(packed, PackedResults):
            self._offers = {"": await asyncio.to_thread(packed.offers)}
            self._ids = await asyncio.to_thread(packed.result_ids)
            self._profile = await asyncio.to_thread(unpacked_profile, self._packed_profile)


def _reported(report: SourceReport, task: asyncio.Task[Any], seconds: float) -> SourceReport:
    """Return what became of asking somebody."""
    if task.cancelled():
        return replace(report, state=SourceState.FAILED, remarks=(Reason(key="search.cancelled"),))
    if (error := task.exception()) is not None:
        return replace(report, state=SourceState.FAILED, seconds=seconds, remarks=(_why(error),))
    answer = task.result()
    count = len(answer.offers) if isinstance(answer, SourceAnswer) else len(answer)
    return replace(report, state=SourceState.ANSWERED if count else SourceState.EMPTY, count=count, seconds=seconds)


def _why(error: BaseException) -> Reason:
    """Return why somebody could not answer. One that fails in a way that nobody thought of fails alone, too."""
    match error:
        case AskingFailed():
            return error.reason
        case TimeoutError():
            return Reason(key="search.no_answer")
    return Reason(key="search.went_wrong", parameters={"error": type(error).__name__})


def _read_names(names: Iterable[str]) -> None:
    """Read names: what was read is remembered."""
    for name in names:
        parse(name)


def key_of(query: Query, request: SearchRequest) -> str:
    """Return what a search is remembered by: the same for what means the same."""
    said = (
        plain(query.text) or query.text.casefold(),
        query.year,
        query.kind,
        query.season,
        sorted(query.episodes),
        query.aired,
        sorted(query.ids),
        query.info_hash,
        query.link,
        request.policy,
        request.minimum_lines,
        sorted(request.sources),
    )
    return hashlib.blake2b(repr(said).encode(errors="replace"), digest_size=16).hexdigest()


def _id(key: str, at: datetime) -> str:
    return hashlib.blake2b(f"{key}{at.isoformat()}".encode(), digest_size=5).hexdigest()
