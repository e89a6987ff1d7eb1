"""How values lie in the database: the same way in SQLite and PostgreSQL.

JSON is kept as text. SQLite has no other type, and PostgreSQL's `jsonb` refuses characters that hostile names hold.

Moments are whole microseconds since 1970 in UTC. They compare and sort as numbers in both databases, come back exactly
as they went in, and need none of the drivers' ideas about time zones. Text would read better by hand, and cost thrice
the room in each index.
"""

import codecs
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UTF_16 = codecs.lookup("utf-16-le").name  # found now: codecs are imported when they are first asked for


def as_microseconds(moment: datetime) -> int:
    """Return a moment as it is stored. Raises TypeError for one without a time zone."""
    return (moment - EPOCH) // _MICROSECOND


def from_microseconds(stored: int) -> datetime:
    """Return a stored moment, in UTC."""
    return EPOCH + timedelta(microseconds=stored)


#: Keys may be of our enums, which are texts, and which orjson takes for none.
_OPTIONS = orjson.OPT_NON_STR_KEYS


def as_json(value: Any) -> str:
    """Return a value as JSON. Raises TypeError for what JSON can't hold."""
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(_clean(value), option=_OPTIONS).decode()


def from_json(stored: str) -> Any:
    """Return a stored value."""
    return orjson.loads(stored)


def as_text(text: str) -> str:
    """Return a text that both databases take: PostgreSQL knows no NUL, and half a surrogate pair has no UTF-8.

    File names and titles come from strangers.
    """
    if text.isascii() and "\0" not in text:  # nearly all are
        return text
    return text.replace("\0", "\ufffd").encode(_UTF_16, "surrogatepass").decode(_UTF_16, "replace")


def _plain(value: Any) -> Any:
    """Return what orjson doesn't know as something that it does."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _clean(value: Any) -> Any:
    """Return a value whose texts can be encoded."""
    match value:
        case str():
            return as_text(value)
        case Mapping():
            return {as_text(key): _clean(each) for key, each in value.items()}
        case list() | tuple():
            return [_clean(each) for each in value]
    return value
