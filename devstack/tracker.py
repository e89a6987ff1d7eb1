"""A BitTorrent tracker over HTTP on loopback (BEP 3, BEP 23, BEP 24), for swarms that never leave the machine.

As a program (`python -m devstack.tracker 127.0.0.1`) it takes orders like the seeders do: a JSON object a line on
standard input, an answer a line on standard output, until its input ends.
"""

import asyncio
from dataclasses import asdict, dataclass, field
import ipaddress
import json
import sys
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from aiohttp import web

from .torrents import bencode

_HASH_BYTES = 20


@dataclass(slots=True)
class Member:
    """A peer in a swarm."""

    address: str
    port: int
    left: int  # bytes

    @property
    def compact(self) -> bytes:
        """Address and port as trackers send them."""
        return ipaddress.IPv4Address(self.address).packed + self.port.to_bytes(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """An announce that came in."""

    hash: str
    address: str  # where it came from
    port: int
    event: str  # started, completed, stopped, or empty
    left: int


@dataclass(slots=True)
class Tracker:
    """A tracker at an address. `failures` are refusals by info hash ("*" for all), told as trackers do."""

    interval_seconds: int = 5
    minimum_interval_seconds: int = 2
    failures: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    seen_at: str = ""  # the IPv4 address at which it tells everybody that it sees them; "" for nothing
    announces: list[Announce] = field(default_factory=list)
    _swarms: dict[str, dict[bytes, Member]] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _port: int = 0

    @property
    def url(self) -> str:
        """The announce URL."""
        return f"http://{self.host}:{self._port}/announce"

    def members(self, info_hash: str) -> list[Member]:
        """Return who announced themselves and didn't leave."""
        return list(self._swarms.get(info_hash, {}).values())

    async def start(self, port: int = 0) -> Self:
        """Listen; port 0 takes a free one."""
        app = web.Application()
        app.router.add_get("/announce", self._announce)
        app.router.add_get("/scrape", self._scrape)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, port or self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Stop listening; the swarms are remembered, and `start` takes the same port again."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out an order of the program's input."""
        match order:
            case {"do": "url"}:
                return {"url": self.url}
            case {"do": "refuse", "info_hash": info_hash, "reason": reason}:
                self.failures[info_hash] = reason
            case {"do": "warn", "info_hash": info_hash, "text": text}:
                self.warnings[info_hash] = text
            case {"do": "see", "address": address}:
                self.seen_at = address
            case {"do": "members", "info_hash": info_hash}:
                return {"members": [asdict(member) for member in self.members(info_hash)]}
            case {"do": "announces", "info_hash": info_hash}:
                return {"announces": [asdict(each) for each in self.announces if each.hash == info_hash]}
            case _:
                return {"error": f"unknown order {order}"}
        return {}

    async def _announce(self, request: web.Request) -> web.Response:
        query = _query(request)
        raw_hash = query.get("info_hash", [b""])[0]
        try:
            port, left = int(query["port"][0]), int(query.get("left", [b"0"])[0])
        except KeyError, ValueError:
            return _bencoded({"failure reason": "bad announce"})
        if len(raw_hash) != _HASH_BYTES:
            return _bencoded({"failure reason": "bad info hash"})
        info_hash = raw_hash.hex()
        event = query.get("event", [b""])[0].decode()
        address = request.remote or self.host
        self.announces.append(Announce(hash=info_hash, address=address, port=port, event=event, left=left))
        if reason := self.failures.get(info_hash) or self.failures.get("*"):
            return _bencoded({"failure reason": reason})
        swarm = self._swarms.setdefault(info_hash, {})
        me = Member(address, port, left)
        if event == "stopped":
            swarm.pop(me.compact, None)
        else:
            swarm[me.compact] = me
        done = sum(not member.left for member in swarm.values())
        answer: dict[str, int | str | bytes] = {
            "interval": self.interval_seconds,
            "min interval": self.minimum_interval_seconds,
            "complete": done,
            "incomplete": len(swarm) - done,
            "peers": b"".join(compact for compact in swarm if compact != me.compact),
        }
        if self.seen_at:
            answer["external ip"] = ipaddress.IPv4Address(self.seen_at).packed
        if warning := self.warnings.get(info_hash):
            answer["warning message"] = warning
        return _bencoded(answer)

    async def _scrape(self, request: web.Request) -> web.Response:
        pairs = []
        for raw_hash in _query(request).get("info_hash", []):
            swarm = self._swarms.get(raw_hash.hex(), {})
            done = sum(not member.left for member in swarm.values())
            counts = {"complete": done, "downloaded": done, "incomplete": len(swarm) - done}
            pairs.append(bencode(raw_hash) + bencode(counts))
        return web.Response(body=b"d5:filesd" + b"".join(sorted(pairs)) + b"ee", content_type="text/plain")


def _query(request: web.Request) -> dict[str, list[bytes]]:
    """Return the query with its values as bytes: a hash is no text."""
    values: dict[str, list[bytes]] = {}
    for part in request.raw_path.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        values.setdefault(name, []).append(unquote_to_bytes(value))
    return values


def _bencoded(answer: dict[str, int | str | bytes]) -> web.Response:
    return web.Response(body=bencode(answer), content_type="text/plain")


async def main(host: str) -> None:
    """Serve and obey until the input ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Tracker(host=host) as tracker:
        async for line in lines:
            print(json.dumps(tracker.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
