"""Fix flow of an account that another tool seems to repair: a person says that none does."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.exceptions import ServiceValidationError
import voluptuous as vol

from .calls import hub_of
from .debrid_repairs import AccountRepairs
from .store import StoreError


class NobodyElse(RepairsFlow):
    """Let SOKOUL repair the account again."""

    def __init__(self, account: str) -> None:
        """Be about one account."""
        self._account = account

    @property
    def _repairs(self) -> AccountRepairs | None:
        try:
            return hub_of(self.hass).debrid_repairs.account(self._account)
        except ServiceValidationError:
            return None

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask."""
        del user_input  # what Home Assistant passes here is the issue, and no answer
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Go on."""
        if (repairs := self._repairs) is None:
            return self.async_abort(reason="not_loaded")
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"account": repairs.title},
                last_step=True,
            )
        try:
            await repairs.nobody_else()
        except StoreError as error:
            return self.async_abort(reason="store_failed", description_placeholders={"detail": str(error)})
        return self.async_create_entry(data={})
