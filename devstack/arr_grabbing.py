"""How a Radarr or Sonarr chooses and takes releases: decisions, interactive search (`/release`), grabs."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from .arr_queue import QueueItem
from .download_client import DownloadClientError
from .library import Wanted
from .quality import UNKNOWN, languages
from .releases import Release
from .servarr_http import ApiError, Json, Query, answer, moment, object_of

if TYPE_CHECKING:
    from .arr import ArrSimulator

#: gives the torrent file or the magnet link behind a release
type ReleaseSource = Callable[[Release], Awaitable[bytes | str]]


async def invented_magnet(release: Release) -> bytes | str:
    """Return a magnet link that nobody seeds, for when nothing better was given."""
    return release.magnet


@dataclass(frozen=True, slots=True)
class Found:
    """A release that an interactive search found."""

    release: Release
    wanted: tuple[Wanted, ...]
    at: datetime


class Grabbing:
    """Decisions and grabs."""

    #: how long the results of an interactive search can be grabbed
    CACHED = timedelta(minutes=30)

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr
        self.source: ReleaseSource = invented_magnet
        self.found: dict[tuple[str, int], Found] = {}
        self.refusing_indexers: set[int] = set()  # ids of indexers that don't give their torrents out

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (web.get("/release", self._search), web.post("/release", self._post))

    # --- decisions -----------------------------------------------------------------------------------------------

    def rejections(self, release: Release, wanted: Sequence[Wanted]) -> list[str]:
        """Return why a release isn't good enough; empty: it is."""
        reasons = []
        profile = self.arr.profile_of(wanted[0])
        if not profile.allows(release.quality):
            reasons.append(f"{self.arr.quality_json(release.quality)['quality']['name']} is not wanted in profile")
        if release.indexer.protocol == "usenet":
            reasons.append(f"Usenet is not enabled for this {self.arr.kind}")
        if release.score < 0:
            reasons.append(f"Custom Formats have score {release.score} below profile's minimum 0")
        if release.seeders is not None and release.seeders < 1:
            reasons.append(f"Not enough seeders: {release.seeders}. Minimum seeders: 1")
        if self.arr.blocklist.holds(release.title, release.indexer.synced_name):
            reasons.append("Release is blocklisted")
        for one in wanted:
            if one.file is not None and not (
                profile.cutoff_unmet(one.file.quality) and release.quality.weight > one.file.quality.weight
            ):
                reasons.append("Existing file meets cutoff or is of equal or higher preference")
                break
        queued = [item for item in self.arr.queue.items if set(map(id, item.wanted)) & set(map(id, wanted))]
        if any(item.quality.weight >= release.quality.weight for item in queued):
            reasons.append("Release in queue is of equal or higher preference")
        return reasons

    @staticmethod
    def preference(release: Release) -> tuple[int, int, int]:
        """Return by what releases are ranked: quality, custom format score, seeders."""
        return release.quality.weight, release.score, release.seeders or 0

    async def take_best(self, releases: Iterable[Release]) -> Release | None:
        """Grab the best acceptable release, if there is one."""
        acceptable = [release for release in releases if not self.rejections(release, release.wanted)]
        for release in sorted(acceptable, key=self.preference, reverse=True):
            if release.indexer.id not in self.refusing_indexers:
                await self.grab(release, release.wanted, interactive=False)
                return release
        return None

    # --- grabs ---------------------------------------------------------------------------------------------------

    async def grab(self, release: Release, wanted: Sequence[Wanted], *, interactive: bool) -> QueueItem:
        """Send a release to the download client. Without a client configured it becomes a scripted queue item."""
        if release.indexer.id in self.refusing_indexers:
            raise ApiError.message(409, "Getting release from indexer failed")
        item = QueueItem(
            title=release.title,
            wanted=tuple(wanted),
            quality=release.quality,
            added=self.arr.clock.now(),
            languages=release.languages,
            score=release.score,
            protocol=release.indexer.protocol,
            indexer=release.indexer.synced_name,
            release=release,
            size_bytes=release.size_bytes,
            remaining_bytes=release.size_bytes,
            grabbed=True,
        )
        client = next(iter(self.arr.clients.enabled()), None)
        if client is None:
            item.download_id, item.client_name, item.scripted, item.status = (
                release.info_hash,
                "Scripted",
                True,
                "queued",
            )
        else:
            try:
                item.download_id = await self.arr.clients.connection(client).add(
                    await self.source(release), category=self.arr.clients.category(client)
                )
            except DownloadClientError as error:
                self.arr.clients.failed(client)
                if interactive:
                    raise ApiError.message(500, str(error)) from error
                item.status, item.scripted = "downloadClientUnavailable", True
                self.arr.queue.items.append(item)
                return item
            item.client = client
        self.arr.queue.grabs[item.download_id] = item
        self.arr.queue.settled.pop(item.download_id, None)
        self.arr.queue.items.append(item)
        self._note(item, release)
        self.arr.webhooks.grabbed(item)
        return item

    def _note(self, item: QueueItem, release: Release) -> None:
        age = release.age(self.arr.clock.now())
        self.arr.history.add(
            "grabbed",
            item.wanted,
            source_title=release.title,
            quality=release.quality,
            languages=release.languages,
            download_id=item.download_id,
            score=release.score,
            data={
                "indexer": release.indexer.synced_name,
                "nzbInfoUrl": release.guid,
                "releaseGroup": release.group,
                "age": str(age.days),
                "ageHours": f"{age / timedelta(hours=1):.4f}",
                "ageMinutes": f"{age / timedelta(minutes=1):.4f}",
                "publishedDate": str(moment(release.published)),
                **item.client_data,
                "size": str(release.size_bytes),
                "downloadUrl": release.magnet,
                "guid": release.guid,
                "protocol": "2",
                "indexerFlags": "1" if release.freeleech else "0",
                "torrentInfoHash": str(item.download_id),
            },
        )

    # --- interactive search --------------------------------------------------------------------------------------

    async def _search(self, request: web.Request) -> web.Response:
        wanted, releases = self.arr.interactive_search(Query(request))
        now = self.arr.clock.now()
        ranked = sorted(releases, key=self.preference, reverse=True)
        for release in ranked:
            self.found[release.guid, release.indexer.id] = Found(release, release.wanted, now)
        return answer(
            [self.json(release, wanted, weight) for weight, release in enumerate(ranked)],
        )

    def json(self, release: Release, wanted: Sequence[Wanted], weight: int) -> Json:
        """Return a result of an interactive search."""
        age = release.age(self.arr.clock.now())
        rejections = self.rejections(release, wanted)
        torrent = release.indexer.protocol == "torrent"
        return {
            "guid": release.guid,
            "quality": self.arr.quality_json(release.quality),
            "customFormats": [],
            "customFormatScore": release.score,
            "qualityWeight": release.quality.weight,
            "age": age.days,
            "ageHours": age / timedelta(hours=1),
            "ageMinutes": age / timedelta(minutes=1),
            "size": release.size_bytes,
            "indexerId": release.indexer.id,
            "indexer": release.indexer.synced_name,
            "releaseGroup": release.group,
            "title": release.title,
            "sceneSource": False,
            "languages": languages(release.languages),
            "approved": not rejections,
            "temporarilyRejected": False,
            "rejected": bool(rejections),
            "rejections": rejections,
            "publishDate": moment(release.published),
            "commentUrl": release.guid,
            "downloadUrl": f"{release.guid}/download",
            "infoUrl": release.guid,
            "downloadAllowed": release.quality is not UNKNOWN,
            "releaseWeight": weight,
            "magnetUrl": release.magnet if torrent and release.indexer.privacy == "public" else None,
            "infoHash": release.info_hash if torrent and release.indexer.privacy == "public" else None,
            "seeders": release.seeders,
            "leechers": release.leechers,
            "protocol": release.indexer.protocol,
            "indexerFlags": 1 if release.freeleech else 0,
            **self.arr.release_details(release, wanted),
        }

    async def _post(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        key = (str(body.get("guid")), int(body.get("indexerId") or 0))
        found = self.found.get(key)
        if found is None or self.arr.clock.now() > found.at + self.CACHED:
            raise ApiError.not_found("Couldn't find requested release in cache, try searching again")
        await self.grab(found.release, found.wanted, interactive=True)
        return answer(body)
