"""A simulated Seerr, or one of the two that it comes from (API v1): requests, their counts, and who answers.

Let in by the key of its settings in a header; it tells its version and its title to anybody. What differs between the
three: a request whose title is there stays approved in an Overseerr, and is completed in the others; only those list
requests by `deleted` and `completed`, and by kind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, override

from aiohttp import web

from .clock import Clock
from .frame import Simulator
from .library import Library, Movie, Series

API_KEY = "MTcwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
BASE = "/api/v1"


class Flavour(StrEnum):
    """Which of the three it is."""

    OVERSEERR = "Overseerr"
    JELLYSEERR = "Jellyseerr"
    SEERR = "Seerr"


_VERSIONS = {Flavour.OVERSEERR: "1.34.0", Flavour.JELLYSEERR: "2.7.3", Flavour.SEERR: "3.1.0"}


class Status(IntEnum):
    """Of a request."""

    PENDING = 1
    APPROVED = 2
    DECLINED = 3
    FAILED = 4
    COMPLETED = 5


class Media(IntEnum):
    """Of what is requested."""

    UNKNOWN = 1
    PENDING = 2
    PROCESSING = 3
    PARTIALLY_AVAILABLE = 4
    AVAILABLE = 5


_OPEN = frozenset(Media) - {Media.AVAILABLE}
#: the statuses of the requests, and of their titles, that a filter lists
_FILTERS: dict[str, tuple[frozenset[Status], frozenset[Media]]] = {
    "all": (frozenset(Status), frozenset(Media)),
    "pending": (frozenset({Status.PENDING}), frozenset(Media)),
    "approved": (frozenset({Status.APPROVED}), frozenset(Media)),
    "processing": (frozenset({Status.APPROVED}), _OPEN),
    "unavailable": (frozenset({Status.PENDING, Status.APPROVED}), _OPEN),
    "available": (frozenset(Status), frozenset({Media.AVAILABLE})),
    "failed": (frozenset({Status.FAILED}), frozenset(Media)),
}
_NEWER_FILTERS: dict[str, tuple[frozenset[Status], frozenset[Media]]] = {
    "completed": (frozenset({Status.COMPLETED}), frozenset(Media)),
    "deleted": (frozenset({Status.COMPLETED}), frozenset()),
}
_PARAMETERS = frozenset({"take", "skip", "filter", "sort", "requestedBy"})


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody who asks."""

    id: int
    email: str
    display_name: str = ""  # empty: of a version that doesn't tell
    username: str | None = None
    plex_username: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """A request."""

    id: int
    title: Movie | Series
    by: Person
    at: datetime
    seasons: tuple[int, ...] = ()
    status: Status = Status.PENDING
    media: Media = Media.PENDING
    in_4k: bool = False


