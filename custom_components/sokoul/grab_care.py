"""Looks after what was grabbed for nobody's list and no *arr: when it fails, the next best release is fetched instead.

That is what a grab with alternatives asks for. It goes as for wishes, out of the same budget of searches: nothing is
deleted, what was given up counts if it comes after all, and what a person took back or removed is not replaced.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .acquire.grabbing import AGAIN, MOST_RELEASES, Order, Trace, Way, leads_nowhere, trace_of, tries_of
from .acquire.ports import SearchAnswer
from .const import LOGGER
from .debriding import EVENT_SYNC
from .model.journal import AFTERWARDS, AUTOPILOT, ActKind, EntryStatus, JournalEntry, Json
from .model.reasons import Reason, reason_as_json
from .model.search import SearchRequest
from .store import Store, StoreError
from .watching_downloads import Downloads
from .watching_grabs import Findings, WatchGrabs
from .watching_titles import meant_by, reference
from .watchlist.standalone import (
    LOOKED_AFTER,
    Fate,
    Standalone,
    as_json,
    from_json,
    given_up,
    has_failed,
    next_search,
    searched_in_vain,
)
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

#: What stands still does so without anything that changes: it has to be seen so for an hour.
EVERY: Final = timedelta(minutes=20)
#: What was grabbed shows in its client within seconds, unless that is busy.
SHOWS_WITHIN: Final = timedelta(minutes=15)
_PORTION: Final = 100
_OVER: Final = frozenset({Fate.HERE, Fate.GONE})


def again_for(answer: SearchAnswer, order: Order) -> Json | None:
    """Return by what another release is looked for if that of an order fails later; None: somebody else does it.

    What is in the library of an *arr is healed, and of what nobody knows nothing else can be told from it. Nor is
    anything looked for in place of a part of what was: it would be all of it.
    """
    target = answer.target
    if target is None or target.title is None or order.adding is not None or len(target.wanted.episodes) > 1:
        return None
    if any(each.library_id is not None for each in target.entries):
        return None
    if not all(each.scored.match.whole for each in order.results):
        return None
    meant, wanted, asked = meant_by(target.title), target.wanted, answer.request
    request = SearchRequest(
        text=reference(meant) or meant.name,
        kind=meant.kind,
        year=meant.year,
        season=wanted.season,
        episode=next(iter(wanted.episodes), None),
        aired=wanted.aired,
        policy=asked.policy,
        minimum_lines=asked.minimum_lines,
        sources=asked.sources,
    )
    return as_json(Standalone(request=request, ids=meant.ids, only=order.only, insists=order.insists))


def _care_of(entry: JournalEntry | None) -> tuple[Standalone, Trace, str] | None:
    """Return what is looked after, where it is, and its info hash; None: nothing is.

    What was there before the grab, or was taken back, can't be taken back.
    """
    if entry is None or entry.status is not EntryStatus.DONE or entry.undo is None or AGAIN not in entry.parameters:
        return None
    care, trace = from_json(entry.parameters[AGAIN]), trace_of(entry)
    if care is None or trace is None or trace.info_hash is None:
        return None
    return care, trace, trace.info_hash


class GrabCare:
    """Looks at each of these grabs now and then, one after another."""

    def __init__(self, hub: Hub, alone: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        """`alone` keeps others from changing a grab meanwhile: it may be taken back at any time."""
        self._hub = hub
        self._alone = alone
        self._downloads = Downloads(hub)
        self._grabs = WatchGrabs(hub)
        self._cared: dict[int, str] = {}  # info hashes, by the entry in the journal
        self._read: Store | None = None  # the database whose journal was read, or is
        self._looking: asyncio.Task[None] | None = None

    @callback
    def start(self) -> CALLBACK_TYPE:
        """Look after them, until the returned function is called."""
        hub = self._hub
        stop = [
            hub.pilot.add_listener(self._noted),
            hub.pilot.add_watcher(self._look_at_store),
            hub.hass.bus.async_listen(EVENT_SYNC, self._synchronised),
            async_track_time_interval(hub.hass, self._look_soon, EVERY),
        ]
        self._look_at_store()

        @callback
        def stopped() -> None:
            for each in stop:
                each()
            if self._looking is not None:
                self._looking.cancel()

        return stopped

    # --- which ones ----------------------------------------------------------------------------------------------

    @callback
    def _noted(self, entry: JournalEntry) -> None:
        if entry.act is not ActKind.GRAB:
            return
        if (care := _care_of(entry)) is not None:
            self._cared[entry.id] = care[2]
        else:
            self._forget(entry.id)

    @callback
    def _look_at_store(self) -> None:
        store = self._hub.pilot.store
        if store is self._read:
            return
        self._read = store
        self._cared.clear()
        if store is not None:
            self._hub.in_background(self._read_journal(store), "reading of what was grabbed")

    async def _read_journal(self, store: Store) -> None:
        since, before = dt_util.utcnow() - LOOKED_AFTER, None
        try:
            while found := await store.journal.find(
                statuses=[EntryStatus.DONE], acts=[ActKind.GRAB], since=since, before_id=before, limit=_PORTION
            ):
                for entry in found:
                    self._noted(entry)
                before = found[-1].id
        except StoreError as error:
            LOGGER.warning("What was grabbed can't be read: %s", error)
            if self._read is store:
                self._read = None  # read again with the next turn of the autopilot

    @callback
    def _forget(self, entry_id: int) -> None:
        if self._cared.pop(entry_id, None) is not None:
            self._hub.watching.work.budget.wait(_name(entry_id), waits=False)
            self._downloads.keep_only(self._cared.values())  # grabbed again, it begins anew to stand still

    # --- looking -------------------------------------------------------------------------------------------------

    @callback
    def _synchronised(self, event: Event[dict[str, Any]]) -> None:
        """Look at what may have failed at a debrid service, once its list was read and is another one."""
        if event.data["type"] == "ended" and not event.data["summary"].get("unchanged"):
            self._look_soon()

    @callback
    def _look_soon(self, _now: datetime | None = None) -> None:
        if self._cared and self._hub.pilot.running and (self._looking is None or self._looking.done()):
            self._looking = self._hub.in_background(self._look(), "looking after what was grabbed")

    async def _look(self) -> None:
        for entry_id in tuple(self._cared):
            try:
                await self._look_at(entry_id)
            except StoreError as error:
                LOGGER.warning("What was grabbed can't be looked after: %s", error)
                return
            except Exception:  # noqa: BLE001 -- whatever it is, the others are looked after
                LOGGER.exception("A grab could not be looked after")

    async def _look_at(self, entry_id: int) -> None:
        entry = await self._hub.pilot.kernel.journal.get(entry_id)
        if entry is None or (kept := _care_of(entry)) is None:
            self._forget(entry_id)
            return
        care, trace, info_hash = kept
        fate = await self._fate(trace, info_hash)
        if fate in _OVER or dt_util.utcnow() - trace.at > LOOKED_AFTER:
            await self._end(entry_id)
        elif has_failed(care, fate, info_hash):
            await self._replace(entry, kept, fate)
        else:
            self._hub.watching.work.budget.wait(_name(entry_id), waits=False)

    async def _fate(self, trace: Trace, info_hash: str) -> Fate:
        """Return how a download fares."""
        now = dt_util.utcnow()
        seen = await self._downloads.find(info_hash, await self._hub.view.index(now), frozenset(), now)
        if seen is None:
            return Fate.GONE if self._would_see(trace, now) else Fate.COMING
        if seen.finished:
            return Fate.HERE
        if seen.failed:
            return Fate.FAILED
        return Fate.STANDS if seen.stands else Fate.COMING

    def _would_see(self, trace: Trace, now: datetime) -> bool:
        """Tell whether whoever got it has told long enough since: what they don't have then is gone."""
        backend = self._hub.backends.get(trace.backend_id)
        if backend is None:  # it was taken out of the hub: nobody would ever see it
            return True
        if trace.way is Way.CLIENT:
            told_at = now if backend.answering else None
        else:
            mirror = self._hub.debriding.accounts.get(trace.backend_id)
            told_at = mirror.checked_at if mirror is not None else None
        return told_at is not None and told_at - trace.at > SHOWS_WITHIN

    # --- another one ---------------------------------------------------------------------------------------------

    async def _replace(self, entry: JournalEntry, kept: tuple[Standalone, Trace, str], fate: Fate) -> None:
        """Give a release up, and have the next best fetched as soon as it is due and may be searched for."""
        before, trace, info_hash = kept
        care = given_up(before, info_hash, trace.release)
        if care is not before and not await self._keep(entry.id, care):
            return
        now, budget, name = dt_util.utcnow(), self._hub.watching.work.budget, _name(entry.id)
        if (due := next_search(care)) is not None and due > now:
            return
        if (free := budget.free_at(name, now)) is not None and free > now:
            budget.wait(name, waits=True)
            return
        budget.spend(name, now)
        findings = (await self._grabs.look_for(care.request, care.ids, without=care.failed)).whole()
        now = dt_util.utcnow()
        target = findings.answer.target if findings.answer is not None else None
        if findings.here is not None or (target and any(each.library_id is not None for each in target.entries)):
            await self._end(entry.id)  # somebody else got it meanwhile, or an *arr does
        elif target is None or not findings.results:
            await self._keep(entry.id, searched_in_vain(care, now))
        elif await self._still_fails(entry.id, care, info_hash):
            await self._fetch(entry, care, trace, fate, findings)

    async def _still_fails(self, entry_id: int, care: Standalone, info_hash: str) -> bool:
        """Tell whether a download is still one to be replaced: a search takes minutes."""
        kept = _care_of(await self._hub.pilot.kernel.journal.get(entry_id))
        return kept is not None and has_failed(care, await self._fate(kept[1], info_hash), info_hash)

    async def _fetch(self, entry: JournalEntry, care: Standalone, trace: Trace, fate: Fate, findings: Findings) -> None:
        now = dt_util.utcnow()
        assert findings.answer is not None and findings.answer.target is not None  # noqa: S101, PT018 -- it was found
        told = {"title": entry.label, "release": clean(trace.release), "how": str(fate)}
        searched = searched_in_vain(care, now)
        got = await self._hub.grabbing.grab(
            Order(
                target=findings.answer.target,
                results=findings.results[:MOST_RELEASES],
                label=entry.label,
                actor=AUTOPILOT,
                at=now,
                only=care.only,
                fetch_by=self._hub.searching.policy(care.request.policy).fetch_by,
                reason=Reason(key="grab.instead", parameters=told),
                insists=care.insists,
                again=as_json(searched),
            )
        )
        if got.status is EntryStatus.DONE and (new := trace_of(got)) is not None:
            await self._end(entry.id, Reason(key="grab.replaced", parameters={"release": clean(new.release)}))
            return
        useless = [release for release, _, why in tries_of(got) if leads_nowhere(why)]
        await self._keep(entry.id, searched_in_vain(care, now, useless=useless))

    # --- the journal ---------------------------------------------------------------------------------------------

    async def _keep(self, entry_id: int, care: Standalone) -> bool:
        """Write what came of it; return whether it is still looked after. Nobody is told: nothing happened."""
        return await self._change(entry_id, {AGAIN: as_json(care)})

    async def _end(self, entry_id: int, then: Reason | None = None) -> None:
        """Look no more after a grab. `then` tells what was done afterwards."""
        await self._change(entry_id, {} if then is None else {AFTERWARDS: reason_as_json(then)})
        self._forget(entry_id)

    async def _change(self, entry_id: int, news: Json) -> bool:
        journal = self._hub.pilot.kernel.journal
        async with self._alone():
            entry = await journal.get(entry_id)
            if entry is None or _care_of(entry) is None:
                return False
            left = {key: value for key, value in entry.parameters.items() if key != AGAIN}
            await journal.change(replace(entry, parameters={**left, **news}))
            return True


def _name(entry_id: int) -> str:
    """Return what a grab is called where searches are counted."""
    return f"grab:{entry_id}"
