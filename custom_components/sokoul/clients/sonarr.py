"""Sonarr, API v3 (Sonarr 4)."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from ..model.catalogue import (
    Addition,
    CatalogueEpisode,
    CatalogueSeason,
    CatalogueTitle,
    MissingTitle,
    SeriesType,
    Watch,
)
from ..model.library import Command, KnownFile, Title, TitleFile, TitleKind, UpcomingTitle
from ..model.releases import ImportCandidate, TitleDetails
from .arr import MAX_IDS, ArrClient, files, instant
from .arr_catalogue import day_of, ids_of, poster_of
from .arr_languages import code_of
from .errors import NotFound, UnexpectedResponse
from .fields import Fields, each
from .http import Query

#: How many of the first ids are tried for a series that still exists.
FIRST_SERIES = 5


class SonarrClient(ArrClient):
    """Series and their episodes."""

    application = "Sonarr"
    category_fields = ("tvCategory", "tvImportedCategory")
    webhook_events = frozenset(
        {
            "onGrab",
            "onDownload",
            "onUpgrade",
            "onSeriesAdd",
            "onSeriesDelete",
            "onEpisodeFileDelete",
            "onHealthIssue",
            "onHealthRestored",
            "onManualInteractionRequired",
        }
    )
    title_kind = TitleKind.SERIES
    _titles_path = "series"
    _many = "seriesIds"
    _own_database = "tvdb"
    _databases = frozenset({"tvdb", "tmdb", "imdb"})
    _library_query = MappingProxyType({"includeSeasonImages": False})
    _missing_query = MappingProxyType(
        {"sortKey": "episodes.airDateUtc", "sortDirection": "descending", "includeSeries": True}
    )
    _scan_command = "DownloadedEpisodesScan"
    _queue_includes = MappingProxyType(
        {"includeUnknownSeriesItems": True, "includeSeries": True, "includeEpisode": True}
    )
    _history_includes = MappingProxyType({"includeEpisode": True})
    _folders_path = "series"

    async def calendar(self, start: datetime, end: datetime) -> tuple[UpcomingTitle, ...]:
        """Return the monitored episodes that air from `start` to `end`. Source: GET /calendar."""
        params: Query = {"start": instant(start), "end": instant(end), "includeSeries": True}
        return tuple(
            UpcomingTitle(
                title=_title(episode, episode.object("series")),
                release_at=air_time,
                has_file=episode.flag("hasFile", False),
                release_type="air",
            )
            for episode in each(await self._get("calendar", params), "calendar")
            if (air_time := episode.moment("airDateUtc"))
        )

    async def search(self, ids: Collection[int]) -> Command:
        """Search for these episodes, and grab what is good enough. Source: command EpisodeSearch."""
        return await self.run_command("EpisodeSearch", episodeIds=sorted(ids))

    async def titles(self, ids: Collection[int]) -> tuple[TitleDetails, ...]:
        """Return these episodes. Those that are gone are left out. Source: GET /episode, GET /episode/{id}."""
        wanted = sorted(ids)
        found: list[TitleDetails] = []
        for begin in range(0, len(wanted), MAX_IDS):
            some = wanted[begin : begin + MAX_IDS]
            try:
                found += await self._details({"episodeIds": some})
            except UnexpectedResponse as error:
                # one of them that is gone spoils the answer for all
                if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                found += await self._one_by_one(some)
        return tuple(found)

    async def season(self, series_id: int, season: int) -> tuple[TitleDetails, ...]:
        """Return the episodes of a season. Source: GET /episode."""
        return tuple(await self._details({"seriesId": series_id, "seasonNumber": season}))

    async def episodes(self, series_id: int, season: int | None = None) -> tuple[CatalogueEpisode, ...]:
        """Return the episodes of a series of the library, all or those of a season, in their order.

        Of one that is gone there are none. Source: GET /episode.
        """
        which = {"seriesId": series_id} | ({"seasonNumber": season} if season is not None else {})
        answer = await self._get("episode", which)
        return _in_order(_episode(episode) for episode in each(answer, "episode"))

    async def title_files(self, folder_id: int) -> tuple[TitleFile, ...]:
        """Return the files of a series. Source: GET /episodefile, GET /episode."""
        found = {
            file.whole("id"): file.text("path", "")
            for file in each(await self._get("episodefile", {"seriesId": folder_id}), "episodefile")
        }
        held: dict[int, list[Title]] = {}
        query: Query = {"seriesId": folder_id, "includeSeries": True}
        for episode in each(await self._get("episode", query), "episode"):
            if file_id := episode.whole("episodeFileId", 0):
                held.setdefault(file_id, []).append(_details(episode).title)
        return tuple(
            TitleFile(path=path, titles=tuple(held[file_id]))
            for file_id, path in found.items()
            if path and file_id in held
        )

    async def rescan(self, folder_id: int) -> Command:
        """Look which files of a series are there. Source: command RescanSeries."""
        return await self.run_command("RescanSeries", seriesId=folder_id)

    async def set_episodes_monitored(self, episode_ids: Collection[int], *, monitored: bool) -> None:
        """Let Sonarr look for these episodes by itself, or not. Source: PUT /episode/monitor."""
        if episode_ids:
            body = {"episodeIds": sorted(episode_ids), "monitored": monitored}
            await self._http.request("PUT", f"{self.api}/episode/monitor", json=body)

    def _title(self, resource: Fields, place: int = 0) -> CatalogueTitle:
        library_id = resource.whole("id", 0) or None
        statistics = resource.optional_object("statistics") or Fields({}, "series.statistics")
        ratings = resource.optional_object("ratings") or Fields({}, "series.ratings")
        language = resource.optional_object("originalLanguage")
        files, aired = statistics.whole("episodeFileCount", 0), statistics.whole("episodeCount", 0)
        name, aliases, series_type = resource.text("title"), _aliases(resource), _series_type(resource)
        return CatalogueTitle(
            kind=TitleKind.SERIES,
            name=name,
            aliases=aliases,
            romaji=_romaji(name, aliases) if series_type is SeriesType.ANIME else None,
            year=resource.whole("year", 0) or None,
            ids=ids_of(resource),
            minutes=resource.whole("runtime", 0) or None,
            original_language=code_of(language.text("name", "")) if language else None,
            overview=resource.text("overview", ""),
            poster=poster_of(resource),
            votes=ratings.whole("votes", 0) or None,
            rating=ratings.number("value", 0) or None,
            place=place,
            seasons=tuple(_season(season) for season in resource.objects("seasons")),
            ended=resource.flag("ended") if "ended" in resource else None,
            series_type=series_type,
            first_aired_on=day_of(resource, "firstAired"),
            library_id=library_id,
            monitored=library_id is not None and resource.flag("monitored", False),
            has_file=files > 0 and files >= aired,
            quality_profile_id=resource.whole("qualityProfileId", 0) or None if library_id else None,
            folder=resource.optional_text("path"),
        )

    def _wishes(self, addition: Addition, resource: Mapping[str, Any]) -> dict[str, Any]:
        goes_on = addition.watch in {Watch.ALL, Watch.FUTURE} and not addition.seasons
        wishes = {
            "qualityProfileId": addition.profile_id,
            "rootFolderPath": addition.root_folder,
            "monitored": addition.monitored,
            "monitorNewItems": "all" if goes_on else "none",
            "seasonFolder": True,
            "seriesType": resource.get("seriesType") or "standard",
            "tags": sorted(addition.tags),
        }
        if not addition.seasons:
            options = {"monitor": addition.watch.value, "searchForMissingEpisodes": addition.search}
            return {**wishes, "addOptions": options}
        # without `monitor` Sonarr goes by what the seasons say
        seasons = [
            {**season, "monitored": season.get("seasonNumber") in addition.seasons}
            for season in resource.get("seasons") or ()
        ]
        options = {"ignoreEpisodesWithFiles": False, "searchForMissingEpisodes": addition.search}
        return {**wishes, "seasons": seasons, "addOptions": options}

    def _missing_titles(self, records: Iterable[Fields]) -> tuple[MissingTitle, ...]:
        series: dict[int, CatalogueTitle] = {}
        missing: dict[int, list[CatalogueEpisode]] = {}
        for episode in records:
            number = episode.whole("seriesId")
            if number not in series:
                series[number] = self._title(episode.object("series"))
            missing.setdefault(number, []).append(_episode(episode))
        return tuple(MissingTitle(title=title, episodes=_in_order(missing[number])) for number, title in series.items())

    async def _details(self, query: Query) -> list[TitleDetails]:
        answer = await self._get("episode", {**query, "includeSeries": True})
        return [_details(episode) for episode in each(answer, "episode")]

    async def _one_by_one(self, ids: Collection[int]) -> list[TitleDetails]:
        found = []
        for id_ in ids:
            with suppress(NotFound):
                found.append(_details(Fields(await self._get(f"episode/{id_}"), "episode")))
        return found

    def _search_query(self, title: Title) -> Query:
        if title.kind is TitleKind.EPISODE:
            return {"episodeId": title.id}
        if title.kind is TitleKind.SERIES and title.season is not None:
            return {"seriesId": title.id, "seasonNumber": title.season}
        raise ValueError(f"Sonarr can't search for a whole {title.kind}")

    def _candidate_titles(self, release: Fields) -> frozenset[int]:
        return frozenset(episode.whole("id") for episode in release.objects("mappedEpisodeInfo"))

    def _candidate_episodes(self, release: Fields) -> tuple[int | None, frozenset[int]]:
        told = {
            (season, number)
            for each in release.objects("mappedEpisodeInfo")
            if (season := each.optional_whole("seasonNumber")) is not None
            and (number := each.optional_whole("episodeNumber")) is not None
        }
        seasons = {season for season, _ in told}
        if len(seasons) != 1:  # of several it is a pack, which its name tells
            return None, frozenset()
        return seasons.pop(), frozenset(number for _, number in told)

    def _title_id(self, record: Fields) -> int:
        return record.whole("episodeId", 0)

    def _history_query(self, titles: Collection[Title]) -> list[tuple[str, Query]]:
        series = sorted({title.series_id for title in titles if title.series_id is not None})
        return [("history/series", {"seriesId": id_}) for id_ in series]

    def _blocklist_query(self, titles: Collection[Title]) -> Query:
        return {"seriesIds": sorted({title.series_id for title in titles if title.series_id is not None})}

    def _blocked_titles(self, record: Fields) -> frozenset[int]:
        return frozenset(record.wholes("episodeIds"))

    def _import_subject(self, file: Fields) -> tuple[frozenset[int], int | None]:
        series = file.optional_object("series")
        episodes = frozenset(episode.whole("id") for episode in file.objects("episodes"))
        return episodes, (series.whole("id", 0) or None) if series else None

    def _import_titles(self, candidate: ImportCandidate) -> Mapping[str, Any]:
        if not candidate.title_ids or candidate.series_id is None:
            raise ValueError("a file is one or more episodes of a series")
        return {"seriesId": candidate.series_id, "episodeIds": sorted(candidate.title_ids)}

    def _titles(self, record: Fields) -> tuple[Title, ...]:
        series = record.optional_object("series")
        if series is None:
            return ()
        if episode := record.optional_object("episode"):
            return (_title(episode, series),)
        # it knows the series but not which episode the release holds
        return (
            Title(
                kind=TitleKind.SERIES,
                id=series.whole("id"),
                name=series.text("title"),
                year=series.whole("year", 0) or None,
                series_id=series.whole("id"),
                season=record.optional_whole("seasonNumber"),
                monitored=series.flag("monitored", True),
            ),
        )

    def _imported_id(self, record: Fields) -> int:
        episode = record.optional_object("episode")
        return episode.whole("episodeFileId", 0) if episode else 0

    async def _files_of(self, ids: Collection[int]) -> tuple[KnownFile, ...]:
        return files(await self._get("episodefile", {"episodeFileIds": list(ids)}), "episodefile") if ids else ()

    async def _oldest_files(self) -> tuple[KnownFile, ...]:
        """Try the first ids that Sonarr hands out: it answers for one series at a time."""
        for series_id in range(1, FIRST_SERIES + 1):
            with suppress(NotFound):
                if found := files(await self._get("episodefile", {"seriesId": series_id}), "episodefile"):
                    return found
        return ()


def _title(episode: Fields, series: Fields) -> Title:
    return Title(
        kind=TitleKind.EPISODE,
        id=episode.whole("id"),
        name=series.text("title"),
        year=series.whole("year", 0) or None,
        series_id=series.whole("id"),
        season=episode.whole("seasonNumber"),
        episode=episode.whole("episodeNumber"),
        episode_name=episode.optional_text("title"),
        monitored=episode.flag("monitored", True),
    )


def _aliases(resource: Fields) -> tuple[str, ...]:
    """Return its other names, but those of one season: these would find it under a name that the others don't have."""
    return tuple(
        alias.text("title", "")
        for alias in resource.objects("alternateTitles")
        if alias.whole("seasonNumber", -1) < 0 and alias.whole("sceneSeasonNumber", -1) < 0
    )


