"""The HTTP layer, over real connections to a server that does everything wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
import json
from typing import Any, Self

from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult
import pytest

from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.http import MAX_REASON_CHARACTERS, HttpClient
from devstack.frame import FaultKind, Simulator

KEY = "the-planted-key-0123456789"
DAY = timedelta(days=1)


class Echo(Simulator):
    """Answers every request with what it was."""

    name = "echo"

    def routes(self) -> Iterable[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._echo)]

    async def _echo(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "method": request.method,
                "path": request.path,
                "raw_path": request.raw_path,
                "query": [list(pair) for pair in request.query.items()],
                "body": (await request.read()).decode(),
                "content_type": request.headers.get("Content-Type"),
                "key": request.headers.get("X-Api-Key"),
            }
        )


@pytest.fixture
async def server(socket_enabled: None) -> AsyncIterator[Echo]:
    async with Echo() as echo:
        yield echo


@pytest.fixture
def client(session: ClientSession, server: Echo) -> HttpClient:
    return HttpClient(session, server.url, headers={"X-Api-Key": KEY}, timeout_seconds=5)


# --- what is sent ------------------------------------------------------------------------------------------------


async def test_a_request_goes_below_the_base_url_with_its_headers(client: HttpClient, server: Echo) -> None:
    answer = await client.get_json(
        "api/v3/queue", params={"page": 1, "monitored": True, "ids": [3, 4], "name": "a&b c"}
    )
    assert answer["path"] == "/api/v3/queue"
    assert answer["query"] == [["page", "1"], ["monitored", "true"], ["ids", "3"], ["ids", "4"], ["name", "a&b c"]]
    assert answer["key"] == KEY
    assert [request.path for request in server.requests] == ["/api/v3/queue"]


@pytest.mark.parametrize(
    ("base_path", "path", "arrives_at"),
    [
        ("", "ping", "/ping"),
        ("/", "ping", "/ping"),
        ("", "/ping", "/ping"),
        ("/radarr", "api/v3/queue", "/radarr/api/v3/queue"),
        ("/radarr/", "/api/v3/queue", "/radarr/api/v3/queue"),
        ("/a%20b", "ping", "/a%20b/ping"),
        ("/radarr?theme=dark#/settings", "ping", "/radarr/ping"),
        ("", "hash/a?b#c", "/hash/a%3Fb%23c"),
        ("", "", "/"),
        ("/radarr", "", "/radarr/"),
    ],
)
async def test_paths_are_joined(
    session: ClientSession, server: Echo, base_path: str, path: str, arrives_at: str
) -> None:
    answer = await HttpClient(session, f" {server.url}{base_path} ").get_json(path)
    assert answer["raw_path"] == arrives_at


async def test_bodies_are_json_or_forms(client: HttpClient) -> None:
    sent = (await client.request("POST", "command", json={"name": "Größe", "ids": []})).json()
    assert (json.loads(sent["body"]), sent["content_type"]) == ({"name": "Größe", "ids": []}, "application/json")
    sent = (await client.request("POST", "login", form={"username": "a", "password": "b&c="})).json()
    assert sent["body"] == "username=a&password=b%26c%3D"
    assert sent["content_type"] == "application/x-www-form-urlencoded"
    sent = (await client.request("PUT", "empty", json=[])).json()
    assert sent["body"] == "[]"


async def test_headers_of_one_request_come_on_top(client: HttpClient, server: Echo) -> None:
    await client.request("GET", "x", headers={"Cookie": "SID=1"})
    await client.request("GET", "x")
    assert [request.headers.get("Cookie") for request in server.requests] == ["SID=1", None]
    assert {request.headers["X-Api-Key"] for request in server.requests} == {KEY}


async def test_an_ipv6_address_is_an_address(session: ClientSession) -> None:
    client = HttpClient(session, "http://[::1]:8989/sonarr")
    assert (client.base_url.host, client.base_url.port, client.base_url.path) == ("::1", 8989, "/sonarr/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nas:8080",
        "192.168.1.5:8080",
        "ftp://nas",
        "http://",
        "http://nas:notaport",
        "http://nas:99999",
        "http://[::1",
    ],
)
async def test_what_is_no_address_is_said_at_once(session: ClientSession, url: str) -> None:
    with pytest.raises(CannotConnect, match="address"):
        HttpClient(session, url)


async def test_a_key_with_a_line_break_is_no_key(session: ClientSession) -> None:
    with pytest.raises(InvalidAuth):
        HttpClient(session, "http://127.0.0.1:1", headers={"X-Api-Key": "abc\r\nX-Evil: 1"})


async def test_the_latency_is_that_of_the_last_answer(client: HttpClient) -> None:
    before = client.latency_seconds
    await client.get_json("x")
    assert before is None
    assert 0 < (client.latency_seconds or 0) < 5


# --- nobody answers --------------------------------------------------------------------------------------------------


async def silence_of(client: HttpClient, method: str = "GET", **options: Any) -> Silence:
    with pytest.raises(CannotConnect) as caught:
        await client.request(method, "api/secret-free", params={"apikey": KEY}, **options)
    assert KEY not in str(caught.value)
    return caught.value.silence


async def test_a_closed_port_is_refused_and_open_again_it_answers(client: HttpClient, server: Echo) -> None:
    await server.refuse()
    assert await silence_of(client) is Silence.REFUSED
    await server.accept()
    assert (await client.get_json("x"))["path"] == "/x"


async def test_a_server_that_never_answers(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.HANG)
    assert await silence_of(client, timeout_seconds=0.05) is Silence.TIMEOUT


async def test_a_server_that_drips_does_not_outwit_the_time_limit(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.DRIP, delay_seconds=0.03)
    assert await silence_of(client, timeout_seconds=0.1) is Silence.TIMEOUT


async def test_redirects_do_not_lengthen_the_time_limit(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.REDIRECT, "GET /api/*", location="/hop")
    server.fault(FaultKind.HANG, "GET /hop")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert await silence_of(client, timeout_seconds=0.1) is Silence.TIMEOUT
    assert loop.time() - begin < 1


async def test_a_server_that_hangs_up(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.DISCONNECT)
    assert await silence_of(client) is Silence.CUT_OFF
    assert await silence_of(client, "POST") is Silence.CUT_OFF


async def test_an_unknown_host(socket_enabled: None) -> None:
    class Nobody(AbstractResolver):
        async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
            raise OSError(None, "Domain name not found")

        async def close(self) -> None:
            pass

    async with ClientSession(connector=TCPConnector(resolver=Nobody())) as session:
        assert await silence_of(HttpClient(session, "http://nas.invalid")) is Silence.UNKNOWN_HOST


async def test_an_unreachable_host(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: Any, **__: Any) -> None:
        raise OSError(113, "No route to host")

    monkeypatch.setattr("aiohappyeyeballs.start_connection", unreachable)
    async with ClientSession() as session:
        assert await silence_of(HttpClient(session, "http://127.0.0.1:9")) is Silence.UNREACHABLE


async def test_tls_to_a_port_without_it(session: ClientSession, server: Echo) -> None:
    client = HttpClient(session, server.url.replace("http:", "https:"), timeout_seconds=5)
    assert await silence_of(client) is Silence.TLS


async def test_a_host_that_cannot_be_one(session: ClientSession) -> None:
    with pytest.raises(CannotConnect):
        await HttpClient(session, "http://my nas:8080").get_json("x")


async def test_a_login_in_the_address_beside_a_key_is_said_to_be_wrong(session: ClientSession, server: Echo) -> None:
    url = server.url.replace("//", "//user:password@")
    client = HttpClient(session, url, headers={"Authorization": "Bearer x"})
    with pytest.raises(CannotConnect, match="the address or the headers are not valid") as caught:
        await client.get_json("x")
    assert "password" not in str(caught.value)


async def test_a_connection_that_the_system_gave_up(
    client: HttpClient, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise TimeoutError(110, "Connection timed out")

    monkeypatch.setattr(session, "request", gone)
    assert await silence_of(client) is Silence.TIMEOUT


async def test_cancelling_is_not_caught(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.HANG)
    task = asyncio.create_task(client.get_json("x"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- an answer, but not the right one --------------------------------------------------------------------------------


async def test_a_body_that_stops_in_the_middle(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.TRUNCATE)
    with pytest.raises(UnexpectedResponse, match="cut off"):
        await client.get_json("x")


async def test_json_that_stops_in_the_middle(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.TRUNCATE_JSON)
    with pytest.raises(UnexpectedResponse, match=r"GET /api/v3/queue: the answer of \d+ bytes is not valid JSON"):
        await client.get_json("api/v3/queue")


async def test_a_web_page_in_place_of_json(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.HTML)
    with pytest.raises(NotTheApi, match="web page"):
        await client.get_json("x")


async def test_a_web_page_that_calls_itself_something_else(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.STATUS, status=200, body="\n<!DOCTYPE html><html></html>")
    with pytest.raises(NotTheApi):
        await client.get_json("x")


async def test_a_body_without_end(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.HUGE)
    with pytest.raises(UnexpectedResponse, match="larger than 100000 bytes"):
        await client.request("GET", "x", max_bytes=100_000)
    server.clear_faults()
    assert (await client.get_json("x"))["path"] == "/x"


async def test_a_body_of_just_the_allowed_size(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.STATUS, status=200, body="x" * 70_000)
    answer = await client.request("GET", "x", max_bytes=70_000)
    assert answer.text == "x" * 70_000
    with pytest.raises(UnexpectedResponse):
        await client.request("GET", "x", max_bytes=69_999)


async def test_bytes_that_are_no_text(client: HttpClient, server: Echo) -> None:
    class Latin(Echo):
        async def _echo(self, _: web.Request) -> web.Response:
            return web.Response(body=b"caf\xe9")

    async with Latin() as latin, ClientSession() as session:
        answer = await HttpClient(session, latin.url).request("GET", "x")
    assert answer.text == "caf\N{REPLACEMENT CHARACTER}"
    with pytest.raises(UnexpectedResponse):
        answer.json()


async def test_something_that_does_not_speak_http(session: ClientSession) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnexpectedResponse, match="not valid HTTP"):
            await HttpClient(session, f"http://127.0.0.1:{port}").get_json("x")


@pytest.mark.parametrize("status", [304, 300])
async def test_a_status_that_nothing_asked_for(client: HttpClient, server: Echo, status: int) -> None:
    server.fault(FaultKind.STATUS, status=status)
    with pytest.raises(UnexpectedResponse, match=str(status)):
        await client.request("POST", "x")


# --- statuses --------------------------------------------------------------------------------------------------------

STATUSES: dict[int, type[BackendError]] = {
    400: Refused,
    401: InvalidAuth,
    403: InvalidAuth,
    404: NotFound,
    405: Refused,
    409: Refused,
    410: NotFound,
    415: Refused,
    422: Refused,
    429: RateLimited,
    500: UnexpectedResponse,
    502: UnexpectedResponse,
    503: UnexpectedResponse,
}


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("headers", "body"), [({"Content-Type": "text/html"}, "Denied"), ({}, "\n<!DOCTYPE html><p>Sign in</p>")]
)
async def test_a_proxys_refusal_says_nothing_of_the_backends_credentials(
    client: HttpClient, server: Echo, status: int, headers: dict[str, str], body: str
) -> None:
    server.fault(FaultKind.STATUS, status=status, headers=headers, body=body)
    with pytest.raises(NotTheApi, match=str(status)) as caught:
        await client.request("GET", "x")
    assert caught.value.status == status


@pytest.mark.parametrize(("status", "error"), STATUSES.items())
async def test_a_status_is_its_error(client: HttpClient, server: Echo, status: int, error: type[BackendError]) -> None:
    server.fault(FaultKind.STATUS, status=status, body="in a few words")
    with pytest.raises(BackendError) as caught:
        await client.request("GET", "api/v3/queue", params={"apikey": KEY})
    assert type(caught.value) is error
    assert str(caught.value) == f"GET /api/v3/queue: {status} (in a few words)"
    if isinstance(caught.value, (Refused, UnexpectedResponse)):
        assert caught.value.status == status


@pytest.mark.parametrize("status", STATUSES)
async def test_an_expected_status_is_an_answer(client: HttpClient, server: Echo, status: int) -> None:
    server.fault(FaultKind.STATUS, status=status)
    assert (await client.request("GET", "x", expected=frozenset({status}))).status == status


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_success_is_one(client: HttpClient, server: Echo, status: int) -> None:
    server.fault(FaultKind.STATUS, status=status)
    assert (await client.request("POST", "x")).status == status


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "90"}, timedelta(seconds=90)),
        ({"Retry-After": " 0 "}, timedelta()),
        ({"Retry-After": "31536000"}, DAY),
        ({"Retry-After": "9" * 40}, DAY),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        (
            {"Retry-After": format_datetime(NOON + timedelta(minutes=2), usegmt=True), "Date": format_datetime(NOON)},
            timedelta(minutes=2),
        ),
        ({"Retry-After": format_datetime(NOON), "Date": format_datetime(NOON + timedelta(hours=1))}, timedelta()),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, DAY),
        ({"Retry-After": "Sat, 01 Jan 2000 00:00:00 -0000"}, timedelta()),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_how_long_to_wait(
    client: HttpClient, server: Echo, headers: dict[str, str], wait: timedelta | None, status: int
) -> None:
    server.fault(FaultKind.STATUS, status=status, headers=headers)
    with pytest.raises(BackendError) as caught:
        await client.get_json("x")
    if status == 503 and wait is None:
        assert type(caught.value) is UnexpectedResponse
    else:
        assert isinstance(caught.value, RateLimited)
        assert caught.value.retry_after == wait


async def test_a_date_to_wait_for_counts_from_now_where_the_server_tells_no_time(session: ClientSession) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 429 No\r\nContent-Length: 0\r\nRetry-After: {until}\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        with pytest.raises(RateLimited) as caught:
            await HttpClient(session, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}").get_json("x")
    assert caught.value.retry_after is not None
    assert timedelta(minutes=59) < caught.value.retry_after <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", ""),
        ("Torrent  hash\nnot found", "Torrent hash not found"),
        ('"just words"', "just words"),
        ('{"message": "NotFound", "description": "at Radarr.Http..."}', "NotFound"),
        ('{"error": "bad_token", "error_code": 8}', "bad_token"),
        ('{"description": "no words"}', ""),
        (
            '[{"propertyName": "Path", "errorMessage": "is taken"}, {"errorMessage": "and so on"}, 3]',
            "Path: is taken; and so on",
        ),
        ("<!doctype html><title>Bad gateway</title>", ""),
        ('{"message": "Unable to connect to http://indexer/api?apikey=0123456789abcdef"}', "**REDACTED**"),
        ("x" * 1000, "x" * (MAX_REASON_CHARACTERS - 1) + "…"),
    ],
)
async def test_the_backends_own_words(client: HttpClient, server: Echo, body: str, reason: str) -> None:
    server.fault(FaultKind.STATUS, status=409, body=body)
    with pytest.raises(Refused) as caught:
        await client.get_json("x")
    said = str(caught.value).removeprefix("GET /x: 409").strip(" ()")
    assert "0123456789abcdef" not in said
    if reason == "**REDACTED**":
        assert said.endswith(reason)
    else:
        assert said == reason


# --- redirects -------------------------------------------------------------------------------------------------------


async def test_a_read_follows_a_redirect_on_the_same_server(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.REDIRECT, "GET /old", location="/new?page=2", status=301)
    answer = await client.get_json("old")
    assert (answer["path"], answer["query"], answer["key"]) == ("/new", [["page", "2"]], KEY)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/x",
        "http://other.example:{port}/x",
        "//other.example/x",
        "http://127.0.0.1:{other}/x",
        "https://127.0.0.1:{other}/x",
        "",
        "http://[broken",
        "mailto:somebody",
    ],
)
async def test_credentials_stay_with_their_server(client: HttpClient, server: Echo, location: str) -> None:
    async with Echo() as other:
        server.fault(FaultKind.REDIRECT, location=location.format(port=server.port, other=other.port))
        with pytest.raises(NotTheApi, match="redirected to"):
            await client.get_json("x")
        assert other.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("begin", "location", "followed"),
    [
        ("http://nas/", "https://nas/", True),
        ("http://nas:80/", "https://nas:443/x", True),
        ("http://nas:8080/", "https://nas:8080/", True),
        ("http://nas:8080/", "https://nas/", False),
        ("http://nas/", "https://nas:8443/", False),
        ("https://nas/", "http://nas/", False),
        ("https://nas:8443/", "http://nas:8443/", False),
        ("https://nas/", "https://nas/login", True),
        ("http://nas/", "http://nas.evil/", False),
    ],
)
async def test_which_redirects_are_followed(
    session: ClientSession, monkeypatch: pytest.MonkeyPatch, begin: str, location: str, *, followed: bool
) -> None:
    """Ports below 1024 and host names can't be had in a test: the connections are looked at, not made."""
    asked: list[str] = []

    class Said:
        def __init__(self, url: str) -> None:
            self.first = len(asked) == 0
            asked.append(url)
            self.status = 302 if self.first else 200
            self.headers = {"Location": location} if self.first else {}
            self.content = self

        async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
            yield b"{}"

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(session, "request", lambda _, url, **__: Said(str(url)))
    client = HttpClient(session, begin)
    if followed:
        assert await client.get_json("x") == {}
        assert len(asked) == 2
    else:
        with pytest.raises(NotTheApi, match="redirected"):
            await client.get_json("x")
        assert len(asked) == 1


