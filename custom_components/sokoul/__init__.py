"""SOKOUL: the media stack that runs itself, inside Home Assistant."""

import asyncio
from pathlib import Path

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv, issue_registry as ir
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from . import search_reader, store, wording
from .connectors.base import Connection
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, DOMAIN, LOGGER, PLATFORMS
from .data import SokoulConfigEntry
from .debrid_tokens import token_store
from .entity import part_devices
from .farewell import Reach, connecting, offer_to_delete, release_quarantine, take_back_offers, take_leave
from .hands import HubHands
from .history import open_history
from .hub import Hub
from .pilot import ISSUE as ISSUE_DATABASE, ISSUE_SETTINGS
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
    take_back_offers(hass)
    entry.runtime_data = hub = Hub(hass, entry)
    await hub.start()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(entry.add_update_listener(_entry_changed))


async def _entry_changed(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Apply what changed to the backends that it concerns; nothing is reloaded."""
    hub = entry.runtime_data
    gone = [backend for backend_id, backend in hub.backends.items() if backend_id not in entry.subentries]
    if gone and hub.pilot.running:
        reach = connecting(hass, ((each.subentry_id, each.connector, each.connection, each.title) for each in gone))
        ids = [each.subentry_id for each in gone]
        hub.in_background(
            release_quarantine(hub.pilot.kernel.journal, reach, dt_util.utcnow(), ids), "release from quarantine"
        )
    hub.apply_subentries()
    hub.watching.consider_anew()
    if hub.pilot.where != hub.pilot.opened:
        hub.in_background(hub.pilot.change_database(), "change of the database")


async def async_unload_entry(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Stop the hub. When it is disabled, nothing stays set aside: nobody would be there to take it back."""
    await hass.config_entries.async_unload_platforms_or_raise(entry, PLATFORMS)
    hub = entry.runtime_data
    if entry.disabled_by is not None and hub.pilot.running:
        await hub.pilot.rest()
        hands = HubHands(hub)
        await release_quarantine(
            hub.pilot.kernel.journal,
            lambda client_id: (hands.torrents(client_id), hands.title(client_id)),
            dt_util.utcnow(),
        )
        await hub.pilot.people.leave()
    await hub.stop()
    hub.debrid_issues.clear()
    for issue in (ISSUE_DATABASE, ISSUE_SETTINGS):  # only now: what comes to its end may have made them
        ir.async_delete_issue(hass, DOMAIN, issue)


async def async_remove_entry(hass: HomeAssistant, entry: SokoulConfigEntry) -> None:
    """Take back what was changed at the backends, and forget what was remembered."""
    hub = Hub(hass, entry)  # not at work any more: it knows where everything is
    await hub.memory.load()
    backends = [
        (subentry_id, connector, Connection.from_data(subentry.data[CONF_CONNECTION]), subentry.title)
        for subentry_id, subentry in entry.subentries.items()
        if (connector := CONNECTORS.get(subentry.subentry_type)) is not None
    ]
    await _leave_healing(hass, hub, connecting(hass, backends))
    await asyncio.gather(
        *(
            take_leave(hass, connector, connection, title, hub.memory.of_backend(backend_id))
            for backend_id, connector, connection, title in backends
        )
    )
    await hub.memory.remove()
    await search_reader.forget(hass)
    await token_store(hass).clear()


async def _leave_healing(hass: HomeAssistant, hub: Hub, reach: Reach) -> None:
    """Put back what was set aside, and ask what is to become of the history."""
    where, path = hub.pilot.where, hub.pilot.path
    left = await hass.async_add_executor_job(path.exists)
    if not store.is_postgresql(where) and not left:
        return
    try:
        opened = await open_history(hass, where)
        await release_quarantine(opened.journal, reach, dt_util.utcnow())
        await opened.close()
        if not isinstance(where, Path):
            await offer_to_delete(hass, where)
    except store.StoreError as error:
        LOGGER.warning("Whether SOKOUL had set something aside is not known: %s", error)
    await hub.pilot.people.leave()
    if left:
        await offer_to_delete(hass, path)


async def async_remove_config_entry_device(hass: HomeAssistant, entry: SokoulConfigEntry, device: DeviceEntry) -> bool:
    """Let a person remove the device of something that is gone; what is there would only come back."""
    del hass
    if entry.state is not ConfigEntryState.LOADED:
        return False  # nobody knows now what is there
    present = {entry.entry_id, *entry.runtime_data.backends}
    for backend in entry.runtime_data.backends.values():
        present.update(part_devices(backend))
    return not any(domain == DOMAIN and identifier in present for domain, identifier in device.identifiers)
