"""qBittorrents to hold against each other: simulated and real ones behind one interface, at the level of raw HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
import json
from pathlib import Path
import random
import time
from typing import Any, Protocol

import aiohttp

from devstack.clock import ManualClock
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import Swarm, TrackerStatus
from devstack.real_qbittorrent import RealQbittorrent
from devstack.swarm import LocalSwarm
from devstack.tools import QbittorrentBinary
from devstack.torrents import info_hash, magnet_link, make_torrent

USERNAME = "sokoul"
PASSWORD = "correct horse"
NOBODY = "http://127.0.0.1:9/announce"  # nothing listens there
WHOLE_BYTES = 1 << 20
SLOW_BYTES = 8 << 20
SLOW_RATE = 100_000
_REAL_SECONDS = 25
_SIMULATED_STEPS = 240


@dataclass(frozen=True, slots=True)
class Content:
    """A torrent to add."""

    name: str
    hash: str
    torrent: bytes
    magnet: str
    size_bytes: int = 0


def content(name: str, size_bytes: int = 100_000, *, private: bool = False, announce: str = NOBODY) -> Content:
    """Return a torrent that nobody seeds."""
    data = data_of(name, size_bytes)
    torrent = make_torrent(data, name=name, private=private, announce=announce)
    return Content(name, info_hash(torrent), torrent, magnet_link(info_hash(torrent), name), size_bytes)


def data_of(name: str, size_bytes: int) -> bytes:
    """Return the content of a torrent of this name."""
    return random.Random(name).randbytes(size_bytes)  # noqa: S311 -- the same bytes for the same name


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Backend(Protocol):
    """What differs between a simulated and a real one."""

    api: tuple[int, ...]
    url: str
    whole: Content  # sent as fast as can be
    slow: Content  # sent slowly
    download_dir: str
    blocked: str  # a folder below which nothing can be written
    cookie: str  # of the last login, which later tests go on with

    seeders: str  # their address, for a qBittorrent that has to be told it

    async def pass_time(self, seconds: float) -> None: ...

    async def put_content(self, torrent: Content) -> None:
        """Let the content of a torrent be where it is looked for."""

    async def lose_files(self, torrent: Content) -> None:
        """Delete a torrent's files and restart."""


class Peer:
    """A qBittorrent and one login to it."""

    def __init__(self, backend: Backend, session: aiohttp.ClientSession) -> None:
        self.backend = backend
        self.session = session
        self.cookie = ""
        self._changed: set[str] = set()  # scopes that something was posted to

    @property
    def api(self) -> tuple[int, ...]:
        return self.backend.api

    @property
    def stops(self) -> bool:
        return self.api >= (2, 11)

    @property
    def modern(self) -> bool:
        return self.api >= (2, 14)

    @property
    def stopped(self) -> str:
        return "stopped" if self.stops else "paused"

    @property
    def port(self) -> int:
        return int(self.backend.url.rpartition(":")[2])

    async def ask(
        self, method: str, path: str, *, form: Any = None, cookie: str | None = None, **options: Any
    ) -> Reply:
        """Send one request below `/api/v2/`, or to any path that starts with a slash."""
        headers = dict(options.pop("headers", {}))
        if method == "POST":
            self._changed.add(path.partition("/")[0])
        if given := self.cookie if cookie is None else cookie:
            headers["Cookie"] = given
        url = self.backend.url + (path if path.startswith("/") else f"/api/v2/{path}")
        async with self.session.request(
            method, url, data=form, headers=headers, allow_redirects=False, **options
        ) as response:
            content = await response.read()
            return Reply(response.status, content.decode(errors="replace"), response.headers)

    async def get(self, path: str, **parameters: str | int) -> Any:
        reply = await self.ask("GET", path, params=parameters)
        assert reply.status == 200, (path, reply)
        return reply.json if reply.headers["Content-Type"] == "application/json" else reply.text

    async def post(self, path: str, **form: str | int) -> Reply:
        return await self.ask("POST", path, form=form)

    async def done(self, path: str, **form: str | int) -> None:
        reply = await self.post(path, **form)
        assert reply.status in {200, 204}, (path, reply)

    async def log_in(self, username: str = USERNAME, password: str = PASSWORD) -> Reply:
        form = {"username": username, "password": password}
        return await self.ask("POST", "auth/login", form=form, cookie="")

    async def enter(self) -> None:
        """Log in for good, with a new session."""
        reply = await self.log_in()
        self.cookie = self.backend.cookie = reply.headers["Set-Cookie"].partition(";")[0]

    async def resume(self) -> None:
        """Go on with the session of the test before, where it holds: each login costs a password check."""
        self.cookie = self.backend.cookie
        if not self.cookie or (await self.ask("GET", "app/version")).status != HTTPStatus.OK:
            await self.enter()

    async def add(self, torrent: Content, **options: str) -> Reply:
        form = aiohttp.FormData()
        form.add_field("torrents", torrent.torrent, filename="a.torrent", content_type="application/x-bittorrent")
        for name, value in options.items():
            form.add_field(name, value)
        return await self.ask("POST", "torrents/add", form=form)

    async def add_stopped(self, torrent: Content, **options: str) -> None:
        """Add a torrent that does nothing; wait until it is there."""
        await self.add(torrent, **{self.stopped: "true"}, **options)
        await self.until(torrent, {f"{self.stopped}DL"})

    async def find_seeders(self, torrent: Content) -> None:
        """Let the seeders of a torrent be found now, rather than when its tracker says so."""
        if self.backend.seeders:

            async def there() -> bool:  # a torrent may be added only after the answer
                return bool(await self.get("torrents/info", hashes=torrent.hash))

            await self.eventually(there)
            await self.done("torrents/addPeers", hashes=torrent.hash, peers=self.backend.seeders)

    async def info(self, torrent: Content) -> dict[str, Any]:
        listed = await self.get("torrents/info", hashes=torrent.hash)
        assert len(listed) == 1
        result: dict[str, Any] = listed[0]
        return result

    async def shows(self, torrent: Content, **fields: object) -> None:
        """Let time pass until a torrent shows these values: actions answer before they are carried out."""

        async def shown() -> bool | None:
            listed = await self.info(torrent)
            return all(listed[name] == value for name, value in fields.items()) or None

        await self.eventually(shown)

    async def until(self, torrent: Content, states: Collection[str]) -> dict[str, Any]:
        async def reached() -> dict[str, Any] | None:
            listed = await self.get("torrents/info", hashes=torrent.hash)
            return listed[0] if listed and listed[0]["state"] in states else None

        return await self.eventually(reached)

    async def eventually[T](self, holds: Callable[[], Awaitable[T | None]]) -> T:
        """Let time pass until something holds; fails after long enough."""
        deadline = time.monotonic() + _REAL_SECONDS
        for _ in range(_SIMULATED_STEPS):
            if (result := await holds()) is not None and result is not False:
                return result
            if time.monotonic() > deadline:
                break
            await self.backend.pass_time(0.15)
        shown = [
            {name: each[name] for name in ("name", "state", "progress")} for each in await self.get("torrents/info")
        ]
        raise AssertionError(f"never came to hold; torrents: {shown}")

    async def clear(self) -> None:
        """Leave no torrent, category, tag or changed preference behind."""
        if "torrents" in self._changed:
            await self.done("torrents/delete", hashes="all", deleteFiles="true")
            categories, tags = await self.get("torrents/categories"), await self.get("torrents/tags")
            if categories:
                await self.done("torrents/removeCategories", categories="\n".join(categories))
            if tags:
                await self.done("torrents/deleteTags", tags=",".join(tags))
        if {"app", "transfer"} & self._changed:
            await self.done("transfer/setSpeedLimitsMode", mode=0)
            unlimited = {"dl_limit": 0, "up_limit": 0, "queueing_enabled": False, "alt_dl_limit": 10_240}
            await self.done("app/setPreferences", json=json.dumps(unlimited))

        async def gone() -> bool:
            return not await self.get("torrents/info")

        await self.eventually(gone)


