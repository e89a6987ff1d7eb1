"""Episodes of a simulated Sonarr: `/episode`, and by what is to be done: `/wanted` and `/calendar`."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from .library import Episode
from .servarr_http import ApiError, Query, answer, id_of, object_of, page_of

if TYPE_CHECKING:
    from .sonarr import SonarrSimulator


class Episodes:
    """Episodes."""

    def __init__(self, arr: SonarrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/episode", self._get_episodes),
            web.put("/episode/monitor", self._put_monitor),
            web.get("/episode/{id:\\d+}", self._get_episode),
            web.put("/episode/{id:\\d+}", self._put_episode),
            web.get("/calendar", self._get_calendar),
            web.get("/wanted/missing", self._get_missing),
            web.get("/wanted/cutoff", self._get_cutoff),
        )

    async def _get_episodes(self, request: web.Request) -> web.Response:
        query = Query(request)
        if not any(query.texts(name) for name in ("seriesId", "episodeIds", "episodeFileId")):
            raise ApiError.message(400, "seriesId or episodeIds must be provided")
        file_id = query.optional_integer("episodeFileId")
        wanted = set(query.integers("episodeIds"))
        known = {number for number in wanted if self.arr.library.episode(number) is not None}
        if known != wanted:
            raise ApiError.message(500, f"Expected query to return {len(wanted)} rows but returned {len(known)}")
        asked = self.arr.title_filter(query)
        with_series, with_file = query.boolean("includeSeries"), query.boolean("includeEpisodeFile")
        return answer(
            [
                self.arr.resources.episode(episode, with_series=with_series, with_file=with_file)
                for episode in self.arr.library.episodes()
                if asked(episode) and (file_id is None or (episode.file and episode.file.id == file_id))
            ]
        )

    async def _get_episode(self, request: web.Request) -> web.Response:
        return answer(
            self.arr.resources.episode(self.arr.episode_by_id(id_of(request)), with_series=True, with_file=True)
        )

    async def _put_episode(self, request: web.Request) -> web.Response:
        episode = self.arr.episode_by_id(id_of(request))
        episode.monitored = bool((await object_of(request)).get("monitored"))
        return answer(self.arr.resources.episode(episode), 202)

    async def _put_monitor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        episodes = [self.arr.episode_by_id(number) for number in body.get("episodeIds") or ()]
        for episode in episodes:
            episode.monitored = bool(body.get("monitored"))
        return answer([self.arr.resources.episode(episode) for episode in episodes], 202)

    # --- what comes and what is missing ------------------------------------------------------------------------------

    def missing(self, *, monitored: bool = True) -> list[Episode]:
        """Return the episodes that aired and have no file."""
        now = self.arr.clock.now()
        return [
            episode
            for episode in self.arr.library.episodes()
            if (episode.monitored and episode.series.monitored) == monitored and not episode.file and episode.aired(now)
        ]

    def cutoff_unmet(self, *, monitored: bool = True) -> list[Episode]:
        """Return the episodes whose file should be better."""
        return [
            episode
            for episode in self.arr.library.episodes()
            if (episode.monitored and episode.series.monitored) == monitored
            and episode.file
            and self.arr.profile_of(episode).cutoff_unmet(episode.file.quality)
        ]

    async def _get_calendar(self, request: web.Request) -> web.Response:
        query = Query(request)
        today = self.arr.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        start = query.moment("start") or today
        end = query.moment("end") or today + timedelta(days=2)
        unmonitored, with_series = query.boolean("unmonitored"), query.boolean("includeSeries")
        with_file = query.boolean("includeEpisodeFile")
        coming = [
            episode
            for episode in self.arr.library.episodes()
            if episode.airs is not None
            and start <= episode.airs <= end
            and (unmonitored or (episode.monitored and episode.series.monitored))
        ]
        coming.sort(key=lambda episode: cast("datetime", episode.airs))
        return answer(
            [self.arr.resources.episode(episode, with_series=with_series, with_file=with_file) for episode in coming]
        )

    def _page(self, request: web.Request, episodes: list[Episode]) -> web.Response:
        query = Query(request)
        with_series, with_file = query.boolean("includeSeries"), query.boolean("includeEpisodeFile")
        return answer(
            page_of(
                query,
                episodes,
                lambda episode: self.arr.resources.episode(episode, with_series=with_series, with_file=with_file),
                sorts=_SORTS,
                default_sort="episodes.airDateUtc",
                descending=True,
            )
        )

    async def _get_missing(self, request: web.Request) -> web.Response:
        return self._page(request, self.missing(monitored=Query(request).boolean("monitored", default=True)))

    async def _get_cutoff(self, request: web.Request) -> web.Response:
        return self._page(request, self.cutoff_unmet(monitored=Query(request).boolean("monitored", default=True)))


_SORTS: dict[str, Callable[[Episode], Any]] = {
    "episodes.airDateUtc": lambda episode: episode.airs,
    "series.sortTitle": lambda episode: (episode.series.title.lower(), episode.season, episode.number),
    "episodes.lastSearchTime": lambda episode: episode.last_search,
    "id": lambda episode: episode.id,
}
