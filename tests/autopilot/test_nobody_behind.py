"""A VPN that is up, and no download client is known to be behind it: as a table, what is said, and when nothing is."""

from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.findings.base import Found
from custom_components.sokoul.autopilot.findings.vpns import nobody_behind
from custom_components.sokoul.autopilot.guards.shelter import Clue, Shelter
from custom_components.sokoul.autopilot.guards.vpn_types import Containment
from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.downloads import Transfer
from custom_components.sokoul.model.library import Severity
from custom_components.sokoul.model.vpn import VpnRoute, VpnSnapshot, VpnStatus
from tests.model.make import ago, arr, qbittorrent, world

EXIT, HOME = "45.83.220.11", "203.0.113.7"
AWAY: dict[str, Any] = {"available": False, "unavailable_since": ago(hours=2)}
NEVER: dict[str, Any] = {"available": False, "snapshot": None}

UNKNOWN = Shelter()
NO_VPN = Shelter(clue=Clue.PERSON)
BEHIND = Shelter(containment=Containment.OPEN, vpn_id="vpn", clue=Clue.ADDRESS)
BOUND = Shelter(containment=Containment.BOUND, interface="tun0", clue=Clue.INTERFACE)
ANOTHER = Shelter(containment=Containment.OPEN, clue=Clue.PERSON)


def vpn(id: str = "vpn", *, told: dict[str, Any] | None = None, **fields: Any) -> Backend:  # noqa: A002 -- the field's name
    snapshot = VpnSnapshot(**{"status": VpnStatus.RUNNING, "public_ip": EXIT} | (told or {}))
    return Backend(**{"id": id, "kind": "gluetun", "title": "Gluetun", "snapshot": snapshot} | fields)


def client(version: str = "v5.0.3", shown: str | None = None, **fields: Any) -> Backend:
    return qbittorrent(version=version, transfer=Transfer(external_ipv4=shown), **fields)


def box(**fields: Any) -> Backend:
    return client(id="box", title="Seedbox", **fields)


NEITHER = {"qbt": UNKNOWN, "box": UNKNOWN}

