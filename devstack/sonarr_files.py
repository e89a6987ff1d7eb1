"""Files of a simulated Sonarr: `/episodefile`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from .library import Episode, MediaFile
from .servarr_http import ApiError, Query, answer, id_of, object_of

if TYPE_CHECKING:
    from .sonarr import SonarrSimulator


class EpisodeFiles:
    """Files of episodes."""

    def __init__(self, arr: SonarrSimulator) -> None:
        self.arr = arr

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/episodefile", self._get_files),
            web.delete("/episodefile/bulk", self._delete_files),
            web.get("/episodefile/{id:\\d+}", self._get_file),
            web.delete("/episodefile/{id:\\d+}", self._delete_file),
        )

    def _file_by_id(self, number: int) -> tuple[Episode, MediaFile]:
        for episode in self.arr.library.episodes():
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
                self.arr.resources.file(episode, episode.file)
                for episode in self.arr.library.episodes()
                if episode.file is not None and (episode.series.id == series_id or episode.file.id in file_ids)
            ]
        )

    async def _get_file(self, request: web.Request) -> web.Response:
        return answer(self.arr.resources.file(*self._file_by_id(id_of(request))))

    def _remove_file(self, number: int) -> None:
        episode, file = self._file_by_id(number)
        episode.file = None
        self.note_deleted(episode, file, "Manual")
        self.send_deleted(episode, file, "manual")

    async def _delete_file(self, request: web.Request) -> web.Response:
        self._remove_file(id_of(request))
        return answer({})

    async def _delete_files(self, request: web.Request) -> web.Response:
        for number in (await object_of(request)).get("episodeFileIds") or ():
            self._remove_file(number)
        return answer({})

    def note_deleted(self, episode: Episode, file: MediaFile, reason: str) -> None:
        """Write down that a file is gone."""
        self.arr.history.add(
            "episodeFileDeleted",
            (episode,),
            source_title=f"{episode.series.path}/{file.relative_path}",
            quality=file.quality,
            languages=file.languages,
            data={"reason": reason, "releaseGroup": file.group or "", "size": str(file.size_bytes)},
        )

    def send_deleted(self, episode: Episode, file: MediaFile, reason: str) -> None:
        """Tell that a file is gone: "upgrade" or "manual"."""
        self.arr.webhooks.send(
            "onEpisodeFileDeleteForUpgrade" if reason == "upgrade" else "onEpisodeFileDelete",
            "EpisodeFileDelete",
            {
                **self.arr.webhook_titles((episode,)),
                "episodeFile": self.arr.resources.webhook_file(episode, file, None),
                "deleteReason": reason,
            },
        )
