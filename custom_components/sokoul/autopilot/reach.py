"""Reaching the backends that an act is about: what goes wrong there names the one that it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..model.library import Protocol, QueueItem
from ..model.reasons import Reason, known
from .ports import ArrHands, Hands, TorrentHands
from .target import Wanting

_PASSING = frozenset({"result.unreachable", "result.backend_error", "result.indexers_away"})
_BEFORE_ASKING = frozenset({"result.unreachable", "result.nothing_to_search", "result.on_its_way"})


class Declined(Exception):  # noqa: N818 -- no error: things are not as they were when this was proposed
    """An act must not be carried out now. `reason` says why."""

    def __init__(self, why: str | Reason, **parameters: Any) -> None:
        super().__init__(why)
        self.reason = why if isinstance(why, Reason) else Reason(key=f"result.{why}", parameters=known(**parameters))
        self.passing = self.reason.key in _PASSING  # it says nothing of the download
        self.asked = self.reason.key not in _BEFORE_ASKING  # an indexer may have been


class Reach:
    """The backends of an act. Whatever can't be reached, or fails, raises `Declined`."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands

    def arr(self, wanting: Wanting) -> ArrHands:
        """Return an *arr that waits."""
        arr = self.hands.arr(wanting.arr_id)
        if arr is None:
            raise Declined("unreachable", backend=self.hands.title(wanting.arr_id))
        return arr

    def client(self, client_id: str | None) -> TorrentHands:
        """Return a download client."""
        client = self.hands.torrents(client_id)
        if client is None:
            raise Declined("unreachable", backend=self.hands.title(client_id))
        return client

    async def items(self, wanting: Wanting) -> list[QueueItem]:
        """Return what is in an *arr's queue of a download at this moment. Raises `Declined`."""
        arr = self.arr(wanting)
        try:
            queue = await arr.queue()
        except self.hands.errors as error:
            raise self.failed(wanting.arr_id, error) from error
        if wanting.download_id is None:
            return [item for item in queue if item.download_id is None and item.release == wanting.release]
        return [item for item in queue if item.download_id == wanting.download_id]

    def failed(self, backend_id: str | None, error: Exception) -> Declined:
        """Name the backend that an error is about."""
        return Declined("backend_error", backend=self.hands.title(backend_id), detail=str(error))

    @contextmanager
    def asking(self, backend_id: str | None) -> Iterator[None]:
        """Ask one backend: what goes wrong names it. Raises `Declined`."""
        try:
            yield
        except self.hands.errors as error:
            raise self.failed(backend_id, error) from error

    async def forget(self, wanting: Wanting, *, blocklist: bool, search_again: bool = False) -> None:
        """Take a download out of an *arr's queue.

        What is given up of usenet is deleted: there is no quarantine for it. A torrent never is, least of all one in a
        client that SOKOUL doesn't see.
        """
        items = await self.items(wanting)
        if not items:
            return
        try:
            await self.arr(wanting).remove_queue_items(
                [each for item in items for each in item.ids],
                from_client=blocklist and all(item.protocol is Protocol.USENET for item in items),
                blocklist=blocklist,
                search_again=search_again,
            )
        except self.hands.missing:
            if await self.items(wanting):  # else it left the queue meanwhile
                raise
