"""Everybody who asked for a title is kept, once each, and not without end."""

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.watchlist.changing import MOST_ASKERS, anew, asked_too
from custom_components.sokoul.watchlist.items import ARR, SEERR, Asker, Wish

from .make import movie

ANNA, LEA = Asker(by="anna", name="Anna"), Asker(by="lea", name="L\u00e9a")
MARC, SOMEBODY = Asker(by=SEERR, name="Marc"), Asker(by=SEERR)
BY_ANNA = movie(asked_by="anna", requested_by="Anna")


@pytest.mark.parametrize(
    ("wish", "others", "known"),
    [
        (BY_ANNA, (LEA,), (ANNA, LEA)),
        (BY_ANNA, (ANNA,), (ANNA,)),
        (BY_ANNA, (Asker(by="anna", name="Anna Maria"),), (ANNA,)),  # who has another name by now is the same
        (BY_ANNA, (LEA, MARC, LEA, MARC), (ANNA, LEA, MARC)),
        (BY_ANNA, (MARC, SOMEBODY, SOMEBODY), (ANNA, MARC, SOMEBODY)),
        (movie(), (LEA,), (LEA,)),  # nobody knows who was the first
        (movie(asked_by=ARR), (LEA,), (LEA,)),
        (movie(asked_by=SEERR, requested_by="Marc"), (MARC, ANNA), (MARC, ANNA)),
    ],
)
def test_each_is_kept_once(wish: Wish, others: tuple[Asker, ...], known: tuple[Asker, ...]) -> None:
    noted = asked_too(wish, others)
    assert noted.askers == known
    assert asked_too(noted, others) is noted


def test_who_asked_is_kept_with_another_name_of_it() -> None:
    assert anew(asked_too(BY_ANNA, [LEA]), "dune part two").askers == (ANNA, LEA)


_PEOPLE = st.builds(Asker, by=st.sampled_from([SEERR, *map(str, range(40))]), name=st.sampled_from(["", "A", "B"]))


@given(st.lists(st.lists(_PEOPLE, max_size=15), max_size=6))
def test_there_is_an_end_to_them_and_the_first_stay(told: list[list[Asker]]) -> None:
    wish = BY_ANNA
    for each in told:
        before = wish.askers
        wish = asked_too(wish, each)
        assert wish.askers[: len(before)] == before
    assert wish.askers[0] == ANNA
    assert len(wish.askers) <= MOST_ASKERS
    people = [(each.by, each.name if each.by == SEERR else "") for each in wish.askers]
    assert len(set(people)) == len(people)
