"""What Radarr and Sonarr have in common beyond their base: queue, history, wishes, wiring, files.

With a download client configured (`add_qbittorrent`) it is really used through its web API: grabs add torrents, the
queue is what that client has in the category, removing an item deletes the torrent, finished downloads are imported.
Without one the queue holds what tests put there (`queue_item`).

Nothing happens by itself but in answer to a request or to `refresh()`; `tick()` does what is due by the clock, and
`run()` ticks until it is cancelled, for a launcher.
"""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
import hashlib
from pathlib import Path
import shutil
from typing import Any, ClassVar, override

from aiohttp import web

from . import arr_settings
from .arr_grabbing import Grabbing
from .arr_history import Blocklist, History
from .arr_queue import Queue, QueueItem, StatusMessage
from .arr_webhooks import Webhooks
from .clock import Clock
from .download_client import DownloadClientAuthError, DownloadClientError, Qbittorrent
from .library import DOWNLOADS_ROOT, Library, MediaFile, Wanted
from .posters import poster
from .quality import QUALITIES, WEBDL_1080P, Quality, QualityProfile, languages
from .releases import Release
from .servarr import HealthIssue, Servarr
from .servarr_commands import Commands, Work
from .servarr_http import ApiError, Invalid, Json, Query, answer, id_of, object_of, refuse
from .servarr_providers import Provider, Providers

_TERABYTE = 10**12
_VIDEO = {".mkv", ".mp4", ".avi", ".m4v", ".ts"}


@dataclass(slots=True)
class Disk:
    """A mount as the application sees it. Sizes in bytes."""

    path: str
    label: str
    free_bytes: int
    total_bytes: int


@dataclass(slots=True)
class RootFolder:
    """A folder of the library."""

    id: int
    path: str
    accessible: bool = True


