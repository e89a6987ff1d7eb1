"""What Radarr, Sonarr and Prowlarr have in common: the key, status, health and tags.

They share a code base, and so do their simulators. A missing or wrong key is a 401 with an empty body; POST answers
201, PUT 202; a path that is not the API's is the web interface, here behind its login page.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
import hashlib
from typing import ClassVar, cast, override

from aiohttp import ClientSession, ClientTimeout, web

from .clock import Clock
from .frame import LOGIN_PAGE, Handler, Simulator
from .servarr_http import ApiError, Invalid, Json, answer, id_of, moment, object_of, refuse

_OUTGOING_TIMEOUT = ClientTimeout(total=10)


@dataclass(slots=True)
class HealthIssue:
    """A complaint of the application about itself."""

    source: str
    type: str  # "notice", "warning" or "error"
    message: str


class Servarr(Simulator):
    """The base of the three applications."""

    application: ClassVar[str]
    api: ClassVar[str]
    version: ClassVar[str]
    default_port: ClassVar[int]

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        api_key: str | None = None,
        url_base: str = "",
        instance_name: str | None = None,
    ) -> None:
        super().__init__(clock=clock, seed=seed)
        self.name = self.application.lower()
        self.api_key = api_key or hashlib.md5(self.application.encode(), usedforsecurity=False).hexdigest()
        self.url_base = url_base
        self.instance_name = instance_name or self.application
        self.started = self.clock.now()
        self.health: list[HealthIssue] = []
        self.tags: dict[int, str] = {}
        self._session: ClientSession | None = None

    @property
    @override
    def url(self) -> str:
        return f"{super().url}{self.url_base}"

    @property
    def session(self) -> ClientSession:
        """What it talks to others with: download clients, webhook receivers."""
        if self._session is None:
            self._session = ClientSession(timeout=_OUTGOING_TIMEOUT)
        return self._session

    @override
    async def stop(self) -> None:
        await super().stop()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def idle(self) -> None:
        """Wait until everything that was started beside the requests is done: commands, webhooks."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- routes --------------------------------------------------------------------------------------------------

    def api_routes(self) -> Iterable[web.RouteDef]:
        """Return the routes below `api` (paths without it)."""
        return (
            web.get("/system/status", self._get_status),
            web.get("/health", self._get_health),
            web.get("/update", self._get_updates),
            web.get("/tag", self._get_tags),
            web.post("/tag", self._post_tag),
            web.get("/tag/detail", self._get_tag_details),
            web.get("/tag/{id:\\d+}", self._get_tag),
            web.put("/tag/{id:\\d+}", self._put_tag),
            web.delete("/tag/{id:\\d+}", self._delete_tag),
        )

    def other_routes(self) -> Iterable[web.RouteDef]:
        """Return the routes outside `api`."""
        return (web.get("/ping", self._ping), web.get("/api", self._api_versions))

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        routes = [
            *(self._route(f"{self.url_base}{self.api}{each.path}", each) for each in self.api_routes()),
            *(self._route(f"{self.url_base}{each.path}", each) for each in self.other_routes()),
            web.route("*", f"{self.url_base}/api/{{rest:.*}}", self._nothing_there),
            web.get(f"{self.url_base}/login", self._login_page),
            web.get(f"{self.url_base}/{{rest:.*}}", self._interface),
        ]
        if self.url_base:
            routes.append(web.route("*", "/{rest:.*}", self._to_url_base))
        return routes

    @staticmethod
    def _route(path: str, route: web.RouteDef) -> web.RouteDef:
        handler = cast("Handler", route.handler)  # aiohttp also allows classes, there are none here

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except ApiError as error:
                return answer(error.body, error.status)

        return web.route(route.method, path, handle, **route.kwargs)

    @override
    async def authorize(self, request: web.Request) -> web.StreamResponse | None:
        if not request.path.startswith(self.url_base):
            return None  # it is only led there
        path = request.path.removeprefix(self.url_base)
        if not f"{path}/".startswith(("/api/", "/MediaCover/")) and not self.needs_key(path):
            return None
        keys = (
            request.query.get("apikey"),
            request.headers.get("X-Api-Key"),
            request.headers.get("Authorization", "").removeprefix("Bearer ").strip(),
        )
        given = next((key for key in keys if key), None)
        return None if given == self.api_key else web.Response(status=401)

    def needs_key(self, path: str) -> bool:
        """Tell whether a path outside `/api/` needs the key too."""
        del path
        return False

    async def _nothing_there(self, request: web.Request) -> web.Response:
        del request
        return answer({"message": "NotFound"}, 404)

    async def _login_page(self, request: web.Request) -> web.Response:
        del request
        page = LOGIN_PAGE.replace("Sign in", f"Login - {self.application}")
        return web.Response(text=page, content_type="text/html")

    async def _interface(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{self.url_base}/login?returnUrl={request.path}"})

    async def _to_url_base(self, request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": f"{self.url_base}{request.path_qs}"})

    # --- system --------------------------------------------------------------------------------------------------

    async def _ping(self, request: web.Request) -> web.Response:
        del request
        return answer({"status": "OK"})

    async def _api_versions(self, request: web.Request) -> web.Response:
        del request
        return answer({"current": self.api.rpartition("/")[2], "deprecated": []})

    async def _get_status(self, request: web.Request) -> web.Response:
        del request
        return answer(
            {
                "appName": self.application,
                "instanceName": self.instance_name,
                "version": self.version,
                "buildTime": moment(self.started - timedelta(days=40)),
                "isDebug": False,
                "isProduction": True,
                "isAdmin": False,
                "isUserInteractive": False,
                "startupPath": f"/app/{self.name}/bin",
                "appData": "/config",
                "osName": "debian",
                "osVersion": "12",
                "isNetCore": True,
                "isLinux": True,
                "isOsx": False,
                "isWindows": False,
                "isDocker": True,
                "mode": "console",
                "branch": "main",
                "authentication": "forms",
                "databaseType": "sqLite",
                "databaseVersion": "3.46.1",
                "migrationVersion": 242,
                "urlBase": self.url_base,
                "runtimeVersion": "8.0.12",
                "runtimeName": ".NET",
                "startTime": moment(self.started),
                "packageUpdateMechanism": "docker",
            }
        )

    async def _get_updates(self, request: web.Request) -> web.Response:
        del request
        released = moment(self.started - timedelta(days=40))
        return answer(
            [
                {
                    "version": self.version,
                    "branch": "main",
                    "releaseDate": released,
                    "fileName": f"{self.application}.main.{self.version}.linux-core-x64.tar.gz",
                    "installed": True,
                    "installedOn": moment(self.started),
                    "installable": False,
                    "latest": True,
                    "changes": {"new": [], "fixed": ["Nothing that anybody noticed"]},
                }
            ]
        )

    async def _get_health(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [
                {
                    "id": number,
                    "source": issue.source,
                    "type": issue.type,
                    "message": issue.message,
                    "wikiUrl": self.wiki_url(issue),
                }
                for number, issue in enumerate(self.health_issues(), 1)
            ]
        )

    def health_issues(self) -> list[HealthIssue]:
        """Return what it complains about."""
        return self.health

    def wiki_url(self, issue: HealthIssue) -> str:
        """Return where a complaint is explained."""
        return f"https://wiki.servarr.com/{self.name}/system#{issue.source.lower()}"

    # --- tags ----------------------------------------------------------------------------------------------------

    def tag_id(self, label: str) -> int:
        """Return the id of a tag, made where it is missing. Labels are kept in lower case."""
        label = label.lower()
        for number, known in self.tags.items():
            if known == label:
                return number
        number = max(self.tags, default=0) + 1
        self.tags[number] = label
        return number

    def tag_details(self, number: int) -> Json:
        """Return what carries a tag, for `tag/detail`."""
        del number
        return {}

    def _known_tag(self, request: web.Request) -> int:
        number = id_of(request)
        if number not in self.tags:
            raise ApiError.not_found()
        return number

    async def _get_tags(self, request: web.Request) -> web.Response:
        del request
        return answer([{"id": number, "label": label} for number, label in self.tags.items()])

    async def _get_tag(self, request: web.Request) -> web.Response:
        number = self._known_tag(request)
        return answer({"id": number, "label": self.tags[number]})

    async def _post_tag(self, request: web.Request) -> web.Response:
        label = str((await object_of(request)).get("label") or "")
        if not label:
            raise refuse(Invalid("Label", "'Label' must not be empty.", label))
        number = self.tag_id(label)
        return answer({"id": number, "label": self.tags[number]}, 201)

    async def _put_tag(self, request: web.Request) -> web.Response:
        number = self._known_tag(request)
        self.tags[number] = str((await object_of(request)).get("label", "")).lower()
        return answer({"id": number, "label": self.tags[number]}, 202)

    async def _delete_tag(self, request: web.Request) -> web.Response:
        del self.tags[self._known_tag(request)]
        return answer({})

    async def _get_tag_details(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [{"id": number, "label": label} | self.tag_details(number) for number, label in self.tags.items()]
        )
