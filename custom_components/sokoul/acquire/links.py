"""What is behind a link: a magnet, a .torrent file, or a redirect that ends at one of them.

Links come from indexers and from people, so they are hostile until they are read: only http, https and magnet; no
address within the own network but those of backends that the person connected themselves; few redirects, and none
that leads from outside to such a backend; a bounded body, read as bencode and nothing else. What a magnet says beyond
its hash, its name and its trackers is left out: web seeds and peers are addresses that the download client would fetch.
A .torrent file stays as it is but for such addresses within the own network: they stand outside of what its hash is of.

Sources: BEP 3 (bencode, .torrent), BEP 5 (nodes), BEP 9 (magnet), BEP 12 (announce-list), BEP 17 and 19 (web seeds),
BEP 52 (version 2).
"""

import base64
from collections.abc import Collection, Iterator
from dataclasses import dataclass
import hashlib
import ipaddress
import re
from typing import Any, Final, Protocol
import unicodedata
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

from ..model.reasons import Reason
from ..model.releases import ResolvedLink

#: A .torrent of a hundred thousand files has some eight megabytes.
MAX_TORRENT_BYTES: Final = 16 * 1024 * 1024
MAX_REDIRECTS: Final = 5
MAX_LINK: Final = 8 * 1024
#: A magnet with more trackers says nothing more.
MAX_TRACKERS: Final = 50
MAX_NAME: Final = 255
MAX_DEPTH: Final = 16
MAX_VALUES: Final = 2_000_000
MAX_DIGITS: Final = 19

#: Where a .torrent file has addresses that a download client asks by itself.
_ADDRESSES: Final = frozenset({b"announce", b"announce-list", b"url-list", b"httpseeds"})
_NODES: Final = b"nodes"
#: The version of the format whose hash is another one; a client takes a file that says anything else for the first.
_SECOND: Final = 2
_TRACKERS: Final = frozenset({"udp", "http", "https", "ws", "wss"})
_LOCAL_NAMES: Final = (".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa", ".localdomain", ".onion")
_HEX = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_BASE32 = re.compile(r"[a-z2-7]{32}", re.IGNORECASE | re.ASCII)  # else the sign of Kelvin is a k
_V2 = re.compile(r"1220([0-9a-f]{64})", re.IGNORECASE)
_INTEGER = re.compile(rb"i(-?\d{1,%d})e" % MAX_DIGITS)
_LENGTH = re.compile(rb"(\d{1,9}):")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200


class LinkRefused(Exception):  # noqa: N818 -- named for what happened
    """A link leads nowhere that we go. The reason is safe to show: it never has the link in it."""

    def __init__(self, key: str, **parameters: str | int) -> None:
        super().__init__(key)
        self.reason = Reason(key=f"grab.{key}", parameters=parameters)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer: a redirect or a body. Redirects aren't followed by who fetches."""

    status: int
    body: bytes = b""
    location: str | None = None


class Fetch(Protocol):
    """Who fetches one address.

    Raises `LinkRefused` where it can't be had: `link_private` where a name leads into the own network, and it isn't
    `own`; `link_too_large` where the body has more than `MAX_TORRENT_BYTES`; `link_failed` for all else.
    """

    async def __call__(self, url: str, *, own: bool) -> Fetched:
        """Return the answer of one address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is behind a link, ready to be given to a download client."""

    link: ResolvedLink
    name: str = ""
    size_bytes: int = 0  # 0: a magnet doesn't tell
    private: bool | None = None  # None: a magnet doesn't tell


async def resolve(link: str, fetch: Fetch, *, own: Collection[str] = ()) -> Payload:
    """Return what is behind a link. `own` are the origins of connected backends ("http://192.168.1.5:9696").

    Raises `LinkRefused`.
    """
    inside = True  # no foreign host has led us anywhere yet
    for _ in range(MAX_REDIRECTS + 1):
        if is_magnet(link):
            return read_magnet(link)
        is_own = inside and origin_of(link) in own
        check_address(link, own=is_own)
        answer = await fetch(link, own=is_own)
        inside = is_own
        if answer.status in _REDIRECTS and answer.location:
            link = _redirected(link, answer.location)
        elif answer.status == _OK:
            return read_torrent(answer.body)
        else:
            raise LinkRefused("link_status", status=answer.status)
    raise LinkRefused("link_redirects", count=MAX_REDIRECTS)


def is_magnet(link: str) -> bool:
    """Tell whether a link is a magnet."""
    return link[:8].lower() == "magnet:?"


def _redirected(link: str, location: str) -> str:
    if is_magnet(location):
        return location
    try:
        return urljoin(link, location)
    except ValueError as error:
        raise LinkRefused("link_address") from error


