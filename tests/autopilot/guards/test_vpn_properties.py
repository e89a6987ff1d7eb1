"""Days of ordinary noise around a tunnel: nothing of it is a leak, and a leak in the middle of it is seen at once.

The world here is told apart from what is seen of it: it knows where traffic really goes out, and everything that
people see in real houses goes wrong around that. It reconnects every few hours, services that tell addresses fail and
lie, qBittorrent restarts, Gluetun refuses to answer or is away, the address at home changes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.sokoul.autopilot.guards.vpn_types import Proof, Protection, Verdict, VpnState
from custom_components.sokoul.model.vpn import VpnSnapshot, VpnStatus
from tests.autopilot.guards.tunnels import (
    BOUND,
    BOUND_ALONE,
    CRASHED,
    IN_NAMESPACE,
    NO_ADDRESS_YET,
    OPEN,
    OPEN_ALONE,
    REFUSED,
    SILENT,
    STARTING,
    UNTOLD,
    Guard,
    at,
    bound,
    say,
)

STEP = 10  # seconds
HOUR = 3600 // STEP
DAY = 24 * HOUR
SERVICES = ("one", "two", "three")
CONTAINED = [IN_NAMESPACE, BOUND, BOUND_ALONE]
EVERYBODY = [*CONTAINED, OPEN, OPEN_ALONE]


@dataclass
class House:
    """A house with a tunnel, in steps of ten seconds. `leaking`: the client's traffic goes past the tunnel."""

    protection: Protection
    dice: Random
    leaking: bool = False
    liar: str = "three"
    step: int = 0
    home: str = "203.0.113.7"
    end: str = "198.51.100.1"
    reconnecting: int = 0  # steps to go
    gluetun_away: int = 0
    refused: int = 0
    shown: str | None = "198.51.100.1"
    restarting: int = 0
    steady: int = 0  # so long it doesn't reconnect
    unnoticed: int = 0  # the client goes on to show where the tunnel ended before
    services_away: int = 0
    asked: bool = False  # the guard wants to know
    asked_after: datetime | None = None
    said: dict[str, dict[str, str]] = field(default_factory=dict)

    def chance(self, per_hours: float) -> bool:
        return self.dice.random() < 1 / (per_hours * HOUR)

    def live(self) -> dict[str, object]:
        """Let a step pass, and return what can be seen then."""
        self.step += 1
        for name in ("reconnecting", "gluetun_away", "refused", "restarting", "unnoticed", "services_away", "steady"):
            setattr(self, name, max(0, getattr(self, name) - 1))
        if self.chance(4) and not self.steady:
            self.reconnecting = self.dice.randint(1, 9)
            self.end = f"198.51.100.{self.dice.randint(1, 5)}"
            self.unnoticed = self.reconnecting + self.dice.randint(0, 12)
        if self.chance(24):
            self.restarting = self.dice.randint(1, 6)
        if self.chance(24):
            self.home = f"203.0.113.{self.dice.randint(1, 9)}"
        self.gluetun_away = self.dice.randint(1, 20) if self.chance(12) else self.gluetun_away
        self.refused = self.dice.randint(1, 200) if self.chance(24) else self.refused
        self.services_away = self.dice.randint(60, 3000) if self.chance(24) else self.services_away
        return {"client": self._client(), "settings": self._settings(), "tunnel": self._tunnel(), **self._services()}

    def _client(self) -> object:
        if self.restarting:
            self.shown = None
            return SILENT
        if self.leaking:
            self.shown = self.home
        elif not self.unnoticed and not self.reconnecting and (self.shown is not None or self.dice.random() < 0.1):
            self.shown = self.end
        return at(self.shown) if self.shown else UNTOLD

    def _settings(self) -> object:
        return SILENT if self.restarting else bound("tun0")

    def _tunnel(self) -> object:
        if self.gluetun_away:
            return SILENT
        if self.refused:
            return REFUSED
        if self.reconnecting:
            return (NO_ADDRESS_YET, STARTING, CRASHED)[min(self.reconnecting - 1, 2)]
        return VpnSnapshot(status=VpnStatus.RUNNING, public_ip=self.end)

    def _services(self) -> dict[str, dict[str, str]]:
        """Ask them every half hour, and when something changed.

        One of them lies now and then: with anybody's address, the tunnel's, or ours.
        """
        if self.services_away or (self.step % 180 != 1 and not self.asked):
            return {}
        outside, through = say(self.home, *SERVICES), say(self.end, *SERVICES)
        if self.dice.random() < 0.5:
            lie = self.dice.choice([self.end, self.home, "192.0.2.66", "not an address", "10.0.0.1"])
            outside[self.liar] = through[self.liar] = lie
        for service in SERVICES:
            if self.dice.random() < 0.2:
                outside.pop(service)
            if self.dice.random() < 0.2 or self.reconnecting:
                through.pop(service)
        return {"outside": outside, "through": through if self.protection.proxy else {}}


def begin(protection: Protection, seed: int) -> tuple[House, Guard]:
    return House(protection, Random(seed)), Guard(protection)  # noqa: S311 -- a test


def look(house: House, guard: Guard) -> Verdict:
    house.asked = guard.verdict is not None and guard.verdict.ask and guard.verdict.ask_after != house.asked_after
    house.asked_after = guard.verdict.ask_after if guard.verdict is not None else None
    return guard.see(STEP, **house.live())


SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("protection", EVERYBODY, ids=lambda each: f"{each.containment}, {each.gluetun}")
@settings(max_examples=2, deadline=None)
@given(seed=SEEDS)
def test_a_day_of_noise_is_never_called_a_leak(protection: Protection, seed: int) -> None:
    house, guard = begin(protection, seed)
    seen: set[VpnState] = set()
    for _ in range(DAY):
        verdict = look(house, guard)
        seen.add(verdict.state)
        assert verdict.state is not VpnState.LEAKING, (house, verdict)
        assert verdict.proof is None
        if protection in CONTAINED:
            assert not verdict.stop
        elif verdict.stop:
            # where it ends is known from Gluetun: while that doesn't tell, a new end may be in doubt
            untold = bool(house.gluetun_away or house.refused)
            assert verdict.state is VpnState.DOWN or (verdict.state is VpnState.DOUBTFUL and untold), (house, verdict)
        assert not (verdict.stop and verdict.gate_open)
    assert seen & {VpnState.SAFE, VpnState.CONTAINED}


@pytest.mark.parametrize("protection", EVERYBODY, ids=lambda each: f"{each.containment}, {each.gluetun}")
@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, quiet=st.integers(HOUR, 6 * HOUR))
def test_a_leak_in_the_noise_is_seen_at_its_first_evidence(protection: Protection, seed: int, quiet: int) -> None:
    """The first evidence: the client shows an address that was told to be ours."""
    house, guard = begin(protection, seed)
    for _ in range(quiet):
        look(house, guard)
    house.leaking, house.reconnecting, house.steady = True, 0, 2 * HOUR
    for _ in range(2 * HOUR):
        verdict = look(house, guard)
        known = {str(home.place).partition("/")[0] for home in guard.memory.homes}
        if not house.restarting and house.shown in known:
            assert (verdict.state, verdict.stop, verdict.proof) == (VpnState.LEAKING, True, Proof.ADDRESS), verdict
            break
    else:
        assert house.home not in known, "it was never told"
        return
    house.steady = 12  # else it looks as if the leak came with the reconnect, and went with it
    for _ in range(HOUR):
        verdict = look(house, guard)
        assert verdict.stop, "it stays stopped while it leaks, whatever else happens"


@pytest.mark.parametrize("protection", [BOUND, BOUND_ALONE], ids=["Gluetun", "alone"])
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, quiet=st.integers(1, 6 * HOUR), to=st.sampled_from([bound(""), bound("eth0"), bound("", "::")]))
def test_a_binding_that_is_lost_in_the_noise_is_seen_at_its_first_evidence(
    protection: Protection, seed: int, quiet: int, to: object
) -> None:
    house, guard = begin(protection, seed)
    for _ in range(quiet):
        look(house, guard)
    verdict = guard.see(STEP, **(house.live() | {"settings": to}))
    assert (verdict.state, verdict.stop) == (VpnState.LEAKING, True)
    assert verdict.proof in {Proof.BINDING, Proof.ADDRESS}


@settings(max_examples=10, deadline=None)
@given(
    seed=SEEDS,
    protection=st.sampled_from(EVERYBODY),
    restarts=st.sets(st.integers(0, 6 * HOUR), max_size=3),
)
def test_who_was_stopped_stays_stopped_over_restarts_until_it_is_calm(
    seed: int, protection: Protection, restarts: set[int]
) -> None:
    house, guard = begin(protection, seed)
    stopped, calm = False, 0
    for number in range(6 * HOUR):
        if number == 2 * HOUR:
            house.leaking = True
        if number == 4 * HOUR:
            house.leaking = False
        if number in restarts:
            guard.restart()
        verdict = look(house, guard)
        if stopped and not verdict.stop:
            assert calm >= 1, "nothing opens at the first good look"
        good = verdict.state in {VpnState.SAFE, VpnState.CONTAINED, VpnState.UNVERIFIED}
        calming = any(reason.key == "guard.vpn_calming" for reason in verdict.reasons)
        calm = calm + 1 if calming or good else 0
        stopped = verdict.stop


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    protection=st.sampled_from(EVERYBODY),
    words=st.lists(st.sampled_from(["203.0.113.7", "198.51.100.1", "", "x" * 500, "::1", "0.0.0.0", "::ffff:1.2.3.4",
                                    "2001:db8::1", "fe80::1%eth0", "1.2.3.4\n", "①"]), max_size=8),
)  # fmt: skip
def test_whatever_is_said_the_verdict_is_one(seed: int, protection: Protection, words: list[str]) -> None:
    """Nothing that comes from outside breaks it, and what leaks is always closed."""
    dice, guard = Random(seed), Guard(protection)  # noqa: S311 -- a test
    for _ in range(60):
        some = {service: dice.choice(words) for service in SERVICES} if words else {}
        verdict = guard.see(
            dice.choice([0, 1, 30, 4000]),
            client=at(dice.choice([None, *words]), dice.choice([None, *words])),
            tunnel=dice.choice(
                [SILENT, REFUSED, CRASHED, replace(NO_ADDRESS_YET, public_ip=dice.choice([None, *words]))]
            ),
            outside=some,
            through=some,
        )
        closed = verdict.state in {VpnState.LEAKING, VpnState.DOUBTFUL}
        assert verdict.stop is closed or verdict.state is VpnState.DOWN
        assert (verdict.proof is not None) is (verdict.state is VpnState.LEAKING)
        assert verdict.since is not None
        assert verdict.reasons
