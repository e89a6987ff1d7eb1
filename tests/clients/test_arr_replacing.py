"""Replacing a download through the clients, at the simulated Radarr and Sonarr: from the search to the import."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.sokoul.clients.errors import NotFound, Refused, UnexpectedResponse
from custom_components.sokoul.clients.radarr import RadarrClient
from custom_components.sokoul.clients.sonarr import SonarrClient
from custom_components.sokoul.model.library import (
    Command,
    CommandResult,
    CommandStatus,
    Protocol,
    QueueItem,
    QueueStatus,
    Title,
    TitleKind,
)
from custom_components.sokoul.model.releases import (
    Candidate,
    DownloadHandling,
    GrabSource,
    HistoryKind,
    ImportMode,
    ImportRejection,
    search_for,
)
from devstack.arr_decisions import Source
from devstack.arr_queue_item import DownloadFile
from devstack.clock import ManualClock
from devstack.library import Wanted
from devstack.quality import BLURAY_1080P, HDTV_720P, REMUX_1080P, WEBDL_1080P
from devstack.radarr import RadarrSimulator
from devstack.releases import INDEXERS, Release, release_of
from devstack.sonarr import SonarrSimulator
from tests.specifications import radarr_specification, sonarr_specification

from .conftest import Pair

pytestmark = pytest.mark.usefixtures("socket_enabled")

OTHER_SITE = INDEXERS[1]


def offer(pair: Pair, *releases: Release) -> None:
    """Let the search for what is wanted find these."""
    if isinstance(pair.arr, SonarrSimulator):
        episode: Any = pair.wanted[0]
        pair.arr.offer_season(episode.series, episode.season, *releases)
    else:
        pair.arr.offer(pair.wanted[0], *releases)


def without_files(pair: Pair) -> None:
    for one in pair.wanted:
        one.file = None


async def only_item(pair: Pair) -> QueueItem:
    (item,) = await pair.client.queue()
    return item


async def found(pair: Pair) -> dict[str, Candidate]:
    """Search for what the queue's only item is; return what there is by release group."""
    title = search_for((await only_item(pair)).titles)
    assert title is not None
    return {candidate.title.rpartition("-")[2]: candidate for candidate in await pair.client.releases(title)}


async def finished(pair: Pair, command: Command) -> Command:
    await pair.arr.idle()
    clock = pair.arr.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(seconds=5))
    return await pair.client.command(command.id)


# --- searching and grabbing ------------------------------------------------------------------------------------------


async def test_a_replacement_is_found_before_the_download_is_given_up(pair: Pair) -> None:
    without_files(pair)
    slow = pair.arr.queue_item(*pair.wanted, quality=BLURAY_1080P)
    offer(
        pair,
        release_of(*pair.wanted, quality=BLURAY_1080P, group="SAME", seeders=80),  # type: ignore[arg-type]
        release_of(*pair.wanted, quality=WEBDL_1080P, group="LESS"),  # type: ignore[arg-type]
        release_of(*pair.wanted, quality=HDTV_720P, group="POOR"),  # type: ignore[arg-type]
        release_of(*pair.wanted, group="DEAD", seeders=0),  # type: ignore[arg-type]
        release_of(*pair.wanted, group="NUKED", objections=("Wrong language",)),  # type: ignore[arg-type]
        release_of(name="Something.Else.1999-ALIEN"),
    )
    candidates = await found(pair)
    assert {group: candidate.only_queue_objects for group, candidate in candidates.items()} == {
        "SAME": True,
        "LESS": True,
        "POOR": False,  # not wanted in the profile
        "DEAD": False,
        "NUKED": False,
        "ALIEN": False,
    }
    assert not any(candidate.approved for candidate in candidates.values())
    best = min((each for each in candidates.values() if each.only_queue_objects), key=lambda each: each.weight)
    assert (best.title, best.seeders, best.quality) == (candidates["SAME"].title, 80, "Bluray-1080p")
    assert best.title_ids == frozenset(one.id for one in pair.wanted)
    before = pair.arr.clock.now()
    await pair.client.grab(best)  # though it was rejected
    queue = {item.release: item for item in await pair.client.queue()}
    assert set(queue) == {slow.title, best.title}
    new = queue[best.title]
    assert new.download_id == best.info_hash
    # after a crash the history tells that it was grabbed
    (event, *others) = await pair.client.history(before, [one.id for one in pair.wanted])
    assert (event.kind, event.release, event.download_id) == (HistoryKind.GRABBED, slow.title, slow.download_id.lower())  # type: ignore[union-attr]
    mine = [each for each in others if each.release == best.title]
    assert {each.title_id for each in mine} == best.title_ids
    assert {(each.source, each.download_id) for each in mine} == {(GrabSource.INTERACTIVE_SEARCH, new.download_id)}


