"""What is set for the whole watchlist: whether it fetches by itself, and what else comes onto it. It counts at once."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector, SelectSelector, SelectSelectorConfig, SelectSelectorMode
import voluptuous as vol

from .connectors.seerr import KIND as SEERR
from .hub import Hub
from .watchlist.settings import WatchSettings

WATCHLIST_MENU = ("watchlist",)

_ASK, _YES, _NO = "ask", "yes", "no"
_AUTO: dict[str, bool | None] = {_ASK: None, _YES: True, _NO: False}
_CHOOSE = SelectSelector(
    SelectSelectorConfig(options=list(_AUTO), translation_key="watchlist_auto", mode=SelectSelectorMode.LIST)
)


class WatchlistOptions(OptionsFlow):
    """The part of the options that is about the watchlist."""

    async def async_step_watchlist(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether it fetches by itself, and whose wishes it takes over."""
        hub: Hub = self.config_entry.runtime_data
        settings = hub.watching.settings
        if user_input is not None:
            hub.watching.change_settings(
                WatchSettings(
                    auto=_AUTO[user_input["auto"]],
                    from_arrs=user_input["from_arrs"],
                    from_seerr=user_input.get("from_seerr", settings.from_seerr),
                )
            )
            return self.async_create_entry(data=dict(self.config_entry.options))
        said = next(name for name, auto in _AUTO.items() if auto is settings.auto)
        asked: dict[vol.Marker, Any] = {
            vol.Required("auto", default=said): _CHOOSE,
            vol.Required("from_arrs", default=settings.from_arrs): BooleanSelector(),
        }
        if any(each.connector.kind == SEERR for each in hub.backends.values()):  # else it would do nothing
            asked[vol.Required("from_seerr", default=settings.from_seerr)] = BooleanSelector()
        return self.async_show_form(step_id="watchlist", data_schema=vol.Schema(asked), last_step=True)
