"""The actions about the watchlist.

Everybody who is logged in may read it. Who may control the list in Home Assistant may also put something on it, answer
what is asked back, and take it off. Having something downloaded, now or by itself later, is for administrators.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .acquire.query import LONGEST_LINK
from .calls import LANGUAGE_FIELD, Action, admin, hub_of, may_control, words_of
from .const import DOMAIN
from .hub import Hub
from .search_policies import policies_of
from .search_request import (
    ATTR_EPISODE,
    ATTR_KIND,
    ATTR_MINIMUM,
    ATTR_POLICY,
    ATTR_QUERY,
    ATTR_SEASON,
    ATTR_YEAR,
    KINDS,
    LEAST,
    NUMBER,
    policy_named,
)
from .watchlist.items import ARR, SEERR, Wish, WishState
from .watchlist_errors import no_such_wish, several_such_wishes, watchlist_errors
from .watchlist_minimum import minimum_of
from .watchlist_report import describe_wish, label
from .watchlist_socket import async_setup_watchlist_socket

ATTR_AUTO = "auto"
ATTR_CHOICE = "choice"
ATTR_IDS = "ids"
ATTR_ITEM = "item"
ATTR_LIMIT = "limit"
ATTR_RENAME = "rename"
ATTR_STATE = "state"
ATTR_WAIT = "wait"

#: What its policy says.
BY_POLICY = "policy"
MINIMA: Mapping[str, int | None] = {BY_POLICY: None, **LEAST}
#: Follow what is set for the whole list.
USUAL = "usual"
DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 1000
DEFAULT_WAIT = 5
LONGEST_WAIT = 60


def _auto(value: Any) -> bool | None:
    return None if value == USUAL else cv.boolean(value)


_TEXT = vol.All(cv.string, vol.Length(min=1, max=LONGEST_LINK))
_ITEM = {vol.Required(ATTR_ITEM): _TEXT}
ADD = vol.Schema(
    {
        vol.Required(ATTR_QUERY): _TEXT,
        vol.Optional(ATTR_KIND): vol.In(KINDS),
        vol.Optional(ATTR_YEAR): NUMBER,
        vol.Optional(ATTR_SEASON): NUMBER,
        vol.Optional(ATTR_EPISODE): NUMBER,
        vol.Optional(ATTR_MINIMUM, default=BY_POLICY): vol.In(MINIMA),
        vol.Optional(ATTR_POLICY): cv.string,
        vol.Optional(ATTR_AUTO, default=USUAL): _auto,
        vol.Optional(ATTR_WAIT, default=DEFAULT_WAIT): vol.All(vol.Coerce(float), vol.Range(min=0, max=LONGEST_WAIT)),
        **LANGUAGE_FIELD,
    }
)
LIST = vol.Schema(
    {
        vol.Optional(ATTR_STATE, default=list): vol.All(cv.ensure_list, [vol.Coerce(WishState)]),
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        **LANGUAGE_FIELD,
    }
)
CHOOSE = vol.Schema(
    {
        **_ITEM,
        vol.Exclusive(ATTR_CHOICE, "which"): vol.All(vol.Coerce(int), vol.Range(min=1)),
        vol.Exclusive(ATTR_IDS, "which"): vol.All(cv.ensure_list, [cv.string], vol.Length(min=1)),
        **LANGUAGE_FIELD,
    }
)
CHANGE = vol.Schema(
    {
        **_ITEM,
        vol.Optional(ATTR_RENAME): _TEXT,
        vol.Optional(ATTR_MINIMUM): vol.In(MINIMA),
        vol.Optional(ATTR_POLICY): cv.string,
        vol.Optional(ATTR_AUTO): _auto,
        **LANGUAGE_FIELD,
    }
)
REMOVE = vol.Schema({vol.Required(ATTR_ITEM): vol.All(cv.ensure_list, [_TEXT])})
FETCH = vol.Schema({**_ITEM, **LANGUAGE_FIELD})


@callback
def async_setup_watchlist_services(hass: HomeAssistant) -> None:
    """Register the actions and the websocket command of the watchlist."""
    register = hass.services.async_register
    maybe, only = SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    register(DOMAIN, Action.WATCHLIST_ADD, _add, ADD, supports_response=maybe)
    register(DOMAIN, Action.WATCHLIST_LIST, _list, LIST, supports_response=only)
    register(DOMAIN, Action.WATCHLIST_CHOOSE, _choose, CHOOSE, supports_response=maybe)
    register(DOMAIN, Action.WATCHLIST_CHANGE, _change, CHANGE, supports_response=maybe)
    register(DOMAIN, Action.WATCHLIST_REMOVE, _remove, REMOVE)
    register(DOMAIN, Action.WATCHLIST_FETCH, _fetch, FETCH, supports_response=maybe)
    async_setup_watchlist_socket(hass)


async def _allowed(call: ServiceCall) -> Hub:
    """Return the hub, if the caller may control the list, and have things downloaded where that is asked for."""
    hub = hub_of(call.hass)
    await may_control(call.hass, call.context, "todo", f"{hub.entry.entry_id}_watchlist")
    if call.data.get(ATTR_AUTO):
        await admin(call.hass, call.context)
    return hub


def _wish(hub: Hub, said: str) -> Wish:
    found = hub.watching.named(said)
    if not found:
        raise no_such_wish(said)
    if len(found) > 1:
        raise several_such_wishes(said, [label(each) for each in found])
    return found[0]


async def _add(call: ServiceCall) -> ServiceResponse:
    """Put a title on the list, and say what became of it until the time is up."""
    hub, data = await _allowed(call), call.data
    with watchlist_errors():
        wish = await hub.watching.add(
            data[ATTR_QUERY],
            asked_by=call.context.user_id,
            kind=KINDS[data[ATTR_KIND]] if ATTR_KIND in data else None,
            year=data.get(ATTR_YEAR),
            season=data.get(ATTR_SEASON),
            episode=data.get(ATTR_EPISODE),
            minimum=MINIMA[data[ATTR_MINIMUM]],
            policy=policy_named(hub, data.get(ATTR_POLICY)),
            auto=data[ATTR_AUTO],
            wait=timedelta(seconds=data[ATTR_WAIT]),
        )
    return await _described(call, hub, wish)


async def _list(call: ServiceCall) -> ServiceResponse:
    """Return what is on the list, in the order in which it was asked for."""
    hub, wanted = hub_of(call.hass), call.data[ATTR_STATE]
    found = [each for each in hub.watching.wishes.values() if not wanted or each.state in wanted]
    return {
        "available": hub.watching.ready_to_use,
        "total": len(found),
        "more": hub.watching.others.more,  # that *arrs look for, and that are not shown
        "items": [await _described(call, hub, each) for each in found[: call.data[ATTR_LIMIT]]],
    }


async def _choose(call: ServiceCall) -> ServiceResponse:
    """Say which of the titles is meant."""
    hub, data = await _allowed(call), call.data
    wish = _wish(hub, data[ATTR_ITEM])
    if ATTR_CHOICE not in data and ATTR_IDS not in data:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="nothing_chosen",
            translation_placeholders={"title": label(wish)},
        )
    with watchlist_errors():
        wish = await hub.watching.choose(wish.id, data[ATTR_CHOICE] if ATTR_CHOICE in data else data[ATTR_IDS])
    return await _described(call, hub, wish)


async def _change(call: ServiceCall) -> ServiceResponse:
    """Change what was asked for, or how it is to be fetched."""
    hub, data = await _allowed(call), call.data
    wish, changes = _wish(hub, data[ATTR_ITEM]), {}
    if ATTR_RENAME in data:
        changes["text"] = data[ATTR_RENAME]
    if ATTR_MINIMUM in data:
        changes["minimum"] = MINIMA[data[ATTR_MINIMUM]]
    if ATTR_POLICY in data:
        changes["policy"] = policy_named(hub, data[ATTR_POLICY] or None)
    if ATTR_AUTO in data:
        changes["auto"] = data[ATTR_AUTO]
    with watchlist_errors():
        wish = await hub.watching.change(wish.id, **changes)
    return await _described(call, hub, wish)


async def _remove(call: ServiceCall) -> None:
    """Take titles off the list."""
    hub = await _allowed(call)
    wishes = [_wish(hub, each) for each in call.data[ATTR_ITEM]]
    with watchlist_errors():
        await hub.watching.remove([each.id for each in wishes])


async def _fetch(call: ServiceCall) -> ServiceResponse:
    """Have what was found downloaded, or look for it now and take the best."""
    actor, hub = await admin(call.hass, call.context), hub_of(call.hass)
    wish = _wish(hub, call.data[ATTR_ITEM])
    with watchlist_errors():
        wish = await hub.watching.fetch(wish.id, actor=actor)
    return await _described(call, hub, wish)


async def _described(call: ServiceCall, hub: Hub, wish: Wish) -> dict[str, Any]:
    policy = policies_of(hub.entry).get(wish.policy or "")
    return {
        **describe_wish(wish, dt_util.now(), words_of(call), minimum_of(hub)(wish)),
        "asked_by": await _asker(call.hass, wish),
        "policy": policy.title if policy is not None else None,
    }


async def _asker(hass: HomeAssistant, wish: Wish) -> str | None:
    """Return the name of who asked; `arr` where it was no person, and `seerr` where that doesn't tell who it was."""
    if wish.asked_by is None or wish.asked_by in {ARR, SEERR}:
        return wish.requested_by or wish.asked_by
    user = await hass.auth.async_get_user(wish.asked_by)
    return user.name if user is not None else wish.requested_by or None
