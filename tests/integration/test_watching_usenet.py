"""Of Usenet only what somebody can fetch is offered: Radarr and Sonarr, with a client for it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.sokoul.acquire.grabbing import MOST_RELEASES
from custom_components.sokoul.model.journal import ActKind, EntryStatus
from custom_components.sokoul.services import Action
from custom_components.sokoul.watchlist.items import PartState
from devstack.dune import add_dune, dune_releases
from devstack.library import Movie
from devstack.releases import INDEXERS, Release, release_of

from .conftest import RADARR_ID, servarr_subentry
from .healing import act
from .test_grab_care import fail, grab
from .test_hub import made
from .test_policy_flow import add_policy
from .test_watching import (  # noqa: F401 -- fixtures
    Scene,
    _no_pause,
    nobody_offers_anything,
    scene,
    tmdb,
    without_arr,
)

(MERIDIAN,) = (site for site in INDEXERS if site.protocol == "usenet")
NAME = "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-POST"


def post(of: Movie) -> Release:
    return release_of(of, name=NAME, indexer=MERIDIAN, size_bytes=9 * 10**9)


def offer_on_usenet(it: Scene, *others: Release) -> None:
    it.prowlarr.searches.offers = [post(add_dune(it.prowlarr.library).second), *others]


def of_radarr(it: Scene, *, finds: bool) -> None:
    """Give Radarr a client for Usenet, and let it find the release itself, or not."""
    it.radarr.download_clients.add("Sabnzbd", "SABnzbd", {"host": "sabnzbd.example", "port": 8080, "apiKey": "key"})
    it.radarr.delays.profiles[1].enable_usenet = True
    if finds:
        it.radarr.releases_for = lambda movie: (post(movie),)  # type: ignore[method-assign]


async def said(it: Scene) -> list[str]:
    """Return why it is not here yet, in words."""
    answer = await act(it.hass, Action.WATCHLIST_LIST)
    (item,) = answer["items"]
    return [each["text"] for each in item["why"]]


NOBODY = "What fits is on Usenet only, and there\u2019s no Radarr with a Usenet client that may download it."


@pytest.mark.parametrize("auto", [None, False, True])
async def test_without_an_arr_nothing_of_usenet_is_offered(
    without_arr: Scene,  # noqa: F811
    *,
    auto: bool | None,
) -> None:
    offer_on_usenet(without_arr)
    wish = await without_arr.add(auto=auto)
    (part,) = wish.parts
    asks = ["watchlist.asks_first"] if auto is None else []
    assert (part.state, part.found, part.release) == (PartState.SEARCHING, 1, "")
    assert [each.key for each in wish.why] == [*asks, "watchlist.no_usenet_client", "watchlist.next_look"]
    assert wish.failed is None
    assert NOBODY in await said(without_arr)


async def test_what_can_be_fetched_is_offered_instead(without_arr: Scene) -> None:  # noqa: F811
    torrents = dune_releases(add_dune(without_arr.prowlarr.library))
    offer_on_usenet(without_arr, *torrents[:1])
    wish = await without_arr.add(auto=False)
    assert (wish.parts[0].state, wish.parts[0].release) == (PartState.OFFERED, torrents[0].title)


def nothing(_: Scene) -> None:
    """Leave Radarr with its client for torrents."""


@pytest.mark.parametrize(
    ("how", "state"),
    [
        (nothing, PartState.SEARCHING),
        (lambda it: of_radarr(it, finds=True), PartState.OFFERED),
    ],
    ids=["without a client for it", "with one"],
)
async def test_what_radarr_could_fetch_is_offered(
    scene: Scene,  # noqa: F811
    how: Callable[[Scene], None],
    state: PartState,
) -> None:
    nobody_offers_anything(scene)
    offer_on_usenet(scene)
    how(scene)
    await scene.hub.refresh(list(scene.hub.backends))
    wish = await scene.add(auto=False)
    assert (wish.parts[0].state, wish.keeper) == (state, None)
    assert (NOBODY in await said(scene)) is (state is PartState.SEARCHING)


@pytest.mark.parametrize("finds", [True, False])
async def test_what_radarr_has_it_has_to_find_itself(scene: Scene, *, finds: bool) -> None:  # noqa: F811
    nobody_offers_anything(scene)
    offer_on_usenet(scene)
    of_radarr(scene, finds=finds)
    await scene.hub.refresh(list(scene.hub.backends))
    wish = await scene.add(auto=True)
    assert wish.keeper is not None
    assert wish.parts[0].state is (PartState.GRABBED if finds else PartState.SEARCHING)
    if not finds:
        assert [each.key for each in wish.why] == ["grab.no_usenet", "watchlist.next_look"]


async def test_what_nobody_can_fetch_takes_no_place_among_what_is_tried(without_arr: Scene) -> None:  # noqa: F811
    torrent = dune_releases(add_dune(without_arr.prowlarr.library))[0]
    offer_on_usenet(without_arr)
    without_arr.prowlarr.library.known_movies.clear()  # of what isn't among the offers there is always something
    offers = without_arr.prowlarr.searches.offers
    names = [NAME.replace("1080p", "2160p").replace("POST", f"POST{number}") for number in range(MOST_RELEASES)]
    offers += [replace(offers[0], title=name, guid=name) for name in names]
    with pytest.raises(HomeAssistantError, match="on Usenet"):
        await act(without_arr.hass, Action.GRAB, query="dune 2")
    offers.append(torrent)
    await act(without_arr.hass, Action.SEARCH, query="dune 2", wait=20, fresh=True)
    answer = await act(without_arr.hass, Action.GRAB, query="dune 2")
    assert (answer["release"], answer["tried"]) == (torrent.title, [])


# --- of titles that no *arr has: nobody adds them for something better, nor for what a grab gets instead --------------


async def with_radarr(it: Scene) -> None:
    """Have a Radarr with a client for Usenet that doesn't have the film, and a post that is better than the rest."""
    add_dune(it.radarr.library)
    of_radarr(it, finds=False)
    it.hass.config_entries.async_add_subentry(it.entry, made(servarr_subentry(it.radarr, RADARR_ID)))
    await it.settle()
    film = add_dune(it.prowlarr.library).second
    best = release_of(film, name=NAME.replace("1080p", "2160p"), indexer=MERIDIAN, size_bytes=25 * 10**9)
    it.prowlarr.searches.offers.append(best)


