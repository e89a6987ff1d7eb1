"""The watchlist as a to-do list: what is added is looked for, and what can be watched is done."""

import asyncio
from datetime import datetime
from typing import override

from homeassistant.components import persistent_notification
from homeassistant.components.todo import TodoItem, TodoItemStatus, TodoListEntity, TodoListEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from . import wording
from .const import DOMAIN
from .data import SokoulConfigEntry
from .entity import WatchlistEntity
from .hub import Hub
from .watchlist.changing import has_lost
from .watchlist.items import ARR, Wish, WishState
from .watchlist_entities import WATCHLIST_LISTS
from .watchlist_errors import no_such_wish, watchlist_errors
from .watchlist_minimum import minimum_of
from .watchlist_report import PerWish, description, due, label, tame

# What is added is only written down here; the watchlist looks for it by and by.
PARALLEL_UPDATES = 0

#: So many items are worded in one turn of the event loop: that takes it some hundredths of a second.
AT_ONCE = 100
#: Tells what could not be taken off the list.
KEPT_NOTICE = f"{DOMAIN}_watchlist_kept"


async def async_setup_entry(
    hass: HomeAssistant, entry: SokoulConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the list."""
    del hass
    async_add_entities(Watchlist(entry.runtime_data, each) for each in WATCHLIST_LISTS)


class Watchlist(WatchlistEntity, TodoListEntity):
    """The watchlist.

    Dates and descriptions are told by SOKOUL. They are among the features all the same, because the dialog of Home
    Assistant sends them along with a new name, which would be refused without.
    """

    _attr_supported_features = (
        TodoListEntityFeature.CREATE_TODO_ITEM
        | TodoListEntityFeature.DELETE_TODO_ITEM
        | TodoListEntityFeature.UPDATE_TODO_ITEM
        | TodoListEntityFeature.SET_DUE_DATE_ON_ITEM
        | TodoListEntityFeature.SET_DESCRIPTION_ON_ITEM
    )

    def __init__(self, hub: Hub, description: EntityDescription) -> None:
        super().__init__(hub, description)
        self._items = PerWish(_item, besides=lambda: minimum_of(self.hub), at_once=AT_ONCE, meanwhile=_bare_item)
        self._going_on: asyncio.Handle | None = None

    @override
    def read(self) -> list[TodoItem]:
        self._attr_todo_items = items = self._word()
        return items

    def _word(self) -> list[TodoItem]:
        """Return all items; where there is too much to word in one turn of the event loop, go on in the next ones."""
        words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
        items = [*self._items.of(self.hub.watching.wishes.values(), dt_util.now(), words).values()]
        if self._items.behind and self._going_on is None:
            self._going_on = self.hass.loop.call_soon(self._go_on)
        return items

    @callback
    def _go_on(self) -> None:
        self._going_on = None
        self._word()
        if not self._items.behind:
            self.write_if_new()

    @override
    async def async_will_remove_from_hass(self) -> None:
        if self._going_on is not None:
            self._going_on.cancel()
        await super().async_will_remove_from_hass()

    @override
    async def async_create_todo_item(self, item: TodoItem) -> None:
        """Put a title on the list."""
        if item.description or item.due:
            raise _only_titles()
        asked_by = self._context.user_id if self._context is not None else None
        with watchlist_errors():
            await self.hub.watching.add(item.summary or "", asked_by=asked_by)

    @override
    async def async_update_todo_item(self, item: TodoItem) -> None:
        """Answer which title is meant, mean another one, or say that it is wanted no more, or again."""
        watching = self.hub.watching
        if item.uid is None or (wish := watching.wishes.get(item.uid)) is None:
            raise no_such_wish(item.summary or "")
        renamed = item.summary is not None and item.summary.strip() not in {"", label(wish)}
        done = item.status == TodoItemStatus.COMPLETED  # a text, where an action names it
        if not renamed and (item.status is None or done is wish.done):
            raise _only_titles()  # a date or a description: all that is left to change
        if item.status is not None and not done and not renamed and wish.state is WishState.READY:
            with watchlist_errors():
                await watching.look(wish.id)
            wish = watching.wishes.get(wish.id, wish)  # what is there may have left the library just now
            if not has_lost(wish):
                raise _is_ready(wish)
        with watchlist_errors():
            if renamed:
                await self._rename(wish, (item.summary or "").strip())
            if item.status is not None and done is not wish.done:
                await watching.set_done(wish.id, done)

    async def _rename(self, wish: Wish, text: str) -> None:
        if wish.state is WishState.UNCLEAR and text.isdecimal() and 0 < int(text) <= len(wish.choices):
            await self.hub.watching.choose(wish.id, int(text))
        else:  # "300" is a title, too
            await self.hub.watching.change(wish.id, text=text)

    @override
    async def async_delete_todo_items(self, uids: list[str]) -> None:
        """Take titles off the list. What an *arr looks for stays, and is told of; nothing else stays because of it."""
        watching = self.hub.watching
        kept = [wish for uid in uids if (wish := watching.wishes.get(uid)) is not None and wish.asked_by == ARR]
        own = set(uids).difference(each.id for each in kept)
        with watchlist_errors():
            await watching.remove([uid for uid in uids if uid in own or not own])
        if kept:
            words = wording.get(self.hass.config.language, dt_util.get_default_time_zone())
            names = tuple(map(label, kept))
            persistent_notification.async_create(
                self.hass,
                tame(words.text("watchlist.kept", names=names, count=len(names))),
                words.text("watchlist.kept_title"),
                KEPT_NOTICE,
            )


def _bare_item(wish: Wish) -> TodoItem:
    status = TodoItemStatus.COMPLETED if wish.done else TodoItemStatus.NEEDS_ACTION
    return TodoItem(uid=wish.id, summary=label(wish), status=status)


def _item(wish: Wish, now: datetime, words: wording.Wording, least: int | None) -> TodoItem:
    ready = [part.ready_at for part in wish.parts if part.ready_at is not None]
    return TodoItem(
        uid=wish.id,
        summary=label(wish),
        status=TodoItemStatus.COMPLETED if wish.done else TodoItemStatus.NEEDS_ACTION,
        due=due(wish, now),
        description=description(wish, now, words, least),
        completed=max(ready) if wish.done and ready else None,
    )


def _only_titles() -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key="watchlist_only_titles")


def _is_ready(wish: Wish) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="wish_is_ready", translation_placeholders={"title": label(wish)}
    )
