"""Reading JSON that may be anything."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
import math
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.fields import Fields, each


class Fruit(StrEnum):
    APPLE = "apple"
    UNKNOWN = "unknown"


def fields(**data: Any) -> Fields:
    return Fields(data, "basket")


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_what_is_no_object_is_said_with_its_place(data: Any) -> None:
    with pytest.raises(UnexpectedResponse, match=r"^basket: expected an object, got (nothing|a|true or false)"):
        Fields(data, "basket")


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda f: f.text("x"), "a", "a"),
        (lambda f: f.text("x"), "", ""),
        (lambda f: f.text("x", "other"), None, "other"),
        (lambda f: f.optional_text("x"), "", None),
        (lambda f: f.optional_text("x"), None, None),
        (lambda f: f.optional_text("x"), "a", "a"),
        (lambda f: f.whole("x"), 7, 7),
        (lambda f: f.whole("x"), 7.0, 7),
        (lambda f: f.whole("x"), 2**64 - 1, 2**64 - 1),
        (lambda f: f.whole("x"), 1e18, 10**18),
        (lambda f: f.whole("x", 5), None, 5),
        (lambda f: f.whole("x", 0), None, 0),
        (lambda f: f.optional_whole("x"), None, None),
        (lambda f: f.optional_whole("x"), 0, 0),
        (lambda f: f.number("x"), 7, 7.0),
        (lambda f: f.number("x"), 0.5, 0.5),
        (lambda f: f.number("x"), -(2**63), -(2.0**63)),
        (lambda f: f.number("x", 1.5), None, 1.5),
        (lambda f: f.flag("x"), False, False),
        (lambda f: f.flag("x", default=True), None, True),
        (lambda f: f.choice("x", Fruit), "apple", Fruit.APPLE),
        (lambda f: f.choice("x", Fruit), "durian", Fruit.UNKNOWN),
        (lambda f: f.choice("x", Fruit), None, Fruit.UNKNOWN),
        (lambda f: f.choice("x", Fruit), 3, Fruit.UNKNOWN),
        (lambda f: f.moment("x"), None, None),
        (lambda f: f.moment("x"), "2026-01-05T12:00:00Z", datetime(2026, 1, 5, 12, tzinfo=UTC)),
        (lambda f: f.moment("x"), "2026-01-05T12:00:00", datetime(2026, 1, 5, 12, tzinfo=UTC)),
        (
            lambda f: f.moment("x"),
            "2026-01-05T12:00:00.1234567+02:00",
            datetime(2026, 1, 5, 12, microsecond=123456, tzinfo=timezone(timedelta(hours=2))),
        ),
        (lambda f: f.duration("x"), None, None),
        (lambda f: f.duration("x"), "00:12:34", timedelta(minutes=12, seconds=34)),
        (lambda f: f.duration("x"), "1.02:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        (lambda f: f.duration("x"), "00:00:01.5", timedelta(seconds=1.5)),
        (lambda f: f.duration("x"), "-00:00:10", timedelta(seconds=-10)),
        (lambda f: f.texts("x"), ["a", "b"], ("a", "b")),
        (lambda f: f.texts("x"), None, ()),
        (lambda f: f.wholes("x"), [1, 2], (1, 2)),
        (lambda f: f.wholes("x"), None, ()),
        (lambda f: f.object("x").text("y"), {"y": "z"}, "z"),
        (lambda f: f.optional_object("x"), None, None),
        (lambda f: f.optional_object("x").text("y"), {"y": "z"}, "z"),
        (lambda f: [each.whole("y") for each in f.objects("x")], [{"y": 1}, {"y": 2}], [1, 2]),
        (lambda f: list(f.objects("x")), None, []),
        (lambda f: f.raw("x"), {"any": ["thing"]}, {"any": ["thing"]}),
        (lambda f: "x" in f, 0, True),
        (lambda f: "x" in f, None, False),
    ],
)
def test_a_value_is_read(read: Any, value: Any, expected: Any) -> None:
    result = read(fields(x=value))
    assert result == expected
    assert type(result) is type(expected)
    if value is None:
        assert read(fields()) == expected


@pytest.mark.parametrize(
    ("read", "values", "expected"),
    [
        (lambda f: f.text("x"), [None, 3, True, [], {}], "a text"),
        (lambda f: f.optional_text("x"), [3, False, []], "a text"),
        (
            lambda f: f.whole("x"),
            [None, "3", True, 3.5, math.inf, math.nan, [], 10**400, -(10**400), 1e300],
            "a whole number",
        ),
        (lambda f: f.optional_whole("x"), ["3", False, 0.5], "a whole number"),
        (
            lambda f: f.number("x"),
            [None, "3", True, [], math.inf, -math.inf, math.nan, 10**400, -(10**400)],
            "a number",
        ),
        (lambda f: f.flag("x"), [None, 0, 1, "true"], "true or false"),
        (lambda f: f.moment("x"), ["soon", 1700000000, [], "2026-13-01"], "a time"),
        (lambda f: f.moment("x"), ["0001-01-01T00:00:00+14:00"], "a time"),
        (lambda f: f.duration("x"), ["long", 12, "1:2", "12:34:56:78", "00:00:00\n"], "a time span"),
        (lambda f: f.duration("x"), ["99999999999.00:00:00"], "a time span"),
        (lambda f: f.object("x"), [None, [], "a"], "an object"),
        (lambda f: f.texts("x"), ["a", [1], {"a": 1}], "a list of texts"),
        (lambda f: f.wholes("x"), [3, ["1"], [True], [1.0]], "a list of whole numbers"),
        (lambda f: list(f.objects("x")), ["a", {"a": 1}], "a list"),
        (lambda f: list(f.objects("x")), [[1], [None]], "an object"),
    ],
)
def test_another_type_is_said_with_its_place(read: Any, values: list[Any], expected: str) -> None:
    for value in values:
        with pytest.raises(UnexpectedResponse, match=rf"^basket\.x(\[0\])?: expected {expected}, got "):
            read(fields(x=value))


def test_a_list_at_the_top() -> None:
    assert [item.text("x") for item in each([{"x": "a"}], "queue")] == ["a"]
    with pytest.raises(UnexpectedResponse, match="queue: expected a list, got an object"):
        each({}, "queue")
    with pytest.raises(UnexpectedResponse, match=r"queue\[1\]: expected an object, got nothing"):
        list(each([{}, None], "queue"))
    with pytest.raises(UnexpectedResponse, match=r"queue\[0\]\.inner\.x: expected a text, got a number"):
        [item.object("inner").text("x") for item in each([{"inner": {"x": 1}}], "queue")]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
READERS = (
    lambda f: f.text("x"),
    lambda f: f.optional_text("x"),
    lambda f: f.whole("x"),
    lambda f: f.optional_whole("x"),
    lambda f: f.number("x"),
    lambda f: f.flag("x"),
    lambda f: f.choice("x", Fruit),
    lambda f: f.moment("x"),
    lambda f: f.duration("x"),
    lambda f: f.object("x"),
    lambda f: f.optional_object("x"),
    lambda f: list(f.objects("x")),
    lambda f: f.texts("x"),
    lambda f: f.wholes("x"),
)


@given(value=ANYTHING, read=st.sampled_from(READERS))
def test_nothing_but_the_one_error_comes_out(value: Any, read: Any) -> None:
    said = "basket.x"
    try:
        read(fields(x=value))
    except UnexpectedResponse as error:
        said = str(error)
    assert said.startswith("basket.x")
