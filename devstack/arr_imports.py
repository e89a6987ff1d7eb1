"""How a Radarr or Sonarr takes finished downloads into its library.

Where the simulator has a disk to look at, the video is really linked (or copied) from the download to the library.
"""

import asyncio
from datetime import timedelta
import hashlib
from pathlib import Path
import shutil
from typing import TYPE_CHECKING

from .arr_queue import QueueItem
from .library import DOWNLOADS_ROOT, MediaFile, Wanted
from .releases import INDEXERS

if TYPE_CHECKING:
    from .arr import ArrSimulator

_VIDEO = {".mkv", ".mp4", ".avi", ".m4v", ".ts"}


def invented_hash(title: str) -> str:
    """Return an info hash for something that has none, in upper case."""
    return hashlib.sha1(title.encode(), usedforsecurity=False).hexdigest().upper()


class Imports:
    """Imports of finished downloads."""

    def __init__(self, arr: ArrSimulator, disk: Path | None) -> None:
        self.arr = arr
        self.disk = disk

    def can_read(self, item: QueueItem) -> bool:
        """Tell whether the finished files are there (always, when there is no disk to look at)."""
        if self.disk is None:
            return True
        return item.output_path is not None and self._on_disk(self.disk, item.output_path).exists()

    def _better(self, one: Wanted, item: QueueItem) -> bool:
        """Tell whether a title has a better file already."""
        return one.file is not None and one.file.quality.weight > item.quality.weight

    def rejections(self, item: QueueItem) -> list[str]:
        """Return why nothing of a download will be imported; empty: something will be."""
        if not all(self._better(one, item) for one in item.wanted):
            return []
        what = "movie file" if self.arr.kind == "movie" else "episode file(s)"
        new = self.arr.quality_json(item.quality)["quality"]["name"]
        qualities = {one.file.quality: None for one in item.wanted if one.file is not None}
        return [
            f"Not an upgrade for existing {what}. "
            f"Existing quality: {self.arr.quality_json(each)['quality']['name']}. New Quality {new}."
            for each in qualities
        ]

    async def run(self, item: QueueItem, *, by_hand: bool) -> None:
        """Put the files of a finished download into the library, with history and webhooks."""
        share = item.size_bytes // max(len(item.wanted), 1)
        imported: list[tuple[Wanted, MediaFile | None]] = []
        for one in item.wanted:
            if self._better(one, item) and not by_hand:
                continue
            file = self.arr.new_file(one, item, share)
            source = item.output_path or ""
            if self.disk is not None:
                source = await asyncio.to_thread(self._link, self.disk, one, item, file)
            imported.append((one, one.file))
            one.file = file
            self._note(item, one, file, source)
        self.arr.notify_import(item, imported)

    @staticmethod
    def _on_disk(disk: Path, path: str) -> Path:
        return disk / path.lstrip("/")

    def _link(self, disk: Path, one: Wanted, item: QueueItem, file: MediaFile) -> str:
        """Link (or copy) the video of a title into the library; return where it was."""
        source = self._on_disk(disk, item.output_path or "")
        candidates = [path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file()]
        token = self.arr.file_token(one).lower()
        fitting = [path for path in candidates if token in path.name.lower()] or candidates
        video = max(fitting, key=lambda path: (path.suffix in _VIDEO, path.stat().st_size))
        target = self._on_disk(disk, f"{self.arr.folder_of(one)}/{file.relative_path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if self.arr.media_management.values["copyUsingHardlinks"]:
            target.hardlink_to(video)
        else:
            shutil.copyfile(video, target)
        file.size_bytes = target.stat().st_size
        return f"/{video.relative_to(disk).as_posix()}"

    def _note(self, item: QueueItem, one: Wanted, file: MediaFile, source: str) -> None:
        self.arr.history.add(
            "downloadFolderImported",
            (one,),
            source_title=item.title,
            quality=item.quality,
            languages=item.languages,
            download_id=item.download_id,
            score=item.score,
            data={
                "fileId": str(file.id),
                "droppedPath": source,
                "importedPath": f"{self.arr.folder_of(one)}/{file.relative_path}",
                **item.client_data,
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