CASES: dict[str, tuple[list[Backend], dict[str, Shelter], list[str]]] = {
    "a client that doesn't say where it is seen": ([vpn(), client()], {"qbt": UNKNOWN}, ["vpn"]),
    "one of 4.5": ([vpn(), client("v4.5.2")], {"qbt": UNKNOWN}, ["vpn"]),
    "one that is seen elsewhere": ([vpn(), client("v5.2.3", HOME)], {"qbt": UNKNOWN}, ["vpn"]),
    "one that nobody has seen as yet": ([vpn(), client("v5.2.3")], {"qbt": UNKNOWN}, []),
    "one that was only seen inside": ([vpn(), client("v5.2.3", "127.0.0.1")], {"qbt": UNKNOWN}, []),
    "nobody has seen it, but where the VPN ends isn't known either": (
        [vpn(told={"public_ip": None}), client("v5.2.3")],
        {"qbt": UNKNOWN},
        ["vpn"],
    ),
    "it is seen, but where the VPN ends isn't known": (
        [vpn(told={"public_ip": None}), client("v5.2.3", EXIT)],
        {"qbt": UNKNOWN},
        ["vpn"],
    ),
    "somebody said that it is behind none": ([vpn(), client()], {"qbt": NO_VPN}, []),
    "somebody said that it is behind another": ([vpn(), client()], {"qbt": ANOTHER}, []),
    "it is behind it": ([vpn(), client()], {"qbt": BEHIND}, []),
    "it is bound to a tunnel": ([vpn(), client()], {"qbt": BOUND}, []),
    "one of two is behind it": ([vpn(), client(), box()], {"qbt": UNKNOWN, "box": BEHIND}, []),
    "the one behind it is away": ([vpn(), client(), box(**AWAY)], {"qbt": UNKNOWN, "box": BEHIND}, []),
    "one of two is bound to a tunnel, perhaps its own": (
        [vpn(), client(), box()],
        {"qbt": UNKNOWN, "box": BOUND},
        [],
    ),
    "one of two is behind another": ([vpn(), client(), box()], {"qbt": UNKNOWN, "box": ANOTHER}, ["vpn"]),
    "one of two is behind none": ([vpn(), client(), box()], {"qbt": UNKNOWN, "box": NO_VPN}, ["vpn"]),
    "one of two may yet be seen": ([vpn(), client("v5.2.3"), box()], NEITHER, ["vpn"]),
    "two clients are one finding": ([vpn(), client(), box()], NEITHER, ["vpn"]),
    "the client is away": ([vpn(), client(**AWAY)], {"qbt": UNKNOWN}, []),
    "the client has never answered": ([vpn(), client(**NEVER)], {"qbt": UNKNOWN}, []),
    "nobody looked at the client as yet": ([vpn(), client()], {}, []),
    "no client": ([vpn(), arr()], {}, []),
    "no VPN": ([client()], {"qbt": UNKNOWN}, []),
    "the VPN is away": ([vpn(**AWAY), client()], {"qbt": UNKNOWN}, []),
    "the VPN has never answered": ([vpn(**NEVER), client()], {"qbt": UNKNOWN}, []),
    "the VPN is stopped": ([vpn(told={"status": VpnStatus.STOPPED}), client()], {"qbt": UNKNOWN}, []),
    "the VPN connects": ([vpn(told={"public_ip": None, "settling": True}), client()], {"qbt": UNKNOWN}, []),
    "it isn't told whether the VPN is up": (
        [vpn(told={"status": VpnStatus.UNKNOWN, "refused": frozenset({VpnRoute.STATUS})}), client()],
        {"qbt": UNKNOWN},
        [],
    ),
    "two VPNs": ([vpn(), vpn("other", title="Other"), client()], {"qbt": UNKNOWN}, ["vpn", "other"]),
    "two VPNs, a client behind one of them": (
        [vpn(), vpn("other", title="Other"), client(), box()],
        {"qbt": UNKNOWN, "box": BEHIND},
        ["other"],
    ),
}


@pytest.mark.parametrize(("backends", "shelters", "expected"), CASES.values(), ids=CASES)
def test_whose_clients_are_asked_for(
    backends: list[Backend], shelters: dict[str, Shelter], expected: list[str]
) -> None:
    found = list(nobody_behind(world(*backends), shelters))
    assert [each.backend_id for each in found] == expected
    assert {(each.key, each.severity) for each in found} <= {(Found.NOBODY_BEHIND, Severity.NOTICE)}


def said(*backends: Backend, language: str = "en") -> tuple[str, str]:
    (found,) = nobody_behind(world(vpn(), *backends), NEITHER)
    words = wording.load(language)
    assert found.advice is not None
    return words.text(found.key, **found.parameters), words.text(found.advice, **found.parameters)


def test_it_is_said_which_clients_it_may_be() -> None:
    text, advice = said(client(), box())
    assert text == "Gluetun is connected, but SOKOUL knows of no download client behind it."
    assert advice.startswith("If qBittorrent or Seedbox is behind it, say so in ")
    assert "under “VPN”:" in advice
    assert said(client("v5.2.3"), box())[1].startswith("If Seedbox is behind it,")
    assert said(client(), box(), language="fr")[1].startswith("Si qBittorrent ou Seedbox est derrière lui,")


@pytest.mark.parametrize(("language", "no_vpn"), [("en", "No VPN"), ("fr", "Pas de VPN")])
def test_the_answer_is_called_as_it_is_called_in_the_form(language: str, no_vpn: str) -> None:
    assert wording.load(language).text("shelter.no_vpn") == no_vpn
    assert no_vpn in said(client(), language=language)[1]
