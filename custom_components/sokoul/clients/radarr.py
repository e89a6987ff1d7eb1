"""Radarr, API v3 (Radarr 4 and later)."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any

from ..model.catalogue import Addition, CatalogueTitle, MissingTitle
from ..model.library import Command, KnownFile, Title, TitleFile, TitleKind, UpcomingTitle
from ..model.releases import ImportCandidate, TitleDetails
from .arr import MAX_IDS, ArrClient, files, instant
from .arr_catalogue import day_of, ids_of, poster_of
from .arr_languages import code_of
from .errors import NotFound
from .fields import Fields, each
from .http import Query

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
    title_kind = TitleKind.MOVIE
    _titles_path = "movie"
    _many = "movieIds"
    _own_database = "tmdb"
    _databases = frozenset({"tmdb", "imdb"})
    _library_query = MappingProxyType({"excludeLocalCovers": True})
    _missing_query = MappingProxyType({"sortKey": "movieMetadata.sortTitle", "sortDirection": "ascending"})
    _scan_command = "DownloadedMoviesScan"
    _queue_includes = MappingProxyType({"includeUnknownMovieItems": True, "includeMovie": True})
    _history_includes = MappingProxyType({})
    _folders_path = "movie"

    async def calendar(self, start: datetime, end: datetime) -> tuple[UpcomingTitle, ...]:
        """Return the releases of monitored movies from `start` to `end`: one for each that falls into the window.

        Movies have dates without a time of day. Source: GET /calendar.
        """
        movies = each(await self._get("calendar", {"start": instant(start), "end": instant(end)}), "calendar")
        return tuple(release for movie in movies for release in _releases(movie, start, end))

    async def search(self, ids: Collection[int]) -> Command:
        """Search for these movies, and grab what is good enough. Source: command MoviesSearch."""
        return await self.run_command("MoviesSearch", movieIds=sorted(ids))

    async def titles(self, ids: Collection[int]) -> tuple[TitleDetails, ...]:
        """Return these movies, with one request for each. Those that are gone are left out. Source: GET /movie/{id}."""
        found = []
        for id_ in sorted(ids):
            with suppress(NotFound):
                found.append(_details(Fields(await self._get(f"movie/{id_}"), "movie")))
        return tuple(found)

    async def title_files(self, folder_id: int) -> tuple[TitleFile, ...]:
        """Return the file of a movie, where it has one. Source: GET /movie/{id}, which has its file."""
        movie = Fields(await self._get(f"movie/{folder_id}"), "movie")
        file = movie.optional_object("movieFile")
        path = file.text("path", "") if file else ""
        return (TitleFile(path=path, titles=(_title(movie),)),) if path else ()

    async def rescan(self, folder_id: int) -> Command:
        """Look which files of a movie are there. Source: command RescanMovie."""
        return await self.run_command("RescanMovie", movieId=folder_id)

    def _title(self, resource: Fields, place: int = 0) -> CatalogueTitle:
        library_id = resource.whole("id", 0) or None
        name, original = resource.text("title"), resource.optional_text("originalTitle")
        votes, rating = _rating(resource)
        language = resource.optional_object("originalLanguage")
        return CatalogueTitle(
            kind=TitleKind.MOVIE,
            name=name,
            original_name=original if original != name else None,
            aliases=tuple(alias.text("title", "") for alias in resource.objects("alternateTitles")),
            year=resource.whole("year", 0) or None,
            ids=ids_of(resource),
            minutes=resource.whole("runtime", 0) or None,
            original_language=code_of(language.text("name", "")) if language else None,
            overview=resource.text("overview", ""),
            poster=poster_of(resource),
            popularity=resource.number("popularity", 0) or None,
            votes=votes,
            rating=rating,
            place=place,
            in_cinemas_on=day_of(resource, "inCinemas"),
            digital_on=day_of(resource, "digitalRelease"),
            physical_on=day_of(resource, "physicalRelease"),
            library_id=library_id,
            monitored=library_id is not None and resource.flag("monitored", False),
            has_file=resource.flag("hasFile", False),
            quality_profile_id=resource.whole("qualityProfileId", 0) or None if library_id else None,
            folder=resource.optional_text("path"),
        )

    def _wishes(self, addition: Addition, resource: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "qualityProfileId": addition.profile_id,
            "rootFolderPath": addition.root_folder,
            "monitored": addition.monitored,
            # when it counts as out: the least that lets a search by hand find what there is
            "minimumAvailability": resource.get("minimumAvailability") or "released",
            "tags": sorted(addition.tags),
            "addOptions": {"monitor": "movieOnly", "searchForMovie": addition.search},
        }

    def _missing_titles(self, records: Iterable[Fields]) -> tuple[MissingTitle, ...]:
        return tuple(MissingTitle(title=self._title(movie)) for movie in records)

    def _search_query(self, title: Title) -> Query:
        if title.kind is not TitleKind.MOVIE:
            raise ValueError(f"Radarr can't search for a {title.kind}")
        return {"movieId": title.id}

    def _candidate_titles(self, release: Fields) -> frozenset[int]:
        return _ids(release.whole("mappedMovieId", 0))

    def _title_id(self, record: Fields) -> int:
        return record.whole("movieId", 0)

    def _history_query(self, titles: Collection[Title]) -> list[tuple[str, Query]]:
        return [("history/movie", {"movieId": id_}) for id_ in sorted({title.id for title in titles})]

    def _blocklist_query(self, titles: Collection[Title]) -> Query:
        return {"movieIds": sorted({title.id for title in titles})}

    def _blocked_titles(self, record: Fields) -> frozenset[int]:
        return _ids(record.whole("movieId", 0))

    def _import_subject(self, file: Fields) -> tuple[frozenset[int], int | None]:
        movie = file.optional_object("movie")
        return _ids(movie.whole("id", 0) if movie else 0), None

    def _import_titles(self, candidate: ImportCandidate) -> Mapping[str, Any]:
        if len(candidate.title_ids) != 1:
            raise ValueError("a file is one movie")
        return {"movieId": min(candidate.title_ids)}

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


def _rating(movie: Fields) -> tuple[int | None, float | None]:
    """Return how many have voted, and how, where most have: on IMDb before TMDB."""
    ratings = movie.optional_object("ratings")
    for name in ("imdb", "tmdb"):
        if ratings and (rating := ratings.optional_object(name)) and (votes := rating.whole("votes", 0)):
            return votes, rating.number("value", 0) or None
    return None, None


def _details(movie: Fields) -> TitleDetails:
    dates = [date for name in ("digitalRelease", "physicalRelease") if (date := movie.moment(name))]
    return TitleDetails(
        title=_title(movie),
        has_file=movie.flag("hasFile", False),
        tags=frozenset(movie.wholes("tags")),
        released_at=min(dates, default=None),
        in_cinemas_at=movie.moment("inCinemas"),
    )


def _ids(id_: int) -> frozenset[int]:
    return frozenset({id_} if id_ else ())


def _releases(movie: Fields, start: datetime, end: datetime) -> list[UpcomingTitle]:
    dates = ((movie.moment(name), kind) for name, kind in RELEASES)
    return [
        UpcomingTitle(
            title=_title(movie), release_at=moment.date(), has_file=movie.flag("hasFile", False), release_type=kind
        )
        for moment, kind in dates
        if moment and start.date() <= moment.date() <= end.date()
    ]
