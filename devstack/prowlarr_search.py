"""Searches of a simulated Prowlarr: what is found, the links that hide the real ones, and grabs."""

import asyncio
import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import nlargest
import re
from typing import TYPE_CHECKING
from urllib.parse import quote as percent

from aiohttp import web

from .download_client import DownloadClientError, Qbittorrent
from .library import Movie, Series, plain
from .prowlarr_settings import CATEGORY_NAMES, MOVIES, SERIES
from .quality import FULL_HD, ULTRA_HD, Quality
from .releases import INDEXERS, IndexerSite, Release, episode_releases, movie_releases, season_releases
from .servarr_http import ApiError, Json, Query, answer, body_of, moment, object_of
from .servarr_providers import Provider

if TYPE_CHECKING:
    from .prowlarr import ProwlarrSimulator

#: So many movies and episodes have releases in feeds.
_RECENT = 20
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
#: In names there is a gap where a sign is; in what is asked for some signs are a part of words.
_ASKED_WORD = re.compile(r"(?:[^\W_]|['\u2019&])+")
_TOKEN = re.compile(r"\{(\w+):([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Cached:
    """A result that can be grabbed."""

    release: Release
    at: datetime


class Searches:
    """What is searched and grabbed."""

    #: how long results can be grabbed
    CACHED = timedelta(minutes=30)

    def __init__(self, prowlarr: ProwlarrSimulator) -> None:
        self.prowlarr = prowlarr
        self.cache: dict[tuple[str, int], Cached] = {}
        #: what is there besides what follows from the library; of titles that are in it nothing else is found
        self.offers: list[Release] = []
        self.delays: dict[int, float] = {}  # seconds until an indexer answers, by its id
        self.by_words: set[int] = set()  # ids of indexers that know only words, and look for all of them in names

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes below the API."""
        return (
            web.get("/search", self._search),
            web.post("/search", self._grab),
            web.post("/search/bulk", self._grab_bulk),
        )

    def links(self) -> Iterable[web.RouteDef]:
        """Return its routes outside the API."""
        return (web.get("/{indexer:\\d+}/download", self._download),)

    def _releases(self, text: str, kind: str) -> Iterator[Release]:
        """Yield what exists anywhere for a query, which may hold ids as `{TmdbId:603}`."""
        tokens = {name.lower(): value.strip() for name, value in _TOKEN.findall(text)}
        words = plain(_TOKEN.sub(" ", text))
        now = self.prowlarr.clock.now()
        scripted = {id(title) for release in self.offers if (title := _title_of(release))}
        for each in self.offers:
            asked = _has_all_words if each.indexer.id in self.by_words else _is_asked
            if asked(each, _TOKEN.sub(" ", text), tokens, kind):
                yield each
        if kind in {"search", "movie"}:
            for movie in self.prowlarr.library.all_movies():
                if id(movie) not in scripted and _fits(words, tokens, movie):
                    yield from movie_releases(movie, now)
        if kind in {"search", "tvsearch"}:
            code = re.search(r"s(\d{2})(?:e(\d{2}))?$", words)
            season, number = tokens.get("season") or (code and code[1]), tokens.get("episode") or (code and code[2])
            words = words[: code.start()] if code else words
            for series in self.prowlarr.library.all_series():
                if id(series) not in scripted and _fits(words, tokens, series):
                    yield from _of_series(series, season, number, now)

    def _new_releases(self) -> Iterator[Release]:
        """Yield what feeds may tell of: what is there, and releases of what came out last."""
        now, library = self.prowlarr.clock.now(), self.prowlarr.library
        scripted = {id(title) for release in self.offers if (title := _title_of(release))}
        yield from self.offers

        def out(movie: Movie) -> datetime:
            return max((each for each in (movie.digital_release, movie.physical_release) if each), default=_NEVER)

        movies = [each for each in library.all_movies() if id(each) not in scripted and out(each) <= now]
        for movie in sorted(movies, key=out)[-_RECENT:]:
            yield from movie_releases(movie, now)
        aired = [
            (episode.airs, episode.tvdb_id, episode)
            for series in library.all_series()
            if id(series) not in scripted
            for episode in series.episodes
            if episode.airs is not None and episode.airs <= now
        ]
        for *_, episode in nlargest(_RECENT, aired):
            yield from (release for release in episode_releases(episode, now) if not release.full_season)

    async def _search(self, request: web.Request) -> web.Response:
        query = Query(request)
        text = query.text("query") or ""
        kind = query.choice("type", ("search", "tvsearch", "movie", "music", "book")) or "search"
        categories = query.integers("categories")
        limit, offset = query.integer("limit", 100), query.integer("offset", 0)
        providers = [
            each for each in self.prowlarr.chosen(query.integers("indexerIds")) if self.prowlarr.asked(each, text)
        ]
        # it answers when the slowest of them has
        await asyncio.sleep(max((self.delays.get(each.id, 0) for each in providers), default=0))
        sites = {site.name: provider for provider in providers if (site := _site_of(provider))}
        releases = self._releases(text, kind) if text.strip() else self._new_releases()
        found = [
            release
            for release in {each.guid: each for each in releases}.values()
            if release.indexer.name in sites and _in_categories(release, categories)
        ]
        found = found[offset : offset + limit] if text.strip() else self._newest(found, limit)
        results = []
        for release in found:
            provider = sites[release.indexer.name]
            self.cache[release.guid, provider.id] = Cached(release, self.prowlarr.clock.now())
            results.append(self._result(request, release, provider))
        return answer(results)

    def _newest(self, found: list[Release], limit: int) -> list[Release]:
        """Return what a search for nothing finds: the feed of each indexer, the newest of all first."""
        now = self.prowlarr.clock.now()
        feeds: dict[str, list[Release]] = {}
        for release in sorted(found, key=lambda each: each.published, reverse=True):
            if release.published <= now:
                feeds.setdefault(release.indexer.name, []).append(release)
        return sorted((each for feed in feeds.values() for each in feed[:limit]), key=lambda each: each.published)[::-1]

    def _result(self, request: web.Request, release: Release, provider: Provider) -> Json:
        age = release.age(self.prowlarr.clock.now())
        public = release.indexer.privacy == "public"
        title = _title_of(release)
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
                {"id": number, "name": CATEGORY_NAMES[number], "subCategories": []} for number in _categories(release)
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
            f"{request.scheme}://{request.host}{self.prowlarr.url_base}/{provider.id}/download"
            f"?apikey={self.prowlarr.api_key}&link={link}&file={percent(release.title)}"
        )

    async def _download(self, request: web.Request) -> web.Response:
        provider = self.prowlarr.indexers.items.get(int(request.match_info["indexer"]))
        query = Query(request)
        if provider is None or not query.text("link"):
            raise ApiError.not_found()
        guid = base64.urlsafe_b64decode(query.text("link") or "").decode()
        cached = self.cache.get((guid, provider.id))
        if cached is None:
            raise ApiError.message(400, "Invalid Prowlarr link")
        if self.prowlarr.unavailable(provider.id):
            wait = self.prowlarr.failures[provider.id].until - self.prowlarr.clock.now()
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
        counters = self.prowlarr.counters[provider.id]
        counters.grabs += 1
        works = provider.id not in self.prowlarr.failing | self.prowlarr.refusing_grabs
        self.prowlarr.note(provider.id, "releaseGrabbed", successful=works, grabTitle=title or release.title)
        if not works:
            counters.failed_grabs += 1
            raise ApiError.message(409, "Getting release from indexer failed")
        self.prowlarr.webhooks.send(
            "onGrab",
            "Grab",
            {"release": {"releaseTitle": release.title, "indexer": provider.name, "size": release.size_bytes}},
        )
        return await self.prowlarr.source(release)

    async def _grab_one(self, body: Json) -> None:
        cached = self.cache.get((str(body.get("guid")), int(body.get("indexerId") or 0)))
        if cached is None or self.prowlarr.clock.now() > cached.at + self.CACHED:
            raise ApiError.not_found("Couldn't find requested release in cache, try searching again")
        client = next(
            (each for each in self.prowlarr.download_clients.items.values() if each.attributes["enable"]), None
        )
        if client is None:
            raise ApiError.message(500, "Torrent download client isn't configured yet")
        content = await self._fetch(cached.release, self.prowlarr.indexers.items[int(body["indexerId"])], "")
        values = client.values
        connection = Qbittorrent(
            self.prowlarr.session,
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


def _site_of(provider: Provider) -> IndexerSite | None:
    return next((site for site in INDEXERS if site.name == provider.name), None)


def _title_of(release: Release) -> Movie | Series | None:
    return release.movie or (release.episodes[0].series if release.episodes else None)


def _is_asked(release: Release, text: str, tokens: dict[str, str], kind: str) -> bool:
    """Tell whether an indexer answers with a release.

    Public ones know no ids: they take the first word for all of the search. The others go by ids where there are any.
    """
    if (kind == "tvsearch") is (release.movie is not None) and kind != "search":
        return False
    by_id = {"imdbid", "tmdbid", "tvdbid"} & set(tokens)
    title = _title_of(release)
    if by_id and title is not None and release.indexer.privacy != "public":
        return _fits("", tokens, title)
    first = plain(next(iter(text.split()), ""))
    return bool(first) and first in plain(release.title)


def _has_all_words(release: Release, text: str, tokens: dict[str, str], kind: str) -> bool:
    """Tell whether an indexer that only looks for words answers with a release: numbers and years are words, too."""
    if (kind == "movie" and release.movie is None) or (kind == "tvsearch" and release.movie is not None):
        return False
    words = f"{text} {tokens.get('year', '')} {_number_words(tokens)}".split()
    named = set(re.findall(r"[^\W_]+", release.title.lower()))
    return bool(words) and all(set(_ASKED_WORD.findall(word.lower())) <= named for word in words)


def _number_words(tokens: dict[str, str]) -> str:
    """Return season and episode as they are added to the words of a search; a day comes as a year and `MM/dd`."""
    season, number = tokens.get("season"), tokens.get("episode")
    if not season:
        return ""
    if day := _day_of(season, number):
        return f"{day:%Y.%m.%d}"
    return f"S{int(season):02}" + (f"E{int(number):02}" if number else "")


def _day_of(season: str | None, number: str | None) -> date | None:
    try:
        return datetime.strptime(f"{season} {number}", "%Y %m/%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _fits(words: str, tokens: dict[str, str], title: Movie | Series) -> bool:
    """Tell whether a title is meant by a query."""
    ids = {"imdbid": title.imdb_id, "tmdbid": str(title.tmdb_id)}
    if isinstance(title, Series):
        ids["tvdbid"] = str(title.tvdb_id)
    given = [name for name in ("imdbid", "tmdbid", "tvdbid") if tokens.get(name)]
    if given:
        return any(tokens[name] == ids.get(name) for name in given)
    return not words or title.called(words)


def _of_series(series: Series, season: str | None, number: str | None, now: datetime) -> Iterator[Release]:
    if day := _day_of(season, number):
        for episode in series.episodes:
            if episode.airs is not None and episode.airs.date() == day:
                yield from (release for release in episode_releases(episode, now) if not release.full_season)
        return
    for episode in series.episodes:
        if (season is None or episode.season == int(season)) and (number is None or episode.number == int(number)):
            yield from (release for release in episode_releases(episode, now) if not release.full_season)
    if number is None:
        for each in series.seasons:
            if season is None or each == int(season):
                yield from season_releases(series, each, now)


def _categories(release: Release) -> tuple[int, int]:
    base = MOVIES if release.movie is not None else SERIES
    return base, base + _subcategory(release.quality)


def _subcategory(quality: Quality) -> int:
    if quality.resolution >= ULTRA_HD:
        return 45
    return 40 if quality.resolution >= FULL_HD * 2 // 3 else 30


def _in_categories(release: Release, wanted: list[int]) -> bool:
    return not wanted or bool(set(_categories(release)) & set(wanted))
