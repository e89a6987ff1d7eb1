"""The websocket command of the watchlist: all that is on it, and what changes from then on. For every user."""

import asyncio
from typing import Any

from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import wording
from .const import DOMAIN
from .hub import Hub
from .watchlist_minimum import minimum_of
from .watchlist_report import PerWish, describe_wish

_LANGUAGE = "language"
#: So many entries are told of in one turn of the event loop.
AT_ONCE = 100


@callback
def async_setup_watchlist_socket(hass: HomeAssistant) -> None:
    """Register the command."""
    websocket_api.async_register_command(hass, subscribe)


@websocket_api.websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/watchlist/subscribe",
        vol.Optional(_LANGUAGE): vol.In(wording.LANGUAGES),
    }
)
@callback
def subscribe(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Tell what is on the list, then what is new or changed in it, and what is gone."""
    entries = hass.config_entries.async_entries(DOMAIN)
    hub: Hub | None = next((each.runtime_data for each in entries if each.state is ConfigEntryState.LOADED), None)
    if hub is None:
        connection.send_error(msg["id"], websocket_api.ERR_NOT_FOUND, "SOKOUL is not set up")
        return
    words = wording.get(msg.get(_LANGUAGE, hass.config.language), dt_util.get_default_time_zone())
    watching, told = hub.watching, _Told()
    described = PerWish(describe_wish, besides=lambda: minimum_of(hub), at_once=AT_ONCE)
    following: list[asyncio.Handle] = []  # the next turn of the event loop, where there was too much for one

    @callback
    def tell_changes() -> None:
        rows = described.of(watching.wishes.values(), dt_util.now(), words)
        if (message := told.changes(rows, available=watching.ready_to_use)) is not None:
            connection.send_message(websocket_api.event_message(msg["id"], message))
        if described.behind and not following:
            following.append(hass.loop.call_soon(go_on))

    @callback
    def go_on() -> None:
        following.clear()
        tell_changes()

    @callback
    def leave() -> None:
        stop()
        for each in following:
            each.cancel()

    connection.send_result(msg["id"])
    stop = watching.add_listener(tell_changes)
    connection.subscriptions[msg["id"]] = leave
    tell_changes()


class _Told:
    """What one reader knows already."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] | None = None
        self._available: bool | None = None

    def changes(self, rows: dict[str, dict[str, Any]], *, available: bool) -> dict[str, Any] | None:
        """Return what is news to them; None for nothing. At first that is all there is, or the first of many."""
        before, self._rows = self._rows, rows
        was_available, self._available = self._available, available
        if before is None:
            return {"available": available, "items": list(rows.values()), "removed": []}
        changed = [row for wish_id, row in rows.items() if before.get(wish_id) != row]
        removed = [wish_id for wish_id in before if wish_id not in rows]
        if not changed and not removed and available is was_available:
            return None
        return {"available": available, "items": changed, "removed": removed}
