"""Looking after what was begun and what is still open: each act, suggestion and quarantine comes to its end.

What stopped half-way is settled by looking at the backends; what is in quarantine goes after its time; who is asked
what is no longer needed, or doesn't answer, is asked no more.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from ..model.journal import CARRIED_ACTS, Autonomy, EntryStatus, JournalEntry
from ..model.reasons import Reason
from ..model.world import Changes
from .kernel import UNANSWERED_AFTER, Kernel
from .lessons import UNANSWERED, wish
from .ownership import Claims, ceiling
from .reach import Declined
from .undoing import set_aside_in
from .watch import JUDGED_AT_ONCE

#: What stopped half-way is looked after this often.
SETTLE_EVERY = timedelta(minutes=1)
#: What can't be settled for so long won't be: a backend is gone, or refuses.
SETTLED_WITHIN = timedelta(days=3)
#: What is in quarantine is looked after this often; with less than this left on the disk it goes sooner.
TIDY_EVERY = timedelta(minutes=15)
LOW_BYTES = 5 * 1024**3


class Aftercare:
    """Sees to the entries of the kernel's records. It is for who is `alone` with the kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._settled_at: datetime | None = None
        self._tidied_at: datetime | None = None

    def hurry(self) -> None:
        """Look after everything the next time, whenever that was done last."""
        self._settled_at = self._tidied_at = None

    async def look(self, changes: Changes, now: datetime) -> None:
        """Look after what it is time for; `changes` are those since the last look."""
        await self._settle(now)
        await self._tidy(now)
        await self._expire(changes, now)

    async def _settle(self, now: datetime) -> None:
        """Find out, by looking at the backends, what became of what was interrupted or stopped half-way."""
        kernel = self._kernel
        under_way = kernel.records.under_way
        if not under_way or (self._settled_at is not None and now - self._settled_at < SETTLE_EVERY):
            return
        self._settled_at = now
        for entry in under_way:
            settled = await kernel.actuator.settle(entry, now)
            if settled.status is entry.status and now - entry.changed_at > SETTLED_WITHIN:
                why = settled.result or Reason(key="result.not_known")
                settled = replace(settled, status=EntryStatus.FAILED, changed_at=now, result=why)
            if settled.status is EntryStatus.UNDONE:
                await kernel.taken_back(settled)
            elif (settled.status, settled.parameters) != (entry.status, entry.parameters):
                await kernel.write(settled)

    async def _tidy(self, now: datetime) -> None:
        """Let go of what was in quarantine for long enough; where the disk is low, of the oldest at once."""
        kernel = self._kernel
        aside = kernel.records.aside
        if not aside or (self._tidied_at is not None and now - self._tidied_at < TIDY_EVERY):
            return
        self._tidied_at = now
        for entry in sorted(aside, key=lambda each: each.changed_at):
            free = kernel.watch.free_bytes(set_aside_in(entry))
            low = free is not None and free < LOW_BYTES
            gains = low and entry.undo is not None and entry.undo["deletable"]
            if not gains and now - entry.changed_at < kernel.settings.caps.quarantine:
                continue
            try:
                purged = await kernel.actuator.purge(entry, kernel.claims())
            except Declined:
                continue  # its client is away
            if purged is entry:
                continue  # so is another one, which may use the same data
            await kernel.journal.change(purged)  # without a word: nothing was done that was not told before
            kernel.records.file(purged)
            if gains:
                return  # the client tells in a while what that gained

    async def _expire(self, changes: Changes, now: datetime) -> None:
        """Take back suggestions that are no longer needed, or that nobody answered: unanswered means keep."""
        suggestions = self._kernel.records.suggestions
        if not suggestions:
            return
        claims = self._kernel.claims()
        for number, entry in enumerate(suggestions, 1):
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if entry.act in CARRIED_ACTS:
                continue  # seen to by who carries it out
            if self._is_over(entry, changes, claims, now):
                result = Reason(key="result.over")
            elif now - entry.at > UNANSWERED_AFTER:
                result = Reason(key=UNANSWERED)
            else:
                continue
            await self._kernel.close(replace(entry, status=EntryStatus.EXPIRED, result=result), now)

    def _is_over(self, entry: JournalEntry, changes: Changes, claims: Claims, now: datetime) -> bool:
        """Tell whether nothing is to be asked any more: the download is gone or done, or its symptom is over."""
        watch = self._kernel.watch
        case = watch.case(entry.subject, now)
        if case is None:
            return entry.subject in changes.removed or watch.has_read_all
        if ceiling(case, claims)[0] is Autonomy.OFF:
            return True
        return case.memory.proposed.get(wish(entry.rule, entry.act)) != entry.id
