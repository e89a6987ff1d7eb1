"""A month of an ordinary stack, to count what healing would have given up wrongly.

Nothing is done in it: rules only write down what they would do, so that everything goes on, and what would have become
of each download is seen and not guessed. A proposal to give one up is wrong if waiting as long again as was waited
(and no less than `ENOUGH`) would have helped: what got nothing gets something within that time, what is slow is
complete within it. Anything that another rule proposes than those about swarms is wrong, too: nothing else goes wrong
in this month.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import math
import random

from custom_components.sokoul.autopilot.rules import no_metadata, slow, stalled
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.model.downloads import ConnectionStatus, DownloadClientSnapshot
from custom_components.sokoul.model.journal import ActKind, Autonomy, JournalEntry
from tests.autopilot.fakes import GB, FakeArr, FakeClient, FakeTorrent
from tests.autopilot.stack import Stack

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LINE_BYTES = 12 * 10**6  # per second
SEED_BYTES = 800_000
#: By rule: what would have helped within this time was given up too early, however long was waited.
ENOUGH = {stalled.KEY: 6 * HOUR, no_metadata.KEY: 2 * HOUR, slow.KEY: 6 * HOUR}


@dataclass(slots=True)
class Fetch:
    """A download, and who shares it: `seeds` tells how many complete copies are in sight at a moment."""

    torrent: FakeTorrent
    kind: str
    seeds: Callable[[datetime], int]  # "in parts": people who have some of it
    share: float  # of what a seed gives
    added: datetime
    came_at: list[datetime] = field(default_factory=list)  # each time that there was more of it
    done_at: datetime | None = None


class Client(FakeClient):
    """A client that tells, as real ones do, how fast everything comes together: by that a good line is known."""

    _told: tuple[DownloadClientSnapshot, DownloadClientSnapshot] | None = None

    def snapshot(self) -> DownloadClientSnapshot:
        """Return what a poll would."""
        seen = super().snapshot()
        if self._told is None or self._told[0] is not seen:
            rate = sum(torrent.download_rate for torrent in seen.torrents.values())
            self._told = seen, replace(seen, transfer=replace(seen.transfer, download_rate=rate))
        return self._told[1]


def waited(entry: JournalEntry) -> timedelta:
    """Return how long a rule had waited when it made a proposal."""
    return max(value for value in entry.reason.parameters.values() if isinstance(value, timedelta))


def is_wrong(entry: JournalEntry, fetch: Fetch) -> bool:
    """Tell whether there was nothing to blame, or waiting as long again would have helped."""
    if entry.rule not in ENOUGH:
        return True
    span = max(waited(entry), ENOUGH[entry.rule])
    helped_at = [fetch.done_at] if entry.rule == slow.KEY else fetch.came_at
    return any(at is not None and timedelta() < at - entry.at <= span for at in helped_at)


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


def in_parts(chance: random.Random) -> Callable[[datetime], int]:
    """Return people of whom none has all of it, who are on now and then, never away for as long as three hours."""
    period, phase = chance.uniform(2.5, 4), chance.random()
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
    ("in parts", in_parts, 0.3, 10),
    ("dead", nobody, 0.0, 8),
)


class Month:
    """The stack, and what happens to it."""

    def __init__(self, seed: int, days: int, *, seeded: bool = True) -> None:
        """Prepare it. `seeded`: what indexers say of seeds is true, and they can be reached when something is grabbed.

        (But what is dead: somebody said that it was shared who isn't there any more.)
        """
        self.chance = random.Random(seed)
        self.days = days
        self.seeded = seeded
        stack = self.stack = Stack(*RULES)
        stack.qbt = stack.clients["qbt"] = Client("qbt", stack.fate)
        stack.radarr = stack.arrs["radarr"] = FakeArr("radarr", stack.fate, stack.clock, stack.qbt)
        stack.radarr.want(900)
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
        """Let a release be grabbed, unless its client is away, or nobody who shares it can be reached now."""
        chance = self.chance
        make, share = next((make, share) for name, make, share, _ in KINDS if name == kind)
        seeds = make(chance)
        client = self.stack.qbt
        if client.away or (self.seeded and kind != "dead" and not (client.peers and seeds(self.stack.clock.now))):
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
            complete = seeds if fetch.kind != "in parts" else 0
            fetch.torrent.seeds = complete
            fetch.torrent.has_metadata = fetch.torrent.has_metadata or seeds > 0
            if complete:
                fetch.torrent.complete_seen = now
            fetch.torrent.rate = round(min(seeds * SEED_BYTES * fetch.share, line_bytes))
        moving = [fetch for fetch in waiting if fetch.torrent.rate]
        for fetch in moving:
            fetch.torrent.queued = moving.index(fetch) >= 5 and fetch.kind == "healthy"
        before = [(fetch, fetch.torrent.have) for fetch in waiting]
        stack.clock.advance(span)
        if not qbt.away:
            qbt.pass_time(span)
        for arr in stack.arrs.values():
            if not arr.away:
                arr.look_at_downloads()
        for fetch, had in before:
            if fetch.torrent.have > had:
                fetch.came_at.append(stack.clock.now)
            if fetch.torrent.finished:
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
        """Return what would have been given up, or disturbed in another way than by asking its trackers again."""
        return [
            (entry, self.fetches[entry.subject.partition("/")[2]])
            for entry in self.stack.journal.entries
            if entry.act is not ActKind.REANNOUNCE
        ]

    def wrong(self) -> list[tuple[JournalEntry, Fetch]]:
        """Return what would have been given up though patience would have helped."""
        return [(entry, fetch) for entry, fetch in self.given_up() if is_wrong(entry, fetch)]

    def missed(self) -> list[Fetch]:
        """Return what was dead for more than a week, and nobody said so."""
        said = {fetch.torrent.hash for _, fetch in self.given_up()}
        return [fetch for fetch in self.fetches.values() if fetch.kind == "dead" and fetch.torrent.hash not in said]
