"""Answers over a restart: as they were, without keys, and nothing where they are not whole."""

from base64 import b64decode
from dataclasses import replace
from datetime import date, timedelta
import zlib

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire import keeping
from custom_components.sokoul.acquire.identifying import target_of
from custom_components.sokoul.acquire.keeping import (
    Head,
    Kept,
    as_kept,
    from_kept,
    packed_profile,
    unpacked_profile,
)
from custom_components.sokoul.acquire.packing import PAGE, PackedResults, Page, ids_of, pages_of
from custom_components.sokoul.acquire.ports import Result, offer_id
from custom_components.sokoul.acquire.query import read_query
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.compact import codec
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.releases import (
    ArrOpinion,
    Condition,
    ConditionKind,
    CustomFormat,
    Offer,
    QualityProfile,
)
from custom_components.sokoul.model.search import SearchRequest, SourceReport, SourceState
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.policy import Policy
from custom_components.sokoul.releases.score import Aspect, Part

from .make import BEAR, DUNE_2024, offer

EVERYTHING = Head(
    id="0123456789",
    target=target_of(
        read_query(SearchRequest(text="the bear s3e2"), date(2026, 11, 21)),
        replace(BEAR, library_id=3, backend_id="sonarr", first_aired_on=date(2022, 6, 23), monitored=True),
        [BEAR],
        frozenset({1990, 1984}),
    ),
    choices=(DUNE_2024,),
    catalogues=(SourceReport(key="a", name="A", state=SourceState.FAILED, remarks=(Reason(key="search.away"),)),),
    sources=(
        SourceReport(
            key="b",
            name="B",
            state=SourceState.ANSWERED,
            count=2,
            seconds=0.25,
            remarks=(Reason(key="search.cut", parameters={"count": 900, "taken": 500}),),
        ),
    ),
    remarks=(Reason(key="search.unknown_title"),),
    profile="HD",
)


OFFERS = (
    offer(
        "The.Bear.S03E02.1080p.WEB-DL.DV.HDR10.DDP5.1.H265-GROUP",
        info_hash="a" * 40,
        age=timedelta(days=3, seconds=1.5),
        cached=True,
        ids=frozenset({"tvdb:403294"}),
        arr=ArrOpinion(quality="WEBDL-1080p", score=-5, rejections=("no",), acceptable=False, knows_title=True),
        guid="https://x.example/?apikey=SECRET",
        link="magnet:?xt=SECRET",
        source="sonarr",
    ),
    offer("[Group] The Bear - 02v2 (1080p) [MULTi VOSTFR]", source="prowlarr", seeders=None),
    Offer(name="bare", indexer="", protocol=Protocol.UNKNOWN),
)
PROFILE = QualityProfile(
    name="HD",
    allowed=(frozenset({"HDTV-720p"}), frozenset({"WEBDL-1080p", "WEBRip-1080p"})),
    cutoff=frozenset({"WEBDL-1080p"}),
    formats=(
        CustomFormat(name="DV", score=-10, conditions=(Condition(kind=ConditionKind.TITLE, values=(r"\bDV\b",)),)),
    ),
)


def results_of(*found: Offer, profile: QualityProfile | None = None) -> tuple[Result, ...]:
    assert EVERYTHING.target is not None
    ranked = rank(found, EVERYTHING.target.wanted, Policy(), profile)
    return tuple(Result(id=offer_id(each.release.offers[0]), scored=each) for each in ranked)


def packed(results: tuple[Result, ...]) -> PackedResults:
    return PackedResults(tuple(pages_of(results)), ids_of(results), len(results))


def bare(results: tuple[Result, ...]) -> tuple[Result, ...]:
    """Return what may be kept of releases."""
    return tuple(
        replace(each, scored=replace(each.scored, release=replace(each.scored.release, offers=offers)))
        for each in results
        for offers in [tuple(replace(it, guid="", link="") for it in each.scored.release.offers)]
    )


def kept_of(results: tuple[Result, ...], head: Head = EVERYTHING) -> Kept:
    return Kept(head=head, ranked_by="me", results=packed(results), profile=packed_profile(PROFILE))


