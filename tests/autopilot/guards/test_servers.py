"""VPN servers: what is learned of them fades, choices are bounded, and a change is proven or undone."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import json

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.guards.rotation import (
    ENDED,
    Order,
    Rotation,
    Stage,
    TunnelFacts,
    advance,
    begin,
)
from custom_components.sokoul.autopilot.guards.servers import (
    Choice,
    Record,
    Records,
    Sample,
    ServerPolicy,
    bounded,
    choose,
    learn,
    ranking,
    score,
)
from tests.model.make import NOW

POLICY = ServerPolicy()
PLAIN = replace(POLICY, explore_every=1000)
MB = 1_000_000
DAY = timedelta(days=1)
FAST = Sample(works=True, latency=timedelta(milliseconds=20), bytes_per_second=40 * MB)
SLOW = Sample(works=True, latency=timedelta(milliseconds=20), bytes_per_second=4 * MB)
FAR = Sample(works=True, latency=timedelta(milliseconds=300), bytes_per_second=40 * MB)
UNMEASURED = Sample(works=True)
FAILS = Sample(works=False)


def known(*samples: tuple[str, Sample], times: int = 5, at: datetime = NOW) -> Records:
    records: Records = {}
    for server, sample in samples:
        for _ in range(times):
            records = learn(records, server, sample, POLICY, at)
    return records


def order(records: Records, at: datetime = NOW, others: Iterable[str] = ()) -> list[str]:
    return [server for server, _ in ranking(records, (*records, *others), POLICY, at)]


# --- scores ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("fast and slow", FAST, SLOW),
        ("near and far", FAST, FAR),
        ("throughput counts more than latency", FAR, SLOW),
        ("fast and unmeasured", FAST, UNMEASURED),
        ("unmeasured and failing", UNMEASURED, FAILS),
        ("slow and failing", SLOW, FAILS),
    ],
)
def test_what_is_better(name: str, better: Sample, worse: Sample) -> None:
    assert order(known(("zz", better), ("aa", worse))) == ["zz", "aa"]


def test_a_server_that_nobody_knows_is_between_a_good_and_a_failing_one() -> None:
    assert order(known(("good", FAST), ("bad", FAILS)), others=["new"]) == ["good", "new", "bad"]


def test_a_server_that_fails_half_of_the_time_is_worse_than_a_slower_one_that_works() -> None:
    records = known(("moody", FAST), ("steady", replace(FAST, bytes_per_second=30 * MB)))
    for _ in range(5):
        records = learn(records, "moody", FAILS, POLICY, NOW)
    assert order(records) == ["steady", "moody"]


def test_what_was_learned_fades() -> None:
    records = known(("good", FAST), ("bad", FAILS))
    soon, late = (score(records, "bad", POLICY, NOW + passed) for passed in (DAY, 365 * DAY))
    assert soon < 0.15 < late
    assert late == pytest.approx(score({}, "anybody", POLICY, NOW), abs=0.01)


def test_how_fast_a_server_was_fades_too() -> None:
    records = known(("fast", FAST), ("slow", SLOW), ("far", FAR))
    scores = [score(records, server, POLICY, NOW + 365 * DAY) for server in (*records, "anybody")]
    assert max(scores) - min(scores) < 0.01


def test_a_few_fresh_samples_outweigh_many_old_ones() -> None:
    records = known(("changed", FAST), times=20)
    for _ in range(3):
        records = learn(records, "changed", SLOW, POLICY, NOW + 90 * DAY)
    assert records["changed"].speed.value < 10 * MB


def test_no_sample_of_the_future_makes_anything_better() -> None:
    records = known(("good", FAST), at=NOW + DAY)
    assert learn(records, "good", FAST, POLICY, NOW)["good"].at == NOW + DAY


def test_what_was_learned_fades_from_its_last_sample_on() -> None:
    records = known(("good", FAST), times=1)
    for number in (1, 2, 3):
        records = learn(records, "good", FAST, POLICY, NOW + number * POLICY.half_life)
    assert records["good"].known(NOW + 3 * POLICY.half_life, POLICY.half_life) == pytest.approx(
        1 + 1 / 2 + 1 / 4 + 1 / 8
    )


def test_records_are_stored_as_they_are() -> None:
    records = known(("good", FAST), ("bad", FAILS))
    assert {name: Record.from_json(each.as_json(), NOW) for name, each in records.items()} == records


SAMPLES = st.builds(
    Sample,
    works=st.booleans(),
    latency=st.none() | st.timedeltas(timedelta(), timedelta(seconds=30)),
    bytes_per_second=st.none() | st.floats(0, 1e10),
)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), SAMPLES, st.integers(0, 10**6)), max_size=30), st.sampled_from("abcd")
)
def test_a_score_is_from_0_to_1(steps: list[tuple[str, Sample, int]], server: str) -> None:
    records: Records = {}
    now = NOW
    for name, sample, seconds in steps:
        now += timedelta(seconds=seconds)
        records = learn(records, name, sample, POLICY, now)
    assert 0 <= score(records, server, POLICY, now) <= 1


# --- choices ---------------------------------------------------------------------------------------------------------


def key(choice: Choice) -> str:
    return choice.reason.key.removeprefix("guard.server_")


GOOD_AND_BETTER = known(("good", replace(FAST, bytes_per_second=20 * MB)), ("better", FAST))


@pytest.mark.parametrize(
    ("name", "choice", "server", "why"),
    [
        ("the best", choose(GOOD_AND_BETTER, ["good", "better"], "good", PLAIN, NOW), "better", "best"),
        ("the current one is the best", choose(GOOD_AND_BETTER, ["good", "better"], "better", PLAIN, NOW), None,
         "current_best"),
        ("a person wants another", choose(GOOD_AND_BETTER, ["good", "better"], "better", PLAIN, NOW, must_move=True),
         "good", "best"),
        ("a little better is not worth it",
         choose(known(("a", FAST), ("b", replace(FAST, bytes_per_second=42 * MB))), ["a", "b"], "a", PLAIN, NOW), None,
         "current_best"),
        ("there is no other", choose({}, ["a"], "a", PLAIN, NOW), None, "none"),
        ("there is none", choose({}, [], "a", PLAIN, NOW, must_move=True), None, "none"),
        ("what failed rests", choose(known(("bad", FAILS)), ["bad"], "a", PLAIN, NOW + DAY / 2), None, "none"),
        ("until the next day", choose(known(("bad", FAILS)), ["bad"], "a", PLAIN, NOW + DAY), None, "current_best"),
        ("a person who has no other choice gets it", choose(known(("bad", FAILS)), ["bad"], "a", PLAIN, NOW,
                                                            must_move=True), "bad", "best"),
        ("every fourth choice goes to who is not known", choose(GOOD_AND_BETTER, ["good", "better", "new"], "better",
                                                                POLICY, NOW, count=3), "new", "try"),
        ("not the third", choose(GOOD_AND_BETTER, ["good", "better", "new"], "better", POLICY, NOW, count=2), None,
         "current_best"),
        ("nor if all are known", choose(GOOD_AND_BETTER, ["good", "better"], "better", POLICY, NOW, count=3), None,
         "current_best"),
        ("nor if all rest", choose(known(("bad", FAILS)), ["bad"], "a", POLICY, NOW, count=3, must_move=True), "bad",
         "best"),
        ("knowledge that has faded counts as none", choose(GOOD_AND_BETTER, ["good", "better"], "better", POLICY,
                                                           NOW + 60 * DAY, count=3), "good", "try"),
        ("a candidate that is ruled out", choose(GOOD_AND_BETTER, ["good", "better"], "x", PLAIN, NOW,
                                                 not_these=["better"], must_move=True), "good", "best"),
    ],
)  # fmt: skip
def test_choices(name: str, choice: Choice, server: str | None, why: str) -> None:
    assert (choice.server, key(choice)) == (server, why)


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), SAMPLES), max_size=20),
    st.sets(st.sampled_from("abcdef")),
    st.sampled_from("abcdef"),
    st.integers(0, 9),
    st.booleans(),
)
def test_a_choice_is_a_candidate_and_not_the_current_one(
    steps: list[tuple[str, Sample]],
    candidates: set[str],
    current: str,
    count: int,
    must_move: bool,  # noqa: FBT001 -- of hypothesis
) -> None:
    records: Records = {}
    for name, sample in steps:
        records = learn(records, name, sample, POLICY, NOW)
    choice = choose(records, candidates, current, POLICY, NOW, count=count, must_move=must_move)
    assert choice.server is None or choice.server in candidates - {current}
    assert choice.server is not None or not must_move or not candidates - {current}


# --- changes ---------------------------------------------------------------------------------------------------------

BEFORE = "198.51.100.1"


@dataclass
class Vpn:
    """A tunnel that takes servers. Each of them `works` or doesn't, `refuses`, or comes out at home."""

    works: set[str]
    refuses: set[str] = field(default_factory=set)
    leaks: set[str] = field(default_factory=set)
    takes: timedelta = timedelta(seconds=20)
    server: str = "current"
    told: list[str] = field(default_factory=list)
    told_at: datetime = NOW
    records: Records = field(default_factory=dict)
    now: datetime = NOW

    def facts(self) -> TunnelFacts:
        up = self.server in self.works | self.leaks and self.now - self.told_at >= self.takes
        address = BEFORE if self.server == "current" else f"192.0.2.{len(self.server)}"
        return TunnelFacts(
            connected=up,
            address=address if up else None,
            asked_at=self.now,
            refused=self.server in self.refuses,
            leaks=up and self.server in self.leaks,
        )

    def rotate(self, *candidates: str) -> Rotation:
        rotation = begin(candidates, "current", candidates[0], BEFORE, self.now)
        self.tell(rotation.server)
        while rotation.stage not in ENDED:
            self.now += timedelta(seconds=5)
            rotation, order = advance(rotation, self.facts(), self.records, POLICY, self.now)
            for server, sample in order.learned.items():
                self.records = learn(self.records, server, sample, POLICY, self.now)
            if order.tell is not None:
                self.tell(order.tell)
        return rotation

    def tell(self, server: str) -> None:
        self.told.append(server)
        self.server, self.told_at = server, self.now


