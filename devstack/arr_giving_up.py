"""How a Radarr or Sonarr gives downloads up: removed from the queue, failed, ignored.

Only what was grabbed can fail, and only what has a title can be ignored: anything else is listed again with the next
look at the client. What failed stays in the client, unless it is a torrent that may be removed: finished, stopped and
seeded to its limit.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .arr_decisions import Source
from .arr_history import BlocklistItem, HistoryEvent
from .arr_queue_item import QueueItem
from .download_client import DownloadClientError
from .library import Wanted
from .servarr_http import ApiError

if TYPE_CHECKING:
    from .arr import ArrSimulator

_NO_GRAB = "Unable to mark download as failed, no grabbed history available"
_BY_HAND = "Manually marked as failed"


class GivingUp:
    """Takes downloads out of the queue."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr

    async def remove(
        self,
        ids: Iterable[int],
        *,
        from_client: bool,
        blocklist: bool,
        skip_redownload: bool,
        change_category: bool,
    ) -> None:
        """Remove items with all that belongs to it. Raises the 404 of an unknown id before anything is done."""
        queue = self.arr.queue
        for item in dict.fromkeys(queue.find(number) for number in ids):
            if item.pending:
                if blocklist:
                    self._blocklist(item, "Pending release manually blocklisted")
                queue.items.remove(item)
                continue
            await self._remove_download(item, from_client=from_client, change_category=change_category)
            if blocklist and self.grab_of(item) is not None:
                await self.fail(item, _BY_HAND, search_again=not skip_redownload)
            elif blocklist and self.arr.application == "Sonarr":
                raise ApiError.message(500, _NO_GRAB)
            elif not (blocklist or from_client or change_category) and item.wanted:
                queue.settled[str(item.download_id)] = "ignored"
                self._note(item, "downloadIgnored", message="Manually ignored")
            stays = item.scripted and not from_client and str(item.download_id) not in queue.settled
            queue.forget_download(item, stays=stays)

    async def _remove_download(self, item: QueueItem, *, from_client: bool, change_category: bool) -> None:
        if item.client is None:
            return
        connection = self.arr.clients.connection(item.client)
        try:
            if from_client:
                await connection.delete(str(item.download_id), with_files=True)
            elif change_category and (category := self.arr.clients.imported_category(item.client)):
                await connection.set_category(str(item.download_id), category)
        except DownloadClientError as error:
            raise ApiError.message(500, str(error)) from error

    def grab_of(self, item: QueueItem) -> HistoryEvent | None:
        """Return the last grab of a download; None when it was not grabbed by this application."""
        return self._last_grab(item.download_id)

    def _last_grab(self, download_id: str | None) -> HistoryEvent | None:
        grabs = [
            event for event in self.arr.history.events if (event.event, event.download_id) == ("grabbed", download_id)
        ]
        return grabs[-1] if grabs else None

    async def fail(self, item: QueueItem, message: str, *, search_again: bool) -> None:
        """Fail a download: history, blocklist, and a new search unless that is unwanted."""
        queue = self.arr.queue
        queue.settled[str(item.download_id)] = "failed"
        item.tracked_state = "failed"
        self._note(item, "downloadFailed", message=message)
        self._blocklist(item, message)
        if item in queue.items:
            queue.items.remove(item)
        if item.client is not None and item.client.attributes.get("removeFailedDownloads"):
            await queue.remove_if_seeded(item)
        if search_again:
            self._search_again(item.wanted, self.grab_of(item))

    async def fail_by_itself(self, item: QueueItem, message: str) -> None:
        """Fail a download of which its client says that it failed."""
        item.status, item.error_message = "failed", message
        if self.grab_of(item) is None:
            text = f"Download has failed wasn't grabbed by {self.arr.application}, skipping automatic download handling"
            item.warn(item.tracked_state, text)
            return
        await self.fail(item, message or "Failed download detected", search_again=True)

    def fail_in_history(self, event: HistoryEvent) -> None:
        """Fail what was grabbed once: the download itself, if there is one, goes on and stays in the queue."""
        grab = event if event.event == "grabbed" else self._last_grab(event.download_id)
        if grab is None:
            if self.arr.application == "Sonarr":
                raise ApiError.message(500, _NO_GRAB)
            grab = event
        titles = tuple(
            each.wanted
            for each in self.arr.history.events
            if each.event == grab.event and each.download_id == grab.download_id
        )
        self.arr.history.add(
            "downloadFailed",
            titles,
            source_title=grab.source_title,
            quality=grab.quality,
            languages=grab.languages,
            download_id=grab.download_id,
            data={
                "downloadClient": grab.data.get("downloadClient", ""),
                "message": _BY_HAND,
                "indexer": grab.data.get("indexer", ""),
                "size": grab.data.get("size", "0"),
            },
        )
        self.arr.blocklist.add(
            BlocklistItem(
                id=0,
                wanted=titles,
                source_title=grab.source_title,
                quality=grab.quality,
                languages=grab.languages,
                date=self.arr.clock.now(),
                protocol="usenet" if grab.data.get("protocol") == "1" else "torrent",
                indexer=grab.data.get("indexer", ""),
                message=_BY_HAND,
                info_hash=grab.data.get("torrentInfoHash"),
            )
        )
        self._search_again(titles, grab)

    def _search_again(self, wanted: tuple[Wanted, ...], grab: HistoryEvent | None) -> None:
        settings = self.arr.download_handling.values
        chosen = grab is not None and grab.data.get("releaseSource") == Source.INTERACTIVE.value
        if not wanted or not settings["autoRedownloadFailed"]:
            return
        if not chosen or settings["autoRedownloadFailedFromInteractiveSearch"]:
            self.arr.search_again(wanted)

    def _note(self, item: QueueItem, event: str, **data: str) -> None:
        self.arr.history.add(
            event,
            item.wanted,
            source_title=item.title,
            quality=item.quality,
            languages=item.languages,
            download_id=item.download_id,
            score=item.score,
            data={
                **item.client_data,
                "indexer": item.indexer or "",
                "size": str(item.size_bytes),
                **data,
            },
        )

    def _blocklist(self, item: QueueItem, message: str) -> None:
        if not item.wanted:
            return
        self.arr.blocklist.add(
            BlocklistItem(
                id=0,
                wanted=item.wanted,
                source_title=item.title,
                quality=item.quality,
                languages=item.languages,
                date=self.arr.clock.now(),
                protocol=item.protocol,
                indexer=item.indexer or "",
                message=message,
                info_hash=item.download_id if item.protocol == "torrent" else None,
            )
        )
