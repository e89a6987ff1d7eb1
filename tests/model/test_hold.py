"""What is held stopped, by several at once, and what starts again when one of them lets go."""

from collections.abc import Mapping
from itertools import permutations

import pytest

from custom_components.sokoul.model.downloads import DownloadClientSnapshot, DownloadState, Torrent
from custom_components.sokoul.model.hold import Activity, Hold, Holder, Start, activity, as_told

RUNS, RESTS = DownloadState.STALLED, DownloadState.STOPPED
SEEDS, DONE = DownloadState.SEEDING, DownloadState.COMPLETED
CHECKS, LOST = DownloadState.CHECKING, DownloadState.MISSING_FILES
PERSON, VPN, GOVERNOR = Holder.PERSON, Holder.VPN, Holder.GOVERNOR


def look(forced: str = "", added: Mapping[str, int] | None = None, **states: DownloadState) -> DownloadClientSnapshot:
    """Return a client with torrents in these states; those named in `forced` were started past the queue."""
    torrents = {
        key: Torrent(hash=key, name=key, state=state, forced=key in forced, added_epoch=(added or {}).get(key, 1))
        for key, state in states.items()
    }
    return DownloadClientSnapshot(revision=1, version="5.3.0", torrents=torrents)


def test_every_state_is_judged() -> None:
    judged = {state: activity(Torrent(hash="a", name="a", state=state)) for state in DownloadState}
    assert {state for state, found in judged.items() if found is Activity.HIDDEN} == {
        DownloadState.CHECKING,
        DownloadState.MOVING,
        DownloadState.UNKNOWN,
    }
    assert {state for state, found in judged.items() if found is Activity.RESTS} == {
        DownloadState.STOPPED,
        DownloadState.COMPLETED,
    }


@pytest.mark.parametrize(
    ("holder", "stopped_at_once"),
    [(PERSON, {"leeches", "seeds"}), (VPN, {"leeches", "seeds"}), (GOVERNOR, {"leeches"})],
)
def test_what_a_holder_stops(holder: Holder, stopped_at_once: set[str]) -> None:
    now = look(leeches=RUNS, seeds=SEEDS, rests=RESTS, done=DONE, checks=CHECKS, lost=LOST)
    hold = Hold.begin(holder, now)
    assert hold.to_stop(now) == stopped_at_once
    assert hold.hidden == {"checks"}


@pytest.mark.parametrize(
    ("holder", "told"),
    [(PERSON, set()), (VPN, {"was running", "rested"}), (GOVERNOR, set())],
)
def test_what_is_started_meanwhile(holder: Holder, told: set[str]) -> None:
    """A person may, but not while the VPN leaks; then it is noted, and started afterwards."""
    hold = Hold.begin(holder, look(**{"was running": RUNS, "rested": RESTS}))
    hold = hold.follow(look(**{"was running": RESTS, "rested": RESTS}))
    assert hold.stopped == {"was running"}
    started = look(**{"was running": RUNS, "rested": RUNS})
    hold = hold.follow(started)
    assert hold.to_stop(started) == told
    assert hold.to_start == told


@pytest.mark.parametrize("holder", Holder)
def test_what_did_not_stop_is_told_again(holder: Holder) -> None:
    now = look(a=RUNS)
    hold = Hold.begin(holder, now).follow(now)
    assert hold.to_stop(now) == {"a"}


@pytest.mark.parametrize("holder", Holder)
def test_a_newcomer(holder: Holder) -> None:
    hold = Hold.begin(holder, look(old=RESTS))
    later = look(old=RESTS, runs=RUNS, rests=RESTS, checks=CHECKS, added={"runs": 2, "rests": 2, "checks": 2})
    hold = hold.follow(later)
    assert hold.to_stop(later) == {"runs"}
    assert hold.hidden == {"checks"}
    out_of_the_check = look(old=RESTS, runs=RESTS, rests=RESTS, checks=RUNS)
    hold = hold.follow(out_of_the_check)
    assert hold.to_stop(out_of_the_check) == {"checks"}
    assert hold.to_start == {"runs", "checks"}


def test_what_it_was_told_counts_more_than_what_its_state_says() -> None:
    """A state follows up to 1.5 s later, and a torrent that is checked or moved doesn't say whether it may run."""
    states = look(
        runs=RUNS, stopped_just_now=SEEDS, rests=RESTS, started_just_now=DONE,
        moves=DownloadState.MOVING, checks=CHECKS, lost=LOST,
    )  # fmt: skip
    told = as_told(states, frozenset({"runs", "started_just_now", "moves", "lost", "unheard of"}))
    assert Hold.begin(VPN, told).to_stop(told) == {"runs", "started_just_now", "moves"}
    assert Hold.begin(VPN, told).hidden == set()
    assert told.torrents.keys() == states.torrents.keys()
    broken_too = as_told(states, frozenset({"runs", "lost"}), broken_too=True)
    assert Hold.begin(VPN, broken_too).to_stop(broken_too) == {"runs", "lost"}
    agreeing = look(runs=RUNS, rests=RESTS, lost=LOST)
    assert as_told(agreeing, frozenset({"runs"})) is agreeing


