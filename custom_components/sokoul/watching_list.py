"""The watchlist itself: every wish as it stands, kept in the database, and whoever shows it told of what changes.

It knows neither what is done about wishes nor when: that is `watching`, which builds on it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from types import MappingProxyType
from typing import Any

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from .acquire.query import numbers_of, read_query
from .const import LOGGER
from .model.search import SearchRequest
from .releases.tokens import fold
from .store import Store
from .watching_events import happenings
from .watchlist.changing import SAID, lasting, same_title
from .watchlist.errors import NoList, NoSuchWish
from .watchlist.items import ARR, Wish

type Witness = Callable[[str, Mapping[str, Any]], None]


class WishList:
    """What is on the list. Nothing is changed in it but by who holds `_changing`."""

    def __init__(self) -> None:
        self._wishes: OrderedDict[str, Wish] = OrderedDict()
        self._read: Store | None = None  # the store whose wishes these are
        self._changing = asyncio.Lock()
        self._untold = False  # something changed that nobody was told of yet
        self._listeners: list[Callable[[], None]] = []
        self._witnesses: list[Witness] = []

    # --- what there is -------------------------------------------------------------------------------------------

    @property
    def wishes(self) -> Mapping[str, Wish]:
        """All wishes by id, in the order in which they were asked for."""
        return MappingProxyType(self._wishes)

    @property
    def ready_to_use(self) -> bool:
        """Whether the list was read, and can be kept."""
        return self._read is not None

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

    def _asked_alike(self, wish: Wish) -> Wish | None:
        """Return a wish that was asked for in the same words and is not done with."""

        def words(each: Wish) -> tuple[object, ...]:
            return fold(each.text), each.kind, each.year

        today = dt_util.utcnow().date()
        numbers = (wish.season, wish.episode)

        def says_as_much(each: Wish) -> bool:
            """Tell whether the same words mean the same episodes: those that they say, or that were given besides."""
            said = numbers == (None, None) and numbers_of(read_query(SearchRequest(text=each.text), today))
            return bool(said) or numbers == (each.season, each.episode)

        for each in self._wishes.values():
            if each.asked_by == ARR:  # it goes when the *arr has it or looks for it no more
                continue
            if words(each) == words(wish) and not each.done and says_as_much(each):
                return each
        return None

    def _twin(self, wish: Wish) -> Wish | None:
        """Return an older wish for the same."""
        older = takewhile(lambda each: each.id != wish.id, self._wishes.values())
        return next((each for each in older if same_title(each, wish) and not each.done and each.asked_by != ARR), None)

    # --- keeping -------------------------------------------------------------------------------------------------

    @callback
    def _close(self) -> None:
        """Have nothing on the list: its database is gone, or another one."""
        self._read = None
        self._wishes.clear()
        self._notify()

    @callback
    def _open(self, store: Store, wishes: Iterable[Wish]) -> None:
        """Have on the list what is in a database, and keep it there from now on."""
        self._read = store
        self._wishes.update((each.id, each) for each in wishes)
        self._notify()

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
            self._witness(before, wish)
            self._notify()
        elif before != wish:
            self._untold = True

    async def _keep_said(self, before: Wish, after: Wish) -> None:
        """Write what a person said of a wish. Raises `NoSuchWish` where it is gone meanwhile."""
        async with self._changing:
            if before.id not in self._wishes:
                raise NoSuchWish(before.id)
            await self._keep(after)

    async def _keep_found(self, before: Wish, after: Wish) -> Wish | None:
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

    @callback
    def _set_due(self, wish: Wish, due: datetime | None) -> Wish | None:
        """Note when a wish is looked at next, and return it as it stands; that need not outlive a restart."""
        if (there := self._wishes.get(wish.id)) is not None:
            self._wishes[wish.id] = replace(there, due=due)
        return self._wishes.get(wish.id)

    async def _drop(self, wish_ids: Collection[str]) -> None:
        async with self._changing:
            await self._store().wishes.delete(wish_ids)
            for each in wish_ids:
                self._wishes.pop(each, None)
        self._notify()

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

    # --- telling -------------------------------------------------------------------------------------------------

    @callback
    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call a function whenever something changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def add_witness(self, witness: Witness) -> CALLBACK_TYPE:
        """Call a function with what happens: "released", "grabbed", "ready", "upgraded", "asked_back"."""
        self._witnesses.append(witness)
        return lambda: self._witnesses.remove(witness)

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
    def catch_up(self) -> None:
        """Tell of what changed, if anything did that nobody was told of yet."""
        if self._untold:
            self._notify()

    @callback
    def _notify(self) -> None:
        self._untold = False
        for listener in tuple(self._listeners):
            with _unharmed():
                listener()


@contextmanager
def _unharmed() -> Iterator[None]:
    """Go on when a face can't take what it is told: the list is looked after all the same."""
    try:
        yield
    except Exception:  # noqa: BLE001 -- whatever it is, it is the face's own
        LOGGER.exception("What changed on the watchlist can't be shown everywhere")


def _called(wish: Wish) -> set[str]:
    """Return what a wish may be called."""
    meant = wish.meant
    names = {wish.text, wish.label, *((meant.name, meant.label, *meant.ids) if meant is not None else ())}
    return {fold(each) for each in names}
