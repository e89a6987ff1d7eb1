"""The library of an *arr: in which title's folder a file is, which titles are in it, and that it came to nothing."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Collection
from typing import ClassVar

from ..model.library import Command, Title, TitleFile, TitleFolder
from ..model.releases import HistoryEvent
from .errors import UnexpectedResponse
from .fields import Fields, each
from .http import Answer, Query
from .json_walk import items
from .servarr import ServarrClient

#: A large library is told at length.
LIBRARY_SECONDS = 60.0


class ArrLibrary(ServarrClient, ABC):
    """Folders, files, and what became of them."""

    #: where all titles are listed
    _folders_path: ClassVar[str]

    async def folders(self) -> tuple[TitleFolder, ...]:
        """Return the folders of all movies or series. It is much to read: not to be asked often.

        Source: GET /movie, GET /series.
        """
        path = f"{self.api}/{self._folders_path}"
        answer = await self._http.request("GET", path, timeout_seconds=LIBRARY_SECONDS)
        return await asyncio.to_thread(_folders, answer, self._folders_path)

    @abstractmethod
    async def title_files(self, folder_id: int) -> tuple[TitleFile, ...]:
        """Return the files of a movie or a series. Raises `NotFound` when that is gone."""

    @abstractmethod
    async def rescan(self, folder_id: int) -> Command:
        """Let the application look which files of a movie or a series are there; what isn't, it forgets."""

    async def title_history(self, titles: Collection[Title]) -> tuple[HistoryEvent, ...]:
        """Return all that happened to these movies or episodes, the oldest first.

        Source: GET /history/movie, GET /history/series.
        """
        ids = {title.id for title in titles}
        events = [
            self._event(record)
            for path, query in self._history_query(titles)
            for record in each(await self._get(path, query), path)
        ]
        return tuple(sorted((e for e in events if e.title_id in ids), key=lambda event: (event.at, event.id)))

    async def mark_failed(self, history_id: int) -> None:
        """Block the release of a grab, as if it had failed. The application searches again by itself if it is set so.

        Source: POST /history/failed/{id}.
        """
        await self._http.request("POST", f"{self.api}/history/failed/{history_id}")

    @abstractmethod
    def _history_query(self, titles: Collection[Title]) -> list[tuple[str, Query]]:
        """Return what asks for all that happened to titles: paths with their queries."""

    @abstractmethod
    def _event(self, record: Fields) -> HistoryEvent:
        """Return a record of the history."""


def _folders(answer: Answer, where: str) -> tuple[TitleFolder, ...]:
    """Read the folders from a list that may be as long as the library. Blocking."""
    try:
        titles = [Fields(title, where) for title in items(answer.body)]
    except ValueError as error:
        raise UnexpectedResponse(f"{where}: the answer is no list", status=answer.status) from error
    return tuple(TitleFolder(id=title.whole("id"), path=path) for title in titles if (path := title.text("path", "")))
