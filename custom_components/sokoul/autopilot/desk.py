"""What people ask of the autopilot: approve, reject, undo, heal now, protect. They come the same way as the rules."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

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
from ..model.reasons import Reason
from .actuator import Plan, plan
from .budget import as_one_of_many
from .kernel import Kernel
from .observe import AnyRule
from .ownership import ceiling
from .ports import Carrier
from .reach import Declined
from .records import can_undo
from .rules.base import Case, Need, Sign
from .settings import PilotSettings, Settable
from .watch import JUDGED_AT_ONCE

#: A person who asks to heal has waited long enough: every patience is over.
LONG_ENOUGH = timedelta(days=3650)
#: But something must not have arrived within this time.
MOVED = timedelta(minutes=10)
#: After so many right suggestions in a row a rule offers to act alone.
RIGHT_IN_A_ROW = 5
#: The steps of a ladder that one request goes through at most.
MOST_STEPS = 5


class NotPossible(Exception):  # noqa: N818 -- no error: what was asked for can't be done now
    """What a person asked for can't be done. `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.key)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What was done, or would be done, about one download. `entry` is None in a dry run."""

    label: str
    subject: str
    proposal: Proposal
    entry: JournalEntry | None = None


class Desk:
    """Serves people. Every method raises `NotPossible`."""

    def __init__(self, kernel: Kernel, carriers: Mapping[ActKind, Carrier] = MappingProxyType({})) -> None:
        self._kernel = kernel
        self._carriers = carriers  # of what the kernel doesn't carry out itself

    async def approve(self, entry_id: int, actor: str, now: datetime) -> JournalEntry:
        """Do what was suggested, if it is still needed."""
        kernel = self._kernel
        if (carrier := self._carriers.get(self._suggestion(entry_id).act)) is not None:
            return _done(await carrier.approve(entry_id, actor, now), entry_id)
        async with kernel.alone():
            entry = self._suggestion(entry_id)
            rule, case = kernel.rules.get(entry.rule), kernel.watch.case(entry.subject, now)
            if rule is None or case is None:
                over = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key="result.over"))
                await kernel.close(over, now)
                raise NotPossible(Reason(key="result.over"))
            self._check(rule, case)
            planned = Plan(entry=replace(entry, actor=actor))
            if entry.act is ActKind.REPLACE:
                agreed = entry.parameters["candidate"]["title"]
                try:
                    planned = await kernel.actuator.find_replacement(planned, prefer=agreed)
                except Declined as declined:
                    if not declined.passing:  # else it can be asked for again
                        kept = replace(planned.entry, status=EntryStatus.KEPT, result=declined.reason)
                        await kernel.close(kept, now)
                    raise NotPossible(declined.reason) from declined
            done = await kernel.do(planned, now, kernel.objection(rule, entry.subject, now))
            if done.status is EntryStatus.FAILED and done.result is not None:
                raise NotPossible(done.result)
            return done

    async def reject(self, entry_id: int, actor: str, now: datetime, *, never: bool = False) -> JournalEntry:
        """Keep what a suggestion would have given up; `never` puts it on the never-touch list.

        What others carry out is not on that list: they remember it where it is shown.
        """
        kernel = self._kernel
        async with kernel.alone():
            entry = self._suggestion(entry_id)
            rejected = replace(entry, status=EntryStatus.REJECTED, actor=actor, result=Reason(key="result.rejected"))
            closed = await kernel.close(rejected, now)
            if never and (carrier := self._carriers.get(entry.act)) is not None:
                carrier.never(entry)
            elif never:
                key = entry.parameters["target"]["key"] if "target" in entry.parameters else entry.subject
                kernel.change(kernel.settings.with_protection(key, protected=True))
            return closed

    def _check(self, rule: AnyRule, case: Case) -> None:
        """Refuse what must not be done now, whoever asks. Raises `NotPossible`."""
        if (against := self._kernel.against(rule, case)) is not None:
            raise NotPossible(against)
        if self._kernel.records.is_under_way(case.download.id):
            raise NotPossible(Reason(key="result.under_way"))

    def _suggestion(self, entry_id: int) -> JournalEntry:
        for entry in self._kernel.suggestions:
            if entry.id == entry_id:
                return entry
        raise _not_asked(entry_id)

    async def undo(self, entry_id: int, actor: str, now: datetime) -> JournalEntry:
        """Take an act back. A rule that did it by itself asks from now on."""
        kernel = self._kernel
        cannot = Reason(key="result.cannot_undo", parameters={"id": entry_id})
        async with kernel.alone():
            entry = await kernel.journal.get(entry_id)
            if entry is None or not can_undo(entry):
                raise NotPossible(cannot)
            if (carrier := self._carriers.get(entry.act)) is not None:
                undone = await carrier.undo(entry, actor, now)
                if undone.status is not EntryStatus.UNDONE:
                    raise NotPossible(undone.result or cannot)
                return undone
            parameters = {**entry.parameters, "undone_by": actor}
            undoing = replace(entry, status=EntryStatus.UNDOING, changed_at=now, parameters=parameters)
            undoing = await kernel.write(undoing)
            undone = await kernel.actuator.undo(undoing, now)
            if undone.status is EntryStatus.UNDONE:
                return await kernel.taken_back(undone)
            undone = await kernel.write(undone)
            raise NotPossible(undone.result or cannot)

    def protect(self, key: str, *, protected: bool) -> PilotSettings:
        """Put a download on the never-touch list, or take it off."""
        settings = self._kernel.settings.with_protection(key, protected=protected)
        self._kernel.change(settings)
        return settings

    async def heal(self, subject: str | None, actor: str, now: datetime, *, dry_run: bool = False) -> Sequence[Remedy]:
        """Do now what the rules would do: for one download with all patience over, else for what is due.

        Who names none gets no more than the rules may do in an hour, and others have their turn between any two.
        """
        kernel = self._kernel
        if subject is not None and subject not in kernel.watch:
            raise NotPossible(Reason(key="result.nothing_wrong"))
        remedies: list[Remedy] = []
        for number, each in enumerate((subject,) if subject is not None else tuple(kernel.watch), 1):
            async with kernel.alone():
                remedies += await self._heal(each, actor, now, dry_run=dry_run, at_once=subject is not None)
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return remedies

    async def _heal(self, subject: str, actor: str, now: datetime, *, dry_run: bool, at_once: bool) -> list[Remedy]:
        remedies: list[Remedy] = []
        for _ in range(MOST_STEPS):
            found = await self._wanted(subject, now, at_once=at_once)
            if found is None:
                break
            rule, case, proposal = found
            label = case.download.label
            if dry_run:
                return [Remedy(label=label, subject=subject, proposal=proposal)]
            done = await self._carry_out(rule, case, proposal, actor, at_once=at_once)
            if done is None:
                break
            remedies.append(Remedy(label=label, subject=subject, proposal=proposal, entry=done))
            if done.status is not EntryStatus.DONE or proposal.act in DESTRUCTIVE_ACTS:
                break
        return remedies

    async def _wanted(self, subject: str, now: datetime, *, at_once: bool) -> tuple[AnyRule, Case, Proposal] | None:
        """Return the first thing that a rule wants done about a download.

        Where nobody named it, only what the rules may do by themselves, and nothing that a person wants left in peace.
        """
        kernel = self._kernel
        for rule in kernel.rules.values():
            case = kernel.watch.case(subject, now)
            if case is None:
                return None
            if not self._has_a_say(rule, case, at_once=at_once):
                continue
            try:
                self._check(rule, case)
            except NotPossible:
                if at_once:
                    raise
                continue
            verdict = await kernel.judge(rule, case, elapsed=LONG_ENOUGH if at_once else None)
            if isinstance(verdict, Proposal):
                case = kernel.watch.case(subject, now) or case
                if at_once or self._needs_nobody(rule, case, verdict):
                    return rule, case, verdict
            if isinstance(verdict, Need) and at_once:
                raise NotPossible(Reason(key="result.not_known"))
        return None

    def _has_a_say(self, rule: AnyRule, case: Case, *, at_once: bool) -> bool:
        settings = self._kernel.settings
        if settings.level(rule) is Autonomy.OFF or rule.sign(case, settings.policy(rule)) is not Sign.YES:
            return False
        return not (_moves(rule, case) if at_once else case.memory.kept(rule.key, case.now))

    def _needs_nobody(self, rule: AnyRule, case: Case, proposal: Proposal) -> bool:
        """Tell whether a rule that acts alone would need nobody's consent."""
        kernel = self._kernel
        if proposal.act is ActKind.TELL or (proposal.act in DESTRUCTIVE_ACTS and kernel.must_ask(rule, case)):
            return False
        return least(ceiling(case, kernel.claims())[0], proposal.ceiling) is Autonomy.ACT

    async def _carry_out(
        self, rule: AnyRule, case: Case, proposal: Proposal, actor: str, *, at_once: bool
    ) -> JournalEntry | None:
        """Do it, and return what came of it; None: not in this hour any more."""
        kernel = self._kernel
        planned = plan(proposal, case, actor, at_rest=rule.ends_with_progress)
        if proposal.act is ActKind.TELL:
            return await kernel.write(replace(planned.entry, status=EntryStatus.DONE))
        if not at_once:
            allowed = kernel.searches.take(planned)
            if isinstance(allowed, datetime):
                return None
            planned = replace(allowed, entry=as_one_of_many(allowed.entry))
        if proposal.act is ActKind.REPLACE:
            try:
                planned = await (kernel.actuator.find_replacement if at_once else kernel.searches.find)(planned)
            except Declined as declined:
                status = EntryStatus.FAILED if declined.passing else EntryStatus.KEPT
                return await kernel.write(replace(planned.entry, status=status, result=declined.reason))
        return await kernel.do(planned, case.now, kernel.objection(rule, case.download.id, case.now))

    async def may_act_alone(self, rule: Settable, after_id: int = 0) -> bool:
        """Tell whether a rule that asks was right so often in a row, after an entry, that it could act by itself."""
        if self._kernel.settings.level(rule) is not Autonomy.SUGGEST:
            return False
        answered = [EntryStatus.DONE, EntryStatus.REJECTED, EntryStatus.UNDONE]
        right, before = 0, None
        while page := await self._kernel.journal.find(statuses=answered, rule=rule.key, before_id=before):
            for entry in page:
                if entry.status is not EntryStatus.DONE or entry.id <= after_id:
                    return False
                right += entry.actor != AUTOPILOT  # what it did or told by itself was no question
                if right == RIGHT_IN_A_ROW:
                    return True
            before = page[-1].id
        return False


def _not_asked(entry_id: int) -> NotPossible:
    return NotPossible(Reason(key="result.not_asked", parameters={"id": entry_id}))


def _done(entry: JournalEntry | None, entry_id: int) -> JournalEntry:
    """Return what was done. Raises `NotPossible` when it was not."""
    if entry is None:
        raise _not_asked(entry_id)
    if entry.status is not EntryStatus.DONE and entry.result is not None:
        raise NotPossible(entry.result)
    return entry


def _moves(rule: AnyRule, case: Case) -> bool:
    """Tell whether something arrived only just now: then nobody can want it to be healed of getting nothing."""
    return rule.ends_with_progress and case.memory.elapsed(rule.key, case.now) < MOVED
