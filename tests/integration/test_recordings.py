"""Who takes recordings from cinemas gets none beside a clean release, whoever asks, and however it goes on."""

from datetime import timedelta

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.items import WishState
from devstack.dune import add_dune, dune_releases
from devstack.qbittorrent_torrent import Swarm

from .healing import act
from .test_policy_flow import add_policy
from .test_watching import Scene, _no_pause, nobody_offers_anything, tmdb, without_arr  # noqa: F401 -- fixtures
from .test_watching_gone import FILM, NOBODY

RECORDING = "Dune.Part.Two.2024.1080p.TELESYNC.x264-TiDE"
TOO_FEW_LINES = "Dune 2 (2024) 720p WEBRip x264 AAC"
CLEAN = "Dune.Part.Two.2024.1080p.BluRay.DTS-HD.MA.5.1.x264-MERiDiAN"
WHY = "There is a clean release already, only not as you want it: lower your minimum, or wait."
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def any_recording(without_arr: Scene) -> Scene:  # noqa: F811
    """Have somebody take recordings from cinemas."""
    usual = {"name": "At once", "usual": True}
    await add_policy(without_arr.hass, without_arr.entry, usual, {"cinema_recordings": True})
    return without_arr


def offer(it: Scene, *names: str) -> None:
    releases = dune_releases(add_dune(it.prowlarr.library))
    nobody_offers_anything(it)
    it.prowlarr.searches.offers = [each for each in releases if each.title in names]
    assert len(it.prowlarr.searches.offers) == len(names)


async def test_a_search_says_why_and_nothing_is_grabbed(any_recording: Scene) -> None:
    offer(any_recording, RECORDING, TOO_FEW_LINES)
    answer = await act(any_recording.hass, Action.SEARCH, query="dune 2", wait=20, limit=50, refused=True)
    clean, recording = answer["results"]
    assert (clean["release"], recording["release"]) == (TOO_FEW_LINES, RECORDING)
    assert [recording["accepted"], recording["refusals"]] == [False, [WHY]]
    with pytest.raises(ServiceValidationError):
        await act(any_recording.hass, Action.GRAB, query="dune 2")
    assert not any_recording.qbittorrent.torrents
    assert (await act(any_recording.hass, Action.GRAB, query="dune 2", minimum="p720"))["release"] == TOO_FEW_LINES


async def test_with_nothing_else_a_recording_is_grabbed(any_recording: Scene) -> None:
    offer(any_recording, RECORDING)
    assert (await act(any_recording.hass, Action.GRAB, query="dune 2"))["release"] == RECORDING


async def test_a_wish_waits_for_what_is_clean(any_recording: Scene) -> None:
    offer(any_recording, RECORDING, TOO_FEW_LINES)
    wish = await any_recording.add("Dune 2", auto=True)
    assert (wish.state, any_recording.qbittorrent.torrents) == (WishState.SEARCHING, {})
    offer(any_recording, RECORDING, TOO_FEW_LINES, CLEAN)
    await any_recording.pass_time(HOUR, 30)
    assert any_recording.torrent.name == CLEAN


async def test_a_wish_for_which_there_is_nothing_else_gets_a_recording(any_recording: Scene) -> None:
    offer(any_recording, RECORDING)
    await any_recording.add("Dune 2", auto=True)
    assert any_recording.torrent.name == RECORDING


async def test_no_recording_follows_a_clean_release_that_fails(any_recording: Scene) -> None:
    offer(any_recording, RECORDING, CLEAN)
    await act(any_recording.hass, Action.GRAB, query="dune 2")
    first = any_recording.torrent
    any_recording.qbittorrent.change(first.hash, has_metadata=True, files=[FILM], swarm=NOBODY)
    await any_recording.pass_time(HOUR, 48)
    assert [each.name for each in any_recording.qbittorrent.torrents.values()] == [CLEAN]


async def test_no_recording_follows_a_better_one(any_recording: Scene) -> None:
    offer(any_recording, TOO_FEW_LINES)
    await any_recording.add("Dune 2", auto=True, minimum=0)
    swarm = Swarm(rate=1e9, seeds=20)
    any_recording.qbittorrent.change(any_recording.torrent.hash, has_metadata=True, files=[FILM], swarm=swarm)
    await any_recording.pass_time(timedelta(minutes=1), 5)
    assert any_recording.wish().state is WishState.READY
    offer(any_recording, RECORDING)
    await any_recording.pass_time(HOUR, 48)
    assert any_recording.torrent.name == TOO_FEW_LINES
    offer(any_recording, RECORDING, CLEAN)
    await any_recording.pass_time(DAY, 10)
    assert [each.name for each in any_recording.qbittorrent.torrents.values()] == [TOO_FEW_LINES, CLEAN]
