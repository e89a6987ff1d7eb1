"""A simulated TMDB (API v3): searches, details with what is appended to them, and ids of other databases.

Let in by a v3 key in the query or a v4 token in a header. What it knows is all that a library knows of.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, override

from aiohttp import web

from .clock import Clock
from .frame import Simulator
from .library import Episode, Library, Movie, Series

V3_KEY = "0123456789abcdef0123456789abcdef"
V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzY29wZXMiOlsiYXBpX3JlYWQiXX0.c2lnbmF0dXJl"
_CODES = {
    "English": "en",
    "French": "fr",
    "Spanish": "es",
    "German": "de",
    "Italian": "it",
    "Japanese": "ja",
    "Russian": "ru",
    "Swedish": "sv",
}
_PAGE = 20
_ANIMATION, _DRAMA = 16, 18
_GENRES = {_ANIMATION: "Animation", _DRAMA: "Drama"}

type _Title = Movie | Series


class TmdbSimulator(Simulator):
    """TMDB."""

    name = "tmdb"

    def __init__(self, library: Library | None = None, *, clock: Clock | None = None, seed: int = 1) -> None:
        super().__init__(clock=clock, seed=seed)
        self.library = library or Library.small(self.clock.now(), seed)
        self.keys = {V3_KEY, V4_TOKEN}
        self.allowed: int | None = None  # requests before it asks to be left alone; None: as many as one likes
        self.retry_after: int | None = 2  # seconds
        self.names: dict[int, dict[str, str]] = {}  # by the id of a title and a language ("fr")

    @override
    async def authorize(self, request: web.Request) -> web.Response | None:
        given = request.query.get("api_key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if given not in self.keys:
            return _error(401, 7, "Invalid API key: You must be granted a valid key.")
        if self.allowed is not None:
            if self.allowed <= 0:
                headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
                return _error(429, 25, "Your request count (41) is over the allowed limit of 40.", headers)
            self.allowed -= 1
        return None

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get("/3/authentication", self._authentication),
            web.get("/3/search/multi", self._search),
            web.get("/3/search/movie", self._search),
            web.get("/3/search/tv", self._search),
            web.get("/3/find/{id}", self._find),
            web.get("/3/movie/{id}", self._movie),
            web.get("/3/tv/{id}", self._series),
            web.get("/3/tv/{id}/season/{season}", self._season),
            web.route("*", "/{rest:.*}", self._nothing),
        )

    async def _authentication(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"success": True, "status_code": 1, "status_message": "Success."})

    async def _nothing(self, request: web.Request) -> web.Response:
        del request
        return _error(404, 34, "The resource you requested could not be found.")

    # --- searching ---------------------------------------------------------------------------------------------------

    async def _search(self, request: web.Request) -> web.Response:
        text, what = request.query.get("query", ""), request.path.rpartition("/")[2]
        year = request.query.get("primary_release_year") or request.query.get("first_air_date_year")
        found: list[_Title] = []
        if what in {"multi", "movie"}:
            found += [movie for movie in self.library.all_movies() if movie.called(text)]
        if what in {"multi", "tv"}:
            found += [series for series in self.library.all_series() if series.called(text)]
        found = [title for title in found if year is None or str(title.year) == year]
        found.sort(key=_popularity, reverse=True)
        page = int(request.query.get("page", "1"))
        if not 1 <= page <= 500:  # noqa: PLR2004 -- as its error says
            return _error(400, 22, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer.")
        results = [self._short(request, title, typed=what == "multi") for title in found]
        if what == "multi" and results:  # there are persons of that name, too
            results.insert(1, {"id": 7, "media_type": "person", "name": text, "adult": False, "popularity": 0.6})
        return web.json_response(
            {
                "page": page,
                "results": results[(page - 1) * _PAGE : page * _PAGE],
                "total_pages": max(1, -(-len(results) // _PAGE)),
                "total_results": len(results),
            }
        )

    async def _find(self, request: web.Request) -> web.Response:
        value, source = request.match_info["id"], request.query.get("external_source")
        movies = [each for each in self.library.all_movies() if source == "imdb_id" and each.imdb_id == value]
        series = [
            each
            for each in self.library.all_series()
            if (source == "imdb_id" and each.imdb_id == value) or (source == "tvdb_id" and str(each.tvdb_id) == value)
        ]
        return web.json_response(
            {
                "movie_results": [self._short(request, each, typed=True) for each in movies],
                "person_results": [],
                "tv_results": [self._short(request, each, typed=True) for each in series],
                "tv_episode_results": [],
                "tv_season_results": [],
            }
        )

    # --- details -----------------------------------------------------------------------------------------------------

    async def _movie(self, request: web.Request) -> web.Response:
        movie = next(
            (each for each in self.library.all_movies() if str(each.tmdb_id) == request.match_info["id"]), None
        )
        if movie is None:
            return await self._nothing(request)
        details = self._short(request, movie, typed=False) | {
            "budget": 0,
            "genres": [],
            "homepage": "",
            "imdb_id": movie.imdb_id,
            "revenue": 0,
            "runtime": movie.runtime,
            "status": "Released",
            "tagline": "",
        }
        dates = [(3, movie.in_cinemas), (4, movie.digital_release), (5, movie.physical_release)]
        shown = [
            {
                "certification": "",
                "iso_639_1": "",
                "note": "",
                "type": kind,
                "release_date": f"{day:%Y-%m-%d}T00:00:00.000Z",
            }
            for kind, day in dates
            if day is not None
        ]
        appended = {
            "external_ids": {"imdb_id": movie.imdb_id, "wikidata_id": None, "facebook_id": None},
            "alternative_titles": {
                "titles": [{"iso_3166_1": "US", "title": alias, "type": ""} for alias in movie.aliases]
            },
            "translations": {"translations": self._translations(movie)},
            "release_dates": {"results": [{"iso_3166_1": "US", "release_dates": shown}]},
        }
        return _appended(request, details, appended)

    def _asked_series(self, request: web.Request) -> Series | None:
        return next((each for each in self.library.all_series() if str(each.tmdb_id) == request.match_info["id"]), None)

    async def _season(self, request: web.Request) -> web.Response:
        series, number = self._asked_series(request), request.match_info["season"]
        episodes = [each for each in series.episodes if str(each.season) == number] if series else []
        if series is None or not episodes:
            return await self._nothing(request)
        first = next((each.airs for each in episodes if each.airs), None)
        return web.json_response(
            {
                "_id": f"{series.tmdb_id:012x}{int(number):012x}",
                "air_date": f"{first:%Y-%m-%d}" if first else None,
                "episodes": [_episode(each) for each in episodes],
                "name": f"Season {number}",
                "networks": [],
                "overview": "",
                "id": series.tmdb_id * 100 + int(number),
                "poster_path": f"/{series.tmdb_id}.jpg",
                "season_number": int(number),
                "vote_average": 0,
            }
        )

    async def _series(self, request: web.Request) -> web.Response:
        series = self._asked_series(request)
        if series is None:
            return await self._nothing(request)
        details = self._short(request, series, typed=False) | {
            "episode_run_time": [series.runtime],
            "genres": [{"id": genre, "name": _GENRES[genre]} for genre in _genres(series)],
            "homepage": "",
            "in_production": not series.ended,
            **_latest(series, self.clock.now()),
            "number_of_episodes": len(series.episodes),
            "number_of_seasons": len(series.seasons),
            "seasons": [
                {"id": number, "name": f"Season {number}", "overview": "", "season_number": number}
                | {"episode_count": len(series.season(number)), "vote_average": 0}
                | {"air_date": next((f"{each.airs:%Y-%m-%d}" for each in series.season(number) if each.airs), None)}
                for number in series.seasons
            ],
            "status": "Ended" if series.ended else "Returning Series",
            "tagline": "",
            "type": "Scripted",
        }
        appended = {
            "external_ids": {"imdb_id": series.imdb_id, "tvdb_id": series.tvdb_id, "freebase_id": None},
            "alternative_titles": {
                "results": [
                    {"iso_3166_1": _country(series), "title": alias, "type": "Romaji" if _is_anime(series) else ""}
                    for alias in series.aliases
                ]
            },
            "translations": {"translations": self._translations(series)},
        }
        return _appended(request, details, appended)

    # --- names -------------------------------------------------------------------------------------------------------

    def _short(self, request: web.Request, title: _Title, *, typed: bool) -> dict[str, Any]:
        """Return a title as searches have it, called as it is in the language of who asks."""
        language = request.query.get("language", "en").partition("-")[0]
        shown = _short(title, typed=typed)
        name = self.names.get(title.tmdb_id, {}).get(language)
        return shown if name is None else shown | {"title" if isinstance(title, Movie) else "name": name}

    def _translations(self, title: _Title) -> list[dict[str, Any]]:
        """Return its names in other languages; that which is as the original is empty."""
        field, original = ("title", title.original_title) if isinstance(title, Movie) else ("name", "")
        named = {"en": title.title if original else "", "fr": title.title} | self.names.get(title.tmdb_id, {})
        return [_translation(field, name, language) for language, name in named.items()]


def _short(title: _Title, *, typed: bool) -> dict[str, Any]:
    """Return a title as searches have it; where several kinds may come it says which one it is."""
    is_movie = isinstance(title, Movie)
    name, date = ("title", "release_date") if is_movie else ("name", "first_air_date")
    original = title.original_title or title.title if isinstance(title, Movie) else title.title
    begins = title.in_cinemas if isinstance(title, Movie) else min(each.airs for each in title.episodes if each.airs)
    return {
        "adult": False,
        "genre_ids": [18] if is_movie else _genres(title),
        "id": title.tmdb_id,
        "original_language": _CODES[title.language],
        f"original_{name}": original,
        "overview": title.overview,
        "popularity": _popularity(title),
        "poster_path": f"/{title.tmdb_id}.jpg",
        date: f"{begins:%Y-%m-%d}" if begins else "",
        name: title.title,
        "vote_average": title.rating,
        "vote_count": (title.votes if isinstance(title, Movie) else 0) or 100 + title.tmdb_id % 900,
        **({"video": False} if is_movie else {"origin_country": [_country(title)]}),
        **({"media_type": "movie" if is_movie else "tv"} if typed else {}),
    }


def _is_anime(title: _Title) -> bool:
    return isinstance(title, Series) and title.kind == "anime"


def _genres(title: _Title) -> list[int]:
    return [_ANIMATION] if _is_anime(title) or "Animation" in title.genres else [_DRAMA]


def _country(title: _Title) -> str:
    return "JP" if title.language == "Japanese" else "US"


def _latest(series: Series, now: datetime) -> dict[str, Any]:
    """Return what is told of the episode that aired last."""
    aired = [each for each in series.episodes if each.aired(now) and each.season > 0]
    latest = max(aired, key=lambda each: (each.season, each.number), default=None)
    return {
        "last_air_date": f"{latest.airs:%Y-%m-%d}" if latest is not None and latest.airs is not None else None,
        "last_episode_to_air": _episode(latest) if latest is not None else None,
    }


def _episode(episode: Episode) -> dict[str, Any]:
    return {
        "air_date": f"{episode.airs:%Y-%m-%d}" if episode.airs else None,
        "episode_number": episode.number,
        "episode_type": "standard",
        "id": episode.tvdb_id,
        "name": episode.title,
        "overview": f"Episode {episode.number} of season {episode.season}.",
        "production_code": "",
        "runtime": episode.series.runtime,
        "season_number": episode.season,
        "show_id": episode.series.tmdb_id,
        "still_path": f"/{episode.tvdb_id}.jpg",
        "vote_average": 0,
        "vote_count": 0,
        "crew": [],
        "guest_stars": [],
    }


def _popularity(title: _Title) -> float:
    return round(title.rating * 3 + (title.votes / 10_000 if isinstance(title, Movie) else 0), 3)


def _translation(field: str, name: str, language: str) -> dict[str, Any]:
    return {
        "iso_639_1": language,
        "iso_3166_1": language.upper(),
        "name": language,
        "english_name": language,
        "data": {field: name, "overview": "", "homepage": ""},
    }


def _appended(request: web.Request, details: dict[str, Any], parts: dict[str, Any]) -> web.Response:
    asked = [each for each in request.query.get("append_to_response", "").split(",") if each]
    if len(asked) > 20:  # noqa: PLR2004 -- as its error says
        return _error(400, 27, "Too many append to response objects: The maximum number of remote calls is 20.")
    return web.json_response(details | {name: parts[name] for name in asked if name in parts})


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"success": False, "status_code": code, "status_message": message}
    return web.json_response(body, status=status, headers=headers)