def test_what_was_forced_is_forced_again() -> None:
    hold = Hold.begin(PERSON, look(forced="a", a=RUNS, b=RUNS)).follow(look(a=RESTS, b=RESTS))
    assert hold.release(look(a=RESTS, b=RESTS)) == Start(ordinarily=frozenset({"b"}), forced=frozenset({"a"}))


def test_what_lost_its_files_or_is_gone_is_not_started() -> None:
    hold = Hold.begin(PERSON, look(a=RUNS, b=RUNS, c=RUNS))
    hold = hold.follow(look(a=RESTS, b=LOST))
    assert hold.release(look(a=RESTS, b=LOST)).all == {"a"}


STOPPED = look(a=RESTS, seeds=DONE, rested=RESTS)


def test_what_is_to_start_with_the_rest_does() -> None:
    """It was stopped before, but what stopped it is over."""
    now = look(leeches=RUNS, rests=RESTS)
    hold = Hold.begin(PERSON, now).along_with("rests")
    after = look(leeches=RESTS, rests=RESTS)
    assert hold.follow(after).release(after).all == {"leeches", "rests"}


# --- a newcomer, and more than one holder ----------------------------------------------------------------------------

OLD = look(old=RESTS)
COMES_LATER = {"new": 2}

#: What the one who comes second finds, when the first has told the newcomer to stop.
FOUND = {
    "it rests": look(old=RESTS, new=RESTS, added=COMES_LATER),
    "it is checked": look(old=RESTS, new=CHECKS, added=COMES_LATER),
    "its state follows late": look(forced="new", old=RESTS, new=RUNS, added=COMES_LATER),
}


def told_to_stop(hold: Hold) -> Hold:
    """Let it come while only one holder looks, who tells it to stop."""
    comes = look(forced="new", old=RESTS, new=RUNS, added=COMES_LATER)
    hold = hold.follow(comes)
    assert hold.to_stop(comes) == {"new"}
    return hold


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
@pytest.mark.parametrize(("first", "second"), permutations(Holder, 2))
def test_a_newcomer_that_another_stopped_is_started_by_who_ends_last(
    first: Holder, second: Holder, found: DownloadClientSnapshot
) -> None:
    one, two = told_to_stop(Hold.begin(first, OLD)), Hold.begin(second, OLD)
    one, two = one.follow(found, [two]), two.follow(found, [one])
    rests = look(old=RESTS, new=RESTS, added=COMES_LATER)
    one, two = one.follow(rests, [two]), two.follow(rests, [one])
    for ends, stays in ((one, two), (two, one)):
        assert ends.release(rests, [stays]) == Start()
        assert stays.follow(rests).release(rests) == Start(forced=frozenset({"new"}))


@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
@pytest.mark.parametrize(("first", "second"), permutations(Holder, 2))
def test_nor_does_one_slip_that_is_stopped_while_another_begins_or_ends(
    first: Holder, second: Holder, found: DownloadClientSnapshot
) -> None:
    begins = Hold.begin(first, look(forced="new", old=RESTS, new=RUNS, added=COMES_LATER), [Hold.begin(second, OLD)])
    ending = told_to_stop(Hold.begin(first, OLD)).without(frozenset())
    for other in (begins, ending):
        assert Hold.begin(second, OLD).follow(found, [other]).to_start == {"new"}


@pytest.mark.parametrize(("first", "second"), permutations(Holder, 2))
def test_a_newcomer_that_was_checked_when_it_came_and_then_stopped(first: Holder, second: Holder) -> None:
    """One that is not strict waits for the end of the check; the guard is told who runs, and does not."""
    checks = look(old=RESTS, new=CHECKS, added=COMES_LATER)
    two = Hold.begin(second, OLD).follow(checks)
    assert two.hidden == {"new"}
    one = Hold.begin(first, look(old=RESTS, new=RUNS, added=COMES_LATER), [two])
    rests = look(old=RESTS, new=RESTS, added=COMES_LATER)
    assert two.follow(rests, [one]).to_start == {"new"}


@pytest.mark.parametrize("second", [PERSON, GOVERNOR])
def test_a_newcomer_that_another_stopped_and_a_person_started_is_theirs(second: Holder) -> None:
    """Also when it was checked as it was found stopped."""
    for found in (FOUND["it rests"], FOUND["it is checked"]):
        two = Hold.begin(second, OLD).follow(found, [told_to_stop(Hold.begin(VPN, OLD))])
        started = look(old=RESTS, new=RUNS, added=COMES_LATER)
        assert two.follow(started).to_start == set()


@pytest.mark.parametrize(("first", "second"), permutations(Holder, 2))
def test_a_newcomer_that_a_person_added_stopped_stays_so(first: Holder, second: Holder) -> None:
    rests = look(old=RESTS, new=RESTS, added=COMES_LATER)
    one, two = Hold.begin(first, OLD).follow(rests), Hold.begin(second, OLD)
    assert two.follow(rests, [one]).to_start == set()
    assert Hold.begin(second, rests, [one]).to_start == set()


