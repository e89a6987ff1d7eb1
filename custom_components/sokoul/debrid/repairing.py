"""Repairing the torrents of one account: what `retrying` says is to be done, done.

Whatever happens, what was noted last is true: a step is noted before it is taken, and taken again after a crash only
where that does no harm. What is held up by a limit costs nothing while it waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ..model.debrid import FAILED_STATUSES, THROTTLING_CODES, DebridCode, DebridStatus, DebridTorrent
from ..model.debrid_mirror import DebridFailure
from .finding import Standing
from .policies import NEVER_SERVED, UNCERTAIN, Answer, Course, Request, on_refusal, on_state
from .repair_ports import Refusal, RepairHands, RepairStore, RepairWitness
from .retrying import (
    SETTLES,
    AccountPause,
    Choice,
    Ending,
    Holdup,
    Repair,
    RepairLimits,
    Step,
    Turn,
    Urgency,
    after_deleting_new,
    before_adding,
    came_to_nothing,
    choose,
    close,
    hour_is_free,
    is_as_wanted,
    look_later,
    opened,
    queue,
    turn,
    wanted_of,
    was_added,
    was_not_added,
    without,
)
from .rivals import Sighting, sightings, stands_back_until, worth_keeping
from .unanswered import Requests, Unanswered, carried_out_late, doubled

#: A list is good for so long, for many that are added one after the other.
_FRESH = timedelta(seconds=30)
_HOUR = timedelta(hours=1)
#: What holds up one that adds holds up all of them: with thousands waiting nobody asks each.
_HOLDS_OTHERS = frozenset({Holdup.ACCOUNT, Holdup.SLOT, Holdup.HOUR})
#: What ended well is forgotten after so long; what was given up never is.
REMEMBERED = timedelta(days=30)
#: So often "already active" is looked for in the list, where there is nothing but what is stuck.
MOST_FINDS = 5
#: A complete entry has no other files than those that were wanted, or it lacks some: not a word of Real-Debrid.
NOT_AS_WANTED, STUCK, VANISHED = "not_as_wanted", "stuck", "vanished"
#: These are about one request, not about the account.
_ABOUT_ONE = frozenset({DebridCode.MISSING_PARAMETER, DebridCode.BAD_PARAMETER_VALUE})


class AlreadyThereError(Exception):
    """The account has a torrent already, complete or on its way."""

    def __init__(self, entry: DebridTorrent) -> None:
        super().__init__(entry.id)
        self.entry = entry


class _Refused(Exception):  # noqa: N818 -- a refusal, with what was asked
    def __init__(self, request: Request, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.request = request
        self.code = refusal.code
        self.retry_after = refusal.retry_after


class Repairer:
    """Repairs one account, one torrent after the other."""

    def __init__(
        self,
        hands: RepairHands,
        store: RepairStore,
        *,
        clock: Callable[[], datetime],
        chance: Callable[[], float],
        acting: Callable[[Repair], bool],
        witness: RepairWitness | None = None,
        limits: RepairLimits | None = None,
    ) -> None:
        """`chance` returns 0 to 1, `acting` tells whether a repair may begin; what has begun is finished anyway."""
        self._hands: Final = hands
        self._store: Final = store
        self._clock: Final = clock
        self._chance: Final = chance
        self._may_act: Final = acting
        self._witness: Final = witness
        self.requests: Final = Requests(store, clock)
        self._busy = asyncio.Lock()  # whoever changes a repair goes by what is noted of it
        self.limits = limits or RepairLimits()
        self._repairs: dict[str, Repair] = {}
        self._added: dict[str, datetime] = {}  # when, of what was added lately: a few of very many
        self._pause = AccountPause()
        self._seen: Sequence[Sighting] = ()
        self._rival_until: datetime | None = None
        self._entries: Sequence[DebridTorrent] = ()
        self._looked_at: datetime | None = None

    async def load(self) -> None:
        """Read what was noted. To be awaited before anything else."""
        await self.requests.load()
        self._repairs = {repair.hash: self._taken_up(repair) for repair in await self._store.repairs()}
        self._added = {each.hash: each.added_at for each in self.repairs if each.added_at}
        self._pause = await self._store.pause()
        self._note_seen(await self._store.sightings())

    def _taken_up(self, repair: Repair) -> Repair:
        """Return a repair to go on with. What was being added may have waited for long, and been sent just now."""
        if repair.step is not Step.ADDING:
            return repair
        return replace(repair, due_at=max(repair.due_at, self._clock() + SETTLES))

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def repairs(self) -> Sequence[Repair]:
        """All of them, those that ended, too."""
        return tuple(self._repairs.values())

    @property
    def pause(self) -> AccountPause:
        """Until when the account is left alone."""
        return self._pause

    @property
    def stands_back_until(self) -> datetime | None:
        """Until when nothing begins but what a person asks for, because another tool repairs this account.

        None: it doesn't.
        """
        return self._rival_until if self._rival_until is not None and self._rival_until > self._clock() else None

    def repair(self, info_hash: str) -> Repair | None:
        """Return what is noted of a torrent."""
        return self._repairs.get(info_hash)

    def queue(self) -> list[tuple[Repair, Turn]]:
        """Return what is to be done in its order, and why each waits."""
        return queue(
            self._repairs.values(),
            self.limits,
            self._pause,
            acting=self._may_act,
            now=self._clock(),
            rival=self.stands_back_until,
        )

    # --- what comes in -----------------------------------------------------------------------------------------------

    async def want(self, repair: Repair) -> Repair:
        """Note that a torrent needs repair, and return what is noted of it now."""
        return (await self.want_all([repair]))[0]

    async def want_all(self, repairs: Iterable[Repair]) -> list[Repair]:
        """Note that torrents need repair, with one wait for what is being done, and return what is noted of them."""
        found: list[Repair] = []
        async with self._busy:
            for repair in repairs:
                noted = opened(self._repairs.get(repair.hash), repair, self.limits)
                if noted != self._repairs.get(repair.hash):
                    await self._save(noted)
                found.append(noted)
        return found

    async def note_told(self, info_hash: str, told: str) -> None:
        """Note what people were told of a repair."""
        async with self._busy:
            if (repair := self._repairs.get(info_hash)) is not None:
                await self._save(replace(repair, told=told))

    async def note_refused(self, failures: Iterable[DebridFailure], told: str) -> None:
        """Note what Real-Debrid refused others for good, so that it isn't asked for it again.

        `told` is what people were told of it. What was tried here, or is wanted by a person, is known better.
        """
        async with self._busy:
            refused: dict[str, Repair] = {}
            for failure in failures:
                known = self._repairs.get(failure.hash)
                if not failure.final or failure.kind not in NEVER_SERVED or not _is_untried(known):
                    continue
                noted = known or Repair(
                    hash=failure.hash,
                    label=failure.name,
                    trouble=failure.kind,
                    created_at=failure.first_at,
                    due_at=failure.last_at,
                    old_ids=(failure.torrent_id,) if failure.torrent_id else (),
                )
                noted = replace(noted, problem=failure.kind, ended_at=failure.last_at)
                refused[failure.hash] = replace(close(noted, Ending.REFUSED), told=told)
            if refused:
                await self._store.keep(tuple(refused.values()))
                self._repairs |= refused

    async def note_ours(self, info_hash: str, entry_id: str) -> None:
        """Note an entry that was added for a person in another way, so that it is not taken for another repairer's.

        To be awaited while `alone`.
        """
        await self.requests.note_made(info_hash, [entry_id])
        if (repair := self._repairs.get(info_hash)) is not None:
            await self._save(replace(repair, our_ids=tuple(dict.fromkeys((*repair.our_ids, entry_id)))))

    async def overtaken(
        self,
        needed: Collection[str],
        present: Collection[str],
        complete: Collection[str],
        *,
        read_at: datetime | None = None,
    ) -> None:
        """Close what waits, but isn't needed any more: its torrent is all right by now, or gone from the account.

        `needed` are the hashes that are found to need repair, `present` all that there are, and `complete` those of
        what can be had. What links need stays until it can be had, and what a person wants until its turn. What was
        given up before the list was read (`read_at`; None: now) and can be had by now is lost no more.
        """
        async with self._busy:
            for repair in self.repairs:
                if _is_back(repair, complete, read_at or self._clock()):
                    await self._save(close(repair, Ending.RECOVERED))
                if not repair.open or repair.begun or repair.hash in needed:
                    continue
                linked = repair.urgency is Urgency.LINKED and not repair.bad_ids
                if repair.urgency is Urgency.FAILED:
                    await self._save(close(repair, Ending.RECOVERED if repair.hash in present else Ending.REMOVED))
                elif linked and repair.hash in complete:
                    await self._save(close(repair, Ending.RECOVERED))

    @property
    def unreadable(self) -> Sequence[Repair]:
        """What waits because links to it, which the account has, could not be read."""
        linked = (each for each in self.repairs if each.urgency is Urgency.LINKED and each.bad_ids)
        return tuple(each for each in linked if each.open and not each.begun)

    async def read_again(self, unwell: Collection[str]) -> None:
        """Close what waits because links to it could not be read, and that all of them lead to well by now.

        `unwell` are the hashes of torrents to which any link leads that is not healthy.
        """
        async with self._busy:
            for repair in self.unreadable:
                if repair.hash not in unwell:
                    await self._save(close(repair, Ending.RECOVERED))

    async def add(self, repair: Repair, adding: Callable[[], Awaitable[str]], hands: RepairHands) -> Repair:
        """Add a torrent for a person, in a way of theirs, and see to its files. `adding` returns the id of its entry.

        `hands` go first, as somebody waits. What failed of the same torrent goes once the new one is complete. Raises
        `AlreadyThereError`, and `Refusal`: where that leaves open whether it was added, the list will tell.
        """
        async with self._busy:
            before = self._repairs.get(repair.hash)
            unsettled = self.unsettled(repair.hash)  # a list that is read now may be too early
            same = [entry for entry in await hands.entries() if entry.hash == repair.hash]
            live = [entry for entry in same if entry.status not in FAILED_STATUSES]
            if taken := [entry for entry in live if entry.status is not DebridStatus.WAITING_FILES_SELECTION]:
                raise AlreadyThereError(taken[0])
            if live:
                return await self._select_waiting(repair, before, live[0], same, hands)
            if unsettled:
                raise Refusal(
                    "it was asked for a moment ago without an answer; whether it was added shows soon",
                    problem="unsettled",
                )
            if before is not None and before.step is Step.ADDING:
                await self._note_unanswered(before)
            now, there = self._clock(), tuple(entry.id for entry in same)
            begun = replace(
                repair,
                step=Step.ADDING,
                due_at=now + SETTLES,
                old_ids=there,
                known_ids=there,
                added_before=before.added_at if before else None,
                added_at=now,
                our_ids=before.our_ids if before else (),
            )
            await self._save(begun)
            try:
                entry_id = await adding()
            except Refusal as refusal:
                if refusal.code is not None and refusal.code not in UNCERTAIN:
                    certain = was_not_added(begun, due_at=now)
                    await self._save(before or close(certain, Ending.REMOVED))
                else:
                    await self._save(replace(begun, due_at=self._clock() + SETTLES))
                raise
            except asyncio.CancelledError:  # it may have waited for its turn, and been sent just now
                self._repairs[begun.hash] = replace(begun, due_at=self._clock() + SETTLES)
                raise
            # the entry is a person's: one that fails is replaced like any other, but not deleted as a failed try
            added = replace(was_added(begun, entry_id, self._clock()), ours=False, progress_at=None)
            await self._save(added)
            return await self._select_at_once(added, hands)

    async def _select_waiting(
        self,
        repair: Repair,
        before: Repair | None,
        waiting: DebridTorrent,
        same: Sequence[DebridTorrent],
        hands: RepairHands,
    ) -> Repair:
        """Select the files of an entry that is there and waits for that, as a person says now."""
        there = tuple(entry.id for entry in same)
        found = replace(
            repair,
            step=Step.SELECTING,
            added_id=waiting.id,
            known_ids=there,
            old_ids=tuple(entry.id for entry in same if entry.status in FAILED_STATUSES),
            our_ids=before.our_ids if before else (),
            added_at=before.added_at if before else None,
        )
        await self._save(found)
        return await self._select_at_once(found, hands)

    async def _select_at_once(self, repair: Repair, hands: RepairHands) -> Repair:
        """Select files where Real-Debrid knows them already, so that whoever waits hears whether any fits."""
        try:
            info = await hands.details(_id(repair))
            if info.torrent.status is not DebridStatus.WAITING_FILES_SELECTION or not info.files:
                return repair
            if ids := choose(info.files, repair.wanted or (), repair.choice, repair.words):
                await hands.select(info.torrent.id, ids)
        except Refusal:
            return repair  # the next round sees to it
        label = info.torrent.filename if repair.label == repair.hash else repair.label
        repair = replace(repair, label=label)
        noted = look_later(repair, self._clock(), step=Step.FETCHING) if ids else _unchosen(repair)
        await self._save(noted)
        return noted

    def unsettled(self, info_hash: str) -> bool:
        """Tell whether a torrent may be added at any moment, by a request that got no answer.

        Whoever adds it now, because it isn't there, may add it beside itself.
        """
        repair = self._repairs.get(info_hash)
        adding = repair is not None and repair.step is Step.ADDING and self._clock() < repair.due_at
        return adding or self.requests.open_until(info_hash) is not None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep all repairs waiting: something is done to the account that they must not do at the same time."""
        async with self._busy:
            self._looked_at = None
            yield

    async def deleted(self, info_hash: str, entry_id: str) -> None:
        """Note that a person deleted an entry. To be awaited while `alone`."""
        if (repair := self._repairs.get(info_hash)) is not None and (left := without(repair, entry_id)) != repair:
            await self._save(left)

    async def chosen(self, waiting: Collection[str], present: Collection[str], read_at: datetime) -> None:
        """Close what waited for another rule, and waits no more, by the ids and the hashes of a list read since."""
        async with self._busy:
            for repair in self.unchosen:
                since = repair.ended_at or read_at
                if repair.added_id not in waiting and since < read_at:
                    await self._save(close(repair, Ending.RECOVERED if repair.hash in present else Ending.REMOVED))

    @property
    def unchosen(self) -> Sequence[Repair]:
        """What waits in the account because the rule that a person gave fits none of its files."""
        return tuple(repair for repair in self.repairs if repair.ending is Ending.UNCHOSEN and not repair.open)

    async def forget_old(self) -> None:
        """Forget what ended well long ago: no limit counts it any more."""
        async with self._busy:
            now = self._clock()
            done = (each for each in self.repairs if each.step is Step.DONE)
            old = [each.hash for each in done if each.ended_at and now - each.ended_at > REMEMBERED]
            if old:
                await self._store.forget(old)
                for info_hash in old:
                    del self._repairs[info_hash]

    async def watch(self, entries: Iterable[DebridTorrent]) -> None:
        """Look for the work of another repairer in a list of the account."""
        known = {sighting.id for sighting in self._seen}
        entries = tuple(entries)
        late = carried_out_late(entries, self.requests.all)
        found = worth_keeping(sightings(entries, self._repairs.values()), self._clock())
        new = [each for each in found if each.id not in {*known, *late}]
        if new:
            seen = worth_keeping((*self._seen, *new), self._clock())
            await self._store.save_sightings(seen)
            self._note_seen(seen)

    async def clear_away(self, standings: Collection[Standing]) -> None:
        """Delete what was added late and for nothing, beside what was added again since; as far as a list shows it."""
        async with self._busy:
            for torrent, complete, request in doubled(standings, self.requests.all, self._clock()):
                try:
                    if await self._still_doubled(torrent, complete):
                        await self._clear(torrent, request)
                except Refusal:
                    return  # it shows in the next list, too

    async def _still_doubled(self, torrent: DebridTorrent, complete: DebridTorrent) -> bool:
        now = [(await self._hands.details(each.id)).torrent.status for each in (torrent, complete)]
        return now == [DebridStatus.WAITING_FILES_SELECTION, DebridStatus.DOWNLOADED]

    async def _clear(self, torrent: DebridTorrent, request: Unanswered) -> None:
        if self._witness is not None:
            await self._witness.clears(torrent)
        done = False
        try:
            await self._hands.delete(torrent.id)
            done = True
        finally:
            if self._witness is not None:
                await self._witness.cleared(torrent, done=done)
        await self.requests.over(request)

    async def nobody_else(self) -> None:
        """Stand back no more for what was seen so far: a person says that no other tool repairs this account."""
        async with self._busy:
            seen = tuple(replace(each, dismissed=True) for each in self._seen)
            await self._store.save_sightings(seen)
            self._note_seen(seen)

    def _note_seen(self, seen: Sequence[Sighting]) -> None:
        self._seen, self._rival_until = seen, stands_back_until(seen)

    # --- doing -------------------------------------------------------------------------------------------------------

    async def run(self) -> datetime | None:
        """Do all that can be done now, and return when there will be more; None: nobody knows.

        To be called by one at a time. What the store raises ends it; then nothing was done that was not noted.
        """
        while due := [repair.hash for repair, when in self.queue() if when.holdup is Holdup.NOTHING]:
            for info_hash in due:
                while self._is_its_turn(self._repairs[info_hash]):
                    async with self._busy:
                        if self._is_its_turn(repair := self._repairs[info_hash]):
                            await self._advance(repair)
                left = self._repairs[info_hash]
                if left.open and self._turn(left).holdup in _HOLDS_OTHERS:
                    break  # what may go on nevertheless is in the queue once more
        times = [when.at for _, when in self.queue() if when.at is not None]
        if (until := self.stands_back_until) is not None:
            times.append(until)
        return min(times, default=None)

    def _is_its_turn(self, repair: Repair) -> bool:
        """Tell whether it can go on. What others did since the queue was made counts: their adding, their refusals."""
        return repair.open and self._turn(repair).holdup is Holdup.NOTHING

    def _turn(self, repair: Repair) -> Turn:
        now = self._clock()
        self._added = {info_hash: at for info_hash, at in self._added.items() if now - at < _HOUR}
        hour = hour_is_free(self._added.values(), self.limits, now)
        acting, rival = self._may_act(repair), self.stands_back_until
        return turn(repair, self.limits, self._pause, hour=hour, acting=acting, now=now, rival=rival)

    async def _advance(self, repair: Repair) -> None:
        try:
            match repair.step:
                case Step.WAITING:
                    await self._begin(repair)
                case Step.ADDING:
                    await self._look_for(repair)
                case Step.SELECTING:
                    await self._select(repair)
                case Step.FETCHING:
                    await self._fetch(repair)
                case Step.DELETING_OLD:
                    await self._replace_old(repair)
                case Step.DELETING_NEW:
                    await self._delete_new(repair)
        except _Refused as refused:
            await self._refused(self._repairs[repair.hash], refused)

    async def _look_for(self, repair: Repair) -> None:
        """Look whether a request without an answer was carried out. If it wasn't by now, it may be later."""
        found = before_adding(repair, await self._same(repair), self._clock())
        if not found.ours:
            await self._note_unanswered(repair)
        await self._save(found)

    async def _note_unanswered(self, repair: Repair) -> None:
        known = tuple(dict.fromkeys((*repair.known_ids, *repair.our_ids)))
        asked_at = repair.added_at or repair.due_at - SETTLES
        await self.requests.note(
            Unanswered(hash=repair.hash, asked_at=asked_at, open_until=repair.due_at, known_ids=known)
        )

    async def _begin(self, repair: Repair) -> None:
        now = self._clock()
        if repair.adds and (open_until := self.requests.open_until(repair.hash)) is not None:
            await self._save(replace(repair, due_at=open_until))
            return
        if not repair.adds:
            step = Step.DELETING_OLD if repair.added_id is None else Step.SELECTING
            await self._begins(repair)
            await self._save(replace(repair, step=step, due_at=now))
            return
        entries = await self._same(repair)
        if repair.wanted is None:
            repair = await self._learn(repair, {entry.id for entry in entries})
        repair = before_adding(repair, entries, self._clock())
        if repair.begun:
            await self._begins(repair)
        await self._save(repair)
        if repair.step is Step.ADDING and (added := await self._ask(Request.ADD, self._hands.add(repair.hash))):
            if self._pause.slot_until is not None:
                await self._save_pause(replace(self._pause, slot_until=None, slot_times=0))
            await self._save(was_added(repair, added, self._clock()))

    async def _learn(self, repair: Repair, there: set[str]) -> Repair:
        """Find out which files were selected of what is replaced."""
        wanted = repair.wanted
        for old_id in repair.old_ids:
            if not wanted and old_id in there:
                wanted = wanted_of(await self._needed(Request.DETAILS, self._hands.details(old_id)))
        return replace(repair, wanted=wanted or ())

    async def _select(self, repair: Repair) -> None:
        info = await self._needed(Request.DETAILS, self._hands.details(_id(repair)))
        now, status = self._clock(), info.torrent.status
        if status in FAILED_STATUSES:
            await self._save(_failed(repair, status))
        elif status is DebridStatus.WAITING_FILES_SELECTION:
            since = repair.progress_at
            others = not repair.ours and repair.urgency is not Urgency.PERSON
            if others and since and on_state(status, unchanged_since=since, now=now)[0] is Course.WAIT:
                await self._save(look_later(repair, now))  # whoever added it may still choose
                return
            ids = choose(info.files, repair.wanted or (), repair.choice, repair.words)
            if not ids:
                by_rule = not repair.wanted and repair.choice is not Choice.ALL
                different = came_to_nothing(repair, NOT_AS_WANTED, Ending.DIFFERENT)
                await self._save(_unchosen(repair) if by_rule else different)
                return
            await self._ask(Request.SELECT, self._hands.select(info.torrent.id, ids))
            await self._save(look_later(repair, self._clock(), step=Step.FETCHING))
        elif status is DebridStatus.MAGNET_CONVERSION:
            since = repair.progress_at or now
            stuck = on_state(status, unchanged_since=since, now=now)[0] is not Course.WAIT
            await self._save(came_to_nothing(repair, status) if stuck else look_later(repair, now))
        else:
            await self._save(replace(repair, step=Step.FETCHING, due_at=now, looks=0))

    async def _fetch(self, repair: Repair) -> None:
        info = await self._needed(Request.DETAILS, self._hands.details(_id(repair)))
        now, torrent = self._clock(), info.torrent
        if torrent.status in FAILED_STATUSES:
            await self._save(_failed(repair, torrent.status))
        elif torrent.status is DebridStatus.WAITING_FILES_SELECTION:
            await self._save(look_later(repair, now, step=Step.SELECTING))
        elif torrent.status is not DebridStatus.DOWNLOADED:
            later = look_later(repair, now, progress=torrent.progress)
            stuck = now - (later.progress_at or now) >= self.limits.fetch_patience
            await self._save(came_to_nothing(repair, STUCK) if stuck else later)
        elif (repair.old_ids or repair.wanted) and not is_as_wanted(info, repair.wanted or ()):
            ending = None if repair.ours else Ending.DIFFERENT  # what others selected is theirs
            await self._save(came_to_nothing(repair, NOT_AS_WANTED, ending))
        else:
            for link in torrent.links[:1]:
                await self._ask(Request.LINK, self._hands.try_link(link))
            repair = replace(repair, step=Step.DELETING_OLD, refusals=0)
            await self._save(repair)
            await self._delete_old(repair)

    async def _replace_old(self, repair: Repair) -> None:
        """Go on with deleting, perhaps long after the new one was found complete: look at it once more."""
        if repair.ending is None:
            info = await self._needed(Request.DETAILS, self._hands.details(_id(repair)))
            if info.torrent.status is not DebridStatus.DOWNLOADED:
                await self._save(replace(repair, step=Step.FETCHING, looks=0))
                return
        await self._delete_old(repair)

    async def _delete_old(self, repair: Repair) -> None:
        for old_id in repair.old_ids:
            if old_id != repair.added_id:
                await self._ask(Request.DELETE, self._hands.delete(old_id))
        await self._save(close(repair, repair.ending or Ending.REPAIRED))

    async def _delete_new(self, repair: Repair) -> None:
        if repair.ours and repair.added_id is not None:
            await self._ask(Request.DELETE, self._hands.delete(repair.added_id))
        await self._save(after_deleting_new(repair, self.limits, self._clock(), self._chance()))

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _ask[T](self, request: Request, answer: Awaitable[T]) -> T | None:
        """Ask Real-Debrid; None: it had been done already. Raises `_Refused`."""
        try:
            result = await answer
        except Refusal as refusal:
            if on_refusal(refusal.code, request, now=self._clock()).course is Course.DONE:
                return None
            raise _Refused(request, refusal) from refusal
        if self._pause.until is not None:
            await self._save_pause(replace(self._pause, until=None, times=0, why="", needs_person=False))
        return result

    async def _needed[T](self, request: Request, answer: Awaitable[T]) -> T:
        result = await self._ask(request, answer)
        if result is None:
            raise _Refused(request, Refusal("no answer"))
        return result

    async def _same(self, repair: Repair) -> list[DebridTorrent]:
        """Return all entries of a torrent, from a list that was read after it came to be its turn."""
        now = self._clock()
        looked_at = self._looked_at
        if (
            looked_at is None
            or abs(now - looked_at) > _FRESH
            or (repair.step is Step.ADDING and looked_at < repair.due_at)
        ):
            self._entries = await self._needed(Request.LIST, self._hands.entries())
            self._looked_at = now
            await self.watch(self._entries)
        return [entry for entry in self._entries if entry.hash == repair.hash]

    # --- refusals ----------------------------------------------------------------------------------------------------

    async def _refused(self, repair: Repair, refused: _Refused) -> None:
        """Do what the policies say. `repair` is as it was noted last."""
        now, request = self._clock(), refused.request
        course = self._answer(refused, 1).course
        if refused.code in _ABOUT_ONE and course is Course.ASK:
            course = Course.WAIT
        match course:
            case Course.WAIT_FOR_ACCOUNT | Course.ASK:
                wait = self._answer(refused, self._pause.times + 1).wait
                await self._hold_account(refused, now + wait, needs_person=course is Course.ASK)
                await self._hold(repair, refused, now + wait)
            case Course.WAIT_FOR_SLOT:
                wait = self._answer(refused, self._pause.slot_times + 1).wait
                times = self._pause.slot_times + 1
                await self._save_pause(replace(self._pause, slot_until=now + wait, slot_times=times))
                await self._hold(repair, refused, now + wait)
            case Course.FIND if request in {Request.DETAILS, Request.SELECT} and repair.added_id is not None:
                await self._save(self._lost(repair, now))
            case Course.FIND if _is_active(refused) and repair.finds >= MOST_FINDS:
                not_added = was_not_added(repair, due_at=now)
                await self._save(close(replace(not_added, problem=_name(refused)), Ending.EXHAUSTED))
            case Course.GIVE_UP if repair.step in {Step.WAITING, Step.ADDING}:
                if repair.step is Step.ADDING:
                    repair = was_not_added(repair, due_at=now)
                await self._save(close(replace(repair, problem=_name(refused)), Ending.REFUSED))
            case Course.GIVE_UP if repair.step in {Step.SELECTING, Step.FETCHING}:
                await self._save(came_to_nothing(repair, _name(refused), Ending.REFUSED))
            case Course.READD if repair.step is Step.FETCHING:
                await self._save(came_to_nothing(repair, _name(refused)))
            case _:
                wait = self._answer(refused, repair.refusals + 1).wait
                await self._hold(repair, refused, now + max(wait, SETTLES))

    def _answer(self, refused: _Refused, times: int) -> Answer:
        throttled = [at for at in (self._pause.throttled_at, self._hands.throttled_at) if at is not None]
        return on_refusal(
            refused.code,
            refused.request,
            times=times,
            now=self._clock(),
            throttled_at=max(throttled, default=None),
            retry_after=refused.retry_after,
        )

    async def _hold_account(self, refused: _Refused, until: datetime, *, needs_person: bool) -> None:
        throttled = self._clock() if refused.code in THROTTLING_CODES else self._pause.throttled_at
        await self._save_pause(
            replace(
                self._pause,
                until=until,
                times=self._pause.times + 1,
                why=_name(refused),
                needs_person=needs_person,
                throttled_at=throttled,
            )
        )

    async def _hold(self, repair: Repair, refused: _Refused, until: datetime) -> None:
        """Let a repair wait. Where it is not known whether it was added, the list will tell."""
        if repair.step is Step.ADDING and refused.code is not None and refused.code not in UNCERTAIN:
            held = was_not_added(repair, due_at=until)
            self._looked_at = None
        else:
            held = replace(repair, due_at=max(until, self._clock() + SETTLES), refusals=repair.refusals + 1)
        await self._save(replace(held, problem=_name(refused), finds=repair.finds + _is_active(refused)))

    def _lost(self, repair: Repair, now: datetime) -> Repair:
        """Return what becomes of a repair whose new entry somebody deleted: what was added for a person is theirs."""
        if not repair.ours and (not repair.old_ids or repair.added_id in repair.our_ids):
            return close(repair, Ending.REMOVED)
        gone = replace(repair, problem=VANISHED)
        if repair.ours:
            return after_deleting_new(gone, self.limits, now, self._chance())
        return replace(gone, step=Step.WAITING, added_id=None, due_at=now + SETTLES)

    # --- noting ------------------------------------------------------------------------------------------------------

    async def _begins(self, repair: Repair) -> None:
        if self._witness is not None:
            await self._witness.begins(repair)

    async def _save(self, repair: Repair) -> None:
        before = self._repairs.get(repair.hash)
        if not repair.open and (repair.ended_at is None or before is None or before.open):
            repair = replace(repair, ended_at=self._clock())
        await self.requests.note_made(repair.hash, repair.our_ids)
        await self._store.save(repair)
        self._repairs[repair.hash] = repair
        if repair.added_at is not None:
            self._added[repair.hash] = repair.added_at
        else:
            self._added.pop(repair.hash, None)
        if self._witness is not None and before is not None and before.begun and not repair.begun:
            await self._witness.ended(repair)

    async def _save_pause(self, pause: AccountPause) -> None:
        await self._store.save_pause(pause)
        self._pause = pause


