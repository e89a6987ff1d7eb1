"""Prowlarr, API v1 (Prowlarr 1 and 2).

An indexer's and an application's settings hold keys, passkeys and cookies: of those only the address of an
application is read, and nothing else is kept.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import islice
import re

from ..model.catalogue import id_of
from ..model.library import ApplicationLink, Indexer, Privacy, Protocol, TitleKind
from ..model.releases import Offer, Offers
from .arr_releases import age_of, told_hash
from .errors import UnexpectedResponse
from .fields import Fields, each
from .http import Answer
from .json_walk import items
from .newznab import CATEGORIES, MAX_QUERY_CHARACTERS, NEW
from .servarr import ServarrClient, settings, text_of

#: Prowlarr asks its indexers at once and waits for the slowest, some through a solver of captchas.
SEARCH_SECONDS = 100.0
#: Nobody looks at more, and some indexers know no limit.
MAX_OFFERS = 2_000
MAX_BYTES = 32 * 1024 * 1024

_TYPES = {TitleKind.MOVIE: "movie", TitleKind.SERIES: "tvsearch", TitleKind.EPISODE: "tvsearch"}
_TOKENS = {"imdb": "ImdbId", "tmdb": "TmdbId", "tvdb": "TvdbId"}
_ID_VALUE = re.compile(r"[A-Za-z0-9]{1,20}")
#: Prowlarr takes what is in braces for an id.
_NO_WORDS = re.compile(r"[{}\s\x00-\x1f]+")


class ProwlarrClient(ServarrClient):
    """Indexers, and the applications that get them."""

    application = "Prowlarr"
    api = "api/v1"

    async def indexers(self) -> tuple[Indexer, ...]:
        """Return all indexers with their failures and their statistics.

        Source: GET /indexer, /indexerstatus (lists only those that fail), /indexerstats (over all that is kept of
        the history; an indexer that was never asked is not in it).
        """
        indexers = each(await self._get("indexer"), "indexer")
        failing = {
            status.whole("indexerId"): status for status in each(await self._get("indexerstatus"), "indexerstatus")
        }
        answer = Fields(await self._get("indexerstats"), "indexerstats")
        statistics = {statistic.whole("indexerId"): statistic for statistic in answer.objects("indexers")}
        nothing = Fields({}, "indexer")
        return tuple(
            _indexer(indexer, failing.get(indexer.whole("id"), nothing), statistics.get(indexer.whole("id"), nothing))
            for indexer in indexers
        )

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
        indexer_ids: Collection[int] = (),
        categories: Collection[int] = (),
        limit: int = 100,
    ) -> Offers:
        """Ask the indexers for releases: by words, by ids of databases ("imdb:tt1160419"), or by both.

        What aired on a day is asked for by it, in place of season and episode; `year` is that of a film. `limit` is for
        each indexer; at most 2,000 are read in all. Indexers that know nothing of an id are asked for the words, if
        there are any. That all indexers failed is no error to Prowlarr: `all_failed` tells. Raises `Refused` for an
        invalid search. It takes as long as the slowest indexer. Source: GET /search, /indexerstatus, /indexer.
        """
        query: dict[str, str | int | list[int]] = {"type": _TYPES[kind] if kind else "search", "limit": limit}
        if words := _query_text(text, kind, ids, _numbers(season, episode, aired), year):
            query["query"] = words
        if wanted := sorted(categories or CATEGORIES.get(kind, ()) if kind else categories):
            query["categories"] = wanted
        if indexer_ids:
            query["indexerIds"] = sorted(indexer_ids)
        answer = await self._http.request(
            "GET", f"{self.api}/search", params=query, timeout_seconds=SEARCH_SECONDS, max_bytes=MAX_BYTES
        )
        # thousands of results take a tenth of a second
        offers = await asyncio.to_thread(_read_offers, answer)
        failing = frozenset(
            status.whole("indexerId") for status in each(await self._get("indexerstatus"), "indexerstatus")
        )
        if offers:
            return Offers(offers=offers, failing=failing)
        asked = {
            indexer.whole("id")
            for indexer in each(await self._get("indexer"), "indexer")
            if indexer.flag("enable") and (not indexer_ids or indexer.whole("id") in indexer_ids)
        }
        return Offers(failing=failing, all_failed=asked <= failing)

    async def latest(self, indexer_ids: Collection[int], *, limit: int = 100) -> Offers:
        """Return the newest movies and episodes of these indexers: up to `limit` of each, in one request.

        A search for nothing is what Prowlarr takes for reading their feeds. It asks them at once and keeps no copy,
        and many a tracker bans who reads more often than every quarter of an hour: that is up to who asks, and so is
        to name only indexers that are enabled, have a feed (`Indexer.rss`) and don't fail (`Indexer.failing`). Of
        those that Prowlarr keeps away from nothing comes. Source: GET /search without a query, as `search`.
        """
        if not indexer_ids:
            return Offers()  # to Prowlarr none means all
        return await self.search(indexer_ids=indexer_ids, categories=NEW, limit=limit)

    async def applications(self) -> tuple[ApplicationLink, ...]:
        """Return the applications that it feeds. Source: GET /applications."""
        return tuple(
            ApplicationLink(
                id=link.whole("id"),
                name=link.text("name", ""),
                implementation=link.text("implementation"),
                base_url=text_of(settings(link), "baseUrl") or "",
                sync_level=link.text("syncLevel", "unknown"),
            )
            for link in each(await self._get("applications"), "applications")
        )


def _numbers(season: int | None, episode: int | None, aired: date | None) -> tuple[tuple[str, str], ...]:
    """Return season and episode, or a day in the way of Newznab: as if its year was the season."""
    if aired is not None:
        return ("Season", f"{aired:%Y}"), ("Episode", f"{aired:%m/%d}")
    told = (("Season", season), ("Episode", episode if season is not None else None))
    return tuple((name, str(value)) for name, value in told if value is not None)


def _query_text(
    text: str, kind: TitleKind | None, ids: Collection[str], numbers: Collection[tuple[str, str]], year: int | None
) -> str:
    """Return a query as Prowlarr reads it: words, and ids and numbers in braces.

    Beside an id a year is in braces, too: some indexers are asked for id and words at once, and the id is enough.
    Without one it is a word, as Radarr asks for it: in braces it reaches only indexers that are defined in YAML.
    Source: CardigannRequestGenerator and NewznabRequestGenerator of Prowlarr.
    """
    words = _NO_WORDS.sub(" ", text).strip()[:MAX_QUERY_CHARACTERS]
    databases: Iterable[str] = ("imdb", "tmdb") if kind is TitleKind.MOVIE else ("tvdb", "imdb", "tmdb")
    known = [(_TOKENS[name], id_of(ids, name)) for name in databases] if kind else []
    told = [(name, value) for name, value in known if value and _ID_VALUE.fullmatch(value)]
    if kind is not TitleKind.MOVIE:
        told += numbers
    elif year is not None and told:
        told.append(("Year", str(year)))
    elif year is not None and words:
        words = f"{words} {year}"
    tokens = (f"{{{name}:{value}}}" for name, value in told)
    return " ".join((*filter(None, (words,)), *tokens))


def _read_offers(answer: Answer) -> tuple[Offer, ...]:
    """Return the first results, decoded one by one: all at once would hold up every other thread, too."""
    try:
        results = list(islice(items(answer.body), MAX_OFFERS))
    except ValueError as error:
        raise UnexpectedResponse("search: the answer is not a list in valid JSON", status=answer.status) from error
    return tuple(_offers(each(results, "search")))


def _offers(releases: Iterable[Fields]) -> Iterator[Offer]:
    for release in releases:
        if name := release.text("title", "").strip():
            yield Offer(
                name=name,
                indexer=release.text("indexer", ""),
                protocol=release.choice("protocol", Protocol),
                size_bytes=max(int(release.number("size", 0)), 0),
                info_hash=told_hash(release),
                seeders=release.optional_whole("seeders"),
                leechers=release.optional_whole("leechers"),
                age=age_of(release.number("ageMinutes", 0)),
                ids=_ids(release),
                guid=release.text("guid", ""),
                indexer_id=release.whole("indexerId"),
                link=_link(release),
            )


def _ids(release: Fields) -> frozenset[str]:
    """Return the ids of the title, as the indexer tells them: numbers, and 0 for none."""
    imdb = release.whole("imdbId", 0)
    others = {f"{name}:{number}" for name in ("tmdb", "tvdb") if (number := release.whole(f"{name}Id", 0)) > 0}
    return frozenset(others | ({f"imdb:tt{imdb:07}"} if imdb > 0 else set()))


def _link(release: Fields) -> str:
    """Return the link by which a release can be had: a magnet where there is one, else Prowlarr's own address."""
    links = (release.text("magnetUrl", ""), release.text("downloadUrl", ""))
    magnet = next((link for link in links if link.lower().startswith("magnet:?")), None)
    return magnet or next((link for link in reversed(links) if link.startswith(("http://", "https://"))), "")


def _indexer(indexer: Fields, status: Fields, statistic: Fields) -> Indexer:
    return Indexer(
        id=indexer.whole("id"),
        name=indexer.text("name"),
        enabled=indexer.flag("enable"),
        protocol=indexer.choice("protocol", Protocol),
        privacy=indexer.choice("privacy", Privacy),
        rss=indexer.flag("supportsRss", True),
        priority=indexer.whole("priority", 25),
        disabled_until=status.moment("disabledTill"),
        last_failure_at=status.moment("mostRecentFailure"),
        queries=statistic.whole("numberOfQueries", 0),
        failed_queries=statistic.whole("numberOfFailedQueries", 0),
        grabs=statistic.whole("numberOfGrabs", 0),
        response_milliseconds=statistic.optional_whole("averageResponseTime"),
    )