async def test_nothing_stands_against_it_once_the_queue_is_empty(pair: Pair) -> None:
    without_files(pair)
    offer(pair, release_of(*pair.wanted, quality=BLURAY_1080P, group="SAME"))  # type: ignore[arg-type]
    item = pair.arr.queue_item(*pair.wanted, quality=BLURAY_1080P)
    rejected = (await found(pair))["SAME"]
    assert (rejected.approved, len(rejected.rejections)) == (False, 1)
    pair.arr.queue.forget_download(item)
    title = search_for([each.title for each in await pair.client.titles([one.id for one in pair.wanted])])
    assert title is not None
    (approved,) = await pair.client.releases(title)
    assert (approved.approved, approved.rejections, approved.only_queue_objects) == (True, (), True)


async def test_what_was_found_can_be_grabbed_for_half_an_hour(pair: Pair, clock: ManualClock) -> None:
    pair.arr.queue_item(*pair.wanted)
    offer(pair, release_of(*pair.wanted, group="X"))  # type: ignore[arg-type]
    candidate = (await found(pair))["X"]
    clock.advance(timedelta(minutes=31))
    with pytest.raises(NotFound, match="try searching again"):
        await pair.client.grab(candidate)


async def test_an_indexer_that_does_not_give_it_out(pair: Pair) -> None:
    pair.arr.queue_item(*pair.wanted)
    offer(pair, release_of(*pair.wanted, group="X"))  # type: ignore[arg-type]
    candidate = (await found(pair))["X"]
    pair.arr.grabbing.refusing_indexers.add(candidate.indexer_id)
    with pytest.raises(Refused, match="Getting release from indexer failed"):
        await pair.client.grab(candidate)
    assert len(await pair.client.queue()) == 1


async def test_a_release_of_an_unknown_title_is_not_grabbed(pair: Pair) -> None:
    pair.arr.queue_item(*pair.wanted)
    offer(pair, release_of(name="Something.Else.1999-ALIEN"))
    candidate = (await found(pair))["ALIEN"]
    assert (candidate.download_allowed, candidate.title_ids) == (False, frozenset())
    with pytest.raises(NotFound, match="will need to be manually provided"):
        await pair.client.grab(candidate)


async def test_packs_are_rejected_for_one_episode(sonarr: SonarrSimulator, session: ClientSession) -> None:
    client = SonarrClient(session, sonarr.url, sonarr.api_key)
    first, *others = sonarr.library.series[1].season(2)
    first.file = None
    sonarr.offer(first, release_of(first, *others, group="PACK"), release_of(first, group="ONE"))
    title = Title(kind=TitleKind.EPISODE, id=first.id, name="", series_id=1, season=2)
    by_group = {each.title.rpartition("-")[2]: each for each in await client.releases(title)}
    assert (by_group["ONE"].approved, by_group["ONE"].full_season) == (True, False)
    assert by_group["PACK"].rejections == ("Full season pack",)
    assert by_group["PACK"].full_season
    assert not by_group["PACK"].only_queue_objects


