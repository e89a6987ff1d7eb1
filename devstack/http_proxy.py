"""An HTTP proxy as a VPN container offers one: whoever asks through it comes from the VPN's address.

In the simulated world that address is another one of loopback: `source`. Plain requests are passed on with
`X-Forwarded-For`, `CONNECT` opens a tunnel. While the VPN is down nothing gets out: the former are answered with 500,
the latter with 503. A missing login is answered with 407, a wrong one with 401.
Source: Gluetun's HTTP proxy, development of May 2026.
"""

import asyncio
import base64
from collections.abc import Callable
import contextlib
from typing import Self
from urllib.parse import urlsplit

from .ports import free_port

_HOP_HEADERS = frozenset({"connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "upgrade"})
_CHUNK_BYTES = 64 * 1024


class HttpProxy:
    """A proxy on 127.0.0.1 that passes on what `is_up` lets through."""

    def __init__(self, is_up: Callable[[], bool], *, source: str, username: str = "", password: str = "") -> None:
        self.source = source
        #: its name server: the address of a host, None for one that it doesn't know better than this machine
        self.look_up: Callable[[str], str | None] = lambda _: None
        self.username = username
        self.password = password
        self.hanging = False  # it takes requests and answers none
        self.passed: list[str] = []  # "GET http://...", "CONNECT host:port"
        self._is_up = is_up
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens, without the login."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> Self:
        """Listen, at the same port as before if it was stopped."""
        self._port = self._port or free_port()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        return self

    async def stop(self) -> None:
        """Close the port and end every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a handler of asyncio's runs in one
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        except asyncio.CancelledError:
            pass  # the proxy stops; asyncio would report it
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; the connection is closed afterwards."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines) if name]
        if self.hanging:
            await asyncio.Event().wait()
        if (refusal := self._refusal(headers)) is not None:
            writer.write(refusal)
            await writer.drain()
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            await self._connect(reader, writer, host, int(port))
        else:
            await self._forward(reader, writer, method, target, headers)

    def _refusal(self, headers: list[tuple[str, str]]) -> bytes | None:
        if not self.username:
            return None
        given = next((value for name, value in headers if name.lower() == "proxy-authorization"), None)
        if given is None:
            return _response(407, "Proxy Authentication Required", b"", "Proxy-Authenticate: Basic realm=proxy")
        expected = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return None if given == f"Basic {expected}" else _response(401, "Unauthorized", b"")

    async def _reach(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect from the VPN's address. Raises OSError."""
        if not self._is_up():
            raise PermissionError(1, "Operation not permitted")  # what its firewall drops
        return await asyncio.open_connection(self.look_up(host) or host, port, local_addr=(self.source, 0))

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
    ) -> None:
        url = urlsplit(target)
        try:
            from_server, to_server = await self._reach(url.hostname or "", url.port or 80)
        except OSError:
            writer.write(_response(500, "Internal Server Error", b"server error\n"))
            await writer.drain()
            return
        self.passed.append(f"{method} {target}")
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        kept = [f"{name}: {value}" for name, value in headers if name.lower() not in _HOP_HEADERS]
        head = [f"{method} {path} HTTP/1.1", *kept, "X-Forwarded-For: 127.0.0.1", "Connection: close"]
        to_server.write("\r\n".join([*head, "", ""]).encode("latin-1"))
        await _between((reader, writer), (from_server, to_server))

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        try:
            from_server, to_server = await self._reach(host, port)
        except OSError as error:
            writer.write(_response(503, "Service Unavailable", f"{error}\n".encode()))
            await writer.drain()
            return
        self.passed.append(f"CONNECT {host}:{port}")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await _between((reader, writer), (from_server, to_server))


type _Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _response(status: int, words: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} {words}", *headers, f"Content-Length: {len(body)}", "Connection: close", "", ""]
    return "\r\n".join(head).encode() + body


async def _between(client: _Stream, server: _Stream) -> None:
    """Carry bytes both ways until one side is done."""
    ways = [asyncio.ensure_future(_carry(client[0], server[1])), asyncio.ensure_future(_carry(server[0], client[1]))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        server[1].close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(_CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
