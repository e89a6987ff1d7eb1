"""What the watchlist had an *arr look for is let go of again, and nothing else is; and nothing done is forgotten."""

import asyncio
from datetime import datetime
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.hub import Hub
from custom_components.sokoul.store import StoreError
from custom_components.sokoul.watching_grabs import WatchGrabs
from custom_components.sokoul.watching_intents import INTENTS_KEY
from custom_components.sokoul.watching_titles import Titles
from custom_components.sokoul.watchlist.items import Keeper, Wish, WishState
from custom_components.sokoul.watchlist.known import is_managed
from devstack.frame import FaultKind
from devstack.sonarr import SonarrSimulator

from .test_watching import (  # noqa: F401 -- fixtures
    DUNE_2,
    MINUTE,
    Scene,
    _no_pause,
    nobody_offers_anything,
    scene,
)
from .test_watching_series import hub, the_bear, watch  # noqa: F401 -- a fixture

pytestmark = pytest.mark.usefixtures("socket_enabled")


class Adding:
    """Radarr takes its time to add a title: until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.added, self._go_on, keep = asyncio.Event(), asyncio.Event(), Titles.keep
        adding = self

        async def slow(titles: Titles, wish: Wish) -> Keeper:
            keeper = await keep(titles, wish)
            adding.added.set()
            await adding._go_on.wait()
            return keeper

        monkeypatch.setattr(Titles, "keep", slow)

    def go_on(self) -> None:
        self._go_on.set()


# --- what happens while something is done ----------------------------------------------------------------------------


async def test_what_is_removed_while_it_is_added_is_let_go_of(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody_offers_anything(scene)
    adding = Adding(monkeypatch)
    wish = await scene.watching.add("Dune 2", auto=True)
    await adding.added.wait()
    assert scene.movie is not None
    assert scene.movie.monitored
    await scene.watching.remove([wish.id])
    adding.go_on()
    await scene.settle()
    assert scene.watching.wishes == {}
    assert not scene.movie.monitored


@pytest.mark.parametrize("changed", ["renamed", "ticked off"])
async def test_what_is_not_wanted_any_more_once_it_is_added_is_let_go_of(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    changed: str,
) -> None:
    nobody_offers_anything(scene)
    adding = Adding(monkeypatch)
    wish = await scene.watching.add("Dune 2", auto=True)
    await adding.added.wait()
    if changed == "renamed":
        await scene.watching.change(wish.id, text="Jodorowsky's Dune")
    else:
        await scene.watching.set_done(wish.id, True)
    adding.go_on()
    await scene.settle()
    assert scene.movie is not None
    assert not scene.movie.monitored
    assert scene.wish().label.startswith("Jodorowsky" if changed == "renamed" else "Dune: Part Two")


async def test_who_added_it_is_known_though_something_else_changed_meanwhile(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody_offers_anything(scene)
    adding = Adding(monkeypatch)
    wish = await scene.watching.add("Dune 2", auto=True)
    await adding.added.wait()
    await scene.watching._heard({wish.id: {""}})  # a feed has it
    adding.go_on()
    await scene.settle()
    keeper = scene.wish().keeper
    assert keeper is not None
    assert keeper.added
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert scene.movie is not None
    assert not scene.movie.monitored


async def test_who_grabbed_it_is_known_though_a_feed_had_it_meanwhile(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grab = WatchGrabs.grab

    async def heard_of_meanwhile(grabs: WatchGrabs, *given: Any) -> Any:
        got = await grab(grabs, *given)
        await scene.watching._heard({scene.wish().id: {""}})
        return got

    monkeypatch.setattr(WatchGrabs, "grab", heard_of_meanwhile)
    wish = await scene.add("Dune 2", auto=True)
    (part,) = wish.parts
    assert wish.state is WishState.GRABBED
    assert part.entry_id is not None
    assert part.hit_at is not None
    assert [event for event, _ in scene.happened] == ["grabbed"]
    assert len(scene.qbittorrent.torrents) == 1


# --- what is wanted no more ------------------------------------------------------------------------------------------


async def test_who_ticks_it_off_has_nobody_look_for_it(scene: Scene) -> None:  # noqa: F811
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    assert scene.movie is not None
    assert scene.movie.monitored
    await scene.watching.set_done(wish.id, True)
    await scene.settle()
    assert scene.wish().done
    assert not scene.movie.monitored
    await scene.watching.set_done(wish.id, False)
    await scene.settle()
    assert scene.movie.monitored
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert not scene.movie.monitored


async def test_what_can_be_watched_may_still_become_better(scene: Scene) -> None:  # noqa: F811
    wish = await scene.add("Dune 2", auto=True)
    await scene.let_it_download()
    assert scene.wish().state is WishState.READY
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert scene.watching.wishes == {}
    assert scene.movie is not None
    assert scene.movie.monitored


@pytest.mark.parametrize("asked", ["renamed", "removed"])
async def test_what_can_not_be_written_lets_go_of_nothing(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    store = scene.hub.pilot.store
    assert store is not None

    async def refuse(*_: object) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(type(store.wishes), "save", refuse)
        patch.setattr(type(store.wishes), "delete", refuse)
        watching = scene.watching
        refused = (
            watching.change(wish.id, text="Jodorowsky's Dune") if asked == "renamed" else watching.remove([wish.id])
        )
        with pytest.raises(StoreError):
            await refused
        await scene.settle()
    assert scene.wish().label == "Dune: Part Two (2024)"
    assert scene.movie is not None
    assert scene.movie.monitored


def library_refuses(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Have the database refuse to write which *arr keeps a title on account of a wish."""
    store = scene.hub.pilot.store
    assert store is not None
    save = type(store.wishes).save

    async def refuse(wishes: Any, wish: Wish, at: datetime) -> None:
        if is_managed(wish):
            raise StoreError("disk full")
        await save(wishes, wish, at)

    monkeypatch.setattr(type(store.wishes), "save", refuse)


