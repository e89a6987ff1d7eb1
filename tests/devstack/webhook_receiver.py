"""Somebody who listens to webhooks."""

from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer


class Receiver:
    """A server that takes what comes, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[dict[str, Any]] = []
        self.requests: list[web.BaseRequest] = []
        self.server = TestServer(self._app(), host="127.0.0.1")

    async def __aenter__(self) -> Self:
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.received.append(await request.json())
        return web.Response(status=self.status)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/hook"))

    @property
    def events(self) -> list[str]:
        return [each["eventType"] for each in self.received]

    def last(self, event: str) -> dict[str, Any]:
        return next(each for each in reversed(self.received) if each["eventType"] == event)
