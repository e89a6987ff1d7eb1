"""A kernel over the fakes, with rules made for its tests: it has turns, crashes and comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from custom_components.sokoul.autopilot.actuator import Actuator
from custom_components.sokoul.autopilot.desk import Desk
from custom_components.sokoul.autopilot.inspector import BackendInspector
from custom_components.sokoul.autopilot.kernel import Kernel
from custom_components.sokoul.autopilot.observe import AnyRule
from custom_components.sokoul.autopilot.records import can_undo
from custom_components.sokoul.autopilot.rules.base import Case, Later, Look, Rule, Sign, Step, Verdict, climb, need
from custom_components.sokoul.autopilot.settings import PilotSettings
from custom_components.sokoul.autopilot.turns import Turns
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import ActKind, Autonomy, EntryStatus, JournalEntry, Proposal
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.topology import NO_TOPOLOGY, infer
from custom_components.sokoul.model.world import Changes, DownloadIndex, World

from .fakes import (
    GB,
    Clock,
    Crash,
    FakeArr,
    FakeClient,
    FakeHands,
    FakeJournal,
    FakeMemory,
    FakeTorrent,
    Fate,
    Offer,
    backends_of,
    digest,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# --- rules -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait."""

    patience: timedelta = timedelta(hours=6)
    reannounce_after: timedelta = timedelta(minutes=30)


def _stuck(case: Case, _policy: Patience) -> Sign:
    torrent = case.download.torrent
    if torrent is None or torrent.finished:
        return Sign.NO
    fetching = torrent.state in {DownloadState.STALLED, DownloadState.DOWNLOADING}
    return Sign.YES if fetching else Sign.HOLD


def _climb(case: Case, policy: Patience, elapsed: timedelta) -> Verdict:
    """Two reannounces, half an hour apart; then another release."""
    if elapsed >= policy.reannounce_after and (missing := need(case, {Look.ORIGIN, Look.PRIVACY, Look.TITLES})):
        return missing
    ladder = (
        Step(act=ActKind.REANNOUNCE, after=policy.reannounce_after, times=2, apart=timedelta(minutes=30)),
        Step(act=ActKind.REPLACE, after=policy.patience, times=None),
    )
    act = climb(ladder, case, elapsed)
    return proposal("stuck", case, act) if isinstance(act, ActKind) else act


def proposal(rule: str, case: Case, act: ActKind, ceiling: Autonomy = Autonomy.ACT) -> Proposal:
    return Proposal(
        rule=rule,
        subject=case.download.id,
        act=act,
        reason=Reason(key="heal.stalled", parameters={"idle": HOUR}),
        ceiling=ceiling,
        parameters={"trackers": ("udp://tracker.example",)} if act is ActKind.ADD_TRACKERS else {},
    )


#: Nothing arrives: the tracker is asked twice, then another release is looked for.
STUCK: Rule[Patience] = Rule(
    key="stuck", policy=Patience, sign=_stuck, judge=_climb, default=Autonomy.ACT, ends_with_progress=True
)


def always(
    act: ActKind,
    *,
    key: str = "always",
    after: timedelta = timedelta(),
    default: Autonomy = Autonomy.ACT,
    gated: bool = True,
    ceiling: Autonomy = Autonomy.ACT,
    looks: frozenset[Look] = frozenset({Look.ORIGIN}),
    ends_with_progress: bool = False,
) -> Rule[Patience]:
    """Return a rule that wants one act for everything that an *arr waits for."""

    def sign(case: Case, _policy: Patience) -> Sign:
        return Sign.YES if case.download.claims else Sign.NO

    def judge(case: Case, _policy: Patience, elapsed: timedelta) -> Verdict:
        if elapsed < after:
            return Later(after)
        return need(case, looks) or proposal(key, case, act, ceiling)

    return Rule(
        key=key,
        policy=Patience,
        sign=sign,
        judge=judge,
        default=default,
        gated=gated,
        ends_with_progress=ends_with_progress,
    )


# --- the stack -------------------------------------------------------------------------------------------------------


