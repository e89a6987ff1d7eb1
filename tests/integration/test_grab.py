"""`sokoul.grab` in Home Assistant: from a search to a download, written down, told, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events
import voluptuous as vol

from custom_components.sokoul import grab_hands
from custom_components.sokoul.acquire.grabbing import Aim, Trace
from custom_components.sokoul.acquire.links import MAX_TORRENT_BYTES, Payload
from custom_components.sokoul.autopilot.guards.vpn_types import VpnState
from custom_components.sokoul.clients import real_debrid
from custom_components.sokoul.clients.errors import CannotConnect
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid.retrying import Repair, Step
from custom_components.sokoul.grab_hands import TAG, HubGrabHands
from custom_components.sokoul.grabbing import EVENT_GRABBED
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.debrid_mirror import SyncMode
from custom_components.sokoul.search_policies import CONF_POLICY, POLICY
from custom_components.sokoul.services import Action
from devstack.clock import ManualClock
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.prowlarr_search import Searches
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import SimulatedFile, Swarm
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.releases import Release
from devstack.sonarr import SonarrSimulator
from devstack.torrents import info_hash, make_torrent

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    SONARR_ID,
    USERNAME,
    PassTime,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
    until,
)
from .healing import act

BEST = "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT"
#: 20 TB, whatever its indexer says.
LARGER_THAN_SAID = (
    b"d4:infod6:lengthi20000000000000e4:name5:a.mkv12:piece lengthi16777216e6:pieces20:" + b"x" * 20 + b"ee"
)


DEBRID_ID = "01SOKOULDEBRID000000000000"


def debrid_subentry() -> ConfigSubentryDataWithId:
    return ConfigSubentryDataWithId(
        subentry_id=DEBRID_ID,
        subentry_type="real_debrid",
        title="Account",
        unique_id="real_debrid:1001",
        data={"connection": {"username": "1001", "api_key": API_TOKEN}, "preferences": {"requests_per_minute": 250}},
    )


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(_: HubGrabHands) -> None:
        return

    monkeypatch.setattr(HubGrabHands, "pause", pause)


@dataclass
class Programs:
    """What is connected."""

    radarr: RadarrSimulator
    prowlarr: ProwlarrSimulator
    qbittorrent: QbittorrentSimulator
    hub: Hub


@pytest.fixture
async def programs(
    radarr: RadarrSimulator, prowlarr: ProwlarrSimulator, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> Programs:
    """Connect everything; nobody has the second Dune yet."""
    add_dune(radarr.library)
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent)
    )
    return Programs(radarr, prowlarr, qbittorrent, entry.runtime_data)


async def search(hass: HomeAssistant, query: str = "dune 2", **data: Any) -> list[dict[str, Any]]:
    answer = await act(hass, Action.SEARCH, query=query, wait=20, limit=50, **data)
    results: list[dict[str, Any]] = answer["results"]
    return results


# --- to a torrent client ---------------------------------------------------------------------------------------------


async def test_the_best_of_a_search_is_downloaded(hass: HomeAssistant, programs: Programs) -> None:
    events = async_capture_events(hass, EVENT_GRABBED)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert answer["release"] == BEST
    assert (answer["status"], answer["way"], answer["backend"]) == ("done", "client", "qBittorrent")
    assert (answer["text"], answer["tried"], answer["can_undo"]) == (f"qBittorrent downloads “{BEST}”.", [], True)
    torrent = programs.qbittorrent.torrents[answer["info_hash"]]
    assert (torrent.category, torrent.tags) == (DOMAIN, {TAG})
    assert [event.data["entry_id"] for event in events] == [answer["entry_id"]]
    assert events[0].data["title"] == "Dune: Part Two (2024)"
    journal = await act(hass, Action.GET_JOURNAL)
    (entry,) = [each for each in journal["entries"] if each["act"] == "grab"]
    assert (entry["rule_name"], entry["can_undo"]) == ("What you have downloaded", True)
    assert entry["undo_until"] is None, "for as long as one likes"
    assert entry["text"] == f"Dune: Part Two (2024) was asked for. qBittorrent downloads “{BEST}”."
    assert programs.prowlarr.api_key not in json.dumps([answer, journal])
    shown = (await act(hass, Action.LIST_DOWNLOADS, search="Dune.Part.Two"))["downloads"]
    assert [each["hash"] for each in shown] == [answer["info_hash"]], "it shows at once"


async def test_nothing_below_what_was_asked_for_is_downloaded(hass: HomeAssistant, programs: Programs) -> None:
    offers = programs.prowlarr.searches.offers
    offers[:] = [each for each in offers if "2160p" not in each.title]
    with pytest.raises(HomeAssistantError):
        await act(hass, Action.GRAB, query="dune 2", minimum="p2160")
    assert not programs.qbittorrent.torrents
    answer = await act(hass, Action.GRAB, query="dune 2", minimum="p1080")
    assert "1080p" in answer["release"]


async def test_a_result_of_a_search_is_downloaded_and_taken_back(hass: HomeAssistant, programs: Programs) -> None:
    chosen = (await search(hass))[2]
    answer = await act(hass, Action.GRAB, result=chosen["id"])
    assert answer["release"] == chosen["release"]
    torrent = programs.qbittorrent.torrents[answer["info_hash"]]
    assert torrent.name
    undone = await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert (undone["status"], undone["result"]["text"]) == ("undone", "It\u2019s taken back.")
    assert answer["info_hash"] not in programs.qbittorrent.torrents
    with pytest.raises(HomeAssistantError):
        await act(hass, Action.UNDO, entry_id=answer["entry_id"])


async def test_whoever_takes_the_tag_away_has_plans_with_it(hass: HomeAssistant, programs: Programs) -> None:
    answer = await act(hass, Action.GRAB, query="dune 2")
    programs.qbittorrent.change(answer["info_hash"], tags=set())
    with pytest.raises(HomeAssistantError, match="taken it in hand"):
        await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert answer["info_hash"] in programs.qbittorrent.torrents
    journal = await act(hass, Action.GET_JOURNAL)
    assert journal["entries"][0]["status"] == "done", "it stays as it was"


async def test_a_dry_run_does_nothing(hass: HomeAssistant, programs: Programs) -> None:
    answer = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert answer["status"] == "planned"
    assert answer["plan"][0]["release"] == BEST
    assert len(answer["plan"]) == 3
    assert answer["plan"][0]["ways"] == [
        {"way": "client", "backend": "qBittorrent", "text": "qBittorrent can download it."}
    ]
    assert programs.qbittorrent.torrents == {}
    assert (await act(hass, Action.GET_JOURNAL))["entries"] == []


async def test_what_is_there_already_is_left_alone(hass: HomeAssistant, programs: Programs) -> None:
    await act(hass, Action.GRAB, query="dune 2")
    again = await act(hass, Action.GRAB, query="dune 2")
    assert (again["status"], again["result"], again["can_undo"]) == ("done", "already_there", False)
    assert len(programs.qbittorrent.torrents) == 1
    results = await search(hass, fresh=True)
    here = next(each for each in results if each["here"])
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.GRAB, result=here["id"])
    assert raised.value.translation_key == "grab_already_here"


async def test_the_next_best_is_taken_where_an_indexer_fails(hass: HomeAssistant, programs: Programs) -> None:
    only_links(programs)
    results = await search(hass)
    best, *others = results
    numbers = {each.name: number for number, each in programs.prowlarr.indexers.items.items()}
    programs.prowlarr.refusing_grabs |= {numbers[name] for name in best["indexers"]}
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert answer["release"] in {each["release"] for each in others}
    assert answer["tried"][0]["release"] == best["release"]
    assert "status 409" in answer["tried"][0]["text"]
    assert len(programs.qbittorrent.torrents) == 1
    with pytest.raises(HomeAssistantError, match="status 409"):  # who names one gets that or none
        await act(hass, Action.GRAB, result=best["id"])


def only_links(programs: Programs) -> None:
    """Leave out the one indexer that tells hashes, so that nothing but links leads to releases."""
    searches = programs.prowlarr.searches
    searches.offers = [each for each in searches.offers if each.indexer.name != "Open Harbour"]


@pytest.mark.parametrize("private", [True, False])
async def test_the_hash_of_a_private_tracker_is_given_to_nobody(
    hass: HomeAssistant, programs: Programs, monkeypatch: pytest.MonkeyPatch, *, private: bool
) -> None:
    """Its link is the only way: whoever gets the hash alone asks strangers for it."""
    prowlarr = programs.prowlarr
    name = "NorthgateHD" if private else "Tin Can Torrents"
    prowlarr.searches.offers = [each for each in prowlarr.searches.offers if each.indexer.name == name]
    prowlarr.refusing_grabs |= set(prowlarr.indexers.items)
    result = Searches._result

    def with_hash(self: Searches, request: Any, release: Release, provider: Any) -> Any:
        return result(self, request, release, provider) | {"infoHash": release.info_hash, "magnetUrl": None}

    monkeypatch.setattr(Searches, "_result", with_hash)
    if private:
        with pytest.raises(HomeAssistantError, match="status 409"):
            await act(hass, Action.GRAB, query="dune 2")
    else:
        answer = await act(hass, Action.GRAB, query="dune 2")
        assert (answer["status"], answer["tried"]) == ("done", [])
    assert len(programs.qbittorrent.torrents) == (0 if private else 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("http://192.168.1.1/admin?reboot=1", "leads into your own network"),
        ("http://localhost:8123/", "leads into your own network"),
        ("file:///etc/passwd", "neither a web address nor a magnet"),
        ("magnet:?dn=nothing", "that isn\u2019t a torrent"),
        (b"<html>log in</html>", "that isn\u2019t a torrent"),
        (b"d" + b"l" * 5_000, "that isn\u2019t a torrent"),
        (b"x" * (MAX_TORRENT_BYTES + 1), "far too large"),
        (LARGER_THAN_SAID, "has no room for it"),
    ],
    ids=["router", "home", "file", "no hash", "page", "deep", "huge", "larger than said"],
)
async def test_hostile_links_lead_nowhere(
    hass: HomeAssistant, programs: Programs, content: str | bytes, said: str
) -> None:
    async def source(_: Release) -> str | bytes:
        return content

    programs.prowlarr.source = source
    only_links(programs)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.GRAB, query="dune 2")
    assert said in raised.value.translation_placeholders["reason"]  # type: ignore[index]
    assert programs.qbittorrent.torrents == {}
    assert programs.prowlarr.api_key not in json.dumps(await act(hass, Action.GET_JOURNAL))


async def test_links_that_let_us_wait_hold_nothing_up(
    hass: HomeAssistant, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grab_hands, "LINKS_SECONDS", 0.05)
    over = asyncio.Event()

    async def source(_: Release) -> str:
        await over.wait()
        return "magnet:?dn=nothing"

    programs.prowlarr.source = source
    only_links(programs)
    try:
        with pytest.raises(HomeAssistantError) as raised:
            await act(hass, Action.GRAB, query="dune 2")
    finally:
        over.set()
    assert raised.value.translation_placeholders == {
        "title": "Dune: Part Two (2024)",
        "reason": "Its link couldn\u2019t be fetched.",
    }


async def test_a_link_leads_to_no_backend_but_indexers(hass: HomeAssistant, programs: Programs) -> None:
    async def source(_: Release) -> str:
        return f"{programs.radarr.url}/hostile"

    programs.prowlarr.source = source
    only_links(programs)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.GRAB, query="dune 2")
    assert "leads into your own network" in raised.value.translation_placeholders["reason"]  # type: ignore[index]


async def test_a_torrent_file_is_taken_as_it_is(hass: HomeAssistant, programs: Programs) -> None:
    file = make_torrent(b"a film", name="Harbour.mkv")

    async def source(_: Release) -> bytes:
        return file

    programs.prowlarr.source = source
    only_links(programs)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert answer["info_hash"] == info_hash(file).lower()
    assert programs.qbittorrent.torrents[answer["info_hash"]].has_metadata


async def test_a_link_that_a_person_brings_is_downloaded(hass: HomeAssistant, programs: Programs) -> None:
    link = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=Dune.Part.Two.2024.1080p.WEB-DL.H264-GRP&ws=http://192.168.1.1/"
    answer = await act(hass, Action.GRAB, query=link)
    assert answer["info_hash"] == "ab" * 20
    assert "ab" * 20 in programs.qbittorrent.torrents


async def test_an_answer_that_is_cut_off_is_looked_after(hass: HomeAssistant, programs: Programs) -> None:
    programs.qbittorrent.fault(FaultKind.TRUNCATE, "POST /api/v2/torrents/add")
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["tried"], len(programs.qbittorrent.torrents)) == ("done", [], 1)


async def test_it_goes_on_when_nobody_waits_any_more(hass: HomeAssistant, programs: Programs) -> None:
    events = async_capture_events(hass, EVENT_GRABBED)
    client = programs.hub.backends[QBITTORRENT_ID].client
    add, reached, go_on = client.add, asyncio.Event(), asyncio.Event()

    async def slow_add(*args: Any, **values: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await add(*args, **values)

    client.add = slow_add
    asked = hass.async_create_task(act(hass, Action.GRAB, query="dune 2"))
    await reached.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    go_on.set()
    await until(lambda: events)
    assert [event.data["status"] for event in events] == ["done"]
    assert len(programs.qbittorrent.torrents) == 1


async def test_what_nobody_can_tell_is_settled_later(
    hass: HomeAssistant, programs: Programs, pass_time: PassTime
) -> None:
    events = async_capture_events(hass, EVENT_GRABBED)

    async def lost(*_: Any, **__: Any) -> Any:
        raise CannotConnect("cut")

    client = programs.hub.backends[QBITTORRENT_ID].client
    add = client.add

    async def add_and_fall_silent(*args: Any, **values: Any) -> Any:
        await add(*args, **values)
        client.torrent = lost
        raise CannotConnect("cut")

    client.add = add_and_fall_silent
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["result"]) == ("running", "unclear")
    del client.torrent, client.add
    await pass_time(timedelta(minutes=2))
    entry = (await act(hass, Action.GET_JOURNAL))["entries"][0]
    assert (entry["status"], entry["can_undo"]) == ("done", True)
    assert len(programs.qbittorrent.torrents) == 1
    assert [event.data["status"] for event in events] == ["running", "done"]


async def test_a_restart_finds_out_what_became_of_it(
    hass: HomeAssistant, programs: Programs, pass_time: PassTime
) -> None:
    """The process ends between the note and the answer."""
    entry = hass.config_entries.async_entries(DOMAIN)[0]
    client = programs.hub.backends[QBITTORRENT_ID].client
    add, stuck = client.add, asyncio.Event()

    async def add_and_end(*args: Any, **values: Any) -> Any:
        await add(*args, **values)
        await stuck.wait()

    client.add = add_and_end
    asked = hass.async_create_task(act(hass, Action.GRAB, query="dune 2"))
    await until(lambda: programs.qbittorrent.torrents)
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises((asyncio.CancelledError, HomeAssistantError)):
        await asked
    assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(timedelta(minutes=2))
    found = (await act(hass, Action.GET_JOURNAL))["entries"][0]
    assert (found["act"], found["status"], found["can_undo"]) == ("grab", "done", True)
    assert len(programs.qbittorrent.torrents) == 1


async def test_what_is_paused_downloads_it_with_the_rest(hass: HomeAssistant, programs: Programs) -> None:
    await act(hass, Action.PAUSE)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["result"]) == ("done", "taken_later")
    torrent = programs.qbittorrent.torrents[answer["info_hash"]]
    assert torrent.stopped
    await act(hass, Action.RESUME)
    assert not torrent.stopped


@pytest.mark.parametrize(
    ("state", "stop", "shelter"),
    [
        (VpnState.SAFE, False, "safe"),
        (VpnState.CONTAINED, False, "safe"),
        (VpnState.UNVERIFIED, False, "unproven"),
        (VpnState.UNVERIFIED, True, "unsafe"),
        (VpnState.DOWN, True, "unsafe"),
        (VpnState.LEAKING, True, "unsafe"),
        (VpnState.DOUBTFUL, True, "unsafe"),
        (VpnState.UNKNOWN, False, "unsafe"),
        (None, False, "unsafe"),
    ],
)
async def test_a_vpn_that_is_not_safe_keeps_its_client_out(
    hass: HomeAssistant, programs: Programs, *, state: VpnState | None, stop: bool, shelter: str
) -> None:
    verdict = SimpleNamespace(state=state, stop=stop) if state is not None else None
    guard = SimpleNamespace(verdict=verdict, guards=True, on=True)
    with patch.object(programs.hub.guarding, "clients", {QBITTORRENT_ID: guard}):
        plan = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
        (place,) = programs.hub.grabbing.hands._clients()
    assert place.shelter == shelter
    assert bool(plan["plan"][0]["ways"]) is (shelter != "unsafe")
    assert plan["plan"][0]["against"] == (["The VPN of qBittorrent isn\u2019t safe."] if shelter == "unsafe" else [])


async def test_what_was_found_long_ago_is_asked_for_again(
    hass: HomeAssistant, programs: Programs, pass_time: PassTime
) -> None:
    """Prowlarr and the *arrs forget what they found after half an hour, and links are kept nowhere."""
    only_links(programs)
    chosen = (await search(hass))[0]
    await pass_time(timedelta(minutes=20), 3)
    before = len([each for each in programs.prowlarr.requests if "/search" in str(each)])
    answer = await act(hass, Action.GRAB, result=chosen["id"])
    assert (answer["status"], answer["release"]) == ("done", chosen["release"])
    assert len([each for each in programs.prowlarr.requests if "/search" in str(each)]) > before


async def test_who_has_no_say_is_refused(
    hass: HomeAssistant, programs: Programs, hass_read_only_user: MockUser
) -> None:
    with pytest.raises(Unauthorized):
        await act(hass, Action.GRAB, context=Context(user_id=hass_read_only_user.id), query="dune 2")
    assert programs.qbittorrent.torrents == {}


async def test_without_a_database_nothing_is_downloaded(hass: HomeAssistant, programs: Programs) -> None:
    await programs.hub.pilot.stop()
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.GRAB, query="dune 2")
    assert raised.value.translation_key == "autopilot_off"
    assert programs.qbittorrent.torrents == {}


async def test_a_hostile_name_is_shown_as_one_line(hass: HomeAssistant, programs: Programs) -> None:
    """Names come from strangers: no escape sequence, no line break and no template leaves here as it came."""
    events = async_capture_events(hass, EVENT_GRABBED)
    name = "Dune.Part.Two.2024.1080p.WEB-DL.H264\x1b[31m\n{{ states('x') }}<script>-GRP"
    link = f"magnet:?xt=urn:btih:{'cd' * 20}&dn={quote(name)}"
    answer = await act(hass, Action.GRAB, query=link)
    assert answer["info_hash"] == "cd" * 20
    for shown in (answer["release"], answer["text"], events[0].data["release"]):
        assert shown.isprintable()
    (torrent,) = programs.qbittorrent.torrents.values()
    assert torrent.name.isprintable()


async def test_what_cannot_be_meant_is_said(hass: HomeAssistant, programs: Programs) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.GRAB, result="never.was")
    assert raised.value.translation_key == "no_such_result"
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.GRAB, query="nobody made this", wait=5)
    assert raised.value.translation_key == "nothing_to_grab"
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.GRAB)
    assert raised.value.translation_key == "nothing_to_look_for"
    with pytest.raises(vol.Invalid):
        await act(hass, Action.GRAB, query="dune 2", result="a.b")
    assert programs.qbittorrent.torrents == {}


async def test_a_client_that_refuses_is_told_of(hass: HomeAssistant, programs: Programs) -> None:
    programs.qbittorrent.fault(FaultKind.STATUS, "POST /api/v2/torrents/add", status=403)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.GRAB, query="dune 2")
    assert raised.value.translation_key == "grab_failed"
    assert programs.qbittorrent.torrents == {}
    entry = (await act(hass, Action.GET_JOURNAL))["entries"][0]
    assert (entry["status"], entry["can_undo"]) == ("failed", False)


# --- through an *arr -------------------------------------------------------------------------------------------------


async def test_a_title_of_radarr_goes_through_radarr(hass: HomeAssistant, programs: Programs) -> None:
    movie = next(each for each in programs.radarr.library.movies.values() if each.file is None and each.monitored)
    results = await search(hass, f"tmdb:{movie.tmdb_id}", refused=True)
    chosen = next(each for each in results if each["accepted"])
    answer = await act(hass, Action.GRAB, result=chosen["id"])
    assert (answer["status"], answer["way"], answer["backend"]) == ("done", "arr", "Radarr")
    (item,) = programs.radarr.queue.items
    assert item.title == chosen["release"]
    torrent = programs.qbittorrent.torrents[(item.download_id or "").lower()]
    assert torrent.category == "radarr"
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert programs.radarr.queue.items == []
    assert programs.qbittorrent.torrents == {}
    assert not programs.radarr.blocklist.items


async def test_where_radarr_cannot_its_client_does_in_its_category(hass: HomeAssistant, programs: Programs) -> None:
    movie = next(each for each in programs.radarr.library.movies.values() if each.file is None and each.monitored)
    results = await search(hass, f"tmdb:{movie.tmdb_id}", refused=True)
    programs.radarr.fault(FaultKind.STATUS, "POST /api/v3/release", status=409)
    chosen = next(each for each in results if each["accepted"])
    answer = await act(hass, Action.GRAB, result=chosen["id"])
    assert (answer["status"], answer["way"]) == ("done", "client")
    assert [each["backend"] for each in answer["tried"]] == [RADARR_ID]
    assert programs.qbittorrent.torrents[answer["info_hash"]].category == "radarr"


async def test_an_episode_goes_through_sonarr(
    hass: HomeAssistant, sonarr: SonarrSimulator, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> None:
    sonarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="tv-sonarr")
    await set_up(servarr_subentry(sonarr, SONARR_ID), qbittorrent_subentry(qbittorrent))
    series, missing = next(
        (series, episode)
        for series in sonarr.library.series.values()
        for episode in series.episodes
        if episode.file is None and episode.season > 0 and episode.aired(sonarr.clock.now())
    )
    numbers = {"season": missing.season, "episode": missing.number}
    results = await search(hass, f"tvdb:{series.tvdb_id}", refused=True, **numbers)
    chosen = next(each for each in results if each["accepted"])
    answer = await act(hass, Action.GRAB, result=chosen["id"])
    assert (answer["status"], answer["way"], answer["backend"]) == ("done", "arr", "Sonarr")
    (item,) = [each for each in sonarr.queue.items if each.title == chosen["release"]]
    assert missing in item.wanted
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert item not in sonarr.queue.items
    assert qbittorrent.torrents == {}


async def test_dune_2_from_the_words_to_the_library(
    hass: HomeAssistant, programs: Programs, pass_time: PassTime
) -> None:
    """Searched, identified, ranked, added, grabbed, downloaded, imported."""
    answer = await act(hass, Action.GRAB, query="dune 2", add=True)
    assert (answer["status"], answer["way"], answer["title"]) == ("done", "client", "Dune: Part Two (2024)")
    (movie,) = [each for each in programs.radarr.library.movies.values() if each.tmdb_id == 693134]
    assert movie.monitored
    assert not any(each.wanted is movie for each in programs.radarr.history.events), "Radarr was not told to search"
    torrent = programs.qbittorrent.torrents[answer["info_hash"]]
    assert torrent.category == "radarr"
    film = SimulatedFile(path=f"{answer['release']}.mkv", size_bytes=24_800_000_000)
    programs.qbittorrent.change(torrent.hash, has_metadata=True, files=[film], swarm=Swarm(rate=1e9, seeds=20))
    await pass_time(timedelta(minutes=1), 5)
    assert torrent.finished
    assert movie.file is not None, "it is in the library"
    with pytest.raises(HomeAssistantError, match="in the library"):
        await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert movie.file is not None
    assert torrent.hash in programs.qbittorrent.torrents


async def test_a_title_that_was_added_leaves_with_what_was_grabbed(hass: HomeAssistant, programs: Programs) -> None:
    answer = await act(hass, Action.GRAB, query="dune 2", add=True)
    assert any(each.tmdb_id == 693134 for each in programs.radarr.library.movies.values())
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert not any(each.tmdb_id == 693134 for each in programs.radarr.library.movies.values())
    assert programs.qbittorrent.torrents == {}


async def test_a_title_that_was_added_in_vain_leaves_again(hass: HomeAssistant, programs: Programs) -> None:
    programs.qbittorrent.fault(FaultKind.STATUS, "POST /api/v2/torrents/add", status=403)
    with pytest.raises(HomeAssistantError, match="has left Radarr again"):
        await act(hass, Action.GRAB, query="dune 2", add=True)
    assert not any(each.tmdb_id == 693134 for each in programs.radarr.library.movies.values())
    entry = (await act(hass, Action.GET_JOURNAL))["entries"][0]
    assert entry["status"] == "failed"
    assert entry["text"].endswith("The title that was added for it has left Radarr again.")


async def test_a_title_that_somebody_else_uses_by_now_stays(
    hass: HomeAssistant, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = HubGrabHands.take

    async def slow(self: HubGrabHands, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        """Meanwhile Radarr itself grabs a release of it."""
        movie = next(each for each in programs.radarr.library.movies.values() if each.tmdb_id == 693134)
        if not programs.radarr.queue.items:
            await programs.radarr.grabbing.grab(next(iter(programs.radarr.releases_for(movie))), (movie,))
            programs.qbittorrent.fault(FaultKind.STATUS, "POST /api/v2/torrents/add", status=403)
        return await take(self, aim, trace, payload)

    monkeypatch.setattr(HubGrabHands, "take", slow)
    with pytest.raises(HomeAssistantError, match="stays in the library"):
        await act(hass, Action.GRAB, query="dune 2", add=True)
    assert any(each.tmdb_id == 693134 for each in programs.radarr.library.movies.values())


async def test_room_that_others_will_take_is_not_counted(hass: HomeAssistant, programs: Programs) -> None:
    programs.qbittorrent.engine.weather.free_bytes = 100e9
    film = SimulatedFile(path="Some.Film.2020.mkv", size_bytes=90_000_000_000)
    torrent = programs.qbittorrent.add_torrent("Some.Film.2020", "stalled")
    programs.qbittorrent.change(torrent.hash, files=[film])
    await programs.hub.backends[QBITTORRENT_ID].async_refresh()
    with pytest.raises(HomeAssistantError, match="for what is on its way"):
        await act(hass, Action.GRAB, query="dune 2")
    assert list(programs.qbittorrent.torrents) == [torrent.hash]


async def test_how_it_is_added_can_be_said(hass: HomeAssistant, programs: Programs) -> None:
    with pytest.raises(HomeAssistantError, match="no quality profile"):
        await act(hass, Action.GRAB, query="dune 2", add=True, profile="Cinema")
    with pytest.raises(HomeAssistantError, match="no such folder"):
        await act(hass, Action.GRAB, query="dune 2", add=True, root_folder="/nowhere")
    assert programs.qbittorrent.torrents == {}
    profile = next(iter(programs.radarr.library.profiles.values()))
    await act(hass, Action.GRAB, query="dune 2", add=True, profile=profile.name.upper())
    (movie,) = [each for each in programs.radarr.library.movies.values() if each.tmdb_id == 693134]
    assert movie.profile_id == profile.id


# --- to a debrid account ---------------------------------------------------------------------------------------------


@pytest.fixture
async def account(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, prowlarr: ProwlarrSimulator, radarr: RadarrSimulator
) -> AsyncIterator[RealDebridSimulator]:
    """Open an account; Prowlarr has Dune, and Radarr knows it and has it not."""
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(real_debrid, "BASE_URL", simulator.url)
        add_dune(radarr.library)
        prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
        yield simulator


async def connect(
    set_up: SetUp, account: RealDebridSimulator, prowlarr: ProwlarrSimulator, radarr: RadarrSimulator, *more: Any
) -> Hub:
    entry = await set_up(
        debrid_subentry(), servarr_subentry(prowlarr, PROWLARR_ID), servarr_subentry(radarr, RADARR_ID), *more
    )
    hub: Hub = entry.runtime_data
    return hub


@pytest.mark.parametrize("order", [("repair", "grab"), ("grab", "repair")])
@pytest.mark.parametrize(("step", "status"), [(Step.FETCHING, "done"), (Step.ADDING, "running")])
async def test_what_a_repair_added_is_not_taken_for_what_an_unclear_grab_did(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    order: tuple[str, str],
    step: Step,
    status: str,
) -> None:
    """The answer was lost, and both a repair's entry and the grab's are there when it is looked."""
    hub = await connect(set_up, account, prowlarr, radarr)
    offered = next(each for each in prowlarr.searches.offers if each.title == BEST)
    found_hash, added = offered.info_hash.lower(), dict[str, str]()
    repairs = hub.debrid_repairs.account(DEBRID_ID)
    assert repairs is not None
    client = hub.backends[DEBRID_ID].client
    add = client.add_magnet

    async def add_and_fall_silent(*_args: Any, **_values: Any) -> Any:
        client.add_magnet = add
        for who in order:
            torrent = account.account.add(found_hash, BEST)
            account.account.turn(torrent, "downloaded")
            added[who] = torrent.id
        now = dt_util.utcnow()
        known = (added["grab"],) if order[0] == "grab" else ()
        noted = Repair(
            hash=found_hash, label="", trouble="error", created_at=now, due_at=now + timedelta(days=1), step=step,
            known_ids=known, our_ids=(added["repair"],) if step is Step.FETCHING else (),
        )  # fmt: skip
        await repairs.repairer._save(noted)
        raise CannotConnect("cut")

    client.add_magnet = client.add_torrent = add_and_fall_silent
    answer = await act(hass, Action.GRAB, query="dune 2")
    if step is Step.ADDING and order[0] == "grab":
        status = "done"  # it was there before the repair may have added any
    assert answer["status"] == status
    if status == "done":
        await act(hass, Action.UNDO)
        assert set(account.account.torrents) == {added["repair"]}


async def test_an_account_fetches_what_nobody_else_can(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    qbittorrent.engine.weather.free_bytes = 10e9
    await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent))
    plan = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert [each["way"] for each in plan["plan"][0]["ways"]] == ["debrid"]
    assert "has no room for it" in plan["plan"][0]["against"][0]
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["way"], answer["backend_id"]) == ("done", "debrid", DEBRID_ID)
    (torrent,) = account.account.torrents.values()
    assert torrent.hash == answer["info_hash"]
    assert torrent.status != "waiting_files_selection", "its files are selected"
    assert qbittorrent.torrents == {}
    again = await act(hass, Action.GRAB, query="dune 2")
    assert (again["result"], len(account.account.torrents)) == ("already_there", 1)
    await act(hass, Action.UNDO, entry_id=answer["entry_id"])
    assert account.account.torrents == {}


async def test_an_account_that_has_it_goes_first(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    offered = next(each for each in prowlarr.searches.offers if each.title == BEST)
    torrent = account.account.add(offered.info_hash.lower(), BEST)
    account.account.turn(torrent, "downloaded")
    hub = await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent))
    await hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    plan = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert plan["plan"][0]["release"] == BEST
    assert [each["text"] for each in plan["plan"][0]["ways"]] == [
        "Account has it already.", "qBittorrent can download it.",
    ]  # fmt: skip
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["way"], answer["result"], answer["can_undo"]) == ("debrid", "already_there", False)
    assert (len(account.account.torrents), qbittorrent.torrents) == (1, {})


async def test_what_is_far_down_a_long_list_is_not_added_twice(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is on another page than the newest ones."""
    monkeypatch.setattr(grab_hands, "MAX_PAGE", 3)
    offered = next(each for each in prowlarr.searches.offers if each.title == BEST)
    torrent = account.account.add(offered.info_hash.lower(), BEST)
    account.account.turn(torrent, "downloaded")
    account.account.fill(7)
    hub = await connect(set_up, account, prowlarr, radarr)
    await hub.debriding.accounts[DEBRID_ID].synchronise(SyncMode.SMART)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["way"], answer["result"]) == ("debrid", "already_there")
    assert len(account.account.torrents) == 8
    account.account.delete(torrent.id)  # which the mirror doesn't know yet
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert (answer["status"], answer["result"], answer["release"]) == ("done", "taken_debrid", BEST)


