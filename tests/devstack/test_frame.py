"""The frame of every simulator: each fault as a client sees it, and the control over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterable
import json
import time
from typing import override

import aiohttp
from aiohttp import web
import pytest

from devstack.frame import LOGIN_PAGE, FaultKind, Simulator

ANSWER = {"name": "x", "size": 3, "items": [1, 2], "on": True, "nested": {"state": "ok"}}


class Program(Simulator):
    """A program with one thing to say."""

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        return [web.get("/api/thing", self._thing), web.post("/api/thing", self._thing), web.get("/other", self._thing)]

    async def _thing(self, _: web.Request) -> web.Response:
        return web.json_response(ANSWER)

    @override
    async def authorize(self, request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=401) if request.headers.get("Refuse") else None


@pytest.fixture
async def program(socket_enabled: None) -> AsyncIterator[Program]:
    async with Program() as program:
        yield program


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client:
        yield client


async def test_without_a_fault(program: Program, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{program.url}/api/thing") as response:
        assert await response.json() == ANSWER
    async with client.get(f"{program.url}/api/thing", headers={"Refuse": "1"}) as response:
        assert response.status == 401
    async with client.get(f"{program.url}/nowhere") as response:
        assert response.status == 404
    assert [seen.status for seen in program.requests] == [200, 401, 404]


async def test_refuse_and_accept(program: Program, client: aiohttp.ClientSession) -> None:
    port = program.port
    async with client.get(f"{program.url}/api/thing") as response:
        assert response.status == 200
    await program.refuse()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{program.url}/api/thing")
    await program.accept()
    async with client.get(f"{program.url}/api/thing") as response:
        assert (response.status, program.port) == (200, port)
    with pytest.raises(ValueError, match="refuse"):
        program.fault("refuse")


async def test_hang(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("hang")
    with pytest.raises(TimeoutError):
        await client.get(f"{program.url}/api/thing", timeout=aiohttp.ClientTimeout(total=0.05))
    waiting = asyncio.create_task(_status(client, f"{program.url}/api/thing"))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    program.clear_faults()
    assert await waiting == 503
    assert await _status(client, f"{program.url}/api/thing") == 200


async def _status(client: aiohttp.ClientSession, url: str) -> int:
    async with client.get(url) as response:
        return response.status


async def test_drip(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("drip", delay_seconds=0.002)
    start = time.monotonic()
    async with client.get(f"{program.url}/api/thing") as response:
        assert await response.json() == ANSWER
    pieces = -(-len(json.dumps(ANSWER)) // 16)
    assert time.monotonic() - start >= 0.002 * (pieces - 1)  # nobody waits for what comes after the last


async def test_disconnect(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("disconnect")
    with pytest.raises(aiohttp.ClientError):
        await client.post(f"{program.url}/api/thing")


async def test_truncate(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("truncate")
    async with client.get(f"{program.url}/api/thing") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_truncated_json_is_a_complete_answer(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("truncate_json")
    async with client.get(f"{program.url}/api/thing") as response:
        body = await response.read()
    assert json.dumps(ANSWER).startswith(body.decode())
    with pytest.raises(ValueError, match=r"delimiter|Expecting"):
        json.loads(body)


async def test_status_with_body_and_headers(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("status", status=429, body="slow down", headers={"Retry-After": "7"})
    async with client.get(f"{program.url}/api/thing") as response:
        assert (response.status, await response.text()) == (429, "slow down")
        assert response.headers["Retry-After"] == "7"


async def test_html(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("html")
    async with client.get(f"{program.url}/api/thing") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert await response.text() == LOGIN_PAGE


async def test_wrong_types(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("wrong_types")
    async with client.get(f"{program.url}/api/thing") as response:
        wrong = await response.json()
    assert wrong == {"name": 1, "size": "3!", "items": {"0": 1, "1": 2}, "on": [True], "nested": {"state": 2}}


async def test_unknown_enums_and_missing_fields(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("unknown_enums", fields=("state",), times=1)
    program.fault("missing_fields", fields=("size", "state"), times=1)
    async with client.get(f"{program.url}/api/thing") as response:
        assert await response.json() == ANSWER | {"nested": {"state": "fromTheFuture"}}
    async with client.get(f"{program.url}/api/thing") as response:
        assert await response.json() == {"name": "x", "items": [1, 2], "on": True, "nested": {}}
    async with client.get(f"{program.url}/api/thing") as response:
        assert await response.json() == ANSWER


@pytest.mark.parametrize(("given", "status"), [(301, 301), (307, 307), (500, 302)])
async def test_redirect(program: Program, client: aiohttp.ClientSession, given: int, status: int) -> None:
    program.fault("redirect", location="http://elsewhere.example/", status=given)
    async with client.get(f"{program.url}/api/thing", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (status, "http://elsewhere.example/")


async def test_huge(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("huge")
    async with client.get(f"{program.url}/api/thing") as response:
        read = 0
        async for chunk in response.content.iter_chunked(1 << 16):
            read += len(chunk)
            if read > 10 << 20:
                break
    assert read > 10 << 20
    program.clear_faults()


async def test_a_fault_concerns_its_route_and_so_many_requests(program: Program, client: aiohttp.ClientSession) -> None:
    program.fault("status", "GET /api/*", status=500, times=2)
    urls = [
        ("GET", "/other"),
        ("POST", "/api/thing"),
        ("GET", "/api/thing"),
        ("GET", "/api/thing"),
        ("GET", "/api/thing"),
    ]
    statuses = []
    for method, path in urls:
        async with client.request(method, program.url + path) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 500, 500, 200]


async def test_requests_are_recorded_as_they_came(program: Program, client: aiohttp.ClientSession) -> None:
    async with client.post(f"{program.url}/api/thing?a=1&a=2", json={"x": 1}, headers={"X-Key": "k"}):
        pass
    (seen,) = program.requests
    assert (seen.method, seen.path, seen.query, seen.json()) == (
        "POST",
        "/api/thing",
        (("a", "1"), ("a", "2")),
        {"x": 1},
    )
    assert seen.headers["X-Key"] == "k"
    program.record_requests = False
    assert await _status(client, f"{program.url}/api/thing") == 200
    assert len(program.requests) == 1


async def test_control_over_http(program: Program, client: aiohttp.ClientSession) -> None:
    fault = {"kind": "missing_fields", "fields": ["size"], "route": "GET /api/thing"}
    async with client.post(f"{program.url}/_control/faults", json=fault) as response:
        assert await response.json() == {"faults": 1}
    async with client.get(f"{program.url}/api/thing") as response:
        assert "size" not in await response.json()
    async with client.delete(f"{program.url}/_control/faults") as response:
        assert await response.json() == {"faults": 0}
    async with client.get(f"{program.url}/_control/requests") as response:
        assert await response.json() == [{"method": "GET", "path": "/api/thing", "query": [], "status": 200}]
    async with client.post(f"{program.url}/_control/faults", json={"kind": FaultKind.REFUSE}) as response:
        assert await response.json() == {"refusing": True}
    await asyncio.sleep(0.02)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{program.url}/api/thing")
