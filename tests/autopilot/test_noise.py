"""Hours of the noise of `scripts/bench noise`; and that it would find what it looks for."""

from datetime import datetime, timedelta
import random

import pytest

from benchmarks.noise import DAY, HOUR, MINUTE, SETUPS, START, Client, Truth, Watch
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, VpnPolicy


@pytest.mark.parametrize(("containment", "tells_address"), SETUPS.values(), ids=SETUPS)
async def test_noise_stops_nothing_and_hides_no_leak(containment: Containment, tells_address: bool) -> None:  # noqa: FBT001 -- a case
    watch = Watch(containment, tells_address=tells_address, seed=3, leak_every=HOUR)
    found = await watch.run(4 * HOUR if containment is Containment.OPEN else DAY)
    assert found.leaks > 0
    assert (found.wrongly, found.missed, len(found.noticed)) == ([], [], found.leaks)
    assert len(found.happened) > 4


async def test_a_guard_without_patience_is_caught() -> None:
    """A control server that is silent for a minute is no tunnel that is down."""
    policy = VpnPolicy(tunnel_lasts=timedelta(seconds=11), patience=timedelta())
    watch = Watch(Containment.OPEN, tells_address=True, seed=3, policy=policy)
    assert (await watch.run(3 * HOUR)).wrongly


async def test_a_guard_that_stops_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def close(_client: Client) -> int:
        return 0

    monkeypatch.setattr(Client, "close", close)
    watch = Watch(Containment.BOUND, tells_address=True, seed=3, leak_every=HOUR)
    assert (await watch.run(6 * HOUR)).missed


def test_a_leak_is_still_there_after_a_sleep() -> None:
    truth = Truth(random.Random(1), Containment.OPEN)  # noqa: S311 -- it has to be the same each time
    truth.begin_leak(truth.now)
    truth.sleeps()
    assert truth.now > START + HOUR
    assert truth.leak is not None
    truth.advance(MINUTE)
    assert truth.address_shown() == truth.home


async def test_a_leak_that_nobody_could_see_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither noticed nor missed; one that the client told of is never taken for that."""

    def while_the_client_is_away(self: Truth, at: datetime) -> None:
        begin(self, at)
        self.away["client"] = self.leak_ends_at + MINUTE

    begin = Truth.begin_leak
    monkeypatch.setattr(Truth, "begin_leak", while_the_client_is_away)
    found = await Watch(Containment.BOUND, tells_address=True, seed=3, leak_every=HOUR).run(6 * HOUR)
    assert found.leaks > 0
    assert (len(found.unseen), found.missed, found.noticed) == (found.leaks, [], [])
