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
from pathlib import Path
from typing import Any, ClassVar, override

from aiohttp import web

from . import arr_settings
from .arr_clients import Clients
from .arr_commands import ArrCommands
from .arr_decisions import Decisions, Sentences, Source
from .arr_delays import Delays
from .arr_formats import Formats
from .arr_giving_up import GivingUp
from .arr_grabbing import Grabbing
from .arr_history import Blocklist, History
from .arr_imports import Imports
from .arr_manual_imports import ManualImports
from .arr_queue import Queue, QueueItem
from .arr_scripting import Scripting
from .arr_storage import Disk, RootFolder, Storage
from .arr_webhooks import ArrWebhooks
from .clock import Clock
from .library import Library, MediaFile, Wanted
from .posters import poster
from .quality import QUALITIES, Quality, QualityProfile
from .releases import Release
from .servarr import HealthIssue, Servarr
from .servarr_commands import Work
from .servarr_http import ApiError, Invalid, Json, Query
from .servarr_providers import Provider, Providers

#: in the body of commands that the application gives itself
BY_ITSELF = {"trigger": "unspecified"}


class ArrSimulator(Scripting, Servarr):
    """The base of the simulated Radarr and Sonarr."""

    api: ClassVar[str] = "/api/v3"
    kind: ClassVar[str]  # "movie" or "series"
    plural: ClassVar[str]  # as sort keys name it: "movies" or "series"
    category_field: ClassVar[str]
    imported_category_field: ClassVar[str]
    history_codes: ClassVar[dict[str, int]]
    notification_flags: ClassVar[tuple[str, ...]]
    roots: ClassVar[tuple[str, ...]]
    sentences: ClassVar[Sentences]

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
        self.storage = Storage(self, self.roots)
        self.formats = Formats(self)
        self.clients = Clients(self)
        self.imports = Imports(self, disk)
        self.media_management = arr_settings.media_management("Movies" if self.kind == "movie" else "Episodes")
        self.download_handling = arr_settings.download_handling(self.application)
        self.download_clients = Providers(
            self,
            "/downloadclient",
            arr_settings.download_clients(self.category_field, self.imported_category_field, self.name),
            test=self.clients.test,
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
        self.webhooks = ArrWebhooks(self, self.notifications)
        self.history = History(self, self.history_codes)
        self.blocklist = Blocklist(self)
        self.queue = Queue(self)
        self.giving_up = GivingUp(self)
        self.delays = Delays(self)
        self.decisions = Decisions(self)
        self.grabbing = Grabbing(self)
        self.offers = {}
        self.manual_imports = ManualImports(self)
        self.commands = ArrCommands(self, self.works())
        self.imports.remember()

    # --- what differs between the two ----------------------------------------------------------------------------

    indexer_categories: ClassVar[list[int]]

    def works(self) -> dict[str, Work | None]:
        """Return what the commands do; None: nothing that shows."""
        return {
            "RefreshMonitoredDownloads": lambda _: self.queue.refresh(),
            "ManualImport": self.manual_imports.run,
            "ClearBlocklist": self._clear_blocklist,
            "RenameFiles": None,
            "RssSync": lambda _: self.queue.retry_waiting(),
            "CheckHealth": None,
            "Backup": None,
            "Housekeeping": None,
        }

    async def _clear_blocklist(self, body: Json) -> None:
        del body
        self.blocklist.items.clear()

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
    def search_objections(self, release: Release, requested: Sequence[Wanted]) -> list[str]:
        """Return what is said against a release because it isn't what was searched for."""

    @abstractmethod
    def is_monitored(self, one: Wanted) -> bool:
        """Tell whether a title is to be downloaded by itself."""

    @abstractmethod
    def tags_of(self, one: Wanted) -> Iterable[int]:
        """Return the tags of a movie or of the series of an episode."""

    @abstractmethod
    def grab_data(self, wanted: Sequence[Wanted]) -> dict[str, str]:
        """Return what the history of a grab has in this application only."""

    @abstractmethod
    def release_details(self, release: Release, wanted: Sequence[Wanted]) -> Json:
        """Return the fields of a release that only this application has."""

    @abstractmethod
    def search_again(self, wanted: Sequence[Wanted]) -> None:
        """Start a search by itself for titles whose download failed."""

    @staticmethod
    def source_of(body: Json) -> Source:
        """Return who wants a search: a command that the application gave itself has no manual trigger."""
        return Source.SEARCH if body.get("trigger") == BY_ITSELF["trigger"] else Source.USER_SEARCH

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
    def import_titles(self, wanted: Sequence[Wanted]) -> Json:
        """Return what a file that could be imported is, as resources."""

    @abstractmethod
    def imported_as(self, file: Json) -> tuple[Wanted, ...]:
        """Return what a file is to be imported as. Raises the 404 of what isn't there."""

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
        return self.clients.add_qbittorrent(
            url,
            username=username,
            password=password,
            category=category,
            imported_category=imported_category,
            name=name,
        )

    @property
    def disks(self) -> list[Disk]:
        """The mounts that it sees."""
        return self.storage.disks

    @property
    def root_folders(self) -> dict[int, RootFolder]:
        """The folders of its library, by id."""
        return self.storage.root_folders

    @property
    def path_mappings(self) -> dict[int, Json]:
        """Where it finds the folders of download clients, by id."""
        return self.storage.path_mappings

    def add_path_mapping(self, host: str, remote_path: str, local_path: str) -> None:
        """Configure that a download client's folder is found elsewhere."""
        self.storage.add_path_mapping(host, remote_path, local_path)

    def lay_out_library(self) -> int:
        """Put empty files of the right sizes where the newest files of the library are; return how many.

        Only where there is a `disk`. Clients that compare what they see with what is said find the same sizes.
        """
        return self.imports.lay_out_library()

    @override
    def health_issues(self) -> list[HealthIssue]:
        """Add the root folders that can't be reached."""
        lost = [folder.path for folder in self.root_folders.values() if not folder.accessible]
        issues = [HealthIssue("RootFolderCheck", "error", f"Missing root folder: {path}") for path in lost]
        return [*self.health, *issues]

    @abstractmethod
    def search_name(self, wanted: Sequence[Wanted]) -> str:
        """Return how releases call these titles."""

    def health_issue(self, source: str, kind: str, message: str) -> None:
        """Complain ("notice", "warning" or "error"), once, with a webhook."""
        if any((issue.source, issue.message) == (source, message) for issue in self.health):
            return
        issue = HealthIssue(source, kind, message)
        self.health.append(issue)
        self.webhooks.health("onHealthIssue", "Health", issue)

    def health_restored(self, source: str, message: str | None = None) -> None:
        """Stop complaining, with a webhook."""
        for issue in [issue for issue in self.health if issue.source == source and message in {None, issue.message}]:
            self.health.remove(issue)
            self.webhooks.health("onHealthRestored", "HealthRestored", issue)

    async def _test_webhook(self, provider: Provider) -> Iterable[Invalid]:
        return await self.webhooks.test(provider)

    def file_token(self, one: Wanted) -> str:
        """Return what the name of a title's file has in it, among others of a pack."""
        del one
        return ""

    def quality_of(self, name: str) -> Quality | None:
        """Return the quality that a release name says."""
        lowered = name.lower()
        by_length = sorted(QUALITIES, key=lambda quality: len(quality.token), reverse=True)
        return next((quality for quality in by_length if quality.token and quality.token.lower() in lowered), None)

    # --- routes --------------------------------------------------------------------------------------------------

    @override
    def api_routes(self) -> Iterable[web.RouteDef]:
        components = (
            self.storage,
            self.formats,
            self.commands,
            self.queue,
            self.history,
            self.blocklist,
            self.grabbing,
            self.delays,
            self.manual_imports,
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
