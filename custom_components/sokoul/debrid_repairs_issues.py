"""What a person is told of repairs that can't go on: another tool is at it, or something is wanted of them."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from . import wording
from .debrid.repairing import Repairer
from .issues import warn
from .markdown import plain
from .wording import clean

#: Each is about one account.
RIVAL, HELD, UNCHOSEN = "debrid_rival", "debrid_held", "debrid_unchosen"
#: So many torrents are named.
_MOST_NAMED = 10


@callback
def tell_of_account(hass: HomeAssistant, account: str, title: str, repairer: Repairer) -> None:
    """Say what stands in the way of repairs; what is over goes away by itself."""
    pause = repairer.pause
    held = pause.needs_person and pause.until is not None and pause.until > dt_util.utcnow()
    warn(hass, RIVAL, {"account": title} if repairer.stands_back_until else None, about=account, fixable=True)
    words = wording.get(hass.config.language, dt_util.get_default_time_zone())
    problem = words.text("debrid.held", problem=pause.why)
    warn(hass, HELD, {"account": title, "problem": problem} if held else None, about=account)
    names = [f"- {plain(clean(repair.label))}" for repair in repairer.unchosen]
    listed = "\n".join([*names[:_MOST_NAMED], *(["- …"] if len(names) > _MOST_NAMED else [])])
    warn(hass, UNCHOSEN, {"account": title, "torrents": listed} if names else None, about=account)


@callback
def forget_account(hass: HomeAssistant, account: str) -> None:
    """Take away what was said of an account."""
    for issue in (RIVAL, HELD, UNCHOSEN):
        warn(hass, issue, None, about=account)
