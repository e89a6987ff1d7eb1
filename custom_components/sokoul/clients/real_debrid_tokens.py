"""Who we are to Real-Debrid: a private API token, or what its device-code flow gave us.

The flow: we show a code, its owner types it on Real-Debrid's page, and we are given credentials that are this person's
alone, and with them tokens, which we renew. No user name and no password pass through here.
Source: api.real-debrid.com, "Authentication for applications, opensource apps" (OAuth 2 device flow).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Protocol

from aiohttp import ClientSession

from .errors import InvalidAuth, NotFound, Refused
from .fields import Fields
from .http import DEFAULT_TIMEOUT_SECONDS, Answer, HttpClient
from .real_debrid_fields import ANY_REFUSAL, error_of

#: Real-Debrid's own, for applications whose source is open: it leads to credentials of the person's own.
OPEN_SOURCE_CLIENT_ID = "X245A4XAIBGVM"
DEVICE_GRANT = "http://oauth.net/grant_type/device/1.0"
#: A token is renewed so long before it ends: clocks differ, and a request takes its time.
RENEW_BEFORE = timedelta(minutes=5)
#: Answers of this part of the API are short.
MAX_BYTES = 64 * 1024
_LONGEST_LIFE = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What a person has to type, and where."""

    device_code: str = field(repr=False)  # ours alone
    user_code: str
    verification_url: str
    direct_url: str | None  # leads there with the code filled in
    interval: timedelta  # ask no more often than this whether it was typed
    expires_in: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class DebridTokens:
    """What the device-code flow gave us. All of it is secret."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime

    def as_data(self) -> dict[str, str]:
        """Return it as JSON, for the token store."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": self.expires_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> DebridTokens:
        """Read what `as_data` wrote. Raises KeyError and ValueError."""
        return cls(
            client_id=data["client_id"],
            client_secret=data["client_secret"],
            access_token=data["access_token"],
            refresh_token=data["refresh_token"],
            expires_at=datetime.fromisoformat(data["expires_at"]),
        )


class TokenSource(Protocol):
    """Where a client gets its token from."""

    #: it was given to us and to nobody else, so that we may revoke it
    ours: bool

    async def token(self) -> str:
        """Return a token that is good now. Raises `BackendError`."""

    async def renewed(self, refused: str) -> str | None:
        """Return another token than one that was just refused, None where there is none. Raises `BackendError`."""

    async def forget(self) -> None:
        """Keep the token no longer, if we keep it."""


class ApiToken:
    """A person's private API token, which does not end. They may use it elsewhere, too."""

    ours = False

    def __init__(self, token: str) -> None:
        self._token = checked(token)

    async def token(self) -> str:
        """Return it."""
        return self._token

    async def renewed(self, refused: str) -> str | None:
        """Know no other."""
        del refused
        return None

    async def forget(self) -> None:
        """Nothing is kept of it."""


class TokenKeeper(Protocol):
    """Where tokens outlive a restart."""

    async def load(self) -> DebridTokens | None:
        """Return what is kept."""

    async def save(self, tokens: DebridTokens | None) -> None:
        """Keep these, or none. On return they are written: those before them may be worth nothing any more."""


