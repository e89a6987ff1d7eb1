"""Learning over time: clocks that run, stand still and begin anew, and a pace that is measured."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.observe import NO_END, STRETCH, TORRENT_SETTLES, AnyRule, observe
from custom_components.sokoul.autopilot.rules.base import OPEN, Case, Gate, Rule, Sign, Surroundings
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.memory import NOTHING_KNOWN, SubjectMemory
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.queue import hours, minutes, queued, usenet
from tests.autopilot.rules.swarms import FETCHING, STALLED, download, having, magnet
from tests.model import make
from tests.model.make import GB, NOW, ago

SHUT = Gate(shut=Reason(key="gate.line_dead"))
CHECKING, MOVING = DownloadState.CHECKING, DownloadState.MOVING
QUEUED, STOPPED = DownloadState.QUEUED, DownloadState.STOPPED
ZERO = timedelta()


def rule(*, gated: bool = True, ends_with_progress: bool = False) -> AnyRule:
    """Return a rule whose symptom is a state: stalled is one, fetching is none, of all others nobody can tell."""

    def sign(case: Case, _policy: None) -> Sign:
        return {STALLED: Sign.YES, FETCHING: Sign.NO}.get(case.download.state, Sign.HOLD)

    return Rule(
        key="it",
        policy=type(None),
        sign=sign,
        judge=lambda _case, _policy, _elapsed: None,
        gated=gated,
        ends_with_progress=ends_with_progress,
    )


PLAIN, FREE, BYTES = rule(), rule(gated=False), rule(ends_with_progress=True)


class Life:
    """One download that is looked at now and then, under one rule."""

    def __init__(self, observed: AnyRule = PLAIN, memory: SubjectMemory = NOTHING_KNOWN) -> None:
        self.rule, self.memory = observed, memory

    def see(self, at: timedelta, state: DownloadState = STALLED, gate: Gate = OPEN, **fields: Any) -> SubjectMemory:
        look = fields.pop("look", None) or download(state, **fields)
        case = Case(download=look, now=NOW + at, memory=self.memory, around=Surroundings(gate=gate))
        self.memory = observe(case, [self.rule], lambda _: None)
        return self.memory

    def elapsed(self, at: timedelta) -> timedelta:
        return self.memory.elapsed("it", NOW + at)


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_runs_without_being_looked_at() -> None:
    life = Life()
    life.see(ZERO)
    assert life.elapsed(hours(9)) == hours(9)


def test_a_look_that_shows_nothing_new_is_the_same_memory() -> None:
    life = Life()
    known = life.see(ZERO)
    assert life.see(STRETCH - minutes(1)) is known
    assert life.see(STRETCH) is not known, "the pace was measured"
    known = life.memory
    assert life.see(STRETCH + minutes(1)) is known


def test_when_it_is_over_it_is_forgotten() -> None:
    life = Life()
    life.see(ZERO)
    life.see(hours(2), FETCHING)
    assert not life.memory.clocks
    life.see(hours(3))
    assert life.elapsed(hours(4)) == hours(1)


def test_while_nobody_can_tell_it_stands_still() -> None:
    life = Life()
    life.see(ZERO)
    life.see(hours(2), DownloadState.UNKNOWN)
    assert life.elapsed(hours(9)) == hours(2)
    life.see(hours(9))
    assert life.elapsed(hours(10)) == hours(3)


def test_what_nobody_could_tell_from_the_beginning_has_no_clock() -> None:
    life = Life()
    life.see(ZERO, DownloadState.UNKNOWN)
    assert not life.memory.clocks


def test_a_shut_gate_stops_it() -> None:
    life = Life()
    life.see(ZERO)
    life.see(hours(2), gate=SHUT)
    life.see(hours(9))
    assert life.elapsed(hours(10)) == hours(3)


def test_a_rule_whose_evidence_needs_no_line_goes_on() -> None:
    life = Life(FREE)
    life.see(ZERO, gate=SHUT)
    assert life.elapsed(hours(2)) == hours(2)


@pytest.mark.parametrize(("observed", "elapsed"), [(BYTES, hours(1)), (PLAIN, hours(3))])
def test_a_byte_proves_wrong_who_says_that_nothing_arrives(observed: AnyRule, elapsed: timedelta) -> None:
    life = Life(observed)
    life.see(ZERO)
    life.see(hours(2), **having(0.401))
    assert life.elapsed(hours(3)) == elapsed


@pytest.mark.parametrize(("state", "elapsed"), [(CHECKING, hours(1)), (MOVING, hours(1)), (QUEUED, hours(3))])
def test_while_its_client_is_at_work_no_evidence_of_the_line_counts(state: DownloadState, elapsed: timedelta) -> None:
    """Whatever a rule says; one that judges what waits in a queue knows what it does."""
    life = Life(replace(PLAIN, sign=lambda _case, _policy: Sign.YES))
    life.see(ZERO)
    life.see(hours(1), state)
    assert life.elapsed(hours(3)) == elapsed


# --- settling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [CHECKING, MOVING, QUEUED, STOPPED])
def test_what_was_at_work_or_waited_gets_time_to_find_its_peers(state: DownloadState) -> None:
    life = Life()
    life.see(ZERO)
    life.see(hours(2), state)
    life.see(hours(5))
    assert life.elapsed(hours(5) + TORRENT_SETTLES) == hours(2)
    assert life.elapsed(hours(6) + TORRENT_SETTLES) == hours(3)


@pytest.mark.parametrize("state", [CHECKING, MOVING, QUEUED, STOPPED])
def test_it_also_gets_it_when_nobody_looked_meanwhile(state: DownloadState) -> None:
    """A move of a day shows nothing new for a day: its end is what counts, not its last look."""
    life = Life()
    life.see(ZERO, state)
    life.see(hours(24))
    assert life.elapsed(hours(24) + TORRENT_SETTLES) == ZERO
    assert life.elapsed(hours(25) + TORRENT_SETTLES) == hours(1)


def test_it_needs_no_look_to_begin() -> None:
    life = Life()
    life.see(ZERO, CHECKING)
    known = life.see(minutes(1))
    assert life.see(TORRENT_SETTLES, STALLED) == known
    assert life.elapsed(minutes(1) + TORRENT_SETTLES + hours(1)) == hours(1)


def test_another_check_while_it_settles() -> None:
    life = Life()
    life.see(ZERO, CHECKING)
    life.see(minutes(10))
    life.see(minutes(20), CHECKING)
    life.see(hours(3))
    assert life.elapsed(hours(3) + TORRENT_SETTLES) == ZERO
    assert life.elapsed(hours(4) + TORRENT_SETTLES) == hours(1)


def test_a_gate_that_shuts_while_it_settles() -> None:
    life = Life()
    life.see(ZERO, CHECKING)
    life.see(minutes(1))
    life.see(minutes(5), gate=SHUT)
    life.see(minutes(10))
    assert life.elapsed(minutes(1) + TORRENT_SETTLES) == ZERO
    assert life.elapsed(minutes(31) + TORRENT_SETTLES) == minutes(30)


def test_a_byte_does_not_shorten_it() -> None:
    life = Life(BYTES)
    life.see(ZERO, CHECKING)
    life.see(minutes(1))
    life.see(minutes(2), **having(0.41))
    assert life.elapsed(minutes(1) + TORRENT_SETTLES) == ZERO


def test_a_restart_while_it_moves_is_no_end_of_it() -> None:
    life = Life()
    life.see(ZERO, MOVING)
    assert life.memory.settling_until == NO_END
    stored = SubjectMemory.from_json(life.memory.as_json(), NOW + hours(1))
    life = Life(memory=stored)
    life.see(hours(9))
    assert life.elapsed(hours(9) + TORRENT_SETTLES) == ZERO


def test_what_needs_no_line_needs_no_settling() -> None:
    life = Life(FREE)
    life.see(ZERO, CHECKING)
    life.see(minutes(1))
    assert life.elapsed(minutes(11)) == minutes(10)


def test_usenet_does_not_settle() -> None:
    life = Life()
    life.see(ZERO, look=queued(usenet()))
    assert life.memory.settling_until is None


# --- progress and pace -----------------------------------------------------------------------------------------------


def test_progress_is_more_bytes_than_ever() -> None:
    life = Life()
    life.see(ZERO, **having(0.5))
    assert life.memory.progressed_at == NOW
    life.see(hours(1), **having(0.5))
    assert life.memory.progressed_at == NOW
    life.see(hours(2), **having(0.6))
    assert life.memory.progressed_at == NOW + hours(2)


def test_what_a_check_found_missing_is_no_progress_but_what_comes_again_is() -> None:
    life = Life()
    life.see(ZERO, **having(0.5))
    life.see(hours(1), **having(0.3))
    assert (life.memory.have_bytes, life.memory.progressed_at) == (round(1.2 * GB), NOW)
    life.see(hours(2), **having(0.4))
    assert life.memory.progressed_at == NOW + hours(2)


def test_a_magnet_link_has_nothing() -> None:
    life = Life()
    life.see(ZERO, look=magnet())
    assert (life.memory.have_bytes, life.memory.progressed_at) == (0, None)


def rate(life: Life) -> float | None:
    return life.memory.pace.rate if life.memory.pace else None


def test_the_pace_is_that_of_a_whole_stretch() -> None:
    life = Life()
    life.see(ZERO, FETCHING, **having(0.1))
    life.see(STRETCH / 2, FETCHING, **having(0.2))
    assert rate(life) is None
    life.see(STRETCH, FETCHING, **having(0.2))
    assert rate(life) == pytest.approx(0.1 * 4 * GB / STRETCH.total_seconds())
    life.see(STRETCH * 2, FETCHING, **having(0.2))
    assert rate(life) == 0


@pytest.mark.parametrize("interruption", [{"state": QUEUED}, {"state": CHECKING}, {"gate": SHUT}])
def test_what_could_not_be_trusted_is_not_measured(interruption: dict[str, Any]) -> None:
    life = Life()
    life.see(ZERO, **having(0.1))
    life.see(STRETCH / 2, **interruption, **having(0.1))
    assert life.memory.pace is None
    life.see(STRETCH, **having(0.1))
    assert rate(life) is None


def test_bytes_that_were_lost_are_no_pace() -> None:
    life = Life()
    life.see(ZERO, **having(0.5))
    life.see(STRETCH, **having(0.3))
    assert rate(life) is None


# --- how many shared it when it was added ----------------------------------------------------------------------------


def at_first(minutes_ago: float = 30, **fields: Any) -> Download:
    """Return a torrent that was added so long ago."""
    return download(**{"added_epoch": make.epoch(minutes=minutes_ago)} | fields)


def new_magnet(**fields: Any) -> Download:
    return magnet(added_epoch=make.epoch(minutes=30), **fields)


@pytest.mark.parametrize(
    ("look", "gate", "seeds"),
    [
        pytest.param(at_first(swarm_seeds=24, swarm_peers=9), OPEN, 24, id="a tracker counts them"),
        pytest.param(at_first(swarm_seeds=0, swarm_peers=9), OPEN, 0, id="a tracker counts others, and no seed"),
        pytest.param(at_first(swarm_seeds=0, swarm_peers=1), OPEN, 0, id="a tracker answered: it counts us"),
        pytest.param(at_first(swarm_seeds=0, seeds=2), OPEN, 2, id="more are connected than the tracker knows of"),
        pytest.param(at_first(swarm_seeds=0, peers=3), OPEN, 0, id="others are connected, none is a seed"),
        pytest.param(at_first(swarm_seeds=0, swarm_peers=0), OPEN, None, id="nobody answered: the client says zero"),
        pytest.param(at_first(), OPEN, None, id="the client says nothing"),
        pytest.param(new_magnet(swarm_seeds=3), OPEN, 3, id="a magnet link"),
        pytest.param(at_first(60, swarm_seeds=24), OPEN, 24, id="an hour after it was added"),
        pytest.param(at_first(61, swarm_seeds=24), OPEN, None, id="later"),
        pytest.param(at_first(added_epoch=0, swarm_seeds=24), OPEN, None, id="nobody knows when it was added"),
        pytest.param(at_first(-2, swarm_seeds=24), OPEN, 24, id="the clock of its client is fast"),
        pytest.param(at_first(swarm_seeds=0, swarm_peers=1), SHUT, None, id="the evidence can't be trusted"),
        pytest.param(queued(usenet(added_at=ago(minutes=30))), OPEN, None, id="usenet"),
    ],
)
def test_how_many_shared_it_at_first(look: Download, gate: Gate, seeds: int | None) -> None:
    assert Life().see(ZERO, gate=gate, look=look).first_seeds == seeds


def test_the_most_that_were_seen_count() -> None:
    life = Life()
    for at, seeds in ((0, 0), (5, 7), (10, 3)):
        life.see(minutes(at), look=at_first(swarm_seeds=seeds, swarm_peers=2))
    known = life.memory
    assert known.first_seeds == 7
    assert life.see(minutes(15), look=at_first(swarm_seeds=7, swarm_peers=9)) is known
    assert life.see(minutes(40), look=at_first(swarm_seeds=99)).first_seeds == 7, "that is what it has now"


# --- whatever happens ------------------------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.sampled_from(DownloadState), st.integers(0, 300), st.booleans()), max_size=30)


@given(STEPS)
def test_a_clock_never_counts_more_than_what_was_seen(steps: list[tuple[DownloadState, int, bool]]) -> None:
    life, now, seen = Life(), ZERO, ZERO
    for state, span, is_open in steps:
        life.see(now, state, OPEN if is_open else SHUT)
        now += minutes(span)
        seen += minutes(span) if state is STALLED and is_open else ZERO
        assert life.elapsed(now) <= seen


@given(STEPS, st.integers(1, 29))
def test_a_restart_never_adds_time(steps: list[tuple[DownloadState, int, bool]], at: int) -> None:
    """Stored and read again, a memory counts the same as one that went on, or less for the time that it was away."""
    life, other, now = Life(), Life(), ZERO
    for number, (state, span, is_open) in enumerate(steps):
        gate = OPEN if is_open else SHUT
        if number == at:
            other.memory = SubjectMemory.from_json(other.memory.as_json(), _moment(now))
        life.see(now, state, gate)
        other.see(now, state, gate)
        now += minutes(span)
        assert other.elapsed(now) == life.elapsed(now)


def _moment(now: timedelta) -> datetime:
    return NOW + now


def test_looking_twice_is_looking_once() -> None:
    life = Life(BYTES)
    once = life.see(ZERO, **having(0.5))
    assert life.see(ZERO, **having(0.5)) == once
