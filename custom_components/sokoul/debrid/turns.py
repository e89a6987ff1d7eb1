"""Long work in a thread, in turns with the event loop.

Python runs one thread at a time. Who waits for its turn gets it after a few milliseconds (`sys.getswitchinterval`), but
those count anew whenever the other one lets go for a moment: with `sleep(0)` it has its turn back before who waits is
awake, and on a busy machine that went on for 200 ms. So what lets go here pauses for long enough to be too late.

Nor does anybody get a turn while one call into C is at work: many things are never copied, sorted or freed all at once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, MutableMapping
from itertools import batched
from time import monotonic, sleep
from typing import Any

#: After so long in a thread others have their turn, for at least so long.
WORK_SECONDS, PAUSE_SECONDS = 0.005, 0.0005
#: After so long on the event loop itself others have theirs.
LOOP_WORK_SECONDS = 0.003


def in_turns[T](things: Iterable[T], look: int = 50) -> Iterator[T]:
    """Return things one by one, and let others have their turn now and then. For a thread.

    After how many of them to `look` at the clock depends on how long each takes: here it is a few microseconds.
    """
    began = monotonic()
    for some in batched(things, look, strict=False):
        yield from some
        if monotonic() - began >= WORK_SECONDS:
            sleep(PAUSE_SECONDS)
            began = monotonic()


async def loop_in_turns[T](things: Iterable[T]) -> AsyncIterator[T]:
    """Return things one by one, and let others on the event loop have their turn now and then."""
    began = monotonic()
    for each in things:
        yield each
        if monotonic() - began >= LOOP_WORK_SECONDS:
            await asyncio.sleep(0)
            began = monotonic()


def discard(things: MutableMapping[Any, Any]) -> None:
    """Free what nobody needs any more, a little at a time. For a thread."""
    for _ in in_turns(range(len(things))):
        things.popitem()
