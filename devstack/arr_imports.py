"""How a Radarr or Sonarr takes finished downloads into its library.

Where the simulator has a disk to look at, the video is really linked (or copied) from the download to the library.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
import hashlib
from pathlib import Path
import shutil
from typing import TYPE_CHECKING

from .arr_queue_item import DownloadFile, QueueItem
from .library import DOWNLOADS_ROOT, MediaFile, Wanted
from .quality import Quality
from .releases import INDEXERS

if TYPE_CHECKING:
    from .arr import ArrSimulator

_VIDEO = {".mkv", ".mp4", ".avi", ".m4v", ".ts"}
#: what is looked for where there is no video
_ISSUES = {
    "dangerous": (
        {".arj", ".lnk", ".lzh", ".ps1", ".scr", ".vbs", ".zipx"},
        "Caution: Found potentially dangerous file",
    ),
    "executable": ({".bat", ".cmd", ".exe", ".sh"}, "Caution: Found executable file"),
    "archive": ({".rar", ".zip", ".7z", ".gz", ".tar"}, "Found archive file, might need to be extracted"),
}


def invented_hash(title: str) -> str:
    """Return an info hash for something that has none, in upper case."""
    return hashlib.sha1(title.encode(), usedforsecurity=False).hexdigest().upper()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A file of a download, and why it would not be imported; nothing: it would."""

    file: DownloadFile
    rejections: tuple[str, ...]


