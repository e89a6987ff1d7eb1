"""A Torznab or Newznab feed: what Jackett, NZBHydra, bitmagnet and some indexers answer.

Source: the Torznab additions to the Newznab API. What a feed can search by it tells in its capabilities; errors are
XML, most often with the status of a success.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
import re

from aiohttp import ClientSession

from ..model.catalogue import id_of
from ..model.library import Protocol, TitleKind
from ..model.releases import Offer, Offers
from .errors import InvalidAuth, NotFound, NotTheApi, RateLimited, Refused, UnexpectedResponse
from .feed_xml import Document, FeedItem, NotAFeed, read
from .http import DEFAULT_TIMEOUT_SECONDS, HttpClient
from .info_hash import hash_of_magnet
from .newznab import CATEGORIES, MAX_QUERY_CHARACTERS, NEW
from .redact import redact

#: A feed over several indexers is as slow as the slowest of them.
SEARCH_SECONDS = 60.0
MAX_BYTES = 16 * 1024 * 1024

_IDS = {"imdbid": "imdb", "tmdbid": "tmdb", "tvdbid": "tvdb"}
_ID_VALUE = re.compile(r"(?:tt)?(\d{1,10})")
_HASH = re.compile(r"[0-9A-Fa-f]{40}|[A-Za-z2-7]{32}")
#: The end of a path, of a host named "api" not.
_API = re.compile(r"(?<=[^/:])(?:/+api)*/*$")
#: Error codes from here to here are about who asks.
_ACCOUNT_ERRORS = range(100, 200)
_NO_SUCH_ITEM, _LIMIT_REACHED = 300, frozenset({500, 501})
_OLDEST = timedelta(days=36_500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """By what a feed can be searched: the parameters of each kind of search; none where it knows no such search."""

    title: str = ""
    any: frozenset[str] = frozenset()
    movies: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    most: int | None = None  # results at once


class TorznabClient:
    """One feed."""

    def __init__(
        self,
        session: ClientSession,
        url: str,
        api_key: str = "",
        *,
        name: str = "",
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take the address as the program shows it, with or without `/api` at its end. `name` is for its offers."""
        self._http = HttpClient(session, without_api(url.strip().partition("?")[0]), timeout_seconds=timeout_seconds)
        self._key = {"apikey": api_key} if api_key else {}
        if not api_key.isprintable():
            raise InvalidAuth("the key holds characters that no key has")
        self._name = name
        self._now = now
        self._capabilities: Capabilities | None = None

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, or None before the first."""
        return self._http.latency_seconds

    async def capabilities(self) -> Capabilities:
        """Return by what it can be searched. A feed tells that to anybody: the key isn't tried. Source: t=caps."""
        document = await self._ask({"t": "caps"}, None)
        if document.root != "caps":
            raise NotTheApi("caps: the answer is not that of a Torznab feed")
        self._capabilities = _capabilities(document)
        return self._capabilities

    async def check(self) -> Capabilities:
        """See that it answers, and takes the key. Raises `BackendError`."""
        capabilities = await self.capabilities()
        await self._search({"t": "search", "limit": "1"})
        return capabilities

    async def search(
        self,
        text: str = "",
        *,
        kind: TitleKind | None = None,
        ids: Collection[str] = (),
        season: int | None = None,
        episode: int | None = None,
        aired: date | None = None,
        year: int | None = None,
        categories: Collection[int] = (),
        limit: int = 100,
    ) -> Offers:
        """Return what it offers: by an id that it knows ("imdb:tt1160419"), else, or if that finds nothing, by words.

        What aired on a day is asked for by it, in place of season and episode; `year` is that of a film, and goes with
        its words. Raises `BackendError`.
        Source: t=search, t=movie, t=tvsearch.
        """
        known = self._capabilities or await self.capabilities()
        wanted = sorted(categories or (CATEGORIES[kind] if kind else ()))
        common = {"limit": str(min(limit, known.most or limit))}
        if wanted:
            common["cat"] = ",".join(map(str, wanted))
        words = " ".join(text.split())[:MAX_QUERY_CHARACTERS]
        asked = _Numbers.of(season, episode, aired) if kind is not TitleKind.MOVIE else _Numbers.of_film(year)
        for query in _queries(known, words, kind, ids, asked):
            if items := (await self._search(query | common)).items:
                return Offers(offers=await asyncio.to_thread(self._offers, items))
        return Offers()

    async def latest(self, *, limit: int = 100) -> Offers:
        """Return its newest movies and episodes: up to `limit`, or as many as it gives at once.

        Not to be asked more often than every quarter of an hour: behind it there may be trackers that ban for that.
        Raises `BackendError`. Source: t=search without words.
        """
        known = self._capabilities or await self.capabilities()
        query = {"t": "search", "cat": ",".join(map(str, NEW)), "limit": str(min(limit, known.most or limit))}
        items = (await self._search(query)).items
        return Offers(offers=await asyncio.to_thread(self._offers, items))

    async def _search(self, query: dict[str, str]) -> Document:
        document = await self._ask(query, SEARCH_SECONDS)
        if document.root != "rss":
            raise NotTheApi(f"{query['t']}: the answer is not a feed")
        return document

    async def _ask(self, query: dict[str, str], timeout_seconds: float | None) -> Document:
        answer = await self._http.request(
            "GET", "api", params={**query, **self._key}, timeout_seconds=timeout_seconds, max_bytes=MAX_BYTES
        )
        try:
            document = await asyncio.to_thread(read, answer.body)  # a large feed takes a tenth of a second
        except NotAFeed as error:
            raise UnexpectedResponse(
                f"{query['t']}: the answer can't be read: {error}", status=answer.status
            ) from error
        if document.root == "error":
            raise _error(document)
        return document

    def _offers(self, items: Collection[FeedItem]) -> tuple[Offer, ...]:
        return tuple(self._offer(item, name) for item in items if (name := item.texts.get("title", "")))

    def _offer(self, item: FeedItem, name: str) -> Offer:
        seeders, peers = _whole(item.attribute("seeders")), _whole(item.attribute("peers"))
        usenet = item.enclosure.get("type", "") == "application/x-nzb"
        return Offer(
            name=name,
            indexer=item.texts.get("jackettindexer") or item.texts.get("prowlarrindexer") or self._name,
            protocol=Protocol.USENET if usenet else Protocol.TORRENT,
            size_bytes=_whole(item.texts.get("size")) or _whole(item.attribute("size")) or _length(item),
            info_hash=_info_hash(item),
            seeders=seeders,
            leechers=None if seeders is None or peers is None else max(peers - seeders, 0),
            age=self._age(item),
            ids=_ids(item),
            guid=item.texts.get("guid", ""),
            link=_link(item),
        )

    def _age(self, item: FeedItem) -> timedelta | None:
        try:
            published = parsedate_to_datetime(item.texts.get("pubdate", ""))
            published = published if published.tzinfo else published.replace(tzinfo=UTC)
            return min(max(self._now() - published, timedelta()), _OLDEST)
        except ValueError, OverflowError:
            return None


