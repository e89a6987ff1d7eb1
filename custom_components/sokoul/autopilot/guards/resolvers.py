"""Whether names are looked up outside of a VPN's tunnel: which name server is seen to ask for them.

One that stands in the network of our own line, or that our line uses past the tunnel, too, is reached past it, unless
it is one of the large public ones: those are seen from everywhere alike. So is any that says that it asks on behalf of
our line. It is evidence and no proof: a name server says nothing of where torrents go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from ...model.vpn import SeenResolver
from .evidence import Seen

#: A provider's name servers stand together, and a line gets many networks of IPv6.
_PREFIX = {4: 24, 6: 48}
#: What was seen counts for so long; they are asked once an hour.
LASTS = timedelta(hours=3)

#: Name servers that anybody may use, by words that stand in the name of who runs them.
PUBLIC = (
    "adguard", "cisco", "cleanbrowsing", "cloudflare", "control d", "controld", "dns.sb", "dns0", "google", "nextdns",
    "opendns", "packet clearing house", "quad9", "windscribe", "woodynet", "yandex",
)  # fmt: skip


class Resolving(StrEnum):
    """Where names are looked up."""

    HOME = "home"  # at our own line: past the tunnel
    ELSEWHERE = "elsewhere"
    PUBLIC = "public"  # by one that everybody uses: there is no telling from where it was asked
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverLook:
    """One look: who looked a name up, and from which address we came; "" where nobody told."""

    resolver: SeenResolver
    came_from: str


type Looks = Sequence[Seen[ResolverLook]]


def resolving(inside: Looks, outside: Looks, now: datetime) -> tuple[Resolving, Seen[ResolverLook] | None]:
    """Return where names are looked up that are asked for through the tunnel, and the look that says so."""
    theirs = [look for look in inside if look.fresh(LASTS, now)]
    ours = [look.value for look in outside if look.fresh(LASTS, now)]
    judged = [(_judge(look.value, ours), look) for look in theirs]
    if not judged:
        return Resolving.UNVERIFIED, None
    return min(reversed(judged), key=lambda each: _WORST.index(each[0]))  # of the same the newest


_WORST = (Resolving.HOME, Resolving.UNVERIFIED, Resolving.PUBLIC, Resolving.ELSEWHERE)


def _judge(look: ResolverLook, ours: Iterable[ResolverLook]) -> Resolving:
    # without an address of both nobody knows whether we don't go out through the tunnel ourselves
    apart = [each for each in ours if look.came_from and each.came_from and each.came_from != look.came_from]
    if not apart:
        return Resolving.UNVERIFIED
    resolver = look.resolver
    lines = {_network(each.came_from) for each in apart}
    if _network(resolver.address) in lines:
        return Resolving.HOME
    if resolver.client_network is not None and _network(resolver.client_network) in lines:
        return Resolving.HOME
    if any(word in resolver.operator.casefold() for word in PUBLIC):
        return Resolving.PUBLIC
    if any(_network(each.resolver.address) == _network(resolver.address) for each in apart):
        return Resolving.HOME if resolver.operator else Resolving.UNVERIFIED
    return Resolving.ELSEWHERE


def _network(address: str | IPv4Address | IPv6Address) -> IPv4Network | IPv6Network:
    single = ip_network(str(address))
    return ip_network((single.network_address, _PREFIX[single.version]), strict=False)
