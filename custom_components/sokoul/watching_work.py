"""Looking after one wish: what is known of it is gathered, what is next is decided, and that is done; until nothing is.

Whatever came of a step is written before the next one is begun.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from homeassistant.util import dt as dt_util

from .acquire.grabbing import PASSING, GrabFailed, leads_nowhere
from .clients.errors import BackendError
from .const import LOGGER
from .model.journal import AUTOPILOT
from .model.library import TitleKind
from .model.reasons import Reason
from .releases.upgrade import quality
from .watching_downloads import OnItsWay
from .watching_facts import Library, WatchFacts
from .watching_grabs import Findings, Share, WatchGrabs, shared_out
from .watching_titles import Identified, Titles, meant_by, same_place
from .watchlist.budget import SearchBudget, is_new
from .watchlist.changing import means, unclear, unknown
from .watchlist.deciding import Step, StepKind, held_back, next_step, refresh
from .watchlist.items import ARR, WANTED, Better, Keeper, Part, Wish
from .watchlist.known import Catalogued, Coming, Held, Known, is_managed
from .watchlist.outcomes import Found, added, asked, failed, grabbed, looked_for_better, put_off, searched, upgraded
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

#: A wish that wants more at a time comes back later: others wait, too.
MOST_STEPS: Final = 12
#: When searches were made, among what the hub remembers.
SEARCHES_KEY: Final = "searches"
#: What searches found is remembered for so many wishes, until it is grabbed.
MOST_FINDINGS: Final = 50
#: What catalogues told is good for so long.
TOLD_LASTS: Final = timedelta(minutes=5)
#: An *arr reads the episodes of a new series within moments.
EPISODES_SOON: Final = timedelta(minutes=1)
EPISODES_WITHIN: Final = timedelta(minutes=15)

_DONE_ELSEWHERE: Final = frozenset({StepKind.ADD_TO_ARR, StepKind.SEARCH, StepKind.GRAB, StepKind.UPGRADE})

type Keep = Callable[[Wish, Wish], Awaitable[Wish | None]]


class Work:
    """Does for wishes what is due. `keep_found` writes a wish and returns it as it stands; None: a person changed it.

    `keep_done` does that with what was done elsewhere, which is not forgotten because something else changed.
    """

    def __init__(self, hub: Hub, titles: Titles, keep_found: Keep, keep_done: Keep) -> None:
        self._hub = hub
        self._titles = titles
        self._keep_found = keep_found
        self._keep_done = keep_done
        self.facts = WatchFacts(hub, titles)
        self._grabs = WatchGrabs(hub)
        self.budget = SearchBudget(partial(hub.memory.set, SEARCHES_KEY))
        self._added: dict[str, datetime] = {}  # series and movies that an *arr was just made to know
        self._told: dict[str, tuple[datetime, Identified]] = {}
        self._findings: OrderedDict[str, Findings] = OrderedDict()  # by how the search refers to the best of them
        self._approved: dict[str, tuple[datetime, str]] = {}  # wishes that a person asked to have now, and who that was

    def approve(self, wish_id: str, actor: str) -> None:
        """Fetch a wish when it is looked at next, whatever is due."""
        self._approved[wish_id] = dt_util.utcnow(), actor

    # --- which title ---------------------------------------------------------------------------------------------

    async def identify(self, wish: Wish) -> Wish | None:
        """Find out which title is meant, and return the wish as it stands then. Raises `StoreError`."""
        found = await self._titles.identify(wish)
        now = dt_util.utcnow()
        if found.title is not None:
            self._told[wish.id] = now, found
            meant = meant_by(found.title, found.namesakes)
            return await self._keep_found(wish, means(wish, meant, now, season=found.season, episode=found.episode))
        if found.choices and wish.meant is None:
            return await self._keep_found(
                wish, unclear(wish, found.choices, now, season=found.season, episode=found.episode)
            )
        why = found.why or Reason(key="watchlist.unknown_title", parameters={"text": wish.text})
        return await self._keep_found(wish, unknown(wish, why, now, failed=found.failed))

    async def _catalogued(self, wish: Wish, library: Library | None) -> Catalogued | None:
        """Return what catalogues tell of a title; None: nobody who could be asked knows it."""
        told_at, told = self._told.pop(wish.id, (None, None))
        if told is None or told_at is None or dt_util.utcnow() - told_at > TOLD_LASTS:
            told = await self._titles.identify(wish)
        title = told.title
        if wish.meant is None or title is None:
            return None
        if wish.meant.kind is TitleKind.MOVIE:
            return Catalogued(dates=told.dates)
        if library is not None and library.episodes:
            return Catalogued(ended=title.ended, episodes=library.episodes)
        try:
            episodes = await self.facts.episodes(wish, title)
        except BackendError as error:
            LOGGER.debug("The episodes of %s can't be read: %s", wish.label, error)
            episodes = None
        return Catalogued(ended=title.ended, episodes=episodes or ())

    async def seen(self, found: Identified) -> Wish | None:
        """Return how far a title is that nobody wished for, as if somebody did; None: nobody has it, or gets it.

        Nothing is written, and nothing done. Raises `BackendError`.
        """
        title, now = found.title, dt_util.utcnow()
        if title is None:
            return None
        wish = Wish(id="", text=title.label, asked_at=now, asked_by=ARR)
        wish = means(wish, meant_by(title), now, season=found.season, episode=found.episode)
        wish = replace(wish, keeper=await self._titles.kept(title.kind, title.ids))
        self._told[wish.id] = now, found
        _, library = await self._known(wish, None)
        catalogue = await self._catalogued(wish, library)
        wish = refresh(wish, Known(catalogue=catalogue), now)  # with its parts
        known, _ = await self._known(wish, catalogue)
        wish = refresh(wish, known, now)
        coming = any(known.comes(part) for part in wish.parts)
        return wish if wish.keeper is not None or coming else None

    # --- one look ------------------------------------------------------------------------------------------------

    async def look(self, wish: Wish) -> Wish | None:
        """Do all that is due for a wish, and return it as it stands then. Raises `StoreError`."""
        asked_at, actor = self._approved.pop(wish.id, (None, AUTOPILOT))
        if wish.meant is None:
            step = next_step(wish, Known(), dt_util.utcnow())
            return await self.identify(wish) if step.kind is StepKind.RESOLVE else wish
        stands: Wish | None = wish
        if wish.keeper is not None and self._titles.arr(wish.keeper) is None:  # it was taken out of the hub
            stands = await self._keep_found(wish, replace(wish, keeper=None))
        if stands is not None and (seen := await self._seen_by(stands)) != stands.keeper:
            stands = await self._keep_found(stands, replace(stands, keeper=seen))
        catalogue: Catalogued | None = None
        for _ in range(MOST_STEPS):
            if stands is None:
                return None
            known, library = await self._known(stands, catalogue)
            if (alone := await self._episode_alone(stands, library)) != stands.keeper:
                stands = await self._keep_done(stands, replace(stands, keeper=alone))
                continue
            now = dt_util.utcnow()
            stands = await self._keep_found(stands, refresh(stands, known, now))
            if stands is None:
                return None
            step = next_step(stands, known, now, asked=asked_at)
            if step.kind is StepKind.NOTHING:
                self.budget.wait(stands.id, waits=held_back(stands, known, now))
                return self._soon(stands, library, now)
            if step.kind is StepKind.RESOLVE:
                stands, catalogue = await self._told_of(stands, library)
            else:
                stands, catalogue = await self._do(stands, step, actor), None
        return self._goes_on(stands, asked_at, actor)

    def _goes_on(self, wish: Wish | None, asked_at: datetime | None, actor: str) -> Wish | None:
        """Return a wish that wants more than a look does: the next is due, and what a person asked for holds then."""
        if wish is None:
            return None
        if asked_at is not None:
            self._approved.setdefault(wish.id, (asked_at, actor))
        return replace(wish, due=dt_util.utcnow())

    async def _seen_by(self, wish: Wish) -> Keeper | None:
        """Return the *arr that has a title already, though nothing was added or monitored for the wish.

        What is there, or on its way there, is noticed whether or not anything may be fetched.
        """
        missing = any(part.state in WANTED for part in wish.parts) or not wish.parts
        if wish.meant is None or wish.done or wish.asked_by == ARR or not missing or is_managed(wish):
            return wish.keeper
        try:
            there = await self._titles.kept(wish.meant.kind, wish.meant.ids)
        except BackendError as error:
            LOGGER.debug("The libraries can't be asked for %s: %s", wish.label, error)
            return wish.keeper
        if there is None:  # an *arr that doesn't answer may have it still
            arr = self._titles.arr(wish.keeper)
            return wish.keeper if arr is not None and not arr.answering else None
        return wish.keeper if same_place(wish.keeper, there) else replace(there, only_seen=True)

    async def _told_of(self, wish: Wish, library: Library | None) -> tuple[Wish | None, Catalogued | None]:
        """Ask catalogues. What they told before is a little old, and no worse, where they can't be asked."""
        catalogue = await self._catalogued(wish, library)
        if catalogue is not None or wish.parts:
            return wish, catalogue or Catalogued()
        why = Reason(key="watchlist.catalogues_failed")
        return await self._keep_found(wish, failed(wish, why, dt_util.utcnow())), None

    async def _episode_alone(self, wish: Wish, library: Library | None) -> Keeper | None:
        """Monitor the one episode of a series that was added for nothing else: as soon as Sonarr knows it."""
        if wish.keeper is None or not wish.keeper.added or wish.episode is None or library is None:
            return wish.keeper
        try:
            return await self._titles.watch_episodes(wish, wish.keeper, library.episodes)
        except BackendError as error:
            LOGGER.debug("The episode can't be monitored: %s", error)
            return wish.keeper

    def _soon(self, wish: Wish, library: Library | None, now: datetime) -> Wish:
        """Look soon at a series whose episodes are not there yet; of one that is only announced they may never be."""
        if now - max(wish.asked_at, self._added.get(wish.id, wish.asked_at)) > EPISODES_WITHIN:
            self._added.pop(wish.id, None)
            return wish
        empty = library is not None and library.title is not None and not library.episodes
        series = wish.meant is not None and wish.meant.kind is TitleKind.SERIES
        if empty and series and not wish.parts and (wish.due is None or wish.due > now + EPISODES_SOON):
            return replace(wish, due=now + EPISODES_SOON)
        return wish

    async def _do(self, wish: Wish, step: Step, actor: str) -> Wish | None:
        """Do a step, write what came of it, and return the wish as it stands then."""
        done = await self._done(wish, step, actor)
        keep = self._keep_done if step.kind in _DONE_ELSEWHERE else self._keep_found
        stands = await keep(wish, done)
        if step.kind is StepKind.ADD_TO_ARR and done.failed_at is None:
            self._titles.intents.end(wish.id)  # the wish says it
        return stands

    async def _done(self, wish: Wish, step: Step, actor: str) -> Wish:
        """Do a step, and return the wish with what came of it."""
        match step.kind:
            case StepKind.ADD_TO_ARR:
                return await self._add(wish)
            case StepKind.SEARCH:
                return await self._search(wish, step)
            case StepKind.GRAB:
                return await self._grab(wish, step, actor)
            case StepKind.UPGRADE:
                return await self._upgrade(wish, step)
            case StepKind.ASK:
                return asked(wish, step.keys, dt_util.utcnow())
        return wish

    async def _add(self, wish: Wish) -> Wish:
        try:
            keeper = await self._titles.keep(wish)
        except GrabFailed as error:
            return failed(wish, error.reason, dt_util.utcnow())
        except BackendError as error:
            why = Reason(key="watchlist.not_added", parameters={"detail": str(error)})
            return failed(wish, why, dt_util.utcnow())
        self._added[wish.id] = dt_util.utcnow()
        return added(wish, keeper)

    # --- searching and grabbing ----------------------------------------------------------------------------------

    async def _search(self, wish: Wish, step: Step) -> Wish:
        parts = [part for part in wish.parts if part.key in step.keys]
        without = {each for part in parts for each in part.failed}
        episode = None if step.pack else next((part.episode for part in parts), None)
        self.budget.spend(wish.id, dt_util.utcnow(), new=is_new(wish))
        findings = await self._grabs.search(wish, step.season, episode, without=without)
        now = dt_util.utcnow()
        if findings.failed is not None:
            return failed(wish, findings.failed, now, step.keys)
        shares: Sequence[Share] = (Share(step.keys, findings),)
        if step.pack and findings.results:  # a release may have but one of its episodes
            shares = await asyncio.to_thread(shared_out, findings, parts)
        found = {key: _found(each.findings) for each in shares for key in each.keys}
        wish = searched(wish, step.keys, found, now, pack=step.pack)
        for each in shares:
            wish = self._offered(wish, each, now)
        return wish

    def _offered(self, wish: Wish, share: Share, now: datetime) -> Wish:
        """Hold what was found until it is grabbed; what is here, or on its way, need not be."""
        found = share.findings
        if found.here is not None:
            release = found.here.scored.release
            wish = _with_release(wish, share.keys, release.name.name)
            return grabbed(wish, share.keys, now, download=release.info_hash or "")
        if found.reference:
            self._findings[found.reference] = found.to_grab()
            while len(self._findings) > MOST_FINDINGS:
                self._findings.popitem(last=False)
        return wish

    async def _grab(self, wish: Wish, step: Step, actor: str) -> Wish:
        findings = self._findings.pop(step.result, None)
        if findings is None:  # it was found before a restart
            return await self._search(wish, replace(step, pack=len(step.keys) > 1))
        got = await self._grabs.grab(wish, _label(wish, step), findings, actor, dt_util.utcnow())
        now = dt_util.utcnow()
        if not got.taken:
            why = got.why or Reason(key="grab.nobody")
            if why.key in PASSING:  # it is kept until it can't be had any more as it was found
                self._findings[step.result] = findings
                return put_off(wish, why, got.others, now)
            return failed(wish, why, now, step.keys, useless=leads_nowhere(why))
        wish = _with_release(wish, step.keys, got.release)
        return grabbed(wish, step.keys, now, entry_id=got.entry_id, download=got.download)

    async def _upgrade(self, wish: Wish, step: Step) -> Wish:
        """Look for something better than what can be watched, and have it downloaded; that stays where it is."""
        part = wish.part(step.keys[0])
        assert part is not None  # noqa: S101 -- the step is about it
        self.budget.spend(wish.id, dt_util.utcnow())
        found = await self._grabs.better(wish, part)
        now = dt_util.utcnow()
        if not found.findings.results:
            return looked_for_better(wish, step.keys, now, points=found.points)
        if found.findings.here is not None:  # whoever has it downloaded
            release, entry_id = found.findings.here.scored.release, None
            name, download = clean(release.name.name), release.info_hash or ""
        else:
            label = _label(wish, step)
            why = Reason(key="grab.better", parameters={"title": label, "release": part.release})
            got = await self._grabs.grab(wish, label, found.findings, AUTOPILOT, now, reason=why)
            now = dt_util.utcnow()
            if not got.taken:
                return looked_for_better(wish, step.keys, now, points=found.points)
            name, download, entry_id = got.release, got.download, got.entry_id
        taken = next((each.scored for each in found.findings.results if each.scored.release.name.name == name), None)
        points = quality(taken) if taken is not None else None
        coming = Better(release=name, download=download, points=points, grabbed_at=now, entry_id=entry_id)
        return upgraded(wish, step.keys, coming, points=found.points)

    # --- what is known -------------------------------------------------------------------------------------------

    async def _known(self, wish: Wish, catalogue: Catalogued | None) -> tuple[Known, Library | None]:
        assert wish.meant is not None  # noqa: S101 -- of what isn't known nothing is known
        library: Library | None = None
        arrs = list(self._titles.arrs(wish.meant.kind))
        answering = [each for each in arrs if each.answering]
        # without any there is nobody to wait for
        answers, arr = bool(answering) or not arrs, self._titles.arr(wish.keeper) or next(iter(answering or arrs), None)
        if wish.keeper is not None:
            try:
                library = await self.facts.library(wish.keeper)
            except BackendError as error:
                LOGGER.debug("The library can't be asked about %s: %s", wish.label, error)
            answers = library is not None
        if wish.asked_by == ARR:
            pass  # it has the parts that are monitored and missing there, and no others
        elif catalogue is None and library is not None and library.title is not None and library.episodes:
            catalogue = Catalogued(ended=library.title.ended, episodes=library.episodes)
        coming = await self.facts.on_their_way(wish)
        return Known(
            catalogue=catalogue,
            has_arr=bool(arrs),
            arr=arr.title if arr is not None else "",
            answers=answers,
            kept=None if library is None else library.title is not None,
            library=None if library is None else _held(library),
            coming=_coming(wish, coming),
            all_seen=self.facts.all_seen(wish),
            searches_from=self.budget.free_at(wish.id, dt_util.utcnow()),
            new_from=self.budget.new_from(dt_util.utcnow()),
            pilot=self._hub.pilot.running,
            policy=self._hub.searching.policy(wish.policy),
            settings=self._hub.watching.settings,
        ), library


