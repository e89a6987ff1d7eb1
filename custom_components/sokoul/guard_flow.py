"""What can be set of the guard of one download client, beside what shelters it. It counts at once."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
import voluptuous as vol

from .clients.errors import BackendError
from .guarding import ClientGuard
from .hub import Hub

#: Who answers in a flow: Home Assistant doesn't tell which of its administrators.
PERSON = "person"

GUARD_MENU = ["shelter"]


class GuardOptions(OptionsFlow):
    """The part of the options that is about one guard."""

    _client_id: str = ""

    async def async_step_guarded(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to set."""
        del user_input
        if (guard := self._guard) is None:
            return self.async_abort(reason="nothing_to_guard")
        named, bound = {"backend": guard.backend.title}, guard.binding.bound
        if bound is None:
            return self.async_show_menu(step_id="guarded", menu_options=GUARD_MENU, description_placeholders=named)
        named |= {"interface": bound}
        return self.async_show_menu(
            step_id="guarded_bound", menu_options=[*GUARD_MENU, "unbind"], description_placeholders=named
        )

    async def async_step_guarded_bound(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask the same of a client that was bound."""
        return await self.async_step_guarded(user_input)

    async def async_step_unbind(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take the binding back."""
        guard = self._guard
        if guard is None or guard.binding.bound is None:
            return self.async_abort(reason="nothing_to_guard")
        errors, detail = {}, ""
        if user_input is not None:
            try:
                await guard.binding.unbind(PERSON)
            except BackendError as error:
                errors["base"], detail = "not_unbound", str(error)
            else:
                return self._set()
        return self.async_show_form(
            step_id="unbind",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders={
                "backend": guard.backend.title,
                "interface": guard.binding.bound or "",
                "detail": detail,
            },
            last_step=True,
        )

    def _set(self) -> ConfigFlowResult:
        return self.async_create_entry(data=dict(self.config_entry.options))

    @property
    def _guard(self) -> ClientGuard | None:
        """The guard that is being set; None: its client was removed meanwhile."""
        hub: Hub = self.config_entry.runtime_data
        return hub.guarding.clients.get(self._client_id)
