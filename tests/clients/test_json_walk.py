"""Walking a large JSON object gives what decoding it whole gives, wherever the slices are cut."""

import json
from typing import Any
from unittest.mock import patch

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.sokoul.clients import json_walk
from custom_components.sokoul.clients.json_walk import walk

INSIDE = frozenset({"torrents", "trackers"})


def walked(body: bytes, slice_bytes: int) -> dict[str, Any]:
    """Put together again what was walked."""
    result: dict[str, Any] = {}
    with patch.object(json_walk, "SLICE_BYTES", slice_bytes):
        for parent, name, value in walk(body, INSIDE):
            (result.setdefault(parent, {}) if parent else result)[name] = value
    return result


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NOT_EMPTY = st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=4)
DOCUMENTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4).flatmap(
    lambda outer: st.fixed_dictionaries({}, optional={"torrents": NOT_EMPTY, "trackers": NOT_EMPTY | VALUES}).map(
        lambda inner: {**outer, **inner}
    )
)


@given(
    document=DOCUMENTS,
    slice_bytes=st.integers(1, 40),
    indent=st.sampled_from([None, 1, "\t"]),
    ascii_only=st.booleans(),
)
def test_it_gives_what_decoding_gives(document: Any, slice_bytes: int, indent: Any, *, ascii_only: bool) -> None:
    document = {name: value for name, value in document.items() if value != {} or name not in INSIDE}
    body = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert walked(body, slice_bytes) == document


@given(document=DOCUMENTS, slice_bytes=st.integers(1, 40), data=st.data())
def test_a_body_that_stops_early_is_noticed(document: Any, slice_bytes: int, data: st.DataObject) -> None:
    body = json.dumps(document).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(ValueError, match=r".*"):
        walked(body[:cut], slice_bytes)


@pytest.mark.parametrize("slice_bytes", [1, 3, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b"null",
        b'"text"',
        b"{}}",
        b'{"a":1} x',
        b'{"a" 1}',
        b'{"a":1,}',
        b"{,}",
        b'{"a":1 "b":2}',
        b"{1:2}",
        b'{"a":}',
        b'{"torrents":{"a":{},}}',
        b'{"torrents":{"a":{}}',
        b'{"torrents":{1:{}}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":01}',
        b'{"a":"\n"}',
        b'{"a":"\xff"}',
        b'{"a":"\xc3',
        b'{"a":1}\xc3',
        b"<!DOCTYPE html><html></html>",
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_is_no_json_object_is_a_value_error(body: bytes, slice_bytes: int) -> None:
    with pytest.raises(ValueError, match=r".*"):
        walked(body, max(slice_bytes, len(body) // 50))


@pytest.mark.parametrize("slice_bytes", [1, 2, 3, 5, 1000])
def test_members_come_one_at_a_time_and_in_order(slice_bytes: int) -> None:
    body = (
        ' {"rid": 12345 , "torrents" : { "a":{"n":"é😀"} ,"b": {} }, "trackers": 7, "z": [1,{"torrents":{"x":1}}] } '
    ).encode()
    with patch.object(json_walk, "SLICE_BYTES", slice_bytes):
        assert list(walk(body, INSIDE)) == [
            ("", "rid", 12345),
            ("torrents", "a", {"n": "é😀"}),
            ("torrents", "b", {}),
            ("", "trackers", 7),
            ("", "z", [1, {"torrents": {"x": 1}}]),
        ]


def test_a_value_of_many_slices_is_not_read_anew_for_each() -> None:
    attempts = 0

    class Watched(json_walk._Text):
        def _more(self, slices: int) -> bool:
            nonlocal attempts
            attempts += 1
            return super()._more(slices)

    body = orjson.dumps({"a": "x" * 100_000})
    with patch.object(json_walk, "_Text", Watched), patch.object(json_walk, "SLICE_BYTES", 10):
        assert [value for _, _, value in walk(body, INSIDE)] == ["x" * 100_000]
    assert attempts < 25


def test_only_a_window_of_the_body_is_held_as_text() -> None:
    body = orjson.dumps({"torrents": {f"{number:040x}": {"name": "x" * 200} for number in range(2000)}})
    longest = 0

    class Watched(json_walk._Text):
        def _more(self, slices: int) -> bool:
            nonlocal longest
            added = super()._more(slices)
            longest = max(longest, len(self._window))
            return added

    with patch.object(json_walk, "_Text", Watched), patch.object(json_walk, "SLICE_BYTES", 4096):
        assert sum(1 for _ in walk(body, INSIDE)) == 2000
    assert len(body) > 400_000
    assert longest < 10_000
