"""Finding out which of our folders is which of theirs, by looking for files that they know.

Home Assistant often sees none of these files (another machine, no mount). That is no error: what needs files is off.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
import stat
from typing import TYPE_CHECKING, Any

from homeassistant.util import dt as dt_util

from .clients.errors import BackendError
from .connectors.base import Files, Samples
from .const import DOMAIN, LOGGER
from .model.downloads import DownloadClientSnapshot
from .model.paths import NO_ACCESS, JudgedMap, PathMap, choose, compose, contains, judge, propose

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

type AnyCoordinator = BackendCoordinator[Any, Any]

CORRECTIONS_KEY = "path_maps"
#: Mounts change when a person changes them; an unproven map may be proven by tomorrow's files.
PROOF_INTERVAL = timedelta(hours=6)
#: A backend that could not name its files is asked again.
RETRY_INTERVAL = timedelta(minutes=10)
#: Enough for a proof, few enough to be quick on a disk that has to wake up.
SAMPLES = 12
#: Where media is mounted on Home Assistant's installations.
USUAL_PLACES = ("/media", "/share", "/mnt", "/data", "/downloads", "/srv", "/storage", "/config/media")
#: Folders to consider: breadth before depth, and a library's thousand movie folders are of no interest.
FOLDER_DEPTH = 3
MOST_FOLDERS = 500


class PathProof:
    """The path maps of all backends that keep files."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._proven_at: dict[str, datetime] = {}
        self._running: dict[str, object] = {}  # the newest look at each backend's files, while it goes on

    def due(self, backend: AnyCoordinator) -> bool:
        """Tell whether a backend's folders should be looked for again."""
        if backend.connector.files is None or backend.data is None or backend.subentry_id in self._running:
            return False
        last = self._proven_at.get(backend.subentry_id)
        return last is None or dt_util.utcnow() - last >= PROOF_INTERVAL

    def prove_due(self) -> None:
        """Look for the files of every backend whose turn it is: a backend at rest never tells of a change."""
        for backend in self._hub.backends.values():
            if backend.answering and self.due(backend):
                self.prove_soon(backend)

    def prove_soon(self, backend: AnyCoordinator) -> None:
        """Look for a backend's files, beside everything else."""
        self._hub.entry.async_create_background_task(
            self._hub.hass, self.prove(backend), f"{DOMAIN} paths of {backend.title}"
        )

    def forget(self, backend_id: str) -> None:
        """Look again soon: the backend was changed or removed."""
        self._proven_at.pop(backend_id, None)
        self._hub.view.path_maps.pop(backend_id, None)

    async def prove(self, backend: AnyCoordinator) -> tuple[JudgedMap, ...] | None:
        """Look for a backend's files, and keep and return what was found; one that never answered has named none yet.

        Of looks that overlap, only what the newest finds is kept: the person may have said something since the others.
        """
        backend_id, hub, client = backend.subentry_id, self._hub, backend.client
        files = backend.connector.files
        if backend.data is None or files is None:
            return None
        look = self._running[backend_id] = object()
        judged = None
        try:
            judged = await self._judged(backend, files)
        except BackendError as error:
            LOGGER.debug("%s did not name any files: %s", backend.title, error)
        finally:
            newest = self._running.get(backend_id) is look
            if newest:
                del self._running[backend_id]
        if not newest or backend.client is not client or hub.backends.get(backend_id) is not backend:
            return None  # looked at again, another program since, or removed: what was found is of no use
        self._proven_at[backend_id] = dt_util.utcnow()
        if judged is None:
            self._proven_at[backend_id] -= PROOF_INTERVAL - RETRY_INTERVAL
            return None
        known = hub.view.path_maps.get(backend_id)
        hub.view.path_maps[backend_id] = judged
        hub.view.forget()
        if judged != known:
            self._look_again_at_clients(backend)
        return judged

    async def _judged(self, backend: AnyCoordinator, files: Files[Any, Any]) -> tuple[JudgedMap, ...]:
        """Return the maps that the files of a backend speak for. Raises `BackendError`."""
        hass = self._hub.hass
        samples = await files.samples(backend.client, backend.data, SAMPLES)
        folders = files.folders(backend.data)
        corrections = self.corrections(backend.subentry_id)
        composed = self._composed(backend)
        media = tuple(hass.config.media_dirs.values())
        return await hass.async_add_executor_job(_look, folders, samples, corrections, composed, media)

    def _look_again_at_clients(self, backend: AnyCoordinator) -> None:
        """Let an *arr's download clients be looked at soon: its maps and its path mappings together give theirs."""
        for client in self._hub.view.world(dt_util.utcnow()).topology.targets(backend.subentry_id):
            self._proven_at.pop(client, None)

    def _composed(self, backend: AnyCoordinator) -> tuple[PathMap, ...]:
        """Return the maps that follow from an *arr's remote path mappings and that *arr's own proven maps."""
        if not isinstance(backend.data, DownloadClientSnapshot):
            return ()
        view = self._hub.view
        found: list[PathMap] = []
        world = view.world(dt_util.utcnow())
        for source in world.topology.sources(backend.subentry_id):
            arr = world.backends[source].arr
            maps = [each.map for each in view.path_maps.get(source, ()) if each.usable and each.map is not None]
            mappings = arr.wiring.path_mappings if arr is not None else ()
            found += filter(None, (compose(mapping, maps) for mapping in mappings))
            found += maps
        return tuple(found)

    # --- corrections -------------------------------------------------------------------------------------------------

    def corrections(self, backend_id: str) -> tuple[PathMap, ...]:
        """Return what the person said of a backend's folders."""
        said: Mapping[str, str] = self._hub.memory.get(CORRECTIONS_KEY, {}).get(backend_id, {})
        return tuple(PathMap(theirs, ours) for theirs, ours in said.items())

    def correct(self, backend_id: str, theirs: str, entry: PathMap | None) -> None:
        """Keep what the person said of one folder; None forgets it."""
        everything = dict(self._hub.memory.get(CORRECTIONS_KEY, {}))
        said = dict(everything.get(backend_id, {}))
        if entry is None:
            said.pop(theirs, None)
        else:
            said[theirs] = entry.ours
        everything[backend_id] = said
        self._hub.memory.set(CORRECTIONS_KEY, everything)


