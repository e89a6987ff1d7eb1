"""Movies of a simulated Radarr: `/movie`, with lookups and the editor."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from .library import Movie
from .servarr_http import ApiError, Invalid, Json, Query, answer, id_of, object_of, refuse
from .servarr_providers import changed_tags

if TYPE_CHECKING:
    from .radarr import RadarrSimulator

_AVAILABILITY = ("tba", "announced", "inCinemas", "released")


class Movies:
    """Movies that come, change and go."""

    def __init__(self, arr: RadarrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/movie", self._get_movies),
            web.post("/movie", self._post_movie),
            web.get("/movie/lookup", self._lookup),
            web.get("/movie/lookup/tmdb", self._lookup_tmdb),
            web.get("/movie/lookup/imdb", self._lookup_imdb),
            web.put("/movie/editor", self._put_editor),
            web.delete("/movie/editor", self._delete_editor),
            web.get("/movie/{id:\\d+}", self._get_movie),
            web.put("/movie/{id:\\d+}", self._put_movie),
            web.delete("/movie/{id:\\d+}", self._delete_movie),
        )

    async def _get_movies(self, request: web.Request) -> web.Response:
        tmdb_id = Query(request).optional_integer("tmdbId")
        return answer(
            [
                self.arr.resources.movie(movie)
                for movie in self.arr.library.movies.values()
                if tmdb_id in {None, movie.tmdb_id}
            ]
        )

    async def _get_movie(self, request: web.Request) -> web.Response:
        return answer(self.arr.resources.movie(self.arr.movie_by_id(id_of(request))))

    def _check(self, body: Json) -> None:
        """Raise the 400 of a movie that can't be saved."""
        failures = []
        if not body.get("rootFolderPath") and not body.get("path"):
            failures.append(Invalid("RootFolderPath", "'Root Folder Path' must not be empty."))
        if body.get("qualityProfileId") not in self.arr.library.profiles:
            failures.append(Invalid("QualityProfileId", "Quality Profile does not exist", body.get("qualityProfileId")))
        if body.get("minimumAvailability", "released") not in _AVAILABILITY:
            failures.append(Invalid("MinimumAvailability", "Invalid value", body.get("minimumAvailability")))
        if failures:
            raise refuse(*failures)

    async def _post_movie(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        movie = next((each for each in self.arr.library.all_movies() if each.tmdb_id == body.get("tmdbId")), None)
        if movie is None:
            raise refuse(Invalid("TmdbId", "A movie with this ID was not found.", body.get("tmdbId")))
        if movie.id:
            raise refuse(Invalid("TmdbId", "This movie has already been added", movie.tmdb_id))
        self._check(body)
        self.arr.library.add_movie(movie, days_ago=0)
        movie.added = self.arr.clock.now()
        self._apply(movie, body)
        options = body.get("addOptions") or {}
        self.arr.webhooks.send(
            "onMovieAdded", "MovieAdded", {**self.arr.webhook_titles((movie,)), "addMethod": "manual"}
        )
        if options.get("searchForMovie"):
            self.arr.commands.push("MoviesSearch", {"movieIds": [movie.id]})
        return answer(self.arr.resources.movie(movie), 201)

    @staticmethod
    def _apply(movie: Movie, body: Json) -> None:
        movie.monitored = bool(body.get("monitored", movie.monitored))
        movie.profile_id = int(body.get("qualityProfileId", movie.profile_id))
        movie.minimum_availability = str(body.get("minimumAvailability", movie.minimum_availability))
        movie.tags = list(body.get("tags", movie.tags))
        if body.get("path"):
            movie.root = str(body["path"]).rpartition("/")[0]
        if body.get("rootFolderPath") and not body.get("path"):
            movie.root = str(body["rootFolderPath"]).rstrip("/")

    async def _put_movie(self, request: web.Request) -> web.Response:
        movie = self.arr.movie_by_id(id_of(request))
        body = await object_of(request)
        self._check(body)
        if Query(request).boolean("moveFiles"):
            self.arr.commands.push("MoveMovie", {"movieId": movie.id})
        self._apply(movie, body)
        return answer(self.arr.resources.movie(movie), 202)

    async def _delete_movie(self, request: web.Request) -> web.Response:
        query = Query(request)
        self.remove(self.arr.movie_by_id(id_of(request)), delete_files=query.boolean("deleteFiles"))
        query.boolean("addImportExclusion")
        return answer({})

    def remove(self, movie: Movie, *, delete_files: bool) -> None:
        """Take a movie out of the library, with its history."""
        self.arr.webhooks.send(
            "onMovieDelete",
            "MovieDelete",
            {
                **self.arr.webhook_titles((movie,)),
                "deletedFiles": delete_files,
                "movieFolderSize": movie.file.size_bytes if movie.file and delete_files else None,
            },
        )
        self.arr.queue.forget((movie,))
        self.arr.history.events = [event for event in self.arr.history.events if event.wanted is not movie]
        self.arr.library.remove_movie(movie)

    # --- lookup ------------------------------------------------------------------------------------------------------

    def _found(self, term: str) -> list[Movie]:
        kind, _, value = term.partition(":")
        value = value.strip()
        match kind.strip().lower():
            case "tmdb" | "tmdbid":
                return [movie for movie in self.arr.library.all_movies() if str(movie.tmdb_id) == value]
            case "imdb" | "imdbid":
                return [movie for movie in self.arr.library.all_movies() if movie.imdb_id == value]
            case _:
                return [movie for movie in self.arr.library.all_movies() if movie.called(term)]

    async def _lookup(self, request: web.Request) -> web.Response:
        return answer(
            [self.arr.resources.movie(movie) for movie in self._found(Query(request).text("term") or "")[:20]]
        )

    async def _lookup_tmdb(self, request: web.Request) -> web.Response:
        return self._only(self._found(f"tmdb:{Query(request).integer('tmdbId', 0)}"))

    async def _lookup_imdb(self, request: web.Request) -> web.Response:
        return self._only(self._found(f"imdb:{Query(request).text('imdbId')}"))

    def _only(self, found: list[Movie]) -> web.Response:
        if not found:
            raise ApiError.not_found("Movie with this ID was not found")
        return answer(self.arr.resources.movie(found[0]))

    # --- many at once ------------------------------------------------------------------------------------------------

    async def _put_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        movies = [self.arr.movie_by_id(number) for number in body.get("movieIds") or ()]
        for movie in movies:
            if body.get("monitored") is not None:
                movie.monitored = body["monitored"]
            if body.get("qualityProfileId") is not None:
                movie.profile_id = body["qualityProfileId"]
            if body.get("minimumAvailability") is not None:
                movie.minimum_availability = body["minimumAvailability"]
            if body.get("rootFolderPath"):
                movie.root = body["rootFolderPath"].rstrip("/")
            movie.tags = changed_tags(movie.tags, body)
        if body.get("rootFolderPath") and body.get("moveFiles"):
            self.arr.commands.push("BulkMoveMovie", {"movieIds": body["movieIds"]})
        return answer([self.arr.resources.movie(movie) for movie in movies], 202)

    async def _delete_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        for movie in [self.arr.movie_by_id(number) for number in body.get("movieIds") or ()]:
            self.remove(movie, delete_files=bool(body.get("deleteFiles")))
        return answer({})
