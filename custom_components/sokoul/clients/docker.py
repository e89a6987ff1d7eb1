"""A container engine by the Docker Engine API, 1.41 (Docker 20.10) and later.

Reached through its Unix socket, over TCP with or without TLS, or through a proxy that passes some calls only and
answers 403 to the others. What is done is listing, looking, starting, stopping and restarting; a container is never
created, removed or entered. Source: Engine API 1.41 to 1.55.
"""

from http import HTTPStatus
import re
from typing import Any

from aiohttp import ClientConnectorError, ClientSession

from ..model.containers import Container, EngineVersion
from .docker_fields import inspected, listed
from .errors import CannotConnect, Refused, Silence, UnexpectedResponse
from .fields import Fields, each
from .http import DEFAULT_TIMEOUT_SECONDS, Answer, HttpClient, Query, reason_of

#: The API that is spoken: what the engine has, but no newer than what is known here, unless it takes only newer ones.
OLDEST_API = (1, 41)
NEWEST_API = (1, 55)

#: What a stopped program has to end by itself before it is killed.
DEFAULT_GRACE_SECONDS = 30
#: A list of a thousand containers with all their labels is about 3 MB.
MAX_BYTES = 32 * 1024 * 1024

_TLS_PORT = 2376
_NOT_MODIFIED = frozenset({HTTPStatus.NOT_MODIFIED})
_FORBIDDEN = frozenset({HTTPStatus.FORBIDDEN})
_VERSION = re.compile(r"(\d+)\.(\d+)")


