"""Files of a simulated Radarr: `/moviefile`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from .library import MediaFile, Movie
from .servarr_http import ApiError, Query, answer, id_of, object_of

if TYPE_CHECKING:
    from .radarr import RadarrSimulator


class MovieFiles:
    """Files of movies."""

    def __init__(self, arr: RadarrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/moviefile", self._get_files),
            web.delete("/moviefile/bulk", self._delete_files),
            web.get("/moviefile/{id:\\d+}", self._get_file),
            web.delete("/moviefile/{id:\\d+}", self._delete_file),
        )

    def _file_by_id(self, number: int) -> tuple[Movie, MediaFile]:
        for movie in self.arr.library.movies.values():
            if movie.file is not None and movie.file.id == number:
                return movie, movie.file
        raise ApiError.not_found()

    async def _get_files(self, request: web.Request) -> web.Response:
        query = Query(request)
        movie_ids, file_ids = query.integers("movieId"), query.integers("movieFileIds")
        if not movie_ids and not file_ids:
            raise ApiError.message(400, "movieId or movieFileIds must be provided")
        return answer(
            [
                self.arr.resources.file(movie, movie.file)
                for movie in self.arr.library.movies.values()
                if movie.file is not None and (movie.id in movie_ids or movie.file.id in file_ids)
            ]
        )

    async def _get_file(self, request: web.Request) -> web.Response:
        return answer(self.arr.resources.file(*self._file_by_id(id_of(request))))

    def _remove_file(self, number: int) -> None:
        movie, file = self._file_by_id(number)
        movie.file = None
        self.note_deleted(movie, file, "Manual")
        self.send_deleted(movie, file, "manual")

    async def _delete_file(self, request: web.Request) -> web.Response:
        self._remove_file(id_of(request))
        return answer({})

    async def _delete_files(self, request: web.Request) -> web.Response:
        for number in (await object_of(request)).get("movieFileIds") or ():
            self._remove_file(number)
        return answer({})

    def note_deleted(self, movie: Movie, file: MediaFile, reason: str) -> None:
        """Write down that a file is gone."""
        self.arr.history.add(
            "movieFileDeleted",
            (movie,),
            source_title=f"{movie.path}/{file.relative_path}",
            quality=file.quality,
            languages=file.languages,
            data={"reason": reason, "releaseGroup": file.group or "", "size": str(file.size_bytes)},
        )

    def send_deleted(self, movie: Movie, file: MediaFile, reason: str) -> None:
        """Tell that a file is gone: "upgrade" or "manual"."""
        self.arr.webhooks.send(
            "onMovieFileDeleteForUpgrade" if reason == "upgrade" else "onMovieFileDelete",
            "MovieFileDelete",
            {
                **self.arr.webhook_titles((movie,)),
                "movieFile": self.arr.resources.webhook_file(movie, file, None),
                "deleteReason": reason,
            },
        )
