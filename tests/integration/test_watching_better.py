"""What can be watched and isn't good enough: something better is fetched, once it is there, and is told of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.journal import ActKind, EntryStatus
from custom_components.sokoul.search_policies import policies_of
from custom_components.sokoul.services import Action
from custom_components.sokoul.watching_feeds import Feeds
from custom_components.sokoul.watchlist.items import Wish, WishState
from devstack.clock import ManualClock
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent_torrent import SimulatedFile, SimulatedTorrent, Swarm
from devstack.real_debrid import RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile, Torrent

from .conftest import RADARR_ID, servarr_subentry
from .flows import submit_backend, suggested
from .healing import act
from .test_grab import DEBRID_ID, account, debrid_subentry  # noqa: F401 -- a fixture
from .test_hub import made
from .test_policy_flow import add_policy
from .test_watching import MINUTE, Scene, _no_pause, at_debrid, tmdb, without_arr  # noqa: F401 -- fixtures

DAY = timedelta(days=1)


@pytest.fixture
async def alone(without_arr: Scene) -> Scene:  # noqa: F811
    """Let nobody else look for something better. At first there is nothing in 2160p."""
    offer(without_arr.prowlarr, lambda name: "2160p" not in name)
    usual = {"name": "Best of all", "usual": True, "good_enough": "best"}
    await add_policy(without_arr.hass, without_arr.entry, usual)
    return without_arr


def offer(prowlarr: ProwlarrSimulator, fits: Callable[[str], bool]) -> None:
    prowlarr.searches.offers = [each for each in dune_releases(add_dune(prowlarr.library)) if fits(each.title)]


async def ready(scene: Scene, **said: Any) -> Wish:
    """Have Dune downloaded."""
    await scene.add("Dune 2", auto=True, **said)
    await scene.let_it_download()
    wish = scene.wish()
    assert wish.state is WishState.READY
    assert "1080p" in wish.parts[0].release
    return wish


async def finish(scene: Scene, torrent: SimulatedTorrent) -> None:
    film = SimulatedFile(path=f"{torrent.name}.mkv", size_bytes=24_800_000_000)
    swarm = Swarm(rate=1e9, seeds=20)
    scene.qbittorrent.change(torrent.hash, has_metadata=True, files=[film], swarm=swarm)
    await scene.pass_time(MINUTE, 5)


def searches(scene: Scene) -> int:
    return sum(each.path == "/api/v1/search" and "query" in dict(each.query) for each in scene.prowlarr.requests)


@pytest.fixture
def _no_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: Feeds) -> None:
        return

    monkeypatch.setattr(Feeds, "read", read)


@pytest.mark.usefixtures("_no_feeds")
async def test_something_better_is_fetched_when_it_is_there(alone: Scene, hass: HomeAssistant) -> None:
    wish = await ready(alone)
    first = alone.torrent
    before = wish.parts[0]
    assert [each.key for each in wish.why] == ["watchlist.could_be_better"]
    told = await act(hass, Action.EXPLAIN, title="dune 2")
    assert told["text"].startswith("Ready to watch. Could be better: 1080p now, looked for in 2160p until ")
    assert "not searched for yet. What is here stays." in told["chain"][-1]["text"]

    asked = searches(alone)
    await alone.pass_time(timedelta(hours=12))
    assert searches(alone) == asked, "that it can be watched is enough for a day"
    await alone.pass_time(timedelta(hours=15))
    assert searches(alone) > asked
    assert len(alone.qbittorrent.torrents) == 1, "nothing better is there"
    assert alone.wish().parts[0].looks == 1

    offer(alone.prowlarr, lambda _: True)
    await alone.pass_time(timedelta(hours=27))
    (new,) = [each for each in alone.qbittorrent.torrents.values() if each.hash != first.hash]
    part = alone.wish().parts[0]
    assert (part.release, alone.wish().state) == (before.release, WishState.READY), "it can still be watched"
    assert part.better is not None
    assert part.better.download == new.hash
    assert "2160p" in part.better.release
    entries = await alone.hub.pilot.kernel.journal.find(acts=[ActKind.GRAB])
    assert [(each.status, each.reason.key) for each in entries] == [
        (EntryStatus.DONE, "grab.better"),
        (EntryStatus.DONE, "grab.asked"),
    ]
    assert entries[0].reason.parameters["release"] == before.release
    assert entries[0].id == part.better.entry_id

    await alone.restart()
    alone.listen()
    await finish(alone, new)
    part = alone.wish().parts[0]
    assert (part.download, part.better, part.upgrades, part.better_until) == (new.hash, None, 1, None)
    assert part.ready_at == before.ready_at
    assert first.hash in alone.qbittorrent.torrents, "what was there stays"
    assert [event for event, _ in alone.happened] == ["grabbed", "ready", "grabbed", "upgraded"]
    assert alone.happened[-1][1]["instead"] == before.release
    assert alone.happened[-1][1]["release"] == part.release
    state = hass.states.get("event.sokoul_watchlist")
    assert state is not None
    assert state.attributes["event_type"] == "upgraded"
    assert state.attributes["text"] == f"Dune: Part Two (2024) can be watched in something better: {part.release}"

    asked = searches(alone)
    await alone.pass_time(DAY, 10)
    assert searches(alone) == asked, "it is as good as is wanted"
    assert len(alone.qbittorrent.torrents) == 2


async def test_a_feed_brings_it_about_at_once(alone: Scene, clock: ManualClock) -> None:
    await ready(alone)
    await alone.pass_time(timedelta(hours=1))
    offer(alone.prowlarr, lambda _: True)
    new = [replace(each, published=clock.now()) for each in alone.prowlarr.searches.offers if "2160p" in each.title]
    alone.prowlarr.searches.offers += new
    await alone.pass_time(timedelta(minutes=16), 2)
    part = alone.wish().parts[0]
    assert part.better is not None
    assert len(alone.qbittorrent.torrents) == 2


async def test_nothing_better_is_looked_for_unasked(alone: Scene) -> None:
    wish = await ready(alone)
    await alone.watching.change(wish.id, auto=False)
    await alone.settle()
    assert alone.wish().why == ()
    offer(alone.prowlarr, lambda _: True)
    asked = searches(alone)
    await alone.pass_time(DAY, 5)
    assert searches(alone) == asked
    assert len(alone.qbittorrent.torrents) == 1


@pytest.mark.usefixtures("_no_feeds")
async def test_what_somebody_else_has_downloaded_is_not_fetched_twice(alone: Scene) -> None:
    await ready(alone)
    offer(alone.prowlarr, lambda _: True)
    grabbed = await act(alone.hass, Action.GRAB, query="dune 2")
    assert grabbed["status"] == "done"
    await alone.pass_time(timedelta(hours=27))
    assert len(alone.qbittorrent.torrents) == 2
    part = alone.wish().parts[0]
    assert (part.release, part.upgrades, part.entry_id) == (grabbed["release"], 1, None), "that is here by now"
    assert [event for event, _ in alone.happened][-1] == "upgraded"


@pytest.mark.usefixtures("_no_feeds")
async def test_who_was_away_when_it_was_looked_at_delays_it_until_they_answer(alone: Scene) -> None:
    """Nothing is looked for while nobody can tell whether Radarr has the title by now."""
    await ready(alone)
    add_dune(alone.radarr.library)
    alone.radarr.fault(FaultKind.STATUS, status=503)
    radarr = made(servarr_subentry(alone.radarr, RADARR_ID))
    alone.hass.config_entries.async_add_subentry(alone.entry, radarr)
    await alone.restart()  # all that can be watched is looked at
    asked = searches(alone)
    await alone.pass_time(timedelta(hours=9), 3)
    assert searches(alone) == asked
    alone.radarr.clear_faults()
    await alone.pass_time(timedelta(hours=1), 2)
    assert searches(alone) > asked


@pytest.mark.usefixtures("_no_feeds")
async def test_what_a_policy_says_later_counts(alone: Scene) -> None:
    """With one that takes whatever comes first nothing is looked for, and with another one it is."""
    (named,) = policies_of(alone.entry).values()
    result = await alone.entry.start_subentry_reconfigure_flow(alone.hass, named.key)
    result = await submit_backend(alone.hass, result, **(suggested(result) | {"good_enough": "first"}))
    await submit_backend(alone.hass, result, **suggested(result))
    await alone.settle()
    wish = await ready(alone)
    assert (wish.why, wish.due) == ((), None)
    result = await alone.entry.start_subentry_reconfigure_flow(alone.hass, named.key)
    result = await submit_backend(alone.hass, result, **(suggested(result) | {"good_enough": "best"}))
    result = await submit_backend(alone.hass, result, **suggested(result))
    await alone.settle()
    assert [each.key for each in alone.wish().why] == ["watchlist.could_be_better"]
    assert alone.wish().due is not None


@pytest.mark.usefixtures("_no_feeds")
async def test_at_a_debrid_account_both_stay(
    at_debrid: Scene,  # noqa: F811
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    scene, prowlarr = at_debrid, at_debrid.prowlarr
    everything = list(prowlarr.searches.offers)
    for each in everything:
        film = PlannedFile(path="/Dune.mkv", size_bytes=each.size_bytes)
        name = each.title if "2160p" in each.title else "Dune Part Two"
        plan = Plan(name=name, files=(film,), cached=False)
        account.account.plans[each.info_hash.lower()] = plan
    prowlarr.searches.offers = [each for each in everything if "2160p" not in each.title]
    await add_policy(scene.hass, scene.entry, {"name": "Best of all", "usual": True, "good_enough": "best"})
    await scene.add("Dune 2", auto=True)
    (first,) = account.account.torrents.values()

    async def complete(torrent: Torrent) -> None:
        account.account.turn(torrent, "downloaded")
        await scene.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
        await scene.pass_time(timedelta(minutes=10), 2)

    await complete(first)
    wish = scene.wish()
    assert wish.state is WishState.READY
    assert "1080p" in wish.parts[0].release, "the name under which it was found tells more"
    prowlarr.searches.offers = everything
    await scene.pass_time(timedelta(hours=27))
    better = scene.wish().parts[0].better
    assert better is not None
    (new,) = [each for each in account.account.torrents.values() if each.hash != first.hash]
    assert better.download == new.hash
    await complete(new)
    part = scene.wish().parts[0]
    assert (part.download, part.better, part.better_until) == (new.hash, None, None)
    assert "2160p" in part.release
    assert len(account.account.torrents) == 2
    assert [event for event, _ in scene.happened] == ["grabbed", "ready", "grabbed", "upgraded"]
