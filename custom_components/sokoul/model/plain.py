"""Dataclasses as JSON and back, by their annotations: for what is kept over a restart.

Fields that have their usual value are left out, so a field that is added with a usual value changes nothing of what is
kept. Moments come back as they went in, with their time zone.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

from .reasons import Reason, reason_as_json, reason_from_json

#: What `read` raises for what isn't what it should be.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def plain(value: Any) -> Any:
    """Return a value of dataclasses, enums, reasons, dates, tuples and sets as what JSON can hold."""
    match value:
        case Reason():
            return reason_as_json(value)
        case Enum():
            return value.value
        case timedelta():
            return value.total_seconds()
        case date():  # or a moment
            return value.isoformat()
        case tuple():
            return [plain(each) for each in value]
        case frozenset():
            return sorted(plain(each) for each in value)
    if is_dataclass(value):
        told = ((each.name, getattr(value, each.name), each.default) for each in fields(value))
        return {name: plain(it) for name, it, usual in told if it != usual}
    return value


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def read(kind: Any, stored: Any) -> Any:
    """Return a stored value as what an annotation says. Raises one of `UNREADABLE` where it isn't."""
    if isinstance(kind, TypeAliasType):
        kind = kind.__value__
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        (only,) = (each for each in arguments if each is not NoneType)
        return None if stored is None else read(only, stored)
    if origin in {tuple, frozenset}:
        if not isinstance(stored, list):
            raise TypeError(f"{stored!r} is no list")
        return origin(read(arguments[0], each) for each in stored)
    if kind is Reason:
        return reason_from_json(stored)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: read(hints[name], value) for name, value in stored.items()})
    return _read_plain(kind, stored)


def _read_plain(kind: Any, stored: Any) -> Any:
    if kind is timedelta:
        return timedelta(seconds=stored)
    if issubclass(kind, datetime):
        return _moment(stored)
    if issubclass(kind, date):
        return date.fromisoformat(stored)
    if issubclass(kind, Enum):
        return kind(stored)
    if kind is float and isinstance(stored, int) and not isinstance(stored, bool):
        return float(stored)
    if not isinstance(stored, kind) or (isinstance(stored, bool) and kind is not bool):
        raise TypeError(f"{stored!r} is no {kind.__name__}")
    return stored


def _moment(stored: str) -> datetime:
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError(f"{stored!r} has no time zone")
    return moment
