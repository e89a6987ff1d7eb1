"""Home Assistant's backups: they copy the file of the store, which has to be whole and left alone meanwhile."""

from homeassistant.core import HomeAssistant

from .const import DOMAIN, LOGGER
from .store import Store, StoreError


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Keep the file of the store as it is. A store in trouble is no reason to have no backup."""
    for store in _stores(hass):
        try:
            await store.hold()
        except StoreError as error:
            LOGGER.warning("The history may not be whole in this backup: %s", error)


async def async_post_backup(hass: HomeAssistant) -> None:
    """Write again."""
    for store in _stores(hass):
        if not store.release():
            LOGGER.warning("The history was written to during this backup, in which it may not be whole")


def _stores(hass: HomeAssistant) -> list[Store]:
    """Return the stores that are open: without an entry, or without history, there is none."""
    hubs = (entry.runtime_data for entry in hass.config_entries.async_loaded_entries(DOMAIN))
    stores = (getattr(getattr(hub, "pilot", None), "store", None) for hub in hubs)
    return [store for store in stores if isinstance(store, Store)]
