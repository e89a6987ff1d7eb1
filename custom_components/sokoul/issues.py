"""What is said in Home Assistant's repairs as long as it is so."""

from collections.abc import Mapping

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


@callback
def warn(
    hass: HomeAssistant, key: str, facts: Mapping[str, str] | None, *, about: str = "", fixable: bool = False
) -> None:
    """Warn of something, with the facts that its text names; None: it is not so, or not any more.

    `key` is that of its texts, and its id; `about` tells those of several of a kind apart.
    """
    issue_id = f"{key}_{about}" if about else key
    if facts is None:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=fixable,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders=dict(facts) or None,
    )
