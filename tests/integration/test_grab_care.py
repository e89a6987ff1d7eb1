"""What was grabbed for nobody's list, and fails later: the next best is fetched, and nothing is deleted."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.grab_care import SHOWS_WITHIN
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.budget import MOST
from custom_components.sokoul.watchlist.deciding import MOST_GIVEN_UP
from devstack.dune import add_dune, dune_releases
from devstack.qbittorrent_torrent import SimulatedTorrent, Swarm
from devstack.real_debrid import RealDebridSimulator

from .conftest import RADARR_ID, servarr_subentry
from .healing import act
from .test_grab import DEBRID_ID, account  # noqa: F401 -- a fixture
from .test_hub import made
from .test_watching import (  # noqa: F401 -- fixtures
    Scene,
    _no_pause,
    at_debrid,
    nobody_offers_anything,
    tmdb,
    without_arr,
)
from .test_watching_gone import FILM, NOBODY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def alone(without_arr: Scene) -> Scene:  # noqa: F811
    """Have indexers offer the second Dune; nobody has put anything on the list."""
    without_arr.prowlarr.searches.offers = list(dune_releases(add_dune(without_arr.prowlarr.library)))
    return without_arr


async def grab(it: Scene, **data: Any) -> SimulatedTorrent:
    answer = await act(it.hass, Action.GRAB, **(data or {"query": "dune 2"}))
    return it.qbittorrent.torrents[answer["info_hash"]]


def fail(it: Scene, torrent: SimulatedTorrent, how: str = "nobody has all of it") -> None:
    if how == "an error":
        it.qbittorrent.change(torrent.hash, error="disk")
    else:
        it.qbittorrent.change(torrent.hash, has_metadata=True, files=[FILM], swarm=NOBODY)


async def until_there_are(it: Scene, count: int, *, within: timedelta = 2 * DAY) -> None:
    for _ in range(within // HOUR):
        if len(it.qbittorrent.torrents) >= count:
            break
        await it.pass_time(HOUR, 1)
    assert len(it.qbittorrent.torrents) == count


def newest(it: Scene) -> SimulatedTorrent:
    return list(it.qbittorrent.torrents.values())[-1]


async def journal(hass: HomeAssistant) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await act(hass, Action.GET_JOURNAL))["entries"]
    return [each for each in entries if each["act"] == "grab"]


@pytest.mark.parametrize("how", ["nobody has all of it", "an error"])
async def test_what_fails_later_is_left_and_the_next_best_fetched(alone: Scene, how: str) -> None:
    first = await grab(alone)
    fail(alone, first, how)
    await alone.pass_time(HOUR, 20)
    assert list(alone.qbittorrent.torrents.values()) == [first], "it has its time"
    await until_there_are(alone, 2)
    assert alone.qbittorrent.torrents[first.hash] is first, "nothing is deleted"
    second = newest(alone)
    assert second.name != first.name
    new, old = await journal(alone.hass)
    assert (new["actor"], new["can_undo"], old["can_undo"]) == ("SOKOUL itself", True, True)
    assert new["text"] == (
        f"\u201c{first.name}\u201d was fetched for Dune: Part Two (2024), and has stood still for too long. "
        f"qBittorrent downloads \u201c{second.name}\u201d."
    )
    assert old["text"].endswith(f"It came to nothing, so \u201c{second.name}\u201d was fetched instead.")
    assert alone.watching.wishes == {}
    await act(alone.hass, Action.UNDO, entry_id=new["id"])
    await alone.pass_time(HOUR, 30)
    assert list(alone.qbittorrent.torrents) == [first.hash], "what a person takes back isn't replaced"


async def test_after_a_restart_it_goes_on(alone: Scene) -> None:
    fail(alone, await grab(alone))
    await alone.pass_time(HOUR, 20)
    await alone.restart()
    await until_there_are(alone, 2)


async def nothing(_: Scene, __: SimulatedTorrent) -> None:
    """Let it fail."""


async def came(it: Scene, torrent: SimulatedTorrent) -> None:
    it.qbittorrent.change(torrent.hash, has_metadata=True, files=[FILM], swarm=Swarm(rate=1e9, seeds=20))
    await it.pass_time(timedelta(minutes=21), 2)
    assert torrent.progress == 1


async def undone(it: Scene, _: SimulatedTorrent) -> None:
    await act(it.hass, Action.UNDO)


async def removed(it: Scene, torrent: SimulatedTorrent) -> None:
    del it.qbittorrent.torrents[torrent.hash]
    await it.pass_time(SHOWS_WITHIN, 3)


async def paused(it: Scene, torrent: SimulatedTorrent) -> None:
    it.qbittorrent.change(torrent.hash, stopped=True)


@pytest.mark.parametrize("what", [came, undone, removed, paused])
async def test_what_is_here_or_a_persons_doing_is_not_replaced(alone: Scene, what: Any) -> None:
    torrent = await grab(alone)
    await what(alone, torrent)
    if torrent.hash in alone.qbittorrent.torrents:
        fail(alone, torrent, "an error" if what is came else "")
    before = set(alone.qbittorrent.torrents)
    await alone.pass_time(HOUR, 30)
    assert set(alone.qbittorrent.torrents) == before


async def test_who_names_one_gets_that_alone(alone: Scene) -> None:
    (best, *_) = (await act(alone.hass, Action.SEARCH, query="dune 2", wait=20))["results"]
    torrent = await grab(alone, result=best["id"])
    fail(alone, torrent)
    await alone.pass_time(HOUR, 30)
    assert list(alone.qbittorrent.torrents) == [torrent.hash]


async def test_a_result_with_alternatives_is_replaced(alone: Scene) -> None:
    (best, *_) = (await act(alone.hass, Action.SEARCH, query="dune 2", wait=20))["results"]
    fail(alone, await grab(alone, result=best["id"], alternatives=True))
    await until_there_are(alone, 2)


async def test_what_stands_still_is_given_up_but_five_times(alone: Scene) -> None:
    """If none of them comes, it may be the connection."""
    fail(alone, await grab(alone))
    for count in range(2, MOST_GIVEN_UP + 2):
        await until_there_are(alone, count, within=4 * DAY)
        fail(alone, newest(alone))
    await alone.pass_time(6 * HOUR, 20)
    assert len(alone.qbittorrent.torrents) == MOST_GIVEN_UP + 1


async def test_where_nobody_has_another_it_is_looked_for_more_and_more_rarely(alone: Scene) -> None:
    torrent = await grab(alone)
    fail(alone, torrent)
    nobody_offers_anything(alone)
    alone.prowlarr.requests.clear()
    await alone.pass_time(HOUR, 48)
    searches = sum(each.path == "/api/v1/search" and "query" in dict(each.query) for each in alone.prowlarr.requests)
    assert 0 < searches <= 15, "five searches, each in three ways at most"
    assert list(alone.qbittorrent.torrents) == [torrent.hash]
    alone.prowlarr.searches.offers = list(dune_releases(add_dune(alone.prowlarr.library)))
    await until_there_are(alone, 2)


async def test_its_searches_are_among_those_that_there_may_be(alone: Scene) -> None:
    fail(alone, await grab(alone))
    await alone.pass_time(HOUR, 23)
    budget = alone.watching.work.budget
    for hour in range(6):
        for number in range(MOST):
            budget.spend(f"{hour}{number}", alone.radarr.clock.now() + timedelta(hours=hour))
    await alone.pass_time(HOUR, 4)
    assert len(alone.qbittorrent.torrents) == 1
    await until_there_are(alone, 2)


async def test_what_radarr_has_by_now_is_its_business(alone: Scene) -> None:
    torrent = await grab(alone)
    fail(alone, torrent)
    library = alone.radarr.library
    library.add_movie(add_dune(library).second, have=False)
    alone.hass.config_entries.async_add_subentry(alone.entry, made(servarr_subentry(alone.radarr, RADARR_ID)))
    await alone.settle()
    await alone.pass_time(HOUR, 30)
    assert list(alone.qbittorrent.torrents) == [torrent.hash]


# --- at a debrid account ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["dead", "virus"])
async def test_what_fails_at_an_account_is_replaced(
    at_debrid: Scene,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
    status: str,
) -> None:
    at_debrid.prowlarr.searches.offers = list(dune_releases(add_dune(at_debrid.prowlarr.library)))
    answer = await act(at_debrid.hass, Action.GRAB, query="dune 2")
    (first,) = account.account.torrents.values()
    assert first.hash == answer["info_hash"]
    account.account.turn(first, status)
    await at_debrid.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    await at_debrid.pass_time(timedelta(minutes=1), 3)
    hashes = {each.hash for each in account.account.torrents.values()}
    assert first.hash in hashes
    assert len(hashes) == 2
    assert (await journal(at_debrid.hass))[0]["actor"] == "SOKOUL itself"