async def test_a_change_is_never_redirected(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.REDIRECT, location="/new", status=307)
    for method in ("POST", "PUT", "DELETE"):
        with pytest.raises(NotTheApi, match="use the address that it leads to"):
            await client.request(method, "x", json={})
    assert {request.path for request in server.requests} == {"/x"}


async def test_a_circle_of_redirects_ends(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.REDIRECT, location="/round")
    with pytest.raises(NotTheApi, match="more than 3 times"):
        await client.get_json("x")
    assert len(server.requests) == 4


async def test_a_redirect_can_be_expected(client: HttpClient, server: Echo) -> None:
    server.fault(FaultKind.REDIRECT, location="http://other.example/", status=302)
    assert (await client.request("GET", "x", expected=frozenset({302}))).headers["Location"] == "http://other.example/"


async def test_the_session_is_not_closed_by_errors(session: ClientSession, server: Echo) -> None:
    client = HttpClient(session, server.url)
    for kind in (FaultKind.DISCONNECT, FaultKind.TRUNCATE, FaultKind.HTML, FaultKind.HUGE):
        server.fault(kind)
        with pytest.raises(BackendError):
            (await client.request("GET", "x", max_bytes=1000)).json()
        server.clear_faults()
    assert not session.closed
    assert (await client.get_json("x"))["method"] == "GET"


async def test_no_cookie_is_kept_for_the_next_client(socket_enabled: None, server: Echo) -> None:
    server.fault(FaultKind.STATUS, status=200, body="{}", headers={"Set-Cookie": "SID=1"}, times=1)
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        answer = await HttpClient(session, server.url).request("GET", "x")
        assert answer.headers.getall("Set-Cookie") == ["SID=1"]
        await HttpClient(session, server.url).request("GET", "x")
    assert "Cookie" not in server.requests[-1].headers
