"""The search: which title is meant, who offers it, and what of that is best.

    catalogues, all at once ──► the title ──► sources, all at once ──► merged, scored, ordered ──► answer, updates

Whoever asks waits until the deadline at most, and gets what came by then. What comes later is an update of the same
answer. Who asks for the same while it is looked for shares the search; who asks again within a day gets what was found.

What was found is remembered in the order that it was given, and packed: who asks again is answered without any name
being read or anything being scored. Once the person likes something else it is unpacked and scored anew, and nobody has
to be asked again. By which profile an *arr manages the title is looked at once somebody was answered: where it is
another now, a better answer follows.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
import hashlib
from typing import Any, Final

from ..model.catalogue import CatalogueTitle
from ..model.library import Protocol, TitleKind
from ..model.reasons import Reason
from ..model.releases import Offer, QualityProfile
from ..model.search import NOBODY, SearchRequest, SourceReport, SourceState
from ..releases.attributes import Resolution
from .airing import with_day
from .findings import Findings, Taste
from .identifying import identify_title, plain, target_by_text, who_knows, year_told
from .judging import MOST_DOUBTS, PATIENCE, Doubt, Judge, Verdicts, doubts_of
from .keeping import Head, Kept, as_kept, from_kept, packed_profile
from .namesakes import Namesakes
from .packing import PackedResults
from .ports import (
    AskingFailed,
    Catalogue,
    Days,
    Holdings,
    Policies,
    Profiles,
    SearchAnswer,
    Shelf,
    Source,
    SourceAnswer,
    Target,
)
from .query import Query, host_of, read_query
from .reading_again import MOST_READ, READING_PATIENCE, SecondReader

DEADLINE: Final = timedelta(seconds=3)
#: Of the deadline so much is for finding out what is meant, where a catalogue is slow.
IDENTIFYING_SHARE: Final = 0.45
#: After so much of it the next search may begin, too, while this one waits for whoever is slow.
HOLDING_SHARE: Final = 0.5
#: Whoever hasn't answered after so long will not. An *arr that asks each indexer has up to two minutes for it.
CATALOGUE_LATEST: Final = timedelta(seconds=15)
SOURCE_LATEST: Final = timedelta(seconds=130)
PROFILE_PATIENCE: Final = timedelta(seconds=1)
#: Whether what is remembered was scored by the profile of now is looked at so often, whoever asks; nobody waits for it.
PROFILE_AGAIN: Final = timedelta(minutes=1)
PROFILE_LATEST: Final = timedelta(seconds=15)
#: How long what was found is good for: all of it, what lacks a part that may never come, nothing, and what is not
#: whole because somebody failed.
KEPT: Final = timedelta(hours=24)
KEPT_PARTLY: Final = timedelta(hours=3)
KEPT_EMPTY: Final = timedelta(minutes=15)
KEPT_FAILED: Final = timedelta(minutes=5)
#: So many searches begin at once, and so many are remembered, with so many releases together: 0.25 kB each.
MOST_AT_ONCE: Final = 4
MOST_REMEMBERED: Final = 32
MOST_HELD: Final = 10_000
#: Of the sources that were asked for and are not there so many are named.
MOST_NAMED: Final = 5
#: Who offers what a person brought.
GIVEN: Final = "given"

#: Says of a source that answered that something is missing in its answer.
_PARTLY: Final = frozenset({"search.indexers_failed", "search.seasons_left", "search.partly_failed"})

type Listener = Callable[[SearchAnswer], None]
type Begin = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


def _task(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.create_task(work, name=name)


def _nobody() -> None:
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
        days: Days,
        clock: Callable[[], datetime],
        version: str = "",
        judge: Callable[[], Judge | None] = _nobody,
        second: Callable[[], SecondReader | None] = _nobody,
        begin: Begin = _task,
        on_update: Listener | None = None,
        on_change: Listener | None = None,
    ) -> None:
        self.catalogues = catalogues
        self.sources = sources
        self.policies = policies
        self.profiles = profiles
        self.shelf = shelf
        self.holdings = holdings
        self.days = days
        self.judge = judge
        self.second = second
        self.verdicts = Verdicts()
        self.namesakes = Namesakes(catalogues, clock)
        self.clock = clock
        self.version = version  # of what scores: what another one has scored is scored anew
        self.slots = asyncio.Semaphore(MOST_AT_ONCE)
        self.on_update = on_update
        self.on_change = on_change  # told of an answer that was whole, and is another one now
        self.begin = begin
        self._searches: OrderedDict[str, Search] = OrderedDict()

    async def search(
        self, request: SearchRequest, *, deadline: timedelta = DEADLINE, fresh: bool = False
    ) -> SearchAnswer:
        """Return what is found until the deadline. `fresh` asks everybody again, whatever is remembered."""
        search = self.start(request, deadline=deadline, fresh=fresh)
        if not search.running:
            await search.score_again()
            search.look_at_profile()
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
        if search is None or not (search.running or (search.is_good(self.clock()) and not fresh)):
            search = Search(self, key, query, request, deadline=deadline, fresh=fresh)
            search.task = self.begin(search.run(), f"search for {key}")
        self._searches[key] = search
        self._searches.move_to_end(key)
        self.tidy()
        return search

    def find(self, answer_id: str) -> Search | None:
        """Return a search that is under way or remembered, by the id of its answer."""
        return next((each for each in self._searches.values() if each.answer.id == answer_id), None)

    def holds(self, search: Search) -> bool:
        """Tell whether a search is still remembered."""
        return self._searches.get(search.key) is search

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
        self._found = Findings()
        self._reports: dict[str, SourceReport] = {}
        self._namesakes: asyncio.Task[None] | None = None  # finds out who else is called so
        self._read_again: set[str] = set()  # names that a second reader was asked about
        self._judged: set[str] = set()  # names of releases that somebody was asked about
        self._listeners: list[Listener] = []
        self._waiting = 0
        self._cancelled = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._profile_looked_at: datetime | None = None

    # --- who waits -----------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether more may come."""
        return not self.answer.complete and (self.task is None or not self.task.done())

    def is_good(self, now: datetime) -> bool:
        """Tell whether who asks now may have what was found."""
        return self.good_until > now and not self._is_anybody_new(self.answer)

    def _is_anybody_new(self, answer: SearchAnswer) -> bool:
        """Tell whether there is somebody to ask now who wasn't there when all were asked for an answer."""
        asked = {each.key for each in (*answer.catalogues, *answer.sources)}
        there: list[Catalogue | Source] = []
        if answer.title is None and self._query.names_a_title:  # somebody else may know it
            there += self._engine.catalogues(self._query)
        if answer.target is not None:
            there += self._sources(answer.target)
        return any(each.key not in asked for each in there)

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
        """Take what was kept from before, if it has what all have who are there now; nobody is asked then."""
        if self._fresh:
            return False
        engine = self._engine
        shelved = await engine.shelf.load(self.key, engine.clock() - KEPT)
        kept = from_kept(shelved[1]) if shelved is not None else None  # half a millisecond: no thread is worth it
        if shelved is None or kept is None:
            return False
        head = kept.head
        answer = replace(
            self.answer,
            id=head.id,
            at=shelved[0],
            target=head.target,
            choices=head.choices,
            results=kept.results or (),
            catalogues=head.catalogues,
            sources=head.sources,
            remarks=head.remarks,
            profile=head.profile,
            from_cache=True,
        )
        if self._is_anybody_new(answer) or engine.clock() - answer.at >= _lasting(answer):
            return False
        self.answer, self._reports = answer, {each.key: each for each in head.sources}
        self._found.have(kept)
        if self._is_stale:
            await self._score()
        self._update(complete=True)
        return True

    async def _identify(self) -> bool:
        """Find out which title is meant. Tell whether there is anything to ask sources for."""
        query, found = self._query, dict[str, Sequence[CatalogueTitle]]()
        reports: dict[str, SourceReport] = {}
        if query.names_a_title:
            reports = await self._ask_catalogues(found)
        identified = await asyncio.to_thread(identify_title, query, found)
        target, remarks = identified.target, self.answer.remarks
        if target is None and not identified.choices:
            target = target_by_text(query)
            if query.names_a_title:
                remarks = (*remarks, *_unidentified(query, asked=bool(reports), answered=bool(found)))
        if target is not None and NOBODY not in self.answer.request.sources:
            target = await with_day(target, self._engine.days)
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
        sources = self._sources(target)
        self._reports = {each.key: SourceReport(key=each.key, name=each.name) for each in sources}
        if missing := self.answer.request.sources - {NOBODY, *self._reports}:
            reason = Reason(key="search.not_asked", parameters={"names": tuple(sorted(missing)[:MOST_NAMED])})
            self._update(remarks=(*self.answer.remarks, reason))
        self._bring(target)
        began = asyncio.get_running_loop().time()
        asked = {self._ask(source.offers(target), SOURCE_LATEST): source.key for source in sources}
        pending: set[asyncio.Task[Any]] = {*asked, *self._ask_for_namesakes(target)}
        self._profile_looked_at = self._engine.clock()
        profile = await self._profile_of(target, PROFILE_PATIENCE)  # meanwhile they answer
        await self._found.go_by(profile)
        self._update(profile=profile.name if profile is not None else None)
        if self._found.has_offers:
            await self._found.look_who_holds(self._engine.holdings)
            await self._score()
            self._update()
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            seconds = asyncio.get_running_loop().time() - began
            reports: dict[str, SourceReport] = {}
            for task in (each for each in asked if each in done):
                report = _reported(self._reports[asked[task]], task, seconds)
                answered = not task.cancelled() and task.exception() is None
                reports[report.key] = self._take(report, task.result()) if answered else report
            for task in done - asked.keys():
                if not task.cancelled():
                    task.exception()  # a judge who fails has said nothing, nor has who was asked for namesakes
            await self._found.look_who_holds(self._engine.holdings)
            await self._score()
            self._reports |= reports  # not before: who is said to have answered has its releases in the answer
            self._update()
            pending |= self._second_reading() | self._second_opinion(self.answer.target or target)

    def _sources(self, target: Target) -> list[Source]:
        """Return who is to be asked for a title."""
        wanted = self.answer.request.sources
        return [each for each in self._engine.sources(target) if not wanted or each.key in wanted]

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
        unsure = self._engine.verdicts.unasked(target, doubts_of(each.scored for each in self.answer.results))
        doubts = [each for each in unsure if each.name not in self._judged]
        doubts = doubts[: MOST_DOUBTS - len(self._judged)]
        judge = self._engine.judge()
        if judge is None or not doubts or target.title is None or self._cancelled:
            return set()
        self._judged |= {each.name for each in doubts}
        return {self._ask(self._judge(judge, target, doubts), PATIENCE)}

    async def _judge(self, judge: Judge, target: Target, doubts: Sequence[Doubt]) -> None:
        self._engine.verdicts.remember(target, doubts, await judge.judge(target, doubts))

    def _second_reading(self) -> set[asyncio.Task[None]]:
        """Have names read again that may be misread, if there are any, and anybody."""
        second, names = self._engine.second(), self._to_be_read_again()
        if second is None or not names or self._cancelled:
            return set()
        self._read_again.update(names)
        return {self._ask(second.read(names), READING_PATIENCE)}

    def _to_be_read_again(self) -> list[str]:
        second = self._engine.second()
        names = [] if second is None else second.unread(self._found.misread)
        return [each for each in names if each not in self._read_again][: MOST_READ - len(self._read_again)]

    async def _profile_of(self, target: Target, patience: timedelta) -> QualityProfile | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                return await self._engine.profiles.profile_of(target, self.answer.at)
        return None

    def _bring(self, target: Target) -> None:
        """Have what the person brought among the offers."""
        if target.link is None and target.info_hash is None:
            return
        name = target.release or target.text or target.info_hash or host_of(target.link or "")
        offer = Offer(
            name=name,
            indexer="",
            protocol=Protocol.TORRENT if target.info_hash else Protocol.UNKNOWN,
            info_hash=target.info_hash,
            link=target.link or f"magnet:?xt=urn:btih:{target.info_hash}",
        )
        self._found.take(GIVEN, (offer,))

    def _take(self, report: SourceReport, answer: SourceAnswer) -> SourceReport:
        """Take what a source offers, so much of it as is looked at, and return what is to be told of that."""
        target = self.answer.target
        info_hash = target.info_hash if target is not None else None
        named = [each for each in answer.offers if each.name and (info_hash is None or each.info_hash == info_hash)]
        taken, remarks = self._found.take(report.key, named), answer.remarks
        if len(named) > taken:
            remarks = (*remarks, Reason(key="search.cut", parameters={"count": len(named), "taken": taken}))
        state = SourceState.ANSWERED if named else SourceState.EMPTY
        return replace(report, state=state, count=len(named), remarks=remarks)

    # --- the answer ----------------------------------------------------------------------------------------------

    async def score_again(self) -> None:
        """Score what was found with what the person likes now, if that changed."""
        if self._is_stale:
            await self._score()
            self._update()
            self._settle()
            if names := self._to_be_read_again():
                self._engine.begin(self._follow_reading(names), "reading names again")

    async def _follow_reading(self, names: Sequence[str]) -> None:
        """Have names read again of what was found before, score that anew and tell so."""
        if (second := self._engine.second()) is None:
            return
        with suppress(OSError):  # it is tried again the next time that this is scored
            await second.read(names)
            await self._score_and_tell()

    @property
    def _is_stale(self) -> bool:
        """Whether what was found was scored by something else than what the person likes now."""
        return self.answer.target is not None and self._found.scored_by != self._taste().digest

    def look_at_profile(self) -> None:
        """Look by which profile an *arr manages the title now, beside whoever was answered from memory."""
        target, now = self.answer.target, self._engine.clock()
        if target is None or all(each.library_id is None for each in target.entries):
            return
        if self._profile_looked_at is None or now - self._profile_looked_at >= PROFILE_AGAIN:
            self._profile_looked_at = now
            self._engine.begin(self._follow_profile(target), "looking at a profile")

    async def _follow_profile(self, target: Target) -> None:
        """Score what was found anew, and tell so, if the profile is another one than then."""
        profile = await self._profile_of(target, PROFILE_LATEST)
        packed = await asyncio.to_thread(packed_profile, profile)
        if profile is None or packed == self._found.profile:
            return  # an *arr that is away changes nothing
        await self._score_and_tell(profile)

    async def _score_and_tell(self, profile: QualityProfile | None = None) -> None:
        """Score what was found before by the profile of before, or by another, and tell so."""
        if not self._engine.holds(self):
            return
        await self._score(profile)
        self._update(from_cache=True, **({"profile": profile.name} if profile is not None else {}))
        self._settle()
        if self._engine.on_change is not None:
            self._engine.on_change(self.answer)

    def _taste(self) -> Taste:
        """Return what the person likes now."""
        request, engine = self.answer.request, self._engine
        taste = Taste(engine.policies.policy(request.policy), None, engine.version, engine.second())
        if request.minimum_lines is None:
            return taste
        least = Resolution(request.minimum_lines) if request.minimum_lines else None
        return replace(taste, policy=replace(taste.policy, minimum_resolution=least), least=least)

    async def _score(self, another: QualityProfile | None = None) -> None:
        """Score what was found: by the profile of before, or by another."""
        if (target := self.answer.target) is None:
            return
        judged, wanted = partial(self._engine.verdicts.of, target), target.wanted
        await self._found.score(wanted, self._taste(), judged, another)
        if target.title is None and wanted.kind is TitleKind.MOVIE and wanted.year is None:
            year = await asyncio.to_thread(year_told, self._query, [each.scored for each in self._found.results])
            if year is not None:
                await self._found.score(replace(wanted, year=year), self._taste(), judged)

    def _update(self, **changes: Any) -> None:
        """Publish what there is."""
        found = self._found
        self.answer = replace(
            self.answer,
            results=found.results,
            accepted=found.accepted,
            fetchable=found.fetchable,
            sources=tuple(self._reports.values()),
            revision=self.answer.revision + 1,
            **changes,
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
        self.good_until = (self.answer.at if from_shelf else now) + _lasting(self.answer)
        if not from_shelf:
            self._update(complete=True)
        if not from_shelf or not isinstance(self.answer.results, PackedResults):
            self._settle()
        if from_shelf:
            self.look_at_profile()
        self.task = None  # with all that it ran in

    # --- what is left behind -------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Make what was found small, and keep it where it is good for hours."""
        keep = _lasting(self.answer) >= KEPT_PARTLY and self._query.link is None
        if keep or self.answer.results:
            self._engine.begin(self._pack(keep=keep), "keeping what a search found")

    async def _pack(self, *, keep: bool) -> None:
        packed = await self._found.pack()
        if packed is None:
            return
        answer = self.answer = replace(self.answer, results=packed.results or ())
        if keep:
            head = Head(
                id=answer.id,
                target=answer.target,
                choices=answer.choices,
                catalogues=answer.catalogues,
                sources=answer.sources,
                remarks=answer.remarks,
                profile=answer.profile,
                accepted=packed.accepted,
            )
            kept = Kept(head=head, ranked_by=packed.scored_by, results=packed.results, profile=packed.profile)
            await self._engine.shelf.keep(self.key, answer.at, await asyncio.to_thread(as_kept, kept))


def _lasting(answer: SearchAnswer) -> timedelta:
    """Return how long what was found is good for."""
    asked = answer.sources
    if answer.title is None:  # somebody else might have known what is meant
        asked = (*asked, *answer.catalogues)
    target = answer.target
    doubtful = target is not None and target.title is not None and target.wanted.namesakes is None
    if doubtful or any(each.open or each.state is SourceState.FAILED for each in asked):
        return KEPT_FAILED
    if not (answer.results or answer.choices):
        return KEPT_EMPTY
    return KEPT_PARTLY if any(remark.key in _PARTLY for each in asked for remark in each.remarks) else KEPT


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


def _unidentified(query: Query, *, asked: bool, answered: bool) -> Iterator[Reason]:
    """Say why nobody knows which title is meant, and what it is taken for."""
    if not asked:
        yield Reason(key="search.no_catalogue", parameters={"names": who_knows(query)})
    else:
        yield Reason(key="search.unknown_title" if answered else "search.catalogues_failed")
    if query.kind is None and not (query.info_hash or query.link):
        yield Reason(key="search.as_film")


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
        sorted(f"{each.kind} {plain(each.text)}" for each in query.others),
        request.policy,
        request.minimum_lines,
        sorted(request.sources),
    )
    return hashlib.blake2b(repr(said).encode(errors="replace"), digest_size=16).hexdigest()


def _id(key: str, at: datetime) -> str:
    return hashlib.blake2b(f"{key}{at.isoformat()}".encode(), digest_size=5).hexdigest()
