"""The hands of a grab where something is gone, already done, or otherwise than it was said."""

from dataclasses import replace
import json
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.acquire.grabbing import Adding, Aim, AlreadyThere, GrabFailed, Trace, Way
from custom_components.sokoul.acquire.links import LinkRefused
from custom_components.sokoul.acquire.ports import SearchAnswer, Target
from custom_components.sokoul.clients.arr import ArrClient
from custom_components.sokoul.grab_hands import HubGrabHands, usual_profile
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.model.library import Protocol, TitleKind
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.releases import Offer
from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.releases.identify import Wanted
from custom_components.sokoul.releases.merge import merge
from custom_components.sokoul.services import Action
from custom_components.sokoul.store import StoreError
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent_torrent import SimulatedFile
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator
from devstack.releases import Release
from devstack.torrents import info_hash, make_torrent

from .conftest import QBITTORRENT_ID, RADARR_ID, SetUp
from .healing import act
from .test_grab import BEST, DEBRID_ID, Programs, _no_pause, account, connect, programs, search  # noqa: F401 -- fixtures

HASH, OTHER = "a" * 40, "b" * 40
DUNE_2 = 693134


@pytest.fixture
def hands(programs: Programs) -> HubGrabHands:  # noqa: F811
    made = programs.hub.grabbing.hands
    assert isinstance(made, HubGrabHands)
    return made


def trace(way: Way, backend_id: str, **values: Any) -> Trace:
    return Trace(way=way, backend_id=backend_id, name="Gone", release=BEST, at=dt_util.utcnow(), **values)


def arr(hub: Hub) -> ArrClient:
    client = hub.backends[RADARR_ID].client
    assert isinstance(client, ArrClient)
    return client


async def found(hub: Hub, text: str = "dune 2") -> tuple[SearchAnswer, Target]:
    answer = await hub.searching.search(SearchRequest(text=text))
    assert answer.target is not None
    return answer, answer.target


@pytest.mark.parametrize("way", Way)
async def test_what_a_removed_backend_did_cannot_be_taken_back_nor_looked_for(hands: HubGrabHands, way: Way) -> None:
    gone = trace(way, "01SOKOULGONE00000000000000", info_hash=HASH)
    for work in (hands.take_back, hands.find):
        with pytest.raises(GrabFailed) as failed:
            await work(gone)
        assert failed.value.reason == Reason(key="grab.not_answering", parameters={"backend": "Gone"})


# --- the library -----------------------------------------------------------------------------------------------------


async def test_a_title_that_is_managed_is_not_added_again(programs: Programs, hands: HubGrabHands) -> None:  # noqa: F811
    _, target = await found(programs.hub)
    managed, added = await hands.add_title(target, Adding())
    assert added is not None
    assert added[0] == RADARR_ID
    assert await hands.add_title(managed, Adding()) == (managed, None)
    # who searched before doesn't know it: Radarr has it all the same, and it isn't this grab that added it
    known, again = await hands.add_title(target, Adding())
    assert (known.entry_of(RADARR_ID), again) == (managed.entry_of(RADARR_ID), None)
    assert [each.tmdb_id for each in programs.radarr.library.movies.values()].count(DUNE_2) == 1


@pytest.mark.parametrize("kind", [None, TitleKind.SERIES])
async def test_what_no_arr_may_manage_is_not_added(
    programs: Programs,  # noqa: F811
    hands: HubGrabHands,
    kind: TitleKind | None,
) -> None:
    target = Target(text="dune", wanted=Wanted(kind=TitleKind.MOVIE, names=("Dune",)))
    if kind is not None:  # there is no Sonarr
        _, known = await found(programs.hub)
        assert known.title is not None
        target = replace(target, title=replace(known.title, kind=kind))
    with pytest.raises(GrabFailed) as failed:
        await hands.add_title(target, Adding())
    assert failed.value.reason.key == "grab.nobody_adds"


async def test_a_title_that_left_its_library_is_removed(hands: HubGrabHands) -> None:
    assert (await hands.remove_title((RADARR_ID, 987_654))).key == "grab.title_removed"
    assert (await hands.remove_title(("01SOKOULGONE00000000000000", 1))).key == "grab.title_stays"


async def test_the_first_profile_is_the_usual_one_of_an_empty_library(programs: Programs) -> None:  # noqa: F811
    client, library = arr(programs.hub), programs.radarr.library
    library.movies.clear()
    assert await usual_profile(client, Adding()) == next(iter(library.profiles))
    library.profiles.clear()
    with pytest.raises(GrabFailed) as failed:
        await usual_profile(client, Adding())
    assert failed.value.reason.key == "grab.nobody_adds"


# --- links -----------------------------------------------------------------------------------------------------------


async def test_a_link_that_leads_to_another_torrent_is_not_taken(hands: HubGrabHands) -> None:
    offer = Offer(
        name=BEST, indexer="Feed", protocol=Protocol.TORRENT, info_hash=HASH, link=f"magnet:?xt=urn:btih:{OTHER}"
    )
    (release,) = merge([offer])
    payload = await hands.payload(release)
    assert (payload.link.info_hash, payload.name) == (HASH, BEST), "its hash is known, and nobody said it is private"
    (told_nothing,) = merge([replace(offer, info_hash=None, link="")])
    with pytest.raises(LinkRefused) as refused:
        await hands.payload(told_nothing)
    assert refused.value.reason.key == "grab.link_missing"