@pytest.mark.parametrize(
    ("name", "vpn", "told", "stage", "worked"),
    [
        ("the first works", Vpn({"a", "current"}), ["a"], Stage.DONE, {"a"}),
        ("the second works", Vpn({"b", "current"}), ["a", "b"], Stage.DONE, {"b"}),
        ("none works: back after three", Vpn({"d", "current"}), ["a", "b", "c", "current"], Stage.KEPT, {"current"}),
        ("not even the one before", Vpn(set()), ["a", "b", "c", "current"], Stage.LOST, set()),
        ("one is refused", Vpn({"b"}, refuses={"a"}), ["a", "b"], Stage.DONE, {"b"}),
        ("one comes out at home", Vpn({"b"}, leaks={"a"}), ["a", "b"], Stage.DONE, {"b"}),
        ("slow to start, but in time", Vpn({"a"}, takes=timedelta(seconds=80)), ["a"], Stage.DONE, {"a"}),
        ("slower than it may be", Vpn({"a", "b"}, takes=timedelta(seconds=100)), ["a", "b", "c", "current"], Stage.LOST,
         set()),
    ],
)  # fmt: skip
def test_changes(name: str, vpn: Vpn, told: list[str], stage: Stage, worked: set[str]) -> None:
    rotation = vpn.rotate("a", "b", "c", "d")
    assert (vpn.told, rotation.stage) == (told, stage)
    assert {server for server, record in vpn.records.items() if record.works.value == 1} == worked
    assert set(told) == set(vpn.records)


