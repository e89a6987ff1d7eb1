"""System health: one line a backend."""

from typing import Any

from homeassistant.components import system_health
from homeassistant.core import HomeAssistant, callback

from . import wording
from .const import DOMAIN
from .healing_facts import database_kind, database_size


@callback
def async_register(hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the information."""
    del hass
    register.async_register_info(system_health_info)


async def system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return how many backends answer, what version each has, and how much there is."""
    entries = hass.config_entries.async_loaded_entries(DOMAIN)
    if not entries:
        return {}
    hub = entries[0].runtime_data
    answering = [backend for backend in hub.backends.values() if backend.answering]
    info: dict[str, Any] = {
        "backends": len(hub.backends),
        "backends_answering": len(answering),
        "webhooks_seen": sum(hub.push.seen(backend_id) for backend_id in hub.backends),
    }
    if hub.overview is not None:
        info["torrents"] = hub.overview.counts.total
    if hub.pilot.running:
        words = wording.get(hass.config.language)
        size = await database_size(hass, hub.pilot)
        info["history"] = ", ".join([database_kind(hub.pilot), *([] if size is None else [words.size(size)])])
    return info
