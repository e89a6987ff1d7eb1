"""A simulated Sonarr 4 (API v3)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
import re
from typing import Any, ClassVar, cast, override

from aiohttp import web

from .arr import ArrSimulator
from .arr_queue import QueueItem
from .library import ANIME_ROOT, SERIES_ROOT, Episode, MediaFile, Series, Wanted, plain, safe
from .quality import Quality, QualityProfile, languages
from .releases import Release, episode_releases, season_releases
from .servarr_commands import Work
from .servarr_http import ApiError, Invalid, Json, Query, answer, id_of, moment, object_of, page_of, refuse
from .servarr_providers import Field, Implementation, changed_tags

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

    # --- the hooks of the base -----------------------------------------------------------------------------------

    @override
    def works(self) -> dict[str, Work | None]:
        return {
            "EpisodeSearch": self._search_episodes,
            "SeasonSearch": self._search_season,
            "SeriesSearch": self._search_series,
            "MissingEpisodeSearch": self._search_missing,
            "CutoffUnmetEpisodeSearch": self._search_cutoff_unmet,
            "RefreshMonitoredDownloads": lambda _: self.queue.refresh(),
            "DownloadedEpisodesScan": self._scan_download,
            "ManualImport": self._manual_import,
            "RefreshSeries": None,
            "RescanSeries": None,
            "RenameFiles": None,
            "RenameSeries": None,
            "MoveSeries": None,
            "BulkMoveSeries": None,
            "RssSync": None,
            "CheckHealth": None,
            "ClearBlocklist": self._clear_blocklist,
            "Backup": None,
            "Housekeeping": None,
            "ApplicationUpdateCheck": None,
        }

    async def _clear_blocklist(self, body: Json) -> None:
        del body
        self.blocklist.items.clear()

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
        return {"episodeId": one.id, "seriesId": _episode(one).series.id}

    @override
    def queue_ids_of(self, one: Wanted) -> Json:
        episode = _episode(one)
        return self.ids_of(one) | {"seasonNumber": episode.season, "episodeHasFile": episode.file is not None}

    @override
    def blocklist_ids(self, wanted: Sequence[Wanted]) -> Json:
        return {"seriesId": _episode(wanted[0]).series.id, "episodeIds": [one.id for one in wanted]}

    @override
    def title_resource(self, one: Wanted) -> Json:
        return {"series": self.series_json(_episode(one).series)}

    @override
    def included(self, query: Query) -> Callable[[Wanted], Json]:
        with_series, with_episode = query.boolean("includeSeries"), query.boolean("includeEpisode")

        def resources(one: Wanted) -> Json:
            found: Json = self.title_resource(one) if with_series else {}
            return found | ({"episode": self.episode_json(_episode(one))} if with_episode else {})

        return resources

    @override
    def title_filter(self, query: Query) -> Callable[[Wanted], bool]:
        series = {*query.integers("seriesIds"), *query.integers("seriesId")}
        episodes = {*query.integers("episodeIds"), *query.integers("episodeId")}
        season = query.optional_integer("seasonNumber")

        def asked(one: Wanted) -> bool:
            episode = _episode(one)
            return (
                (not series or episode.series.id in series)
                and (not episodes or episode.id in episodes)
                and season in {None, episode.season}
            )

        return asked

    @override
    def profile_of(self, one: Wanted) -> QualityProfile:
        return self.library.profiles[_episode(one).series.profile_id]

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
        now = self.clock.now()
        episode_id = query.optional_integer("episodeId")
        if episode_id is not None:
            episode = self._episode_by_id(episode_id)
            return (episode,), list(episode_releases(episode, now))
        series = self._series_by_id(query.integer("seriesId", 0))
        season = query.integer("seasonNumber", 1)
        return tuple(series.season(season)), list(season_releases(series, season, now))

    @override
    def release_details(self, release: Release, wanted: Sequence[Wanted]) -> Json:
        episode = _episode(wanted[0])
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
            "episodeRequested": True,
            "isDaily": False,
            "isAbsoluteNumbering": False,
            "isPossibleSpecialEpisode": False,
            "special": False,
        }

    @override
    def search_again(self, wanted: Sequence[Wanted]) -> None:
        episode = _episode(wanted[0])
        if len(wanted) > 1 and len(wanted) == len(episode.series.season(episode.season)):
            body = {"seriesId": episode.series.id, "seasonNumber": episode.season}
            self.commands.push("SeasonSearch", body, by_itself=True)
        else:
            self.commands.push("EpisodeSearch", {"episodeIds": [one.id for one in wanted]}, by_itself=True)

    @override
    def own_files(self) -> Iterable[tuple[Wanted, MediaFile]]:
        return ((episode, episode.file) for episode in self.library.episodes() if episode.file is not None)

    @override
    def folder_of(self, one: Wanted) -> str:
        return _episode(one).series.path

    @override
    def file_token(self, one: Wanted) -> str:
        episode = _episode(one)
        return f"S{episode.season:02}E{episode.number:02}"

    @override
    def new_file(self, one: Wanted, item: QueueItem, size_bytes: int) -> MediaFile:
        group = item.release.group if item.release else item.title.rpartition("-")[2]
        file = self.library.episode_file(_episode(one), item.quality, safe(group))
        file.size_bytes = size_bytes
        file.added = self.clock.now()
        file.scene_name = item.title
        file.languages = item.languages
        return file

    @override
    def search_name(self, wanted: Sequence[Wanted]) -> str:
        episode = _episode(wanted[0])
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

    def _webhook_series(self, series: Series) -> Json:
        return {
            "id": series.id,
            "title": series.title,
            "titleSlug": plain(series.title),
            "path": series.path,
            "tvdbId": series.tvdb_id,
            "tvMazeId": 0,
            "tmdbId": series.tmdb_id,
            "imdbId": series.imdb_id,
            "type": series.kind,
            "year": series.year,
            "genres": list(series.genres),
            "images": self.images(series.id),
            "tags": [self.tags[tag] for tag in series.tags if tag in self.tags],
            "originalLanguage": languages((series.language,))[0],
        }

    @override
    def webhook_titles(self, wanted: Sequence[Wanted]) -> Json:
        return {
            "series": self._webhook_series(_episode(wanted[0]).series),
            "episodes": [
                {
                    "id": episode.id,
                    "episodeNumber": episode.number,
                    "seasonNumber": episode.season,
                    "title": episode.title,
                    "airDate": episode.airs.date().isoformat() if episode.airs else None,
                    "airDateUtc": moment(episode.airs),
                    "seriesId": episode.series.id,
                    "tvdbId": episode.tvdb_id,
                }
                for episode in map(_episode, wanted)
            ],
        }

    def _webhook_file(self, episode: Episode, file: MediaFile, source: str | None) -> Json:
        return {
            "id": file.id,
            "relativePath": file.relative_path,
            "path": f"{episode.series.path}/{file.relative_path}",
            "quality": self.quality_json(file.quality)["quality"]["name"],
            "qualityVersion": 1,
            "releaseGroup": file.group,
            "sceneName": file.scene_name,
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "languages": languages(file.languages),
            "sourcePath": source,
        }

    @override
    def notify_import(self, item: QueueItem, imported: Sequence[tuple[Wanted, MediaFile | None]]) -> None:
        release = {"releaseTitle": item.title, "indexer": item.indexer, "size": item.size_bytes}
        files = []
        for one, before in imported:
            episode = _episode(one)
            if episode.file is None:
                continue
            files.append(self._webhook_file(episode, episode.file, item.output_path))
            if before is not None:
                self._note_deleted(episode, before, "Upgrade")
                self._send_file_deleted(episode, before, "upgrade")
            self.webhooks.send(
                "onUpgrade" if before else "onDownload",
                "Download",
                {
                    **self.webhook_titles((episode,)),
                    "episodeFile": files[-1],
                    "isUpgrade": before is not None,
                    **self.webhooks.download(item),
                    "deletedFiles": [self._webhook_file(episode, before, None)] if before else None,
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
                "destinationPath": _episode(item.wanted[0]).series.path,
                "isUpgrade": any(before is not None for _, before in imported),
                **self.webhooks.download(item),
                "release": release,
                "fileCount": len(files),
            },
        )

    def _note_deleted(self, episode: Episode, file: MediaFile, reason: str) -> None:
        self.history.add(
            "episodeFileDeleted",
            (episode,),
            source_title=f"{episode.series.path}/{file.relative_path}",
            quality=file.quality,
            languages=file.languages,
            data={"reason": reason, "releaseGroup": file.group or "", "size": str(file.size_bytes)},
        )

    def _send_file_deleted(self, episode: Episode, file: MediaFile, reason: str) -> None:
        self.webhooks.send(
            "onEpisodeFileDeleteForUpgrade" if reason == "upgrade" else "onEpisodeFileDelete",
            "EpisodeFileDelete",
            {
                **self.webhook_titles((episode,)),
                "episodeFile": self._webhook_file(episode, file, None),
                "deleteReason": reason,
            },
        )

    @override
    def webhook_test_payload(self) -> Json:
        return {
            "series": {"id": 1, "title": "Test Title", "path": "C:\\testpath", "tvdbId": 1234, "type": "standard"},
            "episodes": [{"id": 123, "episodeNumber": 1, "seasonNumber": 1, "title": "Test title"}],
        }

    # --- commands ------------------------------------------------------------------------------------------------

    async def _search_each(self, episodes: Iterable[Episode]) -> None:
        now = self.clock.now()
        for episode in episodes:
            episode.last_search = now
            await self.grabbing.take_best(episode_releases(episode, now))

    async def _search_episodes(self, body: Json) -> None:
        found = (self.library.episode(number) for number in body.get("episodeIds") or ())
        await self._search_each(episode for episode in found if episode is not None)

    async def _search_season(self, body: Json) -> None:
        series = self.library.series[int(body["seriesId"])]
        await self._search_one_season(series, int(body["seasonNumber"]))

    async def _search_one_season(self, series: Series, number: int) -> None:
        """Take a pack where one is acceptable, else single episodes."""
        now = self.clock.now()
        if await self.grabbing.take_best(season_releases(series, number, now)) is None:
            wanted = [each for each in series.season(number) if each.monitored and not each.file and each.aired(now)]
            await self._search_each(wanted)

    async def _search_series(self, body: Json) -> None:
        series = self.library.series[int(body["seriesId"])]
        for number in series.seasons:
            await self._search_one_season(series, number)

    async def _search_missing(self, body: Json) -> None:
        chosen = body.get("seriesId")
        await self._search_each([each for each in self.missing() if chosen in {None, each.series.id}])

    async def _search_cutoff_unmet(self, body: Json) -> None:
        chosen = body.get("seriesId")
        await self._search_each([each for each in self.cutoff_unmet() if chosen in {None, each.series.id}])

    async def _scan_download(self, body: Json) -> None:
        item = self.queue.grabs.get(str(body.get("downloadClientId", "")).upper())
        if item is not None and item.status == "completed":
            await self.queue.finish_import(item)

    async def _manual_import(self, body: Json) -> None:
        for file in body.get("files") or ():
            item = self.queue.grabs.get(str(file.get("downloadId", "")).upper())
            episodes = [self.library.episode(number) for number in file.get("episodeIds") or ()]
            wanted = tuple(episode for episode in episodes if episode is not None)
            if item is None or not wanted:
                raise ApiError.not_found("No download or episodes to import")
            item.wanted = wanted
            await self.queue.finish_import(item)

    # --- the library ---------------------------------------------------------------------------------------------

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        return (
            *super().api_routes(),
            web.get("/series", self._get_all),
            web.post("/series", self._post_series),
            web.get("/series/lookup", self._lookup),
            web.put("/series/editor", self._put_editor),
            web.delete("/series/editor", self._delete_editor),
            web.get("/series/{id:\\d+}", self._get_one),
            web.put("/series/{id:\\d+}", self._put_series),
            web.delete("/series/{id:\\d+}", self._delete_series),
            web.get("/episode", self._get_episodes),
            web.put("/episode/monitor", self._put_monitor),
            web.get("/episode/{id:\\d+}", self._get_episode),
            web.put("/episode/{id:\\d+}", self._put_episode),
            web.get("/episodefile", self._get_files),
            web.delete("/episodefile/bulk", self._delete_files),
            web.get("/episodefile/{id:\\d+}", self._get_file),
            web.delete("/episodefile/{id:\\d+}", self._delete_file),
            web.get("/calendar", self._get_calendar),
            web.get("/wanted/missing", self._get_missing),
            web.get("/wanted/cutoff", self._get_cutoff),
            web.get("/manualimport", self._get_manual_import),
        )

    def missing(self, *, monitored: bool = True) -> list[Episode]:
        """Return the episodes that aired and have no file."""
        now = self.clock.now()
        return [
            episode
            for episode in self.library.episodes()
            if (episode.monitored and episode.series.monitored) == monitored and not episode.file and episode.aired(now)
        ]

    def cutoff_unmet(self, *, monitored: bool = True) -> list[Episode]:
        """Return the episodes whose file should be better."""
        return [
            episode
            for episode in self.library.episodes()
            if (episode.monitored and episode.series.monitored) == monitored
            and episode.file
            and self.profile_of(episode).cutoff_unmet(episode.file.quality)
        ]

    def file_json(self, episode: Episode, file: MediaFile) -> Json:
        """Return the resource of a file."""
        return {
            "id": file.id,
            "seriesId": episode.series.id,
            "seasonNumber": episode.season,
            "relativePath": file.relative_path,
            "path": f"{episode.series.path}/{file.relative_path}",
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "sceneName": file.scene_name,
            "releaseGroup": file.group,
            "languages": languages(file.languages),
            "quality": self.quality_json(file.quality),
            "customFormats": [],
            "customFormatScore": 0,
            "indexerFlags": 0,
            "releaseType": "singleEpisode",
            "qualityCutoffNotMet": self.profile_of(episode).cutoff_unmet(file.quality),
        }

    def episode_json(self, episode: Episode, *, with_series: bool = False, with_file: bool = False) -> Json:
        """Return the resource of an episode."""
        return {
            "id": episode.id,
            "seriesId": episode.series.id,
            "tvdbId": episode.tvdb_id,
            "episodeFileId": episode.file.id if episode.file else 0,
            "seasonNumber": episode.season,
            "episodeNumber": episode.number,
            "title": episode.title,
            "airDate": episode.airs.date().isoformat() if episode.airs else None,
            "airDateUtc": moment(episode.airs),
            "lastSearchTime": moment(episode.last_search),
            "runtime": episode.series.runtime,
            "overview": f"Episode {episode.number} of season {episode.season}.",
            "hasFile": episode.file is not None,
            "monitored": episode.monitored,
            "absoluteEpisodeNumber": episode.absolute,
            "unverifiedSceneNumbering": False,
            "series": self.series_json(episode.series) if with_series else None,
            "episodeFile": self.file_json(episode, episode.file) if with_file and episode.file else None,
        }

    def _statistics(self, episodes: Sequence[Episode]) -> Json:
        now = self.clock.now()
        files = [episode.file for episode in episodes if episode.file]
        # monitored or downloaded ones that have aired, not all
        counted = [episode for episode in episodes if episode.file or (episode.monitored and episode.aired(now))]
        return {
            "episodeFileCount": len(files),
            "episodeCount": len(counted),
            "totalEpisodeCount": len(episodes),
            "sizeOnDisk": sum(file.size_bytes for file in files),
            "releaseGroups": sorted({file.group for file in files if file.group}),
            "percentOfEpisodes": 100.0 * len(files) / len(counted) if counted else 0.0,
        }

    def series_json(self, series: Series) -> Json:
        """Return the resource of a series; one that isn't in the library has no id, path or statistics."""
        now = self.clock.now()
        known = bool(series.id)
        dates = sorted(episode.airs for episode in series.episodes if episode.airs)
        past, future = [date for date in dates if date <= now], [date for date in dates if date > now]
        resource = {
            "id": series.id or None,
            "title": series.title,
            "alternateTitles": [],
            "sortTitle": re.sub(r"^(the|a|an) ", "", series.title.lower()),
            "status": series.status(now),
            "ended": series.ended,
            "overview": series.overview,
            "nextAiring": moment(future[0]) if future else None,
            "previousAiring": moment(past[-1]) if past else None,
            "network": series.network,
            "airTime": dates[0].strftime("%H:%M") if dates else None,
            "images": self.images(series.id),
            "originalLanguage": languages((series.language,))[0],
            "seasons": [
                {
                    "seasonNumber": number,
                    "monitored": number not in series.unmonitored_seasons,
                    "statistics": self._statistics(series.season(number)) if known else None,
                }
                for number in series.seasons
            ],
            "year": series.year,
            "qualityProfileId": series.profile_id if known else 0,
            "seasonFolder": series.season_folder,
            "monitored": series.monitored and known,
            "monitorNewItems": series.monitor_new,
            "useSceneNumbering": False,
            "runtime": series.runtime,
            "tvdbId": series.tvdb_id,
            "tvRageId": 0,
            "tvMazeId": 0,
            "tmdbId": series.tmdb_id,
            "firstAired": moment(dates[0]) if dates else None,
            "lastAired": moment(past[-1]) if past else None,
            "seriesType": series.kind,
            "cleanTitle": plain(series.title),
            "imdbId": series.imdb_id,
            "titleSlug": re.sub(r"[^a-z0-9]+", "-", series.title.lower()).strip("-"),
            "certification": "TV-14",
            "genres": list(series.genres),
            "tags": series.tags,
            "added": moment(series.added) or "0001-01-01T00:00:00Z",
            "ratings": {"votes": 100 + series.tvdb_id % 900, "value": series.rating},
            "languageProfileId": 1,
        }
        if known:
            resource |= {
                "path": series.path,
                "rootFolderPath": series.root,
                "statistics": {"seasonCount": len(series.seasons), **self._statistics(series.episodes)},
            }
        else:
            resource |= {"remotePoster": self.images(0)[0]["remoteUrl"], "folder": series.folder}
        return resource

    def _series_by_id(self, number: int) -> Series:
        series = self.library.series.get(number)
        if series is None:
            raise ApiError.not_found()
        return series

    def _episode_by_id(self, number: int) -> Episode:
        episode = self.library.episode(number)
        if episode is None:
            raise ApiError.not_found()
        return episode

    async def _get_all(self, request: web.Request) -> web.Response:
        query = Query(request)
        tvdb_id = query.optional_integer("tvdbId")
        query.boolean("includeSeasonImages")
        return answer(
            [self.series_json(series) for series in self.library.series.values() if tvdb_id in {None, series.tvdb_id}]
        )

    async def _get_one(self, request: web.Request) -> web.Response:
        return answer(self.series_json(self._series_by_id(id_of(request))))

    def _check(self, body: Json) -> None:
        """Raise the 400 of a series that can't be saved."""
        failures = []
        if not body.get("rootFolderPath") and not body.get("path"):
            failures.append(Invalid("RootFolderPath", "'Root Folder Path' must not be empty."))
        if body.get("qualityProfileId") not in self.library.profiles:
            failures.append(Invalid("QualityProfileId", "Quality Profile does not exist", body.get("qualityProfileId")))
        if failures:
            raise refuse(*failures)

    async def _post_series(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        series = next((each for each in self.library.all_series() if each.tvdb_id == body.get("tvdbId")), None)
        if series is None:
            raise refuse(Invalid("TvdbId", "A series with this ID was not found", body.get("tvdbId")))
        if series.id:
            raise refuse(Invalid("TvdbId", "This series has already been added", series.tvdb_id))
        self._check(body)
        self.library.add_series(series, have=False)
        series.added = self.clock.now()
        self._apply(series, body)
        options = body.get("addOptions") or {}
        self._monitor(series, str(options.get("monitor", "all")))
        self.webhooks.send("onSeriesAdd", "SeriesAdd", {"series": self._webhook_series(series)})
        if options.get("searchForMissingEpisodes"):
            self.commands.push("MissingEpisodeSearch", {"seriesId": series.id, "monitored": True})
        return answer(self.series_json(series), 201)

    def _monitor(self, series: Series, choice: str) -> None:
        """Watch the episodes that an added series should have."""
        now = self.clock.now()
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
        series = self._series_by_id(id_of(request))
        body = await object_of(request)
        self._check(body)
        if Query(request).boolean("moveFiles"):
            self.commands.push("MoveSeries", {"seriesId": series.id})
        self._apply(series, body)
        return answer(self.series_json(series), 202)

    async def _delete_series(self, request: web.Request) -> web.Response:
        query = Query(request)
        query.boolean("addImportListExclusion")
        self._remove(self._series_by_id(id_of(request)), delete_files=query.boolean("deleteFiles"))
        return answer({})

    def _remove(self, series: Series, *, delete_files: bool) -> None:
        self.webhooks.send(
            "onSeriesDelete", "SeriesDelete", {"series": self._webhook_series(series), "deletedFiles": delete_files}
        )
        self.queue.items = [
            item for item in self.queue.items if not any(_episode(one).series is series for one in item.wanted)
        ]
        self.history.events = [event for event in self.history.events if _episode(event.wanted).series is not series]
        self.library.remove_series(series)

    async def _lookup(self, request: web.Request) -> web.Response:
        term = Query(request).text("term") or ""
        return answer([self.series_json(series) for series in self._found(term)[:20]])

    def _found(self, term: str) -> list[Series]:
        kind, _, value = term.partition(":")
        value = value.strip()
        match kind.strip().lower():
            case "tvdb" | "tvdbid":
                return [series for series in self.library.all_series() if str(series.tvdb_id) == value]
            case "tmdb" | "tmdbid":
                return [series for series in self.library.all_series() if str(series.tmdb_id) == value]
            case "imdb" | "imdbid":
                return [series for series in self.library.all_series() if series.imdb_id == value]
            case _:
                words = plain(term)
                known = self.library.all_series()
                return [series for series in known if words and words in plain(f"{series.title} {series.year}")]

    # --- many at once --------------------------------------------------------------------------------------------

    async def _put_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        chosen = [self._series_by_id(number) for number in body.get("seriesIds") or ()]
        names = ("monitored", "qualityProfileId", "seriesType", "seasonFolder", "monitorNewItems", "rootFolderPath")
        changes = {name: body[name] for name in names if body.get(name) is not None}
        for series in chosen:
            self._apply(series, changes)
            series.tags = changed_tags(series.tags, body)
        if body.get("rootFolderPath") and body.get("moveFiles"):
            self.commands.push("BulkMoveSeries", {"seriesIds": body["seriesIds"]})
        return answer([self.series_json(series) for series in chosen], 202)

    async def _delete_editor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        for series in [self._series_by_id(number) for number in body.get("seriesIds") or ()]:
            self._remove(series, delete_files=bool(body.get("deleteFiles")))
        return answer({})

    # --- episodes and files --------------------------------------------------------------------------------------

    async def _get_episodes(self, request: web.Request) -> web.Response:
        query = Query(request)
        if not any(query.texts(name) for name in ("seriesId", "episodeIds", "episodeFileId")):
            raise ApiError.message(400, "seriesId or episodeIds must be provided")
        file_id = query.optional_integer("episodeFileId")
        asked = self.title_filter(query)
        with_series, with_file = query.boolean("includeSeries"), query.boolean("includeEpisodeFile")
        return answer(
            [
                self.episode_json(episode, with_series=with_series, with_file=with_file)
                for episode in self.library.episodes()
                if asked(episode) and (file_id is None or (episode.file and episode.file.id == file_id))
            ]
        )

    async def _get_episode(self, request: web.Request) -> web.Response:
        return answer(self.episode_json(self._episode_by_id(id_of(request)), with_series=True, with_file=True))

    async def _put_episode(self, request: web.Request) -> web.Response:
        episode = self._episode_by_id(id_of(request))
        episode.monitored = bool((await object_of(request)).get("monitored"))
        return answer(self.episode_json(episode), 202)

    async def _put_monitor(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        episodes = [self._episode_by_id(number) for number in body.get("episodeIds") or ()]
        for episode in episodes:
            episode.monitored = bool(body.get("monitored"))
        return answer([self.episode_json(episode) for episode in episodes], 202)

    def _file_by_id(self, number: int) -> tuple[Episode, MediaFile]:
        for episode in self.library.episodes():
            if episode.file is not None and episode.file.id == number:
                return episode, episode.file
        raise ApiError.not_found()

    async def _get_files(self, request: web.Request) -> web.Response:
        query = Query(request)
        series_id, file_ids = query.optional_integer("seriesId"), query.integers("episodeFileIds")
        if series_id is None and not file_ids:
            raise ApiError.message(400, "seriesId or episodeFileIds must be provided")
        return answer(
            [
                self.file_json(episode, episode.file)
                for episode in self.library.episodes()
                if episode.file is not None and (episode.series.id == series_id or episode.file.id in file_ids)
            ]
        )

    async def _get_file(self, request: web.Request) -> web.Response:
        return answer(self.file_json(*self._file_by_id(id_of(request))))

    def _remove_file(self, number: int) -> None:
        episode, file = self._file_by_id(number)
        episode.file = None
        self._note_deleted(episode, file, "Manual")
        self._send_file_deleted(episode, file, "manual")

    async def _delete_file(self, request: web.Request) -> web.Response:
        self._remove_file(id_of(request))
        return answer({})

    async def _delete_files(self, request: web.Request) -> web.Response:
        for number in (await object_of(request)).get("episodeFileIds") or ():
            self._remove_file(number)
        return answer({})

    # --- what comes and what is missing --------------------------------------------------------------------------

    async def _get_calendar(self, request: web.Request) -> web.Response:
        query = Query(request)
        today = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        start = query.moment("start") or today
        end = query.moment("end") or today + timedelta(days=2)
        unmonitored, with_series = query.boolean("unmonitored"), query.boolean("includeSeries")
        with_file = query.boolean("includeEpisodeFile")
        coming = [
            episode
            for episode in self.library.episodes()
            if episode.airs is not None
            and start <= episode.airs <= end
            and (unmonitored or (episode.monitored and episode.series.monitored))
        ]
        coming.sort(key=lambda episode: cast("datetime", episode.airs))
        return answer([self.episode_json(episode, with_series=with_series, with_file=with_file) for episode in coming])

    def _page(self, request: web.Request, episodes: list[Episode]) -> web.Response:
        query = Query(request)
        with_series, with_file = query.boolean("includeSeries"), query.boolean("includeEpisodeFile")
        return answer(
            page_of(
                query,
                episodes,
                lambda episode: self.episode_json(episode, with_series=with_series, with_file=with_file),
                sorts=_SORTS,
                default_sort="episodes.airDateUtc",
                descending=True,
            )
        )

    async def _get_missing(self, request: web.Request) -> web.Response:
        return self._page(request, self.missing(monitored=Query(request).boolean("monitored", default=True)))

    async def _get_cutoff(self, request: web.Request) -> web.Response:
        return self._page(request, self.cutoff_unmet(monitored=Query(request).boolean("monitored", default=True)))

    async def _get_manual_import(self, request: web.Request) -> web.Response:
        download_id = (Query(request).text("downloadId") or "").upper()
        item = self.queue.grabs.get(download_id)
        if item is None or item.output_path is None:
            return answer([])
        episodes = [_episode(one) for one in item.wanted]
        return answer(
            [
                {
                    "id": number,
                    "path": f"{item.output_path}/{item.title}.{number}.mkv",
                    "relativePath": f"{item.title}.{number}.mkv",
                    "folderName": item.title,
                    "name": item.title,
                    "size": item.size_bytes // max(len(episodes), 1),
                    "series": self.series_json(episode.series) if episode else None,
                    "seasonNumber": episode.season if episode else None,
                    "episodes": [self.episode_json(episode)] if episode else [],
                    "releaseGroup": item.title.rpartition("-")[2],
                    "quality": self.quality_json(item.quality),
                    "languages": languages(item.languages),
                    "qualityWeight": item.quality.weight,
                    "downloadId": download_id,
                    "customFormats": [],
                    "customFormatScore": item.score,
                    "indexerFlags": 0,
                    "releaseType": "singleEpisode",
                    "rejections": [
                        {"reason": text, "type": "permanent"} for message in item.messages for text in message.messages
                    ],
                }
                for number, episode in enumerate(episodes or [None], 1)
            ]
        )


_SORTS: dict[str, Callable[[Episode], Any]] = {
    "episodes.airDateUtc": lambda episode: episode.airs,
    "series.sortTitle": lambda episode: (episode.series.title.lower(), episode.season, episode.number),
    "episodes.lastSearchTime": lambda episode: episode.last_search,
    "id": lambda episode: episode.id,
}


def _episode(one: Wanted) -> Episode:
    return cast("Episode", one)