class RenewedTokens:
    """Tokens of the device-code flow, renewed before they end or when one is refused: once, whoever asks for it."""

    ours = True

    def __init__(
        self,
        keeper: TokenKeeper,
        renew: Callable[[DebridTokens], Awaitable[DebridTokens]],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keeper = keeper
        self._renew = renew
        self._now = now
        self._lock = asyncio.Lock()
        self._renewing: asyncio.Task[DebridTokens] | None = None

    async def token(self) -> str:
        """Return the token, renewed where it is about to end."""
        async with self._lock:
            tokens = await self._known()
            if self._now() >= tokens.expires_at - RENEW_BEFORE:
                tokens = await self._renewed(tokens)
            return tokens.access_token

    async def renewed(self, refused: str) -> str | None:
        """Return a new token in place of one that was refused."""
        async with self._lock:
            tokens = await self._known()
            if tokens.access_token == refused:  # else somebody was faster
                tokens = await self._renewed(tokens)
            return tokens.access_token

    async def forget(self) -> None:
        """Forget the tokens for good."""
        async with self._lock:
            if self._renewing is not None:
                await asyncio.wait({self._renewing})
            await self._keeper.save(None)

    async def _known(self) -> DebridTokens:
        """Return what is kept now: its owner may have let us in again meanwhile."""
        tokens = await self._keeper.load()
        if tokens is None:
            raise InvalidAuth("the account has to be connected again: its tokens are not here")
        return tokens

    async def _renewed(self, tokens: DebridTokens) -> DebridTokens:
        """Renew tokens to the end, also when whoever asks for it goes: those before may be worth nothing by then."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_and_keep(tokens))
            self._renewing.add_done_callback(_hear)
        await asyncio.wait({self._renewing})
        return self._renewing.result()

    async def _renew_and_keep(self, tokens: DebridTokens) -> DebridTokens:
        renewed = await self._renew(tokens)
        await self._keeper.save(renewed)
        return renewed


def _hear(renewing: asyncio.Task[DebridTokens]) -> None:
    """Take note of a failure of which nobody else may hear any more."""
    if not renewing.cancelled():
        renewing.exception()


class DebridOAuth:
    """The part of Real-Debrid's API that gives and renews tokens."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._http = HttpClient(session, f"{url}/oauth/v2", timeout_seconds=timeout_seconds)
        self._now = now

    async def begin(self) -> DeviceCode:
        """Ask for a code that a person can type."""
        params = {"client_id": OPEN_SOURCE_CLIENT_ID, "new_credentials": "yes"}
        answer = await self._http.request("GET", "device/code", params=params, max_bytes=MAX_BYTES)
        found = Fields(answer.json(), "device/code")
        return DeviceCode(
            device_code=found.text("device_code"),
            user_code=found.text("user_code"),
            verification_url=found.text("verification_url"),
            direct_url=found.optional_text("direct_verification_url"),
            interval=timedelta(seconds=max(1, found.whole("interval", 5))),
            expires_in=timedelta(seconds=max(1, found.whole("expires_in", 1800))),
        )

    async def finish(self, code: DeviceCode) -> DebridTokens | None:
        """Return the tokens once the person has typed the code, None while it has not been typed.

        Raises `Refused` when it was declined or has ended, `RateLimited` when we ask too often.
        """
        params = {"client_id": OPEN_SOURCE_CLIENT_ID, "code": code.device_code}
        answer = await self._http.request(
            "GET", "device/credentials", params=params, expected=ANY_REFUSAL, max_bytes=MAX_BYTES
        )
        if answer.status != HTTPStatus.OK:
            _check_pending(answer)
            return None
        found = Fields(answer.json(), "device/credentials")
        client_id, secret = found.optional_text("client_id"), found.optional_text("client_secret")
        if client_id is None or secret is None:
            return None
        return await self._token(client_id, secret, code.device_code)

    async def renew(self, tokens: DebridTokens) -> DebridTokens:
        """Return new tokens in place of these. Raises `InvalidAuth` when they were revoked."""
        renewed = await self._token(tokens.client_id, tokens.client_secret, tokens.refresh_token)
        return renewed if renewed.refresh_token else replace(renewed, refresh_token=tokens.refresh_token)

    async def _token(self, client_id: str, client_secret: str, code: str) -> DebridTokens:
        form = {"client_id": client_id, "client_secret": client_secret, "code": code, "grant_type": DEVICE_GRANT}
        answer = await self._http.request("POST", "token", form=form, expected=ANY_REFUSAL, max_bytes=MAX_BYTES)
        if answer.status != HTTPStatus.OK:
            error = error_of(answer)
            if isinstance(error, (Refused, NotFound)):
                raise InvalidAuth(str(error)) from error
            raise error
        found = Fields(answer.json(), "token")
        life = min(timedelta(seconds=max(0, found.whole("expires_in"))), _LONGEST_LIFE)
        return DebridTokens(
            client_id=client_id,
            client_secret=client_secret,
            access_token=checked(found.text("access_token")),
            refresh_token=found.text("refresh_token", ""),
            expires_at=self._now() + life,
        )


def checked(token: str) -> str:
    """Return a token that can be sent. Raises `InvalidAuth`."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidAuth("the token holds characters that no token has")
    return token


def _check_pending(answer: Answer) -> None:
    """Tell "not yet" from "no": a refusal without a number, or 403 with any, is just not yet. Raises what it is else.

    What it says to that is nowhere published: other clients ask again after 403, whatever comes with it.
    """
    error = error_of(answer)
    pending = error.code is None or answer.status == HTTPStatus.FORBIDDEN
    if pending and isinstance(error, (Refused, InvalidAuth)):
        return
    raise error
