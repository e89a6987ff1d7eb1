"""A VPN as its own control server tells of it, and the addresses that others see us at."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address


class VpnStatus(StrEnum):
    """What the tunnel, or a helper of it (its DNS), does."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"  # somebody stopped it
    CRASHED = "crashed"  # it ended by itself; it is usually started again
    COMPLETED = "completed"
    UNKNOWN = "unknown"  # we may not ask, or the answer is of a newer version


class VpnRoute(StrEnum):
    """What can be read of a VPN, by the route as it stands in the roles of its control server."""

    VERSION = "GET /v1/version"
    STATUS = "GET /v1/vpn/status"
    PUBLIC_IP = "GET /v1/publicip/ip"
    PORTS = "GET /v1/portforward"
    PORTS_BEFORE_3_41 = "GET /v1/openvpn/portforwarded"
    DNS = "GET /v1/dns/status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Where a VPN's traffic comes out, as far as it is known: `address` is one of IPv4 or IPv6 in its usual form."""

    address: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    organization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSelection:
    """Which of its provider's servers a VPN may take: those that match one of each list; an empty list is no limit."""

    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAddress:
    """The address that somebody outside saw us at."""

    address: IPv4Address | IPv6Address
    by: str  # the host name of who saw it
    took_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenResolver:
    """The name server that looked up a name for us, as the one saw it that was asked for the name."""

    address: IPv4Address | IPv6Address
    operator: str = ""  # its country and whose it is, "" where that isn't told
    client_network: IPv4Address | IPv6Address | None = None  # on behalf of whom it said to ask, cut to a network
    took_seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VpnSnapshot:
    """A VPN as it was last read. What our credentials may not read is `refused`, and then is not known.

    An address is one of IPv4 or IPv6 in its usual form; None while the VPN doesn't know it (yet).
    """

    version: str = ""  # "v3.41.1", "latest"; "" where it is not told
    status: VpnStatus = VpnStatus.UNKNOWN
    public_ip: str | None = None  # as the VPN found it when it connected
    country: str | None = None
    region: str | None = None
    city: str | None = None
    organization: str | None = None
    ports: tuple[int, ...] = ()  # forwarded to us, each once and none of them 0
    dns_status: VpnStatus | None = None  # None: it is not told
    refused: frozenset[VpnRoute] = frozenset()
    #: it is starting or stopping, or says that it runs since a moment ago and has no address or no ports yet
    settling: bool = False

    @property
    def connected(self) -> bool | None:
        """Whether the tunnel is up; None when there is no telling.

        It says `running` before it has an address, and traffic passes only from then on. Where no address comes (its
        look-up may be off, or fail) or we may not ask for it, its word has to do.
        """
        if self.status is VpnStatus.UNKNOWN:
            return None
        if self.status is not VpnStatus.RUNNING:
            return False
        waits_for_address = self.settling and self.public_ip is None and VpnRoute.PUBLIC_IP not in self.refused
        return None if waits_for_address else True

    @property
    def knows_ports(self) -> bool:
        """Whether no ports means that none is forwarded, rather than that we may not ask."""
        return not self.refused & {VpnRoute.PORTS, VpnRoute.PORTS_BEFORE_3_41}