@pytest.mark.parametrize("there", ["added", "given up before"])
@pytest.mark.parametrize("then", ["written later", "restarted", "removed at once"])
async def test_what_was_done_is_known_though_it_could_not_be_written(
    scene: Scene,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    there: str,
    then: str,
) -> None:
    nobody_offers_anything(scene)
    if there == "given up before":
        known = next(each for each in scene.radarr.library.known_movies if each.tmdb_id == DUNE_2)
        scene.radarr.library.add_movie(known).monitored = False
    with monkeypatch.context() as patch:
        library_refuses(scene, patch)
        wish = await scene.add("Dune 2", auto=True)
        assert scene.movie is not None
        assert scene.movie.monitored
        assert wish.keeper is None or wish.keeper.only_seen
        if then == "restarted":
            await scene.restart()
    if then != "removed at once":
        await scene.pass_time(MINUTE * 2)
        keeper = scene.wish().keeper
        assert keeper is not None
        assert (keeper.added, keeper.monitored) == ((True, False) if there == "added" else (False, True))
        assert scene.hub.memory.get(INTENTS_KEY) == {}
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert scene.movie is not None
    assert not scene.movie.monitored
    assert scene.hub.memory.get(INTENTS_KEY) == {}


async def test_what_radarr_said_no_to_was_not_done(scene: Scene) -> None:  # noqa: F811
    nobody_offers_anything(scene)
    scene.radarr.fault(FaultKind.STATUS, "POST /api/v3/movie", status=400)
    wish = await scene.add("Dune 2", auto=True)
    assert scene.movie is None
    scene.radarr.clear_faults()
    known = next(each for each in scene.radarr.library.known_movies if each.tmdb_id == DUNE_2)
    scene.radarr.library.add_movie(known)  # by a person
    await scene.watching.look(wish.id)
    await scene.pass_time(MINUTE * 15, 2)
    keeper = scene.wish().keeper
    assert keeper is not None
    assert not keeper.added
    await scene.watching.remove([wish.id])
    await scene.settle()
    assert scene.movie is not None
    assert scene.movie.monitored


# --- series ----------------------------------------------------------------------------------------------------------


def monitored(sonarr: SonarrSimulator) -> set[int]:
    """Return the seasons of which episodes are monitored."""
    return {each.season for each in the_bear(sonarr).episodes if each.monitored}


async def test_one_season_of_a_series_that_was_given_up_is_just_that(
    hass: HomeAssistant,
    hub: Hub,  # noqa: F811
    sonarr: SonarrSimulator,
) -> None:
    series = next(each for each in sonarr.library.known_series if each.tvdb_id == 403294)
    sonarr.library.add_series(series, have=False)
    series.monitored = False
    for episode in series.episodes:
        episode.monitored = episode.season != 1 or episode.number == 1
    before = [each.monitored for each in series.episodes]
    wish = await watch(hass, hub, "the bear s3", auto=True)
    assert series.monitored
    assert monitored(sonarr) == {3}
    await hub.watching.remove([wish.id])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not series.monitored
    assert [each.monitored for each in series.episodes] == before


async def test_two_seasons_are_let_go_of_one_after_the_other(
    hass: HomeAssistant,
    hub: Hub,  # noqa: F811
    sonarr: SonarrSimulator,
) -> None:
    third = await watch(hass, hub, "the bear s3", auto=True)
    first = await watch(hass, hub, "the bear s1", auto=True)
    assert monitored(sonarr) == {1, 3}
    await hub.watching.remove([third.id])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert monitored(sonarr) == {1}
    assert the_bear(sonarr).monitored
    await hub.watching.remove([first.id])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not the_bear(sonarr).monitored


async def test_what_is_added_again_while_radarr_is_away_is_looked_for(
    scene: Scene,  # noqa: F811
) -> None:
    nobody_offers_anything(scene)
    wish = await scene.add("Dune 2", auto=True)
    scene.radarr.fault(FaultKind.STATUS, "PUT /api/v3/movie/editor", status=503)
    await scene.watching.remove([wish.id])
    await scene.settle()
    again = await scene.add("Dune 2", auto=True)
    assert again.keeper is not None
    scene.radarr.clear_faults()
    await scene.pass_time(MINUTE * 15, 4)
    assert scene.movie is not None
    assert scene.movie.monitored
    keeper = scene.wish().keeper
    assert keeper is not None
    assert keeper.added
    await scene.watching.remove([again.id])
    await scene.settle()
    assert not scene.movie.monitored
