"""Imports that a person asks for: `/manualimport`, and the commands that import or scan.

Asked by the id of a download, the application looks where it saw it finished: one that it never saw so is a null
reference, in the question and, after the files were imported, at the end of the command.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aiohttp import web

from .arr_commands import UnsuccessfulError
from .arr_imports import Verdict
from .arr_queue_item import DownloadFile, QueueItem
from .library import Wanted
from .quality import QUALITIES, UNKNOWN, Quality, languages
from .servarr_http import ApiError, Json, Query, answer, identity

if TYPE_CHECKING:
    from .arr import ArrSimulator

_NULL = "Object reference not set to an instance of an object."


class ManualImports:
    """Imports by hand."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (web.get("/manualimport", self._get),)

    def _item_at(self, path: str) -> QueueItem | None:
        """Return the download that lies at a path (or in which it lies)."""
        for item in self.arr.queue.grabs.values():
            if item.output_path is not None and PurePosixPath(path).is_relative_to(item.output_path):
                return item
        return None

    def _stranger(self, path: str) -> QueueItem | None:
        """Return what lies at a path as the application sees it when it knows nothing of the download."""
        found = self._item_at(path)
        if found is None or not self.arr.imports.can_read(found):
            return None
        name = PurePosixPath(path).name
        wanted = self.arr.match(name) or self.arr.match(found.title)
        files = tuple(
            replace(file, wanted=tuple(one for one in file.wanted if one in wanted))
            for file in self.arr.imports.contents(found)
            if PurePosixPath(file.path(str(found.output_path))).is_relative_to(path)
        )
        return replace(found, title=name, wanted=wanted, release=None, files=files)

    # --- asking --------------------------------------------------------------------------------------------------

    async def _get(self, request: web.Request) -> web.Response:
        query = Query(request)
        query.boolean("filterExistingFiles", default=True)
        download_id, folder = query.text("downloadId"), query.text("folder")
        if download_id:
            item = self.arr.queue.find_download(download_id)
            if item is None:
                return answer([])
            if not self._importable(item):
                raise ApiError.message(500, _NULL)
        else:
            item = self._stranger(folder) if folder else None
            if item is None:
                return answer([])
        return answer([self._json(item, verdict, download_id) for verdict in self.arr.imports.verdicts(item)])

    @staticmethod
    def _importable(item: QueueItem) -> bool:
        finished = item.status == "completed" and item.tracked_state not in {"failed", "ignored"}
        return item.importable or (item.scripted and finished)

    def _json(self, item: QueueItem, verdict: Verdict, download_id: str | None) -> Json:
        folder = item.output_path or ""
        path = verdict.file.path(folder)
        name = path.rpartition("/")[2]
        return {
            "id": identity(path),
            "path": path,
            "relativePath": verdict.file.name or name,
            "folderName": PurePosixPath(folder).name if verdict.file.name else None,
            "name": name.rpartition(".")[0],
            "size": verdict.file.size_bytes,
            **self.arr.import_titles(verdict.file.wanted),
            "releaseGroup": item.title.rpartition("-")[2],
            "quality": self.arr.quality_json(item.quality),
            "languages": languages(item.languages),
            "qualityWeight": item.quality.weight,
            "downloadId": download_id,
            "customFormats": [],
            "customFormatScore": item.score,
            "indexerFlags": 0,
            "rejections": [{"reason": reason, "type": "permanent"} for reason in verdict.rejections],
        }

    # --- importing -----------------------------------------------------------------------------------------------

    async def run(self, body: Json) -> None:
        """Import files as what they are said to be, whatever stands against it: the command ManualImport."""
        mode = str(body.get("importMode", "auto")).lower()
        followed: dict[str, QueueItem] = {}
        for file in body.get("files") or ():
            wanted = self.arr.imported_as(file)
            quality = self._quality(file)
            item = self.arr.queue.find_download(str(file.get("downloadId") or ""))
            source = item or self._stranger(str(file["path"]))
            download = None if source is None else self._file_at(source, str(file["path"]))
            if source is None or download is None:
                continue  # it isn't there: the command goes on without it
            known = item is not None
            await self.arr.imports.take(
                replace(source, quality=quality),
                [replace(download, wanted=wanted)],
                move=mode == "move" or (mode == "auto" and not known),
                followed=known,
            )
            if item is not None:
                followed[str(item.download_id)] = item
        for item in followed.values():
            if not self._importable(item):
                raise TypeError(_NULL)
            await self.arr.queue.verify_import(item)

    def _file_at(self, item: QueueItem, path: str) -> DownloadFile | None:
        folder = item.output_path or ""
        return next((file for file in self.arr.imports.contents(item) if file.path(folder) == path), None)

    def _quality(self, file: Json) -> Quality:
        number = file["quality"]["quality"]["id"]
        return next((each for each in QUALITIES if self.arr.quality_json(each)["quality"]["id"] == number), UNKNOWN)

    async def scan(self, body: Json) -> None:
        """Import what is acceptable at a path: the command DownloadedMoviesScan or DownloadedEpisodesScan."""
        path = str(body.get("path") or "")
        if not path:
            raise ValueError("A path must be provided (Parameter 'path')")
        mode = str(body.get("importMode", "auto")).lower()
        item = self.arr.queue.find_download(str(body.get("downloadClientId") or ""))
        there = self._stranger(path)
        if there is None:
            raise UnsuccessfulError("it isn't there")
        if item is None:
            imported = await self._take_accepted(there, move=mode in {"auto", "move"}, followed=False)
        else:
            if not item.wanted:
                raise TypeError(_NULL)
            imported = await self._take_accepted(item, move=mode == "move", followed=True)
            await self.arr.queue.verify_import(item)
        if not imported:
            raise UnsuccessfulError("Failed to import")

    async def _take_accepted(self, item: QueueItem, *, move: bool, followed: bool) -> list[Wanted]:
        accepted = [verdict.file for verdict in self.arr.imports.verdicts(item) if not verdict.rejections]
        return await self.arr.imports.take(item, accepted, move=move, followed=followed)
