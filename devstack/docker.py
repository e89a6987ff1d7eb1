"""A container engine that is imitated: what it says of containers, and what can go wrong between it and us.

The engine (Docker Engine API 1.41 to 1.55) has no login. `SocketProxy` is the proxy that people put in front of it,
which answers 403 with a page to what it doesn't let through.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
import hashlib
import json
import re
from typing import Any

from aiohttp import web

from .clock import Clock
from .frame import Simulator

_NEVER = "0001-01-01T00:00:00Z"
_RUNNING = frozenset({"running", "paused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineGeneration:
    """A version of the engine."""

    application: str
    api: tuple[int, int]
    oldest_api: tuple[int, int]

    @property
    def api_version(self) -> str:
        """The API, as it is written."""
        return f"{self.api[0]}.{self.api[1]}"

    @property
    def oldest_version(self) -> str:
        """The oldest API that it speaks, as it is written."""
        return f"{self.oldest_api[0]}.{self.oldest_api[1]}"


ENGINES: Mapping[str, EngineGeneration] = {
    "1.41": EngineGeneration(application="20.10.24+dfsg1", api=(1, 41), oldest_api=(1, 12)),
    "1.44": EngineGeneration(application="25.0.5", api=(1, 44), oldest_api=(1, 24)),
    "1.55": EngineGeneration(application="29.9.0", api=(1, 55), oldest_api=(1, 44)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketProxy:
    """What a proxy in front of the engine lets through. `ping` and `version` always pass."""

    containers: bool = False  # to list and to look
    restarts: bool = False  # to stop and to restart
    starts: bool = False
    posts: bool = False  # whatever changes something, where the section is open

    def passes(self, method: str, path: str) -> bool:
        """Tell whether it lets a request through; `path` without the version."""
        if self.restarts and re.fullmatch(r"/containers/[\w.-]+/(stop|restart|kill)", path):
            return True
        if self.starts and re.fullmatch(r"/containers/[\w.-]+/start", path):
            return True
        if method not in {"GET", "HEAD"} and not self.posts:
            return False
        if path.startswith("/containers"):
            return self.containers
        return path in {"/_ping", "/version"}


@dataclass(slots=True, kw_only=True)
class SimulatedContainer:
    """A container. `sick` is a program whose health check fails until it is started anew; `hopeless` for ever."""

    name: str
    id: str = ""
    image: str = "localhost/tiny:1"
    labels: dict[str, str] = field(default_factory=dict)
    ports: tuple[tuple[str, int, int], ...] = ()  # address and port of the host, port of the container
    network_mode: str = "bridge"
    aliases: tuple[str, ...] = ()
    address: str = ""
    restart_policy: str = "no"
    environment: tuple[str, ...] = ("API_KEY=0123456789abcdef",)

    state: str = "running"
    checked: bool = False  # it has a health check
    check_seconds: float = 5.0  # from the start until the check has an opinion
    sick: bool = False
    hopeless: bool = False
    check_says: str = ""
    exit_code: int = 0
    error: str = ""  # why it could not be started
    out_of_memory: bool = False
    restart_count: int = 0
    started: float = 0.0
    finished: float = 0.0

    def __post_init__(self) -> None:
        self.id = self.id or hashlib.sha256(self.name.encode()).hexdigest()

    def health(self, now: float) -> str:
        """Return what its health check says."""
        if not self.checked:
            return "none"
        if self.state in _RUNNING and now - self.started < self.check_seconds:
            return "starting"
        return "unhealthy" if self.sick or self.hopeless or self.state not in _RUNNING else "healthy"

    def is_called(self, reference: str) -> bool:
        """Tell whether a name, an id or the beginning of one means it."""
        return reference == self.name or (bool(reference) and self.id.startswith(reference))


class DockerSimulator(Simulator):
    """An engine on 127.0.0.1; over TCP, without TLS."""

    name = "Docker"

    def __init__(
        self, api: str = "1.41", *, proxy: SocketProxy | None = None, clock: Clock | None = None, seed: int = 1
    ) -> None:
        super().__init__(clock=clock, seed=seed)
        self.generation = ENGINES[api]
        self.proxy = proxy
        self.containers: list[SimulatedContainer] = []

    @property
    def _now(self) -> float:
        return self.clock.now().timestamp()

    def add(self, name: str, **attributes: Any) -> SimulatedContainer:
        """Add a container, which has been running for an hour."""
        container = SimulatedContainer(name=name, **{"started": self._now - 3600, **attributes})
        self.containers.append(container)
        return container

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes, each with a version before it and without one."""
        for prefix in ("", r"/{version:v[\d.]+}"):
            yield web.get(f"{prefix}/_ping", self._ping)
            yield web.get(f"{prefix}/version", self._version)
            yield web.get(f"{prefix}/containers/json", self._list)
            yield web.get(f"{prefix}/containers/{{reference}}/json", self._inspect)
            yield web.post(f"{prefix}/containers/{{reference}}/restart", self._restart)
            yield web.post(f"{prefix}/containers/{{reference}}/start", self._start)
            yield web.post(f"{prefix}/containers/{{reference}}/stop", self._stop)
        yield web.route("*", "/{path:.*}", self._unknown)

    async def authorize(self, request: web.Request) -> web.StreamResponse | None:
        """Refuse what the proxy doesn't pass, and versions that this engine doesn't speak."""
        found = re.match(r"/v(\d+)\.(\d+)(?=/)", request.path)
        path = request.path[found.end() :] if found else request.path
        if self.proxy is not None and not self.proxy.passes(request.method, path):
            page = "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"
            return web.Response(status=403, text=page, content_type="text/html")
        if found is None:
            return None
        asked, newest, oldest = (int(found[1]), int(found[2])), self.generation.api, self.generation.oldest_api
        written = f"{asked[0]}.{asked[1]}"
        if asked > newest:
            limit = self.generation.api_version
            return self._says(400, f"client version {written} is too new. Maximum supported API version is {limit}")
        if asked < oldest:
            limit = self.generation.oldest_version
            text = f"client version {written} is too old. Minimum supported API version is {limit}, please upgrade"
            return web.Response(status=400, text=text)
        return None

    def _says(self, status: int, message: str) -> web.Response:
        return web.json_response({"message": message}, status=status, headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Api-Version": self.generation.api_version, "Server": f"Docker/{self.generation.application} (linux)"}

    def _find(self, request: web.Request) -> SimulatedContainer:
        reference = request.match_info["reference"]
        for container in self.containers:
            if container.is_called(reference):
                return container
        raise web.HTTPNotFound(
            text=json.dumps({"message": f"No such container: {reference}"}), content_type="application/json"
        )

    # --- reading -------------------------------------------------------------------------------------------------

    async def _unknown(self, request: web.Request) -> web.Response:
        del request
        return self._says(404, "page not found")

    async def _ping(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="OK", headers=self._headers)

    async def _version(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(
            {
                "Version": self.generation.application,
                "ApiVersion": self.generation.api_version,
                "MinAPIVersion": self.generation.oldest_version,
                "Os": "linux",
                "Arch": "amd64",
            },
            headers=self._headers,
        )

    async def _list(self, request: web.Request) -> web.Response:
        everything = request.query.get("all", "").lower() in {"1", "true"}
        rows = [self._row(each) for each in self.containers if everything or each.state in _RUNNING]
        return web.json_response(rows, headers=self._headers)

    def _row(self, container: SimulatedContainer) -> dict[str, Any]:
        row: dict[str, Any] = {
            "Id": container.id,
            "Names": [f"/{container.name}"],
            "Image": container.image,
            "ImageID": f"sha256:{container.id[::-1]}",
            "Command": "/init",
            "Created": int(container.started),
            "Ports": [
                {"IP": address, "PrivatePort": inside, "PublicPort": outside, "Type": "tcp"}
                for address, outside, inside in container.ports
            ]
            + [{"PrivatePort": 6881, "Type": "udp"}],
            "Labels": container.labels,
            "State": container.state,
            "Status": self._status(container),
            "HostConfig": {"NetworkMode": container.network_mode},
            "NetworkSettings": {"Networks": self._networks(container)},
            "Mounts": [],
        }
        if self.generation.api >= (1, 52):
            row["Health"] = {"Status": container.health(self._now), "FailingStreak": 0}
        return row

    def _status(self, container: SimulatedContainer) -> str:
        """Return its state in words, in which older engines tell of its health."""
        match container.state:
            case "running":
                health = container.health(self._now)
                words = {"none": "", "starting": " (health: starting)"}.get(health, f" ({health})")
                return f"Up 1 hour{words}"
            case "paused":
                return "Up 1 hour (Paused)"
            case "exited":
                return f"Exited ({container.exit_code}) 1 minute ago"
            case state:
                return state.capitalize()

    def _networks(self, container: SimulatedContainer) -> dict[str, Any]:
        if container.network_mode.startswith("container:"):
            return {}
        name = container.network_mode if container.network_mode in {"none", "host"} else "stack_default"
        network: dict[str, Any] = {
            "Aliases": list(container.aliases) or None,
            "NetworkID": "",
            "EndpointID": "",
            "Gateway": "",
            "IPAddress": container.address,
            "IPPrefixLen": 16 if container.address else 0,
            "GlobalIPv6Address": "",
        }
        if self.generation.api >= (1, 44):
            network["DNSNames"] = [container.name, container.id[:12]] if name == "stack_default" else None
        return {name: network}

    async def _inspect(self, request: web.Request) -> web.Response:
        container = self._find(request)
        bindings: dict[str, list[dict[str, str]] | None] = {"6881/udp": None}
        for address, outside, inside in container.ports:
            bindings[f"{inside}/tcp"] = bound = bindings.get(f"{inside}/tcp") or []
            bound.append({"HostIp": address, "HostPort": str(outside)})
        return web.json_response(
            {
                "Id": container.id,
                "Name": f"/{container.name}",
                "Image": f"sha256:{container.id[::-1]}",
                "State": self._state(container),
                "RestartCount": container.restart_count,
                "HostConfig": {
                    "NetworkMode": container.network_mode,
                    "RestartPolicy": {"Name": container.restart_policy, "MaximumRetryCount": 0},
                },
                "Config": {"Image": container.image, "Labels": container.labels, "Env": list(container.environment)},
                "NetworkSettings": {"Ports": bindings, "Networks": self._networks(container)},
            },
            headers=self._headers,
        )

    def _state(self, container: SimulatedContainer) -> dict[str, Any]:
        state: dict[str, Any] = {
            "Status": container.state,
            "Running": container.state in _RUNNING,
            "Paused": container.state == "paused",
            "Restarting": container.state == "restarting",
            "OOMKilled": container.out_of_memory,
            "Dead": container.state == "dead",
            "Pid": 4711 if container.state in _RUNNING else 0,
            "ExitCode": container.exit_code,
            "Error": container.error,
            "StartedAt": _written(container.started),
            "FinishedAt": _written(container.finished),
        }
        if container.checked:
            health = container.health(self._now)
            failed = health == "unhealthy" and container.state in _RUNNING
            log = [
                {
                    "Start": _written(self._now),
                    "End": _written(self._now),
                    "ExitCode": int(failed),
                    "Output": container.check_says,
                }
            ]
            state["Health"] = {
                "Status": health,
                "FailingStreak": 3 if failed else 0,
                "Log": [] if health == "starting" else log,
            }
        return state

    # --- acting --------------------------------------------------------------------------------------------------

    async def _restart(self, request: web.Request) -> web.Response:
        container = self._find(request)
        if (problem := _bad_grace(request)) or (problem := self._no_network(container)):
            return self._says(500, f"Cannot restart container {request.match_info['reference']}: {problem}")
        self._run(container)
        return web.Response(status=204, headers=self._headers)

    async def _start(self, request: web.Request) -> web.Response:
        container = self._find(request)
        if container.state == "running":
            return web.Response(status=304, headers=self._headers)
        if container.state == "paused":
            return self._says(409, "cannot start a paused container, try unpause instead")
        if problem := self._no_network(container):
            return self._says(404 if problem.startswith("No such") else 409, problem)
        self._run(container)
        return web.Response(status=204, headers=self._headers)

    async def _stop(self, request: web.Request) -> web.Response:
        container = self._find(request)
        if problem := _bad_grace(request):
            return self._says(500, problem)
        if container.state not in _RUNNING:
            return web.Response(status=304, headers=self._headers)
        container.state, container.exit_code, container.finished = "exited", 137, self._now
        return web.Response(status=204, headers=self._headers)

    def _run(self, container: SimulatedContainer) -> None:
        container.state, container.exit_code, container.started = "running", 0, self._now
        container.sick = container.out_of_memory = False
        container.error = ""

    def _no_network(self, container: SimulatedContainer) -> str:
        """Return why a container can't have the network that it borrows; the engine notes the second reason."""
        kind, _, reference = container.network_mode.partition(":")
        if kind != "container":
            return ""
        lender = next((each for each in self.containers if each.is_called(reference)), None)
        if lender is None:
            return f"No such container: {reference}"
        if lender.state not in _RUNNING:
            container.error = f"cannot join network of a non running container: {lender.id}"
            return container.error
        return ""


def _bad_grace(request: web.Request) -> str:
    grace = request.query.get("t", "0")
    return "" if grace.lstrip("-").isdecimal() else f'strconv.Atoi: parsing "{grace}": invalid syntax'


def _written(seconds: float) -> str:
    """Write a time as Go does, with nanoseconds; 0 is its "never"."""
    if not seconds:
        return _NEVER
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z"
