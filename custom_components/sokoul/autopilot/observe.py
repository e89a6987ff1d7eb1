"""Learning from what is seen: the one place where time is added to what is known of a download.

A clock runs while its rule's symptom is there and the evidence can be trusted; it stands still while nobody can tell,
and is forgotten when the symptom is over. A new byte proves wrong what claims that nothing arrives. What was checked,
moved, queued or stopped gets time to settle: its clocks begin to run after that, without another look being needed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..model.downloads import DownloadState
from ..model.memory import Clock, Pace, SubjectMemory
from ..model.world import Download
from .rules.base import Case, Rule, Sign

#: After its data was checked or moved, or when its turn has come, a torrent has to find its peers again.
TORRENT_SETTLES = timedelta(minutes=30)
#: It is still being checked or moved, or still waits: nobody knows until when.
NO_END = datetime(9999, 1, 1, tzinfo=UTC)
#: So long after it was added a torrent's swarm is what it was when it was chosen.
AT_FIRST = timedelta(hours=1)
#: The stretch of time over which the pace is measured.
STRETCH = timedelta(minutes=30)

_AT_WORK = frozenset({DownloadState.CHECKING, DownloadState.MOVING})
_UNSETTLED = _AT_WORK | {DownloadState.QUEUED, DownloadState.STOPPED}

type AnyRule = Rule[Any]


def observe(case: Case, rules: Iterable[AnyRule], policy_of: Callable[[AnyRule], Any]) -> SubjectMemory:
    """Return what is known of a download after this look at it: the same object where nothing is new."""
    memory = _first_seen(_progress(case), case)
    trusted = case.around.gate.open and case.download.state not in _AT_WORK
    settled_at = memory.settling_until
    start = case.now if settled_at is None or settled_at == NO_END else max(settled_at, case.now)
    seen = replace(case, memory=memory)
    clocks: dict[str, Clock] = {}
    for rule in rules:
        sign = rule.sign(seen, policy_of(rule))
        if sign is Sign.NO:
            continue
        if sign is Sign.YES and rule.gated and not trusted:
            sign = Sign.HOLD
        since = start if rule.gated else case.now
        fresh = rule.ends_with_progress and memory.progressed_at == case.now
        known = None if fresh else memory.clocks.get(rule.key)
        if known is not None:
            clocks[rule.key] = known.running(since) if sign is Sign.YES else known.stopped(case.now)
        elif sign is Sign.YES:
            clocks[rule.key] = Clock(running_since=since)
    if _same(clocks, memory.clocks):
        return memory
    return replace(memory, clocks=clocks)


def _first_seen(memory: SubjectMemory, case: Case) -> SubjectMemory:
    """Note how many share a torrent that was added lately.

    Before anybody answered, qBittorrent counts the seeds that it has heard of, which are none: that nobody shares it is
    known only once there is anybody. A tracker that answers counts at least us among those who fetch it.
    """
    torrent = case.download.torrent
    added = torrent.added_at if torrent else None
    if torrent is None or added is None or case.now - added > AT_FIRST or not case.around.gate.open:
        return memory
    seeds = max(torrent.swarm_seeds or 0, torrent.seeds)
    if not seeds and not torrent.swarm_peers and not torrent.peers:
        return memory
    if memory.first_seeds is not None and memory.first_seeds >= seeds:
        return memory
    return replace(memory, first_seeds=seeds)


def _same(new: Mapping[str, Clock], old: Mapping[str, Clock]) -> bool:
    return len(new) == len(old) and all(old.get(rule) is clock for rule, clock in new.items())


def have_bytes(download: Download) -> int:
    """Return how much of a download is here. A magnet link has no size yet, whatever the *arr says of its release."""
    size = download.torrent.size_bytes if download.torrent else download.size_bytes
    return max(size - download.remaining_bytes, 0)


def _progress(case: Case) -> SubjectMemory:
    """Note new bytes, and how fast they came."""
    download, memory, now = case.download, case.memory, case.now
    have = have_bytes(download)
    if download.torrent is not None and download.state in _UNSETTLED:
        if memory.settling_until != NO_END:
            memory = replace(memory, settling_until=NO_END)
    elif memory.settling_until == NO_END:
        memory = replace(memory, settling_until=now + TORRENT_SETTLES)
    if have > memory.have_bytes:
        memory = replace(memory, have_bytes=have, progressed_at=now)
    elif have < memory.have_bytes:  # checked, and less of it was right: what comes again is progress
        memory = replace(memory, have_bytes=have)
    return _paced(memory, have, case)


_FETCHING = frozenset({DownloadState.DOWNLOADING, DownloadState.STALLED})


def _paced(memory: SubjectMemory, have: int, case: Case) -> SubjectMemory:
    """Measure the pace in stretches; one in which the evidence could not be trusted is not measured."""
    now, pace = case.now, memory.pace
    if case.download.state not in _FETCHING or not case.around.gate.open:
        return memory if pace is None else replace(memory, pace=None)
    if pace is None or pace.have_bytes > have:
        return replace(memory, pace=Pace(since=now, have_bytes=have))
    if now - pace.since < STRETCH:
        return memory
    rate = (have - pace.have_bytes) / (now - pace.since).total_seconds()
    return replace(memory, pace=Pace(since=now, have_bytes=have, rate=rate))
