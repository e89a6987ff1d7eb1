"""Info hashes of what is about to be added, for clients that don't tell which torrent they made of it."""

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

_HEX = re.compile(r"[0-9a-fA-F]{40}")
_BASE32 = re.compile(r"[A-Za-z2-7]{32}")
_MULTIHASH_SHA256 = re.compile(r"1220([0-9a-fA-F]{64})")
_INTEGER = re.compile(rb"i-?\d+e")
_LENGTH = re.compile(rb"(\d{1,9}):")


def hash_of_magnet(link: str) -> str | None:
    """Return the hash by which a client lists a magnet link, in lower case; None where there is none.

    That is the v2 hash cut to 40 digits where the link has one (BEP 52), else the v1 hash (BEP 9), whose older form
    is base 32.
    """
    if not link.lower().startswith("magnet:"):
        return None
    hashes: dict[str, str] = {}
    for topic in parse_qs(urlsplit(link).query).get("xt", ()):
        _, kind, value = [*topic.split(":", 2), "", ""][:3]
        if kind == "btmh" and (found := _MULTIHASH_SHA256.fullmatch(value)):
            hashes["v2"] = found[1][:40].lower()
        elif kind == "btih" and _HEX.fullmatch(value):
            hashes["v1"] = value.lower()
        elif kind == "btih" and _BASE32.fullmatch(value):
            hashes["v1"] = base64.b32decode(value.upper()).hex()
    return hashes.get("v2") or hashes.get("v1")


def hash_of_torrent_file(content: bytes) -> str | None:
    """Return the hash by which a client lists a .torrent file, in lower case; None where the file is not valid."""
    try:
        span = _member(content, b"info")
    except ValueError, RecursionError:
        return None
    if span is None:
        return None
    info = content[span]
    try:
        second_version = _member(info, b"meta version") is not None
    except ValueError:
        return None
    if second_version:
        return hashlib.sha256(info).hexdigest()[:40]
    return hashlib.sha1(info, usedforsecurity=False).hexdigest()


def _member(content: bytes, name: bytes) -> slice | None:
    """Return where the value of a bencoded dictionary's member stands."""
    if content[:1] != b"d":
        raise ValueError("no dictionary")
    at = 1
    while content[at : at + 1] != b"e":
        key_end = _end(content, at)
        value_end = _end(content, key_end)
        if content[at:key_end].partition(b":")[2] == name:
            return slice(key_end, value_end)
        at = value_end
    return None


def _end(content: bytes, at: int) -> int:
    """Return where the bencoded value that begins here ends."""
    if content[at : at + 1] in {b"d", b"l"}:
        at += 1
        while content[at : at + 1] != b"e":
            at = _end(content, at)
        return at + 1
    if found := _INTEGER.match(content, at):
        return found.end()
    if (found := _LENGTH.match(content, at)) and (end := found.end() + int(found[1])) <= len(content):
        return end
    raise ValueError("not bencoded")
