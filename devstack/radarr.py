"""A simulated Radarr 6 (API v3)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, cast, override

from aiohttp import web

from .arr import BY_ITSELF, ArrSimulator
from .arr_decisions import Sentences, Source
from .arr_queue import QueueItem
from .library import MOVIES_ROOT, Library, MediaFile, Movie, Wanted, plain, safe
from .quality import Quality, QualityProfile
from .radarr_files import MovieFiles
from .radarr_lists import MovieLists
from .radarr_movies import Movies
from .radarr_resources import MovieResources
from .releases import Release, movie_releases
from .servarr_commands import Work
from .servarr_http import ApiError, Json, Query
from .servarr_providers import Field, Implementation


class RadarrSimulator(ArrSimulator):
    """A Radarr with a library of movies."""

    application = "Radarr"
    version = "6.0.4.10291"
    default_port = 7878
    kind = "movie"
    plural = "movies"
    category_field = "movieCategory"
    imported_category_field = "movieImportedCategory"
    roots = (MOVIES_ROOT, "/data/media/movies-kids")
    sentences = Sentences(
        unknown="Unknown Movie. Unable to match to correct movie using release title.",
        no_match="Unable to find matching movie, will need to be manually provided",
        not_monitored="Movie is not monitored",
        minimum_score="Custom Formats  have score {score} below Movie's profile minimum 0",
        file_cutoff="Existing file meets cutoff: {cutoff} []",
        queue_cutoff="Quality for release in queue already meets cutoff",
        mismatch="Movie title mismatch, automatic import is not possible. Manual Import required.",
        not_all_imported="One or more movies expected in this release were not imported or missing",
        file="Movie",
        unknown_import="Unknown Movie",
        unknown_file="Unknown Movie",
    )
    indexer_categories: ClassVar[list[int]] = [2000, 2030, 2040, 2045]
    history_codes: ClassVar[dict[str, int]] = {
        "unknown": 0,
        "grabbed": 1,
        "downloadFolderImported": 3,
        "downloadFailed": 4,
        "movieFileDeleted": 6,
        "movieFolderImported": 7,
        "movieFileRenamed": 8,
        "downloadIgnored": 9,
    }
    notification_flags = (
        "onGrab",
        "onDownload",
        "onUpgrade",
        "onRename",
        "onMovieAdded",
        "onMovieDelete",
        "onMovieFileDelete",
        "onMovieFileDeleteForUpgrade",
        "onHealthIssue",
        "includeHealthWarnings",
        "onHealthRestored",
        "onApplicationUpdate",
        "onManualInteractionRequired",
    )

    def __init__(self, library: Library | None = None, **options: Any) -> None:
        """Take the options of `ArrSimulator`."""
        self.resources = MovieResources(self)
        self.movies = Movies(self)
        self.files = MovieFiles(self)
        self.lists = MovieLists(self)
        super().__init__(library, **options)

    # --- the hooks of the base -----------------------------------------------------------------------------------

    @override
    def works(self) -> dict[str, Work | None]:
        return {
            "MoviesSearch": self._search_movies,
            "MissingMoviesSearch": self._search_missing,
            "CutoffUnmetMoviesSearch": self._search_cutoff_unmet,
            "DownloadedMoviesScan": self.manual_imports.scan,
            **super().works(),
            "RefreshMovie": None,
            "RescanMovie": None,
            "RenameMovie": None,
            "MoveMovie": None,
            "BulkMoveMovie": None,
            "ApplicationCheckUpdate": None,
        }

    @override
    def list_implementations(self) -> tuple[Implementation, ...]:
        return (
            Implementation(
                name="TMDbPopularImport",
                label="TMDb Popular",
                contract="TMDbPopularSettings",
                fields=(
                    Field("tMDbListType", "List Type", 2, type="select", options=((1, "In Theaters"), (2, "Popular"))),
                ),
                attributes={
                    "enabled": True,
                    "enableAuto": False,
                    "monitor": "movieOnly",
                    "rootFolderPath": MOVIES_ROOT,
                    "qualityProfileId": 4,
                    "searchOnAdd": False,
                    "minimumAvailability": "released",
                    "listType": "tmdb",
                    "listOrder": 1,
                    "minRefreshInterval": "1.00:00:00",
                },
            ),
        )

    @override
    def ids_of(self, one: Wanted) -> Json:
        return {"movieId": one.id}

    @override
    def queue_ids_of(self, one: Wanted) -> Json:
        return {"movieId": one.id}

    @override
    def blocklist_ids(self, wanted: Sequence[Wanted]) -> Json:
        return {"movieId": wanted[0].id}

    @override
    def title_resource(self, one: Wanted) -> Json:
        return {"movie": self.resources.movie(_movie(one))}

    @override
    def included(self, query: Query) -> Callable[[Wanted], Json]:
        return self.title_resource if query.boolean("includeMovie") else lambda _: {}

    @override
    def title_filter(self, query: Query) -> Callable[[Wanted], bool]:
        ids = {*query.integers("movieIds"), *query.integers("movieId")}
        return lambda one: not ids or one.id in ids

    @override
    def profile_of(self, one: Wanted) -> QualityProfile:
        return self.library.profiles[_movie(one).profile_id]

    @override
    def quality_json(self, quality: Quality) -> Json:
        return {"quality": quality.radarr(), "revision": {"version": 1, "real": 0, "isRepack": False}}

    @override
    def match(self, name: str) -> tuple[Wanted, ...]:
        # the longest title wins: "The General" is not "The General of Narvik"
        wanted = plain(name)
        fitting = [
            movie for movie in self.library.movies.values() if wanted.startswith(plain(f"{movie.title} {movie.year}"))
        ]
        return tuple(sorted(fitting, key=lambda movie: len(movie.title))[-1:])

    @override
    def interactive_search(self, query: Query) -> tuple[tuple[Wanted, ...], list[Release]]:
        movie = self.movie_by_id(query.integer("movieId", 0))
        return (movie,), list(self.releases_for(movie))

    def releases_for(self, movie: Movie) -> Iterable[Release]:
        """Return what the indexers have for a movie."""
        offered = self.offers.get(movie.id)
        return movie_releases(movie, self.clock.now()) if offered is None else offered

    @override
    def search_objections(self, release: Release, requested: Sequence[Wanted]) -> list[str]:
        return [] if release.movie in requested else ["Wrong movie"]

    @override
    def is_monitored(self, one: Wanted) -> bool:
        return _movie(one).monitored

    @override
    def tags_of(self, one: Wanted) -> Iterable[int]:
        return _movie(one).tags

    @override
    def grab_data(self, wanted: Sequence[Wanted]) -> dict[str, str]:
        return {"tmdbId": str(_movie(wanted[0]).tmdb_id), "imdbId": "0", "movieMatchType": "Title"}

    @override
    def release_details(self, release: Release, wanted: Sequence[Wanted]) -> Json:
        movie = release.movie
        return {
            "movieTitles": [movie.title if movie else release.title],
            "mappedMovieId": movie.id if movie else None,
            "tmdbId": movie.tmdb_id if movie else 0,
            "imdbId": 0,
            "movieRequested": movie in wanted,
        }

    @override
    def search_again(self, wanted: Sequence[Wanted]) -> None:
        self.commands.push("MoviesSearch", {"movieIds": [one.id for one in wanted], **BY_ITSELF}, by_itself=True)

    @override
    def own_files(self) -> Iterable[tuple[Wanted, MediaFile]]:
        return ((movie, movie.file) for movie in self.library.movies.values() if movie.file is not None)

    @override
    def folder_of(self, one: Wanted) -> str:
        return _movie(one).path

    @override
    def new_file(self, one: Wanted, item: QueueItem, size_bytes: int) -> MediaFile:
        group = item.release.group if item.release else item.title.rpartition("-")[2]
        return MediaFile(
            id=self.library.next_id("file"),
            relative_path=f"{_movie(one).folder} [{item.quality.name}]-{safe(group)}.mkv",
            size_bytes=size_bytes,
            quality=item.quality,
            added=self.clock.now(),
            scene_name=item.title,
            group=group,
            languages=item.languages,
        )

    @override
    def import_titles(self, wanted: Sequence[Wanted]) -> Json:
        return {"movie": self.resources.movie(_movie(wanted[0]))} if wanted else {}

    @override
    def imported_as(self, file: Json) -> tuple[Wanted, ...]:
        return (self.movie_by_id(int(file.get("movieId") or 0)),)

    @override
    def search_name(self, wanted: Sequence[Wanted]) -> str:
        movie = _movie(wanted[0])
        return f"{movie.title} {movie.year}"

    @override
    def title_and_year(self, number: int) -> tuple[str, int] | None:
        movie = self.library.movies.get(number)
        return None if movie is None else (movie.title, movie.year)

    @override
    def tag_details(self, number: int) -> Json:
        return {
            "delayProfileIds": [],
            "importListIds": [],
            "notificationIds": [each.id for each in self.notifications.items.values() if number in each.tags],
            "releaseProfileIds": [],
            "indexerIds": [each.id for each in self.indexers.items.values() if number in each.tags],
            "downloadClientIds": [each.id for each in self.download_clients.items.values() if number in each.tags],
            "autoTagIds": [],
            "movieIds": [movie.id for movie in self.library.movies.values() if number in movie.tags],
        }

    # --- webhooks ------------------------------------------------------------------------------------------------

    @override
    def webhook_titles(self, wanted: Sequence[Wanted]) -> Json:
        movie = self.resources.webhook_movie(_movie(wanted[0]))
        return {"movie": movie, "remoteMovie": {name: movie[name] for name in ("title", "year", "tmdbId", "imdbId")}}

    @override
    def notify_import(self, item: QueueItem, imported: Sequence[tuple[Wanted, MediaFile | None]]) -> None:
        for one, before in imported:
            movie = _movie(one)
            if movie.file is None:
                continue
            if before is not None:
                self.files.note_deleted(movie, before, "Upgrade")
                self.files.send_deleted(movie, before, "upgrade")
            self.webhooks.send(
                "onUpgrade" if before else "onDownload",
                "Download",
                {
                    **self.webhook_titles((movie,)),
                    "movieFile": self.resources.webhook_file(movie, movie.file, item.output_path),
                    "isUpgrade": before is not None,
                    **self.webhooks.download(item),
                    "deletedFiles": [self.resources.webhook_file(movie, before, None)] if before else None,
                    "release": {
                        "releaseTitle": item.title,
                        "indexer": item.indexer,
                        "size": item.size_bytes,
                        "indexerFlags": [],
                    },
                },
            )

    @override
    def webhook_test_payload(self) -> Json:
        return {
            "movie": {
                "id": 1,
                "title": "Test Title",
                "year": 1970,
                "folderPath": "C:\\testpath",
                "releaseDate": "1970-01-01",
            },
            "remoteMovie": {"tmdbId": 1234, "imdbId": "5678", "title": "Test title", "year": 1970},
            "release": {
                "quality": "Test Quality",
                "qualityVersion": 1,
                "releaseGroup": "Test Group",
                "releaseTitle": "Test Title",
                "indexer": "Test Indexer",
                "size": 9999999,
                "customFormatScore": 0,
            },
        }

    # --- commands ------------------------------------------------------------------------------------------------

    async def _search_movies(self, body: Json) -> None:
        for number in body.get("movieIds") or ():
            if (movie := self.library.movies.get(number)) is not None:
                await self._search_movie(movie, self.source_of(body))

    async def _search_movie(self, movie: Movie, source: Source) -> None:
        movie.last_search = self.clock.now()
        await self.grabbing.take_best(self.releases_for(movie), (movie,), source)

    async def _search_missing(self, body: Json) -> None:
        for movie in self.missing():
            await self._search_movie(movie, self.source_of(body))

    async def _search_cutoff_unmet(self, body: Json) -> None:
        for movie in self.cutoff_unmet():
            await self._search_movie(movie, self.source_of(body))

    # --- the library ---------------------------------------------------------------------------------------------

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        components = (self.movies, self.files, self.lists)
        return (*super().api_routes(), *(route for component in components for route in component.routes()))

    def movie_by_id(self, number: int) -> Movie:
        """Return a movie. Raises the 404."""
        movie = self.library.movies.get(number)
        if movie is None:
            raise ApiError.not_found()
        return movie

    def missing(self, *, monitored: bool = True) -> list[Movie]:
        """Return the movies that are out and have no file."""
        return self.lists.missing(monitored=monitored)

    def cutoff_unmet(self, *, monitored: bool = True) -> list[Movie]:
        """Return the movies whose file should be better."""
        return self.lists.cutoff_unmet(monitored=monitored)


def _movie(one: Wanted) -> Movie:
    return cast("Movie", one)