def _is_untried(repair: Repair | None) -> bool:
    """Tell whether nothing was ever done about a torrent, and no person wants it."""
    if repair is None:
        return True
    waits = repair.open and not repair.begun and repair.added_at is None
    return waits and repair.adds and repair.tries == 0 and repair.urgency is not Urgency.PERSON


def _is_back(repair: Repair, complete: Collection[str], read_at: datetime) -> bool:
    """Tell whether what was given up can be had after all, by a list that was read since."""
    given_up = repair.ending in {Ending.EXHAUSTED, Ending.REFUSED} and not repair.open and not repair.bad_ids
    return given_up and repair.hash in complete and (repair.ended_at is None or repair.ended_at < read_at)


def _failed(repair: Repair, status: DebridStatus) -> Repair:
    return came_to_nothing(repair, status, Ending.VIRUS if status is DebridStatus.VIRUS else None)


def _unchosen(repair: Repair) -> Repair:
    return close(replace(repair, problem=NOT_AS_WANTED), Ending.UNCHOSEN)


def _id(repair: Repair) -> str:
    if repair.added_id is None:
        raise _Refused(Request.DETAILS, Refusal("there is no new entry", code=DebridCode.RESOURCE_NOT_FOUND))
    return repair.added_id


def _is_active(refused: _Refused) -> bool:
    """Tell whether it can't be added because it is active already."""
    return refused.request is Request.ADD and refused.code is DebridCode.TORRENT_ALREADY_ACTIVE


def _name(refused: _Refused) -> str:
    return refused.code.name.lower() if refused.code is not None else "no_answer"
