"""What is published of the evidence: who is where, and how long it took to know; no address of anybody's."""

from dataclasses import replace
from datetime import datetime, timedelta
import json

import pytest

from custom_components.sokoul.autopilot.guards.addresses import Home, place_of
from custom_components.sokoul.autopilot.guards.evidence import Evidence, Said, Seen
from custom_components.sokoul.autopilot.guards.showing import pieces
from custom_components.sokoul.autopilot.guards.vpn_case import Case
from custom_components.sokoul.autopilot.guards.vpn_learning import learn
from custom_components.sokoul.autopilot.guards.vpn_types import Containment, Protection, VpnMemory, VpnPolicy
from custom_components.sokoul.model.downloads import ClientSettings
from custom_components.sokoul.model.vpn import VpnSnapshot, VpnStatus
from tests.model.make import NOW

from .tunnels import EXIT, EXIT_V6, HOME, HOME_V6, STRANGE, at

MILLISECONDS = timedelta(milliseconds=1)
CLIENT = Protection(client="qBittorrent", containment=Containment.OPEN, gluetun=True)


def seen[T](value: T, milliseconds: float = 0) -> Seen[T]:
    return Seen(value=value, at=NOW, took=milliseconds * MILLISECONDS)


def say(*addresses: str) -> tuple[Seen[Said], ...]:
    """Return what services say, each of them something."""
    return tuple(seen(Said(service=f"service {n}", address=each), 40 + n) for n, each in enumerate(addresses))


def told(evidence: Evidence, *homes: str, confirmed_at: datetime = NOW) -> dict[str, dict[str, object]]:
    known = [place for home in homes if (place := place_of(home)) is not None]
    memory = VpnMemory(homes=tuple(Home(place=place, confirmed_at=confirmed_at) for place in known))
    case = Case(memory=memory, evidence=evidence, protection=CLIENT, policy=VpnPolicy(), now=NOW)
    memory = learn(case).memory
    return {name: piece.as_attribute() for name, piece in pieces(memory, evidence, CLIENT, VpnPolicy(), NOW).items()}


def test_each_piece_has_its_own_latency() -> None:
    evidence = Evidence(
        client=seen(at(EXIT), 0.4),
        settings=seen(ClientSettings(interface="tun0"), 2.25),
        tunnel=seen(VpnSnapshot(status=VpnStatus.RUNNING, public_ip=EXIT), 3),
        outside=say(HOME, HOME),
        through=say(EXIT),
    )
    shown = told(evidence, HOME)
    assert {name: piece.get("milliseconds") for name, piece in shown.items()} == {
        "client": 0.4,
        "binding": 2.2,
        "vpn": 3,
        "outside": 40,
        "through": 40,
        "ipv4": None,
        "ipv6": None,
    }
    assert all(piece["at"] == NOW.isoformat(timespec="seconds") for name, piece in shown.items() if "ip" not in name)
    assert not [address for address in (EXIT, HOME) if address in json.dumps(shown)]


NOTHING = Evidence()

#: the evidence, the homes that are known, and what is said of IPv4 and of IPv6
WHERE = [
    ("nothing was seen", NOTHING, (HOME,), "none_seen", "none_seen"),
    ("seen, and home is not known", replace(NOTHING, client=seen(at(EXIT, EXIT_V6))), (), "unverified", "unverified"),
    ("seen elsewhere", replace(NOTHING, client=seen(at(EXIT, EXIT_V6))), (HOME, HOME_V6), "elsewhere", "elsewhere"),
    ("at home by IPv6 alone", replace(NOTHING, client=seen(at(EXIT, HOME_V6))), (HOME, HOME_V6), "elsewhere", "home"),
    ("only the home of IPv4 is known", replace(NOTHING, client=seen(at(EXIT, EXIT_V6))), (HOME,), "elsewhere",
     "unverified"),
    ("the tunnel ends at home", replace(NOTHING, client=seen(at(EXIT)), through=say(HOME)), (HOME,), "home",
     "none_seen"),
    ("only the tunnel's end is known", replace(NOTHING, through=say(EXIT)), (HOME,), "elsewhere", "none_seen"),
]  # fmt: skip


@pytest.mark.parametrize(("evidence", "homes", "ipv4", "ipv6"), [each[1:] for each in WHERE], ids=[w[0] for w in WHERE])
def test_where_it_comes_out(evidence: Evidence, homes: tuple[str, ...], ipv4: str, ipv6: str) -> None:
    shown = told(evidence, *homes)
    assert (shown["ipv4"]["says"], shown["ipv6"]["says"]) == (ipv4, ipv6)


@pytest.mark.parametrize(
    ("shown", "outside", "says"),
    [
        (STRANGE, (), "unverified"),  # our line may have got it since
        (STRANGE, (HOME, HOME), "elsewhere"),
        (EXIT, (), "elsewhere"),  # where the tunnel ends
        (HOME, (), "home"),
    ],
)
def test_an_address_that_came_after_home_was_asked_for_proves_nothing(
    shown: str, outside: tuple[str, ...], says: str
) -> None:
    evidence = replace(NOTHING, client=seen(at(shown), 100), through=say(EXIT), outside=say(*outside))
    assert told(evidence, HOME, confirmed_at=NOW - 10_000 * MILLISECONDS)["ipv4"]["says"] == says


@pytest.mark.parametrize(
    ("addresses", "says"),
    [((HOME, HOME), "agreed"), ((HOME,), "one_service"), ((HOME, EXIT), "contradictory"), (("nonsense",), "silent")],
)
def test_what_services_agree_on(addresses: tuple[str, ...], says: str) -> None:
    assert told(replace(NOTHING, outside=say(*addresses)))["outside"]["says"] == says


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (ClientSettings(), "unknown"),
        (ClientSettings(interface=""), "any"),
        (ClientSettings(interface="", interface_address="10.2.0.2"), "address"),
        (ClientSettings(interface="wg0"), "wg0"),
    ],
)
def test_what_it_is_bound_to(settings: ClientSettings, says: str) -> None:
    assert told(replace(NOTHING, settings=seen(settings)))["binding"]["says"] == says
