"""What was learned of downloads outlives a restart: read once at the start, and stored now and then.

What was said and done is in the journal at once: what a crash loses of this is drawn from there again, see `lessons`.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from ..model.memory import NOTHING_KNOWN, SubjectMemory
from .first_look import FirstLook
from .lessons import FAILURES_LAST
from .ports import MemoryStore
from .watch import JUDGED_AT_ONCE, Watch

STORE_EVERY = timedelta(minutes=5)

ALIVE = "autopilot:alive"  # the subject under which it is stored until when the clocks ran


class Remembering:
    """Carries what `watch` and the first look know to the store, and back."""

    def __init__(self, store: MemoryStore, watch: Watch, first_look: FirstLook) -> None:
        self._store = store
        self._watch = watch
        self._first_look = first_look
        self._stored_at: datetime | None = None

    async def recall(self, now: datetime) -> datetime | None:
        """Give back what was stored, and return until when that was known; None: nothing was ever stored."""
        stored = dict(await self._store.load())
        alive = stored.pop(ALIVE, None)
        self._first_look.recall({} if alive is None else alive.get("first"))
        until = min(datetime.fromtimestamp(alive["at"], now.tzinfo), now) if alive else None
        memories = {}
        for number, (subject, stored_memory) in enumerate(stored.items(), 1):
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                memory = SubjectMemory.from_json(stored_memory, until or now)
            except KeyError, TypeError, ValueError, AttributeError:
                memory = NOTHING_KNOWN  # not readable: what it knew has to be learned again
            if _is_stale(memory, now):
                self._store.keep(subject, None)
            else:
                memories[subject] = memory
        self._watch.recall(memories)
        return until

    async def keep(self, now: datetime) -> None:
        """Hand over to the store what was learned since the last time: also when that is nothing."""
        for number, subject in enumerate(tuple(self._watch.learned), 1):
            memory = self._watch.memory(subject)
            self._store.keep(subject, memory.as_json() if memory and memory is not NOTHING_KNOWN else None)
            self._watch.learned.discard(subject)
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._store.keep(ALIVE, {"at": now.timestamp(), "first": self._first_look.as_json()})
        self._stored_at = now

    async def keep_now_and_then(self, now: datetime) -> None:
        """Hand it over if that was not done for a while."""
        if self._stored_at is None or now - self._stored_at >= STORE_EVERY:
            await self.keep(now)

    def hurry(self) -> None:
        """Hand it over the next time, whenever that was done last."""
        self._stored_at = None


def _is_stale(memory: SubjectMemory, now: datetime) -> bool:
    """Tell whether nothing of a memory matters any more, as of a title whose failures are long ago."""
    if memory == NOTHING_KNOWN:
        return True
    tried = replace(NOTHING_KNOWN, tried=memory.tried)
    return memory == tried and all(now - tries.at >= FAILURES_LAST for tries in memory.tried.values())
