"""Media servers are asked to look for what Radarr and Sonarr import: soon, once for many, and never for what is old."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockModule, mock_integration

from custom_components.sokoul.connectors.arr import QUEUE_INTERVAL, SLOW_INTERVAL
from custom_components.sokoul.linking_refresh import APART, GATHER
from custom_components.sokoul.linking_settings import SETTINGS_KEY, LinkSettings
from devstack.arr import ArrSimulator
from devstack.arr_queue import QueueItem
from devstack.frame import FaultKind
from devstack.library import Wanted
from devstack.quality import BLURAY_1080P
from devstack.radarr import RadarrSimulator
from devstack.sonarr import SonarrSimulator

from .conftest import HUB_ID, RADARR_ID, SONARR_ID, PassTime, SetUp, servarr_subentry

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def scans(hass: HomeAssistant) -> list[int]:
    """Have a media server, and return what fills each time it is asked to look."""

    async def unload(*_: Any) -> None:
        pass

    asked: list[int] = []
    mock_integration(hass, MockModule("jellyfin", async_unload_entry=unload))
    entry = MockConfigEntry(domain="jellyfin", title="Jellyfin", state=ConfigEntryState.LOADED, entry_id="jellyfin")
    jellyfin = SimpleNamespace(refresh_library=lambda: asked.append(1))
    entry.runtime_data = SimpleNamespace(api_client=SimpleNamespace(jellyfin=jellyfin))
    entry.add_to_hass(hass)
    return asked


async def choose(hass: HomeAssistant, *servers: str) -> None:
    entry: Any = hass.config_entries.async_get_entry(HUB_ID)
    entry.runtime_data.memory.set(SETTINGS_KEY, LinkSettings(refresh=servers).as_json())
    entry.runtime_data.linking.settings_changed()
    await hass.async_block_till_done(wait_background_tasks=True)


def histories(arr: ArrSimulator) -> int:
    """Return how often the history was asked for."""
    return sum(each.path == "/api/v3/history/since" for each in arr.requests)


def downloaded(arr: ArrSimulator, *wanted: Wanted) -> QueueItem:
    return arr.queue_item(*wanted, progress=1.0, status="completed")


async def imported(arr: ArrSimulator, item: QueueItem) -> None:
    await arr.imports.take(item, arr.imports.videos(item))
    await arr.queue.verify_import(item)


def movies(radarr: RadarrSimulator) -> list[Wanted]:
    return list(radarr.library.movies.values())


@pytest.fixture
async def begun(hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, scans: list[int]) -> Callable[..., Any]:
    async def begin(*more: Any) -> None:
        await set_up(servarr_subentry(radarr, RADARR_ID), *more)
        await choose(hass, "jellyfin")

    return begin


async def test_what_was_imported_before_is_no_news_and_what_is_imported_is(
    radarr: RadarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    first, second, third, fourth, *_ = movies(radarr)
    old, new, dropped = (downloaded(radarr, each) for each in (first, second, third))
    await imported(radarr, old)
    await begun()
    await pass_time(MINUTE, 5)
    assert scans == []
    assert histories(radarr) == 1

    radarr.queue.items.remove(dropped)
    downloaded(radarr, fourth)
    await pass_time(MINUTE, 5)
    assert scans == [], "somebody took one out of the queue, and another one was grabbed"
    assert histories(radarr) == 2

    await imported(radarr, new)
    await pass_time(QUEUE_INTERVAL)
    assert scans == [], "more may come"
    await pass_time(GATHER + SECOND)
    assert scans == [1]
    await pass_time(MINUTE, 20)
    assert scans == [1]
    assert histories(radarr) == 3, "it is asked for where something may have been imported"


@pytest.mark.parametrize("lacking", ["missing", "cutoff_unmet"])
async def test_what_was_in_no_queue_is_seen_by_what_is_missing(
    lacking: str, radarr: RadarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    """Or by what is no longer worse than wanted."""
    movie = getattr(radarr, lacking)()[0]
    item = radarr.queue_item(movie, progress=1.0, status="completed", quality=BLURAY_1080P)
    radarr.queue.items.remove(item)
    await begun()
    await imported(radarr, item)
    assert movie not in getattr(radarr, lacking)()
    await pass_time(SLOW_INTERVAL)
    await pass_time(MINUTE, 5)
    assert scans == [1]


async def test_an_arr_whose_clock_is_behind_is_heard(
    radarr: RadarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    item = downloaded(radarr, movies(radarr)[0])
    await begun()
    await imported(radarr, item)
    for event in radarr.history.events:
        event.date -= timedelta(minutes=30)
    await pass_time(MINUTE, 5)
    assert scans == [1]


async def test_what_another_server_had_before_is_no_news(
    hass: HomeAssistant, radarr: RadarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    item = downloaded(radarr, movies(radarr)[0])
    await begun()
    await imported(radarr, item)
    entry: Any = hass.config_entries.async_get_entry(HUB_ID)
    await entry.runtime_data.backends[RADARR_ID].async_connect_anew()
    await pass_time(MINUTE, 40)
    assert (scans, histories(radarr)) == ([], 3), "before and after it was connected anew, and half an hour later"


async def test_what_leaves_no_trace_is_found_as_well(
    radarr: RadarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    """Something better came and was imported between two looks at the queue."""
    there = next(each for each in movies(radarr) if each.file is not None and each not in radarr.cutoff_unmet())
    item = downloaded(radarr, there)
    radarr.queue.items.remove(item)
    await begun()
    await imported(radarr, item)
    await pass_time(MINUTE, 20)
    assert (scans, histories(radarr)) == ([], 1)
    await pass_time(MINUTE, 20)
    assert (scans, histories(radarr)) == ([1], 2)


async def test_many_imports_are_few_requests(
    radarr: RadarrSimulator, sonarr: SonarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    movie, episode = movies(radarr)[0], next(iter(sonarr.library.episodes()))
    items = [(radarr, downloaded(radarr, movie)) for _ in range(50)]
    items += [(sonarr, downloaded(sonarr, episode)) for _ in range(50)]
    for number, (_, item) in enumerate(items):
        item.download_id = f"{number:040X}"
    await begun(servarr_subentry(sonarr, SONARR_ID))
    for number in range(0, 100, 5):
        for arr, item in items[number : number + 5]:
            await arr.imports.take(item, arr.imports.videos(item))
            arr.queue.items.remove(item)
        await pass_time(MINUTE)
    in_the_midst = len(scans)
    await pass_time(APART + MINUTE)
    assert in_the_midst == 2
    assert len(scans) == 3, "of 20 minutes: at 2, at 17, and for what came after that"
    await pass_time(APART + MINUTE)
    assert len(scans) == 3
    assert max(histories(radarr), histories(sonarr)) <= 23


async def test_a_history_that_fails_is_asked_again(
    radarr: RadarrSimulator, begun: Callable[..., Any], scans: list[int], pass_time: PassTime
) -> None:
    first, second, *_ = movies(radarr)
    one, other = downloaded(radarr, first), downloaded(radarr, second)
    await begun()
    radarr.fault(FaultKind.STATUS, "GET /api/v3/history/since", status=500)
    await imported(radarr, one)
    await pass_time(MINUTE, 5)
    assert (scans, histories(radarr)) == ([], 2), "not over and over"
    radarr.clear_faults()
    other.remaining_bytes += 1  # anything new
    await pass_time(MINUTE, 5)
    assert (scans, histories(radarr)) == ([1], 3)


async def test_nothing_is_asked_for_nobody(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, scans: list[int], pass_time: PassTime
) -> None:
    item = downloaded(radarr, movies(radarr)[0])
    await set_up(servarr_subentry(radarr, RADARR_ID))
    await pass_time(MINUTE)
    await imported(radarr, item)
    await pass_time(MINUTE, 5)
    assert histories(radarr) == 0
    await choose(hass, "jellyfin")
    await pass_time(MINUTE, 5)
    assert histories(radarr) > 0
    assert scans == [], "what was imported before that is no news"
