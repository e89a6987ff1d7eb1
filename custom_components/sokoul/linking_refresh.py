"""Asking media servers to look at their libraries again, through Home Assistant's own integrations of them.

Plex has an action for that (`plex.refresh_library`, for one library by its name). Jellyfin has none, so the client of
its integration is asked. Nothing is set up here, and nothing is asked that is not loaded.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import LOGGER

if TYPE_CHECKING:
    from .hub import Hub

#: Much comes together: so long after the first of them the servers are asked once for all.
GATHER = timedelta(minutes=2)
#: They look at whole libraries: no sooner than so long after the last time.
APART = timedelta(minutes=15)
PLEX, JELLYFIN = "plex", "jellyfin"
#: What libraries of films and series are called in Plex; music and photos have no links of ours.
_KINDS = frozenset({"movie", "show"})


def media_servers(hass: HomeAssistant) -> dict[str, str]:
    """Return the servers that can be asked, by the id of their entry, with their names."""
    return {
        entry.entry_id: entry.title
        for domain in (PLEX, JELLYFIN)
        for entry in hass.config_entries.async_entries(domain, include_ignore=False, include_disabled=False)
    }


class MediaRefresh:
    """Asks the servers that a person chose, a while after something changed, and not too often."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._cancel: CALLBACK_TYPE | None = None
        self._asked_at: datetime | None = None  # the last time
        self._stopped = False

    @property
    def wanted(self) -> bool:
        """Whether a person chose any servers."""
        return bool(self._hub.linking.settings.refresh)

    @callback
    def soon(self) -> None:
        """Have the servers asked, if a person chose any, unless that is to be done already."""
        if self._cancel is None and self.wanted and not self._stopped:
            rest = timedelta() if self._asked_at is None else self._asked_at + APART - dt_util.utcnow()
            self._cancel = async_call_later(self._hub.hass, min(max(GATHER, rest), APART), self._due)

    @callback
    def stop(self) -> None:
        """Ask nobody any more."""
        self._stopped = True
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel, self._asked_at = None, dt_util.utcnow()
        self._hub.in_background(refresh(self._hub.hass, self._hub.linking.settings.refresh), "refresh of media servers")


async def refresh(hass: HomeAssistant, entry_ids: Collection[str]) -> None:
    """Ask servers now. One that can't be asked holds up no other; what it says is logged."""
    for entry_id in entry_ids:
        entry = hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            continue
        try:
            await (_plex if entry.domain == PLEX else _jellyfin)(hass, entry)
        except Exception as error:  # noqa: BLE001 -- their libraries raise what they like
            LOGGER.warning("%s could not be asked to look at its library: %s", entry.title, error)


async def _plex(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    server = entry.runtime_data.server

    def names() -> list[str]:
        return [section.title for section in server.library.sections() if section.type in _KINDS]

    for name in await hass.async_add_executor_job(names):
        data = {"server_name": server.friendly_name, "library_name": name}
        await hass.services.async_call(PLEX, "refresh_library", data, blocking=True)


async def _jellyfin(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    await hass.async_add_executor_job(entry.runtime_data.api_client.jellyfin.refresh_library)
