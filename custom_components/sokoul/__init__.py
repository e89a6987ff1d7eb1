"""SOKOUL: the media stack that runs itself, inside Home Assistant."""

import asyncio

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from . import wording
from .connectors.base import Connection
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, DOMAIN, PLATFORMS
from .data import SokoulConfigEntry
from .entity import part_devices
from .farewell import take_leave
from .hub import Hub
from .memory import HubMemory
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, which exist whether or not an entry is loaded."""
    del config
    await hass.async_add_executor_job(wording.load_all)
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Start the hub. No backend can make this fail or slow."""
    entry.runtime_data = hub = Hub(hass, entry)
    await hub.start()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(entry.add_update_listener(_entry_changed))


async def _entry_changed(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Apply what changed to the backends that it concerns; nothing is reloaded."""
    del hass
    entry.runtime_data.apply_subentries()


async def async_unload_entry(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Stop the hub."""
    await hass.config_entries.async_unload_platforms_or_raise(entry, PLATFORMS)
    await entry.runtime_data.stop()


async def async_remove_entry(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Take back what was changed at the backends, and forget what was remembered."""
    memory = HubMemory(hass, entry.entry_id)
    await memory.load()
    await asyncio.gather(
        *(
            take_leave(
                hass,
                connector,
                Connection.from_data(subentry.data[CONF_CONNECTION]),
                subentry.title,
                memory.of_backend(subentry.subentry_id),
            )
            for subentry in entry.subentries.values()
            if (connector := CONNECTORS.get(subentry.subentry_type)) is not None
        )
    )
    await memory.remove()


async def async_remove_config_entry_device(hass: HomeAssistant, entry: SokoulConfigEntry, device: DeviceEntry) -> bool:
    """Let a person remove the device of something that is gone; what is there would only come back."""
    del hass
    if entry.state is not ConfigEntryState.LOADED:
        return False  # nobody knows now what is there
    present = {entry.entry_id, *entry.runtime_data.backends}
    for backend in entry.runtime_data.backends.values():
        present.update(part_devices(backend))
    return not any(domain == DOMAIN and identifier in present for domain, identifier in device.identifiers)
