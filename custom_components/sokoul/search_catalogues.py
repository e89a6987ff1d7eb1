"""Who is asked which titles there are: the lookups of Radarr and Sonarr, what is in their libraries, and TMDB.

A lookup goes through the internet and may fail; a library is at home, but large. So of a library only an index of names
is kept, some hundred bytes a title, read now and then beside everything else.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from homeassistant.util import dt as dt_util

from .acquire.identifying import plain
from .acquire.ports import AskingFailed, Target
from .acquire.query import Query
from .clients.arr import ArrClient
from .clients.errors import BackendError, NotFound
from .clients.sonarr import SonarrClient
from .clients.tmdb import TmdbClient
from .model.catalogue import CatalogueEpisode, CatalogueTitle, id_of
from .model.reasons import Reason
from .problems import problem_of

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

#: Titles are added now and then, and a lookup tells of new ones at once.
INDEX_LASTS: Final = timedelta(minutes=30)
#: One that could not be read is tried again after this.
INDEX_PAUSE: Final = timedelta(minutes=5)
#: So many titles of one name are read from a library.
MOST_NAMED: Final = 5

type Arr = BackendCoordinator[ArrClient, Any]


def failure(error: BackendError) -> AskingFailed:
    """Return why a backend could not answer, in the words of all problems with connections."""
    return AskingFailed(Reason(key="search.backend_failed", parameters={"problem": problem_of(error)}))


def check_answering(backend: BackendCoordinator[Any, Any]) -> None:
    """Raise `AskingFailed` for a backend that has been away: nobody waits for it once more."""
    if not backend.answering:
        raise AskingFailed(Reason(key="search.away"))


class ArrLookup:
    """The lookup of a Radarr or a Sonarr."""

    knows_all = True

    def __init__(self, backend: Arr) -> None:
        self._backend = backend
        self.key = f"{backend.subentry_id}:lookup"
        self.name = backend.title

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        """Return what it finds for each way to ask."""
        check_answering(self._backend)
        client = self._backend.client
        terms = sorted(query.ids) or query.terms_of(client.title_kind)
        found = await _answers([client.lookup(term) for term in terms])
        return tuple(replace(each, backend_id=self._backend.subentry_id) for each in found)


class Tmdb:
    """TMDB, which knows movies and series, and their names in all languages."""

    knows_all = True

    def __init__(self, backend: BackendCoordinator[TmdbClient, Any]) -> None:
        self._backend = backend
        self.key = backend.subentry_id
        self.name = backend.title

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        """Return what it finds for each way to ask."""
        check_answering(self._backend)
        asked = dict.fromkeys((term, query.kind) for term in sorted(query.ids) or query.terms)
        asked |= dict.fromkeys((each.text, each.kind) for each in query.others)
        return await _answers([self._backend.client.lookup(term, kind=kind) for term, kind in asked])


async def _answers(asked: Iterable[Awaitable[Sequence[CatalogueTitle]]]) -> tuple[CatalogueTitle, ...]:
    """Return what comes of asking in several ways; that fails only where all of them do. Raises `AskingFailed`."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    found = [each for each in answers if not isinstance(each, BaseException)]
    for error in answers:
        if isinstance(error, BaseException) and not isinstance(error, BackendError):
            raise error
        if isinstance(error, BackendError) and not found:
            raise failure(error) from error
    return tuple(dict.fromkeys(title for answer in found for title in answer))


class LibraryIndex:
    """The names in the library of one *arr, and which titles have them."""

    def __init__(self, backend: Arr, begin: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]) -> None:
        self._backend = backend
        self._begin = begin
        self._ids: dict[str, tuple[int, ...]] = {}
        self._due: datetime | None = None
        self._reading: asyncio.Task[None] | None = None

    async def named(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the titles with one of these names. Raises `BackendError` where it was never read."""
        if self._due is None or dt_util.utcnow() >= self._due:
            if self._reading is None or self._reading.done():
                self._reading = self._begin(self._read(), f"library of {self._backend.title}")
            if self._due is None:  # there is nothing to answer with yet
                await asyncio.shield(self._reading)
        found = (library_id for name in names for library_id in self._ids.get(plain(name), ()))
        return tuple(dict.fromkeys(found))[:MOST_NAMED]

    async def _read(self) -> None:
        ids: dict[str, list[int]] = defaultdict(list)
        try:
            async for portion in self._backend.client.library():
                for title in portion:
                    for name in title.names:
                        if title.library_id is not None:
                            ids[plain(name)].append(title.library_id)
        except BackendError:
            self._due = dt_util.utcnow() + INDEX_PAUSE  # what was known before is better than nothing
            return
        self._ids = {name: tuple(found) for name, found in ids.items()}
        self._due = dt_util.utcnow() + INDEX_LASTS


class ArrShelves:
    """The library of a Radarr or a Sonarr."""

    knows_all = False

    def __init__(self, backend: Arr, index: LibraryIndex) -> None:
        self._backend = backend
        self._index = index
        self.key = f"{backend.subentry_id}:library"
        self.name = backend.title

    async def titles(self, query: Query) -> Sequence[CatalogueTitle]:
        """Return what it has by these ids, or by one of these names."""
        check_answering(self._backend)
        client = self._backend.client
        try:
            if query.ids:
                there = await client.in_library(query.ids)
                found = [] if there is None else [there]
            else:
                found = []
                for library_id in await self._index.named(query.terms_of(client.title_kind)):
                    with suppress(NotFound):  # it was removed since
                        found.append(await client.catalogue_title(library_id))
        except BackendError as error:
            raise failure(error) from error
        return tuple(replace(each, backend_id=self._backend.subentry_id) for each in found)


class EpisodeDays:
    """On which days episodes aired: Sonarr tells of its series, and TMDB of all."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def aired_on(self, target: Target, season: int, episode: int) -> date | None:
        """Return the day on which an episode aired, there where it did; None: nobody tells."""
        for asked in self._asked(target, season):
            with suppress(BackendError):  # somebody else may tell
                for each in await asked():
                    if each.episode == episode and (day := each.aired_on) is not None:
                        return day
        return None

    def _asked(self, target: Target, season: int) -> Iterator[Callable[[], Awaitable[Sequence[CatalogueEpisode]]]]:
        """Yield who is asked for the episodes of a season, who has the series in its library first."""
        backends = [each for each in self._hub.backends.values() if each.answering]
        for backend in backends:
            entry = target.entry_of(backend.subentry_id)
            if isinstance(backend.client, SonarrClient) and entry is not None and entry.library_id is not None:
                yield partial(backend.client.episodes, entry.library_id, season)
        tmdb_id = id_of(target.wanted.ids, "tmdb")
        for backend in backends:
            if isinstance(backend.client, TmdbClient) and tmdb_id is not None:
                yield partial(backend.client.episodes, int(tmdb_id), season)


def is_asked(backend: Arr, query: Query) -> bool:
    """Tell whether an *arr may know what is meant."""
    return any(reading.may_be(backend.client.title_kind) for reading in query.readings)
