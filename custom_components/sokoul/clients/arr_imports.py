"""Taking finished downloads into the library: the part of Radarr and Sonarr that a person would do by hand.

What works for what, read from the sources of Radarr 6 and Sonarr 4:

- A finished download that is in the queue: `import_candidates` by its id, then `import_files`.
- One that isn't finished, or was given up (failed, ignored, imported) and is in its category: asking by its id is
  answered with 500. `scan_download` imports it, and takes it as imported from then on. `import_files` does, too, with
  what is found by folder, but then the application doesn't connect it with the download.
- One that it doesn't follow (given up, and out of the category before the application looked again): there are no
  candidates by its id. `scan_download` and `import_files` by folder work; but `ImportMode.AUTO` would *move* the files
  away from a torrent that seeds. One that only left the category is still known by its id until a restart.
- One file that is rejected leaves the download `importPending` with a warning in Radarr, `importBlocked` in Sonarr;
  the texts are English whatever the language of the interface.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from ..model.library import Command
from ..model.releases import ImportCandidate, ImportMode, ImportRejection
from .arr_releases import quality_name, their_id
from .fields import Fields, each
from .http import Query
from .servarr import ServarrClient

#: Each file is looked into for its running time and streams.
LOOK_SECONDS = 90.0
#: A box of many seasons; more is a folder that nobody meant.
MAX_FILES = 2_000


class ArrImports(ServarrClient, ABC):
    """Imports by hand."""

    _scan_command: ClassVar[str]

    async def import_candidates(self, download_id: str) -> tuple[ImportCandidate, ...]:
        """Return the video files of a finished download in the queue, and what stands against importing each.

        None: the application doesn't follow it, or doesn't see its files. `download_id` is as in a queue item.
        Raises `UnexpectedResponse` with status 500 for one that isn't finished or was given up.
        Source: GET /manualimport.
        """
        wanted: Query = {"downloadId": their_id(download_id)}
        files = list(each(await self._get("manualimport", wanted, timeout_seconds=LOOK_SECONDS), "manualimport"))
        return tuple(self._import_candidate(file) for file in files[:MAX_FILES])

    async def import_files(
        self, candidates: Collection[ImportCandidate], mode: ImportMode = ImportMode.COPY
    ) -> Command:
        """Import files as what they are said to be (`title_ids`, which may be changed), against all rejections.

        The command ends as completed though single files failed: the history tells what was imported. Raises
        ValueError for a candidate without a title. Source: command ManualImport.
        """
        entries = [{**candidate.file, **self._import_titles(candidate)} for candidate in candidates]
        return await self.run_command("ManualImport", files=entries, importMode=mode.value)

    async def scan_download(self, path: str, download_id: str, mode: ImportMode = ImportMode.COPY) -> Command:
        """Import what is acceptable of a download now, found at `path` as the application sees it.

        Its result is unsuccessful when nothing was imported. Source: command DownloadedMoviesScan or
        DownloadedEpisodesScan, whose `downloadClientId` is the download's id.
        """
        return await self.run_command(
            self._scan_command, path=path, downloadClientId=their_id(download_id), importMode=mode.value
        )

    async def refresh_downloads(self) -> Command:
        """Let the application look at its download clients now instead of within a minute.

        Source: command RefreshMonitoredDownloads.
        """
        return await self.run_command("RefreshMonitoredDownloads")

    @abstractmethod
    def _import_subject(self, file: Fields) -> tuple[frozenset[int], int | None]:
        """Return what the application takes a file for: ids of the movie or the episodes, and the series."""

    @abstractmethod
    def _import_titles(self, candidate: ImportCandidate) -> Mapping[str, Any]:
        """Return how a file's titles are named to import it. Raises ValueError when there are none."""

    def _import_candidate(self, file: Fields) -> ImportCandidate:
        title_ids, series_id = self._import_subject(file)
        return ImportCandidate(
            path=file.text("path"),
            size_bytes=int(file.number("size", 0)),
            title_ids=title_ids,
            series_id=series_id,
            quality=quality_name(file),
            languages=tuple(language.text("name", "") for language in file.objects("languages")),
            release_group=file.optional_text("releaseGroup"),
            rejections=tuple(
                ImportRejection(
                    reason=rejection.text("reason", ""), permanent=rejection.text("type", "permanent") == "permanent"
                )
                for rejection in file.objects("rejections")
            ),
            file={name: file.raw(name) for name in _SENT_BACK if name in file},
        )


#: What is sent back as it came. (`releaseType` is Sonarr's.)
_SENT_BACK = (
    "path",
    "folderName",
    "quality",
    "languages",
    "releaseGroup",
    "indexerFlags",
    "releaseType",
    "downloadId",
)
