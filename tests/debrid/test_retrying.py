"""The way of a torrent that is added again: whose turn it is, and what is done instead of adding."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from custom_components.sokoul.debrid.retrying import (
    AccountPause,
    Choice,
    Ending,
    Holdup,
    Repair,
    RepairLimits,
    Step,
    Task,
    Urgency,
    WantedFile,
    added_by,
    after_deleting_new,
    before_adding,
    choose,
    close,
    hour_is_free,
    is_as_wanted,
    opened,
    queue,
    turn,
)
from custom_components.sokoul.debrid.rivals import (
    AFTER_ONE,
    AFTER_SEVERAL,
    Sighting,
    sightings,
    stands_back_until,
    worth_keeping,
)
from custom_components.sokoul.model.debrid import DebridFile, DebridStatus
from tests.debrid.repair_account import (
    CONVERTING,
    DEAD,
    DOWNLOADED,
    DOWNLOADING,
    ERROR,
    MAGNET_ERROR,
    QUEUED,
    START,
    WAITING,
    Account,
    Clock,
    files,
    info_hash,
    repair,
)

LIMITS = RepairLimits()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADDING = {"step": Step.ADDING, "added_at": START - timedelta(minutes=2)}

type Entries = tuple[DebridStatus, ...]

# what is wrong, the old entries, the others of the same torrent, what else is noted, what is done, and which one
BEFORE = (
    ("only the failed one: it is added", (ERROR,), (), {}, Step.ADDING, None),
    ("nothing is there, but links need it", (), (), {"urgency": Urgency.LINKED}, Step.ADDING, None),
    ("nothing is there, and a person asks", (), (), {"urgency": Urgency.PERSON}, Step.ADDING, None),
    ("another one is complete: no second", (ERROR,), (DOWNLOADED,), {}, Step.SELECTING, False),
    ("another one is on its way", (ERROR,), (DOWNLOADING,), {}, Step.SELECTING, False),
    ("another one waits in line", (ERROR,), (QUEUED,), {}, Step.SELECTING, False),
    ("another one waits for its files", (ERROR,), (WAITING,), {}, Step.SELECTING, False),
    ("another one looks for its metadata", (ERROR,), (CONVERTING,), {}, Step.SELECTING, False),
    ("a state of a newer version", (ERROR,), (DebridStatus.UNKNOWN,), {}, Step.SELECTING, False),
    ("another one failed as well: both are replaced", (ERROR,), (DEAD,), {}, Step.ADDING, None),
    ("the old one is complete after all", (DOWNLOADED,), (), {}, Step.DONE, None),
    ("it calls itself complete, but can't be read", (DOWNLOADED,), (), {"bad_ids": ("ID1",)}, Step.ADDING, None),
    ("the old one moves again", (DOWNLOADING,), (), {}, Step.WAITING, None),
    ("the old one waits in line", (QUEUED,), (), {}, Step.WAITING, None),
    # after a crash
    ("one appeared since: that is ours", (ERROR,), (DOWNLOADED,), ADDING, Step.SELECTING, True),
    ("ours appeared, and failed at once", (ERROR,), (MAGNET_ERROR,), ADDING, Step.SELECTING, True),
    ("none appeared: it was not added", (ERROR,), (), ADDING, Step.WAITING, None),
    ("none but one that was there before", (ERROR,), (DEAD,), {**ADDING, "known_ids": ("ID1", "ID2")},
     Step.WAITING, None),
)  # fmt: skip


@pytest.mark.parametrize(("_why", "old", "others", "noted", "step", "ours"), BEFORE, ids=[case[0] for case in BEFORE])
def test_before_adding(
    _why: str,
    old: Entries,
    others: Entries,
    noted: dict[str, object],
    step: Step,
    ours: bool | None,  # noqa: FBT001
) -> None:
    account = Account(Clock())
    old_ids = tuple(account.has(1, status, 1) for status in old)
    other_ids = [account.has(1, status, 1) for status in others]
    found = before_adding(repair(1, START, old_ids=old_ids, **noted), account.of(1), START)
    assert found.step is step
    assert found.added_id == (other_ids[0] if ours is not None else None)
    assert found.ours == bool(ours)
    if step is Step.ADDING:
        assert set(found.known_ids) == set(found.old_ids) == {*old_ids, *other_ids}
        assert found.added_at == START


def test_an_entry_that_was_added_for_a_person_meanwhile_is_not_taken_for_that_of_a_repair() -> None:
    """Whether the repair's own adding was done is not known: a person's entry says nothing of that."""
    account = Account(Clock())
    grabbed = account.has(1, DOWNLOADING, 1)
    found = before_adding(repair(1, START, our_ids=(grabbed,), **ADDING), account.of(1), START)
    assert (found.added_id, found.ours) == (grabbed, False)


@pytest.mark.parametrize(
    ("step", "known_ids", "our_ids", "added"),
    [
        (Step.FETCHING, (), ("ID1",), True),
        (Step.DONE, (), ("ID1",), True),
        (Step.FETCHING, (), (), False),
        (Step.WAITING, (), (), False),
        (Step.ADDING, (), (), None),
        (Step.ADDING, ("ID1",), (), False),
        (Step.ADDING, (), ("ID1",), True),
    ],
)
def test_who_added_an_entry(
    step: Step,
    known_ids: tuple[str, ...],
    our_ids: tuple[str, ...],
    added: bool | None,  # noqa: FBT001 -- of a table
) -> None:
    assert added_by(repair(1, START, step=step, known_ids=known_ids, our_ids=our_ids), "ID1") is added


def test_what_was_deleted_meanwhile_and_nothing_needs_is_not_brought_back() -> None:
    found = before_adding(repair(1, START, old_ids=("ID1",)), [], START)
    assert (found.step, found.ending) == (Step.DONE, Ending.REMOVED)
    asked = before_adding(repair(1, START, old_ids=("ID1",), urgency=Urgency.PERSON), [], START)
    assert (asked.step, asked.ending) == (Step.DONE, Ending.REMOVED)
    assert before_adding(repair(1, START, old_ids=("ID1",), urgency=Urgency.LINKED), [], START).step is Step.ADDING


def test_a_complete_one_is_followed_rather_than_one_on_its_way() -> None:
    account = Account(Clock())
    account.has(1, DOWNLOADING, 1)
    complete = account.has(1, DOWNLOADED, 1)
    assert before_adding(repair(1, START), account.of(1), START).added_id == complete


# what is noted, how the account is paused, when the hour is free, whether repairs may begin; what holds it up, how long
IN_FLIGHT = {"step": Step.FETCHING, "added_id": "ID9"}
LATER, FAR = START + HOUR, START + 400 * DAY
TURNS = (
    ("now", {}, {}, None, True, Holdup.NOTHING, START),
    ("after its time", {"due_at": LATER}, {}, None, True, Holdup.NOT_YET, LATER),
    ("the account is left alone", {}, {"until": LATER}, None, True, Holdup.ACCOUNT, LATER),
    ("that is over", {}, {"until": START}, None, True, Holdup.NOTHING, START),
    ("too many are active", {}, {"slot_until": LATER}, None, True, Holdup.SLOT, LATER),
    ("enough for this hour", {}, {}, LATER, True, Holdup.HOUR, LATER),
    ("added this morning", {"added_at": START - 3 * HOUR}, {}, None, True, Holdup.DAY, START + 21 * HOUR),
    ("added yesterday", {"added_at": START - DAY}, {}, None, True, Holdup.NOTHING, START),
    ("what lasts longest is told", {"due_at": LATER}, {"until": START + 2 * HOUR}, LATER, True, Holdup.ACCOUNT,
     START + 2 * HOUR),
    ("repairs may not begin", {}, {}, None, False, Holdup.OBSERVING, None),
    ("begun: finished all the same", IN_FLIGHT, {"slot_until": LATER}, LATER, False, Holdup.NOTHING, START),
    ("begun, but the account is left alone", IN_FLIGHT, {"until": LATER}, None, False, Holdup.ACCOUNT, LATER),
    ("only to select: adds nothing", {"added_id": "ID1"}, {"slot_until": LATER}, LATER, True, Holdup.NOTHING, START),
    ("only to delete", {"ending": Ending.VIRUS}, {"slot_until": LATER}, LATER, True, Holdup.NOTHING, START),
    ("only to delete, but repairs may not begin", {"ending": Ending.VIRUS}, {}, None, False, Holdup.OBSERVING, None),
    ("noted when a clock was wrong", {"due_at": FAR, "added_at": FAR}, {"until": FAR, "slot_until": FAR}, FAR, True,
     Holdup.NOTHING, START),
)  # fmt: skip


@pytest.mark.parametrize(
    ("_why", "noted", "paused", "hour", "acting", "holdup", "at"), TURNS, ids=[case[0] for case in TURNS]
)
def test_turn(
    _why: str,
    noted: dict[str, object],
    paused: dict[str, datetime],
    hour: datetime | None,
    acting: bool,  # noqa: FBT001
    holdup: Holdup,
    at: datetime | None,
) -> None:
    pause = AccountPause(**paused)  # type: ignore[arg-type] -- only moments are given
    found = turn(repair(1, START, **noted), LIMITS, pause, hour=hour, acting=acting, now=START)
    assert (found.holdup, found.at) == (holdup, at)


def test_the_queue() -> None:
    """What has begun, then persons, then the library, then what was tried least, then the oldest."""
    expected = [
        repair(6, START, step=Step.DELETING_OLD),
        repair(5, START, urgency=Urgency.PERSON, tries=2),
        repair(4, START, urgency=Urgency.LINKED),
        repair(3, START - HOUR),
        repair(2, START),
        repair(1, START - DAY, tries=1),
    ]
    closed = [repair(8, START, step=Step.DONE), repair(9, START, step=Step.GIVEN_UP)]
    found = queue([*closed, *reversed(expected)], LIMITS, AccountPause(), acting=lambda _repair: True, now=START)
    assert [each for each, _ in found] == expected
    assert [turn.before for _, turn in found] == [0, 1, 2, 3, 4, 5]


def test_the_hour_is_counted_over_what_ended_too() -> None:
    added = [START - timedelta(minutes=number) for number in range(20)]
    assert hour_is_free([*added, None], LIMITS, START) == START + timedelta(minutes=41)
    assert hour_is_free(added[1:], LIMITS, START) is None
    assert hour_is_free([*added, START - HOUR], LIMITS, START + timedelta(minutes=41)) is None
    assert hour_is_free([FAR] * 20, LIMITS, START) is None, "a clock was wrong then"
    assert hour_is_free([*added, *[FAR] * 20], LIMITS, START) == START + timedelta(minutes=41)
    over = [repair(each, START, added_at=at, step=Step.DONE) for each, at in enumerate(added)]
    ((_, waits),) = queue([*over, repair(30, START)], LIMITS, AccountPause(), acting=lambda _repair: True, now=START)
    assert (waits.holdup, waits.at) == (Holdup.HOUR, START + timedelta(minutes=41))


# --- what is noted of it from before


OPENED: tuple[tuple[str, dict[str, object], dict[str, object], Callable[[Repair], bool]], ...] = (
    ("waits: more urgent now", {}, {"urgency": Urgency.LINKED}, lambda r: r.urgency is Urgency.LINKED),
    ("waits: no less urgent", {"urgency": Urgency.PERSON}, {}, lambda r: r.urgency is Urgency.PERSON),
    ("waits: one more entry failed", {"old_ids": ("a",)}, {"old_ids": ("b",)}, lambda r: r.old_ids == ("a", "b")),
    ("under way: nothing else is deleted", {"step": Step.FETCHING}, {"old_ids": ("b",)}, lambda r: r.old_ids == ()),
    ("done before: anew", {"step": Step.DONE, "tries": 2}, {}, lambda r: r.open and r.tries == 0),
    ("done today: when it was added stays known", {"step": Step.DONE, "added_at": START}, {},
     lambda r: r.added_at == START),
    ("refused for ever", {"step": Step.GIVEN_UP, "ending": Ending.REFUSED}, {"urgency": Urgency.PERSON},
     lambda r: not r.open),
    ("a virus", {"step": Step.GIVEN_UP, "ending": Ending.VIRUS}, {"urgency": Urgency.PERSON}, lambda r: not r.open),
    ("a virus waits to be deleted: nothing else is deleted with it", {"old_ids": ("a",), "ending": Ending.VIRUS},
     {"old_ids": ("a", "b"), "urgency": Urgency.PERSON},
     lambda r: (r.task, r.old_ids, r.urgency) == (Task.DELETE, ("a",), Urgency.FAILED)),
    ("one waits to be replaced: a virus beside it is not deleted by that", {"old_ids": ("a",)},
     {"old_ids": ("b",), "ending": Ending.VIRUS}, lambda r: (r.task, r.old_ids) == (Task.READD, ("a",))),
    ("one waits for its files, and fails: both are known", {"added_id": "a"}, {"old_ids": ("a",)},
     lambda r: (r.task, r.old_ids) == (Task.SELECT, ("a",))),
    ("tried too often", {"step": Step.GIVEN_UP, "ending": Ending.EXHAUSTED}, {}, lambda r: not r.open),
    ("tried too often, but a person asks", {"step": Step.GIVEN_UP, "ending": Ending.EXHAUSTED},
     {"urgency": Urgency.PERSON}, lambda r: r.open),
)  # fmt: skip


@pytest.mark.parametrize(("_why", "known", "new", "holds"), OPENED, ids=[case[0] for case in OPENED])
def test_it_is_found_again(
    _why: str, known: dict[str, object], new: dict[str, object], holds: Callable[[Repair], bool]
) -> None:
    assert holds(opened(repair(1, START, **known), repair(1, START, **new), RepairLimits()))


def test_three_tries_hours_apart_and_spread() -> None:
    tried = repair(1, START, step=Step.DELETING_NEW, added_id="ID2", ours=True)
    first = after_deleting_new(tried, LIMITS, START, 0.0)
    assert (first.step, first.tries, first.due_at) == (Step.WAITING, 1, START + 3 * HOUR)
    assert after_deleting_new(tried, LIMITS, START, 1.0).due_at == START + timedelta(hours=3.75)
    third = after_deleting_new(replace(tried, tries=2), LIMITS, START, 0.0)
    assert (third.step, third.ending) == (Step.GIVEN_UP, Ending.EXHAUSTED)
    assert close(tried, Ending.REPAIRED).step is Step.DONE


# --- the same files


def wanted(*numbers: int) -> tuple[WantedFile, ...]:
    return tuple(WantedFile(path=file.path, size_bytes=file.size_bytes) for file in files() if file.id in numbers)


def test_the_same_files_are_chosen_by_path_and_size() -> None:
    assert choose(files(), wanted(3, 1)) == (1, 3)
    assert choose(files(), ()) == (1, 2, 3)
    assert choose(files(count=2), wanted(3)) is None
    assert choose(files(), [WantedFile(path="/file 1.mkv", size_bytes=999)]) is None
    assert choose((), ()) == ()


PATHS = (
    "/Show/Show.S01E01.MKV",
    "/Show/Show.S01E02.mp4",
    "/Show/Subs/Show.S01E01.fr.SRT",
    "/Show/Sample/show.s01e01.mkv",
    "/Show/show-sample.mkv",
    "/Show/Examples of samplers.mkv",
    "/Show/cover.jpg",
    "/Show/.mkv",
    "/Show/README",
)


@pytest.mark.parametrize(
    ("choice", "words", "chosen"),
    [
        (Choice.ALL, (), (1, 2, 3, 4, 5, 6, 7, 8, 9)),
        (Choice.VIDEOS, (), (1, 2, 3, 6, 8)),
        (Choice.LARGEST, (), (9,)),
        (Choice.NAMES, ("s01e01", "COVER"), (1, 3, 4, 7)),
        (Choice.NAMES, ("nothing is called so",), ()),
    ],
)
def test_files_by_rule(choice: Choice, words: tuple[str, ...], chosen: tuple[int, ...]) -> None:
    """An order that was wanted before goes before any rule."""
    there = [
        DebridFile(id=number, path=path, size_bytes=number, selected=False) for number, path in enumerate(PATHS, 1)
    ]
    assert choose(there, (), choice, words) == chosen
    assert choose((), (), choice, words) == ()
    assert choose(there, [WantedFile(path=PATHS[6], size_bytes=7)], choice, words) == (7,)


@pytest.mark.parametrize(
    ("selected", "links", "of", "right"),
    [
        ((1, 3), 2, (1, 3), True),
        ((1, 3), 2, (), True),  # nobody knows which
        ((1, 2, 3), 3, (1, 3), False),
        ((1,), 1, (1, 3), False),
        ((1, 3), 1, (1, 3), False),  # packed into one archive
        ((1, 3), 0, (1, 3), False),
        ((), 0, (), False),
    ],
)
def test_complete_is_not_enough(
    selected: tuple[int, ...],
    links: int,
    of: tuple[int, ...],
    right: bool,  # noqa: FBT001
) -> None:
    account = Account(Clock())
    info = account.entries[account.has(1, DOWNLOADED, *selected, links=links)]
    assert is_as_wanted(info, wanted(*of)) is right


# --- another repairer


def test_what_others_add_is_seen_only_where_something_needed_repair() -> None:
    account = Account(Clock())
    old = account.has(1, ERROR)
    ours = account.has(1, DOWNLOADED, 1, added=START + HOUR)
    other = account.has(1, DOWNLOADED, 1, added=START + 2 * HOUR)
    account.has(2, DOWNLOADED, 1, added=START + 2 * HOUR)  # somebody wants to see it
    account.has(3, DOWNLOADED, 1, added=START - HOUR)  # was there before
    entries = [info.torrent for info in account.entries.values()]
    known = repair(1, START, old_ids=(old,), added_id=ours, our_ids=(ours,))
    found = sightings(entries, [known, repair(3, START)])
    assert found == [Sighting(hash=info_hash(1), id=other, at=START + 2 * HOUR)]
    assert sightings(entries, [replace(known, step=Step.ADDING)]) == []
    ended = replace(known, step=Step.DONE, ended_at=START + HOUR)
    assert sightings(entries, [ended]) == found, "it has just been repaired"
    assert sightings(entries, [replace(ended, ended_at=START - 2 * DAY)]) == [], "long ago"


def test_what_waits_for_its_selection_was_not_added_for_that() -> None:
    """Real-Debrid's times may be of its own zone: what was added a moment ago was added in an hour."""
    account = Account(Clock())
    entry = account.has(1, WAITING, added=START + HOUR)
    listed = [info.torrent for info in account.entries.values()]
    waits = repair(1, START, added_id=entry, trouble=WAITING)
    assert sightings(listed, [waits]) == []
    assert sightings(listed, [replace(waits, step=Step.DONE, ended_at=START)]) == [], "nor once it is selected"


def test_one_may_be_a_person_two_are_a_tool() -> None:
    def seen(number: int, at: datetime) -> Sighting:
        return Sighting(hash=info_hash(number), id=f"{number} {at}", at=at)

    assert stands_back_until([]) is None
    assert stands_back_until([seen(1, START)]) == START + AFTER_ONE
    assert stands_back_until([seen(1, START), seen(1, START + HOUR)]) == START + HOUR + AFTER_ONE
    assert stands_back_until([seen(1, START), seen(2, START + HOUR)]) == START + HOUR + AFTER_SEVERAL
    apart = [seen(1, START), seen(2, START + 3 * DAY)]
    assert stands_back_until(apart) == START + 3 * DAY + AFTER_ONE
    tool = [seen(1, START), seen(2, START), seen(3, START + 3 * DAY)]
    assert stands_back_until(tool) == START + AFTER_SEVERAL
    assert worth_keeping(tool, START + 9 * DAY) == tool[2:]