def _romaji(name: str, aliases: Iterable[str]) -> str | None:
    """Return the other name of an anime that its releases have: those are what Sonarr keeps other names for."""
    return next((alias for alias in aliases if alias.isascii() and alias.casefold() not in {"", name.casefold()}), None)


def _series_type(resource: Fields) -> SeriesType | None:
    """Return what a person chose for a series of the library; of others Sonarr knows only of some that air daily."""
    told = resource.text("seriesType", "")
    if told != SeriesType.STANDARD or resource.whole("id", 0):
        return SeriesType(told) if told in SeriesType else None
    return SeriesType.ANIME if "Anime" in resource.texts("genres") else None


def _episode(episode: Fields) -> CatalogueEpisode:
    return CatalogueEpisode(
        season=episode.whole("seasonNumber"),
        episode=episode.whole("episodeNumber"),
        absolute=episode.optional_whole("absoluteEpisodeNumber"),
        name=episode.text("title", ""),
        finale=episode.text("finaleType", "") in {"season", "series"},  # and not "midseason"
        airs_on=_day(episode),
        airs_at=episode.moment("airDateUtc"),
        library_id=episode.whole("id"),
        monitored=episode.flag("monitored", True),
        has_file=episode.flag("hasFile", False),
    )


def _day(episode: Fields) -> date | None:
    """Return the day on which it airs, where it airs: just a day, spelled as one."""
    try:
        return date.fromisoformat(episode.text("airDate", ""))
    except ValueError:
        return None


def _in_order(episodes: Iterable[CatalogueEpisode]) -> tuple[CatalogueEpisode, ...]:
    return tuple(sorted(episodes, key=lambda episode: (episode.season, episode.episode)))


def _season(season: Fields) -> CatalogueSeason:
    statistics = season.optional_object("statistics")
    return CatalogueSeason(
        number=season.whole("seasonNumber"),
        episodes=statistics.optional_whole("totalEpisodeCount") if statistics else None,
        files=statistics.whole("episodeFileCount", 0) if statistics else 0,
        monitored=season.flag("monitored") if statistics and "monitored" in season else None,
    )


def _details(episode: Fields) -> TitleDetails:
    series = episode.object("series")
    title = _title(episode, series)
    return TitleDetails(
        title=title if series.flag("monitored", True) else replace(title, monitored=False),
        has_file=episode.flag("hasFile", False),
        tags=frozenset(series.wholes("tags")),
        released_at=episode.moment("airDateUtc"),
    )
