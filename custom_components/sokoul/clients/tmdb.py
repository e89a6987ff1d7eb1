"""TMDB, API v3: which movies and series there are, and what they are called elsewhere.

It is let in by a key of 32 digits (v3), which goes into the query because it fits nowhere else, or by a read access
token (v4) in a header. About 40 requests a second are allowed; an account that sends more is told to wait.

Source: the published description of the API. Dates may be empty texts; a series has no IMDb id of its own.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
import re
import time
from typing import Any

from aiohttp import ClientSession

from ..model.catalogue import CatalogueEpisode, CatalogueSeason, CatalogueTitle, SeriesType
from ..model.library import TitleKind
from .errors import BackendError, NotFound, RateLimited, UnexpectedResponse
from .fields import Fields
from .http import DEFAULT_TIMEOUT_SECONDS, HttpClient, Query

BASE_URL = "https://api.themoviedb.org"
POSTERS = "https://image.tmdb.org/t/p/w342"
#: Requests at the same time: far from what is allowed, however short they are.
AT_ONCE = 6
#: Of what a search finds so many are asked for all their names, in requests of their own.
DETAILED = 5
MAX_FOUND = 20
#: Famous films have names in a hundred languages.
MAX_NAMES = 150
MAX_BYTES = 4 * 1024 * 1024
#: Where TMDB doesn't say how long it wants to be left alone.
PAUSE = timedelta(seconds=5)

_ID = re.compile(r"(?P<database>imdb|tmdb|tvdb):(?P<value>tt\d{1,10}|\d{1,10})", re.IGNORECASE)
_POSTER = re.compile(r"/[\w.-]{1,100}")
_PATHS = {TitleKind.MOVIE: "movie", TitleKind.SERIES: "tv"}
_MORE = {
    TitleKind.MOVIE: "external_ids,alternative_titles,translations,release_dates",
    TitleKind.SERIES: "external_ids,alternative_titles,translations",
}
_KINDS = {"movie": TitleKind.MOVIE, "tv": TitleKind.SERIES}
#: Kinds of releases: limited and everywhere in cinemas, digital and on television, on disc.
_CINEMA, _DIGITAL, _PHYSICAL = frozenset({2, 3}), frozenset({4, 6}), frozenset({5})
_OVER = frozenset({"Ended", "Canceled"})
#: A genre.
_ANIMATION = 16
#: What airs nearly every weekday has so many episodes a week, breaks included; what has more comes all at once. Few
#: tell nothing: there are series that begin with some at once, or come in two portions.
_DAILY_EACH_WEEK, _DAILY_AT_MOST = 2.5, 8.0
_DAILY_FROM = 20


class TmdbClient:
    """Movies and series, by name and by id."""

    def __init__(
        self,
        session: ClientSession,
        key: str,
        *,
        url: str = BASE_URL,
        language: str = "en-US",
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a v3 key or a v4 token. `language` (ISO 639-1, with or without a country) is that of names and texts."""
        is_token = "." in key  # a JSON web token has two
        headers = {"Authorization": f"Bearer {key}"} if is_token else {}
        self._http = HttpClient(session, url, headers=headers, timeout_seconds=timeout_seconds)
        self._key: dict[str, str] = {} if is_token else {"api_key": key}
        self._language = language
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._clock = clock
        self._silent_until = 0.0

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, or None before the first."""
        return self._http.latency_seconds

    async def check(self) -> None:
        """See that it answers, and takes the key. Raises `BackendError`. Source: GET /3/authentication."""
        answer = Fields(await self._get("authentication"), "authentication")
        if not answer.flag("success"):
            raise UnexpectedResponse("authentication: it says neither yes nor no")

    async def lookup(
        self, text: str, *, kind: TitleKind | None = None, year: int | None = None
    ) -> tuple[CatalogueTitle, ...]:
        """Return what a name or an id ("imdb:tt1160419", "tmdb:438631", "tvdb:121361") may mean, the likeliest first.

        The first of them come with all their names, ids and dates; those of whom TMDB tells no more come as the
        search has them. At most 20. An id of TMDB's own means a movie and a series unless `kind` says which.
        """
        term = " ".join(text.split())
        if not term:
            return ()
        if id_ := _ID.fullmatch(term):
            return await self.find(id_["database"].lower(), id_["value"].lower(), kind=kind)
        found = (await self.search(term, kind=kind, year=year))[:MAX_FOUND]
        return await self._detailed(found[:DETAILED]) + found[DETAILED:]

    async def search(
        self, text: str, *, kind: TitleKind | None = None, year: int | None = None
    ) -> tuple[CatalogueTitle, ...]:
        """Return the first page of what a name finds, without all that `details` tells. `year` needs a `kind`.

        Source: GET /3/search/multi, /search/movie, /search/tv.
        """
        path = f"search/{_PATHS[kind]}" if kind else "search/multi"
        query: dict[str, str | int | bool] = {"query": text, "include_adult": False, "language": self._language}
        if year is not None and kind:
            query["primary_release_year" if kind is TitleKind.MOVIE else "first_air_date_year"] = year
        answer = Fields(await self._get(path, query), path)
        if not isinstance(answer.raw("results"), list):
            raise UnexpectedResponse(f"{path}.results: expected a list")
        titles = ((each, kind or _KINDS.get(each.text("media_type", ""))) for each in answer.objects("results"))
        # persons are found, too
        return tuple(_title(each, of, place) for place, (each, of) in enumerate(titles) if of is not None)

    async def find(self, database: str, value: str, *, kind: TitleKind | None = None) -> tuple[CatalogueTitle, ...]:
        """Return what an id of a database ("imdb", "tvdb", "tmdb") stands for, with details; nothing for none.

        Source: GET /3/find/{id}.
        """
        if database == "tmdb":
            kinds = (kind,) if kind else (TitleKind.MOVIE, TitleKind.SERIES)
            answers = await asyncio.gather(*(self._one(each, int(value)) for each in kinds))
            return tuple(each for each in answers if each is not None)
        query: Query = {"external_source": f"{database}_id", "language": self._language}
        answer = Fields(await self._get(f"find/{value}", query), "find")
        found = [
            _title(each, of, place)
            for name, of in (("movie_results", TitleKind.MOVIE), ("tv_results", TitleKind.SERIES))
            if kind in {None, of}
            for place, each in enumerate(answer.objects(name))
        ]
        return await self._detailed(tuple(found[:DETAILED]))

    async def details(self, kind: TitleKind, tmdb_id: int) -> CatalogueTitle:
        """Return all that there is about a movie or a series, in one request. Raises `NotFound`.

        The dates of a movie are the first of their kind in any country: what is out somewhere can be had.
        Source: GET /3/movie/{id}, /3/tv/{id}.
        """
        path = _PATHS[kind]
        query: Query = {"append_to_response": _MORE[kind], "language": self._language}
        return _details(Fields(await self._get(f"{path}/{tmdb_id}", query), path), kind)

    async def episodes(self, tmdb_id: int, season: int) -> tuple[CatalogueEpisode, ...]:
        """Return the episodes of a season, in their order; the days are those of the country where it airs first.

        Raises `NotFound` where there is no such series or season. Source: GET /3/tv/{id}/season/{season}.
        """
        path = f"tv/{tmdb_id}/season/{season}"
        answer = Fields(await self._get(path, {"language": self._language}), path)
        if not isinstance(answer.raw("episodes"), list):
            raise UnexpectedResponse(f"{path}.episodes: expected a list")
        found = {episode.whole("episode_number"): episode for episode in answer.objects("episodes")}
        return tuple(
            CatalogueEpisode(
                season=season,
                episode=number,
                name=each.text("name", ""),
                finale=each.text("episode_type", "") == "finale",  # that in its middle is a "mid_season"
                airs_on=_day(each, "air_date"),
            )
            for number, each in sorted(found.items())
        )

    async def _one(self, kind: TitleKind, tmdb_id: int) -> CatalogueTitle | None:
        try:
            return await self.details(kind, tmdb_id)
        except NotFound:
            return None

    async def _detailed(self, titles: tuple[CatalogueTitle, ...]) -> tuple[CatalogueTitle, ...]:
        """Return titles with their details; as they are where those can't be had."""
        asked = (self.details(title.kind, int(title.id_in("tmdb") or 0)) for title in titles)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, BackendError):
                raise answer
        return tuple(
            title if isinstance(answer, BaseException) else _with_place(answer, title)
            for title, answer in zip(titles, answers, strict=True)
        )

    async def _get(self, path: str, query: Query | None = None) -> Any:
        if (wait := self._silent_until - self._clock()) > 0:
            raise RateLimited(f"{path}: TMDB asked to be left alone", retry_after=timedelta(seconds=wait))
        async with self._gate:
            try:
                answer = await self._http.request(
                    "GET", f"3/{path}", params={**(query or {}), **self._key}, max_bytes=MAX_BYTES
                )
            except RateLimited as error:
                self._silent_until = self._clock() + (error.retry_after or PAUSE).total_seconds()
                raise
        return answer.json()


