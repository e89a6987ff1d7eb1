"""Choosing who is asked about doubtful releases, and who reads names besides. It counts at once."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector, EntitySelector, EntitySelectorConfig
import voluptuous as vol

from .const import LOGGER
from .hub import Hub
from .search_judge import AI_TASK, choose, chosen
from .search_reader import NoReader

SEARCH_MENU = ("search",)


class SearchOptions(OptionsFlow):
    """The part of the options that is about searching."""

    async def async_step_search(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for an AI or none, and whether there is to be a second reader."""
        hub: Hub = self.config_entry.runtime_data
        reading, before = hub.searching.second_reading, chosen(hub)
        typed = {"second_reader": reading.wanted, **({} if before is None else {"entity": before})}
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await reading.turn(on=user_input["second_reader"])
            except NoReader as error:
                LOGGER.warning("Names are read once: %s", error)
                typed, errors = user_input, {"second_reader": "no_second_reader"}
            else:
                choose(hub, user_input.get("entity"))
                return self.async_create_entry(data=dict(self.config_entry.options))
        schema = vol.Schema(
            {
                vol.Optional("entity"): EntitySelector(EntitySelectorConfig(domain=AI_TASK)),
                vol.Required("second_reader", default=reading.wanted): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="search",
            data_schema=self.add_suggested_values_to_schema(schema, typed),
            errors=errors,
            last_step=True,
        )
