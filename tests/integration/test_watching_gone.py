"""What could be watched and left the library, and what failed after it was fetched."""

from datetime import timedelta

from homeassistant.components.todo import ATTR_ITEM, ATTR_STATUS, DOMAIN as TODO, TodoServices
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.items import WishState
from devstack.dune import add_dune, dune_releases
from devstack.qbittorrent_torrent import SimulatedFile, Swarm
from devstack.real_debrid import RealDebridSimulator

from .healing import act
from .test_grab import DEBRID_ID, account, debrid_subentry  # noqa: F401 -- a fixture
from .test_watching import (  # noqa: F401 -- fixtures
    Scene,
    _no_pause,
    at_debrid,
    nobody_offers_anything,
    scene,
    tmdb,
    without_arr,
)

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
async def alone(without_arr: Scene) -> Scene:  # noqa: F811
    """Have the best release fetched, where there is no *arr."""
    without_arr.prowlarr.searches.offers = list(dune_releases(add_dune(without_arr.prowlarr.library)))
    await without_arr.add("Dune 2", auto=True)
    return without_arr


FILM = SimulatedFile(path="film.mkv", size_bytes=20_000_000_000)
BUSY = Swarm(rate=0, seeds=3, availability=3)
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


@pytest.mark.parametrize("line", ["well", "dead"])
async def test_who_has_all_of_it_and_gives_nothing_is_waited_for_longer(alone: Scene, line: str) -> None:
    """Nobody is to blame for it while the client has no line."""
    first, others = alone.torrent, Swarm(rate=1, seeds=1)
    # another one that comes shows that the line works
    alone.qbittorrent.add_torrent("Something.Else", files=[("else.mkv", FILM.size_bytes)], swarm=others)
    alone.qbittorrent.change(first.hash, has_metadata=True, files=[FILM], swarm=BUSY)
    await alone.pass_time(timedelta(hours=6), 11)
    assert len(alone.qbittorrent.torrents) == 2, "they may be busy"
    if line == "dead":
        alone.qbittorrent.set_connection("disconnected")
    await alone.pass_time(timedelta(minutes=1), 2)
    await alone.pass_time(timedelta(hours=6), 3)
    (part,) = alone.wish().parts
    assert first.hash in alone.qbittorrent.torrents, "nothing is deleted"
    assert len(alone.qbittorrent.torrents) == (3 if line == "well" else 2)
    assert (first.hash in part.failed) is (line == "well")


async def test_what_comes_slowly_without_an_arr_is_waited_for(alone: Scene) -> None:
    first = alone.torrent
    slow = Swarm(rate=FILM.size_bytes / 864_000, seeds=1)
    alone.qbittorrent.change(first.hash, has_metadata=True, files=[FILM], swarm=slow)
    await alone.pass_time(timedelta(hours=1), 50)
    assert alone.wish().state is WishState.GRABBED
    assert list(alone.qbittorrent.torrents.values()) == [first]


async def test_what_a_person_takes_back_is_replaced_only_with_their_word(alone: Scene) -> None:
    (part,) = alone.wish().parts
    first = alone.torrent
    assert part.entry_id is not None
    await act(alone.hass, Action.UNDO, entry_id=part.entry_id)
    assert alone.qbittorrent.torrents == {}
    await alone.pass_time(timedelta(minutes=10), 12)
    assert alone.qbittorrent.torrents == {}, "nothing is fetched instead"
    (part,) = alone.wish().parts
    assert alone.wish().state is WishState.OFFERED
    assert [each.key for each in alone.wish().why] == ["watchlist.offered"]
    assert part.release not in part.failed
    assert [event for event, _ in alone.happened] == ["grabbed", "asked_back"]
    await alone.watching.fetch(alone.wish().id)
    await alone.settle()
    assert alone.wish().state is WishState.GRABBED
    assert first.hash not in alone.qbittorrent.torrents
    assert len(alone.qbittorrent.torrents) == 1
    assert alone.wish().parts[0].taken_back_at is None


async def test_what_dies_at_a_debrid_service_is_left_and_looked_for_again(
    at_debrid: Scene,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    it = at_debrid
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
