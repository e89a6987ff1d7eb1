"""Answers as they are kept over a restart: as JSON, without what may hold a person's key.

What a release can be fetched by (`Offer.guid`, `Offer.link`) is left out: it is a secret at some indexers, and good for
half an hour at most. What was kept and can't be read, because another version wrote it or a disk failed, is nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, timedelta
from enum import Enum
from functools import cache
import json
from types import NoneType, UnionType
from typing import Any, Final, TypeAliasType, Union, get_args, get_origin, get_type_hints

from ..model.catalogue import CatalogueTitle
from ..model.reasons import Reason, reason_as_json, reason_from_json
from ..model.releases import Offer
from ..model.search import SourceReport
from .ports import Target

#: Another number: another shape.
VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found: all of an answer that doesn't depend on what the person likes."""

    id: str
    target: Target | None = None
    choices: tuple[CatalogueTitle, ...] = ()
    offers: tuple[Offer, ...] = ()
    catalogues: tuple[SourceReport, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    remarks: tuple[Reason, ...] = ()


def as_kept(found: Found) -> str:
    """Return what was found as JSON."""
    bare = tuple(replace(offer, guid="", link="") for offer in found.offers)
    return json.dumps({"version": VERSION, "found": _plain(replace(found, offers=bare))}, separators=(",", ":"))


def from_kept(kept: str) -> Found | None:
    """Return what was kept; None where that can't be read."""
    try:
        stored = json.loads(kept)
        if stored["version"] != VERSION:
            return None
        found: Found = _read(Found, stored["found"])
    except ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError:
        return None
    return found


def _plain(value: Any) -> Any:
    match value:
        case Reason():
            return reason_as_json(value)
        case Enum():
            return value.value
        case timedelta():
            return value.total_seconds()
        case date():
            return value.isoformat()
        case tuple():
            return [_plain(each) for each in value]
        case frozenset():
            return sorted(_plain(each) for each in value)
    if is_dataclass(value):
        told = ((each.name, getattr(value, each.name), each.default) for each in fields(value))
        return {name: _plain(it) for name, it, usual in told if it != usual}
    return value


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, stored: Any) -> Any:
    """Return a stored value as what an annotation says. Raises ValueError, TypeError or KeyError where it isn't."""
    if isinstance(kind, TypeAliasType):
        kind = kind.__value__
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        (only,) = (each for each in arguments if each is not NoneType)
        return None if stored is None else _read(only, stored)
    if origin in {tuple, frozenset}:
        if not isinstance(stored, list):
            raise TypeError(f"{stored!r} is no list")
        return origin(_read(arguments[0], each) for each in stored)
    if kind is Reason:
        return reason_from_json(stored)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: _read(hints[name], value) for name, value in stored.items()})
    return _read_plain(kind, stored)


def _read_plain(kind: Any, stored: Any) -> Any:
    if kind is timedelta:
        return timedelta(seconds=stored)
    if kind is date:
        return date.fromisoformat(stored)
    if issubclass(kind, Enum):
        return kind(stored)
    if kind is float and isinstance(stored, int) and not isinstance(stored, bool):
        return float(stored)
    if not isinstance(stored, kind) or (isinstance(stored, bool) and kind is not bool):
        raise TypeError(f"{stored!r} is no {kind.__name__}")
    return stored
