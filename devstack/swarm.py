"""A swarm, on loopback or in a network namespace: a tracker, and seeders that really send data, for real clients.

Both are programs of their own: they answer also while the event loop that started them does not run.
"""

import asyncio
import base64
from collections.abc import Collection
from dataclasses import dataclass
import json
from pathlib import Path
import random
import sys
from typing import Any, Self

from .torrents import PIECE_LENGTH, TorrentFile, magnet_link, make_torrent

_REPOSITORY = Path(__file__).resolve().parent.parent
_SEEDERS = Path(__file__).with_name("swarm_process.py")
_ANSWER_SECONDS = 20
_LINE_BYTES = 1 << 24


class SwarmError(RuntimeError):
    """The swarm can't do what it was told, or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A torrent of the swarm, and its content on disk."""

    name: str
    hash: str
    torrent: bytes
    content: Path
    magnet: str


class _Program:
    """A program that obeys: a JSON object a line in, an answer a line out; it ends when its input does."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            cwd=_REPOSITORY,
        )

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def order(self, do: str, **options: Any) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise SwarmError("the swarm was not started")
        async with self._turn:
            process.stdin.write(json.dumps({"do": do, **options}).encode() + b"\n")
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await process.stdin.drain()
                    line = await process.stdout.readline()
            except (TimeoutError, ConnectionError) as error:
                raise SwarmError(f"no answer to {do}") from error
        if not line:
            raise SwarmError(f"the program ended during {do}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SwarmError(answer["error"])
        return answer


class LocalSwarm:
    """Seeders and their tracker, in processes of their own.

    async with LocalSwarm(python, tmp_path) as swarm:
        film = await swarm.publish("A.Film.mkv", 4 << 20, upload_limit=200_000)
    """

    def __init__(
        self, python: Path, directory: Path, *, host: str = "127.0.0.1", command_prefix: Collection[str] = ()
    ) -> None:
        """`python` imports libtorrent (`devstack.tools.swarm_python()`); the contents go below `directory`.

        `command_prefix` is put before the programs (`ip netns exec world`), in which they are found at `host`.
        """
        self._directory = directory
        self._host = host
        self._seeders = _Program(*command_prefix, str(python), str(_SEEDERS), host)
        self._tracker = _Program(*command_prefix, sys.executable, "-m", "devstack.tracker", host)
        self._port = 0
        self.announce_url = ""

    @property
    def address(self) -> str:
        """Where the seeders listen, as `host:port`."""
        return f"{self._host}:{self._port}"

    async def start(self) -> Self:
        """Start tracker and seeders."""
        self._directory.mkdir(parents=True, exist_ok=True)
        await self._tracker.start()
        await self._seeders.start()
        self.announce_url = (await self._tracker.order("url"))["url"]
        self._port = (await self._seeders.order("port"))["port"]
        return self

    async def stop(self) -> None:
        """Stop seeders and tracker."""
        await self._seeders.stop()
        await self._tracker.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def publish(
        self,
        name: str,
        size_bytes: int,
        *,
        upload_limit: int = 0,
        private: bool = False,
        seeded: bool = True,
        announced: bool = True,
    ) -> Published:
        """Make a torrent of random content, the same for the same name and size, and seed it.

        `upload_limit` is in bytes per second (0: none). Not `seeded`, nobody has it; not `announced`, it names no
        tracker, and only who is told the seeders' address finds them.
        """
        content = self._directory / name
        content.parent.mkdir(parents=True, exist_ok=True)
        data = random.Random(f"{name}/{size_bytes}").randbytes(size_bytes)
        await asyncio.to_thread(content.write_bytes, data)
        torrent = make_torrent(
            data,
            name=name,
            private=private,
            piece_length=PIECE_LENGTH,
            announce=self.announce_url if announced else (),
        )
        described = TorrentFile.parse(torrent)
        if seeded:
            await self.seed(torrent, self._directory, upload_limit=upload_limit)
        return Published(
            name=name,
            hash=described.hash,
            torrent=torrent,
            content=content,
            magnet=magnet_link(described.hash, name, [self.announce_url] if announced else []),
        )

    async def seed(self, torrent: bytes, save_path: Path, *, upload_limit: int = 0) -> str:
        """Seed a torrent whose files are below `save_path`; returns its hash."""
        text = base64.b64encode(torrent).decode()
        answer = await self._seeders.order("seed", torrent=text, save_path=str(save_path), upload_limit=upload_limit)
        return str(answer["hash"])

    async def limit(self, info_hash: str, upload_limit: int) -> None:
        """Change how fast a torrent is sent, in bytes per second (0: no limit)."""
        await self._seeders.order("limit", info_hash=info_hash, upload_limit=upload_limit)

    async def leave(self, info_hash: str) -> None:
        """Stop seeding a torrent."""
        await self._seeders.order("leave", info_hash=info_hash)

    async def status(self, info_hash: str) -> dict[str, Any]:
        """Return how a seeder does: `state`, `peers`, `uploaded` (bytes), `upload_rate` (bytes per second)."""
        return await self._seeders.order("status", info_hash=info_hash)

    async def refuse(self, info_hash: str, reason: str) -> None:
        """Let the tracker refuse a torrent, with what it says; an empty reason lets it in again."""
        await self._tracker.order("refuse", info_hash=info_hash, reason=reason)

    async def warn(self, info_hash: str, text: str) -> None:
        """Let the tracker say something besides its answer for a torrent."""
        await self._tracker.order("warn", info_hash=info_hash, text=text)

    async def see(self, address: str) -> None:
        """Let the tracker tell everybody that it sees them at this IPv4 address (BEP 24), "" for nothing."""
        await self._tracker.order("see", address=address)

    async def members(self, info_hash: str) -> list[dict[str, Any]]:
        """Return who is in a swarm: `address`, `port`, `left` (bytes)."""
        return list((await self._tracker.order("members", info_hash=info_hash))["members"])

    async def announces(self, info_hash: str) -> list[dict[str, Any]]:
        """Return the announces for a torrent so far: `address`, `port`, `event`, `left`."""
        return list((await self._tracker.order("announces", info_hash=info_hash))["announces"])
