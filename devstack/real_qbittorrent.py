"""A real qBittorrent on loopback: a profile of its own, a known login, no peer from outside of the machine.

async with RealQbittorrent(binary, tmp_path) as qbittorrent:
    await qbittorrent.add_file(published.torrent, category="radarr")
    await qbittorrent.until(published.hash, {"stalledUP", "uploading"})
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
import hashlib
import json
import os
from pathlib import Path
import secrets
import shutil
import time
from typing import Any, Self

import aiohttp

from .ports import free_port
from .tools import QbittorrentBinary
from .torrents import info_hash, make_torrent

_START_SECONDS = 30
_STOP_SECONDS = 20
_POLL_SECONDS = 0.1
_BATCH = 200  # torrents in one request
_TINY_BYTES = 1024
_STARTS_AND_STOPS = (5, 0)

_CONFIGURATION = """[LegalNotice]
Accepted=true

[BitTorrent]
Session\\DefaultSavePath={downloads}
Session\\Port={peer_port}
Session\\Interface={interface}
Session\\InterfaceName={interface}
Session\\InterfaceAddress={peer_address}
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\QueueingSystemEnabled=false
Session\\MultiConnectionsPerIp=true
Session\\AddTorrentStopped=false
Session\\SSRFMitigation=false
Session\\BlockPeersOnPrivilegedPorts=false
{session}
[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\\Address={address}
WebUI\\Port={port}
WebUI\\Username={username}
WebUI\\Password_PBKDF2="@ByteArray({password})"
WebUI\\LocalHostAuth=true
WebUI\\UseUPnP=false
WebUI\\CSRFProtection=true
WebUI\\HostHeaderValidation=true
{web}"""


class RealQbittorrentError(RuntimeError):
    """qBittorrent didn't start, or didn't do what it was told."""


class RealQbittorrent:
    """A qBittorrent process and its web API, asked with code that shares nothing with the integration."""

    def __init__(
        self,
        binary: QbittorrentBinary,
        directory: Path,
        *,
        username: str = "sokoul",
        password: str = "correct horse",  # noqa: S107 -- of a server that lives for one test
        interface: str = "lo",
        address: str = "127.0.0.1",
        peer_address: str = "",
        session_settings: Mapping[str, str] | None = None,
        web_settings: Mapping[str, str] | None = None,
        command_prefix: Collection[str] = (),
    ) -> None:
        """Profile, downloads and log go below `directory`.

        It is bound to `interface`, "" for none, and to `peer_address` for its peers, by default the `address` of its
        web API. `session_settings` and `web_settings` are more lines of the configuration (`QueueingSystemEnabled`:
        `true`); `command_prefix` is put before the program (`ip netns exec tunnel`).
        """
        self.binary = binary
        self.directory = directory
        self.username = username
        self.password = password
        self.address = address
        self.port = 0
        self.peer_port = 0
        self._interface = interface
        self._peer_address = peer_address or address
        self._session_settings = session_settings or {}
        self._web_settings = web_settings or {}
        self._prefix = tuple(command_prefix)
        self._process: asyncio.subprocess.Process | None = None
        self._client: aiohttp.ClientSession | None = None
        self._cookie = ""

    # --- life ----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL of the web API."""
        return f"http://{self.address}:{self.port}"

    @property
    def download_dir(self) -> Path:
        """The default save path."""
        return self.directory / "downloads"

    @property
    def log_file(self) -> Path:
        """What the process printed."""
        return self.directory / "qbittorrent.log"

    @property
    def process_id(self) -> int:
        """The process, 0 while it doesn't run."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> Self:
        """Start it, or start it again with the same profile and ports, and log in."""
        if not self.port:
            self.port, self.peer_port = free_port(), free_port()
        self._write_profile()
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_until_parent_ends(),
                *self._prefix,
                str(self.binary.path),
                f"--profile={self.directory / 'profile'}",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, "LANG": "C.UTF-8", **self.binary.environment()},
            )
        self._client = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=_START_SECONDS)
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                await self.log_in()
            except aiohttp.ClientError:
                if self._process.returncode is not None or time.monotonic() > deadline:
                    await self.stop()
                    raise RealQbittorrentError(f"did not start:\n{self.log_file.read_text()[-2000:]}") from None
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return self

    async def stop(self) -> None:
        """Stop it: asked to, then made to."""
        process, client = self._process, self._client
        self._process = self._client = None
        if process is not None and process.returncode is None:
            if client is None or not await self._shut_down(client):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if client is not None:
            await client.close()

    async def _shut_down(self, client: aiohttp.ClientSession) -> bool:
        """Ask it to end; False when the login has run out, or nobody answers."""
        try:
            async with client.post(f"{self.url}/api/v2/app/shutdown", headers=self._headers) as response:
                return response.ok
        except aiohttp.ClientError:
            return False

    async def restart(self) -> None:
        """Stop and start it."""
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _write_profile(self) -> None:
        file = self.directory / "profile/qBittorrent/config/qBittorrent.conf"
        if file.exists():
            return
        file.parent.mkdir(parents=True)
        self.download_dir.mkdir(exist_ok=True)
        file.write_text(
            _CONFIGURATION.format(
                downloads=self.download_dir,
                peer_port=self.peer_port,
                interface=self._interface,
                address=self.address,
                peer_address=self._peer_address,
                port=self.port,
                username=self.username,
                password=password_hash(self.password),
                session="".join(f"Session\\{name}={value}\n" for name, value in self._session_settings.items()),
                web="".join(f"WebUI\\{name}={value}\n" for name, value in self._web_settings.items()),
            ),
            encoding="utf-8",
        )

    # --- its API -------------------------------------------------------------------------------------------------

    @property
    def _headers(self) -> dict[str, str]:
        return {"Cookie": self._cookie}

    async def log_in(self) -> None:
        """Log in; needed again after `restart` only, which does it."""
        assert self._client is not None  # noqa: S101 -- start() made it
        form = {"username": self.username, "password": self.password}
        async with self._client.post(f"{self.url}/api/v2/auth/login", data=form) as response:
            text = await response.text()
            if response.status not in {200, 204} or text == "Fails.":
                raise RealQbittorrentError(f"login: {response.status} {text}")
            self._cookie = response.headers["Set-Cookie"].partition(";")[0]

    async def get(self, path: str, **parameters: str | int) -> Any:
        """Return what an endpoint below `/api/v2/` says: JSON decoded, else text."""
        assert self._client is not None  # noqa: S101 -- start() made it
        async with self._client.get(f"{self.url}/api/v2/{path}", params=parameters, headers=self._headers) as response:
            return await _content(path, response)

    async def post(self, path: str, data: Mapping[str, str] | aiohttp.FormData | None = None) -> Any:
        """Do something; returns what `get` does."""
        assert self._client is not None  # noqa: S101 -- start() made it
        async with self._client.post(f"{self.url}/api/v2/{path}", data=data or {}, headers=self._headers) as response:
            return await _content(path, response)

    async def torrents(self, *hashes: str) -> dict[str, dict[str, Any]]:
        """Return torrents (all of them without hashes) by hash."""
        listed = await self.get("torrents/info", **({"hashes": "|".join(hashes)} if hashes else {}))
        return {torrent["hash"]: torrent for torrent in listed}

    async def add_file(self, torrent: bytes, **options: str) -> str:
        """Add a torrent file; options are those of `torrents/add`. Returns its hash."""
        await self._add([torrent], options)
        return info_hash(torrent)

    async def add_magnet(self, link: str, **options: str) -> None:
        """Add a magnet link."""
        await self.post("torrents/add", {"urls": link, **options})

    async def _add(self, torrents: Iterable[bytes], options: Mapping[str, str]) -> None:
        form = aiohttp.FormData()
        for number, torrent in enumerate(torrents):
            form.add_field("torrents", torrent, filename=f"{number}.torrent", content_type="application/x-bittorrent")
        for name, value in options.items():
            form.add_field(name, value)
        answer = await self.post("torrents/add", form)
        if answer == "Fails.":
            raise RealQbittorrentError("the torrents were not added")

    async def add_many(self, count: int, *, stopped: bool = False, first: int = 0, **options: str) -> list[str]:
        """Add many tiny complete torrents, which seed at once (or are stopped); returns their hashes.

        Batches go one after the other; 1 KiB of content each is put where qBittorrent looks for it.
        """
        word = "stopped" if self.binary.release >= _STARTS_AND_STOPS else "paused"
        unchecked = {"skip_checking": "true", "seedMode": "true"}  # its name up to 5.2, and since
        options = {word: str(stopped).lower(), **unchecked, **options}
        hashes: list[str] = []
        for start in range(first, first + count, _BATCH):
            numbers = range(start, min(start + _BATCH, first + count))
            torrents = await asyncio.to_thread(self._tiny_torrents, numbers)
            await self._add(torrents, options)
            hashes += map(info_hash, torrents)

        async def settled() -> list[str] | None:
            there = await self.torrents()
            ready = {key for key, torrent in there.items() if not torrent["state"].startswith("checking")}
            return hashes if ready.issuperset(hashes) else None

        return await self.eventually(settled)

    def _tiny_torrents(self, numbers: Iterable[int]) -> list[bytes]:
        torrents = []
        for number in numbers:
            name = f"Tiny.{number:05}.1080p-LOOPBACK.mkv"
            content = hashlib.sha512(name.encode()).digest() * (_TINY_BYTES // 64)
            (self.download_dir / name).write_bytes(content)
            torrents.append(make_torrent(content, name=name, piece_length=16_384))
        return torrents

    async def connect(self, info_hash: str, address: str) -> None:
        """Tell a torrent of a peer (`host:port`), without waiting for a tracker."""
        await self.post("torrents/addPeers", {"hashes": info_hash, "peers": address})

    async def until(self, info_hash: str, states: Collection[str], seconds: float = 30) -> dict[str, Any]:
        """Wait until a torrent is in one of these states; returns it. Raises TimeoutError."""

        async def reached() -> dict[str, Any] | None:
            torrent = (await self.torrents(info_hash)).get(info_hash)
            return torrent if torrent is not None and torrent["state"] in states else None

        return await self.eventually(reached, seconds)

    async def eventually[T](self, holds: Callable[[], Awaitable[T | None]], seconds: float = 30) -> T:
        """Ask again and again until the answer is not None; returns it. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while (result := await holds()) is None:
            if time.monotonic() > deadline:
                states = {torrent["name"]: torrent["state"] for torrent in (await self.torrents()).values()}
                raise TimeoutError(f"never came to be; torrents: {states}")
            await asyncio.sleep(_POLL_SECONDS)
        return result


async def _content(path: str, response: aiohttp.ClientResponse) -> Any:
    text = await response.text()
    if not response.ok:
        raise RealQbittorrentError(f"{path}: {response.status} {text}")
    return json.loads(text) if response.content_type == "application/json" else text


def password_hash(password: str) -> str:
    """Return a password as the configuration keeps it: PBKDF2, SHA-512, 100,000 rounds, salt and key in base64."""
    salt = secrets.token_bytes(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000, 64)
    return f"{base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()}"


def _until_parent_ends() -> tuple[str, ...]:
    """Return what to put before a command so that it ends with this process, even one that is killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()
