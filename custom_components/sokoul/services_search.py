"""The action that looks for releases of a movie or a series, and who may: everybody who is logged in."""

from datetime import timedelta

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .calls import LANGUAGE_FIELD, Action, hub_of, words_of
from .const import DOMAIN
from .search_report import describe_answer
from .search_request import HIGHEST_LIMIT, REQUEST_FIELDS, request_of
from .search_socket import async_setup_search_socket

ATTR_LIMIT = "limit"
ATTR_REFUSED = "refused"
ATTR_WAIT = "wait"
ATTR_FRESH = "fresh"

DEFAULT_LIMIT = 10
DEFAULT_WAIT = 3
#: An action that nobody waits for any more is of no use.
LONGEST_WAIT = 60
SEARCH = vol.Schema(
    {
        **REQUEST_FIELDS,
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        vol.Optional(ATTR_REFUSED, default=False): cv.boolean,
        vol.Optional(ATTR_WAIT, default=DEFAULT_WAIT): vol.All(vol.Coerce(float), vol.Range(min=0, max=LONGEST_WAIT)),
        vol.Optional(ATTR_FRESH, default=False): cv.boolean,
        **LANGUAGE_FIELD,
    }
)


@callback
def async_setup_search_services(hass: HomeAssistant) -> None:
    """Register the action and the websocket commands of the search."""
    hass.services.async_register(DOMAIN, Action.SEARCH, _search, SEARCH, supports_response=SupportsResponse.ONLY)
    async_setup_search_socket(hass)


async def _search(call: ServiceCall) -> ServiceResponse:
    """Look for a title and its releases, and answer with what is found until the time is up."""
    hub, words = hub_of(call.hass), words_of(call)
    answer = await hub.searching.search(
        request_of(hub, call.data), deadline=timedelta(seconds=call.data[ATTR_WAIT]), fresh=call.data[ATTR_FRESH]
    )
    return describe_answer(
        answer, dt_util.utcnow(), words, limit=call.data[ATTR_LIMIT], refused=call.data[ATTR_REFUSED]
    )
