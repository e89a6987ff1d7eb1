"""A session with a qBittorrent: how requests get past its login.

There are three ways in: an API key (since API 2.14.1), user name and password, or nothing where qBittorrent lets our
address pass. A login that was refused is never tried again: five of them ban the address, and with it everybody behind
the same bridge. One that is banned is tried once a minute. Neither `Origin` nor `Referer` is sent, because qBittorrent
compares them with its own address. Source: WebUI API 2.8 to 2.16, auth.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import ClientSession, FormData

from .errors import Banned, InvalidAuth, NotTheApi, Refused, UnexpectedResponse
from .http import DEFAULT_TIMEOUT_SECONDS, Answer, HttpClient, Query, error_of, is_web_page, reason_of

_FORBIDDEN = frozenset({HTTPStatus.FORBIDDEN})
_LOGIN_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

#: While our address is banned, which is for an hour as a rule, each login is a warning in qBittorrent's log.
_BAN_PAUSE_SECONDS = 60.0

#: A multipart form can be sent once: for a second try it is made again.
type Form = Mapping[str, str] | Callable[[], FormData] | None


class QbittorrentSession:
    """Requests below `/api/v2/`, logged in where that is needed. `clock` is the event loop's where it is not given."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        *,
        username: str = "",
        password: str = "",
        api_key: str = "",
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        # the answers are small or come once: packing them would cost both sides more than it saves
        headers = {"Accept-Encoding": "identity"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._http = HttpClient(session, url, headers=headers, timeout_seconds=timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._credentials = {"username": username, "password": password} if username and not api_key else None
        self._login_lock = asyncio.Lock()
        self._logged_in = False
        self._logins = 0
        self._login_refusal = ""
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._ban, self._banned_until = "", 0.0
        self._cookies: dict[str, str] = {}

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, None before the first."""
        return self._http.latency_seconds

    async def log_out(self) -> None:
        """End the session, where there was a login."""
        if self._logged_in:
            self._logged_in = False
            await self._send("POST", "auth/logout")
        self._cookies.clear()

    async def _post(self, path: str, form: Mapping[str, str]) -> None:
        await self._request("POST", path, form=form)

    async def _json(self, path: str, params: Query) -> Any:
        return (await self._request("GET", path, params=params)).json()

    async def _text(self, path: str) -> str:
        answer = await self._request("GET", path)
        if is_web_page(answer):
            raise NotTheApi(f"{answer.where}: a web page came instead of the API", status=answer.status)
        return answer.text.strip()

    async def _request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request in a session: log in first where that is needed, and once more where the session ended."""
        if self._credentials is not None and not self._logged_in:
            await self._log_in(self._logins)
        logins = self._logins
        answer = await self._send(method, path, **options)
        if answer.status == HTTPStatus.FORBIDDEN and self._credentials is not None:
            await self._log_in(logins)
            answer = await self._send(method, path, **options)
        if answer.status == HTTPStatus.FORBIDDEN:
            raise error_of(answer)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        form: Form = None,
        expected: frozenset[int] = _FORBIDDEN,
        **options: Any,
    ) -> Answer:
        """Send a request with the session's cookies. They are ours, whatever jar the HTTP session has.

        The cookie's name differs between versions ("SID", since 5.2 "QBT_SID_8080"), and a proxy may add its own.
        """
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookies} if cookies else None
        filled = form() if callable(form) else form
        answer = await self._http.request(
            method, f"api/v2/{path}", form=filled, headers=headers, expected=expected, **options
        )
        for line in answer.headers.getall("Set-Cookie", ()):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name.strip()] = value.strip()
        return answer

    async def _log_in(self, logins: int) -> None:
        """Log in, unless somebody did since there were so many logins. A refusal is final for this object."""
        async with self._login_lock:
            if self._logins != logins:
                return
            self._check_refusals()
            self._logged_in = False
            answer = await self._send("POST", "auth/login", form=self._credentials, expected=_LOGIN_REFUSALS)
            match answer.status, answer.text.strip():
                case (HTTPStatus.NO_CONTENT, _) | (HTTPStatus.OK, "Ok."):  # since 5.2, before
                    self._logged_in = True
                    self._logins += 1
                case _ if answer.status >= HTTPStatus.BAD_REQUEST and is_web_page(answer):
                    raise error_of(answer)  # a proxy's: qBittorrent refuses in plain words
                case (HTTPStatus.FORBIDDEN, _):
                    self._ban = f"{answer.where}: {reason_of(answer) or 'this address is banned for a while'}"
                    self._banned_until = self._clock() + _BAN_PAUSE_SECONDS
                    raise Banned(self._ban)
                case (HTTPStatus.UNAUTHORIZED, _) if await self._host_is_refused():
                    raise Refused(
                        f"{answer.where}: qBittorrent refuses this host name or port (host header validation)",
                        status=answer.status,
                    )
                case (HTTPStatus.UNAUTHORIZED, _) | (HTTPStatus.OK, "Fails."):
                    self._login_refusal = f"{answer.where}: wrong user name or password"
                    raise InvalidAuth(self._login_refusal)
                case _ if answer.status >= HTTPStatus.BAD_REQUEST:
                    raise error_of(answer)
                case _ if is_web_page(answer):
                    raise NotTheApi(f"{answer.where}: a web page came instead of the API", status=answer.status)
                case _:
                    raise UnexpectedResponse(f"{answer.where}: an answer that no login has", status=answer.status)

    def _check_refusals(self) -> None:
        """Raise what was answered before, where it would be answered again."""
        if self._login_refusal:
            raise InvalidAuth(self._login_refusal)
        if self._clock() < self._banned_until:
            raise Banned(self._ban)

    async def _host_is_refused(self) -> bool:
        """Tell a refused `Host` header (401 on everything) from a refused login (403 on the rest of the API)."""
        answer = await self._send("GET", "app/webapiVersion", expected=_LOGIN_REFUSALS)
        return answer.status == HTTPStatus.UNAUTHORIZED
