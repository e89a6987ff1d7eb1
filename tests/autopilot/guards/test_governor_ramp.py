"""The governor at a machine that gets hot, simulated and recorded: it changes its mind seldom, and takes all back."""

import pytest

from benchmarks.governor import AFTERNOONS, Run, measure, one_threshold, replay, sokoul
from custom_components.sokoul.autopilot.guards.sources import RASPBERRY_PI

SEEDS = range(7, 10)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", AFTERNOONS)
def test_it_changes_its_mind_seldom_and_takes_all_back(kind: str, seed: int) -> None:
    ours = measure(sokoul(), AFTERNOONS[kind], seed)
    # each of the two steps is entered and left, and the pause perhaps once more
    assert ours.changes in {2, 4, 6}
    assert ours.writes <= 2, "the limit, and the person's own; none where that is lower"
    assert ours.restored
    assert ours.hottest_free < RASPBERRY_PI.limit, "no reading from there on was left without a limit"


@pytest.mark.parametrize("kind", AFTERNOONS)
def test_without_hysteresis_the_same_afternoon_is_a_flicker(kind: str) -> None:
    """Else the afternoons would prove nothing."""
    simple = measure(one_threshold(), AFTERNOONS[kind], SEEDS[0])
    assert simple.changes > 40
    assert simple.restored, "it is the limits' doing that they come back, whoever asks for them"


def test_an_afternoon_is_the_same_for_the_same_seed() -> None:
    afternoon = AFTERNOONS["transcoding"][:3]
    runs = [measure(sokoul(), afternoon, seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert isinstance(runs[2], Run)
    assert runs[2] != runs[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recorded_ramp_is_limited_paused_and_let_go_once(seed: int) -> None:
    """The board itself rose above 75 °C three times, on its way up to 84.9 °C."""
    ours, simple = replay(sokoul(), seed), replay(one_threshold(), seed)
    assert ours.changes == 3, "limited, paused, and free once it is over"
    assert ours.writes <= 2
    assert ours.restored
    assert ours.hottest_free < RASPBERRY_PI.limit
    assert simple.changes > 2 * ours.changes