class SeerrSimulator(Simulator):
    """A Seerr."""

    name = "seerr"

    def __init__(
        self,
        library: Library | None = None,
        *,
        flavour: Flavour = Flavour.SEERR,
        clock: Clock | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(clock=clock, seed=seed)
        self.library = library or Library.small(self.clock.now(), seed)
        self.flavour = flavour
        self.version = _VERSIONS[flavour]
        self.title = str(flavour)
        self.api_key = API_KEY
        self.people = [
            Person(id=1, email="mira@home.example", display_name="Mira", plex_username="mira"),
            Person(id=2, email="tom@home.example", display_name="Tom", username="Tom"),
        ]
        self.items: list[Request] = []

    # --- for tests and launchers -------------------------------------------------------------------------------------

    def ask_for(
        self, title: Movie | Series, *, seasons: Iterable[int] = (), by: int = 0, in_4k: bool = False
    ) -> Request:
        """Ask for a title as one of the people; it waits to be approved."""
        request = Request(
            id=len(self.items) + 1,
            title=title,
            by=self.people[by],
            at=self.clock.now() + timedelta(seconds=len(self.items)),
            seasons=tuple(seasons),
            in_4k=in_4k,
        )
        self.items.append(request)
        return request

    def approve(self, request: Request) -> None:
        """Hand a request on to Radarr or Sonarr."""
        request.status, request.media = Status.APPROVED, Media.PROCESSING

    def finish(self, request: Request) -> None:
        """Let the title be there."""
        request.media = Media.AVAILABLE
        if self.flavour is not Flavour.OVERSEERR:
            request.status = Status.COMPLETED

    # --- what it answers ---------------------------------------------------------------------------------------------

    @override
    async def authorize(self, request: web.Request) -> web.Response | None:
        if request.path in {f"{BASE}/status", f"{BASE}/settings/public"} or not request.path.startswith(f"{BASE}/"):
            return None
        if request.headers.get("X-Api-Key") == self.api_key:
            return None
        return web.json_response(
            {"status": 403, "error": "You do not have permission to access this endpoint"}, status=403
        )

    @override
    def routes(self) -> Iterable[web.RouteDef]:
        return (
            web.get(f"{BASE}/status", self._status),
            web.get(f"{BASE}/settings/public", self._public_settings),
            web.get(f"{BASE}/request", self._requests),
            web.get(f"{BASE}/request/count", self._counts),
            web.route("*", BASE + "/{rest:.*}", self._nothing),
            web.get("/{rest:.*}", self._page),
        )

    async def _status(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(
            {
                "version": self.version,
                "commitTag": "f74306ed06d8",
                "updateAvailable": False,
                "commitsBehind": 0,
                "restartRequired": False,
            }
        )

    async def _public_settings(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"initialized": True, "applicationTitle": self.title, "applicationUrl": ""})

    async def _counts(self, request: web.Request) -> web.Response:
        del request

        def number(name: str) -> int:
            return sum(_listed(each, _FILTERS[name]) for each in self.items)

        counts = {
            "total": len(self.items),
            "movie": sum(isinstance(each.title, Movie) for each in self.items),
            "tv": sum(isinstance(each.title, Series) for each in self.items),
            "declined": sum(each.status is Status.DECLINED for each in self.items),
            **{name: number(name) for name in ("pending", "approved", "processing", "available")},
        }
        if self.flavour is not Flavour.OVERSEERR:
            counts["completed"] = sum(each.status is Status.COMPLETED for each in self.items)
        return web.json_response(counts)

    async def _requests(self, request: web.Request) -> web.Response:
        older = self.flavour is Flavour.OVERSEERR
        known = _PARAMETERS | (frozenset() if older else {"sortDirection", "mediaType"})
        if unknown := sorted(request.query.keys() - known):
            return _invalid(f"Unknown query parameter '{unknown[0]}'")
        filters = _FILTERS if older else _FILTERS | _NEWER_FILTERS
        which = request.query.get("filter", "all")
        if which not in filters:
            return _invalid("request/query/filter must be equal to one of the allowed values")
        take, skip = int(request.query.get("take", 10)), int(request.query.get("skip", 0))
        found = sorted((each for each in self.items if _listed(each, filters[which])), key=lambda each: -each.id)
        info = {
            "pages": -(-len(found) // take),
            "pageSize": take,
            "results": len(found),
            "page": skip // take + 1,
        }
        return web.json_response(
            {"pageInfo": info, "results": [self._request(each) for each in found[skip : skip + take]]}
        )

    def _request(self, request: Request) -> dict[str, Any]:
        is_movie = isinstance(request.title, Movie)
        at = _moment(request.at)
        return {
            "id": request.id,
            "status": int(request.status),
            "createdAt": at,
            "updatedAt": at,
            "type": "movie" if is_movie else "tv",
            "is4k": request.in_4k,
            "serverId": 0,
            "profileId": 4,
            "rootFolder": request.title.root,
            "media": self._media(request),
            "seasons": [
                {"id": number, "seasonNumber": number, "status": int(request.status), "createdAt": at, "updatedAt": at}
                for number in request.seasons
            ],
            "seasonCount": len(request.seasons),
            "requestedBy": _person(request.by, self.flavour, at),
            "modifiedBy": None,
        }

    @staticmethod
    def _media(request: Request) -> dict[str, Any]:
        title = request.title
        status, other = int(request.media), int(Media.UNKNOWN)
        return {
            "id": request.id * 10,
            "mediaType": "movie" if isinstance(title, Movie) else "tv",
            "tmdbId": title.tmdb_id,
            "tvdbId": title.tvdb_id if isinstance(title, Series) else None,
            "imdbId": None,
            "status": other if request.in_4k else status,
            "status4k": status if request.in_4k else other,
            "createdAt": _moment(request.at),
            "updatedAt": _moment(request.at),
        }

    async def _nothing(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"message": "not found", "errors": []}, status=404)

    async def _page(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="<!DOCTYPE html><title>Seerr</title>", content_type="text/html")


def _listed(request: Request, chosen: tuple[frozenset[Status], frozenset[Media]]) -> bool:
    statuses, media = chosen
    return request.status in statuses and request.media in media


def _person(person: Person, flavour: Flavour, at: str) -> dict[str, Any]:
    shown = {
        "id": person.id,
        "email": person.email,
        "username": person.username,
        "plexUsername": person.plex_username,
        "userType": 1 if person.plex_username else 2,
        "permissions": 2 if person.id == 1 else 32,
        "avatar": "/avatar.png",
        "createdAt": at,
        "updatedAt": at,
        "requestCount": 1,
    }
    if flavour is not Flavour.OVERSEERR:
        shown["jellyfinUsername"] = None
    if person.display_name:
        shown["displayName"] = person.display_name
    return {name: value for name, value in shown.items() if value is not None}


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z"


def _invalid(message: str) -> web.Response:
    return web.json_response({"message": message, "errors": [{"message": message}]}, status=400)