# --- through an *arr -------------------------------------------------------------------------------------------------


async def test_what_an_arr_was_asked_for_is_found_in_its_queue_and_in_its_history(
    hass: HomeAssistant,
    programs: Programs,  # noqa: F811
    hands: HubGrabHands,
) -> None:
    movie = next(each for each in programs.radarr.library.movies.values() if each.file is None and each.monitored)
    chosen = next(each for each in await search(hass, f"tmdb:{movie.tmdb_id}", refused=True) if each["accepted"])
    asked = replace(trace(Way.ARR, RADARR_ID), release=chosen["release"], at=programs.radarr.clock.now())
    aim = Aim(way=Way.ARR, backend_id=RADARR_ID, name="Radarr", why=Reason(key="grab.why_arr"))
    assert await hands.find(asked) is None
    assert await hands.prepare(aim, asked, None) is asked
    await act(hass, Action.GRAB, result=chosen["id"])
    assert await hands.find(asked) is asked
    with pytest.raises(AlreadyThere):
        await hands.prepare(aim, asked, None)
    programs.radarr.queue.items.clear()  # somebody removed it there
    assert await hands.find(asked) is asked, "its history says so"


async def test_whose_files_another_torrent_has_stays_in_its_client_when_an_arr_lets_go_of_it(
    hass: HomeAssistant,
    programs: Programs,  # noqa: F811
) -> None:
    movie = next(each for each in programs.radarr.library.movies.values() if each.file is None and each.monitored)
    chosen = next(each for each in await search(hass, f"tmdb:{movie.tmdb_id}", refused=True) if each["accepted"])
    answer = await act(hass, Action.GRAB, result=chosen["id"])
    (item,) = programs.radarr.queue.items
    torrent = programs.qbittorrent.torrents[(item.download_id or "").lower()]
    programs.qbittorrent.change(torrent.hash, has_metadata=True, files=[SimulatedFile(path="film.mkv", size_bytes=9)])
    twin = programs.qbittorrent.add_torrent(torrent.name, "seeding")
    programs.qbittorrent.change(twin, files=torrent.files, save_path=torrent.save_path)
    await programs.hub.backends[QBITTORRENT_ID].async_refresh()
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert programs.radarr.queue.items == []
    assert torrent.hash in programs.qbittorrent.torrents
    entry = (await act(hass, Action.GET_JOURNAL))["entries"][0]
    assert entry["status"] == "undone"


# --- from a client ---------------------------------------------------------------------------------------------------


async def test_what_a_person_removed_is_taken_back_already(hass: HomeAssistant, programs: Programs) -> None:  # noqa: F811
    answer = await act(hass, Action.GRAB, query="dune 2")
    programs.qbittorrent.remove(programs.qbittorrent.torrents[answer["info_hash"]])
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    entry = (await act(hass, Action.GET_JOURNAL))["entries"][0]
    assert entry["status"] == "undone"


# --- a debrid account ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "headers", "said"),
    [
        (429, 34, {"Retry-After": "90"}, "asks to be left alone until"),
        (403, 21, {}, "as many torrents as it may already"),
        (403, 23, {}, "traffic of Account is used up"),
        (403, 35, {}, "Account refuses it"),
    ],
)
async def test_why_an_account_takes_nothing_is_told(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    status: int,
    code: int,
    headers: dict[str, str],
    said: str,
) -> None:
    await connect(set_up, account, prowlarr, radarr)
    body = json.dumps({"error": "x", "error_code": code})
    account.fault(
        FaultKind.STATUS, "POST /rest/1.0/torrents/addMagnet", status=status, body=body, headers=headers, times=None
    )
    with pytest.raises(HomeAssistantError, match=said):
        await act(hass, Action.GRAB, query="dune 2")
    assert account.account.torrents == {}


async def test_a_database_that_fails_tells_nothing_of_what_an_account_has(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = await connect(set_up, account, prowlarr, radarr)
    mirror = hub.debriding.accounts[DEBRID_ID]
    await mirror.synchronise(SyncMode.SMART)
    answer, target = await found(hub)
    release = answer.results[0].scored.release

    async def fails(*_: Any, **__: Any) -> Any:
        raise StoreError("locked")

    (before,) = (await hub.grabbing.hands.situation(target, release)).debrids
    assert before.has is False
    monkeypatch.setattr(mirror.store.mirror_view, "torrents", fails)
    (after,) = (await hub.grabbing.hands.situation(target, release)).debrids
    assert after.has is None


async def test_an_account_gets_the_file_of_a_torrent_where_there_is_one(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
) -> None:
    file = make_torrent(b"a film", name="Harbour.mkv")

    async def source(_: Release) -> bytes:
        return file

    prowlarr.source = source
    prowlarr.searches.offers = [each for each in prowlarr.searches.offers if each.indexer.name != "Open Harbour"]
    await connect(set_up, account, prowlarr, radarr)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["way"], answer["info_hash"]) == ("debrid", info_hash(file).lower())
    (request,) = [each for each in account.requests if "/torrents/add" in each.path]
    assert (request.method, request.path.rpartition("/")[2], request.body) == ("PUT", "addTorrent", file)
    assert [each.hash for each in account.account.torrents.values()] == [answer["info_hash"]]
