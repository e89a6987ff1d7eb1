"""Whose turn it is: wishes are looked at one after another, first those that somebody waits for, then what is due.

It knows when to look and who waits for that, and nothing of what is done then.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

if TYPE_CHECKING:
    from .hub import Hub
    from .watching import Watching
    from .watchlist.items import Wish


class Looks:
    """Has one wish looked at after another, in the background and never two at a time."""

    def __init__(self, hub: Hub, watching: Watching) -> None:
        self._hub = hub
        self._watching = watching
        self._worker: asyncio.Task[None] | None = None
        self._first: OrderedDict[str, None] = OrderedDict()  # wishes to look at now
        self._waited_for: dict[str, asyncio.Future[None]] = {}  # the next look at these
        self._under_way: asyncio.Future[None] | None = None  # the look for which somebody waits, if they do
        self._cancel_timer: CALLBACK_TYPE | None = None

    async def stop(self) -> None:
        """Look at nothing any more; who waits is answered."""
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self.answer_all()

    @callback
    def soon(self, wish_ids: Iterable[str]) -> None:
        """Look at wishes as soon as may be; the last that somebody asked for comes first."""
        wanted = dict.fromkeys(wish_ids)
        self._first.update(wanted)
        if wanted:
            self.go_on()

    async def wait_for(self, wish_ids: Iterable[str]) -> None:
        """Look at wishes, and return when that is done. A look that is under way is not what was asked for."""
        wanted = list(wish_ids)
        loop = self._hub.hass.loop
        waited_for = [self._waited_for.setdefault(each, loop.create_future()) for each in wanted]
        self.soon(wanted)
        if waited_for:
            await asyncio.wait(waited_for)

    @callback
    def answer_all(self) -> None:
        """Let nobody wait: there is nothing to look at any more."""
        if self._under_way is not None:
            _answer(self._under_way)
        for wish_id in tuple(self._waited_for):
            self._answer_for(wish_id)

    @callback
    def go_on(self) -> None:
        """Look at what is due now."""
        if self._watching.works and (self._worker is None or self._worker.done()):
            self._worker = self._hub.in_background(self._work(), "watchlist")

    async def _work(self) -> None:
        """Look at what is due, one after another, until nothing is."""
        while self._watching.works:
            await self._watching.prepare()
            if (wish := self._next()) is None:
                break
            await self._look_at(wish)
        self._watching.catch_up()
        if self._watching.works:
            self._wake_at(await self._watching.tidy())

    def _next(self) -> Wish | None:
        wishes = self._watching.wishes
        while self._first:
            wish_id, _ = self._first.popitem()
            if (wish := wishes.get(wish_id)) is not None and not self._watching.has_to_wait(wish_id):
                return wish
            self._answer_for(wish_id)
        now = dt_util.utcnow()
        due = [(each.due, each) for each in wishes.values() if each.due is not None and each.due <= now]
        can_be = (each for each in due if not self._watching.has_to_wait(each[1].id))
        return min(can_be, key=lambda each: each[0], default=(now, None))[1]

    async def _look_at(self, wish: Wish) -> None:
        """Look at one wish, and tell who waits for that; who begins to wait meanwhile waits for the next look."""
        self._under_way = waited_for = self._waited_for.pop(wish.id, None)
        again = False
        try:
            if again := await self._watching.look_once(wish):
                self._first[wish.id] = None
        finally:
            if waited_for is not None:
                self._watching.catch_up()
            if waited_for is not None and again:
                following = self._waited_for.setdefault(wish.id, self._hub.hass.loop.create_future())
                following.add_done_callback(lambda _: _answer(waited_for))
            elif waited_for is not None:
                _answer(waited_for)

    @callback
    def _answer_for(self, wish_id: str) -> None:
        if (waited_for := self._waited_for.pop(wish_id, None)) is not None:
            _answer(waited_for)

    @callback
    def _wake_at(self, at: datetime) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
        pause = max((at - dt_util.utcnow()).total_seconds(), 1)
        self._cancel_timer = async_call_later(self._hub.hass, pause, self._wake)

    @callback
    def _wake(self, _now: datetime) -> None:
        self._cancel_timer = None
        self.go_on()


def _answer(waited_for: asyncio.Future[None]) -> None:
    if not waited_for.done():
        waited_for.set_result(None)
