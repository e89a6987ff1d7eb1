"""The kernel of healing: what rules propose goes through ownership, autonomy and caps to the journal, and to hands.

It is the one way to an act, whoever wants it: a rule, a button, a voice. One thing happens at a time. Each proposal is
one row of the journal, which is written before anything is touched, and nothing is said or done twice for it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from ..model.backend import DOWNLOAD_CLIENT_KINDS
from ..model.downloads import Torrent
from ..model.journal import (
    AUTOPILOT,
    CARRIED_ACTS,
    CAUSE,
    DESTRUCTIVE_ACTS,
    LINK_ACTS,
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
from ..model.world import Changes, Download, DownloadIndex, World
from .actuator import MOST_EPISODES, Actuator, Objection, Plan, grabbed_by, plan
from .budget import HOUR, SEARCHES, Budget
from .lessons import RUNGS, UNANSWERED, learn, learn_of_title, titles, wish
from .observe import AnyRule
from .ownership import Claims, ceiling
from .ports import Inspector, Journal, MemoryStore
from .reach import Declined
from .rules.base import Case, Later, Need, Verdict
from .settings import PilotSettings, Settable
from .target import Target, target_of
from .undoing import set_aside_in
from .watch import Watch

#: After a look that could not be had (the backend was away) it is tried again.
LOOK_AGAIN = timedelta(minutes=15)
#: A person is asked for so long.
UNANSWERED_AFTER = timedelta(days=3)
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
#: Whether anything at all reaches a client that shows no sign of it is asked this often.
ASK_LINES_EVERY = timedelta(minutes=2)
#: What can't be settled for so long won't be: a backend is gone, or refuses.
SETTLED_WITHIN = timedelta(days=3)
#: A turn that comes so late tells that the machine slept, or that its clock was set: pauses are five minutes at most.
ASLEEP_AFTER = timedelta(minutes=15)
#: Of so many downloads that are due, and that want nothing, the event loop has its turn in between.
JUDGED_AT_ONCE = 50
#: So many rows of the journal are read at once.
PAGE = 200
#: A rule that wants one thing after another for a download must come to an end.
MOST_LOOKS = 3
#: Done without asking even where a person is to be asked: it changes nothing, and asking would be the greater bother.
HARMLESS = frozenset({ActKind.REANNOUNCE, ActKind.RETRY_IMPORT})
#: They ask every indexer.
SEARCHING_ACTS = frozenset({ActKind.REPLACE, ActKind.FETCH_MISSING})

ALIVE = "autopilot:alive"  # the subject under which it is stored until when the clocks ran


class _Then(Enum):
    """What comes after a proposal."""

    OTHERS = auto()  # the other rules may have their say
    MORE = auto()  # the ladder goes on
    NOTHING = auto()  # it is being dealt with


class _FirstLook:
    """The very first look at all downloads, which is a report: at each client it is one whose evidence can be trusted.

    It outlives a restart.
    """

    def __init__(self, *, over: bool = True, had: Collection[str] = (), began: bool = False) -> None:
        self._over = over
        self._had = frozenset(had)  # the clients at which it took place
        self._began = began
        self._clients: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> _FirstLook:
        """Return how far it had come; None: it is over."""
        return cls() if stored is None else cls(over=False, had=stored.get("had", ()), began=bool(stored))

    def as_json(self) -> Mapping[str, Any] | None:
        """Return how far it has come, None when it is over."""
        return None if self._over else {"had": sorted(self._had)}

    def begins(self, world: World) -> None:
        """Note at which clients it has to take place."""
        self._clients = frozenset(each.id for each in world.backends.values() if each.kind in DOWNLOAD_CLIENT_KINDS)

    def is_at(self, download: Download) -> bool:
        """Tell whether what is said of a download is only reported."""
        if self._over:
            return False
        if download.client_id in self._clients:
            return download.client_id not in self._had
        return not self._began

    def took_place(self, trusted: Collection[str]) -> None:
        """Note that all was looked at, and whose evidence could be trusted."""
        if not self._over:
            self._began = True
            self._had = self._had.union(trusted)
            self._over = self._clients <= self._had


class Kernel:
    """Decides. `on_entry` is called with every entry of the journal that is new or changed."""

    asleep_after = ASLEEP_AFTER

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
        self._first = _FirstLook()
        self._last_step: datetime | None = None
        self._stored_at: datetime | None = None
        self._ours: dict[str, int | None] = {}  # by hash and name: what it grabbed itself, and how many shared it
        self._suggested: dict[int, JournalEntry] = {}  # what a person is being asked
        self._asked: Counter[str] = Counter()  # about which downloads
        self._under_way: dict[int, JournalEntry] = {}  # what stopped half-way
        self._aside: dict[int, JournalEntry] = {}  # what is in quarantine
        self._settled_at: datetime | None = None
        self._tidied_at: datetime | None = None
        self._taken: list[tuple[datetime, str]] = []  # by somebody else: when, and what
        self._told_at: datetime | None = None
        self._told_causes: dict[str, JournalEntry] = {}  # of what was said of one download for others, too
        self._lines_asked_at: datetime | None = None
        self._budget = Budget()
        self._changed: set[str] = set()  # rules whose level was changed since the last turn
        self.watch = Watch(rules, self._policy_of, {}, self._settling)

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self, now: datetime) -> None:
        """Remember what was known, and what was said and done since that was stored."""
        stored = dict(await self._store.load())
        alive = stored.pop(ALIVE, None)
        self._first = _FirstLook.from_json({} if alive is None else alive.get("first"))
        ran_until = min(datetime.fromtimestamp(alive["at"], now.tzinfo), now) if alive else now
        memories = {}
        for number, (subject, stored_memory) in enumerate(stored.items(), 1):
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                memory = SubjectMemory.from_json(stored_memory, ran_until)
            except KeyError, TypeError, ValueError, AttributeError:
                memory = NOTHING_KNOWN  # not readable: what it knew has to be learned again
            if _is_stale(memory, now):
                self._store.keep(subject, None)
            else:
                memories[subject] = memory
        self.watch = Watch(self._rules.values(), self._policy_of, memories, self._settling)
        await self._recall(ran_until if alive else now - FAILURES_LAST, now)

    async def _recall(self, stored_at: datetime, now: datetime) -> None:
        """Read the journal: what is open or can be taken back, and what was learned but not stored."""
        for entry in await self._journal.find(statuses=OPEN_STATUSES, limit=1000):
            self._file(entry)
        not_stored: list[JournalEntry] = []
        async for entry in self._entries(now - max(FAILURES_LAST, 2 * self._settings.caps.quarantine)):
            self._file(entry)
            if entry.changed_at >= stored_at:
                not_stored.append(entry)
            if now - entry.changed_at < HOUR:
                self._budget.restore(entry)
            if entry.rule == OTHER_TOOL:
                self._told_at = max(entry.at, self._told_at or entry.at)
        for entry in sorted(not_stored, key=lambda each: each.changed_at):
            self._learn(entry)

    async def _entries(self, since: datetime) -> AsyncIterator[JournalEntry]:
        """Yield all entries that changed since then, newest first."""
        before: int | None = None
        while page := await self._journal.find(since=since, before_id=before, limit=PAGE):
            for entry in page:
                yield entry
            before = page[-1].id

    async def stop(self, now: datetime) -> None:
        """Store what was learned, before the end."""
        await self.save(now)

    async def save(self, now: datetime) -> None:
        """Store what was learned now: also when that is nothing, something is written. Raises what the store raises."""
        async with self._busy:
            await self._forget_said()
            await self._keep(now)
        await self._store.flush()

    async def _keep(self, now: datetime) -> None:
        """Hand over to the store what was learned since the last time."""
        for number, subject in enumerate(tuple(self.watch.learned), 1):
            memory = self.watch.memory(subject)
            self._store.keep(subject, memory.as_json() if memory and memory is not NOTHING_KNOWN else None)
            self.watch.learned.discard(subject)
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._store.keep(ALIVE, {"at": now.timestamp(), "first": self._first.as_json()})
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

    def change(self, settings: PilotSettings) -> None:
        """Work with other settings from now on. What a rule had said under its old level it may say again."""
        before, self._settings = self._settings, settings
        self._changed |= {key for key, rule in self._rules.items() if before.level(rule) is not settings.level(rule)}
        self.watch.reconsider()
        self._on_settings(settings)

    async def _forget_said(self) -> None:
        """Let rules whose level changed say again what they had said."""
        changed, self._changed = self._changed, set()
        for number, subject in enumerate(tuple(self.watch) if changed else (), 1):
            memory = self.watch.memory(subject)
            said = [name for name in memory.proposed if name.partition("/")[0] in changed] if memory else []
            if memory and said:
                acts = {name.partition("/")[2] for name in said}
                proposed = {name: number for name, number in memory.proposed.items() if name not in said}
                tried = {act: tries for act, tries in memory.tried.items() if act not in acts}
                self.watch.learn(subject, replace(memory, proposed=proposed, tried=tried))
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)

    # --- one round -----------------------------------------------------------------------------------------------

    async def step(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> datetime | None:
        """Follow the world, judge what is due, and do what may be done. Returns when to come again at the latest.

        Between any two downloads a person may get their turn, see `alone`.
        """
        async with self._busy:
            await self._forget_said()
            await self._notice_sleep(now)
            self._first.begins(world)
            self._notice_taken(world, index, changes, now)
            for _ in self.watch.follow(world, index, changes, now):
                await asyncio.sleep(0)
            await self._tell_of_taken(now)
            await self._settle(now)
            await self._tidy(now)
            await self._expire(changes, now)
            await self._ask_lines(now)
        for number, subject in enumerate(self.watch.due(now), 1):
            async with self._busy:
                try:
                    await self._consider(subject, now)
                except BaseException:
                    self.watch.ask_again(subject, now + LOOK_AGAIN)  # it isn't forgotten, nor does it hold up others
                    raise
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        async with self._busy:
            self._first.took_place(self.watch.trusted)
            if self._stored_at is None or now - self._stored_at >= STORE_EVERY:
                await self._keep(now)
        return self.watch.next_due

    async def _notice_sleep(self, now: datetime) -> None:
        """Count no time in which there were no turns, nor what a clock was set forward; one set back delays nothing."""
        last, self._last_step = self._last_step, now
        if last is None or timedelta() <= now - last <= self.asleep_after:
            return
        for _ in self.watch.slept(last, now):
            await asyncio.sleep(0)
        self._stored_at = self._settled_at = self._tidied_at = self._lines_asked_at = None

    async def _ask_lines(self, now: datetime) -> None:
        """Where nobody is connected, a tracker that answers shows that the line works nevertheless."""
        silent = self.watch.silent_lines(now)
        if not silent or (self._lines_asked_at is not None and now - self._lines_asked_at < ASK_LINES_EVERY):
            return
        self._lines_asked_at = now
        for client_id, downloads in silent.items():
            if await self._inspector.any_tracker_works(client_id, [each.key for each in downloads]):
                self.watch.line_works(client_id, now)

    async def _consider(self, subject: str, now: datetime) -> None:
        """Let the rules have their say about one download. The first that wants something gets it."""
        if self.is_under_way(subject):
            self.watch.ask_again(subject, now + SETTLE_EVERY)
            return
        nexts: list[datetime] = []
        for rule in self._rules.values():
            case = self.watch.case(subject, now)
            if case is None:
                return
            answer = await self._ask(rule, case)
            if isinstance(answer, datetime):
                nexts.append(answer)
            elif answer is not _Then.OTHERS:
                nexts.append(now + (timedelta(seconds=1) if answer is _Then.MORE else LOOK_AGAIN))
                break
        if nexts:
            self.watch.ask_again(subject, min(nexts))

    async def _ask(self, rule: AnyRule, case: Case) -> datetime | _Then:
        """Let one rule have its say. Returns when to ask it again, or what comes after what it wanted."""
        now, clock = case.now, case.memory.clocks.get(rule.key)
        if self._settings.level(rule) is Autonomy.OFF or clock is None or clock.running_since is None:
            return _Then.OTHERS
        if clock.running_since > now:
            return clock.running_since
        if case.memory.kept(rule.key, now):
            return case.memory.kept_until[rule.key]
        verdict = await self.judge(rule, case)
        match verdict:
            case Later():
                return now + max(verdict.at - clock.read(now), timedelta(seconds=1))
            case Need():  # a backend was away
                return now + LOOK_AGAIN
            case Proposal():
                return await self._propose(rule, self.watch.case(case.download.id, now) or case, verdict)
        return _Then.OTHERS

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
            facts = replace(facts, grabbed_seeds=self._grabbed_seeds(case.download))
            self.watch.learn_facts(case.download.id, facts, case.now)
            case = replace(case, facts=facts)
            verdict = rule.judge(case, policy, elapsed)
        return verdict

    def _grabbed_seeds(self, download: Download) -> int | None:
        """Return how many shared what the autopilot grabbed itself, as its indexer said then."""
        names = (download.key, download.release, *(claim.item.release for claim in download.claims))
        return next((self._ours[name] for name in names if name in self._ours), None)

    async def _propose(self, rule: AnyRule, case: Case, proposal: Proposal) -> _Then:
        """Take a proposal as far as it may go."""
        said = case.memory.proposed.get(wish(rule.key, proposal.act))
        level = self._level(rule, case, proposal)
        if level is Autonomy.OFF:
            return _Then.OTHERS
        asks = level is Autonomy.SUGGEST and proposal.act not in HARMLESS
        if said in self._suggested or (asks and self._is_asked(case.download.id)):
            return _Then.NOTHING  # a person is being asked; one question at a time
        planned = plan(proposal, case, AUTOPILOT, at_rest=rule.ends_with_progress)
        if level is Autonomy.OBSERVE or proposal.act is ActKind.TELL:
            return await self._say(planned.entry, level, said)
        objection = self.objection(rule, proposal.subject, case.now, level)
        if proposal.act is ActKind.REPLACE:
            found = await self._find_replacement(planned)
            if found is None or objection(None) is not None:  # a search takes its time
                return _Then.NOTHING
            planned = found
        if asks:
            await self.write(replace(planned.entry, status=EntryStatus.SUGGESTED))
            return _Then.NOTHING
        if proposal.act is ActKind.FETCH_MISSING:
            allowed = self._if_it_may_search(planned)
            if allowed is None:
                return _Then.NOTHING
            planned = allowed
        done = await self.do(planned, case.now, objection)
        if done.status is not EntryStatus.DONE or done.act in DESTRUCTIVE_ACTS:
            return _Then.NOTHING  # what was given up is gone with the next look at its client
        return _Then.MORE

    async def _say(self, entry: JournalEntry, level: Autonomy, said: int | None) -> _Then:
        """Write down what would be done, or tell a person; once. The same again is not worth a word, but counts."""
        told = entry.act is ActKind.TELL and level is not Autonomy.OBSERVE
        entry = replace(entry, status=EntryStatus.DONE if told else EntryStatus.OBSERVED)
        if entry.act is ActKind.REANNOUNCE:
            self._learn(entry)  # what drips would fill the journal with what nobody reads
        elif said is None and self._is_told_of_another(entry):
            self.watch.ask_again(entry.subject, entry.at + LOOK_AGAIN)
        elif said is None:
            await self.write(entry)
        elif entry.act in RUNGS:
            self._learn(replace(entry, id=said))
        return _Then.MORE if entry.act in RUNGS else _Then.OTHERS

    def _is_told_of_another(self, entry: JournalEntry) -> bool:
        """Tell whether the same was said of another download, and still stands, when both may have one cause."""
        told = self._told_causes.get(_cause(entry))
        if told is None or told.subject == entry.subject:
            return False
        memory = self.watch.memory(told.subject)
        return memory is not None and memory.proposed.get(wish(told.rule, told.act)) == told.id

    async def _find_replacement(self, planned: Plan) -> Plan | None:
        """Search, if one is left of the searches of this hour. None: there is nothing better, or not now."""
        allowed = self._if_it_may_search(planned)
        if allowed is None:
            return None
        try:
            return await self.search(allowed)
        except Declined as declined:
            if not declined.passing:
                await self.write(replace(planned.entry, status=EntryStatus.KEPT, result=declined.reason))
        return None

    async def search(self, planned: Plan) -> Plan:
        """Use a search that was taken. Raises `Declined`."""
        now, arr_id = planned.entry.at, _asked(planned.entry)
        try:
            found = await self._actuator.find_replacement(planned)
        except Declined as declined:
            if not declined.asked:
                self._budget.give_back(now)
            elif declined.passing:
                self._budget.failed(arr_id, now)
            else:
                self._budget.worked(arr_id)
            raise
        self._budget.worked(arr_id)
        return found

    def with_searches(self, planned: Plan) -> Plan | datetime:
        """Let an act have as many searches of this hour as it needs; a pack needs one for each episode that it lacks.

        Where too few are left, or its *arr fails to search, it is told when that may have changed.
        """
        entry, most = planned.entry, self._settings.caps.searches_an_hour
        if entry.act not in SEARCHING_ACTS:
            return planned
        lacking = len(entry.parameters["title_ids"]) if entry.act is ActKind.FETCH_MISSING else 1
        count = max(min(lacking, MOST_EPISODES, most), 1)
        later = self._budget.rests_until(_asked(entry), entry.at) or self._budget.search(most, entry.at, count)
        if later is not None:
            return later
        return replace(planned, entry=replace(entry, parameters={**entry.parameters, SEARCHES: count}))

    def _if_it_may_search(self, planned: Plan) -> Plan | None:
        """Return the plan of an act that may be done in this hour; None: it is judged again when it may."""
        allowed = self.with_searches(planned)
        if isinstance(allowed, datetime):
            self.watch.ask_again(planned.entry.subject, allowed)
            return None
        return allowed

    async def do(self, planned: Plan, now: datetime, objection: Objection) -> JournalEntry:
        """Write down what is about to happen, let it happen, and write down what came of it.

        It is looked at before that is written down, and once more after: while a backup is made, a row may wait for
        half an hour.
        """
        try:
            planned = await self._actuator.prepare(planned, objection)
            running = await self.write(replace(planned.entry, status=EntryStatus.RUNNING, changed_at=now))
            planned = replace(planned, entry=running)
            planned = await self._actuator.prepare(planned, objection)
        except Declined as declined:
            failed = replace(planned.entry, status=EntryStatus.FAILED, changed_at=now, result=declined.reason)
            return await self.write(replace(failed, undo=None))
        return await self.write(await self._actuator.carry_out(planned, now))

    # --- restraint -----------------------------------------------------------------------------------------------

    def against(self, rule: AnyRule, case: Case) -> Reason | None:
        """Return why nothing is to be done about a download, whoever asks."""
        allowed, why = ceiling(case, self.claims())
        if allowed is Autonomy.OFF:
            return why or Reason(key="result.nothing_wrong")
        if not rule.gated:
            return None
        client = self._inspector.backend(case.download.client_id or "")
        return self.watch.gate(case.download, client, case.now).shut

    def objection(self, rule: AnyRule, subject: str, now: datetime, level: Autonomy = Autonomy.OFF) -> Objection:
        """Return what tells whether something speaks by now against an act: also that its level was lowered."""

        def why_not(torrent: Torrent | None) -> Reason | None:
            case = self._case_with(torrent, subject, now)
            if case is None:
                return Reason(key="result.over")
            if (against := self.against(rule, case)) is not None:
                return against
            allowed, why = ceiling(case, self.claims())
            lowered = level is not Autonomy.OFF and least(allowed, self._settings.level(rule)).rank < level.rank
            return (why or Reason(key="result.rejected")) if lowered else None

        return why_not

    def _case_with(self, torrent: Torrent | None, subject: str, now: datetime) -> Case | None:
        """Return a download as it is known, with its torrent as it is at this moment."""
        case = self.watch.case(subject, now)
        if case is None or torrent is None:
            return case
        return replace(case, download=replace(case.download, torrent=torrent))

    def _level(self, rule: AnyRule, case: Case, proposal: Proposal) -> Autonomy:
        """Return how far a proposal may go: as far as everything allows that has a say in it."""
        allowed, _why = ceiling(case, self.claims())
        level = least(allowed, proposal.ceiling, self._settings.level(rule))
        if self._first.is_at(case.download):
            return least(level, Autonomy.OBSERVE)
        if level is Autonomy.ACT and proposal.act in DESTRUCTIVE_ACTS and self.must_ask(rule, case):
            return Autonomy.SUGGEST
        return level

    def must_ask(self, rule: AnyRule, case: Case) -> bool:
        """Tell whether a person has to decide: the rule gave up much already, or this title keeps failing."""
        caps = self._settings.caps
        if self._failures(case, case.now) >= caps.failures_of_a_title:
            return True
        return self._budget.acts(rule.key, case.now) >= caps.acts_an_hour

    def _failures(self, case: Case, now: datetime) -> int:
        """Return how often the worst of a download's titles was given up lately."""
        counts = [0]
        for subject in titles(Target.of(case.download)):
            tries = (self.watch.memory(subject) or NOTHING_KNOWN).tried.get(ActKind.REPLACE)
            if tries and now - tries.at < FAILURES_LAST:
                counts.append(tries.count)
        return max(counts)

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
        return tuple(sorted(self._suggested.values(), key=lambda entry: entry.id))

    @property
    def reversible(self) -> tuple[JournalEntry, ...]:
        """What was given up and is in quarantine: it can be taken back."""
        return tuple(entry for entry in self._aside.values() if entry.status in REVERSIBLE)

    async def write(self, entry: JournalEntry) -> JournalEntry:
        """Write an entry, and tell whoever listens."""
        if entry.id:
            await self._journal.change(entry)
        else:
            entry = await self._journal.add(entry)
        self._file(entry)
        self._budget.note(entry)
        self._learn(entry)
        self._on_entry(entry)
        return entry

    def _learn(self, entry: JournalEntry) -> None:
        """Learn from an entry about its download, and about its titles."""
        if "target" not in entry.parameters:
            return  # it is about no download
        known = self.watch.memory(entry.subject)
        if (memory := learn(known or NOTHING_KNOWN, entry)) is not (known or NOTHING_KNOWN):
            self.watch.learn(entry.subject, memory)
        for subject in titles(target_of(entry)):
            known = self.watch.memory(subject) or NOTHING_KNOWN
            if (memory := learn_of_title(known, entry, FAILURES_LAST)) is not known:
                self.watch.learn(subject, memory)

    def _is_asked(self, subject: str) -> bool:
        return self._asked[subject] > 0

    def is_under_way(self, subject: str) -> bool:
        """Tell whether an act on a download was begun and is not settled."""
        return any(entry.subject == subject for entry in self._under_way.values())

    def _file(self, entry: JournalEntry) -> None:
        """Keep at hand what is still open."""
        self._ours |= grabbed_by(entry)
        if (cause := _cause(entry)) and entry.id >= self._told_causes.get(cause, entry).id:
            self._told_causes[cause] = entry
        self._asked[entry.subject] += (entry.status is EntryStatus.SUGGESTED) - (entry.id in self._suggested)
        carried = entry.act in CARRIED_ACTS
        aside = entry.status in REVERSIBLE | {EntryStatus.UNDONE} and entry.undo is not None and not carried
        for file, belongs in (
            (self._suggested, entry.status is EntryStatus.SUGGESTED),
            (self._under_way, entry.status in _UNDER_WAY and not carried),
            (self._aside, aside),
        ):
            if belongs:
                file[entry.id] = entry
            else:
                file.pop(entry.id, None)

    async def close(self, entry: JournalEntry, now: datetime) -> JournalEntry:
        """Write the end of a proposal."""
        closed = await self.write(replace(entry, changed_at=now))
        self.watch.ask_again(entry.subject, now)
        return closed

    async def _expire(self, changes: Changes, now: datetime) -> None:
        """Take back suggestions that are no longer needed, or that nobody answered: unanswered means keep."""
        claims = self.claims()
        for number, entry in enumerate(self.suggestions, 1):
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if entry.act in CARRIED_ACTS:
                continue  # seen to by who carries it out
            if self._is_over(entry, changes, claims, now):
                over = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key="result.over"))
                await self.close(over, now)
            elif now - entry.at > UNANSWERED_AFTER:
                unanswered = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key=UNANSWERED))
                await self.close(unanswered, now)

    def _is_over(self, entry: JournalEntry, changes: Changes, claims: Claims, now: datetime) -> bool:
        """Tell whether nothing is to be asked any more: the download is gone or done, or its symptom is over."""
        case = self.watch.case(entry.subject, now)
        if case is None:
            return entry.subject in changes.removed or self.watch.has_read_all
        if ceiling(case, claims)[0] is Autonomy.OFF:
            return True
        return case.memory.proposed.get(wish(entry.rule, entry.act)) != entry.id

    async def _settle(self, now: datetime) -> None:
        """Find out, by looking at the backends, what became of what was interrupted or stopped half-way."""
        if not self._under_way or (self._settled_at is not None and now - self._settled_at < SETTLE_EVERY):
            return
        self._settled_at = now
        for entry in tuple(self._under_way.values()):
            settled = await self._actuator.settle(entry, now)
            if settled.status is entry.status and now - entry.changed_at > SETTLED_WITHIN:
                why = settled.result or Reason(key="result.not_known")
                settled = replace(settled, status=EntryStatus.FAILED, changed_at=now, result=why)
            if settled.status is EntryStatus.UNDONE:
                await self.taken_back(settled)
            elif (settled.status, settled.parameters) != (entry.status, entry.parameters):
                await self.write(settled)

    async def taken_back(self, entry: JournalEntry, rule: Settable | None = None) -> JournalEntry:
        """Write that a person took an act back. A rule that did it by itself asks from now on."""
        rule = rule or self._rules.get(entry.rule)
        if rule and entry.actor == AUTOPILOT and self._settings.level(rule) is Autonomy.ACT:
            self.change(self._settings.with_autonomy(rule.key, Autonomy.SUGGEST))
        return await self.write(entry)

    def _notice_taken(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> None:
        """Notice unfinished downloads that something else took away, before they are forgotten."""
        for subject in changes.removed | changes.changed:
            after = index.get(subject)
            if after is not None and after.torrent is not None:
                continue
            before = self.watch.download(subject)
            if before is None or before.torrent is None or before.finished or not before.claims:
                continue
            client = world.backends.get(before.client_id or "")
            if client is not None and client.available:
                self._taken.append((now, before.label))

    async def _tell_of_taken(self, now: datetime) -> None:
        """Say so when something else takes away unfinished downloads: two that heal undo each other's work."""
        self._taken = [taken for taken in self._taken if now - taken[0] < timedelta(hours=1)]
        told = self._told_at is not None and now - self._told_at < TELL_OF_OTHERS_EVERY
        if len(self._taken) < MANY_TAKEN or told:
            return
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
        self._told_at = now

    async def _tidy(self, now: datetime) -> None:
        """Let go of what was in quarantine for long enough; where the disk is low, of the oldest at once."""
        if not self._aside or (self._tidied_at is not None and now - self._tidied_at < TIDY_EVERY):
            return
        self._tidied_at = now
        for entry in sorted(self._aside.values(), key=lambda each: each.changed_at):
            free = self.watch.free_bytes(set_aside_in(entry))
            low = free is not None and free < LOW_BYTES
            gains = low and entry.undo is not None and entry.undo["deletable"]
            if not gains and now - entry.changed_at < self._settings.caps.quarantine:
                continue
            try:
                purged = await self._actuator.purge(entry, self.claims())
            except Declined:
                continue  # its client is away
            if purged is entry:
                continue  # so is another one, which may use the same data
            await self._journal.change(purged)  # without a word: nothing was done that was not told before
            self._file(purged)
            if gains:
                return  # the client tells in a while what that gained


def _asked(entry: JournalEntry) -> str:
    """Return the *arr that is asked to search for an entry, "" when there is none."""
    return next((wanting.arr_id for wanting in target_of(entry).wanted_by), "")


def _cause(entry: JournalEntry) -> str:
    """Name what an entry says of what may be so for many; "" when it is about one download only."""
    cause = entry.parameters.get(CAUSE)
    return f"{wish(entry.rule, entry.act)} {cause}" if cause else ""


def _is_stale(memory: SubjectMemory, now: datetime) -> bool:
    """Tell whether nothing of a memory matters any more, as of a title whose failures are long ago."""
    if memory == NOTHING_KNOWN:
        return True
    tried = replace(NOTHING_KNOWN, tried=memory.tried)
    return memory == tried and all(now - tries.at >= FAILURES_LAST for tries in memory.tried.values())


_UNDER_WAY = (EntryStatus.RUNNING, EntryStatus.UNDOING)
#: What ended otherwise than it should have may still have set a torrent aside.
REVERSIBLE = frozenset({EntryStatus.DONE, EntryStatus.FAILED})


def can_undo(entry: JournalEntry) -> bool:
    """Tell whether an act, or what is left of it, can be taken back: of links some may be taken back and others not."""
    some = entry.status is EntryStatus.UNDONE and entry.act in LINK_ACTS
    return entry.undo is not None and (some or entry.status in REVERSIBLE)
