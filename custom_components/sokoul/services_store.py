"""The action that looks after the database."""

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from .calls import Action, admin, hub_of
from .const import DOMAIN
from .housekeeping import Work
from .store import OnServer, StoreError

ATTR_CONFIRM = "confirm"
ATTR_WHAT = "what"

MAINTAIN = vol.Schema(
    {vol.Required(ATTR_WHAT): vol.Coerce(Work), vol.Optional(ATTR_CONFIRM, default=False): cv.boolean}
)


@callback
def async_setup_store_services(hass: HomeAssistant) -> None:
    """Register the action."""
    hass.services.async_register(
        DOMAIN, Action.STORE_MAINTAIN, _maintain, MAINTAIN, supports_response=SupportsResponse.OPTIONAL
    )


async def _maintain(call: ServiceCall) -> ServiceResponse:
    """Check the database, make it smaller, copy it, or begin with an empty one."""
    await admin(call.hass, call.context)
    hub, work = hub_of(call.hass), call.data[ATTR_WHAT]
    if work is Work.REBUILD and not call.data[ATTR_CONFIRM]:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="rebuild_not_confirmed")
    if (store := hub.pilot.store) is None:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="autopilot_off")
    try:
        return await hub.housekeeping.do(work, store)
    except OnServer as error:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="store_on_server") from error
    except (StoreError, OSError) as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error
