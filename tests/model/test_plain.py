"""Dataclasses as JSON and back."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.plain import UNREADABLE, plain, read
from custom_components.sokoul.model.reasons import Reason

AT = datetime(2026, 11, 21, 20, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2)))


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    LARGE = 1080


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    name: str
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    inner: Inner
    at: datetime | None = None
    took: timedelta | None = None
    colour: Colour = Colour.RED
    size: Size | None = Size.LARGE
    share: float = 0.0
    count: int = 0
    flag: bool = False
    inners: tuple[Inner, ...] = ()
    names: frozenset[str] = frozenset()
    why: tuple[Reason, ...] = ()


FULL = Outer(
    inner=Inner(name="a", on=date(2026, 2, 28)),
    at=AT,
    took=timedelta(seconds=1.5),
    size=None,
    share=0.5,
    count=3,
    flag=True,
    inners=(Inner(name="b"), Inner(name="")),
    names=frozenset({"x", "y"}),
    why=(Reason(key="k", parameters={"at": AT, "names": ("1", "2")}, evidence={"took": timedelta(1)}),),
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(plain(value)))


@pytest.mark.parametrize("value", [FULL, Outer(inner=Inner(name=""))])
def test_a_dataclass_comes_back(value: Outer) -> None:
    assert read(Outer, through_json(value)) == value


def test_usual_values_are_left_out() -> None:
    assert plain(Outer(inner=Inner(name="a"))) == {"inner": {"name": "a"}}


@given(st.datetimes(timezones=st.timezones()), st.dates(), st.frozensets(st.text(max_size=5)))
def test_moments_days_and_sets_come_back(at: datetime, on: date, names: frozenset[str]) -> None:
    kept = Outer(inner=Inner(name="", on=on), at=at, names=names)
    back = read(Outer, through_json(kept))
    assert back.inner == kept.inner
    assert back.names == names
    assert back.at is not None
    assert back.at.utcoffset() == at.utcoffset()
    assert back.at.replace(tzinfo=UTC) == at.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"inner": None},
        {"inner": {"name": 3}},
        {"inner": {"name": "a", "on": "tomorrow"}},
        {"inner": {"name": "a"}, "at": "2026-11-21T20:30:00"},  # whose half past eight?
        {"inner": {"name": "a"}, "at": 5},
        {"inner": {"name": "a"}, "took": 1e300},
        {"inner": {"name": "a"}, "colour": "blue"},
        {"inner": {"name": "a"}, "size": 7},
        {"inner": {"name": "a"}, "count": True},
        {"inner": {"name": "a"}, "flag": 1},
        {"inner": {"name": "a"}, "inners": "b"},
        {"inner": {"name": "a"}, "why": [{}]},
        {"inner": {"name": "a"}, "of_a_newer_version": 1},
    ],
)
def test_what_can_not_be_read_says_so(stored: Any) -> None:
    with pytest.raises(UNREADABLE):
        read(Outer, stored)
