"""What every simulator shares: a server on loopback, faults by a control call, and a record of what was asked.

A simulator is a subclass that adds its routes in `routes()` and keeps its state in plain attributes. Over HTTP the
control lives below `/_control/` of the same port: `POST /_control/faults`, `DELETE /_control/faults`,
`GET /_control/requests`, and whatever a simulator adds. In Python: `simulator.fault(...)` and `simulator.requests`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
import fnmatch
import json
import random
from typing import Any, Self

from aiohttp import web

from .clock import Clock, WallClock
from .ports import free_port

CONTROL = "/_control"

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FaultKind(StrEnum):
    """How an answer can go wrong."""

    REFUSE = "refuse"  # the port is closed
    HANG = "hang"  # the request is read and never answered
    DRIP = "drip"  # the right answer, a few bytes at a time
    DISCONNECT = "disconnect"  # the connection is cut without an answer
    STATUS = "status"  # a status of its own, with body and headers as given
    TRUNCATE = "truncate"  # the connection is cut in the middle of the body
    TRUNCATE_JSON = "truncate_json"  # a complete answer whose JSON stops in the middle
    HTML = "html"  # a proxy's login page, 200
    WRONG_TYPES = "wrong_types"  # every number of the answer is a text, every text a number, every list an object
    UNKNOWN_ENUMS = "unknown_enums"  # values of the fields named in `fields` come from a newer version
    MISSING_FIELDS = "missing_fields"  # the fields named in `fields` are left out
    REDIRECT = "redirect"  # to `location`
    HUGE = "huge"  # an endless body


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, for requests that match `route` ("GET /api/v3/queue", "* /api/*")."""

    kind: FaultKind
    route: str = "* *"
    times: int | None = None  # None: until it is cleared
    status: int = 500
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    location: str = ""
    delay_seconds: float = 0.2  # between the bytes of a drip

    def matches(self, request: web.Request) -> bool:
        """Tell whether it concerns this request."""
        method, _, path = self.route.partition(" ")
        return fnmatch.fnmatchcase(request.method, method) and fnmatch.fnmatchcase(request.path, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """A request that came in, for tests that look at what a client really sends."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes
    status: int  # of the answer

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class Simulator:
    """A server on 127.0.0.1 that imitates one program."""

    #: the program's name, for messages and for the launcher
    name = "simulator"

    def __init__(self, *, clock: Clock | None = None, seed: int = 1) -> None:
        self.clock = clock or WallClock()
        self.random = random.Random(seed)
        self.requests: list[SeenRequest] = []
        self.record_requests = True
        self._faults: list[Fault] = []
        self._hanging = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what a simulator adds -----------------------------------------------------------------------------------

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of the imitated program."""
        return ()

    def control_routes(self) -> Iterable[web.RouteDef]:
        """Return more control routes, below `/_control/`."""
        return ()

    async def authorize(self, request: web.Request) -> web.StreamResponse | None:
        """Return the refusal of a request without valid credentials, or None to let it pass."""
        del request
        return None

    # --- life ----------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port it listens on (the same one after `refuse`)."""
        return self._port

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self, port: int = 0) -> Self:
        """Listen; port 0 takes a free one."""
        app = web.Application(middlewares=[self._middleware], client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                web.post(f"{CONTROL}/faults", self._control_add_fault),
                web.delete(f"{CONTROL}/faults", self._control_clear_faults),
                web.get(f"{CONTROL}/requests", self._control_requests),
                *self.control_routes(),
                *self.routes(),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen(port)
        return self

    async def _listen(self, port: int) -> None:
        assert self._runner is not None  # noqa: S101 -- start() set it
        # not one that the system chooses: it could be taken between `refuse` and `accept`
        self._port = port or free_port()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()

    async def stop(self) -> None:
        """Stop listening and end every request and task."""
        self._hanging.set()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = self._site = None

    async def __aenter__(self) -> Self:
        return self if self._runner else await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def refuse(self) -> None:
        """Close the port, as a program that was stopped; `accept` opens it again."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        if self._runner is not None and self._runner.server is not None:
            for connection in tuple(self._runner.server.connections):
                connection.force_close()

    async def accept(self) -> None:
        """Open the port again after `refuse`."""
        if self._site is None:
            await self._listen(self._port)

    def spawn(self, work: Awaitable[None]) -> None:
        """Run something beside the requests (a webhook to send); it ends with the simulator."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- faults --------------------------------------------------------------------------------------------------

    def fault(self, kind: FaultKind | str, route: str = "* *", **options: Any) -> Fault:
        """Let requests that match go wrong until `clear_faults` (or `times` times).

        A closed port is no matter of routes: that is `await refuse()`.
        """
        fault = Fault(kind=FaultKind(kind), route=route, **options)
        if fault.kind is FaultKind.REFUSE:
            raise ValueError("await refuse() closes the port")
        self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Answer properly again; requests that hang are let go."""
        self._faults.clear()
        self._hanging.set()
        self._hanging = asyncio.Event()

    def _take_fault(self, request: web.Request) -> Fault | None:
        for fault in self._faults:
            if fault.matches(request):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    # --- requests ------------------------------------------------------------------------------------------------

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROL):
            return await handler(request)
        body = await request.read()
        fault = self._take_fault(request)
        try:
            response = await self._answer(request, handler, fault)
        except web.HTTPException as error:
            self._record(request, body, error.status)
            raise
        self._record(request, body, response.status)
        return response

    def _record(self, request: web.Request, body: bytes, status: int) -> None:
        if self.record_requests:
            self.requests.append(
                SeenRequest(
                    method=request.method,
                    path=request.path,
                    query=tuple(request.query.items()),
                    headers=dict(request.headers),
                    body=body,
                    status=status,
                )
            )

    async def _answer(self, request: web.Request, handler: Handler, fault: Fault | None) -> web.StreamResponse:
        if fault is not None and (instead := await self._instead(request, fault)) is not None:
            return instead
        if (refusal := await self.authorize(request)) is not None:
            return refusal
        response = await handler(request)
        if fault is None or not isinstance(response, web.Response):
            return response
        return await self._spoil(request, response, fault)

    async def _instead(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        """Return what comes instead of the right answer, None where the right answer is needed to spoil it."""
        instead: web.StreamResponse | None = None
        match fault.kind:
            case FaultKind.HANG:
                await self._hanging.wait()
                instead = web.Response(status=503)
            case FaultKind.DISCONNECT:
                instead = _cut(request)
            case FaultKind.STATUS:
                instead = web.Response(status=fault.status, text=fault.body, headers=fault.headers)
            case FaultKind.HTML:
                instead = web.Response(text=LOGIN_PAGE, content_type="text/html")
            case FaultKind.REDIRECT:
                status = fault.status if fault.status in REDIRECTS else 302
                instead = web.Response(status=status, headers={"Location": fault.location})
            case FaultKind.HUGE:
                instead = await self._endless(request)
        return instead

    async def _spoil(self, request: web.Request, response: web.Response, fault: Fault) -> web.StreamResponse:
        """Change the right answer into one that is not."""
        body = response.body if isinstance(response.body, bytes) else b""
        match fault.kind:
            case FaultKind.TRUNCATE_JSON:
                response.body = body[: max(1, len(body) * 2 // 3)]
            case FaultKind.WRONG_TYPES:
                response.body = json.dumps(_wrong_types(json.loads(body))).encode()
            case FaultKind.UNKNOWN_ENUMS:
                response.body = json.dumps(_replace(json.loads(body), fault.fields, "fromTheFuture")).encode()
            case FaultKind.MISSING_FIELDS:
                response.body = json.dumps(_without(json.loads(body), fault.fields)).encode()
            case FaultKind.TRUNCATE | FaultKind.DRIP:
                return await self._slowly(request, response, body, fault)
        return response

    async def _slowly(
        self, request: web.Request, response: web.Response, body: bytes, fault: Fault
    ) -> web.StreamResponse:
        stream = web.StreamResponse(status=response.status)
        stream.content_type = response.content_type
        stream.content_length = len(body)
        await stream.prepare(request)
        if fault.kind is FaultKind.TRUNCATE:
            await stream.write(body[: len(body) // 2])
            return _cut(request)
        for start in range(0, len(body), 16):
            await stream.write(body[start : start + 16])
            await asyncio.sleep(fault.delay_seconds)
        return stream

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        stream.content_type = "application/json"
        await stream.prepare(request)
        try:
            while not self._hanging.is_set():
                await stream.write(b"[0," * 20_000)
        except ConnectionError:
            pass
        return stream

    # --- control over HTTP ---------------------------------------------------------------------------------------

    async def _control_add_fault(self, request: web.Request) -> web.Response:
        options = await request.json()
        if options.get("kind") == FaultKind.REFUSE:
            self.spawn(self.refuse())
            return web.json_response({"refusing": True})
        options["fields"] = tuple(options.get("fields", ()))
        self.fault(options.pop("kind"), **options)
        return web.json_response({"faults": len(self._faults)})

    async def _control_clear_faults(self, request: web.Request) -> web.Response:
        del request
        self.clear_faults()
        return web.json_response({"faults": 0})

    async def _control_requests(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(
            [
                {"method": seen.method, "path": seen.path, "query": seen.query, "status": seen.status}
                for seen in self.requests
            ]
        )


REDIRECTS = frozenset({301, 302, 303, 307, 308})

LOGIN_PAGE = """<!DOCTYPE html><html><head><title>Sign in</title></head>
<body><form action="/login" method="post"><input name="user"><input name="password" type="password"></form></body>
</html>"""


def _cut(request: web.Request) -> web.Response:
    """Cut the connection under an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _wrong_types(value: Any) -> Any:
    match value:
        case bool() | None:
            return [value]
        case dict():
            return {name: _wrong_types(each) for name, each in value.items()}
        case list():
            return {str(index): each for index, each in enumerate(value)} if value else value
        case str():
            return len(value)
        case _:
            return f"{value}!"


def _replace(value: Any, names: tuple[str, ...], new: Any) -> Any:
    match value:
        case dict():
            return {name: new if name in names else _replace(each, names, new) for name, each in value.items()}
        case list():
            return [_replace(each, names, new) for each in value]
        case _:
            return value


def _without(value: Any, names: tuple[str, ...]) -> Any:
    match value:
        case dict():
            return {name: _without(each, names) for name, each in value.items() if name not in names}
        case list():
            return [_without(each, names) for each in value]
        case _:
            return value
