"""A month of an ordinary stack, to count what healing would have given up wrongly.

Nothing is done in it: rules only write down what they would do, so that everything goes on, and what would have become
of each download is seen and not guessed. A proposal to give one up is wrong if the download would have been complete
within the patience that its rule has with it: of what gets nothing, within as long again as was waited.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import math
import random

from custom_components.sokoul.autopilot.rules import slow
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.model.downloads import ConnectionStatus
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind, Autonomy, JournalEntry
from tests.autopilot.fakes import GB, FakeTorrent
from tests.autopilot.stack import Stack

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LINE_BYTES = 12 * 10**6  # per second
SEED_BYTES = 800_000


@dataclass(slots=True)
class Fetch:
    """A download, and who shares it: `seeds` tells how many complete copies are in sight at a moment."""

    torrent: FakeTorrent
    kind: str
    seeds: Callable[[datetime], int]
    share: float  # of what a seed gives
    added: datetime
    done_at: datetime | None = None


def patience_of(entry: JournalEntry) -> timedelta:
    """Return how long a rule had waited when it made a proposal; who is slow has a time to be complete in instead."""
    if entry.rule == slow.KEY:
        return slow.SlowPolicy().finishes_within
    return max((value for value in entry.reason.parameters.values() if isinstance(value, timedelta)), default=DAY)


def healthy(chance: random.Random) -> Callable[[datetime], int]:
    """Return a swarm that is large, and larger in the evening."""
    base = chance.randint(3, 30)
    return lambda now: base + round(base * math.sin(now.hour / 24 * math.tau))


def evenings(chance: random.Random) -> Callable[[datetime], int]:
    """Return one seed that is on for some hours of each day."""
    begins, hours = chance.randint(14, 20), chance.randint(2, 4)
    return lambda now: int(begins <= now.hour < begins + hours)


def comes_and_goes(chance: random.Random) -> Callable[[datetime], int]:
    """Return seeds that come and go, for hours at a time, never away for as long as a day."""
    period, phase = chance.uniform(6, 20), chance.random()
    return lambda now: int((now.timestamp() / 3600 / period + phase) % 1 < 0.3)


def one_slow(_chance: random.Random) -> Callable[[datetime], int]:
    """Return one seed, all the time."""
    return lambda _: 1


def nobody(_chance: random.Random) -> Callable[[datetime], int]:
    """Return a swarm that died."""
    return lambda _: 0


#: kind of swarm, how much of a seed's rate comes, how many of these a month brings
KINDS: Sequence[tuple[str, Callable[[random.Random], Callable[[datetime], int]], float, int]] = (
    ("healthy", healthy, 1.0, 60),
    ("slow but moving", one_slow, 0.05, 12),
    ("in the evenings", evenings, 0.6, 14),
    ("comes and goes", comes_and_goes, 0.4, 14),
    ("dead", nobody, 0.0, 8),
)


class Month:
    """The stack, and what happens to it."""

    def __init__(self, seed: int, days: int, *, seeded: bool = True) -> None:
        """Prepare it. `seeded`: what indexers say of seeds is true, so that nothing is grabbed that nobody shares then.

        (But what is dead: somebody said that it was shared who isn't there any more.)
        """
        self.chance = random.Random(seed)
        self.days = days
        self.seeded = seeded
        self.stack = Stack(*RULES)
        self.stack.radarr.want(900)
        self.fetches: dict[str, Fetch] = {}
        self.restarts = 0
        self._number = 0

    async def run(self, every: timedelta = 5 * MINUTE) -> None:
        """Let the month pass."""
        stack, chance = self.stack, self.chance
        await stack.start()
        for rule in RULES:
            stack.autonomy(Autonomy.OBSERVE, rule.key)
        start, end = stack.clock.now, stack.clock.now + self.days * DAY
        comings = sorted(
            (start + chance.random() * (self.days - 8) * DAY, kind)
            for kind, _, _, count in KINDS
            for _ in range(max(round(count * self.days / 30), 1))
        )
        while stack.clock.now < end:
            for coming in [each for each in comings if each[0] <= stack.clock.now]:
                if self._come(coming[1]):
                    comings.remove(coming)
            self._backends()
            self._swarms(every)
            await stack.turn()
            if chance.random() < every / (3 * DAY):
                await self._restart()

    def _come(self, kind: str) -> bool:
        """Let a release be grabbed, unless nobody shares it now."""
        chance = self.chance
        make, share = next((make, share) for name, make, share, _ in KINDS if name == kind)
        seeds = make(chance)
        if self.seeded and kind != "dead" and not seeds(self.stack.clock.now):
            return False
        self._number += 1
        pack = chance.random() < 0.2
        torrent = self.stack.stalled(
            self._number,
            size=(chance.randint(20, 45) if pack else chance.randint(1, 9)) * GB,
            have=0,
            private=chance.random() < 0.2,
            has_metadata=chance.random() < 0.7,
        )
        self.fetches[torrent.hash] = Fetch(torrent, kind, seeds, share, self.stack.clock.now)
        return True

    def _backends(self) -> None:
        """Let the NAS sleep at night, and the tunnel connect anew every day and be dead for a night once a week."""
        qbt, now = self.stack.qbt, self.stack.clock.now
        qbt.away = now.hour in {3, 4} and now.day % 3 != 0
        reconnects = now.hour == 5 and now.minute < 10
        outage = now.weekday() == 6 and now.hour < 8
        qbt.connection = ConnectionStatus.DISCONNECTED if reconnects else ConnectionStatus.CONNECTED
        qbt.peers = 0 if outage else 20
        qbt.working_trackers = not outage
        self.stack.radarr.away = now.hour == 6 and now.minute < 20

    def _swarms(self, span: timedelta) -> None:
        """Let come what comes: five at a time, within what the line carries."""
        stack, now = self.stack, self.stack.clock.now
        qbt = stack.qbt
        line = not qbt.away and qbt.connection is ConnectionStatus.CONNECTED and qbt.peers > 0
        line_bytes = LINE_BYTES * (0.3 if 18 <= now.hour < 23 else 1.0)  # others use it, too
        waiting = [fetch for fetch in self.fetches.values() if not fetch.torrent.finished]
        for fetch in waiting:
            seeds = fetch.seeds(now) if line else 0
            fetch.torrent.seeds = seeds
            if seeds:
                fetch.torrent.complete_seen = now
                fetch.torrent.has_metadata = True
            fetch.torrent.rate = round(min(seeds * SEED_BYTES * fetch.share, line_bytes))
        moving = [fetch for fetch in waiting if fetch.torrent.rate]
        for fetch in moving:
            fetch.torrent.queued = moving.index(fetch) >= 5 and fetch.kind == "healthy"
        stack.clock.advance(span)
        if not qbt.away:
            qbt.pass_time(span)
        for arr in stack.arrs.values():
            if not arr.away:
                arr.look_at_downloads()
        for fetch in self.fetches.values():
            if fetch.done_at is None and fetch.torrent.finished:
                fetch.done_at = stack.clock.now

    async def _restart(self) -> None:
        self.restarts += 1
        if self.chance.random() < 0.3:
            if self.chance.random() < 0.5:
                self.stack.memory.write()
            self.stack.crash()
            await self.stack.start()
        else:
            await self.stack.restart()

    # --- the verdict -------------------------------------------------------------------------------------------------

    def given_up(self) -> list[tuple[JournalEntry, Fetch]]:
        """Return what would have been given up."""
        acts = DESTRUCTIVE_ACTS - {ActKind.LEAVE_QUEUE}
        return [
            (entry, self.fetches[entry.subject.partition("/")[2]])
            for entry in self.stack.journal.entries
            if entry.act in acts
        ]

    def wrong(self) -> list[tuple[JournalEntry, Fetch]]:
        """Return what would have been given up though it would have been complete within the patience with it."""
        return [
            (entry, fetch)
            for entry, fetch in self.given_up()
            if fetch.done_at is not None and fetch.done_at - entry.at <= patience_of(entry)
        ]

    def missed(self) -> list[Fetch]:
        """Return what was dead for more than a week, and nobody said so."""
        said = {fetch.torrent.hash for _, fetch in self.given_up()}
        return [fetch for fetch in self.fetches.values() if fetch.kind == "dead" and fetch.torrent.hash not in said]
