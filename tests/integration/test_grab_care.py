"""What was grabbed for nobody's list, and fails later: the next best is fetched, and nothing is deleted."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.sokoul import grab_care
from custom_components.sokoul.acquire.grabbing import AGAIN
from custom_components.sokoul.debriding import EVENT_SYNC
from custom_components.sokoul.grab_care import SHOWS_WITHIN
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.journal import ActKind, EntryStatus
from custom_components.sokoul.services import Action
from custom_components.sokoul.store import StoreError
from custom_components.sokoul.watching_downloads import Downloads
from custom_components.sokoul.watchlist.budget import MOST, WITHIN
from custom_components.sokoul.watchlist.deciding import AT_ONCE, MOST_GIVEN_UP
from custom_components.sokoul.watchlist.standalone import LOOKED_AFTER, Standalone, from_json
from devstack.clock import ManualClock
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedTorrent, Swarm
from devstack.real_debrid import RealDebridSimulator
from devstack.real_debrid_account import Plan

from .conftest import QBITTORRENT_ID, RADARR_ID, qbittorrent_subentry, servarr_subentry
from .healing import act
from .test_grab import DEBRID_ID, account  # noqa: F401 -- a fixture
from .test_grab_quota import no_traffic
from .test_hub import made
from .test_policy_flow import add_policy
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


async def looked_after(it: Scene) -> list[Standalone]:
    """Return what is kept of the grabs that are looked after, the newest first."""
    entries = await it.hub.pilot.kernel.journal.find(statuses=[EntryStatus.DONE], acts=[ActKind.GRAB])
    return [care for each in entries if (care := from_json(each.parameters.get(AGAIN))) is not None]


def searches(it: Scene) -> int:
    return sum(each.path == "/api/v1/search" and "query" in dict(each.query) for each in it.prowlarr.requests)


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


async def came(it: Scene, torrent: SimulatedTorrent) -> None:
    it.qbittorrent.change(torrent.hash, has_metadata=True, files=[FILM], swarm=Swarm(rate=1e9, seeds=20))
    await it.pass_time(timedelta(minutes=21), 2)
    assert torrent.progress == 1


async def undone(it: Scene, _: SimulatedTorrent) -> None:
    await act(it.hass, Action.UNDO)


async def removed(it: Scene, torrent: SimulatedTorrent) -> None:
    it.qbittorrent.remove(torrent)
    await it.pass_time(SHOWS_WITHIN, 3)


async def added_by_another(it: Scene, torrent: SimulatedTorrent) -> None:
    """Take it back, and have somebody add it at once by themselves."""
    await undone(it, torrent)
    it.qbittorrent.add_torrent(torrent.name, hash=torrent.hash)


async def expired(it: Scene, torrent: SimulatedTorrent) -> None:
    """Nobody waits for it any more."""
    slow = Swarm(rate=FILM.size_bytes / (100 * DAY.total_seconds()), seeds=1)
    it.qbittorrent.change(torrent.hash, has_metadata=True, files=[FILM], swarm=slow)
    await it.pass_time(LOOKED_AFTER / 2, 2)
    assert await looked_after(it)
    await it.pass_time(HOUR)


async def paused(it: Scene, torrent: SimulatedTorrent) -> None:
    it.qbittorrent.change(torrent.hash, stopped=True)


@pytest.mark.parametrize("what", [came, undone, removed, added_by_another, expired, paused])
async def test_what_is_here_or_a_persons_doing_is_not_replaced(alone: Scene, what: Any) -> None:
    torrent = await grab(alone)
    await what(alone, torrent)
    assert bool(await looked_after(alone)) is (what is paused)
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
    assert 0 < searches(alone) <= 15, "five searches, each in three ways at most"
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
    assert await looked_after(alone) == []


async def test_who_is_away_may_have_it(alone: Scene) -> None:
    torrent = await grab(alone)
    alone.qbittorrent.fault(FaultKind.STATUS, status=503)
    await alone.restart()
    await alone.pass_time(HOUR, 2)
    alone.qbittorrent.clear_faults()
    fail(alone, torrent)
    await until_there_are(alone, 2)


async def test_what_does_not_show_yet_is_not_gone(alone: Scene) -> None:
    await alone.pass_time(SHOWS_WITHIN)
    torrent = await grab(alone)
    alone.qbittorrent.remove(torrent)
    await alone.pass_time(SHOWS_WITHIN / 3, 2)  # it is looked at meanwhile
    assert await looked_after(alone)


async def test_where_the_client_is_no_more_nobody_looks_after_it(alone: Scene) -> None:
    await grab(alone)
    alone.hass.config_entries.async_remove_subentry(alone.entry, QBITTORRENT_ID)
    await alone.settle()
    await alone.pass_time(HOUR)
    assert await looked_after(alone) == []


async def test_what_was_there_before_is_not_replaced(alone: Scene) -> None:
    found = (await act(alone.hass, Action.SEARCH, query="dune 2", wait=20))["results"]
    offers = {each.title: each.info_hash.lower() for each in alone.prowlarr.searches.offers}
    best = found[0]
    theirs = alone.qbittorrent.add_torrent("Theirs", hash=offers[best["release"]])
    answer = await act(alone.hass, Action.GRAB, result=best["id"], alternatives=True)
    assert answer["result"] == "already_there"
    fail(alone, theirs)
    await alone.pass_time(HOUR, 30)
    assert list(alone.qbittorrent.torrents) == [theirs.hash]


async def test_what_somebody_else_downloads_by_then_is_enough(alone: Scene) -> None:
    fail(alone, await grab(alone))
    other = next(each for each in alone.prowlarr.searches.offers if "2160p.UHD" in each.title)
    slow = Swarm(rate=FILM.size_bytes / (100 * DAY.total_seconds()), seeds=1)
    alone.qbittorrent.add_torrent(other.title, files=[("film.mkv", FILM.size_bytes)], swarm=slow)
    await alone.pass_time(HOUR, 30)
    assert len(alone.qbittorrent.torrents) == 2
    assert await looked_after(alone) == []


@pytest.mark.parametrize("what", [came, undone])
async def test_what_changes_during_the_search_counts(alone: Scene, monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    torrent = await grab(alone)
    fail(alone, torrent)
    search, asked = alone.hub.searching.search, 0

    async def during(*said: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        if what is undone:
            await act(alone.hass, Action.UNDO)
        else:
            swarm = Swarm(rate=1e9, seeds=20)
            alone.qbittorrent.change(torrent.hash, completed=FILM.size_bytes, swarm=swarm)
            await alone.hub.refresh([QBITTORRENT_ID])
        return await search(*said, **more)

    monkeypatch.setattr(alone.hub.searching, "search", during)
    await alone.pass_time(HOUR, 30)
    assert asked == 1
    assert list(alone.qbittorrent.torrents) == ([torrent.hash] if what is came else [])


async def test_grabbed_again_it_has_its_time_again(alone: Scene) -> None:
    torrent = await grab(alone)
    fail(alone, torrent)
    await alone.pass_time(HOUR, 20)
    await act(alone.hass, Action.UNDO)
    await alone.hub.refresh([QBITTORRENT_ID])
    alone.prowlarr.searches.offers = [each for each in alone.prowlarr.searches.offers if each.title == torrent.name]
    await act(alone.hass, Action.SEARCH, query="dune 2", wait=20, fresh=True)
    again = await grab(alone)
    assert again.hash == torrent.hash
    fail(alone, again)
    alone.prowlarr.searches.offers = list(dune_releases(add_dune(alone.prowlarr.library)))
    await alone.pass_time(HOUR, 20)
    assert len(alone.qbittorrent.torrents) == 1
    await until_there_are(alone, 2)


@pytest.mark.parametrize("then", ["it comes", "nobody wants it"])
async def test_while_it_waits_for_its_turn_others_are_behind_it(alone: Scene, clock: ManualClock, then: str) -> None:
    torrent = await grab(alone)
    fail(alone, torrent)
    await alone.pass_time(HOUR, 23)
    budget, first = alone.watching.work.budget, clock.now() + HOUR
    for minute in range(MOST):
        budget.spend("another", first + timedelta(minutes=minute))
    await alone.pass_time(HOUR, 3)
    assert budget.free_at("another", clock.now()) == first + timedelta(minutes=1) + WITHIN
    (care,) = await looked_after(alone)
    assert (care.failed, care.given_up) == ((torrent.hash, torrent.name), 1), "that is decided"
    if then == "it comes":
        slow = Swarm(rate=FILM.size_bytes / (100 * DAY.total_seconds()), seeds=1)
        alone.qbittorrent.change(torrent.hash, swarm=slow)
        await alone.pass_time(timedelta(minutes=20), 3)
    else:
        await act(alone.hass, Action.UNDO)
    assert budget.free_at("another", clock.now()) == first + WITHIN


async def test_each_search_counts(alone: Scene, clock: ManualClock) -> None:
    fail(alone, await grab(alone))
    await until_there_are(alone, 2)
    budget = alone.watching.work.budget
    for _ in range(MOST - 1):
        budget.spend("another", clock.now())
    assert budget.free_at("another", clock.now()) is not None


async def test_what_nobody_takes_now_is_tried_again_and_what_leads_nowhere_is_not(
    alone: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    torrent = await grab(alone)
    fail(alone, torrent)
    alone.qbittorrent.fault(FaultKind.STATUS, "POST /api/v2/torrents/add", status=500)
    alone.prowlarr.requests.clear()
    await alone.pass_time(HOUR, 30)
    assert len(alone.qbittorrent.torrents) == 1
    assert 0 < searches(alone) <= 12, "four searches, each in three ways at most"
    (care,) = await looked_after(alone)
    assert care.failed == (torrent.hash, torrent.name)
    alone.qbittorrent.clear_faults()

    async def source(_: Any) -> bytes:
        return b"<html>log in</html>"

    monkeypatch.setattr(alone.prowlarr, "source", source)
    alone.prowlarr.searches.offers = [
        each for each in alone.prowlarr.searches.offers if each.indexer.name != "Open Harbour"
    ]
    await alone.pass_time(HOUR, 12)
    (care,) = await looked_after(alone)
    assert len(alone.qbittorrent.torrents) == 1
    assert len(care.failed) > 2, "the names of what leads nowhere"
    assert care.given_up == 1


async def test_what_cannot_be_read_or_written_is_looked_after_later(
    alone: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fail(alone, await grab(alone))
    await alone.pass_time(HOUR, 20)

    async def refuse(*_: Any, **__: Any) -> Any:
        raise StoreError("locked")

    kept = type(alone.hub.pilot.kernel.journal)
    with monkeypatch.context() as broken:
        broken.setattr(kept, "change", refuse)
        await alone.pass_time(HOUR, 10)
        assert "What was grabbed can't be looked after: locked" in caplog.text
        assert "A grab could not be looked after" not in caplog.text
        find = kept.find

        async def refuse_some(*asked: Any, **more: Any) -> Any:
            return await (refuse() if more.get("limit") == grab_care._PORTION else find(*asked, **more))

        broken.setattr(grab_care, "_PORTION", 99)
        broken.setattr(kept, "find", refuse_some)
        await alone.restart()
    assert "What was grabbed can't be read: locked" in caplog.text
    await until_there_are(alone, 2)


async def test_one_that_can_not_be_looked_after_stops_no_other(
    alone: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(grab_care, "_PORTION", 1)  # the journal is read in two
    first = await grab(alone)
    other = await grab(alone, query="dune 1984")
    fail(alone, other)
    await alone.restart()
    find = Downloads.find

    async def faulty(self: Downloads, key: str, *said: Any) -> Any:
        if key == first.hash:
            raise OverflowError
        return await find(self, key, *said)

    monkeypatch.setattr(Downloads, "find", faulty)
    await until_there_are(alone, 3)
    assert "A grab could not be looked after" in caplog.text
    assert newest(alone).name.startswith("Dune.1984")


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


@pytest.fixture
async def dying(at_debrid: Scene, account: RealDebridSimulator) -> Scene:  # noqa: F811
    """Let whatever the account fetches be under way for long."""
    at_debrid.prowlarr.searches.offers = list(dune_releases(add_dune(at_debrid.prowlarr.library)))
    slow = Plan(cached=False, download_seconds=DAY.total_seconds())
    for each in at_debrid.prowlarr.searches.offers:
        account.account.plans[each.info_hash.lower()] = slow
    return at_debrid


async def die(it: Scene, account: RealDebridSimulator) -> None:  # noqa: F811
    """Let what is under way die, and SOKOUL know it."""
    for each in account.account.torrents.values():
        account.account.turn(each, "dead")
    await it.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    await it.pass_time(timedelta(seconds=20), 2)


async def test_after_the_first_times_it_waits(dying: Scene, account: RealDebridSimulator) -> None:  # noqa: F811
    await act(dying.hass, Action.GRAB, query="dune 2")
    for _ in range(AT_ONCE + 2):
        await die(dying, account)
    assert len(account.account.torrents) == 1 + AT_ONCE
    await dying.pass_time(HOUR, 30)
    assert len(account.account.torrents) == 2 + AT_ONCE


async def test_two_looks_are_not_at_once(dying: Scene, account: RealDebridSimulator) -> None:  # noqa: F811
    await act(dying.hass, Action.GRAB, query="dune 2")
    (first,) = account.account.torrents.values()
    account.account.turn(first, "dead")
    await dying.hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    for _ in range(2):
        dying.hass.bus.async_fire(EVENT_SYNC, {"type": "ended", "summary": {}})
    await dying.pass_time(timedelta(seconds=20), 2)
    assert len(account.account.torrents) == 2
    assert len(await journal(dying.hass)) == 2


async def test_what_an_account_has_not_told_since_is_not_gone(
    dying: Scene,
    account: RealDebridSimulator,  # noqa: F811
) -> None:
    await act(dying.hass, Action.GRAB, query="dune 2")
    account.fault(FaultKind.STATUS, "GET /rest/1.0/torrents", status=503)
    await dying.pass_time(HOUR, 2)
    assert await looked_after(dying)
    account.clear_faults()
    account.account.torrents.clear()
    account.account.revision += 1
    await dying.pass_time(HOUR, 2)
    assert await looked_after(dying) == []


@pytest.mark.parametrize("what", ["only there", "by policy", "insisting"])
async def test_it_goes_where_the_first_one_was_to_go(
    dying: Scene,
    account: RealDebridSimulator,  # noqa: F811
    qbittorrent: QbittorrentSimulator,
    what: str,
) -> None:
    said: dict[str, Any] = {}
    if what == "only there":
        said["device_id"] = dying.hub.backends[DEBRID_ID].device_id
    elif what == "by policy":
        said["policy"] = "Debrid"
        await add_policy(dying.hass, dying.entry, {"name": "Debrid"}, {"fetch_by": ["debrid"]})
    else:
        no_traffic(account)
        said["insist"] = True
    if what != "insisting":
        dying.hass.config_entries.async_add_subentry(dying.entry, made(qbittorrent_subentry(qbittorrent)))
        await dying.settle()
    await act(dying.hass, Action.GRAB, query="dune 2", **said)
    assert len(account.account.torrents) == 1
    await die(dying, account)
    assert (len(account.account.torrents), qbittorrent.torrents) == (2, {})