def test_a_refused_server_costs_no_time() -> None:
    vpn = Vpn({"b"}, refuses={"a"})
    vpn.rotate("a", "b")
    assert vpn.now - NOW == timedelta(seconds=25)


def test_a_server_that_leaks_is_left_at_once() -> None:
    vpn = Vpn({"b"}, leaks={"a"})
    vpn.rotate("a", "b")
    assert vpn.now - NOW == timedelta(seconds=40)


def test_with_few_candidates_it_goes_back_earlier() -> None:
    vpn = Vpn({"current"})
    assert vpn.rotate("a").stage is Stage.KEPT
    assert vpn.told == ["a", "current"]


def test_what_the_old_connection_showed_proves_nothing() -> None:
    rotation = begin(["a"], "current", "a", BEFORE, NOW)
    later = NOW + timedelta(seconds=5)
    for facts in (
        TunnelFacts(connected=True, address=BEFORE, asked_at=later),
        TunnelFacts(connected=True, address="192.0.2.1", asked_at=NOW - timedelta(seconds=1)),
        TunnelFacts(connected=True, address=None, asked_at=later),
        TunnelFacts(connected=None, address="192.0.2.1", asked_at=later),
        TunnelFacts(connected=True, address="192.0.2.1", asked_at=later, leaks=True),
        TunnelFacts(connected=True, address="192.0.2.1", asked_at=later, refused=True),
    ):
        assert advance(rotation, facts, {}, POLICY, later)[0].stage is not Stage.DONE
    works = TunnelFacts(connected=True, address="192.0.2.1", asked_at=later)
    assert advance(rotation, works, {}, POLICY, later)[0].stage is Stage.DONE


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_a_change_ends_and_never_tries_more_than_it_may(works: set[str], refuses: set[str], leaks: set[str]) -> None:
    vpn = Vpn({*works, "current"}, refuses, leaks)
    rotation = vpn.rotate(*"abcdef")
    assert len(vpn.told) <= POLICY.tries + 1
    assert len(set(vpn.told)) == len(vpn.told)
    if rotation.stage is Stage.DONE:
        assert vpn.server in works - refuses - leaks
    else:
        assert (rotation.stage, vpn.server) == (Stage.KEPT, "current")
    assert vpn.now - NOW <= (POLICY.tries + 1) * (POLICY.proof + timedelta(seconds=5))