def _look(
    folders: Collection[str],
    samples: Samples,
    corrections: tuple[PathMap, ...],
    composed: tuple[PathMap, ...],
    media: Collection[str],
) -> tuple[JudgedMap, ...]:
    """Judge the maps of each folder, those that a person gave first. Reads the disk: never on the event loop."""
    judged = {entry.theirs: judge(entry, samples, file_size) for entry in corrections}
    ours = tuple(our_folders((*media, *USUAL_PLACES)))
    for folder in folders:
        if any(contains(entry.theirs, folder) for entry in corrections):
            continue
        same = (PathMap(folder, folder),) if is_folder(folder) else ()
        found = choose((*same, *composed, *propose((folder,), ours)), samples, file_size)
        if found.map is not None:
            judged.setdefault(found.map.theirs, found)
    return tuple(judged.values()) or (NO_ACCESS,)


def our_folders(places: Collection[str]) -> list[str]:
    """Return the folders below the usual places, the shallow ones first. Reads the disk."""
    level = [Path(place) for place in dict.fromkeys(places) if is_folder(place)]
    found: list[str] = []
    for _ in range(FOLDER_DEPTH + 1):
        found.extend(str(folder) for folder in level)
        if len(found) >= MOST_FOLDERS:
            break
        level = [child for folder in level for child in _subfolders(folder)]
    return found[:MOST_FOLDERS]


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if not child.name.startswith(".") and child.is_dir())[
            :MOST_FOLDERS
        ]
    except OSError:
        return []


def file_size(path: str) -> int | None:
    """Return the size of a regular file, None for anything else. Reads the disk."""
    try:
        found = Path(path).stat()
    except OSError, ValueError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def is_folder(path: str) -> bool:
    """Tell whether there is a folder that may be seen. Reads the disk."""
    return Path(path).is_dir()
