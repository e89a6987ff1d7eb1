"""What a Radarr or Sonarr did, and what it never wants to see again: `/history` and `/blocklist`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from .library import Wanted
from .quality import Quality, languages as language_resources
from .releases import Release
from .servarr_http import ApiError, Json, Query, answer, id_of, moment, object_of, page_of

if TYPE_CHECKING:
    from .arr import ArrSimulator


@dataclass(slots=True, kw_only=True)
class HistoryEvent:
    """Something that happened to one title. All values of `data` are texts."""

    id: int
    event: str
    date: datetime
    wanted: Wanted
    source_title: str
    quality: Quality
    languages: tuple[str, ...]
    download_id: str | None = None
    score: int = 0
    data: dict[str, str] = field(default_factory=dict)


class History:
    """What happened, newest last."""

    def __init__(self, arr: ArrSimulator, codes: dict[str, int]) -> None:
        self.arr = arr
        self.codes = codes  # of the events, for the `eventType` of the paged list
        self.events: list[HistoryEvent] = []
        self._next = 0

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/history", self._page),
            web.get("/history/since", self._since),
            web.get(f"/history/{self.arr.kind}", self._of_title),
            web.post("/history/failed/{id:\\d+}", self._failed),
        )

    def add(
        self,
        event: str,
        wanted: Sequence[Wanted],
        *,
        source_title: str,
        quality: Quality,
        languages: tuple[str, ...],
        data: dict[str, str],
        date: datetime | None = None,
        download_id: str | None = None,
        score: int = 0,
    ) -> None:
        """Write down an event, once for every title."""
        for one in wanted:
            self._next += 1
            self.events.append(
                HistoryEvent(
                    id=self._next,
                    event=event,
                    date=date or self.arr.clock.now(),
                    wanted=one,
                    source_title=source_title,
                    quality=quality,
                    languages=languages,
                    download_id=download_id,
                    score=score,
                    data=data,
                )
            )

    def json(self, event: HistoryEvent, included: Callable[[Wanted], Json]) -> Json:
        """Return the resource of an event."""
        profile = self.arr.profile_of(event.wanted)
        return {
            "id": event.id,
            **self.arr.ids_of(event.wanted),
            "sourceTitle": event.source_title,
            "languages": language_resources(event.languages),
            "quality": self.arr.quality_json(event.quality),
            "customFormats": [],
            "customFormatScore": event.score,
            "qualityCutoffNotMet": profile.cutoff_unmet(event.quality),
            "date": moment(event.date),
            "downloadId": event.download_id,
            "eventType": event.event,
            "data": event.data,
            **included(event.wanted),
        }

    async def _page(self, request: web.Request) -> web.Response:
        query = Query(request)
        codes = query.integers("eventType")
        download_id = query.text("downloadId")
        of_titles = self.arr.title_filter(query)
        events = [
            event
            for event in self.events
            if (not codes or self.codes[event.event] in codes)
            and download_id in {None, event.download_id}  # spelled as it was written
            and of_titles(event.wanted)
        ]
        included = self.arr.included(query)
        return answer(
            page_of(
                query,
                events,
                lambda event: self.json(event, included),
                sorts={"date": lambda event: (event.date, event.id), "sourceTitle": lambda event: event.source_title},
                default_sort="date",
                descending=True,
            )
        )

    async def _since(self, request: web.Request) -> web.Response:
        query = Query(request)
        date = query.moment("date")
        event_type = query.choice("eventType", self.codes)
        included = self.arr.included(query)
        return answer(
            [
                self.json(event, included)
                for event in sorted(self.events, key=lambda event: event.date)
                if (date is None or event.date >= date) and event_type in {None, event.event}
            ]
        )

    async def _of_title(self, request: web.Request) -> web.Response:
        query = Query(request)
        event_type = query.choice("eventType", self.codes)
        of_titles = self.arr.title_filter(query)
        included = self.arr.included(query)
        return answer(
            [
                self.json(event, included)
                for event in sorted(self.events, key=lambda event: event.date, reverse=True)
                if of_titles(event.wanted) and event_type in {None, event.event}
            ]
        )

    async def _failed(self, request: web.Request) -> web.Response:
        event = next((event for event in self.events if event.id == id_of(request)), None)
        if event is None:
            raise ApiError.not_found()
        self.arr.giving_up.fail_in_history(event)
        return answer({})


@dataclass(slots=True, kw_only=True)
class BlocklistItem:
    """A release that will not be grabbed again."""

    id: int
    wanted: tuple[Wanted, ...]
    source_title: str
    quality: Quality
    languages: tuple[str, ...]
    date: datetime
    protocol: str
    indexer: str
    message: str
    info_hash: str | None = None  # kept, but not told


class Blocklist:
    """The releases that failed."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr
        self.items: dict[int, BlocklistItem] = {}
        self._next = 1

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        routes = [
            web.get("/blocklist", self._page),
            web.delete("/blocklist/bulk", self._delete_bulk),
            web.delete("/blocklist/{id:\\d+}", self._delete),
        ]
        if self.arr.kind == "movie":
            routes.append(web.get("/blocklist/movie", self._of_movie))
        return routes

    def add(self, item: BlocklistItem) -> None:
        """Put a release on it."""
        item.id = self._next
        self._next += 1
        self.items[item.id] = item

    def holds(self, release: Release) -> bool:
        """Tell whether a release is on it for any of its titles.

        A torrent is known by its info hash, and by name and indexer only where the indexer doesn't tell that.
        """
        titles = set(map(id, release.wanted))
        items = [item for item in self.items.values() if titles & set(map(id, item.wanted))]
        if release.told_hash:
            return any(item.info_hash == release.told_hash for item in items)
        name, indexer = release.title.lower(), release.indexer.synced_name.lower()
        return any(name in item.source_title.lower() and item.indexer.lower() in {"", indexer} for item in items)

    def _json(self, item: BlocklistItem, *, with_title: bool = True) -> Json:
        return {
            "id": item.id,
            **self.arr.blocklist_ids(item.wanted),
            "sourceTitle": item.source_title,
            "languages": language_resources(item.languages),
            "quality": self.arr.quality_json(item.quality),
            "customFormats": [],
            "date": moment(item.date),
            "protocol": item.protocol,
            "indexer": item.indexer,
            "message": item.message,
            **(self.arr.title_resource(item.wanted[0]) if with_title else {}),
        }

    async def _page(self, request: web.Request) -> web.Response:
        query = Query(request)
        protocols = query.choices("protocols", ("unknown", "usenet", "torrent"))
        of_titles = self.arr.title_filter(query)
        items = [
            item
            for item in self.items.values()
            if (not protocols or item.protocol in protocols) and any(of_titles(one) for one in item.wanted)
        ]
        return answer(
            page_of(
                query,
                items,
                self._json,
                sorts={"date": lambda item: item.date, "sourceTitle": lambda item: item.source_title},
                default_sort="date",
                descending=True,
            )
        )

    async def _of_movie(self, request: web.Request) -> web.Response:
        of_titles = self.arr.title_filter(Query(request))
        return answer(
            [
                self._json(item, with_title=False)
                for item in self.items.values()
                if any(of_titles(one) for one in item.wanted)
            ]
        )

    async def _delete(self, request: web.Request) -> web.Response:
        self.items.pop(id_of(request), None)  # one that isn't there is no error
        return answer({})

    async def _delete_bulk(self, request: web.Request) -> web.Response:
        for number in (await object_of(request)).get("ids") or ():
            self.items.pop(number, None)
        return answer({})