def test_the_one_before_has_longer_because_what_crashed_pauses_between_its_tries() -> None:
    rotation = begin(["a"], "current", "a", BEFORE, NOW)
    down = TunnelFacts(connected=False)
    told_at = NOW + POLICY.proof
    early = told_at - timedelta(seconds=1)
    assert advance(rotation, down, {}, POLICY, early) == (rotation, Order())
    rotation, order = advance(rotation, down, {}, POLICY, told_at)
    assert (rotation.stage, order.tell) == (Stage.BACK, "current")
    late = told_at + POLICY.proof_back - timedelta(seconds=1)
    assert advance(rotation, down, {}, POLICY, late)[0].stage is Stage.BACK
    assert advance(rotation, down, {}, POLICY, late + timedelta(seconds=1))[0].stage is Stage.LOST


def test_a_change_is_stored_and_has_its_time_from_when_it_is_found() -> None:
    rotation = begin(["a", "b"], "current", "a", BEFORE, NOW)
    later = NOW + 5 * DAY
    stored = json.loads(json.dumps(rotation.as_json()))
    found = Rotation.from_json(stored, later)
    assert found == replace(rotation, told_at=later)
    with pytest.raises(ValueError, match="sideways"):
        Rotation.from_json({**stored, "stage": "sideways"}, later)
    with pytest.raises(KeyError):
        Rotation.from_json({"stage": "back"}, later)


def test_of_too_many_servers_the_candidates_are_kept_then_the_newest() -> None:
    records: Records = {}
    for number in range(30):
        records = learn(records, f"s{number:02}", FAST, POLICY, NOW + number * DAY)
    kept = bounded(records, {"s03", "s00"}, most=10)
    assert set(kept) == {"s00", "s03", *(f"s{number}" for number in range(22, 30))}
    assert all(kept[server] is records[server] for server in kept)
    assert bounded(records, (), most=30) is records
