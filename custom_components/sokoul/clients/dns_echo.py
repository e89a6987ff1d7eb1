"""Asking which name server looks up the names that we ask for, directly or through a VPN's HTTP proxy.

A name that nobody has asked for before is in no cache: it is looked up where it is defined, by whichever name server
does that for us, and there its address is seen. Through a proxy that is the proxy's name server. Over plain HTTP,
because through a proxy only that leaves the looking up to it, whatever it makes of CONNECT.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address
import secrets
import time
from typing import Any

from aiohttp import ClientSession
from yarl import URL

from ..model.vpn import SeenResolver
from .errors import CannotConnect, UnexpectedResponse
from .http import HttpClient

#: Its documentation (https://ip-api.com/docs/dns) asks for 32 random letters or digits in place of `{}`.
SERVICE = "http://{}.edns.ip-api.com/json"
TIMEOUT_SECONDS = 10.0
MAX_BYTES = 4096
#: Whose the server is, as the service says; what is longer is none of its words.
_MOST_WORDS = 120


class DnsEchoClient:
    """Asks one such service. Raises the errors of `clients.errors`, and only those."""

    def __init__(
        self, session: ClientSession, template: str = SERVICE, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._session = session
        self._template = template
        self._timeout_seconds = timeout_seconds

    async def ask(self) -> SeenResolver:
        """Return the name server that looked up a name for us.

        Raises `CannotConnect` when the service can't be reached and `UnexpectedResponse` for what is no such answer.
        """
        url = URL(self._template.format(secrets.token_hex(16)))
        if not url.host:
            raise CannotConnect("the address of a service is not a valid URL")
        http = HttpClient(
            self._session,
            str(url.origin()),
            headers={"Connection": "close", "Cache-Control": "no-cache", "Accept": "application/json"},
            timeout_seconds=self._timeout_seconds,
        )
        begin = time.monotonic()
        answer = await http.request("GET", url.path, max_bytes=MAX_BYTES)
        took = time.monotonic() - begin
        told = answer.json()
        dns, client = (told.get("dns"), told.get("edns")) if isinstance(told, dict) else (None, None)
        address = _address(dns)
        if address is None:
            raise UnexpectedResponse(f"{answer.where}: the answer names no name server", status=answer.status)
        return SeenResolver(address=address, operator=_words(dns), client_network=_address(client), took_seconds=took)


def _address(fields: Any) -> IPv4Address | IPv6Address | None:
    """Read a public address."""
    text = fields.get("ip") if isinstance(fields, dict) else None
    try:
        address = ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return address if address is not None and address.is_global and not address.is_multicast else None


def _words(fields: Any) -> str:
    text = fields.get("geo") if isinstance(fields, dict) else None
    return text[:_MOST_WORDS] if isinstance(text, str) and text.isprintable() else ""
