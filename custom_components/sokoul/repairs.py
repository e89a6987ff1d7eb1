"""Fix flows of the repair issues."""

from pathlib import Path
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.components.repairs.const import FlowType
from homeassistant.config_entries import SOURCE_RECONFIGURE, SubentryFlowContext
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .bind_offer import ISSUE as ISSUE_BIND
from .connectors.base import Connection
from .connectors.registry import CONNECTORS
from .const import CONF_CONNECTION, DOMAIN
from .debrid_repairs_issues import RIVAL
from .farewell import ISSUE_LEFT_BEHIND, ISSUE_LEFT_ON_SERVER, LEFT_ON_SERVER
from .linking import ISSUE as ISSUE_LINKS
from .notify_people import ISSUE_PROMOTION, ISSUE_SUGGESTIONS
from .pilot import ISSUE as ISSUE_DATABASE
from .repairs_debrid import NobodyElse
from .repairs_healing import AnswerOffer, AnswerSuggestions, BeginAnew, LeaveOrDelete
from .repairs_links import BelieveBroken
from .repairs_vpn import BindToVpn
from .repairs_watchlist import FetchByItself
from .watchlist_question import ISSUE as ISSUE_WATCHLIST


class OpenReconfigureFlow(RepairsFlow):
    """Lead to the form in which the backend's address and credentials are changed."""

    def __init__(self, subentry_id: str) -> None:
        self._subentry_id = subentry_id

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Explain first."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Open the backend's form.

        The flow ends as not repaired, because opening a form repairs nothing: the issue goes away by itself when the
        backend answers.
        """
        entries = self.hass.config_entries.async_entries(DOMAIN)
        subentry = entries[0].subentries.get(self._subentry_id) if entries else None
        if subentry is None:
            return self.async_abort(reason="backend_removed")
        if user_input is None:
            connector = CONNECTORS[subentry.subentry_type]
            url = Connection.from_data(subentry.data[CONF_CONNECTION]).url or connector.place
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"backend": subentry.title, "url": url},
                last_step=False,
            )
        form = await self.hass.config_entries.subentries.async_init(
            (entries[0].entry_id, subentry.subentry_type),
            context=SubentryFlowContext(source=SOURCE_RECONFIGURE, subentry_id=self._subentry_id),
        )
        return self.async_abort(reason="form_opened", next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, form["flow_id"]))


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    given = data or {}
    if issue_id == ISSUE_DATABASE:
        return BeginAnew()
    if issue_id == ISSUE_LINKS:
        return BelieveBroken()
    if issue_id.startswith(RIVAL):
        return NobodyElse(issue_id.removeprefix(f"{RIVAL}_"))
    if issue_id == ISSUE_WATCHLIST:
        return FetchByItself()
    if issue_id == ISSUE_SUGGESTIONS:
        return AnswerSuggestions()
    if issue_id.startswith(f"{ISSUE_PROMOTION}_"):
        return AnswerOffer(issue_id.removeprefix(f"{ISSUE_PROMOTION}_"))
    if issue_id == ISSUE_LEFT_BEHIND:
        return LeaveOrDelete(Path(str(given.get("path"))))
    if issue_id == ISSUE_LEFT_ON_SERVER:
        return LeaveOrDelete(hass.data[LEFT_ON_SERVER])
    if issue_id.startswith(ISSUE_BIND):
        return BindToVpn(issue_id.removeprefix(ISSUE_BIND))
    return OpenReconfigureFlow(str(given.get("subentry_id")))
