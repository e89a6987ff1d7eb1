"""Fix flow of the question that is asked once: whether what is on the watchlist is to be fetched by itself."""

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.exceptions import ServiceValidationError
import voluptuous as vol

from . import markdown
from .calls import hub_of
from .watchlist_question import asking, offered
from .watchlist_report import label
from .wording import clean

if TYPE_CHECKING:
    from .hub import Hub

#: So many of those that wait are shown.
MOST_SHOWN = 20


class FetchByItself(RepairsFlow):
    """Say yes or no for the whole list, or have a look first at what waits."""

    @property
    def _hub(self) -> Hub | None:
        with suppress(ServiceValidationError):
            return hub_of(self.hass)
        return None

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask."""
        if (hub := self._hub) is None:
            return self.async_abort(reason="not_loaded")
        if not (waiting := asking(hub)):
            return self.async_create_entry(data={})  # it was answered elsewhere
        return self.async_show_menu(
            step_id="init",
            menu_options=["yes", "no", "show"],
            description_placeholders={"title": markdown.plain(label(waiting[0])), "count": str(len(waiting))},
        )

    async def async_step_show(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show what waits, and what was found of it, and ask again."""
        if user_input is not None or (hub := self._hub) is None:
            return await self.async_step_init()
        lines = [
            f"- **{markdown.plain(label(each))}**"
            + (f": {markdown.plain(clean(release))}" if (release := offered(each)) else "")
            for each in asking(hub)[:MOST_SHOWN]
        ]
        return self.async_show_form(
            step_id="show",
            data_schema=vol.Schema({}),
            description_placeholders={"found": "\n".join(lines)},
            last_step=False,
        )

    async def async_step_yes(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Fetch what was found, and from now on what will be."""
        return self._answer(auto=True)

    async def async_step_no(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Offer only: a person has each of them fetched."""
        return self._answer(auto=False)

    def _answer(self, *, auto: bool) -> RepairsFlowResult:
        if (hub := self._hub) is None:
            return self.async_abort(reason="not_loaded")
        hub.watching.change_settings(replace(hub.watching.settings, auto=auto))
        return self.async_create_entry(data={})
