"""Why something is as it is: a key of the texts, its parameters, and the facts it was concluded from.

A reason holds facts that do not go stale: moments instead of "for three hours". The wording makes sentences of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

#: What a text can show. Sizes are whole bytes; the text itself says how a number is to be written.
type Value = str | int | float | date | datetime | timedelta | tuple[str, ...]

NOTHING: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A sentence to be: `key` names the text, `parameters` fill it, `evidence` is what can be shown on demand.

    `backend_id` is the backend that can tell more; None where that goes without saying (the client of a torrent).
    """

    key: str
    parameters: Mapping[str, Value] = NOTHING
    evidence: Mapping[str, Value] = NOTHING
    backend_id: str | None = None


def known(**values: Value | None) -> dict[str, Value]:
    """Return the values that are known, by name."""
    return {name: value for name, value in values.items() if value is not None}


def reason_as_json(reason: Reason) -> dict[str, Any]:
    """Return a reason as JSON, for `reason_from_json`."""
    return {
        "key": reason.key,
        "parameters": {name: _plain(value) for name, value in reason.parameters.items()},
        "evidence": {name: _plain(value) for name, value in reason.evidence.items()},
        "backend_id": reason.backend_id,
    }


def reason_from_json(stored: Mapping[str, Any]) -> Reason:
    """Return a stored reason."""
    return Reason(
        key=stored["key"],
        parameters={name: _value(plain) for name, plain in stored["parameters"].items()},
        evidence={name: _value(plain) for name, plain in stored["evidence"].items()},
        backend_id=stored["backend_id"],
    )


def _plain(value: Value) -> Any:
    match value:
        case datetime():
            return {"at": value.isoformat()}
        case date():  # a day of a calendar, which is the same day everywhere
            return {"day": value.isoformat()}
        case timedelta():
            return {"seconds": value.total_seconds()}
        case tuple():
            return list(value)
    return value


def _value(plain: Any) -> Value:
    match plain:
        case {"at": at}:
            return datetime.fromisoformat(at)
        case {"day": day}:
            return date.fromisoformat(day)
        case {"seconds": seconds}:
            return timedelta(seconds=seconds)
        case list():
            return tuple(plain)
    value: Value = plain
    return value
