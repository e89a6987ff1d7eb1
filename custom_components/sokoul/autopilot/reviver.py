"""Takes what the rule about backends wants as far as it may go: noted, told, asked, or done.

It is to backends what the kernel is to downloads, with the same journal, the same settings and the same promises: each
proposal is one row, written before anything is touched; nothing is said or done twice for it; and what was done
outlives a restart, because the journal is where it is looked up.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from ..model.journal import ActKind, Autonomy, EntryStatus, JournalEntry, Proposal, least
from ..model.reasons import Reason
from .kernel import UNANSWERED_AFTER, Kernel
from .lessons import UNANSWERED
from .reach import Declined
from .rules.backend_down import DAY, BackendDownPolicy, Decision
from .rules.backends import BACKEND_DOWN

#: The rule counts its tries over days that follow each other.
REMEMBERED = timedelta(days=14)
#: A person who said no, or nothing, is not asked again for so long while the same outage lasts.
REFUSED_FOR = DAY
#: An outage is another one once everything was well for so long: what was said of the last one may be said again.
STEADY = timedelta(hours=1)

#: Under which name an entry says what it is about, where a backend has several such things.
ABOUT = "about"
#: Where an entry says which container engine is to do it.
ENGINE = "engine"
#: The result of a restart that the engine doesn't let us do: no try that has to be waited for.
FORBIDDEN = "restart_forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A backend, or the containers that borrow one network. `decide` asks the rule, given when we restarted it."""

    subject: str  # the id of a backend
    label: str
    ails: bool
    decide: Callable[[BackendDownPolicy, tuple[datetime, ...]], Decision]
    about: str = ""  # tells several of one subject apart
    engine: str = ""  # the id of the container engine that its containers belong to

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.subject, self.about


class Ways(Protocol):
    """Carries restarts out."""

    async def restart(self, entry: JournalEntry) -> Reason:
        """Do it, and return what came of it. Raises `Declined`."""

    async def is_needed(self, entry: JournalEntry) -> bool:
        """Tell whether what was suggested is still to be done."""

    async def was_done(self, entry: JournalEntry) -> bool | None:
        """Tell whether a restart that was interrupted took place; None: nobody can tell."""

    def never(self, entry: JournalEntry) -> None:
        """Remember that a person never wants this to be restarted."""


