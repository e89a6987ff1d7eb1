"""Torrent files and magnet links, made and read without a BitTorrent library (BEP 3, BEP 9, BEP 27)."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import hashlib
from pathlib import Path
import re
from typing import Any, Self
from urllib.parse import parse_qs, quote

type Bencodable = int | bytes | str | list["Bencodable"] | Mapping[str, "Bencodable"]

PIECE_LENGTH = 64 * 1024
_HASH_BYTES = 20


class TorrentError(ValueError):
    """These bytes are no torrent, or this text is no magnet link."""


def bencode(value: Bencodable) -> bytes:
    """Return a value as a torrent file has it; the keys of a dictionary are sorted as BEP 3 wants."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return bencode(value.encode())
        case list():
            return b"l" + b"".join(map(bencode, value)) + b"e"
        case _:
            pairs = sorted((name.encode(), each) for name, each in value.items())
            return b"d" + b"".join(bencode(name) + bencode(each) for name, each in pairs) + b"e"


def bdecode(data: bytes) -> Any:
    """Return what these bytes say: integers, bytes, lists, dictionaries with `str` keys. Raises TorrentError."""
    try:
        value, end = _decode(data, 0)
    except (IndexError, ValueError, RecursionError) as error:
        raise TorrentError("not bencoded") from error
    if end != len(data):
        raise TorrentError("bytes are left over")
    return value


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    match data[at : at + 1]:
        case b"i":
            end = data.index(b"e", at)
            return int(data[at + 1 : end]), end + 1
        case b"l":
            items: list[Any] = []
            at += 1
            while data[at : at + 1] != b"e":
                item, at = _decode(data, at)
                items.append(item)
            return items, at + 1
        case b"d":
            pairs: dict[str, Any] = {}
            at += 1
            while data[at : at + 1] != b"e":
                name, at = _decode(data, at)
                if not isinstance(name, bytes):
                    raise TorrentError("a key that is no text")
                pairs[name.decode()], at = _decode(data, at)
            return pairs, at + 1
        case _:
            colon = data.index(b":", at)
            length = int(data[at:colon])
            end = colon + 1 + length
            if length < 0 or end > len(data):
                raise TorrentError("a text that ends too early")
            return data[colon + 1 : end], end


@dataclass(frozen=True, slots=True, kw_only=True)
class TorrentFile:
    """A torrent as its file describes it."""

    name: str
    hash: str  # of the info dictionary, SHA-1, lower-case hexadecimal
    files: tuple[tuple[str, int], ...]  # path below the save path, and size in bytes
    piece_length: int
    private: bool
    trackers: tuple[tuple[str, ...], ...]  # tiers
    comment: str
    created_by: str
    created_epoch: int  # -1: not said

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(size for _, size in self.files)

    @property
    def pieces(self) -> int:
        """How many pieces it has."""
        return -(-self.size_bytes // self.piece_length)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a torrent file (version 1). Raises TorrentError."""
        content = bdecode(data)
        try:
            info = content["info"]
            name = info["name"].decode()
            if "files" in info:
                parts = [([part.decode() for part in each["path"]], each["length"]) for each in info["files"]]
                files = tuple(("/".join([name, *path]), int(length)) for path, length in parts)
            else:
                files = ((name, int(info["length"])),)
            tiers = content.get("announce-list") or ([[content["announce"]]] if "announce" in content else [])
            return cls(
                name=name,
                hash=hashlib.sha1(bencode(info), usedforsecurity=False).hexdigest(),
                files=files,
                piece_length=int(info["piece length"]),
                private=info.get("private") == 1,
                trackers=tuple(tuple(url.decode() for url in tier) for tier in tiers),
                comment=content.get("comment", b"").decode(),
                created_by=content.get("created by", b"").decode(),
                created_epoch=int(content.get("creation date", -1)),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise TorrentError("no torrent") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Magnet:
    """A magnet link (BEP 9)."""

    hash: str  # SHA-1, lower-case hexadecimal
    name: str
    trackers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, link: str) -> Self:
        """Read a magnet link with a version 1 hash. Raises TorrentError."""
        scheme, _, query = link.partition("?")
        if scheme != "magnet:":
            raise TorrentError("no magnet link")
        values = parse_qs(query)
        for topic in values.get("xt", ()):
            if found := re.fullmatch(r"urn:btih:([0-9a-fA-F]{40}|[a-zA-Z2-7]{32})", topic):
                given = found[1]
                digest = given.lower() if len(given) == 2 * _HASH_BYTES else base64.b32decode(given.upper()).hex()
                return cls(hash=digest, name=values.get("dn", [digest])[0], trackers=tuple(values.get("tr", ())))
        raise TorrentError("no hash")

    def __str__(self) -> str:
        """Return the link."""
        return magnet_link(self.hash, self.name, self.trackers)


def magnet_link(info_hash: str, name: str, trackers: Iterable[str] = ()) -> str:
    """Return the magnet link of a torrent."""
    link = f"magnet:?xt=urn:btih:{info_hash}&dn={quote(name, safe='')}"
    return link + "".join(f"&tr={quote(url, safe='')}" for url in trackers)


def make_torrent(
    content: Path | Mapping[str, bytes] | bytes,
    *,
    name: str = "",
    piece_length: int = PIECE_LENGTH,
    private: bool = False,
    announce: str | Iterable[Iterable[str]] = (),
    comment: str = "",
) -> bytes:
    """Return a torrent file of a file or folder on disk, of files given by their path, or of the bytes of one file.

    `announce` is one tracker or tiers of trackers. The same content gives the same bytes: no date is written.
    """
    if isinstance(content, Path):
        name = name or content.name
        if content.is_dir():
            paths = sorted(path for path in content.rglob("*") if path.is_file())
            content = {path.relative_to(content).as_posix(): path.read_bytes() for path in paths}
        else:
            content = content.read_bytes()
    if not name:
        raise TorrentError("a torrent needs a name")
    whole = content if isinstance(content, bytes) else b"".join(content.values())
    info: dict[str, Bencodable] = {"name": name, "piece length": piece_length, "pieces": _pieces(whole, piece_length)}
    if isinstance(content, bytes):
        info["length"] = len(content)
    else:
        info["files"] = [{"length": len(data), "path": list(path.split("/"))} for path, data in content.items()]
    if private:
        info["private"] = 1
    torrent: dict[str, Bencodable] = {"info": info}
    tiers = [[announce]] if isinstance(announce, str) else [list(tier) for tier in announce]
    if tiers:
        torrent["announce"] = tiers[0][0]
        torrent["announce-list"] = [list(tier) for tier in tiers]
    if comment:
        torrent["comment"] = comment
    return bencode(torrent)


def _pieces(whole: bytes, piece_length: int) -> bytes:
    starts = range(0, len(whole), piece_length)
    return b"".join(
        hashlib.sha1(whole[start : start + piece_length], usedforsecurity=False).digest() for start in starts
    )


def info_hash(torrent: bytes) -> str:
    """Return the hash of a torrent file."""
    return TorrentFile.parse(torrent).hash
