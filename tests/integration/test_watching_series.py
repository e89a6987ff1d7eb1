"""Series on the watchlist: through Sonarr, and without it by TMDB's dates and searches of our own."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.clients import tmdb as api
from custom_components.sokoul.grab_hands import HubGrabHands
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.items import PartState, Wish, WishState
from devstack.clock import ManualClock
from devstack.library import Library, Series
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.releases import release_of
from devstack.sonarr import SonarrSimulator
from devstack.tmdb import TmdbSimulator

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    SONARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)
from .healing import act
from .test_catalogues import tmdb_subentry

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HERE_SOON = {PartState.GRABBED, PartState.IMPORTING, PartState.READY}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(_: HubGrabHands) -> None:
        return

    monkeypatch.setattr(HubGrabHands, "pause", pause)


@pytest.fixture
async def tmdb(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TmdbSimulator]:
    async with TmdbSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


def add_the_bear(library: Library, last_start: datetime) -> Series:
    """Let catalogues know a series of three seasons with four episodes each, a week apart; the last began then."""
    series = library.new_series("The Bear", seasons=3, episodes=4, last_start=last_start, runtime=30)
    series.tvdb_id, series.tmdb_id, series.imdb_id = 403294, 136315, "tt14452776"
    library.known_series.append(series)
    return series


async def watch(hass: HomeAssistant, hub: Hub, text: str, **said: object) -> Wish:
    wish = await hub.watching.add(text, **said)  # type: ignore[arg-type]
    await hass.async_block_till_done(wait_background_tasks=True)
    return hub.watching.wishes[wish.id]


def states(wish: Wish) -> dict[str, PartState]:
    return {part.key: part.state for part in wish.parts}


@pytest.fixture
async def without_sonarr(
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> Hub:
    """Connect who searches and a download client; TMDB tells of episodes."""
    del tmdb, pass_time  # it has to be there, and time stands still
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    hub: Hub = entry.runtime_data
    return hub


def searches(prowlarr: ProwlarrSimulator) -> list[str]:
    """Return what was searched for, without looks at what is new."""
    asked = (dict(each.query).get("query", "") for each in prowlarr.requests if each.path == "/api/v1/search")
    return [each for each in asked if each]


@pytest.fixture
async def hub(
    sonarr: SonarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    set_up: SetUp,
    pass_time: PassTime,
) -> Hub:
    """Connect everything for series; two episodes of the third season are out."""
    sonarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="tv-sonarr")
    for library in (sonarr.library, prowlarr.library):
        add_the_bear(library, sonarr.clock.now() - 8 * DAY)
    entry = await set_up(
        servarr_subentry(sonarr, SONARR_ID), servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent)
    )
    hub: Hub = entry.runtime_data
    return hub


def the_bear(sonarr: SonarrSimulator) -> Series:
    return next(each for each in sonarr.library.series.values() if each.tvdb_id == 403294)


async def test_a_season_goes_through_sonarr(
    hass: HomeAssistant, hub: Hub, sonarr: SonarrSimulator, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    wish = await watch(hass, hub, "the bear s3", auto=True)
    await pass_time(timedelta(minutes=2), 4)
    wish = hub.watching.wishes[wish.id]
    assert wish.label == f"The Bear ({the_bear(sonarr).year}) S03"
    assert wish.keeper is not None
    assert wish.keeper.added
    series = the_bear(sonarr)
    assert {each.season for each in series.episodes if each.monitored} == {3}
    got = states(wish)
    assert {got["S03E01"], got["S03E02"]} <= HERE_SOON
    assert (got["S03E03"], got["S03E04"], len(got)) == (PartState.WAITING, PartState.WAITING, 4)
    assert wish.state in {WishState.GRABBED, WishState.IMPORTING, WishState.UP_TO_DATE}
    assert {torrent.category for torrent in qbittorrent.torrents.values()} == {"tv-sonarr"}


async def test_the_next_episode_is_got_when_it_has_aired(
    hass: HomeAssistant, hub: Hub, sonarr: SonarrSimulator, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    happened: list[tuple[str, str]] = []
    hub.watching.add_witness(lambda event, data: happened.append((event, str(data.get("part")))))
    wish = await watch(hass, hub, "the bear s3", auto=True)
    await pass_time(timedelta(minutes=2), 4)
    before = set(qbittorrent.torrents)
    await pass_time(6 * HOUR, 27)
    wish = hub.watching.wishes[wish.id]
    assert states(wish)["S03E03"] in HERE_SOON
    assert states(wish)["S03E04"] is PartState.WAITING
    assert ("released", "S03E03") in happened
    assert happened.count(("grabbed", "S03E03")) == 1
    assert len(set(qbittorrent.torrents) - before) == 1


async def test_what_sonarr_has_of_it_can_be_watched(
    hass: HomeAssistant, hub: Hub, sonarr: SonarrSimulator, qbittorrent: QbittorrentSimulator
) -> None:
    series = next(each for each in sonarr.library.known_series if each.tvdb_id == 403294)
    sonarr.library.add_series(series, have=True)
    wish = await watch(hass, hub, "the bear", auto=True)
    assert wish.state is WishState.UP_TO_DATE
    assert wish.keeper is not None
    assert not wish.keeper.added
    assert set(states(wish).values()) == {PartState.READY, PartState.WAITING}
    assert qbittorrent.torrents == {}


async def test_only_what_was_monitored_for_a_wish_is_let_go_of(
    hass: HomeAssistant, hub: Hub, sonarr: SonarrSimulator
) -> None:
    series = next(each for each in sonarr.library.known_series if each.tvdb_id == 403294)
    sonarr.library.add_series(series, have=False)
    for episode in series.episodes:
        episode.monitored = episode.season == 1
    wish = await watch(hass, hub, "the bear s2", auto=False)
    monitored = {each.season for each in series.episodes if each.monitored}
    assert monitored == {1}, "who fetches nothing by itself has nothing monitored"
    await hub.watching.change(wish.id, auto=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    wish = hub.watching.wishes[wish.id]
    assert wish.keeper is not None
    assert {each.season for each in series.episodes if each.monitored} == {1, 2}
    await hub.watching.remove([wish.id])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert {each.season for each in series.episodes if each.monitored} == {1}
    assert series.monitored


async def test_one_episode_is_got_alone(
    hass: HomeAssistant, hub: Hub, sonarr: SonarrSimulator, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    wish = await watch(hass, hub, "the bear s03e02", auto=True)
    await pass_time(timedelta(minutes=2), 3)
    wish = hub.watching.wishes[wish.id]
    assert states(wish)["S03E02"] in HERE_SOON, wish.why
    assert len(wish.parts) == 1
    assert len(qbittorrent.torrents) == 1
    assert [(each.season, each.number) for each in the_bear(sonarr).episodes if each.monitored] == [(3, 2)]


async def test_a_season_that_is_all_out_is_looked_for_as_a_whole(
    hass: HomeAssistant, hub: Hub, qbittorrent: QbittorrentSimulator, pass_time: PassTime
) -> None:
    wish = await watch(hass, hub, "the bear s2", auto=True)
    await pass_time(timedelta(minutes=2), 8)
    wish = hub.watching.wishes[wish.id]
    assert set(states(wish).values()) <= HERE_SOON
    assert len(qbittorrent.torrents) in {1, 4}
    assert all(part.season_at is not None for part in wish.parts)


async def test_a_season_of_which_there_are_only_episodes_is_got_by_them(
    hass: HomeAssistant,
    without_sonarr: Hub,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    clock: ManualClock,
    pass_time: PassTime,
) -> None:
    """One search for all of it is enough, and each is what its own download is; who isn't there is looked for soon."""
    for library in (tmdb.library, prowlarr.library):
        series = add_the_bear(library, clock.now() - 8 * DAY)
    there = [each for each in series.season(2) if each.number != 3]
    prowlarr.searches.offers = [release_of(each, size_bytes=2**30) for each in there]
    wish = await watch(hass, without_sonarr, "the bear s2", auto=True)
    assert {part.key: part.release for part in wish.parts if part.state is PartState.GRABBED} == {
        f"S02E{each.number:02}": release_of(each).title for each in there
    }
    assert states(wish)["S02E03"] is PartState.SEARCHING
    assert len(qbittorrent.torrents) == 3
    assert [each.rpartition(" ")[2] for each in searches(prowlarr)] == ["{Season:2}"]
    await pass_time(HOUR, 2)
    wish = without_sonarr.watching.wishes[wish.id]
    assert {key for key, state in states(wish).items() if state is PartState.READY} == {"S02E01", "S02E02", "S02E04"}
    assert [part.failed for part in wish.parts] == [()] * 4
    assert searches(prowlarr)[-1].endswith("{Season:2} {Episode:3}")


