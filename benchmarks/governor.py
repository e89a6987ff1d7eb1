"""How often the governor changes its mind about a machine that gets hot, beside simpler ones.

Most of the heat is simulated: a Raspberry Pi 4 as `devstack/thermal.py` has it, which warms up and cools down
exponentially, in an afternoon of transcoding and in one of short bursts of work. Its sensor has steps of half a degree
and noise, and is read as often as Home Assistant reads it. Downloads warm it, too: who limits them cools it, and so may
take the reason for the limit away. Each governor gets the same afternoons, and a client with limits of its person's
own.

One ramp is recorded (see `recorded_heat`): there a limit cools nothing, and readings are as coarse and as sudden as
they were.

Counted are the changes of what is demanded, and the writes to the client; at the end the person's limits have to be
there to the byte. A governor with one threshold for each step is what a simple automation does; one with two, but
without having to be cool for a while, shows what each of both is good for.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
import random
import statistics
import tempfile

from custom_components.sokoul.autopilot.guards.governor import GovernorMemory, advance
from custom_components.sokoul.autopilot.guards.limits import (
    NONE,
    ClientLimits,
    Overrides,
    Slot,
    plan,
    rounded,
)
from custom_components.sokoul.autopilot.guards.sources import (
    HOT_RATES,
    NOTHING,
    PAUSE,
    RASPBERRY_PI,
    TIMINGS,
    Demand,
    Source,
    SourceKind,
)
from devstack.clock import ManualClock
from devstack.thermal import Boards, ThermalMachine

from .recorded_heat import RASPBERRY_PI_3

CLIENT = "qbittorrent"
#: Minutes, and how busy the machine is meanwhile beside its downloads.
AFTERNOONS: Mapping[str, Sequence[tuple[int, float]]] = {
    "transcoding": ((30, 0.15), (10, 0.55), (60, 0.68), (20, 0.9), (40, 0.55), (60, 0.7), (45, 0.15)),
    "bursts": ((15, 0.15), *((3, 0.95), (4, 0.05)) * 20, (45, 0.15)),
}
#: What downloads add to it: free, limited, paused.
_FREE, _LIMITED, _PAUSED = 0.12, 0.04, 0.0
_WAVER = 0.04  # of the load, from minute to minute
_NOISE_CELSIUS = 0.4
_STEP_CELSIUS = 0.5
_USUALLY, _WHEN_HOT, _HOT_CELSIUS = timedelta(seconds=10), timedelta(seconds=5), 70.0
_MINUTE = timedelta(minutes=1)

#: What is demanded at a moment, after a look at a temperature.
type Governor = Callable[[float, datetime], Demand]


@dataclass(slots=True)
class Client:
    """A download client with limits of its person's own, and what is remembered of them."""

    own: Mapping[Slot, int]
    values: dict[Slot, int] = field(default_factory=dict)
    remembered: Overrides = field(default_factory=dict)
    writes: int = 0

    def __post_init__(self) -> None:
        self.values = dict(self.own)

    def keep_to(self, demand: Demand) -> None:
        """Have it keep to what is demanded, as SOKOUL does."""
        while True:
            made = plan(self.remembered, ClientLimits(values=self.values), demand.limits)
            self.remembered = made.remember
            if not made.write:
                return
            self.values.update(made.write)
            self.writes += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of an afternoon."""

    changes: int  # of what is demanded
    writes: int
    throttled: timedelta  # limited or paused
    hottest_free: float  # °C, the highest that was read while nothing was demanded after it
    restored: bool  # the person's limits are there again, to the byte


def sokoul(calm: timedelta | None = None) -> Governor:
    """Return the governor with a Raspberry Pi's thresholds; `calm`: instead of the usual time of being cool."""
    pace = TIMINGS[SourceKind.THERMAL]
    source = Source(
        key="pi",
        kind=SourceKind.THERMAL,
        label="Raspberry Pi",
        steps=RASPBERRY_PI.steps(),
        clients=frozenset({CLIENT}),
        timing=pace if calm is None else replace(pace, calm=calm),
    )
    memory = GovernorMemory()

    def look(celsius: float, now: datetime) -> Demand:
        nonlocal memory
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        memory, decision = advance(memory, {"pi": celsius}, (source,), now, day=day)
        return decision.of(CLIENT).demand

    return look


def one_threshold() -> Governor:
    """Return a governor that limits and pauses from the same temperatures on, and not below them."""

    def look(celsius: float, now: datetime) -> Demand:
        del now
        demand = Demand(limits=HOT_RATES) if celsius >= RASPBERRY_PI.limit else NOTHING
        return demand.strictest(PAUSE) if celsius >= RASPBERRY_PI.pause else demand

    return look


GOVERNORS: Mapping[str, Callable[[], Governor]] = {
    "SOKOUL": sokoul,
    "two thresholds, at once": lambda: sokoul(calm=timedelta()),
    "one threshold": one_threshold,
}


