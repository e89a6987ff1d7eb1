"""A simulated Prowlarr 2 (API v1): indexers that answer, fail and come back, searches, links that hide the real ones.

Download links of results are Prowlarr's own: they hold its API key and redirect to a magnet link, or give the torrent
file. Every indexer failing is no error but an empty result.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from typing import Any, override
from urllib.parse import quote as percent

from aiohttp import web

from .arr_grabbing import ReleaseSource, invented_magnet
from .arr_settings import HOST_FIELDS
from .clock import Clock
from .download_client import DownloadClientError, Qbittorrent
from .library import Library, Movie, Series, plain
from .quality import FULL_HD, ULTRA_HD, Quality
from .releases import INDEXERS, IndexerSite, Release, episode_releases, movie_releases, season_releases
from .servarr import HealthIssue, Servarr
from .servarr_commands import Commands
from .servarr_http import ApiError, Invalid, Json, Query, answer, body_of, moment, object_of, page_of
from .servarr_providers import Field, Implementation, Provider, Providers

_MOVIES, _SERIES = 2000, 5000
_CATEGORY_NAMES = {
    2000: "Movies",
    2030: "Movies/SD",
    2040: "Movies/HD",
    2045: "Movies/UHD",
    5000: "TV",
    5030: "TV/SD",
    5040: "TV/HD",
    5045: "TV/UHD",
}
_HISTORY_CODES = {
    "unknown": 0,
    "releaseGrabbed": 1,
    "indexerQuery": 2,
    "indexerRss": 3,
    "indexerAuth": 4,
    "indexerInfo": 5,
}
_TOKEN = re.compile(r"\{(\w+):([^}]*)\}")


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


@dataclass(frozen=True, slots=True)
class Cached:
    """A result that can be grabbed."""

    release: Release
    at: datetime


class ProwlarrSimulator(Servarr):
    """A Prowlarr with a handful of indexers."""

    application = "Prowlarr"
    api = "/api/v1"
    version = "2.3.0.5236"
    default_port = 9696

    #: how long results can be grabbed
    CACHED = timedelta(minutes=30)

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
        self.cache: dict[tuple[str, int], Cached] = {}
        self.indexers = Providers(self, "/indexer", _INDEXERS, test=self._test_indexer)
        self.applications = Providers(self, "/applications", _APPLICATIONS)
        self.proxies = Providers(self, "/indexerproxy", _PROXIES, bulk=False)
        self.download_clients = Providers(self, "/downloadclient", (_QBITTORRENT,))
        self.notifications = Providers(self, "/notification", (_WEBHOOK,), bulk=False)
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

    # --- for tests and launchers ---------------------------------------------------------------------------------

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

    # --- searching -----------------------------------------------------------------------------------------------

    def _asked(self, provider: Provider, query: str) -> bool:
        """Ask an indexer; tell whether it answered."""
        counters = self.counters.setdefault(provider.id, Counters(500))
        counters.queries += 1
        works = provider.id not in self.failing
        if not works:
            counters.failed_queries += 1
            self.fail_indexer(provider.id)
        self._note(provider.id, "indexerQuery", successful=works, query=query, queryType="search")
        return works

    def _note(self, indexer_id: int, event: str, *, successful: bool, **data: str) -> None:
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

    def _chosen(self, ids: list[int]) -> list[Provider]:
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

    def _releases(self, text: str, kind: str) -> Iterator[Release]:
        """Yield what exists anywhere for a query, which may hold ids as `{TmdbId:603}`."""
        tokens = {name.lower(): value.strip() for name, value in _TOKEN.findall(text)}
        words = plain(_TOKEN.sub(" ", text))
        now = self.clock.now()
        if kind in {"search", "movie"}:
            for movie in self.library.all_movies():
                if _fits(words, tokens, movie):
                    yield from movie_releases(movie, now)
        if kind in {"search", "tvsearch"}:
            code = re.search(r"s(\d{2})(?:e(\d{2}))?$", words)
            season, number = tokens.get("season") or (code and code[1]), tokens.get("episode") or (code and code[2])
            words = words[: code.start()] if code else words
            for series in self.library.all_series():
                if _fits(words, tokens, series):
                    yield from _of_series(series, season, number, now)

    async def _search(self, request: web.Request) -> web.Response:
        query = Query(request)
        text = query.text("query") or ""
        kind = query.choice("type", ("search", "tvsearch", "movie", "music", "book")) or "search"
        categories = query.integers("categories")
        limit, offset = query.integer("limit", 100), query.integer("offset", 0)
        providers = [each for each in self._chosen(query.integers("indexerIds")) if self._asked(each, text)]
        sites = {site.name: provider for provider in providers if (site := _site_of(provider))}
        found = [
            release
            for release in {each.guid: each for each in self._releases(text, kind)}.values()
            if release.indexer.name in sites and _in_categories(release, categories)
        ]
        results = []
        for release in found[offset : offset + limit]:
            provider = sites[release.indexer.name]
            self.cache[release.guid, provider.id] = Cached(release, self.clock.now())
            results.append(self._result(request, release, provider))
        return answer(results)

    def _result(self, request: web.Request, release: Release, provider: Provider) -> Json:
        age = release.age(self.clock.now())
        public = release.indexer.privacy == "public"
        title = release.movie or (release.episodes[0].series if release.episodes else None)
        return {
            "guid": release.guid,
            "age": age.days,
            "ageHours": age / timedelta(hours=1),
            "ageMinutes": age / timedelta(minutes=1),
            "size": release.size_bytes,
            "files": max(1, len(release.episodes)),
            "grabs": release.size_bytes % 700,
            "indexerId": provider.id,
            "indexer": provider.name,
            "title": release.title,
            "sortTitle": release.title.lower().replace(".", " "),
            "imdbId": 0,
            "tmdbId": title.tmdb_id if isinstance(title, Movie) and not public else 0,
            "tvdbId": title.tvdb_id if isinstance(title, Series) and not public else 0,
            "tvMazeId": 0,
            "publishDate": moment(release.published),
            "commentUrl": release.guid,
            "downloadUrl": self._link(request, release, provider),
            "magnetUrl": self._link(request, release, provider) if public else None,
            "infoUrl": release.guid,
            "indexerFlags": ["freeleech"] if release.freeleech else [],
            "categories": [
                {"id": number, "name": _CATEGORY_NAMES[number], "subCategories": []} for number in _categories(release)
            ],
            "infoHash": release.info_hash if release.indexer.name == "Open Harbour" else None,
            "seeders": release.seeders,
            "leechers": release.leechers,
            "protocol": release.indexer.protocol,
            "fileName": f"{release.title}.{'torrent' if release.indexer.protocol == 'torrent' else 'nzb'}",
        }

    def _link(self, request: web.Request, release: Release, provider: Provider) -> str:
        """Return the link that stands for the indexer's own, built from the host that was asked."""
        link = base64.urlsafe_b64encode(release.guid.encode()).decode()
        return (
            f"{request.scheme}://{request.host}{self.url_base}/{provider.id}/download"
            f"?apikey={self.api_key}&link={link}&file={percent(release.title)}"
        )

    async def _download(self, request: web.Request) -> web.Response:
        provider = self.indexers.items.get(int(request.match_info["indexer"]))
        query = Query(request)
        if provider is None or not query.text("link"):
            raise ApiError.not_found()
        guid = base64.urlsafe_b64decode(query.text("link") or "").decode()
        cached = self.cache.get((guid, provider.id))
        if cached is None:
            raise ApiError.message(400, "Invalid Prowlarr link")
        if self.unavailable(provider.id):
            wait = self.failures[provider.id].until - self.clock.now()
            return web.Response(status=429, headers={"Retry-After": str(int(wait.total_seconds()))})
        content = await self._fetch(cached.release, provider, query.text("file") or "")
        if isinstance(content, str):
            return web.Response(status=301, headers={"Location": content})
        return web.Response(
            body=content,
            content_type="application/x-bittorrent",
            headers={"Content-Disposition": f'attachment; filename="{provider.id}.torrent"'},
        )

    async def _fetch(self, release: Release, provider: Provider, title: str) -> bytes | str:
        counters = self.counters[provider.id]
        counters.grabs += 1
        works = provider.id not in self.failing | self.refusing_grabs
        self._note(provider.id, "releaseGrabbed", successful=works, grabTitle=title or release.title)
        if not works:
            counters.failed_grabs += 1
            raise ApiError.message(409, "Getting release from indexer failed")
        return await self.source(release)

    async def _grab_one(self, body: Json) -> None:
        cached = self.cache.get((str(body.get("guid")), int(body.get("indexerId") or 0)))
        if cached is None or self.clock.now() > cached.at + self.CACHED:
            raise ApiError.not_found("Couldn't find requested release in cache, try searching again")
        client = next((each for each in self.download_clients.items.values() if each.attributes["enable"]), None)
        if client is None:
            raise ApiError.message(500, "Torrent download client isn't configured yet")
        content = await self._fetch(cached.release, self.indexers.items[int(body["indexerId"])], "")
        values = client.values
        connection = Qbittorrent(
            self.session,
            f"{'https' if values['useSsl'] else 'http'}://{values['host']}:{values['port']}",
            values.get("username") or "",
            values.get("password") or "",
        )
        try:
            await connection.add(content, category=str(values.get("category") or ""))
        except DownloadClientError as error:
            raise ApiError.message(500, str(error)) from error

    async def _grab(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        await self._grab_one(body)
        return answer(body)

    async def _grab_bulk(self, request: web.Request) -> web.Response:
        grabbed = []
        for each in await body_of(request):
            try:
                await self._grab_one(each)
            except ApiError:
                continue
            grabbed.append(each)
        if not grabbed:
            raise ApiError.message(400, "No releases were grabbed")
        return answer(grabbed)

    # --- what is read --------------------------------------------------------------------------------------------

    @override
    def needs_key(self, path: str) -> bool:
        return bool(re.fullmatch(r"/\d+/(download|api)", path))

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        components = (
            self.commands,
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
            web.get("/search", self._search),
            web.post("/search", self._grab),
            web.post("/search/bulk", self._grab_bulk),
            web.get("/history", self._get_history),
            web.get("/history/since", self._get_history_since),
            web.get("/history/indexer", self._get_history_of_indexer),
        )

    @override
    def other_routes(self) -> Iterable[web.RouteDef]:
        return (*super().other_routes(), web.get("/{indexer:\\d+}/download", self._download))

    async def _get_categories(self, request: web.Request) -> web.Response:
        del request
        return answer(_CATEGORIES)

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


def _site_of(provider: Provider) -> IndexerSite | None:
    return next((site for site in INDEXERS if site.name == provider.name), None)


def _fits(words: str, tokens: dict[str, str], title: Movie | Series) -> bool:
    """Tell whether a title is meant by a query."""
    ids = {"imdbid": title.imdb_id, "tmdbid": str(title.tmdb_id)}
    if isinstance(title, Series):
        ids["tvdbid"] = str(title.tvdb_id)
    given = [name for name in ("imdbid", "tmdbid", "tvdbid") if tokens.get(name)]
    if given:
        return any(tokens[name] == ids.get(name) for name in given)
    return not words or words in plain(f"{title.title} {title.year}")


def _of_series(series: Series, season: str | None, number: str | None, now: datetime) -> Iterator[Release]:
    for episode in series.episodes:
        if (season is None or episode.season == int(season)) and (number is None or episode.number == int(number)):
            yield from (release for release in episode_releases(episode, now) if not release.full_season)
    if number is None:
        for each in series.seasons:
            if season is None or each == int(season):
                yield from season_releases(series, each, now)


def _categories(release: Release) -> tuple[int, int]:
    base = _MOVIES if release.movie is not None else _SERIES
    return base, base + _subcategory(release.quality)


def _subcategory(quality: Quality) -> int:
    if quality.resolution >= ULTRA_HD:
        return 45
    return 40 if quality.resolution >= FULL_HD * 2 // 3 else 30


def _in_categories(release: Release, wanted: list[int]) -> bool:
    return not wanted or bool(set(_categories(release)) & set(wanted))


_CATEGORIES = [
    {
        "id": base,
        "name": _CATEGORY_NAMES[base],
        "subCategories": [
            {"id": number, "name": name, "subCategories": []}
            for number, name in _CATEGORY_NAMES.items()
            if base < number < base + 1000
        ],
    }
    for base in (_MOVIES, _SERIES)
]
_SEARCHES = {
    "limitsMax": 100,
    "limitsDefault": 100,
    "categories": _CATEGORIES,
    "supportsRawSearch": False,
    "searchParams": ["q"],
    "tvSearchParams": ["q", "season", "ep", "imdbId", "tvdbId"],
    "movieSearchParams": ["q", "imdbId", "tmdbId"],
    "musicSearchParams": [],
    "bookSearchParams": [],
}


def _indexer(name: str, protocol: str, *fields: Field) -> Implementation:
    attributes = {
        "indexerUrls": [],
        "legacyUrls": [],
        "definitionName": name,
        "description": f"An imitated {protocol} indexer",
        "language": "en-US",
        "encoding": "Unicode (UTF-8)",
        "enable": True,
        "redirect": False,
        "supportsRss": True,
        "supportsSearch": True,
        "supportsRedirect": False,
        "supportsPagination": False,
        "appProfileId": 1,
        "protocol": protocol,
        "privacy": "private",
        "capabilities": _SEARCHES,
        "priority": 25,
        "downloadClientId": 0,
        "sortName": "",
        "added": None,
    }
    return Implementation(name=name, label=name, contract=f"{name}Settings", fields=fields, attributes=attributes)


_INDEXERS = (
    _indexer(
        "Cardigann",
        "torrent",
        Field("definitionFile", "Definition File", type="textbox"),
        Field("baseUrl", "Base Url", type="select"),
        Field("cookie", "Cookie", privacy="password"),
        Field("username", "Username", privacy="userName"),
        Field("password", "Password", type="password", privacy="password"),
        Field("torrentBaseSettings.appMinimumSeeders", "Apps Minimum Seeders", type="number", advanced=True),
        Field("torrentBaseSettings.seedRatio", "Seed Ratio", type="number", advanced=True),
        Field("torrentBaseSettings.seedTime", "Seed Time", type="number", advanced=True),
    ),
    _indexer(
        "Newznab",
        "usenet",
        Field("baseUrl", "URL"),
        Field("apiPath", "API Path", "/api"),
        Field("apiKey", "API Key", privacy="apiKey"),
    ),
)


def _application(name: str, categories: list[int]) -> Implementation:
    return Implementation(
        name=name,
        label=name,
        contract=f"{name}Settings",
        fields=(
            Field("prowlarrUrl", "Prowlarr Server", "http://localhost:9696"),
            Field("baseUrl", f"{name} Server"),
            Field("apiKey", "API Key", privacy="apiKey"),
            Field("syncCategories", "Sync Categories", categories, type="select", advanced=True),
        ),
        attributes={"syncLevel": "fullSync", "testCommand": None},
    )


_APPLICATIONS = (_application("Radarr", [2000, 2030, 2040, 2045]), _application("Sonarr", [5000, 5030, 5040, 5045]))
_PROXIES = (
    Implementation(
        name="FlareSolverr",
        label="FlareSolverr",
        contract="FlareSolverrSettings",
        fields=(
            Field("host", "Host", "http://localhost:8191/"),
            Field("requestTimeout", "Request Timeout", 60, type="number"),
        ),
        attributes={"onHealthIssue": False, "supportsOnHealthIssue": False, "includeHealthWarnings": False},
    ),
)
_QBITTORRENT = Implementation(
    name="QBittorrent",
    label="qBittorrent",
    contract="QBittorrentSettings",
    fields=(*HOST_FIELDS, Field("category", "Default Category", "prowlarr")),
    attributes={"enable": True, "priority": 1, "protocol": "torrent", "categories": [], "supportsCategories": True},
)
_WEBHOOK = Implementation(
    name="Webhook",
    label="Webhook",
    contract="WebhookSettings",
    fields=(Field("url", "Webhook URL", type="url"), Field("method", "Method", 1, type="select")),
    attributes={
        "onGrab": False,
        "onHealthIssue": False,
        "onHealthRestored": False,
        "onApplicationUpdate": False,
        "includeManualGrabs": False,
        "includeHealthWarnings": False,
        "supportsOnGrab": True,
        "supportsOnHealthIssue": True,
        "supportsOnHealthRestored": True,
        "supportsOnApplicationUpdate": True,
    },
)
