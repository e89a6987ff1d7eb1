"""Short runs of what `scripts/bench soak heal` does at length."""

from datetime import timedelta
from pathlib import Path
import random

import pytest

from benchmarks.month import Month
from benchmarks.soak import kills
from custom_components.sokoul.model.journal import ActKind

MINUTE = timedelta(minutes=1)


async def test_killed_three_times_it_is_consistent(tmp_path: Path) -> None:
    """With the real store; the backends outlive it. What is held against what is told in `benchmarks.soak`."""
    killed = await kills(tmp_path, 3, random.Random())  # noqa: S311
    assert killed.said["replace done"] > 5


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_that_would_arrive_is_given_up(seed: int) -> None:
    """Eleven days: evenings, nights without the NAS, tunnels that connect anew, crashes, and seeds that come and go."""
    month = Month(seed, 11)
    await month.run(15 * MINUTE)
    kinds = {fetch.kind for fetch in month.fetches.values()}
    assert kinds == {"healthy", "slow but moving", "in the evenings", "comes and goes", "in parts", "dead"}
    assert [(entry.rule, fetch.kind) for entry, fetch in month.wrong()] == []
    assert month.missed() == [], "what is dead is noticed"
    assert {entry.act for entry, _ in month.given_up()} == {ActKind.REPLACE}
