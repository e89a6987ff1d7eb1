"""A simulated Prowlarr 2 (API v1): indexers that answer, fail and come back, searches, links that hide the real ones.

Download links of results are Prowlarr's own: they hold its API key and redirect to a magnet link, or give the torrent
file. Every indexer failing is no error but an empty result.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from typing import Any, override

from aiohttp import web

from .arr_grabbing import ReleaseSource, invented_magnet
from .clock import Clock
from .library import Library
from .prowlarr_search import Searches
from .prowlarr_settings import APPLICATION_KINDS, CATEGORIES, INDEXER_KINDS, PROXY_KINDS, QBITTORRENT, WEBHOOK
from .releases import INDEXERS, IndexerSite
from .servarr import HealthIssue, Servarr
from .servarr_commands import Commands
from .servarr_http import Invalid, Json, Query, answer, moment, page_of
from .servarr_providers import Provider, Providers
from .servarr_webhooks import Webhooks

_HISTORY_CODES = {
    "unknown": 0,
    "releaseGrabbed": 1,
    "indexerQuery": 2,
    "indexerRss": 3,
    "indexerAuth": 4,
    "indexerInfo": 5,
}


@dataclass(slots=True)
class Failure:
    """Why Prowlarr keeps away from an indexer for a while."""

    since: datetime
    latest: datetime
    until: datetime


@dataclass(slots=True)
class Counters:
    """What an indexer was asked, and how that went."""

    response_milliseconds: int
    queries: int = 0
    failed_queries: int = 0
    grabs: int = 0
    failed_grabs: int = 0


@dataclass(slots=True, kw_only=True)
class HistoryEvent:
    """Something that was asked of an indexer."""

    id: int
    indexer_id: int
    date: datetime
    event: str
    successful: bool
    data: dict[str, str] = field(default_factory=dict)


class ProwlarrSimulator(Servarr):
    """A Prowlarr with a handful of indexers."""

    application = "Prowlarr"
    api = "/api/v1"
    version = "2.3.0.5236"
    default_port = 9696

    def __init__(
        self,
        library: Library | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        api_key: str | None = None,
        url_base: str = "",
        instance_name: str | None = None,
    ) -> None:
        super().__init__(clock=clock, seed=seed, api_key=api_key, url_base=url_base, instance_name=instance_name)
        self.library = library or Library.small(self.clock.now(), seed)
        self.tags = {1: "flaresolverr"}
        self.source: ReleaseSource = invented_magnet
        self.failures: dict[int, Failure] = {}
        self.failing: set[int] = set()  # ids of indexers that fail whenever they are asked
        self.refusing_grabs: set[int] = set()  # ids of indexers that don't give their torrents out
        self.counters: dict[int, Counters] = {}
        self.history: list[HistoryEvent] = []
        self.indexers = Providers(self, "/indexer", INDEXER_KINDS, test=self._test_indexer)
        self.applications = Providers(self, "/applications", APPLICATION_KINDS)
        self.proxies = Providers(self, "/indexerproxy", PROXY_KINDS, bulk=False)
        self.download_clients = Providers(self, "/downloadclient", (QBITTORRENT,))
        self.notifications = Providers(self, "/notification", (WEBHOOK,), test=self._test_webhook, bulk=False)
        self.webhooks = Webhooks(self, self.notifications)
        self._told: list[HealthIssue] = []
        self.searches = Searches(self)
        self.commands = Commands(
            self,
            {
                "ApplicationIndexerSync": None,
                "AppIndexerMapSync": None,
                "CheckHealth": None,
                "ApplicationCheckUpdate": None,
                "Backup": None,
                "Housekeeping": None,
                "ClearHistory": self._clear_history,
            },
            has_result=False,
        )
        for site in INDEXERS:
            self.add_indexer(site)
        self.proxies.add("FlareSolverr", "FlareSolverr", {"host": "http://flaresolverr:8191/"}, tags=[1])

    # --- for tests and launchers -------------------------------------------------------------------------------------

    def add_indexer(self, site: IndexerSite, *, enable: bool = True) -> Provider:
        """Configure an indexer; its secrets are what must not leak."""
        word = site.name.lower().replace(" ", "")
        torrent = site.protocol == "torrent"
        values: dict[str, Any] = {"baseUrl": f"https://{word}.example/"}
        if torrent:
            values |= {"definitionFile": word, "cookie": f"uid=7; pass=secret-{word}", "username": "demo"}
            values |= {"password": f"secret-{word}"} if site.privacy != "public" else {}
        else:
            values |= {"apiKey": f"secret-{word}"}
        provider = self.indexers.add(
            "Cardigann" if torrent else "Newznab",
            site.name,
            values,
            enable=enable,
            privacy=site.privacy,
            protocol=site.protocol,
            definitionName=word,
            indexerUrls=[f"https://{word}.example/"],
            sortName=site.name.lower(),
            added=moment(self.started - timedelta(days=200)),
            supportsRedirect=torrent,
            tags=[1] if site.privacy == "public" else [],
        )
        self.counters[provider.id] = Counters(
            response_milliseconds=self.random.randint(120, 2400),
            queries=self.random.randint(200, 3000),
            failed_queries=self.random.randint(0, 30),
            grabs=self.random.randint(5, 120),
        )
        return provider

    def add_application(self, name: str, url: str, api_key: str, *, sync_level: str = "fullSync") -> Provider:
        """Configure a "Radarr" or "Sonarr" that gets the indexers."""
        values = {"prowlarrUrl": self.url, "baseUrl": url, "apiKey": api_key}
        return self.applications.add(name, name, values, syncLevel=sync_level)

    def fail_indexer(self, indexer_id: int, lasts: timedelta = timedelta(minutes=15)) -> None:
        """Let an indexer fail, so that Prowlarr keeps away from it until some time later."""
        now = self.clock.now()
        known = self.failures.get(indexer_id)
        self.failures[indexer_id] = Failure(known.since if known and known.until > now else now, now, now + lasts)
        self.tell_health()

    async def tick(self) -> None:
        """Do what is due by the clock."""
        self.tell_health()

    async def run(self) -> None:
        """Do what is due by the clock, until cancelled."""
        while True:
            await self.tick()
            await asyncio.sleep(1)

    def tell_health(self) -> None:
        """Send webhooks of complaints that came or went since the last time."""
        now = list(self.health_issues())
        for issue in now:
            if issue not in self._told:
                self.webhooks.health("onHealthIssue", "Health", issue)
        for issue in self._told:
            if issue not in now:
                self.webhooks.health("onHealthRestored", "HealthRestored", issue)
        self._told = now

    async def _test_webhook(self, provider: Provider) -> Iterable[Invalid]:
        return await self.webhooks.test(provider)

    def unavailable(self, indexer_id: int) -> bool:
        """Tell whether Prowlarr keeps away from an indexer at the moment."""
        failure = self.failures.get(indexer_id)
        return failure is not None and failure.until > self.clock.now()

    def health_issues(self) -> list[HealthIssue]:
        """Return its complaints: those given by a test, and about the indexers that fail."""
        enabled = [each for each in self.indexers.items.values() if each.attributes["enable"]]
        bad = [each for each in enabled if self.unavailable(each.id)]
        if not enabled:
            return [
                *self.health,
                HealthIssue("IndexerCheck", "error", "No indexers added, Prowlarr will not provide results"),
            ]
        if not bad:
            return self.health
        if len(bad) == len(enabled):
            text = "All indexers are unavailable due to failures"
            return [*self.health, HealthIssue("IndexerStatusCheck", "error", text)]
        names = ", ".join(provider.name for provider in bad)
        return [
            *self.health,
            HealthIssue("IndexerStatusCheck", "warning", f"Indexers unavailable due to failures: {names}"),
        ]

    async def _clear_history(self, body: Json) -> None:
        del body
        self.history.clear()

    async def _test_indexer(self, provider: Provider) -> Iterable[Invalid]:
        if provider.id in self.failing:
            return (Invalid("", "Unable to connect to indexer, check the log above for more details"),)
        return ()

    # --- asking indexers ---------------------------------------------------------------------------------------------

    def asked(self, provider: Provider, query: str) -> bool:
        """Ask an indexer; tell whether it answered."""
        counters = self.counters.setdefault(provider.id, Counters(500))
        counters.queries += 1
        works = provider.id not in self.failing
        if not works:
            counters.failed_queries += 1
            self.fail_indexer(provider.id)
        event = "indexerQuery" if query.strip() else "indexerRss"
        self.note(provider.id, event, successful=works, query=query, queryType="search")
        return works

    def note(self, indexer_id: int, event: str, *, successful: bool, **data: str) -> None:
        """Write down what was asked of an indexer."""
        self.history.append(
            HistoryEvent(
                id=len(self.history) + 1,
                indexer_id=indexer_id,
                date=self.clock.now(),
                event=event,
                successful=successful,
                data=data | {"elapsedTime": str(self.counters[indexer_id].response_milliseconds)},
            )
        )

    def chosen(self, ids: list[int]) -> list[Provider]:
        """Return the indexers to ask: -1 stands for all of usenet, -2 for all of torrents."""
        by_protocol = {-1: "usenet", -2: "torrent"}
        protocols = {by_protocol[number] for number in ids if number in by_protocol}
        return [
            provider
            for provider in self.indexers.items.values()
            if provider.attributes["enable"]
            and not self.unavailable(provider.id)
            and (not ids or provider.id in ids or provider.attributes["protocol"] in protocols)
        ]

    # --- what is read ------------------------------------------------------------------------------------------------

    @override
    def needs_key(self, path: str) -> bool:
        return bool(re.fullmatch(r"/\d+/(download|api)", path))

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        components = (
            self.commands,
            self.searches,
            self.indexers,
            self.applications,
            self.proxies,
            self.download_clients,
            self.notifications,
        )
        return (
            web.get("/indexer/categories", self._get_categories),
            *super().api_routes(),
            *(route for component in components for route in component.routes()),
            web.get("/indexerstatus", self._get_indexer_status),
            web.get("/indexerstats", self._get_indexer_stats),
            web.get("/appprofile", self._get_profiles),
            web.get("/history", self._get_history),
            web.get("/history/since", self._get_history_since),
            web.get("/history/indexer", self._get_history_of_indexer),
        )

    @override
    def other_routes(self) -> Iterable[web.RouteDef]:
        return (*super().other_routes(), *self.searches.links())

    async def _get_categories(self, request: web.Request) -> web.Response:
        del request
        return answer(CATEGORIES)

    async def _get_indexer_status(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [
                {
                    "id": number,
                    "indexerId": indexer_id,
                    "disabledTill": moment(failure.until),
                    "mostRecentFailure": moment(failure.latest),
                    "initialFailure": moment(failure.since),
                }
                for number, (indexer_id, failure) in enumerate(self.failures.items(), 1)
                if self.unavailable(indexer_id)
            ]
        )

    async def _get_indexer_stats(self, request: web.Request) -> web.Response:
        query = Query(request)
        query.moment("startDate")
        query.moment("endDate")
        wanted = {int(number) for number in (query.text("indexers") or "").split(",") if number}
        return answer(
            {
                "indexers": [
                    {
                        "indexerId": number,
                        "indexerName": self.indexers.items[number].name,
                        "averageResponseTime": counters.response_milliseconds,
                        "averageGrabResponseTime": counters.response_milliseconds * 2,
                        "numberOfQueries": counters.queries,
                        "numberOfGrabs": counters.grabs,
                        "numberOfRssQueries": counters.queries // 3,
                        "numberOfAuthQueries": 0,
                        "numberOfFailedQueries": counters.failed_queries,
                        "numberOfFailedGrabs": counters.failed_grabs,
                        "numberOfFailedRssQueries": 0,
                        "numberOfFailedAuthQueries": 0,
                    }
                    for number, counters in self.counters.items()
                    if number in self.indexers.items and (not wanted or number in wanted)
                ],
                "userAgents": [],
                "hosts": [],
            }
        )

    async def _get_profiles(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [
                {
                    "id": 1,
                    "name": "Standard",
                    "enableRss": True,
                    "enableAutomaticSearch": True,
                    "enableInteractiveSearch": True,
                    "minimumSeeders": 1,
                }
            ]
        )

    @override
    def tag_details(self, number: int) -> Json:
        def carriers(providers: Providers) -> list[int]:
            return [provider.id for provider in providers.items.values() if number in provider.tags]

        return {
            "notificationIds": carriers(self.notifications),
            "indexerIds": carriers(self.indexers),
            "indexerProxyIds": carriers(self.proxies),
            "applicationIds": carriers(self.applications),
        }

    @staticmethod
    def _event_json(event: HistoryEvent) -> Json:
        return {
            "id": event.id,
            "indexerId": event.indexer_id,
            "date": moment(event.date),
            "successful": event.successful,
            "eventType": event.event,
            "data": event.data,
        }

    async def _get_history(self, request: web.Request) -> web.Response:
        query = Query(request)
        codes, indexers = query.integers("eventType"), query.integers("indexerIds")
        successful = query.boolean("successful") if query.text("successful") else None
        events = [
            event
            for event in self.history
            if (not codes or _HISTORY_CODES[event.event] in codes)
            and (not indexers or event.indexer_id in indexers)
            and successful in {None, event.successful}
        ]
        return answer(
            page_of(
                query,
                events,
                self._event_json,
                sorts={"date": lambda event: (event.date, event.id)},
                default_sort="date",
                descending=True,
            )
        )

    async def _get_history_since(self, request: web.Request) -> web.Response:
        query = Query(request)
        date, kind = query.moment("date"), query.choice("eventType", _HISTORY_CODES)
        return answer(
            [
                self._event_json(event)
                for event in self.history
                if (date is None or event.date >= date) and kind in {None, event.event}
            ]
        )

    async def _get_history_of_indexer(self, request: web.Request) -> web.Response:
        query = Query(request)
        indexer_id, kind = query.integer("indexerId", 0), query.choice("eventType", _HISTORY_CODES)
        events = [event for event in self.history if event.indexer_id == indexer_id and kind in {None, event.event}]
        return answer([self._event_json(event) for event in events[-query.integer("limit", 10) :]])
