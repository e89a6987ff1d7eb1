"""The actions. Every face (automations, voice, the dashboard) comes through these."""

from collections.abc import Callable, Iterable
from enum import StrEnum

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .calls import LANGUAGE_FIELD, Action, hub_of, words_of
from .const import DOMAIN
from .hub import Hub
from .model.downloads import ACTIVE_STATES
from .model.world import Download, is_stuck
from .report import describe_download, describe_findings, describe_topology
from .services_healing import async_setup_healing_services

ATTR_FILTER = "filter"
ATTR_LIMIT = "limit"
ATTR_SEARCH = "search"

DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 1000


class Filter(StrEnum):
    """Which downloads to list."""

    ALL = "all"
    ACTIVE = "active"
    STUCK = "stuck"
    WAITING = "waiting"
    FINISHED = "finished"


LIST_DOWNLOADS = vol.Schema(
    {
        vol.Optional(ATTR_FILTER, default=Filter.ALL): vol.Coerce(Filter),
        vol.Optional(ATTR_SEARCH, default=""): cv.string,
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        **LANGUAGE_FIELD,
    }
)
REFRESH = vol.Schema({vol.Optional(ATTR_DEVICE_ID): vol.All(cv.ensure_list, [cv.string])})
EXPLAIN = vol.Schema(LANGUAGE_FIELD)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, once and for as long as Home Assistant runs."""
    register = hass.services.async_register
    register(DOMAIN, Action.LIST_DOWNLOADS, _list_downloads, LIST_DOWNLOADS, supports_response=SupportsResponse.ONLY)
    register(DOMAIN, Action.REFRESH, _refresh, REFRESH)
    register(DOMAIN, Action.CHECK_UP, _check_up, EXPLAIN, supports_response=SupportsResponse.ONLY)
    register(DOMAIN, Action.EXPLAIN_TOPOLOGY, _explain_topology, EXPLAIN, supports_response=SupportsResponse.ONLY)
    async_setup_healing_services(hass)


async def _list_downloads(call: ServiceCall) -> ServiceResponse:
    """List downloads, joined over all backends."""
    hub, now, words = hub_of(call.hass), dt_util.utcnow(), words_of(call)
    downloads: Iterable[Download] = await hub.view.index(now)
    wanted: dict[Filter, Callable[[Download], bool]] = {
        Filter.ALL: lambda _: True,
        Filter.ACTIVE: lambda download: download.state in ACTIVE_STATES and not download.finished,
        Filter.STUCK: lambda download: is_stuck(download, now),
        Filter.WAITING: lambda download: download.waits is not None,
        Filter.FINISHED: lambda download: download.finished,
    }
    keep, search = wanted[call.data[ATTR_FILTER]], call.data[ATTR_SEARCH].casefold()
    found = [
        download
        for download in downloads
        if keep(download) and (not search or search in f"{download.label}\n{download.release}".casefold())
    ]
    # Those on their way first, the newest first.
    found.sort(key=lambda download: (download.finished, -(download.added_at.timestamp() if download.added_at else 0)))
    world = hub.view.world(now)
    return {
        "total": len(found),
        "downloads": [describe_download(each, world, now, words) for each in found[: call.data[ATTR_LIMIT]]],
    }


async def _refresh(call: ServiceCall) -> None:
    """Look at backends now."""
    hub = hub_of(call.hass)
    named = [_backend_of(call.hass, hub, each) for each in call.data.get(ATTR_DEVICE_ID, [])]
    await hub.refresh(named or hub.backends)


def _backend_of(hass: HomeAssistant, hub: Hub, device_id: str) -> str:
    """Return the backend behind a device: its own, or the one that a disk or indexer is a part of."""
    device = dr.async_get(hass).async_get(device_id)
    backend_id = getattr(device, "config_subentry_id", None)
    if backend_id not in hub.backends:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="not_a_backend", translation_placeholders={"device": device_id}
        )
    return str(backend_id)


async def _check_up(call: ServiceCall) -> ServiceResponse:
    """Look at everything at once, and say what is wrong."""
    hub = hub_of(call.hass)
    await hub.refresh(hub.backends)
    return await describe_findings(hub, dt_util.utcnow(), words_of(call))


async def _explain_topology(call: ServiceCall) -> ServiceResponse:
    """Say which backend serves which, how that is known, and which folders are which."""
    hub = hub_of(call.hass)
    return describe_topology(hub, dt_util.utcnow(), words_of(call))
