"""The actions of the governor: to limit and to pause download clients, for a time or until further notice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .autopilot.guards.limits import HIGHEST_MEGABYTES, MEGABYTE, Rates
from .calls import LANGUAGE_FIELD, Action, admin, hub_of, named_among, words_of
from .connectors.holding import is_held
from .const import DOMAIN
from .governing import Asked, ClientGovernor
from .model.hold import Holder
from .model.journal import AUTOMATION

ATTR_DOWNLOAD = "download"
ATTR_DURATION = "duration"
ATTR_UPLOAD = "upload"

#: Longer than anybody means, and short enough to be added to a date.
LONGEST = timedelta(days=3650)

_CLIENTS = {vol.Optional(ATTR_DEVICE_ID): vol.All(cv.ensure_list, [cv.string])}
_DURATION = {
    vol.Optional(ATTR_DURATION): vol.All(cv.positive_time_period, vol.Range(min=timedelta(seconds=1), max=LONGEST))
}
_RATE = vol.All(vol.Coerce(float), vol.Range(min=0.001, max=HIGHEST_MEGABYTES))

LIMIT = vol.Schema(
    {
        **_CLIENTS,
        vol.Optional(ATTR_DOWNLOAD): _RATE,
        vol.Optional(ATTR_UPLOAD): _RATE,
        **_DURATION,
        **LANGUAGE_FIELD,
    }
)
RELEASE_LIMIT = vol.Schema({**_CLIENTS, **LANGUAGE_FIELD})
PAUSE = vol.Schema({**_CLIENTS, **_DURATION, **LANGUAGE_FIELD})
RESUME = vol.Schema({**_CLIENTS, **LANGUAGE_FIELD})


@callback
def async_setup_governor_services(hass: HomeAssistant) -> None:
    """Register the actions of the governor."""
    register, maybe = hass.services.async_register, SupportsResponse.OPTIONAL
    register(DOMAIN, Action.LIMIT, _limit, LIMIT, supports_response=maybe)
    register(DOMAIN, Action.RELEASE_LIMIT, _release_limit, RELEASE_LIMIT, supports_response=maybe)
    register(DOMAIN, Action.PAUSE, _pause, PAUSE, supports_response=maybe)
    register(DOMAIN, Action.RESUME, _resume, RESUME, supports_response=maybe)


def _clients(call: ServiceCall) -> list[ClientGovernor]:
    """Return the download clients that are meant: those that are named, or all."""
    hub = hub_of(call.hass)
    clients = hub.governing.clients
    return named_among(call, hub, clients, refusal="not_a_client") or list(clients.values())


def _described(clients: Iterable[ClientGovernor], call: ServiceCall) -> ServiceResponse:
    words = words_of(call)
    return {
        "clients": [
            {
                "client": client.backend.title,
                "limit": client.limit,
                "paused": is_held(client.backend, Holder.PERSON),
                "paused_until": None if client.paused_until is None else client.paused_until.isoformat(),
                "text": " ".join(client.explain(words)),
            }
            for client in clients
        ]
    }


async def _limit(call: ServiceCall) -> ServiceResponse:
    """Limit clients, beside what else limits them: the strictest wins."""
    actor, hub, clients = await admin(call.hass, call.context), hub_of(call.hass), _clients(call)
    rates = Rates(
        **{side: round(call.data[side] * MEGABYTE) for side in (ATTR_DOWNLOAD, ATTR_UPLOAD) if side in call.data}
    )
    if rates == Rates():
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_limit")
    if not hub.governing.on:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="governor_off")
    duration = call.data.get(ATTR_DURATION)
    asked = Asked(
        limits=rates,
        label=await _name(call.hass, hub.governing.words, actor),
        until=None if duration is None else dt_util.utcnow() + duration,
    )
    hub.governing.ask([client.backend.subentry_id for client in clients], asked)
    return _described(clients, call)


async def _name(hass: HomeAssistant, words: Any, actor: str) -> str:
    user = None if actor == AUTOMATION else await hass.auth.async_get_user(actor)
    named: str = words.text("actor.automation") if user is None else user.name or words.text("actor.person")
    return named


async def _release_limit(call: ServiceCall) -> ServiceResponse:
    """End what was asked for by `limit`. What other sources demand stays."""
    await admin(call.hass, call.context)
    hub, clients = hub_of(call.hass), _clients(call)
    hub.governing.release([client.backend.subentry_id for client in clients])
    return _described(clients, call)


async def _pause(call: ServiceCall) -> ServiceResponse:
    """Stop everything that runs, as the switch does."""
    await admin(call.hass, call.context)
    duration = call.data.get(ATTR_DURATION)
    until = None if duration is None else dt_util.utcnow() + duration
    return await _turn(call, lambda client: client.pause(until))


async def _resume(call: ServiceCall) -> ServiceResponse:
    """Start what ran before the pause."""
    await admin(call.hass, call.context)
    return await _turn(call, lambda client: client.resume())


async def _turn(call: ServiceCall, turn: Callable[[ClientGovernor], Awaitable[None]]) -> ServiceResponse:
    """Do it at each client: one that is away holds up no other. Then its error is raised."""
    clients = _clients(call)
    for result in await asyncio.gather(*(turn(client) for client in clients), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
    return _described(clients, call)
