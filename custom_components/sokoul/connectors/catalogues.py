"""What TMDB and Torznab feeds have in common: nothing goes on there, so all there is to see is whether they answer."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from ..model.catalogue import ServiceSnapshot

#: Searches show sooner than this that something is wrong.
INTERVAL = timedelta(hours=1)


class ServiceReader:
    """Asks a service whether it is there."""

    def __init__(self, check: Callable[[], Awaitable[object]], version: str) -> None:
        self._check = check
        self._snapshot = ServiceSnapshot(version=version)

    async def read(self, now: datetime) -> ServiceSnapshot:
        """Return that it is there. Raises `BackendError`."""
        del now
        await self._check()
        return self._snapshot

    def forget(self) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        """Nothing is kept there."""


def interval(snapshot: ServiceSnapshot | None) -> timedelta:
    """Return how soon to look again."""
    del snapshot
    return INTERVAL
