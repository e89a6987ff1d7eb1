"""What shelters a client, by what the programs say of themselves."""

import pytest

from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter, infer, tells_address
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.model.downloads import ClientSettings, DownloadClientSnapshot
from custom_components.sokoul.model.vpn import VpnSnapshot

from .tunnels import EXIT, HOME, at


def bound_to(interface: str, shown: str | None = None) -> DownloadClientSnapshot:
    return DownloadClientSnapshot(
        revision=1, version="5.3.0", torrents={}, transfer=at(shown), settings=ClientSettings(interface=interface)
    )


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (bound_to("tun0"), Shelter(containment=Containment.BOUND, interface="tun0", clue=Clue.INTERFACE)),
        (bound_to("wg0-mullvad"), Shelter(containment=Containment.BOUND, interface="wg0-mullvad", clue=Clue.INTERFACE)),
        (bound_to("eth0"), Shelter()),
        (bound_to("ppp0", HOME), Shelter()),  # the line itself, where the machine dials in
        (bound_to("", EXIT), Shelter(containment=Containment.OPEN, vpn_id="vpn", clue=Clue.ADDRESS)),
        (bound_to("", HOME), Shelter()),
    ],
)
def test_what_points_to_a_tunnel(client: DownloadClientSnapshot, expected: Shelter) -> None:
    assert infer(client, {"vpn": VpnSnapshot(public_ip=EXIT)}, ()) == expected


def test_an_address_at_which_two_tunnels_end_points_to_none() -> None:
    vpns = {"one": VpnSnapshot(public_ip=EXIT), "other": VpnSnapshot(public_ip=EXIT)}
    assert infer(bound_to("", EXIT), vpns, ()) == Shelter()


def test_a_shared_network_is_the_surest() -> None:
    found = infer(bound_to("eth0", HOME), {"vpn": VpnSnapshot()}, {"vpn"})
    assert found == Shelter(containment=Containment.NAMESPACE, vpn_id="vpn", clue=Clue.ENGINE)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v4.5.2", False), ("v5.0.5", False), ("v5.1.0beta1", True), ("5.3.0", True), ("v6.0", True), ("nightly", False)],
)
def test_since_when_a_client_says_where_it_is_seen(version: str, expected: bool) -> None:  # noqa: FBT001 -- a case
    assert tells_address(version) is expected
