"""Sonarr, API v3 (Sonarr 4)."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType

from ..model.library import Command, KnownFile, Title, TitleKind, UpcomingTitle
from .arr import ArrClient, files, instant
from .errors import NotFound
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
    _queue_includes = MappingProxyType(
        {"includeUnknownSeriesItems": True, "includeSeries": True, "includeEpisode": True}
    )
    _history_includes = MappingProxyType({"includeEpisode": True})

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

    async def search_season(self, series_id: int, season: int) -> Command:
        """Search for a season, as a pack where there is one. Source: command SeasonSearch."""
        return await self.run_command("SeasonSearch", seriesId=series_id, seasonNumber=season)

    async def search_series(self, series_id: int) -> Command:
        """Search for all monitored episodes of a series. Source: command SeriesSearch."""
        return await self.run_command("SeriesSearch", seriesId=series_id)

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
