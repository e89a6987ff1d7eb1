"""A simulated Radarr 6 (API v3)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
import re
from typing import Any, ClassVar, cast, override

from aiohttp import web

from .arr import ArrSimulator
from .arr_queue import QueueItem
from .library import MOVIES_ROOT, MediaFile, Movie, Wanted, plain, safe
from .quality import Quality, QualityProfile, languages
from .releases import Release, movie_releases
from .servarr_commands import Work
from .servarr_http import ApiError, Invalid, Json, Query, answer, id_of, moment, object_of, page_of, refuse
from .servarr_providers import Field, Implementation, changed_tags

_AVAILABILITY = ("tba", "announced", "inCinemas", "released")


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

    # --- the hooks of the base -----------------------------------------------------------------------------------

    @override
    def works(self) -> dict[str, Work | None]:
        return {
            "MoviesSearch": self._search_movies,
            "MissingMoviesSearch": self._search_missing,
            "CutoffUnmetMoviesSearch": self._search_cutoff_unmet,
            "RefreshMonitoredDownloads": lambda _: self.queue.refresh(),
            "DownloadedMoviesScan": self._scan_download,
            "ManualImport": self._manual_import,
            "RefreshMovie": None,
            "RescanMovie": None,
            "RenameFiles": None,
            "RenameMovie": None,
            "MoveMovie": None,
            "BulkMoveMovie": None,
            "RssSync": None,
            "CheckHealth": None,
            "ClearBlocklist": self._clear_blocklist,
            "Backup": None,
            "Housekeeping": None,
            "ApplicationCheckUpdate": None,
        }

    async def _clear_blocklist(self, body: Json) -> None:
        del body
        self.blocklist.items.clear()

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
        return {"movie": self.movie_json(_movie(one))}

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
        movie = self._movie_by_id(query.integer("movieId", 0))
        return (movie,), list(movie_releases(movie, self.clock.now()))

    @override
    def release_details(self, release: Release, wanted: Sequence[Wanted]) -> Json:
        movie = _movie(wanted[0])
        return {
            "movieTitles": [movie.title],
            "mappedMovieId": movie.id,
            "tmdbId": movie.tmdb_id,
            "imdbId": 0,
            "movieRequested": True,
        }

    @override
    def search_again(self, wanted: Sequence[Wanted]) -> None:
        self.commands.push("MoviesSearch", {"movieIds": [one.id for one in wanted]}, by_itself=True)

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
        movie = _movie(wanted[0])
        described = {
            "id": movie.id,
            "title": movie.title,
            "year": movie.year,
            "filePath": f"{movie.path}/{movie.file.relative_path}" if movie.file else None,
            "releaseDate": movie.digital_release.date().isoformat() if movie.digital_release else None,
            "folderPath": movie.path,
            "tmdbId": movie.tmdb_id,
            "imdbId": movie.imdb_id,
            "overview": movie.overview,
            "genres": list(movie.genres),
            "images": self.images(movie.id),
            "tags": [self.tags[tag] for tag in movie.tags if tag in self.tags],
            "originalLanguage": languages((movie.language,))[0],
        }
        remote = {name: described[name] for name in ("title", "year", "tmdbId", "imdbId")}
        return {"movie": described, "remoteMovie": remote}

    def _webhook_file(self, movie: Movie, file: MediaFile, source: str | None) -> Json:
        return {
            "id": file.id,
            "relativePath": file.relative_path,
            "path": f"{movie.path}/{file.relative_path}",
            "quality": file.quality.name,
            "qualityVersion": 1,
            "releaseGroup": file.group,
            "sceneName": file.scene_name,
            "indexerFlags": "0",
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "languages": languages(file.languages),
            "sourcePath": source,
        }

    @override
    def notify_import(self, item: QueueItem, imported: Sequence[tuple[Wanted, MediaFile | None]]) -> None:
        for one, before in imported:
            movie = _movie(one)
            if movie.file is None:
                continue
            if before is not None:
                self._note_deleted(movie, before, "Upgrade")
                self._send_file_deleted(movie, before, "upgrade")
            self.webhooks.send(
                "onUpgrade" if before else "onDownload",
                "Download",
                {
                    **self.webhook_titles((movie,)),
                    "movieFile": self._webhook_file(movie, movie.file, item.output_path),
                    "isUpgrade": before is not None,
                    **self.webhooks.download(item),
                    "deletedFiles": [self._webhook_file(movie, before, None)] if before else None,
                    "release": {
                        "releaseTitle": item.title,
                        "indexer": item.indexer,
                        "size": item.size_bytes,
                        "indexerFlags": [],
                    },
                },
            )

    def _note_deleted(self, movie: Movie, file: MediaFile, reason: str) -> None:
        self.history.add(
            "movieFileDeleted",
            (movie,),
            source_title=f"{movie.path}/{file.relative_path}",
            quality=file.quality,
            languages=file.languages,
            data={"reason": reason, "releaseGroup": file.group or "", "size": str(file.size_bytes)},
        )

    def _send_file_deleted(self, movie: Movie, file: MediaFile, reason: str) -> None:
        self.webhooks.send(
            "onMovieFileDeleteForUpgrade" if reason == "upgrade" else "onMovieFileDelete",
            "MovieFileDelete",
            {
                **self.webhook_titles((movie,)),
                "movieFile": self._webhook_file(movie, file, None),
                "deleteReason": reason,
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
                await self._search_movie(movie)

    async def _search_movie(self, movie: Movie) -> None:
        movie.last_search = self.clock.now()
        await self.grabbing.take_best(movie_releases(movie, self.clock.now()))

    async def _search_missing(self, body: Json) -> None:
        del body
        for movie in self.missing():
            await self._search_movie(movie)

    async def _search_cutoff_unmet(self, body: Json) -> None:
        del body
        for movie in self.cutoff_unmet():
            await self._search_movie(movie)

    async def _scan_download(self, body: Json) -> None:
        item = self.queue.grabs.get(str(body.get("downloadClientId", "")).upper())
        if item is not None and item.status == "completed":
            await self.queue.finish_import(item)

    async def _manual_import(self, body: Json) -> None:
        for file in body.get("files") or ():
            item = self.queue.grabs.get(str(file.get("downloadId", "")).upper())
            movie = self.library.movies.get(file.get("movieId"))
            if item is None or movie is None:
                raise ApiError.not_found("No download or movie to import")
            item.wanted = (movie,)
            await self.queue.finish_import(item)

    # --- the library ---------------------------------------------------------------------------------------------

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        return (
            *super().api_routes(),
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
            web.get("/moviefile", self._get_files),
            web.delete("/moviefile/bulk", self._delete_files),
            web.get("/moviefile/{id:\\d+}", self._get_file),
            web.delete("/moviefile/{id:\\d+}", self._delete_file),
            web.get("/calendar", self._get_calendar),
            web.get("/wanted/missing", self._get_missing),
            web.get("/wanted/cutoff", self._get_cutoff),
            web.get("/manualimport", self._get_manual_import),
        )

    def missing(self, *, monitored: bool = True) -> list[Movie]:
        """Return the movies that are out and have no file."""
        now = self.clock.now()
        return [
            movie
            for movie in self.library.movies.values()
            if movie.monitored == monitored and not movie.file and movie.available(now)
        ]

    def cutoff_unmet(self, *, monitored: bool = True) -> list[Movie]:
        """Return the movies whose file should be better."""
        return [
            movie
            for movie in self.library.movies.values()
            if movie.monitored == monitored and movie.file and self.profile_of(movie).cutoff_unmet(movie.file.quality)
        ]

    def file_json(self, movie: Movie, file: MediaFile) -> Json:
        """Return the resource of a file."""
        return {
            "id": file.id,
            "movieId": movie.id,
            "relativePath": file.relative_path,
            "path": f"{movie.path}/{file.relative_path}",
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "sceneName": file.scene_name,
            "releaseGroup": file.group,
            "edition": "",
            "languages": languages(file.languages),
            "quality": self.quality_json(file.quality),
            "customFormats": [],
            "customFormatScore": 0,
            "indexerFlags": 0,
            "qualityCutoffNotMet": self.profile_of(movie).cutoff_unmet(file.quality),
        }

    def movie_json(self, movie: Movie) -> Json:
        """Return the resource of a movie; one that isn't in the library has no id, path or file."""
        now = self.clock.now()
        known = bool(movie.id)
        size = movie.file.size_bytes if movie.file else 0
        resource = {
            "id": movie.id or None,
            "title": movie.title,
            "originalTitle": movie.title,
            "originalLanguage": languages((movie.language,))[0],
            "alternateTitles": [],
            "secondaryYearSourceId": 0,
            "sortTitle": re.sub(r"^(the|a|an) ", "", movie.title.lower()),
            "sizeOnDisk": size,
            "status": movie.status(now),
            "overview": movie.overview,
            "inCinemas": moment(movie.in_cinemas),
            "physicalRelease": moment(movie.physical_release),
            "digitalRelease": moment(movie.digital_release),
            "images": self.images(movie.id),
            "website": "",
            "year": movie.year,
            "youTubeTrailerId": "",
            "studio": movie.studio,
            "qualityProfileId": movie.profile_id if known else 0,
            "hasFile": movie.file is not None,
            "movieFileId": movie.file.id if movie.file else 0,
            "monitored": movie.monitored and known,
            "minimumAvailability": movie.minimum_availability,
            "isAvailable": movie.available(now),
            "folderName": movie.path if known else "",
            "runtime": movie.runtime,
            "cleanTitle": plain(movie.title),
            "imdbId": movie.imdb_id,
            "tmdbId": movie.tmdb_id,
            "titleSlug": str(movie.tmdb_id),
            "certification": "PG",
            "genres": list(movie.genres),
            "tags": movie.tags,
            "added": moment(movie.added) or "0001-01-01T00:00:00Z",
            "ratings": {"tmdb": {"votes": 100 + movie.tmdb_id % 900, "value": movie.rating, "type": "user"}},
            "popularity": movie.rating * 3,
            "lastSearchTime": moment(movie.last_search),
            "statistics": {
                "movieFileCount": 1 if movie.file else 0,
                "sizeOnDisk": size,
                "releaseGroups": [movie.file.group] if movie.file and movie.file.group else [],
            },
        }
        if known:
            resource |= {"path": movie.path, "rootFolderPath": movie.root}
            if movie.file is not None:
                resource["movieFile"] = self.file_json(movie, movie.file)
        else:
            resource["remotePoster"] = self.images(0)[0]["remoteUrl"]
            resource["folder"] = movie.folder
        return resource

    def _movie_by_id(self, number: int) -> Movie:
        movie = self.library.movies.get(number)
        if movie is None:
            raise ApiError.not_found()
        return movie

    async def _get_movies(self, request: web.Request) -> web.Response:
        tmdb_id = Query(request).optional_integer("tmdbId")
        return answer(
            [self.movie_json(movie) for movie in self.library.movies.values() if tmdb_id in {None, movie.tmdb_id}]
        )

    async def _get_movie(self, request: web.Request) -> web.Response:
        return answer(self.movie_json(self._movie_by_id(id_of(request))))

    def _check(self, body: Json) -> None:
        """Raise the 400 of a movie that can't be saved."""
        failures = []
        if not body.get("rootFolderPath") and not body.get("path"):
            failures.append(Invalid("RootFolderPath", "'Root Folder Path' must not be empty."))
        if body.get("qualityProfileId") not in self.library.profiles:
            failures.append(Invalid("QualityProfileId", "Quality Profile does not exist", body.get("qualityProfileId")))
        if body.get("minimumAvailability", "released") not in _AVAILABILITY:
            failures.append(Invalid("MinimumAvailability", "Invalid value", body.get("minimumAvailability")))
        if failures:
            raise refuse(*failures)

    async def _post_movie(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        movie = next((each for each in self.library.all_movies() if each.tmdb_id == body.get("tmdbId")), None)
        if movie is None:
            raise refuse(Invalid("TmdbId", "A movie with this ID was not found.", body.get("tmdbId")))
        if movie.id:
            raise refuse(Invalid("TmdbId", "This movie has already been added", movie.tmdb_id))
        self._check(body)
        self.library.add_movie(movie, days_ago=0)
        movie.added = self.clock.now()
        self._apply(movie, body)
        options = body.get("addOptions") or {}
        self.webhooks.send("onMovieAdded", "MovieAdded", {**self.webhook_titles((movie,)), "addMethod": "manual"})
        if options.get("searchForMovie"):
            self.commands.push("MoviesSearch", {"movieIds": [movie.id]})
        return answer(self.movie_json(movie), 201)

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
        movie = self._movie_by_id(id_of(request))
        body = await object_of(request)
        self._check(body)
        if Query(request).boolean("moveFiles"):
            self.commands.push("MoveMovie", {"movieId": movie.id})
        self._apply(movie, body)
        return answer(self.movie_json(movie), 202)

    async def _delete_movie(self, request: web.Request) -> web.Response:
        query = Query(request)
        self._remove(self._movie_by_id(id_of(request)), delete_files=query.boolean("deleteFiles"))
        query.boolean("addImportExclusion")
        return answer({})

    def _remove(self, movie: Movie, *, delete_files: bool) -> None:
        self.webhooks.send(
            "onMovieDelete",
            "MovieDelete",
            {
                **self.webhook_titles((movie,)),
                "deletedFiles": delete_files,
                "movieFolderSize": movie.file.size_bytes if movie.file and delete_files else None,
            },
        )
        self.queue.items = [item for item in self.queue.items if movie not in item.wanted]
        self.history.events = [event for event in self.history.events if event.wanted is not movie]
        self.library.remove_movie(movie)

    # --- lookup --------------------------------------------------------------------------------------------------

    def _found(self, term: str) -> list[Movie]:
        kind, _, value = term.partition(":")
        value = value.strip()
        match kind.strip().lower():
            case "tmdb" | "tmdbid":
                return [movie for movie in self.library.all_movies() if str(movie.tmdb_id) == value]
            case "imdb" | "imdbid":
                return [movie for movie in self.library.all_movies() if movie.imdb_id == value]
            case _:
                words = plain(term)
                return [
                    movie
                    for movie in self.library.all_movies()
                    if words and words in plain(f"{movie.title} {movie.year}")
                ]

    async def _lookup(self, request: web.Request) -> web.Response:
        return answer([self.movie_json(movie) for movie in self._found(Query(request).text("term") or "")[:20]])

    async def _lookup_tmdb(self, request: web.Request) -> web.Response:
        return self._only(self._found(f"tmdb:{Query(request).integer('tmdbId', 0)}"))

    async def _lookup_imdb(self, request: web.Request) -> web.Response:
        return self._only(self._found(f"imdb:{Query(request).text('imdbId')}"))

    def _only(self, found: list[Movie]) -> web.Response:
        if not found:
            raise ApiError.not_found("Movie with this ID was not found")
        return answer(self.movie_json(found[0]))

    # --- many at once --------------------------------------------------------------------------------------------

    async def _put_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        movies = [self._movie_by_id(number) for number in body.get("movieIds") or ()]
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
            self.commands.push("BulkMoveMovie", {"movieIds": body["movieIds"]})
        return answer([self.movie_json(movie) for movie in movies], 202)

    async def _delete_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        for movie in [self._movie_by_id(number) for number in body.get("movieIds") or ()]:
            self._remove(movie, delete_files=bool(body.get("deleteFiles")))
        return answer({})

    # --- files ---------------------------------------------------------------------------------------------------

    def _file_by_id(self, number: int) -> tuple[Movie, MediaFile]:
        for movie in self.library.movies.values():
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
                self.file_json(movie, movie.file)
                for movie in self.library.movies.values()
                if movie.file is not None and (movie.id in movie_ids or movie.file.id in file_ids)
            ]
        )

    async def _get_file(self, request: web.Request) -> web.Response:
        return answer(self.file_json(*self._file_by_id(id_of(request))))

    def _remove_file(self, number: int) -> None:
        movie, file = self._file_by_id(number)
        movie.file = None
        self._note_deleted(movie, file, "Manual")
        self._send_file_deleted(movie, file, "manual")

    async def _delete_file(self, request: web.Request) -> web.Response:
        self._remove_file(id_of(request))
        return answer({})

    async def _delete_files(self, request: web.Request) -> web.Response:
        for number in (await object_of(request)).get("movieFileIds") or ():
            self._remove_file(number)
        return answer({})

    # --- what comes and what is missing --------------------------------------------------------------------------

    async def _get_calendar(self, request: web.Request) -> web.Response:
        query = Query(request)
        today = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        start = query.moment("start") or today
        end = query.moment("end") or today + timedelta(days=2)
        unmonitored = query.boolean("unmonitored")

        def comes(movie: Movie) -> bool:
            dates: tuple[datetime | None, ...] = (movie.in_cinemas, movie.digital_release, movie.physical_release)
            return any(date is not None and start <= date <= end for date in dates)

        return answer(
            [
                self.movie_json(movie)
                for movie in self.library.movies.values()
                if (movie.monitored or unmonitored) and comes(movie)
            ]
        )

    def _page(self, request: web.Request, movies: list[Movie]) -> web.Response:
        return answer(
            page_of(Query(request), movies, self.movie_json, sorts=_SORTS, default_sort="movieMetadata.sortTitle")
        )

    async def _get_missing(self, request: web.Request) -> web.Response:
        return self._page(request, self.missing(monitored=Query(request).boolean("monitored", default=True)))

    async def _get_cutoff(self, request: web.Request) -> web.Response:
        return self._page(request, self.cutoff_unmet(monitored=Query(request).boolean("monitored", default=True)))

    async def _get_manual_import(self, request: web.Request) -> web.Response:
        query = Query(request)
        download_id = (query.text("downloadId") or "").upper()
        item = self.queue.grabs.get(download_id)
        if item is None or item.output_path is None:
            return answer([])
        return answer(
            [
                {
                    "id": 1,
                    "path": f"{item.output_path}/{item.title}.mkv",
                    "relativePath": f"{item.title}.mkv",
                    "folderName": item.title,
                    "name": item.title,
                    "size": item.size_bytes,
                    "movie": self.movie_json(_movie(item.wanted[0])) if item.wanted else None,
                    "releaseGroup": item.title.rpartition("-")[2],
                    "quality": self.quality_json(item.quality),
                    "languages": languages(item.languages),
                    "qualityWeight": item.quality.weight,
                    "downloadId": download_id,
                    "customFormats": [],
                    "customFormatScore": item.score,
                    "indexerFlags": 0,
                    "rejections": [
                        {"reason": text, "type": "permanent"} for message in item.messages for text in message.messages
                    ],
                }
            ]
        )


_SORTS: dict[str, Callable[[Movie], Any]] = {
    "movieMetadata.sortTitle": lambda movie: re.sub(r"^(the|a|an) ", "", movie.title.lower()),
    "movieMetadata.year": lambda movie: movie.year,
    "movieMetadata.digitalRelease": lambda movie: movie.digital_release,
    "movies.lastSearchTime": lambda movie: movie.last_search,
    "id": lambda movie: movie.id,
}


def _movie(one: Wanted) -> Movie:
    return cast("Movie", one)
