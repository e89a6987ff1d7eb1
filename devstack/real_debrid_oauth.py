"""The device-code flow of the simulated Real-Debrid, and every token that it ever gave."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
import random

from .clock import Clock

OPEN_SOURCE_CLIENT_ID = "X245A4XAIBGVM"
GRANT_TYPE = "http://oauth.net/grant_type/device/1.0"
INTERVAL_SECONDS = 5
DEVICE_LIFE = timedelta(seconds=1800)
TOKEN_LIFE = timedelta(hours=1)


class DeviceState(Enum):
    """What became of a code."""

    PENDING = auto()
    APPROVED = auto()
    DENIED = auto()


@dataclass(slots=True)
class Device:
    """One program that waits for its owner."""

    device_code: str
    user_code: str
    ends: datetime
    new_credentials: bool
    state: DeviceState = DeviceState.PENDING
    account_id: int = 0
    client_id: str = ""
    client_secret: str = ""
    redeemed: bool = False


@dataclass(slots=True)
class Grant:
    """What a program got for a code: it renews its tokens with it."""

    account_id: int
    client_id: str
    client_secret: str
    refresh_token: str
    access_token: str
    ends: datetime


class OAuth:
    """Codes, credentials and tokens."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._random = rng
        self.devices: dict[str, Device] = {}  # by device code
        self.grants: list[Grant] = []
        self.api_tokens: dict[str, int] = {}  # private ones, which do not end, and whose they are
        self.refresh_rotates = True
        self.on_token: Callable[[Grant], None] = lambda _grant: None

    def account_of(self, token: str) -> int | None:
        """Return whose token this is, None where it is nobody's (any more)."""
        if token in self.api_tokens:
            return self.api_tokens[token]
        now = self._clock.now()
        for grant in self.grants:
            if grant.access_token == token and now < grant.ends:
                return grant.account_id
        return None

    # --- what a program asks -------------------------------------------------------------------------------------

    def begin(self, client_id: str, *, new_credentials: bool) -> Device | None:
        """Give out a code; None for a program that nobody knows."""
        if client_id != OPEN_SOURCE_CLIENT_ID:
            return None
        device = Device(
            device_code=self._secret(52),
            user_code=self._secret(8),
            ends=self._clock.now() + DEVICE_LIFE,
            new_credentials=new_credentials,
        )
        self.devices[device.device_code] = device
        return device

    def credentials(self, device_code: str) -> Device | None:
        """Return a device whose code may be asked about; None where there is none (any more)."""
        device = self.devices.get(device_code)
        return device if device is not None and self._clock.now() < device.ends else None

    def token(self, client_id: str, client_secret: str, code: str) -> Grant | None:
        """Give tokens for an approved code or for a refresh token; None where neither is good."""
        device = self.devices.get(code)
        if device is not None:
            if (
                device.state is not DeviceState.APPROVED
                or device.redeemed
                or not _same(device, client_id, client_secret)
            ):
                return None
            device.redeemed = True
            grant = Grant(device.account_id, client_id, client_secret, self._secret(40), "", self._clock.now())
            self.grants.append(grant)
        else:
            found = [
                each for each in self.grants if each.refresh_token == code and _same(each, client_id, client_secret)
            ]
            if not found:
                return None
            grant = found[0]
            if self.refresh_rotates:
                grant.refresh_token = self._secret(40)
        grant.access_token = self._secret(52)
        grant.ends = self._clock.now() + TOKEN_LIFE
        self.on_token(grant)
        return grant

    def disable(self, token: str) -> None:
        """Make a token worthless, as its program or its owner asks."""
        self.api_tokens.pop(token, None)
        self.grants = [grant for grant in self.grants if grant.access_token != token]

    # --- what the owner does -------------------------------------------------------------------------------------

    def approve(self, user_code: str, account_id: int) -> None:
        """Type a code on the page and agree. Raises KeyError where nobody waits for it."""
        device = self._typed(user_code)
        device.state, device.account_id = DeviceState.APPROVED, account_id
        device.client_id, device.client_secret = self._secret(13), self._secret(40)

    def deny(self, user_code: str) -> None:
        """Type a code on the page and decline. Raises KeyError where nobody waits for it."""
        self._typed(user_code).state = DeviceState.DENIED

    def revoke(self, account_id: int) -> None:
        """Take back everything that was given for an account, private API tokens included."""
        self.grants = [grant for grant in self.grants if grant.account_id != account_id]
        self.api_tokens = {token: owner for token, owner in self.api_tokens.items() if owner != account_id}

    def _typed(self, user_code: str) -> Device:
        for device in self.devices.values():
            if device.user_code == user_code.strip().upper() and self._clock.now() < device.ends:
                return device
        raise KeyError(user_code)

    def _secret(self, length: int) -> str:
        return "".join(self._random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=length))


def _same(known: Device | Grant, client_id: str, client_secret: str) -> bool:
    return bool(client_id) and (known.client_id, known.client_secret) == (client_id, client_secret)
