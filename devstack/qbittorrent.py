"""A qBittorrent that is not there: its web API of four generations over torrents that move with a clock.

    async with QbittorrentSimulator("5.2", clock=clock) as qbittorrent:
        torrent = qbittorrent.add_torrent("A.Film.2024.1080p-GROUP", Behaviour.DOWNLOADING, rate=5e6, category="radarr")
        clock.advance(timedelta(minutes=5))
        qbittorrent.change(torrent, swarm=Swarm())  # nobody sends anything any more

What it answers is what real qBittorrents of these generations answer: one set of tests runs against both.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from typing import Any, override
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader

from . import qbittorrent_acting_api, qbittorrent_labels_api, qbittorrent_reading_api  # noqa: F401 -- they declare actions
from .clock import Clock, ManualClock
from .frame import CONTROL, Simulator
from .qbittorrent_access import BANNED, Access, WebSession
from .qbittorrent_adding_api import add_torrent, from_file
from .qbittorrent_api import Answer, ApiError, Call, find, perform
from .qbittorrent_engine import Engine
from .qbittorrent_library import Behaviour, make, many
from .qbittorrent_torrent import SimulatedTorrent, Swarm
from .qbittorrent_versions import GENERATIONS
from .torrents import TorrentError, TorrentFile

API = "/api/v2"
_SCOPES = {"app", "auth", "log", "rss", "search", "sync", "torrents", "transfer"}
_PAGE = "<!DOCTYPE html><html><head><title>qBittorrent WebUI</title></head><body></body></html>"


class QbittorrentSimulator(Simulator):
    """A qBittorrent of a generation: "4.5", "5.0", "5.2" or "5.3"."""

    name = "qBittorrent"

    def __init__(
        self,
        version: str = "5.2",
        *,
        username: str = "admin",
        password: str = "adminadmin",  # noqa: S107 -- the known default of old versions, of a server that isn't real
        api_key: str | None = None,
        clock: Clock | None = None,
        download_dir: str = "/downloads",
        preferences: dict[str, Any] | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(clock=clock, seed=seed)
        given = {"save_path": download_dir, "temp_path": f"{download_dir}/temp", "web_ui_username": username}
        self.engine = Engine(GENERATIONS[version], self.clock, given | (preferences or {}))
        self.access = Access(self.engine, username=username, password=password, api_key=api_key, seed=seed)

    # --- for tests ---------------------------------------------------------------------------------------------------

    @property
    def torrents(self) -> dict[str, SimulatedTorrent]:
        """The torrents by info hash, as they are now. Change them with `change`."""
        self.engine.look()
        return self.engine.torrents

    def add_torrent(
        self, name: str, behaviour: Behaviour | str = Behaviour.DOWNLOADING, **options: Any
    ) -> SimulatedTorrent:
        """Add a torrent that behaves so; `options` are those of `qbittorrent_library.make`."""
        self.engine.look()
        options.setdefault("save_path", self.engine.preferences["save_path"])
        torrent = make(name, Behaviour(behaviour), **options)
        if torrent.finished and not torrent.completed_at:
            torrent.completed_at = torrent.complete_seen = self.engine.now
        self.engine.add(torrent)
        self.engine.look()
        return torrent

    def change(self, torrent: SimulatedTorrent | str, **attributes: Any) -> SimulatedTorrent:
        """Change attributes of a torrent, so that clients get to see it."""
        self.engine.look()
        torrent = self.engine.torrents[torrent] if isinstance(torrent, str) else torrent
        for name, value in attributes.items():
            if not hasattr(torrent, name):
                raise TypeError(f"a torrent has no {name}")
            setattr(torrent, name, value)
        self.engine.touch(torrent)
        self.engine.look()
        return torrent

    def remove(self, torrent: SimulatedTorrent | str, *, with_files: bool = False) -> None:
        """Remove a torrent, as somebody at the web page would."""
        self.engine.look()
        torrent = self.engine.torrents[torrent] if isinstance(torrent, str) else torrent
        self.engine.remove(torrent, with_files=with_files)

    def lose_files(self, torrent: SimulatedTorrent | str) -> None:
        """Let the files of a torrent be gone and noticed to be gone."""
        self.change(torrent, missing_files=True)

    def set_connection(self, status: str) -> None:
        """Set how it is connected: `connected`, `firewalled`, or `disconnected`, when nothing moves."""
        self.engine.look()
        self.engine.set_connection(status)
        self.engine.look()

    def populate(self, count: int, seed: int = 1) -> list[SimulatedTorrent]:
        """Add many believable torrents, the same ones for the same count and seed."""
        self.engine.look()
        added = list(many(count, seed, self.engine.now))
        for torrent in added:
            self.engine.add(torrent)
        self.engine.look()
        return added

    def churn(self, fraction: float) -> int:
        """Change this share of the torrents a little, as time would; return how many."""
        self.engine.look()
        torrents = list(self.engine.torrents.values())
        chosen = self.random.sample(torrents, min(len(torrents), max(1, round(len(torrents) * fraction))))
        for torrent in chosen:
            sent = self.random.randrange(16_384, 4_000_000)
            torrent.uploaded += sent
            torrent.uploaded_session += sent
            torrent.last_activity = self.engine.now
            self.engine.touch(torrent)
        return len(chosen)

    def restart(self) -> None:
        """End every login, as a restart does; torrents stay."""
        self.access.expire()

    # --- the server --------------------------------------------------------------------------------------------------

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._serve)]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.method not in {"GET", "POST"}:  # the server itself knows no others
            return web.Response(status=501 if self.engine.generation.since(2, 16) else 400)
        self.engine.look()
        if self.access.suspicious(request, self.port):
            return _refusal(401)
        try:
            return await self._api(request)
        except ApiError as error:
            return _refusal(error.status, error.text)

    async def _api(self, request: web.Request) -> web.Response:
        by_key = self.access.uses_key(request)
        if not request.path.startswith(API + "/"):
            if by_key:
                raise ApiError(404)
            return web.Response(text=_PAGE, content_type="text/html")
        path = request.path.removeprefix(API + "/")
        session = self.access.session(request, self.port)
        if path == "auth/login" and not by_key:
            return await self._log_in(request, session)
        if session is not None:
            return await self._act(request, path, session, by_key=by_key)
        if (login := self.access.basic_login(request)) is None:
            raise ApiError(403)
        session = self._enter(request, *login)
        response = await self._act(request, path, session, by_key=False)
        response.headers["Set-Cookie"] = self._cookie(session)
        return response

    async def _act(self, request: web.Request, path: str, session: WebSession, *, by_key: bool) -> web.Response:
        scope, _, name = path.partition("/")
        if scope == "auth" and by_key:
            raise ApiError(403)
        declared = find(path, self.engine.generation)
        if declared is None:
            known = scope in _SCOPES and bool(name) and self.engine.generation.answers_with_status
            raise ApiError(404, "Endpoint does not exist" if known else "")
        if declared.post and request.method != "POST":
            raise ApiError(405)
        parameters, files = await _read(request)
        call = Call(self.engine, self.access, session, parameters, files)
        answer = perform(declared, call)
        self.engine.look()
        for link, options in call.links:
            self.spawn(self._fetch(call, link, options))
        return _response(answer)

    def _enter(self, request: web.Request, username: str, password: str) -> WebSession:
        """Begin a session. Raises ApiError for a wrong login and a banned address."""
        match self.access.log_in(request.remote or "", username, password):
            case None:
                raise ApiError(403, BANNED)
            case False:
                raise ApiError(401)
        return self.access.open()

    def _cookie(self, session: WebSession) -> str:
        """Return the header that gives a session to the client."""
        value = f"{self.access.cookie_name(self.port)}={session.cookie}"
        if not self.engine.generation.answers_with_status:
            return f"{value}; HttpOnly; path=/; SameSite=Strict"
        expires = self.clock.now() + timedelta(seconds=self.engine.preferences["web_ui_session_timeout"])
        return f"{value}; HttpOnly; SameSite=Lax; expires={expires:%a, %d-%b-%Y %H:%M:%S} GMT; path=/"

    async def _log_in(self, request: web.Request, session: WebSession | None) -> web.Response:
        if request.method != "POST":
            raise ApiError(405)
        modern = self.engine.generation.answers_with_status
        welcome = web.Response(status=204) if modern else web.Response(text="Ok.")
        if session is not None:
            return welcome
        parameters, _ = await _read(request)
        try:
            session = self._enter(request, parameters.get("username", ""), parameters.get("password", ""))
        except ApiError as error:
            if modern or error.status != HTTPStatus.UNAUTHORIZED:
                raise
            return web.Response(text="Fails.")
        welcome.headers["Set-Cookie"] = self._cookie(session)
        return welcome

    async def _fetch(self, call: Call, link: str, options: dict[str, str]) -> None:
        """Add the torrent that a link leads to; only this machine is asked."""
        if urlsplit(link).hostname not in {"127.0.0.1", "localhost"}:
            return
        try:
            async with aiohttp.ClientSession() as session, session.get(link) as response:
                content = await response.read()
            torrent = from_file(TorrentFile.parse(content), content)
        except aiohttp.ClientError, TorrentError, TimeoutError:
            return
        add_torrent(Call(self.engine, self.access, call.session, options), torrent)

    # --- control -----------------------------------------------------------------------------------------------------

    @override
    def control_routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post(f"{CONTROL}/torrents", self._control_add),
            web.get(f"{CONTROL}/torrents", self._control_list),
            web.patch(f"{CONTROL}/torrents/{{hash}}", self._control_change),
            web.delete(f"{CONTROL}/torrents/{{hash}}", self._control_remove),
            web.post(f"{CONTROL}/populate", self._control_populate),
            web.post(f"{CONTROL}/churn", self._control_churn),
            web.post(f"{CONTROL}/advance", self._control_advance),
            web.post(f"{CONTROL}/restart", self._control_restart),
        ]

    async def _control_add(self, request: web.Request) -> web.Response:
        options = await request.json()
        for name in ("files", "trackers"):
            if name in options:
                options[name] = tuple(tuple(each) if isinstance(each, list) else each for each in options[name])
        options["tags"] = set(options.get("tags", ()))
        torrent = self.add_torrent(options.pop("name"), options.pop("behaviour", "downloading"), **options)
        return web.json_response({"hash": torrent.hash})

    async def _control_list(self, request: web.Request) -> web.Response:
        del request
        generation = self.engine.generation
        return web.json_response(
            [{"hash": key, "name": each.name, "state": each.state(generation)} for key, each in self.torrents.items()]
        )

    async def _control_change(self, request: web.Request) -> web.Response:
        attributes = await request.json()
        if "swarm" in attributes:
            attributes["swarm"] = Swarm(**attributes["swarm"])
        self.change(self.torrents[request.match_info["hash"]], **attributes)
        return web.json_response({})

    async def _control_remove(self, request: web.Request) -> web.Response:
        self.remove(self.torrents[request.match_info["hash"]])
        return web.json_response({})

    async def _control_populate(self, request: web.Request) -> web.Response:
        options = await request.json()
        return web.json_response({"torrents": len(self.populate(**options))})

    async def _control_churn(self, request: web.Request) -> web.Response:
        return web.json_response({"changed": self.churn((await request.json())["fraction"])})

    async def _control_advance(self, request: web.Request) -> web.Response:
        if not isinstance(self.clock, ManualClock):
            return web.json_response({"error": "the clock is the real one"}, status=409)
        self.clock.advance(timedelta(seconds=(await request.json())["seconds"]))
        self.engine.look()
        return web.json_response({"now": self.clock.now().isoformat()})

    async def _control_restart(self, request: web.Request) -> web.Response:
        del request
        self.restart()
        return web.json_response({})


def _refusal(status: int, text: str = "") -> web.Response:
    return web.Response(status=status, text=text or HTTPStatus(status).phrase)


def _response(answer: Answer) -> web.Response:
    if answer.status == HTTPStatus.NO_CONTENT:
        return web.Response(status=answer.status)
    charset = "utf-8" if answer.content_type == "text/plain" else None
    response = web.Response(body=answer.body, status=answer.status, content_type=answer.content_type, charset=charset)
    if answer.file_name:
        response.headers["Content-Disposition"] = f'attachment; filename="{answer.file_name}"'
    return response


async def _read(request: web.Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """Return the parameters and files of a request: of its query for a GET, of its body otherwise."""
    if request.method == "GET":
        return dict(request.query), {}
    if request.content_type != "multipart/form-data":
        return {name: str(value) for name, value in (await request.post()).items()}, {}
    body = await request.read()
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), 2**16, loop=loop)  # the frame has read the request's own
    stream.feed_data(body)
    stream.feed_eof()
    parameters: dict[str, str] = {}
    files: dict[str, bytes] = {}
    reader = aiohttp.MultipartReader(request.headers, stream)
    while (part := await reader.next()) is not None:
        if not isinstance(part, aiohttp.BodyPartReader):
            continue
        content = bytes(await part.read(decode=True))
        if part.filename:
            files[part.filename] = content
        elif part.name:
            parameters[part.name] = content.decode()
    return parameters, files
