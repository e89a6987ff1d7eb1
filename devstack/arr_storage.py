"""Where a Radarr or Sonarr keeps things: disks, root folders, quality profiles, remote path mappings."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from .quality import Quality, QualityProfile
from .servarr_http import ApiError, Invalid, Json, answer, id_of, object_of, refuse

if TYPE_CHECKING:
    from .arr import ArrSimulator

_GIGABYTE = 10**9
#: Where the ids of groups begin: those of qualities are below.
_FIRST_GROUP = 1000


@dataclass(slots=True)
class Disk:
    """A mount as the application sees it. Sizes in bytes."""

    path: str
    label: str
    free_bytes: int
    total_bytes: int


@dataclass(slots=True)
class RootFolder:
    """A folder of the library."""

    id: int
    path: str
    accessible: bool = True


class Storage:
    """Disks and folders, and what they are called elsewhere."""

    def __init__(self, arr: ArrSimulator, roots: Iterable[str]) -> None:
        self.arr = arr
        self.disks = [
            Disk("/", "", 60 * _GIGABYTE, 250 * _GIGABYTE),
            Disk("/config", "", 60 * _GIGABYTE, 250 * _GIGABYTE),  # the same file system once more
            Disk("/data", "data", 3_100 * _GIGABYTE, 8_000 * _GIGABYTE),
        ]
        self.root_folders = {number: RootFolder(number, path) for number, path in enumerate(roots, 1)}
        self.path_mappings: dict[int, Json] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/diskspace", self._get_disks),
            web.get("/rootfolder", self._get_root_folders),
            web.post("/rootfolder", self._post_root_folder),
            web.get("/rootfolder/{id:\\d+}", self._get_root_folder),
            web.delete("/rootfolder/{id:\\d+}", self._delete_root_folder),
            web.get("/qualityprofile", self._get_profiles),
            web.get("/qualityprofile/{id:\\d+}", self._get_profile),
            web.get("/remotepathmapping", self._get_mappings),
            web.post("/remotepathmapping", self._post_mapping),
            web.get("/remotepathmapping/{id:\\d+}", self._get_mapping),
            web.put("/remotepathmapping/{id:\\d+}", self._put_mapping),
            web.delete("/remotepathmapping/{id:\\d+}", self._delete_mapping),
        )

    # --- disks and root folders ----------------------------------------------------------------------------------

    async def _get_disks(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [
                {"path": disk.path, "label": disk.label, "freeSpace": disk.free_bytes, "totalSpace": disk.total_bytes}
                for disk in self.disks
            ]
        )

    def free_space(self, path: str) -> int | None:
        """Return the free bytes of the disk that a path is on; None where no disk is known."""
        mounts = [disk for disk in self.disks if path.startswith(disk.path)]
        return max(mounts, key=lambda disk: len(disk.path)).free_bytes if mounts else None

    def _root_folder_json(self, folder: RootFolder) -> Json:
        return {
            "id": folder.id,
            "path": folder.path,
            "accessible": folder.accessible,
            "freeSpace": self.free_space(folder.path) if folder.accessible else None,
            "unmappedFolders": [],
        }

    def _known_root_folder(self, request: web.Request) -> RootFolder:
        folder = self.root_folders.get(id_of(request))
        if folder is None:
            raise ApiError.not_found()
        return folder

    async def _get_root_folders(self, request: web.Request) -> web.Response:
        del request
        return answer([self._root_folder_json(folder) for folder in self.root_folders.values()])

    async def _get_root_folder(self, request: web.Request) -> web.Response:
        return answer(self._root_folder_json(self._known_root_folder(request)))

    async def _post_root_folder(self, request: web.Request) -> web.Response:
        path = str((await object_of(request)).get("path") or "")
        if not path.startswith("/"):
            raise refuse(Invalid("Path", "Invalid Path", path))
        if any(folder.path.rstrip("/") == path.rstrip("/") for folder in self.root_folders.values()):
            raise refuse(Invalid("Path", "Path is already configured as a root folder", path))
        number = max(self.root_folders, default=0) + 1
        self.root_folders[number] = RootFolder(number, path)
        return answer(self._root_folder_json(self.root_folders[number]), 201)

    async def _delete_root_folder(self, request: web.Request) -> web.Response:
        del self.root_folders[self._known_root_folder(request).id]
        return answer({})

    # --- quality profiles ----------------------------------------------------------------------------------------

    def _profile_json(self, profile: QualityProfile) -> Json:
        def quality(each: Quality) -> Json:
            return dict(self.arr.quality_json(each)["quality"])

        items: list[Json] = []
        cutoff = quality(profile.cutoff)["id"]
        for number, (name, members) in enumerate(profile.rows(), _FIRST_GROUP):
            allowed = any(profile.allows(each) for each in members)
            rows = [{"quality": quality(each), "items": [], "allowed": allowed} for each in members]
            if name is None:
                items += rows
                continue
            items.append({"id": number, "name": name, "items": rows, "allowed": allowed})
            cutoff = number if profile.cutoff in members else cutoff
        return {
            "id": profile.id,
            "name": profile.name,
            "upgradeAllowed": profile.upgrade_allowed,
            "cutoff": cutoff,
            "items": items,
            "minFormatScore": profile.minimum_score,
            "cutoffFormatScore": profile.cutoff_score,
            "minUpgradeFormatScore": 1,
            "formatItems": self.arr.formats.scored(profile.format_scores),
            # Sonarr has moved languages into custom formats
            "language": {"id": -1, "name": "Any"} if self.arr.kind == "movie" else None,
        }

    async def _get_profiles(self, request: web.Request) -> web.Response:
        del request
        return answer([self._profile_json(profile) for profile in self.arr.library.profiles.values()])

    async def _get_profile(self, request: web.Request) -> web.Response:
        profile = self.arr.library.profiles.get(id_of(request))
        if profile is None:
            raise ApiError.not_found()
        return answer(self._profile_json(profile))

    # --- remote path mappings ------------------------------------------------------------------------------------

    def add_path_mapping(self, host: str, remote_path: str, local_path: str) -> Json:
        """Configure that a download client's folder is found elsewhere."""
        number = max(self.path_mappings, default=0) + 1
        mapping = {"id": number, "host": host, "remotePath": remote_path, "localPath": local_path}
        self.path_mappings[number] = mapping
        return mapping

    def local_path(self, host: str, path: str) -> str:
        """Return where this application finds what a download client calls so."""
        for mapping in self.path_mappings.values():
            if mapping["host"] == host and path.startswith(mapping["remotePath"]):
                return str(mapping["localPath"]) + path.removeprefix(mapping["remotePath"])
        return path

    def _known_mapping(self, request: web.Request) -> Json:
        mapping = self.path_mappings.get(id_of(request))
        if mapping is None:
            raise ApiError.not_found()
        return mapping

    @staticmethod
    def _read_mapping(body: Json) -> Json:
        failures = [
            Invalid(name, f"'{name}' must not be empty.", body.get(key))
            for name, key in (("Host", "host"), ("RemotePath", "remotePath"), ("LocalPath", "localPath"))
            if not body.get(key)
        ]
        if failures:
            raise refuse(*failures)
        return {key: str(body[key]) for key in ("host", "remotePath", "localPath")}

    async def _get_mappings(self, request: web.Request) -> web.Response:
        del request
        return answer(list(self.path_mappings.values()))

    async def _get_mapping(self, request: web.Request) -> web.Response:
        return answer(self._known_mapping(request))

    async def _post_mapping(self, request: web.Request) -> web.Response:
        read = self._read_mapping(await object_of(request))
        return answer(self.add_path_mapping(read["host"], read["remotePath"], read["localPath"]), 201)

    async def _put_mapping(self, request: web.Request) -> web.Response:
        mapping = self._known_mapping(request)
        mapping |= self._read_mapping(await object_of(request))
        return answer(mapping, 202)

    async def _delete_mapping(self, request: web.Request) -> web.Response:
        del self.path_mappings[self._known_mapping(request)["id"]]
        return answer({})
