"""Choosing a replacement: what the *arr would take if the present one were gone, and nothing that is no better."""

from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.replacing import choose
from custom_components.sokoul.model.library import Protocol, Title, TitleKind
from custom_components.sokoul.model.releases import BlocklistEntry, Candidate

MOVIE = Title(kind=TitleKind.MOVIE, id=1, name="Sintel", year=2010)
EPISODES = tuple(
    Title(kind=TitleKind.EPISODE, id=number, name="Series", series_id=7, season=1, episode=number)
    for number in range(1, 4)
)


def candidate(title: str = "New", **fields: Any) -> Candidate:
    defaults: dict[str, Any] = {
        "guid": title,
        "indexer_id": 1,
        "indexer": "Indexer",
        "protocol": Protocol.TORRENT,
        "size_bytes": 10**9,
        "seeders": 5,
        "only_queue_objects": True,
        "download_allowed": True,
        "title_ids": frozenset({1}),
    }
    return Candidate(title=title, **defaults | fields)


def chosen(*candidates: Candidate, titles: Any = (MOVIE,), **fields: Any) -> str | None:
    found = choose(candidates, titles, **{"instead_of": "Old", "info_hash": "aa"} | fields)
    return found.title if found else None


@pytest.mark.parametrize(
    ("name", "fields", "fits"),
    [
        ("what only the queue speaks against", {}, True),
        ("rejected for another reason", {"only_queue_objects": False}, False),
        ("of a title that the *arr doesn't know", {"download_allowed": False}, False),
        ("the present one, by its hash", {"info_hash": "aa"}, False),
        ("another one of another hash", {"info_hash": "bb"}, True),
        ("nobody seeds it", {"seeders": 0}, False),
        ("nobody knows who seeds it", {"seeders": None}, True),
        ("usenet has no seeders", {"protocol": Protocol.USENET, "seeders": None}, True),
        ("another film", {"title_ids": frozenset({2})}, False),
        ("two films in one", {"title_ids": frozenset({1, 2})}, True),
        ("nobody knows for what", {"title_ids": frozenset()}, True),
    ],
)
def test_what_fits(*, name: str, fields: dict[str, Any], fits: bool) -> None:
    assert (chosen(candidate(**fields)) is not None) == fits, name


@pytest.mark.parametrize("title", ["Old", "OLD", "old"])
def test_the_same_release_elsewhere_is_no_other(title: str) -> None:
    assert chosen(candidate(title, indexer="Other", info_hash="bb")) is None


def test_the_arr_knows_best_which() -> None:
    assert chosen(candidate("b", weight=2), candidate("a", weight=1), candidate("c", weight=3)) == "a"


def test_what_a_person_agreed_to_comes_first() -> None:
    three = [candidate(name, weight=number) for number, name in enumerate("abc")]
    assert chosen(*three, prefer="c") == "c"
    assert chosen(*three, prefer="gone") == "a", "what they agreed to may be gone: then the best"


@pytest.mark.parametrize(
    ("release", "indexer", "blocks"),
    [("New", "Indexer", True), ("new", "INDEXER", True), ("New", None, True), ("New", "Other", False),
     ("Newer", "Indexer", False)],
)  # fmt: skip
def test_what_is_blocked(*, release: str, indexer: str | None, blocks: bool) -> None:
    entry = BlocklistEntry(id=1, release=release, title_ids=frozenset({1}), indexer=indexer)
    assert (chosen(candidate(), blocked=[entry]) is None) == blocks


@pytest.mark.parametrize(
    ("title_ids", "full_season", "fits"),
    [
        (frozenset({1, 2, 3}), True, True),
        (frozenset({1, 2, 3, 4}), True, True),
        (frozenset({1, 2}), True, False),
        (frozenset({1}), False, False),
        (frozenset(), True, True),
        (frozenset(), False, False),
    ],
)
def test_a_pack_is_replaced_by_what_has_all_of_it(*, title_ids: frozenset[int], full_season: bool, fits: bool) -> None:
    found = chosen(candidate(title_ids=title_ids, full_season=full_season), titles=EPISODES)
    assert (found is not None) == fits


candidates = st.lists(
    st.builds(
        candidate,
        st.sampled_from(["Old", "New", "Newer", "Newest"]),
        info_hash=st.sampled_from([None, "aa", "bb"]),
        seeders=st.sampled_from([None, 0, 1, 99]),
        only_queue_objects=st.booleans(),
        download_allowed=st.booleans(),
        title_ids=st.frozensets(st.integers(1, 3)),
        full_season=st.booleans(),
        weight=st.integers(0, 9),
    ),
    max_size=8,
)


@given(candidates, st.sampled_from([(MOVIE,), EPISODES]), st.sampled_from([None, "Newer"]))
def test_never_the_present_one_nor_a_rejected_one(
    found: list[Candidate], titles: tuple[Title, ...], prefer: str | None
) -> None:
    choice = choose(found, titles, instead_of="Old", info_hash="aa", prefer=prefer)
    fitting = [
        each
        for each in found
        if each.only_queue_objects
        and each.download_allowed
        and each.title != "Old"
        and each.info_hash != "aa"
        and each.seeders != 0
        and (
            each.title_ids >= {title.id for title in titles} if each.title_ids else each.full_season or len(titles) == 1
        )
    ]
    assert (choice is None) == (not fitting)
    if choice is not None:
        assert choice in fitting
        same = [each for each in fitting if each.title == prefer] or fitting
        assert choice.weight == min(each.weight for each in same)


def test_the_order_in_which_they_come_says_nothing() -> None:
    three = [candidate(name, weight=number) for number, name in enumerate("abc")]
    assert chosen(*reversed(three)) == chosen(*three)
    assert chosen(*[replace(each, weight=0) for each in three]) == "a"
