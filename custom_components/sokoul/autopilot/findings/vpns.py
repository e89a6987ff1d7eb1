"""What SOKOUL may not ask a VPN's control server."""

from collections.abc import Iterator

from ...model.library import Severity
from ...model.vpn import VpnRoute
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


def all_good(look: Look) -> Finding | None:
    """Say nothing: having no VPN is as well as having one."""
    del look
    return None


CHECKS = (closed_routes,)
