"""How the database is looked after: how many copies are kept, and whether it is checked once a week."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)
import voluptuous as vol

from .housekeeping import COPIES_MOST, HousekeepingSettings
from .hub import Hub
from .store import is_postgresql

HOUSEKEEPING_MENU = ("housekeeping",)

_COPIES = NumberSelector(NumberSelectorConfig(min=0, max=COPIES_MOST, step=1, mode=NumberSelectorMode.BOX))


class HousekeepingOptions(OptionsFlow):
    """The part of the options that is about looking after the database. It counts at once."""

    async def async_step_housekeeping(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the number of copies, and whether the file is checked."""
        hub: Hub = self.config_entry.runtime_data
        if is_postgresql(hub.pilot.where):
            return self.async_abort(reason="store_on_server")
        if user_input is not None:
            hub.housekeeping.change(HousekeepingSettings(copies=int(user_input["copies"]), weekly=user_input["weekly"]))
            return self.async_create_entry(data=dict(self.config_entry.options))
        settings = hub.housekeeping.settings
        return self.async_show_form(
            step_id="housekeeping",
            data_schema=vol.Schema(
                {
                    vol.Required("copies", default=settings.copies): _COPIES,
                    vol.Required("weekly", default=settings.weekly): BooleanSelector(),
                }
            ),
            description_placeholders={"folder": str(hub.housekeeping.folder)},
            last_step=True,
        )
