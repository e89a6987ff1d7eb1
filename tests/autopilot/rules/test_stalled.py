"""Stalled torrents: patient with what is rare, private, or may come back; never blamed for what others do."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.base import Facts, Later, Surroundings
from custom_components.sokoul.autopilot.rules.stalled import RULE, StalledPolicy
from custom_components.sokoul.model.downloads import DownloadState, TrackerStatus
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, ActKind, Proposal
from custom_components.sokoul.model.library import Privacy
from custom_components.sokoul.model.memory import SubjectMemory
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import (
    NOTHING,
    Row,
    days,
    episodes,
    grabbed,
    hours,
    known,
    minutes,
    of,
    queued,
    row,
    usenet,
)
from tests.autopilot.rules.swarms import FETCHING, NEW, OLD, STALLED, download, having, listed, magnet, tracker
from tests.model import make
from tests.model.make import NOW

ASKED = (ActKind.REANNOUNCE,) * 4
ONCE = (ActKind.REANNOUNCE,)
REPLACE, REANNOUNCE = ActKind.REPLACE, ActKind.REANNOUNCE

PRIVATE, UNKNOWN = of(NEW, private=True), of(NEW, private=None)
DOWN = (tracker(TrackerStatus.UNREACHABLE),)
OUTAGE = Surroundings(failing_trackers=frozenset({"tracker.example"}))
AWAY = Surroundings(arrs_away=frozenset({"radarr"}))


def seen(**ago: float) -> dict[str, int]:
    return {"complete_seen_epoch": make.epoch(**ago)}


def others(number: int = 1) -> tuple[Any, ...]:
    return (make.arr(make.item(number), id="radarr4k", title="Radarr 4K"),)


ROWS = (
    # the ladder
    row("just stalled", download(), minutes(29), NOTHING, facts=NEW),
    row("half an hour: the trackers are asked", download(), minutes(30), REANNOUNCE, facts=NEW, says="heal.stalled"),
    row("asked four times: nothing is left but patience", download(), hours(3), NOTHING, facts=NEW, tried=ASKED),
    row("private: asked once, its tracker counts", download(), hours(3), NOTHING, facts=PRIVATE, tried=ONCE),
    row("unknown privacy: asked once", download(), hours(3), NOTHING, facts=UNKNOWN, tried=ONCE),
    row("six hours: replaced", download(), hours(6), REPLACE, facts=NEW, tried=ASKED, asks=False),
    row("not a minute earlier", download(), hours(6) - minutes(1), NOTHING, facts=NEW, tried=ASKED),
    row("fetching by its state, and nothing comes", download(FETCHING), hours(6), REPLACE, facts=NEW, tried=ASKED),
    row("only the magnet link is known: another rule's", magnet(), hours(99), NOTHING, facts=NEW),
    # patience
    row("private: three days", download(), hours(71), NOTHING, facts=PRIVATE, tried=ONCE),
    row("private, after three days", download(), hours(72), REPLACE, facts=PRIVATE, tried=ONCE),
    row("by its indexer: private", download(), hours(71), NOTHING, tried=ONCE,
        facts=of(UNKNOWN, indexer_privacy=Privacy.PRIVATE)),
    row("by its indexer: semi-private", download(), hours(71), NOTHING, tried=ONCE,
        facts=of(UNKNOWN, indexer_privacy=Privacy.SEMI_PRIVATE)),
    row("by its indexer: public", download(), hours(6), REPLACE, tried=ASKED,
        facts=of(UNKNOWN, indexer_privacy=Privacy.PUBLIC)),
    row("nobody knows whether it is private", download(), hours(71), NOTHING, facts=UNKNOWN, tried=ONCE),
    row("rare: the title is over two years old", download(), hours(71), NOTHING, facts=OLD, tried=ASKED),
    row("rare, after three days, if something else is found", download(), hours(72), REPLACE, facts=OLD, tried=ASKED),
    row("rare: four seeds when it was grabbed", download(), hours(71), NOTHING, facts=of(NEW, grabbed_seeds=4),
        tried=ASKED),
    row("five seeds are not rare", download(), hours(6), REPLACE, facts=of(NEW, grabbed_seeds=5), tried=ASKED),
    row("nobody knows how many seeds: its age tells", download(), hours(6), REPLACE, facts=of(NEW, grabbed_seeds=None),
        tried=ASKED),
    row("rare: four seeds were the most in its first hour", download(), hours(71), NOTHING, tried=ASKED,
        facts=of(NEW, grabbed_seeds=None), memory=SubjectMemory(first_seeds=4)),
    row("five in its first hour", download(), hours(6), REPLACE, tried=ASKED, facts=of(NEW, grabbed_seeds=None),
        memory=SubjectMemory(first_seeds=5)),
    row("what its indexer said counts, not what was seen", download(), hours(6), REPLACE, tried=ASKED,
        facts=of(NEW, grabbed_seeds=5), memory=SubjectMemory(first_seeds=0)),
    row("nobody knows how old it is", download(), hours(71), NOTHING, facts=of(NEW, titles=(known(
        1, released_on=None),)), tried=ASKED),
    row("one of its titles is old", download(), hours(71), NOTHING, tried=ASKED, facts=of(NEW, titles=(
        known(1, released_on=date(2026, 9, 1)), known(2, released_on=date(2020, 1, 1))))),
    # a complete copy
    row("somebody had it all three hours ago", download(**seen(hours=3)), hours(9), NOTHING, facts=NEW, tried=ASKED),
    row("somebody had it all yesterday at this time", download(**seen(hours=24)), hours(9), REPLACE, facts=NEW,
        tried=ASKED),
    row("somebody has it all now, and sends nothing", download(**seen(minutes=0), seeds=1), days(9), NOTHING,
        facts=NEW, tried=ASKED),
    row("nobody was ever seen with all of it", download(), hours(9), REPLACE, facts=NEW, tried=ASKED),
    # not its swarm's fault
    row("the line is dead", download(), days(9), NOTHING, facts=NEW, gate=SHUT),
    row("queued behind others", download(DownloadState.QUEUED), days(9), NOTHING, facts=NEW),
    row("stopped by a person, or by cross-seed for its check", download(DownloadState.STOPPED), days(9), NOTHING,
        facts=NEW),
    row("checking", download(DownloadState.CHECKING), days(9), NOTHING, facts=NEW),
    row("moving", download(DownloadState.MOVING), days(9), NOTHING, facts=NEW),
    row("broken: another rule's", download(DownloadState.ERROR), days(9), NOTHING, facts=NEW),
    row("in a state of a newer version", download(DownloadState.UNKNOWN), days(9), NOTHING, facts=NEW),
    row("complete, and seeds", download(DownloadState.SEEDING, **having(1)), days(9), NOTHING, facts=NEW),
    row("usenet has no swarm", queued(usenet()), days(9), NOTHING, facts=NEW),
    row("its *arr is away", download(), days(9), NOTHING, facts=NEW, tried=ASKED, around=AWAY),
    row("its private tracker is down for others, too", download(), days(9), NOTHING, facts=of(PRIVATE, trackers=DOWN),
        tried=ONCE, around=OUTAGE),
    row("its tracker fails for it alone: it was deleted there", download(), hours(72), REPLACE, tried=ONCE,
        facts=of(PRIVATE, trackers=DOWN)),
    row("one of its trackers is down, another works", download(), hours(72), REPLACE, tried=ONCE, around=OUTAGE,
        facts=of(PRIVATE, trackers=(*DOWN, tracker(host="other.example")))),
    row("public, all its trackers are down: there is the DHT, but patience", download(), hours(71), NOTHING,
        facts=of(NEW, trackers=DOWN), tried=ASKED, around=OUTAGE),
    row("public, all its trackers are down for three days", download(), hours(72), REPLACE,
        facts=of(NEW, trackers=DOWN), tried=ASKED, around=OUTAGE),
    row("a tracker that a person switched off says nothing", download(), hours(6), REPLACE, tried=ASKED, around=OUTAGE,
        facts=of(NEW, trackers=(tracker(TrackerStatus.DISABLED), tracker(host="other.example")))),
    # whose it is
    row("two *arrs wait for it: one would go without", download(others=others()), hours(6), REPLACE, facts=NEW,
        tried=ASKED, asks=True),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_stalled(case: Row) -> None:
    case.check(RULE)


# --- trackers ------------------------------------------------------------------------------------------------------

MORE = StalledPolicy(trackers=("udp://open.example:1337/announce",))


@pytest.mark.parametrize(
    ("facts", "policy", "adds"),
    [
        pytest.param(NEW, MORE, True, id="public"),
        pytest.param(PRIVATE, MORE, False, id="private"),
        pytest.param(UNKNOWN, MORE, False, id="nobody knows"),
        pytest.param(of(UNKNOWN, indexer_privacy=Privacy.SEMI_PRIVATE), MORE, False, id="semi-private"),
        pytest.param(NEW, StalledPolicy(), False, id="none to add"),
    ],
)
def test_public_trackers_are_added_to_public_torrents_only(facts: Facts, policy: StalledPolicy, *, adds: bool) -> None:
    drive = Drive(RULE, policy, facts)
    drive.see(NOW - hours(2), download())
    for at in (90, 60, 30, 10):
        drive.tried(REANNOUNCE, NOW - minutes(at))
    verdict = drive.see(NOW, download())
    assert (isinstance(verdict, Proposal) and verdict.act is ActKind.ADD_TRACKERS) is adds
    if adds:
        assert isinstance(verdict, Proposal)
        assert verdict.parameters == {"trackers": policy.trackers}


# --- packs ---------------------------------------------------------------------------------------------------------

PACK = make.item(titles=episodes(1, 2, 3, 4))
SEASON = tuple(f"Silo.S03/Silo.S03E{number:02}.mkv" for number in range(1, 5))
RECENT = tuple(known(100 + number, released_on=date(2026, 9, 1)) for number in range(1, 5))


def pack(share: float) -> Any:
    return download(items=(PACK,), **having(share))


def season(*progress: float, names: tuple[str, ...] = SEASON) -> Facts:
    files = tuple(replace(file, progress=each) for file, each in zip(listed(*names), progress, strict=True))
    return of(NEW, titles=RECENT, files=files)


PACKS = (
    row("most of it is here: kept for what it has", pack(0.95), days(9), NOTHING, facts=season(1, 1, 1, 0.8),
        tried=ASKED),
    row("half of it is here: another one of the whole", pack(0.5), hours(6), REPLACE, facts=season(1, 1, 0, 0),
        tried=ASKED),
    row("most of it is here, but of no episode all", pack(0.9), hours(6), REPLACE, facts=season(0.9, 0.9, 0.9, 0.9),
        tried=ASKED),
    row("names that tell no episode", pack(0.95), hours(6), REPLACE, tried=ASKED,
        facts=season(1, 1, 1, 0.8, names=("a.mkv", "b.mkv", "c.mkv", "d.mkv"))),
)  # fmt: skip


@pytest.mark.parametrize("case", PACKS, ids=lambda case: case.name)
def test_packs(case: Row) -> None:
    case.check(RULE)


# --- over time -----------------------------------------------------------------------------------------------------


def test_after_the_last_copy_was_seen_it_gets_a_day() -> None:
    drive = Drive(RULE, facts=NEW)
    left = download(**seen(hours=3))
    drive.see(NOW - hours(9), left)
    for at in (120, 90, 60, 30):
        drive.tried(REANNOUNCE, NOW - minutes(at))
    assert drive.see(NOW, left) == Later(hours(9) + hours(21))
    assert isinstance(drive.see(NOW + hours(21), left), Proposal)


def test_time_in_the_queue_does_not_count() -> None:
    """Beyond the maximum of active downloads it waits for its turn, for days: nothing is known of its swarm."""
    drive = Drive(RULE, facts=NEW)
    now = NOW
    for _ in range(10):  # five hours at work, a day in the queue
        drive.see(now, download())
        now += minutes(30)
        drive.see(now, download(DownloadState.QUEUED))
        now += days(1)
    assert drive.memory.elapsed(RULE.key, now) <= hours(5)
    verdict = drive.see(now, download())
    assert not (isinstance(verdict, Proposal) and verdict.act in DESTRUCTIVE_ACTS)


def test_what_was_moved_for_hours_finds_its_peers_first() -> None:
    """A move shows no change while it goes on: its last look was at its beginning."""
    drive = Drive(RULE, facts=NEW)
    drive.see(NOW, download())
    drive.see(NOW + hours(5), download(DownloadState.MOVING))
    drive.see(NOW + hours(9), download())
    assert drive.memory.elapsed(RULE.key, NOW + hours(9) + minutes(30)) == hours(5)
    assert drive.memory.elapsed(RULE.key, NOW + hours(9) + minutes(50)) == hours(5) + minutes(20)


def test_a_state_that_nobody_knows_yet_stops_the_clock() -> None:
    """A newer version may have a name of its own for what says nothing of the swarm."""
    drive = Drive(RULE, facts=NEW)
    drive.see(NOW, download())
    drive.see(NOW + hours(5), download(DownloadState.UNKNOWN))
    drive.see(NOW + hours(9), download())
    assert drive.memory.elapsed(RULE.key, NOW + hours(9) + minutes(30)) == hours(5) + minutes(30)


def test_a_byte_begins_it_anew() -> None:
    drive = Drive(RULE, facts=NEW)
    drive.see(NOW, download())
    drive.see(NOW + hours(5), download(**having(0.401)))
    assert drive.memory.elapsed(RULE.key, NOW + hours(6)) == hours(1)


STATES = st.sampled_from([STALLED, FETCHING, DownloadState.QUEUED, DownloadState.CHECKING, DownloadState.STOPPED])
STEPS = st.lists(st.tuples(STATES, st.integers(1, 180), st.booleans(), st.booleans()), max_size=40)


@given(steps=STEPS, private=st.sampled_from([True, False, None]), age=st.integers(0, 2000))
def test_nothing_is_given_up_that_progressed_within_its_patience_or_while_nobody_could_tell(
    steps: list[tuple[DownloadState, int, bool, bool]], *, private: bool | None, age: int
) -> None:
    """Time is added up here in another way: by the steps in which it surely lasted."""
    released = NOW.date() - timedelta(days=age)
    facts = grabbed(private=private, grabbed_seeds=9, titles=(known(1, released_on=released),))
    drive, now, idle, share, before = Drive(RULE, facts=facts), NOW, timedelta(), 0.1, False
    for state, span, progresses, is_open in steps:
        share += 0.01 * progresses
        verdict = drive.see(now, download(state, **having(share)), **({} if is_open else {"gate": SHUT}))
        idle = timedelta() if progresses else idle
        if isinstance(verdict, Proposal):
            assert is_open
            assert state in {STALLED, FETCHING}
            if verdict.act in DESTRUCTIVE_ACTS:
                assert idle >= (hours(6) if private is False and age <= 730 else hours(72))
            else:
                drive.tried(verdict.act, now)
        before = is_open and state in {STALLED, FETCHING}
        idle += minutes(span) if before else timedelta()
        now += minutes(span)
