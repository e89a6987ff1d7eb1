"""Finding backends: on a host's usual ports, and by what a connected backend knows of the others."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, ip_address
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from yarl import URL

from ..clients.errors import BackendError
from ..clients.http import HttpClient
from .base import Connection, Connector, Neighbour
from .registry import CONNECTORS

#: A program on the home network answers in milliseconds; a closed or filtered port should not hold up a form.
PROBE_SECONDS = 3.0
#: Enough of a start page to find a program's name in it.
PROBE_BYTES = 512 * 1024
#: Every status tells something here, and a web page most of all; redirects are followed.
ANY_STATUS = frozenset(range(200, 600)) - {301, 302, 303, 307, 308}
#: Docker's own networks: an address in there is a container's, and another one after its next start.
_DOCKER = IPv4Network("172.16.0.0/12")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A backend that was found, at the address that works from here, or as it was told where none does."""

    kind: str
    url: str
    username: str = ""
    told_by: str = ""  # the title of the backend that knows it; nothing after a scan
    answers: bool = True

    @property
    def place(self) -> Place:
        """What it is told apart by."""
        return Place(self.kind, self.url)


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of backend at an address. The same program has different names from different places."""

    kind: str
    url: str

    def is_at(self, other: Place) -> bool:
        """Tell whether both have the same address."""
        return (self._address, self.host) == (other._address, other.host)

    def may_be(self, other: Place) -> bool:
        """Tell whether both may be one program: same port and path, and hosts that don't contradict each other."""
        return self.is_at(other) or (self._address == other._address and not _different_machines(self.host, other.host))

    @property
    def host(self) -> str:
        """The host, in lower case."""
        return URL(self.url).host or ""

    @property
    def _address(self) -> tuple[str, int | None, str]:
        url = URL(self.url)
        return self.kind, url.port, url.path.rstrip("/")


def _different_machines(one: str, other: str) -> bool:
    """Tell whether two different names are certainly those of two machines.

    Two addresses of the home network are, and two domain names; a container's name or address may be anybody's.
    """
    numeric = [_is_address(host) for host in (one, other)]
    if all(numeric):
        return not any(_is_inside(host) for host in (one, other))
    return not any(numeric) and all("." in host for host in (one, other))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_inside(host: str) -> bool:
    """Tell whether a host means something only inside a machine: itself, or a container's address."""
    if host == "localhost":
        return True
    if not _is_address(host):
        return False
    address = ip_address(host)
    return address.is_loopback or (address.version == 4 and address in _DOCKER)  # noqa: PLR2004


# --- looking ---------------------------------------------------------------------------------------------------------


async def probe(hass: HomeAssistant, connector: Connector[Any, Any], url: str) -> bool:
    """Tell whether this kind of program answers at an address. No credentials are sent."""
    if connector.sniff is None:
        return False
    path, recognise = connector.sniff
    try:
        client = HttpClient(async_get_clientsession(hass, verify_ssl=False), url, timeout_seconds=PROBE_SECONDS)
        answer = await client.request("GET", path, max_bytes=PROBE_BYTES, expected=ANY_STATUS)
    except BackendError:
        return False
    return recognise(answer.status, answer.text)


async def scan(hass: HomeAssistant, host: str) -> tuple[Found, ...]:
    """Look at the usual ports of a host."""
    candidates = [
        (connector, str(URL.build(scheme="http", host=host, port=connector.default_port)))
        for connector in CONNECTORS.values()
        if connector.default_port is not None
    ]
    answers = await asyncio.gather(*(probe(hass, connector, url) for connector, url in candidates))
    return tuple(
        Found(kind=connector.kind, url=url)
        for (connector, url), answered in zip(candidates, answers, strict=True)
        if answered
    )


async def reachable(hass: HomeAssistant, neighbour: Neighbour, seen_from: str) -> Found:
    """Return a neighbour at an address that works from here.

    What one container calls `qbittorrent` or `localhost` has another name here: the host that the teller itself was
    reached at is tried as well, and before an address that means something only inside that machine. Where nothing
    answers, the address stays as it was told.
    """
    connector = CONNECTORS[neighbour.kind]
    told = URL(neighbour.url)
    candidates = list(dict.fromkeys((neighbour.url, str(told.with_host(URL(seen_from).host or "")).rstrip("/"))))
    if _is_inside(told.host or ""):
        candidates.reverse()
    answers = await asyncio.gather(*(probe(hass, connector, url) for url in candidates))
    at = next((url for url, answered in zip(candidates, answers, strict=True) if answered), None)
    return Found(kind=neighbour.kind, url=at or neighbour.url, username=neighbour.username, answers=at is not None)


async def neighbours(
    hass: HomeAssistant, connector: Connector[Any, Any], connection: Connection, title: str
) -> tuple[Found, ...]:
    """Ask a connected backend what it knows of others. It not saying is no error."""
    try:
        told: Sequence[Neighbour] = await connector.neighbours(connector.connect(hass, connection))
    except BackendError:
        return ()
    known_kinds = list(dict.fromkeys(each for each in told if each.kind in CONNECTORS and _is_web_address(each.url)))
    found = await asyncio.gather(*(reachable(hass, neighbour, connection.url) for neighbour in known_kinds))
    result: dict[Place, Found] = {}
    for neighbour, at in zip(known_kinds, found, strict=True):
        one = replace(at, told_by=title)
        if one.place in result:
            if at.url == neighbour.url or _is_inside(URL(neighbour.url).host or ""):
                continue  # told twice
            # two names are two programs, and only one of them can be at the address that answers here
            one = replace(one, url=neighbour.url, answers=False)
        result[one.place] = one
    return tuple(result.values())


def _is_web_address(url: str) -> bool:
    try:
        parsed = URL(url)
    except ValueError:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)


def unknown(found: Iterable[Found], known: Iterable[Collection[Place]]) -> list[Found]:
    """Leave out what is known already, of what one teller told.

    `known` are programs, each with all the places that it is known at. Each of them accounts for one of the found
    ones: first where an address is the same, then where it may be the same program.
    """
    left = list(known)
    new = list(found)
    for same in (Place.is_at, Place.may_be):
        remaining, new = new, []
        for each in remaining:
            match = next((places for places in left if any(same(place, each.place) for place in places)), None)
            if match is None:
                new.append(each)
            else:
                left.remove(match)
    return new
