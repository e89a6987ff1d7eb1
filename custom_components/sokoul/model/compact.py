"""Dataclasses as lists and back, by their annotations: for what is made, put away and taken out by the hundred.

A list holds the values of all fields in their order, without names, so it means something only to who knows the very
same classes: `Codec.shape` is what has to be the same. Nothing is checked on the way back. Where lists may have been
spoilt or made by somebody else, whoever keeps them has to notice; `plain.py` is for what has to last.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from itertools import batched
from types import NoneType, UnionType
from typing import Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

from .reasons import Reason, reason_as_json, reason_from_json

_MICROSECOND = timedelta(microseconds=1)
_ONE_PARAMETER = 3


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one kind are packed into what JSON can hold, and unpacked again."""

    shape: str
    pack: Callable[[Any], Any] = _as_it_is
    unpack: Callable[[Any], Any] = _as_it_is


@cache
def codec(kind: Any) -> Codec:
    """Return how values of what an annotation says are packed. Raises TypeError for what nobody thought of."""
    if isinstance(kind, TypeAliasType):
        return codec(kind.__value__)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        (only,) = (each for each in arguments if each is not NoneType)
        return _optional(codec(only))
    if origin in {tuple, frozenset}:
        return _listed(origin, codec(arguments[0]))
    if kind is Reason:
        return Codec("Reason", _reason_as_list, _reason_from_list)
    if not isinstance(kind, type):
        raise TypeError(f"nobody knows how to pack {kind}")
    return _of_dataclass(kind) if is_dataclass(kind) else _of_plain(kind)


def _of_plain(kind: type) -> Codec:
    if issubclass(kind, Enum):
        members = {each.value: each for each in kind}
        return Codec(f"{kind.__name__}{sorted(members)}", lambda value: value.value, members.__getitem__)
    if kind is timedelta:
        return Codec("timedelta", lambda value: value // _MICROSECOND, lambda stored: stored * _MICROSECOND)
    if kind in {date, datetime}:
        return Codec(kind.__name__, lambda value: value.isoformat(), kind.fromisoformat)
    if kind in {str, int, float, bool}:
        return Codec(kind.__name__)
    raise TypeError(f"nobody knows how to pack {kind}")


def _optional(inner: Codec) -> Codec:
    shape, pack, unpack = f"{inner.shape}?", inner.pack, inner.unpack
    if unpack is _as_it_is:
        return Codec(shape)
    return Codec(
        shape,
        lambda value: None if value is None else pack(value),
        lambda stored: None if stored is None else unpack(stored),
    )


def _listed(origin: Callable[[Any], Any], inner: Codec) -> Codec:
    pack, unpack = inner.pack, inner.unpack
    ordered: Callable[[Any], list[Any]] = sorted if origin is frozenset else list  # the same set, the same list
    if unpack is _as_it_is:
        return Codec(f"[{inner.shape}]", ordered, origin)
    return Codec(
        f"[{inner.shape}]",
        lambda values: ordered([pack(each) for each in values]),
        lambda stored: origin([unpack(each) for each in stored]),
    )


def _of_dataclass(kind: type) -> Codec:
    hints = get_type_hints(kind)
    names = tuple(each.name for each in fields(kind))
    codecs = [codec(hints[name]) for name in names]
    packs = [(place, each.pack) for place, each in enumerate(codecs) if each.pack is not _as_it_is]
    unpacks = [(name, each.unpack) for name, each in zip(names, codecs, strict=True) if each.unpack is not _as_it_is]

    def pack(value: Any) -> list[Any]:
        values = [getattr(value, name) for name in names]
        for place, each in packs:
            values[place] = each(values[place])
        return values

    def unpack(stored: Any) -> Any:
        values = dict(zip(names, stored, strict=True))
        for name, each in unpacks:
            values[name] = each(values[name])
        return kind(**values)

    told = ",".join(f"{name}:{each.shape}" for name, each in zip(names, codecs, strict=True))
    return Codec(f"{kind.__name__}({told})", pack, unpack)


#: Values of reasons that JSON gives back as they are.
_AS_THEY_ARE = frozenset({str, int, float})


def _reason_as_list(reason: Reason) -> list[Any]:
    """Return a reason as its key and its parameters, which is all that most have; else as JSON."""
    if reason.evidence or reason.backend_id is not None:
        return [reason_as_json(reason)]
    if _AS_THEY_ARE.issuperset(map(type, reason.parameters.values())):
        return [reason.key, *(each for pair in reason.parameters.items() for each in pair)]
    return [reason_as_json(reason)]


def _reason_from_list(stored: list[Any]) -> Reason:
    if len(stored) == 1:
        key = stored[0]
        return Reason(key=key) if isinstance(key, str) else reason_from_json(key)
    if len(stored) == _ONE_PARAMETER:
        return Reason(key=stored[0], parameters={stored[1]: stored[2]})
    return Reason(key=stored[0], parameters=dict(batched(stored[1:], 2, strict=True)))
