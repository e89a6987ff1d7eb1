"""The kernel of healing: ownership, autonomy and caps decide what may be done, the journal has it, and hands do it.

It is the one way to an act, whoever wants it: a rule (see `turns`), a button, a voice (see `desk`). One thing happens
at a time. Each proposal is one row of the journal, which is written before anything is touched, and nothing is said or
done twice for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta

from ..model.downloads import Torrent
from ..model.journal import AUTOPILOT, OPEN_STATUSES, ActKind, Autonomy, EntryStatus, JournalEntry, least
from ..model.memory import NOTHING_KNOWN
from ..model.reasons import Reason
from ..model.world import Download
from .actuator import Actuator, Objection, Plan
from .budget import HOUR, Budget
from .first_look import FirstLook
from .lessons import FAILURES_LAST, learn, learn_of_title, may_say_again, titles
from .observe import AnyRule
from .other_tool import OtherTool
from .ownership import Claims, ceiling
from .ports import Inspector, Journal, MemoryStore
from .reach import Declined
from .records import Records
from .remembering import Remembering
from .rules.base import Case, Need, Verdict
from .searches import Searches
from .settings import PilotSettings, Settable
from .target import Target, target_of
from .watch import JUDGED_AT_ONCE, Watch

#: A person is asked for so long.
UNANSWERED_AFTER = timedelta(days=3)
#: So many rows of the journal are read at once.
PAGE = 200
#: A rule that wants one thing after another for a download must come to an end.
MOST_LOOKS = 3


class Kernel:
    """Has acts done, and none that must not be. `on_entry` is called with every entry that is new or changed."""

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
        self.rules = {rule.key: rule for rule in rules}
        self.journal = journal
        self.actuator = actuator
        self.inspector = inspector
        self._store = store
        self._settings = settings
        self._on_entry = on_entry
        self._on_settings = on_settings
        self._busy = asyncio.Lock()
        self._budget = Budget()
        self._changed: set[str] = set()  # rules whose level was changed since the last turn
        self.watch = Watch(rules, self._policy_of, lambda: self._settings.caps.settling)
        self.first_look = FirstLook()
        self.remembering = Remembering(store, self.watch, self.first_look)
        self.records = Records()
        self.other_tool = OtherTool()
        self.searches = Searches(actuator, self._budget, lambda: self._settings.caps.searches_an_hour)

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self, now: datetime) -> None:
        """Remember what was known, and what was said and done since that was stored."""
        stored_at = await self.remembering.recall(now) or now - FAILURES_LAST
        for entry in await self.journal.find(statuses=OPEN_STATUSES, limit=1000):
            self.records.file(entry)
        not_stored: list[JournalEntry] = []
        async for entry in self._entries(now - max(FAILURES_LAST, 2 * self._settings.caps.quarantine)):
            self.records.file(entry)
            self.other_tool.recall(entry)
            if entry.changed_at >= stored_at:
                not_stored.append(entry)
            if now - entry.changed_at < HOUR:
                self._budget.restore(entry)
        for entry in sorted(not_stored, key=lambda each: each.changed_at):
            self.learn(entry)

    async def _entries(self, since: datetime) -> AsyncIterator[JournalEntry]:
        """Yield all entries that changed since then, newest first."""
        before: int | None = None
        while page := await self.journal.find(since=since, before_id=before, limit=PAGE):
            for entry in page:
                yield entry
            before = page[-1].id

    async def save(self, now: datetime) -> None:
        """Store what was learned now: also when that is nothing, something is written. Raises what the store raises."""
        async with self.alone():
            await self.forget_said()
            await self.remembering.keep(now)
        await self._store.flush()

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Keep everything else waiting: one thing happens at a time."""
        return self._busy

    # --- settings ------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> PilotSettings:
        """What the person set."""
        return self._settings

    def _policy_of(self, rule: AnyRule) -> object:
        return self._settings.policy(rule)

    def claims(self) -> Claims:
        """Return what is never touched."""
        return self._settings.claims(self.records.grabbed)

    def change(self, settings: PilotSettings) -> None:
        """Work with other settings from now on. What a rule had said under its old level it may say again."""
        before, self._settings = self._settings, settings
        self._changed |= {key for key, rule in self.rules.items() if before.level(rule) is not settings.level(rule)}
        self.watch.reconsider()
        self._on_settings(settings)

    async def forget_said(self) -> None:
        """Let rules whose level changed say again what they had said. It is for who is `alone`."""
        changed, self._changed = self._changed, set()
        for number, subject in enumerate(tuple(self.watch) if changed else (), 1):
            if (memory := self.watch.memory(subject)) is not None:
                self.watch.learn(subject, may_say_again(memory, changed))
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)

    # --- judging and doing ---------------------------------------------------------------------------------------

    async def judge(self, rule: AnyRule, case: Case, elapsed: timedelta | None = None) -> Verdict:
        """Ask a rule, and look up what it wants to know. `elapsed` stands for what its clock shows."""
        policy = self._settings.policy(rule)
        elapsed = case.memory.elapsed(rule.key, case.now) if elapsed is None else elapsed
        verdict = rule.judge(case, policy, elapsed)
        for _ in range(MOST_LOOKS):
            if not isinstance(verdict, Need):
                break
            facts = await self.inspector.look(case, verdict.looks)
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
        grabbed = self.records.grabbed
        return next((grabbed[name] for name in names if name in grabbed), None)

    async def do(self, planned: Plan, now: datetime, objection: Objection) -> JournalEntry:
        """Write down what is about to happen, let it happen, and write down what came of it.

        It is looked at before that is written down, and once more after: while a backup is made, a row may wait for
        half an hour.
        """
        try:
            planned = await self.actuator.prepare(planned, objection)
            running = await self.write(replace(planned.entry, status=EntryStatus.RUNNING, changed_at=now))
            planned = replace(planned, entry=running)
            planned = await self.actuator.prepare(planned, objection)
        except Declined as declined:
            failed = replace(planned.entry, status=EntryStatus.FAILED, changed_at=now, result=declined.reason)
            return await self.write(replace(failed, undo=None))
        return await self.write(await self.actuator.carry_out(planned, now))

    # --- restraint -----------------------------------------------------------------------------------------------

    def against(self, rule: AnyRule, case: Case) -> Reason | None:
        """Return why nothing is to be done about a download, whoever asks."""
        allowed, why = ceiling(case, self.claims())
        if allowed is Autonomy.OFF:
            return why or Reason(key="result.nothing_wrong")
        if not rule.gated:
            return None
        client = self.inspector.backend(case.download.client_id or "")
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

    @property
    def suggestions(self) -> tuple[JournalEntry, ...]:
        """What a person is being asked, the oldest first."""
        return self.records.suggestions

    async def write(self, entry: JournalEntry) -> JournalEntry:
        """Write an entry, and tell whoever listens."""
        if entry.id:
            await self.journal.change(entry)
        else:
            entry = await self.journal.add(entry)
        self.records.file(entry)
        self.other_tool.recall(entry)
        self._budget.note(entry)
        self.learn(entry)
        self._on_entry(entry)
        return entry

    def learn(self, entry: JournalEntry) -> None:
        """Learn from an entry about its download, and about its titles."""
        if "target" not in entry.parameters:
            return  # it is about no download
        known = self.watch.memory(entry.subject) or NOTHING_KNOWN
        if (memory := learn(known, entry)) is not known:
            self.watch.learn(entry.subject, memory)
        for subject in titles(target_of(entry)):
            known = self.watch.memory(subject) or NOTHING_KNOWN
            if (memory := learn_of_title(known, entry)) is not known:
                self.watch.learn(subject, memory)

    async def close(self, entry: JournalEntry, now: datetime) -> JournalEntry:
        """Write the end of a proposal."""
        closed = await self.write(replace(entry, changed_at=now))
        self.watch.ask_again(entry.subject, now)
        return closed

    async def taken_back(self, entry: JournalEntry, rule: Settable | None = None) -> JournalEntry:
        """Write that a person took an act back. A rule that did it by itself asks from now on."""
        rule = rule or self.rules.get(entry.rule)
        if rule and entry.actor == AUTOPILOT and self._settings.level(rule) is Autonomy.ACT:
            self.change(self._settings.with_autonomy(rule.key, Autonomy.SUGGEST))
        return await self.write(entry)
