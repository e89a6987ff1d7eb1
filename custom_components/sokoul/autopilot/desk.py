"""What people ask of the autopilot: approve, reject, undo, heal now, protect. They come the same way as the rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..model.journal import (
    AUTOPILOT,
    DESTRUCTIVE_ACTS,
    ActKind,
    Autonomy,
    EntryStatus,
    JournalEntry,
    Proposal,
)
from ..model.reasons import Reason
from .actuator import Declined, Plan, plan
from .kernel import REJECTED_FOR, RIGHT_IN_A_ROW, Kernel
from .observe import AnyRule
from .ownership import ceiling
from .rules.base import Case, Need, Sign
from .settings import PilotSettings

#: A person who asks to heal has waited long enough: every patience is over.
LONG_ENOUGH = timedelta(days=3650)
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

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    async def approve(self, entry_id: int, actor: str, now: datetime) -> JournalEntry:
        """Do what was suggested, if it is still needed."""
        kernel = self._kernel
        async with kernel.alone():
            entry = self._suggestion(entry_id)
            rule, case = kernel.rules.get(entry.rule), kernel.watch.case(entry.subject, now)
            if rule is None or case is None:
                over = replace(entry, status=EntryStatus.EXPIRED, result=Reason(key="result.over"))
                await kernel.close(over, now, keep_for=timedelta())
                raise NotPossible(Reason(key="result.over"))
            planned = Plan(entry=replace(entry, actor=actor))
            if entry.act is ActKind.REPLACE:
                agreed = entry.parameters["candidate"]["title"]
                try:
                    planned = await kernel.actuator.find_replacement(planned, prefer=agreed)
                except Declined as declined:
                    kept = replace(planned.entry, status=EntryStatus.KEPT, result=declined.reason)
                    await kernel.close(kept, now, keep_for=timedelta(days=1))
                    raise NotPossible(declined.reason) from declined
            done = await kernel.do(rule, case, planned)
            if done.status is EntryStatus.FAILED and done.result is not None:
                raise NotPossible(done.result)
            return done

    async def reject(self, entry_id: int, actor: str, now: datetime, *, never: bool = False) -> JournalEntry:
        """Keep what a suggestion would have given up; `never` puts it on the never-touch list."""
        kernel = self._kernel
        async with kernel.alone():
            entry = self._suggestion(entry_id)
            rejected = replace(entry, status=EntryStatus.REJECTED, actor=actor, result=Reason(key="result.rejected"))
            closed = await kernel.close(rejected, now, keep_for=REJECTED_FOR)
            if never:
                key = entry.parameters["target"]["key"]
                kernel.change(kernel.settings.with_protection(key, protected=True))
            return closed

    def _suggestion(self, entry_id: int) -> JournalEntry:
        for entry in self._kernel.suggestions:
            if entry.id == entry_id:
                return entry
        raise NotPossible(Reason(key="result.not_asked", parameters={"id": entry_id}))

    async def undo(self, entry_id: int, actor: str, now: datetime) -> JournalEntry:
        """Take an act back. A rule that did it by itself asks from now on."""
        kernel = self._kernel
        async with kernel.alone():
            entry = await kernel.journal.get(entry_id)
            if entry is None or entry.status is not EntryStatus.DONE or entry.undo is None:
                raise NotPossible(Reason(key="result.cannot_undo", parameters={"id": entry_id}))
            parameters = {**entry.parameters, "undone_by": actor}
            undoing = replace(entry, status=EntryStatus.UNDOING, changed_at=now, parameters=parameters)
            undoing = await kernel.write(undoing)
            undone = await kernel.write(await kernel.actuator.undo(undoing, now))
            if undone.status is EntryStatus.UNDONE:
                kernel.taken_back(undone, now)
                rule = kernel.rules.get(entry.rule)
                if rule and entry.actor == AUTOPILOT and kernel.settings.level(rule) is Autonomy.ACT:
                    kernel.change(kernel.settings.with_autonomy(rule.key, Autonomy.SUGGEST))
            elif undone.result is not None:
                raise NotPossible(undone.result)
            return undone

    def protect(self, key: str, *, protected: bool) -> PilotSettings:
        """Put a download on the never-touch list, or take it off."""
        settings = self._kernel.settings.with_protection(key, protected=protected)
        self._kernel.change(settings)
        return settings

    async def heal(self, subject: str | None, actor: str, now: datetime, *, dry_run: bool = False) -> Sequence[Remedy]:
        """Do now what the rules would do: for one download with all patience over, else for what is due."""
        kernel = self._kernel
        remedies: list[Remedy] = []
        async with kernel.alone():
            if subject is not None and subject not in kernel.watch:
                raise NotPossible(Reason(key="result.nothing_wrong"))
            for each in (subject,) if subject is not None else tuple(kernel.watch):
                remedies += await self._heal(each, actor, now, dry_run=dry_run, at_once=subject is not None)
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
            done = await self._carry_out(rule, case, proposal, actor)
            remedies.append(Remedy(label=label, subject=subject, proposal=proposal, entry=done))
            if done.status is not EntryStatus.DONE or proposal.act in DESTRUCTIVE_ACTS:
                break
        return remedies

    async def _wanted(self, subject: str, now: datetime, *, at_once: bool) -> tuple[AnyRule, Case, Proposal] | None:
        """Return the first thing that a rule wants done about a download."""
        kernel = self._kernel
        for rule in kernel.rules.values():
            case = kernel.watch.case(subject, now)
            if case is None:
                return None
            if ceiling(case, kernel.claims())[0] is Autonomy.OFF:
                if at_once:
                    raise NotPossible(ceiling(case, kernel.claims())[1] or Reason(key="result.nothing_wrong"))
                return None
            policy = kernel.settings.policy(rule)
            if rule.sign(case, policy) is not Sign.YES:
                continue
            if rule.gated and case.around.gate.shut is not None:
                if at_once:
                    raise NotPossible(case.around.gate.shut)
                continue
            verdict = await kernel.judge(rule, case, elapsed=LONG_ENOUGH if at_once else None)
            if isinstance(verdict, Proposal):
                return rule, kernel.watch.case(subject, now) or case, verdict
            if isinstance(verdict, Need) and at_once:
                raise NotPossible(Reason(key="result.not_known"))
        return None

    async def _carry_out(self, rule: AnyRule, case: Case, proposal: Proposal, actor: str) -> JournalEntry:
        planned = plan(proposal, case, actor)
        if proposal.act is ActKind.TELL:
            return await self._kernel.write(replace(planned.entry, status=EntryStatus.DONE))
        if proposal.act is ActKind.REPLACE:
            try:
                planned = await self._kernel.actuator.find_replacement(planned)
            except Declined as declined:
                return await self._kernel.write(replace(planned.entry, status=EntryStatus.KEPT, result=declined.reason))
        return await self._kernel.do(rule, case, planned)

    async def may_act_alone(self, rule: AnyRule) -> bool:
        """Tell whether a rule that asks was right so often in a row that it could act by itself."""
        if self._kernel.settings.level(rule) is not Autonomy.SUGGEST:
            return False
        answered = [EntryStatus.DONE, EntryStatus.REJECTED, EntryStatus.UNDONE]
        last = await self._kernel.journal.find(statuses=answered, rule=rule.key, limit=RIGHT_IN_A_ROW)
        right = [entry.status is EntryStatus.DONE and entry.actor != AUTOPILOT for entry in last]
        return len(right) == RIGHT_IN_A_ROW and all(right)
