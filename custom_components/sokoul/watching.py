"""The watchlist at work in Home Assistant: what people want to watch, kept in the database and looked after.

    a wish ──► which title is meant ──► is it out? ──► searched ──► grabbed ──► imported ──► it can be watched

Whatever a person says is in the database before anything is done about it. One wish after another is looked at: those
that somebody waits for first, then those that are due, and those whose downloads changed. Searching costs indexers
something, so nothing is searched for twice at a time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from .const import LOGGER
from .debriding import EVENT_SYNC
from .model.journal import AUTOPILOT, PERSON, ActKind, EntryStatus, JournalEntry
from .model.library import TitleKind
from .model.search import SearchRequest
from .releases.attributes import Resolution
from .releases.tokens import fold
from .store import Store, StoreError
from .watching_events import asked_whether, happenings
from .watching_feeds import Feeds
from .watching_others import Others
from .watching_titles import Titles, chosen, text_of
from .watching_unasked import Unasked
from .watching_work import Work
from .watchlist.bettering import may_be_improved
from .watchlist.changing import (
    SAID,
    anew,
    brought_back,
    brought_together,
    done_with,
    has_lost,
    inherited,
    lasting,
    means,
    over_since,
    same_title,
    searched_anew,
    wanted_again,
)
from .watchlist.errors import MOST_WISHES, KeptByArr, NoList, NoSuchChoice, NoSuchWish, TooMany
from .watchlist.items import ARR, Keeper, Meant, Wish, WishState
from .watchlist.known import is_managed, waits_for_answer
from .watchlist.outcomes import hit
from .watchlist.settings import WatchSettings
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

SETTINGS_KEY: Final = "watchlist"
#: What changes at backends is looked at together: polls come every few seconds.
GLANCE: Final = timedelta(seconds=5)
#: After something went wrong that nobody thought of, and while the database can't be written.
PAUSE: Final = timedelta(minutes=15)
STORE_PAUSE: Final = timedelta(minutes=1)
#: What can be watched is kept on the list for so long.
READY_KEPT: Final = timedelta(days=30)
#: Without anything due; and while an *arr that doesn't answer has to be told something.
LONGEST_PAUSE: Final = timedelta(hours=12)
LEAVING_PAUSE: Final = timedelta(minutes=10)


_NOTHING_MISSING: Final = frozenset({WishState.READY, WishState.UP_TO_DATE})


class Unchanged(Enum):
    """Says of something that it is left as it is."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

type Witness = Callable[[str, Mapping[str, Any]], None]


