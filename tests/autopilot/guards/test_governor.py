"""The governor: what is demanded when, that it never flaps, and that a dead sensor is neither obeyed nor trusted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
import json
from math import exp, inf, nan
from random import Random

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.guards.governor import (
    FREE,
    Decision,
    GovernorMemory,
    advance,
    effects,
)
from custom_components.sokoul.autopilot.guards.limits import Rates
from custom_components.sokoul.autopilot.guards.sources import (
    HOT_RATES,
    NOTHING,
    PAUSE,
    RASPBERRY_PI,
    TIMINGS,
    Demand,
    Source,
    SourceKind,
    Step,
    ThermalThresholds,
    default_thresholds,
    while_on,
)

NOW = datetime(2026, 7, 14, 12, tzinfo=UTC)
DAY = datetime(2026, 7, 14, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
CALM = TIMINGS[SourceKind.THERMAL].calm
PATIENCE = TIMINGS[SourceKind.THERMAL].patience

LIMIT = Demand(limits=HOT_RATES)
#: Both steps of a machine that is very hot.
LIMIT_AND_PAUSE = Demand(limits=HOT_RATES, pause=True)
HEAT = Source(
    key="pi",
    kind=SourceKind.THERMAL,
    label="Raspberry Pi",
    steps=RASPBERRY_PI.steps(),
    clients=frozenset({"qbittorrent"}),
)


def switch(kind: SourceKind, demand: Demand = LIMIT, *clients: str) -> Source:
    """Return a source that is on or off."""
    return Source(
        key=kind.value,
        kind=kind,
        label=f"the {kind}",
        steps=while_on(demand),
        clients=frozenset(clients or ("qbittorrent",)),
    )


@dataclass
class Drive:
    """A governor over time; what it remembers goes through the store at each `restart`."""

    sources: tuple[Source, ...] = (HEAT,)
    day: datetime = DAY
    memory: GovernorMemory = field(default_factory=GovernorMemory)
    decision: Decision = field(default_factory=lambda: Decision(clients={}, sources={}, again_at=None))

    def see(self, passed: timedelta, **values: float | None) -> Decision:
        """Look at what the sources tell, so long after noon."""
        self.memory, self.decision = advance(self.memory, values, self.sources, NOW + passed, day=self.day)
        return self.decision

    def demand(self, passed: timedelta, **values: float | None) -> Demand:
        """Return what is demanded of the client after a look."""
        return self.see(passed, **values).of("qbittorrent").demand

    def restart(self, passed: timedelta) -> None:
        self.memory = GovernorMemory.load(json.loads(json.dumps(self.memory.dump())), NOW + passed)


# --- a machine that gets hot: minutes, °C, what is demanded from then on -------------------------------------------

COURSES: Mapping[str, tuple[tuple[float, float | None, Demand], ...]] = {
    "an ordinary day": ((0, 41, NOTHING), (1, 64.9, NOTHING), (2, 74.9, NOTHING)),
    "hot: limited at once": ((0, 74.9, NOTHING), (1, 75, LIMIT), (2, 81.9, LIMIT)),
    "very hot: paused at once, from whatever it was": ((0, 60, NOTHING), (1, 82, LIMIT_AND_PAUSE)),
    "not quite cool: the limit stays": ((0, 76, LIMIT), (1, 65, LIMIT), (60, 70, LIMIT), (600, 65, LIMIT)),
    "cool for five minutes: no limit any more": (
        (0, 76, LIMIT), (10, 64.9, LIMIT), (14.9, 50, LIMIT), (15, 50, NOTHING), (16, 74, NOTHING),
    ),
    "cool for a moment: the five minutes begin anew": (
        (0, 76, LIMIT), (10, 64, LIMIT), (14, 65, LIMIT), (15, 64, LIMIT), (19.9, 64, LIMIT), (20, 64, NOTHING),
    ),
    "from the pause back to the limit, then to nothing": (
        (0, 84, LIMIT_AND_PAUSE), (1, 75, LIMIT_AND_PAUSE), (2, 74, LIMIT_AND_PAUSE), (7, 70, LIMIT),
        (8, 60, LIMIT), (13, 60, NOTHING),
    ),
    "from the pause straight to cool: both end together": (
        (0, 84, LIMIT_AND_PAUSE), (1, 50, LIMIT_AND_PAUSE), (6, 50, NOTHING),
    ),
    "it gets very hot again while the pause still lasts": (
        (0, 84, LIMIT_AND_PAUSE), (1, 74, LIMIT_AND_PAUSE), (5, 82, LIMIT_AND_PAUSE), (6, 74, LIMIT_AND_PAUSE),
        (10, 74, LIMIT_AND_PAUSE), (11, 74, LIMIT),
    ),
    "the sensor is silent: what was holds for five minutes": (
        (0, 76, LIMIT), (1, None, LIMIT), (5.9, None, LIMIT), (6, None, NOTHING), (500, None, NOTHING),
    ),
    "the sensor was silent for a moment": ((0, 76, LIMIT), (1, None, LIMIT), (5, 76, LIMIT), (9, None, LIMIT)),
    "silence is no calm": (
        (0, 76, LIMIT), (1, 60, LIMIT), (5, None, LIMIT), (6, 60, LIMIT), (10.9, 60, LIMIT), (11, 60, NOTHING),
    ),
    "a silent sensor is not trusted to be cool, nor hot": ((0, None, NOTHING), (9, None, NOTHING), (10, 76, LIMIT)),
    "back after it was released, neither hot nor cool": (
        (0, 76, LIMIT), (1, None, LIMIT), (6, None, NOTHING), (7, 70, NOTHING), (8, 75, LIMIT),
    ),
    "no number": ((0, 76, LIMIT), (1, nan, LIMIT), (2, inf, LIMIT), (6, nan, NOTHING)),
}  # fmt: skip


@pytest.mark.parametrize("name", COURSES)
def test_course(name: str) -> None:
    drive = Drive()
    for minutes, value, expected in COURSES[name]:
        assert drive.demand(minutes * MINUTE, pi=value) == expected, f"after {minutes} minutes"


@pytest.mark.parametrize("value", [60, None], ids=["cool", "silent"])
def test_a_clock_that_is_set_back(value: float | None) -> None:
    """Without a clock of its own a board may be hours ahead until somebody tells it the time."""
    drive = Drive()
    assert drive.demand(8 * HOUR, pi=76) == LIMIT
    assert drive.demand(8 * HOUR + MINUTE, pi=value) == LIMIT
    assert drive.demand(0 * MINUTE, pi=value) == LIMIT
    assert drive.demand(max(CALM, PATIENCE), pi=value) == NOTHING
    assert timedelta() <= drive.memory.today["qbittorrent"] <= 8 * HOUR


@given(st.lists(st.tuples(st.integers(1, 150), st.sampled_from([None, 60, 64, 66, 74, 76, 83])), min_size=1))
@settings(deadline=None)
def test_looking_again_when_it_says_so_is_enough(course: list[tuple[int, float | None]]) -> None:
    """Between two readings that differ nobody has to look, but at `again_at`. Each lasts so often six seconds."""
    often, seldom, passed = Drive(), Drive(), timedelta()
    for lasts, value in (*course, (150, 60)):
        seldom.see(passed, pi=value)
        for _ in range(lasts):
            again_at = seldom.decision.again_at
            if again_at is not None and again_at <= NOW + passed:
                again_at = seldom.see(passed, pi=value).again_at
            assert again_at is None or again_at > NOW + passed
            assert often.demand(passed, pi=value) == seldom.decision.of("qbittorrent").demand
            passed += 6 * SECOND


def test_thresholds_count_as_soon_as_they_are_changed() -> None:
    drive = Drive()
    assert drive.demand(0 * MINUTE, pi=70) == NOTHING
    drive.sources = (replace(HEAT, steps=replace(RASPBERRY_PI, limit=68).steps()),)
    assert drive.demand(0 * MINUTE, pi=70) == LIMIT
    drive.sources = (replace(HEAT, steps=replace(RASPBERRY_PI, limit=80, back=72).steps()),)
    assert drive.demand(1 * MINUTE, pi=70) == LIMIT
    assert drive.demand(MINUTE + CALM, pi=70) == NOTHING


def test_a_step_that_is_taken_away_holds_nothing() -> None:
    """And never becomes another one."""
    drive = Drive()
    assert drive.demand(0 * MINUTE, pi=76) == LIMIT
    drive.sources = (replace(HEAT, steps=HEAT.steps[1:]),)
    assert drive.demand(1 * MINUTE, pi=76) == NOTHING
    drive.sources = (HEAT,)
    drive.see(2 * MINUTE, pi=76)
    drive.sources = (replace(HEAT, steps=HEAT.steps[1:]),)
    decision = drive.see(3 * MINUTE, pi=None)
    assert decision.clients == {}
    assert decision.sources["pi"].trouble is None, "it keeps nothing"


def test_switched_off_all_is_free_at_once() -> None:
    drive = Drive()
    drive.see(0 * MINUTE, pi=90)
    drive.sources = ()
    assert drive.see(1 * SECOND, pi=90).clients == {}
    drive.sources = (HEAT,)
    assert drive.demand(2 * SECOND, pi=70) == NOTHING, "what was before is forgotten"


# --- thresholds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raspberry_pi", "first_limit", "limit", "back", "pause", "resume"),
    [
        (True, None, 75, 65, 82, 75),
        (True, 110, 75, 65, 82, 75),
        (False, 85, 70, 60, 77, 70),
        (False, 100, 85, 75, 92, 85),
        (False, 60, 45, 35, 52, 45),
        (False, 125, 110, 100, 117, 110),
    ],
)
def test_default_thresholds(
    *, raspberry_pi: bool, first_limit: float | None, limit: float, back: float, pause: float, resume: float
) -> None:
    found = default_thresholds(raspberry_pi=raspberry_pi, first_limit=first_limit)
    assert found == ThermalThresholds(limit=limit, back=back, pause=pause, resume=resume)


@pytest.mark.parametrize("first_limit", [None, 20.8, 59.9, 126, -273.2])
def test_a_machine_that_tells_no_limit_has_no_default(first_limit: float | None) -> None:
    assert default_thresholds(raspberry_pi=False, first_limit=first_limit) is None


@pytest.mark.parametrize(
    ("step", "falling", "on", "stays", "off"),
    [
        (Step(key="", demand=LIMIT, enter=75, leave=65), False, (75, 90), (65, 74), (64.9, 0)),
        (Step(key="", demand=LIMIT, enter=500, leave=900, falling=True), True, (500, -9), (501, 900), (901, 5000)),
        (Step(key="", demand=LIMIT), False, (1, True), (), (0, False)),
        # the wrong way round, as by a slip of the hand: no hysteresis, but no opposite either
        (Step(key="", demand=LIMIT, enter=75, leave=80), False, (75, 90), (), (74.9, 0)),
        (Step(key="", demand=LIMIT, enter=500, leave=100, falling=True), True, (500, 0), (), (501, 5000)),
    ],
)
def test_step(step: Step, on: Iterable[float], stays: Iterable[float], off: Iterable[float], *, falling: bool) -> None:
    assert step.falling is falling
    for value in on:
        assert step.holds(value, active=False)
        assert step.holds(value, active=True)
    for value in stays:
        assert not step.holds(value, active=False)
        assert step.holds(value, active=True)
    for value in off:
        assert not step.holds(value, active=False)
        assert not step.holds(value, active=True)


# --- several sources -------------------------------------------------------------------------------------------------

SLOW = Demand(limits=Rates(download=1_000_000, upload=200_000))
QUIET = Demand(limits=Rates(upload=100_000))
MANY = (
    HEAT,
    switch(SourceKind.WATCHING, SLOW),
    switch(SourceKind.METERED, PAUSE, "qbittorrent", "seedbox"),
    switch(SourceKind.SCHEDULE, QUIET),
)


@pytest.mark.parametrize(
    ("on", "demand", "causes"),
    [
        ({}, NOTHING, ()),
        ({"pi": 76}, LIMIT, ("pi",)),
        ({"pi": 76, "watching": 1}, SLOW, ("watching", "pi")),
        ({"pi": 83, "watching": 1}, replace(SLOW, pause=True), ("pi", "watching")),
        ({"watching": 1, "schedule": 1}, Demand(limits=Rates(download=1_000_000, upload=100_000)),
         ("watching", "schedule")),
        ({"pi": 76, "schedule": 1}, Demand(limits=Rates(download=5_000_000, upload=100_000)), ("pi", "schedule")),
        ({"schedule": 1}, QUIET, ("schedule",)),
        ({"metered": 1}, PAUSE, ("metered",)),
        ({"metered": 1, "pi": 83}, LIMIT_AND_PAUSE, ("pi", "metered")),
    ],
)  # fmt: skip
def test_the_strictest_wins_and_all_are_named(on: Mapping[str, float], demand: Demand, causes: tuple[str, ...]) -> None:
    values = {"pi": 40.0, "watching": 0.0, "metered": 0.0, "schedule": 0.0, **on}
    found = Drive(MANY).see(0 * MINUTE, **values).of("qbittorrent")
    assert found.demand == demand
    assert tuple(cause.source.key for cause in found.causes) == causes
    assert tuple(reason.key for reason in found.reasons) == tuple(
        "governor.thermal" if key == "pi" else f"governor.{key}" for key in causes
    )


def test_each_client_is_demanded_what_concerns_it() -> None:
    decision = Drive(MANY).see(0 * MINUTE, pi=76, watching=1, metered=1, schedule=0)
    assert decision.of("seedbox").demand == PAUSE
    assert decision.of("qbittorrent").demand == replace(SLOW, pause=True)
    assert decision.of("another") == FREE


def test_a_source_without_clients_only_observes() -> None:
    decision = Drive((replace(HEAT, clients=frozenset()),)).see(0 * MINUTE, pi=90)
    assert decision.clients == {}
    state = decision.sources["pi"]
    assert state.demand == LIMIT_AND_PAUSE
    assert state.reason is not None
    assert state.since == NOW


def test_a_source_without_steps_only_observes() -> None:
    decision = Drive((replace(HEAT, steps=()),)).see(0 * MINUTE, pi=90)
    assert decision.clients == {}
    assert decision.sources["pi"].demand == NOTHING


@pytest.mark.parametrize("kind", SourceKind)
def test_every_kind_is_taken_at_its_word(kind: SourceKind) -> None:
    """On at once; off when it was off for a while; silent for a while: released. Never is it for ever."""
    source, pace = switch(kind), TIMINGS[kind]
    drive = Drive((source,))
    assert drive.demand(0 * MINUTE, **{kind.value: 1}) == LIMIT
    if pace.calm:
        assert drive.demand(1 * HOUR, **{kind.value: 0}) == LIMIT
        assert drive.demand(1 * HOUR + pace.calm - SECOND, **{kind.value: 0}) == LIMIT
    assert drive.demand(1 * HOUR + pace.calm, **{kind.value: 0}) == NOTHING
    assert drive.demand(2 * HOUR, **{kind.value: 1}) == LIMIT
    assert drive.demand(3 * HOUR, **{kind.value: None}) == LIMIT
    assert drive.demand(3 * HOUR + pace.patience - SECOND) == LIMIT
    assert drive.demand(3 * HOUR + pace.patience) == NOTHING


def test_what_a_person_takes_back_ends_at_once() -> None:
    drive = Drive((switch(SourceKind.ASKED),))
    assert drive.demand(0 * MINUTE, asked=True) == LIMIT
    assert drive.demand(1 * SECOND, asked=False) == NOTHING


def test_low_values_may_be_what_demands_it() -> None:
    sun = replace(switch(SourceKind.SOLAR), steps=(Step(key="low", demand=PAUSE, enter=300, leave=800, falling=True),))
    drive = Drive((sun,))
    assert drive.demand(0 * MINUTE, solar=900) == NOTHING
    assert drive.demand(1 * MINUTE, solar=300) == PAUSE
    assert drive.demand(60 * MINUTE, solar=800) == PAUSE
    assert drive.demand(61 * MINUTE, solar=801) == PAUSE
    assert drive.demand(61 * MINUTE + TIMINGS[SourceKind.SOLAR].calm, solar=801) == NOTHING


# --- what it says ----------------------------------------------------------------------------------------------------

EN, FR = wording.load("en"), wording.load("fr")


def said(decision: Decision, client: str = "qbittorrent") -> list[str]:
    return [EN.reason(reason, NOW) for reason in decision.of(client).reasons]


def test_the_reason_is_the_harshest_step_and_does_not_change_with_each_reading() -> None:
    drive = Drive()
    first = said(drive.see(0 * MINUTE, pi=76.2))
    assert [" ".join(each.split()) for each in first] == [
        "Raspberry Pi reached 75 °C (12:00 PM), and has to cool below 65 °C."
    ]
    assert said(drive.see(5 * MINUTE, pi=79.9)) == first
    drive.see(10 * MINUTE, pi=85)
    assert " ".join(said(drive.decision)[0].split()) == (
        "Raspberry Pi reached 82 °C (12:10 PM), and has to cool below 75 °C."
    )
    drive.see(11 * MINUTE, pi=70)
    assert said(drive.see(11 * MINUTE + CALM, pi=70)) == first, "the limit has been there since noon"


def test_it_says_at_which_temperature_it_really_ends() -> None:
    """One that is set above the one at which it begins counts as that."""
    steps = replace(RASPBERRY_PI, back=90).steps()
    drive = Drive((replace(HEAT, steps=steps),))
    (reason,) = drive.see(0 * MINUTE, pi=76).of("qbittorrent").reasons
    assert (reason.parameters["enter"], reason.parameters["leave"]) == (75, 75)


@pytest.mark.parametrize("kind", SourceKind)
def test_every_kind_has_its_sentence(kind: SourceKind) -> None:
    (reason,) = Drive((switch(kind),)).see(0 * MINUTE, **{kind.value: 1}).of("qbittorrent").reasons
    for words in (EN, FR):
        assert f"the {kind}" in words.reason(reason, NOW)


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        (NOTHING, []),
        (LIMIT, ["Downloads get 5 MB/s at most."]),
        (LIMIT_AND_PAUSE, ["Downloads wait; what is complete seeds on."]),
        (SLOW, ["Downloads get 1 MB/s at most.", "Uploads get 200 kB/s at most."]),
        (replace(QUIET, pause=True), ["Downloads wait; what is complete seeds on.", "Uploads get 100 kB/s at most."]),
    ],
)
def test_what_a_demand_means(demand: Demand, expected: list[str]) -> None:
    assert [" ".join(EN.reason(reason).split()) for reason in effects(demand)] == expected


def trouble(decision: Decision, key: str = "pi") -> str | None:
    found = decision.sources[key].trouble
    return found.key if found else None


def test_it_says_that_a_sensor_is_dead() -> None:
    drive = Drive()
    assert trouble(drive.see(0 * MINUTE, pi=76)) is None
    kept = drive.see(1 * MINUTE, pi=None).sources["pi"].trouble
    assert kept is not None
    assert kept.key == "governor.kept"
    assert kept.parameters["until"] == NOW + MINUTE + PATIENCE
    released = drive.see(1 * MINUTE + PATIENCE).sources["pi"].trouble
    assert released is not None
    assert released.key == "governor.released"
    assert released.parameters["since"] == NOW + MINUTE
    assert drive.see(9 * HOUR).sources["pi"].trouble == released
    for reason in (kept, released):
        assert all(words.reason(reason, NOW).startswith("Raspberry Pi") for words in (EN, FR))
    assert trouble(drive.see(10 * HOUR, pi=40)) is None


def test_a_sensor_that_never_told_anything() -> None:
    drive = Drive()
    assert trouble(drive.see(0 * MINUTE)) is None, "it may just be starting"
    assert trouble(drive.see(PATIENCE)) == "governor.unknown"


def test_a_player_that_is_off_is_no_trouble() -> None:
    drive = Drive((switch(SourceKind.WATCHING),))
    drive.see(0 * MINUTE)
    assert trouble(drive.see(9 * HOUR), "watching") is None
    drive.see(10 * HOUR, watching=1)
    drive.see(11 * HOUR)
    assert trouble(drive.see(12 * HOUR), "watching") == "governor.released"


# --- the time throttled today ----------------------------------------------------------------------------------------


def test_time_throttled() -> None:
    drive = Drive(MANY)
    calm: dict[str, float] = {"pi": 40, "watching": 0, "metered": 0, "schedule": 0}
    drive.see(0 * MINUTE, **calm)
    drive.see(10 * MINUTE, **calm | {"pi": 76})
    drive.see(15 * MINUTE, **calm | {"pi": 76, "metered": 1})
    assert drive.memory.today == {"qbittorrent": 5 * MINUTE}
    drive.see(18 * MINUTE, **calm | {"pi": 76, "metered": 1})
    assert drive.memory.today == {"qbittorrent": 8 * MINUTE, "seedbox": 3 * MINUTE}
    counted = drive.memory.counted(NOW + 20 * MINUTE, DAY)
    assert counted.today == {"qbittorrent": 10 * MINUTE, "seedbox": 5 * MINUTE}
    assert drive.memory.today == {"qbittorrent": 8 * MINUTE, "seedbox": 3 * MINUTE}


def test_a_new_day_begins_with_what_was_of_it() -> None:
    drive = Drive()
    midnight = DAY + timedelta(days=1)
    drive.see(11 * HOUR, pi=76)
    drive.day = midnight
    drive.see(12 * HOUR + 5 * MINUTE, pi=76)
    assert drive.memory.today == {"qbittorrent": 5 * MINUTE}
    assert drive.memory.counted(NOW + 36 * HOUR, midnight + timedelta(days=1)).today == {"qbittorrent": timedelta()}


def test_a_new_day_without_anything() -> None:
    drive = Drive()
    drive.see(11 * HOUR, pi=76)
    drive.see(11 * HOUR + CALM, pi=40)
    drive.see(11 * HOUR + 2 * CALM, pi=40)
    assert drive.memory.today == {"qbittorrent": 2 * CALM}
    drive.day = DAY + timedelta(days=1)
    drive.see(13 * HOUR, pi=40)
    assert drive.memory.today == {}


# --- restarts --------------------------------------------------------------------------------------------------------


def test_a_restart_changes_nothing() -> None:
    """70 °C is neither hot nor cool: what was limited stays limited, since when it was."""
    drive = Drive()
    drive.see(0 * MINUTE, pi=76)
    drive.see(10 * MINUTE, pi=70)
    drive.restart(20 * MINUTE)
    assert drive.demand(20 * MINUTE, pi=70) == LIMIT
    assert drive.decision.sources["pi"].since == NOW
    assert drive.memory.today == {"qbittorrent": 10 * MINUTE}, "while nobody looked nothing is counted"


def test_after_a_restart_it_has_to_be_calm_anew() -> None:
    drive = Drive()
    drive.see(0 * MINUTE, pi=76)
    drive.see(1 * MINUTE, pi=60)
    drive.restart(60 * MINUTE)
    assert drive.demand(60 * MINUTE, pi=60) == LIMIT
    assert drive.demand(60 * MINUTE + CALM, pi=60) == NOTHING


def test_a_dead_sensor_is_not_obeyed_for_ever_by_restarting_again_and_again() -> None:
    drive = Drive()
    drive.see(0 * MINUTE, pi=76)
    demands = []
    for hour in range(1, 5):
        drive.restart(hour * HOUR)
        drive.see(hour * HOUR)
        demands.append(drive.demand(hour * HOUR + PATIENCE / 2))
    assert demands == [LIMIT, NOTHING, NOTHING, NOTHING]


def test_while_home_assistant_starts_silence_is_not_counted() -> None:
    drive = Drive()
    drive.see(0 * MINUTE, pi=76)
    drive.see(1 * MINUTE, pi=None)
    drive.see(3 * MINUTE, pi=None)
    drive.restart(60 * MINUTE)
    for minute in range(60, 70):
        drive.memory = drive.memory.starting(NOW + minute * MINUTE)
        assert drive.demand(minute * MINUTE) == LIMIT
    assert drive.demand(69 * MINUTE + PATIENCE - 2 * MINUTE - SECOND) == LIMIT
    assert drive.demand(69 * MINUTE + PATIENCE - 2 * MINUTE) == NOTHING


@pytest.mark.parametrize("value", [50, 76])
def test_what_is_told_while_home_assistant_starts_counts(value: float) -> None:
    drives = Drive(), Drive()
    for drive in drives:
        drive.see(0 * MINUTE, pi=76)
    for minute in range(1, 8):
        drives[0].memory = drives[0].memory.starting(NOW + minute * MINUTE)
        assert drives[0].see(minute * MINUTE, pi=value) == drives[1].see(minute * MINUTE, pi=value)


def test_nothing_stored_is_nothing_remembered() -> None:
    assert GovernorMemory.load(None, NOW) == GovernorMemory() == GovernorMemory.load({}, NOW)


def test_what_is_stored_is_loaded() -> None:
    drive = Drive(MANY)
    drive.see(0 * MINUTE, pi=83, watching=1, metered=1, schedule=None)
    drive.see(5 * MINUTE, pi=83, watching=1, metered=0, schedule=None)
    drive.restart(5 * MINUTE)
    before = drive.decision
    after = drive.see(5 * MINUTE, pi=83, watching=1, metered=0, schedule=None)
    assert {key: each.demand for key, each in after.clients.items()} == {
        key: each.demand for key, each in before.clients.items()
    }


# --- it never flaps --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Board:
    """What its processor's heat comes to in a cool room, in °C, by what is demanded of the client."""

    free: float
    limited: float
    paused: float = 48

    def afternoon(self, seed: int, governor: Drive | None, hours: int = 6) -> list[Demand]:
        """Return what was demanded, each 10 s, while the room warmed up by 12 °C and cooled down again.

        As recordings look: the heat approaches what the load is worth, with a time constant of 90 s; the sensor has
        noise of a degree and steps of half a degree. Without a governor two thresholds switch at each reading.
        """
        dice, heat, demand, course = Random(seed), 45.0, NOTHING, list[Demand]()  # noqa: S311 -- noise of a sensor
        evening = hours * 240
        for tick in range(hours * 360):
            room = 12 * (1 - exp(-tick / 200)) if tick < evening else 12 * exp((evening - tick) / 100)
            towards = room + (self.paused if demand.pause else self.limited if demand.limits.download else self.free)
            heat += (towards - heat) * (1 - exp(-10 / 90))
            told = round(2 * (heat + dice.gauss(0, 1))) / 2
            if governor is not None:
                demand = governor.demand(tick * 10 * SECOND, pi=told)
            else:
                demand = LIMIT_AND_PAUSE if told >= 82 else LIMIT if told >= 75 else NOTHING
            course.append(demand)
        return course


