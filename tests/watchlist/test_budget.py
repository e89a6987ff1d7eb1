"""How many searches there may be for the whole list, and who waits."""

from dataclasses import replace
import json

import pytest

from custom_components.sokoul.watchlist.budget import MOST, MOST_NEW, WITHIN, SearchBudget, is_new
from custom_components.sokoul.watchlist.deciding import StepKind, held_back, next_step, refresh
from custom_components.sokoul.watchlist.items import ARR, SEERR
from custom_components.sokoul.watchlist.known import Known
from custom_components.sokoul.watchlist.outcomes import hit
from custom_components.sokoul.watchlist.settings import WatchSettings

from .make import DAY, HOUR, NOW, days, movie, on, part, series
from .test_deciding import out

MINUTE = HOUR / 60
FULL = Known(settings=WatchSettings(auto=True), searches_from=NOW + HOUR)


def spent(count: int) -> SearchBudget:
    """Return a budget of which so many searches were made, a minute apart, the last of them just now."""
    budget = SearchBudget()
    for number in range(count):
        budget.spend("w", NOW - MINUTE * (count - 1 - number))
    return budget


def test_those_who_wait_come_one_after_the_other() -> None:
    assert spent(MOST - 1).free_at("a", NOW) is None
    budget = spent(MOST)
    first = NOW - MINUTE * (MOST - 1) + WITHIN
    assert budget.free_at("a", NOW) == first
    budget.wait("a", waits=True)
    assert (budget.free_at("a", NOW), budget.free_at("b", NOW)) == (first, first + MINUTE)
    assert (budget.free_at("a", first), budget.free_at("b", first)) == (None, first + MINUTE)
    budget.spend("a", first)
    assert budget.free_at("b", first) == first + MINUTE
    budget.wait("b", waits=True)
    budget.wait("b", waits=False)
    assert budget.free_at("a", first) == first + MINUTE


def test_a_long_queue_waits_for_more_than_one_turn() -> None:
    budget = spent(MOST)
    for number in range(MOST):
        budget.wait(str(number), waits=True)
    assert budget.free_at("later", NOW) == NOW + WITHIN
    for number in range(MOST):
        budget.wait(f"more {number}", waits=True)
    assert budget.free_at("later", NOW) == NOW + 2 * WITHIN
    later = NOW + 2 * WITHIN  # all searches are long ago by then
    assert [budget.free_at(str(number), later) for number in range(MOST)] == [None] * MOST
    assert budget.free_at("more 0", later) == later + WITHIN


def test_a_restart_forgets_no_search() -> None:
    budget = SearchBudget()
    parts = [part(f"S01E{number:02}", searched_at=NOW - MINUTE * number) for number in range(1, MOST + 1)]
    budget.remember([series(*parts), movie()], NOW)
    assert budget.free_at("a", NOW) == NOW - MINUTE * MOST + WITHIN
    budget.spend("w", NOW)
    budget.remember([series(*parts), movie()], NOW)  # the database was opened again
    assert budget.free_at("a", NOW) == NOW - MINUTE * (MOST - 1) + WITHIN


def test_who_waited_before_a_restart_comes_in_the_same_order() -> None:
    """Else those that are looked at first after each restart would have all searches, and the others none."""
    after = HOUR * 1.2  # the pause after the first search in vain, stretched by the wish's id
    first, second = (out(id=name, searched_at=NOW - after - ago, searches=1) for name, ago in (("a", DAY), ("b", HOUR)))
    fresh, done = out(id="new"), replace(first, id="done", done_at=NOW)
    theirs, not_due = replace(first, id="arr", asked_by=ARR), out(id="later", searched_at=NOW - MINUTE, searches=1)
    episodes = [part(f"S01E{number:02}", out_on=on(-3), out_at=NOW - days(3)) for number in (1, 2)]
    just_searched = series(replace(episodes[0], searched_at=NOW - MINUTE, searches=1), episodes[1], id="series")
    budget = SearchBudget()
    budget.remember([just_searched, fresh, done, theirs, not_due, second, first], NOW)
    for number in range(MOST):
        budget.spend("w", NOW - MINUTE * (MOST - 1 - number))
    free = budget.free_at("a", NOW)
    assert free is not None
    assert [budget.free_at(each, NOW) for each in ("new", "b", "series", "somebody else")] == [
        free + MINUTE,
        free + 2 * MINUTE,
        free + 3 * MINUTE,
        free + 4 * MINUTE,
    ]


def test_searches_that_can_wait_do() -> None:
    due = out(searched_at=NOW - 2 * HOUR, searches=1)
    wish = refresh(due, FULL, NOW)
    assert held_back(wish, FULL, NOW)
    step = next_step(wish, FULL, NOW)
    assert step.kind is StepKind.NOTHING
    assert step.at is not None
    assert NOW < step.at <= NOW + HOUR
    assert [each.key for each in wish.why][-2:] == ["watchlist.searches_full", "watchlist.next_look"]
    free = replace(FULL, searches_from=None)
    assert next_step(refresh(wish, free, NOW), free, NOW).kind is StepKind.SEARCH


