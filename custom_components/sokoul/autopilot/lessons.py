"""What an entry of the journal teaches about its download, so that nothing is proposed or done twice.

What was learned is stored now and then only; what was said and done is in the journal at once. So the same lessons are
drawn when an entry is written, and when it is read again after a crash. Drawing one twice changes nothing.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..model.journal import DESTRUCTIVE_ACTS, GIVING_UP, ActKind, EntryStatus, JournalEntry
from ..model.memory import VAIN_SEARCH, SubjectMemory, Tries
from .target import Target

#: What was looked for in vain is looked for again after a day, then after two, four, a week.
KEPT_FIRST, KEPT_LONGEST = timedelta(days=1), timedelta(days=7)
#: A person who said no is not asked again about the same thing for so long; nor one who didn't answer.
REJECTED_FOR = timedelta(days=30)
#: After something was given up, its *arr and its client show it as it was for a while.
DONE_FOR = timedelta(minutes=10)
#: What failed is tried again after this.
FAILED_FOR = timedelta(hours=2)
#: So long is a title's failure remembered.
FAILURES_LAST = timedelta(days=30)

#: Rungs of a ladder: after one of these there is another one.
RUNGS = frozenset({ActKind.REANNOUNCE, ActKind.ADD_TRACKERS, ActKind.RECHECK, ActKind.RETRY_IMPORT})

UNANSWERED = "result.unanswered"
NO_ALTERNATIVE = "result.no_alternative"
IMPORTED = "result.imported"
_SAID = frozenset({EntryStatus.SUGGESTED, EntryStatus.OBSERVED})
_NEVER = datetime.min.replace(tzinfo=UTC)


def wish(rule: str, act: ActKind) -> str:
    """Name what a rule wants, for what was proposed of a download."""
    return f"{rule}/{act}"


def learn(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    """Return what is known of a download after an entry about it. One without an id was not worth a row."""
    name = wish(entry.rule, entry.act)
    if entry.status in _SAID or (entry.status is EntryStatus.DONE and entry.act is ActKind.TELL):
        memory = memory.with_proposed(name, entry.id) if entry.id else memory
        return _tried(memory, entry) if entry.status is EntryStatus.OBSERVED and entry.act in RUNGS else memory
    if memory.proposed.get(name) == entry.id:
        memory = memory.with_proposed(name, None)
    match entry.status:
        case EntryStatus.DONE:
            return _done(memory, entry)
        case EntryStatus.KEPT:
            return _in_vain(memory, entry)
        case EntryStatus.FAILED:
            return _failed(memory, entry)
        case EntryStatus.REJECTED:
            return _refused(memory, entry)
        case EntryStatus.EXPIRED if entry.result is not None and entry.result.key == UNANSWERED:
            return _refused(memory, entry)
        case EntryStatus.UNDONE:
            return _taken_back(memory, entry)
    return memory


def learn_of_title(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    """Return what is known of a title after an entry about a download of it: how often one was given up.

    What was taken back was no failure after all. (`known.at` is from before it was given up when that was not learned.)
    """
    known = memory.tried.get(ActKind.REPLACE)
    if entry.act not in GIVING_UP or (known is not None and known.at >= entry.changed_at):
        return memory
    if entry.status is EntryStatus.DONE:
        return memory.with_try(ActKind.REPLACE, entry.changed_at - FAILURES_LAST, entry.changed_at)
    if entry.status is EntryStatus.UNDONE and known is not None and known.at >= entry.at:
        fewer = Tries(count=max(known.count - 1, 0), at=entry.changed_at)
        return replace(memory, tried={**memory.tried, ActKind.REPLACE: fewer})
    return memory


def may_say_again(memory: SubjectMemory, rules: Collection[str]) -> SubjectMemory:
    """Return what is known of a download when some rules may say again what they said, and do what they would have."""
    said = {name for name in memory.proposed if name.partition("/")[0] in rules}
    if not said:
        return memory
    acts = {name.partition("/")[2] for name in said}
    return replace(
        memory,
        proposed={name: number for name, number in memory.proposed.items() if name not in said},
        tried={act: tries for act, tries in memory.tried.items() if act not in acts},
    )


def titles(target: Target) -> list[str]:
    """Return the subjects under which it is remembered how often the titles of a download failed."""
    return [subject for wanting in target.wanted_by for subject in wanting.subjects]


def _done(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    if entry.result is not None and entry.result.key == IMPORTED:
        still = tuple(each for each in memory.restored_from if each != entry.parameters["arr_id"])
        memory = replace(memory, restored_from=still)  # what was taken back is in that *arr's library now
    if entry.act in DESTRUCTIVE_ACTS:
        memory = _silenced(memory, entry, DONE_FOR)
    return _tried(memory, entry)


def _failed(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    """Leave it alone for a while. That nothing was found of what a pack lacks is a try as good as any."""
    in_vain = entry.act is ActKind.FETCH_MISSING and entry.result is not None and entry.result.key == NO_ALTERNATIVE
    return _silenced(_tried(memory, entry) if in_vain else memory, entry, FAILED_FOR)


def _tried(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    known = memory.tried.get(entry.act)
    if known is not None and known.at >= entry.changed_at:
        return memory
    began = entry.changed_at - memory.elapsed(entry.rule, entry.changed_at)
    return memory.with_try(entry.act, began, entry.changed_at)


def _in_vain(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    """Leave in peace what there is nothing better for: a day, and longer each time."""
    known = memory.tried.get(VAIN_SEARCH, Tries(count=0, at=_NEVER))
    if known.at >= entry.changed_at:
        return memory
    times = min(known.count, 10)
    memory = memory.with_try(VAIN_SEARCH, _NEVER, entry.changed_at)
    return _silenced(memory, entry, min(KEPT_FIRST * 2**times, KEPT_LONGEST))


def _refused(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    """Leave in peace what a person didn't want. After a rung of a ladder there may still be the next."""
    return _tried(memory, entry) if entry.act in RUNGS else _silenced(memory, entry, REJECTED_FOR)


def _taken_back(memory: SubjectMemory, entry: JournalEntry) -> SubjectMemory:
    """Leave in peace what a person took back, and remember for whom: its *arr no longer looks after it."""
    if memory.kept_until.get(entry.rule, _NEVER) >= entry.changed_at + REJECTED_FOR:
        return memory
    wanted_by = Target.from_json(entry.parameters["target"]).wanted_by
    memory = replace(memory, restored_from=tuple(dict.fromkeys(each.arr_id for each in wanted_by)), clocks={})
    return _silenced(memory, entry, REJECTED_FOR)


def _silenced(memory: SubjectMemory, entry: JournalEntry, span: timedelta) -> SubjectMemory:
    until = entry.changed_at + span
    known = memory.kept_until.get(entry.rule)
    return memory if known is not None and known >= until else memory.with_kept(entry.rule, until)
