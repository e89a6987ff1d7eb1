"""The autopilot's own turns: it follows the world, asks the rules what is due, and takes what they want to the kernel.

A turn costs what changed and what is due. Between any two downloads people have their turn at the kernel, see `desk`.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto

from ..model.journal import (
    AUTOPILOT,
    DESTRUCTIVE_ACTS,
    ActKind,
    Autonomy,
    EntryStatus,
    JournalEntry,
    Proposal,
    least,
)
from ..model.world import Changes, DownloadIndex, World
from .actuator import Plan, plan
from .aftercare import SETTLE_EVERY, Aftercare
from .kernel import Kernel
from .lessons import RUNGS, wish
from .observe import AnyRule
from .ownership import ceiling
from .reach import Declined
from .rules.base import Case, Later, Need
from .watch import JUDGED_AT_ONCE

#: After a look that could not be had (the backend was away) it is tried again.
LOOK_AGAIN = timedelta(minutes=15)
#: What is to be asked again at once is asked after this: nothing is asked twice in a turn.
AT_ONCE = timedelta(seconds=1)
#: Whether anything at all reaches a client that shows no sign of it is asked this often.
ASK_LINES_EVERY = timedelta(minutes=2)
#: A turn that comes so late tells that the machine slept, or that its clock was set: pauses are five minutes at most.
ASLEEP_AFTER = timedelta(minutes=15)
#: Done without asking even where a person is to be asked: it changes nothing, and asking would be the greater bother.
HARMLESS = frozenset({ActKind.REANNOUNCE, ActKind.RETRY_IMPORT})


class _Then(Enum):
    """What comes after a proposal."""

    OTHERS = auto()  # the other rules may have their say
    MORE = auto()  # the ladder goes on
    NOTHING = auto()  # it is being dealt with


class Turns:
    """Has the rules' proposals taken as far as they may go."""

    asleep_after = ASLEEP_AFTER

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._watch = kernel.watch
        self._aftercare = Aftercare(kernel)
        self._last: datetime | None = None
        self._lines_asked_at: datetime | None = None

    async def take(self, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> datetime | None:
        """Follow the world, judge what is due, and do what may be done. Returns when to come again at the latest."""
        kernel = self._kernel
        async with kernel.alone():
            await kernel.forget_said()
            await self._notice_sleep(now)
            kernel.first_look.begins(world)
            kernel.other_tool.notice(self._watch, world, index, changes, now)
            for _ in self._watch.follow(world, index, changes, now):
                await asyncio.sleep(0)
            if (news := kernel.other_tool.news(now)) is not None:
                await kernel.write(news)
            await self._aftercare.look(changes, now)
            await self._ask_lines(now)
        for number, subject in enumerate(self._watch.due(now), 1):
            async with kernel.alone():
                try:
                    await self._consider(subject, now)
                except BaseException:
                    self._watch.ask_again(subject, now + LOOK_AGAIN)  # it isn't forgotten, nor does it hold up others
                    raise
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        async with kernel.alone():
            kernel.first_look.took_place(self._watch.trusted)
            await kernel.remembering.keep_now_and_then(now)
        return self._watch.next_due

    async def _notice_sleep(self, now: datetime) -> None:
        """Count no time in which there were no turns, nor what a clock was set forward; one set back delays nothing."""
        last, self._last = self._last, now
        if last is None or timedelta() <= now - last <= self.asleep_after:
            return
        for _ in self._watch.slept(last, now):
            await asyncio.sleep(0)
        self._kernel.remembering.hurry()
        self._aftercare.hurry()
        self._lines_asked_at = None

    async def _ask_lines(self, now: datetime) -> None:
        """Where nobody is connected, a tracker that answers shows that the line works nevertheless."""
        silent = self._watch.silent_lines(now)
        if not silent or (self._lines_asked_at is not None and now - self._lines_asked_at < ASK_LINES_EVERY):
            return
        self._lines_asked_at = now
        for client_id, downloads in silent.items():
            if await self._kernel.inspector.any_tracker_works(client_id, [each.key for each in downloads]):
                self._watch.line_works(client_id, now)

    # --- asking the rules ----------------------------------------------------------------------------------------

    async def _consider(self, subject: str, now: datetime) -> None:
        """Let the rules have their say about one download. The first that wants something gets it."""
        if self._kernel.records.is_under_way(subject):
            self._watch.ask_again(subject, now + SETTLE_EVERY)
            return
        nexts: list[datetime] = []
        for rule in self._kernel.rules.values():
            case = self._watch.case(subject, now)
            if case is None:
                return
            answer = await self._ask(rule, case)
            if isinstance(answer, datetime):
                nexts.append(answer)
            elif answer is not _Then.OTHERS:
                nexts.append(now + (AT_ONCE if answer is _Then.MORE else LOOK_AGAIN))
                break
        if nexts:
            self._watch.ask_again(subject, min(nexts))

    async def _ask(self, rule: AnyRule, case: Case) -> datetime | _Then:
        """Let one rule have its say. Returns when to ask it again, or what comes after what it wanted."""
        now, clock = case.now, case.memory.clocks.get(rule.key)
        if self._kernel.settings.level(rule) is Autonomy.OFF or clock is None or clock.running_since is None:
            return _Then.OTHERS
        if clock.running_since > now:
            return clock.running_since
        if case.memory.kept(rule.key, now):
            return case.memory.kept_until[rule.key]
        verdict = await self._kernel.judge(rule, case)
        match verdict:
            case Later():
                return now + max(verdict.at - clock.read(now), AT_ONCE)
            case Need():  # a backend was away
                return now + LOOK_AGAIN
            case Proposal():
                return await self._propose(rule, self._watch.case(case.download.id, now) or case, verdict)
        return _Then.OTHERS

    # --- what they want ------------------------------------------------------------------------------------------

    async def _propose(self, rule: AnyRule, case: Case, proposal: Proposal) -> _Then:
        """Take a proposal as far as it may go."""
        kernel = self._kernel
        said = case.memory.proposed.get(wish(rule.key, proposal.act))
        level = self._level(rule, case, proposal)
        if level is Autonomy.OFF:
            return _Then.OTHERS
        asks = level is Autonomy.SUGGEST and proposal.act not in HARMLESS
        if kernel.records.is_suggested(said) or (asks and kernel.records.is_asked_about(case.download.id)):
            return _Then.NOTHING  # a person is being asked; one question at a time
        planned = plan(proposal, case, AUTOPILOT, at_rest=rule.ends_with_progress)
        if level is Autonomy.OBSERVE or proposal.act is ActKind.TELL:
            return await self._say(planned.entry, level, said)
        objection = kernel.objection(rule, proposal.subject, case.now, level)
        if proposal.act is ActKind.REPLACE:
            found = await self._find_replacement(planned)
            if found is None or objection(None) is not None:  # a search takes its time
                return _Then.NOTHING
            planned = found
        if asks:
            await kernel.write(replace(planned.entry, status=EntryStatus.SUGGESTED))
            return _Then.NOTHING
        if proposal.act is ActKind.FETCH_MISSING:
            allowed = self._if_it_may_search(planned)
            if allowed is None:
                return _Then.NOTHING
            planned = allowed
        done = await kernel.do(planned, case.now, objection)
        if done.status is not EntryStatus.DONE or done.act in DESTRUCTIVE_ACTS:
            return _Then.NOTHING  # what was given up is gone with the next look at its client
        return _Then.MORE

    def _level(self, rule: AnyRule, case: Case, proposal: Proposal) -> Autonomy:
        """Return how far a proposal may go: as far as everything allows that has a say in it."""
        kernel = self._kernel
        allowed, _why = ceiling(case, kernel.claims())
        level = least(allowed, proposal.ceiling, kernel.settings.level(rule))
        if kernel.first_look.is_at(case.download):
            return least(level, Autonomy.OBSERVE)
        if level is Autonomy.ACT and proposal.act in DESTRUCTIVE_ACTS and kernel.must_ask(rule, case):
            return Autonomy.SUGGEST
        return level

    async def _say(self, entry: JournalEntry, level: Autonomy, said: int | None) -> _Then:
        """Write down what would be done, or tell a person; once. The same again is not worth a word, but counts."""
        told = entry.act is ActKind.TELL and level is not Autonomy.OBSERVE
        entry = replace(entry, status=EntryStatus.DONE if told else EntryStatus.OBSERVED)
        if entry.act is ActKind.REANNOUNCE:
            self._kernel.learn(entry)  # what drips would fill the journal with what nobody reads
        elif said is None and self._is_told_of_another(entry):
            self._watch.ask_again(entry.subject, entry.at + LOOK_AGAIN)
        elif said is None:
            await self._kernel.write(entry)
        elif entry.act in RUNGS:
            self._kernel.learn(replace(entry, id=said))
        return _Then.MORE if entry.act in RUNGS else _Then.OTHERS

    def _is_told_of_another(self, entry: JournalEntry) -> bool:
        """Tell whether the same was said of another download, and still stands, when both may have one cause."""
        told = self._kernel.records.told_for_all(entry)
        if told is None or told.subject == entry.subject:
            return False
        memory = self._watch.memory(told.subject)
        return memory is not None and memory.proposed.get(wish(told.rule, told.act)) == told.id

    async def _find_replacement(self, planned: Plan) -> Plan | None:
        """Search, if one is left of the searches of this hour. None: there is nothing better, or not now."""
        allowed = self._if_it_may_search(planned)
        if allowed is None:
            return None
        try:
            return await self._kernel.searches.find(allowed)
        except Declined as declined:
            if not declined.passing:
                kept = replace(planned.entry, status=EntryStatus.KEPT, result=declined.reason)
                await self._kernel.write(kept)
        return None

    def _if_it_may_search(self, planned: Plan) -> Plan | None:
        """Return the plan of an act that may be done in this hour; None: it is judged again when it may."""
        allowed = self._kernel.searches.take(planned)
        if isinstance(allowed, datetime):
            self._watch.ask_again(planned.entry.subject, allowed)
            return None
        return allowed
