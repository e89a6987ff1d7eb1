"""The clients and the simulated applications together: what is read is what is there, and what is asked is done."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

from aiohttp import ClientSession, web
import pytest

from custom_components.sokoul.clients.arr import PAGE_SIZE, ArrClient
from custom_components.sokoul.clients.errors import NotFound, NotTheApi, Refused, WrongApplication
from custom_components.sokoul.clients.prowlarr import ProwlarrClient
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.library import (
    CommandResult,
    CommandStatus,
    Privacy,
    QueueItem,
    QueueStatus,
    Severity,
    TitleKind,
    TrackedState,
    TrackedStatus,
)
from devstack.arr import ArrSimulator
from devstack.arr_queue import StatusMessage
from devstack.clock import ManualClock
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.servarr import Servarr
from devstack.sonarr import SonarrSimulator
from tests.specifications import prowlarr_specification, radarr_specification, sonarr_specification

from .canned import Canned
from .conftest import Pair

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def prowlarr(clock: ManualClock) -> AsyncIterator[ProwlarrSimulator]:
    async with ProwlarrSimulator(clock=clock) as prowlarr:
        yield prowlarr


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "simulator"),
    [(RadarrClient, RadarrSimulator), (SonarrClient, SonarrSimulator), (ProwlarrClient, ProwlarrSimulator)],
)
@pytest.mark.parametrize("base", ["", "/media/app"])
async def test_status(
    client: type[ArrClient], simulator: type[ArrSimulator], base: str, session: ClientSession
) -> None:
    async with simulator(url_base=base, instance_name="Upstairs") as application:
        for url in (application.url, f"{application.url}/"):
            status = await client(session, url, application.api_key).status()
            assert (status.name, status.version) == (simulator.application, simulator.version)
            assert (status.instance_name, status.url_base) == ("Upstairs", base)


@pytest.mark.parametrize("client", [RadarrClient, SonarrClient, ProwlarrClient])
async def test_every_mix_up_is_named(
    client: type[ArrClient],
    radarr: RadarrSimulator,
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    session: ClientSession,
) -> None:
    others: list[Servarr] = [each for each in (radarr, sonarr, prowlarr) if each.application != client.application]
    for other in others:
        with pytest.raises(WrongApplication) as raised:
            await client(session, other.url, other.api_key).status()
        assert raised.value.found == other.application


async def test_a_page_of_the_web_interface_is_not_the_api(radarr: RadarrSimulator, session: ClientSession) -> None:
    with pytest.raises(NotTheApi):
        await RadarrClient(session, f"{radarr.url}/movie", radarr.api_key).status()


async def test_a_forgotten_url_base_is_good_for_reading_only(session: ClientSession) -> None:
    async with RadarrSimulator(url_base="/radarr") as radarr:
        client = RadarrClient(session, radarr.url.removesuffix("/radarr"), radarr.api_key)
        assert (await client.status()).url_base == "/radarr"
        with pytest.raises(NotTheApi, match="redirected"):
            await client.search({1})


# --- queue -----------------------------------------------------------------------------------------------------------


async def test_the_queue(pair: Pair) -> None:
    blocked = pair.arr.queue_item(
        *pair.wanted,
        progress=1,
        status="completed",
        tracked_status="warning",
        tracked_state="importBlocked",
        messages=[StatusMessage("a.mkv", ("Not an upgrade",))],
        size_bytes=8_000_000_000,
    )
    unknown = pair.arr.queue_item(title="Who.Knows.What-GRP")
    pair.arr.queue_item(*pair.wanted[:1], title="Later-GRP", download_id=None)
    queue = {item.release: item for item in await pair.client.queue()}
    assert len(queue) == 3
    item = queue[blocked.title]
    assert item == QueueItem(
        ids=tuple(sorted(pair.arr.queue.record_id(blocked, one) for one in pair.wanted)),
        download_id=str(blocked.download_id).lower(),
        release=blocked.title,
        titles=item.titles,
        status=QueueStatus.COMPLETED,
        tracked_status=TrackedStatus.WARNING,
        tracked_state=TrackedState.IMPORT_BLOCKED,
        messages=("a.mkv", "Not an upgrade"),
        protocol=item.protocol,
        download_client="qBittorrent",
        indexer="Open Harbour (Prowlarr)",
        output_path=blocked.output_path,
        size_bytes=8_000_000_000,
        time_left=timedelta(),
        added_at=pair.arr.clock.now(),
        quality="WEBDL-1080p",
    )
    assert [title.id for title in item.titles] == [one.id for one in pair.wanted]
    assert queue["Who.Knows.What-GRP"].titles == ()
    assert queue["Who.Knows.What-GRP"].download_id == str(unknown.download_id).lower()
    later = queue["Later-GRP"]
    assert (later.status, later.download_id, later.tracked_state) == (QueueStatus.DELAY, None, TrackedState.UNKNOWN)
    assert later.titles[0].id == pair.wanted[0].id


async def test_labels(pair: Pair) -> None:
    pair.arr.queue_item(*pair.wanted)
    (item,) = await pair.client.queue()
    assert item.label == ("Metropolis (1927)" if isinstance(pair.client, RadarrClient) else "Harbour Lights S02")


async def test_ten_thousand_downloads(pair: Pair) -> None:
    for number in range(10_000):
        pair.arr.queue_item(*pair.wanted[:1], title=f"Release.{number}", download_id=f"{number:040X}")
    queue = await pair.client.queue()
    assert {item.release for item in queue} == {f"Release.{number}" for number in range(10_000)}
    assert len(queue) == len(pair.arr.requests) * PAGE_SIZE == 10_000


@pytest.mark.parametrize("blocklist", [True, False])
@pytest.mark.parametrize("search_again", [True, False])
@pytest.mark.parametrize("several", [True, False])
async def test_removal(pair: Pair, *, blocklist: bool, search_again: bool, several: bool) -> None:
    pair.arr.queue_item(*pair.wanted, title="First")
    if several:
        pair.arr.queue_item(*pair.wanted, title="Second")
    pair.arr.queue_item(*pair.wanted, title="Third")
    chosen = [item for item in await pair.client.queue() if item.release != "Third"]
    ids = [id_ for item in chosen for id_ in item.ids]
    await pair.client.remove_queue_items(ids, from_client=True, blocklist=blocklist, search_again=search_again)
    # a new search may have brought another release
    left = {item.release for item in await pair.client.queue()}
    assert left & {"First", "Second", "Third"} == {"Third"}
    assert left == {"Third"} or search_again
    blocked = {each.source_title for each in pair.arr.blocklist.items.values()}
    assert blocked == ({item.release for item in chosen} if blocklist else set())
    assert bool(pair.arr.commands.commands) == (blocklist and search_again)


async def test_removing_what_has_left(pair: Pair) -> None:
    pair.arr.queue_item(*pair.wanted)
    (item,) = await pair.client.queue()
    for ids in ((1,), (*item.ids, 1)):
        with pytest.raises(NotFound):
            await pair.client.remove_queue_items(ids, from_client=True, blocklist=False, search_again=False)
    assert await pair.client.queue() == (item,)


# --- library ---------------------------------------------------------------------------------------------------------


async def test_counts(radarr: RadarrSimulator, sonarr: SonarrSimulator, session: ClientSession) -> None:
    for arr, client in (
        (radarr, RadarrClient(session, radarr.url, radarr.api_key)),
        (sonarr, SonarrClient(session, sonarr.url, sonarr.api_key)),
    ):
        assert await client.missing_count() == len(arr.missing()) > 0
        assert await client.cutoff_unmet_count() == len(arr.cutoff_unmet()) > 0


async def test_health(pair: Pair) -> None:
    assert await pair.client.health() == ()
    pair.arr.health_issue("IndexerStatusCheck", "error", "All indexers are unavailable")
    (issue,) = await pair.client.health()
    assert (issue.source, issue.severity) == ("IndexerStatusCheck", Severity.ERROR)
    assert issue.message == "All indexers are unavailable"
    assert issue.wiki_url is not None
    assert issue.wiki_url.startswith("https://wiki.servarr.com/")


async def test_disks_and_folders(pair: Pair) -> None:
    pair.arr.root_folders[2].accessible = False
    assert [(disk.path, disk.label, disk.free_bytes, disk.total_bytes) for disk in await pair.client.disks()] == [
        (disk.path, disk.label, disk.free_bytes, disk.total_bytes) for disk in pair.arr.disks
    ]
    first, second = await pair.client.root_folders()
    assert (first.accessible, first.free_bytes) == (
        True,
        next(d.free_bytes for d in pair.arr.disks if d.path == "/data"),
    )
    assert (second.accessible, second.free_bytes) == (False, None)


async def test_wiring(pair: Pair) -> None:
    pair.arr.download_clients.add(
        "QBittorrent",
        "Upstairs",
        {
            "host": "gluetun",
            "port": 8090,
            "username": "demo",
            "password": "hunter2",
            pair.arr.category_field: "wanted",
            pair.arr.imported_category_field: "done",
        },
        enable=False,
    )
    pair.arr.download_clients.add("Sabnzbd", "News", {"apiKey": "hunter3"}, enable=False, protocol="usenet")
    pair.arr.add_path_mapping("gluetun", "/downloads/", "/data/torrents/")
    pair.arr.media_management.values["copyUsingHardlinks"] = False
    wiring = await pair.client.wiring()
    torrents, news = wiring.download_clients
    assert (torrents.host, torrents.port, torrents.tls, torrents.username) == ("gluetun", 8090, False, "demo")
    assert (torrents.category, torrents.imported_category) == ("wanted", "done")
    assert (torrents.enabled, torrents.removes_completed) == (False, True)
    assert (news.name, news.implementation, news.imported_category) == ("News", "Sabnzbd", None)
    assert [mapping.local_path for mapping in wiring.path_mappings] == ["/data/torrents/"]
    assert [folder.path for folder in wiring.root_folders] == list(pair.arr.roots)
    assert wiring.hardlinks is False
    assert "hunter" not in repr(wiring)


async def test_the_prowlarrs_that_feed_it(pair: Pair) -> None:
    for name, url in (
        ("Open Harbour (Prowlarr)", "http://prowlarr:9696/1/"),
        ("Night Archive (Prowlarr)", "http://prowlarr:9696/2/"),
        ("Far Away (Prowlarr)", "https://media.example.com/prowlarr/7/"),
        ("By hand", "http://jackett:9117/api/v2.0/indexers/all/results/torznab/"),
        ("Numbered (Prowlarr)", "http://elsewhere/"),
    ):
        pair.arr.indexers.add("Torznab", name, {"baseUrl": url, "apiKey": "hunter2"})
    assert await pair.client.indexer_managers() == ("http://prowlarr:9696", "https://media.example.com/prowlarr")


async def test_known_files(pair: Pair) -> None:
    newest = sorted(pair.arr.own_files(), key=lambda owned: owned[1].added, reverse=True)
    paths = {f"{pair.arr.folder_of(one)}/{file.relative_path}": file.size_bytes for one, file in newest}
    # the file of a title is found, not the one that was imported once
    known = await pair.client.known_files(5)
    assert len(known) == 5
    assert {file.path: file.size_bytes for file in known} == dict(list(paths.items())[:5])
    assert len(pair.arr.requests) == 2
    # a library that was there before the application
    pair.arr.history.events.clear()
    known = await pair.client.known_files(5)
    assert len(known) == 5
    assert {file.path: file.size_bytes for file in known}.items() <= paths.items()


async def test_the_calendar_of_movies(radarr: RadarrSimulator, clock: ManualClock, session: ClientSession) -> None:
    client = RadarrClient(session, radarr.url, radarr.api_key)
    upcoming = await client.calendar(clock.now(), clock.now() + timedelta(days=10))
    assert [(each.title.name, each.release_type, each.release_at, each.has_file) for each in upcoming] == [
        ("Northbound Ferry", "digital", date(2026, 11, 30), False)
    ]


async def test_the_calendar_of_episodes(sonarr: SonarrSimulator, clock: ManualClock, session: ClientSession) -> None:
    client = SonarrClient(session, sonarr.url, sonarr.api_key)
    end = clock.now() + timedelta(days=7)
    upcoming = await client.calendar(clock.now(), end)
    expected = {
        episode.id: episode.airs
        for episode in sonarr.library.episodes()
        if episode.airs is not None and clock.now() <= episode.airs <= end
    }
    assert {each.title.id: each.release_at for each in upcoming} == expected
    assert len(expected) > 5
    assert {(each.title.kind, each.release_type) for each in upcoming} == {(TitleKind.EPISODE, "air")}
    assert "Les Veilleurs" in {each.title.name for each in upcoming}


# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_search_from_its_start_to_its_end(pair: Pair, clock: ManualClock) -> None:
    start = clock.now()
    pair.arr.commands.hold()
    command = await pair.client.search([one.id for one in pair.wanted])
    assert command.status is CommandStatus.QUEUED
    assert command.queued_at == start
    pair.arr.commands.resume()
    clock.advance(timedelta(seconds=1))
    assert (await pair.client.command(command.id)).status is CommandStatus.STARTED
    clock.advance(timedelta(seconds=5))
    ended = await pair.client.command(command.id)
    assert (ended.status, ended.result) == (CommandStatus.COMPLETED, CommandResult.SUCCESSFUL)
    assert ended.finished
    assert all(one.last_search is not None and one.last_search >= start for one in pair.wanted)


async def test_a_command_that_fails(pair: Pair, clock: ManualClock) -> None:
    command = await pair.client.run_command("manualimport", files=[{"downloadId": "nothing"}])
    assert command.name == "ManualImport"
    clock.advance(timedelta(seconds=5))
    failed = await pair.client.command(command.id)
    assert (failed.status, failed.result) == (CommandStatus.FAILED, CommandResult.UNSUCCESSFUL)


# --- webhooks --------------------------------------------------------------------------------------------------------


async def test_the_life_of_a_webhook(pair: Pair) -> None:
    events = frozenset({"onGrab", "onHealthIssue"})
    pair.arr.notifications.add("Webhook", "Somebody's", {"url": "http://127.0.0.1:1/"}, onRename=True)
    receiver = Canned({"POST /first": web.Response(), "POST /second": web.Response()})
    async with receiver:
        first, second = f"{receiver.url}/first", f"{receiver.url}/second"
        id_ = await pair.client.ensure_webhook("SOKOUL", first, events)
        assert [request.json()["eventType"] for request in receiver.requests] == ["Test"]
        _, webhook = await pair.client.webhooks()
        assert (webhook.id, webhook.name, webhook.url, webhook.events) == (id_, "SOKOUL", first, events)
        # nothing to change: not saved, so not tested again
        assert await pair.client.ensure_webhook("SOKOUL", first, events) == id_
        assert len(receiver.requests) == 1
        # another address, other events
        assert await pair.client.ensure_webhook("SOKOUL", second, {"onDownload"}) == id_
        assert [request.path for request in receiver.requests] == ["/first", "/second"]
        other, webhook = await pair.client.webhooks()
        assert (webhook.url, webhook.events) == (second, frozenset({"onDownload"}))
        assert pair.arr.notifications.items[id_].attributes["includeHealthWarnings"] is False
        assert (other.name, other.events) == ("Somebody's", frozenset({"onRename"}))
        await pair.client.remove_webhook("SOKOUL")
        assert await pair.client.webhooks() == (other,)


async def test_the_usual_events_arrive(pair: Pair) -> None:
    receiver = Canned({"POST /hook": web.Response()})
    async with receiver:
        id_ = await pair.client.ensure_webhook("SOKOUL", f"{receiver.url}/hook")
        (webhook,) = await pair.client.webhooks()
        assert webhook.events == pair.client.webhook_events
        assert pair.arr.notifications.items[id_].attributes["includeHealthWarnings"] is True


async def test_a_receiver_that_refuses_the_test(pair: Pair) -> None:
    receiver = Canned({})
    async with receiver:
        with pytest.raises(Refused, match="Unable to send test message") as raised:
            await pair.client.ensure_webhook("SOKOUL", f"{receiver.url}/api/webhook/8f2e7c61d0", {"onGrab"})
    assert "8f2e7c61d0" not in str(raised.value)
    assert await pair.client.webhooks() == ()


# --- Prowlarr --------------------------------------------------------------------------------------------------------


async def test_indexers(prowlarr: ProwlarrSimulator, clock: ManualClock, session: ClientSession) -> None:
    prowlarr.fail_indexer(2, timedelta(minutes=15))
    client = ProwlarrClient(session, prowlarr.url, prowlarr.api_key)
    indexers = {indexer.id: indexer for indexer in await client.indexers()}
    assert indexers.keys() == prowlarr.indexers.items.keys()
    for id_, indexer in indexers.items():
        provider, counters = prowlarr.indexers.items[id_], prowlarr.counters[id_]
        assert (indexer.name, indexer.enabled) == (provider.name, provider.attributes["enable"])
        assert (indexer.privacy, indexer.protocol) == (provider.attributes["privacy"], provider.attributes["protocol"])
        assert (indexer.queries, indexer.failed_queries) == (counters.queries, counters.failed_queries)
        assert (indexer.grabs, indexer.response_milliseconds) == (counters.grabs, counters.response_milliseconds)
        assert indexer.failing(clock.now()) == (id_ == 2)
    assert indexers[2].disabled_until == clock.now() + timedelta(minutes=15)
    assert indexers[2].last_failure_at == clock.now()
    assert {indexer.privacy for indexer in indexers.values()} > {Privacy.PUBLIC, Privacy.PRIVATE}
    assert "secret" not in repr(indexers)


async def test_applications(prowlarr: ProwlarrSimulator, session: ClientSession) -> None:
    prowlarr.add_application("Radarr", "http://radarr:7878", "hunter2")
    prowlarr.add_application("Sonarr", "http://sonarr:8989/tv", "hunter3", sync_level="addOnly")
    applications = await ProwlarrClient(session, prowlarr.url, prowlarr.api_key).applications()
    assert [(each.implementation, each.base_url, each.sync_level) for each in applications] == [
        ("Radarr", "http://radarr:7878", "fullSync"),
        ("Sonarr", "http://sonarr:8989/tv", "addOnly"),
    ]
    assert "hunter" not in repr(applications)


# --- the published contract ------------------------------------------------------------------------------------------


async def test_what_is_sent_is_as_published(pair: Pair, clock: ManualClock) -> None:
    specification = radarr_specification() if isinstance(pair.client, RadarrClient) else sonarr_specification()
    arr, client = pair.arr, pair.client
    pair.arr.queue_item(*pair.wanted)
    second = arr.queue_item(*pair.wanted, title="Second")
    arr.queue_item(*pair.wanted, title="Third")
    now = clock.now()
    receiver = Canned({"POST /hook": web.Response()})
    async with receiver:
        await client.status()
        await client.health()
        await client.disks()
        await client.root_folders()
        await client.wiring()
        await client.indexer_managers()
        await client.missing_count()
        await client.cutoff_unmet_count()
        await client.calendar(now, now + timedelta(days=7))
        await client.known_files(20)
        queue = {item.release: item.ids for item in await client.queue()}
        single = arr.queue.record_id(second, pair.wanted[0])
        await client.remove_queue_items([single], from_client=True, blocklist=True, search_again=False)
        rest = [id_ for release, ids in queue.items() for id_ in ids if release != "Second"]
        await client.remove_queue_items(rest, from_client=False, blocklist=False, search_again=True)
        command = await client.search([one.id for one in pair.wanted])
        await client.command(command.id)
        await client.webhooks()
        await client.ensure_webhook("SOKOUL", f"{receiver.url}/hook")
        await client.ensure_webhook("SOKOUL", f"{receiver.url}/hook", {"onGrab"})
        await client.remove_webhook("SOKOUL")
        arr.history.events.clear()
        await client.known_files(20)
    methods = {request.method for request in arr.requests}
    assert methods == {"GET", "POST", "PUT", "DELETE"}
    assert specification.check_seen(arr.requests) == len(arr.requests) > 25


async def test_what_is_sent_to_prowlarr_is_as_published(prowlarr: ProwlarrSimulator, session: ClientSession) -> None:
    specification = prowlarr_specification()
    client = ProwlarrClient(session, prowlarr.url, prowlarr.api_key)
    await client.status()
    await client.health()
    await client.indexers()
    await client.applications()
    assert specification.check_seen(prowlarr.requests) == 6
