"""What is new at indexers brings what is on the watchlist sooner than any search of its own."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.watching import Watching
from custom_components.sokoul.watching_feeds import EVERY
from custom_components.sokoul.watchlist.items import Wish, WishState
from devstack.clock import ManualClock
from devstack.dune import DuneWorld, add_dune, dune_releases
from devstack.frame import FaultKind, SeenRequest
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator
from devstack.releases import INDEXERS, Release
from devstack.torznab import API_KEY, BASE, TorznabSimulator

from .conftest import PROWLARR_ID, RADARR_ID, PassTime, SetUp, servarr_subentry

pytestmark = pytest.mark.usefixtures("socket_enabled")

HARBOUR, TIN_CAN, LANTERN, *_ = (site.id for site in INDEXERS)
FEED_ID = "01TORZNAB0000000000000000A"
NEW = "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-NEWS"


@pytest.fixture
async def feed(clock: ManualClock) -> AsyncIterator[TorznabSimulator]:
    async with TorznabSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def dune(prowlarr: ProwlarrSimulator, radarr: RadarrSimulator) -> DuneWorld:
    """Let the catalogues know the film, and no indexer have it."""
    add_dune(radarr.library)
    world = add_dune(prowlarr.library)
    prowlarr.library.known_movies.clear()
    radarr.releases_for = lambda _: ()  # type: ignore[method-assign] -- Radarr's own indexers have nothing
    return world


def new_release(dune: DuneWorld, clock: ManualClock) -> Release:
    return replace(dune_releases(dune)[0], title=NEW, guid="news", published=clock.now())


@pytest.fixture
async def entry(
    set_up: SetUp,
    pass_time: PassTime,  # from now on time stands still
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    feed: TorznabSimulator,
) -> MockConfigEntry:
    return await set_up(
        servarr_subentry(radarr, RADARR_ID),
        servarr_subentry(prowlarr, PROWLARR_ID),
        ConfigSubentryData(
            data={
                "connection": {"url": feed.feed_url.rstrip("/"), "verify_ssl": True, "api_key": API_KEY},
                "preferences": {},
            },
            subentry_id=FEED_ID,
            subentry_type="torznab",
            title="Jackett",
            unique_id=f"torznab:127.0.0.1:{feed.port}{BASE}",
        ),
    )


@pytest.fixture
async def wish(hass: HomeAssistant, entry: MockConfigEntry, dune: DuneWorld) -> Wish:
    """Wish for Dune, which is out and which nobody has; it is searched for again in an hour at the earliest."""
    watching: Watching = entry.runtime_data.watching
    added = await watching.add("Dune 2", auto=False)
    await hass.async_block_till_done(wait_background_tasks=True)
    found = watching.wishes[added.id]
    assert (found.state, found.parts[0].searches) == (WishState.SEARCHING, 1)
    return found


def stands(entry: MockConfigEntry, wish: Wish) -> Wish:
    found: Wish = entry.runtime_data.watching.wishes[wish.id]
    return found


def readings(prowlarr: ProwlarrSimulator) -> list[SeenRequest]:
    """Return the requests for what is new: they ask for nothing."""
    searches = (each for each in prowlarr.requests if each.path == "/api/v1/search")
    return [each for each in searches if "query" not in dict(each.query)]


def asked_of(requests: Sequence[SeenRequest]) -> list[set[int]]:
    return [{int(value) for name, value in each.query if name == "indexerIds"} for each in requests]


def feed_readings(feed: TorznabSimulator) -> int:
    return sum(dict(each.query).get("t") == "search" and "q" not in dict(each.query) for each in feed.requests)


async def test_what_a_feed_has_is_searched_for_at_once(
    entry: MockConfigEntry,
    wish: Wish,
    dune: DuneWorld,
    prowlarr: ProwlarrSimulator,
    clock: ManualClock,
    pass_time: PassTime,
) -> None:
    prowlarr.searches.offers = [new_release(dune, clock)]
    await pass_time(EVERY)
    await pass_time(timedelta(minutes=1))
    found = stands(entry, wish)
    assert (found.state, found.parts[0].release) == (WishState.OFFERED, NEW)
    assert found.parts[0].hit_at is not None


async def test_a_torznab_feed_is_read_too(
    entry: MockConfigEntry, wish: Wish, dune: DuneWorld, feed: TorznabSimulator, clock: ManualClock, pass_time: PassTime
) -> None:
    feed.releases = [new_release(dune, clock)]
    await pass_time(EVERY)
    await pass_time(timedelta(minutes=1))
    assert (stands(entry, wish).state, stands(entry, wish).parts[0].release) == (WishState.OFFERED, NEW)
    assert feed_readings(feed) == 1


async def test_never_more_often_than_every_quarter_of_an_hour(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wish: Wish,
    prowlarr: ProwlarrSimulator,
    feed: TorznabSimulator,
    pass_time: PassTime,
) -> None:
    await pass_time(timedelta(minutes=1), 14)
    assert (readings(prowlarr), feed_readings(feed)) == ([], 0)
    await pass_time(timedelta(minutes=1), 30)
    assert (len(readings(prowlarr)), feed_readings(feed)) == (2, 2)
    # a restart does not bring the next one forward
    assert await hass.config_entries.async_reload(entry.entry_id)
    await pass_time(timedelta(minutes=1), 14)
    assert (len(readings(prowlarr)), feed_readings(feed)) == (2, 2)
    await pass_time(timedelta(minutes=1), 2)
    assert (len(readings(prowlarr)), feed_readings(feed)) == (3, 3)


async def test_nobody_waits_so_nobody_reads(
    entry: MockConfigEntry, prowlarr: ProwlarrSimulator, feed: TorznabSimulator, pass_time: PassTime
) -> None:
    await pass_time(EVERY, 3)
    assert (readings(prowlarr), feed_readings(feed)) == ([], 0)


@pytest.mark.usefixtures("wish")
async def test_indexers_that_are_off_or_failing_are_left_alone(
    prowlarr: ProwlarrSimulator, pass_time: PassTime
) -> None:
    everyone = {site.id for site in INDEXERS}
    prowlarr.indexers.items[HARBOUR].attributes["enable"] = False
    prowlarr.indexers.items[TIN_CAN].attributes["supportsRss"] = False
    prowlarr.fail_indexer(LANTERN, timedelta(hours=1))
    await pass_time(timedelta(minutes=5), 3)
    assert asked_of(readings(prowlarr)) == [everyone - {HARBOUR, TIN_CAN, LANTERN}]


@pytest.mark.usefixtures("wish")
async def test_who_asks_to_be_left_alone_is(
    prowlarr: ProwlarrSimulator, feed: TorznabSimulator, pass_time: PassTime
) -> None:
    feed.fault(FaultKind.STATUS, status=429, headers={"Retry-After": "1800"})
    await pass_time(EVERY)
    assert feed_readings(feed) == 1
    feed.clear_faults()
    await pass_time(EVERY)
    assert feed_readings(feed) == 1
    assert len(readings(prowlarr)) == 2  # nobody else is held up
    await pass_time(EVERY)
    assert feed_readings(feed) == 2


async def test_a_feed_in_trouble_keeps_no_other_from_being_read(
    entry: MockConfigEntry,
    wish: Wish,
    dune: DuneWorld,
    prowlarr: ProwlarrSimulator,
    feed: TorznabSimulator,
    clock: ManualClock,
    pass_time: PassTime,
) -> None:
    prowlarr.fault(FaultKind.STATUS, "GET /api/v1/search", status=500)
    feed.releases = [new_release(dune, clock)]
    await pass_time(EVERY)
    assert stands(entry, wish).parts[0].hit_at is not None


async def test_the_same_release_is_news_once(
    entry: MockConfigEntry,
    wish: Wish,
    dune: DuneWorld,
    feed: TorznabSimulator,
    clock: ManualClock,
    pass_time: PassTime,
) -> None:
    cam = replace(new_release(dune, clock), title="Dune.Part.Two.2024.HDCAM.x264-GRP", guid="cam")
    poor = replace(new_release(dune, clock), title="Dune.Part.Two.2024.1080p.WEB.x264-GRP", guid="poor", seeders=0)
    feed.releases = [cam, poor]
    await pass_time(EVERY)
    hit = stands(entry, wish).parts[0].hit_at
    assert hit is not None
    await pass_time(EVERY)
    assert stands(entry, wish).parts[0].hit_at == hit
