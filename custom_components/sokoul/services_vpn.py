"""The actions about the servers of VPNs: to change one, and to say what is known of them."""

import asyncio
from datetime import datetime
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .calls import LANGUAGE_FIELD, Action, admin, hub_of, named_among, words_of
from .const import DOMAIN
from .journal_report import sentence
from .rotation import Ended, VpnRotation
from .rotation_notes import Note
from .wording import Wording

ATTR_SERVER = "server"

_VPNS = {vol.Optional(ATTR_DEVICE_ID): vol.All(cv.ensure_list, [cv.string])}
_NAME = vol.All(cv.string, vol.Strip, vol.Length(min=1, max=255))

ROTATE_VPN = vol.Schema({**_VPNS, vol.Optional(ATTR_SERVER): _NAME, **LANGUAGE_FIELD})
GET_VPN_SERVERS = vol.Schema(_VPNS)


@callback
def async_setup_vpn_services(hass: HomeAssistant) -> None:
    """Register the actions about the servers of VPNs."""
    register = hass.services.async_register
    register(DOMAIN, Action.ROTATE_VPN, _rotate_vpn, ROTATE_VPN, supports_response=SupportsResponse.OPTIONAL)
    register(DOMAIN, Action.GET_VPN_SERVERS, _get_vpn_servers, GET_VPN_SERVERS, supports_response=SupportsResponse.ONLY)


def _vpns(call: ServiceCall) -> list[VpnRotation]:
    """Return the VPNs that are meant: those that are named, or all that servers were chosen for."""
    hub = hub_of(call.hass)
    vpns = hub.rotating.vpns
    meant = named_among(call, hub, vpns, refusal="not_a_vpn") or [
        vpn for vpn in vpns.values() if vpn.book.settings.servers
    ]
    if not meant:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_vpn_servers")
    return meant


async def _rotate_vpn(call: ServiceCall) -> ServiceResponse:
    """Change the servers of VPNs, and wait until each change has come to its end: that takes minutes at worst."""
    actor = await admin(call.hass, call.context)
    vpns, words = _vpns(call), words_of(call)
    changes = (_change(vpn, actor, call.data.get(ATTR_SERVER)) for vpn in vpns)
    ended = await asyncio.gather(*changes, return_exceptions=True)  # one that can't holds up no other
    for result in ended:
        if isinstance(result, BaseException):
            raise result
    told: list[Any] = [
        _describe_end(vpn, end, words) for vpn, end in zip(vpns, ended, strict=True) if isinstance(end, Ended)
    ]
    return {"vpns": told}


async def _change(vpn: VpnRotation, actor: str, server: str | None) -> Ended:
    end = await vpn.change(actor, server)
    await asyncio.wait({end})  # who stops waiting doesn't stop the change
    if end.cancelled():
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_loaded")
    return end.result()


def _describe_end(vpn: VpnRotation, end: Ended, words: Wording) -> dict[str, Any]:
    now = dt_util.utcnow()
    return {
        "vpn": vpn.backend.title,
        "outcome": end.outcome,
        "server": end.server,
        "previous_server": end.previous,
        "tried": list(end.tried),
        "text": " ".join(sentence(reason, now, words) for reason in end.reasons),
    }


async def _get_vpn_servers(call: ServiceCall) -> ServiceResponse:
    """Say which servers there are, how good they are, and what happened with them lately."""
    return {"vpns": [_describe(vpn) for vpn in _vpns(call)]}


def _describe(vpn: VpnRotation) -> dict[str, Any]:
    return {
        "vpn": vpn.backend.title,
        "server": vpn.server,
        "changing": vpn.under_way,
        "ranking": [_describe_server(vpn, server, score) for server, score in vpn.book.ranking()],
        "history": [_describe_note(note) for note in vpn.book.notes],
    }


def _describe_server(vpn: VpnRotation, server: str, score: float) -> dict[str, Any]:
    record = vpn.book.records.get(server)
    return {
        "server": server,
        "score": round(score * 100),
        "works_percent": None if record is None else round(record.works.value * 100),
        "latency_ms": None if record is None or not record.latency.weight else round(record.latency.value * 1000),
        "bytes_per_second": None if record is None or not record.speed.weight else round(record.speed.value),
        "last_used": _text(None if record is None else record.at),
        "last_failed": _text(None if record is None else record.failed_at),
    }


def _describe_note(note: Note) -> dict[str, Any]:
    return {
        "at": _text(note.at),
        "server": note.server,
        "event": note.event,
        "latency_ms": None if note.latency_seconds is None else round(note.latency_seconds * 1000),
        "bytes_per_second": None if note.bytes_per_second is None else round(note.bytes_per_second),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
