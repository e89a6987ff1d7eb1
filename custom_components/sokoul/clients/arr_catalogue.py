"""Finding titles and adding them to a library: the part of Radarr and Sonarr that knows what there is.

A lookup goes through the project's own metadata server: it can take seconds, and fails with a 503 when that one does.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from itertools import islice
import re
from typing import Any, ClassVar

from ..model.catalogue import Added, Addition, CatalogueTitle, Missing, MissingTitle, QualityProfileRef
from ..model.library import TitleKind
from ..model.releases import QualityProfile
from .arr_profiles import asks_for_language, custom_format, language_names, quality_profile
from .errors import Refused, UnexpectedResponse
from .fields import Fields, each
from .http import Query
from .json_walk import items
from .servarr import ServarrClient

LOOKUP_SECONDS = 30.0
#: Nobody reads on to where these end, and what was meant is among the first.
MAX_FOUND = 50
#: Some kilobytes for each movie: tens of megabytes for a collector.
MAX_LIBRARY_BYTES = 512 * 1024 * 1024
LIBRARY_SECONDS = 120.0
#: So many titles are decoded in one go, in a thread.
PORTION = 200
#: With their series, so many episodes are a megabyte.
MISSING_PAGE = 100
#: The application fetches pictures and metadata before it answers.
ADD_SECONDS = 60.0

_ID = re.compile(r"(?P<database>imdb|tmdb|tvdb):(?P<value>\S+)", re.IGNORECASE)
#: A year that stands for "never".
_FIRST_YEAR = 1870


class ArrCatalogue(ServarrClient, ABC):
    """Lookups, the library, quality profiles, and adding."""

    title_kind: ClassVar[TitleKind]
    _titles_path: ClassVar[str]  # "movie" or "series"
    _many: ClassVar[str]  # how the editor calls ids: "movieIds" or "seriesIds"
    _own_database: ClassVar[str]  # whose ids it adds by: "tmdb" or "tvdb"
    _databases: ClassVar[frozenset[str]]  # whose ids it can look up
    _library_query: ClassVar[Query]
    _missing_query: ClassVar[Query]

    # --- reading -------------------------------------------------------------------------------------------------

    async def lookup(self, text: str) -> tuple[CatalogueTitle, ...]:
        """Return what a name or an id ("imdb:tt1160419", "tmdb:438631", "tvdb:121361") may mean, the likeliest first.

        Of databases that the application doesn't know, and of nothing, it has nothing. What is in its library already
        has a `library_id`. At most 50. Source: GET /movie/lookup, /series/lookup.
        """
        return tuple(self._title(self._at_lookup(found), place) for place, found in enumerate(await self._ask(text)))

    async def library(self) -> AsyncIterator[tuple[CatalogueTitle, ...]]:
        """Yield the whole library in portions, without descriptions: there may be tens of thousands of titles.

        Source: GET /movie, /series.
        """
        answer = await self._http.request(
            "GET",
            f"{self.api}/{self._titles_path}",
            params=self._library_query,
            timeout_seconds=LIBRARY_SECONDS,
            max_bytes=MAX_LIBRARY_BYTES,
        )
        resources = items(answer.body)
        while portion := await asyncio.to_thread(self._portion, resources):
            yield portion

    async def catalogue_title(self, library_id: int) -> CatalogueTitle:
        """Return a title of the library. Raises `NotFound`. Source: GET /movie/{id}, /series/{id}."""
        resource = await self._get(f"{self._titles_path}/{library_id}")
        return self._title(Fields(resource, self._titles_path))

    async def in_library(self, ids: Collection[str]) -> CatalogueTitle | None:
        """Return the title of these ids, if the library has it. Source: GET /movie?tmdbId=, /series?tvdbId=."""
        own = self._own_id(ids)
        if own is None:
            return None
        answer = await self._get(self._titles_path, {f"{self._own_database}Id": own})
        return next((self._title(found) for found in each(answer, self._titles_path)), None)

    async def missing(self, limit: int = 500) -> Missing:
        """Return what is monitored, out and without a file: the first `limit` movies, or the newest episodes.

        Titles may come and go between two pages: each is counted once, and a page that brings nothing new is the
        last. Source: GET /wanted/missing.
        """
        path = "wanted/missing"
        found: dict[int, Fields] = {}
        total = pages = 0
        while len(found) < limit:
            pages, before = pages + 1, len(found)
            query: Query = {"page": pages, "pageSize": MISSING_PAGE, "monitored": True, **self._missing_query}
            page = Fields(await self._get(path, query), path)
            found.update((record.whole("id"), record) for record in each(page.raw("records"), f"{path}.records"))
            total = page.whole("totalRecords")
            if pages * MISSING_PAGE >= total or len(found) == before:
                break
        read = list(islice(found.values(), limit))
        return Missing(titles=self._missing_titles(read), more=max(0, total - len(read)))

    async def profile_refs(self) -> tuple[QualityProfileRef, ...]:
        """Return the quality profiles to choose from. Source: GET /qualityprofile."""
        return tuple(
            QualityProfileRef(id=profile.whole("id"), name=profile.text("name", ""))
            for profile in each(await self._get("qualityprofile"), "qualityprofile")
        )

    async def quality_profiles(self) -> tuple[QualityProfile, ...]:
        """Return the quality profiles, with the custom formats that they score.

        Source: GET /qualityprofile, /customformat, /language.
        """
        profiles = list(each(await self._get("qualityprofile"), "qualityprofile"))
        resources = list(each(await self._get("customformat"), "customformat"))
        languages: Mapping[int, str] = {}
        if any(asks_for_language(resource) for resource in resources):
            languages = language_names(each(await self._get("language"), "language"))
        # who keeps to guides has hundreds of formats, each with ten conditions
        return await asyncio.to_thread(self._profiles, profiles, resources, languages)

    def _profiles(
        self, profiles: Iterable[Fields], resources: Iterable[Fields], languages: Mapping[int, str]
    ) -> tuple[QualityProfile, ...]:
        sonarr = self.title_kind is TitleKind.SERIES
        formats = {resource.whole("id"): custom_format(resource, languages, sonarr=sonarr) for resource in resources}
        return tuple(quality_profile(profile, formats) for profile in profiles)

    # --- changing ------------------------------------------------------------------------------------------------

    async def add(self, addition: Addition) -> Added:
        """Add a title to the library, as it is in the application's own lookup. One that is there stays as it is.

        Raises `Refused` with the application's reasons (no such profile or folder), and with status 404 when its
        catalogue doesn't know the title. After `CannotConnect` it may have been added: adding again tells.
        Source: POST /movie, POST /series.
        """
        resource = await self._looked_up(addition.title)
        found = self._title(self._at_lookup(resource))
        if found.library_id is not None:
            return Added(title=found, already_there=True)
        body = {**resource, **self._wishes(addition, resource)}
        try:
            answer = await self._send("POST", self._titles_path, json=body, timeout_seconds=ADD_SECONDS)
        except Refused:
            # somebody else was faster
            if (there := await self.in_library(found.ids)) is None:
                raise
            return Added(title=there, already_there=True)
        return Added(title=self._title(Fields(answer, self._titles_path)), already_there=False)

    async def set_monitored(self, library_ids: Collection[int], *, monitored: bool) -> None:
        """Let the application look for these movies or series by itself, or not. Source: PUT /movie/editor."""
        if library_ids:
            body = {self._many: sorted(library_ids), "monitored": monitored}
            await self._http.request("PUT", f"{self.api}/{self._titles_path}/editor", json=body)

    async def remove_title(self, library_id: int) -> None:
        """Take a title out of the library. Its files stay. One that isn't there is `NotFound`.

        Source: DELETE /movie/{id}, /series/{id}.
        """
        path = f"{self.api}/{self._titles_path}/{library_id}"
        await self._http.request("DELETE", path, params={"deleteFiles": False})

    # --- what a kind of title adds -------------------------------------------------------------------------------

    @abstractmethod
    def _title(self, resource: Fields, place: int = 0) -> CatalogueTitle:
        """Return a movie or a series."""

    @abstractmethod
    def _missing_titles(self, records: Iterable[Fields]) -> tuple[MissingTitle, ...]:
        """Return what is missing, in the order of the records."""

    @abstractmethod
    def _wishes(self, addition: Addition, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is to be added to a looked-up resource so that it can be saved."""

    # --- reading of one's own ------------------------------------------------------------------------------------

    async def _ask(self, text: str) -> list[dict[str, Any]]:
        """Return the resources of a lookup as they came: the application wants back all that it sent."""
        term = " ".join(text.split())
        id_ = _ID.fullmatch(term)
        if not term or (id_ and id_["database"].lower() not in self._databases):
            return []
        if id_:
            term = id_[0].lower()
        path = f"{self._titles_path}/lookup"
        answer = await self._get(path, {"term": term}, timeout_seconds=LOOKUP_SECONDS)
        known = [ids_of(resource) for resource in each(answer, path)]
        # a version that knows nothing of this kind of id takes it for a name
        found = [raw for raw, ids in zip(answer, known, strict=True) if not id_ or term in ids]
        return found[:MAX_FOUND]

    async def _looked_up(self, title: CatalogueTitle) -> dict[str, Any]:
        """Return the resource of a title that may be in no library. Raises `Refused` where it isn't known."""
        known = [id_ for id_ in title.ids if id_.partition(":")[0] in self._databases]
        for id_ in sorted(known, key=lambda id_: (not id_.startswith(f"{self._own_database}:"), id_)):
            if resources := await self._ask(id_):
                return resources[0]
        raise Refused(f"{self.application} doesn't know {title.label}", status=HTTPStatus.NOT_FOUND)

    def _at_lookup(self, resource: dict[str, Any]) -> Fields:
        return Fields(resource, f"{self._titles_path}/lookup")

    def _own_id(self, ids: Collection[str]) -> str | None:
        prefix = f"{self._own_database}:"
        return next((id_.removeprefix(prefix) for id_ in sorted(ids) if id_.startswith(prefix)), None)

    def _portion(self, resources: Iterator[Any]) -> tuple[CatalogueTitle, ...]:
        try:
            some = list(islice(resources, PORTION))
        except ValueError as error:
            raise UnexpectedResponse(f"{self._titles_path}: the answer is not valid JSON") from error
        return tuple(replace(self._title(title), overview="") for title in each(some, self._titles_path))


def ids_of(resource: Fields) -> frozenset[str]:
    """Return the ids of a title in databases. 0 and an empty text stand for none."""
    found = {f"{name}:{number}" for name in ("tmdb", "tvdb") if (number := resource.whole(f"{name}Id", 0)) > 0}
    imdb = resource.text("imdbId", "")
    return frozenset(found | ({f"imdb:{imdb}"} if imdb.startswith("tt") else set()))


def day_of(resource: Fields, name: str) -> date | None:
    """Return the day of a time; the first year stands for never."""
    moment = resource.moment(name)
    return moment.date() if moment and moment.year >= _FIRST_YEAR else None


def poster_of(resource: Fields) -> str | None:
    """Return the public address of the poster. The application's own address would need its key."""
    posters = (
        image.text("remoteUrl", "") for image in resource.objects("images") if image.raw("coverType") == "poster"
    )
    addresses = (resource.text("remotePoster", ""), *posters)
    return next((address for address in addresses if address.startswith(("https://", "http://"))), None)
