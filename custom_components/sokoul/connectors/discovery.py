"""Finding backends: on a host's usual ports, and by what a connected backend knows of the others."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
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
#: Every status tells something here.
ANY_STATUS = frozenset(range(300, 600))


async def probe(hass: HomeAssistant, connector: Connector[Any, Any], url: str) -> bool:
    """Tell whether this kind of program answers at an address. No credentials are sent."""
    path, recognise = connector.sniff
    client = HttpClient(async_get_clientsession(hass, verify_ssl=False), url, timeout_seconds=PROBE_SECONDS)
    try:
        answer = await client.request(
            "GET", path, max_bytes=PROBE_BYTES, expected=ANY_STATUS - {301, 302, 303, 307, 308}
        )
    except BackendError:
        return False
    return recognise(answer.status, answer.text)


async def scan(hass: HomeAssistant, host: str) -> tuple[Neighbour, ...]:
    """Look at the usual ports of a host."""
    candidates = [
        (connector, str(URL.build(scheme="http", host=host, port=connector.default_port)))
        for connector in CONNECTORS.values()
    ]
    answers = await asyncio.gather(*(probe(hass, connector, url) for connector, url in candidates))
    return tuple(
        Neighbour(kind=connector.kind, url=url)
        for (connector, url), answered in zip(candidates, answers, strict=True)
        if answered
    )


async def reachable(hass: HomeAssistant, neighbour: Neighbour, seen_from: str) -> Neighbour:
    """Return a neighbour at an address that works from here.

    What one container calls `qbittorrent` or `localhost` has another name here: the host that the teller itself was
    reached at is tried as well. Where nothing answers, the address stays as it was told.
    """
    connector = CONNECTORS[neighbour.kind]
    here = URL(neighbour.url).with_host(URL(seen_from).host or "")
    candidates = list(dict.fromkeys((neighbour.url, str(here).rstrip("/"))))
    if URL(neighbour.url).host in {"localhost", "127.0.0.1", "::1"}:
        candidates.reverse()
    answers = await asyncio.gather(*(probe(hass, connector, url) for url in candidates))
    for url, answered in zip(candidates, answers, strict=True):
        if answered:
            return replace(neighbour, url=url)
    return neighbour


async def neighbours(
    hass: HomeAssistant, connector: Connector[Any, Any], connection: Connection, title: str
) -> tuple[Neighbour, ...]:
    """Ask a connected backend what it knows of others. It not saying is no error."""
    try:
        told: Sequence[Neighbour] = await connector.neighbours(connector.connect(hass, connection))
    except BackendError:
        return ()
    known_kinds = [neighbour for neighbour in told if neighbour.kind in CONNECTORS]
    found = await asyncio.gather(*(reachable(hass, neighbour, connection.url) for neighbour in known_kinds))
    return tuple(replace(neighbour, told_by=title) for neighbour in found)


def unknown(found: Iterable[Neighbour], known: Iterable[tuple[str, str]]) -> list[Neighbour]:
    """Leave out the neighbours that are connected already, given as (kind, url).

    The same program has different names from different places; the same kind at the same port and path is the same.
    """
    seen = {_place(kind, url) for kind, url in known}
    new: list[Neighbour] = []
    for neighbour in found:
        place = _place(neighbour.kind, neighbour.url)
        if place not in seen:
            seen.add(place)
            new.append(neighbour)
    return new


def _place(kind: str, url: str) -> tuple[str, int | None, str]:
    parsed = URL(url)
    return kind, parsed.port, parsed.path.rstrip("/")
