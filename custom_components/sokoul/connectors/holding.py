"""Holding what runs in a download client, and letting go of it: the switch that pauses everything, and the guards.

What is held is on the disk before anything is stopped: whatever breaks down in between, it can be started again. (Where
there is no time, as little is waited for as a disk usually takes.)
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from ..clients.qbittorrent import QbittorrentClient
from ..model.downloads import DownloadClientSnapshot
from ..model.hold import Activity, Hold, Holder, Start, activity, as_told
from .base import Backend, BackendSwitch, Undo

MEMORY_KEY = "held"
#: What was started past the client's queue when it was let go of, until a look shows it so: that takes its time.
FORCED_KEY = "forced_again"
#: Until when a person wants everything paused, in seconds since the epoch; nothing for as long as they want.
PAUSED_UNTIL_KEY = "paused_until"

#: In haste: so long may the client take to tell what is stopped; then what was last known of it has to do.
_LOOK_PATIENCE = timedelta(milliseconds=250)
#: And so long the disk.
_DISK_PATIENCE = timedelta(milliseconds=100)

type Client = Backend[QbittorrentClient, DownloadClientSnapshot]


def holds(memory: Mapping[str, Any]) -> dict[Holder, Hold]:
    """Return who holds what, from what a backend remembers."""
    return _load(memory.get(MEMORY_KEY))


def _load(note: Mapping[str, Any] | None) -> dict[Holder, Hold]:
    return {holder: Hold.load(holder, note[holder]) for holder in Holder if note and holder in note}


def _note(backend: Client, *changed: Hold, ended: Holder | None = None) -> None:
    """Note what these hold now; what others hold may have changed while a client was asked, and stays."""
    held = holds(backend.memory) | {hold.holder: hold for hold in changed}
    backend.remember(MEMORY_KEY, {str(key): hold.dump() for key, hold in held.items() if key is not ended} or None)


def is_held(backend: Client, holder: Holder) -> bool:
    """Tell whether a holder stops what runs."""
    # asked often: what it holds, which may be much, is not read for that
    note = (backend.memory.get(MEMORY_KEY) or {}).get(holder)
    return note is not None and not note.get("ending", False)


def lets_go(backend: Client, holder: Holder) -> bool:
    """Tell whether a holder began to let go, and has not come to the end."""
    return holder in (backend.memory.get(MEMORY_KEY) or {}) and not is_held(backend, holder)


async def hold(backend: Client, holder: Holder) -> None:
    """Stop everything that runs and concerns a holder, and go on so until `let_go`.

    When the stopping itself fails (`BackendError`) it is tried again at each look.
    """
    if is_held(backend, holder):
        return
    # not what the last poll saw: what a person stopped since then has to stay stopped
    snapshot = await backend.client.snapshot()
    snapshot = as_told(snapshot, snapshot.torrents.keys() - await backend.client.stopped())
    begun = _begin(backend, holder, snapshot)
    await backend.save_memory()
    await backend.client.stop(begun.to_stop(snapshot))


async def seize(backend: Client, holder: Holder, on_look: Callable[[int], None] = lambda _: None) -> None:
    """Stop everything that runs, at once: as `hold`, but nothing that is slow holds it up.

    To be called again and again until it should end: it also stops what was started or added since, and what did not
    stop. Only who runs is asked for: that is nobody as a rule, while what changed by the stop is much. How many
    ran is told to `on_look`. Raises `BackendError` when it could not be told, or not be looked at.
    """
    if not is_held(backend, holder):
        await _seize(backend, holder)
    running = await backend.client.running()
    on_look(len(running))
    if not running:
        return
    snapshot = as_told(await backend.client.snapshot(), running, broken_too=holder.strict)
    held = holds(backend.memory)
    after = held[holder].follow(snapshot, held.values())
    _note(backend, after)
    await _stop_in_haste(backend, after.to_stop(snapshot))


async def _seize(backend: Client, holder: Holder) -> None:
    """Stop what runs: what changed since the last poll is asked for, but not waited for long.

    Afterwards nobody tells any more what was started past the queue. What was added since is seen afterwards, too.
    """
    asking = asyncio.ensure_future(backend.client.stopped())
    looking = asyncio.ensure_future(backend.client.snapshot_in_haste())
    try:
        await _wait(asking, looking)
        looked, stopped = _result(looking), _result(asking)
        snapshot = looked or backend.data
        if stopped is not None:
            snapshot = as_told(snapshot, snapshot.torrents.keys() - stopped, broken_too=holder.strict)
        begun = _begin(backend, holder, snapshot)
        told = begun.to_stop(snapshot)
        await _stop_in_haste(backend, told)
        if looked is None or stopped is None:
            await _wait(asking, looking)  # as a rule it answered them before it stopped anything
            _learn(backend, holder, told, _result(asking) or frozenset(), _result(looking) or backend.data)
    finally:
        asking.cancel()
        looking.cancel()
        await asyncio.gather(asking, looking, return_exceptions=True)


async def _wait(*tasks: asyncio.Future[Any]) -> None:
    await asyncio.wait(tasks, timeout=_LOOK_PATIENCE.total_seconds())


def _learn(
    backend: Client, holder: Holder, told: frozenset[str], stopped: frozenset[str], snapshot: DownloadClientSnapshot
) -> None:
    """Note what was answered late, as long as it is from before these were told to stop.

    After that most of them are stopped by us, and none is forced.
    """
    held = holds(backend.memory).get(holder)
    if held is None or held.ending:
        return
    theirs = stopped & told
    if 2 * len(theirs) >= len(told):
        theirs = frozenset()
    forced = frozenset(key for key in told if key in snapshot.torrents and snapshot.torrents[key].forced)
    learned = replace(
        held,
        stopping=held.stopping - theirs,
        stopped=held.stopped - theirs,
        forced=(held.forced | forced & held.to_start) - theirs,
    )
    if learned != held:
        _note(backend, learned)


def _result[T](task: asyncio.Future[T]) -> T | None:
    """Return what came of it, None if nothing has so far."""
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else None


def _begin(backend: Client, holder: Holder, snapshot: DownloadClientSnapshot) -> Hold:
    begun = Hold.begin(holder, snapshot, holds(backend.memory).values())
    begun = replace(begun, forced=begun.forced | begun.stopping & frozenset(backend.memory.get(FORCED_KEY, ())))
    _note(backend, begun)
    return begun


async def _stop_in_haste(backend: Client, hashes: frozenset[str]) -> None:
    """Stop torrents, with the note of them on the disk before that, unless the disk is slow."""
    if not hashes:
        return
    await backend.save_memory(_DISK_PATIENCE)
    await backend.client.stop(hashes)


def start_later(backend: Client, torrent_hash: str) -> None:
    """Have a stopped torrent started with what else is held, when nobody holds it any more."""
    _note(backend, *(hold.along_with(torrent_hash) for hold in holds(backend.memory).values()))


async def let_go(backend: Client, holder: Holder, at_most: int | None = None) -> bool:
    """Start what a holder held and nobody else does, or so many of it. Returns whether that was all."""
    held = holds(backend.memory)
    ending = held.pop(holder, None)
    if ending is None:
        return True
    if holder.strict:  # which waits for no lock: it must not stop what is just being started
        _note(backend, replace(ending, ending=True))
    snapshot = backend.data
    if not ending.to_start <= snapshot.torrents.keys():  # what came after the last poll was held, too
        snapshot = await backend.client.snapshot()
    if any(other.has_to_judge(ending.to_start, snapshot) for other in held.values()):
        await _have_judged(backend, holder)
    held = {other: hold for other, hold in holds(backend.memory).items() if other is not holder}
    start = ending.release(snapshot, held.values())
    now = frozenset(islice(start.all, at_most))
    await _start(backend.client, Start(ordinarily=start.ordinarily & now, forced=start.forced & now))
    if start.forced & now:
        backend.remember(FORCED_KEY, sorted(start.forced & now | frozenset(backend.memory.get(FORCED_KEY, ()))))
    rest = start.all - now
    if rest:
        _note(backend, ending.without(ending.to_start - rest))
    else:
        _note(backend, ended=holder)
    await backend.save_memory(_DISK_PATIENCE if holder.strict else None)  # what runs again is looked at soon
    return not rest


async def _have_judged(backend: Client, holder: Holder) -> None:
    """Have all but one who lets go judge what arrived: once it is started, it seems to rest for up to 1.5 s."""
    snapshot = as_told(await backend.client.snapshot(), await backend.client.running(), broken_too=True)
    held = holds(backend.memory)
    _note(backend, *(hold.follow(snapshot, held.values()) for other, hold in held.items() if other is not holder))


def end_soon(backend: Client, holder: Holder) -> None:
    """Hold nothing any more on behalf of a holder: who lets go, be it after a restart, starts what was stopped."""
    ending = holds(backend.memory).get(holder)
    if ending is not None:
        _note(backend, ending.without(frozenset()))


async def keep_holding(backend: Client) -> None:
    """Stop newcomers, and let go of what a person took over where they may. Called after each look."""
    if FORCED_KEY in backend.memory:
        _follow_forced(backend)
    before = holds(backend.memory)
    if not before:
        return
    snapshot = backend.data
    if any(hold.holder.strict and not hold.ending for hold in before.values()):
        snapshot = as_told(await backend.client.snapshot(), await backend.client.running(), broken_too=True)
        if holds(backend.memory) != before:
            return  # the guard waits for no lock: it has just looked itself, and knows more
    after = {holder: hold.follow(snapshot, before.values()) for holder, hold in before.items()}
    if after != before:
        _note(backend, *after.values())
    stopping = frozenset[str]().union(*(hold.to_stop(snapshot) for hold in after.values()))
    if stopping:
        await backend.save_memory()
    await backend.client.stop(stopping)


def _follow_forced(backend: Client) -> None:
    """Forget what is seen to run, forced or no longer: from then on its own state tells."""
    noted, torrents = backend.memory[FORCED_KEY], backend.data.torrents
    waits = [key for key in noted if key in torrents and activity(torrents[key]) is not Activity.RUNS]
    if waits != noted:
        backend.remember(FORCED_KEY, waits or None)


async def _start(client: QbittorrentClient, start: Start) -> None:
    await client.start(start.ordinarily)
    await client.set_force_start(start.forced, True)


async def leave_running(client: QbittorrentClient, note: Mapping[str, Any]) -> str | None:
    """Start what is held: once SOKOUL is gone, nobody knows any more what that was.

    But for what could be seen at home if it ran: that stays as it is, and what is returned says so.
    """
    snapshot = await client.snapshot()
    before = _load(note)
    held = {holder: hold.follow(snapshot, before.values()) for holder, hold in before.items()}
    guard = held.get(Holder.VPN)
    kept = guard.release(snapshot).all if guard is not None and not guard.ending else frozenset[str]()
    starts = [hold.release(snapshot) for hold in held.values()]
    forced = frozenset[str]().union(*(start.forced for start in starts))
    ordinarily = frozenset[str]().union(*(start.ordinarily for start in starts)) - forced
    await _start(client, Start(forced=forced - kept, ordinarily=ordinarily - kept))
    return _LEFT_STOPPED.format(count=len(kept)) if kept else None


#: For the log; `%s` is the client.
_LEFT_STOPPED = (
    "{count} torrents in %s stay stopped: it was not safe behind its VPN when SOKOUL left. "
    "Start them there when the VPN protects it again"
)


async def turn_pause(backend: Client, on: bool, until: float | None = None) -> None:  # noqa: FBT001 -- the position
    """Pause or resume, as a person wants it: until a moment (seconds since the epoch), or for as long as they want."""
    if on:
        before = backend.memory.get(PAUSED_UNTIL_KEY)
        backend.remember(PAUSED_UNTIL_KEY, until)
        try:
            await hold(backend, Holder.PERSON)
        finally:
            if not is_held(backend, Holder.PERSON):  # it has not even begun
                backend.remember(PAUSED_UNTIL_KEY, before)
        await backend.save_memory()  # it may have been held already
    else:
        await let_go(backend, Holder.PERSON)
        backend.remember(PAUSED_UNTIL_KEY, None)  # only now: what fails is tried again


PAUSE: BackendSwitch[QbittorrentClient, DownloadClientSnapshot] = BackendSwitch(
    key="pause",
    value=lambda backend: is_held(backend, Holder.PERSON),
    turn=turn_pause,
)

UNDO: Undo[QbittorrentClient] = Undo(
    memory_key=MEMORY_KEY,
    undo=leave_running,
    otherwise="What was stopped in %s could not be started again, please start it there: %s",
)
