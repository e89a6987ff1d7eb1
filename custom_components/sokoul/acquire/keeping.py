"""Answers as they are kept over a restart: as JSON, without what may hold a person's key.

What a release can be fetched by (`Offer.guid`, `Offer.link`) is left out: it is a secret at some indexers, and good for
half an hour at most. What was kept and can't be read, because another version wrote it or a disk failed, is nothing.
"""

from dataclasses import dataclass, replace
import json
from typing import Final

from ..model.catalogue import CatalogueTitle
from ..model.plain import UNREADABLE, plain, read
from ..model.reasons import Reason
from ..model.releases import Offer
from ..model.search import SourceReport
from .ports import Target

#: Another number: another shape.
VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found: all of an answer that doesn't depend on what the person likes."""

    id: str
    target: Target | None = None
    choices: tuple[CatalogueTitle, ...] = ()
    offers: tuple[Offer, ...] = ()
    catalogues: tuple[SourceReport, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    remarks: tuple[Reason, ...] = ()


def as_kept(found: Found) -> str:
    """Return what was found as JSON."""
    bare = tuple(replace(offer, guid="", link="") for offer in found.offers)
    return json.dumps({"version": VERSION, "found": plain(replace(found, offers=bare))}, separators=(",", ":"))


def from_kept(kept: str) -> Found | None:
    """Return what was kept; None where that can't be read."""
    try:
        stored = json.loads(kept)
        if stored["version"] != VERSION:
            return None
        found: Found = read(Found, stored["found"])
    except UNREADABLE:
        return None
    return found