@pytest.mark.parametrize("source", [each for each in Source if each is not Source.INTERACTIVE])
async def test_who_grabbed_it(pair: Pair, source: Source) -> None:
    item = pair.arr.queue_item(*pair.wanted, source=source)
    grab = await pair.client.grab_history(str(item.download_id).lower())
    assert grab is not None
    assert (grab.source.value, grab.by_hand) == (source.value, False)
    assert (grab.indexer, grab.indexer_id) == (INDEXERS[0].synced_name, INDEXERS[0].id)
    assert (grab.release, grab.title_ids) == (item.title, frozenset(one.id for one in pair.wanted))
    assert grab.at == pair.arr.clock.now()


async def test_what_somebody_else_added_was_not_grabbed(pair: Pair) -> None:
    item = pair.arr.queue_item(*pair.wanted, grabbed=False)
    assert await pair.client.grab_history(str(item.download_id).lower()) is None


# --- giving up -------------------------------------------------------------------------------------------------------


async def test_what_was_given_up_is_blocked_until_it_is_allowed_again(pair: Pair) -> None:
    without_files(pair)
    quality = {"quality": BLURAY_1080P}
    bad = release_of(*pair.wanted, **quality, group="BAD")  # type: ignore[arg-type]
    offer(pair, bad, replace(bad, guid="other", indexer=OTHER_SITE), release_of(*pair.wanted, group="X"))  # type: ignore[arg-type]
    pair.arr.queue_item(*pair.wanted, title=bad.title, download_id=bad.info_hash, **quality)
    pair.arr.queue_item(*pair.wanted[:1], title="Another-ONE", grabbed=True)
    queue = {item.release: item for item in await pair.client.queue()}
    titles = queue[bad.title].titles
    title = search_for(titles)
    assert title is not None
    assert await pair.client.blocklist(titles) == ()
    for release in (bad.title, "Another-ONE"):
        ids = queue[release].ids
        await pair.client.remove_queue_items(ids, from_client=False, blocklist=True, search_again=False)
    assert await pair.client.queue() == ()
    newest, oldest = sorted(await pair.client.blocklist(titles), key=lambda entry: -entry.id)
    assert (newest.release, oldest.release) == ("Another-ONE", bad.title)
    assert oldest.protocol is Protocol.TORRENT
    candidates = {each.guid: each for each in await pair.client.releases(title)}
    blocked, elsewhere = candidates[bad.guid], candidates["other"]
    assert blocked.rejections == ("Release is blocklisted",)
    assert oldest.names(blocked)
    assert not newest.names(blocked)
    assert not oldest.names(elsewhere)
    # with something in the queue the blocklist isn't asked any more: the candidate looks better than it is
    again = pair.arr.queue_item(*pair.wanted, quality=BLURAY_1080P, title="Again")
    hidden = {each.guid: each for each in await pair.client.releases(title)}[bad.guid]
    assert hidden.only_queue_objects
    assert oldest.names(hidden)
    pair.arr.queue.forget_download(again)
    # exactly one is allowed again, and once more is no error
    await pair.client.remove_from_blocklist(oldest.id)
    await pair.client.remove_from_blocklist(oldest.id)
    assert await pair.client.blocklist(titles) == (newest,)
    assert {each.guid: each for each in await pair.client.releases(title)}[bad.guid].approved


async def test_a_search_follows_only_where_it_is_wanted(pair: Pair) -> None:
    without_files(pair)
    handling = await pair.client.download_handling()
    assert handling == DownloadHandling(imports=True, redownloads=True, redownloads_chosen=True)
    pair.arr.download_handling.values["autoRedownloadFailedFromInteractiveSearch"] = False
    handling = await pair.client.download_handling()
    assert handling == DownloadHandling(imports=True, redownloads=True, redownloads_chosen=False)
    for source in (Source.RSS, Source.INTERACTIVE):
        pair.arr.commands.commands.clear()
        pair.arr.queue.items.clear()
        pair.arr.queue_item(*pair.wanted, title=f"By.{source.value}", source=source)
        item = await only_item(pair)
        grab = await pair.client.grab_history(str(item.download_id))
        assert grab is not None
        await pair.client.remove_queue_items(item.ids, from_client=False, blocklist=True, search_again=True)
        assert bool(pair.arr.commands.commands) is (source is Source.RSS or handling.redownloads_chosen)
        await pair.arr.idle()