def test_all_of_it_comes_back_but_what_may_be_a_key() -> None:
    results = results_of(*OFFERS, profile=PROFILE)
    assert packed(results) == results, "in memory with all of it"
    text = as_kept(kept_of(results))
    read = from_kept(text)
    assert read is not None
    assert read.head == replace(EVERYTHING, count=3)
    assert read.ranked_by == "me"
    assert unpacked_profile(read.profile) == PROFILE
    assert read.results == bare(results)
    assert read.results != results
    pages = [zlib.decompress(b64decode(line)) for line in text.split("\n")[4:]]
    assert len(pages) == 2
    assert not any(b"SECRET" in page for page in pages)
    assert b"WEBDL-1080p" in pages[1], "they are what is looked at"
    assert "SECRET" not in text


def test_releases_are_found_by_any_id_that_they_had() -> None:
    one = offer("The.Bear.S03E02.1080p.WEB.H264-GROUP", indexer="A", info_hash="c" * 40)
    other = replace(one, indexer="B")
    results = results_of(OFFERS[0], one, other)
    for found in (packed(results), from_kept(as_kept(kept_of(results))).results):  # type: ignore[union-attr]  # it is whole
        for result in results:
            for each in result.scored.release.offers:
                same = found.find(offer_id(each))
                assert same is not None
                assert same.id == result.id
        assert found.find("nobody") is None
        assert found.find("") is None


def test_offers_come_back_to_be_scored_anew() -> None:
    many = tuple(offer(f"The.Bear.S03E02.{lines}p.WEB.H264-G{n}") for n in range(PAGE) for lines in (720, 2160, 1080))
    results = results_of(*many)
    again = from_kept(as_kept(kept_of(results)))
    assert again is not None
    assert set(again.results.offers()) == {replace(each, guid="", link="") for each in many}
    ids = again.results.result_ids()
    assert {ids[offer_id(each)] for each in again.results.offers()} == {each.id for each in results}, "none is another"


def test_a_page_has_what_releases_share_once() -> None:
    many = tuple(offer(f"The.Bear.S03E02.1080p.WEB.H264-G{number}") for number in range(PAGE))
    results = results_of(*many)
    parts = [part for each in packed(results) for part in each.scored.parts]
    assert parts == [part for each in results for part in each.scored.parts]
    assert len({id(part) for part in parts}) == len({repr(part) for part in parts}) < len(parts)


def test_what_is_shared_is_the_same_to_the_last_digit() -> None:
    """1 equals 1.0 and True, and 0.0 equals -0.0; no two of them are kept as one."""
    (result,) = results_of(OFFERS[0])
    parts = tuple(
        Part(Aspect.SIZE, points, 4.0, Reason(key="release.part_mended", parameters={"count": count}))
        for points in (1.0, 1, 0.0, -0.0)
        for count in (1, 1.0)
    )
    same = packed((replace(result, scored=replace(result.scored, parts=parts)),))[0]
    assert repr(same.scored.parts) == repr(parts)


def test_nothing_is_unpacked_that_nobody_asks_for() -> None:
    many = tuple(offer(f"The.Bear.S03E02.1080p.WEB.H264-G{number}") for number in range(2 * PAGE))
    results = results_of(*many)
    first, second = pages_of(results)
    found = PackedResults([first, Page("no page at all")], ids_of(results), len(results))
    assert found[:PAGE] == results[:PAGE]
    with pytest.raises(ValueError, match="padding"):
        found[PAGE]
    assert PackedResults([first, second], ids_of(results), len(results)) == results


def test_any_part_is_a_part_of_all() -> None:
    many = tuple(offer(f"The.Bear.S03E02.1080p.WEB.H264-G{number}") for number in range(2 * PAGE + 3))
    results = results_of(*many)
    found = packed(results)
    assert len(found) == len(results)
    for part in (slice(3), slice(PAGE - 1, PAGE + 2), slice(None), slice(-2, None), slice(0, 0), slice(None, None, -7)):
        assert found[part] == results[part]
    assert found[-1] == results[-1]
    assert (found[PAGE], list(found)) == (results[PAGE], list(results))
    with pytest.raises(IndexError):
        found[len(results)]
    assert found != results[1:]
    assert found != "results"


