"""A Real-Debrid account: let in by a code or by its API token, and read within its budget of requests."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, NumberSelectorMode
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ..clients import real_debrid as api
from ..clients.errors import NotFound, RateLimited, Refused, UnexpectedResponse
from ..clients.real_debrid import RealDebridClient
from ..clients.real_debrid_budget import ACCOUNT_PER_MINUTE, DEFAULT_PER_MINUTE, DebridBudget
from ..clients.real_debrid_tokens import ApiToken, DebridOAuth, DebridTokens, RenewedTokens, TokenSource
from ..const import DOMAIN
from ..debrid_tokens import AccountTokens, token_store
from ..model.debrid import DebridPriority, DebridSnapshot, DebridTraffic
from .base import (
    Backend,
    BackendBinarySensor,
    BackendSensor,
    CodeToType,
    Connection,
    Connector,
    Credentials,
    DeviceLogin,
    Granted,
    Identity,
    Undo,
    any_at_all,
    nothing_urgent,
)

KIND = "real_debrid"
VERSION = "1.0"  # of the API: the only one there is
#: The budget is ours and costs nothing to look at; the account is asked this seldom.
INTERVAL = timedelta(minutes=1)
ACCOUNT_INTERVAL = timedelta(minutes=5)
TRAFFIC_INTERVAL = timedelta(hours=1)
CONF_PER_MINUTE = "requests_per_minute"
LEAST_PER_MINUTE = 10
CONF_SYNC_MINUTES = "synchronise_minutes"
DEFAULT_SYNC_MINUTES = 10
MOST_SYNC_MINUTES = 1440
#: In the memory of a backend: that tokens are kept for it which are to be revoked at the end.
MEMORY_TOKENS = "tokens"
#: In it, too: until when less is sent than a person allows.
MEMORY_CAUTION = "cautious_until"

type Source = DebridSnapshot


# --- connecting ------------------------------------------------------------------------------------------------------

#: By account: a budget outlives its client.
BUDGETS: HassKey[dict[str, DebridBudget]] = HassKey(f"{DOMAIN}_real_debrid_budgets")


@callback
def budget_of(hass: HomeAssistant, account: str) -> DebridBudget:
    """Return the budget of an account: the same one whatever becomes of its client, because the account counts on."""
    if not account:  # not known yet whose token it is
        return DebridBudget()
    budgets = hass.data.setdefault(BUDGETS, {})
    if account not in budgets:
        budgets[account] = DebridBudget()
    return budgets[account]


def connect(hass: HomeAssistant, connection: Connection) -> RealDebridClient:
    """Return a client of the account, with its API token where there is one, else with its kept tokens."""
    tokens: TokenSource
    if connection.api_key:
        tokens = ApiToken(connection.api_key)
    else:
        tokens = RenewedTokens(AccountTokens(token_store(hass), connection.username), _oauth(hass).renew)
    return _client(hass, tokens, connection.username)


def _client(hass: HomeAssistant, tokens: TokenSource, account: str) -> RealDebridClient:
    return RealDebridClient(async_get_clientsession(hass), tokens, budget_of(hass, account), url=api.BASE_URL)


def _oauth(hass: HomeAssistant) -> DebridOAuth:
    return DebridOAuth(async_get_clientsession(hass), api.BASE_URL)


async def identify(client: RealDebridClient) -> Identity:
    """Ask whose account it is."""
    account = await client.user(priority=DebridPriority.PERSON)
    return Identity(version=VERSION, own_id=str(account.id))


async def begin_login(hass: HomeAssistant) -> CodeToType:
    """Ask for a code to type."""
    code = await _oauth(hass).begin()
    return CodeToType(
        code=code.user_code,
        page=code.verification_url,
        page_with_code=code.direct_url or code.verification_url,
        interval=code.interval,
        expires_in=code.expires_in,
        secret=code,
    )


async def finish_login(hass: HomeAssistant, code: CodeToType) -> Granted | None:
    """Return whose account it is, once the code was typed."""
    oauth = _oauth(hass)
    tokens = await oauth.finish(code.secret)
    if tokens is None:
        return None
    identity = await identify(_client(hass, ApiToken(tokens.access_token), ""))
    account = identity.own_id or ""
    return Granted(
        connection=Connection(username=account),
        identity=identity,
        keep=_keeping(token_store(hass).save, account, tokens),
    )


def _keeping(
    save: Callable[[str, DebridTokens | None], Awaitable[None]], account: str, tokens: DebridTokens
) -> Callable[[], Awaitable[None]]:
    async def keep() -> None:
        await save(account, tokens)

    return keep


async def forget_login(hass: HomeAssistant, connection: Connection) -> None:
    """Forget the tokens that are kept for an account."""
    await token_store(hass).save(connection.username, None)


async def after_read(backend: Backend[RealDebridClient, Source]) -> None:
    """Let the budget be what a person set it to, and note where there are tokens to revoke at the end."""
    backend.client.budget.wanted_per_minute = int(backend.preferences.get(CONF_PER_MINUTE, DEFAULT_PER_MINUTE))
    backend.remember(MEMORY_TOKENS, backend.client.keeps_tokens or None)
    _stay_cautious(backend)


def _stay_cautious(backend: Backend[RealDebridClient, Source]) -> None:
    """Send as little after a restart as before it, where Real-Debrid had said that it was too much."""
    now = dt_util.utcnow()
    until = backend.client.budget.state(now).cautious_until
    noted = dt_util.parse_datetime(backend.memory.get(MEMORY_CAUTION) or "")
    if until is None and noted is not None and noted > now:
        backend.client.budget.be_cautious(noted - now)
    elif until is None:
        backend.remember(MEMORY_CAUTION, None)
    elif noted is None or abs(until - noted) > INTERVAL:
        backend.remember(MEMORY_CAUTION, until.isoformat())


async def revoke(client: RealDebridClient, note: Any) -> None:
    """Forget the tokens that the account gave us, and make them worthless."""
    del note
    await client.leave()


# --- reading ---------------------------------------------------------------------------------------------------------


class RealDebridReader:
    """Reads the account now and then, and how much of the budget is used each time.

    While Real-Debrid wants to be left alone the account is shown as it was: it is there, and may just not be asked.
    """

    def __init__(self, client: RealDebridClient) -> None:
        self._client = client
        self._known: Source | None = None
        self._due: datetime | None = None
        self._traffic: tuple[DebridTraffic, ...] = ()
        self._traffic_due: datetime | None = None

    async def read(self, now: datetime) -> Source:
        """Return the account as it was last read, and the budget as it is now."""
        if self._known is None or self._due is None or now >= self._due:
            try:
                self._known = await self._ask(now)
            except RateLimited as error:
                if self._known is None:
                    raise
                self._due = now + max(error.retry_after or INTERVAL, INTERVAL)
            else:
                self._due = now + ACCOUNT_INTERVAL
        return replace(self._known, budget=self._client.budget.state(now))

    async def _ask(self, now: datetime) -> Source:
        account = await self._client.user()
        active = await _aside(self._client.active())
        torrents = await _aside(self._client.total())
        if self._traffic_due is None or now >= self._traffic_due:
            self._traffic = await _aside(self._client.traffic()) or ()
            self._traffic_due = now + TRAFFIC_INTERVAL
        return DebridSnapshot(
            account=account,
            active=active,
            torrents=torrents,
            traffic=self._traffic,
            budget=self._client.budget.state(now),
        )

    def forget(self) -> None:
        """Ask the account the next time."""
        self._due = self._traffic_due = None

    async def close(self) -> None:
        """Nothing is kept at Real-Debrid."""


async def _aside[ValueT](asked: Awaitable[ValueT]) -> ValueT | None:
    """Return what the account can be shown without, None where it is not told: a free account may not ask."""
    try:
        return await asked
    except NotFound, Refused, UnexpectedResponse:
        return None


def interval(snapshot: Source | None) -> timedelta:
    """Return how soon to look again."""
    del snapshot
    return INTERVAL


# --- entities --------------------------------------------------------------------------------------------------------


def _premium_days(snapshot: Source) -> int:
    """Return how many whole days are left, 0 for a free account."""
    until = snapshot.account.premium_until
    return max(0, (until - dt_util.utcnow()).days) if until is not None else 0


def _traffic_left(snapshot: Source) -> float | None:
    """Return what is left at the hoster where the least is, in percent; None where none is limited."""
    shares = [100 * max(0, each.left) / each.limit for each in snapshot.traffic if each.limit > 0]
    return round(min(shares), 1) if shares else None


SENSORS: tuple[BackendSensor[Source], ...] = (
    BackendSensor(
        key="account_status",
        value=lambda snapshot: "premium" if snapshot.account.premium else "free",
        device_class=SensorDeviceClass.ENUM,
        options=["premium", "free"],
    ),
    BackendSensor(
        key="premium_days",
        value=_premium_days,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        suggested_display_precision=0,
    ),
    BackendSensor(
        key="torrents",
        value=lambda snapshot: snapshot.torrents,
        state_class=SensorStateClass.MEASUREMENT,
        meaning=nothing_urgent,
    ),
    BackendSensor(
        key="active_torrents",
        value=lambda snapshot: snapshot.active.count if snapshot.active is not None else None,
        state_class=SensorStateClass.MEASUREMENT,
        meaning=any_at_all,
    ),
    BackendSensor(
        key="budget_used",
        value=lambda snapshot: round(snapshot.budget.used_percent),
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        meaning=nothing_urgent,
    ),
    BackendSensor(
        key="requests_refused",
        value=lambda snapshot: snapshot.budget.refused,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    BackendSensor(
        key="points",
        value=lambda snapshot: snapshot.account.points,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
    ),
    BackendSensor(
        key="traffic_left",
        value=_traffic_left,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        meaning=nothing_urgent,
    ),
)

BINARY_SENSORS: tuple[BackendBinarySensor[Source], ...] = (
    BackendBinarySensor(
        key="account_paused",
        value=lambda snapshot: snapshot.budget.paused_until is not None,
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
    ),
)

REAL_DEBRID: Connector[RealDebridClient, Source] = Connector(
    kind=KIND,
    name="Real-Debrid",
    manufacturer="Real-Debrid",
    default_port=None,
    place="real-debrid.com",
    credentials=Credentials.API_KEY,
    key_at="real-debrid.com/apitoken",
    device_login=DeviceLogin(begin=begin_login, finish=finish_login, forget=forget_login),
    settings={
        vol.Required(CONF_PER_MINUTE, default=DEFAULT_PER_MINUTE): NumberSelector(
            NumberSelectorConfig(min=LEAST_PER_MINUTE, max=ACCOUNT_PER_MINUTE, step=1, mode=NumberSelectorMode.BOX)
        ),
        vol.Required(CONF_SYNC_MINUTES, default=DEFAULT_SYNC_MINUTES): NumberSelector(
            NumberSelectorConfig(
                min=1,
                max=MOST_SYNC_MINUTES,
                step=1,
                mode=NumberSelectorMode.BOX,
                unit_of_measurement=UnitOfTime.MINUTES,
            )
        ),
    },
    connect=connect,
    identify=identify,
    reader=RealDebridReader,
    interval=interval,
    version=lambda _snapshot: VERSION,
    after_read=after_read,
    undos=(
        Undo(
            memory_key=MEMORY_TOKENS,
            undo=revoke,
            otherwise="The access of SOKOUL to %s could not be revoked (%s). Its tokens are forgotten here; at "
            "real-debrid.com, under your account's devices, you can remove it",
        ),
    ),
    sensors=SENSORS,
    binary_sensors=BINARY_SENSORS,
)
