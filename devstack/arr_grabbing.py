"""How a Radarr or Sonarr takes releases: interactive search (`/release`), grabs."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import ClientError, web

from .arr_decisions import WAITING, Source
from .arr_queue import QueueItem
from .download_client import DownloadClientError
from .library import Episode, Movie, Wanted
from .quality import UNKNOWN, Quality, languages
from .releases import INDEXERS, IndexerSite, Release
from .servarr_http import ApiError, Invalid, Json, Query, answer, moment, object_of, refuse

if TYPE_CHECKING:
    from .arr import ArrSimulator

_OK = 200

#: gives the torrent file or the magnet link behind a release
type ReleaseSource = Callable[[Release], Awaitable[bytes | str]]


async def invented_magnet(release: Release) -> bytes | str:
    """Return the torrent behind a release, or else a magnet link that nobody seeds."""
    return release.torrent or release.magnet


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
        return (
            web.get("/release", self._search),
            web.post("/release", self._post),
            web.post("/release/push", self._push),
        )

    # --- choosing ------------------------------------------------------------------------------------------------

    def rejections(self, release: Release, wanted: Sequence[Wanted]) -> list[str]:
        """Return what an interactive search for these titles says against a release; empty: nothing."""
        return self.arr.decisions.rejections(release, wanted)

    async def take_best(
        self, releases: Iterable[Release], wanted: Sequence[Wanted], source: Source = Source.USER_SEARCH
    ) -> Release | None:
        """Grab the best release that nothing is said against, if there is one; or let it wait where it has to."""
        decisions = self.arr.decisions
        for release in sorted(releases, key=decisions.preference, reverse=True):
            rejections = decisions.rejections(release, wanted, source)
            if rejections == [WAITING]:
                self._delay(release)
            elif not rejections and release.indexer.id not in self.refusing_indexers:
                await self.grab(release, release.wanted, source=source)
            else:
                continue
            return release
        return None

    def _delay(self, release: Release) -> None:
        """Let a release wait in the queue, one for each title."""
        waiting = {id(one) for item in self.arr.queue.items if item.due for one in item.wanted}
        if waiting & set(map(id, release.wanted)):
            return
        item = self._item(release, release.wanted)
        item.status, item.scripted = "delay", True
        item.due = self.arr.decisions.delay_profile(release).due(release)
        self.arr.queue.items.append(item)

    # --- grabs ---------------------------------------------------------------------------------------------------

    async def grab(
        self,
        release: Release,
        wanted: Sequence[Wanted],
        *,
        interactive: bool = False,
        source: Source = Source.SEARCH,
    ) -> QueueItem:
        """Send a release to the download client. Without a client configured it becomes a scripted queue item."""
        source = Source.INTERACTIVE if interactive else source
        if release.indexer.id in self.refusing_indexers:
            raise ApiError.message(409, "Getting release from indexer failed")
        item = self._item(release, wanted)
        client = next(iter(self.arr.clients.enabled()), None)
        if client is None:
            usenet_id = f"SABnzbd_nzo_{release.info_hash[:8].lower()}"
            item.download_id = release.info_hash if item.protocol == "torrent" else usenet_id
            item.client_name, item.scripted, item.status = "Scripted", True, "queued"
        else:
            try:
                item.download_id = await self.arr.clients.connection(client).add(
                    await self.source(release), category=self.arr.clients.category(client)
                )
            except DownloadClientError as error:
                self.arr.clients.failed(client)
                if source is Source.INTERACTIVE:
                    raise ApiError.message(500, str(error)) from error
                item.status, item.scripted = "downloadClientUnavailable", True
                self.arr.queue.items.append(item)
                return item
            item.client = client
        self.arr.queue.grabs[item.download_id] = item
        self.arr.queue.follow(item)
        self.arr.queue.settled.pop(item.download_id, None)
        self.arr.queue.items.append(item)
        self.note(item, release, source)
        self.arr.webhooks.grabbed(item)
        return item

    def _item(self, release: Release, wanted: Sequence[Wanted]) -> QueueItem:
        return QueueItem(
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

    def note(self, item: QueueItem, release: Release, source: Source) -> None:
        """Write a grab into the history."""
        torrent = item.protocol == "torrent"
        age = release.age(self.arr.clock.now())
        self.arr.history.add(
            "grabbed",
            item.wanted,
            source_title=release.title,
            quality=release.quality,
            languages=release.languages,
            download_id=item.download_id,
            score=release.score,
            # no word of seeders; and where the indexer doesn't tell the info hash, it isn't here either
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
                "downloadUrl": release.magnet if torrent else f"{release.guid}/download",
                "guid": release.guid,
                **self.arr.grab_data(item.wanted),
                "protocol": "2" if torrent else "1",
                "customFormatScore": str(release.score),
                "releaseSource": source.value,
                "indexerFlags": "G_Freeleech" if release.freeleech else "0",
                "indexerId": str(release.indexer.id),
                **({"torrentInfoHash": release.told_hash} if release.told_hash else {}),
            },
        )

    # --- interactive search --------------------------------------------------------------------------------------

    async def _search(self, request: web.Request) -> web.Response:
        wanted, releases = self.arr.interactive_search(Query(request))
        now = self.arr.clock.now()
        ranked = sorted(releases, key=self.arr.decisions.preference, reverse=True)
        for release in ranked:
            self.found[release.guid, release.indexer.id] = Found(release, release.wanted, now)
        return answer(
            [self.json(release, wanted, weight) for weight, release in enumerate(ranked)],
        )

    def json(
        self, release: Release, wanted: Sequence[Wanted], weight: int, source: Source = Source.INTERACTIVE
    ) -> Json:
        """Return a release with what is made of it: as it was found by an interactive search, unless told otherwise."""
        age = release.age(self.arr.clock.now())
        rejections = self.arr.decisions.rejections(release, wanted, source)
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
            "temporarilyRejected": rejections == [WAITING],
            "rejected": bool(rejections) and rejections != [WAITING],
            "rejections": rejections,
            "publishDate": moment(release.published),
            "commentUrl": release.guid,
            "downloadUrl": f"{release.guid}/download",
            "infoUrl": release.guid,
            "downloadAllowed": bool(release.wanted),
            "releaseWeight": weight,
            "magnetUrl": release.magnet if release.told_hash else None,
            "infoHash": release.told_hash,
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
        if not found.wanted:
            raise ApiError.not_found(self.arr.sentences.no_match)
        await self.grab(found.release, found.wanted, interactive=True)
        return answer(body)

    # --- releases that others bring ------------------------------------------------------------------------------

    async def _push(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        links = [str(body[name]) for name in ("magnetUrl", "downloadUrl") if body.get(name)]
        missing = [
            Invalid(name, f"'{name}' must not be empty.")
            for name, there in (
                ("Title", body.get("title")),
                ("DownloadUrl", links),
                ("Protocol", body.get("protocol")),
                ("PublishDate", body.get("publishDate")),
            )
            if not there
        ]
        if missing:
            raise refuse(*missing)
        title = str(body["title"])
        quality = self.arr.quality_of(title)
        wanted = self.arr.match(title)
        if quality is None and not wanted:
            raise refuse(Invalid("Title", "Unable to parse", title))
        release = self._pushed(body, links[0], quality or UNKNOWN, wanted)
        # it is said what was made of it before it was downloaded
        described = self.json(release, wanted, 0, Source.PUSH)
        if described["approved"] and (torrent := await self._behind(links[0])) is not None:
            with suppress(ApiError):
                await self.grab(replace(release, torrent=torrent), wanted, source=Source.PUSH)
        elif described["temporarilyRejected"]:
            self._delay(release)
        return answer([described])

    @staticmethod
    def _pushed(body: Json, link: str, quality: Quality, wanted: Sequence[Wanted]) -> Release:
        name = str(body.get("indexer") or "")
        unknown = IndexerSite(id=0, name=name, privacy="private")
        site = next((each for each in INDEXERS if name in {each.name, each.synced_name}), unknown)
        return Release(
            guid=f"PUSH-{link}",
            title=str(body["title"]),
            indexer=replace(site, protocol=str(body["protocol"])),
            quality=quality,
            group=str(body["title"]).rpartition("-")[2],
            size_bytes=int(body.get("size") or 0),
            published=datetime.fromisoformat(str(body["publishDate"])),
            seeders=body.get("seeders"),
            leechers=None,
            languages=("English",),
            movie=wanted[0] if wanted and isinstance(wanted[0], Movie) else None,
            episodes=tuple(each for each in wanted if isinstance(each, Episode)),
            full_season=len(wanted) > 1,
            torrent=link if link.startswith("magnet:") else None,
        )

    async def _behind(self, link: str) -> bytes | str | None:
        """Return what a link leads to; nothing where it can't be had: then the application only writes that down."""
        if link.startswith("magnet:"):
            return link
        try:
            async with self.arr.session.get(link, allow_redirects=False) as response:
                location = response.headers.get("Location", "")
                if location.startswith("magnet:"):
                    return location
                return await response.read() if response.status == _OK else None
        except ClientError:
            return None
