"""Whatever goes wrong at a Radarr, Sonarr or Prowlarr becomes an error of the tree, whichever call it happens to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients import arr_catalogue, arr_imports, arr_releases, prowlarr
from custom_components.sokoul.clients.arr import ArrClient, ServarrClient
from custom_components.sokoul.clients.errors import (
    BackendError,
    CannotConnect,
    InvalidAuth,
    NotFound,
    NotTheApi,
    RateLimited,
    Refused,
    Silence,
    UnexpectedResponse,
)
from custom_components.sokoul.clients.http import HttpClient
from custom_components.sokoul.clients.prowlarr import ProwlarrClient
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.catalogue import CatalogueTitle
from custom_components.sokoul.model.library import Title, TitleKind
from devstack.arr import ArrSimulator
from devstack.arr_formats import Specification
from devstack.arr_queue import StatusMessage
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.releases import release_of
from devstack.servarr import Servarr
from devstack.sonarr import SonarrSimulator

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 12, 31, tzinfo=UTC)

#: a download that waits to be imported
FINISHED = "0123456789ABCDEF0123456789ABCDEF01234567"
MOVIE = Title(kind=TitleKind.MOVIE, id=1, name="Metropolis")
EPISODE = Title(kind=TitleKind.EPISODE, id=1, name="The Hollow Coast", series_id=1, season=1, episode=1)

#: long enough for a right answer on a busy machine
PATIENCE_SECONDS = 10.0


# --- simulators with something to read at every route ---------------------------------------------------------------


def busy_radarr() -> RadarrSimulator:
    radarr = RadarrSimulator(clock=ManualClock())
    movie = next(iter(radarr.library.movies.values()))
    radarr.queue_item(movie, messages=[StatusMessage("a.mkv", ("Not an upgrade",))], status="warning")
    radarr.queue_item(movie, download_id=FINISHED, status="completed", progress=1)
    radarr.offer(movie, release_of(movie), release_of(movie, group="TiDE"))
    return _busy(radarr)


def busy_sonarr() -> SonarrSimulator:
    sonarr = SonarrSimulator(clock=ManualClock())
    episodes = [episode for episode in sonarr.library.episodes() if episode.season == 1][:3]
    sonarr.queue_item(*episodes, messages=[StatusMessage("a.mkv", ("Not an upgrade",))], status="warning")
    sonarr.queue_item(*episodes, download_id=FINISHED, status="completed", progress=1)
    sonarr.offer(episodes[0], release_of(episodes[0]), release_of(*episodes))
    return _busy(sonarr)


def _busy[ArrT: ArrSimulator](arr: ArrT) -> ArrT:
    arr.health_issue("IndexerStatusCheck", "warning", "Indexers unavailable")
    arr.download_clients.add("QBittorrent", "qBittorrent", {"host": "qbittorrent", "port": 8080}, enable=False)
    arr.add_path_mapping("qbittorrent", "/downloads/", "/data/torrents/")
    arr.notifications.add("Webhook", "Home", {"url": "http://127.0.0.1:1/hook"}, onRename=True)
    arr.commands.push("RefreshMonitoredDownloads")
    arr.formats.add("French", Specification("LanguageSpecification", {"value": 2}), scores={4: 10})
    arr.giving_up.fail_in_history(arr.history.events[-1])
    return arr


def busy_prowlarr() -> ProwlarrSimulator:
    prowlarr = ProwlarrSimulator(clock=ManualClock())
    prowlarr.fail_indexer(1)
    prowlarr.add_application("Radarr", "http://radarr:7878", "their-key")
    return prowlarr


# --- every reading call, and the routes that it asks ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """A call, one of the routes that it needs, and a field there that it can't do without."""

    client: type[ServarrClient]
    simulator: Callable[[], Servarr]
    name: str
    call: Callable[[Any], Awaitable[Any]]
    path: str
    needed: str | None

    @property
    def route(self) -> str:
        return f"GET /{self.client.api}/{self.path}"

    @property
    def label(self) -> str:
        return f"{self.client.application}.{self.name}-{self.path}"