def _title(result: Fields, kind: TitleKind, place: int = 0) -> CatalogueTitle:
    """Return a title as a search has it."""
    is_movie = kind is TitleKind.MOVIE
    name = result.text("title" if is_movie else "name")
    original = result.text("original_title" if is_movie else "original_name", name)
    released = _day(result, "release_date" if is_movie else "first_air_date")
    poster = result.text("poster_path", "")
    return CatalogueTitle(
        kind=kind,
        name=name,
        original_name=original if original != name else None,
        year=released.year if released else None,
        ids=frozenset({f"tmdb:{result.whole('id')}"}),
        original_language=_language(result),
        overview=result.text("overview", ""),
        poster=f"{POSTERS}{poster}" if _POSTER.fullmatch(poster) else None,
        popularity=result.number("popularity", 0) or None,
        votes=result.whole("vote_count", 0) or None,
        rating=result.number("vote_average", 0) or None,
        place=place,
        first_aired_on=None if is_movie else released,
        series_type=SeriesType.ANIME if not is_movie and _is_anime(result) else None,
    )


def _details(answer: Fields, kind: TitleKind) -> CatalogueTitle:
    title = _title(answer, kind)
    english = _english(answer, title)
    known = {"", title.name, title.original_name, english}
    names = dict.fromkeys(name for name in _names(answer, kind) if name not in known)
    own: dict[str, Any] = {"aliases": tuple(names)[:MAX_NAMES], "ids": title.ids | _other_ids(answer)}
    own["english_name"] = english
    if kind is TitleKind.MOVIE:
        releases = list(_releases(answer))
        own |= {
            "minutes": answer.whole("runtime", 0) or None,
            "in_cinemas_on": _first(releases, _CINEMA),
            "digital_on": _first(releases, _DIGITAL),
            "physical_on": _first(releases, _PHYSICAL),
        }
    else:
        own |= {
            "minutes": next((minutes for minutes in answer.wholes("episode_run_time") if minutes), None),
            "ended": answer.text("status", "") in _OVER,
            "series_type": title.series_type or (SeriesType.DAILY if _is_daily(answer) else None),
            "romaji": _romaji(answer) if title.series_type is SeriesType.ANIME else None,
            "seasons": tuple(
                CatalogueSeason(number=season.whole("season_number"), episodes=season.optional_whole("episode_count"))
                for season in answer.objects("seasons")
            ),
        }
    return replace(title, **own)


