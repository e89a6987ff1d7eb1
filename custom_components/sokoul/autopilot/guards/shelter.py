"""Which tunnel shelters a download client, and how: inferred from what the programs say, or as a person said it.

Safety of the inference: a client counts as sharing a tunnel's network only where a container engine says so. One that
merely comes out at a tunnel's address could also go another way: it is watched closely, until a person says that it
can't. A client of which nothing points to a tunnel isn't guarded: having no VPN is not an unknown VPN.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...model.downloads import DownloadClientSnapshot
from ...model.vpn import VpnSnapshot
from .addresses import Place, place_of
from .vpn_types import Containment

#: Interfaces of tunnels: OpenVPN, WireGuard, NordLynx, ProtonVPN, Mullvad, macOS. PPP is more often the line itself.
_TUNNELS = ("tun", "tap", "wg", "nordlynx", "proton", "pvpn", "mullvad", "wireguard", "utun", "ipsec")


class Clue(StrEnum):
    """What a shelter was inferred from, by the key of its text. The surest last."""

    NOTHING = "shelter.nothing"
    ADDRESS = "shelter.address"  # it is seen at the tunnel's end
    INTERFACE = "shelter.interface"  # it is bound to a tunnel's interface
    ENGINE = "shelter.engine"  # the container engine says whose network it shares
    PERSON = "shelter.person"

    @property
    def weight(self) -> int:
        """How sure it makes."""
        return list(Clue).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelter:
    """How a client is sheltered. `vpn_id` is None where the tunnel is none that we know."""

    containment: Containment = Containment.NONE
    vpn_id: str | None = None
    interface: str | None = None
    clue: Clue = Clue.NOTHING

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "containment": str(self.containment),
            "vpn": self.vpn_id,
            "interface": self.interface,
            "clue": str(self.clue),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Shelter:
        """Return what was stored. Raises `KeyError` or `ValueError` when `as_json` didn't make it."""
        return cls(
            containment=Containment(stored["containment"]),
            vpn_id=stored["vpn"],
            interface=stored["interface"],
            clue=Clue(stored["clue"]),
        )


def infer(
    snapshot: DownloadClientSnapshot, vpns: Mapping[str, VpnSnapshot], shares_network_of: Collection[str]
) -> Shelter:
    """Return what shelters a client. `shares_network_of` are the VPNs whose network it shares for certain."""
    if len(shares_network_of) == 1:
        return Shelter(containment=Containment.NAMESPACE, vpn_id=next(iter(shares_network_of)), clue=Clue.ENGINE)
    at_the_end_of = _seen_at(snapshot, vpns)
    interface = snapshot.settings.interface if snapshot.settings is not None else None
    if interface and is_tunnel(interface):
        return Shelter(containment=Containment.BOUND, vpn_id=at_the_end_of, interface=interface, clue=Clue.INTERFACE)
    if at_the_end_of is not None:
        return Shelter(containment=Containment.OPEN, vpn_id=at_the_end_of, clue=Clue.ADDRESS)
    return Shelter()


def is_tunnel(interface: str) -> bool:
    """Tell whether an interface is that of a tunnel, by its name."""
    return interface.casefold().startswith(_TUNNELS)


def tells_address(version: str) -> bool:
    """Tell whether a qBittorrent of this version says where it is seen: since 5.1."""
    major, _, rest = version.removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) >= (5, 1) if major.isdigit() and minor.isdigit() else False


def may_yet_be_seen(snapshot: DownloadClientSnapshot, vpn: VpnSnapshot) -> bool:
    """Tell whether a client may yet be found at a tunnel's end: nobody has told it so far where it is seen."""
    return vpn.public_ip is not None and tells_address(snapshot.version) and not _shown(snapshot)


def _seen_at(snapshot: DownloadClientSnapshot, vpns: Mapping[str, VpnSnapshot]) -> str | None:
    """Return the one tunnel at whose end a client is seen."""
    shown = _shown(snapshot)
    found = [vpn_id for vpn_id, vpn in vpns.items() if vpn.public_ip is not None and place_of(vpn.public_ip) in shown]
    return found[0] if len(found) == 1 else None


def _shown(snapshot: DownloadClientSnapshot) -> set[Place]:
    """Return where a client is seen, by what it was told."""
    addresses = (snapshot.transfer.external_ipv4, snapshot.transfer.external_ipv6)
    places = (place_of(address) for address in addresses if address is not None)
    return {place for place in places if place is not None}