async def test_what_was_never_grabbed_cannot_be_given_up(pair: Pair) -> None:
    pair.arr.queue_item(*pair.wanted, grabbed=False)
    item = await only_item(pair)
    removal = pair.client.remove_queue_items(item.ids, from_client=False, blocklist=True, search_again=False)
    if isinstance(pair.client, SonarrClient):
        with pytest.raises(UnexpectedResponse, match="no grabbed history"):
            await removal
    else:
        await removal
    assert await pair.client.blocklist(item.titles) == ()
    assert len(await pair.client.queue()) == 1


# --- importing -------------------------------------------------------------------------------------------------------


def ready(pair: Pair, **details: Any) -> str:
    """Let a finished download wait for a person; return its id."""
    item = pair.arr.queue_item(
        *pair.wanted, title="Ready-GRP", status="completed", tracked_state="importBlocked", progress=1, **details
    )
    return str(item.download_id).lower()


def import_of(one: Wanted) -> tuple[int, str | None]:
    return (one.id, one.file.scene_name if one.file else None)


async def test_a_finished_download_is_imported_by_hand(pair: Pair) -> None:
    for one in pair.wanted:
        assert one.file is not None
        one.file.quality = REMUX_1080P
    download_id = ready(pair, quality=WEBDL_1080P)
    candidates = await pair.client.import_candidates(download_id)
    assert len(candidates) == len(pair.wanted)
    for candidate, one in zip(candidates, pair.wanted, strict=True):
        assert candidate.path.startswith(f"/data/torrents/{pair.arr.name}/Ready-GRP/Ready-GRP")
        assert candidate.title_ids == {one.id}
        assert (candidate.quality, candidate.languages, candidate.release_group) == ("WEBDL-1080p", ("English",), "GRP")
        (rejection,) = candidate.rejections
        assert rejection.reason.startswith("Not an upgrade for existing")
        assert rejection.permanent
    assert sum(candidate.size_bytes for candidate in candidates) == pytest.approx(4 * 2**30, abs=100)
    command = await finished(pair, await pair.client.import_files(candidates))
    assert (command.status, command.result) == (CommandStatus.COMPLETED, CommandResult.SUCCESSFUL)
    assert [import_of(one) for one in pair.wanted] == [(one.id, "Ready-GRP") for one in pair.wanted]
    assert pair.arr.imports.moved == []
    assert await pair.client.queue() == ()
    events = await pair.client.history(pair.arr.clock.now() - timedelta(minutes=1))
    imported = [event for event in events if event.kind is HistoryKind.IMPORTED]
    assert {(event.title_id, event.download_id) for event in imported} == {(one.id, download_id) for one in pair.wanted}


async def test_a_file_that_nobody_knew_is_imported_as_what_somebody_says(pair: Pair) -> None:
    without_files(pair)
    one = pair.wanted[0]
    files = (
        DownloadFile(name="extras/strange.mkv", size_bytes=7),
        DownloadFile(name="sample.mkv", size_bytes=5, wanted=(one,), rejections=("Sample",)),
        DownloadFile(name="readme.nfo", size_bytes=1),
    )
    download_id = ready(pair, files=files)
    strange, sample = await pair.client.import_candidates(download_id)
    unknown = "Unknown Movie" if isinstance(pair.client, RadarrClient) else "Invalid season or episode"
    assert (strange.title_ids, strange.rejections) == (frozenset(), (ImportRejection(reason=unknown, permanent=True),))
    assert sample.rejections == (ImportRejection(reason="Sample", permanent=True),)
    with pytest.raises(ValueError, match="a file is"):
        await pair.client.import_files([strange])
    series = None if isinstance(pair.client, RadarrClient) else 1
    named = replace(strange, title_ids=frozenset({one.id}), series_id=series)
    command = await finished(pair, await pair.client.import_files([named]))
    assert command.result is CommandResult.SUCCESSFUL
    assert one.file is not None
    assert one.file.size_bytes == 7
    # of a movie that is all; of a season the rest is missing
    assert len(await pair.client.queue()) == (0 if series is None else 1)