class ArrSimulator(Servarr):
    """The base of the simulated Radarr and Sonarr."""

    api: ClassVar[str] = "/api/v3"
    kind: ClassVar[str]  # "movie" or "series"
    plural: ClassVar[str]  # as sort keys name it: "movies" or "series"
    category_field: ClassVar[str]
    imported_category_field: ClassVar[str]
    history_codes: ClassVar[dict[str, int]]
    notification_flags: ClassVar[tuple[str, ...]]
    roots: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        library: Library | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        api_key: str | None = None,
        url_base: str = "",
        instance_name: str | None = None,
        disk: Path | None = None,
    ) -> None:
        """Keep `disk` as what this application sees as `/`: then imports link real files there."""
        super().__init__(clock=clock, seed=seed, api_key=api_key, url_base=url_base, instance_name=instance_name)
        self.library = library or Library.small(self.clock.now(), seed)
        self.tags = dict(self.library.tags)
        self.disk = disk
        self.disks = [
            Disk("/", "", 60 * 10**9, 250 * 10**9),
            Disk("/config", "", 60 * 10**9, 250 * 10**9),
            Disk("/data", "data", int(3.1 * _TERABYTE), 8 * _TERABYTE),
        ]
        self.root_folders = {number: RootFolder(number, path) for number, path in enumerate(self.roots, 1)}
        self.path_mappings: dict[int, Json] = {}
        self.media_management = arr_settings.media_management("Movies" if self.kind == "movie" else "Episodes")
        self.download_handling = arr_settings.download_handling(self.application)
        self.download_clients = Providers(
            self,
            "/downloadclient",
            arr_settings.download_clients(self.category_field, self.imported_category_field, self.name),
            test=self._test_client,
        )
        self.indexers = Providers(
            self,
            "/indexer",
            (
                arr_settings.indexers("Torznab", "torrent", self.indexer_categories),
                arr_settings.indexers("Newznab", "usenet", self.indexer_categories),
            ),
        )
        self.notifications = Providers(
            self, "/notification", (arr_settings.webhook(self.notification_flags),), test=self._test_webhook, bulk=False
        )
        self.import_lists = Providers(self, "/importlist", self.list_implementations())
        self.webhooks = Webhooks(self, self.notifications)
        self.history = History(self, self.history_codes)
        self.blocklist = Blocklist(self)
        self.queue = Queue(self)
        self.grabbing = Grabbing(self)
        self.commands = Commands(self, self.works())
        self._connections: dict[tuple[str, str, str], Qbittorrent] = {}
        self._remember_imports()

    # --- what differs between the two ----------------------------------------------------------------------------

    indexer_categories: ClassVar[list[int]]

    @abstractmethod
    def works(self) -> dict[str, Work | None]:
        """Return what the commands do; None: nothing that shows."""

    @abstractmethod
    def list_implementations(self) -> tuple[Any, ...]:
        """Return the kinds of import lists."""

    @abstractmethod
    def ids_of(self, one: Wanted) -> Json:
        """Return the ids that a history record has."""

    @abstractmethod
    def queue_ids_of(self, one: Wanted) -> Json:
        """Return the ids that a queue record has."""

    @abstractmethod
    def blocklist_ids(self, wanted: Sequence[Wanted]) -> Json:
        """Return the ids that a blocklist item has."""

    @abstractmethod
    def title_resource(self, one: Wanted) -> Json:
        """Return the movie or series under its name."""

    @abstractmethod
    def included(self, query: Query) -> Callable[[Wanted], Json]:
        """Return what puts resources into records, as asked by `includeMovie` and the like."""

    @abstractmethod
    def title_filter(self, query: Query) -> Callable[[Wanted], bool]:
        """Return what tells whether a title was asked for."""

    @abstractmethod
    def profile_of(self, one: Wanted) -> QualityProfile:
        """Return the quality profile of a title."""

    @abstractmethod
    def quality_json(self, quality: Quality) -> Json:
        """Return the quality with its revision."""

    @abstractmethod
    def match(self, name: str) -> tuple[Wanted, ...]:
        """Return the titles of the library that the name of a download means."""

    @abstractmethod
    def interactive_search(self, query: Query) -> tuple[tuple[Wanted, ...], list[Release]]:
        """Return what is searched for, and what there is. Raises the 404 of an unknown title."""

    @abstractmethod
    def release_details(self, release: Release, wanted: Sequence[Wanted]) -> Json:
        """Return the fields of a release that only this application has."""

    @abstractmethod
    def search_again(self, wanted: Sequence[Wanted]) -> None:
        """Start a search for titles whose download failed."""

    @abstractmethod
    def own_files(self) -> Iterable[tuple[Wanted, MediaFile]]:
        """Return the files of the library."""

    @abstractmethod
    def folder_of(self, one: Wanted) -> str:
        """Return the folder of a title."""

    @abstractmethod
    def new_file(self, one: Wanted, item: QueueItem, size_bytes: int) -> MediaFile:
        """Make the file that an import puts into the library, not yet attached."""

    @abstractmethod
    def notify_import(self, item: QueueItem, imported: Sequence[tuple[Wanted, MediaFile | None]]) -> None:
        """Send the webhooks of an import; with each title comes the file that it had before."""

    @abstractmethod
    def webhook_titles(self, wanted: Sequence[Wanted]) -> Json:
        """Return the titles as webhooks describe them."""

    @abstractmethod
    def webhook_test_payload(self) -> Json:
        """Return what a test webhook holds."""

    # --- the public face for tests and launchers -----------------------------------------------------------------

    @property
    def application_url(self) -> str:
        """Where a person finds it."""
        return self.url

    async def refresh(self) -> None:
        """Look at the download clients now."""
        await self.queue.refresh()

    async def tick(self) -> None:
        """Do what is due by the clock."""
        await self.queue.refresh_when_due()

    async def run(self) -> None:
        """Do what is due by the clock, until cancelled."""
        while True:
            await self.tick()
            await asyncio.sleep(1)

    def add_qbittorrent(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        category: str | None = None,
        imported_category: str | None = None,
        name: str = "qBittorrent",
    ) -> Provider:
        """Configure a download client by its URL."""
        scheme, _, rest = url.partition("://")
        address, _, base = rest.partition("/")
        host, _, port = address.partition(":")
        values = {
            "host": host,
            "port": int(port or (443 if scheme == "https" else 80)),
            "useSsl": scheme == "https",
            "urlBase": f"/{base}" if base else None,
            "username": username,
            "password": password,
            self.imported_category_field: imported_category,
        }
        if category is not None:
            values[self.category_field] = category
        return self.download_clients.add("QBittorrent", name, values)

    def add_path_mapping(self, host: str, remote_path: str, local_path: str) -> None:
        """Configure that a download client's folder is found elsewhere."""
        number = max(self.path_mappings, default=0) + 1
        self.path_mappings[number] = {"id": number, "host": host, "remotePath": remote_path, "localPath": local_path}

    def queue_item(
        self,
        *wanted: Wanted,
        title: str | None = None,
        quality: Quality = WEBDL_1080P,
        size_bytes: int = 4 * 2**30,
        progress: float = 0.25,
        download_id: str | None = "",
        messages: Iterable[StatusMessage] = (),
        **details: Any,
    ) -> QueueItem:
        """Put an item into the queue that no download client has. No title: an unknown item.

        `download_id=None` makes a release that waits (`status="delay"`), "" invents an info hash; `details` are other
        fields of `QueueItem`.
        """
        title = title or self._release_title(wanted, quality)
        details.setdefault("indexer", "Open Harbour (Prowlarr)")
        details.setdefault("client_name", None if download_id is None else "qBittorrent")
        details.setdefault("time_left", timedelta(minutes=12, seconds=34) if progress < 1 else timedelta())
        if download_id is not None:
            details.setdefault("output_path", f"{DOWNLOADS_ROOT}/{self.name}/{title}")
        else:
            details.setdefault("status", "delay")
        if download_id == "":
            download_id = self._invented_hash(title)
        item = QueueItem(
            title=title,
            wanted=wanted,
            quality=quality,
            added=self.clock.now(),
            download_id=download_id,
            size_bytes=size_bytes,
            remaining_bytes=int(size_bytes * (1 - progress)),
            messages=tuple(messages),
            scripted=True,
            **details,
        )
        self.queue.items.append(item)
        if download_id is not None:
            self.queue.grabs[download_id] = item
        return item

    def _release_title(self, wanted: Sequence[Wanted], quality: Quality) -> str:
        name = self.search_name(wanted) if wanted else "Unknown Thing 1999"
        return f"{name.replace(' ', '.')}.{quality.token}-LANTERN"

    @abstractmethod
    def search_name(self, wanted: Sequence[Wanted]) -> str:
        """Return how releases call these titles."""

    @staticmethod
    def _invented_hash(title: str) -> str:
        return hashlib.sha1(title.encode(), usedforsecurity=False).hexdigest().upper()

    def block_import(self, download_id: str, *messages: str) -> None:
        """Let a download not be imported once it is finished, and complain so."""
        self.queue.import_blocks[download_id.upper()] = messages

    def allow_import(self, download_id: str) -> None:
        """Take that back."""
        self.queue.import_blocks.pop(download_id.upper(), None)

    def health_issue(self, source: str, kind: str, message: str) -> None:
        """Complain ("notice", "warning" or "error"), once, with a webhook."""
        if any((issue.source, issue.message) == (source, message) for issue in self.health):
            return
        issue = HealthIssue(source, kind, message)
        self.health.append(issue)
        self._notify_health("onHealthIssue", "Health", issue)

    def health_restored(self, source: str, message: str | None = None) -> None:
        """Stop complaining, with a webhook."""
        for issue in [issue for issue in self.health if issue.source == source and message in {None, issue.message}]:
            self.health.remove(issue)
            self._notify_health("onHealthRestored", "HealthRestored", issue)

    def _notify_health(self, flag: str, event: str, issue: HealthIssue) -> None:
        self.webhooks.send(
            flag,
            event,
            {"level": issue.type, "message": issue.message, "type": issue.source, "wikiUrl": self.wiki_url(issue)},
        )

    # --- download clients ----------------------------------------------------------------------------------------

    def enabled_clients(self) -> list[Provider]:
        """Return the download clients that are used: the qBittorrents that are switched on."""
        return [
            client
            for client in self.download_clients.items.values()
            if client.implementation.name == "QBittorrent" and client.attributes["enable"]
        ]

    def connection(self, client: Provider) -> Qbittorrent:
        """Return the connection to a download client, as it is configured now."""
        values = client.values
        scheme = "https" if values["useSsl"] else "http"
        base = f"/{str(values['urlBase']).strip('/')}" if values.get("urlBase") else ""
        url = f"{scheme}://{values['host']}:{values['port']}{base}"
        key = (url, values.get("username") or "", values.get("password") or "")
        if key not in self._connections:
            self._connections[key] = Qbittorrent(self.session, *key)
        return self._connections[key]

    def category_of(self, client: Provider) -> str:
        """Return the category that its downloads have in a client."""
        return str(client.values.get(self.category_field) or "")

    def imported_category_of(self, client: Provider) -> str:
        """Return the category that they get after the import; "" is none."""
        return str(client.values.get(self.imported_category_field) or "")

    def client_failed(self, client: Provider) -> None:
        """Note that a download client could not be reached."""
        self.health_issue("DownloadClientCheck", "error", f"Unable to communicate with {client.name}.")

    def client_works(self, client: Provider) -> None:
        """Note that a download client answered."""
        self.health_restored("DownloadClientCheck", f"Unable to communicate with {client.name}.")

    def local_path(self, client: Provider | None, path: str) -> str:
        """Return where this application finds what the client calls so."""
        for mapping in self.path_mappings.values():
            if (
                client is not None
                and mapping["host"] == client.values["host"]
                and path.startswith(mapping["remotePath"])
            ):
                return str(mapping["localPath"]) + path.removeprefix(mapping["remotePath"])
        return path

    async def _test_client(self, provider: Provider) -> Iterable[Invalid]:
        if provider.implementation.name != "QBittorrent":
            return ()
        if not provider.values.get("host"):
            return (Invalid("Host", "'Host' must not be empty.", provider.values.get("host")),)
        try:
            await self.connection(provider).torrents(self.category_of(provider))
        except DownloadClientAuthError:
            return (Invalid("Username", "Authentication Failure", provider.values.get("username")),)
        except DownloadClientError as error:
            return (Invalid("Host", f"Unable to connect to qBittorrent: {error}", provider.values.get("host")),)
        return ()

    async def _test_webhook(self, provider: Provider) -> Iterable[Invalid]:
        return await self.webhooks.test(provider)

    # --- imports -------------------------------------------------------------------------------------------------

    def _on_disk(self, path: str) -> Path:
        assert self.disk is not None  # noqa: S101 -- asked by the callers
        return self.disk / path.lstrip("/")

    async def can_read(self, item: QueueItem) -> bool:
        """Tell whether the finished files are there (always, when there is no disk to look at)."""
        if self.disk is None:
            return True
        return item.output_path is not None and self._on_disk(item.output_path).exists()

    async def import_files(self, item: QueueItem) -> None:
        """Put the files of a finished download into the library."""
        share = item.size_bytes // max(len(item.wanted), 1)
        imported: list[tuple[Wanted, MediaFile | None]] = []
        for one in item.wanted:
            file = self.new_file(one, item, share)
            source = item.output_path or ""
            if self.disk is not None:
                source = await asyncio.to_thread(self._link, one, item, file)
            imported.append((one, one.file))
            one.file = file
            self._note_import(item, one, file, source)
        self.notify_import(item, imported)

    def _link(self, one: Wanted, item: QueueItem, file: MediaFile) -> str:
        """Link (or copy) the video of a title into the library; return where it was."""
        source = self._on_disk(item.output_path or "")
        candidates = [path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file()]
        token = self.file_token(one).lower()
        fitting = [path for path in candidates if token in path.name.lower()] or candidates
        video = max(fitting, key=lambda path: (path.suffix in _VIDEO, path.stat().st_size))
        target = self._on_disk(f"{self.folder_of(one)}/{file.relative_path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if self.media_management.values["copyUsingHardlinks"]:
            target.hardlink_to(video)
        else:
            shutil.copyfile(video, target)
        file.size_bytes = target.stat().st_size
        return "/" + video.relative_to(self.disk or "/").as_posix()

    def file_token(self, one: Wanted) -> str:
        """Return what the name of a title's file has in it, among others of a pack."""
        del one
        return ""

    def _note_import(self, item: QueueItem, one: Wanted, file: MediaFile, source: str) -> None:
        self.history.add(
            "downloadFolderImported",
            (one,),
            source_title=item.title,
            quality=item.quality,
            languages=item.languages,
            download_id=item.download_id,
            score=item.score,
            data={
                "fileId": str(file.id),
                "droppedPath": source,
                "importedPath": f"{self.folder_of(one)}/{file.relative_path}",
                "downloadClient": item.client.implementation.label if item.client else str(item.client_name),
                "downloadClientName": item.client.name if item.client else str(item.client_name),
                "releaseGroup": file.group or "",
                "size": str(file.size_bytes),
                "customFormatScore": str(item.score),
                "indexerFlags": "0",
            },
        )

    def _remember_imports(self, most: int = 60) -> None:
        """Give the newest files of the library the history that they must have had."""
        newest = sorted(self.own_files(), key=lambda pair: pair[1].added)[-most:]
        for one, file in newest:
            name = file.scene_name or file.relative_path
            client = {"downloadClient": "qBittorrent", "downloadClientName": "qBittorrent"}
            for event, date, data in (
                (
                    "grabbed",
                    file.added - timedelta(hours=2),
                    {"indexer": "Open Harbour (Prowlarr)", "size": str(file.size_bytes), "protocol": "2"},
                ),
                (
                    "downloadFolderImported",
                    file.added,
                    {
                        "fileId": str(file.id),
                        "droppedPath": f"{DOWNLOADS_ROOT}/{self.name}/{name}/{name}.mkv",
                        "importedPath": f"{self.folder_of(one)}/{file.relative_path}",
                        "releaseGroup": file.group or "",
                        "size": str(file.size_bytes),
                    },
                ),
            ):
                self.history.add(
                    event,
                    (one,),
                    source_title=name,
                    quality=file.quality,
                    languages=file.languages,
                    date=date,
                    download_id=self._invented_hash(name),
                    data=client | data,
                )

    def quality_of(self, name: str) -> Quality | None:
        """Return the quality that a release name says."""
        lowered = name.lower()
        by_length = sorted(QUALITIES, key=lambda quality: len(quality.token), reverse=True)
        return next((quality for quality in by_length if quality.token and quality.token.lower() in lowered), None)

    # --- webhooks ------------------------------------------------------------------------------------------------

    def webhook_release(self, item: QueueItem) -> Json:
        """Return the release as the webhooks of a grab describe it."""
        release = item.release
        return {
            "quality": self.quality_json(item.quality)["quality"]["name"],
            "qualityVersion": 1,
            "releaseGroup": release.group if release else None,
            "releaseTitle": item.title,
            "indexer": item.indexer,
            "size": item.size_bytes,
            "customFormatScore": item.score,
            "customFormats": [],
            "languages": languages(item.languages),
            "indexerFlags": ["freeleech"] if release and release.freeleech else [],
        }

    def webhook_download(self, item: QueueItem) -> Json:
        """Return the download as webhooks describe it."""
        return {
            "downloadClient": item.client.name if item.client else item.client_name,
            "downloadClientType": item.client.implementation.label if item.client else item.client_name,
            "downloadId": item.download_id,
            "customFormatInfo": {"customFormats": [], "customFormatScore": item.score},
        }

    def notify_grab(self, item: QueueItem) -> None:
        """Send the webhook of a grab."""
        self.webhooks.send(
            "onGrab",
            "Grab",
            {
                **self.webhook_titles(item.wanted),
                "release": self.webhook_release(item),
                **self.webhook_download(item),
            },
        )

    def notify_manual_interaction(self, item: QueueItem) -> None:
        """Send the webhook of an import that needs a person."""
        self.webhooks.send(
            "onManualInteractionRequired",
            "ManualInteractionRequired",
            {
                **self.webhook_titles(item.wanted),
                "downloadInfo": {
                    "quality": self.quality_json(item.quality)["quality"]["name"],
                    "qualityVersion": 1,
                    "title": item.title,
                    "indexer": item.indexer,
                    "size": item.size_bytes,
                },
                **self.webhook_download(item),
                "downloadStatus": item.tracked_status.capitalize(),
                "downloadStatusMessages": [
                    {"title": message.title, "messages": list(message.messages)} for message in item.messages
                ],
                "release": {"releaseTitle": item.title, "indexer": item.indexer, "size": item.size_bytes},
            },
        )

    # --- routes --------------------------------------------------------------------------------------------------

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        components = (
            self.commands,
            self.queue,
            self.history,
            self.blocklist,
            self.grabbing,
            self.download_clients,
            self.indexers,
            self.notifications,
            self.import_lists,
            self.media_management,
            self.download_handling,
        )
        return (
            *super().api_routes(),
            *(route for component in components for route in component.routes()),
            web.get("/diskspace", self._get_disks),
            web.get("/rootfolder", self._get_root_folders),
            web.post("/rootfolder", self._post_root_folder),
            web.get("/rootfolder/{id:\\d+}", self._get_root_folder),
            web.delete("/rootfolder/{id:\\d+}", self._delete_root_folder),
            web.get("/qualityprofile", self._get_profiles),
            web.get("/qualityprofile/{id:\\d+}", self._get_profile),
            web.get("/remotepathmapping", self._get_mappings),
            web.post("/remotepathmapping", self._post_mapping),
            web.get("/remotepathmapping/{id:\\d+}", self._get_mapping),
            web.put("/remotepathmapping/{id:\\d+}", self._put_mapping),
            web.delete("/remotepathmapping/{id:\\d+}", self._delete_mapping),
            web.get("/mediacover/{title:\\d+}/{filename}", self._get_cover),
        )

    @override
    def other_routes(self) -> Iterable[web.RouteDef]:
        return (*super().other_routes(), web.get("/MediaCover/{title:\\d+}/{filename}", self._get_cover))

    def images(self, number: int) -> list[Json]:
        """Return the pictures of a title: a local path that needs the key, and a public one."""
        return [
            {
                "coverType": "poster",
                "url": f"{self.url_base}/MediaCover/{number}/poster.jpg?lastWrite=638675712000000000",
                "remoteUrl": f"https://image.tmdb.org/t/p/original/{self.name}{number}.jpg",
            }
        ]

    @abstractmethod
    def title_and_year(self, number: int) -> tuple[str, int] | None:
        """Return the name and year of a title by its id."""

    async def _get_cover(self, request: web.Request) -> web.Response:
        known = self.title_and_year(int(request.match_info["title"]))
        filename = request.match_info["filename"]
        if known is None or not filename.startswith("poster") or not filename.endswith(".jpg"):
            raise ApiError.not_found()
        picture = await asyncio.to_thread(poster, *known)
        return web.Response(body=picture, content_type="image/jpeg", headers={"Cache-Control": "max-age=31536000"})

    async def _get_disks(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [
                {"path": disk.path, "label": disk.label, "freeSpace": disk.free_bytes, "totalSpace": disk.total_bytes}
                for disk in self.disks
            ]
        )

    def free_space(self, path: str) -> int:
        """Return the free bytes of the disk that a path is on."""
        mounts = [disk for disk in self.disks if path.startswith(disk.path)]
        return max(mounts, key=lambda disk: len(disk.path)).free_bytes

    def _root_folder_json(self, folder: RootFolder) -> Json:
        return {
            "id": folder.id,
            "path": folder.path,
            "accessible": folder.accessible,
            "freeSpace": self.free_space(folder.path) if folder.accessible else None,
            "unmappedFolders": [],
        }

    def _known_root_folder(self, request: web.Request) -> RootFolder:
        folder = self.root_folders.get(id_of(request))
        if folder is None:
            raise ApiError.not_found()
        return folder

    async def _get_root_folders(self, request: web.Request) -> web.Response:
        del request
        return answer([self._root_folder_json(folder) for folder in self.root_folders.values()])

    async def _get_root_folder(self, request: web.Request) -> web.Response:
        return answer(self._root_folder_json(self._known_root_folder(request)))

    async def _post_root_folder(self, request: web.Request) -> web.Response:
        path = str((await object_of(request)).get("path") or "")
        if not path.startswith("/"):
            raise refuse(Invalid("Path", "Invalid Path", path))
        if any(folder.path.rstrip("/") == path.rstrip("/") for folder in self.root_folders.values()):
            raise refuse(Invalid("Path", "Path is already configured as a root folder", path))
        number = max(self.root_folders, default=0) + 1
        self.root_folders[number] = RootFolder(number, path)
        return answer(self._root_folder_json(self.root_folders[number]), 201)

    async def _delete_root_folder(self, request: web.Request) -> web.Response:
        del self.root_folders[self._known_root_folder(request).id]
        return answer({})

    def profile_json(self, profile: QualityProfile) -> Json:
        """Return the resource of a quality profile."""
        return {
            "id": profile.id,
            "name": profile.name,
            "upgradeAllowed": profile.upgrade_allowed,
            "cutoff": self.quality_json(profile.cutoff)["quality"]["id"],
            "items": [
                {
                    "quality": self.quality_json(quality)["quality"],
                    "items": [],
                    "allowed": profile.allows(quality),
                }
                for quality in QUALITIES
            ],
            "minFormatScore": 0,
            "cutoffFormatScore": 0,
            "minUpgradeFormatScore": 1,
            "formatItems": [],
        }

    async def _get_profiles(self, request: web.Request) -> web.Response:
        del request
        return answer([self.profile_json(profile) for profile in self.library.profiles.values()])

    async def _get_profile(self, request: web.Request) -> web.Response:
        profile = self.library.profiles.get(id_of(request))
        if profile is None:
            raise ApiError.not_found()
        return answer(self.profile_json(profile))

    # --- remote path mappings ------------------------------------------------------------------------------------

    def _known_mapping(self, request: web.Request) -> Json:
        mapping = self.path_mappings.get(id_of(request))
        if mapping is None:
            raise ApiError.not_found()
        return mapping

    @staticmethod
    def _read_mapping(body: Json) -> Json:
        failures = [
            Invalid(name, f"'{name}' must not be empty.", body.get(key))
            for name, key in (("Host", "host"), ("RemotePath", "remotePath"), ("LocalPath", "localPath"))
            if not body.get(key)
        ]
        if failures:
            raise refuse(*failures)
        return {key: str(body[key]) for key in ("host", "remotePath", "localPath")}

    async def _get_mappings(self, request: web.Request) -> web.Response:
        del request
        return answer(list(self.path_mappings.values()))

    async def _get_mapping(self, request: web.Request) -> web.Response:
        return answer(self._known_mapping(request))

    async def _post_mapping(self, request: web.Request) -> web.Response:
        read = self._read_mapping(await object_of(request))
        self.add_path_mapping(read["host"], read["remotePath"], read["localPath"])
        return answer(self.path_mappings[max(self.path_mappings)], 201)

    async def _put_mapping(self, request: web.Request) -> web.Response:
        mapping = self._known_mapping(request)
        mapping |= self._read_mapping(await object_of(request))
        return answer(mapping, 202)

    async def _delete_mapping(self, request: web.Request) -> web.Response:
        del self.path_mappings[self._known_mapping(request)["id"]]
        return answer({})