def _is_anime(result: Fields) -> bool:
    """Tell whether a series is animated, and from Japan. Searches tell genres by number, details by object."""
    genres = {*result.wholes("genre_ids"), *(genre.whole("id", 0) for genre in result.objects("genres"))}
    return _ANIMATION in genres and "JP" in result.texts("origin_country")


def _is_daily(answer: Fields) -> bool:
    """Tell whether a series airs nearly every weekday: in the season that airs, or in the one before it."""
    latest = answer.optional_object("last_episode_to_air")
    number = latest.whole("season_number", 0) if latest is not None else 0
    seasons = {each.whole("season_number"): each for each in answer.objects("seasons") if each.whole("season_number")}
    season, before = seasons.get(number), seasons.get(number - 1)
    if latest is None or season is None:
        return False
    began, aired = _day(season, "air_date"), min(latest.whole("episode_number", 0), season.whole("episode_count", 0))
    return _airs_daily(aired, began, _day(latest, "air_date")) or (
        before is not None and _airs_daily(before.whole("episode_count", 0), _day(before, "air_date"), began)
    )


def _airs_daily(episodes: int, since: date | None, until: date | None) -> bool:
    if since is None or until is None or until < since or episodes < _DAILY_FROM:
        return False
    each_week = 7 * episodes / ((until - since).days + 1)
    return _DAILY_EACH_WEEK <= each_week <= _DAILY_AT_MOST


