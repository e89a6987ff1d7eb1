"""The watchlist at work in Home Assistant: what people want to watch is kept, and looked after until it is there.

    a wish ──► which title is meant ──► is it out? ──► searched ──► grabbed ──► imported ──► it can be watched

Whatever a person says is in the database before anything is done about it. This is what people say of wishes, and where
the parts meet: the list (`watching_list`), whose turn it is (`watching_looks`), what is done then (`watching_work`),
what is let go of (`watching_letting_go`), and those who notice that something is to be looked at: `watching_glances`,
`watching_feeds`, `watching_others`, `watching_unasked`.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from .const import LOGGER
from .model.journal import PERSON
from .model.library import TitleKind
from .model.search import SearchRequest
from .releases.policy import Policy
from .releases.tokens import fold
from .search_policies import policies_of
from .store import Store, StoreError
from .watching_events import asked_whether
from .watching_feeds import Feeds
from .watching_glances import Glances
from .watching_letting_go import LettingGo
from .watching_list import WishList
from .watching_looks import Looks
from .watching_others import Others
from .watching_titles import Titles, chosen, same_place, text_of
from .watching_unasked import Unasked
from .watching_work import SEARCHES_KEY, Work
from .watchlist.bettering import may_be_improved
from .watchlist.changing import (
    anew,
    asked_too,
    brought_back,
    brought_together,
    done_with,
    has_lost,
    inherited,
    means,
    over_since,
    same_title,
    searched_anew,
    wanted_again,
    was_judged,
)
from .watchlist.deciding import taken_back
from .watchlist.errors import MOST_WISHES, KeptByArr, NoList, NoSuchChoice, NoSuchWish, TooMany
from .watchlist.items import ARR, Keeper, Meant, Wish, WishState
from .watchlist.known import waits_for_answer
from .watchlist.outcomes import hit
from .watchlist.settings import WatchSettings
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

SETTINGS_KEY: Final = "watchlist"
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


class Watching(WishList):
    """The watchlist, looked after from `start` to `stop`."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub
        self.titles = Titles(hub)
        self.work = Work(hub, self.titles, self._keep_found, self._keep_done)
        self.others = Others(hub, self)
        self._letting_go = LettingGo(hub, self.titles, self._wishes.values, self._inherit)
        self._looks = Looks(hub, self)
        self._glances = Glances(hub, self.work.facts, self._wishes.values, self._looks.soon)
        self._feeds = Feeds(hub, self._wishes.values, self._heard)
        self._unasked = Unasked(hub, self._wishes.values, self._looks.soon)
        self._opened: Store | None = None  # the store that is read, or was
        self._settings: WatchSettings | None = None
        self._asked_about: str | None = None  # the wish about which it was asked whether it is fetched by itself
        self._leave: list[CALLBACK_TYPE] = []
        self._running = False
        self._policies: dict[str | None, Policy] = {}  # as they were when it was last looked at what they change
        self._identifying: dict[str, asyncio.Task[None]] = {}
        self._became: dict[str, str] = {}  # wishes that turned out to be the same as an older one

    # --- life ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Read the list whenever there is a database anew, and look after it."""
        self._running = True
        self.work.budget.recall(self._hub.memory.get(SEARCHES_KEY))
        self._leave += [
            self._hub.pilot.add_watcher(self._look_at_store),
            self._glances.start(),
            self.others.start(),
            self._feeds.start(),
            self._unasked.start(),
        ]
        self._look_at_store()

    async def stop(self) -> None:
        """Look after nothing any more."""
        self._running = False
        while self._leave:
            self._leave.pop()()
        tasks = tuple(self._identifying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._looks.stop()

    @callback
    def _look_at_store(self) -> None:
        store = self._hub.pilot.store
        if store is self._opened:
            return
        self._opened = store
        self._close()
        self._looks.answer_all()
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
            self._asked_about = next((each.id for each in wishes if waits_for_answer(each, self.settings)), None)
            self._open(store, wishes)
            self.consider_anew()
            self._looks.go_on()
            self.others.look_soon()

    # --- settings ------------------------------------------------------------------------------------------------

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
            self._looks.soon(each.id for each in self._wishes.values() if each.auto is None and each.done_at is None)
        self._notify()
        self._looks.go_on()
        self.others.look_soon()

    @callback
    def consider_anew(self) -> None:
        """Look at what a policy may say something else of by now: what can be watched, and what was found."""
        self._looks.soon([each.id for each in self._wishes.values() if may_be_improved(each)])
        before, policy = self._policies, self._hub.searching.policy
        keys = {None, *policies_of(self._hub.entry), *(each.policy for each in self._wishes.values())}
        self._policies = {key: policy(key) for key in keys}
        changed = {key for key, now in self._policies.items() if before.get(key, now) != now}
        if judged := [each for each in self._wishes.values() if each.policy in changed and was_judged(each)]:
            self._hub.in_background(self._judge_anew(judged), "searching by another policy")
        if changed:  # by them it is told how good a picture has to be
            self._notify()

    async def _judge_anew(self, wishes: Iterable[Wish]) -> None:
        with suppress(StoreError, NoList):
            for wish in wishes:
                with suppress(NoSuchWish):
                    there = self._get(wish.id)
                    await self._change(there, searched_anew(there))

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
        minimum: int | None = None,
        policy: str | None = None,
        auto: bool | None = None,
        wait: timedelta = timedelta(),
    ) -> Wish:
        """Put something on the list, and return it; it is kept by then.

        What is there already stays as it is, and notes that somebody else asked for it, too.

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
            requested_by=clean(requested_by) or await self._name_of(asked_by),
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
                return await self._note_askers(there, wish)
            if sum(each.asked_by != ARR for each in self._wishes.values()) >= MOST_WISHES:
                raise TooMany
            await self._keep(wish)
        await self._identified(wish.id, wait)
        return self._standing(wish.id) or wish

    async def _note_askers(self, there: Wish, other: Wish) -> Wish:
        """Have a wish note who asked for the same, and return it."""
        noted = asked_too(there, other.askers)
        if noted is not there:
            noted = replace(noted, requested_by=noted.requested_by or await self._name_of(noted.asked_by))
            await self._keep(noted)
        return noted

    async def _name_of(self, asked_by: str | None) -> str:
        """Return what a person is called who asked; nothing where nobody tells."""
        user = await self._hub.hass.auth.async_get_user(asked_by) if asked_by is not None else None
        return clean(user.name or "") if user is not None else ""

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
        minimum: int | Unchanged | None = UNCHANGED,
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
        changed = await self._change(wish, anew(told, text_of(SearchRequest(text=text))))
        await self._let_go([wish])
        await self._identified(wish.id)
        return self._standing(wish.id) or changed

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
        await self._drop([each.id for each in wishes])
        await self._let_go(wishes)

    async def fetch(self, wish_id: str, *, actor: str | None = None) -> Wish:
        """Have a wish downloaded now: what was offered, else the best of a search. Returns when that is decided.

        Where nothing else is missing, that is what left the library since it could be watched.
        Raises `NoSuchWish`, `KeptByArr`, `StoreError`.
        """
        wish = self._get(wish_id)
        self._check_ours(wish)
        if wish.done_at is None and wish.state in _NOTHING_MISSING:
            await self.look(wish.id)  # it may have left the library just now
            wish = self._get(wish.id)
            if has_lost(wish) and wish.state in _NOTHING_MISSING:
                await self._change(wish, brought_back(wish))
        self.work.approve(wish.id, actor or PERSON)
        await self.look(wish.id)
        return self._standing(wish.id) or wish

    @callback
    def taken_back(self, entry_id: int) -> None:
        """Ask before anything else is fetched instead of what a person took back, by its entry in the journal."""
        self._hub.in_background(self._taken_back(entry_id), "noting what was taken back")

    async def _taken_back(self, entry_id: int) -> None:
        now = dt_util.utcnow()
        with suppress(NoSuchWish, StoreError):
            for wish in tuple(self._wishes.values()):
                if (told := taken_back(wish, entry_id, now)) is not wish:
                    await self._change(wish, told)

    async def look(self, wish_id: str | None = None) -> None:
        """Look at a wish now, or at all of them, and return when that is done. Raises `NoSuchWish`."""
        await self._looks.wait_for([self._get(wish_id).id] if wish_id is not None else self._wishes)

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

    async def _change(self, before: Wish, after: Wish) -> Wish:
        """Write what a person changed, and look at what that changes."""
        await self._keep_said(before, after)
        self._looks.soon([after.id])
        return after

    async def _keep_done(self, before: Wish, after: Wish) -> Wish | None:
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

    async def _drop(self, wish_ids: Collection[str]) -> None:
        await super()._drop(wish_ids)
        for each in wish_ids:
            self.work.budget.wait(each, waits=False)

    async def _let_go(self, wishes: Collection[Wish]) -> None:
        """Have *arrs look no more for what they look for on account of wishes that are wanted no more."""
        await self._letting_go.note(wishes)
        if self._letting_go.is_new:
            self._looks.go_on()

    async def _inherit(self, heir: Wish, kept: Keeper) -> bool:
        """Have a wish let go later of what another had an *arr look for; return whether it is still there to do so."""
        async with self._changing:
            there = self._wishes.get(heir.id)
            if there is None or there.keeper is None or not same_place(there.keeper, kept):
                return False
            await self._keep(replace(there, keeper=inherited(there.keeper, kept)))
        return True

    async def _heard(self, hits: Mapping[str, Collection[str]]) -> None:
        """Search soon for what a feed has."""
        now = dt_util.utcnow()
        with suppress(StoreError):
            for wish_id, keys in hits.items():
                if (wish := self._wishes.get(wish_id)) is not None:
                    await self._keep_found(wish, hit(wish, keys, now))
        self._looks.soon(hits)

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
                async with self._changing:
                    if (there := self._wishes.get(twin.id)) is not None:
                        await self._note_askers(there, wish)
                await self._drop([wish.id])

    @callback
    def _was_identified(self, wish_id: str) -> None:
        self._identifying.pop(wish_id, None)
        self._looks.soon([wish_id])

    # --- looking after them: what `Looks` asks for ---------------------------------------------------------------

    @property
    def works(self) -> bool:
        """Whether there is a list, and it is looked after."""
        return self._running and self._read is not None

    def has_to_wait(self, wish_id: str) -> bool:
        """Tell whether it is being found out what a wish means; it is looked at after that."""
        return wish_id in self._identifying

    async def prepare(self) -> None:
        """Tell *arrs what they need look for no more, if that is new."""
        if self._letting_go.is_new:
            await self._letting_go.tell()

    async def look_once(self, wish: Wish) -> bool:
        """Look at one wish, and tell whether that is to be done again at once. If it goes wrong, nothing is raised."""
        now = dt_util.utcnow()
        try:
            stands = await self.work.look(wish)
        except StoreError as error:
            LOGGER.warning("The watchlist can't be written: %s", error)
            stands = self._set_due(wish, now + STORE_PAUSE)
        except Exception:  # noqa: BLE001 -- whatever it is, the others are looked after
            LOGGER.exception("An item of the watchlist could not be looked after")
            stands = self._set_due(wish, now + PAUSE)
        self._ask_once(wish.id)
        if stands is not None and wish.meant is None and stands.meant is not None:
            await self._join(stands)
            return True  # now it is known what there is to do
        if stands is not None and (stands.due is None or stands.due > dt_util.utcnow()):
            self._set_due(wish, stands.due)
        else:
            self._set_due(wish, now + PAUSE)  # nothing is looked at without end
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

    async def tidy(self) -> datetime:
        """Drop what can be watched for long, tell *arrs what they weren't told yet, and return when to come again."""
        before = dt_util.utcnow() - READY_KEPT
        with suppress(StoreError, NoList):
            if gone := [each for each in self._wishes.values() if (at := over_since(each)) and at < before]:
                await self._drop([each.id for each in gone])
                await self._let_go(gone)
        self.work.facts.forget(self._wishes)
        self.titles.intents.keep(self._wishes)
        self._became = {old: new for old, new in self._became.items() if new in self._wishes}
        if self._letting_go.notes:
            await self._letting_go.tell()
        now = dt_util.utcnow()
        if self._letting_go.is_new:
            return now
        latest = now + (LEAVING_PAUSE if self._letting_go.notes else LONGEST_PAUSE)
        return max(min([latest, *(each.due for each in self._wishes.values() if each.due is not None)]), now)
