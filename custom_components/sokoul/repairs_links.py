"""Fix flow of links that broke in great numbers: a person says that they really are broken."""

from contextlib import suppress
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import voluptuous as vol

from .calls import hub_of
from .const import DOMAIN
from .debrid.checking import ScanMode
from .linking import ISSUE
from .linking_repairs import NotReadyError


class BelieveBroken(RepairsFlow):
    """Believe what was found, and have repaired what may be repaired: so many as the person was shown."""

    def __init__(self) -> None:
        """Have shown nothing yet."""
        self._shown = 0

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask."""
        del user_input  # what Home Assistant passes here is the issue, and no answer
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Check once more, and believe it."""
        if user_input is not None:
            with suppress(ServiceValidationError, NotReadyError):
                hub_of(self.hass).linking.begin(ScanMode.QUICK, accepted=True, at_most=self._shown)
                return self.async_create_entry(data={})
            return self.async_abort(reason="not_loaded")
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, ISSUE)
        told = (issue.translation_placeholders if issue is not None else None) or {}
        self._shown = int(told.get("count", 0))
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            description_placeholders=told,
            last_step=True,
        )
