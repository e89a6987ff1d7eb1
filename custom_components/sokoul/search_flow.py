"""Choosing who gives a second opinion on doubtful releases. It counts at once."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import EntitySelector, EntitySelectorConfig
import voluptuous as vol

from .hub import Hub
from .search_judge import AI_TASK, choose, chosen

SEARCH_MENU = ("search",)


class SearchOptions(OptionsFlow):
    """The part of the options that is about searching."""

    async def async_step_search(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for an AI, or for none."""
        hub: Hub = self.config_entry.runtime_data
        if user_input is not None:
            choose(hub, user_input.get("entity"))
            return self.async_create_entry(data=dict(self.config_entry.options))
        schema = vol.Schema({vol.Optional("entity"): EntitySelector(EntitySelectorConfig(domain=AI_TASK))})
        before = chosen(hub)
        return self.async_show_form(
            step_id="search",
            data_schema=self.add_suggested_values_to_schema(schema, {} if before is None else {"entity": before}),
            last_step=True,
        )
