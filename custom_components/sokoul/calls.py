"""What all actions have in common: the hub that they are about, who calls, and in which language to answer."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import wording
from .const import DOMAIN
from .model.journal import AUTOMATION

if TYPE_CHECKING:
    from .hub import Hub

ATTR_LANGUAGE = "language"
LANGUAGE_FIELD: dict[vol.Optional, Any] = {vol.Optional(ATTR_LANGUAGE): vol.In(wording.LANGUAGES)}


class Action(StrEnum):
    """The actions by name."""

    APPROVE = "approve"
    CHECK_UP = "check_up"
    DEBRID_ADD = "debrid_add"
    DEBRID_CLEAR = "debrid_clear"
    DEBRID_DELETE = "debrid_delete"
    DEBRID_DIAGNOSE = "debrid_diagnose"
    DEBRID_EXPORT = "debrid_export"
    DEBRID_IMPORT = "debrid_import"
    DEBRID_LIST = "debrid_list"
    DEBRID_REPAIR = "debrid_repair"
    DEBRID_STATS = "debrid_stats"
    DEBRID_SYNC = "debrid_sync"
    DEBRID_UNRESTRICT = "debrid_unrestrict"
    EXPLAIN = "explain"
    EXPLAIN_TOPOLOGY = "explain_topology"
    GET_JOURNAL = "get_journal"
    GET_VPN_SERVERS = "get_vpn_servers"
    GRAB = "grab"
    HEAL = "heal"
    LIMIT = "limit"
    LINKS_LIST = "links_list"
    LINKS_REPAIR = "links_repair"
    LINKS_SCAN = "links_scan"
    LIST_DOWNLOADS = "list_downloads"
    PAUSE = "pause"
    PROTECT = "protect"
    REFRESH = "refresh"
    REJECT = "reject"
    RELEASE_LIMIT = "release_limit"
    RESUME = "resume"
    ROTATE_VPN = "rotate_vpn"
    SEARCH = "search"
    STORE_MAINTAIN = "store_maintain"
    SYNC_PORT = "sync_port"
    UNDO = "undo"
    WATCHLIST_ADD = "watchlist_add"
    WATCHLIST_CHANGE = "watchlist_change"
    WATCHLIST_CHOOSE = "watchlist_choose"
    WATCHLIST_FETCH = "watchlist_fetch"
    WATCHLIST_LIST = "watchlist_list"
    WATCHLIST_REMOVE = "watchlist_remove"


def hub_of(hass: HomeAssistant) -> Hub:
    """Return the one hub, or say that there is none."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            hub: Hub = entry.runtime_data
            return hub
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_loaded")


def backend_of(hass: HomeAssistant, hub: Hub, device_id: str) -> str:
    """Return the backend behind a device: its own, or the one that a disk or indexer is a part of."""
    device = dr.async_get(hass).async_get(device_id)
    backend_id = getattr(device, "config_subentry_id", None)
    if backend_id not in hub.backends:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="not_a_backend", translation_placeholders={"device": device_id}
        )
    return str(backend_id)


def named_among[T](call: ServiceCall, hub: Hub, known: Mapping[str, T], *, refusal: str) -> list[T]:
    """Return those of `known`, by the ids of their backends, whose devices are named; nothing where none is.

    Raises `ServiceValidationError` (`refusal` is the key of its text) for a backend that is none of them.
    """
    named = dict.fromkeys(backend_of(call.hass, hub, each) for each in call.data.get(ATTR_DEVICE_ID, []))
    for each in named:
        if each not in known:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key=refusal,
                translation_placeholders={"backend": hub.backends[each].title},
            )
    return [known[each] for each in named]


class _Account(Protocol):
    @property
    def title(self) -> str: ...


def account_of[A: _Account](call: ServiceCall, accounts: Mapping[str, A]) -> A:
    """Return which of the debrid accounts, by their ids, is meant: the one whose device is named, or the only one."""
    if not accounts:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_debrid_account")
    if ATTR_DEVICE_ID in call.data:
        hub = hub_of(call.hass)
        named = backend_of(call.hass, hub, call.data[ATTR_DEVICE_ID])
        if named not in accounts:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="not_a_debrid_account",
                translation_placeholders={"backend": hub.backends[named].title},
            )
        return accounts[named]
    if len(accounts) > 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="which_debrid_account",
            translation_placeholders={"names": ", ".join(sorted(each.title for each in accounts.values()))},
        )
    return next(iter(accounts.values()))


def words_of(call: ServiceCall) -> wording.Wording:
    """Return the texts in the language that was asked for, or in that of Home Assistant."""
    return wording.get(call.data.get(ATTR_LANGUAGE, call.hass.config.language), dt_util.get_default_time_zone())


async def admin(hass: HomeAssistant, context: Context) -> str:
    """Return who acts: an administrator by their id, or an automation, which runs without a user. Refuse others."""
    if context.user_id is None:
        return AUTOMATION
    user = await _user(hass, context, context.user_id)
    if not user.is_admin:
        raise Unauthorized(context=context, permission=POLICY_CONTROL, user_id=context.user_id)
    return user.id


async def may_control(hass: HomeAssistant, context: Context, platform: str, unique_id: str) -> None:
    """Refuse whoever may not control an entity; automations, which run without a user, and administrators may."""
    if context.user_id is None:
        return
    user = await _user(hass, context, context.user_id)
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    if user.is_admin or (entity_id is not None and user.permissions.check_entity(entity_id, POLICY_CONTROL)):
        return
    raise Unauthorized(context=context, permission=POLICY_CONTROL, user_id=context.user_id, entity_id=entity_id)


async def _user(hass: HomeAssistant, context: Context, user_id: str) -> User:
    user = await hass.auth.async_get_user(user_id)
    if user is None:
        raise UnknownUser(context=context, permission=POLICY_CONTROL, user_id=user_id)
    return user


async def readable(hass: HomeAssistant, path: str) -> Path:
    """Return the path of a file that may be read: right in the configuration folder, or where Home Assistant allows it.

    Raises `ServiceValidationError`.
    """

    def may_be_read() -> bool:
        try:
            home, folder = Path(hass.config.config_dir).resolve(), Path(path).resolve().parent
            return folder == home or hass.config.is_allowed_path(path)
        except OSError, ValueError:  # it is none
            return False

    if not await hass.async_add_executor_job(may_be_read):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="path_not_allowed", translation_placeholders={"path": path}
        )
    return Path(path)
