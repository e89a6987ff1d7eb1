"""What the *arrs were asked to search for because it was lost: what several accounts lost is searched for once."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .const import LOGGER

if TYPE_CHECKING:
    from .hub import Hub

MEMORY_KEY = "debrid_searches"
#: What was searched for is not searched for again because of the same release for so long.
SEARCH_LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """A search for a title that an *arr was asked for, and the download that was lost (None: nobody knows)."""

    arr_id: str
    title_id: int
    download_id: str | None
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {**asdict(self), "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> _Search:
        """Return a stored one."""
        return cls(**{**stored, "at": datetime.fromisoformat(stored["at"])})


class DebridSearches:
    """The searches of the last day, of all *arrs. They outlive a restart."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._searches: dict[tuple[str, int], _Search] = {}  # the last for each title

    @callback
    def start(self) -> None:
        """Read what is known."""
        for stored in self._hub.memory.get(MEMORY_KEY, ()):
            try:
                search = _Search.from_json(stored)
            except KeyError, TypeError, ValueError:
                LOGGER.warning("What an *arr was asked to search for can't be read any more: %s", stored)
                continue
            self._searches[search.arr_id, search.title_id] = search

    def asked(self, arr_id: str, title_ids: Collection[int], download_id: str | None) -> set[int]:
        """Return the titles that were searched for because the same download was lost, as far as that is known."""
        since = dt_util.utcnow() - SEARCH_LASTS
        known = ((each, self._searches.get((arr_id, each))) for each in title_ids)
        return {
            title_id
            for title_id, search in known
            if search is not None
            and search.at > since
            and (search.download_id == download_id or None in {search.download_id, download_id})
        }

    async def note(self, arr_id: str, title_ids: Collection[int], download_id: str | None) -> None:
        """Note that titles are searched for. What returns has been written."""
        now = dt_util.utcnow()
        made = (_Search(arr_id=arr_id, title_id=each, download_id=download_id, at=now) for each in title_ids)
        self._searches |= {(arr_id, search.title_id): search for search in made}
        self._searches = {key: each for key, each in self._searches.items() if each.at > now - SEARCH_LASTS}
        self._hub.memory.set(MEMORY_KEY, [each.as_json() for each in self._searches.values()])
        await self._hub.memory.save_now()