class SimulatedBackend:
    """The simulator, whose time is moved by hand."""

    seeders = ""
    cookie = ""

    def __init__(self, version: str, folder: Path) -> None:
        self.clock = ManualClock()
        self.download_dir = str(folder / "downloads")
        self.simulator = QbittorrentSimulator(
            version, username=USERNAME, password=PASSWORD, clock=self.clock, download_dir=self.download_dir
        )
        engine = self.simulator.engine
        engine.preferences |= {"dht": False, "pex": False, "lsd": False}
        self.api = engine.generation.api
        self.blocked = str(folder / "blocked")
        engine.weather.unwritable.add(self.blocked)
        engine.weather.trackers[NOBODY] = (TrackerStatus.NOT_WORKING, "Connection refused")
        self.whole = content("whole.mkv", WHOLE_BYTES)
        self.slow = content("slow.mkv", SLOW_BYTES)
        engine.usual_swarm = Swarm()
        engine.swarms = {
            self.whole.hash: Swarm(rate=50e6, seeds=1, availability=1.0),
            self.slow.hash: Swarm(rate=SLOW_RATE, seeds=1, availability=1.0),
        }

    @property
    def url(self) -> str:
        return self.simulator.url

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    async def put_content(self, torrent: Content) -> None:
        """Nothing to do: a simulated torrent believes that its content is there when it is told not to check."""

    async def lose_files(self, torrent: Content) -> None:
        self.simulator.lose_files(torrent.hash)
        self.simulator.restart()


class RealBackend:
    """A real one, in a real swarm where there is one."""

    whole: Content
    slow: Content

    def __init__(self, binary: QbittorrentBinary, folder: Path, swarm_python: Path | None) -> None:
        self.real = RealQbittorrent(
            binary,
            folder / "qbittorrent",
            username=USERNAME,
            password=PASSWORD,
            session_settings={"RefreshInterval": "100"},  # of what it says of torrents, 1500 ms else
        )
        self.api = (2, 16, 2) if binary.release >= (5, 3) else (2, 8, 19)
        self.download_dir = str(self.real.download_dir)
        self.blocked = str(folder / "blocked")
        self.seeders = self.cookie = ""
        self._swarm = LocalSwarm(swarm_python, folder / "swarm") if swarm_python is not None else None

    @property
    def url(self) -> str:
        return self.real.url

    async def start(self) -> None:
        await self.real.start()
        Path(self.blocked).write_text("a file where a folder would have to be")
        if self._swarm is not None:
            await self._swarm.start()
            self.seeders = self._swarm.address
            whole = await self._swarm.publish("whole.mkv", WHOLE_BYTES)
            slow = await self._swarm.publish("slow.mkv", SLOW_BYTES, upload_limit=SLOW_RATE)
            self.whole, self.slow = (Content(each.name, each.hash, each.torrent, each.magnet) for each in (whole, slow))

    async def stop(self) -> None:
        await self.real.stop()
        if self._swarm is not None:
            await self._swarm.stop()

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def put_content(self, torrent: Content) -> None:
        (self.real.download_dir / torrent.name).write_bytes(data_of(torrent.name, torrent.size_bytes))

    async def lose_files(self, torrent: Content) -> None:
        (self.real.download_dir / torrent.name).unlink()
        await self.real.restart()
