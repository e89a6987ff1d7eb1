"""Overseerr, Jellyseerr and Seerr, API v1: what people ask for.

The three are one family: Jellyseerr grew out of Overseerr, and Seerr is both. Who calls with the key of the settings
is an administrator. Whatever needs a login is answered with a 403 to those who have none.

Source: the published descriptions of Overseerr 1 and Seerr 3. What those leave out of a request (its kind, its seasons,
the name of who asked) all three answer.
"""

from collections.abc import Iterable
from itertools import islice

from aiohttp import ClientSession

from ..model.library import ApplicationStatus, TitleKind
from ..model.requests import MediaRequest, MediaRequests, RequestFilter, RequestStatus
from .fields import Fields, each
from .http import DEFAULT_TIMEOUT_SECONDS, HttpClient

API = "api/v1"
#: A kilobyte or two each, with all that is told of who asked.
PAGE_SIZE = 100
MAX_BYTES = 8 * 1024 * 1024

_KINDS = {"movie": TitleKind.MOVIE, "tv": TitleKind.SERIES}
_STATUSES = {
    1: RequestStatus.PENDING,
    2: RequestStatus.APPROVED,
    3: RequestStatus.DECLINED,
    4: RequestStatus.FAILED,
    5: RequestStatus.COMPLETED,
}
#: Of a title; what is above it means different things to the three.
_AVAILABLE = 5
#: How a person may be called, the best name first. Addresses of people are none.
_NAMES = ("displayName", "username", "plexUsername", "jellyfinUsername")


class SeerrClient:
    """Requests for movies and series."""

    def __init__(
        self, session: ClientSession, url: str, api_key: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        self._http = HttpClient(session, url, headers={"X-Api-Key": api_key}, timeout_seconds=timeout_seconds)

    @property
    def latency_seconds(self) -> float | None:
        """How long the last answer took, or None before the first."""
        return self._http.latency_seconds

    async def status(self) -> ApplicationStatus:
        """Return who answers at this address. It tells that to anybody: the key isn't tried.

        Source: GET /status, GET /settings/public.
        """
        version = (await self._get("status")).text("version")
        title = (await self._get("settings/public")).text("applicationTitle", "")
        return ApplicationStatus(name="Seerr", version=version, instance_name=title)

    async def counts(self) -> dict[RequestFilter, int]:
        """Return how many requests there are of each kind. Source: GET /request/count."""
        counts = await self._get("request/count")
        return {
            RequestFilter.ALL: counts.whole("total", 0),
            RequestFilter.PENDING: counts.whole("pending"),
            RequestFilter.APPROVED: counts.whole("approved", 0),
            RequestFilter.PROCESSING: counts.whole("processing", 0),
        }

    async def requests(self, which: RequestFilter = RequestFilter.PROCESSING, *, limit: int = 500) -> MediaRequests:
        """Return requests, the newest first, up to `limit`.

        Requests may come and go between two pages: each is counted once, and a page that brings nothing new is the
        last. Those of no known kind (music, books) are left out. Source: GET /request.
        """
        found: dict[int, Fields] = {}
        total = pages = 0
        while len(found) < limit:
            before = len(found)
            query: dict[str, str | int] = {"take": PAGE_SIZE, "skip": pages * PAGE_SIZE, "sort": "added"}
            page = await self._get("request", {**query, "filter": which.value})
            found.update((request.whole("id"), request) for request in each(page.raw("results"), "request.results"))
            total, pages = page.object("pageInfo").whole("results"), pages + 1
            if pages * PAGE_SIZE >= total or len(found) == before:
                break
        read = list(islice(found.values(), limit))
        return MediaRequests(requests=tuple(_requests(read)), more=max(0, total - len(read)))

    async def _get(self, path: str, params: dict[str, str | int] | None = None) -> Fields:
        answer = await self._http.request("GET", f"{API}/{path}", params=params, max_bytes=MAX_BYTES)
        return Fields(answer.json(), path)


def _requests(found: Iterable[Fields]) -> Iterable[MediaRequest]:
    for request in found:
        media = request.object("media")
        kind = _KINDS.get(request.text("type", "") or media.text("mediaType", ""))
        ids = _ids(media)
        if kind is None or not ids:
            continue
        in_4k = request.flag("is4k", False)
        yield MediaRequest(
            id=request.whole("id"),
            kind=kind,
            ids=ids,
            seasons=_seasons(request) if kind is TitleKind.SERIES else (),
            status=_STATUSES.get(request.whole("status"), RequestStatus.UNKNOWN),
            available=media.whole("status4k" if in_4k else "status", 0) == _AVAILABLE,
            in_4k=in_4k,
            requested_by=_name(request),
            at=request.moment("createdAt"),
        )


def _ids(media: Fields) -> frozenset[str]:
    numbers = {f"{name}:{number}" for name in ("tmdb", "tvdb") if (number := media.whole(f"{name}Id", 0)) > 0}
    imdb = media.text("imdbId", "")
    return frozenset(numbers | ({f"imdb:{imdb}"} if imdb.startswith("tt") else set()))


def _seasons(request: Fields) -> tuple[int, ...]:
    return tuple(sorted({season.whole("seasonNumber") for season in request.objects("seasons")}))


def _name(request: Fields) -> str:
    person = request.optional_object("requestedBy")
    told = (person.text(name, "").strip() for name in _NAMES) if person else ()
    # where nobody chose a name the address takes its place
    return next((name for name in told if name and "@" not in name), "")
