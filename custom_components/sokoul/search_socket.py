"""The websocket command of the search: what is found, as it is found. For every user; leaving ends the search."""

from typing import Any

from homeassistant.components import websocket_api
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import voluptuous as vol

from . import wording
from .acquire.ports import SearchAnswer
from .const import DOMAIN
from .hub import Hub
from .search_report import describe_answer
from .search_request import HIGHEST_LIMIT, REQUEST_FIELDS, request_of

_LIMIT = "limit"
_FRESH = "fresh"
_LANGUAGE = "language"


@callback
def async_setup_search_socket(hass: HomeAssistant) -> None:
    """Register the command."""
    websocket_api.async_register_command(hass, start)


@websocket_api.websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/search/start",
        **REQUEST_FIELDS,
        vol.Optional(_LIMIT, default=50): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        vol.Optional(_FRESH, default=False): bool,
        vol.Optional(_LANGUAGE): vol.In(wording.LANGUAGES),
    }
)
@callback
def start(hass: HomeAssistant, connection: websocket_api.ActiveConnection, msg: dict[str, Any]) -> None:
    """Look for something, and tell all that is known of it whenever more is; what is refused, too."""
    entries = hass.config_entries.async_entries(DOMAIN)
    hub: Hub | None = next((each.runtime_data for each in entries if each.state is ConfigEntryState.LOADED), None)
    if hub is None:
        connection.send_error(msg["id"], websocket_api.ERR_NOT_FOUND, "SOKOUL is not set up")
        return
    try:
        request = request_of(hub, msg)
    except ServiceValidationError as error:
        connection.send_error(msg["id"], websocket_api.ERR_INVALID_FORMAT, str(error))
        return
    words = wording.get(msg.get(_LANGUAGE, hass.config.language), dt_util.get_default_time_zone())

    @callback
    def tell(answer: SearchAnswer) -> None:
        told = describe_answer(answer, dt_util.utcnow(), words, limit=msg[_LIMIT], refused=True)
        connection.send_message(websocket_api.event_message(msg["id"], told))

    connection.send_result(msg["id"])
    connection.subscriptions[msg["id"]] = hub.searching.watch(request, tell, fresh=msg[_FRESH])