class Reviver:
    """Brings backends back. One restart at a time."""

    def __init__(self, kernel: Kernel, ways: Ways) -> None:
        self._kernel = kernel
        self._ways = ways
        self._busy = asyncio.Lock()
        self._said: dict[tuple[str, str], set[str]] = {}
        self._well_since: dict[tuple[str, str], datetime] = {}
        self._last_well: dict[tuple[str, str], datetime] = {}
        self._began = False
        self._present: frozenset[tuple[str, str]] | None = None  # the patients of the last look

    async def _begin(self, now: datetime) -> None:
        """Remember what was said lately, and find out what became of what was interrupted."""
        for entry in await self._entries(now - DAY):
            if said := _said(entry):
                self._said.setdefault(_key(entry), set()).add(said)
        for entry in await self._kernel.journal.find(statuses=[EntryStatus.RUNNING], rule=BACKEND_DOWN.key):
            await self._settle(entry, now)

    async def _settle(self, entry: JournalEntry, now: datetime) -> None:
        done = await self._ways.was_done(entry)
        status = EntryStatus.DONE if done else EntryStatus.FAILED
        result = {True: "restarted", False: "interrupted", None: "restart_interrupted"}[done]
        await self._close(entry, status, Reason(key=f"result.{result}"), now)

    # --- one round -----------------------------------------------------------------------------------------------

    async def look(self, patients: Iterable[Patient], now: datetime) -> datetime | None:
        """Look after all of them. Returns when to come again at the latest."""
        async with self._busy:
            if not self._began:
                await self._begin(now)
                self._began = True
            patients = tuple(patients)
            self._present = frozenset(patient.key for patient in patients)
            await self._expire(self._present, now)
            return await self._look_after_all(patients, now)

    async def _look_after_all(self, patients: Iterable[Patient], now: datetime) -> datetime | None:
        """Look after one after the other. Raises the first of what went wrong, once all had their turn."""
        nexts: list[datetime | None] = []
        failed: list[Exception] = []
        for patient in patients:
            try:
                nexts.append(await self._look_after(patient, now))
            except Exception as error:  # noqa: BLE001 -- whatever it is, the others are not to wait for it
                failed.append(error)
        if failed:
            raise failed[0]
        return min(filter(None, nexts), default=None)

    async def _look_after(self, patient: Patient, now: datetime) -> datetime | None:
        if not patient.ails:
            await self._is_well(patient, now)
            return None
        self._well_since.pop(patient.key, None)
        settings = self._kernel.settings
        if settings.level(BACKEND_DOWN) is Autonomy.OFF or patient.subject in settings.protected:
            return None
        entries = [entry for entry in await self._entries(now - REMEMBERED, patient.subject) if _is_of(entry, patient)]
        decision = patient.decide(settings.policy(BACKEND_DOWN), _restarts(entries))
        if decision.proposal is not None:
            await self._take(patient, decision.proposal, entries, now)
        return decision.again

    async def _is_well(self, patient: Patient, now: datetime) -> None:
        """Ask nothing any more; once it was well for long enough, what was said may be said again."""
        for entry in self._asked(patient.key):
            await self._close(entry, EntryStatus.EXPIRED, Reason(key="result.over"), now)
        self._last_well[patient.key] = now
        since = self._well_since.setdefault(patient.key, now)
        if now - since >= STEADY:
            self._said.pop(patient.key, None)

    async def _expire(self, present: Collection[tuple[str, str]], now: datetime) -> None:
        """Ask no longer for what is gone, nor where nobody answered."""
        for entry in self._asked():
            if now - entry.at > UNANSWERED_AFTER:
                await self._close(entry, EntryStatus.EXPIRED, Reason(key=UNANSWERED), now)
            elif _key(entry) not in present:
                await self._close(entry, EntryStatus.EXPIRED, Reason(key="result.over"), now)

    # --- proposals -----------------------------------------------------------------------------------------------

    async def _take(self, patient: Patient, proposal: Proposal, entries: list[JournalEntry], now: datetime) -> None:
        """Take a proposal as far as it may go."""
        level = least(self._kernel.settings.level(BACKEND_DOWN), proposal.ceiling)
        entry = _entry(patient, proposal, now)
        asked = next(iter(self._asked(patient.key)), None)
        if proposal.act is not ActKind.RESTART:
            status = EntryStatus.OBSERVED if level is Autonomy.OBSERVE else EntryStatus.DONE
            await self._say(replace(entry, status=status))
            if asked is not None:
                await self._close(asked, EntryStatus.EXPIRED, Reason(key="result.over"), now)
        elif level is Autonomy.OBSERVE:
            await self._say(replace(entry, status=EntryStatus.OBSERVED))
        elif level is Autonomy.ACT:
            # what was asked is no longer a question, but as it would be done now: its container may be another one
            await self._carry_out(entry if asked is None else replace(entry, id=asked.id, at=asked.at), now)
        elif asked is None and not self._refused(patient, entries, now):
            await self._kernel.write(replace(entry, status=EntryStatus.SUGGESTED))

    async def _say(self, entry: JournalEntry) -> None:
        """Write down what is only told or noted, once in an outage."""
        said, known = _said(entry), self._said.setdefault(_key(entry), set())
        if said not in known:
            known.add(said)
            await self._kernel.write(entry)

    def _refused(self, patient: Patient, entries: list[JournalEntry], now: datetime) -> bool:
        """Whether a person didn't want it, and it is still the same outage as far as anybody knows."""
        refused = [entry.changed_at for entry in entries if _was_refused(entry)]
        well = self._last_well.get(patient.key)
        return bool(refused) and now - max(refused) < REFUSED_FOR and (well is None or well <= max(refused))

    async def _carry_out(self, entry: JournalEntry, now: datetime) -> JournalEntry:
        """Write down what is about to happen, and let it happen."""
        running = await self._kernel.write(replace(entry, status=EntryStatus.RUNNING, changed_at=now))
        try:
            result = await self._ways.restart(running)
        except Declined as declined:
            done = replace(running, status=EntryStatus.FAILED, result=declined.reason)
        except Exception as error:  # noqa: BLE001 -- Home Assistant's scripts and buttons raise what they like
            why = Reason(key="result.error", parameters={"detail": str(error) or repr(error)})
            done = replace(running, status=EntryStatus.FAILED, result=why)
        else:
            done = replace(running, status=EntryStatus.DONE, result=result)
        return await self._kernel.write(done)

    async def approve(self, entry_id: int, actor: str, now: datetime) -> JournalEntry | None:
        """Do what was suggested, if it is still needed; None when nobody is being asked about it any more."""
        async with self._busy:
            entry = next((each for each in self._asked() if each.id == entry_id), None)
            if entry is None:
                return None
            if not await self._ways.is_needed(entry):
                return await self._close(entry, EntryStatus.EXPIRED, Reason(key="result.over"), now)
            return await self._carry_out(replace(entry, actor=actor), now)

    def is_over(self, entry: JournalEntry) -> bool:
        """Tell whether what an entry is about is well, or gone. Nobody knows before the first look."""
        key = _key(entry)
        return self._present is not None and (key in self._well_since or key not in self._present)

    def never(self, entry: JournalEntry) -> None:
        """Remember that a person never wants what was suggested."""
        self._ways.never(entry)

    async def undo(self, entry: JournalEntry, actor: str, now: datetime) -> JournalEntry:
        """Say that a restart can't be taken back."""
        del actor, now
        return replace(entry, result=Reason(key="result.cannot_undo", parameters={"id": entry.id}))

    # --- the journal ---------------------------------------------------------------------------------------------

    async def _entries(self, since: datetime, subject: str | None = None) -> list[JournalEntry]:
        """Return what the rule proposed and did, the newest first."""
        found = await self._kernel.journal.find(rule=BACKEND_DOWN.key, subject=subject, since=since, limit=500)
        return list(found)

    def _asked(self, key: tuple[str, str] | None = None) -> list[JournalEntry]:
        """Return what a person is being asked."""
        ours = [entry for entry in self._kernel.suggestions if entry.rule == BACKEND_DOWN.key]
        return [entry for entry in ours if key is None or _key(entry) == key]

    async def _close(self, entry: JournalEntry, status: EntryStatus, result: Reason, now: datetime) -> JournalEntry:
        return await self._kernel.write(replace(entry, status=status, result=result, changed_at=now))


