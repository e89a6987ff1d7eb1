"""Typed reading of JSON objects that come from outside.

A missing field or a wrong type raises `UnexpectedResponse` that names the place; an unknown enum value becomes the
enum's `UNKNOWN`, because a newer version of a backend must never break reading it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import re
from typing import Any

from .errors import UnexpectedResponse

#: No backend counts further; what is larger still is no number that can be reckoned with.
_MOST = 2**64


class Fields:
    """One JSON object and the place it was found at, for messages."""

    __slots__ = ("_data", "_where")

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise UnexpectedResponse(f"{where}: expected an object, got {_kind(data)}")
        self._data: dict[str, Any] = data
        self._where = where

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without a default it must be there."""
        return self._typed(name, str, default)

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None when it is absent or empty."""
        return self._typed(name, str, "") or None

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number; a float without a fraction counts as one."""
        value = self._data.get(name)
        value = int(value) if isinstance(value, float) and value.is_integer() else self._typed(name, int, default)
        if abs(value) > _MOST:
            raise self._wrong(name, "a whole number", value)
        return value

    def optional_whole(self, name: str) -> int | None:
        """Return a whole number or None."""
        return self.whole(name) if name in self else None

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value = self._data.get(name, default)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_MOST <= value <= _MOST:
            raise self._wrong(name, "a number", value)
        return float(value)

    def flag(self, name: str, default: bool | None = None) -> bool:  # noqa: FBT001 -- it is the value itself
        """Return true or false."""
        return self._typed(name, bool, default)

    def choice[ChoiceT: StrEnum](self, name: str, choices: type[ChoiceT]) -> ChoiceT:
        """Return an enum member; absent or unknown values are its `UNKNOWN`."""
        value = self._data.get(name)
        try:
            return choices(value) if isinstance(value, str) else choices("unknown")
        except ValueError:
            return choices("unknown")

    def moment(self, name: str) -> datetime | None:
        """Return an ISO 8601 time in UTC, or None when it is absent. A time without a zone is UTC."""
        value = self._data.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            except ValueError, OverflowError:
                pass
        raise self._wrong(name, "a time", value)

    def duration(self, name: str) -> timedelta | None:
        """Return a .NET TimeSpan (`hh:mm:ss`, `d.hh:mm:ss`, with or without a fraction), or None when it is absent."""
        value = self._data.get(name)
        if value is None:
            return None
        found = _TIME_SPAN.fullmatch(value) if isinstance(value, str) else None
        if not found:
            raise self._wrong(name, "a time span", value)
        days, hours, minutes, seconds = (float(part or 0) for part in found.group("d", "h", "m", "s"))
        try:
            span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        except OverflowError:
            raise self._wrong(name, "a time span", value) from None
        return -span if found["sign"] else span

    def object(self, name: str) -> Fields:
        """Return an object that must be there."""
        return Fields(self._data.get(name), f"{self._where}.{name}")

    def optional_object(self, name: str) -> Fields | None:
        """Return an object or None."""
        return self.object(name) if name in self else None

    def objects(self, name: str) -> Iterator[Fields]:
        """Iterate over a list of objects; an absent list is empty."""
        return each(self._data.get(name) or [], f"{self._where}.{name}")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; an absent list is empty."""
        values = self._data.get(name) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self._wrong(name, "a list of texts", values)
        return tuple(values)

    def wholes(self, name: str) -> tuple[int, ...]:
        """Return a list of whole numbers; an absent list is empty."""
        values = self._data.get(name) or []
        if not isinstance(values, list) or not all(type(value) is int for value in values):
            raise self._wrong(name, "a list of whole numbers", values)
        return tuple(values)

    def raw(self, name: str) -> Any:
        """Return a value unseen, for what has no fixed type (the value of a settings field)."""
        return self._data.get(name)

    def _typed[ValueT](self, name: str, kind: type[ValueT], default: ValueT | None) -> ValueT:
        value = self._data.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._wrong(name, {str: "a text", int: "a whole number", bool: "true or false"}[kind], value)
        return value

    def _wrong(self, name: str, expected: str, value: Any) -> UnexpectedResponse:
        return UnexpectedResponse(f"{self._where}.{name}: expected {expected}, got {_kind(value)}")


def each(data: Any, where: str) -> Iterator[Fields]:
    """Iterate over a JSON list of objects."""
    if not isinstance(data, list):
        raise UnexpectedResponse(f"{where}: expected a list, got {_kind(data)}")
    return (Fields(item, f"{where}[{index}]") for index, item in enumerate(data))


_TIME_SPAN = re.compile(r"(?P<sign>-)?(?:(?P<d>\d+)\.)?(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2}(?:\.\d+)?)")

_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def _kind(value: Any) -> str:
    return "nothing" if value is None else _KINDS.get(type(value), "something else")
