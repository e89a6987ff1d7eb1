"""A server with given answers: for what no simulator of the right mind would say."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, web

from custom_components.sokoul.clients.arr import ServarrClient
from devstack.frame import Simulator

type CannedAnswer = web.Response | Callable[[web.Request], Any] | Any


class Canned(Simulator):
    """Answers "GET /api/v3/queue" with what is given for it: JSON, a response, or what a function returns."""

    name = "canned"

    def __init__(self, answers: Mapping[str, CannedAnswer]) -> None:
        super().__init__()
        self.answers = dict(answers)

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._given)]

    async def _given(self, request: web.Request) -> web.Response:
        answer = self.answers.get(f"{request.method} {request.path}", web.Response(status=404))
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, web.Response):  # one object can be sent only once
            return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        return web.json_response(answer)

    def sent(self) -> list[str]:
        """Return what was asked, without queries."""
        return [f"{request.method} {request.path}" for request in self.requests]


@asynccontextmanager
async def talking[ClientT: ServarrClient](
    kind: type[ClientT], answers: Mapping[str, CannedAnswer], *, path: str = "", timeout_seconds: float = 10
) -> AsyncIterator[tuple[ClientT, Canned]]:
    """Start a server with these answers and a client of it."""
    async with Canned(answers) as server, ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield kind(session, server.url + path, "the-key", timeout_seconds=timeout_seconds), server


def paged(records: list[dict[str, Any]]) -> Callable[[web.Request], Any]:
    """Answer with pages of these records, as they are when a page is asked for."""

    def page(request: web.Request) -> Any:
        number, size = int(request.query["page"]), int(request.query["pageSize"])
        return {
            "page": number,
            "pageSize": size,
            "totalRecords": len(records),
            "records": records[(number - 1) * size : number * size],
        }

    return page
