"""By which VPN a download client is sheltered: found out from its surroundings, or said by a person, and kept.

What was found is not forgotten for not being seen any more: that is what the client is guarded against.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from .autopilot.guards.shelter import Clue, Shelter, infer
from .autopilot.guards.vpn_types import Containment
from .connectors.holding import holds
from .const import LOGGER
from .model.containers import lender
from .model.hold import Holder

if TYPE_CHECKING:
    from .guarding import Guarding
    from .hub import AnyCoordinator

SHELTER_KEY = "shelter"  # of a client: by which VPN it is sheltered, and who says so
#: Which VPNs were connected when that of a client was removed, while it is.
BESIDE_KEY = "vpns_beside"


class Sheltering:
    """What shelters one download client."""

    def __init__(self, guarding: Guarding, backend: AnyCoordinator) -> None:
        self._guarding = guarding
        self._backend = backend

    @property
    def known(self) -> Shelter:
        """What was kept."""
        stored = self._backend.memory.get(SHELTER_KEY)
        if stored is None:
            return Shelter()
        try:
            return Shelter.from_json(stored)
        except KeyError, ValueError:
            LOGGER.error("What is known of the VPN of %s is not readable, it is found out anew", self._backend.title)
            return Shelter()

    def choose(self, shelter: Shelter | None, *, held: bool) -> None:
        """Take a person's word for it; None: take it back.

        What is held was found to need shelter: it is found out with what was known, and else from nothing.
        """
        known = self.known
        if shelter is None and known.clue is Clue.PERSON:
            clue = Clue.INTERFACE if known.containment is Containment.BOUND else Clue.ADDRESS
            shelter = replace(known, clue=clue) if held else Shelter()
        if shelter is not None:
            self._keep(shelter)

    def look(self) -> Shelter:
        """Find out what shelters it now, and keep what is new."""
        known, held = self.known, Holder.VPN in holds(self._backend.memory)
        if self._lacks_vpn(known) and (held or known.clue is Clue.PERSON):
            known = self._added_again(known)
        elif BESIDE_KEY in self._backend.memory:
            self._backend.remember(BESIDE_KEY, None)
        if known.clue is Clue.PERSON or (held and self._lacks_vpn(known)):
            return known  # what is held is not let go of because nobody can tell any more
        if self._lacks_vpn(known):
            # what has to be bound has to be so without a Gluetun, too
            known = replace(known, vpn_id=None) if known.containment is Containment.BOUND else Shelter()
        found = self._infer(known)
        if found != known:
            self._keep(found)
        return found

    def _keep(self, shelter: Shelter) -> None:
        self._backend.remember(SHELTER_KEY, shelter.as_json())

    def _lacks_vpn(self, known: Shelter) -> bool:
        """Tell whether its VPN is one that isn't connected any more."""
        return known.vpn_id is not None and self._guarding.backend(known.vpn_id) is None

    def _infer(self, known: Shelter) -> Shelter:
        """Return what the programs say, or what is known where that is surer."""
        if self._backend.data is None:
            return known
        vpns = {key: vpn.data for key, vpn in self._guarding.vpns().items() if vpn.data is not None}
        found = infer(self._backend.data, vpns, self._shares_network_of())
        if found.clue.weight < known.clue.weight:
            return known  # that a client is no longer bound, or seen elsewhere, is what it is guarded against
        if found.vpn_id is None and (found.containment, found.interface) == (known.containment, known.interface):
            return known  # for the moment it isn't seen anywhere
        return found

    def _added_again(self, known: Shelter) -> Shelter:
        """Return the shelter with the one VPN that was added since its own was removed, if there is one."""
        vpns, beside = self._guarding.vpns().keys(), self._backend.memory.get(BESIDE_KEY)
        if beside is None:
            self._backend.remember(BESIDE_KEY, sorted(vpns))
            return known
        added = vpns - beside
        if len(added) != 1:
            return known
        found = replace(known, vpn_id=added.pop())
        self._backend.remember(BESIDE_KEY, None)
        self._keep(found)
        return found

    def _shares_network_of(self) -> set[str]:
        """Return the VPNs whose container lends its network to the client's."""
        home = self._guarding.home_of(self._backend)
        network = lender(home.container, home.containers) if home is not None else None
        if network is None:
            return set()
        homes = {key: self._guarding.home_of(vpn) for key, vpn in self._guarding.vpns().items()}
        return {key for key, each in homes.items() if each is not None and each.container.id == network.id}
