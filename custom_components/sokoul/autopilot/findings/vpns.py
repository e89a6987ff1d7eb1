"""What SOKOUL may not ask a VPN's control server, and which VPN no download client is known to be behind."""

from collections.abc import Iterator, Mapping

from ...model.library import Severity
from ...model.vpn import VpnRoute
from ...model.world import World
from ..guards.shelter import Clue, Shelter, may_yet_be_seen
from ..guards.vpn_types import Containment
from .base import Finding, Found, Look, problem

#: Without these nobody knows whether the VPN is up, or where it comes out.
_NEEDED = frozenset({VpnRoute.STATUS, VpnRoute.PUBLIC_IP})
_PORTS = frozenset({VpnRoute.PORTS, VpnRoute.PORTS_BEFORE_3_41})


def closed_routes(look: Look) -> Iterator[Finding]:
    """Tell which routes are closed to us, with the lines that open them.

    One that refuses all that tells of the VPN doesn't answer as far as SOKOUL is concerned: that is said elsewhere.
    Where its version isn't told, it may have either of the two routes for ports. It doesn't start with the other one.
    """
    for backend in look.world.backends.values():
        vpn = backend.vpn
        if vpn is None or not backend.available or not vpn.refused:
            continue
        closed = [route for route in VpnRoute if route in vpn.refused]
        yield problem(
            Found.CLOSED_ROUTES,
            Severity.WARNING if vpn.refused & _NEEDED else Severity.NOTICE,
            backend,
            advice="advice.closed_routes_ports" if vpn.refused >= _PORTS else None,
            backend=backend.title,
            routes=tuple(route.partition(" ")[2] for route in closed),
            lines=" ".join(f'"{route}",' for route in closed),
        )


def nobody_behind(world: World, shelters: Mapping[str, Shelter]) -> Iterator[Finding]:
    """Tell which VPN is up though no client is known to be behind it, while nothing is known of one or more.

    `shelters` are those of the download clients. Only a person can say what nothing shows, also that it is none. That
    isn't asked while it may show by itself: a client that is bound to a tunnel may be behind any VPN, and one that
    nobody has told yet where it is seen may be seen at the end of one.
    """
    for backend in world.backends.values():
        vpn = backend.vpn
        if vpn is None or not backend.available or not vpn.connected:
            continue
        if any(_may_be_behind(shelter, backend.id) for shelter in shelters.values()):
            continue
        unknown = tuple(
            each.title
            for each, client in world.clients
            if each.available and shelters.get(each.id) == Shelter() and not may_yet_be_seen(client, vpn)
        )
        if unknown:
            yield problem(Found.NOBODY_BEHIND, Severity.NOTICE, backend, backend=backend.title, clients=unknown)


def _may_be_behind(shelter: Shelter, vpn_id: str) -> bool:
    """Tell whether a client is behind a VPN, or in a tunnel of which nobody knows whose it is."""
    if shelter.vpn_id is None and shelter.containment is not Containment.NONE:
        return shelter.clue is not Clue.PERSON
    return shelter.vpn_id == vpn_id


def all_good(look: Look) -> Finding | None:
    """Say nothing: having no VPN is as well as having one."""
    del look
    return None


CHECKS = (closed_routes,)
