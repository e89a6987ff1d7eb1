"""Hashes of magnet links and .torrent files."""

import base64
import hashlib
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.clients.info_hash import hash_of_magnet, hash_of_torrent_file

V1 = "0123456789abcdef0123456789abcdef01234567"
V2 = "1220" + "ab" * 32
BASE32 = base64.b32encode(bytes.fromhex(V1)).decode()


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f"magnet:?xt=urn:btih:{V1}&dn=A+Film", V1),
        (f"magnet:?dn=A&xt=urn:btih:{V1.upper()}", V1),
        (f"magnet:?xt=urn:btih:{BASE32}", V1),
        (f"magnet:?xt=urn:btih:{BASE32.lower()}", V1),
        (f"magnet:?xt=urn%3Abtih%3A{V1}", V1),
        (f"MAGNET:?xt=urn:btih:{V1}", V1),
        (f"magnet:?xt=urn:btmh:{V2}", "ab" * 20),
        (f"magnet:?xt=urn:btih:{V1}&xt=urn:btmh:{V2}", "ab" * 20),
        (f"magnet:?xt=urn:btmh:1220zz&xt=urn:btih:{V1}", V1),
        ("magnet:?xt=urn:btih:short", None),
        ("magnet:?xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0", None),
        ("magnet:?xt=btih", None),
        ("magnet:?dn=nothing", None),
        ("magnet:", None),
        (f"https://indexer.example/download?xt=urn:btih:{V1}", None),
        ("", None),
    ],
)
def test_the_hash_of_a_magnet_link(link: str, expected: str | None) -> None:
    assert hash_of_magnet(link) == expected


def bencoded(value: Any) -> bytes:
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case list():
            return b"l" + b"".join(map(bencoded, value)) + b"e"
        case _:
            return b"d" + b"".join(bencoded(key) + bencoded(value[key]) for key in sorted(value)) + b"e"


def test_the_hash_of_a_torrent_file_is_that_of_its_info_as_it_stands() -> None:
    info = {b"length": 5, b"name": b"4:infod1:xe", b"piece length": 16384, b"pieces": b"e" * 20}
    file = {b"announce": b"http://t.example/4:info", b"announce-list": [[b"a"], [b"b", b"c"]], b"info": info}
    assert hash_of_torrent_file(bencoded(file)) == hashlib.sha1(bencoded(info), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("pieces", [{}, {b"pieces": b"x" * 20}])
def test_a_torrent_of_the_second_version_has_its_hash_cut(pieces: dict[bytes, bytes]) -> None:
    info = {b"file tree": {b"a": {b"": {b"length": 5}}}, b"meta version": 2, b"name": b"a", **pieces}
    assert hash_of_torrent_file(bencoded({b"info": info})) == hashlib.sha256(bencoded(info)).hexdigest()[:40]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"le",
        b"de",
        b"d4:infoe",
        b"d4:info",
        b"d4:infoi5ee",
        b"d4:info5:abce",
        b"d4:infol1:a",
        b"d4:infod1:a",
        b"d3:abc" + b"l" * 100_000,
        b"d999999999:x",
        b"d4:infod12:meta versionxe",
    ],
)
def test_what_is_no_torrent_file_has_none(content: bytes) -> None:
    assert hash_of_torrent_file(content) is None


@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: b"d4:infod" + tail))
def test_anything_is_taken(content: bytes) -> None:
    result = hash_of_torrent_file(content)
    assert result is None or len(result) == 40