def switches(course: list[Demand]) -> int:
    return sum(one != other for one, other in pairwise(course))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("board", "at_most"),
    [
        pytest.param(Board(free=70, limited=60), 2, id="too hot in the afternoon only"),
        pytest.param(Board(free=84, limited=52), 60, id="too hot without the limit, cool with it"),
        pytest.param(Board(free=95, limited=80), 120, id="too hot even with the limit"),
    ],
)
def test_a_ramp_without_flapping(board: Board, at_most: int, seed: int) -> None:
    """Where no demand is right for long it goes to and fro: as slowly as five minutes of calm make it."""
    course, naive = board.afternoon(seed, Drive()), board.afternoon(seed, None)
    assert 2 <= switches(course) <= at_most
    assert switches(naive) > 8 * switches(course)


@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.one_of(st.none(), st.floats(20, 100), st.sampled_from([64, 66, 74, 76, 82]))),
        max_size=80,
    ),
    st.booleans(),
)
@settings(deadline=None)
def test_whatever_it_is_told(course: list[tuple[int, float | None]], restarts: bool) -> None:  # noqa: FBT001
    """Hot is acted upon at once; nothing is loosened within the dwell; unknown never tightens."""
    drive, passed, before, loosened = Drive(), timedelta(), NOTHING, 0
    hot: dict[str, timedelta] = {}  # by step: when its cause was last there, or nobody knew
    for seconds, value in course:
        passed += seconds * SECOND
        if restarts and seconds % 7 == 0:
            drive.restart(passed)
        demand = drive.demand(passed, pi=value)
        if value is not None:
            assert demand.limits == HOT_RATES or value < 75
            assert demand.pause or value < 82
        else:
            assert demand.strictest(before) == before
        for name, held, was, leave in (
            ("limit", demand.limits != Rates(), before.limits != Rates(), 65),
            ("pause", demand.pause, before.pause, 75),
        ):
            if was and not held and value is not None:
                assert passed - hot[name] >= CALM
                loosened += 1
            if value is None or value >= leave:
                hot[name] = passed
        before = demand
    assert loosened <= 2 * (1 + passed / CALM)


