"""How Radarr, Sonarr and Prowlarr speak HTTP: JSON in camel case without nulls, their errors, their paging.

Validation failures are a 400 with a list, malformed parameters a 400 with a problem object, other errors an object with
`message`. Query parameters are understood in any case.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import hashlib
from typing import Any

from aiohttp import web
import orjson

type Json = dict[str, Any]


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body

    @classmethod
    def message(cls, status: int, message: str) -> ApiError:
        """Make the usual error object."""
        return cls(status, {"message": message, "description": f"{message}\n   at the imitated stack"})

    @classmethod
    def not_found(cls, what: str = "NotFound") -> ApiError:
        """Make a 404."""
        return cls.message(404, what)


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why a resource was not accepted."""

    property_name: str
    message: str
    attempted: Any = None
    warning: bool = False

    def json(self) -> Json:
        """Return it as the applications write it."""
        return {
            "isWarning": self.warning,
            "propertyName": self.property_name,
            "errorMessage": self.message,
            "attemptedValue": self.attempted,
            "severity": "warning" if self.warning else "error",
        }


def refuse(*failures: Invalid) -> ApiError:
    """Make the 400 of a failed validation."""
    return ApiError(400, [failure.json() for failure in failures])


def moment(value: datetime | None) -> str | None:
    """Return a time as the API writes it."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_span(value: timedelta | None) -> str | None:
    """Return a duration as a .NET TimeSpan: `hh:mm:ss`, with `d.` before it from a day on."""
    if value is None:
        return None
    seconds = int(value.total_seconds())
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    return f"{days}.{text}" if days else text


def identity(text: str) -> int:
    """Return a positive 31-bit number that stands for a text, as queue ids do for downloads."""
    return int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest()[:4]) & 0x7FFFFFFF


def without_nulls(value: Any) -> Any:
    """Leave out null properties."""
    match value:
        case dict():
            return {name: without_nulls(each) for name, each in value.items() if each is not None}
        case list() | tuple():
            return [without_nulls(each) for each in value]
        case _:
            return value


def answer(data: Any, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(
        body=orjson.dumps(without_nulls(data)), status=status, content_type="application/json", charset="utf-8"
    )


class Query:
    """The query parameters of a request: names in any case; what can't be read is the 400 of the real ones."""

    def __init__(self, request: web.Request) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in request.query.items():
            self._values.setdefault(name.lower(), []).append(value)

    def text(self, name: str) -> str | None:
        """Return the first value, or None where it is missing or empty."""
        values = self._values.get(name.lower())
        return values[0] or None if values else None

    def texts(self, name: str) -> list[str]:
        """Return all values."""
        return [value for value in self._values.get(name.lower(), ()) if value]

    def _read[T](self, name: str, read: Callable[[str], T]) -> list[T]:
        try:
            return [read(value) for value in self.texts(name)]
        except ValueError, KeyError:
            value = self.texts(name)[0]
            raise ApiError(
                400,
                {
                    "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
                    "title": "One or more validation errors occurred.",
                    "status": 400,
                    "errors": {name: [f"The value '{value}' is not valid."]},
                },
            ) from None

    def integers(self, name: str) -> list[int]:
        """Return whole numbers."""
        return self._read(name, int)

    def integer(self, name: str, default: int) -> int:
        """Return a whole number."""
        return next(iter(self.integers(name)), default)

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number, or None where it is missing."""
        return next(iter(self.integers(name)), None)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return true or false: only these two words are understood."""
        return next(iter(self._read(name, lambda value: {"true": True, "false": False}[value.lower()])), default)

    def moment(self, name: str) -> datetime | None:
        """Return a time; without a zone it is taken for UTC."""
        values = self._read(name, datetime.fromisoformat)
        return None if not values else values[0].replace(tzinfo=values[0].tzinfo or UTC)

    def choice(self, name: str, choices: Iterable[str]) -> str | None:
        """Return one of some words, in their own spelling."""
        spelling = {choice.lower(): choice for choice in choices}
        return next(iter(self._read(name, lambda value: spelling[value.lower()])), None)

    def choices(self, name: str, choices: Iterable[str]) -> list[str]:
        """Return several of some words, in their own spelling."""
        spelling = {choice.lower(): choice for choice in choices}
        return self._read(name, lambda value: spelling[value.lower()])


def page_of[T](
    query: Query,
    records: Sequence[T],
    render: Callable[[T], Json],
    *,
    sorts: Mapping[str, Callable[[T], Any]],
    default_sort: str,
    descending: bool = False,
) -> Json:
    """Return one page of records. An unknown sort key falls back; a page past the end is the last one."""
    key = query.text("sortKey") or default_sort
    if key not in sorts:
        key = default_sort
    direction = query.choice("sortDirection", ("default", "ascending", "descending")) or "default"
    if direction == "default":
        direction = "descending" if descending else "ascending"

    def order(record: T) -> tuple[bool, Any]:
        value = sorts[key](record)
        return value is None, value if value is not None else 0

    ordered = sorted(records, key=order, reverse=direction == "descending")
    size = max(1, query.integer("pageSize", 10))
    number = min(max(1, query.integer("page", 1)), max(1, -(-len(ordered) // size)))
    return {
        "page": number,
        "pageSize": size,
        "sortKey": key,
        "sortDirection": direction,
        "totalRecords": len(ordered),
        "records": [render(record) for record in ordered[(number - 1) * size : number * size]],
    }


async def body_of(request: web.Request) -> Any:
    """Return the JSON body of a request."""
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        raise ApiError(
            400,
            {
                "title": "One or more validation errors occurred.",
                "status": 400,
                "errors": {"$": ["The input does not contain any JSON tokens."]},
            },
        ) from None


async def object_of(request: web.Request) -> Json:
    """Return the JSON object in the body of a request."""
    body = await body_of(request)
    if not isinstance(body, dict):
        raise ApiError.message(400, "The body must be an object")
    return body


def id_of(request: web.Request) -> int:
    """Return the id in the path."""
    return int(request.match_info["id"])