async def test_candidates_of_what_is_not_finished_or_was_given_up(pair: Pair) -> None:
    pair.arr.queue_item(*pair.wanted)
    loading = await only_item(pair)
    with pytest.raises(UnexpectedResponse, match="Object reference") as raised:
        await pair.client.import_candidates(str(loading.download_id))
    assert raised.value.status == 500
    await pair.client.remove_queue_items(loading.ids, from_client=False, blocklist=True, search_again=False)
    assert await pair.client.import_candidates(str(loading.download_id)) == ()
    pair.arr.queue.follow(pair.arr.queue.grabs[str(loading.download_id).upper()])  # as it is still in its category
    with pytest.raises(UnexpectedResponse, match="Object reference"):
        await pair.client.import_candidates(str(loading.download_id))


@pytest.mark.parametrize("mode", [ImportMode.COPY, ImportMode.AUTO])
async def test_what_was_given_up_is_imported_by_its_path(pair: Pair, mode: ImportMode) -> None:
    without_files(pair)
    download_id = ready(pair)
    item = await only_item(pair)
    await pair.client.remove_queue_items(item.ids, from_client=False, blocklist=True, search_again=False)
    download = pair.arr.queue.grabs[download_id.upper()]
    pair.arr.queue.follow(download)
    command = await finished(pair, await pair.client.scan_download(str(item.output_path), download_id, mode))
    assert (command.status, command.result) == (CommandStatus.COMPLETED, CommandResult.SUCCESSFUL)
    assert all(one.file is not None for one in pair.wanted)
    assert pair.arr.queue.settled[download_id.upper()] == "imported"
    assert pair.arr.imports.moved == []
    # a second time there is nothing to import
    command = await finished(pair, await pair.client.scan_download(str(item.output_path), download_id, mode))
    assert (command.status, command.result) == (CommandStatus.COMPLETED, CommandResult.UNSUCCESSFUL)


async def test_a_scan_leaves_the_files_where_they_are_unless_told_otherwise(pair: Pair) -> None:
    without_files(pair)
    one = pair.wanted[0]
    path = f"/data/torrents/{release_of(one).title}"  # type: ignore[arg-type]
    item = pair.arr.queue_item(one, title="Renamed", status="completed", progress=1, output_path=path)
    pair.arr.queue.forget_download(item)
    await finished(pair, await pair.client.scan_download(path, str(item.download_id)))
    assert one.file is not None
    assert pair.arr.imports.moved == []
    one.file = None
    await finished(pair, await pair.client.scan_download(path, str(item.download_id), ImportMode.MOVE))
    assert pair.arr.imports.moved == [f"{path}/Renamed.mkv"]


async def test_a_path_where_nothing_is(pair: Pair) -> None:
    assert await pair.client.import_candidates("0" * 40) == ()
    command = await finished(pair, await pair.client.scan_download("/data/torrents/nothing", "0" * 40))
    assert (command.status, command.result) == (CommandStatus.COMPLETED, CommandResult.UNSUCCESSFUL)


async def test_downloads_are_looked_at(pair: Pair) -> None:
    command = await finished(pair, await pair.client.refresh_downloads())
    assert (command.name, command.result) == ("RefreshMonitoredDownloads", CommandResult.SUCCESSFUL)


# --- what decides ----------------------------------------------------------------------------------------------------


async def test_titles(pair: Pair) -> None:
    ids = [one.id for one in pair.wanted]
    pair.wanted[0].file = None
    pair.wanted[-1].monitored = False
    details = {each.title.id: each for each in await pair.client.titles({*ids, 99_999})}
    assert set(details) == set(ids)
    for one in pair.wanted:
        assert details[one.id].has_file == (one.file is not None)
        assert details[one.id].title.monitored == one.monitored
    item = pair.arr.queue_item(*pair.wanted)
    titles = {title.id: title for title in (await only_item(pair)).titles}
    assert {id_: each.title for id_, each in details.items()} == titles
    pair.arr.queue.forget_download(item)


