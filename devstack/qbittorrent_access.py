"""Who may ask the simulated qBittorrent: sessions, bans, the API key, and requests that another site forged."""

import base64
import binascii
from dataclasses import dataclass
import random
import string
from urllib.parse import urlsplit

from aiohttp import web

from .qbittorrent_engine import Engine
from .qbittorrent_sync import MaindataSession
from .qbittorrent_versions import Generation

BANNED = "Your IP address has been banned after too many failed authentication attempts."
API_KEY_PREFIX = "qbt_"
_API_KEY_CHARACTERS = 28
_BASIC_SINCE = (2, 15)


@dataclass(slots=True)
class WebSession:
    """A login."""

    cookie: str
    used: float  # seconds since the epoch
    maindata: MaindataSession


@dataclass(slots=True)
class _Failures:
    count: int = 0
    banned_until: float = 0.0


class Access:
    """The door."""

    def __init__(self, engine: Engine, *, username: str, password: str, api_key: str | None, seed: int) -> None:
        self._engine = engine
        self.username = username
        self.password = password
        self.api_key = api_key
        self._random = random.Random(seed)
        self._sessions: dict[str, WebSession] = {}
        self._key_session: WebSession | None = None
        self._failures: dict[str, _Failures] = {}

    @property
    def _generation(self) -> Generation:
        return self._engine.generation

    def cookie_name(self, port: int) -> str:
        """Return the name of the session cookie of a server on this port."""
        return f"QBT_SID_{port}" if self._generation.answers_with_status else "SID"

    # --- requests ------------------------------------------------------------------------------------------------

    def suspicious(self, request: web.Request, port: int) -> bool:
        """Tell whether the request comes from another site's page, or is for another host."""
        preferences = self._engine.preferences
        host = request.headers.get("Host", "")
        if preferences["web_ui_host_header_validation_enabled"]:
            asked = urlsplit(f"//{host}")
            if asked.port is not None and asked.port != port:
                return True
        if preferences["web_ui_csrf_protection_enabled"] and not self._bearer(request):
            for header in ("Origin", "Referer"):
                if given := request.headers.get(header):
                    return urlsplit(given).netloc != host
        return False

    def session(self, request: web.Request, port: int) -> WebSession | None:
        """Return the session that a request belongs to, None without a valid one."""
        if self.uses_key(request):
            return self._by_key(self._bearer(request))
        session = self._sessions.get(request.cookies.get(self.cookie_name(port), ""))
        now = self._engine.now
        if session is not None and now - session.used >= self._engine.preferences["web_ui_session_timeout"]:
            self._end(session)
            session = None
        if session is not None:
            self._use(session)
        return session

    def _use(self, session: WebSession) -> None:
        """Take note that a session is used: the one that is not used for longest goes when there are too many."""
        session.used = self._engine.now
        self._sessions[session.cookie] = self._sessions.pop(session.cookie)

    @staticmethod
    def _bearer(request: web.Request) -> str:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key if scheme.lower() == "bearer" else ""

    def uses_key(self, request: web.Request) -> bool:
        """Tell whether a request comes with an API key."""
        return bool(self._bearer(request)) and self._generation.since(2, 14, 1)

    def _by_key(self, key: str) -> WebSession | None:
        if not self.api_key or key != self.api_key:
            return None
        if self._key_session is None:
            self._key_session = self._begin()
        return self._key_session

    def basic_login(self, request: web.Request) -> tuple[str, str] | None:
        """Return user and password of basic authentication, None without it."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic" or not self._generation.since(*_BASIC_SINCE):
            return None
        try:
            username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except binascii.Error, UnicodeDecodeError:
            return None
        return username, password

    # --- sessions ------------------------------------------------------------------------------------------------

    def log_in(self, address: str, username: str, password: str) -> bool | None:
        """Tell whether the login is right; None when the address is banned."""
        failures = self._failures.setdefault(address, _Failures())
        now, preferences = self._engine.now, self._engine.preferences
        if failures.banned_until > now:
            return None
        if (username, password) == (self.username, self.password):
            del self._failures[address]
            return True
        if failures.banned_until:  # a ban that is over
            failures.count, failures.banned_until = 0, 0.0
        failures.count += 1
        allowed = preferences["web_ui_max_auth_fail_count"]
        if allowed and failures.count >= allowed:
            failures.banned_until = now + preferences["web_ui_ban_duration"]
        return False

    def open(self) -> WebSession:
        """Begin a session for a right login; 5.3 keeps so many of them."""
        session = self._begin()
        self._sessions[session.cookie] = session
        allowed = self._engine.preferences.get("web_ui_sessions_count_limit", 0)
        while allowed and len(self._sessions) > allowed:
            self._end(next(iter(self._sessions.values())))
        return session

    def close(self, session: WebSession) -> None:
        """End a session."""
        self._end(session)

    def expire(self) -> None:
        """End every session at once, as a restart of qBittorrent does."""
        for session in list(self._sessions.values()):
            self._end(session)
        self._end_key_session()

    def rotate_key(self) -> str:
        """Make a new API key."""
        letters = string.ascii_letters + string.digits
        self.delete_key()
        self.api_key = API_KEY_PREFIX + "".join(self._random.choices(letters, k=_API_KEY_CHARACTERS))
        return self.api_key

    def delete_key(self) -> None:
        """Have no API key any more."""
        self.api_key = None
        self._end_key_session()

    def _end_key_session(self) -> None:
        if self._key_session is not None:
            self._end(self._key_session)
            self._key_session = None

    def _begin(self) -> WebSession:
        maindata = MaindataSession(self._engine)
        self._engine.watchers.append(maindata)
        cookie = base64.b64encode(self._random.randbytes(24)).decode()
        return WebSession(cookie, self._engine.now, maindata)

    def _end(self, session: WebSession) -> None:
        self._sessions.pop(session.cookie, None)
        if session.maindata in self._engine.watchers:
            self._engine.watchers.remove(session.maindata)