class Watching:
    """Keeps the watchlist, and has each wish looked at when it is due."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._wishes: OrderedDict[str, Wish] = OrderedDict()
        self.titles = Titles(hub)
        self.work = Work(hub, self.titles, self._put, self._put_done)
        self.others = Others(hub, self)
        self.feeds = Feeds(hub, self._wishes.values, self._heard)
        self.unasked = Unasked(hub, self._wishes.values, self._look_soon)
        self._opened: Store | None = None  # the store that is read, or was
        self._read: Store | None = None  # the store whose wishes these are
        self._settings: WatchSettings | None = None
        self._asked_about: str | None = None  # the wish about which it was asked whether it is fetched by itself
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Witness] = []
        self._leave: list[CALLBACK_TYPE] = []
        self._running = False
        self._worker: asyncio.Task[None] | None = None
        self._looked: dict[str, asyncio.Future[None]] = {}  # whoever waits until it was looked at
        self._looking: asyncio.Future[None] | None = None  # whoever waits for the look that is under way
        self._first: OrderedDict[str, None] = OrderedDict()  # wishes to look at now
        self._elsewhere: set[str] = set()  # wishes that somebody else did something about
        self._identifying: dict[str, asyncio.Task[None]] = {}
        self._became: dict[str, str] = {}  # wishes that turned out to be the same as an older one
        self._changing = asyncio.Lock()
        self._untold = False  # something changed that nobody was told of yet
        self._to_leave = False  # *arrs have to be told something now
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._cancel_glance: CALLBACK_TYPE | None = None

    # --- life ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Read the list whenever there is a database anew, and look after it."""
        self._running = True
        self._leave += [
            self._hub.pilot.add_watcher(self._look_at_store),
            self._hub.pilot.add_listener(self._noted),
            self._hub.add_listener(self._world_changed),
            self.others.start(),
            self.feeds.start(),
            self._hub.hass.bus.async_listen(EVENT_SYNC, self._synchronised),
            self.unasked.start(),
        ]
        self._look_at_store()

    async def stop(self) -> None:
        """Look after nothing any more."""
        self._running = False
        while self._leave:
            self._leave.pop()()
        for cancel in (self._cancel_timer, self._cancel_glance):
            if cancel is not None:
                cancel()
        self._cancel_timer = self._cancel_glance = None
        tasks = [each for each in (self._worker, *self._identifying.values()) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._nobody_waits()

    @callback
    def _look_at_store(self) -> None:
        store = self._hub.pilot.store
        if store is self._opened:
            return
        self._opened, self._read = store, None
        self._wishes.clear()
        self._nobody_waits()
        self._notify()
        if store is not None:
            self._hub.in_background(self._load(store), "reading of the watchlist")

    async def _load(self, store: Store) -> None:
        try:
            wishes = await store.wishes.load()
        except StoreError as error:
            LOGGER.warning("The watchlist can't be read: %s", error)
            if self._opened is store and self._running:
                self._opened = None  # read again with the next turn of the autopilot
            return
        await asyncio.to_thread(self.work.budget.remember, wishes, dt_util.utcnow())  # there may be thousands of parts
        if self._opened is store and self._running:
            self._wishes.update((each.id, each) for each in wishes)
            self._asked_about = next((each.id for each in wishes if waits_for_answer(each, self.settings)), None)
            self._read = store
            self._notify()
            self.consider_anew()
            self._work_soon()
            self.others.look_soon()

    # --- what there is -------------------------------------------------------------------------------------------

    @property
    def wishes(self) -> Mapping[str, Wish]:
        """All wishes by id, in the order in which they were asked for."""
        return MappingProxyType(self._wishes)

    @property
    def ready_to_use(self) -> bool:
        """Whether the list was read, and can be kept."""
        return self._read is not None

    @property
    def settings(self) -> WatchSettings:
        """What a person set for the whole list."""
        if self._settings is None:
            self._settings = WatchSettings.from_json(self._hub.memory.get(SETTINGS_KEY, {}))
        return self._settings

    @callback
    def change_settings(self, settings: WatchSettings) -> None:
        """Keep what a person set, and look at what that changes."""
        before, self._settings = self.settings, settings
        self._hub.memory.set(SETTINGS_KEY, settings.as_json())
        if before.auto != settings.auto:
            self._asked_about = None
            self._look_soon(each.id for each in self._wishes.values() if each.auto is None and each.done_at is None)
        self._notify()
        self._work_soon()
        self.others.look_soon()

    @callback
    def consider_anew(self) -> None:
        """Look at what can be watched: a policy may say by now that something else is good enough."""
        self._look_soon([each.id for each in self._wishes.values() if may_be_improved(each)])

    def find(self, said: str) -> Wish | None:
        """Return the wish that a text means, the newest of several."""
        return next(iter(self.named(said)), None)

    def named(self, said: str) -> list[Wish]:
        """Return the wishes that a text may mean: by their id, an id of their title, or what a person would call them.

        What is done with is meant only where nothing else is, and so is what an *arr looks for.
        """
        if said in self._wishes:
            return [self._wishes[said]]
        text = fold(said.strip())
        found = [each for each in reversed(self._wishes.values()) if text in _called(each)]
        wanted = [each for each in found if not each.done]
        return [each for each in wanted if each.asked_by != ARR] or wanted[:1] or found[:1]

    def acquired_since(self, moment: datetime) -> int:
        """Return how many movies and episodes came since a moment: what was there when it was asked for did not."""
        parts = (part for wish in self._wishes.values() for part in wish.parts if wish.asked_by != ARR)
        came = (part.ready_at for part in parts if part.ready_at is not None and not part.there_before)
        return sum(at >= moment for at in came)

    @callback
    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function whenever something changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def add_witness(self, witness: Witness) -> CALLBACK_TYPE:
        """Call a function with what happens: "released", "grabbed", "ready", "asked_back"."""
        self._witnesses.append(witness)
        return lambda: self._witnesses.remove(witness)

    # --- what people say -----------------------------------------------------------------------------------------

    async def add(
        self,
        text: str,
        *,
        asked_by: str | None = None,
        requested_by: str = "",
        kind: TitleKind | None = None,
        year: int | None = None,
        season: int | None = None,
        episode: int | None = None,
        minimum: Resolution | None = Resolution.P1080,
        policy: str | None = None,
        auto: bool | None = None,
        wait: timedelta = timedelta(),
    ) -> Wish:
        """Put something on the list, and return it; it is kept by then. What is there already stays as it is.

        Which title is meant is found out beside, or within `wait`. Raises `NothingToAsk`, `TooMany`, `NoList` and
        `StoreError`.
        """
        now = dt_util.utcnow()
        request = SearchRequest(text=text, kind=kind, year=year, season=season, episode=episode)
        wish = Wish(
            id=ulid_now(),
            text=text_of(request),
            asked_at=now,
            asked_by=asked_by,
            requested_by=clean(requested_by),
            kind=kind,
            year=year,
            season=season,
            episode=episode,
            minimum=minimum,
            policy=policy,
            auto=auto,
        )
        async with self._changing:
            if (there := self._asked_alike(wish)) is not None:
                return there
            if sum(each.asked_by != ARR for each in self._wishes.values()) >= MOST_WISHES:
                raise TooMany
            await self._keep(wish)
        await self._identified(wish.id, wait)
        return self._standing(wish.id) or wish

    def _asked_alike(self, wish: Wish) -> Wish | None:
        """Return a wish that was asked for in the same words and is not done with."""

        def words(each: Wish) -> tuple[object, ...]:
            return fold(each.text), each.kind, each.year

        numbers = (wish.season, wish.episode)
        for each in self._wishes.values():
            if each.asked_by == ARR:  # it goes when the *arr has it or looks for it no more
                continue
            if words(each) == words(wish) and not each.done and numbers in {(None, None), (each.season, each.episode)}:
                return each
        return None

    async def choose(self, wish_id: str, ids: Collection[str] | int) -> Wish:
        """Say which of the choices is meant: by its number, from 1, or by its ids.

        Raises `NoSuchWish`, `NoSuchChoice`, `StoreError`.
        """
        wish = self._get(wish_id)
        if (meant := chosen(wish, ids)) is None:
            raise NoSuchChoice(wish.label, str(ids), len(wish.choices))
        return await self._mean(wish, meant)

    async def change(
        self,
        wish_id: str,
        *,
        text: str | None = None,
        minimum: Resolution | Unchanged | None = UNCHANGED,
        policy: str | Unchanged | None = UNCHANGED,
        auto: bool | Unchanged | None = UNCHANGED,
    ) -> Wish:
        """Change a wish. A text may answer what is asked back; else it is another title, and all begins anew.

        Raises `NoSuchWish`, `KeptByArr`, `NothingToAsk`, `StoreError`.
        """
        wish = self._get(wish_id)
        self._check_ours(wish)
        said: dict[str, Any] = {"minimum": minimum, "policy": policy, "auto": auto}
        told: Wish = replace(wish, **{name: value for name, value in said.items() if value is not UNCHANGED})
        if (told.minimum, told.policy) != (wish.minimum, wish.policy):
            told = searched_anew(told)
        if text is None or fold(text.strip()) in {fold(wish.text), fold(wish.label)}:
            return await self._change(wish, told)
        if (meant := chosen(wish, text)) is not None:
            return await self._mean(told, meant)
        request = SearchRequest(text=text)
        other = anew(told, text_of(request))
        changed = await self._change(wish, other)
        await self._let_go([wish])
        await self._identified(wish_id)
        return self._standing(wish_id) or changed

    async def _mean(self, wish: Wish, meant: Meant) -> Wish:
        changed = await self._change(wish, means(wish, meant, dt_util.utcnow()))
        await self._identified(wish.id)  # what else catalogues tell of it
        return self._standing(wish.id) or changed

    async def set_done(self, wish_id: str, done: bool) -> Wish:  # noqa: FBT001 -- that is all it says
        """Be done with a wish, or want it after all: with what left the library since it could be watched.

        What *arrs look for on its account is let go of with it.

        Raises `NoSuchWish`, `KeptByArr`, `StoreError`.
        """
        wish = self._get(wish_id)
        self._check_ours(wish)
        now = dt_util.utcnow()
        changed = await self._change(wish, done_with(wish, now) if done else wanted_again(wish, now))
        if done:
            await self._let_go([wish])
        return changed

    async def remove(self, wish_ids: Iterable[str]) -> None:
        """Take wishes from the list. What *arrs look for on their account is let go of; no file is touched.

        Raises `NoSuchWish`, `KeptByArr`, and then nothing is removed; `StoreError`.
        """
        wishes = [self._get(each) for each in dict.fromkeys(wish_ids)]
        for wish in wishes:
            self._check_ours(wish)
        await self._drop(each.id for each in wishes)
        await self._let_go(wishes)

    async def show(self, wishes: Collection[Wish], gone: Collection[str]) -> None:
        """Have wishes of *arrs on the list as they are, and others no more. Raises `NoList`, `StoreError`.

        There may be hundreds of them, so they are written and told of together.
        """
        async with self._changing:
            known = [(self._wishes.get(each.id), each) for each in wishes]
            changed = [each for before, each in known if before is None or lasting(before) != lasting(each)]
            await self._store().wishes.save_all(changed, dt_util.utcnow())
            self._wishes.update((each.id, each) for each in wishes)
            for before, each in known:
                self._witness(before, each)
        await self._drop(gone)

    async def _let_go(self, wishes: Collection[Wish]) -> None:
        """Have *arrs look no more for what they look for on account of wishes that are wanted no more.

        What can be watched stays as it is there: they may find it in a better quality.
        """
        for wish in wishes:
            if wish.state is WishState.READY:
                self.titles.intents.end(wish.id)
            else:
                self.titles.let_go(wish)
        if self.titles.leaving:
            self._to_leave = True
            await self._hub.memory.save_now()
            self._work_soon()

    async def _leave_behind(self) -> None:
        """Tell *arrs what they need look for no more. What other wishes are for, too, is theirs to let go of later."""
        self._to_leave = False
        for note in self.titles.leaving:
            place = note["backend"], note["title"]
            wishes = [each for each in self._wishes.values() if each.asked_by != ARR and is_managed(each)]
            heirs = [each for each in wishes if each.keeper is not None and _place(each.keeper) == place]
            kept = await self.titles.leave(note, heirs)
            with suppress(StoreError, NoList):
                if kept is not None and (not heirs or await self._inherited(heirs[0], kept)):
                    self.titles.left(note)

    async def _inherited(self, heir: Wish, kept: Keeper) -> bool:
        """Have a wish let go later of what another had an *arr look for; return whether it is still there to do so."""
        async with self._changing:
            there = self._wishes.get(heir.id)
            if there is None or there.keeper is None or _place(there.keeper) != _place(kept):
                return False
            await self._keep(replace(there, keeper=inherited(there.keeper, kept)))
        return True

    async def fetch(self, wish_id: str, *, actor: str | None = None) -> Wish:
        """Have a wish downloaded now: what was offered, else the best of a search. Returns when that is decided.

        Where nothing else is missing, that is what left the library since it could be watched.
        Raises `NoSuchWish`, `KeptByArr`, `StoreError`.
        """
        wish = self._get(wish_id)
        self._check_ours(wish)
        if wish.done_at is None and wish.state in _NOTHING_MISSING:
            await self.look(wish_id)  # it may have left the library just now
            wish = self._get(wish_id)
            if has_lost(wish) and wish.state in _NOTHING_MISSING:
                await self._change(wish, brought_back(wish))
        self.work.approve(wish_id, actor or PERSON)
        await self.look(wish_id)
        return self._standing(wish_id) or wish

    async def look(self, wish_id: str | None = None) -> None:
        """Look at a wish now, or at all of them, and return when that is done. Raises `NoSuchWish`."""
        wanted = [self._get(wish_id).id] if wish_id is not None else list(self._wishes)
        looked = [self._looked.setdefault(each, self._hub.hass.loop.create_future()) for each in wanted]
        self._look_soon(wanted)
        if looked:
            await asyncio.wait(looked)

    # --- keeping -------------------------------------------------------------------------------------------------

    def _get(self, wish_id: str) -> Wish:
        if (wish := self._standing(wish_id)) is None:
            raise NoSuchWish(wish_id)
        return wish

    def _standing(self, wish_id: str) -> Wish | None:
        return self._wishes.get(self._became.get(wish_id, wish_id))

    def _check_ours(self, wish: Wish) -> None:
        if wish.asked_by == ARR:
            arr = self.titles.arr(wish.keeper)
            raise KeptByArr(wish.label, arr.title if arr is not None else "")

    def _store(self) -> Store:
        if self._read is None:
            raise NoList
        return self._read

    async def _keep(self, wish: Wish) -> None:
        """Write a wish, and have it on the list. When it is looked at next is told of by and by, with all others."""
        before = self._wishes.get(wish.id)
        news = before is None or lasting(before) != lasting(wish)
        if news:
            await self._store().wishes.save(wish, dt_util.utcnow())
        self._wishes[wish.id] = wish
        if news:
            self._tell(before, wish)
        elif before != wish:
            self._untold = True

    async def _change(self, before: Wish, after: Wish) -> Wish:
        """Write what a person changed; what was found out meanwhile is not lost by it."""
        async with self._changing:
            if before.id not in self._wishes:
                raise NoSuchWish(before.id)
            await self._keep(after)
        self._look_soon([after.id])
        return after

    async def _put(self, before: Wish, after: Wish) -> Wish | None:
        """Write what was found out about a wish, and return it as it stands; None: a person changed it meanwhile."""
        async with self._changing:
            now_there = self._wishes.get(before.id)
            if now_there is None or self._read is None:
                return None
            said = {name: getattr(now_there, name) for name in SAID}
            if lasting(replace(before, **said)) != lasting(now_there):
                return None
            after = replace(after, **said)
            await self._keep(after)
            return after

    async def _put_done(self, before: Wish, after: Wish) -> Wish | None:
        """Write what was done elsewhere for a wish, and return it as it stands; None: nobody wants that any more.

        Unlike what was found out, it is done: it counts whatever changed meanwhile, or is taken back.
        """
        stands: Wish | None = None
        async with self._changing:
            there = self._wishes.get(before.id)
            if there is not None and self._read is not None and same_title(there, before):
                stands = brought_together(before, after, there)
                await self._keep(stands)
        if after.keeper != before.keeper and (stands is None or stands.keeper != after.keeper):
            await self._let_go([after])
        return stands

    async def _drop(self, wish_ids: Iterable[str]) -> None:
        gone = list(wish_ids)
        async with self._changing:
            await self._store().wishes.delete(gone)
            for each in gone:
                self._wishes.pop(each, None)
                self._first.pop(each, None)
                self.work.budget.wait(each, waits=False)
        self._notify()

    async def _heard(self, hits: Mapping[str, Collection[str]]) -> None:
        """Search soon for what a feed has."""
        now = dt_util.utcnow()
        with suppress(StoreError):
            for wish_id, keys in hits.items():
                if (wish := self._wishes.get(wish_id)) is not None:
                    await self._put(wish, hit(wish, keys, now))
        self._look_soon(hits)

    @callback
    def _tell(self, before: Wish | None, after: Wish) -> None:
        self._witness(before, after)
        self._notify()

    @callback
    def _witness(self, before: Wish | None, after: Wish) -> None:
        for happened in happenings(before, after):
            self._tell_of(happened)

    @callback
    def _tell_of(self, happened: tuple[str, Mapping[str, Any]]) -> None:
        for witness in tuple(self._witnesses):
            with _unharmed():
                witness(*happened)

    @callback
    def _catch_up(self) -> None:
        if self._untold:
            self._notify()

    @callback
    def _notify(self) -> None:
        self._untold = False
        for listener in tuple(self._listeners):
            with _unharmed():
                listener()

    # --- which title is meant ------------------------------------------------------------------------------------

    async def _identified(self, wish_id: str, wait: timedelta = timedelta()) -> None:
        """Find out beside everything else which title is meant, and wait for that so long."""
        task = self._hub.in_background(self._identify(wish_id), "finding out what is to be watched")
        self._identifying[wish_id] = task
        task.add_done_callback(lambda _: self._was_identified(wish_id))
        if wait:
            await asyncio.wait({task}, timeout=wait.total_seconds())

    async def _identify(self, wish_id: str) -> None:
        wish = self._wishes.get(wish_id)
        if wish is None:
            return
        try:
            stands = await self.work.identify(wish)
        except StoreError as error:
            LOGGER.warning("The watchlist can't be written: %s", error)
            return
        if stands is not None:
            await self._join(stands)

    async def _join(self, wish: Wish) -> None:
        """Drop a wish that turned out to be the same as an older one."""
        if (twin := self._twin(wish)) is not None:
            self._became[wish.id] = twin.id
            with suppress(StoreError):
                await self._drop([wish.id])

    @callback
    def _was_identified(self, wish_id: str) -> None:
        self._identifying.pop(wish_id, None)
        self._look_soon([wish_id])

    def _twin(self, wish: Wish) -> Wish | None:
        """Return an older wish for the same."""
        if wish.meant is None:
            return None
        for each in self._wishes.values():
            if each.id == wish.id:
                return None
            same = each.meant is not None and each.meant.kind is wish.meant.kind and each.meant.ids & wish.meant.ids
            alike = same and (each.season, each.episode) == (wish.season, wish.episode)
            if alike and not each.done and each.asked_by != ARR:
                return each
        return None

    # --- looking after them --------------------------------------------------------------------------------------

    @callback
    def _look_soon(self, wish_ids: Iterable[str]) -> None:
        """Look at wishes as soon as may be; the last that somebody asked for comes first."""
        wanted = dict.fromkeys(wish_ids)
        self._first.update(wanted)
        if wanted:
            self._work_soon()

    @callback
    def _work_soon(self) -> None:
        if self._running and self._read is not None and (self._worker is None or self._worker.done()):
            self._worker = self._hub.in_background(self._work(), "watchlist")

    async def _work(self) -> None:
        """Look at what is due, one after another, until nothing is."""
        while self._running and self._read is not None:
            if self._to_leave:
                await self._leave_behind()
            if (wish := self._next()) is None:
                break
            await self._look_at(wish)
        self._catch_up()
        if self._running:
            await self._tidy()
            self._wake_at(dt_util.utcnow() if self._to_leave else self._next_due())

    def _next(self) -> Wish | None:
        while self._first:
            wish_id, _ = self._first.popitem()
            if (wish := self._wishes.get(wish_id)) is not None and wish_id not in self._identifying:
                return wish
            self._has_looked(wish_id)
        now = dt_util.utcnow()
        due = [each for each in self._wishes.values() if each.due is not None and each.due <= now]
        return min((each for each in due if each.id not in self._identifying), key=_due_of, default=None)

    async def _look_at(self, wish: Wish) -> None:
        """Look at one wish, and tell who waits for that; who begins to wait meanwhile waits for the next look."""
        self._looking = looked = self._looked.pop(wish.id, None)
        again = False
        try:
            again = await self._look_once(wish)
        finally:
            if looked is not None:
                self._catch_up()
            if looked is not None and again:
                following = self._looked.setdefault(wish.id, self._hub.hass.loop.create_future())
                following.add_done_callback(lambda _: _answer(looked))
            elif looked is not None:
                _answer(looked)

    async def _look_once(self, wish: Wish) -> bool:
        """Look at one wish, and tell whether that is to be done again. If it goes wrong, nobody else has to wait."""
        now = dt_util.utcnow()
        try:
            stands = await self.work.look(wish)
        except StoreError as error:
            LOGGER.warning("The watchlist can't be written: %s", error)
            stands = self._later(wish, now + STORE_PAUSE)
        except Exception:  # noqa: BLE001 -- whatever it is, the others are looked after
            LOGGER.exception("An item of the watchlist could not be looked after")
            stands = self._later(wish, now + PAUSE)
        self._ask_once(wish.id)
        if stands is not None and wish.meant is None and stands.meant is not None:  # now there is something to do
            await self._join(stands)
            self._first[wish.id] = None
            return True
        if stands is not None and (stands.due is None or stands.due > dt_util.utcnow()):
            self._later(wish, stands.due)
        else:
            self._later(wish, now + PAUSE)  # nothing is looked at without end
        return False

    @callback
    def _ask_once(self, wish_id: str) -> None:
        """Tell that a person is asked whether all is fetched by itself, unless they are, or what was found tells it."""
        wish, before = self._wishes.get(wish_id), self._wishes.get(self._asked_about or "")
        if wish is None or not waits_for_answer(wish, self.settings):
            return
        if before is not None and waits_for_answer(before, self.settings):
            return
        self._asked_about = wish.id
        if wish.state is not WishState.OFFERED:
            self._tell_of(asked_whether(wish))

    def _later(self, wish: Wish, due: datetime | None) -> Wish | None:
        if (there := self._wishes.get(wish.id)) is not None:
            self._wishes[wish.id] = replace(there, due=due)
        return self._wishes.get(wish.id)

    @callback
    def _has_looked(self, wish_id: str) -> None:
        if (looked := self._looked.pop(wish_id, None)) is not None:
            _answer(looked)

    @callback
    def _nobody_waits(self) -> None:
        if self._looking is not None:
            _answer(self._looking)
        for wish_id in tuple(self._looked):
            self._has_looked(wish_id)

    async def _tidy(self) -> None:
        """Drop what can be watched for long, and tell *arrs what they need no longer look for."""
        before = dt_util.utcnow() - READY_KEPT
        with suppress(StoreError, NoList):
            if gone := [each for each in self._wishes.values() if (at := over_since(each)) and at < before]:
                await self._drop(each.id for each in gone)
                await self._let_go(gone)
        self.work.facts.forget(self._wishes)
        self.titles.intents.keep(self._wishes)
        self._became = {old: new for old, new in self._became.items() if new in self._wishes}
        if self.titles.leaving:
            await self._leave_behind()

    def _next_due(self) -> datetime:
        now = dt_util.utcnow()
        dues = [each.due for each in self._wishes.values() if each.due is not None]
        latest = now + (LEAVING_PAUSE if self.titles.leaving else LONGEST_PAUSE)
        return max(min([latest, *dues]), now)

    @callback
    def _wake_at(self, at: datetime) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
        pause = max((at - dt_util.utcnow()).total_seconds(), 1)
        self._cancel_timer = async_call_later(self._hub.hass, pause, self._wake)

    @callback
    def _wake(self, _now: datetime) -> None:
        self._cancel_timer = None
        self._work_soon()

    # --- what changes at backends --------------------------------------------------------------------------------

    @callback
    def _world_changed(self) -> None:
        """See soon whether what changed is of a wish; what changes until then is looked at together."""
        if self._running and self._cancel_glance is None and self._wishes:
            self._cancel_glance = async_call_later(self._hub.hass, GLANCE.total_seconds(), self._glance)

    @callback
    def _synchronised(self, event: Event[dict[str, Any]]) -> None:
        """Look at what may have come to an end at a debrid service, once its list was read and is another one."""
        if event.data["type"] == "ended" and not event.data["summary"].get("unchanged"):
            self._look_soon(self.work.facts.nowhere(self._wishes.values()))

    @callback
    def _noted(self, entry: JournalEntry) -> None:
        """Look at what somebody else than we may have had downloaded, or taken back."""
        if entry.act is not ActKind.GRAB or entry.status is EntryStatus.RUNNING or entry.actor == AUTOPILOT:
            return
        names = fold(entry.label)
        self._elsewhere |= {
            each.id
            for each in self._wishes.values()
            if not each.done and each.meant is not None and fold(each.meant.name) in names
        }
        self._world_changed()  # by then its client shows it

    @callback
    def _glance(self, _now: datetime) -> None:
        self._cancel_glance = None
        self._look_soon({*self.work.facts.changed(self._wishes.values()), *self._elsewhere})
        self._elsewhere.clear()


@contextmanager
def _unharmed() -> Iterator[None]:
    """Go on when a face can't take what it is told: the list is looked after all the same."""
    try:
        yield
    except Exception:  # noqa: BLE001 -- whatever it is, it is the face's own
        LOGGER.exception("What changed on the watchlist can't be shown everywhere")


def _answer(looked: asyncio.Future[None]) -> None:
    if not looked.done():
        looked.set_result(None)


def _due_of(wish: Wish) -> datetime:
    assert wish.due is not None  # noqa: S101 -- what isn't due is not compared
    return wish.due


def _place(keeper: Keeper) -> tuple[str, int]:
    return keeper.backend_id, keeper.library_id


def _called(wish: Wish) -> set[str]:
    """Return what a wish may be called."""
    meant = wish.meant
    names = {wish.text, wish.label, *((meant.name, meant.label, *meant.ids) if meant is not None else ())}
    return {fold(each) for each in names}