async def test_all_that_a_person_asks_for_is_fetched_however_much_it_is(
    hass: HomeAssistant,
    without_sonarr: Hub,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    clock: ManualClock,
    pass_time: PassTime,
) -> None:
    for library in (tmdb.library, prowlarr.library):
        series = library.new_series("Many", seasons=1, episodes=15, last_start=clock.now() - 200 * DAY)
        series.tvdb_id, series.tmdb_id, series.imdb_id = 5, 6, "tt0000007"
        library.known_series.append(series)
    prowlarr.searches.offers = [release_of(each, size_bytes=2**30) for each in series.episodes]
    wish = await watch(hass, without_sonarr, "many", auto=False)
    assert set(states(wish).values()) == {PartState.OFFERED}
    await pass_time(HOUR)
    await without_sonarr.watching.fetch(wish.id)
    await pass_time(timedelta(minutes=10), 2)
    assert PartState.OFFERED not in states(without_sonarr.watching.wishes[wish.id]).values()
    assert len(qbittorrent.torrents) == 15
    assert [each.rpartition(" ")[2] for each in searches(prowlarr)] == ["{Season:1}"] * 2


async def test_without_sonarr_tmdb_tells_and_it_is_got_all_the_same(
    hass: HomeAssistant,
    without_sonarr: Hub,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,
    clock: ManualClock,
    pass_time: PassTime,
) -> None:
    for library in (tmdb.library, prowlarr.library):
        add_the_bear(library, clock.now() - 8 * DAY)
    wish = await watch(hass, without_sonarr, "the bear s3", auto=True)
    said = await act(hass, Action.EXPLAIN, title="the bear s03e01")
    (link,) = [each["text"] for each in said["chain"] if each["state"] == "now"]
    assert link == "0% of it is here. SOKOUL hasn\u2019t looked at it yet."
    await pass_time(timedelta(minutes=2), 4)
    wish = without_sonarr.watching.wishes[wish.id]
    assert wish.keeper is None
    got = states(wish)
    assert {got["S03E01"], got["S03E02"]} <= HERE_SOON
    assert (got["S03E03"], got["S03E04"], len(got)) == (PartState.WAITING, PartState.WAITING, 4)
    assert {torrent.category for torrent in qbittorrent.torrents.values()} == {"sokoul"}
    before = len(qbittorrent.torrents)
    await pass_time(6 * HOUR, 29)
    assert states(without_sonarr.watching.wishes[wish.id])["S03E03"] in HERE_SOON
    assert len(qbittorrent.torrents) == before + 1