class Imports:
    """Imports of finished downloads."""

    def __init__(self, arr: ArrSimulator, disk: Path | None) -> None:
        self.arr = arr
        self.disk = disk
        self.moved: list[str] = []  # files that were moved away from where they were downloaded
        #: what makes a download failed when it is all that is in it: "dangerous", "executable" (a setting of indexers)
        self.failing: set[str] = set()

    # --- what is in a download -----------------------------------------------------------------------------------

    def can_read(self, item: QueueItem) -> bool:
        """Tell whether the finished files are there (always, when there is no disk to look at)."""
        if item.output_path is None:
            return False
        return self.disk is None or self._on_disk(self.disk, item.output_path).exists()

    def contents(self, item: QueueItem) -> list[DownloadFile]:
        """Return all files of a download, whatever they are."""
        if not self.can_read(item):
            return []
        if item.files is not None:
            return list(item.files)
        return self._from_disk(self.disk, item) if self.disk is not None else self._supposed(item)

    def videos(self, item: QueueItem) -> list[DownloadFile]:
        """Return the files of a download that may be imported."""
        folder = item.output_path or ""
        return [file for file in self.contents(item) if self._is_video(Path(file.path(folder)), single=not file.name)]

    @staticmethod
    def _is_video(path: Path, *, single: bool) -> bool:
        """Tell whether a file may be a video: one that is a whole download may lack the ending."""
        ending = path.suffix.lower()
        return ending in _VIDEO or (single and not any(ending in endings for endings, _ in _ISSUES.values()))

    def _supposed(self, item: QueueItem) -> list[DownloadFile]:
        """Return a file for each title, or one that nobody knows."""
        if len(item.wanted) < 2:  # noqa: PLR2004 -- one file for one title
            return [DownloadFile(name=f"{item.title}.mkv", size_bytes=item.size_bytes, wanted=item.wanted)]
        share = item.size_bytes // len(item.wanted)
        return [
            DownloadFile(name=f"{item.title}.{self.arr.file_token(one)}.mkv", size_bytes=share, wanted=(one,))
            for one in item.wanted
        ]

    def _from_disk(self, disk: Path, item: QueueItem) -> list[DownloadFile]:
        root = self._on_disk(disk, item.output_path or "")
        if root.is_file():
            return [DownloadFile(name="", size_bytes=root.stat().st_size, wanted=item.wanted)]
        found = []
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            named = tuple(one for one in item.wanted if self.arr.file_token(one).lower() in path.name.lower())
            name = path.relative_to(root).as_posix()
            found.append(DownloadFile(name=name, size_bytes=path.stat().st_size, wanted=named))
        return found

    # --- judging -------------------------------------------------------------------------------------------------

    def verdicts(self, item: QueueItem) -> list[Verdict]:
        """Return what an import by itself would do with each video."""
        return [Verdict(file, tuple(self._rejections(item, file))) for file in self.videos(item)]

    def _rejections(self, item: QueueItem, file: DownloadFile) -> list[str]:
        reasons = [*file.rejections, *self.arr.queue.import_blocks.get(str(item.download_id), ())]
        if imported := self._imported_at(item, file):
            reasons.append(f"{self.arr.sentences.file} file already imported at {imported:%m/%d/%Y %H:%M:%S}")
        if not file.wanted:
            reasons.append(self.arr.sentences.unknown_file if item.wanted else self.arr.sentences.unknown_import)
        what = "movie file" if self.arr.kind == "movie" else "episode file(s)"
        new = self._name(item.quality)
        files = (one.file for one in file.wanted)
        better = {old.quality: None for old in files if old and old.quality.weight > item.quality.weight}
        reasons += [
            f"Not an upgrade for existing {what}. Existing quality: {self._name(quality)}. New Quality {new}."
            for quality in better
        ]
        return reasons

    def _imported_at(self, item: QueueItem, file: DownloadFile) -> datetime | None:
        """Return when a file of a grab was imported, which happens once."""
        events = [
            event
            for event in self.arr.history.events
            if event.download_id == item.download_id and any(event.wanted is one for one in file.wanted)
        ]
        kinds = [event.event for event in events]
        if (
            item.download_id is None
            or "downloadFolderImported" not in kinds
            or not any(one.file for one in file.wanted)
        ):
            return None
        last = len(kinds) - 1 - kinds[::-1].index("downloadFolderImported")
        return None if "grabbed" in kinds[last:] else events[last].date

    def issue(self, item: QueueItem) -> tuple[str, str] | None:
        """Return what is wrong with a download without videos: its kind and the complaint."""
        files = self.contents(item)
        single = len(files) == 1 and not files[0].name
        for kind, (extensions, complaint) in _ISSUES.items():
            for file in files:
                extension = Path(file.path(item.output_path or "")).suffix.lower()
                if extension in extensions:
                    return kind, f"{complaint} with extension: '{extension}'" if single else complaint
        return None

    def _name(self, quality: Quality) -> str:
        return str(self.arr.quality_json(quality)["quality"]["name"])

    # --- importing -----------------------------------------------------------------------------------------------

    async def take(
        self, item: QueueItem, files: Iterable[DownloadFile], *, move: bool = False, followed: bool = True
    ) -> list[Wanted]:
        """Put files of a download into the library, with history and webhooks; return what was imported.

        One that isn't `followed` is not connected with its download.
        """
        imported: list[tuple[Wanted, MediaFile | None]] = []
        for download in files:
            source = download.path(item.output_path or "")
            for one in download.wanted:
                file = self.arr.new_file(one, item, download.size_bytes // len(download.wanted))
                if self.disk is not None:
                    await asyncio.to_thread(self._link, self.disk, source, one, file)
                imported.append((one, one.file))
                one.file = file
                self._note(item, one, file, source, followed=followed)
            if move:
                self.moved.append(source)
                if self.disk is not None:
                    self._on_disk(self.disk, source).unlink()
        if imported:
            self.arr.notify_import(item, imported)
        return [one for one, _ in imported]

    @staticmethod
    def _on_disk(disk: Path, path: str) -> Path:
        return disk / path.lstrip("/")

    def _link(self, disk: Path, source: str, one: Wanted, file: MediaFile) -> None:
        """Link (or copy) a video into the library."""
        video = self._on_disk(disk, source)
        target = self._on_disk(disk, f"{self.arr.folder_of(one)}/{file.relative_path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if self.arr.media_management.values["copyUsingHardlinks"]:
            target.hardlink_to(video)
        else:
            shutil.copyfile(video, target)
        file.size_bytes = target.stat().st_size

    def _note(self, item: QueueItem, one: Wanted, file: MediaFile, source: str, *, followed: bool) -> None:
        self.arr.history.add(
            "downloadFolderImported",
            (one,),
            source_title=item.title,
            quality=item.quality,
            languages=item.languages,
            download_id=item.download_id if followed else None,
            score=item.score,
            data={
                "fileId": str(file.id),
                "droppedPath": source,
                "importedPath": f"{self.arr.folder_of(one)}/{file.relative_path}",
                **(item.client_data if followed else {}),
                "releaseGroup": file.group or "",
                "size": str(file.size_bytes),
                "customFormatScore": str(item.score),
                "indexerFlags": "0",
            },
        )

    def lay_out_library(self, most: int = 200) -> int:
        """Put files of the right sizes, with nothing in them, where the newest of the library are; return how many."""
        if self.disk is None:
            return 0
        for one, file in self._newest(most):
            path = self._on_disk(self.disk, f"{self.arr.folder_of(one)}/{file.relative_path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as empty:
                empty.truncate(file.size_bytes)  # sparse: it takes no room
        return len(self._newest(most))

    def _newest(self, most: int) -> list[tuple[Wanted, MediaFile]]:
        return sorted(self.arr.own_files(), key=lambda pair: pair[1].added)[-most:]

    def remember(self, most: int = 60) -> None:
        """Give the newest files of the library the history that they must have had."""
        client = {"downloadClient": "qBittorrent", "downloadClientName": "qBittorrent"}
        for one, file in self._newest(most):
            name = file.scene_name or file.relative_path
            grabbed = {"indexer": INDEXERS[0].synced_name, "size": str(file.size_bytes), "protocol": "2"}
            imported = {
                "fileId": str(file.id),
                "droppedPath": f"{DOWNLOADS_ROOT}/{self.arr.name}/{name}/{name}.mkv",
                "importedPath": f"{self.arr.folder_of(one)}/{file.relative_path}",
                "releaseGroup": file.group or "",
                "size": str(file.size_bytes),
            }
            for event, date, data in (
                ("grabbed", file.added - timedelta(hours=2), grabbed),
                ("downloadFolderImported", file.added, imported),
            ):
                self.arr.history.add(
                    event,
                    (one,),
                    source_title=name,
                    quality=file.quality,
                    languages=file.languages,
                    date=date,
                    download_id=invented_hash(name),
                    data=client | data,
                )
