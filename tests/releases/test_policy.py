"""What a person wants survives being stored, and being read by another version."""

from dataclasses import fields
from datetime import timedelta
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.releases.attributes import Audio, Codec, Dub, Flag, Resolution, Source
from custom_components.sokoul.releases.policy import (
    _READERS,
    Policy,
    SizeWish,
    Want,
    policy_as_json,
    policy_from_json,
)


def several(kind: Any) -> Any:
    return st.lists(st.sampled_from(kind), unique=True).map(tuple)


POLICIES = st.builds(
    Policy,
    minimum_resolution=st.none() | st.sampled_from(Resolution),
    best_resolution=st.sampled_from(Resolution),
    upgrades=st.booleans(),
    good_enough=st.none() | st.sampled_from(Resolution),
    good_score=st.none() | st.integers(0, 100),
    cinema_recordings=st.booleans(),
    sources=several(Source),
    refused_sources=several(Source).map(frozenset),
    codecs=several(Codec),
    refused_codecs=several(Codec).map(frozenset),
    languages=several(["fr", "en", "original"]),
    languages_wanted=st.sampled_from(Want),
    french_dubs=several(Dub),
    subtitles=several(["fr", "en"]),
    hdr=st.sampled_from(Want),
    audio=several(Audio),
    size=st.sampled_from(SizeWish),
    most_bytes_per_hour=st.none() | st.integers(0, 10**12),
    preferred_groups=several(["GOOD", "FLUX"]).map(frozenset),
    refused_groups=several(["BAD"]).map(frozenset),
    refused_flags=several(Flag).map(frozenset),
    minimum_seeders=st.integers(0, 50),
    oldest=st.none() | st.integers(0, 9_000).map(lambda days: timedelta(days=days)),
    only_cached=st.booleans(),
)


@given(POLICIES)
def test_a_policy_is_read_as_it_was_stored(policy: Policy) -> None:
    assert policy_from_json(json.loads(json.dumps(policy_as_json(policy)))) == policy


def test_every_wish_is_stored() -> None:
    assert _READERS.keys() == {each.name for each in fields(Policy)}


def test_the_usual_is_not_stored() -> None:
    assert policy_as_json(Policy()) == {}
    assert policy_from_json({}) == Policy()


@pytest.mark.parametrize(
    ("stored", "policy"),
    [
        ({"codecs": ["h265", "h277"]}, Policy(codecs=(Codec.H265,))),
        ({"minimum_resolution": 1079}, Policy()),
        ({"minimum_resolution": None}, Policy(minimum_resolution=None)),
        ({"hdr": "perhaps", "only_cached": True}, Policy(only_cached=True)),
        ({"only_cached": "yes", "minimum_seeders": -1, "languages": "fr", "oldest": "long"}, Policy()),
        ({"minimum_seeders": True, "refused_groups": [1], "most_bytes_per_hour": 1.5}, Policy()),
        ({"tomorrow": 1}, Policy()),
    ],
)
def test_what_nobody_knows_is_left_out(stored: dict[str, Any], policy: Policy) -> None:
    assert policy_from_json(stored) == policy


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(_READERS)), JSON))
def test_whatever_is_stored_gives_a_policy(stored: dict[str, Any]) -> None:
    policy_as_json(policy_from_json(stored))
