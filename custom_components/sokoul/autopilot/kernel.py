"""The kernel of healing: what rules propose goes through ownership, autonomy and caps to the journal, and to hands.

It is the one way to an act, whoever wants it: a rule, a button, a voice. One thing happens at a time. Each proposal is
one row of the journal, which is written before anything is touched, and nothing is said or done twice for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..model.journal import (
    AUTOPILOT,
    DESTRUCTIVE_ACTS,
    OPEN_STATUSES,
    ActKind,
    Autonomy,
    EntryStatus,
    JournalEntry,
    Proposal,
    least,
)
from ..model.memory import NOTHING_KNOWN, SubjectMemory
from ..model.reasons import Reason
from ..model.world import Changes, DownloadIndex, World
from .actuator import Actuator, Declined, Plan, grabbed_by, plan, target_of
from .observe import AnyRule
from .ownership import Claims, ceiling
from .ports import Inspector, Journal, MemoryStore
from .rules.base import Case, Later, Need, Verdict
from .settings import PilotSettings
from .target import Target
from .watch import Watch

#: After a look that could not be had (the backend was away) it is tried again.
LOOK_AGAIN = timedelta(minutes=15)
#: What was looked for in vain is looked for again after a day, then after two, four, a week.
KEPT_FIRST, KEPT_LONGEST = timedelta(days=1), timedelta(days=7)
#: A person who said no is not asked again about the same thing for so long; nor one who didn't answer.
REJECTED_FOR = timedelta(days=30)
UNANSWERED_AFTER = timedelta(days=3)
#: What failed is tried again after this.
FAILED_FOR = timedelta(hours=2)
#: So long is a title's failure remembered.
FAILURES_LAST = timedelta(days=30)
#: After so many right suggestions in a row a rule offers to act alone.
RIGHT_IN_A_ROW = 5
#: What was learned is stored this often; what was done is in the journal at once.
STORE_EVERY = timedelta(minutes=5)
#: So many downloads that somebody else took away within an hour look like another tool that heals.
MANY_TAKEN = 3
TELL_OF_OTHERS_EVERY = timedelta(days=7)
OTHER_TOOL = "other_tool"
#: What is in quarantine is looked after this often; with less than this left on the disk it goes sooner.
TIDY_EVERY = timedelta(minutes=15)
LOW_BYTES = 5 * 1024**3
#: What stopped half-way is looked after this often.
SETTLE_EVERY = timedelta(minutes=1)
#: A rule that wants one thing after another for a download must come to an end.
MOST_LOOKS = 3

ALIVE = "autopilot:alive"  # the subject under which it is stored until when the clocks ran


class Kernel:
    """Decides. `on_entry` is called with every entry of the journal that is new or changed."""

    def __init__(
        self,
        *,
        rules: Collection[AnyRule],
        journal: Journal,
        store: MemoryStore,
        actuator: Actuator,
        inspector: Inspector,
        settings: PilotSettings,
        on_entry: Callable[[JournalEntry], None],
        on_settings: Callable[[PilotSettings], None],
    ) -> None:
        self._rules = {rule.key: rule for rule in rules}
        self._journal = journal
        self._store = store
        self._actuator = actuator
        self._inspector = inspector
        self._settings = settings
        self._on_entry = on_entry
        self._on_settings = on_settings
        self._busy = asyncio.Lock()
        self._first = False  # the first evaluation ever is a report
        self._stored_at: datetime | None = None
        self._ours: set[str] = set()  # info hashes and names of releases that it grabbed itself
        self._suggested: dict[int, JournalEntry] = {}  # what a person is being asked
        self._under_way: dict[int, JournalEntry] = {}  # what stopped half-way
        self._reversible: dict[int, JournalEntry] = {}  # what is in quarantine
        self._settled_at: datetime | None = None
        self._tidied_at: datetime | None = None
        self._taken: list[tuple[datetime, str]] = []  # by somebody else: when, and what
        self._told_at: datetime | None = None
        self._searches: list[datetime] = []
        self.watch = Watch(rules, self._policy_of, {}, self._settling)

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self, now: datetime) -> None:
        """Remember what was known, and settle what was under way when it all stopped."""
        stored = dict(await self._store.load())
        alive = stored.pop(ALIVE, None)
        self._first = alive is None
        ran_until = datetime.fromtimestamp(alive["at"], now.tzinfo) if alive else now
        memories = {}
        for subject, memory in stored.items():
            try:
                memories[subject] = SubjectMemory.from_json(memory, min(ran_until, now))
            except KeyError, TypeError, ValueError:
                self._store.keep(subject, None)  # not readable: what it knew has to be learned again
        self.watch = Watch(self._rules.values(), self._policy_of, memories, self._settling)
        for entry in await self._journal.find(statuses=[EntryStatus.DONE], since=now - FAILURES_LAST, limit=1000):
            self._file(entry)
        for entry in await self._journal.find(statuses=OPEN_STATUSES, limit=1000):
            self._file(entry)

    async def stop(self, now: datetime) -> None:
        """Store what was learned."""
        async with self._busy:
            self._keep(now)
        await self._store.flush()

    def _keep(self, now: datetime) -> None:
        """Hand over to the store what was learned since the last time."""
        for subject in self.watch.learned:
            memory = self.watch.memory(subject)
            self._store.keep(subject, memory.as_json() if memory and memory is not NOTHING_KNOWN else None)
        self.watch.learned.clear()
        self._store.keep(ALIVE, {"at": now.timestamp()})
        self._stored_at = now

    def _policy_of(self, rule: AnyRule) -> object:
        return self._settings.policy(rule)

    def _settling(self) -> timedelta:
        return self._settings.caps.settling

    @property
    def settings(self) -> PilotSettings:
        """What the person set."""
        return self._settings

    @property
    def rules(self) -> Mapping[str, AnyRule]:
        """The rules by key."""
        return self._rules

    def claims(self) -> Claims:
        """Return what is never touched."""
        return self._settings.claims(self._ours)

    def taken_back(self, entry: JournalEntry, now: datetime) -> None:
        """Leave in peace what a person took back, and remember for whom: its *arr no longer looks after it."""
        wanted_by = target_of(entry).wanted_by
        memory = self.watch.memory(entry.subject) or NOTHING_KNOWN
        memory = replace(memory, restored_from=wanted_by[0].arr_id if wanted_by else None, clocks={})
        self.watch.learn(entry.subject, memory.with_kept(entry.rule, now + REJECTED_FOR))

    def change(self, settings: PilotSettings) -> None:
        """Work with other settings from now on. What a rule had said under its old level it may say again."""
        before, self._settings = self._settings, settings
        changed = {key for key, rule in self._rules.items() if before.level(rule) is not settings.level(rule)}
        for subject in self.watch:
            memory = self.watch.memory(subject)
            if memory and any(name.partition("/")[0] in changed for name in memory.proposed):
                kept = {name: each for name, each in memory.proposed.items() if name.partition("/")[0] not in changed}
                self.watch.learn(subject, replace(memory, proposed=kept, tried={}))
        self._on_settings(settings)

    # --- one round -----------------------------------------------------------------------------------------------

    async def step(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> datetime | None:
        """Follow the world, judge what is due, and do what may be done. Returns when to come again at the latest."""
        async with self._busy:
            await self._notice_others(world, index, changes, now)
            for _ in self.watch.follow(world, index, changes, now):
                await asyncio.sleep(0)
            await self._settle(now)
            await self._tidy(now)
            await self._ask_lines(now)
            for subject in self.watch.due(now):
                await self._consider(subject, now)
            await self._expire(changes, now)
            self._first = False
            if self._stored_at is None or now - self._stored_at >= STORE_EVERY:
                self._keep(now)
            return self.watch.next_due

    async def _ask_lines(self, now: datetime) -> None:
        """Where nobody is connected, a tracker that answers shows that the line works nevertheless."""
        for client_id, downloads in self.watch.silent_lines().items():
            if await self._inspector.any_tracker_works(client_id, [each.key for each in downloads]):
                self.watch.line_works(client_id, now)

    async def _consider(self, subject: str, now: datetime) -> None:
        """Let the rules have their say about one download. The first that wants something gets it."""
        nexts: list[datetime] = []
        for rule in self._rules.values():
            case = self.watch.case(subject, now)
            if case is None:
                return
            level = self._settings.level(rule)
            clock = case.memory.clocks.get(rule.key)
            if level is Autonomy.OFF or clock is None or clock.running_since is None:
                continue
            if (kept := case.memory.kept_until.get(rule.key)) is not None and now < kept:
                nexts.append(kept)
                continue
            verdict = await self.judge(rule, case)
            if isinstance(verdict, Later):
                nexts.append(now + max(verdict.at - clock.read(now), timedelta(seconds=1)))
            elif isinstance(verdict, Need):  # a backend was away
                nexts.append(now + LOOK_AGAIN)
            elif verdict is not None:
                case = self.watch.case(subject, now) or case
                if await self._propose(rule, case, verdict):
                    nexts = [now + timedelta(seconds=1)]  # what comes after it
                    break
        if nexts:
            self.watch.ask_again(subject, min(nexts))

    async def judge(self, rule: AnyRule, case: Case, elapsed: timedelta | None = None) -> Verdict:
        """Ask a rule, and look up what it wants to know. `elapsed` stands for what its clock shows."""
        policy = self._settings.policy(rule)
        elapsed = case.memory.elapsed(rule.key, case.now) if elapsed is None else elapsed
        verdict = rule.judge(case, policy, elapsed)
        for _ in range(MOST_LOOKS):
            if not isinstance(verdict, Need):
                break
            facts = await self._inspector.look(case, verdict.looks)
            if facts is None:
                break
            self.watch.learn_facts(case.download.id, facts, case.now)
            case = replace(case, facts=facts)
            verdict = rule.judge(case, policy, elapsed)
        return verdict

    async def _propose(self, rule: AnyRule, case: Case, proposal: Proposal) -> bool:
        """Take a proposal as far as it may go. Returns whether the rule may have more to say at once."""
        memory, name = case.memory, f"{rule.key}/{proposal.act}"
        if name in memory.proposed:
            return False
        level = await self._level(rule, case, proposal)
        if level is Autonomy.OFF:
            return False
        planned = plan(proposal, case, AUTOPILOT)
        if proposal.act is ActKind.TELL:
            told = EntryStatus.OBSERVED if level is Autonomy.OBSERVE else EntryStatus.DONE
            await self._say(planned, told)
            return False
        if level is Autonomy.OBSERVE:
            await self._say(planned, EntryStatus.OBSERVED)
            self._learn_try(rule, case, proposal.act)
            return True
        if proposal.act is ActKind.REPLACE:
            if not self._may_search(case.now):
                self.watch.ask_again(case.download.id, case.now + timedelta(hours=1))
                return False
            try:
                planned = await self._actuator.find_replacement(planned)
            except Declined as declined:
                await self._keep_for_now(rule, case, replace(planned.entry, result=declined.reason))
                return False
        if level is Autonomy.SUGGEST:
            await self._say(planned, EntryStatus.SUGGESTED)
            return False
        return (await self.do(rule, case, planned)).status is EntryStatus.DONE

    async def do(self, rule: AnyRule, case: Case, planned: Plan) -> JournalEntry:
        """Write down what is about to happen, let it happen, and learn from what came of it."""
        now, subject = case.now, case.download.id
        try:
            planned = await self._actuator.prepare(planned)
        except Declined as declined:
            done = replace(planned.entry, status=EntryStatus.FAILED, changed_at=now, result=declined.reason)
        else:
            entry = await self.write(replace(planned.entry, status=EntryStatus.RUNNING, changed_at=now))
            done = await self._actuator.carry_out(replace(planned, entry=entry), now)
        done = await self.write(done)
        if done.status is EntryStatus.DONE:
            self._learn_try(rule, case, done.act)
            self._count_failure(done, now)
        else:
            memory = self.watch.memory(subject) or case.memory
            self.watch.learn(subject, memory.with_kept(rule.key, now + FAILED_FOR))
        return done

    def _learn_try(self, rule: AnyRule, case: Case, act: ActKind) -> None:
        memory = self.watch.memory(case.download.id) or case.memory
        began = case.now - memory.elapsed(rule.key, case.now)
        self.watch.learn(case.download.id, memory.with_try(act, began, case.now))

    # --- restraint -----------------------------------------------------------------------------------------------

    async def _level(self, rule: AnyRule, case: Case, proposal: Proposal) -> Autonomy:
        """Return how far a proposal may go: as far as everything allows that has a say in it."""
        allowed, _why = ceiling(case, self.claims())
        level = least(allowed, proposal.ceiling, self._settings.level(rule))
        if self._first:
            return least(level, Autonomy.OBSERVE)
        if level is Autonomy.ACT and await self._must_ask(rule, case, proposal):
            return Autonomy.SUGGEST
        return level

    async def _must_ask(self, rule: AnyRule, case: Case, proposal: Proposal) -> bool:
        """Whether a person has to decide: the rule did much already, or this title keeps failing."""
        if (
            proposal.act in DESTRUCTIVE_ACTS
            and self._failures(case, case.now) >= self._settings.caps.failures_of_a_title
        ):
            return True
        since = case.now - timedelta(hours=1)
        done = await self._journal.find(statuses=_ACTED, rule=rule.key, since=since, limit=100)
        acts = sum(entry.actor == AUTOPILOT and entry.act in DESTRUCTIVE_ACTS for entry in done)
        return proposal.act in DESTRUCTIVE_ACTS and acts >= self._settings.caps.acts_an_hour

    def _failures(self, case: Case, now: datetime) -> int:
        """Return how often the worst of a download's titles was given up lately."""
        counts = [0]
        for subject in _titles(Target.of(case.download)):
            tries = (self.watch.memory(subject) or NOTHING_KNOWN).tried.get(ActKind.REPLACE)
            if tries and now - tries.at < FAILURES_LAST:
                counts.append(tries.count)
        return max(counts)

    def _count_failure(self, entry: JournalEntry, now: datetime) -> None:
        if entry.act not in DESTRUCTIVE_ACTS:
            return
        for subject in _titles(target_of(entry)):
            memory = self.watch.memory(subject) or NOTHING_KNOWN
            self.watch.learn(subject, memory.with_try(ActKind.REPLACE, now - FAILURES_LAST, now))

    def _may_search(self, now: datetime) -> bool:
        """Whether the indexers may be asked once more; if so, that counts."""
        self._searches = [at for at in self._searches if now - at < timedelta(hours=1)]
        if len(self._searches) >= self._settings.caps.searches_an_hour:
            return False
        self._searches.append(now)
        return True

    async def _keep_for_now(self, rule: AnyRule, case: Case, entry: JournalEntry) -> None:
        """Write down that there is nothing better, and leave it in peace: a day, then longer each time."""
        memory = case.memory
        vain = memory.tried.get("search")
        times = vain.count if vain else 0
        until = case.now + min(KEPT_FIRST * 2**times, KEPT_LONGEST)
        await self.write(replace(entry, status=EntryStatus.KEPT))
        self.watch.learn(case.download.id, memory.with_try("search", _LONG_AGO, case.now).with_kept(rule.key, until))
        self.watch.ask_again(case.download.id, until)

    # --- the journal ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep everything else waiting: one thing happens at a time."""
        async with self._busy:
            yield

    @property
    def journal(self) -> Journal:
        """The history."""
        return self._journal

    @property
    def actuator(self) -> Actuator:
        """The hands."""
        return self._actuator

    @property
    def suggestions(self) -> tuple[JournalEntry, ...]:
        """What a person is being asked, the oldest first."""
        return tuple(self._suggested.values())

    @property
    def reversible(self) -> tuple[JournalEntry, ...]:
        """What is in quarantine, and can be taken back."""
        return tuple(self._reversible.values())

    async def write(self, entry: JournalEntry) -> JournalEntry:
        """Write an entry, and tell whoever listens."""
        if entry.id:
            await self._journal.change(entry)
        else:
            entry = await self._journal.add(entry)
        self._file(entry)
        self._on_entry(entry)
        return entry

    def _file(self, entry: JournalEntry) -> None:
        """Keep at hand what is still open."""
        self._ours |= grabbed_by(entry)
        kept = entry.status is EntryStatus.DONE and entry.undo is not None
        for file, belongs in (
            (self._suggested, entry.status is EntryStatus.SUGGESTED),
            (self._under_way, entry.status in _UNDER_WAY),
            (self._reversible, kept),
        ):
            if belongs:
                file[entry.id] = entry
            else:
                file.pop(entry.id, None)

    async def _say(self, planned: Plan, status: EntryStatus) -> None:
        """Write down a proposal, and remember it, so that it is not said again."""
        entry = await self.write(replace(planned.entry, status=status))
        memory = self.watch.memory(entry.subject) or NOTHING_KNOWN
        self.watch.learn(entry.subject, memory.with_proposed(f"{entry.rule}/{entry.act}", entry.id))

    async def close(self, entry: JournalEntry, now: datetime, *, keep_for: timedelta) -> JournalEntry:
        """Write the end of a proposal, and leave its subject in peace with it for a time."""
        closed = await self.write(replace(entry, changed_at=now))
        if (memory := self.watch.memory(entry.subject)) is not None:
            memory = memory.with_proposed(f"{entry.rule}/{entry.act}", None)
            self.watch.learn(entry.subject, memory.with_kept(entry.rule, now + keep_for) if keep_for else memory)
            self.watch.ask_again(entry.subject, now + keep_for)
        return closed

    async def _expire(self, changes: Changes, now: datetime) -> None:
        """Take back suggestions that are no longer needed, or that nobody answered: unanswered means keep."""
        for entry in self.suggestions:
            memory = self.watch.memory(entry.subject)
            watched = entry.subject in self.watch and memory is not None
            if entry.subject in changes.removed or (watched and memory and entry.rule not in memory.clocks):
                over = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key="result.over"))
                await self.close(over, now, keep_for=timedelta())
            elif now - entry.at > UNANSWERED_AFTER:
                unanswered = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key="result.unanswered"))
                await self.close(unanswered, now, keep_for=REJECTED_FOR)

    async def _settle(self, now: datetime) -> None:
        """Find out, by looking at the backends, what became of what was interrupted or stopped half-way."""
        if not self._under_way or (self._settled_at is not None and now - self._settled_at < SETTLE_EVERY):
            return
        self._settled_at = now
        for entry in tuple(self._under_way.values()):
            settled = await self._actuator.settle(entry, now)
            if settled is not entry:
                await self.write(settled)
                if settled.status is EntryStatus.DONE:
                    self._count_failure(settled, now)

    async def _notice_others(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> None:
        """Say so when something else takes away unfinished downloads: two that heal undo each other's work."""
        for subject in changes.removed | changes.changed:
            case, after = self.watch.case(subject, now), index.get(subject)
            if case is None or case.download.torrent is None or (after is not None and after.torrent is not None):
                continue
            if case.download.finished or not case.download.claims:
                continue
            client = world.backends.get(case.download.client_id or "")
            if client is not None and client.available:
                self._taken.append((now, case.download.label))
        self._taken = [taken for taken in self._taken if now - taken[0] < timedelta(hours=1)]
        told = self._told_at is not None and now - self._told_at < TELL_OF_OTHERS_EVERY
        if len(self._taken) < MANY_TAKEN or told:
            return
        self._told_at = now
        labels = tuple(dict.fromkeys(label for _, label in self._taken))
        await self.write(
            JournalEntry(
                at=now,
                changed_at=now,
                rule=OTHER_TOOL,
                subject=OTHER_TOOL,
                label="",
                act=ActKind.TELL,
                status=EntryStatus.DONE,
                reason=Reason(key="heal.other_tool", parameters={"count": len(self._taken), "names": labels}),
            )
        )

    async def _tidy(self, now: datetime) -> None:
        """Let go of what was in quarantine for long enough; where the disk is low, of the oldest at once."""
        if not self._reversible or (self._tidied_at is not None and now - self._tidied_at < TIDY_EVERY):
            return
        self._tidied_at = now
        for entry in sorted(self._reversible.values(), key=lambda each: each.changed_at):
            free = self.watch.free_bytes(target_of(entry).client_id)
            low = free is not None and free < LOW_BYTES
            if not low and now - entry.changed_at < self._settings.caps.quarantine:
                continue
            try:
                purged = await self._actuator.purge(entry)
            except Declined:
                continue  # its client is away
            await self.write(purged)
            if low:
                return  # the client tells in a while what that gained


def _titles(target: Target) -> list[str]:
    return [subject for wanting in target.wanted_by for subject in wanting.subjects]


_ACTED = (EntryStatus.RUNNING, EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.UNDONE)
_UNDER_WAY = (EntryStatus.RUNNING, EntryStatus.UNDOING)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
