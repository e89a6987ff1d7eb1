"""A simulated Torznab feed, as a Jackett offers them: capabilities, searches, errors in XML.

Source: the Torznab additions to the Newznab API. It imitates one program over several indexers, at
`/api/v2.0/indexers/all/results/torznab/`.
"""

from collections.abc import Iterable
from email.utils import format_datetime
from typing import override
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from .clock import Clock
from .frame import Simulator
from .library import Movie, Series, plain
from .releases import Release

API_KEY = "fedcba9876543210fedcba9876543210"
BASE = "/api/v2.0/indexers/all/results/torznab"
_NAMESPACE = "http://torznab.com/schemas/2015/feed"


class TorznabSimulator(Simulator):
    """A feed."""

    name = "torznab"

    def __init__(self, *, clock: Clock | None = None, seed: int = 1) -> None:
        super().__init__(clock=clock, seed=seed)
        self.releases: list[Release] = []
        self.api_key = API_KEY
        self.movie_parameters: str | None = "q,imdbid,tmdbid,year"  # None: it has no such search
        self.series_parameters: str | None = "q,season,ep,imdbid,tvdbid"
        self.most = 100
        self.error: tuple[int, str] | None = None  # what it answers to every search
        self.raw: bytes | None = None  # what it answers in place of XML of its own

    @property
    def feed_url(self) -> str:
        """The address that it shows."""
        return f"{self.url}{BASE}/"

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get(f"{BASE}/api", self._answer_feed),
            web.get(BASE, self._answer_feed),
            web.get("/dl/{indexer:\\d+}/", self._download),
        )

    async def _download(self, request: web.Request) -> web.Response:
        """Answer with the file behind a release, or lead to its magnet."""
        if request.query.get("jackett_apikey", "") != self.api_key:
            return web.Response(status=401)
        asked = request.query.get("path", "")
        release = next((each for each in self.releases if each.info_hash == asked), None)
        if release is None:
            return web.Response(status=404)
        if isinstance(release.torrent, bytes):
            return web.Response(body=release.torrent, content_type="application/x-bittorrent")
        return web.Response(status=302, headers={"Location": release.magnet})

    async def _answer_feed(self, request: web.Request) -> web.Response:
        function = request.query.get("t", "")
        if self.raw is not None:
            return web.Response(body=self.raw, content_type="application/xml")
        if function == "caps":
            return _xml(self._capabilities())
        if request.query.get("apikey", "") != self.api_key:
            return _error(100, "Incorrect user credentials")
        if self.error is not None:
            return _error(*self.error)
        parameters = {"search": "q", "movie": self.movie_parameters, "tvsearch": self.series_parameters}
        supported = parameters.get(function)
        if supported is None:
            return _error(201 if function not in parameters else 203, "Function not available")
        ids = [name for name in ("imdbid", "tmdbid", "tvdbid") if request.query.get(name)]
        if unknown := [
            name
            for name in (*ids, "season", "ep", "year")
            if name in request.query and name not in supported.split(",")
        ]:
            return _error(201, f"Incorrect parameter {unknown[0]}")
        found = [
            each
            for each in self.releases
            if _in_categories(each, request)
            and each.published <= self.clock.now()
            and _is_asked(each, request, function, ids)
        ]
        if function == "search" and not request.query.get("q", "").strip():  # what is new
            found.sort(key=lambda each: each.published, reverse=True)
        limit = min(int(request.query.get("limit", self.most)), self.most)
        return _xml(self._feed(found[:limit]))

    def _capabilities(self) -> str:
        def search(name: str, parameters: str | None) -> str:
            told = f' supportedParams="{parameters}"' if parameters else ""
            return f'<{name} available="{"yes" if parameters else "no"}"{told}/>'

        return (
            f'<caps><server title="Jackett"/><limits default="{self.most}" max="{self.most}"/><searching>'
            f"{search('search', 'q')}{search('tv-search', self.series_parameters)}"
            f"{search('movie-search', self.movie_parameters)}</searching>"
            '<categories><category id="2000" name="Movies"/><category id="5000" name="TV"/></categories></caps>'
        )

    def _feed(self, found: Iterable[Release]) -> str:
        items = "".join(self._item(each) for each in found)
        return f'<rss version="2.0" xmlns:torznab="{_NAMESPACE}"><channel><title>Jackett</title>{items}</channel></rss>'

    def _item(self, release: Release) -> str:
        link = f"{self.url}/dl/{release.indexer.id}/?jackett_apikey={self.api_key}&path={release.info_hash}"
        title = release.movie or (release.episodes[0].series if release.episodes else None)
        attributes = {
            "category": "2040" if release.movie else "5040",
            "seeders": str(release.seeders or 0),
            "peers": str((release.seeders or 0) + (release.leechers or 0)),
            "downloadvolumefactor": "0" if release.freeleech else "1",
        }
        if release.told_hash:
            attributes |= {"infohash": release.told_hash}
            if not isinstance(release.torrent, bytes):  # who gives files out gives nothing else
                attributes |= {"magneturl": release.magnet}
        if isinstance(title, Movie):
            attributes |= {"imdbid": title.imdb_id, "tmdbid": str(title.tmdb_id)}
        elif isinstance(title, Series):
            attributes |= {"tvdbid": str(title.tvdb_id)}
        told = "".join(
            f"<torznab:attr name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in attributes.items()
        )
        return (
            f"<item><title>{escape(release.title)}</title><guid>{escape(release.guid)}</guid>"
            f"<jackettindexer id='x'>{escape(release.indexer.name)}</jackettindexer>"
            f"<pubDate>{format_datetime(release.published)}</pubDate><size>{release.size_bytes}</size>"
            f"<link>{escape(link)}</link><enclosure url={quoteattr(link)} length='{release.size_bytes}' "
            f'type="application/x-bittorrent"/>{told}</item>'
        )


def _is_asked(release: Release, request: web.Request, function: str, ids: list[str]) -> bool:
    if function == "movie" and release.movie is None:
        return False
    if function == "tvsearch" and release.movie is not None:
        return False
    if not _has_episode(release, request.query.get("season"), request.query.get("ep")):
        return False
    title = release.movie or (release.episodes[0].series if release.episodes else None)
    if ids:
        if title is None:
            return False
        own = {"imdbid": title.imdb_id.removeprefix("tt"), "tmdbid": str(title.tmdb_id)}
        own |= {"tvdbid": str(title.tvdb_id)} if isinstance(title, Series) else {}
        return all(request.query[name].removeprefix("tt") == own.get(name) for name in ids)
    words = f"{request.query.get('q', '')} {request.query.get('year', '')}".split()
    return all(plain(word) in plain(release.title) for word in words)


def _has_episode(release: Release, season: str | None, number: str | None) -> bool:
    """Tell whether a release has what is asked for; a day comes as a year and `MM/dd`."""
    if season and number and "/" in number:
        return any(
            each.airs is not None and f"{each.airs:%Y %m/%d}" == f"{season} {number}" for each in release.episodes
        )
    return (not season or any(each.season == int(season) for each in release.episodes)) and (
        not number or any(each.number == int(number) for each in release.episodes)
    )


def _in_categories(release: Release, request: web.Request) -> bool:
    wanted = {int(each) for each in request.query.get("cat", "").split(",") if each}
    return not wanted or bool(wanted & ({2000, 2040} if release.movie else {5000, 5040}))


def _error(code: int, description: str) -> web.Response:
    return _xml(f'<error code="{code}" description={quoteattr(description)}/>')


def _xml(text: str) -> web.Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return web.Response(body=body, content_type="application/rss+xml", charset="utf-8")
