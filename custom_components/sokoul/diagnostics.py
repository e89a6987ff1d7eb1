"""Diagnostics: what support needs to see, without anything that is nobody's business."""

from dataclasses import fields, is_dataclass, replace
from functools import partial
from itertools import islice
import re
from typing import Any
from urllib.parse import unquote

from homeassistant.const import CONF_API_KEY, CONF_PASSWORD, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.util import dt as dt_util
from yarl import URL

from .clients.redact import redact_data
from .const import CONF_CONNECTION, CONF_PREFERENCES, CONF_PUSH_URL
from .data import SokoulConfigEntry
from .debrid_tokens import token_store
from .entity import AnyCoordinator
from .governing import Governing
from .guarding import ClientGuard
from .healing_facts import describe_autopilot
from .history import CONF_DATABASE_URL
from .model.downloads import DownloadClientSnapshot
from .model.library import ArrSnapshot
from .rotation import VpnRotation

#: Ten thousand torrents or queue items help nobody: these many show what they look like.
EXAMPLES = 20


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: SokoulConfigEntry) -> dict[str, Any]:
    """Return everything about the hub."""
    hub = entry.runtime_data
    now = dt_util.utcnow()
    data = {
        "entry": entry.as_dict(),
        "backends": [_backend(backend) for backend in hub.backends.values()],
        "topology": _plain(hub.view.world(now).topology),
        "path_maps": _plain(hub.view.path_maps),
        "overview": _plain(hub.overview),
        "autopilot": await describe_autopilot(hass, hub.pilot),
        "governor": _governor(hub.governing),
        "vpn_guards": [_guard(guard) for guard in hub.guarding.clients.values()],
        "vpn_servers": [_servers(vpn) for vpn in hub.rotating.vpns.values()],
    }
    return await _redacted(hass, entry, data)


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: SokoulConfigEntry, device: DeviceEntry
) -> dict[str, Any]:
    """Return everything about one backend."""
    backend = entry.runtime_data.backends.get(device.config_subentry_id or "")
    if backend is None:
        return {}
    return await _redacted(hass, entry, _backend(backend))


async def _redacted(hass: HomeAssistant, entry: SokoulConfigEntry, data: dict[str, Any]) -> dict[str, Any]:
    """Search every text for every secret, which takes too long for the event loop."""
    redacted: dict[str, Any] = await hass.async_add_executor_job(
        partial(redact_data, data, secrets=_secrets(entry) | token_store(hass).secrets())
    )
    return redacted


def _secrets(entry: SokoulConfigEntry) -> frozenset[str]:
    """Return every secret of the entry, so that it is found wherever it was copied to."""
    database = entry.options.get(CONF_DATABASE_URL, "")
    passwords = re.findall(r"://[^@/]*?:([^@]*)@", database)
    found: set[str] = {database, *passwords, *map(unquote, passwords)}
    for subentry in entry.subentries.values():
        connection = subentry.data.get(CONF_CONNECTION, {})  # a policy has none
        addresses = (connection.get(CONF_URL), subentry.data.get(CONF_PREFERENCES, {}).get(CONF_PUSH_URL))
        found.update(connection.get(name, "") for name in (CONF_PASSWORD, CONF_API_KEY))
        found.update(URL(address).password or "" for address in addresses if address)
    return frozenset(found - {""})


def _guard(guard: ClientGuard) -> dict[str, Any]:
    """Return how a client stands behind its VPN and by what evidence, without the addresses of anybody's home."""
    verdict, chosen, plan = guard.verdict, guard.last_resort.chosen, guard.drilling.plan
    return {
        "id": guard.backend.subentry_id,
        "on": guard.on,
        "shelter": guard.shelter.as_json(),
        "state": str(verdict.state) if verdict is not None else None,
        "since": verdict.since if verdict is not None else None,
        "reasons": [reason.key for reason in verdict.reasons] if verdict is not None else [],
        "evidence": guard.evidence,
        "held": guard.held,
        "bound_by_us": guard.binding.bound,
        "last_resort": chosen.as_json() if chosen is not None else None,
        "drill_plan": plan.as_json() if plan is not None else None,
    }


def _governor(governing: Governing) -> dict[str, Any]:
    """Return what is demanded and by what, without the names of who asked for it."""
    return {
        "on": governing.on,
        "sources": [
            {
                "kind": str(state.source.kind),
                "steps": _plain(state.source.steps),
                "clients": sorted(state.source.clients),
                "demand": _plain(state.demand),
                "since": state.since,
                "unknown_since": state.unknown_since,
            }
            for state in governing.decision.sources.values()
        ],
    }


def _servers(vpn: VpnRotation) -> dict[str, Any]:
    """Return what is known of the servers of a VPN. What a person typed there may hold a login."""
    settings = vpn.book.settings
    return {
        "id": vpn.backend.subentry_id,
        "named_by": str(settings.named_by),
        "nightly": settings.nightly,
        "vetoes": len(settings.vetoes),
        "measure": settings.measure,
        "proxy": bool(vpn.tunnel.proxy),
        "in_use": vpn.server,
        "under_way": vpn.under_way,
        "ranking": [{"server": server, "score": score} for server, score in vpn.book.ranking()[:EXAMPLES]],
        "notes": _plain(vpn.book.notes[-EXAMPLES:]),
    }


def _backend(backend: AnyCoordinator) -> dict[str, Any]:
    return {
        "id": backend.subentry_id,
        "kind": backend.connector.kind,
        "title": backend.title,
        "answering": backend.answering,
        "unavailable_since": backend.unavailable_since,
        "last_error": str(backend.last_exception) if backend.last_exception else None,
        "interval_seconds": backend.update_interval.total_seconds() if backend.update_interval else None,
        "latency_milliseconds": backend.latency_milliseconds,
        "preferences": dict(backend.preferences),
        "snapshot": _snapshot(backend.data),
    }


def _snapshot(snapshot: Any) -> Any:
    if isinstance(snapshot, ArrSnapshot):
        examples = replace(snapshot, queue=snapshot.queue[:EXAMPLES])
        return {**_plain(examples), "queue_length": len(snapshot.queue)}
    if not isinstance(snapshot, DownloadClientSnapshot):
        return _plain(snapshot)
    return {
        "revision": snapshot.revision,
        "version": snapshot.version,
        "torrents": len(snapshot.torrents),
        "by_state": dict(snapshot.totals.by_state),
        "transfer": _plain(snapshot.transfer),
        "categories": dict(snapshot.categories),
        "tags": sorted(snapshot.tags),
        "settings": _plain(snapshot.settings),
        "examples": [_plain(torrent) for torrent in islice(snapshot.torrents.values(), EXAMPLES)],
    }


def _plain(value: Any) -> Any:
    """Return it as what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_plain(each) for each in value]
        return sorted(items, key=str) if isinstance(value, (set, frozenset)) else items
    return value
