"""When something can be had, and how often it is looked for."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.catalogue import CatalogueEpisode
from custom_components.sokoul.watchlist.items import Dates, Out, PartState
from custom_components.sokoul.watchlist.schedule import (
    RARELY,
    SOON,
    Release,
    next_look,
    next_search,
    pause,
    pause_of,
    release_of_movie,
    releases_of_episodes,
)

from .make import DAY, DUNE, HOUR, NOW, days, movie, on, part


def midnight(distance: int) -> datetime:
    return datetime.combine(on(distance), datetime.min.time(), UTC)


@pytest.mark.parametrize(
    ("said", "dates", "release"),
    [
        ("a digital date counts", Dates(digital=on(3)), Release(on=on(3), out=Out.DIGITAL, at=midnight(3))),
        ("so does a disc", Dates(physical=on(3)), Release(on=on(3), out=Out.PHYSICAL, at=midnight(3))),
        ("the first of both", Dates(physical=on(9), digital=on(3)), Release(on=on(3), out=Out.DIGITAL, at=midnight(3))),
        ("a disc first", Dates(physical=on(-9), digital=on(3)), Release(on=on(-9), out=Out.PHYSICAL, at=midnight(-9))),
        (
            "cinemas don't count while a date at home is known",
            Dates(cinema=on(-200), digital=on(3)),
            Release(on=on(3), out=Out.DIGITAL, at=midnight(3)),
        ),
        (
            "cinemas alone: 90 days later is a guess, and from 45 on somebody may have it",
            Dates(cinema=on(0)),
            Release(on=on(90), out=Out.GUESSED, at=midnight(45)),
        ),
        ("nothing known: on the chance", Dates(), Release(at=NOW - DAY)),
        (
            "the disc of a new edition, years after the cinemas",
            Dates(cinema=on(-1_000), physical=on(30)),
            Release(on=on(-910), out=Out.GUESSED, at=midnight(-955)),
        ),
        (
            "the end of time comes no later",
            Dates(cinema=date(9999, 12, 30)),
            Release(on=date.max, out=Out.GUESSED, at=datetime(9999, 12, 31, tzinfo=UTC)),
        ),
    ],
)
def test_when_a_movie_comes_home(said: str, dates: Dates, release: Release) -> None:
    assert release_of_movie(movie(), dates, NOW) == release, said


@pytest.mark.parametrize(("year", "wanted"), [(1984, True), (2026, True), (2027, False), (None, True)])
def test_a_movie_without_dates_is_looked_for_from_its_year_on(year: int | None, *, wanted: bool) -> None:
    wish = movie(meant=replace(DUNE, year=year))
    assert (release_of_movie(wish, Dates(), NOW).at is not None) is wanted


@pytest.mark.parametrize(("year", "waits"), [(1984, False), (2024, False), (2025, True), (2026, True), (None, True)])
def test_an_old_movie_does_not_wait_for_a_new_edition(year: int | None, *, waits: bool) -> None:
    release = release_of_movie(movie(meant=replace(DUNE, year=year)), Dates(physical=on(60)), NOW)
    assert release == (Release(on=on(60), out=Out.PHYSICAL, at=midnight(60)) if waits else Release(at=NOW - DAY))


def episode(season: int, number: int, airs_on: date | None = None, airs_at: datetime | None = None) -> CatalogueEpisode:
    return CatalogueEpisode(season=season, episode=number, airs_on=airs_on, airs_at=airs_at)


EVENING = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "episodes", "at"),
    [
        ("half an hour after it began", [episode(1, 1, airs_at=EVENING)], EVENING + HOUR / 2),
        ("its day alone: noon", [episode(1, 1, on(-1))], midnight(-1) + 12 * HOUR),
        ("nobody knows", [episode(1, 1)], None),
        ("a later one is out, so it is", [episode(1, 1), episode(1, 2, on(-9))], midnight(-9) + 12 * HOUR),
        ("a later one is not", [episode(1, 1), episode(1, 2, on(9))], midnight(9) + 12 * HOUR),
        (
            "the first of the later ones",
            [episode(1, 1), episode(1, 3, on(9)), episode(1, 2, on(2))],
            midnight(2) + 12 * HOUR,
        ),
        ("one of another season says nothing", [episode(1, 1), episode(2, 1, on(-9))], None),
    ],
)
def test_when_an_episode_can_be_had(said: str, episodes: list[CatalogueEpisode], at: datetime | None) -> None:
    assert releases_of_episodes(episodes)[1, 1].at == at, said


def test_an_earlier_episode_says_nothing() -> None:
    assert releases_of_episodes([episode(1, 1, on(-9)), episode(1, 2)])[1, 2] == Release()


def test_specials_are_in_no_order() -> None:
    told = releases_of_episodes([episode(0, 1), episode(0, 2, on(-9))])
    assert told[0, 1] == Release()


# --- searching -------------------------------------------------------------------------------------------------------

OUT = NOW - days(2)


def test_the_first_searches_come_soon_and_the_later_ones_rarely() -> None:
    """What nobody offered is looked for at once, an hour later, then less and less."""
    assert [pause(SOON, count) / HOUR for count in range(1, 7)] == [1, 3, 6, 12, 24, 24]
    assert [pause(SOON, count) / DAY for count in (18, 19, 28, 29, 500)] == [1, 3, 3, 7, 7]
    assert [pause(RARELY, count) / DAY for count in (1, 2, 5, 6, 500)] == [1, 3, 3, 7, 7]


@pytest.mark.parametrize(
    ("said", "values", "hours"),
    [
        ("never looked for: at once", {}, -48),
        ("an hour after the first search in vain", {"searched_at": NOW, "searches": 1}, 1),
        ("three hours after the second", {"searched_at": NOW, "searches": 2}, 3),
        ("searches from before it came out don't count", {"searched_at": OUT - DAY, "searches": 9}, -48),
        (
            "it moved into the future",
            {"searched_at": NOW, "searches": 1, "out_at": NOW + days(9), "out_on": on(9)},
            216,
        ),
        ("nobody knows when it comes out", {"out_at": None, "out_on": None}, None),
        ("a guess is rarely looked for", {"searched_at": NOW, "searches": 1, "out": Out.GUESSED}, 24),
        ("so is what has no date", {"searched_at": NOW, "searches": 2, "out_on": None}, 72),
        (
            "what is out for long comes not within the hour",
            {"searched_at": NOW, "searches": 1, "out_at": NOW - days(60)},
            24,
        ),
        ("a feed has it: at once", {"searched_at": NOW - 2 * HOUR, "searches": 9, "hit_at": NOW}, 0),
        ("but not right after a search", {"searched_at": NOW - HOUR / 12, "searches": 9, "hit_at": NOW}, 1 / 12),
        ("a search after it has seen it", {"searched_at": NOW, "searches": 2, "hit_at": NOW - HOUR}, 3),
    ],
)
def test_when_it_is_looked_for_next(said: str, values: dict[str, object], hours: float | None) -> None:
    """To within a tenth of the pause, by which wishes differ."""
    wish = movie(PartState.SEARCHING, **({"out_on": on(-2), "out": Out.DIGITAL, "out_at": OUT} | values))
    at = next_search(wish, wish.parts[0])
    if hours is None:
        assert at is None, said
        return
    assert at is not None
    late = at - (NOW + hours * HOUR)
    assert timedelta(0) <= late <= max(abs(hours) * HOUR / 10, HOUR / 4), said


counts = st.integers(0, 60)
ids = st.text(min_size=1, max_size=26)


@given(wish_id=ids, guessed=st.booleans(), old=st.booleans())
def test_pauses_never_get_shorter(wish_id: str, *, guessed: bool, old: bool) -> None:
    out_at = NOW - days(60 if old else 1)
    base = part("S01E01", out_on=None if guessed else out_at.date(), out_at=out_at, searched_at=NOW)
    pauses = [pause_of(replace(base, searches=count), wish_id) for count in range(1, 60)]
    assert all(one <= other for one, other in pairwise(pauses))
    assert pauses[0] >= HOUR


@given(ids, counts)
def test_a_pause_never_gets_shorter_by_age(wish_id: str, count: int) -> None:
    base = part("S01E01", out_on=on(-30), searches=count, searched_at=NOW)
    young, old = (replace(base, out_at=NOW - days(age)) for age in (29, 31))
    assert pause_of(young, wish_id) <= pause_of(old, wish_id)


@given(ids, st.integers(-(10**9), 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)))
def test_the_next_look_is_in_the_future_and_stays_the_same_until_then(wish_id: str, now: datetime) -> None:
    at = next_look(wish_id, HOUR, now)
    assert now < at <= now + HOUR
    assert next_look(wish_id, HOUR, now + (at - now) / 2) == at


def test_wishes_of_one_moment_are_not_looked_for_at_one_moment() -> None:
    wish = movie(PartState.SEARCHING, out_on=on(0), out=Out.DIGITAL, out_at=midnight(0))
    moments = {next_search(replace(wish, id=str(number)), wish.parts[0]) for number in range(20)}
    assert len(moments) == 20