async def failed_grabs(it: Scene) -> list[str]:
    found = await it.hub.pilot.kernel.journal.find(statuses=[EntryStatus.FAILED], acts=[ActKind.GRAB])
    return [each.label for each in found]


async def test_nothing_better_is_fetched_of_usenet(without_arr: Scene) -> None:  # noqa: F811
    torrents = [each for each in dune_releases(add_dune(without_arr.prowlarr.library)) if "2160p" not in each.title]
    without_arr.prowlarr.searches.offers = torrents
    await add_policy(without_arr.hass, without_arr.entry, {"name": "Best of all", "usual": True, "good_enough": "best"})
    await without_arr.add("Dune 2", auto=True)
    await without_arr.let_it_download()
    await with_radarr(without_arr)
    await without_arr.pass_time(timedelta(hours=27))
    (part,) = without_arr.wish().parts
    assert (part.state, part.looks, part.better) == (PartState.READY, 1, None)
    assert await failed_grabs(without_arr) == []


async def test_nothing_of_usenet_is_fetched_in_place_of_what_failed(without_arr: Scene) -> None:  # noqa: F811
    first, *others = dune_releases(add_dune(without_arr.prowlarr.library))
    without_arr.prowlarr.searches.offers = [first]
    fail(without_arr, await grab(without_arr))
    await with_radarr(without_arr)
    offers = without_arr.prowlarr.searches.offers
    (best,) = offers[1:]
    offers += [replace(best, title=f"{best.title}{number}", guid=f"{number}") for number in range(MOST_RELEASES)]
    await without_arr.pass_time(timedelta(hours=1), 27)
    assert len(without_arr.qbittorrent.torrents) == 1
    assert await failed_grabs(without_arr) == []
    offers += others
    await without_arr.pass_time(timedelta(hours=6), 5)
    assert len(without_arr.qbittorrent.torrents) == 2