async def test_what_is_repaired_at_the_same_moment_is_not_added_twice(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The account didn't have it when the grab looked; a repair of the same torrent was just about to add it."""
    hub = await connect(set_up, account, prowlarr, radarr)
    looked, look = asyncio.Event(), HubGrabHands.prepare

    async def prepare(self: HubGrabHands, aim: Aim, trace: Trace, payload: Payload | None) -> Trace:
        prepared = await look(self, aim, trace, payload)
        looked.set()
        return prepared

    monkeypatch.setattr(HubGrabHands, "prepare", prepare)
    repairs = hub.debrid_repairs.account(DEBRID_ID)
    assert repairs is not None
    offered = next(each for each in prowlarr.searches.offers if each.title == BEST)
    async with repairs.repairer.alone():
        grab = hass.async_create_task(act(hass, Action.GRAB, query="dune 2"))
        await looked.wait()
        torrent = account.account.add(offered.info_hash.lower(), BEST)
        account.account.turn(torrent, "downloaded")
    answer = await grab
    assert (answer["way"], answer["result"], answer["can_undo"]) == ("debrid", "already_there", False)
    assert list(account.account.torrents.values()) == [torrent]


async def test_what_a_repair_may_have_added_is_not_added_beside_it(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
) -> None:
    """Its request got no answer, and may be carried out at any moment."""
    hub = await connect(set_up, account, prowlarr, radarr)
    repairs = hub.debrid_repairs.account(DEBRID_ID)
    assert repairs is not None
    offered = next(each for each in prowlarr.searches.offers if each.title == BEST)
    found_hash, now = offered.info_hash.lower(), dt_util.utcnow()
    assert await repairs.noted(found_hash) is None
    noted = Repair(hash=found_hash, label="", trouble="error", created_at=now, due_at=now + timedelta(minutes=1))
    await repairs.repairer._save(replace(noted, step=Step.ADDING, added_at=now))
    await act(hass, Action.GRAB, query="dune 2")
    assert found_hash not in {each.hash for each in account.account.torrents.values()}


async def test_a_person_says_who_downloads(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    hub = await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent))
    device = hub.backends[DEBRID_ID].device_id
    answer = await act(hass, Action.GRAB, query="dune 2", device_id=device)
    assert (answer["way"], len(account.account.torrents), qbittorrent.torrents) == ("debrid", 1, {})
    with pytest.raises(HomeAssistantError, match="where you want it"):
        await act(hass, Action.GRAB, query="dune 2", device_id=[hub.backends[PROWLARR_ID].device_id])


async def test_a_policy_says_who_downloads(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> None:
    mine = ConfigSubentryDataWithId(
        subentry_id="01SOKOULPOLICY000000000000",
        subentry_type=POLICY,
        title="Debrid",
        unique_id=None,
        data={CONF_POLICY: {"fetch_by": ["cached", "debrid"]}, "usual": False},
    )
    await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent), mine)
    usual = await act(hass, Action.GRAB, query="dune 2", dry_run=True)
    assert [each["way"] for each in usual["plan"][0]["ways"]] == ["client", "debrid"]
    answer = await act(hass, Action.GRAB, query="dune 2", policy="Debrid")
    assert (answer["way"], len(account.account.torrents), qbittorrent.torrents) == ("debrid", 1, {})


async def test_what_an_account_refuses_the_next_one_gets(
    hass: HomeAssistant,
    set_up: SetUp,
    account: RealDebridSimulator,
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
) -> None:
    await connect(set_up, account, prowlarr, radarr)
    body = json.dumps({"error": "infringing_file", "error_code": 35})
    account.fault(FaultKind.STATUS, "POST /rest/1.0/torrents/addMagnet", status=451, body=body, times=1)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert answer["status"] == "done"
    assert len(account.account.torrents) == 1