async def test_a_season_is_not_the_series(hass: HomeAssistant, hub: Hub) -> None:
    season = await watch(hass, hub, "the bear", season=1, auto=False)
    series = await watch(hass, hub, "The Bear", auto=False)
    assert [(each.id, each.season) for each in hub.watching.wishes.values()] == [(season.id, 1), (series.id, None)]
    by_text = await watch(hass, hub, "the bear s2", auto=False)
    assert (await watch(hass, hub, "The Bear S2", auto=False)).id == by_text.id
    assert (await hub.watching.add("The Bear", season=1)).id == season.id
    assert len(hub.watching.wishes) == 3


async def test_a_season_is_said_beside_a_link(hass: HomeAssistant, hub: Hub) -> None:
    wish = await watch(hass, hub, "https://www.imdb.com/title/tt14452776/?ref_=nv la saison 3", auto=False)
    assert (wish.text, wish.season) == ("https://www.imdb.com/title/tt14452776/ S03", 3)
    assert wish.label.endswith("S03")


async def test_an_episode_is_explained(hass: HomeAssistant, hub: Hub, pass_time: PassTime) -> None:
    await watch(hass, hub, "the bear s3", auto=True)
    await pass_time(timedelta(minutes=2), 4)
    coming = await act(hass, Action.EXPLAIN, title="the bear s03e04")
    assert coming["on_the_list"]
    assert coming["title"].endswith("S03E04")
    assert [each["link"] for each in coming["chain"] if each["state"] == "now"] == ["out"]
    assert "It airs on December" in next(each["text"] for each in coming["chain"] if each["link"] == "out")
    behind = await act(hass, Action.EXPLAIN, title="the bear")
    order = [PartState.SEARCHING, PartState.GRABBED, PartState.IMPORTING, PartState.WAITING, PartState.READY]
    (wish,) = hub.watching.wishes.values()
    known = states(wish)
    furthest = min(known, key=lambda key: order.index(known[key]))
    assert behind["title"].endswith(furthest), "the one that is the furthest behind"
    (link,) = [each["link"] for each in behind["chain"] if each["state"] == "now"]
    told = {"searching": "searched", "grabbed": "downloaded", "importing": "imported", "waiting": "out"}
    assert link == told[known[furthest]]
