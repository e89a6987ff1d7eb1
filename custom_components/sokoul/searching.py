"""The search at work in Home Assistant: with the backends of the hub, its database and its policies."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.loader import async_get_loaded_integration
from homeassistant.util import dt as dt_util

from .acquire.ports import Catalogue, Result, SearchAnswer, Source, Target
from .acquire.query import Query
from .acquire.searching import DEADLINE, KEPT, Listener, Search, SearchEngine
from .clients.arr import ArrClient
from .clients.errors import BackendError
from .clients.prowlarr import ProwlarrClient
from .clients.real_debrid import RealDebridClient
from .clients.tmdb import TmdbClient
from .clients.torznab import TorznabClient
from .const import DOMAIN
from .model.catalogue import CatalogueTitle
from .model.releases import QualityProfile
from .model.search import SearchRequest
from .releases.policy import Policy
from .search_catalogues import ArrLookup, ArrShelves, EpisodeDays, LibraryIndex, Tmdb, is_asked
from .search_judge import judge_of
from .search_policies import find_policy
from .search_reader import SecondReading
from .search_sources import (
    ArrSearch,
    DownloadsSearch,
    FeedSearch,
    IndexerSearch,
    LinkSearch,
    MirrorHoldings,
    MirrorSearch,
    can_search,
    is_address,
)
from .store import StoreError

if TYPE_CHECKING:
    from .coordinator import BackendCoordinator
    from .hub import Hub

#: Fired when the rest of an answer came after the one who asked was told.
EVENT_SEARCH: Final = f"{DOMAIN}_search"
#: Quality profiles change when a person changes them.
PROFILES_LAST: Final = timedelta(minutes=10)
#: Of so many titles it is remembered as long which profile they were given.
MOST_GIVEN: Final = 200


class Searching:
    """Looks for titles and their releases, for all faces."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._indexes: dict[str, LibraryIndex] = {}
        self._profiles: dict[str, tuple[datetime, dict[int, QualityProfile]]] = {}
        self._given: OrderedDict[tuple[str, int], tuple[datetime, int | None]] = OrderedDict()  # profiles, to titles
        self.second_reading = SecondReading(hub)
        self._promised: set[str] = set()  # answers that were told before they were whole
        self.engine = SearchEngine(
            catalogues=self._catalogues,
            sources=self._sources,
            policies=self,
            profiles=self,
            shelf=self,
            holdings=MirrorHoldings(hub),
            days=EpisodeDays(hub),
            judge=partial(judge_of, hub),
            second=lambda: self.second_reading.reader,
            clock=dt_util.utcnow,
            version=str(async_get_loaded_integration(hub.hass, DOMAIN).version),
            begin=hub.in_background,
            on_update=self._updated,
            on_change=self._tell,
        )

    def start(self) -> None:
        """Get ready what a person chose."""
        self.second_reading.start()

    async def stop(self) -> None:
        """End all searches."""
        self.second_reading.stop()
        await self.engine.stop()

    # --- searching -----------------------------------------------------------------------------------------------

    async def search(
        self, request: SearchRequest, *, deadline: timedelta = DEADLINE, fresh: bool = False
    ) -> SearchAnswer:
        """Return what is found until the deadline; an event tells when there is more."""
        answer = await self.engine.search(request, deadline=deadline, fresh=fresh)
        if not answer.complete:
            self._promised.add(answer.id)
        return answer

    @callback
    def watch(self, request: SearchRequest, listener: Listener, *, fresh: bool = False) -> CALLBACK_TYPE:
        """Tell what is found, as it is found. What is returned ends it: nobody is waited for when nobody watches."""
        search = self.engine.start(request, fresh=fresh)
        if not search.running:
            leaving = ExitStack()
            task = self._hub.in_background(self._tell_again(search, listener, leaving), "telling what was found")
            leaving.callback(task.cancel)
            return leaving.close
        leave = search.add_listener(listener)
        listener(search.answer)

        def end() -> None:
            leave()
            if not search.watched and search.answer.id not in self._promised:
                search.cancel()

        return end

    @staticmethod
    async def _tell_again(search: Search, listener: Listener, leaving: ExitStack) -> None:
        await search.score_again()
        listener(replace(search.answer, from_cache=True))
        leaving.callback(search.add_listener(listener))
        search.look_at_profile()

    def find(self, reference: str) -> tuple[SearchAnswer, Result] | None:
        """Return a release by how answers refer to it: the id of the search, and that of the result."""
        answer_id, _, result_id = reference.partition(".")
        search = self.engine.find(answer_id)
        result = search.answer.result(result_id) if search is not None else None
        return None if search is None or result is None else (search.answer, result)

    def under_way(self, answer_id: str) -> Search | None:
        """Return a search by the id of its answer."""
        return self.engine.find(answer_id)

    @callback
    def _updated(self, answer: SearchAnswer) -> None:
        if answer.complete and answer.id in self._promised:
            self._promised.discard(answer.id)
            self._tell(answer)

    @callback
    def _tell(self, answer: SearchAnswer) -> None:
        """Tell that there is more, or something else, than whoever asked was told."""
        told: dict[str, Any] = {
            "search": answer.id,
            "title": answer.title.label if answer.title is not None else None,
            "count": len(answer.results),
            "accepted": answer.accepted,
        }
        self._hub.hass.bus.async_fire(EVENT_SEARCH, told)

    # --- who is asked --------------------------------------------------------------------------------------------

    def _arrs(self) -> Iterator[BackendCoordinator[ArrClient, Any]]:
        for backend in self._hub.backends.values():
            if isinstance(backend.client, ArrClient):
                yield backend

    def _catalogues(self, query: Query) -> Sequence[Catalogue]:
        found: list[Catalogue] = [
            Tmdb(backend) for backend in self._hub.backends.values() if isinstance(backend.client, TmdbClient)
        ]
        for backend in self._arrs():
            if not is_asked(backend, query):
                continue
            found.append(ArrLookup(backend))
            index = self._indexes.setdefault(backend.subentry_id, LibraryIndex(backend, self._hub.in_background))
            found.append(ArrShelves(backend, index))
        return found

    def _openers(self, link: str | None) -> list[Source]:
        """Return who may open a link that a person brought."""
        if not is_address(link):
            return []
        backends = self._hub.backends.values()
        return [LinkSearch(each) for each in backends if isinstance(each.client, RealDebridClient)]

    def _sources(self, target: Target) -> Sequence[Source]:
        if target.link is not None and not (target.text or target.wanted.ids or target.info_hash):
            return self._openers(target.link)  # nobody else could be asked for anything
        found: list[Source] = [DownloadsSearch(self._hub), *self._openers(target.link)]
        found += [
            MirrorSearch(mirror.store, account, mirror.title)
            for account, mirror in self._hub.debriding.accounts.items()
        ]
        for backend in self._hub.backends.values():
            if isinstance(backend.client, ProwlarrClient):
                found.append(IndexerSearch(backend))
            elif isinstance(backend.client, TorznabClient):
                found.append(FeedSearch(backend))
        found += [
            ArrSearch(backend, entry)
            for backend in self._arrs()
            if (entry := target.entry_of(backend.subentry_id)) is not None and can_search(target)
        ]
        return found

    # --- what the search needs of Home Assistant -----------------------------------------------------------------

    def policy(self, key: str | None) -> Policy:
        """Return a policy of the person."""
        return find_policy(self._hub.entry, key)

    async def profile_of(self, target: Target, at: datetime) -> QualityProfile | None:
        """Return the profile of the first *arr that has the title; None: nobody has it, or tells."""
        for entry in target.entries:
            backend = self._hub.backends.get(entry.backend_id or "")
            if entry.library_id is None or entry.quality_profile_id is None or backend is None:
                continue
            given = await self._given_to(entry, entry.library_id, at, backend)
            profiles = await self._profiles_of(backend)
            if given is not None and (profile := profiles.get(given)) is not None:
                return profile
        return None

    async def _given_to(
        self, entry: CatalogueTitle, library_id: int, at: datetime, backend: BackendCoordinator[ArrClient, Any]
    ) -> int | None:
        """Return the profile that an *arr has for a title of its library: as it was read at a moment, or is now."""
        now, key = dt_util.utcnow(), (backend.subentry_id, library_id)
        read_at, given = max((at, entry.quality_profile_id), self._given.get(key, (at, None)), key=itemgetter(0))
        if now - read_at < PROFILES_LAST or not backend.answering:
            return given
        with suppress(BackendError):  # it may be gone, too; what was known before is better than nothing
            title = await backend.client.catalogue_title(library_id)
            given = title.quality_profile_id if title.ids & entry.ids else given  # another title means another library
            self._given[key] = now, given
            self._given.move_to_end(key)
            while len(self._given) > MOST_GIVEN:
                self._given.popitem(last=False)
        return given

    async def _profiles_of(self, backend: BackendCoordinator[ArrClient, Any]) -> dict[int, QualityProfile]:
        now = dt_util.utcnow()
        read_at, profiles = self._profiles.get(backend.subentry_id, (now - PROFILES_LAST, {}))
        if now - read_at >= PROFILES_LAST:
            with suppress(BackendError):  # what was known before is better than nothing
                profiles = {each.id: each for each in await backend.client.quality_profiles()}
                self._profiles[backend.subentry_id] = now, profiles
        return profiles

    async def load(self, key: str, after: datetime) -> tuple[datetime, str] | None:
        """Return what the database has of a search."""
        store = self._hub.pilot.store
        if store is not None:
            with suppress(StoreError):
                return await store.searches.load(key, after)
        return None

    async def keep(self, key: str, at: datetime, found: str) -> None:
        """Keep what a search found, if there is a database."""
        store = self._hub.pilot.store
        if store is not None:
            with suppress(StoreError):
                await store.searches.keep(key, at, found, expired=dt_util.utcnow() - KEPT)

    async def forget(self) -> None:
        """Forget what searches found."""
        self.engine.forget()
        store = self._hub.pilot.store
        if store is not None:
            with suppress(StoreError):
                await store.searches.clear()
