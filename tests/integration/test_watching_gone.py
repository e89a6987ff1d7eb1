"""What could be watched and left the library, and what failed after it was fetched."""

from datetime import timedelta

from homeassistant.components.todo import ATTR_ITEM, ATTR_STATUS, DOMAIN as TODO, TodoServices
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.watchlist.items import WishState
from devstack.dune import add_dune, dune_releases
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedFile, Swarm
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.tmdb import TmdbSimulator

from .conftest import PROWLARR_ID, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .test_grab import DEBRID_ID, account, debrid_subentry  # noqa: F401 -- a fixture
from .test_watching import Scene, _no_pause, nobody_offers_anything, scene, tmdb, tmdb_subentry  # noqa: F401 -- fixtures

LIST = "todo.sokoul_watchlist"


async def take_the_tick_away(it: Scene) -> None:
    await it.hass.services.async_call(
        TODO,
        TodoServices.UPDATE_ITEM,
        {ATTR_ENTITY_ID: LIST, ATTR_ITEM: it.wish().id, ATTR_STATUS: "needs_action"},
        blocking=True,
    )
    await it.settle()


@pytest.mark.parametrize("by", ["tick", "action"])
async def test_what_was_watched_and_deleted_stays_away_until_a_person_wants_it_again(
    scene: Scene,  # noqa: F811
    by: str,
) -> None:
    await scene.add("Dune 2", auto=True)
    await scene.let_it_download()
    assert scene.wish().state is WishState.READY
    with pytest.raises(ServiceValidationError) as refused:
        await take_the_tick_away(scene)
    assert refused.value.translation_key == "wish_is_ready"
    assert scene.movie is not None
    scene.movie.file = None
    scene.qbittorrent.torrents.clear()
    await scene.pass_time(timedelta(hours=3), 14)
    assert scene.movie.monitored, "as Radarr leaves it"
    assert scene.qbittorrent.torrents == {}
    assert [event for event, _ in scene.happened] == ["grabbed", "ready"]
    assert [each.key for each in scene.wish().why] == ["watchlist.left_library"]
    if by == "tick":
        await take_the_tick_away(scene)
    else:
        await scene.watching.fetch(scene.wish().id)
        await scene.settle()
    assert scene.wish().state is WishState.GRABBED
    assert len(scene.qbittorrent.torrents) == 1


# --- what failed, and no *arr waits for it ---------------------------------------------------------------------------


@pytest.fixture
async def alone(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,  # noqa: F811
    set_up: SetUp,
    pass_time: PassTime,
) -> Scene:
    """Connect a download client and who searches, but no *arr; and have the best release fetched."""
    add_dune(tmdb.library)
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent), tmdb_subentry())
    it = Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)
    it.listen()
    await it.add("Dune 2", auto=True)
    return it


FILM = SimulatedFile(path="film.mkv", size_bytes=20_000_000_000)
NOBODY = Swarm(rate=0, seeds=0, leechers=0, availability=0.1)


@pytest.mark.parametrize("how", ["nobody has all of it", "an error"])
async def test_what_fails_without_an_arr_is_left_and_the_next_best_fetched(alone: Scene, how: str) -> None:
    first, best = alone.torrent, alone.wish().parts[0].release
    if how == "an error":
        alone.qbittorrent.change(first.hash, error="disk")
    else:
        alone.qbittorrent.change(first.hash, has_metadata=True, files=[FILM], swarm=NOBODY)
    await alone.pass_time(timedelta(hours=1), 20)
    assert list(alone.qbittorrent.torrents.values()) == [first], "it has its time"
    for _ in range(10):
        if len(alone.qbittorrent.torrents) == 1:
            await alone.pass_time(timedelta(hours=1), 1)
    (part,) = alone.wish().parts
    assert part.failed == (first.hash, best)
    second = next(each for each in alone.qbittorrent.torrents.values() if each.hash != first.hash)
    assert (alone.wish().state, part.download) == (WishState.GRABBED, second.hash)
    assert first.hash in alone.qbittorrent.torrents, "nothing is deleted"
    assert len(alone.qbittorrent.torrents) == 2
    alone.qbittorrent.change(second.hash, has_metadata=True, files=[FILM], swarm=Swarm(rate=1e9, seeds=20))
    await alone.pass_time(timedelta(minutes=1), 5)
    assert alone.wish().state is WishState.READY


async def test_what_comes_slowly_without_an_arr_is_waited_for(alone: Scene) -> None:
    first = alone.torrent
    slow = Swarm(rate=FILM.size_bytes / 864_000, seeds=1)
    alone.qbittorrent.change(first.hash, has_metadata=True, files=[FILM], swarm=slow)
    await alone.pass_time(timedelta(hours=1), 50)
    assert alone.wish().state is WishState.GRABBED
    assert list(alone.qbittorrent.torrents.values()) == [first]


async def test_what_dies_at_a_debrid_service_is_left_and_looked_for_again(
    hass: HomeAssistant,
    radarr: RadarrSimulator,
    prowlarr: ProwlarrSimulator,
    qbittorrent: QbittorrentSimulator,
    tmdb: TmdbSimulator,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
    set_up: SetUp,
    pass_time: PassTime,
) -> None:
    add_dune(tmdb.library)
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(debrid_subentry(), servarr_subentry(prowlarr, PROWLARR_ID), tmdb_subentry())
    it = Scene(radarr, prowlarr, qbittorrent, hass, pass_time, entry)
    it.listen()
    await it.add("Dune 2", auto=True)
    (dead,) = account.account.torrents.values()
    nobody_offers_anything(it)
    account.account.turn(dead, "dead")
    await it.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    await it.settle()
    await it.pass_time(timedelta(hours=1), 1)
    (part,) = it.wish().parts
    assert (it.wish().state, part.failed[0]) == (WishState.SEARCHING, dead.hash)
    assert "watchlist.came_to_nothing" in [each.key for each in it.wish().why]
    assert "watchlist.nothing_found" in [each.key for each in it.wish().why], "it was searched for again at once"
    assert list(account.account.torrents.values()) == [dead], "nothing is deleted"
    account.account.turn(dead, "downloaded")
    await it.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    await it.pass_time(timedelta(hours=1), 2)
    assert it.wish().state is WishState.READY, "it came after all"
