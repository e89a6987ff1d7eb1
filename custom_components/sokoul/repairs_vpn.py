"""Fix flow of a download client that could be bound to its VPN's interface."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode
import voluptuous as vol

from .calls import hub_of
from .clients.errors import BackendError
from .model.journal import PERSON

if TYPE_CHECKING:
    from .guarding import ClientGuard


class BindToVpn(RepairsFlow):
    """Bind a download client to the interface of its VPN."""

    def __init__(self, subentry_id: str) -> None:
        self._subentry_id = subentry_id
        self._interfaces: tuple[str, ...] = ()

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """See what there is now, and ask."""
        del user_input  # what Home Assistant passes here is the issue, and no answer
        if (guard := self._guard()) is None:
            return self.async_abort(reason="not_loaded")
        try:
            self._interfaces = await guard.binding.candidates()
        except BackendError as error:
            return self.async_abort(reason="no_answer", description_placeholders={"detail": str(error)})
        if not self._interfaces:
            return self.async_create_entry(data={})  # it is bound by now, or the interface is gone
        return await (self.async_step_confirm() if len(self._interfaces) == 1 else self.async_step_choose())

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Bind it to the only one."""
        return await self._ask("confirm", None if user_input is None else self._interfaces[0], vol.Schema({}))

    async def async_step_choose(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Bind it to the one that is chosen."""
        names = SelectSelectorConfig(options=list(self._interfaces), mode=SelectSelectorMode.LIST)
        schema = vol.Schema({vol.Required("interface"): SelectSelector(names)})
        return await self._ask("choose", None if user_input is None else user_input["interface"], schema)

    async def _ask(self, step: str, chosen: str | None, schema: vol.Schema) -> RepairsFlowResult:
        if (guard := self._guard()) is None:
            return self.async_abort(reason="not_loaded")
        errors, detail = {}, ""
        if chosen is not None:
            try:
                await guard.binding.bind(chosen, PERSON)
            except BackendError as error:
                errors["base"], detail = "not_bound", str(error)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id=step,
            data_schema=schema,
            errors=errors,
            description_placeholders={
                "backend": guard.backend.title,
                "interface": self._interfaces[0],
                "detail": detail,
            },
            last_step=True,
        )

    def _guard(self) -> ClientGuard | None:
        with suppress(ServiceValidationError):
            return hub_of(self.hass).guarding.clients.get(self._subentry_id)
        return None