def _entry(patient: Patient, proposal: Proposal, now: datetime) -> JournalEntry:
    where = {name: value for name, value in ((ABOUT, patient.about), (ENGINE, patient.engine)) if value}
    return JournalEntry(
        at=now,
        changed_at=now,
        rule=proposal.rule,
        subject=patient.subject,
        label=patient.label,
        act=proposal.act,
        status=EntryStatus.OBSERVED,
        reason=proposal.reason,
        parameters={**proposal.parameters, **where},
    )


def _key(entry: JournalEntry) -> tuple[str, str]:
    return entry.subject, str(entry.parameters.get(ABOUT, ""))


def _is_of(entry: JournalEntry, patient: Patient) -> bool:
    return _key(entry) == patient.key


def _said(entry: JournalEntry) -> str:
    """Name what an entry said, so that it is said once; "" for one that is more than words."""
    if entry.act is not ActKind.TELL and entry.status is not EntryStatus.OBSERVED:
        return ""
    return f"{entry.status} {entry.act} {entry.reason.key}"


_TRIED = frozenset({EntryStatus.RUNNING, EntryStatus.DONE, EntryStatus.FAILED})


def _restarts(entries: Iterable[JournalEntry]) -> tuple[datetime, ...]:
    """Return when it was restarted, or when that was tried."""
    return tuple(entry.changed_at for entry in entries if entry.act is ActKind.RESTART and _was_tried(entry))


def _was_tried(entry: JournalEntry) -> bool:
    forbidden = entry.result is not None and entry.result.key == f"result.{FORBIDDEN}"
    return entry.status in _TRIED and not forbidden


def _was_refused(entry: JournalEntry) -> bool:
    if entry.act is not ActKind.RESTART:
        return False
    unanswered = entry.status is EntryStatus.EXPIRED and entry.result is not None and entry.result.key == UNANSWERED
    return entry.status is EntryStatus.REJECTED or unanswered
