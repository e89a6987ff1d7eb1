"""What the autopilot keeps an eye on: every download that is not done, what was learned of it, and when to judge it.

Following costs what changed: a download is looked at when it changes and when the gate of its client opens or shuts.
Judging happens when a clock is due, from a heap. Ten thousand quiet torrents cost nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import batched, islice

from ..model.backend import ARR_KINDS, DOWNLOAD_CLIENT_KINDS, Backend
from ..model.downloads import BROKEN_STATES
from ..model.journal import ActKind
from ..model.library import Title
from ..model.memory import NOTHING_KNOWN, SubjectMemory
from ..model.paths import is_proven, map_of, mount_of
from ..model.world import Changes, Download, DownloadIndex, World
from .census import Census
from .gate import ASK_AFTER, Line, follow as line_after, is_busy, judge_client, line_alive
from .observe import AnyRule, observe
from .ownership import QUARANTINE
from .rules.base import CALM, OPEN, Case, Facts, Gate, Look, Sign, Surroundings

#: So many downloads are looked at before the event loop has its turn: some milliseconds.
SLICE = 100
#: Of so many downloads that are due, and that want nothing, the event loop has its turn in between.
JUDGED_AT_ONCE = 50
#: Facts that were looked up are true for so long.
FACTS_LAST = timedelta(hours=6)
#: A client that was asked to check files shows it within this time.
CHECK_BEGINS = timedelta(minutes=5)

_NO_FACTS = Facts()


@dataclass(slots=True)
class Watched:
    """One download under watch."""

    download: Download
    memory: SubjectMemory
    facts: Facts = _NO_FACTS
    facts_at: datetime | None = None
    due: datetime | None = None


@dataclass(slots=True)
class _Client:
    """One download client: its line, its gate, and its unfinished downloads together."""

    backend: Backend
    line: Line
    gate: Gate = OPEN
    census: Census = field(default_factory=Census)
    around: Surroundings | None = None  # of its downloads that are not broken; None: to be worked out anew
    recheck_asked_at: datetime | None = None  # when it was asked last to check files


class Watch:
    """Follows the world, and tells which downloads are due to be judged."""

    def __init__(
        self,
        rules: Iterable[AnyRule],
        policy_of: Callable[[AnyRule], object],
        settling: Callable[[], timedelta],
    ) -> None:
        self._rules = tuple(rules)
        self._policy_of = policy_of
        self._settling = settling
        self._memories: dict[str, SubjectMemory] = {}  # of subjects that were not seen yet
        self._watched: dict[str, Watched] = {}
        self._clients: dict[str, _Client] = {}
        self._heap: list[tuple[datetime, str]] = []  # of those due at one moment the order is that of their names
        self._world = World()
        self._arrs_away: frozenset[str] = frozenset()
        self._reconsider = False
        self._swept = False
        self.learned: set[str] = set()  # subjects of which more is known than was stored

    def recall(self, memories: Mapping[str, SubjectMemory]) -> None:
        """Begin with what was known of subjects before a restart."""
        self._memories = dict(memories)

    # --- following the world -------------------------------------------------------------------------------------

    def follow(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> Iterator[None]:
        """Take over what changed. Yields now and then, so that others have their turn."""
        self._world = world
        for portion in batched(changes.removed, SLICE, strict=False):
            for gone in portion:
                self.forget(gone)
            yield
        yield from self._count(world, index, changes, now)  # the census first: the gate is judged by all of them
        turned = self._judge_clients(world, now)
        away = _arrs_away(world)
        turned |= away ^ self._arrs_away
        self._arrs_away = away
        looks = set(changes.changed)
        if turned:
            looks |= {key for key, watched in self._watched.items() if not turned.isdisjoint(_backends_of(watched))}
        anew, self._reconsider = self._reconsider, False
        if anew:
            looks |= self._watched.keys()
        for portion in batched(looks, SLICE, strict=False):
            for download_id in portion:
                if (download := index.get(download_id)) is not None:
                    self._look(download, now)
                    if anew:
                        self.ask_again(download_id, now)
            yield
        if not self._swept and all(_is_read(backend) for backend in world.backends.values()):
            self._sweep(index)

    def _count(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> Iterator[None]:
        """Bring the census up to date: with what changed, and at new clients with all that they have."""
        for portion in batched(changes.changed, SLICE, strict=False):
            for download_id in portion:
                if (download := index.get(download_id)) is not None and download.client_id in self._clients:
                    self._clients[download.client_id].census.note(download, now)
            yield
        new = {
            backend.id: _Client(backend=backend, line=Line(answering_since=now))
            for backend, _ in world.clients
            if backend.id not in self._clients
        }
        for downloads in batched(tuple(index) if new else (), SLICE, strict=False):
            for each in downloads:
                if each.client_id in new:
                    new[each.client_id].census.note(each)
            yield
        self._clients |= new

    def _judge_clients(self, world: World, now: datetime) -> set[str]:
        """Judge the gates anew, and return the clients at which one opened or shut."""
        turned = set()
        for backend, _ in world.clients:
            client = self._clients[backend.id]
            if _is_back(client.backend, backend):
                client.line = Line(answering_since=now)
            client.backend = backend
            client.line = line_after(client.line, backend, now)
            active = bool(client.census.active)
            gate = judge_client(backend, client.line, active=active, now=now, settling=self._settling())
            if gate.open is not client.gate.open:
                turned.add(backend.id)
            client.gate, client.around = gate, None
        for gone in self._clients.keys() - world.backends.keys():
            del self._clients[gone]
        return turned

    def _sweep(self, index: DownloadIndex) -> None:
        """Forget, once everything was read, the downloads that went while nobody looked."""
        self._swept = True
        for subject in [each for each in self._memories if "/" in each and index.get(each) is None]:
            self.forget(subject)

    @property
    def has_read_all(self) -> bool:
        """Whether every backend was read at least once, so that what is not known is not there."""
        return self._swept

    def reconsider(self) -> None:
        """Look at everything anew the next time: a person changed how it is to be judged."""
        self._reconsider = True

    def slept(self, since: datetime, now: datetime) -> Iterator[None]:
        """Count no time since a moment: nobody looked, or the clock was set. What clients say has to settle anew.

        Yields now and then, so that others have their turn.
        """
        for number, (subject, watched) in enumerate(tuple(self._watched.items()), 1):
            clocks = {rule: clock.stopped(since) for rule, clock in watched.memory.clocks.items()}
            self.learn(subject, replace(watched.memory, clocks=clocks, pace=None))
            if number % SLICE == 0:
                yield
        for client in self._clients.values():
            client.line = replace(client.line, answering_since=now, alive_at=None)
        self.reconsider()

    @property
    def trusted(self) -> frozenset[str]:
        """The download clients whose gate is open."""
        return frozenset(client_id for client_id, client in self._clients.items() if client.gate.open)

    def line_works(self, client_id: str, now: datetime) -> None:
        """Note that a tracker answered: the line of this client works, though nobody is connected."""
        client = self._clients[client_id]
        client.line = replace(client.line, alive_at=now)

    def silent_lines(self, now: datetime) -> dict[str, tuple[Download, ...]]:
        """Return the clients whose lines showed nothing lately, and some downloads whose trackers could tell."""
        return {
            client_id: tuple(self._watched[each].download for each in islice(client.census.active, 3) if each in self)
            for client_id, client in self._clients.items()
            if client.backend.available
            and client.census.active
            and not line_alive(client.backend)
            and now - client.line.last_sign >= ASK_AFTER
        }

    def gate(self, download: Download, backend: Backend | None, now: datetime) -> Gate:
        """Return the gate of a download, given its client as it was seen since the last turn."""
        client = self._clients.get(download.client_id or "")
        if client is None or backend is None or client.gate.shut is not None:
            return client.gate if client else OPEN
        line = line_after(client.line, backend, now)
        active = bool(client.census.active)
        return judge_client(backend, line, active=active, now=now, settling=self._settling())

    def free_bytes(self, client_id: str | None) -> int | None:
        """Return how much is left on the disk of a client, None while that is not known."""
        client = self._clients.get(client_id or "")
        snapshot = client.backend.client if client and client.backend.available else None
        return snapshot.transfer.free_bytes if snapshot else None

    def _look(self, download: Download, now: datetime) -> None:
        """Learn from one download, and note when it is due."""
        watched = self._watched.get(download.id)
        if watched is None:
            memory = self._memories.get(download.id, NOTHING_KNOWN)
            if not _is_watched(download, memory):
                return  # perhaps not yet: what is known of it stays until everything was read
            self._memories.pop(download.id, None)
            watched = self._watched[download.id] = Watched(download=download, memory=memory)
        elif not _is_watched(download, watched.memory):
            self._leave(watched, now)
            return
        if watched.facts_at is not None and _wanted(download) != _wanted(watched.download):
            watched.facts, watched.facts_at = _NO_FACTS, None  # others can be asked now
            self.ask_again(download.id, now)
        watched.download = download
        before = watched.memory
        after = observe(self._case(watched, now), self._rules, self._policy_of)
        if after.proposed:
            after = self._without_what_is_over(watched, after, now)
        if after is before:
            return
        self.learn(download.id, after)
        if any(_has_to_be_asked(rule, before, after, due=watched.due) for rule in after.clocks):
            self.ask_again(download.id, now)

    def _without_what_is_over(self, watched: Watched, after: SubjectMemory, now: datetime) -> SubjectMemory:
        """Forget what was proposed for a spell of a symptom that is over: in the next one it may be proposed again."""
        over = {rule.key for rule in self._rules if self._is_over(rule, watched, after, now)}
        kept = {name: entry for name, entry in after.proposed.items() if name.partition("/")[0] not in over}
        return after if len(kept) == len(after.proposed) else replace(after, proposed=kept)

    def _is_over(self, rule: AnyRule, watched: Watched, after: SubjectMemory, now: datetime) -> bool:
        clock, was = after.clocks.get(rule.key), watched.memory.clocks.get(rule.key)
        if was is None:  # it was not seen yet since it was proposed: after a restart the evidence has to settle first
            return clock is None and rule.sign(self._case(watched, now), self._policy_of(rule)) is Sign.NO
        return clock is None or clock.read(now) < was.read(now)

    def _leave(self, watched: Watched, now: datetime) -> None:
        """Stop watching a download that is done. What a person decided about it stays, in case it comes back."""
        subject = watched.download.id
        del self._watched[subject]
        kept = {rule: until for rule, until in watched.memory.kept_until.items() if now < until}
        if kept:
            self._memories[subject] = replace(NOTHING_KNOWN, kept_until=kept)
        self.learned.add(subject)

    def forget(self, subject: str) -> None:
        """Forget a download that is gone."""
        for client in self._clients.values():
            client.census.forget(subject)
        known = self._memories.pop(subject, None), self._watched.pop(subject, None)
        if any(each is not None for each in known):
            self.learned.add(subject)

    # --- what is known -------------------------------------------------------------------------------------------

    def __contains__(self, subject: str) -> bool:
        return subject in self._watched

    def __len__(self) -> int:
        return len(self._watched)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._watched))

    def memory(self, subject: str) -> SubjectMemory | None:
        """Return what is known of a subject, None when nothing is."""
        watched = self._watched.get(subject)
        return watched.memory if watched else self._memories.get(subject)

    def download(self, subject: str) -> Download | None:
        """Return a download that is watched, as it was at the last look."""
        watched = self._watched.get(subject)
        return watched.download if watched else None

    def learn(self, subject: str, memory: SubjectMemory) -> None:
        """Keep what is known of a subject now."""
        watched = self._watched.get(subject)
        if watched is None:
            self._memories[subject] = memory
        elif memory is watched.memory:
            return
        else:
            self._note_recheck(watched, memory)
            watched.memory = memory
        self.learned.add(subject)

    def _note_recheck(self, watched: Watched, memory: SubjectMemory) -> None:
        """Note when a client was asked to check files: it does so one at a time."""
        asked, client = memory.tried.get(ActKind.RECHECK), self._clients.get(watched.download.client_id or "")
        if client is not None and asked is not None and asked != watched.memory.tried.get(ActKind.RECHECK):
            client.recheck_asked_at = asked.at

    def learn_facts(self, subject: str, facts: Facts, now: datetime) -> None:
        """Keep what was looked up of a download, for a while."""
        watched = self._watched.get(subject)
        if watched is None:
            return
        watched.facts, watched.facts_at = facts, now
        client = self._clients.get(watched.download.client_id or "")
        if client is not None and Look.TRACKERS in facts.looked and facts.trackers is not None:
            client.census.note_trackers(subject, facts.trackers)
            client.around = None

    def case(self, subject: str, now: datetime) -> Case | None:
        """Return a download as a rule sees it now, None when it is not watched."""
        watched = self._watched.get(subject)
        return self._case(watched, now) if watched else None

    def _case(self, watched: Watched, now: datetime) -> Case:
        if watched.facts_at is not None and now - watched.facts_at > FACTS_LAST:
            watched.facts, watched.facts_at = _NO_FACTS, None
        return Case(
            download=watched.download,
            now=now,
            memory=watched.memory,
            facts=watched.facts,
            around=self._around(watched.download, now),
        )

    def _around(self, download: Download, now: datetime) -> Surroundings:
        client = self._clients.get(download.client_id or "")
        if client is None:
            return replace(CALM, arrs_away=self._arrs_away) if self._arrs_away else CALM
        if client.around is None:
            client.around = self._around_all(client)
        if download.state not in BROKEN_STATES or download.torrent is None:
            return client.around
        maps = self._world.path_maps.get(client.backend.id, ())
        asked = client.recheck_asked_at
        return replace(
            client.around,
            broken_neighbours=client.census.broken_beside(download, partial(mount_of, maps)),
            mount_proven=is_proven(map_of(maps, download.torrent.save_path)),
            checking=bool(client.census.checking) or (asked is not None and now - asked < CHECK_BEGINS),
        )

    def _around_all(self, client: _Client) -> Surroundings:
        snapshot = client.backend.client
        transfer = snapshot.transfer if snapshot else None
        return Surroundings(
            gate=client.gate,
            transfer=transfer,
            line_busy=transfer is not None and is_busy(transfer, client.line),
            slow_for_most=client.census.slow_for_most,
            failing_trackers=client.census.failing_trackers,
            arrs_away=self._arrs_away,
        )

    # --- what is due ---------------------------------------------------------------------------------------------

    def ask_again(self, subject: str, at: datetime) -> None:
        """Judge a download at this moment, if not before."""
        watched = self._watched.get(subject)
        if watched is None or (watched.due is not None and watched.due <= at):
            return
        watched.due = at
        heappush(self._heap, (at, subject))

    def due(self, now: datetime) -> Iterator[str]:
        """Return the downloads whose time has come, each once."""
        while self._heap and self._heap[0][0] <= now:
            at, subject = heappop(self._heap)
            watched = self._watched.get(subject)
            if watched is not None and watched.due == at:
                watched.due = None
                yield subject

    @property
    def next_due(self) -> datetime | None:
        """When the next download is to be judged."""
        return self._heap[0][0] if self._heap else None


def _has_to_be_asked(rule: str, before: SubjectMemory, after: SubjectMemory, due: datetime | None) -> bool:
    """Tell whether a rule's clock began to run; one that only began anew is asked in time, if anybody is."""
    clock, was = after.clocks[rule], before.clocks.get(rule)
    if clock.running_since is None:
        return False
    return was is None or was.running_since is None or (due is None and clock is not was)


