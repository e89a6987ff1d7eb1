"""Slow torrents: what comes is not lightly given up, and never for what the line does."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.observe import STRETCH
from custom_components.sokoul.autopilot.rules.base import OPEN, Case, Facts, Gate, Later, Surroundings, Verdict
from custom_components.sokoul.autopilot.rules.slow import RULE, SlowPolicy
from custom_components.sokoul.model.downloads import DownloadState, Transfer
from custom_components.sokoul.model.journal import ActKind, Proposal
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import days, episodes, hours, minutes, of, queued, usenet
from tests.autopilot.rules.swarms import FETCHING, NEW, OLD, STALLED, download, having, magnet
from tests.model import make
from tests.model.make import GB, NOW

KB = 1000
EVERY = minutes(10)
LOTS = having(0.4, 40 * GB)
FAST = Transfer(download_rate=5_000 * KB)
#: Others come fast: the line is good.
BESIDE = Surroundings(transfer=FAST)
PRIVATE = of(NEW, private=True)
FOUR_K = (make.arr(make.item(), id="radarr4k", title="Radarr 4K"),)
PACK = (make.item(titles=episodes(1, 2, 3, 4)),)


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """A line of the table: what comes at `rate`, in kB/s, and what is wanted `after` its pace was known."""

    name: str
    rate: float
    after: timedelta
    replaced: bool
    asks: bool = False
    share: dict[str, Any] = field(default_factory=lambda: LOTS)
    torrent: dict[str, Any] = field(default_factory=lambda: {"state": FETCHING})
    facts: Facts = NEW
    around: Surroundings = BESIDE
    gate: Gate = OPEN
    policy: SlowPolicy = field(default_factory=SlowPolicy)

    def look(self, passed: timedelta) -> Download:
        come = round(self.rate * KB * passed.total_seconds())
        share = {**self.share, "remaining_bytes": max(self.share["remaining_bytes"] - come, 1)}
        return download(**share | self.torrent)

    def wants(self) -> Verdict:
        """Live it through; it ends with the first proposal."""
        drive, passed, lasts = Drive(RULE, self.policy, self.facts), timedelta(), self.after + STRETCH
        while passed < lasts:
            verdict = drive.see(NOW + passed, self.look(passed), gate=self.gate, around=self.around)
            assert not isinstance(verdict, Proposal), f"after {passed}"
            passed += EVERY
        return drive.see(NOW + lasts, self.look(lasts), gate=self.gate, around=self.around)


def so(name: str, rate: float, after: timedelta, *, replaced: bool, **fields: Any) -> Crawl:
    return Crawl(name=name, rate=rate, after=after, replaced=replaced, **fields)


LEFT_ALONE = (
    so("nearly six hours at 40 kB/s", 40, hours(6) - minutes(1), replaced=False),
    so("50 kB/s is not slow", 50, days(2), replaced=False),
    so("nothing at all: stalled, not slow", 0, days(2), replaced=False),
    so("at this moment it comes faster", 40, days(1), replaced=False,
       torrent={"state": FETCHING, "download_rate": 900 * KB}),
    # it is explained
    so("the line is used up, limited, or on the alternative limits", 40, days(2), replaced=False,
       around=Surroundings(transfer=FAST, line_busy=True)),
    so("most are slow: the provider throttles at night", 40, days(2), replaced=False,
       around=Surroundings(transfer=FAST, slow_for_most=True)),
    so("a limit of its own", 28, days(2), replaced=False, torrent={"state": FETCHING, "download_limit": 30 * KB}),
    so("the line is dead", 40, days(2), replaced=False, gate=SHUT),
    so("alone, all night: nothing shows that the line is good", 40, hours(23), replaced=False,
       around=Surroundings(transfer=Transfer(download_rate=40 * KB))),
    so("its client doesn't say how fast it is", 40, hours(23), replaced=False, around=Surroundings()),
    so("its *arr is away", 40, days(1), replaced=False,
       around=Surroundings(transfer=FAST, arrs_away=frozenset({"radarr"}))),
    # too good to lose
    so("nine tenths are here", 1, days(2), replaced=False, share=having(0.9, 20 * GB)),
    so("in six hours it's here", 40, hours(3), replaced=False, policy=SlowPolicy(patience=hours(2)),
       share={"size_bytes": 4 * GB, "remaining_bytes": 6 * 3600 * 40 * KB, "progress": 0.8}),
    so("a pack that is mostly here", 1, days(2), replaced=False, share=having(0.85, 20 * GB),
       torrent={"state": FETCHING, "items": PACK}),
    # not fetching
    *(so(state, 40, days(2), replaced=False, torrent={"state": state}) for state in DownloadState
      if state not in {FETCHING, STALLED}),
)  # fmt: skip

REPLACED = (
    so("40 kB/s for six hours", 40, hours(6), replaced=True),
    so("a trickle, mostly stalled", 0.02, hours(6), replaced=True, torrent={"state": STALLED}),
    so("a limit of its own that it doesn't reach", 20, hours(6), replaced=True,
       torrent={"state": FETCHING, "download_limit": 30 * KB}),
    so("alone, for a day", 40, days(1), replaced=True,
       around=Surroundings(transfer=Transfer(download_rate=40 * KB))),
    so("nearly nine tenths are here", 1, hours(6), replaced=True, share=having(0.89, 20 * GB)),
    so("in nine hours it's here", 40, hours(2), replaced=True, policy=SlowPolicy(patience=hours(2)),
       share={"size_bytes": 4 * GB, "remaining_bytes": 9 * 3600 * 40 * KB, "progress": 0.7}),
    so("half of a pack is here", 1, hours(6), replaced=True, share=having(0.5, 20 * GB),
       torrent={"state": FETCHING, "items": PACK}),
    so("private: a person is asked", 40, hours(6), replaced=True, asks=True, facts=PRIVATE),
    so("rare: a person is asked", 40, hours(6), replaced=True, asks=True, facts=OLD),
    so("nobody knows whether it is private", 40, hours(6), replaced=True, asks=True, facts=of(NEW, private=None)),
    so("two *arrs wait for it: a person is asked", 40, hours(6), replaced=True, asks=True,
       torrent={"state": FETCHING, "others": FOUR_K}),
)  # fmt: skip


@pytest.mark.parametrize("case", [*LEFT_ALONE, *REPLACED], ids=lambda case: case.name)
def test_slow(case: Crawl) -> None:
    verdict = case.wants()
    assert isinstance(verdict, Proposal) is case.replaced, verdict
    if isinstance(verdict, Proposal):
        assert verdict.act is ActKind.REPLACE
        assert (verdict.ceiling.value == "suggest") is case.asks
        assert verdict.reason.key == "heal.slow"
        assert verdict.reason.parameters == {"rate": round(case.rate * KB), "slow": case.after}


@pytest.mark.parametrize("case", REPLACED, ids=lambda case: case.name)
def test_not_a_minute_earlier(case: Crawl) -> None:
    assert not isinstance(replace(case, after=case.after - minutes(1)).wants(), Proposal)


@pytest.mark.parametrize("look", [magnet(), queued(usenet())], ids=["a magnet link", "usenet"])
def test_what_has_no_pace_is_not_slow(look: Download) -> None:
    drive = Drive(RULE, facts=NEW)
    for step in range(200):
        drive.see(NOW + EVERY * step, look, around=BESIDE)
    assert drive.memory.elapsed(RULE.key, NOW + days(9)) == timedelta()


# --- the predicted finish --------------------------------------------------------------------------------------------

LATE = so("10 GB at 100 kB/s take more than a day", 100, hours(6), replaced=True, share=having(0.4, 20 * GB))


def test_a_late_finish_is_nothing_by_default() -> None:
    assert SlowPolicy().latest_finish is None
    assert not isinstance(LATE.wants(), Proposal)


def test_a_finish_that_is_too_late() -> None:
    verdict = replace(LATE, policy=SlowPolicy(latest_finish=days(1))).wants()
    assert isinstance(verdict, Proposal)
    assert verdict.reason.key == "heal.slow_finish"
    left = timedelta(seconds=(12 * GB - 6.5 * 3600 * 100 * KB) / (100 * KB))
    assert verdict.reason.parameters == {"rate": 100 * KB, "left": left}


def test_a_finish_that_is_early_enough() -> None:
    assert not isinstance(replace(LATE, policy=SlowPolicy(latest_finish=days(2))).wants(), Proposal)


def test_time_in_which_nothing_came_is_not_counted() -> None:
    crawl = so("", 40, days(1), replaced=False)
    drive, passed = Drive(RULE, facts=NEW), timedelta()
    while passed < hours(5):
        drive.see(NOW + passed, crawl.look(timedelta()), around=BESIDE)
        passed += EVERY
    while passed < hours(6):
        drive.see(NOW + passed, crawl.look(passed - hours(5) + EVERY), around=BESIDE)
        passed += EVERY
    assert drive.memory.elapsed(RULE.key, NOW + passed) <= hours(1)
    assert RULE.key in drive.memory.clocks


# --- over time -------------------------------------------------------------------------------------------------------


def test_one_good_stretch_begins_it_anew() -> None:
    drive = Drive(RULE, facts=NEW)
    crawl, left = so("", 40, days(1), replaced=False), LOTS["remaining_bytes"]
    for step in range(36):  # six hours
        drive.see(NOW + EVERY * step, crawl.look(EVERY * step), around=BESIDE)
    burst = {**LOTS, "remaining_bytes": left - GB}
    for step in (36, 37, 38, 39):
        drive.see(NOW + EVERY * step, download(FETCHING, **burst), around=BESIDE)
    assert drive.memory.elapsed(RULE.key, NOW + EVERY * 39) == timedelta()


def test_what_ran_dry_meanwhile_is_not_slow_any_more() -> None:
    """Its last bytes came an hour ago, and nothing has changed since, so nobody looked."""
    crawl = so("", 40, hours(5), replaced=False)
    drive, passed = Drive(RULE, facts=NEW), timedelta()
    while passed <= hours(5):
        drive.see(NOW + passed, crawl.look(passed), around=BESIDE)
        passed += EVERY
    last = crawl.look(hours(5))
    case = Case(download=last, now=NOW + hours(7), memory=drive.memory, facts=NEW, around=BESIDE)
    assert RULE.judge(case, SlowPolicy(), hours(7)) == Later(hours(8))


RATES = st.lists(st.tuples(st.integers(0, 200), st.booleans(), st.booleans(), st.booleans()), max_size=60)


@given(RATES)
def test_nothing_is_given_up_that_came_fast_enough_lately(steps: list[tuple[int, bool, bool, bool]]) -> None:
    """Each step is a stretch of time, at its own rate in kB/s; it is trusted only while nothing else explains it."""
    drive, now, left, slow = Drive(RULE, facts=NEW), NOW, 400 * GB, 0
    drive.see(now, download(FETCHING, size_bytes=500 * GB, remaining_bytes=left), around=BESIDE)
    for rate, is_open, busy, most in steps:
        now += STRETCH
        left -= round(rate * KB * STRETCH.total_seconds())
        look = download(FETCHING, size_bytes=500 * GB, remaining_bytes=left)
        around = Surroundings(transfer=FAST, line_busy=busy, slow_for_most=most)
        verdict = drive.see(now, look, around=around, **({} if is_open else {"gate": SHUT}))
        if isinstance(verdict, Proposal):
            assert is_open
            assert not busy
            assert not most
            assert slow >= 12, "six hours of half-hour stretches"
        slow = 0 if rate >= 50 and is_open else slow + 1
