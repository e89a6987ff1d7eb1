"""What a simulated Radarr wants, and what comes: `/wanted` and `/calendar`."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .library import Movie, sort_title
from .servarr_http import Query, answer, page_of

if TYPE_CHECKING:
    from .radarr import RadarrSimulator


class MovieLists:
    """Movies by what is to be done about them."""

    def __init__(self, arr: RadarrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/calendar", self._get_calendar),
            web.get("/wanted/missing", self._get_missing),
            web.get("/wanted/cutoff", self._get_cutoff),
        )

    def missing(self, *, monitored: bool = True) -> list[Movie]:
        """Return the movies that are out and have no file."""
        now = self.arr.clock.now()
        return [
            movie
            for movie in self.arr.library.movies.values()
            if movie.monitored == monitored and not movie.file and movie.available(now)
        ]

    def cutoff_unmet(self, *, monitored: bool = True) -> list[Movie]:
        """Return the movies whose file should be better."""
        return [
            movie
            for movie in self.arr.library.movies.values()
            if movie.monitored == monitored
            and movie.file
            and self.arr.profile_of(movie).cutoff_unmet(movie.file.quality)
        ]

    async def _get_calendar(self, request: web.Request) -> web.Response:
        query = Query(request)
        today = self.arr.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        start = query.moment("start") or today
        end = query.moment("end") or today + timedelta(days=2)
        unmonitored = query.boolean("unmonitored")

        def comes(movie: Movie) -> bool:
            dates: tuple[datetime | None, ...] = (movie.in_cinemas, movie.digital_release, movie.physical_release)
            return any(date is not None and start <= date <= end for date in dates)

        return answer(
            [
                self.arr.resources.movie(movie)
                for movie in self.arr.library.movies.values()
                if (movie.monitored or unmonitored) and comes(movie)
            ]
        )

    def _page(self, request: web.Request, movies: list[Movie]) -> web.Response:
        return answer(
            page_of(
                Query(request), movies, self.arr.resources.movie, sorts=_SORTS, default_sort="movieMetadata.sortTitle"
            )
        )

    async def _get_missing(self, request: web.Request) -> web.Response:
        return self._page(request, self.missing(monitored=Query(request).boolean("monitored", default=True)))

    async def _get_cutoff(self, request: web.Request) -> web.Response:
        return self._page(request, self.cutoff_unmet(monitored=Query(request).boolean("monitored", default=True)))


_SORTS: dict[str, Callable[[Movie], Any]] = {
    "movieMetadata.sortTitle": lambda movie: sort_title(movie.title),
    "movieMetadata.year": lambda movie: movie.year,
    "movieMetadata.digitalRelease": lambda movie: movie.digital_release,
    "movies.lastSearchTime": lambda movie: movie.last_search,
    "id": lambda movie: movie.id,
}
