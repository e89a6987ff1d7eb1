"""How values lie in the database."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.journal import ActKind
from custom_components.sokoul.store.encoding import as_json, as_microseconds, as_text, from_json, from_microseconds

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=zones))  # noqa: DTZ001
def test_moments_come_back_exactly(moment: datetime) -> None:
    assert from_microseconds(as_microseconds(moment)) == moment


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_moments_sort_as_numbers(one: datetime, other: datetime) -> None:
    assert (one < other) == (as_microseconds(one) < as_microseconds(other))


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        as_microseconds(datetime(2026, 1, 1))  # noqa: DTZ001


texts = st.text(st.characters())  # with NUL and halves of surrogate pairs


@given(texts)
def test_texts_are_such_that_both_databases_take_them(text: str) -> None:
    stored = as_text(text)
    assert stored.encode("utf-8").decode("utf-8") == stored
    assert "\0" not in stored
    if "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text):
        assert stored == text


def test_what_can_not_be_stored_is_seen_to_be_replaced() -> None:
    assert as_text("a\0b\ud800c\U0001f600") == "a\ufffdb\ufffdc\U0001f600"


@given(
    st.recursive(
        texts | st.integers(-(2**63), 2**63 - 1) | st.none(), lambda some: st.lists(some) | st.dictionaries(texts, some)
    )
)
def test_json_can_always_be_stored_and_read(value: object) -> None:
    stored = as_json({"value": value})
    assert "\0" not in stored
    again = from_json(stored)
    assert as_json(again) == stored


def test_keys_may_be_of_an_enum() -> None:
    """What was tried of a download is remembered so, with any title beside it."""
    for text in ("plain", "a\0b\ud800c"):
        assert from_json(as_json({ActKind.REANNOUNCE: [1, 2.5], "text": text})) == {
            "reannounce": [1, 2.5],
            "text": as_text(text),
        }


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        as_json({"value": object()})