def _held(library: Library) -> Mapping[str, Held]:
    title = library.title
    if title is None:
        return {}
    if title.kind is TitleKind.MOVIE:
        return {"": Held(has_file=title.has_file, monitored=title.monitored)}
    return {
        Part(season=each.season, episode=each.episode).key: Held(
            has_file=each.has_file, monitored=each.monitored and title.monitored
        )
        for each in library.episodes
    }


def _coming(wish: Wish, downloads: tuple[OnItsWay, ...]) -> Mapping[str, tuple[Coming, ...]]:
    def told(each: OnItsWay) -> Coming:
        why = (each.waits,) if each.waits is not None else ()
        return Coming(
            download=each.key,
            release=each.release,
            finished=each.finished,
            failed=each.failed,
            stands=each.stands,
            why=why,
        )

    keys = {part.key for part in wish.parts} or {""}
    return {key: found for key in keys if (found := tuple(told(each) for each in downloads if key in each.parts))}


def _found(findings: Findings) -> Found:
    return Found(
        release=findings.release,
        result=findings.reference,
        count=findings.found,
        refused=findings.refused,
        unanswered=findings.unanswered,
    )


def _with_release(wish: Wish, keys: Collection[str], release: str) -> Wish:
    parts = (replace(part, release=release) if part.key in keys else part for part in wish.parts)
    return replace(wish, parts=tuple(parts))


def _label(wish: Wish, step: Step) -> str:
    """Return what is grabbed, as a person would call it."""
    title = wish.meant.label if wish.meant is not None else wish.text
    if step.season is None:
        return title
    return f"{title} {step.keys[0]}" if len(step.keys) == 1 else f"{title} S{step.season:02}"
