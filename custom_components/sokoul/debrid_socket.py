"""The websocket commands of Real-Debrid's mirrors: to watch a synchronisation, and to end it.

Watching is for every user, ending for administrators. Both name the account by the id of its backend.
"""

from typing import Any

from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
import voluptuous as vol

from .const import DOMAIN
from .debrid.mirror import Progress
from .debriding import AccountMirror, describe_progress

_ACCOUNT = "account_id"


@callback
def async_setup_debrid_socket(hass: HomeAssistant) -> None:
    """Register the commands."""
    websocket_api.async_register_command(hass, subscribe)
    websocket_api.async_register_command(hass, cancel)


def _mirror(
    hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]
) -> AccountMirror | None:
    """Return the mirror that is named, or say that there is none."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            mirror: AccountMirror | None = entry.runtime_data.debriding.accounts.get(msg[_ACCOUNT])
            if mirror is not None:
                return mirror
    connection.send_error(msg["id"], websocket_api.ERR_NOT_FOUND, "there is no such Real-Debrid account")
    return None


@websocket_api.websocket_command(
    {vol.Required("type"): f"{DOMAIN}/debrid/subscribe_progress", vol.Required(_ACCOUNT): str}
)
@callback
def subscribe(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Tell how far a synchronisation is, now and whenever it is farther."""
    mirror = _mirror(hass, connection, msg)
    if mirror is None:
        return

    @callback
    def tell(progress: Progress) -> None:
        connection.send_message(websocket_api.event_message(msg["id"], describe_progress(progress)))

    connection.subscriptions[msg["id"]] = mirror.add_listener(tell)
    connection.send_result(msg["id"])
    if (progress := mirror.sync.progress) is not None:
        tell(progress)


@websocket_api.websocket_command({vol.Required("type"): f"{DOMAIN}/debrid/cancel", vol.Required(_ACCOUNT): str})
@websocket_api.require_admin
@callback
def cancel(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """End the synchronisation that is under way; what it read stays."""
    mirror = _mirror(hass, connection, msg)
    if mirror is not None:
        connection.send_result(msg["id"], {"cancelled": mirror.sync.cancel()})