def without_api(url: str) -> str:
    """Return the address of a feed without the `/api` and the slash that it may end with."""
    return _API.sub("", url)


def _capabilities(document: Document) -> Capabilities:
    def by(search: str) -> frozenset[str]:
        told = document.elements.get(f"caps/searching/{search}", {})
        if told.get("available", "no").lower() != "yes":
            return frozenset()
        return frozenset(part.strip().lower() for part in told.get("supportedParams", "q").split(","))

    limits = document.elements.get("caps/limits", {})
    return Capabilities(
        title=document.elements.get("caps/server", {}).get("title", "")[:100],
        any=by("search"),
        movies=by("movie-search"),
        series=by("tv-search"),
        most=_whole(limits.get("max")) or None,
    )


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Season and episode, or a day, which Newznab writes as if its year was the season; or the year of a film."""

    parameters: dict[str, str]
    words: str = ""  # the same as a part of names
    whole: bool = False  # one means nothing without the other

    @classmethod
    def of(cls, season: int | None, episode: int | None, aired: date | None) -> _Numbers:
        if aired is not None:
            return cls({"season": f"{aired:%Y}", "ep": f"{aired:%m/%d}"}, f" {aired:%Y %m %d}", whole=True)
        told = {name: str(value) for name, value in (("season", season), ("ep", episode)) if value is not None}
        if season is None:
            return cls(told)
        return cls(told, f" S{season:02}" + ("" if episode is None else f"E{episode:02}"))

    @classmethod
    def of_film(cls, year: int | None) -> _Numbers:
        return cls({}) if year is None else cls({"year": str(year)}, f" {year}")

    def known_to(self, supported: Collection[str]) -> dict[str, str]:
        """Return what a feed can be asked for."""
        known = {name: value for name, value in self.parameters.items() if name in supported}
        return {} if self.whole and known != self.parameters else known


def _queries(
    known: Capabilities,
    words: str,
    kind: TitleKind | None,
    ids: Collection[str],
    asked: _Numbers,
) -> Iterator[dict[str, str]]:
    """Yield what to ask, the most exact first."""
    function, supported = "search", known.any
    numbers: dict[str, str] = {}
    if kind is TitleKind.MOVIE and known.movies:
        function, supported = "movie", known.movies
        numbers = asked.known_to(supported)
    elif kind in {TitleKind.SERIES, TitleKind.EPISODE} and known.series:
        function, supported = "tvsearch", known.series
        numbers = asked.known_to(supported)
    for parameter in _IDS if kind else ():
        found = _ID_VALUE.fullmatch(id_of(ids, _IDS[parameter]) or "")
        if parameter in supported and found:
            needed = {} if kind is TitleKind.MOVIE else numbers  # an id tells of which year a film is
            yield {"t": function, parameter: found[1], **needed}
            break
    if not words:
        return
    if not numbers.keys() & {"season", "year"}:  # a feed that doesn't know them looks for words alone
        words += asked.words
    yield {"t": function, "q": words, **numbers}


def _error(document: Document) -> InvalidAuth | NotFound | RateLimited | Refused:
    told = document.elements.get("error", {})
    code, words = _whole(told.get("code")) or 0, " ".join(told.get("description", "").split())[:300]
    message = f"the feed says: {redact(words) or 'an error'} ({code})"
    if code in _ACCOUNT_ERRORS:
        return InvalidAuth(message)
    if code == _NO_SUCH_ITEM:
        return NotFound(message)
    if code in _LIMIT_REACHED:
        return RateLimited(message)
    return Refused(message, status=code)


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004


def _length(item: FeedItem) -> int:
    return _whole(item.enclosure.get("length")) or 0


def _info_hash(item: FeedItem) -> str | None:
    told = item.attribute("infohash")
    if _HASH.fullmatch(told):
        return hash_of_magnet(f"magnet:?xt=urn:btih:{told}")
    return hash_of_magnet(item.attribute("magneturl")) or hash_of_magnet(_link(item))


def _ids(item: FeedItem) -> frozenset[str]:
    found: set[str] = set()
    for name, database in (*_IDS.items(), ("imdb", "imdb")):
        told = _ID_VALUE.fullmatch(item.attribute(name))
        if told and int(told[1]):
            found.add(f"imdb:tt{int(told[1]):07}" if database == "imdb" else f"{database}:{int(told[1])}")
    return frozenset(found)


def _link(item: FeedItem) -> str:
    """Return by what it can be had: a magnet where there is one."""
    links = (item.attribute("magneturl"), item.enclosure.get("url", ""), item.texts.get("link", ""))
    magnet = next((link for link in links if link.lower().startswith("magnet:?")), None)
    return magnet or next((link for link in links if link.startswith(("http://", "https://"))), "")
