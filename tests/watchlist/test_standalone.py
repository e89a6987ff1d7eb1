"""When another release is looked for in place of a grab of its own that came to nothing."""

from dataclasses import replace
from datetime import datetime

import pytest

from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.watchlist.deciding import AT_ONCE, MOST_FAILED, MOST_GIVEN_UP
from custom_components.sokoul.watchlist.standalone import (
    Fate,
    Standalone,
    as_json,
    from_json,
    given_up,
    has_failed,
    next_search,
    searched_in_vain,
)

from .make import HOUR, NOW

HASH, NAME = "a" * 40, "Dune.Part.Two.2024.1080p.WEB-DL.H264-GRP"
FIRST = Standalone(
    request=SearchRequest(text="tmdb:693134", kind=TitleKind.MOVIE, year=2024, sources=frozenset({"prowlarr"})),
    ids=frozenset({"tmdb:693134"}),
    only=frozenset({"qbittorrent"}),
    insists=True,
)


def failing(times: int, searched_at: datetime | None = NOW) -> Standalone:
    it = FIRST
    for number in range(times):
        it = given_up(searched(it, searched_at), f"{number:040}", f"{NAME}{number}")
    return it


def searched(it: Standalone, at: datetime | None) -> Standalone:
    return searched_in_vain(it, at) if at is not None else it


def test_what_was_given_up_is_known_by_its_hash_and_its_name() -> None:
    it = given_up(FIRST, HASH, NAME)
    assert (it.failed, it.given_up) == ((HASH, NAME), 1)
    assert given_up(it, HASH, NAME) == it, "that it stood still is no news"
    assert len(failing(MOST_FAILED).failed) == MOST_FAILED


def test_the_first_times_the_next_best_is_looked_for_at_once() -> None:
    assert [next_search(failing(times)) for times in range(1, AT_ONCE + 1)] == [None] * AT_ONCE
    later = next_search(failing(AT_ONCE + 1))
    assert later is not None
    assert later > NOW + 10 * HOUR, "as after so many searches in vain"


def test_after_a_search_in_vain_it_waits_longer_each_time() -> None:
    it, now, pauses = given_up(FIRST, HASH, NAME), NOW, []
    for _ in range(8):
        it = searched_in_vain(it, now)
        due = next_search(it)
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses == sorted(pauses)
    assert (pauses[0] >= HOUR, pauses[-1] > 20 * HOUR) == (True, True)


def test_what_failed_together_is_not_looked_for_together() -> None:
    other = replace(FIRST, request=replace(FIRST.request, text="tmdb:438631"))
    assert next_search(searched_in_vain(FIRST, NOW)) != next_search(searched_in_vain(other, NOW))


def test_what_leads_nowhere_is_not_tried_again() -> None:
    it = searched_in_vain(given_up(FIRST, HASH, NAME), NOW, useless=("Dune.a", NAME))
    assert it.failed == (HASH, NAME, "Dune.a")
    assert it.given_up == 1


@pytest.mark.parametrize(
    ("fate", "before", "failed"),
    [
        (Fate.COMING, 0, False),
        (Fate.HERE, 0, False),
        (Fate.GONE, 0, False),
        (Fate.FAILED, 0, True),
        (Fate.FAILED, MOST_GIVEN_UP, True),
        (Fate.STANDS, MOST_GIVEN_UP - 1, True),
        (Fate.STANDS, MOST_GIVEN_UP, False),
    ],
)
def test_of_what_merely_stands_still_few_are_given_up(fate: Fate, before: int, *, failed: bool) -> None:
    assert has_failed(failing(before), fate, HASH) is failed
    assert has_failed(given_up(failing(before), HASH, NAME), Fate.STANDS, HASH), "that was decided before"


def test_it_is_kept_as_it_is() -> None:
    it = searched_in_vain(failing(2), NOW)
    assert from_json(as_json(it)) == it
    assert from_json(as_json(FIRST)) == FIRST


@pytest.mark.parametrize("stored", [None, {}, [], {"request": 3}, {"request": {"text": 1}, "ids": "x"}])
def test_what_nobody_can_read_is_none(stored: object) -> None:
    assert from_json(stored) is None
