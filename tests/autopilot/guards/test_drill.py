"""The fire drill, run with the real guard and a client that stops what it is told to."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from custom_components.sokoul.autopilot.guards.drill import (
    Drill,
    DrillFacts,
    DrillPolicy,
    DrillStage,
    advance,
    begin,
    hindrance,
)
from custom_components.sokoul.autopilot.guards.vpn_types import Proof, Protection, VpnState
from tests.autopilot.guards.tunnels import (
    BOUND,
    CRASHED,
    HOME,
    IN_NAMESPACE,
    OPEN,
    SILENT,
    STOPPED,
    UNTOLD,
    Guard,
    at,
    settled,
)

POLICY = DrillPolicy()
LOOK = 0.25


@dataclass
class Exercise:
    """A guard that looks four times a second, and a client with torrents that takes its time."""

    guard: Guard
    running: int = 1000
    held: int = 0
    stops_each_look: int = 600
    starts_each_look: int = 100
    drill: Drill | None = None
    states: list[VpnState] = field(default_factory=list)

    def begin(self) -> None:
        self.drill = begin("qBittorrent", self.guard.now)

    def live(self, seconds: float, **looks: object) -> None:
        for _ in range(round(seconds / LOOK)):
            assert self.drill is not None
            verdict = self.guard.see(LOOK, drill=self.drill.pretends, **looks)
            self.states.append(verdict.state)
            stopping = min(self.stops_each_look, self.running) if verdict.stop else 0
            starting = 0 if verdict.stop or not verdict.gate_open else min(self.starts_each_look, self.held)
            self.running += starting - stopping
            self.held += stopping - starting
            facts = DrillFacts(verdict=verdict, running=self.running, held=self.held)
            self.drill = advance(self.drill, facts, POLICY, self.guard.now)


def exercise(protection: Protection = OPEN, **fields: int) -> Exercise:
    drilled = Exercise(settled(protection), **fields)
    drilled.guard.see(LOOK)
    drilled.begin()
    return drilled


@pytest.mark.parametrize("protection", [IN_NAMESPACE, BOUND, OPEN])
def test_a_drill_measures_and_leaves_everything_as_it_was(protection: Protection) -> None:
    drilled = exercise(protection)
    drilled.live(60)
    assert drilled.drill is not None
    result = drilled.drill.result
    assert result is not None
    assert (result.passed, result.reaction) == (True, timedelta(milliseconds=500))
    assert result.reason.key == "guard.drill_passed"
    assert result.reason.parameters["milliseconds"] == 500
    assert (drilled.running, drilled.held) == (1000, 0)
    assert drilled.states[0] is VpnState.LEAKING
    assert drilled.states[-1] is not VpnState.LEAKING


def test_what_does_not_stop_fails_and_is_started_again() -> None:
    drilled = exercise(stops_each_look=10)
    drilled.live(30)
    assert drilled.drill is not None
    result = drilled.drill.result
    assert result is not None
    assert (result.passed, result.reaction, result.reason.key) == (False, None, "guard.drill_failed_stop")
    assert drilled.held == 0


def test_what_does_not_start_again_is_said() -> None:
    drilled = exercise(starts_each_look=0)
    drilled.live(POLICY.resume_within.total_seconds() + 1)
    assert drilled.drill is not None
    result = drilled.drill.result
    assert result is not None
    assert (result.passed, result.reason.key) == (False, "guard.drill_failed_resume")
    assert result.reason.parameters["count"] == 1000
    assert result.reaction == timedelta(milliseconds=500)


@pytest.mark.parametrize("after", [0.25, 0.5, 1.5])
def test_a_real_leak_wins_at_any_step(after: float) -> None:
    drilled = exercise()
    drilled.live(after)
    drilled.live(0.25, client=at(HOME))
    assert drilled.drill is not None
    result = drilled.drill.result
    assert result is not None
    assert (result.passed, result.reason.key) == (False, "guard.drill_overtaken")
    drilled.live(600)
    assert drilled.guard.verdict is not None
    assert drilled.guard.verdict.proof is Proof.ADDRESS
    assert (drilled.running, drilled.held) == (0, 1000)


def test_a_tunnel_that_goes_down_during_a_drill_wins_too() -> None:
    drilled = exercise()
    drilled.live(0.5)
    drilled.live(1, tunnel=CRASHED)
    assert drilled.drill is not None
    assert drilled.drill.result is not None
    assert drilled.drill.result.reason.key == "guard.drill_overtaken"
    assert drilled.running == 0


def test_a_restart_in_the_middle_leaves_nothing_stopped() -> None:
    drilled = exercise()
    drilled.live(0.5)
    drilled.guard.restart()
    verdict = drilled.guard.watch(5, outside={"one": "203.0.113.7", "two": "203.0.113.7"})
    assert (verdict.state, verdict.stop, verdict.gate_open) == (VpnState.SAFE, False, True)


@pytest.mark.parametrize(
    ("name", "looks", "running", "held", "hinders"),
    [
        ("all is well", {}, 5, 0, None),
        ("nothing runs", {}, 0, 0, "idle"),
        ("it is paused", {}, 5, 3, "busy"),
        ("it leaks", {"client": at(HOME)}, 5, 0, "busy"),
        ("the tunnel is down", {"tunnel": STOPPED}, 5, 0, "busy"),
        ("nobody knows", {"client": UNTOLD}, 5, 0, "unsafe"),
    ],
)
def test_when_there_can_be_a_drill(
    name: str, looks: dict[str, object], running: int, held: int, hinders: str | None
) -> None:
    verdict = settled(OPEN).see(1, **looks)
    reason = hindrance(verdict, client="qBittorrent", running=running, held=held > 0)
    assert (reason and reason.key) == (hinders and f"guard.drill_{hinders}")


def test_what_has_ended_stays_ended() -> None:
    drilled = exercise()
    drilled.live(30)
    ended = drilled.drill
    assert ended is not None
    assert ended.stage is DrillStage.ENDED
    drilled.live(30, client=SILENT)
    assert drilled.drill is ended
