"""Answers over a restart: as they were, without keys, and nothing where they can't be read."""

from dataclasses import replace
from datetime import date, timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.acquire.identifying import target_of
from custom_components.sokoul.acquire.keeping import Found, as_kept, from_kept
from custom_components.sokoul.acquire.query import read_query
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.releases import ArrOpinion, Offer
from custom_components.sokoul.model.search import SearchRequest, SourceReport, SourceState

from .make import BEAR, DUNE_2024, offer

EVERYTHING = Found(
    id="0123456789",
    target=target_of(
        read_query(SearchRequest(text="the bear s3e2"), date(2026, 11, 21)),
        replace(BEAR, library_id=3, backend_id="sonarr", first_aired_on=date(2022, 6, 23), monitored=True),
        [BEAR],
        frozenset({1990, 1984}),
    ),
    choices=(DUNE_2024,),
    offers=(
        offer(
            "The.Bear.S03E02.1080p",
            info_hash="a" * 40,
            age=timedelta(days=3, seconds=1.5),
            cached=True,
            ids=frozenset({"tvdb:403294"}),
            arr=ArrOpinion(quality="WEBDL-1080p", score=-5, rejections=("no",), acceptable=False, knows_title=True),
            source="sonarr",
        ),
        Offer(name="bare", indexer="", protocol=Protocol.UNKNOWN),
    ),
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
)


def bare(found: Found) -> Found:
    """Return what may be kept of it."""
    return replace(found, offers=tuple(replace(each, guid="", link="") for each in found.offers))


def test_all_of_it_comes_back_but_what_may_be_a_key() -> None:
    secret = replace(EVERYTHING.offers[0], guid="https://x.example/?apikey=SECRET", link="magnet:?xt=SECRET")
    found = replace(EVERYTHING, offers=(secret, *EVERYTHING.offers[1:]))
    kept = as_kept(found)
    assert "SECRET" not in kept
    assert from_kept(kept) == bare(found)


texts = st.text(max_size=12)
offers = st.builds(
    Offer,
    name=texts,
    indexer=texts,
    protocol=st.sampled_from(Protocol),
    size_bytes=st.integers(0, 2**60),
    info_hash=st.none() | texts,
    seeders=st.none() | st.integers(-5, 10**9),
    age=st.none() | st.timedeltas(timedelta(0), timedelta(days=5000)).map(lambda age: timedelta(seconds=age.seconds)),
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


@given(st.builds(Found, id=texts, choices=st.lists(titles, max_size=3).map(tuple), offers=st.lists(offers).map(tuple)))
def test_anything_comes_back(found: Found) -> None:
    assert from_kept(as_kept(found)) == bare(found)


def test_half_a_character_does_no_harm() -> None:
    found = Found(id="x", offers=(offer("Dune\ud800\0"),))
    assert as_kept(found).isascii()
    assert from_kept(as_kept(found)) == bare(found)


def changed(change: dict[str, Any]) -> str:
    stored = json.loads(as_kept(EVERYTHING))
    stored["found"] |= change
    return json.dumps(stored)


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 5_000,
        changed({"id": 5}),
        changed({"offers": {}}),
        changed({"offers": [{}]}),
        changed({"offers": [{"name": "x", "indexer": "y", "protocol": "pigeon"}]}),
        changed({"offers": [{"name": "x", "indexer": "y", "protocol": "torrent", "size_bytes": True}]}),
        changed({"offers": [{"name": "x", "indexer": "y", "protocol": "torrent", "age": "old"}]}),
        changed({"offers": [{"name": "x", "indexer": "y", "protocol": "torrent", "age": 1e300}]}),
        changed({"target": {"text": "x"}}),
        changed({"choices": [{"kind": "movie", "name": "x", "first_aired_on": "yesterday"}]}),
        changed({"of_a_newer_version": 1}),
        changed({"remarks": [{}]}),
    ],
)
def test_what_can_not_be_read_is_nothing(kept: str) -> None:
    assert from_kept(kept) is None