def status(client: ServarrClient) -> Awaitable[Any]:
    return client.status()


async def whole_library(client: ArrClient) -> list[CatalogueTitle]:
    return [title async for portion in client.library() for title in portion]


def _arr_reads(
    client: type[ArrClient], simulator: Callable[[], Servarr], title: Title, files: str, title_field: str
) -> list[Read]:
    title_path, name = ("movie", "metropolis") if client is RadarrClient else ("series", "harbour lights")
    calls: tuple[tuple[str, Callable[[Any], Awaitable[Any]], str, str | None], ...] = (
        ("status", status, "system/status", "version"),
        ("health", lambda arr: arr.health(), "health", None),
        ("queue", lambda arr: arr.queue(), "queue", "records"),
        ("missing_count", lambda arr: arr.missing_count(), "wanted/missing", "totalRecords"),
        ("cutoff_unmet_count", lambda arr: arr.cutoff_unmet_count(), "wanted/cutoff", "totalRecords"),
        ("disks", lambda arr: arr.disks(), "diskspace", "freeSpace"),
        ("root_folders", lambda arr: arr.root_folders(), "rootfolder", "path"),
        ("calendar", lambda arr: arr.calendar(START, END), "calendar", title_field),
        ("wiring", lambda arr: arr.wiring(), "downloadclient", "id"),
        ("wiring", lambda arr: arr.wiring(), "remotepathmapping", "host"),
        ("wiring", lambda arr: arr.wiring(), "rootfolder", "accessible"),
        ("wiring", lambda arr: arr.wiring(), "config/mediamanagement", None),
        ("known_files", lambda arr: arr.known_files(5), "history", "records"),
        ("known_files", lambda arr: arr.known_files(5), files, None),
        ("webhooks", lambda arr: arr.webhooks(), "notification", "id"),
        ("command", lambda arr: arr.command(1), "command/1", "name"),
        ("releases", lambda arr: arr.releases(title), "release", "guid"),
        ("grab_history", lambda arr: arr.grab_history(FINISHED.lower()), "history", "date"),
        ("history", lambda arr: arr.history(START), "history/since", "date"),
        ("blocklist", lambda arr: arr.blocklist([title]), "blocklist", "totalRecords"),
        ("import_candidates", lambda arr: arr.import_candidates(FINISHED.lower()), "manualimport", "path"),
        ("download_handling", lambda arr: arr.download_handling(), "config/downloadclient", None),
        ("lookup", lambda arr: arr.lookup(name), f"{title_path}/lookup", None),
        ("library", whole_library, title_path, "title"),
        ("catalogue_title", lambda arr: arr.catalogue_title(1), f"{title_path}/1", "title"),
        ("profile_refs", lambda arr: arr.profile_refs(), "qualityprofile", "id"),
        ("quality_profiles", lambda arr: arr.quality_profiles(), "qualityprofile", "id"),
        ("quality_profiles", lambda arr: arr.quality_profiles(), "customformat", "id"),
        ("quality_profiles", lambda arr: arr.quality_profiles(), "language", "id"),
    )
    return [Read(client, simulator, *call) for call in calls]


READS = [
    *_arr_reads(RadarrClient, busy_radarr, MOVIE, "moviefile", "title"),
    *_arr_reads(SonarrClient, busy_sonarr, EPISODE, "episodefile", "seasonNumber"),
    Read(SonarrClient, busy_sonarr, "season", lambda sonarr: sonarr.season(1, 1), "episode", "seasonNumber"),
    Read(ProwlarrClient, busy_prowlarr, "status", status, "system/status", "version"),
    Read(ProwlarrClient, busy_prowlarr, "health", lambda prowlarr: prowlarr.health(), "health", None),
    Read(ProwlarrClient, busy_prowlarr, "indexers", lambda prowlarr: prowlarr.indexers(), "indexer", "enable"),
    Read(ProwlarrClient, busy_prowlarr, "indexers", lambda prowlarr: prowlarr.indexers(), "indexerstatus", "indexerId"),
    Read(ProwlarrClient, busy_prowlarr, "indexers", lambda prowlarr: prowlarr.indexers(), "indexerstats", "indexerId"),
    Read(
        ProwlarrClient, busy_prowlarr, "search", lambda prowlarr: prowlarr.search("metropolis"), "search", "indexerId"
    ),
    Read(
        ProwlarrClient,
        busy_prowlarr,
        "search",
        lambda prowlarr: prowlarr.search("metropolis"),
        "indexerstatus",
        "indexerId",
    ),
    Read(
        ProwlarrClient, busy_prowlarr, "search", lambda prowlarr: prowlarr.search("nothing there"), "indexer", "enable"
    ),
    Read(
        ProwlarrClient,
        busy_prowlarr,
        "applications",
        lambda prowlarr: prowlarr.applications(),
        "applications",
        "implementation",
    ),
]

