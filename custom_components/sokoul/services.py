"""The actions. Every face (automations, voice, the dashboard) comes through these."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .calls import LANGUAGE_FIELD, Action, admin, backend_of, hub_of, named_among, words_of
from .const import DOMAIN
from .journal_report import sentence
from .model.downloads import ACTIVE_STATES
from .model.world import Download, is_stuck
from .report import describe_download, describe_findings, describe_topology
from .services_debrid import async_setup_debrid_services
from .services_debrid_acts import async_setup_debrid_acts
from .services_governor import async_setup_governor_services
from .services_grab import async_setup_grab_services
from .services_healing import async_setup_healing_services
from .services_links import async_setup_link_services
from .services_search import async_setup_search_services
from .services_store import async_setup_store_services
from .services_vpn import async_setup_vpn_services
from .services_watchlist import async_setup_watchlist_services
from .wording import Wording

if TYPE_CHECKING:
    from .guarding import ClientGuard

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
SYNC_PORT = REFRESH.extend(LANGUAGE_FIELD)


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, once and for as long as Home Assistant runs."""
    register = hass.services.async_register
    register(DOMAIN, Action.LIST_DOWNLOADS, _list_downloads, LIST_DOWNLOADS, supports_response=SupportsResponse.ONLY)
    register(DOMAIN, Action.REFRESH, _refresh, REFRESH)
    register(DOMAIN, Action.SYNC_PORT, _sync_port, SYNC_PORT, supports_response=SupportsResponse.OPTIONAL)
    register(DOMAIN, Action.CHECK_UP, _check_up, EXPLAIN, supports_response=SupportsResponse.ONLY)
    register(DOMAIN, Action.EXPLAIN_TOPOLOGY, _explain_topology, EXPLAIN, supports_response=SupportsResponse.ONLY)
    async_setup_healing_services(hass)
    async_setup_governor_services(hass)
    async_setup_grab_services(hass)
    async_setup_debrid_services(hass)
    async_setup_debrid_acts(hass)
    async_setup_link_services(hass)
    async_setup_vpn_services(hass)
    async_setup_store_services(hass)
    async_setup_search_services(hass)
    async_setup_watchlist_services(hass)


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
    named = [backend_of(call.hass, hub, each) for each in call.data.get(ATTR_DEVICE_ID, [])]
    await hub.refresh(named or hub.backends)


async def _check_up(call: ServiceCall) -> ServiceResponse:
    """Look at everything at once, and say what is wrong."""
    hub = hub_of(call.hass)
    await hub.refresh(hub.backends)
    return await describe_findings(hub, dt_util.utcnow(), words_of(call))


async def _explain_topology(call: ServiceCall) -> ServiceResponse:
    """Say which backend serves which, how that is known, and which folders are which."""
    hub = hub_of(call.hass)
    return describe_topology(hub, dt_util.utcnow(), words_of(call))


async def _sync_port(call: ServiceCall) -> ServiceResponse:
    """Set the forwarded ports now, also where they aren't kept, and say what came of it."""
    await admin(call.hass, call.context)
    hub, words = hub_of(call.hass), words_of(call)
    clients = {key: guard for key, guard in hub.guarding.clients.items() if guard.port.vpn is not None}
    meant = named_among(call, hub, clients, refusal="no_vpn_known") or list(clients.values())
    before = [guard.port.listening_port for guard in meant]
    await hub.refresh(guard.port.vpn.subentry_id for guard in meant if guard.port.vpn is not None)
    told = [await _sync_port_of(guard, words) for guard in meant]
    return {"clients": [{**each, "previous_port": port} for each, port in zip(told, before, strict=True)]}


async def _sync_port_of(guard: ClientGuard, words: Wording) -> dict[str, Any]:
    verdict, now = await guard.port.sync(), dt_util.utcnow()
    return {
        "client": guard.backend.title,
        "vpn": guard.port.vpn.title if guard.port.vpn is not None else None,
        "forwarded_port": verdict.port if verdict is not None else None,
        "listening_port": guard.port.listening_port,
        "in_sync": guard.port.in_sync,
        "state": str(verdict.state) if verdict is not None else None,
        "text": " ".join(sentence(reason, now, words) for reason in verdict.reasons) if verdict is not None else "",
    }
