"""What tests and launchers let a simulated Radarr or Sonarr have: items, releases, failures, blocked imports."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import timedelta
import re
from typing import Any, TypeIs

from .arr_decisions import Source
from .arr_giving_up import GivingUp
from .arr_grabbing import Grabbing
from .arr_imports import invented_hash
from .arr_queue import Queue, QueueItem, StatusMessage
from .clock import Clock
from .library import DOWNLOADS_ROOT, Wanted
from .quality import WEBDL_1080P, Quality
from .releases import INDEXERS, Release
from .torrents import magnet_link

#: what SABnzbd does with a download, and what the applications make of it; they don't tell the last three apart
USENET_STAGES = {
    "queued": "queued",
    "paused": "paused",
    "downloading": "downloading",
    "verifying": "downloading",
    "repairing": "downloading",
    "extracting": "downloading",
}


class Scripting:
    """What is made by hand. Nothing of it changes by itself."""

    name: str
    clock: Clock
    queue: Queue
    grabbing: Grabbing
    giving_up: GivingUp
    offers: dict[object, tuple[Release, ...]]

    @abstractmethod
    def search_name(self, wanted: Sequence[Wanted]) -> str:
        """Return how releases call these titles."""

    def offer(self, one: Wanted, *releases: Release) -> None:
        """Let every search for a movie or an episode find just these releases."""
        self.offers[one.id] = releases

    def queue_item(
        self,
        *wanted: Wanted,
        title: str | None = None,
        quality: Quality = WEBDL_1080P,
        size_bytes: int = 4 * 2**30,
        progress: float = 0.25,
        download_id: str | None = "",
        messages: Iterable[StatusMessage] = (),
        source: Source = Source.RSS,
        **details: Any,
    ) -> QueueItem:
        """Put an item into the queue that no download client has. No title: an unknown item.

        `download_id=None` makes a release that waits (`status="delay"`), "" invents an info hash; `details` are other
        fields of `QueueItem`. What has titles was grabbed because of `source`, unless `grabbed=False`.
        """
        title = title or self._release_title(wanted, quality)
        details.setdefault("indexer", INDEXERS[0].synced_name)
        details.setdefault("client_name", None if download_id is None else "qBittorrent")
        details.setdefault("time_left", timedelta(minutes=12, seconds=34) if progress < 1 else timedelta())
        if download_id is not None:
            details.setdefault("output_path", f"{DOWNLOADS_ROOT}/{self.name}/{title}")
            details.setdefault("grabbed", bool(wanted))
        else:
            details.setdefault("status", "delay")
        if download_id == "":
            download_id = invented_hash(title)
        item = QueueItem(
            title=title,
            wanted=wanted,
            quality=quality,
            added=self.clock.now(),
            download_id=download_id,
            size_bytes=size_bytes,
            remaining_bytes=int(size_bytes * (1 - progress)),
            messages=tuple(messages),
            scripted=True,
            **details,
        )
        self.queue.items.append(item)
        if download_id is not None:
            self.queue.grabs[download_id] = item
            self.queue.follow(item)
            if item.grabbed:
                self.grabbing.note(item, item.release or self._release_behind(item), source)
        return item

    @staticmethod
    def _release_behind(item: QueueItem) -> Release:
        """Return what an item that a test put into the queue was grabbed as."""
        site = next((each for each in INDEXERS if each.synced_name == item.indexer), INDEXERS[0])
        return Release(
            guid=f"https://{site.name.lower().replace(' ', '')}.example/{item.title}",
            title=item.title,
            indexer=site,
            quality=item.quality,
            group=item.title.rpartition("-")[2],
            size_bytes=item.size_bytes,
            published=item.added,
            seeders=40,
            leechers=3,
            languages=item.languages,
            score=item.score,
            torrent=magnet_link(item.download_id.lower(), item.title) if _is_hash(item.download_id) else None,
        )

    def _release_title(self, wanted: Sequence[Wanted], quality: Quality) -> str:
        name = self.search_name(wanted) if wanted else "Unknown Thing 1999"
        return f"{name.replace(' ', '.')}.{quality.token}-LANTERN"

    def usenet_item(self, *wanted: Wanted, stage: str = "downloading", **details: Any) -> QueueItem:
        """Put a download of a usenet client into the queue, at one of `USENET_STAGES`.

        While it is verified, repaired and extracted everything is there, and still it is not finished.
        """
        after = stage in {"verifying", "repairing", "extracting"}
        details.setdefault("download_id", f"SABnzbd_nzo_{len(self.queue.grabs):06}")
        details.setdefault("progress", 1 if after else 0.25)
        return self.queue_item(
            *wanted,
            protocol="usenet",
            client_name="SABnzbd",
            indexer=INDEXERS[-1].synced_name,
            status=USENET_STAGES[stage],
            **details,
        )

    async def fail_download(self, download_id: str, message: str = "Failed download detected") -> None:
        """Let the download client say that a download failed, as those of usenet do."""
        await self.giving_up.fail_by_itself(self.queue.grabs[download_id], message)

    def block_import(self, download_id: str, *messages: str) -> None:
        """Let a download not be imported once it is finished, and complain so."""
        self.queue.import_blocks[download_id.upper()] = messages

    def allow_import(self, download_id: str) -> None:
        """Take that back."""
        self.queue.import_blocks.pop(download_id.upper(), None)


def _is_hash(download_id: str | None) -> TypeIs[str]:
    return download_id is not None and re.fullmatch(r"[0-9A-Fa-f]{40}", download_id) is not None