class Trial:
    """A governor and its client over some time, and what is counted of them."""

    def __init__(self, governor: Governor, chance: random.Random) -> None:
        self._governor = governor
        self._client = Client(
            own={slot: rounded(chance.choice((NONE, chance.randrange(2**20, 2**24)))) for slot in Slot}
        )
        self.demand = NOTHING
        self._changes, self._throttled, self._hottest_free = 0, timedelta(), 0.0

    def read(self, celsius: float, now: datetime, pause: timedelta) -> None:
        """Have a temperature read, so long after the one before."""
        self._throttled += pause if self.demand != NOTHING else timedelta()
        before, self.demand = self.demand, self._governor(celsius, now)
        self._changes += before != self.demand
        self._hottest_free = max(self._hottest_free, celsius) if self.demand == NOTHING else self._hottest_free
        self._client.keep_to(self.demand)

    def result(self) -> Run:
        """Return what became of it."""
        client = self._client
        return Run(
            changes=self._changes,
            writes=client.writes,
            throttled=self._throttled,
            hottest_free=self._hottest_free,
            restored=client.values == client.own and not client.remembered,
        )


def replay(governor: Governor, seed: int) -> Run:
    """Let a governor read what was recorded. Afterwards, which was not recorded, the machine is as cool as it began."""
    clock, trial = ManualClock(), Trial(governor, random.Random(seed))
    ends = [*(second for second, _ in RASPBERRY_PI_3[1:]), RASPBERRY_PI_3[-1][0] + _WHEN_HOT.seconds]
    ramp = [*zip(ends, (celsius for _, celsius in RASPBERRY_PI_3), strict=True), (ends[-1] + 900, RASPBERRY_PI_3[0][1])]
    begun = clock.now()
    for end, celsius in ramp:
        while clock.now() < begun + timedelta(seconds=end):
            clock.advance(_WHEN_HOT)
            trial.read(celsius, clock.now(), _WHEN_HOT)
    return trial.result()


def measure(governor: Governor, afternoon: Sequence[tuple[int, float]], seed: int) -> Run:
    """Let an afternoon pass, the same for the same seed as far as the governor lets it."""
    chance, clock = random.Random(seed), ManualClock()
    trial = Trial(governor, chance)
    with tempfile.TemporaryDirectory() as folder:
        pi = ThermalMachine(Path(folder) / "sys", Boards.RASPBERRY_PI_4, clock=clock)
        for minutes, load in afternoon:
            for _ in range(minutes):
                busy = load + chance.gauss(0, _WAVER)
                until = clock.now() + _MINUTE
                while clock.now() < until:
                    pi.load = max(0.0, busy + _of_downloads(trial.demand))
                    pause = _WHEN_HOT if pi.celsius() >= _HOT_CELSIUS else _USUALLY
                    clock.advance(pause)
                    read = round((pi.celsius() + chance.gauss(0, _NOISE_CELSIUS)) / _STEP_CELSIUS) * _STEP_CELSIUS
                    trial.read(read, clock.now(), pause)
    return trial.result()


def _of_downloads(demand: Demand) -> float:
    if demand.pause:
        return _PAUSED
    return _LIMITED if demand.limits.download else _FREE


def main(arguments: Sequence[str]) -> int:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/bench governor", description=__doc__)
    parser.add_argument("--afternoons", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    print(f"{chosen.afternoons} simulated afternoons of each kind, at a Raspberry Pi 4 that gets hot")
    for kind, afternoon in AFTERNOONS.items():
        hours = sum(minutes for minutes, _ in afternoon) / 60
        title = f"{kind}, {hours:.1f} hours"
        print(f"{title:<26}{'changes':>9}{'most':>7}{'writes':>9}{'throttled':>12}{'restored':>11}")
        for name, make in GOVERNORS.items():
            print(_line(name, [measure(make(), afternoon, chosen.seed + each) for each in range(chosen.afternoons)]))
    print(f"{'recorded at a Pi 3, 0.4 h':<26}{'changes':>9}{'most':>7}{'writes':>9}{'throttled':>12}{'restored':>11}")
    for name, make in GOVERNORS.items():
        print(_line(name, [replay(make(), chosen.seed + each) for each in range(chosen.afternoons)]))
    return 0


def _line(name: str, runs: Sequence[Run]) -> str:
    changes = [run.changes for run in runs]
    minutes = statistics.mean(run.throttled / _MINUTE for run in runs)
    return (
        f"{name:<26}{statistics.mean(changes):>9.1f}{max(changes):>7}"
        f"{statistics.mean(run.writes for run in runs):>9.1f}{minutes:>8.0f} min"
        f"{sum(run.restored for run in runs):>5} of {len(runs)}"
    )
