"""Taking what a check of links wants as far as it may go: noted, asked, or done; and taking it back.

It is to links what the kernel is to downloads, with the same journal and the same levels. Links that lead to one
torrent are one case, and one row of the journal; what a search is for is a case by itself. A row is written before
anything is touched, with the keys of the changes that are about to be made; what was interrupted is settled by looking
at them.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
import hashlib
import os
from typing import TYPE_CHECKING, Any

from .autopilot.budget import HOUR
from .autopilot.desk import NotPossible
from .autopilot.kernel import UNANSWERED_AFTER
from .autopilot.lessons import UNANSWERED
from .autopilot.rules.backends import BackendRule
from .autopilot.rules.links import LINK_REPLACE, LINK_REWRITE, LINK_RULES
from .debrid.link_repairing import LinkAct, LinkChange, LinkRepairer, Planned
from .debrid.links import named_by
from .debrid.relinking import NotChanged
from .debrid.turns import in_turns, loop_in_turns
from .model.journal import AUTOPILOT, LINK_ACTS, ActKind, Autonomy, EntryStatus, JournalEntry
from .model.reasons import Reason, Value

if TYPE_CHECKING:
    from .autopilot.kernel import Kernel
    from .linking import Linking


class NotReady(StrEnum):
    """Why there is nothing to check now."""

    NO_DATABASE = "no_database"
    NO_FOLDERS = "no_folders"
    NO_ACCOUNT = "no_account"
    NOT_READ = "not_read"  # the list of an account, to its end, since the start


class NotReadyError(Exception):
    """There is nothing to check now."""

    def __init__(self, why: NotReady) -> None:
        super().__init__(str(why))
        self.why = why


#: What a person said of a case counts for so long, and what was noted of it is not noted again.
REMEMBERED = timedelta(days=30)
#: What failed is tried again after this.
FAILED_PAUSE = timedelta(days=1)
#: So many cases are noted or asked about in one check, and so many links are in one: the rest has its turn later.
MOST_CASES, MOST_LINKS = 50, 200
#: So many paths are named in a row of the journal.
_NAMED = 5
_TRIED = frozenset({EntryStatus.RUNNING, EntryStatus.DONE, EntryStatus.FAILED, EntryStatus.UNDONE})
_UNWANTED = frozenset({EntryStatus.REJECTED, EntryStatus.UNDONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCase:
    """One thing to be done: the links to one torrent, or one link for whose title a search is needed."""

    rule: BackendRule[Any]
    act: ActKind
    subject: str
    label: str
    reason: Reason
    planned: tuple[Planned, ...]
    new: str = ""  # the folder's name, where links are rewritten


def cases_of(planned: Iterable[Planned]) -> list[LinkCase]:
    """Return what is to be done, in the order of the links. For a thread: there may be many."""
    rewrites: dict[tuple[str, str, str], list[Planned]] = {}
    cases: list[LinkCase] = []
    for each in in_turns(planned):
        place = each.found.place
        if each.decision.act is LinkAct.REWRITE and place is not None:
            rewrites.setdefault((each.found.hash or "", place.folder, _new_folder(each)), []).append(each)
        elif each.decision.act is LinkAct.SEARCH:
            old = shown(place.folder if place is not None else each.link.target)
            cases.append(
                LinkCase(
                    rule=LINK_REPLACE,
                    act=ActKind.REPLACE_LINKED,
                    subject=f"link:{hashlib.sha256(os.fsencode(each.link.path)).hexdigest()[:32]}",
                    label=shown(os.path.basename(each.link.path)),  # noqa: PTH119 -- of a text
                    reason=Reason(key="heal.link_replace", parameters={"old": old}),
                    planned=(each,),
                )
            )
    return [_rewriting(old, new, links[:MOST_LINKS]) for (_, old, new), links in rewrites.items()] + cases


def _rewriting(old: str, new: str, links: Sequence[Planned]) -> LinkCase:
    told: dict[str, Value] = {"count": len(links), "old": shown(old), "new": shown(new)}
    digest = hashlib.sha256(os.fsencode(f"{old}\0{new}")).hexdigest()[:32]
    return LinkCase(
        rule=LINK_REWRITE,
        act=ActKind.REWRITE_LINKS,
        subject=f"links:{digest}",
        label=shown(old),
        reason=Reason(key="heal.link_rewrite", parameters=told),
        planned=tuple(links),
        new=shown(new),
    )


def _new_folder(planned: Planned) -> str:
    place, target = planned.found.place, named_by(planned.link.path, planned.decision.target or "")
    if place is None:
        return target
    above = "/".join((place.mount.theirs.rstrip("/"), *place.view, ""))
    return target.removeprefix(above).partition("/")[0]


def shown(path: str) -> str:
    """Return a path as text for people and for JSON: names of files need not be text at all."""
    return os.fsencode(path).decode(errors="replace")


class LinkRepairs:
    """Decides with the levels that are set, and keeps the journal. One thing at a time, see `Linking`."""

    def __init__(self, linking: Linking) -> None:
        self._linking = linking

    @property
    def _kernel(self) -> Kernel:
        return self._linking.hub.pilot.kernel

    @property
    def _repairer(self) -> LinkRepairer | None:
        return self._linking.repairer

    # --- by itself ---------------------------------------------------------------------------------------------------

    async def settle(self, now: datetime) -> None:
        """Find out what became of what was interrupted. The changes themselves were finished before."""
        for rule in LINK_RULES:
            for entry in await self._kernel.journal.find(statuses=[EntryStatus.RUNNING], rule=rule.key):
                if self._repairer is not None:
                    done = await self._repairer.done_of(entry.undo["keys"] if entry.undo else ())
                    await self._close(entry, len(done), now)

    async def take(self, planned: Sequence[Planned], now: datetime, *, whole: bool) -> None:
        """Take each case as far as its rule may go. `whole`: what is not planned is not needed any more."""
        cases = await asyncio.to_thread(cases_of, planned)
        await self._expire(cases, now, whole=whole)
        said = 0
        async for case in loop_in_turns(cases):
            level = self._kernel.settings.level(case.rule)
            if level is Autonomy.OFF or said >= MOST_CASES:
                continue
            if case.subject in self._kernel.settings.protected or await self._is_over(case, level, now):
                continue
            if level is Autonomy.ACT:
                if await self._may(case, now):
                    await self.carry_out(case, AUTOPILOT, now, self._asked(case))
            else:
                said += 1
                status = EntryStatus.OBSERVED if level is Autonomy.OBSERVE else EntryStatus.SUGGESTED
                await self._kernel.write(replace(_entry(case, now), status=status))

    async def take_now(self, planned: Sequence[Planned], actor: str, now: datetime) -> list[JournalEntry]:
        """Carry out every case whose rule is not off, because somebody wants it: a few searches at a time."""
        done: list[JournalEntry] = []
        searches = self._kernel.settings.caps.acts_an_hour
        async for case in loop_in_turns(await asyncio.to_thread(cases_of, planned)):
            if self._kernel.settings.level(case.rule) is Autonomy.OFF:
                continue
            searches -= case.act is ActKind.REPLACE_LINKED
            if case.act is ActKind.REPLACE_LINKED and searches < 0:
                continue
            if (entry := await self.carry_out(case, actor, now, self._asked(case))) is not None:
                done.append(entry)
        return done

    def _asked(self, case: LinkCase) -> JournalEntry | None:
        """Return what a person is being asked about a case."""
        return next((each for each in self._kernel.suggestions if each.subject == case.subject), None)

    async def _is_over(self, case: LinkCase, level: Autonomy, now: datetime) -> bool:
        """Tell whether a case was noted, asked about or refused before, or failed only just now."""
        known = await self._kernel.journal.find(
            rule=case.rule.key, subject=case.subject, since=now - REMEMBERED, limit=20
        )
        for entry in known:
            unanswered = entry.result is not None and entry.result.key == UNANSWERED
            if entry.status in _UNWANTED or unanswered:
                return True
            if level is Autonomy.OBSERVE and entry.status is EntryStatus.OBSERVED:
                return True
            if level is Autonomy.SUGGEST and entry.status is EntryStatus.SUGGESTED:
                return True
            if entry.status is EntryStatus.FAILED and now - entry.changed_at < FAILED_PAUSE:
                return True
        return False

    async def _may(self, case: LinkCase, now: datetime) -> bool:
        """Tell whether one more search may be had in this hour. Rewriting asks nobody, and is taken back at once."""
        if case.act is not ActKind.REPLACE_LINKED:
            return True
        most = self._kernel.settings.caps.acts_an_hour
        done = await self._kernel.journal.find(statuses=_TRIED, acts=[case.act], rule=case.rule.key, since=now - HOUR)
        return len([entry for entry in done if entry.actor == AUTOPILOT]) < most

    async def _expire(self, cases: Sequence[LinkCase], now: datetime, *, whole: bool) -> None:
        """Ask no longer for what is not needed, nor where nobody answered."""
        needed = {case.subject async for case in loop_in_turns(cases)}
        for entry in [each for each in self._kernel.suggestions if each.act in LINK_ACTS]:
            unanswered = now - entry.at > UNANSWERED_AFTER
            if unanswered or (whole and entry.subject not in needed):
                result = Reason(key=UNANSWERED if unanswered else "result.over")
                await self._kernel.write(replace(entry, status=EntryStatus.EXPIRED, changed_at=now, result=result))

    # --- doing -------------------------------------------------------------------------------------------------------

    async def carry_out(
        self, case: LinkCase, actor: str, now: datetime, asked: JournalEntry | None = None
    ) -> JournalEntry | None:
        """Write down what is about to happen, and let it happen; None: it can't be. `asked` is the suggestion."""
        repairer = self._repairer
        if repairer is None:
            return None
        changes: list[LinkChange]
        try:
            make = repairer.rewriting if case.act is ActKind.REWRITE_LINKS else repairer.setting_aside
            changes = [make(each) for each in case.planned]
        except NotChanged:
            return None
        entry = replace(_entry(case, now), actor=actor, undo={"keys": [change.key for change in changes]})
        if asked is not None:
            entry = replace(entry, id=asked.id, at=asked.at)
        entry = await self._kernel.write(entry)
        if case.act is ActKind.REWRITE_LINKS:
            done = await repairer.rewrite(changes)
        else:
            done = int(await repairer.replace(changes[0]))
        if done:
            self._linking.refresh.soon()
        return await self._close(entry, done, now)

    async def _close(self, entry: JournalEntry, done: int, now: datetime) -> JournalEntry:
        """Write what came of it."""
        count = len(entry.undo["keys"]) if entry.undo else 0
        if entry.act is ActKind.REPLACE_LINKED:
            result = Reason(key="result.links_replaced" if done else "result.links_not_replaced")
        elif not done:
            result = Reason(key="result.links_none")
        elif done < count:
            result = Reason(key="result.links_some", parameters={"done": done, "count": count})
        else:
            told: dict[str, Value] = {"count": count, "new": str(entry.parameters.get("new", ""))}
            result = Reason(key="result.links_rewritten", parameters=told)
        status = EntryStatus.DONE if done else EntryStatus.FAILED
        undo = entry.undo if done else None
        return await self._kernel.write(replace(entry, status=status, changed_at=now, result=result, undo=undo))

    # --- for people (`autopilot.ports.Carrier`) ----------------------------------------------------------------------

    async def approve(self, entry_id: int, actor: str, now: datetime) -> JournalEntry | None:
        """Do what was suggested, if it is still needed; None when nobody is being asked about it any more."""
        asked = next((each for each in self._kernel.suggestions if each.id == entry_id), None)
        if asked is None:
            return None
        async with self._linking.alone():
            planned = await self._look_again()
            cases = await asyncio.to_thread(cases_of, planned)
            case = next((each for each in cases if each.subject == asked.subject), None)
            done = await self.carry_out(case, actor, now, asked) if case is not None else None
            if done is None:
                over = Reason(key="result.over")
                done = replace(asked, status=EntryStatus.EXPIRED, changed_at=now, result=over)
                done = await self._kernel.write(done)
            return done

    async def _look_again(self) -> tuple[Planned, ...]:
        """Return what is to be done at this moment. Raises `NotPossible`."""
        try:
            return await self._linking.look_again()
        except NotReadyError as error:
            raise NotPossible(Reason(key="result.not_known")) from error

    def never(self, entry: JournalEntry) -> None:
        """Remember that a person never wants what was suggested: it is on the never-touch list."""
        self._kernel.change(self._kernel.settings.with_protection(entry.subject, protected=True))

    async def undo(self, entry: JournalEntry, actor: str, now: datetime) -> JournalEntry:
        """Take back what was done, and return the entry as it was written. Raises `NotPossible` where nothing was.

        Where some of it could not be, the rest stays in the entry, for another try.
        """
        async with self._linking.alone():  # a check goes by what links say, and would see half of it
            return await self._undo(entry, actor, now)

    async def _undo(self, entry: JournalEntry, actor: str, now: datetime) -> JournalEntry:
        keys: list[str] = list(entry.undo["keys"]) if entry.undo else []
        repairer = self._repairer
        taken = await repairer.take_back(keys) if repairer is not None else 0
        if repairer is None or not taken:
            raise NotPossible(Reason(key="result.links_none"))
        self._linking.refresh.soon()
        left = await repairer.done_of(keys)
        result = Reason(key="result.links_restored", parameters={"count": taken})
        if left:
            result = Reason(key="result.links_some", parameters={"done": taken, "count": taken + len(left)})
        undone = replace(
            entry,
            status=EntryStatus.UNDONE,
            changed_at=now,
            result=result,
            undo={"keys": left} if left else None,
            parameters={**entry.parameters, "undone_by": actor},
        )
        rule = next((each for each in LINK_RULES if each.key == entry.rule), None)
        return await self._kernel.taken_back(undone, rule)


def _entry(case: LinkCase, now: datetime) -> JournalEntry:
    paths = [shown(each.link.path) for each in case.planned[:_NAMED]]
    return JournalEntry(
        at=now,
        changed_at=now,
        rule=case.rule.key,
        subject=case.subject,
        label=case.label,
        act=case.act,
        status=EntryStatus.RUNNING,
        reason=case.reason,
        parameters={"paths": paths, "count": len(case.planned), "new": case.new},
    )