async def test_dates_and_tags_of_movies(radarr: RadarrSimulator, session: ClientSession) -> None:
    client = RadarrClient(session, radarr.url, radarr.api_key)
    movie = radarr.library.movies[6]
    movie.tags = [1]
    movie.in_cinemas, movie.digital_release, movie.physical_release = (
        datetime(2026, month, 1, tzinfo=UTC) for month in (3, 9, 7)
    )
    (details,) = await client.titles([6])
    assert details.tags == {1}
    assert details.in_cinemas_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert details.released_at == datetime(2026, 7, 1, tzinfo=UTC)
    movie.digital_release = movie.physical_release = None
    (details,) = await client.titles([6])
    assert details.released_at is None


async def test_episodes_of_a_season(sonarr: SonarrSimulator, session: ClientSession) -> None:
    client = SonarrClient(session, sonarr.url, sonarr.api_key)
    series = sonarr.library.series[1]
    series.tags = [1]
    details = await client.season(1, 2)
    assert [each.title.id for each in details] == [episode.id for episode in series.season(2)]
    assert [each.released_at for each in details] == [episode.airs for episode in series.season(2)]
    assert {each.title.monitored for each in details} == {True}
    assert {each.tags for each in details} == {frozenset({1})}
    assert search_for(each.title for each in details) == Title(
        kind=TitleKind.SERIES, id=1, name=series.title, year=series.year, series_id=1, season=2
    )
    series.monitored = False  # then nothing of it is
    assert not any(each.title.monitored for each in await client.season(1, 2))


async def test_what_waits_and_what_usenet_does(pair: Pair, clock: ManualClock) -> None:
    without_files(pair)
    pair.arr.delays.profiles[1].torrent_delay = 90
    release = release_of(pair.wanted[0], published=clock.now())  # type: ignore[arg-type]
    await pair.arr.grabbing.take_best([release], pair.wanted[:1], Source.SEARCH)
    waiting = await only_item(pair)
    assert (waiting.status, waiting.download_id, waiting.time_left) == (QueueStatus.DELAY, None, timedelta(minutes=90))
    pair.arr.queue.items.clear()
    for stage, status in (("paused", QueueStatus.PAUSED), ("repairing", QueueStatus.DOWNLOADING)):
        pair.arr.usenet_item(*pair.wanted, stage=stage, title=stage)
        item = await only_item(pair)
        assert (item.status, item.protocol, item.remaining_bytes == 0) == (
            status,
            Protocol.USENET,
            stage == "repairing",
        )
        assert item.download_id is not None
        grab = await pair.client.grab_history(item.download_id)
        assert grab is not None
        assert grab.indexer == "Meridian NZB (Prowlarr)"
        pair.arr.queue.items.clear()


# --- the published contract ------------------------------------------------------------------------------------------


async def test_what_is_sent_is_as_published(pair: Pair, clock: ManualClock) -> None:
    client, arr = pair.client, pair.arr
    specification = radarr_specification() if isinstance(client, RadarrClient) else sonarr_specification()
    download_id = ready(pair)
    offer(pair, release_of(*pair.wanted))  # type: ignore[arg-type]
    item = await only_item(pair)
    (candidate,) = (await found(pair)).values()
    await client.grab(candidate)
    await client.grab_history(download_id)
    await client.history(clock.now() - timedelta(hours=1))
    await client.blocklist(item.titles)
    await client.remove_from_blocklist(1)
    files = await client.import_candidates(download_id)
    await client.import_files(files)
    await client.scan_download(str(item.output_path), download_id)
    await client.refresh_downloads()
    await client.download_handling()
    await client.titles([one.id for one in pair.wanted])
    await client.titles([99_999])
    if isinstance(client, SonarrClient):
        await client.season(1, 2)
    assert {request.method for request in arr.requests} == {"GET", "POST", "DELETE"}
    assert specification.check_seen(arr.requests) == len(arr.requests) >= 15
