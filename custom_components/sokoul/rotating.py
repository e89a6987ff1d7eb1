"""The servers of all VPNs, in Home Assistant: changed for a person, or at night while nothing is going on.

The guards of the clients behind a VPN stay in force all the while, and nothing is begun while one of them has closed.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_change
from homeassistant.util import dt as dt_util

from . import wording
from .autopilot.guards.vpn_types import Containment
from .const import DOMAIN, LOGGER
from .model.backend import VPN_KINDS
from .model.journal import AUTOPILOT, JournalEntry
from .rotation import HinderedError, VpnRotation
from .rotation_notes import NIGHT_KEY

if TYPE_CHECKING:
    from .guarding import ClientGuard
    from .hub import AnyCoordinator, Hub
    from .lookout import Lookout

#: At night, by the clock of the house: so often until it could be begun.
NIGHT_HOUR = 4
NIGHT_MINUTES = (0, 15, 30, 45)


class Rotating:
    """The servers of all VPNs of a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.vpns: dict[str, VpnRotation] = {}
        self._leave: list[Callable[[], None]] = []

    # --- life --------------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Begin: end what was under way, and wait for the night."""
        self._leave.append(self._hub.add_listener(self._hub_changed))
        self._leave.append(
            async_track_time_change(self._hub.hass, self._night, hour=NIGHT_HOUR, minute=NIGHT_MINUTES, second=0)
        )
        self._hub_changed()

    async def stop(self) -> None:
        """End. When SOKOUL is disabled, what has not proven itself is taken back."""
        while self._leave:
            self._leave.pop()()
        await asyncio.gather(*(vpn.stop() for vpn in self.vpns.values()))
        if self._hub.entry.disabled_by is not None:
            await asyncio.gather(*(vpn.leave() for vpn in self.vpns.values()))

    @callback
    def _hub_changed(self) -> None:
        for gone in self.vpns.keys() - self._hub.backends.keys():
            self.in_background(self.vpns.pop(gone).stop(), "end of a VPN")
        for backend in self._hub.backends.values():
            if backend.connector.kind in VPN_KINDS:
                self.of(backend).look_again()

    def of(self, backend: AnyCoordinator) -> VpnRotation:
        """Return the servers of a VPN."""
        vpn = self.vpns.get(backend.subentry_id)
        if vpn is None:
            vpn = self.vpns[backend.subentry_id] = VpnRotation(self, backend)
        return vpn

    def in_background(self, work: Any, what: str) -> asyncio.Task[None]:
        """Do something for as long as the entry is loaded."""
        return self._hub.in_background(work, f"{DOMAIN}: {what}")

    @callback
    def _night(self, now: datetime) -> None:
        for vpn in self.vpns.values():
            settings, tonight = vpn.book.settings, dt_util.as_local(now).date()
            if settings.nightly and settings.servers and vpn.backend.memory.get(NIGHT_KEY) != str(tonight):
                self.in_background(self._change_by_night(vpn, tonight), "server of the night")

    async def _change_by_night(self, vpn: VpnRotation, tonight: date) -> None:
        try:
            await vpn.change(AUTOPILOT, at_night=True)
        except HinderedError as error:
            LOGGER.debug("The server of %s is not changed now: %s", vpn.backend.title, error)
            return
        except HomeAssistantError as error:
            LOGGER.debug("The server of %s stays: %s", vpn.backend.title, error)
        vpn.backend.remember(NIGHT_KEY, str(tonight))

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def lookout(self) -> Lookout:
        """Who knows where we are seen."""
        return self._hub.guarding.lookout

    @property
    def words(self) -> wording.Wording:
        """The texts, in the language of Home Assistant."""
        return wording.get(self._hub.hass.config.language, dt_util.get_default_time_zone())

    def guards_of(self, vpn: AnyCoordinator) -> Iterator[ClientGuard]:
        """Yield the guards of the clients behind a VPN."""
        for guard in self._hub.guarding.clients.values():
            if guard.shelter.vpn_id == vpn.subentry_id and guard.shelter.containment is not Containment.NONE:
                yield guard

    @callback
    def write_down(self, entry: JournalEntry) -> None:
        """Put an entry into the journal, if there is one."""
        self._hub.guarding.write_down(entry)
