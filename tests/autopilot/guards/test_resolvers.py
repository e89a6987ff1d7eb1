"""Where names are looked up that are asked for through a tunnel: a table of who was seen to ask."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

import pytest

from custom_components.sokoul.autopilot.guards.evidence import Seen
from custom_components.sokoul.autopilot.guards.resolvers import LASTS, ResolverLook, Resolving, resolving
from custom_components.sokoul.model.vpn import SeenResolver
from tests.model.make import NOW

LINE, EXIT = "87.123.4.5", "45.83.220.11"
OURS, ISP = "62.153.1.53", "Germany - Deutsche Telekom AG"
THEIRS, HOSTER = "193.138.218.74", "Sweden - 31173 Services AB"
GOOGLE = "United States - Google LLC"


def look(resolver: str, operator: str = ISP, client: str = "", came_from: str = LINE) -> Seen[ResolverLook]:
    seen = SeenResolver(
        address=ip_address(resolver), operator=operator, client_network=ip_address(client) if client else None
    )
    return Seen(value=ResolverLook(resolver=seen, came_from=came_from), at=NOW, took=timedelta(milliseconds=40))


def inside(resolver: str, operator: str = HOSTER, client: str = "", came_from: str = EXIT) -> Seen[ResolverLook]:
    return look(resolver, operator, client, came_from)


@dataclass(frozen=True)
class Line:
    name: str
    inside: tuple[Seen[ResolverLook], ...]
    outside: tuple[Seen[ResolverLook], ...]
    says: Resolving


HOME, ELSEWHERE, PUBLIC = Resolving.HOME, Resolving.ELSEWHERE, Resolving.PUBLIC
UNVERIFIED = Resolving.UNVERIFIED
LINES = (
    Line("the VPN's own", (inside(THEIRS),), (look(OURS),), ELSEWHERE),
    Line("the line's provider's", (inside(OURS, ISP),), (look(OURS),), HOME),
    Line("another one that stands beside it", (inside("62.153.1.99", ISP),), (look(OURS),), HOME),
    Line("one of the same provider, elsewhere", (inside("80.69.96.12", ISP),), (look(OURS),), ELSEWHERE),
    Line("one at home that asks for itself", (inside(LINE, ISP),), (look("8.8.4.4", GOOGLE),), HOME),
    Line("it says that it asks for our line", (inside("74.125.1.1", GOOGLE, "87.123.4.0"),), (look(OURS),), HOME),
    Line("it says that it asks for the VPN", (inside("74.125.1.1", GOOGLE, "45.83.220.0"),), (look(OURS),), PUBLIC),
    Line("a public one on both sides", (inside("74.125.1.1", GOOGLE),), (look("74.125.1.1", GOOGLE),), PUBLIC),
    Line("a public one inside", (inside("162.158.1.1", "Sweden - Cloudflare, Inc."),), (look(OURS),), PUBLIC),
    Line("the same, and nobody says whose", (inside(OURS, ""),), (look(OURS, ""),), UNVERIFIED),
    Line("another one, and nobody says whose", (inside(THEIRS, ""),), (look(OURS, ""),), ELSEWHERE),
    Line("IPv6, in our line's network", (inside("2a02:810d:4bc0:7::53", ISP),),
         (look("2a02:810d:4bc0:1::53", ISP),), HOME),
    Line("IPv6, elsewhere", (inside("2a0d:5600:8:35::53"),), (look("2a02:810d:4bc0:1::53"),), ELSEWHERE),
    Line("we go out through the tunnel, too", (inside(OURS, ISP),), (look(OURS, came_from=EXIT),), UNVERIFIED),
    Line("nobody tells where we come from", (inside(OURS, ISP),), (look(OURS, came_from=""),), UNVERIFIED),
    Line("nor where the tunnel ends", (inside(OURS, ISP, came_from=""),), (look(OURS),), UNVERIFIED),
    Line("nobody answers past it", (inside(THEIRS),), (), UNVERIFIED),
    Line("nobody answers through it", (), (look(OURS),), UNVERIFIED),
    Line("now this, now that", (inside(OURS, ISP), inside(THEIRS)), (look(OURS),), HOME),
)  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_who_looks_names_up(line: Line) -> None:
    says, why = resolving(line.inside, line.outside, NOW)
    assert says is line.says
    assert (why is None) is (not line.inside)


def test_of_several_the_worst_is_told_and_of_the_same_the_newest() -> None:
    first, second, good = inside(OURS, ISP), inside("62.153.1.54", ISP), inside(THEIRS)
    says, why = resolving((first, second, good), (look(OURS),), NOW)
    assert says is HOME
    assert why is second


def test_what_was_seen_gets_old() -> None:
    later = NOW + LASTS + timedelta(seconds=1)
    assert resolving((inside(OURS, ISP),), (look(OURS),), later) == (UNVERIFIED, None)
