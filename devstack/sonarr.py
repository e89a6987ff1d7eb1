"""A simulated Sonarr 4 (API v3)."""

from collections.abc import Callable, Iterable, Sequence
import re
from typing import Any, ClassVar, override

from aiohttp import web

from .arr import BY_ITSELF, ArrSimulator
from .arr_decisions import Sentences, Source
from .arr_queue import QueueItem
from .library import ANIME_ROOT, SERIES_ROOT, Episode, Library, MediaFile, Series, Wanted, plain, safe
from .quality import Quality, QualityProfile
from .releases import Release, episode_releases, season_releases
from .servarr_commands import Work
from .servarr_http import ApiError, Json, Query
from .servarr_providers import Field, Implementation
from .sonarr_episodes import Episodes
from .sonarr_files import EpisodeFiles
from .sonarr_resources import EpisodeResources, episode_of
from .sonarr_series import AllSeries

_EPISODE_CODE = re.compile(r"\bS(\d{1,4})(?:E(\d{1,4}))?\b", re.IGNORECASE)


class SonarrSimulator(ArrSimulator):
    """A Sonarr with a library of series."""

    application = "Sonarr"
    version = "4.0.19.2979"
    default_port = 8989
    kind = "series"
    plural = "series"
    category_field = "tvCategory"
    imported_category_field = "tvImportedCategory"
    roots = (SERIES_ROOT, ANIME_ROOT)
    sentences = Sentences(
        unknown="Unknown Series",
        no_match="Unable to find matching series and episodes, will need to be manually provided",
        not_monitored="Episode is not monitored",
        minimum_score="Custom Formats  have score {score} below Series profile minimum 0",
        file_cutoff="Existing file meets cutoff: {cutoff}",
        queue_cutoff="Release in queue already meets cutoff",
        mismatch="Series title mismatch; automatic import is not possible."
        " Check the download troubleshooting entry on the wiki for common causes.",
        not_all_imported="One or more episodes expected in this release were not imported or missing from the release",
        file="Episode",
        unknown_import="Unknown Series",
        unknown_file="Invalid season or episode",
    )
    indexer_categories: ClassVar[list[int]] = [5000, 5030, 5040, 5045]
    history_codes: ClassVar[dict[str, int]] = {
        "unknown": 0,
        "grabbed": 1,
        "seriesFolderImported": 2,
        "downloadFolderImported": 3,
        "downloadFailed": 4,
        "episodeFileDeleted": 5,
        "episodeFileRenamed": 6,
        "downloadIgnored": 7,
    }
    notification_flags = (
        "onGrab",
        "onDownload",
        "onUpgrade",
        "onImportComplete",
        "onRename",
        "onSeriesAdd",
        "onSeriesDelete",
        "onEpisodeFileDelete",
        "onEpisodeFileDeleteForUpgrade",
        "onHealthIssue",
        "includeHealthWarnings",
        "onHealthRestored",
        "onApplicationUpdate",
        "onManualInteractionRequired",
    )

    def __init__(self, library: Library | None = None, **options: Any) -> None:
        """Take the options of `ArrSimulator`."""
        self.resources = EpisodeResources(self)
        self.all_series = AllSeries(self)
        self.episodes = Episodes(self)
        self.files = EpisodeFiles(self)
        super().__init__(library, **options)

    # --- the hooks of the base -----------------------------------------------------------------------------------

    @override
    def works(self) -> dict[str, Work | None]:
        return {
            "EpisodeSearch": self._search_episodes,
            "SeasonSearch": self._search_season,
            "SeriesSearch": self._search_series,
            "MissingEpisodeSearch": self._search_missing,
            "CutoffUnmetEpisodeSearch": self._search_cutoff_unmet,
            "DownloadedEpisodesScan": self.manual_imports.scan,
            **super().works(),
            "RefreshSeries": None,
            "RescanSeries": None,
            "RenameSeries": None,
            "MoveSeries": None,
            "BulkMoveSeries": None,
            "ApplicationUpdateCheck": None,
        }

    @override
    def list_implementations(self) -> tuple[Implementation, ...]:
        return (
            Implementation(
                name="TraktPopularImport",
                label="Trakt Popular List",
                contract="TraktPopularSettings",
                fields=(Field("limit", "Limit", 100, type="number"),),
                attributes={
                    "enableAutomaticAdd": False,
                    "searchForMissingEpisodes": False,
                    "shouldMonitor": "all",
                    "monitorNewItems": "all",
                    "rootFolderPath": SERIES_ROOT,
                    "qualityProfileId": 4,
                    "seriesType": "standard",
                    "seasonFolder": True,
                    "listType": "trakt",
                    "listOrder": 1,
                    "minRefreshInterval": "12:00:00",
                },
            ),
        )

    @override
    def ids_of(self, one: Wanted) -> Json:
        return {"episodeId": one.id, "seriesId": episode_of(one).series.id}

    @override
    def queue_ids_of(self, one: Wanted) -> Json:
        episode = episode_of(one)
        return self.ids_of(one) | {"seasonNumber": episode.season, "episodeHasFile": episode.file is not None}

    @override
    def blocklist_ids(self, wanted: Sequence[Wanted]) -> Json:
        return {"seriesId": episode_of(wanted[0]).series.id, "episodeIds": [one.id for one in wanted]}

    @override
    def title_resource(self, one: Wanted) -> Json:
        return {"series": self.resources.series(episode_of(one).series)}

    @override
    def included(self, query: Query) -> Callable[[Wanted], Json]:
        with_series, with_episode = query.boolean("includeSeries"), query.boolean("includeEpisode")

        def resources(one: Wanted) -> Json:
            found: Json = self.title_resource(one) if with_series else {}
            return found | ({"episode": self.resources.episode(episode_of(one))} if with_episode else {})

        return resources

    @override
    def title_filter(self, query: Query) -> Callable[[Wanted], bool]:
        series = {*query.integers("seriesIds"), *query.integers("seriesId")}
        episodes = {*query.integers("episodeIds"), *query.integers("episodeId")}
        season = query.optional_integer("seasonNumber")

        def asked(one: Wanted) -> bool:
            episode = episode_of(one)
            return (
                (not series or episode.series.id in series)
                and (not episodes or episode.id in episodes)
                and season in {None, episode.season}
            )

        return asked

    @override
    def profile_of(self, one: Wanted) -> QualityProfile:
        return self.library.profiles[episode_of(one).series.profile_id]

    @override
    def quality_json(self, quality: Quality) -> Json:
        return {"quality": quality.sonarr(), "revision": {"version": 1, "real": 0, "isRepack": False}}

    @override
    def match(self, name: str) -> tuple[Wanted, ...]:
        code = _EPISODE_CODE.search(name)
        if code is None:
            return ()
        title = plain(name[: code.start()])
        for series in self.library.series.values():
            if plain(series.title) == title:
                season = series.season(int(code[1]))
                return tuple(episode for episode in season if code[2] is None or episode.number == int(code[2]))
        return ()

    @override
    def interactive_search(self, query: Query) -> tuple[tuple[Wanted, ...], list[Release]]:
        episode_id = query.optional_integer("episodeId")
        if episode_id is not None:
            episode = self.episode_by_id(episode_id)
            return (episode,), list(self.releases_for(episode))
        series = self.series_by_id(query.integer("seriesId", 0))
        season = query.integer("seasonNumber", 1)
        return tuple(series.season(season)), list(self.packs_for(series, season))

    def releases_for(self, episode: Episode) -> Iterable[Release]:
        """Return what the indexers have for an episode, packs too."""
        offered = self.offers.get(episode.id)
        return episode_releases(episode, self.clock.now()) if offered is None else offered

    def packs_for(self, series: Series, season: int) -> Iterable[Release]:
        """Return what the indexers have for a season."""
        offered = self.offers.get((series.id, season))
        return season_releases(series, season, self.clock.now()) if offered is None else offered

    def offer_season(self, series: Series, season: int, *releases: Release) -> None:
        """Let every search for a season find just these releases."""
        self.offers[series.id, season] = releases

    @override
    def search_objections(self, release: Release, requested: Sequence[Wanted]) -> list[str]:
        episodes = [episode_of(one) for one in requested]
        first = release.episodes[0]
        if first.series is not episodes[0].series:
            return ["Wrong series"]
        if first.season != episodes[0].season:
            return ["Wrong season"]
        if len(episodes) == 1 and release.full_season:
            return ["Full season pack"]
        return [] if set(map(id, release.episodes)) & set(map(id, episodes)) else ["Wrong episode"]

    @override
    def is_monitored(self, one: Wanted) -> bool:
        episode = episode_of(one)
        return episode.monitored and episode.series.monitored

    @override
    def tags_of(self, one: Wanted) -> Iterable[int]:
        return episode_of(one).series.tags

    @override
    def grab_data(self, wanted: Sequence[Wanted]) -> dict[str, str]:
        series = episode_of(wanted[0]).series
        return {
            "tvdbId": str(series.tvdb_id),
            "tvRageId": "0",
            "seriesMatchType": "Title",
            "releaseType": "SingleEpisode" if len(wanted) == 1 else "SeasonPack",
        }

    @override
    def release_details(self, release: Release, wanted: Sequence[Wanted]) -> Json:
        if not release.episodes:
            return {"fullSeason": False, "seasonNumber": 0, "episodeNumbers": [], "mappedEpisodeNumbers": []}
        episode = release.episodes[0]
        numbers = [] if release.full_season else [each.number for each in release.episodes]
        return {
            "fullSeason": release.full_season,
            "seasonNumber": episode.season,
            "languageWeight": 1,
            "seriesTitle": episode.series.title,
            "episodeNumbers": numbers,
            "absoluteEpisodeNumbers": [],
            "mappedSeasonNumber": episode.season,
            "mappedEpisodeNumbers": [each.number for each in release.episodes],
            "mappedAbsoluteEpisodeNumbers": [],
            "mappedSeriesId": episode.series.id,
            "mappedEpisodeInfo": [
                {
                    "id": each.id,
                    "seasonNumber": each.season,
                    "episodeNumber": each.number,
                    "absoluteEpisodeNumber": each.absolute,
                    "title": each.title,
                }
                for each in release.episodes
            ],
            "tvdbId": episode.series.tvdb_id,
            "tvRageId": 0,
            "episodeRequested": any(one in release.episodes for one in wanted),
            "isDaily": False,
            "isAbsoluteNumbering": False,
            "isPossibleSpecialEpisode": False,
            "special": False,
        }

    @override
    def search_again(self, wanted: Sequence[Wanted]) -> None:
        episode = episode_of(wanted[0])
        if len(wanted) > 1 and len(wanted) == len(episode.series.season(episode.season)):
            body = {"seriesId": episode.series.id, "seasonNumber": episode.season, **BY_ITSELF}
            self.commands.push("SeasonSearch", body, by_itself=True)
        else:
            self.commands.push("EpisodeSearch", {"episodeIds": [one.id for one in wanted], **BY_ITSELF}, by_itself=True)

    @override
    def own_files(self) -> Iterable[tuple[Wanted, MediaFile]]:
        return ((episode, episode.file) for episode in self.library.episodes() if episode.file is not None)

    @override
    def folder_of(self, one: Wanted) -> str:
        return episode_of(one).series.path

    @override
    def file_token(self, one: Wanted) -> str:
        episode = episode_of(one)
        return f"S{episode.season:02}E{episode.number:02}"

    @override
    def new_file(self, one: Wanted, item: QueueItem, size_bytes: int) -> MediaFile:
        group = item.release.group if item.release else item.title.rpartition("-")[2]
        file = self.library.episode_file(episode_of(one), item.quality, safe(group))
        file.size_bytes = size_bytes
        file.added = self.clock.now()
        file.scene_name = item.title
        file.languages = item.languages
        return file

    @override
    def import_titles(self, wanted: Sequence[Wanted]) -> Json:
        episodes = [episode_of(one) for one in wanted]
        described: Json = {"episodes": [self.resources.episode(episode) for episode in episodes]}
        described["releaseType"] = "singleEpisode" if len(episodes) == 1 else "unknown"
        if episodes:
            described["series"] = self.resources.series(episodes[0].series)
            described["seasonNumber"] = episodes[0].season
        return described

    @override
    def imported_as(self, file: Json) -> tuple[Wanted, ...]:
        self.series_by_id(int(file.get("seriesId") or 0))
        return tuple(self.episode_by_id(int(number)) for number in file.get("episodeIds") or ())

    @override
    def search_name(self, wanted: Sequence[Wanted]) -> str:
        episode = episode_of(wanted[0])
        code = f"E{episode.number:02}" if len(wanted) == 1 else ""
        return f"{episode.series.title} S{episode.season:02}{code}"

    @override
    def title_and_year(self, number: int) -> tuple[str, int] | None:
        series = self.library.series.get(number)
        return None if series is None else (series.title, series.year)

    @override
    def tag_details(self, number: int) -> Json:
        return {
            "delayProfileIds": [],
            "importListIds": [],
            "notificationIds": [each.id for each in self.notifications.items.values() if number in each.tags],
            "restrictionIds": [],
            "indexerIds": [each.id for each in self.indexers.items.values() if number in each.tags],
            "downloadClientIds": [each.id for each in self.download_clients.items.values() if number in each.tags],
            "autoTagIds": [],
            "seriesIds": [series.id for series in self.library.series.values() if number in series.tags],
        }

    # --- webhooks ------------------------------------------------------------------------------------------------

    @override
    def webhook_titles(self, wanted: Sequence[Wanted]) -> Json:
        episodes = [episode_of(one) for one in wanted]
        return {
            "series": self.resources.webhook_series(episodes[0].series),
            "episodes": self.resources.webhook_episodes(episodes),
        }

    @override
    def notify_import(self, item: QueueItem, imported: Sequence[tuple[Wanted, MediaFile | None]]) -> None:
        release = {"releaseTitle": item.title, "indexer": item.indexer, "size": item.size_bytes}
        files = []
        for one, before in imported:
            episode = episode_of(one)
            if episode.file is None:
                continue
            files.append(self.resources.webhook_file(episode, episode.file, item.output_path))
            if before is not None:
                self.files.note_deleted(episode, before, "Upgrade")
                self.files.send_deleted(episode, before, "upgrade")
            self.webhooks.send(
                "onUpgrade" if before else "onDownload",
                "Download",
                {
                    **self.webhook_titles((episode,)),
                    "episodeFile": files[-1],
                    "isUpgrade": before is not None,
                    **self.webhooks.download(item),
                    "deletedFiles": [self.resources.webhook_file(episode, before, None)] if before else None,
                    "release": release,
                },
            )
        self.webhooks.send(
            "onImportComplete",
            "Download",
            {
                **self.webhook_titles(item.wanted),
                "episodeFiles": files,
                "sourcePath": item.output_path,
                "destinationPath": episode_of(item.wanted[0]).series.path,
                "isUpgrade": any(before is not None for _, before in imported),
                **self.webhooks.download(item),
                "release": release,
                "fileCount": len(files),
            },
        )

    @override
    def webhook_test_payload(self) -> Json:
        return {
            "series": {"id": 1, "title": "Test Title", "path": "C:\\testpath", "tvdbId": 1234, "type": "standard"},
            "episodes": [{"id": 123, "episodeNumber": 1, "seasonNumber": 1, "title": "Test title"}],
        }

    # --- commands ------------------------------------------------------------------------------------------------

    async def _search_each(self, episodes: Iterable[Episode], source: Source) -> None:
        for episode in episodes:
            episode.last_search = self.clock.now()
            await self.grabbing.take_best(self.releases_for(episode), (episode,), source)

    async def _search_episodes(self, body: Json) -> None:
        found = (self.library.episode(number) for number in body.get("episodeIds") or ())
        await self._search_each((episode for episode in found if episode is not None), self.source_of(body))

    async def _search_season(self, body: Json) -> None:
        series = self.library.series[int(body["seriesId"])]
        await self._search_one_season(series, int(body["seasonNumber"]), self.source_of(body))

    async def _search_one_season(self, series: Series, number: int, source: Source) -> None:
        """Take a pack where one is acceptable, else single episodes."""
        now = self.clock.now()
        if await self.grabbing.take_best(self.packs_for(series, number), series.season(number), source) is None:
            wanted = [each for each in series.season(number) if each.monitored and not each.file and each.aired(now)]
            await self._search_each(wanted, source)

    async def _search_series(self, body: Json) -> None:
        series = self.library.series[int(body["seriesId"])]
        for number in series.seasons:
            await self._search_one_season(series, number, self.source_of(body))

    async def _search_missing(self, body: Json) -> None:
        chosen = body.get("seriesId")
        wanted = [each for each in self.missing() if chosen in {None, each.series.id}]
        await self._search_each(wanted, self.source_of(body))

    async def _search_cutoff_unmet(self, body: Json) -> None:
        chosen = body.get("seriesId")
        wanted = [each for each in self.cutoff_unmet() if chosen in {None, each.series.id}]
        await self._search_each(wanted, self.source_of(body))

    # --- the library ---------------------------------------------------------------------------------------------

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        components = (self.all_series, self.episodes, self.files)
        return (*super().api_routes(), *(route for component in components for route in component.routes()))

    def series_by_id(self, number: int) -> Series:
        """Return a series. Raises the 404."""
        series = self.library.series.get(number)
        if series is None:
            raise ApiError.not_found()
        return series

    def episode_by_id(self, number: int) -> Episode:
        """Return an episode. Raises the 404."""
        episode = self.library.episode(number)
        if episode is None:
            raise ApiError.not_found()
        return episode

    def missing(self, *, monitored: bool = True) -> list[Episode]:
        """Return the episodes that aired and have no file."""
        return self.episodes.missing(monitored=monitored)

    def cutoff_unmet(self, *, monitored: bool = True) -> list[Episode]:
        """Return the episodes whose file should be better."""
        return self.episodes.cutoff_unmet(monitored=monitored)