@given(
    st.lists(st.tuples(st.integers(1, 400), st.dictionaries(st.sampled_from([each.key for each in MANY]),
             st.one_of(st.none(), st.sampled_from([0, 1, 40, 70, 76, 90])))), max_size=40)
)  # fmt: skip
@settings(deadline=None)
def test_a_decision_is_the_strictest_of_what_its_sources_demand(
    course: list[tuple[int, dict[str, float | None]]],
) -> None:
    drive, passed, throttled = Drive(MANY), timedelta(), dict[str, timedelta]()
    for seconds, values in course:
        for client in drive.decision.clients:
            throttled[client] = throttled.get(client, timedelta()) + seconds * SECOND
        passed += seconds * SECOND
        decision = drive.see(passed, **values)
        for client in ("qbittorrent", "seedbox"):
            union = NOTHING
            for source in MANY:
                if client in source.clients:
                    union = union.strictest(decision.sources[source.key].demand)
            found = decision.of(client)
            assert found.demand == union
            assert len(found.reasons) == len(found.causes)
            assert bool(found.causes) is (union != NOTHING)
        assert drive.memory.today == throttled
        assert decision.again_at is None or decision.again_at > NOW + passed
    quiet = dict.fromkeys((each.key for each in MANY), 0.0)
    drive.see(passed + HOUR, **quiet)
    assert drive.see(passed + 2 * HOUR, **quiet).clients == {}
