"""How Radarr describes movies and files: in its API, and in webhooks."""

from typing import TYPE_CHECKING

from .library import MediaFile, Movie, plain, sort_title
from .quality import languages
from .servarr_http import Json, moment

if TYPE_CHECKING:
    from .radarr import RadarrSimulator


class MovieResources:
    """Makes the resources."""

    def __init__(self, arr: RadarrSimulator) -> None:
        self.arr = arr

    def movie(self, movie: Movie) -> Json:
        """Return the resource of a movie; one that isn't in the library has no id, path or file."""
        now = self.arr.clock.now()
        known = bool(movie.id)
        size = movie.file.size_bytes if movie.file else 0
        resource = {
            "id": movie.id or None,
            "title": movie.title,
            "originalTitle": movie.original_title or movie.title,
            "originalLanguage": languages((movie.language,))[0],
            "alternateTitles": [
                {"sourceType": "tmdb", "movieMetadataId": movie.id, "title": alias, "cleanTitle": plain(alias)}
                for alias in movie.aliases
            ],
            "secondaryYearSourceId": 0,
            "sortTitle": sort_title(movie.title),
            "sizeOnDisk": size,
            "status": movie.status(now),
            "overview": movie.overview,
            "inCinemas": moment(movie.in_cinemas),
            "physicalRelease": moment(movie.physical_release),
            "digitalRelease": moment(movie.digital_release),
            "images": self.arr.images(movie.id),
            "website": "",
            "year": movie.year,
            "youTubeTrailerId": "",
            "studio": movie.studio,
            "qualityProfileId": movie.profile_id if known else 0,
            "hasFile": movie.file is not None,
            "movieFileId": movie.file.id if movie.file else 0,
            "monitored": movie.monitored and known,
            "minimumAvailability": movie.minimum_availability,
            "isAvailable": movie.available(now),
            "folderName": movie.path if known else "",
            "runtime": movie.runtime,
            "cleanTitle": plain(movie.title),
            "imdbId": movie.imdb_id,
            "tmdbId": movie.tmdb_id,
            "titleSlug": str(movie.tmdb_id),
            "certification": "PG",
            "genres": list(movie.genres),
            "tags": movie.tags,
            "added": moment(movie.added) or "0001-01-01T00:00:00Z",
            "ratings": {
                "tmdb": {"votes": movie.votes or 100 + movie.tmdb_id % 900, "value": movie.rating, "type": "user"}
            },
            "popularity": movie.rating * 3,
            "lastSearchTime": moment(movie.last_search),
            "statistics": {
                "movieFileCount": 1 if movie.file else 0,
                "sizeOnDisk": size,
                "releaseGroups": [movie.file.group] if movie.file and movie.file.group else [],
            },
        }
        if known:
            resource |= {"path": movie.path, "rootFolderPath": movie.root}
            if movie.file is not None:
                resource["movieFile"] = self.file(movie, movie.file)
        else:
            resource["remotePoster"] = self.arr.images(0)[0]["remoteUrl"]
            resource["folder"] = movie.folder
        return resource

    def file(self, movie: Movie, file: MediaFile) -> Json:
        """Return the resource of a file."""
        return {
            "id": file.id,
            "movieId": movie.id,
            "relativePath": file.relative_path,
            "path": f"{movie.path}/{file.relative_path}",
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "sceneName": file.scene_name,
            "releaseGroup": file.group,
            "edition": "",
            "languages": languages(file.languages),
            "quality": self.arr.quality_json(file.quality),
            "customFormats": [],
            "customFormatScore": 0,
            "indexerFlags": 0,
            "qualityCutoffNotMet": self.arr.profile_of(movie).cutoff_unmet(file.quality),
        }

    def webhook_file(self, movie: Movie, file: MediaFile, source: str | None) -> Json:
        """Return a file as webhooks describe it; `source` is where it was downloaded to."""
        return {
            "id": file.id,
            "relativePath": file.relative_path,
            "path": f"{movie.path}/{file.relative_path}",
            "quality": file.quality.name,
            "qualityVersion": 1,
            "releaseGroup": file.group,
            "sceneName": file.scene_name,
            "indexerFlags": "0",
            "size": file.size_bytes,
            "dateAdded": moment(file.added),
            "languages": languages(file.languages),
            "sourcePath": source,
        }

    def webhook_movie(self, movie: Movie) -> Json:
        """Return a movie as webhooks describe it."""
        return {
            "id": movie.id,
            "title": movie.title,
            "year": movie.year,
            "filePath": f"{movie.path}/{movie.file.relative_path}" if movie.file else None,
            "releaseDate": movie.digital_release.date().isoformat() if movie.digital_release else None,
            "folderPath": movie.path,
            "tmdbId": movie.tmdb_id,
            "imdbId": movie.imdb_id,
            "overview": movie.overview,
            "genres": list(movie.genres),
            "images": self.arr.images(movie.id),
            "tags": [self.arr.tags[tag] for tag in movie.tags if tag in self.arr.tags],
            "originalLanguage": languages((movie.language,))[0],
        }
