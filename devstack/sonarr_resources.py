"""How Sonarr describes series, episodes and files: in its API, and in webhooks."""

from collections.abc import Iterable, Sequence
import re
from typing import TYPE_CHECKING, cast

from .library import Episode, MediaFile, Series, Wanted, plain, sort_title
from .quality import languages
from .servarr_http import Json, moment

if TYPE_CHECKING:
    from .sonarr import SonarrSimulator


def episode_of(one: Wanted) -> Episode:
    """Return what a Sonarr wants as what it is: an episode."""
    return cast("Episode", one)


class EpisodeResources:
    """Makes the resources."""

    def __init__(self, arr: SonarrSimulator) -> None:
        self.arr = arr

    def series(self, series: Series) -> Json:
        """Return the resource of a series; one that isn't in the library has no id, path or statistics."""
        now = self.arr.clock.now()
        known = bool(series.id)
        dates = sorted(episode.airs for episode in series.episodes if episode.airs)
        past, future = [date for date in dates if date <= now], [date for date in dates if date > now]
        resource = {
            "id": series.id or None,
            "title": series.title,
            "alternateTitles": [{"title": alias, "seasonNumber": -1} for alias in series.aliases],
            "sortTitle": sort_title(series.title),
            "status": series.status(now),
            "ended": series.ended,
            "overview": series.overview,
            "nextAiring": moment(future[0]) if future else None,
            "previousAiring": moment(past[-1]) if past else None,
            "network": series.network,
            "airTime": dates[0].strftime("%H:%M") if dates else None,
            "images": self.arr.images(series.id),
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
            resource |= {"remotePoster": self.arr.images(0)[0]["remoteUrl"], "folder": series.folder}
        return resource

    def episode(self, episode: Episode, *, with_series: bool = False, with_file: bool = False) -> Json:
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
            "series": self.series(episode.series) if with_series else None,
            "episodeFile": self.file(episode, episode.file) if with_file and episode.file else None,
        }

    def file(self, episode: Episode, file: MediaFile) -> Json:
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
            "quality": self.arr.quality_json(file.quality),
            "customFormats": [],
            "customFormatScore": 0,
            "indexerFlags": 0,
            "releaseType": "singleEpisode",
            "qualityCutoffNotMet": self.arr.profile_of(episode).cutoff_unmet(file.quality),
        }

    def _statistics(self, episodes: Sequence[Episode]) -> Json:
        now = self.arr.clock.now()
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

    def webhook_series(self, series: Series) -> Json:
        """Return a series as webhooks describe it."""
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
            "images": self.arr.images(series.id),
            "tags": [self.arr.tags[tag] for tag in series.tags if tag in self.arr.tags],
            "originalLanguage": languages((series.language,))[0],
        }

    def webhook_file(self, episode: Episode, file: MediaFile, source: str | None) -> Json:
        """Return a file as webhooks describe it; `source` is where it was downloaded to."""
        return {
            "id": file.id,
            "relativePath": file.relative_path,
            "path": f"{episode.series.path}/{file.relative_path}",
            "quality": self.arr.quality_json(file.quality)["quality"]["name"],
            "qualityVersion": 1,
            "releaseGroup": file.group,
            "sceneName": file.scene_name,
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "languages": languages(file.languages),
            "sourcePath": source,
        }

    @staticmethod
    def webhook_episodes(episodes: Iterable[Episode]) -> list[Json]:
        """Return episodes as webhooks describe them."""
        return [
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
            for episode in episodes
        ]