def test_what_is_new_or_told_by_a_feed_or_wanted_now_never_waits() -> None:
    due = out(searched_at=NOW - 2 * HOUR, searches=1)
    for each, asked in ((out(), None), (hit(due, [""], NOW), None), (due, NOW)):
        wish = refresh(each, FULL, NOW)
        assert next_step(wish, FULL, NOW, asked=asked).kind is StepKind.SEARCH


def test_the_first_that_are_new_never_wait_and_the_others_do() -> None:
    budget = SearchBudget()
    searched = 0
    for number in range(60):  # an import of sixty, within an hour
        now = NOW + MINUTE * number
        facts = replace(FULL, searches_from=budget.free_at(str(number), now), new_from=budget.new_from(now))
        wish = refresh(out(id=str(number)), facts, now)
        if next_step(wish, facts, now).kind is StepKind.SEARCH:
            budget.spend(wish.id, now, new=is_new(wish))
            searched += 1
            continue
        assert held_back(wish, facts, now)
        assert "watchlist.searches_full" in [each.key for each in wish.why]
        budget.wait(wish.id, waits=True)
    assert searched == MOST
    last = NOW + MINUTE * (MOST - MOST_NEW) + WITHIN  # until then the newest ten count
    assert (budget.new_from(NOW + HOUR), budget.new_from(last)) == (last, None)


def test_what_is_new_goes_before_what_waits_until_there_were_many() -> None:
    budget = spent(MOST)
    for number in range(MOST_NEW):
        assert budget.new_from(NOW) is None
        budget.spend(str(number), NOW, new=True)
    assert budget.new_from(NOW) == NOW + WITHIN
    facts = replace(FULL, new_from=NOW + HOUR / 4)
    step = next_step(refresh(out(), facts, NOW), facts, NOW)
    assert (step.kind, step.at) == (StepKind.NOTHING, NOW + HOUR / 4)


def test_what_was_new_before_a_restart_counts() -> None:
    budget = SearchBudget()
    budget.remember([out(id=str(n), searched_at=NOW - MINUTE * n, searches=1) for n in range(MOST_NEW)], NOW)
    assert budget.new_from(NOW) == NOW - MINUTE * (MOST_NEW - 1) + WITHIN


def test_requests_of_seerr_and_what_was_tried_before_wait() -> None:
    tried = out()
    fetched = replace(tried, parts=(replace(tried.parts[0], failed=("a", "b")),))
    for wish in (out(asked_by=SEERR), out(failures=1), out(found=3), fetched):
        assert not is_new(wish)
        stands = refresh(wish, FULL, NOW)
        assert next_step(stands, FULL, NOW).kind is StepKind.NOTHING
        assert held_back(stands, FULL, NOW)


def test_a_long_series_waits_after_its_first_search() -> None:
    parts = [part(f"S01E{number:02}", out_on=on(-90), out_at=NOW - days(90)) for number in range(1, 9)]
    searched = replace(parts[0], searched_at=NOW - HOUR, searches=1, season_at=NOW - HOUR)
    wish = refresh(series(searched, *parts[1:], resolved_at=NOW), FULL, NOW)
    assert next_step(wish, FULL, NOW).kind is StepKind.NOTHING
    assert held_back(wish, FULL, NOW)


def test_all_searches_are_kept_over_a_restart_and_none_counts_twice() -> None:
    kept: list[object] = []
    before = SearchBudget(kept.append)
    for number in range(MOST + 1):
        before.spend("grab:1", NOW - MINUTE * (MOST - number), new=True)
    after = SearchBudget()
    after.recall(json.loads(json.dumps(kept[-1])))
    after.remember([out(id=str(n), searched_at=NOW - MINUTE * n, searches=1) for n in range(MOST)], NOW)
    assert after.free_at("a", NOW) == before.free_at("a", NOW) == NOW - MINUTE * (MOST - 1) + WITHIN
    assert after.new_from(NOW) == before.new_from(NOW) == NOW - MINUTE * (MOST_NEW - 1) + WITHIN
    after.spend("a", NOW)
    assert after.free_at("a", NOW) == NOW - MINUTE * (MOST - 2) + WITHIN


@pytest.mark.parametrize("stored", [None, [], {"all": "never"}, {"all": ["2026-11-22"]}, {"some": []}, {"all": [1]}])
def test_what_nobody_can_read_of_earlier_searches_is_nothing(stored: object) -> None:
    budget = SearchBudget()
    budget.recall(stored)
    assert budget.free_at("a", NOW) is None
    budget.remember([out(id=str(n), searched_at=NOW - MINUTE * n, searches=1) for n in range(MOST)], NOW)
    assert budget.free_at("a", NOW) == NOW - MINUTE * (MOST - 1) + WITHIN, "what wishes tell counts then"
