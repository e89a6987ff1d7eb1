"""Where links are looked for and where they lead: what a person set, and else what is known.

Media folders are the root folders of the *arrs, as they are seen here. Mounts are found by what the links say. What was
found once is remembered: a folder or a mount that is away for a while is still the one that it was.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import time
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .debrid.catalogue import Catalogue
from .debrid.links import Mount
from .debrid.mounts import detect, prove
from .debrid.turns import in_turns
from .model.backend import ARR_KINDS
from .model.paths import PathState, contains, map_of
from .path_proof import file_size, is_folder

if TYPE_CHECKING:
    from .hub import Hub

SETTINGS_KEY = "links"
FOUND_KEY = "links_found"
#: At night, before the *arrs' and media servers' own usual housekeeping.
FULL_AT = time(4, 10)
#: How the folder is called in which links are set aside.
RECYCLE = ".sokoul-recycled"
_SEEN = frozenset({PathState.PROVEN, PathState.UNPROVEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """What a person set. What is empty is found out."""

    folders: tuple[str, ...] = ()  # ours
    mounts: Mapping[str, str] = MappingProxyType({})  # as links name them, and where they are here ("": nowhere)
    recycle: str = ""
    full_at: time = FULL_AT
    refresh: tuple[str, ...] = ()  # media servers, see `linking_refresh`

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> LinkSettings:
        """Return what was stored; what can't be read any more is at its default."""
        try:
            return cls(
                folders=tuple(stored["folders"]),
                mounts=dict(stored["mounts"]),
                recycle=str(stored["recycle"]),
                full_at=time.fromisoformat(stored["full_at"]),
                refresh=tuple(stored["refresh"]),
            )
        except KeyError, TypeError, ValueError:
            return cls()

    def as_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {
            "folders": list(self.folders),
            "mounts": dict(self.mounts),
            "recycle": self.recycle,
            "full_at": self.full_at.isoformat(),
            "refresh": list(self.refresh),
        }


def settings_of(hub: Hub) -> LinkSettings:
    """Return what a person set."""
    return LinkSettings.from_json(hub.memory.get(SETTINGS_KEY, {}))


# --- media folders ---------------------------------------------------------------------------------------------------


def roots_of(hub: Hub, settings: LinkSettings) -> tuple[str, ...]:
    """Return the media folders, none of them in another one."""
    folders = settings.folders or tuple(_root_folders(hub).values())
    chosen: list[str] = []
    for folder in sorted({each.rstrip("/") for each in folders if each.rstrip("/")}):
        if not any(contains(other, folder) for other in chosen):
            chosen.append(folder)
    return tuple(chosen)


def _root_folders(hub: Hub) -> dict[str, str]:
    """Return the root folders of the *arrs, by backend and their name, as they are seen here.

    One that was seen once is remembered for as long as its *arr has it.
    """
    known: Mapping[str, str] = hub.memory.get(FOUND_KEY, {}).get("roots", {})
    found: dict[str, str] = {}
    for backend in hub.backends.values():
        if backend.connector.kind not in ARR_KINDS:
            continue
        if backend.data is None:  # it has not answered yet
            found |= {key: ours for key, ours in known.items() if key.startswith(f"{backend.subentry_id} ")}
            continue
        maps = hub.view.path_maps.get(backend.subentry_id, ())
        for folder in backend.data.wiring.root_folders:
            key = f"{backend.subentry_id} {folder.path}"
            judged = map_of(maps, folder.path)
            # links that lead nowhere from here prove nothing: that a folder of this name is seen is enough
            if judged is not None and judged.map is not None and judged.state in _SEEN:
                found[key] = judged.map.translate(folder.path) or known.get(key, "")
            elif key in known:
                found[key] = known[key]
    if found != known:
        _remember(hub, "roots", found)
    return found


def _remember(hub: Hub, what: str, found: Mapping[str, Any]) -> None:
    hub.memory.set(FOUND_KEY, {**hub.memory.get(FOUND_KEY, {}), what: dict(found)})


# --- where links are set aside ---------------------------------------------------------------------------------------


def recycles_of(roots: Collection[str], chosen: str) -> dict[str, str]:
    """Return where links of each media folder are set aside; one without such a place is left out. Reads the disk.

    It is the folder that a person chose, else one beside the media folder: on the same file system, so that it is there
    whenever the links are, and in no media folder, so that nobody plays what is in it.
    """
    found: dict[str, str] = {}
    for root in roots:
        recycle = chosen or os.path.join(os.path.dirname(root), RECYCLE)  # noqa: PTH118, PTH120 -- of a text
        if not any(contains(each, recycle) for each in roots) and same_file_system(root, recycle):
            found[root] = recycle
    return found


def same_file_system(folder: str, other: str) -> bool:
    """Tell whether two folders are on one file system; one that isn't there yet is where it would be made. Reads it."""
    try:
        device = Path(folder).stat().st_dev
        place = Path(other)
        while not place.exists() and place != place.parent:
            place = place.parent
        return place.stat().st_dev == device
    except OSError, ValueError:
        return False


# --- mounts ----------------------------------------------------------------------------------------------------------


class MountFinder:
    """Tells, at each check, which mounts there are, and which of them are proven. It is called in a thread."""

    def __init__(self, settings: LinkSettings, known: Mapping[str, str], roots: Collection[str]) -> None:
        """`known` are the mounts that were found before, and where they are here ("": nowhere)."""
        self._given = settings.mounts
        self._roots = tuple(roots)
        self.known: dict[str, str] = dict(known)

    def __call__(self, texts: Mapping[str, str], catalogue: Catalogue) -> list[Mount]:
        """Return the mounts. Reads the disk."""
        if self._given:
            mounts = [Mount(theirs=theirs, ours=ours or None) for theirs, ours in self._given.items()]
            return [prove(mount, texts, catalogue, file_size) for mount in mounts]
        found = []
        detected = detect(texts, catalogue, self._roots)
        for theirs in dict.fromkeys((*self.known, *detected)):
            if theirs not in detected and not any(text.startswith(f"{theirs}/") for text in in_turns(texts.values())):
                del self.known[theirs]  # nothing leads there any more
                continue
            # a mount has the same name here, or it can't be known where it is
            ours = self.known.get(theirs) or (theirs if is_folder(theirs) else None)
            mount = prove(Mount(theirs=theirs, ours=ours), texts, catalogue, file_size)
            # that it was once proven is remembered: one that is away later is away, and not "nowhere"
            remembered = self.known.get(theirs) or (theirs if mount.proven else "")
            self.known[theirs] = remembered
            found.append(mount if remembered else Mount(theirs=theirs))
        return found


def known_mounts(hub: Hub) -> Mapping[str, str]:
    """Return the mounts that were found before."""
    stored: Mapping[str, str] = hub.memory.get(FOUND_KEY, {}).get("mounts", {})
    return {os.fsdecode(unquote_to_bytes(each)): os.fsdecode(unquote_to_bytes(stored[each])) for each in stored}


def remember_mounts(hub: Hub, finder: MountFinder) -> None:
    """Remember the mounts that were found. A name that is no text would make all that is remembered unreadable."""
    if finder.known != known_mounts(hub):
        written = {_written(theirs): _written(ours) for theirs, ours in finder.known.items()}
        _remember(hub, "mounts", written)


def _written(path: str) -> str:
    return quote_from_bytes(os.fsencode(path))
