"""Something better than what can be watched: when it is looked for, how often at most, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.watchlist.bettering import MOST_UPGRADES
from custom_components.sokoul.watchlist.deciding import StepKind, next_step, refresh
from custom_components.sokoul.watchlist.items import ARR, Better, Keeper, PartState, Wish, WishState
from custom_components.sokoul.watchlist.known import Coming, Known
from custom_components.sokoul.watchlist.matching import matching
from custom_components.sokoul.watchlist.outcomes import hit, looked_for_better, upgraded
from custom_components.sokoul.watchlist.schedule import BETTER_WITHIN
from custom_components.sokoul.watchlist.settings import WatchSettings

from .make import DAY, HOUR, NOW, days, movie, on, part, series
from .test_matching import offer

K, READY = StepKind, PartState.READY
HD, FHD, UHD = (f"Dune.Part.Two.2024.{lines}.WEB-DL.H264-GRP" for lines in ("720p", "1080p", "2160p"))
HASH, NEW = "a" * 40, "b" * 40
AUTO = Known(settings=WatchSettings(auto=True), coming={})
POLICY = Policy(good_enough=Resolution.P1080)
BEST = Policy(good_enough=None)


def known(**values: Any) -> Known:
    return replace(AUTO, **values)


def ready(release: str = HD, *, since: timedelta = 2 * DAY, **values: Any) -> Wish:
    """Return a movie that can be watched, and that no *arr has."""
    of_part = {"release": release, "ready_at": NOW - since, "download": HASH, "out_on": on(-9), "out_at": NOW - days(9)}
    return movie(READY, **({"asked_at": NOW - 9 * DAY, "resolved_at": NOW, "auto": None} | of_part | values))


def coming(download: str = NEW, *, finished: bool = False, release: str = FHD) -> Mapping[str, tuple[Coming, ...]]:
    return {"": (Coming(download=download, release=release, finished=finished),)}


def a_better(points: int | None = 80, **values: Any) -> Better:
    return Better(**({"release": FHD, "download": NEW, "points": points, "grabbed_at": NOW} | values))


def of(wish: Wish) -> Any:
    return wish.parts[0]


@pytest.mark.parametrize(
    ("why", "wish", "what_is_known", "looks"),
    [
        ("it is not good enough", ready(), AUTO, True),
        ("it is, by the usual policy", ready(FHD), AUTO, False),
        ("it is not where the best of all is wanted", ready(FHD), known(policy=BEST), True),
        ("it is the best that is wanted", ready(UHD), AUTO, False),
        ("it is good enough", ready(FHD), known(policy=POLICY), False),
        ("it is not, though that is less than the best", ready(HD), known(policy=POLICY), True),
        ("nothing better is wanted", ready(), known(policy=Policy(upgrades=False)), False),
        ("its name doesn't tell", ready("Dune Part Two"), AUTO, False),
        ("since yesterday only", ready(since=HOUR), AUTO, False),
        ("since five weeks", ready(since=35 * DAY), AUTO, False),
        ("it was fetched anew often enough", ready(upgrades=MOST_UPGRADES), AUTO, False),
        ("a better one is on its way", ready(better=a_better()), known(coming=coming()), False),
        ("nobody may fetch it unasked", ready(auto=False), AUTO, False),
        ("nobody was asked", ready(), known(settings=WatchSettings()), False),
        ("this one may", ready(auto=True), known(settings=WatchSettings(auto=False)), True),
        ("a person is done with it", ready(done_at=NOW - HOUR), AUTO, False),
        ("Radarr has it", ready(keeper=Keeper(backend_id="radarr", library_id=7)), known(has_arr=True), False),
        ("an *arr asked for it", ready(asked_by=ARR), AUTO, False),
        ("Radarr is away, and may have it", ready(), known(has_arr=True, answers=False), False),
        ("Radarr doesn't have it", ready(), known(has_arr=True), True),
        ("there were many searches", ready(), known(searches_from=NOW + HOUR), False),
        ("nothing can be written down", ready(), known(pilot=False), False),
    ],
)
def test_when_it_is_looked_for(why: str, wish: Wish, what_is_known: Known, *, looks: bool) -> None:
    wish = refresh(wish, what_is_known, NOW)
    assert wish.state is WishState.READY
    step = next_step(wish, what_is_known, NOW)
    assert (step.kind is K.UPGRADE) is looks, why
    if not looks and wish.keeper is None:
        assert step.at is None or step.at > NOW


def test_a_person_may_have_it_looked_for_now() -> None:
    wish = refresh(ready(since=HOUR), AUTO, NOW)
    assert next_step(wish, AUTO, NOW).kind is K.NOTHING
    later = known(searches_from=NOW + HOUR)
    step = next_step(wish, later, NOW, asked=NOW)
    assert step.kind is K.UPGRADE
    wish = looked_for_better(wish, step.keys, NOW)
    assert next_step(wish, later, NOW, asked=NOW).kind is K.NOTHING, "once"
    assert next_step(refresh(ready(UHD), AUTO, NOW), AUTO, NOW, asked=NOW).kind is K.NOTHING, "it is good enough"


def test_it_waits_for_its_turn_among_searches() -> None:
    later = known(searches_from=NOW + HOUR)
    assert next_step(refresh(ready(), later, NOW), later, NOW).at == NOW + HOUR


def test_it_is_looked_for_more_and_more_rarely_and_has_an_end() -> None:
    """Daily for a week, then weekly; each look goes by, and after four weeks there is none."""
    now, looks = NOW, []
    wish = ready(since=timedelta())
    for _ in range(50):
        wish = refresh(wish, AUTO, now)
        step = next_step(wish, AUTO, now)
        if step.kind is K.UPGRADE:
            looks.append(now - NOW)
            wish = looked_for_better(wish, step.keys, now, points=60)
        elif step.at is None:
            break
        else:
            now = step.at
    assert len(looks) == 9
    assert all(DAY <= later - one <= 1.1 * DAY for one, later in pairwise(looks[:7]))
    assert all(7 * DAY <= later - one <= 7.7 * DAY for one, later in pairwise(looks[6:]))
    assert looks[-1] < BETTER_WITHIN
    assert (of(wish).points, of(wish).better_until) == (60, None)


def test_what_is_better_takes_the_place_when_it_is_here() -> None:
    wish = refresh(ready(), AUTO, NOW)
    assert [each.key for each in wish.why] == ["watchlist.could_be_better"]
    assert wish.why[0].parameters == {"has": "720p", "wanted": "1080p", "until": NOW - 2 * DAY + BETTER_WITHIN}
    wish = refresh(upgraded(wish, [""], a_better(), points=60), known(coming=coming()), NOW)
    assert (wish.state, of(wish).release, of(wish).download) == (WishState.READY, HD, HASH), "it can still be watched"
    assert [each.key for each in wish.why] == ["watchlist.better_comes"]
    wish = refresh(wish, known(coming=coming(finished=True)), NOW + HOUR)
    assert (of(wish).release, of(wish).download, of(wish).points) == (FHD, NEW, 80)
    assert (of(wish).better, of(wish).upgrades, of(wish).ready_at) == (None, 1, NOW - 2 * DAY)
    assert refresh(wish, known(policy=POLICY), NOW).why == ()


@pytest.mark.parametrize(
    ("name", "download", "called"),
    [
        ("Dune Part Two", HASH, HD),  # it was grabbed under a name that tells more
        (FHD, HASH, FHD),  # it tells better itself what it is
        ("", HASH, HD),
        ("Dune Part Two", NEW, "Dune Part Two"),  # that is another one
    ],
)
def test_what_a_download_is_called(name: str, download: str, called: str) -> None:
    there = {"out_on": on(-9), "out_at": NOW - days(9), "grabbed_at": NOW - HOUR}
    wish = movie(PartState.GRABBED, release=HD, download=HASH, resolved_at=NOW, **there)
    wish = refresh(wish, known(coming=coming(download, release=name), all_seen=False), NOW)
    assert of(wish).release == called


@pytest.mark.parametrize("how", ["failed", "stands"])
def test_a_better_one_that_fails_is_left(how: str) -> None:
    wish = refresh(upgraded(refresh(ready(), AUTO, NOW), [""], a_better(entry_id=7)), known(coming=coming()), NOW)
    failing = {"": (replace(coming()[""][0], **{how: True}),)}
    wish = refresh(wish, known(coming=failing), NOW + HOUR)
    assert (of(wish).better, of(wish).failed, of(wish).release) == (None, (NEW, FHD), HD)


def test_what_came_to_nothing_is_not_fetched_again() -> None:
    wish = refresh(upgraded(refresh(ready(), AUTO, NOW), [""], a_better()), AUTO, NOW)
    assert of(wish).better.gone_since == NOW
    assert refresh(wish, known(coming=coming()), NOW + HOUR).parts[0].better.gone_since is None, "it is seen again"
    assert refresh(wish, known(all_seen=False), NOW + HOUR).parts[0].better is not None, "somebody is away"
    wish = refresh(wish, AUTO, NOW + HOUR)
    assert (of(wish).better, of(wish).failed, of(wish).release) == (None, (NEW, FHD), HD)
    assert of(wish).upgrades == 1
    assert wish.state is WishState.READY


@pytest.mark.parametrize(("theirs", "taken"), [(61, True), (60, False), (59, False), (None, True)])
def test_what_is_no_better_is_not_taken(theirs: int | None, *, taken: bool) -> None:
    wish = upgraded(refresh(ready(), AUTO, NOW), [""], a_better(theirs), points=60)
    assert (of(wish).better is not None) is taken
    assert of(wish).upgrades == taken


def test_a_feed_brings_it_about_sooner() -> None:
    wish = refresh(ready(since=HOUR), AUTO, NOW)
    assert next_step(wish, AUTO, NOW).kind is K.NOTHING
    for name, is_news in ((FHD, True), (HD, False), ("Dune.Part.Two.2024.720p.BluRay.x265-GRP", False)):
        assert bool(matching([offer(name)], [wish])) is is_news, name
    assert next_step(hit(wish, [""], NOW), AUTO, NOW).kind is K.UPGRADE
    assert not matching([offer(FHD)], [refresh(ready(UHD), AUTO, NOW)])
    assert not matching([offer(FHD)], [refresh(ready(better=a_better()), known(coming=coming()), NOW)])


def test_episodes_that_are_missing_come_first() -> None:
    there = {"out_on": on(-9), "out_at": NOW - days(9)}
    one = part("S01E01", READY, release="The.Bear.S01E01.720p.WEB.H264-GRP", ready_at=NOW - 2 * DAY, **there)
    two = part("S01E02", searched_at=NOW - 30 * DAY, **there)
    wish = refresh(series(one, two, resolved_at=NOW), AUTO, NOW)
    assert (next_step(wish, AUTO, NOW).kind, next_step(wish, AUTO, NOW).keys) == (K.SEARCH, ("S01E02",))
    wish = refresh(series(one, resolved_at=NOW), AUTO, NOW)
    assert (next_step(wish, AUTO, NOW).kind, next_step(wish, AUTO, NOW).keys) == (K.UPGRADE, ("S01E01",))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 100), st.integers(1, 40)), max_size=40),
    st.sampled_from([HD, FHD, UHD]),
)
def test_never_more_than_so_many_and_never_a_worse_one(life: list[tuple[bool, int, int]], release: str) -> None:
    """Whatever comes of looks: at most so many are fetched, what is here only gets better, and there is an end."""
    now: datetime = NOW
    wish, fetched, points = refresh(ready(release, since=timedelta()), AUTO, NOW), 0, 50
    for arrives, theirs, hours in life:
        now += hours * HOUR
        wish = refresh(wish, AUTO, now)
        if next_step(wish, AUTO, now).kind is not K.UPGRADE:
            continue
        wish = upgraded(wish, [""], a_better(theirs, grabbed_at=now, release=HD), points=points)
        if of(wish).better is None:
            assert theirs <= points
            continue
        fetched += 1
        assert theirs > points
        what = known(coming=coming(finished=True)) if arrives else AUTO
        for _ in range(2):
            now += HOUR
            wish = refresh(wish, what, now)
        assert of(wish).better is None
        points = theirs if arrives else points
        assert of(wish).points == points
        assert wish.state is WishState.READY
    assert fetched <= MOST_UPGRADES
