"""The way of a torrent that is added again, and the queue in which it waits for that.

Each step is noted before it is taken, so that after a crash at any moment it is known what may have happened:

    WAITING > ADDING > SELECTING > FETCHING > DELETING_OLD > DONE
                       SELECTING, FETCHING  > DELETING_NEW > WAITING, hours later, or GIVEN_UP

What was there of the same torrent before adding is noted with it (`known_ids`). So whoever finds `ADDING` looks at the
list instead of adding once more: an entry that is not among those is the one. The old entry is deleted only once the
new one is complete, with the same files; the new one is deleted, and the old one kept, if it never gets there.

All of this is pure: `repairing` asks Real-Debrid.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
import re

from ..model.debrid import ACTIVE_STATUSES, FAILED_STATUSES, DebridFile, DebridStatus, DebridTorrent, DebridTorrentInfo

#: The names of files that people watch, and of what goes with them.
VIDEOS = frozenset(
    {"mkv", "mp4", "avi", "mov", "m4v", "ts", "m2ts", "wmv", "webm", "mpg", "mpeg", "flv", "iso", "vob", "ogm"}
)
SUBTITLES = frozenset({"srt", "ass", "ssa", "sub", "idx", "sup", "vtt", "smi"})

#: A request that was cut off may still be carried out for so long: only then what is not in the list was not added.
SETTLES = timedelta(minutes=1)
#: A new entry is looked at after this time, then twice as long each time.
LOOK_FIRST, LOOK_LONGEST = timedelta(seconds=5), timedelta(minutes=15)
#: Nothing but another tool is waited for longer than this: what says so was noted by a clock that was wrong.
LONGEST_WAIT = timedelta(days=2)


class Step(StrEnum):
    """What is being done about a torrent. All but the last two are still open."""

    WAITING = "waiting"  # for its turn
    ADDING = "adding"  # may or may not have been added
    SELECTING = "selecting"  # it was added; its files are selected as soon as they are known
    FETCHING = "fetching"  # until it is complete
    DELETING_OLD = "deleting_old"  # the new one is complete and right
    DELETING_NEW = "deleting_new"  # the new one came to nothing
    DONE = "done"
    GIVEN_UP = "given_up"


CLOSED = frozenset({Step.DONE, Step.GIVEN_UP})


class Ending(StrEnum):
    """How it ended."""

    REPAIRED = "repaired"
    RECOVERED = "recovered"  # by itself, or by somebody else
    REMOVED = "removed"  # somebody deleted it meanwhile, and nothing needs it
    REFUSED = "refused"  # Real-Debrid will not have it: it is never tried again
    VIRUS = "virus"
    EXHAUSTED = "exhausted"  # tried as often as is allowed
    DIFFERENT = "different"  # there is another entry of it, with other files: a person has to choose
    UNCHOSEN = "unchosen"  # a person's rule fits none of its files: it waits for another one


#: Not even a person has these tried again.
FOR_EVER = frozenset({Ending.REFUSED, Ending.VIRUS})


class Task(StrEnum):
    """What there is to do about a torrent, before anything is begun: each may be allowed or not."""

    READD = "readd"  # add it again, and delete what failed once that is complete
    SELECT = "select"  # select its files
    DELETE = "delete"  # delete it


class Choice(StrEnum):
    """Which files are selected where nobody knows which were."""

    ALL = "all"
    VIDEOS = "videos"  # with their subtitles
    LARGEST = "largest"
    NAMES = "names"  # those whose path has one of some words in it


class Urgency(IntEnum):
    """Why one comes before another: the lower number first."""

    PERSON = 0  # somebody asked for it
    LINKED = 1  # links of the library are broken because of it
    FAILED = 2  # it failed, and nothing is known to need it


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file that was selected: its path in the torrent, and its size."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What is done about one torrent of an account, and how far it is. There is one at most per info hash."""

    hash: str  # lower case
    label: str
    trouble: str  # what is wrong: a status or an error code by its name
    urgency: Urgency = Urgency.FAILED
    step: Step = Step.WAITING
    created_at: datetime
    due_at: datetime  # nothing is done about it before
    old_ids: tuple[str, ...] = ()  # what it replaces, and is deleted in the end
    #: of those, what calls itself complete though its files can't be read, or on its way though it is stuck (`trouble`)
    bad_ids: tuple[str, ...] = ()
    #: the files to select; None: not looked up yet; none at all: nobody knows, so all
    wanted: tuple[WantedFile, ...] | None = None
    tries: int = 0  # that came to nothing, by no fault of a limit or an outage
    refusals: int = 0  # in a row
    finds: int = 0  # of these, that it is active already, though the list doesn't show it
    looks: int = 0  # at the new entry in its present step
    known_ids: tuple[str, ...] = ()  # of the same torrent, before it was added
    added_at: datetime | None = None  # when it was last (about to be) added
    added_before: datetime | None = None  # what `added_at` was before that
    added_id: str | None = None
    our_ids: tuple[str, ...] = ()  # all that we ever added of it
    ours: bool = False  # we added that entry: it may be deleted
    progress: float = 0.0
    progress_at: datetime | None = None
    problem: str = ""  # what the last try came to: a status or an error code by its name
    told: str = ""  # what people were told or asked of it as it is now
    choice: Choice = Choice.ALL  # where `wanted` names none
    words: tuple[str, ...] = ()  # of the choice by names
    ending: Ending | None = None  # noted before the last step
    ended_at: datetime | None = None  # since when nothing is to be done any more

    @property
    def open(self) -> bool:
        """Whether something is still to be done."""
        return self.step not in CLOSED

    @property
    def adds(self) -> bool:
        """Whether its first step is to add something; else it selects files, or deletes."""
        return self.ending is None and self.added_id is None

    @property
    def task(self) -> Task:
        """What is to be done first."""
        if self.adds:
            return Task.READD
        return Task.DELETE if self.added_id is None else Task.SELECT

    @property
    def begun(self) -> bool:
        """Whether something may be half done at Real-Debrid: it is finished in any case."""
        return self.open and self.step is not Step.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairLimits:
    """How much is allowed."""

    adds_per_hour: int = 20
    hash_apart: timedelta = timedelta(days=1)  # from one adding of the same torrent to the next
    tries: int = 3
    tries_apart: timedelta = timedelta(hours=3)
    jitter: float = 0.25  # so much may be added to that, by chance
    fetch_patience: timedelta = timedelta(days=2)  # without any progress


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPause:
    """Until when an account is left alone, or nothing is added to it. Stored: a limit outlasts a restart."""

    until: datetime | None = None
    times: int = 0  # refusals in a row
    why: str = ""  # the error code by its name
    needs_person: bool = False
    slot_until: datetime | None = None
    slot_times: int = 0
    throttled_at: datetime | None = None