class DockerClient:
    """One container engine. Every method raises the errors of `clients.errors`, and only those.

    `url` is `unix:///var/run/docker.sock`, `tcp://host:2375`, `http://...` or `https://...` (also `tcp://` at port
    2376). For a Unix socket the session needs a `UnixConnector` to `socket_path(url)`: a shared one doesn't lead there.
    Client certificates are the business of the session, too.
    """

    def __init__(self, session: ClientSession, url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self._http = HttpClient(session, _base_url(url), timeout_seconds=timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._version: EngineVersion | None = None
        self._prefix = ""

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, None before the first."""
        return self._http.latency_seconds

    # --- the engine ----------------------------------------------------------------------------------------------

    async def version(self) -> EngineVersion:
        """Ask which version answers, and speak its language from now on. Raises `Refused` when it is too old."""
        answer = Fields((await self._request("GET", "version")).json(), "version")
        newest = _api(answer.text("ApiVersion"))
        if newest < OLDEST_API:
            raise Refused(
                f"version: this engine speaks API {newest[0]}.{newest[1]}, "
                f"{OLDEST_API[0]}.{OLDEST_API[1]} or newer is needed (Docker 20.10)",
                status=HTTPStatus.BAD_REQUEST,
            )
        oldest = _api(answer.text("MinAPIVersion", "1.0"))  # absent where it takes every version
        spoken = max(min(newest, NEWEST_API), oldest)
        self._prefix = f"v{spoken[0]}.{spoken[1]}/"
        self._version = EngineVersion(application=answer.text("Version", ""), api=newest)
        return self._version

    # --- containers ----------------------------------------------------------------------------------------------

    async def containers(self) -> tuple[Container, ...]:
        """List all containers, also those that don't run; without details."""
        answer = await self._call("GET", "containers/json", params={"all": True})
        return tuple(listed(row) for row in each(answer.json(), "containers"))

    async def container(self, reference: str) -> Container:
        """Look at one container closely, by id or name. Raises `NotFound` when there is none."""
        return inspected(
            Fields((await self._call("GET", f"containers/{_checked(reference)}/json")).json(), "container")
        )

    async def restart(self, reference: str, *, grace_seconds: int = DEFAULT_GRACE_SECONDS) -> None:
        """Stop a container and start it; a stopped or paused one starts, too. Returns when its process runs again.

        After the grace period it is killed. Raises `NotFound`; `UnexpectedResponse` (500) when it can't start, among
        others because the container whose network it borrows is gone.
        """
        await self._act(reference, "restart", grace_seconds, t=grace_seconds)

    async def start(self, reference: str) -> None:
        """Start a container; one that runs stays as it is. Raises `NotFound`, `Refused` (409) for a paused one."""
        await self._act(reference, "start")

    async def stop(self, reference: str, *, grace_seconds: int = DEFAULT_GRACE_SECONDS) -> None:
        """Stop a container, killed after the grace period; one that is stopped stays so. Raises `NotFound`.

        With whatever restart policy, the engine doesn't start it again by itself.
        """
        await self._act(reference, "stop", grace_seconds, t=grace_seconds)

    async def _act(self, reference: str, action: str, grace_seconds: int = 0, **params: int) -> None:
        """Do something to a container. The engine answers when it is done: only then does our patience begin."""
        await self._call(
            "POST",
            f"containers/{_checked(reference)}/{action}",
            params=params,
            timeout_seconds=self._timeout_seconds + grace_seconds,
            expected=_NOT_MODIFIED,
        )

    # --- requests ------------------------------------------------------------------------------------------------

    async def _call(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request in the engine's version of the API."""
        if self._version is None:
            await self.version()
        try:
            return await self._request(method, self._prefix + path, **options)
        except Refused as refused:
            # it was exchanged for one of another version since we asked
            if refused.status != HTTPStatus.BAD_REQUEST or "version" not in str(refused):
                raise
        await self.version()
        return await self._request(method, self._prefix + path, **options)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Query | None = None,
        timeout_seconds: float | None = None,
        expected: frozenset[int] = frozenset(),
    ) -> Answer:
        try:
            answer = await self._http.request(
                method,
                path,
                params=params,
                timeout_seconds=timeout_seconds,
                max_bytes=MAX_BYTES,
                expected=expected | _FORBIDDEN,
            )
        except CannotConnect as error:
            raise _about_the_socket(error) from error
        if answer.status == HTTPStatus.FORBIDDEN:
            # the engine has no login: it is a proxy (with a page) or a plugin (in JSON) that forbids this call
            reason = reason_of(answer) or "a proxy in front of the engine forbids it"
            raise Refused(f"{answer.where}: {answer.status} ({reason})", status=answer.status)
        return answer


def socket_path(url: str) -> str | None:
    """Return the path of the Unix socket that an address names, None where it names none. Raises `CannotConnect`."""
    path = url.strip().removeprefix("unix://")
    if path.startswith("/"):
        return path
    if url.strip().startswith("unix:"):
        raise CannotConnect("the address of a socket has three slashes: unix:///var/run/docker.sock")
    return None


def _base_url(url: str) -> str:
    """Return the address for HTTP."""
    if socket_path(url) is not None:
        return "http://docker"  # the engine wants a host name, whichever
    scheme, separator, rest = url.strip().partition("://")
    if scheme != "tcp":
        return url
    tls = rest.rstrip("/").endswith(f":{_TLS_PORT}")
    return f"{'https' if tls else 'http'}{separator}{rest}"


def _api(text: str) -> tuple[int, int]:
    found = _VERSION.match(text)
    if not found:
        raise UnexpectedResponse("version: an API version that is none")
    return int(found[1]), int(found[2])


_REFERENCE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


def _checked(reference: str) -> str:
    """Return an id or a name that is one: it becomes part of a path. Raises `Refused`."""
    if not _REFERENCE.fullmatch(reference):
        raise Refused("containers: neither an id nor a name", status=HTTPStatus.BAD_REQUEST)
    return reference


def _about_the_socket(error: CannotConnect) -> CannotConnect:
    """Say what is wrong with a socket file, where it is that."""
    cause = error.__cause__
    match cause.os_error if isinstance(cause, ClientConnectorError) else None:
        case PermissionError():
            return CannotConnect("we may not use this socket (permission denied)", silence=Silence.REFUSED)
        case FileNotFoundError():
            return CannotConnect("there is no such socket here", silence=Silence.UNREACHABLE)
    return error
