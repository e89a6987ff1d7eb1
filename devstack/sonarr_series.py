"""Series of a simulated Sonarr: `/series`, with lookups and the editor."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from .library import Episode, Series
from .servarr_http import Invalid, Json, Query, answer, id_of, object_of, refuse
from .servarr_providers import changed_tags
from .sonarr_resources import episode_of

if TYPE_CHECKING:
    from .sonarr import SonarrSimulator


class AllSeries:
    """Series that come, change and go."""

    def __init__(self, arr: SonarrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/series", self._get_all),
            web.post("/series", self._post_series),
            web.get("/series/lookup", self._lookup),
            web.put("/series/editor", self._put_editor),
            web.delete("/series/editor", self._delete_editor),
            web.get("/series/{id:\\d+}", self._get_one),
            web.put("/series/{id:\\d+}", self._put_series),
            web.delete("/series/{id:\\d+}", self._delete_series),
        )

    async def _get_all(self, request: web.Request) -> web.Response:
        query = Query(request)
        tvdb_id = query.optional_integer("tvdbId")
        query.boolean("includeSeasonImages")
        return answer(
            [
                self.arr.resources.series(series)
                for series in self.arr.library.series.values()
                if tvdb_id in {None, series.tvdb_id}
            ]
        )

    async def _get_one(self, request: web.Request) -> web.Response:
        return answer(self.arr.resources.series(self.arr.series_by_id(id_of(request))))

    def _check(self, body: Json) -> None:
        """Raise the 400 of a series that can't be saved."""
        failures = []
        if not body.get("rootFolderPath") and not body.get("path"):
            failures.append(Invalid("RootFolderPath", "'Root Folder Path' must not be empty."))
        if body.get("qualityProfileId") not in self.arr.library.profiles:
            failures.append(Invalid("QualityProfileId", "Quality Profile does not exist", body.get("qualityProfileId")))
        if failures:
            raise refuse(*failures)

    async def _post_series(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        series = next((each for each in self.arr.library.all_series() if each.tvdb_id == body.get("tvdbId")), None)
        if series is None:
            raise refuse(Invalid("TvdbId", "A series with this ID was not found", body.get("tvdbId")))
        if series.id:
            raise refuse(Invalid("TvdbId", "This series has already been added", series.tvdb_id))
        self._check(body)
        self.arr.library.add_series(series, have=False)
        series.added = self.arr.clock.now()
        self._apply(series, body)
        options = body.get("addOptions") or {}
        if options.get("monitor", "unknown") not in {"unknown", "skip"}:  # else the seasons say it
            self._monitor(series, str(options["monitor"]))
        self.arr.webhooks.send("onSeriesAdd", "SeriesAdd", {"series": self.arr.resources.webhook_series(series)})
        if options.get("searchForMissingEpisodes"):
            self.arr.commands.push("MissingEpisodeSearch", {"seriesId": series.id, "monitored": True})
        return answer(self.arr.resources.series(series), 201)

    def _monitor(self, series: Series, choice: str) -> None:
        """Watch the episodes that an added series should have."""
        now = self.arr.clock.now()
        last = max(series.seasons, default=0)
        chosen: dict[str, Callable[[Episode], bool]] = {
            "all": lambda _: True,
            "none": lambda _: False,
            "future": lambda episode: not episode.aired(now),
            "firstSeason": lambda episode: episode.season == 1,
            "lastSeason": lambda episode: episode.season == last,
            "latestSeason": lambda episode: episode.season == last,
            "pilot": lambda episode: (episode.season, episode.number) == (1, 1),
            "existing": lambda episode: episode.file is not None,
            "recent": lambda episode: episode.airs is not None and episode.airs > now - timedelta(days=90),
        }
        wanted = chosen.get(choice, chosen["all"])
        for episode in series.episodes:
            episode.monitored = wanted(episode)
        series.unmonitored_seasons = {
            number for number in series.seasons if not any(each.monitored for each in series.season(number))
        }

    @staticmethod
    def _apply(series: Series, body: Json) -> None:
        series.monitored = bool(body.get("monitored", series.monitored))
        series.profile_id = int(body.get("qualityProfileId", series.profile_id))
        series.kind = str(body.get("seriesType", series.kind))
        series.season_folder = bool(body.get("seasonFolder", series.season_folder))
        series.monitor_new = str(body.get("monitorNewItems", series.monitor_new))
        series.tags = list(body.get("tags", series.tags))
        if body.get("path"):
            series.root = str(body["path"]).rpartition("/")[0]
        elif body.get("rootFolderPath"):
            series.root = str(body["rootFolderPath"]).rstrip("/")
        for season in body.get("seasons") or ():
            number, monitored = season["seasonNumber"], season.get("monitored", True)
            if monitored != (number not in series.unmonitored_seasons):
                series.unmonitored_seasons ^= {number}
                for episode in series.season(number):
                    episode.monitored = monitored

    async def _put_series(self, request: web.Request) -> web.Response:
        series = self.arr.series_by_id(id_of(request))
        body = await object_of(request)
        self._check(body)
        if Query(request).boolean("moveFiles"):
            self.arr.commands.push("MoveSeries", {"seriesId": series.id})
        self._apply(series, body)
        return answer(self.arr.resources.series(series), 202)

    async def _delete_series(self, request: web.Request) -> web.Response:
        query = Query(request)
        query.boolean("addImportListExclusion")
        self._remove(self.arr.series_by_id(id_of(request)), delete_files=query.boolean("deleteFiles"))
        return answer({})

    def _remove(self, series: Series, *, delete_files: bool) -> None:
        self.arr.webhooks.send(
            "onSeriesDelete",
            "SeriesDelete",
            {"series": self.arr.resources.webhook_series(series), "deletedFiles": delete_files},
        )
        self.arr.queue.forget(series.episodes)
        self.arr.history.events = [
            event for event in self.arr.history.events if episode_of(event.wanted).series is not series
        ]
        self.arr.library.remove_series(series)

    # --- lookup ------------------------------------------------------------------------------------------------------

    async def _lookup(self, request: web.Request) -> web.Response:
        term = Query(request).text("term") or ""
        return answer([self.arr.resources.series(series) for series in self._found(term)[:20]])

    def _found(self, term: str) -> list[Series]:
        kind, _, value = term.partition(":")
        value = value.strip()
        match kind.strip().lower():
            case "tvdb" | "tvdbid":
                return [series for series in self.arr.library.all_series() if str(series.tvdb_id) == value]
            case "tmdb" | "tmdbid":
                return [series for series in self.arr.library.all_series() if str(series.tmdb_id) == value]
            case "imdb" | "imdbid":
                return [series for series in self.arr.library.all_series() if series.imdb_id == value]
            case _:
                return [series for series in self.arr.library.all_series() if series.called(term)]

    # --- many at once ------------------------------------------------------------------------------------------------

    async def _put_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        chosen = [self.arr.series_by_id(number) for number in body.get("seriesIds") or ()]
        names = ("monitored", "qualityProfileId", "seriesType", "seasonFolder", "monitorNewItems", "rootFolderPath")
        changes = {name: body[name] for name in names if body.get(name) is not None}
        for series in chosen:
            self._apply(series, changes)
            series.tags = changed_tags(series.tags, body)
        if body.get("rootFolderPath") and body.get("moveFiles"):
            self.arr.commands.push("BulkMoveSeries", {"seriesIds": body["seriesIds"]})
        return answer([self.arr.resources.series(series) for series in chosen], 202)

    async def _delete_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        for series in [self.arr.series_by_id(number) for number in body.get("seriesIds") or ()]:
            self._remove(series, delete_files=bool(body.get("deleteFiles")))
        return answer({})
