"""Answers as they are kept over a restart: scored, in their order, and without what may hold a person's key.

What is kept is a text of lines: in which shape it is and a checksum of all that follows, who ranked it, the answer
without its releases, by what releases are called, the profile, and the releases, page by page as they are in memory. So
the first page can be shown without unpacking the others.

What was kept and is not whole, because another version wrote it or a disk failed, is nothing.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from functools import lru_cache
import hashlib
import json
from typing import Final
import zlib

from ..model.catalogue import CatalogueTitle
from ..model.compact import codec
from ..model.reasons import Reason
from ..model.releases import QualityProfile
from ..model.search import SourceReport
from .packing import SHAPE, PackedResults, Page
from .ports import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An answer without its releases."""

    id: str
    target: Target | None = None
    choices: tuple[CatalogueTitle, ...] = ()
    catalogues: tuple[SourceReport, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    remarks: tuple[Reason, ...] = ()
    profile: str | None = None
    count: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as it is kept."""

    head: Head
    #: who put the releases into their order: what they are scored with, as a digest. Others have to do it again
    ranked_by: str
    results: PackedResults
    profile: bytes | None = None  # packed


#: So many profiles are kept as they were packed: what is remembered of titles under one profile shares it.
MOST_PROFILES: Final = 4
_HEAD: Final = codec(Head)
_PROFILE: Final = codec(QualityProfile)
#: Another number: another way to keep the same.
_VERSION: Final = 4
_SHAPE: Final = hashlib.blake2b(
    f"{_VERSION} {_HEAD.shape} {_PROFILE.shape} {SHAPE}".encode(), digest_size=16
).hexdigest()


def as_kept(kept: Kept) -> str:
    """Return an answer as text."""
    head = _HEAD.pack(replace(kept.head, count=len(kept.results)))
    ids = kept.results.ids.replace("\n", ",")
    profile = b64encode(kept.profile or b"").decode()
    lines = [kept.ranked_by, json.dumps(head, separators=(",", ":")), ids, profile, *kept.results.bare_pages]
    body = "\n".join(lines)
    return f"{_seal(body)}\n{body}"


def from_kept(text: str) -> Kept | None:
    """Return an answer that was kept; None where it isn't what was kept, or where another version kept it."""
    seal, _, body = text.partition("\n")
    if seal != _seal(body):
        return None
    ranked_by, stored, ids, profile, *pages = body.split("\n")
    head: Head = _HEAD.unpack(json.loads(stored))
    results = PackedResults([Page(each) for each in pages], ids.replace(",", "\n"), head.count)
    return Kept(head=head, ranked_by=ranked_by, results=results, profile=b64decode(profile) or None)


@lru_cache(maxsize=MOST_PROFILES)
def packed_profile(profile: QualityProfile | None) -> bytes | None:
    """Return a profile as few objects: with all custom formats it is hundreds. What is equal gives the same bytes."""
    if profile is None:
        return None
    return zlib.compress(json.dumps(_PROFILE.pack(profile), separators=(",", ":")).encode())


def unpacked_profile(packed: bytes | None) -> QualityProfile | None:
    """Return the profile."""
    if packed is None:
        return None
    profile: QualityProfile = _PROFILE.unpack(json.loads(zlib.decompress(packed)))
    return profile


def _seal(body: str) -> str:
    """Return what tells whether a text is what this version kept. Disks fail; nobody forges what is theirs."""
    return f"{_SHAPE} {zlib.crc32(body.encode(errors='replace')):08x}"