class Holdup(StrEnum):
    """Why a repair is not done now."""

    NOTHING = "nothing"  # its turn has come
    NOT_YET = "not_yet"  # the time since the last try, or until the next look
    ACCOUNT = "account"  # the account is left alone
    SLOT = "slot"  # too many torrents are active
    HOUR = "hour"  # enough was added this hour
    DAY = "day"  # it was added today already
    OBSERVING = "observing"  # repairing is off, or only noted
    RIVAL = "rival"  # another tool does it


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a repair may go on, why not before, and how many are before it in the queue.

    `at` None: nobody can tell (observing).
    """

    holdup: Holdup
    at: datetime | None
    before: int = 0


# --- whose turn it is ------------------------------------------------------------------------------------------------


def order(repair: Repair) -> tuple[bool, int, int, datetime, str]:
    """Return by what the queue is sorted.

    What has begun is finished first. Then whatever is most urgent, of those what was tried least: the last of many gets
    its first try before the first of them gets its second. Then the oldest.
    """
    return (not repair.begun, repair.urgency, repair.tries, repair.created_at, repair.hash)


def hour_is_free(added: Iterable[datetime | None], limits: RepairLimits, now: datetime) -> datetime | None:
    """Return when one more may be added by the limit of the hour, by when each was added; None: now."""
    hour = timedelta(hours=1)
    lately = sorted(at for at in added if at and abs(at - now) < hour)
    return lately[-limits.adds_per_hour] + hour if len(lately) >= limits.adds_per_hour else None


def turn(
    repair: Repair,
    limits: RepairLimits,
    pause: AccountPause,
    *,
    hour: datetime | None,
    acting: bool,
    now: datetime,
    rival: datetime | None = None,
) -> Turn:
    """Tell when a repair may go on.

    `hour` is what `hour_is_free` says, and `acting` whether new ones may begin. Until `rival` only those begin that a
    person asked for, because another tool repairs the account.
    """
    waits = [(Holdup.NOT_YET, repair.due_at), (Holdup.ACCOUNT, pause.until)]
    if not repair.begun and not acting:
        return Turn(holdup=Holdup.OBSERVING, at=None)
    if not repair.begun and repair.urgency is not Urgency.PERSON:
        waits.append((Holdup.RIVAL, rival))
    if not repair.begun and repair.adds:
        day = repair.added_at + limits.hash_apart if repair.added_at else None
        waits += [(Holdup.SLOT, pause.slot_until), (Holdup.HOUR, hour), (Holdup.DAY, day)]
    later = [(at, holdup) for holdup, at in waits if at is not None and at > now]
    later = [each for each in later if each[1] is Holdup.RIVAL or each[0] - now <= LONGEST_WAIT]
    if not later:
        return Turn(holdup=Holdup.NOTHING, at=now)
    at, holdup = max(later)
    return Turn(holdup=holdup, at=at)


def queue(
    repairs: Collection[Repair],
    limits: RepairLimits,
    pause: AccountPause,
    *,
    acting: Callable[[Repair], bool],
    now: datetime,
    rival: datetime | None = None,
) -> list[tuple[Repair, Turn]]:
    """Return what is open in the order in which it is done, and why each waits.

    `acting`: whether it may begin; `rival` is as for `turn`.
    """
    hour = hour_is_free((each.added_at for each in repairs), limits, now)

    def when(repair: Repair) -> Turn:
        return turn(repair, limits, pause, hour=hour, acting=acting(repair), now=now, rival=rival)

    return [
        (repair, replace(when(repair), before=before))
        for before, repair in enumerate(sorted((each for each in repairs if each.open), key=order))
    ]


# --- one step after the other ----------------------------------------------------------------------------------------


def before_adding(repair: Repair, entries: Sequence[DebridTorrent], now: datetime) -> Repair:
    """Look at all entries of this torrent in the account, and return what to do instead of adding; `ADDING` to add.

    It serves for what is already `ADDING`, too: what can't be found by now was not added, and waits for its turn again.

    Nothing is ever added beside an entry that is complete or on its way, whoever added that. What failed like the old
    one is cleaned away with it. What a person deleted and nothing needs is not brought back.
    """
    new = [entry for entry in entries if entry.id not in repair.old_ids]
    for entry in sorted(new, key=_usefulness):
        # one that appeared since we may have added one is that one; others are none of ours
        ours = repair.step is Step.ADDING and entry.id not in {*repair.known_ids, *repair.our_ids}
        if ours or entry.status not in FAILED_STATUSES:
            return _follow(repair, entry.id, now, ours=ours)
    old = [entry for entry in entries if entry.id in repair.old_ids]
    unreadable = () if repair.trouble in ACTIVE_STATUSES else repair.bad_ids
    if any(entry.status is DebridStatus.DOWNLOADED and entry.id not in unreadable for entry in old):
        return close(repair, Ending.RECOVERED)
    if any(entry.status in ACTIVE_STATUSES and not _is_stuck(entry, repair) for entry in old):
        return replace(repair, step=Step.WAITING, due_at=now + LOOK_LONGEST)  # it moves again
    if not entries and repair.old_ids and repair.urgency is not Urgency.LINKED:
        return close(repair, Ending.REMOVED)
    if repair.step is Step.ADDING:
        return was_not_added(repair, due_at=now)
    old_ids = tuple(dict.fromkeys((*repair.old_ids, *(entry.id for entry in new))))
    return replace(
        repair,
        step=Step.ADDING,
        due_at=now + SETTLES,
        old_ids=old_ids,
        known_ids=tuple(entry.id for entry in entries),
        added_before=repair.added_at,
        added_at=now,
    )


def added_by(repair: Repair, entry_id: str) -> bool | None:
    """Tell whether a repair added an entry; None: nobody can tell yet, as it may have added one just now."""
    if entry_id in repair.our_ids:
        return True
    return None if repair.step is Step.ADDING and entry_id not in repair.known_ids else False


def without(repair: Repair, entry_id: str) -> Repair:
    """Return what becomes of a repair when a person deletes an entry of its torrent: they don't want it any more.

    That ends it where the entry was the new one, or the last of those that failed; else it goes on with the others.
    """
    if not repair.open or repair.ending is not None:
        return repair
    if entry_id == repair.added_id:
        return close(repair, Ending.REMOVED)
    if repair.begun or entry_id not in repair.old_ids:
        return repair
    left = tuple(each for each in repair.old_ids if each != entry_id)
    bad = tuple(each for each in repair.bad_ids if each != entry_id)
    return replace(repair, old_ids=left, bad_ids=bad) if left else close(repair, Ending.REMOVED)


def _is_stuck(entry: DebridTorrent, repair: Repair) -> bool:
    """Tell whether an old entry is still in the state in which it got stuck."""
    return entry.id in repair.bad_ids and entry.status == repair.trouble


def _usefulness(entry: DebridTorrent) -> tuple[bool, datetime]:
    return entry.status is not DebridStatus.DOWNLOADED, entry.added_at


def _follow(repair: Repair, entry_id: str, now: datetime, *, ours: bool) -> Repair:
    """Go on with an entry that is there."""
    return replace(
        repair,
        step=Step.SELECTING,
        added_id=entry_id,
        our_ids=tuple(dict.fromkeys((*repair.our_ids, entry_id))) if ours else repair.our_ids,
        ours=ours,
        due_at=now,
        progress=0.0,
        progress_at=now,
        looks=0,
        refusals=0,
        finds=0,
    )


def was_added(repair: Repair, entry_id: str, now: datetime) -> Repair:
    """Note the entry that was made, and when: the request may have waited for its turn for a while."""
    return replace(_follow(repair, entry_id, now, ours=True), added_at=now)


def was_not_added(repair: Repair, *, due_at: datetime) -> Repair:
    """Note that it was certainly not added: it does not count as added today."""
    return replace(
        repair,
        step=Step.WAITING,
        due_at=due_at,
        added_at=repair.added_before,
        added_id=None,
        ours=False,
        refusals=repair.refusals + 1,
    )


def look_later(repair: Repair, now: datetime, *, step: Step | None = None, progress: float | None = None) -> Repair:
    """Note that a new entry was looked at and is on its way; one that moves is looked at for as long as it does."""
    moved = progress is not None and progress > repair.progress
    step = step or repair.step
    looks = 0 if step is not repair.step else repair.looks + 1
    return replace(
        repair,
        step=step,
        looks=looks,
        refusals=0,
        due_at=now + min(LOOK_FIRST * float(1 << min(looks, 16)), LOOK_LONGEST),
        progress=progress if moved and progress is not None else repair.progress,
        progress_at=now if moved or repair.progress_at is None else min(repair.progress_at, now),
    )


def came_to_nothing(repair: Repair, problem: str, ending: Ending | None = None) -> Repair:
    """Note that the new entry failed, for good if there is an `ending`. One of ours is deleted next."""
    return replace(repair, step=Step.DELETING_NEW, problem=problem, ending=ending, refusals=0)


def after_deleting_new(repair: Repair, limits: RepairLimits, now: datetime, chance: float) -> Repair:
    """Note that the failed new entry is out of the way; `chance` (0 to 1) spreads the next try.

    An entry that somebody else added is not deleted: it failed like the old one, and is replaced with it.
    """
    if repair.ending is not None:
        return close(repair, repair.ending)
    old_ids = repair.old_ids
    if not repair.ours and repair.added_id is not None:
        old_ids = tuple(dict.fromkeys((*old_ids, repair.added_id)))
    counted = replace(
        repair, old_ids=old_ids, added_id=None, ours=False, progress=0.0, progress_at=None, tries=repair.tries + 1
    )
    if counted.tries >= limits.tries:
        return close(counted, Ending.EXHAUSTED)
    apart = limits.tries_apart * (1 + limits.jitter * chance)
    return replace(counted, step=Step.WAITING, due_at=now + apart)


def opened(known: Repair | None, repair: Repair, limits: RepairLimits) -> Repair:
    """Return what is noted when a torrent is found in need of repair, given what is known of it from before.

    What is under way goes on, but more urgently if it has become so. Deleting and adding again are never mixed: who
    wants the one has not agreed to the other. What was given up stays so, unless a person asks for one that was only
    tried too often; another entry with a virus is deleted nevertheless. When it was last added stays known. What was
    added again and needs it once more counts as tried: it is given up here when that happens too often, or it would be
    added and deleted for ever.
    """
    if known is None:
        return repair
    if known.open:
        urgency = min(known.urgency, repair.urgency)
        told = repair.told or known.told
        if known.begun:
            return replace(known, urgency=urgency, told=told)
        if known.task is not repair.task and Task.DELETE in {known.task, repair.task}:
            return known
        old_ids = tuple(dict.fromkeys((*known.old_ids, *repair.old_ids)))
        bad_ids = tuple(dict.fromkeys((*known.bad_ids, *repair.bad_ids)))
        return replace(known, urgency=urgency, told=told, old_ids=old_ids, bad_ids=bad_ids)
    by_person = repair.urgency is Urgency.PERSON
    new_virus = repair.task is Task.DELETE and not {*repair.old_ids} <= {*known.old_ids}
    again = new_virus or (by_person and known.ending not in FOR_EVER)
    if known.step is Step.GIVEN_UP and not again:
        return known
    new = replace(
        repair,
        added_at=known.added_at,
        our_ids=known.our_ids,
        wanted=repair.wanted or known.wanted,
        tries=0 if by_person else _tried_before(known, repair),
    )
    return close(replace(new, problem=repair.trouble), Ending.EXHAUSTED) if new.tries >= limits.tries else new


def _tried_before(known: Repair, repair: Repair) -> int:
    """Return how often a torrent was added again in vain, by what is still remembered of a repair that ended well.

    Files that can't be read now and then may be read between two of these times: that is no new beginning.
    """
    if not repair.adds:
        return 0
    if known.ending is Ending.REPAIRED and known.ours and known.old_ids:
        return known.tries + 1
    return known.tries if known.ending is Ending.RECOVERED and known.bad_ids and repair.bad_ids else 0


def close(repair: Repair, ending: Ending) -> Repair:
    """Note how it ended."""
    good = ending in {Ending.REPAIRED, Ending.RECOVERED, Ending.REMOVED}
    return replace(repair, step=Step.DONE if good else Step.GIVEN_UP, ending=ending, refusals=0, told="")


# --- the same files --------------------------------------------------------------------------------------------------


def wanted_of(info: DebridTorrentInfo) -> tuple[WantedFile, ...]:
    """Return the files that are selected of a torrent."""
    return tuple(WantedFile(path=file.path, size_bytes=file.size_bytes) for file in info.selected)


def choose(
    files: Sequence[DebridFile],
    wanted: Sequence[WantedFile],
    choice: Choice = Choice.ALL,
    words: Collection[str] = (),
) -> tuple[int, ...] | None:
    """Return the ids of the wanted files, by their paths and sizes, else by a rule; None: one is missing.

    A rule that fits no file at all leaves the choice to nobody: then nothing is selected.
    """
    if not wanted:
        return tuple(file.id for file in files if _fits(file, files, choice, words))
    ids = {(file.path, file.size_bytes): file.id for file in files}
    found = [ids.get((each.path, each.size_bytes)) for each in wanted]
    return None if None in found else tuple(sorted(each for each in found if each is not None))


def _fits(file: DebridFile, files: Sequence[DebridFile], choice: Choice, words: Collection[str]) -> bool:
    match choice:
        case Choice.VIDEOS:
            name, _, extension = file.path.casefold().rpartition(".")
            return extension in SUBTITLES or (extension in VIDEOS and not _is_sample(name))
        case Choice.LARGEST:
            return file.id == max(files, key=lambda each: each.size_bytes).id
        case Choice.NAMES:
            return any(word.casefold() in file.path.casefold() for word in words)
    return True


def _is_sample(path: str) -> bool:
    """Tell whether a video is a sample, by its folder or its name."""
    return "sample" in re.split(r"[^a-z0-9]+", path)


def is_as_wanted(info: DebridTorrentInfo, wanted: Sequence[WantedFile]) -> bool:
    """Tell whether a complete torrent has the files that were wanted, each with its link.

    One with fewer links was packed into an archive: nobody could read a file of it.
    """
    selected = info.selected
    if not selected or len(info.torrent.links) != len(selected):
        return False
    return not wanted or {file.id for file in selected} == set(choose(info.files, wanted) or ())
