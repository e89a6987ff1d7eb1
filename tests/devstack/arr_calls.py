"""Calling every route of a simulated *arr, with every answer and request checked against what is published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import re
from typing import Any

from aiohttp import ClientSession, web
import orjson

from devstack.servarr import Servarr
from tests.specifications import Answer, Sent, Specification


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return orjson.loads(self.body)


class Caller:
    """Calls a simulator and checks what goes over the wire."""

    def __init__(self, simulator: Servarr, session: ClientSession, specification: Specification | None = None) -> None:
        self.simulator = simulator
        self.session = session
        self.specification = specification
        self.called: set[tuple[str, str]] = set()

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        body: Any = None,
        status: int | None = None,
        key: str | None = "",
        specified: bool = True,
    ) -> Reply:
        """Call a path below the API's (or outside, from "//" on); check the status, and all of a success."""
        full = path[1:] if path.startswith("//") else f"{self.simulator.api}{path}"
        headers = {} if key is None else {"X-Api-Key": key or self.simulator.api_key}
        data = b"" if body is None else orjson.dumps(body)
        if data:
            headers["Content-Type"] = "application/json"
        query = tuple(query)
        async with self.session.request(
            method, self.simulator.url + full, params=query, data=data or None, headers=headers, allow_redirects=False
        ) as response:
            reply = Reply(
                status=response.status,
                body=await response.read(),
                content_type=response.headers.get("Content-Type", ""),
                headers=response.headers,
            )
        if status is None:
            assert reply.status < 300, f"{method} {full}: {reply.status} {reply.body[:300]!r}"
        else:
            assert reply.status == status, f"{method} {full}: {reply.status} {reply.body[:300]!r}"
        self.called.add((method, full))
        if reply.content_type.startswith("application/json") and reply.body:
            assert not has_null(reply.json()), f"{method} {full} writes null properties"
        if self.specification is not None and specified and reply.status < 300:
            sent = Sent(method=method, path=full, query=query, headers=headers, body=data)
            self.specification.check_request(sent)
            self.specification.check_response(
                sent, Answer(status=reply.status, content_type=reply.content_type, body=reply.body)
            )
        return reply

    async def get(self, path: str, **query: str) -> Any:
        """Return what is read there."""
        return (await self("GET", path, query=query.items())).json()

    def not_called(self) -> list[str]:
        """Return the routes of the simulator that were not called: all but those that stand for nothing."""
        missing = []
        for route in _routes(self.simulator):
            pattern = re.compile(_pattern(route.path) + "$")
            if not any(method == route.method and pattern.match(path) for method, path in self.called):
                missing.append(f"{route.method} {route.path}")
        return missing


def has_null(value: Any) -> bool:
    """Tell whether there is a null anywhere."""
    match value:
        case dict():
            return any(has_null(each) for each in value.values())
        case list():
            return any(has_null(each) for each in value)
        case _:
            return value is None


def _routes(simulator: Servarr) -> list[web.RouteDef]:
    routes = [route for route in simulator.routes() if isinstance(route, web.RouteDef)]
    return [route for route in routes if "{rest:.*}" not in route.path]


def _pattern(path: str) -> str:
    """Return the regular expression of a route."""
    return re.sub(r"\{\w+(?::([^}]*))?\}", lambda found: found[1] or "[^/]+", path)
