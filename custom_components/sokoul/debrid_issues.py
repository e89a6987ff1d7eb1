"""The repair issues of Real-Debrid accounts: what their owner has to see to. They come and go by themselves."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from . import wording
from .connectors.real_debrid import KIND
from .const import DOMAIN
from .model.debrid import DebridSnapshot

if TYPE_CHECKING:
    from .hub import Hub

#: Said so long before the end, and once more to who has ignored it.
SOON, AT_LAST = timedelta(days=7), timedelta(days=1)


class Trouble(StrEnum):
    """What is wrong with an account: the keys of the issues' texts."""

    ENDS_SOON = "debrid_ends_soon"
    ENDS_TOMORROW = "debrid_ends_tomorrow"
    ENDED = "debrid_ended"
    TRAFFIC = "debrid_traffic"


#: What it is about: until when it is paid for, and the hosters that give nothing more.
type About = tuple[datetime | None, tuple[str, ...]]

_SEVERITY = {Trouble.ENDED: ir.IssueSeverity.ERROR}


def troubles(account: DebridSnapshot, now: datetime) -> dict[Trouble, About]:
    """Return what is wrong with an account, as it was last read."""
    found: dict[Trouble, About] = {}
    until = account.account.premium_until
    if not account.account.premium or (until is not None and until <= now):
        found[Trouble.ENDED] = (None, ())
    elif until is not None and until - now <= SOON:
        found[Trouble.ENDS_TOMORROW if until - now <= AT_LAST else Trouble.ENDS_SOON] = (until, ())
    if exhausted := sorted(each.host for each in account.traffic if each.limit > 0 and each.left <= 0):
        found[Trouble.TRAFFIC] = (None, tuple(exhausted))
    return found


class DebridIssues:
    """Keeps the issues of all accounts true. An account that is away is judged by what it last said."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told: dict[str, dict[Trouble, About]] = {}  # by account; of which there is none, anything may be told
        self._leave: CALLBACK_TYPE | None = None

    @callback
    def start(self) -> None:
        """Look whenever a backend was read, and now and then."""
        self._leave = self._hub.add_listener(self._look)
        self._look()

    @callback
    def stop(self) -> None:
        """Look no more. What is told stays: at the end of Home Assistant, what was ignored has to stay ignored."""
        if self._leave is not None:
            self._leave()
            self._leave = None

    @callback
    def clear(self) -> None:
        """Take back what was told: nobody will look any more."""
        for account in self._told:
            self._tell(account, "", {})
        self._told.clear()

    @callback
    def _look(self) -> None:
        now = dt_util.utcnow()
        for account in self._told.keys() - self._hub.backends.keys():
            self._tell(account, "", {})
            del self._told[account]
        for account, backend in self._hub.backends.items():
            if backend.connector.kind != KIND or backend.data is None:
                continue
            found = troubles(backend.data, now)
            if found != self._told.get(account):
                self._tell(account, backend.title, found)
                self._told[account] = found

    @callback
    def _tell(self, account: str, title: str, found: dict[Trouble, About]) -> None:
        hass = self._hub.hass
        words = wording.get(hass.config.language, dt_util.get_default_time_zone())
        for trouble in Trouble:
            if trouble not in found:
                ir.async_delete_issue(hass, DOMAIN, issue_id(trouble, account))
                continue
            until, hosts = found[trouble]
            placeholders = {"account": title}
            if until is not None:
                placeholders |= {"when": words.text("debrid.ends", on=until, at=until)}
            if hosts:
                placeholders |= {"hosts": words.text("debrid.hosts", hosts=hosts)}
            ir.async_create_issue(
                hass,
                DOMAIN,
                issue_id(trouble, account),
                is_fixable=False,
                severity=_SEVERITY.get(trouble, ir.IssueSeverity.WARNING),
                translation_key=trouble,
                translation_placeholders=placeholders,
            )


def issue_id(trouble: Trouble, account: str) -> str:
    """Return the id of an account's issue."""
    return f"{trouble}_{account}"