def _romaji(answer: Fields) -> str | None:
    """Return the Japanese name in Latin letters."""
    alternatives = answer.optional_object("alternative_titles")
    japanese = [
        each
        for each in (alternatives.objects("results") if alternatives else ())
        if each.text("iso_3166_1", "") == "JP" and (title := each.text("title", "")) and title.isascii()
    ]
    japanese.sort(key=lambda each: "roma" not in each.text("type", "").lower())  # there are short forms, too
    return japanese[0].text("title") if japanese else None


def _english(answer: Fields, title: CatalogueTitle) -> str | None:
    """Return the English name, where it differs: that of America, if there are several."""
    translated = {
        country: name for (language, country), name in _translations(answer, title.kind) if language == "en" and name
    }
    original = title.original_name if title.original_language == "en" else None  # which has no translation
    english = translated.get("US") or next(iter(translated.values()), original)
    return english if english != title.name else None


def _names(answer: Fields, kind: TitleKind) -> Iterator[str]:
    """Yield what it is called elsewhere: names by languages before those by countries and occasions."""
    yield from (name for _, name in _translations(answer, kind))
    if alternatives := answer.optional_object("alternative_titles"):
        for alternative in alternatives.objects("titles" if kind is TitleKind.MOVIE else "results"):
            yield alternative.text("title", "")


def _translations(answer: Fields, kind: TitleKind) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield names with their language and country."""
    if translations := answer.optional_object("translations"):
        for translation in translations.objects("translations"):
            if data := translation.optional_object("data"):
                where = translation.text("iso_639_1", ""), translation.text("iso_3166_1", "")
                yield where, data.text("title" if kind is TitleKind.MOVIE else "name", "")


def _other_ids(answer: Fields) -> frozenset[str]:
    ids = answer.optional_object("external_ids") or Fields({}, "external_ids")
    imdb = ids.text("imdb_id", "") or answer.text("imdb_id", "")
    tvdb = ids.whole("tvdb_id", 0)
    found = ({f"imdb:{imdb}"} if imdb.startswith("tt") else set()) | ({f"tvdb:{tvdb}"} if tvdb > 0 else set())
    return frozenset(found)


def _releases(answer: Fields) -> Iterator[tuple[int, date]]:
    """Yield the kinds and days of releases in all countries."""
    if dates := answer.optional_object("release_dates"):
        for country in dates.objects("results"):
            for release in country.objects("release_dates"):
                if moment := release.moment("release_date"):
                    yield release.whole("type", 0), moment.date()


def _first(releases: Iterable[tuple[int, date]], kinds: frozenset[int]) -> date | None:
    return min((day for kind, day in releases if kind in kinds), default=None)


def _language(result: Fields) -> str | None:
    """Return the language that it was made in: TMDB calls Cantonese "cn", and knows titles without words ("xx")."""
    code = result.text("original_language", "")
    return {"cn": "zh", "xx": None, "": None}.get(code, code)


def _day(fields: Fields, name: str) -> date | None:
    text = fields.optional_text(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UnexpectedResponse(f"{name}: expected a date") from error


def _with_place(title: CatalogueTitle, found: CatalogueTitle) -> CatalogueTitle:
    return replace(title, place=found.place)