def _backends_of(watched: Watched) -> Iterator[str]:
    """Return the backends whose state bears on a download."""
    download = watched.download
    if download.client_id is not None:
        yield download.client_id
    for claim in download.claims:
        yield claim.backend_id
    yield from watched.memory.restored_from


def _wanted(download: Download) -> list[tuple[str, str | None, tuple[Title, ...]]]:
    """Return who waits for a download, and for which titles: whom to ask about it, and what."""
    return [(claim.backend_id, claim.item.download_id, claim.item.titles) for claim in download.claims]


def _is_back(before: Backend, backend: Backend) -> bool:
    """Tell whether a client has just come back, by itself or from behind a VPN in trouble: its swarms need a while.

    A trouble that was over before anybody looked was one, too.
    """
    if not backend.available or backend.distrusted:
        return False
    return not before.available or before.distrusted or before.trusted_since != backend.trusted_since


def _is_read(backend: Backend) -> bool:
    """Tell whether everything that a backend can say of downloads is known."""
    if backend.kind not in ARR_KINDS | DOWNLOAD_CLIENT_KINDS:
        return True
    return backend.available and backend.snapshot is not None


def _arrs_away(world: World) -> frozenset[str]:
    return frozenset(
        backend.id for backend in world.backends.values() if backend.kind in ARR_KINDS and not _is_read(backend)
    )


def _is_watched(download: Download, memory: SubjectMemory) -> bool:
    """Whether there is anything to watch for: it is not done, an *arr waits for it, or it was taken back."""
    if download.category == QUARANTINE:
        return False
    return not download.finished or bool(download.claims or memory.restored_from)
