"""When a disk will be full: right where there is a trend, silent where there is none."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import assume, given, strategies as st
import pytest

from custom_components.sokoul.autopilot.trend import AGREEMENT, HORIZON, full_at
from tests.model.make import GB, NOW

type Samples = list[list[float]]


def at(hours_ago: float, free: float) -> list[float]:
    return [(NOW - timedelta(hours=hours_ago)).timestamp(), free]


def line(now_bytes: float, daily_bytes: float, hours: Sequence[float] = range(0, 96, 2)) -> Samples:
    """Return samples of a disk that loses `daily_bytes` a day and has `now_bytes` left."""
    return [at(hour, now_bytes + daily_bytes * hour / 24) for hour in hours]


def test_a_steady_loss_gives_the_day() -> None:
    assert full_at(line(100 * GB, 10 * GB), NOW) == NOW + timedelta(days=10)


def test_eight_samples_over_two_days_are_enough_and_seven_are_not() -> None:
    samples = line(100 * GB, 10 * GB, hours=[0, 7, 14, 21, 28, 35, 42, 48])
    assert full_at(samples, NOW) == NOW + timedelta(days=10)
    assert full_at(samples[:6] + samples[7:], NOW) is None
    assert full_at([*samples[:7], at(47, 120 * GB)], NOW) is None


def test_samples_of_the_future_or_the_distant_past_are_left_out() -> None:
    samples = line(100 * GB, 10 * GB)
    assert full_at([*samples, at(-5, 900 * GB), at(24 * 20, 0)], NOW) == full_at(samples, NOW)


def test_the_order_of_samples_does_not_matter() -> None:
    assert full_at(list(reversed(line(100 * GB, 10 * GB))), NOW) == NOW + timedelta(days=10)


def test_one_big_delete_is_an_outlier() -> None:
    samples = line(100 * GB, 10 * GB)
    for index in (10, 11, 12):
        samples[index][1] += 500 * GB
    full = full_at(samples, NOW)
    assert full is not None
    assert abs(full - NOW - timedelta(days=10)) < timedelta(days=1)


def test_a_disk_that_was_cleaned_yesterday_is_judged_by_what_comes_after_only_when_it_shows() -> None:
    before = [at(hour, 10 * GB + 5 * GB * (hour - 48) / 24) for hour in range(48, 300, 4)]
    after = [at(hour, 400 * GB + 5 * GB * hour / 24) for hour in range(0, 48, 4)]
    full = full_at(before + after, NOW)
    assert full is None or full - NOW > timedelta(days=30)


SILENT = (
    ("nothing known", []),
    ("too few samples", line(100 * GB, 10 * GB, hours=range(0, 96, 16))),
    ("too short a time", line(100 * GB, 10 * GB, hours=range(24))),
    ("nothing for days", line(100 * GB, 10 * GB, hours=range(48, 200, 2))),
    ("older than two weeks", line(100 * GB, 10 * GB, hours=range(400, 700, 4))),
    ("it stays as it is", line(100 * GB, 0)),
    ("it gets more", line(100 * GB, -10 * GB)),
    ("full in a year", line(1000 * GB, 2 * GB)),
    ("it fills by day and is cleaned by night", [at(hour, 100 * GB - 2 * GB * (hour % 24)) for hour in range(96)]),
)


@pytest.mark.parametrize("samples", [each[1] for each in SILENT], ids=[each[0] for each in SILENT])
def test_without_a_trend_there_is_no_date(samples: Samples) -> None:
    assert full_at(samples, NOW) is None


def test_a_disk_that_is_full_is_full_now() -> None:
    assert full_at(line(0, 10 * GB), NOW) == NOW


@given(
    free=st.integers(1, 900),
    daily=st.integers(10, 60),
    noise=st.lists(st.floats(-0.4, 0.4), min_size=48, max_size=48),
    shift=st.floats(0, 20),
)
def test_a_noisy_line_gives_about_the_day(free: int, daily: int, noise: list[float], shift: float) -> None:
    days = free / daily
    assume(1 < days < HORIZON.days - 5)
    samples = line(free * GB, daily * GB)
    for sample, each in zip(samples, noise, strict=True):
        sample[0] -= shift * 3600
        sample[1] += each * GB
    full = full_at(samples, NOW)
    assert full is not None
    expected = timedelta(days=days) - timedelta(hours=shift)
    assert abs(full - NOW - max(expected, timedelta())) < max(timedelta(days=days) * 0.15, timedelta(hours=3))


@given(st.lists(st.tuples(st.floats(-10, 400), st.floats(0, 1e13)), max_size=80))
def test_whatever_was_sampled_a_date_lies_ahead(samples: list[tuple[float, float]]) -> None:
    full = full_at([at(hours, free) for hours, free in samples], NOW)
    assert full is None or NOW <= full <= NOW + HORIZON


@given(st.lists(st.floats(0, 1e12), min_size=10, max_size=60))
def test_space_that_never_shrinks_gives_no_date(sizes: list[float]) -> None:
    growing = [at(100 - index, free) for index, free in enumerate(sorted(sizes))]
    assert full_at(growing, NOW) is None
    assert 0.5 < AGREEMENT < 1