# --- addresses -------------------------------------------------------------------------------------------------------


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, in one spelling; "" where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{host}:{port or usual}" if host and usual else ""


def check_address(url: str, *, own: bool = False) -> None:
    """Refuse an address that nobody should fetch. What a name leads to has to be looked at by who fetches it."""
    if len(url) > MAX_LINK or not url.isprintable():
        raise LinkRefused("link_address")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise LinkRefused("link_address") from error
    if parts.scheme not in {"http", "https"}:
        raise LinkRefused("link_scheme")
    if not parts.hostname or parts.username is not None or parts.password is not None or "\\" in url:
        raise LinkRefused("link_address")
    if not own and is_private_host(parts.hostname):
        raise LinkRefused("link_private")


def is_private_host(host: str) -> bool:
    """Tell whether a host is within the own network, as far as its name tells."""
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").rstrip(".").lower()
    if (address := _address(name)) is not None:
        return not is_public(address)
    return name == "localhost" or "." not in name or name.endswith(_LOCAL_NAMES)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is one of the internet. IPv6 that holds an IPv4 address is as public as that."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address, also in the short and odd spellings that resolvers take: `127.1`, `0x7f000001`, `2130706433`."""
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        pass
    parts = name.split(".")
    try:
        numbers = [
            int(part, 0) if part[:2] in {"0x", "0X"} else int(part, 8 if part[:1] == "0" else 10) for part in parts
        ]
    except ValueError:
        return None
    if len(numbers) > 4 or any(number < 0 for number in numbers):  # noqa: PLR2004 -- bytes of an address
        return None
    value = sum(number << (8 * (3 - at)) for at, number in enumerate(numbers[:-1])) + numbers[-1]
    return ipaddress.IPv4Address(value) if value < 2**32 else ipaddress.IPv4Address(0)


# --- magnets ---------------------------------------------------------------------------------------------------------


def read_magnet(link: str) -> Payload:
    """Return what a magnet says, written anew with nothing but its hash, its name and its trackers."""
    if len(link) > MAX_LINK or not link.isprintable():
        raise LinkRefused("link_address")
    topics: dict[str, str] = {}
    name, size, trackers = "", 0, list[str]()
    try:
        fields = parse_qsl(link[8:], max_num_fields=4 * MAX_TRACKERS)
    except ValueError as error:
        raise LinkRefused("link_address") from error
    for key, value in fields:
        field = key.lower().partition(".")[0]
        if field == "xt":
            topics |= _topic(value)
        elif field == "dn":
            name = name or plain_name(value)
        elif field == "xl" and value.isascii() and value.isdecimal() and len(value) <= MAX_DIGITS:
            size = int(value)
        elif field == "tr" and _is_tracker(value):
            trackers.append(value)
    info_hash = topics.get("btmh") or topics.get("btih")
    if info_hash is None:
        raise LinkRefused("link_no_torrent")
    written = [f"xt=urn:btih:{topics['btih']}"] if "btih" in topics else []
    written += [f"xt=urn:btmh:1220{topics['whole']}"] if "btmh" in topics else []
    written += [f"dn={quote(name, safe='')}"] if name else []
    written += [f"tr={quote(tracker, safe='')}" for tracker in dict.fromkeys(trackers[:MAX_TRACKERS])]
    return Payload(
        link=ResolvedLink(info_hash=info_hash, magnet=f"magnet:?{'&'.join(written)}"), name=name, size_bytes=size
    )


def _topic(topic: str) -> dict[str, str]:
    kind, _, value = topic.removeprefix("urn:").partition(":")
    if kind == "btmh" and (found := _V2.fullmatch(value)):
        return {"btmh": found[1][:40].lower(), "whole": found[1].lower()}
    if kind == "btih" and _HEX.fullmatch(value):
        return {"btih": value.lower()}
    if kind == "btih" and _BASE32.fullmatch(value):
        return {"btih": base64.b32decode(value.upper()).hex()}
    return {}