@pytest.mark.parametrize(("first", "second"), permutations(Holder, 2))
def test_what_was_removed_and_added_again_stopped_is_not_what_another_holds(first: Holder, second: Holder) -> None:
    """Whoever has looked since knows that; whoever has not still has its hash."""
    one, two = told_to_stop(Hold.begin(first, OLD)), Hold.begin(second, OLD)
    again = look(old=RESTS, new=RESTS, added={"new": 3})
    assert two.follow(again, [one]).to_start == set()
    assert Hold.begin(second, again, [one]).to_start == set()


def test_a_newcomer_that_is_complete_is_none_of_the_governor_s_business() -> None:
    seeds = look(old=RESTS, new=SEEDS, added=COMES_LATER)
    guard = Hold.begin(VPN, OLD).follow(seeds)
    assert guard.to_stop(seeds) == {"new"}
    done = look(old=RESTS, new=DONE, added=COMES_LATER)
    governor = Hold.begin(GOVERNOR, OLD).follow(done, [guard])
    assert guard.follow(done, [governor]).release(done, [governor]).all == {"new"}


@pytest.mark.parametrize(("first", "second"), permutations(Holder, 2))
def test_who_has_not_looked_since_it_came_has_yet_to_judge_it(first: Holder, second: Holder) -> None:
    """Before another starts it."""
    one, two = told_to_stop(Hold.begin(first, OLD)), Hold.begin(second, OLD)
    rests = look(old=RESTS, new=RESTS, added=COMES_LATER)
    assert two.has_to_judge(one.to_start, rests)
    assert not two.has_to_judge(frozenset({"old"}), rests)
    assert not two.follow(rests, [one]).has_to_judge(one.to_start, rests)
    assert two.follow(look(old=RESTS, new=CHECKS, added=COMES_LATER)).has_to_judge(one.to_start, rests)
    assert not two.without(frozenset()).has_to_judge(one.to_start, rests), "it stops nothing any more"


@pytest.mark.parametrize("ends_first", ["the first", "the second"])
@pytest.mark.parametrize(("first", "second"), [(PERSON, VPN), (VPN, PERSON)])
def test_who_ends_last_starts_what_ran_before(first: Holder, second: Holder, ends_first: str) -> None:
    before = look(forced="a", a=RUNS, seeds=SEEDS, rested=RESTS)
    one = Hold.begin(first, before).follow(STOPPED)
    two = Hold.begin(second, STOPPED, [one]).follow(STOPPED)
    ends, stays = (one, two) if ends_first == "the first" else (two, one)
    assert ends.release(STOPPED, [stays]) == Start()
    assert stays.follow(STOPPED).release(STOPPED) == Start(ordinarily=frozenset({"seeds"}), forced=frozenset({"a"}))


def test_the_governor_takes_over_only_what_is_not_complete() -> None:
    paused = Hold.begin(PERSON, look(a=RUNS, seeds=SEEDS, rested=RESTS)).follow(STOPPED)
    governor = Hold.begin(GOVERNOR, STOPPED, [paused])
    assert governor.to_start == {"a"}
    assert paused.release(STOPPED, [governor]).all == {"seeds"}
    assert governor.release(STOPPED).all == {"a"}


def test_while_it_ends_nothing_is_stopped_any_more() -> None:
    hold = Hold.begin(VPN, look(a=RUNS, b=RUNS)).follow(look(a=RESTS, b=RESTS)).without(frozenset({"a"}))
    half = look(a=RUNS, b=RESTS)
    hold = hold.follow(half)
    assert hold.to_stop(half) == set()
    assert hold.release(half).all == {"b"}


def test_when_it_begins_again_while_it_ends_nothing_is_forgotten() -> None:
    """The tunnel came back, a part was started, and it is gone again."""
    hold = Hold.begin(VPN, look(forced="b", a=RUNS, b=RUNS)).follow(look(a=RESTS, b=RESTS)).without(frozenset({"a"}))
    half = look(a=RUNS, b=RESTS)
    again = Hold.begin(VPN, half, [hold])
    assert again.to_stop(half) == {"a"}
    assert again.release(look(a=RESTS, b=RESTS)) == Start(ordinarily=frozenset({"a"}), forced=frozenset({"b"}))


def test_a_note_is_read_back_as_it_was_written() -> None:
    hold = Hold.begin(PERSON, look(forced="a", a=SEEDS, b=CHECKS, added={"a": 5, "b": 7}))
    assert hold.stopping == {"a"}
    assert hold.hidden == {"b"}
    assert Hold.load(PERSON, hold.dump()) == hold
    ending = hold.without(frozenset({"a"}))
    assert Hold.load(PERSON, ending.dump()) == ending
    assert Hold.load(PERSON, {"hashes": ["a"]}).to_start == set()  # of another version: no reason to fail at every look