texts = st.text(max_size=12)
offers = st.builds(
    Offer,
    name=texts,
    indexer=texts,
    protocol=st.sampled_from(Protocol),
    size_bytes=st.integers(0, 2**60),
    info_hash=st.none() | texts,
    seeders=st.none() | st.integers(-5, 10**9),
    age=st.none() | st.timedeltas(timedelta(0), timedelta(days=5000)),
    cached=st.none() | st.booleans(),
    ids=st.frozensets(texts, max_size=3),
    indexer_id=st.none() | st.integers(),
)
titles = st.builds(
    CatalogueTitle,
    kind=st.sampled_from([TitleKind.MOVIE, TitleKind.SERIES]),
    name=texts,
    aliases=st.lists(texts, max_size=3).map(tuple),
    year=st.none() | st.integers(0, 9999),
    popularity=st.none() | st.floats(0, 1e6) | st.integers(0, 100),
    first_aired_on=st.none() | st.dates(),
)


@given(
    st.builds(Head, id=texts, choices=st.lists(titles, max_size=3).map(tuple)),
    st.lists(offers, max_size=5, unique_by=offer_id).map(tuple),
)
def test_anything_comes_back(head: Head, came: tuple[Offer, ...]) -> None:
    results = results_of(*came)
    read = from_kept(as_kept(kept_of(results, head)))
    assert read is not None
    assert (read.head, read.results) == (replace(head, count=len(results)), bare(results))


@given(
    st.lists(
        st.builds(
            offer,
            st.sampled_from(
                ["The.Bear.S03E02.1080p.WEB.H264-GRP", "the bear s03e02 1080p web h264-grp", "The.Bear.S03E02"]
            ),
            info_hash=st.sampled_from([None, None, "a" * 40, "b" * 40]),
            size_bytes=st.sampled_from([0, 8 * 10**9, 81 * 10**8, 12 * 10**9]),
            seeders=st.none() | st.integers(0, 3),
            indexer=st.uuids().map(str),
        ),
        max_size=2 * PAGE,
    )
)
def test_what_is_scored_anew_is_as_it_was(came: list[Offer]) -> None:
    """They come in the order of the releases, and not in that in which they were offered."""
    results = results_of(*came)
    assert results_of(*packed(results).offers()) == results


def test_half_a_character_does_no_harm() -> None:
    results = results_of(offer("Dune\ud800\0"))
    text = as_kept(kept_of(results))
    assert text.isascii()
    assert from_kept(text).results == bare(results)  # type: ignore[union-attr]  # it is whole


def test_what_is_not_whole_is_nothing() -> None:
    text = as_kept(kept_of(results_of(*OFFERS)))
    assert from_kept(text) is not None
    old = '{"version":1,"found":{"id":"0123456789"}}'
    for spoilt in ("", "null", "\n", "\n\n\n", old, text[:-1], text + "\n", text.replace("me", "you", 1), "[" * 5_000):
        assert from_kept(spoilt) is None
    for place in range(0, len(text), 97):
        changed = "x" if text[place] != "x" else "y"
        assert from_kept(f"{text[:place]}{changed}{text[place + 1 :]}") is None


def test_what_another_version_kept_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = as_kept(kept_of(results_of(*OFFERS)))
    monkeypatch.setattr(keeping, "_SHAPE", "another")
    assert from_kept(text) is None


def test_a_shape_tells_each_field_and_each_member() -> None:
    shape = codec(Offer).shape
    assert "info_hash:str?" in shape
    assert "ids:[str]" in shape
    assert "'torrent'" in shape
    assert "age:timedelta?" in shape


def test_a_kind_that_nobody_thought_of_is_refused() -> None:
    for kind in (object, dict[str, int], "Offer"):
        with pytest.raises(TypeError):
            codec(kind)
