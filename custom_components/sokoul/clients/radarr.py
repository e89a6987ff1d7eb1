"""Radarr, API v3 (Radarr 4 and later)."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType

from ..model.library import Command, KnownFile, Title, TitleKind, UpcomingTitle
from .arr import MAX_IDS, ArrClient, files, instant
from .errors import NotFound
from .fields import Fields, each

RELEASES = (("inCinemas", "cinema"), ("digitalRelease", "digital"), ("physicalRelease", "physical"))


class RadarrClient(ArrClient):
    """Movies."""

    application = "Radarr"
    category_fields = ("movieCategory", "movieImportedCategory")
    webhook_events = frozenset(
        {
            "onGrab",
            "onDownload",
            "onUpgrade",
            "onMovieAdded",
            "onMovieDelete",
            "onMovieFileDelete",
            "onHealthIssue",
            "onHealthRestored",
            "onManualInteractionRequired",
        }
    )
    _queue_includes = MappingProxyType({"includeUnknownMovieItems": True, "includeMovie": True})
    _history_includes = MappingProxyType({})

    async def calendar(self, start: datetime, end: datetime) -> tuple[UpcomingTitle, ...]:
        """Return the releases of monitored movies from `start` to `end`: one for each that falls into the window.

        Movies have dates without a time of day. Source: GET /calendar.
        """
        movies = each(await self._get("calendar", {"start": instant(start), "end": instant(end)}), "calendar")
        return tuple(release for movie in movies for release in _releases(movie, start, end))

    async def search(self, ids: Collection[int]) -> Command:
        """Search for these movies, and grab what is good enough. Source: command MoviesSearch."""
        return await self.run_command("MoviesSearch", movieIds=sorted(ids))

    def _titles(self, record: Fields) -> tuple[Title, ...]:
        movie = record.optional_object("movie")
        return (_title(movie),) if movie else ()

    def _imported_id(self, record: Fields) -> int:
        return record.whole("movieId", 0)

    async def _files_of(self, ids: Collection[int]) -> tuple[KnownFile, ...]:
        return files(await self._get("moviefile", {"movieId": list(ids)}), "moviefile") if ids else ()

    async def _oldest_files(self) -> tuple[KnownFile, ...]:
        """Ask for the first ids that Radarr hands out: those without a file are left out of the answer."""
        with suppress(NotFound):  # Radarr 4 looks at the first id only, and wants it to exist
            return await self._files_of(range(1, MAX_IDS + 1))
        return ()


def _title(movie: Fields) -> Title:
    return Title(
        kind=TitleKind.MOVIE,
        id=movie.whole("id"),
        name=movie.text("title"),
        year=movie.whole("year", 0) or None,
        monitored=movie.flag("monitored", True),
    )


def _releases(movie: Fields, start: datetime, end: datetime) -> list[UpcomingTitle]:
    dates = ((movie.moment(name), kind) for name, kind in RELEASES)
    return [
        UpcomingTitle(
            title=_title(movie), release_at=moment.date(), has_file=movie.flag("hasFile", False), release_type=kind
        )
        for moment, kind in dates
        if moment and start.date() <= moment.date() <= end.date()
    ]