def _is_tracker(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in _TRACKERS and bool(parts.hostname) and not is_private_host(parts.hostname or "")


def plain_name(text: str) -> str:
    """Return a name that can be shown: one line, without control characters."""
    return "".join(each if each.isprintable() else " " for each in text)[:MAX_NAME].strip()


# --- .torrent files --------------------------------------------------------------------------------------------------


def read_torrent(body: bytes) -> Payload:
    """Return what a .torrent file says. Raises `LinkRefused` for anything that is none."""
    if len(body) > MAX_TORRENT_BYTES:
        raise LinkRefused("link_too_large")
    try:
        content, spans = _decode(body)
    except ValueError as error:
        raise LinkRefused("link_no_torrent") from error
    info = content.get(b"info") if isinstance(content, dict) else None
    if not isinstance(info, dict) or not (b"pieces" in info or b"file tree" in info):
        raise LinkRefused("link_no_torrent")
    raw = body[spans[b"info"]]
    hashed = hashlib.sha256(raw).hexdigest() if info.get(b"meta version") == _SECOND else _sha1(raw)
    return Payload(
        link=ResolvedLink(info_hash=hashed[:40], torrent=_without_private(body, content, spans)),
        name=plain_name(_text(info.get(b"name"))),
        size_bytes=max(sum(_sizes(info)), sum(_tree(info.get(b"file tree")))),  # it may say two
        private=info.get(b"private") == 1,
    )


def _without_private(body: bytes, content: dict[bytes, Any], spans: dict[bytes, slice]) -> bytes:
    """Return a .torrent file without the addresses that lead into the own network: the very same where it has none."""
    changed = {}
    for key in spans.keys() & {*_ADDRESSES, _NODES}:
        value = content[key]
        kept = _public_nodes(value) if key == _NODES else _public(value)
        if kept != value:
            changed[key] = kept
    if not changed:
        return body
    members = [
        _encode(key) + (_encode(changed[key]) if key in changed else body[span])
        for key, span in spans.items()
        if changed.get(key, True)
    ]
    return b"d" + b"".join(members) + b"e"


def _public(value: object) -> Any:
    """Return an address, or a list of such and of lists, without what leads into the own network or is no address."""
    if isinstance(value, list):
        return [kept for each in value if (kept := _public(each))]
    return value if isinstance(value, bytes) and _is_tracker(_text(value)) else b""


def _public_nodes(value: object) -> list[Any]:
    """Return the nodes, a host and a port each, without those in the own network and what is none."""
    return [node for node in (value if isinstance(value, list) else []) if _is_public_node(node)]


def _is_public_node(node: object) -> bool:
    match node:
        case [bytes(host), int()]:
            return not is_private_host(_text(host))
    return False


def _encode(value: Any) -> bytes:
    """Write what was read: bytes, integers and lists."""
    if isinstance(value, list):
        return b"l" + b"".join(map(_encode, value)) + b"e"
    return b"i%de" % value if isinstance(value, int) else b"%d:%s" % (len(value), value)


def _sha1(raw: bytes) -> str:
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _sizes(info: dict[bytes, Any]) -> Iterator[int]:
    """Yield the sizes of files of version 1. What is no number is no size."""
    files = info.get(b"files")
    single = [info] if not isinstance(files, list) else files
    for each in single:
        length = each.get(b"length") if isinstance(each, dict) else None
        if isinstance(length, int) and length > 0:
            yield length


def _tree(node: object) -> Iterator[int]:
    """Yield the sizes in a tree of files of version 2. It is no deeper than what was read."""
    if isinstance(node, dict):
        for name, below in node.items():
            if name == b"" and isinstance(below, dict) and isinstance(below.get(b"length"), int):
                yield max(below[b"length"], 0)
            else:
                yield from _tree(below)


def _decode(body: bytes) -> tuple[Any, dict[bytes, slice]]:
    """Read bencode, and where the members of the outermost dictionary stand. Raises ValueError. Depth is bounded."""
    reader = _Reader(body)
    value = reader.read()
    if reader.at != len(body):
        raise ValueError("something stands behind the end")
    return value, reader.spans


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0
        self._values = 0
        self.spans: dict[bytes, slice] = {}

    def read(self, depth: int = 0) -> Any:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise ValueError("too deep or too much")
        match self._body[self.at : self.at + 1]:
            case b"d":
                return self._dictionary(depth)
            case b"l":
                return self._list(depth)
            case b"i":
                if (found := _INTEGER.match(self._body, self.at)) is None:
                    raise ValueError("no integer")
                self.at = found.end()
                return int(found[1])
        return self._string()

    def _string(self) -> bytes:
        if (found := _LENGTH.match(self._body, self.at)) is None:
            raise ValueError("not bencoded")
        end = found.end() + int(found[1])
        if end > len(self._body):
            raise ValueError("it ends too early")
        self.at = end
        return self._body[found.end() : end]

    def _list(self, depth: int) -> list[Any]:
        self.at += 1
        found = []
        while self._body[self.at : self.at + 1] != b"e":
            found.append(self.read(depth + 1))
        self.at += 1
        return found

    def _dictionary(self, depth: int) -> dict[bytes, Any]:
        self.at += 1
        found: dict[bytes, Any] = {}
        while self._body[self.at : self.at + 1] != b"e":
            key = self._string()
            if key in found:
                raise ValueError("a key twice: readers would differ in which counts")
            begin = self.at
            found[key] = self.read(depth + 1)
            if depth == 0:
                self.spans[key] = slice(begin, self.at)
        self.at += 1
        return found