every_read = pytest.mark.parametrize("read", READS, ids=lambda read: read.label)


async def error_of(
    read: Read, simulator: Servarr, session: ClientSession, *, timeout_seconds: float = PATIENCE_SECONDS
) -> BackendError:
    """Return how the call fails."""
    client = read.client(session, simulator.url, simulator.api_key, timeout_seconds=timeout_seconds)
    with pytest.raises(BackendError) as raised:
        await read.call(client)
    assert simulator.api_key not in str(raised.value)
    return raised.value


# --- what can go wrong ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault, and the error that it becomes."""

    label: str
    kind: FaultKind
    error: type[BackendError]
    options: dict[str, Any] = field(default_factory=dict)
    says: str = ""
    silence: Silence | None = None
    retry_after: timedelta | None = None


def answered(
    status: int, error: type[BackendError], *, body: str = "", retry_after: int | None = None, says: str = ""
) -> Wrong:
    """Return the fault of an answer with a status that is none of success."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Wrong(
        f"{status} {says or headers or ''}",
        FaultKind.STATUS,
        error,
        {"status": status, "body": body, "headers": headers},
        says=says,
        retry_after=None if retry_after is None else timedelta(seconds=retry_after),
    )


VALIDATION = '[{"propertyName": "Path", "errorMessage": "Invalid Path", "severity": "error"}]'

FAULTS = (
    Wrong("disconnected", FaultKind.DISCONNECT, CannotConnect, silence=Silence.CUT_OFF),
    answered(204, UnexpectedResponse),
    answered(400, Refused, body=VALIDATION, says="Path: Invalid Path"),
    answered(401, InvalidAuth),
    answered(403, InvalidAuth),
    answered(409, Refused, body='{"message": "Busy"}', says="Busy"),
    answered(429, RateLimited),
    answered(429, RateLimited, retry_after=30),
    answered(500, UnexpectedResponse, body='{"message": "database is locked"}', says="database is locked"),
    answered(502, UnexpectedResponse, body="<html>Bad Gateway</html>"),
    answered(503, RateLimited, retry_after=5),
    Wrong("cut off", FaultKind.TRUNCATE, UnexpectedResponse),
    Wrong("half a document", FaultKind.TRUNCATE_JSON, UnexpectedResponse),
    Wrong("a login page", FaultKind.HTML, NotTheApi),
    Wrong("elsewhere", FaultKind.REDIRECT, NotTheApi, {"location": "http://login.example.com/"}),
    Wrong("wrong types", FaultKind.WRONG_TYPES, UnexpectedResponse),
)


@every_read
async def test_faults(read: Read, session: ClientSession, subtests: pytest.Subtests) -> None:
    async with read.simulator() as simulator:
        for wrong in FAULTS:
            with subtests.test(wrong.label):
                simulator.clear_faults()
                simulator.fault(wrong.kind, read.route, **wrong.options)
                error = await error_of(read, simulator, session)
                assert type(error) is wrong.error
                assert wrong.says in str(error)
                assert getattr(error, "silence", None) is wrong.silence
                assert getattr(error, "retry_after", None) == wrong.retry_after


@every_read
async def test_not_found(read: Read, session: ClientSession) -> None:
    async with read.simulator() as simulator:
        simulator.fault(FaultKind.STATUS, read.route, status=404)
        error = await error_of(read, simulator, session)
    # without its status this is not the API at all
    assert type(error) is (NotTheApi if read.name == "status" else NotFound)


@every_read
@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP])
async def test_too_slow(read: Read, kind: FaultKind, session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    # these calls have a patience of their own
    monkeypatch.setattr(arr_releases, "SEARCH_SECONDS", 0.15)
    monkeypatch.setattr(arr_imports, "LOOK_SECONDS", 0.15)
    monkeypatch.setattr(arr_catalogue, "LOOKUP_SECONDS", 0.15)
    monkeypatch.setattr(prowlarr, "SEARCH_SECONDS", 0.15)
    monkeypatch.setattr(arr_catalogue, "LIBRARY_SECONDS", 0.15)
    before = asyncio.all_tasks()
    async with read.simulator() as simulator:
        simulator.fault(kind, read.route, delay_seconds=0.05)
        # the routes asked before this one have to answer in time, too
        error = await error_of(read, simulator, session, timeout_seconds=0.15)
    if dripping := asyncio.all_tasks() - before:  # into a closed connection: ends with the next drop
        await asyncio.wait(dripping, timeout=5)
    assert isinstance(error, CannotConnect)
    assert error.silence is Silence.TIMEOUT


@every_read
async def test_refused(read: Read, session: ClientSession) -> None:
    async with read.simulator() as simulator:
        await simulator.refuse()
        error = await error_of(read, simulator, session)
    assert isinstance(error, CannotConnect)
    assert error.silence is Silence.REFUSED


@every_read
async def test_endless(read: Read, session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HttpClient.request.__kwdefaults__ is not None
    monkeypatch.setitem(HttpClient.request.__kwdefaults__, "max_bytes", 200_000)
    monkeypatch.setattr(arr_catalogue, "MAX_LIBRARY_BYTES", 200_000)
    async with read.simulator() as simulator:
        simulator.fault(FaultKind.HUGE, read.route)
        error = await error_of(read, simulator, session)
    assert type(error) is UnexpectedResponse
    assert "larger than" in str(error)


@every_read
async def test_wrong_key(read: Read, session: ClientSession) -> None:
    async with read.simulator() as simulator:
        client = read.client(session, simulator.url, "wrong")
        with pytest.raises(InvalidAuth):
            await read.call(client)


@pytest.mark.parametrize("read", [read for read in READS if read.needed], ids=lambda read: read.label)
async def test_a_missing_field(read: Read, session: ClientSession) -> None:
    assert read.needed is not None
    async with read.simulator() as simulator:
        simulator.fault(FaultKind.MISSING_FIELDS, read.route, fields=(read.needed,))
        error = await error_of(read, simulator, session)
    assert type(error) is UnexpectedResponse
    assert read.needed in str(error)


ENUMS = (
    "status",
    "trackedDownloadStatus",
    "trackedDownloadState",
    "protocol",
    "type",
    "result",
    "privacy",
    "syncLevel",
    "eventType",
    "implementation",
)


@every_read
async def test_enums_of_a_newer_version(read: Read, session: ClientSession) -> None:
    async with read.simulator() as simulator:
        client = read.client(session, simulator.url, simulator.api_key)
        before = await read.call(client)
        simulator.fault(FaultKind.UNKNOWN_ENUMS, read.route, fields=ENUMS)
        after = await read.call(client)
    if read.name == "webhooks":
        assert (len(before), after) == (1, ())  # what it is can't be told any more
    elif isinstance(before, tuple):
        assert len(after) == len(before) > 0
    else:
        assert type(after) is type(before)


@every_read
async def test_right_answers_are_read(read: Read, session: ClientSession) -> None:
    """The table itself: without a fault every call succeeds, asks its route, and has something to return."""
    async with read.simulator() as simulator:
        result = await read.call(read.client(session, simulator.url, simulator.api_key))
        assert read.route in {f"{request.method} {request.path}" for request in simulator.requests}
    assert result
