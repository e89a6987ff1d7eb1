"""What a person is told of repairs that can't go on: another tool is at it, or Real-Debrid wants something of them."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from . import wording
from .const import DOMAIN
from .debrid.repairing import Repairer

#: Each is about one account.
RIVAL, HELD = "debrid_rival", "debrid_held"


@callback
def tell_of_account(hass: HomeAssistant, account: str, title: str, repairer: Repairer) -> None:
    """Say what stands in the way of repairs; what is over goes away by itself."""
    pause = repairer.pause
    held = pause.needs_person and pause.until is not None and pause.until > dt_util.utcnow()
    _say(hass, RIVAL, account, shown=repairer.stands_back_until is not None, fixable=True, account=title)
    words = wording.get(hass.config.language, dt_util.get_default_time_zone())
    _say(hass, HELD, account, shown=held, account=title, problem=words.text("debrid.held", problem=pause.why))


@callback
def forget_account(hass: HomeAssistant, account: str) -> None:
    """Take away what was said of an account."""
    for issue in (RIVAL, HELD):
        ir.async_delete_issue(hass, DOMAIN, f"{issue}_{account}")


def _say(hass: HomeAssistant, issue: str, about: str, *, shown: bool, fixable: bool = False, **facts: str) -> None:
    if not shown:
        ir.async_delete_issue(hass, DOMAIN, f"{issue}_{about}")
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{issue}_{about}",
        is_fixable=fixable,
        severity=ir.IssueSeverity.WARNING,
        translation_key=issue,
        translation_placeholders=facts,
    )