class Stack:
    """Backends, and a kernel that looks after them. `said` is what listeners were told."""

    def __init__(self, *rules: AnyRule, settings: PilotSettings | None = None) -> None:
        self.clock = Clock()
        self.fate = Fate()
        self.rules: Sequence[AnyRule] = rules or (STUCK,)
        self.settings = settings or PilotSettings()
        self.qbt = FakeClient("qbt", self.fate)
        self.radarr = FakeArr("radarr", self.fate, self.clock, self.qbt)
        self.clients = {"qbt": self.qbt}
        self.arrs = {"radarr": self.radarr}
        self.hands = FakeHands(self.clients, self.arrs)
        self.journal = FakeJournal(self.fate)
        self.memory = FakeMemory(self.fate)
        self.knows_who_serves_whom = True
        self.told: list[JournalEntry] = []
        self.world = World()
        self.index = DownloadIndex()
        self.kernel: Kernel
        self.turns: Turns
        self.desk: Desk
        self.due: datetime | None = None

    # --- set up ------------------------------------------------------------------------------------------------------

    def add_arr(self, id_: str, *, client: FakeClient | None = None, sonarr: bool = False) -> FakeArr:
        """Connect another *arr."""
        arr = self.arrs[id_] = FakeArr(id_, self.fate, self.clock, client or self.qbt, sonarr=sonarr)
        return arr

    def add_client(self, id_: str) -> FakeClient:
        """Connect another download client."""
        client = self.clients[id_] = FakeClient(id_, self.fate)
        return client

    def stalled(self, number: int = 1, *, arr: FakeArr | None = None, **fields: Any) -> FakeTorrent:
        """Let an *arr have grabbed a movie of which nothing arrives any more."""
        arr = arr or self.radarr
        arr.want(number)
        torrent = FakeTorrent(
            hash=digest(number), name=f"Old.{number}", **{"have": GB, "added": self.clock.now, **fields}
        )
        return arr.download(torrent, number)

    def offer(self, number: int = 1, *, arr: FakeArr | None = None, **fields: Any) -> Offer:
        """Let an indexer have another release of a movie."""
        arr = arr or self.radarr
        hash_ = fields.pop("hash", digest(1000 + number))
        defaults: dict[str, Any] = {"title": f"New.{number}", "title_ids": frozenset({number}), "rate": 10**6}
        offer = Offer(hash=hash_, **defaults | fields)
        arr.offers.append(offer)
        return offer

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start, or start again: with the journal and the memory as they were left."""
        self.index = DownloadIndex()
        self.world = World()
        self.kernel = Kernel(
            rules=self.rules,
            journal=self.journal,
            store=self.memory,
            actuator=Actuator(self.hands),
            inspector=BackendInspector(self.hands, self._newest),
            settings=self.settings,
            on_entry=self.told.append,
            on_settings=self._take_settings,
        )
        self.turns = Turns(self.kernel)
        self.desk = Desk(self.kernel)
        await self.kernel.start(self.clock.now)

    def _take_settings(self, settings: PilotSettings) -> None:
        self.settings = settings

    def crash(self) -> None:
        """Lose what was not written. `start` brings it back."""
        self.memory.crash()

    def _newest(self) -> World:
        """Return what polls would have seen by now, also while a turn lasts."""
        known = backends_of(self.clients.values(), self.arrs.values())
        topology = infer(known, previous=self.world.topology) if self.knows_who_serves_whom else NO_TOPOLOGY
        return World(backends=known, topology=topology)

    def look(self) -> Changes:
        """Poll all backends."""
        self.world = self._newest()
        self.index.update(self.world, self.clock.now)
        return self.index.take_changes()

    async def turn(self) -> None:
        """Have one turn at this moment."""
        changes = self.look()
        self.due = await self.turns.take(self.world, self.index, changes, self.clock.now)

    async def run(self, span: timedelta, every: timedelta = 5 * MINUTE) -> None:
        """Let time pass, with a turn now and then. However long it is between two, the machine was awake."""
        self.turns.asleep_after = max(self.turns.asleep_after, every)
        end = self.clock.now + span
        while self.clock.now < end:
            step = min(every, end - self.clock.now)
            self.pass_time(step)
            await self.turn()

    def pass_time(self, span: timedelta) -> None:
        """Let time pass for the backends."""
        self.clock.advance(span)
        for client in self.clients.values():
            client.pass_time(span)
        for arr in self.arrs.values():
            if not arr.restarting:
                arr.look_at_downloads()

    async def restart(self) -> None:
        """Stop as one should, and start again."""
        await self.kernel.save(self.clock.now)
        await self.start()

    async def until_crash(self, points: int, span: timedelta = 2 * MINUTE) -> bool:
        """Run, and crash after so many points; return whether it came to that. Then it is started again."""
        self.fate.crash_at = points
        try:
            await self.run(span, MINUTE)
        except Crash:
            self.crash()
            await self.start()
            return True
        finally:
            self.fate.crash_at = None
        return False

    # --- what can be seen ----------------------------------------------------------------------------------------

    def subject(self, torrent: FakeTorrent, client: str = "qbt") -> str:
        """Return the id of a download."""
        return f"{client}/{torrent.hash}"

    def set(self, **settings: Any) -> None:
        """Change settings as a person does."""
        self.kernel.change(replace(self.kernel.settings, **settings))

    def autonomy(self, level: Autonomy, rule: str = "stuck") -> None:
        """Set how far a rule may go."""
        self.kernel.change(self.kernel.settings.with_autonomy(rule, level))

    def entries(self, *statuses: EntryStatus, act: ActKind | None = None) -> list[JournalEntry]:
        """Return rows of the journal, oldest first."""
        return [
            entry
            for entry in self.journal.entries
            if (not statuses or entry.status in statuses) and (act is None or entry.act is act)
        ]


def reversible(kernel: Kernel) -> tuple[JournalEntry, ...]:
    """Return what was given up and is in quarantine: it can be taken back."""
    return tuple(filter(can_undo, kernel.records.aside))
